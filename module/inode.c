// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes: their making and unmaking, attributes, permission. An upper
 * inode stands for a lower one, whose attributes it shows; only sizes and, of
 * regular files, times that are not below yet are its own.
 */
#include <linux/blkdev.h>	/* SECTOR_SHIFT */
#include <linux/fs.h>
#include <linux/fileattr.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat/attr.h"
#include "lower.h"

static struct kmem_cache *inode_cache;

/* Lower inode flags that bind the upper inode too. */
#define COPIED_FLAGS	(S_SYNC | S_DIRSYNC | S_NOATIME | S_APPEND | S_IMMUTABLE)

/* ---- objects ---- */

static void init_once(void *object)
{
	struct wardfs_inode *wi = object;

	inode_init_once(&wi->vfs_inode);
	mutex_init(&wi->lock);
}

/**
 * wardfs_inode_init - make the cache that inodes come from
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_inode_init(void)
{
	inode_cache = kmem_cache_create("wardfs_inode", sizeof(struct wardfs_inode), 0,
					SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, init_once);
	return inode_cache ? 0 : -ENOMEM;
}

/**
 * wardfs_inode_exit - undo wardfs_inode_init()
 */
void wardfs_inode_exit(void)
{
	/* Inodes are freed by RCU. */
	rcu_barrier();
	kmem_cache_destroy(inode_cache);
}

/**
 * wardfs_alloc_inode - super_operations.alloc_inode
 * @sb: the vault's super block
 *
 * Return: a new inode, or NULL.
 */
struct inode *wardfs_alloc_inode(struct super_block *sb)
{
	struct wardfs_inode *wi = alloc_inode_sb(sb, inode_cache, GFP_KERNEL);

	if (!wi)
		return NULL;
	wi->lower = NULL;
	INIT_LIST_HEAD(&wi->keyed);
	memset(wi->dir_id, 0, sizeof(wi->dir_id));
	wi->names = NULL;
	wi->hidden_sync = WARDFS_HIDDEN_SYNCED;
	wi->id_lost = false;
	atomic64_set(&wi->place, 0);
	wi->entry = NULL;
	wi->target = NULL;
	wi->xattrs = NULL;
	wardfs_data_init(&wi->data);
	return &wi->vfs_inode;
}

/**
 * wardfs_free_inode - super_operations.free_inode
 * @inode: was evicted, and a grace period has passed
 */
void wardfs_free_inode(struct inode *inode)
{
	wardfs_target_wipe(inode);
	kmem_cache_free(inode_cache, WARDFS_I(inode));
}

/**
 * wardfs_inode_wipe - forget all keys of an inode
 * @inode: upper inode
 *
 * Context: no section that could see them is left, and no page of the file is
 * cached; or the inode is being evicted. Takes no lock.
 */
void wardfs_inode_wipe(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);

	wardfs_names_free(wi->names);
	wi->names = NULL;
	wardfs_siv_free(wi->xattrs);
	wi->xattrs = NULL;
	if (S_ISREG(inode->i_mode))
		wardfs_data_wipe(inode);
}

/**
 * wardfs_evict_inode - super_operations.evict_inode
 * @inode: nobody uses it any more
 *
 * The pointer to the lower dentry stays, and the target of a symlink: an rcu-walk may
 * still look at them until the grace period that both inodes wait for is over.
 */
void wardfs_evict_inode(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	wardfs_inode_unkeyed(inode);
	wardfs_inode_wipe(inode);
	if (S_ISREG(inode->i_mode))
		wardfs_data_drop(inode);
	dput(wi->lower);
}

/* ---- getting one ---- */

/*
 * i_private is the lower inode, to be compared and never followed: an inode that
 * is on its way out is still compared after it has let go of the lower dentry.
 */
static int iget_test(struct inode *inode, void *lower)
{
	return inode->i_private == d_inode(lower);
}

