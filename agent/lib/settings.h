/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/ward/ward.conf: what the daemon is told, and of new vaults. */
#ifndef WARD_SETTINGS_H
#define WARD_SETTINGS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define WARD_SETTINGS_PATH	"/etc/ward/ward.conf"
#define WARD_DAEMON_PID		"/run/ward/wardd.pid"	/* locked while wardd runs */
#define WARD_DAEMON_STATUS	"/run/ward/wardd.status"	/* what it recorded: JSON */

/* What is done when there is little room on the disk, or none. */
enum ward_space_action {
	WARD_SPACE_IGNORE,
	WARD_SPACE_SYSLOG,
	WARD_SPACE_ROTATE,
	WARD_SPACE_EXEC,
	WARD_SPACE_SUSPEND,
};

/**
 * struct ward_space_rule - when there is little room, and what is done then
 * @bytes: when less than so many are free; 0: @percent alone counts
 * @percent: when less of the file system is free; with @bytes, the lesser of both counts
 * @action: what is done
 * @program: run with WARD_SPACE_EXEC
 */
struct ward_space_rule {
	uint64_t bytes;
	unsigned int percent;
	enum ward_space_action action;
	char program[PATH_MAX];
};

/**
 * struct ward_settings - what ward.conf says
 * @log: the event log
 * @sync: make it durable after each batch of events
 * @journal: hand events to the systemd journal, too
 * @seal: seal the log
 * @seal_records: after so many records
 * @seal_seconds: so many seconds after a record, at the latest
 * @seal_idle: so many seconds after the last seal, although nothing happened; 0: not at all
 * @rotate_size: when it would become larger, bytes; 0: never
 * @rotate_age: when its first record is so old, seconds; 0: never
 * @rotate_keep: how many rotated files are kept; 0: all
 * @space: when there is little room
 * @admin_space: when there is very little
 * @full: when there is none; only @action and @program
 * @check: check vaults after an unclean end
 * @passphrase_memory: what a new passphrase costs to try, bytes
 * @passphrase_passes: and passes over them
 */
struct ward_settings {
	char log[PATH_MAX];
	bool sync;
	bool journal;
	bool seal;
	uint64_t seal_records;
	uint64_t seal_seconds;
	uint64_t seal_idle;
	uint64_t rotate_size;
	uint64_t rotate_age;
	uint64_t rotate_keep;
	struct ward_space_rule space;
	struct ward_space_rule admin_space;
	struct ward_space_rule full;
	bool check;
	uint64_t passphrase_memory;
	uint64_t passphrase_passes;
};

pid_t ward_daemon_pid(void);
int ward_settings_load(const char *path, struct ward_settings *settings, struct ward_err *err);

#endif
