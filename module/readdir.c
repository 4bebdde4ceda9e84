// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listing a directory. The lower directory is read a batch at a time into a
 * buffer, under its lock; then each name is decoded, inside a section; then it
 * is given to the caller, with neither held, because that copies to user space.
 *
 * Positions are the lower ones, so seekdir() and NFS cookies work as below. Where
 * the caller has had enough, the next call reads again, so it never gives a name
 * that was removed in between. Only where positions count entries (tmpfs before
 * Linux 6.6) the buffer stays for the next call: when entries were removed, going
 * back by position would leave out others.
 */
#include <linux/fs.h>
#include <linux/slab.h>

#include "lower.h"
#include "codec.h"

/**
 * struct entry - an entry as it is below
 * @pos: its position
 * @ino: its inode number
 * @type: DT_*
 * @len: length of @name, bytes
 * @name: its lower name
 */
struct entry {
	loff_t pos;
	u64 ino;
	unsigned int type;
	unsigned int len;
	char name[];
};

/**
 * struct wardfs_batch - entries read below
 * @ctx: for iterate_dir()
 * @used: bytes of @entries in use
 * @at: where the first is that the caller has not had
 * @entries: struct entry, each aligned
 */
struct wardfs_batch {
	struct dir_context ctx;
	size_t used;
	size_t at;
	char entries[] __aligned(__alignof__(struct entry));
};

/* Bytes of entries read below at once: what fits 8 KiB. */
#define BATCH_SIZE	(8192 - offsetof(struct wardfs_batch, entries))

static size_t entry_size(unsigned int len)
{
	return ALIGN(offsetof(struct entry, name) + len, __alignof__(struct entry));
}

static bool batch_add(struct dir_context *ctx, const char *name, int len, loff_t pos,
		      u64 ino, unsigned int type)
{
	struct wardfs_batch *batch = container_of(ctx, struct wardfs_batch, ctx);
	struct entry *e;

	if (len < 0 || len > NAME_MAX)
		return true;	/* none of ours */
	if (batch->used + entry_size(len) > BATCH_SIZE)
		return false;
	e = (struct entry *)(batch->entries + batch->used);
	e->pos = pos;
	e->ino = ino;
	e->type = type;
	e->len = len;
	memcpy(e->name, name, len);
	batch->used += entry_size(len);
	return true;
}

static bool is_dot(const struct entry *e)
{
	return e->name[0] == '.' && (e->len == 1 || (e->len == 2 && e->name[1] == '.'));
}

static bool starts(const struct entry *e, const char *prefix)
{
	return e->len >= strlen(prefix) && !memcmp(e->name, prefix, strlen(prefix));
}

/*
 * Has an entry that was read below gone since? With it went the hidden symlink of a
 * long name, which is no tampering.
 */
static bool entry_gone(struct inode *dir, const struct entry *e)
{
	const struct cred *saved = override_creds(WARDFS_SB(dir->i_sb)->cred);
	struct dentry *lower = lower_lookup(dir, e->name, e->len);
	bool gone = !IS_ERR(lower) && d_is_negative(lower);

	revert_creds(saved);
	if (!IS_ERR(lower))
		dput(lower);
	return gone;
}

/*
 * What an entry is called above, into @name.
 * Return: the name's length; 0 to leave it out; or -errno.
 */
static int entry_decode(struct file *file, const struct entry *e, char *name)
{
	struct inode *dir = file_inode(file);
	struct wardfs_names *names;
	int idx, n;

	if (starts(e, WARD_HIDDEN_PREFIX) || wardfs_is_silly(dir->i_sb, e->name, e->len))
		return 0;
	idx = wardfs_enter(dir->i_sb);
	if (idx < 0)
		return idx;
	n = wardfs_dir_names(dir, false, &names);
	if (!n)
		n = wardfs_name_decode(dir, names, e->name, e->len, name);
	wardfs_exit(dir->i_sb, idx);
	if ((n == -EBADMSG || n == -ENOENT) && entry_gone(dir, e)) {
		n = 0;
	} else if (n == -EBADMSG) {
		wardfs_report_tamper(dir, file_dentry(file), WARDFS_NO_BLOCK,
				     "a name in the directory does not authenticate");
		n = 0;
	} else if (n == -ENOENT) {
		wardfs_report_tamper(dir, file_dentry(file), WARDFS_NO_BLOCK,
				     "the directory id is missing");
		n = 0;
	}
	return n;
}

/* Return: 1 to go on, 0 when the caller has had enough, or -errno. */
static int entry_emit(struct file *file, struct dir_context *ctx, const struct entry *e,
		      char *name)
{
	struct dentry *dentry = file_dentry(file);
	u64 ino = e->ino;
	int n;

	ctx->pos = e->pos;
	if (is_dot(e)) {
		/* What lies above our top is not ours to show. */
		if (IS_ROOT(dentry))
			ino = d_inode(dentry)->i_ino;
		return dir_emit(ctx, e->name, e->len, ino, e->type);
	}
	n = entry_decode(file, e, name);
	if (n <= 0)
		return n ?: 1;
	return dir_emit(ctx, name, n, ino, e->type);
}

