// SPDX-License-Identifier: GPL-2.0-only
/*
 * What entries are called below: directory ids and the keys that follow from
 * them, lower names, symlink targets. docs/format.md, "SIV". All of it runs in
 * process context, inside a section.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "wardfs.h"
#include "codec.h"

/* ".ward-n" and the digest, for the hidden symlink of a long name. */
#define LONG_LEN	(sizeof(WARD_LONG_PREFIX) - 1 + WARD_DIGEST_LEN)

static struct wardfs_siv *derive(struct wardfs_sb *sbi, const u8 *key, const char *label,
				 const u8 *id)
{
	struct wardfs_siv *siv;
	u8 keys[2 * WARD_KEY_SIZE];
	int err;

	err = wardfs_hkdf(sbi->uuid, key, WARD_KEY_SIZE, label, id, keys, sizeof(keys));
	if (err)
		return ERR_PTR(err);
	siv = wardfs_siv_alloc(keys);
	memzero_explicit(keys, sizeof(keys));
	return siv;
}

static int read_id(struct inode *dir, u8 *id)
{
	char *text;
	int err;

	err = wardfs_hidden_read(dir, WARD_DIRID_NAME, &text);
	if (!err) {
		if (strlen(text) != WARD_DIRID_LEN ||
		    ward_b64_decode(text, WARD_DIRID_LEN, id) != WARD_ID_SIZE)
			err = -EBADMSG;
		kfree(text);
	}
	if (err == -EBADMSG) {
		wardfs_report_tamper(dir, NULL, WARDFS_NO_BLOCK, "the directory id is damaged");
		err = -EIO;
	}
	return err;
}

/*
 * Nobody will find a directory that has been removed, but who has it open may give it
 * user xattrs still. Their id is that of memory alone, as they themselves soon are.
 */
static int unless_removed(struct inode *dir, int err)
{
	return err == -ENOENT && IS_DEADDIR(wardfs_lower_inode(dir)) ? 0 : err;
}

static int write_id(struct inode *dir, const u8 *id)
{
	char text[WARD_DIRID_LEN + 1];
	bool made;

	text[ward_b64_encode(id, WARD_ID_SIZE, text)] = 0;
	return unless_removed(dir, wardfs_hidden_make(dir, WARD_DIRID_NAME, text, &made));
}

/*
 * A directory with entries but without an id has lost it. A new id would make
 * the loss final, so there is none until somebody puts the old one back.
 */
static int make_id(struct inode *dir, u8 *id)
{
	int err;

	err = unless_removed(dir, wardfs_hidden_empty(dir));
	if (err == -ENOTEMPTY) {
		wardfs_report_tamper(dir, NULL, WARDFS_NO_BLOCK, "the directory id is missing");
		return -EIO;
	}
	if (err)
		return err;
	/*
	 * With a new id, what hung on the old one would look tampered with: after a crash,
	 * and in a directory whose id could not be loaded before it was removed.
	 */
	if (IS_DEADDIR(wardfs_lower_inode(dir)))
		wardfs_xattrs_forget(dir);
	else if (READ_ONCE(WARDFS_SB(dir->i_sb)->unchecked) && wardfs_xattrs_forget(dir))
		wardfs_report_settled(dir);
	get_random_bytes(id, WARD_ID_SIZE);
	return write_id(dir, id);
}

static struct wardfs_names *names_alloc(struct wardfs_sb *sbi, const u8 *id)
{
	struct wardfs_names *names = kzalloc(sizeof(*names), GFP_KERNEL);
	int err;

	if (!names)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&names->lock);
	names->siv = derive(sbi, wardfs_keys(sbi)->names, WARD_LABEL_DIR, id);
	if (IS_ERR(names->siv)) {
		err = PTR_ERR(names->siv);
		kfree(names);
		return ERR_PTR(err);
	}
	return names;
}

/**
 * wardfs_names_free - forget the name keys of a directory
 * @names: wardfs_inode.names; NULL is fine
 */
void wardfs_names_free(struct wardfs_names *names)
{
	if (!names)
		return;
	wardfs_siv_free(names->siv);
	kfree_sensitive(names);
}

