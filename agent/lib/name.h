/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading names, symlink targets and xattrs as they lie below: docs/format.md, "SIV". */
#ifndef WARD_NAME_H
#define WARD_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "../../module/codec.h"
#include "crypt.h"

/* How an entry of a lower directory is called. */
enum ward_lname {
	WARD_LNAME_HIDDEN,	/* a hidden symlink: never shown */
	WARD_LNAME_DIGEST,	/* the digest of a long name */
	WARD_LNAME_INLINE,	/* the name itself, encrypted; or nothing of ours */
};

/* Room for the name of the hidden symlink that holds a long name, with its NUL. */
#define WARD_HIDDEN_SIZE	(sizeof(WARD_LONG_PREFIX) + WARD_DIGEST_LEN)

enum ward_lname ward_lname_kind(const char *lower);
int ward_lname_hidden(const char *lower, char hidden[WARD_HIDDEN_SIZE]);
int ward_name_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], const char *lower, const char *full,
		   char name[WARD_NAME_MAX + 1]);
int ward_dirid_open(const char *lower, uint8_t id[WARD_ID_SIZE]);
int ward_target_open(const uint8_t uuid[WARD_UUID_SIZE], const uint8_t links[WARD_KEY_SIZE],
		     const char *lower, char target[WARD_TARGET_MAX + 1]);
int ward_xname_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], const char *lower,
		    char name[WARD_XNAME_MAX + 1]);
int ward_xvalue_open(const uint8_t keys[WARD_SIV_KEYS_SIZE], const char *name,
		     const uint8_t *in, size_t len, uint8_t *value);

#endif
