/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wardd, grouped by file. One sd-event loop in one thread, and another that waits for the
 * journal; what may take long (checking a vault) is a child process. With wardd stopped, files stay usable and events wait in
 * the kernel.
 */
#ifndef WARDD_H
#define WARDD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "../lib/err.h"
#include "../lib/log.h"
#include "../lib/netlink.h"
#include "../lib/seal.h"
#include "../lib/settings.h"

#define WARDD_STATE	WARD_SEAL_DIR "/wardd.state"

/* ---- say.c: what the daemon has to say of itself ------------------------------ */
__attribute__((format(printf, 2, 3)))
void wardd_say(int priority, const char *fmt, ...);
void wardd_say_err(int priority, const struct ward_err *err);

/**
 * struct wardd_sealer - the seals of the log
 * @dirfd: where the key lies; -1: the log is not sealed
 * @state: the key as it is now
 * @records: lines since the last seal
 * @line: lines since the beginning of all
 * @first: number of the first line that is kept; 0: not known
 * @since: when the first of @records was written, seconds of the monotonic clock
 * @sealed: when the last seal was made, likewise
 * @overdue: a seal is to be made before the next record
 * @announced: the last seal says that another key follows; which is in @next
 * @next: that one
 */
struct wardd_sealer {
	int dirfd;
	struct ward_seal_state state;
	uint64_t records;
	uint64_t line;
	uint64_t first;
	time_t since;
	time_t sealed;
	bool overdue;
	bool announced;
	uint8_t next[WARD_SEAL_ID_SIZE];
};

/* How much room there is. */
enum wardd_room { WARDD_ROOM_ENOUGH, WARDD_ROOM_LITTLE, WARDD_ROOM_LEAST, WARDD_ROOM_NONE };

/**
 * struct wardd_writer - the log file, and where it stands
 * @settings: for where it is, and the rest
 * @fd: the file, or -1
 * @size: of it, bytes
 * @began: when its first record happened, seconds since 1970; 0: it has none
 * @rotate_again: not before, because it failed, seconds of the monotonic clock; 0: whenever
 * @started: the seal that says that we were started was made
 * @begun: what is to be in the file before records is there
 * @prev: hash of the last line; "" before the first one
 * @load_id: of the module whose event was the last
 * @sequence: number of that event; 0 for none
 * @total: how many happened up to it, as ward_event has it; 0 with a number: not known
 * @unsynced: there are lines that are not durable yet
 * @seal: its seals
 * @room: how much room there was when last looked
 * @suspended: nothing is written until there is more room
 * @waiting: said that the vault that the log lies in is locked
 */
struct wardd_writer {
	const struct ward_settings *settings;
	int fd;
	uint64_t size;
	int64_t began;
	time_t rotate_again;
	bool started;
	bool begun;
	char prev[WARD_LOG_PREV];
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t sequence;
	uint64_t total;
	bool unsynced;
	struct wardd_sealer seal;
	enum wardd_room room;
	bool suspended;
	bool waiting;
};

time_t wardd_now(void);		/* seconds of the monotonic clock, never 0 */

/* ---- writer.c: the log file ----------------------------------------------------- */
void wardd_writer_init(struct wardd_writer *w, const struct ward_settings *settings);
int wardd_writer_open(struct wardd_writer *w);
int wardd_writer_append(struct wardd_writer *w, json_t *object, const struct ward_event *event);
int wardd_writer_put(struct wardd_writer *w, const char *line);
int wardd_writer_sync(struct wardd_writer *w);
int wardd_writer_reopen(struct wardd_writer *w, bool force);
void wardd_writer_drop(struct wardd_writer *w);
void wardd_writer_close(struct wardd_writer *w);
void wardd_writer_tick(struct wardd_writer *w);

/* ---- resume.c: where the log was left off ------------------------------------------ */
int wardd_resume(struct wardd_writer *w);
void wardd_resume_save(const struct wardd_writer *w);
void wardd_resume_forget(void);

/* ---- sealer.c: seals -------------------------------------------------------------- */
int wardd_seal_open(struct wardd_writer *w, const struct ward_seal *last, const char *line,
		    size_t length);
int wardd_seal(struct wardd_writer *w, const char *cause);
int wardd_seal_new_key(struct wardd_writer *w);
void wardd_seal_close(struct wardd_writer *w);

/* ---- rotate.c: files that are full -------------------------------------------------- */
int wardd_rotate(struct wardd_writer *w);
bool wardd_rotate_due(const struct wardd_writer *w, size_t more);
bool wardd_rotate_drop_oldest(struct wardd_writer *w);
uint64_t wardd_rotate_first(const char *path);

/* ---- space.c: room on the disk ------------------------------------------------------- */
void wardd_space_look(struct wardd_writer *w);
bool wardd_space_full(struct wardd_writer *w);

/* ---- place.c: the log in a vault -------------------------------------------------------- */
int wardd_place_ready(const char *path, char name[64]);

/* ---- journal.c: the systemd journal ----------------------------------------------- */
void wardd_journal(json_t *object);
void wardd_journal_end(void);

/* ---- names.c: names of vaults and users ---------------------------------------------- */
struct wardd_names;
struct wardd_names *wardd_names_new(void);
void wardd_names_free(struct wardd_names *names);
void wardd_names_vault(const uint8_t *uuid, char *name, char *dir, void *arg);
void wardd_names_user(uint32_t uid, char *name, void *arg);

/* ---- counts.c: what was recorded, for wardctl status ------------------------------------ */
struct wardd_counts;
struct wardd_counts *wardd_counts_new(void);
void wardd_counts_free(struct wardd_counts *counts);
void wardd_counts_load(struct wardd_counts *counts, const struct wardd_writer *w);
void wardd_counts_add(struct wardd_counts *counts, const struct ward_event *event);
void wardd_counts_save(struct wardd_counts *counts, const struct wardd_writer *w, const char *state,
		       bool now);

/* ---- intake.c: events, from the module to the writer ------------------------------- */
struct wardd_intake;
int wardd_intake_start(struct wardd_intake **intake, sd_event *loop,
		       const struct ward_settings *settings, struct wardd_writer *writer,
		       void (*changed)(void *arg), void *arg);
void wardd_intake_again(struct wardd_intake *intake);
void wardd_intake_stop(struct wardd_intake *intake);

/* ---- checker.c: checking vaults after an unclean end ---------------------------------- */
struct wardd_checker;
int wardd_checker_start(struct wardd_checker **checker, sd_event *loop);
void wardd_checker_look(struct wardd_checker *checker);
void wardd_checker_stop(struct wardd_checker *checker);
int wardd_check_vault(const char *text);

/* ---- renewer.c: policies, when programs are replaced and years go by -------------------- */
struct wardd_renewer;
int wardd_renewer_start(struct wardd_renewer **renewer, sd_event *loop);
void wardd_renewer_look(struct wardd_renewer *renewer);
void wardd_renewer_stop(struct wardd_renewer *renewer);
int wardd_renew_policies(void);

#endif
