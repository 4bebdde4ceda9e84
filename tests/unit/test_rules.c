// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiled policies, well formed and not, and what they say: module/rules.c. */
#include "harness.h"
#include "rules.h"

#define READ	WARD_OP_READ
#define WRITE	WARD_OP_WRITE
#define LIST	WARD_OP_LIST

static const u8 vault[16] = { 1, 2, 3 };

/* A policy that is being put together; no MAC is looked at here. */
struct blob {
	size_t len;
	size_t rule;		/* offset of the rule at hand */
	union {
		u8 bytes[4096];
		u64 align;
	};
};

static struct ward_policy_header *head(struct blob *b)
{
	return (void *)b->bytes;
}

static void seal(struct blob *b)
{
	head(b)->length = cpu_to_le32(b->len + WARD_MAC_SIZE);
}

static void begin(struct blob *b)
{
	memset(b, 0, sizeof(*b));
	memcpy(head(b)->magic, WARD_POLICY_MAGIC, 8);
	head(b)->version = cpu_to_le16(1);
	memcpy(head(b)->vault, vault, 16);
	b->len = sizeof(*head(b));
	seal(b);
}

static struct ward_rule *rule(struct blob *b, const char *name, u16 flags, u32 ops)
{
	struct ward_rule *r = (void *)(b->bytes + b->len);

	b->rule = b->len;
	b->len += sizeof(*r);
	r->length = cpu_to_le32(sizeof(*r));
	r->flags = cpu_to_le16(flags);
	r->operations = cpu_to_le32(ops);
	strcpy((char *)r->name, name);
	head(b)->rules = cpu_to_le32(le32_to_cpu(head(b)->rules) + 1);
	seal(b);
	return r;
}

/* Adds a condition with up to two subjects to the rule at hand. */
static struct ward_condition *cond(struct blob *b, u16 type, int count, u32 kind1, u32 id1,
				   u32 kind2, u32 id2)
{
	struct ward_rule *r = (void *)(b->bytes + b->rule);
	struct ward_condition *c = (void *)(b->bytes + b->len);
	struct ward_subject *s = (void *)(c + 1);
	u32 len = sizeof(*c) + count * sizeof(*s);

	c->length = cpu_to_le32(len);
	c->type = cpu_to_le16(type);
	c->count = cpu_to_le16(count);
	s[0].kind = cpu_to_le32(kind1);
	s[0].id = cpu_to_le32(id1);
	if (count > 1) {
		s[1].kind = cpu_to_le32(kind2);
		s[1].id = cpu_to_le32(id2);
	}
	r->length = cpu_to_le32(le32_to_cpu(r->length) + len);
	r->conditions = cpu_to_le16(le16_to_cpu(r->conditions) + 1);
	b->len += len;
	seal(b);
	return c;
}

/* Adds a condition that names one or two threads of the kernel. */
static struct ward_condition *threads(struct blob *b, const char *name1, const char *name2)
{
	struct ward_rule *r = (void *)(b->bytes + b->rule);
	struct ward_condition *c = (void *)(b->bytes + b->len);
	struct ward_kthread *k = (void *)(c + 1);
	u32 len = sizeof(*c) + (name2 ? 2 : 1) * sizeof(*k);

	c->length = cpu_to_le32(len);
	c->type = cpu_to_le16(WARD_COND_KTHREAD);
	c->count = cpu_to_le16(name2 ? 2 : 1);
	strcpy((char *)k[0].name, name1);
	if (name2)
		strcpy((char *)k[1].name, name2);
	r->length = cpu_to_le32(le32_to_cpu(r->length) + len);
	r->conditions = cpu_to_le16(le16_to_cpu(r->conditions) + 1);
	b->len += len;
	seal(b);
	return c;
}

static int check(struct blob *b)
{
	struct ward_policy_traits t;

	return ward_policy_validate(b->bytes, le32_to_cpu(head(b)->length), vault, &t);
}

static bool in_group(u32 gid, void *arg)
{
	return gid == *(u32 *)arg;
}

