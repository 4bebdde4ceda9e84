// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copying plain files into a vault. What is set last is an object's
 * modification time: an object in the vault that has the size, owner, mode and
 * time of the plain one was copied to the end, and is not copied again when the
 * conversion goes on after it was stopped. That is a shortcut only: before
 * anything plain goes, everything is compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attr.h"
#include "copy.h"
#include "durable.h"

/**
 * ward_copier_init - get ready to copy or compare
 * @copier: @err, @vault and @tell are set, the rest is zero
 *
 * Return: 0 or -ENOMEM.
 */
int ward_copier_init(struct ward_copier *copier)
{
	copier->buf[0] = malloc(WARD_COPY_CHUNK);
	copier->buf[1] = malloc(WARD_COPY_CHUNK);
	if (copier->buf[0] && copier->buf[1])
		return 0;
	ward_copier_exit(copier);
	return ward_fail_errno(copier->err, ENOMEM, "cannot copy");
}

/**
 * ward_copier_exit - free what a copier holds
 * @copier: may be half made
 */
void ward_copier_exit(struct ward_copier *copier)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (copier->buf[i])
			explicit_bzero(copier->buf[i], WARD_COPY_CHUNK);
		free(copier->buf[i]);
		copier->buf[i] = NULL;
	}
	ward_links_free(&copier->links);
}

/**
 * ward_copier_tell - say how far it is
 * @copier: the copier
 * @bytes: done since it last was said
 *
 * Return: 0, or -EINTR to stop.
 */
