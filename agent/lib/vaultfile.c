// SPDX-License-Identifier: GPL-2.0-or-later
/* Making the vault file, and saying what is wrong with one. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "durable.h"
#include "vaultfile.h"

static const char * const copy_names[2] = { WARD_VAULT_NAME, WARD_VAULT_BAK_NAME };

/**
 * ward_slot_type_name - the word for a kind of key slot
 * @type: WARD_SLOT_*
 *
 * Return: a constant string.
 */
const char *ward_slot_type_name(uint16_t type)
{
	static const char * const names[] = {
		[WARD_SLOT_PASSPHRASE] = "passphrase",
		[WARD_SLOT_RECOVERY] = "recovery",
		[WARD_SLOT_KEYFILE] = "keyfile",
		[WARD_SLOT_TPM2] = "tpm2",
		[WARD_SLOT_TANG] = "tang",
	};

	return type < sizeof(names) / sizeof(*names) && names[type] ? names[type] : "unknown";
}

/**
 * ward_suite_name - the word for a suite
 * @suite: WARD_SUITE_*
 *
 * Return: a constant string.
 */
const char *ward_suite_name(uint16_t suite)
{
	switch (suite) {
	case WARD_SUITE_AES_256_GCM:
		return "aes-256-gcm";
	case WARD_SUITE_CHACHA20_POLY1305:
		return "chacha20-poly1305";
	default:
		return "unknown";
	}
}

/**
 * ward_vaultfile_copy_name - the name of a copy in .ward
 * @copy: 0 or 1
 *
 * Return: a constant string.
 */
const char *ward_vaultfile_copy_name(int copy)
{
	return copy_names[!!copy];
}

static struct ward_vault_header *header(struct ward_vaultfile *vf)
{
	return (struct ward_vault_header *)vf->bytes;
}

/**
 * ward_vaultfile_begin - begin a vault file
 * @vf: where it is made
 * @uuid: of the vault
 * @suite: WARD_SUITE_*
 */
void ward_vaultfile_begin(struct ward_vaultfile *vf, const uint8_t uuid[WARD_UUID_SIZE],
			  uint16_t suite)
{
	struct ward_vault_header *h = header(vf);

	memset(vf, 0, sizeof(*vf));
	memcpy(h->magic, WARD_VAULT_MAGIC, sizeof(h->magic));
	h->version = htole16(WARD_FORMAT_VERSION);
	h->suite = htole16(suite);
	memcpy(h->vault, uuid, WARD_UUID_SIZE);
	h->generation = htole32(1);
	h->revision = htole64(1);
	vf->length = sizeof(*h);
}

/**
 * ward_vaultfile_renew - begin a vault file that takes the place of another
 * @vf: where it is made
 * @old: the other one; its slots are taken over, since they wrap the same key
 * @without: but not those of this type: WARD_SLOT_*; 0 for all
 */
void ward_vaultfile_renew(struct ward_vaultfile *vf, const struct ward_vault *old,
			  uint16_t without)
{
	const struct ward_vault_slot *slot;
	struct ward_vault_header *h = header(vf);

	memset(vf, 0, sizeof(*vf));
	*h = *ward_vault_header(old);
	h->revision = htole64(le64toh(h->revision) + 1);
	h->slots = 0;
	vf->length = sizeof(*h);
	for (slot = ward_vault_next_slot(old, NULL); slot; slot = ward_vault_next_slot(old, slot)) {
		if (without && le16toh(slot->type) == without)
			continue;
		memcpy(vf->bytes + vf->length, slot, le32toh(slot->length));
		vf->length += le32toh(slot->length);
		h->slots = htole32(le32toh(h->slots) + 1);
	}
}

/* One more than the highest number of a slot: a number is not given twice. */
static uint32_t next_id(const struct ward_vaultfile *vf)
{
	const struct ward_vault_header *h = (const void *)vf->bytes;
	size_t at = sizeof(*h);
	uint32_t id = 0, i;

	for (i = 0; i < le32toh(h->slots); i++) {
		const struct ward_vault_slot *slot = (const void *)(vf->bytes + at);

		if (le32toh(slot->id) > id)
			id = le32toh(slot->id);
		at += le32toh(slot->length);
	}
	return id + 1;
}

/**
 * ward_vaultfile_add_slot - add a key slot to a vault file that is being made
 * @vf: begun, not yet sealed
 * @factor: the secret, and what kind of slot it is for
 * @cost: of Argon2id; NULL for a secret of full entropy, which HKDF takes
 * @label: free text of up to 63 bytes
 * @master: the master key
 *
 * Return: 0, -ENOSPC when the file is full, or another negative errno.
 */
