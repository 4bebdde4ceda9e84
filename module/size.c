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
 * wardfs_ctime_restore - let the lower ctime be what it was
 * @inode: upper regular file
 * @before: what it was
 *
 * After a change below that is none above. Context: tries to take the lower i_rwsem, and
 * leaves it at that when somebody has it: a page fault must not wait for that. The lower
 * file system may be written to.
 */
void wardfs_ctime_restore(struct inode *inode, struct timespec64 *before)
{
	struct inode *lower = wardfs_lower_inode(inode);

	if (!inode_trylock(lower))
		return;
	compat_set_times(lower, NULL, NULL, before);
	inode_unlock(lower);
}

/**
 * struct change - of attributes below
 * @attr: the change
 * @ctime: what ctime becomes if it is later than what it was; or NULL
 */
struct change {
	struct iattr attr;
	const struct timespec64 *ctime;
};

/*
 * With the mounter's credentials. It moves ctime there, but nothing has happened that a
 * user did now: ctime stays what it is above. And tmpfs, where a length changes, moves
 * mtime as well, whatever it was to become.
 */
static int change_below(struct inode *inode, void *arg)
{
	struct change *c = arg;
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct dentry *lower = wardfs_lower_dentry(inode);
	struct iattr attr = c->attr;
	const struct cred *saved;
	struct timespec64 was;
	int err;

	saved = override_creds(sbi->cred);
	inode_lock(d_inode(lower));
	was = inode_get_ctime(d_inode(lower));
	if (c->ctime && timespec64_compare(c->ctime, &was) > 0)
		was = *c->ctime;
	err = notify_change(wardfs_mnt_idmap(sbi->lower_mnt), lower, &attr, NULL);
	if (!err)
		compat_set_times(d_inode(lower), NULL,
				 attr.ia_valid & ATTR_MTIME_SET ? &attr.ia_mtime : NULL, &was);
	inode_unlock(d_inode(lower));
	revert_creds(saved);
	return err;
}

static int lower_attr(struct inode *inode, const struct iattr *attr,
		      const struct timespec64 *ctime)
{
	struct change c = { .attr = *attr, .ctime = ctime };
	int err, again;

	if (sb_rdonly(wardfs_lower_dentry(inode)->d_sb))
		return -EROFS;
	err = change_below(inode, &c);
	if (!err)
		return 0;
	again = wardfs_io_again(inode, change_below, &c);
	return again == -ECANCELED ? err : again;
}

/*
 * Times alone, as the lower file system moves them itself: an attribute that was set
 * would cost the next fdatasync() a flush more on XFS.
 */
static int lower_times(struct inode *inode, struct iattr *attr, const struct timespec64 *ctime)
{
	struct inode *lower = wardfs_lower_inode(inode);
	struct timespec64 c;
	int err;

	if (sb_rdonly(lower->i_sb))
		return -EROFS;
	inode_lock(lower);
	c = inode_get_ctime(lower);
	if (timespec64_compare(ctime, &c) > 0)
		c = *ctime;
	err = compat_set_times(lower, &attr->ia_atime, &attr->ia_mtime, &c);
	inode_unlock(lower);
	return err == -EOPNOTSUPP ? lower_attr(inode, attr, ctime) : err;
}

/* The lower mtime becomes the upper one in the same step. */
static int lower_size(struct inode *inode, u64 length)
{
	struct iattr attr = {
		.ia_valid = ATTR_SIZE | ATTR_MTIME | ATTR_MTIME_SET,
		.ia_size = length,
		.ia_mtime = inode_get_mtime(inode),
	};
	int err = lower_attr(inode, &attr, NULL);

	if (err)
		wardfs_unsettled(inode);
	return err;
}

