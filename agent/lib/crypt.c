// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cryptography of the on-disk format: HKDF-SHA-512 (RFC 5869), HMAC-SHA-256
 * (RFC 2104), AES-256-GCM (NIST SP 800-38D), ChaCha20-Poly1305 (RFC 8439), the
 * synthetic-IV construction of docs/format.md (after RFC 5297) and Argon2id
 * (RFC 9106).
 */
#include <argon2.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypt.h"

/**
 * ward_random - random bytes for keys, ids, salts and nonces
 * @out: to be filled
 * @len: bytes
 *
 * Waits until the kernel's generator has been seeded.
 *
 * Return: 0 or a negative errno.
 */
int ward_random(void *out, size_t len)
{
	uint8_t *p = out;

	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= n;
	}
	return 0;
}

/**
 * ward_sha256 - SHA-256 (FIPS 180-4)
 * @data: what to digest
 * @len: bytes
 * @digest: 32 bytes out
 *
 * Return: 0 or -EIO when the library fails.
 */
int ward_sha256(const void *data, size_t len, uint8_t digest[32])
{
	unsigned int n = 32;

	return EVP_Digest(data, len, digest, &n, EVP_sha256(), NULL) ? 0 : -EIO;
}

/* One piece of what a MAC covers. */
struct piece {
	const void *data;
	size_t len;
};

static int hmac_pieces(const uint8_t *key, const struct piece *pieces, size_t count, uint8_t *mac)
{
	char name[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = NULL;
	EVP_MAC *hmac;
	int err = -EIO;
	size_t i, n;

	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!hmac)
		return -EIO;
	ctx = EVP_MAC_CTX_new(hmac);
	if (!ctx || !EVP_MAC_init(ctx, key, WARD_KEY_SIZE, params))
		goto free_ctx;
	for (i = 0; i < count; i++)
		if (pieces[i].len && !EVP_MAC_update(ctx, pieces[i].data, pieces[i].len))
			goto free_ctx;
	if (EVP_MAC_final(ctx, mac, &n, WARD_MAC_SIZE) && n == WARD_MAC_SIZE)
		err = 0;
	else
		explicit_bzero(mac, WARD_MAC_SIZE);
free_ctx:
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(hmac);
	return err;
}

/**
 * ward_hmac_sha256 - HMAC-SHA-256 (RFC 2104, FIPS 198-1)
 * @key: 32 bytes
 * @data: what to authenticate
 * @len: bytes
 * @mac: 32 bytes out
 *
 * Compare the result with CRYPTO_memcmp(), never with memcmp().
 *
 * Return: 0 or -EIO when the library fails.
 */
int ward_hmac_sha256(const uint8_t key[WARD_KEY_SIZE], const void *data, size_t len,
		     uint8_t mac[WARD_MAC_SIZE])
{
	struct piece p = { data, len };

	return hmac_pieces(key, &p, 1, mac);
}

/**
 * ward_hkdf_salt - HKDF-SHA-512 (RFC 5869), extract and expand, with any salt
 * @salt: salt
 * @salt_len: its bytes
 * @ikm: input keying material
 * @ikm_len: its bytes, at least one
 * @info: what the output is for
 * @info_len: its bytes
 * @out: to be filled; wiped on failure
 * @len: bytes wanted, at most 255 * 64
 *
 * Return: 0, -EINVAL, or -EIO when the library fails.
 */
int ward_hkdf_salt(const void *salt, size_t salt_len, const void *ikm, size_t ikm_len,
		   const void *info, size_t info_len, uint8_t *out, size_t len)
{
	char name[] = "SHA512";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)ikm, ikm_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, salt_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, info_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *ctx;
	EVP_KDF *hkdf;
	int err = -EIO;

	if (!ikm_len || !len || len > 255 * 64)
		return -EINVAL;
	hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	if (!hkdf)
		return -EIO;
	ctx = EVP_KDF_CTX_new(hkdf);
	if (ctx && EVP_KDF_derive(ctx, out, len, params) > 0)
		err = 0;
	else
		explicit_bzero(out, len);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(hkdf);
	return err;
}

/**
 * ward_hkdf - derive a key of the format
 * @salt: the vault's UUID, 16 bytes
 * @ikm: master key, names key, links key or file key
 * @ikm_len: its bytes
 * @label: WARD_LABEL_*
 * @id: directory, symlink or file id that the key is for; NULL for none
 * @id_len: its bytes, at most 64
 * @out: the key; wiped on failure
 * @len: bytes wanted
 *
 * Return: 0, -EINVAL, or -EIO when the library fails.
 */
