// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work on the blocks and the length of a lower file, done by a thread of the kernel.
 *
 * Write-back also runs in user tasks: at close, at fsync. What a lower file system
 * does in their name, it does with their limits and their signals: a write past
 * RLIMIT_FSIZE is refused, and one that a fatal signal meets half-way is given up.
 * But what is brought below was accepted long before, perhaps from somebody else.
 * So a worker does it, which has neither. Handing over takes as long as the rest of it,
 * where that is little: so what can be done again when it failed (wardfs_io_again()),
 * the task itself does first, if it has no limit.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/completion.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>
#include "wardfs.h"
#include "block.h"

/* Not that of the runs: who works here waits for those. */
static struct workqueue_struct *io_wq;

/**
 * struct io_work - work for a worker
 * @work: for the queue
 * @done: completed when it is done
 * @call: takes the lock and calls @fn, or only that
 * @inode: whose blocks
 * @fn: what to do
 * @arg: for it
 * @error: what it returned
 */
struct io_work {
	struct work_struct work;
	struct completion done;
	int (*call)(struct inode *inode, wardfs_io_fn fn, void *arg);
	struct inode *inode;
	wardfs_io_fn fn;
	void *arg;
	int error;
};

/*
 * Freeze protection of the lower. Who is refused as a writer, because somebody freezes it, has
 * the protection of a page fault, which is refused only when all who are writing below have ended:
 * one of them may write out of a mapping of this file, and wait for invalidate_lock, which our
 * caller may hold. It is not the only one we have, because in that step of freezing nobody cleans
 * the lower file system's pages (its s_umount is taken), and we may have to wait for some.
 * Return: whether as a writer.
 */
static bool lower_begin(struct super_block *lower)
{
	if (sb_start_write_trylock(lower))
		return true;
	sb_start_pagefault(lower);
	return false;
}

static void lower_end(struct super_block *lower, bool writer)
{
	if (writer)
		sb_end_write(lower);
	else
		sb_end_pagefault(lower);
}

/* Under the lock nothing may be reclaimed whose write-back would wait for it. */
static int do_io(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	struct super_block *lower = wardfs_lower_inode(inode)->i_sb;
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	unsigned int flags = memalloc_nofs_save();
	bool writer = lower_begin(lower);
	int err;

	down_write(&d->io);
	/* What goes past the lower page cache is not made to wait for what is dirty there. */
	d->past_cache = !writer;
	wardfs_head_drop(inode);
	err = fn(inode, arg);
	up_write(&d->io);
	lower_end(lower, writer);
	memalloc_nofs_restore(flags);
	return err;
}

static int do_locked(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	unsigned int flags = memalloc_nofs_save();
	int err = fn(inode, arg);

	memalloc_nofs_restore(flags);
	return err;
}

static void io_worker(struct work_struct *work)
{
	struct io_work *w = container_of(work, struct io_work, work);

	w->error = w->call(w->inode, w->fn, w->arg);
	complete(&w->done);
}

static int by_worker(struct io_work *w)
{
	INIT_WORK_ONSTACK(&w->work, io_worker);
	init_completion(&w->done);
	queue_work(io_wq, &w->work);
	/* Where no worker can be made for want of memory, that memory may wait for us. */
	if (!wait_for_completion_timeout(&w->done, HZ)) {
		if (cancel_work(&w->work))
			w->error = w->call(w->inode, w->fn, w->arg);
		else
			wait_for_completion(&w->done);
	}
	destroy_work_on_stack(&w->work);
	return w->error;
}

static bool is_kthread(void)
{
	return current->flags & PF_KTHREAD;
}

/**
 * wardfs_io_call - work on a lower file's blocks and length
 * @inode: upper regular file
 * @fn: called with wardfs_data.io held for writing, NOFS, perhaps in another thread
 * @arg: for it
 *
 * Freeze protection of the lower comes first: who has it may wait for the blocks
 * (reading a header while a name is made below), so nobody may wait for it while
 * holding them. Context: process context; a section of the caller's holds for @fn.
 *
 * Return: what @fn returns.
 */
int wardfs_io_call(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	struct io_work w = { .call = do_io, .inode = inode, .fn = fn, .arg = arg };

	return is_kthread() ? do_io(inode, fn, arg) : by_worker(&w);
}

/* Others, such as NFS, give up at signals in many places, or may. */
static bool minds_fatal_signals_only(const struct super_block *lower)
{
	switch (lower->s_magic) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
		return true;
	}
	return false;
}

