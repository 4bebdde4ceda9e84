/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other ways into a directory than its path. */
#ifndef WARD_WAYS_H
#define WARD_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/**
 * struct ward_ways - the ways into a directory
 * @paths: its names, in any mount namespace, from the top of that; [0] is the usual one
 * @count: how many
 * @room: room there
 * @dev: st_dev of what is in it
 * @mount_dev: the same as mountinfo and maps have it, which on btrfs differs
 * @around: mounts and exports that go on leading into it, whoever closes or covers it
 */
struct ward_ways {
	char **paths;
	size_t count;
	size_t room;
	dev_t dev;
	dev_t mount_dev;
	int around;
};

int ward_ways_path(struct ward_ways *ways, const char *dir);
int ward_ways_find(struct ward_ways *ways, const char *dir, int dirfd, struct ward_err *err);
void ward_ways_free(struct ward_ways *ways);
bool ward_within(const char *path, const char *dir);

#endif
