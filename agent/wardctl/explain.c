// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy explain: what the rules say of an access, and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/inifile.h"
#include "../lib/policyask.h"
#include "../lib/program.h"
#include "policy.h"
#include "verb.h"

#define NEAR_MAX	5	/* rules that are told when none matches */

/**
 * struct question - who does what, as the rules are asked
 * @what: as it was asked
 * @conf: the vault
 * @policy: its rules
 * @blob: the same, compiled
 * @who: somebody
 * @program: that he runs
 * @groups: his
 * @place: where, from the vault's top on
 * @ops: WARD_OP_*
 */
struct question {
	const struct explain *what;
	struct ward_conf conf;
	struct ward_policy policy;
	void *blob;
	struct ward_actor who;
	struct ward_program_id program;
	struct ward_groups groups;
	char *place;
	uint32_t ops;
};

/* ---- what is asked ------------------------------------------------------------------ */

static bool in_group(uint32_t gid, void *arg)
{
	const struct question *q = arg;

	return ward_groups_has(&q->groups, gid);
}

/* A name has groups; a number has those of its name, if it has one. */
static int take_user(struct question *q, struct ward_err *err)
{
	struct ward_who who;
	int ret;

	ret = ward_who_parse(q->what->user, &who, err);
	if (!ret && who.kind != WARD_SUBJECT_UID)
		ret = ward_fail(err, EINVAL, WARD_USAGE, "--user takes a user, not a group");
	if (ret)
		return ret;
	q->who.fsuid = who.id;
	q->who.in_group = in_group;
	q->who.arg = q;
	return ward_groups_of(who.id, &q->groups) ?
	       ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory") : 0;
}

static int take_login(struct question *q, struct ward_err *err)
{
	struct ward_who who;
	int ret;

	if (!q->what->login)
		return 0;
	ret = ward_who_parse(q->what->login, &who, err);
	if (!ret && who.kind != WARD_SUBJECT_UID)
		ret = ward_fail(err, EINVAL, WARD_USAGE, "--login takes a user, not a group");
	if (ret)
		return ret;
	q->who.has_login = true;
	q->who.loginuid = who.id;
	return 0;
}

/*
 * The program, and which file each one in the rules is. Of rules in force that is as the
 * kernel has it; a program that was replaced since is another one.
 */
static int take_program(struct question *q, struct ward_nl *nl, struct ward_err *err)
{
	const char *path = q->what->program;
	int fd, ret = 0;

	/* One that no rule can name. */
	q->who.program = &q->program;
	if (!nl) {
		ward_policy_by_path(&q->policy);
		if (path)
			q->program = ward_program_by_path(path);
		return 0;
	}
	if (q->what->file) {
		ret = ward_policy_find_programs(&q->policy, nl, err);
		ui_notes(err);
		ward_err_clear(err);
	}
	if (ret || !path)
		return ret;
	fd = ward_program_open(path, err);
	/* What rules may not name somebody may run all the same. */
	if (fd < 0) {
		ui_warn("%s: no rule can name it", err->text);
		ward_err_clear(err);
		return fd == -ENOENT ? ward_fail(err, ENOENT, WARD_USAGE,
						 "there is no program %s", path) : 0;
	}
	ret = ward_nl_program_get(nl, fd, &q->program);
	close(fd);
	return ret ? ward_fail_errno(err, ret, "cannot ask the kernel about %s", path) : 0;
}

static int take_operation(void *arg, char *item)
{
	struct question *q = arg;
	unsigned int bit;

	for (bit = 0; ward_operation_name(bit); bit++)
		if (!strcmp(item, ward_operation_name(bit))) {
			q->ops |= 1U << bit;
			return 0;
		}
	return strcmp(item, "all") ? -EINVAL : (q->ops = WARD_OP_ALL, 0);
}

