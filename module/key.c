// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys: the "ward" key type, unlocking and locking, and the sections that locking
 * waits for.
 *
 * A section is an SRCU read side. Whoever needs keys enters one, which fails
 * unless the vault is unlocked, and keeps it while it may find a key or make
 * something dirty. Locking says LOCKING first, so that no section begins, waits
 * for those that run, and then has the vault for itself: write-back alone still
 * enters (wardfs_enter_writeout()), until the keys are unhooked.
 */
#include <linux/fs.h>
#include <linux/key-type.h>
#include <linux/slab.h>
#include <linux/random.h>
#include <linux/dcache.h>
#include <linux/uuid.h>
#include <linux/pagemap.h>
#include <crypto/aead.h>
#include <crypto/algapi.h>
#include <keys/user-type.h>
#include "wardfs.h"

#define KEY_PREFIX	"ward:"
/* How often the clock is looked at, which somebody may set. */
#define HOURS_POLL	60
/* How often a key is looked at for what does not call back: invalidation. */
#define KEY_POLL	(30 * HZ)

/* ---- the key type -------------------------------------------------------- */

static int ward_key_vet_description(const char *description)
{
	uuid_t uuid;

	if (strncmp(description, KEY_PREFIX, strlen(KEY_PREFIX)) ||
	    uuid_parse(description + strlen(KEY_PREFIX), &uuid) ||
	    strlen(description) != strlen(KEY_PREFIX) + UUID_STRING_LEN)
		return -EINVAL;
	return 0;
}

static int ward_key_preparse(struct key_preparsed_payload *prep)
{
	const struct ward_key_payload *payload = prep->data;

	if (prep->datalen != sizeof(*payload) ||
	    le32_to_cpu(payload->version) != WARD_FORMAT_VERSION)
		return -EINVAL;
	prep->payload.data[0] = kmemdup(payload, sizeof(*payload), GFP_KERNEL);
	if (!prep->payload.data[0])
		return -ENOMEM;
	prep->quotalen = sizeof(*payload);
	return 0;
}

static void ward_key_free_preparse(struct key_preparsed_payload *prep)
{
	kfree_sensitive(prep->payload.data[0]);
}

static int revoked_one(struct wardfs_sb *sbi, void *key)
{
	/* The lock that this asks for takes key->sem: leave it to the work. */
	if (READ_ONCE(sbi->key) == key)
		mod_delayed_work(system_unbound_wq, &sbi->expire, 0);
	return 0;
}

static void ward_key_revoke(struct key *key)
{
	wardfs_sb_for_each(revoked_one, key);
}

static void ward_key_destroy(struct key *key)
{
	kfree_sensitive(key->payload.data[0]);
}

/* There is no ->read: a key that is in the kernel does not come out again. */
struct key_type wardfs_key_type = {
	.name			= "ward",
	.vet_description	= ward_key_vet_description,
	.preparse		= ward_key_preparse,
	.free_preparse		= ward_key_free_preparse,
	.instantiate		= generic_key_instantiate,
	.revoke			= ward_key_revoke,
	.destroy		= ward_key_destroy,
	.describe		= user_describe,
};

/* ---- sections ------------------------------------------------------------- */

/**
 * wardfs_enter - begin a section
 * @sb: super block of a vault
 *
 * Nests. Not to be held over a copy to or from user space, which may take for
 * ever: locking would wait as long. Context: process context.
 *
 * Return: an index for wardfs_exit(), or wardfs_locked_error() when the vault is not
 * unlocked.
 */
int wardfs_enter(struct super_block *sb)
{
	struct wardfs_sb *sbi = WARDFS_SB(sb);
	int idx = srcu_read_lock(&sbi->srcu);

	/* Pairs with the release in wardfs_unlock(), and synchronize_srcu() in wardfs_lock(). */
	if (likely(smp_load_acquire(&sbi->state) == WARD_STATE_UNLOCKED))
		return idx;
	srcu_read_unlock(&sbi->srcu, idx);
	return wardfs_locked_error();
}

