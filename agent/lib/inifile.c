// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INI files, by inih. It cuts long lines and long section names without a word,
 * knows no line numbers and skips empty sections: the reader between it and the
 * text sees to all that.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "inifile.h"

#define LINE_ROOM	4096	/* with newline and NUL */
#define SECTION_MAX	49	/* what inih keeps of a section's name, and of a key's */

#define BLANKS		" \t\r\v\f"	/* with the newline, what inih takes for blank */

/**
 * struct parse - how far it has come
 * @pos: the next line
 * @end: of the text
 * @fn: the caller's
 * @arg: likewise
 * @err: likewise
 * @at: where it is
 * @keyed: a key of this section was met, so an indented line goes on with its value
 * @ret: what parsing ends with
 */
struct parse {
	const char *pos;
	const char *end;
	ward_ini_fn fn;
	void *arg;
	struct ward_err *err;
	struct ward_ini_at at;
	bool keyed;
	int ret;
};

#define fail(p, col, fmt, ...) ({						\
	char place_[WARD_INI_PLACE];						\
										\
	ward_fail((p)->err, EINVAL, WARD_FAILED, "%s: " fmt,			\
		  ward_ini_place(&(p)->at, col, place_), ##__VA_ARGS__);	\
})

/**
 * ward_ini_place - say where something stands
 * @at: the line
 * @column: in it, bytes from 1
 * @place: filled: FILE:LINE:COLUMN, or words when the file has no name
 *
 * Return: @place.
 */
const char *ward_ini_place(const struct ward_ini_at *at, unsigned int column,
			   char place[WARD_INI_PLACE])
{
	if (at->file)
		snprintf(place, WARD_INI_PLACE, "%.200s:%u:%u", at->file, at->line, column);
	else
		snprintf(place, WARD_INI_PLACE, "line %u, column %u", at->line, column);
	return place;
}

/* Looks at a line that begins a section, before inih does, which overlooks what follows. */
static int new_section(struct parse *p, const char *line, size_t len)
{
	const char *close = memchr(line, ']', len);
	char name[SECTION_MAX + 1];
	size_t n, rest;

	if (!close)
		return fail(p, 1, "the section's name has no closing bracket");
	n = close - line - 1;
	if (!n || n > SECTION_MAX)
		return fail(p, 1, "a section's name may have 1 to %d bytes", SECTION_MAX);
	for (rest = n + 2; rest < len && strchr(BLANKS "\n", line[rest]); rest++)
		;
	if (rest < len && !strchr("#;", line[rest]))
		return fail(p, (unsigned int)rest + 1,
			    "something follows the section's name: put it into a line of its own");
	memcpy(name, line + 1, n);
	name[n] = '\0';
	p->keyed = false;
	p->at.column = 1;
	p->at.key_column = 1;
	p->at.goes_on = false;
	return p->fn(p->arg, name, NULL, NULL, &p->at);
}

/* Where the key stands in a line, and its value; inih is about to tell of both. */
static void find_columns(struct parse *p, const char *line, size_t len, size_t first)
{
	size_t value = first;

	p->at.goes_on = p->keyed && first;
	if (!p->at.goes_on) {
		while (value < len && line[value] != '=' && line[value] != ':')
			value++;
		for (value++; value < len && strchr(BLANKS, line[value]); value++)
			;
	}
	p->at.key_column = first + 1;
	p->at.column = value + 1;
	p->keyed = true;
}

static int look_at_line(struct parse *p, const char *line, size_t len, size_t room)
{
	size_t first = 0;

	if (len + 1 > room)
		return fail(p, 1, "the line is too long: go on in a further line that begins with a space");
	if (memchr(line, '\0', len))
		return fail(p, (unsigned int)((const char *)memchr(line, '\0', len) - line) + 1,
			    "there is a NUL byte in the line");
	while (first < len && strchr(BLANKS "\n", line[first]))
		first++;
	if (first == len || strchr("#;", line[first]))
		return 0;
	if (line[first] == '[') {
		if (first)
			return fail(p, (unsigned int)first + 1,
				    "a section begins at the line's beginning");
		return new_section(p, line, len);
	}
	if (!first && strcspn(line, "=:\n") > SECTION_MAX)
		return fail(p, 1, "the word before \"=\" is too long");
	find_columns(p, line, len, first);
	return 0;
}

/* Gives inih its next line, as fgets() would. */
static char *next_line(char *buf, int room, void *stream)
{
	struct parse *p = stream;
	const char *newline;
	size_t len;

	if (p->ret || p->pos == p->end)
		return NULL;
	newline = memchr(p->pos, '\n', p->end - p->pos);
	len = newline ? newline + 1 - p->pos : p->end - p->pos;
	p->at.line++;
	p->ret = look_at_line(p, p->pos, len, room);
	if (p->ret)
		return NULL;
	memcpy(buf, p->pos, len);
	buf[len] = '\0';
	p->pos += len;
	return buf;
}

static int entry(void *user, const char *section, const char *name, const char *value)
{
	struct parse *p = user;

	if (p->ret)
		return 1;
	if (!*section)
		p->ret = fail(p, p->at.key_column, "\"%s\" stands before the first [section]", name);
	else
		p->ret = p->fn(p->arg, section, name, value ? value : "", &p->at);
	return 1;
}

/**
 * ward_ini_parse - go through the text of an INI file
 * @text: the text, with a NUL behind it
 * @len: bytes
 * @file: its name, for messages; NULL: they have the line alone
 * @fn: called for each section's beginning, then for each of its entries
 * @arg: for @fn
 * @err: says what is wrong, and where
 *
 * Return: 0; what @fn returned; -EINVAL for a line that is none.
 */
int ward_ini_parse(const char *text, size_t len, const char *file, ward_ini_fn fn, void *arg,
		   struct ward_err *err)
{
	struct parse p = {
		.pos = text, .end = text + len, .fn = fn, .arg = arg, .err = err,
		.at.file = file,
	};
	int line;

	/* inih would skip it, and so see a section where the line has not been looked at. */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		p.pos += 3;
	ini_use_stack = false;
	ini_initial_alloc = LINE_ROOM;
	ini_max_line = LINE_ROOM;
	ini_stop_on_first_error = true;
	line = ini_parse_stream(next_line, &p, entry, &p);
	if (p.ret)
		return p.ret;
	if (line > 0)
		return fail(&p, p.at.key_column,
			    "the line is neither \"[section]\" nor \"key = value\"");
	if (line < 0)
		return ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
	return 0;
}

/**
 * ward_ini_list - go through a value that is a list with commas
 * @value: the value
 * @fn: called with each item, without white space around it: "" between two commas, before
 *	the first and after the last one; and with where in @value it begins, bytes from 0
 * @arg: for @fn
 *
 * Return: 0; what @fn returned when not 0; -ENOMEM.
 */
int ward_ini_list(const char *value, int (*fn)(void *arg, char *item, size_t at), void *arg)
{
	char *copy = strdup(value), *next, *item;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	for (next = copy; !ret && (item = strsep(&next, ","));) {
		char *end;

		item += strspn(item, BLANKS);
		end = item + strlen(item);
		while (end > item && strchr(BLANKS, end[-1]))
			*--end = '\0';
		ret = fn(arg, item, item - copy);
	}
	free(copy);
	return ret;
}
