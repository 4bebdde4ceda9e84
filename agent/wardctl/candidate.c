// SPDX-License-Identifier: GPL-2.0-or-later
/* Can a directory become a vault? Nothing is changed in here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/fs.h>

#include "../lib/attr.h"
#include "../lib/inifile.h"
#include "../lib/inuse.h"
#include "../lib/mnt.h"
#include "../lib/name.h"
#include "../lib/text.h"
#include "../lib/walk.h"
#include "verb.h"
#include "create.h"

/* The path without slashes at its end, which would follow a symlink. */
static int plain_path(const char *arg, char path[PATH_MAX], struct ward_err *err)
{
	size_t len = strlen(arg);

	while (len > 1 && arg[len - 1] == '/')
		len--;
	if (!len || len >= PATH_MAX)
		return ward_fail(err, ENAMETOOLONG, WARD_USAGE, len ? "the path is too long" :
				 "the name of a directory is missing");
	memcpy(path, arg, len);
	path[len] = '\0';
	return 0;
}

/* Can the path be written into a configuration and read back as it was? */
static int read_back(void *arg, const char *section, const char *key, const char *value,
		     const struct ward_ini_at *at)
{
	(void)section;
	(void)at;
	if (key && !strcmp(value, *(const char **)arg))
		*(const char **)arg = NULL;
	return 0;
}

static bool path_writable(const char *path)
{
	struct ward_err ignored;
	char text[PATH_MAX + 32];
	int len = snprintf(text, sizeof(text), "[vault]\ndirectory = %s\n", path);
	const char *looked_for = path;

	ward_err_clear(&ignored);
	if (strlen(path) != strcspn(path, "\n\r") ||
	    ward_ini_parse(text, len, NULL, read_back, &looked_for, &ignored))
		return false;
	return !looked_for;
}

/* What is there instead of a directory */
static int not_a_directory(const char *path, const struct stat *st, struct ward_err *err)
{
	char target[PATH_MAX];

	if (!S_ISLNK(st->st_mode))
		return ward_fail(err, ENOTDIR, WARD_FAILED, "%s is not a directory", path);
	if (realpath(path, target))
		return ward_fail(err, ELOOP, WARD_FAILED,
				 "%s is a symlink: name the directory that it points to, %s", path,
				 target);
	return ward_fail(err, ELOOP, WARD_FAILED, "%s is a symlink that leads nowhere: name a directory",
			 path);
}

static bool is_mount_point(const char *dir, struct ward_err *err)
{
	struct ward_mount mounted;

	return !ward_mnt_at(dir, &mounted, err) && mounted.found;
}

/* Is DIR a mounted vault, or in one? */
static int in_a_vault(struct create *c)
{
	struct ward_conf_list list;
	struct ward_mount mounted;
	struct ward_err ignored;
	char path[PATH_MAX], *slash;
	int ret = 0;
	size_t i;

	ward_err_clear(&ignored);
	if (ward_conf_list(&list, &ignored))
		return ward_fail(c->err, EIO, ignored.cause, "%s", ignored.text);
	snprintf(path, sizeof(path), "%s", c->conf.directory);
	do {
		bool self = !strcmp(path, c->conf.directory);

		if (!ward_mnt_at(path, &mounted, &ignored) && mounted.found) {
			if (mounted.wardfs && self)
				ret = ward_fail(c->err, EEXIST, WARD_FAILED,
						"%s is a mounted vault already", path);
			else if (mounted.wardfs)
				ret = ward_fail(c->err, EINVAL, WARD_FAILED,
						"%s lies in the vault %s: there are no vaults in vaults; everything in it is protected already",
						c->conf.directory, path);
			else if (!self)	/* what is mounted here hides what is above */
				break;
		}
		for (i = 0; !ret && !self && i < list.count; i++)
			if (!strcmp(list.conf[i].directory, path))
				ret = ward_fail(c->err, EINVAL, WARD_FAILED,
						"%s lies in the vault %s (%s): there are no vaults in vaults",
						c->conf.directory, list.conf[i].name, path);
		slash = strrchr(path, '/');
		if (slash == path)
			slash++;
		if (!*slash)
			break;
		*slash = '\0';
	} while (!ret);
	ward_conf_list_free(&list);
	return ret;
}

