// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every parser of the format, fed with thousands of things that are nearly
 * right. Beside the sanitizers, each has a law that must hold for what it takes.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "codec.h"
#include "header.h"
#include "harness.h"
#include "layout.h"
#include "lib/filedata.h"
#include "lib/text.h"
#include "mutate.h"
#include "writer.h"

#define ROUNDS	20000

FIXTURE(fuzz) {
	struct mutate m;
	struct writer w;
	struct writer_file f;
	struct ward_tree tree;
	uint8_t keys[64];
	uint8_t id[16];
	char lower[256], hidden[64], full[512];
};

FIXTURE_SETUP(fuzz)
{
	uint8_t info[32] = "ward 1 directory";

	self->m.state = 20250608;
	writer_init(&self->w, 1, 0);
	writer_file_new(&self->w, &self->f);
	memset(self->id, 7, sizeof(self->id));
	memcpy(info + 16, self->id, 16);
	ASSERT_EQ(0, ward_hkdf_salt(self->w.uuid, 16, self->w.names, 32, info, 32, self->keys, 64));
	memset(&self->tree, 0, sizeof(self->tree));
	memcpy(self->tree.master.uuid, self->w.uuid, 16);
	memcpy(self->tree.wrap, self->w.wrap, 32);
	self->tree.master.generation = 1;
}

FIXTURE_TEARDOWN(fuzz)
{
}

/* Each string of bytes has one encoding. */
TEST_F(fuzz, base64url)
{
	const char text[] = "GVOy_hukjWdJSqJGXAnMzjIuOaDs91p1mOjC0J1sA7k";
	unsigned int taken = 0, round;

	for (round = 0; round < ROUNDS; round++) {
		size_t len = strlen(text);
		char *s = (char *)mutate_copy(&self->m, text, &len);
		char *exact = malloc(len ? len : 1), again[256];
		uint8_t *bytes = malloc(WARD_B64_BYTES(len) + 1);
		int n;

		memcpy(exact, s, len);
		n = ward_b64_decode(exact, len, bytes);
		if (n >= 0) {
			taken++;
			ASSERT_EQ(len, ward_b64_encode(bytes, n, again));
			ASSERT_EQ(0, memcmp(again, s, len));
		} else {
			ASSERT_EQ(-EBADMSG, n);
		}
		free(bytes);
		free(exact);
		free(s);
	}
	EXPECT_LT(ROUNDS / 50, taken);
	EXPECT_GT(ROUNDS - ROUNDS / 50, taken);
}

/* What is unpadded pads to the same bytes. */
TEST_F(fuzz, padding)
{
	const char text[48] = "a name of thirty-four bytes, or so";
	unsigned int taken = 0, round;
	uint8_t padded[512];

	for (round = 0; round < ROUNDS; round++) {
		size_t len = sizeof(text);
		uint8_t *s = mutate_copy(&self->m, text, &len);
		int n = ward_unpad(s, len), name = ward_name_unpad(s, len);

		if (n > 0) {
			taken++;
			ASSERT_EQ(len, ward_pad(s, n, padded));
			ASSERT_EQ(0, memcmp(padded, s, len));
			ASSERT_EQ(NULL, memchr(s, 0, n));
			ASSERT_EQ(memchr(s, '/', n) ? -EBADMSG : n, name);
		} else {
			ASSERT_EQ(-EBADMSG, n);
			ASSERT_EQ(-EBADMSG, name);
		}
		free(s);
	}
	EXPECT_LT(ROUNDS / 20, taken);
}

/* No changed name, target or xattr is taken for an authentic one. */
TEST_F(fuzz, names)
{
	char name[WARD_NAME_MAX + 1], got[WARD_NAME_MAX + 1];
	unsigned int round;

	for (round = 0; round < ROUNDS / 4; round++) {
		bool is_long = round % 2;
		char *lower, *full;
		size_t n, k;
		int ret;

		n = is_long ? 161 + round % 95 : 1 + round % 160;
		memset(name, 'a' + round % 26, n);
		name[n] = 0;
		writer_name(&self->w, self->id, name, self->lower, self->hidden, self->full);
		n = strlen(self->lower);
		k = strlen(self->full);
		lower = (char *)mutate_copy(&self->m, self->lower, &n);
		full = (char *)mutate_copy(&self->m, self->full, &k);
		ret = ward_name_open(self->keys, lower, is_long ? full : NULL, got);
		if (!strcmp(lower, self->lower) && (!is_long || !strcmp(full, self->full))) {
			ASSERT_EQ(strlen(name), ret);
			ASSERT_STREQ(name, got);
		} else {
			ASSERT_EQ(-EBADMSG, ret);
		}
		ward_lname_hidden(lower, self->hidden);
		ward_lname_kind(lower);
		free(lower);
		free(full);
	}
}

