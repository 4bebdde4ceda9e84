// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes. Those of users are stored encrypted, name and value,
 * under "user.ward."; what else users' names could mean below is neither shown
 * nor touched. Other namespaces are the kernel's, and pass through as the
 * caller. ACLs are kept, cached and inherited below. docs/format.md, "SIV".
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include <linux/xattr.h>

#include "compat/xattr.h"
#include "lower.h"
#include "codec.h"

#define VALUE_MAX	(XATTR_SIZE_MAX - WARD_IV_SIZE)

/**
 * struct xname - a user xattr's name
 * @ad: what the value's MAC covers of it: length of the text, text
 * @ad_len: bytes of @ad in use
 * @lower: what it is called below, NUL-terminated
 */
struct xname {
	u8 ad[2 + WARD_PAD_LEN(WARD_XNAME_MAX)];
	unsigned int ad_len;
	char lower[XATTR_NAME_MAX + 1];
};

/* ---- keys ---- */

static int derive(struct inode *inode, bool make, u8 *keys)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_names *names;
	int err;

	if (S_ISREG(inode->i_mode))
		return wardfs_data_xattr_keys(inode, keys);
	/* Users give xattrs to files and directories alone; below there may be anything. */
	if (!S_ISDIR(inode->i_mode))
		return -ENODATA;
	err = wardfs_dir_names(inode, make, &names);
	/* That it was found orders the reading of dir_id after its writing. */
	return err ?: wardfs_hkdf(sbi->uuid, wardfs_keys(sbi)->names, WARD_KEY_SIZE,
				  WARD_LABEL_XATTR, WARDFS_I(inode)->dir_id, keys,
				  2 * WARD_KEY_SIZE);
}

/*
 * The xattr keys of a file or directory, inside a section, good until it ends.
 * Return: 0; -ENODATA when the object has none yet and @make is false.
 */
static int xattr_keys(struct inode *inode, bool make, struct wardfs_siv **siv)
{
	struct wardfs_inode *wi = WARDFS_I(inode);
	u8 keys[2 * WARD_KEY_SIZE];
	struct wardfs_siv *new;
	int err;

	/* Pairs with the release below. An id that was lost must be made again. */
	*siv = smp_load_acquire(&wi->xattrs);
	if (*siv && !(make && READ_ONCE(wi->id_lost)))
		return 0;
	err = derive(inode, make, keys);
	if (err)
		return err == -ENOENT && !make ? -ENODATA : err;
	new = wardfs_siv_alloc(keys);
	memzero_explicit(keys, sizeof(keys));
	if (IS_ERR(new))
		return PTR_ERR(new);
	mutex_lock(&wi->lock);
	if (wi->xattrs) {
		wardfs_siv_free(new);
	} else {
		/* Pairs with the acquire above. */
		smp_store_release(&wi->xattrs, new);
		wardfs_inode_keyed(inode);
	}
	*siv = wi->xattrs;
	mutex_unlock(&wi->lock);
	return 0;
}

/* ---- names and values ---- */

static int name_encode(const struct wardfs_siv *siv, const char *name, struct xname *out)
{
	u8 raw[WARD_IV_SIZE + WARD_PAD_LEN(WARD_XNAME_MAX)];
	const unsigned int prefix = sizeof(WARD_XATTR_PREFIX) - 1;
	unsigned int len = strlen(name);
	int err;

	if (len > WARD_XNAME_MAX)
		return -ERANGE;
	len = ward_pad(name, len, out->ad + 2);
	out->ad[0] = len;
	out->ad[1] = len >> 8;
	out->ad_len = 2 + len;
	err = wardfs_siv_seal(siv, WARD_SIV_XATTR_NAME, NULL, 0, out->ad + 2, len, raw);
	if (err)
		return err;
	memcpy(out->lower, WARD_XATTR_PREFIX, prefix);
	len = ward_b64_encode(raw, WARD_IV_SIZE + len, out->lower + prefix);
	out->lower[prefix + len] = 0;
	return 0;
}

