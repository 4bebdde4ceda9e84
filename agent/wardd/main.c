// SPDX-License-Identifier: GPL-2.0-or-later
/* wardd: records what happens to the vaults, and checks them after a crash. See wardd(8). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "../lib/durable.h"
#include "wardd.h"

/**
 * struct wardd - the daemon
 * @settings: ward.conf
 * @pid_fd: the file that says that we run, locked
 * @loop: what happens next
 * @writer: the log
 * @intake: takes events
 * @checker: checks vaults; NULL when ward.conf does not want it
 * @renewer: renews policies
 */
struct wardd {
	struct ward_settings settings;
	int pid_fd;
	sd_event *loop;
	struct wardd_writer writer;
	struct wardd_intake *intake;
	struct wardd_checker *checker;
	struct wardd_renewer *renewer;
};

static void help(void)
{
	printf("Usage: wardd [--config FILE]\n\n"
	       "Records the events of Ward's vaults in the log, and checks vaults after a crash.\n"
	       "Stays in the foreground; SIGTERM ends it, SIGHUP has it open its log anew.\n\n"
	       "  --config FILE       instead of " WARD_SETTINGS_PATH "\n"
	       "  --check-vault UUID  check this vault and end: what wardd starts by itself\n"
	       "  --renew-policies    renew the policies of all vaults and end: likewise\n"
	       "  --help, --version\n\n"
	       "Exit status: 0 ended as told; 1 failed; 2 wrong usage or configuration;\n"
	       "5 not permitted. See wardd(8).\n");
}

/* One wardd at a time: two would both write the log. */
static int lock_pid(struct wardd *d)
{
	char text[32];
	int ret, len;

	ret = ward_mkdirs("/run/ward", 0700);
	if (ret) {
		wardd_say(LOG_ERR, "cannot make /run/ward: %s", strerror(-ret));
		return ret;
	}
	d->pid_fd = open(WARD_DAEMON_PID, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (d->pid_fd < 0) {
		ret = -errno;
		wardd_say(LOG_ERR, "cannot open %s: %s", WARD_DAEMON_PID, strerror(-ret));
		return ret;
	}
	if (flock(d->pid_fd, LOCK_EX | LOCK_NB)) {
		ret = -errno;
		len = read(d->pid_fd, text, sizeof(text) - 1);
		text[len > 0 ? len : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (ret == -EWOULDBLOCK)
			wardd_say(LOG_ERR, "wardd is running already (process %s)", text);
		else
			wardd_say(LOG_ERR, "cannot lock %s: %s", WARD_DAEMON_PID, strerror(-ret));
		return ret;
	}
	len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (fchmod(d->pid_fd, 0644) || ftruncate(d->pid_fd, 0) ||
	    pwrite(d->pid_fd, text, len, 0) != len)
		wardd_say(LOG_WARNING, "cannot write %s: %s", WARD_DAEMON_PID, strerror(errno));
	return 0;
}

static int told_to_end(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	(void)info;
	(void)arg;
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int told_to_reopen(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct wardd *d = arg;

	(void)source;
	(void)info;
	if (!wardd_writer_reopen(&d->writer, true))
		wardd_seal_new_key(&d->writer);
	wardd_intake_again(d->intake);
	wardd_renewer_look(d->renewer);
	return 0;
}

static void vaults_changed(void *arg)
{
	struct wardd *d = arg;

	if (d->checker)
		wardd_checker_look(d->checker);
	wardd_renewer_look(d->renewer);
}

static int prepare(struct wardd *d)
{
	sigset_t mask;
	int ret;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	ret = sd_event_default(&d->loop);
	if (ret >= 0)
		ret = sd_event_add_signal(d->loop, NULL, SIGTERM, told_to_end, d);
	if (ret >= 0)
		ret = sd_event_add_signal(d->loop, NULL, SIGINT, told_to_end, d);
	if (ret >= 0)
		ret = sd_event_add_signal(d->loop, NULL, SIGHUP, told_to_reopen, d);
	if (ret >= 0)
		ret = sd_event_set_watchdog(d->loop, true);
	if (ret >= 0 && d->settings.check)
		ret = wardd_checker_start(&d->checker, d->loop);
	if (ret >= 0)
		ret = wardd_renewer_start(&d->renewer, d->loop);
	if (ret < 0) {
		wardd_say(LOG_ERR, "cannot start: %s", strerror(-ret));
		return ret;
	}
	wardd_writer_init(&d->writer, &d->settings);
	ret = wardd_writer_open(&d->writer);
	/* A vault that it lies in is waited for. */
	if (ret && ret != -ENOKEY)
		return ret;
	ret = wardd_intake_start(&d->intake, d->loop, &d->settings, &d->writer, vaults_changed, d);
	if (ret < 0)
		wardd_say(LOG_ERR, "cannot listen to the kernel: %s", strerror(-ret));
	return ret;
}

static void end(struct wardd *d)
{
	wardd_intake_stop(d->intake);
	wardd_checker_stop(d->checker);
	wardd_renewer_stop(d->renewer);
	wardd_writer_close(&d->writer);
	wardd_journal_end();
	d->loop = sd_event_unref(d->loop);
	if (d->pid_fd >= 0) {
		if (ftruncate(d->pid_fd, 0))
			wardd_say(LOG_DEBUG, "cannot empty %s", WARD_DAEMON_PID);
		close(d->pid_fd);
	}
}

static int run(const char *config)
{
	struct wardd d = { .pid_fd = -1, .writer.fd = -1 };
	int status = WARD_FAILED;
	struct ward_err err;

	ward_err_clear(&err);
	/* One that was named is to be there. */
	if (strcmp(config, WARD_SETTINGS_PATH) && access(config, R_OK)) {
		ward_fail_errno(&err, errno, "cannot read %s", config);
		wardd_say(LOG_ERR, "%s", err.text);
		return WARD_USAGE;
	}
	if (ward_settings_load(config, &d.settings, &err)) {
		wardd_say_err(LOG_ERR, &err);
		return err.cause == WARD_USAGE ? WARD_USAGE : WARD_FAILED;
	}
	if (geteuid()) {
		wardd_say(LOG_ERR, "only root may hear of the vaults' events: start it as root");
		return WARD_NOT_PERMITTED;
	}
	if (lock_pid(&d)) {
		if (d.pid_fd >= 0)
			close(d.pid_fd);
		return WARD_FAILED;
	}
	if (prepare(&d) >= 0) {
		sd_notify(0, "READY=1");
		if (sd_event_loop(d.loop) >= 0)
			status = WARD_DONE;
		sd_notify(0, "STOPPING=1");
	}
	end(&d);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-vault", required_argument, NULL, 'v' },
		{ "renew-policies", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	const char *config = WARD_SETTINGS_PATH, *vault = NULL;
	bool renew = false;
	int c;

	umask(077);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			config = optarg;
			break;
		case 'v':
			vault = optarg;
			break;
		case 'r':
			renew = true;
			break;
		case 'h':
			help();
			return fflush(stdout) ? WARD_FAILED : WARD_DONE;
		case 'V':
			puts("wardd " WARD_VERSION);
			return fflush(stdout) ? WARD_FAILED : WARD_DONE;
		default:
			fprintf(stderr, "Try 'wardd --help'.\n");
			return WARD_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "wardd: there is nothing to do with \"%s\"\nTry 'wardd --help'.\n",
			argv[optind]);
		return WARD_USAGE;
	}
	return vault ? wardd_check_vault(vault) : renew ? wardd_renew_policies() : run(config);
}
