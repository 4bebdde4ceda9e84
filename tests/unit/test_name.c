// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading names, targets and xattrs that the test writer sealed: agent/lib/name.c. */
#include "harness.h"
#include "lib/name.h"
#include "writer.h"

FIXTURE(name) {
	struct writer w;
	uint8_t dir[16], keys[64];
	char lower[256], hidden[64], full[512];
	char out[WARD_TARGET_MAX + 1];
};

FIXTURE_SETUP(name)
{
	writer_init(&self->w, 1, 0);
	writer_draw(&self->w, self->dir, 16);
	ASSERT_EQ(0, ward_hkdf(self->w.uuid, self->w.names, 32, WARD_LABEL_DIR, self->dir, 16,
			       self->keys, 64));
}

FIXTURE_TEARDOWN(name)
{
}

TEST_F(name, every_length)
{
	char name[256], hidden[WARD_HIDDEN_SIZE];
	int len;

	for (len = 1; len <= 255; len++) {
		memset(name, 'a' + len % 26, len);
		name[len] = 0;
		writer_name(&self->w, self->dir, name, self->lower, self->hidden, self->full);
		ASSERT_GE(255, strlen(self->lower));
		if (len <= 160) {
			ASSERT_EQ(WARD_LNAME_INLINE, ward_lname_kind(self->lower));
			ASSERT_EQ(len, ward_name_open(self->keys, self->lower, NULL, self->out));
		} else {
			ASSERT_EQ(WARD_LNAME_DIGEST, ward_lname_kind(self->lower));
			ASSERT_EQ(44, strlen(self->lower));
			ASSERT_EQ(0, ward_lname_hidden(self->lower, hidden));
			ASSERT_STREQ(self->hidden, hidden);
			ASSERT_EQ(WARD_LNAME_HIDDEN, ward_lname_kind(hidden));
			ASSERT_EQ(len, ward_name_open(self->keys, self->lower, self->full,
						      self->out));
		}
		ASSERT_STREQ(name, self->out);
	}
}

TEST_F(name, every_character_counts)
{
	size_t i;

	writer_name(&self->w, self->dir, "some name", self->lower, self->hidden, self->full);
	for (i = 0; i < strlen(self->lower); i++) {
		char was = self->lower[i];

		self->lower[i] = was == 'A' ? 'B' : 'A';
		ASSERT_EQ(-EBADMSG, ward_name_open(self->keys, self->lower, NULL, self->out));
		self->lower[i] = was;
	}
	strcat(self->lower, "A");
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, self->lower, NULL, self->out));
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, "", NULL, self->out));
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, "plain.txt", NULL, self->out));
}

TEST_F(name, of_another_directory)
{
	writer_name(&self->w, self->dir, "some name", self->lower, self->hidden, self->full);
	self->keys[63] ^= 1;
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, self->lower, NULL, self->out));
	self->keys[63] ^= 1;
	self->keys[0] ^= 1;
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, self->lower, NULL, self->out));
}

/* A name that fits must not come in a second form that anybody can make of it. */
TEST_F(name, one_form_only)
{
	uint8_t sealed[256], digest[32];
	char lower[64] = "=", name[256];
	int n;

	writer_name(&self->w, self->dir, "some name", self->lower, self->hidden, self->full);
	n = ward_b64_decode(self->full, strlen(self->full), sealed);
	ASSERT_EQ(32, n);
	ASSERT_EQ(0, ward_sha256(sealed, n, digest));
	lower[1 + ward_b64_encode(digest, 32, lower + 1)] = 0;
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, lower, self->full, self->out));

	/* And a long one needs its own digest. */
	memset(name, 'x', 200);
	name[200] = 0;
	writer_name(&self->w, self->dir, name, self->lower, self->hidden, self->full);
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, lower, self->full, self->out));
	EXPECT_EQ(200, ward_name_open(self->keys, self->lower, self->full, self->out));
	EXPECT_EQ(-EBADMSG, ward_name_open(self->keys, self->full, NULL, self->out));
}

TEST_F(name, hidden_symlinks)
{
	char hidden[WARD_HIDDEN_SIZE], bad[64];

	EXPECT_EQ(-EBADMSG, ward_lname_hidden("=", hidden));
	EXPECT_EQ(-EBADMSG, ward_lname_hidden("=short", hidden));
	memset(bad, 'A', 44);
	bad[0] = '=';
	bad[44] = 0;
	EXPECT_EQ(0, ward_lname_hidden(bad, hidden));
	bad[43] = 'B';				/* unused bits are set */
	EXPECT_EQ(-EBADMSG, ward_lname_hidden(bad, hidden));
	bad[43] = '/';
	EXPECT_EQ(-EBADMSG, ward_lname_hidden(bad, hidden));
}

