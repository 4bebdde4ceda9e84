// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading one file, whole and tampered with, by both rules: agent/lib/filedata.c. */
#include <fcntl.h>
#include <sys/mman.h>

#include "harness.h"
#include "lib/filedata.h"
#include "writer.h"

#define MAX	(64 << 10)

FIXTURE(file) {
	struct writer w;
	struct writer_file f;
	struct ward_tree tree;
	int fd;
	uint8_t text[MAX];
	/* what the reader says */
	uint8_t got[MAX];
	uint64_t size, pos;
	unsigned int found[WARD_FOUND_COUNT];	/* how many blocks; a whole file counts as one */
	unsigned int findings;
	struct ward_filekey fk;
};

FIXTURE_VARIANT(file) {
	uint16_t suite;
};

FIXTURE_VARIANT_ADD(file, aes) {
	.suite = WARD_SUITE_AES_256_GCM,
};

FIXTURE_VARIANT_ADD(file, chacha) {
	.suite = WARD_SUITE_CHACHA20_POLY1305,
};

FIXTURE_SETUP(file)
{
	size_t i;

	writer_init(&self->w, variant->suite, 0);
	writer_file_new(&self->w, &self->f);
	memset(&self->tree, 0, sizeof(self->tree));
	memcpy(self->tree.master.uuid, self->w.uuid, 16);
	self->tree.master.generation = 1;
	memcpy(self->tree.wrap, self->w.wrap, 32);
	for (i = 0; i < MAX; i++)
		self->text[i] = 1 + i * 7 % 251;
	self->fd = memfd_create("lower", 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
}

typedef FIXTURE_DATA(file) fixture;

static uint64_t block_start(uint64_t k)
{
	return k ? 3552 + (k - 1) * 4064 : 0;
}

static void put(fixture *self, uint64_t k, size_t length, uint16_t flags)
{
	uint8_t block[4096];
	size_t n = writer_unit(&self->w, &self->f, k, self->text + block_start(k), length, flags,
			       block);

	if (pwrite(self->fd, block, n, k ? k * 4096 : 512) != n)
		abort();
}

static void head(fixture *self, uint32_t flags)
{
	uint8_t header[512];

	writer_header(&self->w, &self->f, flags, header);
	if (pwrite(self->fd, header, 512, 0) != 512)
		abort();
}

/* A whole file of @blocks blocks, the last one with @tail bytes. */
static void whole(fixture *self, uint64_t blocks, size_t tail)
{
	uint64_t k;

	head(self, blocks ? 0 : WARD_FILE_EMPTY);
	for (k = 0; k < blocks; k++)
		put(self, k, k + 1 == blocks ? tail : k ? 4064 : 3552, k + 1 == blocks);
	if (ftruncate(self->fd, blocks ? blocks * 4096 + tail : 512))
		abort();
}

static int sink_data(void *ctx, uint64_t pos, const uint8_t *bytes, size_t len)
{
	fixture *self = ctx;

	if (pos < self->pos || pos + len > MAX)
		abort();		/* not in order, or out of all bounds */
	self->pos = pos + len;
	memcpy(self->got + pos, bytes, len);
	return 0;
}

static void sink_found(void *ctx, enum ward_found what, uint64_t first, uint64_t last)
{
	fixture *self = ctx;

	self->findings++;
	self->found[what] += first == WARD_NO_BLOCK ? 1 : last - first + 1;
}

static int take(fixture *self)
{
	struct ward_sink sink = { sink_data, sink_found, self };
	int err;

	memset(self->got, 0, MAX);
	memset(self->found, 0, sizeof(self->found));
	self->findings = 0;
	self->pos = 0;
	err = ward_filedata_read(&self->tree, self->fd, &sink, &self->fk, &self->size);
	if (!err && self->pos > self->size)
		abort();
	return err;
}

static bool is_text(fixture *self, uint64_t from, uint64_t to)
{
	return !memcmp(self->got + from, self->text + from, to - from);
}

static bool is_zero(fixture *self, uint64_t from, uint64_t to)
{
	while (from < to)
		if (self->got[from++])
			return false;
	return true;
}

static void flip(fixture *self, off_t at)
{
	uint8_t b;

	if (pread(self->fd, &b, 1, at) != 1)
		abort();
	b ^= 0x10;
	if (pwrite(self->fd, &b, 1, at) != 1)
		abort();
}

TEST_F(file, sizes)
{
	static const struct {
		uint64_t blocks;
		size_t tail;
	} cases[] = {
		{ 0, 0 }, { 1, 1 }, { 1, 3551 }, { 1, 3552 }, { 2, 1 }, { 2, 4063 }, { 2, 4064 },
		{ 3, 1 }, { 9, 4064 }, { 12, 17 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		whole(self, cases[i].blocks, cases[i].tail);
		ASSERT_EQ(0, take(self));
		EXPECT_EQ(cases[i].blocks ? block_start(cases[i].blocks - 1) + cases[i].tail : 0,
			  self->size);
		EXPECT_EQ(0, self->findings);
		EXPECT_TRUE(is_text(self, 0, self->size));
		EXPECT_EQ(0, memcmp(self->fk.key, self->f.key, 32));
	}
}

/* The bytes after the last block are never read: they may be anything. */
TEST_F(file, tail_is_not_read)
{
	whole(self, 2, 4064);
	flip(self, 2 * 4096);
	flip(self, 2 * 4096 + 4063);
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(0, self->findings);
}

TEST_F(file, every_byte_of_a_block)
{
	size_t at;

	whole(self, 3, 100);
	for (at = 4096; at < 8192; at += at < 4096 + 32 ? 1 : 61) {
		flip(self, at);
		ASSERT_EQ(0, take(self));
		ASSERT_EQ(1, self->findings) TH_LOG("byte %zu", at);
		ASSERT_EQ(1, self->found[WARD_FOUND_BLOCK]);
		ASSERT_EQ(3552 + 4064 + 100, self->size);
		ASSERT_TRUE(is_text(self, 0, 3552));
		ASSERT_TRUE(is_zero(self, 3552, 3552 + 4064));
		ASSERT_TRUE(is_text(self, 3552 + 4064, self->size));
		flip(self, at);
	}
}

TEST_F(file, every_byte_of_the_header)
{
	size_t at;

	whole(self, 2, 100);
	for (at = 0; at < 512; at++) {
		flip(self, at);
		ASSERT_EQ(-ENODATA, take(self)) TH_LOG("byte %zu", at);
		ASSERT_EQ(1, self->findings);
		ASSERT_EQ(0, self->pos);
		ASSERT_EQ(0, self->fk.key[0] | self->fk.key[31]);
		flip(self, at);
	}
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(0, self->findings);
}

TEST_F(file, blocks_swapped)
{
	uint8_t a[4096], b[4096];

	whole(self, 4, 100);
	ASSERT_EQ(4096, pread(self->fd, a, 4096, 4096));
	ASSERT_EQ(4096, pread(self->fd, b, 4096, 8192));
	ASSERT_EQ(4096, pwrite(self->fd, b, 4096, 4096));
	ASSERT_EQ(4096, pwrite(self->fd, a, 4096, 8192));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->findings);		/* one range */
	EXPECT_EQ(2, self->found[WARD_FOUND_BLOCK]);
	EXPECT_TRUE(is_zero(self, 3552, 3552 + 2 * 4064));
	EXPECT_TRUE(is_text(self, 3552 + 2 * 4064, self->size));
}

TEST_F(file, block_of_another_file)
{
	struct writer_file mine;

	whole(self, 3, 100);
	mine = self->f;
	writer_file_new(&self->w, &self->f);
	put(self, 1, 4064, 0);
	self->f = mine;
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_BLOCK]);
	EXPECT_TRUE(is_zero(self, 3552, 3552 + 4064));
}

