// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy in force: taken, prepared for being asked (verdict.c), replaced, dropped. It
 * is found under RCU; who takes one has the vault's state_lock.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <crypto/algapi.h>
#include "burst.h"
#include "hours.h"
#include "policy.h"

/* With fewer rules than this, walking them costs less than looking an answer up. */
#define ANSWERS_FROM	16

/* ---- the policy in force -------------------------------------------------- */

static void policy_free(struct wardfs_policy *policy)
{
	wardfs_answers_free(policy->answers);
	kvfree(policy->places_memory);
	kvfree(policy->follows.follow);
	kvfree(policy);
}

static void policy_free_rcu(struct rcu_head *rcu)
{
	policy_free(container_of(rcu, struct wardfs_policy, rcu));
}

/**
 * wardfs_policy_bump - what open files remember does not count any more
 * @sbi: the vault
 *
 * Context: any.
 */
void wardfs_policy_bump(struct wardfs_sb *sbi)
{
	/* Pairs with wardfs_policy_generation(). */
	atomic64_inc_return_release(&sbi->policy_generation);
}

/* Until when do the hours of a policy leave all answers as they are now? */
static void set_hours(struct wardfs_sb *sbi, const struct wardfs_policy *policy)
{
	u64 now = ktime_get_real_seconds();

	WRITE_ONCE(sbi->policy_since, now);
	WRITE_ONCE(sbi->policy_until, policy->traits.by_hours ?
		   ward_policy_next(policy->blob, now) : WARD_NEVER);
}

/**
 * wardfs_policy_hours - have the hours of the policy come to a change
 * @sbi: the vault
 * @changed: set to whether they have, or the clock was set back: open files are asked about
 *	again from then on; mappings are the caller's
 *
 * Context: state_lock held.
 *
 * Return: when to ask again, seconds since 1970, UTC; WARD_NEVER.
 */
u64 wardfs_policy_hours(struct wardfs_sb *sbi, bool *changed)
{
	const struct wardfs_policy *policy;
	u64 now = ktime_get_real_seconds();

	policy = rcu_dereference_protected(sbi->policy, lockdep_is_held(&sbi->state_lock));
	*changed = false;
	if (!policy || !policy->traits.by_hours)
		return WARD_NEVER;
	if (now >= sbi->policy_until || now < sbi->policy_since) {
		if (sbi->policy_since < policy->traits.hours_end &&
		    now >= policy->traits.hours_end)
			wardfs_msg(sbi->sb, "the hours of its rules are not known any more: load the policy anew");
		set_hours(sbi, policy);
		wardfs_policy_bump(sbi);
		*changed = true;
	}
	return sbi->policy_until;
}

/**
 * wardfs_policy_hours_end - until when are the hours of all rules known
 * @sbi: the vault
 *
 * Return: seconds since 1970, UTC; 0 when no rule has any.
 */
u64 wardfs_policy_hours_end(struct wardfs_sb *sbi)
{
	struct wardfs_policy *policy;
	u64 end;

	rcu_read_lock();
	policy = rcu_dereference(sbi->policy);
	end = policy && policy->traits.by_hours ? policy->traits.hours_end : 0;
	rcu_read_unlock();
	return end;
}

#define REPORTED_MAX	16	/* programs that were replaced, of one policy */

/**
 * struct replaced - telling of programs that were replaced
 * @sbi: the vault
 * @told: which were, each once, however many rules name it
 * @count: how many; REPORTED_MAX + 1: more than are told
 * @hours: a rule for whose hours local time is known anew; NULL: there is none
 */
struct replaced {
	struct wardfs_sb *sbi;
	const struct ward_program *told[REPORTED_MAX];
	u32 count;
	const struct ward_rule *hours;
};

static bool was_told(const struct replaced *replaced, const struct ward_program *program)
{
	u32 i;

	for (i = 0; i < replaced->count; i++)
		if (replaced->told[i]->path_length == program->path_length &&
		    !memcmp(replaced->told[i]->path, program->path,
			    le16_to_cpu(program->path_length)))
			return true;
	return false;
}

static const char *name_of(const struct ward_rule *rule)
{
	return rule->name[0] ? (const char *)rule->name : NULL;
}

static void report_renewed(const struct ward_renewed *what, void *arg)
{
	struct replaced *replaced = arg;
	struct wardfs_report report = {
		.kind = WARD_KIND_POLICY,
		.action = WARD_ACTION_POLICY_LOAD,
		.rule = name_of(what->rule),
		.block = WARDFS_NO_BLOCK,
	};
	char *text;

	if (!what->new) {
		if (!replaced->hours)
			replaced->hours = what->rule;
		return;
	}
	if (replaced->count > REPORTED_MAX || was_told(replaced, what->new))
		return;
	if (replaced->count++ == REPORTED_MAX)
		return;
	replaced->told[replaced->count - 1] = what->new;
	text = kasprintf(GFP_KERNEL, "program is another file now: %.*s",
			 le16_to_cpu(what->new->path_length), what->new->path);
	report.detail = text ?: "program is another file now";
	wardfs_report(replaced->sbi, &report);
	kfree(text);
}

