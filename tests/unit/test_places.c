// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where in a vault something lies: module/places.c, which walks a tree name by name, says
 * the same as comparing whole paths does; and rules of paths and programs: module/rules.c.
 */
#include "harness.h"
#include "places.h"

#define READ	WARD_OP_READ
#define WRITE	WARD_OP_WRITE

static const u8 vault[16] = { 1 };

/* A policy that is being put together; no MAC is looked at here. */
struct blob {
	size_t len;
	union {
		u8 bytes[1 << 18];
		u64 align;
	};
};

FIXTURE(places) {
	struct blob *b;
	size_t rule, cond;	/* offsets of those at hand */
	struct ward_policy_traits traits;
	struct ward_places places;
	void *memory;
	u32 seed;
};

FIXTURE_SETUP(places)
{
	struct ward_policy_header *h;

	self->b = calloc(1, sizeof(*self->b));
	ASSERT_NE(NULL, self->b);
	h = (void *)self->b->bytes;
	memcpy(h->magic, WARD_POLICY_MAGIC, 8);
	h->version = cpu_to_le16(1);
	memcpy(h->vault, vault, 16);
	self->b->len = sizeof(*h);
	self->memory = NULL;
	self->seed = 20250611;
}

FIXTURE_TEARDOWN(places)
{
	free(self->memory);
	free(self->b);
}

typedef struct _test_data_places t;

static void rule(t *self, const char *name, u16 flags, u32 ops)
{
	struct ward_policy_header *h = (void *)self->b->bytes;
	struct ward_rule *r = (void *)(self->b->bytes + self->b->len);

	memset(r, 0, sizeof(*r));
	self->rule = self->b->len;
	self->b->len += sizeof(*r);
	r->length = cpu_to_le32(sizeof(*r));
	r->flags = cpu_to_le16(flags);
	r->operations = cpu_to_le32(ops);
	strcpy((char *)r->name, name);
	h->rules = cpu_to_le32(le32_to_cpu(h->rules) + 1);
}

static void grow(t *self, size_t by, bool entry)
{
	struct ward_rule *r = (void *)(self->b->bytes + self->rule);
	struct ward_condition *c = (void *)(self->b->bytes + self->cond);

	self->b->len += by;
	r->length = cpu_to_le32(le32_to_cpu(r->length) + by);
	c->length = cpu_to_le32(le32_to_cpu(c->length) + by);
	if (entry)
		c->count = cpu_to_le16(le16_to_cpu(c->count) + 1);
}

static struct ward_condition *cond(t *self, u16 type)
{
	struct ward_rule *r = (void *)(self->b->bytes + self->rule);
	struct ward_condition *c = (void *)(self->b->bytes + self->b->len);

	memset(c, 0, sizeof(*c));
	self->cond = self->b->len;
	c->type = cpu_to_le16(type);
	r->conditions = cpu_to_le16(le16_to_cpu(r->conditions) + 1);
	grow(self, sizeof(*c), false);
	return c;
}

static struct ward_path *path(t *self, const char *text)
{
	struct ward_path *p = (void *)(self->b->bytes + self->b->len);
	size_t n = strlen(text);

	memset(p, 0, ward_path_size(n));
	p->length = cpu_to_le16(n);
	memcpy(p->text, text, n);
	grow(self, ward_path_size(n), true);
	return p;
}

static struct ward_program *program(t *self, const char *text, u32 kind, u64 inode)
{
	struct ward_program *p = (void *)(self->b->bytes + self->b->len);
	size_t n = strlen(text);

	memset(p, 0, ward_program_size(n));
	p->length = cpu_to_le16(ward_program_size(n));
	p->path_length = cpu_to_le16(n);
	p->id.kind = cpu_to_le32(kind);
	p->id.inode = cpu_to_le64(inode);
	memcpy(p->path, text, n);
	grow(self, ward_program_size(n), true);
	return p;
}

