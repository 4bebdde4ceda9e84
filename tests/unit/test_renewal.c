// SPDX-License-Identifier: GPL-2.0-or-later
/* Renewals of policies: what may differ, and that nothing else may. */
#include "harness.h"
#include <fcntl.h>
#include <sys/stat.h>
#include "lib/durable.h"
#include "lib/policystore.h"
#include "follow.h"
#include "rules.h"

static const char rules[] =
	"[rule a]\nusers = 1001\nprograms = /usr/bin/a, /usr/bin/bb, kernel:nfsd\nhours = Mon-Fri 07:00-19:00\n"
	"timezone = Europe/Berlin\neffect = allow\n"
	"[rule b]\npaths = /x\nprograms = /usr/bin/a\nburst = 3 files / 60 s\neffect = allow\n";

#define NOW	1749636000

FIXTURE(renewal) {
	struct ward_master master;
	struct ward_policy policy;
	struct ward_err err;
	uint8_t *old;
	size_t len;
};

static int compile(struct ward_policy *policy, const struct ward_master *master, time_t now, void **blob,
		   size_t *len)
{
	return ward_policy_set_hours(policy, now) ?: ward_policy_compile(policy, master, 7, blob, len);
}

FIXTURE_SETUP(renewal)
{
	void *blob;

	memset(&self->master, 0, sizeof(self->master));
	memset(self->master.uuid, 4, sizeof(self->master.uuid));
	ward_err_clear(&self->err);
	ASSERT_EQ(0, ward_policy_parse(rules, strlen(rules), "d.conf", &self->policy, &self->err));
	/* Two that are there, and one that is not. */
	self->policy.rules[0].conds[1].programs[0].id.kind = htole32(WARD_PROGRAM_UUID);
	self->policy.rules[0].conds[1].programs[1].id.kind = htole32(WARD_PROGRAM_ABSENT);
	self->policy.rules[1].conds[1].programs[0].id.kind = htole32(WARD_PROGRAM_UUID);
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW, &blob, &self->len));
	self->old = blob;
}

FIXTURE_TEARDOWN(renewal)
{
	ward_policy_free(&self->policy);
	free(self->old);
}

static void note(const struct ward_renewed *what, void *arg)
{
	char *out = arg;

	snprintf(out + strlen(out), 64, "%.*s ", (int)le16toh(what->new->path_length), what->new->path);
}

TEST_F(renewal, programs)
{
	struct ward_program_id *first = &self->policy.rules[0].conds[1].programs[0].id;
	struct ward_program_id *second = &self->policy.rules[0].conds[1].programs[1].id;
	char told[128] = "";
	size_t len;
	void *new;

	first->inode = htole64(5);
	second->kind = htole32(WARD_PROGRAM_DEVICE);
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW, &new, &len));
	EXPECT_TRUE(ward_policy_renewal(self->old, new, note, told));
	EXPECT_STREQ("/usr/bin/a /usr/bin/bb ", told);
	EXPECT_TRUE(ward_policy_renewal(self->old, self->old, note, told));
	EXPECT_STREQ("/usr/bin/a /usr/bin/bb ", told);
	free(new);
	/* One that was known is not forgotten. */
	memset(first, 0, sizeof(*first));
	first->kind = htole32(WARD_PROGRAM_ABSENT);
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW, &new, &len));
	EXPECT_FALSE(ward_policy_renewal(self->old, new, NULL, NULL));
	free(new);
}

static struct ward_program_id file(unsigned int n)
{
	struct ward_program_id id = { .kind = htole32(WARD_PROGRAM_UUID), .inode = htole64(n) };

	return id;
}

