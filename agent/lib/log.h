/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event log: events as JSON lines, and reading them back. docs/events.md */
#ifndef WARD_LOG_H
#define WARD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#include "err.h"
#include "netlink.h"

#define WARD_LOG_PATH		"/var/log/ward/events.jsonl"
#define WARD_LOG_LINE_MAX	(256 * 1024)	/* longest line that a reader takes, bytes */
#define WARD_LOG_PREV		65		/* SHA-256 as hex, with its NUL */

/* "ward.prev" of the first line of all */
#define WARD_LOG_FIRST	"0000000000000000000000000000000000000000000000000000000000000000"

/* ---- log.c: records ---------------------------------------------------------------- */

/**
 * struct ward_log_names - who knows names
 * @vault: fills in @name (64 bytes) and @dir (4096 bytes) of a vault, empty when not known
 * @user: fills in @name (256 bytes) of a user, empty when not known
 * @arg: handed to both
 */
struct ward_log_names {
	void (*vault)(const uint8_t *uuid, char *name, char *dir, void *arg);
	void (*user)(uint32_t uid, char *name, void *arg);
	void *arg;
};

#define WARD_LOG_USER	256	/* room for a user's name, bytes */

json_t *ward_log_event(const struct ward_event *event, const struct ward_log_names *names);
json_t *ward_log_own(const char *kind, const char *action, uint64_t time);
uint64_t ward_log_lost(json_t *object);
int ward_log_position(json_t *object, uint8_t load_id[WARD_LOAD_ID_SIZE], uint64_t *sequence,
		      uint64_t *total);
char *ward_log_line(json_t *object, const char *prev);	/* with newline; free() */
void ward_log_hash(const char *line, size_t length, char prev[WARD_LOG_PREV]);
void ward_log_user(uint32_t uid, char name[WARD_LOG_USER]);
char *ward_log_escape(const uint8_t *bytes, size_t length);
int ward_log_unescape(const char *text, uint8_t *bytes, size_t *length);
int ward_log_unhex(const char *text, uint8_t *bytes, size_t count);

/* ---- logtext.c: for people ----------------------------------------------------------- */
char *ward_log_text(json_t *object);		/* a sentence; free() */

/* ---- logfilter.c: choosing ------------------------------------------------------------- */

/**
 * struct ward_log_filter - which records are wanted; empty members let everything pass
 * @vault: value of "ward.vault" or "ward.vault_id"
 * @user: name or number of the real or the effective user; with it, @login is set, too
 * @login: number of the effective or the login user
 * @kind: value of "ward.kind"; without it, seals are left out
 * @action: value of "event.action"
 * @reason: value of "event.reason"
 * @program: value of "process.name" or "process.executable", or the latter's last part
 * @path: "file.path" or "ward.target_path", as it stands in the log: so, or below it; with
 *	*, ? or [ in it, a pattern as for the shell in which * goes over slashes
 * @since: seconds since 1970, UTC; 0 for all
 * @until: likewise; what happened in that second is not wanted any more
 */
struct ward_log_filter {
	const char *vault;
	const char *user;
	const char *login;
	const char *kind;
	const char *action;
	const char *reason;
	const char *program;
	const char *path;
	int64_t since;
	int64_t until;
};

bool ward_log_match(json_t *object, const struct ward_log_filter *filter);
bool ward_log_may_match(const char *line, size_t length, const struct ward_log_filter *filter);
int64_t ward_log_time(json_t *object, const char *key);
int64_t ward_log_seconds(const char *text);

/* ---- logfile.c: one file, as it grows ---------------------------------------------------- */
struct ward_log;

int ward_log_open(const char *path, struct ward_log **log);	/* NULL: WARD_LOG_PATH */
int ward_log_open_fd(int fd, const char *path, bool alone, struct ward_log **log);
void ward_log_close(struct ward_log *log);
int ward_log_line_next(struct ward_log *log, char **line, size_t *length);
int ward_log_next(struct ward_log *log, const struct ward_log_filter *filter, json_t **object,
		  const char **line);
uint64_t ward_log_line_number(const struct ward_log *log);
bool ward_log_unfinished(const struct ward_log *log);
int ward_log_wait(struct ward_log *log, int timeout_ms);
int ward_log_last(int fd, char **line, size_t *length, uint64_t *end);

/* ---- logset.c: a log and the files that it was rotated into ------------------------------- */

/**
 * struct ward_logfile - one of the files that a log consists of
 * @path: where it is
 * @fd: open for reading
 * @dev: which file it is
 * @ino: likewise
 * @size: bytes, when it was opened
 * @prev: "ward.prev" of its first line; "" when that is no record
 * @begin: hash of its first line; "" for a file without one
 * @end: hash of its last line; likewise
 * @from: when its first record happened, seconds since 1970; 0 when not known
 * @until: its last one; likewise
 */
struct ward_logfile {
	char *path;
	int fd;
	dev_t dev;
	ino_t ino;
	off_t size;
	char prev[WARD_LOG_PREV];
	char begin[WARD_LOG_PREV];
	char end[WARD_LOG_PREV];
	int64_t from;
	int64_t until;
};

/**
 * struct ward_logset - all of them, the oldest first
 * @count: how many
 * @file: the files; the last one is the log itself, if it is there
 * @current: the last one is the log itself
 * @copies: files left out because they begin as another one does
 * @packed: files left out because they are compressed
 */
struct ward_logset {
	size_t count;
	struct ward_logfile *file;
	bool current;
	size_t copies;
	size_t packed;
};

int ward_logset_open(const char *path, struct ward_logset *set);
void ward_logset_close(struct ward_logset *set);
bool ward_logfile_pass_over(const struct ward_logfile *f, const struct ward_log_filter *filter);
typedef int (*ward_record_fn)(json_t *object, void *arg);
int ward_logset_scan(const char *path, const struct ward_log_filter *filter, ward_record_fn fn,
		     void *arg, uint64_t *bad);

#endif
