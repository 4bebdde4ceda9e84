// SPDX-License-Identifier: GPL-2.0-only
/*
 * The epoch file: which epoch runs, how the last one ended, and whether every
 * file has been looked at since. Two records are written in turn, each durable
 * before it is relied on (docs/format.md, "Epoch").
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <crypto/algapi.h>
#include "wardfs.h"
#include "compat/lock.h"

#define RECORD_MAC_OFFSET	(WARD_BLOCK_SIZE - WARD_MAC_SIZE)

/**
 * wardfs_epoch_release - another machine may have the vault
 * @sbi: the vault, locked, without inodes
 *
 * Context: state_lock held, or unmounting.
 */
void wardfs_epoch_release(struct wardfs_sb *sbi)
{
	const struct cred *saved;

	if (!sbi->epoch_file)
		return;
	saved = override_creds(sbi->cred);
	compat_flock_far(sbi->epoch_file, F_UNLCK);
	revert_creds(saved);
	fput(sbi->epoch_file);
	sbi->epoch_file = NULL;
}

/*
 * One machine at a time. Where other machines reach the file system below, a lock on
 * the epoch file says whether one of them has the vault unlocked. It is kept until the
 * mount ends, as a locked vault still has inodes in memory, with their sizes; and so is
 * the file: should the server have given the lock away meanwhile, writing through this
 * file fails, and no record of the other's is overwritten.
 */
static int claim(struct wardfs_sb *sbi)
{
	bool reader = sb_rdonly(sbi->sb);
	const struct cred *saved;
	struct file *file;
	int err;

	if (sbi->epoch_file) {
		if (reader || sbi->epoch_file->f_mode & FMODE_WRITE)
			return 0;
		wardfs_epoch_release(sbi);
	}
	file = wardfs_file_open(sbi, WARD_EPOCH_NAME, reader ? O_RDONLY : O_RDWR);
	if (IS_ERR(file))
		return PTR_ERR(file) == -ENOENT ? -EUCLEAN : PTR_ERR(file);
	if (!compat_flock_is_far(file)) {
		fput(file);
		return 0;
	}
	saved = override_creds(sbi->cred);
	err = compat_flock_far(file, reader ? F_RDLCK : F_WRLCK);
	revert_creds(saved);
	if (err == -EAGAIN) {
		wardfs_msg(sbi->sb, "unlocked on another machine");
		err = -EBUSY;
	} else if (err == -ENOLCK || err == -EOPNOTSUPP) {
		wardfs_msg(sbi->sb, "no lock below: see that no other machine unlocks this vault");
		err = 0;
	}
	if (err)
		fput(file);
	else
		sbi->epoch_file = file;
	return err;
}

static struct file *epoch_open(struct wardfs_sb *sbi, int flags)
{
	if (sbi->epoch_file)
		return get_file(sbi->epoch_file);
	return wardfs_file_open(sbi, WARD_EPOCH_NAME, flags);
}

static int record_read(struct wardfs_sb *sbi, struct file *file, const u8 *mac_key, int slot,
		       struct ward_epoch_record *r)
{
	u8 mac[WARD_MAC_SIZE];
	loff_t pos = slot * WARD_BLOCK_SIZE;
	ssize_t n = kernel_read(file, r, sizeof(*r), &pos);
	int err;

	if (n < 0)
		return n;
	if (n != sizeof(*r))
		return -EBADMSG;
	err = ward_epoch_check(r, sbi->uuid);
	if (err)
		return err;
	err = wardfs_hmac_sha256(mac_key, r, RECORD_MAC_OFFSET, mac);
	if (err)
		return err;
	if (crypto_memneq(mac, r->mac, sizeof(mac)) || (le64_to_cpu(r->sequence) & 1) != slot)
		return -EBADMSG;
	return 0;
}

