// SPDX-License-Identifier: GPL-2.0-or-later
/* A policy as INI text: the part of NAME.conf that people write. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../module/rules.h"
#include "inifile.h"
#include "policyfile.h"

static const char * const operations[] = {
	"read", "write", "create", "delete", "rename", "link", "list", "execute", "setattr",
	"setxattr",
};

/**
 * struct reader - what is known while a policy's text is read
 * @policy: what was read so far
 * @err: notes collect all that is wrong, not only the first of it
 * @wrong: how much
 * @line: of what is being looked at
 * @key: what is being looked at
 * @rule: the rule that is being read; NULL in [vault]
 * @rule_line: where it began
 * @directory: of the vault, or ""
 * @zone: time zone of rules that name none
 * @effect: its effect was stated
 * @operations: its operations were stated
 */
struct reader {
	struct ward_policy *policy;
	struct ward_err *err;
	unsigned int wrong;
	int line;
	const char *key;
	struct ward_policy_rule *rule;
	int rule_line;
	char directory[4096];
	char zone[WARD_ZONE_MAX + 1];
	bool effect;
	bool operations;
};

/**
 * ward_operation_name - the word for an operation
 * @bit: number of its bit in WARD_OP_*
 *
 * Return: a constant string, NULL past the last operation.
 */
const char *ward_operation_name(unsigned int bit)
{
	return bit < sizeof(operations) / sizeof(*operations) ? operations[bit] : NULL;
}

