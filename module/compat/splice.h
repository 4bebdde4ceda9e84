/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARDFS_COMPAT_SPLICE_H
#define WARDFS_COMPAT_SPLICE_H

#include <linux/version.h>
#include <linux/fs.h>
#include <linux/splice.h>

/* Does that call ->read_iter of the file, where what is read is counted? */
static inline bool wardfs_splice_reads(void)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0);
}

static inline ssize_t wardfs_splice_from_cache(struct file *in, loff_t *pos,
					       struct pipe_inode_info *pipe, size_t len,
					       unsigned int flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return filemap_splice_read(in, pos, pipe, len, flags);
#else
	return generic_file_splice_read(in, pos, pipe, len, flags);
#endif
}

#endif
