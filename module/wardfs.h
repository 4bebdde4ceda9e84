/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wardfs: a stackable file system that encrypts and authenticates. This header
 * is the map of the module, grouped by file.
 *
 * Lock order (docs/locking.md tells why):
 *
 *   upper sb writers -> upper i_rwsem -> mapping->invalidate_lock
 *     -> lower sb writers (mnt_want_write(), wardfs_io_call()) -> folio lock
 *     -> wardfs_inode.lock -> wardfs_data.io -> lower i_rwsem
 *
 * wardfs_sb.state_lock and check_lock are outermost; only s_umount comes before them. A section
 * (wardfs_enter() to wardfs_exit()) is SRCU: it nests, never spans a copy to or
 * from user space, and is what locking waits for.
 */
#ifndef WARDFS_H
#define WARDFS_H

#include <linux/fs.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/skbuff.h>
#include <linux/srcu.h>
#include <linux/cred.h>
#include <linux/key.h>
#include <linux/workqueue.h>
#include <linux/pagemap.h>

#include "compat/compat.h"
#include "layout.h"
#include "header.h"
#include "uapi/ward_netlink.h"

#define WARDFS_VERSION	"0.1.0"

struct crypto_aead;
struct export_operations;
struct crypto_shash;
struct crypto_sync_skcipher;
struct wardfs_bursts;
struct wardfs_policy;

/**
 * struct wardfs_siv - a pair of SIV keys, ready for use
 * @mac: hmac(sha256)
 * @enc: ctr(aes), synchronous
 *
 * Safe for concurrent use; immutable.
 */
struct wardfs_siv {
	struct crypto_shash *mac;
	struct crypto_sync_skcipher *enc;
};

/**
 * struct wardfs_names - the name keys of a directory
 * @siv: the keys; immutable
 * @lock: guards what follows
 * @len: bytes in @last; 0: no name yet
 * @lower_len: bytes in @lower, without the NUL
 * @last: the name encoded last: who looks for one often makes or removes it next
 * @lower: what it is below
 */
struct wardfs_names {
	struct wardfs_siv *siv;
	spinlock_t lock;		/* of what follows */
	unsigned int len;
	unsigned int lower_len;
	char last[WARD_NAME_INLINE_MAX];
	char lower[WARD_LNAME_MAX + 1];
};

/**
 * struct wardfs_keys - what an unlocked vault has in memory
 * @wrap: AEAD of the suite, keyed with the wrapping key
 * @names: names key
 * @links: links key
 * @epoch_mac: epoch MAC key
 * @policy_mac: policy MAC key
 * @handles: MAC of file handles
 * @generation: of the master key all this comes from
 * @epoch: number of this epoch
 * @salt: of this unlocking
 * @counter: next nonce counter
 *
 * Immutable but for @counter. Found through wardfs_sb.keys inside a section;
 * freed after the last section that could see it.
 */
struct wardfs_keys {
	struct crypto_aead *wrap;
	u8 names[WARD_KEY_SIZE];
	u8 links[WARD_KEY_SIZE];
	u8 epoch_mac[WARD_KEY_SIZE];
	u8 policy_mac[WARD_KEY_SIZE];
	struct crypto_shash *handles;
	u32 generation;
	u32 epoch;
	u32 salt;
	atomic64_t counter;
};

/**
 * struct wardfs_sb - a mounted vault
 */
struct wardfs_sb {
	/* immutable after mount */
	struct super_block *sb;
	struct vfsmount *lower_mnt;	/* private clone, root is DIR below */
	struct dentry *ward_dir;	/* DIR/.ward */
	struct dentry *tree;		/* DIR/.ward/tree, lower of our root */
	const struct cred *cred;	/* the mounter's, without CAP_SYS_RESOURCE */
	const struct cred *space_cred[2];	/* contents are written with these: iowork.c */
	u8 uuid[WARD_UUID_SIZE];
	u16 suite;
	char name[64];			/* name= option; may be empty */
	struct list_head list;		/* all vaults; super.c's lock */
	bool dying;			/* being unmounted; the same */