static void subject(t *self, u32 uid)
{
	struct ward_subject *s = (void *)(self->b->bytes + self->b->len);

	s->kind = cpu_to_le32(WARD_SUBJECT_UID);
	s->id = cpu_to_le32(uid);
	grow(self, sizeof(*s), true);
}

static int check(t *self)
{
	struct ward_policy_header *h = (void *)self->b->bytes;

	h->length = cpu_to_le32(self->b->len + WARD_MAC_SIZE);
	return ward_policy_validate(h, self->b->len + WARD_MAC_SIZE, vault, &self->traits);
}

static void make(t *self)
{
	free(self->memory);
	self->memory = calloc(1, ward_places_size(&self->traits));
	ward_places_make(&self->places, self->b->bytes, &self->traits, self->memory);
}

/* Walks along a path, as the kernel does. */
static u32 walk(t *self, const char *path)
{
	u32 at = WARD_PLACE_TOP;

	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n)
			at = ward_place_step(&self->places, at, (const u8 *)path, n);
		path += n;
	}
	return at;
}

static bool none(u32 gid, void *arg)
{
	return false;
}

static struct ward_actor somebody(const char *place)
{
	struct ward_actor who = { .fsuid = 5, .in_group = none };

	who.place = (const u8 *)place;
	who.place_len = place ? strlen(place) : 0;
	return who;
}

static u32 allowed_at(t *self, const char *place)
{
	struct ward_actor who = somebody(place);

	return ward_policy_allowed(self->b->bytes, &who, NULL);
}

static u32 allowed_by_walk(t *self, const char *path)
{
	struct ward_actor who = somebody(NULL);

	ward_place_actor(&self->places, walk(self, path), &who);
	return ward_policy_allowed(self->b->bytes, &who, NULL);
}

static bool walks(t *self, u32 uid, const char *path)
{
	struct ward_actor who = somebody(NULL);

	who.fsuid = uid;
	ward_place_actor(&self->places, walk(self, path), &who);
	return ward_policy_walks(self->b->bytes, &who);
}

