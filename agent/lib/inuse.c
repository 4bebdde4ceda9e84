// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who uses what lies below a directory: open files, working directories,
 * mappings, loop devices, swap files. A process may have got there through
 * another mount of the same file system, so those paths are looked for too.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmount.h>

#include "inuse.h"

#define PATHS_MAX	64

/**
 * struct search - what is looked for
 * @paths: the directory, by all its names; [0] is the one it was asked for by
 * @count: how many
 * @err: gets a note for each user
 * @users: how many were found
 */
struct search {
	char *paths[PATHS_MAX];
	size_t count;
	struct ward_err *err;
	int users;
};

/* Is @path @dir or below it? */
static bool within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)	/* "/" */
		return path[0] == '/';
	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

static bool looked_for(const struct search *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (within(path, s->paths[i]))
			return true;
	return false;
}

static void add_path(struct search *s, const char *mount, const char *rest)
{
	if (s->count == PATHS_MAX)
		return;
	if (!strcmp(mount, "/"))
		mount = "";
	if (asprintf(&s->paths[s->count], "%s%s", mount, rest) >= 0)
		s->count++;
}

/* The other names of @dir: through mounts of the same file system. */
static void add_aliases(struct search *s, const char *dir)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	const char *root, *target;
	struct libmnt_fs *own, *fs;
	char *inside = NULL;

	if (!table || !iter)
		goto free;
	own = mnt_table_find_mountpoint(table, dir, MNT_ITER_BACKWARD);
	root = own ? mnt_fs_get_root(own) : NULL;
	target = own ? mnt_fs_get_target(own) : NULL;
	if (!root || !target || !within(dir, target) ||
	    asprintf(&inside, "%s%s", strcmp(root, "/") ? root : "",
		     strcmp(target, "/") ? dir + strlen(target) : dir) < 0)
		goto free;
	if (!*inside) {
		free(inside);
		inside = strdup("/");
		if (!inside)
			goto free;
	}
	while (!mnt_table_next_fs(table, iter, &fs)) {
		root = mnt_fs_get_root(fs);
		target = mnt_fs_get_target(fs);
		if (fs == own || !root || !target ||
		    mnt_fs_get_devno(fs) != mnt_fs_get_devno(own))
			continue;
		if (within(inside, root))
			add_path(s, target, strcmp(root, "/") ? inside + strlen(root) :
				 strcmp(inside, "/") ? inside : "");
		else if (within(root, inside))
			add_path(s, target, "");
	}
free:
	free(inside);
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

/* Says what process @pid has at @what, once for each process. */
static void found(struct search *s, const char *pid, const char *what, const char *path)
{
	char file[64], comm[64] = "";
	ssize_t n;
	int fd;

	snprintf(file, sizeof(file), "/proc/%.20s/comm", pid);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, comm, sizeof(comm) - 1);
		comm[n > 0 ? n : 0] = '\0';
		comm[strcspn(comm, "\n")] = '\0';
		close(fd);
	}
	s->users++;
	ward_note(s->err, "process %s (%s): %s %.300s", pid, comm, what, path);
}

static bool link_within(struct search *s, int procfd, const char *pid, const char *name,
			const char *what)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(procfd, name, path, sizeof(path) - 1);

	if (n <= 0)
		return false;
	path[n] = '\0';
	if (path[0] != '/' || !looked_for(s, path))
		return false;
	found(s, pid, what, path);
	return true;
}

static bool open_within(struct search *s, int procfd, const char *pid)
{
	int fd = openat(procfd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *d;
	bool hit = false;
	DIR *dir;

	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return false;
	}
	while (!hit && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			hit = link_within(s, fd, pid, d->d_name, "has open");
	closedir(dir);
	return hit;
}

static bool mapped_within(struct search *s, int procfd, const char *pid)
{
	int fd = openat(procfd, "maps", O_RDONLY | O_CLOEXEC);
	char *line = NULL;
	size_t room = 0;
	bool hit = false;
	FILE *f;

	if (fd < 0)
		return false;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return false;
	}
	while (!hit && getline(&line, &room, f) > 0) {
		char *path = strchr(line, '/');

		if (!path)
			continue;
		path[strcspn(path, "\n")] = '\0';
		if (looked_for(s, path)) {
			found(s, pid, "has mapped", path);
			hit = true;
		}
	}
	free(line);
	fclose(f);
	return hit;
}

static void look_at_process(struct search *s, const char *pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!link_within(s, fd, pid, "cwd", "its working directory is") &&
	    !link_within(s, fd, pid, "exe", "runs") && !open_within(s, fd, pid))
		mapped_within(s, fd, pid);
	close(fd);
}

static void look_at_kernel(struct search *s)
{
	char *line = NULL, path[PATH_MAX];
	size_t room = 0;
	struct dirent *d;
	FILE *f;
	DIR *dir;

	f = fopen("/proc/swaps", "re");
	while (f && getline(&line, &room, f) > 0) {
		line[strcspn(line, " \t\n")] = '\0';
		if (line[0] == '/' && looked_for(s, line)) {
			s->users++;
			ward_note(s->err, "swap file %.300s", line);
		}
	}
	if (f)
		fclose(f);
	dir = opendir("/sys/block");
	while (dir && (d = readdir(dir))) {
		if (strncmp(d->d_name, "loop", 4))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.64s/loop/backing_file", d->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (getline(&line, &room, f) > 0) {
			line[strcspn(line, "\n")] = '\0';
			if (looked_for(s, line)) {
				s->users++;
				ward_note(s->err, "loop device %.64s: %.300s", d->d_name, line);
			}
		}
		fclose(f);
	}
	if (dir)
		closedir(dir);
	free(line);
}

/**
 * ward_inuse - who uses a directory, or what lies below it
 * @dir: absolute, without symlinks
 * @everywhere: look for it under its other names too, and for uses by the kernel
 * @err: gets a note for each user
 *
 * The calling process does not count. Best seen by root.
 *
 * Return: how many users, or a negative errno.
 */
int ward_inuse(const char *dir, bool everywhere, struct ward_err *err)
{
	struct search s = { .err = err };
	struct dirent *d;
	DIR *proc;

	add_path(&s, dir, "");
	if (!s.count)
		return -ENOMEM;
	if (everywhere)
		add_aliases(&s, dir);
	proc = opendir("/proc");
	if (!proc) {
		s.users = ward_fail_errno(err, errno, "cannot read /proc");
		goto free;
	}
	while ((d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]) && atoi(d->d_name) != getpid())
			look_at_process(&s, d->d_name);
	closedir(proc);
	if (everywhere)
		look_at_kernel(&s);
free:
	while (s.count)
		free(s.paths[--s.count]);
	return s.users;
}
