// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon has to say of itself: on standard error, where systemd picks it up. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "../lib/text.h"
#include "wardd.h"

/* Once, and not at all where that would wait: a journald that hangs keeps nobody from recording. */
static void out(const char *text, int len)
{
	static unsigned int unsaid;
	char more[64];

	if (unsaid) {
		int n = snprintf(more, sizeof(more), "<%d>%u messages could not be said\n",
				 LOG_WARNING, unsaid);

		if (send(STDERR_FILENO, more, n, MSG_DONTWAIT | MSG_NOSIGNAL) == n)
			unsaid = 0;
	}
	if (send(STDERR_FILENO, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == len)
		return;
	if (errno == ENOTSOCK)
		fwrite(text, 1, len, stderr);
	else
		unsaid++;
}

/**
 * wardd_say - say something to whoever runs the machine
 * @priority: LOG_*
 * @fmt: what; no newline; it is escaped
 */
void wardd_say(int priority, const char *fmt, ...)
{
	char text[2048], *escaped, *line = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	escaped = ward_text_escape(text, strlen(text));
	/* Into the journal the priority goes as a prefix, see sd-daemon(3). */
	if (getenv("JOURNAL_STREAM"))
		len = asprintf(&line, "<%d>%s\n", priority, escaped ? escaped : "not enough memory");
	else
		len = asprintf(&line, "wardd: %s\n", escaped ? escaped : "not enough memory");
	if (len > 0)
		out(line, len);
	free(line);
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
