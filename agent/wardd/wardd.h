/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wardd, grouped by file. One thread, one sd-event loop; what may take long (checking a
 * vault) is a child process. With wardd stopped, files stay usable and events wait in
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
#include "../lib/settings.h"

#define WARDD_STATE	"/var/lib/ward/wardd.state"

/* ---- say.c: what the daemon has to say of itself ------------------------------ */
__attribute__((format(printf, 2, 3)))
void wardd_say(int priority, const char *fmt, ...);
void wardd_say_err(int priority, const struct ward_err *err);

/* ---- writer.c: the log file ----------------------------------------------------- */

/**
 * struct wardd_writer - the log file, and where it stands
 * @settings: for where it is
 * @fd: the file, or -1
 * @prev: hash of that line; "" before the first one
 * @load_id: of the module whose event that was
 * @sequence: number of that event; 0 for none
 * @unsynced: there are lines that are not durable yet
 */
struct wardd_writer {
	const struct ward_settings *settings;
	int fd;
	char prev[WARD_LOG_PREV];
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t sequence;
	bool unsynced;
};

int wardd_writer_open(struct wardd_writer *w, const struct ward_settings *settings);
int wardd_writer_append(struct wardd_writer *w, json_t *object, const struct ward_event *event);
int wardd_writer_sync(struct wardd_writer *w);
int wardd_writer_reopen(struct wardd_writer *w, bool force);
void wardd_writer_close(struct wardd_writer *w);

/* ---- journal.c: the systemd journal ----------------------------------------------- */
void wardd_journal(json_t *object, const struct ward_event *event);

/* ---- names.c: names of vaults and users ---------------------------------------------- */
struct wardd_names;
struct wardd_names *wardd_names_new(void);
void wardd_names_free(struct wardd_names *names);
void wardd_names_vault(const uint8_t *uuid, char *name, char *dir, void *arg);
void wardd_names_user(uint32_t uid, char *name, void *arg);
void wardd_names_changed(struct wardd_names *names);

/* ---- intake.c: events, from the module to the writer ------------------------------- */
struct wardd_intake;
int wardd_intake_start(struct wardd_intake **intake, sd_event *loop,
		       const struct ward_settings *settings, struct wardd_writer *writer,
		       void (*changed)(void *arg), void *arg);
void wardd_intake_stop(struct wardd_intake *intake);

/* ---- checker.c: checking vaults after an unclean end ---------------------------------- */
struct wardd_checker;
int wardd_checker_start(struct wardd_checker **checker, sd_event *loop);
void wardd_checker_look(struct wardd_checker *checker);
void wardd_checker_stop(struct wardd_checker *checker);
int wardd_check_vault(const char *text);

#endif
