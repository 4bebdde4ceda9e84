// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What stands around the plain files while they become a vault: .ward, the
 * vault's mount on the side (/run/ward/create/NAME), its configuration. And how
 * all that is taken back.
 *
 * .ward/creating is the first file there and the last one to go; what it says is
 * durable before the next step is begun. So whoever finds it knows what can be
 * relied on:
 *
 *   begun       DIR is as it was; .ward is thrown away and made anew
 *   copying     DIR is closed, all plain files are there; what is in the vault is
 *               compared or copied again
 *   removing    everything was compared; plain files that are left are equal to
 *               those in the vault, or were put there since
 *   finishing   no plain file is left
 *   undoing     DIR is as it was; .ward is being thrown away
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/attr.h"
#include "../lib/durable.h"
#include "../lib/epochfile.h"
#include "../lib/mnt.h"
#include "../lib/unlock.h"
#include "../lib/vaultfile.h"
#include "../lib/walk.h"
#include "verb.h"
#include "create.h"

#define POLICY_FIRST	1	/* lets root in, who copies */
#define POLICY_FINAL	(WARD_POLICY_RENEWALS + 1)	/* no renewal of the first reaches it */

static void side_path(const struct create *c, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", WARD_CREATE_DIR, c->conf.name);
}

static int cannot(struct create *c, int ret, const char *what)
{
	return ward_fail_errno(c->err, ret, "cannot %s %s/.ward%s", what, c->conf.directory,
			       ret == -ENOSPC || ret == -EDQUOT ?
			       " (free some space, or enlarge the file system)" : "");
}

/**
 * scaffold_stage - say how far it is, durably
 * @c: .ward is open
 * @at: what is true now
 *
 * Return: 0 or a negative errno.
 */
int scaffold_stage(struct create *c, enum ward_stage_at at)
{
	enum ward_stage_at before = c->stage.at;
	int ret;

	c->stage.at = at;
	ret = ward_stage_write(c->ward, &c->stage);
	if (ret)
		c->stage.at = before;
	return ret ? cannot(c, ret, "write to") : 0;
}

static int remove_acls(int dirfd)
{
	int ret = ward_attr_remove(dirfd, ".", WARD_ACL_ACCESS);

	return ret ? ret : ward_attr_remove(dirfd, ".", WARD_ACL_DEFAULT);
}

/*
 * Makes a directory root's own, whatever it had or would inherit. The mode first:
 * without its ACL, a directory's group would have what the ACL's mask says.
 */
static int own_dir(int fd)
{
	int ret = fchmod(fd, 0700) ? -errno : remove_acls(fd);

	if (!ret && (fchown(fd, 0, 0) || fchmod(fd, 0700)))
		ret = -errno;
	return ret;
}

static int copy_acl(int from, int to, const char *attr)
{
	void *value;
	size_t len;
	int ret = ward_attr_get(from, ".", attr, &value, &len);

	if (!ret)
		ret = value ? ward_attr_set(to, ".", attr, value, len) :
		      ward_attr_remove(to, ".", attr);
	free(value);
	return ret;
}

/* ACLs, owner and mode, in an order that opens it to nobody on the way. */
static int copy_top(int from, int to)
{
	struct stat st;
	int ret;

	if (fstat(from, &st))
		return -errno;
	ret = copy_acl(from, to, WARD_ACL_ACCESS);
	if (!ret)
		ret = copy_acl(from, to, WARD_ACL_DEFAULT);
	if (!ret && (fchown(to, st.st_uid, st.st_gid) || fchmod(to, st.st_mode & 07777)))
		ret = -errno;
	return ret;
}

/* Is .ward, which is open, that which is in DIR? */
static bool is_in_dir(const struct create *c)
{
	struct stat st, there;

	return !fstat(c->ward, &st) &&
	       !fstatat(c->dirfd, WARD_DIR_NAME, &there, AT_SYMLINK_NOFOLLOW) &&
	       st.st_dev == there.st_dev && st.st_ino == there.st_ino;
}

static int exchanged(struct create *c)
{
	return ward_fail(c->err, EBUSY, WARD_FAILED,
			 "somebody exchanged %s/.ward while it was made: look who works in there, and try again",
			 c->conf.directory);
}

