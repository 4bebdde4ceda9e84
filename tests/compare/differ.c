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
#define TARGET_MAX_XFS	720
#define XNAME_MAX	160
#define VALUE_MAX	65520

static bool is_kind(const struct op *op, const char *name)
{
	return !strcmp(op->kind->name, name);
}

/* ---- a symlink's target ---- */

static bool long_target(struct run *r, const struct op *op, const struct result res[SIDES])
{
	size_t max = set.lower == XFS_SUPER_MAGIC ? TARGET_MAX_XFS : TARGET_MAX;

	return is_kind(op, "symlink") && strlen(op->b) > max && !res[PLAIN].err &&
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

/* ---- xattrs ---- */

static bool of_user(const char *name)
{
	return !strncmp(name, "user.", 5);
}

/* Told before anything that the lower file system would say. What is read just is not there. */
static bool long_xattr(struct run *r, const struct op *op, const struct result res[SIDES])
{
	char name[XATTR_ROOM];

	if (!is_kind(op, "setxattr") && !is_kind(op, "removexattr"))
		return false;
	xattr_name(op, name);
	return of_user(name) && strlen(name + 5) > XNAME_MAX && res[VAULT].err == ERANGE;
}

/* So is this. */
static bool large_xattr(struct run *r, const struct op *op, const struct result res[SIDES])
{
	char name[XATTR_ROOM];

	if (!is_kind(op, "setxattr"))
		return false;
	xattr_name(op, name);
	return of_user(name) && op->len > VALUE_MAX && res[VAULT].err == E2BIG;
}

static int undo_xattr(struct run *r, const struct op *op)
{
	char name[XATTR_ROOM];
	int fd = op->which == 2 ? r->slot[op->slot].fd[PLAIN] : -1;

	if (!is_kind(op, "setxattr"))
		return 0;
	xattr_name(op, name);
	if (r->stash_len < 0)
		return fd >= 0 ? fremovexattr(fd, name) :
			(op->which ? lremovexattr : removexattr)(op->a, name);
	return fd >= 0 ? fsetxattr(fd, name, r->stash, r->stash_len, 0) :
	       (op->which ? lsetxattr : setxattr)(op->a, name, r->stash, r->stash_len, 0);
}

/* ---- room for xattrs ---- */

/* docs/format.md, "SIV": 16 bytes before name and value, names padded to 16 and in base64url */
#define SEALED(n)	((n) + 16)
#define PADDED(n)	(((n) + 15) / 16 * 16)
#define BASE64(n)	(((n) * 8 + 5) / 6)

/* In a block of ext4 of 4096 bytes, without its header and the end of the list; entries are multiples of 4 bytes */
#define EXT4_ROOM	4060
#define EXT4_ENTRY	16
#define ROUND4(n)	(((n) + 3) & ~3UL)
/* In a leaf of btrfs of 16384 bytes, without the headers of leaf, item and entry */
#define BTRFS_ROOM	16228

/* What a name and its value take below, without what is around them */
static size_t name_below(const char *name)
{
	return of_user(name) ? strlen("user.ward.") + BASE64(SEALED(PADDED(strlen(name + 5)))) :
			       strlen(name);
}

static size_t value_below(const char *name, size_t len)
{
	return of_user(name) ? SEALED(len) : len;
}

/* The prefix of a name is a number on ext4; those that it has besides are counted here with their names. */
static size_t on_ext4(const char *name, size_t len)
{
	size_t text = name_below(name) - (of_user(name) ? strlen("user.") : 0);

	return EXT4_ENTRY + ROUND4(text) + ROUND4(value_below(name, len));
}

/*
 * Of all xattrs of the object, with the one that is to be set. ext4 has a place in the
 * inode, too, which for some is too small: all that is here may have to go into the block.
 */
static size_t all_on_ext4(struct run *r, const struct op *op, const char *name)
{
	static __thread char list[65536];
	int fd = op->which == 2 ? r->slot[op->slot].fd[PLAIN] : -1;
	size_t sum = on_ext4(name, op->len);
	ssize_t n, at, len;

	enter(r, PLAIN);
	n = fd >= 0 ? flistxattr(fd, list, sizeof(list)) :
	    (op->which ? llistxattr : listxattr)(op->a, list, sizeof(list));
	for (at = 0; at < n; at += strlen(list + at) + 1) {
		if (!strcmp(list + at, name))
			continue;
		len = fd >= 0 ? fgetxattr(fd, list + at, NULL, 0) :
		      (op->which ? lgetxattr : getxattr)(op->a, list + at, NULL, 0);
		sum += on_ext4(list + at, len < 0 ? 0 : len);
	}
	return sum;
}

static bool no_room(int err)
{
	return err == ENOSPC || err == E2BIG || err == ERANGE;
}

/* XFS has room for all that may be a value: there only large_xattr() is one. */
static bool little_room(struct run *r, const struct op *op, const struct result res[SIDES])
{
	char name[XATTR_ROOM];

	if (!is_kind(op, "setxattr") || !no_room(res[VAULT].err) ||
	    (res[PLAIN].err && !no_room(res[PLAIN].err)))
		return false;
	xattr_name(op, name);
	if (set.lower == EXT4_SUPER_MAGIC)
		return all_on_ext4(r, op, name) > EXT4_ROOM;
	return set.lower == BTRFS_SUPER_MAGIC &&
	       name_below(name) + value_below(name, op->len) > BTRFS_ROOM;
}

/* ---- an xattr without a name, where users have none at all ---- */

static bool no_name(struct run *r, const struct op *op, const struct result res[SIDES])
{
	char name[XATTR_ROOM];

	if (!is_kind(op, "setxattr") && !is_kind(op, "getxattr") && !is_kind(op, "removexattr"))
		return false;
	xattr_name(op, name);
	return set.lower == TMPFS_MAGIC && !strcmp(name, "user.") &&
	       res[PLAIN].err == EOPNOTSUPP && res[VAULT].err == EINVAL;
}

static const struct difference {
	const char *what;
	const char *why;
	bool (*is)(struct run *r, const struct op *op, const struct result res[SIDES]);
	int (*undo)(struct run *r, const struct op *op);
} differences[] = {
	{ "a symlink's target of more than 3024 bytes, over XFS of more than 720, is ENAMETOOLONG",
	 "its ciphertext has to fit into a symlink",
	  long_target, undo_symlink },
	{ "the name of a user xattr of more than 160 bytes is ERANGE, also where there are no user xattrs",
	 "its ciphertext has to fit into a name",
	  long_xattr, undo_xattr },
	{ "the value of a user xattr of more than 65520 bytes is E2BIG, whatever else stands in the way",
	 "its ciphertext is 16 bytes longer",
	  large_xattr, undo_xattr },
	{ "there is less room for user xattrs, on ext4 for all of an object, on btrfs for each; its end may have another name",
	 "their encrypted names and values are longer",
	  little_room, undo_xattr },
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
		if (!d->is(r, op, res))
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
