// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing below OUTDIR. What the vault holds is hostile: it may hold symlinks
 * that point anywhere and then names that would go through them. So nothing is
 * ever opened by a path: each directory is made by us, entered without
 * following links, and every object in it is made new.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <unistd.h>

#include "out.h"

#define DIR_FLAGS	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int is_empty(int fd)
{
	struct dirent *de;
	int copy, n = 0;
	DIR *dir;

	copy = openat(fd, ".", DIR_FLAGS);
	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		close(copy);
		return -ENOMEM;
	}
	while ((de = readdir(dir)))
		n += strcmp(de->d_name, ".") && strcmp(de->d_name, "..");
	closedir(dir);
	return !n;
}

/* Does a directory lie within another: look at all above it. */
static int lies_within(int fd, const struct stat *outer)
{
	int at = openat(fd, ".", DIR_FLAGS), up, ret = 0;
	struct stat st, above;

	if (at < 0 || fstat(at, &st))
		ret = -errno;
	while (!ret) {
		if (st.st_dev == outer->st_dev && st.st_ino == outer->st_ino) {
			ret = 1;
			break;
		}
		up = openat(at, "..", DIR_FLAGS);
		if (up < 0 || fstat(up, &above)) {
			ret = -errno;
			if (up >= 0)
				close(up);
			break;
		}
		close(at);
		at = up;
		if (above.st_dev == st.st_dev && above.st_ino == st.st_ino)
			break;
		st = above;
	}
	if (at >= 0)
		close(at);
	return ret;
}

/**
 * out_begin - make OUTDIR, or take it when it is empty
 * @path: OUTDIR
 * @lower: LOWERDIR, which OUTDIR must not lie in
 * @fd: set to the directory
 * @err: says what failed
 *
 * Nobody but the caller can enter it until out_finish().
 *
 * Return: 0 or a negative errno.
 */
int out_begin(const char *path, const char *lower, int *fd, struct ward_err *err)
{
	struct stat st;
	int dir, ret;

	if (mkdir(path, 0700) && errno != EEXIST)
		return ward_fail_errno(err, errno, "cannot make %s", path);
	/* The user may well say a link here. */
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ward_fail_errno(err, errno, "cannot open %s", path);
	ret = stat(lower, &st) ? -errno : lies_within(dir, &st);
	if (ret > 0) {
		ret = ward_fail(err, EINVAL, WARD_USAGE,
				"%s lies in the vault itself: recover to another place", path);
		goto close_dir;
	}
	if (!ret)
		ret = is_empty(dir);
	if (ret < 0) {
		ret = ward_fail_errno(err, ret, "cannot read %s", path);
		goto close_dir;
	}
	if (!ret) {
		ret = ward_fail(err, ENOTEMPTY, WARD_USAGE,
				"%s is not empty: recover to a new directory", path);
		goto close_dir;
	}
	if (fchmod(dir, 0700)) {
		ret = ward_fail_errno(err, errno, "cannot change the mode of %s", path);
		goto close_dir;
	}
	*fd = dir;
	return 0;
close_dir:
	close(dir);
	return ret;
}

/**
 * out_hopeless - does an error mean that nothing else can be written either
 * @err: negative errno
 *
 * Return: true when it is better to stop.
 */
bool out_hopeless(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EROFS || err == -EIO ||
	       err == -ENOMEM;
}

/**
 * out_open_path - open a directory below OUTDIR, component by component
 * @root: OUTDIR
 * @path: relative path; "" is OUTDIR itself
 *
 * Return: a file descriptor or a negative errno.
 */
int out_open_path(int root, const char *path)
{
	char name[256];
	int at, next;

	at = openat(root, ".", DIR_FLAGS);
	while (at >= 0 && *path) {
		size_t len = strcspn(path, "/");

		if (!len || len >= sizeof(name)) {
			close(at);
			return -EINVAL;
		}
		memcpy(name, path, len);
		name[len] = 0;
		path += len + (path[len] == '/');
		next = openat(at, name, DIR_FLAGS);
		close(at);
		at = next;
	}
	return at < 0 ? -errno : at;
}

/**
 * out_mkdir - make a directory and enter it
 * @dir: directory to make it in
 * @name: one component
 *
 * Return: a file descriptor or a negative errno.
 */
int out_mkdir(int dir, const char *name)
{
	int fd;

	if (mkdirat(dir, name, 0700))
		return -errno;
	fd = openat(dir, name, DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}

/**
 * out_create - make a regular file
 * @dir: directory to make it in
 * @name: one component
 *
 * Return: a file descriptor or a negative errno.
 */
int out_create(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/**
 * out_write - write all of a piece
 * @fd: the file
 * @pos: where, bytes
 * @bytes: what
 * @len: how many
 *
 * Return: 0 or a negative errno.
 */
int out_write(int fd, uint64_t pos, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = pwrite(fd, bytes, len, pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		bytes += n;
		pos += n;
		len -= n;
	}
	return 0;
}

/*
 * The modes below are not authenticated: whoever had the disk may have set what
 * they like. What gives rights to whoever runs a program is not taken over.
 */
static mode_t safe_mode(const struct stat *st)
{
	return st->st_mode & (S_ISDIR(st->st_mode) ? 03777 : 0777);
}

/**
 * out_finish - owner, mode and times of a file or directory, where permitted
 * @fd: the object
 * @st: of the lower object
 *
 * Return: 0 or a negative errno.
 */
int out_finish(int fd, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int ret = 0;

	if (fchown(fd, st->st_uid, st->st_gid) && errno != EPERM && errno != EINVAL)
		ret = -errno;
	if (fchmod(fd, safe_mode(st)))
		ret = -errno;
	if (futimens(fd, times))
		ret = -errno;
	return ret;
}

/**
 * out_finish_at - the same for what cannot be opened: links, pipes, sockets
 * @dir: its directory
 * @name: its name
 * @st: of the lower object
 *
 * Return: 0 or a negative errno.
 */
int out_finish_at(int dir, const char *name, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int ret = 0;

	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) &&
	    errno != EPERM && errno != EINVAL)
		ret = -errno;
	/* The name is ours, and not a link: nothing is followed. */
	if (!S_ISLNK(st->st_mode) && fchmodat(dir, name, safe_mode(st), 0))
		ret = -errno;
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW))
		ret = -errno;
	return ret;
}
