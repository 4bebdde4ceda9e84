// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log file. Its last line says which event it was, so that after any end the events
 * go on behind it; a state file says so when the log was just rotated and is empty.
 *
 * A line is written by one write(2), and taken back when it does not fit: then nothing
 * of it is there, its event was not taken, and the kernel still has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "../lib/durable.h"
#include "wardd.h"

#define STATE_MAX	4096

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Which event a record is. False: it does not say. */
static bool position(json_t *o, uint8_t *load_id, uint64_t *sequence)
{
	const char *load = json_string_value(json_object_get(o, "ward.load_id"));
	json_int_t number = json_integer_value(json_object_get(o, "event.sequence"));
	uint8_t id[WARD_LOAD_ID_SIZE];
	int i;

	if (!load || strlen(load) != 2 * sizeof(id) || number <= 0)
		return false;
	for (i = 0; i < (int)sizeof(id); i++) {
		int high = hex_digit(load[2 * i]), low = hex_digit(load[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		id[i] = high << 4 | low;
	}
	memcpy(load_id, id, sizeof(id));
	*sequence = number;
	return true;
}

/* ---- the state file ------------------------------------------------------------- */

static void save_state(const struct wardd_writer *w)
{
	char text[STATE_MAX], load[2 * WARD_LOAD_ID_SIZE + 1];
	int dirfd, i, len, ret;

	if (!w->prev[0])
		return;
	for (i = 0; i < WARD_LOAD_ID_SIZE; i++)
		sprintf(load + 2 * i, "%02x", w->load_id[i]);
	len = snprintf(text, sizeof(text),
		       "{\"ward.load_id\":\"%s\",\"event.sequence\":%" PRIu64 ",\"ward.prev\":\"%s\"}\n",
		       load, w->sequence, w->prev);
	ret = ward_mkdirs("/var/lib/ward", 0700);
	if (!ret) {
		dirfd = open("/var/lib/ward", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ret = dirfd < 0 ? -errno :
		      ward_durable_write(dirfd, strrchr(WARDD_STATE, '/') + 1, text, len, 0600);
		if (dirfd >= 0)
			close(dirfd);
	}
	if (ret)
		wardd_say(LOG_WARNING, "cannot write %s: %s", WARDD_STATE, strerror(-ret));
}

static void load_state(struct wardd_writer *w)
{
	const char *prev;
	json_t *o = NULL;
	void *text;
	size_t len;

	if (ward_durable_read(AT_FDCWD, WARDD_STATE, STATE_MAX, &text, &len))
		return;
	o = json_loadb(text, len, 0, NULL);
	free(text);
	prev = json_string_value(json_object_get(o, "ward.prev"));
	if (prev && strlen(prev) == WARD_LOG_PREV - 1 &&
	    position(o, w->load_id, &w->sequence))
		strcpy(w->prev, prev);
	else
		wardd_say(LOG_WARNING, "%s is damaged, and ignored", WARDD_STATE);
	json_decref(o);
}

/* ---- opening --------------------------------------------------------------------- */

/* Go on behind the last whole line. */
static int go_on(struct wardd_writer *w)
{
	const char *path = w->settings->log;
	char *line;
	json_t *o;
	uint64_t end;
	struct stat st;
	size_t len;
	int ret;

	ret = ward_log_last(path, &line, &len, &end);
	if (ret) {
		wardd_say(LOG_ERR, "cannot read the last line of %s: %s; move it away if it is no event log",
			  path, strerror(-ret));
		return ret;
	}
	if (fstat(w->fd, &st)) {
		ret = -errno;
	} else if (st.st_size > (off_t)end) {
		wardd_say(LOG_WARNING, "%s ends in the middle of a line, which is taken away: %jd bytes",
			  path, (intmax_t)(st.st_size - end));
		ret = ftruncate(w->fd, end) ? -errno : 0;
	}
	if (ret || !line) {
		if (!ret && !w->prev[0])
			load_state(w);
		free(line);
		return ret;
	}
	o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!o || !position(o, w->load_id, &w->sequence)) {
		wardd_say(LOG_WARNING, "the last line of %s is no event: somebody changed it", path);
		load_state(w);
	}
	json_decref(o);
	ward_log_hash(line, len, w->prev);
	free(line);
	return 0;
}

static int open_file(struct wardd_writer *w)
{
	char dir[PATH_MAX];
	int dirfd, ret;

	strcpy(dir, w->settings->log);
	ret = ward_mkdirs(dirname(dir), 0700);
	if (ret) {
		wardd_say(LOG_ERR, "cannot make %s: %s", dir, strerror(-ret));
		return ret;
	}
	w->fd = open(w->settings->log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY |
		     O_CLOEXEC, 0600);
	if (w->fd < 0) {
		ret = -errno;
		wardd_say(LOG_ERR, "cannot open %s: %s", w->settings->log, strerror(-ret));
		return ret;
	}
	ret = go_on(w);
	if (ret) {
		close(w->fd);
		w->fd = -1;
		return ret;
	}
	/* The file's entry is as durable as its lines. */
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0) {
		ward_durable_sync_dir(dirfd);
		close(dirfd);
	}
	return 0;
}

/**
 * wardd_writer_open - open the log, and find out which event was the last
 * @w: the writer
 * @settings: where it is; kept
 *
 * Return: 0; a negative errno, said.
 */
int wardd_writer_open(struct wardd_writer *w, const struct ward_settings *settings)
{
	memset(w, 0, sizeof(*w));
	w->settings = settings;
	w->fd = -1;
	return open_file(w);
}

/**
 * wardd_writer_reopen - go on in a new file when the old one was moved away
 * @w: the writer
 * @force: also when it was not, as after an error
 *
 * The hash chain goes on from the old file's last line.
 *
 * Return: 0; a negative errno, said.
 */
int wardd_writer_reopen(struct wardd_writer *w, bool force)
{
	struct stat here, there;

	if (!force && w->fd >= 0 && !fstat(w->fd, &here) && !stat(w->settings->log, &there) &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return 0;
	if (w->fd >= 0) {
		wardd_writer_sync(w);
		save_state(w);
		close(w->fd);
		w->fd = -1;
	}
	return open_file(w);
}

/**
 * wardd_writer_close - close the log
 * @w: the writer
 */
void wardd_writer_close(struct wardd_writer *w)
{
	if (w->fd < 0)
		return;
	wardd_writer_sync(w);
	save_state(w);
	close(w->fd);
	w->fd = -1;
}

/* ---- writing --------------------------------------------------------------------- */

/**
 * wardd_writer_append - put an event into the log
 * @w: the writer
 * @object: the event's record; gets its place in the hash chain
 * @event: the event
 *
 * Return: 0; a negative errno: nothing was written, @w stands where it stood.
 */
int wardd_writer_append(struct wardd_writer *w, json_t *object, const struct ward_event *event)
{
	char *line = ward_log_line(object, w->prev[0] ? w->prev : NULL);
	off_t before;
	size_t len;
	int ret;

	if (!line)
		return -ENOMEM;
	len = strlen(line);
	before = w->fd < 0 ? -1 : lseek(w->fd, 0, SEEK_END);
	ret = before < 0 ? -EBADF : ward_write_all(w->fd, line, len);
	if (ret) {
		if (before >= 0 && ftruncate(w->fd, before)) {
			wardd_say(LOG_ERR, "cannot take back a part of a line of %s: %s",
				  w->settings->log, strerror(errno));
			/* Nothing is put behind it; whoever opens it anew takes it away. */
			close(w->fd);
			w->fd = -1;
		}
		free(line);
		return ret;
	}
	w->unsynced = true;
	ward_log_hash(line, len - 1, w->prev);
	memcpy(w->load_id, event->load_id, sizeof(w->load_id));
	w->sequence = event->sequence;
	free(line);
	return 0;
}

/**
 * wardd_writer_sync - make what was written durable, unless ward.conf says not to
 * @w: the writer
 *
 * Return: 0 or a negative errno.
 */
int wardd_writer_sync(struct wardd_writer *w)
{
	if (!w->unsynced || !w->settings->sync)
		return 0;
	if (fdatasync(w->fd))
		return -errno;
	w->unsynced = false;
	return 0;
}
