// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading vault and epoch files, whole, damaged and hostile: agent/lib. */
#include <fcntl.h>
#include <sys/stat.h>

#include "harness.h"
#include "lib/text.h"
#include "lib/tree.h"
#include "writer.h"

FIXTURE(vault) {
	struct writer w;
	uint8_t bytes[2][1024];
	size_t len;
	struct ward_vaults vaults;
	struct ward_factor pass, recovery, keyfile;
	struct ward_master m;
};

FIXTURE_SETUP(vault)
{
	int i;

	writer_init(&self->w, 1, 0);
	self->len = writer_vault(&self->w, 7, self->bytes[0], sizeof(self->bytes[0]));
	memcpy(self->bytes[1], self->bytes[0], self->len);
	memset(&self->vaults, 0, sizeof(self->vaults));
	for (i = 0; i < 2; i++) {
		self->vaults.copy[i].bytes = self->bytes[i];
		self->vaults.copy[i].length = self->len;
	}
	self->pass = (struct ward_factor){ WARD_SLOT_PASSPHRASE, WRITER_PASSPHRASE,
					   strlen(WRITER_PASSPHRASE) };
	self->recovery = (struct ward_factor){ WARD_SLOT_RECOVERY, self->w.recovery, 32 };
	self->keyfile = (struct ward_factor){ WARD_SLOT_KEYFILE, WRITER_KEYFILE,
					      strlen(WRITER_KEYFILE) };
}

FIXTURE_TEARDOWN(vault)
{
}

TEST_F(vault, opens)
{
	const struct ward_factor *const factors[] = { &self->pass, &self->recovery, &self->keyfile };
	int i;

	ASSERT_EQ(0, ward_vault_parse(self->bytes[0], self->len));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ward_vaults_open(&self->vaults, factors[i], &self->m));
		EXPECT_EQ(0, memcmp(self->m.key, self->w.master, 32));
		EXPECT_EQ(0, memcmp(self->m.uuid, self->w.uuid, 16));
		EXPECT_EQ(i + 1, self->m.slot);
		EXPECT_EQ(7, self->m.revision);
		EXPECT_EQ(1, self->m.generation);
		EXPECT_FALSE(self->m.other_bad || self->m.other_stale);
	}
}

TEST_F(vault, other_suite)
{
	writer_init(&self->w, 2, 0);
	self->len = writer_vault(&self->w, 7, self->bytes[0], sizeof(self->bytes[0]));
	self->vaults.copy[1].bytes = NULL;
	ASSERT_EQ(0, ward_vaults_open(&self->vaults, &self->recovery, &self->m));
	EXPECT_EQ(WARD_SUITE_CHACHA20_POLY1305, self->m.suite);
	EXPECT_TRUE(self->m.other_bad);
}

TEST_F(vault, wrong_secrets)
{
	static const char zero[sizeof(self->m)];
	struct ward_factor f = self->pass;

	f.length--;
	EXPECT_EQ(-EKEYREJECTED, ward_vaults_open(&self->vaults, &f, &self->m));
	EXPECT_EQ(0, memcmp(&self->m, zero, sizeof(self->m)));
	f = (struct ward_factor){ WARD_SLOT_RECOVERY, self->w.master, 32 };
	EXPECT_EQ(-EKEYREJECTED, ward_vaults_open(&self->vaults, &f, &self->m));
	f = (struct ward_factor){ WARD_SLOT_TPM2, self->w.master, 32 };
	EXPECT_EQ(-ENOKEY, ward_vaults_open(&self->vaults, &f, &self->m));
	/* The right bytes for another kind of slot. */
	f = (struct ward_factor){ WARD_SLOT_KEYFILE, self->w.recovery, 32 };
	EXPECT_EQ(-EKEYREJECTED, ward_vaults_open(&self->vaults, &f, &self->m));
}

TEST_F(vault, one_copy_damaged)
{
	size_t at;
	int i;

	for (i = 0; i < 2; i++) {
		for (at = 16; at < self->len; at += 7) {
			self->bytes[i][at] ^= 4;
			self->vaults.copy[i].bytes =
				ward_vault_parse(self->bytes[i], self->len) ? NULL : self->bytes[i];
			ASSERT_EQ(0, ward_vaults_open(&self->vaults, &self->recovery, &self->m))
				TH_LOG("copy %d byte %zu", i, at);
			EXPECT_TRUE(self->m.other_bad);
			EXPECT_EQ(!i, self->m.copy);
			EXPECT_EQ(0, memcmp(self->m.key, self->w.master, 32));
			self->bytes[i][at] ^= 4;
			self->vaults.copy[i].bytes = self->bytes[i];
		}
	}
}

