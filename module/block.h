/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs of encrypted blocks between the page cache and the lower file. */
#ifndef WARDFS_BLOCK_H
#define WARDFS_BLOCK_H

#include <linux/bvec.h>
#include <linux/completion.h>
#include <linux/crypto.h>
#include <linux/workqueue.h>
#include "lowerio.h"
#include "wardfs.h"

#define WARDFS_RUN_PAGES	64	/* most pages that a run fills: 256 KiB */
#define WARDFS_RUN_BLOCKS	66	/* most blocks in a run: what these may touch */
#define WARDFS_REQUEST_SIZE	2048	/* room for an AEAD request with its context */

/* How a run may be had. */
enum wardfs_run_how {
	WARDFS_RUN_WAIT,
	WARDFS_RUN_STORE,
	WARDFS_RUN_NESTED,
	WARDFS_RUN_TRY,
};

/* What became of a block that was read. */
enum wardfs_block_state {
	WARDFS_BLOCK_GOOD,		/* authentic, where and as long as it should be */
	WARDFS_BLOCK_HOLE,		/* all zero below */
	WARDFS_BLOCK_ODD,		/* authentic, but short or marked last out of place */
	WARDFS_BLOCK_BAD,		/* does not authenticate */
	WARDFS_BLOCK_FAILED,		/* the cipher failed: nothing is known of it */
};

/**
 * struct wardfs_run - up to WARDFS_RUN_BLOCKS consecutive blocks on their way
 * @inode: upper inode
 * @lower: lower file, referenced
 * @aead: the file's AEAD; outlives the run because its folios are locked or
 *	under write-back, or because the caller is inside a section
 * @first: index of the first block
 * @count: blocks
 * @size: upper size that decides which block is the last
 * @pool: which of the pools it came from
 * @pages: one buffer page a block
 * @bvec: for the lower I/O
 * @state: per block, after reading
 * @plain: per block, whether its buffer may hold plaintext
 * @placed: per block, whether its payload is in @folios or @into already, not in its buffer
 * @into: a run of which these are old blocks: it takes their payload; or NULL
 * @spill: takes what @folios have no room for of the blocks that they begin and end in; or NULL
 * @spilled: so many bytes of it may hold plaintext
 * @index: first upper page (reading)
 * @nr_folios: upper folios that wait to be filled (reading)
 * @folios: those, locked, consecutive from @index
 * @scattered: whether it is one of several that are stored in one operation
 * @io: the lower I/O
 * @begun: whether some of the blocks may be on their way to the lower file
 * @began: what that returned
 * @error: first error of a write
 * @aad: associated data of the block at hand
 * @request: AEAD request
 * @requested: so many bytes of it were used
 */
struct wardfs_run {
	struct work_struct work;
	struct completion done;
	struct list_head list;
	struct inode *inode;
	struct file *lower;
	struct crypto_aead *aead;
	u64 first;
	unsigned int count;
	u64 size;
	unsigned int pool;
	struct page *pages[WARDFS_RUN_BLOCKS];
	struct bio_vec bvec[WARDFS_RUN_BLOCKS];
	u8 state[WARDFS_RUN_BLOCKS];
	DECLARE_BITMAP(plain, WARDFS_RUN_BLOCKS);
	DECLARE_BITMAP(placed, WARDFS_RUN_BLOCKS);
	struct wardfs_run *into;
	struct page *spill;
	unsigned int spilled;
	pgoff_t index;
	unsigned int nr_folios;
	struct folio *folios[WARDFS_RUN_BLOCKS];
	bool scattered;
	struct wardfs_lower_io io;
	bool begun;
	ssize_t began;
	int error;
	struct ward_unit_aad aad;
	unsigned int requested;
	u8 request[WARDFS_REQUEST_SIZE] __aligned(CRYPTO_MINALIGN);
};

struct wardfs_run *wardfs_run_alloc(struct inode *inode, u64 first, unsigned int count,
				    enum wardfs_run_how how);
void wardfs_run_wipe(struct wardfs_run *run);
void wardfs_run_free(struct wardfs_run *run);

/* head.c */
#define WARDFS_HEAD_BLOCKS	4	/* most that are read with a header */
unsigned int wardfs_head_blocks(struct inode *inode);
void wardfs_head_keep(struct inode *inode, struct wardfs_run *run);
bool wardfs_head_take(struct wardfs_run *run);
void wardfs_head_drop(struct inode *inode);

/* buffer.c */
void *wardfs_buffer_alloc(gfp_t gfp, void *data);
void wardfs_buffer_free(void *element, void *data);
void wardfs_buffer_exit(void);

/* store.c: blocks out of the page cache */

/**
 * struct wardfs_row - neighbouring blocks
 * @first: first one
 * @last: last one, inclusive
 */
struct wardfs_row {
	u64 first;
	u64 last;
};

int wardfs_store_rows(struct inode *inode, const struct wardfs_row *rows, unsigned int nr,
		      u64 size);
int wardfs_store_blocks(struct inode *inode, u64 first, u64 last, u64 size);
/* settle.c */
#define WARDFS_FIND_HOLES	0x1
#define WARDFS_FIND_OUTGROWN	0x2
int wardfs_find_blocks(struct inode *inode, u64 first, u64 n, unsigned int what,
		       unsigned long *found, unsigned int *count);

/* filekey.c */
int wardfs_header_seal(struct inode *inode);

int wardfs_run_load(struct wardfs_run *run);
bool wardfs_store_direct(const struct file *file, unsigned int count);
void wardfs_run_store_begin(struct wardfs_run *run);
void wardfs_run_store_wait(struct wardfs_run *run);
int wardfs_run_store_end(struct wardfs_run *run);
void wardfs_run_open(struct wardfs_run *run, unsigned int i);
int wardfs_run_seal(struct wardfs_run *run, unsigned int i, u32 length, bool last);
u8 *wardfs_run_payload(struct wardfs_run *run, unsigned int i);
struct ward_unit_header *wardfs_run_unit(struct wardfs_run *run, unsigned int i);
void wardfs_run_queue(struct wardfs_run *run);

#endif
