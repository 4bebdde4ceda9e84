/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contents of one file as it lies below: docs/format.md, "A file" and "Size". */
#ifndef WARD_FILEDATA_H
#define WARD_FILEDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree.h"

/* What can be wrong with a file. */
enum ward_found {
	WARD_FOUND_NO_HEADER,	/* no header, or zeros in its place */
	WARD_FOUND_HEADER,	/* the header does not authenticate */
	WARD_FOUND_FOREIGN,	/* the header is of another vault */
	WARD_FOUND_GENERATION,	/* the file's key is wrapped under another master key */
	WARD_FOUND_VERSION,	/* unknown version or suite */
	WARD_FOUND_LENGTH,	/* no settled file has this lower length */
	WARD_FOUND_EMPTY,	/* the flag "empty" and the lower length contradict each other */
	WARD_FOUND_MISSING,	/* blocks of zeros where there must be data */
	WARD_FOUND_SHAPE,	/* authentic, but short or marked last out of place */
	WARD_FOUND_BLOCK,	/* the blocks do not authenticate */
	WARD_FOUND_UNREADABLE,	/* the lower file system cannot read them */
	WARD_FOUND_COUNT
};

#define WARD_NO_BLOCK	UINT64_MAX

/**
 * struct ward_filekey - what a header gives up
 * @suite: WARD_SUITE_*
 * @flags: WARD_FILE_*
 * @id: the file's id
 * @key: the file's key
 */
struct ward_filekey {
	uint16_t suite;
	uint32_t flags;
	uint8_t id[WARD_ID_SIZE];
	uint8_t key[WARD_KEY_SIZE];
};

/**
 * struct ward_sink - where a file's contents go
 * @data: takes @len bytes of plaintext that stand at @pos; returns 0 or a
 *	negative errno, which ends the reading
 * @found: hears of something wrong with the blocks @first to @last
 *	(WARD_NO_BLOCK: with the file)
 * @ctx: for both
 */
struct ward_sink {
	int (*data)(void *ctx, uint64_t pos, const uint8_t *bytes, size_t len);
	void (*found)(void *ctx, enum ward_found what, uint64_t first, uint64_t last);
	void *ctx;
};

bool ward_found_crash(enum ward_found what);
const char *ward_found_text(enum ward_found what);
int ward_filekey_open(const struct ward_tree *tree, const uint8_t header[WARD_HEADER_SIZE],
		      struct ward_filekey *fk, enum ward_found *what);
int ward_filekey_xattrs(const struct ward_tree *tree, const struct ward_filekey *fk,
			uint8_t keys[WARD_SIV_KEYS_SIZE]);
int ward_filedata_read(const struct ward_tree *tree, int fd, const struct ward_sink *sink,
		       struct ward_filekey *fk, uint64_t *size);

#endif
