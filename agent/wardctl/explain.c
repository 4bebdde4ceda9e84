// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy explain: what the rules say of an access, and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/guess.h"
#include "../lib/inifile.h"
#include "../lib/policyask.h"
#include "../lib/program.h"
#include "policy.h"
#include "verb.h"

#define NEAR_MAX	5	/* rules that are told when none matches */
#define KERNEL		"kernel:"

/* What the kernel asks of the old name besides, and of the new one: see docs/policy.md. */
#define MOVES		(WARD_OP_RENAME | WARD_OP_LINK)
#define MOVES_FROM	(WARD_OP_READ | WARD_OP_DELETE)
#define MOVES_TO	WARD_OP_CREATE

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
 * @target: the new name of what is renamed or linked, likewise; or its directory alone
 * @ops: WARD_OP_*
 * @boundary: between @place and @target
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
	char *target;
	uint32_t ops;
	enum ward_boundary boundary;
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

/* A thread of the kernel, which acts for the user. */
static int take_kthread(struct question *q, const char *name, struct ward_err *err)
{
	struct ward_kthread thread = { 0 };

	if (strlen(name) < sizeof(thread.name))
		strcpy((char *)thread.name, name);
	if (!ward_kthread_ok(&thread))
		return ward_fail(err, EINVAL, WARD_USAGE,
				 "\"%s\" is no thread of the kernel that rules can name: 1 to 15 letters, digits, \".\", \"_\" and \"-\"",
				 name);
	q->who.kernel = true;
	q->who.kthread = name;
	/* For nobody else: its own. */
	q->who.own = !q->who.fsuid;
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

	if (path && !strncmp(path, KERNEL, strlen(KERNEL))) {
		ret = take_kthread(q, path + strlen(KERNEL), err);
		if (ret)
			return ret;
		path = NULL;
	}
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

static int take_operation(void *arg, char *item, size_t at)
{
	struct question *q = arg;
	unsigned int bit;

	(void)at;
	if (!strcmp(item, "all")) {
		q->ops = WARD_OP_ALL;
		return 0;
	}
	for (bit = 0; ward_operation_name(bit); bit++)
		if (!strcmp(item, ward_operation_name(bit))) {
			q->ops |= 1U << bit;
			return 0;
		}
	return -EINVAL;
}

static int take_operations(struct question *q, struct ward_err *err)
{
	const char *given = q->what->operations;
	struct ward_guess guess;
	unsigned int bit;
	char hint[128];

	if (!ward_ini_list(given, take_operation, q))
		return 0;
	ward_guess_begin(&guess, given);
	for (bit = 0; ward_operation_name(bit); bit++)
		ward_guess_try(&guess, ward_operation_name(bit));
	return ward_fail(err, EINVAL, WARD_USAGE,
			 "\"%s\" is not for --op%s: it takes read, write, create, delete, rename, link, list, execute, setattr, setxattr, or all",
			 given, ward_guess_say(&guess, hint, sizeof(hint)));
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
static int take_path(const struct question *q, const char *path, char **place,
		     struct ward_err *err)
{
	const char *dir = q->conf.directory;
	size_t n = strlen(dir);
	int ret;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (!strncmp(path, dir, n) && (!path[n] || path[n] == '/'))
		path = path[n] ? path + n : "/";
	ret = ward_path_parse(path, NULL, place, err);
	if (ret)
		err->cause = WARD_USAGE;
	return ret;
}

/* Without another one it is some new name in the same directory. */
static int take_target(struct question *q, struct ward_err *err)
{
	const char *slash = strrchr(q->place, '/');

	if (q->what->to && !(q->ops & MOVES))
		return ward_fail(err, EINVAL, WARD_USAGE, "--to goes with --op rename or link");
	if (q->what->to)
		return take_path(q, q->what->to, &q->target, err);
	q->target = slash == q->place ? strdup("/") : strndup(q->place, slash - q->place);
	return q->target ? 0 : ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
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
static json_t *nearer(const struct question *q, const struct ward_actor *who, uint32_t op)
{
	const struct ward_policy_header *h = q->blob;
	json_t *list = json_array();
	unsigned int most, i;

	for (most = 1; most <= WARD_COND_LAST; most++) {
		const struct ward_rule *r = (const void *)(h + 1);

		for (i = 0; i < le32toh(h->rules); i++, r = next_rule(r)) {
			uint32_t lacks = ward_rule_lacks(r, who);

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
static char *stopped_at(const struct question *q, const char *place)
{
	size_t i, len = strlen(place);
	struct ward_actor who = q->who;

	for (i = 0; i < len; i++) {
		if (place[i] != '/')
			continue;
		who.place = (const uint8_t *)place;
		who.place_len = i;
		who.way = who.place;
		who.way_len = i;
		if (!ward_policy_walks(q->blob, &who))
			return i ? strndup(place, i) : strdup("/");
	}
	return NULL;
}

static bool counts(const struct ward_burst *b, uint32_t op)
{
	return op & (le32toh(b->what) == WARD_BURST_CHANGES ?
		     WARD_OP_WRITE | WARD_OP_RENAME | WARD_OP_DELETE : WARD_OP_READ);
}

static json_t *limit_text(const struct ward_burst *b)
{
	json_t *string = NULL;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	ward_burst_print_one(b, f);
	if (!fclose(f))
		string = json_string(text);
	free(text);
	return string;
}

/* Those limits of a rule that an operation counts for; NULL: none. */
static json_t *limits_of(const struct question *q, const struct ward_rule *rule, uint32_t op)
{
	const struct ward_rule *r = (const void *)((const struct ward_policy_header *)q->blob + 1);
	json_t *list = json_array();
	size_t i, k, n;

	for (i = 0; i + 1 < q->policy.count && r != rule; i++)
		r = next_rule(r);
	for (k = 0; i < q->policy.count && k < q->policy.rules[i].count; k++) {
		const struct ward_policy_cond *c = &q->policy.rules[i].conds[k];

		for (n = 0; n < c->burst_count; n++)
			if (counts(&c->bursts[n], op))
				json_array_append_new(list, limit_text(&c->bursts[n]));
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

/* What the rules say of one operation at one place. */
static json_t *answer(const struct question *q, unsigned int bit, const char *place)
{
	struct ward_actor who = q->who;
	struct ward_verdict v;
	json_t *o, *limits;

	who.place = (const uint8_t *)place;
	who.place_len = strlen(place);
	ward_policy_decide(q->blob, &who, 1U << bit, &v);
	o = json_pack("{s:s, s:o, s:b, s:b}", "operation", ward_operation_name(bit), "path",
		      ui_string(place), "allowed", v.allow, "recorded",
		      v.allow ? v.record : !v.silent);
	if (v.rule)
		json_object_set_new(o, "rule", ui_string((const char *)v.rule->name));
	else
		json_object_set_new(o, "nearest", nearer(q, &who, 1U << bit));
	limits = v.allow && v.limited ? limits_of(q, v.rule, 1U << bit) : NULL;
	if (limits)
		json_object_set_new(o, "limits", limits);
	return o;
}

static void also(json_t *whole, json_t *needs, json_t *one)
{
	static const char * const why[] = { "recorded", "rule", "nearest", "limits" };
	json_t *value;
	size_t i;

	json_array_append_new(needs, one);
	if (json_is_true(json_object_get(one, "allowed"))) {
		/* Of what is allowed one record is enough for it to be in the log. */
		if (json_is_true(json_object_get(whole, "allowed")) &&
		    json_is_true(json_object_get(one, "recorded")))
			json_object_set_new(whole, "recorded", json_true());
		return;
	}
	/* The first thing that is refused is what the kernel says, and reports. */
	if (json_is_false(json_object_get(whole, "allowed")))
		return;
	json_object_set_new(whole, "allowed", json_false());
	for (i = 0; i < sizeof(why) / sizeof(*why); i++) {
		json_object_del(whole, why[i]);
		value = json_object_get(one, why[i]);
		if (value)
			json_object_set(whole, why[i], value);
	}
}

static unsigned int delete_bit(void)
{
	return __builtin_ctz(WARD_OP_DELETE);
}

/* Renaming and linking ask for more than one operation, at two places. */
static json_t *answer_move(const struct question *q, unsigned int bit)
{
	json_t *whole = answer(q, bit, q->place), *needs = json_array();
	unsigned int other;

	json_array_append_new(needs, json_deep_copy(whole));
	for (other = 0; ward_operation_name(other); other++)
		if (MOVES_FROM & 1U << other)
			also(whole, needs, answer(q, other, q->place));
	for (other = 0; ward_operation_name(other); other++)
		if (MOVES_TO & 1U << other)
			also(whole, needs, answer(q, other, q->target));
	if (q->what->to && 1U << bit == WARD_OP_RENAME) {
		json_t *replaced = answer(q, delete_bit(), q->target);

		json_object_set_new(replaced, "if_there", json_true());
		json_array_append_new(needs, replaced);
	}
	json_object_set_new(whole, "target", ui_string(q->target));
	json_object_set_new(whole, "needs", needs);
	return whole;
}

static const char *text_of(json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* "users, programs" */
static void join(json_t *words, char *text, size_t size)
{
	json_t *word;
	size_t i, n;

	text[0] = '\0';
	json_array_foreach(words, i, word) {
		n = strlen(text);
		snprintf(text + n, size - n, "%s%s", i ? ", " : "", json_string_value(word));
	}
}

static void say_why(json_t *o, const char *indent)
{
	json_t *near = json_object_get(o, "nearest"), *limits = json_object_get(o, "limits"), *one;
	char text[512];
	size_t i;

	json_array_foreach(near, i, one) {
		join(json_object_get(one, "lacks"), text, sizeof(text));
		ui_say("%srule \"%s\" would, but for its %s", indent, text_of(one, "rule"), text);
	}
	if (!limits)
		return;
	join(limits, text, sizeof(text));
	ui_say("%sas long as he stays within the limits of rule \"%s\": %s", indent,
	       text_of(o, "rule"), text);
}

static void say(const struct question *q, json_t *o)
{
	const char *rule = text_of(o, "rule"), *op = text_of(o, "operation");
	json_t *needs = json_object_get(o, "needs"), *one;
	bool allowed = json_is_true(json_object_get(o, "allowed"));
	char to[64] = "";
	size_t i;

	if (needs)
		snprintf(to, sizeof(to), " (all of what it needs:)");
	if (rule && !(needs && allowed))
		ui_say("%s %s %s %s: rule \"%s\"%s", q->what->user, allowed ? "may" : "may not", op,
		       q->place, rule, to);
	else if (allowed)
		ui_say("%s may %s %s%s", q->what->user, op, q->place, to);
	else
		ui_say("%s may not %s %s: no rule allows it%s", q->what->user, op, q->place, to);
	if (!needs) {
		say_why(o, "    ");
		return;
	}
	json_array_foreach(needs, i, one) {
		rule = text_of(one, "rule");
		allowed = json_is_true(json_object_get(one, "allowed"));
		/* The path of the last one is where it arrives: a directory where no name is known. */
		ui_say("    %s %s%s%s: %s%s%s", text_of(one, "operation"),
		       i + 1 == json_array_size(needs) && !q->what->to ? "in " : "",
		       text_of(one, "path"),
		       json_object_get(one, "if_there") ? ", if it is there to be replaced" : "", rule ? allowed ? "rule \"" : "refused by rule \"" :
		       "no rule allows it", rule ? rule : "", rule ? "\"" : "");
		say_why(one, "        ");
	}
}

static void say_stop(const struct question *q, const char *stop, const char *place)
{
	if (stop)
		ui_say("and cannot get to %s: no rule lets %s do anything in %s, or further down",
		       place, q->what->user, stop);
}

static void say_boundary(const struct question *q)
{
	const char *in = q->what->to ? "" : "another name in ";

	if (q->boundary == WARD_BOUNDARY_ALL)
		ui_say("and nobody renames or links %s to %s%s: other rules hold there (EXDEV; under permissive rules, too), so that mv copies and removes",
		       q->place, in, q->target);
	else if (q->boundary == WARD_BOUNDARY_DIRECTORIES)
		ui_say("and if it is a directory, nobody renames %s to %s%s: rules name one of them, or what lies below (EXDEV)",
		       q->place, in, q->target);
}

static int tell(const struct question *q)
{
	static const char * const boundaries[] = {
		[WARD_BOUNDARY_NONE] = "none",
		[WARD_BOUNDARY_DIRECTORIES] = "directories",
		[WARD_BOUNDARY_ALL] = "all",
	};
	bool permissive = q->policy.flags & WARD_POLICY_PERMISSIVE, moves = q->ops & MOVES;
	char *stop = stopped_at(q, q->place), *stop_to;
	json_t *answers = json_array(), *o;
	unsigned int bit;
	size_t i;

	stop_to = moves ? stopped_at(q, q->target) : NULL;
	for (bit = 0; ward_operation_name(bit); bit++)
		if (q->ops & 1U << bit)
			json_array_append_new(answers, 1U << bit & MOVES ? answer_move(q, bit) :
					      answer(q, bit, q->place));
	json_array_foreach(answers, i, o)
		say(q, o);
	say_stop(q, stop, q->place);
	say_stop(q, stop_to, q->target);
	if (permissive)
		ui_say("but the policy is permissive: what it refuses is reported, and let through");
	say_boundary(q);
	if (!verb_globals.json) {
		json_decref(answers);
		free(stop);
		free(stop_to);
		return WARD_DONE;
	}
	o = json_pack("{s:s, s:o, s:o, s:b, s:o}", "name", q->conf.name, "path",
		      ui_string(q->place), "answers", answers, "permissive", permissive,
		      "stopped_at", stop ? ui_string(stop) : json_null());
	if (moves) {
		json_object_set_new(o, "target_stopped_at", stop_to ? ui_string(stop_to) :
				    json_null());
		json_object_set_new(o, "boundary", json_string(boundaries[q->boundary]));
	}
	free(stop);
	free(stop_to);
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
		ret = take_path(q, q->what->path, &q->place, err);
	if (!ret)
		ret = take_operations(q, err);
	if (!ret)
		ret = take_target(q, err);
	if (!ret)
		ret = compile(q, err);
	/* What keeps its name is where it was. */
	if (ret || !(q->ops & MOVES) || !strcmp(q->place, q->target))
		return ret;
	ret = ward_policy_boundary(q->blob, q->place, q->target, !q->what->to, &q->boundary);
	if (ret)
		return ward_fail_errno(err, ret, "cannot compare the paths");
	/* Directories have no hard links. */
	if (q->boundary == WARD_BOUNDARY_DIRECTORIES && !(q->ops & WARD_OP_RENAME))
		q->boundary = WARD_BOUNDARY_NONE;
	return 0;
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
	ret = ret ? ui_fail(&err) : tell(&q);
	ward_nl_close(nl);
	ward_policy_free(&q.policy);
	free(q.blob);
	free(q.groups.gid);
	free(q.place);
	free(q.target);
	return ret;
}