static struct ward_verdict decide(struct blob *b, u32 uid, u32 gid, u32 ops)
{
	struct ward_actor who = { .fsuid = uid, .in_group = in_group, .arg = &gid };
	struct ward_verdict v;

	ward_policy_decide(b->bytes, &who, ops, &v);
	return v;
}

FIXTURE(rules) {
	struct blob b;
	struct ward_policy_traits traits;
};

FIXTURE_SETUP(rules)
{
	begin(&self->b);
}

FIXTURE_TEARDOWN(rules)
{
}

TEST_F(rules, none_means_nobody)
{
	ASSERT_EQ(0, check(&self->b));
	EXPECT_FALSE(decide(&self->b, 0, 0, READ).allow);
	EXPECT_EQ(NULL, decide(&self->b, 0, 0, READ).rule);
}

TEST_F(rules, users_and_groups)
{
	rule(&self->b, "staff", WARD_RULE_ALLOW, READ | WRITE);
	cond(&self->b, WARD_COND_SUBJECT, 2, WARD_SUBJECT_UID, 1000, WARD_SUBJECT_GID, 50);
	ASSERT_EQ(0, check(&self->b));
	EXPECT_TRUE(decide(&self->b, 1000, 1, READ).allow);
	EXPECT_TRUE(decide(&self->b, 1001, 50, READ | WRITE).allow);
	EXPECT_FALSE(decide(&self->b, 1001, 1000, READ).allow);
	EXPECT_FALSE(decide(&self->b, 0, 0, READ).allow);	/* root is nobody special */
	EXPECT_FALSE(decide(&self->b, 1000, 1, LIST).allow);
	EXPECT_FALSE(decide(&self->b, 1000, 1, READ | LIST).allow);
}

TEST_F(rules, first_match_decides)
{
	struct ward_verdict v;

	rule(&self->b, "not him", WARD_RULE_SILENT, READ);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_UID, 7, 0, 0);
	rule(&self->b, "everybody", WARD_RULE_ALLOW | WARD_RULE_RECORD, READ | WRITE);
	ASSERT_EQ(0, check(&self->b));
	v = decide(&self->b, 7, 0, READ);
	EXPECT_FALSE(v.allow);
	EXPECT_TRUE(v.silent);
	ASSERT_NE(NULL, v.rule);
	EXPECT_STREQ("not him", (char *)v.rule->name);
	v = decide(&self->b, 7, 0, WRITE);
	EXPECT_TRUE(v.allow);
	EXPECT_TRUE(v.record);
	EXPECT_STREQ("everybody", (char *)v.rule->name);
	EXPECT_TRUE(decide(&self->b, 8, 0, READ).allow);
	EXPECT_FALSE(decide(&self->b, 7, 0, READ | WRITE).allow);
}

/* Two rules may each allow a part. */
TEST_F(rules, operations_add_up)
{
	rule(&self->b, "reading", WARD_RULE_ALLOW, READ);
	rule(&self->b, "writing", WARD_RULE_ALLOW, WRITE);
	ASSERT_EQ(0, check(&self->b));
	EXPECT_TRUE(decide(&self->b, 1, 1, READ | WRITE).allow);
	EXPECT_FALSE(decide(&self->b, 1, 1, READ | WRITE | LIST).allow);
}

