// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checking on demand: user space walks the ciphertext tree and asks about each
 * entry; the kernel, which has the keys, says whether name and contents
 * authenticate. No plaintext leaves, so no policy is asked: the caller has
 * CAP_SYS_ADMIN and learns what status and the log would tell.
 */
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include "wardfs.h"
#include "block.h"

/* Blocks that one call looks at: 32 MiB, then user space asks again. */
#define CHECK_BLOCKS	8192

/* The path as users see it: names decrypted from the tree's top down. */
static int visible_path(struct wardfs_sb *sbi, struct dentry *lower, char **out)
{
	struct dentry *parent;
	struct wardfs_siv *names;
	struct inode *dir;
	char *name, *buf, *at;
	int len, err = 0;

	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	name = kmalloc(NAME_MAX + 1, GFP_KERNEL);
	if (!buf || !name) {
		err = -ENOMEM;
		goto free;
	}
	at = buf + PATH_MAX - 1;
	*at = '\0';
	dget(lower);
	while (!err && lower != sbi->tree) {
		struct name_snapshot snap;

		parent = dget_parent(lower);
		dir = wardfs_iget(sbi->sb, parent, NULL);
		if (IS_ERR(dir)) {
			err = PTR_ERR(dir);
			dput(parent);
			break;
		}
		take_dentry_name_snapshot(&snap, lower);
		err = wardfs_dir_names(dir, false, &names);
		if (!err) {
			len = wardfs_name_decode(dir, names, snap.name.name, snap.name.len, name);
			err = len < 0 ? len : at - buf < len + 1 ? -ENAMETOOLONG : 0;
		}
		if (!err) {
			at -= len;
			memcpy(at, name, len);
			*--at = '/';
		}
		release_dentry_name_snapshot(&snap);
		iput(dir);
		dput(lower);
		lower = parent;
	}
	dput(lower);
	if (!err) {
		memmove(buf, at, buf + PATH_MAX - at);
		*out = buf;
		buf = NULL;
	}
free:
	kfree(name);
	kfree(buf);
	return err;
}

static int check_blocks(struct inode *inode, struct wardfs_check *check)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	u64 k = check->from, blocks, end;
	unsigned int flags;
	int unsettled, err;

	err = wardfs_data_get(inode);
	if (err == -EIO) {
		check->bad++;
		return 0;
	}
	if (err)
		return err;
	/* What is in memory is not what is checked: bring it below. */
	err = wardfs_data_write_out(inode);
	if (err)
		goto put;
	/* Nor is anything found in a file that is not settled. Some bad block may be why. */
	unsettled = wardfs_resettle(inode);
	if (unsettled && unsettled != -EIO) {
		err = unsettled;
		goto put;
	}
	flags = memalloc_nofs_save();
	down_read(&d->io);
	blocks = ward_layout_blocks(d->lower_size);
	end = blocks;
	check->next = end - k > CHECK_BLOCKS && end > k ? k + CHECK_BLOCKS : 0;
	end = check->next ?: end;
	while (!err && k < end) {
		struct wardfs_run *run = wardfs_run_alloc(inode, k, min_t(u64, end - k,
									  WARDFS_RUN_BLOCKS),
							  WARDFS_RUN_STORE);
		unsigned int i;

		run->size = d->lower_size;
		err = wardfs_run_load(run);
		for (i = 0; !err && i < run->count; i++) {
			wardfs_run_open(run, i);
			if (run->state[i] == WARDFS_BLOCK_FAILED)
				err = -EIO;
			if (run->state[i] == WARDFS_BLOCK_GOOD ||
			    run->state[i] == WARDFS_BLOCK_FAILED ||
			    (run->state[i] == WARDFS_BLOCK_HOLE &&
			     wardfs_hole_allowed(inode, k + i, blocks)) ||
			    (run->state[i] == WARDFS_BLOCK_ODD && READ_ONCE(d->lenient)))
				continue;
			check->bad++;
			wardfs_report_tamper(inode, NULL, k + i, "block does not authenticate");
		}
		k += run->count;
		wardfs_run_free(run);
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	up_read(&d->io);
	memalloc_nofs_restore(flags);
	if (d->bad_length)
		check->bad++;
	if (!err && unsettled && !check->bad && !check->next)
		err = unsettled;
put:
	wardfs_data_put(inode);
	return err;
}

/**
 * wardfs_check_object - does an entry of the ciphertext tree authenticate
 * @sbi: the vault
 * @path: below .ward/tree, as stored, no leading slash; "" is the tree's top
 * @check: what is asked, and what came out; @check->name is the caller's to free
 *
 * A large file is checked in several calls (@check->next). Context: process
 * context; enters a section for as long as the I/O of one call takes.
 *
 * Return: 0 with @check->result set; -ENOKEY; -ENOENT; -ENOMEM; the lower's error.
 */
int wardfs_check_object(struct wardfs_sb *sbi, const char *path, struct wardfs_check *check)
{
	const char *last = strrchr(path, '/');
	s64 settled = atomic64_read(&sbi->settled);
	const struct cred *saved;
	struct dentry *lower;
	struct inode *inode;
	int idx, err;

	check->next = 0;
	check->bad = 0;
	check->name = NULL;
	check->result = WARD_CHECK_IGNORED;
	last = last ? last + 1 : path;
	if (!strncmp(last, WARD_HIDDEN_PREFIX, strlen(WARD_HIDDEN_PREFIX)))
		return 0;
	idx = wardfs_enter(sbi->sb);
	if (idx < 0)
		return idx;
	saved = override_creds(sbi->cred);
	lower = wardfs_lower_walk(sbi, sbi->tree, path);
	if (IS_ERR(lower)) {
		err = PTR_ERR(lower);
		goto revert;
	}
	err = visible_path(sbi, lower, &check->name);
	if (err == -EIO || err == -EBADMSG || err == -EINVAL || err == -ENOENT) {
		check->result = WARD_CHECK_BAD_NAME;
		err = 0;
		goto put;
	}
	if (err)
		goto put;
	inode = wardfs_iget(sbi->sb, lower, NULL);
	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
		goto put;
	}
	if (S_ISREG(inode->i_mode))
		err = check_blocks(inode, check);
	check->result = check->bad ? WARD_CHECK_TAMPERED :
		atomic64_read(&sbi->settled) != settled ? WARD_CHECK_SETTLED : WARD_CHECK_OK;
	iput(inode);
put:
	dput(lower);
revert:
	revert_creds(saved);
	wardfs_exit(sbi->sb, idx);
	return err;
}