static int not_opened(const char *path, int error, struct ward_err *err)
{
	struct stat st;

	if (error == ENOENT)
		return ward_fail(err, ENOENT, WARD_FAILED,
				 "%s does not exist: make it first, with the owner and mode that it is to have",
				 path);
	if ((error == ENOTDIR || error == ELOOP) && !lstat(path, &st) && !S_ISDIR(st.st_mode))
		return not_a_directory(path, &st, err);
	return ward_fail_errno(err, error, "cannot open %s", path);
}

/* @fd is DIR, O_PATH: what is its name, may it be a vault, and open it for reading. */
static int found_dir(struct create *c, int fd)
{
	char link[64], *dir = c->conf.directory;
	ssize_t n;
	int ret;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, dir, sizeof(c->conf.directory) - 1);
	if (n < 0)
		return ward_fail_errno(c->err, errno, "cannot find out where the directory is");
	dir[n] = '\0';
	if (!strcmp(dir, "/"))
		return ward_fail(c->err, EINVAL, WARD_FAILED,
				 "the root directory cannot be a vault: name one below it");
	if (!path_writable(dir))
		return ward_fail(c->err, EINVAL, WARD_FAILED,
				 "the path %s cannot be written into a configuration file: rename the directory (no line breaks, no blanks at its ends, no \" ;\")",
				 dir);
	ret = in_a_vault(c);
	if (ret)
		return ret;
	c->dirfd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
	if (c->dirfd < 0 || fstat(c->dirfd, &c->st))
		return ward_fail_errno(c->err, errno, "cannot open %s", dir);
	if (flock(c->dirfd, LOCK_EX | LOCK_NB))
		return ward_fail(c->err, EBUSY, WARD_FAILED,
				 "something else has locked %s: is another wardctl create working on it?",
				 dir);
	c->volume = is_mount_point(dir, c->err);
	return 0;
}

/* What an earlier run left, if it did: root's. */
static int found_ward(struct create *c)
{
	struct stat st;

	c->ward = ward_open_dir(c->dirfd, WARD_DIR_NAME);
	if (c->ward == -ENOENT)
		return 0;
	if (c->ward < 0)
		return ward_fail_errno(c->err, c->ward, "cannot open %s/.ward, which is in the way",
				       c->conf.directory);
	if (fstat(c->ward, &st))
		return ward_fail_errno(c->err, errno, "cannot look at %s/.ward", c->conf.directory);
	if (st.st_uid || st.st_mode & 0022)
		return ward_fail(c->err, EPERM, WARD_NOT_PERMITTED,
				 "%s/.ward does not belong to root alone, so Ward did not make it: move it away",
				 c->conf.directory);
	return 0;
}

/**
 * candidate_open - find and open DIR
 * @c: all zero; @err is set; @conf.directory, @dirfd, @ward, @st and @volume are filled
 * @arg: DIR, as it was typed
 *
 * Return: 0; a negative errno.
 */
int candidate_open(struct create *c, const char *arg)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = plain_path(arg, path, c->err);
	if (ret)
		return ret;
	/* Once: from here on, whoever exchanges a directory above it changes nothing for us. */
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return not_opened(path, errno, c->err);
	ret = found_dir(c, fd);
	close(fd);
	return ret ? ret : found_ward(c);
}

/**
 * candidate_name - settle the name of the new vault
 * @c: DIR is known
 * @name: as it was typed, or NULL for DIR's last component
 *
 * Return: 0; a negative errno.
 */