static int record_write(struct wardfs_sb *sbi, struct wardfs_keys *keys, u16 flags)
{
	struct ward_epoch_record *r = kzalloc(sizeof(*r), GFP_KERNEL);
	const struct cred *saved;
	struct file *file;
	ssize_t n;
	loff_t pos;
	int err;

	if (!r)
		return -ENOMEM;
	memcpy(r->magic, WARD_EPOCH_MAGIC, sizeof(r->magic));
	r->version = cpu_to_le16(WARD_FORMAT_VERSION);
	r->flags = cpu_to_le16(flags);
	r->epoch = cpu_to_le32(keys->epoch);
	memcpy(r->vault, sbi->uuid, sizeof(r->vault));
	r->sequence = cpu_to_le64(sbi->epoch_sequence + 1);
	r->policy_serial = cpu_to_le64(max(sbi->policy_serial_min, wardfs_policy_serial(sbi)));
	r->unchecked_from = cpu_to_le32(sbi->unchecked_from);
	err = wardfs_hmac_sha256(keys->epoch_mac, r, RECORD_MAC_OFFSET, r->mac);
	if (err)
		goto free;
	file = epoch_open(sbi, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto free;
	}
	pos = ((sbi->epoch_sequence + 1) & 1) * WARD_BLOCK_SIZE;
	saved = override_creds(sbi->cred);
	n = kernel_write(file, r, sizeof(*r), &pos);
	err = n == sizeof(*r) ? vfs_fsync(file, 0) : n < 0 ? n : -ENOSPC;
	revert_creds(saved);
	fput(file);
	if (!err)
		sbi->epoch_sequence++;
free:
	kfree(r);
	return err;
}

/**
 * wardfs_epoch_begin - read how the last epoch ended, and begin the next
 * @sbi: the vault
 * @keys: being made: its epoch MAC key is there, its epoch is set
 *
 * On a read-only mount nothing is written, and nothing will be. Context:
 * state_lock held.
 *
 * Return: 0; -EBUSY when another machine has it; -EUCLEAN when no record
 * authenticates; -EOVERFLOW when the epoch numbers are used up (rekey); the lower's
 * error.
 */
int wardfs_epoch_begin(struct wardfs_sb *sbi, struct wardfs_keys *keys)
{
	struct ward_epoch_record *r[2] = {}, *last = NULL;
	const struct cred *saved;
	struct file *file;
	u16 flags = 0;
	bool claimed = sbi->epoch_file;
	int i, bad = 0, err;

	err = claim(sbi);
	if (err)
		return err;
	for (i = 0; i < 2; i++) {
		r[i] = kzalloc(sizeof(*r[i]), GFP_KERNEL);
		if (!r[i]) {
			err = -ENOMEM;
			goto free;
		}
	}
	file = epoch_open(sbi, O_RDONLY);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto free;
	}
	saved = override_creds(sbi->cred);
	for (i = 0; i < 2; i++) {
		err = record_read(sbi, file, keys->epoch_mac, i, r[i]);
		if (err == -EBADMSG || err == -EPROTONOSUPPORT) {
			bad++;
			err = 0;
			continue;
		}
		if (err)
			break;
		if (!last || le64_to_cpu(r[i]->sequence) > le64_to_cpu(last->sequence))
			last = r[i];
	}
	revert_creds(saved);
	fput(file);
	if (err)
		goto free;
	if (!last) {
		err = -EUCLEAN;
		goto free;
	}
	if (le32_to_cpu(last->epoch) >= WARD_EPOCH_MAX) {
		err = -EOVERFLOW;
		goto free;
	}
	flags = le16_to_cpu(last->flags);
	sbi->epoch_sequence = le64_to_cpu(last->sequence);
	sbi->policy_serial_min = le64_to_cpu(last->policy_serial);
	sbi->unchecked_from = le32_to_cpu(last->unchecked_from);
	sbi->unchecked = bad || ~flags & (WARD_EPOCH_CLEAN | WARD_EPOCH_CHECKED);
	if (!sbi->unchecked)
		sbi->unchecked_from = 0;
	else if (!sbi->unchecked_from)
		sbi->unchecked_from = max(le32_to_cpu(last->epoch), 1U);
	keys->epoch = le32_to_cpu(last->epoch) + 1;
	sbi->epoch_open = false;
	sbi->lower_err = errseq_sample(&sbi->lower_mnt->mnt_sb->s_wb_err);
	if (sb_rdonly(sbi->sb))
		goto free;
	err = record_write(sbi, keys, sbi->unchecked ? 0 : WARD_EPOCH_CHECKED);
	sbi->epoch_open = !err;
