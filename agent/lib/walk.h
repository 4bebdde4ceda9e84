/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going through the plain files of a directory that becomes a vault. */
#ifndef WARD_WALK_H
#define WARD_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "err.h"

struct ward_walk;

/**
 * struct ward_walk_at - an object on the way
 * @plain: its directory among the plain files
 * @vault: the same directory in the vault, or -1
 * @name: its name
 * @st: what it is
 */
struct ward_walk_at {
	int plain;
	int vault;
	const char *name;
	struct stat st;
};

/**
 * struct ward_walk_ops - what is done on the way
 * @entry: for each object; for a directory before what is in it
 * @leave: for each directory, after what is in it; may be NULL
 *
 * Both return 0 to go on, or a negative errno.
 */
struct ward_walk_ops {
	int (*entry)(struct ward_walk *walk, const struct ward_walk_at *at);
	int (*leave)(struct ward_walk *walk, const struct ward_walk_at *at);
};

/**
 * struct ward_walk - a walk
 * @ops: what is done
 * @arg: for @ops
 * @err: says what is wrong
 * @top: the top among the plain files; the walk leaves .ward in it out
 * @volume: the top is a mount of its own, so that lost+found is none of its files
 * @dev: st_dev of the top, and of all that is below it
 * @path: path of the object from the top
 * @path_len: bytes of it
 * @path_room: room there
 */
struct ward_walk {
	const struct ward_walk_ops *ops;
	void *arg;
	struct ward_err *err;
	int top;
	bool volume;
	dev_t dev;
	char *path;
	size_t path_len;
	size_t path_room;
};

int ward_walk_run(struct ward_walk *walk, int vault);
int ward_walk_names(int dirfd, char ***names, size_t *count);
void ward_walk_names_free(char **names, size_t count);
int ward_open_dir(int dirfd, const char *name);

#endif