/* What was executed under earlier policies, under the one that renews them. */
TEST_F(renewal, running)
{
	struct ward_follow room[4][WARD_FOLLOW_MAX];
	struct ward_follows follows[4] = { { room[0] }, { room[1] }, { room[2] }, { room[3] } };
	struct ward_program_id *bb = &self->policy.rules[0].conds[1].programs[1].id, id;
	struct ward_program_id *a[] = {
		&self->policy.rules[0].conds[1].programs[0].id, &self->policy.rules[1].conds[1].programs[0].id,
	};
	/* Which file /usr/bin/a is, and /usr/bin/bb, in one policy after the other */
	static const unsigned int files[4][2] = { { 10, 20 }, { 11, 20 }, { 12, 21 }, { 12, 11 } };
	/* What 10, 11, 20 are then; 0: itself */
	static const unsigned int expected[4][3] = { { 0, 0, 0 }, { 11, 0, 0 }, { 12, 12, 21 }, { 12, 0, 11 } };
	static const unsigned int asked[] = { 10, 11, 20 };
	void *blob[4];
	size_t len, i, k;

	for (i = 0; i < 4; i++) {
		*a[0] = file(files[i][0]);
		*a[1] = file(files[i][0]);
		*bb = file(files[i][1]);
		ASSERT_EQ(0, compile(&self->policy, &self->master, NOW, &blob[i], &len));
		if (i)
			ward_follow_make(&follows[i], blob[i - 1], blob[i], &follows[i - 1]);
		for (k = 0; k < 3; k++) {
			const struct ward_program_id *found;

			id = file(asked[k]);
			found = ward_follow_find(&follows[i], &id);
			EXPECT_EQ(expected[i][k], found ? le64toh(found->inode) : 0) {
				TH_LOG("policy %zu, file %u", i, asked[k]);
			}
		}
	}
	/* What was not there before was executed by nobody. */
	ward_follow_make(&follows[0], self->old, blob[0], &(struct ward_follows){ NULL });
	memset(&id, 0, sizeof(id));
	id.kind = htole32(WARD_PROGRAM_ABSENT);
	EXPECT_EQ(NULL, ward_follow_find(&follows[0], &id));
	for (i = 0; i < 4; i++)
		free(blob[i]);
}

TEST_F(renewal, more_running_than_there_is_room_for)
{
	struct ward_follow room[2][WARD_FOLLOW_MAX];
	struct ward_follows now = { room[0] }, before = { room[1], WARD_FOLLOW_MAX };
	struct ward_program_id first = file(1), id;
	size_t len, i;
	void *new;

	for (i = 0; i < WARD_FOLLOW_MAX; i++) {
		memset(&room[1][i], 0, sizeof(room[1][i]));
		room[1][i].from.kind = htole32(WARD_PROGRAM_UUID);
		room[1][i].from.inode = htobe64(i + 100);
		room[1][i].to = file(0);
	}
	self->policy.rules[0].conds[1].programs[0].id = first;
	self->policy.rules[1].conds[1].programs[0].id = first;
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW, &new, &len));
	ward_follow_make(&now, self->old, new, &before);
	EXPECT_EQ(WARD_FOLLOW_MAX, now.count);
	for (i = 1; i < now.count; i++)
		EXPECT_GT(0, memcmp(&now.follow[i - 1].from, &now.follow[i].from, sizeof(id)));
	/* The newest is known. */
	id = file(0);
	ASSERT_NE(NULL, ward_follow_find(&now, &id));
	EXPECT_EQ(0, memcmp(&first, ward_follow_find(&now, &id), sizeof(id)));
	free(new);
}

/* The hours as they are compiled into @policy, for ward_policy_extend_hours() */
static struct ward_policy_cond *hours_of(struct ward_policy *policy)
{
	return &policy->rules[0].conds[3];
}

/* Extends the hours of the policy, and says whether that is a renewal. */
static int extended(struct ward_policy *policy, const struct ward_master *master, const void *old, time_t now,
		    struct ward_err *err)
{
	struct ward_policy_traits traits;
	size_t len;
	void *new;
	int ret = ward_policy_extend_hours(policy, now, err);

	if (ret < 0 || ward_policy_compile(policy, master, 7, &new, &len))
		return -1;
	if (ward_policy_validate(new, len, master->uuid, &traits) || !ward_policy_renewal(old, new, NULL, NULL))
		ret = -1;
	free(new);
	return ret;
}

TEST_F(renewal, hours)
{
	struct ward_policy_cond *c = hours_of(&self->policy);
	time_t from = c->hours_from, until = c->hours_until;
	size_t len;
	void *new;
	int days;

	ASSERT_EQ(WARD_COND_HOURS, c->type);
	for (days = 1; days < 1500; days += 50) {
		EXPECT_EQ(1, extended(&self->policy, &self->master, self->old, NOW + days * 86400L, &self->err));
		EXPECT_EQ(from, c->hours_from);
		EXPECT_EQ(until + days * 86400L, c->hours_until);
	}
	strcpy(c->zone, "UTC");
	ASSERT_EQ(0, ward_policy_compile(&self->policy, &self->master, 7, &new, &len));
	EXPECT_FALSE(ward_policy_renewal(self->old, new, NULL, NULL));
	free(new);
}

