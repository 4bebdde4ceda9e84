// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Other ways into a directory than its path: mounts of its file system, in the
 * mount namespace of any process (a container, a service), and the NFS server.
 *
 * A mount of the whole file system only gives the directory another name. One of
 * the directory, or of a part of it, leads around whatever closes or covers it.
 * A namespace that is kept without a process in it is not seen.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libmount.h>

#include "mnt.h"
#include "ways.h"

/**
 * struct view - the mounts that a process sees: its namespace, from its root on
 * @ns: inode number of the namespace
 * @dev: st_dev of the root
 * @ino: st_ino of the root
 */
struct view {
	uint64_t ns;
	dev_t dev;
	ino_t ino;
};

/**
 * struct finder - a search for ways
 * @ways: what was found
 * @err: gets a note for each way around
 * @dir: the directory
 * @inside: its path within its file system
 * @mount: number of the mount that it is reached through
 * @volume: it is the top of that mount
 * @seen: views that were looked at
 * @count: how many
 */
struct finder {
	struct ward_ways *ways;
	struct ward_err *err;
	const char *dir;
	char *inside;
	uint64_t mount;
	bool volume;
	struct view *seen;
	size_t count;
};

/**
 * ward_within - is a path a directory's, or below it
 * @path: absolute
 * @dir: absolute
 *
 * Return: true when it is.
 */
bool ward_within(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len == 1)	/* "/" */
		return path[0] == '/';
	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

/**
 * ward_ways_path - add a name of the directory
 * @ways: all zero at first
 * @dir: absolute
 *
 * Return: 0 or -ENOMEM.
 */
int ward_ways_path(struct ward_ways *ways, const char *dir)
{
	char **more;
	size_t i;

	for (i = 0; i < ways->count; i++)
		if (!strcmp(ways->paths[i], dir))
			return 0;
	if (ways->count == ways->room) {
		more = reallocarray(ways->paths, ways->room + 16, sizeof(*more));
		if (!more)
			return -ENOMEM;
		ways->paths = more;
		ways->room += 16;
	}
	ways->paths[ways->count] = strdup(dir);
	if (!ways->paths[ways->count])
		return -ENOMEM;
	ways->count++;
	return 0;
}

/**
 * ward_ways_free - free what was found
 * @ways: may be all zero
 */
void ward_ways_free(struct ward_ways *ways)
{
	while (ways->count)
		free(ways->paths[--ways->count]);
	free(ways->paths);
	memset(ways, 0, sizeof(*ways));
}

/* Two absolute paths, one after the other; for free() */
static char *join(const char *top, const char *rest)
{
	char *path;

	if (!strcmp(top, "/"))
		top = "";
	if (!strcmp(rest, "/"))
		rest = "";
	if (asprintf(&path, "%s%s", top, rest) < 0)
		return NULL;
	if (*path)
		return path;
	free(path);
	return strdup("/");
}

/* What of @path is below @top, which it is within */
static const char *below(const char *path, const char *top)
{
	return strcmp(top, "/") ? path + strlen(top) : path;
}

/* ---- mounts ------------------------------------------------------------------ */

static void name_of(const char *pid, char comm[64])
{
	char file[64];
	ssize_t n = -1;
	int fd;

	snprintf(file, sizeof(file), "/proc/%.20s/comm", pid);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, comm, 63);
		close(fd);
	}
	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
}

/* Ward's own: root's only, and read-only */
static bool is_ciphertext_view(struct libmnt_fs *fs, const char *target)
{
	const char *options = mnt_fs_get_vfs_options(fs);

	return ward_within(target, WARD_LOWER_DIR) && options &&
	       !mnt_optstr_get_option(options, "ro", NULL, NULL);
}

/* A mount of the file system in question, at @target from the top of the namespace */
static int look_at_mount(struct finder *f, struct libmnt_fs *fs, const char *root,
			 const char *target, const char *pid)
{
	char comm[64], *alias;
	int ret;

	if (ward_within(f->inside, root)) {
		alias = join(target, below(f->inside, root));
		ret = alias ? ward_ways_path(f->ways, alias) : -ENOMEM;
		free(alias);
		if (ret)
			return ret;
	} else if (!ward_within(root, f->inside)) {
		return 0;
	}
	if (!ward_within(root, f->inside) || (uint64_t)mnt_fs_get_id(fs) == f->mount ||
	    is_ciphertext_view(fs, target))
		return 0;
	/* The mount that DIR is: every namespace has a copy of it, in its place. */
	if (f->volume && !strcmp(root, f->inside) && !strcmp(target, f->dir))
		return 0;
	f->ways->around++;
	if (!pid) {
		ward_note(f->err, "%.200s%s is mounted on %.200s, too: unmount that", f->dir,
			  below(root, f->inside), target);
		return 0;
	}
	name_of(pid, comm);
	ward_note(f->err, "%.160s%.100s is mounted on %.160s, too, where process %.20s (%s) sees it: end that container or service, or unmount it there",
		  f->dir, strcmp(root, f->inside) ? below(root, f->inside) : "", target, pid, comm);
	return 0;
}

/* All mounts of a view; @top is its root in the namespace; @pid is NULL for our own. */
static int look_at_view(struct finder *f, const char *file, const char *top, const char *pid)
{
	struct libmnt_table *table = mnt_new_table_from_file(file);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int ret = iter ? 0 : -ENOMEM;

	/* A process that has ended meanwhile has no mounts. */
	if (!table && pid)
		goto free;
	if (!table)
		ret = -EIO;
	while (!ret && !mnt_table_next_fs(table, iter, &fs)) {
		const char *root = mnt_fs_get_root(fs), *target = mnt_fs_get_target(fs);
		char *full;

		if (!root || !target || mnt_fs_get_devno(fs) != f->ways->mount_dev)
			continue;
		full = join(top, target);
		ret = full ? look_at_mount(f, fs, root, full, pid) : -ENOMEM;
		free(full);
	}
free:
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return ret;
}