TEST_F(file, header_of_another_file)
{
	whole(self, 3, 100);
	writer_file_new(&self->w, &self->f);
	head(self, 0);
	ASSERT_EQ(0, take(self));		/* authentic; but no block is */
	EXPECT_EQ(3, self->found[WARD_FOUND_BLOCK]);
	EXPECT_EQ(0, self->pos);
}

TEST_F(file, header_of_another_vault)
{
	struct writer other;

	writer_init(&other, self->w.suite, 9);
	self->w = other;
	whole(self, 1, 100);
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_FOREIGN]);
	/* That says it is of this vault. */
	ASSERT_EQ(16, pwrite(self->fd, self->tree.master.uuid, 16, 16));
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_HEADER]);
}

TEST_F(file, unknown_to_us)
{
	whole(self, 1, 100);
	self->tree.master.generation = 2;
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_GENERATION]);
	self->tree.master.generation = 1;
	ASSERT_EQ(1, pwrite(self->fd, "\7", 1, 8));
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_VERSION]);
	ASSERT_EQ(3, pwrite(self->fd, "\0\0\7", 3, 8));
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_VERSION]);
}

/* Every cut and every growth shows. */
TEST_F(file, every_length)
{
	const off_t whole_length = 3 * 4096 + 100;
	off_t length;

	for (length = 0; length < 5 * 4096; length += length % 4096 < 600 ? 13 : 97) {
		if (length == whole_length)
			continue;
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		whole(self, 3, 100);
		ASSERT_EQ(0, ftruncate(self->fd, length));
		take(self);
		ASSERT_NE(0, self->findings) TH_LOG("length %llu", (unsigned long long)length);
	}
}

TEST_F(file, emptied)
{
	whole(self, 3, 100);
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_NO_HEADER]);
	/* To its header, as if it had none. */
	whole(self, 3, 100);
	ASSERT_EQ(0, ftruncate(self->fd, 512));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(0, self->size);
	EXPECT_EQ(1, self->found[WARD_FOUND_EMPTY]);
	/* An empty file that was grown. */
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	whole(self, 0, 0);
	ASSERT_EQ(0, ftruncate(self->fd, 4096 + 10));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(0, self->size);
	EXPECT_NE(0, self->findings);
}

