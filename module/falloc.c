// SPDX-License-Identifier: GPL-2.0-only
/*
 * fallocate(2): space that is reserved, or given back, below.
 *
 * A reservation is the lower file system's own, without a change of the lower length:
 * blocks that hold nothing yet are holes until they are written. What is zeroed or
 * punched becomes holes as far as it is made of whole blocks, and zeros, written as
 * any data, at its two edges. So the file is sparse from then on.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/pagemap.h>
#include "wardfs.h"
#include "block.h"
#include "compat/mapping.h"

/**
 * struct blocks - a row of blocks below, and what is to become of it
 * @mode: FALLOC_FL_*, for the lower file system
 * @first: first block
 * @last: last block, inclusive
 */
struct blocks {
	int mode;
	u64 first;
	u64 last;
};

/* The lower length stays. Inside wardfs_io_call(): not vfs_fallocate(), which begins a write. */
static int lower_fallocate(struct inode *inode, const struct blocks *b)
{
	struct file *file = WARDFS_I(inode)->data.lower_file;
	struct timespec64 before;
	const struct cred *saved;
	int err;

	if (!file->f_op->fallocate)
		return -EOPNOTSUPP;
	if (b->last >= div_u64(file_inode(file)->i_sb->s_maxbytes, WARD_BLOCK_SIZE))
		return -EFBIG;
	before = inode_get_ctime(file_inode(file));
	saved = wardfs_io_begin(inode);
	err = file->f_op->fallocate(file, b->mode | FALLOC_FL_KEEP_SIZE,
				    b->first * WARD_BLOCK_SIZE,
				    (b->last - b->first + 1) * WARD_BLOCK_SIZE);
	revert_creds(saved);
	wardfs_ctime_restore(inode, &before);
	return err;
}

static int allocate_below(struct inode *inode, void *arg)
{
	return lower_fallocate(inode, arg);
}

static int fill_holes_below(struct inode *inode, void *arg)
{
	const struct blocks *b = arg;
	loff_t hole = vfs_llseek(WARDFS_I(inode)->data.lower_file,
				 b->first * WARD_BLOCK_SIZE, SEEK_HOLE);

	if (hole >= (loff_t)((b->last + 1) * WARD_BLOCK_SIZE))
		return 0;
	return lower_fallocate(inode, b);
}

/* Remembered, so that it need not be asked for again: the range that came last. */
static void reserved(struct inode *inode, const struct blocks *b)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;

	if (b->last + 1 < d->reserved || b->first > d->reserved_end || !d->reserved_end) {
		d->reserved = b->first;
		d->reserved_end = b->last + 1;
	} else {
		d->reserved = min(d->reserved, b->first);
		d->reserved_end = max(d->reserved_end, b->last + 1);
	}
}

/**
 * wardfs_unreserve - blocks go, and with them what was reserved
 * @inode: upper regular file
 *
 * Context: i_rwsem or wardfs_data.io held for writing. Who reserves meanwhile may believe
 * once more what was: a full disk is told at close then.
 */
void wardfs_unreserve(struct inode *inode)
{
	WRITE_ONCE(WARDFS_I(inode)->data.reserved_end, 0);
}

/**
 * wardfs_reserve - space for what is about to be written into holes
 * @inode: upper regular file, open for writing
 * @pos: upper offset, bytes
 * @len: bytes, not 0
 *
 * While the write can still be refused. In a file that is not sparse there is
 * nothing to do. Context: i_rwsem held for writing, not in a fault.
 *
 * Return: 0, also where the lower file system reserves nothing; -ENOSPC, -EDQUOT, or
 * what else it says.
 */
int wardfs_reserve(struct inode *inode, loff_t pos, size_t len)
{
	struct blocks b = {
		.first = ward_layout_block(pos),
		.last = ward_layout_block(pos + len - 1),
	};
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	int err;

	if (!(READ_ONCE(d->flags) & WARD_FILE_SPARSE) ||
	    (b.first >= d->reserved && b.last < d->reserved_end))
		return 0;
	err = wardfs_io_call(inode, fill_holes_below, &b);
	if (!err)
		reserved(inode, &b);
	return err == -EOPNOTSUPP ? 0 : err;
}

