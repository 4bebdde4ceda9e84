// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer pages of runs. They hold ciphertext, or were wiped, when they come back, and
 * are kept for the next run: the page allocator would clear each of them
 * (init_on_alloc), which takes a good part of what decrypting it takes.
 */
#include <linux/mm.h>
#include <linux/spinlock.h>
#include "wardfs.h"
#include "block.h"

/* Most pages that are kept for later: 2 MiB, for all vaults together. */
#define KEPT_PAGES	512

static DEFINE_SPINLOCK(kept_lock);
static struct page *kept[KEPT_PAGES];
static unsigned int nr_kept;

/**
 * wardfs_buffer_alloc - a page for a block; mempool_alloc_t
 * @gfp: for the page allocator, where none is kept
 * @data: unused
 *
 * Return: the page, with whatever it held; or NULL.
 */
void *wardfs_buffer_alloc(gfp_t gfp, void *data)
{
	struct page *page = NULL;

	spin_lock(&kept_lock);
	if (nr_kept)
		page = kept[--nr_kept];
	spin_unlock(&kept_lock);
	return page ?: alloc_page(gfp);
}

/**
 * wardfs_buffer_free - a page that is no longer needed; mempool_free_t
 * @element: the page, without plaintext
 * @data: unused
 */
void wardfs_buffer_free(void *element, void *data)
{
	struct page *page = element;

	spin_lock(&kept_lock);
	/* A network below may still hold it, for sending it again: it is to send no other's. */
	if (nr_kept < KEPT_PAGES && page_count(page) == 1) {
		kept[nr_kept++] = page;
		page = NULL;
	}
	spin_unlock(&kept_lock);
	if (page)
		__free_page(page);
}

/**
 * wardfs_buffer_exit - give back what is kept
 *
 * Context: no run is left.
 */
void wardfs_buffer_exit(void)
{
	while (nr_kept)
		__free_page(kept[--nr_kept]);
}
