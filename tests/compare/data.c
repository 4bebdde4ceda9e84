// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on open files: opening, reading, writing, cutting, copying, syncing,
 * holes, locks.
 */
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "compare.h"

const struct fallocate_variant fallocate_variants[] = {
	{ "allocate", 0 },
	{ "KEEP_SIZE", FALLOC_FL_KEEP_SIZE },
	{ "PUNCH_HOLE", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE },
	{ "ZERO_RANGE", FALLOC_FL_ZERO_RANGE },
	{ "ZERO_RANGE KEEP_SIZE", FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE },
	{ "COLLAPSE_RANGE", FALLOC_FL_COLLAPSE_RANGE },
	{ "INSERT_RANGE", FALLOC_FL_INSERT_RANGE },
	{ "UNSHARE_RANGE", FALLOC_FL_UNSHARE_RANGE },
	{ NULL }
};

static int fd_of(const struct run *r, const struct op *op, enum side side)
{
	return r->slot[op->slot].fd[side];
}

static bool is_direct(const struct run *r, int slot)
{
	return r->slot[slot].flags & O_DIRECT;
}

/* Direct I/O of the plain side goes by whole sectors. */
static void align(const struct run *r, struct op *op)
{
	if (!is_direct(r, op->slot))
		return;
	op->at &= ~4095LL;
	op->len = (op->len + 4095) & ~4095UL;
}

/* ---- opening and closing ---- */

static bool pick_open(struct run *r, struct op *op)
{
	static const struct {
		int flag;
		unsigned int one_in;
	} flags[] = {
		{ O_CREAT, 2 }, { O_EXCL, 10 }, { O_TRUNC, 7 }, { O_APPEND, 7 }, { O_SYNC, 25 },
			{ O_DSYNC, 25 },
		{ O_DIRECT, 9 }, { O_NOFOLLOW, 20 }, { O_PATH, 25 }, { O_DIRECTORY, 25 },
			{ O_NOATIME, 30 },
	};
	unsigned int i;

	pick_path(r, op->a);
	if (chance(r, 2))
		pick_live(r, op->a, S_IFREG);
	op->slot = below(r, SLOTS);
	op->flags = below(r, 4) ? O_RDWR : below(r, 4);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (chance(r, flags[i].one_in))
			op->flags |= flags[i].flag;
	if (set.lower == TMPFS_MAGIC)
		op->flags &= ~O_DIRECT;
	if (op->flags & O_DIRECT)
		op->flags &= ~O_APPEND;
	op->flags |= O_NONBLOCK | O_CLOEXEC;
	op->mode = pick_mode(r);
	return true;
}

/* Opens op->a in a slot, whose last file goes first. Return: the descriptor, or -1. */
static int open_slot(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd;

	if (side == PLAIN)
		slot_close(r, op->slot);
	fd = open(op->a, op->flags, op->mode);
	result_of(res, fd);
	if (fd < 0)
		return -1;
	r->slot[op->slot].fd[side] = fd;
	r->slot[op->slot].flags = op->flags;
	res->ret = 0;
	return fd;
}

static void go_open(struct run *r, const struct op *op, enum side side, struct result *res)
{
	open_slot(r, op, side, res);
}

static bool pick_tmpfile(struct run *r, struct op *op)
{
	pick_live(r, op->a, S_IFDIR);
	pick_path(r, op->b);
	op->slot = below(r, SLOTS);
	op->flags = O_TMPFILE | O_RDWR | O_CLOEXEC | (chance(r, 6) ? O_EXCL : 0);
	op->mode = pick_mode(r);
	op->len = pick_len(r);
	op->seed = draw(r);
	op->which = below(r, 3);
	return true;
}

/* A nameless file, written before it gets a name, after that, or never named. */
static void go_tmpfile(struct run *r, const struct op *op, enum side side, struct result *res)
{
	char name[16];
	ssize_t n = 0;
	int fd = open_slot(r, op, side, res);

	if (fd < 0)
		return;
	fill(r->data, op->len, op->seed);
	if (op->which != 1)
		n = write(fd, r->data, op->len);
	if (op->which) {
		snprintf(name, sizeof(name), "%d", fd);
		result_of(res, linkat(r->proc, name, AT_FDCWD, op->b, AT_SYMLINK_FOLLOW));
	}
	if (op->which == 1)
		n = write(fd, r->data, op->len);
	add_text(res, "wrote %zd", n);
}

