/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/ward/vaults.d/NAME.conf: which vaults there are, and where. */
#ifndef WARD_CONF_H
#define WARD_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "policyfile.h"

#ifndef WARD_CONF_DIR
#define WARD_CONF_DIR	"/etc/ward/vaults.d"
#endif

/**
 * struct ward_conf - a vault that this machine knows
 * @name: its name
 * @uuid: its UUID
 * @directory: DIR, absolute
 */
struct ward_conf {
	char name[64];
	uint8_t uuid[16];
	char directory[PATH_MAX];
};

/**
 * struct ward_conf_list - all of them, by name
 * @conf: for ward_conf_list_free()
 * @count: how many
 */
struct ward_conf_list {
	struct ward_conf *conf;
	size_t count;
};

int ward_conf_load(const char *name, struct ward_conf *conf, struct ward_err *err);
int ward_conf_read(const char *path, struct ward_conf *conf, struct ward_err *err);
int ward_conf_find(const char *arg, struct ward_conf *conf, struct ward_err *err);
int ward_conf_list(struct ward_conf_list *list, struct ward_err *err);
void ward_conf_list_free(struct ward_conf_list *list);
int ward_conf_text(const char *name, char **text, size_t *len, struct ward_err *err);
int ward_conf_write(const struct ward_conf *conf, const struct ward_policy *policy,
		    struct ward_err *err);
int ward_conf_remove(const char *name);

#endif
