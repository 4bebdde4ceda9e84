// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Going through the ciphertext tree, depth first and without recursion: a
 * hostile tree may be deeper than the stack, or than the number of files we may
 * have open. Only the deepest directories are kept open; one further up is
 * opened again by "..", and compared with what it was.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "out.h"
#include "walk.h"

#define DIR_FLAGS	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define KEPT_OPEN	64	/* directories, each with one below and one in OUTDIR */

/**
 * struct known - an object that we came across: a hard link or a directory above
 * @dev: lower device
 * @ino: lower inode
 * @path: where it lies below OUTDIR
 */
struct known {
	dev_t dev;
	ino_t ino;
	char *path;
};

/**
 * struct subdir - a directory that is still to be entered
 * @lower: its lower name
 * @name: its name in the output
 * @lost: it goes to the directory of things without a name
 */
struct subdir {
	char *lower;
	char *name;
	bool lost;
};

/**
 * struct frame - a directory that is being gone through
 * @lower: the directory below; -1 when it is not open at the moment
 * @out: the directory in OUTDIR; -1 likewise, or when nothing is written
 * @st: of the lower directory
 * @out_st: of the output directory
 * @path_len: bytes of walk.path that name it
 * @saved: the path of the frame before, when its place in the output is not
 *	below that one; else NULL
 * @subdirs: what is still to be entered
 * @count: how many
 * @room: for how many there is memory
 * @next: the next one
 */
struct frame {
	int lower;
	int out;
	struct stat st;
	struct stat out_st;
	size_t path_len;
	char *saved;
	struct subdir *subdirs;
	size_t count;
	size_t room;
	size_t next;
};

struct walk {
	struct recover *rc;
	struct frame *frames;
	size_t depth, room;
	char *path;		/* of the current directory, in the output */
	size_t path_len, path_room;
	char lost_name[32];	/* of the directory for things without a name */
	int lost;		/* that directory, once there is something in it */
	void *links;		/* struct known: files with several names */
	void *above;		/* struct known: directories that we are in */
};

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void free_known(void *p)
{
	struct known *k = p;

	free(k->path);
	free(k);
}

static struct known *find_known(void **root, const struct stat *st)
{
	struct known key = { .dev = st->st_dev, .ino = st->st_ino };
	struct known **at = tfind(&key, root, compare_known);

	return at ? *at : NULL;
}

static int add_known(void **root, const struct stat *st, const char *path)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->dev = st->st_dev;
	k->ino = st->st_ino;
	k->path = strdup(path);
	if (!k->path || !tsearch(k, root, compare_known)) {
		free_known(k);
		return -ENOMEM;
	}
	return 0;
}

static void remove_known(void **root, const struct stat *st)
{
	struct known *k = find_known(root, st);

	if (k) {
		tdelete(k, root, compare_known);
		free_known(k);
	}
}

/* Put a name behind the path; walk.path_len stays. */
static int push_name(struct walk *w, const char *name)
{
	size_t len = strlen(name), need = w->path_len + len + 2;
	char *path;

	if (need > w->path_room) {
		path = realloc(w->path, 2 * need);
		if (!path)
			return -ENOMEM;
		w->path = path;
		w->path_room = 2 * need;
	}
	if (w->path_len)
		w->path[w->path_len] = '/';
	memcpy(w->path + w->path_len + !!w->path_len, name, len + 1);
	return 0;
}

static void pop_name(struct walk *w)
{
	w->path[w->path_len] = 0;
}

static struct frame *top(struct walk *w)
{
	return &w->frames[w->depth - 1];
}

/* ---- things without a name ------------------------------------------------ */

/*
 * The directory for what has no name that authenticates; made when there is
 * something for it. Its own name is one that the vault's top does not use.
 */
static int open_lost(struct walk *w)
{
	if (w->lost < 0)
		w->lost = out_mkdir(w->rc->out, w->lost_name);
	return w->lost;
}

