// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sealing the log. The order is what counts: the seal is in the log and durable; then the next
 * key is on the disk and the old one wiped there; only then another record is written. Whoever
 * becomes root later finds no key that made a seal which is there already.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "../lib/durable.h"
#include "wardd.h"

#define STEPS_MOST	1000000		/* seals that may be there and the state not know of */

/* ---- making ------------------------------------------------------------------------ */

/* The seal is durable: the key moves on. */
static int move_on(struct wardd_writer *w, const char *prev)
{
	struct wardd_sealer *s = &w->seal;
	int ret = ward_seal_evolve(s->state.key, 1);

	if (ret)
		return ret;
	s->state.number++;
	s->state.line = s->line;
	ward_log_unhex(prev, s->state.last, sizeof(s->state.last));
	s->records = 0;
	s->sealed = wardd_now();
	ret = ward_sealfile_store(s->dirfd, WARD_SEAL_STATE, &s->state);
	if (ret)
		wardd_say(LOG_ERR, "cannot write " WARD_SEAL_DIR "/" WARD_SEAL_STATE ": %s; nothing is recorded before that is done",
			  strerror(-ret));
	return ret;
}

static void fill_in(struct wardd_writer *w, const char *cause, struct ward_seal *seal)
{
	static const uint8_t none[WARD_LOAD_ID_SIZE];
	const struct wardd_sealer *s = &w->seal;
	struct timespec now;

	memset(seal, 0, sizeof(*seal));
	clock_gettime(CLOCK_REALTIME, &now);
	seal->time = now.tv_sec * 1000000000ULL + now.tv_nsec;
	memcpy(seal->id, s->state.id, sizeof(seal->id));
	seal->number = s->state.number;
	strncpy(seal->cause, cause, sizeof(seal->cause) - 1);
	seal->records = s->records;
	seal->line = s->line + 1;
	/* What others rotate, others take away. */
	if (w->settings->rotate_size || w->settings->rotate_age)
		seal->first = s->first;
	seal->due = w->settings->seal_idle;
	seal->has_event = memcmp(w->load_id, none, sizeof(none));
	memcpy(seal->load_id, w->load_id, sizeof(seal->load_id));
	seal->sequence = w->sequence;
	seal->total = w->total;
	memcpy(seal->next, s->next, sizeof(seal->next));
}

/**
 * wardd_seal - seal what is in the log
 * @w: the writer
 * @cause: why, in a word
 *
 * Does nothing when the log is not sealed. Whatever ward.conf says of durability, a seal is
 * durable when this returns 0.
 *
 * Return: 0; a negative errno: nothing may be recorded before it succeeds.
 */
int wardd_seal(struct wardd_writer *w, const char *cause)
{
	struct wardd_sealer *s = &w->seal;
	struct ward_seal seal;
	uint64_t records;
	json_t *o = NULL;
	char *line;
	int ret;

	if (s->dirfd < 0 || w->fd < 0) {
		s->overdue = false;
		return 0;
	}
	if (s->state.number > WARD_SEAL_MOST) {
		wardd_say(LOG_ERR, "the sealing key is used up: wardctl log key --new");
		return 0;
	}
	fill_in(w, cause, &seal);
	line = ward_seal_line(&seal, w->prev[0] ? w->prev : NULL, s->state.key, &o);
	if (!line)
		return -ENOMEM;
	records = s->records;
	ret = wardd_writer_put(w, line);
	free(line);
	if (!ret && fdatasync(w->fd))
		ret = -errno;
	if (!ret) {
		w->unsynced = false;
		/* Files may have been removed to make room for it. */
		s->overdue = seal.first && seal.first != s->first;
		s->announced = !strcmp(cause, WARD_SEAL_NEW_KEY);
		ret = move_on(w, w->prev);
	}
	if (!ret && w->settings->journal)
		wardd_journal(o);
	json_decref(o);
	if (ret) {
		wardd_say(LOG_ERR, "the log cannot be sealed: %s", strerror(-ret));
		s->records = records;
		/* Opening it anew looks at what is there. */
		wardd_writer_drop(w);
	}
	return ret;
}