int ward_vaultfile_add_slot(struct ward_vaultfile *vf, const struct ward_factor *factor,
			    const struct ward_argon2 *cost, const char *label,
			    const uint8_t master[WARD_KEY_SIZE])
{
	struct ward_vault_slot *slot = (struct ward_vault_slot *)(vf->bytes + vf->length);
	struct ward_vault_header *h = header(vf);
	uint8_t aad[WARD_UUID_SIZE + sizeof(__le32) + sizeof(*slot)];
	uint8_t key[WARD_KEY_SIZE];
	size_t aad_len;
	int ret;

	if (vf->length + sizeof(*slot) + WARD_MAC_SIZE > WARD_VAULT_MAX)
		return -ENOSPC;
	memset(slot, 0, sizeof(*slot));
	slot->length = htole32(sizeof(*slot));
	slot->type = htole16(factor->type);
	slot->kdf = htole16(cost ? WARD_KDF_ARGON2ID : WARD_KDF_HKDF);
	slot->id = htole32(next_id(vf));
	if (cost) {
		slot->time_cost = htole32(cost->passes);
		slot->memory_cost = htole32(cost->memory_kib);
		slot->lanes = htole32(cost->lanes);
	}
	slot->created = htole64(time(NULL));
	memcpy(slot->label, label, strnlen(label, sizeof(slot->label) - 1));
	ret = ward_random(slot->salt, sizeof(slot->salt));
	if (!ret)
		ret = ward_random(slot->nonce, sizeof(slot->nonce));
	if (!ret)
		ret = ward_slot_key(slot, factor, key);
	if (ret)
		goto clear;
	aad_len = ward_slot_aad(h, slot, aad, sizeof(aad));
	ret = aad_len ? ward_aead_seal(le16toh(h->suite), key, slot->nonce, aad, aad_len, master,
				       WARD_KEY_SIZE, slot->wrapped_key, slot->tag) : -EINVAL;
	explicit_bzero(key, sizeof(key));
	if (ret)
		goto clear;
	h->slots = htole32(le32toh(h->slots) + 1);
	vf->length += sizeof(*slot);
	return 0;
clear:
	memset(slot, 0, sizeof(*slot));
	return ret;
}

/**
 * ward_vaultfile_seal - finish a vault file: its length and MAC
 * @vf: with all its slots
 * @master: the master key
 *
 * Return: 0 or a negative errno.
 */
int ward_vaultfile_seal(struct ward_vaultfile *vf, const uint8_t master[WARD_KEY_SIZE])
{
	struct ward_vault_header *h = header(vf);
	uint8_t key[WARD_KEY_SIZE];
	int ret;

	h->length = htole32(vf->length + WARD_MAC_SIZE);
	ret = ward_hkdf(h->vault, master, WARD_KEY_SIZE, WARD_LABEL_VAULT_MAC, NULL, 0, key,
			sizeof(key));
	if (!ret)
		ret = ward_hmac_sha256(key, vf->bytes, vf->length, vf->bytes + vf->length);
	explicit_bzero(key, sizeof(key));
	if (!ret)
		vf->length += WARD_MAC_SIZE;
	return ret;
}

/**
 * ward_vaultfile_store - write both copies of a vault file, durably
 * @dirfd: .ward, writable
 * @bytes: the file
 * @length: its bytes
 *
 * Return: 0 or a negative errno.
 */
int ward_vaultfile_store(int dirfd, const void *bytes, size_t length)
{
	int ret = ward_durable_write(dirfd, copy_names[0], bytes, length, 0600);

	if (!ret)
		ret = ward_durable_write(dirfd, copy_names[1], bytes, length, 0600);
	return ret;
}

/**
 * ward_vaultfile_mend - put the good copy in the place of the other one
 * @dirfd: .ward, writable
 * @vaults: both copies
 * @good: which is good: 0 or 1
 *
 * Return: 0 or a negative errno.
 */
int ward_vaultfile_mend(int dirfd, const struct ward_vaults *vaults, int good)
{
	const struct ward_vault *v = &vaults->copy[!!good];

	return ward_durable_write(dirfd, copy_names[!good], v->bytes, v->length, 0600);
}

/**
 * ward_vaultfile_load - read both copies of a vault file
 * @dirfd: .ward
 * @vaults: filled; for ward_vaults_free() also after a failure
 * @err: says what is wrong when no copy can be used
 *
 * A copy that is damaged or missing is no failure while the other one is whole.
 *
 * Return: 0, or a negative errno.
 */