TEST_F(vault, older_copy)
{
	self->len = writer_vault(&self->w, 8, self->bytes[1], sizeof(self->bytes[1]));
	ASSERT_EQ(0, ward_vaults_open(&self->vaults, &self->pass, &self->m));
	EXPECT_EQ(1, self->m.copy);
	EXPECT_EQ(8, self->m.revision);
	EXPECT_TRUE(self->m.other_stale);
	EXPECT_FALSE(self->m.other_bad);
}

/* A slot that the newer copy no longer has does not open by way of the older one. */
TEST_F(vault, removed_slot)
{
	uint8_t *b = self->bytes[1], key[32];

	writer_vault(&self->w, 8, b, sizeof(self->bytes[1]));
	memmove(b + 64, b + 264, 400);		/* the passphrase goes */
	b[36] = 2;
	b[12] = (64 + 400 + 32) & 0xff;
	b[13] = (64 + 400 + 32) >> 8;
	self->vaults.copy[1].length = 64 + 400 + 32;
	ASSERT_EQ(0, ward_hkdf(self->w.uuid, self->w.master, 32, WARD_LABEL_VAULT_MAC, NULL, 0, key,
			       32));
	ASSERT_EQ(0, ward_hmac_sha256(key, b, 464, b + 464));
	ASSERT_EQ(0, ward_vault_parse(b, 496));
	EXPECT_EQ(-ENOKEY, ward_vaults_open(&self->vaults, &self->pass, &self->m));
	ASSERT_EQ(0, ward_vaults_open(&self->vaults, &self->recovery, &self->m));
	EXPECT_EQ(1, self->m.copy);
	EXPECT_TRUE(self->m.other_stale);
}

TEST_F(vault, both_damaged)
{
	self->bytes[0][self->len - 1] ^= 1;
	self->bytes[1][self->len - 1] ^= 1;
	EXPECT_EQ(-EBADMSG, ward_vaults_open(&self->vaults, &self->pass, &self->m));
}

/* Costs are limited before anybody knows whether the file is authentic. */
TEST_F(vault, hostile_costs)
{
	memset(self->bytes[0] + 64 + 12, 0xff, 12);
	self->vaults.copy[1].bytes = NULL;
	ASSERT_EQ(0, ward_vault_parse(self->bytes[0], self->len));
	EXPECT_EQ(-EINVAL, ward_vaults_open(&self->vaults, &self->pass, &self->m));
	self->bytes[0][64 + 6] = 9;		/* an unknown KDF */
	EXPECT_EQ(-EPROTONOSUPPORT, ward_vaults_open(&self->vaults, &self->pass, &self->m));
}

/* @count slots that the passphrase does not open, before the one that it does */
static size_t many_slots(uint8_t *b, size_t len, int count)
{
	struct ward_vault_slot *first = (void *)(b + sizeof(struct ward_vault_header));
	struct ward_vault_header *h = (void *)b;
	size_t slot = le32toh(first->length), rest = len - sizeof(*h);
	int i;

	memmove(b + sizeof(*h) + count * slot, first, rest);
	for (i = 0; i < count; i++) {
		memmove(b + sizeof(*h) + i * slot, b + sizeof(*h) + count * slot, slot);
		b[sizeof(*h) + i * slot + offsetof(struct ward_vault_slot, tag)] ^= 1;
	}
	len += count * slot;
	h->slots = htole32(le32toh(h->slots) + count);
	h->length = htole32(len);
	return len;
}

/* And in all: a file with a thousand slots costs no more than one with sixteen. */
TEST_F(vault, many_costs)
{
	uint8_t bytes[32768];
	size_t len;

	self->vaults.copy[0].bytes = bytes;
	self->vaults.copy[1].bytes = NULL;
	memcpy(bytes, self->bytes[0], self->len);
	len = many_slots(bytes, self->len, 15);
	ASSERT_EQ(0, ward_vault_parse(bytes, len));
	self->vaults.copy[0].length = len;
	/* The sixteenth opens; that the file was changed is found out then. */
	EXPECT_EQ(-EBADMSG, ward_vaults_open(&self->vaults, &self->pass, &self->m));
	memcpy(bytes, self->bytes[0], self->len);
	len = many_slots(bytes, self->len, 16);
	ASSERT_EQ(0, ward_vault_parse(bytes, len));
	self->vaults.copy[0].length = len;
	EXPECT_EQ(-EINVAL, ward_vaults_open(&self->vaults, &self->pass, &self->m));
	/* Keys that cost nothing are not counted. */
	EXPECT_EQ(-EBADMSG, ward_vaults_open(&self->vaults, &self->recovery, &self->m));
}

