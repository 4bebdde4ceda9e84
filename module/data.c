// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache of regular files: plaintext, in upper folios. Reading goes in
 * runs of blocks that several CPUs decrypt; write-back collects neighbouring
 * dirty folios and stores their blocks in large rows (store.c).
 */
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/migrate.h>
#include <linux/writeback.h>
#include <linux/sched/mm.h>
#include "wardfs.h"
#include "block.h"
#include "compat/mapping.h"

/* A readahead of at most this many pages is done by who asks for it. */
#define READ_INLINE_PAGES	8
/* Most pages of one write-back batch: 4 MiB; and most rows that they make up. */
#define BATCH_PAGES		1024
#define BATCH_ROWS		32

/* ---- reading ---------------------------------------------------------- */

/*
 * Load and decrypt the blocks of a read run. Returns whether some block did not
 * come out as it should, which a write below at the same moment can explain.
 */
static bool read_blocks(struct wardfs_run *run, int *err)
{
	struct wardfs_data *d = &WARDFS_I(run->inode)->data;
	bool doubtful = false;
	unsigned int i;

	run->size = READ_ONCE(d->lower_size);
	*err = wardfs_head_take(run) ? 0 : wardfs_run_load(run);
	if (*err)
		return true;
	for (i = 0; i < run->count; i++) {
		wardfs_run_open(run, i);
		if (run->state[i] != WARDFS_BLOCK_GOOD &&
		    run->first + i < ward_layout_blocks(run->size))
			doubtful = true;
	}
	return doubtful || run->size != READ_ONCE(d->lower_size);
}

/* Judge a block that was read again while nothing was writing. */
static bool block_usable(struct wardfs_run *run, unsigned int i, bool report)
{
	const char *detail = "block does not authenticate";
	u64 k = run->first + i;
	u64 n = ward_layout_blocks(run->size);

	switch (run->state[i]) {
	case WARDFS_BLOCK_GOOD:
		return true;
	case WARDFS_BLOCK_HOLE:
		if (wardfs_hole_allowed(run->inode, k, n))
			return true;
		break;
	case WARDFS_BLOCK_FAILED:
		return false;
	case WARDFS_BLOCK_ODD:
		/*
		 * Short or marked last in the middle: an older block of this
		 * file. Where a crash can have left it, its padding reads as
		 * the zeros it is.
		 */
		if (wardfs_odd_allowed(run->inode))
			return true;
		detail = "file was cut short or grown below";
	}
	if (report)
		wardfs_report_tamper(run->inode, NULL, k, detail);
	return false;
}

static void copy_out(struct wardfs_run *run, struct folio *folio, bool *good)
{
	u64 pos = folio_pos(folio);
	u64 end = min_t(u64, pos + folio_size(folio), run->size);
	u8 *to = folio_address(folio);
	size_t done = 0;

	*good = true;
	while (pos < end) {
		u64 k = ward_layout_block(pos);
		unsigned int i = k - run->first;
		u32 offset = pos - ward_layout_base(k);
		size_t len = min_t(u64, ward_layout_cap(k) - offset, end - pos);

		if (run->state[i] == WARDFS_BLOCK_BAD || run->state[i] == WARDFS_BLOCK_FAILED)
			*good = false;
		else if (!test_bit(i, run->placed))
			memcpy(to + done, wardfs_run_payload(run, i) + offset, len);
		done += len;
		pos += len;
	}
	memset(to + done, 0, folio_size(folio) - done);
}

/*
 * Fill the locked folios of a run and unlock them. The run is given back. Reading
 * ahead does not @report: nobody may ever want what it read, or a worker did it for
 * who does; who does asks for the folio again, and is named.
 */
