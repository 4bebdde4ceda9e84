/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounting vaults, and reaching what lies below them. */
#ifndef WARD_MNT_H
#define WARD_MNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf.h"
#include "err.h"

#define WARD_RUN_DIR	"/run/ward"
#define WARD_LOWER_DIR	"/run/ward/lower"	/* NAME: the ciphertext view */
#define WARD_CREATE_DIR	"/run/ward/create"	/* NAME: a vault that is being made */
#define WARD_FSTYPE	"wardfs"
#define WARD_CREATING_NAME	"creating"	/* in .ward, while a vault is being made */

/**
 * struct ward_mount - a mount
 * @found: there is one
 * @wardfs: it is a vault's
 */
struct ward_mount {
	bool found;
	bool wardfs;
};

int ward_mnt_at(const char *path, struct ward_mount *mount, struct ward_err *err);
int ward_mnt_below(const char *dir, struct ward_err *err);
int ward_mnt_private_dir(const char *path, struct ward_err *err);
int ward_mnt_unview(const char *name, struct ward_err *err);
bool ward_mnt_has_view(const char *name);
int ward_mnt_open(const char *dir, struct ward_err *err);
int ward_mnt_dir(const struct ward_conf *conf, struct ward_err *err);
int ward_mnt_mount(const struct ward_conf *conf, int dirfd, int target, unsigned long flags,
		   const char *options, struct ward_err *err);
int ward_mnt_umount(const char *target, struct ward_err *err);
int ward_mnt_umount_all(const struct ward_conf *conf, struct ward_err *err);
int ward_mnt_lower(const struct ward_conf *conf, bool write, struct ward_err *err);
int ward_mnt_ward_dir(const struct ward_conf *conf, bool write, struct ward_err *err);
int ward_mnt_vault(const struct ward_conf *conf, unsigned long flags, const char *options,
		   struct ward_err *err);
int ward_mnt_module(struct ward_err *err);
int ward_mnt_lock(const char *name, struct ward_err *err);
int ward_mnt_lock_within(const char *name, unsigned int patience, struct ward_err *err);

#endif
