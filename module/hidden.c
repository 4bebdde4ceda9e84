// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hidden symlinks of a directory below: its id, and the full forms of long
 * names. What stands in them is for name.c; here they are made, read, removed.
 *
 * They belong to the directory, not to whoever makes its first entry: another
 * user may have to remove them, in a sticky directory, or with the directory.
 * So they are handled with the mounter's capabilities, but as the caller's uid:
 * then quota counts them, and a server that squashes root lets them through.
 *
 * The functions that change anything want wardfs_want_write() held.
 */
#include <linux/cred.h>
#include <linux/slab.h>

#include "lower.h"
#include "compat/attr.h"

#define BATCH_SIZE	PAGE_SIZE	/* names of leftovers removed in one pass */

static const struct cred *become(const struct wardfs_sb *sbi, struct cred **made)
{
	const struct cred *old = override_creds(sbi->cred);
	struct cred *cred = prepare_creds();

	revert_creds(old);
	if (!cred)
		return NULL;
	cred->fsuid = current_fsuid();
	cred->fsgid = current_fsgid();
	*made = cred;
	return override_creds(cred);
}

static void unbecome(const struct cred *old, struct cred *made)
{
	revert_creds(old);
	put_cred(made);
}

static int read_link(struct inode *dir, const char *name, char **target)
{
	DEFINE_DELAYED_CALL(done);
	struct dentry *link;
	const char *text;
	int err = 0;

	link = lower_lookup(dir, name, strlen(name));
	if (IS_ERR(link))
		return PTR_ERR(link);
	if (d_is_negative(link)) {
		err = -ENOENT;
	} else if (!d_is_symlink(link)) {
		err = -EBADMSG;
	} else {
		text = vfs_get_link(link, &done);
		if (IS_ERR(text)) {
			err = PTR_ERR(text);
		} else {
			*target = kstrndup(text, PATH_MAX, GFP_KERNEL);
			if (!*target)
				err = -ENOMEM;
		}
		do_delayed_call(&done);
	}
	dput(link);
	return err;
}

/**
 * wardfs_hidden_read - read a hidden symlink
 * @dir: upper directory
 * @name: its lower name, NUL-terminated
 * @target: set to its target, for kfree(); untouched on failure
 *
 * Takes the lower directory's lock for reading.
 *
 * Return: 0; -ENOENT when there is none; -EBADMSG when it is no symlink;
 * -ENOMEM, or what the lower file system says.
 */
int wardfs_hidden_read(struct inode *dir, const char *name, char **target)
{
	const struct cred *old;
	struct cred *cred;
	int err;

	old = become(WARDFS_SB(dir->i_sb), &cred);
	if (!old)
		return -ENOMEM;
	err = read_link(dir, name, target);
	unbecome(old, cred);
	return err;
}

static int make_link(struct inode *dir, const char *name, const char *target)
{
	struct dentry *link = lower_start_creating(dir, name, strlen(name));
	struct inode *low = wardfs_lower_inode(dir);
	struct timespec64 mtime, ctime;
	int err;

	if (IS_ERR(link))
		return PTR_ERR(link);
	mtime = inode_get_mtime(low);
	ctime = inode_get_ctime(low);
	err = lower_symlink(dir, link, target);
	/* An id alone is no entry: a user xattr of the directory may need it. */
	if (!err && !strcmp(name, WARD_DIRID_NAME))
		compat_set_times(low, NULL, &mtime, &ctime);
	end_creating(link);
	return err;
}

static int remove_link(struct inode *dir, const char *name)
{
	struct dentry *link = lower_start_removing(dir, name, strlen(name));
	struct inode *low = wardfs_lower_inode(dir);
	struct timespec64 mtime, ctime;
	int err;

	if (IS_ERR(link))
		return PTR_ERR(link);
	mtime = inode_get_mtime(low);
	ctime = inode_get_ctime(low);
	err = d_is_symlink(link) ? lower_unlink(dir, link) : -EBADMSG;
	/* Who has the directory open sees it after it is gone; and it may yet stay. */
	if (!err && !strcmp(name, WARD_DIRID_NAME))
		compat_set_times(low, NULL, &mtime, &ctime);
	end_removing(link);
	return err;
}