/* @out: WARD_PAD_LEN(WARD_XNAME_MAX) + 1 bytes. Return: the length, or -EBADMSG... */
static int name_decode(const struct wardfs_siv *siv, const char *lower, char *out)
{
	u8 raw[WARD_B64_BYTES(XATTR_NAME_MAX) + 1];
	int n, err;

	lower += sizeof(WARD_XATTR_PREFIX) - 1;
	n = strlen(lower) > XATTR_NAME_MAX ? -EBADMSG :
	    ward_b64_decode(lower, strlen(lower), raw);
	if (n < 0)
		return n;
	if (n <= WARD_IV_SIZE || n > WARD_IV_SIZE + WARD_PAD_LEN(WARD_XNAME_MAX))
		return -EBADMSG;
	err = wardfs_siv_open(siv, WARD_SIV_XATTR_NAME, NULL, 0, raw, n, out);
	if (err)
		return err;
	n = ward_unpad((u8 *)out, n - WARD_IV_SIZE);
	if (n >= 0)
		out[n] = 0;
	return n;
}

/* The whole of a lower value, which may change its size while we look. */
static ssize_t read_value(struct inode *inode, const char *lower, u8 **out)
{
	ssize_t size, res;
	u8 *value;

	do {
		size = lower_getxattr(inode, lower, NULL, 0);
		if (size < 0)
			return size;
		value = kvmalloc(size + 1, GFP_KERNEL);
		if (!value)
			return -ENOMEM;
		res = lower_getxattr(inode, lower, value, size + 1);
		if (res < 0)
			kvfree(value);
	} while (res == -ERANGE && !fatal_signal_pending(current));
	if (res >= 0)
		*out = value;
	return res;
}

static int tampered(struct inode *inode, int err, const char *what)
{
	if (err != -EBADMSG)
		return err;
	wardfs_report_tamper(inode, NULL, WARDFS_NO_BLOCK, what);
	return -EIO;
}

/* ---- users' attributes ---- */

/*
 * There is none, by what is known without asking below: but where none can be at all,
 * that is the answer. No name of ours is as short.
 */
static int none(struct inode *inode)
{
	int err = lower_getxattr(inode, WARD_XATTR_PREFIX "-", NULL, 0);

	return err == -EOPNOTSUPP ? err : -ENODATA;
}

static ssize_t user_get(struct inode *inode, const char *name, void *value, size_t size)
{
	struct wardfs_siv *siv;
	struct xname *x;
	u8 *sealed;
	ssize_t len, room;
	void *text;
	int err;

	x = kmalloc(sizeof(*x), GFP_KERNEL);
	if (!x)
		return -ENOMEM;
	len = xattr_keys(inode, false, &siv);
	if (!len)
		len = name_encode(siv, name, x);
	if (len == -ENODATA || len == -ERANGE)
		len = none(inode);	/* no key, or none can be called that */
	if (!len)
		len = size ? read_value(inode, x->lower, &sealed) :
			     lower_getxattr(inode, x->lower, NULL, 0);
	if (len < 0)
		goto free_name;
	if (len < WARD_IV_SIZE) {
		len = tampered(inode, -EBADMSG, "an xattr's value does not authenticate");
		goto free_sealed;
	}
	if (!size) {
		len -= WARD_IV_SIZE;
		goto free_name;
	}
	room = len;
	text = kvmalloc(room, GFP_KERNEL);
	if (!text) {
		len = -ENOMEM;
		goto free_sealed;
	}
	err = wardfs_siv_open(siv, WARD_SIV_XATTR_VALUE, x->ad, x->ad_len, sealed, len, text);
	len -= WARD_IV_SIZE;
	if (err)
		len = tampered(inode, err, "an xattr's value does not authenticate");
	else if (len > size)
		len = -ERANGE;
	else
		memcpy(value, text, len);
	kvfree_sensitive(text, room);
free_sealed:
	if (size)
		kvfree(sealed);
free_name:
	kfree_sensitive(x);
	return len;
}

