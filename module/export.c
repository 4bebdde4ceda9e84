// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles, for NFS servers, open_by_handle_at() and fanotify.
 *
 * A handle wraps the lower file system's own. That one could name anything there:
 * .ward/vault, hidden entries, what lies outside of DIR, and for a file there may
 * be no path by which it could be judged. So what we give out bears a MAC under a
 * key of the vault, and nothing is believed before it has been checked: a handle is
 * good for what it was made for, in this vault, as long as the lower file system
 * knows it. The top of the vault has no secret, and a handle without a MAC.
 *
 * Making and reading handles asks no policy: whoever opens what one leads to is
 * asked then, as for any other file.
 */
#include <linux/exportfs.h>
#include <linux/slab.h>
#include <crypto/algapi.h>

#include "codec.h"
#include "compat/export.h"
#include "lower.h"

#define HANDLE_TYPE	0x77		/* 'w': no other file system's */
#define HANDLE_VERSION	0
#define HANDLE_MAC	12
#define HANDLE_LOWER	(MAX_HANDLE_SZ - sizeof(struct handle))

enum { HANDLE_TOP, HANDLE_OBJECT };

/**
 * struct handle - a handle as it is given out
 * @version: HANDLE_VERSION
 * @what: HANDLE_TOP: nothing follows; or HANDLE_OBJECT
 * @lower_type: type of the lower handle
 * @reserved: zero
 * @mac: over all before and @lower: HMAC-SHA-256, its first bytes
 * @lower: the lower handle
 *
 * Short, for NFS 3 has 64 bytes for it and what it needs itself.
 */
struct handle {
	u8 version;
	u8 what;
	u8 lower_type;
	u8 reserved;
	u8 mac[HANDLE_MAC];
	u32 lower[];
};

#define TOP_WORDS	((int)(offsetof(struct handle, mac) / sizeof(u32)))
#define HEAD_WORDS	((int)(sizeof(struct handle) / sizeof(u32)))

/* Inside a section. @words: of the lower handle */
static int handle_mac(struct super_block *sb, const struct handle *h, int words, u8 *mac)
{
	const size_t head = offsetof(struct handle, mac);
	u8 text[MAX_HANDLE_SZ], full[WARD_MAC_SIZE];
	int err;

	memcpy(text, h, head);
	memcpy(text + head, h->lower, words * sizeof(u32));
	err = wardfs_mac(wardfs_keys(WARDFS_SB(sb))->handles, text, head + words * sizeof(u32),
			 full);
	if (!err)
		memcpy(mac, full, HANDLE_MAC);
	memzero_explicit(full, sizeof(full));
	return err;
}

/* ---- making --------------------------------------------------------------- */

static bool is_top(const struct inode *inode)
{
	return inode == d_inode(inode->i_sb->s_root);
}

static int encode_top(struct handle *h, int *words)
{
	bool fits = *words >= TOP_WORDS;

	*words = TOP_WORDS;
	if (!fits)
		return FILEID_INVALID;
	memset(h, 0, TOP_WORDS * sizeof(u32));
	h->version = HANDLE_VERSION;
	h->what = HANDLE_TOP;
	return HANDLE_TYPE;
}

/*
 * @parent: for a handle by which a file can be connected to the tree, or NULL.
 * Return: the type; FILEID_INVALID with the room needed in @words, or when there
 * is none.
 */
static int wardfs_encode_fh(struct inode *inode, u32 *fh, int *words, struct inode *parent)
{
	struct handle *h = (struct handle *)fh;
	int room = max(*words - HEAD_WORDS, 0);
	int type, idx, err;

	if (is_top(inode))
		return encode_top(h, words);
	room = min_t(int, room, HANDLE_LOWER / sizeof(u32));
	type = compat_encode_inode_fh(wardfs_lower_inode(inode), (struct fid *)h->lower, &room,
				      parent ? wardfs_lower_inode(parent) : NULL);
	if (type < 0 || type >= FILEID_INVALID) {
		*words = HEAD_WORDS + room;
		return FILEID_INVALID;
	}
	*words = HEAD_WORDS + room;
	h->version = HANDLE_VERSION;
	h->what = HANDLE_OBJECT;
	h->lower_type = type;
	h->reserved = 0;
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return FILEID_INVALID;
	err = handle_mac(inode->i_sb, h, room, h->mac);
	wardfs_exit(inode->i_sb, idx);
	return err ? FILEID_INVALID : HANDLE_TYPE;
}