int ward_hkdf(const uint8_t salt[WARD_UUID_SIZE], const void *ikm, size_t ikm_len,
	      const char *label, const void *id, size_t id_len, uint8_t *out, size_t len)
{
	size_t label_len = strlen(label);
	uint8_t info[128];

	if (label_len > 64 || id_len > 64)
		return -EINVAL;
	memcpy(info, label, label_len);
	if (id_len)
		memcpy(info + label_len, id, id_len);
	return ward_hkdf_salt(salt, WARD_UUID_SIZE, ikm, ikm_len, info, label_len + id_len,
			      out, len);
}

/**
 * ward_argon2id - the key of a passphrase slot: Argon2id (RFC 9106), version 0x13
 * @pass: passphrase, without its newline
 * @pass_len: its bytes
 * @salt: 32 bytes
 * @passes: time cost, 1..WARD_ARGON2_MAX_TIME
 * @memory_kib: memory cost, KiB, 8 * @lanes..WARD_ARGON2_MAX_KIB
 * @lanes: parallelism, 1..WARD_ARGON2_MAX_LANES
 * @key: 32 bytes out; wiped on failure
 *
 * The limits keep a vault file that nobody has authenticated yet from taking
 * all memory or a day.
 *
 * Return: 0, -EINVAL for costs outside the limits, -ENOMEM, -EIO.
 */
int ward_argon2id(const void *pass, size_t pass_len, const uint8_t salt[WARD_SALT_SIZE],
		  uint32_t passes, uint32_t memory_kib, uint32_t lanes,
		  uint8_t key[WARD_KEY_SIZE])
{
	int err;

	if (!passes || passes > WARD_ARGON2_MAX_TIME || !lanes || lanes > WARD_ARGON2_MAX_LANES ||
	    memory_kib < 8 * lanes || memory_kib > WARD_ARGON2_MAX_KIB)
		return -EINVAL;
	err = argon2id_hash_raw(passes, memory_kib, lanes, pass, pass_len, salt, WARD_SALT_SIZE,
				key, WARD_KEY_SIZE);
	if (err == ARGON2_OK)
		return 0;
	explicit_bzero(key, WARD_KEY_SIZE);
	return err == ARGON2_MEMORY_ALLOCATION_ERROR ? -ENOMEM : -EIO;
}

static const EVP_CIPHER *suite_cipher(uint16_t suite)
{
	switch (suite) {
	case WARD_SUITE_AES_256_GCM:
		return EVP_aes_256_gcm();
	case WARD_SUITE_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return NULL;
	}
}

/**
 * ward_aead_seal - encrypt and authenticate
 * @suite: WARD_SUITE_*
 * @key: 32 bytes
 * @nonce: 12 bytes, never used before with this key
 * @ad: associated data
 * @ad_len: its bytes
 * @in: plaintext
 * @len: its bytes
 * @out: ciphertext, @len bytes; may be @in; wiped on failure
 * @tag: 16 bytes out
 *
 * Return: 0, -EINVAL, -EPROTONOSUPPORT for an unknown suite, -ENOMEM, -EIO.
 */