static int user_set(struct inode *inode, const char *name, const void *value, size_t size,
		    int flags)
{
	struct wardfs_siv *siv;
	struct xname *x;
	u8 *sealed;
	int err;

	if (size > VALUE_MAX)
		return -E2BIG;
	x = kmalloc(sizeof(*x), GFP_KERNEL);
	if (!x)
		return -ENOMEM;
	err = xattr_keys(inode, value && !(flags & XATTR_REPLACE), &siv);
	if (err == -ENODATA)
		err = none(inode);
	if (!err)
		err = name_encode(siv, name, x);
	if (err)
		goto free_name;
	if (!value) {
		err = lower_removexattr(inode, x->lower);
		goto free_name;
	}
	sealed = kvmalloc(WARD_IV_SIZE + size, GFP_KERNEL);
	if (!sealed) {
		err = -ENOMEM;
		goto free_name;
	}
	err = wardfs_siv_seal(siv, WARD_SIV_XATTR_VALUE, x->ad, x->ad_len, value, size, sealed);
	if (!err)
		err = lower_setxattr(inode, x->lower, sealed, WARD_IV_SIZE + size, flags);
	kvfree(sealed);
free_name:
	kfree_sensitive(x);
	return err;
}

/* ---- handlers ---- */

static bool is_top(const struct inode *inode)
{
	return inode == d_inode(inode->i_sb->s_root);
}

static int locked(struct inode *inode, enum ward_action action)
{
	wardfs_report_locked(inode, NULL, action);
	return wardfs_locked_error();
}

static int wardfs_user_get(const struct xattr_handler *handler, struct dentry *dentry,
			   struct inode *inode, const char *name, void *value, size_t size)
{
	ssize_t res;
	int idx;

	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return locked(inode, WARD_ACTION_READ);
	res = user_get(inode, name, value, size);
	wardfs_exit(inode->i_sb, idx);
	return wardfs_shown_error(res);
}

static int wardfs_user_set(const struct xattr_handler *handler, wardfs_idmap *idmap,
			   struct dentry *dentry, struct inode *inode, const char *name,
			   const void *value, size_t size, int flags)
{
	int idx, err;

	err = wardfs_policy_check(inode, WARD_OP_SETXATTR, WARD_ACTION_SETXATTR, dentry, NULL);
	if (err)
		return err;
	err = wardfs_want_write(inode->i_sb);
	if (err)
		return err;
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0) {
		err = locked(inode, WARD_ACTION_SETXATTR);
		goto drop_write;
	}
	err = user_set(inode, name, value, size, flags);
	wardfs_exit(inode->i_sb, idx);
	wardfs_changed(inode);
drop_write:
	wardfs_drop_write(inode->i_sb);
	return wardfs_shown_error(err);
}

/* The top shows its own even when locked: ls -ld asks for them. */
static int wardfs_other_get(const struct xattr_handler *handler, struct dentry *dentry,
			    struct inode *inode, const char *name, void *value, size_t size)
{
	if (!wardfs_unlocked(inode->i_sb) && !is_top(inode))
		return locked(inode, WARD_ACTION_LOOKUP);
	return lower_getxattr(inode, name, value, size);
}

/*
 * Whoever writes takes a file's capabilities away, and needs no right to them. That
 * removal has been decided above, where it is no removexattr(); below it would be.
 */
static int remove_caps(struct inode *inode)
{
	const struct cred *old = override_creds(WARDFS_SB(inode->i_sb)->cred);
	int err = lower_removexattr(inode, XATTR_NAME_CAPS);

	revert_creds(old);
	return err;
}

static int wardfs_other_set(const struct xattr_handler *handler, wardfs_idmap *idmap,
			    struct dentry *dentry, struct inode *inode, const char *name,
			    const void *value, size_t size, int flags)
{
	/* As who writes or changes the owner does; others are asked about the xattr. */
	bool caps = !value && !strcmp(name, XATTR_NAME_CAPS) &&
		    (wardfs_policy_allows(inode, WARD_OP_WRITE) ||
		     wardfs_policy_allows(inode, WARD_OP_SETATTR));
	int err = 0;

	if (!wardfs_unlocked(inode->i_sb))
		return locked(inode, WARD_ACTION_SETXATTR);
	if (!caps)
		err = wardfs_policy_check(inode, WARD_OP_SETXATTR, WARD_ACTION_SETXATTR, dentry,
					  NULL);
	if (err)
		return err;
	/* What is still to be written below would take capabilities away again. */
	if (value && S_ISREG(inode->i_mode) && !strcmp(name, XATTR_NAME_CAPS)) {
		err = wardfs_data_write_out(inode);
		if (err)
			return err;
	}
	err = wardfs_want_write(inode->i_sb);
	if (err)
		return err;
	if (caps)
		err = remove_caps(inode);
	else if (value)
		err = lower_setxattr(inode, name, value, size, flags);
	else
		err = lower_removexattr(inode, name);
	wardfs_drop_write(inode->i_sb);
	wardfs_changed(inode);
	return err;
}

