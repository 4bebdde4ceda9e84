// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settling a file after an unclean end: rule R2 of docs/format.md. Until the
 * vault is checked, every file is asked where it ends when its inode is made;
 * what a crash can have left is put right, and reported as "crash or cut".
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include "wardfs.h"
#include "block.h"

/* The epoch that a unit was written in, out of its nonce. */
static u32 unit_epoch(const struct ward_unit_header *u)
{
	return u->nonce[0] << 16 | u->nonce[1] << 8 | u->nonce[2];
}

/**
 * struct ending - what lies at the end of a file
 * @size: upper size, bytes, by rule R2
 * @state: of the last block: enum wardfs_block_state
 * @epoch: it was written in
 */
struct ending {
	u64 size;
	int state;
	u32 epoch;
};

/* Look at one block; @size only matters for GOOD or ODD. */
static int look(struct inode *inode, u64 k, u64 size, struct ending *e, u32 *length)
{
	struct wardfs_run *run = wardfs_run_alloc(inode, k, 1, WARDFS_RUN_WAIT);
	int err;

	run->size = size;
	err = wardfs_run_load(run);
	if (!err) {
		*length = le16_to_cpu(wardfs_run_unit(run, 0)->length);
		e->epoch = unit_epoch(wardfs_run_unit(run, 0));
		wardfs_run_open(run, 0);
		e->state = run->state[0];
	}
	wardfs_run_free(run);
	return err;
}

/* Go down from block @k to the last one that exists; -1: none does. */
static int find_existing(struct inode *inode, s64 k, s64 *found)
{
	*found = -1;
	while (k >= 0) {
		s64 first = max_t(s64, 0, k - WARDFS_RUN_BLOCKS + 1);
		struct wardfs_run *run = wardfs_run_alloc(inode, first, k - first + 1,
							  WARDFS_RUN_WAIT);
		int i, err;

		/* Short of memory: what there is of the run, from its end. */
		run->first = k - run->count + 1;
		run->size = 0;
		err = wardfs_run_load(run);
		for (i = run->count - 1; !err && i >= 0 && *found < 0; i--)
			if (!ward_bytes_zero(wardfs_run_unit(run, i), WARD_UNIT_HEADER_SIZE +
					     ward_layout_cap(run->first + i)))
				*found = run->first + i;
		k = run->first - 1;
		wardfs_run_free(run);
		if (err || *found >= 0)
			return err;
	}
	return 0;
}

/* Rule R2: where does the file end? */
static int find_end(struct inode *inode, u64 lower, struct ending *e)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct ward_extent x = ward_layout_split(lower);
	s64 k = x.blocks - 1;
	u32 length = 0;
	int err;

	e->size = 0;
	e->state = WARDFS_BLOCK_GOOD;
	e->epoch = 0;
	if (!x.blocks)
		return 0;
	/* Without a tail, or with one that cannot be, only a full last block is as it should be. */
	if (x.tail && x.tail <= ward_layout_cap(k))
		length = x.tail;
	else
		length = ward_layout_cap(k);
	err = look(inode, k, ward_layout_base(k) + length, e, &length);
	if (err)
		return err;
	if (e->state == WARDFS_BLOCK_HOLE && d->flags & WARD_FILE_SPARSE && x.tail) {
		e->size = ward_layout_base(k) + min_t(u32, x.tail, ward_layout_cap(k));
		return 0;
	}
	if (e->state == WARDFS_BLOCK_HOLE) {
		err = find_existing(inode, k - 1, &k);
		if (err)
			return err;
		if (k < 0) {
			e->state = WARDFS_BLOCK_ODD;	/* blocks were promised, none came */
			return 0;
		}
		err = look(inode, k, 0, e, &length);
		if (err)
			return err;
		if (e->state == WARDFS_BLOCK_GOOD)
			e->state = WARDFS_BLOCK_ODD;
	}
	/* One that does not authenticate gives no length: the lower one counts. */
	if (e->state == WARDFS_BLOCK_BAD)
		length = x.tail && x.tail <= ward_layout_cap(k) ? x.tail : ward_layout_cap(k);
	e->size = ward_layout_base(k) + length;
	return 0;
}

/* Short or marked last, and not the last: from before growth that did not get there. */
static bool outgrown(struct wardfs_run *run, unsigned int i, u64 n)
{
	const struct ward_unit_header *u = wardfs_run_unit(run, i);
	u64 k = run->first + i;

	if (k + 1 >= n || (!u->flags && le16_to_cpu(u->length) == ward_layout_cap(k)))
		return false;
	run->size = ward_layout_base(n - 1) + 1;
	wardfs_run_open(run, i);
	return run->state[i] == WARDFS_BLOCK_ODD;
}

/**
 * wardfs_find_blocks - which of a file's blocks are zeros below, or outgrown
 * @inode: upper regular file with its key loaded
 * @first: first block to look at
 * @n: end of the blocks to look at; blocks of the file for WARDFS_FIND_OUTGROWN
 * @what: WARDFS_FIND_*
 * @found: bitmap of WARDFS_RUN_BLOCKS out, bit 0 for @first
 * @count: out: how many were looked at, at least one
 *
 * Context: wardfs_data.io held, inside a section.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_find_blocks(struct inode *inode, u64 first, u64 n, unsigned int what,
		       unsigned long *found, unsigned int *count)
{
	struct wardfs_run *run = wardfs_run_alloc(inode, first, min_t(u64, n - first,
								      WARDFS_RUN_BLOCKS),
						  WARDFS_RUN_WAIT);
	unsigned int i;
	int err;

	bitmap_zero(found, WARDFS_RUN_BLOCKS);
	err = wardfs_run_load(run);
	*count = run->count;
	for (i = 0; !err && i < run->count; i++) {
		bool hole = ward_bytes_zero(wardfs_run_unit(run, i),
					    WARD_UNIT_HEADER_SIZE + ward_layout_cap(first + i));

		if (hole ? what & WARDFS_FIND_HOLES :
			   what & WARDFS_FIND_OUTGROWN && outgrown(run, i, n))
			__set_bit(i, found);
	}
	wardfs_run_free(run);
	return err;
}

/*
 * Write the blocks in the middle that growth left behind: zeros where one never
 * came (in a sparse file they are holes), and full the ones that are still short.
 */
