// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Policies from INI text to what the kernel reads, and back: agent/lib/policyini.c
 * and policyfile.c, judged by module/rules.c, which is what the kernel runs.
 */
#include "compiled.h"
#include "mutate.h"
#include "places.h"

/* Numbers only: which users and groups exist is for each machine to say. */
static const char example[] =
	"[vault]\n"
	"name = beneficiaries\n"
	"directory = /srv/beneficiaries\n"
	"permissive = no\n"
	"\n"
	"[rule no writing by night watch]\n"
	"users      = 4001, 4002\n"
	"groups     = 4100\n"
	"operations = write, create, delete, rename, link\n"
	"effect     = deny, silent\n"
	"\n"
	"[rule caseworkers]\n"
	"users      = @4100,\n"
	"             4003\n"
	"effect     = allow\n"
	"\n"
	"[rule auditors]\n"
	"groups     = 4200\n"
	"logins     = 4010\n"
	"operations = read, list\n"
	"effect     = allow, record\n"
	"\n"
	"[rule NFS clients]\n"
	"users      = 4003, @4100\n"
	"programs   = kernel:nfsd, kernel:lockd\n"
	"operations = read, list\n"
	"effect     = allow\n"
	"\n"
	"[rule the scanner's inbox]\n"
	"users      = 4005\n"
	"programs   = /usr/bin/scan, kernel:nfsd, /opt/a\\x2cb\n"
	"hours      = Mon-Fri 07:00-19:00, Sat 08:30-12:00, Sat-Sun 22:00-06:00\n"
	"timezone   = Europe/Berlin\n"
	"paths      = /inbox/scans/, /caf\xc3\xa9,\n"
	"             /a \\x3bb\\x20\n"
	"operations = create, write\n"
	"burst      = 200 files / 60 s, 1500 MB / 2 h, 3 changes/1 d, 4097 bytes / 90 s\n"
	"effect     = allow\n"
	"\n"
	"[rule everybody may look]\n"
	"operations = list\n"
	"effect     = allow\n";

COMPILED_FIXTURE(policy, example)

/* Somebody: user, login user, and one group. */
struct one {
	uint32_t uid, login, gid;
};

static bool in_group(u32 gid, void *arg)
{
	return gid == ((struct one *)arg)->gid;
}

typedef struct _test_data_policy t;

static u32 allowed(const void *blob, struct one who)
{
	struct ward_actor a = {
		.fsuid = who.uid, .loginuid = who.login, .has_login = who.login,
		.in_group = in_group, .arg = &who,
	};

	return ward_policy_allowed(blob, &a, NULL);
}

TEST_F(policy, means_what_it_says)
{
	const u32 writing = WARD_OP_WRITE | WARD_OP_CREATE | WARD_OP_DELETE | WARD_OP_RENAME |
			    WARD_OP_LINK;
	struct ward_verdict v;
	struct one who = { 5000, 4010, 4200 };
	struct ward_actor a = {
		.fsuid = 5000, .loginuid = 4010, .has_login = true, .in_group = in_group, .arg = &who,
	};

	ASSERT_EQ(0, ward_policy_validate(self->blob, self->len, self->master.uuid, &self->traits));
	EXPECT_EQ(6, self->traits.rules);
	EXPECT_TRUE(self->traits.by_login);
	EXPECT_TRUE(self->traits.by_path);
	EXPECT_TRUE(self->traits.by_program);
	EXPECT_EQ(4, self->traits.components);
	EXPECT_FALSE(self->traits.permissive);
	/* The first rule asks for both, a user and the group. */
	EXPECT_EQ(WARD_OP_ALL & ~writing, allowed(self->blob, (struct one){ 4001, 0, 4100 }));
	EXPECT_EQ(WARD_OP_ALL, allowed(self->blob, (struct one){ 4009, 0, 4100 }));
	EXPECT_EQ(WARD_OP_LIST, allowed(self->blob, (struct one){ 4001, 0, 0 }));
	EXPECT_EQ(WARD_OP_ALL, allowed(self->blob, (struct one){ 4003, 0, 0 }));
	EXPECT_EQ(WARD_OP_READ | WARD_OP_LIST, allowed(self->blob, who));
	EXPECT_EQ(WARD_OP_LIST, allowed(self->blob, (struct one){ 4010, 0, 4200 }));
	EXPECT_EQ(WARD_OP_LIST, allowed(self->blob, (struct one){ 0, 0, 0 }));
	ward_policy_decide(self->blob, &a, WARD_OP_READ, &v);
	EXPECT_TRUE(v.allow && v.record);
	EXPECT_STREQ("auditors", (const char *)v.rule->name);
	ward_policy_decide(self->blob, &a, WARD_OP_WRITE, &v);
	EXPECT_FALSE(v.allow);
	EXPECT_EQ(NULL, v.rule);
}

