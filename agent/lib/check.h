/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Visiting every object of a vault and having the kernel check it. */
#ifndef WARD_CHECK_H
#define WARD_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

/**
 * struct ward_check_state - how far a check is
 * @objects: visited so far
 * @blocks: looked at so far, blocks
 * @settled: objects that bore a crash's or cut's traces, now settled
 * @bad_objects: objects that are not as they were written
 * @bad_blocks: blocks that do not authenticate
 * @bad_names: names that do not authenticate
 * @failed: objects that could not be looked at
 */
struct ward_check_state {
	uint64_t objects;
	uint64_t blocks;
	uint64_t settled;
	uint64_t bad_objects;
	uint64_t bad_blocks;
	uint64_t bad_names;
	uint64_t failed;
};

/**
 * struct ward_check_object - one object that the check has something to say about
 * @lower: its path below .ward/tree, as stored
 * @error: why it could not be looked at, negative errno; 0: it was
 * @checked: what the kernel found; valid when @error is 0
 */
struct ward_check_object {
	const char *lower;
	int error;
	const struct ward_checked *checked;
};

/**
 * struct ward_check_ops - whom to tell
 * @object: an object that is not in order, or could not be looked at; may be NULL
 * @progress: after each step of at most some MiB; not 0 stops the check; may be NULL
 * @arg: handed to both
 */
struct ward_check_ops {
	void (*object)(const struct ward_check_object *object, void *arg);
	int (*progress)(const struct ward_check_state *state, void *arg);
	void *arg;
};

int ward_check_count(int tree_fd, uint64_t *objects, uint64_t *blocks);
int ward_check_vault(struct ward_nl *nl, const uint8_t *uuid, int tree_fd,
		     const struct ward_check_ops *ops, struct ward_check_state *state);
int ward_check_unchecked(struct ward_nl *nl, const uint8_t *uuid, uint32_t epoch, int tree_fd,
			 const struct ward_check_ops *ops, struct ward_check_state *state,
			 int *told);

#endif
