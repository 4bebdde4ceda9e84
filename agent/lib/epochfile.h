/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The epoch file: made by us once, then the kernel's: docs/format.md, "Epoch". */
#ifndef WARD_EPOCHFILE_H
#define WARD_EPOCHFILE_H

#include "key.h"

int ward_epochfile_make(const struct ward_master *master,
			struct ward_epoch_record records[2]);
int ward_epochfile_read(int dirfd, const struct ward_master *master,
			struct ward_epoch_record *record);

#endif
