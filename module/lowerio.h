/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading and writing what a lower file holds. */
#ifndef WARDFS_LOWERIO_H
#define WARDFS_LOWERIO_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/uio.h>

/**
 * struct wardfs_lower_io - I/O that may go on while others do something else
 * @kiocb: for the lower file system
 * @done: completed when it was asynchronous
 * @result: of that
 */
struct wardfs_lower_io {
	struct kiocb kiocb;
	struct completion done;
	long result;
};

/**
 * struct wardfs_guise - as whom a lower file is written to, and read
 * @saved: credentials to go back to
 * @throttle: PF_LOCAL_THROTTLE, if the task had it
 */
struct wardfs_guise {
	const struct cred *saved;
	unsigned int throttle;
};

void wardfs_guise_on(struct wardfs_guise *g, struct inode *inode, int rw);
void wardfs_guise_off(const struct wardfs_guise *g);
bool wardfs_file_is_nfs(const struct file *file);
ssize_t wardfs_lower_read(struct file *file, struct iov_iter *iter, loff_t pos, bool direct);
ssize_t wardfs_lower_write(struct inode *inode, struct file *file, struct iov_iter *iter,
			   loff_t pos, bool direct);
ssize_t wardfs_lower_write_begin(struct wardfs_lower_io *io, struct inode *inode,
				 struct file *file, struct iov_iter *iter, loff_t pos);
ssize_t wardfs_lower_wait(struct wardfs_lower_io *io, ssize_t ret);

#endif
