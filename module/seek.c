// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEEK_DATA and SEEK_HOLE: the holes of a sparse file are those of the lower file, in
 * whole blocks. Everything else is data, also zeros that were written as such.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include "wardfs.h"

/* First and last block of a file are never holes (rule W1). */
static loff_t find_data(struct inode *inode, loff_t pos, u64 n)
{
	u64 k = ward_layout_block(pos);
	loff_t data;

	if (!k || k + 1 >= n)
		return pos;
	data = vfs_llseek(WARDFS_I(inode)->data.lower_file, k * WARD_BLOCK_SIZE, SEEK_DATA);
	if (data == -ENXIO)
		k = n - 1;
	else if (data > 0)
		k = min_t(u64, data / WARD_BLOCK_SIZE, n - 1);
	return max_t(loff_t, pos, ward_layout_base(k));
}

static loff_t find_hole(struct inode *inode, loff_t pos, u64 n, loff_t size)
{
	struct file *lower = WARDFS_I(inode)->data.lower_file;
	u64 k = max_t(u64, ward_layout_block(pos), 1);

	while (k + 1 < n && !fatal_signal_pending(current)) {
		loff_t hole = vfs_llseek(lower, k * WARD_BLOCK_SIZE, SEEK_HOLE), data;

		if (hole < 0)
			break;
		k = DIV_ROUND_UP(hole, WARD_BLOCK_SIZE);
		if (k + 1 >= n)
			break;
		data = vfs_llseek(lower, k * WARD_BLOCK_SIZE, SEEK_DATA);
		if (data == -ENXIO || data >= (loff_t)((k + 1) * WARD_BLOCK_SIZE))
			return max_t(loff_t, pos, ward_layout_base(k));
		if (data < 0)
			break;
		/* It begins in the middle of a block, or was filled just now. */
		k++;
		cond_resched();
	}
	return size;
}

/**
 * wardfs_seek - the next data, or the next hole
 * @inode: upper regular file that somebody has open
 * @offset: upper offset, bytes
 * @hole: look for a hole
 *
 * Dirty pages go below first; where they cannot, the whole file counts as data.
 * Context: may sleep; takes i_rwsem.
 *
 * Return: an upper offset, or -ENXIO past the end.
 */
loff_t wardfs_seek(struct inode *inode, loff_t offset, bool hole)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	loff_t size;
	bool known;

	inode_lock_shared(inode);
	size = i_size_read(inode);
	if (offset < 0 || offset >= size) {
		offset = -ENXIO;
		goto unlock;
	}
	known = READ_ONCE(d->flags) & WARD_FILE_SPARSE &&
		!filemap_write_and_wait(inode->i_mapping) && READ_ONCE(d->lower_size) == size;
	if (!known)
		offset = hole ? size : offset;
	else if (hole)
		offset = find_hole(inode, offset, ward_layout_blocks(size), size);
	else
		offset = find_data(inode, offset, ward_layout_blocks(size));
unlock:
	inode_unlock_shared(inode);
	return offset;
}