static int iget_set(struct inode *inode, void *lower)
{
	inode->i_private = d_inode(lower);
	WARDFS_I(inode)->lower = dget(lower);
	return 0;
}

static void set_ops(struct inode *inode, umode_t mode, dev_t rdev)
{
	inode->i_mode = mode;
	switch (mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &wardfs_file_iops;
		inode->i_fop = &wardfs_file_fops;
		inode->i_mapping->a_ops = &wardfs_aops;
		break;
	case S_IFDIR:
		inode->i_op = &wardfs_dir_iops;
		inode->i_fop = &wardfs_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &wardfs_symlink_iops;
		inode_nohighmem(inode);
		break;
	default:
		inode->i_op = &wardfs_special_iops;
		init_special_inode(inode, mode, rdev);
	}
}

/* What no lower file system below a vault may have: we could not keep up. */
static bool weird(const struct dentry *lower)
{
	return lower->d_flags & (DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT |
				 DCACHE_OP_HASH | DCACHE_OP_COMPARE);
}

static struct inode *iget(struct super_block *sb, struct dentry *lower, struct dentry *entry,
			  bool fresh)
{
	struct inode *low = d_inode(lower);
	struct inode *inode;
	int err = 0;

	if (lower->d_sb != WARDFS_SB(sb)->tree->d_sb)
		return ERR_PTR(-EXDEV);
	if (weird(lower))
		return ERR_PTR(-EREMOTE);
	inode = iget5_locked(sb, (unsigned long)low, iget_test, iget_set, lower);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode_state_read_once(inode) & I_NEW))
		return inode;
	inode->i_ino = low->i_ino;
	set_ops(inode, low->i_mode, low->i_rdev);
	wardfs_copy_attr(inode);
	/* ACLs are cached below. */
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	if (S_ISREG(inode->i_mode)) {
		WRITE_ONCE(WARDFS_I(inode)->entry, entry);
		err = fresh ? wardfs_data_new(inode) : wardfs_data_size(inode);
		WRITE_ONCE(WARDFS_I(inode)->entry, NULL);
	}
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	unlock_new_inode(inode);
	return inode;
}

/**
 * wardfs_iget - the upper inode of a lower object
 * @sb: the vault's super block
 * @lower: positive lower dentry; a reference of its own is taken
 * @entry: the upper entry that is being looked up, for reports; or NULL
 *
 * Inside a section for a regular file, whose size may have to be settled.
 *
 * Return: the inode with a reference; ERR_PTR(-EXDEV) for another file system
 * below, ERR_PTR(-EREMOTE) for an automount point or other names than bytes,
 * ERR_PTR(-ENOMEM), or ERR_PTR of what wardfs_data_size() says.
 */
struct inode *wardfs_iget(struct super_block *sb, struct dentry *lower, struct dentry *entry)
{
	return iget(sb, lower, entry, false);
}

/**
 * wardfs_iget_new - the upper inode of a lower object that was just made
 * @sb: the vault's super block
 * @lower: its dentry, as for wardfs_iget()
 *
 * A regular file is empty below and gets its id and key here. Inside a section.
 *
 * Return: as wardfs_iget(), or ERR_PTR of what wardfs_data_new() says.
 */
struct inode *wardfs_iget_new(struct super_block *sb, struct dentry *lower)
{
	return iget(sb, lower, NULL, true);
}

/* ---- attributes ---- */

static bool times_own(const struct inode *inode)
{
	return S_ISREG(inode->i_mode) && READ_ONCE(WARDFS_I(inode)->data.times_dirty);
}

/*
 * Our dentry below keeps what is removed on NFS alive, under a name that is nobody's.
 * It does not count as a link: without any, the inode goes, and then that name.
 */
static unsigned int links(const struct inode *inode, unsigned int below)
{
	if (below && wardfs_lower_dentry(inode)->d_flags & DCACHE_NFSFS_RENAMED)
		return below - 1;
	return below;
}

/**
 * wardfs_copy_attr - take the lower inode's attributes over
 * @inode: upper inode
 *
 * All but the size of files and symlinks, and times that are fresher above.
 */