int candidate_name(struct create *c, const char *name)
{
	const char *from = name ? name : strrchr(c->conf.directory, '/') + 1;

	if (!ward_text_name_ok(from))
		return ward_fail(c->err, EINVAL, WARD_USAGE,
				 "\"%s\" cannot be the name of a vault: %s with a-z, 0-9, dots, underscores and dashes, 63 at most, the first one a letter or digit",
				 from, name ? "write it" : "use --name, and write one");
	snprintf(c->conf.name, sizeof(c->conf.name), "%s", from);
	return 0;
}

/**
 * candidate_free - is the vault's name free, and DIR no vault's
 * @c: name and DIR are known
 *
 * Return: 0; a negative errno.
 */
int candidate_free(struct create *c)
{
	struct ward_conf_list list;
	struct ward_conf other;
	struct ward_err why;
	size_t i;
	int ret;

	ward_err_clear(&why);
	ret = ward_conf_load(c->conf.name, &other, &why);
	if (!ret && strcmp(other.directory, c->conf.directory))
		return ward_fail(c->err, EEXIST, WARD_FAILED,
				 "there is a vault \"%s\" already, in %s: use --name to give this one another name",
				 c->conf.name, other.directory);
	if (ret && ret != -ENOENT)
		return ward_fail(c->err, EEXIST, why.cause,
				 "there seems to be a vault \"%s\" already: %.800s", c->conf.name,
				 why.text);
	ret = ward_conf_list(&list, &why);
	if (ret)
		return ward_fail(c->err, -ret, why.cause, "%s", why.text);
	for (i = 0; i < list.count; i++)
		if (!strcmp(list.conf[i].directory, c->conf.directory))
			break;
	if (i < list.count)
		ret = ward_fail(c->err, EEXIST, WARD_FAILED,
				"%s/%s.conf says that %s is the vault \"%s\", but no vault is in there: restore it from a backup, or mount the volume that it lies on; if it is gone for good, remove that file",
				WARD_CONF_DIR, list.conf[i].name, c->conf.directory,
				list.conf[i].name);
	ward_conf_list_free(&list);
	return ret;
}

static int nothing_below(struct create *c)
{
	int ret = ward_mnt_below(c->conf.directory, c->err);

	return ret <= 0 ? ret :
	       ward_fail(c->err, EBUSY, WARD_FAILED,
			 "other file systems are mounted below %s: unmount them, or make vaults of those directories that hold the files",
			 c->conf.directory);
}

/**
 * candidate_usable - can a vault lie in DIR, on this file system
 * @c: DIR is open
 * @resumed: it was begun; going on, and ending, need no more room than there is
 *
 * Return: 0; a negative errno.
 */
int candidate_usable(struct create *c, bool resumed)
{
	const char *dir = c->conf.directory;
	struct statvfs vfs;
	int flags = 0, ret;

	ret = nothing_below(c);
	if (ret)
		return ret;
	if (fstatvfs(c->dirfd, &vfs))
		return ward_fail_errno(c->err, errno, "cannot look at the file system of %s", dir);
	if (vfs.f_bsize < WARD_BLOCK_SIZE && c->ward < 0)
		ui_warn("the file system of %s has blocks of %lu bytes: if the power fails, a block of 4096 may be half written, and what was synced in it lost; one made with blocks of 4096 bytes has no such risk",
			c->conf.directory, (unsigned long)vfs.f_bsize);
	if (vfs.f_flag & ST_RDONLY)
		return ward_fail(c->err, EROFS, WARD_FAILED,
				 "the file system of %s is mounted read-only: mount it writable first (mount -o remount,rw)",
				 dir);
	if (!ioctl(c->dirfd, FS_IOC_GETFLAGS, &flags)) {
		if (flags & FS_CASEFOLD_FL)
			return ward_fail(c->err, EINVAL, WARD_FAILED,
					 "%s folds case: a vault's encrypted names would collide; use a directory that does not (chattr -F, while it is empty)",
					 dir);
		if (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL))
			return ward_fail(c->err, EPERM, WARD_FAILED,
					 "%s cannot be changed: chattr -i -a %s first", dir, dir);
	}
	/* Blocks reserved for root are none of a vault's. */
	if (!resumed && (!vfs.f_bavail || (vfs.f_files && !vfs.f_ffree)))
		return ward_fail(c->err, ENOSPC, WARD_FAILED,
				 "the file system of %s is full: free some space, or enlarge it",
				 dir);
	return candidate_unused(c);
}

