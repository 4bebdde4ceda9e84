// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel sends, on its way into struct ward_event: a message is taken as it was built, and
 * whatever bytes come instead, nothing is read beside them, and what is taken has its form.
 */
#include <errno.h>
#include <netlink/genl/genl.h>

#include "harness.h"
#include "lib/log.h"
#include "lib/nlevent.c"
#include "mutate.h"

#define FAMILY	0x20
#define ROUNDS	15000

static const uint8_t load_id[WARD_LOAD_ID_SIZE] = "one load of it.";
static const uint8_t uuid[WARD_UUID_SIZE] = "a vault's uuid..";

/* An event with every attribute that there is. */
static struct nl_msg *full(void)
{
	struct ward_burst limit = { .what = htole32(1), .seconds = htole32(60), .most = htole64(200) };
	struct ward_program_id program = { .kind = htole32(1) };
	struct nl_msg *msg = nlmsg_alloc_size(16384);

	if (!msg || !genlmsg_put(msg, 0, 0, FAMILY, 0, 0, WARD_CMD_EVENT_GET, 1))
		abort();
	nla_put(msg, WARD_A_LOAD_ID, sizeof(load_id), load_id);
	nla_put(msg, WARD_A_VAULT_ID, sizeof(uuid), uuid);
	nla_put_string(msg, WARD_A_VAULT_NAME, "cases");
	nla_put_u32(msg, WARD_A_VAULT_DEV, 0x12345);
	nla_put_u64(msg, WARD_A_EVENT_SEQUENCE, 77);
	nla_put_u64(msg, WARD_A_EVENT_TIME, 1700000000000000000ULL);
	nla_put_u64(msg, WARD_A_EVENT_LAST_TIME, 1700000000500000000ULL);
	nla_put_u32(msg, WARD_A_EVENT_KIND, WARD_KIND_VIOLATION);
	nla_put_u32(msg, WARD_A_EVENT_ACTION, 1);
	nla_put_u32(msg, WARD_A_EVENT_REASON, WARD_REASON_POLICY);
	nla_put_u32(msg, WARD_A_EVENT_ERRNO, EACCES);
	nla_put_u64(msg, WARD_A_EVENT_COUNT, 3);
	nla_put_u64(msg, WARD_A_EVENT_LOST, 0);
	nla_put_u64(msg, WARD_A_EVENT_TOTAL, 90);
	nla_put_u64(msg, WARD_A_EVENT_VAULT_TOTAL, 80);
	nla_put_u32(msg, WARD_A_EVENT_UID, 61003);
	nla_put_u32(msg, WARD_A_EVENT_EUID, 61003);
	nla_put_u32(msg, WARD_A_EVENT_LOGINUID, 61003);
	nla_put_u32(msg, WARD_A_EVENT_GID, 61010);
	nla_put_u32(msg, WARD_A_EVENT_EGID, 61010);
	nla_put_u32(msg, WARD_A_EVENT_SESSION, 4);
	nla_put_u32(msg, WARD_A_EVENT_PID, 1000);
	nla_put_u32(msg, WARD_A_EVENT_PPID, 999);
	nla_put_u64(msg, WARD_A_EVENT_INODE, 12);
	nla_put_u64(msg, WARD_A_EVENT_BLOCK, 1);
	nla_put_u32(msg, WARD_A_EVENT_EXE_DEV, 0x801);
	nla_put_u64(msg, WARD_A_EVENT_EXE_INODE, 13);
	nla_put_u32(msg, WARD_A_EVENT_EXE_DOUBT, 1);
	nla_put(msg, WARD_A_PROGRAM_ID, sizeof(program), &program);
	nla_put(msg, WARD_A_EVENT_COMM, 4, "smbd");
	nla_put(msg, WARD_A_EVENT_CGROUP, 7, "/system");
	nla_put(msg, WARD_A_EVENT_EXE, 14, "/usr/sbin/smbd");
	nla_put(msg, WARD_A_EVENT_PATH, 5, "/a\n\xff/");
	nla_put(msg, WARD_A_EVENT_PATH2, 4, "/b\\c");
	nla_put_u32(msg, WARD_A_EVENT_PLACE, 1);
	nla_put_u32(msg, WARD_A_EVENT_OPS, 3);
	nla_put_string(msg, WARD_A_EVENT_RULE, "rule");
	nla_put_string(msg, WARD_A_EVENT_NEAR, "near");
	nla_put_u32(msg, WARD_A_EVENT_LACKS, 5);
	nla_put_string(msg, WARD_A_EVENT_DETAIL, "detail");
	if (nla_put(msg, WARD_A_EVENT_LIMIT, sizeof(limit), &limit))
		abort();
	return msg;
}

static void vault_name(const uint8_t *id, char *name, char *dir, void *arg)
{
	strcpy(name, "cases");
	strcpy(dir, "/srv/cases");
}

static void user_name(uint32_t uid, char *name, void *arg)
{
	strcpy(name, "somebody");
}

