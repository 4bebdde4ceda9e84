// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log file. A line is written by one write(2), and taken back when it does not fit: then
 * nothing of it is there, its event was not taken, and the kernel still has it.
 *
 * A file begins behind a seal, or with one, and ends with one when it could be written: so
 * that nobody can take lines from its beginning unseen.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../lib/durable.h"
#include "wardd.h"

#define LOOK_EVERY	(64 * 1024)	/* how much is written between looks at the room, bytes */

/**
 * wardd_now - the monotonic clock
 *
 * Return: seconds, never 0.
 */
time_t wardd_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1;
}

/**
 * wardd_writer_init - a log that is not open yet
 * @w: the writer
 * @settings: where it is; kept
 */
void wardd_writer_init(struct wardd_writer *w, const struct ward_settings *settings)
{
	memset(w, 0, sizeof(*w));
	w->settings = settings;
	w->fd = -1;
	w->seal.dirfd = -1;
}

/* ---- opening --------------------------------------------------------------------- */

/* The log may lie in a vault: nothing is touched there before it is open. */
static int wait_for_vault(struct wardd_writer *w)
{
	char name[64];
	int ret = wardd_place_ready(w->settings->log, name);

	if (ret && !w->waiting)
		wardd_say(LOG_NOTICE, "%s lies in the vault %s, which is not unlocked: waiting for it; events wait in the kernel",
			  w->settings->log, name);
	w->waiting = !!ret;
	return ret;
}

/* What is to be in the file before records, as soon as there is room. */
static int begin(struct wardd_writer *w)
{
	int ret = 0;

	if (w->begun || w->suspended)
		return 0;
	/* The old key has said its last word: nothing more may be sealed with it. */
	if (w->seal.announced)
		ret = wardd_seal_new_key(w);
	if (!ret && !w->started)
		ret = wardd_seal(w, WARD_SEAL_START);
	else if (!ret && !w->size && w->seal.records)
		ret = wardd_seal(w, "open");
	if (ret)
		return ret;
	w->begun = true;
	w->started = true;
	return wardd_seal_new_key(w);
}

static int open_file(struct wardd_writer *w)
{
	char dir[PATH_MAX];
	int dirfd, ret;

	ret = wait_for_vault(w);
	if (ret)
		return ret;
	w->begun = false;
	strcpy(dir, w->settings->log);
	ret = ward_mkdirs(dirname(dir), 0700);
	if (ret) {
		wardd_say(LOG_ERR, "cannot make %s: %s", dir, strerror(-ret));
		return ret;
	}
	w->fd = open(w->settings->log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY |
		     O_NONBLOCK | O_CLOEXEC, 0600);
	if (w->fd < 0) {
		ret = -errno;
		wardd_say(LOG_ERR, "cannot open %s: %s", w->settings->log, strerror(-ret));
		return ret;
	}
	ret = wardd_resume(w);
	if (ret)
		goto drop;
	/* The file's entry is as durable as its lines. */
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0) {
		ward_durable_sync_dir(dirfd);
		close(dirfd);
	}
	wardd_space_look(w);
	ret = begin(w);
	if (!ret)
		return 0;
drop:
	wardd_writer_drop(w);
	return ret;
}

/**
 * wardd_writer_open - open the log, and find out which event was the last
 * @w: the writer, initialised
 *
 * Return: 0, also when it is open; -ENOKEY: it lies in a vault that is locked; another negative
 * errno, said.
 */
int wardd_writer_open(struct wardd_writer *w)
{
	return w->fd < 0 ? open_file(w) : 0;
}

/**
 * wardd_writer_drop - close the log as it is
 * @w: the writer
 *
 * For when something failed: opening it anew looks at what is really there.
 */
void wardd_writer_drop(struct wardd_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->unsynced = false;
}

/**
 * wardd_writer_reopen - go on in a new file when the old one was moved away
 * @w: the writer
 * @force: also when it was not, as after an error
 *
 * The hash chain goes on from the old file's last line, which is a seal if it can be written.
 *
 * Return: 0; a negative errno, said.
 */
int wardd_writer_reopen(struct wardd_writer *w, bool force)
{
	struct stat here, there;
	bool gone;
	int ret;

	if (!force && w->fd >= 0 && !fstat(w->fd, &here)) {
		gone = stat(w->settings->log, &there);
		if (!gone && here.st_dev == there.st_dev && here.st_ino == there.st_ino)
			return 0;
		/* As in a vault that was locked: it is not looked at twice. */
		if (gone && errno != ENOENT) {
			ret = -errno;
			wardd_writer_drop(w);
			return ret;
		}
	}
	if (w->fd >= 0) {
		if (w->seal.records && !w->suspended)
			wardd_seal(w, "rotate");
		wardd_writer_sync(w);
		wardd_resume_save(w);
		wardd_writer_drop(w);
	}
	return open_file(w);
}

/**
 * wardd_writer_close - seal and close the log
 * @w: the writer
 */
