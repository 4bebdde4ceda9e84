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

#define MOVES		(WARD_OP_RENAME | WARD_OP_LINK)

/**
 * struct step - what the kernel asks for an operation: see docs/policy.md
 * @of: WARD_OP_* that it is asked for
 * @ops: WARD_OP_* that it asks for, all at once
 * @where: of the object, or of where it leads
 * @to: only where a name was given for that
 * @maybe: it is not always asked for, so what is refused here counts for nothing
 * @not_root: likewise for root alone
 * @itself: asked of the program that is run, and not of the one that runs it: the same, where
 *	no rule names programs
 * @note: when it is asked for, or for whom, in words; NULL: always
 */
struct step {
	uint32_t of;
	uint32_t ops;
	enum { OBJECT, TARGET } where;
	bool to;
	bool maybe;
	bool not_root;
	bool itself;
	const char *note;
};

/* In the kernel's order: the first one that is refused is what it reports. */
static const struct step steps[] = {
	{ .of = WARD_OP_RENAME, .ops = WARD_OP_RENAME | WARD_OP_READ | WARD_OP_DELETE },
	{ .of = WARD_OP_LINK, .ops = WARD_OP_LINK | WARD_OP_READ | WARD_OP_DELETE },
	{ .of = MOVES, .ops = WARD_OP_CREATE, .where = TARGET },
	{ .of = WARD_OP_RENAME, .ops = WARD_OP_DELETE, .where = TARGET, .to = true, .maybe = true,
	  .note = "if it is there to be replaced" },
	/* Others than root can set no others. */
	{ .of = WARD_OP_SETXATTR, .ops = WARD_OP_WRITE, .not_root = true,
	  .note = "for user.* of what is no directory" },
	{ .of = WARD_OP_SETXATTR, .ops = WARD_OP_SETXATTR },
	{ .of = WARD_OP_EXECUTE, .ops = WARD_OP_EXECUTE },
	{ .of = WARD_OP_EXECUTE, .ops = WARD_OP_READ },
	{ .of = WARD_OP_EXECUTE, .ops = WARD_OP_READ, .itself = true,
	  .note = "by the program itself, unless it is a script" },
};

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

	for (type = 0; type <= WARD_COND_LAST; type++)
		if (lacks & 1U << type && type != WARD_COND_KTHREAD)
			json_array_append_new(words, json_string(ward_condition_name(type)));
	return words;
}

/*
 * The rules that come nearest to allowing what no rule does, nearest first: the first is the one
 * that the kernel reports. @ops: as for ward_rule_lacks()
 */
static json_t *nearer(const struct question *q, const struct ward_actor *who, uint32_t ops)
{
	const struct ward_policy_header *h = q->blob;
	json_t *list = json_array();
	int most;
	uint32_t i;

	for (most = 1; most <= WARD_COND_LAST + 1; most++) {
		const struct ward_rule *r = (const void *)(h + 1);

		for (i = 0; i < le32toh(h->rules); i++, r = next_rule(r)) {
			uint32_t lacks = ward_rule_lacks(r, who, ops);

			if (__builtin_popcount(lacks) != most || json_array_size(list) == NEAR_MAX)
				continue;
			json_array_append_new(list, json_pack("{s:o, s:o}", "rule",
							      ui_string((const char *)r->name),
							      "lacks", words_of(lacks)));
		}
	}
	return list;
}

/*
 * The first directory on the way that he may not pass; NULL: he gets there. @near: set to the
 * rules that would let him, if no rule stops him
 */
