// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an object is, as text, and whether it is the same on both sides. Looking does
 * not touch: O_NOATIME, and as root.
 */
#include <stdarg.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "compare.h"

#define CHUNK	65536
#define LIST_ROOM	65536
#define FIELDS	(STATX_BASIC_STATS | STATX_BTIME)	/* both sides have the same of these */

/* The first difference of a run is told, with what led to it, in compare.c. */
bool differs(struct run *r, const char *format, ...)
{
	va_list args;

	if (!r->failed) {
		printf("# seed %llu thread %u step %lu: ", (unsigned long long)r->seed, r->number,
		       r->step);
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		putchar('\n');
	}
	r->failed = true;
	return false;
}

void escape(const char *in, size_t len, char *out, size_t room)
{
	size_t i, at = 0;

	for (i = 0; i < len && at + 8 < room; i++) {
		unsigned char c = in[i];

		if (c > ' ' && c < 127 && c != '\\')
			out[at++] = c;
		else
			at += snprintf(out + at, room - at, "\\%03o", c);
		/* Long names are known by how they begin */
		if (i == 60 && len > 80) {
			at += snprintf(out + at, room - at, "[%zu]", len);
			i = len - 10;
		}
	}
	out[at] = 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char * const *)a, *(const char * const *)b);
}

static void put(char *text, size_t room, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, room - len, format, args);
	va_end(args);
}

static uint32_t sum_of(const char *data, size_t len)
{
	uint32_t sum = 2166136261u;

	while (len--)
		sum = (sum ^ (unsigned char)*data++) * 16777619u;
	return sum;
}

static void describe_xattrs(const char *path, char *text, size_t room)
{
	static __thread char list[LIST_ROOM], value[LIST_ROOM];
	const char *names[256];
	unsigned int count = 0, i;
	ssize_t len = llistxattr(path, list, sizeof(list)), at;

	if (len < 0) {
		put(text, room, " xattrs:%s", strerrorname_np(errno));
		return;
	}
	for (at = 0; at < len && count < 256; at += strlen(list + at) + 1)
		names[count++] = list + at;
	qsort(names, count, sizeof(*names), by_name);
	for (i = 0; i < count; i++) {
		ssize_t n = lgetxattr(path, names[i], value, sizeof(value));

		if (n < 0)
			put(text, room, " %.40s=%s", names[i], strerrorname_np(errno));
		else
			put(text, room, " %.40s=%zd:%08x", names[i], n, sum_of(value, n));
	}
}

static void put_statx(const struct statx *st, char *text, size_t room)
{
	bool dir = S_ISDIR(st->stx_mode);

	put(text, room, "fields %x ", st->stx_mask & FIELDS);
	put(text, room, "mode %o owner %u:%u nlink %u size %lld rdev %u:%u blksize %u attributes %llx/%llx",
	    st->stx_mode, st->stx_uid, st->stx_gid, st->stx_nlink, dir ? 0LL :
		    (long long)st->stx_size,
	    st->stx_rdev_major, st->stx_rdev_minor, st->stx_blksize,
	    (unsigned long long)st->stx_attributes & ~STATX_ATTR_MOUNT_ROOT,
	    (unsigned long long)st->stx_attributes_mask);
}

/* Of a path in the root that is set now; symlinks are not followed. */
void describe(const char *path, bool xattrs, char *text, size_t room)
{
	char target[PATH_ROOM];
	struct statx st;

	*text = 0;
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, FIELDS, &st)) {
		put(text, room, "%s", strerrorname_np(errno));
		return;
	}
	put_statx(&st, text, room);
	if (S_ISLNK(st.stx_mode)) {
		ssize_t n = readlink(path, target, sizeof(target));

		put(text, room, " target %zd:%08x", n, n > 0 ? sum_of(target, n) : 0);
	}
	if (xattrs)
		describe_xattrs(path, text, room);
}

bool same_text(struct run *r, const char *what)
{
	char shown[700];

	if (!strcmp(r->text[PLAIN], r->text[VAULT]))
		return true;
	escape(what, strlen(what), shown, sizeof(shown));
	return differs(r, "%s\n#   plain: %s\n#   vault: %s", shown, r->text[PLAIN],
		       r->text[VAULT]);
}

static int open_quietly(const char *path)
{
	struct stat st;

	if (lstat(path, &st) || !S_ISREG(st.st_mode))
		return -1;
	return open(path, O_RDONLY | O_NOATIME | O_NOFOLLOW | O_CLOEXEC);
}

