// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries of a directory: looking up, making, removing, renaming. Each works on
 * the lower directory as the caller; what is hidden there is hidden.c's.
 *
 * Order in all that change something: policy, then the right to write below,
 * then a section, then the names, then the lower locks. No name waits for a
 * frozen lower file system inside a section, for then locking would wait too; data
 * does, and has to: locking writes it out.
 */
#include <linux/slab.h>

#include "compat/attr.h"
#include "lower.h"

/**
 * wardfs_init_dentry - prepare a dentry that is about to be seen
 * @dentry: upper dentry
 * @lower: a dentry of the lower file system, as its own or its directory's
 *
 * It is revalidated only where the lower one is, so that rcu-walk works.
 */
void wardfs_init_dentry(struct dentry *dentry, const struct dentry *lower)
{
	if (!(dentry->d_flags & DCACHE_OP_REVALIDATE) || lower->d_flags & DCACHE_OP_REVALIDATE)
		return;
	spin_lock(&dentry->d_lock);
	dentry->d_flags &= ~DCACHE_OP_REVALIDATE;
	spin_unlock(&dentry->d_lock);
}

/*
 * Nothing is found in a directory without an id: it has no entries. One that has
 * some has lost its id, and what it holds must not seem to be gone.
 */
static int lookup_without_id(struct inode *dir)
{
	int err = wardfs_hidden_empty(dir);

	if (err != -ENOTEMPTY)
		return err;
	wardfs_report_tamper(dir, NULL, WARDFS_NO_BLOCK, "the directory id is missing");
	return -EIO;
}

static int lookup(struct inode *dir, struct dentry *dentry, struct inode **inode)
{
	struct wardfs_lname lname;
	struct wardfs_names *names;
	struct dentry *lower;
	int err;

	*inode = NULL;
	wardfs_init_dentry(dentry, wardfs_lower_dentry(dir));
	err = wardfs_dir_names(dir, false, &names);
	if (err)
		return err == -ENOENT ? lookup_without_id(dir) : err;
	err = wardfs_name_encode(names, &dentry->d_name, &lname);
	if (err)
		return err;
	lower = lower_lookup(dir, lname.name, lname.len);
	wardfs_lname_free(&lname);
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	if (d_is_positive(lower)) {
		*inode = wardfs_iget(dir->i_sb, lower, dentry);
		err = PTR_ERR_OR_ZERO(*inode);
	}
	dput(lower);
	return err;
}

static struct dentry *wardfs_lookup(struct inode *dir, struct dentry *dentry,
				    unsigned int flags)
{
	struct dentry *found;
	struct inode *inode;
	int idx, err;

	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	idx = wardfs_enter(dir->i_sb);
	if (idx < 0)
		return ERR_PTR(idx);
	err = lookup(dir, dentry, &inode);
	wardfs_exit(dir->i_sb, idx);
	if (err)
		return ERR_PTR(wardfs_shown_error(err));
	found = d_splice_alias(inode, dentry);
	if (!IS_ERR(found) && inode && S_ISDIR(inode->i_mode))
		wardfs_policy_moved(inode, found ?: dentry);
	return found;
}

/* ---- before and after a change ---- */

/**
 * struct change - a change in one or two directories, begun
 * @sb: the vault
 * @idx: of the section
 */
struct change {
	struct super_block *sb;
	int idx;
};

static int change_begin(struct change *c, struct super_block *sb)
{
	int err = wardfs_want_write(sb);

	if (err)
		return err;
	c->sb = sb;
	c->idx = wardfs_enter(sb);
	if (c->idx >= 0)
		return 0;
	wardfs_drop_write(sb);
	return c->idx;
}

/* Return: @err as programs are to see it. */
static int change_end(const struct change *c, int err)
{
	wardfs_exit(c->sb, c->idx);
	wardfs_drop_write(c->sb);
	return wardfs_shown_error(err);
}

/*
 * What is there is called as it was found, or made: no name has to be encoded, unless it has
 * another one, too, or a hidden symlink, or was moved to another directory below. Only where
 * nobody but us and who works below changes names: a server may have others do.
 */