/* What is written of paths and programs is what the rules ask for. */
TEST_F(policy, places_and_programs)
{
	struct ward_policy_program *programs = self->policy.rules[4].conds[1].programs;
	struct one who = { 4005, 0, 0 };
	struct ward_program_id id = { .kind = htole32(WARD_PROGRAM_UUID), .inode = htole64(77) };
	struct ward_actor a = {
		.fsuid = 4005, .in_group = in_group, .arg = &who, .program = &id, .now = NOW,
	};
	static const struct {
		const char *place;
		bool allowed;
	} places[] = {
		{ "/inbox/scans", true }, { "/inbox/scans/2024/x", true }, { "/inbox", false },
		{ "/inbox/scansx", false }, { "/caf\xc3\xa9", true }, { "/a ;b ", true },
		{ "/a ;b", false }, { "", false }, { "/", false },
	};
	void *blob;
	size_t len, i;

	ASSERT_EQ(WARD_COND_PROGRAM, self->policy.rules[4].conds[1].type);
	EXPECT_STREQ("/opt/a,b", programs[1].path);
	/* Neither is there, so nobody runs it. */
	a.place = (const u8 *)"/inbox/scans";
	a.place_len = 12;
	EXPECT_EQ(WARD_OP_LIST, ward_policy_allowed(self->blob, &a, NULL));
	programs[1].id = id;
	ASSERT_EQ(0, ward_policy_compile(&self->policy, &self->master, 8, &blob, &len));
	ASSERT_EQ(0, ward_policy_validate(blob, len, self->master.uuid, &self->traits));
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		a.place = (const u8 *)places[i].place;
		a.place_len = strlen(places[i].place);
		EXPECT_EQ(WARD_OP_LIST | (places[i].allowed ? WARD_OP_CREATE | WARD_OP_WRITE : 0),
			  ward_policy_allowed(blob, &a, NULL)) TH_LOG("place %zu", i);
	}
	a.place = (const u8 *)"/inbox/scans";
	a.place_len = 12;
	id.generation = htole32(1);
	EXPECT_EQ(WARD_OP_LIST, ward_policy_allowed(blob, &a, NULL));
	a.program = NULL;
	EXPECT_EQ(WARD_OP_LIST, ward_policy_allowed(blob, &a, NULL));
	free(blob);
}

