// SPDX-License-Identifier: GPL-2.0-only
/*
 * Storing blocks: gather their payload from the page cache, seal it, write it.
 *
 * A page overlaps two blocks (sometimes three), so a block's bytes may belong to
 * pages that are not being written back: those are taken from the page cache when
 * they are up to date there, and out of the old block otherwise. Two write-backs
 * that share a block are kept apart by wardfs_data.io, which is held for writing
 * from before the first byte is copied until the last block is below. So the block
 * that is written second has seen everything the first one wrote.
 *
 * Payload is copied before it is encrypted: a page that is dirtied meanwhile
 * gives some mixture of old and new bytes, is dirty again, and is stored again.
 */
#include <linux/slab.h>
#include <linux/pagemap.h>
#include "wardfs.h"
#include "block.h"
#include "compat/mapping.h"

/* Most chunks of one operation that are in memory at a time: 4 MiB. */
#define RUNS_AHEAD	16

/* Copy a block's cached bytes; says whether some are not in the page cache. */
static bool gather_cached(struct wardfs_run *run, unsigned int i)
{
	struct address_space *mapping = run->inode->i_mapping;
	u64 pos = ward_layout_base(run->first + i);
	u64 end = min_t(u64, pos + ward_layout_cap(run->first + i), run->size);
	u8 *to = wardfs_run_payload(run, i);
	bool missing = false;

	while (pos < end) {
		size_t offset = offset_in_page(pos);
		size_t len = min_t(u64, PAGE_SIZE - offset, end - pos);
		struct folio *folio = wardfs_folio_uptodate(mapping, pos >> PAGE_SHIFT);

		if (folio) {
			memcpy(to, folio_address(folio) + offset_in_folio(folio, pos), len);
			folio_put(folio);
		} else {
			missing = true;
		}
		to += len;
		pos += len;
	}
	return missing;
}

/* The old bytes of one block, decrypted; zeros where there was none. */
static int gather_old(struct wardfs_run *run, unsigned int i)
{
	struct wardfs_data *d = &WARDFS_I(run->inode)->data;
	struct wardfs_run *old;
	u64 k = run->first + i, n = ward_layout_blocks(d->lower_size);
	int err;

	if (k >= n) {
		memset(wardfs_run_payload(run, i), 0, ward_layout_cap(k));
		return 0;
	}
	old = wardfs_run_alloc(run->inode, k, 1, WARDFS_RUN_NESTED);
	old->size = d->lower_size;
	err = wardfs_run_load(old);
	if (err)
		goto free;
	wardfs_run_open(old, 0);
	if (old->state[0] == WARDFS_BLOCK_BAD ||
	    (old->state[0] == WARDFS_BLOCK_ODD && !wardfs_odd_allowed(run->inode)) ||
	    (old->state[0] == WARDFS_BLOCK_HOLE && !wardfs_hole_allowed(run->inode, k, n))) {
		wardfs_report_tamper(run->inode, NULL, k, "block does not authenticate");
		err = -EIO;
	} else if (old->state[0] == WARDFS_BLOCK_FAILED) {
		err = -EIO;
	}
	if (err)
		goto free;
	memcpy(wardfs_run_payload(run, i), wardfs_run_payload(old, 0), ward_layout_cap(k));
free:
	wardfs_run_free(old);
	return err;
}

static int gather(struct wardfs_run *run, unsigned int i)
{
	u64 base = ward_layout_base(run->first + i);
	u32 cap = ward_layout_cap(run->first + i);
	u8 *payload = wardfs_run_payload(run, i);
	int err;

	if (gather_cached(run, i)) {
		err = gather_old(run, i);
		if (err)
			return err;
		/* What is cached is newer; a page that came in since is as good. */
		gather_cached(run, i);
	}
	/* Nothing past the end of file, whatever a mapping left there. */
	if (run->size < base + cap)
		memset(payload + (run->size - base), 0, base + cap - run->size);
	return 0;
}

