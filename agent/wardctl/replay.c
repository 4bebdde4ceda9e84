// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy replay: what rules would have said of what is in the log. */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/policyask.h"
#include "../lib/text.h"
#include "policy.h"
#include "verb.h"

#define DIFFERENCES_MAX	10000	/* that are told apart */
#define SHOWN_MAX	50	/* that people are shown */

/**
 * struct difference - accesses of which the rules say something else than those of the time
 * @uid: who
 * @kernel: a thread of the kernel
 * @program: with what; "" when not known
 * @ops: WARD_OP_*; 0: coming by
 * @directory: where
 * @was: what the rules of the time said
 * @was_rule: which one of them; "" for none
 * @rule: which one decides now; "" for none
 * @accesses: how many
 * @first: the first one, seconds since 1970
 * @last: the last one
 */
struct difference {
	uint32_t uid;
	bool kernel;
	char *program;
	uint32_t ops;
	char *directory;
	enum ward_access_was was;
	char was_rule[64];
	char rule[64];
	uint64_t accesses;
	int64_t first;
	int64_t last;
};

/**
 * struct count - what became of accesses
 * @allowed: by how the rules of the time judged them, enum ward_access_was
 * @refused: likewise
 */
struct count {
	uint64_t allowed[3];
	uint64_t refused[3];
};

/**
 * struct replay - rules, and what became of the log under them
 * @file: the rules'
 * @conf: the vault
 * @policy: the rules
 * @asker: knows what they say
 * @access: that is looked at
 * @err: says what is wrong
 * @all: of all
 * @by_rule: as the rules stand there; the last one is for none
 * @records: looked at
 * @limited: accesses that were allowed by a rule with a limit
 * @unclear: records that do not say enough
 * @lost: events that the log does not have
 * @root: of a tree of struct difference, see tsearch(3)
 * @differences: how many
 * @more: accesses that differ and found no room there
 */
struct replay {
	const char *file;
	struct ward_conf conf;
	struct ward_policy policy;
	struct ward_asker *asker;
	struct ward_access access;
	struct ward_err *err;
	struct count all;
	struct count *by_rule;
	uint64_t records;
	uint64_t limited;
	uint64_t unclear;
	uint64_t lost;
	void *root;
	size_t differences;
	uint64_t more;
};

/* ---- differences ---------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;
	int c;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	if (x->kernel != y->kernel)
		return x->kernel ? 1 : -1;
	if (x->ops != y->ops)
		return x->ops < y->ops ? -1 : 1;
	if (x->was != y->was)
		return x->was < y->was ? -1 : 1;
	c = strcmp(x->program, y->program);
	if (!c)
		c = strcmp(x->directory, y->directory);
	if (!c)
		c = strcmp(x->was_rule, y->was_rule);
	return c ? c : strcmp(x->rule, y->rule);
}

static void difference_free(void *arg)
{
	struct difference *d = arg;

	free(d->program);
	free(d->directory);
	free(d);
}

static int differs(struct replay *r, const struct ward_answer *answer)
{
	const struct ward_access *a = &r->access;
	const struct ward_access_part *part = &a->part[0];
	size_t n = part->itself ? part->length : ward_place_parent(part->place, part->length);
	char directory[WARD_PATH_MAX + 1];
	struct difference key = {
		.uid = a->uid, .kernel = a->kernel, .program = (char *)a->program,
		.ops = part->ops, .directory = directory, .was = a->was,
	}, *d, **at;

	memcpy(directory, part->place, n);
	directory[n] = '\0';
	strcpy(key.was_rule, a->rule);
	if (answer->rule)
		strcpy(key.rule, (const char *)answer->rule->name);
	at = tfind(&key, &r->root, compare);
	d = at ? *at : NULL;
	if (!d && r->differences == DIFFERENCES_MAX) {
		r->more += a->count;
		return 0;
	}
	if (!d) {
		d = malloc(sizeof(*d));
		if (!d)
			return -ENOMEM;
		*d = key;
		d->program = strdup(a->program);
		d->directory = strdup(directory);
		d->first = a->from;
		d->last = a->until;
		if (!d->program || !d->directory || !tsearch(d, &r->root, compare)) {
			difference_free(d);
			return -ENOMEM;
		}
		r->differences++;
	}
	d->accesses += a->count;
	if (a->from < d->first)
		d->first = a->from;
	if (a->until > d->last)
		d->last = a->until;
	return 0;
}

/* ---- records ----------------------------------------------------------------------------- */

