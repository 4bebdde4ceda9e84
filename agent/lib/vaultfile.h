/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making the vault file, and saying what is wrong with one: docs/format.md, "Vault file". */
#ifndef WARD_VAULTFILE_H
#define WARD_VAULTFILE_H

#include <stdbool.h>

#include "err.h"
#include "vaultread.h"

/**
 * struct ward_argon2 - what a passphrase costs to try
 * @passes: passes over the memory
 * @memory_kib: memory, KiB
 * @lanes: lanes
 */
struct ward_argon2 {
	uint32_t passes;
	uint32_t memory_kib;
	uint32_t lanes;
};

/* RFC 9106, section 4: the second recommended option. */
#define WARD_ARGON2_PASSES	3
#define WARD_ARGON2_MEMORY_KIB	(64 << 10)
#define WARD_ARGON2_LANES	4

/**
 * struct ward_vaultfile - a vault file that is being made
 * @length: bytes so far
 * @bytes: header, slots, MAC
 */
struct ward_vaultfile {
	size_t length;
	uint8_t bytes[WARD_VAULT_MAX];
};

void ward_vaultfile_begin(struct ward_vaultfile *vf, const uint8_t uuid[WARD_UUID_SIZE],
			  uint16_t suite);
void ward_vaultfile_renew(struct ward_vaultfile *vf, const struct ward_vault *old,
			  uint16_t without);
int ward_vaultfile_add_slot(struct ward_vaultfile *vf, const struct ward_factor *factor,
			    const struct ward_argon2 *cost, const char *label,
			    const uint8_t master[WARD_KEY_SIZE]);
int ward_vaultfile_seal(struct ward_vaultfile *vf, const uint8_t master[WARD_KEY_SIZE]);
int ward_vaultfile_store(int dirfd, const void *bytes, size_t length);
int ward_vaultfile_mend(int dirfd, const struct ward_vaults *vaults, int good);

int ward_vaultfile_load(int dirfd, struct ward_vaults *vaults, struct ward_err *err);
const struct ward_vault *ward_vaultfile_best(const struct ward_vaults *vaults);
bool ward_vaultfile_differ(const struct ward_vaults *vaults);
const char *ward_vaultfile_copy_name(int copy);
int ward_vaultfile_open(const struct ward_vaults *vaults, const struct ward_factor *factor,
			struct ward_master *master, struct ward_err *err);
const char *ward_slot_type_name(uint16_t type);
const char *ward_suite_name(uint16_t suite);

#endif
