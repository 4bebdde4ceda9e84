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

/* Most of one operation that is in memory at a time: 4 MiB of blocks, in so many runs. */
#define BLOCKS_AHEAD	1024
#define RUNS_AHEAD	32

/* Go through a block's bytes in the page cache, and @copy them; says whether some are missing. */
static bool gather_cached(struct wardfs_run *run, unsigned int i, bool copy)
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
			if (copy)
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

/* Report an old block that may not be what it is. Return: 0, or -EIO. */
static int judge_old(struct wardfs_run *old, unsigned int i, u64 n)
{
	u64 k = old->first + i;

	switch (old->state[i]) {
	case WARDFS_BLOCK_GOOD:
		return 0;
	case WARDFS_BLOCK_ODD:
		if (wardfs_odd_allowed(old->inode))
			return 0;
		break;
	case WARDFS_BLOCK_HOLE:
		if (wardfs_hole_allowed(old->inode, k, n))
			return 0;
		break;
	case WARDFS_BLOCK_BAD:
		break;
	case WARDFS_BLOCK_FAILED:
		return -EIO;
	}
	wardfs_report_tamper(old->inode, NULL, k, "block does not authenticate");
	return -EIO;
}

/*
 * The old bytes of neighbouring blocks, decrypted; zeros where there were none.
 * Return: how many of the @count were had, at least one; or -errno.
 */
static int gather_old(struct wardfs_run *run, unsigned int i, unsigned int count)
{
	struct wardfs_data *d = &WARDFS_I(run->inode)->data;
	u64 k = run->first + i, n = ward_layout_blocks(d->lower_size);
	struct wardfs_run *old;
	unsigned int j;
	int err;

	if (k >= n) {
		memset(wardfs_run_payload(run, i), 0, ward_layout_cap(k));
		return 1;
	}
	old = wardfs_run_alloc(run->inode, k, min_t(u64, count, n - k), WARDFS_RUN_NESTED);
	old->size = d->lower_size;
	old->into = run;
	count = old->count;
	err = wardfs_run_load(old);
	for (j = 0; !err && j < count; j++) {
		wardfs_run_open(old, j);
		err = judge_old(old, j, n);
		if (!err && old->state[j] == WARDFS_BLOCK_HOLE)
			memset(wardfs_run_payload(run, i + j), 0, ward_layout_cap(k + j));
	}
	wardfs_run_free(old);
	return err ?: count;
}

/*
 * Fill in the payload of all blocks. Of a row, only the two at its ends can have bytes
 * that are not in the page cache; in a short one these are neighbours, and read at once.
 */
static int gather(struct wardfs_run *run)
{
	bool missing[WARDFS_RUN_BLOCKS];
	unsigned int i, n;
	int got;

	for (i = 0; i < run->count; i++) {
		bool end = i == 0 || i == run->count - 1;

		missing[i] = gather_cached(run, i, !end);
		if (end && !missing[i])
			missing[i] = gather_cached(run, i, true);
	}
	for (i = 0; i < run->count; i += got) {
		got = 1;
		for (n = 0; i + n < run->count && missing[i + n]; n++)
			;
		if (n)
			got = gather_old(run, i, n);
		if (got < 0)
			return got;
		/* What is cached is newer; a page that came in since is as good. */
		for (n = 0; missing[i] && n < got; n++)
			gather_cached(run, i + n, true);
	}
	/* Nothing past the end of file, whatever a mapping left there. */
	for (i = 0; i < run->count; i++) {
		u64 base = ward_layout_base(run->first + i);
		u32 cap = ward_layout_cap(run->first + i);

		if (run->size < base + cap)
			memset(wardfs_run_payload(run, i) + (run->size - base), 0,
			       base + cap - run->size);
	}
	return 0;
}

/* Everything but the writing. */
static int seal_run(struct wardfs_run *run)
{
	u64 n = ward_layout_blocks(run->size);
	unsigned int i;
	int err = gather(run);

	if (err)
		return err;
	for (i = 0; i < run->count; i++) {
		u64 k = run->first + i;

		if (k == 0)
			memcpy(page_address(run->pages[i]), WARDFS_I(run->inode)->data.header,
			       WARD_HEADER_SIZE);
		err = wardfs_run_seal(run, i, k + 1 == n ? run->size - ward_layout_base(k) :
				      ward_layout_cap(k), k + 1 == n);
		if (err)
			return err;
	}
	return 0;
}

static void do_run(struct wardfs_run *run)
{
	run->error = seal_run(run);
	if (!run->error)
		wardfs_run_store_begin(run);
}

static void store_work(struct work_struct *work)
{
	struct wardfs_run *run = container_of(work, struct wardfs_run, work);

	do_run(run);
	complete(&run->done);
}

/*
 * Wait for runs, doing ourselves what no worker has begun: write-back must not
 * depend on a worker being created when memory is short.
 */
