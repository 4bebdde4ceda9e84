// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkvault: writes a small vault with everything that the format knows, for
 * tests of ward-recover, and for the module to read. The same in each run.
 *
 *   mkvault [--chacha] [--unclean] [--deep N] [--empty] [--plain DIR] [--map FILE] VAULTDIR
 *
 * --deep also makes N directories within each other, which have no plain form; --empty makes a vault without files.
 * --plain also writes the plain files that the vault stands for; --map writes
 * a line for each object: lower path, tab, upper path (JSON strings).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "writer.h"

/**
 * struct dir - a directory that is being filled
 * @lower: below
 * @plain: what it stands for; -1 for none
 * @has_id: its id is made
 * @id: its id
 * @lower_path: from tree/ on
 * @path: as users see it
 */
struct dir {
	int lower;
	int plain;
	int has_id;
	uint8_t id[16];
	char *lower_path;
	char *path;
};

static struct writer w;
static FILE *map;
static int xattrs = 1;

static void die(const char *what)
{
	fprintf(stderr, "mkvault: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void json(const char *s)
{
	putc('"', map);
	for (; *s; s++)
		fprintf(map, (unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f || *s == '"' ||
			*s == '\\' ? "\\u%04x" : "%c", (unsigned char)*s);
	putc('"', map);
}

static void mapped(const char *lower, const char *path)
{
	if (!map)
		return;
	json(lower);
	putc('\t', map);
	json(path);
	putc('\n', map);
}

/* Contents that say where they stand, without a pattern that repeats. */
static void fill(uint8_t *p, size_t len, uint64_t pos, uint32_t seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t x = (pos + i) * 0x9e3779b97f4a7c15ULL + seed * 0xd1b54a32d192ed03ULL;

		x ^= x >> 29;
		p[i] = 1 + x * 0xbf58476d1ce4e5b9ULL % 255;
	}
}

static void put_at(int fd, const void *buf, size_t len, off_t pos)
{
	if (pwrite(fd, buf, len, pos) != (ssize_t)len)
		die("write");
}

static void make_id(struct dir *d)
{
	char target[23];

	if (d->has_id)
		return;
	writer_draw(&w, d->id, sizeof(d->id));
	writer_dirid(d->id, target);
	if (symlinkat(target, d->lower, ".ward-id"))
		die("directory id");
	d->has_id = 1;
}

static char *below(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s", dir, dir[0] ? "/" : "", name) < 0)
		die("path");
	return path;
}

/* The lower name of a new entry, with all that goes with it. */
static void entry(struct dir *d, const char *name, char lower[256])
{
	char hidden[64], full[512], *a, *b;

	make_id(d);
	writer_name(&w, d->id, name, lower, hidden, full);
	if (hidden[0] && symlinkat(full, d->lower, hidden))
		die("long name");
	a = below(d->lower_path, lower);
	b = below(d->path, name);
	mapped(a, b);
	free(a);
	free(b);
}

static void times(int fd, int plain, int seconds)
{
	const struct timespec t[2] = {
		{ 1700000000 + seconds, 111 }, { 1710000000 + seconds, 123456789 },
	};

	if (futimens(fd, t) || (plain >= 0 && futimens(plain, t)))
		die("times");
}

static void xattr(int lower, int plain, const uint8_t *keys, const char *name, const void *value,
		  size_t len)
{
	char lower_name[256], plain_name[256];
	uint8_t lower_value[4096];

	if (!xattrs)
		return;
	writer_xattr(&w, keys, name, value, len, lower_name, lower_value);
	if (fsetxattr(lower, lower_name, lower_value, 16 + len, 0)) {
		if (errno != ENOTSUP)
			die("xattr");
		fprintf(stderr, "mkvault: no user xattrs here: left out\n");
		xattrs = 0;
		return;
	}
	snprintf(plain_name, sizeof(plain_name), "user.%s", name);
	if (plain >= 0 && fsetxattr(plain, plain_name, value, len, 0))
		die("plain xattr");
}

/* Where a file has data: the rest of it is holes. */
struct range {
	uint64_t from, to;
};

static int overlaps(const struct range *r, size_t count, uint64_t from, uint64_t to)
{
	while (count--)
		if (r[count].from < to && r[count].to > from)
			return 1;
	return 0;
}

/*
 * A file. Its blocks are written where there is data; the first and the last
 * one always are. Returns the lower file.
 */
static int file(struct dir *d, const char *name, uint64_t size, const struct range *data,
		size_t count, mode_t mode, struct writer_file *f)
{
	uint64_t n = !size ? 0 : size <= 3552 ? 1 : 1 + (size - 3552 + 4063) / 4064, k, from, to;
	uint32_t seed = size + strlen(name) * 7919;
	int fd, plain = -1, flags = size ? 0 : 1;
	uint8_t block[4096], text[4096];
	char lower[256];
	size_t i, j;

	for (i = 0; i < count; i++)
		if (data[i].from > (i ? data[i - 1].to : 0))
			flags = 2;
	if (size && (!count || data[count - 1].to < size))
		flags = 2;
	entry(d, name, lower);
	fd = openat(d->lower, lower, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		die("file");
	if (d->plain >= 0) {
		plain = openat(d->plain, name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (plain < 0 || ftruncate(plain, size))
			die("plain file");
	}
	writer_file_new(&w, f);
	writer_header(&w, f, flags, block);
	put_at(fd, block, 512, 0);
	for (k = 0; k < n; k++) {
		from = k ? 3552 + (k - 1) * 4064 : 0;
		to = from + (k ? 4064 : 3552);
		if (to > size)
			to = size;
		if (k && k != n - 1 && !overlaps(data, count, from, to))
			continue;
		memset(text, 0, sizeof(text));
		for (i = 0; i < count; i++)
			for (j = 0; j < to - from; j++)
				if (from + j >= data[i].from && from + j < data[i].to)
					fill(text + j, 1, from + j, seed);
		if (plain >= 0 && overlaps(data, count, from, to))
			put_at(plain, text, to - from, from);
		i = writer_unit(&w, f, k, text, to - from, k == n - 1, block);
		put_at(fd, block, i, k ? k * 4096 : 512);
	}
	if (n && ftruncate(fd, 4096 * n + size - (n > 1 ? 3552 + (n - 2) * 4064 : 0)))
		die("length");
	if (fchmod(fd, mode) || (plain >= 0 && fchmod(plain, mode)))
		die("mode");
	times(fd, plain, size % 1000);
	if (plain >= 0)
		close(plain);
	return fd;
}

static void dense(struct dir *d, const char *name, uint64_t size, mode_t mode)
{
	const struct range all = { 0, size };
	struct writer_file f;

	close(file(d, name, size, &all, 1, mode, &f));
}

static void link_to(struct dir *d, const char *name, const char *target)
{
	char lower[256], lower_target[4096];

	entry(d, name, lower);
	writer_target(&w, target, lower_target);
	if (symlinkat(lower_target, d->lower, lower) ||
	    (d->plain >= 0 && symlinkat(target, d->plain, name)))
		die("symlink");
}

/* As long as the file system takes: XFS has symlinks of up to 1023 bytes, others of 4095. */
static void longest_link(struct dir *d)
{
	char target[3025];
	size_t len = 3024;

	memset(target, 'l', sizeof(target));
	target[1024] = 0;
	if (symlinkat(target, d->lower, "probe") && errno == ENAMETOOLONG)
		len = 700;
	else
		unlinkat(d->lower, "probe", 0);
	target[1024] = 'l';
	target[len] = 0;
	link_to(d, "longest", target);
}

static void subdir(struct dir *d, const char *name, struct dir *sub)
{
	char lower[256];

	memset(sub, 0, sizeof(*sub));
	entry(d, name, lower);
	if (mkdirat(d->lower, lower, 0750) || (d->plain >= 0 && mkdirat(d->plain, name, 0750)))
		die("directory");
	sub->lower = openat(d->lower, lower, O_RDONLY | O_DIRECTORY);
	sub->plain = d->plain < 0 ? -1 : openat(d->plain, name, O_RDONLY | O_DIRECTORY);
	if (sub->lower < 0 || (d->plain >= 0 && sub->plain < 0))
		die("directory");
	sub->lower_path = below(d->lower_path, lower);
	sub->path = below(d->path, name);
}

static void done(struct dir *d, mode_t mode, int seconds)
{
	if (fchmod(d->lower, mode) || (d->plain >= 0 && fchmod(d->plain, mode)))
		die("mode");
	times(d->lower, d->plain, seconds);
	close(d->lower);
	if (d->plain >= 0)
		close(d->plain);
	free(d->lower_path);
	free(d->path);
}

/* Files of all sizes at which something changes. */
static void sizes(struct dir *top)
{
	static const unsigned int edges[] = {
		0, 1, 2, 511, 512, 3551, 3552, 3553, 4095, 4096, 4097, 7615, 7616, 7617, 8191, 8192,
		11679, 11680, 11681, 65536, 131072, 262143, 300000,
	};
	struct dir d;
	char name[32];
	size_t i;

	subdir(top, "sizes", &d);
	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		snprintf(name, sizeof(name), "%u bytes", edges[i]);
		dense(&d, name, edges[i], i % 3 ? 0644 : 0600);
	}
	done(&d, 0755, 1);
}

static void holes(struct dir *top)
{
	const struct range begin[] = { { 0, 5000 } }, end[] = { { 1000000, 1000100 } };
	const struct range middle[] = { { 0, 10 }, { 3000000, 3010000 }, { 5000000, 5000001 } };
	struct writer_file f;
	struct dir d;

	subdir(top, "sparse", &d);
	close(file(&d, "hole at the end", 1 << 20, begin, 1, 0644, &f));
	close(file(&d, "hole at the beginning", 1000100, end, 1, 0644, &f));
	close(file(&d, "holes between", 6000000, middle, 3, 0644, &f));
	close(file(&d, "nothing but a hole", 123456, NULL, 0, 0644, &f));
	close(file(&d, "a hole in one block", 1000, begin, 0, 0644, &f));
	done(&d, 0755, 2);
}

static void names(struct dir *top)
{
	static const char *const odd[] = {
		"x", "exactly fifteen", "exactly sixteen.", "seventeen letters", " ", "a\nb", "-n",
		".hidden", "...", ".ward-id", ".ward-n", "=digest", "gr\xc3\xbc\xc3\x9f", "\xff\xfe",
		"\x1b[31mred\x1b[0m", "back\\slash \"quotes\"",
	};
	static const int lengths[] = { 142, 143, 144, 159, 160, 161, 175, 176, 177, 254, 255 };
	char name[256];
	struct dir d, sub;
	size_t i;

	subdir(top, "names", &d);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		dense(&d, odd[i], 10 + i, 0644);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(name, 'a' + i, lengths[i]);
		name[lengths[i]] = 0;
		dense(&d, name, 20 + i, 0644);
	}
	memset(name, 'D', 200);
	name[200] = 0;
	subdir(&d, name, &sub);
	dense(&sub, "in a directory with a long name", 30, 0644);
	memset(name, 'S', 200);
	link_to(&sub, name, "in a directory with a long name");
	done(&sub, 0700, 3);
	done(&d, 0755, 4);
}

static void links(struct dir *top)
{
	char target[3025], lower[256], from[256];
	struct writer_file f;
	struct dir d, sub;
	int fd;

	subdir(top, "links", &d);
	link_to(&d, "relative", "../sizes/1 bytes");
	link_to(&d, "absolute", "/etc/passwd");
	link_to(&d, "dangling", "nowhere");
	link_to(&d, "up", "..");
	longest_link(&d);
	subdir(&d, "other", &sub);
	fd = file(&d, "one of two", 5000, &(struct range){ 0, 5000 }, 1, 0640, &f);
	close(fd);
	make_id(&sub);
	/* The same object, under a name sealed with the keys of another directory. */
	writer_name(&w, d.id, "one of two", from, target, target + 64);
	entry(&sub, "two of two", lower);
	if (linkat(d.lower, from, sub.lower, lower, 0) ||
	    (d.plain >= 0 && linkat(d.plain, "one of two", sub.plain, "two of two", 0)))
		die("hard link");
	done(&sub, 0755, 5);
	entry(&d, "pipe", lower);
	if (mkfifoat(d.lower, lower, 0600) ||
	    (d.plain >= 0 && mkfifoat(d.plain, "pipe", 0600)))
		die("pipe");
	done(&d, 0755, 6);
}

static void attributes(struct dir *top)
{
	uint8_t keys[64], value[1000];
	struct writer_file f;
	struct dir d;
	int fd, plain = -1;
	char name[161];

	subdir(top, "xattrs", &d);
	fd = file(&d, "file", 100, &(struct range){ 0, 100 }, 1, 0644, &f);
	if (d.plain >= 0)
		plain = openat(d.plain, "file", O_RDWR);
	writer_file_xattr_keys(&w, &f, keys);
	xattr(fd, plain, keys, "comment", "some words", 10);
	xattr(fd, plain, keys, "empty", "", 0);
	fill(value, sizeof(value), 0, 1);
	xattr(fd, plain, keys, "mime.type.of.sixteen..", value, sizeof(value));
	memset(name, 'n', 160);
	name[160] = 0;
	xattr(fd, plain, keys, name, "long name", 9);
	times(fd, plain, 7);
	if (plain >= 0)
		close(plain);
	close(fd);
	writer_dir_xattr_keys(&w, d.id, keys);
	xattr(d.lower, d.plain, keys, "of the directory", value, 17);
	done(&d, 0755, 8);
}

/* Directories within each other; the way down is longer than a path may be. */
static void deep(struct dir *top, int levels)
{
	struct dir d, sub;

	top->plain = -1;
	subdir(top, "deep", &d);
	for (; levels; levels--) {
		subdir(&d, "d", &sub);
		done(&d, 0755, 12);
		d = sub;
	}
	dense(&d, "at the bottom", 50, 0644);
	done(&d, 0755, 12);
}

static void all_kinds(struct dir *top)
{
	struct dir d;

	sizes(top);
	holes(top);
	names(top);
	links(top);
	attributes(top);
	subdir(top, "empty", &d);
	done(&d, 0711, 9);
	subdir(top, "empty, with an id", &d);
	make_id(&d);
	done(&d, 0711, 10);
	/* Where ward-recover puts what has lost its name; not this time. */
	dense(top, "ward-lost", 40, 0644);
}

static void put_file(int dir, const char *name, const void *bytes, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		die(name);
	put_at(fd, bytes, len, 0);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "chacha", no_argument, NULL, 'c' }, { "unclean", no_argument, NULL, 'u' },
		{ "plain", required_argument, NULL, 'p' }, { "map", required_argument, NULL, 'm' },
		{ "deep", required_argument, NULL, 'd' }, { "empty", no_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	static uint8_t bytes[65536];
	const char *plain = NULL;
	int c, suite = 1, clean = 3, levels = 0, empty = 0, ward, dir, plain_fd;
	struct dir top;
	size_t n;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'c':
			suite = 2;
			break;
		case 'u':
			clean = 0;
			break;
		case 'd':
			levels = atoi(optarg);
			break;
		case 'e':
			empty = 1;
			break;
		case 'p':
			plain = optarg;
			break;
		case 'm':
			map = fopen(optarg, "w");
			if (!map)
				die(optarg);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 1)
		return 2;
	umask(0);
	writer_init(&w, suite, suite);
	if (mkdir(argv[optind], 0700) && errno != EEXIST)
		die(argv[optind]);
	dir = open(argv[optind], O_RDONLY | O_DIRECTORY);
	if (dir < 0 || mkdirat(dir, ".ward", 0700))
		die(".ward");
	ward = openat(dir, ".ward", O_RDONLY | O_DIRECTORY);
	if (ward < 0 || mkdirat(ward, "tree", 0755))
		die("tree");
	n = writer_vault(&w, 3, bytes, sizeof(bytes));
	put_file(ward, "vault", bytes, n);
	put_file(ward, "vault.bak", bytes, n);
	writer_epoch(&w, 2, 1, clean ? 2 : 0, bytes);
	writer_epoch(&w, 3, 1, clean, bytes + 4096);
	put_file(ward, "epoch", bytes, 8192);
	n = writer_policy(&w, bytes, sizeof(bytes));
	put_file(ward, "policy", bytes, n);

	memset(&top, 0, sizeof(top));
	top.plain = -1;
	top.lower_path = strdup("");
	top.path = strdup("");
	if (!top.path || !top.lower_path)
		die("path");
	top.lower = openat(ward, "tree", O_RDONLY | O_DIRECTORY);
	if (plain) {
		if (mkdir(plain, 0755))
			die(plain);
		top.plain = open(plain, O_RDONLY | O_DIRECTORY);
	}
	if (top.lower < 0 || (plain && top.plain < 0))
		die("tree");
	if (!empty)
		all_kinds(&top);
	plain_fd = top.plain;
	if (levels)
		deep(&top, levels);
	top.plain = plain_fd;
	done(&top, 0755, 11);
	if (map && fclose(map))
		die("map");
	return 0;
}
