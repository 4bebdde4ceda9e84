// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs: consecutive encrypted blocks, read from or written to the lower file in
 * one operation, decrypted or encrypted block by block in the buffer pages.
 *
 * The lower I/O is direct where the lower file can do it and the run is long
 * enough to be worth it, or one of several that replace blocks, so that the
 * lower page cache keeps no second copy; otherwise it goes through that cache
 * (small files: its delayed allocation reports ENOSPC without waiting for the
 * device).
 *
 * Everything here may run in write-back: allocations are NOFS and come from
 * mempools; nothing is opened or looked up.
 */
#include <linux/completion.h>
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/mempool.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/scatterlist.h>
#include <crypto/internal/aead.h>	/* crypto_aead_chunksize() */
#include "wardfs.h"
#include "block.h"

/* From this many blocks on a write goes to the device directly. */
#define DIRECT_WRITE_BLOCKS	32

/*
 * Pools, by what who holds a run of it may still wait for: a reader for
 * wardfs_data.io, which is held by who stores; that one for a nested run, and who
 * holds a nested one for nothing but I/O. So runs always come back.
 */
enum { POOL_READ, POOL_STORE, POOL_NESTED, NR_POOLS };
static struct kmem_cache *run_cache;
static mempool_t *run_pool[NR_POOLS];
static mempool_t *page_pool[NR_POOLS];
static struct workqueue_struct *run_wq;

/**
 * wardfs_run_alloc - a run with its buffer pages
 * @inode: upper inode, with its lower file open and its key loaded
 * @first: index of the first block
 * @count: blocks wanted, 1..WARDFS_RUN_BLOCKS
 * @how: WARDFS_RUN_WAIT by a caller that holds neither a run nor wardfs_data.io,
 *	WARDFS_RUN_STORE by one that holds the lock, WARDFS_RUN_NESTED by one that
 *	holds both, WARDFS_RUN_TRY as WARDFS_RUN_STORE when it may fail
 *
 * Gives as many blocks as memory allows, at least one: only the first page may
 * be waited for, so that two runs cannot starve each other out of the pool.
 * Look at @wardfs_run.count. Context: NOFS; sleeps except with WARDFS_RUN_TRY.
 *
 * Return: the run; NULL only with WARDFS_RUN_TRY.
 */
struct wardfs_run *wardfs_run_alloc(struct inode *inode, u64 first, unsigned int count,
				    enum wardfs_run_how how)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	gfp_t gfp = how == WARDFS_RUN_TRY ? GFP_NOWAIT | __GFP_NOWARN : GFP_NOFS;
	unsigned int pool = how == WARDFS_RUN_WAIT ? POOL_READ :
			    how == WARDFS_RUN_NESTED ? POOL_NESTED : POOL_STORE;
	struct wardfs_run *run = mempool_alloc(run_pool[pool], gfp);
	struct page *page;

	if (!run)
		return NULL;
	page = mempool_alloc(page_pool[pool], gfp);
	if (!page) {
		mempool_free(run, run_pool[pool]);
		return NULL;
	}
	run->pool = pool;
	run->inode = inode;
	run->lower = get_file(d->lower_file);
	run->aead = d->aead;
	run->first = first;
	run->into = NULL;
	run->spill = NULL;
	run->spilled = 0;
	run->requested = 0;
	run->nr_folios = 0;
	run->error = 0;
	/* Nobody has said what becomes of the buffers. */
	bitmap_fill(run->plain, WARDFS_RUN_BLOCKS);
	bitmap_zero(run->placed, WARDFS_RUN_BLOCKS);
	run->pages[0] = page;
	for (run->count = 1; run->count < count; run->count++) {
		page = mempool_alloc(page_pool[pool], GFP_NOWAIT | __GFP_NOWARN);
		if (!page)
			break;
		run->pages[run->count] = page;
	}
	return run;
}

/**
 * wardfs_run_wipe - let nothing of the plaintext be left in a run
 * @run: the run, of which everything that is wanted has been taken
 *
 * Before folios of its are unlocked: from then on nobody waits for it who locks the vault.
 */