TEST_F(places, a_directory_and_what_lies_in_it)
{
	rule(self, "cases", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	path(self, "/cases");
	path(self, "/a/b c/d");
	ASSERT_EQ(0, check(self));
	EXPECT_TRUE(self->traits.by_path);
	EXPECT_EQ(4, self->traits.components);
	make(self);
	EXPECT_EQ(5, self->places.count);
	EXPECT_EQ(READ, allowed_by_walk(self, "/cases"));
	EXPECT_EQ(READ, allowed_by_walk(self, "/cases/2024/x"));
	EXPECT_EQ(READ, allowed_by_walk(self, "/a/b c/d"));
	EXPECT_EQ(0, allowed_by_walk(self, "/a/b c"));
	EXPECT_EQ(0, allowed_by_walk(self, "/a/b c/e"));
	EXPECT_EQ(0, allowed_by_walk(self, "/a/cases"));
	EXPECT_EQ(0, allowed_by_walk(self, "/casesx"));
	EXPECT_EQ(0, allowed_by_walk(self, "/"));
	EXPECT_EQ(0, allowed_by_walk(self, "/b/cases"));
	/* No path, no right. */
	EXPECT_EQ(0, allowed_at(self, NULL));
	EXPECT_EQ(WARD_PLACE_NONE, ward_place_step(&self->places, WARD_PLACE_NONE,
						   (const u8 *)"cases", 5));
}

/* What has no path may lie where it is denied, and does lie in the vault. */
TEST_F(places, without_a_path)
{
	rule(self, "not there", 0, READ);
	cond(self, WARD_COND_PATH);
	path(self, "/secret");
	rule(self, "all over", WARD_RULE_ALLOW, READ | WRITE);
	cond(self, WARD_COND_PATH);
	path(self, "/");
	ASSERT_EQ(0, check(self));
	make(self);
	EXPECT_EQ(WRITE, allowed_at(self, NULL));
	EXPECT_EQ(READ | WRITE, allowed_by_walk(self, "/x"));
	EXPECT_EQ(READ | WRITE, allowed_by_walk(self, "/"));
	EXPECT_EQ(WRITE, allowed_by_walk(self, "/secret/x"));
}

TEST_F(places, an_allow_implies_walking_to_it)
{
	rule(self, "deep", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 5);
	cond(self, WARD_COND_PATH);
	path(self, "/a/b/c");
	ASSERT_EQ(0, check(self));
	make(self);
	EXPECT_TRUE(walks(self, 5, "/"));
	EXPECT_TRUE(walks(self, 5, "/a"));
	EXPECT_TRUE(walks(self, 5, "/a/b"));
	EXPECT_TRUE(walks(self, 5, "/a/b/c"));
	EXPECT_TRUE(walks(self, 5, "/a/b/c/d/e"));
	EXPECT_FALSE(walks(self, 5, "/b"));
	EXPECT_FALSE(walks(self, 5, "/a/c"));
	EXPECT_FALSE(walks(self, 5, "/a/b/cc"));
	EXPECT_FALSE(walks(self, 5, "/a/a/b"));
	EXPECT_FALSE(walks(self, 6, "/"));
	EXPECT_FALSE(walks(self, 6, "/a/b/c"));
}

/* A rule that is denied what it allows leads nowhere. */
TEST_F(places, walking_to_what_is_denied)
{
	char text[64];
	int i;

	rule(self, "closed", 0, WARD_OP_ALL);
	cond(self, WARD_COND_PATH);
	path(self, "/a/b");
	rule(self, "open", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	path(self, "/a/b/c");
	ASSERT_EQ(0, check(self));
	make(self);
	EXPECT_FALSE(walks(self, 5, "/"));
	EXPECT_FALSE(walks(self, 5, "/a"));
	rule(self, "open, too", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	path(self, "/a/d");
	ASSERT_EQ(0, check(self));
	make(self);
	EXPECT_TRUE(walks(self, 5, "/a"));
	EXPECT_FALSE(walks(self, 5, "/a/b"));
	/* Where there are very many of the first kind, one gives up. */
	rule(self, "open, all of it closed", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "/a/b/%d", i);
		path(self, text);
	}
	path(self, "/e/f");
	ASSERT_EQ(0, check(self));
	make(self);
	EXPECT_TRUE(walks(self, 5, "/a"));
	EXPECT_TRUE(walks(self, 5, "/e"));
	EXPECT_FALSE(walks(self, 5, "/a/b"));
	EXPECT_FALSE(walks(self, 5, "/f"));
}

/* A thousand of them cost no more than some: the way through a strange policy is closed. */
TEST_F(places, walking_has_an_end)
{
	char text[64];
	int i;

	rule(self, "closed", 0, WARD_OP_ALL);
	cond(self, WARD_COND_PATH);
	path(self, "/a/b");
	rule(self, "closed, too", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "/a/b/%d", i);
		path(self, text);
	}
	rule(self, "open", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	path(self, "/a/c");
	ASSERT_EQ(0, check(self));
	make(self);
	EXPECT_FALSE(walks(self, 5, "/a"));
	EXPECT_TRUE(walks(self, 5, "/a/c"));
}

/* Between directories under the same rules there is no boundary. */
TEST_F(places, groups)
{
	rule(self, "one", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_PATH);
	path(self, "/a");
	path(self, "/b");
	path(self, "/a/x");
	rule(self, "two", WARD_RULE_ALLOW, WRITE);
	cond(self, WARD_COND_PATH);
	path(self, "/b/c");
	path(self, "/a/c");
	path(self, "/d");
	ASSERT_EQ(0, check(self));
	make(self);
#define GROUP(p) ward_place_group(&self->places, walk(self, p))
	EXPECT_EQ(GROUP("/a"), GROUP("/b"));
	EXPECT_EQ(GROUP("/a"), GROUP("/a/x/y"));	/* one holds there anyway */
	EXPECT_EQ(GROUP("/a/c"), GROUP("/b/c/q"));
	EXPECT_NE(GROUP("/a"), GROUP("/a/c"));
	EXPECT_NE(GROUP("/d"), GROUP("/a/c"));
	EXPECT_NE(GROUP("/d"), GROUP("/a"));
	EXPECT_EQ(GROUP("/e/f"), GROUP("/"));
	EXPECT_NE(GROUP("/e"), GROUP("/d"));
	EXPECT_EQ(WARD_PLACE_NONE, ward_place_group(&self->places, WARD_PLACE_NONE));
	/* Below what is named nothing leads anywhere; on the way it does. */
	EXPECT_TRUE(walk(self, "/a/q") & WARD_PLACE_BELOW);
	EXPECT_FALSE(walk(self, "/a/c") & WARD_PLACE_BELOW);
}

static u32 draw(t *self, u32 n)
{
	self->seed = self->seed * 1664525 + 1013904223;
	return (self->seed >> 8) % n;
}

static void some_path(t *self, char *out, u32 most)
{
	u32 n = draw(self, most), i;

	*out = 0;
	for (i = 0; i < n; i++)
		out += sprintf(out, "/%c%s", 'a' + draw(self, 3), draw(self, 5) ? "" : "x");
	if (!n)
		strcpy(out, "/");
}

/* Rules and paths drawn at random: the tree, and whole paths compared. */
TEST_F(places, as_whole_paths_say)
{
	size_t begin = self->b->len;
	char text[256], other[256];
	u32 round, i, k;

	for (round = 0; round < 300; round++) {
		struct ward_policy_header *h = (void *)self->b->bytes;

		self->b->len = begin;
		h->rules = 0;
		for (i = draw(self, 12); i-- > 0; ) {
			rule(self, "r", draw(self, 2) ? WARD_RULE_ALLOW : 0, 1 + draw(self, WARD_OP_ALL));
			if (!draw(self, 5))
				continue;
			cond(self, WARD_COND_PATH);
			for (k = 1 + draw(self, 4); k-- > 0; ) {
				some_path(self, text, 5);
				path(self, text);
			}
		}
		ASSERT_EQ(0, check(self));
		make(self);
		for (i = 0; i < 60; i++) {
			some_path(self, text, 7);
			some_path(self, other, 7);
			ASSERT_EQ(allowed_at(self, text), allowed_by_walk(self, text))
				TH_LOG("round %u: %s", round, text);
			if (GROUP(text) == GROUP(other))
				ASSERT_EQ(allowed_at(self, text), allowed_at(self, other))
					TH_LOG("round %u: %s %s", round, text, other);
		}
	}
}

TEST_F(places, path_refused)
{
	static const char *const bad[] = {
		"a", "", "//", "/a/", "/a//b", "/.", "/..", "/a/./b", "/a/..", "a/b",
		"/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3",
	};
	struct ward_condition *c;
	struct ward_path *p;
	char text[300];
	size_t i, begin;

	rule(self, "r", WARD_RULE_ALLOW, READ);
	begin = self->b->len;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ward_rule *r = (void *)(self->b->bytes + self->rule);

		self->b->len = begin;
		r->length = cpu_to_le32(sizeof(*r));
		r->conditions = 0;
		cond(self, WARD_COND_PATH);
		path(self, bad[i]);
		EXPECT_EQ(-EBADMSG, check(self)) TH_LOG("path %zu", i);
	}
	memset(text, 'x', sizeof(text));
	text[0] = '/';
	EXPECT_EQ(1, ward_path_ok((u8 *)text, 256));
	EXPECT_EQ(-EINVAL, ward_path_ok((u8 *)text, 257));
	EXPECT_EQ(32, ward_path_ok((u8 *)bad[ARRAY_SIZE(bad) - 1], 64));
	EXPECT_EQ(0, ward_path_ok((u8 *)"/", 1));
	EXPECT_EQ(1, ward_path_ok((u8 *)"/...", 4));
	EXPECT_EQ(-EINVAL, ward_path_ok((u8 *)"/a\0b", 4));

	self->b->len = self->rule;
	((struct ward_policy_header *)self->b->bytes)->rules = 0;
	rule(self, "r", WARD_RULE_ALLOW, READ);
	c = cond(self, WARD_COND_PATH);
	p = path(self, "/abc");
	ASSERT_EQ(0, check(self));
	p->text[5] = 1;					/* in the padding */
	EXPECT_EQ(-EBADMSG, check(self));
	p->text[5] = 0;
	p->length = cpu_to_le16(7);
	EXPECT_EQ(-EBADMSG, check(self));
	p->length = cpu_to_le16(4);
	c->count = cpu_to_le16(2);
	EXPECT_EQ(-EBADMSG, check(self));
	c->count = 0;
	EXPECT_EQ(-EBADMSG, check(self));
	c->count = cpu_to_le16(1);
	cond(self, WARD_COND_PATH);			/* one list of them */
	path(self, "/b");
	EXPECT_EQ(-EBADMSG, check(self));
}

TEST_F(places, programs)
{
	struct ward_program_id sh = { .kind = cpu_to_le32(WARD_PROGRAM_UUID), .inode = cpu_to_le64(7) };
	struct ward_actor who = somebody("/");
	struct ward_nearest near;

	rule(self, "not with rclone", 0, WRITE);
	cond(self, WARD_COND_PROGRAM);
	program(self, "/usr/bin/rclone", WARD_PROGRAM_UUID, 9);
	rule(self, "with sh", WARD_RULE_ALLOW, READ | WRITE);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 5);
	cond(self, WARD_COND_PROGRAM);
	program(self, "/bin/gone", WARD_PROGRAM_ABSENT, 0);
	program(self, "/bin/sh", WARD_PROGRAM_UUID, 7);
	ASSERT_EQ(0, check(self));
	EXPECT_TRUE(self->traits.by_program);
	EXPECT_FALSE(self->traits.by_path);
#define ALLOWED() ward_policy_allowed(self->b->bytes, &who, NULL)
	who.program = &sh;
	EXPECT_EQ(READ | WRITE, ALLOWED());
	sh.inode = cpu_to_le64(8);
	EXPECT_EQ(0, ALLOWED());
	ward_policy_nearest(self->b->bytes, &who, READ, &near);
	ASSERT_NE(NULL, near.rule);
	EXPECT_STREQ("with sh", (const char *)near.rule->name);
	EXPECT_EQ(1U << WARD_COND_PROGRAM, near.lacks);
	who.fsuid = 6;
	ward_policy_nearest(self->b->bytes, &who, READ, &near);
	EXPECT_EQ(1U << WARD_COND_PROGRAM | 1U << WARD_COND_SUBJECT, near.lacks);
	ward_policy_nearest(self->b->bytes, &who, WARD_OP_LIST, &near);
	EXPECT_STREQ("with sh", (const char *)near.rule->name);
	EXPECT_EQ(1U << WARD_COND_PROGRAM | 1U << WARD_COND_SUBJECT | 1U << WARD_COND_OPERATIONS, near.lacks);
	who.fsuid = 5;
	sh.inode = cpu_to_le64(7);
	sh.fs[3] = 1;
	EXPECT_EQ(0, ALLOWED());
	sh.fs[3] = 0;
	sh.generation = cpu_to_le32(1);
	EXPECT_EQ(0, ALLOWED());
	/* Of no kind: nothing that a rule can name. */
	memset(&sh, 0, sizeof(sh));
	EXPECT_EQ(0, ALLOWED());
	/* Not known: not allowed, and denied. */
	who.program = NULL;
	EXPECT_EQ(0, ALLOWED());
	rule(self, "anyhow", WARD_RULE_ALLOW, READ | WRITE);
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(READ, ALLOWED());
	who.program = &sh;
	EXPECT_EQ(READ | WRITE, ALLOWED());
	sh.kind = cpu_to_le32(WARD_PROGRAM_UUID);
	sh.inode = cpu_to_le64(9);
	EXPECT_EQ(READ, ALLOWED());
	/* A thread of the kernel is no program. */
	who.kernel = true;
	who.kthread = "nfsd";
	who.program = NULL;
	EXPECT_EQ(READ | WRITE, ALLOWED());
}

