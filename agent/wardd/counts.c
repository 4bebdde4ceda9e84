// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was recorded, vault by vault, while the module was loaded: for wardctl status. The file
 * is in /run; it is written anew every few seconds while something happens, and the next wardd
 * goes on with it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "../lib/durable.h"
#include "../lib/text.h"
#include "wardd.h"

#define VAULTS_MOST	1024
#define SAVE_EVERY	2	/* seconds */
#define STATUS_MOST	(1 << 20)	/* bytes of the file */
#define LATE		600	/* seconds: records of events that are older are not looked for */

/**
 * struct vault - of one vault
 * @uuid: which
 * @records: lines in the log
 * @folded: events that others of them stand for
 * @lost: events that nobody has
 * @total: up to which of its events all were recorded, or counted as lost
 * @known: that is known
 */
struct vault {
	uint8_t uuid[WARD_UUID_SIZE];
	uint64_t records;
	uint64_t folded;
	uint64_t lost;
	uint64_t total;
	bool known;
};

/**
 * struct wardd_counts - of all
 * @since: when counting began, seconds since 1970
 * @records: lines in the log, of no vault, too
 * @folded: events that others of them stand for
 * @lost: events that nobody has
 * @count: how many vaults
 * @vault: those
 * @load_id: load of the module that totals are of
 * @whole: everything since that began is counted, so a vault that is not there had nothing
 * @loaded: what an earlier wardd counted was looked for
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
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	bool whole;
	bool loaded;
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

/* The module was loaded anew: all begins with 0. */
static void begin_load(struct wardd_counts *c, const uint8_t *load_id)
{
	size_t i;

	memcpy(c->load_id, load_id, sizeof(c->load_id));
	c->whole = true;
	c->since = time(NULL);
	c->records = c->folded = c->lost = 0;
	for (i = 0; i < c->count; i++) {
		struct vault *v = &c->vault[i];

		v->records = v->folded = v->lost = v->total = 0;
		v->known = true;
	}
}

/* A record of @count events of a vault, or of none: NULL. @total is 0 where it is not told. */
static void add(struct wardd_counts *c, const uint8_t *uuid, uint64_t count, uint64_t total)
{
	struct vault *v = uuid ? vault_of(c, uuid) : NULL;

	c->records++;
	c->folded += count - 1;
	if (!v)
		return;
	v->records++;
	v->folded += count - 1;
	if (!total)
		return;
	/* What happened between the one before and this one is nowhere. */
	if ((v->known || c->whole) && total > v->total + count)
		v->lost += total - v->total - count;
	v->known = true;
	v->total = total;
}

/**
 * wardd_counts_add - an event was recorded
 * @counts: the counts
 * @event: the event
 */
void wardd_counts_add(struct wardd_counts *counts, const struct ward_event *event)
{
	counts->dirty = true;
	if (memcmp(counts->load_id, event->load_id, sizeof(counts->load_id)))
		begin_load(counts, event->load_id);
	if (event->kind == WARD_KIND_LOST) {
		counts->records++;
		counts->lost += event->gone > event->lost ? event->gone : event->lost;
		return;
	}
	add(counts, event->has & WARD_EVENT_HAS_VAULT ? event->vault : NULL, event->count,
	    event->vault_total);
}

/* ---- what an earlier wardd counted -------------------------------------------------------- */

static uint64_t number(json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? n : 0;
}

/**
 * struct behind - records that were written after the counts were
 * @counts: to be added to
 * @after: number of the last event that is counted
 */
struct behind {
	struct wardd_counts *counts;
	uint64_t after;
};

static int count_record(json_t *record, void *arg)
{
	const char *id = json_string_value(json_object_get(record, "ward.vault_id"));
	json_int_t n = json_integer_value(json_object_get(record, "ward.count"));
	uint8_t load_id[WARD_LOAD_ID_SIZE], uuid[WARD_UUID_SIZE];
	struct behind *b = arg;
	uint64_t sequence, total, lost = ward_log_lost(record);

	if (!json_object_get(record, "event.sequence") ||
	    ward_log_position(record, load_id, &sequence, &total) || sequence <= b->after ||
	    memcmp(load_id, b->counts->load_id, sizeof(load_id)))
		return 0;
	if (lost) {
		b->counts->records++;
		b->counts->lost += lost;
		return 0;
	}
	add(b->counts, id && !ward_text_parse_uuid(id, uuid) ? uuid : NULL, n > 0 ? n : 1,
	    number(record, "ward.vault_total"));
	return 0;
}

