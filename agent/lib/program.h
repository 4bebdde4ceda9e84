/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs as rules name them: is this file one, and can only root change it. */
#ifndef WARD_PROGRAM_H
#define WARD_PROGRAM_H

#include <limits.h>

#include "err.h"
#include "policyfile.h"

struct ward_nl;

int ward_program_real(const char *path, char real[PATH_MAX], bool *chosen, struct ward_err *err);
int ward_program_open(const char *path, struct ward_err *err);
int ward_trusted_file(const char *path, struct ward_err *err);
int ward_policy_find_programs(struct ward_policy *policy, struct ward_nl *nl,
			      struct ward_err *err);
void ward_policy_stale_programs(const struct ward_policy *policy, struct ward_nl *nl,
				struct ward_err *err);

#endif
