// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting. The source is DIR, the protected directory below; what is mounted is
 * DIR/.ward/tree, decrypted. Mounting needs no key: the vault begins locked.
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/seq_file.h>
#include <linux/backing-dev.h>
#include "burst.h"
#include "wardfs.h"
#include "compat/super.h"

/* Readahead: large enough for several runs, so that every CPU has one. */
#define READAHEAD_PAGES	512

static LIST_HEAD(vaults);
static DEFINE_SPINLOCK(vaults_lock);

/* ---- the list of vaults ------------------------------------------------- */

/* A vault is on the list before its mount is made, so that there is no second one. */
static bool born(const struct wardfs_sb *sbi)
{
	/* Pairs with the barrier before the flag is set, in vfs_get_tree(). */
	return smp_load_acquire(&sbi->sb->s_flags) & SB_BORN;
}

/**
 * wardfs_sb_get - find a mounted vault
 * @uuid: its UUID, 16 bytes
 *
 * Return: the vault with an active reference on its super block, for
 * wardfs_sb_put(); NULL when there is none.
 */
struct wardfs_sb *wardfs_sb_get(const u8 *uuid)
{
	struct wardfs_sb *sbi, *found = NULL;

	spin_lock(&vaults_lock);
	list_for_each_entry(sbi, &vaults, list) {
		if (!memcmp(sbi->uuid, uuid, sizeof(sbi->uuid)) && born(sbi) &&
		    atomic_inc_not_zero(&sbi->sb->s_active)) {
			found = sbi;
			break;
		}
	}
	spin_unlock(&vaults_lock);
	return found;
}

/**
 * wardfs_sb_put - give back what wardfs_sb_get() returned
 * @sbi: the vault
 *
 * May be the last reference: context that may sleep, no locks.
 */
void wardfs_sb_put(struct wardfs_sb *sbi)
{
	deactivate_super(sbi->sb);
}

/**
 * wardfs_sb_for_each - call a function for every mounted vault
 * @fn: the function; must not sleep; a value other than 0 ends the round
 * @arg: for it
 *
 * Return: 0 or what @fn returned last.
 */
int wardfs_sb_for_each(int (*fn)(struct wardfs_sb *sbi, void *arg), void *arg)
{
	struct wardfs_sb *sbi;
	int ret = 0;

	spin_lock(&vaults_lock);
	list_for_each_entry(sbi, &vaults, list) {
		ret = born(sbi) && !sbi->dying ? fn(sbi, arg) : 0;
		if (ret)
			break;
	}
	spin_unlock(&vaults_lock);
	return ret;
}

static int list_add_vault(struct wardfs_sb *sbi)
{
	struct wardfs_sb *other;
	int err = 0;

	spin_lock(&vaults_lock);
	list_for_each_entry(other, &vaults, list) {
		if (!memcmp(other->uuid, sbi->uuid, sizeof(sbi->uuid))) {
			err = -EBUSY;
			break;
		}
	}
	if (!err)
		list_add_tail(&sbi->list, &vaults);
	spin_unlock(&vaults_lock);
	return err;
}

/* ---- super block operations ----------------------------------------------- */

static int wardfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct wardfs_sb *sbi = WARDFS_SB(dentry->d_sb);
	struct path path = { .mnt = sbi->lower_mnt, .dentry = sbi->tree };
	int err = vfs_statfs(&path, buf);

	if (err)
		return err;
	buf->f_type = WARD_SUPER_MAGIC;
	buf->f_fsid = uuid_to_fsid(sbi->uuid);
	buf->f_namelen = 255;
	return 0;
}

/**
 * wardfs_sync_lower - make durable all that the lower file system has
 * @sb: the vault's super block
 *
 * Context: no lock that comes after the lower s_umount.
 *
 * Return: 0, or what the lower file system says.
 */
int wardfs_sync_lower(struct super_block *sb)
{
	struct super_block *lower = WARDFS_SB(sb)->lower_mnt->mnt_sb;
	int err;

	down_read(&lower->s_umount);
	err = sync_filesystem(lower);
	up_read(&lower->s_umount);
	return err;
}

static int wardfs_sync_fs(struct super_block *sb, int wait)
{
	/* The first of the two calls has nothing to wait for below. */
	if (!wait)
		return 0;
	return wardfs_sync_lower(sb) ?: wardfs_lower_failed(WARDFS_SB(sb));
}

