/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody did or tried to do, as a record of the log has it and as rules are asked. */
#ifndef WARD_ACCESS_H
#define WARD_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "policyfile.h"

#define WARD_ACCESS_PARTS	2

/**
 * struct ward_access_part - one of the questions that it takes
 * @ops: WARD_OP_*; 0: only to walk through
 * @place: path of the object from the vault's top on, with a NUL
 * @length: bytes of it
 * @itself: @place is the directory that it is about; else what lies in one
 */
struct ward_access_part {
	uint32_t ops;
	char place[WARD_PATH_MAX + 1];
	size_t length;
	bool itself;
};

/* What the rules of the time said. */
enum ward_access_was {
	WARD_WAS_REFUSED,
	WARD_WAS_REPORTED,	/* would have been refused, but they were permissive */
	WARD_WAS_ALLOWED,
};

/**
 * struct ward_access - an access
 * @was: what the rules of the time said of it
 * @by_limit: it was refused because a limit was used up
 * @by_hours: nothing but hours kept it from being allowed, or a rule with hours refused it
 * @rule: that decided; "" for none
 * @uid: whom rules that name users mean
 * @gid: a group of his, valid with @has_gid; which further ones he had is not recorded
 * @login: whom he logged in as; valid with @has_login
 * @has_gid: see @gid
 * @has_login: see @login
 * @kernel: a thread of the kernel, whose name is in @program
 * @program: path of the program, as the process showed it; "" when that is not known
 * @from: when, seconds since 1970, UTC
 * @until: the last of those that were folded into one
 * @count: how many those are
 * @part: the questions
 * @parts: how many
 */
struct ward_access {
	enum ward_access_was was;
	bool by_limit;
	bool by_hours;
	char rule[64];
	uint32_t uid;
	uint32_t gid;
	uint32_t login;
	bool has_gid;
	bool has_login;
	bool kernel;
	char program[WARD_PATH_MAX + 1];
	int64_t from;
	int64_t until;
	uint64_t count;
	struct ward_access_part part[WARD_ACCESS_PARTS];
	size_t parts;
};

int ward_access_read(json_t *record, const char *directory, struct ward_access *access);
size_t ward_place_parent(const char *place, size_t length);

#endif