static struct count *count_of(struct replay *r, const struct ward_answer *answer)
{
	size_t i;

	for (i = 0; answer->rule && i < r->policy.count; i++)
		if (!strcmp(r->policy.rules[i].name, (const char *)answer->rule->name))
			return &r->by_rule[i];
	return &r->by_rule[r->policy.count];
}

static int take(json_t *record, void *arg)
{
	const char *kind = json_string_value(json_object_get(record, "ward.kind"));
	struct ward_answer answer;
	struct replay *r = arg;
	const struct ward_access *a = &r->access;
	struct count *c;
	int ret;

	if (kind && !strcmp(kind, "lost")) {
		r->lost += ward_log_lost(record);
		return 0;
	}
	ret = ward_access_read(record, r->conf.directory, &r->access);
	if (ret == -EINVAL)
		r->unclear++;
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	ret = ward_asker_ask(r->asker, a, &answer, r->err);
	if (ret)
		return ret;
	r->records++;
	if (answer.allowed && answer.limited)
		r->limited += a->count;
	c = count_of(r, &answer);
	*(answer.allowed ? &c->allowed[a->was] : &c->refused[a->was]) += a->count;
	*(answer.allowed ? &r->all.allowed[a->was] : &r->all.refused[a->was]) += a->count;
	return answer.allowed == (a->was == WARD_WAS_ALLOWED) ? 0 : differs(r, &answer);
}

static uint64_t sum(const uint64_t by_was[3])
{
	return by_was[0] + by_was[1] + by_was[2];
}

static void gather(const void *node, VISIT which, void *arg)
{
	struct difference ***next = arg;

	if (which == preorder || which == leaf)
		*(*next)++ = *(struct difference **)node;
}

static int most_first(const void *a, const void *b)
{
	const struct difference *x = *(struct difference **)a, *y = *(struct difference **)b;

	if (x->accesses != y->accesses)
		return x->accesses > y->accesses ? -1 : 1;
	return compare(x, y);
}

/* For free(). */
static struct difference **in_order(const struct replay *r)
{
	struct difference **all = calloc(r->differences + 1, sizeof(*all)), **next = all;

