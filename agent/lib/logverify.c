// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does a log hold? One pass over its files, the oldest first, with memory for one line.
 * The rules are those of docs/events.md, by their numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "logverify.h"

/**
 * struct chain - a chain of keys, as far as it was followed
 * @number: of the seal that @key is for
 * @key: A_number
 */
struct chain {
	uint64_t number;
	uint8_t key[WARD_SEAL_KEY_SIZE];
};

/**
 * struct ward_log_verifier - how far it has come
 * @keys: the keys that were given
 * @chains: how far each was followed
 * @told: told of what is wrong
 * @arg: for @told
 * @file: the file that is being read
 * @number: of the line in it
 * @wanted: hash of the line before; "" for none
 * @broken: something was wrong since the last seal
 * @begins: the first line of all is the log's first one
 * @since: lines since the last seal, or since the beginning
 * @has_seal: @seal is there
 * @seal: the last one
 * @seal_hash: hash of its line
 * @offset: number of the first line that was looked at, less one; from the first seal on
 * @ordered: lines are numbered as they should be
 * @v: what was found
 */
struct ward_log_verifier {
	struct ward_seal_keys keys;
	struct chain chains[WARD_SEAL_KEYS];
	ward_log_told told;
	void *arg;
	const char *file;
	uint64_t number;
	char wanted[WARD_LOG_PREV];
	bool broken;
	bool begins;
	uint64_t since;
	bool has_seal;
	struct ward_seal seal;
	char seal_hash[WARD_LOG_PREV];
	uint64_t offset;
	struct ward_log_verdict v;
};

__attribute__((format(printf, 3, 4)))
static void tell(struct ward_log_verifier *v, bool doubt, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (doubt) {
		v->v.doubts++;
	} else {
		v->v.bad++;
		v->broken = true;
	}
	v->told(v->file, v->file ? v->number : 0, doubt, text, v->arg);
}

#define bad(v, ...)	tell(v, false, __VA_ARGS__)
#define doubt(v, ...)	tell(v, true, __VA_ARGS__)

/**
 * ward_log_verify_new - begin to verify
 * @keys: verification keys; NULL: only what needs none
 * @told: told of what is wrong, as it is found
 * @arg: for @told
 *
 * Return: the verifier, or NULL without memory.
 */
struct ward_log_verifier *ward_log_verify_new(const struct ward_seal_keys *keys,
					      ward_log_told told, void *arg)
{
	struct ward_log_verifier *v = calloc(1, sizeof(*v));
	size_t i;

	if (!v)
		return NULL;
	v->told = told;
	v->arg = arg;
	if (keys)
		v->keys = *keys;
	for (i = 0; i < v->keys.count; i++)
		memcpy(v->chains[i].key, v->keys.first[i], WARD_SEAL_KEY_SIZE);
	return v;
}

/**
 * ward_log_verify_free - end verifying
 * @v: the verifier, or NULL
 * @verdict: filled in; may be NULL
 */
void ward_log_verify_free(struct ward_log_verifier *v, struct ward_log_verdict *verdict)
{
	if (!v)
		return;
	if (verdict)
		*verdict = v->v;
	explicit_bzero(v, sizeof(*v));
	free(v);
}

/* ---- keys ------------------------------------------------------------------------ */

/* A_number of the chain @id. NULL: its key was not given, or is past that already. */
static const uint8_t *key_for(struct ward_log_verifier *v, const uint8_t *id, uint64_t number)
{
	size_t i;

	for (i = 0; i < v->keys.count; i++) {
		struct chain *c = &v->chains[i];

		if (memcmp(v->keys.id[i], id, WARD_SEAL_ID_SIZE))
			continue;
		v->v.key_fits = true;
		/* Numbers go up; who goes back is told that already. */
		if (number < c->number || number > WARD_SEAL_MOST)
			return NULL;
		if (ward_seal_evolve(c->key, number - c->number))
			return NULL;
		c->number = number;
		return c->key;
	}
	v->v.key_missing = true;
	return NULL;
}

