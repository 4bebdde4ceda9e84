// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hours of a rule, with their time zone: from INI text (agent/lib/policyhours.c) to
 * what the kernel reads, judged by module/hours.c, which is what the kernel runs.
 */
#include "compiled.h"
#include "hours.h"

static const char scanner[] =
	"[rule everybody may look]\n"
	"operations = list\n"
	"effect     = allow\n"
	"\n"
	"[rule the scanner's inbox]\n"
	"users      = 4005\n"
	"programs   = /usr/bin/scan, kernel:nfsd\n"
	"paths      = /inbox/scans/, /x\n"
	"hours      = Mon-Fri 07:00-19:00, Sat 08:30-12:00, Sat-Sun 22:00-06:00\n"
	"timezone   = Europe/Berlin\n"
	"burst      = 200 files / 60 s\n"
	"effect     = allow\n";

COMPILED_FIXTURE(hours, scanner)

typedef struct _test_data_hours t;

/* Nobody is in any group. */
static bool in_group(u32 gid, void *arg)
{
	return false;
}

static bool open_at(t *self, time_t when)
{
	/* As the policy has it, for the program is not there: nobody runs this. */
	struct ward_program_id id = { .kind = htole32(WARD_PROGRAM_ABSENT) };
	struct ward_actor a = {
		.fsuid = 4005, .in_group = in_group, .program = &id,
		.place = (const u8 *)"/inbox/scans", .place_len = 12, .now = when,
	};

	return ward_policy_allowed(self->blob, &a, NULL) & WARD_OP_CREATE;
}

/* Seconds since 1970 of a time in Berlin, as the C library knows it. */
static time_t berlin(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour,
		.tm_min = minute, .tm_isdst = -1,
	};

	setenv("TZ", ":Europe/Berlin", 1);
	tzset();
	return mktime(&tm);
}

TEST_F(hours, are_local)
{
	static const struct {
		int year, month, day, hour, minute;
		bool open;
	} times[] = {
		{ 2025, 6, 11, 12, 0, true }, { 2025, 6, 11, 7, 0, true }, { 2025, 6, 11, 6, 59, false },
		{ 2025, 6, 11, 18, 59, true }, { 2025, 6, 11, 19, 0, false },
		{ 2025, 12, 10, 7, 0, true }, { 2025, 12, 10, 6, 59, false }, { 2025, 12, 10, 19, 0, false },
		{ 2026, 7, 1, 7, 0, true }, { 2027, 1, 13, 6, 59, false }, { 2027, 6, 9, 18, 59, true },
		{ 2025, 6, 14, 8, 30, true }, { 2025, 6, 14, 12, 0, false }, { 2025, 6, 14, 22, 0, true },
		{ 2025, 6, 15, 5, 59, true }, { 2025, 6, 15, 6, 0, false }, { 2025, 6, 15, 23, 59, true },
		{ 2025, 6, 16, 5, 59, true }, { 2025, 6, 16, 6, 0, false }, { 2025, 6, 16, 7, 0, true },
		/* The nights in which the clock is changed, both Sundays */
		{ 2025, 10, 26, 5, 59, true }, { 2025, 10, 26, 6, 0, false }, { 2025, 10, 27, 6, 59, false },
		{ 2026, 3, 29, 5, 59, true }, { 2026, 3, 29, 6, 0, false }, { 2026, 3, 30, 7, 0, true },
	};
	size_t i;

	ASSERT_EQ(0, ward_policy_validate(self->blob, self->len, self->master.uuid, &self->traits));
	EXPECT_TRUE(self->traits.by_hours);
	EXPECT_EQ(NOW + 731L * 86400, self->traits.hours_end);
	for (i = 0; i < ARRAY_SIZE(times); i++)
		EXPECT_EQ(times[i].open, open_at(self, berlin(times[i].year, times[i].month,
			times[i].day, times[i].hour, times[i].minute))) TH_LOG("time %zu", i);
	/* Where the table ends, so do the rights; and before it began. */
	EXPECT_FALSE(open_at(self, berlin(2027, 6, 16, 12, 0)));
	EXPECT_FALSE(open_at(self, berlin(2025, 6, 9, 12, 0)));
	EXPECT_FALSE(open_at(self, 0));
	EXPECT_FALSE(open_at(self, (time_t)1 << 40));
}

