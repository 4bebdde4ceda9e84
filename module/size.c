// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sizes: from the lower length to i_size and back, truncation either way, and
 * what is pushed below when a file is closed or its inode written.
 *
 * The lower file is opened so that I/O does not touch its times: they are set
 * from the upper ones here, so that writing out late disturbs no timestamp.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/uio.h>
#include "wardfs.h"
#include "block.h"
#include "lower.h"
#include "compat/attr.h"

/* Growth up to this is written as zeros; a longer gap makes the file sparse. */
#define GAP_MAX		SZ_1M

/**
 * wardfs_io_lock - have a lower file's blocks and length for oneself
 * @inode: upper regular file
 *
 * Freeze protection of the lower comes first: who has it may wait for the blocks
 * (reading a header while a name is made below), so nobody may wait for it while
 * holding them. Context: not with mnt_want_write() held below.
 */
void wardfs_io_lock(struct inode *inode)
{
	sb_start_write(wardfs_lower_inode(inode)->i_sb);
	down_write(&WARDFS_I(inode)->data.io);
}

/**
 * wardfs_io_unlock - undo wardfs_io_lock()
 * @inode: upper regular file
 */
void wardfs_io_unlock(struct inode *inode)
{
	up_write(&WARDFS_I(inode)->data.io);
	sb_end_write(wardfs_lower_inode(inode)->i_sb);
}

/* Change length and times below in one go, with the mounter's credentials. */
static int lower_attr(struct inode *inode, unsigned int valid, u64 length)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct dentry *lower = wardfs_lower_dentry(inode);
	const struct cred *saved;
	struct iattr attr = {
		.ia_valid = valid,
		.ia_size = length,
		.ia_atime = inode_get_atime(inode),
		.ia_mtime = inode_get_mtime(inode),
	};
	int err;

	if (valid & ATTR_SIZE)
		attr.ia_valid |= ATTR_MTIME | ATTR_MTIME_SET;
	if (sb_rdonly(lower->d_sb))
		return -EROFS;
	saved = override_creds(sbi->cred);
	inode_lock(d_inode(lower));
	err = notify_change(wardfs_mnt_idmap(sbi->lower_mnt), lower, &attr, NULL);
	inode_unlock(d_inode(lower));
	revert_creds(saved);
	if (err && valid & ATTR_SIZE) {
		WRITE_ONCE(WARDFS_I(inode)->data.lenient, true);
		wardfs_epoch_doubt(inode->i_sb);
	}
	return err;
}

/**
 * wardfs_lower_length - set the lower length
 * @inode: upper regular file
 * @length: bytes
 *
 * A shorter length goes through whole blocks: of a block that is only cut short
 * the beginning would stay, and be taken for a block that does not authenticate
 * once the file has grown past it (rule W4). The lower mtime becomes the upper one
 * in the same step. Context: wardfs_data.io held for writing.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_lower_length(struct inode *inode, u64 length)
{
	u64 now = i_size_read(wardfs_lower_inode(inode));
	u64 whole = round_down(length, WARD_BLOCK_SIZE);
	int err = 0;

	if (now == length)
		return 0;
	if (now > length && whole && whole != length)
		err = lower_attr(inode, ATTR_SIZE, whole);
	return err ?: lower_attr(inode, ATTR_SIZE, length);
}

/**
 * wardfs_lower_cut - let nothing be left after a row of blocks
 * @inode: upper regular file
 * @blocks: how many blocks stay, at least one
 *
 * A crash can leave the beginning of a block behind the last one. Context:
 * wardfs_data.io held for writing.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_lower_cut(struct inode *inode, u64 blocks)
{
	u64 length = blocks * WARD_BLOCK_SIZE;

	return i_size_read(wardfs_lower_inode(inode)) <= length ? 0 :
		lower_attr(inode, ATTR_SIZE, length);
}

/**
 * wardfs_stored - take note of a size that the blocks below now state
 * @inode: upper regular file
 * @size: that size, bytes
 *
 * Sets the lower length when blocks were added and none are still to come;
 * growth inside the last block leaves it behind until the file is closed, so
 * that a synced append costs the lower no journal commit (rule W3).
 * Context: wardfs_data.io held for writing.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_stored(struct inode *inode, u64 size)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 blocks = ward_layout_blocks(d->lower_size);

	d->lower_size = size;
	if (size != i_size_read(inode))
		return 0;
	if (ward_layout_blocks(size) != blocks)
		return wardfs_lower_length(inode, ward_layout_length(size));
	if (i_size_read(wardfs_lower_inode(inode)) != ward_layout_length(size))
		mark_inode_dirty_sync(inode);
	return 0;
}

/**
 * wardfs_store_empty - write the header of an empty file
 * @inode: upper regular file, lower file open for writing
 *
 * Rule W4: the header with its empty flag, and the header's length. Context:
 * wardfs_data.io held for writing, inside a write-out section.
 *
 * Return: 0 or a negative errno.
 */