bool same_path(struct run *r, const char *path, unsigned int uses)
{
	int side, fd[SIDES];
	bool same;

	for (side = 0; side < SIDES; side++) {
		enter(r, side);
		describe(path, uses & USES_XATTR, r->text[side], TEXT_ROOM);
	}
	same = same_text(r, path);
	if (!same || !(uses & USES_DATA))
		return same;
	for (side = 0; side < SIDES; side++) {
		enter(r, side);
		fd[side] = open_quietly(path);
	}
	if (fd[PLAIN] >= 0 && fd[VAULT] >= 0)
		same = same_contents(r, fd, path);
	else if (fd[PLAIN] >= 0 || fd[VAULT] >= 0)
		same = differs(r, "%.100s can be opened on one side only", path);
	for (side = 0; side < SIDES; side++)
		if (fd[side] >= 0)
			close(fd[side]);
	return same;
}

bool same_slot(struct run *r, int slot, unsigned int uses)
{
	char proc[32], what[32];
	int side, fd[SIDES];
	struct statx st;
	bool same;

	snprintf(what, sizeof(what), "slot %d", slot);
	for (side = 0; side < SIDES; side++) {
		int own = r->slot[slot].fd[side];

		*r->text[side] = 0;
		if (own < 0)
			continue;
		if (statx(own, "", AT_EMPTY_PATH, FIELDS, &st)) {
			put(r->text[side], TEXT_ROOM, "%s", strerrorname_np(errno));
			continue;
		}
		put_statx(&st, r->text[side], TEXT_ROOM);
		put(r->text[side], TEXT_ROOM, " flags %o", fcntl(own, F_GETFL));
		/* Positions in directories are the lower's own. */
		if (!S_ISDIR(st.stx_mode))
			put(r->text[side], TEXT_ROOM, " at %lld",
			    (long long)lseek(own, 0, SEEK_CUR));
	}
	same = same_text(r, what);
	if (!same || !(uses & USES_DATA) || r->slot[slot].fd[PLAIN] < 0)
		return same;
	for (side = 0; side < SIDES; side++) {
		snprintf(proc, sizeof(proc), "%d", r->slot[slot].fd[side]);
		fd[side] = openat(r->proc, proc, O_RDONLY | O_NOATIME | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd[PLAIN] >= 0 && fd[VAULT] >= 0)
		same = same_contents(r, fd, what);
	for (side = 0; side < SIDES; side++)
		if (fd[side] >= 0)
			close(fd[side]);
	return same;
}

/* From one offset to another. */
static bool same_piece(struct run *r, const int fd[SIDES], long long from, long long to,
		       const char *what)
{
	static __thread unsigned char got[SIDES][CHUNK];
	ssize_t n[SIDES], i;

	while (from < to) {
		size_t want = to - from < CHUNK ? to - from : CHUNK;
		int side;

		for (side = 0; side < SIDES; side++) {
			n[side] = pread(fd[side], got[side], want, from);
			if (n[side] < 0)
				n[side] = -errno;
		}
		if (n[PLAIN] != n[VAULT])
			return differs(r, "%.100s: at %lld plain gives %zd, vault %zd", what, from,
				       n[PLAIN],
				       n[VAULT]);
		if (n[PLAIN] <= 0)
			return true;
		if (memcmp(got[PLAIN], got[VAULT], n[PLAIN])) {
			for (i = 0; got[PLAIN][i] == got[VAULT][i]; i++)
				;
			return differs(r, "%.100s: byte %lld is %#x in plain, %#x in the vault",
				       what, from + i,
				       got[PLAIN][i], got[VAULT][i]);
		}
		from += n[PLAIN];
	}
	return true;
}

/*
 * Small files whole. Of large ones what is data on the plain side, the beginning and
 * the end of each of its holes, and all that the vault says to be data.
 */
bool same_contents(struct run *r, const int fd[SIDES], const char *what)
{
	struct stat st[SIDES];
	long long at = 0;
	bool same = true;
	int side, from;

	for (side = 0; side < SIDES; side++)
		if (fstat(fd[side], &st[side]))
			return differs(r, "%.100s: fstat: %s", what, strerrorname_np(errno));
	if (!S_ISREG(st[PLAIN].st_mode))
		return true;
	if (st[PLAIN].st_size != st[VAULT].st_size)
		return differs(r, "%.100s: size %lld in plain, %lld in the vault", what,
			       (long long)st[PLAIN].st_size, (long long)st[VAULT].st_size);
	if (st[PLAIN].st_size < 2 << 20)
		return same_piece(r, fd, 0, st[PLAIN].st_size + 1, what);
	for (from = 0; same && from < (set.data_map ? SIDES : 1); from++) {
		for (at = 0; same; ) {
			long long data = lseek(fd[from], at, SEEK_DATA), end;

			if (data < 0)
				data = st[PLAIN].st_size;
			end = lseek(fd[from], data, SEEK_HOLE);
			if (data - at > 2 * CHUNK)
				same = same_piece(r, fd, at, at + CHUNK, what) &&
				       same_piece(r, fd, data - CHUNK, data, what);
			else
				same = same_piece(r, fd, at, data, what);
			if (end < 0 || end <= data)
				break;
			same = same && same_piece(r, fd, data, end, what);
			at = end;
		}
	}
	return same;
}
