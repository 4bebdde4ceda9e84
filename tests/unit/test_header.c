// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be said of headers without a key: module/header.c. */
#include "harness.h"
#include "header.h"
#include "writer.h"

FIXTURE(header) {
	struct writer w;
	struct writer_file f;
	union {
		u8 bytes[4096];
		struct ward_file_header file;
		struct ward_unit_header unit;
		struct ward_epoch_record epoch;
		struct ward_vault_header vault;
	};
};

FIXTURE_SETUP(header)
{
	writer_init(&self->w, 1, 0);
	writer_file_new(&self->w, &self->f);
	writer_header(&self->w, &self->f, 0, self->bytes);
}

FIXTURE_TEARDOWN(header)
{
}

TEST_F(header, file)
{
	u8 *uuid = self->w.uuid;

	ASSERT_EQ(0, ward_header_check(&self->file, uuid));
	self->file.flags = cpu_to_le32(3);
	EXPECT_EQ(0, ward_header_check(&self->file, uuid));
	self->file.flags = cpu_to_le32(4);
	EXPECT_EQ(-EBADMSG, ward_header_check(&self->file, uuid));
	self->file.flags = 0;
	self->file.suite = cpu_to_le16(2);
	EXPECT_EQ(0, ward_header_check(&self->file, uuid));
	self->file.suite = 0;
	EXPECT_EQ(-EPROTONOSUPPORT, ward_header_check(&self->file, uuid));
	self->file.suite = cpu_to_le16(3);
	EXPECT_EQ(-EPROTONOSUPPORT, ward_header_check(&self->file, uuid));
	self->file.suite = cpu_to_le16(1);
	self->file.version = cpu_to_le16(2);
	EXPECT_EQ(-EPROTONOSUPPORT, ward_header_check(&self->file, uuid));
	self->file.version = cpu_to_le16(1);
	self->file.vault[15] ^= 1;
	EXPECT_EQ(-EBADMSG, ward_header_check(&self->file, uuid));
	self->file.vault[15] ^= 1;
	self->file.magic[7] = ' ';
	EXPECT_EQ(-EBADMSG, ward_header_check(&self->file, uuid));
	memset(self->bytes, 0, 512);
	EXPECT_EQ(-EBADMSG, ward_header_check(&self->file, uuid));
}

TEST_F(header, file_reserved)
{
	size_t i;

	for (i = 0; i < sizeof(self->file.reserved); i++) {
		self->file.reserved[i] = 1;
		ASSERT_EQ(-EBADMSG, ward_header_check(&self->file, self->w.uuid));
		self->file.reserved[i] = 0;
	}
	ASSERT_EQ(0, ward_header_check(&self->file, self->w.uuid));
}

TEST_F(header, unit)
{
	struct ward_unit_aad aad;

	memset(self->bytes, 0, 32);
	EXPECT_EQ(-EBADMSG, ward_unit_check(&self->unit, 0));
	self->unit.length = cpu_to_le16(3552);
	EXPECT_EQ(0, ward_unit_check(&self->unit, 0));
	self->unit.length = cpu_to_le16(3553);
	EXPECT_EQ(-EBADMSG, ward_unit_check(&self->unit, 0));
	EXPECT_EQ(0, ward_unit_check(&self->unit, 1));
	self->unit.length = cpu_to_le16(4065);
	EXPECT_EQ(-EBADMSG, ward_unit_check(&self->unit, 1));
	self->unit.length = cpu_to_le16(1);
	self->unit.flags = cpu_to_le16(1);
	EXPECT_EQ(0, ward_unit_check(&self->unit, 1));
	self->unit.flags = cpu_to_le16(2);
	EXPECT_EQ(-EBADMSG, ward_unit_check(&self->unit, 1));

	ward_unit_aad(&aad, 0x0123456789abcdefULL, 0xfed, 1);
	EXPECT_EQ(0, memcmp(&aad, "\1\0\1\0\xed\x0f\0\0\xef\xcd\xab\x89\x67\x45\x23\x01", 16));
}

TEST_F(header, nonce)
{
	u8 nonce[12];

	ward_nonce(nonce, 0xabcdef, 0x11223344, 0x5566778899ULL);
	EXPECT_EQ(0, memcmp(nonce, "\xab\xcd\xef\x11\x22\x33\x44\x55\x66\x77\x88\x99", 12));
}

TEST_F(header, epoch)
{
	writer_epoch(&self->w, 7, 0xffffff, 3, self->bytes);
	ASSERT_EQ(0, ward_epoch_check(&self->epoch, self->w.uuid));
	self->epoch.flags = cpu_to_le16(4);
	EXPECT_EQ(-EBADMSG, ward_epoch_check(&self->epoch, self->w.uuid));
	self->epoch.flags = 0;
	self->epoch.epoch = cpu_to_le32(0x1000000);
	EXPECT_EQ(-EBADMSG, ward_epoch_check(&self->epoch, self->w.uuid));
	self->epoch.epoch = 0;
	self->epoch.version = cpu_to_le16(2);
	EXPECT_EQ(-EPROTONOSUPPORT, ward_epoch_check(&self->epoch, self->w.uuid));
	self->epoch.version = cpu_to_le16(1);
	self->epoch.reserved[sizeof(self->epoch.reserved) - 1] = 1;
	EXPECT_EQ(-EBADMSG, ward_epoch_check(&self->epoch, self->w.uuid));
	self->epoch.reserved[sizeof(self->epoch.reserved) - 1] = 0;
	self->epoch.vault[0] ^= 1;
	EXPECT_EQ(-EBADMSG, ward_epoch_check(&self->epoch, self->w.uuid));
}

TEST_F(header, vault)
{
	size_t n = writer_vault(&self->w, 1, self->bytes, sizeof(self->bytes));

	ASSERT_EQ(0, ward_vault_check(&self->vault, n));
	EXPECT_EQ(-EBADMSG, ward_vault_check(&self->vault, n - 1));
	EXPECT_EQ(-EBADMSG, ward_vault_check(&self->vault, n + 1));
	EXPECT_EQ(-EBADMSG, ward_vault_check(&self->vault, 95));
	EXPECT_EQ(-EBADMSG, ward_vault_check(&self->vault, WARD_VAULT_MAX + 1));
	self->vault.suite = cpu_to_le16(9);
	EXPECT_EQ(-EPROTONOSUPPORT, ward_vault_check(&self->vault, n));
	self->vault.suite = cpu_to_le16(1);
	self->vault.reserved[0] = 1;
	EXPECT_EQ(-EBADMSG, ward_vault_check(&self->vault, n));
}

TEST_F(header, zeros)
{
	size_t i;

	memset(self->bytes, 0, sizeof(self->bytes));
	EXPECT_TRUE(ward_bytes_zero(self->bytes, 4096));
	EXPECT_TRUE(ward_bytes_zero(self->bytes, 1));
	EXPECT_TRUE(ward_bytes_zero(self->bytes, 0));
	for (i = 0; i < 4096; i += 5) {
		self->bytes[i] = 0x80;
		ASSERT_FALSE(ward_bytes_zero(self->bytes, 4096));
		self->bytes[i] = 0;
	}
	self->bytes[4095] = 1;
	EXPECT_FALSE(ward_bytes_zero(self->bytes, 4096));
	EXPECT_TRUE(ward_bytes_zero(self->bytes, 4095));
}

TEST_HARNESS_MAIN
