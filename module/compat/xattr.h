/* SPDX-License-Identifier: GPL-2.0-only */
/* ACLs as xattrs: a handler's business until 6.2, then the VFS's. */
#ifndef WARDFS_COMPAT_XATTR_H
#define WARDFS_COMPAT_XATTR_H

#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define WARDFS_AFTER_ACL_HANDLERS(next)	next
#define compat_get_acl(inode, type)	get_inode_acl(inode, type)
#else
#define WARDFS_AFTER_ACL_HANDLERS(next)	\
	&posix_acl_access_xattr_handler, &posix_acl_default_xattr_handler, next
#define compat_get_acl(inode, type)	get_acl(inode, type)
#endif

#endif