/* Threads of the kernel and programs in one rule: any of both. */
/* What the log says of who was refused @ops, or (0) stopped on his way; "" for nothing. */
static const char *nearest(t *self, const struct ward_actor *who, u32 ops, u32 *lacks)
{
	struct ward_nearest near;
	struct ward_verdict v;

	ward_policy_decide(self->b->bytes, who, ops ? ops : WARD_OP_LIST, &v);
	if (v.rule || v.allow)
		abort();
	ward_policy_nearest(self->b->bytes, who, ops ? v.left : 0, &near);
	*lacks = near.lacks;
	return near.rule ? (const char *)near.rule->name : "";
}

TEST_F(places, nearest)
{
	const u32 operations = 1U << WARD_COND_OPERATIONS;
	const u32 users = 1U << WARD_COND_SUBJECT, paths = 1U << WARD_COND_PATH;
	struct ward_actor who = somebody("/in");
	u32 lacks;

	EXPECT_STREQ("", nearest(self, &who, READ, &lacks));
	rule(self, "nobody deletes", 0, WARD_OP_DELETE);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 9);
	EXPECT_STREQ("", nearest(self, &who, READ, &lacks));
	/* Whom a rule leaves one operation out for lacks that one, */
	rule(self, "readers", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 5);
	rule(self, "writers", WARD_RULE_ALLOW, READ | WRITE);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 6);
	cond(self, WARD_COND_PATH);
	path(self, "/in/tray");
	EXPECT_STREQ("readers", nearest(self, &who, WRITE, &lacks));
	EXPECT_EQ(operations, lacks);
	/* of several only what no rule allows, */
	EXPECT_STREQ("readers", nearest(self, &who, READ | WRITE, &lacks));
	EXPECT_EQ(operations, lacks);
	who.fsuid = 6;
	EXPECT_STREQ("readers", nearest(self, &who, READ, &lacks));
	EXPECT_EQ(users, lacks);
	/* and all of that. */
	EXPECT_STREQ("writers", nearest(self, &who, READ | WRITE, &lacks));
	EXPECT_EQ(paths, lacks);
	who.fsuid = 7;
	EXPECT_STREQ("readers", nearest(self, &who, WARD_OP_LIST, &lacks));
	EXPECT_EQ(users | operations, lacks);
	/* To walk, any operation will do. */
	who.way = who.place;
	who.way_len = who.place_len;
	EXPECT_STREQ("readers", nearest(self, &who, 0, &lacks));
	EXPECT_EQ(users, lacks);
	who.place = (const u8 *)"/out";
	who.place_len = 4;
	who.way = NULL;
	who.fsuid = 6;
	EXPECT_STREQ("readers", nearest(self, &who, 0, &lacks));
	EXPECT_EQ(users, lacks);
	EXPECT_STREQ("writers", nearest(self, &who, WRITE, &lacks));
	EXPECT_EQ(paths, lacks);
}

