/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a secret to an unlocked vault. */
#ifndef WARD_UNLOCK_H
#define WARD_UNLOCK_H

#include "conf.h"
#include "err.h"
#include "key.h"
#include "netlink.h"
#include "secret.h"
#include "vaultfile.h"

int ward_unlock_connect(struct ward_nl **nl, struct ward_err *err);
int ward_unlock_factor(struct ward_secret *secret, struct ward_factor *factor,
		       struct ward_err *err);
int ward_unlock_open(const struct ward_conf *conf, const struct ward_factor *factor,
		     struct ward_master *master, struct ward_err *err);
int ward_unlock_vault(struct ward_nl *nl, const struct ward_master *master, struct ward_err *err);
int ward_unlock_lock(struct ward_nl *nl, const uint8_t uuid[WARD_UUID_SIZE], bool now,
		     uint64_t *lost, struct ward_err *err);

#endif
