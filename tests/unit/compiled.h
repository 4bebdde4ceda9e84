/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fixture that is a compiled policy, and what is none because one field was changed.
 */
#ifndef UNIT_COMPILED_H
#define UNIT_COMPILED_H

#include "harness.h"
#include "lib/policyfile.h"
#include "rules.h"

/* A Wednesday in summer: 2025-06-11 10:00 UTC, noon in Berlin. */
#define NOW	1749636000

/* The fixture @name: the policy that @ini says, as it is read, and as the kernel takes it. */
#define COMPILED_FIXTURE(name, ini)							\
FIXTURE(name) {										\
	struct ward_master master;							\
	struct ward_err err;								\
	struct ward_policy policy;							\
	void *blob;									\
	size_t len;									\
	struct ward_policy_traits traits;						\
};											\
											\
FIXTURE_SETUP(name)									\
{											\
	memset(self->master.key, 3, sizeof(self->master.key));				\
	memset(self->master.uuid, 4, sizeof(self->master.uuid));			\
	ward_err_clear(&self->err);							\
	self->blob = NULL;								\
	ASSERT_EQ(0, ward_policy_parse(ini, strlen(ini), "d.conf", &self->policy,	\
				       &self->err))					\
		TH_LOG("%s: %s", self->err.text, self->err.notes[0]);			\
	ASSERT_EQ(0, ward_policy_set_hours(&self->policy, NOW));			\
	ASSERT_EQ(0, ward_policy_compile(&self->policy, &self->master, 7, &self->blob,	\
					 &self->len));					\
}											\
											\
FIXTURE_TEARDOWN(name)									\
{											\
	ward_policy_free(&self->policy);						\
	free(self->blob);								\
}

#define CHECK() ward_policy_validate(self->blob, self->len, self->master.uuid, &self->traits)
#define REFUSED(field, value) do {					\
	__typeof__(field) was = (field);				\
	(field) = (value);						\
	EXPECT_EQ(-EBADMSG, CHECK());					\
	(field) = was;							\
	ASSERT_EQ(0, CHECK());						\
} while (0)

#endif