int ward_aead_seal(uint16_t suite, const uint8_t key[WARD_KEY_SIZE],
		   const uint8_t nonce[WARD_NONCE_SIZE], const void *ad, size_t ad_len,
		   const void *in, size_t len, void *out, uint8_t tag[WARD_TAG_SIZE])
{
	const EVP_CIPHER *cipher = suite_cipher(suite);
	EVP_CIPHER_CTX *ctx;
	uint8_t rest[16];
	int n, err = -EIO;

	if (!cipher)
		return -EPROTONOSUPPORT;
	if (len > INT_MAX || ad_len > INT_MAX)
		return -EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_EncryptInit_ex(ctx, cipher, NULL, key, nonce) &&
	    (!ad_len || EVP_EncryptUpdate(ctx, NULL, &n, ad, ad_len)) &&
	    (!len || (EVP_EncryptUpdate(ctx, out, &n, in, len) && n == (int)len)) &&
	    EVP_EncryptFinal_ex(ctx, rest, &n) && !n &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, WARD_TAG_SIZE, tag) > 0)
		err = 0;
	else
		explicit_bzero(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

/**
 * ward_aead_open - authenticate and decrypt
 * @suite: WARD_SUITE_*
 * @key: 32 bytes
 * @nonce: 12 bytes
 * @ad: associated data
 * @ad_len: its bytes
 * @in: ciphertext
 * @len: its bytes
 * @out: plaintext, @len bytes; may be @in; wiped on failure
 * @tag: 16 bytes
 *
 * Return: 0, -EBADMSG when it does not authenticate, -EINVAL,
 * -EPROTONOSUPPORT for an unknown suite, -ENOMEM, -EIO.
 */
int ward_aead_open(uint16_t suite, const uint8_t key[WARD_KEY_SIZE],
		   const uint8_t nonce[WARD_NONCE_SIZE], const void *ad, size_t ad_len,
		   const void *in, size_t len, void *out, const uint8_t tag[WARD_TAG_SIZE])
{
	const EVP_CIPHER *cipher = suite_cipher(suite);
	EVP_CIPHER_CTX *ctx;
	uint8_t rest[16];
	int n, err = -EIO;

	if (!cipher)
		return -EPROTONOSUPPORT;
	if (len > INT_MAX || ad_len > INT_MAX)
		return -EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_DecryptInit_ex(ctx, cipher, NULL, key, nonce) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, WARD_TAG_SIZE, (void *)tag) > 0 &&
	    (!ad_len || EVP_DecryptUpdate(ctx, NULL, &n, ad, ad_len)) &&
	    (!len || (EVP_DecryptUpdate(ctx, out, &n, in, len) && n == (int)len)))
		err = EVP_DecryptFinal_ex(ctx, rest, &n) > 0 && !n ? 0 : -EBADMSG;
	if (err)
		explicit_bzero(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

static int siv_iv(const uint8_t *mac_key, uint8_t type, const void *ad, size_t ad_len,
		  const void *text, size_t len, uint8_t *mac)
{
	uint8_t head[2] = { type, WARD_FORMAT_VERSION };
	struct piece pieces[] = { { head, sizeof(head) }, { ad, ad_len }, { text, len } };

	return hmac_pieces(mac_key, pieces, 3, mac);
}

static int aes_ctr(const uint8_t *key, const uint8_t *iv, const void *in, size_t len, void *out)
{
	EVP_CIPHER_CTX *ctx;
	int n, err = -EIO;

	if (len > INT_MAX)
		return -EINVAL;
	if (!len)
		return 0;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, key, iv) &&
	    EVP_EncryptUpdate(ctx, out, &n, in, len) && n == (int)len)
		err = 0;
	else
		explicit_bzero(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return err;
}

/**
 * ward_siv_seal - deterministic authenticated encryption: docs/format.md, "SIV"
 * @keys: 64 bytes: MAC key, then encryption key
 * @type: WARD_SIV_*
 * @ad: authenticated before the text, not encrypted (xattr values only)
 * @ad_len: its bytes
 * @text: plaintext, padded already where the format asks for it
 * @len: its bytes
 * @out: 16 + @len bytes: synthetic IV, then ciphertext; must not overlap @text
 *
 * Return: 0, -EINVAL, -ENOMEM or -EIO.
 */
int ward_siv_seal(const uint8_t keys[WARD_SIV_KEYS_SIZE], uint8_t type,
		  const void *ad, size_t ad_len, const void *text, size_t len, uint8_t *out)
{
	uint8_t mac[WARD_MAC_SIZE];
	int err;

	err = siv_iv(keys, type, ad, ad_len, text, len, mac);
	if (!err) {
		memcpy(out, mac, WARD_IV_SIZE);
		err = aes_ctr(keys + WARD_KEY_SIZE, mac, text, len, out + WARD_IV_SIZE);
	}
	explicit_bzero(mac, sizeof(mac));
	return err;
}

/**
 * ward_siv_open - undo ward_siv_seal()
 * @keys: 64 bytes: MAC key, then encryption key
 * @type: WARD_SIV_*
 * @ad: as it was sealed with
 * @ad_len: its bytes
 * @in: synthetic IV, then ciphertext
 * @len: bytes in @in, 16 or more
 * @text: plaintext, @len - 16 bytes; wiped on failure; must not overlap @in
 *
 * Return: 0, -EBADMSG when it does not authenticate, -EINVAL, -ENOMEM, -EIO.
 */
int ward_siv_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], uint8_t type,
		  const void *ad, size_t ad_len, const uint8_t *in, size_t len, uint8_t *text)
{
	uint8_t mac[WARD_MAC_SIZE];
	int err;

	if (len < WARD_IV_SIZE)
		return -EBADMSG;
	len -= WARD_IV_SIZE;
	err = aes_ctr(keys + WARD_KEY_SIZE, in, in + WARD_IV_SIZE, len, text);
	if (err)
		return err;
	err = siv_iv(keys, type, ad, ad_len, text, len, mac);
	if (!err && CRYPTO_memcmp(mac, in, WARD_IV_SIZE))
		err = -EBADMSG;
	if (err)
		explicit_bzero(text, len);
	explicit_bzero(mac, sizeof(mac));
	return err;
}
