// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work on the blocks and the length of a lower file, done by a thread of the kernel.
 *
 * Write-back also runs in user tasks: at close, at fsync. What a lower file system
 * does in their name, it does with their limits and their signals: a write past
 * RLIMIT_FSIZE is refused, and one that a fatal signal meets half-way is given up.
 * But what is brought below was accepted long before, perhaps from somebody else.
 * So a worker does it, which has neither.
 */
#include <linux/fs.h>
#include <linux/completion.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>
#include "wardfs.h"

/* Not that of the runs: who works here waits for those. */
static struct workqueue_struct *io_wq;

struct io_work {
	struct work_struct work;
	struct completion done;
	struct inode *inode;
	wardfs_io_fn fn;
	void *arg;
	int error;
};

/* Under the lock nothing may be reclaimed whose write-back would wait for it. */
static int do_io(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	unsigned int flags = memalloc_nofs_save();
	int err;

	down_write(&d->io);
	err = fn(inode, arg);
	up_write(&d->io);
	memalloc_nofs_restore(flags);
	return err;
}

static void io_worker(struct work_struct *work)
{
	struct io_work *w = container_of(work, struct io_work, work);

	w->error = do_io(w->inode, w->fn, w->arg);
	complete(&w->done);
}

static int by_worker(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	struct io_work w = { .inode = inode, .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&w.work, io_worker);
	init_completion(&w.done);
	queue_work(io_wq, &w.work);
	/* Where no worker can be made for want of memory, that memory may wait for us. */
	if (!wait_for_completion_timeout(&w.done, HZ)) {
		if (cancel_work(&w.work))
			w.error = do_io(inode, fn, arg);
		else
			wait_for_completion(&w.done);
	}
	destroy_work_on_stack(&w.work);
	return w.error;
}

/**
 * wardfs_io_call - work on a lower file's blocks and length
 * @inode: upper regular file
 * @fn: called with wardfs_data.io held for writing, NOFS, perhaps in another thread
 * @arg: for it
 *
 * Freeze protection of the lower comes first: who has it may wait for the blocks
 * (reading a header while a name is made below), so nobody may wait for it while
 * holding them. Context: process context, not with mnt_want_write() held below; a
 * section of the caller's holds for @fn.
 *
 * Return: what @fn returns.
 */
int wardfs_io_call(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	struct super_block *lower = wardfs_lower_inode(inode)->i_sb;
	int err;

	sb_start_write(lower);
	if (current->flags & PF_KTHREAD)
		err = do_io(inode, fn, arg);
	else
		err = by_worker(inode, fn, arg);
	sb_end_write(lower);
	return err;
}

/**
 * wardfs_iowork_init - the workers
 *
 * Not WQ_MEM_RECLAIM: see wardfs_block_init().
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_iowork_init(void)
{
	io_wq = alloc_workqueue("wardfs-io", WQ_UNBOUND | WQ_HIGHPRI, WQ_UNBOUND_MAX_ACTIVE);
	return io_wq ? 0 : -ENOMEM;
}

/**
 * wardfs_iowork_exit - undo wardfs_iowork_init()
 *
 * Context: nothing is mounted.
 */
void wardfs_iowork_exit(void)
{
	destroy_workqueue(io_wq);
}