static int load_names(struct inode *dir, bool make)
{
	struct wardfs_sb *sbi = WARDFS_SB(dir->i_sb);
	struct wardfs_inode *wi = WARDFS_I(dir);
	struct wardfs_names *names;
	u8 id[WARD_ID_SIZE];
	bool below = true;
	int err;

	lockdep_assert_held(&wi->lock);

	err = read_id(dir, id);
	if (err == -ENOENT && memchr_inv(wi->dir_id, 0, sizeof(wi->dir_id)) &&
	    (READ_ONCE(wi->id_lost) || IS_DEADDIR(wardfs_lower_inode(dir)))) {
		/* Memory has had it since before it went from below, and over a lock. */
		memcpy(id, wi->dir_id, sizeof(id));
		err = make ? write_id(dir, id) : 0;
		below = make;
	} else if (err == -ENOENT && make) {
		err = make_id(dir, id);
	}
	if (err)
		return err;
	names = names_alloc(sbi, id);
	if (IS_ERR(names))
		return PTR_ERR(names);
	memcpy(wi->dir_id, id, sizeof(id));
	if (below)
		WRITE_ONCE(wi->id_lost, false);
	/* Pairs with the acquire in wardfs_dir_names() and xattr.c: dir_id too. */
	smp_store_release(&wi->names, names);
	wardfs_inode_keyed(dir);
	return 0;
}

/**
 * wardfs_dir_names - the name keys of a directory
 * @dir: upper directory
 * @make: give it an id if it has none; wardfs_want_write() is held then
 * @names: set to the keys, good until the section ends
 *
 * Inside a section. Takes wardfs_inode.lock and the lower directory's lock.
 *
 * Return: 0; -ENOENT when the directory has no id, so no entries of ours, and
 * @make is false; -ENOTDIR when it is none; -EIO when the id is damaged or missing
 * (reported); -ENOMEM, or what the lower file system says.
 */
int wardfs_dir_names(struct inode *dir, bool make, struct wardfs_names **names)
{
	struct wardfs_inode *wi = WARDFS_I(dir);
	struct wardfs_names *loaded;
	int err = 0;

	if (!S_ISDIR(dir->i_mode))
		return -ENOTDIR;
	/* Pairs with the release in load_names(). */
	loaded = smp_load_acquire(&wi->names);
	if (likely(loaded && !(make && READ_ONCE(wi->id_lost)))) {
		*names = loaded;
		return 0;
	}
	mutex_lock(&wi->lock);
	if (!wi->names) {
		err = load_names(dir, make);
	} else if (make && wi->id_lost) {
		err = write_id(dir, wi->dir_id);
		if (!err)
			WRITE_ONCE(wi->id_lost, false);
	}
	if (!err)
		*names = wi->names;
	mutex_unlock(&wi->lock);
	return err;
}

static int encode_long(const u8 *siv, unsigned int len, struct wardfs_lname *out)
{
	u8 digest[WARD_DIGEST_SIZE];
	int err;

	err = wardfs_sha256(siv, len, digest);
	if (err)
		return err;
	out->target = kmalloc(WARD_B64_LEN(len) + 1, GFP_KERNEL);
	if (!out->target)
		return -ENOMEM;
	out->target[ward_b64_encode(siv, len, out->target)] = 0;
	out->name[0] = WARD_DIGEST_MARK;
	out->len = 1 + ward_b64_encode(digest, sizeof(digest), out->name + 1);
	return 0;
}

/* Is it the name that was encoded last? Who would have to wait encodes it anew. */
static bool recall(struct wardfs_names *names, const struct qstr *name, struct wardfs_lname *out)
{
	bool same;

	if (READ_ONCE(names->len) != name->len || !spin_trylock(&names->lock))
		return false;
	same = names->len == name->len && !memcmp(names->last, name->name, name->len);
	if (same) {
		out->len = names->lower_len;
		memcpy(out->name, names->lower, out->len + 1);
	}
	spin_unlock(&names->lock);
	return same;
}

static void remember(struct wardfs_names *names, const struct qstr *name,
		     const struct wardfs_lname *lname)
{
	if (!spin_trylock(&names->lock))
		return;
	WRITE_ONCE(names->len, name->len);
	memcpy(names->last, name->name, name->len);
	names->lower_len = lname->len;
	memcpy(names->lower, lname->name, lname->len + 1);
	spin_unlock(&names->lock);
}

