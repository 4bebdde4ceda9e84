/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are there whole, old or new, whatever happens. */
#ifndef WARD_DURABLE_H
#define WARD_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

struct ward_err;

int ward_durable_sync_dir(int dirfd);
int ward_durable_write(int dirfd, const char *name, const void *data, size_t len, mode_t mode);
int ward_durable_rename(int dirfd, const char *from, const char *to);
int ward_durable_unlink(int dirfd, const char *name);
int ward_durable_read(int dirfd, const char *name, size_t max, void **data, size_t *len);
int ward_durable_read_text(const char *path, size_t max, void **text, size_t *len, struct ward_err *err);
int ward_write_all(int fd, const void *data, size_t len);
int ward_mkdirs(const char *path, mode_t mode);

#endif