static bool found_name(struct inode *dir, struct dentry *dentry, struct wardfs_lname *lname)
{
	struct inode *inode = d_inode(dentry);
	struct dentry *lower = wardfs_lower_dentry(inode);
	struct name_snapshot snap;
	bool known;

	if (S_ISDIR(inode->i_mode) || d_inode(lower)->i_nlink != 1 ||
	    lower->d_flags & (DCACHE_OP_REVALIDATE | DCACHE_NFSFS_RENAMED))
		return false;
	take_dentry_name_snapshot(&snap, lower);
	known = lower->d_parent == wardfs_lower_dentry(dir) && !d_unhashed(lower) &&
		snap.name.len <= WARD_LNAME_MAX && snap.name.name[0] != WARD_DIGEST_MARK;
	if (known) {
		lname->len = snap.name.len;
		memcpy(lname->name, snap.name.name, snap.name.len);
		lname->name[lname->len] = 0;
		lname->target = NULL;
	}
	release_dentry_name_snapshot(&snap);
	return known;
}

/* The lower name of an entry; with @make its directory gets what it needs for it. */
static int entry_name(struct inode *dir, struct dentry *dentry, bool make,
		      struct wardfs_lname *lname)
{
	struct wardfs_names *names;
	int err;

	if (!make && found_name(dir, dentry, lname))
		return 0;
	err = wardfs_dir_names(dir, make, &names);
	if (err == -ENOENT)
		err = -ESTALE;	/* an entry that we know, and no id: changed below */
	return err ?: wardfs_name_encode(names, &dentry->d_name, lname);
}

/**
 * struct hidden - the hidden symlink of an entry that is about to be made
 * @made: it was not there before
 * @mtime: of the lower directory before
 * @ctime: the same
 */
struct hidden {
	bool made;
	struct timespec64 mtime;
	struct timespec64 ctime;
};

static int hide(struct inode *dir, const struct wardfs_lname *lname, struct hidden *hidden)
{
	struct inode *low = wardfs_lower_inode(dir);
	char name[WARDFS_HIDDEN_MAX];

	hidden->made = false;
	if (!lname->target)
		return 0;
	hidden->mtime = inode_get_mtime(low);
	hidden->ctime = inode_get_ctime(low);
	wardfs_lname_hidden(lname, name);
	return wardfs_hidden_make(dir, name, lname->target, &hidden->made);
}

static void unhide(struct inode *dir, const struct wardfs_lname *lname)
{
	char name[WARDFS_HIDDEN_MAX];

	if (!lname->target)
		return;
	wardfs_lname_hidden(lname, name);
	wardfs_hidden_remove(dir, name);
}

/* The entry could not be made: nothing has changed. */
static void unhide_failed(struct inode *dir, const struct wardfs_lname *lname,
			  struct hidden *hidden)
{
	struct inode *low = wardfs_lower_inode(dir);

	if (!hidden->made)
		return;
	unhide(dir, lname);
	inode_lock(low);
	compat_set_times(low, NULL, &hidden->mtime, &hidden->ctime);
	inode_unlock(low);
}

/* ---- making ---- */

/**
 * struct make - what is to be made
 * @mode: type and permissions
 * @rdev: of devices
 * @target: of symlinks: lower target
 * @from: of hard links: upper inode
 */
struct make {
	umode_t mode;
	dev_t rdev;
	const char *target;
	struct inode *from;
};

static struct dentry *make_lower(struct inode *dir, const struct wardfs_lname *lname,
				 const struct make *how)
{
	struct dentry *child = lower_start_creating(dir, lname->name, lname->len);
	int err;

	if (IS_ERR(child))
		return child;
	if (how->from) {
		err = lower_link(wardfs_lower_dentry(how->from), dir, child);
	} else if (S_ISREG(how->mode)) {
		err = lower_create(dir, child, how->mode);
	} else if (S_ISDIR(how->mode)) {
		child = lower_mkdir(dir, child, how->mode);
		if (IS_ERR(child))
			return child;
		err = 0;
	} else if (S_ISLNK(how->mode)) {
		err = lower_symlink(dir, child, how->target);
	} else {
		err = lower_mknod(dir, child, how->mode, how->rdev);
	}
	if (err) {
		end_creating(child);
		return ERR_PTR(err);
	}
	dget(child);
	end_creating(child);
	if (d_is_positive(child) && !d_unhashed(child))
		return child;

	/* Network file systems may leave it to us to look what they made. */
	dput(child);
	child = lower_lookup(dir, lname->name, lname->len);
	if (!IS_ERR(child) && d_is_negative(child)) {
		dput(child);
		child = ERR_PTR(-ESTALE);
	}
	return child;
}