TEST_F(file, zeroed_block)
{
	static const uint8_t zero[4096];
	int k;

	for (k = 0; k < 4; k++) {
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		whole(self, 4, 100);
		ASSERT_LT(0, pwrite(self->fd, zero, k ? 4096 : 3584, k ? k * 4096 : 512));
		ASSERT_EQ(0, take(self));
		EXPECT_EQ(1, self->found[WARD_FOUND_MISSING]) TH_LOG("block %d", k);
		EXPECT_EQ(1, self->findings);
		EXPECT_TRUE(is_zero(self, block_start(k), block_start(k + 1)));
	}
}

TEST_F(file, sparse)
{
	head(self, WARD_FILE_SPARSE);
	put(self, 0, 3552, 0);
	put(self, 5, 4064, 0);
	put(self, 9, 50, 1);
	ASSERT_EQ(0, ftruncate(self->fd, 10 * 4096 + 50));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(0, self->findings);
	EXPECT_EQ(block_start(9) + 50, self->size);
	EXPECT_TRUE(is_text(self, 0, 3552));
	EXPECT_TRUE(is_zero(self, 3552, block_start(5)));
	EXPECT_TRUE(is_text(self, block_start(5), block_start(6)));
	EXPECT_TRUE(is_zero(self, block_start(6), block_start(9)));
	EXPECT_TRUE(is_text(self, block_start(9), self->size));
	/* The same, without the flag: somebody zeroed blocks. */
	head(self, 0);
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(7, self->found[WARD_FOUND_MISSING]);
	EXPECT_EQ(2, self->findings);
	/* Sparse, but its ends are always written. */
	head(self, WARD_FILE_SPARSE);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 9 * 4096, 4096));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_MISSING]);
	EXPECT_EQ(block_start(9) + 50, self->size);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 512, 3584));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(2, self->found[WARD_FOUND_MISSING]);
}

/* A length of exabytes is not walked through. */
TEST_F(file, huge)
{
	const uint64_t n = 1ULL << 50;

	head(self, 0);
	put(self, 0, 3552, 0);
	ASSERT_EQ(0, ftruncate(self->fd, n * 4096 + 1));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ((unsigned int)(n - 1), self->found[WARD_FOUND_MISSING]);
	EXPECT_EQ(1, self->findings);
	EXPECT_EQ(3552, self->size);
	head(self, WARD_FILE_SPARSE);
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(block_start(n - 1) + 1, self->size);
	EXPECT_EQ(1, self->findings);
}

/* Older blocks of the same file: where they cut or grow it, it shows. */
TEST_F(file, older_blocks)
{
	whole(self, 4, 100);
	put(self, 1, 200, 1);			/* it once ended there */
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_SHAPE]);
	EXPECT_EQ(1, self->findings);
	whole(self, 4, 100);
	put(self, 3, 99, 1);			/* it once was shorter */
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_SHAPE]);
	EXPECT_EQ(block_start(3) + 99, self->size);
	whole(self, 4, 100);
	put(self, 3, 4064, 0);			/* it once went on */
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_SHAPE]);
}

/* Authentic, but no writer of ours does so. */
TEST_F(file, impossible_units)
{
	uint8_t block[4096];

	whole(self, 3, 100);
	writer_unit(&self->w, &self->f, 1, self->text, 4064, 2, block);
	ASSERT_EQ(4096, pwrite(self->fd, block, 4096, 4096));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_BLOCK]);
	writer_unit(&self->w, &self->f, 1, self->text, 0, 0, block);
	ASSERT_EQ(4096, pwrite(self->fd, block, 4096, 4096));
	ASSERT_EQ(0, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_BLOCK]);
	head(self, 4);
	ASSERT_EQ(-ENODATA, take(self));
	EXPECT_EQ(1, self->found[WARD_FOUND_HEADER]);
}

/* What a crash leaves is told apart from what it cannot have done. */
TEST_F(file, crash_or_tamper)
{
	EXPECT_TRUE(ward_found_crash(WARD_FOUND_NO_HEADER));
	EXPECT_TRUE(ward_found_crash(WARD_FOUND_LENGTH));
	EXPECT_TRUE(ward_found_crash(WARD_FOUND_MISSING));
	EXPECT_TRUE(ward_found_crash(WARD_FOUND_SHAPE));
	EXPECT_TRUE(ward_found_crash(WARD_FOUND_EMPTY));
	EXPECT_FALSE(ward_found_crash(WARD_FOUND_BLOCK));
	EXPECT_FALSE(ward_found_crash(WARD_FOUND_HEADER));
	EXPECT_FALSE(ward_found_crash(WARD_FOUND_FOREIGN));
}

TEST_HARNESS_MAIN
