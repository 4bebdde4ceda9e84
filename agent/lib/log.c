// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events as JSON lines: docs/events.md. Names of fields are the Elastic Common
 * Schema's; what is not known is left out. Names of files are any bytes, JSON is
 * not: they are escaped so that nothing is lost and no terminal is upset.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypt.h"
#include "log.h"
#include "policyfile.h"
#include "text.h"

/* ---- names ------------------------------------------------------------------------ */

/**
 * ward_log_escape - bytes as text that holds them all
 * @bytes: any bytes
 * @length: how many
 *
 * A backslash becomes "\\"; a byte that is not part of a visible UTF-8 character
 * becomes "\xNN".
 *
 * Return: UTF-8 for free(), or NULL without memory.
 */
char *ward_log_escape(const uint8_t *bytes, size_t length)
{
	return ward_text_escape((const char *)bytes, length);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/**
 * ward_log_unhex - read hexadecimal digits
 * @text: small digits, and nothing else
 * @bytes: out
 * @count: how many bytes
 *
 * Return: 0; -EINVAL when it is not just so many.
 */
int ward_log_unhex(const char *text, uint8_t *bytes, size_t count)
{
	size_t i;

	if (strlen(text) != 2 * count)
		return -EINVAL;
	for (i = 0; i < 2 * count; i++)
		if (hex_digit(text[i]) < 0)
			return -EINVAL;
	for (i = 0; i < count; i++)
		bytes[i] = hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]);
	return 0;
}

/**
 * ward_log_unescape - the bytes that ward_log_escape() was given
 * @text: what it made of them
 * @bytes: room for strlen(@text) bytes
 * @length: set to how many they are
 *
 * Return: 0; -EINVAL for what ward_log_escape() does not make.
 */
int ward_log_unescape(const char *text, uint8_t *bytes, size_t *length)
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text != '\\') {
			bytes[n++] = *text;
		} else if (text[1] == '\\') {
			bytes[n++] = *++text;
		} else if (text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
			bytes[n++] = hex_digit(text[2]) << 4 | hex_digit(text[3]);
			text += 3;
		} else {
			return -EINVAL;
		}
	}
	*length = n;
	return 0;
}

/**
 * ward_log_user - name of a user
 * @uid: which
 * @name: where it goes; "" when there is no such user
 *
 * Asks the machine's user database, which can take its time.
 */
void ward_log_user(uint32_t uid, char name[WARD_LOG_USER])
{
	const struct passwd *pw = getpwuid(uid);

	snprintf(name, WARD_LOG_USER, "%s", pw ? pw->pw_name : "");
}

/* ---- fields ------------------------------------------------------------------------- */

static void put(json_t *o, const char *key, json_t *value)
{
	/* Without memory a field is missing: better than no record. */
	if (value)
		json_object_set_new(o, key, value);
}

static void put_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		put(o, key, json_string(text));
}

/* Numbers that are names: the Elastic Common Schema has them as text. */
static void put_id(json_t *o, const char *key, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, id);
	put(o, key, json_string(text));
}

static void put_bytes(json_t *o, const char *key, const void *bytes, size_t length)
{
	char *text = length ? ward_log_escape(bytes, length) : NULL;

	put_text(o, key, text);
	free(text);
}

static void put_time(json_t *o, const char *key, uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	char text[64], date[32];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	snprintf(text, sizeof(text), "%s.%09uZ", date, (unsigned int)(ns % 1000000000));
	put(o, key, json_string(text));
}

/* The vault's directory, then the path in it. */
static void put_path(json_t *o, const char *key, const char *dir, const struct ward_bytes *path)
{
	size_t len = strlen(dir);
	char *whole;

	if (!path->length)
		return;
	if (path->length == 1 && path->data[0] == '/') {
		put_bytes(o, key, dir, len);
		return;
	}
	whole = malloc(len + path->length);
	if (!whole)
		return;
	memcpy(whole, dir, len);
	memcpy(whole + len, path->data, path->length);
	put_bytes(o, key, whole, len + path->length);
	free(whole);
}