TEST(every_attribute_arrives)
{
	struct nl_msg *msg = full();
	struct nlattr *attrs[WARD_A_MAX + 1];
	struct ward_event e;

	ASSERT_EQ(0, ward_nl_parse(nlmsg_hdr(msg), attrs));
	ASSERT_EQ(0, decode(attrs, &e));
	EXPECT_EQ(0, memcmp(e.load_id, load_id, sizeof(load_id)));
	EXPECT_EQ(0, memcmp(e.vault, uuid, sizeof(uuid)));
	EXPECT_EQ(77, e.sequence);
	EXPECT_EQ(500000000, e.last_time - e.time);
	EXPECT_EQ(3, e.count);
	EXPECT_EQ(90, e.total);
	EXPECT_EQ(80, e.vault_total);
	EXPECT_EQ(61010, e.egid);
	EXPECT_EQ(13, e.exe_inode);
	EXPECT_EQ(4, e.path2.length);
	EXPECT_EQ(0, memcmp(e.path.data, "/a\n\xff/", e.path.length));
	EXPECT_STREQ("rule", e.rule);
	EXPECT_STREQ("near", e.near);
	EXPECT_STREQ("detail", e.detail);
	EXPECT_EQ(200, le64toh(e.limit.most));
	nlmsg_free(msg);
}

/* The attributes that no event is without. */
TEST(without_the_least_it_is_none)
{
	static const int least[] = { WARD_A_LOAD_ID, WARD_A_EVENT_SEQUENCE, WARD_A_EVENT_TIME, WARD_A_EVENT_KIND };
	struct nlattr *attrs[WARD_A_MAX + 1];
	struct ward_event e;
	size_t i;

	for (i = 0; i < sizeof(least) / sizeof(*least); i++) {
		struct nl_msg *msg = full();

		ASSERT_EQ(0, ward_nl_parse(nlmsg_hdr(msg), attrs));
		attrs[least[i]] = NULL;
		EXPECT_EQ(-EPROTO, decode(attrs, &e));
		nlmsg_free(msg);
	}
}

/* One byte, with no NUL behind it, instead of each attribute: only names of files are so. */
TEST(what_has_not_its_form_is_not_taken)
{
	struct nlattr *attrs[WARD_A_MAX + 1], *a;
	struct nl_msg *msg = full();
	struct nlmsghdr *h = nlmsg_hdr(msg);
	int left, type;

	nlmsg_for_each_attr(a, h, GENL_HDRLEN, left) {
		struct nl_msg *wrong = nlmsg_alloc();

		ASSERT_TRUE(wrong && genlmsg_put(wrong, 0, 0, FAMILY, 0, 0, WARD_CMD_EVENT_GET, 1));
		type = nla_type(a);
		ASSERT_EQ(0, nla_put(wrong, type, 1, "x"));
		EXPECT_EQ(type == WARD_A_EVENT_COMM || type == WARD_A_EVENT_CGROUP || type == WARD_A_EVENT_EXE ||
			  type == WARD_A_EVENT_PATH || type == WARD_A_EVENT_PATH2 ? 0 : -EPROTO,
			  ward_nl_parse(nlmsg_hdr(wrong), attrs)) {
			TH_LOG("attribute %d", type);
		}
		nlmsg_free(wrong);
	}
	nlmsg_free(msg);
}

static bool within(const void *p, size_t n, const void *from, size_t size)
{
	return !p || ((const char *)p >= (const char *)from && (const char *)p + n <= (const char *)from + size);
}

TEST(bytes_that_no_kernel_sends)
{
	struct ward_log_names names = { vault_name, user_name, NULL };
	struct nl_msg *msg = full();
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *attrs[WARD_A_MAX + 1];
	struct mutate m = { 20261127 };
	unsigned int round, taken = 0;
	struct ward_event e;

	for (round = 0; round < ROUNDS; round++) {
		size_t n = nlmsg_datalen(h) - GENL_HDRLEN;
		uint8_t *changed = mutate_copy(&m, (char *)nlmsg_data(h) + GENL_HDRLEN, &n);
		/* Its end is where the sanitizer looks. */
		struct nlmsghdr *exact = malloc(NLMSG_HDRLEN + GENL_HDRLEN + n);

		ASSERT_NE(NULL, exact);
		memcpy(exact, h, NLMSG_HDRLEN + GENL_HDRLEN);
		memcpy((char *)exact + NLMSG_HDRLEN + GENL_HDRLEN, changed, n);
		exact->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + n;
		if (!ward_nl_parse(exact, attrs) && !decode(attrs, &e)) {
			json_t *o = ward_log_event(&e, &names);
			char *line = o ? ward_log_line(o, "") : NULL;

			taken++;
			ASSERT_TRUE(e.count && e.last_time >= e.time);
			ASSERT_TRUE(within(e.path.data, e.path.length, exact, exact->nlmsg_len));
			ASSERT_TRUE(within(e.path2.data, e.path2.length, exact, exact->nlmsg_len));
			ASSERT_TRUE(within(e.comm.data, e.comm.length, exact, exact->nlmsg_len));
			ASSERT_TRUE(within(e.rule, e.rule ? strlen(e.rule) + 1 : 0, exact, exact->nlmsg_len));
			ASSERT_NE(NULL, line);
			ASSERT_EQ(strlen(line) - 1, strcspn(line, "\n"));
			free(line);
			json_decref(o);
		}
		free(exact);
		free(changed);
	}
	EXPECT_LT(ROUNDS / 20, taken);
	EXPECT_GT(ROUNDS, taken);
	nlmsg_free(msg);
}

TEST_HARNESS_MAIN