TEST_F(rules, every_condition_must_hold)
{
	struct ward_actor who = { .fsuid = 5, .in_group = in_group, .arg = &(u32){ 9 } };
	struct ward_verdict v;

	rule(&self->b, "as herself", WARD_RULE_ALLOW, READ);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_UID, 5, 0, 0);
	cond(&self->b, WARD_COND_LOGIN, 1, WARD_SUBJECT_UID, 6, 0, 0);
	ASSERT_EQ(0, ward_policy_validate(self->b.bytes, self->b.len + 32, vault, &self->traits));
	EXPECT_TRUE(self->traits.by_login);
	EXPECT_EQ(1, self->traits.rules);
	ward_policy_decide(self->b.bytes, &who, READ, &v);
	EXPECT_FALSE(v.allow);
	who.loginuid = 6;		/* not set: does not count */
	ward_policy_decide(self->b.bytes, &who, READ, &v);
	EXPECT_FALSE(v.allow);
	who.has_login = true;
	ward_policy_decide(self->b.bytes, &who, READ, &v);
	EXPECT_TRUE(v.allow);
	EXPECT_EQ(READ, ward_policy_allowed(self->b.bytes, &who, NULL));
	who.kernel = true;		/* a kernel thread is nobody that a rule names */
	who.kthread = "loop0";
	ward_policy_decide(self->b.bytes, &who, READ, &v);
	EXPECT_FALSE(v.allow);
	EXPECT_EQ(0, ward_policy_allowed(self->b.bytes, &who, NULL));
}

/* Who has no login user can choose one: it narrows a rule, it does not open anything. */
TEST_F(rules, logins_alone_allow_nothing)
{
	struct ward_rule *r = rule(&self->b, "by login", WARD_RULE_ALLOW, READ);

	cond(&self->b, WARD_COND_LOGIN, 1, WARD_SUBJECT_UID, 6, 0, 0);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	cond(&self->b, WARD_COND_LOGIN, 1, WARD_SUBJECT_UID, 7, 0, 0);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->flags = 0;			/* denying by it is all right */
	EXPECT_EQ(0, check(&self->b));
	r->flags = cpu_to_le16(WARD_RULE_ALLOW);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 8, 0, 0);
	EXPECT_EQ(0, check(&self->b));
	/* Each rule for itself. */
	rule(&self->b, "second", WARD_RULE_ALLOW, READ);
	cond(&self->b, WARD_COND_LOGIN, 1, WARD_SUBJECT_UID, 6, 0, 0);
	EXPECT_EQ(-EBADMSG, check(&self->b));
}

/* Who may leave groups at will is not let past a rule that denies one of them. */
TEST_F(rules, groups_that_can_be_left)
{
	struct ward_actor who = { .fsuid = 5, .in_group = in_group, .arg = &(u32){ 9 } };
	struct ward_verdict v;

	rule(&self->b, "not the interns", 0, READ);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 10, 0, 0);
	rule(&self->b, "not him", 0, READ);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_UID, 6, 0, 0);
	rule(&self->b, "staff", WARD_RULE_ALLOW, READ);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 9, 0, 0);
	rule(&self->b, "others", WARD_RULE_ALLOW, WRITE);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 11, 0, 0);
	ASSERT_EQ(0, check(&self->b));
	ward_policy_decide(self->b.bytes, &who, READ, &v);
	EXPECT_TRUE(v.allow);
	who.sheds_groups = true;
	ward_policy_decide(self->b.bytes, &who, READ, &v);
	EXPECT_FALSE(v.allow);
	ASSERT_NE(NULL, v.rule);
	EXPECT_STREQ("not the interns", (char *)v.rule->name);
	EXPECT_EQ(0, ward_policy_allowed(self->b.bytes, &who, NULL));
	/* It gives nobody a group. */
	ward_policy_decide(self->b.bytes, &who, WRITE, &v);
	EXPECT_FALSE(v.allow);
}

static bool lets(struct blob *b, struct ward_actor *who, u32 ops)
{
	struct ward_verdict v;

	ward_policy_decide(b->bytes, who, ops, &v);
	return v.allow;
}

