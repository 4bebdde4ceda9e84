// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits of a rule as text: "200 files / 60 s, 500 MB / 1 h". */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policyfile.h"

/**
 * struct unit - a word and what it stands for
 * @word: the word
 * @what: WARD_BURST_*
 * @factor: of the number before it
 */
struct unit {
	const char *word;
	uint32_t what;
	uint64_t factor;
};

/* Those to be printed come first. */
static const struct unit units[] = {
	{ "files", WARD_BURST_FILES, 1 },
	{ "changes", WARD_BURST_CHANGES, 1 },
	{ "GB", WARD_BURST_BYTES, 1000000000 },
	{ "MB", WARD_BURST_BYTES, 1000000 },
	{ "KB", WARD_BURST_BYTES, 1000 },
	{ "GiB", WARD_BURST_BYTES, 1 << 30 },
	{ "MiB", WARD_BURST_BYTES, 1 << 20 },
	{ "KiB", WARD_BURST_BYTES, 1 << 10 },
	{ "bytes", WARD_BURST_BYTES, 1 },
	{ "file", WARD_BURST_FILES, 1 },
	{ "change", WARD_BURST_CHANGES, 1 },
};

static const struct unit times[] = {
	{ "d", 0, 86400 }, { "h", 0, 3600 }, { "min", 0, 60 }, { "s", 0, 1 },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* "200 files": a number, a word, and what follows. */
static const struct unit *take(const char **text, const struct unit *list, size_t count,
			       uint64_t *number)
{
	size_t len, i;
	char *end;

	*text += strspn(*text, " \t");
	if (!isdigit((unsigned char)**text))
		return NULL;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	if (errno)
		return NULL;
	end += strspn(end, " \t");
	for (len = 0; isalpha((unsigned char)end[len]); len++)
		;
	for (i = 0; i < count; i++)
		if (strlen(list[i].word) == len && !strncmp(list[i].word, end, len))
			break;
	if (i == count || (*number && list[i].factor > UINT64_MAX / *number))
		return NULL;
	*number *= list[i].factor;
	*text = end + len;
	*text += strspn(*text, " \t");
	return &list[i];
}

/**
 * ward_burst_add - add a limit to a condition
 * @cond: the condition, of type WARD_COND_BURST
 * @item: as in "200 files / 60 s"
 * @err: says what is wrong
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ward_burst_add(struct ward_policy_cond *cond, const char *item, struct ward_err *err)
{
	const struct unit *unit, *time = NULL;
	uint64_t most = 0, seconds = 0;
	struct ward_burst *more;
	const char *p = item;

	unit = take(&p, units, COUNT(units), &most);
	if (unit && *p == '/') {
		p++;
		time = take(&p, times, COUNT(times), &seconds);
	}
	if (!time || *p)
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "\"%s\" is no limit: write 200 files / 60 s, 500 MB / 1 h, or 50 changes / 10 min",
				 item);
	if (!most || most > (unit->what == WARD_BURST_BYTES ? INT64_MAX : WARD_BURST_FILES_MAX))
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "\"%s\": a limit is at least 1, and of files and changes at most %d",
				 item, WARD_BURST_FILES_MAX);
	if (!seconds || seconds > WARD_BURST_SECONDS_MAX)
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "\"%s\": the time is at least 1 s, and at most 31 d", item);
	if (cond->burst_count == WARD_BURST_ENTRIES)
		return ward_fail(err, EINVAL, WARD_FAILED, "a rule has at most %d limits",
				 WARD_BURST_ENTRIES);
	more = reallocarray(cond->bursts, cond->burst_count + 1, sizeof(*more));
	if (!more)
		return ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
	cond->bursts = more;
	more += cond->burst_count++;
	more->what = htole32(unit->what);
	more->seconds = htole32(seconds);
	more->most = htole64(most);
	return 0;
}

/* In the largest unit that divides it. */
static void print(uint64_t number, uint32_t what, const struct unit *list, size_t count, FILE *f)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].what == what && !(number % list[i].factor))
			break;
	if (i < count)
		fprintf(f, "%" PRIu64 " %s", number / list[i].factor, list[i].word);
}

/**
 * ward_burst_print_one - write a limit so that ward_burst_add() reads it
 * @b: the limit
 * @f: where to
 */
void ward_burst_print_one(const struct ward_burst *b, FILE *f)
{
	print(le64toh(b->most), le32toh(b->what), units, COUNT(units), f);
	fputs(" / ", f);
	print(le32toh(b->seconds), 0, times, COUNT(times), f);
}

/**
 * ward_burst_print - write limits so that ward_burst_add() reads them
 * @cond: the condition
 * @f: where to
 */
void ward_burst_print(const struct ward_policy_cond *cond, FILE *f)
{
	size_t i;

	for (i = 0; i < cond->burst_count; i++) {
		fputs(i ? ", " : "", f);
		ward_burst_print_one(&cond->bursts[i], f);
	}
}
