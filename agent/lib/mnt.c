// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mounting vaults, and reaching what lies below them.
 *
 * A mounted vault covers DIR. Before that, DIR is mounted once more, read-only,
 * on /run/ward/lower/NAME: that is what backups read and what tools find .ward/
 * through. Who has to write there (a policy, a vault file) opens a clone of that
 * mount that lies nowhere in the tree, makes the clone writable, and works below
 * its file descriptor; it goes away with it.
 *
 * A directory above DIR may be somebody's who is not root, and who can put another
 * one, or a symlink, in its place at any time. So DIR is opened once for each
 * purpose; what it is, is looked at by that descriptor, and by that it is mounted
 * on and cloned.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/openat2.h>

#include "durable.h"
#include "inuse.h"
#include "mnt.h"
#include "text.h"
#include "vaultfile.h"
#include "../../module/uapi/ward_netlink.h"

static struct libmnt_table *read_mounts(struct ward_err *err)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");

	if (!table)
		ward_fail_errno(err, errno ? errno : ENOMEM, "cannot read /proc/self/mountinfo");
	return table;
}

/**
 * ward_mnt_at - the topmost mount at a path
 * @path: absolute, without symlinks
 * @mount: filled
 * @err: says what is wrong
 *
 * Asks for this path alone: the list of all mounts is long where there are many vaults.
 *
 * Return: 0, also where there is nothing at all; or a negative errno.
 */
int ward_mnt_at(const char *path, struct ward_mount *mount, struct ward_err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	int fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	struct statfs fs;
	struct statx st;
	int ret = 0;

	memset(mount, 0, sizeof(*mount));
	/* Nothing is mounted where nothing is, or where a symlink leads away. */
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd < 0)
		return ward_fail_errno(err, errno, "cannot look at %s", path);
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st))
		ret = -errno;
	else if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		ret = -EOPNOTSUPP;	/* before Linux 5.8 */
	else if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		ret = fstatfs(fd, &fs) ? -errno : 1;
	if (ret < 0)
		ward_fail_errno(err, -ret, "cannot find out what is mounted on %s", path);
	mount->found = ret > 0;
	mount->wardfs = ret > 0 && fs.f_type == WARD_SUPER_MAGIC;
	close(fd);
	return ret < 0 ? ret : 0;
}

/**
 * ward_mnt_below - are there mounts below a directory
 * @dir: absolute, without symlinks
 * @err: gets a note for each
 *
 * Return: how many, or a negative errno.
 */
int ward_mnt_below(const char *dir, struct ward_err *err)
{
	struct libmnt_table *table = read_mounts(err);
	struct libmnt_iter *iter;
	size_t len = strlen(dir);
	struct libmnt_fs *fs;
	int count = 0;

	if (!table)
		return -EIO;
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	if (!iter) {
		mnt_unref_table(table);
		return ward_fail_errno(err, ENOMEM, "cannot read the mounts");
	}
	while (!mnt_table_next_fs(table, iter, &fs)) {
		const char *target = mnt_fs_get_target(fs);

		if (!target || strncmp(target, dir, len) || target[len] != '/')
			continue;
		ward_note(err, "mounted below it: %s", target);
		count++;
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return count;
}

/**
 * ward_mnt_private_dir - a directory of root's whose mounts stay where they are made
 * @path: below /run/ward
 * @err: says what is wrong
 *
 * It is mounted on itself, privately: else what is mounted in it would also
 * appear in other mount namespaces, and keep file systems busy there.
 *
 * Return: 0 or a negative errno.
 */
int ward_mnt_private_dir(const char *path, struct ward_err *err)
{
	int lock = ward_mnt_lock(".private", err);
	struct ward_mount mount_here;
	int ret;

	if (lock < 0)
		return lock;
	ret = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
	if (!ret && chmod(path, 0700))
		ret = -errno;
	if (ret) {
		ward_fail_errno(err, ret, "cannot make %s", path);
		goto unlock;
	}
	ret = ward_mnt_at(path, &mount_here, err);
	if (ret)
		goto unlock;
	if (!mount_here.found && mount(path, path, NULL, MS_BIND, NULL)) {
		ret = ward_fail_errno(err, errno, "cannot mount %s on itself", path);
		goto unlock;
	}
	if (mount(NULL, path, NULL, MS_PRIVATE, NULL))
		ret = ward_fail_errno(err, errno, "cannot make the mount %s private", path);
unlock:
	close(lock);
	return ret;
}

static void view_path(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%.64s", WARD_LOWER_DIR, name);
}

/**
 * ward_mnt_has_view - is the ciphertext view of a vault mounted
 * @name: of the vault
 *
 * Return: true when it is.
 */
bool ward_mnt_has_view(const char *name)
{
	struct ward_mount mount_here;
	struct ward_err ignored;
	char path[PATH_MAX];

	view_path(name, path);
	return !ward_mnt_at(path, &mount_here, &ignored) && mount_here.found;
}

/* The ciphertext view of a vault: DIR, before it is covered. */
static int mount_view(const char *name, int dirfd, struct ward_err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC,
		.propagation = MS_PRIVATE,
	};
	char path[PATH_MAX];
	int fd, ret;

	ret = ward_mnt_private_dir(WARD_LOWER_DIR, err);
	if (ret)
		return ret;
	if (ward_mnt_has_view(name))
		return 0;
	view_path(name, path);
	if (mkdir(path, 0700) && errno != EEXIST)
		return ward_fail_errno(err, errno, "cannot make %s", path);
	fd = open_tree(dirfd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (fd < 0)
		return ward_fail_errno(err, errno, "cannot clone the mount of the vault %s", name);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) ||
	    move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH))
		ret = ward_fail_errno(err, errno, "cannot mount the ciphertext view %s", path);
	close(fd);
	return ret;
}

