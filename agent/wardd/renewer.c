// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Renewing policies: whenever a vault may have been unlocked, at SIGHUP, and once a day. It
 * reads programs and asks dpkg, so it is a process of its own: wardd --renew-policies. (dpkg
 * itself starts wardctl policy renew when it has replaced programs.)
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../lib/conf.h"
#include "../lib/renew.h"
#include "wardd.h"

#define EVERY	86400000000ULL		/* microseconds */
#define SLACK	60000000ULL
#define PATIENCE	600	/* seconds, for others who work on a vault */

/**
 * struct wardd_renewer - the renewals
 * @loop: the daemon's
 * @timer: for the next day
 * @child: the one that runs, or NULL
 * @pid: its process
 * @again: another one is to follow
 */
struct wardd_renewer {
	sd_event *loop;
	sd_event_source *timer;
	sd_event_source *child;
	pid_t pid;
	bool again;
};

static int ended(sd_event_source *source, const siginfo_t *info, void *arg)
{
	struct wardd_renewer *r = arg;

	(void)source;
	if (info->si_code != CLD_EXITED)
		wardd_say(LOG_WARNING, "the renewal of policies was ended by signal %d",
			  info->si_status);
	r->child = sd_event_source_disable_unref(r->child);
	r->pid = 0;
	if (r->again)
		wardd_renewer_look(r);
	return 0;
}

/**
 * wardd_renewer_look - renew what is to be renewed
 * @r: the renewals
 */
void wardd_renewer_look(struct wardd_renewer *r)
{
	char program[] = "wardd", option[] = "--renew-policies";
	char *argv[] = { program, option, NULL };
	posix_spawnattr_t attr;
	sigset_t none;
	int ret;

	/* What it has looked at already may have changed since. */
	r->again = r->pid;
	if (r->pid)
		return;
	sigemptyset(&none);
	ret = posix_spawnattr_init(&attr);
	if (!ret) {
		posix_spawnattr_setsigmask(&attr, &none);
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
		ret = posix_spawn(&r->pid, "/proc/self/exe", NULL, &attr, argv, environ);
		posix_spawnattr_destroy(&attr);
	}
	if (ret) {
		r->pid = 0;
		wardd_say(LOG_ERR, "cannot start the renewal of policies: %s", strerror(ret));
		return;
	}
	ret = sd_event_add_child(r->loop, &r->child, r->pid, WEXITED, ended, r);
	if (ret < 0) {
		waitpid(r->pid, NULL, 0);
		r->pid = 0;
	}
}

static int daily(sd_event_source *source, uint64_t now, void *arg)
{
	wardd_renewer_look(arg);
	sd_event_source_set_time(source, now + EVERY);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/**
 * wardd_renewer_start - be ready for renewals
 * @renewer: set to what stops it
 * @loop: the daemon's loop; SIGCHLD is blocked
 *
 * Return: 0 or a negative errno.
 */
int wardd_renewer_start(struct wardd_renewer **renewer, sd_event *loop)
{
	struct wardd_renewer *r = calloc(1, sizeof(*r));
	uint64_t now;
	int ret;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	ret = sd_event_now(loop, CLOCK_BOOTTIME, &now);
	if (ret >= 0)
		ret = sd_event_add_time(loop, &r->timer, CLOCK_BOOTTIME, now + EVERY, SLACK, daily,
					r);
	if (ret < 0) {
		free(r);
		return ret;
	}
	*renewer = r;
	return 0;
}

/**
 * wardd_renewer_stop - end it
 * @r: the renewals, or NULL
 *
 * A renewal that runs is ended, but where the kernel has taken a policy: that is kept first,
 * see ward_policy_put_in_force(). The rest is made up for by the next wardd.
 */
void wardd_renewer_stop(struct wardd_renewer *r)
{
	if (!r)
		return;
	sd_event_source_disable_unref(r->timer);
	sd_event_source_disable_unref(r->child);
	if (r->pid) {
		kill(r->pid, SIGTERM);
		waitpid(r->pid, NULL, 0);
	}
	free(r);
}

/* ---- the process that renews --------------------------------------------------------- */

static int renew(struct ward_nl *nl, const struct ward_conf *conf)
{
	struct ward_renewal done;
	struct ward_err err;
	int ret;
	size_t i;

	ward_err_clear(&err);
	ret = ward_policy_renew(nl, conf, PATIENCE, &done, &err);
	if (ret == -ENOKEY)
		return WARD_DONE;
	for (i = 0; i < err.count; i++)
		wardd_say(LOG_NOTICE, "vault %s: %s", conf->name, err.notes[i]);
	if (ret) {
		wardd_say(LOG_ERR, "vault %s: its policy is not renewed: %s", conf->name, err.text);
		return WARD_FAILED;
	}
	if (done.hours)
		wardd_say(LOG_NOTICE, "vault %s: the hours of its rules are known for two years from now on",
			  conf->name);
	return WARD_DONE;
}

/**
 * wardd_renew_policies - renew the policies of all vaults that are unlocked
 *
 * Return: an exit status.
 */
int wardd_renew_policies(void)
{
	struct ward_conf_list list;
	struct ward_err err;
	struct ward_nl *nl;
	int status = WARD_DONE;
	size_t i;

	ward_err_clear(&err);
	/* Without the module, nothing is unlocked. */
	if (ward_nl_open(&nl))
		return WARD_DONE;
	if (ward_conf_list(&list, &err)) {
		wardd_say_err(LOG_ERR, &err);
		ward_nl_close(nl);
		return WARD_FAILED;
	}
	for (i = 0; i < list.count; i++)
		if (renew(nl, &list.conf[i]))
			status = WARD_FAILED;
	ward_conf_list_free(&list);
	ward_nl_close(nl);
	return status;
}
