/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the making of a vault is: .ward/creating. */
#ifndef WARD_STAGE_H
#define WARD_STAGE_H

#include <limits.h>
#include <stdbool.h>
#include <time.h>

/* In order. What each promises to whoever finds it: docs/keys.md, "Making a vault". */
enum ward_stage_at {
	WARD_STAGE_BEGUN,	/* .ward is being made; DIR is as it was */
	WARD_STAGE_COPYING,	/* every plain file is there; DIR is closed */
	WARD_STAGE_REMOVING,	/* everything is in the vault; plain files go */
	WARD_STAGE_FINISHING,	/* no plain file is left */
	WARD_STAGE_UNDOING,	/* DIR is as it was; .ward goes */
};

/**
 * struct ward_stage - what .ward/creating says
 * @at: how far it is
 * @name: of the vault
 * @recovery_told: a recovery key was made and handed over
 * @recovery_none: none is wanted
 * @recovery_file: the file that it is handed over in, absolute; "" for none
 * @times: last access and change of DIR before it all began
 */
struct ward_stage {
	enum ward_stage_at at;
	char name[64];
	bool recovery_told;
	bool recovery_none;
	char recovery_file[PATH_MAX];
	struct timespec times[2];
};

int ward_stage_read(int ward, struct ward_stage *stage);
int ward_stage_write(int ward, const struct ward_stage *stage);
int ward_stage_end(int ward);
int ward_erase(int dirfd, const char *name);

#endif