/**
 * wardfs_hidden_make - see that a hidden symlink is there
 * @dir: upper directory, locked, or its wardfs_inode.lock held for the id
 * @name: its lower name, NUL-terminated
 * @target: its target
 * @made: set to whether it was made now: then it is the caller's to take back
 *
 * One that is there with another target is a leftover, and is replaced.
 *
 * Return: 0; -EIO when something else has its name (reported); -ENOMEM, or what the
 * lower file system says.
 */
int wardfs_hidden_make(struct inode *dir, const char *name, const char *target, bool *made)
{
	const struct cred *old;
	struct cred *cred;
	char *there = NULL;
	int err;

	*made = false;
	old = become(WARDFS_SB(dir->i_sb), &cred);
	if (!old)
		return -ENOMEM;
	err = make_link(dir, name, target);
	if (err == -EEXIST) {
		err = read_link(dir, name, &there);
		if (!err && !strcmp(there, target))
			goto out;
		if (!err)
			err = remove_link(dir, name);
		if (!err)
			err = make_link(dir, name, target);
	}
	if (!err) {
		*made = true;
		/* After the entry, which who sees this has to make durable. */
		smp_store_release(&WARDFS_I(dir)->hidden_sync, WARDFS_HIDDEN_UNSYNCED);
	}
out:
	kfree(there);
	unbecome(old, cred);
	if (err == -EBADMSG) {
		wardfs_report_tamper(dir, NULL, WARDFS_NO_BLOCK,
				     "a hidden entry of the directory is no symlink");
		err = -EIO;
	}
	return err;
}

/**
 * wardfs_hidden_remove - take a hidden symlink away
 * @dir: upper directory, locked
 * @name: its lower name, NUL-terminated
 *
 * A failure leaves it behind, which hurts nobody: it is replaced when its name
 * is used again, and goes with its directory.
 */
void wardfs_hidden_remove(struct inode *dir, const char *name)
{
	const struct cred *old;
	struct cred *cred;
	int err;

	old = become(WARDFS_SB(dir->i_sb), &cred);
	if (!old)
		return;
	err = remove_link(dir, name);
	unbecome(old, cred);
	if (err)
		pr_debug("hidden entry left behind in inode %llu: %d\n", (u64)dir->i_ino, err);
}

/**
 * struct scan - what is in a directory below
 * @ctx: for iterate_dir()
 * @sb: the vault
 * @visible: it has entries that are not hidden ones
 * @id: it has an id
 * @names: names of hidden entries, each with its NUL; NULL: not wanted
 * @used: bytes of @names in use
 * @leftovers: hidden entries seen, in @names or not
 */
struct scan {
	struct dir_context ctx;
	const struct super_block *sb;
	bool visible;
	bool id;
	char *names;
	size_t used;
	unsigned int leftovers;
};

static bool scan_entry(struct dir_context *ctx, const char *name, int len, loff_t pos,
		       u64 ino, unsigned int type)
{
	struct scan *scan = container_of(ctx, struct scan, ctx);
	const size_t prefix = sizeof(WARD_HIDDEN_PREFIX) - 1;

	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return true;
	/* Goes by itself, or keeps the directory from being removed, as the server says. */
	if (wardfs_is_silly(scan->sb, name, len))
		return true;
	if (len < prefix || memcmp(name, WARD_HIDDEN_PREFIX, prefix)) {
		scan->visible = true;
		return false;
	}
	if (len == sizeof(WARD_DIRID_NAME) - 1 && !memcmp(name, WARD_DIRID_NAME, len)) {
		scan->id = true;
		return true;
	}
	scan->leftovers++;
	if (scan->names && scan->used + len + 1 <= BATCH_SIZE) {
		memcpy(scan->names + scan->used, name, len);
		scan->names[scan->used + len] = 0;
		scan->used += len + 1;
	}
	return true;
}

