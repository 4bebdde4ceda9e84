// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of users and vaults in the log: numbers that nobody has, by the thousand, do not keep wardd
 * busy with the user database, and take nobody's name away; nor do a thousand vaults with the
 * configuration. The user database is this machine's; questions are counted.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "wardd/wardd.h"

#define STRANGER	3000000000U	/* and those that follow are nobody's; a multiple of 256, as root's */

#define VAULTS		1000

static unsigned int asked;	/* the user database */
static unsigned int looked;	/* into directories */

struct passwd *getpwuid(uid_t uid)
{
	static struct passwd *(*real)(uid_t uid);

	if (!real)
		real = dlsym(RTLD_NEXT, "getpwuid");
	asked++;
	return real(uid);
}

DIR *opendir(const char *name)
{
	static DIR *(*real)(const char *name);

	if (!real)
		real = dlsym(RTLD_NEXT, "opendir");
	looked++;
	return real(name);
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

/* ---- vaults ----------------------------------------------------------------------- */

FIXTURE(vaults) {
	struct wardd_names *names;
	char from[PATH_MAX];
	char dir[64];
};

static void configure(unsigned int n, const char *directory)
{
	char path[64], new[64];
	FILE *f;

	snprintf(path, sizeof(path), "vaults.d/v%u.conf", n);
	snprintf(new, sizeof(new), "vaults.d/v%u.new", n);
	f = fopen(new, "w");
	if (!f)
		abort();
	fprintf(f, "[vault]\nuuid = 00000000-0000-0000-0000-%012x\ndirectory = %s%u\n", n, directory, n);
	if (fclose(f) || rename(new, path))
		abort();
}

/* The clock of directories is a coarse one. */
static void later(void)
{
	usleep(20000);
}

static void forget(unsigned int n)
{
	char path[64];

	snprintf(path, sizeof(path), "vaults.d/v%u.conf", n);
	unlink(path);
}

FIXTURE_SETUP(vaults)
{
	unsigned int n;

	strcpy(self->dir, "/tmp/ward-names-XXXXXX");
	ASSERT_NE(NULL, getcwd(self->from, sizeof(self->from)));
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, chdir(self->dir));
	ASSERT_EQ(0, mkdir("vaults.d", 0700));
	for (n = 0; n < VAULTS; n++)
		configure(n, "/srv/");
	later();
	self->names = wardd_names_new();
	ASSERT_NE(NULL, self->names);
	looked = 0;
}

FIXTURE_TEARDOWN(vaults)
{
	unsigned int n;

	wardd_names_free(self->names);
	for (n = 0; n < VAULTS; n++)
		forget(n);
	rmdir("vaults.d");
	EXPECT_EQ(0, chdir(self->from));
	rmdir(self->dir);
}

/* "name directory" */
static const char *vault(struct wardd_names *names, unsigned int n)
{
	static char text[64 + 1 + PATH_MAX];
	char name[64], dir[PATH_MAX];
	uint8_t uuid[16] = { [14] = n >> 8, [15] = n };

	wardd_names_vault(uuid, name, dir, names);
	snprintf(text, sizeof(text), "%s %s", name, dir);
	return text;
}

TEST_F(vaults, a_thousand_are_read_at_once)
{
	char want[64];
	unsigned int n;

	for (n = 0; n < 2 * VAULTS; n++) {
		snprintf(want, sizeof(want), "v%u /srv/%u", n % VAULTS, n % VAULTS);
		ASSERT_STREQ(want, vault(self->names, n % VAULTS));
	}
	/* Nor is one that there is not looked for again. */
	for (n = 0; n < 10; n++)
		EXPECT_STREQ(" ", vault(self->names, VAULTS + 1));
	EXPECT_GE(3, looked) {
		TH_LOG("looked %u times; another mount may come and go meanwhile", looked);
	}
}

TEST_F(vaults, what_changes_is_noticed)
{
	EXPECT_STREQ("v7 /srv/7", vault(self->names, 7));
	configure(7, "/home/");
	sleep(2);
	EXPECT_STREQ("v7 /home/7", vault(self->names, 7));
	/* Unknown to this machine from now on, but events of it may still come. */
	forget(7);
	EXPECT_STREQ("v7 /home/7", vault(self->names, 7));
	EXPECT_STREQ("v8 /srv/8", vault(self->names, 8));
}

TEST_HARNESS_MAIN
