/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the bytes of a file lie below: docs/format.md, "Size". */
#ifndef WARD_LAYOUT_H
#define WARD_LAYOUT_H

#include "bytes.h"

/* Largest upper size: the lower length still fits a signed 64-bit offset. */
#define WARD_SIZE_MAX	((s64)(0x7fffffffffffffffLL / WARD_BLOCK_SIZE - 2) * WARD_CAP)

/**
 * struct ward_extent - a lower length taken apart
 * @blocks: whole blocks (n)
 * @tail: bytes in use in the last block (r); 0 where growth was cut off
 */
struct ward_extent {
	u64 blocks;
	u32 tail;
};

/* Payload capacity of block @k, bytes. */
static inline u32 ward_layout_cap(u64 k)
{
	return k ? WARD_CAP : WARD_CAP_FIRST;
}

/* Upper offset of the first payload byte of block @k. */
static inline u64 ward_layout_base(u64 k)
{
	return k ? WARD_CAP_FIRST + (k - 1) * WARD_CAP : 0;
}

/* Offset of block @k's unit header within the block. */
static inline u32 ward_layout_unit(u64 k)
{
	return k ? 0 : WARD_HEADER_SIZE;
}

u64 ward_layout_block(u64 pos);
u64 ward_layout_blocks(u64 size);
u64 ward_layout_length(u64 size);
struct ward_extent ward_layout_split(u64 length);
int ward_layout_size(u64 length, u64 *size);

#endif