static bool has_key(const struct ward_log_verifier *v, const uint8_t *id)
{
	size_t i;

	for (i = 0; i < v->keys.count; i++)
		if (!memcmp(v->keys.id[i], id, WARD_SEAL_ID_SIZE))
			return true;
	return false;
}

/* ---- seals ----------------------------------------------------------------------- */

/* S4: the number of the seal. */
static void check_number(struct ward_log_verifier *v, const struct ward_seal *s)
{
	const struct ward_seal *before = &v->seal;

	if (!v->has_seal)
		return;
	if (!memcmp(before->id, s->id, sizeof(s->id))) {
		if (!strcmp(before->cause, WARD_SEAL_NEW_KEY))
			bad(v, "seal %" PRIu64 " is of a key that was replaced before", s->number);
		else if (s->number != before->number + 1)
			bad(v, "seal %" PRIu64 " follows seal %" PRIu64 ": %s", s->number,
			    before->number, s->number > before->number ?
			    "what was between them is missing" : "seals were put back");
		return;
	}
	if (strcmp(before->cause, WARD_SEAL_NEW_KEY))
		bad(v, "the sealing key was replaced without the one before saying so: what was between may be missing");
	else if (memcmp(before->next, s->id, sizeof(s->id)) || s->number)
		bad(v, "the sealing key is not the one that was announced: what was between may be missing");
}

/* S5: how many lines there were. */
static void check_count(struct ward_log_verifier *v, const struct ward_seal *s)
{
	if (v->has_seal) {
		if (s->records != v->since)
			bad(v, "there are %" PRIu64 " lines since the seal before, and were %" PRIu64,
			    v->since, s->records);
		if (s->line != v->seal.line + s->records + 1)
			bad(v, "the lines are not numbered on from the seal before");
		return;
	}
	v->offset = s->line > v->v.lines ? s->line - v->v.lines : 0;
	/*
	 * A file begins behind a seal, or with one: then what was between that and the seal
	 * before stood in another file. But the very first seal is about all that there was
	 * before, in how many files so ever.
	 */
	if (s->line < v->v.lines || (v->begins && s->line != v->v.lines) ||
	    (v->since && (s->number || v->begins ? s->records != v->since :
			  s->records < v->since)))
		bad(v, "there are %" PRIu64 " lines before the first seal, and were %" PRIu64,
		    v->since, s->records);
}

/* S6: the MAC. True: proven. */
static bool check_mac(struct ward_log_verifier *v, const struct ward_seal *s, const char *line)
{
	const uint8_t *key = key_for(v, s->id, s->number);
	uint8_t mac[32];

	if (!key)
		return false;
	if (ward_seal_mac(key, line, s->covered, mac) || CRYPTO_memcmp(mac, s->mac, sizeof(mac))) {
		bad(v, "seal %" PRIu64 " is forged: it was not made with the key of its number",
		    s->number);
		return false;
	}
	return true;
}

static void put_date(int64_t t, char *text, size_t size)
{
	time_t seconds = t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(text, size, "?");
}

/* S7: was it made when it was due, and was wardd ended in order? */
static void check_time(struct ward_log_verifier *v, const struct ward_seal *s)
{
	const struct ward_seal *before = &v->seal;
	int64_t gap = ((int64_t)s->time - (int64_t)before->time) / 1000000000;
	bool stopped = !strcmp(before->cause, WARD_SEAL_STOP);
	char date[64];

	if (!v->has_seal)
		return;
	put_date(before->time / 1000000000, date, sizeof(date));
	if (!strcmp(s->cause, WARD_SEAL_START) && !stopped)
		doubt(v, "wardd was started, and had not ended in order after %s: it was killed, or the machine crashed",
		      date);
	else if (!stopped && before->due && gap > 2 * (int64_t)before->due + 60)
		doubt(v, "there is no seal for %" PRId64 " seconds after %s: wardd was held up, the machine slept, or the disk was full",
		      gap, date);
	if (gap < -1)
		doubt(v, "the clock was set back by %" PRId64 " seconds after %s", -gap, date);
}

