// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who uses what lies below a directory: open files, working and root directories,
 * mappings, loop devices, swap files. A process may have got there through another
 * mount of the same file system, in a namespace of its own: see ways.c.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "inuse.h"

/**
 * struct search - what is looked for
 * @ways: the directory, by all its names; devices are 0 when they do not matter
 * @err: gets a note for each user
 * @users: how many were found
 */
struct search {
	struct ward_ways ways;
	struct ward_err *err;
	int users;
};

static bool looked_for(const struct search *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->ways.count; i++)
		if (ward_within(path, s->ways.paths[i]))
			return true;
	return false;
}

/* A name that is another one's in another namespace is on another device, nearly always. */
static bool other_device(const struct search *s, dev_t dev)
{
	return s->ways.dev && dev != s->ways.dev && dev != s->ways.mount_dev;
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
	struct stat st;

	if (n <= 0)
		return false;
	path[n] = '\0';
	if (path[0] != '/' || !looked_for(s, path))
		return false;
	if (s->ways.dev && !fstatat(procfd, name, &st, 0) && other_device(s, st.st_dev))
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
		unsigned int major, minor;

		if (!path || (sscanf(line, "%*s %*s %*s %x:%x", &major, &minor) == 2 &&
			      other_device(s, makedev(major, minor))))
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
	    !link_within(s, fd, pid, "root", "its root directory is") &&
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
 * @dirfd: the same, open: look for it under its other names too, and for uses by
 *	the kernel; -1: only by this path
 * @err: gets a note for each user
 *
 * The calling process does not count. Best seen by root. What leads around whatever
 * closes or covers the directory, other mounts of it and NFS exports, is a user, too.
 *
 * Return: how many users, or a negative errno.
 */
int ward_inuse(const char *dir, int dirfd, struct ward_err *err)
{
	struct search s = { .err = err };
	struct dirent *d;
	DIR *proc;
	int ret;

	if (dirfd < 0)
		ret = ward_ways_path(&s.ways, dir);
	else
		ret = ward_ways_find(&s.ways, dir, dirfd, err);
	if (ret) {
		s.users = ret;
		goto free;
	}
	s.users = s.ways.around;
	proc = opendir("/proc");
	if (!proc) {
		s.users = ward_fail_errno(err, errno, "cannot read /proc");
		goto free;
	}
	while ((d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]) && atoi(d->d_name) != getpid())
			look_at_process(&s, d->d_name);
	closedir(proc);
	if (dirfd >= 0)
		look_at_kernel(&s);
free:
	ward_ways_free(&s.ways);
	return s.users;
}
