/* SPDX-License-Identifier: GPL-2.0-only */
/* File handles of the file system below. */
#ifndef WARDFS_COMPAT_EXPORT_H
#define WARDFS_COMPAT_EXPORT_H

#include <linux/version.h>
#include <linux/exportfs.h>

/* Return: the handle's type; FILEID_INVALID or negative when there is none that fits. */
static inline int compat_encode_inode_fh(struct inode *inode, struct fid *fid, int *words,
					 struct inode *parent)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return exportfs_encode_inode_fh(inode, fid, words, parent, 0);
#else
	return exportfs_encode_inode_fh(inode, fid, words, parent);
#endif
}

#endif
