/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which word somebody may have meant. */
#ifndef WARD_GUESS_H
#define WARD_GUESS_H

#include <stddef.h>

#define WARD_GUESS_MAX	63	/* longest word that is guessed, bytes */

/**
 * struct ward_guess - the word that is nearest to one that is wrong
 * @word: the one that is wrong
 * @best: the nearest so far; "" when none is near
 * @distance: mistakes between both; a word with more of them is not near
 */
struct ward_guess {
	const char *word;
	char best[WARD_GUESS_MAX + 1];
	unsigned int distance;
};

void ward_guess_begin(struct ward_guess *guess, const char *word);
void ward_guess_try(struct ward_guess *guess, const char *candidate);
const char *ward_guess_say(const struct ward_guess *guess, char *out, size_t size);

#endif
