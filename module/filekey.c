// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file's header, its key, and the lower file its blocks are read from and
 * written to. All three are had before anything can become dirty, and are kept
 * while something is: write-back opens and looks up nothing.
 */
#include <linux/slab.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <crypto/aead.h>
#include "wardfs.h"
#include "block.h"

/* What the wrapping AEAD sees of a header, in one piece. */
struct wrap_buffer {
	u8 aad[WARD_HEADER_AAD1 + WARD_HEADER_AAD2];
	u8 key[WARD_KEY_SIZE];
	u8 tag[WARD_TAG_SIZE];
} __packed;

static int header_aead(struct crypto_aead *wrap, struct ward_file_header *h, u8 *key, bool seal)
{
	struct aead_request *req;
	struct wrap_buffer *buf;
	struct scatterlist sg;
	DECLARE_CRYPTO_WAIT(wait);
	u8 iv[16];
	int err = -ENOMEM;

	/* Small, and NOFS with retry below: this also runs in write-back. */
	buf = kmalloc(sizeof(*buf), GFP_NOFS | __GFP_NOFAIL);
	req = kmalloc(sizeof(*req) + crypto_aead_reqsize(wrap), GFP_NOFS | __GFP_NOFAIL);
	memcpy(buf->aad, h, WARD_HEADER_AAD1);
	memcpy(buf->aad + WARD_HEADER_AAD1, h->reserved, WARD_HEADER_AAD2);
	memcpy(buf->key, seal ? key : h->wrapped_key, WARD_KEY_SIZE);
	memcpy(buf->tag, h->tag, WARD_TAG_SIZE);
	memcpy(iv, h->nonce, WARD_NONCE_SIZE);
	sg_init_one(&sg, buf, sizeof(*buf));
	aead_request_set_tfm(req, wrap);
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &wait);
	aead_request_set_ad(req, sizeof(buf->aad));
	aead_request_set_crypt(req, &sg, &sg, WARD_KEY_SIZE + (seal ? 0 : WARD_TAG_SIZE), iv);
	err = crypto_wait_req(seal ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req), &wait);
	if (!err && seal) {
		memcpy(h->wrapped_key, buf->key, WARD_KEY_SIZE);
		memcpy(h->tag, buf->tag, WARD_TAG_SIZE);
	} else if (!err) {
		memcpy(key, buf->key, WARD_KEY_SIZE);
	}
	kfree_sensitive(req);
	kfree_sensitive(buf);
	return err;
}

/**
 * wardfs_header_seal - wrap the file key anew, with the flags as they stand
 * @inode: upper regular file with its key loaded
 *
 * Fills wardfs_data.header. Context: wardfs_data.io held for writing (or the
 * inode is new), inside a write-out section, NOFS.
 *
 * Return: 0; -ENOKEY when there is no key; -EOVERFLOW as wardfs_next_nonce(); the
 * cipher's error.
 */
int wardfs_header_seal(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_keys *keys = wardfs_keys(sbi);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct ward_file_header *h = (void *)d->header;

	/* The key was wiped before the file's first header could be written: it is lost. */
	if (!d->aead)
		return -ENOKEY;
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, WARD_FILE_MAGIC, sizeof(h->magic));
	h->version = cpu_to_le16(WARD_FORMAT_VERSION);
	h->suite = cpu_to_le16(sbi->suite);
	h->generation = cpu_to_le32(keys->generation);
	memcpy(h->vault, sbi->uuid, sizeof(h->vault));
	memcpy(h->id, d->id, sizeof(h->id));
	h->flags = cpu_to_le32(d->flags);
	return wardfs_next_nonce(keys, h->nonce) ?: header_aead(keys->wrap, h, d->key, true);
}

static int key_ready(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct crypto_aead *aead;

	/* From here on there is something to be wiped. */
	wardfs_inode_keyed(inode);
	aead = wardfs_aead_alloc(WARDFS_SB(inode->i_sb)->suite, d->key);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	if (sizeof(struct aead_request) + crypto_aead_reqsize(aead) > WARDFS_REQUEST_SIZE) {
		crypto_free_aead(aead);
		wardfs_msg(inode->i_sb, "the cipher driver wants requests that are too large");
		return -EINVAL;
	}
	/* Pairs with wardfs_data_ready(): read-ahead asks without the lock that made it. */
	smp_store_release(&d->aead, aead);
	return 0;
}