int ward_copier_tell(struct ward_copier *copier, uint64_t bytes)
{
	copier->progress.bytes += bytes;
	if (!copier->tell || !copier->tell(&copier->progress, copier->tell_arg))
		return 0;
	return ward_fail(copier->err, EINTR, WARD_FAILED, "stopped");
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/**
 * ward_looks_copied - does an object in the vault look like the plain one
 * @plain: the plain one
 * @vault: the one in the vault
 *
 * Return: true when type, owner, mode, size and modification time agree.
 */
bool ward_looks_copied(const struct stat *plain, const struct stat *vault)
{
	if (plain->st_mode != vault->st_mode || plain->st_uid != vault->st_uid ||
	    plain->st_gid != vault->st_gid || !same_time(&plain->st_mtim, &vault->st_mtim))
		return false;
	if (S_ISREG(plain->st_mode) || S_ISLNK(plain->st_mode))
		return plain->st_size == vault->st_size;
	if (S_ISCHR(plain->st_mode) || S_ISBLK(plain->st_mode))
		return plain->st_rdev == vault->st_rdev;
	return true;
}

static int set_times(int dirfd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

/* Owner, mode, extended attributes, times: in this order, since each undoes those after it. */
static int copy_attrs(const struct ward_walk_at *at)
{
	int ret;

	if (fchownat(at->vault, at->name, at->st.st_uid, at->st.st_gid, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISLNK(at->st.st_mode) &&
	    fchmodat(at->vault, at->name, at->st.st_mode & 07777, 0))
		return -errno;
	ret = ward_attr_copy(at->plain, at->vault, at->name, 0);
	return ret ? ret : set_times(at->vault, at->name, &at->st);
}

static ssize_t read_chunk(int fd, char *buf, size_t len, off_t pos)
{
	ssize_t n;

	do
		n = pread(fd, buf, len, pos);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int write_chunk(int fd, const char *buf, size_t len, off_t pos)
{
	while (len) {
		ssize_t n = pwrite(fd, buf, len, pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		buf += n;
		pos += n;
		len -= n;
	}
	return 0;
}

/* What a file has, up to its end; its holes are jumped over. */
static int copy_data(struct ward_copier *copier, int from, int to, off_t size)
{
	off_t pos = 0, end;
	ssize_t n;
	int ret;

	while (pos < size) {
		off_t data = lseek(from, pos, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)	/* a file system without SEEK_DATA: all is data */
			data = pos;
		end = lseek(from, data, SEEK_HOLE);
		if (end < 0 || end > size)
			end = size;
		ret = ward_copier_tell(copier, data - pos);
		if (ret)
			return ret;
		for (pos = data; pos < end; pos += n) {
			size_t want = end - pos < WARD_COPY_CHUNK ? end - pos : WARD_COPY_CHUNK;

			n = read_chunk(from, copier->buf[0], want, pos);
			if (!n)		/* it became shorter */
				return 0;
			ret = n < 0 ? n : write_chunk(to, copier->buf[0], n, pos);
			if (!ret)
				ret = ward_copier_tell(copier, n);
			if (ret)
				return ret;
		}
	}
	return pos < size ? ward_copier_tell(copier, size - pos) : 0;
}

static int copy_file(struct ward_copier *copier, const struct ward_walk_at *at)
{
	int from, to, ret;

	from = openat(at->plain, at->name,
		      O_RDONLY | O_NOFOLLOW | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return -errno;
	to = openat(at->vault, at->name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0600);
	if (to < 0) {
		ret = -errno;
		goto close_from;
	}
	ret = ftruncate(to, 0) ? -errno : 0;
	if (!ret)
		ret = copy_data(copier, from, to, at->st.st_size);
	if (!ret && ftruncate(to, at->st.st_size))
		ret = -errno;
	if (close(to) && !ret)
		ret = -errno;
close_from:
	close(from);
	return ret ? ret : copy_attrs(at);
}

static int copy_symlink(const struct ward_walk_at *at)
{
	char target[PATH_MAX + 1];
	ssize_t n = readlinkat(at->plain, at->name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, at->vault, at->name))
		return -errno;
	return copy_attrs(at);
}

static int copy_special(const struct ward_walk_at *at)
{
	if (mknodat(at->vault, at->name, (at->st.st_mode & S_IFMT) | 0600, at->st.st_rdev))
		return -errno;
	return copy_attrs(at);
}

/*
 * Removes from the vault what is in the way of a copy, from an earlier run: what
 * is of another type, and whatever cannot be written to in its place. A file
 * stays, unless it has other names, whose contents would change with it.
 */
static int make_way(const struct ward_walk_at *at, const struct stat *there)
{
	if (S_ISREG(at->st.st_mode) && S_ISREG(there->st_mode) && there->st_nlink < 2)
		return 0;
	if (S_ISDIR(there->st_mode))
		return unlinkat(at->vault, at->name, AT_REMOVEDIR) ? -errno : 0;
	return unlinkat(at->vault, at->name, 0) ? -errno : 0;
}

/* A further name of a file that is in the vault. 1: it is not there after all. */
static int copy_link(struct ward_copier *copier, const struct ward_walk_at *at,
		     const struct ward_link *link, const struct stat *there)
{
	struct stat first;

	if (fstatat(copier->vault, link->path, &first, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 1 : -errno;
	if (there && there->st_ino == first.st_ino)
		return 0;
	if (there && unlinkat(at->vault, at->name, S_ISDIR(there->st_mode) ? AT_REMOVEDIR : 0))
		return -errno;
	if (linkat(copier->vault, link->path, at->vault, at->name, 0))
		return -errno;
	copier->copied++;
	return 0;
}

static int remember_link(struct ward_copier *copier, const struct ward_walk_at *at,
			 const char *path)
{
	struct stat st;

	if (at->st.st_nlink < 2 || ward_links_find(&copier->links, at->st.st_ino))
		return 0;
	if (fstatat(at->vault, at->name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return ward_links_add(&copier->links, at->st.st_ino, st.st_ino, path);
}

static int copy_object(struct ward_copier *copier, const struct ward_walk_at *at,
		       const char *path, bool again)
{
	struct stat st, *there = NULL;
	struct ward_link *link;
	int ret = 0;

	if (!fstatat(at->vault, at->name, &st, AT_SYMLINK_NOFOLLOW))
		there = &st;
	else if (errno != ENOENT)
		return -errno;

	if (S_ISDIR(at->st.st_mode)) {
		if (there && S_ISDIR(there->st_mode))
			return 0;
		if (there && unlinkat(at->vault, at->name, 0))
			return -errno;
		return mkdirat(at->vault, at->name, 0700) ? -errno : 0;
	}
	link = at->st.st_nlink > 1 ? ward_links_find(&copier->links, at->st.st_ino) : NULL;
	if (link && strcmp(link->path, path)) {
		ret = copy_link(copier, at, link, there);
		if (ret != 1)
			return ret ? ret : ward_copier_tell(copier, S_ISREG(at->st.st_mode) ?
							    at->st.st_size : 0);
		ret = 0;
	}
	if (there && !again && ward_looks_copied(&at->st, there))
		return ward_copier_tell(copier, S_ISREG(at->st.st_mode) ? at->st.st_size : 0);
	if (there)
		ret = make_way(at, there);
	if (ret)
		return ret;
	copier->copied++;
	if (S_ISREG(at->st.st_mode))
		return copy_file(copier, at);
	return S_ISLNK(at->st.st_mode) ? copy_symlink(at) : copy_special(at);
}

static const char *advice(int ret)
{
	switch (ret) {
	case -ENOSPC:
		return " (making a vault needs room for a second copy: free some, or enlarge the file system)";
	case -EDQUOT:
		return " (the quota of the file's owner leaves no room for a second copy)";
	default:
		return "";
	}
}

/**
 * ward_copy_entry - copy an object into the vault
 * @copier: the copier
 * @at: the object; of a directory only the directory itself
 * @path: its path from the top
 * @again: also when it looks copied
 *
 * Return: 0 or a negative errno.
 */
int ward_copy_entry(struct ward_copier *copier, const struct ward_walk_at *at, const char *path,
		    bool again)
{
	int ret = copy_object(copier, at, path, again);

	if (!ret && !S_ISDIR(at->st.st_mode))
		ret = remember_link(copier, at, path);
	copier->progress.objects++;
	if (ret == -EINTR)
		return ret;
	return ret ? ward_fail_errno(copier->err, ret, "cannot copy %s into the vault%s", path,
				     advice(ret)) : 0;
}

/**
 * ward_copy_dir_attrs - give a directory in the vault its attributes
 * @copier: the copier
 * @at: the directory; all that is in it has been copied
 * @path: its path from the top
 *
 * Return: 0 or a negative errno.
 */
int ward_copy_dir_attrs(struct ward_copier *copier, const struct ward_walk_at *at,
			const char *path)
{
	int ret = copy_attrs(at);

	return ret ? ward_fail_errno(copier->err, ret,
				     "cannot copy the attributes of the directory %s%s", path,
				     advice(ret)) : 0;
}