static void take_vault(struct wardd_counts *c, const char *id, json_t *o)
{
	uint8_t uuid[WARD_UUID_SIZE];
	struct vault *v = ward_text_parse_uuid(id, uuid) ? NULL : vault_of(c, uuid);

	if (!v)
		return;
	v->records = number(o, "recorded");
	v->folded = number(o, "folded");
	v->lost = number(o, "lost");
	v->total = number(o, "total");
	v->known = json_object_get(o, "total");
}

static void take_over(struct wardd_counts *c, json_t *o, const struct wardd_writer *w)
{
	const char *load = json_string_value(json_object_get(o, "load_id")), *id;
	struct ward_log_filter later = { 0 };
	struct behind behind = { c, number(o, "sequence") };
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	struct stat st;
	uint64_t bad;
	json_t *v;

	if (!load || ward_log_unhex(load, load_id, sizeof(load_id)) ||
	    memcmp(load_id, w->load_id, sizeof(load_id)) || behind.after > w->sequence)
		return;
	memcpy(c->load_id, load_id, sizeof(load_id));
	c->whole = json_is_true(json_object_get(o, "whole"));
	c->since = number(o, "since");
	c->records = number(o, "recorded");
	c->folded = number(o, "folded");
	c->lost = number(o, "lost");
	json_object_foreach(json_object_get(o, "vaults"), id, v)
		take_vault(c, id, v);
	/* It was killed before it wrote the last of them. What waited in the kernel is older. */
	if (behind.after == w->sequence)
		return;
	if (!stat(WARD_DAEMON_STATUS, &st) && st.st_mtime > LATE)
		later.since = st.st_mtime - LATE;
	ward_logset_scan(w->settings->log, &later, count_record, &behind, &bad);
}

/**
 * wardd_counts_load - go on where an earlier wardd ended
 * @counts: the counts; nothing was added yet, or this was done before
 * @w: the log, open
 *
 * As long as the module is the same.
 */
void wardd_counts_load(struct wardd_counts *counts, const struct wardd_writer *w)
{
	json_t *o = NULL;
	void *text;
	size_t len;

	if (counts->loaded)
		return;
	counts->loaded = true;
	memcpy(counts->load_id, w->load_id, sizeof(counts->load_id));
	counts->whole = !w->sequence;
	if (ward_durable_read(AT_FDCWD, WARD_DAEMON_STATUS, STATUS_MOST, &text, &len))
		return;
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	take_over(counts, o, w);
	json_decref(o);
}

/* ---- the file --------------------------------------------------------------------------- */

static json_t *vault_json(const struct vault *v)
{
	json_t *o = json_pack("{s:I, s:I, s:I}", "recorded", (json_int_t)v->records,
			      "folded", (json_int_t)v->folded, "lost", (json_int_t)v->lost);

	if (o && v->known)
		json_object_set_new(o, "total", json_integer(v->total));
	return o;
}

static json_t *as_json(const struct wardd_counts *c, const struct wardd_writer *w)
{
	char uuid[WARD_UUID_TEXT], load[2 * WARD_LOAD_ID_SIZE + 1];
	json_t *vaults = json_object(), *o;
	size_t i;

	for (i = 0; i < c->count; i++) {
		ward_text_uuid(c->vault[i].uuid, uuid);
		json_object_set_new(vaults, uuid, vault_json(&c->vault[i]));
	}
	for (i = 0; i < WARD_LOAD_ID_SIZE; i++)
		sprintf(load + 2 * i, "%02x", c->load_id[i]);
	o = json_pack("{s:i, s:I, s:s, s:I, s:I, s:I, s:s, s:I, s:b, s:o}", "pid", (int)getpid(),
		      "since", (json_int_t)c->since, "log", c->state,
		      "recorded", (json_int_t)c->records,
		      "folded", (json_int_t)c->folded,
		      "lost", (json_int_t)c->lost, "load_id", load,
		      "sequence", (json_int_t)w->sequence, "whole", c->whole, "vaults", vaults);
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