/* Take id, flags and key out of the header in wardfs_data.header. */
static int header_open(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_keys *keys = wardfs_keys(sbi);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct ward_file_header *h = (void *)d->header;
	int err;

	err = ward_header_check(h, sbi->uuid);
	if (err)
		return err;
	/* One suite and one key generation a vault, for now. */
	if (le16_to_cpu(h->suite) != sbi->suite || le32_to_cpu(h->generation) != keys->generation)
		return -EPROTONOSUPPORT;
	err = header_aead(keys->wrap, h, d->key, false);
	if (err)
		return err;
	memcpy(d->id, h->id, sizeof(d->id));
	d->flags = le32_to_cpu(h->flags);
	d->made = true;
	d->header_dirty = false;
	return 0;
}

static int header_buffer(struct wardfs_data *d)
{
	if (!d->header)
		d->header = kzalloc(WARD_HEADER_SIZE, GFP_KERNEL);
	return d->header ? 0 : -ENOMEM;
}

static int open_lower(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	const struct cred *cred = WARDFS_SB(inode->i_sb)->cred;
	struct path path = wardfs_lower_path(inode);
	struct file *file = ERR_PTR(-EROFS);
	const struct cred *saved;

	if (d->lower_file) {
		/* Perhaps it can be written by now. Others who use it keep it as it is. */
		if (!d->lower_rdonly || d->users || sb_rdonly(inode->i_sb))
			return 0;
		fput(d->lower_file);
		d->lower_file = NULL;
	}
	saved = override_creds(cred);
	if (!sb_rdonly(inode->i_sb))
		file = dentry_open(&path, O_RDWR | O_LARGEFILE | O_NOATIME, cred);
	d->lower_rdonly = IS_ERR(file);
	/* Immutable, append-only, a program that runs: readable all the same. */
	if (file == ERR_PTR(-EROFS) || file == ERR_PTR(-EPERM) || file == ERR_PTR(-EACCES) ||
	    file == ERR_PTR(-ETXTBSY))
		file = dentry_open(&path, O_RDONLY | O_LARGEFILE | O_NOATIME, cred);
	revert_creds(saved);
	/* Of NFS, for the VFS alone: the name that was to be opened is another file's now. */
	if (file == ERR_PTR(-EOPENSTALE))
		return -ESTALE;
	if (IS_ERR(file))
		return PTR_ERR(file);
	/* The lower times are set from the upper ones, see size.c. */
	file->f_mode |= FMODE_NOCMTIME;
	/*
	 * A block is to be replaced whole or not at all. In the lower page cache it
	 * could be overwritten while the device reads it, which would leave half of
	 * each on the disk if the power failed then.
	 */
	mapping_set_stable_writes(file->f_mapping);
	/* Pairs with wardfs_data_ready(). */
	smp_store_release(&d->lower_file, file);
	return 0;
}

/**
 * wardfs_data_new - make a fresh lower file ours: draw its id and key
 * @inode: upper regular file whose lower file is empty
 *
 * The header goes below with the first data, or when the file is closed or
 * written out, at the latest when its inode is. Context: inside a section.
 *
 * Return: 0, -ENOMEM, the cipher's or the lower's error.
 */
int wardfs_data_new(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);
	struct wardfs_data *d = &wi->data;
	int err;

	mutex_lock(&wi->lock);
	/* Stays open until the header is below: nobody may ever open the file. */
	err = open_lower(inode);
	if (!err)
		err = header_buffer(d);
	if (err)
		goto unlock;
	wardfs_io_writer(inode);
	get_random_bytes(d->id, sizeof(d->id));
	get_random_bytes(d->key, sizeof(d->key));
	d->flags = WARD_FILE_EMPTY;
	d->made = false;
	d->settled = true;
	d->lower_size = 0;
	/* Whoever brings the header below seals it. */
	err = key_ready(inode);
unlock:
	mutex_unlock(&wi->lock);
	return err;
}