/**
 * ward_mnt_unview - take the ciphertext view of a vault away
 * @name: of the vault
 * @err: says what is wrong
 *
 * Return: 0, also when there was none; a negative errno.
 */
int ward_mnt_unview(const char *name, struct ward_err *err)
{
	char path[PATH_MAX];
	int ret = 0;

	view_path(name, path);
	/* Somebody may be reading a backup: the view goes away when he is done. */
	if (ward_mnt_has_view(name) && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
		ret = ward_fail_errno(err, errno, "cannot unmount the ciphertext view %s", path);
	if (!ret)
		rmdir(path);
	return ret;
}

/* The kernel's words on what it does not like: the last line that it left. */
static void kernel_words(int fs, char *words, size_t size)
{
	char line[512];
	ssize_t n;

	words[0] = '\0';
	while ((n = read(fs, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "e ", 2))
			continue;
		snprintf(words, size, "%s",
			 line + (strncmp(line, "e wardfs: ", 10) ? 2 : 10));
	}
}

static unsigned int mount_attrs(unsigned long flags)
{
	static const struct {
		unsigned long flag;
		unsigned int attr;
	} table[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },
		{ MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },
		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NOATIME, MOUNT_ATTR_NOATIME },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
		{ MS_STRICTATIME, MOUNT_ATTR_STRICTATIME },
	};
	unsigned int attrs = 0;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (flags & table[i].flag)
			attrs |= table[i].attr;
	return attrs;
}

static int set_flags(int fs, unsigned long flags)
{
	static const struct {
		unsigned long flag;
		const char *word;
	} table[] = {
		{ MS_RDONLY, "ro" },
		{ MS_SYNCHRONOUS, "sync" },
		{ MS_DIRSYNC, "dirsync" },
		{ MS_LAZYTIME, "lazytime" },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (flags & table[i].flag &&
		    fsconfig(fs, FSCONFIG_SET_FLAG, table[i].word, NULL, 0))
			return -errno;
	return 0;
}

/* Options with commas between them: "word" or "word=value". */
static int set_options(int fs, const char *options)
{
	char *copy = strdup(options), *next = copy, *word;
	int ret = copy ? 0 : -ENOMEM;

	while (!ret && (word = strsep(&next, ","))) {
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		if (value)
			*value++ = '\0';
		if (fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, word, value, 0))
			ret = -errno;
	}
	free(copy);
	return ret;
}

