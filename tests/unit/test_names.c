// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of users in the log: numbers that nobody has, by the thousand, do not keep wardd busy with
 * the user database, and take nobody's name away. The database is this machine's; questions are counted.
 */
#include <dlfcn.h>
#include <pwd.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "wardd/wardd.h"

#define STRANGER	3000000000U	/* and those that follow are nobody's; a multiple of 256, as root's */

static unsigned int asked;

struct passwd *getpwuid(uid_t uid)
{
	static struct passwd *(*real)(uid_t uid);

	if (!real)
		real = dlsym(RTLD_NEXT, "getpwuid");
	asked++;
	return real(uid);
}

FIXTURE(names) {
	struct wardd_names *names;
};

FIXTURE_SETUP(names)
{
	self->names = wardd_names_new();
	ASSERT_NE(NULL, self->names);
	asked = 0;
}

FIXTURE_TEARDOWN(names)
{
	wardd_names_free(self->names);
}

static const char *name(struct wardd_names *names, uint32_t uid)
{
	static char text[WARD_LOG_USER];

	strcpy(text, "not written");
	wardd_names_user(uid, text, names);
	return text;
}

TEST_F(names, a_name_is_asked_for_once)
{
	EXPECT_STREQ("root", name(self->names, 0));
	EXPECT_STREQ("root", name(self->names, 0));
	EXPECT_EQ(1, asked);
	/* Nor is one that there is not. */
	EXPECT_STREQ("", name(self->names, STRANGER + 1));
	EXPECT_STREQ("", name(self->names, STRANGER + 1));
	EXPECT_EQ(2, asked);
}

TEST_F(names, many_numbers_are_few_questions)
{
	time_t began = time(NULL);
	uint32_t n;

	EXPECT_STREQ("root", name(self->names, 0));
	for (n = 0; n < 100000; n++)
		ASSERT_STREQ("", name(self->names, STRANGER + n));
	/* 32 in each second, the first and the last of which were begun. */
	EXPECT_GE(32 * (time(NULL) - began + 2), asked);
	n = asked;
	EXPECT_STREQ("root", name(self->names, 0));
	EXPECT_EQ(n, asked);
}

TEST_F(names, a_number_without_a_name_takes_nobodys_place)
{
	uint32_t n;

	EXPECT_STREQ("root", name(self->names, 0));
	/* Of the same place, and few enough to be asked for. */
	for (n = 1; n <= 8; n++)
		EXPECT_STREQ("", name(self->names, STRANGER + 256 * n));
	n = asked;
	EXPECT_LT(1, n);
	EXPECT_STREQ("root", name(self->names, 0));
	EXPECT_EQ(n, asked);
}

TEST_F(names, who_is_new_has_a_name_a_second_later)
{
	uint32_t n;

	for (n = 0; n < 1000; n++)
		name(self->names, STRANGER + n);
	sleep(2);
	EXPECT_STREQ("root", name(self->names, 0));
}

TEST_HARNESS_MAIN