/**
 * wardfs_lower_length - set the lower length
 * @inode: upper regular file
 * @length: bytes
 *
 * A shorter length goes through whole blocks: of a block that is only cut short
 * the beginning would stay, and be taken for a block that does not authenticate
 * once the file has grown past it (rule W4). Context: wardfs_data.io held for
 * writing.
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
		err = lower_size(inode, whole);
	return err ?: lower_size(inode, length);
}

static bool block_zero(struct inode *inode, u64 k)
{
	struct wardfs_run *run = wardfs_run_alloc(inode, k, 1, WARDFS_RUN_STORE);
	bool zero = !wardfs_run_load(run) &&
		    ward_bytes_zero(page_address(run->pages[0]), WARD_BLOCK_SIZE);

	wardfs_run_free(run);
	return zero;
}

/**
 * wardfs_lower_cut - let nothing be left after a row of blocks
 * @inode: upper regular file, lower file open
 * @blocks: how many blocks stay, at least one
 *
 * A crash can leave the beginning of a block behind the last one. What is zeros, as it
 * should be, stays: a cut gives back what fallocate() reserved behind the end.
 * Context: wardfs_data.io held for writing.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_lower_cut(struct inode *inode, u64 blocks)
{
	u64 length = blocks * WARD_BLOCK_SIZE;
	u64 now = i_size_read(wardfs_lower_inode(inode));

	if (now <= length || (now - length < WARD_BLOCK_SIZE && block_zero(inode, blocks)))
		return 0;
	wardfs_unreserve(inode);
	return lower_size(inode, length);
}

/*
 * Length and times in one step, where the length grows. Times stay dirty until they
 * are below, so that nobody takes the older ones from there.
 */
static int flush_attr(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct inode *lower = wardfs_lower_inode(inode);
	struct timespec64 atime, mtime, ctime, now;
	struct iattr attr = {};
	int err;

	/* What came odd from below stays as it is, to be seen. */
	if (d->made && !d->bad_length && d->lower_size == i_size_read(inode)) {
		attr.ia_size = ward_layout_length(d->lower_size);
		if (i_size_read(lower) > attr.ia_size)
			err = wardfs_lower_length(inode, attr.ia_size);
		else
			err = 0;
		if (err)
			return err;
		if (i_size_read(lower) < attr.ia_size)
			attr.ia_valid |= ATTR_SIZE | ATTR_MTIME | ATTR_MTIME_SET;
	}
	if (READ_ONCE(d->times_dirty))
		attr.ia_valid |= ATTR_MTIME | ATTR_MTIME_SET | ATTR_ATIME | ATTR_ATIME_SET;
	if (!attr.ia_valid)
		return 0;
	spin_lock(&inode->i_lock);
	attr.ia_atime = inode_get_atime(inode);
	attr.ia_mtime = inode_get_mtime(inode);
	ctime = inode_get_ctime(inode);
	spin_unlock(&inode->i_lock);
	if (!(attr.ia_valid & ATTR_SIZE))
		err = lower_times(inode, &attr, &ctime);
	else
		err = lower_attr(inode, &attr, READ_ONCE(d->times_dirty) ? &ctime : NULL);
	if (err) {
		if (attr.ia_valid & ATTR_SIZE)
			wardfs_unsettled(inode);
		return err;
	}
	if (!(attr.ia_valid & ATTR_ATIME))
		return 0;
	spin_lock(&inode->i_lock);
	mtime = inode_get_mtime(inode);
	atime = inode_get_atime(inode);
	now = inode_get_ctime(inode);
	if (timespec64_equal(&mtime, &attr.ia_mtime) && timespec64_equal(&now, &ctime) &&
	    timespec64_equal(&atime, &attr.ia_atime))
		WRITE_ONCE(d->times_dirty, false);
	spin_unlock(&inode->i_lock);
	return 0;
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
	/* With the times, which whoever closes the file would bring in a step of their own. */
	if (ward_layout_blocks(size) != blocks)
		return d->bad_length ? wardfs_lower_length(inode, ward_layout_length(size)) :
				       flush_attr(inode);
	if (i_size_read(wardfs_lower_inode(inode)) != ward_layout_length(size))
		mark_inode_dirty_sync(inode);
	return 0;
}