static const struct xattr_handler user_handler = {
	.prefix	= XATTR_USER_PREFIX,
	.get	= wardfs_user_get,
	.set	= wardfs_user_set,
};

static const struct xattr_handler other_handler = {
	.prefix	= "",		/* any */
	.get	= wardfs_other_get,
	.set	= wardfs_other_set,
};

WARDFS_XATTR_TABLE wardfs_xattr_handlers[] = {
	WARDFS_AFTER_ACL_HANDLERS(&user_handler),
	&other_handler,
	NULL
};

/* ---- listing ---- */

/**
 * struct names - a list of names that is being made
 * @list: where it goes
 * @size: room, bytes; 0: only count
 * @used: bytes so far
 */
struct names {
	char *list;
	size_t size;
	ssize_t used;
};

static int names_add(struct names *names, const char *prefix, const char *name)
{
	size_t first = strlen(prefix), len = first + strlen(name) + 1;

	if (names->size) {
		if (names->used + len > names->size)
			return -ERANGE;
		memcpy(names->list + names->used, prefix, first);
		memcpy(names->list + names->used + first, name, len - first);
	}
	names->used += len;
	return 0;
}

/* The upper names of one object's user xattrs need its keys; the others do not. */
static int list_user(struct inode *inode, const char *lower, struct names *names)
{
	char name[WARD_PAD_LEN(WARD_XNAME_MAX) + 1];
	struct wardfs_siv *siv;
	bool keyless;
	int idx, n;

	/* No mode bit is asked either before names are listed; but these are contents. */
	if (!wardfs_policy_allows(inode, S_ISDIR(inode->i_mode) ? WARD_OP_LIST : WARD_OP_READ))
		return 0;
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0)
		return is_top(inode) ? 0 : idx;
	n = xattr_keys(inode, false, &siv);
	if (!n)
		n = name_decode(siv, lower, name);
	keyless = n == -ENODATA && (IS_DEADDIR(wardfs_lower_inode(inode)) ||
				    wardfs_xattrs_keyless(inode));
	wardfs_exit(inode->i_sb, idx);
	if (keyless)
		return 0;
	if (n == -EBADMSG || n == -ENODATA) {
		wardfs_report_tamper(inode, NULL, WARDFS_NO_BLOCK,
				     "an xattr's name does not authenticate");
		return 0;
	}
	return n < 0 ? n : names_add(names, XATTR_USER_PREFIX, name);
}

static int list_each(struct inode *inode, const char *lower, size_t len, struct names *names)
{
	size_t at, n;
	int err = 0;

	for (at = 0; at < len && !err; at += n + 1) {
		const char *name = lower + at;

		n = strnlen(name, len - at);
		if (n == len - at)
			return -EIO;	/* no NUL at the end of the list */
		if (strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN))
			err = names_add(names, "", name);
		else if (!strncmp(name, WARD_XATTR_PREFIX, sizeof(WARD_XATTR_PREFIX) - 1))
			err = list_user(inode, name, names);
	}
	return err;
}

/* The whole list of an object's xattrs below. Return: bytes; 0: none, @out untouched. */
static ssize_t list_below(struct inode *inode, char **out)
{
	struct dentry *below = wardfs_lower_dentry(inode);
	ssize_t len;
	char *lower;

	do {
		len = vfs_listxattr(below, NULL, 0);
		if (len <= 0)
			return len;
		lower = kvmalloc(len, GFP_KERNEL);
		if (!lower)
			return -ENOMEM;
		len = vfs_listxattr(below, lower, len);
		if (len <= 0)
			kvfree(lower);
	} while (len == -ERANGE && !fatal_signal_pending(current));
	if (len > 0)
		*out = lower;
	return len;
}

