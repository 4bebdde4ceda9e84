/* SPDX-License-Identifier: GPL-2.0-only */
/* The hours of a rule: when a week's spans are, with daylight saving. Bytes only. */
#ifndef WARD_HOURS_H
#define WARD_HOURS_H

#include "bytes.h"

/* What a time that is known for sure never is: when something changes that never does. */
#define WARD_NEVER	(~0ULL)

bool ward_hours_ok(const struct ward_condition *c, u32 len);
u64 ward_hours_end(const struct ward_condition *c);
int ward_hours_hold(const struct ward_condition *c, u64 now);
u64 ward_hours_next(const struct ward_condition *c, u64 now);

#endif