int ward_vaultfile_load(int dirfd, struct ward_vaults *vaults, struct ward_err *err)
{
	int ret = ward_vaults_load(dirfd, vaults);
	int i;

	switch (ret) {
	case 0:
		return 0;
	case -EPROTONOSUPPORT:
		return ward_fail(err, EPROTONOSUPPORT, WARD_FAILED,
				 "the vault file has a version or a cipher suite that this wardctl does not know: it was made by a newer Ward (upgrade this one), or before format 1 (format 0 was never released: take the files out with the Ward that made it), or it is damaged (restore .ward/vault from a backup)");
	case -ENOENT:
		return ward_fail(err, ENOENT, WARD_INTEGRITY,
				 "the vault file is missing (.ward/vault and .ward/vault.bak): restore one of them from a backup; without it no key opens this vault");
	case -ENOMEM:
		return ward_fail_errno(err, ENOMEM, "cannot read the vault file");
	default:
		break;
	}
	for (i = 0; i < 2; i++) {
		int error = vaults->copy[i].error;

		ward_note(err, ".ward/%s: %s", copy_names[i],
			  error == -EBADMSG ? "damaged" : strerror(-error));
	}
	return ward_fail(err, -ret, WARD_INTEGRITY,
			 "neither copy of the vault file can be used: restore .ward/vault or .ward/vault.bak from a backup");
}

/**
 * ward_vaultfile_best - the copy that counts, as far as can be said without a key
 * @vaults: both copies
 *
 * Return: the copy; NULL when there is none.
 */
const struct ward_vault *ward_vaultfile_best(const struct ward_vaults *vaults)
{
	const struct ward_vault *a = &vaults->copy[0], *b = &vaults->copy[1];

	if (!a->bytes || !b->bytes)
		return a->bytes ? a : b->bytes ? b : NULL;
	return le64toh(ward_vault_header(b)->revision) > le64toh(ward_vault_header(a)->revision) ?
	       b : a;
}

/**
 * ward_vaultfile_differ - is one copy missing, damaged, or another than the other
 * @vaults: both copies
 *
 * Return: true when something is to be mended.
 */
bool ward_vaultfile_differ(const struct ward_vaults *vaults)
{
	const struct ward_vault *a = &vaults->copy[0], *b = &vaults->copy[1];

	return !a->bytes || !b->bytes || a->length != b->length ||
	       memcmp(a->bytes, b->bytes, a->length);
}

/**
 * ward_vaultfile_open - get the master key
 * @vaults: both copies
 * @factor: what should open a slot
 * @master: filled, in memory that is locked; wiped on failure
 * @err: says what is wrong; gets a remark when only one copy is good
 *
 * Return: 0; -EKEYREJECTED for a wrong secret; another negative errno.
 */
int ward_vaultfile_open(const struct ward_vaults *vaults, const struct ward_factor *factor,
			struct ward_master *master, struct ward_err *err)
{
	int ret = ward_vaults_open(vaults, factor, master);

	switch (ret) {
	case 0:
		if (master->other_bad || master->other_stale)
			ward_note(err, "the copy .ward/%s of the vault file is %s; .ward/%s was used: mend it with wardctl check --repair",
				  copy_names[!master->copy],
				  !vaults->copy[!master->copy].bytes &&
				  vaults->copy[!master->copy].error == -ENOENT ? "missing" :
				  master->other_stale ? "out of date" : "damaged",
				  copy_names[master->copy]);
		return 0;
	case -EKEYREJECTED:
		if (ward_vaultfile_differ(vaults))
			ward_note(err, "one of the two copies of the vault file is damaged or missing: if the secret is right, restore .ward/vault from a backup");
		return ward_fail(err, EKEYREJECTED, WARD_BAD_KEY, "wrong %s",
				 factor->type == WARD_SLOT_RECOVERY ? "recovery key" :
				 factor->type == WARD_SLOT_KEYFILE ? "key file" : "passphrase");
	case -ENOKEY:
		return ward_fail(err, ENOKEY, WARD_BAD_KEY,
				 "this vault has no key of the kind \"%s\": wardctl key list shows which it has",
				 ward_slot_type_name(factor->type));
	case -ENOMEM:
		return ward_fail(err, ENOMEM, WARD_FAILED,
				 "not enough memory to derive the key: free some and try again");
	case -EBADMSG:
		return ward_fail(err, EBADMSG, WARD_INTEGRITY,
				 "the key opens, but the vault file does not authenticate: it was changed or damaged; restore .ward/vault from a backup");
	case -EPROTONOSUPPORT:
	case -EINVAL:
		return ward_fail(err, -ret, WARD_INTEGRITY,
				 "a key slot asks for a key derivation that this wardctl does not know or allow: the vault file is damaged, or of a newer Ward");
	default:
		return ward_fail_errno(err, ret, "cannot open the vault file");
	}
}
