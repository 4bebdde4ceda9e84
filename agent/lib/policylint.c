// SPDX-License-Identifier: GPL-2.0-or-later
/* What is allowed in a policy, and hardly meant: rules that can never match. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "policyfile.h"

static bool has_who(const struct ward_who_list *list, const struct ward_who *who)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->who[i].kind == who->kind && list->who[i].id == who->id)
			return true;
	return false;
}

static bool has_thread(const struct ward_policy_cond *cond, const struct ward_kthread *thread)
{
	size_t i;

	for (i = 0; i < cond->thread_count; i++)
		if (!memcmp(&cond->threads[i], thread, sizeof(*thread)))
			return true;
	return false;
}

static bool has_program(const struct ward_policy_cond *cond, const char *path)
{
	size_t i;

	for (i = 0; i < cond->program_count; i++)
		if (!strcmp(cond->programs[i].path, path))
			return true;
	return false;
}

static bool covers_path(const struct ward_policy_cond *cond, const char *path)
{
	size_t i;

	for (i = 0; i < cond->path_count; i++) {
		size_t n = strlen(cond->paths[i]);

		if (n == 1 || (!strncmp(cond->paths[i], path, n) && (!path[n] || path[n] == '/')))
			return true;
	}
	return false;
}

static bool covers_span(const struct ward_policy_cond *cond, const struct ward_policy_span *span)
{
	size_t i;

	for (i = 0; i < cond->span_count; i++)
		if (cond->spans[i].from <= span->from && cond->spans[i].until >= span->until)
			return true;
	return false;
}

/* Does @wide hold whenever @narrow does? */
static bool implied(const struct ward_policy_cond *wide, const struct ward_policy_cond *narrow)
{
	size_t i;

	if (wide->type != narrow->type ||
	    (wide->type == WARD_COND_HOURS && strcmp(wide->zone, narrow->zone)))
		return false;
	for (i = 0; i < narrow->who.count; i++)
		if (!has_who(&wide->who, &narrow->who.who[i]))
			return false;
	for (i = 0; i < narrow->thread_count; i++)
		if (!has_thread(wide, &narrow->threads[i]))
			return false;
	for (i = 0; i < narrow->program_count; i++)
		if (!has_program(wide, narrow->programs[i].path))
			return false;
	for (i = 0; i < narrow->path_count; i++)
		if (!covers_path(wide, narrow->paths[i]))
			return false;
	for (i = 0; i < narrow->span_count; i++)
		if (!covers_span(wide, &narrow->spans[i]))
			return false;
	return true;
}

static bool about_programs(const struct ward_policy_cond *cond)
{
	return cond->type == WARD_COND_PROGRAM || cond->type == WARD_COND_KTHREAD;
}

/*
 * Programs and threads of the kernel are one condition in two: each of @narrow's is to be in
 * @wide.
 */
static bool programs_implied(const struct ward_policy_rule *wide,
			     const struct ward_policy_rule *narrow)
{
	bool any = false, some = false, found;
	size_t i, k;

	for (i = 0; i < wide->count; i++)
		any |= about_programs(&wide->conds[i]);
	if (!any)
		return true;
	for (k = 0; k < narrow->count; k++) {
		if (!about_programs(&narrow->conds[k]))
			continue;
		some = true;
		for (i = 0, found = false; i < wide->count; i++)
			found |= implied(&wide->conds[i], &narrow->conds[k]);
		if (!found)
			return false;
	}
	return some;
}

static bool hides(const struct ward_policy_rule *wide, const struct ward_policy_rule *narrow)
{
	bool found;
	size_t i, k;

	if (narrow->operations & ~wide->operations || !programs_implied(wide, narrow))
		return false;
	for (i = 0; i < wide->count; i++) {
		/* A rule whose limit is used up refuses: none after it is asked then, either. */
		if (about_programs(&wide->conds[i]) || wide->conds[i].type == WARD_COND_BURST)
			continue;
		for (k = 0, found = false; !found && k < narrow->count; k++)
			found = implied(&wide->conds[i], &narrow->conds[k]);
		if (!found)
			return false;
	}
	return true;
}