/* Only the header, out of a run's first page. */
static int write_header(struct inode *inode, void *arg)
{
	struct file *lower = WARDFS_I(inode)->data.lower_file;
	const struct cred *saved = wardfs_io_begin(inode);
	struct wardfs_run *run = arg;
	struct bio_vec vec = { .bv_page = run->pages[0], .bv_len = WARD_HEADER_SIZE };
	struct iov_iter iter;
	ssize_t n;

	iov_iter_bvec(&iter, WRITE, &vec, 1, vec.bv_len);
	n = wardfs_lower_write(inode, lower, &iter, 0, wardfs_store_direct(lower, 1));
	revert_creds(saved);
	if (n == WARD_HEADER_SIZE)
		return 0;
	return n < 0 ? n : -ENOSPC;
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
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct wardfs_run *run;
	u32 flags = d->flags;
	int err, again;

	if (!d->lower_file || d->lower_rdonly)
		return -EROFS;
	d->flags = WARD_FILE_EMPTY;
	d->sparse_synced = false;
	err = wardfs_header_seal(inode);
	if (err)
		goto undo;
	run = wardfs_run_alloc(inode, 0, 1, WARDFS_RUN_STORE);
	memcpy(page_address(run->pages[0]), d->header, WARD_HEADER_SIZE);
	err = write_header(inode, run);
	if (err) {
		again = wardfs_io_again(inode, write_header, run);
		err = again == -ECANCELED ? err : again;
	}
	wardfs_run_free(run);
	if (err) {
		wardfs_unsettled(inode);
		goto undo;
	}
	err = wardfs_lower_length(inode, WARD_HEADER_SIZE);
	if (err)
		goto undo;
	d->lower_size = 0;
	d->made = true;
	d->header_dirty = false;
	return 0;
undo:
	/* The file is what it was, and its header has to say so again. */
	d->flags = flags;
	d->header_dirty = true;
	return err;
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

/*
 * Below first: what is cut off stays in the page cache until the lower file has its
 * new end, so a failure loses nothing that is cached. The size is set before anybody
 * else has the blocks: a write-back that waits for them leaves the rest alone.
 */
static int shrink_below(struct inode *inode, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 size = *(loff_t *)arg;
	u64 n = ward_layout_blocks(size);
	int err = 0;

	if (!size) {
		err = wardfs_store_empty(inode);
	} else if (size < d->lower_size) {
		err = wardfs_store_blocks(inode, n - 1, n - 1, size);
		/*
		 * A length of whole blocks, which the lower file has on its way,
		 * says nothing of a sparse file: its new end has to be there.
		 */
		if (!err && d->flags & WARD_FILE_SPARSE)
			err = wardfs_lower_sync(inode, (n - 1) * WARD_BLOCK_SIZE,
						n * WARD_BLOCK_SIZE - 1, 1);
		if (!err)
			err = wardfs_lower_length(inode, ward_layout_length(size));
		if (!err)
			d->lower_size = size;
	}
	if (!err)
		i_size_write(inode, size);
	return err;
}

static int shrink(struct inode *inode, loff_t size)
{
	int err;

	wardfs_unreserve(inode);
	err = wardfs_io_call(inode, shrink_below, &size);
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

static int extend_below(struct inode *inode, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 size = *(loff_t *)arg;
	u64 old = ward_layout_blocks(d->lower_size), n = ward_layout_blocks(size);
	int err;

	if (!(d->flags & WARD_FILE_SPARSE)) {
		d->flags |= WARD_FILE_SPARSE;
		d->header_dirty = true;
	}
	err = wardfs_store_blocks(inode, 0, 0, size);
	if (err)
		return err;
	/* What comes after the last block until now is to be a hole. */
	if (old)
		err = wardfs_lower_cut(inode, old);
	if (!err && old > 1)
		err = wardfs_store_blocks(inode, old - 1, old - 1, size);
	if (!err)
		err = wardfs_store_blocks(inode, n - 1, n - 1, size);
	if (!err) {
		i_size_write(inode, size);
		err = wardfs_stored(inode, size);
	}
	/* Some block says already that the file is longer. */
	if (err)
		wardfs_unsettled(inode);
	return err;
}

/* A gap too long to be written: the file becomes sparse. */
static int extend_sparse(struct inode *inode, loff_t size)
{
	/* So that the blocks below state the size that there is now. */
	int err = filemap_write_and_wait(inode->i_mapping);

	return err ?: wardfs_io_call(inode, extend_below, &size);
}

/**
 * wardfs_data_grow - make a file longer, by zeros
 * @inode: upper regular file, lower file open and key loaded
 * @size: new size, bytes, checked against the limits
 *
 * Context: i_rwsem held for writing, and invalidate_lock; inside a section.
 *
 * Return: as wardfs_data_truncate().
 */
int wardfs_data_grow(struct inode *inode, loff_t size)
{
	loff_t old = i_size_read(inode);

	zero_tail(inode, old);
	return size - old <= GAP_MAX ? wardfs_zero_fill(inode, old, size) :
				       extend_sparse(inode, size);
}

/**
 * wardfs_data_truncate - change a file's size, either way
 * @inode: upper regular file
 * @size: new size, bytes, checked against the limits
 *
 * Context: i_rwsem held for writing.
 *
 * Return: 0; -ENOKEY when locked; -EIO when a block that is needed does not
 * authenticate; the lower's error. A failure loses nothing, unless the lower file
 * system takes the new last block and not the new length.
 */
int wardfs_data_truncate(struct inode *inode, loff_t size)
{
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
	wardfs_io_writer(inode);
	filemap_invalidate_lock(inode->i_mapping);
	if (size < old)
		err = shrink(inode, size);
	else if (size > old)
		err = wardfs_data_grow(inode, size);
	filemap_invalidate_unlock(inode->i_mapping);
	/* Also when it is the size that the file has: so does ext4. */
	if (!err) {
		now = current_time(inode);
		wardfs_set_times(inode, NULL, &now, &now);
	}
	wardfs_data_put(inode);
exit:
	wardfs_exit(inode->i_sb, idx);
	return err;
}

/* A header that is not below, or not as it is now. */
static int flush_header(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	int idx, err = 0;

	if (d->made && !d->header_dirty)
		return 0;
	idx = wardfs_enter_writeout(inode->i_sb);
	if (idx < 0)
		return idx;
	/* Data that is still dirty brings the header along. */
	if (!d->lower_size && !i_size_read(inode))
		err = wardfs_store_empty(inode);
	else if (d->lower_size)
		err = wardfs_store_blocks(inode, 0, 0, d->lower_size);
	wardfs_exit(inode->i_sb, idx);
	return err;
}

/* Asked without the lock: what changes meanwhile is brought below by who changes it. */
static bool flushed(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 size = READ_ONCE(d->lower_size);

	return READ_ONCE(d->made) && !READ_ONCE(d->header_dirty) && !READ_ONCE(d->times_dirty) &&
	       (d->bad_length || size != i_size_read(inode) ||
		i_size_read(wardfs_lower_inode(inode)) == ward_layout_length(size));
}

static int flush(struct inode *inode, void *arg)
{
	return flush_header(inode) ?: flush_attr(inode);
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

	if (sb_rdonly(inode->i_sb) || !d->settled || flushed(inode))
		return 0;
	return wardfs_io_here(inode, flush, NULL);
}

static int fill_up(struct inode *inode, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 k = 0, n = ward_layout_blocks(d->lower_size);
	int err;

	if (!(d->flags & WARD_FILE_SPARSE) || d->lower_size != i_size_read(inode) ||
	    vfs_llseek(d->lower_file, 0, SEEK_HOLE) < (loff_t)(n * WARD_BLOCK_SIZE))
		return 0;
	while (k < n) {
		DECLARE_BITMAP(holes, WARDFS_RUN_BLOCKS);
		unsigned int count;

		if (wardfs_find_blocks(inode, k, n, WARDFS_FIND_HOLES, holes, &count) ||
		    !bitmap_empty(holes, WARDFS_RUN_BLOCKS))
			return 0;
		k += count;
		cond_resched();
	}
	/* No hole after a crash either: its blocks are there before the flag goes. */
	err = wardfs_lower_sync(inode, 0, n * WARD_BLOCK_SIZE - 1, 1);
	if (err)
		return err;
	d->flags &= ~WARD_FILE_SPARSE;
	d->sparse_synced = false;
	d->header_dirty = true;
	return wardfs_store_blocks(inode, 0, 0, d->lower_size);
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
	int idx;

	if (!(READ_ONCE(d->flags) & WARD_FILE_SPARSE) || d->lower_rdonly)
		return;
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return;
	if (!wardfs_data_ready(inode))
		wardfs_io_call(inode, fill_up, NULL);
	wardfs_exit(inode->i_sb, idx);
}

/**
 * wardfs_lower_sync - have a lower file on stable storage
 * @inode: upper regular file, lower file open
 * @from: lower offset, bytes
 * @to: lower offset of the last byte
 * @datasync: as for fsync(2)
 *
 * The lower reports an error of its own write-back to one caller only, so it is
 * kept for all who have the file open; and what it lost looks like what a crash
 * leaves.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_lower_sync(struct inode *inode, loff_t from, loff_t to, int datasync)
{
	int err = vfs_fsync_range(WARDFS_I(inode)->data.lower_file, from, to, datasync);

	if (err) {
		mapping_set_error(inode->i_mapping, err);
		wardfs_unsettled(inode);
	}
	return err;
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
