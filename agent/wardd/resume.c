// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the log was left off: its last line says which event it was, so that after any end the
 * events go on behind it. When the log is empty because it was just rotated, a state file says it,
 * which is there only as long as nothing came after what it says; else the newest of the other
 * files has that line.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "../lib/durable.h"
#include "wardd.h"

#define STATE_MAX	4096

/* ---- the state file ------------------------------------------------------------- */

/**
 * wardd_resume_save - remember where the log is left off
 * @w: the writer
 */
void wardd_resume_save(const struct wardd_writer *w)
{
	char text[STATE_MAX], load[2 * WARD_LOAD_ID_SIZE + 1];
	int dirfd, i, len, ret;

	if (!w->prev[0])
		return;
	for (i = 0; i < WARD_LOAD_ID_SIZE; i++)
		sprintf(load + 2 * i, "%02x", w->load_id[i]);
	len = snprintf(text, sizeof(text),
		       "{\"ward.load_id\":\"%s\",\"event.sequence\":%" PRIu64 ",\"ward.total\":%" PRIu64
		       ",\"ward.prev\":\"%s\"}\n", load, w->sequence, w->total, w->prev);
	ret = ward_mkdirs(WARD_SEAL_DIR, 0700);
	if (!ret) {
		dirfd = open(WARD_SEAL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ret = dirfd < 0 ? -errno :
		      ward_durable_write(dirfd, strrchr(WARDD_STATE, '/') + 1, text, len, 0600);
		if (dirfd >= 0)
			close(dirfd);
	}
	if (ret)
		wardd_say(LOG_WARNING, "cannot write %s: %s", WARDD_STATE, strerror(-ret));
}

/**
 * wardd_resume_forget - something was written after what was remembered
 */
void wardd_resume_forget(void)
{
	if (unlink(WARDD_STATE) && errno != ENOENT)
		wardd_say(LOG_WARNING, "cannot remove %s: %s", WARDD_STATE, strerror(errno));
}

static bool load_state(struct wardd_writer *w)
{
	const char *prev;
	bool used = false;
	json_t *o = NULL;
	uint8_t hash[32];
	void *text;
	size_t len;

	if (ward_durable_read(AT_FDCWD, WARDD_STATE, STATE_MAX, &text, &len))
		return false;
	o = json_loadb(text, len, 0, NULL);
	free(text);
	prev = json_string_value(json_object_get(o, "ward.prev"));
	if (!prev || ward_log_unhex(prev, hash, sizeof(hash))) {
		wardd_say(LOG_WARNING, "%s is damaged, and ignored", WARDD_STATE);
	} else {
		ward_log_position(o, w->load_id, &w->sequence, &w->total);
		strcpy(w->prev, prev);
		used = true;
	}
	json_decref(o);
	return used;
}

/* ---- the last line ----------------------------------------------------------------- */

static void take_last(struct wardd_writer *w, const char *path, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	if (!o || (ward_log_position(o, w->load_id, &w->sequence, &w->total) &&
		   !json_object_get(o, "ward.seal.number")))
		wardd_say(LOG_WARNING, "the last line of %s is no event: somebody changed it",
			  path);
	json_decref(o);
	ward_log_hash(line, len, w->prev);
}

/* The log's own last whole line; what was not finished is taken away. */
static int end_of_file(struct wardd_writer *w)
{
	const char *path = w->settings->log;
	struct stat st;
	uint64_t end;
	char *line;
	size_t len;
	int ret;

	ret = ward_log_last(w->fd, &line, &len, &end);
	if (ret) {
		wardd_say(LOG_ERR, "cannot read the last line of %s: %s; move it away if it is no event log",
			  path, strerror(-ret));
		return ret;
	}
	if (fstat(w->fd, &st)) {
		ret = -errno;
	} else if (!S_ISREG(st.st_mode)) {
		wardd_say(LOG_ERR, "%s is no file", path);
		ret = -EINVAL;
	} else if (st.st_size > (off_t)end) {
		wardd_say(LOG_WARNING, "%s ends in the middle of a line, which is taken away: %jd bytes",
			  path, (intmax_t)(st.st_size - end));
		ret = ftruncate(w->fd, end) ? -errno : 0;
	}
	w->size = end;
	if (!ret && line)
		take_last(w, path, line, len);
	free(line);
	return ret;
}

/* ---- the last seal -------------------------------------------------------------------- */

/**
 * struct found - what the files say of seals
 * @seal: the last one
 * @line: its line, for free(); NULL: there is none
 * @length: bytes of it
 * @after: lines behind it, in all files; without one, all lines
 */
struct found {
	struct ward_seal seal;
	char *line;
	size_t length;
	uint64_t after;
};

/* Mostly a file ends with one. */
static bool ends_with_seal(const struct ward_logfile *f, struct found *found)
{
	char prev[WARD_LOG_PREV];
	uint64_t end;

	if (ward_log_last(f->fd, &found->line, &found->length, &end) || !found->line)
		return false;
	if (ward_line_kind(found->line, found->length, prev) == WARD_LINE_SEAL &&
	    !ward_seal_parse(found->line, found->length, &found->seal))
		return true;
	free(found->line);
	found->line = NULL;
	return false;
}

/* The last seal of one file, and how many lines follow it there. */
static int look_for_seal(const struct ward_logfile *f, struct found *found)
{
	int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0), ret;
	struct ward_log *log;
	uint64_t after = 0;
	size_t length;
	char *line;

	if (fd < 0)
		return -errno;
	if (ends_with_seal(f, found)) {
		close(fd);
		return 0;
	}
	ret = ward_log_open_fd(fd, f->path, true, &log);
	if (ret)
		return ret;
	while ((ret = ward_log_line_next(log, &line, &length)) > 0 || ret == -EMSGSIZE) {
		char prev[WARD_LOG_PREV];
		struct ward_seal seal;

		after++;
		if (ret < 0 || ward_line_kind(line, length, prev) != WARD_LINE_SEAL ||
		    ward_seal_parse(line, length, &seal))
			continue;
		free(found->line);
		found->line = strndup(line, length);
		if (!found->line) {
			ret = -ENOMEM;
			break;
		}
		found->length = length;
		found->seal = seal;
		after = 0;
	}
	found->after += after;
	ward_log_close(log);
	return ret;
}

