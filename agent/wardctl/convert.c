// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The plain files' way into the vault: copied, written out, read back from below,
 * compared, and only then removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/walk.h"
#include "verb.h"
#include "create.h"

/* So often is copied again what differs, before it is said that somebody writes. */
#define PASSES	4

/**
 * struct pass - one way through the plain files
 * @c: the vault
 * @copier: copies and compares
 * @different: objects that differed
 * @last: the last of them
 */
struct pass {
	struct create *c;
	struct ward_copier copier;
	uint64_t different;
	char last[PATH_MAX];
};

static int pass_run(struct pass *pass, const char *what, const struct ward_walk_ops *ops,
		    bool interruptible)
{
	struct create *c = pass->c;
	struct ward_walk walk = {
		.ops = ops, .arg = pass, .err = c->err, .top = c->dirfd, .volume = c->volume,
	};
	struct ward_copier *copier = &pass->copier;
	bool thinned = copier->thinned;
	int ret;

	memset(copier, 0, sizeof(*copier));
	copier->err = c->err;
	copier->vault = c->vault;
	copier->thinned = thinned;
	copier->tell = interruptible ? c->tell : NULL;
	copier->progress.what = what;
	copier->progress.bytes_total = c->bytes;
	copier->progress.objects_total = c->objects;
	ret = ward_copier_init(copier);
	if (ret)
		return ret;
	ret = ward_walk_run(&walk, c->vault);
	ward_copier_exit(copier);
	return ret;
}

/* ---- copying -------------------------------------------------------------- */

static int copy_entry(struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct pass *pass = walk->arg;

	return ward_copy_entry(&pass->copier, at, walk->path, false);
}

static int copy_leave(struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct pass *pass = walk->arg;

	return ward_copy_dir_attrs(&pass->copier, at, walk->path);
}

/*
 * Removes from the vault what is not among the plain files: an earlier run copied
 * it, and it was removed or renamed since.
 */
static int prune(int vault, int plain)
{
	char **names;
	size_t count, i;
	int ret = ward_walk_names(vault, &names, &count);

	if (ret)
		return ret;
	for (i = 0; !ret && i < count; i++) {
		struct stat there, st;
		int v, p;

		if (fstatat(vault, names[i], &there, AT_SYMLINK_NOFOLLOW)) {
			ret = -errno;
			break;
		}
		if (fstatat(plain, names[i], &st, AT_SYMLINK_NOFOLLOW)) {
			ret = errno == ENOENT ? ward_erase(vault, names[i]) : -errno;
			continue;
		}
		if (!S_ISDIR(there.st_mode))
			continue;
		if (!S_ISDIR(st.st_mode)) {
			ret = ward_erase(vault, names[i]);
			continue;
		}
		v = ward_open_dir(vault, names[i]);
		p = ward_open_dir(plain, names[i]);
		ret = v < 0 ? v : p < 0 ? p : prune(v, p);
		if (v >= 0)
			close(v);
		if (p >= 0)
			close(p);
	}
	ward_walk_names_free(names, count);
	return ret;
}

/* ---- comparing ------------------------------------------------------------ */

static void differs(struct pass *pass, const char *path)
{
	pass->different++;
	snprintf(pass->last, sizeof(pass->last), "%s", path);
}

static int compare_entry(struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct pass *pass = walk->arg;
	int ret = ward_compare_entry(&pass->copier, at, walk->path);

	if (ret)
		return ret < 0 ? ret : 0;
	differs(pass, walk->path);
	return ward_copy_entry(&pass->copier, at, walk->path, true);
}

static int compare_leave(struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct pass *pass = walk->arg;
	struct ward_walk_at now = *at;
	int ret;

	/* As it is now: its times may have changed since it was entered. */
	if (fstatat(at->plain, at->name, &now.st, AT_SYMLINK_NOFOLLOW))
		return ward_fail_errno(walk->err, errno, "cannot look at %s", walk->path);
	ret = ward_compare_dir_attrs(&pass->copier, &now, walk->path);
	if (ret)
		return ret < 0 ? ret : 0;
	differs(pass, walk->path);
	return ward_copy_dir_attrs(&pass->copier, &now, walk->path);
}

/**
 * convert_copy - bring every plain file into the vault, and prove it
 * @c: the vault is mounted and unlocked, DIR is closed to its users
 *
 * When this returns 0, all of it is on the disk, and was read back from there and
 * found equal.
 *
 * Return: 0; -EINTR when it was stopped; -EBUSY when the plain files keep
 * changing; another negative errno.
 */
