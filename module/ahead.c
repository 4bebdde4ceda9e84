// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing out ahead: what has been written of a long file in one go is encrypted and
 * brought below while the rest is still being written, so that one CPU copies and the
 * others encrypt. It would be due at the file's close anyway (wardfs_flush()), and
 * who waits for that, or for an fsync, waits less.
 */
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/writeback.h>
#include "wardfs.h"

/* As much as one write-back batch (data.c). */
#define AHEAD_BYTES	SZ_4M

static void ahead_work(struct work_struct *work)
{
	struct wardfs_ahead *a = container_of(work, struct wardfs_ahead, work);
	struct wardfs_data *d = container_of(a, struct wardfs_data, ahead);
	struct inode *inode = &container_of(d, struct wardfs_inode, data)->vfs_inode;
	struct writeback_control wbc = {
		.sync_mode = WB_SYNC_NONE,
		.nr_to_write = LONG_MAX,
		.range_start = READ_ONCE(a->start),
		.range_end = READ_ONCE(a->end) - 1,
	};

	/* An error is kept in the mapping, for fsync and close. */
	filemap_fdatawrite_wbc(inode->i_mapping, &wbc);
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
	/*
	 * The page that is being written to stays. While the work is pending it may take
	 * the new range for the one before: that is left to who syncs.
	 */
	WRITE_ONCE(a->start, round_down(a->from, PAGE_SIZE));
	WRITE_ONCE(a->end, round_down(to, PAGE_SIZE));
	queue_work(system_unbound_wq, &a->work);
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
