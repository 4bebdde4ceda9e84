// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settling a file after an unclean end: rule R2 of docs/format.md. Until the
 * vault is checked, every file is asked where it ends when its inode is made;
 * what a crash can have left is put right, and reported as "crash or cut".
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/sched/signal.h>
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
		if (e->state == WARDFS_BLOCK_FAILED)
			err = -EIO;
	}
	wardfs_run_free(run);
	return err;
}

/* The last block that the lower file system has data for, before block @end; -1: none. */
static s64 last_stored(struct inode *inode, s64 end)
{
	struct file *file = WARDFS_I(inode)->data.lower_file;
	loff_t data, hole = 0;
	s64 last = -1;

	while (hole < end * WARD_BLOCK_SIZE && !fatal_signal_pending(current)) {
		data = vfs_llseek(file, hole, SEEK_DATA);
		if (data < 0 || data >= end * WARD_BLOCK_SIZE)
			break;
		hole = vfs_llseek(file, data, SEEK_HOLE);
		if (hole <= data)
			return end - 1;		/* it does not know */
		last = min_t(s64, end, DIV_ROUND_UP(hole, WARD_BLOCK_SIZE)) - 1;
	}
	return last;
}

/*
 * Go down from block @k to the last one that exists; -1: none does. A length can be
 * far from all data, so holes are not read.
 */
static int find_existing(struct inode *inode, s64 k, s64 *found)
{
	*found = -1;
	k = last_stored(inode, k + 1);
	while (k >= 0) {
		s64 first = max_t(s64, 0, k - WARDFS_RUN_BLOCKS + 1);
		struct wardfs_run *run = wardfs_run_alloc(inode, first, k - first + 1,
							  WARDFS_RUN_WAIT);
		unsigned int zeros = 0;
		int i, err;

		/* Short of memory: what there is of the run, from its end. */
		run->first = k - run->count + 1;
		run->size = 0;
		err = wardfs_run_load(run);
		for (i = run->count - 1; !err && i >= 0 && *found < 0; i--)
			if (!ward_bytes_zero(wardfs_run_unit(run, i), WARD_UNIT_HEADER_SIZE +
					     ward_layout_cap(run->first + i)))
				*found = run->first + i;
			else
				zeros++;
		k = run->first - 1;
		wardfs_run_free(run);
		if (err || *found >= 0)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		if (zeros == WARDFS_RUN_BLOCKS)
			k = last_stored(inode, k + 1);
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
						  WARDFS_RUN_STORE);
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
static int fill_holes(struct inode *inode, u64 size, unsigned int what, bool *found)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 n = ward_layout_blocks(size), k = 0;
	int err = 0;

	if (d->flags & WARD_FILE_SPARSE)
		what &= ~WARDFS_FIND_HOLES;
	while (!err && k < n) {
		DECLARE_BITMAP(holes, WARDFS_RUN_BLOCKS);
		unsigned int i, count;
		loff_t data;

		if (!(what & WARDFS_FIND_HOLES)) {
			/* Holes stay, however long they are. */
			data = vfs_llseek(d->lower_file, k * WARD_BLOCK_SIZE, SEEK_DATA);
			if (data == -ENXIO)
				break;
			if (data > 0)
				k = max_t(u64, k, data / WARD_BLOCK_SIZE);
			if (k >= n)
				break;
		}
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

/**
 * struct settling - what settle() is to do, and what it found
 * @e: the file's end
 * @odd: something deviates from rule R1
 */
struct settling {
	struct ending e;
	bool odd;
};

/* Bring the file into the form that rule R1 asks for. */
static int settle(struct inode *inode, void *arg)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct settling *s = arg;
	u64 n = ward_layout_blocks(s->e.size);
	int err = 0;

	if (!n)
		return s->odd ? wardfs_store_empty(inode) : 0;
	if (d->flags & WARD_FILE_EMPTY) {
		s->odd = true;
		err = wardfs_store_blocks(inode, 0, 0, s->e.size);
	}
	/*
	 * Blocks in the middle are missing only where the file grew, and growth
	 * writes the last block: an old one vouches for those before it. Not for
	 * their form: a cut may have been begun. That waits for the check.
	 */
	if (!err && (s->odd || s->e.epoch >= sbi->unchecked_from))
		err = fill_holes(inode, s->e.size, WARDFS_FIND_HOLES | WARDFS_FIND_OUTGROWN,
				 &s->odd);
	else
		WRITE_ONCE(d->unscanned, n > 1);
	if (!err && s->e.state != WARDFS_BLOCK_GOOD)
		err = wardfs_store_blocks(inode, n - 1, n - 1, s->e.size);
	if (!err && s->odd)
		err = wardfs_lower_cut(inode, n);
	if (!err && s->odd)
		err = wardfs_lower_length(inode, ward_layout_length(s->e.size));
	return err;
}

static int fill_outgrown(struct inode *inode, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	bool found;
	int err = fill_holes(inode, d->lower_size, WARDFS_FIND_OUTGROWN, &found);

	if (!err)
		WRITE_ONCE(d->unscanned, false);
	return err;
}

/**
 * wardfs_report_settled - tell that what a crash had left was settled
 * @inode: upper inode
 *
 * Context: does not sleep.
 */
void wardfs_report_settled(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_report report = {
		.kind = WARD_KIND_MOUNT,
		.action = WARD_ACTION_SETTLE,
		.reason = WARD_REASON_INTEGRITY,
		.inode = inode,
		.block = WARDFS_NO_BLOCK,
		.detail = "crash or cut",
	};

	atomic64_inc(&sbi->settled);
	wardfs_report(sbi, &report);
}

/**
 * wardfs_settle_middle - settle blocks in the middle that were found outgrown
 * @inode: upper regular file, written out, lower file open and key loaded
 *
 * Context: inside a section.
 *
 * Return: 0, or why it could not be done.
 */
int wardfs_settle_middle(struct inode *inode)
{
	int err;

	if (sb_rdonly(inode->i_sb) || WARDFS_I(inode)->data.lower_rdonly)
		return -EROFS;
	err = wardfs_io_call(inode, fill_outgrown, NULL);
	if (!err)
		wardfs_report_settled(inode);
	return err;
}

static int store_empty(struct inode *inode, void *arg)
{
	return wardfs_store_empty(inode);
}

static int resettle(struct inode *inode, void *arg)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 size = d->lower_size, n = ward_layout_blocks(size);
	bool found;
	int err;

	if (!n)
		return wardfs_store_empty(inode);
	err = fill_holes(inode, size, WARDFS_FIND_HOLES | WARDFS_FIND_OUTGROWN, &found);
	if (!err)
		err = wardfs_store_blocks(inode, n - 1, n - 1, size);
	if (!err)
		err = wardfs_lower_cut(inode, n);
	if (!err)
		err = wardfs_lower_length(inode, ward_layout_length(size));
	if (!err)
		WRITE_ONCE(d->lenient, false);
	return err;
}

