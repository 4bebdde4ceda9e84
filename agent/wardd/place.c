// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The log may lie in a vault, since it names files. While that is locked, nothing is touched in
 * it: each attempt would be an event of its own, and fill the kernel's room for events. While it
 * is not mounted, the directory is an ordinary one, in which the log would not be encrypted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/conf.h"
#include "wardd.h"

static bool lies_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return len > 1 && !strncmp(path, dir, len) && path[len] == '/';
}

static bool unlocked(const uint8_t *uuid)
{
	struct ward_mounted vault;
	struct ward_nl *nl;
	bool yes;

	if (ward_nl_open(&nl))
		return false;
	yes = !ward_nl_vault_get(nl, uuid, &vault) && vault.state == WARD_STATE_UNLOCKED;
	ward_nl_close(nl);
	return yes;
}

/**
 * wardd_place_ready - can files be made where the log is to be
 * @path: the log
 * @name: set to the vault that is waited for
 *
 * Only vaults in the configuration are known; the path is taken as it is written.
 *
 * Return: 0; -ENOKEY: it lies in a vault that is not mounted and unlocked.
 */
int wardd_place_ready(const char *path, char name[64])
{
	struct ward_conf_list list;
	struct ward_err err;
	int ret = 0;
	size_t i;

	ward_err_clear(&err);
	if (ward_conf_list(&list, &err))
		return 0;
	for (i = 0; !ret && i < list.count; i++) {
		if (!lies_in(path, list.conf[i].directory) || unlocked(list.conf[i].uuid))
			continue;
		snprintf(name, 64, "%s", list.conf[i].name);
		ret = -ENOKEY;
	}
	ward_conf_list_free(&list);
	return ret;
}
