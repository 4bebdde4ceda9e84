/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event log: events as JSON lines, and reading them back. docs/events.md */
#ifndef WARD_LOG_H
#define WARD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "netlink.h"

#define WARD_LOG_PATH		"/var/log/ward/events.jsonl"
#define WARD_LOG_LINE_MAX	(256 * 1024)	/* longest line that a reader takes, bytes */
#define WARD_LOG_PREV		65		/* SHA-256 as hex, with its NUL */

/* "ward.prev" of the first line of all */
#define WARD_LOG_FIRST	"0000000000000000000000000000000000000000000000000000000000000000"

/**
 * struct ward_log_names - who knows names
 * @vault: fills in @name (64 bytes) and @dir (4096 bytes) of a vault, empty when not known
 * @user: fills in @name (256 bytes) of a user, empty when not known
 * @arg: handed to both
 *
 * Without it, ward_log_vault() and ward_log_user() are asked each time.
 */
struct ward_log_names {
	void (*vault)(const uint8_t *uuid, char *name, char *dir, void *arg);
	void (*user)(uint32_t uid, char *name, void *arg);
	void *arg;
};

#define WARD_LOG_USER	256	/* room for a user's name, bytes */

json_t *ward_log_event(const struct ward_event *event, const struct ward_log_names *names);
char *ward_log_text(json_t *object);		/* a sentence; free() */
char *ward_log_line(json_t *object, const char *prev);	/* with newline; free() */
void ward_log_hash(const char *line, size_t length, char prev[WARD_LOG_PREV]);
int ward_log_vault(const uint8_t *uuid, char *name, size_t name_size, char *dir, size_t dir_size);
void ward_log_user(uint32_t uid, char name[WARD_LOG_USER]);
char *ward_log_escape(const uint8_t *bytes, size_t length);
int ward_log_unescape(const char *text, uint8_t *bytes, size_t *length);

/**
 * struct ward_log_filter - which records are wanted; empty members let everything pass
 * @vault: value of "ward.vault" or "ward.vault_id"
 * @user: value of "user.name" or "user.id"; with it, @login is set, too
 * @login: value of "user.audit.id": a number
 * @kind: value of "ward.kind"
 * @since: seconds since 1970, UTC; 0 for all
 */
struct ward_log_filter {
	const char *vault;
	const char *user;
	const char *login;
	const char *kind;
	int64_t since;
};

bool ward_log_match(json_t *object, const struct ward_log_filter *filter);
int64_t ward_log_time(json_t *object, const char *key);

struct ward_log;

int ward_log_open(const char *path, struct ward_log **log);	/* NULL: WARD_LOG_PATH */
void ward_log_close(struct ward_log *log);
int ward_log_next(struct ward_log *log, json_t **object, const char **line);
uint64_t ward_log_line_number(const struct ward_log *log);
int ward_log_wait(struct ward_log *log, int timeout_ms);
int ward_log_last(const char *path, char **line, size_t *length, uint64_t *end);
int ward_log_verify(const char *path, uint64_t *lines, uint64_t *bad_line);

#endif