/* A thread of the kernel is whom it acts for where a rule names it, and nobody elsewhere. */
TEST_F(rules, threads_of_the_kernel)
{
	u32 gid = 9;
	struct ward_actor who = {
		.fsuid = 5, .kernel = true, .kthread = "nfsd", .in_group = in_group, .arg = &gid,
	};

	rule(&self->b, "not him", 0, WARD_OP_ALL);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_UID, 7, 0, 0);
	rule(&self->b, "local", WARD_RULE_ALLOW, WARD_OP_ALL);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 9, 0, 0);
	rule(&self->b, "over NFS", WARD_RULE_ALLOW, READ | LIST);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 9, 0, 0);
	threads(&self->b, "nfsd", "lockd");
	ASSERT_EQ(0, check(&self->b));

	EXPECT_TRUE(lets(&self->b, &who, READ));
	EXPECT_FALSE(lets(&self->b, &who, WRITE));
	EXPECT_TRUE(ward_policy_walks(self->b.bytes, &who));
	who.kthread = "lockd";
	EXPECT_TRUE(lets(&self->b, &who, LIST));
	who.kthread = "nfsdx";
	EXPECT_FALSE(lets(&self->b, &who, READ));
	EXPECT_FALSE(ward_policy_walks(self->b.bytes, &who));
	who.kthread = "nfs";
	EXPECT_FALSE(lets(&self->b, &who, READ));
	/* A process of that name is none. */
	who.kthread = "nfsd";
	who.kernel = false;
	gid = 10;
	EXPECT_FALSE(lets(&self->b, &who, READ));
	gid = 9;
	EXPECT_TRUE(lets(&self->b, &who, WRITE));
	/* Whom it acts for counts: also in a rule that denies and does not name it. */
	who.kernel = true;
	who.fsuid = 7;
	EXPECT_FALSE(lets(&self->b, &who, READ));
	who.fsuid = 5;
	gid = 10;
	EXPECT_FALSE(lets(&self->b, &who, READ));
	EXPECT_FALSE(ward_policy_walks(self->b.bytes, &who));
	/* For itself it walks, and no more. */
	who.own = true;
	EXPECT_TRUE(ward_policy_walks(self->b.bytes, &who));
	EXPECT_EQ(0, ward_policy_allowed(self->b.bytes, &who, NULL));
	EXPECT_FALSE(lets(&self->b, &who, LIST));
	who.kthread = "loop0";
	EXPECT_FALSE(ward_policy_walks(self->b.bytes, &who));
	who.kernel = false;
	EXPECT_FALSE(ward_policy_walks(self->b.bytes, &who));
}

/* A rule that names a thread alone is for whomever it acts for, and for nobody else. */
TEST_F(rules, a_thread_alone)
{
	u32 gid = 0;
	struct ward_actor who = {
		.fsuid = 5, .kernel = true, .kthread = "nfsd", .in_group = in_group, .arg = &gid,
	};

	rule(&self->b, "no writing over NFS", 0, WRITE);
	threads(&self->b, "nfsd", NULL);
	rule(&self->b, "over NFS", WARD_RULE_ALLOW, READ);
	threads(&self->b, "nfsd", NULL);
	rule(&self->b, "everybody", WARD_RULE_ALLOW, WRITE | LIST);
	ASSERT_EQ(0, check(&self->b));
	EXPECT_TRUE(lets(&self->b, &who, READ));
	EXPECT_FALSE(lets(&self->b, &who, WRITE));
	EXPECT_TRUE(lets(&self->b, &who, LIST));
	who.kernel = false;
	EXPECT_FALSE(lets(&self->b, &who, READ));
	EXPECT_TRUE(lets(&self->b, &who, WRITE));
}

TEST_F(rules, thread_refused)
{
	static const char *const bad[] = { "", "a/b", "a b", "kworker/0:1", "\xc3\xa4" };
	struct ward_condition *c;
	struct ward_kthread *k;
	size_t i;

	rule(&self->b, "rule", WARD_RULE_ALLOW, READ);
	c = threads(&self->b, "nfsd", NULL);
	k = (void *)(c + 1);
	ASSERT_EQ(0, check(&self->b));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(k->name, 0, sizeof(k->name));
		strcpy((char *)k->name, bad[i]);
		EXPECT_EQ(-EBADMSG, check(&self->b)) TH_LOG("name %zu", i);
	}
	memset(k->name, 'a', sizeof(k->name));		/* no NUL */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	k->name[15] = 0;
	EXPECT_EQ(0, check(&self->b));
	k->name[3] = 0;					/* something after the NUL */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	memset(k->name + 3, 0, 13);
	c->count = cpu_to_le16(2);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->count = 0;
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->count = cpu_to_le16(1);
	threads(&self->b, "lockd", NULL);		/* one list of them */
	EXPECT_EQ(-EBADMSG, check(&self->b));
}

