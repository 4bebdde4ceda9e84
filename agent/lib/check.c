// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Visiting every object of a vault. The walk goes over the names as they are stored,
 * and the kernel, which has the keys, says what it thinks of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "walk.h"

/* Longest path that is told of, bytes; what lies deeper is told by its beginning. */
#define PATH_ROOM	16384

/* Directories, from the top, that are kept open; from deeper ones the way back is "..". */
#define OPEN_LEVELS	256

/**
 * struct level - a directory that is being gone through
 * @up: the one that it is in; NULL for the top
 * @fd: open, or -1: to be opened again from below
 * @dev: which directory it is
 * @ino: which directory it is
 * @len: bytes of its path
 * @names: what is in it
 * @count: of @names
 * @next: among @names
 */
struct level {
	struct level *up;
	int fd;
	dev_t dev;
	ino_t ino;
	size_t len;
	char **names;
	size_t count;
	size_t next;
};

/**
 * struct visit - a walk over the ciphertext tree
 * @entry: called for each entry but hidden ones, with the directory that it is in and
 *	its name there, a directory before what is in it; 1 leaves out what is in it, a
 *	negative errno ends the walk
 * @lost: called for a directory whose entries cannot be read; likewise
 * @arg: for both
 * @at: where the walk is
 * @depth: how deep that is; the top's is 0
 * @len: bytes in @path
 * @path: of the entry, from the top of the tree
 *
 * No recursion, and few descriptors: whoever may make directories decides how deep
 * the tree is.
 */
struct visit {
	int (*entry)(struct visit *v, int dirfd, const char *name, const struct stat *st);
	int (*lost)(struct visit *v, int error);
	void *arg;
	struct level *at;
	size_t depth;
	size_t len;
	char path[PATH_ROOM];
};

static void path_cut(struct visit *v, size_t len)
{
	v->len = len;
	v->path[len] = '\0';
}

static void path_add(struct visit *v, const char *name)
{
	size_t len = v->len, more = strlen(name) + (len ? 1 : 0);

	if (len + more >= sizeof(v->path))
		return;
	if (len)
		v->path[len++] = '/';
	strcpy(v->path + len, name);
	v->len += more;
}

static void level_free(struct level *l)
{
	if (l->fd >= 0)
		close(l->fd);
	ward_walk_names_free(l->names, l->count);
	free(l);
}

