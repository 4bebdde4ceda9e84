// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of the log as questions to rules: docs/policy.md, "Operations". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "log.h"

static const char *text_of(json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static bool is(json_t *record, const char *key, const char *wanted)
{
	const char *text = text_of(record, key);

	return text && !strcmp(text, wanted);
}

/* A number that stands there as text. */
static bool number(json_t *record, const char *key, uint32_t *value)
{
	const char *text = text_of(record, key);
	unsigned long long n;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n > UINT32_MAX)
		return false;
	*value = n;
	return true;
}

/* Takes " (deleted)" and the like from the end. */
static void drop_end(char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	if (len > end_len && !strcmp(text + len - end_len, end))
		text[len - end_len] = '\0';
}

/* The bytes that a path stands for; they have no NUL in them. */
static int unescape(const char *text, char *out, size_t size)
{
	size_t len = strlen(text);
	int ret;

	/* Escaped it is up to four times as long. */
	if (len >= 4 * size)
		return -EINVAL;
	if (len >= size || strchr(text, '\\')) {
		char *bytes = malloc(len + 1);

		if (!bytes)
			return -ENOMEM;
		ret = ward_log_unescape(text, (uint8_t *)bytes, &len);
		if (!ret && (len >= size || memchr(bytes, 0, len)))
			ret = -EINVAL;
		if (!ret) {
			memcpy(out, bytes, len);
			out[len] = '\0';
		}
		free(bytes);
		return ret;
	}
	memcpy(out, text, len + 1);
	return 0;
}

/* ---- where ------------------------------------------------------------------------ */

/**
 * ward_place_parent - the directory that something lies in
 * @place: path from the vault's top on
 * @length: bytes of it
 *
 * Return: how many bytes of @place are that directory's path; 1 for the top.
 */
size_t ward_place_parent(const char *place, size_t length)
{
	while (length > 1 && place[length - 1] != '/')
		length--;
	return length > 1 ? length - 1 : 1;
}

/*
 * Where it is, from the vault's top on. -ENOENT: the record does not say; -EINVAL: it lies
 * elsewhere, as when the vault was mounted somewhere else.
 */
static int take_place(json_t *record, const char *key, const char *key_inside,
		      const char *directory, char out[WARD_PATH_MAX + 1])
{
	const char *text = text_of(record, key), *inside = text_of(record, key_inside);
	size_t n = strlen(directory);
	char *whole, *p;
	int ret;

	if (!text && !inside)
		return -ENOENT;
	while (n && directory[n - 1] == '/')
		n--;
	whole = malloc(2 * (WARD_PATH_MAX + 1));
	if (!whole)
		return -ENOMEM;
	ret = unescape(text ? text : inside, whole, 2 * (WARD_PATH_MAX + 1));
	p = whole;
	if (!ret && text) {
		if (strncmp(p, directory, n) || (p[n] && p[n] != '/'))
			ret = -EINVAL;
		else
			p += n;
	}
	if (!ret && (strlen(p) > WARD_PATH_MAX || (*p && *p != '/')))
		ret = -EINVAL;
	if (!ret) {
		strcpy(out, *p ? p : "/");
		drop_end(out, "//deleted");
	}
	free(whole);
	return ret;
}

static int add_part(struct ward_access *a, const char *place, uint32_t ops, bool itself)
{
	struct ward_access_part *part = &a->part[a->parts++];

	part->ops = ops;
	part->itself = itself;
	part->length = strlen(place);
	memcpy(part->place, place, part->length + 1);
	return 0;
}

/* ---- what --------------------------------------------------------------------------- */

/**
 * struct action - what an action asks rules for
 * @name: value of "event.action"
 * @ops: of the object
 * @moves: @ops, and to create the second path; where there is none, to create the object
 * @itself: the object is a directory
 */
struct action {
	const char *name;
	uint32_t ops;
	bool moves;
	bool itself;
};

static const struct action actions[] = {
	{ .name = "open-read", .ops = WARD_OP_READ },
	{ .name = "read", .ops = WARD_OP_READ },
	/* Whether to write, too, is not recorded; who may not is asked at his opening it. */
	{ .name = "mmap", .ops = WARD_OP_READ },
	{ .name = "open-write", .ops = WARD_OP_WRITE },
	{ .name = "write", .ops = WARD_OP_WRITE },
	{ .name = "create", .ops = WARD_OP_CREATE },
	{ .name = "delete", .ops = WARD_OP_DELETE },
	{ .name = "rename", .ops = WARD_OP_RENAME | WARD_OP_READ | WARD_OP_DELETE,
	  .moves = true },
	{ .name = "link", .ops = WARD_OP_LINK | WARD_OP_READ | WARD_OP_DELETE,
	  .moves = true },
	{ .name = "list", .ops = WARD_OP_LIST, .itself = true },
	{ .name = "lookup", .ops = 0, .itself = true },
	{ .name = "execute", .ops = WARD_OP_EXECUTE },
	{ .name = "setattr", .ops = WARD_OP_SETATTR },
	{ .name = "setxattr", .ops = WARD_OP_SETXATTR },
};

