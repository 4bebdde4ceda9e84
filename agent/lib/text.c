// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes as text for people. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypt.h"
#include "text.h"

static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * ward_text_printable - is there a character that a terminal may be shown
 * @s: bytes
 * @len: how many, at least 1
 *
 * Nothing overlong, no surrogates, no controls, nothing that turns the direction of writing
 * or cannot be seen; and no backslash, which begins what is escaped.
 *
 * Return: the length of the UTF-8 character at @s, or 0.
 */
size_t ward_text_printable(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t n, i;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f && s[0] != '\\';
	n = s[0] >= 0xf0 && s[0] < 0xf8 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	if (!n || s[0] >= 0xf8 || n > len)
		return 0;
	c = s[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	if (c < 0xa0 || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xe0000 && c < 0xe0100) || (c >= 0xfff9 && c <= 0xfffb))
		return 0;
	return n;
}

/**
 * ward_text_escape - make bytes fit to be shown on a terminal
 * @s: any bytes
 * @len: how many
 *
 * Whatever is not a visible UTF-8 character becomes \xNN, a backslash \\.
 *
 * Return: a string for free(), or NULL without memory.
 */
char *ward_text_escape(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	char *out = malloc(4 * len + 1);
	size_t i = 0, o = 0, n;

	if (!out)
		return NULL;
	while (i < len) {
		n = ward_text_printable(p + i, len - i);
		if (n) {
			memcpy(out + o, p + i, n);
			o += n;
			i += n;
		} else if (p[i] == '\\') {
			out[o++] = '\\';
			out[o++] = '\\';
			i++;
		} else {
			o += sprintf(out + o, "\\x%02x", p[i]);
			i++;
		}
	}
	out[o] = '\0';
	return out;
}

/**
 * ward_text_uuid - write a UUID as text (RFC 9562)
 * @uuid: 16 bytes
 * @out: 37 bytes
 */
void ward_text_uuid(const uint8_t uuid[16], char out[WARD_UUID_TEXT])
{
	int i, o = 0;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[o++] = '-';
		o += sprintf(out + o, "%02x", uuid[i]);
	}
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/**
 * ward_text_parse_uuid - read a UUID
 * @s: 36 characters
 * @uuid: 16 bytes out
 *
 * Return: 0 or -EINVAL.
 */
int ward_text_parse_uuid(const char *s, uint8_t uuid[16])
{
	uint8_t out[16];
	int i;

	if (strlen(s) != 36)
		return -EINVAL;
	for (i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return -EINVAL;
		if (hex(s[0]) < 0 || hex(s[1]) < 0)
			return -EINVAL;
		out[i] = hex(s[0]) << 4 | hex(s[1]);
		s += 2;
	}
	memcpy(uuid, out, sizeof(out));
	return 0;
}

/**
 * ward_text_size - write a size in bytes for people
 * @bytes: the size
 * @out: where to
 * @size: room there, bytes
 */
void ward_text_size(uint64_t bytes, char *out, size_t size)
{
	static const char * const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = bytes;
	unsigned int i = 0;

	while (value >= 1024 && i < 6) {
		value /= 1024;
		i++;
	}
	if (i)
		snprintf(out, size, "%.1f %s", value, units[i]);
	else
		snprintf(out, size, "%" PRIu64 " %s", bytes, units[0]);
}

/**
 * ward_text_base64 - write bytes as base64 (RFC 4648 section 4, with padding)
 * @data: the bytes
 * @len: how many
 *
 * Return: a string for free(), or NULL without memory.
 */
char *ward_text_base64(const void *data, size_t len)
{
	const uint8_t *p = data;
	char *out = malloc((len + 2) / 3 * 4 + 1);
	size_t i, o = 0;

	if (!out)
		return NULL;
	for (i = 0; i < len; i += 3) {
		uint32_t v = p[i] << 16;

		if (i + 1 < len)
			v |= p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		out[o++] = base64_digits[v >> 18];
		out[o++] = base64_digits[v >> 12 & 63];
		out[o++] = i + 1 < len ? base64_digits[v >> 6 & 63] : '=';
		out[o++] = i + 2 < len ? base64_digits[v & 63] : '=';
	}
	out[o] = '\0';
	return out;
}