static void put_host(json_t *o)
{
	static char boot[64];	/* does not change while we run */
	char name[HOST_NAME_MAX + 1] = "";
	FILE *f;

	if (!gethostname(name, sizeof(name) - 1))
		put_bytes(o, "host.name", name, strlen(name));
	if (!boot[0]) {
		f = fopen("/proc/sys/kernel/random/boot_id", "re");
		if (f && fgets(boot, sizeof(boot), f))
			boot[strcspn(boot, "\n")] = '\0';
		if (f)
			fclose(f);
	}
	put_text(o, "host.boot.id", boot);
}

/* Nearly always the two are one user, who is asked for once. */
static void put_users(json_t *o, const struct ward_event *e, const struct ward_log_names *names)
{
	bool real = e->has & WARD_EVENT_HAS_UID;
	char name[WARD_LOG_USER] = "";

	if (real) {
		put_id(o, "user.id", e->uid);
		names->user(e->uid, name, names->arg);
		put_bytes(o, "user.name", name, strlen(name));
	}
	if (!(e->has & WARD_EVENT_HAS_EUID))
		return;
	put_id(o, "user.effective.id", e->euid);
	if (!real || e->uid != e->euid)
		names->user(e->euid, name, names->arg);
	put_bytes(o, "user.effective.name", name, strlen(name));
}

/* Which file was executed, wherever it seemed to lie; and whether the path is that file's. */
static void put_executable(json_t *o, const struct ward_event *e)
{
	unsigned int dev = e->exe_dev;
	char text[WARD_UUID_TEXT];

	put_bytes(o, "process.executable", e->exe.data, e->exe.length);
	put_text(o, "ward.executable.doubt", ward_doubt_name(e->exe_doubt));
	if (le32toh(e->program.kind) == WARD_PROGRAM_UUID ||
	    le32toh(e->program.kind) == WARD_PROGRAM_SUBVOLUME) {
		ward_text_uuid(e->program.fs, text);
		put_text(o, "ward.executable.filesystem", text);
	}
	if (le32toh(e->program.kind) == WARD_PROGRAM_SUBVOLUME)
		put_id(o, "ward.executable.subvolume", le32toh(e->program.dev));
	if (e->has & WARD_EVENT_HAS_EXE_DEV) {
		snprintf(text, sizeof(text), "%u:%u", dev >> 8 & 0xfff,
			 (dev & 0xff) | (dev >> 12 & 0xfff00));
		put_text(o, "ward.executable.device", text);
	}
	if (e->has & WARD_EVENT_HAS_EXE_INODE)
		put_id(o, "ward.executable.inode", e->exe_inode);
}

static void put_who(json_t *o, const struct ward_event *e, const struct ward_log_names *names)
{
	put_users(o, e, names);
	if (e->has & WARD_EVENT_HAS_LOGINUID)
		put_id(o, "user.audit.id", e->loginuid);
	if (e->has & WARD_EVENT_HAS_GID)
		put_id(o, "group.id", e->gid);
	if (e->has & WARD_EVENT_HAS_EGID)
		put_id(o, "user.effective.group.id", e->egid);
	if (e->has & WARD_EVENT_HAS_PID)
		put(o, "process.pid", json_integer(e->pid));
	if (e->has & WARD_EVENT_HAS_PPID)
		put(o, "process.parent.pid", json_integer(e->ppid));
	put_bytes(o, "process.name", e->comm.data, e->comm.length);
	put_executable(o, e);
	if (e->has & WARD_EVENT_HAS_SESSION)
		put_id(o, "process.session", e->session);
	put_bytes(o, "ward.cgroup", e->cgroup.data, e->cgroup.length);
}

static const char *category(uint32_t kind)
{
	switch (kind) {
	case WARD_KIND_VIOLATION:
	case WARD_KIND_AUDIT:
	case WARD_KIND_TAMPER:
		return "file";
	case WARD_KIND_KEY:
		return "authentication";
	case WARD_KIND_POLICY:
		return "configuration";
	case WARD_KIND_MOUNT:
	case WARD_KIND_LOST:
		return "host";
	default:
		return NULL;
	}
}

static bool alert(uint32_t kind)
{
	return kind == WARD_KIND_VIOLATION || kind == WARD_KIND_TAMPER || kind == WARD_KIND_LOST;
}