static void same_policy(struct __test_metadata *_metadata, const struct ward_policy *a,
			const struct ward_policy *b)
{
	size_t i, k, n;

	ASSERT_EQ(a->count, b->count);
	EXPECT_EQ(a->flags, b->flags);
	for (i = 0; i < a->count; i++) {
		const struct ward_policy_rule *r = &a->rules[i], *s = &b->rules[i];

		EXPECT_STREQ(r->name, s->name);
		EXPECT_EQ(r->flags, s->flags);
		EXPECT_EQ(r->operations, s->operations);
		ASSERT_EQ(r->count, s->count);
		for (k = 0; k < r->count; k++) {
			size_t whos = r->conds[k].who.count * sizeof(struct ward_who);
			size_t threads = r->conds[k].thread_count * sizeof(struct ward_kthread);

			EXPECT_EQ(r->conds[k].type, s->conds[k].type);
			ASSERT_EQ(r->conds[k].who.count, s->conds[k].who.count);
			if (whos)
				EXPECT_EQ(0, memcmp(r->conds[k].who.who, s->conds[k].who.who, whos));
			ASSERT_EQ(r->conds[k].thread_count, s->conds[k].thread_count);
			if (threads)
				EXPECT_EQ(0, memcmp(r->conds[k].threads, s->conds[k].threads,
						    threads));
			ASSERT_EQ(r->conds[k].span_count, s->conds[k].span_count);
			for (n = 0; n < r->conds[k].span_count; n++)
				EXPECT_EQ(0, memcmp(&r->conds[k].spans[n], &s->conds[k].spans[n],
						    sizeof(*r->conds[k].spans)));
			EXPECT_STREQ(r->conds[k].zone, s->conds[k].zone);
			ASSERT_EQ(r->conds[k].burst_count, s->conds[k].burst_count);
			for (n = 0; n < r->conds[k].burst_count; n++)
				EXPECT_EQ(0, memcmp(&r->conds[k].bursts[n], &s->conds[k].bursts[n],
						    sizeof(*r->conds[k].bursts)));
			ASSERT_EQ(r->conds[k].path_count, s->conds[k].path_count);
			for (n = 0; n < r->conds[k].path_count; n++)
				EXPECT_STREQ(r->conds[k].paths[n], s->conds[k].paths[n]);
			ASSERT_EQ(r->conds[k].program_count, s->conds[k].program_count);
			for (n = 0; n < r->conds[k].program_count; n++)
				EXPECT_STREQ(r->conds[k].programs[n].path,
					     s->conds[k].programs[n].path);
		}
	}
}

TEST_F(policy, round_trip)
{
	struct ward_policy back, again;
	char *text = NULL;
	size_t size = 0;
	FILE *f;

	ASSERT_EQ(0, ward_policy_authentic(self->blob, self->len, &self->master));
	ASSERT_EQ(0, ward_policy_decode(self->blob, self->len, self->master.uuid, &back));
	EXPECT_EQ(7, back.serial);
	same_policy(_metadata, &self->policy, &back);
	/* As text, and once more; it may name by name what was given by number. */
	f = open_memstream(&text, &size);
	ASSERT_NE(NULL, f);
	ASSERT_EQ(0, ward_policy_print(&back, f));
	fclose(f);
	ASSERT_EQ(0, ward_policy_parse(text, size, "d.conf", &again, &self->err))
		TH_LOG("%s: %s\n%s", self->err.text, self->err.notes[0], text);
	same_policy(_metadata, &back, &again);
	free(text);
	ward_policy_free(&back);
	ward_policy_free(&again);
}

TEST_F(policy, authentic)
{
	uint8_t *b = self->blob;
	size_t i;

	for (i = 0; i < self->len; i++) {
		b[i] ^= 0x40;
		ASSERT_EQ(-EBADMSG, ward_policy_authentic(b, self->len, &self->master));
		b[i] ^= 0x40;
	}
	for (i = 0; i < self->len; i += 5)
		ASSERT_EQ(-EBADMSG, ward_policy_authentic(b, i, &self->master));
	self->master.key[0] ^= 1;
	EXPECT_EQ(-EBADMSG, ward_policy_authentic(b, self->len, &self->master));
	self->master.key[0] ^= 1;
	EXPECT_EQ(-EXDEV, ward_policy_validate(b, self->len, self->master.key, &self->traits));
}