static bool pick_close(struct run *r, struct op *op)
{
	return pick_slot(r, &op->slot);
}

static void go_close(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, close(fd_of(r, op, side)));
	r->slot[op->slot].fd[side] = -1;
}

/* ---- reading and writing ---- */

static bool pick_io(struct run *r, struct op *op)
{
	if (!pick_slot(r, &op->slot))
		return false;
	op->which = below(r, 4);
	op->at = pick_offset(r);
	op->len = pick_len(r);
	op->seed = draw(r);
	/* Where the position is may not be aligned. */
	if (is_direct(r, op->slot))
		op->which = 1;
	align(r, op);
	return true;
}

static unsigned int pieces(const struct op *op, unsigned char *data, struct iovec *vec)
{
	size_t first = op->len / 3, second = op->len / 7;

	vec[0] = (struct iovec) { data, first };
	vec[1] = (struct iovec) { data + first, second };
	vec[2] = (struct iovec) { data + first + second, op->len - first - second };
	return 3;
}

static void go_read(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd = fd_of(r, op, side);
	struct iovec vec[3];
	unsigned int n = pieces(op, res->out, vec);
	ssize_t got;

	switch (op->which) {
	case 0:
		got = read(fd, res->out, op->len);
		break;
	case 1:
		got = pread(fd, res->out, op->len, op->at);
		break;
	case 2:
		got = readv(fd, vec, n);
		break;
	default:
		got = preadv(fd, vec, n, op->at);
	}
	result_of(res, got);
	res->len = got > 0 ? got : 0;
}

static void go_write(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd = fd_of(r, op, side);
	struct iovec vec[3];
	unsigned int n = pieces(op, r->data, vec);

	fill(r->data, op->len, op->seed);
	switch (op->which) {
	case 0:
		result_of(res, write(fd, r->data, op->len));
		break;
	case 1:
		result_of(res, pwrite(fd, r->data, op->len, op->at));
		break;
	case 2:
		result_of(res, writev(fd, vec, n));
		break;
	default:
		result_of(res, pwritev(fd, vec, n, op->at));
	}
}

static bool pick_seek(struct run *r, struct op *op)
{
	if (!pick_slot(r, &op->slot))
		return false;
	op->which = below(r, 3);
	op->at = pick_offset(r);
	if (chance(r, 3))
		op->at = -(op->at % 5000);
	return true;
}

static void go_seek(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd = fd_of(r, op, side);
	struct stat st;

	/* The size of a directory is the lower's own. */
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		result_of(res, lseek(fd, 0, SEEK_SET));
		return;
	}
	result_of(res, lseek(fd, op->at, op->which == 0 ? SEEK_SET : op->which == 1 ? SEEK_CUR :
			     SEEK_END));
}

static bool pick_mode_of_fd(struct run *r, struct op *op)
{
	if (!pick_slot(r, &op->slot) || is_direct(r, op->slot))
		return false;
	op->flags = chance(r, 2) ? O_APPEND : 0;
	return true;
}

static void go_mode_of_fd(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, fcntl(fd_of(r, op, side), F_SETFL, op->flags | O_NONBLOCK));
}

/* ---- sizes ---- */

static long long pick_size(struct run *r)
{
	static const long long odd[] = { -1, 1LL << 62, 0x7fffffffffffffffLL };

	return chance(r, 60) ? odd[below(r, ARRAY_SIZE(odd))] : chance(r, 10) ? 0 : pick_offset(r);
}

static bool pick_ftruncate(struct run *r, struct op *op)
{
	op->at = pick_size(r);
	return pick_slot(r, &op->slot);
}

static void go_ftruncate(struct run *r, const struct op *op, enum side side, struct result *res)
{
	result_of(res, ftruncate(fd_of(r, op, side), op->at));
}

static bool pick_truncate(struct run *r, struct op *op)
{
	op->at = pick_size(r);
	if (chance(r, 2))
		pick_path(r, op->a);
	else
		pick_live(r, op->a, S_IFREG);
	return true;
}

