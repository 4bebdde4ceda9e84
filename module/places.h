/* SPDX-License-Identifier: GPL-2.0-only */
/* The directories that a policy names, as a tree that one walks along. Bytes only. */
#ifndef WARD_PLACES_H
#define WARD_PLACES_H

#include "rules.h"

/**
 * struct ward_place - a directory that a rule names, or that leads to one
 * @name: last component; points into the policy
 * @len: bytes of @name
 * @path_len: bytes of the whole path, which ends where @name does; 0 for the top
 * @parent: number of the directory that holds it
 * @next: in the same bucket; 0 ends the list
 * @group: number of the first place that lies under the same rules
 * @named: some rule names it
 * @mark: the last rule that names it, from 1; while the tree is made
 * @counted: the last rule that is in @sign for it, from 1; likewise
 * @sign: sums over the rules that hold there, different for different sets of them
 */
struct ward_place {
	const u8 *name;
	u16 len;
	u16 path_len;
	u32 parent;
	u32 next;
	u32 group;
	bool named;
	u32 mark;
	u32 counted;
	u64 sign[2];
};

/**
 * struct ward_places - the tree
 * @count: places; number 0 is the top
 * @buckets: a power of two
 * @place: the places, each behind the one that holds it
 * @head: first place in each bucket
 */
struct ward_places {
	u32 count;
	u32 buckets;
	struct ward_place *place;
	u32 *head;
};

/*
 * Where something lies: the number of a place; or, below all that is named and leads to
 * something named, WARD_PLACE_BELOW and the group.
 */
#define WARD_PLACE_TOP		0
#define WARD_PLACE_BELOW	0x80000000U
#define WARD_PLACE_NONE		0xffffffffU	/* it has no path */

size_t ward_places_size(const struct ward_policy_traits *traits);
void ward_places_make(struct ward_places *places, const void *blob,
		      const struct ward_policy_traits *traits, void *memory);
u32 ward_place_step(const struct ward_places *places, u32 at, const u8 *name, size_t len);
u32 ward_place_group(const struct ward_places *places, u32 at);
void ward_place_actor(const struct ward_places *places, u32 at, struct ward_actor *who);

#endif