/* Root's, and empty */
static int just_made(struct create *c)
{
	size_t count = 0;
	char **names;
	struct stat st;
	int ret;

	if (fstat(c->ward, &st))
		return cannot(c, -errno, "open");
	ret = ward_walk_names(c->ward, &names, &count);
	if (ret)
		return cannot(c, ret, "read");
	ward_walk_names_free(names, count);
	return st.st_uid || count || !is_in_dir(c) ? exchanged(c) : 0;
}

static int make_dirs(struct create *c)
{
	int tree, ret;

	if (c->ward < 0) {
		/* Its times stay those that the vault's top is to have. */
		if (mkdirat(c->dirfd, WARD_DIR_NAME, 0700) || futimens(c->dirfd, c->stage.times))
			return cannot(c, -errno, "make");
		c->ward = ward_open_dir(c->dirfd, WARD_DIR_NAME);
		if (c->ward < 0)
			return cannot(c, c->ward, "open");
		/* DIR still is its owner's, who may have been quick. */
		ret = just_made(c);
		if (ret)
			return ret;
	}
	ret = own_dir(c->ward);
	if (ret)
		return cannot(c, ret, "set owner and mode of");
	ret = scaffold_stage(c, WARD_STAGE_BEGUN);
	if (ret)
		return ret;
	ret = ward_durable_sync_dir(c->dirfd);
	if (ret)
		return cannot(c, ret, "write");
	if (mkdirat(c->ward, WARD_TREE_NAME, 0700))
		return cannot(c, -errno, "write to");
	tree = ward_open_dir(c->ward, WARD_TREE_NAME);
	if (tree < 0)
		return cannot(c, tree, "open what is in");
	ret = copy_top(c->dirfd, tree);
	close(tree);
	return ret ? cannot(c, ret, "set owner, mode and ACL in") : 0;
}

static int make_vault_file(struct create *c, const struct ward_secret *passphrase)
{
	const struct ward_factor factor = {
		WARD_SLOT_PASSPHRASE, passphrase->data, passphrase->len,
	};
	struct ward_vaultfile *vf = malloc(sizeof(*vf));
	int ret = vf ? 0 : -ENOMEM;

	if (!ret) {
		ward_vaultfile_begin(vf, c->master->uuid, c->master->suite);
		ret = ward_vaultfile_add_slot(vf, &factor, &c->cost, "", c->master->key);
	}
	if (!ret)
		ret = ward_vaultfile_seal(vf, c->master->key);
	if (!ret)
		ret = ward_vaultfile_store(c->ward, vf->bytes, vf->length);
	free(vf);
	return ret ? cannot(c, ret, "write the vault file to") : 0;
}

static int make_epoch(struct create *c)
{
	struct ward_epoch_record *records = malloc(2 * sizeof(*records));
	int ret = records ? ward_epochfile_make(c->master, records) : -ENOMEM;

	if (!ret)
		ret = ward_durable_write(c->ward, WARD_EPOCH_NAME, records, 2 * sizeof(*records),
					 0600);
	free(records);
	return ret ? cannot(c, ret, "write the epoch file to") : 0;
}

static int store_policy(struct create *c, const struct ward_policy *policy, uint64_t serial,
			const char *file)
{
	void *blob = NULL;
	size_t len;
	int ret = ward_policy_compile(policy, c->master, serial, &blob, &len);

	if (!ret)
		ret = ward_durable_write(c->ward, file, blob, len, 0600);
	free(blob);
	return ret ? cannot(c, ret, "write the policy to") : 0;
}

/* Root has no access without a rule, and copies: so it gets one until it is done. */
static int make_policies(struct create *c, const struct ward_policy *policy)
{
	struct ward_who root = { WARD_SUBJECT_UID, 0 };
	const struct ward_who_list only_root = { &root, 1 };
	struct ward_policy first;
	int ret;

	if (ward_policy_one_rule(&first, "create", &only_root))
		return cannot(c, -ENOMEM, "write the policy to");
	ret = store_policy(c, &first, POLICY_FIRST, WARD_POLICY_NAME);
	ward_policy_free(&first);
	return ret ? ret : store_policy(c, policy, POLICY_FINAL, WARD_POLICY_NEW_NAME);
}

/**
 * scaffold_make - make .ward, and the vault's configuration
 * @c: name and DIR are known, and that nothing is in the way; @master is new
 * @passphrase: the first key
 * @policy: who is to have access
 *
 * Return: 0 or a negative errno.
 */