/* ---- reading -------------------------------------------------------------- */

static int acceptable(void *context, struct dentry *dentry)
{
	return 1;
}

/* Did we make this? Inside a section. */
static bool authentic(struct super_block *sb, const struct handle *h, int words)
{
	u8 mac[HANDLE_MAC];

	return words > HEAD_WORDS && words <= MAX_HANDLE_SZ / sizeof(u32) &&
	       h->version == HANDLE_VERSION && h->what == HANDLE_OBJECT && !h->reserved &&
	       !handle_mac(sb, h, words - HEAD_WORDS, mac) &&
	       !crypto_memneq(mac, h->mac, sizeof(mac));
}

/* A dentry for a lower object; takes over the reference on @lower. Inside a section. */
static struct dentry *obtain(struct super_block *sb, struct dentry *lower)
{
	struct dentry *dentry;

	/* Directories come with all that is above them, and may have been moved out. */
	if (d_is_dir(lower) && !is_subdir(lower, WARDFS_SB(sb)->tree)) {
		dput(lower);
		return ERR_PTR(-ESTALE);
	}
	dentry = d_obtain_alias(wardfs_iget(sb, lower, NULL));
	if (!IS_ERR(dentry))
		wardfs_init_dentry(dentry, lower);
	dput(lower);
	return dentry;
}

/* As whoever mounted: the MAC says that it is ours, and who opens it is asked then. */
static struct dentry *lower_decode(struct super_block *sb, struct handle *h, int words,
				   bool parent)
{
	struct wardfs_sb *sbi = WARDFS_SB(sb);
	struct super_block *low = sbi->lower_mnt->mnt_sb;
	const struct cred *old = override_creds(sbi->cred);
	struct fid *fid = (struct fid *)h->lower;
	struct dentry *lower = NULL;

	if (!parent)
		lower = exportfs_decode_fh(sbi->lower_mnt, fid, words, h->lower_type, acceptable,
					   NULL);
	else if (low->s_export_op->fh_to_parent)
		lower = low->s_export_op->fh_to_parent(low, fid, words, h->lower_type);
	revert_creds(old);
	return lower;
}

static struct dentry *decode(struct super_block *sb, struct handle *h, int words, bool parent)
{
	struct dentry *dentry = ERR_PTR(-ESTALE), *lower;
	int idx;

	idx = wardfs_enter(sb);
	/* An NFS server has its clients wait and ask again. Whoever else asks sees ESTALE. */
	if (idx < 0)
		return ERR_PTR(-ETIMEDOUT);
	if (!authentic(sb, h, words))
		goto exit;
	lower = lower_decode(sb, h, words - HEAD_WORDS, parent);
	dentry = IS_ERR_OR_NULL(lower) ? lower : obtain(sb, lower);
exit:
	wardfs_exit(sb, idx);
	return dentry;
}

static struct dentry *wardfs_fh_to_dentry(struct super_block *sb, struct fid *fid, int words,
					  int type)
{
	struct handle *h = (struct handle *)fid;

	if (type != HANDLE_TYPE || words < TOP_WORDS)
		return ERR_PTR(-ESTALE);
	if (words == TOP_WORDS && h->version == HANDLE_VERSION && h->what == HANDLE_TOP &&
	    !h->lower_type && !h->reserved)
		return dget(sb->s_root);
	return decode(sb, h, words, false);
}

static struct dentry *wardfs_fh_to_parent(struct super_block *sb, struct fid *fid, int words,
					  int type)
{
	struct handle *h = (struct handle *)fid;

	if (type != HANDLE_TYPE || words <= HEAD_WORDS)
		return ERR_PTR(-ESTALE);
	return decode(sb, h, words, true);
}

/* ---- connecting ----------------------------------------------------------- */

static struct dentry *wardfs_get_parent(struct dentry *child)
{
	struct super_block *sb = child->d_sb;
	struct dentry *lower = wardfs_lower_dentry(d_inode(child));
	struct dentry *parent;
	int idx;

	/* What lies above the top is not ours. */
	if (lower == WARDFS_SB(sb)->tree)
		return ERR_PTR(-ESTALE);
	idx = wardfs_enter(sb);
	if (idx < 0)
		return ERR_PTR(-ETIMEDOUT);
	parent = obtain(sb, dget_parent(lower));
	wardfs_exit(sb, idx);
	return parent;
}

