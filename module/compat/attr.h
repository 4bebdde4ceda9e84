/* SPDX-License-Identifier: GPL-2.0-only */
/* Inode times: accessors since 6.6; some were backported to 6.1. */
#ifndef WARDFS_COMPAT_ATTR_H
#define WARDFS_COMPAT_ATTR_H

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/iversion.h>
#include <linux/stat.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define inode_get_atime(inode)			((inode)->i_atime)
#define inode_get_mtime(inode)			((inode)->i_mtime)
#define inode_set_atime_to_ts(inode, ts)	((inode)->i_atime = (ts))
#define inode_set_mtime_to_ts(inode, ts)	((inode)->i_mtime = (ts))
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline int compat_update_time(struct inode *inode, struct timespec64 *to, int flags)
{
	/* As when a file is written: who caches by version has to see it. */
	if (flags & S_CTIME && IS_I_VERSION(inode))
		flags |= S_VERSION;
	return inode_update_time(inode, to, flags);
}
#endif

/**
 * compat_change_cookie - what an NFS server tells its clients changes by
 * @inode: upper inode
 * @stat: of it, with its times
 * @mask: what is wanted
 *
 * Before 6.3 the server makes it of ctime and i_version itself, like this.
 */
static inline void compat_change_cookie(struct inode *inode, struct kstat *stat, u32 mask)
{
#ifdef STATX_CHANGE_COOKIE
	stat->result_mask &= ~STATX_CHANGE_COOKIE;
	if (!(mask & STATX_CHANGE_COOKIE))
		return;
	stat->change_cookie = ((u64)stat->ctime.tv_sec << 30) + stat->ctime.tv_nsec +
			      inode_query_iversion(inode);
	stat->result_mask |= STATX_CHANGE_COOKIE;
#endif
}

/**
 * compat_set_times - set times of an inode of another file system
 * @inode: locked
 * @atime: what it is to be, or NULL to leave it
 * @mtime: the same
 * @ctime: the same
 *
 * As that file system sets them when a file is read or written: it may keep them in
 * memory until then, and fdatasync() need not bring them to the disk.
 *
 * Return: 0; -EOPNOTSUPP where the times are a server's, and they were left, and on
 * kernels where they are set, but may never come to the disk in this way; the file
 * system's error, and they are what they were.
 */
static inline int compat_set_times(struct inode *inode, struct timespec64 *atime,
				   struct timespec64 *mtime, struct timespec64 *ctime)
{
	struct timespec64 a = inode_get_atime(inode);
	struct timespec64 m = inode_get_mtime(inode);
	struct timespec64 c = inode_get_ctime(inode);
	bool set_a = atime && !timespec64_equal(&a, atime);
	bool set_m = mtime && !timespec64_equal(&m, mtime);
	bool set_c = ctime && !timespec64_equal(&c, ctime);
	int err = 0;

	/* The server keeps its times; and NFS makes no directory dirty. */
	if (IS_NOCMTIME(inode))
		return -EOPNOTSUPP;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	if (set_a)
		err = compat_update_time(inode, atime, S_ATIME);
	if (!err && set_m && set_c && timespec64_equal(mtime, ctime)) {
		err = compat_update_time(inode, mtime, S_MTIME | S_CTIME);
	} else {
		if (!err && set_m)
			err = compat_update_time(inode, mtime, S_MTIME);
		if (!err && set_c)
			err = compat_update_time(inode, ctime, S_CTIME);
	}
	if (err) {
		/* Some file systems set them first: the next attempt would find nothing to do. */
		inode_set_atime_to_ts(inode, a);
		inode_set_mtime_to_ts(inode, m);
		inode_set_ctime_to_ts(inode, c);
	}
#else
	if (set_a)
		inode_set_atime_to_ts(inode, *atime);
	if (set_m)
		inode_set_mtime_to_ts(inode, *mtime);
	if (set_c)
		inode_set_ctime_to_ts(inode, *ctime);
	if (set_a || set_m || set_c)
		mark_inode_dirty_sync(inode);
	/* For XFS and btrfs nothing is dirty after that. */
	err = -EOPNOTSUPP;
#endif
	return err;
}

#endif