/**
 * ward_policy_hidden - is there an earlier rule that matches whenever this one does
 * @policy: the policy
 * @i: the rule's number
 *
 * Only single rules are looked at: several that together leave nothing are not found.
 *
 * Return: the first such rule, NULL when there is none.
 */
const struct ward_policy_rule *ward_policy_hidden(const struct ward_policy *policy, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (hides(&policy->rules[k], &policy->rules[i]))
			return &policy->rules[k];
	return NULL;
}

/* ---- all rules of a policy ------------------------------------------------------------ */

/*
 * To hide another, a rule must have all that one condition of the other names. So each rule
 * stands under all that one of its conditions names, and only those that stand under the
 * first thing that a condition of the other names are compared. Things are hashes: where two
 * share one, a rule is compared in vain.
 */

/**
 * struct entry - a rule under something that it names
 * @thing: hash of it
 * @rule: number of the rule
 */
struct entry {
	uint64_t thing;
	size_t rule;
};

/**
 * struct ward_lint - a policy's rules by what they name
 * @policy: the policy
 * @entries: in order
 * @count: how many
 * @broad: numbers of rules that name nothing, in order
 * @broad_count: how many
 */
struct ward_lint {
	const struct ward_policy *policy;
	struct entry *entries;
	size_t count;
	size_t *broad;
	size_t broad_count;
};

/* Programs and threads of the kernel are one: a rule may name both. */
static unsigned int sort_of(const struct ward_policy_cond *cond)
{
	return about_programs(cond) ? WARD_COND_PROGRAM : cond->type;
}

static size_t things(const struct ward_policy_cond *cond)
{
	return cond->who.count + cond->thread_count + cond->program_count + cond->path_count;
}

static uint64_t hash(const struct ward_policy_cond *cond, const void *bytes, size_t len)
{
	uint64_t sum = 0xcbf29ce484222325ULL ^ cond->type;
	const uint8_t *p = bytes;

	for (; len; len--)
		sum = (sum ^ *p++) * 0x100000001b3ULL;
	return sum;
}

static uint64_t thing(const struct ward_policy_cond *cond, size_t i)
{
	uint32_t who[2];

	if (i < cond->who.count) {
		who[0] = cond->who.who[i].kind;
		who[1] = cond->who.who[i].id;
		return hash(cond, who, sizeof(who));
	}
	if (i < cond->thread_count)
		return hash(cond, &cond->threads[i], sizeof(*cond->threads));
	if (i < cond->program_count)
		return hash(cond, cond->programs[i].path, strlen(cond->programs[i].path));
	return hash(cond, cond->paths[i], strlen(cond->paths[i]));
}

static int by_thing(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->thing != y->thing)
		return x->thing < y->thing ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/* The first entry of something, or where it would stand. */
static size_t find(const struct ward_lint *lint, uint64_t thing)
{
	size_t low = 0, high = lint->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (lint->entries[middle].thing < thing)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t crowd(const struct ward_lint *lint, uint64_t thing)
{
	return find(lint, thing + 1) - find(lint, thing);
}

/* Under which of its conditions a rule is to stand: where fewest others are; 0: it names nothing. */
static unsigned int rarest(const struct ward_lint *lint, const struct ward_policy_rule *rule)
{
	size_t least = SIZE_MAX, most, i, k;
	unsigned int best = 0;

	for (i = 0; i < rule->count; i++) {
		const struct ward_policy_cond *c = &rule->conds[i];

		for (k = 0, most = 0; k < things(c); k++) {
			size_t n = crowd(lint, thing(c, k));

			most = n > most ? n : most;
		}
		if (most && most < least) {
			least = most;
			best = sort_of(c);
		}
	}
	return best;
}

/* Of users and groups, which are of one sort, the first condition; of programs both. */
static void add_things(struct ward_lint *lint, size_t number, unsigned int sort, bool all)
{
	const struct ward_policy_rule *rule = &lint->policy->rules[number];
	bool found = false;
	size_t i, k;

	for (i = 0; i < rule->count; i++) {
		const struct ward_policy_cond *c = &rule->conds[i];

		if (!all && (sort_of(c) != sort || (found && !about_programs(c))))
			continue;
		found = true;
		for (k = 0; k < things(c); k++)
			lint->entries[lint->count++] = (struct entry){ thing(c, k), number };
	}
}

/**
 * ward_lint_new - get ready to look for hidden rules
 * @policy: the policy; it must live as long
 *
 * Return: for ward_lint_free(); NULL without memory.
 */
struct ward_lint *ward_lint_new(const struct ward_policy *policy)
{
	struct ward_lint *lint = calloc(1, sizeof(*lint));
	size_t total = 0, i, k;
	unsigned int *sorts;

	sorts = calloc(policy->count + 1, sizeof(*sorts));
	if (!lint || !sorts)
		goto fail;
	lint->policy = policy;
	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++)
			total += things(&policy->rules[i].conds[k]);
	lint->entries = calloc(total + 1, sizeof(*lint->entries));
	lint->broad = calloc(policy->count + 1, sizeof(*lint->broad));
	if (!lint->entries || !lint->broad)
		goto fail;
	for (i = 0; i < policy->count; i++)
		add_things(lint, i, 0, true);
	qsort(lint->entries, lint->count, sizeof(*lint->entries), by_thing);
	for (i = 0; i < policy->count; i++)
		sorts[i] = rarest(lint, &policy->rules[i]);
	lint->count = 0;
	for (i = 0; i < policy->count; i++) {
		if (sorts[i])
			add_things(lint, i, sorts[i], false);
		else
			lint->broad[lint->broad_count++] = i;
	}
	qsort(lint->entries, lint->count, sizeof(*lint->entries), by_thing);
	free(sorts);
	return lint;
fail:
	free(sorts);
	ward_lint_free(lint);
	return NULL;
}