/* From the newest file on, until there is a seal. */
static int last_seal(const struct ward_logset *set, struct found *found)
{
	size_t i;
	int ret = 0;

	for (i = set->count; !ret && i && !found->line; i--)
		ret = look_for_seal(&set->file[i - 1], found);
	return ret;
}

/**
 * wardd_resume - find out where the log was left off, and its seals
 * @w: the writer, whose file is open
 *
 * Return: 0; a negative errno, said.
 */
int wardd_resume(struct wardd_writer *w)
{
	struct ward_logset set = { 0 };
	struct found found = { 0 };
	const struct ward_logfile *f;
	char *line = NULL;
	uint64_t end;
	size_t length;
	int ret;

	ret = end_of_file(w);
	if (!ret)
		ret = ward_logset_open(w->settings->log, &set);
	if (ret)
		goto close;
	w->began = set.current ? set.file[set.count - 1].from : 0;
	f = set.count > set.current ? &set.file[set.count - 1 - set.current] : NULL;
	if (w->size)
		wardd_resume_forget();
	else if (!load_state(w) && f) {
		ret = ward_log_last(f->fd, &line, &length, &end);
		if (!ret && line)
			take_last(w, f->path, line, length);
		free(line);
	}
	if (!ret)
		ret = last_seal(&set, &found);
	if (ret)
		goto close;
	w->seal.records = found.after;
	w->seal.line = found.after + (found.line ? found.seal.line : 0);
	w->seal.first = found.line && found.seal.first ? found.seal.first :
			set.count ? wardd_rotate_first(set.file[0].path) : 1;
	ret = wardd_seal_open(w, found.line ? &found.seal : NULL, found.line, found.length);
close:
	if (ret)
		wardd_say(LOG_ERR, "cannot go on with %s: %s", w->settings->log, strerror(-ret));
	free(found.line);
	ward_logset_close(&set);
	return ret;
}
