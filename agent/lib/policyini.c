// SPDX-License-Identifier: GPL-2.0-or-later
/* A policy as INI text: the part of NAME.conf that people write. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../module/rules.h"
#include "guess.h"
#include "inifile.h"
#include "policyfile.h"

/**
 * struct place - where something stands
 * @line: from 1; 0: nowhere
 * @column: bytes from 1
 */
struct place {
	unsigned int line;
	unsigned int column;
};

struct reader;

/**
 * struct known - an entry that there is
 * @key: its key
 * @add: takes an item of its list, whose place is the reader's; NULL: it is no list
 * @set: takes its value
 */
struct known {
	const char *key;
	int (*add)(struct reader *r, char *item);
	void (*set)(struct reader *r, const char *value);
};

#define ENTRIES_MAX	10	/* in a section */

/**
 * struct reader - what is known while a policy's text is read
 * @policy: what was read so far
 * @err: notes collect all that is wrong, not only the first of it
 * @file: name of the text
 * @wrong: how much
 * @at: what is being looked at
 * @key: what is being looked at
 * @rule: the rule that is being read; NULL in [vault]
 * @rule_at: where it began
 * @in_vault: where the entries of [vault] are
 * @in_rule: where the entries of the rule are
 * @comma: what ended with the line before, so that an item is to follow
 * @comma_key: in this entry
 * @directory: of the vault, or ""
 * @zone: time zone of rules that name none
 * @effect: its effect was stated
 */
struct reader {
	struct ward_policy *policy;
	struct ward_err *err;
	const char *file;
	unsigned int wrong;
	struct place at;
	const char *key;
	struct ward_policy_rule *rule;
	struct place rule_at;
	struct place in_vault[ENTRIES_MAX];
	struct place in_rule[ENTRIES_MAX];
	struct place comma;
	char comma_key[16];
	char directory[4096];
	char zone[WARD_ZONE_MAX + 1];
	bool effect;
};

#define wrong(r, where, fmt, ...) do {						\
	const struct ward_ini_at at_ = { .file = (r)->file, .line = (where).line };	\
	char place_[WARD_INI_PLACE];						\
										\
	(r)->wrong++;								\
	ward_note((r)->err, "%s: " fmt, ward_ini_place(&at_, (where).column, place_),	\
		  ##__VA_ARGS__);						\
} while (0)

/* ---- rules as a whole ------------------------------------------------------------- */

static const struct known rule_entries[];
static const struct known vault_entries[];

static int find_entry(const struct known *known, const char *key)
{
	int i;

	for (i = 0; known[i].key; i++)
		if (!strcmp(known[i].key, key))
			return i;
	return -1;
}

/* Where an entry of the rule stands; the rule's beginning, if nowhere. */
static struct place place_of(const struct reader *r, const char *key)
{
	const struct place *place = &r->in_rule[find_entry(rule_entries, key)];

	return place->line ? *place : r->rule_at;
}

/* A process that never logged in can give itself a login user, so that is no key. */
static bool by_login_alone(const struct ward_policy_rule *rule)
{
	bool by_login = false;
	size_t i;

	for (i = 0; i < rule->count; i++) {
		if (rule->conds[i].type == WARD_COND_SUBJECT)
			return false;
		by_login |= rule->conds[i].type == WARD_COND_LOGIN;
	}
	return by_login && rule->flags & WARD_RULE_ALLOW;
}

/* Hours have the time zone of their rule, else the vault's, else the machine's. */
static void end_hours(struct reader *r)
{
	struct ward_policy_rule *rule = r->rule;
	size_t i;

	for (i = 0; i < rule->count; i++) {
		struct ward_policy_cond *c = &rule->conds[i];

		if (c->type != WARD_COND_HOURS)
			continue;
		if (!c->span_count && !r->wrong)
			wrong(r, place_of(r, "timezone"),
			      "rule \"%s\" has a time zone and no hours: add \"hours = Mon-Fri 07:00-19:00\", or remove it",
			      rule->name);
		if (!c->zone[0])
			strcpy(c->zone, r->zone);
	}
}

static bool limited(const struct ward_policy_rule *rule)
{
	size_t i;

	for (i = 0; i < rule->count; i++)
		if (rule->conds[i].type == WARD_COND_BURST)
			return true;
	return false;
}

/* A list that ends with a comma has lost something. */
static void end_list(struct reader *r)
{
	if (r->comma.line)
		wrong(r, r->comma,
		      "nothing follows this comma in \"%s\": write what is missing, or remove the comma",
		      r->comma_key);
	r->comma.line = 0;
}

