// SPDX-License-Identifier: GPL-2.0-or-later
/* Paths in a policy: how they are written in its text, and which can be named. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../module/rules.h"
#include "policyfile.h"
#include "text.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/**
 * ward_path_unescape - take a path out of a policy's text
 * @text: the path as written: \xHH stands for a byte, a backslash for nothing else
 * @err: says what is wrong
 *
 * Return: the path, for free(); NULL when it is none, or without memory.
 */
char *ward_path_unescape(const char *text, struct ward_err *err)
{
	char *path = malloc(strlen(text) + 1), *out = path;
	const char *p = text;

	if (!path) {
		ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
		return NULL;
	}
	while (*p) {
		int high, low;

		if (*p != '\\') {
			*out++ = *p++;
			continue;
		}
		high = p[1] == 'x' ? hex(p[2]) : -1;
		low = high >= 0 ? hex(p[3]) : -1;
		if (low < 0 || !(high | low)) {
			ward_fail(err, EINVAL, WARD_FAILED,
				  "a backslash in \"%s\" begins no \\xHH: write a byte in two hexadecimal digits, a backslash as \\x5c",
				  text);
			free(path);
			return NULL;
		}
		*out++ = high << 4 | low;
		p += 4;
	}
	*out = '\0';
	return path;
}

/**
 * ward_path_print - write a path so that ward_path_unescape() reads it
 * @path: the path
 * @f: where to
 */
void ward_path_print(const char *path, FILE *f)
{
	const unsigned char *p = (const unsigned char *)path;

	while (*p) {
		size_t n = ward_text_printable(p, strlen((const char *)p));
		bool edge = p[1] == '\0' || p == (const unsigned char *)path;

		/* What would end the item, the line or its beginning; and what upsets terminals. */
		if (!n || strchr(",;#\"", *p) || (*p == ' ' && edge)) {
			fprintf(f, "\\x%02x", *p++);
			continue;
		}
		fwrite(p, 1, n, f);
		p += n;
	}
}

/* Is it below the vault's directory as the machine has it? That is a mistake to be expected. */
static const char *inside(const char *path, const char *directory)
{
	size_t n = directory ? strlen(directory) : 0;

	while (n > 1 && directory[n - 1] == '/')
		n--;
	if (n < 2 || strncmp(path, directory, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n : "/";
}

/**
 * ward_path_parse - read a directory of the vault that a rule is about
 * @text: as written
 * @directory: the vault's directory on the machine, or NULL
 * @path: set to the path in its only spelling, for free()
 * @err: says what is wrong
 *
 * A slash at the end is dropped.
 *
 * Return: 0 or -EINVAL.
 */
int ward_path_parse(const char *text, const char *directory, char **path, struct ward_err *err)
{
	char *p = ward_path_unescape(text, err);
	const char *meant;
	size_t len;

	if (!p)
		return -EINVAL;
	len = strlen(p);
	while (len > 1 && p[len - 1] == '/')
		p[--len] = '\0';
	meant = inside(p, directory);
	if (!meant && ward_path_ok((const uint8_t *)p, len) >= 0) {
		*path = p;
		return 0;
	}
	if (meant)
		ward_fail(err, EINVAL, WARD_FAILED,
			  "paths begin at the vault's top, not at the machine's: write \"%s\"",
			  meant);
	else if (p[0] != '/')
		ward_fail(err, EINVAL, WARD_FAILED,
			  "a path begins with a slash, which is the vault's top: write \"/%s\"",
			  text);
	else
		ward_fail(err, EINVAL, WARD_FAILED,
			  "\"%s\" is no path of a directory: single slashes, no \".\" or \"..\", names of up to 255 bytes, at most %d of them",
			  text, WARD_PATH_DEPTH);
	free(p);
	return -EINVAL;
}
