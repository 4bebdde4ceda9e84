// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files beside the tree, in DIR/.ward/: read whole, with the mounter's
 * credentials. What is in them is hostile until its MAC is checked.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/file.h>
#include <linux/namei.h>
#include <crypto/algapi.h>
#include "wardfs.h"
#include "compat/namei.h"

/**
 * wardfs_lower_walk - go down the lower tree, name by name
 * @sbi: the vault
 * @from: lower directory to begin at
 * @path: names with slashes between; "" is @from itself
 *
 * Follows no symlink, crosses no mount, and knows no "..": it cannot leave @from.
 * Context: may sleep; the caller's credentials are those that look up.
 *
 * Return: a referenced, positive dentry, or an ERR_PTR: -ENOENT, -ENOTDIR,
 * -EINVAL for "." and "..", the lower's error.
 */
struct dentry *wardfs_lower_walk(struct wardfs_sb *sbi, struct dentry *from, const char *path)
{
	struct dentry *dentry = dget(from);

	while (*path) {
		size_t len = strcspn(path, "/");
		struct dentry *child;

		if (!d_is_dir(dentry))
			child = ERR_PTR(-ENOTDIR);
		else if (!len || len > NAME_MAX || (len == 1 && path[0] == '.') ||
			 (len == 2 && path[0] == '.' && path[1] == '.'))
			child = ERR_PTR(-EINVAL);
		else
			child = compat_lookup(wardfs_mnt_idmap(sbi->lower_mnt), dentry,
					      &QSTR_LEN(path, len));
		dput(dentry);
		if (IS_ERR(child))
			return child;
		if (d_is_negative(child)) {
			dput(child);
			return ERR_PTR(-ENOENT);
		}
		dentry = child;
		path += len;
		path += *path == '/';
	}
	return dentry;
}

/**
 * wardfs_file_open - open a file in .ward/
 * @sbi: the vault
 * @name: its name
 * @flags: O_RDONLY or O_RDWR
 *
 * Return: the file, or an ERR_PTR: -ENOENT; -ELOOP or -EISDIR when it is not a
 * regular file; the lower's error.
 */
struct file *wardfs_file_open(struct wardfs_sb *sbi, const char *name, int flags)
{
	const struct cred *saved = override_creds(sbi->cred);
	struct path path = { .mnt = sbi->lower_mnt };
	struct file *file;

	path.dentry = wardfs_lower_walk(sbi, sbi->ward_dir, name);
	if (IS_ERR(path.dentry)) {
		file = ERR_CAST(path.dentry);
		goto revert;
	}
	if (d_is_reg(path.dentry))
		file = dentry_open(&path, flags | O_LARGEFILE | O_NOATIME, sbi->cred);
	else
		file = ERR_PTR(d_is_dir(path.dentry) ? -EISDIR : -ELOOP);
	dput(path.dentry);
	/* For the VFS alone. */
	if (file == ERR_PTR(-EOPENSTALE))
		file = ERR_PTR(-ESTALE);
revert:
	revert_creds(saved);
	return file;
}

/**
 * wardfs_file_read - read a file in .ward/ whole
 * @sbi: the vault
 * @name: its name
 * @max: most bytes that are taken
 * @data: set to the contents; kvfree()
 * @len: set to their length, bytes
 *
 * Return: 0; -EFBIG when it is longer; as wardfs_file_open().
 */
int wardfs_file_read(struct wardfs_sb *sbi, const char *name, size_t max, u8 **data, size_t *len)
{
	struct file *file = wardfs_file_open(sbi, name, O_RDONLY);
	const struct cred *saved;
	loff_t size, pos = 0;
	ssize_t n = 0;
	u8 *buf;
	int err = 0;

	if (IS_ERR(file))
		return PTR_ERR(file);
	size = i_size_read(file_inode(file));
	if (size > max) {
		err = -EFBIG;
		goto put;
	}
	buf = kvzalloc(size + 1, GFP_KERNEL);
	if (!buf) {
		err = -ENOMEM;
		goto put;
	}
	saved = override_creds(sbi->cred);
	while (pos < size) {
		n = kernel_read(file, buf + pos, size - pos, &pos);
		if (n <= 0)
			break;
	}
	revert_creds(saved);
	if (n < 0) {
		err = n;
		kvfree(buf);
		goto put;
	}
	*data = buf;
	*len = pos;
put:
	fput(file);
	return err;
}

static const char * const vault_files[] = { WARD_VAULT_NAME, WARD_VAULT_BAK_NAME };

/**
 * wardfs_vault_read - learn UUID and suite from the vault file
 * @sbi: the vault; its uuid is set
 * @suite: set to WARD_SUITE_*
 *
 * Nothing is authenticated yet: that is for wardfs_vault_verify(). The copy is
 * asked when the file is damaged.
 *
 * Return: 0; -EBADMSG when both are damaged; -EPROTONOSUPPORT for an unknown
 * version or suite; -ENOENT.
 */
int wardfs_vault_read(struct wardfs_sb *sbi, u16 *suite)
{
	int i, err = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(vault_files); i++) {
		struct ward_vault_header *h;
		size_t len;
		u8 *data;
		int e = wardfs_file_read(sbi, vault_files[i], WARD_VAULT_MAX, &data, &len);

		if (!e) {
			h = (void *)data;
			e = len < sizeof(*h) ? -EBADMSG : ward_vault_check(h, len);
			if (!e) {
				memcpy(sbi->uuid, h->vault, sizeof(sbi->uuid));
				*suite = le16_to_cpu(h->suite);
			}
			kvfree(data);
		}
		if (!e)
			return 0;
		/* "Damaged" says more than "missing", "too new" more than both. */
		if (err == -ENOENT || e == -EPROTONOSUPPORT)
			err = e;
	}
	return err;
}

/**
 * wardfs_vault_verify - does a master key belong to this vault
 * @sbi: the vault
 * @mac_key: vault MAC key derived from the master key, 32 bytes
 * @generation: of the master key, as who unlocks says
 *
 * Return: 0; -EKEYREJECTED when neither copy of the vault file has a MAC made
 * with this key over this vault's UUID, suite and generation; the lower's error.
 */
int wardfs_vault_verify(struct wardfs_sb *sbi, const u8 *mac_key, u32 generation)
{
	int i, err = -EKEYREJECTED;

	for (i = 0; i < ARRAY_SIZE(vault_files); i++) {
		struct ward_vault_header *h;
		u8 mac[WARD_MAC_SIZE];
		size_t len;
		u8 *data;
		int e = wardfs_file_read(sbi, vault_files[i], WARD_VAULT_MAX, &data, &len);

		if (e)
			continue;
		h = (void *)data;
		if (len >= sizeof(*h) && !ward_vault_check(h, len) &&
		    !memcmp(h->vault, sbi->uuid, sizeof(sbi->uuid)) &&
		    le16_to_cpu(h->suite) == sbi->suite &&
		    le32_to_cpu(h->generation) == generation) {
			e = wardfs_hmac_sha256(mac_key, data, len - WARD_MAC_SIZE, mac);
			if (e)
				err = e;
			else if (!crypto_memneq(mac, data + len - WARD_MAC_SIZE, WARD_MAC_SIZE))
				err = 0;
		}
		kvfree(data);
		if (err != -EKEYREJECTED)
			break;
	}
	return err;
}
