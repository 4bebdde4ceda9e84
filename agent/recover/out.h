/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing below OUTDIR, and nowhere else. */
#ifndef RECOVER_OUT_H
#define RECOVER_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "../lib/err.h"

int out_begin(const char *path, const char *lower, int *fd, struct ward_err *err);
bool out_hopeless(int err);
int out_open_path(int root, const char *path);
int out_mkdir(int dir, const char *name);
int out_create(int dir, const char *name);
int out_write(int fd, uint64_t pos, const uint8_t *bytes, size_t len);
int out_finish(int fd, const struct stat *st);
int out_finish_at(int dir, const char *name, const struct stat *st);

#endif
