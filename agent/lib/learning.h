/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What learn.c and learnrules.c share. */
#ifndef WARD_LEARNING_H
#define WARD_LEARNING_H

#include <time.h>

#include "learn.h"

/**
 * struct seen - somebody did something in a directory
 * @uid: who
 * @kernel: a thread of the kernel, whose name is in @program
 * @program: its path; "" when not known; for free()
 * @directory: path from the vault's top on; for free()
 * @ops: WARD_OP_*
 * @walk: he came by
 * @by_walk: an operation is among @ops only so that he may
 * @folded: how many directories it stands for, when it is none of the log's; else 0
 * @tally: the records
 */
struct seen {
	uint32_t uid;
	bool kernel;
	char *program;
	char *directory;
	uint32_t ops;
	bool walk;
	bool by_walk;
	size_t folded;
	struct ward_tally tally;
};

/**
 * struct learner_user - how much is known of one user
 * @uid: who
 * @kernel: threads of the kernel that act for him
 * @count: entries
 * @depth: his deeper directories are not told apart
 */
struct learner_user {
	uint32_t uid;
	bool kernel;
	size_t count;
	unsigned int depth;
};

/**
 * struct ward_learner - what was learned so far
 * @directory: of the vault
 * @root: of a tree of struct seen, see tsearch(3)
 * @count: how many
 * @users: of a tree of struct learner_user: what one does must not blur what others did
 * @depth: deeper directories are not told apart
 * @minute: that @local is right for
 * @local: local time
 * @tally: of all
 * @limited: as in struct ward_learned
 * @unclear: likewise
 * @left_out: likewise
 * @access: the record that is looked at
 */
struct ward_learner {
	char *directory;
	void *root;
	size_t count;
	void *users;
	unsigned int depth;
	time_t minute;
	struct tm local;
	struct ward_tally tally;
	uint64_t limited;
	uint64_t unclear;
	uint64_t left_out;
	struct ward_access access;
};

int seen_actor_compare(const struct seen *a, const struct seen *b);
void seen_merge(struct seen *into, struct seen *from);
void seen_free(void *entry);
void tally_add(struct ward_tally *tally, const struct ward_tally *more);
struct seen **learner_entries(struct ward_learner *learner, size_t *count);

#endif