#define wrong(r, n, fmt, ...) do {						\
	(r)->wrong++;								\
	ward_note((r)->err, "line %d: " fmt, n, ##__VA_ARGS__);			\
} while (0)

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
			wrong(r, r->rule_line,
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

static void end_rule(struct reader *r)
{
	struct ward_policy_rule *rule = r->rule;

	if (!rule)
		return;
	if (!r->effect)
		wrong(r, r->rule_line,
		      "rule \"%s\" does not say what it does: add \"effect = allow\" or \"effect = deny\"",
		      rule->name);
	if (by_login_alone(rule))
		wrong(r, r->rule_line,
		      "rule \"%s\" allows by logins alone, which a process can give itself: add users or groups",
		      rule->name);
	if (!(rule->flags & WARD_RULE_ALLOW) && limited(rule))
		wrong(r, r->rule_line,
		      "rule \"%s\" denies, and what is denied has no limit: remove \"burst\"",
		      rule->name);
	if (!r->operations)
		rule->operations = WARD_OP_ALL;
	end_hours(r);
	r->rule = NULL;
}

static int begin_section(struct reader *r, const char *section)
{
	struct ward_policy *policy = r->policy;
	struct ward_policy_rule *more;
	const char *name;
	size_t i;

	end_rule(r);
	if (!strcmp(section, "vault"))
		return 0;
	if (strncmp(section, "rule", 4) || (section[4] != ' ' && section[4] != '\t')) {
		wrong(r, r->line, "there is no section [%s]: write [vault] or [rule NAME]",
		      section);
		return 0;
	}
	name = section + 5 + strspn(section + 5, " \t");
	if (!*name)
		wrong(r, r->line, "the rule has no name");
	for (i = 0; i < policy->count; i++)
		if (!strcmp(policy->rules[i].name, name))
			wrong(r, r->line, "there is a rule \"%s\" already", name);
	more = reallocarray(policy->rules, policy->count + 1, sizeof(*more));
	if (!more)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	policy->rules = more;
	r->rule = &more[policy->count++];
	memset(r->rule, 0, sizeof(*r->rule));
	snprintf(r->rule->name, sizeof(r->rule->name), "%s", name);
	if (!ward_policy_name_ok((const uint8_t *)r->rule->name, sizeof(r->rule->name)))
		wrong(r, r->line, "the rule's name is not UTF-8");
	r->rule_line = r->line;
	r->effect = false;
	r->operations = false;
	return 0;
}

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

static int add_who(void *arg, char *item)
{
	struct reader *r = arg;
	struct ward_err why;
	struct ward_who who;
	char group[256];

	if (!strcmp(r->key, "groups") && item[0] != '@') {
		snprintf(group, sizeof(group), "@%s", item);
		item = group;
	}
	ward_err_clear(&why);
	if (ward_who_parse(item, &who, &why)) {
		wrong(r, r->line, "%s", why.text);
		return 0;
	}
	if (!strcmp(r->key, "logins") && who.kind == WARD_SUBJECT_GID) {
		wrong(r, r->line, "logins are users: \"%s\" is a group", item);
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
		wrong(r, r->line,
		      "\"%s\" is no thread of the kernel: 1 to 15 letters, digits, \".\", \"_\" and \"-\"",
		      item);
		return 0;
	}
	if (ward_kthread_add(condition(r, WARD_COND_KTHREAD), &thread))
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	return 0;
}

/* A file, or a thread of the kernel, such as its NFS server. */
static int add_program(void *arg, char *item)
{
	static const char prefix[] = "kernel:";
	struct reader *r = arg;
	struct ward_err why;
	char *path;
	int ret = 0;

	if (!strncmp(item, prefix, strlen(prefix)))
		return add_kthread(r, item + strlen(prefix));
	ward_err_clear(&why);
	path = ward_path_unescape(item, &why);
	if (!path) {
		wrong(r, r->line, "%s", why.text);
		return 0;
	}
	if (path[0] != '/' || strlen(path) > WARD_PATH_MAX)
		wrong(r, r->line,
		      "\"%s\" is no program: name its file from the root on, such as /usr/sbin/smbd, or a thread of the kernel, such as kernel:nfsd",
		      item);
	else if (ward_policy_program_add(condition(r, WARD_COND_PROGRAM), path, NULL))
		ret = ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	free(path);
	return ret;
}

static int add_path(void *arg, char *item)
{
	struct reader *r = arg;
	struct ward_err why;
	char *path;
	int ret;

	ward_err_clear(&why);
	ret = ward_path_parse(item, r->directory, &path, &why);
	if (ret) {
		wrong(r, r->line, "%s", why.text);
		return 0;
	}
	ret = ward_policy_path_add(condition(r, WARD_COND_PATH), path);
	free(path);
	return ret ? ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory") : 0;
}

static int add_hours(void *arg, char *item)
{
	struct reader *r = arg;
	struct ward_err why;
	int ret;

	ward_err_clear(&why);
	ret = ward_hours_add(condition(r, WARD_COND_HOURS), item, &why);
	if (ret == -ENOMEM)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	if (ret)
		wrong(r, r->line, "%s", why.text);
	return 0;
}

static int add_burst(void *arg, char *item)
{
	struct reader *r = arg;
	struct ward_err why;
	int ret;

	ward_err_clear(&why);
	ret = ward_burst_add(condition(r, WARD_COND_BURST), item, &why);
	if (ret == -ENOMEM)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	if (ret)
		wrong(r, r->line, "%s", why.text);
	return 0;
}

/* @zone: where it goes, WARD_ZONE_MAX + 1 bytes */
static void set_zone(struct reader *r, const char *value, char *zone)
{
	if (ward_zone_ok(value))
		snprintf(zone, WARD_ZONE_MAX + 1, "%s", value);
	else
		wrong(r, r->line,
		      "there is no time zone \"%s\": write one that \"timedatectl list-timezones\" shows, such as Europe/Berlin",
		      value);
}

static int add_operation(void *arg, char *item)
{
	struct reader *r = arg;
	unsigned int bit;

	if (!strcmp(item, "all")) {
		r->rule->operations = WARD_OP_ALL;
		return 0;
	}
	for (bit = 0; ward_operation_name(bit); bit++)
		if (!strcmp(item, ward_operation_name(bit))) {
			r->rule->operations |= 1U << bit;
			return 0;
		}
	wrong(r, r->line,
	      "there is no operation \"%s\": read, write, create, delete, rename, link, list, execute, setattr, setxattr, or all",
	      item);
	return 0;
}

static int add_effect(void *arg, char *item)
{
	struct reader *r = arg;
	bool allow = !strcmp(item, "allow");

	if (allow || !strcmp(item, "deny")) {
		if (r->effect && allow != !!(r->rule->flags & WARD_RULE_ALLOW))
			wrong(r, r->line, "the effect is either allow or deny");
		if (allow)
			r->rule->flags |= WARD_RULE_ALLOW;
		r->effect = true;
	} else if (!strcmp(item, "record")) {
		r->rule->flags |= WARD_RULE_RECORD;
	} else if (!strcmp(item, "silent")) {
		r->rule->flags |= WARD_RULE_SILENT;
	} else {
		wrong(r, r->line,
		      "there is no effect \"%s\": allow or deny, and after a comma record or silent",
		      item);
	}
	return 0;
}

/* An entry of [vault]: conf.c reads name, uuid and directory. */
static void vault_entry(struct reader *r, const char *value)
{
	if (!strcmp(r->key, "permissive")) {
		if (!strcmp(value, "yes"))
			r->policy->flags |= WARD_POLICY_PERMISSIVE;
		else if (strcmp(value, "no"))
			wrong(r, r->line, "permissive is yes or no");
	} else if (!strcmp(r->key, "renew")) {
		if (!strcmp(value, "no"))
			r->policy->flags |= WARD_POLICY_FIXED;
		else if (strcmp(value, "yes"))
			wrong(r, r->line, "renew is yes or no");
	} else if (!strcmp(r->key, "timezone")) {
		set_zone(r, value, r->zone);
	} else if (!strcmp(r->key, "directory")) {
		snprintf(r->directory, sizeof(r->directory), "%s", value);
	} else if (strcmp(r->key, "name") && strcmp(r->key, "uuid")) {
		wrong(r, r->line, "[vault] has no entry \"%s\"", r->key);
	}
}

static int entry(void *arg, const char *section, const char *key, const char *value, int line)
{
	struct reader *r = arg;

	r->line = line;
	r->key = key;
	if (!key)
		return begin_section(r, section);
	if (!strcmp(section, "vault")) {
		vault_entry(r, value);
		return 0;
	}
	if (!r->rule)	/* a section that was complained of */
		return 0;
	if (!*value) {
		wrong(r, line, "\"%s\" has no value: write one, or remove the line", key);
		return 0;
	}
	if (!strcmp(key, "users") || !strcmp(key, "groups") || !strcmp(key, "logins"))
		return ward_ini_list(value, add_who, r);
	if (!strcmp(key, "programs"))
		return ward_ini_list(value, add_program, r);
	if (!strcmp(key, "paths"))
		return ward_ini_list(value, add_path, r);
	if (!strcmp(key, "hours"))
		return ward_ini_list(value, add_hours, r);
	if (!strcmp(key, "burst"))
		return ward_ini_list(value, add_burst, r);
	if (!strcmp(key, "timezone")) {
		set_zone(r, value, condition(r, WARD_COND_HOURS)->zone);
		return 0;
	}
	if (!strcmp(key, "effect"))
		return ward_ini_list(value, add_effect, r);
	if (!strcmp(key, "operations")) {
		r->operations = true;
		return ward_ini_list(value, add_operation, r);
	}
	wrong(r, line,
	      "a rule has no entry \"%s\": users, groups, logins, programs, paths, hours, timezone, burst, operations or effect",
	      key);
	return 0;
}

/**
 * ward_policy_parse - read a policy out of INI text
 * @text: the text, with a NUL behind it
 * @len: bytes
 * @policy: filled, for ward_policy_free(); its users and groups are numbers
 * @err: one note for each thing that is wrong
 *
 * Within one line of users, groups or logins any of them will do; where a rule
 * has more than one such line, one of each must hold.
 *
 * Return: 0 or a negative errno.
 */
int ward_policy_parse(const char *text, size_t len, struct ward_policy *policy,
		      struct ward_err *err)
{
	struct reader r = { .policy = policy, .err = err };
	int ret;

	memset(policy, 0, sizeof(*policy));
	ward_zone_here(r.zone);
	ret = ward_ini_parse(text, len, entry, &r, err);
	if (!ret)
		end_rule(&r);
	if (!ret && r.wrong)
		ret = ward_fail(err, EINVAL, WARD_FAILED, "%u mistake%s in the rules", r.wrong,
				r.wrong > 1 ? "s" : "");
	if (ret)
		ward_policy_free(policy);
	return ret;
}

/* @first: that of a list */
static const char *indent(bool first)
{
	return first ? "" : "             ";
}

static void print_who(const struct ward_policy_cond *cond, const char *key, FILE *f)
{
	char name[256];
	size_t i;

	fprintf(f, "%-10s = ", key);
	for (i = 0; i < cond->who.count; i++) {
		ward_who_name(&cond->who.who[i], name, sizeof(name));
		/* One to a line: however many there are, no line is too long. */
		fprintf(f, "%s%s%s", indent(!i), name,
			i + 1 < cond->who.count ? ",\n" : "\n");
	}
}

static void print_programs(const struct ward_policy_cond *cond, FILE *f)
{
	size_t i;

	fprintf(f, "%-10s = ", "programs");
	for (i = 0; i < cond->thread_count; i++) {
		fprintf(f, "%skernel:", indent(!i));
		/* Learned, it may be one that no rule can name, and whatever a log says it is. */
		ward_path_print((const char *)cond->threads[i].name, f);
		fputs(i + 1 < cond->thread_count ? ",\n" : "\n", f);
	}
}

static void print_paths(const struct ward_policy_cond *cond, FILE *f)
{
	bool programs = cond->type == WARD_COND_PROGRAM;
	size_t count = programs ? cond->program_count : cond->path_count, i;

	fprintf(f, "%-10s = ", programs ? "programs" : "paths");
	for (i = 0; i < count; i++) {
		fputs(indent(!i), f);
		ward_path_print(programs ? cond->programs[i].path : cond->paths[i], f);
		fputs(i + 1 < count ? ",\n" : "\n", f);
	}
}

static void print_cond(const struct ward_policy_cond *cond, FILE *f)
{
	switch (cond->type) {
	case WARD_COND_KTHREAD:
		print_programs(cond, f);
		break;
	case WARD_COND_PATH:
	case WARD_COND_PROGRAM:
		print_paths(cond, f);
		break;
	case WARD_COND_HOURS:
		fprintf(f, "%-10s = ", "hours");
		ward_hours_print(cond, ",\n             ", f);
		fprintf(f, "\n%-10s = %s\n", "timezone", cond->zone);
		break;
	case WARD_COND_BURST:
		fprintf(f, "%-10s = ", "burst");
		ward_burst_print(cond, f);
		fputc('\n', f);
		break;
	default:
		print_who(cond, cond->type == WARD_COND_LOGIN ? "logins" :
			  cond->groups ? "groups" : "users", f);
	}
}

static void print_rule(const struct ward_policy_rule *rule, FILE *f)
{
	const char *sep = "";
	unsigned int bit;
	size_t i;

	fprintf(f, "\n[rule %s]\n", rule->name);
	for (i = 0; i < rule->count; i++)
		print_cond(&rule->conds[i], f);
	fprintf(f, "operations = ");
	if (rule->operations == WARD_OP_ALL) {
		fprintf(f, "all");
	} else {
		for (bit = 0; ward_operation_name(bit); bit++)
			if (rule->operations & 1U << bit) {
				fprintf(f, "%s%s", sep, ward_operation_name(bit));
				sep = ", ";
			}
	}
	fprintf(f, "\neffect     = %s%s%s\n", rule->flags & WARD_RULE_ALLOW ? "allow" : "deny",
		rule->flags & WARD_RULE_RECORD ? ", record" : "",
		rule->flags & WARD_RULE_SILENT ? ", silent" : "");
}

/**
 * ward_policy_print - write a policy's rules in the INI form
 * @policy: the policy
 * @f: where to
 *
 * Return: 0, or -EIO when writing failed.
 */
int ward_policy_print(const struct ward_policy *policy, FILE *f)
{
	size_t i;

	for (i = 0; i < policy->count; i++)
		print_rule(&policy->rules[i], f);
	return ferror(f) ? -EIO : 0;
}
