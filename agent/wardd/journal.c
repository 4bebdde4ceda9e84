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

/* Where in the source a message is from is of no use to anybody. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "wardd.h"

#define FIELDS		64
#define NAME_MOST	64	/* the longest name of a field that journald takes */

/**
 * struct sort - what the journal is told of a kind of records
 * @kind: "ward.kind"
 * @id: MESSAGE_ID; docs/events.md lists them, and they do not change
 * @priority: unless it is about a failure
 */
struct sort {
	const char *kind;
	const char *id;
	int priority;
};

static const struct sort sorts[] = {
	{ "violation",	"7c9dacd164fa47c3beef500454291c18", LOG_WARNING },
	{ "tamper",	"4301c959fd0f4853a7a79d598f15cf97", LOG_ERR },
	{ "key",	"4db19257d0534a0290c31cdda8b9fafc", LOG_INFO },
	{ "mount",	"ee65f197449649c38e6dbe2e50eeb31d", LOG_INFO },
	{ "policy",	"acf3a5f66ed54d6ba04bd52702817add", LOG_INFO },
	{ "audit",	"59a8daaa6b9346cbaba12f9662ac6378", LOG_INFO },
	{ "lost",	"3b4bc8e192a9497cae08db687eca532c", LOG_WARNING },
	{ "seal",	"69b891ca471b41b7ae8e54c26663d926", LOG_INFO },
};

static const struct sort *sort_of(json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "ward.kind"));
	size_t i;

	for (i = 0; kind && i < sizeof(sorts) / sizeof(*sorts); i++)
		if (!strcmp(kind, sorts[i].kind))
			return &sorts[i];
	return NULL;
}

static int priority(json_t *object, const struct sort *sort)
{
	const char *outcome = json_string_value(json_object_get(object, "event.outcome"));
	int priority = sort ? sort->priority : LOG_INFO;

	return priority > LOG_WARNING && outcome && !strcmp(outcome, "failure") ? LOG_WARNING :
	       priority;
}

/* "user.name" becomes WARD_USER_NAME, "ward.kind" WARD_KIND: names that journald takes. */
static void field_name(const char *key, char *out, size_t size)
{
	size_t n = strncmp(key, "ward.", 5) ? (size_t)snprintf(out, size, "WARD_") : 0;

	key += *key == '@';
	for (; *key && n + 1 < size; key++)
		out[n++] = isalnum((unsigned char)*key) ? toupper((unsigned char)*key) : '_';
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

/* Of a list each has a field of its own, all of one name: so the journal has it. */
static void put_value(struct iovec *fields, int *count, const char *name, json_t *value)
{
	json_t *each;
	size_t i;

	if (json_is_string(value))
		put(fields, count, "%s=%s", name, json_string_value(value));
	else if (json_is_integer(value))
		put(fields, count, "%s=%" JSON_INTEGER_FORMAT, name, json_integer_value(value));
	json_array_foreach(value, i, each)
		if (!json_is_array(each))
			put_value(fields, count, name, each);
}

/**
 * wardd_journal - hand a record to the journal
 * @object: the record
 *
 * Never fails: the journal is a copy, and may refuse, be full, or not be there.
 */
void wardd_journal(json_t *object)
{
	const struct sort *sort = sort_of(object);
	char name[NAME_MOST + 1], *text = ward_log_text(object);
	struct iovec fields[FIELDS];
	const char *key;
	json_t *value;
	int count = 0;

	put(fields, &count, "MESSAGE=%s", text ? text : "event");
	put(fields, &count, "PRIORITY=%d", priority(object, sort));
	put(fields, &count, "SYSLOG_IDENTIFIER=wardd");
	if (sort)
		put(fields, &count, "MESSAGE_ID=%s", sort->id);
	free(text);
	json_object_foreach(object, key, value) {
		field_name(key, name, sizeof(name));
		put_value(fields, &count, name, value);
	}
	sd_journal_sendv(fields, count);
	while (count)
		free(fields[--count].iov_base);
}
