// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be said of a header, a data unit or a record before any key is at
 * hand. Bytes only: also compiled in user space. Source: docs/format.md.
 */
#include "header.h"

/**
 * ward_bytes_zero - are all bytes zero
 * @p: the bytes
 * @len: how many
 *
 * Return: true when they are, and for none.
 */
bool ward_bytes_zero(const void *p, size_t len)
{
	const u8 *b = p;

	/* The first byte is zero and each byte equals the next one. */
	return !len || (!b[0] && !memcmp(b, b + 1, len - 1));
}

static bool suite_known(u16 suite)
{
	return suite == WARD_SUITE_AES_256_GCM ||
	       suite == WARD_SUITE_CHACHA20_POLY1305;
}

/**
 * ward_header_check - is this a file header that we understand
 * @h: 512 bytes
 * @vault: UUID of the vault it should belong to, 16 bytes
 *
 * Says nothing of authenticity: that is for the AEAD that unwraps the key.
 *
 * Return: 0; -EBADMSG when it is not one of ours, damaged or of another vault;
 * -EPROTONOSUPPORT for a version or suite that is not known.
 */
int ward_header_check(const struct ward_file_header *h, const u8 *vault)
{
	if (memcmp(h->magic, WARD_FILE_MAGIC, sizeof(h->magic)))
		return -EBADMSG;
	if (le16_to_cpu(h->version) != WARD_FORMAT_VERSION ||
	    !suite_known(le16_to_cpu(h->suite)))
		return -EPROTONOSUPPORT;
	if (memcmp(h->vault, vault, sizeof(h->vault)) ||
	    le32_to_cpu(h->flags) & ~WARD_FILE_FLAGS ||
	    !ward_bytes_zero(h->reserved, sizeof(h->reserved)))
		return -EBADMSG;
	return 0;
}

/**
 * ward_unit_aad - the associated data of a data unit
 * @aad: to be filled, 16 bytes
 * @block: index of the unit's block in its file
 * @length: payload bytes in use
 * @flags: WARD_UNIT_*
 */
void ward_unit_aad(struct ward_unit_aad *aad, u64 block, u16 length, u16 flags)
{
	aad->version = cpu_to_le16(WARD_FORMAT_VERSION);
	aad->flags = cpu_to_le16(flags);
	aad->length = cpu_to_le16(length);
	aad->zero = 0;
	aad->block = cpu_to_le64(block);
}

/**
 * ward_unit_check - can this be a unit header
 * @u: 32 bytes
 * @block: index of its block
 *
 * Return: 0, or -EBADMSG for a length or flag that no writer leaves.
 */
int ward_unit_check(const struct ward_unit_header *u, u64 block)
{
	u16 length = le16_to_cpu(u->length);
	u16 cap = block ? WARD_CAP : WARD_CAP_FIRST;

	if (!length || length > cap || le16_to_cpu(u->flags) & ~WARD_UNIT_FLAGS)
		return -EBADMSG;
	return 0;
}

/**
 * ward_nonce - build a nonce
 * @nonce: 12 bytes out
 * @epoch: epoch number, 24 bits
 * @salt: random salt of this unlocking
 * @counter: drawn once from the mount's counter, 40 bits
 */
void ward_nonce(u8 *nonce, u32 epoch, u32 salt, u64 counter)
{
	int i;

	for (i = 0; i < 3; i++)
		nonce[i] = epoch >> (16 - 8 * i);
	for (i = 0; i < 4; i++)
		nonce[3 + i] = salt >> (24 - 8 * i);
	for (i = 0; i < 5; i++)
		nonce[7 + i] = counter >> (32 - 8 * i);
}

/**
 * ward_epoch_check - can this be an epoch record of a vault
 * @r: 4096 bytes
 * @vault: the vault's UUID
 *
 * Says nothing of authenticity: that is for the record's MAC.
 *
 * Return: 0, -EBADMSG or -EPROTONOSUPPORT.
 */
int ward_epoch_check(const struct ward_epoch_record *r, const u8 *vault)
{
	if (memcmp(r->magic, WARD_EPOCH_MAGIC, sizeof(r->magic)))
		return -EBADMSG;
	if (le16_to_cpu(r->version) != WARD_FORMAT_VERSION)
		return -EPROTONOSUPPORT;
	if (memcmp(r->vault, vault, sizeof(r->vault)) ||
	    le16_to_cpu(r->flags) & ~WARD_EPOCH_FLAGS ||
	    le32_to_cpu(r->epoch) > WARD_EPOCH_MAX ||
	    !ward_bytes_zero(r->reserved, sizeof(r->reserved)))
		return -EBADMSG;
	return 0;
}

/**
 * ward_vault_check - can this be a vault file
 * @h: the file's beginning
 * @length: bytes in the file
 *
 * Says nothing of authenticity, and does not look at the slots.
 *
 * Return: 0; -EBADMSG when it is damaged; -EPROTONOSUPPORT for a version or
 * suite that is not known.
 */
int ward_vault_check(const struct ward_vault_header *h, size_t length)
{
	if (length < sizeof(*h) + WARD_MAC_SIZE || length > WARD_VAULT_MAX ||
	    memcmp(h->magic, WARD_VAULT_MAGIC, sizeof(h->magic)))
		return -EBADMSG;
	if (le16_to_cpu(h->version) != WARD_FORMAT_VERSION ||
	    !suite_known(le16_to_cpu(h->suite)))
		return -EPROTONOSUPPORT;
	if (le32_to_cpu(h->length) != length ||
	    !ward_bytes_zero(h->reserved, sizeof(h->reserved)))
		return -EBADMSG;
	return 0;
}
