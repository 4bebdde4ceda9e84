// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INI files, by inih. It cuts long lines and long section names without a word,
 * knows no line numbers and skips empty sections: the reader between it and the
 * text sees to all that.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "inifile.h"

#define LINE_ROOM	4096	/* with newline and NUL */
#define SECTION_MAX	49	/* what inih keeps of a section's name, and of a key's */

struct parse {
	const char *pos;
	const char *end;
	ward_ini_fn fn;
	void *arg;
	struct ward_err *err;
	int line;
	int ret;
};

/* Looks at a line that begins a section, before inih does. */
static int new_section(struct parse *p, const char *line, size_t len)
{
	const char *close = memchr(line, ']', len);
	char name[SECTION_MAX + 1];
	size_t n;

	if (!close)
		return ward_fail(p->err, EINVAL, WARD_FAILED,
				 "line %d: the section's name has no closing bracket", p->line);
	n = close - line - 1;
	if (!n || n > SECTION_MAX)
		return ward_fail(p->err, EINVAL, WARD_FAILED,
				 "line %d: a section's name may have 1 to %d bytes", p->line,
				 SECTION_MAX);
	memcpy(name, line + 1, n);
	name[n] = '\0';
	return p->fn(p->arg, name, NULL, NULL, p->line);
}

static int look_at_line(struct parse *p, const char *line, size_t len, size_t room)
{
	size_t key;

	if (len + 1 > room)
		return ward_fail(p->err, EINVAL, WARD_FAILED,
				 "line %d is too long: go on in a further line that begins with a space",
				 p->line);
	if (memchr(line, '\0', len))
		return ward_fail(p->err, EINVAL, WARD_FAILED, "line %d has a NUL byte in it",
				 p->line);
	key = strspn(line, " \t");
	if (key < len && line[key] == '[') {
		if (key)
			return ward_fail(p->err, EINVAL, WARD_FAILED,
					 "line %d: a section begins at the line's beginning",
					 p->line);
		return new_section(p, line, len);
	}
	if (!key && memchr("#;", line[0], 2) == NULL && strcspn(line, "=:\n") > SECTION_MAX)
		return ward_fail(p->err, EINVAL, WARD_FAILED, "line %d: the word before \"=\" is too long",
				 p->line);
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
	p->line++;
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
		p->ret = ward_fail(p->err, EINVAL, WARD_FAILED,
				   "line %d: \"%s\" stands before the first [section]", p->line,
				   name);
	else
		p->ret = p->fn(p->arg, section, name, value ? value : "", p->line);
	return 1;
}

/**
 * ward_ini_parse - go through the text of an INI file
 * @text: the text, with a NUL behind it
 * @len: bytes
 * @fn: called for each section's beginning, then for each of its entries
 * @arg: for @fn
 * @err: says what is wrong, with the line
 *
 * Return: 0; what @fn returned; -EINVAL for a line that is none.
 */
int ward_ini_parse(const char *text, size_t len, ward_ini_fn fn, void *arg,
		   struct ward_err *err)
{
	struct parse p = {
		.pos = text, .end = text + len, .fn = fn, .arg = arg, .err = err,
	};
	int line;

	ini_use_stack = false;
	ini_initial_alloc = LINE_ROOM;
	ini_max_line = LINE_ROOM;
	ini_stop_on_first_error = true;
	line = ini_parse_stream(next_line, &p, entry, &p);
	if (p.ret)
		return p.ret;
	if (line > 0)
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "line %d is neither \"[section]\" nor \"key = value\"", line);
	if (line < 0)
		return ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
	return 0;
}

/**
 * ward_ini_list - go through a value that is a list with commas
 * @value: the value
 * @fn: called with each item, without white space around it
 * @arg: for @fn
 *
 * Return: 0; what @fn returned when not 0; -ENOMEM.
 */
int ward_ini_list(const char *value, int (*fn)(void *arg, char *item), void *arg)
{
	char *copy = strdup(value), *next, *item;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	for (next = copy; !ret && (item = strsep(&next, ","));) {
		char *end;

		item += strspn(item, " \t\r");
		end = item + strlen(item);
		while (end > item && strchr(" \t\r", end[-1]))
			*--end = '\0';
		if (*item)
			ret = fn(arg, item);
	}
	free(copy);
	return ret;
}