/*
 * What the VFS does before, and sync_fs, have brought everything below, and nobody
 * writes any more. So there is nothing left to do; but without this, a file system
 * counts as one that cannot be frozen.
 */
static int wardfs_freeze_fs(struct super_block *sb)
{
	return 0;
}

static int wardfs_write_inode(struct inode *inode, struct writeback_control *wbc)
{
	int err;

	if (!S_ISREG(inode->i_mode))
		return 0;
	err = wardfs_data_flush(inode);
	if (!err)
		wardfs_data_idle(inode);
	return err;
}

static int wardfs_show_options(struct seq_file *m, struct dentry *root)
{
	struct wardfs_sb *sbi = WARDFS_SB(root->d_sb);

	if (sbi->name[0])
		seq_show_option(m, "name", sbi->name);
	seq_printf(m, ",uuid=%pUb", sbi->uuid);
	return 0;
}

static void sbi_free(struct wardfs_sb *sbi)
{
	dput(sbi->tree);
	dput(sbi->ward_dir);
	/* A private clone is a mount of the kernel's own: mntput() never frees it. */
	if (sbi->lower_mnt)
		kern_unmount(sbi->lower_mnt);
	if (sbi->cred)
		put_cred(sbi->cred);
	wardfs_io_put_creds(sbi);
	cleanup_srcu_struct(&sbi->srcu);
	wardfs_bursts_free(sbi->bursts);
	kfree(sbi);
}

static void wardfs_put_super(struct super_block *sb)
{
	struct wardfs_sb *sbi = WARDFS_SB(sb);
	struct wardfs_report report = {
		.kind = WARD_KIND_MOUNT,
		.action = WARD_ACTION_UMOUNT,
		.block = WARDFS_NO_BLOCK,
	};

	wardfs_key_end(sbi);
	wardfs_epoch_release(sbi);
	wardfs_report(sbi, &report);
	wardfs_policy_drop(sbi);
	/* An rcu-walk may still look: wardfs_kill_sb() frees it. */
}

static const struct super_operations wardfs_sops = {
	.alloc_inode	= wardfs_alloc_inode,
	.free_inode	= wardfs_free_inode,
	.evict_inode	= wardfs_evict_inode,
	.write_inode	= wardfs_write_inode,
	.put_super	= wardfs_put_super,
	.sync_fs	= wardfs_sync_fs,
	.freeze_fs	= wardfs_freeze_fs,
	.statfs		= wardfs_statfs,
	.show_options	= wardfs_show_options,
};

/* ---- mounting ------------------------------------------------------------- */

enum { OPT_NAME, OPT_UUID };

static const struct fs_parameter_spec wardfs_parameters[] = {
	fsparam_string("name", OPT_NAME),
	fsparam_string("uuid", OPT_UUID),
	{}
};

/* What a mount asks for, until there is a super block. */
struct wardfs_mount {
	char name[64];
};

static int wardfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct wardfs_mount *m = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, wardfs_parameters, param, &result);

	if (opt < 0)
		return opt;
	/* uuid= is shown for people; as an option of remount it says nothing. */
	if (opt == OPT_UUID)
		return 0;
	if (!param->size || strscpy(m->name, param->string, sizeof(m->name)) < 0)
		return invalf(fc, "wardfs: name= takes 1 to 63 characters");
	return 0;
}

/* A lower directory that we can be stacked on. */
static int lower_usable(struct fs_context *fc, const struct path *path)
{
	struct super_block *sb = path->dentry->d_sb;

	if (sb->s_type == &wardfs_type)
		return invalf(fc, "wardfs: the directory is a mounted vault already");
	if (sb->s_stack_depth + 1 > FILESYSTEM_MAX_STACK_DEPTH)
		return invalf(fc, "wardfs: too many file systems are stacked there");
	if (wardfs_sb_casefolds(sb, path->dentry))
		return invalf(fc, "wardfs: the file system there folds case; use a directory without it");
	if (wardfs_idmapped(path->mnt))
		return invalf(fc, "wardfs: the mount there is idmapped");
	return 0;
}

