// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arithmetic between a file's size and its lower length. Bytes only: also
 * compiled in user space. Source: docs/format.md, "Size".
 */
#ifdef __KERNEL__
#include <linux/math64.h>
#else
#define div_u64(a, b)	((a) / (b))
#endif
#include "layout.h"

/**
 * ward_layout_block - the block that holds a byte
 * @pos: upper offset, bytes
 *
 * Return: the block's index.
 */
u64 ward_layout_block(u64 pos)
{
	return pos < WARD_CAP_FIRST ? 0 :
		1 + div_u64(pos - WARD_CAP_FIRST, WARD_CAP);
}

/**
 * ward_layout_blocks - how many blocks a file of a size has
 * @size: upper size, bytes
 *
 * Return: the count; 0 for an empty file, which is its header alone.
 */
u64 ward_layout_blocks(u64 size)
{
	return size ? ward_layout_block(size - 1) + 1 : 0;
}

/**
 * ward_layout_length - the lower length of a settled file
 * @size: upper size, bytes, at most WARD_SIZE_MAX
 *
 * Return: 4096 n + r, or the header's size for an empty file; bytes.
 */
u64 ward_layout_length(u64 size)
{
	u64 n = ward_layout_blocks(size);

	if (!n)
		return WARD_HEADER_SIZE;
	return n * WARD_BLOCK_SIZE + (size - ward_layout_base(n - 1));
}

/**
 * ward_layout_split - take a lower length apart
 * @length: lower length, bytes
 *
 * Return: blocks and tail. A multiple of the block size has tail 0: the growth
 * of the file was cut off before its length was set.
 */
struct ward_extent ward_layout_split(u64 length)
{
	struct ward_extent e = { 0, 0 };

	if (length < WARD_BLOCK_SIZE)
		return e;
	e.tail = length % WARD_BLOCK_SIZE;
	e.blocks = length / WARD_BLOCK_SIZE;
	return e;
}

/**
 * ward_layout_size - the upper size that a lower length stands for
 * @length: lower length, bytes
 * @size: set to the upper size, bytes
 *
 * Return: 0, or -EBADMSG when no settled file has this length (@size is then
 * the size up to the last whole block).
 */
int ward_layout_size(u64 length, u64 *size)
{
	struct ward_extent e = ward_layout_split(length);

	if (!e.blocks) {
		*size = 0;
		return length == WARD_HEADER_SIZE ? 0 : -EBADMSG;
	}
	*size = ward_layout_base(e.blocks - 1);
	if (!e.tail || e.tail > ward_layout_cap(e.blocks - 1)) {
		*size += ward_layout_cap(e.blocks - 1);
		return -EBADMSG;
	}
	*size += e.tail;
	return 0;
}
