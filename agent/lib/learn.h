/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest rules that would have allowed what the log has: docs/policy.md, "Learning". */
#ifndef WARD_LEARN_H
#define WARD_LEARN_H

#include "access.h"
#include "policyfile.h"

#define WARD_LEARN_ENTRIES	50000	/* that are told apart: who, with what, in which directory */
#define WARD_LEARN_OF_ONE	5000	/* of those, of one user */
#define WARD_LEARN_PATHS	16	/* in a rule, unless told otherwise */
#define WARD_LEARN_LOGINS	4	/* that are told */

/**
 * struct ward_tally - the records that something stands for
 * @records: how many
 * @accesses: how many accesses those are
 * @first: the first one, seconds since 1970, UTC
 * @last: the last one
 * @days: on which days of the week, bit 0 is Monday; local time
 * @from: earliest time of day, seconds
 * @until: latest
 * @logins: whom those who did it had logged in as, where that was somebody else
 * @login_count: how many
 * @more_logins: there are others
 * @denied_by: a rule that refused some, which so comes too early; "" for none
 * @by_hours: some were refused because of the hour
 */
struct ward_tally {
	uint64_t records;
	uint64_t accesses;
	int64_t first;
	int64_t last;
	uint8_t days;
	int32_t from;
	int32_t until;
	uint32_t logins[WARD_LEARN_LOGINS];
	size_t login_count;
	bool more_logins;
	char denied_by[64];
	bool by_hours;
};

/* In what a rule allows more than the log has. */
#define WARD_WIDER_FOLDED	0x1	/* directories were too many, or too deep: one above */
#define WARD_WIDER_WALK		0x2	/* somebody only came by: walking needs some right */
#define WARD_WIDER_PROGRAM	0x4	/* the program is not known: any */
#define WARD_WIDER_TOP		0x8	/* the top of the vault: all of it */

/**
 * struct ward_learned_rule - what is to be said of a rule
 * @tally: the records that it stands for
 * @wider: WARD_WIDER_*
 * @folded: with WARD_WIDER_FOLDED: how many directories the log has in its place
 * @why_not: it cannot be loaded, because its program cannot be named; NULL, or for free()
 */
struct ward_learned_rule {
	struct ward_tally tally;
	unsigned int wider;
	size_t folded;
	char *why_not;
};

/**
 * struct ward_learned - what was learned
 * @policy: the rules, in no order that matters
 * @about: the same number of them, in the same order; for free()
 * @tally: of all records that were learned from
 * @limited: accesses that a limit refused: no rule that comes later mends that
 * @unclear: records that do not say enough, or of files elsewhere
 * @left_out: accesses that there was no room for
 */
struct ward_learned {
	struct ward_policy policy;
	struct ward_learned_rule *about;
	struct ward_tally tally;
	uint64_t limited;
	uint64_t unclear;
	uint64_t left_out;
};

/**
 * typedef ward_nameable_fn - may a rule name a program
 * @program: its path
 * @arg: the caller's
 *
 * Return: NULL when it may; else why not, for free().
 */
typedef char *(*ward_nameable_fn)(const char *program, void *arg);

struct ward_learner;
struct ward_learner *ward_learner_new(const char *directory);
int ward_learner_add(struct ward_learner *learner, json_t *record);
int ward_learner_end(struct ward_learner *learner, size_t paths, ward_nameable_fn nameable,
		     void *arg, struct ward_learned *learned);
void ward_learner_free(struct ward_learner *learner);
void ward_learned_free(struct ward_learned *learned);

#endif
