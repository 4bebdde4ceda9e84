// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symlinks: the target below is encrypted. It is decoded once, and kept in the
 * inode until the vault is locked.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "wardfs.h"

static int read_target(struct inode *inode, char **target)
{
	DEFINE_DELAYED_CALL(done);
	const char *text = vfs_get_link(wardfs_lower_dentry(inode), &done);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = wardfs_target_decode(WARDFS_SB(inode->i_sb), text, target);
	do_delayed_call(&done);
	if (err == -EBADMSG) {
		wardfs_report_tamper(inode, NULL, WARDFS_NO_BLOCK,
				     "the symlink's target does not authenticate");
		err = -EIO;
	}
	return err;
}

/**
 * wardfs_target_check - does a symlink's target authenticate, as it is below now
 * @inode: upper symlink
 *
 * Inside a section.
 *
 * Return: 0; -EIO when not (reported); -ENOMEM, or what the lower file system says.
 */
int wardfs_target_check(struct inode *inode)
{
	char *target;
	int err = read_target(inode, &target);

	if (!err)
		kfree_sensitive(target);
	return err;
}

/* Inside a section; what is found is good until it ends. */
static int load_target(struct inode *inode, const char **target)
{
	struct wardfs_inode *wi = WARDFS_I(inode);
	char *text;
	int err = 0;

	/* Pairs with the release below. */
	*target = smp_load_acquire(&wi->target);
	if (*target)
		return 0;
	mutex_lock(&wi->lock);
	if (!wi->target) {
		err = read_target(inode, &text);
		if (!err) {
			/* Pairs with the acquire above. */
			smp_store_release(&wi->target, text);
			wardfs_inode_keyed(inode);
		}
	}
	*target = wi->target;
	mutex_unlock(&wi->lock);
	return err;
}

/**
 * wardfs_target_size - how long a symlink's target is
 * @inode: upper symlink
 * @size: set to bytes; 0 for one that does not authenticate
 *
 * Return: 0, -ENOKEY when locked, -ENOMEM, or what the lower file system says.
 */
int wardfs_target_size(struct inode *inode, loff_t *size)
{
	const char *target;
	int idx, err;

	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return idx;
	err = load_target(inode, &target);
	if (!err)
		*size = strlen(target);
	wardfs_exit(inode->i_sb, idx);
	/* What cannot be read can still be seen, and removed. */
	if (err == -EIO) {
		*size = 0;
		err = 0;
	}
	return err;
}

/**
 * wardfs_target_wipe - forget a decoded target
 * @inode: any upper inode
 *
 * Context: no section that could see it is left; or a grace period has passed since the
 * inode was evicted. Takes no lock.
 */
void wardfs_target_wipe(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);

	kfree_sensitive(wi->target);
	wi->target = NULL;
}

static void free_target(void *target)
{
	kfree_sensitive(target);
}

/*
 * In rcu-walk: what has been decoded already. A copy, as locking wipes it; of an inode
 * that is evicted meanwhile it stays until the walk is over.
 */
static const char *get_link_cached(struct inode *inode, struct delayed_call *done)
{
	const char *target;
	char *copy = NULL;
	int idx;

	if (wardfs_policy_walk(inode, true))
		return ERR_PTR(-ECHILD);
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return ERR_PTR(-ECHILD);
	/* Pairs with the release in load_target(). */
	target = smp_load_acquire(&WARDFS_I(inode)->target);
	if (target)
		copy = kstrdup(target, GFP_ATOMIC | __GFP_NOWARN);
	wardfs_exit(inode->i_sb, idx);
	if (!copy)
		return ERR_PTR(-ECHILD);
	set_delayed_call(done, free_target, copy);
	return copy;
}

static const char *wardfs_get_link(struct dentry *dentry, struct inode *inode,
				   struct delayed_call *done)
{
	const char *target;
	char *copy = NULL;
	int idx, err;

	if (!dentry)
		return get_link_cached(inode, done);
	/* readlinkat() of a descriptor comes without a walk. */
	err = wardfs_unlocked(inode->i_sb) ? wardfs_policy_walk(inode, false) : 0;
	if (err)
		return ERR_PTR(err);
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0) {
		wardfs_report_locked(inode, dentry, WARD_ACTION_LOOKUP);
		return ERR_PTR(idx);
	}
	err = load_target(inode, &target);
	if (!err) {
		copy = kstrdup(target, GFP_KERNEL);
		if (!copy)
			err = -ENOMEM;
	}
	wardfs_exit(inode->i_sb, idx);
	if (err)
		return ERR_PTR(err);
	set_delayed_call(done, free_target, copy);
	return copy;
}

const struct inode_operations wardfs_symlink_iops = {
	.get_link	= wardfs_get_link,
	.permission	= wardfs_permission,
	.getattr	= wardfs_getattr,
	.setattr	= wardfs_setattr,
	.listxattr	= wardfs_listxattr,
	.update_time	= wardfs_update_time,
};