/* Take back what could not be given an inode: an empty file would look cut. */
static void unmake_lower(struct inode *dir, const struct wardfs_lname *lname, umode_t mode)
{
	struct dentry *child = lower_start_removing(dir, lname->name, lname->len);

	if (IS_ERR(child))
		return;
	if (S_ISDIR(mode))
		lower_rmdir(dir, child);
	else
		lower_unlink(dir, child);
	end_removing(child);
}

static int make_entry(struct inode *dir, struct dentry *dentry, const struct make *how)
{
	struct wardfs_lname lname;
	struct dentry *child;
	struct inode *inode;
	struct hidden hidden;
	int err;

	err = entry_name(dir, dentry, true, &lname);
	if (err)
		return err;
	err = hide(dir, &lname, &hidden);
	if (err)
		goto free_name;
	child = make_lower(dir, &lname, how);
	if (IS_ERR(child)) {
		err = PTR_ERR(child);
		goto undo;
	}
	if (how->from) {
		inode = how->from;
		ihold(inode);
		wardfs_changed(inode);
	} else {
		inode = wardfs_iget_new(dir->i_sb, child);
		if (IS_ERR(inode)) {
			err = PTR_ERR(inode);
			unmake_lower(dir, &lname, how->mode);
			goto put_child;
		}
		/* The header is still to be written. */
		if (S_ISREG(how->mode))
			mark_inode_dirty(inode);
	}
	wardfs_init_dentry(dentry, child);
	d_instantiate(dentry, inode);
put_child:
	dput(child);
undo:
	if (err) {
		unhide_failed(dir, &lname, &hidden);
		wardfs_copy_attr(dir);
	} else {
		wardfs_changed(dir);
	}
free_name:
	wardfs_lname_free(&lname);
	return err;
}

/* @old: of hard links: another name of @how->from, to which this one may be added */
static int make(struct inode *dir, struct dentry *dentry, const struct make *how,
		struct dentry *old)
{
	struct change change;
	int err;

	err = change_begin(&change, dir->i_sb);
	if (err)
		return err;
	if (old)
		err = wardfs_policy_boundary(dir->i_sb, old, dentry);
	if (!err)
		err = make_entry(dir, dentry, how);
	return change_end(&change, err);
}

static int policy_create(struct inode *dir, struct dentry *dentry)
{
	return wardfs_policy_check(dir, WARD_OP_CREATE, WARD_ACTION_CREATE, dentry, NULL);
}

static int wardfs_create(wardfs_idmap *idmap, struct inode *dir, struct dentry *dentry,
			 umode_t mode, bool excl)
{
	struct make how = { .mode = (mode & ~S_IFMT) | S_IFREG };

	return policy_create(dir, dentry) ?: make(dir, dentry, &how, NULL);
}

static int wardfs_mkdir(wardfs_idmap *idmap, struct inode *dir, struct dentry *dentry,
			umode_t mode)
{
	struct make how = { .mode = (mode & ~S_IFMT) | S_IFDIR };

	return policy_create(dir, dentry) ?: make(dir, dentry, &how, NULL);
}

static int wardfs_mknod(wardfs_idmap *idmap, struct inode *dir, struct dentry *dentry,
			umode_t mode, dev_t rdev)
{
	struct make how = { .mode = mode, .rdev = rdev };

	return policy_create(dir, dentry) ?: make(dir, dentry, &how, NULL);
}

static int wardfs_symlink(wardfs_idmap *idmap, struct inode *dir, struct dentry *dentry,
			  const char *target)
{
	struct make how = { .mode = S_IFLNK };
	struct change change;
	char *lower;
	int err;

	err = policy_create(dir, dentry);
	if (err)
		return err;
	err = change_begin(&change, dir->i_sb);
	if (err)
		return err;
	err = wardfs_target_encode(WARDFS_SB(dir->i_sb), target, &lower);
	if (!err) {
		how.target = lower;
		err = make_entry(dir, dentry, &how);
		kfree(lower);
	}
	return change_end(&change, err);
}

