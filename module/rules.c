// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiled policies: what they say of an access. Bytes only: also compiled in user
 * space. Source: docs/format.md, "Policy".
 *
 * Only for policies that ward_policy_validate() took (ruleform.c).
 */
#include "rules.h"
#include "hours.h"

/* Tries for a directory that leads to one where somebody has a right: see walks_to(). */
#define WALK_TRIES	64

#define BIT_OF(type)	(1U << (type))

static const struct ward_condition *first_condition(const struct ward_rule *r)
{
	return (const void *)(r + 1);
}

static const struct ward_condition *condition_next(const struct ward_condition *c)
{
	return (const void *)((const u8 *)c + le32_to_cpu(c->length));
}

/* The first one of a type, which is all of them but for users and groups. */
static const struct ward_condition *find_condition(const struct ward_rule *r, u16 type)
{
	const struct ward_condition *c = first_condition(r);
	u32 i;

	for (i = 0; i < le16_to_cpu(r->conditions); i++, c = condition_next(c))
		if (le16_to_cpu(c->type) == type)
			return c;
	return NULL;
}

static const struct ward_rule *first_rule(const void *blob)
{
	return (const void *)((const struct ward_policy_header *)blob + 1);
}

static const struct ward_rule *rule_next(const struct ward_rule *r)
{
	return (const void *)((const u8 *)r + le32_to_cpu(r->length));
}

static u32 rule_count(const void *blob)
{
	return le32_to_cpu(((const struct ward_policy_header *)blob)->rules);
}

static bool rule_allows(const struct ward_rule *r)
{
	return le16_to_cpu(r->flags) & WARD_RULE_ALLOW;
}

/* ---- does a condition hold ---------------------------------------------------- */

static bool subject_is(const struct ward_subject *s, u16 type, const struct ward_actor *who,
		       bool deny)
{
	u32 id = le32_to_cpu(s->id);

	if (type == WARD_COND_LOGIN)
		return who->has_login && id == who->loginuid;
	if (le32_to_cpu(s->kind) == WARD_SUBJECT_UID)
		return id == who->fsuid;
	/* A group that could have been left must not be a way past the rule. */
	return (deny && who->sheds_groups) || who->in_group(id, who->arg);
}

static bool names_subject(const struct ward_condition *c, const struct ward_actor *who, bool deny)
{
	const struct ward_subject *s = (const void *)(c + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(c->count); i++)
		if (subject_is(&s[i], le16_to_cpu(c->type), who, deny))
			return true;
	return false;
}

static bool names_kthread(const struct ward_condition *c, const struct ward_actor *who)
{
	const struct ward_kthread *k = (const void *)(c + 1);
	u32 i;

	for (i = 0; who->kernel && i < le16_to_cpu(c->count); i++)
		if (!strncmp((const char *)k[i].name, who->kthread, sizeof(k[i].name)))
			return true;
	return false;
}

/* Rules from before subvolumes were told apart allow nothing in one, but still deny. */
static bool same_program(const struct ward_program_id *named, const struct ward_program_id *run,
			 bool deny)
{
	struct ward_program_id anywhere = *run;

	if (!memcmp(named, run, sizeof(*named)))
		return true;
	if (!deny || le32_to_cpu(run->kind) != WARD_PROGRAM_SUBVOLUME)
		return false;
	anywhere.kind = cpu_to_le32(WARD_PROGRAM_UUID);
	anywhere.dev = 0;
	return !memcmp(named, &anywhere, sizeof(*named));
}

static bool names_program(const struct ward_condition *c, const struct ward_actor *who, bool deny)
{
	const struct ward_program *p = (const void *)(c + 1);
	u32 i;

	if (who->kernel)
		return false;
	/* It may be the one that is denied. */
	if (!who->program)
		return deny;
	for (i = 0; i < le16_to_cpu(c->count); i++) {
		if (same_program(&p->id, who->program, deny))
			return true;
		p = (const void *)((const u8 *)p + le16_to_cpu(p->length));
	}
	return false;
}

static const struct ward_path *path_next(const struct ward_path *p)
{
	return (const void *)((const u8 *)p + ward_path_size(le16_to_cpu(p->length)));
}

static bool below_or_same(const struct ward_path *p, const u8 *place, u32 len)
{
	u32 n = le16_to_cpu(p->length);

	return len >= n && !memcmp(place, p->text, n) && (len == n || place[n] == '/');
}