static int configure(int fs, const char *dir, const char *name, unsigned long flags,
		     const char *options)
{
	int ret;

	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", dir, 0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "name", name, 0))
		return -errno;
	ret = set_flags(fs, flags);
	if (!ret && options)
		ret = set_options(fs, options);
	if (!ret && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		ret = -errno;
	return ret;
}

/* What the kernel refuses, and what is to be done about it. */
static int refused(int error, const char *dir, const char *words, struct ward_err *err)
{
	switch (error) {
	case ENODEV:
		return ward_fail(err, ENODEV, WARD_NO_MODULE,
				 "the kernel does not know the file system wardfs: install the module for this kernel, then modprobe wardfs");
	case EPERM:
		return ward_fail(err, EPERM, WARD_NOT_PERMITTED, "%s: %s", dir,
				 *words ? words : "only root may mount a vault");
	case EPROTONOSUPPORT:
		return ward_fail(err, error, WARD_NO_MODULE,
				 "the vault in %s has a version or a cipher suite that the kernel module does not know: it was made by a newer Ward, or is damaged; upgrade the module",
				 dir);
	case EBADMSG:
		return ward_fail(err, error, WARD_INTEGRITY,
				 "the kernel does not take the vault in %s: its vault file is damaged; restore .ward/vault from a backup",
				 dir);
	default:
		if (*words)
			return ward_fail(err, error, WARD_FAILED, "cannot mount the vault in %s: %s",
					 dir, words);
		return ward_fail_errno(err, error, "cannot mount the vault in %s", dir);
	}
}

/* Did the kernel, which went by path, find what we have open? Its top has the tree's number. */
static bool is_of(int mnt, int dirfd)
{
	struct stat top, tree;

	return !fstat(mnt, &top) &&
	       !fstatat(dirfd, WARD_DIR_NAME "/" WARD_TREE_NAME, &tree, AT_SYMLINK_NOFOLLOW) &&
	       top.st_ino == tree.st_ino;
}

/**
 * ward_mnt_mount - mount a vault, locked
 * @conf: the vault: its name and DIR
 * @dirfd: DIR, open; may be O_PATH
 * @target: where to, likewise; may be @dirfd
 * @flags: MS_*
 * @options: further options for the file system, with commas, or NULL
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int ward_mnt_mount(const struct ward_conf *conf, int dirfd, int target, unsigned long flags,
		   const char *options, struct ward_err *err)
{
	const char *dir = conf->directory;
	int fs = fsopen(WARD_FSTYPE, FSOPEN_CLOEXEC), mnt, ret;
	char words[512] = "";

	if (fs < 0)
		return refused(errno, dir, words, err);
	ret = configure(fs, dir, conf->name, flags, options);
	if (ret) {
		kernel_words(fs, words, sizeof(words));
		ret = refused(-ret, dir, words, err);
		goto close;
	}
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, mount_attrs(flags));
	if (mnt >= 0 && !is_of(mnt, dirfd))
		ret = ward_fail(err, ESTALE, WARD_FAILED,
				"%s, or a directory above it, was exchanged for another one meanwhile: look who did that, and try again",
				dir);
	else if (mnt < 0 || move_mount(mnt, "", target, "",
				       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		ret = ward_fail_errno(err, errno, "cannot mount the vault in %s", dir);
	if (mnt >= 0)
		close(mnt);
close:
	close(fs);
	return ret;
}

/**
 * ward_mnt_umount - take a vault's mount away
 * @target: where it is mounted
 * @err: says what is wrong, and who is in the way
 *
 * Return: 0 or a negative errno.
 */
int ward_mnt_umount(const char *target, struct ward_err *err)
{
	if (!umount2(target, UMOUNT_NOFOLLOW))
		return 0;
	if (errno != EBUSY)
		return ward_fail_errno(err, errno, "cannot unmount %s", target);
	ward_inuse(target, -1, err);
	return ward_fail(err, EBUSY, WARD_FAILED,
			 "%s is in use: end what uses it, then try again; wardctl lock takes the key away at once, whoever uses it",
			 target);
}

/* The topmost place where a vault is mounted; 1, 0 for none, or a negative errno. */
static int mounted_on(const uint8_t uuid[WARD_UUID_SIZE], char path[PATH_MAX],
		      struct ward_err *err)
{
	struct libmnt_table *table = read_mounts(err);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	char text[WARD_UUID_TEXT], *value;
	struct libmnt_fs *fs;
	size_t len;
	int ret = 0;

	ward_text_uuid(uuid, text);
	while (table && iter && !ret && !mnt_table_next_fs(table, iter, &fs)) {
		const char *type = mnt_fs_get_fstype(fs), *options = mnt_fs_get_fs_options(fs);

		if (!type || strcmp(type, WARD_FSTYPE) || !options || !mnt_fs_get_target(fs) ||
		    mnt_optstr_get_option(options, "uuid", &value, &len) ||
		    len != strlen(text) || strncmp(value, text, len))
			continue;
		snprintf(path, PATH_MAX, "%s", mnt_fs_get_target(fs));
		ret = 1;
	}
	if (!table || !iter)
		ret = -EIO;
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return ret;
}

/**
 * ward_mnt_umount_all - take all mounts of a vault away, wherever they are
 * @conf: the vault
 * @err: says what is wrong, and who is in the way
 *
 * Return: how many there were, or a negative errno.
 */
int ward_mnt_umount_all(const struct ward_conf *conf, struct ward_err *err)
{
	char path[PATH_MAX];
	int ret, count = 0;

	while ((ret = mounted_on(conf->uuid, path, err)) > 0) {
		ret = ward_mnt_umount(path, err);
		if (ret)
			return ret;
		count++;
	}
	return ret ? ret : count;
}

/**
 * ward_mnt_open - open a directory that is to be where its path says
 * @dir: absolute, without symlinks
 * @err: says what is wrong
 *
 * Return: a file descriptor for *at() calls, O_PATH; -ELOOP when there are symlinks
 * in it after all; another negative errno.
 */
int ward_mnt_open(const char *dir, struct ward_err *err)
{
	char link[64], path[PATH_MAX];
	ssize_t n;
	int fd;

	fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ward_fail_errno(err, errno, "cannot open %s", dir);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (!strcmp(path, dir))
		return fd;
	close(fd);
	if (n < 0)
		return ward_fail_errno(err, errno, "cannot find out where %s is", dir);
	return ward_fail(err, ELOOP, WARD_FAILED,
			 "%s leads to %s: a directory above it was replaced by a symlink; if that is meant to be, write directory = %s into the vault's configuration",
			 dir, path, path);
}

/**
 * ward_mnt_lower - open DIR as it is below
 * @conf: the vault
 * @write: for writing
 * @err: says what is wrong
 *
 * Return: a file descriptor for *at() calls, O_PATH; or a negative errno.
 */
int ward_mnt_lower(const struct ward_conf *conf, bool write, struct ward_err *err)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };
	struct ward_mount mount_here;
	char path[PATH_MAX];
	int fd, ret;

	ret = ward_mnt_at(conf->directory, &mount_here, err);
	if (ret)
		return ret;
	if (!mount_here.found || !mount_here.wardfs)
		return ward_mnt_open(conf->directory, err);
	if (!ward_mnt_has_view(conf->name))
		return ward_fail(err, ENOENT, WARD_FAILED,
				 "the ciphertext view %s/%s is not mounted: wardctl umount %s and wardctl mount %s bring it back",
				 WARD_LOWER_DIR, conf->name, conf->name, conf->name);
	view_path(conf->name, path);
	fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLOEXEC | (write ? OPEN_TREE_CLONE : 0));
	if (fd < 0)
		return ward_fail_errno(err, errno, "cannot open %s", path);
	if (write && mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr))) {
		ret = ward_fail_errno(err, errno, "cannot write below %s", conf->directory);
		close(fd);
		return ret;
	}
	return fd;
}