/**
 * wardfs_io_here - as wardfs_io_call(), without a worker if possible
 * @inode: upper regular file
 * @fn: as for wardfs_io_call(); what fails because of who does it, it does again by
 *	wardfs_io_again()
 * @arg: for it
 *
 * Context: as wardfs_io_call().
 *
 * Return: what @fn returns.
 */
int wardfs_io_here(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	if (rlimit(RLIMIT_FSIZE) != RLIM_INFINITY || fatal_signal_pending(current) ||
	    !minds_fatal_signals_only(wardfs_lower_inode(inode)->i_sb))
		return wardfs_io_call(inode, fn, arg);
	return do_io(inode, fn, arg);
}

/**
 * wardfs_io_again - do again what may have failed because of who did it
 * @inode: upper regular file
 * @fn: does it; called by a worker, with the locks that the caller holds
 * @arg: for it
 *
 * A signal, a limit that came meanwhile, a memory cgroup that is full: none of these is
 * a reason to lose what others wrote. Context: inside @fn of wardfs_io_here(), after an
 * error.
 *
 * Return: what @fn returns; -ECANCELED where the kernel did it already.
 */
int wardfs_io_again(struct inode *inode, wardfs_io_fn fn, void *arg)
{
	struct io_work w = { .call = do_locked, .inode = inode, .fn = fn, .arg = arg };

	return is_kthread() ? -ECANCELED : by_worker(&w);
}

/*
 * Whose space it is. Reserved blocks, and what is beyond a quota, are for those with
 * CAP_SYS_RESOURCE; so who wrote the contents decides, not who brings them below.
 */
static struct cred *space_cred(const struct super_block *lower, bool reserve)
{
	struct cred *cred = prepare_creds();
	struct group_info *none;

	if (!cred || reserve)
		return cred;
	cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	switch (lower->s_magic) {
	case EXT4_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		/* They keep some for a user and for a group, too: root, or who is mounted for. */
		none = groups_alloc(0);
		if (!none) {
			put_cred(cred);
			return NULL;
		}
		set_groups(cred, none);
		put_group_info(none);
		cred->fsuid = INVALID_UID;
		cred->fsgid = INVALID_GID;
	}
	return cred;
}

/**
 * wardfs_io_creds - make the credentials that contents are written with
 * @sbi: a vault that is being mounted
 * @lower: of the file system below
 *
 * Undone by wardfs_io_put_creds(), also after a failure. Context: the mounter.
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_io_creds(struct wardfs_sb *sbi, const struct super_block *lower)
{
	sbi->space_cred[false] = space_cred(lower, false);
	sbi->space_cred[true] = space_cred(lower, true);
	return sbi->space_cred[false] && sbi->space_cred[true] ? 0 : -ENOMEM;
}

/**
 * wardfs_io_put_creds - undo wardfs_io_creds()
 * @sbi: the vault
 */
void wardfs_io_put_creds(struct wardfs_sb *sbi)
{
	put_cred(sbi->space_cred[false]);
	put_cred(sbi->space_cred[true]);
}

/**
 * wardfs_io_writer - the current task is about to change a file's contents
 * @inode: upper regular file
 *
 * May they take reserved space? Only when all that waits to be written was written by
 * such as may: of two writers at a time the one without the right counts for both.
 */
void wardfs_io_writer(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct address_space *mapping = inode->i_mapping;

	if (!ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE))
		WRITE_ONCE(d->reserve, false);
	else if (!READ_ONCE(d->reserve) && !mapping_tagged(mapping, PAGECACHE_TAG_DIRTY) &&
		 !mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK))
		WRITE_ONCE(d->reserve, true);
}

/**
 * wardfs_io_upkeep - what is written to a file is the vault's, not a user's
 * @inode: upper regular file, which is checked or settled
 *
 * That is as much as waits to be written, and no reason for leaving a vault unchecked:
 * the next who writes to the file is asked again.
 */
void wardfs_io_upkeep(struct inode *inode)
{
	WRITE_ONCE(WARDFS_I(inode)->data.reserve, true);
}

/**
 * wardfs_io_begin - take on the credentials that a file's contents are written with
 * @inode: upper regular file
 *
 * A vault that is being locked or unmounted is not kept from it by a disk that is full but
 * for its reserve. Return: those to go back to, by revert_creds().
 */
const struct cred *wardfs_io_begin(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	bool reserve = READ_ONCE(WARDFS_I(inode)->data.reserve) || READ_ONCE(sbi->dying) ||
		       READ_ONCE(sbi->state) == WARD_STATE_LOCKING;

	return override_creds(sbi->space_cred[reserve]);
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
