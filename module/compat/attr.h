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
 * compat_set_times - set mtime and ctime of an inode of another file system
 * @inode: locked
 * @mtime: what it is to be, or NULL to leave it
 * @ctime: the same
 *
 * As that file system sets them when a file is written: it may keep them in memory
 * until then. A failure leaves them where they were.
 */
static inline void compat_set_times(struct inode *inode, struct timespec64 *mtime,
				    struct timespec64 *ctime)
{
	struct timespec64 m = inode_get_mtime(inode), c = inode_get_ctime(inode);
	bool set_m = mtime && !timespec64_equal(&m, mtime);
	bool set_c = ctime && !timespec64_equal(&c, ctime);

	/* The server keeps its times; and NFS makes no directory dirty. */
	if (IS_NOCMTIME(inode))
		return;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	if (set_m)
		inode_update_time(inode, mtime, S_MTIME);
	if (set_c)
		inode_update_time(inode, ctime, S_CTIME);
#else
	if (set_m)
		inode_set_mtime_to_ts(inode, *mtime);
	if (set_c)
		inode_set_ctime_to_ts(inode, *ctime);
	if (set_m || set_c)
		mark_inode_dirty_sync(inode);
#endif
}

#endif