/* A rule that follows its program to another file is on record. */
static void report_renewal(struct wardfs_sb *sbi, const struct wardfs_policy *old,
			   const struct wardfs_policy *policy)
{
	struct replaced replaced = { .sbi = sbi };
	struct wardfs_report report = {
		.kind = WARD_KIND_POLICY,
		.action = WARD_ACTION_POLICY_LOAD,
		.detail = "more programs than are told are other files now",
		.block = WARDFS_NO_BLOCK,
	};

	if (!ward_policy_renewal(old->blob, policy->blob, NULL, NULL))
		return;
	ward_policy_renewal(old->blob, policy->blob, report_renewed, &replaced);
	if (replaced.count > REPORTED_MAX)
		wardfs_report(sbi, &report);
	report.detail = "local time of hours is known anew";
	if (!replaced.hours)
		return;
	report.rule = name_of(replaced.hours);
	wardfs_report(sbi, &report);
}

/*
 * The pointer first, then the generation: who reads a generation with acquire
 * semantics sees at least the policy that it stands for.
 */
static void policy_replace(struct wardfs_sb *sbi, struct wardfs_policy *policy)
{
	struct wardfs_policy *old;

	set_hours(sbi, policy);
	old = rcu_replace_pointer(sbi->policy, policy, lockdep_is_held(&sbi->state_lock));
	wardfs_policy_bump(sbi);
	if (!old)
		return;
	report_renewal(sbi, old, policy);
	call_rcu(&old->rcu, policy_free_rcu);
}

/* What is made of the rules before they can be asked. */
static int policy_prepare(struct wardfs_sb *sbi, struct wardfs_policy *policy)
{
	atomic64_set(&policy->tag, wardfs_place_tag());
	if (policy->traits.by_path) {
		policy->places_memory = kvzalloc(ward_places_size(&policy->traits), GFP_KERNEL);
		if (!policy->places_memory)
			return -ENOMEM;
		ward_places_make(&policy->places, policy->blob, &policy->traits,
				 policy->places_memory);
	}
	/* What was counted under earlier rules goes on. */
	if (policy->traits.by_burst && !sbi->bursts) {
		sbi->bursts = wardfs_bursts_make();
		if (!sbi->bursts)
			return -ENOMEM;
	}
	if (policy->traits.rules >= ANSWERS_FROM)
		policy->answers = wardfs_answers_make();
	return 0;
}

/* What processes run that were there before is what the rules meant. */
static int follow_running(struct wardfs_policy *policy, const struct wardfs_policy *now)
{
	if (!policy->traits.by_program || !now ||
	    !ward_policy_renewal(now->blob, policy->blob, NULL, NULL))
		return 0;
	policy->follows.follow = kvmalloc_array(WARD_FOLLOW_MAX, sizeof(*policy->follows.follow),
						GFP_KERNEL);
	if (!policy->follows.follow)
		return -ENOMEM;
	ward_follow_make(&policy->follows, now->blob, policy->blob, &now->follows);
	return 0;
}

/**
 * wardfs_policy_set - put a compiled policy in force
 * @sbi: the vault
 * @blob: the policy with its MAC; need not be aligned, is copied
 * @len: bytes
 * @mac_key: policy MAC key, 32 bytes
 * @serial_min: no policy with a lower serial is taken
 *
 * On failure the policy that was in force stays so.
 * Context: sleeps; state_lock held.
 *
 * Return: 0; -EBADMSG when it does not authenticate, or holds anything that this
 * kernel does not understand; -EPROTONOSUPPORT for another format version; -EXDEV
 * for another vault's; -ESTALE when it is not newer; -ENOMEM.
 */
int wardfs_policy_set(struct wardfs_sb *sbi, const void *blob, size_t len, const u8 *mac_key,
		      u64 serial_min)
{
	struct wardfs_policy *policy, *now;
	u8 mac[WARD_MAC_SIZE];
	int err;

	lockdep_assert_held(&sbi->state_lock);
	if (len < sizeof(struct ward_policy_header) + WARD_MAC_SIZE || len > WARD_POLICY_MAX)
		return -EBADMSG;
	policy = kvmalloc(struct_size(policy, blob, len), GFP_KERNEL);
	if (!policy)
		return -ENOMEM;
	memset(policy, 0, sizeof(*policy));
	memcpy(policy->blob, blob, len);

	/* Nothing of it is believed before this. */
	err = wardfs_hmac_sha256(mac_key, policy->blob, len - WARD_MAC_SIZE, mac);
	if (err)
		goto free;
	err = -EBADMSG;
	if (crypto_memneq(mac, policy->blob + len - WARD_MAC_SIZE, WARD_MAC_SIZE))
		goto free;
	err = ward_policy_validate(policy->blob, len, sbi->uuid, &policy->traits);
	if (!err)
		err = policy_prepare(sbi, policy);
	if (err)
		goto free;
	policy->serial = le64_to_cpu(((struct ward_policy_header *)policy->blob)->serial);
	now = rcu_dereference_protected(sbi->policy, lockdep_is_held(&sbi->state_lock));
	err = -ESTALE;
	if (policy->serial < serial_min || (now && policy->serial <= now->serial))
		goto free;
	err = follow_running(policy, now);
	if (err)
		goto free;
	policy_replace(sbi, policy);
	memzero_explicit(mac, sizeof(mac));
	return 0;
free:
	memzero_explicit(mac, sizeof(mac));
	policy_free(policy);
	return err;
}