static int find_ward(struct fs_context *fc, struct wardfs_sb *sbi)
{
	struct dentry *dentry;
	int err;

	dentry = wardfs_lower_walk(sbi, sbi->lower_mnt->mnt_root, WARD_DIR_NAME);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		if (err == -ENOENT)
			errorf(fc, "wardfs: not a vault: there is no .ward in it");
		else if (err == -EACCES || err == -EPERM)
			errorf(fc, "wardfs: root may not look there: does an NFS server squash root?");
		return err;
	}
	sbi->ward_dir = dentry;
	if (!d_is_dir(dentry))
		return invalf(fc, "wardfs: .ward is not a directory");
	if (!uid_eq(d_inode(dentry)->i_uid, GLOBAL_ROOT_UID) || d_inode(dentry)->i_mode & 0022) {
		errorf(fc, "wardfs: .ward does not belong to root alone");
		return -EPERM;
	}
	dentry = wardfs_lower_walk(sbi, sbi->ward_dir, WARD_TREE_NAME);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		if (err == -ENOENT)
			errorf(fc, "wardfs: .ward/tree is missing");
		return err;
	}
	sbi->tree = dentry;
	if (!d_is_dir(dentry))
		return invalf(fc, "wardfs: .ward/tree is not a directory");
	err = wardfs_vault_read(sbi, &sbi->suite);
	if (err == -EBADMSG)
		errorf(fc, "wardfs: .ward/vault and .ward/vault.bak are both damaged");
	else if (err == -EPROTONOSUPPORT)
		errorf(fc, "wardfs: the vault's format version or suite is not known to this module (format 0 was never released)");
	else if (err)
		errorf(fc, "wardfs: .ward/vault cannot be read");
	return err;
}

static const struct cred *io_cred(void)
{
	struct cred *cred = prepare_creds();

	/* No reserved blocks, no way past quotas. */
	if (cred)
		cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	return cred;
}

static int wardfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct wardfs_mount *m = fc->fs_private;
	struct wardfs_report report = {
		.kind = WARD_KIND_MOUNT,
		.action = WARD_ACTION_MOUNT,
		.block = WARDFS_NO_BLOCK,
	};
	struct super_block *lower;
	struct wardfs_sb *sbi;
	struct inode *root;
	struct path path;
	int err;

	if (!fc->source)
		return invalf(fc, "wardfs: no source: name the directory that is the vault");
	err = kern_path(fc->source, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	if (err)
		return err;
	err = lower_usable(fc, &path);
	if (err)
		goto put_path;
	sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);
	err = -ENOMEM;
	if (!sbi)
		goto put_path;
	err = wardfs_key_begin(sbi);
	if (err) {
		kfree(sbi);
		goto put_path;
	}
	INIT_LIST_HEAD(&sbi->list);
	mutex_init(&sbi->check_lock);
	sbi->sb = sb;
	/* From here on wardfs_kill_sb() undoes what was done, also when the rest fails. */
	sb->s_fs_info = sbi;
	strscpy(sbi->name, m->name, sizeof(sbi->name));
	sbi->cred = io_cred();
	err = -ENOMEM;
	if (!sbi->cred)
		goto put_path;
	err = wardfs_io_creds(sbi, path.mnt->mnt_sb);
	if (err)
		goto put_path;
	sbi->lower_mnt = clone_private_mount(&path);
	if (IS_ERR(sbi->lower_mnt)) {
		err = PTR_ERR(sbi->lower_mnt);
		sbi->lower_mnt = NULL;
		goto put_path;
	}
	/* Whether an access time moves is asked of the upper mount, and once is enough. */
	sbi->lower_mnt->mnt_flags &= ~(MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME);
	err = find_ward(fc, sbi);
	if (err)
		goto put_path;

	lower = sbi->tree->d_sb;
	sb->s_stack_depth = lower->s_stack_depth + 1;
	sb->s_magic = WARD_SUPER_MAGIC;
	sb->s_op = &wardfs_sops;
	sb->s_xattr = wardfs_xattr_handlers;
	sb->s_time_gran = lower->s_time_gran;
	sb->s_time_min = lower->s_time_min;
	sb->s_time_max = lower->s_time_max;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = min_t(loff_t, lower->s_maxbytes / WARD_BLOCK_SIZE * WARD_CAP,
			       WARD_SIZE_MAX);
	sb->s_flags |= SB_POSIXACL & lower->s_flags;
	/* For NFS servers: ctime alone stands still for a tick of the clock. */
	sb->s_flags |= SB_I_VERSION;
	if (sb_rdonly(lower) || __mnt_is_readonly(path.mnt))
		sb->s_flags |= SB_RDONLY;
	wardfs_sb_no_umask(sb);
	wardfs_set_default_d_op(sb, &wardfs_dops);
	wardfs_export_begin(sb);
	err = super_setup_bdi(sb);
	if (err)
		goto put_path;
	sb->s_bdi->ra_pages = READAHEAD_PAGES;
	sb->s_bdi->io_pages = READAHEAD_PAGES;
	root = wardfs_iget(sb, sbi->tree, NULL);
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		goto put_path;
	}
	err = list_add_vault(sbi);
	if (err) {
		errorf(fc, "wardfs: this vault is mounted already");
		iput(root);
		goto put_path;
	}
	sb->s_root = d_make_root(root);
	if (!sb->s_root) {
		err = -ENOMEM;
		goto put_path;
	}
	sb->s_flags |= SB_ACTIVE;
	wardfs_report(sbi, &report);