/* .ward in the open DIR: root's, so that nobody else says what the vault is */
static int open_ward(const char *dir, int dirfd, struct ward_err *err)
{
	struct stat st;
	int fd = openat(dirfd, WARD_DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return ward_fail(err, ENOENT, WARD_INTEGRITY,
				 "%s holds no vault (there is no .ward in it): is the volume mounted that it lies on? Otherwise restore it from a backup",
				 dir);
	if (fd < 0 || fstat(fd, &st)) {
		int ret = ward_fail_errno(err, errno, "cannot open %s/.ward", dir);

		if (fd >= 0)
			close(fd);
		return ret;
	}
	if (!st.st_uid && !(st.st_mode & 0022))
		return fd;
	close(fd);
	return ward_fail(err, EPERM, WARD_NOT_PERMITTED,
			 "%s/.ward does not belong to root alone: somebody may have put it there; if it is the right one, chown root: and chmod 700 it",
			 dir);
}

/**
 * ward_mnt_ward_dir - open .ward of a vault
 * @conf: the vault
 * @write: for writing
 * @err: says what is wrong
 *
 * Return: a file descriptor, or a negative errno.
 */
int ward_mnt_ward_dir(const struct ward_conf *conf, bool write, struct ward_err *err)
{
	int lower = ward_mnt_lower(conf, write, err);
	int fd;

	if (lower < 0)
		return lower;
	fd = open_ward(conf->directory, lower, err);
	close(lower);
	return fd;
}

/* Is what lies in DIR the vault that the configuration means, finished, and closed to others? */
static int look_below(const struct ward_conf *conf, int dirfd, struct ward_err *err)
{
	int fd = open_ward(conf->directory, dirfd, err);
	struct ward_vaults vaults;
	const struct ward_vault *v;
	struct stat st;
	int ret;

	if (fd < 0)
		return fd;
	ret = ward_vaultfile_load(fd, &vaults, err);
	v = ret ? NULL : ward_vaultfile_best(&vaults);
	if (!ret && memcmp(ward_vault_header(v)->vault, conf->uuid, WARD_UUID_SIZE))
		ret = ward_fail(err, ESTALE, WARD_FAILED,
				"%s holds another vault than %s/%s.conf says: correct uuid= there, or restore the right vault",
				conf->directory, WARD_CONF_DIR, conf->name);
	if (!ret && !faccessat(fd, WARD_CREATING_NAME, F_OK, 0))
		ret = ward_fail(err, EBUSY, WARD_FAILED,
				"making this vault was not finished: wardctl create %s goes on with it",
				conf->directory);
	if (!ret && fstat(dirfd, &st))
		ret = ward_fail_errno(err, errno, "cannot look at %s", conf->directory);
	if (!ret && (st.st_uid || st.st_mode & 0077))
		ret = ward_fail(err, EPERM, WARD_NOT_PERMITTED,
				"%s is open to others than root, who could put files beside the vault: chown root: and chmod 700 it first (who may work in the vault, it says itself)",
				conf->directory);
	ward_vaults_free(&vaults);
	close(fd);
	return ret;
}

/**
 * ward_mnt_dir - open DIR of a vault that is to be mounted
 * @conf: the vault
 * @err: says what is wrong
 *
 * Return: a file descriptor for *at() calls, O_PATH, of the finished vault that @conf
 * means; or a negative errno.
 */
int ward_mnt_dir(const struct ward_conf *conf, struct ward_err *err)
{
	int fd = ward_mnt_open(conf->directory, err);
	int ret = fd < 0 ? fd : look_below(conf, fd, err);

	if (!ret)
		return fd;
	if (fd >= 0)
		close(fd);
	return ret;
}

/**
 * ward_mnt_vault - mount a vault where it belongs, with its ciphertext view
 * @conf: the vault
 * @flags: MS_*
 * @options: further options for the file system, or NULL
 * @err: says what is wrong
 *
 * Return: 0; -EALREADY when it is mounted; another negative errno.
 */
int ward_mnt_vault(const struct ward_conf *conf, unsigned long flags, const char *options,
		   struct ward_err *err)
{
	struct ward_mount mount_here;
	struct ward_err ignored;
	int dirfd, ret;

	ret = ward_mnt_at(conf->directory, &mount_here, err);
	if (ret)
		return ret;
	if (mount_here.found && mount_here.wardfs)
		return -EALREADY;
	/* A view that stayed is of a mount that is gone. */
	ret = ward_mnt_unview(conf->name, err);
	if (ret)
		return ret;
	dirfd = ward_mnt_dir(conf, err);
	if (dirfd < 0)
		return dirfd;
	ret = mount_view(conf->name, dirfd, err);
	if (!ret)
		ret = ward_mnt_mount(conf, dirfd, dirfd, flags, options, err);
	close(dirfd);
	if (ret)
		ward_mnt_unview(conf->name, &ignored);
	return ret;
}

static bool file_system_known(void)
{
	char line[256], name[64];
	bool known = false;
	FILE *f = fopen("/proc/filesystems", "re");

	while (f && !known && fgets(line, sizeof(line), f))
		known = sscanf(line, "nodev %63s", name) == 1 && !strcmp(name, WARD_FSTYPE);
	if (f)
		fclose(f);
	return known;
}

/**
 * ward_mnt_module - have the kernel module, loading it if need be
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno (cause WARD_NO_MODULE).
 */
int ward_mnt_module(struct ward_err *err)
{
	static const char * const modprobe[] = { "/sbin/modprobe", "-q", "wardfs", NULL };
	static char * const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	int status = -1;
	pid_t pid;

	if (file_system_known())
		return 0;
	pid = fork();
	if (!pid) {
		execve(modprobe[0], (char * const *)modprobe, env);
		_exit(127);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (file_system_known())
		return 0;
	return ward_fail(err, ENODEV, WARD_NO_MODULE,
			 "the kernel module wardfs is not loaded, and modprobe wardfs does not load it: install it for this kernel (make install, or the package), see wardctl doctor");
}