	/* keys */
	struct mutex state_lock;	/* serialises unlock, lock, policy load, epoch */
	int state;			/* enum ward_vault_state; written under state_lock */
	struct srcu_struct srcu;	/* sections */
	struct wardfs_keys __rcu *keys;	/* SRCU; set while not LOCKED */
	atomic64_t lock_count;		/* rises with each lock: a read that saw two failed */
	struct key *key;		/* under state_lock */
	struct delayed_work expire;	/* locks at the key's expiry, or its revocation */
	u64 epoch_sequence;		/* of the record on disk; under state_lock */
	u64 policy_serial_min;		/* from the epoch record; under state_lock */
	u32 unchecked_from;		/* oldest unsettled epoch or 0; cleared so, too */
	bool unchecked;			/* rule R2 holds; cleared under state_lock */
	atomic64_t disturbed;		/* rises with what a running check may have missed */
	struct file *epoch_file;	/* on NFS, once unlocked: locked there; under state_lock */
	bool epoch_open;		/* a record says that this epoch runs; under state_lock */
	errseq_t lower_err;		/* of the lower, as seen last; under inodes_lock */

	/* inodes that may hold keys or plaintext */
	spinlock_t inodes_lock;
	struct list_head inodes;

	/* check.c */
	struct mutex check_lock;	/* one at a time */
	struct task_struct *check_task;	/* who checks; others compare it with current alone */
	const char *check_name;		/* of what @check_task checks; its own */

	/* policy.c */
	struct wardfs_policy __rcu *policy;
	atomic64_t policy_generation;	/* rises with each policy and lock */
	u64 policy_since;		/* hours: no answer changed between then, */
	u64 policy_until;		/* and this; under state_lock, read without */
	struct delayed_work hours;	/* at that time; key.c */
	struct wardfs_bursts *bursts;	/* what limits count; set before a policy that has some */

	/* counters for status */
	atomic64_t violations;
	atomic64_t tampers;
	atomic64_t settled;
};

/**
 * struct wardfs_ahead - writing out ahead (ahead.c)
 * @work: does it
 * @start: from here, bytes
 * @end: to here
 * @from: where the writing began that is not under way yet; under i_rwsem
 * @wrote: where the last write ended; under i_rwsem
 */
struct wardfs_ahead {
	struct work_struct work;
	loff_t start;
	loff_t end;
	loff_t from;
	loff_t wrote;
};

/**
 * struct wardfs_data - the data side of a regular file (data.c, block.c)
 */
struct wardfs_data {
	struct rw_semaphore io;		/* lower blocks and length change only under write */
	struct crypto_aead *aead;	/* keyed with the file key; NULL: not loaded */
	u8 id[WARD_ID_SIZE];
	u8 key[WARD_KEY_SIZE];
	u8 *header;			/* 512 bytes as they are below; under io */
	u32 flags;			/* WARD_FILE_*; under io */
	unsigned int users;		/* who needs lower_file; under wardfs_inode.lock */
	bool made;			/* the header is on the lower file; under io */
	bool header_dirty;		/* @header is to be sealed again: flags changed; under io */
	bool sparse_synced;		/* the header on stable storage says sparse; under io */
	u64 reserved;			/* from this block on, */
	u64 reserved_end;		/* up to before this one, space is there; under i_rwsem */
	bool settled;			/* size is known to be right (rule R2 done) */
	bool lenient;			/* rule R2 holds: not settled, or a write below failed */
	bool unscanned;			/* settled, but blocks in the middle may be outgrown */
	u64 lower_size;			/* the upper size that the blocks below state; under io */
	bool bad_length;		/* no settled file has this lower length */
	struct file *lower_file;	/* under wardfs_inode.lock; who is in users may look */
	bool lower_rdonly;		/* lower_file could not be opened for writing */
	bool times_dirty;		/* upper times are newer than the lower ones */
	bool past_cache;		/* io: somebody freezes the lower; iowork.c */
	bool reserve;			/* written by who may use reserved space; iowork.c */
	struct wardfs_head *head;	/* the file's beginning, as read with its header */
	struct wardfs_ahead ahead;
};

/**
 * enum wardfs_hidden_sync - are a directory's hidden entries durable below
 * @WARDFS_HIDDEN_SYNCED: those that are known of
 * @WARDFS_HIDDEN_UNSYNCED: one was made since
 * @WARDFS_HIDDEN_SYNCING: not yet; who holds wardfs_inode.lock sees to it
 */
enum wardfs_hidden_sync {
	WARDFS_HIDDEN_SYNCED,
	WARDFS_HIDDEN_UNSYNCED,
	WARDFS_HIDDEN_SYNCING,
};

/**
 * struct wardfs_inode - an upper inode
 */
