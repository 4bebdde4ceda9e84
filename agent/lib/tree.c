// SPDX-License-Identifier: GPL-2.0-or-later
/* A vault as it lies below: opening it, its epoch, its directories. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tree.h"

#define RECORD_SIZE	sizeof(struct ward_epoch_record)
#define EPOCH_SIZE	(2 * RECORD_SIZE)

static uint64_t get_le(const void *p, int bytes)
{
	const uint8_t *b = p;
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | b[bytes];
	return v;
}

/**
 * ward_tree_open - find a vault, or a backup of one
 * @path: the directory that has .ward/ within
 * @tree: filled as far as it goes without a key; for ward_tree_close(), also
 *	after an error
 * @err: says what failed
 *
 * Return: 0 or a negative errno.
 */
int ward_tree_open(const char *path, struct ward_tree *tree, struct ward_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int dir, ret;

	memset(tree, 0, sizeof(*tree));
	tree->ward_fd = -1;
	tree->tree_fd = -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		ret = errno;
		return ret == ENOENT || ret == ENOTDIR ?
			ward_fail(err, ret, WARD_NO_VAULT, "%s is not a directory", path) :
			ward_fail_errno(err, ret, "cannot open %s", path);
	}
	tree->ward_fd = openat(dir, WARD_DIR_NAME, flags);
	ret = errno;
	close(dir);
	if (tree->ward_fd < 0)
		return ret == ENOENT || ret == ENOTDIR || ret == ELOOP ?
			ward_fail(err, ret, WARD_NO_VAULT,
				  "%s holds no vault: there is no directory .ward in it (a mounted vault hides it; root finds it in /run/ward/lower/NAME)",
				  path) :
			ward_fail_errno(err, ret, "cannot open %s/.ward", path);
	ret = ward_vaultfile_load(tree->ward_fd, &tree->vaults, err);
	if (ret)
		return ret;
	tree->tree_fd = openat(tree->ward_fd, WARD_TREE_NAME, flags);
	if (tree->tree_fd < 0) {
		ret = errno;
		return ret == ENOENT || ret == ENOTDIR || ret == ELOOP ?
			ward_fail(err, ret, WARD_INTEGRITY,
				  "%s/.ward has no directory tree in it: its files are gone", path) :
			ward_fail_errno(err, ret, "cannot open %s/.ward/tree", path);
	}
	return 0;
}

/**
 * ward_epoch_parse - find the epoch record that counts
 * @bytes: the epoch file
 * @length: its bytes
 * @uuid: the vault's
 * @mac_key: epoch MAC key
 * @epoch: filled; all zero when no record authenticates
 *
 * Return: 0 or -EIO when the library fails.
 */
int ward_epoch_parse(const uint8_t *bytes, size_t length, const uint8_t uuid[WARD_UUID_SIZE],
		     const uint8_t mac_key[WARD_KEY_SIZE], struct ward_epoch *epoch)
{
	const size_t covered = offsetof(struct ward_epoch_record, mac);
	uint8_t mac[WARD_MAC_SIZE];
	int i, err;

	memset(epoch, 0, sizeof(*epoch));
	for (i = 0; i < 2 && length >= (i + 1) * RECORD_SIZE; i++) {
		const struct ward_epoch_record *r = (const void *)(bytes + i * RECORD_SIZE);
		uint64_t sequence = get_le(&r->sequence, 8);

		err = ward_hmac_sha256(mac_key, r, covered, mac);
		if (err)
			return err;
		/* What authenticates was written as it is; the rest guards against mix-ups. */
		if (CRYPTO_memcmp(mac, r->mac, sizeof(mac)) ||
		    memcmp(r->magic, WARD_EPOCH_MAGIC, sizeof(r->magic)) ||
		    get_le(&r->version, 2) != WARD_FORMAT_VERSION ||
		    memcmp(r->vault, uuid, sizeof(r->vault)) || (sequence & 1) != (unsigned int)i)
			continue;
		if (epoch->authentic++ && sequence < epoch->sequence)
			continue;
		epoch->number = get_le(&r->epoch, 4);
		epoch->flags = get_le(&r->flags, 2);
		epoch->sequence = sequence;
		epoch->policy_serial = get_le(&r->policy_serial, 8);
	}
	return 0;
}

static int read_epoch(struct ward_tree *tree, const uint8_t *mac_key)
{
	uint8_t bytes[EPOCH_SIZE];
	ssize_t n, got = 0;
	struct stat st;
	int fd;

	fd = openat(tree->ward_fd, WARD_EPOCH_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		while (got < (ssize_t)sizeof(bytes)) {
			n = pread(fd, bytes + got, sizeof(bytes) - got, got);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				break;
			got += n;
		}
	}
	if (fd >= 0)
		close(fd);
	/* An epoch file that cannot be read says as much as none. */
	return ward_epoch_parse(bytes, got, tree->master.uuid, mac_key, &tree->epoch);
}

/**
 * ward_tree_unlock - get the keys, and see how the last epoch ended
 * @tree: opened by ward_tree_open()
 * @factor: what should open a key slot
 * @err: says what failed
 *
 * Return: 0 or a negative errno.
 */