void wardfs_copy_attr(struct inode *inode)
{
	struct inode *low = wardfs_lower_inode(inode);
	struct timespec64 ctime = inode_get_ctime(low), own;

	spin_lock(&inode->i_lock);
	inode->i_mode = low->i_mode;
	inode->i_uid = low->i_uid;
	inode->i_gid = low->i_gid;
	inode->i_generation = low->i_generation;
	inode_set_flags(inode, low->i_flags & COPIED_FLAGS, COPIED_FLAGS);
	set_nlink(inode, links(inode, low->i_nlink));
	if (times_own(inode)) {
		own = inode_get_ctime(inode);
		if (timespec64_compare(&own, &ctime) > 0)
			ctime = own;
	} else {
		inode_set_atime_to_ts(inode, inode_get_atime(low));
		inode_set_mtime_to_ts(inode, inode_get_mtime(low));
	}
	inode_set_ctime_to_ts(inode, ctime);
	if (S_ISDIR(inode->i_mode))
		i_size_write(inode, i_size_read(low));
	spin_unlock(&inode->i_lock);
}

/**
 * wardfs_changed - something of an inode was changed
 * @inode: upper inode
 *
 * As wardfs_copy_attr(); and who remembers what it was, as NFS clients do, is to see that
 * it changed, even if that took no tick of the clock.
 */
void wardfs_changed(struct inode *inode)
{
	wardfs_copy_attr(inode);
	inode_inc_iversion(inode);
}

/* The top shows itself even when locked: that is how one sees that it is. */
static bool shown(const struct inode *inode)
{
	return wardfs_unlocked(inode->i_sb) || inode == d_inode(inode->i_sb->s_root);
}

/*
 * Blocks that a file will have at least when what waits to be written is below, as file
 * systems that allocate late tell it: programs take a file without any for one without data.
 * Only in a sparse file may some of the size be holes.
 */
static u64 blocks_to_come(const struct inode *inode)
{
	const struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct address_space *mapping = inode->i_mapping;
	u64 size = i_size_read(inode);

	if (!size || (!mapping_tagged(mapping, PAGECACHE_TAG_DIRTY) &&
		      !mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK)))
		return 0;
	if (READ_ONCE(d->flags) & WARD_FILE_SPARSE)
		return WARD_BLOCK_SIZE >> SECTOR_SHIFT;
	return ward_layout_blocks(size) * (WARD_BLOCK_SIZE >> SECTOR_SHIFT);
}

/**
 * wardfs_getattr - inode_operations.getattr
 * @idmap: of the mount
 * @path: the object
 * @stat: filled in
 * @mask: STATX_*, what is wanted
 * @flags: AT_STATX_*, how fresh
 *
 * Return: 0; -ENOKEY when locked, but for the top; -ENOMEM, or what the lower
 * file system says.
 */
int wardfs_getattr(wardfs_idmap *idmap, const struct path *path, struct kstat *stat,
		   u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct path lower = wardfs_lower_path(inode);
	int err;

	if (!shown(inode)) {
		wardfs_report_locked(inode, path->dentry, WARD_ACTION_LOOKUP);
		return wardfs_locked_error();
	}
	err = vfs_getattr_nosec(&lower, stat, mask, flags);
	if (err)
		return err;
	if (lower.dentry->d_flags & DCACHE_OP_REVALIDATE)
		wardfs_copy_attr(inode);
	generic_fill_statx_attr(inode, stat);
	stat->dev = inode->i_sb->s_dev;
	stat->nlink = links(inode, stat->nlink);
	/* Alignment of direct I/O below says nothing of I/O above. */
	stat->result_mask &= ~STATX_DIOALIGN;
	stat->dio_mem_align = 0;
	stat->dio_offset_align = 0;
	if (times_own(inode)) {
		stat->atime = inode_get_atime(inode);
		stat->mtime = inode_get_mtime(inode);
		stat->ctime = inode_get_ctime(inode);
	}
	compat_change_cookie(inode, stat, mask);
	if (S_ISREG(inode->i_mode)) {
		stat->size = i_size_read(inode);
		stat->blocks = max(stat->blocks, blocks_to_come(inode));
	} else if (S_ISLNK(inode->i_mode)) {
		err = wardfs_target_size(inode, &stat->size);
	}
	return err;
}

