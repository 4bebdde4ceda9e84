// SPDX-License-Identifier: GPL-2.0-or-later
/* From a secret to an unlocked vault, and back. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mnt.h"
#include "text.h"
#include "unlock.h"

/* What the kernel said, or the words for an errno. */
static const char *why(const struct ward_nl *nl, int ret)
{
	const char *text = ward_nl_why(nl);

	return *text ? text : strerror(-ret);
}

/* Does the module make and read what these tools do? Who has no right to ask is told so later. */
static int new_enough(struct ward_nl *nl, struct ward_err *err)
{
	const unsigned int wanted = WARD_FORMAT_VERSION;
	struct ward_module module;
	int ret = ward_nl_module_get(nl, &module);

	if (ret == -EPROTO || ret == -EOPNOTSUPP)
		return ward_fail(err, EPROTO, WARD_NO_MODULE,
				 "the kernel module wardfs does not speak with these tools as it should: it is too old; install the one of this version (see wardctl doctor), unmount all vaults, and load it");
	if (ret)
		return ret == -EPERM ? 0 : ward_fail_errno(err, ret, "cannot ask the kernel module");
	if (module.format == wanted)
		return 0;
	return ward_fail(err, EPROTONOSUPPORT, WARD_NO_MODULE,
			 "the kernel module wardfs %s knows vaults of format %u, these tools those of format %u: it is too %s; install the one of this version (see wardctl doctor), unmount all vaults, and load it",
			 module.version, module.format, wanted,
			 module.format < wanted ? "old" : "new");
}

/**
 * ward_unlock_connect - reach the kernel module, loading it if need be
 * @nl: set to the connection, for ward_nl_close()
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int ward_unlock_connect(struct ward_nl **nl, struct ward_err *err)
{
	int ret = ward_mnt_module(err);

	if (ret)
		return ret;
	ret = ward_nl_open(nl);
	if (ret == -ENOENT)
		return ward_fail(err, ENOENT, WARD_NO_MODULE,
				 "the kernel module wardfs does not answer: it is too old, or was just unloaded; try modprobe wardfs");
	if (ret)
		return ward_fail_errno(err, ret, "cannot reach the kernel module");
	ret = new_enough(*nl, err);
	if (ret) {
		ward_nl_close(*nl);
		*nl = NULL;
	}
	return ret;
}

static int parse_recovery(struct ward_secret *secret, struct ward_err *err)
{
	uint8_t key[WARD_RECOVERY_SIZE];
	int ret = ward_text_parse_recovery((const char *)secret->data, secret->len, key);

	if (ret)
		return ward_fail(err, -ret, WARD_BAD_KEY, ret == -EBADMSG ?
				 "the recovery key is mistyped: its checksum does not hold" :
				 "this is not a recovery key: it has 14 groups of 4 letters or digits");
	memcpy(secret->data, key, sizeof(key));
	secret->len = sizeof(key);
	explicit_bzero(key, sizeof(key));
	return 0;
}

/**
 * ward_unlock_factor - make of a secret what opens a key slot
 * @secret: as it was read; a recovery key is turned from text into its bytes
 * @factor: its @type is set; the rest is filled, and lives as long as @secret
 * @err: says what is wrong
 *
 * Return: 0; -EINVAL or -EBADMSG for what is no recovery key.
 */
int ward_unlock_factor(struct ward_secret *secret, struct ward_factor *factor,
		       struct ward_err *err)
{
	int ret = factor->type == WARD_SLOT_RECOVERY ? parse_recovery(secret, err) : 0;

	factor->data = secret->data;
	factor->length = secret->len;
	return ret;
}

/**
 * ward_unlock_open - get the master key of a vault
 * @conf: the vault, mounted or not
 * @factor: what should open a key slot
 * @master: from ward_master_new(); filled
 * @err: says what is wrong; gets a remark when only one copy of the vault file is good
 *
 * Return: 0; -EKEYREJECTED for a wrong secret; another negative errno.
 */
int ward_unlock_open(const struct ward_conf *conf, const struct ward_factor *factor,
		     struct ward_master *master, struct ward_err *err)
{
	struct ward_vaults vaults = { 0 };
	int fd, ret;

	fd = ward_mnt_ward_dir(conf, false, err);
	if (fd < 0)
		return fd;
	ret = ward_vaultfile_load(fd, &vaults, err);
	if (!ret)
		ret = ward_vaultfile_open(&vaults, factor, master, err);
	ward_vaults_free(&vaults);
	close(fd);
	if (!ret && memcmp(master->uuid, conf->uuid, WARD_UUID_SIZE)) {
		explicit_bzero(master, sizeof(*master));
		ret = ward_fail(err, ESTALE, WARD_FAILED,
				"%s holds another vault than %s/%s.conf says: correct uuid= there, or restore the right vault",
				conf->directory, WARD_CONF_DIR, conf->name);
	}
	return ret;
}

static const char *advice(int ret)
{
	switch (ret) {
	case -EROFS:
		return " (the file system below is read-only: mount it writable, or the vault read-only)";
	case -ENOSPC:
		return " (the file system below is full: free some space)";
	case -EBUSY:
		return " (another machine has it unlocked: lock it there)";
	default:
		return "";
	}
}

/**
 * ward_unlock_vault - unlock a mounted vault
 * @nl: connection to the kernel module
 * @master: the vault's master key
 * @err: says what is wrong
 *
 * Return: 0; -EALREADY when it is unlocked already (no error is said); another
 * negative errno.
 */
int ward_unlock_vault(struct ward_nl *nl, const struct ward_master *master, struct ward_err *err)
{
	struct ward_mounted mounted;
	int32_t serial;
	int ret;

	/* Adding the key again would replace the one that it is unlocked with. */
	ret = ward_nl_vault_get(nl, master->uuid, &mounted);
	if (!ret && mounted.state == WARD_STATE_UNLOCKED)
		return -EALREADY;
	if (ret)
		return ward_fail(err, -ret, ret == -EPERM ? WARD_NOT_PERMITTED : WARD_FAILED,
				 "cannot unlock: %s", why(nl, ret));
	ret = ward_key_add(master, &serial, err);
	if (ret)
		return ret;
	ret = ward_nl_unlock(nl, master->uuid, serial);
	if (!ret || ret == -EALREADY)
		return ret;
	ward_key_drop(master->uuid);
	return ward_fail(err, -ret, ret == -EUCLEAN || ret == -EKEYREJECTED ? WARD_INTEGRITY :
			 ret == -EPERM ? WARD_NOT_PERMITTED : WARD_FAILED,
			 "the kernel does not unlock the vault: %s%s", why(nl, ret), advice(ret));
}

/**
 * ward_unlock_lock - lock a mounted vault
 * @nl: connection to the kernel module
 * @uuid: of the vault
 * @now: throw away what is not written yet, instead of writing it
 * @lost: set to how many bytes were thrown away
 * @err: says what is wrong
 *
 * Return: 0, also when it was locked; -ENOENT when it is not mounted (no error is
 * said); another negative errno.
 */
int ward_unlock_lock(struct ward_nl *nl, const uint8_t uuid[WARD_UUID_SIZE], bool now,
		     uint64_t *lost, struct ward_err *err)
{
	int ret;

	*lost = 0;
	ret = ward_nl_lock(nl, uuid, now, lost);
	if (ret && ret != -ENOENT)
		return ward_fail(err, -ret, ret == -EPERM ? WARD_NOT_PERMITTED : WARD_FAILED,
				 "cannot lock: %s", why(nl, ret));
	/* The kernel let go of it; a key that was added and never used goes, too. */
	ward_key_drop(uuid);
	return ret;
}
