// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events in the systemd journal. Where there is none, nothing happens: the log file is
 * the record.
 *
 * A journald that hangs keeps whoever writes to it waiting, without end. So a thread of its own
 * does that, and what waits for it is bounded: what does not fit is left out of the journal, and
 * that is told there as soon as something can be.
 */
#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>

/* Where in the source a message is from is of no use to anybody. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "wardd.h"

#define WAIT_MOST	1024		/* records that wait for the journal */
#define WAIT_BYTES	(4 << 20)	/* and the bytes of them */
#define END_WAIT	2		/* seconds for what waits when wardd ends */
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

/* ---- the thread ---------------------------------------------------------------------- */

/**
 * struct message - one for the journal
 * @next: that waits behind it
 * @count: of @field
 * @bytes: of all of them
 * @field: "NAME=value"
 */
struct message {
	struct message *next;
	int count;
	size_t bytes;
	struct iovec field[FIELDS];
};

/* What waits. */
static struct {
	pthread_mutex_t lock;	/* of all that follows */
	pthread_cond_t more;	/* something waits, or @end */
	pthread_cond_t none;	/* nothing does, and nothing is being handed over */
	struct message *first;
	struct message *last;
	size_t count;
	size_t bytes;
	uint64_t left_out;	/* did not fit, not told yet */
	bool busy;		/* the thread is with journald */
	bool started;
	bool end;
	pthread_t thread;
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.none = PTHREAD_COND_INITIALIZER,
};

static void message_free(struct message *m)
{
	if (!m)
		return;
	while (m->count)
		free(m->field[--m->count].iov_base);
	free(m);
}

static void tell_left_out(uint64_t count)
{
	sd_journal_send("MESSAGE=%" PRIu64 " records are in the log and not here: the journal did not take them in time",
			count, "PRIORITY=%d", LOG_WARNING, "SYSLOG_IDENTIFIER=wardd",
			"WARD_LEFT_OUT=%" PRIu64, count, NULL);
}

static void *hand_over(void *arg)
{
	struct message *m;
	uint64_t left_out;

	(void)arg;
	pthread_mutex_lock(&queue.lock);
	for (;;) {
		while (!queue.first && !queue.end)
			pthread_cond_wait(&queue.more, &queue.lock);
		m = queue.first;
		if (!m)
			break;
		queue.first = m->next;
		queue.count--;
		queue.bytes -= m->bytes;
		/* They came after all that waits. */
		left_out = queue.first ? 0 : queue.left_out;
		queue.left_out -= left_out;
		queue.busy = true;
		pthread_mutex_unlock(&queue.lock);
		sd_journal_sendv(m->field, m->count);
		message_free(m);
		if (left_out)
			tell_left_out(left_out);
		pthread_mutex_lock(&queue.lock);
		queue.busy = false;
		if (!queue.first)
			pthread_cond_signal(&queue.none);
	}
	pthread_mutex_unlock(&queue.lock);
	return NULL;
}

/* With the lock held. Signals are the loop's business. */
static bool start(void)
{
	sigset_t all, before;

	if (queue.started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	queue.started = !pthread_create(&queue.thread, NULL, hand_over, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return queue.started;
}

static void enqueue(struct message *m)
{
	pthread_mutex_lock(&queue.lock);
	/* Once one was left out, all are until those that wait have gone: no record is between. */
	if (!start() || queue.count == WAIT_MOST || queue.bytes + m->bytes > WAIT_BYTES ||
	    (queue.left_out && queue.first)) {
		queue.left_out++;
		pthread_mutex_unlock(&queue.lock);
		message_free(m);
		return;
	}
	m->next = NULL;
	if (queue.first)
		queue.last->next = m;
	else
		queue.first = m;
	queue.last = m;
	queue.count++;
	queue.bytes += m->bytes;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
}

/**
 * wardd_journal - hand a record to the journal
 * @object: the record
 *
 * Never fails and never waits: the journal is a copy, and may refuse, be full, hang, or not be
 * there.
 */
void wardd_journal(json_t *object)
{
	const struct sort *sort = sort_of(object);
	char name[NAME_MOST + 1], *text;
	struct message *m = calloc(1, sizeof(*m));
	const char *key;
	json_t *value;
	int i;

	if (!m)
		return;
	text = ward_log_text(object);
	put(m->field, &m->count, "MESSAGE=%s", text ? text : "event");
	put(m->field, &m->count, "PRIORITY=%d", priority(object, sort));
	put(m->field, &m->count, "SYSLOG_IDENTIFIER=wardd");
	if (sort)
		put(m->field, &m->count, "MESSAGE_ID=%s", sort->id);
	free(text);
	json_object_foreach(object, key, value) {
		field_name(key, name, sizeof(name));
		put_value(m->field, &m->count, name, value);
	}
	m->bytes = sizeof(*m);
	for (i = 0; i < m->count; i++)
		m->bytes += m->field[i].iov_len;
	enqueue(m);
}

/**
 * wardd_journal_end - hand over what waits, and no more
 *
 * Waits two seconds at most: a journald that hangs does not keep wardd from ending.
 */
void wardd_journal_end(void)
{
	struct timespec until;
	bool idle;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += END_WAIT;
	pthread_mutex_lock(&queue.lock);
	while ((queue.first || queue.busy) &&
	       !pthread_cond_clockwait(&queue.none, &queue.lock, CLOCK_MONOTONIC,
				       &until))
		;
	idle = queue.started && !queue.first && !queue.busy;
	queue.end = true;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
	/* One that hangs ends with the process. */
	if (idle)
		pthread_join(queue.thread, NULL);
}