TEST_F(fuzz, targets_and_ids)
{
	char lower[4096], id[23], got[WARD_TARGET_MAX + 1];
	uint8_t raw[16];
	unsigned int round;

	writer_target(&self->w, "../somewhere/else entirely", lower);
	writer_dirid(self->id, id);
	for (round = 0; round < ROUNDS / 4; round++) {
		size_t n = strlen(lower), k = strlen(id);
		char *a = (char *)mutate_copy(&self->m, lower, &n);
		char *b = (char *)mutate_copy(&self->m, id, &k), again[23];
		int ret;

		ret = ward_target_open(self->w.uuid, self->w.links, a, got);
		ASSERT_EQ(strcmp(a, lower) ? -EBADMSG : 26, ret);
		/* An id is not secret and has no MAC; but it has one spelling. */
		ret = ward_dirid_open(b, raw);
		if (!ret) {
			writer_dirid(raw, again);
			ASSERT_STREQ(b, again);
		}
		free(a);
		free(b);
	}
}

TEST_F(fuzz, xattrs)
{
	uint8_t keys[64], value[16 + 40], got[256];
	char lower[256], name[WARD_XNAME_MAX + 1];
	unsigned int round;

	writer_file_xattr_keys(&self->w, &self->f, keys);
	writer_xattr(&self->w, keys, "mime_type", "text/plain; charset=utf-8; and some more", 40,
		     lower, value);
	for (round = 0; round < ROUNDS / 4; round++) {
		size_t n = strlen(lower), k = sizeof(value);
		char *a = (char *)mutate_copy(&self->m, lower, &n);
		uint8_t *b = mutate_copy(&self->m, value, &k), *exact = malloc(k ? k : 1);
		int ret;

		memcpy(exact, b, k);
		ret = ward_xname_open(keys, a, name);
		ASSERT_EQ(strcmp(a, lower) ? -EBADMSG : 9, ret);
		ret = ward_xvalue_open(keys, "mime_type", exact, k, got);
		ASSERT_EQ(k == sizeof(value) && !memcmp(b, value, k) ? 40 : -EBADMSG, ret);
		free(exact);
		free(a);
		free(b);
	}
}

/* What is said before there is a key: never of bytes past the end. */
TEST_F(fuzz, structures)
{
	uint8_t header[512], unit[32] = { 0 }, epoch[4096], vault[1024];
	size_t vault_len = writer_vault(&self->w, 1, vault, sizeof(vault));
	uint8_t key[32], records[8192];
	unsigned int round, taken[4] = { 0 };

	writer_header(&self->w, &self->f, 0, header);
	writer_epoch(&self->w, 2, 1, 3, epoch);
	ASSERT_EQ(0, ward_hkdf(self->w.uuid, self->w.master, 32, WARD_LABEL_EPOCH_MAC, NULL, 0, key, 32));
	writer_epoch(&self->w, 2, 1, 3, records);
	writer_epoch(&self->w, 3, 1, 3, records + 4096);
	unit[28] = 100;
	for (round = 0; round < ROUNDS / 4; round++) {
		size_t n[5] = { sizeof(header), sizeof(unit), sizeof(epoch), vault_len, sizeof(records) };
		const uint8_t *from[5] = { header, unit, epoch, vault, records };
		struct ward_filekey fk;
		enum ward_found what;
		struct ward_epoch e;
		uint8_t *b[5];
		unsigned int i;
		int ret;

		for (i = 0; i < 5; i++)
			b[i] = mutate_copy(&self->m, from[i], &n[i]);
		/* The callers read these whole or not at all. */
		if (n[0] >= sizeof(header)) {
			taken[0] += !ward_header_check((void *)b[0], self->w.uuid);
			ret = ward_filekey_open(&self->tree, b[0], &fk, &what);
			ASSERT_EQ(memcmp(b[0], header, sizeof(header)) ? -EBADMSG : 0, ret);
			ASSERT_GT(WARD_FOUND_COUNT, what);
		}
		if (n[1] >= sizeof(unit)) {
			ret = ward_unit_check((void *)b[1], round % 2);
			ASSERT_TRUE(!ret || ret == -EBADMSG);
			taken[1] += !ret;
		}
		if (n[2] >= sizeof(epoch))
			taken[2] += !ward_epoch_check((void *)b[2], self->w.uuid);
		if (n[3] >= sizeof(struct ward_vault_header)) {
			ret = ward_vault_check((void *)b[3], n[3]);
			taken[3] += !ret;
			/* The kernel's view is the coarser one. */
			if (!ward_vault_parse(b[3], n[3]))
				ASSERT_EQ(0, ret);
		}
		ASSERT_EQ(0, ward_epoch_parse(b[4], n[4], self->w.uuid, key, &e));
		ASSERT_GE(2, e.authentic);
		ASSERT_GE(3, e.sequence);
		for (i = 0; i < 5; i++)
			free(b[i]);
	}
	for (round = 0; round < 4; round++)
		EXPECT_NE(0, taken[round]);
}