/* Between the times that are told nothing changes, and at each something may. */
TEST_F(hours, change_when_they_say)
{
	u64 now = NOW, next, end = NOW + 731L * 86400, t;
	unsigned int changes = 0;

	while (now <= end) {
		next = ward_policy_next(self->blob, now);
		ASSERT_LT(now, next);
		if (next == ~0ULL)
			break;
		for (t = now; t < next; t += 1 + (next - now) / 7)
			ASSERT_EQ(open_at(self, now), open_at(self, t)) TH_LOG("%llu", (unsigned long long)t);
		ASSERT_EQ(open_at(self, now), open_at(self, next - 1));
		changes++;
		now = next;
	}
	EXPECT_EQ(end, now);
	EXPECT_LT(1500, changes);
	EXPECT_GT(2500, changes);
	EXPECT_EQ(~0ULL, ward_policy_next(self->blob, end));
	EXPECT_EQ(NOW - 86400, ward_policy_next(self->blob, 5));
}

/* Is a policy of one rule open at that time? @vault, @rule: more lines of the vault, and of the rule */
static bool open_in(struct __test_metadata *_metadata, const char *hours, const char *vault, const char *rule,
		    time_t when)
{
	struct ward_actor a = { .fsuid = 1, .in_group = in_group, .now = when };
	struct ward_master master = { { 1 }, { 2 } };
	struct ward_policy_traits traits;
	struct ward_policy p;
	struct ward_err err;
	char text[256];
	size_t len;
	void *blob;
	bool is;

	snprintf(text, sizeof(text), "[vault]\ndirectory = /srv/d\n%s[rule a]\nhours = %s\n%seffect = allow\n",
		 vault, hours, rule);
	ward_err_clear(&err);
	ASSERT_EQ(0, ward_policy_parse(text, strlen(text), "d.conf", &p, &err)) {
		TH_LOG("%s: %s", err.text, err.notes[0]);
	}
	ASSERT_EQ(0, ward_policy_set_hours(&p, when - 100 * 86400));
	ASSERT_EQ(0, ward_policy_compile(&p, &master, 1, &blob, &len));
	ASSERT_EQ(0, ward_policy_validate(blob, len, master.uuid, &traits));
	is = ward_policy_allowed(blob, &a, NULL) == WARD_OP_ALL;
	ward_policy_free(&p);
	free(blob);
	return is;
}