static int authenticate(struct wardfs_sb *sbi, const u8 *blob, size_t len, const u8 *mac_key,
			u8 *mac)
{
	const struct wardfs_policy *now;
	struct ward_policy_traits traits;
	int err;

	now = rcu_dereference_protected(sbi->policy, lockdep_is_held(&sbi->state_lock));
	if (!now)
		return -ENOENT;
	if (len < sizeof(struct ward_policy_header) + WARD_MAC_SIZE)
		return -EBADMSG;
	err = ward_policy_validate(blob, len, sbi->uuid, &traits);
	if (err)
		return err;
	err = ward_policy_renews(now->blob, blob);
	if (err)
		return err;
	return wardfs_hmac_sha256(mac_key, blob, len - WARD_MAC_SIZE, mac);
}

/**
 * wardfs_renew_policy - authenticate the policy in .ward/policy.new, if its rules are in force
 * @sbi: the vault
 * @mac: set to its MAC, 32 bytes
 *
 * Programs may be other files than in the one in force, and local time may run otherwise:
 * what updates and years change. Whoever may ask could as well write another program into
 * the file that a rule means, and set the clock; so no secret is asked for. Its serial
 * number is the next one, of those that renewals have: what was authenticated so and kept is
 * older than whatever is loaded with a secret afterwards. Changes nothing:
 * wardfs_load_policy() does.
 * Context: sleeps.
 *
 * Return: 0; -ENOKEY when locked; -ENOENT when there is no such file, or no policy in force;
 * -EBADMSG, -EPROTONOSUPPORT, -EXDEV as wardfs_policy_set(); -ESTALE when its serial number
 * is not the next one of a renewal; -EPERM when the rules differ, or say that they
 * are not to be renewed; the lower's error.
 */
int wardfs_renew_policy(struct wardfs_sb *sbi, u8 *mac)
{
	int err = -ENOKEY;
	size_t len;
	u8 *data;

	mutex_lock(&sbi->state_lock);
	if (sbi->state == WARD_STATE_UNLOCKED)
		err = wardfs_file_read(sbi, WARD_POLICY_NEW_NAME, WARD_POLICY_MAX, &data, &len);
	if (!err) {
		err = authenticate(sbi, data, len, wardfs_keys(sbi)->policy_mac, mac);
		kvfree(data);
	}
	mutex_unlock(&sbi->state_lock);
	return err;
}

/**
 * wardfs_policy_drop - no policy is in force any more
 * @sbi: the vault
 *
 * At lock, and at the end of the mount. Nothing is allowed afterwards.
 * Context: state_lock held, or nobody else can reach @sbi.
 */
void wardfs_policy_drop(struct wardfs_sb *sbi)
{
	struct wardfs_policy *old = rcu_dereference_protected(sbi->policy, 1);

	rcu_assign_pointer(sbi->policy, NULL);
	wardfs_policy_bump(sbi);
	if (old)
		call_rcu(&old->rcu, policy_free_rcu);
}

/**
 * wardfs_policy_settle - what a new policy found under way has ended
 * @sbi: the vault
 *
 * A directory that is being renamed was asked about under the old policy, and may have
 * been found where it was under the new one. Renaming is a section.
 * Context: sleeps; state_lock held.
 */
void wardfs_policy_settle(struct wardfs_sb *sbi)
{
	struct wardfs_policy *policy;

	synchronize_srcu(&sbi->srcu);
	policy = rcu_dereference_protected(sbi->policy, lockdep_is_held(&sbi->state_lock));
	if (policy)
		atomic64_set(&policy->tag, wardfs_place_tag());
	wardfs_policy_bump(sbi);
}

/**
 * wardfs_policy_serial - serial of the policy in force
 * @sbi: the vault
 *
 * Return: the serial, 0 when there is none.
 */
u64 wardfs_policy_serial(struct wardfs_sb *sbi)
{
	struct wardfs_policy *policy;
	u64 serial;

	rcu_read_lock();
	policy = rcu_dereference(sbi->policy);
	serial = policy ? policy->serial : 0;
	rcu_read_unlock();
	return serial;
}

/**
 * wardfs_policy_rules - how many rules are in force
 * @sbi: the vault
 * @permissive: set to whether refusals are only reported; may be NULL
 *
 * Return: the count, 0 when there is no policy.
 */
u32 wardfs_policy_rules(struct wardfs_sb *sbi, bool *permissive)
{
	struct wardfs_policy *policy;
	u32 rules;

	rcu_read_lock();
	policy = rcu_dereference(sbi->policy);
	rules = policy ? policy->traits.rules : 0;
	if (permissive)
		*permissive = policy && policy->traits.permissive;
	rcu_read_unlock();
	return rules;
}