/**
 * wardfs_listxattr - inode_operations.listxattr
 * @dentry: the object
 * @list: where the names go, each with its NUL
 * @size: room, bytes; 0: only say how much is needed
 *
 * Return: bytes; -ENOKEY when locked, but for the top; -ERANGE; -ENOMEM, or
 * what the lower file system says.
 */
ssize_t wardfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct inode *inode = d_inode(dentry);
	struct names names = { .list = list, .size = size };
	ssize_t len;
	char *lower;
	int err;

	if (!wardfs_unlocked(inode->i_sb) && !is_top(inode))
		return locked(inode, WARD_ACTION_LOOKUP);
	len = list_below(inode, &lower);
	if (len <= 0)
		return len;
	err = list_each(inode, lower, len, &names);
	kvfree(lower);
	return err ?: names.used;
}

/* ---- checking ---- */

/**
 * wardfs_xattrs_keyless - is it a crash that took the key of an object's user xattrs
 * @inode: upper inode
 *
 * A directory that a crash kept from being removed has no id any more, and no entries.
 * Inside a section.
 *
 * Return: true when nothing but that explains user xattrs without a key.
 */
bool wardfs_xattrs_keyless(struct inode *inode)
{
	struct wardfs_siv *siv;

	return S_ISDIR(inode->i_mode) && READ_ONCE(WARDFS_SB(inode->i_sb)->unchecked) &&
	       xattr_keys(inode, false, &siv) == -ENODATA && !wardfs_hidden_empty(inode);
}

/* One user xattr: its name, then with that its value. @value: XATTR_SIZE_MAX bytes of room. */
static int check_one(struct inode *inode, const char *lower, u8 *value)
{
	char name[WARD_PAD_LEN(WARD_XNAME_MAX) + 1];
	struct wardfs_siv *siv;
	ssize_t n = xattr_keys(inode, false, &siv);

	if (!n)
		n = name_decode(siv, lower, name);
	if (n == -ENODATA)
		n = -EBADMSG;	/* without a key it cannot be ours */
	if (n < 0)
		return tampered(inode, n, "an xattr's name does not authenticate");
	n = user_get(inode, name, value, XATTR_SIZE_MAX);
	/* Removed meanwhile. */
	return n == -ENODATA ? 0 : min_t(ssize_t, n, 0);
}

/**
 * wardfs_xattrs_check - do the user xattrs of an object authenticate
 * @inode: upper inode
 * @bad: raised by one for each that does not (reported)
 *
 * Inside a section.
 *
 * Return: 0; -ENOMEM, or what the lower file system says.
 */
int wardfs_xattrs_check(struct inode *inode, u64 *bad)
{
	char *lower, *at;
	ssize_t len = list_below(inode, &lower);
	u8 *value;
	int err = 0;

	if (len <= 0)
		return len == -EOPNOTSUPP ? 0 : len;
	if (wardfs_xattrs_keyless(inode)) {
		kvfree(lower);
		if (sb_rdonly(inode->i_sb))
			return 0;
		sb_start_write(wardfs_lower_inode(inode)->i_sb);
		if (wardfs_xattrs_forget(inode))
			wardfs_report_settled(inode);
		sb_end_write(wardfs_lower_inode(inode)->i_sb);
		return 0;
	}
	value = kvmalloc(XATTR_SIZE_MAX, GFP_KERNEL);
	if (!value) {
		kvfree(lower);
		return -ENOMEM;
	}
	/* What has no NUL at its end is no list of names. */
	lower[len - 1] = 0;
	for (at = lower; at < lower + len && !err; at += strlen(at) + 1) {
		if (strncmp(at, WARD_XATTR_PREFIX, sizeof(WARD_XATTR_PREFIX) - 1))
			continue;
		err = check_one(inode, at, value);
		if (err == -EIO) {
			(*bad)++;
			err = 0;
		}
	}
	kvfree_sensitive(value, XATTR_SIZE_MAX);
	kvfree(lower);
	return err;
}

