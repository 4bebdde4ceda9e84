// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The master key in our memory and in the kernel's keyring.
 *
 * The key goes into root's user keyring, which every process of root shares,
 * whatever session it is in. A process may use what is in there only when its
 * own session keyring leads to it; under systemd, and in a bare shell, it does
 * not. So we begin a session of our own with a link to the user keyring; it ends
 * with this process and changes nothing for others.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <keyutils.h>

#include "crypt.h"
#include "key.h"
#include "text.h"

#define KEY_TYPE	"ward"
#define KEY_DESC_SIZE	(sizeof("ward:") + WARD_UUID_TEXT)

/**
 * ward_master_new - locked memory for a master key
 *
 * Return: it, zeroed, or NULL with errno set.
 */
struct ward_master *ward_master_new(void)
{
	void *p = mmap(NULL, sizeof(struct ward_master), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, sizeof(struct ward_master), MADV_DONTDUMP);
	madvise(p, sizeof(struct ward_master), MADV_WIPEONFORK);
	if (mlock(p, sizeof(struct ward_master))) {
		int error = errno;

		munmap(p, sizeof(struct ward_master));
		errno = error;
		return NULL;
	}
	return p;
}

/**
 * ward_master_free - wipe a master key and give its memory back
 * @master: may be NULL
 */
void ward_master_free(struct ward_master *master)
{
	if (!master)
		return;
	explicit_bzero(master, sizeof(*master));
	munmap(master, sizeof(*master));
}

/**
 * ward_master_derive - derive a key from the master key
 * @master: the master key
 * @label: WARD_LABEL_*
 * @key: 32 bytes out; the caller wipes them
 *
 * Return: 0 or a negative errno.
 */
int ward_master_derive(const struct ward_master *master, const char *label,
		       uint8_t key[WARD_KEY_SIZE])
{
	return ward_hkdf(master->uuid, master->key, WARD_KEY_SIZE, label, NULL, 0, key,
			 WARD_KEY_SIZE);
}

static void describe(const uint8_t *uuid, char desc[KEY_DESC_SIZE])
{
	strcpy(desc, "ward:");
	ward_text_uuid(uuid, desc + 5);
}

static int own_session(void)
{
	static int done;

	if (done)
		return 0;
	if (keyctl_join_session_keyring(NULL) < 0 ||
	    keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) < 0)
		return -errno;
	done = 1;
	return 0;
}

/**
 * ward_key_add - put a master key into the kernel's keyring
 * @master: the master key
 * @serial: set to the key's serial number
 * @err: says what is wrong
 *
 * A key of the same vault that is there already is replaced.
 *
 * Return: 0; -ENODEV (and cause WARD_NO_MODULE) when the key type is not known;
 * another negative errno.
 */
int ward_key_add(const struct ward_master *master, int32_t *serial, struct ward_err *err)
{
	struct ward_key_payload payload = {
		.version = htole32(WARD_FORMAT_VERSION),
		.generation = htole32(master->generation),
	};
	char desc[KEY_DESC_SIZE];
	key_serial_t id;
	int error, ret;

	ret = own_session();
	if (ret)
		return ward_fail_errno(err, ret, "cannot use the kernel's user keyring");
	describe(master->uuid, desc);
	memcpy(payload.key, master->key, sizeof(payload.key));
	id = add_key(KEY_TYPE, desc, &payload, sizeof(payload), KEY_SPEC_USER_KEYRING);
	error = errno;
	explicit_bzero(&payload, sizeof(payload));
	if (id < 0 && error == ENODEV)
		return ward_fail(err, ENODEV, WARD_NO_MODULE,
				 "the kernel does not know keys of type \"ward\": the module wardfs is not loaded; try modprobe wardfs");
	if (id < 0 && error == EDQUOT)
		return ward_fail(err, EDQUOT, WARD_FAILED,
				 "root's key quota is used up: raise /proc/sys/kernel/keys/root_maxkeys and root_maxbytes");
	if (id < 0)
		return ward_fail_errno(err, error, "cannot add the key to the kernel's keyring");
	*serial = id;
	return 0;
}

/**
 * ward_key_drop - take a vault's key out of the kernel's keyring
 * @uuid: of the vault
 *
 * The kernel invalidates the key itself when it locks; this is for a key that
 * never was used, or stayed. No such key is not an error.
 */
void ward_key_drop(const uint8_t uuid[WARD_UUID_SIZE])
{
	char desc[KEY_DESC_SIZE];
	long id;

	if (own_session())
		return;
	describe(uuid, desc);
	id = keyctl_search(KEY_SPEC_USER_KEYRING, KEY_TYPE, desc, 0);
	if (id > 0 && keyctl_invalidate(id))
		keyctl_unlink(id, KEY_SPEC_USER_KEYRING);
}