static void end_rule(struct reader *r)
{
	struct ward_policy_rule *rule = r->rule;

	end_list(r);
	if (!rule)
		return;
	if (!r->effect)
		wrong(r, r->rule_at,
		      "rule \"%s\" does not say what it does: add \"effect = allow\" or \"effect = deny\"",
		      rule->name);
	if (by_login_alone(rule))
		wrong(r, place_of(r, "logins"),
		      "rule \"%s\" allows by logins alone, which a process can give itself: add users or groups",
		      rule->name);
	if (!(rule->flags & WARD_RULE_ALLOW) && limited(rule))
		wrong(r, place_of(r, "burst"),
		      "rule \"%s\" denies, and what is denied has no limit: remove \"burst\"",
		      rule->name);
	if (!r->in_rule[find_entry(rule_entries, "operations")].line)
		rule->operations = WARD_OP_ALL;
	end_hours(r);
	r->rule = NULL;
}

static void unknown_section(struct reader *r, const char *section)
{
	char first[64], hint[128];
	struct ward_guess guess;

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(section, " \t"), section);
	ward_guess_begin(&guess, first);
	ward_guess_try(&guess, "vault");
	ward_guess_try(&guess, "rule");
	wrong(r, r->at, "there is no section [%s]%s: write [vault] or [rule NAME]", section,
	      ward_guess_say(&guess, hint, sizeof(hint)));
}

static int begin_section(struct reader *r, const char *section)
{
	struct ward_policy *policy = r->policy;
	struct ward_policy_rule *more;
	struct place named;
	const char *name;
	size_t i;

	end_rule(r);
	if (!strcmp(section, "vault")) {
		/* A time zone or directory would hold for the rules after it only. */
		if (policy->count)
			wrong(r, r->at, "[vault] stands before all rules: move it to the file's beginning");
		return 0;
	}
	if (strncmp(section, "rule", 4) || (section[4] && section[4] != ' ' && section[4] != '\t')) {
		unknown_section(r, section);
		return 0;
	}
	name = section + 4 + strspn(section + 4, " \t");
	named = r->at;
	named.column += 1 + name - section;
	if (!*name)
		wrong(r, named, "the rule has no name: write [rule NAME]");
	for (i = 0; i < policy->count; i++)
		if (!strcmp(policy->rules[i].name, name))
			wrong(r, named, "there is a rule \"%s\" already", name);
	more = reallocarray(policy->rules, policy->count + 1, sizeof(*more));
	if (!more)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	policy->rules = more;
	r->rule = &more[policy->count++];
	memset(r->rule, 0, sizeof(*r->rule));
	snprintf(r->rule->name, sizeof(r->rule->name), "%s", name);
	if (!ward_policy_name_ok((const uint8_t *)r->rule->name, sizeof(r->rule->name)))
		wrong(r, named, "the rule's name is not UTF-8");
	r->rule_at = r->at;
	r->rule->line = r->at.line;
	memset(r->in_rule, 0, sizeof(r->in_rule));
	r->effect = false;
	return 0;
}

/* ---- entries ------------------------------------------------------------------------ */

/*
 * A condition of the rule that is being read. Users and groups are two of one type, and
 * both must hold; programs are two types, of which any will do.
 */
static struct ward_policy_cond *condition(struct reader *r, uint16_t type)
{
	struct ward_policy_rule *rule = r->rule;
	bool groups = !strcmp(r->key, "groups");
	size_t i;

	for (i = 0; i < rule->count; i++) {
		struct ward_policy_cond *c = &rule->conds[i];

		if (c->type == type && c->groups == groups)
			return c;
	}
	rule->conds[i].type = type;
	rule->conds[i].groups = groups;
	rule->count++;
	return &rule->conds[i];
}

static int add_who(struct reader *r, char *item)
{
	struct ward_err why;
	struct ward_who who;
	char group[256];

	if (!strcmp(r->key, "groups") && item[0] != '@') {
		snprintf(group, sizeof(group), "@%s", item);
		item = group;
	}
	ward_err_clear(&why);
	if (ward_who_parse(item, &who, &why)) {
		wrong(r, r->at, "%s", why.text);
		return 0;
	}
	if (!strcmp(r->key, "logins") && who.kind == WARD_SUBJECT_GID) {
		wrong(r, r->at, "logins are users: \"%s\" is a group", item);
		return 0;
	}
	if (ward_who_add(&condition(r, !strcmp(r->key, "logins") ? WARD_COND_LOGIN :
				       WARD_COND_SUBJECT)->who, &who))
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	return 0;
}