static int finish_runs(struct list_head *runs)
{
	struct wardfs_run *run, *next;
	int err = 0;

	/* Workers take them from the front. */
	list_for_each_entry_reverse(run, runs, list) {
		if (cancel_work(&run->work))
			do_run(run);
		else
			wait_for_completion(&run->done);
	}
	/*
	 * Nothing goes through the lower page cache while something is on its way past it:
	 * XFS would make a large folio dirty that still has the old block, and write that
	 * after the new one.
	 */
	list_for_each_entry(run, runs, list)
		if (!run->error)
			wardfs_run_store_wait(run);
	list_for_each_entry_safe(run, next, runs, list) {
		if (!run->error)
			run->error = wardfs_run_store_end(run);
		if (!err)
			err = run->error;
		list_del(&run->list);
		wardfs_run_free(run);
	}
	return err;
}

/**
 * struct store - rows that are being stored
 * @inode: whose
 * @size: upper size, bytes, when it is done
 * @runs: those that workers have, or will take
 * @ahead: how many these are
 * @blocks: how many blocks these have
 * @scattered: whether there are several
 * @error: the first
 */
struct store {
	struct inode *inode;
	u64 size;
	struct list_head runs;
	unsigned int ahead;
	unsigned int blocks;
	bool scattered;
	int error;
};

static void finish(struct store *s)
{
	int err = finish_runs(&s->runs);

	s->ahead = 0;
	s->blocks = 0;
	if (!s->error)
		s->error = err;
}

/* The @final one, often the only one, no worker gets. */
static void store_row(struct store *s, u64 first, u64 last, bool final)
{
	while (first <= last) {
		struct wardfs_run *run = NULL;

		if (s->ahead < RUNS_AHEAD && s->blocks < BLOCKS_AHEAD)
			run = wardfs_run_alloc(s->inode, first,
					       min_t(u64, last - first + 1, WARDFS_RUN_BLOCKS),
					       s->ahead ? WARDFS_RUN_TRY : WARDFS_RUN_STORE);
		if (!run) {
			finish(s);
			continue;
		}
		run->size = s->size;
		run->scattered = s->scattered;
		first += run->count;
		s->ahead++;
		s->blocks += run->count;
		init_completion(&run->done);
		INIT_WORK(&run->work, store_work);
		list_add_tail(&run->list, &s->runs);
		if (first > last && final)
			store_work(&run->work);
		else
			wardfs_run_queue(run);
	}
}

/**
 * wardfs_store_rows - store rows of blocks as the page cache has them
 * @inode: upper regular file, lower file open for writing, key loaded
 * @rows: the rows, none of which shares a block with another
 * @nr: how many
 * @size: upper size, bytes, that the file has when this is done: it decides which
 *	block is marked last; all rows lie below it
 *
 * Block 0 takes the header with it. Long rows, and several, are spread over the CPUs
 * and are below in any order. A row that fails does not keep the others from it.
 * Context: wardfs_data.io held for writing, inside a write-out section, NOFS.
 *
 * Return: 0; -ENOKEY when the key was wiped; -EIO when an old block that was needed
 * does not authenticate; the lower's error (-ENOSPC, -EDQUOT, -EIO).
 */
int wardfs_store_rows(struct inode *inode, const struct wardfs_row *rows, unsigned int nr,
		      u64 size)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct store s = { .inode = inode, .size = size, .scattered = nr > 1 };
	bool with_header = false;
	unsigned int i;
	int err;

	lockdep_assert_held_write(&d->io);
	INIT_LIST_HEAD(&s.runs);
	if (!d->lower_file || d->lower_rdonly)
		return -EROFS;
	if (!d->aead)
		return -ENOKEY;
	for (i = 0; i < nr; i++)
		with_header |= rows[i].first == 0;
	if (with_header && (d->flags & WARD_FILE_EMPTY || d->header_dirty)) {
		d->flags &= ~WARD_FILE_EMPTY;
		d->header_dirty = true;
		err = wardfs_header_seal(inode);
		if (err)
			return err;
	}
	for (i = 0; i < nr; i++)
		store_row(&s, rows[i].first, rows[i].last, i == nr - 1);
	finish(&s);
	/* Part of it is there, perhaps even what lies behind: a crash could have left it so. */
	if (s.error)
		wardfs_unsettled(inode);
	if (!s.error && with_header) {
		d->made = true;
		d->header_dirty = false;
	}
	return s.error;
}

/**
 * wardfs_store_blocks - store a row of blocks as the page cache has them
 * @inode: as for wardfs_store_rows()
 * @first: first block
 * @last: last block, inclusive
 * @size: as for wardfs_store_rows()
 *
 * Context and return: as wardfs_store_rows().
 */
int wardfs_store_blocks(struct inode *inode, u64 first, u64 last, u64 size)
{
	const struct wardfs_row row = { first, last };

	return wardfs_store_rows(inode, &row, 1, size);
}
