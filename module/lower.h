/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every call to the layer below that concerns names, attributes and xattrs goes
 * through here, so that it can be seen (dynamic debug) and so that no caller
 * forgets the idmapping of the mount below. None of these changes credentials:
 * they run as whoever calls. None takes a reference on the mount for writing:
 * wardfs_want_write() does.
 */
#ifndef WARDFS_LOWER_H
#define WARDFS_LOWER_H

#include <linux/magic.h>
#include <linux/xattr.h>

#include "compat/namei.h"
#include "wardfs.h"

static inline wardfs_idmap *lower_idmap(const struct super_block *sb)
{
	return wardfs_mnt_idmap(WARDFS_SB(sb)->lower_mnt);
}

/* A file that is removed while somebody has it keeps a name there: .nfs and digits. */
static inline bool wardfs_lower_is_nfs(const struct super_block *sb)
{
	return WARDFS_SB(sb)->tree->d_sb->s_magic == NFS_SUPER_MAGIC;
}

/* Where writing moves times, even if the file is opened with FMODE_NOCMTIME. */
static inline bool wardfs_lower_stamps(const struct super_block *sb)
{
	unsigned long magic = WARDFS_SB(sb)->tree->d_sb->s_magic;

	return magic == BTRFS_SUPER_MAGIC || magic == TMPFS_MAGIC;
}

static inline bool wardfs_is_silly(const struct super_block *sb, const char *name, unsigned int len)
{
	return len > 4 && !memcmp(name, ".nfs", 4) && wardfs_lower_is_nfs(sb);
}

/* Taken before a section and before any lock below, dropped after them. */
static inline int wardfs_want_write(struct super_block *sb)
{
	return mnt_want_write(WARDFS_SB(sb)->lower_mnt);
}

static inline void wardfs_drop_write(struct super_block *sb)
{
	mnt_drop_write(WARDFS_SB(sb)->lower_mnt);
}

/* @dir is an upper directory in all that follows; names are lower names. */

static inline struct dentry *lower_lookup(struct inode *dir, const char *name, unsigned int len)
{
	struct dentry *base = wardfs_lower_dentry(dir);
	struct dentry *child = compat_lookup(lower_idmap(dir->i_sb), base, &QSTR_LEN(name, len));

	pr_debug("lookup(%pd2, %.*s) = %d\n", base, (int)len, name, PTR_ERR_OR_ZERO(child));
	return child;
}

static inline struct dentry *lower_start_creating(struct inode *dir, const char *name,
						  unsigned int len)
{
	return start_creating(lower_idmap(dir->i_sb), wardfs_lower_dentry(dir),
			      &QSTR_LEN(name, len));
}

static inline struct dentry *lower_start_removing(struct inode *dir, const char *name,
						  unsigned int len)
{
	return start_removing(lower_idmap(dir->i_sb), wardfs_lower_dentry(dir),
			      &QSTR_LEN(name, len));
}

static inline int lower_create(struct inode *dir, struct dentry *child, umode_t mode)
{
	int err = compat_vfs_create(lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child, mode);

	pr_debug("create(%pd2, 0%o) = %d\n", child, mode, err);
	return err;
}

static inline struct dentry *lower_mkdir(struct inode *dir, struct dentry *child, umode_t mode)
{
	pr_debug("mkdir(%pd2, 0%o)\n", child, mode);
	return compat_vfs_mkdir(lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child, mode);
}

static inline int lower_mknod(struct inode *dir, struct dentry *child, umode_t mode, dev_t dev)
{
	int err = compat_vfs_mknod(lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child, mode,
				   dev);

	pr_debug("mknod(%pd2, 0%o) = %d\n", child, mode, err);
	return err;
}

static inline int lower_symlink(struct inode *dir, struct dentry *child, const char *target)
{
	int err = compat_vfs_symlink(lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child,
				     target);

	pr_debug("symlink(%pd2) = %d\n", child, err);
	return err;
}

static inline int lower_link(struct dentry *from, struct inode *dir, struct dentry *child)
{
	int err = vfs_link(from, lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child, NULL);

	pr_debug("link(%pd2, %pd2) = %d\n", from, child, err);
	return err;
}

static inline int lower_unlink(struct inode *dir, struct dentry *child)
{
	int err = vfs_unlink(lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child, NULL);

	pr_debug("unlink(%pd2) = %d\n", child, err);
	return err;
}

static inline int lower_rmdir(struct inode *dir, struct dentry *child)
{
	int err = compat_vfs_rmdir(lower_idmap(dir->i_sb), wardfs_lower_inode(dir), child);

	pr_debug("rmdir(%pd2) = %d\n", child, err);
	return err;
}

static inline int lower_rename(struct super_block *sb, const struct compat_rename *r)
{
	int err = compat_vfs_rename(lower_idmap(sb), r);

	pr_debug("rename(%pd2/%s, %pd2/%s, 0x%x) = %d\n", r->old_parent, r->old_name.name,
		 r->new_parent, r->new_name.name, r->flags, err);
	return err;
}

/* Under the lower inode's lock. */
static inline int lower_notify_change(struct super_block *sb, struct dentry *lower,
				      struct iattr *attr)
{
	int err = notify_change(lower_idmap(sb), lower, attr, NULL);

	pr_debug("notify_change(%pd2, 0x%x) = %d\n", lower, attr->ia_valid, err);
	return err;
}

/* @inode is an upper inode in all that follows; names are lower names. */

static inline ssize_t lower_getxattr(struct inode *inode, const char *name, void *value,
				     size_t size)
{
	ssize_t res = vfs_getxattr(lower_idmap(inode->i_sb), wardfs_lower_dentry(inode), name,
				   value, size);

	pr_debug("getxattr(%pd2, %s, %zu) = %zd\n", wardfs_lower_dentry(inode), name, size, res);
	return res;
}

static inline int lower_setxattr(struct inode *inode, const char *name, const void *value,
				 size_t size, int flags)
{
	int err = vfs_setxattr(lower_idmap(inode->i_sb), wardfs_lower_dentry(inode), name, value,
			       size, flags);

	pr_debug("setxattr(%pd2, %s, %zu) = %d\n", wardfs_lower_dentry(inode), name, size, err);
	return err;
}

static inline int lower_removexattr(struct inode *inode, const char *name)
{
	int err = vfs_removexattr(lower_idmap(inode->i_sb), wardfs_lower_dentry(inode), name);

	pr_debug("removexattr(%pd2, %s) = %d\n", wardfs_lower_dentry(inode), name, err);
	return err;
}

#endif