/* One that matches, and is never asked for one that denies, is not to blame. */
TEST_F(places, nearest_behind_one_that_denies)
{
	struct ward_actor who = somebody("/in");
	u32 lacks;

	rule(self, "not this", 0, READ | WRITE);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 5);
	rule(self, "in vain", WARD_RULE_ALLOW, READ | WRITE);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 5);
	rule(self, "other", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_SUBJECT);
	subject(self, 6);
	EXPECT_FALSE(ward_policy_walks(self->b->bytes, &who));
	EXPECT_STREQ("other", nearest(self, &who, 0, &lacks));
	EXPECT_EQ(1U << WARD_COND_SUBJECT, lacks);
	/* With one operation more it would be asked. */
	EXPECT_STREQ("in vain", nearest(self, &who, WARD_OP_LIST, &lacks));
	EXPECT_EQ(1U << WARD_COND_OPERATIONS, lacks);
}

TEST_F(places, programs_and_threads)
{
	struct ward_program_id sh = { .kind = cpu_to_le32(WARD_PROGRAM_UUID), .inode = cpu_to_le64(7) };
	struct ward_actor who = somebody("/");
	struct ward_kthread *k;

	rule(self, "both", WARD_RULE_ALLOW, READ);
	cond(self, WARD_COND_KTHREAD);
	k = (void *)(self->b->bytes + self->b->len);
	strcpy((char *)k->name, "nfsd");
	grow(self, sizeof(*k), true);
	cond(self, WARD_COND_PROGRAM);
	program(self, "/bin/sh", WARD_PROGRAM_UUID, 7);
	ASSERT_EQ(0, check(self));
	EXPECT_EQ(0, ALLOWED());
	who.program = &sh;
	EXPECT_EQ(READ, ALLOWED());
	who.program = NULL;
	who.kernel = true;
	who.kthread = "nfsd";
	EXPECT_EQ(READ, ALLOWED());
	who.kthread = "lockd";
	EXPECT_EQ(0, ALLOWED());
}