static void see_hours(const struct ward_renewed *what, void *arg)
{
	if (!what->new && !strcmp((const char *)what->rule->name, "a"))
		++*(int *)arg;
}

/* Local time is ahead of UTC by what it was at some time, and by nothing else. */
TEST_F(renewal, another_local_time)
{
	struct ward_policy_cond *c = hours_of(&self->policy);
	uint32_t right = c->offsets[1].seconds, other = c->offsets[0].seconds;
	time_t until = c->hours_until;
	int seen = 0;
	size_t len;
	void *new;

	EXPECT_EQ(0, ward_policy_check_hours(&self->policy, &self->err));
	EXPECT_EQ(0, self->err.count);
	/* No summer time any more, or from another day on: that is a renewal, and on record. */
	c->offsets[1].seconds = other;
	ASSERT_EQ(0, ward_policy_compile(&self->policy, &self->master, 7, &new, &len));
	EXPECT_TRUE(ward_policy_renewal(self->old, new, see_hours, &seen));
	EXPECT_EQ(1, seen);
	free(new);
	/* The tools tell it. */
	EXPECT_EQ(0, ward_policy_check_hours(&self->policy, &self->err));
	ASSERT_EQ(1, self->err.count);
	EXPECT_NE(NULL, strstr(self->err.notes[0], "runs otherwise"));
	/* Seven hours later is none. */
	c->offsets[1].seconds = htole32(7 * 3600);
	ASSERT_EQ(0, ward_policy_compile(&self->policy, &self->master, 7, &new, &len));
	EXPECT_FALSE(ward_policy_renewal(self->old, new, NULL, NULL));
	free(new);
	c->offsets[1].seconds = right;
	EXPECT_TRUE(ward_policy_renewal(self->old, self->old, see_hours, &seen));
	EXPECT_EQ(1, seen);
	/* Nor does the agent ask for one. */
	ward_err_clear(&self->err);
	strcpy(c->zone, "Asia/Tokyo");
	EXPECT_EQ(0, ward_policy_extend_hours(&self->policy, NOW + 86400, &self->err));
	ASSERT_EQ(1, self->err.count);
	EXPECT_NE(NULL, strstr(self->err.notes[0], "another one than it ever was"));
	EXPECT_EQ(until, c->hours_until);
}

/* A clock that is wrong, and put right again: nothing that was known is forgotten. */
TEST_F(renewal, clocks)
{
	static const long years[] = { -10, 0, 40, 0, -50, 60, -200, 300, 0 };
	struct ward_policy_cond *c = hours_of(&self->policy);
	size_t i, len, notes = 0;
	void *new;

	for (i = 0; i < sizeof(years) / sizeof(*years); i++) {
		time_t from = c->hours_from, until = c->hours_until, now = NOW + years[i] * 365 * 86400;

		EXPECT_LE(0, extended(&self->policy, &self->master, self->old, now, &self->err));
		EXPECT_GE(from, c->hours_from);
		EXPECT_LE(until, c->hours_until);
		EXPECT_LE(0, c->hours_from);
		EXPECT_GE(100 * 366 * 86400L, c->hours_until - c->hours_from);
		if (self->err.count == notes && now > 0) {
			EXPECT_GT(now, c->hours_from);
			EXPECT_LE(now + 730 * 86400L, c->hours_until);
		}
		notes = self->err.count;
	}
	EXPECT_LT(0, notes);
	/* Nor does the kernel take one that knows less. */
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW + 86400, &new, &len));
	EXPECT_FALSE(ward_policy_renewal(self->old, new, NULL, NULL));
	free(new);
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW - 86400, &new, &len));
	EXPECT_FALSE(ward_policy_renewal(self->old, new, NULL, NULL));
	free(new);
}

