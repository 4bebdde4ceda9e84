// SPDX-License-Identifier: GPL-2.0-or-later
/* Going through the plain files of a directory that becomes a vault. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../module/uapi/ward_format.h"
#include "walk.h"

/**
 * ward_walk_names_free - free what ward_walk_names() gave
 * @names: may be NULL
 * @count: how many
 */
void ward_walk_names_free(char **names, size_t count)
{
	while (count)
		free(names[--count]);
	free(names);
}

/**
 * ward_walk_names - the names in a directory
 * @dirfd: the directory, open for reading
 * @names: set to them, for ward_walk_names_free()
 * @count: set to how many
 *
 * All are read before anything is done with them, because what is done may
 * change the directory.
 *
 * Return: 0 or a negative errno.
 */
int ward_walk_names(int dirfd, char ***names, size_t *count)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
	size_t n = 0, room = 0;
	char **list = NULL;
	struct dirent *d;
	int ret = 0;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		ret = -errno;
		close(fd);
		return ret;
	}
	while (errno = 0, (d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (n == room) {
			char **more = reallocarray(list, room ? 2 * room : 64, sizeof(*more));

			if (!more) {
				ret = -ENOMEM;
				break;
			}
			list = more;
			room = room ? 2 * room : 64;
		}
		list[n] = strdup(d->d_name);
		if (!list[n]) {
			ret = -ENOMEM;
			break;
		}
		n++;
	}
	if (!ret && errno)
		ret = -errno;
	closedir(dir);
	if (ret) {
		ward_walk_names_free(list, n);
		return ret;
	}
	*names = list;
	*count = n;
	return 0;
}

/**
 * ward_open_dir - open a directory without following a link or changing its times
 * @dirfd: where it is
 * @name: its name
 *
 * Return: a file descriptor or a negative errno.
 */
int ward_open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int push(struct ward_walk *walk, const char *name)
{
	size_t need = walk->path_len + strlen(name) + 2;

	if (need > walk->path_room) {
		char *more = realloc(walk->path, 2 * need);

		if (!more)
			return ward_fail_errno(walk->err, ENOMEM, "cannot go through the files");
		walk->path = more;
		walk->path_room = 2 * need;
	}
	if (walk->path_len)
		walk->path[walk->path_len++] = '/';
	strcpy(walk->path + walk->path_len, name);
	walk->path_len += strlen(name);
	return 0;
}

static int walk_dir(struct ward_walk *walk, int plain, int vault);

static int walk_into(struct ward_walk *walk, const struct ward_walk_at *at)
{
	int plain, vault = -1, ret;

	plain = ward_open_dir(at->plain, at->name);
	if (plain < 0)
		return ward_fail_errno(walk->err, plain, "cannot open the directory %s",
				       walk->path);
	if (at->vault >= 0) {
		vault = ward_open_dir(at->vault, at->name);
		if (vault < 0) {
			ret = ward_fail_errno(walk->err, vault,
					      "cannot open the directory %s in the vault",
					      walk->path);
			goto close;
		}
	}
	ret = walk_dir(walk, plain, vault);
close:
	if (vault >= 0)
		close(vault);
	close(plain);
	if (!ret && walk->ops->leave)
		ret = walk->ops->leave(walk, at);
	return ret;
}

static int walk_entry(struct ward_walk *walk, struct ward_walk_at *at)
{
	size_t len = walk->path_len;
	int ret;

	ret = push(walk, at->name);
	if (ret)
		return ret;
	if (fstatat(at->plain, at->name, &at->st, AT_SYMLINK_NOFOLLOW))
		/* What was there a moment ago may be gone: that is for its owner to say. */
		ret = errno == ENOENT ? 0 : ward_fail_errno(walk->err, errno, "cannot look at %s",
							    walk->path);
	else if (at->st.st_dev != walk->dev)
		ret = ward_fail(walk->err, EXDEV, WARD_FAILED,
				"%s is another file system, or subvolume: unmount it or move it away, and try again",
				walk->path);
	else
		ret = walk->ops->entry(walk, at);
	if (!ret && S_ISDIR(at->st.st_mode))
		ret = walk_into(walk, at);
	walk->path_len = len;
	walk->path[len] = '\0';
	return ret;
}

static bool left_out(const struct ward_walk *walk, int plain, const char *name)
{
	return plain == walk->top &&
	       (!strcmp(name, WARD_DIR_NAME) || (walk->volume && !strcmp(name, "lost+found")));
}

static int walk_dir(struct ward_walk *walk, int plain, int vault)
{
	struct ward_walk_at at = { .plain = plain, .vault = vault };
	size_t count, i;
	char **names;
	int ret;

	ret = ward_walk_names(plain, &names, &count);
	if (ret)
		return ward_fail_errno(walk->err, ret, "cannot read the directory %s",
				       walk->path_len ? walk->path : ".");
	for (i = 0; !ret && i < count; i++) {
		if (left_out(walk, plain, names[i]))
			continue;
		memset(&at.st, 0, sizeof(at.st));
		at.name = names[i];
		ret = walk_entry(walk, &at);
	}
	ward_walk_names_free(names, count);
	return ret;
}

/**
 * ward_walk_run - go through all that is below the top
 * @walk: @ops, @arg, @err, @top and @volume are set, the rest is zero
 * @vault: the vault's top, to be walked along; or -1
 *
 * Return: 0; what an operation returned; another negative errno.
 */
int ward_walk_run(struct ward_walk *walk, int vault)
{
	struct stat st;
	int ret;

	if (fstat(walk->top, &st))
		return ward_fail_errno(walk->err, errno, "cannot go through the files");
	walk->dev = st.st_dev;
	walk->path = calloc(1, 1);
	walk->path_room = 1;
	walk->path_len = 0;
	if (!walk->path)
		return ward_fail_errno(walk->err, ENOMEM, "cannot go through the files");
	ret = walk_dir(walk, walk->top, vault);
	free(walk->path);
	walk->path = NULL;
	return ret;
}