static void go_truncate(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct timespec times[2] = { { 1650000000 + op->step, 3 }, { 1650000000 + op->step, 4 } };
	struct stat st;

	become(0);
	if (stat(op->a, &st))
		st.st_size = -1;
	become(op->as);
	result_of(res, truncate(op->a, op->at));
	/* XFS does not move the times of a file that had this size already, ext4 and the vault do. */
	if (!r->timed || res->err || st.st_size != op->at)
		return;
	become(0);
	utimensat(AT_FDCWD, op->a, times, 0);
	become(op->as);
}

static bool pick_fallocate(struct run *r, struct op *op)
{
	const int moving = FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;

	if (!pick_slot(r, &op->slot))
		return false;
	op->which = below(r, ARRAY_SIZE(fallocate_variants) - 1);
	if (!set.fallocate[op->which])
		return false;
	op->at = pick_offset(r);
	op->len = 1 + (chance(r, 20) ? below(r, 4 << 20) : below(r, 50000));
	/* Those that move data go by blocks, mostly. */
	if (fallocate_variants[op->which].mode & moving && !chance(r, 8)) {
		op->at &= ~4095LL;
		op->len = (op->len + 4095) & ~4095UL;
	}
	return true;
}

static void go_fallocate(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct timespec times[2] = { { 1650000000 + op->step, 3 }, { 1650000000 + op->step, 4 } };
	int fd = fd_of(r, op, side), mode = fallocate_variants[op->which].mode;
	struct stat st;

	result_of(res, fallocate(fd, mode, op->at, op->len));
	/* XFS moves the times of a file that is punched behind its end, ext4 and the vault do not. */
	if (!r->timed || res->err || !(mode & FALLOC_FL_PUNCH_HOLE))
		return;
	become(0);
	if (!fstat(fd, &st) && op->at >= st.st_size)
		futimens(fd, times);
	become(op->as);
}

/* Are these bytes zero in the plain file? Those that the vault says to be a hole. */
static bool zeros(int fd, long long from, long long to, long long *bad)
{
	static __thread unsigned char data[65536];

	while (from < to) {
		ssize_t n, i;

		from = lseek(fd, from, SEEK_DATA);
		if (from < 0 || from >= to)
			return true;
		n = pread(fd, data, to - from < (long long)sizeof(data) ? to - from :
			  (long long)sizeof(data), from);
		for (i = 0; i < n; i++) {
			if (data[i]) {
				*bad = from + i;
				return false;
			}
		}
		if (n <= 0)
			return true;
		from += n;
	}
	return true;
}

static bool pick_holes(struct run *r, struct op *op)
{
	op->at = pick_offset(r);
	return pick_slot(r, &op->slot);
}

/* By meaning: what is no data reads as zeros, and both end where the file ends. */
static bool whole_holes(struct run *r, const struct op *op)
{
	const int *fd = r->slot[op->slot].fd;
	struct stat st;
	long long at = op->at, size, data, hole, keep[SIDES], bad;
	int side, code;

	/* O_PATH, write-only ones: the plain one cannot be read. */
	if (fstat(fd[PLAIN], &st) || !S_ISREG(st.st_mode) || (r->slot[op->slot].flags & O_PATH) ||
	    (r->slot[op->slot].flags & O_ACCMODE) == O_WRONLY || is_direct(r, op->slot) ||
	    (r->slot[op->slot].flags & O_ACCMODE) == O_ACCMODE)
		return true;
	size = st.st_size;
	for (side = 0; side < SIDES; side++)
		keep[side] = lseek(fd[side], 0, SEEK_CUR);
	while (!r->failed) {
		data = lseek(fd[VAULT], at, SEEK_DATA);
		code = errno;
		if (data < 0 && code != ENXIO)
			return differs(r, "SEEK_DATA from %lld gives %s", at,
				       strerrorname_np(code));
		if (data < 0 && !zeros(fd[PLAIN], at, size, &bad))
			return differs(r, "SEEK_DATA finds no data after %lld, but byte %lld is",
				       at, bad);
		if (data < 0)
			break;
		if (data < at || data >= size)
			return differs(r, "SEEK_DATA from %lld gives %lld, size %lld", at, data,
				       size);
		if (!zeros(fd[PLAIN], at, data, &bad))
			return differs(r, "SEEK_DATA from %lld gives %lld, but byte %lld is data",
				       at, data, bad);
		hole = lseek(fd[VAULT], data, SEEK_HOLE);
		if (hole <= data || hole > size)
			return differs(r, "SEEK_HOLE from %lld gives %lld, size %lld", data, hole,
				       size);
		at = hole;
		if (at == size)
			break;
	}
	if (lseek(fd[VAULT], size, SEEK_DATA) != -1 || errno != ENXIO ||
	    lseek(fd[VAULT], size, SEEK_HOLE) != -1 || errno != ENXIO)
		return differs(r, "SEEK_DATA, SEEK_HOLE from the end on do not give ENXIO");
	for (side = 0; side < SIDES; side++)
		lseek(fd[side], keep[side], SEEK_SET);
	return true;
}