struct wardfs_inode {
	struct inode vfs_inode;
	struct dentry *lower;		/* pins the lower inode; immutable */
	struct list_head keyed;		/* wardfs_sb.inodes, under inodes_lock */
	struct mutex lock;		/* makes ids and keys */
	/* directory; set under lock, seen inside sections */
	u8 dir_id[WARD_ID_SIZE];	/* zeros: not loaded yet; it is no secret */
	struct wardfs_names *names;	/* NULL: no id yet, or not loaded; freed by locking */
	int hidden_sync;		/* enum wardfs_hidden_sync: of its hidden entries */
	bool id_lost;			/* the id is not below any more; set under i_rwsem */
	atomic64_t place;		/* directory: where the policy has it; place.c */
	struct dentry *entry;		/* being looked up while I_NEW: names it in reports */
	char *target;			/* symlink: decoded; same rules as names */
	/* directory or regular file: same rules */
	struct wardfs_siv *xattrs;
	struct wardfs_data data;	/* regular files */
};

/**
 * struct wardfs_verdict - a policy decision remembered for an open file
 * @word: policy generation << 20 | WARD_OP_* that were recorded << 10 | WARD_OP_*
 *	found allowed under it; one word, so that no reader puts a mask and a
 *	generation together that do not belong so
 * @claim: 0 nobody's yet, 1 being claimed, 2 @loginuid is set and stays
 * @loginuid: of the first who was judged here
 *
 * Holds for whoever has the credentials that the file was opened with (they cannot
 * be freed and come back as another's while it is open) and @loginuid. Starts as
 * zeros.
 */
struct wardfs_verdict {
	atomic64_t word;
	atomic_t claim;
	kuid_t loginuid;
};

/**
 * struct wardfs_file - private data of an open file or directory
 */
struct wardfs_file {
	struct file *lower;		/* directories: own lower file; files: NULL */
	struct wardfs_batch *rest;	/* directories: read below, not given yet (readdir.c) */
	struct wardfs_verdict verdict;	/* racy by design: a stale one is made again */
};

static inline struct wardfs_sb *WARDFS_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}

static inline struct wardfs_inode *WARDFS_I(const struct inode *inode)
{
	return container_of(inode, struct wardfs_inode, vfs_inode);
}

static inline struct dentry *wardfs_lower_dentry(const struct inode *inode)
{
	return WARDFS_I(inode)->lower;
}

static inline struct inode *wardfs_lower_inode(const struct inode *inode)
{
	return d_inode(WARDFS_I(inode)->lower);
}

static inline struct path wardfs_lower_path(const struct inode *inode)
{
	struct path p = {
		.mnt = WARDFS_SB(inode->i_sb)->lower_mnt,
		.dentry = WARDFS_I(inode)->lower,
	};

	return p;
}

/* ---- ahead.c ---- */
void wardfs_ahead_init(struct wardfs_ahead *a);
void wardfs_ahead_wrote(struct inode *inode, loff_t from, loff_t to);
void wardfs_ahead_end(struct inode *inode);
int wardfs_ahead_start(void);
void wardfs_ahead_stop(void);

/* ---- main.c ---- */
__printf(2, 3) void wardfs_msg(const struct super_block *sb, const char *fmt, ...);

/* ---- super.c: mounting, the list of vaults, syncing ---- */
extern struct file_system_type wardfs_type;
int wardfs_super_init(void);
int wardfs_sync_lower(struct super_block *sb);		/* all of the lower file system */
void wardfs_super_exit(void);
struct wardfs_sb *wardfs_sb_get(const u8 *uuid);	/* active reference or NULL */
void wardfs_sb_put(struct wardfs_sb *sbi);
int wardfs_sb_for_each(int (*fn)(struct wardfs_sb *sbi, void *arg), void *arg);

/* ---- key.c: key type, unlocking, locking, sections ---- */
extern struct key_type wardfs_key_type;
int wardfs_key_init(void);
int wardfs_key_begin(struct wardfs_sb *sbi);
void wardfs_key_exit(void);
int wardfs_enter(struct super_block *sb);		/* section index, or -errno */
int wardfs_enter_writeout(struct super_block *sb);	/* also while locking */
void wardfs_exit(struct super_block *sb, int idx);
struct wardfs_keys *wardfs_keys(struct wardfs_sb *sbi);	/* inside a section */
int wardfs_next_nonce(struct wardfs_keys *keys, u8 *nonce);
int wardfs_unlock(struct wardfs_sb *sbi, key_serial_t serial);
int wardfs_lock(struct wardfs_sb *sbi, bool now, u64 *lost);
int wardfs_set_checked(struct wardfs_sb *sbi, s64 undisturbed);
int wardfs_load_policy(struct wardfs_sb *sbi);		/* from .ward/policy.new */
void wardfs_inode_keyed(struct inode *inode);		/* onto wardfs_sb.inodes */
void wardfs_inode_unkeyed(struct inode *inode);		/* off it, at eviction */
void wardfs_key_end(struct wardfs_sb *sbi);		/* at unmount: the clean end */

