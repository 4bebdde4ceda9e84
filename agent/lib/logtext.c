// SPDX-License-Identifier: GPL-2.0-or-later
/* A record of the event log as a sentence for people. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool is(json_t *o, const char *key, const char *wanted)
{
	const char *text = text_of(o, key);

	return text && !strcmp(text, wanted);
}

/**
 * struct phrase - how an action is said
 * @action: value of "event.action"
 * @infinitive: after "may not", "wants to"
 */
struct phrase {
	const char *action;
	const char *infinitive;
};

static const struct phrase phrases[] = {
	{ "open-read", "open for reading" },
	{ "open-write", "open for writing" },
	{ "create", "create" },
	{ "delete", "delete" },
	{ "rename", "rename" },
	{ "link", "link" },
	{ "list", "list" },
	{ "lookup", "reach" },
	{ "execute", "execute" },
	{ "mmap", "map" },
	{ "setattr", "change attributes of" },
	{ "setxattr", "change extended attributes of" },
	{ "read", "read" },
	{ "write", "write" },
};

static const char *infinitive(json_t *o)
{
	const char *action = text_of(o, "event.action");
	size_t i;

	for (i = 0; action && i < sizeof(phrases) / sizeof(*phrases); i++)
		if (!strcmp(action, phrases[i].action))
			return phrases[i].infinitive;
	return action ? action : "do something to";
}

static const char *path_of(json_t *o, const char *key, const char *other)
{
	const char *path = text_of(o, key);

	if (!path)
		path = text_of(o, other);
	return path;
}

static void put_user(FILE *f, const char *name, const char *id)
{
	if (name)
		fprintf(f, "%s", name);
	else
		fprintf(f, "user %s", id);
}

/*
 * The one whom the rules judged first: a server works for others, as root (smbd) or as no user
 * at all (threads of the kernel).
 */
static void put_who(FILE *f, json_t *o)
{
	const char *id = text_of(o, "user.id"), *effective = text_of(o, "user.effective.id");
	const char *name = text_of(o, "user.name"), *login = text_of(o, "user.audit.id");
	const char *process = text_of(o, "process.name"), *sep = " (";
	bool other = effective && (!id || strcmp(effective, id));

	if (other)
		put_user(f, text_of(o, "user.effective.name"), effective);
	else if (id)
		put_user(f, name, id);
	else
		fprintf(f, "the kernel");
	if (other && id) {
		fprintf(f, "%sreal user ", sep);
		fprintf(f, "%s", name ? name : id);
		sep = ", ";
	}
	/* Who is really behind it, when that is somebody else. */
	if (login && id && strcmp(login, id)) {
		fprintf(f, "%slogged in as user %s", sep, login);
		sep = ", ";
	}
	fprintf(f, "%s", strcmp(sep, " (") ? ")" : "");
	if (process)
		fprintf(f, " with %s%s", other && !id ? "the kernel's " : "", process);
	if (is(o, "ward.executable.doubt", "exchanged"))
		fprintf(f, " (which is another program than it says)");
}

static void put_object(FILE *f, json_t *o)
{
	const char *path = path_of(o, "file.path", "ward.path_in_vault");
	const char *target = path_of(o, "ward.target_path", "ward.target_path_in_vault");
	const char *inode = text_of(o, "file.inode");

	if (path)
		fprintf(f, " %s", path);
	else if (inode)
		fprintf(f, " inode %s", inode);
	if (target)
		fprintf(f, " to %s", target);
}

/* Words of a list, the first after @sep. */
static void put_words(FILE *f, json_t *words, const char *sep)
{
	json_t *word;
	size_t i;

	json_array_foreach(words, i, word) {
		fprintf(f, "%s%s", sep, json_string_value(word) ? json_string_value(word) : "?");
		sep = ", ";
	}
}

/* Of two paths: which one it was, and for want of what. */
static void put_place(FILE *f, json_t *o)
{
	const char *place = text_of(o, "ward.decided_at");
	json_t *ops = json_object_get(o, "ward.operations");

	if (!place)
		return;
	put_words(f, ops, " (");
	fprintf(f, "%s the %s)", json_array_size(ops) ? " at" : " (at", place);
}