int wardfs_store_empty(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct kvec vec = { .iov_base = d->header, .iov_len = WARD_HEADER_SIZE };
	const struct cred *saved;
	struct iov_iter iter;
	ssize_t n;
	int err;

	if (!d->lower_file || d->lower_rdonly)
		return -EROFS;
	d->flags = WARD_FILE_EMPTY;
	err = wardfs_header_seal(inode);
	if (err)
		return err;
	saved = override_creds(sbi->cred);
	iov_iter_kvec(&iter, WRITE, &vec, 1, vec.iov_len);
	n = wardfs_lower_write(d->lower_file, &iter, 0, false);
	revert_creds(saved);
	if (n != WARD_HEADER_SIZE) {
		wardfs_epoch_doubt(inode->i_sb);
		return n < 0 ? n : -ENOSPC;
	}
	err = wardfs_lower_length(inode, WARD_HEADER_SIZE);
	if (err)
		return err;
	d->lower_size = 0;
	d->made = true;
	d->header_dirty = false;
	return 0;
}

/**
 * wardfs_data_size - find a file's size when its inode is made
 * @inode: new upper regular file
 *
 * Arithmetic in a checked vault; after an unclean end the blocks are asked
 * (wardfs_settle()). Context: inside a section.
 *
 * Return: 0 or a negative errno.
 */
int wardfs_data_size(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 size;

	d->bad_length = ward_layout_size(i_size_read(wardfs_lower_inode(inode)), &size) != 0;
	size = min_t(u64, size, WARD_SIZE_MAX);
	d->lower_size = size;
	i_size_write(inode, size);
	/* It was made by somebody before, whether its header is good or not. */
	d->made = true;
	if (READ_ONCE(WARDFS_SB(inode->i_sb)->unchecked))
		return wardfs_settle(inode);
	d->settled = true;
	return 0;
}

static int shrink(struct inode *inode, loff_t size)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 n = ward_layout_blocks(size);
	loff_t old;
	int err = 0;

	/*
	 * Below first: what is cut off stays in the page cache until the lower
	 * file has its new end, so a failure loses nothing. A write-back in
	 * between sees the new size and leaves the rest alone.
	 */
	wardfs_io_lock(inode);
	old = i_size_read(inode);
	i_size_write(inode, size);
	if (!size) {
		err = wardfs_store_empty(inode);
	} else if (size < d->lower_size) {
		err = wardfs_store_blocks(inode, n - 1, n - 1, size);
		/*
		 * A length of whole blocks, which the lower file has on its way,
		 * says nothing of a sparse file: its new end has to be there.
		 */
		if (!err && d->flags & WARD_FILE_SPARSE)
			err = vfs_fsync_range(d->lower_file, (n - 1) * WARD_BLOCK_SIZE,
					      n * WARD_BLOCK_SIZE - 1, 1);
		if (!err)
			err = wardfs_lower_length(inode, ward_layout_length(size));
		if (!err)
			d->lower_size = size;
	}
	if (err)
		i_size_write(inode, old);
	wardfs_io_unlock(inode);
	if (!err)
		truncate_pagecache(inode, size);
	return err;
}

/* A mapping may have written past the end of file, in its last page. */
static void zero_tail(struct inode *inode, loff_t size)
{
	struct folio *folio;

	if (!offset_in_page(size))
		return;
	folio = filemap_lock_folio(inode->i_mapping, size >> PAGE_SHIFT);
	if (IS_ERR_OR_NULL(folio))
		return;
	if (folio_test_uptodate(folio))
		folio_zero_segment(folio, offset_in_folio(folio, size), folio_size(folio));
	folio_unlock(folio);
	folio_put(folio);
}

/* A gap too long to be written: the file becomes sparse. */
static int extend_sparse(struct inode *inode, loff_t size)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 old, n = ward_layout_blocks(size);
	int err;

	/* So that the blocks below state the size that there is now. */
	err = filemap_write_and_wait(inode->i_mapping);
	if (err)
		return err;
	wardfs_io_lock(inode);
	old = ward_layout_blocks(d->lower_size);
	if (!(d->flags & WARD_FILE_SPARSE)) {
		d->flags |= WARD_FILE_SPARSE;
		d->header_dirty = true;
	}
	err = wardfs_store_blocks(inode, 0, 0, size);
	/* What comes after the last block until now is to be a hole. */
	if (!err && old)
		err = wardfs_lower_cut(inode, old);
	if (!err && old > 1)
		err = wardfs_store_blocks(inode, old - 1, old - 1, size);
	if (!err)
		err = wardfs_store_blocks(inode, n - 1, n - 1, size);
	if (!err) {
		i_size_write(inode, size);
		err = wardfs_stored(inode, size);
	}
	wardfs_io_unlock(inode);
	return err;
}

/**
 * wardfs_data_truncate - change a file's size, either way
 * @inode: upper regular file
 * @size: new size, bytes, checked against the limits
 *
 * Context: i_rwsem held for writing.
 *
 * Return: 0; -ENOKEY when locked; -EIO when a block that is needed does not
 * authenticate; the lower's error. Nothing is lost on failure.
 */