put_path:
	path_put(&path);
	return err;
}

static int wardfs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, wardfs_fill_super);
}

static int wardfs_reconfigure(struct fs_context *fc)
{
	struct wardfs_sb *sbi = WARDFS_SB(fc->root->d_sb);

	fc->sb_flags |= SB_I_VERSION;
	if (fc->sb_flags & SB_RDONLY)
		return sync_filesystem(sbi->sb);
	if (sb_rdonly(sbi->sb) && sb_rdonly(sbi->lower_mnt->mnt_sb))
		return invalf(fc, "wardfs: the file system below is read-only");
	if (sb_rdonly(sbi->sb) && READ_ONCE(sbi->state) != WARD_STATE_LOCKED && !sbi->epoch_open)
		return invalf(fc, "wardfs: lock the vault first: it was unlocked for reading only");
	return 0;
}

static void wardfs_free_fc(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations wardfs_context_ops = {
	.parse_param	= wardfs_parse_param,
	.get_tree	= wardfs_get_tree,
	.reconfigure	= wardfs_reconfigure,
	.free		= wardfs_free_fc,
};

static int wardfs_init_fs_context(struct fs_context *fc)
{
	fc->fs_private = kzalloc(sizeof(struct wardfs_mount), GFP_KERNEL);
	if (!fc->fs_private)
		return -ENOMEM;
	fc->ops = &wardfs_context_ops;
	return 0;
}

static void wardfs_kill_sb(struct super_block *sb)
{
	struct wardfs_sb *sbi = WARDFS_SB(sb);

	if (sbi) {
		/* Nobody finds it any more, so nobody arms the work again. */
		spin_lock(&vaults_lock);
		sbi->dying = true;
		spin_unlock(&vaults_lock);
		cancel_delayed_work_sync(&sbi->expire);
		cancel_delayed_work_sync(&sbi->hours);
	}
	kill_anon_super(sb);
	wardfs_block_drain();
	if (!sbi)
		return;
	/* Its epoch has ended: now it may be mounted again. */
	spin_lock(&vaults_lock);
	list_del_init(&sbi->list);
	spin_unlock(&vaults_lock);
	/* An rcu-walk that began before the inodes went may still look at it. */
	synchronize_rcu();
	sbi_free(sbi);
}

struct file_system_type wardfs_type = {
	.owner			= THIS_MODULE,
	.name			= "wardfs",
	.init_fs_context	= wardfs_init_fs_context,
	.parameters		= wardfs_parameters,
	.kill_sb		= wardfs_kill_sb,
	.fs_flags		= FS_RENAME_DOES_D_MOVE,
};
MODULE_ALIAS_FS("wardfs");

/**
 * wardfs_super_init - register the file system
 *
 * Return: 0 or a negative errno.
 */
int wardfs_super_init(void)
{
	return register_filesystem(&wardfs_type);
}

/**
 * wardfs_super_exit - unregister it
 */
void wardfs_super_exit(void)
{
	unregister_filesystem(&wardfs_type);
}