/*
 * Holes are legal in a file only whose header says sparse, also after a crash: so it
 * says so on stable storage first. Later rewrites of block 0 say it, too.
 */
static int clear_below(struct inode *inode, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	int err = 0;

	if (!(d->flags & WARD_FILE_SPARSE)) {
		d->flags |= WARD_FILE_SPARSE;
		d->header_dirty = true;
		d->sparse_synced = false;
	}
	if (d->header_dirty)
		err = wardfs_store_blocks(inode, 0, 0, d->lower_size);
	if (!err && !d->sparse_synced) {
		err = wardfs_lower_sync(inode, 0, WARD_BLOCK_SIZE - 1, 1);
		d->sparse_synced = !err;
	}
	return err ?: lower_fallocate(inode, arg);
}

/* Is a block known to hold zeros only? Of what is cached; nothing is read for it. */
static bool cached_zero(struct inode *inode, u64 k)
{
	u64 pos = ward_layout_base(k), end = pos + ward_layout_cap(k);
	bool zero = true;

	while (zero && pos < end) {
		size_t len = min_t(u64, PAGE_SIZE - offset_in_page(pos), end - pos);
		struct folio *folio = wardfs_folio_uptodate(inode->i_mapping, pos >> PAGE_SHIFT);

		if (!folio)
			return false;
		zero = ward_bytes_zero(folio_address(folio) + offset_in_folio(folio, pos), len);
		folio_put(folio);
		pos += len;
	}
	return zero;
}

/*
 * Zeros from @from to @to, which is not past the end. Whole blocks become holes, but
 * for the first and the last block of the file (rule W1): @mode says how. The edges,
 * up to whole pages, are written and brought below before, so that no page that stays
 * in the cache has anything but zeros of a block that goes.
 */
static int clear(struct inode *inode, loff_t from, loff_t to, int mode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct address_space *mapping = inode->i_mapping;
	u64 n = ward_layout_blocks(i_size_read(inode));
	u64 first = ward_layout_block(from), last = ward_layout_block(to - 1);
	/* Whole blocks: from @first on, up to before @end. */
	u64 begin = ward_layout_base(first) < from ? first + 1 : first;
	u64 end = to == i_size_read(inode) ? n : ward_layout_block(to);
	struct blocks b = { .mode = mode };
	loff_t low, high;
	int err;

	begin = max_t(u64, begin, 1);
	end = min(end, n - 1);
	low = round_up(ward_layout_base(begin), PAGE_SIZE);
	high = begin < end ? round_down(ward_layout_base(end), PAGE_SIZE) : 0;
	/* Who stores from now on faults, and waits for invalidate_lock. */
	unmap_mapping_range(mapping, round_down(from, PAGE_SIZE),
			    round_up(to, PAGE_SIZE) - round_down(from, PAGE_SIZE), 0);
	if (low >= high) {
		err = wardfs_zero_fill(inode, from, to);
	} else {
		err = wardfs_zero_fill(inode, from, low);
		if (!err)
			err = wardfs_zero_fill(inode, high, to);
	}
	/* All of it, so that the blocks below state the size that there is. */
	if (!err)
		err = filemap_write_and_wait(mapping);
	if (!err && d->lower_size != i_size_read(inode))
		err = -EIO;
	if (err)
		return err;

	/* A block that is zeros with what was there before can go, too. */
	b.first = max_t(u64, first, 1);
	b.last = min(last, n - 2);
	while (b.first <= b.last && b.first < begin && !cached_zero(inode, b.first))
		b.first++;
	while (b.first <= b.last && b.last >= end && !cached_zero(inode, b.last))
		b.last--;
	if (n < 3 || b.first > b.last)
		return 0;
	/* First the pages, so that no store into one brings along what its neighbours had. */
	if (low < high)
		truncate_pagecache_range(inode, low, high - 1);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		wardfs_unreserve(inode);
	err = wardfs_io_call(inode, clear_below, &b);
	if (err == -EOPNOTSUPP && mode == FALLOC_FL_ZERO_RANGE) {
		err = low < high ? wardfs_zero_fill(inode, low, high) : 0;
		if (!err)
			err = filemap_write_and_wait(mapping);
	}
	return err;
}