static int load_header(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct wardfs_run *run;
	int err;

	/* Lost when the vault was locked: see wipe_one(). */
	if (!d->made)
		return -EIO;
	err = header_buffer(d);
	if (err)
		return err;
	down_read(&d->io);
	run = wardfs_run_alloc(inode, 0, wardfs_head_blocks(inode), WARDFS_RUN_STORE);
	err = wardfs_run_load(run);
	if (!err) {
		memcpy(d->header, page_address(run->pages[0]), WARD_HEADER_SIZE);
		wardfs_head_keep(inode, run);
	}
	wardfs_run_free(run);
	up_read(&d->io);
	/* From the lower file system EBADMSG means something else. */
	if (err)
		return err == -EBADMSG ? -EIO : err;
	err = header_open(inode);
	if (err == -EBADMSG && WARDFS_SB(inode->i_sb)->unchecked && !d->settled &&
	    (i_size_read(wardfs_lower_inode(inode)) < WARD_HEADER_SIZE ||
	     ward_bytes_zero(d->header, WARD_HEADER_SIZE))) {
		wardfs_head_drop(inode);
		return -ENODATA;	/* rule R2: no header; for wardfs_settle() */
	}
	/* A crash can do that: in an unsettled file it is for wardfs_settle(). */
	if (!err && d->bad_length && !READ_ONCE(d->lenient))
		wardfs_report_tamper(inode, NULL, WARDFS_NO_BLOCK, "length was changed below");
	if (!err && !(d->flags & WARD_FILE_EMPTY) != !!d->lower_size &&
	    !WARDFS_SB(inode->i_sb)->unchecked) {
		/* Rule R1: the flag and the length speak of the same file. */
		wardfs_report_tamper(inode, NULL, 0, "emptied or grown without the key");
		err = -EIO;
	} else if (err == -EBADMSG) {
		wardfs_report_tamper(inode, NULL, 0, "header does not authenticate");
		err = -EIO;
	} else if (err == -EPROTONOSUPPORT) {
		wardfs_report_tamper(inode, NULL, 0, "header of an unknown version or suite");
		err = -EIO;
	}
	/* Last: whoever finds a key uses it. */
	if (!err)
		err = key_ready(inode);
	else
		memzero_explicit(d->key, sizeof(d->key));
	if (err)
		wardfs_head_drop(inode);
	return err;
}

/* Closes the lower file when nobody needs it, and nothing waits to be written. */
static void close_idle(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	struct address_space *mapping = inode->i_mapping;

	lockdep_assert_held(&WARDFS_I(inode)->lock);
	if (d->users || !d->lower_file || !d->made || d->header_dirty ||
	    mapping_tagged(mapping, PAGECACHE_TAG_DIRTY) ||
	    mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK))
		return;
	fput(d->lower_file);
	d->lower_file = NULL;
}

/**
 * wardfs_data_get - have the lower file open and the key loaded
 * @inode: upper regular file
 *
 * Paired with wardfs_data_put(). Context: inside a section; may sleep; takes
 * wardfs_inode.lock, then wardfs_data.io.
 *
 * Return: 0; -EIO for a header that does not authenticate (reported); -ENOMEM;
 * the lower's error.
 */
int wardfs_data_get(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);
	struct wardfs_data *d = &wi->data;
	int err;

	mutex_lock(&wi->lock);
	err = open_lower(inode);
	if (!err && !d->aead)
		err = load_header(inode);
	if (!err)
		d->users++;
	else
		close_idle(inode);
	mutex_unlock(&wi->lock);
	return err;
}

/**
 * wardfs_data_put - the lower file is no longer needed by the caller
 * @inode: upper regular file
 *
 * The last one closes the lower file unless something still waits to be written.
 */
void wardfs_data_put(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);
	struct wardfs_data *d = &wi->data;

	mutex_lock(&wi->lock);
	WARN_ON_ONCE(!d->users);
	if (!--d->users)
		wardfs_head_drop(inode);
	close_idle(inode);
	mutex_unlock(&wi->lock);
}

