// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiled policies: do two have the same rules, but for what time and updates change? Bytes
 * only: also compiled in user space. Source: docs/format.md, "Renewal".
 *
 * Only for policies that ward_policy_validate() took (ruleform.c).
 */
#include "rules.h"

/* In a century, at four a year (no zone has more), there are fewer changes of local time. */
#define CHANGES_MAX	1024

static const void *behind(const void *p, u32 length)
{
	return (const u8 *)p + length;
}

/* A file that was not known, or was replaced; none is forgotten. */
static bool programs_renewed(const struct ward_rule *rule, const struct ward_condition *old,
			     const struct ward_condition *new, ward_renewed_fn fn, void *arg)
{
	const struct ward_program *a = (const void *)(old + 1), *b = (const void *)(new + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(old->count); i++) {
		u32 len = le16_to_cpu(a->path_length);

		if (b->path_length != a->path_length || memcmp(a->path, b->path, len))
			return false;
		if (memcmp(&a->id, &b->id, sizeof(a->id))) {
			if (le32_to_cpu(b->id.kind) == WARD_PROGRAM_ABSENT)
				return false;
			if (fn)
				fn(&(struct ward_renewed){ rule, a, b }, arg);
		}
		a = behind(a, le16_to_cpu(a->length));
		b = behind(b, le16_to_cpu(b->length));
	}
	return true;
}

/* Is local time ahead of UTC by as much as it was at some time? */
static bool offset_known(const struct ward_hours *old, const struct ward_offset *offset)
{
	const struct ward_offset *o = (const void *)(old + 1);
	u32 i;

	for (i = 0; i < le32_to_cpu(old->changes); i++)
		if (o[i].seconds == offset->seconds)
			return true;
	return false;
}

/* No other local time than the rules had when somebody loaded them who knew a secret. */
static bool offsets_known(const struct ward_hours *old, const struct ward_hours *new)
{
	const struct ward_offset *o = (const void *)(new + 1);
	u32 i;

	if (le32_to_cpu(new->changes) > CHANGES_MAX)
		return false;
	for (i = 0; i < le32_to_cpu(new->changes); i++)
		/* Most are as the one before the last. */
		if ((i < 2 || o[i].seconds != o[i - 2].seconds) && !offset_known(old, &o[i]))
			return false;
	return true;
}

/* When summer time begins and ends is found out anew; the hours stay. */
static bool hours_renewed(const struct ward_rule *rule, const struct ward_condition *old,
			  const struct ward_condition *new, ward_renewed_fn fn, void *arg)
{
	const struct ward_hours *a = (const void *)(old + 1), *b = (const void *)(new + 1);
	const struct ward_span *x = behind(a + 1, le32_to_cpu(a->changes) *
						  sizeof(struct ward_offset));
	const struct ward_span *y = behind(b + 1, le32_to_cpu(b->changes) *
						  sizeof(struct ward_offset));

	if (fn && (old->length != new->length || memcmp(old, new, le32_to_cpu(old->length))))
		fn(&(struct ward_renewed){ .rule = rule }, arg);
	/* What is known stays known: else setting the clock would end hours. */
	return offsets_known(a, b) && le64_to_cpu(b->from) <= le64_to_cpu(a->from) &&
	       le64_to_cpu(b->until) >= le64_to_cpu(a->until) &&
	       !memcmp(a->zone, b->zone, sizeof(a->zone)) &&
	       !memcmp(x, y, le16_to_cpu(old->count) * sizeof(*x));
}

static bool condition_renewed(const struct ward_rule *rule, const struct ward_condition *old,
			      const struct ward_condition *new, ward_renewed_fn fn, void *arg)
{
	if (old->type != new->type || old->count != new->count)
		return false;
	switch (le16_to_cpu(old->type)) {
	case WARD_COND_PROGRAM:
		return programs_renewed(rule, old, new, fn, arg);
	case WARD_COND_HOURS:
		return hours_renewed(rule, old, new, fn, arg);
	}
	return old->length == new->length && !memcmp(old, new, le32_to_cpu(old->length));
}

static bool rule_renewed(const struct ward_rule *old, const struct ward_rule *new,
			 ward_renewed_fn fn, void *arg)
{
	const struct ward_condition *a = (const void *)(old + 1), *b = (const void *)(new + 1);
	u32 i;

	if (old->flags != new->flags || old->conditions != new->conditions ||
	    old->operations != new->operations || memcmp(old->name, new->name, sizeof(old->name)))
		return false;
	for (i = 0; i < le16_to_cpu(old->conditions); i++) {
		if (!condition_renewed(new, a, b, fn, arg))
			return false;
		a = behind(a, le32_to_cpu(a->length));
		b = behind(b, le32_to_cpu(b->length));
	}
	return true;
}

/**
 * ward_policy_follows - may a renewal of a policy have this serial number
 * @old: serial number of the policy in force
 * @serial: of the renewed one
 *
 * What was authenticated as a renewal and kept must never be newer than rules that somebody
 * loaded with a secret later. So renewals count in the low bits alone, and whoever loads rules
 * goes on to the next number that has none of them: out of reach of all renewals before.
 *
 * Return: true when it may.
 */
bool ward_policy_follows(u64 old, u64 serial)
{
	return serial == old + 1 && serial & WARD_POLICY_RENEWALS;
}

/**
 * ward_policy_renewal - has a policy the same rules as another one
 * @old: a policy that ward_policy_validate() took
 * @new: another one
 * @fn: called for each program that is another file now, and for hours whose local time is
 *	known anew, also when the policies turn out to differ; may be NULL
 * @arg: for @fn
 *
 * Which files programs are may differ, and when local time changes, between those offsets from
 * UTC that it had in @old; of the header the serial number and the length.
 *
 * Context: does not sleep.
 *
 * Return: true when nothing else differs.
 */
bool ward_policy_renewal(const void *old, const void *new, ward_renewed_fn fn, void *arg)
{
	const struct ward_policy_header *x = old, *y = new;
	const struct ward_rule *a = (const void *)(x + 1), *b = (const void *)(y + 1);
	u32 i;

	if (x->version != y->version || x->flags != y->flags || x->rules != y->rules ||
	    memcmp(x->vault, y->vault, sizeof(x->vault)))
		return false;
	for (i = 0; i < le32_to_cpu(x->rules); i++) {
		if (!rule_renewed(a, b, fn, arg))
			return false;
		a = behind(a, le32_to_cpu(a->length));
		b = behind(b, le32_to_cpu(b->length));
	}
	return true;
}

/**
 * ward_policy_renews - may a policy take another one's place without a secret
 * @old: the policy in force
 * @new: one that ward_policy_validate() took; its MAC does not count
 *
 * Context: does not sleep.
 *
 * Return: 0; -ESTALE when its serial number is not the next one of a renewal; -EPERM when its
 * rules differ, or @old is WARD_POLICY_FIXED.
 */
int ward_policy_renews(const void *old, const void *new)
{
	const struct ward_policy_header *x = old, *y = new;

	if (!ward_policy_follows(le64_to_cpu(x->serial), le64_to_cpu(y->serial)))
		return -ESTALE;
	if (le16_to_cpu(x->flags) & WARD_POLICY_FIXED)
		return -EPERM;
	return ward_policy_renewal(old, new, NULL, NULL) ? 0 : -EPERM;
}