static int wardfs_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct make how = { .from = d_inode(old) };
	int err;

	err = wardfs_policy_check(how.from, WARD_OP_LINK | WARD_OP_READ | WARD_OP_DELETE,
				  WARD_ACTION_LINK, old, dentry);
	if (!err)
		err = wardfs_policy_check(dir, WARD_OP_CREATE, WARD_ACTION_LINK, dentry, old);
	return err ?: make(dir, dentry, &how, old);
}

static int wardfs_tmpfile(wardfs_idmap *idmap, struct inode *dir, struct file *file,
			  umode_t mode)
{
	struct dentry *dentry = file->f_path.dentry;
	struct path path = wardfs_lower_path(dir);
	struct change change;
	struct inode *inode;
	struct file *lower;
	int err;

	err = policy_create(dir, dentry);
	if (err)
		return err;
	err = change_begin(&change, dir->i_sb);
	if (err)
		return err;
	lower = compat_tmpfile_open(lower_idmap(dir->i_sb), &path, mode,
				    (file->f_flags & O_EXCL) | O_RDWR | O_LARGEFILE,
				    current_cred());
	if (IS_ERR(lower)) {
		err = PTR_ERR(lower);
		goto end;
	}
	inode = wardfs_iget_new(dir->i_sb, lower->f_path.dentry);
	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
	} else {
		/* d_tmpfile() takes the link away that it has not. */
		set_nlink(inode, 1);
		wardfs_init_dentry(dentry, lower->f_path.dentry);
		d_tmpfile(file, inode);
		mark_inode_dirty(inode);
	}
	fput(lower);
end:
	return finish_open_simple(file, change_end(&change, err));
}

/* ---- removing ---- */

/*
 * What was removed while open below has a name there until its last file is put,
 * which threads of the kernel do late; and a directory with such a name in it stays.
 * Not with anything held below, nor inside a section: others' files are put, too.
 */
static void settle_removals(const struct inode *victim)
{
	if (victim && S_ISDIR(victim->i_mode) && wardfs_lower_is_nfs(victim->i_sb))
		wardfs_block_drain();
}

static int remove_lower(struct inode *dir, const struct wardfs_lname *lname,
			const struct inode *inode)
{
	struct dentry *child = lower_start_removing(dir, lname->name, lname->len);
	int err;

	if (IS_ERR(child))
		return PTR_ERR(child);
	if (d_inode(child) != wardfs_lower_inode(inode))
		err = -ESTALE;
	else if (S_ISDIR(inode->i_mode))
		err = lower_rmdir(dir, child);
	else
		err = lower_unlink(dir, child);
	end_removing(child);
	return err;
}

static int remove_entry(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	struct wardfs_lname lname;
	char *id = NULL;
	int err;

	err = entry_name(dir, dentry, false, &lname);
	if (err)
		return err;
	if (S_ISDIR(inode->i_mode))
		err = wardfs_hidden_clear(inode, &id);
	if (err)
		goto free_name;
	err = remove_lower(dir, &lname, inode);
	if (err) {
		wardfs_hidden_restore(inode, id);
		goto free_name;
	}
	kfree(id);
	unhide(dir, &lname);
	if (S_ISDIR(inode->i_mode))
		clear_nlink(inode);
	else
		wardfs_changed(inode);
	wardfs_changed(dir);
free_name:
	wardfs_lname_free(&lname);
	return err;
}

static int wardfs_remove(struct inode *dir, struct dentry *dentry)
{
	struct change change;
	int err;

	err = wardfs_policy_check(d_inode(dentry), WARD_OP_DELETE, WARD_ACTION_DELETE, dentry,
				  NULL);
	if (err)
		return err;
	settle_removals(d_inode(dentry));
	err = change_begin(&change, dir->i_sb);
	if (err)
		return err;
	err = remove_entry(dir, dentry);
	return change_end(&change, err);
}

/* ---- renaming ---- */

