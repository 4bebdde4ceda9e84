/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of "wardctl policy" share. */
#ifndef WARDCTL_POLICY_H
#define WARDCTL_POLICY_H

#include "../lib/conf.h"
#include "../lib/netlink.h"
#include "../lib/policyfile.h"

/**
 * struct explain - what is to be explained
 * @user: who
 * @login: as whom he logged in; NULL: not at all
 * @program: with which program; NULL: with one that no rule names
 * @operations: "read, write"
 * @path: where: from the machine's root on, or from the vault's top
 * @when: "2026-11-27 20:00", local time of this machine; NULL: now
 * @file: rules that are not in force, or NULL
 */
struct explain {
	const char *user;
	const char *login;
	const char *program;
	const char *operations;
	const char *path;
	const char *when;
	const char *file;
};

int policy_read_file(const char *path, struct ward_policy *policy, struct ward_err *err);
int policy_read_stored(const struct ward_conf *conf, void **blob, size_t *len,
		       struct ward_policy *policy, struct ward_err *err);
int policy_explain(const char *name, const struct explain *what);
int policy_diff(const char *name, const char *file);

#endif