static int add_kthread(struct reader *r, const char *item)
{
	struct ward_kthread thread = { 0 };
	size_t len = strlen(item);

	if (len < sizeof(thread.name))
		memcpy(thread.name, item, len);
	if (!ward_kthread_ok(&thread)) {
		wrong(r, r->at,
		      "\"%s\" is no thread of the kernel: 1 to 15 letters, digits, \".\", \"_\" and \"-\"",
		      item);
		return 0;
	}
	if (ward_kthread_add(condition(r, WARD_COND_KTHREAD), &thread))
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	return 0;
}

/* Anything may be in a path: what looks like a comment is not to become a part of it. */
static bool commented(struct reader *r, const char *item)
{
	const char *mark = strstr(item, " #");

	if (!mark)
		mark = strstr(item, " ;");
	if (mark)
		wrong(r, r->at,
		      "\"%s\" looks as if a comment followed it: comments have lines of their own, and in a path \"%c\" is written \\x%02x",
		      item, mark[1], mark[1]);
	return mark;
}

/* A file, or a thread of the kernel, such as its NFS server. */
static int add_program(struct reader *r, char *item)
{
	static const char prefix[] = "kernel:";
	struct ward_err why;
	char *path;
	int ret = 0;

	if (commented(r, item))
		return 0;
	if (!strncmp(item, prefix, strlen(prefix)))
		return add_kthread(r, item + strlen(prefix));
	ward_err_clear(&why);
	path = ward_path_unescape(item, &why);
	if (!path) {
		wrong(r, r->at, "%s", why.text);
		return 0;
	}
	if (path[0] != '/' || strlen(path) > WARD_PATH_MAX)
		wrong(r, r->at,
		      "\"%s\" is no program: name its file from the root on, such as /usr/sbin/smbd, or a thread of the kernel, such as kernel:nfsd",
		      item);
	else if (ward_policy_program_add(condition(r, WARD_COND_PROGRAM), path, NULL))
		ret = ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	free(path);
	return ret;
}

static int add_path(struct reader *r, char *item)
{
	struct ward_err why;
	char *path;
	int ret;

	if (commented(r, item))
		return 0;
	ward_err_clear(&why);
	ret = ward_path_parse(item, r->directory, &path, &why);
	if (ret) {
		wrong(r, r->at, "%s", why.text);
		return 0;
	}
	ret = ward_policy_path_add(condition(r, WARD_COND_PATH), path);
	free(path);
	return ret ? ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory") : 0;
}

static int add_hours(struct reader *r, char *item)
{
	struct ward_err why;
	int ret;

	ward_err_clear(&why);
	ret = ward_hours_add(condition(r, WARD_COND_HOURS), item, &why);
	if (ret == -ENOMEM)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	if (ret)
		wrong(r, r->at, "%s", why.text);
	return 0;
}

static int add_burst(struct reader *r, char *item)
{
	struct ward_err why;
	int ret;

	ward_err_clear(&why);
	ret = ward_burst_add(condition(r, WARD_COND_BURST), item, &why);
	if (ret == -ENOMEM)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	if (ret)
		wrong(r, r->at, "%s", why.text);
	return 0;
}

/* @zone: where it goes, WARD_ZONE_MAX + 1 bytes */
static void set_zone(struct reader *r, const char *value, char *zone)
{
	if (ward_zone_ok(value))
		snprintf(zone, WARD_ZONE_MAX + 1, "%s", value);
	else
		wrong(r, r->at,
		      "there is no time zone \"%s\": write one that \"timedatectl list-timezones\" shows, such as Europe/Berlin",
		      value);
}

static int add_operation(struct reader *r, char *item)
{
	struct ward_guess guess;
	unsigned int bit;
	char hint[128];

	if (!strcmp(item, "all")) {
		r->rule->operations = WARD_OP_ALL;
		return 0;
	}
	for (bit = 0; ward_operation_name(bit); bit++)
		if (!strcmp(item, ward_operation_name(bit))) {
			r->rule->operations |= 1U << bit;
			return 0;
		}
	ward_guess_begin(&guess, item);
	for (bit = 0; ward_operation_name(bit); bit++)
		ward_guess_try(&guess, ward_operation_name(bit));
	ward_guess_try(&guess, "all");
	wrong(r, r->at,
	      "there is no operation \"%s\"%s: read, write, create, delete, rename, link, list, execute, setattr, setxattr, or all",
	      item, ward_guess_say(&guess, hint, sizeof(hint)));
	return 0;
}

