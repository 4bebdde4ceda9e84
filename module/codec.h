/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How names and targets are written down: base64url and padding. Bytes only,
 * also compiled in user space; no cryptography. Source: docs/format.md, "SIV".
 */
#ifndef WARD_CODEC_H
#define WARD_CODEC_H

#include "bytes.h"

/* Characters of @n bytes in base64url without padding. */
#define WARD_B64_LEN(n)		(((n) * 8 + 5) / 6)
/* Bytes that at most @n characters of base64url stand for. */
#define WARD_B64_BYTES(n)	((n) * 6 / 8)

#define WARD_PAD_LEN(n)		(((n) + WARD_NAME_PAD - 1) / WARD_NAME_PAD * WARD_NAME_PAD)

#define WARD_NAME_MAX		255	/* longest upper name, bytes */
#define WARD_NAME_TEXT_MAX	WARD_PAD_LEN(WARD_NAME_MAX)
#define WARD_NAME_SIV_MAX	(WARD_IV_SIZE + WARD_NAME_TEXT_MAX)
#define WARD_NAME_B64_MAX	WARD_B64_LEN(WARD_NAME_SIV_MAX)
#define WARD_DIGEST_SIZE	32	/* SHA-256 of a long name's SIV */
#define WARD_DIGEST_LEN		WARD_B64_LEN(WARD_DIGEST_SIZE)
#define WARD_DIRID_LEN		WARD_B64_LEN(WARD_ID_SIZE)

#define WARD_LTARGET_MAX	4095	/* longest lower symlink target */
#define WARD_TARGET_MAX		3024	/* longest upper symlink target */
#define WARD_TARGET_RAW_MAX	(WARD_ID_SIZE + WARD_IV_SIZE + WARD_TARGET_MAX)

#define WARD_XNAME_MAX		160	/* longest user xattr name after "user." */

unsigned int ward_b64_encode(const u8 *in, unsigned int len, char *out);
int ward_b64_decode(const char *in, unsigned int len, u8 *out);
unsigned int ward_pad(const void *in, unsigned int len, u8 *out);
int ward_unpad(const u8 *text, unsigned int len);
int ward_name_unpad(const u8 *text, unsigned int len);

#endif