TEST_F(renewal, a_zone_that_is_gone)
{
	struct ward_policy_cond *c = hours_of(&self->policy), before = *c;

	strcpy(c->zone, "Atlantis/City");
	EXPECT_EQ(0, ward_policy_extend_hours(&self->policy, NOW + 400 * 86400L, &self->err));
	ASSERT_EQ(1, self->err.count);
	EXPECT_NE(NULL, strstr(self->err.notes[0], "no time zone Atlantis/City"));
	EXPECT_EQ(before.hours_until, c->hours_until);
	EXPECT_EQ(before.offsets, c->offsets);
	EXPECT_EQ(before.offset_count, c->offset_count);
	strcpy(c->zone, "Europe/Berlin");
	EXPECT_EQ(1, ward_policy_extend_hours(&self->policy, NOW + 400 * 86400L, &self->err));
	EXPECT_LT(before.hours_until, c->hours_until);
	EXPECT_EQ(1, self->err.count);
}

/* Every byte but those: the policy is another one, or none. */
TEST_F(renewal, nothing_else)
{
	struct ward_policy_traits traits;
	unsigned int same = 0, other = 0;
	uint8_t *new = malloc(self->len);
	struct ward_policy p;
	size_t i;

	ASSERT_NE(NULL, new);
	for (i = 0; i < (self->len - WARD_MAC_SIZE) * 8; i++) {
		memcpy(new, self->old, self->len);
		new[i / 8] ^= 1 << i % 8;
		if (i / 8 >= 32 && i / 8 < 40)		/* the serial number */
			continue;
		if (ward_policy_validate(new, self->len, self->master.uuid, &traits))
			continue;
		if (!ward_policy_renewal(self->old, new, NULL, NULL)) {
			other++;
			continue;
		}
		same++;
		/* Then it is a program's file, or when local time runs. */
		ASSERT_EQ(0, ward_policy_decode(new, self->len, self->master.uuid, &p));
		EXPECT_EQ(self->policy.flags, p.flags);
		EXPECT_TRUE(memcmp(&p.rules[0].conds[1].programs[0].id,
				   &self->policy.rules[0].conds[1].programs[0].id, 40) ||
			    memcmp(&p.rules[1].conds[1].programs[0].id,
				   &self->policy.rules[1].conds[1].programs[0].id, 40) ||
			    memcmp(&p.rules[0].conds[1].programs[1].id,
				   &self->policy.rules[0].conds[1].programs[1].id, 40) ||
			    p.rules[0].conds[3].hours_from != self->policy.rules[0].conds[3].hours_from ||
			    p.rules[0].conds[3].hours_until != self->policy.rules[0].conds[3].hours_until ||
			    memcmp(p.rules[0].conds[3].offsets, self->policy.rules[0].conds[3].offsets,
				   self->policy.rules[0].conds[3].offset_count * 16));
		ward_policy_free(&p);
	}
	free(new);
	EXPECT_LT(100, same);
	EXPECT_LT(100, other);
}

/* Whatever is renewed before rules are loaded with a secret is older than those. */
TEST(serials)
{
	static const u64 loaded[] = { 1, 2, 0xfffe, 0xffff, 0x10000, 0x10001, 0x1fffe, 0xfffffffffULL };
	size_t i;

	for (i = 0; i < sizeof(loaded) / sizeof(*loaded); i++) {
		u64 now = loaded[i], next = ward_policy_serial_after(now), renewals = 0;

		EXPECT_LT(now, next);
		EXPECT_FALSE(ward_policy_follows(now, now));
		EXPECT_FALSE(ward_policy_follows(now, now + 2));
		EXPECT_FALSE(ward_policy_follows(now, next) && now + 1 != next);
		while (ward_policy_follows(now, now + 1)) {
			now++;
			renewals++;
			/* From each of them the next load is out of reach. */
			EXPECT_LT(now, ward_policy_serial_after(loaded[i]));
		}
		EXPECT_EQ(next, now + 1);
		EXPECT_EQ(next, loaded[i] + renewals + 1);
		EXPECT_EQ(0, next & WARD_POLICY_RENEWALS);
	}
}