#define RENAME_KNOWN	(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)
#define RENAME_NEEDS	(WARD_OP_RENAME | WARD_OP_READ | WARD_OP_DELETE)

/* Read and delete where it leaves, create where it arrives; both ways in an exchange. */
static int policy_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
			 struct dentry *new, unsigned int flags)
{
	struct inode *victim = d_inode(new);
	int err;

	err = wardfs_policy_check(d_inode(old), RENAME_NEEDS, WARD_ACTION_RENAME, old, new);
	if (!err)
		err = wardfs_policy_check(new_dir, WARD_OP_CREATE, WARD_ACTION_RENAME, new, old);
	/* In an exchange it is where the other one leads. */
	if (!err && flags & RENAME_EXCHANGE)
		err = wardfs_policy_check(old_dir, WARD_OP_CREATE, WARD_ACTION_RENAME, old, new);
	if (!err && flags & RENAME_WHITEOUT)
		err = wardfs_policy_check(old_dir, WARD_OP_CREATE, WARD_ACTION_CREATE, old, NULL);
	if (!err && victim && flags & RENAME_EXCHANGE)
		err = wardfs_policy_check(victim, RENAME_NEEDS, WARD_ACTION_RENAME, new, old);
	else if (!err && victim)
		err = wardfs_policy_check(victim, WARD_OP_DELETE, WARD_ACTION_RENAME, new, old);
	return err;
}

/* The names lie on the stack of its caller already. */
static noinline_for_stack int rename_named(struct inode *old_dir, struct dentry *old,
					   const struct wardfs_lname *from,
					   struct inode *new_dir, struct dentry *new,
					   const struct wardfs_lname *to, unsigned int flags)
{
	struct inode *source = d_inode(old), *victim = d_inode(new);
	bool exchange = flags & RENAME_EXCHANGE;
	struct compat_rename rename = {
		.old_parent = wardfs_lower_dentry(old_dir),
		.new_parent = wardfs_lower_dentry(new_dir),
		.old_name = QSTR_INIT(from->name, from->len),
		.new_name = QSTR_INIT(to->name, to->len),
		.source = wardfs_lower_inode(source),
		.target = victim ? wardfs_lower_inode(victim) : NULL,
		.flags = flags,
	};
	bool empty_dir = !exchange && victim && S_ISDIR(victim->i_mode);
	struct hidden hidden = {};
	char *id = NULL;
	int err = 0;

	/* Hidden symlinks belong to names: an exchange leaves both as they are. */
	if (!exchange)
		err = hide(new_dir, to, &hidden);
	if (!err && empty_dir)
		err = wardfs_hidden_clear(victim, &id);
	/* What keeps it from being replaced lies below too, where it has its own errno. */
	if (err && !(empty_dir && err == -ENOTEMPTY))
		goto undo;
	err = lower_rename(old_dir->i_sb, &rename);
	if (err && empty_dir)
		wardfs_hidden_restore(victim, id);
	else
		kfree(id);
	if (err)
		goto undo;

	/* A whiteout takes the old name over. */
	if (!(flags & (RENAME_EXCHANGE | RENAME_WHITEOUT)))
		unhide(old_dir, from);
	if (empty_dir)
		clear_nlink(victim);
	else if (victim)
		wardfs_changed(victim);
	wardfs_changed(source);
	wardfs_changed(old_dir);
	if (new_dir != old_dir)
		wardfs_changed(new_dir);
	return 0;
undo:
	unhide_failed(new_dir, to, &hidden);
	return err;
}

/**
 * struct moved - dentries that change their places
 * @old: what is renamed
 * @new: where to
 * @at_old: of an exchange: stands for @old's place
 * @at_new: likewise
 */
struct moved {
	struct dentry *old;
	struct dentry *new;
	struct dentry *at_old;
	struct dentry *at_new;
};

static int moved_begin(struct moved *m, struct dentry *old, struct dentry *new, bool exchange)
{
	*m = (struct moved){ .old = old, .new = new };
	if (!exchange)
		return 0;
	m->at_old = d_alloc(old->d_parent, &old->d_name);
	m->at_new = d_alloc(new->d_parent, &new->d_name);
	return m->at_old && m->at_new ? 0 : -ENOMEM;
}