TEST_F(policy, one_rule)
{
	struct ward_who who[] = { { WARD_SUBJECT_UID, 1000 }, { WARD_SUBJECT_GID, 2000 } };
	const struct ward_who_list list = { who, 2 };
	struct ward_policy p;
	void *blob;
	size_t len;

	ASSERT_EQ(0, ward_policy_one_rule(&p, "first", &list));
	ASSERT_EQ(0, ward_policy_compile(&p, &self->master, 1, &blob, &len));
	ASSERT_EQ(0, ward_policy_validate(blob, len, self->master.uuid, &self->traits));
	EXPECT_EQ(1, self->traits.rules);
	EXPECT_EQ(WARD_OP_ALL, allowed(blob, (struct one){ 1000, 0, 0 }));
	EXPECT_EQ(WARD_OP_ALL, allowed(blob, (struct one){ 1, 0, 2000 }));
	EXPECT_EQ(0, allowed(blob, (struct one){ 0, 0, 0 }));
	ward_policy_free(&p);
	free(blob);
}

struct limit {
	u32 count, files, bytes, changes, ops;
	u32 stop_at;
};

static bool count_limit(const struct ward_rule *r, const struct ward_burst *b, u32 nth, u32 ops,
			void *arg)
{
	struct limit *l = arg;

	l->files += le32toh(b->what) == WARD_BURST_FILES ? le64toh(b->most) : 0;
	l->bytes += le32toh(b->what) == WARD_BURST_BYTES ? 1 : 0;
	l->changes += le32toh(b->what) == WARD_BURST_CHANGES ? le32toh(b->seconds) : 0;
	l->ops |= ops;
	return ++l->count != l->stop_at;
}

/* Limits are told of the rules that allow what was done, and of no other. */
TEST_F(policy, limits)
{
	struct one who = { 4005, 0, 4100 };
	struct ward_program_id id = { .kind = htole32(WARD_PROGRAM_ABSENT) };
	struct ward_actor a = {
		.fsuid = 4005, .in_group = in_group, .arg = &who, .program = &id, .now = NOW,
		.place = (const u8 *)"/inbox/scans", .place_len = 12,
	};
	struct limit l = { 0 };
	struct ward_verdict v;
	u32 plain;

	ASSERT_EQ(0, ward_policy_validate(self->blob, self->len, self->master.uuid, &self->traits));
	EXPECT_TRUE(self->traits.by_burst);
	/* In the group another rule comes first, without a limit. */
	ward_policy_decide(self->blob, &a, WARD_OP_WRITE, &v);
	EXPECT_TRUE(v.allow);
	EXPECT_EQ(0, v.limited);
	EXPECT_EQ(NULL, ward_policy_limits(self->blob, &a, WARD_OP_WRITE, count_limit, &l));
	EXPECT_EQ(0, l.count);
	who.gid = 0;
	ward_policy_decide(self->blob, &a, WARD_OP_WRITE | WARD_OP_LIST, &v);
	EXPECT_TRUE(v.allow);
	EXPECT_EQ(WARD_OP_WRITE, v.limited);
	EXPECT_EQ(NULL, ward_policy_limits(self->blob, &a, WARD_OP_WRITE | WARD_OP_LIST, count_limit,
					   &l));
	EXPECT_EQ(4, l.count);
	EXPECT_EQ(200, l.files);
	EXPECT_EQ(2, l.bytes);
	EXPECT_EQ(86400, l.changes);
	EXPECT_EQ(WARD_OP_WRITE, l.ops);
	l = (struct limit){ .stop_at = 2 };
	ASSERT_NE(NULL, ward_policy_limits(self->blob, &a, WARD_OP_WRITE, count_limit, &l));
	EXPECT_EQ(2, l.count);
	EXPECT_EQ(WARD_OP_WRITE | WARD_OP_CREATE | WARD_OP_LIST,
		  ward_policy_allowed(self->blob, &a, &plain));
	EXPECT_EQ(WARD_OP_LIST, plain);
}

