// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing out ahead: what has been written of a long file in one go is encrypted and
 * brought below while the rest is still being written, so that one CPU copies and the
 * others encrypt. It would be due at the file's close anyway (wardfs_flush()), and
 * who waits for that, or for an fsync, waits less.
 */
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include "wardfs.h"

/* As much as one write-back batch (data.c). */
#define AHEAD_BYTES	SZ_4M
/* Most files at a time. Others wait, and lose nothing but time: a close takes it over. */
#define AHEAD_FILES	8

static struct workqueue_struct *ahead_wq;

static void ahead_work(struct work_struct *work)
{
	struct wardfs_ahead *a = container_of(work, struct wardfs_ahead, work);
	struct wardfs_data *d = container_of(a, struct wardfs_data, ahead);
	struct inode *inode = &container_of(d, struct wardfs_inode, data)->vfs_inode;

	/* An error is kept in the mapping, for fsync and close. */
	filemap_fdatawrite_range(inode->i_mapping, READ_ONCE(a->start), READ_ONCE(a->end) - 1);
}

/**
 * wardfs_ahead_init - nothing is under way
 * @a: of a new inode, zeroed
 */
void wardfs_ahead_init(struct wardfs_ahead *a)
{
	INIT_WORK(&a->work, ahead_work);
}

/**
 * wardfs_ahead_wrote - something was written into the page cache
 * @inode: upper regular file, open for writing until wardfs_ahead_end()
 * @from: where, bytes
 * @to: where it ends
 *
 * What is written elsewhere than where the last write ended begins anew. Context:
 * i_rwsem held for writing.
 */
void wardfs_ahead_wrote(struct inode *inode, loff_t from, loff_t to)
{
	struct wardfs_ahead *a = &WARDFS_I(inode)->data.ahead;

	if (from != a->wrote)
		a->from = from;
	a->wrote = to;
	if (to - a->from < AHEAD_BYTES)
		return;
	/* The page that is being written to stays. */
	if (!work_pending(&a->work))
		WRITE_ONCE(a->start, round_down(a->from, PAGE_SIZE));
	WRITE_ONCE(a->end, round_down(to, PAGE_SIZE));
	queue_work(ahead_wq, &a->work);
	a->from = to;
}

/**
 * wardfs_ahead_end - wait for what wardfs_ahead_wrote() began
 * @inode: upper regular file that is being closed by who wrote
 */
void wardfs_ahead_end(struct inode *inode)
{
	cancel_work_sync(&WARDFS_I(inode)->data.ahead.work);
}

/**
 * wardfs_ahead_start - the workers
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_ahead_start(void)
{
	ahead_wq = alloc_workqueue("wardfs-ahead", WQ_UNBOUND, AHEAD_FILES);
	return ahead_wq ? 0 : -ENOMEM;
}

/**
 * wardfs_ahead_stop - undo wardfs_ahead_start()
 *
 * Context: nothing is mounted.
 */
void wardfs_ahead_stop(void)
{
	destroy_workqueue(ahead_wq);
}