static int fill_holes(struct inode *inode, u64 size, bool *found)
{
	unsigned int what = WARDFS_FIND_OUTGROWN;
	u64 n = ward_layout_blocks(size), k = 0;
	int err = 0;

	if (!(WARDFS_I(inode)->data.flags & WARD_FILE_SPARSE))
		what |= WARDFS_FIND_HOLES;
	while (!err && k < n) {
		DECLARE_BITMAP(holes, WARDFS_RUN_BLOCKS);
		unsigned int i, count;

		err = wardfs_find_blocks(inode, k, n, what, holes, &count);
		for_each_set_bit(i, holes, count) {
			if (err)
				break;
			*found = true;
			err = wardfs_store_blocks(inode, k + i, k + i, size);
		}
		k += count;
		cond_resched();
	}
	return err;
}

/* Bring the file into the form that rule R1 asks for. */
static int settle(struct inode *inode, struct ending *e, bool *odd)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 n = ward_layout_blocks(e->size);
	int err = 0;

	wardfs_io_lock(inode);
	if (!n) {
		if (*odd)
			err = wardfs_store_empty(inode);
		goto up;
	}
	if (d->flags & WARD_FILE_EMPTY) {
		*odd = true;
		err = wardfs_store_blocks(inode, 0, 0, e->size);
	}
	/*
	 * Blocks in the middle are missing only where the file grew, and growth
	 * writes the last block: an old one vouches for those before it.
	 */
	if (!err && (*odd || e->epoch >= sbi->unchecked_from))
		err = fill_holes(inode, e->size, odd);
	if (!err && e->state != WARDFS_BLOCK_GOOD)
		err = wardfs_store_blocks(inode, n - 1, n - 1, e->size);
	if (!err && *odd)
		err = wardfs_lower_cut(inode, n);
	if (!err && *odd)
		err = wardfs_lower_length(inode, ward_layout_length(e->size));
up:
	wardfs_io_unlock(inode);
	return err;
}

/**
 * wardfs_settle - find a file's size, and settle it, in an unchecked vault
 * @inode: new upper regular file
 *
 * Sets i_size. A file that cannot be settled (a block that does not authenticate,
 * a full disk) is left as it is, and usable as far as it authenticates.
 * Context: inside a section; nobody else sees the inode.
 *
 * Return: 0, or an error that keeps the inode from being made: -ENOMEM.
 */
int wardfs_settle(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 lower = i_size_read(wardfs_lower_inode(inode));
	struct wardfs_report report = {
		.kind = WARD_KIND_MOUNT,
		.action = WARD_ACTION_SETTLE,
		.reason = WARD_REASON_INTEGRITY,
		.inode = inode,
		.block = WARDFS_NO_BLOCK,
		.detail = "crash or cut",
	};
	struct ending e = {};
	bool odd = false;
	int err;

	d->lenient = true;
	err = wardfs_data_get(inode);
	if (err == -ENODATA) {
		/* No header: empty. A new one is made, with a new key. */
		d->lower_size = 0;
		i_size_write(inode, 0);
		odd = true;
		if (sb_rdonly(inode->i_sb))
			goto report;
		err = wardfs_data_new(inode);
		if (err)
			return err;
		d->bad_length = false;
		wardfs_io_lock(inode);
		err = wardfs_store_empty(inode);
		wardfs_io_unlock(inode);
		goto report;
	}
	if (err) {
		/* Reported; the name stays, opening it says EIO. */
		d->settled = true;
		return err == -ENOMEM ? err : 0;
	}
	err = find_end(inode, lower, &e);
	if (err)
		goto put;
	odd = e.state == WARDFS_BLOCK_ODD || lower != ward_layout_length(e.size) ||
	      (e.state == WARDFS_BLOCK_HOLE && e.size) ||
	      !(d->flags & WARD_FILE_EMPTY) != !!e.size;
	d->lower_size = e.size;
	i_size_write(inode, e.size);
	if (e.state == WARDFS_BLOCK_BAD) {
		wardfs_report_tamper(inode, NULL, ward_layout_blocks(e.size) - 1,
				     "last block is torn or tampered with");
		goto put;
	}
	d->bad_length = false;
	if (!sb_rdonly(inode->i_sb) && !d->lower_rdonly) {
		err = settle(inode, &e, &odd);
		/* What is not as it should be from now on was made so by nobody's crash. */
		WRITE_ONCE(d->lenient, err != 0);
	}
put:
	d->settled = true;
	wardfs_data_put(inode);
report:
	d->settled = true;
	if (odd) {
		atomic64_inc(&sbi->settled);
		wardfs_report(sbi, &report);
	}
	if (err)
		wardfs_msg(inode->i_sb, "inode %lu could not be settled (error %d)", inode->i_ino,
			   err);
	return 0;
}