void wardfs_run_wipe(struct wardfs_run *run)
{
	unsigned int i;

	for_each_set_bit(i, run->plain, run->count)
		clear_page(page_address(run->pages[i]));
	bitmap_zero(run->plain, WARDFS_RUN_BLOCKS);
	if (run->spilled)
		memzero_explicit(page_address(run->spill), run->spilled);
	run->spilled = 0;
	/* What a cipher keeps there may tell the key of its authentication. */
	memzero_explicit(run->request, run->requested);
	run->requested = 0;
}

/**
 * wardfs_run_free - give a run back
 * @run: the run
 *
 * Buffers that may hold plaintext are wiped.
 */
void wardfs_run_free(struct wardfs_run *run)
{
	unsigned int i;

	wardfs_run_wipe(run);
	for (i = 0; i < run->count; i++)
		mempool_free(run->pages[i], page_pool[run->pool]);
	if (run->spill)
		wardfs_buffer_free(run->spill, NULL);
	fput(run->lower);
	mempool_free(run, run_pool[run->pool]);
}

/* Where block @i of the run keeps its unit header. */
struct ward_unit_header *wardfs_run_unit(struct wardfs_run *run, unsigned int i)
{
	return page_address(run->pages[i]) + ward_layout_unit(run->first + i);
}

/* Where block @i of the run keeps its payload. */
u8 *wardfs_run_payload(struct wardfs_run *run, unsigned int i)
{
	return (u8 *)(wardfs_run_unit(run, i) + 1);
}

static void run_iter(struct wardfs_run *run, struct iov_iter *iter, unsigned int from, int rw)
{
	unsigned int i;

	for (i = from; i < run->count; i++) {
		run->bvec[i].bv_page = run->pages[i];
		run->bvec[i].bv_len = PAGE_SIZE;
		run->bvec[i].bv_offset = 0;
	}
	iov_iter_bvec(iter, rw, run->bvec + from, run->count - from,
		      (size_t)(run->count - from) * PAGE_SIZE);
}

/**
 * struct rest - what is left to do of a run's I/O
 * @run: the run
 * @rw: READ or WRITE
 * @direct: past the lower page cache
 * @from: first block that is left
 */
struct rest {
	struct wardfs_run *run;
	int rw;
	bool direct;
	unsigned int from;
};

static ssize_t do_iter(struct rest *left)
{
	struct wardfs_run *run = left->run;
	loff_t pos = (run->first + left->from) * WARD_BLOCK_SIZE;
	struct iov_iter iter;

	run_iter(run, &iter, left->from, left->rw);
	if (left->rw == WRITE)
		return wardfs_lower_write(run->inode, run->lower, &iter, pos, left->direct);
	return wardfs_lower_read(run->lower, &iter, pos, left->direct);
}

static bool no_room(ssize_t n)
{
	return n == -ENOSPC || n == -EDQUOT;
}

/*
 * What @n, that some I/O returned, leaves to do. Direct I/O that the lower refuses after
 * all (-EINVAL: alignment, inline data) is done again through its page cache; and what
 * it had no room for: its write-back may use what ext4 keeps for splitting extents.
 */
static int digest(struct rest *left, ssize_t n)
{
	struct wardfs_run *run = left->run;

	if (left->direct && (n == -EINVAL || (no_room(n) && !wardfs_file_is_nfs(run->lower)))) {
		left->direct = false;
		return 0;
	}
	if (n < 0)
		return n;
	left->from += n / PAGE_SIZE;
	if (n >= PAGE_SIZE)
		return 0;
	if (left->rw == WRITE) {
		/* A write that stops short has no room. */
		if (!left->direct || wardfs_file_is_nfs(run->lower))
			return -ENOSPC;
		left->direct = false;
		return 0;
	}
	/* End of the lower file: what is not there is zero. */
	memset(page_address(run->pages[left->from]) + n, 0, PAGE_SIZE - n);
	while (++left->from < run->count)
		clear_page(page_address(run->pages[left->from]));
	return 0;
}

