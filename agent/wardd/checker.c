// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking vaults after an unclean end. Until that is done a vault reads as "not yet
 * checked" (docs/format.md, rule R2), and an alteration could pass for a crash's traces.
 *
 * It takes as long as reading the vault, so it is a process of its own, one at a time, with
 * low priority: wardd --check-vault UUID.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <linux/ioprio.h>

#include "../lib/check.h"
#include "../lib/conf.h"
#include "../lib/mnt.h"
#include "../lib/text.h"
#include "wardd.h"

#define TRIED	64	/* vaults that are remembered */

/**
 * struct tried - a check that was begun
 * @uuid: the vault
 * @epoch: in which; a failed check is begun again in another one only
 */
struct tried {
	uint8_t uuid[WARD_UUID_SIZE];
	uint32_t epoch;
};

/**
 * struct wardd_checker - the checks
 * @loop: the daemon's
 * @child: the one that runs, or NULL
 * @pid: its process
 * @tried: ring of checks that were begun
 * @count: how many were begun
 */
struct wardd_checker {
	sd_event *loop;
	sd_event_source *child;
	pid_t pid;
	struct tried tried[TRIED];
	size_t count;
};

/* ---- the daemon's side ------------------------------------------------------------ */

static bool tried(const struct wardd_checker *c, const struct ward_mounted *v)
{
	size_t i;

	for (i = 0; i < TRIED && i < c->count; i++)
		if (c->tried[i].epoch == v->epoch &&
		    !memcmp(c->tried[i].uuid, v->uuid, WARD_UUID_SIZE))
			return true;
	return false;
}

struct choice {
	const struct wardd_checker *checker;
	struct ward_mounted vault;
	bool found;
};

static int choose(const struct ward_mounted *v, void *arg)
{
	struct choice *choice = arg;

	if (!choice->found && v->state == WARD_STATE_UNLOCKED &&
	    v->flags & WARD_VAULT_F_UNCHECKED && !(v->flags & WARD_VAULT_F_RDONLY) &&
	    !tried(choice->checker, v)) {
		choice->vault = *v;
		choice->found = true;
	}
	return 0;
}

static int ended(sd_event_source *source, const siginfo_t *info, void *arg)
{
	struct wardd_checker *c = arg;

	(void)source;
	if (info->si_code != CLD_EXITED)
		wardd_say(LOG_WARNING, "the check of a vault was ended by signal %d",
			  info->si_status);
	c->child = sd_event_source_disable_unref(c->child);
	c->pid = 0;
	wardd_checker_look(c);
	return 0;
}