TEST_F(policy, limits_refused)
{
	struct ward_policy_header *h = self->blob;
	struct ward_rule *r = (void *)(h + 1);
	struct ward_condition *c;
	struct ward_burst *b;
	int i;

	for (i = 0; i < 4; i++)
		r = (void *)((u8 *)r + le32_to_cpu(r->length));
	for (c = (void *)(r + 1); le16_to_cpu(c->type) != WARD_COND_BURST; )
		c = (void *)((u8 *)c + le32_to_cpu(c->length));
	b = (void *)(c + 1);
	ASSERT_EQ(0, CHECK());
	REFUSED(b[0].what, 0);
	REFUSED(b[0].what, cpu_to_le32(4));
	REFUSED(b[1].seconds, 0);
	REFUSED(b[1].seconds, cpu_to_le32(WARD_BURST_SECONDS_MAX + 1));
	REFUSED(b[2].most, 0);
	REFUSED(b[2].most, cpu_to_le64(WARD_BURST_FILES_MAX + 1));
	REFUSED(b[1].most, cpu_to_le64(1ULL << 63));
	REFUSED(c->count, cpu_to_le16(3));
	REFUSED(r->flags, 0);
}

/* Of each second rule, whether the first leaves it anything. */
TEST_F(policy, rules_that_never_match)
{
	static const struct {
		const char *text;
		bool hidden;
	} cases[] = {
		{ "[rule a]\neffect = allow\n[rule b]\nusers = 1\neffect = deny\n", true },
		{ "[rule a]\nusers = 1\neffect = allow\n[rule b]\neffect = deny\n", false },
		{ "[rule a]\nusers = 1, 2\neffect = deny\n[rule b]\nusers = 2\neffect = allow\n", true },
		{ "[rule a]\nusers = 1\neffect = deny\n[rule b]\nusers = 2\neffect = allow\n", false },
		{ "[rule a]\nusers = 1\neffect = deny\n[rule b]\nusers = 1\ngroups = 3\neffect = allow\n", true },
		{ "[rule a]\nusers = 1\ngroups = 3\neffect = deny\n[rule b]\nusers = 1\neffect = allow\n", false },
		{ "[rule a]\noperations = read, list\neffect = deny\n[rule b]\noperations = read\neffect = allow\n", true },
		{ "[rule a]\noperations = read\neffect = deny\n[rule b]\noperations = read, list\neffect = allow\n", false },
		{ "[rule a]\npaths = /a\neffect = deny\n[rule b]\npaths = /a/b, /a\neffect = allow\n", true },
		{ "[rule a]\npaths = /a\neffect = deny\n[rule b]\npaths = /a/b, /ab\neffect = allow\n", false },
		{ "[rule a]\npaths = /\neffect = deny\n[rule b]\npaths = /x\neffect = allow\n", true },
		{ "[rule a]\nprograms = /x, kernel:nfsd\neffect = deny\n[rule b]\nprograms = kernel:nfsd\neffect = allow\n", true },
		{ "[rule a]\nprograms = kernel:nfsd\neffect = deny\n[rule b]\nprograms = /x, kernel:nfsd\neffect = allow\n", false },
		{ "[rule a]\nprograms = /x\neffect = deny\n[rule b]\nusers = 1\neffect = allow\n", false },
		{ "[rule a]\nhours = Mon-Fri 07:00-19:00\neffect = deny\n[rule b]\nhours = Tue 08:00-09:00\neffect = allow\n", true },
		{ "[rule a]\nhours = Mon-Fri 07:00-19:00\neffect = deny\n[rule b]\nhours = Tue 08:00-20:00\neffect = allow\n", false },
		{ "[rule a]\nhours = Mon\ntimezone = UTC\neffect = deny\n[rule b]\nhours = Mon\ntimezone = Europe/Berlin\neffect = allow\n", false },
	};
	struct ward_policy p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ward_err_clear(&self->err);
		ASSERT_EQ(0, ward_policy_parse(cases[i].text, strlen(cases[i].text), "d.conf", &p, &self->err))
			TH_LOG("case %zu: %s", i, self->err.notes[0]);
		ASSERT_EQ(2, p.count);
		EXPECT_EQ(NULL, ward_policy_hidden(&p, 0));
		EXPECT_EQ(cases[i].hidden ? &p.rules[0] : NULL, ward_policy_hidden(&p, 1))
			TH_LOG("case %zu", i);
		ward_policy_free(&p);
	}
}