/**
 * wardfs_data_idle - close the lower file of what has been written back
 * @inode: upper regular file
 *
 * For who made it dirty last may have had it open no more: a mapping that outlived its
 * descriptor, mknod(2). Context: write-back. Does not wait for wardfs_inode.lock, whose
 * holder may himself wait for memory to be written back: then it stays open until
 * the next time, or until the file is opened and closed.
 */
void wardfs_data_idle(struct inode *inode)
{
	struct wardfs_inode *wi = WARDFS_I(inode);

	if (!READ_ONCE(wi->data.lower_file) || READ_ONCE(wi->data.users) ||
	    !mutex_trylock(&wi->lock))
		return;
	close_idle(inode);
	mutex_unlock(&wi->lock);
}

/**
 * wardfs_data_ready - as wardfs_data_get(), for who reads through an open file
 * @inode: upper regular file that somebody has open
 *
 * The open file keeps the lower one open; the section keeps the key. After a
 * lock and an unlock the key is loaded again here. Context: inside a section.
 *
 * Return: as wardfs_data_get().
 */
int wardfs_data_ready(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	int err;

	/* Pairs with key_ready() and open_lower(). */
	if (smp_load_acquire(&d->aead) && smp_load_acquire(&d->lower_file))
		return 0;
	err = wardfs_data_get(inode);
	if (!err)
		wardfs_data_put(inode);
	return err;
}

/**
 * wardfs_data_wipe - forget a file's key
 * @inode: upper regular file
 *
 * Context: no page of the file is cached or on its way, and no section that
 * could have found the key is still open.
 */
void wardfs_data_wipe(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;

	if (d->aead)
		crypto_free_aead(d->aead);
	d->aead = NULL;
	wardfs_head_drop(inode);
	memzero_explicit(d->key, sizeof(d->key));
}

/**
 * wardfs_data_drop - give back all that the data side holds
 * @inode: upper regular file that is being evicted
 */
void wardfs_data_drop(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;

	wardfs_data_wipe(inode);
	kfree(d->header);
	d->header = NULL;
	if (d->lower_file)
		fput(d->lower_file);
	d->lower_file = NULL;
}

/**
 * wardfs_data_init - prepare the data side of an inode object
 * @d: of a new inode
 */
void wardfs_data_init(struct wardfs_data *d)
{
	memset(d, 0, sizeof(*d));
	init_rwsem(&d->io);
	wardfs_ahead_init(&d->ahead);
}

/**
 * wardfs_data_xattr_keys - the keys of a file's user xattrs
 * @inode: upper regular file
 * @keys: 64 bytes out: MAC key, encryption key
 *
 * Context: inside a section.
 *
 * Return: 0 or as wardfs_data_get().
 */
int wardfs_data_xattr_keys(struct inode *inode, u8 *keys)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	int err = wardfs_data_get(inode);

	if (err)
		return err;
	err = wardfs_hkdf(WARDFS_SB(inode->i_sb)->uuid, d->key, sizeof(d->key), WARD_LABEL_XATTR,
			  d->id, keys, 2 * WARD_KEY_SIZE);
	wardfs_data_put(inode);
	return err;
}

/**
 * wardfs_hole_allowed - may a block of zeros below be a hole
 * @inode: upper regular file with its header loaded
 * @k: the block
 * @n: blocks of the file
 *
 * The first and the last block of a file are always written (rule W1).
 *
 * Return: true past the end, in the middle of a sparse file, and anywhere in one
 * that is not settled.
 */
bool wardfs_hole_allowed(struct inode *inode, u64 k, u64 n)
{
	const struct wardfs_data *d = &WARDFS_I(inode)->data;

	if (k >= n || READ_ONCE(d->lenient))
		return true;
	return d->flags & WARD_FILE_SPARSE && k > 0 && k + 1 < n;
}

/**
 * wardfs_odd_allowed - may a block in the middle be short, or marked last
 * @inode: upper regular file with its header loaded
 *
 * Growth or a cut that a crash met half-way leaves such a one.
 *
 * Return: true until the file is settled, and its middle has been looked at.
 */
bool wardfs_odd_allowed(struct inode *inode)
{
	const struct wardfs_data *d = &WARDFS_I(inode)->data;

	return READ_ONCE(d->lenient) || READ_ONCE(d->unscanned);
}
