/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INI files, with nothing in them overlooked. */
#ifndef WARD_INIFILE_H
#define WARD_INIFILE_H

#include <stddef.h>

#include "err.h"

#define WARD_INI_MAX	(1 << 20)	/* largest file, bytes */

/**
 * typedef ward_ini_fn - told of what is in an INI file, in order
 * @arg: the caller's
 * @section: the section
 * @key: NULL at the section's beginning
 * @value: of the key; a value over several lines comes in several calls
 * @line: number of the line, from 1
 *
 * Return: 0 to go on; else parsing ends with what was returned.
 */
typedef int (*ward_ini_fn)(void *arg, const char *section, const char *key,
			   const char *value, int line);

int ward_ini_parse(const char *text, size_t len, ward_ini_fn fn, void *arg,
		   struct ward_err *err);
int ward_ini_list(const char *value, int (*fn)(void *arg, char *item), void *arg);

#endif