/* One of some, so that rules often name the same; sometimes two of them. */
static void some(char *text, size_t size, const char *key, const char *const *of, size_t count,
		 unsigned int seed)
{
	size_t n = strlen(text);

	if (seed % 3 == 0)
		return;
	if (seed % 5 == 0)
		snprintf(text + n, size - n, "%s = %s, %s\n", key, of[seed / 15 % count],
			 of[seed / 7 % count]);
	else
		snprintf(text + n, size - n, "%s = %s\n", key, of[seed / 15 % count]);
}

/* Rules by what they name find the same as comparing each with each. */
TEST_F_TIMEOUT(policy, hidden_both_ways, 1200)
{
	static const char *const users[] = { "1", "2", "@3", "@4" };
	static const char *const groups[] = { "3", "4", "5" };
	static const char *const programs[] = { "/x", "/y", "kernel:nfsd", "kernel:lockd" };
	static const char *const paths[] = { "/", "/a", "/a/b", "/ab", "/a/b/c" };
	static const char *const hours[] = { "Mon", "Mon-Fri", "Tue 08:00-09:00" };
	static const char *const ops[] = { "read", "read, list", "all" };
	struct mutate m = { 20261126 };
	unsigned int round, hidden = 0;
	size_t i;

	for (round = 0; round < 60; round++) {
		static char text[60 * 400];
		struct ward_lint *lint;
		struct ward_policy p;

		text[0] = '\0';
		for (i = 0; i < 60; i++) {
			size_t n = strlen(text);

			snprintf(text + n, sizeof(text) - n, "[rule %zu]\neffect = deny\n", i);
#define SOME(key, of) some(text, sizeof(text), key, of, ARRAY_SIZE(of), mutate_draw(&m, 10000))
			SOME("users", users);
			SOME("groups", groups);
			SOME("programs", programs);
			SOME("paths", paths);
			SOME("hours", hours);
			SOME("operations", ops);
		}
		ASSERT_EQ(0, ward_policy_parse(text, strlen(text), "d.conf", &p, &self->err))
			TH_LOG("%s", self->err.notes[0]);
		lint = ward_lint_new(&p);
		ASSERT_NE(NULL, lint);
		for (i = 0; i < p.count; i++) {
			ASSERT_EQ(ward_policy_hidden(&p, i), ward_lint_hidden(lint, i))
				TH_LOG("round %u, rule %zu", round, i);
			hidden += !!ward_lint_hidden(lint, i);
		}
		ward_lint_free(lint);
		ward_policy_free(&p);
	}
	EXPECT_LT(300, hidden);
	EXPECT_GT(60 * 60 - 300, hidden);
}

/* Whatever the text: what the reader takes, the kernel takes. */
TEST_F_TIMEOUT(policy, any_text, 1200)
{
	struct mutate m = { 20250609 };
	unsigned int round, taken = 0;

	for (round = 0; round < 10000; round++) {
		size_t n = strlen(example), len;
		char *text = (char *)mutate_copy(&m, example, &n);
		struct ward_policy p;
		struct ward_err err;
		void *blob;

		ward_err_clear(&err);
		if (!ward_policy_parse(text, n, "d.conf", &p, &err)) {
			taken++;
			ASSERT_EQ(0, ward_policy_set_hours(&p, NOW));
			ASSERT_EQ(0, ward_policy_compile(&p, &self->master, 1, &blob, &len));
			ASSERT_EQ(0, ward_policy_validate(blob, len, self->master.uuid,
							  &self->traits)) TH_LOG("%s", text);
			free(blob);
			ward_policy_free(&p);
		}
		free(text);
	}
	EXPECT_LT(500, taken);
}