/**
 * wardfs_name_encode - what an entry is called below
 * @names: name keys of its directory
 * @name: upper name
 * @out: the lower name; wardfs_lname_free() when done, not on failure
 *
 * Return: 0; -ENAMETOOLONG; -ENOMEM, or what the crypto API says.
 */
int wardfs_name_encode(struct wardfs_names *names, const struct qstr *name,
		       struct wardfs_lname *out)
{
	bool is_long = name->len > WARD_NAME_INLINE_MAX;
	u8 text[WARD_NAME_TEXT_MAX], siv[WARD_NAME_SIV_MAX];
	unsigned int len;
	int err;

	out->target = NULL;
	if (name->len > WARD_NAME_MAX)
		return -ENAMETOOLONG;
	if (!is_long && recall(names, name, out))
		return 0;
	len = ward_pad(name->name, name->len, text);
	err = wardfs_siv_seal(names->siv, WARD_SIV_NAME, NULL, 0, text, len, siv);
	memzero_explicit(text, sizeof(text));
	if (err)
		return err;
	if (is_long)
		err = encode_long(siv, WARD_IV_SIZE + len, out);
	else
		out->len = ward_b64_encode(siv, WARD_IV_SIZE + len, out->name);
	if (err)
		return err;
	out->name[out->len] = 0;
	if (!is_long)
		remember(names, name, out);
	return 0;
}

/**
 * wardfs_lname_free - free what belongs to a lower name
 * @lname: filled in by wardfs_name_encode()
 */
void wardfs_lname_free(struct wardfs_lname *lname)
{
	kfree(lname->target);
	lname->target = NULL;
}

/**
 * wardfs_lname_hidden - the hidden symlink that a long name needs
 * @lname: a lower name with a target
 * @name: its name out, WARDFS_HIDDEN_MAX bytes, NUL-terminated
 */
void wardfs_lname_hidden(const struct wardfs_lname *lname, char *name)
{
	snprintf(name, WARDFS_HIDDEN_MAX, WARD_LONG_PREFIX "%s", lname->name + 1);
}

/* The full form of a name that stands under a digest. */
static int read_long(struct inode *dir, const char *lower, unsigned int len, u8 *siv)
{
	char name[LONG_LEN + 1];
	u8 want[WARD_B64_BYTES(WARD_DIGEST_LEN)], have[WARD_DIGEST_SIZE];
	char *text;
	int n, err;

	if (len != 1 + WARD_DIGEST_LEN ||
	    ward_b64_decode(lower + 1, WARD_DIGEST_LEN, want) != WARD_DIGEST_SIZE)
		return -EBADMSG;
	snprintf(name, sizeof(name), WARD_LONG_PREFIX "%.*s", (int)WARD_DIGEST_LEN, lower + 1);
	err = wardfs_hidden_read(dir, name, &text);
	if (err)
		return err == -ENOENT ? -EBADMSG : err;
	n = strlen(text);
	n = n > WARD_NAME_B64_MAX ? -EBADMSG : ward_b64_decode(text, n, siv);
	kfree(text);
	if (n < 0)
		return n;
	err = wardfs_sha256(siv, n, have);
	if (!err && memcmp(have, want, sizeof(have)))
		err = -EBADMSG;
	return err ?: n;
}

/**
 * wardfs_name_decode - what an entry below is called above
 * @dir: upper directory
 * @names: its name keys
 * @lower: lower name, need not be NUL-terminated
 * @len: its length, bytes
 * @out: the name out, WARD_NAME_TEXT_MAX bytes, not NUL-terminated
 *
 * For a long name it reads a hidden symlink, under the lower directory's lock.
 *
 * Return: the length of the name; -EBADMSG when it is not authentic; -ENOMEM,
 * or what the crypto API or the lower file system says.
 */
int wardfs_name_decode(struct inode *dir, const struct wardfs_names *names,
		       const char *lower, unsigned int len, char *out)
{
	bool is_long = len && lower[0] == WARD_DIGEST_MARK, must;
	u8 siv[WARD_NAME_SIV_MAX];
	int n, err;

	if (is_long)
		n = read_long(dir, lower, len, siv);
	else if (len > WARD_LNAME_MAX)
		n = -EBADMSG;
	else
		n = ward_b64_decode(lower, len, siv);
	if (n < 0)
		return n;
	if (n <= WARD_IV_SIZE)
		return -EBADMSG;
	err = wardfs_siv_open(names->siv, WARD_SIV_NAME, NULL, 0, siv, n, out);
	if (err)
		return err;
	n = ward_name_unpad(out, n - WARD_IV_SIZE);
	/* One name, one entry: neither form stands for what the other holds. */
	must = n > WARD_NAME_INLINE_MAX;
	return n < 0 || must == is_long ? n : -EBADMSG;
}

