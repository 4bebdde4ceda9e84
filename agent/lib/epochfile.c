// SPDX-License-Identifier: GPL-2.0-or-later
/* The epoch file. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "../../module/header.h"
#include "crypt.h"
#include "durable.h"
#include "epochfile.h"

#define MAC_COVERS	offsetof(struct ward_epoch_record, mac)

/**
 * ward_epochfile_make - the epoch file of a vault that nothing was written to
 * @master: the master key
 * @records: filled: sequences 0 and 1 of epoch 0, clean and checked, so that
 *	both places authenticate from the start
 *
 * Return: 0 or a negative errno.
 */
int ward_epochfile_make(const struct ward_master *master,
			struct ward_epoch_record records[2])
{
	uint8_t key[WARD_KEY_SIZE];
	int ret = ward_master_derive(master, WARD_LABEL_EPOCH_MAC, key);
	int i;

	memset(records, 0, 2 * sizeof(*records));
	for (i = 0; i < 2 && !ret; i++) {
		struct ward_epoch_record *r = &records[i];

		memcpy(r->magic, WARD_EPOCH_MAGIC, sizeof(r->magic));
		r->version = htole16(WARD_FORMAT_VERSION);
		r->flags = htole16(WARD_EPOCH_CLEAN | WARD_EPOCH_CHECKED);
		memcpy(r->vault, master->uuid, sizeof(r->vault));
		r->sequence = htole64(i);
		ret = ward_hmac_sha256(key, r, MAC_COVERS, r->mac);
	}
	explicit_bzero(key, sizeof(key));
	return ret;
}

/**
 * ward_epochfile_read - the epoch record that counts
 * @dirfd: .ward
 * @master: the master key
 * @record: set to the authentic one with the higher sequence
 *
 * Return: 0; -EBADMSG when none is authentic; another negative errno.
 */
int ward_epochfile_read(int dirfd, const struct ward_master *master,
			struct ward_epoch_record *record)
{
	uint8_t key[WARD_KEY_SIZE], mac[WARD_MAC_SIZE];
	struct ward_epoch_record *r;
	void *bytes = NULL;
	bool found = false;
	size_t len, i;
	int ret;

	ret = ward_durable_read(dirfd, WARD_EPOCH_NAME, 2 * sizeof(*r), &bytes, &len);
	if (ret)
		return ret;
	ret = ward_master_derive(master, WARD_LABEL_EPOCH_MAC, key);
	r = bytes;
	for (i = 0; !ret && i < len / sizeof(*r); i++) {
		if (ward_epoch_check(&r[i], master->uuid) ||
		    ward_hmac_sha256(key, &r[i], MAC_COVERS, mac) ||
		    CRYPTO_memcmp(mac, r[i].mac, sizeof(mac)))
			continue;
		if (!found || le64toh(r[i].sequence) > le64toh(record->sequence))
			*record = r[i];
		found = true;
	}
	explicit_bzero(key, sizeof(key));
	free(bytes);
	return ret ? ret : found ? 0 : -EBADMSG;
}