/**
 * wardfs_enter_writeout - begin a section for bringing things below
 * @sb: super block of a vault
 *
 * As wardfs_enter(), but works until the keys are gone.
 *
 * Return: an index for wardfs_exit(), or -ENOKEY.
 */
int wardfs_enter_writeout(struct super_block *sb)
{
	struct wardfs_sb *sbi = WARDFS_SB(sb);
	int idx = srcu_read_lock(&sbi->srcu);

	if (likely(srcu_dereference(sbi->keys, &sbi->srcu)))
		return idx;
	srcu_read_unlock(&sbi->srcu, idx);
	return -ENOKEY;
}

/**
 * wardfs_exit - end a section
 * @sb: super block of a vault
 * @idx: what the beginning returned
 */
void wardfs_exit(struct super_block *sb, int idx)
{
	srcu_read_unlock(&WARDFS_SB(sb)->srcu, idx);
}

/**
 * wardfs_keys - the vault's keys
 * @sbi: the vault
 *
 * Context: inside a section (of the caller, or of whom the caller works for).
 *
 * Return: the keys, never NULL there.
 */
struct wardfs_keys *wardfs_keys(struct wardfs_sb *sbi)
{
	return rcu_dereference_check(sbi->keys, 1);
}

/**
 * wardfs_next_nonce - draw a nonce
 * @keys: the vault's keys
 * @nonce: 12 bytes out; never drawn before under these keys
 *
 * Return: 0; -EOVERFLOW when there are no more, until the vault is locked and
 * unlocked: 2^40 last for twelve days at a million a second.
 */
int wardfs_next_nonce(struct wardfs_keys *keys, u8 *nonce)
{
	u64 n = atomic64_inc_return(&keys->counter);

	if (n >> 40)
		return -EOVERFLOW;
	ward_nonce(nonce, keys->epoch, keys->salt, n);
	return 0;
}

/**
 * wardfs_inode_keyed - remember that an inode may hold keys or plaintext
 * @inode: upper inode
 */
void wardfs_inode_keyed(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_inode *wi = WARDFS_I(inode);

	spin_lock(&sbi->inodes_lock);
	if (list_empty(&wi->keyed))
		list_add_tail(&wi->keyed, &sbi->inodes);
	spin_unlock(&sbi->inodes_lock);
}

/**
 * wardfs_inode_unkeyed - forget an inode that is being evicted
 * @inode: upper inode
 */
void wardfs_inode_unkeyed(struct inode *inode)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);

	spin_lock(&sbi->inodes_lock);
	list_del_init(&WARDFS_I(inode)->keyed);
	spin_unlock(&sbi->inodes_lock);
}

/* ---- unlocking -------------------------------------------------------------- */

static void keys_free(struct wardfs_keys *keys)
{
	if (!keys)
		return;
	if (!IS_ERR_OR_NULL(keys->wrap))
		crypto_free_aead(keys->wrap);
	wardfs_mac_free(keys->handles);
	kfree_sensitive(keys);
}

static struct wardfs_keys *keys_derive(struct wardfs_sb *sbi, const struct ward_key_payload *p)
{
	struct wardfs_keys *keys = kzalloc(sizeof(*keys), GFP_KERNEL);
	u8 key[WARD_KEY_SIZE];
	int err;

	if (!keys)
		return ERR_PTR(-ENOMEM);
	keys->generation = le32_to_cpu(p->generation);
	get_random_bytes(&keys->salt, sizeof(keys->salt));
	err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_VAULT_MAC, NULL, key,
			  sizeof(key));
	if (!err)
		err = wardfs_vault_verify(sbi, key, keys->generation);
	if (!err)
		err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_WRAP, NULL, key,
				  sizeof(key));
	if (!err) {
		keys->wrap = wardfs_aead_alloc(sbi->suite, key);
		err = PTR_ERR_OR_ZERO(keys->wrap);
	}
	if (!err)
		err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_NAMES, NULL,
				  keys->names, sizeof(keys->names));
	if (!err)
		err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_LINKS, NULL,
				  keys->links, sizeof(keys->links));
	if (!err)
		err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_EPOCH_MAC, NULL,
				  keys->epoch_mac, sizeof(keys->epoch_mac));
	if (!err)
		err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_POLICY_MAC, NULL,
				  keys->policy_mac, sizeof(keys->policy_mac));
	if (!err)
		err = wardfs_hkdf(sbi->uuid, p->key, sizeof(p->key), WARD_LABEL_HANDLES, NULL,
				  key, sizeof(key));
	if (!err)
		err = wardfs_mac_alloc(key, &keys->handles);
	memzero_explicit(key, sizeof(key));
	if (err) {
		keys_free(keys);
		return ERR_PTR(err);
	}
	return keys;
}