static bool opened_for_writing(const struct iattr *attr)
{
	const unsigned int open = ATTR_OPEN | ATTR_FILE;

	return (attr->ia_valid & open) == open && attr->ia_file->f_mode & FMODE_WRITE;
}

static int setattr_policy(struct dentry *dentry, const struct iattr *attr)
{
	unsigned int valid = attr->ia_valid;
	u32 op = 0;

	/* Truncation at an open for writing was decided at open. */
	if (valid & ATTR_SIZE && !opened_for_writing(attr))
		op |= WARD_OP_WRITE;
	/*
	 * Writing drops suid and the like on the writer's behalf. Whatever else there
	 * is needs a right: chown() of nothing to nobody drops suid, and utimensat()
	 * of one time to now sets no time that it would name.
	 */
	if (!(valid & ATTR_FORCE)) {
		if (valid & (ATTR_UID | ATTR_GID | ATTR_ATIME_SET | ATTR_MTIME_SET |
			     ATTR_TIMES_SET) ||
		    (valid & ATTR_MODE && !(valid & (ATTR_KILL_SUID | ATTR_KILL_SGID))))
			op |= WARD_OP_SETATTR;
		else if (valid & ATTR_TOUCH)
			op |= WARD_OP_WRITE;
		else if (!(valid & ATTR_SIZE))
			op |= WARD_OP_SETATTR;
	}
	if (!op)
		return 0;
	return wardfs_policy_check(d_inode(dentry), op,
				   op & WARD_OP_SETATTR ? WARD_ACTION_SETATTR :
							  WARD_ACTION_OPEN_WRITE, dentry, NULL);
}

/* Cut to the new size; asked-for times are set above, to follow later. */
static int setattr_size(struct inode *inode, struct iattr *attr)
{
	int err = wardfs_data_truncate(inode, attr->ia_size);

	attr->ia_valid &= ~ATTR_SIZE;
	if (err || attr->ia_valid & (ATTR_MTIME_SET | ATTR_ATIME_SET))
		return err;
	if (attr->ia_valid & ATTR_MTIME)
		wardfs_set_times(inode, NULL, &attr->ia_mtime, &attr->ia_ctime);
	attr->ia_valid &= ~(ATTR_MTIME | ATTR_CTIME);
	return 0;
}

static int setattr_lower(struct inode *inode, struct iattr *attr)
{
	struct dentry *lower = wardfs_lower_dentry(inode);
	int err;

	err = wardfs_want_write(inode->i_sb);
	if (err)
		return err;
	inode_lock(d_inode(lower));
	err = lower_notify_change(inode->i_sb, lower, attr);
	inode_unlock(d_inode(lower));
	wardfs_drop_write(inode->i_sb);
	wardfs_changed(inode);
	return err;
}

/*
 * Who writes takes set-user-id away. NFS leaves that to its server, which does it when
 * users write; what is written below, the mounter writes.
 */
static int drop_suid(struct inode *inode, umode_t mode)
{
	struct iattr attr = { .ia_valid = ATTR_MODE | ATTR_FORCE, .ia_mode = mode };
	const struct cred *old = override_creds(WARDFS_SB(inode->i_sb)->cred);
	int err = setattr_lower(inode, &attr);

	revert_creds(old);
	return err;
}

/*
 * Times that were just set below are those above, too. What was asked for is not read back
 * there: storing a block moves it on some, and may have come in between.
 */
