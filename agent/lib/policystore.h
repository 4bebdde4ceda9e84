/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a policy in .ward. */
#ifndef WARD_POLICYSTORE_H
#define WARD_POLICYSTORE_H

#include "policyfile.h"

int ward_policy_settle(int dirfd, const uint8_t uuid[WARD_UUID_SIZE], uint64_t serial);

#endif