struct taken {
	uint8_t *text;
	uint64_t size;
	uint64_t told;		/* findings */
	bool wrong;
};

static int take_data(void *ctx, uint64_t pos, const uint8_t *bytes, size_t len)
{
	struct taken *t = ctx;

	t->wrong |= pos + len > t->size || memcmp(t->text + pos, bytes, len);
	return 0;
}

static void take_found(void *ctx, enum ward_found what, uint64_t first, uint64_t last)
{
	struct taken *t = ctx;

	t->told++;
	if (what >= WARD_FOUND_COUNT || first > last)
		abort();
}

/* A file under every kind of change: no wrong byte, no deviation unnoticed. */
TEST_F(fuzz, files)
{
	enum { BLOCKS = 5, TAIL = 700, LEN = BLOCKS * 4096 + TAIL, SIZE = 3552 + 3 * 4064 + TAIL };
	static uint8_t text[SIZE], file[LEN];
	struct taken t = { text, SIZE };
	struct ward_sink sink = { take_data, take_found, &t };
	unsigned int round, k;
	int fd;

	for (k = 0; k < SIZE; k++)
		text[k] = 1 + k * 13 % 255;
	writer_header(&self->w, &self->f, 0, file);
	for (k = 0; k < BLOCKS; k++) {
		size_t from = k ? 3552 + (k - 1) * 4064 : 0;

		writer_unit(&self->w, &self->f, k, text + from,
			    k == BLOCKS - 1 ? TAIL : k ? 4064 : 3552, k == BLOCKS - 1,
			    file + (k ? k * 4096 : 512));
	}
	fd = memfd_create("lower", 0);
	for (round = 0; round < ROUNDS / 20; round++) {
		struct ward_filekey fk;
		size_t n = LEN;
		uint8_t *b = mutate_copy(&self->m, file, &n);
		uint64_t size;
		bool same;
		int ret;

		ASSERT_EQ(0, ftruncate(fd, 0));
		ASSERT_EQ(n, pwrite(fd, b, n, 0));
		t.told = 0;
		t.wrong = false;
		ret = ward_filedata_read(&self->tree, fd, &sink, &fk, &size);
		/* The bytes after the last block are never read. */
		same = n == LEN && !memcmp(b, file, BLOCKS * 4096);
		ASSERT_FALSE(t.wrong) TH_LOG("round %u", round);
		ASSERT_EQ(same, !t.told) TH_LOG("round %u", round);
		if (same)
			ASSERT_EQ(SIZE, size);
		ASSERT_TRUE(!ret || (ret == -ENODATA && t.told));
		free(b);
	}
	close(fd);
}

/* A length says one size, and that size has this length. */
TEST_F(fuzz, layout)
{
	unsigned int round;

	for (round = 0; round < 10 * ROUNDS; round++) {
		uint64_t length = (uint64_t)mutate_draw(&self->m, 0x7fffffff) << 31 |
				  mutate_draw(&self->m, 0x7fffffff);
		u64 size;

		length >>= mutate_draw(&self->m, 62);
		if (!ward_layout_size(length, &size) && size <= WARD_SIZE_MAX)
			ASSERT_EQ(length, ward_layout_length(size));
		size = length % WARD_SIZE_MAX;
		length = ward_layout_length(size);
		ASSERT_GT(1ULL << 63, length);
	}
}

