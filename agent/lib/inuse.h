/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses what lies below a directory. */
#ifndef WARD_INUSE_H
#define WARD_INUSE_H

#include "err.h"
#include "ways.h"

int ward_inuse(const char *dir, int dirfd, struct ward_err *err);

#endif