static int add_effect(struct reader *r, char *item)
{
	static const char * const effects[] = { "allow", "deny", "record", "silent" };
	bool allow = !strcmp(item, "allow");
	struct ward_guess guess;
	char hint[128];
	size_t i;

	if (allow || !strcmp(item, "deny")) {
		if (r->effect && allow != !!(r->rule->flags & WARD_RULE_ALLOW))
			wrong(r, r->at, "the effect is either allow or deny");
		if (allow)
			r->rule->flags |= WARD_RULE_ALLOW;
		r->effect = true;
	} else if (!strcmp(item, "record")) {
		r->rule->flags |= WARD_RULE_RECORD;
	} else if (!strcmp(item, "silent")) {
		r->rule->flags |= WARD_RULE_SILENT;
	} else {
		ward_guess_begin(&guess, item);
		for (i = 0; i < sizeof(effects) / sizeof(*effects); i++)
			ward_guess_try(&guess, effects[i]);
		wrong(r, r->at,
		      "there is no effect \"%s\"%s: allow or deny, and after a comma record or silent",
		      item, ward_guess_say(&guess, hint, sizeof(hint)));
	}
	return 0;
}

static void set_flag(struct reader *r, const char *value, const char *set, uint16_t flag)
{
	if (!strcmp(value, set))
		r->policy->flags |= flag;
	else if (strcmp(value, "yes") && strcmp(value, "no"))
		wrong(r, r->at, "%s is yes or no, not \"%s\"", r->key, value);
}

static void set_permissive(struct reader *r, const char *value)
{
	set_flag(r, value, "yes", WARD_POLICY_PERMISSIVE);
}

static void set_renew(struct reader *r, const char *value)
{
	set_flag(r, value, "no", WARD_POLICY_FIXED);
}

static void set_vault_zone(struct reader *r, const char *value)
{
	set_zone(r, value, r->zone);
}

static void set_rule_zone(struct reader *r, const char *value)
{
	set_zone(r, value, condition(r, WARD_COND_HOURS)->zone);
}

static void set_directory(struct reader *r, const char *value)
{
	snprintf(r->directory, sizeof(r->directory), "%s", value);
}

/* conf.c reads name, uuid and directory. */
static void set_nothing(struct reader *r, const char *value)
{
	(void)r;
	(void)value;
}

static const struct known vault_entries[] = {
	{ "name", NULL, set_nothing },
	{ "uuid", NULL, set_nothing },
	{ "directory", NULL, set_directory },
	{ "permissive", NULL, set_permissive },
	{ "renew", NULL, set_renew },
	{ "timezone", NULL, set_vault_zone },
	{ 0 }
};

static const struct known rule_entries[] = {
	{ "users", add_who, NULL },
	{ "groups", add_who, NULL },
	{ "logins", add_who, NULL },
	{ "programs", add_program, NULL },
	{ "paths", add_path, NULL },
	{ "hours", add_hours, NULL },
	{ "timezone", NULL, set_rule_zone },
	{ "burst", add_burst, NULL },
	{ "operations", add_operation, NULL },
	{ "effect", add_effect, NULL },
	{ 0 }
};

_Static_assert(sizeof(rule_entries) / sizeof(*rule_entries) - 1 <= ENTRIES_MAX, "places");
_Static_assert(sizeof(vault_entries) / sizeof(*vault_entries) - 1 <= ENTRIES_MAX, "places");

static void unknown_entry(struct reader *r, bool vault)
{
	const struct known *known = vault ? vault_entries : rule_entries;
	struct ward_guess guess;
	char hint[128];
	int i;

	ward_guess_begin(&guess, r->key);
	for (i = 0; known[i].key; i++)
		ward_guess_try(&guess, known[i].key);
	ward_guess_say(&guess, hint, sizeof(hint));
	if (vault)
		wrong(r, r->at,
		      "[vault] has no entry \"%s\"%s: name, uuid, directory, permissive, renew or timezone",
		      r->key, hint);
	else
		wrong(r, r->at,
		      "a rule has no entry \"%s\"%s: users, groups, logins, programs, paths, hours, timezone, burst, operations or effect",
		      r->key, hint);
}

/**
 * struct listing - a list that is being read
 * @r: the reader
 * @add: takes an item
 * @value: all of it
 * @at: where that begins
 * @first: the item is the first one
 * @goes_on: it goes on from the line before
 */
struct listing {
	struct reader *r;
	int (*add)(struct reader *r, char *item);
	const char *value;
	struct place at;
	bool first;
	bool goes_on;
};