/* EBADMSG, also of a lower file system that has checksums, is no errno for programs. */
static inline int wardfs_shown_error(int err)
{
	return err == -EBADMSG ? -EIO : err;
}

/*
 * What an access to a locked vault gets. A server in the kernel does not know ENOKEY;
 * of this NFS servers make "try again later", so that their clients wait.
 */
static inline int wardfs_locked_error(void)
{
	return (current->flags & (PF_KTHREAD | PF_WQ_WORKER)) == PF_KTHREAD ? -ETIMEDOUT : -ENOKEY;
}

static inline bool wardfs_unlocked(const struct super_block *sb)
{
	return READ_ONCE(WARDFS_SB(sb)->state) == WARD_STATE_UNLOCKED;
}

/* ---- wardfile.c: the files beside the tree ---- */
#define WARDFS_FILE_MAX	WARD_POLICY_MAX
struct dentry *wardfs_lower_walk(struct wardfs_sb *sbi, struct dentry *from, const char *path);
struct file *wardfs_file_open(struct wardfs_sb *sbi, const char *name, int flags);
int wardfs_file_read(struct wardfs_sb *sbi, const char *name, size_t max, u8 **data, size_t *len);
int wardfs_vault_read(struct wardfs_sb *sbi, u16 *suite);	/* at mount: uuid and suite */
int wardfs_vault_verify(struct wardfs_sb *sbi, const u8 *mac_key, u32 generation);

/* ---- epoch.c: the epoch file ---- */
int wardfs_epoch_begin(struct wardfs_sb *sbi, struct wardfs_keys *keys);
int wardfs_epoch_end(struct wardfs_sb *sbi, struct wardfs_keys *keys);
void wardfs_epoch_release(struct wardfs_sb *sbi);	/* another machine may have the vault */
int wardfs_epoch_update(struct wardfs_sb *sbi, struct wardfs_keys *keys);
void wardfs_epoch_doubt(struct super_block *sb);
int wardfs_lower_failed(struct wardfs_sb *sbi);		/* its own write-back, since asked last */

/* ---- crypto.c: HMAC, HKDF, SIV, AEAD set-up ---- */
int wardfs_crypto_init(void);
void wardfs_crypto_exit(void);
int wardfs_mac_alloc(const u8 *key, struct crypto_shash **mac);
void wardfs_mac_free(struct crypto_shash *mac);
int wardfs_mac(struct crypto_shash *mac, const void *data, size_t len, u8 *out);
int wardfs_hmac_sha256(const u8 *key, const void *data, size_t len, u8 *mac);
int wardfs_sha256(const void *data, size_t len, u8 *out);
int wardfs_hkdf(const u8 *salt, const u8 *ikm, size_t ikm_len, const char *label,
		const u8 *id, u8 *out, size_t len);
struct crypto_aead *wardfs_aead_alloc(u16 suite, const u8 *key);
struct wardfs_siv *wardfs_siv_alloc(const u8 *keys);	/* 64 bytes: MAC, encryption */
void wardfs_siv_free(struct wardfs_siv *siv);
int wardfs_siv_seal(const struct wardfs_siv *siv, u8 type, const void *ad, size_t ad_len,
		    const void *text, size_t len, u8 *out);
int wardfs_siv_open(const struct wardfs_siv *siv, u8 type, const void *ad, size_t ad_len,
		    const u8 *in, size_t len, void *text);

/* ---- name.c: directory ids, lower names, symlink targets ---- */
struct wardfs_lname {			/* a lower name, NUL-terminated */
	char name[WARD_LNAME_MAX + 1];
	unsigned int len;
	char *target;			/* long names: target of the hidden symlink */
};
int wardfs_dir_names(struct inode *dir, bool make, struct wardfs_names **names);
void wardfs_names_free(struct wardfs_names *names);
int wardfs_name_encode(struct wardfs_names *names, const struct qstr *name,
		       struct wardfs_lname *out);