TEST_F(places, program_refused)
{
	struct ward_condition *c;
	struct ward_program *p;

	rule(self, "r", WARD_RULE_ALLOW, READ);
	c = cond(self, WARD_COND_PROGRAM);
	p = program(self, "/bin/sh", WARD_PROGRAM_UUID, 7);
	ASSERT_EQ(0, check(self));
	p->id.kind = cpu_to_le32(0);
	EXPECT_EQ(-EBADMSG, check(self));
	p->id.kind = cpu_to_le32(4);
	EXPECT_EQ(-EBADMSG, check(self));
	p->id.kind = cpu_to_le32(WARD_PROGRAM_ABSENT);	/* with an inode */
	EXPECT_EQ(-EBADMSG, check(self));
	p->id.kind = cpu_to_le32(WARD_PROGRAM_UUID);
	p->id.dev = cpu_to_le32(1);
	EXPECT_EQ(-EBADMSG, check(self));
	p->id.kind = cpu_to_le32(WARD_PROGRAM_DEVICE);
	EXPECT_EQ(0, check(self));
	p->id.reserved = cpu_to_le32(1);
	EXPECT_EQ(-EBADMSG, check(self));
	p->id.reserved = 0;
	p->reserved = cpu_to_le32(1);
	EXPECT_EQ(-EBADMSG, check(self));
	p->reserved = 0;
	p->path[0] = 'b';
	EXPECT_EQ(-EBADMSG, check(self));
	p->path[0] = '/';
	p->path[2] = 0;
	EXPECT_EQ(-EBADMSG, check(self));
	p->path[2] = 'i';
	p->path_length = 0;
	EXPECT_EQ(-EBADMSG, check(self));
	p->path_length = cpu_to_le16(6);
	EXPECT_EQ(-EBADMSG, check(self));		/* something after it */
	p->path_length = cpu_to_le16(7);
	p->length = cpu_to_le16(48);
	EXPECT_EQ(-EBADMSG, check(self));
	p->length = cpu_to_le16(56);
	EXPECT_EQ(0, check(self));
	c->count = cpu_to_le16(2);
	EXPECT_EQ(-EBADMSG, check(self));
	c->count = cpu_to_le16(1);
	cond(self, WARD_COND_PROGRAM);
	program(self, "/bin/sh", WARD_PROGRAM_UUID, 7);
	EXPECT_EQ(-EBADMSG, check(self));
}

TEST_HARNESS_MAIN
