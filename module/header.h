/* SPDX-License-Identifier: GPL-2.0-only */
/* The bytes of file headers, data units and epoch records; no cryptography. */
#ifndef WARD_HEADER_H
#define WARD_HEADER_H

#include "bytes.h"

int ward_header_check(const struct ward_file_header *h, const u8 *vault);
bool ward_bytes_zero(const void *p, size_t len);
void ward_unit_aad(struct ward_unit_aad *aad, u64 block, u16 length, u16 flags);
int ward_unit_check(const struct ward_unit_header *u, u64 block);
void ward_nonce(u8 *nonce, u32 epoch, u32 salt, u64 counter);
int ward_epoch_check(const struct ward_epoch_record *r, const u8 *vault);
int ward_vault_check(const struct ward_vault_header *h, size_t length);

#endif
