/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INI files, with nothing in them overlooked. */
#ifndef WARD_INIFILE_H
#define WARD_INIFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define WARD_INI_MAX	(1 << 20)	/* largest file, bytes */

#define WARD_INI_PLACE	256	/* room for where something stands, bytes */

/**
 * struct ward_ini_at - where an entry stands
 * @file: name of the file, or NULL
 * @line: from 1
 * @key_column: where the key begins, or what goes on with the value; bytes from 1
 * @column: where the value begins
 * @goes_on: the value goes on from the call before
 */
struct ward_ini_at {
	const char *file;
	unsigned int line;
	unsigned int key_column;
	unsigned int column;
	bool goes_on;
};

/**
 * typedef ward_ini_fn - told of what is in an INI file, in order
 * @arg: the caller's
 * @section: the section
 * @key: NULL at the section's beginning
 * @value: of the key; a value over several lines comes in several calls
 * @at: where it stands
 *
 * Return: 0 to go on; else parsing ends with what was returned.
 */
typedef int (*ward_ini_fn)(void *arg, const char *section, const char *key,
			   const char *value, const struct ward_ini_at *at);

int ward_ini_parse(const char *text, size_t len, const char *file, ward_ini_fn fn, void *arg,
		   struct ward_err *err);
int ward_ini_list(const char *value, int (*fn)(void *arg, char *item, size_t at), void *arg);
const char *ward_ini_place(const struct ward_ini_at *at, unsigned int column,
			   char place[WARD_INI_PLACE]);

#endif