static char *stopped_at(const struct question *q, const char *place, json_t **near)
{
	size_t i, len = strlen(place);
	struct ward_actor who = q->who;
	struct ward_verdict v;

	*near = NULL;
	for (i = 0; i < len; i++) {
		if (place[i] != '/')
			continue;
		who.place = (const uint8_t *)place;
		who.place_len = i;
		who.way = who.place;
		who.way_len = i;
		if (ward_policy_walks(q->blob, &who))
			continue;
		ward_policy_decide(q->blob, &who, WARD_OP_LIST, &v);
		if (!v.rule)
			*near = nearer(q, &who, 0);
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

/*
 * The program that lies there, as the rules know it: it is not looked at, which would take a
 * right in the vault. Return: false where no rule names programs.
 */
static bool program_at(const struct question *q, const char *place, struct ward_program_id *id)
{
	size_t i, k, n, dir = strlen(q->conf.directory);
	bool named = false;

	memset(id, 0, sizeof(*id));
	for (i = 0; i < q->policy.count; i++) {
		for (k = 0; k < q->policy.rules[i].count; k++) {
			const struct ward_policy_cond *c = &q->policy.rules[i].conds[k];

			named |= c->program_count;
			for (n = 0; n < c->program_count; n++)
				if (!strncmp(c->programs[n].path, q->conf.directory, dir) &&
				    !strcmp(c->programs[n].path + dir, place))
					*id = c->programs[n].id;
		}
	}
	return named;
}

/* What the rules say of some operations at one place, which are asked for at once, as @bit. */
static json_t *answer(const struct question *q, uint32_t ops, unsigned int bit,
		      const struct step *step)
{
	const char *place = step && step->where == TARGET ? q->target : q->place;
	struct ward_actor who = q->who;
	struct ward_program_id itself;
	struct ward_verdict v;
	json_t *o, *limits;

	who.place = (const uint8_t *)place;
	who.place_len = strlen(place);
	if (step && step->itself) {
		program_at(q, place, &itself);
		who.program = &itself;
		who.kernel = false;
	}
	ward_policy_decide(q->blob, &who, ops, &v);
	o = json_pack("{s:s, s:o, s:b, s:b}", "operation", ward_operation_name(bit), "path",
		      ui_string(place), "allowed", v.allow, "recorded",
		      v.allow ? v.record : !v.silent);
	if (v.rule)
		json_object_set_new(o, "rule", ui_string((const char *)v.rule->name));
	else
		json_object_set_new(o, "nearest", nearer(q, &who, v.left));
	limits = v.allow && v.limited ? limits_of(q, v.rule, ops) : NULL;
	if (limits)
		json_object_set_new(o, "limits", limits);
	return o;
}

/* One step was refused: what it says of that is what is said of the whole. */
static void refuse(json_t *whole, json_t *one)
{
	static const char * const why[] = { "recorded", "rule", "nearest", "limits" };
	json_t *value;
	size_t i;

	json_object_set_new(whole, "allowed", json_false());
	for (i = 0; i < sizeof(why) / sizeof(*why); i++) {
		json_object_del(whole, why[i]);
		value = json_object_get(one, why[i]);
		if (value)
			json_object_set(whole, why[i], value);
	}
}

/* Each operation of a step by itself, that of the whole first. */
static void add_needs(const struct question *q, json_t *needs, const struct step *step,
		      unsigned int bit)
{
	uint32_t ops = step->ops;
	json_t *one;

	if (!(ops & 1U << bit))
		bit = __builtin_ctz(ops);
	for (; ops; bit = ops ? __builtin_ctz(ops) : 0) {
		one = answer(q, 1U << bit, bit, step);
		/* Without a name for it, "path" is the directory. */
		if (step->where == TARGET && !q->what->to)
			json_object_set_new(one, "in_directory", json_true());
		if (step->note)
			json_object_set_new(one, "note", json_string(step->note));
		if (step->maybe)
			json_object_set_new(one, "if_there", json_true());
		json_array_append_new(needs, one);
		ops &= ~(1U << bit);
	}
}

/* What the rules say of an operation, for which the kernel may ask for more than one. */
static json_t *answer_whole(const struct question *q, unsigned int bit)
{
	json_t *whole = answer(q, 1U << bit, bit, NULL), *needs = json_array(), *all;
	struct ward_program_id id;
	bool refused = false;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (!(steps[i].of & 1U << bit) || (steps[i].to && !q->what->to) ||
		    (steps[i].itself && !program_at(q, q->place, &id)))
			continue;
		add_needs(q, needs, &steps[i], bit);
		if (refused || steps[i].maybe || (steps[i].not_root && !q->who.fsuid))
			continue;
		all = answer(q, steps[i].ops, bit, &steps[i]);
		refused = json_is_false(json_object_get(all, "allowed"));
		if (refused)
			refuse(whole, all);
		/* Of what is allowed one record is enough for it to be in the log. */
		else if (json_is_true(json_object_get(all, "recorded")))
			json_object_set_new(whole, "recorded", json_true());
		json_decref(all);
	}
	if (1U << bit & MOVES)
		json_object_set_new(whole, "target", ui_string(q->target));
	if (json_array_size(needs))
		json_object_set_new(whole, "needs", needs);
	else
		json_decref(needs);
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

static void say_near(json_t *near, const char *indent)
{
	json_t *one;
	char text[512];
	size_t i;

	json_array_foreach(near, i, one) {
		join(json_object_get(one, "lacks"), text, sizeof(text));
		ui_say("%srule \"%s\" would, but for its %s", indent, text_of(one, "rule"), text);
	}
}

static void say_why(json_t *o, const char *indent)
{
	json_t *limits = json_object_get(o, "limits");
	char text[512];

	say_near(json_object_get(o, "nearest"), indent);
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
		const char *note = text_of(one, "note");

		rule = text_of(one, "rule");
		allowed = json_is_true(json_object_get(one, "allowed"));
		ui_say("    %s %s%s%s%s: %s%s%s", text_of(one, "operation"),
		       json_object_get(one, "in_directory") ? "in " : "", text_of(one, "path"),
		       note ? ", " : "", note ? note : "",
		       rule ? allowed ? "rule \"" : "refused by rule \"" : "no rule allows it",
		       rule ? rule : "", rule ? "\"" : "");
		say_why(one, "        ");
	}
}

static void say_stop(const struct question *q, const char *stop, json_t *near, const char *place)
{
	if (!stop)
		return;
	ui_say("and cannot get to %s: no rule lets %s do anything in %s, or further down",
	       place, q->what->user, stop);
	say_near(near, "    ");
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
	json_t *answers = json_array(), *o, *near, *near_to = NULL;
	char *stop = stopped_at(q, q->place, &near), *stop_to;
	unsigned int bit;
	size_t i;
	int ret;

	stop_to = moves ? stopped_at(q, q->target, &near_to) : NULL;
	for (bit = 0; ward_operation_name(bit); bit++)
		if (q->ops & 1U << bit)
			json_array_append_new(answers, answer_whole(q, bit));
	json_array_foreach(answers, i, o)
		say(q, o);
	say_stop(q, stop, near, q->place);
	say_stop(q, stop_to, near_to, q->target);
	if (permissive)
		ui_say("but the policy is permissive: what it refuses is reported, and let through");
	say_boundary(q);
	ret = WARD_DONE;
	if (!verb_globals.json)
		goto free;
	o = json_pack("{s:s, s:o, s:O, s:b, s:o}", "name", q->conf.name, "path",
		      ui_string(q->place), "answers", answers, "permissive", permissive,
		      "stopped_at", stop ? ui_string(stop) : json_null());
	if (near)
		json_object_set(o, "stopped_nearest", near);
	if (moves) {
		json_object_set_new(o, "target_stopped_at", stop_to ? ui_string(stop_to) :
				    json_null());
		json_object_set_new(o, "boundary", json_string(boundaries[q->boundary]));
	}
	if (near_to)
		json_object_set(o, "target_stopped_nearest", near_to);
	ret = ui_json(o);
free:
	json_decref(answers);
	json_decref(near);
	json_decref(near_to);
	free(stop);
	free(stop_to);
	return ret;
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