TEST_F(vault, structure)
{
	uint8_t *b = self->bytes[0];
	size_t n = self->len, i;
	const struct {
		size_t at;
		uint8_t value;
	} bad[] = {
		{ 0, 'w' }, { 12, 0 }, { 36, 2 }, { 36, 4 }, { 39, 0xff }, { 48, 1 }, { 63, 1 },
		{ 64, 192 }, { 64, 201 }, { 64, 0 }, { 67, 0x80 }, { 64 + 95, 1 }, { 64 + 188, 1 },
		{ 64 + 191, 0xff }, { 64 + 199, 1 }, { 264, 208 },
	};

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t was = b[bad[i].at];

		b[bad[i].at] = bad[i].value;
		EXPECT_EQ(-EBADMSG, ward_vault_parse(b, n)) TH_LOG("case %zu", i);
		b[bad[i].at] = was;
	}
	for (i = 0; i < n; i++)
		ASSERT_GT(0, ward_vault_parse(b, i)) TH_LOG("length %zu", i);
	/* 0 was never released, 2 is not known yet. */
	for (i = 0; i <= 2; i += 2) {
		b[8] = i;
		EXPECT_EQ(-EPROTONOSUPPORT, ward_vault_parse(b, n));
	}
	b[8] = 1;
	b[10] = 3;
	EXPECT_EQ(-EPROTONOSUPPORT, ward_vault_parse(b, n));
	b[10] = 1;
	EXPECT_EQ(0, ward_vault_parse(b, n));
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/*
 * Random changes to random bytes, in memory that ends where the file ends: no
 * change goes unseen, and none makes the reader leave the file.
 */
TEST_F(vault, mutations)
{
	uint32_t state = 20250601, round, changes;
	struct ward_vaults one = { 0 };
	size_t n;
	uint8_t *b;

	for (round = 0; round < 20000; round++) {
		n = self->len;
		if (next_random(&state) % 8 == 0)
			n = next_random(&state) % (n + 1);
		b = malloc(n ? n : 1);
		ASSERT_NE(NULL, b);
		memcpy(b, self->bytes[0], n);
		for (changes = 1 + next_random(&state) % 4; changes && n; changes--) {
			size_t at = next_random(&state) % (next_random(&state) % 2 ? n : n < 264 ? n : 264);

			b[at] ^= 1 + next_random(&state) % 255;
		}
		if (!ward_vault_parse(b, n)) {
			const struct ward_vault_slot *s = NULL;
			unsigned int slots = 0;

			one.copy[0].bytes = b;
			one.copy[0].length = n;
			while ((s = ward_vault_next_slot(&one.copy[0], s)))
				slots++;
			ASSERT_GE(sizeof(self->bytes[0]) / 200, slots);
			/* HKDF only: Argon2 would take all day. */
			if (memcmp(b, self->bytes[0], n))
				ASSERT_NE(0, ward_vaults_open(&one, &self->recovery, &self->m));
		}
		free(b);
	}
}

TEST_F(vault, load)
{
	char dir[] = "/tmp/ward-unit-XXXXXX", path[64];
	int fd, i;

	ASSERT_NE(NULL, mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOENT, ward_vaults_load(fd, &self->vaults));
	/* Not through a link, not from a pipe that would block. */
	ASSERT_EQ(0, symlinkat("/dev/zero", fd, "vault"));
	ASSERT_EQ(0, mkfifoat(fd, "vault.bak", 0600));
	EXPECT_GT(0, ward_vaults_load(fd, &self->vaults));
	ASSERT_EQ(0, unlinkat(fd, "vault", 0));
	ASSERT_EQ(0, unlinkat(fd, "vault.bak", 0));
	for (i = 0; i < 2; i++) {
		int f = openat(fd, i ? "vault.bak" : "vault", O_WRONLY | O_CREAT, 0600);

		ASSERT_EQ(self->len, write(f, self->bytes[i], self->len));
		ASSERT_EQ(0, close(f));
		ASSERT_EQ(0, ward_vaults_load(fd, &self->vaults));
		EXPECT_EQ(i ? 0 : -ENOENT, self->vaults.copy[1].error);
		ASSERT_EQ(0, ward_vaults_open(&self->vaults, &self->pass, &self->m));
		EXPECT_EQ(!i, self->m.other_bad);
		ward_vaults_free(&self->vaults);
	}
	/* Too long is no vault file, whatever it begins with. */
	ASSERT_EQ(0, truncate(strcat(strcpy(path, dir), "/vault"), 65537));
	ASSERT_EQ(0, ward_vaults_load(fd, &self->vaults));
	EXPECT_EQ(-EBADMSG, self->vaults.copy[0].error);
	ward_vaults_free(&self->vaults);
	unlinkat(fd, "vault", 0);
	unlinkat(fd, "vault.bak", 0);
	close(fd);
	rmdir(dir);
}