static int take_time(struct question *q, struct ward_err *err)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *end;

	q->who.now = time(NULL);
	if (!q->what->when)
		return 0;
	end = strptime(q->what->when, "%Y-%m-%d %H:%M", &tm);
	if (!end || *end)
		return ward_fail(err, EINVAL, WARD_USAGE,
				 "\"%s\" is no time: write it like 2026-11-27 20:00",
				 q->what->when);
	tm.tm_isdst = -1;
	q->who.now = mktime(&tm);
	return 0;
}

/* From the vault's top on, by whichever of both ways it was written. */
static int take_path(struct question *q, struct ward_err *err)
{
	const char *path = q->what->path, *dir = q->conf.directory;
	size_t n = strlen(dir);
	int ret;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (!strncmp(path, dir, n) && (!path[n] || path[n] == '/'))
		path = path[n] ? path + n : "/";
	ret = ward_path_parse(path, NULL, &q->place, err);
	if (ret)
		err->cause = WARD_USAGE;
	return ret;
}

/* ---- what is answered ------------------------------------------------------------------- */

static const struct ward_rule *next_rule(const struct ward_rule *r)
{
	return (const void *)((const uint8_t *)r + le32toh(r->length));
}

static json_t *words_of(uint32_t lacks)
{
	json_t *words = json_array();
	unsigned int type;

	for (type = 1; type <= WARD_COND_LAST; type++)
		if (lacks & 1U << type && type != WARD_COND_KTHREAD)
			json_array_append_new(words, json_string(ward_condition_name(type)));
	return words;
}

static unsigned int count_bits(uint32_t x)
{
	return __builtin_popcount(x);
}

/* The rules that come nearest to allowing an operation, nearest first. */
static json_t *nearer(const struct question *q, uint32_t op)
{
	const struct ward_policy_header *h = q->blob;
	json_t *list = json_array();
	unsigned int most, i;

	for (most = 1; most <= WARD_COND_LAST; most++) {
		const struct ward_rule *r = (const void *)(h + 1);

		for (i = 0; i < le32toh(h->rules); i++, r = next_rule(r)) {
			uint32_t lacks = ward_rule_lacks(r, &q->who);

			json_t *name;

			if (!(le16toh(r->flags) & WARD_RULE_ALLOW) ||
			    !(le32toh(r->operations) & op) || count_bits(lacks) != most ||
			    json_array_size(list) == NEAR_MAX)
				continue;
			name = ui_string((const char *)r->name);
			json_array_append_new(list, json_pack("{s:o, s:o}", "rule", name, "lacks",
							      words_of(lacks)));
		}
	}
	return list;
}

/* The first directory on the way that he may not pass; NULL: he gets there. */
static char *stopped_at(struct question *q)
{
	size_t i, len = strlen(q->place);
	struct ward_actor who = q->who;

	for (i = 0; i < len; i++) {
		if (q->place[i] != '/')
			continue;
		who.place = (const uint8_t *)q->place;
		who.place_len = i;
		who.way = who.place;
		who.way_len = i;
		if (!ward_policy_walks(q->blob, &who))
			return i ? strndup(q->place, i) : strdup("/");
	}
	return NULL;
}

static json_t *answer(struct question *q, unsigned int bit)
{
	struct ward_verdict v;
	json_t *o;

	ward_policy_decide(q->blob, &q->who, 1U << bit, &v);
	o = json_pack("{s:s, s:b, s:b}", "operation", ward_operation_name(bit), "allowed", v.allow,
		      "recorded", v.allow ? v.record : !v.silent);
	if (v.rule)
		json_object_set_new(o, "rule", ui_string((const char *)v.rule->name));
	else
		json_object_set_new(o, "nearest", nearer(q, 1U << bit));
	return o;
}

static void say(const struct question *q, json_t *o)
{
	const char *rule = json_string_value(json_object_get(o, "rule"));
	const char *op = json_string_value(json_object_get(o, "operation"));
	json_t *near = json_object_get(o, "nearest"), *one, *lack;
	bool allowed = json_is_true(json_object_get(o, "allowed"));
	size_t i, k;

	if (rule)
		ui_say("%s %s %s %s: rule \"%s\"", q->what->user, allowed ? "may" : "may not", op,
		       q->place, rule);
	else
		ui_say("%s may not %s %s: no rule allows it", q->what->user, op, q->place);
	json_array_foreach(near, i, one) {
		char text[256] = "";

		json_array_foreach(json_object_get(one, "lacks"), k, lack) {
			size_t n = strlen(text);

			snprintf(text + n, sizeof(text) - n, "%s%s", k ? ", " : "",
				 json_string_value(lack));
		}
		ui_say("    rule \"%s\" would, but for its %s",
		       json_string_value(json_object_get(one, "rule")), text);
	}
}