/* Is this the key of this vault, and what is in it? */
static int key_payload(struct wardfs_sb *sbi, struct key *key, struct ward_key_payload *payload)
{
	char description[sizeof(KEY_PREFIX) + UUID_STRING_LEN];
	int err;

	snprintf(description, sizeof(description), KEY_PREFIX "%pUb", sbi->uuid);
	if (key->type != &wardfs_key_type || strcmp(key->description, description))
		return -EINVAL;
	down_read(&key->sem);
	err = key_validate(key);
	if (!err)
		memcpy(payload, key->payload.data[0], sizeof(*payload));
	up_read(&key->sem);
	return err;
}

static void arm_expiry(struct wardfs_sb *sbi)
{
	time64_t left = READ_ONCE(sbi->key->expiry) - ktime_get_real_seconds();
	unsigned long delay = KEY_POLL;

	if (sbi->key->expiry != TIME64_MAX && left < KEY_POLL / HZ)
		delay = left > 0 ? left * HZ : 1;
	mod_delayed_work(system_unbound_wq, &sbi->expire, delay);
}

/*
 * Somebody unlocks what is unlocked. Adding the key took the one that the vault
 * hangs on out of its keyring, where nobody finds it to revoke it: take the new
 * one instead, if it is the same.
 */
static int key_adopt(struct wardfs_sb *sbi, struct key *key, const struct ward_key_payload *payload)
{
	struct key *old = sbi->key;
	const struct ward_key_payload *p = old->payload.data[0];
	int err = -EALREADY;

	if (key == old)
		return err;
	down_read(&old->sem);
	if (p->generation != payload->generation ||
	    crypto_memneq(p->key, payload->key, sizeof(p->key)))
		err = -EKEYREJECTED;
	up_read(&old->sem);
	if (err != -EALREADY)
		return err;
	WRITE_ONCE(sbi->key, key_get(key));
	arm_expiry(sbi);
	key_invalidate(old);
	key_put(old);
	return err;
}

/* A key was revoked, has expired, or was invalidated: lock. */
static void expire_work(struct work_struct *work)
{
	struct wardfs_sb *sbi = container_of(to_delayed_work(work), struct wardfs_sb, expire);
	bool gone = false;

	mutex_lock(&sbi->state_lock);
	if (sbi->state == WARD_STATE_UNLOCKED && sbi->key) {
		gone = key_validate(sbi->key) != 0;
		if (!gone)
			arm_expiry(sbi);
	}
	mutex_unlock(&sbi->state_lock);
	/* What cannot be written now would keep the key alive: do not wait. */
	if (gone && wardfs_lock(sbi, false, NULL))
		wardfs_lock(sbi, true, NULL);
}

static int take_policy(struct wardfs_sb *sbi, struct wardfs_keys *keys, const char *name)
{
	size_t len;
	u8 *data;
	int err = wardfs_file_read(sbi, name, WARD_POLICY_MAX, &data, &len);

	if (err)
		return err;
	err = wardfs_policy_set(sbi, data, len, keys->policy_mac, sbi->policy_serial_min);
	kvfree(data);
	return err;
}

/*
 * A crash after the epoch record had the serial of a new policy, and before the new file
 * had the old one's place, leaves an old policy, which is refused, beside the new one.
 */
