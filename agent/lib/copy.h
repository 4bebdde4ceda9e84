/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copying plain files into a vault, and comparing them with what is there. */
#ifndef WARD_COPY_H
#define WARD_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "err.h"
#include "links.h"
#include "walk.h"

/**
 * struct ward_progress - how far a pass is
 * @what: "copying", "comparing", "removing"
 * @bytes: of file contents so far
 * @bytes_total: of file contents in all; as found at the beginning
 * @objects: files and directories so far
 * @objects_total: files and directories in all
 */
struct ward_progress {
	const char *what;
	uint64_t bytes;
	uint64_t bytes_total;
	uint64_t objects;
	uint64_t objects_total;
};

/* Told often; not 0 ends the pass with -EINTR. */
typedef int (*ward_progress_fn)(const struct ward_progress *progress, void *arg);

/**
 * struct ward_copier - what copying and comparing need
 * @err: says what is wrong
 * @vault: the vault's top
 * @links: files with several names, met so far in this pass
 * @progress: how far it is
 * @tell: told of it; may be NULL
 * @tell_arg: for @tell
 * @buf: two buffers of WARD_COPY_CHUNK bytes each
 * @copied: objects copied in this pass
 * @thinned: some plain files are gone already, so that link counts and directories'
 *	times do not say anything any more
 */
struct ward_copier {
	struct ward_err *err;
	int vault;
	struct ward_links links;
	struct ward_progress progress;
	ward_progress_fn tell;
	void *tell_arg;
	char *buf[2];
	uint64_t copied;
	bool thinned;
};

#define WARD_COPY_CHUNK	(1 << 20)

int ward_copier_init(struct ward_copier *copier);
void ward_copier_exit(struct ward_copier *copier);
int ward_copier_tell(struct ward_copier *copier, uint64_t bytes);

int ward_copy_entry(struct ward_copier *copier, const struct ward_walk_at *at, const char *path,
		    bool again);
int ward_copy_dir_attrs(struct ward_copier *copier, const struct ward_walk_at *at,
			const char *path);
int ward_compare_entry(struct ward_copier *copier, const struct ward_walk_at *at,
		       const char *path);
int ward_compare_dir_attrs(struct ward_copier *copier, const struct ward_walk_at *at,
			   const char *path);
bool ward_looks_copied(const struct stat *plain, const struct stat *vault);

#endif