/* ward_policy_allowed() says the same as asking one by one. */
TEST_F(rules, allowed_agrees)
{
	u32 uid, gid, op, each, all;

	rule(&self->b, "a", 0, READ | LIST);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 1, 0, 0);
	rule(&self->b, "b", WARD_RULE_ALLOW, READ | WRITE | WARD_OP_CREATE);
	cond(&self->b, WARD_COND_SUBJECT, 2, WARD_SUBJECT_UID, 0, WARD_SUBJECT_UID, 2);
	rule(&self->b, "c", 0, WARD_OP_CREATE);
	rule(&self->b, "d", WARD_RULE_ALLOW, WARD_OP_ALL);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_UID, 1, 0, 0);
	ASSERT_EQ(0, check(&self->b));
	for (uid = 0; uid < 4; uid++) {
		for (gid = 0; gid < 3; gid++) {
			struct ward_actor who = { .fsuid = uid, .in_group = in_group, .arg = &gid };

			all = ward_policy_allowed(self->b.bytes, &who, NULL);
			for (each = 0, op = 1; op <= WARD_OP_SETXATTR; op <<= 1)
				each |= decide(&self->b, uid, gid, op).allow ? op : 0;
			EXPECT_EQ(each, all) TH_LOG("uid %u gid %u", uid, gid);
		}
	}
}

TEST_F(rules, permissive)
{
	head(&self->b)->flags = cpu_to_le16(WARD_POLICY_PERMISSIVE);
	ASSERT_EQ(0, ward_policy_validate(self->b.bytes, self->b.len + 32, vault, &self->traits));
	EXPECT_TRUE(self->traits.permissive);
}

TEST_F(rules, header_refused)
{
	struct ward_policy_header *h = head(&self->b);
	u8 other[16] = { 9 };
	size_t len = self->b.len + WARD_MAC_SIZE, i;

	ASSERT_EQ(0, check(&self->b));
	EXPECT_EQ(-EXDEV, ward_policy_validate(h, len, other, &self->traits));
	for (i = 0; i < len; i++)
		ASSERT_EQ(-EBADMSG, ward_policy_validate(h, i, vault, &self->traits));
	EXPECT_EQ(-EBADMSG, ward_policy_validate(h, len + 8, vault, &self->traits));
	h->flags = cpu_to_le16(WARD_POLICY_FLAGS + 1);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	h->flags = 0;
	h->reserved[19] = 1;
	EXPECT_EQ(-EBADMSG, check(&self->b));
	h->reserved[19] = 0;
	h->rules = cpu_to_le32(1);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	h->rules = cpu_to_le32(0xffffffff);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	h->rules = 0;
	h->version = cpu_to_le16(2);
	EXPECT_EQ(-EPROTONOSUPPORT, check(&self->b));
	h->version = cpu_to_le16(1);
	h->magic[0] = 'w';
	EXPECT_EQ(-EBADMSG, check(&self->b));
}

TEST_F(rules, rule_refused)
{
	struct ward_rule *r = rule(&self->b, "rule", WARD_RULE_ALLOW, READ);
	static const char *const bad[] = { "\xff", "\xc0\x80", "a\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3" };
	size_t i;

	ASSERT_EQ(0, check(&self->b));
	r->flags = cpu_to_le16(8);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->flags = 0;
	r->operations = 0;
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->operations = cpu_to_le32(0x400);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->operations = cpu_to_le32(WARD_OP_ALL);
	r->reserved = cpu_to_le32(1);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->reserved = 0;
	r->conditions = cpu_to_le16(1);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->conditions = 0;
	r->length = cpu_to_le32(72);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->length = cpu_to_le32(84);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->length = cpu_to_le32(0xfffffff8);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->length = cpu_to_le32(80);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(r->name, 0, sizeof(r->name));
		strcpy((char *)r->name, bad[i]);
		EXPECT_EQ(-EBADMSG, check(&self->b)) TH_LOG("name %zu", i);
	}
	memset(r->name, 'x', sizeof(r->name));		/* no NUL */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->name[62] = 0;				/* something after the NUL */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	r->name[62] = 'x';
	r->name[63] = 0;
	EXPECT_EQ(0, check(&self->b));
	strcpy((char *)r->name, "gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x94\x92");
	memset(r->name + 13, 0, 51);
	EXPECT_EQ(0, check(&self->b));
}

