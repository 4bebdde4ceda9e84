// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading one file without the kernel module: docs/format.md, "A file" and
 * "Size". The arithmetic is written down here once more, on purpose: a mistake
 * in the writer's shows when the two disagree.
 *
 * A file is read in one pass over what the lower file system says is data, so
 * that a length of exabytes costs nothing. Each authentic block is given on at
 * its place; what deviates from rule R1 is told along the way, and the size
 * comes out at the end by rule R2, which agrees with R1 where R1 holds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filedata.h"

#define BLOCK		4096ULL
#define HEADER		512ULL
#define UNIT_HEADER	32
#define RUN		64	/* blocks read at once */

static const struct {
	bool crash;
	const char *text;
} founds[WARD_FOUND_COUNT] = {
	[WARD_FOUND_NO_HEADER] = { true, "the file's header is missing" },
	[WARD_FOUND_HEADER] = { false, "the file's header does not authenticate" },
	[WARD_FOUND_FOREIGN] = { false, "the file belongs to another vault" },
	[WARD_FOUND_GENERATION] = { false, "the file's key is wrapped under another master key" },
	[WARD_FOUND_VERSION] = { false, "unknown format version or cipher suite" },
	[WARD_FOUND_LENGTH] = { true, "the file was cut or grown: no file has this length" },
	[WARD_FOUND_EMPTY] = { true, "the file was emptied, cut or grown" },
	[WARD_FOUND_MISSING] = { true, "data is missing" },
	[WARD_FOUND_SHAPE] = { true, "the file was cut or grown here, or an older block put back" },
	[WARD_FOUND_BLOCK] = { false, "torn or tampered: does not authenticate" },
	[WARD_FOUND_UNREADABLE] = { false, "cannot be read from the file system below" },
};

/**
 * ward_found_crash - can a crash alone have caused this
 * @what: what was found
 *
 * Return: true when in a vault that has not been checked since an unclean end
 * it is to be taken for the trace of a crash (or a cut), not for tampering.
 */
bool ward_found_crash(enum ward_found what)
{
	return founds[what].crash;
}

/**
 * ward_found_text - what was found, for people
 * @what: what was found
 *
 * Return: a fixed text.
 */
const char *ward_found_text(enum ward_found what)
{
	return founds[what].text;
}

static uint16_t get16(const uint8_t *b)
{
	return b[0] | b[1] << 8;
}

static uint32_t get32(const uint8_t *b)
{
	return get16(b) | (uint32_t)get16(b + 2) << 16;
}