int convert_copy(struct create *c)
{
	static const struct ward_walk_ops copy = { .entry = copy_entry, .leave = copy_leave };
	static const struct ward_walk_ops compare = {
		.entry = compare_entry, .leave = compare_leave,
	};
	struct pass pass = { .c = c };
	int ret, i;

	ret = prune(c->vault, c->dirfd);
	if (ret)
		return ward_fail_errno(c->err, ret, "cannot go through the vault");
	ret = pass_run(&pass, "copying", &copy, true);
	for (i = 0; !ret && i < PASSES; i++) {
		ret = scaffold_cold(c);
		pass.different = 0;
		if (!ret)
			ret = pass_run(&pass, "comparing", &compare, true);
		if (!ret && !pass.different)
			return 0;
	}
	return ret ? ret : ward_fail(c->err, EBUSY, WARD_FAILED,
				     "the plain files keep changing while they are copied (%.500s was the last of %llu): end what writes to them, and try again",
				     pass.last, (unsigned long long)pass.different);
}

/* ---- removing ------------------------------------------------------------- */

/* Is the plain file in the vault as it is now? Nothing else is removed, whenever it changed. */
static int still_same(struct pass *pass, struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct stat there;

	if (pass->copier.thinned)
		return ward_compare_entry(&pass->copier, at, walk->path);
	if (fstatat(at->vault, at->name, &there, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : ward_fail_errno(walk->err, errno,
							     "cannot look at %s in the vault",
							     walk->path);
	return S_ISDIR(at->st.st_mode) ? S_ISDIR(there.st_mode) :
	       ward_looks_copied(&at->st, &there);
}

/* Nobody wrote to it since it was looked at: as far as can be told before it goes. */
static bool untouched(const struct ward_walk_at *at)
{
	const struct stat *st = &at->st;
	struct stat now;

	return !fstatat(at->plain, at->name, &now, AT_SYMLINK_NOFOLLOW) &&
	       now.st_ino == st->st_ino && now.st_size == st->st_size &&
	       now.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
	       now.st_ctim.tv_sec == st->st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

static int remove_entry(struct ward_walk *walk, const struct ward_walk_at *at)
{
	struct pass *pass = walk->arg;
	struct ward_progress *progress = &pass->copier.progress;
	int ret = still_same(pass, walk, at);

	if (ret < 0)
		return ret;
	if (!ret || (!S_ISDIR(at->st.st_mode) && !untouched(at)))
		return ward_fail(walk->err, EBUSY, WARD_FAILED,
				 "%.500s changed after it was copied, or was put there since: move it to somewhere else, and run this again; everything before it is in the vault",
				 walk->path);
	if (S_ISDIR(at->st.st_mode))
		return 0;
	if (unlinkat(at->plain, at->name, 0) && errno != ENOENT)
		return ward_fail_errno(walk->err, errno, "cannot remove the plain file %s, which is in the vault now",
				       walk->path);
	progress->objects++;
	progress->bytes += S_ISREG(at->st.st_mode) ? at->st.st_size : 0;
	if (pass->c->tell)
		pass->c->tell(progress, NULL);
	return 0;
}

static int remove_leave(struct ward_walk *walk, const struct ward_walk_at *at)
{
	if (!unlinkat(at->plain, at->name, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY)
		return ward_fail(walk->err, EBUSY, WARD_FAILED,
				 "something was put into %s meanwhile: run this again", walk->path);
	return ward_fail_errno(walk->err, errno, "cannot remove the plain directory %s, which is in the vault now",
			       walk->path);
}

/**
 * convert_remove - remove the plain files
 * @c: the vault is mounted and unlocked
 * @resumed: they were compared in an earlier run only: do so again
 *
 * What is not in the vault as it is stays, and is an error.
 *
 * Return: 0 or a negative errno.
 */
int convert_remove(struct create *c, bool resumed)
{
	static const struct ward_walk_ops remove = {
		.entry = remove_entry, .leave = remove_leave,
	};
	struct pass pass = { .c = c };
	int ret;

	pass.copier.thinned = resumed;
	ret = pass_run(&pass, "removing", &remove, false);
	if (ret)
		return ret;
	/* The end of the work is not said before its beginning is on the disk. */
	if (syncfs(c->dirfd))
		return ward_fail_errno(c->err, errno, "cannot write to the disk");
	return 0;
}
