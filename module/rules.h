/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiled policies: are they well formed (ruleform.c), and what do they say (rules.c).
 * Bytes only.
 */
#ifndef WARD_RULES_H
#define WARD_RULES_H

#include "bytes.h"

/**
 * struct ward_actor - who asks
 * @fsuid: user id that the access is made with, in the initial user namespace
 * @loginuid: login user; valid with @has_login
 * @has_login: a login user is set
 * @kernel: a kernel thread. It is nobody, and no rule that allows somebody is for it,
 *	unless the rule names it: then it is whom it acts for. A rule that denies
 *	somebody holds for it as well when it acts for him.
 * @kthread: name of the kernel thread, with a NUL; valid with @kernel
 * @own: the kernel thread acts with rights of its own, as a server does to find
 *	what a client's handle leads to
 * @program: the file that was executed; NULL: not known, so no rule that allows a program
 *	is for it, and every one that denies one is. One that no rule can name has a kind
 *	of its own, 0.
 * @place: path in the vault of the object, or of a directory that lies under the same
 *	rules, as in struct ward_path, not terminated; "" where no rule names one; NULL:
 *	it has no path, so no rule that allows a subtree is for it, and every one that
 *	denies one is
 * @place_len: bytes
 * @now: seconds since 1970, UTC
 * @way: to walk through a directory: its own path, "" for the top; NULL where it leads to
 *	no directory that a rule names
 * @way_len: bytes
 * @sheds_groups: may leave groups at will, which users cannot elsewhere: for a rule
 *	that denies, a member of every group. (Joining one takes a right there, too.)
 * @in_group: is the actor a member of this group (initial user namespace); must not
 *	sleep in the kernel
 * @arg: handed to @in_group
 */
struct ward_actor {
	u32 fsuid;
	u32 loginuid;
	bool has_login;
	bool kernel;
	bool own;
	const char *kthread;
	const struct ward_program_id *program;
	const u8 *place;
	u32 place_len;
	const u8 *way;
	u32 way_len;
	u64 now;
	bool sheds_groups;
	bool (*in_group)(u32 gid, void *arg);
	void *arg;
};

/**
 * struct ward_verdict - what a policy says of an access
 * @allow: let it through
 * @record: report it although it is allowed
 * @silent: do not report the refusal
 * @limited: those operations that rules with limits allowed: see ward_policy_limits()
 * @left: those operations that no rule answered for; with @rule NULL
 * @rule: the rule that decided: the one that denies; of an allowed access the
 *	first that asks for a record, else the first that matched. NULL when no
 *	rule matched. Lives as long as the policy.
 */
struct ward_verdict {
	bool allow;
	bool record;
	bool silent;
	u32 limited;
	u32 left;
	const struct ward_rule *rule;
};

/**
 * struct ward_nearest - the rule that was nearest to allowing something
 * @rule: the rule; NULL when none allows anything
 * @lacks: what of it does not hold: see ward_rule_lacks()
 */
struct ward_nearest {
	const struct ward_rule *rule;
	u32 lacks;
};

/**
 * struct ward_policy_traits - what one wants to know of a policy without walking it
 * @rules: how many
 * @permissive: let through, report
 * @by_login: some rule asks for the login user
 * @by_path: some rule asks for the place
 * @by_program: some rule asks for the program (not only for threads of the kernel)
 * @by_hours: some rule asks for the time
 * @by_burst: some rule has a limit
 * @hours_end: until when all of those know their time, seconds since 1970, UTC; with
 *	@by_hours
 * @components: of all paths together
 */
struct ward_policy_traits {
	u32 rules;
	bool permissive;
	bool by_login;
	bool by_path;
	bool by_program;
	bool by_hours;
	bool by_burst;
	u64 hours_end;
	u32 components;
};

/* Bytes of a struct ward_path with its padding. @len: of the path */
static inline u32 ward_path_size(u32 len)
{
	return (u32)(sizeof(struct ward_path) + len + 7) & ~7U;
}

/* Bytes of a struct ward_program with its padding. @len: of the path */
static inline u32 ward_program_size(u32 len)
{
	return (u32)(sizeof(struct ward_program) + len + 7) & ~7U;
}

/* ruleform.c */
bool ward_policy_name_ok(const u8 *name, size_t size);
bool ward_kthread_ok(const struct ward_kthread *k);
int ward_path_ok(const u8 *path, size_t len);
int ward_policy_validate(const void *blob, size_t len, const u8 *vault,
			 struct ward_policy_traits *traits);

/* renewal.c */
/**
 * struct ward_renewed - something that a renewal knows anew
 * @rule: of which rule, in the new policy
 * @old: a program, and the file that it was; NULL: it is how local time of its hours runs
 * @new: the same, and the file that it is
 */
struct ward_renewed {
	const struct ward_rule *rule;
	const struct ward_program *old;
	const struct ward_program *new;
};

typedef void (*ward_renewed_fn)(const struct ward_renewed *what, void *arg);
bool ward_policy_follows(u64 old, u64 serial);
int ward_policy_renews(const void *old, const void *new);
bool ward_policy_renewal(const void *old, const void *new, ward_renewed_fn fn, void *arg);

/* rules.c */
void ward_policy_decide(const void *blob, const struct ward_actor *who, u32 ops,
			struct ward_verdict *verdict);
u32 ward_policy_allowed(const void *blob, const struct ward_actor *who, u32 *plain);
bool ward_policy_walks(const void *blob, const struct ward_actor *who);
void ward_policy_nearest(const void *blob, const struct ward_actor *who, u32 ops,
			 struct ward_nearest *near);
u32 ward_rule_lacks(const struct ward_rule *r, const struct ward_actor *who, u32 ops);
typedef bool (*ward_limit_fn)(const struct ward_rule *r, const struct ward_burst *b, u32 nth,
			      u32 ops, void *arg);
const struct ward_rule *ward_policy_limits(const void *blob, const struct ward_actor *who, u32 ops,
					   ward_limit_fn fn, void *arg);
bool ward_rule_has(const struct ward_rule *r, u16 type);
u64 ward_policy_next(const void *blob, u64 now);

#endif