/* A place in a list that is empty must not widen the rule: it has lost a condition. */
static void empty_item(struct listing *l, size_t at)
{
	struct reader *r = l->r;

	if (!l->value[at]) {
		/* Where the line ends, the next one may go on. */
		r->comma = r->at;
		r->comma.column = l->at.column + strlen(l->value) - 1;
		snprintf(r->comma_key, sizeof(r->comma_key), "%s", r->key);
	} else if (!l->first || !l->goes_on || r->comma.line) {
		wrong(r, r->at,
		      "nothing stands before this comma in \"%s\": write what is missing, or remove the comma",
		      r->key);
	}
}

static int item(void *arg, char *text, size_t at)
{
	struct listing *l = arg;
	int ret = 0;

	l->r->at.column = l->at.column + at;
	if (*text)
		ret = l->add(l->r, text);
	else
		empty_item(l, at);
	if (l->first && l->goes_on && (*text || l->value[at]))
		l->r->comma.line = 0;
	l->first = false;
	return ret;
}

static int take_list(struct reader *r, const struct known *known, const char *value,
		     const struct ward_ini_at *at)
{
	struct listing l = {
		.r = r, .add = known->add, .value = value, .at = { at->line, at->column },
		.first = true, .goes_on = at->goes_on,
	};
	int ret;

	if (!*value) {
		wrong(r, r->at, "\"%s\" has no value: write one, or remove the line", r->key);
		return 0;
	}
	if (!at->goes_on && !value[strspn(value, ", \t")]) {
		r->at = l.at;
		wrong(r, r->at, "\"%s\" has nothing but commas: write a value, or remove the line",
		      r->key);
		return 0;
	}
	ret = ward_ini_list(value, item, &l);
	return ret == -ENOMEM ? ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory") : ret;
}

static int entry(void *arg, const char *section, const char *key, const char *value,
		 const struct ward_ini_at *at)
{
	bool vault = !strcmp(section, "vault");
	const struct known *known = vault ? vault_entries : rule_entries;
	struct reader *r = arg;
	struct place *seen;
	int i;

	r->at = (struct place){ at->line, at->key_column };
	r->key = key;
	if (!key)
		return begin_section(r, section);
	if (!at->goes_on)
		end_list(r);
	if (!vault && !r->rule)	/* a section that was complained of */
		return 0;
	i = find_entry(known, key);
	if (i < 0) {
		if (!at->goes_on)
			unknown_entry(r, vault);
		return 0;
	}
	seen = &(vault ? r->in_vault : r->in_rule)[i];
	if (seen->line && !at->goes_on)
		wrong(r, r->at,
		      "\"%s\" stands in line %u already: put both into one line, or remove one of them",
		      key, seen->line);
	else if (!at->goes_on)
		*seen = r->at;
	if (known[i].add)
		return take_list(r, &known[i], value, at);
	if (at->goes_on) {
		wrong(r, r->at,
		      "\"%s\" has one value, and this line goes on with it: begin the line without a blank",
		      key);
		return 0;
	}
	if (!*value) {
		wrong(r, r->at, "\"%s\" has no value: write one, or remove the line", key);
		return 0;
	}
	r->at.column = at->column;
	known[i].set(r, value);
	return 0;
}

/**
 * ward_policy_parse - read a policy out of INI text
 * @text: the text, with a NUL behind it
 * @len: bytes
 * @file: its name, for messages; NULL: they have line and column alone
 * @policy: filled, for ward_policy_free(); its users and groups are numbers
 * @err: one note for each thing that is wrong
 *
 * Within one line of users, groups or logins any of them will do; where a rule
 * has more than one such line, one of each must hold.
 *
 * Return: 0 or a negative errno.
 */
int ward_policy_parse(const char *text, size_t len, const char *file, struct ward_policy *policy,
		      struct ward_err *err)
{
	struct reader r = { .policy = policy, .err = err, .file = file };
	int ret;

	memset(policy, 0, sizeof(*policy));
	ward_zone_here(r.zone);
	ret = ward_ini_parse(text, len, file, entry, &r, err);
	if (!ret)
		end_rule(&r);
	if (!ret && r.wrong)
		ret = ward_fail(err, EINVAL, WARD_FAILED, "%s%s%u mistake%s in the rules",
				file ? file : "", file ? ": " : "", r.wrong,
				r.wrong > 1 ? "s" : "");
	if (ret)
		ward_policy_free(policy);
	return ret;
}