static void read_run(struct wardfs_run *run, bool report)
{
	struct wardfs_data *d = &WARDFS_I(run->inode)->data;
	bool good[WARDFS_RUN_PAGES] = {};
	unsigned int i;
	int err = 0;

	if (read_blocks(run, &err)) {
		down_read(&d->io);
		read_blocks(run, &err);
		for (i = 0; !err && i < run->count; i++)
			if (!block_usable(run, i, report))
				run->state[i] = WARDFS_BLOCK_BAD;
		up_read(&d->io);
	}
	for (i = 0; !err && i < run->nr_folios; i++)
		copy_out(run, run->folios[i], &good[i]);
	wardfs_run_wipe(run);
	/* From the last unlock on the key may go away. */
	for (i = 0; i < run->nr_folios; i++)
		wardfs_folio_end_read(run->folios[i], good[i]);
	wardfs_run_free(run);
}

static void read_work(struct work_struct *work)
{
	read_run(container_of(work, struct wardfs_run, work), false);
}

/*
 * Where the next run ends: where a page begins with a block, which comes to pass once in
 * 127 pages (128 blocks), or half-way there. A run that ends within a block has its last
 * block read and decrypted by the next one, too.
 */
static pgoff_t run_end(pgoff_t index)
{
	const pgoff_t period = WARD_CAP / (PAGE_SIZE - WARD_CAP);
	/* Counted from the end of block 0 */
	const pgoff_t shift = WARD_HEADER_SIZE / (PAGE_SIZE - WARD_CAP);
	pgoff_t left = period - (index + shift) % period;

	return index + (left > WARDFS_RUN_PAGES ? left - WARDFS_RUN_PAGES : left);
}

/* A run for @nr pages from @index on; fewer when memory is short. */
static struct wardfs_run *read_run_alloc(struct inode *inode, pgoff_t index, unsigned int nr)
{
	u64 pos = (u64)index << PAGE_SHIFT;
	u64 end = pos + ((u64)nr << PAGE_SHIFT);
	u64 first = ward_layout_block(pos);
	struct wardfs_run *run;

	run = wardfs_run_alloc(inode, first, ward_layout_block(end - 1) - first + 1,
			       WARDFS_RUN_WAIT);
	run->index = index;
	return run;
}

static int wardfs_read_folio(struct file *file, struct folio *folio)
{
	struct inode *inode = folio->mapping->host;
	struct wardfs_run *run;
	int idx = wardfs_enter(inode->i_sb);
	int err;

	if (idx < 0) {
		folio_unlock(folio);
		return idx;
	}
	err = wardfs_data_ready(inode);
	if (err) {
		wardfs_exit(inode->i_sb, idx);
		folio_unlock(folio);
		return err;
	}
	run = read_run_alloc(inode, folio->index, 1);
	if (ward_layout_block(folio_pos(folio) + PAGE_SIZE - 1) >= run->first + run->count) {
		/* Not enough memory for the two or three blocks of one page. */
		wardfs_run_free(run);
		folio_unlock(folio);
		err = -ENOMEM;
	} else {
		run->folios[0] = folio;
		run->nr_folios = 1;
		folio_get(folio);
		read_run(run, true);
		err = folio_test_uptodate(folio) ? 0 : -EIO;
		folio_put(folio);
	}
	wardfs_exit(inode->i_sb, idx);
	return err;
}

static void wardfs_readahead(struct readahead_control *rac)
{
	struct inode *inode = rac->mapping->host;
	/* Counted here: the control's own index only moves with the next folio. */
	pgoff_t index = readahead_index(rac);
	unsigned int left = readahead_count(rac);
	bool alone = left <= READ_INLINE_PAGES;
	int idx = wardfs_enter(inode->i_sb);

	/* What is not taken here is unlocked by the caller and read one by one. */
	if (idx < 0)
		return;
	if (wardfs_data_ready(inode))
		goto exit;
	while (left) {
		unsigned int nr = alone ? left : min_t(pgoff_t, left, run_end(index) - index);
		struct wardfs_run *run = read_run_alloc(inode, index, nr);

		while (run->nr_folios < nr) {
			u64 end = ((u64)index + 1) << PAGE_SHIFT;
			struct folio *folio;

			if (ward_layout_block(end - 1) >= run->first + run->count)
				break;
			folio = readahead_folio(rac);
			if (!folio)
				break;
			run->folios[run->nr_folios++] = folio;
			index++;
			left--;
		}
		if (!run->nr_folios) {
			wardfs_run_free(run);
			break;
		}
		if (alone) {
			read_run(run, false);
		} else {
			INIT_WORK(&run->work, read_work);
			wardfs_run_queue(run);
		}
	}
exit:
	wardfs_exit(inode->i_sb, idx);
}