/* Can holes be punched below? Asked where no file has anything. */
static int can_punch(struct inode *inode)
{
	u64 end = div_u64(wardfs_lower_inode(inode)->i_sb->s_maxbytes, WARD_BLOCK_SIZE) - 1;
	struct blocks b = { .mode = FALLOC_FL_PUNCH_HOLE, .first = end, .last = end };

	return wardfs_io_call(inode, allocate_below, &b);
}

static int change(struct inode *inode, int mode, loff_t from, loff_t to)
{
	loff_t size = i_size_read(inode);
	struct blocks b = {
		.first = ward_layout_block(from),
		.last = ward_layout_block(to - 1),
	};
	int err;

	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = can_punch(inode);
	else
		err = wardfs_io_call(inode, allocate_below, &b);
	if (!err && !(mode & FALLOC_FL_PUNCH_HOLE))
		reserved(inode, &b);
	if (!err && mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) && from < size)
		err = clear(inode, from, min(to, size), mode & ~FALLOC_FL_KEEP_SIZE);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && to > size)
		err = wardfs_data_grow(inode, to);
	return err;
}

/**
 * wardfs_data_allocate - reserve space, or give it back
 * @file: upper regular file, open for writing
 * @mode: FALLOC_FL_*
 * @from: upper offset, bytes
 * @to: upper offset, bytes; behind @from
 *
 * What was reserved is there for whatever is written between @from and @to: also for
 * the blocks at the edges, which hold other bytes, too. Context: process context; the
 * caller has freeze protection of the vault.
 *
 * Return: 0; -EOPNOTSUPP for modes that move blocks, whose place is authenticated, or
 * when the lower file system cannot; -EPERM; -EFBIG; -ENOKEY when locked; -EIO when a
 * block at an edge does not authenticate; or what the lower file system says.
 */
int wardfs_data_allocate(struct file *file, int mode, loff_t from, loff_t to)
{
	const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	struct inode *inode = file_inode(file);
	struct timespec64 now;
	int idx, err = 0;

	if (mode & ~known)
		return -EOPNOTSUPP;
	inode_lock(inode);
	/* Was looked at without the lock. */
	if (IS_IMMUTABLE(inode) || (IS_APPEND(inode) && mode & ~FALLOC_FL_KEEP_SIZE))
		err = -EPERM;
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && to > i_size_read(inode))
		err = inode_newsize_ok(inode, to);
	/* Nothing there: not even times move, as on ext4. */
	if (err || (mode & FALLOC_FL_PUNCH_HOLE && from >= i_size_read(inode)))
		goto unlock;
	wardfs_io_writer(inode);
	err = file_modified(file);
	if (err)
		goto unlock;
	idx = wardfs_enter(inode->i_sb);
	err = idx;
	if (idx < 0)
		goto unlock;
	err = wardfs_data_ready(inode);
	if (!err) {
		filemap_invalidate_lock(inode->i_mapping);
		/* Meanwhile somebody may have stored into a mapping; now nobody does. */
		wardfs_io_writer(inode);
		err = change(inode, mode, from, to);
		filemap_invalidate_unlock(inode->i_mapping);
	}
	/* The lower file system has set those of the lower file. */
	now = current_time(inode);
	wardfs_update_time(inode, &now, S_MTIME | S_CTIME);
	wardfs_exit(inode->i_sb, idx);
unlock:
	inode_unlock(inode);
	if (!err && (file->f_flags & O_DSYNC || IS_SYNC(inode)))
		err = vfs_fsync(file, !(file->f_flags & __O_SYNC));
	return err;
}
