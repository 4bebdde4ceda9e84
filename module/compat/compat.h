/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels Ward is built for, as functions and types
 * with the newest kernel's names where one exists. No other file tests a
 * kernel version.
 */
#ifndef WARDFS_COMPAT_H
#define WARDFS_COMPAT_H

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/mount.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
typedef struct mnt_idmap wardfs_idmap;
#define wardfs_nop_idmap	(&nop_mnt_idmap)
#define wardfs_mnt_idmap(mnt)	mnt_idmap(mnt)
#else
typedef struct user_namespace wardfs_idmap;
#define wardfs_nop_idmap	(&init_user_ns)
#define wardfs_mnt_idmap(mnt)	mnt_user_ns(mnt)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
typedef struct file_kattr wardfs_fileattr;
#else
typedef struct fileattr wardfs_fileattr;
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define inode_state_read_once(inode)	READ_ONCE((inode)->i_state)
#endif

/* ACLs are kept below; the kernel's cache of them is the lower inode's. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define WARDFS_ACL_OPS		.get_inode_acl = wardfs_get_acl, .set_acl = wardfs_set_acl,
typedef struct dentry wardfs_acl_object;
#define wardfs_acl_inode(object)	d_inode(object)
#else
#define WARDFS_ACL_OPS		.get_acl = wardfs_get_acl, .set_acl = wardfs_set_acl,
typedef struct inode wardfs_acl_object;
#define wardfs_acl_inode(object)	(object)
#endif

/* super_block.s_xattr */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define WARDFS_XATTR_TABLE	const struct xattr_handler * const
#else
#define WARDFS_XATTR_TABLE	const struct xattr_handler *
#endif

#endif