static void load_stored_policy(struct wardfs_sb *sbi, struct wardfs_keys *keys)
{
	struct wardfs_report report = {
		.kind = WARD_KIND_POLICY,
		.action = WARD_ACTION_POLICY_LOAD,
		.block = WARDFS_NO_BLOCK,
	};
	int err = take_policy(sbi, keys, WARD_POLICY_NAME);

	if (!err || (err == -ESTALE && !take_policy(sbi, keys, WARD_POLICY_NEW_NAME)))
		return;
	/* No rules means nobody: the vault opens, and waits for a policy. */
	wardfs_msg(sbi->sb, "the policy is missing, damaged or too old (error %d): nobody has access until one is loaded",
		   err);
	report.error = -err;
	report.reason = WARD_REASON_INTEGRITY;
	report.detail = "stored policy refused: nobody has access until one is loaded";
	wardfs_report(sbi, &report);
}

static void report_key(struct wardfs_sb *sbi, enum ward_action action, int err, const char *detail)
{
	struct wardfs_report report = {
		.kind = WARD_KIND_KEY,
		.action = action,
		.error = -err,
		.block = WARDFS_NO_BLOCK,
		.detail = detail,
	};

	wardfs_report(sbi, &report);
}

/**
 * wardfs_unlock - unlock a vault with a key from a keyring
 * @sbi: the vault
 * @serial: of a key of type "ward" that the caller may search
 *
 * Context: process context of who asks; takes s_umount, then state_lock.
 *
 * Return: 0; -EALREADY when it is unlocked (it hangs on this key then); -EINVAL when
 * the key is not one for this vault; -EKEYREJECTED when the vault's MAC does not
 * agree; -EUCLEAN when the epoch file is damaged; -EKEYEXPIRED, -EKEYREVOKED; the
 * lower's error.
 */
int wardfs_unlock(struct wardfs_sb *sbi, key_serial_t serial)
{
	struct ward_key_payload payload;
	struct wardfs_keys *keys;
	key_ref_t ref;
	int err;

	ref = lookup_user_key(serial, 0, KEY_NEED_SEARCH);
	if (IS_ERR(ref))
		return PTR_ERR(ref);
	/* Whether nothing may be written is not to change before the epoch says so. */
	down_read(&sbi->sb->s_umount);
	mutex_lock(&sbi->state_lock);
	err = key_payload(sbi, key_ref_to_ptr(ref), &payload);
	if (err)
		goto unlock;
	if (sbi->state != WARD_STATE_LOCKED) {
		err = key_adopt(sbi, key_ref_to_ptr(ref), &payload);
		memzero_explicit(&payload, sizeof(payload));
		goto unlock;
	}
	keys = keys_derive(sbi, &payload);
	memzero_explicit(&payload, sizeof(payload));
	if (IS_ERR(keys)) {
		err = PTR_ERR(keys);
		goto report;
	}
	WRITE_ONCE(sbi->state, WARD_STATE_UNLOCKING);
	err = wardfs_epoch_begin(sbi, keys);
	if (err) {
		WRITE_ONCE(sbi->state, WARD_STATE_LOCKED);
		keys_free(keys);
		goto report;
	}
	load_stored_policy(sbi, keys);
	rcu_assign_pointer(sbi->keys, keys);
	WRITE_ONCE(sbi->key, key_get(key_ref_to_ptr(ref)));
	wardfs_policy_bump(sbi);
	/* Pairs with the reads in wardfs_enter(): keys and policy before state. */
	smp_store_release(&sbi->state, WARD_STATE_UNLOCKED);
	arm_expiry(sbi);
	/* Not at once: there is nothing yet that could be asked about again. */
	mod_delayed_work(system_unbound_wq, &sbi->hours, 1);
	wardfs_msg(sbi->sb, "unlocked, epoch %u, %s%s", keys->epoch,
		   crypto_tfm_alg_driver_name(crypto_aead_tfm(keys->wrap)),
		   sbi->unchecked ? ", not yet checked after an unclean end" : "");
report:
	report_key(sbi, WARD_ACTION_UNLOCK, err, NULL);
unlock:
	mutex_unlock(&sbi->state_lock);
	up_read(&sbi->sb->s_umount);
	key_ref_put(ref);
	return err;
}