static int batch_emit(struct file *file, struct dir_context *ctx, struct wardfs_batch *batch,
		      char *name)
{
	const struct entry *e;
	int go;

	while (batch->at < batch->used) {
		e = (const struct entry *)(batch->entries + batch->at);
		go = entry_emit(file, ctx, e, name);
		if (go <= 0)
			return go;
		batch->at += entry_size(e->len);
	}
	return 1;
}

static bool positions_count(const struct file *lower)
{
	return lower->f_op->iterate_shared == dcache_readdir;
}

/* Reads the next ones. Return: 0, or -errno; there may be some in either case. */
static int batch_read(struct file *lower, loff_t pos, struct wardfs_batch *batch)
{
	batch->used = 0;
	batch->at = 0;
	if (lower->f_pos != pos) {
		pos = vfs_llseek(lower, pos, SEEK_SET);
		if (pos < 0)
			return pos;
	}
	batch->ctx = (struct dir_context) { .actor = batch_add };
	return iterate_dir(lower, &batch->ctx);
}

/* A buffer, with what the last call left in it. Several calls at once have one each. */
static struct wardfs_batch *batch_get(struct wardfs_file *wf, loff_t pos)
{
	struct wardfs_batch *batch = xchg(&wf->rest, NULL);

	if (batch && ((const struct entry *)(batch->entries + batch->at))->pos == pos)
		return batch;
	kfree(batch);
	batch = kmalloc(struct_size(batch, entries, BATCH_SIZE), GFP_KERNEL_ACCOUNT);
	if (batch) {
		batch->used = 0;
		batch->at = 0;
	}
	return batch;
}

static void batch_put(struct wardfs_file *wf, struct wardfs_batch *batch)
{
	if (batch->at < batch->used && positions_count(wf->lower))
		batch = xchg(&wf->rest, batch);
	kfree(batch);
}

static int list(struct file *file, struct dir_context *ctx, struct wardfs_batch *batch, char *name)
{
	struct wardfs_file *wf = file->private_data;
	int err = 0, go;

	do {
		if (batch->at == batch->used)
			err = batch_read(wf->lower, ctx->pos, batch);
		if (!batch->used)
			break;
		go = batch_emit(file, ctx, batch, name);
		if (go <= 0)
			return go;
		ctx->pos = wf->lower->f_pos;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (!err);
	if (!err)
		ctx->pos = wf->lower->f_pos;
	return err;
}

static int wardfs_iterate(struct file *file, struct dir_context *ctx)
{
	struct wardfs_file *wf = file->private_data;
	struct inode *dir = file_inode(file);
	const fmode_t hashes = FMODE_32BITHASH | FMODE_64BITHASH;
	struct wardfs_batch *batch;
	char *name;
	int err;

	if (!wardfs_unlocked(dir->i_sb)) {
		wardfs_report_locked(dir, file_dentry(file), WARD_ACTION_LIST);
		return wardfs_locked_error();
	}
	err = wardfs_policy_check_file(file, WARD_OP_LIST, WARD_ACTION_LIST, 0);
	if (err)
		return err;
	/* The NFS server says after opening how wide its cookies are. */
	wf->lower->f_mode |= file->f_mode & hashes;

	name = kmalloc(WARD_NAME_TEXT_MAX, GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	batch = batch_get(wf, ctx->pos);
	if (!batch) {
		kfree(name);
		return -ENOMEM;
	}
	err = wardfs_shown_error(list(file, ctx, batch, name));
	batch_put(wf, batch);
	kfree_sensitive(name);
	return err;
}

static int wardfs_dir_open(struct inode *inode, struct file *file)
{
	struct wardfs_file *wf = kzalloc(sizeof(*wf), GFP_KERNEL_ACCOUNT);

	if (!wf)
		return -ENOMEM;
	wf->lower = wardfs_open_lower_dir(inode);
	if (IS_ERR(wf->lower)) {
		int err = PTR_ERR(wf->lower);

		kfree(wf);
		return err;
	}
	file->private_data = wf;
	return 0;
}

static int wardfs_dir_release(struct inode *inode, struct file *file)
{
	struct wardfs_file *wf = file->private_data;

	fput(wf->lower);
	kfree(wf->rest);
	kfree(wf);
	return 0;
}

static loff_t wardfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	struct wardfs_file *wf = file->private_data;
	loff_t pos;

	if (whence == SEEK_CUR) {
		if (!offset)
			return file->f_pos;
		offset += file->f_pos;
		whence = SEEK_SET;
	}
	/* To where it is, as for the lower file system; to the begin, all is read anew. */
	if (whence == SEEK_SET && offset && offset == file->f_pos)
		return offset;
	pos = vfs_llseek(wf->lower, offset, whence);
	if (pos < 0)
		return pos;
	kfree(xchg(&wf->rest, NULL));
	file->f_pos = pos;
	return pos;
}

static int wardfs_dir_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct wardfs_file *wf = file->private_data;
	int err = wardfs_sync_dirs(file_dentry(file));

	return err ?: vfs_fsync_range(wf->lower, start, end, datasync);
}

const struct file_operations wardfs_dir_fops = {
	.open		= wardfs_dir_open,
	.release	= wardfs_dir_release,
	.llseek		= wardfs_dir_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= wardfs_iterate,
	.fsync		= wardfs_dir_fsync,
};
