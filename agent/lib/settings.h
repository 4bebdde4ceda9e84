/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/ward/ward.conf: what the daemon is told. */
#ifndef WARD_SETTINGS_H
#define WARD_SETTINGS_H

#include <limits.h>
#include <stdbool.h>

#include "err.h"

#define WARD_SETTINGS_PATH	"/etc/ward/ward.conf"
#define WARD_DAEMON_PID		"/run/ward/wardd.pid"	/* locked while wardd runs */

/**
 * struct ward_settings - what ward.conf says
 * @log: the event log
 * @sync: make it durable after each batch of events
 * @journal: hand events to the systemd journal, too
 * @check: check vaults after an unclean end
 */
struct ward_settings {
	char log[PATH_MAX];
	bool sync;
	bool journal;
	bool check;
};

int ward_settings_load(const char *path, struct ward_settings *settings, struct ward_err *err);

#endif
