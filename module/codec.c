// SPDX-License-Identifier: GPL-2.0-only
/*
 * How names and targets are written down: base64url (RFC 4648 section 5) and
 * padding. Bytes only: also compiled in user space. Source: docs/format.md.
 */
#include "codec.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of a character, or -1. What is decoded is ciphertext: no secret. */
static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	if (c == '_')
		return 63;
	return -1;
}

/**
 * ward_b64_encode - bytes to base64url, without padding
 * @in: the bytes
 * @len: how many
 * @out: WARD_B64_LEN(@len) characters; no NUL is written
 *
 * Return: the number of characters.
 */
unsigned int ward_b64_encode(const u8 *in, unsigned int len, char *out)
{
	unsigned int i, bits = 0, n = 0;
	u32 acc = 0;

	for (i = 0; i < len; i++) {
		acc = acc << 8 | in[i];
		bits += 8;
		while (bits >= 6) {
			bits -= 6;
			out[n++] = alphabet[acc >> bits & 63];
		}
	}
	if (bits)
		out[n++] = alphabet[acc << (6 - bits) & 63];
	return n;
}

/**
 * ward_b64_decode - canonical base64url to bytes
 * @in: the characters
 * @len: how many
 * @out: WARD_B64_BYTES(@len) bytes
 *
 * Each string of bytes has one encoding only: padding, other characters, a
 * length that no encoding has, and unused bits that are set are refused.
 *
 * Return: the number of bytes, or -EBADMSG.
 */
int ward_b64_decode(const char *in, unsigned int len, u8 *out)
{
	unsigned int i, bits = 0, n = 0;
	u32 acc = 0;

	if (len % 4 == 1)
		return -EBADMSG;
	for (i = 0; i < len; i++) {
		int v = value(in[i]);

		if (v < 0)
			return -EBADMSG;
		acc = acc << 6 | v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = acc >> bits;
		}
	}
	if (acc & ((1U << bits) - 1))
		return -EBADMSG;
	return n;
}

/**
 * ward_pad - pad with zero bytes to a multiple of WARD_NAME_PAD
 * @in: the bytes
 * @len: how many
 * @out: WARD_PAD_LEN(@len) bytes
 *
 * Return: the padded length.
 */
unsigned int ward_pad(const void *in, unsigned int len, u8 *out)
{
	unsigned int padded = WARD_PAD_LEN(len);

	memcpy(out, in, len);
	memset(out + len, 0, padded - len);
	return padded;
}

/**
 * ward_unpad - undo ward_pad() for text without NUL
 * @text: the padded text
 * @len: its length, bytes
 *
 * Return: the length of the text, at least 1; -EBADMSG when the length is no
 * multiple of WARD_NAME_PAD, the padding is as long as that or longer, or a
 * NUL stands in the text.
 */
int ward_unpad(const u8 *text, unsigned int len)
{
	unsigned int n = len;

	if (!len || len % WARD_NAME_PAD)
		return -EBADMSG;
	while (n && !text[n - 1])
		n--;
	if (len - n >= WARD_NAME_PAD || memchr(text, 0, n))
		return -EBADMSG;
	return n;
}

/**
 * ward_name_unpad - undo ward_pad() for the name of a directory entry
 * @text: the padded name
 * @len: its length, bytes
 *
 * Return: the length of the name; -EBADMSG when ward_unpad() refuses it, or
 * when no directory entry can be called that.
 */
int ward_name_unpad(const u8 *text, unsigned int len)
{
	int n = ward_unpad(text, len);

	if (n < 0)
		return n;
	if (n > WARD_NAME_MAX || memchr(text, '/', n) ||
	    (n <= 2 && text[0] == '.' && text[n - 1] == '.'))
		return -EBADMSG;
	return n;
}