/* A name that is free there: the lower one, or that with a number. */
static int lost_name(struct walk *w, const char *lower, char *name, size_t size)
{
	struct stat st;
	unsigned int i;
	int err;

	if (w->rc->out < 0) {
		snprintf(name, size, "%s", lower);
		return 0;
	}
	err = open_lost(w);
	if (err < 0)
		return err;
	for (i = 0; i < 1000000; i++) {
		if (i)
			snprintf(name, size, "%.*s.%u", (int)(size - 16), lower, i);
		else
			snprintf(name, size, "%s", lower);
		if (fstatat(w->lost, name, &st, AT_SYMLINK_NOFOLLOW))
			return errno == ENOENT ? 0 : -errno;
	}
	return -EEXIST;
}

/* ---- one directory -------------------------------------------------------- */

struct listing {
	char **names;
	size_t count, room;
};

static void free_listing(struct listing *l)
{
	while (l->count)
		free(l->names[--l->count]);
	free(l->names);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names in a lower directory but the hidden ones, in order. */
static int list(int fd, struct listing *l)
{
	int copy = openat(fd, ".", DIR_FLAGS), err = 0;
	struct dirent *de;
	DIR *dir;

	if (copy < 0)
		return -errno;
	dir = fdopendir(copy);
	if (!dir) {
		close(copy);
		return -ENOMEM;
	}
	for (errno = 0; !err && (de = readdir(dir)); errno = 0) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    ward_lname_kind(de->d_name) == WARD_LNAME_HIDDEN)
			continue;
		if (l->count == l->room) {
			size_t room = l->room ? 2 * l->room : 64;
			char **names = reallocarray(l->names, room, sizeof(*names));

			if (!names) {
				err = -ENOMEM;
				break;
			}
			l->names = names;
			l->room = room;
		}
		l->names[l->count] = strdup(de->d_name);
		if (!l->names[l->count])
			err = -ENOMEM;
		else
			l->count++;
	}
	if (!err && errno)
		err = -errno;
	closedir(dir);
	if (l->count)
		qsort(l->names, l->count, sizeof(*l->names), compare_names);
	return err;
}

static int add_subdir(struct frame *f, const char *lower, const char *name, bool lost)
{
	struct subdir *s;

	if (f->count == f->room) {
		size_t room = f->room ? 2 * f->room : 16;

		s = reallocarray(f->subdirs, room, sizeof(*s));
		if (!s)
			return -ENOMEM;
		f->subdirs = s;
		f->room = room;
	}
	s = &f->subdirs[f->count];
	s->lower = strdup(lower);
	s->name = strdup(name);
	s->lost = lost;
	if (!s->lower || !s->name) {
		free(s->lower);
		free(s->name);
		return -ENOMEM;
	}
	f->count++;
	return 0;
}

