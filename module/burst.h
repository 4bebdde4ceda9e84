/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of rules: how much one user has done by one rule lately. */
#ifndef WARDFS_BURST_H
#define WARDFS_BURST_H

#include <linux/types.h>

struct wardfs_bursts;

/**
 * struct wardfs_use - something to be counted
 * @rule: name of the rule, 64 bytes
 * @nth: number of the limit in it
 * @what: WARD_BURST_*
 * @seconds: window
 * @most: so many in it
 * @uid: who
 * @inode: the file
 * @generation: of the inode
 * @bytes: of WARD_BURST_BYTES: how many
 */
struct wardfs_use {
	const u8 *rule;
	u32 nth;
	u32 what;
	u32 seconds;
	u64 most;
	u32 uid;
	u64 inode;
	u32 generation;
	u64 bytes;
};

struct wardfs_bursts *wardfs_bursts_make(void);
void wardfs_bursts_free(struct wardfs_bursts *bursts);
bool wardfs_burst_charge(struct wardfs_bursts *bursts, const struct wardfs_use *use);

#endif