/**
 * struct search - the name of an inode in a directory below
 * @ctx: for iterate_dir()
 * @ino: the inode's number
 * @name: its lower name
 * @len: length of @name, bytes; 0: not found yet
 * @text: its name above
 */
struct search {
	struct dir_context ctx;
	u64 ino;
	unsigned int len;
	char name[NAME_MAX];
	char text[WARD_NAME_TEXT_MAX];
};

static bool search_entry(struct dir_context *ctx, const char *name, int len, loff_t pos,
			 u64 ino, unsigned int type)
{
	struct search *s = container_of(ctx, struct search, ctx);
	const size_t prefix = sizeof(WARD_HIDDEN_PREFIX) - 1;

	if (ino != s->ino || len <= 0 || len > NAME_MAX ||
	    (len >= prefix && !memcmp(name, WARD_HIDDEN_PREFIX, prefix)))
		return true;
	memcpy(s->name, name, len);
	s->len = len;
	return false;
}

static int search_lower(struct inode *dir, struct search *s)
{
	struct file *file = wardfs_open_lower_dir(dir);
	loff_t pos;
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	do {
		pos = file->f_pos;
		err = iterate_dir(file, &s->ctx);
	} while (!err && !s->len && file->f_pos != pos);
	fput(file);
	return err;
}

/* Under the name by which it is known below, where it is; which a directory always is. */
static bool cached_name(const struct dentry *parent, struct dentry *lower, struct search *s)
{
	spin_lock(&lower->d_lock);
	if (lower->d_parent == parent && !d_unhashed(lower) && !IS_ROOT(lower) &&
	    lower->d_name.len <= NAME_MAX) {
		s->len = lower->d_name.len;
		memcpy(s->name, lower->d_name.name, s->len);
	}
	spin_unlock(&lower->d_lock);
	return s->len;
}

static int search_decode(struct inode *dir, struct search *s)
{
	struct wardfs_names *names;
	int idx, n;

	idx = wardfs_enter(dir->i_sb);
	if (idx < 0)
		return -ETIMEDOUT;
	n = wardfs_dir_names(dir, false, &names);
	if (!n)
		n = wardfs_name_decode(dir, names, s->name, s->len, s->text);
	wardfs_exit(dir->i_sb, idx);
	return wardfs_shown_error(n);
}

/* Reads below, not above: who connects a handle need not be somebody who may list. */
static int wardfs_get_name(struct dentry *parent, char *name, struct dentry *child)
{
	struct dentry *lower = wardfs_lower_dentry(d_inode(child));
	struct inode *dir = d_inode(parent);
	struct search *s;
	int n = 0;

	if (!S_ISDIR(dir->i_mode))
		return -ENOTDIR;
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	s->ctx.actor = search_entry;
	s->ino = d_inode(lower)->i_ino;
	if (!cached_name(wardfs_lower_dentry(dir), lower, s))
		n = search_lower(dir, s);
	if (!n)
		n = s->len ? search_decode(dir, s) : -ENOENT;
	if (n > NAME_MAX)
		n = -ENAMETOOLONG;
	if (n >= 0) {
		memcpy(name, s->text, n);
		name[n] = 0;
		n = 0;
	}
	kfree_sensitive(s);
	return n;
}

/* An NFS server has promised that what it answered is on the disk. */
static int wardfs_commit_metadata(struct inode *inode)
{
	int err = 0;

	if (S_ISREG(inode->i_mode))
		err = wardfs_data_flush(inode);
	return err ?: wardfs_lower_fsync(inode);
}

const struct export_operations wardfs_export_ops = {
	.encode_fh		= wardfs_encode_fh,
	.fh_to_dentry		= wardfs_fh_to_dentry,
	.fh_to_parent		= wardfs_fh_to_parent,
	.get_parent		= wardfs_get_parent,
	.get_name		= wardfs_get_name,
	.commit_metadata	= wardfs_commit_metadata,
};

/**
 * wardfs_export_begin - see whether a vault can have handles
 * @sb: the vault's super block, being mounted
 *
 * It can where the lower file system has them.
 */
void wardfs_export_begin(struct super_block *sb)
{
	const struct export_operations *below = WARDFS_SB(sb)->lower_mnt->mnt_sb->s_export_op;

	if (below && below->fh_to_dentry)
		sb->s_export_op = &wardfs_export_ops;
}
