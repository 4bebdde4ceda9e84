/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled policies: are they well formed, and what do they say. Bytes only. */
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
	bool sheds_groups;
	bool (*in_group)(u32 gid, void *arg);
	void *arg;
};

/**
 * struct ward_verdict - what a policy says of an access
 * @allow: let it through
 * @record: report it although it is allowed
 * @silent: do not report the refusal
 * @rule: the rule that decided: the one that denies; of an allowed access the
 *	first that asks for a record, else the first that matched. NULL when no
 *	rule matched. Lives as long as the policy.
 */
struct ward_verdict {
	bool allow;
	bool record;
	bool silent;
	const struct ward_rule *rule;
};

/**
 * struct ward_policy_traits - what one wants to know of a policy without walking it
 * @rules: how many
 * @permissive: let through, report
 * @by_login: some rule asks for the login user
 */
struct ward_policy_traits {
	u32 rules;
	bool permissive;
	bool by_login;
};

bool ward_policy_name_ok(const u8 *name, size_t size);
int ward_policy_validate(const void *blob, size_t len, const u8 *vault,
			 struct ward_policy_traits *traits);
void ward_policy_decide(const void *blob, const struct ward_actor *who, u32 ops,
			struct ward_verdict *verdict);
u32 ward_policy_allowed(const void *blob, const struct ward_actor *who);
bool ward_policy_walks(const void *blob, const struct ward_actor *who);
bool ward_kthread_ok(const struct ward_kthread *k);

#endif