void wardfs_lname_free(struct wardfs_lname *lname);
#define WARDFS_HIDDEN_MAX 64
void wardfs_lname_hidden(const struct wardfs_lname *lname, char *name);	/* of a long name */
int wardfs_name_decode(struct inode *dir, const struct wardfs_names *names,
		       const char *lower, unsigned int len, char *out);
int wardfs_target_encode(struct wardfs_sb *sbi, const char *target, char **out);
int wardfs_target_decode(struct wardfs_sb *sbi, const char *lower, char **out);

/* ---- hidden.c: the hidden symlinks of a directory below ---- */
int wardfs_hidden_read(struct inode *dir, const char *name, char **target);
int wardfs_hidden_make(struct inode *dir, const char *name, const char *target, bool *made);
void wardfs_hidden_remove(struct inode *dir, const char *name);
int wardfs_hidden_empty(struct inode *dir);		/* -ENOTEMPTY: it has other entries */
int wardfs_hidden_clear(struct inode *dir, char **id);	/* before it is removed */
void wardfs_hidden_restore(struct inode *dir, char *id);	/* it was not */
struct file *wardfs_open_lower_dir(struct inode *dir);
int wardfs_lower_fsync(struct inode *inode);		/* any kind of object */
int wardfs_sync_dirs(struct dentry *dentry);		/* fsync hidden entries above it */

/* ---- inode.c: inodes, attributes, permission ---- */
int wardfs_inode_init(void);
void wardfs_inode_exit(void);
struct inode *wardfs_alloc_inode(struct super_block *sb);
void wardfs_free_inode(struct inode *inode);
void wardfs_evict_inode(struct inode *inode);
struct inode *wardfs_iget(struct super_block *sb, struct dentry *lower, struct dentry *entry);
struct inode *wardfs_iget_new(struct super_block *sb, struct dentry *lower); /* just made */
void wardfs_copy_attr(struct inode *inode);		/* from below; not size or fresher times */
void wardfs_changed(struct inode *inode);		/* the same, after a change */
int wardfs_getattr(wardfs_idmap *idmap, const struct path *path, struct kstat *stat,
		   u32 mask, unsigned int flags);
int wardfs_setattr(wardfs_idmap *idmap, struct dentry *dentry, struct iattr *attr);
int wardfs_permission(wardfs_idmap *idmap, struct inode *inode, int mask);
void wardfs_set_times(struct inode *inode, const struct timespec64 *atime,
		      const struct timespec64 *mtime, const struct timespec64 *ctime);
int wardfs_update_time(struct inode *inode, struct timespec64 *time, int flags);
void wardfs_inode_wipe(struct inode *inode);		/* keys, at lock and eviction */
int wardfs_fileattr_get(struct dentry *dentry, wardfs_fileattr *fa);
int wardfs_fileattr_set(wardfs_idmap *idmap, struct dentry *dentry, wardfs_fileattr *fa);

/* ---- symlink.c: targets ---- */
extern const struct inode_operations wardfs_symlink_iops;
int wardfs_target_check(struct inode *inode);		/* does it authenticate */
int wardfs_target_size(struct inode *inode, loff_t *size);
void wardfs_target_wipe(struct inode *inode);

/* ---- dir.c: entries, listing ---- */
extern const struct inode_operations wardfs_dir_iops;
extern const struct inode_operations wardfs_special_iops;
extern const struct file_operations wardfs_dir_fops;	/* readdir.c */
extern const struct dentry_operations wardfs_dops;
void wardfs_init_dentry(struct dentry *dentry, const struct dentry *lower);

/* ---- export.c: file handles ---- */
extern const struct export_operations wardfs_export_ops;
void wardfs_export_begin(struct super_block *sb);

/* ---- xattr.c: user xattrs, ACLs ---- */
extern WARDFS_XATTR_TABLE wardfs_xattr_handlers[];
ssize_t wardfs_listxattr(struct dentry *dentry, char *list, size_t size);
bool wardfs_xattrs_forget(struct inode *inode);		/* their key is lost */
bool wardfs_xattrs_keyless(struct inode *inode);		/* as a crash leaves a directory */
int wardfs_xattrs_check(struct inode *inode, u64 *bad);	/* do users' authenticate */
struct posix_acl *wardfs_get_acl(struct inode *inode, int type, bool rcu);
int wardfs_set_acl(wardfs_idmap *idmap, wardfs_acl_object *object, struct posix_acl *acl, int type);