static bool names_place(const struct ward_condition *c, const struct ward_actor *who, bool deny)
{
	const struct ward_path *p = (const void *)(c + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(c->count); i++, p = path_next(p)) {
		/* All of the vault lies below its top, by whatever path. */
		if (le16_to_cpu(p->length) == 1)
			return true;
		/* What has no path may be in there. */
		if (who->place ? below_or_same(p, who->place, who->place_len) : deny)
			return true;
	}
	return false;
}

/*
 * Is the rule about programs or threads of the kernel, and about this one?
 * Return: 1 it is, 0 it is about none, -1 it is about others.
 */
static int rule_program(const struct ward_rule *r, const struct ward_actor *who)
{
	const struct ward_condition *c = first_condition(r);
	int about = 0;
	u32 i;

	for (i = 0; i < le16_to_cpu(r->conditions); i++, c = condition_next(c)) {
		u16 type = le16_to_cpu(c->type);

		if (type != WARD_COND_KTHREAD && type != WARD_COND_PROGRAM)
			continue;
		if (type == WARD_COND_KTHREAD ? names_kthread(c, who) :
						names_program(c, who, !rule_allows(r)))
			return 1;
		about = -1;
	}
	return about;
}

static bool condition_holds(const struct ward_condition *c, const struct ward_actor *who,
			    int named, bool deny)
{
	switch (le16_to_cpu(c->type)) {
	case WARD_COND_SUBJECT:
	case WARD_COND_LOGIN:
		/* Whom a thread acts for opens nothing to one that no rule names. */
		if (who->kernel && named <= 0 && !deny)
			return false;
		return names_subject(c, who, deny);
	case WARD_COND_PATH:
		return names_place(c, who, deny);
	case WARD_COND_HOURS:
		/* Without knowing the time one is refused. */
		return deny ? ward_hours_hold(c, who->now) != 0 :
			      ward_hours_hold(c, who->now) > 0;
	}
	return true;		/* rule_program() has seen to it */
}

/*
 * Which conditions of a rule do not hold, as bits 1 << WARD_COND_*.
 * @skip: bits of conditions that are not asked
 * @all: all of them; else some, if there are any
 */
static u32 rule_lacks(const struct ward_rule *r, const struct ward_actor *who, u32 skip, bool all)
{
	const struct ward_condition *c = first_condition(r);
	int named = rule_program(r, who);
	u32 lacks = named < 0 ? BIT_OF(WARD_COND_PROGRAM) : 0;
	u32 i;

	for (i = 0; i < le16_to_cpu(r->conditions) && (all || !lacks);
	     i++, c = condition_next(c)) {
		u32 bit = BIT_OF(le16_to_cpu(c->type));

		if (!(bit & skip) && !condition_holds(c, who, named, !rule_allows(r)))
			lacks |= bit;
	}
	return lacks;
}

static bool rule_applies(const struct ward_rule *r, const struct ward_actor *who)
{
	return !rule_lacks(r, who, 0, false);
}

/**
 * ward_rule_has - has a rule a condition of this type
 * @r: the rule
 * @type: WARD_COND_*
 *
 * Return: true when it has.
 */
bool ward_rule_has(const struct ward_rule *r, u16 type)
{
	return find_condition(r, type);
}

/* ---- what the rules say --------------------------------------------------------- */

/**
 * ward_policy_decide - what does a policy say of an access
 * @blob: a policy that ward_policy_validate() took
 * @who: who asks
 * @ops: WARD_OP_*, what is to be done; each of them must be allowed
 * @verdict: filled in
 *
 * The first rule that matches decides, for each operation by itself. What no
 * rule matches is refused.
 * Context: does not sleep.
 */
void ward_policy_decide(const void *blob, const struct ward_actor *who, u32 ops,
			struct ward_verdict *verdict)
{
	const struct ward_rule *r = first_rule(blob);
	u32 i;

