// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Room on the disk, as auditd sees to it: two marks, and an action for each and for when there is
 * none. No action takes anything from who works with files: events that are not written wait in
 * the kernel, and what it cannot keep is counted as lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "wardd.h"

#define DROPS_MOST	500	/* rotated files that are taken away at once */

#define LEAST		(64 * 1024)	/* less than this is nothing, bytes */

/* Is less free than the rule wants? */
static bool below(const struct ward_space_rule *rule, const struct statvfs *fs)
{
	uint64_t free = (uint64_t)fs->f_bavail * fs->f_frsize;
	uint64_t want = (uint64_t)fs->f_blocks * fs->f_frsize / 100 * rule->percent;

	if (rule->bytes && (!rule->percent || rule->bytes < want))
		want = rule->bytes;
	return free < want;
}

/* By a child that ends at once, so that nobody has to wait for it. */
static void start(const char *program, const char *what)
{
	sigset_t none;

	if (fork())
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	execl(program, program, what, NULL);
	_exit(127);
}

static int run(const char *program, const char *what)
{
	struct stat st;
	pid_t pid;

	/* Not what others could have put there: it runs as root. */
	if (stat(program, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid || st.st_mode & 022)
		return -EPERM;
	if (access(program, X_OK))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		start(program, what);
	waitpid(pid, NULL, 0);
	return 0;
}

static void act(struct wardd_writer *w, const struct ward_space_rule *rule, const char *what)
{
	const char *log = w->settings->log;
	int ret, i;

	switch (rule->action) {
	case WARD_SPACE_IGNORE:
		break;
	case WARD_SPACE_SYSLOG:
		wardd_say(LOG_WARNING, "%s on the file system of %s", what, log);
		break;
	case WARD_SPACE_EXEC:
		ret = run(rule->program, what);
		wardd_say(LOG_WARNING, "%s on the file system of %s: %s %s%s%s", what, log,
			  rule->program, ret ? "cannot be run: " : "was started",
			  ret ? strerror(-ret) : "",
			  ret == -EPERM ? " (it must be a file that only root can change)" : "");
		break;
	case WARD_SPACE_ROTATE:
		wardd_say(LOG_WARNING, "%s on the file system of %s: the oldest rotated files are removed",
			  what, log);
		for (i = 0; i < DROPS_MOST && wardd_rotate_drop_oldest(w); i++) {
			struct statvfs fs;

			if (fstatvfs(w->fd, &fs) || !below(rule, &fs))
				break;
		}
		break;
	case WARD_SPACE_SUSPEND:
		wardd_say(LOG_ERR, "%s on the file system of %s: nothing is recorded until there is more; events wait in the kernel",
			  what, log);
		w->suspended = true;
		break;
	}
}

static enum wardd_room room(const struct wardd_writer *w)
{
	struct statvfs fs;

	if (w->fd < 0 || fstatvfs(w->fd, &fs))
		return w->room;
	if (below(&w->settings->admin_space, &fs) ||
	    (w->room == WARDD_ROOM_NONE && (uint64_t)fs.f_bavail * fs.f_frsize < LEAST))
		return WARDD_ROOM_LEAST;
	return below(&w->settings->space, &fs) ? WARDD_ROOM_LITTLE : WARDD_ROOM_ENOUGH;
}

/**
 * wardd_space_look - look how much room there is, and do what ward.conf says
 * @w: the writer
 *
 * Acts when a mark is passed, once; writing goes on by itself when there is room again.
 */
void wardd_space_look(struct wardd_writer *w)
{
	enum wardd_room now = room(w), before = w->room;

	/* It was full: more than nothing is wanted before it is tried again. */
	if (now == before || (before == WARDD_ROOM_NONE && now == WARDD_ROOM_LEAST))
		return;
	w->room = now;
	if (now < before && w->suspended && now < WARDD_ROOM_LEAST) {
		w->suspended = false;
		wardd_say(LOG_NOTICE, "there is room again on the file system of %s: events are recorded",
			  w->settings->log);
	}
	if (now <= before)
		return;
	if (now == WARDD_ROOM_LEAST)
		act(w, &w->settings->admin_space, "there is very little room left");
	else
		act(w, &w->settings->space, "there is little room left");
}

/**
 * wardd_space_full - a line did not fit
 * @w: the writer
 *
 * Return: true when it is worth trying once more.
 */
bool wardd_space_full(struct wardd_writer *w)
{
	const struct ward_space_rule *rule = &w->settings->full;

	if (rule->action == WARD_SPACE_ROTATE)
		return wardd_rotate_drop_oldest(w);
	if (w->room != WARDD_ROOM_NONE)
		act(w, rule, "there is no room left");
	w->room = WARDD_ROOM_NONE;
	return false;
}