static void put_vault(json_t *o, const struct ward_event *e, const struct ward_log_names *names,
		      char *dir)
{
	char name[64] = "", uuid[WARD_UUID_TEXT];

	dir[0] = '\0';
	if (!(e->has & WARD_EVENT_HAS_VAULT))
		return;
	names->vault(e->vault, name, dir, names->arg);
	if (!name[0] && e->vault_name)
		put_bytes(o, "ward.vault", e->vault_name, strlen(e->vault_name));
	else
		put_bytes(o, "ward.vault", name, strlen(name));
	ward_text_uuid(e->vault, uuid);
	put_text(o, "ward.vault_id", uuid);
}

/* Of what no rule allows: the nearest one, and what of it does not hold. */
static void put_nearest(json_t *o, const struct ward_event *event)
{
	json_t *lacks = json_array();
	unsigned int type;

	if (event->near)
		put_bytes(o, "ward.nearest_rule", event->near, strlen(event->near));
	for (type = 0; lacks && type < 32; type++)
		if (event->lacks & 1U << type && ward_condition_name(type))
			json_array_append_new(lacks, json_string(ward_condition_name(type)));
	if (event->lacks)
		put(o, "ward.lacks", lacks);
	else
		json_decref(lacks);
}

/* Of the two paths, which one it is about, and what was wanted there. */
static void put_place(json_t *o, const struct ward_event *event)
{
	json_t *ops = json_array();
	unsigned int bit;

	if (event->has & WARD_EVENT_HAS_PLACE)
		put_text(o, "ward.decided_at", ward_place_name(event->place));
	for (bit = 0; ops && ward_operation_name(bit); bit++)
		if (event->ops & 1U << bit)
			json_array_append_new(ops, json_string(ward_operation_name(bit)));
	if (json_array_size(ops))
		put(o, "ward.operations", ops);
	else
		json_decref(ops);
}

/* As it stands in the rule. */
static void put_limit(json_t *o, const struct ward_event *event)
{
	char *text = NULL;
	size_t len;
	FILE *f = event->limit.most ? open_memstream(&text, &len) : NULL;

	if (!f)
		return;
	ward_burst_print_one(&event->limit, f);
	if (!fclose(f))
		put_text(o, "ward.limit", text);
	free(text);
}

/**
 * ward_log_event - an event as a JSON object
 * @event: the event
 * @names: who knows vaults and users
 *
 * Return: a new reference, or NULL without memory.
 */
json_t *ward_log_event(const struct ward_event *event, const struct ward_log_names *names)
{
	char dir[PATH_MAX], load[2 * WARD_LOAD_ID_SIZE + 1];
	json_t *o = json_object();
	int i;

	if (!o)
		return NULL;
	put_time(o, "@timestamp", event->time);
	put(o, "event.sequence", json_integer(event->sequence));
	put_text(o, "event.kind", alert(event->kind) ? "alert" : "event");
	put_text(o, "event.category", category(event->kind));
	put_text(o, "event.action", ward_action_name(event->action));
	if (event->kind != WARD_KIND_LOST)
		put_text(o, "event.outcome", event->error ? "failure" : "success");
	put_text(o, "event.reason", ward_reason_name(event->reason));
	if (event->last_time != event->time)
		put_time(o, "event.end", event->last_time);
	if (event->error && strerrorname_np(event->error))
		put_text(o, "error.code", strerrorname_np(event->error));
	if (event->detail)
		put_bytes(o, "message", event->detail, strlen(event->detail));
	if (event->rule)
		put_bytes(o, "rule.name", event->rule, strlen(event->rule));
	put_limit(o, event);
	put_nearest(o, event);
	put_who(o, event, names);
	put_text(o, "ward.kind", ward_kind_name(event->kind));
	put_vault(o, event, names, dir);
	if (dir[0]) {
		put_path(o, "file.path", dir, &event->path);
		put_path(o, "ward.target_path", dir, &event->path2);
	} else {
		put_path(o, "ward.path_in_vault", "", &event->path);
		put_path(o, "ward.target_path_in_vault", "", &event->path2);
	}
	put_place(o, event);
	if (event->has & WARD_EVENT_HAS_INODE)
		put_id(o, "file.inode", event->inode);
	if (event->has & WARD_EVENT_HAS_BLOCK)
		put(o, "ward.block", json_integer(event->block));
	put(o, "ward.count", json_integer(event->kind == WARD_KIND_LOST ? event->lost :
								       event->count));
	if (event->gone)
		put(o, "ward.lost", json_integer(event->gone));
	if (event->total)
		put(o, "ward.total", json_integer(event->total));
	if (event->vault_total)
		put(o, "ward.vault_total", json_integer(event->vault_total));
	put_host(o);
	for (i = 0; i < WARD_LOAD_ID_SIZE; i++)
		sprintf(load + 2 * i, "%02x", event->load_id[i]);
	put_text(o, "ward.load_id", load);
	return o;
}

