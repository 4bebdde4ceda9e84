/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets in memory: locked, not dumped, wiped. */
#ifndef WARD_SECRET_H
#define WARD_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define WARD_SECRET_MAX		4096	/* longest passphrase or key file, bytes */

/**
 * struct ward_secret - bytes in memory of their own
 * @len: how many
 * @data: the bytes
 *
 * Lies in whole pages that are locked into memory and left out of core dumps.
 */
struct ward_secret {
	size_t len;
	uint8_t data[];
};

void ward_secret_harden(void);
struct ward_secret *ward_secret_new(void);
void ward_secret_free(struct ward_secret *secret);
int ward_secret_read_fd(int fd, struct ward_secret *secret);
struct ward_secret *ward_secret_read_file(const char *path, struct ward_err *err);

#endif
