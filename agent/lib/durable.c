// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that are there whole, old or new: temporary file, fsync, rename, fsync of the directory. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "err.h"

/**
 * ward_durable_sync_dir - make the entries of a directory durable
 * @dirfd: the directory; may be O_PATH
 *
 * Return: 0 or a negative errno.
 */
int ward_durable_sync_dir(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

/**
 * ward_write_all - write, however many calls it takes
 * @fd: where to
 * @data: the bytes
 * @len: how many
 *
 * Return: 0 or a negative errno.
 */
int ward_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ENOSPC;
		p += n;
		len -= n;
	}
	return 0;
}

/**
 * ward_durable_write - put a file in the place of another, or of none
 * @dirfd: the directory
 * @name: the file's name
 * @data: its new contents
 * @len: bytes of it
 * @mode: permission bits
 *
 * When this returns 0, the new contents survive a crash; otherwise the old
 * ones are as they were.
 *
 * Return: 0 or a negative errno.
 */
int ward_durable_write(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	char tmp[NAME_MAX + 1];
	int fd, ret;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", name) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	if (unlinkat(dirfd, tmp, 0) && errno != ENOENT)
		return -errno;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	ret = fchmod(fd, mode) ? -errno : 0;
	if (!ret)
		ret = ward_write_all(fd, data, len);
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(dirfd, tmp, dirfd, name))
		ret = -errno;
	if (ret) {
		unlinkat(dirfd, tmp, 0);
		return ret;
	}
	return ward_durable_sync_dir(dirfd);
}

/**
 * ward_durable_rename - rename within a directory, so that it survives a crash
 * @dirfd: the directory
 * @from: name that is
 * @to: name to be; what has it is replaced
 *
 * Return: 0 or a negative errno.
 */
int ward_durable_rename(int dirfd, const char *from, const char *to)
{
	if (renameat(dirfd, from, dirfd, to))
		return -errno;
	return ward_durable_sync_dir(dirfd);
}

/**
 * ward_durable_unlink - remove a file, so that it stays away after a crash
 * @dirfd: the directory
 * @name: the file's name; none of that name is not an error
 *
 * Return: 0 or a negative errno.
 */
int ward_durable_unlink(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0))
		return errno == ENOENT ? 0 : -errno;
	return ward_durable_sync_dir(dirfd);
}

/**
 * ward_durable_read - read a whole regular file
 * @dirfd: the directory
 * @name: the file's name; a symlink is refused
 * @max: most bytes that it may have
 * @data: set to its contents, with a NUL behind them, for free()
 * @len: set to their length, bytes
 *
 * Return: 0; -EFBIG when it is larger; -ELOOP or -EINVAL when it is no
 * regular file; another negative errno.
 */
int ward_durable_read(int dirfd, const char *name, size_t max, void **data, size_t *len)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	size_t have = 0;
	char *buf = NULL;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		ret = -errno;
		goto close;
	}
	if (!S_ISREG(st.st_mode)) {
		ret = -EINVAL;
		goto close;
	}
	if ((uint64_t)st.st_size > max) {
		ret = -EFBIG;
		goto close;
	}
	buf = malloc(max + 1 < (size_t)st.st_size + 2 ? max + 1 : (size_t)st.st_size + 2);
	if (!buf) {
		ret = -ENOMEM;
		goto close;
	}
	while (have <= (size_t)st.st_size && have < max) {
		size_t want = (size_t)st.st_size + 1 - have;
		ssize_t n;

		if (want > max - have)
			want = max - have;
		n = read(fd, buf + have, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = -errno;
			goto close;
		}
		if (!n)
			break;
		have += n;
	}
	buf[have] = '\0';
	*data = buf;
	*len = have;
	buf = NULL;
close:
	free(buf);
	close(fd);
	return ret;
}

/**
 * ward_durable_read_text - read a whole file that somebody wrote, as a policy or settings
 * @path: the file; a symlink is refused, as whoever can change where it leads could change the text
 * @max: most bytes that it may have
 * @text: set to its contents, with a NUL behind them, for free()
 * @len: set to their length, bytes
 * @err: says why it cannot be read
 *
 * Return: 0; the errors of ward_durable_read().
 */
int ward_durable_read_text(const char *path, size_t max, void **text, size_t *len, struct ward_err *err)
{
	int ret = ward_durable_read(AT_FDCWD, path, max, text, len);
	struct stat st;

	if (ret == -ELOOP && !lstat(path, &st) && S_ISLNK(st.st_mode))
		return ward_fail(err, ELOOP, WARD_FAILED, "%s is a symlink: put the file itself there", path);
	if (ret == -EINVAL)
		return ward_fail(err, EINVAL, WARD_FAILED, "%s is no regular file", path);
	if (ret == -EFBIG)
		return ward_fail(err, EFBIG, WARD_FAILED, "%s has more than %zu bytes", path, max);
	return ret ? ward_fail_errno(err, ret, "cannot read %s", path) : 0;
}

/**
 * ward_mkdirs - make a directory, and those above it
 * @path: absolute
 * @mode: permission bits of those that are made
 *
 * Return: 0, also when it was there; -ENOTDIR, another negative errno.
 */
int ward_mkdirs(const char *path, mode_t mode)
{
	char buf[PATH_MAX];
	struct stat st;
	char *p;

	if (strlen(path) >= sizeof(buf))
		return -ENAMETOOLONG;
	strcpy(buf, path);
	for (p = buf + 1; ; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(buf, mode) && errno != EEXIST)
			return -errno;
		*p = c;
		if (!c)
			break;
	}
	if (lstat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