static int start(struct wardd_checker *c, const struct ward_mounted *v)
{
	char uuid[WARD_UUID_TEXT], program[] = "wardd", option[] = "--check-vault";
	char *argv[] = { program, option, uuid, NULL };
	struct tried *t = &c->tried[c->count % TRIED];
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int ret;

	ward_text_uuid(v->uuid, uuid);
	sigemptyset(&none);
	ret = posix_spawnattr_init(&attr);
	if (ret)
		return -ret;
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	ret = posix_spawn(&pid, "/proc/self/exe", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (ret)
		return -ret;
	memcpy(t->uuid, v->uuid, WARD_UUID_SIZE);
	t->epoch = v->epoch;
	c->count++;
	c->pid = pid;
	ret = sd_event_add_child(c->loop, &c->child, pid, WEXITED, ended, c);
	if (ret < 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
		c->pid = 0;
	}
	return ret < 0 ? ret : 0;
}

/**
 * wardd_checker_look - check what is to be checked
 * @checker: the checks
 *
 * For whenever a vault may have been unlocked.
 */
void wardd_checker_look(struct wardd_checker *checker)
{
	struct choice choice = { .checker = checker };
	struct ward_nl *nl;
	int ret;

	/* When it ends, this is called again. */
	if (checker->pid)
		return;
	if (ward_nl_open(&nl))
		return;
	ret = ward_nl_vault_dump(nl, choose, &choice);
	ward_nl_close(nl);
	if (ret || !choice.found)
		return;
	ret = start(checker, &choice.vault);
	if (ret)
		wardd_say(LOG_ERR, "cannot start the check of a vault: %s", strerror(-ret));
}

/**
 * wardd_checker_start - be ready for checks
 * @checker: set to what stops it
 * @loop: the daemon's loop; SIGCHLD is blocked
 *
 * Return: 0 or -ENOMEM.
 */
int wardd_checker_start(struct wardd_checker **checker, sd_event *loop)
{
	*checker = calloc(1, sizeof(**checker));
	if (!*checker)
		return -ENOMEM;
	(*checker)->loop = loop;
	return 0;
}

/**
 * wardd_checker_stop - end the check that runs
 * @checker: the checks, or NULL
 *
 * Nothing is lost but time: the vault stays marked as not yet checked.
 */
void wardd_checker_stop(struct wardd_checker *checker)
{
	if (!checker)
		return;
	sd_event_source_disable_unref(checker->child);
	if (checker->pid) {
		kill(checker->pid, SIGTERM);
		waitpid(checker->pid, NULL, 0);
	}
	free(checker);
}

/* ---- the process that checks ------------------------------------------------------- */

/* Others come first. */
static void step_back(void)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (setpriority(PRIO_PROCESS, 0, 10))
		wardd_say(LOG_DEBUG, "cannot lower the priority: %s", strerror(errno));
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

static int find_conf(const uint8_t *uuid, struct ward_conf *conf, struct ward_err *err)
{
	struct ward_conf_list list;
	size_t i;
	int ret = ward_conf_list(&list, err);

	if (ret)
		return ret;
	ret = -ENOENT;
	for (i = 0; ret && i < list.count; i++) {
		if (memcmp(list.conf[i].uuid, uuid, WARD_UUID_SIZE))
			continue;
		*conf = list.conf[i];
		ret = 0;
	}
	ward_conf_list_free(&list);
	return ret;
}

/* A part of /proc/self/mountinfo would do, too, but only configured vaults have a view. */
static int open_tree_of(const uint8_t *uuid, const char *text, char *name, size_t size)
{
	struct ward_conf *conf = malloc(sizeof(*conf));
	struct ward_err err;
	int fd, ret = -ENOMEM;

	ward_err_clear(&err);
	if (conf)
		ret = find_conf(uuid, conf, &err);
	if (ret) {
		wardd_say(LOG_WARNING, "vault %s is not checked after its unclean end: it is not configured in %s",
			  text, WARD_CONF_DIR);
		goto free;
	}
	snprintf(name, size, "%s", conf->name);
	ret = ward_mnt_ward_dir(conf, false, &err);
	if (ret < 0) {
		wardd_say_err(LOG_ERR, &err);
		goto free;
	}
	fd = ret;
	ret = openat(fd, WARD_TREE_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret < 0) {
		ret = -errno;
		wardd_say(LOG_ERR, "cannot open .ward/tree of vault %s: %s", name,
			  strerror(errno));
	}
	close(fd);
free:
	free(conf);
	return ret;
}

static void tell(const struct ward_check_object *object, void *arg)
{
	if (object->error)
		wardd_say(LOG_WARNING, "vault %s: cannot check .ward/tree/%s: %s",
			  (const char *)arg, object->lower, strerror(-object->error));
}

static int check(struct ward_nl *nl, const struct ward_mounted *v, int tree_fd, char *name)
{
	struct ward_check_ops ops = { .object = tell, .arg = name };
	struct ward_check_state s;
	int ret, told = 0;

	wardd_say(LOG_NOTICE, "vault %s was not ended cleanly: checking all of it", name);
	ret = ward_check_unchecked(nl, v->uuid, v->epoch, tree_fd, &ops, &s, &told);
	if (!ret && s.failed)
		wardd_say(LOG_ERR, "vault %s: %" PRIu64 " objects could not be checked; it stays marked as not checked",
			  name, s.failed);
	else if (!ret)
		ret = told;
	if (ret) {
		wardd_say(LOG_WARNING, "the check of vault %s was not finished: %s", name,
			  ward_nl_why(nl)[0] ? ward_nl_why(nl) : strerror(-ret));
		return WARD_FAILED;
	}
	wardd_say(s.bad_objects || s.bad_names ? LOG_ERR : LOG_NOTICE,
		  "vault %s is checked: %" PRIu64 " objects, %" PRIu64 " settled after the crash, %" PRIu64 " tampered or damaged, %" PRIu64 " names that are not ours",
		  name, s.objects, s.settled, s.bad_objects, s.bad_names);
	return s.failed ? WARD_FAILED : s.bad_objects || s.bad_names ? WARD_INTEGRITY : WARD_DONE;
}

/**
 * wardd_check_vault - check one vault, and have the kernel know it
 * @text: its UUID
 *
 * Return: an exit status.
 */
int wardd_check_vault(const char *text)
{
	uint8_t uuid[WARD_UUID_SIZE];
	struct ward_mounted v;
	struct ward_nl *nl;
	int fd, ret, status = WARD_FAILED;
	char name[64];

	if (ward_text_parse_uuid(text, uuid)) {
		wardd_say(LOG_ERR, "\"%s\" is no UUID", text);
		return WARD_USAGE;
	}
	step_back();
	ret = ward_nl_open(&nl);
	if (ret) {
		wardd_say(LOG_ERR, "cannot reach the kernel module: %s", strerror(-ret));
		return WARD_NO_MODULE;
	}
	ret = ward_nl_vault_get(nl, uuid, &v);
	if (ret) {
		wardd_say(LOG_ERR, "vault %s: %s", text,
			  ward_nl_why(nl)[0] ? ward_nl_why(nl) : strerror(-ret));
		goto close;
	}
	fd = open_tree_of(uuid, text, name, sizeof(name));
	if (fd < 0)
		goto close;
	status = check(nl, &v, fd, name);
	close(fd);
close:
	ward_nl_close(nl);
	return status;
}