int ward_tree_unlock(struct ward_tree *tree, const struct ward_factor *factor,
		     struct ward_err *err)
{
	const uint16_t good = WARD_EPOCH_CLEAN | WARD_EPOCH_CHECKED;
	struct ward_master *m = &tree->master;
	uint8_t epoch_mac[WARD_KEY_SIZE];
	const struct {
		const char *label;
		uint8_t *key;
	} keys[] = {
		{ WARD_LABEL_WRAP, tree->wrap },
		{ WARD_LABEL_NAMES, tree->names },
		{ WARD_LABEL_LINKS, tree->links },
		{ WARD_LABEL_EPOCH_MAC, epoch_mac },
	};
	size_t i;
	int ret;

	ret = ward_vaultfile_open(&tree->vaults, factor, m, err);
	for (i = 0; !ret && i < sizeof(keys) / sizeof(keys[0]); i++)
		ret = ward_hkdf(m->uuid, m->key, sizeof(m->key), keys[i].label, NULL, 0,
				keys[i].key, WARD_KEY_SIZE);
	if (!ret)
		ret = read_epoch(tree, epoch_mac);
	explicit_bzero(epoch_mac, sizeof(epoch_mac));
	if (ret)
		return err->cause ? ret : ward_fail_errno(err, -ret, "cannot derive the vault's keys");
	tree->unchecked = tree->epoch.authentic < 2 || (tree->epoch.flags & good) != good;
	return 0;
}

/**
 * ward_tree_close - wipe the keys and close a vault
 * @tree: from ward_tree_open()
 */
void ward_tree_close(struct ward_tree *tree)
{
	if (tree->tree_fd >= 0)
		close(tree->tree_fd);
	if (tree->ward_fd >= 0)
		close(tree->ward_fd);
	ward_vaults_free(&tree->vaults);
	explicit_bzero(tree, sizeof(*tree));
	tree->ward_fd = -1;
	tree->tree_fd = -1;
}

/**
 * ward_tree_dir - the keys of a directory
 * @tree: an unlocked vault
 * @fd: the lower directory
 * @dir: filled; wiped on failure
 *
 * Return: 0, -ENOENT when it has no id (so no entries of ours), -EBADMSG when
 * its id is damaged, -EIO.
 */
int ward_tree_dir(const struct ward_tree *tree, int fd, struct ward_dir *dir)
{
	char text[WARD_DIRID_LEN + 2];
	ssize_t n;
	int err;

	n = readlinkat(fd, WARD_DIRID_NAME, text, sizeof(text) - 1);
	if (n < 0)
		return errno == EINVAL ? -EBADMSG : -errno;
	text[n] = 0;
	err = ward_dirid_open(text, dir->id);
	if (!err)
		err = ward_hkdf(tree->master.uuid, tree->names, sizeof(tree->names),
				WARD_LABEL_DIR, dir->id, sizeof(dir->id),
				dir->names, sizeof(dir->names));
	if (!err)
		err = ward_hkdf(tree->master.uuid, tree->names, sizeof(tree->names),
				WARD_LABEL_XATTR, dir->id, sizeof(dir->id),
				dir->xattrs, sizeof(dir->xattrs));
	if (err)
		explicit_bzero(dir, sizeof(*dir));
	return err;
}

/**
 * ward_tree_name - the name that an entry of a lower directory stands for
 * @dir: the directory's keys
 * @fd: the lower directory
 * @lower: the entry's lower name, not of the kind WARD_LNAME_HIDDEN
 * @name: the name, NUL-terminated
 *
 * Return: its length, -EBADMSG when it does not authenticate or when the hidden
 * symlink of a long name is missing, -ENOMEM, -EIO.
 */
int ward_tree_name(const struct ward_dir *dir, int fd, const char *lower,
		   char name[WARD_NAME_MAX + 1])
{
	char hidden[WARD_HIDDEN_SIZE], full[WARD_NAME_B64_MAX + 2];
	ssize_t n;
	int err;

	if (ward_lname_kind(lower) != WARD_LNAME_DIGEST)
		return ward_name_open(dir->names, lower, NULL, name);
	err = ward_lname_hidden(lower, hidden);
	if (err)
		return err;
	n = readlinkat(fd, hidden, full, sizeof(full) - 1);
	if (n < 0)
		return errno == ENOENT || errno == EINVAL ? -EBADMSG : -errno;
	full[n] = 0;
	return ward_name_open(dir->names, lower, full, name);
}

/**
 * ward_tree_target - the target of a symlink
 * @tree: an unlocked vault
 * @fd: the lower directory
 * @lower: the symlink's lower name
 * @target: the target, NUL-terminated
 *
 * Return: its length, -EBADMSG when it does not authenticate, another errno.
 */
int ward_tree_target(const struct ward_tree *tree, int fd, const char *lower,
		     char target[WARD_TARGET_MAX + 1])
{
	char text[WARD_LTARGET_MAX + 2];
	ssize_t n;

	n = readlinkat(fd, lower, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = 0;
	return ward_target_open(tree->master.uuid, tree->links, text, target);
}