/* ---- writing into the cache ---------------------------------------------- */

static int fill_folio(struct file *file, struct folio *folio)
{
	int err = wardfs_read_folio(file, folio);

	if (err)
		return err;
	folio_lock(folio);
	return 0;
}

static int wardfs_write_begin(WARDFS_WRITE_BEGIN_ARGS, struct address_space *mapping, loff_t pos,
			      unsigned int len, wardfs_wb_object **object, void **fsdata)
{
	struct inode *inode = mapping->host;
	size_t offset = offset_in_page(pos);
	struct folio *folio;
	int idx, err;

	/* Held until write_end: nothing becomes dirty once locking has begun. */
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return idx;
	/* Locked and unlocked since it was opened: write-back will not load a key. */
	err = wardfs_data_ready(inode);
	if (err) {
		wardfs_exit(inode->i_sb, idx);
		return err;
	}
again:
	folio = wardfs_folio_begin(mapping, pos >> PAGE_SHIFT);
	if (IS_ERR(folio)) {
		wardfs_exit(inode->i_sb, idx);
		return PTR_ERR(folio);
	}
	if (!folio_test_uptodate(folio) && len < PAGE_SIZE) {
		loff_t start = folio_pos(folio);

		if (start >= i_size_read(inode) || (!offset && pos + len >= i_size_read(inode))) {
			folio_zero_segments(folio, 0, offset, offset + len, PAGE_SIZE);
		} else {
			err = fill_folio(NULL, folio);
			if (err) {
				folio_put(folio);
				wardfs_exit(inode->i_sb, idx);
				return err;
			}
			if (folio->mapping != mapping || !folio_test_uptodate(folio)) {
				folio_unlock(folio);
				folio_put(folio);
				goto again;
			}
		}
	}
	*object = wardfs_wb_from_folio(folio, pos);
	*fsdata = (void *)(long)idx;
	return 0;
}

static int wardfs_write_end(WARDFS_WRITE_BEGIN_ARGS, struct address_space *mapping, loff_t pos,
			    unsigned int len, unsigned int copied, wardfs_wb_object *object,
			    void *fsdata)
{
	struct folio *folio = wardfs_wb_to_folio(object);
	struct inode *inode = mapping->host;
	loff_t end = pos + copied;

	if (!folio_test_uptodate(folio)) {
		/* A short copy into a page that was not read, and has older bytes: begin again. */
		if (copied < len && (len == PAGE_SIZE || copied == 0 ||
				     end < i_size_read(inode))) {
			copied = 0;
			goto unlock;
		}
		if (copied < len)
			folio_zero_range(folio, offset_in_page(pos) + copied, len - copied);
		folio_mark_uptodate(folio);
	}
	if (copied) {
		if (end > i_size_read(inode))
			i_size_write(inode, end);
		folio_mark_dirty(folio);
	}
unlock:
	folio_unlock(folio);
	folio_put(folio);
	wardfs_exit(inode->i_sb, (int)(long)fsdata);
	return copied;
}

/**
 * wardfs_zero_fill - write zeros into the page cache
 * @inode: upper regular file
 * @from: upper offset, bytes
 * @to: upper offset, bytes; the file's size becomes at least this
 *
 * Context: i_rwsem held for writing.
 *
 * Return: 0 or a negative errno.
 */
int wardfs_zero_fill(struct inode *inode, loff_t from, loff_t to)
{
	struct address_space *mapping = inode->i_mapping;

	while (from < to) {
		unsigned int len = min_t(loff_t, PAGE_SIZE - offset_in_page(from), to - from);
		wardfs_wb_object *object;
		void *fsdata;
		int err = wardfs_write_begin(NULL, mapping, from, len, &object, &fsdata);

		if (err)
			return err;
		folio_zero_range(wardfs_wb_to_folio(object), offset_in_page(from), len);
		wardfs_write_end(NULL, mapping, from, len, len, object, fsdata);
		balance_dirty_pages_ratelimited(mapping);
		from += len;
	}
	return 0;
}