	memset(verdict, 0, sizeof(*verdict));
	for (i = 0; ops && i < rule_count(blob); i++, r = rule_next(r)) {
		u16 flags = le16_to_cpu(r->flags);

		if (!(le32_to_cpu(r->operations) & ops) || !rule_applies(r, who))
			continue;
		if (!(flags & WARD_RULE_ALLOW)) {
			verdict->record = false;
			verdict->silent = flags & WARD_RULE_SILENT;
			verdict->rule = r;
			return;
		}
		if (ward_rule_has(r, WARD_COND_BURST))
			verdict->limited |= ops & le32_to_cpu(r->operations);
		ops &= ~le32_to_cpu(r->operations);
		if (!verdict->rule || (!verdict->record && flags & WARD_RULE_RECORD))
			verdict->rule = r;
		verdict->record |= !!(flags & WARD_RULE_RECORD);
	}
	if (ops) {
		memset(verdict, 0, sizeof(*verdict));
		verdict->left = ops;
		return;
	}
	verdict->allow = true;
}

/**
 * ward_policy_allowed - all that a policy lets somebody do
 * @blob: a policy that ward_policy_validate() took
 * @who: who asks
 * @plain: set to those operations of it that nothing more is to be done for: no record, no
 *	limit; may be NULL
 *
 * Context: does not sleep.
 *
 * Return: WARD_OP_*; 0 for somebody who has no business there.
 */
u32 ward_policy_allowed(const void *blob, const struct ward_actor *who, u32 *plain)
{
	const struct ward_rule *r = first_rule(blob);
	u32 open = WARD_OP_ALL, allowed = 0, more = 0;
	u32 i;

	for (i = 0; open && i < rule_count(blob); i++, r = rule_next(r)) {
		u32 ops = le32_to_cpu(r->operations) & open;

		if (!ops || !rule_applies(r, who))
			continue;
		if (rule_allows(r))
			allowed |= ops;
		if (le16_to_cpu(r->flags) & WARD_RULE_RECORD || ward_rule_has(r, WARD_COND_BURST))
			more |= ops;
		open &= ~ops;
	}
	if (plain)
		*plain = allowed & ~more;
	return allowed;
}

static const struct ward_rule *rule_limits(const struct ward_rule *r, u32 ops, ward_limit_fn fn,
					   void *arg)
{
	const struct ward_condition *c = first_condition(r);
	u32 i, k;

	for (i = 0; i < le16_to_cpu(r->conditions); i++, c = condition_next(c)) {
		const struct ward_burst *b = (const void *)(c + 1);

		if (le16_to_cpu(c->type) != WARD_COND_BURST)
			continue;
		for (k = 0; k < le16_to_cpu(c->count); k++)
			if (!fn(r, &b[k], k, ops, arg))
				return r;
	}
	return NULL;
}

/**
 * ward_policy_limits - go through the limits of the rules that allow something
 * @blob: a policy that ward_policy_validate() took
 * @who: who does it
 * @ops: WARD_OP_*, what ward_policy_decide() allowed
 * @fn: called for each limit, with its number in the rule, and those of @ops that the rule
 *	allows; false: it is used up
 * @arg: for @fn
 *
 * Context: does not sleep.
 *
 * Return: the first rule with a limit that is used up; the rest is not asked. NULL.
 */
const struct ward_rule *ward_policy_limits(const void *blob, const struct ward_actor *who, u32 ops,
					   ward_limit_fn fn, void *arg)
{
	const struct ward_rule *r = first_rule(blob), *over = NULL;
	u32 i;

	for (i = 0; !over && ops && i < rule_count(blob); i++, r = rule_next(r)) {
		u32 taken = le32_to_cpu(r->operations) & ops;

		if (!taken || !rule_applies(r, who))
			continue;
		over = rule_limits(r, taken, fn, arg);
		ops &= ~taken;
	}
	return over;
}

/* Does the directory that somebody stands in lead to this one? */
static bool on_the_way(const struct ward_path *p, const struct ward_actor *who)
{
	return le16_to_cpu(p->length) > who->way_len + 1 &&
	       !memcmp(p->text, who->way, who->way_len) && p->text[who->way_len] == '/';
}

/*
 * Does this rule allow something in a directory further down? Another rule may deny it
 * there, so the policy is asked about that place. Where one has looked at many places
 * in vain, it does not: then it is a strange policy, and walking through it closed.
 */