/* Of what no rule allows: the rule that nearly does, and why it does not. */
static void put_nearest(FILE *f, json_t *o)
{
	const char *near = text_of(o, "ward.nearest_rule");
	json_t *lacks = json_object_get(o, "ward.lacks");

	if (!near)
		return;
	fprintf(f, ", the nearest is \"%s\"", near);
	put_words(f, lacks, " (not its ");
	fprintf(f, "%s", json_array_size(lacks) ? ")" : "");
}

static void put_access(FILE *f, json_t *o)
{
	const char *reason = text_of(o, "event.reason"), *rule = text_of(o, "rule.name");
	const char *limit = text_of(o, "ward.limit");
	bool refused = is(o, "event.outcome", "failure");
	bool violation = is(o, "ward.kind", "violation");

	put_who(f, o);
	if (refused)
		fprintf(f, " may not %s", infinitive(o));
	else if (violation)
		fprintf(f, " would not be allowed to %s", infinitive(o));
	else
		fprintf(f, " was allowed to %s", infinitive(o));
	put_object(f, o);
	put_place(f, o);
	if (reason && !strcmp(reason, "locked"))
		fprintf(f, ": the vault is locked");
	else if (rule)
		fprintf(f, limit ? ": rule \"%s\" has the limit %s" : ": rule \"%s\"", rule, limit);
	else if (violation && reason && !strcmp(reason, "policy"))
		fprintf(f, ": no rule allows it");
	else if (violation && reason && !strcmp(reason, "hours"))
		fprintf(f, ": no rule allows it at this hour");
	else if (refused && reason)
		fprintf(f, ": %s", reason);
	if (violation && !rule)
		put_nearest(f, o);
}

static void put_tamper(FILE *f, json_t *o)
{
	const char *message = text_of(o, "message");
	json_t *block = json_object_get(o, "ward.block");

	fprintf(f, "TAMPERED or damaged:");
	put_object(f, o);
	if (json_is_integer(block))
		fprintf(f, ", block %" JSON_INTEGER_FORMAT, json_integer_value(block));
	if (message)
		fprintf(f, ": %s", message);
}

static void put_vault_event(FILE *f, json_t *o)
{
	const char *action = text_of(o, "event.action"), *message = text_of(o, "message");
	const char *vault = text_of(o, "ward.vault"), *id = text_of(o, "ward.vault_id");
	const char *code = text_of(o, "error.code");

	fprintf(f, "vault %s: %s", vault ? vault : id ? id : "?", action ? action : "event");
	if (action && !strcmp(action, "settle"))
		put_object(f, o);
	if (text_of(o, "user.id")) {
		fprintf(f, " by ");
		put_who(f, o);
	}
	if (is(o, "event.outcome", "failure"))
		fprintf(f, " failed%s%s", code ? ": " : "", code ? code : "");
	if (message)
		fprintf(f, ": %s", message);
}

static void put_seal(FILE *f, json_t *o)
{
	json_int_t records = json_integer_value(json_object_get(o, "ward.seal.records"));
	const char *cause = text_of(o, "ward.seal.cause");

	fprintf(f, "seal %" JSON_INTEGER_FORMAT " (%s) of the %" JSON_INTEGER_FORMAT " lines before it",
		json_integer_value(json_object_get(o, "ward.seal.number")), cause ? cause : "?",
		records);
}

static void put_lost(FILE *f, json_t *o)
{
	const char *message = text_of(o, "message");

	fprintf(f, "%" PRIu64 " events are lost: ", ward_log_lost(o));
	fputs(message ? message : "they came faster than they were fetched", f);
}

/**
 * ward_log_text - a record as a sentence
 * @object: the record
 *
 * What comes from files and processes in it is escaped as it is in the record, so fit to be
 * shown when the record was made by ward_log_event(). Anybody who does not trust the log
 * file escapes again.
 *
 * Return: one line for free(), without date; NULL without memory.
 */
char *ward_log_text(json_t *object)
{
	json_int_t count = json_integer_value(json_object_get(object, "ward.count"));
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	if (is(object, "ward.kind", "violation") || is(object, "ward.kind", "audit")) {
		put_access(f, object);
	} else if (is(object, "ward.kind", "tamper")) {
		put_tamper(f, object);
	} else if (is(object, "ward.kind", "lost")) {
		put_lost(f, object);
		count = 1;
	} else if (is(object, "ward.kind", "seal")) {
		put_seal(f, object);
	} else {
		put_vault_event(f, object);
	}
	if (count > 1)
		fprintf(f, " (%" JSON_INTEGER_FORMAT " times)", count);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