/* The hour that the clock passes twice counts both times, the one that it leaves out never; north and south. */
TEST_F(hours, when_the_clock_is_changed)
{
	static const struct {
		const char *zone, *hours;
		time_t when;		/* by UTC, which the comment has */
		bool open;
	} times[] = {
		/* 2025-10-26: 03:00 CEST becomes 02:00 CET, at 01:00 */
		{ "Europe/Berlin", "02:00-03:00", 1761436799, false },	/* 25 23:59:59: 01:59:59 CEST */
		{ "Europe/Berlin", "02:00-03:00", 1761436800, true },	/* 26 00:00: 02:00 CEST */
		{ "Europe/Berlin", "02:00-03:00", 1761438600, true },	/* 00:30: 02:30 CEST */
		{ "Europe/Berlin", "02:00-03:00", 1761440399, true },	/* 00:59:59: 02:59:59 CEST */
		{ "Europe/Berlin", "02:00-03:00", 1761442200, true },	/* 01:30: 02:30 CET */
		{ "Europe/Berlin", "02:00-03:00", 1761443999, true },	/* 01:59:59: 02:59:59 CET */
		{ "Europe/Berlin", "02:00-03:00", 1761444000, false },	/* 02:00: 03:00 CET */
		{ "Europe/Berlin", "02:00-02:30", 1761440399, false },	/* 02:59:59 CEST */
		{ "Europe/Berlin", "02:00-02:30", 1761440400, true },	/* 02:00 CET: open once more */
		/* 2026-03-29: 02:00 CET becomes 03:00 CEST, at 01:00 */
		{ "Europe/Berlin", "02:00-03:00", 1774745999, false },	/* 00:59:59: 01:59:59 CET */
		{ "Europe/Berlin", "02:00-03:00", 1774746000, false },	/* 01:00: 03:00 CEST */
		{ "Europe/Berlin", "01:30-03:30", 1774745999, true },
		{ "Europe/Berlin", "01:30-03:30", 1774747799, true },	/* 03:29:59 CEST, an hour after 01:30 CET */
		{ "Europe/Berlin", "01:30-03:30", 1774747800, false },
		/* 2026-04-05: 03:00 AEDT becomes 02:00 AEST, on the 4th at 16:00 */
		{ "Australia/Sydney", "Sun 02:00-03:00", 1775314799, false },	/* 14:59:59: 01:59:59 AEDT */
		{ "Australia/Sydney", "Sun 02:00-03:00", 1775316600, true },	/* 15:30: 02:30 AEDT */
		{ "Australia/Sydney", "Sun 02:00-03:00", 1775320200, true },	/* 16:30: 02:30 AEST */
		{ "Australia/Sydney", "Sun 02:00-03:00", 1775322000, false },	/* 17:00: 03:00 AEST */
		/* 2026-10-04: 02:00 AEST becomes 03:00 AEDT, on the 3rd at 16:00 */
		{ "Australia/Sydney", "Sun 02:00-03:00", 1791043199, false },
		{ "Australia/Sydney", "Sun 02:00-03:00", 1791043200, false },
		{ "Australia/Sydney", "Sun 03:00-04:00", 1791043200, true },
		/* A quarter of an hour beside others, and half an hour of summer time (until 15:00 on 2026-04-04) */
		{ "Asia/Kathmandu", "12:00-13:00", 1775024100, true },		/* 2026-04-01 06:15 */
		{ "Asia/Kathmandu", "12:00-13:00", 1775024099, false },
		{ "Australia/Lord_Howe", "Sun 01:30-02:00", 1775314800, true },	/* 15:00: 01:30, once more */
		{ "Australia/Lord_Howe", "Sun 01:30-02:00", 1775316600, false },	/* 15:30: 02:00 */
	};
	char zone[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		snprintf(zone, sizeof(zone), "timezone = %s\n", times[i].zone);
		EXPECT_EQ(times[i].open, open_in(_metadata, times[i].hours, "", zone, times[i].when)) {
			TH_LOG("%s, %s, %lld", times[i].zone, times[i].hours, (long long)times[i].when);
		}
	}
}

/* The rule's zone counts before the vault's. Neither is that of who loads: TZ says what he reads, not what he writes. */
TEST_F(hours, whose_time_it_is)
{
	static const char vault[] = "timezone = Europe/Berlin\n", rule[] = "timezone = America/New_York\n";
	const time_t noon = 1775037600;		/* 2026-04-01 10:00 UTC: 12:00 in Berlin, 06:00 in New York, 19:00 in Tokyo */
	char here[WARD_ZONE_MAX + 1], text[128];

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	EXPECT_TRUE(open_in(_metadata, "12:00-12:01", vault, "", noon));
	EXPECT_FALSE(open_in(_metadata, "19:00-19:01", vault, "", noon));
	EXPECT_TRUE(open_in(_metadata, "06:00-06:01", vault, rule, noon));
	EXPECT_FALSE(open_in(_metadata, "12:00-12:01", vault, rule, noon));
	/* Without either it is this machine's. */
	ward_zone_here(here);
	EXPECT_STRNE("Asia/Tokyo", here);
	snprintf(text, sizeof(text), "timezone = %s\n", here);
	EXPECT_EQ(open_in(_metadata, "10:00-10:01", "", text, noon), open_in(_metadata, "10:00-10:01", "", "", noon));
	EXPECT_FALSE(open_in(_metadata, "19:00-19:01", "", "", noon));
	EXPECT_STREQ("Asia/Tokyo", getenv("TZ"));
	unsetenv("TZ");
	tzset();
}

