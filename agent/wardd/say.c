// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon has to say of itself: on standard error, where systemd picks it up. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "../lib/text.h"
#include "wardd.h"

/**
 * wardd_say - say something to whoever runs the machine
 * @priority: LOG_*
 * @fmt: what; no newline; it is escaped
 */
void wardd_say(int priority, const char *fmt, ...)
{
	char text[2048], *escaped;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	escaped = ward_text_escape(text, strlen(text));
	/* Into the journal the priority goes as a prefix, see sd-daemon(3). */
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priority, escaped ? escaped : "not enough memory");
	else
		fprintf(stderr, "wardd: %s\n", escaped ? escaped : "not enough memory");
	free(escaped);
}

/**
 * wardd_say_err - say what the library has to say
 * @priority: LOG_*
 * @err: what
 */
void wardd_say_err(int priority, const struct ward_err *err)
{
	size_t i;

	if (err->text[0])
		wardd_say(priority, "%s", err->text);
	for (i = 0; i < err->count; i++)
		wardd_say(priority, "%s", err->notes[i]);
}