/* One more name of a file that was recovered under another one. */
static int link_known(struct walk *w, const struct known *k, const struct place *to)
{
	const char *slash = strrchr(k->path, '/');
	char *dir;
	int fd, err = 0;

	if (to->dir < 0)
		goto done;
	dir = slash ? strndup(k->path, slash - k->path) : strdup("");
	if (!dir)
		return -ENOMEM;
	fd = out_open_path(w->rc->out, dir);
	free(dir);
	if (fd < 0)
		err = fd;
	else if (linkat(fd, slash ? slash + 1 : k->path, to->dir, to->name, 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err) {
		report_finding(w->rc->report, SEVERITY_FAILURE, to->path,
			       "cannot make a further name of a file", strerror(-err));
		return 0;
	}
done:
	w->rc->report->others++;
	return 0;
}

static int copy_entry(struct walk *w, const char *lower, const struct stat *st,
		      const struct place *to)
{
	int lower_dir = top(w)->lower, ret;
	const struct known *k;

	if (st->st_nlink > 1) {
		k = find_known(&w->links, st);
		if (k)
			return link_known(w, k, to);
	}
	if (S_ISREG(st->st_mode))
		ret = copy_file(w->rc, lower_dir, lower, to);
	else
		ret = copy_special(w->rc, lower_dir, lower, st, to);
	if (ret > 0 && st->st_nlink > 1)
		ret = add_known(&w->links, st, to->path);
	return ret < 0 ? ret : 0;
}

static bool on_nfs(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == NFS_SUPER_MAGIC;
}

/* An entry of the directory at hand; sub-directories are left for later. */
static int take_entry(struct walk *w, const char *lower, const struct ward_dir *keys)
{
	struct report *report = w->rc->report;
	char name[WARD_NAME_MAX + 1];
	struct place to;
	struct stat st;
	bool lost;
	int err;

	if (fstatat(top(w)->lower, lower, &st, AT_SYMLINK_NOFOLLOW)) {
		err = push_name(w, lower);
		if (!err)
			report_finding(report, SEVERITY_FAILURE, w->path,
				       "cannot look at the object below", strerror(errno));
		pop_name(w);
		return err;
	}
	err = keys ? ward_tree_name(keys, top(w)->lower, lower, name) : -EBADMSG;
	if (err < 0 && err != -EBADMSG)
		return err;
	lost = err < 0;
	if (lost) {
		/* NFS keeps files that were deleted while open under such names. */
		if (!strncmp(lower, ".nfs", 4) && on_nfs(top(w)->lower))
			return 0;
		err = push_name(w, lower);
		if (err)
			return err;
		err = lost_name(w, lower, name, sizeof(name));
		report_finding(report, SEVERITY_INTEGRITY, w->path,
			       w->rc->out < 0 ? "the name does not authenticate" :
			       "the name does not authenticate; it becomes", name);
		pop_name(w);
		if (err)
			return err;
	}
	if (S_ISDIR(st.st_mode))
		return add_subdir(top(w), lower, name, lost);
	if (lost) {
		char path[sizeof(w->lost_name) + sizeof(name) + 1];

		snprintf(path, sizeof(path), "%s/%s", w->lost_name, name);
		to = (struct place){ w->lost, name, path };
		return copy_entry(w, lower, &st, &to);
	}
	err = push_name(w, name);
	if (err)
		return err;
	to = (struct place){ top(w)->out, name, w->path };
	err = copy_entry(w, lower, &st, &to);
	pop_name(w);
	return err;
}

/* Find a name for the lost-and-found that the vault's top does not use. */
static void choose_lost_name(struct walk *w, const struct listing *l, const struct ward_dir *keys)
{
	char name[WARD_NAME_MAX + 1];
	unsigned int i = 0;
	size_t at;

	strcpy(w->lost_name, "ward-lost");
	for (at = 0; keys && at < l->count; at++) {
		if (ward_tree_name(keys, top(w)->lower, l->names[at], name) < 0 ||
		    strcmp(name, w->lost_name))
			continue;
		snprintf(w->lost_name, sizeof(w->lost_name), "ward-lost.%u", ++i);
		at = -1;	/* once more from the start */
	}
}

/* The directory at hand: everything in it but its sub-directories. */
static int take_directory(struct walk *w)
{
	struct frame *f = top(w);
	struct listing l = { 0 };
	struct ward_dir dir;
	bool keys;
	size_t i;
	int err;

	err = ward_tree_dir(w->rc->tree, f->lower, &dir);
	keys = !err;
	if (err && err != -ENOENT) {
		report_finding(w->rc->report, err == -EBADMSG ? SEVERITY_INTEGRITY :
			       SEVERITY_FAILURE, w->path_len ? w->path : ".",
			       "the directory's id is damaged", NULL);
	}
	err = list(f->lower, &l);
	if (err && err != -ENOMEM) {
		report_finding(w->rc->report, SEVERITY_FAILURE, w->path_len ? w->path : ".",
			       "cannot list the directory below", strerror(-err));
		err = 0;
	}
	if (w->depth == 1)
		choose_lost_name(w, &l, keys ? &dir : NULL);
	for (i = 0; !err && i < l.count; i++)
		err = take_entry(w, l.names[i], keys ? &dir : NULL);
	free_listing(&l);
	explicit_bzero(&dir, sizeof(dir));
	return err;
}

/* ---- up and down ------------------------------------------------------------ */

static int push_frame(struct walk *w, int lower, int out, char *saved)
{
	struct frame *f;

	if (w->depth == w->room) {
		size_t room = w->room ? 2 * w->room : 64;

		f = reallocarray(w->frames, room, sizeof(*f));
		if (!f)
			return -ENOMEM;
		w->frames = f;
		w->room = room;
	}
	f = &w->frames[w->depth];
	memset(f, 0, sizeof(*f));
	f->lower = lower;
	f->out = out;
	f->path_len = w->path_len;
	if (fstat(lower, &f->st) || (out >= 0 && fstat(out, &f->out_st)))
		return -errno;
	f->saved = saved;
	w->depth++;
	if (w->depth > KEPT_OPEN) {
		f = &w->frames[w->depth - 1 - KEPT_OPEN];
		close(f->lower);
		if (f->out >= 0)
			close(f->out);
		f->lower = -1;
		f->out = -1;
	}
	return 0;
}

static void drop_frame(struct walk *w)
{
	struct frame *f = top(w);

	if (f->lower >= 0)
		close(f->lower);
	if (f->out >= 0)
		close(f->out);
	for (; f->count; f->count--) {
		free(f->subdirs[f->count - 1].lower);
		free(f->subdirs[f->count - 1].name);
	}
	free(f->subdirs);
	free(f->saved);
	w->depth--;
}

static bool same(int fd, const struct stat *st)
{
	struct stat now;

	return !fstat(fd, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/* Owner, mode, times, xattrs and ACLs of the directory at hand. */
static void finish_directory(struct walk *w)
{
	const char *path = w->path_len ? w->path : ".";
	struct frame *f = top(w);
	const struct timespec times[2] = { f->st.st_atim, f->st.st_mtim };
	struct ward_dir dir;
	bool keys;
	int err;

	keys = !ward_tree_dir(w->rc->tree, f->lower, &dir);
	copy_user_xattrs(w->rc, f->lower, f->out, keys ? dir.xattrs : NULL, path);
	explicit_bzero(&dir, sizeof(dir));
	if (f->out < 0)
		return;
	err = out_finish(f->out, &f->st);
	if (err)
		report_finding(w->rc->report, SEVERITY_FAILURE, path,
			       "cannot set owner, mode or times", strerror(-err));
	copy_other_xattrs(w->rc, f->lower, f->out, path);
	futimens(f->out, times);
}

/* Open the frame above the top one again, where it was closed. */
static int reopen_above(struct walk *w)
{
	struct frame *f = top(w), *above = f - 1;

	if (above->lower >= 0)
		return 0;
	above->lower = openat(f->lower, "..", DIR_FLAGS);
	if (above->lower < 0)
		return -errno;
	if (!same(above->lower, &above->st))
		return -ESTALE;
	if (w->rc->out < 0)
		return 0;
	above->out = f->saved ? out_open_path(w->rc->out, f->saved) :
				openat(f->out, "..", DIR_FLAGS);
	if (above->out < 0)
		return f->saved ? above->out : -errno;
	return same(above->out, &above->out_st) ? 0 : -ESTALE;
}

/* Leave a directory: nothing more is written in it that would change its times. */
static int leave(struct walk *w)
{
	struct frame *f = top(w);
	int err;

	finish_directory(w);
	err = w->depth > 1 ? reopen_above(w) : 0;
	remove_known(&w->above, &f->st);
	if (f->saved) {
		free(w->path);
		w->path = f->saved;
		w->path_room = strlen(w->path) + 1;
		f->saved = NULL;
	}
	drop_frame(w);
	if (w->depth) {
		w->path_len = top(w)->path_len;
		pop_name(w);
	}
	return err;
}

/* Put the name of a sub-directory behind the path, or begin a new one for a lost one. */
static int enter_path(struct walk *w, const struct subdir *s, char **saved)
{
	size_t len = sizeof(w->lost_name) + strlen(s->name) + 2;
	char *path;
	int err;

	*saved = NULL;
	if (!s->lost) {
		err = push_name(w, s->name);
		if (!err)
			w->path_len = strlen(w->path);
		return err;
	}
	path = malloc(len);
	if (!path)
		return -ENOMEM;
	w->path_len = snprintf(path, len, "%s/%s", w->lost_name, s->name);
	*saved = w->path;
	w->path = path;
	w->path_room = len;
	return 0;
}

static void leave_path(struct walk *w, char *saved)
{
	if (saved) {
		free(w->path);
		w->path = saved;
		w->path_room = strlen(saved) + 1;
	}
	w->path_len = top(w)->path_len;
	pop_name(w);
}

/* Open a sub-directory below, and make it in the output. What fails is told. */
static int open_subdir(struct walk *w, const struct subdir *s, int *lower, int *out)
{
	struct stat st;
	int err;

	*lower = openat(top(w)->lower, s->lower, DIR_FLAGS);
	if (*lower < 0 || fstat(*lower, &st)) {
		report_finding(w->rc->report, SEVERITY_FAILURE, w->path,
			       "cannot open the directory below", strerror(errno));
		return 0;
	}
	if (find_known(&w->above, &st)) {
		report_finding(w->rc->report, SEVERITY_FAILURE, w->path,
			       "the directory lies in itself: left out", NULL);
		return 0;
	}
	if (w->rc->out >= 0) {
		*out = out_mkdir(s->lost ? w->lost : top(w)->out, s->name);
		if (*out < 0) {
			report_finding(w->rc->report, SEVERITY_FAILURE, w->path,
				       "cannot make the directory", strerror(-*out));
			return out_hopeless(*out) ? *out : 0;
		}
	}
	err = add_known(&w->above, &st, "");
	return err ? err : 1;
}

/* Go into a sub-directory and take what lies in it. */
static int enter(struct walk *w, const struct subdir *s)
{
	int lower = -1, out = -1, err;
	char *saved;

	err = enter_path(w, s, &saved);
	if (err)
		return err;
	err = open_subdir(w, s, &lower, &out);
	if (err > 0) {
		err = push_frame(w, lower, out, saved);
		if (!err) {
			w->rc->report->directories++;
			return take_directory(w);
		}
	}
	if (lower >= 0)
		close(lower);
	if (out >= 0)
		close(out);
	leave_path(w, saved);
	return err;
}

/**
 * recover_tree - recover or verify a whole vault
 * @rc: what, where to, and what is told
 *
 * Return: 0 when it came to the end, whatever was found; a negative errno when
 * it had to stop.
 */
int recover_tree(struct recover *rc)
{
	struct walk w = { .rc = rc, .lost = -1 };
	int lower, out = -1, err;

	w.path = calloc(1, 1);
	if (!w.path)
		return -ENOMEM;
	w.path_room = 1;
	lower = openat(rc->tree->tree_fd, ".", DIR_FLAGS);
	if (lower >= 0 && rc->out >= 0)
		out = openat(rc->out, ".", DIR_FLAGS);
	err = lower < 0 || (rc->out >= 0 && out < 0) ? -errno : push_frame(&w, lower, out, NULL);
	if (err) {
		if (lower >= 0)
			close(lower);
		if (out >= 0)
			close(out);
	} else {
		err = add_known(&w.above, &top(&w)->st, "");
		if (!err)
			err = take_directory(&w);
	}
	while (!err && w.depth) {
		struct frame *f = top(&w);

		err = f->next < f->count ? enter(&w, &f->subdirs[f->next++]) : leave(&w);
	}
	while (w.depth)
		drop_frame(&w);
	if (w.lost >= 0)
		close(w.lost);
	tdestroy(w.above, free_known);
	tdestroy(w.links, free_known);
	free(w.frames);
	free(w.path);
	return err;
}
