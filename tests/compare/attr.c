// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Modes, owners, times, chattr flags.
 */
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "compare.h"

static bool pick_place(struct run *r, struct op *op)
{
	pick_path(r, op->a);
	if (chance(r, 2))
		pick_live(r, op->a, 0);
	op->slot = 0;
	op->which = pick_slot(r, &op->slot) ? below(r, 3) : below(r, 2);
	op->mode = pick_mode(r);
	op->flags = below(r, 4);
	op->len = below(r, 4);
	op->seed = draw(r);
	return true;
}

static int fd_of(const struct run *r, const struct op *op, enum side side)
{
	return op->which == 2 ? r->slot[op->slot].fd[side] : -1;
}

static void go_chmod(struct run *r, const struct op *op, enum side side, struct result *res)
{
	if (op->which == 2)
		result_of(res, fchmod(fd_of(r, op, side), op->mode));
	else
		result_of(res, chmod(op->a, op->mode));
}

static void go_chown(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static const uid_t uids[] = { 0, ALICE, BOB, -1 };
	static const gid_t gids[] = { 0, ALICE, CASEWORKERS, -1 };
	uid_t uid = uids[op->flags];
	gid_t gid = gids[op->len];

	if (op->which == 2)
		result_of(res, fchown(fd_of(r, op, side), uid, gid));
	else
		result_of(res, op->which ? lchown(op->a, uid, gid) : chown(op->a, uid, gid));
}

static void a_time(uint64_t seed, struct timespec *t)
{
	static const long long secs[] = { 0, 1, -1, 1000000000, 1700000000, 2147483647,
					 2147483648LL, 4294967296LL,
					  -2147483648LL, 9000000000LL, 20000000000LL };

	t->tv_sec = secs[seed % ARRAY_SIZE(secs)];
	t->tv_nsec = (seed >> 8) % 1000000000;
	switch ((seed >> 40) % 12) {
	case 0:
	case 1:
		t->tv_nsec = UTIME_NOW;
		break;
	case 2:
	case 3:
		t->tv_nsec = UTIME_OMIT;
		break;
	case 4:
		t->tv_nsec = (seed >> 44) % 4 ? 999999999 : 1000000000;
		break;
	}
}

static void go_utimens(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct timespec times[2];
	struct stat st;

	a_time(op->seed, &times[0]);
	a_time(op->seed * 0x9e3779b97f4a7c15ULL, &times[1]);
	if (op->which == 2)
		result_of(res, futimens(fd_of(r, op, side), op->flags ? times : NULL));
	else
		result_of(res, utimensat(AT_FDCWD, op->a, op->flags ? times : NULL,
					 op->which ? AT_SYMLINK_NOFOLLOW : 0));
	if (res->err || !op->flags || lstat(op->a, &st) || op->which != 1)
		return;
	/* What was set is what is shown. */
	if (times[0].tv_nsec < 1000000000)
		add_text(res, "atime %lld.%09ld ", (long long)st.st_atim.tv_sec,
			 st.st_atim.tv_nsec);
	if (times[1].tv_nsec < 1000000000)
		add_text(res, "mtime %lld.%09ld ", (long long)st.st_mtim.tv_sec,
			 st.st_mtim.tv_nsec);
}

#define SHOWN	(FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | \
		 FS_NOATIME_FL | FS_DIRSYNC_FL)

static bool pick_flags(struct run *r, struct op *op)
{
	static const unsigned int some[] = { 0, 0, 0, 0, FS_IMMUTABLE_FL, FS_APPEND_FL,
					    FS_NODUMP_FL, FS_NOATIME_FL,
					     FS_SYNC_FL, FS_DIRSYNC_FL };

	pick_place(r, op);
	op->which = below(r, 4);
	op->flags = some[below(r, ARRAY_SIZE(some))];
	/* XFS lets who has an immutable file open go on writing: see differ.c. */
	if (set.lower == XFS_SUPER_MAGIC && op->flags & FS_IMMUTABLE_FL)
		return false;
	return true;
}

static void go_flags(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd = open(op->a, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct fsxattr fsx;
	int flags = 0;

	result_of(res, fd < 0 ? -1 : 0);
	if (fd < 0)
		return;
	if (op->which == 3) {
		result_of(res, ioctl(fd, FS_IOC_FSGETXATTR, &fsx));
		if (!res->err)
			add_text(res, "xflags %x project %u",
				 fsx.fsx_xflags & (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND |
				 FS_XFLAG_SYNC | FS_XFLAG_NOATIME | FS_XFLAG_NODUMP),
					 fsx.fsx_projid);
		close(fd);
		return;
	}
	result_of(res, ioctl(fd, FS_IOC_GETFLAGS, &flags));
	if (!res->err) {
		flags = (flags & ~SHOWN) | op->flags;
		result_of(res, ioctl(fd, FS_IOC_SETFLAGS, &flags));
	}
	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags))
		add_text(res, "flags %x", flags & SHOWN);
	close(fd);
}

/* So that not everything is immutable in the end. */
static void go_clear(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct op plain = *op;

	plain.which = 0;
	plain.flags = 0;
	go_flags(r, &plain, side, res);
}

const struct kind attr_kinds[] = {
	{ "chmod", 40, USES_A | USES_SLOT | USES_XATTR, pick_place, go_chmod },
	{ "chown", 35, USES_A | USES_SLOT | USES_XATTR, pick_place, go_chown },
	{ "utimens", 30, USES_A | USES_SLOT, pick_place, go_utimens },
	{ "flags", 12, USES_A, pick_flags, go_flags },
	{ "clear", 12, USES_A, pick_flags, go_clear },
	{ NULL }
};