/* Bring as many bytes as there are. */
static int do_run_io(struct inode *inode, void *arg)
{
	struct rest *left = arg;
	struct wardfs_guise g;
	int err = 0;

	wardfs_guise_on(&g, inode, left->rw);
	while (!err && left->from < left->run->count)
		err = digest(left, do_iter(left));
	wardfs_guise_off(&g);
	return err;
}

static int run_rest(struct rest *left, int err)
{
	struct wardfs_run *run = left->run;
	unsigned int flags = memalloc_nofs_save();
	int again;

	if (!err)
		err = do_run_io(run->inode, left);
	/* A reader may give up. */
	if (err && run->pool != POOL_READ) {
		again = wardfs_io_again(run->inode, do_run_io, left);
		if (again != -ECANCELED)
			err = again;
	}
	memalloc_nofs_restore(flags);
	return err;
}

static int run_io(struct wardfs_run *run, int rw, bool direct)
{
	struct rest left = { .run = run, .rw = rw, .direct = direct };

	return run_rest(&left, 0);
}

/**
 * wardfs_run_load - read a run's blocks from the lower file
 * @run: the run
 *
 * Blocks past the lower end are zeros. Context: may sleep.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_run_load(struct wardfs_run *run)
{
	loff_t from = run->first * WARD_BLOCK_SIZE;
	loff_t to = from + (loff_t)run->count * WARD_BLOCK_SIZE - 1;
	bool direct = run->lower->f_mode & FMODE_CAN_ODIRECT;
	int err;

	/* What the lower holds in memory anyway need not come from the device. */
	if (direct && filemap_range_has_page(run->lower->f_mapping, from, to))
		direct = false;
	err = run_io(run, READ, direct);
	if (!err)
		bitmap_zero(run->plain, WARDFS_RUN_BLOCKS);
	return err;
}

/**
 * wardfs_store_direct - past the lower page cache
 * @file: lower file
 * @count: blocks to be written
 *
 * On NFS always: what its cache takes, the server may refuse much later.
 *
 * Return: whether to.
 */
bool wardfs_store_direct(const struct file *file, unsigned int count)
{
	return file->f_mode & FMODE_CAN_ODIRECT &&
	       (count >= DIRECT_WRITE_BLOCKS || wardfs_file_is_nfs(file));
}

/*
 * These admit several writers of blocks that are there, and readers beside them. Btrfs
 * makes an extent of each, and is better off collecting them.
 */
static bool stores_in_place(const struct file *file)
{
	switch (file_inode(file)->i_sb->s_magic) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
		return file->f_mode & FMODE_CAN_ODIRECT;
	}
	return false;
}

/*
 * What the lower holds in memory anyway, or is to make room for, it had better collect; and what
 * comes alone, like the end of a file that grows line by line.
 */
static bool stored_at_once(const struct wardfs_run *run)
{
	const struct wardfs_data *d = &WARDFS_I(run->inode)->data;
	loff_t from = run->first * WARD_BLOCK_SIZE;
	loff_t to = from + (loff_t)run->count * WARD_BLOCK_SIZE;

	if (wardfs_store_direct(run->lower, run->count))
		return true;
	if (d->past_cache && run->lower->f_mode & FMODE_CAN_ODIRECT)
		return true;
	return run->scattered && !(d->flags & WARD_FILE_SPARSE) &&
	       stores_in_place(run->lower) && to <= i_size_read(file_inode(run->lower)) &&
	       !filemap_range_has_page(run->lower->f_mapping, from, to - 1);
}

/**
 * wardfs_run_store_begin - begin to write a run's blocks to the lower file
 * @run: the run, every block sealed
 *
 * What can be written directly is on its way then, perhaps. Followed by
 * wardfs_run_store_wait() and wardfs_run_store_end(), whatever became of it. The first such
 * write to a lower file system makes it a work queue (sb_init_dio_done_wq()). Context:
 * wardfs_data.io held for writing by the caller or whom it works for.
 */
