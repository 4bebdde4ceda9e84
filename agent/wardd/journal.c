// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events in the systemd journal. Where there is none, nothing happens: the log file is
 * the record.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>

#include <systemd/sd-journal.h>

#include "wardd.h"

#define FIELDS	48

static int priority(const struct ward_event *event)
{
	switch (event->kind) {
	case WARD_KIND_TAMPER:
		return LOG_ERR;
	case WARD_KIND_VIOLATION:
	case WARD_KIND_LOST:
		return LOG_WARNING;
	default:
		return event->error ? LOG_WARNING : LOG_INFO;
	}
}

/* "user.name" becomes WARD_USER_NAME, "ward.kind" WARD_KIND: names that journald takes. */
static void field_name(const char *key, char *out, size_t size)
{
	size_t n = 0;

	if (strncmp(key, "ward.", 5))
		n = snprintf(out, size, "WARD_");
	for (; *key && n + 1 < size; key++)
		if (isalnum((unsigned char)*key) || n > 5)
			out[n++] = isalnum((unsigned char)*key) ? toupper((unsigned char)*key) :
				   '_';
	out[n] = '\0';
}

__attribute__((format(printf, 3, 4)))
static void put(struct iovec *fields, int *count, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	if (*count == FIELDS)
		return;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	fields[*count].iov_base = text;
	fields[*count].iov_len = len;
	++*count;
}

/**
 * wardd_journal - hand an event to the journal
 * @object: its record
 * @event: the event
 *
 * Never fails: the journal is a copy, and may refuse, be full, or not be there.
 */
void wardd_journal(json_t *object, const struct ward_event *event)
{
	struct iovec fields[FIELDS];
	char name[64], *text = ward_log_text(object);
	const char *key;
	json_t *value;
	int count = 0;

	put(fields, &count, "MESSAGE=%s", text ? text : "event");
	put(fields, &count, "PRIORITY=%d", priority(event));
	put(fields, &count, "SYSLOG_IDENTIFIER=wardd");
	free(text);
	json_object_foreach(object, key, value) {
		field_name(key, name, sizeof(name));
		if (json_is_string(value))
			put(fields, &count, "%s=%s", name, json_string_value(value));
		else if (json_is_integer(value))
			put(fields, &count, "%s=%" JSON_INTEGER_FORMAT, name,
			    json_integer_value(value));
	}
	sd_journal_sendv(fields, count);
	while (count)
		free(fields[--count].iov_base);
}
