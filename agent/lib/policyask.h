/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking rules what they say, outside of the kernel: by the kernel's own rules.c. */
#ifndef WARD_POLICYASK_H
#define WARD_POLICYASK_H

#include <sys/types.h>

#include "../../module/rules.h"
#include "access.h"
#include "policyfile.h"

/**
 * struct ward_groups - the groups of a user
 * @known: they were looked up
 * @uid: of the user
 * @gid: for free()
 * @count: how many
 */
struct ward_groups {
	bool known;
	uint32_t uid;
	gid_t *gid;
	int count;
};

struct ward_program_id ward_program_by_path(const char *path);
void ward_policy_by_path(struct ward_policy *policy);
int ward_policy_to_ask(const struct ward_policy *policy, const uint8_t uuid[WARD_UUID_SIZE],
		       void **blob, struct ward_err *err);
/* What cannot be renamed or linked from one path to another, whoever asks: EXDEV. */
enum ward_boundary {
	WARD_BOUNDARY_NONE,
	WARD_BOUNDARY_DIRECTORIES,	/* directories stay where they are */
	WARD_BOUNDARY_ALL,		/* other rules hold there */
};

int ward_policy_boundary(const void *blob, const char *from, const char *to, bool some_name,
			 enum ward_boundary *boundary);
int ward_groups_of(uint32_t uid, struct ward_groups *groups);
bool ward_groups_has(const struct ward_groups *groups, uint32_t gid);

/**
 * struct ward_answer - what rules say of an access
 * @allowed: of all of it
 * @limited: a rule that allows it has a limit
 * @rule: the one that decided; NULL when none matched, or only a walk was asked for
 */
struct ward_answer {
	bool allowed;
	bool limited;
	const struct ward_rule *rule;
};

struct ward_asker;
struct ward_asker *ward_asker_new(struct ward_policy *policy, const uint8_t uuid[WARD_UUID_SIZE]);
int ward_asker_ask(struct ward_asker *asker, const struct ward_access *access,
		   struct ward_answer *answer, struct ward_err *err);
void ward_asker_free(struct ward_asker *asker);

#endif
