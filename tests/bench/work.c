// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One workload of the benchmarks, timed inside this process: the same calls on
 * every file system. Every page carries its own number, which reading verifies:
 * a file system that is fast because it is wrong fails.
 *
 *   work WORKLOAD PATH [COUNT]		see table[] at the end
 *   work time COMMAND ARGUMENT...	another program
 *   work time-sync COMMAND ARGUMENT...	... and sync(2) after it
 *
 * Prints the time as nanoseconds. Static, so that a cold run loads no library.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096
#define CHUNK	(128 * 1024)	/* what cp reads and writes at a time */
#define RECORD	100

static long first;		/* file, or MiB of one, to begin at */

static char buf[CHUNK] __attribute__((aligned(PAGE)));

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	fputs("work: ", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* xorshift64 (Marsaglia 2003): the same places in every run */
static uint64_t draw(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* Contents that no file system can compress, made before the clock starts */
static void fill(void)
{
	uint64_t *word = (uint64_t *)buf;
	size_t i;

	for (i = 0; i < CHUNK / sizeof(*word); i++)
		word[i] = draw();
}

static void stamp(char *data, size_t len, uint64_t page)
{
	size_t at;

	for (at = 0; at < len; at += PAGE, page++)
		memcpy(data + at, &page, sizeof(page));
}

static void verify(const char *data, size_t len, uint64_t page)
{
	uint64_t is;
	size_t at;

	for (at = 0; at < len; at += PAGE, page++) {
		memcpy(&is, data + at, sizeof(is));
		errno = 0;
		if (is != page)
			die("page %llu holds the number %llu", (unsigned long long)page,
			    (unsigned long long)is);
	}
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	if (fd < 0)
		die("%s", path);
	return fd;
}

static void close_or_die(int fd)
{
	if (close(fd))
		die("close");
}

static void write_at(int fd, const void *data, size_t len, uint64_t at)
{
	if (pwrite(fd, data, len, at) != (ssize_t)len)
		die("write");
}

static uint64_t pages_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		die("fstat");
	return st.st_size / PAGE;
}

/* ---- one file ------------------------------------------------------------- */

static void write_seq(const char *path, long mib)
{
	int fd = open_or_die(path, O_WRONLY | O_CREAT | (first ? 0 : O_TRUNC));
	uint64_t at = (uint64_t)first * 1024 * 1024, end = at + (uint64_t)mib * 1024 * 1024;

	for (; at < end; at += CHUNK) {
		stamp(buf, CHUNK, at / PAGE);
		write_at(fd, buf, CHUNK, at);
	}
	if (fsync(fd))
		die("fsync");
	close_or_die(fd);
}

static void read_seq(const char *path, long mib)
{
	int fd = open_or_die(path, O_RDONLY);
	uint64_t at = (uint64_t)first * 1024 * 1024, end = at + (uint64_t)mib * 1024 * 1024;

	if (lseek(fd, at, SEEK_SET) != (off_t)at)
		die("seek");
	for (; at < end; at += CHUNK) {
		if (read(fd, buf, CHUNK) != CHUNK)
			die("read");
		verify(buf, CHUNK, at / PAGE);
	}
	if (read(fd, buf, 1))
		die("the file is too long");
	close_or_die(fd);
}

static void read_mmap(const char *path, long mib)
{
	int fd = open_or_die(path, O_RDONLY);
	size_t len = (size_t)mib * 1024 * 1024;
	char *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		die("mmap");
	verify(map, len, 0);
	munmap(map, len);
	close_or_die(fd);
}

static void read_random(const char *path, long count)
{
	int fd = open_or_die(path, O_RDONLY);
	uint64_t page, pages = pages_of(fd);

	while (count--) {
		page = draw() % pages;
		if (pread(fd, buf, PAGE, page * PAGE) != PAGE)
			die("read");
		verify(buf, PAGE, page);
	}
	close_or_die(fd);
}

static void overwrite(const char *path, long count, int each)
{
	int fd = open_or_die(path, O_WRONLY);
	uint64_t page, pages = pages_of(fd);

	while (count--) {
		page = draw() % pages;
		stamp(buf, PAGE, page);
		write_at(fd, buf, PAGE, page * PAGE);
		if (each && fdatasync(fd))
			die("fsync");
	}
	if (!each && fsync(fd))
		die("fsync");
	close_or_die(fd);
}

static void overwrite_once(const char *path, long count)
{
	overwrite(path, count, 0);
}

static void overwrite_each(const char *path, long count)
{
	overwrite(path, count, 1);
}

static void append(const char *path, long count)
{
	int fd = open_or_die(path, O_WRONLY | O_CREAT | O_APPEND);

	while (count--) {
		if (write(fd, buf, RECORD) != RECORD)
			die("write");
		if (fsync(fd))
			die("fsync");
	}
	close_or_die(fd);
}

/* ---- many files ------------------------------------------------------------ */

static const char *member(const char *dir, long n)
{
	static char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/report-%06ld.txt", dir, n) >= (int)sizeof(path))
		die("%s: too long", dir);
	return path;
}

static void create_files(const char *dir, long count)
{
	long n;
	int fd;

	if (!first && mkdir(dir, 0755))
		die("%s", dir);
	for (n = first; n < first + count; n++) {
		fd = open_or_die(member(dir, n), O_WRONLY | O_CREAT | O_EXCL);
		stamp(buf, PAGE, n);
		write_at(fd, buf, PAGE, 0);
		close_or_die(fd);
	}
	sync();
}

static void stat_files(const char *dir, long count)
{
	struct stat st;
	long n;

	for (n = first; n < first + count; n++) {
		if (stat(member(dir, n), &st))
			die("%s", member(dir, n));
		errno = 0;
		if (st.st_size != PAGE)
			die("%s has %lld bytes", member(dir, n), (long long)st.st_size);
	}
}

static void read_one(const char *dir, long n)
{
	int fd = open_or_die(member(dir, n), O_RDONLY);

	if (read(fd, buf, CHUNK) != PAGE)
		die("%s", member(dir, n));
	verify(buf, PAGE, n);
	close_or_die(fd);
}

static void read_files(const char *dir, long count)
{
	long n;

	for (n = first; n < first + count; n++)
		read_one(dir, n);
}

/*
 * As read_files(), each time by somebody with other groups (no rule's), so that nothing that was
 * answered before is an answer. By root.
 */
static void read_strange(const char *dir, long count)
{
	gid_t group = 1U << 30 | (getpid() & 0x3fff) << 16;
	long n;

	for (n = first; n < first + count; n++) {
		group++;
		if (setgroups(1, &group))
			die("setgroups");
		read_one(dir, n);
	}
}

static void unlink_files(const char *dir, long count)
{
	long n;

	for (n = first; n < first + count; n++)
		if (unlink(member(dir, n)))
			die("%s", member(dir, n));
	sync();
}

/*
 * COUNT files in directories of 20, of 150 bytes to 64 KiB, most of them small, as in
 * a source tree or an office share. The source of cp -a; not timed itself.
 */
static void make_tree(const char *dir, long count)
{
	static const int sizes[] = { 150, 600, 900, 1500, 2200, 3000, 4200, 7000, 16000, 65000 };
	char path[PATH_MAX];
	long n;
	int fd;

	if (mkdir(dir, 0755))
		die("%s", dir);
	for (n = 0; n < count; n++) {
		if (snprintf(path, sizeof(path), "%s/folder-%03ld", dir, n / 20) >= PATH_MAX / 2)
			die("%s: too long", dir);
		if (n % 20 == 0 && mkdir(path, 0755))
			die("%s", path);
		fd = open_or_die(member(path, n), O_WRONLY | O_CREAT | O_EXCL);
		write_at(fd, buf, sizes[n % 10], 0);
		close_or_die(fd);
	}
	sync();
}

/* ---- other programs --------------------------------------------------------- */

static void command(char **argv)
{
	int status, null;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		null = open_or_die("/dev/null", O_WRONLY);
		dup2(null, 1);
		execvp(argv[0], argv);
		die("%s", argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		errno = 0;
		die("%s ended with status %d", argv[0], status);
	}
}

static const struct {
	const char *name;
	void (*run)(const char *path, long count);
} table[] = {
	{ "write", write_seq },			/* COUNT in MiB, one fsync */
	{ "read", read_seq },			/* MiB */
	{ "mmap", read_mmap },			/* MiB */
	{ "random-read", read_random },		/* pages */
	{ "overwrite", overwrite_once },	/* pages, one fsync */
	{ "overwrite-sync", overwrite_each },	/* pages, fdatasync each */
	{ "append-sync", append },		/* records of 100 bytes, fsync each */
	{ "create", create_files },		/* files of 4 KiB, then sync */
	{ "stat", stat_files },
	{ "read-files", read_files },
	{ "read-strange", read_strange },	/* each by somebody else */
	{ "unlink", unlink_files },		/* then sync */
	{ "tree", make_tree },
};

int main(int argc, char **argv)
{
	uint64_t start;
	size_t i;

	if (argc < 3)
		die("usage: work WORKLOAD PATH COUNT [FIRST] | time|time-sync COMMAND...");
	fill();
	if (argc > 4)
		first = atol(argv[4]);
	start = now();
	if (!strcmp(argv[1], "time") || !strcmp(argv[1], "time-sync")) {
		command(argv + 2);
		if (argv[1][4])
			sync();
	} else {
		for (i = 0; i < sizeof(table) / sizeof(*table); i++)
			if (!strcmp(argv[1], table[i].name))
				break;
		if (i == sizeof(table) / sizeof(*table))
			die("no workload %s", argv[1]);
		table[i].run(argv[2], argc > 3 ? atol(argv[3]) : 1);
	}
	printf("%llu\n", (unsigned long long)(now() - start));
	return 0;
}