TEST_F(fuzz, recovery_keys)
{
	char text[WARD_RECOVERY_TEXT], again[WARD_RECOVERY_TEXT];
	unsigned int round, taken = 0;

	ASSERT_EQ(0, ward_text_recovery(self->w.recovery, text));
	for (round = 0; round < ROUNDS; round++) {
		size_t n = strlen(text), i, k = 0;
		char *s = (char *)mutate_copy(&self->m, text, &n), *exact = malloc(n ? n : 1);
		uint8_t key[32];

		memcpy(exact, s, n);
		if (!ward_text_parse_recovery(exact, n, key)) {
			taken++;
			/* A key of 24 bits of checksum: that a change hits another one is not seen here. */
			ASSERT_EQ(0, memcmp(key, self->w.recovery, 32));
			ASSERT_EQ(0, ward_text_recovery(key, again));
			for (i = 0; i < n; i++) {
				if (exact[i] == '-' || isspace((unsigned char)exact[i]))
					continue;
				k += again[k] == '-';
				ASSERT_EQ(again[k++], toupper((unsigned char)exact[i]));
			}
		}
		free(exact);
		free(s);
	}
	EXPECT_LT(ROUNDS / 50, taken);
}

/* What docs/events.md says of names in the log, the other way round. */
static int unescape(const char *text, uint8_t *bytes, size_t *length)
{
	unsigned int byte;
	size_t n = 0;

	for (; *text; text++) {
		if (*text != '\\') {
			bytes[n++] = *text;
		} else if (text[1] == '\\') {
			bytes[n++] = *++text;
		} else if (text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1) {
			bytes[n++] = byte;
			text += 3;
		} else {
			return -EINVAL;
		}
	}
	*length = n;
	return 0;
}

/* No byte is lost, whatever stands beside it. */
TEST_F(fuzz, every_byte_can_be_escaped)
{
	uint8_t bytes[256], back[4 * sizeof(bytes) + 1];
	unsigned int round;
	size_t i, n, len;
	char *safe;

	for (round = 0; round < ROUNDS; round++) {
		/* First each by itself, then all of them, then any. */
		n = round < 256 ? 1 : round == 256 ? 256 : mutate_draw(&self->m, sizeof(bytes));
		for (i = 0; i < n; i++)
			bytes[i] = round < 256 ? round : round == 256 ? i : mutate_draw(&self->m, 256);
		safe = ward_text_escape((char *)bytes, n);
		ASSERT_NE(NULL, safe);
		ASSERT_GE(4 * n, strlen(safe));
		for (i = 0; safe[i]; i++)
			ASSERT_TRUE((uint8_t)safe[i] >= 0x20 && safe[i] != 0x7f);
		ASSERT_EQ(0, unescape(safe, back, &len));
		ASSERT_TRUE(len == n && !memcmp(back, bytes, n)) {
			TH_LOG("%s", safe);
		}
		free(safe);
	}
}

/* Other texts that people or files give. */
TEST_F(fuzz, texts)
{
	const char bytes[] = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \\ \x1b[31m \xe2\x80\xae \xff plain";
	const char uuid[] = "d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1", base64[] = "c29tZSBieXRlcyBvciBvdGhlcg==";
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		size_t n = sizeof(bytes) - 1, u = sizeof(uuid) - 1, b = sizeof(base64) - 1, len, i;
		uint8_t *raw = mutate_copy(&self->m, bytes, &n), *exact = malloc(n ? n : 1), *back, out[16];
		char *us = (char *)mutate_copy(&self->m, uuid, &u), again[WARD_UUID_TEXT], *safe;
		char *bs = (char *)mutate_copy(&self->m, base64, &b);
		void *data = NULL;

		memcpy(exact, raw, n);
		safe = ward_text_escape((char *)exact, n);
		ASSERT_NE(NULL, safe);
		for (i = 0; safe[i]; i++)
			ASSERT_TRUE((uint8_t)safe[i] >= 0x20 && safe[i] != 0x7f);
		ASSERT_EQ(NULL, strstr(safe, "\xe2\x80\xae"));		/* right to left */
		back = malloc(strlen(safe) + 1);
		ASSERT_NE(NULL, back);
		ASSERT_EQ(0, unescape(safe, back, &len));
		ASSERT_TRUE(len == n && !memcmp(back, exact, n));
		free(back);
		free(safe);
		if (!ward_text_parse_uuid(us, out)) {
			ward_text_uuid(out, again);
			ASSERT_EQ(0, strcasecmp(again, us));
		}
		if (!ward_text_parse_base64(bs, &data, &len)) {
			ASSERT_GE(b, len);
			free(data);
		}
		free(exact);
		free(raw);
		free(us);
		free(bs);
	}
}

TEST_HARNESS_MAIN
