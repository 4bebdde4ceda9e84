/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes that ran before a policy was renewed. Bytes only. */
#ifndef WARD_FOLLOW_H
#define WARD_FOLLOW_H

#include "rules.h"

#define WARD_FOLLOW_MAX	1024	/* files that stand for others, of one policy */

/**
 * struct ward_follow - a file that stands for another one
 * @from: the file that was executed
 * @to: the file that the rules mean by it now
 */
struct ward_follow {
	struct ward_program_id from;
	struct ward_program_id to;
};

/**
 * struct ward_follows - all of a policy
 * @follow: in the order of @from
 * @count: how many
 */
struct ward_follows {
	struct ward_follow *follow;
	u32 count;
};

void ward_follow_make(struct ward_follows *f, const void *old, const void *new,
		      const struct ward_follows *before);
const struct ward_program_id *ward_follow_find(const struct ward_follows *f,
					       const struct ward_program_id *id);

#endif