/**
 * wardfs_xattrs_forget - remove user xattrs whose key is lost
 * @inode: upper regular file without its header, or directory without its id, after
 *	a crash
 *
 * Nothing can read them any more, and a check would take them for tampered ones. Nothing
 * is said when one stays. Inside a section; the caller may write below
 * (mnt_want_write() or sb_start_write()).
 *
 * Return: true when there were any.
 */
bool wardfs_xattrs_forget(struct inode *inode)
{
	const struct cred *old = override_creds(WARDFS_SB(inode->i_sb)->cred);
	char *lower, *at;
	bool any = false;
	ssize_t len;

	len = list_below(inode, &lower);
	if (len > 0) {
		lower[len - 1] = 0;
		for (at = lower; at < lower + len; at += strlen(at) + 1)
			if (!strncmp(at, WARD_XATTR_PREFIX, sizeof(WARD_XATTR_PREFIX) - 1) &&
			    !lower_removexattr(inode, at))
				any = true;
		kvfree(lower);
	}
	revert_creds(old);
	return any;
}

/* ---- ACLs ---- */

/**
 * wardfs_get_acl - inode_operations.get_inode_acl
 * @inode: upper inode
 * @type: ACL_TYPE_*
 * @rcu: in rcu-walk
 *
 * Return: the lower inode's, with a reference unless @rcu; NULL for none;
 * ERR_PTR(-ECHILD) to be asked again outside of rcu-walk; or ERR_PTR of what
 * the lower file system says.
 */
struct posix_acl *wardfs_get_acl(struct inode *inode, int type, bool rcu)
{
	struct inode *low = wardfs_lower_inode(inode);

	/* In rcu-walk the inode may be on its way out. */
	if (!low)
		return ERR_PTR(-ECHILD);
	if (!IS_POSIXACL(low))
		return NULL;
	return rcu ? get_cached_acl_rcu(low, type) : compat_get_acl(low, type);
}

static int set_lower_acl(struct inode *inode, const char *name, struct posix_acl *acl)
{
	size_t size;
	void *value;
	int err;

	if (!acl) {
		err = lower_removexattr(inode, name);
		return err == -ENODATA ? 0 : err;
	}
	size = posix_acl_xattr_size(acl->a_count);
	value = kmalloc(size, GFP_KERNEL);
	if (!value)
		return -ENOMEM;
	err = posix_acl_to_xattr(&init_user_ns, acl, value, size);
	if (err >= 0)
		err = lower_setxattr(inode, name, value, size, 0);
	kfree(value);
	return err;
}

/**
 * wardfs_set_acl - inode_operations.set_acl
 * @idmap: of the mount
 * @object: the object's inode or dentry, as the kernel has it
 * @acl: the ACL, or NULL to take it away
 * @type: ACL_TYPE_*
 *
 * Return: 0; -EOPNOTSUPP where the lower file system has no ACLs; -ENOKEY when
 * locked; -EACCES when the policy refuses; or what the lower file system says.
 */
int wardfs_set_acl(wardfs_idmap *idmap, wardfs_acl_object *object, struct posix_acl *acl, int type)
{
	struct inode *inode = wardfs_acl_inode(object);
	int err;

	if (!IS_POSIXACL(wardfs_lower_inode(inode)))
		return -EOPNOTSUPP;
	if (!wardfs_unlocked(inode->i_sb))
		return locked(inode, WARD_ACTION_SETATTR);
	err = wardfs_policy_check(inode, WARD_OP_SETATTR, WARD_ACTION_SETATTR, NULL, NULL);
	if (err)
		return err;
	err = wardfs_want_write(inode->i_sb);
	if (err)
		return err;
	err = set_lower_acl(inode, type == ACL_TYPE_ACCESS ? XATTR_NAME_POSIX_ACL_ACCESS :
						   XATTR_NAME_POSIX_ACL_DEFAULT, acl);
	wardfs_drop_write(inode->i_sb);
	wardfs_changed(inode);
	return err;
}