/**
 * ward_lint_free - free it
 * @lint: may be NULL
 */
void ward_lint_free(struct ward_lint *lint)
{
	if (!lint)
		return;
	free(lint->entries);
	free(lint->broad);
	free(lint);
}

static void try_thing(const struct ward_lint *lint, uint64_t thing, size_t i, size_t *first)
{
	const struct ward_policy_rule *rules = lint->policy->rules;
	size_t at;

	for (at = find(lint, thing); at < lint->count; at++) {
		const struct entry *e = &lint->entries[at];

		if (e->thing != thing || e->rule >= *first)
			return;
		if (hides(&rules[e->rule], &rules[i]))
			*first = e->rule;
	}
}

/* A path lies in itself and in all that are above it. */
static void try_path(const struct ward_lint *lint, const struct ward_policy_cond *cond, size_t i,
		     size_t *first)
{
	const char *path = cond->paths[0];
	size_t len = strlen(path);

	try_thing(lint, hash(cond, "/", 1), i, first);
	for (; len > 1; len--)
		if (!path[len] || path[len] == '/')
			try_thing(lint, hash(cond, path, len), i, first);
}

/**
 * ward_lint_hidden - is there an earlier rule that matches whenever this one does
 * @lint: of the policy
 * @i: the rule's number
 *
 * Return: as ward_policy_hidden(), which compares it with each.
 */
const struct ward_policy_rule *ward_lint_hidden(const struct ward_lint *lint, size_t i)
{
	const struct ward_policy_rule *rules = lint->policy->rules;
	size_t first = i, k;

	for (k = 0; k < lint->broad_count && lint->broad[k] < first; k++)
		if (hides(&rules[lint->broad[k]], &rules[i]))
			first = lint->broad[k];
	for (k = 0; k < rules[i].count; k++) {
		const struct ward_policy_cond *c = &rules[i].conds[k];

		if (c->path_count)
			try_path(lint, c, i, &first);
		else if (things(c))
			try_thing(lint, thing(c, 0), i, &first);
	}
	return first < i ? &rules[first] : NULL;
}

/**
 * ward_policy_idle - are all programs that a rule names not there
 * @rule: the rule
 *
 * Return: true when it is about programs, and nobody runs one of them.
 */
bool ward_policy_idle(const struct ward_policy_rule *rule)
{
	bool idle = false;
	size_t i, k;

	for (i = 0; i < rule->count; i++) {
		if (rule->conds[i].type == WARD_COND_KTHREAD)
			return false;
		for (k = 0; k < rule->conds[i].program_count; k++) {
			if (le32toh(rule->conds[i].programs[k].id.kind) != WARD_PROGRAM_ABSENT)
				return false;
			idle = true;
		}
	}
	return idle;
}