/*
 * What the VFS does elsewhere, but in the section: who waits for that finds everything
 * where it is. (d_exchange() is not exported. Between the two moves nothing is found under
 * one of the names, and whoever looks for it waits for the directory's lock.)
 */
static void moved_do(const struct moved *m)
{
	if (!m->at_old) {
		d_move(m->old, m->new);
		return;
	}
	d_move(m->new, m->at_old);
	d_move(m->old, m->at_new);
}

static void moved_end(const struct moved *m)
{
	dput(m->at_old);
	dput(m->at_new);
}

static int rename_entry(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
			struct dentry *new, unsigned int flags)
{
	struct wardfs_lname from, to;
	struct moved moved;
	int err;

	err = moved_begin(&moved, old, new, flags & RENAME_EXCHANGE);
	if (err)
		goto end_moved;
	err = entry_name(old_dir, old, false, &from);
	if (err)
		goto end_moved;
	err = entry_name(new_dir, new, true, &to);
	if (!err) {
		err = rename_named(old_dir, old, &from, new_dir, new, &to, flags);
		wardfs_lname_free(&to);
	}
	wardfs_lname_free(&from);
	if (!err)
		moved_do(&moved);
end_moved:
	moved_end(&moved);
	return err;
}

static int rename_boundary(struct super_block *sb, struct dentry *old, struct dentry *new,
			   unsigned int flags)
{
	int err = wardfs_policy_boundary(sb, old, new);

	if (!err && flags & RENAME_EXCHANGE)
		err = wardfs_policy_boundary(sb, new, old);
	return err;
}

static int wardfs_rename(wardfs_idmap *idmap, struct inode *old_dir, struct dentry *old,
			 struct inode *new_dir, struct dentry *new, unsigned int flags)
{
	struct change change;
	int err;

	if (flags & ~RENAME_KNOWN)
		return -EINVAL;
	err = policy_rename(old_dir, old, new_dir, new, flags);
	if (err)
		return err;
	settle_removals(d_inode(new));
	err = change_begin(&change, old_dir->i_sb);
	if (err)
		return err;
	err = rename_boundary(old_dir->i_sb, old, new, flags);
	if (err)
		goto end;
	/* What lies in it may come to where a running check has been. */
	if (d_is_dir(old) || (flags & RENAME_EXCHANGE && d_is_dir(new)))
		atomic64_inc(&WARDFS_SB(old_dir->i_sb)->disturbed);
	err = rename_entry(old_dir, old, new_dir, new, flags);
end:
	return change_end(&change, err);
}

const struct inode_operations wardfs_dir_iops = {
	.lookup		= wardfs_lookup,
	.create		= wardfs_create,
	.link		= wardfs_link,
	.unlink		= wardfs_remove,
	.symlink	= wardfs_symlink,
	.mkdir		= wardfs_mkdir,
	.rmdir		= wardfs_remove,
	.mknod		= wardfs_mknod,
	.rename		= wardfs_rename,
	.tmpfile	= wardfs_tmpfile,
	.permission	= wardfs_permission,
	.getattr	= wardfs_getattr,
	.setattr	= wardfs_setattr,
	.listxattr	= wardfs_listxattr,
	.update_time	= wardfs_update_time,
	.fileattr_get	= wardfs_fileattr_get,
	.fileattr_set	= wardfs_fileattr_set,
	WARDFS_ACL_OPS
};

/* ---- dentries ---- */

/* Only over lower file systems that others can change: see wardfs_init_dentry(). */
static int wardfs_d_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct dentry *lower;
	struct inode *inode;
	int valid = 1;

	if (flags & LOOKUP_RCU)
		return -ECHILD;
	inode = d_inode(dentry);
	if (!inode)
		return 0;	/* somebody may have made it there */
	lower = wardfs_lower_dentry(inode);
	if (lower->d_flags & DCACHE_OP_REVALIDATE)
		valid = compat_d_revalidate(lower, flags);
	if (valid > 0)
		wardfs_copy_attr(inode);
	return valid;
}

const struct dentry_operations wardfs_dops = {
	.d_revalidate	= wardfs_d_revalidate,
};