/* ---- write-back --------------------------------------------------------- */

/**
 * struct batch - folios under write-back
 * @inode: whose
 * @pages: how many
 * @nr: rows of neighbours that they make up
 * @done: how many of these are stored, or given up
 * @rows: those: the first page, and how many
 */
struct batch {
	struct inode *inode;
	unsigned int pages;
	unsigned int nr;
	unsigned int done;
	struct {
		pgoff_t index;
		unsigned int nr;
	} rows[BATCH_ROWS];
};

/* Where the row of pages ends above; before its begin when it was cut off meanwhile. */
static u64 row_end(const struct batch *b, unsigned int i)
{
	return min_t(u64, i_size_read(b->inode),
		     (u64)(b->rows[i].index + b->rows[i].nr) << PAGE_SHIFT);
}

static u64 row_begin(const struct batch *b, unsigned int i)
{
	return (u64)b->rows[i].index << PAGE_SHIFT;
}

/*
 * Store the blocks of a row, and what growth asks for besides (rules W1, W2): the
 * first block if it never was below, and the block that was last until now.
 */
static int store_growing(struct inode *inode, u64 pos, u64 end)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 first = ward_layout_block(pos), last = ward_layout_block(end - 1);
	u64 size = max_t(u64, d->lower_size, end);
	bool head = false, begun = false;
	int err = 0;
	u64 old;

	if (first > 0 && (!d->made || d->header_dirty || d->flags & WARD_FILE_EMPTY)) {
		err = wardfs_store_blocks(inode, 0, 0, size);
		if (err)
			return err;
		head = true;
		begun = true;
	}
	old = ward_layout_blocks(d->lower_size);
	if (size > d->lower_size && old && old - 1 < first && !(old == 1 && head)) {
		err = wardfs_store_blocks(inode, old - 1, old - 1, size);
		begun = begun || !err;
	}
	if (!err)
		err = wardfs_store_blocks(inode, first, last, size);
	if (!err)
		err = wardfs_stored(inode, size);
	/* Some block says already that the file is longer. */
	if (err && begun)
		wardfs_unsettled(inode);
	return err;
}

/*
 * Rows in the middle of the file do not depend on each other, and go all at once.
 * Those that make it longer, or bring its header, are left.
 */
static int store_inner(struct batch *b)
{
	struct inode *inode = b->inode;
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct wardfs_row inner[BATCH_ROWS];
	unsigned int nr = 0;
	int err;

	for (; b->done < b->nr && d->made && !d->header_dirty; b->done++) {
		u64 pos = row_begin(b, b->done), end = row_end(b, b->done);

		if (end > d->lower_size)
			break;
		if (end <= pos)
			continue;
		inner[nr].first = ward_layout_block(pos);
		inner[nr++].last = ward_layout_block(end - 1);
	}
	if (!nr)
		return 0;
	err = wardfs_store_rows(inode, inner, nr, d->lower_size);
	/* Perhaps the length below is behind; it does not change now. */
	return err ?: wardfs_stored(inode, d->lower_size);
}

/* Those follow one by one. */
static int store_outer(struct batch *b)
{
	int err = 0, err2;

	for (; b->done < b->nr; b->done++) {
		u64 pos = row_begin(b, b->done), end = row_end(b, b->done);

		if (end <= pos)
			continue;
		err2 = store_growing(b->inode, pos, end);
		if (!err)
			err = err2;
	}
	return err;
}

static int store_batch(struct inode *inode, void *arg)
{
	struct batch *b = arg;
	int err, err2;

	b->done = 0;
	err = store_inner(b);
	err2 = store_outer(b);
	return err ?: err2;
}