void wardfs_run_store_begin(struct wardfs_run *run)
{
	loff_t pos = run->first * WARD_BLOCK_SIZE;
	struct wardfs_guise g;
	struct iov_iter iter;
	unsigned int flags;

	run->begun = stored_at_once(run);
	if (!run->begun)
		return;
	flags = memalloc_nofs_save();
	wardfs_guise_on(&g, run->inode, WRITE);
	run_iter(run, &iter, 0, WRITE);
	run->began = wardfs_lower_write_begin(&run->io, run->inode, run->lower, &iter, pos);
	wardfs_guise_off(&g);
	memalloc_nofs_restore(flags);
}

/**
 * wardfs_run_store_wait - wait for what is on its way to the lower file
 * @run: the run, after wardfs_run_store_begin()
 *
 * Context: as wardfs_run_store_begin().
 */
void wardfs_run_store_wait(struct wardfs_run *run)
{
	if (run->begun)
		run->began = wardfs_lower_wait(&run->io, run->began);
}

/**
 * wardfs_run_store_end - have a run's blocks written to the lower file
 * @run: the run, after wardfs_run_store_wait(); no other of this file is on its way
 *
 * Does what is left. Short runs that the lower has to collect are written here, one after
 * the other: its inode's lock admits one writer then, and none while old blocks are read
 * directly. Context: as wardfs_run_store_begin().
 *
 * Return: 0 or the lower's error; -ENOSPC for a short write.
 */
int wardfs_run_store_end(struct wardfs_run *run)
{
	struct rest left = { .run = run, .rw = WRITE, .direct = run->begun };
	int err = 0;

	if (run->begun)
		err = digest(&left, run->began);
	err = run_rest(&left, err);
	if (err)
		wardfs_unsettled(run->inode);
	return err;
}

/*
 * Where a block's payload comes to lie: the associated data first, then what takes it,
 * which is two folios at most, and what is before or behind them.
 */
#define PLACE_PARTS	5

/* Wiped when the run is given back. One block is opened after the other: they share it. */
static bool spill(struct wardfs_run *run, struct scatterlist *sg, size_t len)
{
	if (!run->spill)
		run->spill = wardfs_buffer_alloc(GFP_NOWAIT | __GFP_NOWARN, NULL);
	if (!run->spill)
		return false;
	run->spilled = max_t(unsigned int, run->spilled, len);
	sg_set_page(sg, run->spill, len, 0);
	return true;
}

/* A cipher that works in larger pieces puts together in memory of its own what is in two parts. */
static bool in_pieces(struct wardfs_run *run, const struct scatterlist *sg, unsigned int parts)
{
	unsigned int p;

	for (p = 1; p + 1 < parts; p++)
		if (sg[p].length % crypto_aead_chunksize(run->aead))
			return false;
	return true;
}

/*
 * Where else than in place a block is to be decrypted: in the folios that a run is to fill,
 * or in the buffer of the block that is to replace it.
 * Return: how many parts @sg has got; 0: in place.
 */
static unsigned int place(struct wardfs_run *run, unsigned int i, struct scatterlist *sg)
{
	u64 pos = ward_layout_base(run->first + i);
	u64 end = pos + ward_layout_cap(run->first + i);
	u64 start = (u64)run->index << PAGE_SHIFT;
	u64 stop = start + ((u64)run->nr_folios << PAGE_SHIFT);
	unsigned int parts = 1;

	sg_init_table(sg, PLACE_PARTS);
	sg_set_buf(&sg[0], &run->aad, sizeof(run->aad));
	if (run->into) {
		sg_set_buf(&sg[parts++],
			   wardfs_run_payload(run->into, run->first + i - run->into->first),
			   end - pos);
		pos = end;
	} else if (!run->nr_folios || end <= start || pos >= stop) {
		return 0;
	}
	if (pos < end && pos < start) {
		if (!spill(run, &sg[parts++], start - pos))
			return 0;
		pos = start;
	}
	while (pos < min(end, stop)) {
		size_t len = min_t(u64, PAGE_SIZE - offset_in_page(pos), end - pos);
		struct folio *folio = run->folios[(pos - start) >> PAGE_SHIFT];

		sg_set_page(&sg[parts++], folio_page(folio, 0), len, offset_in_page(pos));
		pos += len;
	}
	if (pos < end && !spill(run, &sg[parts++], end - pos))
		return 0;
	sg_mark_end(&sg[parts - 1]);
	return in_pieces(run, sg, parts) ? parts : 0;
}

