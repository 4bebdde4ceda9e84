/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of a directory below: looking up, making, removing, renaming. The
 * shape is the newest kernel's: start_...() looks up and locks, end_...()
 * unlocks and puts, vfs_mkdir() gives the directory's dentry.
 */
#ifndef WARDFS_COMPAT_NAMEI_H
#define WARDFS_COMPAT_NAMEI_H

#include <linux/namei.h>
#include "compat.h"

#ifndef QSTR_LEN
#define QSTR_LEN(n, l)	((struct qstr)QSTR_INIT(n, l))
#endif

static inline struct dentry *compat_lookup(wardfs_idmap *idmap, struct dentry *base,
					   const struct qstr *name)
{
	return lookup_one_unlocked(idmap, name->name, base, name->len);
}

static inline struct dentry *compat_start_dirop(wardfs_idmap *idmap, struct dentry *parent,
						const struct qstr *name, bool positive)
{
	struct dentry *child;
	int err;

	inode_lock_nested(d_inode(parent), I_MUTEX_PARENT);
	child = lookup_one(idmap, name->name, parent, name->len);
	if (IS_ERR(child)) {
		err = PTR_ERR(child);
		goto unlock;
	}
	if (d_is_positive(child) == positive)
		return child;
	err = positive ? -ENOENT : -EEXIST;
	dput(child);
unlock:
	inode_unlock(d_inode(parent));
	return ERR_PTR(err);
}

static inline struct dentry *start_creating(wardfs_idmap *idmap, struct dentry *parent,
					    const struct qstr *name)
{
	return compat_start_dirop(idmap, parent, name, false);
}

static inline struct dentry *start_removing(wardfs_idmap *idmap, struct dentry *parent,
					    const struct qstr *name)
{
	return compat_start_dirop(idmap, parent, name, true);
}

/* d_parent is stable: the parent is locked. */
static inline void end_removing(struct dentry *child)
{
	if (IS_ERR(child))
		return;
	inode_unlock(d_inode(child->d_parent));
	dput(child);
}

static inline void end_creating(struct dentry *child)
{
	end_removing(child);
}

static inline int compat_vfs_create(wardfs_idmap *idmap, struct inode *dir,
				    struct dentry *child, umode_t mode)
{
	return vfs_create(idmap, dir, child, mode, true);
}

/* On failure the child is put and its parent unlocked. */
static inline struct dentry *compat_vfs_mkdir(wardfs_idmap *idmap, struct inode *dir,
					      struct dentry *child, umode_t mode)
{
	int err = vfs_mkdir(idmap, dir, child, mode);

	if (!err)
		return child;
	end_creating(child);
	return ERR_PTR(err);
}

static inline int compat_vfs_mknod(wardfs_idmap *idmap, struct inode *dir,
				   struct dentry *child, umode_t mode, dev_t dev)
{
	return vfs_mknod(idmap, dir, child, mode, dev);
}

static inline int compat_vfs_symlink(wardfs_idmap *idmap, struct inode *dir,
				     struct dentry *child, const char *target)
{
	return vfs_symlink(idmap, dir, child, target);
}

static inline int compat_vfs_rmdir(wardfs_idmap *idmap, struct inode *dir, struct dentry *child)
{
	return vfs_rmdir(idmap, dir, child);
}

static inline struct file *compat_tmpfile_open(wardfs_idmap *idmap, const struct path *parent,
					       umode_t mode, int flags, const struct cred *cred)
{
	return vfs_tmpfile_open(idmap, parent, mode, flags, cred);
}

/**
 * struct compat_rename - one renaming
 * @old_parent: where from
 * @new_parent: where to
 * @old_name: what
 * @new_name: to what
 * @source: the inode that must be found at the old name
 * @target: the inode that must be found at the new name; NULL: none may be
 * @flags: RENAME_*
 */
struct compat_rename {
	struct dentry *old_parent;
	struct dentry *new_parent;
	struct qstr old_name;
	struct qstr new_name;
	const struct inode *source;
	const struct inode *target;
	unsigned int flags;
};

static inline int compat_vfs_rename(wardfs_idmap *idmap, const struct compat_rename *r)
{
	struct renamedata rd = {
		.old_dir = d_inode(r->old_parent),
		.new_dir = d_inode(r->new_parent),
		.flags = r->flags,
	};
	struct dentry *trap, *from, *to;
	int err;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	rd.old_mnt_idmap = idmap;
	rd.new_mnt_idmap = idmap;
#else
	rd.old_mnt_userns = idmap;
	rd.new_mnt_userns = idmap;
#endif
	trap = lock_rename(r->old_parent, r->new_parent);
	if (IS_ERR(trap))
		return PTR_ERR(trap);
	from = lookup_one(idmap, r->old_name.name, r->old_parent, r->old_name.len);
	if (IS_ERR(from)) {
		err = PTR_ERR(from);
		goto unlock;
	}
	to = lookup_one(idmap, r->new_name.name, r->new_parent, r->new_name.len);
	if (IS_ERR(to)) {
		err = PTR_ERR(to);
		goto put_from;
	}
	if (d_inode(from) != r->source || d_inode(to) != r->target) {
		err = -ESTALE;
	} else if (from == trap) {
		err = -EINVAL;
	} else if (to == trap) {
		err = r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	} else {
		rd.old_dentry = from;
		rd.new_dentry = to;
		err = vfs_rename(&rd);
	}
	dput(to);
put_from:
	dput(from);
unlock:
	unlock_rename(r->old_parent, r->new_parent);
	return err;
}

static inline int compat_d_revalidate(struct dentry *dentry, unsigned int flags)
{
	return dentry->d_op->d_revalidate(dentry, flags);
}

#endif