static void take_times(struct inode *inode, const struct iattr *set)
{
	struct inode *low = wardfs_lower_inode(inode);

	spin_lock(&inode->i_lock);
	if (set->ia_valid & ATTR_ATIME)
		inode_set_atime_to_ts(inode, set->ia_valid & ATTR_ATIME_SET ? set->ia_atime :
				      inode_get_atime(low));
	if (set->ia_valid & ATTR_MTIME)
		inode_set_mtime_to_ts(inode, set->ia_valid & ATTR_MTIME_SET ? set->ia_mtime :
				      inode_get_mtime(low));
	spin_unlock(&inode->i_lock);
}

/**
 * wardfs_setattr - inode_operations.setattr
 * @idmap: of the mount
 * @dentry: the object, its inode locked
 * @attr: what to set
 *
 * Times of a regular file are set below only after all that was written before
 * has gone there, so that writing it out later does not disturb them.
 *
 * Return: 0; -ENOKEY when locked; -EACCES when the policy refuses; or what
 * setattr_prepare(), truncation, write-out or the lower file system say.
 */
int wardfs_setattr(wardfs_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	const unsigned int nothing = ATTR_FORCE | ATTR_CTIME | ATTR_TOUCH;
	struct inode *inode = d_inode(dentry);
	struct iattr below;
	int err;

	if (!wardfs_unlocked(inode->i_sb)) {
		wardfs_report_locked(inode, dentry, WARD_ACTION_SETATTR);
		return wardfs_locked_error();
	}
	err = setattr_policy(dentry, attr);
	if (err)
		return err;
	err = setattr_prepare(idmap, dentry, attr);
	if (err)
		return err;

	below = *attr;
	/* The lower file is not open as ours is, and decides on suid itself. */
	below.ia_valid &= ~(ATTR_FILE | ATTR_OPEN);
	if (below.ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID)) {
		if (below.ia_valid & ATTR_MODE && wardfs_lower_is_nfs(inode->i_sb)) {
			err = drop_suid(inode, below.ia_mode);
			if (err)
				return err;
			below.ia_valid &= ~(ATTR_KILL_SUID | ATTR_KILL_SGID);
		}
		below.ia_valid &= ~ATTR_MODE;
	}
	if (S_ISREG(inode->i_mode)) {
		if (below.ia_valid & ATTR_SIZE) {
			err = setattr_size(inode, &below);
			if (err || !(below.ia_valid & ~nothing))
				return err;
		}
		if (below.ia_valid & (ATTR_ATIME | ATTR_MTIME)) {
			err = wardfs_data_write_out(inode);
			if (err)
				return err;
		}
	}
	err = setattr_lower(inode, &below);
	/* Asked for, so that a reader's newer atime, say, does not keep them from showing. */
	if (!err && S_ISREG(inode->i_mode) && below.ia_valid & (ATTR_ATIME | ATTR_MTIME))
		take_times(inode, &below);
	return err;
}

static int lower_touch(struct inode *inode, int flags)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct path path = wardfs_lower_path(inode);
	struct iattr attr = { .ia_valid = ATTR_FORCE };
	const struct cred *old = override_creds(sbi->cred);
	int err = 0;

	if (flags & S_ATIME)
		touch_atime(&path);
	if (flags & S_MTIME)
		attr.ia_valid |= ATTR_MTIME;
	if (flags & (S_MTIME | S_CTIME))
		attr.ia_valid |= ATTR_CTIME;
	if (attr.ia_valid & ATTR_CTIME)
		err = setattr_lower(inode, &attr);
	else
		wardfs_copy_attr(inode);
	revert_creds(old);
	return err;
}

/* Below nobody may set times of such a file; only reading still moves its atime. */
static bool fixed_below(const struct inode *inode)
{
	return wardfs_lower_inode(inode)->i_flags & (S_IMMUTABLE | S_APPEND);
}

/**
 * wardfs_set_times - set times of a regular file above, to follow below later
 * @inode: upper regular file
 * @atime: or NULL to leave it
 * @mtime: or NULL
 * @ctime: or NULL
 *
 * Context: may be called in a fault.
 */