/* What turned out to be no payload, where it came to lie. */
static void wipe_block(struct wardfs_run *run, unsigned int i, struct scatterlist *to,
		       unsigned int parts)
{
	unsigned int p;

	if (!parts)
		memset(wardfs_run_payload(run, i), 0, ward_layout_cap(run->first + i));
	for (p = 1; p < parts; p++)
		memset(sg_virt(&to[p]), 0, to[p].length);
}

static int run_aead(struct wardfs_run *run, unsigned int i, u16 length, u16 flags, bool seal,
		    struct scatterlist *to)
{
	struct aead_request *req = (void *)run->request;
	struct ward_unit_header *u = wardfs_run_unit(run, i);
	u64 k = run->first + i;
	struct scatterlist sg[3];
	DECLARE_CRYPTO_WAIT(wait);
	u8 iv[16];		/* room for what a driver keeps behind the nonce */

	ward_unit_aad(&run->aad, k, length, flags);
	memcpy(iv, u->nonce, WARD_NONCE_SIZE);
	sg_init_table(sg, 3);
	sg_set_buf(&sg[0], &run->aad, sizeof(run->aad));
	sg_set_buf(&sg[1], u + 1, ward_layout_cap(k));
	sg_set_buf(&sg[2], u->tag, WARD_TAG_SIZE);
	run->requested = min_t(size_t, sizeof(run->request),
			       sizeof(*req) + crypto_aead_reqsize(run->aead));
	aead_request_set_tfm(req, run->aead);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &wait);
	aead_request_set_ad(req, sizeof(run->aad));
	aead_request_set_crypt(req, sg, to ?: sg,
			       ward_layout_cap(k) + (seal ? 0 : WARD_TAG_SIZE), iv);
	return crypto_wait_req(seal ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req), &wait);
}

/**
 * wardfs_run_open - authenticate and decrypt one block of a run
 * @run: the run, loaded; @run->size says which block is the last
 * @i: which
 *
 * In place; or into the folios that wait for the run (@run->placed): they are locked
 * and not up to date, so nobody sees what is in them before it is known to be
 * authentic; or into another run's buffer. Sets the block's state. The payload of a hole
 * and of a bad block is zeroed: what does not authenticate is never seen.
 */
void wardfs_run_open(struct wardfs_run *run, unsigned int i)
{
	struct ward_unit_header *u = wardfs_run_unit(run, i);
	u64 k = run->first + i;
	u64 n = ward_layout_blocks(run->size);
	u32 cap = ward_layout_cap(k);
	u16 length = le16_to_cpu(u->length);
	u16 flags = le16_to_cpu(u->flags);
	struct scatterlist to[PLACE_PARTS];
	unsigned int parts = 0;
	int err;

	__clear_bit(i, run->placed);
	if (ward_bytes_zero(u, sizeof(*u) + cap)) {
		run->state[i] = WARDFS_BLOCK_HOLE;
		return;
	}
	err = ward_unit_check(u, k) ? -EBADMSG : 0;
	if (!err) {
		parts = place(run, i, to);
		if (!parts)
			__set_bit(i, run->plain);
		err = run_aead(run, i, length, flags, false, parts ? to : NULL);
	}
	if (err) {
		wipe_block(run, i, to, parts);
		run->state[i] = err == -EBADMSG ? WARDFS_BLOCK_BAD : WARDFS_BLOCK_FAILED;
		return;
	}
	if (parts)
		__set_bit(i, run->placed);
	if (k + 1 == n ? flags == WARD_UNIT_LAST && length == run->size - ward_layout_base(k) :
			 !flags && length == cap)
		run->state[i] = WARDFS_BLOCK_GOOD;
	else
		run->state[i] = WARDFS_BLOCK_ODD;
}