/* A rule that denies holds when the time is not known. */
TEST_F(hours, that_deny)
{
	static const char text[] =
		"[rule not at night]\nhours = 22:00-06:00\ntimezone = UTC\neffect = deny\n"
		"[rule all]\neffect = allow\n";
	struct ward_actor a = { .fsuid = 1, .in_group = in_group };
	struct ward_policy p;
	void *blob;
	size_t len;

	ASSERT_EQ(0, ward_policy_parse(text, strlen(text), "d.conf", &p, &self->err));
	ASSERT_EQ(0, ward_policy_set_hours(&p, NOW));
	ASSERT_EQ(0, ward_policy_compile(&p, &self->master, 1, &blob, &len));
	ASSERT_EQ(0, ward_policy_validate(blob, len, self->master.uuid, &self->traits));
#define OPEN(when) (a.now = (when), ward_policy_allowed(blob, &a, NULL) == WARD_OP_ALL)
	EXPECT_TRUE(OPEN(NOW));
	EXPECT_FALSE(OPEN(NOW + 12 * 3600));
	EXPECT_TRUE(OPEN(NOW + 12 * 3600 - 1));
	EXPECT_FALSE(OPEN(NOW + 20 * 3600 - 1));
	EXPECT_TRUE(OPEN(NOW + 20 * 3600));
	EXPECT_FALSE(OPEN(0));
	EXPECT_FALSE(OPEN(NOW + 731L * 86400));
	ward_policy_free(&p);
	free(blob);
}

TEST_F(hours, refused)
{
	struct ward_policy_header *h = self->blob;
	struct ward_rule *r = (void *)(h + 1);
	struct ward_condition *c;
	struct ward_hours *hours;
	struct ward_offset *o;
	struct ward_span *s;

	r = (void *)((u8 *)r + le32_to_cpu(r->length));
	for (c = (void *)(r + 1); le16_to_cpu(c->type) != WARD_COND_HOURS; )
		c = (void *)((u8 *)c + le32_to_cpu(c->length));
	hours = (void *)(c + 1);
	o = (void *)(hours + 1);
	s = (void *)(o + le32_to_cpu(hours->changes));
	ASSERT_EQ(0, CHECK());
	ASSERT_EQ(5, le32_to_cpu(hours->changes));
	REFUSED(hours->reserved, cpu_to_le32(1));
	REFUSED(hours->zone[39], 'x');
	REFUSED(hours->zone[20], 'x');
	REFUSED(hours->zone[0], ' ');
	REFUSED(hours->changes, cpu_to_le32(4));
	REFUSED(hours->changes, cpu_to_le32(0));
	REFUSED(hours->changes, cpu_to_le32(0x10000005));
	REFUSED(hours->from, cpu_to_le64(1));
	REFUSED(hours->until, cpu_to_le64(NOW));
	REFUSED(hours->until, cpu_to_le64(1ULL << 33));
	REFUSED(o[1].at, o[0].at);
	REFUSED(o[1].seconds, cpu_to_le32(86400));
	REFUSED(o[1].seconds, cpu_to_le32(-86400));
	REFUSED(o[1].reserved, cpu_to_le32(1));
	REFUSED(s[0].until, s[0].from);
	REFUSED(s[1].from, cpu_to_le32(1));
	REFUSED(s[le16_to_cpu(c->count) - 1].until, cpu_to_le32(604801));
	REFUSED(c->count, cpu_to_le16(le16_to_cpu(c->count) - 1));
}

TEST_HARNESS_MAIN