void wardfs_set_times(struct inode *inode, const struct timespec64 *atime,
		      const struct timespec64 *mtime, const struct timespec64 *ctime)
{
	/* With the lock, so that who brings them below sees which are not there yet. */
	spin_lock(&inode->i_lock);
	if (atime)
		inode_set_atime_to_ts(inode, *atime);
	if (mtime)
		inode_set_mtime_to_ts(inode, *mtime);
	if (ctime) {
		inode_set_ctime_to_ts(inode, *ctime);
		inode_inc_iversion(inode);
	}
	WRITE_ONCE(WARDFS_I(inode)->data.times_dirty, true);
	spin_unlock(&inode->i_lock);
	mark_inode_dirty_sync(inode);
}

/**
 * wardfs_update_time - inode_operations.update_time
 * @inode: upper inode that was read or written
 * @time: now
 * @flags: S_ATIME, S_MTIME, S_CTIME, S_VERSION
 *
 * Of regular files the times are kept above and follow with the data; other
 * inodes do not write data, and their times live below.
 *
 * Return: 0, or what the lower file system says.
 */
int wardfs_update_time(struct inode *inode, struct timespec64 *time, int flags)
{
	/* Asked for also where the clock has not moved on since. */
	if (flags & S_VERSION)
		inode_maybe_inc_iversion(inode, false);
	if (!S_ISREG(inode->i_mode) || fixed_below(inode))
		return lower_touch(inode, flags);
	if (flags & (S_ATIME | S_MTIME | S_CTIME))
		wardfs_set_times(inode, flags & S_ATIME ? time : NULL,
				 flags & S_MTIME ? time : NULL, flags & S_CTIME ? time : NULL);
	return 0;
}

/* chattr flags that mean above what they mean below. */
#define FILEATTR_FLAGS	(FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | \
			 FS_NOATIME_FL | FS_DIRSYNC_FL | FS_PROJINHERIT_FL | FS_TOPDIR_FL | \
			 FS_NOCOW_FL)
#define FILEATTR_XFLAGS	(FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND | FS_XFLAG_SYNC | \
			 FS_XFLAG_NOATIME | FS_XFLAG_NODUMP | FS_XFLAG_PROJINHERIT)

/**
 * wardfs_fileattr_get - inode_operations.fileattr_get
 * @dentry: the object
 * @fa: filled in
 *
 * Return: 0; -ENOKEY when locked; or what the lower file system says.
 */
int wardfs_fileattr_get(struct dentry *dentry, wardfs_fileattr *fa)
{
	struct inode *inode = d_inode(dentry);

	if (!shown(inode))
		return wardfs_locked_error();
	return vfs_fileattr_get(wardfs_lower_dentry(inode), fa);
}

/**
 * wardfs_fileattr_set - inode_operations.fileattr_set
 * @idmap: of the mount
 * @dentry: the object
 * @fa: what to set
 *
 * Return: 0; -ENOKEY when locked; -EACCES when the policy refuses; -EOPNOTSUPP
 * for a flag that would change what the lower file system stores; or what that
 * says.
 */
int wardfs_fileattr_set(wardfs_idmap *idmap, struct dentry *dentry, wardfs_fileattr *fa)
{
	struct inode *inode = d_inode(dentry);
	wardfs_fileattr now;
	int err;

	if (!wardfs_unlocked(inode->i_sb))
		return wardfs_locked_error();
	err = wardfs_policy_check(inode, WARD_OP_SETATTR, WARD_ACTION_SETATTR, dentry, NULL);
	if (err)
		return err;
	memset(&now, 0, sizeof(now));
	err = vfs_fileattr_get(wardfs_lower_dentry(inode), &now);
	if (err)
		return err;
	if (fa->flags_valid && (fa->flags ^ now.flags) & ~FILEATTR_FLAGS)
		return -EOPNOTSUPP;
	if (fa->fsx_valid && (fa->fsx_xflags ^ now.fsx_xflags) & ~FILEATTR_XFLAGS)
		return -EOPNOTSUPP;
	/* Immutable files cannot be written any more, not by us either. */
	if (S_ISREG(inode->i_mode) && !fixed_below(inode)) {
		err = wardfs_data_write_out(inode);
		if (err)
			return err;
	}
	err = wardfs_want_write(inode->i_sb);
	if (err)
		return err;
	err = vfs_fileattr_set(lower_idmap(inode->i_sb), wardfs_lower_dentry(inode), fa);
	wardfs_drop_write(inode->i_sb);
	wardfs_changed(inode);
	return err;
}