int wardfs_data_truncate(struct inode *inode, loff_t size)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	loff_t old = i_size_read(inode);
	struct timespec64 now;
	int idx, err;

	if (size > WARD_SIZE_MAX)
		return -EFBIG;
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return idx;
	err = wardfs_data_get(inode);
	if (err)
		goto exit;
	filemap_invalidate_lock(inode->i_mapping);
	if (size < old) {
		err = shrink(inode, size);
	} else if (size > old) {
		zero_tail(inode, old);
		if (size - old <= GAP_MAX)
			err = wardfs_zero_fill(inode, old, size);
		else
			err = extend_sparse(inode, size);
	}
	filemap_invalidate_unlock(inode->i_mapping);
	if (!err && size != old) {
		now = current_time(inode);
		inode_set_mtime_to_ts(inode, now);
		inode_set_ctime_to_ts(inode, now);
		d->times_dirty = true;
		mark_inode_dirty_sync(inode);
	}
	wardfs_data_put(inode);
exit:
	wardfs_exit(inode->i_sb, idx);
	return err;
}

/**
 * wardfs_data_flush - bring header, length and times below
 * @inode: upper regular file
 *
 * Context: may be write-back (NOFS); also while the vault is being locked.
 *
 * Return: 0; -ENOKEY when the vault is locked and the header is missing below;
 * the lower's error.
 */
int wardfs_data_flush(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	unsigned int valid = 0;
	u64 length = 0;
	int idx, err = 0;

	if (sb_rdonly(inode->i_sb) || !d->settled)
		return 0;
	wardfs_io_lock(inode);
	if (!d->made || d->header_dirty) {
		idx = wardfs_enter_writeout(inode->i_sb);
		if (idx < 0) {
			err = idx;
			goto up;
		}
		/* Data that is still dirty brings the header along. */
		if (!d->lower_size && !i_size_read(inode))
			err = wardfs_store_empty(inode);
		else if (d->lower_size)
			err = wardfs_store_blocks(inode, 0, 0, d->lower_size);
		wardfs_exit(inode->i_sb, idx);
		if (err)
			goto up;
	}
	if (d->made && d->lower_size == i_size_read(inode)) {
		length = ward_layout_length(d->lower_size);
		/* What came odd from below stays as it is, to be seen. */
		if (d->bad_length)
			length = 0;
		else if (i_size_read(wardfs_lower_inode(inode)) > length)
			err = wardfs_lower_length(inode, length);
		else if (i_size_read(wardfs_lower_inode(inode)) < length)
			valid |= ATTR_SIZE;
		if (err)
			goto up;
	}
	if (d->times_dirty) {
		struct timespec64 ctime = inode_get_ctime(inode);
		struct timespec64 below = inode_get_ctime(wardfs_lower_inode(inode));

		d->times_dirty = false;
		valid |= ATTR_MTIME | ATTR_MTIME_SET | ATTR_ATIME | ATTR_ATIME_SET;
		/* It cannot be set, but must not seem to go back. */
		if (timespec64_compare(&ctime, &below) > 0)
			valid |= ATTR_CTIME;
	}
	if (valid) {
		err = lower_attr(inode, valid, length);
		if (err)
			d->times_dirty = true;
	}
up:
	wardfs_io_unlock(inode);
	return err;
}

/**
 * wardfs_data_fill_up - a sparse file without holes is sparse no more
 * @inode: upper regular file, lower file open
 *
 * The flag tolerates zeros below: it goes as soon as it may. Where the lower file
 * system knows of no hole, every block is looked at once. Failure only means that
 * the flag stays. Context: process context, at the close of who wrote.
 */
void wardfs_data_fill_up(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 k = 0, n;
	int idx;

	if (!(READ_ONCE(d->flags) & WARD_FILE_SPARSE) || d->lower_rdonly)
		return;
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return;
	if (wardfs_data_ready(inode))
		goto exit;
	wardfs_io_lock(inode);
	n = ward_layout_blocks(d->lower_size);
	if (!(d->flags & WARD_FILE_SPARSE) || d->lower_size != i_size_read(inode) ||
	    vfs_llseek(d->lower_file, 0, SEEK_HOLE) < (loff_t)(n * WARD_BLOCK_SIZE))
		goto up;
	while (k < n) {
		DECLARE_BITMAP(holes, WARDFS_RUN_BLOCKS);
		unsigned int count;

		if (wardfs_find_blocks(inode, k, n, WARDFS_FIND_HOLES, holes, &count) ||
		    !bitmap_empty(holes, WARDFS_RUN_BLOCKS))
			goto up;
		k += count;
		cond_resched();
	}
	d->flags &= ~WARD_FILE_SPARSE;
	d->header_dirty = true;
	wardfs_store_blocks(inode, 0, 0, d->lower_size);
up:
	wardfs_io_unlock(inode);
exit:
	wardfs_exit(inode->i_sb, idx);
}

/**
 * wardfs_data_write_out - bring everything of a file below
 * @inode: upper regular file
 *
 * To the lower file system, not to stable storage: that is fsync.
 *
 * Return: 0 or the first error.
 */
int wardfs_data_write_out(struct inode *inode)
{
	int err = filemap_write_and_wait(inode->i_mapping);
	int err2 = wardfs_data_flush(inode);

	return err ? err : err2;
}
