/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the vault file and unwrapping the master key: docs/format.md, "Vault file". */
#ifndef WARD_VAULTREAD_H
#define WARD_VAULTREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypt.h"

/**
 * struct ward_vault - the bytes of one copy of the vault file
 * @bytes: the file, its structure checked, nothing authenticated; NULL for none
 * @length: bytes
 * @error: why there is no @bytes: negative errno; else 0
 */
struct ward_vault {
	uint8_t *bytes;
	size_t length;
	int error;
};

/**
 * struct ward_vaults - both copies, as they lie in .ward/
 * @copy: "vault", then "vault.bak"
 */
struct ward_vaults {
	struct ward_vault copy[2];
};

/**
 * struct ward_factor - what somebody claims opens the vault
 * @type: WARD_SLOT_*: which kind of slots it is for
 * @data: passphrase without its newline, 32 bytes of a recovery key, key file
 * @length: bytes
 */
struct ward_factor {
	uint16_t type;
	const void *data;
	size_t length;
};

/**
 * struct ward_master - an opened vault
 * @key: the master key
 * @uuid: the vault's
 * @suite: WARD_SUITE_*, for new files
 * @generation: of @key
 * @revision: of the copy that was taken
 * @slot: number of the slot that the secret opened
 * @copy: the copy that was taken: 0 "vault", 1 "vault.bak"
 * @other_bad: the other copy is missing, damaged, or does not authenticate
 * @other_stale: the other copy is valid and has another revision
 *
 * Wipe with explicit_bzero() after use.
 */
struct ward_master {
	uint8_t key[WARD_KEY_SIZE];
	uint8_t uuid[WARD_UUID_SIZE];
	uint16_t suite;
	uint32_t generation;
	uint64_t revision;
	uint32_t slot;
	int copy;
	bool other_bad;
	bool other_stale;
};

int ward_vault_parse(const uint8_t *bytes, size_t length);
const struct ward_vault_header *ward_vault_header(const struct ward_vault *v);
const struct ward_vault_slot *ward_vault_next_slot(const struct ward_vault *v,
						   const struct ward_vault_slot *slot);
int ward_vault_verify(const struct ward_vault *v, const uint8_t master[WARD_KEY_SIZE]);
size_t ward_slot_aad(const struct ward_vault_header *h, const struct ward_vault_slot *slot,
		     uint8_t *aad, size_t size);
int ward_slot_key(const struct ward_vault_slot *slot, const struct ward_factor *factor,
		  uint8_t key[WARD_KEY_SIZE]);

int ward_vaults_load(int ward_fd, struct ward_vaults *vaults);
int ward_vaults_open(const struct ward_vaults *vaults, const struct ward_factor *factor,
		     struct ward_master *master);
void ward_vaults_free(struct ward_vaults *vaults);

#endif