/* ---- locking ----------------------------------------------------------------- */

typedef int (*keyed_fn)(struct inode *inode, void *arg);

/* Call @fn for every inode that may hold keys or plaintext; the first error. */
static int visit_keyed(struct wardfs_sb *sbi, keyed_fn fn, void *arg)
{
	struct inode *inode, *last = NULL;
	struct wardfs_inode *wi;
	int e, err = 0;

	spin_lock(&sbi->inodes_lock);
	list_for_each_entry(wi, &sbi->inodes, keyed) {
		inode = igrab(&wi->vfs_inode);
		/* One that is being evicted wipes itself. */
		if (!inode)
			continue;
		spin_unlock(&sbi->inodes_lock);
		iput(last);
		last = inode;
		e = fn(inode, arg);
		if (e && !err)
			err = e;
		cond_resched();
		spin_lock(&sbi->inodes_lock);
	}
	spin_unlock(&sbi->inodes_lock);
	iput(last);
	return err;
}

static int unmap_one(struct inode *inode, void *arg)
{
	if (S_ISREG(inode->i_mode))
		unmap_mapping_range(inode->i_mapping, 0, 0, 0);
	return 0;
}

/* When the hours of the rules come to a change, mappings are asked about again, too. */
static void look_at_hours(struct wardfs_sb *sbi)
{
	u64 until, left = HOURS_POLL;
	s64 ahead;
	bool changed;

	until = wardfs_policy_hours(sbi, &changed);
	if (changed)
		visit_keyed(sbi, unmap_one, NULL);
	if (until == ~0ULL)
		return;
	ahead = until - ktime_get_real_seconds();
	if (ahead <= HOURS_POLL) {
		ahead = until * NSEC_PER_SEC - ktime_get_real_ns();
		left = ahead > 0 ? nsecs_to_jiffies(ahead) + 1 : 1;
	} else {
		left *= HZ;
	}
	mod_delayed_work(system_unbound_wq, &sbi->hours, left);
}

static void hours_work(struct work_struct *work)
{
	struct wardfs_sb *sbi = container_of(to_delayed_work(work), struct wardfs_sb, hours);

	mutex_lock(&sbi->state_lock);
	if (sbi->state == WARD_STATE_UNLOCKED)
		look_at_hours(sbi);
	mutex_unlock(&sbi->state_lock);
}

static int write_out_one(struct inode *inode, void *arg)
{
	return S_ISREG(inode->i_mode) ? wardfs_data_write_out(inode) : 0;
}

/* What was lost with lock --now: the file is what lies below. */
static int forget_size(struct inode *inode, void *arg)
{
	i_size_write(inode, WARDFS_I(inode)->data.lower_size);
	return 0;
}

static int drop_pages_one(struct inode *inode, void *arg)
{
	u64 *lost = arg, before = *lost;
	unsigned long index;
	void *entry;

	if (!S_ISREG(inode->i_mode))
		return 0;
	unmap_mapping_range(inode->i_mapping, 0, 0, 0);
	xa_for_each_marked(&inode->i_mapping->i_pages, index, entry, PAGECACHE_TAG_DIRTY) {
		*lost += PAGE_SIZE;
	}
	filemap_invalidate_lock(inode->i_mapping);
	truncate_inode_pages(inode->i_mapping, 0);
	filemap_invalidate_unlock(inode->i_mapping);
	/* Pages in the middle of what is below may not have got there. */
	if (*lost != before)
		WRITE_ONCE(WARDFS_I(inode)->data.lenient, true);
	wardfs_io_call(inode, forget_size, NULL);
	/* A header that is not there yet goes now: without it the file would be lost, too. */
	return wardfs_data_flush(inode);
}

static int wipe_one(struct inode *inode, void *arg)
{
	struct dentry *alias;

	wardfs_inode_wipe(inode);
	wardfs_target_wipe(inode);
	if (!S_ISREG(inode->i_mode) || WARDFS_I(inode)->data.made)
		return 0;
	/*
	 * Its header could not be written, so nothing can ever be read from it. Who
	 * looks it up again gets another inode, and settles that.
	 */
	remove_inode_hash(inode);
	while ((alias = d_find_alias(inode))) {
		d_drop(alias);
		dput(alias);
	}
	return 0;
}