/* Whether reading moves atime is decided above: when it does, update_time is called. */
static struct file *open_dir(struct inode *dir)
{
	struct path path = wardfs_lower_path(dir);

	return dentry_open(&path, O_RDONLY | O_DIRECTORY | O_LARGEFILE | O_NOATIME, current_cred());
}

static int scan_dir(struct inode *dir, struct scan *scan)
{
	struct file *file;
	loff_t pos;
	int err;

	file = open_dir(dir);
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* Some file systems give a directory in pieces. */
	do {
		pos = file->f_pos;
		err = iterate_dir(file, &scan->ctx);
	} while (!err && !scan->visible && file->f_pos != pos);
	fput(file);
	if (!err && scan->visible)
		err = -ENOTEMPTY;
	return err;
}

/**
 * wardfs_open_lower_dir - open the lower directory, to list it
 * @dir: upper directory; the caller may read it
 *
 * Return: the lower file; ERR_PTR(-ENOMEM), or ERR_PTR of what the lower file
 * system says.
 */
struct file *wardfs_open_lower_dir(struct inode *dir)
{
	const struct cred *old;
	struct cred *cred;
	struct file *file;

	old = become(WARDFS_SB(dir->i_sb), &cred);
	if (!old)
		return ERR_PTR(-ENOMEM);
	file = open_dir(dir);
	unbecome(old, cred);
	return file;
}

/**
 * wardfs_hidden_empty - has a directory below nothing but hidden entries
 * @dir: upper directory
 *
 * Takes the lower directory's lock for reading.
 *
 * Return: 0 when it has; -ENOTEMPTY when not; -ENOMEM, or what the lower file
 * system says.
 */
int wardfs_hidden_empty(struct inode *dir)
{
	struct scan scan = { .ctx.actor = scan_entry, .sb = dir->i_sb };
	const struct cred *old;
	struct cred *cred;
	int err;

	old = become(WARDFS_SB(dir->i_sb), &cred);
	if (!old)
		return -ENOMEM;
	err = scan_dir(dir, &scan);
	unbecome(old, cred);
	return err;
}

static int remove_leftovers(struct inode *dir, const struct scan *scan)
{
	size_t at;
	int err;

	for (at = 0; at < scan->used; at += strlen(scan->names + at) + 1) {
		err = remove_link(dir, scan->names + at);
		if (err)
			return err == -EBADMSG ? -ENOTEMPTY : err;
	}
	return 0;
}

static int clear_dir(struct inode *dir, char **id)
{
	struct scan scan = { .ctx.actor = scan_entry, .sb = dir->i_sb };
	struct wardfs_names *keys;
	char *names = NULL;
	int err;

	err = scan_dir(dir, &scan);
	/* Only a crash leaves any. */
	while (!err && scan.leftovers) {
		names = names ?: kmalloc(BATCH_SIZE, GFP_KERNEL);
		if (!names)
			return -ENOMEM;
		scan = (struct scan) { .ctx.actor = scan_entry, .sb = dir->i_sb, .names = names };
		err = scan_dir(dir, &scan);
		if (!err)
			err = remove_leftovers(dir, &scan);
	}
	kfree(names);
	if (err || !scan.id)
		return err;

	/* Its user xattrs stay readable for who has it open. What is wrong is on record then. */
	wardfs_dir_names(dir, false, &keys);
	err = read_link(dir, WARD_DIRID_NAME, id);
	if (!err)
		err = remove_link(dir, WARD_DIRID_NAME);
	if (err) {
		kfree(*id);
		*id = NULL;
	}
	return err == -EBADMSG ? -ENOTEMPTY : err;
}