static int tell(struct question *q)
{
	json_t *answers = json_array(), *o;
	char *stop = stopped_at(q);
	unsigned int bit;
	size_t i;

	for (bit = 0; ward_operation_name(bit); bit++)
		if (q->ops & 1U << bit)
			json_array_append_new(answers, answer(q, bit));
	json_array_foreach(answers, i, o)
		say(q, o);
	if (stop)
		ui_say("and cannot get there: no rule lets %s do anything in %s, or further down",
		       q->what->user, stop);
	if (q->policy.flags & WARD_POLICY_PERMISSIVE)
		ui_say("but the policy is permissive: what it refuses is reported, and let through");
	if (!verb_globals.json) {
		json_decref(answers);
		free(stop);
		return WARD_DONE;
	}
	o = json_pack("{s:s, s:o, s:o, s:b, s:o}", "name", q->conf.name, "path",
		      ui_string(q->place), "answers", answers, "permissive",
		      !!(q->policy.flags & WARD_POLICY_PERMISSIVE), "stopped_at",
		      stop ? ui_string(stop) : json_null());
	free(stop);
	return ui_json(o);
}

/* ---- where the rules come from -------------------------------------------------------------- */

static int compile(struct question *q, struct ward_err *err)
{
	int ret = q->what->file ? ward_policy_set_hours(&q->policy, time(NULL)) : 0;

	free(q->blob);
	q->blob = NULL;
	return ret ? ward_fail_errno(err, ret, "cannot find out what the hours mean") :
		     ward_policy_to_ask(&q->policy, q->conf.uuid, &q->blob, err);
}

static int ask(struct question *q, struct ward_nl *nl, struct ward_err *err)
{
	size_t len;
	int ret;

	ret = q->what->file ? policy_read_file(q->what->file, &q->policy, err) :
	      policy_read_stored(&q->conf, &q->blob, &len, &q->policy, err);
	if (!ret)
		ret = take_user(q, err);
	if (!ret)
		ret = take_login(q, err);
	if (!ret)
		ret = take_program(q, nl, err);
	if (!ret)
		ret = take_time(q, err);
	if (!ret)
		ret = take_path(q, err);
	if (!ret && ward_ini_list(q->what->operations, take_operation, q))
		ret = ward_fail(err, EINVAL, WARD_USAGE,
				"--op takes read, write, create, delete, rename, link, list, execute, setattr, setxattr, or all: \"%s\" has something else in it",
				q->what->operations);
	if (!ret && !q->ops)
		ret = ward_fail(err, EINVAL, WARD_USAGE, "--op names no operation");
	return ret ? ret : compile(q, err);
}

/**
 * policy_explain - the verb "policy explain"
 * @name: of the vault
 * @what: what to explain
 *
 * Return: the exit status.
 */
int policy_explain(const char *name, const struct explain *what)
{
	struct question q = { .what = what };
	struct ward_nl *nl = NULL;
	struct ward_err err;
	int ret;

	ward_err_clear(&err);
	if (ward_conf_find(name, &q.conf, &err))
		return ui_fail(&err);
	if (ward_nl_open(&nl))
		nl = NULL;
	ret = ask(&q, nl, &err);
	if (ret) {
		ret = ui_fail(&err);
	} else {
		q.who.place = (const uint8_t *)q.place;
		q.who.place_len = strlen(q.place);
		ret = tell(&q);
	}
	ward_nl_close(nl);
	ward_policy_free(&q.policy);
	free(q.blob);
	free(q.groups.gid);
	free(q.place);
	return ret;
}
