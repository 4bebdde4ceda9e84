// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing what a lower file holds: as whom, and how it is waited for.
 *
 * Everything here may run in write-back.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include "lowerio.h"
#include "lower.h"

/**
 * wardfs_guise_on - take on what a file's contents are written and read with
 * @g: for wardfs_guise_off()
 * @inode: upper regular file
 * @rw: READ or WRITE
 */
void wardfs_guise_on(struct wardfs_guise *g, struct inode *inode, int rw)
{
	g->saved = wardfs_io_begin(inode);
	g->throttle = current->flags & PF_LOCAL_THROTTLE;
	/*
	 * The lower's dirty limit counts our own dirty pages: without this the
	 * flusher that is to clean them would be throttled by them.
	 */
	if (rw == WRITE)
		current->flags |= PF_LOCAL_THROTTLE;
}

/**
 * wardfs_guise_off - be again who one was
 * @g: from wardfs_guise_on()
 */
void wardfs_guise_off(const struct wardfs_guise *g)
{
	if (!g->throttle)
		current->flags &= ~PF_LOCAL_THROTTLE;
	revert_creds(g->saved);
}

/**
 * wardfs_file_is_nfs - does a server have it
 * @file: lower file
 */
bool wardfs_file_is_nfs(const struct file *file)
{
	return file_inode(file)->i_sb->s_magic == NFS_SUPER_MAGIC;
}

static void io_done(struct kiocb *kiocb, long result)
{
	struct wardfs_lower_io *io = container_of(kiocb, struct wardfs_lower_io, kiocb);

	io->result = result;
	complete(&io->done);
}

/* Only what is direct can go on while others do something else. */
static void io_init(struct wardfs_lower_io *io, struct file *file, loff_t pos, bool direct,
		    bool async)
{
	init_sync_kiocb(&io->kiocb, file);
	io->kiocb.ki_pos = pos;
	if (direct)
		io->kiocb.ki_flags |= IOCB_DIRECT;
	if (!async)
		return;
	init_completion(&io->done);
	io->kiocb.ki_complete = io_done;
}

/*
 * NFS lets a fatal signal end the wait for direct I/O, while the server still answers
 * into our pages, which then are another run's; or takes out of them what it stores.
 * What is asynchronous is waited for here.
 */
static bool wait_here(const struct file *file, bool direct)
{
	return direct && wardfs_file_is_nfs(file);
}

/* Where writing moves the times below, those above count until they have followed once more. */
static void keep_times(struct inode *inode)
{
	if (wardfs_lower_stamps(inode->i_sb))
		wardfs_set_times(inode, NULL, NULL, NULL);
}

/**
 * wardfs_lower_wait - wait for what was begun
 * @io: the I/O
 * @ret: what beginning it returned
 *
 * Return: bytes, or the lower's error.
 */
ssize_t wardfs_lower_wait(struct wardfs_lower_io *io, ssize_t ret)
{
	if (ret != -EIOCBQUEUED)
		return ret;
	wait_for_completion(&io->done);
	return io->result;
}

/**
 * wardfs_lower_read - read from a lower file
 * @file: lower file
 * @iter: where to
 * @pos: from where, bytes
 * @direct: past the lower page cache
 *
 * Context: between wardfs_guise_on() and wardfs_guise_off().
 *
 * Return: bytes read, or the lower's error.
 */
ssize_t wardfs_lower_read(struct file *file, struct iov_iter *iter, loff_t pos, bool direct)
{
	struct wardfs_lower_io io;

	io_init(&io, file, pos, direct, wait_here(file, direct));
	return wardfs_lower_wait(&io, vfs_iocb_iter_read(file, &io.kiocb, iter));
}

/**
 * wardfs_lower_write - write to a lower file
 * @inode: upper regular file
 * @file: its lower file
 * @iter: what
 * @pos: where, bytes
 * @direct: past the lower page cache
 *
 * Context: inside wardfs_io_call(), which also keeps the lower from being frozen:
 * vfs_iter_write() would begin that here, behind wardfs_data.io.
 *
 * Return: bytes written, or the lower's error.
 */
ssize_t wardfs_lower_write(struct inode *inode, struct file *file, struct iov_iter *iter,
			   loff_t pos, bool direct)
{
	struct wardfs_lower_io io;

	keep_times(inode);
	io_init(&io, file, pos, direct, wait_here(file, direct));
	return wardfs_lower_wait(&io, file->f_op->write_iter(&io.kiocb, iter));
}

/**
 * wardfs_lower_write_begin - begin to write to a lower file, past its page cache
 * @io: for wardfs_lower_wait(), which follows
 * @inode: upper regular file
 * @file: its lower file
 * @iter: what; may go
 * @pos: where, bytes
 *
 * Context: as wardfs_lower_write().
 *
 * Return: for wardfs_lower_wait().
 */
ssize_t wardfs_lower_write_begin(struct wardfs_lower_io *io, struct inode *inode,
				 struct file *file, struct iov_iter *iter, loff_t pos)
{
	keep_times(inode);
	io_init(io, file, pos, true, true);
	return file->f_op->write_iter(&io->kiocb, iter);
}
