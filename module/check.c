// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checking on demand: user space walks the ciphertext tree and asks about each
 * entry; the kernel, which has the keys, says whether name and contents
 * authenticate. No plaintext leaves, so no policy is asked: the caller has
 * CAP_SYS_ADMIN and learns what status and the log would tell: names of what is not
 * in order, and of nothing else.
 */
#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include "wardfs.h"
#include "block.h"

/* Blocks that one call looks at: 32 MiB, then user space asks again. */
#define CHECK_BLOCKS	8192

/*
 * The path as users see it: names decrypted from the object up. One that is longer
 * than PATH_MAX is left out (*@out is NULL): the object's own name is good then, and
 * those above it are looked at when they are asked about themselves.
 */
static int visible_path(struct wardfs_sb *sbi, struct dentry *lower, char **out)
{
	struct dentry *parent;
	struct wardfs_names *names;
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
	while (!err && at && lower != sbi->tree) {
		struct name_snapshot snap;

		parent = dget_parent(lower);
		dir = wardfs_iget(sbi->sb, parent, NULL);
		if (IS_ERR(dir)) {
			err = PTR_ERR(dir);
			dput(parent);
			break;
		}
		take_dentry_name_snapshot(&snap, lower);
		/* Moved since: the name is of another directory. */
		if (READ_ONCE(lower->d_parent) != parent)
			err = -EAGAIN;
		if (!err)
			err = wardfs_dir_names(dir, false, &names);
		if (!err) {
			len = wardfs_name_decode(dir, names, snap.name.name, snap.name.len, name);
			err = min(len, 0);
		}
		/* Gone since, and what belongs to its name with it. */
		if (err && (d_unhashed(lower) || d_unhashed(parent)))
			err = -ESTALE;
		if (!err && at && at - buf < len + 1)
			at = NULL;
		if (!err && at) {
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
	if (!err && at) {
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
	bool outgrown = false;
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
	wardfs_io_upkeep(inode);
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
			if (run->state[i] == WARDFS_BLOCK_ODD && READ_ONCE(d->unscanned)) {
				outgrown = true;
				continue;
			}
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
	if (!err && outgrown)
		err = wardfs_settle_middle(inode);
	else if (!err && !check->next)
		WRITE_ONCE(d->unscanned, false);
put:
	wardfs_data_put(inode);
	return err;
}

/**
 * wardfs_check_name - what current is checking
 * @sbi: the vault
 *
 * An object that is checked need not have an entry above that names it in reports.
 *
 * Return: its path as users see it; NULL when current does not check anything, or it
 * has no name.
 */
const char *wardfs_check_name(const struct wardfs_sb *sbi)
{
	return READ_ONCE(sbi->check_task) == current ? sbi->check_name : NULL;
}

/*
 * Who makes a file makes its inode, too, and holds the directory's lock while there
 * is none: let that go first. Outside of a section, because whoever lists the
 * directory holds the lock while it copies to user space.
 * Return: index of a new section, or -errno.
 */
static int await_maker(struct wardfs_sb *sbi, struct dentry *lower, int idx)
{
	struct dentry *parent = dget_parent(lower);
	struct inode *dir = wardfs_iget(sbi->sb, parent, NULL);
	int err;

	dput(parent);
	wardfs_exit(sbi->sb, idx);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	err = down_read_killable(&dir->i_rwsem);
	if (!err)
		up_read(&dir->i_rwsem);
	iput(dir);
	return err ?: wardfs_enter(sbi->sb);
}

/* All but the name. Inside a section. */
static int check_inode(struct inode *inode, struct wardfs_check *check)
{
	int err = 0;

	if (S_ISREG(inode->i_mode))
		err = check_blocks(inode, check);
	else if (S_ISLNK(inode->i_mode))
		err = wardfs_target_check(inode);
	if (err == -EIO && S_ISLNK(inode->i_mode)) {
		check->bad++;
		err = 0;
	}
	/* Once, not with each part of a large file. */
	if (!err && !check->from)
		err = wardfs_xattrs_check(inode, &check->bad);
	return err;
}

/**
 * wardfs_check_object - does an entry of the ciphertext tree authenticate
 * @sbi: the vault
 * @from: lower directory that @path begins at; NULL: .ward/tree
 * @path: as stored, no leading slash; "" is @from itself
 * @check: what is asked, and what came out; @check->name is the caller's to free
 *
 * A large file is checked in several calls (@check->next), a symlink with its
 * target, each object with its user xattrs. Context: process context, no locks;
 * enters a section for as long as the I/O of one call takes.
 *
 * Return: 0 with @check->result set; -ENOKEY; -ENOENT; -ENOMEM; -EINTR; -EXDEV when
 * @from is not in the tree; the lower's error.
 */
int wardfs_check_object(struct wardfs_sb *sbi, struct dentry *from, const char *path,
			struct wardfs_check *check)
{
	const char *last = strrchr(path, '/');
	int tries = 3;
	s64 settled = atomic64_read(&sbi->settled);
	const struct cred *saved;
	struct dentry *lower;
	struct inode *inode;
	int idx, err = 0;

	check->next = 0;
	check->bad = 0;
	check->name = NULL;
	check->result = WARD_CHECK_IGNORED;
	last = last ? last + 1 : path;
	if (!strncmp(last, WARD_HIDDEN_PREFIX, strlen(WARD_HIDDEN_PREFIX)))
		return 0;
	if (from && (from->d_sb != sbi->tree->d_sb || !is_subdir(from, sbi->tree)))
		return -EXDEV;
	if (mutex_lock_killable(&sbi->check_lock))
		return -EINTR;
	idx = wardfs_enter(sbi->sb);
	if (idx < 0) {
		err = idx;
		goto unlock;
	}
	saved = override_creds(sbi->cred);
	lower = wardfs_lower_walk(sbi, from ?: sbi->tree, path);
	if (IS_ERR(lower)) {
		err = PTR_ERR(lower);
		goto revert;
	}
	do {
		err = visible_path(sbi, lower, &check->name);
	} while (err == -EAGAIN && tries--);
	if (err == -EIO || err == -EBADMSG || err == -EINVAL || err == -ENOENT) {
		check->result = WARD_CHECK_BAD_NAME;
		err = 0;
		goto put;
	}
	if (err == -ESTALE)
		err = -ENOENT;
	if (!err && d_is_reg(lower)) {
		idx = await_maker(sbi, lower, idx);
		err = min(idx, 0);
	}
	if (err)
		goto put;
	sbi->check_name = check->name;
	WRITE_ONCE(sbi->check_task, current);
	inode = wardfs_iget(sbi->sb, lower, NULL);
	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
		goto put;
	}
	err = check_inode(inode, check);
	check->result = check->bad ? WARD_CHECK_TAMPERED :
		atomic64_read(&sbi->settled) != settled ? WARD_CHECK_SETTLED : WARD_CHECK_OK;
	iput(inode);
put:
	WRITE_ONCE(sbi->check_task, NULL);
	dput(lower);
revert:
	revert_creds(saved);
	if (idx >= 0)
		wardfs_exit(sbi->sb, idx);
unlock:
	mutex_unlock(&sbi->check_lock);
	return err;
}
