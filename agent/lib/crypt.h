/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cryptography of the on-disk format, on OpenSSL 3 and libargon2. Standards
 * and constructions: docs/format.md. Nothing here prints, and whatever fails
 * leaves no secret behind: outputs are wiped.
 */
#ifndef WARD_CRYPT_H
#define WARD_CRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "../../module/uapi/ward_format.h"

#define WARD_SALT_SIZE		32	/* of a key slot's KDF */
#define WARD_SIV_KEYS_SIZE	64	/* MAC key, then encryption key */

/* What a vault file may ask of us before it is known to be authentic. */
#define WARD_ARGON2_MAX_TIME	64
#define WARD_ARGON2_MAX_KIB	(4U << 20)	/* 4 GiB */
#define WARD_ARGON2_MAX_LANES	64
#define WARD_ARGON2_MAX_SLOTS	16	/* tried for one secret */
#define WARD_ARGON2_MAX_WORK	((uint64_t)WARD_ARGON2_MAX_TIME * WARD_ARGON2_MAX_KIB)	/* in all */

int ward_random(void *out, size_t len);
int ward_sha256(const void *data, size_t len, uint8_t digest[32]);
int ward_hmac_sha256(const uint8_t key[WARD_KEY_SIZE], const void *data, size_t len,
		     uint8_t mac[WARD_MAC_SIZE]);
int ward_hkdf(const uint8_t salt[WARD_UUID_SIZE], const void *ikm, size_t ikm_len,
	      const char *label, const void *id, size_t id_len, uint8_t *out, size_t len);
int ward_hkdf_salt(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		   const void *info, size_t info_len, uint8_t *out, size_t len);
int ward_argon2id(const void *pass, size_t pass_len, const uint8_t salt[WARD_SALT_SIZE],
		  uint32_t passes, uint32_t memory_kib, uint32_t lanes,
		  uint8_t key[WARD_KEY_SIZE]);

int ward_aead_seal(uint16_t suite, const uint8_t key[WARD_KEY_SIZE],
		   const uint8_t nonce[WARD_NONCE_SIZE], const void *ad, size_t ad_len,
		   const void *in, size_t len, void *out, uint8_t tag[WARD_TAG_SIZE]);
int ward_aead_open(uint16_t suite, const uint8_t key[WARD_KEY_SIZE],
		   const uint8_t nonce[WARD_NONCE_SIZE], const void *ad, size_t ad_len,
		   const void *in, size_t len, void *out, const uint8_t tag[WARD_TAG_SIZE]);

int ward_siv_seal(const uint8_t keys[WARD_SIV_KEYS_SIZE], uint8_t type,
		  const void *ad, size_t ad_len, const void *text, size_t len, uint8_t *out);
int ward_siv_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], uint8_t type,
		  const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *text);

#endif
