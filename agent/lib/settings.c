// SPDX-License-Identifier: GPL-2.0-or-later
/* /etc/ward/ward.conf: see ward.conf(5). */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypt.h"
#include "durable.h"
#include "inifile.h"
#include "log.h"
#include "settings.h"
#include "vaultfile.h"

struct reader {
	struct ward_settings *settings;
	struct ward_err *err;
};

static int yes_or_no(const struct reader *r, const char *key, const char *value, int line,
		     bool *out)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return ward_fail(r->err, EINVAL, WARD_USAGE,
				 "line %d: %s is \"yes\" or \"no\", not \"%s\"", line, key, value);
	*out = !strcmp(value, "yes");
	return 0;
}

/* ---- values with units ------------------------------------------------------------ */

static bool parse_unit(const char *value, const char *units, const uint64_t *factors,
		       uint64_t *out)
{
	unsigned long long n;
	const char *unit;
	char *end;

	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno)
		return false;
	if (!*end) {
		*out = n;
		return true;
	}
	unit = strchr(units, *end);
	if (!unit || end[1] || __builtin_mul_overflow(n, factors[unit - units], out))
		return false;
	return true;
}

static bool parse_size(const char *value, uint64_t *out)
{
	static const uint64_t factors[] = { 1ULL << 10, 1ULL << 20, 1ULL << 30, 1ULL << 40 };

	return parse_unit(value, "KMGT", factors, out) && *out <= 1ULL << 50;
}

static bool parse_time(const char *value, uint64_t *out)
{
	static const uint64_t factors[] = { 1, 60, 3600, 86400, 604800 };

	return parse_unit(value, "smhdw", factors, out) && *out <= 10ULL * 366 * 86400;
}

static int size(const struct reader *r, const char *key, const char *value, int line,
		uint64_t least, uint64_t *out)
{
	if (parse_size(value, out) && (!*out || *out >= least))
		return 0;
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "line %d: %s is a number of bytes, as 500K, 64M or 2G: 0, or at least %" PRIu64 "; not \"%s\"",
			 line, key, least, value);
}

static int time_span(const struct reader *r, const char *key, const char *value, int line,
		     uint64_t least, uint64_t *out)
{
	if (parse_time(value, out) && *out >= least)
		return 0;
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "line %d: %s is a time, as 60s, 15m, 12h, 30d or 4w, of at least %" PRIu64 " seconds; not \"%s\"",
			 line, key, least, value);
}

static int count(const struct reader *r, const char *key, const char *value, int line,
		 uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : UINT64_MAX;
	if (*out != UINT64_MAX && !errno && !*end && *out >= least && *out <= most)
		return 0;
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "line %d: %s is a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"",
			 line, key, least, most, value);
}

/* ---- room on the disk --------------------------------------------------------------- */

static int space(const struct reader *r, const char *key, const char *value, int line,
		 struct ward_space_rule *rule)
{
	size_t len = strlen(value);
	uint64_t percent;

	if (len > 1 && value[len - 1] == '%') {
		char *end;

		percent = *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 100;
		if (percent < 100 && end == value + len - 1) {
			rule->bytes = 0;
			rule->percent = percent;
			return 0;
		}
	} else if (parse_size(value, &rule->bytes)) {
		rule->percent = 0;
		return 0;
	}
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "line %d: %s is a number of bytes, as 64M, or a part of the file system, as 5%%; not \"%s\"",
			 line, key, value);
}

static int space_action(const struct reader *r, const char *key, const char *value, int line,
			struct ward_space_rule *rule)
{
	static const char * const words[] = { "ignore", "syslog", "rotate", "exec", "suspend" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len = strlen(words[i]);

		if (i == WARD_SPACE_EXEC) {
			const char *program = value + 5;

			if (strncmp(value, "exec ", 5))
				continue;
			program += strspn(program, " ");
			if (*program != '/' || strlen(program) >= sizeof(rule->program))
				continue;
			strcpy(rule->program, program);
		} else if (strncmp(value, words[i], len) || value[len]) {
			continue;
		}
		rule->action = i;
		return 0;
	}
	/* auditd has them. */
	if (!strcmp(value, "single") || !strcmp(value, "halt"))
		return ward_fail(r->err, EINVAL, WARD_USAGE,
				 "line %d: %s: \"%s\" would take the files from people for want of room in a log, which Ward does not do: use suspend",
				 line, key, value);
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "line %d: %s is ignore, syslog, rotate, suspend, or exec and the absolute path of a program; not \"%s\"",
			 line, key, value);
}

/* ---- [log] --------------------------------------------------------------------------- */

