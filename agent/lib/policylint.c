// SPDX-License-Identifier: GPL-2.0-or-later
/* What is allowed in a policy, and hardly meant: rules that can never match. */
#include <endian.h>
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