	if (!all)
		return NULL;
	twalk_r(r->root, gather, &next);
	qsort(all, r->differences, sizeof(*all), most_first);
	return all;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void who_text(const struct difference *d, char *out, size_t size)
{
	char name[256];

	ward_who_name(&(struct ward_who){ WARD_SUBJECT_UID, d->uid }, name, sizeof(name));
	snprintf(out, size, "%s with %s%s", name, d->kernel ? "kernel:" : "",
		 d->program[0] ? d->program : "an unknown program");
}

static void ops_text(uint32_t ops, char *out, size_t size)
{
	unsigned int bit;

	snprintf(out, size, "%s", ops ? "" : "pass through");
	for (bit = 0; ward_operation_name(bit); bit++)
		if (ops & 1U << bit) {
			size_t len = strlen(out);

			snprintf(out + len, size - len, "%s%s", len ? ", " : "",
				 ward_operation_name(bit));
		}
}

static void by_text(const char *rule, char *out, size_t size)
{
	if (*rule)
		snprintf(out, size, "by \"%s\"", rule);
	else
		snprintf(out, size, "%s", "by no rule");
}

static void tell_difference(const struct difference *d)
{
	static const char * const was[] = { "refused", "reported", "allowed" };
	char who[WARD_PATH_MAX + 512], ops[128], then[80], now[80], first[32], last[32];

	who_text(d, who, sizeof(who));
	ops_text(d->ops, ops, sizeof(ops));
	by_text(d->was_rule, then, sizeof(then));
	by_text(d->rule, now, sizeof(now));
	if (!d->ops && d->was != WARD_WAS_ALLOWED)
		now[0] = '\0';
	policy_when(d->first, first, sizeof(first));
	policy_when(d->last, last, sizeof(last));
	ui_say("%c %8" PRIu64 "  %s: %s in %s: %s then (%s), now %s%s%s; %s to %s",
	       d->was == WARD_WAS_ALLOWED ? '-' : '+', d->accesses, who, ops, d->directory,
	       was[d->was], then, d->was == WARD_WAS_ALLOWED ? "refused" : "allowed",
	       now[0] ? " " : "", now, first, last);
}

static void tell_counts(const struct replay *r)
{
	const struct count *c = &r->all;
	size_t i;

	ui_say("%" PRIu64 " records of %" PRIu64 " accesses to %s, under the rules in %s:", r->records,
	       sum(c->allowed) + sum(c->refused), r->conf.name, r->file);
	ui_say("  allowed  %8" PRIu64 "  (%" PRIu64 " of them were refused then, %" PRIu64 " let through and reported)",
	       sum(c->allowed), c->allowed[WARD_WAS_REFUSED], c->allowed[WARD_WAS_REPORTED]);
	ui_say("  refused  %8" PRIu64 "  (%" PRIu64 " of them were allowed and recorded then)",
	       sum(c->refused), c->refused[WARD_WAS_ALLOWED]);
	for (i = 0; i <= r->policy.count; i++) {
		const struct count *by = &r->by_rule[i];
		char name[80];

		by_text(i < r->policy.count ? r->policy.rules[i].name : "", name, sizeof(name));
		if (sum(by->allowed))
			ui_say("    allowed %s: %" PRIu64, i < r->policy.count ? name :
			       "to pass, to where some rule allows something", sum(by->allowed));
		if (sum(by->refused))
			ui_say("    refused %s: %" PRIu64, name, sum(by->refused));
	}
	if (r->limited)
		ui_say("  %" PRIu64 " of those that are allowed count for limits, which are not counted here",
		       r->limited);
	if (r->policy.flags & WARD_POLICY_PERMISSIVE)
		ui_say("  the rules are permissive: what they refuse is reported, and let through");
	if (r->unclear)
		ui_say("  %" PRIu64 " records do not say enough, or are of files elsewhere", r->unclear);
	if (r->lost)
		ui_say("  the log lacks %" PRIu64 " events that were lost, of all vaults together",
		       r->lost);
	ui_say("  what was allowed and not recorded is not in the log: of that this says nothing");
}

static int tell(const struct replay *r)
{
	struct difference **all = in_order(r);
	size_t i;

	if (!all)
		return -ENOMEM;
	tell_counts(r);
	ui_say("%s", r->differences ? "What would be otherwise (+ allowed, - refused):" :
	       "Nothing would be otherwise.");
	for (i = 0; i < r->differences && i < SHOWN_MAX; i++)
		tell_difference(all[i]);
	if (r->differences > SHOWN_MAX)
		ui_say("and %zu more: --json shows %s", r->differences - SHOWN_MAX,
		       r->more ? "most" : "them");
	if (r->more)
		ui_say("and %" PRIu64 " accesses more: use --user, --since and --until", r->more);
	free(all);
	return 0;
}

/* ---- for machines ----------------------------------------------------------------------------- */

static json_t *difference_json(const struct difference *d)
{
	static const char * const was[] = { "refused", "reported", "allowed" };
	json_t *o, *operations = json_array();
	unsigned int bit;

	for (bit = 0; ward_operation_name(bit); bit++)
		if (d->ops & 1U << bit)
			json_array_append_new(operations, json_string(ward_operation_name(bit)));
	o = json_pack("{s:I, s:o, s:o, s:s, s:b, s:I, s:o, s:o}", "user", (json_int_t)d->uid,
		      "operations", operations, "directory", ui_string(d->directory), "was",
		      was[d->was], "allowed", d->was != WARD_WAS_ALLOWED, "accesses",
		      (json_int_t)d->accesses, "first", policy_when_json(d->first), "last",
		      policy_when_json(d->last));
	if (d->program[0])
		json_object_set_new(o, d->kernel ? "kernel" : "program", ui_string(d->program));
	if (d->was_rule[0])
		json_object_set_new(o, "was_rule", ui_string(d->was_rule));
	if (d->rule[0])
		json_object_set_new(o, "rule", ui_string(d->rule));
	return o;
}

static int tell_json(const struct replay *r)
{
	struct difference **all = in_order(r);
	json_t *rules = json_array(), *differences = json_array(), *o;
	const struct count *none = &r->by_rule[r->policy.count];
	size_t i;

	if (!all)
		return -ENOMEM;
	for (i = 0; i < r->policy.count; i++)
		json_array_append_new(rules, json_pack("{s:o, s:I, s:I}", "rule",
						       ui_string(r->policy.rules[i].name), "allowed",
						       (json_int_t)sum(r->by_rule[i].allowed),
						       "refused",
						       (json_int_t)sum(r->by_rule[i].refused)));
	for (i = 0; i < r->differences; i++)
		json_array_append_new(differences, difference_json(all[i]));
	free(all);
	o = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:o}", "file", ui_string(r->file), "name",
		      r->conf.name, "records", (json_int_t)r->records, "accesses",
		      (json_int_t)(sum(r->all.allowed) + sum(r->all.refused)), "allowed",
		      (json_int_t)sum(r->all.allowed), "refused", (json_int_t)sum(r->all.refused),
		      "rules", rules);
	json_object_set_new(o, "no_rule", json_integer(sum(none->refused)));
	json_object_set_new(o, "limited", json_integer(r->limited));
	json_object_set_new(o, "unclear", json_integer(r->unclear));
	json_object_set_new(o, "lost", json_integer(r->lost));
	json_object_set_new(o, "permissive", json_boolean(r->policy.flags &
							  WARD_POLICY_PERMISSIVE));
	json_object_set_new(o, "differences", differences);
	json_object_set_new(o, "more", json_integer(r->more));
	return ui_json(o);
}

