/* SPDX-License-Identifier: GPL-2.0-only */
/* Inode times: accessors since 6.6; some were backported to 6.1. */
#ifndef WARDFS_COMPAT_ATTR_H
#define WARDFS_COMPAT_ATTR_H

#include <linux/version.h>
#include <linux/fs.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define inode_get_atime(inode)			((inode)->i_atime)
#define inode_get_mtime(inode)			((inode)->i_mtime)
#define inode_set_atime_to_ts(inode, ts)	((inode)->i_atime = (ts))
#define inode_set_mtime_to_ts(inode, ts)	((inode)->i_mtime = (ts))
#endif

#endif
