/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a log hold: its hash chain, its seals, its end. docs/events.md, "Verifying". */
#ifndef WARD_LOGVERIFY_H
#define WARD_LOGVERIFY_H

#include "log.h"
#include "seal.h"

/**
 * struct ward_log_verdict - what was found
 * @lines: lines that were looked at
 * @seals: seals among them
 * @bad: how many things are wrong; each was told
 * @doubts: how many things somebody should look at, though they can be innocent
 * @proven: lines that a seal proves, the seals among them; only with a key
 * @proven_seals: how many seals were proven
 * @from: number of the first seal that was proven
 * @to: number of the last one
 * @since: when the first one was made, seconds since 1970
 * @until: when the last one was; 0: none was proven
 * @last: when the last seal of all was made; 0: there is none
 * @after: lines behind the last seal
 * @key_fits: a key that was given is of one of the log's chains
 * @key_missing: there are seals of a chain whose key was not given
 */
struct ward_log_verdict {
	uint64_t lines;
	uint64_t seals;
	uint64_t bad;
	uint64_t doubts;
	uint64_t proven;
	uint64_t proven_seals;
	uint64_t from;
	uint64_t to;
	int64_t since;
	int64_t until;
	int64_t last;
	uint64_t after;
	bool key_fits;
	bool key_missing;
};

/**
 * typedef ward_log_told - told of what is wrong
 * @file: in which file; NULL: in none of them
 * @line: number of the line in it, from 1; 0: in none
 * @doubt: it can be innocent: the log holds all the same
 * @text: what, and what it means
 * @arg: the caller's
 */
typedef void (*ward_log_told)(const char *file, uint64_t line, bool doubt, const char *text,
			      void *arg);

struct ward_log_verifier;

struct ward_log_verifier *ward_log_verify_new(const struct ward_seal_keys *keys,
					      ward_log_told told, void *arg);
int ward_log_verify_file(struct ward_log_verifier *v, int fd, const char *path, bool last);
void ward_log_verify_end(struct ward_log_verifier *v, const struct ward_seal_state *before,
			 const struct ward_seal_state *after, int64_t now);
void ward_log_verify_lost_state(struct ward_log_verifier *v, const char *why);
void ward_log_verify_free(struct ward_log_verifier *v, struct ward_log_verdict *verdict);

#endif
