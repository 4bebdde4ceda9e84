// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading names, symlink targets and user xattrs as they lie below. What is
 * read is hostile; what comes out was sealed by somebody who had the key.
 */
#include <errno.h>
#include <string.h>

#include "name.h"

/* Most bytes that a lower symlink's target can stand for. */
#define RAW_MAX		WARD_B64_BYTES(WARD_LTARGET_MAX)

/**
 * ward_lname_kind - what an entry of a lower directory is, by its name
 * @lower: the lower name
 *
 * Return: the kind; nothing has been authenticated.
 */
enum ward_lname ward_lname_kind(const char *lower)
{
	if (!strncmp(lower, WARD_HIDDEN_PREFIX, strlen(WARD_HIDDEN_PREFIX)))
		return WARD_LNAME_HIDDEN;
	return lower[0] == WARD_DIGEST_MARK ? WARD_LNAME_DIGEST : WARD_LNAME_INLINE;
}

/**
 * ward_lname_hidden - where the full form of a long name lies
 * @lower: a lower name of the kind WARD_LNAME_DIGEST
 * @hidden: name of the hidden symlink in the same directory
 *
 * Return: 0, or -EBADMSG when this is not a digest.
 */
int ward_lname_hidden(const char *lower, char hidden[WARD_HIDDEN_SIZE])
{
	uint8_t digest[WARD_B64_BYTES(WARD_DIGEST_LEN)];

	if (strlen(lower) != 1 + WARD_DIGEST_LEN ||
	    ward_b64_decode(lower + 1, WARD_DIGEST_LEN, digest) != WARD_DIGEST_SIZE)
		return -EBADMSG;
	memcpy(hidden, WARD_LONG_PREFIX, strlen(WARD_LONG_PREFIX));
	memcpy(hidden + strlen(WARD_LONG_PREFIX), lower + 1, WARD_DIGEST_LEN + 1);
	return 0;
}

/* The digest in a lower name speaks for exactly this sealed name. */
static int check_digest(const char *lower, const uint8_t *sealed, size_t len)
{
	uint8_t want[WARD_B64_BYTES(WARD_DIGEST_LEN)], digest[WARD_DIGEST_SIZE];
	int err;

	if (strlen(lower) != 1 + WARD_DIGEST_LEN ||
	    ward_b64_decode(lower + 1, WARD_DIGEST_LEN, want) != WARD_DIGEST_SIZE)
		return -EBADMSG;
	err = ward_sha256(sealed, len, digest);
	if (err)
		return err;
	return memcmp(want, digest, sizeof(digest)) ? -EBADMSG : 0;
}

/**
 * ward_name_open - the name that a lower name stands for
 * @keys: name keys of the directory
 * @lower: lower name, not of the kind WARD_LNAME_HIDDEN
 * @full: target of the hidden symlink of a long name; NULL for others
 * @name: the name, NUL-terminated; wiped on failure
 *
 * A name that fits is refused under a digest, so that each name has one lower
 * name only.
 *
 * Return: length of the name, -EBADMSG when it does not authenticate or nobody
 * can have written it, -ENOMEM, -EIO.
 */
int ward_name_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], const char *lower, const char *full,
		   char name[WARD_NAME_MAX + 1])
{
	const char *sealed64 = full ? full : lower;
	uint8_t sealed[WARD_B64_BYTES(WARD_NAME_B64_MAX) + 1], text[sizeof(sealed)];
	size_t len = strlen(sealed64);
	int n, err;

	if (len > WARD_NAME_B64_MAX)
		return -EBADMSG;
	n = ward_b64_decode(sealed64, len, sealed);
	if (n < WARD_IV_SIZE)
		return -EBADMSG;
	if (full) {
		err = check_digest(lower, sealed, n);
		if (err)
			return err;
	}
	err = ward_siv_open(keys, WARD_SIV_NAME, NULL, 0, sealed, n, text);
	if (err)
		return err;
	n = ward_name_unpad(text, n - WARD_IV_SIZE);
	if (n < 0 || (n > WARD_NAME_INLINE_MAX) != !!full) {
		n = -EBADMSG;
	} else {
		memcpy(name, text, n);
		name[n] = 0;
	}
	explicit_bzero(text, sizeof(text));
	return n;
}

/**
 * ward_dirid_open - the id in the target of a directory's hidden symlink
 * @lower: the target
 * @id: 16 bytes out
 *
 * Return: 0 or -EBADMSG.
 */