/**
 * wardfs_lock - take the key of a vault away
 * @sbi: the vault
 * @now: do not wait for what is dirty to be written: throw it away
 * @lost: set to how many bytes that were (whole pages); may be NULL
 *
 * Afterwards everything but the top's attributes and statfs answers ENOKEY,
 * through open files and mappings too; files that stay open work again after the
 * next unlocking. Context: process context; takes state_lock.
 *
 * Return: 0 (also when it was locked); without @now the error that kept something
 * from being written: the vault stays unlocked then.
 */
int wardfs_lock(struct wardfs_sb *sbi, bool now, u64 *lost)
{
	struct wardfs_keys *keys;
	u64 dropped = 0;
	int flushed, err = 0;

	mutex_lock(&sbi->state_lock);
	if (sbi->state != WARD_STATE_UNLOCKED)
		goto unlock;
	WRITE_ONCE(sbi->state, WARD_STATE_LOCKING);
	synchronize_srcu(&sbi->srcu);
	if (!now)
		err = visit_keyed(sbi, write_out_one, NULL);
	if (err) {
		WRITE_ONCE(sbi->state, WARD_STATE_UNLOCKED);
		report_key(sbi, WARD_ACTION_LOCK, err, "could not write everything out");
		goto unlock;
	}
	flushed = visit_keyed(sbi, drop_pages_one, &dropped);
	atomic64_inc(&sbi->lock_count);
	shrink_dcache_parent(sbi->sb->s_root);
	keys = wardfs_keys(sbi);
	WRITE_ONCE(sbi->state, WARD_STATE_LOCKED);
	rcu_assign_pointer(sbi->keys, NULL);
	synchronize_srcu(&sbi->srcu);
	visit_keyed(sbi, wipe_one, NULL);
	/* With something lost the epoch has no clean end: the files are settled. */
	if (!dropped && !flushed && wardfs_epoch_end(sbi, keys))
		wardfs_msg(sbi->sb, "the end of the epoch could not be written: the vault will be checked");
	wardfs_policy_drop(sbi);
	keys_free(keys);
	cancel_delayed_work(&sbi->expire);
	cancel_delayed_work(&sbi->hours);
	key_invalidate(sbi->key);
	key_put(sbi->key);
	WRITE_ONCE(sbi->key, NULL);
	report_key(sbi, WARD_ACTION_LOCK, 0, dropped ? "with data that was not written" : NULL);
unlock:
	mutex_unlock(&sbi->state_lock);
	if (lost)
		*lost = dropped;
	return err;
}

/**
 * wardfs_key_end - the end of a mount
 * @sbi: the vault; everything is written out and no inode is left
 */
void wardfs_key_end(struct wardfs_sb *sbi)
{
	struct wardfs_keys *keys = rcu_dereference_protected(sbi->keys, 1);

	cancel_delayed_work_sync(&sbi->expire);
	cancel_delayed_work_sync(&sbi->hours);
	if (!keys)
		return;
	if (wardfs_epoch_end(sbi, keys))
		wardfs_msg(sbi->sb, "the end of the epoch could not be written: the vault will be checked");
	rcu_assign_pointer(sbi->keys, NULL);
	keys_free(keys);
	key_invalidate(sbi->key);
	key_put(sbi->key);
	sbi->key = NULL;
}

/* ---- what else changes under state_lock -------------------------------------- */

/**
 * wardfs_set_checked - every file of the vault has been visited
 * @sbi: the vault
 * @undisturbed: wardfs_sb.disturbed when that began
 *
 * Return: 0; -ENOKEY when locked; -EROFS; -EAGAIN when a write below failed or a
 * directory was moved meanwhile, so that another round is needed; the lower's error.
 */
