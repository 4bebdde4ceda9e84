/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds the lower super block's write count over vfs_iocb_iter_write():
 * the caller until 6.7, the function itself since 6.8.
 */
#ifndef WARDFS_COMPAT_LOWER_IO_H
#define WARDFS_COMPAT_LOWER_IO_H

#include <linux/version.h>
#include <linux/fs.h>

static inline void wardfs_lower_write_start(struct file *file)
{
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0))
		file_start_write(file);
}

static inline void wardfs_lower_write_end(struct file *file)
{
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0))
		file_end_write(file);
}

#endif