/* With a secret everything can be changed; without, nothing where the rules say so. */
TEST_F(renewal, rules_that_are_not_to_be_renewed)
{
	struct ward_policy_traits traits;
	struct ward_policy p;
	void *old, *new;
	size_t len;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ward_policy_parse(i ? "[vault]\nrenew = no\n" : "[vault]\nrenew = yes\n",
					       i ? 19 : 20, "d.conf", &p, &self->err));
		EXPECT_EQ(i ? WARD_POLICY_FIXED : 0, p.flags);
		ASSERT_EQ(0, ward_policy_compile(&p, &self->master, 0x10000, &old, &len));
		ASSERT_EQ(0, ward_policy_validate(old, len, self->master.uuid, &traits));
		ASSERT_EQ(0, ward_policy_compile(&p, &self->master, 0x10001, &new, &len));
		EXPECT_EQ(i ? -EPERM : 0, ward_policy_renews(old, new));
		EXPECT_EQ(-ESTALE, ward_policy_renews(new, old));
		free(new);
		/* Nor is that word taken out, or put in. */
		p.flags ^= WARD_POLICY_FIXED;
		ASSERT_EQ(0, ward_policy_compile(&p, &self->master, 0x10001, &new, &len));
		EXPECT_EQ(-EPERM, ward_policy_renews(old, new));
		free(new);
		free(old);
		ward_policy_free(&p);
	}
}

/* Which policy a file is, by its serial number; 0 when it is not there. */
static uint64_t serial_in(int dir, const char *name, const struct ward_master *master)
{
	struct ward_policy p;
	uint64_t serial;
	size_t len;
	void *blob;

	if (ward_durable_read(dir, name, WARD_POLICY_MAX, &blob, &len))
		return 0;
	serial = ward_policy_decode(blob, len, master->uuid, &p) ? 1 : p.serial;
	if (serial > 1)
		ward_policy_free(&p);
	free(blob);
	return serial;
}

/* A stop before the new file has the old one's place; 1 stands for a file that is no policy. */
TEST_F(renewal, stopped_between_load_and_rename)
{
	static const struct {
		uint64_t old, new, in_force, old_then, new_then;
		int ret;
	} cases[] = {
		{ 5, 6, 6, 6, 0, 1 }, { 5, 6, 5, 5, 6, 0 }, { 5, 7, 6, 5, 7, 0 }, { 5, 0, 6, 5, 0, 0 },
		{ 0, 6, 6, 6, 0, 1 }, { 1, 6, 6, 6, 0, 1 }, { 5, 1, 6, 5, 1, 0 }, { 6, 6, 6, 6, 6, 0 },
		{ 5, 6, 0, 5, 6, 0 },
	};
	char path[] = "/tmp/ward-renewal-XXXXXX";
	int dir, i, k;
	size_t len;
	void *blob;

	ASSERT_NE(NULL, mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, dir);
	for (i = 0; i < (int)(sizeof(cases) / sizeof(*cases)); i++) {
		for (k = 0; k < 2; k++) {
			uint64_t serial = k ? cases[i].new : cases[i].old;
			const char *name = k ? WARD_POLICY_NEW_NAME : WARD_POLICY_NAME;

			unlinkat(dir, name, 0);
			if (!serial)
				continue;
			ASSERT_EQ(0, ward_policy_compile(&self->policy, &self->master, serial, &blob, &len));
			ASSERT_EQ(0, ward_durable_write(dir, name, blob, serial == 1 ? len / 2 : len, 0600));
			free(blob);
		}
		EXPECT_EQ(cases[i].ret, ward_policy_settle(dir, self->master.uuid, cases[i].in_force)) {
			TH_LOG("case %d", i);
		}
		EXPECT_EQ(cases[i].old_then, serial_in(dir, WARD_POLICY_NAME, &self->master));
		EXPECT_EQ(cases[i].new_then, serial_in(dir, WARD_POLICY_NEW_NAME, &self->master));
	}
	unlinkat(dir, WARD_POLICY_NAME, 0);
	unlinkat(dir, WARD_POLICY_NEW_NAME, 0);
	close(dir);
	EXPECT_EQ(0, rmdir(path));
}

TEST_F(renewal, rules_that_come_and_go)
{
	size_t len;
	void *new;

	self->policy.count--;
	ASSERT_EQ(0, compile(&self->policy, &self->master, NOW, &new, &len));
	EXPECT_FALSE(ward_policy_renewal(self->old, new, NULL, NULL));
	EXPECT_FALSE(ward_policy_renewal(new, self->old, NULL, NULL));
	free(new);
	self->policy.count++;
}

TEST_HARNESS_MAIN