/**
 * candidate_unused - does nobody use what is in DIR
 * @c: DIR is open
 *
 * Neither by what is open, nor by a way that closing DIR does not close.
 *
 * Return: 0; -EBUSY; another negative errno.
 */
int candidate_unused(struct create *c)
{
	int ret = nothing_below(c);

	if (!ret)
		ret = ward_inuse(c->conf.directory, c->dirfd, c->err);
	if (ret > 0)
		ret = ward_fail(c->err, EBUSY, WARD_FAILED,
				"%s is in use: end what uses it, and try again", c->conf.directory);
	return ret;
}

/**
 * struct survey - what a walk over the plain files finds
 * @c: the vault
 * @links: files with several names: counted once
 * @blocks: what they take on the disk, 512 bytes each
 * @bad: objects that cannot go into a vault
 */
struct survey {
	struct create *c;
	struct ward_links links;
	uint64_t blocks;
	unsigned int bad;
};

/* A directory that is a vault of its own, not mounted */
static bool is_vault(int dirfd, const char *name)
{
	char path[NAME_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s/%s", name, WARD_DIR_NAME, WARD_TREE_NAME);
	return !fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/**
 * struct attrs - the extended attributes of an object, while they are gone through
 * @s: the survey
 * @walk: where it is
 * @at: the object
 */
struct attrs {
	struct survey *s;
	struct ward_walk *walk;
	const struct ward_walk_at *at;
};

/* Users' names and values are encrypted, which makes them longer. */
static int survey_attr(const char *attr, void *arg)
{
	struct attrs *a = arg;
	void *value;
	size_t len;
	int ret;

	if (strncmp(attr, "user.", 5))
		return 0;
	if (strlen(attr + 5) > WARD_XATTR_NAME_MAX) {
		a->s->bad++;
		ward_note(a->walk->err, "%.200s has an extended attribute whose name has more than %d bytes behind \"user.\": setfattr -x '%.180s' it",
			  a->walk->path, WARD_XATTR_NAME_MAX, attr);
		return 0;
	}
	ret = ward_attr_get(a->at->plain, a->at->name, attr, &value, &len);
	free(value);
	if (ret)
		return ward_fail_errno(a->walk->err, ret, "cannot read the attribute %s of %s",
				       attr, a->walk->path);
	if (len > WARD_XATTR_VALUE_MAX) {
		a->s->bad++;
		ward_note(a->walk->err, "%.200s has the extended attribute %.180s, whose value of %zu bytes is longer than a vault takes (%d)",
			  a->walk->path, attr, len, WARD_XATTR_VALUE_MAX);
	}
	return 0;
}

static int survey_entry(struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct survey *s = walk->arg;
	struct ward_err *err = walk->err;
	struct attrs attrs = { s, walk, at };
	struct statx stx;
	int ret;

	s->c->objects++;
	if (statx(at->plain, at->name, AT_SYMLINK_NOFOLLOW, 0, &stx))
		return ward_fail_errno(err, errno, "cannot look at %s", walk->path);
	if (stx.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) {
		s->bad++;
		ward_note(err, "%.300s cannot be changed: chattr -i -a it", walk->path);
	}
	if (S_ISDIR(at->st.st_mode) && is_vault(at->plain, at->name)) {
		s->bad++;
		ward_note(err, "%.300s is a vault of its own: take it out of here", walk->path);
	}
	if (S_ISLNK(at->st.st_mode) && at->st.st_size > WARD_TARGET_MAX) {
		s->bad++;
		ward_note(err, "%.300s is a symlink with a target of %lld bytes: a vault takes %d",
			  walk->path, (long long)at->st.st_size, WARD_TARGET_MAX);
	}
	ret = ward_attr_each(at->plain, at->name, WARD_ATTR_NO_ACL, survey_attr, &attrs);
	if (ret)
		return ret > 0 || walk->err->cause ? ret :
		       ward_fail_errno(walk->err, ret, "cannot read the extended attributes of %s",
				       walk->path);
	if (!S_ISREG(at->st.st_mode))
		return 0;
	s->c->bytes += at->st.st_size;
	if (at->st.st_nlink > 1) {
		struct ward_link *link = ward_links_find(&s->links, at->st.st_ino);

		if (link) {
			link->names++;
			return 0;
		}
		if (ward_links_add(&s->links, at->st.st_ino, 0, walk->path))
			return ward_fail_errno(err, ENOMEM, "cannot go through the files");
		ward_links_find(&s->links, at->st.st_ino)->nlink = at->st.st_nlink;
	}
	s->blocks += at->st.st_blocks;
	return 0;
}

static int survey_space(const struct survey *s)
{
	char need[32], have[32];
	struct statvfs vfs;

	if (fstatvfs(s->c->dirfd, &vfs))
		return ward_fail_errno(s->c->err, errno, "cannot look at the file system of %s",
				       s->c->conf.directory);
	if (s->blocks * 512 <= vfs.f_bavail * vfs.f_frsize)
		return 0;
	ward_text_size(s->blocks * 512, need, sizeof(need));
	ward_text_size(vfs.f_bavail * vfs.f_frsize, have, sizeof(have));
	return ward_fail(s->c->err, ENOSPC, WARD_FAILED,
			 "making a vault of %s needs room for a second copy of its files, %s, and %s are free: free some space, or enlarge the file system",
			 s->c->conf.directory, need, have);
}

/* Files with names elsewhere: those names keep the plain contents. */
static void survey_outside(const struct survey *s)
{
	struct create *c = s->c;
	size_t i;

	c->outside = 0;
	for (i = 0; i < s->links.room; i++) {
		const struct ward_link *link = &s->links.slots[i];

		if (!link->path || link->names >= link->nlink)
			continue;
		c->outside++;
		snprintf(c->outside_path, sizeof(c->outside_path), "%s", link->path);
	}
}

/**
 * candidate_warn - say who could take the vault away, or put another in its place
 * @c: DIR is known
 *
 * Whoever owns, or may write to, a directory above DIR can rename what is in it. In
 * somebody's home that is as it should be; elsewhere it seldom is meant.
 */
void candidate_warn(const struct create *c)
{
	char path[PATH_MAX], *slash;
	struct stat st;

	snprintf(path, sizeof(path), "%s", c->conf.directory);
	while ((slash = strrchr(path, '/')) && slash != path) {
		*slash = '\0';
		if (stat(path, &st))
			return;
		if (!st.st_uid && (!(st.st_mode & 0022) || st.st_mode & S_ISVTX))
			continue;
		ui_warn("others than root can rename what is in %s: whoever can may take the vault away from its place, though not read it",
			path);
		return;
	}
}

/**
 * candidate_survey - go through what is in DIR
 * @c: DIR is open; @bytes, @objects and @outside are filled
 *
 * Return: 0; a negative errno.
 */
int candidate_survey(struct create *c)
{
	static const struct ward_walk_ops ops = { .entry = survey_entry };
	struct survey s = { .c = c };
	struct ward_walk walk = {
		.ops = &ops, .arg = &s, .err = c->err, .top = c->dirfd, .volume = c->volume,
	};
	int ret;

	c->bytes = 0;
	c->objects = 0;
	ret = ward_walk_run(&walk, -1);
	if (!ret && s.bad)
		ret = ward_fail(c->err, EINVAL, WARD_FAILED,
				"%u of the files in %s cannot go into a vault as they are", s.bad,
				c->conf.directory);
	/* When it goes on, part of the second copy is there already. */
	if (!ret && c->ward < 0)
		ret = survey_space(&s);
	survey_outside(&s);
	ward_links_free(&s.links);
	return ret;
}
