// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What concerns the vault as a whole: afterwards all is as it was before.
 */
#include "compare.h"

static bool nothing_to_pick(struct run *r, struct op *op)
{
	op->which = below(r, 3);
	return true;
}

static bool drop(struct run *r, const struct op *op)
{
	char which = '1' + op->which;
	bool alone = set.threads < 2;
	char *before = NULL;

	if (alone)
		before = tree_times(r);
	if (op->which)
		sync();
	if (pwrite(set.drop_caches, &which, 1, 0) != 1)
		return differs(r, "caches cannot be dropped: %s", strerrorname_np(errno));
	if (!alone)
		return same_trees(r, "after dropping caches");
	return same_times(r, before, tree_times(r), "over dropping caches") &&
	       same_trees(r, "after dropping caches");
}

static bool sync_all(struct run *r, const struct op *op)
{
	char *before;

	if (set.threads > 1) {
		sync();
		return true;
	}
	before = tree_times(r);
	sync();
	return same_times(r, before, tree_times(r), "over sync");
}

static bool reopen_top(struct run *r)
{
	r->top[VAULT] = open(set.dir[VAULT], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->top[VAULT] >= 0 || differs(r, "the vault's top: %s", strerrorname_np(errno));
}

/* The vault leaves memory altogether. */
static bool mount_anew(struct run *r, const struct op *op)
{
	char *before;

	close_all(r);
	before = tree_times(r);
	close(r->top[VAULT]);
	if (vault_umount(set.dir[VAULT]))
		return differs(r, "umount: %s", strerrorname_np(errno));
	if (op->which && pwrite(set.drop_caches, "3", 1, 0) != 1)
		return differs(r, "caches cannot be dropped: %s", strerrorname_np(errno));
	if (vault_mount(set.dir[VAULT]))
		return differs(r, "mount: %s", strerrorname_np(errno));
	if (vault_unlock())
		return differs(r, "unlocking fails");
	return reopen_top(r) && same_times(r, before, tree_times(r), "over mounting anew") &&
	       same_trees(r, "after mounting anew");
}

/* What is open cannot be looked at in a locked vault, but for its top. */
static bool refused(struct run *r)
{
	struct stat st, top;
	int i;

	if (stat(set.dir[VAULT], &top))
		return differs(r, "the top: %s", strerrorname_np(errno));
	for (i = 0; i < SLOTS; i++) {
		if (r->slot[i].fd[VAULT] < 0)
			continue;
		if (fstat(r->slot[i].fd[VAULT], &st) ? errno != ENOKEY : st.st_ino != top.st_ino)
			return differs(r, "slot %d can be looked at while the vault is locked", i);
	}
	return true;
}

/* What is open stays open, and goes on after that. */
static bool lock_and_unlock(struct run *r, const struct op *op)
{
	char *before = tree_times(r);
	bool good;

	if (vault_lock())
		return differs(r, "locking fails");
	good = refused(r);
	if (vault_unlock())
		return differs(r, "unlocking fails");
	return good && same_times(r, before, tree_times(r), "over a lock and an unlock") &&
	       same_trees(r, "after a lock and an unlock");
}

const struct kind whole_kinds[] = {
	{ "drop", 6, 0, nothing_to_pick, NULL, drop },
	{ "syncall", 3, 0, nothing_to_pick, NULL, sync_all },
	{ "remount", 4, NEEDS_ALONE, nothing_to_pick, NULL, mount_anew },
	{ "relock", 4, NEEDS_ALONE, nothing_to_pick, NULL, lock_and_unlock },
	{ NULL }
};
