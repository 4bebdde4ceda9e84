/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going through the ciphertext tree. */
#ifndef RECOVER_WALK_H
#define RECOVER_WALK_H

#include "../lib/tree.h"
#include "report.h"

/**
 * struct recover - a recovery, or a verification
 * @tree: the unlocked vault
 * @report: what is told
 * @out: OUTDIR; -1 when nothing is to be written
 */
struct recover {
	const struct ward_tree *tree;
	struct report *report;
	int out;
};

int recover_tree(struct recover *rc);

/* copy.c: one object */
struct place;
int copy_file(struct recover *rc, int lower_dir, const char *lower, const struct place *to);
int copy_special(struct recover *rc, int lower_dir, const char *lower, const struct stat *st,
		 const struct place *to);
void copy_user_xattrs(struct recover *rc, int lower, int out, const uint8_t *keys,
		      const char *path);
void copy_other_xattrs(struct recover *rc, int lower, int out, const char *path);

/**
 * struct place - where an object goes, and what it is called in reports
 * @dir: directory below OUTDIR, or -1
 * @name: its name there
 * @path: path to show
 */
struct place {
	int dir;
	const char *name;
	const char *path;
};

#endif