/**
 * wardfs_resettle - settle a file that is in use
 * @inode: upper regular file, written out, lower file open and key loaded
 *
 * For one that could not be settled, or of which a write below has failed since:
 * as long as it counts as such, nothing is taken for tampering. Context: inside a
 * section.
 *
 * Return: 0, also when there is nothing to do; or why it could not be done.
 */
int wardfs_resettle(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;

	if (!READ_ONCE(d->lenient))
		return 0;
	if (sb_rdonly(inode->i_sb) || d->lower_rdonly)
		return -EROFS;
	return wardfs_io_call(inode, resettle, NULL);
}

/**
 * wardfs_unsettled - something below went wrong half-way
 * @inode: upper regular file
 *
 * What that leaves looks like what a crash leaves, and rule R2 holds for the file
 * until it is settled. Context: may sleep.
 */
void wardfs_unsettled(struct inode *inode)
{
	WRITE_ONCE(WARDFS_I(inode)->data.lenient, true);
	wardfs_epoch_doubt(inode->i_sb);
}

/**
 * wardfs_settle - find a file's size, and settle it, in an unchecked vault
 * @inode: new upper regular file
 *
 * Sets i_size. A file that cannot be settled (a block that does not authenticate,
 * a full disk) is left as it is, and usable as far as it authenticates.
 * Context: inside a section; nobody else sees the inode.
 *
 * Return: 0, or an error that keeps the inode from being made: -ENOMEM, -EINTR.
 */
int wardfs_settle(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 lower = i_size_read(wardfs_lower_inode(inode));
	struct settling s = {};
	int err;

	d->lenient = true;
	err = wardfs_data_get(inode);
	if (err == -ENODATA) {
		/* No header: empty. A new one is made, with a new key. */
		d->lower_size = 0;
		i_size_write(inode, 0);
		s.odd = true;
		err = wardfs_data_new(inode);
		if (err)
			return err;
		d->bad_length = false;
		/* Where nothing is written, the header stays missing: see wipe_one(). */
		if (!sb_rdonly(inode->i_sb)) {
			/* Set before the header was on stable storage: promised to nobody. */
			sb_start_write(wardfs_lower_inode(inode)->i_sb);
			wardfs_xattrs_forget(inode);
			sb_end_write(wardfs_lower_inode(inode)->i_sb);
			err = wardfs_io_call(inode, store_empty, NULL);
			WRITE_ONCE(d->lenient, err != 0);
		}
		goto report;
	}
	if (err) {
		/* Reported; the name stays, opening it says EIO. */
		d->settled = true;
		return err == -ENOMEM ? err : 0;
	}
	err = find_end(inode, lower, &s.e);
	if (err)
		goto put;
	s.odd = s.e.state == WARDFS_BLOCK_ODD || lower != ward_layout_length(s.e.size) ||
		(s.e.state == WARDFS_BLOCK_HOLE && s.e.size) ||
		!(d->flags & WARD_FILE_EMPTY) != !!s.e.size;
	d->lower_size = s.e.size;
	i_size_write(inode, s.e.size);
	if (s.e.state == WARDFS_BLOCK_BAD) {
		wardfs_report_tamper(inode, NULL, ward_layout_blocks(s.e.size) - 1,
				     "last block is torn or tampered with");
		goto put;
	}
	d->bad_length = false;
	if (!sb_rdonly(inode->i_sb) && !d->lower_rdonly) {
		wardfs_io_upkeep(inode);
		err = wardfs_io_call(inode, settle, &s);
		/* What is not as it should be from now on was made so by nobody's crash. */
		WRITE_ONCE(d->lenient, err != 0);
	}
put:
	d->settled = true;
	wardfs_data_put(inode);
report:
	d->settled = true;
	if (s.odd)
		wardfs_report_settled(inode);
	if (err)
		wardfs_msg(inode->i_sb, "inode %lu could not be settled (error %d)", inode->i_ino,
			   err);
	return err == -EINTR ? err : 0;
}