/* ---- keys --------------------------------------------------------------------------- */

/* A key for a log that has none. It waits for wardctl log key to give it out. */
static int first_key(struct wardd_sealer *s)
{
	int ret = ward_sealfile_begin(s->dirfd, &s->state);

	if (!ret)
		wardd_say(LOG_NOTICE, "the log is sealed from now on; wardctl log key gives out the key that proves it: until that is done, it lies on this machine");
	return ret;
}

/*
 * The log has a seal that the state does not know of: we ended between the two, or somebody
 * put an old state back. The key moves on to where it should be, if the seal is ours.
 */
static int catch_up(struct wardd_sealer *s, const struct ward_seal *last, const char *line,
		    size_t length)
{
	struct ward_seal_state there = s->state;
	char hash[WARD_LOG_PREV];
	uint64_t steps = last->number - there.number;
	uint8_t mac[32] = { 0 };
	int ret = 0;

	/* A number that somebody made up shall not keep us busy. */
	if (steps <= STEPS_MOST)
		ret = ward_seal_evolve(there.key, steps);
	if (!ret && steps <= STEPS_MOST)
		ret = ward_seal_mac(there.key, line, last->covered, mac);
	if (!ret && CRYPTO_memcmp(mac, last->mac, sizeof(mac))) {
		wardd_say(LOG_ERR, "seal %" PRIu64 " in the log was not made by wardd: somebody changed the log; wardctl log verify says more",
			  last->number);
		goto wipe;
	}
	if (!ret)
		ret = ward_seal_evolve(there.key, 1);
	if (ret)
		goto wipe;
	there.number = last->number + 1;
	there.line = last->line;
	ward_log_hash(line, length, hash);
	ward_log_unhex(hash, there.last, sizeof(there.last));
	ret = ward_sealfile_store(s->dirfd, WARD_SEAL_STATE, &there);
	if (!ret)
		s->state = there;
wipe:
	explicit_bzero(&there, sizeof(there));
	return ret;
}

/* Are log and state of one mind? What is not is told, and stays visible to who verifies. */
static int compare(struct wardd_sealer *s, const struct ward_seal *last, const char *line,
		   size_t length)
{
	if (!last) {
		if (s->state.number)
			wardd_say(LOG_ERR, "%" PRIu64 " seals were made, and the log has none: it was moved away or cut; wardctl log verify says more",
				  s->state.number);
		return 0;
	}
	if (memcmp(last->id, s->state.id, sizeof(last->id))) {
		if (strcmp(last->cause, WARD_SEAL_NEW_KEY) || s->state.number ||
		    memcmp(last->next, s->state.id, sizeof(last->next)))
			wardd_say(LOG_ERR, "the log was sealed with another key than the one that is there: somebody exchanged it; wardctl log verify says more");
		return 0;
	}
	s->announced = !strcmp(last->cause, WARD_SEAL_NEW_KEY);
	memcpy(s->next, last->next, sizeof(s->next));
	if (last->number >= s->state.number)
		return catch_up(s, last, line, length);
	if (last->number + 1 < s->state.number)
		wardd_say(LOG_ERR, "the log ends before seal %" PRIu64 ", which was made: its end was cut off; wardctl log verify says more",
			  s->state.number - 1);
	return 0;
}

/**
 * wardd_seal_open - take up sealing where it was left off
 * @w: the writer; it knows how many lines came after @last
 * @last: the last seal in the log; NULL: there is none
 * @line: its line
 * @length: bytes of that
 *
 * Makes the first key when there is none.
 *
 * Return: 0; a negative errno, said.
 */
