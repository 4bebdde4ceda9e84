/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as text for people: escaping, UUIDs, base32, base64, sizes. */
#ifndef WARD_TEXT_H
#define WARD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARD_UUID_TEXT		37	/* with its NUL */
#define WARD_RECOVERY_TEXT	70	/* 14 groups of 4, 13 dashes, NUL */
#define WARD_RECOVERY_SIZE	32	/* bytes of a recovery key */

size_t ward_text_printable(const unsigned char *s, size_t len);
char *ward_text_escape(const char *s, size_t len);
void ward_text_uuid(const uint8_t uuid[16], char out[WARD_UUID_TEXT]);
int ward_text_parse_uuid(const char *s, uint8_t uuid[16]);
void ward_text_size(uint64_t bytes, char *out, size_t size);
char *ward_text_base64(const void *data, size_t len);
int ward_text_parse_base64(const char *s, void **data, size_t *len);
int ward_text_recovery(const uint8_t key[WARD_RECOVERY_SIZE], char out[WARD_RECOVERY_TEXT]);
int ward_text_parse_recovery(const char *s, size_t len, uint8_t key[WARD_RECOVERY_SIZE]);
bool ward_text_name_ok(const char *name);

#endif