/* What was wanted of the place that a record is about. */
static uint32_t operations(json_t *record)
{
	json_t *words = json_object_get(record, "ward.operations"), *word;
	uint32_t ops = 0;
	unsigned int bit;
	size_t i;

	json_array_foreach(words, i, word)
		for (bit = 0; json_is_string(word) && ward_operation_name(bit); bit++)
			if (!strcmp(json_string_value(word), ward_operation_name(bit)))
				ops |= 1U << bit;
	return ops;
}

static int take_action(json_t *record, const char *directory, struct ward_access *a)
{
	const char *name = text_of(record, "event.action");
	const struct action *action = NULL;
	char place[WARD_PATH_MAX + 1];
	size_t i;
	int ret;

	for (i = 0; name && i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(actions[i].name, name))
			action = &actions[i];
	if (!action)
		return -EINVAL;
	a->parts = 0;
	ret = take_place(record, "file.path", "ward.path_in_vault", directory, place);
	if (ret)
		return ret == -ENOENT ? -EINVAL : ret;
	add_part(a, place, action->ops, action->itself);
	if (!action->moves)
		return 0;
	ret = take_place(record, "ward.target_path", "ward.target_path_in_vault", directory, place);
	if (!ret)
		/* What is there already and is replaced is deleted besides. */
		add_part(a, place, WARD_OP_CREATE | (is(record, "ward.decided_at", "target") ?
						     operations(record) : 0), false);
	else if (ret == -ENOENT)
		/* As it was recorded before both paths were: what was refused at the target. */
		a->part[0].ops = WARD_OP_CREATE;
	return ret == -ENOENT ? 0 : ret;
}

/* ---- who ---------------------------------------------------------------------------- */

/* Processes have a user; only threads of the kernel have none, and may act for one. */
static int take_who(json_t *record, struct ward_access *a)
{
	const char *program;
	uint32_t real;

	a->kernel = !number(record, "user.id", &real);
	a->uid = a->kernel ? 0 : real;
	number(record, "user.effective.id", &a->uid);
	a->has_gid = number(record, "user.effective.group.id", &a->gid) ||
		     number(record, "group.id", &a->gid);
	a->has_login = number(record, "user.audit.id", &a->login);
	/* Which it was has no name, and rules name programs by theirs. */
	if (is(record, "ward.executable.doubt", "exchanged"))
		return -EINVAL;
	program = text_of(record, a->kernel ? "process.name" : "process.executable");
	if ((!program || !*program) && a->kernel)
		return -EINVAL;
	if (!program)
		return 0;
	if (unescape(program, a->program, sizeof(a->program)))
		return -EINVAL;
	drop_end(a->program, " (deleted)");
	if (!a->kernel && a->program[0] != '/')
		a->program[0] = '\0';
	return 0;
}

static int take_when(json_t *record, struct ward_access *a)
{
	json_int_t count = json_integer_value(json_object_get(record, "ward.count"));

	a->from = ward_log_time(record, "@timestamp");
	a->until = ward_log_time(record, "event.end");
	if (a->until < a->from)
		a->until = a->from;
	a->count = count > 0 ? count : 1;
	return a->from < 0 ? -EINVAL : 0;
}

/**
 * ward_access_read - what a record says that somebody did
 * @record: the record
 * @directory: of the vault, as it was when the record was written
 * @access: filled
 *
 * Return: 0; -ENOENT when it is about nothing that rules are asked for (also what a locked
 * vault refused); -EINVAL when it is, and does not say enough; -ENOMEM.
 */
int ward_access_read(json_t *record, const char *directory, struct ward_access *access)
{
	bool violation = is(record, "ward.kind", "violation");
	const char *rule = text_of(record, "rule.name");
	int ret;

	if ((!violation && !is(record, "ward.kind", "audit")) ||
	    is(record, "event.reason", "locked"))
		return -ENOENT;
	access->was = !violation ? WARD_WAS_ALLOWED :
		      is(record, "event.outcome", "success") ? WARD_WAS_REPORTED :
							       WARD_WAS_REFUSED;
	access->by_limit = is(record, "event.reason", "burst");
	access->by_hours = is(record, "event.reason", "hours");
	access->rule[0] = '\0';
	access->program[0] = '\0';
	if (rule && unescape(rule, access->rule, sizeof(access->rule)))
		return -EINVAL;
	ret = take_who(record, access);
	if (!ret)
		ret = take_when(record, access);
	return ret ? ret : take_action(record, directory, access);
}
