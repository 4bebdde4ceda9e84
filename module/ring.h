/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring of events: filled by event.c, read by netlink.c. */
#ifndef WARDFS_RING_H
#define WARDFS_RING_H

#include <linux/types.h>
#include <linux/limits.h>

struct sk_buff;

#define WARDFS_LOAD_ID_SIZE	16

/* Longest netlink attributes of one event: three paths, a cgroup, and the small ones. */
#define WARDFS_CGROUP_MAX	512
#define WARDFS_BODY_MAX		(3 * PATH_MAX + WARDFS_CGROUP_MAX + 1024)

/**
 * struct wardfs_ring_state - how the ring stands
 * @next: sequence number that the next event will have; the first is 1
 * @oldest: sequence number of the oldest event in the ring; @next for none
 * @dropped: events that found no place in the ring since it was made
 */
struct wardfs_ring_state {
	u64 next;
	u64 oldest;
	u64 dropped;
};

int wardfs_ring_init(void);
void wardfs_ring_unfold(void);
void wardfs_ring_exit(void);
const u8 *wardfs_ring_load_id(void);
void wardfs_ring_state(struct wardfs_ring_state *state);
void wardfs_ring_add(const u8 *uuid, const u8 *body, u32 common, u32 process, bool folds);
void wardfs_ring_listen(void (*wake)(void));
size_t wardfs_ring_length(u64 sequence);
int wardfs_ring_put(struct sk_buff *skb, u64 *sequence);
u64 wardfs_ring_tally(const u8 *uuid, u64 *gone);

#endif