/* Goes into a directory, whose descriptor is taken over. 0, or what went wrong with it. */
static int go_down(struct visit *v, int fd)
{
	struct level *l = calloc(1, sizeof(*l));
	struct stat st;
	int ret;

	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	l->fd = fd;
	l->len = v->len;
	ret = fstat(fd, &st) ? -errno : ward_walk_names(fd, &l->names, &l->count);
	if (ret) {
		level_free(l);
		return ret;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->up = v->at;
	if (l->up) {
		v->depth++;
		if (v->depth > OPEN_LEVELS) {
			close(l->up->fd);
			l->up->fd = -1;
		}
	}
	v->at = l;
	return 0;
}

/* Opens the directory above again, if it still is the same. */
static int reopen_up(struct level *l)
{
	int fd = openat(l->fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_dev != l->up->dev || st.st_ino != l->up->ino) {
		close(fd);
		return -ESTALE;
	}
	l->up->fd = fd;
	return 0;
}

/* Leaves a directory. One that was moved meanwhile leads back to where one is open. */
static int go_up(struct visit *v)
{
	struct level *l = v->at;
	int ret = 0;

	if (l->up && l->up->fd < 0 && l->fd >= 0)
		ret = reopen_up(l);
	v->at = l->up;
	if (v->depth)
		v->depth--;
	level_free(l);
	if (!ret)
		return 0;
	path_cut(v, v->at->len);
	ret = v->lost(v, ret);
	while (v->at->fd < 0) {
		l = v->at;
		v->at = l->up;
		v->depth--;
		level_free(l);
	}
	return ret;
}

static int visit_name(struct visit *v, const char *name)
{
	int dirfd = v->at->fd, fd, ret;
	struct stat st;

	path_cut(v, v->at->len);
	path_add(v, name);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : v->lost(v, -errno);
	ret = v->entry(v, dirfd, name, &st);
	if (ret || !S_ISDIR(st.st_mode))
		return ret < 0 ? ret : 0;
	fd = ward_open_dir(dirfd, name);
	if (fd == -ENOENT)
		return 0;
	ret = fd < 0 ? fd : go_down(v, fd);
	return ret ? v->lost(v, ret) : 0;
}

/* Everything below a directory. */
static int visit_tree(struct visit *v, int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : go_down(v, fd);

	if (ret)
		ret = v->lost(v, ret);
	while (!ret && v->at) {
		struct level *l = v->at;

		if (l->next == l->count) {
			ret = go_up(v);
		} else {
			const char *name = l->names[l->next++];

			if (strncmp(name, WARD_HIDDEN_PREFIX, strlen(WARD_HIDDEN_PREFIX)))
				ret = visit_name(v, name);
		}
	}
	while (v->at) {
		struct level *l = v->at;

		v->at = l->up;
		level_free(l);
	}
	return ret;
}

static uint64_t blocks_of(const struct stat *st)
{
	return S_ISREG(st->st_mode) ?
		((uint64_t)st->st_size + WARD_BLOCK_SIZE - 1) / WARD_BLOCK_SIZE : 0;
}

/* ---- counting ------------------------------------------------------------------ */

struct counts {
	uint64_t objects;
	uint64_t blocks;
};

static int count_entry(struct visit *v, int dirfd, const char *name, const struct stat *st)
{
	struct counts *c = v->arg;

	(void)dirfd;
	(void)name;
	c->objects++;
	c->blocks += blocks_of(st);
	return 0;
}

static int count_lost(struct visit *v, int error)
{
	(void)v;
	(void)error;
	return 0;
}

/**
 * ward_check_count - how much there is to check
 * @tree_fd: .ward/tree
 * @objects: set to how many files, directories and the like
 * @blocks: set to how many blocks their contents have
 *
 * For a progress bar: what cannot be read is left out.
 *
 * Return: 0 or -ENOMEM.
 */
int ward_check_count(int tree_fd, uint64_t *objects, uint64_t *blocks)
{
	struct visit *v = calloc(1, sizeof(*v));
	struct counts c = { 0 };
	int ret;

	if (!v)
		return -ENOMEM;
	v->entry = count_entry;
	v->lost = count_lost;
	v->arg = &c;
	ret = visit_tree(v, tree_fd);
	free(v);
	*objects = c.objects;
	*blocks = c.blocks;
	return ret;
}

/* ---- checking ------------------------------------------------------------------ */

/**
 * struct check - a check
 * @nl: to the kernel
 * @uuid: the vault
 * @ops: whom to tell
 * @state: how far it is
 * @checked: what the kernel said last
 * @worst: of what it said of the parts of one object the worst
 */
struct check {
	struct ward_nl *nl;
	const uint8_t *uuid;
	const struct ward_check_ops *ops;
	struct ward_check_state *state;
	struct ward_checked checked;
	struct ward_checked worst;
};

static void tell(struct check *c, const struct visit *v, int error)
{
	struct ward_check_object object = { v->path, error, error ? NULL : &c->worst };

	if (c->ops->object)
		c->ops->object(&object, c->ops->arg);
}

static int progress(struct check *c)
{
	return c->ops->progress && c->ops->progress(c->state, c->ops->arg) ? -EINTR : 0;
}

/* What went wrong with one object, and does not keep the others from being checked. */
static int check_lost(struct visit *v, int error)
{
	struct check *c = v->arg;

	c->state->failed++;
	tell(c, v, error);
	return progress(c);
}

/* Not this object's fault: there is no use in going on. */
static bool hopeless(int error)
{
	return error == -ENOKEY || error == -EPERM || error == -ENODEV || error == -EPROTO ||
	       error == -ENOMEM || error == -EINTR;
}

/* One part of an object. 0; 1 when it is to be left out; a negative errno ends the check. */
static int check_part(struct check *c, struct visit *v, int dirfd, const char *name, uint64_t from)
{
	int ret = ward_nl_check(c->nl, c->uuid, dirfd, name, from, &c->checked);
	struct ward_mounted vault;

	if (!ret)
		/* Else it would never end. */
		return c->checked.next && c->checked.next <= from ? -EPROTO : 0;
	/* The entry went away; or was it the vault? */
	if (ret == -ENOENT) {
		ret = ward_nl_vault_get(c->nl, c->uuid, &vault);
		return ret ? ret : 1;
	}
	if (hopeless(ret))
		return ret;
	ret = check_lost(v, ret);
	return ret ? ret : 1;
}

static int check_entry(struct visit *v, int dirfd, const char *name, const struct stat *st)
{
	struct check *c = v->arg;
	uint64_t from = 0, bad = 0, blocks = blocks_of(st);
	struct ward_checked *worst = &c->worst;
	int ret;

	worst->result = WARD_CHECK_OK;
	worst->name[0] = '\0';

	/* A large object is checked in parts, and the worst of them is what counts. */
	do {
		ret = check_part(c, v, dirfd, name, from);
		if (ret)
			return ret;
		c->state->blocks += c->checked.next ? c->checked.next - from :
				    blocks > from ? blocks - from : 0;
		from = c->checked.next;
		bad += c->checked.bad;
		/* The kernel tells the name of what is not in order. */
		if (worst->result < c->checked.result)
			*worst = c->checked;
		ret = progress(c);
		if (ret)
			return ret;
	} while (from);

	if (worst->result == WARD_CHECK_IGNORED)
		return 1;
	c->state->objects++;
	c->state->bad_blocks += bad;
	c->state->settled += worst->result == WARD_CHECK_SETTLED;
	c->state->bad_objects += worst->result == WARD_CHECK_TAMPERED;
	c->state->bad_names += worst->result == WARD_CHECK_BAD_NAME;
	if (worst->result != WARD_CHECK_OK) {
		worst->bad = bad;
		tell(c, v, 0);
	}
	/* Nothing in a directory whose name is not ours can be read. */
	return worst->result == WARD_CHECK_BAD_NAME;
}

/**
 * ward_check_vault - check every object of a vault
 * @nl: the connection; not to be used by @ops
 * @uuid: of the vault, which must be unlocked
 * @tree_fd: its .ward/tree
 * @ops: whom to tell
 * @state: filled in as it goes
 *
 * An object that cannot be looked at is counted and told, and the check goes on.
 *
 * Return: 0 when the walk came to its end, whatever it found; -EINTR when @ops stopped
 * it; -ENOKEY when the vault was locked meanwhile; -ENOENT when it was unmounted;
 * another negative errno, see ward_nl_why().
 */
int ward_check_vault(struct ward_nl *nl, const uint8_t *uuid, int tree_fd,
		     const struct ward_check_ops *ops, struct ward_check_state *state)
{
	struct visit *v = calloc(1, sizeof(*v));
	struct check *c = calloc(1, sizeof(*c));
	int ret = -ENOMEM;

	memset(state, 0, sizeof(*state));
	if (!v || !c)
		goto free;
	c->nl = nl;
	c->uuid = uuid;
	c->ops = ops;
	c->state = state;
	v->entry = check_entry;
	v->lost = check_lost;
	v->arg = c;
	ret = visit_tree(v, tree_fd);
free:
	free(c);
	free(v);
	return ret;
}

/**
 * ward_check_unchecked - check every object of a vault, and have the kernel know it
 * @nl: the connection; not to be used by @ops
 * @uuid: of the vault, which must be unlocked
 * @epoch: that runs
 * @tree_fd: its .ward/tree
 * @ops: whom to tell
 * @state: filled in as it goes
 * @told: set to 0 when the vault counts as checked; to why not, a negative errno:
 *	-EIO when some object could not be looked at
 *
 * Where something may have slipped by (a directory was moved, a write failed), the
 * kernel wants another round: there are three, of which the first tells @ops.object.
 *
 * Return: as ward_check_vault().
 */
int ward_check_unchecked(struct ward_nl *nl, const uint8_t *uuid, uint32_t epoch, int tree_fd,
			 const struct ward_check_ops *ops, struct ward_check_state *state,
			 int *told)
{
	struct ward_check_ops again = *ops;
	struct ward_mounted before;
	uint64_t settled = 0;
	int round, ret;

	again.object = NULL;
	for (round = 0; round < 3; round++) {
		ret = ward_nl_vault_get(nl, uuid, &before);
		if (!ret)
			ret = ward_check_vault(nl, uuid, tree_fd, round ? &again : ops, state);
		if (ret)
			return ret;
		settled += state->settled;
		state->settled = settled;
		*told = state->failed ? -EIO : ward_nl_checked(nl, uuid, epoch, before.disturbed);
		if (*told != -EAGAIN)
			break;
	}
	return 0;
}
