// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which word somebody may have meant: by the letters that are missing, too many, wrong, or
 * exchanged with their neighbour (optimal string alignment).
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "guess.h"

/* In how many letters two words differ, case aside; both have at most WARD_GUESS_MAX. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned char rows[3][WARD_GUESS_MAX + 1], *before = rows[0], *above = rows[1];
	unsigned char *row = rows[2], *spare;
	size_t n = strlen(a), m = strlen(b), i, k;

	for (k = 0; k <= m; k++)
		above[k] = k;
	for (i = 1; i <= n; i++) {
		row[0] = i;
		for (k = 1; k <= m; k++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[k - 1]);
			unsigned int least = above[k - 1] + (x != y);

			if (above[k] + 1U < least)
				least = above[k] + 1;
			if (row[k - 1] + 1U < least)
				least = row[k - 1] + 1;
			if (i > 1 && k > 1 && x == tolower((unsigned char)b[k - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) && before[k - 2] + 1U < least)
				least = before[k - 2] + 1;
			row[k] = least;
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[m];
}

/**
 * ward_guess_begin - look for words that are near to one
 * @guess: filled
 * @word: the one that is wrong; must live as long
 */
void ward_guess_begin(struct ward_guess *guess, const char *word)
{
	size_t len = strlen(word);

	guess->word = word;
	guess->best[0] = '\0';
	/* One mistake in three letters; what has more is another word. */
	guess->distance = len > WARD_GUESS_MAX ? 0 : (len + 2) / 3 + 1;
	if (guess->distance > 4)
		guess->distance = 4;
}

/**
 * ward_guess_try - may this have been meant
 * @guess: the search
 * @candidate: a word that is right
 */
void ward_guess_try(struct ward_guess *guess, const char *candidate)
{
	size_t len = strlen(candidate), most = len > 2 ? (len + 2) / 3 : 0;
	size_t given = strlen(guess->word);
	unsigned int d;

	if (!guess->distance || len > WARD_GUESS_MAX || !given)
		return;
	/* Each letter that is missing or too many is a mistake. */
	if ((given > len ? given - len : len - given) >= guess->distance)
		return;
	d = distance(guess->word, candidate);
	if (d >= guess->distance || d > most)
		return;
	guess->distance = d;
	strcpy(guess->best, candidate);
}

/**
 * ward_guess_say - put the guess into words
 * @guess: the search
 * @out: where to, for a message
 * @size: room there, bytes
 *
 * Return: @out: ", did you mean "X"?", or nothing.
 */
const char *ward_guess_say(const struct ward_guess *guess, char *out, size_t size)
{
	if (guess->best[0])
		snprintf(out, size, ", did you mean \"%s\"?", guess->best);
	else
		*out = '\0';
	return out;
}