/**
 * wardfs_hidden_clear - empty a directory that is about to be removed
 * @dir: upper directory, locked
 * @id: set to its id as written below, for wardfs_hidden_restore(), or to NULL
 *
 * Nothing is touched unless the directory has hidden entries only; the id goes
 * last. A crash before the directory itself goes leaves an empty one without an id: no
 * name is lost, only user xattrs of a directory that somebody wanted to be gone
 * (wardfs_xattrs_keyless()).
 *
 * Return: 0; -ENOTEMPTY when it has other entries; -ENOMEM, or what the lower
 * file system says.
 */
int wardfs_hidden_clear(struct inode *dir, char **id)
{
	const struct cred *old;
	struct cred *cred;
	int err;

	*id = NULL;
	old = become(WARDFS_SB(dir->i_sb), &cred);
	if (!old)
		return -ENOMEM;
	err = clear_dir(dir, id);
	unbecome(old, cred);
	return err;
}

/**
 * wardfs_hidden_restore - give a directory its id again
 * @dir: upper directory, locked
 * @id: what wardfs_hidden_clear() gave; NULL: it had none; freed here
 *
 * When this fails, what is in memory of the id must not be used for an entry
 * before it is below again: wardfs_dir_names() sees to that.
 */
void wardfs_hidden_restore(struct inode *dir, char *id)
{
	bool made;

	if (!id)
		return;
	if (wardfs_hidden_make(dir, WARD_DIRID_NAME, id, &made))
		WRITE_ONCE(WARDFS_I(dir)->id_lost, true);
	kfree(id);
}

/**
 * wardfs_lower_fsync - make durable what the lower file system has of an object
 * @inode: upper inode
 *
 * Return: 0, or what the lower file system says.
 */
int wardfs_lower_fsync(struct inode *inode)
{
	struct path path = wardfs_lower_path(inode);
	struct file *file;
	int err;

	/* Devices and pipes are not opened for this, symlinks cannot be. */
	if (!S_ISREG(inode->i_mode) && !S_ISDIR(inode->i_mode))
		return sync_inode_metadata(d_inode(path.dentry), 1);
	file = dentry_open(&path, O_RDONLY | O_LARGEFILE, WARDFS_SB(inode->i_sb)->cred);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = vfs_fsync(file, 0);
	fput(file);
	return err;
}

/*
 * An entry made meanwhile makes it unsynced again, and is not forgotten; whoever comes
 * while it is being done waits for the lock, and learns what came of it.
 */
static int sync_dir(struct inode *dir)
{
	struct wardfs_inode *wi = WARDFS_I(dir);
	int err = 0;

	if (READ_ONCE(wi->hidden_sync) == WARDFS_HIDDEN_SYNCED)
		return 0;
	mutex_lock(&wi->lock);
	if (READ_ONCE(wi->hidden_sync) == WARDFS_HIDDEN_UNSYNCED) {
		/* Before the lower file system looks what there is to sync. */
		xchg(&wi->hidden_sync, WARDFS_HIDDEN_SYNCING);
		err = wardfs_lower_fsync(dir);
		cmpxchg(&wi->hidden_sync, WARDFS_HIDDEN_SYNCING,
			err ? WARDFS_HIDDEN_UNSYNCED : WARDFS_HIDDEN_SYNCED);
	}
	mutex_unlock(&wi->lock);
	return err;
}

/**
 * wardfs_sync_dirs - make the hidden entries above an object durable
 * @dentry: an upper object that is being fsynced
 *
 * A file cannot be named without the ids of the directories above it, so the
 * first fsync of anything below a new directory carries them along. Of what was
 * opened by a handle the directories above may not be known: then all of the lower
 * file system is synced. Called without locks.
 *
 * Return: 0, or what the lower file system says.
 */
int wardfs_sync_dirs(struct dentry *dentry)
{
	struct dentry *at = dget(dentry);
	int err = 0;

	while (!err && !IS_ROOT(at)) {
		struct dentry *parent = dget_parent(at);

		dput(at);
		at = parent;
		err = sync_dir(d_inode(at));
	}
	if (!err && at != dentry->d_sb->s_root)
		err = wardfs_sync_lower(dentry->d_sb);
	dput(at);
	return err;
}
