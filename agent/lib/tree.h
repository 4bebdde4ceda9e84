/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vault as it lies below, read without the kernel module: docs/format.md. The
 * reader trusts no writer: it checks everything that the format promises.
 */
#ifndef WARD_TREE_H
#define WARD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "name.h"
#include "vaultfile.h"

/**
 * struct ward_epoch - what the epoch file says
 * @authentic: how many of the two records authenticate
 * @number: of the last epoch
 * @flags: WARD_EPOCH_* of the last record
 * @sequence: of the last record
 * @policy_serial: of the last record
 */
struct ward_epoch {
	int authentic;
	uint32_t number;
	uint16_t flags;
	uint64_t sequence;
	uint64_t policy_serial;
};

/**
 * struct ward_tree - an opened vault
 * @ward_fd: the directory .ward/, or -1
 * @tree_fd: the directory .ward/tree/, or -1
 * @vaults: both copies of the vault file
 * @master: master key and what goes with it; set by ward_tree_unlock()
 * @epoch: likewise
 * @unchecked: rule R2 holds, not R1; likewise; may be set by the caller then
 * @wrap: wrapping key
 * @names: names key
 * @links: links key
 */
struct ward_tree {
	int ward_fd;
	int tree_fd;
	struct ward_vaults vaults;
	struct ward_master master;
	struct ward_epoch epoch;
	bool unchecked;
	uint8_t wrap[WARD_KEY_SIZE];
	uint8_t names[WARD_KEY_SIZE];
	uint8_t links[WARD_KEY_SIZE];
};

/**
 * struct ward_dir - the keys of a directory
 * @id: its id
 * @names: keys of its entries' names
 * @xattrs: keys of its own user xattrs
 */
struct ward_dir {
	uint8_t id[WARD_ID_SIZE];
	uint8_t names[WARD_SIV_KEYS_SIZE];
	uint8_t xattrs[WARD_SIV_KEYS_SIZE];
};

int ward_tree_open(const char *path, struct ward_tree *tree, struct ward_err *err);
int ward_tree_unlock(struct ward_tree *tree, const struct ward_factor *factor,
		     struct ward_err *err);
void ward_tree_close(struct ward_tree *tree);

int ward_epoch_parse(const uint8_t *bytes, size_t length, const uint8_t uuid[WARD_UUID_SIZE],
		     const uint8_t mac_key[WARD_KEY_SIZE], struct ward_epoch *epoch);
int ward_tree_dir(const struct ward_tree *tree, int fd, struct ward_dir *dir);
int ward_tree_name(const struct ward_dir *dir, int fd, const char *lower,
		   char name[WARD_NAME_MAX + 1]);
int ward_tree_target(const struct ward_tree *tree, int fd, const char *lower,
		     char target[WARD_TARGET_MAX + 1]);

#endif
