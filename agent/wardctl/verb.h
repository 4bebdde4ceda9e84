/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wardctl: what every verb is, and what all of them share. One file a verb; the
 * table that names them is in main.c.
 *
 * A verb reads its options with verb_getopt(), which handles the global ones
 * wherever they stand, then does its work with agent/lib, says the outcome with
 * what ui.c offers, and returns an exit status (enum ward_cause).
 */
#ifndef WARDCTL_VERB_H
#define WARDCTL_VERB_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "../lib/conf.h"
#include "../lib/err.h"
#include "../lib/netlink.h"
#include "../lib/secret.h"
#include "../lib/vaultfile.h"

/**
 * struct verb - a verb of wardctl
 * @name: what is typed
 * @args: what follows it, for people; lines begin where the first one does
 * @what: what it does, in one line
 * @help: its options, and what else is to be said; lines that end in newlines; may be NULL
 * @run: does it; argv[0] is the verb; returns the exit status
 */
struct verb {
	const char *name;
	const char *args;
	const char *what;
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct verb verb_create, verb_mount, verb_umount, verb_unlock, verb_lock,
	verb_status, verb_key, verb_policy, verb_log, verb_check, verb_doctor;

/* ---- main.c: the command line ------------------------------------------- */

/**
 * struct verb_globals - the global options
 * @json: machine-readable output
 * @quiet: say nothing that is not asked for or wrong
 * @color: standard error may be coloured
 * @yes: every question is answered with yes
 */
struct verb_globals {
	bool json;
	bool quiet;
	bool color;
	bool yes;
};

extern struct verb_globals verb_globals;
extern const struct verb *verb_current;

#define VERB_DONE	(-1)	/* no more options: optind is the first argument */
#define VERB_BAD	'?'	/* wrong usage, and told so: return WARD_USAGE */
#define VERB_OPTION	0x100	/* values of a verb's own options begin here */

int verb_getopt(int argc, char **argv, const struct option *own);
__attribute__((format(printf, 1, 2)))
int verb_usage(const char *fmt, ...);
int verb_args(int argc, int least, int most);

/* ---- ui.c: what is said ---------------------------------------------------- */
__attribute__((format(printf, 1, 2)))
void ui_say(const char *fmt, ...);
__attribute__((format(printf, 1, 2)))
void ui_warn(const char *fmt, ...);
json_t *ui_warnings(void);
void ui_notes(const struct ward_err *err);
int ui_fail(const struct ward_err *err);
int ui_json(json_t *object);
json_t *ui_string(const char *s);
void ui_qr(const char *text);
bool ui_confirm(const char *question);
int ui_need_root(void);
void ui_progress(const char *what, uint64_t done, uint64_t total);
void ui_progress_end(void);

/* ---- ask.c: secrets --------------------------------------------------------- */

/**
 * struct ask - where a secret comes from
 * @type: WARD_SLOT_*: what kind it is
 * @file: out of this file ("-": standard input); NULL: a terminal
 */
struct ask {
	uint16_t type;
	const char *file;
};

/* The options of every verb that takes a secret, and their values. */
enum {
	ASK_PASSPHRASE = VERB_OPTION + 0x80, ASK_RECOVERY, ASK_KEYFILE,
};
#define ASK_OPTIONS								\
	{ "passphrase-file", required_argument, NULL, ASK_PASSPHRASE },		\
	{ "recovery-key-file", required_argument, NULL, ASK_RECOVERY },		\
	{ "key-file", required_argument, NULL, ASK_KEYFILE }

int ask_option(struct ask *ask, int option, const char *file);
struct ward_secret *ask_secret(const struct ask *ask, const char *prompt,
			       struct ward_factor *factor, struct ward_err *err);
struct ward_secret *ask_new_passphrase(const char *file, struct ward_err *err);

/* ---- when.c: points in time --------------------------------------------------------- */
int when_parse(const char *text, int64_t *since);

/* ---- log.c: its further words ---------------------------------------------------- */
int log_verify(const char *file, const char *state, const char *key_file);
int log_key(bool new_key, const char *key_file);

#endif