/* Which mount it is reached through, and where it lies in its file system */
static int find_inside(struct finder *f, int dirfd)
{
	struct libmnt_table *table;
	struct libmnt_iter *iter;
	struct libmnt_fs *fs;
	struct statx stx;
	int ret = -ENOENT;

	if (statx(dirfd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &stx))
		return -errno;
	f->mount = stx.stx_mnt_id;
	f->ways->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	table = mnt_new_table_from_file("/proc/self/mountinfo");
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	if (!table || !iter)
		ret = -ENOMEM;
	while (ret == -ENOENT && !mnt_table_next_fs(table, iter, &fs)) {
		const char *root = mnt_fs_get_root(fs), *target = mnt_fs_get_target(fs);

		if ((uint64_t)mnt_fs_get_id(fs) != f->mount || !root || !target ||
		    !ward_within(f->dir, target))
			continue;
		f->ways->mount_dev = mnt_fs_get_devno(fs);
		f->volume = !strcmp(target, f->dir);
		f->inside = join(root, below(f->dir, target));
		ret = f->inside ? 0 : -ENOMEM;
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return ret;
}

/* 1 when the mounts of a process are to be looked at, which is once for each view. */
static int is_new_view(struct finder *f, int procfd)
{
	struct stat ns, root;
	struct view *more;
	size_t i;

	if (fstatat(procfd, "ns/mnt", &ns, 0) || fstatat(procfd, "root", &root, 0))
		return 0;
	for (i = 0; i < f->count; i++)
		if (f->seen[i].ns == ns.st_ino && f->seen[i].dev == root.st_dev &&
		    f->seen[i].ino == root.st_ino)
			return 0;
	more = reallocarray(f->seen, f->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->seen = more;
	f->seen[f->count].ns = ns.st_ino;
	f->seen[f->count].dev = root.st_dev;
	f->seen[f->count].ino = root.st_ino;
	f->count++;
	return 1;
}

static int look_at_process(struct finder *f, const char *pid)
{
	char path[64], top[PATH_MAX];
	ssize_t n;
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%.20s", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ret = is_new_view(f, fd);
	if (ret == 1) {
		n = readlinkat(fd, "root", top, sizeof(top) - 1);
		top[n > 0 ? n : 0] = '\0';
		snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", pid);
		ret = look_at_view(f, path, n > 0 ? top : "/", pid);
	}
	close(fd);
	return ret;
}

static int look_at_processes(struct finder *f)
{
	struct dirent *d;
	int ret, fd;
	DIR *proc;

	fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = is_new_view(f, fd);
	close(fd);
	if (ret >= 0)
		ret = look_at_view(f, "/proc/self/mountinfo", "/", NULL);
	proc = ret ? NULL : opendir("/proc");
	if (!ret && !proc)
		ret = -errno;
	while (!ret && (d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]))
			ret = look_at_process(f, d->d_name);
	if (proc)
		closedir(proc);
	return ret;
}

/* ---- the NFS server ----------------------------------------------------------- */

/* Blanks and the like are three octal digits after a backslash. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* A line is a path, and clients with options: "/srv 10.0.0.0/8(rw,...)". */
static void look_at_export(struct finder *f, char *line, const char *file)
{
	size_t len = strcspn(line, " \t\n");
	struct stat st;
	bool covers;

	/* Those that only lead to the real ones. */
	if (line[0] != '/' || strstr(line + len, "v4root"))
		return;
	line[len] = '\0';
	unescape(line);
	/* A client keeps handles: what is exported above reaches in without a path. */
	covers = ward_within(line, f->dir) ||
		 (ward_within(f->dir, line) && !stat(line, &st) && st.st_dev == f->ways->dev);
	if (!covers)
		return;
	f->ways->around++;
	ward_note(f->err, "the NFS server exports %.300s (%s): take it back (exportfs -u) until the vault is made, and export the vault then",
		  line, file);
}

/*
 * The kernel knows the exports that were asked for lately; those that may be are
 * in the table of exportfs(8), which outlives the server.
 */
static void look_at_exports(struct finder *f)
{
	static const char * const files[] = { "/proc/fs/nfs/exports", "/var/lib/nfs/etab" };
	char *line = NULL;
	size_t room = 0, i;
	FILE *file;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		file = fopen(files[i], "re");
		if (!file && !i)
			break;
		while (file && getline(&line, &room, file) > 0)
			look_at_export(f, line, files[i]);
		if (file)
			fclose(file);
	}
	free(line);
}

/**
 * ward_ways_find - find all ways into a directory
 * @ways: filled, also after an error; for ward_ways_free()
 * @dir: the directory, absolute, without symlinks
 * @dirfd: the same, open
 * @err: gets a note for each way around
 *
 * Context: root, who sees the mounts of every process.
 *
 * Return: 0 or a negative errno.
 */
int ward_ways_find(struct ward_ways *ways, const char *dir, int dirfd, struct ward_err *err)
{
	struct finder f = { .ways = ways, .err = err, .dir = dir };
	int ret;

	memset(ways, 0, sizeof(*ways));
	ret = ward_ways_path(ways, dir);
	if (!ret)
		ret = find_inside(&f, dirfd);
	if (!ret)
		ret = look_at_processes(&f);
	if (!ret)
		look_at_exports(&f);
	free(f.inside);
	free(f.seen);
	return ret ? ward_fail_errno(err, ret, "cannot find out where else %s is mounted", dir) : 0;
}