FIXTURE(epoch) {
	struct writer w;
	uint8_t key[32];
	uint8_t bytes[8192];
	struct ward_epoch e;
};

FIXTURE_SETUP(epoch)
{
	writer_init(&self->w, 1, 0);
	ward_hkdf(self->w.uuid, self->w.master, 32, WARD_LABEL_EPOCH_MAC, NULL, 0, self->key, 32);
	writer_epoch(&self->w, 6, 3, 3, self->bytes);
	writer_epoch(&self->w, 7, 4, 2, self->bytes + 4096);
}

FIXTURE_TEARDOWN(epoch)
{
}

TEST_F(epoch, newer_counts)
{
	ASSERT_EQ(0, ward_epoch_parse(self->bytes, 8192, self->w.uuid, self->key, &self->e));
	EXPECT_EQ(2, self->e.authentic);
	EXPECT_EQ(7, self->e.sequence);
	EXPECT_EQ(4, self->e.number);
	EXPECT_EQ(2, self->e.flags);
	writer_epoch(&self->w, 8, 5, 3, self->bytes);
	ASSERT_EQ(0, ward_epoch_parse(self->bytes, 8192, self->w.uuid, self->key, &self->e));
	EXPECT_EQ(8, self->e.sequence);
	EXPECT_EQ(5, self->e.number);
}

TEST_F(epoch, damaged)
{
	size_t i;

	for (i = 0; i < 4096; i += 3) {
		self->bytes[4096 + i] ^= 1;
		ASSERT_EQ(0, ward_epoch_parse(self->bytes, 8192, self->w.uuid, self->key, &self->e));
		ASSERT_EQ(1, self->e.authentic);
		ASSERT_EQ(6, self->e.sequence);
		self->bytes[4096 + i] ^= 1;
	}
	self->bytes[0] ^= 1;
	self->bytes[4096] ^= 1;
	ASSERT_EQ(0, ward_epoch_parse(self->bytes, 8192, self->w.uuid, self->key, &self->e));
	EXPECT_EQ(0, self->e.authentic);
	ASSERT_EQ(0, ward_epoch_parse(self->bytes, 0, self->w.uuid, self->key, &self->e));
	EXPECT_EQ(0, self->e.authentic);
}

/* A record in the other one's place is a copy that somebody made. */
TEST_F(epoch, wrong_place)
{
	memcpy(self->bytes, self->bytes + 4096, 4096);
	ASSERT_EQ(0, ward_epoch_parse(self->bytes, 8192, self->w.uuid, self->key, &self->e));
	EXPECT_EQ(1, self->e.authentic);
	ASSERT_EQ(0, ward_epoch_parse(self->bytes, 4096, self->w.uuid, self->key, &self->e));
	EXPECT_EQ(0, self->e.authentic);
}

TEST(recovery_key_text)
{
	char text[WARD_RECOVERY_TEXT], typed[160];
	uint8_t key[32], back[32];
	size_t i, n = 0;

	for (i = 0; i < 32; i++)
		key[i] = i * 37 + 5;
	ASSERT_EQ(0, ward_text_recovery(key, text));
	ASSERT_EQ(69, strlen(text));
	for (i = 0; i < 69; i++)
		EXPECT_EQ(i % 5 == 4, text[i] == '-');
	ASSERT_EQ(0, ward_text_parse_recovery(text, 69, back));
	EXPECT_EQ(0, memcmp(key, back, 32));
	/* As people type it. */
	for (i = 0; i < 69; i++) {
		if (text[i] == '-')
			typed[n++] = ' ';
		else
			typed[n++] = text[i] | (text[i] >= 'A' ? 0x20 : 0);
	}
	typed[n++] = '\n';
	ASSERT_EQ(0, ward_text_parse_recovery(typed, n, back));
	EXPECT_EQ(0, memcmp(key, back, 32));
	/* A wrong character is told from a wrong key; so is one too few or too many. */
	text[0] = text[0] == 'A' ? 'B' : 'A';
	EXPECT_EQ(-EBADMSG, ward_text_parse_recovery(text, 69, back));
	EXPECT_EQ(-EINVAL, ward_text_parse_recovery(text, 68, back));
	EXPECT_EQ(-EINVAL, ward_text_parse_recovery("", 0, back));
	text[0] = '!';
	EXPECT_EQ(-EINVAL, ward_text_parse_recovery(text, 69, back));
}

TEST_HARNESS_MAIN
