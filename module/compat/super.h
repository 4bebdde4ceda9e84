/* SPDX-License-Identifier: GPL-2.0-only */
/* Properties of super blocks and mounts. */
#ifndef WARDFS_COMPAT_SUPER_H
#define WARDFS_COMPAT_SUPER_H

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/dcache.h>

static inline void wardfs_set_default_d_op(struct super_block *sb,
					   const struct dentry_operations *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	set_default_d_op(sb, ops);
#else
	sb->s_d_op = ops;
#endif
}

/* The lower file system applies the umask, when it knows of no default ACL. */
static inline void wardfs_sb_no_umask(struct super_block *sb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	sb->s_iflags |= SB_I_NOUMASK;
#else
	sb->s_flags |= SB_POSIXACL;
#endif
}

/* Does the directory, or anything its file system may hold, fold case? */
static inline bool wardfs_sb_casefolds(const struct super_block *sb, const struct dentry *dentry)
{
	return IS_CASEFOLDED(d_inode(dentry)) ||
	       dentry->d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE);
}

static inline bool wardfs_idmapped(const struct vfsmount *mnt)
{
	return is_idmapped_mnt(mnt);
}

#endif