int scaffold_make(struct create *c, const struct ward_secret *passphrase,
		  const struct ward_policy *policy)
{
	int ret;

	memset(&c->stage, 0, sizeof(c->stage));
	snprintf(c->stage.name, sizeof(c->stage.name), "%s", c->conf.name);
	c->stage.times[0] = c->st.st_atim;
	c->stage.times[1] = c->st.st_mtim;
	c->stage.recovery_none = c->no_recovery;
	ret = make_dirs(c);
	if (!ret)
		ret = make_vault_file(c, passphrase);
	if (!ret)
		ret = make_epoch(c);
	if (!ret)
		ret = make_policies(c, policy);
	return ret ? ret : ward_conf_write(&c->conf, policy, c->err);
}

/**
 * scaffold_conf - write the configuration again, if it is gone
 * @c: @master is known
 *
 * Return: 0 or a negative errno.
 */
int scaffold_conf(struct create *c)
{
	struct ward_policy policy;
	struct ward_conf there;
	struct ward_err ignored;
	void *blob;
	size_t len;
	int ret;

	ward_err_clear(&ignored);
	if (!ward_conf_load(c->conf.name, &there, &ignored) &&
	    !strcmp(there.directory, c->conf.directory) &&
	    !memcmp(there.uuid, c->conf.uuid, WARD_UUID_SIZE))
		return 0;
	ret = candidate_free(c);
	if (ret)
		return ret;
	ret = ward_durable_read(c->ward, WARD_POLICY_NEW_NAME, WARD_POLICY_MAX, &blob, &len);
	if (ret == -ENOENT)
		ret = ward_durable_read(c->ward, WARD_POLICY_NAME, WARD_POLICY_MAX, &blob, &len);
	if (!ret) {
		ret = ward_policy_authentic(blob, len, c->master);
		if (!ret)
			ret = ward_policy_decode(blob, len, c->conf.uuid, &policy);
		free(blob);
	}
	if (ret)
		return cannot(c, ret, "read the policy in");
	ret = ward_conf_write(&c->conf, &policy, c->err);
	ward_policy_free(&policy);
	return ret;
}

/**
 * scaffold_mount - mount the vault on the side, and unlock it
 * @c: .ward is complete
 *
 * Return: 0 or a negative errno.
 */
int scaffold_mount(struct create *c)
{
	char path[PATH_MAX];
	int target, ret;

	ret = ward_mnt_private_dir(WARD_CREATE_DIR, c->err);
	if (ret)
		return ret;
	side_path(c, path);
	if (mkdir(path, 0700) && errno != EEXIST)
		return ward_fail_errno(c->err, errno, "cannot make %s", path);
	target = ward_mnt_open(path, c->err);
	if (target < 0)
		return target;
	ret = ward_mnt_mount(&c->conf, c->dirfd, target, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL,
			     c->err);
	close(target);
	return ret ? ret : ward_unlock_vault(c->nl, c->master, c->err);
}

/**
 * scaffold_enter - open the vault's top
 * @c: the vault is mounted and unlocked; @vault is set
 *
 * Return: 0 or a negative errno.
 */
int scaffold_enter(struct create *c)
{
	char path[PATH_MAX];

	side_path(c, path);
	c->vault = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return c->vault < 0 ? ward_fail_errno(c->err, errno, "cannot open %s", path) : 0;
}

/**
 * scaffold_unmount - take the mount on the side away, also one of an earlier run
 * @c: the name is known
 *
 * Return: 0 or a negative errno.
 */
int scaffold_unmount(struct create *c)
{
	struct ward_mount mounted;
	char path[PATH_MAX];
	int ret;

	if (c->vault >= 0)
		close(c->vault);
	c->vault = -1;
	side_path(c, path);
	ret = ward_mnt_at(path, &mounted, c->err);
	if (!ret && mounted.found)
		ret = ward_mnt_umount(path, c->err);
	if (!ret)
		rmdir(path);
	return ret;
}

/**
 * scaffold_sync - have everything that is in the vault on the disk
 * @c: the vault is mounted
 *
 * The vault tells of what it could not write into the file system below; that one
 * tells of what it could not write to the disk, but only to who asks it, with a
 * descriptor that was open before anything was written.
 *
 * Return: 0 or a negative errno.
 */
int scaffold_sync(struct create *c)
{
	if (syncfs(c->vault) || syncfs(c->dirfd))
		return ward_fail_errno(c->err, errno,
				       "cannot write the vault to the disk (making one needs room for a second copy of the files)");
	return 0;
}

