// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was recorded, vault by vault, since this wardd was started: for wardctl status. The file
 * is in /run; it is written anew every few seconds while something happens.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "../lib/text.h"
#include "wardd.h"

#define VAULTS_MOST	1024
#define SAVE_EVERY	2	/* seconds */

/**
 * struct vault - of one vault
 * @uuid: which
 * @records: lines in the log
 * @folded: events that others of them stand for
 */
struct vault {
	uint8_t uuid[WARD_UUID_SIZE];
	uint64_t records;
	uint64_t folded;
};

/**
 * struct wardd_counts - of all
 * @since: when this wardd was started, seconds since 1970
 * @records: lines in the log, of no vault, too
 * @folded: events that others of them stand for
 * @lost: events that nobody has
 * @count: how many vaults
 * @vault: those
 * @saved: when the file was written, seconds of the monotonic clock
 * @dirty: it is not up to date
 * @state: what it said of the log
 */
struct wardd_counts {
	int64_t since;
	uint64_t records;
	uint64_t folded;
	uint64_t lost;
	size_t count;
	struct vault vault[VAULTS_MOST];
	time_t saved;
	bool dirty;
	const char *state;
};

/**
 * wardd_counts_new - nothing was recorded yet
 *
 * Return: the counts, or NULL without memory.
 */
struct wardd_counts *wardd_counts_new(void)
{
	struct wardd_counts *c = calloc(1, sizeof(*c));

	if (c)
		c->since = time(NULL);
	return c;
}

/**
 * wardd_counts_free - forget them
 * @counts: the counts, or NULL
 */
void wardd_counts_free(struct wardd_counts *counts)
{
	free(counts);
}

static struct vault *vault_of(struct wardd_counts *c, const uint8_t *uuid)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		if (!memcmp(c->vault[i].uuid, uuid, WARD_UUID_SIZE))
			return &c->vault[i];
	if (c->count == VAULTS_MOST)
		return NULL;
	memcpy(c->vault[c->count].uuid, uuid, WARD_UUID_SIZE);
	return &c->vault[c->count++];
}

/**
 * wardd_counts_add - an event was recorded
 * @counts: the counts
 * @event: the event
 */
void wardd_counts_add(struct wardd_counts *counts, const struct ward_event *event)
{
	struct vault *v;

	counts->dirty = true;
	counts->records++;
	if (event->kind == WARD_KIND_LOST) {
		counts->lost += event->gone > event->lost ? event->gone : event->lost;
		return;
	}
	counts->folded += event->count - 1;
	v = event->has & WARD_EVENT_HAS_VAULT ? vault_of(counts, event->vault) : NULL;
	if (!v)
		return;
	v->records++;
	v->folded += event->count - 1;
}

static json_t *as_json(const struct wardd_counts *c, const struct wardd_writer *w)
{
	json_t *vaults = json_object(), *o;
	char uuid[WARD_UUID_TEXT];
	size_t i;

	for (i = 0; i < c->count; i++) {
		const struct vault *v = &c->vault[i];

		ward_text_uuid(v->uuid, uuid);
		json_object_set_new(vaults, uuid,
				    json_pack("{s:I, s:I}", "recorded", (json_int_t)v->records,
					      "folded", (json_int_t)v->folded));
	}
	o = json_pack("{s:i, s:I, s:s, s:I, s:I, s:I, s:o}", "pid", (int)getpid(),
		      "since", (json_int_t)c->since, "log", c->state,
		      "recorded", (json_int_t)c->records,
		      "folded", (json_int_t)c->folded,
		      "lost", (json_int_t)c->lost, "vaults", vaults);
	if (o && w->seal.dirfd >= 0)
		json_object_set_new(o, "seals", json_integer(w->seal.state.number));
	return o;
}

/**
 * wardd_counts_save - let others see them
 * @counts: the counts
 * @w: the log
 * @state: how it is: a word of ours
 * @now: whenever the last time was
 */
void wardd_counts_save(struct wardd_counts *counts, const struct wardd_writer *w, const char *state,
		       bool now)
{
	char *text;
	json_t *o;
	FILE *f;
	int fd;

	if (counts->state && !strcmp(state, counts->state) && !now &&
	    (!counts->dirty || wardd_now() - counts->saved < SAVE_EVERY))
		return;
	counts->state = state;
	o = as_json(counts, w);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	/* Nothing there needs to survive a crash. */
	fd = text ? open(WARD_DAEMON_STATUS ".tmp", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
			 O_CLOEXEC, 0600) : -1;
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (f) {
		fprintf(f, "%s\n", text);
		if (!fclose(f) && !rename(WARD_DAEMON_STATUS ".tmp", WARD_DAEMON_STATUS))
			counts->dirty = false;
	} else if (fd >= 0) {
		close(fd);
	}
	counts->saved = wardd_now();
	free(text);
}
