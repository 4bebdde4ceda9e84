/* SPDX-License-Identifier: GPL-2.0-only */
/* The policy in force, as policy.c, verdict.c, place.c and answers.c share it. */
#ifndef WARDFS_POLICY_H
#define WARDFS_POLICY_H

#include <linux/rcupdate.h>
#include "wardfs.h"
#include "follow.h"
#include "places.h"

struct wardfs_answers;

/**
 * struct wardfs_policy - a policy in force; immutable, freed through RCU
 * @rcu: for freeing
 * @traits: what is told of it without walking the rules
 * @serial: of the policy
 * @tag: what inodes remember of their place counts for this number only; drawn anew
 *	when directories may have changed their place. Never 0
 * @places: the directories that it names, of the memory behind them
 * @follows: which files stand for those that it means, since it was renewed; array for
 *	kvfree()
 * @answers: what it answered, or NULL
 * @blob: as it lies in .ward/policy, validated
 */
struct wardfs_policy {
	struct rcu_head rcu;
	struct ward_policy_traits traits;
	u64 serial;
	atomic64_t tag;
	struct ward_places places;
	void *places_memory;
	struct ward_follows follows;
	struct wardfs_answers *answers;
	u8 blob[] __aligned(8);
};

/*
 * What open files remember is of this generation or does not count. To be read before the
 * policy is: then at least the policy that it stands for is seen.
 */
static inline u64 wardfs_policy_generation(const struct wardfs_sb *sbi)
{
	/* Pairs with wardfs_policy_bump(). */
	return atomic64_read_acquire(&sbi->policy_generation);
}

/* ---- place.c: where in the vault something lies; under RCU, without sleeping ---- */
u64 wardfs_place_tag(void);
u32 wardfs_place_dentry(const struct wardfs_policy *policy, struct dentry *dentry);
u32 wardfs_place_inode(const struct wardfs_policy *policy, struct inode *inode);
bool wardfs_place_moved(const struct wardfs_policy *policy, struct inode *inode,
			struct dentry *dentry);

/* ---- answers.c: what a policy answered ---- */
struct wardfs_answers *wardfs_answers_make(void);
void wardfs_answers_free(struct wardfs_answers *answers);

/**
 * struct wardfs_topic - what of somebody an answer is about
 * @place: where
 * @window: for which time
 * @walk: may he walk there; else: what may he do
 */
struct wardfs_topic {
	u32 place;
	u32 window;
	bool walk;
};
bool wardfs_answer_find(struct wardfs_answers *answers, const struct ward_actor *who,
			const struct wardfs_topic *topic, u32 *answer);
void wardfs_answer_keep(struct wardfs_answers *answers, const struct ward_actor *who,
			const struct wardfs_topic *topic, u32 answer);

#endif
