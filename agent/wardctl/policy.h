/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of "wardctl policy" share. */
#ifndef WARDCTL_POLICY_H
#define WARDCTL_POLICY_H

#include <stdint.h>

#include <jansson.h>

#include "../lib/conf.h"
#include "../lib/log.h"
#include "../lib/netlink.h"
#include "../lib/policyfile.h"

/**
 * struct explain - what is to be explained
 * @user: who
 * @login: as whom he logged in; NULL: not at all
 * @program: with which program, or thread of the kernel; NULL: with one that no rule names
 * @operations: "read, write"
 * @path: where: from the machine's root on, or from the vault's top
 * @to: likewise: the new name, for rename and link; NULL: some name in the same directory
 * @when: "2026-11-27 20:00", local time of this machine; NULL: now
 * @file: rules that are not in force, or NULL
 */
struct explain {
	const char *user;
	const char *login;
	const char *program;
	const char *operations;
	const char *path;
	const char *to;
	const char *when;
	const char *file;
};

/**
 * struct looking - which records of the log are looked at
 * @log: the log; NULL: where ward.conf says
 * @vault: the vault's name, when the file does not say it
 * @since: seconds since 1970; 0: all
 * @until: likewise
 * @user: of this user only, or NULL
 * @paths: directories in a rule, at most; 0: as learn.h has it
 */
struct looking {
	const char *log;
	const char *vault;
	int64_t since;
	int64_t until;
	const char *user;
	size_t paths;
};

int policy_read_file(const char *path, struct ward_policy *policy, struct ward_err *err);
int policy_read_stored(const struct ward_conf *conf, void **blob, size_t *len,
		       struct ward_policy *policy, struct ward_err *err);
int policy_explain(const char *name, const struct explain *what);
int policy_diff(const char *name, const char *file);
int policy_learn(const char *name, const struct looking *what);
int policy_renew(const char *arg);
int policy_replay(const char *file, const struct looking *what);

/* lookout.c: what these two share */
int policy_look(const struct ward_conf *conf, const struct looking *what, ward_record_fn fn,
		void *arg, uint64_t *bad, struct ward_err *err);
void policy_when(int64_t when, char *out, size_t size);
json_t *policy_when_json(int64_t when);
json_t *policy_rule_json(const struct ward_policy_rule *rule);

#endif
