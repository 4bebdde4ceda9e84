/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seals of the event log, and the key that makes them: docs/events.md, "Seals".
 * After Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics" (1999),
 * with HMAC-SHA-256 (RFC 2104). The key has nothing to do with those of vaults.
 */
#ifndef WARD_SEAL_H
#define WARD_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "err.h"
#include "log.h"

#define WARD_SEAL_KEY_SIZE	32
#define WARD_SEAL_ID_SIZE	16
#define WARD_SEAL_ID_TEXT	33		/* as hex, with its NUL */
#define WARD_SEAL_MOST		(1U << 26)	/* seals of one key: one a second for two years */
#ifndef WARD_SEAL_DIR	/* tests have another one */
#define WARD_SEAL_DIR		"/var/lib/ward"
#endif
#define WARD_SEAL_STATE		"log.seal"	/* the key as it is now */
#define WARD_SEAL_PENDING	"log.key"	/* the first key, until it is given out */
#define WARD_SEAL_NEXT		"log.next"	/* another first key, until wardd takes it */

/**
 * struct ward_seal_state - the sealing key, as it moves forward
 * @id: which chain of keys this is: ward_seal_id() of its first key
 * @number: of the seal that @key is for; all before are made
 * @line: lines of the log up to and with the last seal
 * @last: SHA-256 of that seal's line; zeros before the first one
 * @key: the secret: A_number
 */
struct ward_seal_state {
	uint8_t id[WARD_SEAL_ID_SIZE];
	uint64_t number;
	uint64_t line;
	uint8_t last[32];
	uint8_t key[WARD_SEAL_KEY_SIZE];
};

/**
 * struct ward_seal - what a seal says
 * @time: nanoseconds since 1970
 * @id: which chain of keys
 * @number: of the seal, from 0 for each chain
 * @cause: why it was made: a word of ours
 * @records: lines between the seal before and this one
 * @line: this line's number, counted from the first line of all, from 1
 * @first: number of the first line that is kept; 0: not kept track of
 * @due: the next one follows within so many seconds, unless this one's cause is "stop"; 0: not
 *	promised
 * @has_event: @load_id and @sequence are there
 * @load_id: of the module whose event was recorded last
 * @sequence: number of that event; 0 for none
 * @total: how many happened up to it; 0: not known
 * @next: with the cause "new-key": the chain that follows
 * @mac: the MAC
 * @covered: bytes of the line that the MAC is about
 */
struct ward_seal {
	uint64_t time;
	uint8_t id[WARD_SEAL_ID_SIZE];
	uint64_t number;
	char cause[16];
	uint64_t records;
	uint64_t line;
	uint64_t first;
	uint64_t due;
	bool has_event;
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t sequence;
	uint64_t total;
	uint8_t next[WARD_SEAL_ID_SIZE];
	uint8_t mac[32];
	size_t covered;
};

/* Causes that mean something to whoever verifies; the others are for people. */
#define WARD_SEAL_NEW_KEY	"new-key"	/* a chain's last seal */
#define WARD_SEAL_START		"start"		/* wardd was started */
#define WARD_SEAL_STOP		"stop"		/* wardd ends as it was told to */

int ward_seal_id(const uint8_t first[WARD_SEAL_KEY_SIZE], uint8_t id[WARD_SEAL_ID_SIZE]);
void ward_seal_id_text(const uint8_t id[WARD_SEAL_ID_SIZE], char text[WARD_SEAL_ID_TEXT]);
int ward_seal_evolve(uint8_t key[WARD_SEAL_KEY_SIZE], uint64_t steps);
int ward_seal_mac(const uint8_t key[WARD_SEAL_KEY_SIZE], const char *line, size_t covered,
		  uint8_t mac[32]);
char *ward_seal_line(const struct ward_seal *seal, const char *prev,
		     const uint8_t key[WARD_SEAL_KEY_SIZE], json_t **object);
int ward_seal_parse(const char *line, size_t length, struct ward_seal *seal);

/* What every line of the log ends with. */
enum ward_line { WARD_LINE_BAD, WARD_LINE_RECORD, WARD_LINE_SEAL };
enum ward_line ward_line_kind(const char *line, size_t length, char prev[WARD_LOG_PREV]);

/* sealfile.c: the key on the disk. @dirfd: WARD_SEAL_DIR, or what stands in for it. */
int ward_sealfile_load(int dirfd, const char *name, struct ward_seal_state *state);
int ward_sealfile_store(int dirfd, const char *name, const struct ward_seal_state *state);
int ward_sealfile_begin(int dirfd, struct ward_seal_state *state);
int ward_sealfile_remove(int dirfd, const char *name);
int ward_sealkey_text(const uint8_t key[WARD_SEAL_KEY_SIZE], char *text, size_t size);

/**
 * struct ward_seal_keys - verification keys
 * @count: how many
 * @first: the keys: A_0 of their chains
 * @id: their chains
 */
#define WARD_SEAL_KEYS	16
struct ward_seal_keys {
	size_t count;
	uint8_t first[WARD_SEAL_KEYS][WARD_SEAL_KEY_SIZE];
	uint8_t id[WARD_SEAL_KEYS][WARD_SEAL_ID_SIZE];
};

int ward_sealkey_parse(const char *text, size_t length, struct ward_seal_keys *keys,
		       struct ward_err *err);

#endif