/* ---- file.c: open files ---- */
extern const struct file_operations wardfs_file_fops;
extern const struct inode_operations wardfs_file_iops;

/* ---- falloc.c: space reserved, and holes made ---- */
int wardfs_data_allocate(struct file *file, int mode, loff_t from, loff_t to);
int wardfs_reserve(struct inode *inode, loff_t pos, size_t len);	/* before a write */
void wardfs_unreserve(struct inode *inode);

/* ---- seek.c: where holes are ---- */
loff_t wardfs_seek(struct inode *inode, loff_t offset, bool hole);

/* ---- data.c: page cache and write-back ---- */
extern const struct address_space_operations wardfs_aops;
int wardfs_zero_fill(struct inode *inode, loff_t from, loff_t to);

/* ---- filekey.c: a file's header and key ---- */
void wardfs_data_init(struct wardfs_data *d);
int wardfs_data_new(struct inode *inode);		/* draws id and key of a fresh lower file */
int wardfs_data_get(struct inode *inode);		/* lower file open, key loaded */
void wardfs_data_put(struct inode *inode);
void wardfs_data_idle(struct inode *inode);
int wardfs_data_ready(struct inode *inode);
void wardfs_data_wipe(struct inode *inode);		/* key material, at lock and eviction */
void wardfs_data_drop(struct inode *inode);		/* all of it, at eviction */
int wardfs_data_xattr_keys(struct inode *inode, u8 *keys);	/* 64 bytes */
bool wardfs_hole_allowed(struct inode *inode, u64 k, u64 n);
bool wardfs_odd_allowed(struct inode *inode);

/* ---- iowork.c: by a thread of the kernel, with wardfs_data.io held for writing ---- */
typedef int (*wardfs_io_fn)(struct inode *inode, void *arg);
int wardfs_iowork_init(void);
void wardfs_iowork_exit(void);
int wardfs_io_call(struct inode *inode, wardfs_io_fn fn, void *arg);
int wardfs_io_here(struct inode *inode, wardfs_io_fn fn, void *arg);
int wardfs_io_again(struct inode *inode, wardfs_io_fn fn, void *arg);
int wardfs_io_creds(struct wardfs_sb *sbi, const struct super_block *lower);
void wardfs_io_put_creds(struct wardfs_sb *sbi);
void wardfs_io_writer(struct inode *inode);
void wardfs_io_upkeep(struct inode *inode);
const struct cred *wardfs_io_begin(struct inode *inode);

/* ---- size.c: sizes, lengths, truncation ---- */
int wardfs_data_size(struct inode *inode);		/* i_size at iget, from the lower length */
int wardfs_data_truncate(struct inode *inode, loff_t size);	/* either way; i_rwsem held */
void wardfs_ctime_restore(struct inode *inode, struct timespec64 *before);
int wardfs_data_grow(struct inode *inode, loff_t size);	/* invalidate_lock held, too */
int wardfs_data_flush(struct inode *inode);		/* header, length, times -> lower */
int wardfs_data_write_out(struct inode *inode);		/* pages, then that; waits */
void wardfs_data_fill_up(struct inode *inode);		/* no longer sparse? */
int wardfs_stored(struct inode *inode, u64 size);	/* io held for writing */
int wardfs_lower_length(struct inode *inode, u64 length);	/* io held for writing */
int wardfs_lower_sync(struct inode *inode, loff_t from, loff_t to, int datasync);
int wardfs_lower_cut(struct inode *inode, u64 blocks);		/* io held for writing */
int wardfs_store_empty(struct inode *inode);		/* io held for writing */

/* ---- settle.c: after an unclean end (rule R2) ---- */
int wardfs_settle(struct inode *inode);
int wardfs_resettle(struct inode *inode);
int wardfs_settle_middle(struct inode *inode);
void wardfs_report_settled(struct inode *inode);
void wardfs_unsettled(struct inode *inode);		/* something below went wrong half-way */

/* ---- block.c: encrypted blocks <-> lower file ---- */
int wardfs_block_init(void);
void wardfs_block_exit(void);
void wardfs_block_drain(void);				/* workers have let go of lower files */