static int log_entry(const struct reader *r, const char *key, const char *value, int line)
{
	struct ward_settings *s = r->settings;

	if (!strcmp(key, "journal"))
		return yes_or_no(r, key, value, line, &s->journal);
	if (!strcmp(key, "file")) {
		if (value[0] != '/' || strlen(value) >= sizeof(s->log) - 16 ||
		    value[strlen(value) - 1] == '/')
			return ward_fail(r->err, EINVAL, WARD_USAGE,
					 "line %d: file must be the absolute path of a file", line);
		strcpy(s->log, value);
		return 0;
	}
	if (!strcmp(key, "sync")) {
		if (strcmp(value, "batch") && strcmp(value, "never"))
			return ward_fail(r->err, EINVAL, WARD_USAGE,
					 "line %d: sync is \"batch\" or \"never\", not \"%s\"",
					 line, value);
		s->sync = !strcmp(value, "batch");
		return 0;
	}
	if (!strcmp(key, "seal"))
		return yes_or_no(r, key, value, line, &s->seal);
	if (!strcmp(key, "seal-records"))
		return count(r, key, value, line, 1, 1000000, &s->seal_records);
	if (!strcmp(key, "seal-after"))
		return time_span(r, key, value, line, 1, &s->seal_seconds);
	if (!strcmp(key, "seal-idle"))
		return time_span(r, key, value, line, 0, &s->seal_idle);
	if (!strcmp(key, "rotate-size"))
		return size(r, key, value, line, 65536, &s->rotate_size);
	if (!strcmp(key, "rotate-age"))
		return time_span(r, key, value, line, 0, &s->rotate_age);
	if (!strcmp(key, "rotate-keep"))
		return count(r, key, value, line, 0, 500, &s->rotate_keep);
	if (!strcmp(key, "space-left"))
		return space(r, key, value, line, &s->space);
	if (!strcmp(key, "space-left-action"))
		return space_action(r, key, value, line, &s->space);
	if (!strcmp(key, "admin-space-left"))
		return space(r, key, value, line, &s->admin_space);
	if (!strcmp(key, "admin-space-left-action"))
		return space_action(r, key, value, line, &s->admin_space);
	if (!strcmp(key, "disk-full-action"))
		return space_action(r, key, value, line, &s->full);
	return ward_fail(r->err, EINVAL, WARD_USAGE, "line %d: there is no \"%s\" in [log]", line,
			 key);
}

/* ---- [passphrase] --------------------------------------------------------------------- */

static int passphrase_entry(const struct reader *r, const char *key, const char *value, int line)
{
	const uint64_t most = (uint64_t)WARD_ARGON2_MAX_KIB << 10;
	uint64_t *memory = &r->settings->passphrase_memory;

	if (!strcmp(key, "passes"))
		return count(r, key, value, line, 1, WARD_ARGON2_MAX_TIME,
			     &r->settings->passphrase_passes);
	if (strcmp(key, "memory"))
		return ward_fail(r->err, EINVAL, WARD_USAGE,
				 "line %d: there is no \"%s\" in [passphrase]", line, key);
	if (parse_size(value, memory) && *memory >= 65536 && *memory <= most)
		return 0;
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "line %d: memory is a number of bytes, from 64K to 4G, as 64M; not \"%s\"",
			 line, value);
}

static int entry(void *arg, const char *section, const char *key, const char *value,
		 const struct ward_ini_at *at)
{
	struct reader *r = arg;
	int line = at->line;

	if (!strcmp(section, "log"))
		return key ? log_entry(r, key, value, line) : 0;
	if (!strcmp(section, "passphrase"))
		return key ? passphrase_entry(r, key, value, line) : 0;
	if (strcmp(section, "check"))
		return ward_fail(r->err, EINVAL, WARD_USAGE,
				 "line %d: there is no section [%s], but [log], [check] and [passphrase]",
				 line, section);
	if (!key)
		return 0;
	if (!strcmp(key, "after-unclean-end"))
		return yes_or_no(r, key, value, line, &r->settings->check);
	return ward_fail(r->err, EINVAL, WARD_USAGE, "line %d: there is no \"%s\" in [check]",
			 line, key);
}

/**
 * ward_settings_load - read ward.conf
 * @path: the file; it need not exist
 * @settings: filled in; what the file does not say has its default
 * @err: says what is wrong, and where
 *
 * Return: 0 or a negative errno.
 */
int ward_settings_load(const char *path, struct ward_settings *settings, struct ward_err *err)
{
	struct reader r = { settings, err };
	struct ward_err unread;
	void *text;
	size_t len;
	int ret;

	memset(settings, 0, sizeof(*settings));
	strcpy(settings->log, WARD_LOG_PATH);
	settings->sync = true;
	settings->journal = true;
	settings->seal = true;
	settings->seal_records = 1000;
	settings->seal_seconds = 60;
	settings->seal_idle = 3600;
	settings->rotate_size = 64 << 20;
	settings->rotate_keep = 16;
	settings->space.bytes = 512 << 20;
	settings->space.percent = 10;
	settings->space.action = WARD_SPACE_SYSLOG;
	settings->admin_space.bytes = 64 << 20;
	settings->admin_space.percent = 2;
	settings->admin_space.action = WARD_SPACE_SUSPEND;
	settings->full.action = WARD_SPACE_SUSPEND;
	settings->check = true;
	settings->passphrase_memory = (uint64_t)WARD_ARGON2_MEMORY_KIB << 10;
	settings->passphrase_passes = WARD_ARGON2_PASSES;
	ret = ward_durable_read_text(path, WARD_INI_MAX, &text, &len, &unread);
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return ward_fail(err, -ret, unread.cause, "%s", unread.text);
	ret = ward_ini_parse(text, len, NULL, entry, &r, err);
	free(text);
	if (ret) {
		char why[WARD_ERR_TEXT];

		memcpy(why, err->text, sizeof(why));
		ward_fail(err, -ret, WARD_USAGE, "%.200s: %.800s", path, why);
	}
	return ret;
}

/**
 * ward_daemon_pid - does wardd run
 *
 * Return: its process id; 0 when it does not run, or one may not look.
 */
pid_t ward_daemon_pid(void)
{
	int fd = open(WARD_DAEMON_PID, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[32] = "";
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK &&
	    read(fd, text, sizeof(text) - 1) > 0)
		pid = atoi(text);
	close(fd);
	return pid > 0 ? pid : 0;
}