free:
	kfree(r[0]);
	kfree(r[1]);
	if (err && !claimed)
		wardfs_epoch_release(sbi);
	return err;
}

/**
 * wardfs_epoch_update - write the epoch's record again, as it stands
 * @sbi: the vault
 * @keys: its keys
 *
 * After the check has settled every file, and after a new policy. Context:
 * state_lock held.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_epoch_update(struct wardfs_sb *sbi, struct wardfs_keys *keys)
{
	if (!sbi->epoch_open)
		return 0;
	return record_write(sbi, keys, sbi->unchecked ? 0 : WARD_EPOCH_CHECKED);
}

/**
 * wardfs_epoch_doubt - a write below failed half-way
 * @sb: super block of a vault
 *
 * What it leaves (a full disk, a device error) looks like what a crash leaves:
 * from now on the vault counts as unchecked, and rule R2 holds until a check has
 * settled it. Context: any that may sleep; a write-out section of its own.
 */
void wardfs_epoch_doubt(struct super_block *sb)
{
	struct wardfs_sb *sbi = WARDFS_SB(sb);
	int idx;

	atomic64_inc(&sbi->disturbed);
	if (READ_ONCE(sbi->unchecked))
		return;
	idx = wardfs_enter_writeout(sb);
	if (idx < 0)
		return;
	/* wardfs_set_checked() looks at both again after it has synced. */
	cmpxchg(&sbi->unchecked_from, 0, wardfs_keys(sbi)->epoch);
	WRITE_ONCE(sbi->unchecked, true);
	wardfs_exit(sb, idx);
	wardfs_msg(sb, "a write below failed: the vault is to be checked");
}

/**
 * wardfs_lower_failed - did the lower file system fail to write something back
 * @sbi: the vault
 *
 * Small runs go through its page cache, and it tells of such an error once.
 *
 * Return: 0, or its error since the vault was unlocked or this was asked last.
 */
int wardfs_lower_failed(struct wardfs_sb *sbi)
{
	int err;

	spin_lock(&sbi->inodes_lock);
	err = errseq_check_and_advance(&sbi->lower_mnt->mnt_sb->s_wb_err, &sbi->lower_err);
	spin_unlock(&sbi->inodes_lock);
	if (err)
		wardfs_epoch_doubt(sbi->sb);
	return err;
}

/**
 * wardfs_epoch_end - end the epoch cleanly
 * @sbi: the vault, with everything written out to the lower file system
 * @keys: its keys
 *
 * Everything is on stable storage before the record says so. Context:
 * state_lock held, or unmounting.
 *
 * Return: 0 or the lower's error.
 */
int wardfs_epoch_end(struct wardfs_sb *sbi, struct wardfs_keys *keys)
{
	struct super_block *lower = sbi->lower_mnt->mnt_sb;
	int err;

	if (!sbi->epoch_open)
		return 0;
	down_read(&lower->s_umount);
	err = sync_filesystem(lower);
	up_read(&lower->s_umount);
	if (!err)
		err = wardfs_lower_failed(sbi);
	if (!err)
		err = record_write(sbi, keys, WARD_EPOCH_CLEAN |
				   (sbi->unchecked ? 0 : WARD_EPOCH_CHECKED));
	if (!err)
		sbi->epoch_open = false;
	return err;
}