int wardfs_set_checked(struct wardfs_sb *sbi, s64 undisturbed)
{
	struct wardfs_report report = {
		.kind = WARD_KIND_MOUNT,
		.action = WARD_ACTION_CHECKED,
		.block = WARDFS_NO_BLOCK,
	};
	u32 from;
	int err = -ENOKEY;

	down_read(&sbi->sb->s_umount);
	mutex_lock(&sbi->state_lock);
	if (sbi->state != WARD_STATE_UNLOCKED)
		goto unlock;
	err = 0;
	if (!sbi->unchecked)
		goto unlock;
	err = -EROFS;
	if (!sbi->epoch_open)
		goto unlock;
	/* While it is known that something slipped by, nobody is to see the strict rule. */
	err = -EAGAIN;
	if (atomic64_read(&sbi->disturbed) != undisturbed)
		goto unlock;
	from = sbi->unchecked_from;
	WRITE_ONCE(sbi->unchecked, false);
	WRITE_ONCE(sbi->unchecked_from, 0);
	/* What was settled is durable before the record says so. */
	err = sync_filesystem(sbi->sb);
	if (!err && (READ_ONCE(sbi->unchecked) || atomic64_read(&sbi->disturbed) != undisturbed))
		err = -EAGAIN;
	if (!err)
		err = wardfs_epoch_update(sbi, wardfs_keys(sbi));
	if (err) {
		WRITE_ONCE(sbi->unchecked_from, from);
		WRITE_ONCE(sbi->unchecked, true);
		goto unlock;
	}
	wardfs_report(sbi, &report);
unlock:
	mutex_unlock(&sbi->state_lock);
	up_read(&sbi->sb->s_umount);
	return err;
}

/**
 * wardfs_load_policy - take the policy in .ward/policy.new
 * @sbi: the vault
 *
 * It holds at once, for open files and mappings, too. User space renames the file
 * when this has succeeded.
 *
 * Return: 0; -ENOKEY when locked; -ENOENT; -EBADMSG, -ESTALE, -EPROTONOSUPPORT as
 * wardfs_policy_set(); the lower's error.
 */
int wardfs_load_policy(struct wardfs_sb *sbi)
{
	struct wardfs_report report = {
		.kind = WARD_KIND_POLICY,
		.action = WARD_ACTION_POLICY_LOAD,
		.block = WARDFS_NO_BLOCK,
	};
	struct wardfs_keys *keys;
	int err = -ENOKEY;

	mutex_lock(&sbi->state_lock);
	if (sbi->state != WARD_STATE_UNLOCKED)
		goto unlock;
	keys = wardfs_keys(sbi);
	err = take_policy(sbi, keys, WARD_POLICY_NEW_NAME);
	if (!err) {
		wardfs_policy_settle(sbi);
		/* What is mapped is asked about again when it is next touched. */
		visit_keyed(sbi, unmap_one, NULL);
		look_at_hours(sbi);
		/* So that the old file is not accepted after a crash. */
		if (wardfs_epoch_update(sbi, keys)) {
			report.detail = "in force, but not in the epoch record: lock the vault";
			wardfs_msg(sbi->sb, "%s", report.detail);
		}
	}
	report.error = -err;
	wardfs_report(sbi, &report);
unlock:
	mutex_unlock(&sbi->state_lock);
	return err;
}

/**
 * wardfs_key_begin - prepare the key side of a vault
 * @sbi: fresh
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_key_begin(struct wardfs_sb *sbi)
{
	mutex_init(&sbi->state_lock);
	spin_lock_init(&sbi->inodes_lock);
	INIT_LIST_HEAD(&sbi->inodes);
	INIT_DELAYED_WORK(&sbi->expire, expire_work);
	INIT_DELAYED_WORK(&sbi->hours, hours_work);
	sbi->state = WARD_STATE_LOCKED;
	return init_srcu_struct(&sbi->srcu);
}

/**
 * wardfs_key_init - register the key type
 *
 * Return: 0 or -EEXIST.
 */
int wardfs_key_init(void)
{
	return register_key_type(&wardfs_key_type);
}

/**
 * wardfs_key_exit - unregister it: keys of the type die
 */
void wardfs_key_exit(void)
{
	unregister_key_type(&wardfs_key_type);
}
