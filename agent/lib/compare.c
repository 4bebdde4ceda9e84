// SPDX-License-Identifier: GPL-2.0-or-later
/* Comparing plain files with what is in the vault. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "attr.h"
#include "copy.h"

static int read_whole(int fd, char *buf, size_t len, off_t pos)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = pread(fd, buf + have, len - have, pos + have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		have += n;
	}
	return have;
}

/* Where the next data begins at or after @pos: @size when there is none. */
static off_t next_data(int fd, off_t pos, off_t size)
{
	off_t data = lseek(fd, pos, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? size : pos;
	return data < size ? data : size;
}

/* 1 when both have the same bytes, 0 when not; what is a hole in both is jumped over. */
static int same_data(struct ward_copier *copier, int a, int b, off_t size)
{
	off_t pos = 0;
	int ret;

	while (pos < size) {
		off_t in_a = next_data(a, pos, size), in_b = next_data(b, pos, size);
		off_t start = in_a < in_b ? in_a : in_b;
		size_t want;
		int n, m;

		want = size - start < WARD_COPY_CHUNK ? size - start : WARD_COPY_CHUNK;
		n = read_whole(a, copier->buf[0], want, start);
		m = n < 0 ? 0 : read_whole(b, copier->buf[1], want, start);
		if (n < 0 || m < 0)
			return n < 0 ? n : m;
		if ((size_t)n != want || (size_t)m != want ||
		    memcmp(copier->buf[0], copier->buf[1], want))
			return 0;
		ret = ward_copier_tell(copier, start + want - pos);
		if (ret)
			return ret;
		pos = start + want;
	}
	return 1;
}

static int same_file(struct ward_copier *copier, const struct ward_walk_at *at)
{
	int a, b, ret;

	a = openat(at->plain, at->name,
		   O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
	if (a < 0)
		return -errno;
	b = openat(at->vault, at->name,
		   O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
	if (b < 0) {
		ret = -errno;
		goto close_a;
	}
	ret = same_data(copier, a, b, at->st.st_size);
	close(b);
close_a:
	close(a);
	return ret;
}

static int same_symlink(const struct ward_walk_at *at)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t n = readlinkat(at->plain, at->name, a, sizeof(a));
	ssize_t m = n < 0 ? 0 : readlinkat(at->vault, at->name, b, sizeof(b));

	if (n < 0 || m < 0)
		return -errno;
	return n == m && !memcmp(a, b, n);
}

/* Have both names of a file in the vault one inode, where the plain ones have one? */
static int same_links(struct ward_copier *copier, const struct ward_walk_at *at,
		      const struct stat *there, const char *path)
{
	const struct ward_link *link;
	int ret;

	if (copier->thinned)
		return 1;
	if (at->st.st_nlink < 2)
		return there->st_nlink < 2;
	link = ward_links_find(&copier->links, at->st.st_ino);
	if (link)
		return link->vault == there->st_ino;
	ret = ward_links_add(&copier->links, at->st.st_ino, there->st_ino, path);
	return ret ? ret : 1;
}

static int same_object(struct ward_copier *copier, const struct ward_walk_at *at,
		       const char *path)
{
	struct stat there;
	int ret;

	if (fstatat(at->vault, at->name, &there, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(at->st.st_mode))
		return S_ISDIR(there.st_mode);
	if (!ward_looks_copied(&at->st, &there))
		return 0;
	ret = same_links(copier, at, &there, path);
	if (ret == 1)
		ret = ward_attr_same(at->plain, at->vault, at->name, 0);
	if (ret == 1 && S_ISREG(at->st.st_mode))
		ret = same_file(copier, at);
	if (ret == 1 && S_ISLNK(at->st.st_mode))
		ret = same_symlink(at);
	return ret;
}

/**
 * ward_compare_entry - is an object in the vault as the plain one is
 * @copier: the copier
 * @at: the object; of a directory only that it is one
 * @path: its path from the top
 *
 * Return: 1 when it is, 0 when not, or a negative errno.
 */
int ward_compare_entry(struct ward_copier *copier, const struct ward_walk_at *at,
		       const char *path)
{
	int ret = same_object(copier, at, path);

	copier->progress.objects++;
	if (ret < 0 && ret != -EINTR)
		ward_fail_errno(copier->err, ret, "cannot compare %s with its copy in the vault",
				path);
	return ret;
}

/**
 * ward_compare_dir_attrs - has a directory in the vault the attributes of the plain one
 * @copier: the copier
 * @at: the directory
 * @path: its path from the top
 *
 * Return: 1 when it has, 0 when not, or a negative errno.
 */
int ward_compare_dir_attrs(struct ward_copier *copier, const struct ward_walk_at *at,
			   const char *path)
{
	struct stat there;
	int ret;

	if (fstatat(at->vault, at->name, &there, AT_SYMLINK_NOFOLLOW))
		return ward_fail_errno(copier->err, errno, "cannot look at %s in the vault", path);
	if (!ward_looks_copied(&at->st, &there))
		return 0;
	ret = ward_attr_same(at->plain, at->vault, at->name, 0);
	if (ret < 0)
		ward_fail_errno(copier->err, ret, "cannot compare %s with its copy in the vault",
				path);
	return ret;
}