static int store_run(struct wardfs_run *run)
{
	u64 n = ward_layout_blocks(run->size);
	unsigned int i;
	int err;

	for (i = 0; i < run->count; i++) {
		u64 k = run->first + i;

		err = gather(run, i);
		if (err)
			return err;
		if (k == 0)
			memcpy(page_address(run->pages[i]), WARDFS_I(run->inode)->data.header,
			       WARD_HEADER_SIZE);
		err = wardfs_run_seal(run, i, k + 1 == n ? run->size - ward_layout_base(k) :
				      ward_layout_cap(k), k + 1 == n);
		if (err)
			return err;
	}
	return wardfs_run_store(run);
}

static void store_work(struct work_struct *work)
{
	struct wardfs_run *run = container_of(work, struct wardfs_run, work);

	run->error = store_run(run);
	complete(&run->done);
}

/*
 * Wait for runs, doing ourselves what no worker has begun: write-back must not
 * depend on a worker being created when memory is short.
 */
static int finish_runs(struct list_head *runs, bool *stored)
{
	struct wardfs_run *run, *next;
	int err = 0;

	list_for_each_entry_safe(run, next, runs, list) {
		if (cancel_work(&run->work))
			run->error = store_run(run);
		else
			wait_for_completion(&run->done);
		if (!run->error)
			*stored = true;
		else if (!err)
			err = run->error;
		list_del(&run->list);
		wardfs_run_free(run);
	}
	return err;
}

/**
 * wardfs_store_blocks - store a row of blocks as the page cache has them
 * @inode: upper regular file, lower file open for writing, key loaded
 * @first: first block
 * @last: last block, inclusive
 * @size: upper size, bytes, that the file has when this is done: it decides which
 *	block is marked last; @last lies below it
 *
 * Block 0 takes the header with it. Longer rows are spread over the CPUs.
 * Context: wardfs_data.io held for writing, inside a write-out section, NOFS.
 *
 * Return: 0; -ENOKEY when the key was wiped; -EIO when an old block that was needed
 * does not authenticate; the lower's error (-ENOSPC, -EDQUOT, -EIO).
 */
int wardfs_store_blocks(struct inode *inode, u64 first, u64 last, u64 size)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	unsigned int ahead = 0;
	bool with_header = first == 0, stored = false;
	LIST_HEAD(runs);
	int others, err = 0;

	lockdep_assert_held_write(&d->io);
	if (!d->lower_file || d->lower_rdonly)
		return -EROFS;
	if (!d->aead)
		return -ENOKEY;
	if (with_header && (d->flags & WARD_FILE_EMPTY || d->header_dirty)) {
		d->flags &= ~WARD_FILE_EMPTY;
		d->header_dirty = true;
		err = wardfs_header_seal(inode);
		if (err)
			return err;
	}
	while (first <= last) {
		struct wardfs_run *run = NULL;

		if (ahead < RUNS_AHEAD)
			run = wardfs_run_alloc(inode, first, min_t(u64, last - first + 1,
								   WARDFS_RUN_BLOCKS),
					       ahead ? WARDFS_RUN_TRY : WARDFS_RUN_STORE);
		if (!run) {
			err = finish_runs(&runs, &stored);
			if (err)
				break;
			ahead = 0;
			continue;
		}
		run->size = size;
		first += run->count;
		ahead++;
		init_completion(&run->done);
		INIT_LIST_HEAD(&run->list);
		if (first > last) {
			/* The last one, often the only one, is done here. */
			err = store_run(run);
			stored = stored || !err;
			wardfs_run_free(run);
		} else {
			list_add_tail(&run->list, &runs);
			wardfs_run_queue(run, store_work);
		}
	}
	others = finish_runs(&runs, &stored);
	if (!err)
		err = others;
	/* Part of the row is there: a crash could have left it so. */
	if (err && stored)
		wardfs_unsettled(inode);
	if (!err && with_header) {
		d->made = true;
		d->header_dirty = false;
	}
	return err;
}