int wardd_seal_open(struct wardd_writer *w, const struct ward_seal *last, const char *line,
		    size_t length)
{
	struct wardd_sealer *s = &w->seal;
	int ret;

	s->sealed = wardd_now();
	s->since = wardd_now();
	if (!w->settings->seal)
		return 0;
	/* Best effort: swap keeps what it was given. */
	if (mlock(s, sizeof(*s)))
		wardd_say(LOG_DEBUG, "the sealing key may be swapped out");
	ret = s->dirfd < 0 ? ward_mkdirs(WARD_SEAL_DIR, 0700) : 0;
	if (!ret && s->dirfd < 0) {
		s->dirfd = open(WARD_SEAL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ret = s->dirfd < 0 ? -errno : 0;
	}
	if (!ret)
		ret = ward_sealfile_load(s->dirfd, WARD_SEAL_STATE, &s->state);
	if (ret == -EBADMSG)
		wardd_say(LOG_ERR, WARD_SEAL_DIR "/" WARD_SEAL_STATE " is damaged: another key is made, and what is in the log cannot be proven any more to be all");
	if (ret == -ENOENT && last)
		wardd_say(LOG_ERR, WARD_SEAL_DIR "/" WARD_SEAL_STATE " is missing: another key is made, and what is in the log cannot be proven any more to be all");
	if (ret == -EBADMSG || ret == -ENOENT)
		ret = first_key(s);
	else if (!ret)
		ret = compare(s, last, line, length);
	if (ret) {
		wardd_say(LOG_ERR, "cannot seal the log: %s: %s", WARD_SEAL_DIR, strerror(-ret));
		return ret;
	}
	if (!last && s->line < s->state.line)
		s->line += s->state.line;
	return 0;
}

/**
 * wardd_seal_new_key - take the key that wardctl log key --new made, if there is one
 * @w: the writer
 *
 * The old key's last act is a seal that says which one follows.
 *
 * Return: 0 or a negative errno, said.
 */
int wardd_seal_new_key(struct wardd_writer *w)
{
	struct wardd_sealer *s = &w->seal;
	struct ward_seal_state next;
	int ret;

	if (s->dirfd < 0 || w->fd < 0 || w->suspended)
		return 0;
	ret = ward_sealfile_load(s->dirfd, WARD_SEAL_NEXT, &next);
	if (ret == -ENOENT)
		return 0;
	if (ret) {
		wardd_say(LOG_ERR, WARD_SEAL_DIR "/" WARD_SEAL_NEXT " is damaged, and removed: wardctl log key --new makes another one");
		return ward_sealfile_remove(s->dirfd, WARD_SEAL_NEXT);
	}
	if (memcmp(next.id, s->state.id, sizeof(next.id))) {
		if (!s->announced || memcmp(s->next, next.id, sizeof(next.id))) {
			memcpy(s->next, next.id, sizeof(s->next));
			ret = wardd_seal(w, WARD_SEAL_NEW_KEY);
		}
		next.number = 0;
		next.line = s->line;
		memset(next.last, 0, sizeof(next.last));
		if (!ret)
			ret = ward_sealfile_store(s->dirfd, WARD_SEAL_STATE, &next);
		if (!ret) {
			s->state = next;
			s->announced = false;
			ret = wardd_seal(w, "key");
		}
	}
	explicit_bzero(&next, sizeof(next));
	if (!ret)
		ret = ward_sealfile_remove(s->dirfd, WARD_SEAL_NEXT);
	if (ret)
		wardd_say(LOG_ERR, "the new sealing key cannot be taken: %s", strerror(-ret));
	else
		wardd_say(LOG_NOTICE, "the log is sealed with a new key");
	return ret;
}

/**
 * wardd_seal_close - forget the key
 * @w: the writer
 */
void wardd_seal_close(struct wardd_writer *w)
{
	struct wardd_sealer *s = &w->seal;

	if (s->dirfd >= 0)
		close(s->dirfd);
	s->dirfd = -1;
	explicit_bzero(s->state.key, sizeof(s->state.key));
}