/* ---- copying in the kernel ---- */

static bool one_file(int a, int b)
{
	struct stat one, two;

	return !fstat(a, &one) && !fstat(b, &two) && one.st_ino == two.st_ino;
}

static bool pick_copy(struct run *r, struct op *op)
{
	if (!pick_slot(r, &op->slot) || !pick_slot(r, &op->other))
		return false;
	if (is_direct(r, op->slot) || is_direct(r, op->other))
		return false;
	/* In pieces, as large as they come: whether it is read once more after a write differs. */
	if (r->timed && one_file(r->slot[op->slot].fd[PLAIN], r->slot[op->other].fd[PLAIN]))
		return false;
	op->which = below(r, 3);
	op->at = pick_offset(r);
	op->to = pick_offset(r);
	op->len = pick_len(r);
	return true;
}

static ssize_t through_pipe(int from, int to, const struct op *op, struct result *res)
{
	loff_t in = op->at, out = op->to;
	ssize_t n = 0, done = 0;
	size_t left = op->len;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -1;
	while (left) {
		n = splice(from, &in, pipes[1], NULL, left, 0);
		if (n <= 0)
			break;
		left -= n;
		while (n > 0) {
			ssize_t m = splice(pipes[0], NULL, to, &out, n, 0);

			if (m <= 0) {
				n = m;
				break;
			}
			n -= m;
			done += m;
		}
		if (n < 0)
			break;
	}
	n = left == op->len || n < 0 ? n : done;
	add_text(res, "%lld bytes", (long long)done);
	close(pipes[0]);
	close(pipes[1]);
	return n;
}

static void go_copy(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int from = fd_of(r, op, side), to = r->slot[op->other].fd[side];
	loff_t in = op->at, out = op->to;
	ssize_t n;

	switch (op->which) {
	case 0:
		n = copy_file_range(from, &in, to, &out, op->len, 0);
		break;
	case 1:
		n = sendfile(to, from, &in, op->len);
		break;
	default:
		n = through_pipe(from, to, op, res);
	}
	result_of(res, n);
}

/* ---- syncing, advice, locks ---- */

static bool pick_sync(struct run *r, struct op *op)
{
	op->which = below(r, 12);
	op->at = pick_offset(r);
	op->len = pick_len(r);
	op->flags = below(r, 9);
	return pick_slot(r, &op->slot);
}

static void go_sync(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd = fd_of(r, op, side);

	if (op->which < 4)
		result_of(res, fsync(fd));
	else if (op->which < 8)
		result_of(res, fdatasync(fd));
	else if (op->which < 11)
		result_of(res, sync_file_range(fd, op->at, op->len, op->flags));
	else
		result_of(res, syncfs(fd));
}

static bool pick_advice(struct run *r, struct op *op)
{
	op->which = below(r, 8);
	op->at = pick_offset(r);
	op->len = pick_len(r);
	return pick_slot(r, &op->slot);
}

static void go_advice(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int fd = fd_of(r, op, side), err;

	if (op->which < 6) {
		err = posix_fadvise(fd, op->at, op->len, op->which);
		*res = (struct result) { .ret = err ? -1 : 0, .err = err, .out = res->out };
	} else {
		result_of(res, readahead(fd, op->at, op->len));
	}
}

