/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The master key: what is derived from it, and the kernel's keyring. */
#ifndef WARD_KEY_H
#define WARD_KEY_H

#include <stdint.h>

#include "err.h"
#include "vaultread.h"

struct ward_master *ward_master_new(void);
void ward_master_free(struct ward_master *master);
int ward_master_derive(const struct ward_master *master, const char *label,
		       uint8_t key[WARD_KEY_SIZE]);
int ward_key_add(const struct ward_master *master, int32_t *serial, struct ward_err *err);
void ward_key_drop(const uint8_t uuid[WARD_UUID_SIZE]);

#endif