static void take_seal(struct ward_log_verifier *v, const char *line, size_t length,
		      const char *hash)
{
	struct ward_seal s;
	bool proven;

	if (ward_seal_parse(line, length, &s)) {
		bad(v, "this is no seal that wardd makes");
		return;
	}
	v->v.seals++;
	check_number(v, &s);
	check_count(v, &s);
	proven = check_mac(v, &s, line);
	check_time(v, &s);
	if (proven && !v->broken) {
		if (!v->v.until) {
			v->v.from = s.number;
			v->v.since = s.time / 1000000000;
		}
		v->v.to = s.number;
		v->v.until = s.time / 1000000000;
		v->v.proven += v->since + 1;
		v->v.proven_seals++;
	}
	v->v.last = s.time / 1000000000;
	v->has_seal = true;
	v->seal = s;
	strcpy(v->seal_hash, hash);
	v->since = 0;
	v->broken = false;
}

/* ---- lines ------------------------------------------------------------------------ */

static void take_line(struct ward_log_verifier *v, const char *line, size_t length)
{
	char prev[WARD_LOG_PREV] = "", hash[WARD_LOG_PREV];
	enum ward_line kind = ward_line_kind(line, length, prev);

	v->v.lines++;
	ward_log_hash(line, length, hash);
	if (kind == WARD_LINE_BAD)
		bad(v, "this is no record of wardd's");
	else if (v->v.lines == 1)
		v->begins = !strcmp(prev, WARD_LOG_FIRST);
	else if (strcmp(prev, v->wanted))
		bad(v, "it does not follow from the line before: it, or the one before, was changed, put in, moved or taken out");
	strcpy(v->wanted, hash);
	if (kind == WARD_LINE_SEAL)
		take_seal(v, line, length, hash);
	else
		v->since++;
}

/**
 * ward_log_verify_file - go through a file of the log
 * @v: the verifier; files are handed over from the oldest to the newest
 * @fd: the file; it stays open
 * @path: what it is called
 * @last: wardd may be writing it
 *
 * Return: 0, whatever is wrong with the log; a negative errno when it cannot be read.
 */
int ward_log_verify_file(struct ward_log_verifier *v, int fd, const char *path, bool last)
{
	struct ward_log *log;
	bool again = last;
	size_t length;
	char *line;
	int ret;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = ward_log_open_fd(fd, path, true, &log);
	if (ret)
		return ret;
	v->file = path;
	do {
		while ((ret = ward_log_line_next(log, &line, &length))) {
			v->number = ward_log_line_number(log);
			if (ret > 0) {
				take_line(v, line, length);
				continue;
			}
			if (ret != -EMSGSIZE)
				goto close;
			v->v.lines++;
			v->since++;
			v->wanted[0] = '\0';
			bad(v, "this line is longer than any of wardd's");
		}
		/* It may be in the middle of a line. */
		if (!again || !ward_log_unfinished(log))
			break;
		again = false;
		usleep(200000);
	} while (1);
	if (ward_log_unfinished(log)) {
		v->number = ward_log_line_number(log) + 1;
		bad(v, "the file ends in the middle of a line");
	}
close:
	v->file = NULL;
	ward_log_close(log);
	return ret;
}

/* ---- the end ------------------------------------------------------------------------ */

/* E2: is the state the one that follows from the key? */
static void check_state_key(struct ward_log_verifier *v, const struct ward_seal_state *state)
{
	const uint8_t *key;

	if (!has_key(v, state->id)) {
		v->v.key_missing = true;
		return;
	}
	key = key_for(v, state->id, state->number);
	/* More seals in the log than the state knows of: told elsewhere. */
	if (!key)
		return;
	if (CRYPTO_memcmp(key, state->key, WARD_SEAL_KEY_SIZE))
		bad(v, "the seal state is forged: its key is not that of its number");
}