static bool pick_lock(struct run *r, struct op *op)
{
	op->which = below(r, 3);
	op->flags = below(r, 3);
	op->at = below(r, 100);
	op->len = below(r, 50);
	return pick_slot(r, &op->slot);
}

static void go_lock(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static const short types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	static const int whole[] = { LOCK_SH, LOCK_EX, LOCK_UN };
	struct flock lock = { .l_type = types[op->flags], .l_start = op->at, .l_len = op->len };
	int fd = fd_of(r, op, side);

	if (!op->which) {
		result_of(res, flock(fd, whole[op->flags] | LOCK_NB));
		return;
	}
	result_of(res, fcntl(fd, op->which == 1 ? F_OFD_SETLK : F_OFD_GETLK, &lock));
	if (op->which == 2 && !res->err)
		add_text(res, "type %d from %lld length %lld", lock.l_type, (long long)lock.l_start,
			 (long long)lock.l_len);
}

/* ---- what both sides can do ---- */

static bool can_fallocate(const char *dir, int mode, char *path)
{
	static const char data[16384] = "x";
	bool can;
	int fd;

	snprintf(path, PATH_ROOM, "%s/probe", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return false;
	can = write(fd, data, sizeof(data)) == sizeof(data) &&
	      (!fallocate(fd, mode, 4096, 4096) || errno != EOPNOTSUPP);
	close(fd);
	return can;
}

static bool can_tell_holes(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	bool can = fd >= 0 && !ftruncate(fd, 8 << 20) && pwrite(fd, "x", 1, 7 << 20) == 1 &&
		   !fsync(fd) && lseek(fd, 1 << 20, SEEK_DATA) > 1 << 20;

	close(fd);
	return can;
}

/* Says what is left out for not being there on the vault. */
void probe(void)
{
	char path[SIDES][PATH_ROOM];
	bool can[SIDES];
	int i, side;

	for (i = 0; fallocate_variants[i].name; i++) {
		for (side = 0; side < SIDES; side++)
			can[side] = can_fallocate(set.dir[side], fallocate_variants[i].mode,
						  path[side]);
		set.fallocate[i] = can[PLAIN] && can[VAULT];
		printf("# fallocate %s: %s\n", fallocate_variants[i].name,
		       set.fallocate[i] ? "compared" : can[PLAIN] ?
			       "EOPNOTSUPP on the vault, left out" :
		       can[VAULT] ? "EOPNOTSUPP on the plain side, left out" :
			       "EOPNOTSUPP on both");
	}
	set.data_map = can_tell_holes(path[VAULT]);
	printf("# SEEK_HOLE: the vault %s holes\n", set.data_map ? "tells of" :
	       "says that all is data, and does not tell of");
	for (side = 0; side < SIDES; side++)
		unlink(path[side]);
}

const struct kind data_kinds[] = {
	{ "open", 120, USES_A | USES_SLOT, pick_open, go_open },
	{ "tmpfile", 12, USES_A | USES_B | USES_SLOT | USES_DATA, pick_tmpfile, go_tmpfile },
	{ "close", 60, 0, pick_close, go_close },
	{ "read", 80, USES_SLOT, pick_io, go_read },
	{ "write", 140, USES_SLOT | USES_DATA, pick_io, go_write },
	{ "lseek", 25, USES_SLOT, pick_seek, go_seek },
	{ "setfl", 8, USES_SLOT, pick_mode_of_fd, go_mode_of_fd },
	{ "ftruncate", 50, USES_SLOT | USES_DATA, pick_ftruncate, go_ftruncate },
	{ "truncate", 40, USES_A | USES_DATA, pick_truncate, go_truncate },
	{ "fallocate", 60, USES_SLOT | USES_DATA, pick_fallocate, go_fallocate },
	{ "holes", 20, USES_SLOT, pick_holes, NULL, whole_holes },
	{ "copy", 50, USES_SLOT | USES_OTHER | USES_DATA, pick_copy, go_copy },
	{ "sync", 25, USES_SLOT, pick_sync, go_sync },
	{ "advice", 20, USES_SLOT, pick_advice, go_advice },
	{ "lock", 15, USES_SLOT, pick_lock, go_lock },
	{ NULL }
};