/* ---- check.c: check on demand ---- */
struct wardfs_check {
	u64 from;			/* in: first block to look at */
	u64 next;			/* out: block to go on from; 0: done */
	u64 bad;			/* out: blocks that do not authenticate */
	u32 result;			/* out: enum ward_check_result */
	char *name;			/* out: path as users see it, or NULL; kfree() */
};
int wardfs_check_object(struct wardfs_sb *sbi, struct dentry *from, const char *path,
			struct wardfs_check *check);
const char *wardfs_check_name(const struct wardfs_sb *sbi);	/* of what current checks */

/* ---- policy.c: the policy in force ---- */
int wardfs_policy_set(struct wardfs_sb *sbi, const void *blob, size_t len, const u8 *mac_key,
		      u64 serial_min);
int wardfs_renew_policy(struct wardfs_sb *sbi, u8 *mac);	/* of .ward/policy.new */
void wardfs_policy_drop(struct wardfs_sb *sbi);
u64 wardfs_policy_serial(struct wardfs_sb *sbi);
u32 wardfs_policy_rules(struct wardfs_sb *sbi, bool *permissive);
void wardfs_policy_bump(struct wardfs_sb *sbi);		/* verdicts do not count any more */
u64 wardfs_policy_hours(struct wardfs_sb *sbi, bool *changed);	/* when to ask again */
u64 wardfs_policy_hours_end(struct wardfs_sb *sbi);
void wardfs_policy_settle(struct wardfs_sb *sbi);	/* after a new one */

/* ---- verdict.c: what it says ---- */
int wardfs_policy_walk(struct inode *dir, bool rcu);	/* 0, -EACCES, -ECHILD */
bool wardfs_policy_allows(struct inode *inode, u32 op);	/* reports nothing */
int wardfs_policy_boundary(struct super_block *sb, struct dentry *from, struct dentry *to);
void wardfs_policy_moved(struct inode *inode, struct dentry *dentry);
int wardfs_policy_check(struct inode *inode, u32 op, enum ward_action action,
			struct dentry *dentry, struct dentry *target);
int wardfs_policy_check_file(struct file *file, u32 op, enum ward_action action, u64 bytes);
bool wardfs_policy_cached(const struct file *file, u32 op);	/* never asks the rules */

/* ---- program.c: what processes run ---- */
int wardfs_program_init(void);
void wardfs_program_exit(void);
void wardfs_program_id(struct inode *inode, bool trusted, struct ward_program_id *id);
bool wardfs_program_current(struct ward_program_id *id);

/* ---- event.c: the ring of events ---- */
/**
 * struct wardfs_report - what an event says; who did it is taken from current
 * @kind: enum ward_event_kind
 * @action: enum ward_action
 * @reason: enum ward_reason
 * @error: positive errno that the program gets, 0 when it was let through
 * @rule: name of the rule that decided, or NULL
 * @near: name of the rule that was nearest to allowing it where none decided, or NULL
 * @lacks: what kept @near from it, bits 1 << WARD_COND_*
 * @inode: object, or the directory that @dentry is in, or NULL; its path is looked up
 *	when @dentry is NULL
 * @dentry: object, or NULL
 * @dentry2: the other one of a rename or link, or NULL
 * @ops: WARD_OP_* that @dentry was asked for, told along with @dentry2
 * @at_target: @dentry is where a rename or link leads, @dentry2 what is moved
 * @block: bad block of a tamper event; WARDFS_NO_BLOCK otherwise
 * @detail: a fixed text of ours, or NULL
 * @limit: the limit of @rule that is used up, or NULL
 */
#define WARDFS_NO_BLOCK (~0ULL)
struct wardfs_report {
	enum ward_event_kind kind;
	enum ward_action action;
	enum ward_reason reason;
	int error;
	const char *rule;
	const char *near;
	u32 lacks;
	struct inode *inode;
	struct dentry *dentry;
	struct dentry *dentry2;
	u32 ops;
	bool at_target;
	u64 block;
	const char *detail;
	const struct ward_burst *limit;
};
int wardfs_event_init(void);
void wardfs_event_exit(void);
void wardfs_report(struct wardfs_sb *sbi, const struct wardfs_report *report);
void wardfs_report_locked(struct inode *inode, struct dentry *dentry, enum ward_action action);
void wardfs_report_tamper(struct inode *inode, struct dentry *dentry, u64 block,
			  const char *detail);

/* ---- netlink.c: the family ---- */
int wardfs_netlink_init(void);
void wardfs_netlink_exit(void);

#endif