/* The tree of whatever paths there are. */
static void walk_places(const void *blob, const struct ward_policy_traits *traits)
{
	void *memory = calloc(1, ward_places_size(traits));
	struct ward_places places;
	struct ward_actor a = { 0 };
	u32 at;

	ward_places_make(&places, blob, traits, memory);
	at = ward_place_step(&places, WARD_PLACE_TOP, (const u8 *)"inbox", 5);
	at = ward_place_step(&places, at, (const u8 *)"scans", 5);
	ward_place_actor(&places, at, &a);
	free(memory);
}

static bool no_limit(const struct ward_rule *r, const struct ward_burst *b, u32 nth, u32 ops,
		     void *arg)
{
	return le64_to_cpu(b->most) && ops;
}

/* Asked whatever can be asked, at some time, with some program, at some place. */
static void ask_everything(const void *blob, u32 seed)
{
	static const char *const place[] = { "/inbox/scans/x", "", "/inbox", "/caf\xc3\xa9" };
	struct one who = { 4000 + seed % 20, seed % 5000, 4000 + seed % 300 };
	struct ward_program_id id = { .kind = htole32(seed % 5), .inode = htole64(seed % 90) };
	struct ward_actor a = {
		.fsuid = who.uid, .loginuid = who.login, .has_login = seed & 1, .kernel = seed & 2,
		.own = seed & 4, .kthread = seed & 8 ? "nfsd" : "lockd", .sheds_groups = seed & 16,
		.in_group = in_group, .arg = &who, .program = seed & 32 ? &id : NULL,
		.place = seed & 64 ? (const u8 *)place[seed / 128 % 4] : NULL,
		.now = seed & 1024 ? NOW + seed * 7919ULL : seed * 0x100000001ULL,
	};
	struct ward_nearest near;
	struct ward_verdict v;
	u64 next;

	a.place_len = a.place ? strlen((const char *)a.place) : 0;
	a.way = a.place;
	a.way_len = a.place_len;
	ward_policy_decide(blob, &a, 1U << seed % 10, &v);
	ward_policy_nearest(blob, &a, 1U << seed % 10, &near);
	ward_policy_limits(blob, &a, WARD_OP_ALL, no_limit, NULL);
	ward_policy_walks(blob, &a);
	next = ward_policy_next(blob, a.now);
	if (next <= a.now)
		abort();
}

/* Whatever the bytes: what the kernel takes, user space can show. */
TEST_F_TIMEOUT(policy, any_bytes, 1200)
{
	struct mutate m = { 20250610 };
	unsigned int round, taken = 0;

	for (round = 0; round < 20000; round++) {
		size_t n = self->len - WARD_MAC_SIZE, k;
		uint8_t *b = mutate_copy(&m, self->blob, &n);
		struct ward_policy p;
		u64 *copy;
		int kernel, user;

		copy = calloc(1, n + WARD_MAC_SIZE);
		ASSERT_NE(NULL, copy);
		memcpy(copy, b, n);
		/* Half of the time the length is right: past the first hurdle. */
		if (n >= 16 && round % 2)
			((struct ward_policy_header *)copy)->length = cpu_to_le32(n + WARD_MAC_SIZE);
		n += WARD_MAC_SIZE;
		kernel = ward_policy_validate(copy, n, self->master.uuid, &self->traits);
		user = ward_policy_decode(copy, n, self->master.uuid, &p);
		if (!kernel) {
			taken++;
			for (k = 0; k < 100; k += 7)
				allowed(copy, (struct one){ 4000 + k, k, 4100 + k });
			walk_places(copy, &self->traits);
			ask_everything(copy, round);
			/* More conditions than the text form can say. */
			ASSERT_TRUE(!user || user == -EPROTONOSUPPORT);
		}
		if (!user)
			ward_policy_free(&p);
		free(copy);
		free(b);
	}
	EXPECT_LT(1000, taken);
}

TEST_HARNESS_MAIN