/**
 * ward_log_own - the beginning of a record of wardd's own
 * @kind: "ward.kind"
 * @action: "event.action"
 * @time: nanoseconds since 1970
 *
 * Return: a new reference, or NULL without memory.
 */
json_t *ward_log_own(const char *kind, const char *action, uint64_t time)
{
	json_t *o = json_object();

	if (!o)
		return NULL;
	put_time(o, "@timestamp", time);
	put_text(o, "event.kind", "event");
	put_text(o, "event.category", "host");
	put_text(o, "event.action", action);
	put_text(o, "ward.kind", kind);
	put_host(o);
	return o;
}

/**
 * ward_log_lost - how many events a record of the kind lost tells of
 * @object: the record
 *
 * Return: with those that were folded into them, if that is known; 0 for another record.
 */
uint64_t ward_log_lost(json_t *object)
{
	json_int_t count = json_integer_value(json_object_get(object, "ward.count"));
	json_int_t gone = json_integer_value(json_object_get(object, "ward.lost"));
	const char *kind = json_string_value(json_object_get(object, "ward.kind"));

	if (!kind || strcmp(kind, "lost"))
		return 0;
	return gone > count ? gone : count > 0 ? count : 0;
}

/**
 * ward_log_position - up to which event a log has come with a record
 * @object: the record: of an event, or a seal
 * @load_id: set to the module's load
 * @sequence: set to the event's number; 0 for a seal before the first one
 * @total: set to how many happened up to it; 0 when it does not say
 *
 * Return: 0; -ENOENT: it does not say, nothing is set.
 */
int ward_log_position(json_t *object, uint8_t load_id[WARD_LOAD_ID_SIZE], uint64_t *sequence,
		      uint64_t *total)
{
	json_int_t up_to = json_integer_value(json_object_get(object, "ward.total"));
	const char *load = json_string_value(json_object_get(object, "ward.load_id"));
	json_t *number = json_object_get(object, "event.sequence");
	uint8_t id[WARD_LOAD_ID_SIZE];

	if (!number)
		number = json_object_get(object, "ward.seal.sequence");
	if (!load || !json_is_integer(number) || json_integer_value(number) < 0 ||
	    ward_log_unhex(load, id, sizeof(id)))
		return -ENOENT;
	memcpy(load_id, id, sizeof(id));
	*sequence = json_integer_value(number);
	*total = up_to > 0 ? up_to : 0;
	return 0;
}

/* ---- lines ---------------------------------------------------------------------------- */

/**
 * ward_log_line - a record as it stands in the log
 * @object: the record; gets "ward.prev"
 * @prev: hash of the line before; NULL for the first line of all
 *
 * Return: a line with its newline, for free(); NULL without memory.
 */
char *ward_log_line(json_t *object, const char *prev)
{
	char *text, *line;

	if (json_object_set_new(object, "ward.prev", json_string(prev ? prev : WARD_LOG_FIRST)))
		return NULL;
	text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return NULL;
	if (asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

/**
 * ward_log_hash - what the line after this one has as "ward.prev"
 * @line: the line
 * @length: bytes of it, without its newline
 * @prev: SHA-256 as hexadecimal digits; "" when OpenSSL fails
 */
void ward_log_hash(const char *line, size_t length, char prev[WARD_LOG_PREV])
{
	uint8_t digest[32];
	size_t i;

	prev[0] = '\0';
	if (ward_sha256(line, length, digest))
		return;
	for (i = 0; i < sizeof(digest); i++)
		sprintf(prev + 2 * i, "%02x", digest[i]);
}
