// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cryptography in process context: HMAC, HKDF, the SIV construction of names,
 * and the AEAD of a suite. All of it runs on the kernel's own primitives; how
 * they are put together is docs/format.md.
 */
#include <crypto/aead.h>
#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <crypto/skcipher.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "wardfs.h"
#include "codec.h"

/* Every algorithm that Ward uses. */
#define ALG_MAC		"hmac(sha256)"
#define ALG_KDF		"hmac(sha512)"
#define ALG_DIGEST	"sha256"
#define ALG_STREAM	"ctr(aes)"

static const struct {
	u16 suite;
	const char *alg;
} suites[] = {
	{ WARD_SUITE_AES_256_GCM,	"gcm(aes)" },
	{ WARD_SUITE_CHACHA20_POLY1305,	"rfc7539(chacha20,poly1305)" },
};

#define KDF_SIZE	64		/* SHA-512 */
#define SIV_CHUNK	PAGE_SIZE	/* bytes of text that a request takes */

/*
 * The crypto API wants addresses that a scatterlist can name: not the stack,
 * not vmalloc. Text of any length goes through this, a chunk at a time; the
 * counter runs on from one request to the next.
 */
struct siv_bounce {
	u8 iv[WARD_IV_SIZE];
	u8 text[];
};

/* Unkeyed, so one serves all. */
static struct crypto_shash *digest;

/*
 * What the crypto API does not find it calls ENOENT. All algorithms were there when the module
 * was loaded, but one whose parts were replaced since may have to be put together again, and that
 * can fail. Nobody is to take it for a missing entry or directory id.
 */
static int alloc_error(const void *tfm)
{
	return PTR_ERR(tfm) == -ENOENT ? -ENOPKG : PTR_ERR(tfm);
}

static int keyed_shash(const char *alg, const u8 *key, unsigned int len,
		       struct crypto_shash **out)
{
	struct crypto_shash *tfm = crypto_alloc_shash(alg, 0, 0);
	int err;

	if (IS_ERR(tfm))
		return alloc_error(tfm);
	err = crypto_shash_setkey(tfm, key, len);
	if (err) {
		crypto_free_shash(tfm);
		return err;
	}
	*out = tfm;
	return 0;
}

/**
 * wardfs_mac_alloc - make HMAC-SHA-256 under one key ready for use
 * @key: WARD_KEY_SIZE bytes
 * @mac: set on success, for wardfs_mac_free()
 *
 * Process context; may sleep.
 *
 * Return: 0, -ENOMEM, or what the crypto API says.
 */
int wardfs_mac_alloc(const u8 *key, struct crypto_shash **mac)
{
	return keyed_shash(ALG_MAC, key, WARD_KEY_SIZE, mac);
}

/**
 * wardfs_mac_free - free what wardfs_mac_alloc() made; the key is wiped
 * @mac: may be NULL
 */
void wardfs_mac_free(struct crypto_shash *mac)
{
	if (mac)
		crypto_free_shash(mac);
}

/**
 * wardfs_mac - HMAC-SHA-256 of a buffer, under a key that is ready
 * @mac: what wardfs_mac_alloc() made; several may use it at once
 * @data: what to authenticate; any kind of memory
 * @len: its length, bytes
 * @out: WARD_MAC_SIZE bytes out
 *
 * RFC 2104, RFC 6234. Does not sleep.
 *
 * Return: 0, or what the crypto API says.
 */
int wardfs_mac(struct crypto_shash *mac, const void *data, size_t len, u8 *out)
{
	return crypto_shash_tfm_digest(mac, data, len, out);
}

/**
 * wardfs_hmac_sha256 - HMAC-SHA-256 of a buffer
 * @key: WARD_KEY_SIZE bytes
 * @data: what to authenticate; any kind of memory
 * @len: its length, bytes
 * @mac: WARD_MAC_SIZE bytes out
 *
 * RFC 2104, RFC 6234. Process context; may sleep.
 *
 * Return: 0, -ENOMEM, or what the crypto API says.
 */
int wardfs_hmac_sha256(const u8 *key, const void *data, size_t len, u8 *mac)
{
	struct crypto_shash *tfm;
	int err = keyed_shash(ALG_MAC, key, WARD_KEY_SIZE, &tfm);

	if (err)
		return err;
	err = crypto_shash_tfm_digest(tfm, data, len, mac);
	crypto_free_shash(tfm);
	return err;
}