static bool all_zero(const uint8_t *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

/* Payload bytes of block @k. */
static uint32_t capacity(uint64_t k)
{
	return (k ? BLOCK : BLOCK - HEADER) - UNIT_HEADER;
}

/* Where the payload of block @k stands in the file. */
static uint64_t start(uint64_t k)
{
	return k ? capacity(0) + (k - 1) * capacity(1) : 0;
}

/**
 * ward_filekey_open - authenticate a header and unwrap the file's key
 * @tree: an unlocked vault
 * @header: 512 bytes
 * @fk: filled; wiped on failure
 * @what: set when the result is -EBADMSG: what is wrong with it
 *
 * Return: 0, -EBADMSG when the header is not to be trusted, -ENOMEM, -EIO.
 */
int ward_filekey_open(const struct ward_tree *tree, const uint8_t header[WARD_HEADER_SIZE],
		      struct ward_filekey *fk, enum ward_found *what)
{
	const struct ward_file_header *h = (const void *)header;
	const struct ward_master *m = &tree->master;
	uint8_t ad[WARD_HEADER_AAD1 + WARD_HEADER_AAD2];
	int err;

	*what = WARD_FOUND_HEADER;
	if (all_zero(header, HEADER)) {
		*what = WARD_FOUND_NO_HEADER;
		return -EBADMSG;
	}
	if (memcmp(h->magic, WARD_FILE_MAGIC, sizeof(h->magic)))
		return -EBADMSG;
	fk->suite = get16((const uint8_t *)&h->suite);
	fk->flags = get32((const uint8_t *)&h->flags);
	if (get16((const uint8_t *)&h->version) != WARD_FORMAT_VERSION ||
	    (fk->suite != WARD_SUITE_AES_256_GCM && fk->suite != WARD_SUITE_CHACHA20_POLY1305)) {
		*what = WARD_FOUND_VERSION;
		return -EBADMSG;
	}
	if (memcmp(h->vault, m->uuid, sizeof(h->vault))) {
		*what = WARD_FOUND_FOREIGN;
		return -EBADMSG;
	}
	if (get32((const uint8_t *)&h->generation) != m->generation) {
		*what = WARD_FOUND_GENERATION;
		return -EBADMSG;
	}
	memcpy(ad, header, WARD_HEADER_AAD1);
	memcpy(ad + WARD_HEADER_AAD1, header + HEADER - WARD_HEADER_AAD2, WARD_HEADER_AAD2);
	err = ward_aead_open(fk->suite, tree->wrap, h->nonce, ad, sizeof(ad),
			     h->wrapped_key, sizeof(h->wrapped_key), fk->key, h->tag);
	if (!err && ((fk->flags & ~WARD_FILE_FLAGS) ||
		     !all_zero(h->reserved, sizeof(h->reserved))))
		err = -EBADMSG;
	if (err) {
		explicit_bzero(fk, sizeof(*fk));
		return err;
	}
	memcpy(fk->id, h->id, sizeof(fk->id));
	return 0;
}

/**
 * ward_filekey_xattrs - the keys of a file's user xattrs
 * @tree: an unlocked vault
 * @fk: the file's key
 * @keys: 64 bytes out: MAC key, encryption key
 *
 * Return: 0 or -EIO.
 */
int ward_filekey_xattrs(const struct ward_tree *tree, const struct ward_filekey *fk,
			uint8_t keys[WARD_SIV_KEYS_SIZE])
{
	return ward_hkdf(tree->master.uuid, fk->key, sizeof(fk->key), WARD_LABEL_XATTR,
			 fk->id, sizeof(fk->id), keys, WARD_SIV_KEYS_SIZE);
}

/* A file that is being read. */
struct reading {
	const struct ward_sink *sink;
	const struct ward_filekey *fk;
	int fd;
	uint64_t blocks;	/* n: whole blocks below */
	uint64_t tail;		/* r: bytes in use in the last one, by the lower length */
	bool tail_ok;		/* some settled file has this r */
	bool sparse;
	uint64_t next;		/* first block not yet accounted for */
	uint64_t last;		/* last block that exists; WARD_NO_BLOCK: none yet */
	uint32_t last_length;	/* bytes in use in it; 0 where it does not say */
	/* what was found and not yet told: it may go on in the next block */
	bool pending;
	enum ward_found what;
	uint64_t first_bad, last_bad;
};

static void tell(struct reading *r)
{
	if (r->pending)
		r->sink->found(r->sink->ctx, r->what, r->first_bad, r->last_bad);
	r->pending = false;
}

static void found(struct reading *r, enum ward_found what, uint64_t first, uint64_t last)
{
	if (r->pending && r->what == what && r->last_bad + 1 == first && first) {
		r->last_bad = last;
		return;
	}
	tell(r);
	r->pending = true;
	r->what = what;
	r->first_bad = first;
	r->last_bad = last;
}

/* Blocks up to @k, not with it, are not there: holes, or missing. */
static void skip_to(struct reading *r, uint64_t k)
{
	uint64_t first = r->next, last = k - 1;

	if (k <= first)
		return;
	r->next = k;
	if (!r->sparse) {
		found(r, WARD_FOUND_MISSING, first, last);
		return;
	}
	/* The first and the last block are always written. */
	if (!first)
		found(r, WARD_FOUND_MISSING, 0, 0);
	if (last == r->blocks - 1 && last)
		found(r, WARD_FOUND_MISSING, last, last);
}

/* Is an authentic block marked and filled as its place demands? */
static bool in_shape(const struct reading *r, uint64_t k, uint32_t length, uint16_t flags)
{
	if (k != r->blocks - 1)
		return !(flags & WARD_UNIT_LAST) && length == capacity(k);
	return flags & WARD_UNIT_LAST && (!r->tail_ok || length == r->tail);
}

static int take_block(struct reading *r, uint64_t k, uint8_t *block)
{
	const struct ward_unit_header *u = (const void *)(block + (k ? 0 : HEADER));
	uint32_t length = get16((const uint8_t *)&u->length);
	uint16_t flags = get16((const uint8_t *)&u->flags);
	uint8_t *payload = (uint8_t *)(u + 1);
	uint8_t aad[16] = { 0 };
	unsigned int i;
	int err;

	if (all_zero((const uint8_t *)u, UNIT_HEADER + capacity(k)))
		return 0;
	skip_to(r, k);
	r->next = k + 1;
	r->last = k;
	r->last_length = 0;
	aad[0] = WARD_FORMAT_VERSION;
	memcpy(aad + 2, &u->flags, 2);
	memcpy(aad + 4, &u->length, 2);
	for (i = 0; i < 8; i++)
		aad[8 + i] = k >> (8 * i);
	err = ward_aead_open(r->fk->suite, r->fk->key, u->nonce, aad, sizeof(aad),
			     payload, capacity(k), payload, u->tag);
	if (err && err != -EBADMSG)
		return err;
	if (err || !length || length > capacity(k) || (flags & ~WARD_UNIT_FLAGS)) {
		found(r, WARD_FOUND_BLOCK, k, k);
		return 0;
	}
	r->last_length = length;
	if (!in_shape(r, k, length, flags))
		found(r, WARD_FOUND_SHAPE, k, k);
	return r->sink->data(r->sink->ctx, start(k), payload, length);
}

/* Read blocks; what the lower file no longer has is zero. */
static int read_blocks(int fd, uint64_t first, unsigned int count, uint8_t *buf)
{
	size_t want = count * BLOCK, got = 0;

	while (got < want) {
		ssize_t n = pread(fd, buf + got, want - got, first * BLOCK + got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += n;
	}
	memset(buf + got, 0, want - got);
	return 0;
}

static int take_run(struct reading *r, uint64_t first, unsigned int count, uint8_t *buf)
{
	bool whole = !read_blocks(r->fd, first, count, buf);
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		/* Something in the run cannot be read: find out which block. */
		if (!whole && read_blocks(r->fd, first + i, 1, buf + i * BLOCK)) {
			skip_to(r, first + i);
			r->next = first + i + 1;
			r->last = first + i;
			r->last_length = 0;
			found(r, WARD_FOUND_UNREADABLE, first + i, first + i);
			continue;
		}
		err = take_block(r, first + i, buf + i * BLOCK);
		if (err)
			return err;
	}
	return 0;
}

/* Everything that the lower file system does not know to be a hole. */
static int take_data(struct reading *r)
{
	uint64_t k = 0, end;
	uint8_t *buf;
	off_t at;
	int err = 0;

	buf = malloc(RUN * BLOCK);
	if (!buf)
		return -ENOMEM;
	while (!err && k < r->blocks) {
		end = r->blocks;
		at = lseek(r->fd, k * BLOCK, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			break;
		if (at >= 0) {
			if ((uint64_t)at / BLOCK > k)
				k = at / BLOCK;
			at = lseek(r->fd, at, SEEK_HOLE);
			if (at > 0 && ((uint64_t)at + BLOCK - 1) / BLOCK < end)
				end = ((uint64_t)at + BLOCK - 1) / BLOCK;
		}
		if (end <= k)
			end = k + 1;
		while (!err && k < end && k < r->blocks) {
			unsigned int count = end - k < RUN ? end - k : RUN;

			err = take_run(r, k, count, buf);
			k += count;
		}
	}
	explicit_bzero(buf, RUN * BLOCK);
	free(buf);
	return err;
}

/* Where the file ends: rule R2. */
static uint64_t size_of(const struct reading *r)
{
	uint64_t m = r->last;
	uint32_t end;

	if (m == WARD_NO_BLOCK)
		return 0;
	if (r->sparse && r->tail && m != r->blocks - 1) {
		m = r->blocks - 1;
		return start(m) + (r->tail < capacity(m) ? r->tail : capacity(m));
	}
	/* A last block that does not authenticate counts as long as it could be. */
	end = r->last_length;
	if (!end)
		end = m == r->blocks - 1 && r->tail_ok ? r->tail : capacity(m);
	return start(m) + end;
}

static int read_header(int fd, uint8_t *header)
{
	size_t got = 0;

	memset(header, 0, HEADER);
	while (got < HEADER) {
		ssize_t n = pread(fd, header + got, HEADER - got, got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += n;
	}
	/* Part of a header is none: all of it or nothing was there. */
	if (got < HEADER)
		memset(header, 0, HEADER);
	return 0;
}

/**
 * ward_filedata_read - read a file
 * @tree: an unlocked vault
 * @fd: the lower file, open for reading
 * @sink: where data and findings go; holes are not given, nor what does not
 *	authenticate: a caller that writes a file extends it to @size
 * @fk: the file's key
 * @size: the file's size, bytes
 *
 * Data comes in ascending order and never past @size.
 *
 * Return: 0 also when something was found; -ENODATA when there is no key, so
 * no contents (why was found); -ENOMEM; -EIO; or what the sink returned.
 */
int ward_filedata_read(const struct ward_tree *tree, int fd, const struct ward_sink *sink,
		       struct ward_filekey *fk, uint64_t *size)
{
	struct reading r = { .sink = sink, .fk = fk, .fd = fd, .last = WARD_NO_BLOCK };
	uint8_t header[HEADER];
	enum ward_found what;
	uint64_t length;
	off_t end;
	int err;

	*size = 0;
	memset(fk, 0, sizeof(*fk));
	end = lseek(fd, 0, SEEK_END);
	if (end < 0 || read_header(fd, header)) {
		sink->found(sink->ctx, WARD_FOUND_UNREADABLE, WARD_NO_BLOCK, WARD_NO_BLOCK);
		return -ENODATA;
	}
	length = end;
	err = ward_filekey_open(tree, header, fk, &what);
	if (err == -EBADMSG) {
		sink->found(sink->ctx, what, WARD_NO_BLOCK, WARD_NO_BLOCK);
		return -ENODATA;
	}
	if (err)
		return err;
	r.blocks = length / BLOCK;
	r.sparse = fk->flags & WARD_FILE_SPARSE;
	/* The flag says that there are no blocks, or the length does. */
	if (!(fk->flags & WARD_FILE_EMPTY) != !!r.blocks || (!r.blocks && length != HEADER))
		sink->found(sink->ctx, WARD_FOUND_EMPTY, WARD_NO_BLOCK, WARD_NO_BLOCK);
	if (!r.blocks)
		return 0;
	r.tail = length % BLOCK;
	r.tail_ok = r.tail && r.tail <= capacity(r.blocks - 1);
	if (!r.tail_ok)
		sink->found(sink->ctx, WARD_FOUND_LENGTH, WARD_NO_BLOCK, WARD_NO_BLOCK);
	err = take_data(&r);
	if (err)
		goto wipe;
	skip_to(&r, r.blocks);
	tell(&r);
	*size = size_of(&r);
	return 0;
wipe:
	explicit_bzero(fk, sizeof(*fk));
	return err;
}