TEST_F(name, directory_id)
{
	uint8_t id[16];
	char text[23];

	writer_dirid(self->dir, text);
	ASSERT_EQ(22, strlen(text));
	ASSERT_EQ(0, ward_dirid_open(text, id));
	EXPECT_EQ(0, memcmp(id, self->dir, 16));
	text[21] |= 1;				/* 'A', 'Q', 'g' or 'w': unused bits */
	if (text[21] == 'A' || text[21] == 'Q' || text[21] == 'g' || text[21] == 'w')
		text[21]++;
	EXPECT_EQ(-EBADMSG, ward_dirid_open(text, id));
	text[21] = 0;
	EXPECT_EQ(-EBADMSG, ward_dirid_open(text, id));
	EXPECT_EQ(-EBADMSG, ward_dirid_open("", id));
}

TEST_F(name, targets)
{
	static const int lengths[] = { 1, 15, 16, 17, 255, 1000, 3008, 3009, 3023, 3024 };
	char target[3025], lower[4096];
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(target, 't', lengths[i]);
		target[lengths[i]] = 0;
		writer_target(&self->w, target, lower);
		ASSERT_EQ(lengths[i], ward_target_open(self->w.uuid, self->w.links, lower,
						       self->out));
		ASSERT_STREQ(target, self->out);
		at = strlen(lower) / 2;
		lower[at] = lower[at] == 'A' ? 'B' : 'A';
		ASSERT_EQ(-EBADMSG, ward_target_open(self->w.uuid, self->w.links, lower,
						     self->out));
	}
	EXPECT_EQ(-EBADMSG, ward_target_open(self->w.uuid, self->w.links, "", self->out));
	EXPECT_EQ(-EBADMSG, ward_target_open(self->w.uuid, self->w.links, "/etc/passwd", self->out));
	memset(lower, 'A', 4095);
	lower[4095] = 0;
	EXPECT_EQ(-EBADMSG, ward_target_open(self->w.uuid, self->w.links, lower, self->out));
}

TEST_F(name, xattrs)
{
	char name[161], lower[256], got[161], other[512];
	uint8_t keys[64], value[1016], plain[1000], back[1000];
	int len;

	writer_dir_xattr_keys(&self->w, self->dir, keys);
	memset(plain, 'v', sizeof(plain));
	for (len = 1; len <= 160; len++) {
		memset(name, 'n', len);
		name[len] = 0;
		writer_xattr(&self->w, keys, name, plain, len * 6, lower, value);
		ASSERT_GE(255, strlen(lower));
		ASSERT_EQ(len, ward_xname_open(keys, lower, got));
		ASSERT_STREQ(name, got);
		ASSERT_EQ(len * 6, ward_xvalue_open(keys, got, value, 16 + len * 6, back));
		ASSERT_EQ(0, memcmp(plain, back, len * 6));
	}
	/* A value belongs to its name, and is whole. */
	EXPECT_EQ(-EBADMSG, ward_xvalue_open(keys, "other", value, 16 + 960, back));
	EXPECT_EQ(-EBADMSG, ward_xvalue_open(keys, got, value, 16 + 959, back));
	EXPECT_EQ(-EBADMSG, ward_xvalue_open(keys, got, value, 15, back));
	writer_xattr(&self->w, keys, "empty", "", 0, lower, value);
	EXPECT_EQ(0, ward_xvalue_open(keys, "empty", value, 16, back));
	/* Names that are not ours. */
	EXPECT_EQ(-EBADMSG, ward_xname_open(keys, "user.ward.", got));
	EXPECT_EQ(-EBADMSG, ward_xname_open(keys, "user.comment", got));
	writer_name(&self->w, self->dir, "comment", self->lower, self->hidden, self->full);
	snprintf(other, sizeof(other), "user.ward.%s", self->lower);
	EXPECT_EQ(-EBADMSG, ward_xname_open(keys, other, got));
	lower[12] = lower[12] == 'A' ? 'B' : 'A';
	EXPECT_EQ(-EBADMSG, ward_xname_open(keys, lower, got));
}

TEST_HARNESS_MAIN