/**
 * wardfs_sha256 - SHA-256 of a buffer
 * @data: the bytes; any kind of memory
 * @len: how many
 * @out: WARD_DIGEST_SIZE bytes
 *
 * FIPS 180-4. Process context.
 *
 * Return: 0, or what the crypto API says.
 */
int wardfs_sha256(const void *data, size_t len, u8 *out)
{
	return crypto_shash_tfm_digest(digest, data, len, out);
}

/* One step of HKDF's expansion: T(i) = HMAC(prk, T(i-1) | label | id | i). */
static int hkdf_step(struct crypto_shash *prk, const u8 *last, const char *label,
		     const u8 *id, u8 i, u8 *out)
{
	SHASH_DESC_ON_STACK(desc, prk);
	int err;

	desc->tfm = prk;
	err = crypto_shash_init(desc);
	if (!err && last)
		err = crypto_shash_update(desc, last, KDF_SIZE);
	if (!err)
		err = crypto_shash_update(desc, label, strlen(label));
	if (!err && id)
		err = crypto_shash_update(desc, id, WARD_ID_SIZE);
	if (!err)
		err = crypto_shash_finup(desc, &i, 1, out);
	shash_desc_zero(desc);
	return err;
}

/**
 * wardfs_hkdf - HKDF-SHA-512: derive a key
 * @salt: the vault's UUID, WARD_UUID_SIZE bytes
 * @ikm: input key
 * @ikm_len: its length, bytes
 * @label: WARD_LABEL_*
 * @id: WARD_ID_SIZE bytes that stand after the label, or NULL
 * @out: the derived key; wiped on failure
 * @len: its length, bytes; at most 255 * 64
 *
 * RFC 5869, extract and expand. Process context; may sleep.
 *
 * Return: 0, -ENOMEM, or what the crypto API says.
 */
int wardfs_hkdf(const u8 *salt, const u8 *ikm, size_t ikm_len, const char *label,
		const u8 *id, u8 *out, size_t len)
{
	struct crypto_shash *tfm;
	u8 block[KDF_SIZE];
	size_t done = 0;
	u8 i = 1;
	int err;

	err = keyed_shash(ALG_KDF, salt, WARD_UUID_SIZE, &tfm);
	if (err)
		return err;
	err = crypto_shash_tfm_digest(tfm, ikm, ikm_len, block);
	if (!err)
		err = crypto_shash_setkey(tfm, block, sizeof(block));
	while (!err && done < len) {
		size_t n = min_t(size_t, len - done, KDF_SIZE);

		err = hkdf_step(tfm, i > 1 ? block : NULL, label, id, i, block);
		if (!err)
			memcpy(out + done, block, n);
		done += n;
		i++;
	}
	crypto_free_shash(tfm);
	memzero_explicit(block, sizeof(block));
	if (err)
		memzero_explicit(out, len);
	return err;
}

/**
 * wardfs_aead_alloc - the AEAD of a suite, keyed
 * @suite: WARD_SUITE_*
 * @key: WARD_KEY_SIZE bytes
 *
 * No mask is given: on the kernels where AES-GCM counts as asynchronous, a mask
 * would choose the slow implementation. So callers wait with crypto_wait_req().
 * Process context, not under reclaim; may sleep.
 *
 * Return: the transform, with 12-byte nonces and 16-byte tags, safe for
 * concurrent use; ERR_PTR(-EPROTONOSUPPORT) for a suite that is not known,
 * ERR_PTR of -ENOMEM, of -ENOPKG when the cipher cannot be had, or of what else the
 * crypto API says.
 */