static bool walks_to(const void *blob, const struct ward_rule *r, const struct ward_actor *who,
		     u32 *tries)
{
	const struct ward_condition *c = find_condition(r, WARD_COND_PATH);
	const struct ward_path *p;
	u32 i;

	if (!c || !rule_allows(r) || rule_lacks(r, who, BIT_OF(WARD_COND_PATH), false))
		return false;
	p = (const void *)(c + 1);
	for (i = 0; *tries && i < le16_to_cpu(c->count); i++, p = path_next(p)) {
		struct ward_actor there = *who;

		if (!on_the_way(p, who))
			continue;
		there.place = p->text;
		there.place_len = le16_to_cpu(p->length);
		if (ward_policy_allowed(blob, &there, NULL))
			return true;
		--*tries;
	}
	return false;
}

/**
 * ward_policy_walks - may somebody walk through a directory
 * @blob: a policy that ward_policy_validate() took
 * @who: who asks, with the directory as his place, and as @who.way
 *
 * Who may do something there may walk there, and to it. A server in the kernel walks with
 * rights of its own to find what a handle leads to, before it acts for a client: it may
 * where some rule lets it in at all.
 * Context: does not sleep.
 *
 * Return: true when he may.
 */
bool ward_policy_walks(const void *blob, const struct ward_actor *who)
{
	const struct ward_rule *r = first_rule(blob);
	u32 tries = WALK_TRIES;
	u32 i;

	if (ward_policy_allowed(blob, who, NULL))
		return true;
	for (i = 0; i < rule_count(blob); i++, r = rule_next(r)) {
		if (who->kernel && who->own && rule_allows(r) && rule_program(r, who) > 0)
			return true;
		if (who->way && walks_to(blob, r, who, &tries))
			return true;
	}
	return false;
}

/**
 * ward_rule_lacks - what keeps a rule from allowing what no rule allows
 * @r: the rule
 * @who: who was refused
 * @ops: WARD_OP_*, those that no rule answered for; 0: walking through a directory, for
 *	which any operation will do
 *
 * Context: does not sleep.
 *
 * Return: bits 1 << WARD_COND_* of conditions that do not hold, where threads of the kernel
 * count as programs, and of WARD_COND_OPERATIONS when it has not all of @ops; 0 for a rule
 * that is not to blame: it denies, or one that denies is asked before it.
 */
u32 ward_rule_lacks(const struct ward_rule *r, const struct ward_actor *who, u32 ops)
{
	u32 lacks;

	if (!rule_allows(r))
		return 0;
	/* Of a rule for a directory further down, too, it is told that it is for elsewhere. */
	lacks = rule_lacks(r, who, 0, true);
	if (ops & ~le32_to_cpu(r->operations))
		lacks |= BIT_OF(WARD_COND_OPERATIONS);
	return lacks;
}

static unsigned int bits(u32 x)
{
	unsigned int n;

	for (n = 0; x; n++)
		x &= x - 1;
	return n;
}

/**
 * ward_policy_nearest - which rule was nearest to allowing what none allows
 * @blob: a policy that ward_policy_validate() took
 * @who: who was refused
 * @ops: as for ward_rule_lacks()
 * @near: filled in
 *
 * The first of those rules that lack fewest things.
 * Context: does not sleep.
 */
void ward_policy_nearest(const void *blob, const struct ward_actor *who, u32 ops,
			 struct ward_nearest *near)
{
	const struct ward_rule *r = first_rule(blob);
	u32 i;

	memset(near, 0, sizeof(*near));
	for (i = 0; i < rule_count(blob); i++, r = rule_next(r)) {
		u32 lacks = ward_rule_lacks(r, who, ops);

		if (lacks && (!near->rule || bits(lacks) < bits(near->lacks))) {
			near->rule = r;
			near->lacks = lacks;
		}
	}
}

/**
 * ward_policy_next - when may the hours of a policy change an answer
 * @blob: a policy that ward_policy_validate() took
 * @now: seconds since 1970, UTC
 *
 * Return: a time after @now; before it they do not. WARD_NEVER.
 */
u64 ward_policy_next(const void *blob, u64 now)
{
	const struct ward_rule *r = first_rule(blob);
	u64 next = WARD_NEVER, at;
	u32 i, k;

	for (i = 0; i < rule_count(blob); i++, r = rule_next(r)) {
		const struct ward_condition *c = first_condition(r);

		for (k = 0; k < le16_to_cpu(r->conditions); k++, c = condition_next(c)) {
			if (le16_to_cpu(c->type) != WARD_COND_HOURS)
				continue;
			at = ward_hours_next(c, now);
			if (at < next)
				next = at;
		}
	}
	return next;
}
