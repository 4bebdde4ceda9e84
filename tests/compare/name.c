// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on entries: making, linking, renaming, removing, looking up.
 */
#include <linux/fs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "compare.h"

static bool pick_new(struct run *r, struct op *op)
{
	pick_path(r, op->a);
	op->mode = pick_mode(r);
	return true;
}

static void go_mkdir(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, mkdir(op->a, op->mode));
}

static bool pick_rmdir(struct run *r, struct op *op)
{
	pick_path(r, op->a);
	if (chance(r, 2))
		pick_live(r, op->a, S_IFDIR);
	return true;
}

static void go_rmdir(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, rmdir(op->a));
}

static bool pick_a(struct run *r, struct op *op)
{
	pick_path(r, op->a);
	op->which = below(r, 8);
	op->mode = below(r, 8);
	return true;
}

static void go_unlink(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, unlink(op->a));
}

static bool pick_mknod(struct run *r, struct op *op)
{
	static const mode_t types[] = { S_IFIFO, S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK, S_IFREG, 0,
				       S_IFDIR };

	pick_path(r, op->a);
	op->which = below(r, 3);
	op->mode = pick_mode(r) | types[below(r, ARRAY_SIZE(types))];
	return true;
}

static void go_mknod(struct run *r, const struct op *op, enum side side, struct result *res)
{
	/* The null device, that of zeros, and that of a whiteout */
	const dev_t devs[] = { makedev(1, 3), makedev(1, 5), makedev(0, 0) };

	/* Of a disk only a number that no disk has */
	result_of(res, mknod(op->a, op->mode, (op->mode & S_IFMT) == S_IFBLK ? makedev(250, 77) :
			     devs[op->which]));
}

static bool pick_symlink(struct run *r, struct op *op)
{
	static const int lengths[] = { 1, 100, 255, 720, 721, 1000, 1023, 1024, 3000, 3023, 3024,
				      3025, 4094, 4095, 4096 };

	pick_path(r, op->a);
	pick_path(r, op->b);
	if (chance(r, 10)) {
		op->len = lengths[below(r, ARRAY_SIZE(lengths))];
		memset(op->b, 'x', op->len);
		op->b[op->len] = 0;
	}
	return true;
}

static void go_symlink(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, symlink(op->b, op->a));
}

static bool pick_link(struct run *r, struct op *op)
{
	pick_path(r, op->a);
	if (chance(r, 2))
		pick_live(r, op->a, S_IFREG);
	pick_path(r, op->b);
	op->flags = chance(r, 4) ? AT_SYMLINK_FOLLOW : 0;
	return true;
}

static void go_link(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, linkat(AT_FDCWD, op->a, AT_FDCWD, op->b, op->flags));
}

static bool pick_link_fd(struct run *r, struct op *op)
{
	pick_path(r, op->b);
	return pick_slot(r, &op->slot);
}

/* A new name for what is open; without any other one it cannot be had. */
static void go_link_fd(struct run *r, const struct op *op, enum side side, struct result *res)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", r->slot[op->slot].fd[side]);
	result_of(res, linkat(r->proc, name, AT_FDCWD, op->b, AT_SYMLINK_FOLLOW));
}

static bool pick_rename(struct run *r, struct op *op)
{
	static const unsigned int flags[] = { RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE,
					     RENAME_WHITEOUT,
					      RENAME_WHITEOUT | RENAME_NOREPLACE,
						      RENAME_EXCHANGE | RENAME_NOREPLACE,
					      RENAME_EXCHANGE | RENAME_WHITEOUT, 8 };

	pick_path(r, op->a);
	pick_path(r, op->b);
	if (chance(r, 2))
		pick_live(r, op->a, 0);
	if (chance(r, 4))
		pick_live(r, op->b, S_IFDIR);
	/* Into its own subtree */
	if (chance(r, 30)) {
		pick_live(r, op->a, S_IFDIR);
		snprintf(op->b, PATH_ROOM, "%.4000s/%s", op->a, r->name[below(r, 12)]);
	}
	op->flags = chance(r, 3) ? flags[below(r, ARRAY_SIZE(flags))] : 0;
	return true;
}

static void go_rename(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, syscall(SYS_renameat2, AT_FDCWD, op->a, AT_FDCWD, op->b, op->flags));
}

static void go_readlink(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static const size_t rooms[] = { 1, 10, 4096, 4096, 4096, 4096, 8000, 0 };
	ssize_t n = readlink(op->a, (char *)res->out, rooms[op->which]);

	result_of(res, n);
	res->len = n > 0 ? n : 0;
}

static void go_stat(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct stat st;

	result_of(res, stat(op->a, &st));
	if (!res->err)
		add_text(res, "mode %o owner %u:%u nlink %lu size %lld", st.st_mode, st.st_uid,
			 st.st_gid,
			 (unsigned long)st.st_nlink, S_ISDIR(st.st_mode) ? 0LL :
				 (long long)st.st_size);
}

static void go_access(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static const int flags[] = { 0, AT_EACCESS, AT_SYMLINK_NOFOLLOW,
				    AT_EACCESS | AT_SYMLINK_NOFOLLOW };

	/* The library's own has not all of these flags everywhere. */
	result_of(res, syscall(439, AT_FDCWD, op->a, op->mode, flags[op->which & 3]));
}

static void go_statfs(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct statfs fs;

	result_of(res, statfs(op->a, &fs));
	if (!res->err)
		add_text(res, "block %ld fragment %ld blocks %lu inodes %lu name %ld flags %lx",
			 (long)fs.f_bsize,
			 (long)fs.f_frsize, (unsigned long)fs.f_blocks,
			 set.lower == XFS_SUPER_MAGIC ? 0 : (unsigned long)fs.f_files,
			 (long)fs.f_namelen, (long)fs.f_flags);
}

const struct kind name_kinds[] = {
	{ "mkdir", 45, USES_A | USES_XATTR, pick_new, go_mkdir },
	{ "rmdir", 25, USES_A, pick_rmdir, go_rmdir },
	{ "unlink", 45, USES_A, pick_a, go_unlink },
	{ "mknod", 20, USES_A | USES_XATTR, pick_mknod, go_mknod },
	{ "symlink", 25, USES_A, pick_symlink, go_symlink },
	{ "link", 30, USES_A | USES_B, pick_link, go_link },
	{ "linkfd", 8, USES_SLOT | USES_B, pick_link_fd, go_link_fd },
	{ "rename", 80, USES_A | USES_B, pick_rename, go_rename },
	{ "readlink", 15, USES_A, pick_a, go_readlink },
	{ "stat", 20, USES_A, pick_a, go_stat },
	{ "access", 25, USES_A, pick_a, go_access },
	{ "statfs", 6, USES_A, pick_a, go_statfs },
	{ NULL }
};
