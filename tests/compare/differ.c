// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The differences that are known and intended, each with its reason, as
 * docs/deviations.md has them. Where the plain side did what the vault refuses, it is
 * undone, so that both go on from the same state.
 */
#include <libgen.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "compare.h"

#define TARGET_MAX	3024
#define XNAME_MAX	160

static bool is_kind(const struct op *op, const char *name)
{
	return !strcmp(op->kind->name, name);
}

/* ---- a symlink's target ---- */

static bool long_target(const struct op *op, const struct result res[SIDES])
{
	return is_kind(op, "symlink") && strlen(op->b) > TARGET_MAX && !res[PLAIN].err &&
	       res[VAULT].err == ENAMETOOLONG;
}

/* Also out of a directory that only takes entries. */
static int undo_symlink(struct run *r, const struct op *op)
{
	char text[sizeof(op->a)];
	int flags, cleared, fd, ret = unlink(op->a);

	if (!ret || errno != EPERM)
		return ret;
	strcpy(text, op->a);
	fd = open(dirname(text), O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -1;
	ret = ioctl(fd, FS_IOC_GETFLAGS, &flags);
	cleared = flags & ~FS_APPEND_FL;
	if (!ret)
		ret = ioctl(fd, FS_IOC_SETFLAGS, &cleared);
	if (!ret)
		ret = unlink(op->a);
	if (!ret)
		ret = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
	return ret;
}

/* ---- the name of a user xattr ---- */

static bool long_xattr(const struct op *op, const struct result res[SIDES])
{
	/* the numbers of names of 161 bytes and more in xattr.c */
	return (is_kind(op, "setxattr") || is_kind(op, "getxattr") || is_kind(op, "removexattr")) &&
	       op->mode > 27 && (res[VAULT].err == ERANGE || res[PLAIN].err == EOPNOTSUPP);
}

static int undo_xattr(struct run *r, const struct op *op)
{
	char name[320] = "user.a";
	static const char * const some[] = { "user.a", "user.b", "user.c", "user.a", "user.b",
					    "user.c", "trusted.x",
					     "security.y", "user.", "bogus.x", "user.\001\377" };
	int fd = op->which == 2 ? r->slot[op->slot].fd[PLAIN] : -1;

	if (!is_kind(op, "setxattr"))
		return 0;
	if (op->mode < ARRAY_SIZE(some)) {
		strcpy(name, some[op->mode]);
	} else if (op->mode >= 27) {
		memset(name + 5, 'n', 300);
		name[4] = '.';
		name[5 + (op->mode == 27 ? 160 : op->mode == 28 ? 161 : 250)] = 0;
	}
	if (r->stash_len < 0)
		return fd >= 0 ? fremovexattr(fd, name) :
			(op->which ? lremovexattr : removexattr)(op->a, name);
	return fd >= 0 ? fsetxattr(fd, name, r->stash, r->stash_len, 0) :
	       (op->which ? lsetxattr : setxattr)(op->a, name, r->stash, r->stash_len, 0);
}

/* ---- room for xattrs ---- */

static bool little_room(const struct op *op, const struct result res[SIDES])
{
	return is_kind(op, "setxattr") && !res[PLAIN].err &&
	       (res[VAULT].err == ENOSPC || res[VAULT].err == E2BIG || res[VAULT].err == ERANGE) &&
		       op->len > 60;
}

static bool little_room_below(const struct op *op, const struct result res[SIDES])
{
	return is_kind(op, "setxattr") && op->len > 60 && res[PLAIN].err &&
	       (res[VAULT].err == ENOSPC || res[VAULT].err == E2BIG || res[VAULT].err == ERANGE);
}

/* ---- an xattr without a name, where users have none at all ---- */

static bool no_name(const struct op *op, const struct result res[SIDES])
{
	/* the number of "user." in xattr.c */
	return set.lower == TMPFS_MAGIC && op->mode == 8 &&
	       (is_kind(op, "setxattr") || is_kind(op, "getxattr") || is_kind(op, "removexattr")) &&
	       res[PLAIN].err == EOPNOTSUPP && res[VAULT].err == EINVAL;
}

static const struct difference {
	const char *what;
	const char *why;
	bool (*is)(const struct op *op, const struct result res[SIDES]);
	int (*undo)(struct run *r, const struct op *op);
} differences[] = {
	{ "a symlink's target of more than 3024 bytes is ENAMETOOLONG",
	 "its ciphertext has to fit into a symlink",
	  long_target, undo_symlink },
	{ "the name of a user xattr of more than 160 bytes is ERANGE, also where there are no user xattrs",
	 "its ciphertext has to fit into a name",
	  long_xattr, undo_xattr },
	{ "there is less room for user xattrs", "their encrypted names and values are longer",
	  little_room, undo_xattr },
	{ "what is too large for an xattr may be told in other words", "the same",
	  little_room_below, NULL },
	{ "over tmpfs, \"user.\" is EINVAL as the name of an xattr, not EOPNOTSUPP",
	 "the vault knows what users' xattrs are called, tmpfs knows none",
	  no_name, NULL },
	{ NULL }
};

/* ---- times ---- */

static bool direct_read(const struct run *r, const struct op *op, enum time time, bool plain,
			bool vault)
{
	return set.lower == BTRFS_SUPER_MAGIC && is_kind(op, "read") && time == TIME_A && !plain &&
	       vault && r->slot[op->slot].flags & O_DIRECT;
}

static bool empty_read(const struct run *r, const struct op *op, enum time time, bool plain,
		       bool vault)
{
	return set.lower == TMPFS_MAGIC && is_kind(op, "read") && time == TIME_A && plain &&
	       !vault && !op->len;
}

/* The times of what was worked on are set to the same on both sides afterwards. */
static const struct time_difference {
	const char *what;
	const char *why;
	bool (*is)(const struct run *r, const struct op *op, enum time time, bool plain,
		   bool vault);
} time_differences[] = {
	{ "over btrfs, reading by O_DIRECT moves atime",
	 "btrfs leaves it when all comes from the disk; ext4, xfs and the vault do not",
	  direct_read },
	{ "over tmpfs, reading no bytes moves no atime",
	 "tmpfs moves it; ext4, xfs and the vault do not",
	  empty_read },
	{ NULL }
};

/* What is left out of the comparison altogether. */
static const char * const left_out[] = {
	"sizes and positions of directories: they are the lower's, of longer names",
	"space used: of the ciphertext",
	"inode and device numbers, but for which names are one object",
	"where holes are: by meaning only, what is no data reads as zeros",
	"direct I/O that is not aligned: EINVAL on the plain side, accepted by the vault",
	"file systems' type and free space",
	"times after truncate(2) to the size that there is: XFS moves none, ext4 and the vault do",
	"times after punching behind the end of a file: XFS moves them, ext4 and the vault do not",
	"over btrfs and tmpfs, the ctime of files: it becomes the time of write-out",
	"over tmpfs, O_DIRECT: not there on the plain side, accepted by the vault",
	"over XFS, the immutable flag: who has such a file open may go on writing to it, but not in the vault",
	"what is stored in a mapping after the end of the file: undefined on the plain side; the vault must not show it",
	NULL
};

void list_differences(void)
{
	int i;

	for (i = 0; differences[i].what; i++)
		printf("known: %s: %s\n", differences[i].what, differences[i].why);
	for (i = 0; time_differences[i].what; i++)
		printf("known: %s: %s\n", time_differences[i].what, time_differences[i].why);
	for (i = 0; left_out[i]; i++)
		printf("left out: %s\n", left_out[i]);
}

bool known_difference(struct run *r, const struct op *op, const struct result res[SIDES])
{
	const struct difference *d;

	for (d = differences; d->what; d++) {
		if (!d->is(op, res))
			continue;
		r->known++;
		enter(r, PLAIN);
		if (d->undo && !res[PLAIN].err && d->undo(r, op))
			return differs(r, "known (%s), but it cannot be undone: %s", d->what,
				       strerrorname_np(errno));
		return true;
	}
	return false;
}

/* A time that moved on one side alone: @plain, @vault: there. */
bool known_time(struct run *r, const struct op *op, enum time time, bool plain, bool vault)
{
	const struct time_difference *d;

	for (d = time_differences; d->what; d++) {
		if (!d->is(r, op, time, plain, vault))
			continue;
		r->known++;
		r->uneven = true;
		return true;
	}
	return false;
}