static int finish_batch(struct batch *b)
{
	struct address_space *mapping = b->inode->i_mapping;
	unsigned int i, k;
	int err;

	if (!b->nr)
		return 0;
	err = wardfs_io_here(b->inode, store_batch, b);
	if (err)
		mapping_set_error(mapping, err);
	for (i = 0; i < b->nr; i++) {
		for (k = 0; k < b->rows[i].nr; k++) {
			struct folio *folio = wardfs_folio_lookup(mapping, b->rows[i].index + k);

			/* Under write-back it cannot have left the cache. */
			if (WARN_ON_ONCE(!folio))
				continue;
			folio_end_writeback(folio);
			folio_put(folio);
		}
	}
	b->nr = 0;
	b->pages = 0;
	return err;
}

/* Takes the folio that comes next. Return: whether there was room. */
static bool batch_take(struct batch *b, pgoff_t index)
{
	unsigned int last = b->nr - 1;

	if (b->pages == BATCH_PAGES)
		return false;
	if (b->nr && b->rows[last].index + b->rows[last].nr == index) {
		b->rows[last].nr++;
	} else if (b->nr < BATCH_ROWS) {
		b->rows[b->nr].index = index;
		b->rows[b->nr++].nr = 1;
	} else {
		return false;
	}
	b->pages++;
	return true;
}

static int writeback_folio(struct folio *folio, struct writeback_control *wbc, void *data)
{
	struct inode *inode = folio->mapping->host;
	loff_t size = i_size_read(inode);
	loff_t pos = folio_pos(folio);
	struct batch *b = data;
	int err;

	if (pos >= size) {
		/* Truncation is about to take it. */
		folio_unlock(folio);
		return 0;
	}
	/* What a mapping wrote past the end of file is nobody's. */
	if (pos + PAGE_SIZE > size)
		folio_zero_segment(folio, size - pos, PAGE_SIZE);
	folio_start_writeback(folio);
	folio_unlock(folio);
	if (batch_take(b, folio->index))
		return 0;
	/* After the unlock: lower I/O waits for nobody who waits for this folio. */
	err = finish_batch(b);
	batch_take(b, folio->index);
	return err;
}

static int wardfs_writepages(struct address_space *mapping, struct writeback_control *wbc)
{
	struct inode *inode = mapping->host;
	struct batch b = { .inode = inode };
	unsigned int flags;
	int idx, err, last;

	idx = wardfs_enter_writeout(inode->i_sb);
	if (idx < 0)
		return idx;
	flags = memalloc_nofs_save();
	err = wardfs_write_folios(mapping, wbc, writeback_folio, &b);
	last = finish_batch(&b);
	memalloc_nofs_restore(flags);
	wardfs_exit(inode->i_sb, idx);
	wardfs_data_idle(inode);
	return err ? err : last;
}

/*
 * Pages leave wiped when nobody else holds them: locking promises that plaintext
 * leaves memory. A page that a pipe or a device still holds stays as it is.
 */
static void wardfs_free_folio(struct folio *folio)
{
	/* Who removes it holds one; so does a per-CPU list that feeds the LRU. */
	if (folio_ref_count(folio) <= 2 + !folio_test_lru(folio))
		clear_page(folio_address(folio));
}

/* What is moved elsewhere in memory is left wiped, too. */
static int wardfs_migrate_folio(struct address_space *mapping, struct folio *dst,
				struct folio *src, enum migrate_mode mode)
{
	int err = filemap_migrate_folio(mapping, dst, src, mode);

	if (!err && mode != MIGRATE_SYNC_NO_COPY)
		clear_page(folio_address(src));
	return err;
}

const struct address_space_operations wardfs_aops = {
	.read_folio	= wardfs_read_folio,
	.readahead	= wardfs_readahead,
	.write_begin	= wardfs_write_begin,
	.write_end	= wardfs_write_end,
	.writepages	= wardfs_writepages,
	.dirty_folio	= filemap_dirty_folio,
	.free_folio	= wardfs_free_folio,
	.migrate_folio	= wardfs_migrate_folio,
	.direct_IO	= noop_direct_IO,
};
