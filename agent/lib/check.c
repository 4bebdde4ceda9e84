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

/* Longest path that is gone down, bytes; the kernel takes no longer one. */
#define PATH_ROOM	16384

/**
 * struct visit - a walk over the ciphertext tree
 * @entry: called for each entry but hidden ones, a directory before what is in it; 1
 *	leaves out what is in it, a negative errno ends the walk
 * @lost: called for a directory whose entries cannot be read; likewise
 * @arg: for both
 * @len: bytes in @path
 * @path: of the entry, from the top of the tree
 */
struct visit {
	int (*entry)(struct visit *v, const struct stat *st);
	int (*lost)(struct visit *v, int error);
	void *arg;
	size_t len;
	char path[PATH_ROOM];
};

static int visit_dir(struct visit *v, int dirfd);

static int visit_below(struct visit *v, int dirfd, const char *name)
{
	int fd = ward_open_dir(dirfd, name);
	int ret;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return v->lost(v, fd);
	ret = visit_dir(v, fd);
	close(fd);
	return ret;
}

static int visit_entry(struct visit *v, int dirfd, const char *name)
{
	size_t len = v->len, more = strlen(name) + (len ? 1 : 0);
	struct stat st;
	int ret;

	if (len + more >= sizeof(v->path))
		return v->lost(v, -ENAMETOOLONG);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : v->lost(v, -errno);
	if (len)
		v->path[v->len++] = '/';
	strcpy(v->path + v->len, name);
	v->len = len + more;
	ret = v->entry(v, &st);
	if (!ret && S_ISDIR(st.st_mode))
		ret = visit_below(v, dirfd, name);
	v->len = len;
	v->path[len] = '\0';
	return ret < 0 ? ret : 0;
}

static int visit_dir(struct visit *v, int dirfd)
{
	size_t count, i;
	char **names;
	int ret;

	ret = ward_walk_names(dirfd, &names, &count);
	if (ret)
		return v->lost(v, ret);
	for (i = 0; !ret && i < count; i++)
		if (strncmp(names[i], WARD_HIDDEN_PREFIX, strlen(WARD_HIDDEN_PREFIX)))
			ret = visit_entry(v, dirfd, names[i]);
	ward_walk_names_free(names, count);
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

static int count_entry(struct visit *v, const struct stat *st)
{
	struct counts *c = v->arg;

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
	ret = visit_dir(v, tree_fd);
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
 */
struct check {
	struct ward_nl *nl;
	const uint8_t *uuid;
	const struct ward_check_ops *ops;
	struct ward_check_state *state;
	struct ward_checked checked;
};

static void tell(struct check *c, const struct visit *v, int error)
{
	struct ward_check_object object = { v->path, error, error ? NULL : &c->checked };

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
static int check_part(struct check *c, struct visit *v, uint64_t from)
{
	int ret = ward_nl_check(c->nl, c->uuid, v->path, from, &c->checked);
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

static int check_entry(struct visit *v, const struct stat *st)
{
	struct check *c = v->arg;
	uint64_t from = 0, bad = 0, blocks = blocks_of(st);
	uint32_t result = WARD_CHECK_OK;
	int ret;

	/* A large object is checked in parts, and the worst of them is what counts. */
	do {
		ret = check_part(c, v, from);
		if (ret)
			return ret;
		c->state->blocks += c->checked.next ? c->checked.next - from :
				    blocks > from ? blocks - from : 0;
		from = c->checked.next;
		bad += c->checked.bad;
		if (result < c->checked.result)
			result = c->checked.result;
		ret = progress(c);
		if (ret)
			return ret;
	} while (from);

	if (result == WARD_CHECK_IGNORED)
		return 1;
	c->state->objects++;
	c->state->bad_blocks += bad;
	c->state->settled += result == WARD_CHECK_SETTLED;
	c->state->bad_objects += result == WARD_CHECK_TAMPERED;
	c->state->bad_names += result == WARD_CHECK_BAD_NAME;
	if (result != WARD_CHECK_OK) {
		c->checked.result = result;
		c->checked.bad = bad;
		tell(c, v, 0);
	}
	/* Nothing in a directory whose name is not ours can be read. */
	return result == WARD_CHECK_BAD_NAME;
}

/**
 * ward_check_vault - check every object of a vault
 * @nl: the connection; not to be used by @ops
 * @uuid: of the vault, which must be unlocked
 * @tree_fd: its .ward/tree
 * @ops: whom to tell
 * @state: filled in as it goes
 *
 * An object that cannot be looked at is counted and told, and the check goes on. The
 * caller says ward_nl_checked() when there was none.
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
	ret = visit_dir(v, tree_fd);
free:
	free(c);
	free(v);
	return ret;
}
