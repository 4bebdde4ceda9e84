// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where in the vault something lies, as far as the policy in force is concerned.
 *
 * That follows from the names on the way from the top (places.c). A directory remembers
 * it, so that a lookup costs one comparison. What it remembers stays right, for while a
 * policy is in force no directory changes its place: wardfs_policy_boundary() refuses it,
 * and what was under way when the policy came is waited for (wardfs_policy_settle()).
 *
 * Everything here runs under RCU and takes no reference: dentries and their parents are
 * freed after a grace period. Of locks only d_lock and i_lock are taken, one at a time.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include "policy.h"

/*
 * wardfs_inode.place: the place in the low bits, WARD_PLACE_BELOW as bit 19, then the
 * policy's tag.
 */
#define PLACE_BITS	20
#define BELOW_BIT	(1U << (PLACE_BITS - 1))

/* A file with more names than this is not looked at by each of them. */
#define NAMES_MAX	16

/**
 * wardfs_place_tag - a number for places to be remembered under
 *
 * Return: one that was never drawn before in this load of the module.
 */
u64 wardfs_place_tag(void)
{
	static atomic64_t last;

	return atomic64_inc_return(&last);
}

static bool recall(const struct wardfs_policy *policy, struct inode *inode, u64 tag, u32 *at)
{
	u64 word = atomic64_read(&WARDFS_I(inode)->place);

	if (word >> PLACE_BITS != tag)
		return false;
	*at = word & (BELOW_BIT - 1);
	if (word & BELOW_BIT)
		*at |= WARD_PLACE_BELOW;
	return true;
}

static void remember(struct inode *inode, u64 tag, u32 at)
{
	u64 word = at & ~WARD_PLACE_BELOW;

	BUILD_BUG_ON(WARD_PATHS_MAX + 1 > BELOW_BIT);
	if (at & WARD_PLACE_BELOW)
		word |= BELOW_BIT;
	atomic64_set(&WARDFS_I(inode)->place, tag << PLACE_BITS | word);
}

static u32 step(const struct wardfs_policy *policy, u32 at, struct dentry *dentry)
{
	/* The name stays as it is while this is held, and is freed after a grace period. */
	spin_lock(&dentry->d_lock);
	at = ward_place_step(&policy->places, at, dentry->d_name.name, dentry->d_name.len);
	spin_unlock(&dentry->d_lock);
	return at;
}

/**
 * wardfs_place_dentry - where an entry of the vault lies
 * @policy: the policy in force
 * @dentry: the entry; may be negative, or have been removed: then it lies where it was
 *
 * Context: RCU read side; does not sleep. No d_lock or rename_lock held.
 *
 * Return: as ward_place_step(); WARD_PLACE_NONE when it has no path, as a file handle
 * may lead to such things.
 */
u32 wardfs_place_dentry(const struct wardfs_policy *policy, struct dentry *dentry)
{
	/* Only the names next to the top matter: no rule names a directory further down. */
	struct dentry *way[WARD_PATH_DEPTH + 1], *d = dentry;
	struct inode *inode = d_inode_rcu(dentry);
	unsigned int n, steps;
	/* Before names are looked at: what is remembered must not look newer than it is. */
	u64 tag = atomic64_read(&policy->tag);
	u32 at;

	for (n = 0; d != dentry->d_sb->s_root; n++) {
		struct inode *dir = d_inode_rcu(d);

		if (dir && S_ISDIR(dir->i_mode) && recall(policy, dir, tag, &at))
			goto down;
		if (IS_ROOT(d))
			return WARD_PLACE_NONE;
		way[n % ARRAY_SIZE(way)] = d;
		d = READ_ONCE(d->d_parent);
	}
	at = WARD_PLACE_TOP;
down:
	if (!n)
		return at;
	for (steps = 0; n && steps < ARRAY_SIZE(way) && !(at & WARD_PLACE_BELOW); steps++)
		at = step(policy, at, way[--n % ARRAY_SIZE(way)]);
	if (inode && S_ISDIR(inode->i_mode))
		remember(inode, tag, at);
	return at;
}

/**
 * wardfs_place_inode - where an object lies of which only the inode is at hand
 * @policy: the policy in force
 * @inode: the object
 *
 * A file may have several names. Where not all of them that are known lie under the same
 * rules, it counts as having none.
 * Context: RCU read side; does not sleep.
 *
 * Return: as wardfs_place_dentry().
 */
u32 wardfs_place_inode(const struct wardfs_policy *policy, struct inode *inode)
{
	u32 at = WARD_PLACE_NONE, gone = WARD_PLACE_NONE;
	unsigned int names = 0, looked = 0;
	struct dentry *d;

	if (S_ISDIR(inode->i_mode) && recall(policy, inode, atomic64_read(&policy->tag), &at))
		return at;
	spin_lock(&inode->i_lock);
	hlist_for_each_entry(d, &inode->i_dentry, d_u.d_alias) {
		u32 here;

		/* There are more of them than one looks at under a lock. */
		if (looked++ == NAMES_MAX) {
			at = WARD_PLACE_NONE;
			break;
		}
		here = wardfs_place_dentry(policy, d);
		/* What a file handle led to has no name. */
		if (here == WARD_PLACE_NONE)
			continue;
		/* A name that was removed counts if there is no other. */
		if (d_unhashed(d) && d != inode->i_sb->s_root) {
			gone = here;
			continue;
		}
		if (names && ward_place_group(&policy->places, here) !=
			     ward_place_group(&policy->places, at))
			here = WARD_PLACE_NONE;
		at = here;
		names++;
		if (at == WARD_PLACE_NONE)
			break;
	}
	spin_unlock(&inode->i_lock);
	return names ? at : looked > NAMES_MAX ? WARD_PLACE_NONE : gone;
}

/**
 * wardfs_place_moved - does a directory lie elsewhere than it remembers
 * @policy: the policy in force
 * @inode: the directory
 * @dentry: where it was found
 *
 * Context: RCU read side; does not sleep.
 *
 * Return: whether it does; it remembers where it lies now.
 */
bool wardfs_place_moved(const struct wardfs_policy *policy, struct inode *inode,
			struct dentry *dentry)
{
	u64 tag = atomic64_read(&policy->tag);
	u32 before, now;

	if (!recall(policy, inode, tag, &before))
		return false;
	atomic64_set(&WARDFS_I(inode)->place, 0);
	now = wardfs_place_dentry(policy, dentry);
	return now != before;
}