/**
 * ward_text_parse_base64 - read base64 (RFC 4648 section 4, with padding)
 * @s: the text
 * @data: set to the bytes, for free()
 * @len: set to how many
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ward_text_parse_base64(const char *s, void **data, size_t *len)
{
	size_t n = strlen(s), i, o = 0;
	uint8_t *out;

	if (n % 4)
		return -EINVAL;
	out = malloc(n / 4 * 3 + 1);
	if (!out)
		return -ENOMEM;
	for (i = 0; i < n; i += 4) {
		int pad = i + 4 == n ? (s[n - 1] == '=') + (s[n - 1] == '=' && s[n - 2] == '=') : 0;
		uint32_t v = 0;
		int k;

		for (k = 0; k < 4 - pad; k++) {
			const char *d = s[i + k] ? strchr(base64_digits, s[i + k]) : NULL;

			if (!d) {
				free(out);
				return -EINVAL;
			}
			v |= (uint32_t)(d - base64_digits) << (18 - 6 * k);
		}
		for (k = 0; k < 3 - pad; k++)
			out[o++] = v >> (16 - 8 * k);
	}
	*data = out;
	*len = o;
	return 0;
}

/**
 * ward_text_recovery - write a recovery key as people keep it
 * @key: 32 bytes
 * @out: 14 groups of 4 characters: docs/format.md, "Vault file"
 *
 * Return: 0 or a negative errno.
 */
int ward_text_recovery(const uint8_t key[WARD_RECOVERY_SIZE], char out[WARD_RECOVERY_TEXT])
{
	uint8_t bytes[WARD_RECOVERY_SIZE + 3], digest[32];
	unsigned int bit, o = 0, n = 0;
	int ret = ward_sha256(key, WARD_RECOVERY_SIZE, digest);

	if (ret)
		return ret;
	memcpy(bytes, key, WARD_RECOVERY_SIZE);
	memcpy(bytes + WARD_RECOVERY_SIZE, digest, 3);
	for (bit = 0; bit < sizeof(bytes) * 8; bit += 5) {
		unsigned int v = bytes[bit / 8] << 8;

		if (bit / 8 + 1 < sizeof(bytes))
			v |= bytes[bit / 8 + 1];
		if (n && n % 4 == 0)
			out[o++] = '-';
		out[o++] = base32_digits[v >> (11 - bit % 8) & 31];
		n++;
	}
	out[o] = '\0';
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(digest, sizeof(digest));
	return 0;
}

/**
 * ward_text_parse_recovery - read a recovery key as people type it
 * @s: the text; dashes and white space are ignored, small letters are taken as large ones
 * @len: bytes of text
 * @key: 32 bytes out
 *
 * Return: 0; -EINVAL when it is no recovery key; -EBADMSG when its checksum
 * says that something is mistyped.
 */
int ward_text_parse_recovery(const char *s, size_t len, uint8_t key[WARD_RECOVERY_SIZE])
{
	uint8_t bytes[WARD_RECOVERY_SIZE + 3] = { 0 }, digest[32];
	size_t i, bit = 0;
	int ret = -EINVAL;

	for (i = 0; i < len; i++) {
		const char *d;
		unsigned int v;

		if (s[i] == '-' || isspace((unsigned char)s[i]))
			continue;
		d = s[i] ? strchr(base32_digits, toupper((unsigned char)s[i])) : NULL;
		if (!d || bit >= sizeof(bytes) * 8)
			goto wipe;
		v = (d - base32_digits) << (11 - bit % 8);
		bytes[bit / 8] |= v >> 8;
		if (bit / 8 + 1 < sizeof(bytes))
			bytes[bit / 8 + 1] |= v;
		bit += 5;
	}
	if (bit != sizeof(bytes) * 8)
		goto wipe;
	ret = ward_sha256(bytes, WARD_RECOVERY_SIZE, digest);
	if (!ret && memcmp(bytes + WARD_RECOVERY_SIZE, digest, 3))
		ret = -EBADMSG;
	if (!ret)
		memcpy(key, bytes, WARD_RECOVERY_SIZE);
wipe:
	explicit_bzero(bytes, sizeof(bytes));
	return ret;
}

/**
 * ward_text_name_ok - can this be the name of a vault
 * @name: the name
 *
 * Return: true when it is [a-z0-9][a-z0-9._-]{0,62}.
 */
bool ward_text_name_ok(const char *name)
{
	size_t i, len = strlen(name);

	if (!len || len > 63)
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			continue;
		if (!i || !strchr("._-", c))
			return false;
	}
	return true;
}
