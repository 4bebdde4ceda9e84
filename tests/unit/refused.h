/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A compiled policy with one field changed is none: for tests whose fixture has the policy
 * as blob, len, the master secret it is of, and room for its traits.
 */
#ifndef UNIT_REFUSED_H
#define UNIT_REFUSED_H

#define CHECK() ward_policy_validate(self->blob, self->len, self->master.uuid, &self->traits)
#define REFUSED(field, value) do {					\
	__typeof__(field) was = (field);				\
	(field) = (value);						\
	EXPECT_EQ(-EBADMSG, CHECK());					\
	(field) = was;							\
	ASSERT_EQ(0, CHECK());						\
} while (0)

#endif