struct crypto_aead *wardfs_aead_alloc(u16 suite, const u8 *key)
{
	struct crypto_aead *tfm = ERR_PTR(-EPROTONOSUPPORT);
	int i, err;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].suite == suite)
			tfm = crypto_alloc_aead(suites[i].alg, 0, 0);
	if (IS_ERR(tfm))
		return ERR_PTR(alloc_error(tfm));
	err = crypto_aead_setkey(tfm, key, WARD_KEY_SIZE);
	if (!err)
		err = crypto_aead_setauthsize(tfm, WARD_TAG_SIZE);
	if (!err && WARN_ON_ONCE(crypto_aead_ivsize(tfm) != WARD_NONCE_SIZE))
		err = -EINVAL;
	if (err) {
		crypto_free_aead(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

/**
 * wardfs_siv_alloc - make a pair of SIV keys ready for use
 * @keys: 2 * WARD_KEY_SIZE bytes: the MAC's key, the encryption's key
 *
 * Process context; may sleep.
 *
 * Return: the pair, for wardfs_siv_free(); ERR_PTR(-ENOMEM) or ERR_PTR of what
 * the crypto API says.
 */
struct wardfs_siv *wardfs_siv_alloc(const u8 *keys)
{
	struct wardfs_siv *siv = kzalloc(sizeof(*siv), GFP_KERNEL);
	int err;

	if (!siv)
		return ERR_PTR(-ENOMEM);
	err = keyed_shash(ALG_MAC, keys, WARD_KEY_SIZE, &siv->mac);
	if (err)
		goto fail;
	siv->enc = crypto_alloc_sync_skcipher(ALG_STREAM, 0, 0);
	if (IS_ERR(siv->enc)) {
		err = alloc_error(siv->enc);
		siv->enc = NULL;
		goto fail;
	}
	err = crypto_sync_skcipher_setkey(siv->enc, keys + WARD_KEY_SIZE, WARD_KEY_SIZE);
	if (err)
		goto fail;
	return siv;
fail:
	wardfs_siv_free(siv);
	return ERR_PTR(err);
}

/**
 * wardfs_siv_free - free what wardfs_siv_alloc() made; the keys are wiped
 * @siv: the pair; NULL and half-built ones are fine
 */
void wardfs_siv_free(struct wardfs_siv *siv)
{
	if (!siv)
		return;
	if (siv->enc)
		crypto_free_sync_skcipher(siv->enc);
	if (siv->mac)
		crypto_free_shash(siv->mac);
	kfree(siv);
}

static int siv_mac(const struct wardfs_siv *siv, u8 type, const void *ad, size_t ad_len,
		   const void *text, size_t len, u8 *iv)
{
	SHASH_DESC_ON_STACK(desc, siv->mac);
	u8 head[2] = { type, WARD_FORMAT_VERSION };
	u8 mac[WARD_MAC_SIZE];
	int err;

	desc->tfm = siv->mac;
	err = crypto_shash_init(desc);
	if (!err)
		err = crypto_shash_update(desc, head, sizeof(head));
	if (!err && ad_len)
		err = crypto_shash_update(desc, ad, ad_len);
	if (!err)
		err = crypto_shash_finup(desc, text, len, mac);
	shash_desc_zero(desc);
	if (!err)
		memcpy(iv, mac, WARD_IV_SIZE);
	memzero_explicit(mac, sizeof(mac));
	return err;
}

static struct siv_bounce *bounce_alloc(size_t len, const u8 *iv)
{
	struct siv_bounce *b;

	b = kmalloc(struct_size(b, text, min_t(size_t, len, SIV_CHUNK)), GFP_KERNEL);
	if (b)
		memcpy(b->iv, iv, sizeof(b->iv));
	return b;
}

/* AES-CTR from the counter in @b on, which is its own inverse. */
static int siv_crypt(const struct wardfs_siv *siv, struct siv_bounce *b,
		     const u8 *in, size_t len, u8 *out)
{
	SYNC_SKCIPHER_REQUEST_ON_STACK(req, siv->enc);
	struct scatterlist sg;
	size_t done, n;
	int err = 0;

	skcipher_request_set_sync_tfm(req, siv->enc);
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	for (done = 0; done < len && !err; done += n) {
		n = min_t(size_t, len - done, SIV_CHUNK);
		memcpy(b->text, in + done, n);
		sg_init_one(&sg, b->text, n);
		skcipher_request_set_crypt(req, &sg, &sg, n, b->iv);
		err = crypto_skcipher_encrypt(req);
		if (!err)
			memcpy(out + done, b->text, n);
	}
	skcipher_request_zero(req);
	return err;
}

/**
 * wardfs_siv_seal - deterministic authenticated encryption
 * @siv: the keys
 * @type: WARD_SIV_*
 * @ad: bytes that the MAC covers between the version and the text, or NULL
 * @ad_len: how many
 * @text: plaintext; any kind of memory
 * @len: its length, bytes
 * @out: WARD_IV_SIZE + @len bytes: synthetic IV, ciphertext; not @text's memory
 *
 * Process context; may sleep. docs/format.md, "SIV".
 *
 * Return: 0, -ENOMEM, or what the crypto API says; @out is wiped on failure.
 */
int wardfs_siv_seal(const struct wardfs_siv *siv, u8 type, const void *ad, size_t ad_len,
		    const void *text, size_t len, u8 *out)
{
	struct siv_bounce *b;
	int err;

	err = siv_mac(siv, type, ad, ad_len, text, len, out);
	if (err)
		goto out;
	b = bounce_alloc(len, out);
	if (!b) {
		err = -ENOMEM;
		goto out;
	}
	err = siv_crypt(siv, b, text, len, out + WARD_IV_SIZE);
	kfree_sensitive(b);
out:
	if (err)
		memset(out, 0, WARD_IV_SIZE + len);
	return err;
}

/**
 * wardfs_siv_open - undo wardfs_siv_seal()
 * @siv: the keys
 * @type: WARD_SIV_*
 * @ad: as when it was sealed
 * @ad_len: its length, bytes
 * @in: synthetic IV, ciphertext; any kind of memory
 * @len: its length, bytes
 * @text: @len - WARD_IV_SIZE bytes of plaintext out; not @in's memory
 *
 * Process context; may sleep.
 *
 * Return: 0; -EBADMSG when it does not authenticate; -ENOMEM, or what the
 * crypto API says. @text is wiped on failure.
 */
int wardfs_siv_open(const struct wardfs_siv *siv, u8 type, const void *ad, size_t ad_len,
		    const u8 *in, size_t len, void *text)
{
	struct siv_bounce *b;
	u8 iv[WARD_IV_SIZE];
	int err;

	if (len < WARD_IV_SIZE)
		return -EBADMSG;
	len -= WARD_IV_SIZE;
	b = bounce_alloc(len, in);
	if (!b)
		return -ENOMEM;
	err = siv_crypt(siv, b, in + WARD_IV_SIZE, len, text);
	kfree_sensitive(b);
	if (!err)
		err = siv_mac(siv, type, ad, ad_len, text, len, iv);
	if (!err && crypto_memneq(iv, in, WARD_IV_SIZE))
		err = -EBADMSG;
	if (err)
		memzero_explicit(text, len);
	return err;
}

/**
 * wardfs_crypto_init - see that every algorithm is there
 *
 * Loads the modules of the algorithms now, in a context that may, so that no
 * later allocation has to. Called once, at load.
 *
 * Return: 0, or -errno: then an algorithm is missing, and which is in the log.
 */
int wardfs_crypto_init(void)
{
	static const char * const hashes[] = { ALG_MAC, ALG_KDF };
	static const u8 key[2 * WARD_KEY_SIZE];
	struct crypto_aead *aead;
	struct wardfs_siv *siv;
	int i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (crypto_has_shash(hashes[i], 0, 0))
			continue;
		pr_err("wardfs: the kernel has no %s\n", hashes[i]);
		return -ENOPKG;
	}
	siv = wardfs_siv_alloc(key);
	if (IS_ERR(siv)) {
		pr_err("wardfs: the kernel has no %s, or no " ALG_STREAM "\n", ALG_MAC);
		return PTR_ERR(siv);
	}
	wardfs_siv_free(siv);
	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		aead = wardfs_aead_alloc(suites[i].suite, key);
		if (IS_ERR(aead)) {
			pr_err("wardfs: the kernel has no %s\n", suites[i].alg);
			return PTR_ERR(aead);
		}
		crypto_free_aead(aead);
	}
	digest = crypto_alloc_shash(ALG_DIGEST, 0, 0);
	if (IS_ERR(digest)) {
		pr_err("wardfs: the kernel has no " ALG_DIGEST "\n");
		return alloc_error(digest);
	}
	return 0;
}

/**
 * wardfs_crypto_exit - undo wardfs_crypto_init()
 */
void wardfs_crypto_exit(void)
{
	crypto_free_shash(digest);
}