void wardd_writer_close(struct wardd_writer *w)
{
	if (w->fd >= 0) {
		if (w->started)
			wardd_seal(w, WARD_SEAL_STOP);
		wardd_writer_sync(w);
		wardd_resume_save(w);
		wardd_writer_drop(w);
	}
	wardd_seal_close(w);
}

/* ---- writing --------------------------------------------------------------------- */

/* 0; a negative errno: nothing of it is there. */
static int write_line(struct wardd_writer *w, const char *line, size_t len)
{
	off_t before = w->fd < 0 ? -1 : lseek(w->fd, 0, SEEK_END);
	int ret = before < 0 ? -EBADF : ward_write_all(w->fd, line, len);

	if (!ret || before < 0)
		return ret;
	if (ftruncate(w->fd, before)) {
		wardd_say(LOG_ERR, "cannot take back a part of a line of %s: %s",
			  w->settings->log, strerror(errno));
		/* Nothing is put behind it; whoever opens it anew takes it away. */
		wardd_writer_drop(w);
	}
	return ret;
}

/**
 * wardd_writer_put - put a line into the log
 * @w: the writer
 * @line: the line, with its newline
 *
 * Return: 0; a negative errno: nothing was written, @w stands where it stood.
 */
int wardd_writer_put(struct wardd_writer *w, const char *line)
{
	size_t len = strlen(line);
	int ret = write_line(w, line, len);

	/* Something else may be there that can go. */
	while (ret == -ENOSPC && w->fd >= 0 && wardd_space_full(w))
		ret = write_line(w, line, len);
	if (ret)
		return ret;
	w->unsynced = true;
	if (!w->size)
		wardd_resume_forget();
	w->size += len;
	if (!w->began)
		w->began = time(NULL);
	ward_log_hash(line, len - 1, w->prev);
	if (!w->seal.records++)
		w->seal.since = wardd_now();
	w->seal.line++;
	/* Not only when nothing happens: much may come between two ticks. */
	if (w->size / LOOK_EVERY != (w->size - len) / LOOK_EVERY)
		wardd_space_look(w);
	return 0;
}

/**
 * wardd_writer_append - put an event into the log
 * @w: the writer
 * @object: the event's record; gets its place in the hash chain
 * @event: the event
 *
 * Rotates and seals before, when that is due.
 *
 * Return: 0; a negative errno: nothing was written, @w stands where it stood.
 */
int wardd_writer_append(struct wardd_writer *w, json_t *object, const struct ward_event *event)
{
	char *line;
	int ret;

	if (w->suspended)
		wardd_space_look(w);
	if (w->suspended)
		return -ENOSPC;
	if (w->fd < 0)
		return -EBADF;
	ret = begin(w);
	if (!ret && w->seal.overdue)
		ret = wardd_seal(w, "room");
	if (!ret && w->seal.records >= w->settings->seal_records)
		ret = wardd_seal(w, "records");
	line = ret ? NULL : ward_log_line(object, w->prev[0] ? w->prev : NULL);
	if (line && wardd_rotate_due(w, strlen(line))) {
		free(line);
		ret = wardd_rotate(w);
		line = ret ? NULL : ward_log_line(object, w->prev[0] ? w->prev : NULL);
	}
	if (ret)
		return ret;
	if (!line)
		return -ENOMEM;
	ret = wardd_writer_put(w, line);
	free(line);
	if (ret)
		return ret;
	memcpy(w->load_id, event->load_id, sizeof(w->load_id));
	w->sequence = event->sequence;
	w->total = event->total;
	return 0;
}

/**
 * wardd_writer_sync - make what was written durable, unless ward.conf says not to
 * @w: the writer
 *
 * Return: 0; a negative errno: nobody knows what of it is on the disk, and the log is closed:
 * opening it anew looks at what is there.
 */
int wardd_writer_sync(struct wardd_writer *w)
{
	if (!w->unsynced || !w->settings->sync || w->fd < 0)
		return 0;
	if (fdatasync(w->fd)) {
		int ret = -errno;

		wardd_say(LOG_ERR, "cannot make %s durable: %s", w->settings->log, strerror(-ret));
		wardd_writer_drop(w);
		return ret;
	}
	w->unsynced = false;
	return 0;
}

/**
 * wardd_writer_tick - what the log wants although nothing happens
 * @w: the writer
 *
 * To be called every few seconds.
 */
void wardd_writer_tick(struct wardd_writer *w)
{
	const struct ward_settings *s = w->settings;
	time_t now = wardd_now();

	if (w->fd < 0)
		return;
	wardd_space_look(w);
	if (w->suspended || begin(w))
		return;
	if (w->seal.overdue)
		wardd_seal(w, "room");
	else if (w->seal.records && now - w->seal.since >= (time_t)s->seal_seconds)
		wardd_seal(w, "time");
	else if (s->seal_idle && now - w->seal.sealed >= (time_t)s->seal_idle)
		wardd_seal(w, "idle");
	if (wardd_rotate_due(w, 0))
		wardd_rotate(w);
}