/* E1, E3: are as many seals in the log as were made? */
static void check_tail(struct ward_log_verifier *v, const struct ward_seal_state *before,
		       const struct ward_seal_state *after)
{
	const struct ward_seal *s = &v->seal;
	char last[WARD_LOG_PREV];
	int i;

	if (!v->has_seal) {
		if (before->number)
			bad(v, "%" PRIu64 " seals were made, and there is none: the log was cut, or exchanged",
			    before->number);
		return;
	}
	if (memcmp(s->id, before->id, sizeof(s->id))) {
		bool announced = !strcmp(s->cause, WARD_SEAL_NEW_KEY);

		/* The key may have been replaced while the log was read, or just before. */
		if (!memcmp(s->id, after->id, sizeof(s->id)) ||
		    (announced && !memcmp(s->next, after->id, sizeof(s->next)) &&
		     (memcmp(s->next, before->id, sizeof(s->next)) || !before->number)))
			return;
		bad(v, "the last seal is of another key than the one that is in use: the log's end was cut off, or the seal state exchanged");
		return;
	}
	if (before->number > s->number + 1) {
		bad(v, "the last seal is number %" PRIu64 ", and %" PRIu64 " was made: the log's end was cut off",
		    s->number, before->number - 1);
		return;
	}
	/* One more may be in the log while its key is being replaced. */
	if (!memcmp(s->id, after->id, sizeof(s->id)) && s->number > after->number) {
		bad(v, "the log has seal %" PRIu64 ", and the seal state is that of number %" PRIu64 ": an old state was put back",
		    s->number, after->number);
		return;
	}
	if (before->number != s->number + 1)
		return;
	for (i = 0; i < 32; i++)
		sprintf(last + 2 * i, "%02x", before->last[i]);
	if (strcmp(last, v->seal_hash))
		bad(v, "the last seal is not the one that was made");
}

/**
 * ward_log_verify_end - all files were gone through
 * @v: the verifier
 * @before: the seal state of the machine that writes the log, read before the log; NULL: not known
 * @after: the same, read after it
 * @now: seconds since 1970; 0: the log is not being written
 */
void ward_log_verify_end(struct ward_log_verifier *v, const struct ward_seal_state *before,
			 const struct ward_seal_state *after, int64_t now)
{
	const struct ward_seal *s = &v->seal;
	char date[64];

	v->file = NULL;
	v->v.after = v->has_seal ? v->since : v->v.lines;
	/* S8: nothing is gone that was kept when the last seal was made. */
	if (v->has_seal && s->first && v->offset + 1 > s->first)
		bad(v, "the log begins with line %" PRIu64 ", and lines from %" PRIu64 " on were kept: its oldest files are missing",
		    v->offset + 1, s->first);
	if (!before)
		return;
	check_tail(v, before, after);
	check_state_key(v, before);
	if (!now || !v->has_seal || !s->due || !strcmp(s->cause, WARD_SEAL_STOP))
		return;
	put_date(s->time / 1000000000, date, sizeof(date));
	if (now - (int64_t)(s->time / 1000000000) > 2 * (int64_t)s->due + 60)
		doubt(v, "the last seal is of %s, and the next one is overdue: wardd does not run, or was kept from sealing",
		      date);
}

/**
 * ward_log_verify_lost_state - the machine that writes the log has no seal state
 * @v: the verifier
 * @why: what is the matter with it
 */
void ward_log_verify_lost_state(struct ward_log_verifier *v, const char *why)
{
	v->file = NULL;
	if (v->has_seal)
		bad(v, "the seal state %s: nobody can tell whether seals were cut off the log's end",
		    why);
}