/* ---- the verb --------------------------------------------------------------------------------- */

/* Which vault's records: that of the file, unless told otherwise. */
static int which_vault(struct replay *r, const struct looking *what)
{
	if (what->vault)
		return ward_conf_find(what->vault, &r->conf, r->err);
	if (ward_conf_read(r->file, &r->conf, r->err))
		return -EINVAL;
	/* A draft need not say all of it. */
	if (r->conf.name[0] && !r->conf.directory[0])
		return ward_conf_find(r->conf.name, &r->conf, r->err);
	if (r->conf.name[0])
		return 0;
	return ward_fail(r->err, EINVAL, WARD_USAGE,
			 "%s does not name its vault: use --vault NAME, or begin it with [vault] and \"name = NAME\"",
			 r->file);
}

static int replay(struct replay *r, const struct looking *what, uint64_t *bad)
{
	int ret = policy_read_file(r->file, &r->policy, r->err);

	if (!ret)
		ret = which_vault(r, what);
	if (ret)
		return ret;
	r->by_rule = calloc(r->policy.count + 1, sizeof(*r->by_rule));
	r->asker = ward_asker_new(&r->policy, r->conf.uuid);
	if (!r->by_rule || !r->asker)
		return ward_fail(r->err, ENOMEM, WARD_FAILED, "not enough memory");
	return policy_look(&r->conf, what, take, r, bad, r->err);
}

/**
 * policy_replay - the verb "policy replay"
 * @file: the rules
 * @what: which records
 *
 * Return: the exit status.
 */
int policy_replay(const char *file, const struct looking *what)
{
	struct ward_err err;
	struct replay r = { .file = file, .err = &err };
	uint64_t bad = 0;
	int ret;

	ward_err_clear(&err);
	ret = replay(&r, what, &bad);
	if (!ret && (verb_globals.json ? tell_json(&r) : tell(&r)))
		ret = ward_fail(&err, ENOMEM, WARD_FAILED, "cannot tell the outcome");
	tdestroy(r.root, difference_free);
	ward_asker_free(r.asker);
	free(r.by_rule);
	ward_policy_free(&r.policy);
	return ret ? ui_fail(&err) : bad ? WARD_INTEGRITY : WARD_DONE;
}
