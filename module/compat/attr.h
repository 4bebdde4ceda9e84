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

/**
 * compat_set_ctime - set the ctime of an inode of another file system
 * @inode: locked
 * @ctime: what it is to be
 *
 * As that file system sets it when a file is written: it may keep the time in memory
 * until then. A failure leaves ctime where it was.
 */
static inline void compat_set_ctime(struct inode *inode, struct timespec64 *ctime)
{
	struct timespec64 now = inode_get_ctime(inode);

	if (timespec64_equal(&now, ctime))
		return;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	inode_update_time(inode, ctime, S_CTIME);
#else
	inode_set_ctime_to_ts(inode, *ctime);
	mark_inode_dirty_sync(inode);
#endif
}

#endif
