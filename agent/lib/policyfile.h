/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy: as INI text, in memory, compiled: docs/format.md, "Policy". */
#ifndef WARD_POLICYFILE_H
#define WARD_POLICYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "err.h"
#include "key.h"

#define WARD_POLICY_CONDITIONS	8	/* in a rule: programs are two */
#define WARD_RULE_PLACE		96	/* room for which rule it is, bytes */
#define WARD_ZONE_MAX		39	/* bytes of a time zone's name */

/**
 * struct ward_who - a user or a group
 * @kind: WARD_SUBJECT_*
 * @id: its number
 */
struct ward_who {
	uint32_t kind;
	uint32_t id;
};

/**
 * struct ward_who_list - users and groups
 * @who: for free()
 * @count: how many
 */
struct ward_who_list {
	struct ward_who *who;
	size_t count;
};

/**
 * struct ward_policy_program - a program that a rule names
 * @id: which file it is; zeros while that is not known
 * @path: where it is; for free()
 */
struct ward_policy_program {
	struct ward_program_id id;
	char *path;
};

/**
 * struct ward_policy_span - a part of each week
 * @from: seconds since Monday, 0:00, local time
 * @until: likewise; up to before then
 */
struct ward_policy_span {
	uint32_t from;
	uint32_t until;
};

/**
 * struct ward_policy_cond - a condition of a rule
 * @type: WARD_COND_*
 * @groups: made by "groups = "; when decoded: the second one on users
 * @who: any of these
 * @threads: of WARD_COND_KTHREAD, instead: any of these threads of the kernel; for free()
 * @thread_count: how many
 * @paths: of WARD_COND_PATH: any of these directories, for ward_path_ok(); for free(), each
 *	and all
 * @path_count: how many
 * @programs: of WARD_COND_PROGRAM: any of these; for free()
 * @program_count: how many
 * @spans: of WARD_COND_HOURS: any of these, in order; for free()
 * @span_count: how many
 * @zone: time zone of them
 * @hours_from: from when on it is known what that means, seconds since 1970, UTC
 * @hours_until: up to when; 0: not known yet, see ward_policy_set_hours()
 * @offsets: what it means, as it is compiled; for free()
 * @offset_count: how many
 * @bursts: of WARD_COND_BURST: all of these, as they are compiled; for free()
 * @burst_count: how many
 */
struct ward_policy_cond {
	uint16_t type;
	bool groups;
	struct ward_who_list who;
	struct ward_kthread *threads;
	size_t thread_count;
	char **paths;
	size_t path_count;
	struct ward_policy_program *programs;
	size_t program_count;
	struct ward_policy_span *spans;
	size_t span_count;
	char zone[WARD_ZONE_MAX + 1];
	time_t hours_from;
	time_t hours_until;
	struct ward_offset *offsets;
	size_t offset_count;
	struct ward_burst *bursts;
	size_t burst_count;
};

/**
 * struct ward_policy_rule - a rule
 * @name: for people and events
 * @line: where it begins in the text that it was read from, from 1; 0: it was compiled
 * @flags: WARD_RULE_*
 * @operations: WARD_OP_*
 * @conds: all must hold
 * @count: how many
 */
struct ward_policy_rule {
	char name[64];
	unsigned int line;
	uint16_t flags;
	uint32_t operations;
	struct ward_policy_cond conds[WARD_POLICY_CONDITIONS];
	size_t count;
};

/**
 * struct ward_policy - a policy
 * @flags: WARD_POLICY_*
 * @serial: of a compiled one; 0 otherwise
 * @rules: in order; for ward_policy_free()
 * @count: how many
 */
struct ward_policy {
	uint16_t flags;
	uint64_t serial;
	struct ward_policy_rule *rules;
	size_t count;
};

int ward_who_parse(const char *word, struct ward_who *who, struct ward_err *err);
void ward_who_name(const struct ward_who *who, char *out, size_t size);
int ward_kthread_add(struct ward_policy_cond *cond, const struct ward_kthread *thread);
int ward_who_add(struct ward_who_list *list, const struct ward_who *who);

int ward_policy_path_add(struct ward_policy_cond *cond, const char *path);
int ward_policy_program_add(struct ward_policy_cond *cond, const char *path,
			    const struct ward_program_id *id);

/* policypath.c */
char *ward_path_unescape(const char *text, struct ward_err *err);
void ward_path_print(const char *path, FILE *f);
int ward_path_parse(const char *text, const char *directory, char **path, struct ward_err *err);

/* policyhours.c */
int ward_hours_add(struct ward_policy_cond *cond, const char *item, struct ward_err *err);
void ward_hours_print(const struct ward_policy_cond *cond, const char *sep, FILE *f);
bool ward_zone_ok(const char *zone);
void ward_zone_here(char zone[WARD_ZONE_MAX + 1]);
int ward_policy_set_hours(struct ward_policy *policy, time_t now);
int ward_policy_check_hours(struct ward_policy *policy, struct ward_err *err);
int ward_policy_extend_hours(struct ward_policy *policy, time_t now, struct ward_err *err);

/* policyburst.c */
int ward_burst_add(struct ward_policy_cond *cond, const char *item, struct ward_err *err);
void ward_burst_print_one(const struct ward_burst *b, FILE *f);
void ward_burst_print(const struct ward_policy_cond *cond, FILE *f);

/* policylint.c */
const struct ward_policy_rule *ward_policy_hidden(const struct ward_policy *policy, size_t i);
struct ward_lint;
struct ward_lint *ward_lint_new(const struct ward_policy *policy);
const struct ward_policy_rule *ward_lint_hidden(const struct ward_lint *lint, size_t i);
void ward_lint_free(struct ward_lint *lint);
bool ward_policy_idle(const struct ward_policy_rule *rule);

int ward_policy_parse(const char *text, size_t len, const char *file, struct ward_policy *policy,
		      struct ward_err *err);
void ward_policy_free(struct ward_policy *policy);
int ward_policy_one_rule(struct ward_policy *policy, const char *name,
			 const struct ward_who_list *who);
int ward_policy_compile(const struct ward_policy *policy, const struct ward_master *master,
			uint64_t serial, void **blob, size_t *len);
int ward_policy_decode(const void *blob, size_t len, const uint8_t uuid[WARD_UUID_SIZE],
		       struct ward_policy *policy);
int ward_policy_authentic(const void *blob, size_t len, const struct ward_master *master);
int ward_policy_print(const struct ward_policy *policy, FILE *f);
uint64_t ward_policy_serial_after(uint64_t serial);
const char *ward_rule_place(const struct ward_policy_rule *rule, char place[WARD_RULE_PLACE]);
const char *ward_operation_name(unsigned int bit);

#endif