int ward_dirid_open(const char *lower, uint8_t id[WARD_ID_SIZE])
{
	if (strlen(lower) != WARD_DIRID_LEN ||
	    ward_b64_decode(lower, WARD_DIRID_LEN, id) != WARD_ID_SIZE)
		return -EBADMSG;
	return 0;
}

/**
 * ward_target_open - the target that a lower symlink stands for
 * @uuid: the vault's
 * @links: links key
 * @lower: target of the lower symlink
 * @target: the target, NUL-terminated; untouched or wiped on failure
 *
 * Return: its length, -EBADMSG when it does not authenticate, -ENOMEM, -EIO.
 */
int ward_target_open(const uint8_t uuid[WARD_UUID_SIZE], const uint8_t links[WARD_KEY_SIZE],
		     const char *lower, char target[WARD_TARGET_MAX + 1])
{
	uint8_t raw[RAW_MAX + 1], text[RAW_MAX + 1], keys[WARD_SIV_KEYS_SIZE];
	size_t len = strlen(lower);
	int n, err;

	if (len > WARD_LTARGET_MAX)
		return -EBADMSG;
	n = ward_b64_decode(lower, len, raw);
	if (n < WARD_ID_SIZE + WARD_IV_SIZE)
		return -EBADMSG;
	err = ward_hkdf(uuid, links, WARD_KEY_SIZE, WARD_LABEL_SYMLINK, raw, WARD_ID_SIZE,
			keys, sizeof(keys));
	if (!err)
		err = ward_siv_open(keys, WARD_SIV_SYMLINK, NULL, 0, raw + WARD_ID_SIZE,
				    n - WARD_ID_SIZE, text);
	explicit_bzero(keys, sizeof(keys));
	if (err)
		return err;
	n = ward_unpad(text, n - WARD_ID_SIZE - WARD_IV_SIZE);
	if (n > WARD_TARGET_MAX)
		n = -EBADMSG;
	if (n > 0) {
		memcpy(target, text, n);
		target[n] = 0;
	}
	explicit_bzero(text, sizeof(text));
	return n;
}

/**
 * ward_xname_open - the name of a user xattr
 * @keys: xattr keys of the file or directory
 * @lower: the lower xattr's name, with WARD_XATTR_PREFIX
 * @name: what follows "user." above, NUL-terminated
 *
 * Return: its length, -EBADMSG when it does not authenticate, -ENOMEM, -EIO.
 */
int ward_xname_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], const char *lower,
		    char name[WARD_XNAME_MAX + 1])
{
	uint8_t sealed[256], text[256];
	size_t len = strlen(lower);
	int n, err;

	if (len <= strlen(WARD_XATTR_PREFIX) || len > WARD_LNAME_MAX ||
	    memcmp(lower, WARD_XATTR_PREFIX, strlen(WARD_XATTR_PREFIX)))
		return -EBADMSG;
	lower += strlen(WARD_XATTR_PREFIX);
	n = ward_b64_decode(lower, strlen(lower), sealed);
	if (n < WARD_IV_SIZE)
		return -EBADMSG;
	err = ward_siv_open(keys, WARD_SIV_XATTR_NAME, NULL, 0, sealed, n, text);
	if (err)
		return err;
	n = ward_unpad(text, n - WARD_IV_SIZE);
	if (n > WARD_XNAME_MAX)
		n = -EBADMSG;
	if (n > 0) {
		memcpy(name, text, n);
		name[n] = 0;
	}
	explicit_bzero(text, sizeof(text));
	return n;
}

/**
 * ward_xvalue_open - the value of a user xattr
 * @keys: xattr keys of the file or directory
 * @name: as ward_xname_open() gave it
 * @in: the lower value: synthetic IV, then ciphertext
 * @len: its bytes
 * @value: @len - 16 bytes; wiped on failure
 *
 * Return: bytes in @value, -EBADMSG when it does not authenticate, -EINVAL,
 * -ENOMEM, -EIO.
 */
int ward_xvalue_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], const char *name,
		     const uint8_t *in, size_t len, uint8_t *value)
{
	uint8_t ad[2 + WARD_PAD_LEN(WARD_XNAME_MAX)];
	unsigned int n, padded;
	int err;

	n = strlen(name);
	if (!n || n > WARD_XNAME_MAX)
		return -EINVAL;
	padded = ward_pad(name, n, ad + 2);
	ad[0] = padded;
	ad[1] = padded >> 8;
	err = ward_siv_open(keys, WARD_SIV_XATTR_VALUE, ad, 2 + padded, in, len, value);
	return err ? err : (int)(len - WARD_IV_SIZE);
}
