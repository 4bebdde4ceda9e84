// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads: the first blocks of a short file, still encrypted, which were read in one go
 * with its header when it was opened, and wait for who reads the file. Otherwise a
 * short file would be read in two steps, and its first block twice.
 */
#include <linux/slab.h>
#include "wardfs.h"
#include "block.h"

/**
 * struct wardfs_head - the beginning of a lower file
 * @count: blocks
 * @blocks: those, or zeros where the lower file has ended
 */
struct wardfs_head {
	unsigned int count;
	u8 blocks[] __aligned(8);
};

/**
 * wardfs_head_blocks - how many blocks to read with a header
 * @inode: upper regular file
 *
 * Return: all, if these are few, 1 otherwise.
 */
unsigned int wardfs_head_blocks(struct inode *inode)
{
	u64 count = DIV_ROUND_UP_ULL(i_size_read(wardfs_lower_inode(inode)), WARD_BLOCK_SIZE);

	return count > WARDFS_HEAD_BLOCKS ? 1 : max_t(u64, count, 1);
}

/**
 * wardfs_head_keep - keep what was read with the header
 * @inode: upper regular file
 * @run: from block 0 on, loaded, nothing of it opened
 *
 * Context: wardfs_data.io held.
 */
void wardfs_head_keep(struct inode *inode, const struct wardfs_run *run)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct wardfs_head *head;
	unsigned int i;

	if (run->count < 2 || run->count < wardfs_head_blocks(inode))
		return;
	head = kmalloc(struct_size(head, blocks, run->count * WARD_BLOCK_SIZE),
		       GFP_NOFS | __GFP_NOWARN | __GFP_NORETRY);
	if (!head)
		return;
	head->count = run->count;
	for (i = 0; i < run->count; i++)
		memcpy(head->blocks + i * WARD_BLOCK_SIZE, page_address(run->pages[i]),
		       WARD_BLOCK_SIZE);
	kfree(xchg(&d->head, head));
}

/**
 * wardfs_head_take - fill a run from what is kept
 * @run: not loaded
 *
 * Only once: it is forgotten, whether it was of use or not. Blocks that change below
 * are no longer kept (wardfs_head_drop()), so this is as good as reading them now.
 *
 * Return: whether the run is loaded.
 */
bool wardfs_head_take(struct wardfs_run *run)
{
	struct wardfs_data *d = &WARDFS_I(run->inode)->data;
	struct wardfs_head *head;
	unsigned int i;
	bool of_use;

	if (!READ_ONCE(d->head))
		return false;
	head = xchg(&d->head, NULL);
	of_use = head && !run->first && run->count <= head->count;
	for (i = 0; of_use && i < run->count; i++)
		memcpy(page_address(run->pages[i]), head->blocks + i * WARD_BLOCK_SIZE,
		       WARD_BLOCK_SIZE);
	kfree(head);
	if (of_use)
		bitmap_zero(run->plain, WARDFS_RUN_BLOCKS);
	return of_use;
}

/**
 * wardfs_head_drop - forget what is kept
 * @inode: upper regular file
 *
 * Context: wardfs_data.io held for writing, before a block changes below; or nobody
 * reads the file any more.
 */
void wardfs_head_drop(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;

	if (READ_ONCE(d->head))
		kfree(xchg(&d->head, NULL));
}