TEST_F(rules, condition_refused)
{
	struct ward_condition *c;
	struct ward_subject *s;

	rule(&self->b, "rule", WARD_RULE_ALLOW, READ);
	c = cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 5, 0, 0);
	s = (void *)(c + 1);
	ASSERT_EQ(0, check(&self->b));
	c->type = cpu_to_le16(WARD_COND_LAST + 1);	/* what is not known is refused */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->type = cpu_to_le16(WARD_COND_LOGIN);		/* groups of a login are not known */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->type = cpu_to_le16(WARD_COND_SUBJECT);
	c->count = 0;
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->count = cpu_to_le16(2);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->count = cpu_to_le16(1);
	c->length = cpu_to_le32(8);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->length = cpu_to_le32(24);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->length = cpu_to_le32(0xfffffff0);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	c->length = cpu_to_le32(16);
	s->kind = cpu_to_le32(3);
	EXPECT_EQ(-EBADMSG, check(&self->b));
	s->kind = cpu_to_le32(WARD_SUBJECT_UID);
	s->id = cpu_to_le32(0xffffffff);		/* nobody at all */
	EXPECT_EQ(-EBADMSG, check(&self->b));
	s->id = 0;
	EXPECT_EQ(0, check(&self->b));
}

/*
 * Random changes: whatever is taken can be asked without leaving the policy,
 * which lies in memory that ends where it ends.
 */
TEST_F(rules, mutations)
{
	u32 state = 4711, round, gid = 50;
	struct ward_actor who = { .fsuid = 1000, .in_group = in_group, .arg = &gid };
	struct ward_actor nfsd = {
		.fsuid = 1000, .kernel = true, .own = true, .kthread = "nfsd",
		.in_group = in_group, .arg = &gid,
	};
	unsigned int taken = 0;
	struct ward_verdict v;

	rule(&self->b, "one", WARD_RULE_ALLOW, READ);
	cond(&self->b, WARD_COND_SUBJECT, 2, WARD_SUBJECT_UID, 1000, WARD_SUBJECT_GID, 50);
	cond(&self->b, WARD_COND_LOGIN, 1, WARD_SUBJECT_UID, 6, 0, 0);
	rule(&self->b, "two", WARD_RULE_ALLOW, WARD_OP_ALL);
	cond(&self->b, WARD_COND_SUBJECT, 1, WARD_SUBJECT_GID, 50, 0, 0);
	threads(&self->b, "nfsd", "lockd");
	for (round = 0; round < 50000; round++) {
		size_t len = self->b.len + WARD_MAC_SIZE;
		u64 *copy = malloc(len);
		u8 *bytes = (u8 *)copy;
		int i;

		ASSERT_NE(NULL, copy);
		memcpy(copy, self->b.bytes, len);
		for (i = 0; i < 3; i++) {
			state = state * 1664525 + 1013904223;
			bytes[(state >> 8) % self->b.len] ^= 1 << (state >> 29);
		}
		if (!ward_policy_validate(copy, len, vault, &self->traits)) {
			taken++;
			ward_policy_decide(copy, &who, WARD_OP_ALL, &v);
			ward_policy_allowed(copy, &who, NULL);
			ward_policy_decide(copy, &nfsd, WARD_OP_ALL, &v);
			ward_policy_walks(copy, &nfsd);
		}
		free(copy);
	}
	EXPECT_NE(0, taken);
}

TEST_HARNESS_MAIN