/* ---- permission ---- */

static enum ward_action attempted(const struct inode *inode, int mask)
{
	if (S_ISDIR(inode->i_mode))
		return mask & MAY_READ ? WARD_ACTION_LIST : WARD_ACTION_LOOKUP;
	if (mask & MAY_WRITE)
		return WARD_ACTION_OPEN_WRITE;
	return mask & MAY_EXEC ? WARD_ACTION_EXECUTE : WARD_ACTION_OPEN_READ;
}

#define ASKED	(MAY_READ | MAY_WRITE | MAY_EXEC | MAY_OPEN | MAY_ACCESS)

/*
 * Regular files are decided at open, where the file is at hand; here only for
 * who asks without opening: access(), truncate(), xattrs. Changes in a
 * directory are decided where they are made.
 */
static int permission_policy(struct inode *inode, int mask)
{
	u32 op = 0;
	int err;

	if (S_ISLNK(inode->i_mode))
		return 0;
	/* may_linkat() asks so, and lets the owner link all the same: link is asked itself. */
	if ((mask & ASKED) == (MAY_READ | MAY_WRITE))
		return 0;
	if (S_ISDIR(inode->i_mode)) {
		if (mask & MAY_EXEC) {
			err = wardfs_policy_walk(inode, mask & MAY_NOT_BLOCK);
			if (err)
				return err;
		}
		if (mask & MAY_READ)
			op = WARD_OP_LIST;
	} else if (!S_ISREG(inode->i_mode) || !(mask & MAY_OPEN)) {
		if (mask & MAY_READ)
			op |= WARD_OP_READ;
		if (mask & MAY_WRITE)
			op |= WARD_OP_WRITE;
		if (mask & MAY_EXEC)
			op |= WARD_OP_EXECUTE;
	}
	if (!op)
		return 0;
	if (mask & MAY_NOT_BLOCK)
		return -ECHILD;
	return wardfs_policy_check(inode, op, attempted(inode, mask), NULL, NULL);
}

/**
 * wardfs_permission - inode_operations.permission
 * @idmap: of the mount
 * @inode: upper inode
 * @mask: MAY_*
 *
 * The policy comes before the mode bits: who has no business here is to be
 * reported even where the mode bits would have refused too. May be in rcu-walk.
 *
 * Return: 0; -ENOKEY when locked; -EACCES; -ECHILD to be asked again outside
 * of rcu-walk.
 */
int wardfs_permission(wardfs_idmap *idmap, struct inode *inode, int mask)
{
	int err;

	if (!wardfs_unlocked(inode->i_sb)) {
		if (mask & MAY_NOT_BLOCK)
			return -ECHILD;
		wardfs_report_locked(inode, NULL, attempted(inode, mask));
		return wardfs_locked_error();
	}
	err = permission_policy(inode, mask);
	if (err)
		return err;
	return generic_permission(idmap, inode, mask);
}

/* ---- devices, pipes, sockets ---- */

const struct inode_operations wardfs_special_iops = {
	.permission	= wardfs_permission,
	.getattr	= wardfs_getattr,
	.setattr	= wardfs_setattr,
	.listxattr	= wardfs_listxattr,
	.update_time	= wardfs_update_time,
	WARDFS_ACL_OPS
};