/**
 * wardfs_target_encode - what a new symlink's target is below
 * @sbi: the vault
 * @target: upper target, NUL-terminated
 * @out: set to the lower target, for kfree()
 *
 * Return: 0; -ENAMETOOLONG; -ENOENT for an empty target; -ENOMEM, or what the
 * crypto API says.
 */
int wardfs_target_encode(struct wardfs_sb *sbi, const char *target, char **out)
{
	size_t len = strlen(target);
	struct wardfs_siv *siv;
	u8 *text, *raw;
	char *lower;
	int err = -ENOMEM;

	if (!len)
		return -ENOENT;
	if (len > WARD_TARGET_MAX)
		return -ENAMETOOLONG;
	text = kmalloc(WARD_PAD_LEN(len), GFP_KERNEL);
	if (!text)
		return err;
	len = ward_pad(target, len, text);
	raw = kmalloc(WARD_ID_SIZE + WARD_IV_SIZE + len, GFP_KERNEL);
	if (!raw)
		goto free_text;
	get_random_bytes(raw, WARD_ID_SIZE);
	siv = derive(sbi, wardfs_keys(sbi)->links, WARD_LABEL_SYMLINK, raw);
	if (IS_ERR(siv)) {
		err = PTR_ERR(siv);
		goto free_raw;
	}
	err = wardfs_siv_seal(siv, WARD_SIV_SYMLINK, NULL, 0, text, len, raw + WARD_ID_SIZE);
	wardfs_siv_free(siv);
	if (err)
		goto free_raw;
	len += WARD_ID_SIZE + WARD_IV_SIZE;
	lower = kmalloc(WARD_B64_LEN(len) + 1, GFP_KERNEL);
	if (!lower) {
		err = -ENOMEM;
		goto free_raw;
	}
	lower[ward_b64_encode(raw, len, lower)] = 0;
	*out = lower;
free_raw:
	kfree(raw);
free_text:
	kfree_sensitive(text);
	return err;
}

/**
 * wardfs_target_decode - what a symlink's target is above
 * @sbi: the vault
 * @lower: lower target, NUL-terminated
 * @out: set to the upper target, NUL-terminated, for kfree_sensitive()
 *
 * Return: 0; -EBADMSG when it is not authentic; -ENOMEM, or what the crypto API
 * says.
 */
int wardfs_target_decode(struct wardfs_sb *sbi, const char *lower, char **out)
{
	size_t len = strlen(lower);
	struct wardfs_siv *siv;
	u8 *raw;
	char *text;
	int n, err;

	if (len > WARD_LTARGET_MAX)
		return -EBADMSG;
	raw = kmalloc(WARD_B64_BYTES(len) + 1, GFP_KERNEL);
	if (!raw)
		return -ENOMEM;
	n = ward_b64_decode(lower, len, raw);
	err = -EBADMSG;
	if (n <= WARD_ID_SIZE + WARD_IV_SIZE || n > WARD_TARGET_RAW_MAX)
		goto free_raw;
	siv = derive(sbi, wardfs_keys(sbi)->links, WARD_LABEL_SYMLINK, raw);
	if (IS_ERR(siv)) {
		err = PTR_ERR(siv);
		goto free_raw;
	}
	n -= WARD_ID_SIZE;
	err = -ENOMEM;
	text = kmalloc(n, GFP_KERNEL);
	if (!text)
		goto free_siv;
	err = wardfs_siv_open(siv, WARD_SIV_SYMLINK, NULL, 0, raw + WARD_ID_SIZE, n, text);
	if (!err) {
		n = ward_unpad(text, n - WARD_IV_SIZE);
		err = n < 0 ? n : 0;
	}
	if (err) {
		kfree_sensitive(text);
	} else {
		text[n] = 0;	/* the synthetic IV left 16 bytes of room */
		*out = text;
	}
free_siv:
	wardfs_siv_free(siv);
free_raw:
	kfree(raw);
	return err;
}
