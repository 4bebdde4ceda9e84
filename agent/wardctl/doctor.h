/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wardctl doctor: what its two files share. */
#ifndef WARDCTL_DOCTOR_H
#define WARDCTL_DOCTOR_H

#include <stdbool.h>

#include <jansson.h>

#include "../lib/netlink.h"
#include "../lib/settings.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARNING,
	DOCTOR_PROBLEM,
	DOCTOR_STATES
};

/**
 * struct doctor - the findings
 * @count: of each state
 * @json: list of them, with --json
 * @color: the output may be coloured
 * @nl: to the module, or NULL
 * @module: what it says of itself, when @loaded
 * @loaded: the module is there, and new enough
 * @no_module: the module is what stops Ward
 * @settings: ward.conf
 */
struct doctor {
	unsigned int count[DOCTOR_STATES];
	json_t *json;
	bool color;
	struct ward_nl *nl;
	struct ward_module module;
	bool loaded;
	bool no_module;
	struct ward_settings settings;
};

__attribute__((format(printf, 5, 6)))
void doctor_say(struct doctor *d, enum doctor_state state, const char *name, const char *mend,
		const char *fmt, ...);

/* ---- machine.c ---- */
void doctor_crypto(struct doctor *d);
void doctor_keyring(struct doctor *d);
void doctor_yama(struct doctor *d);
void doctor_swap(struct doctor *d);

#endif
