// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heads: the first blocks of a short file, still encrypted, which were read in one go
 * with its header when it was opened, and wait for who reads the file. Otherwise a
 * short file would be read in two steps, and its first block twice.
 */
#include <linux/slab.h>
#include "wardfs.h"
#include "block.h"

/* Most that are kept, for all vaults together: 2 MiB at most. Beyond it files are read twice. */
#define KEPT_HEADS	128

static atomic_t nr_heads = ATOMIC_INIT(0);

/**
 * struct wardfs_head - the beginning of a lower file
 * @count: blocks
 * @pages: one a block
 */
struct wardfs_head {
	unsigned int count;
	struct page *pages[WARDFS_HEAD_BLOCKS];
};

static void free_head(struct wardfs_head *head)
{
	if (!head)
		return;
	while (head->count)
		wardfs_buffer_free(head->pages[--head->count], NULL);
	kfree(head);
	atomic_dec(&nr_heads);
}

/**
 * wardfs_head_blocks - how many blocks to read with a header
 * @inode: upper regular file
 *
 * What its length has behind the last block (docs/format.md, "Size") is no block.
 *
 * Return: all, if these are few, 1 otherwise.
 */
unsigned int wardfs_head_blocks(struct inode *inode)
{
	u64 count = i_size_read(wardfs_lower_inode(inode)) / WARD_BLOCK_SIZE;

	return count > WARDFS_HEAD_BLOCKS ? 1 : max_t(u64, count, 1);
}

/* Both hold ciphertext. */
static void exchange(struct wardfs_head *head, struct wardfs_run *run, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		swap(head->pages[i], run->pages[i]);
}

/**
 * wardfs_head_keep - keep what was read with the header
 * @inode: upper regular file
 * @run: from block 0 on, loaded, nothing of it opened. Its buffers are kept, and it has
 *	others then, which hold nothing
 *
 * Context: wardfs_data.io held.
 */
void wardfs_head_keep(struct inode *inode, struct wardfs_run *run)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct wardfs_head *head;
	struct page *page;

	/* Only if it is all. */
	if (i_size_read(wardfs_lower_inode(inode)) / WARD_BLOCK_SIZE != run->count)
		return;
	if (atomic_inc_return(&nr_heads) > KEPT_HEADS)
		goto undo;
	head = kzalloc(sizeof(*head), GFP_NOFS | __GFP_NOWARN | __GFP_NORETRY);
	if (!head)
		goto undo;
	while (head->count < run->count) {
		page = wardfs_buffer_alloc(GFP_NOFS | __GFP_NOWARN | __GFP_NORETRY, NULL);
		if (!page) {
			free_head(head);
			return;
		}
		head->pages[head->count++] = page;
	}
	exchange(head, run, run->count);
	free_head(xchg(&d->head, head));
	return;
undo:
	atomic_dec(&nr_heads);
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
	unsigned int count, i;
	bool of_use;

	if (!READ_ONCE(d->head))
		return false;
	head = xchg(&d->head, NULL);
	of_use = head && !run->first;
	if (of_use) {
		count = min(run->count, head->count);
		exchange(head, run, count);
		/* The file has no more. */
		for (i = count; i < run->count; i++)
			clear_page(page_address(run->pages[i]));
		bitmap_zero(run->plain, WARDFS_RUN_BLOCKS);
	}
	free_head(head);
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
		free_head(xchg(&d->head, NULL));
}