static int forget_entry(struct ward_walk *walk, const struct ward_walk_at *at)
{
	int fd;

	if (!S_ISREG(at->st.st_mode))
		return 0;
	fd = openat(at->plain, at->name,
		    O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return ward_fail_errno(walk->err, errno, "cannot open .ward/tree/%s", walk->path);
	/* Advice: where it is not taken, what is compared may come out of memory. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return 0;
}

/* What the file system below still has of the ciphertext in memory is to go. */
static int forget_tree(struct create *c)
{
	static const struct ward_walk_ops ops = { .entry = forget_entry };
	struct ward_walk walk = { .ops = &ops, .err = c->err };
	int ret;

	walk.top = ward_open_dir(c->ward, WARD_TREE_NAME);
	if (walk.top < 0)
		return cannot(c, walk.top, "open what is in");
	ret = ward_walk_run(&walk, -1);
	close(walk.top);
	return ret;
}

/**
 * scaffold_cold - write everything out and forget it, so that it is read from below
 * @c: the vault is mounted and unlocked
 *
 * Return: 0 or a negative errno.
 */
int scaffold_cold(struct create *c)
{
	uint64_t lost;
	int ret;

	ret = scaffold_sync(c);
	if (ret)
		return ret;
	ret = ward_unlock_lock(c->nl, c->conf.uuid, false, &lost, c->err);
	if (ret == -ENOENT)
		return ward_fail(c->err, ENOENT, WARD_FAILED,
				 "the vault's mount in %s went away: run this again",
				 WARD_CREATE_DIR);
	if (!ret)
		ret = forget_tree(c);
	return ret ? ret : ward_unlock_vault(c->nl, c->master, c->err);
}

/**
 * scaffold_close_dir - give the vault DIR's attributes, and take DIR from its users
 * @c: the vault is mounted and unlocked
 *
 * From here on, who comes by path finds DIR closed. What was opened before is
 * seen by candidate_unused(). Done again, it changes nothing.
 *
 * Return: 0 or a negative errno.
 */
int scaffold_close_dir(struct create *c)
{
	int ret;

	if (c->stage.at == WARD_STAGE_BEGUN) {
		ret = ward_attr_copy(c->dirfd, c->vault, ".", 0);
		if (ret)
			return ward_fail_errno(c->err, ret,
					       "cannot copy the extended attributes of %s into the vault",
					       c->conf.directory);
		if (syncfs(c->vault))
			return ward_fail_errno(c->err, errno, "cannot write the vault to the disk");
		ret = scaffold_stage(c, WARD_STAGE_COPYING);
		if (ret)
			return ret;
	}
	ret = own_dir(c->dirfd);
	if (!ret)
		ret = ward_durable_sync_dir(c->dirfd);
	if (ret)
		return ward_fail_errno(c->err, ret, "cannot take %s from its users",
				       c->conf.directory);
	/* From now on nobody can. */
	return is_in_dir(c) ? 0 : exchanged(c);
}

/* What is sealed anew is not what somebody else wrote; the better copy, or NULL */
static const struct ward_vault *authentic_copy(const struct ward_vaults *vaults,
					       const struct ward_master *master)
{
	const struct ward_vault *best = ward_vaultfile_best(vaults);
	const struct ward_vault *other = &vaults->copy[best == &vaults->copy[0]];

	if (!ward_vault_verify(best, master->key))
		return best;
	return other->bytes && !ward_vault_verify(other, master->key) ? other : NULL;
}

/**
 * scaffold_recovery - add a recovery key, in the place of any that is there
 * @c: @master is known
 * @key: 32 random bytes
 *
 * Return: 0 or a negative errno.
 */
int scaffold_recovery(struct create *c, const uint8_t key[WARD_KEY_SIZE])
{
	const struct ward_factor factor = { WARD_SLOT_RECOVERY, key, WARD_KEY_SIZE };
	struct ward_vaultfile *vf = malloc(sizeof(*vf));
	struct ward_vaults vaults = { 0 };
	const struct ward_vault *good;
	int ret;

	if (!vf)
		return cannot(c, -ENOMEM, "write to");
	ret = ward_vaultfile_load(c->ward, &vaults, c->err);
	if (ret)
		goto free;
	good = authentic_copy(&vaults, c->master);
	if (!good) {
		ret = ward_fail(c->err, EBADMSG, WARD_INTEGRITY,
				"the vault file in %s/.ward was changed or damaged since it was made: nothing was added to it",
				c->conf.directory);
		goto free;
	}
	ward_vaultfile_renew(vf, good, WARD_SLOT_RECOVERY);
	ret = ward_vaultfile_add_slot(vf, &factor, NULL, "", c->master->key);
	if (!ret)
		ret = ward_vaultfile_seal(vf, c->master->key);
	if (!ret)
		ret = ward_vaultfile_store(c->ward, vf->bytes, vf->length);
	if (ret)
		cannot(c, ret, "write the recovery key to");
free:
	ward_vaults_free(&vaults);
	free(vf);
	return ret;
}

/**
 * scaffold_policy - put the final policy in force
 * @c: the vault is mounted and unlocked; nothing is to be done in it any more
 *
 * Return: 0 or a negative errno.
 */
int scaffold_policy(struct create *c)
{
	int ret;

	if (faccessat(c->ward, WARD_POLICY_NEW_NAME, F_OK, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : cannot(c, -errno, "read the policy in");
	/* The kernel writes down that it takes no older one from now on. */
	ret = ward_nl_policy_load(c->nl, c->conf.uuid);
	if (ret && ret != -ESTALE)
		return ward_fail(c->err, -ret, WARD_FAILED, "the kernel does not take the policy: %s",
				 *ward_nl_why(c->nl) ? ward_nl_why(c->nl) : strerror(-ret));
	ret = ward_durable_rename(c->ward, WARD_POLICY_NEW_NAME, WARD_POLICY_NAME);
	return ret ? cannot(c, ret, "write the policy to") : 0;
}

/* Everything in .ward but the file that says what it is. */
static int erase_ward(struct create *c)
{
	char **names;
	size_t count, i;
	int ret = ward_walk_names(c->ward, &names, &count);

	if (ret)
		return ret;
	for (i = 0; !ret && i < count; i++)
		if (strcmp(names[i], WARD_CREATING_NAME))
			ret = ward_erase(c->ward, names[i]);
	ward_walk_names_free(names, count);
	if (!ret)
		ret = ward_durable_sync_dir(c->ward);
	if (!ret)
		ret = ward_stage_end(c->ward);
	return ret;
}

/* DIR's owner, mode and ACLs, which the vault's top has below, too. */
static int reopen_dir(struct create *c)
{
	int tree = ward_open_dir(c->ward, WARD_TREE_NAME);
	int ret;

	if (tree < 0)
		return tree;
	ret = copy_top(tree, c->dirfd);
	close(tree);
	return ret ? ret : ward_durable_sync_dir(c->dirfd);
}

/* Only one that is of this vault */
static int remove_conf(struct create *c)
{
	struct ward_conf there;
	struct ward_err ignored;

	ward_err_clear(&ignored);
	if (ward_conf_load(c->conf.name, &there, &ignored) ||
	    strcmp(there.directory, c->conf.directory))
		return 0;
	return ward_conf_remove(c->conf.name);
}

/**
 * scaffold_undo - take everything back: DIR is as it was
 * @c: .ward is there; no plain file was removed
 *
 * Can be stopped anywhere and begun again.
 *
 * Return: 0 or a negative errno.
 */
int scaffold_undo(struct create *c)
{
	int ret = scaffold_unmount(c);

	if (ret)
		return ret;
	if (c->stage.at == WARD_STAGE_COPYING) {
		ret = reopen_dir(c);
		if (ret)
			return ward_fail_errno(c->err, ret,
					       "cannot give %s its owner and mode back",
					       c->conf.directory);
		ret = scaffold_stage(c, WARD_STAGE_UNDOING);
		if (ret)
			return ret;
	}
	ret = handover_void(c);
	if (ret && ret != -EEXIST)
		return ward_fail_errno(c->err, ret, "cannot remove %s, whose recovery key is void",
				       c->stage.recovery_file);
	ret = remove_conf(c);
	if (!ret)
		ret = erase_ward(c);
	close(c->ward);
	c->ward = -1;
	if (!ret && unlinkat(c->dirfd, WARD_DIR_NAME, AT_REMOVEDIR))
		ret = -errno;
	if (!ret && futimens(c->dirfd, c->stage.times))
		ret = -errno;
	if (!ret)
		ret = ward_durable_sync_dir(c->dirfd);
	return ret ? ward_fail_errno(c->err, ret, "cannot remove %s/.ward", c->conf.directory) : 0;
}