/**
 * wardfs_run_seal - encrypt one block of a run in place
 * @run: the run; the block's payload is filled, zero-padded
 * @i: which
 * @length: payload bytes in use
 * @last: whether it is the last block of the file
 *
 * Context: inside a write-out section.
 *
 * Return: 0, -EOVERFLOW as wardfs_next_nonce(), or the cipher's error.
 */
int wardfs_run_seal(struct wardfs_run *run, unsigned int i, u32 length, bool last)
{
	struct ward_unit_header *u = wardfs_run_unit(run, i);
	u16 flags = last ? WARD_UNIT_LAST : 0;
	int err = wardfs_next_nonce(wardfs_keys(WARDFS_SB(run->inode->i_sb)), u->nonce);

	if (err)
		return err;
	u->length = cpu_to_le16(length);
	u->flags = cpu_to_le16(flags);
	err = run_aead(run, i, length, flags, true, NULL);
	if (!err)
		__clear_bit(i, run->plain);
	return err;
}

/**
 * wardfs_run_queue - have a run worked on by another CPU
 * @run: the run; @wardfs_run.work says what to do, and owns the run or completes
 *	@wardfs_run.done
 */
void wardfs_run_queue(struct wardfs_run *run)
{
	queue_work(run_wq, &run->work);
}

/**
 * wardfs_block_drain - wait until no worker holds a lower file any more
 *
 * So that the lower file system can be unmounted as soon as the vault is.
 * Context: process context, at the end of an unmount.
 */
void wardfs_block_drain(void)
{
	flush_workqueue(run_wq);
	flush_delayed_fput();
}

/**
 * wardfs_block_exit - undo wardfs_block_init(), also half done
 *
 * Context: nothing is mounted.
 */
void wardfs_block_exit(void)
{
	int i;

	if (run_wq)
		destroy_workqueue(run_wq);
	for (i = 0; i < NR_POOLS; i++) {
		mempool_destroy(page_pool[i]);
		mempool_destroy(run_pool[i]);
	}
	wardfs_buffer_exit();
	kmem_cache_destroy(run_cache);
}

/*
 * A cache with a constructor: the allocator would clear these 4 KiB each time (init_on_alloc).
 * Those are none for mempool_create_slab_pool(), which poisons what it keeps; nothing is read
 * of a run here that was not set since it was had.
 */
static void run_init(void *object)
{
	memset(object, 0, sizeof(struct wardfs_run));
}

static void *run_new(gfp_t gfp, void *cache)
{
	return kmem_cache_alloc(cache, gfp);
}

static void run_delete(void *run, void *cache)
{
	kmem_cache_free(cache, run);
}

/**
 * wardfs_block_init - pools and workers
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_block_init(void)
{
	int i;

	run_cache = kmem_cache_create("wardfs_run", sizeof(struct wardfs_run),
				      __alignof__(struct wardfs_run), SLAB_HWCACHE_ALIGN, run_init);
	if (!run_cache)
		return -ENOMEM;
	for (i = 0; i < NR_POOLS; i++) {
		run_pool[i] = mempool_create(4, run_new, run_delete, run_cache);
		page_pool[i] = mempool_create(i == POOL_NESTED ? 4 : WARDFS_RUN_BLOCKS,
					      wardfs_buffer_alloc, wardfs_buffer_free, NULL);
		if (!run_pool[i] || !page_pool[i])
			goto undo;
	}
	/*
	 * Not WQ_MEM_RECLAIM: a buffered write to a full XFS waits for a queue
	 * that is not either. Write-back does not depend on these workers: it
	 * takes back what none of them has begun (see finish_runs() in store.c).
	 */
	run_wq = alloc_workqueue("wardfs", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (run_wq)
		return 0;
undo:
	wardfs_block_exit();
	return -ENOMEM;
}
