/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes for parsers to stand: the same in each run. What is changed lies in
 * memory that ends where it ends, so that the sanitizer sees one byte too far.
 */
#ifndef UNIT_MUTATE_H
#define UNIT_MUTATE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct mutate - a source of changes
 * @state: not zero
 */
struct mutate {
	uint32_t state;
};

static inline uint32_t mutate_draw(struct mutate *m, uint32_t below)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 17;
	m->state ^= m->state << 5;
	return below ? m->state % below : 0;
}

/**
 * mutate_copy - a changed copy
 * @m: source of changes
 * @bytes: what is copied
 * @len: its bytes; set to those of the copy
 *
 * One change to four: a bit, a byte, a piece left out, repeated or moved, a
 * cut. At times none.
 *
 * Return: for free(); one byte longer than @len, and that one is NUL.
 */
static inline uint8_t *mutate_copy(struct mutate *m, const void *bytes, size_t *len)
{
	unsigned int changes = mutate_draw(m, 16) ? 1 + mutate_draw(m, 4) : 0;
	size_t n = *len, at, to, piece;
	uint8_t *copy = malloc(2 * n + 64), *fit;

	if (!copy)
		abort();
	memcpy(copy, bytes, n);
	for (; changes && n; changes--) {
		at = mutate_draw(m, n);
		to = mutate_draw(m, n);
		piece = 1 + mutate_draw(m, n - at < 32 ? n - at : 32);
		switch (mutate_draw(m, 7)) {
		case 0:
			copy[at] ^= 1 << mutate_draw(m, 8);
			break;
		case 1:
			copy[at] = mutate_draw(m, 256);
			break;
		case 2:
			copy[at] = "\0\1\x7f\x80\xff /.=-\n"[mutate_draw(m, 11)];
			break;
		case 3:
			memmove(copy + at, copy + at + piece, n - at - piece);
			n -= piece;
			break;
		case 4:
			if (n + piece > 2 * *len + 32)
				break;
			memmove(copy + at + piece, copy + at, n - at);
			n += piece;
			break;
		case 5:
			if (to + piece <= n)
				memmove(copy + to, copy + at, piece);
			break;
		case 6:
			if (!mutate_draw(m, 4))
				n = at;
			break;
		}
	}
	fit = malloc(n + 1);
	if (!fit)
		abort();
	memcpy(fit, copy, n);
	fit[n] = 0;
	free(copy);
	*len = n;
	return fit;
}

#endif
