// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads a log of the device-mapper target "log-writes" (log.h), and writes it to another device:
 * all of it, from one entry to another, or chosen entries and parts of entries.
 *
 *   replay list LOG                     a line an entry: OFFSET SECTOR SECTORS FLAGS [TEXT]
 *   replay size LOG                     how many bytes of LOG are in use
 *   replay span LOG DEVICE FROM TO      the entries at offsets FROM up to, not including, TO
 *   replay some LOG DEVICE              lines of standard input: OFFSET SKIP SECTORS
 *
 * Offsets are bytes within LOG, everything else is counted in sectors of 512 bytes; FLAGS are
 * letters: F flush, U forced unit access, D discard, M mark, m metadata, - none. TEXT is
 * that of a mark, or the first 16 bytes that were written, in hexadecimal digits.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/**
 * struct entry - an entry as it is used here
 * @offset: of its header in the log, bytes
 * @next: of the entry that follows, bytes
 * @sector: where it was written, sectors
 * @sectors: how many
 * @flags: LOG_*
 * @text: of a mark, NUL-terminated
 */
struct entry {
	uint64_t offset;
	uint64_t next;
	uint64_t sector;
	uint64_t sectors;
	uint64_t flags;
	char text[SECTOR];
};

static int log_fd, device_fd = -1;
static uint64_t log_sector;	/* the unit of the log's own numbers, bytes */

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	fputs("replay: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void read_log(void *to, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pread(log_fd, to, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("the log cannot be read at byte %" PRIu64 ": %s", offset,
			    n ? strerror(errno) : "it ends there");
		to = (char *)to + n;
		offset += n;
		len -= n;
	}
}

static void write_device(const void *from, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pwrite(device_fd, from, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("the device cannot be written at byte %" PRIu64 ": %s", offset,
			    strerror(n ? errno : ENOSPC));
		from = (const char *)from + n;
		offset += n;
		len -= n;
	}
}

static uint64_t open_log(const char *path)
{
	struct log_super super;

	log_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (log_fd < 0)
		die("%s: %s", path, strerror(errno));
	read_log(&super, sizeof(super), 0);
	if (le64toh(super.magic) != LOG_MAGIC || le64toh(super.version) != LOG_VERSION)
		die("%s is no log of dm-log-writes, or of a version that is not known", path);
	log_sector = le32toh(super.sector_size);
	if (log_sector < SECTOR || log_sector > 65536 || log_sector % SECTOR)
		die("%s: impossible sector size %" PRIu64, path, log_sector);
	return le64toh(super.entries);
}

static void open_device(const char *path)
{
	device_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (device_fd < 0)
		die("%s: %s", path, strerror(errno));
}

static void read_entry(struct entry *e, uint64_t offset)
{
	uint64_t scale = log_sector / SECTOR;
	struct log_entry raw;
	uint64_t text;

	read_log(&raw, sizeof(raw), offset);
	e->offset = offset;
	e->sector = le64toh(raw.sector) * scale;
	e->sectors = le64toh(raw.sectors) * scale;
	e->flags = le64toh(raw.flags);
	e->next = offset + log_sector;
	if (e->flags & ~(uint64_t)LOG_KNOWN || e->sectors > (uint64_t)1 << 40)
		die("no entry at byte %" PRIu64 " of the log", offset);
	if (!(e->flags & LOG_DISCARD))
		e->next += e->sectors * SECTOR;
	text = e->flags & LOG_MARK ? le64toh(raw.data_len) : 0;
	if (text >= SECTOR - sizeof(raw))
		die("a mark at byte %" PRIu64 " is too long", offset);
	read_log(e->text, text, offset + sizeof(raw));
	e->text[text] = '\0';
}

static void print_entry(const struct entry *e)
{
	static const char letters[] = "FUDMm";
	char flags[sizeof(letters)], *f = flags;
	uint8_t data[16];
	unsigned int i;

	for (i = 0; letters[i]; i++)
		if (e->flags >> i & 1)
			*f++ = letters[i];
	if (f == flags)
		*f++ = '-';
	*f = '\0';
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %s ", e->offset, e->sector, e->sectors, flags);
	if (e->sectors && !(e->flags & LOG_DISCARD)) {
		read_log(data, sizeof(data), e->offset + log_sector);
		for (i = 0; i < sizeof(data); i++)
			printf("%02x", data[i]);
	} else {
		fputs(e->text, stdout);
	}
	putchar('\n');
}

static void list(uint64_t entries, bool only_size)
{
	uint64_t offset = log_sector;
	struct entry e;

	while (entries--) {
		read_entry(&e, offset);
		if (!only_size)
			print_entry(&e);
		offset = e.next;
	}
	if (only_size)
		printf("%" PRIu64 "\n", offset);
}

/* Write a part of an entry to the device. What was discarded becomes zeros. */
static void apply(const struct entry *e, uint64_t skip, uint64_t sectors)
{
	static char buf[1024 * 1024];
	uint64_t from = e->offset + log_sector + skip * SECTOR;
	uint64_t to = (e->sector + skip) * SECTOR;
	uint64_t left = sectors * SECTOR;

	if (skip > e->sectors || sectors > e->sectors - skip)
		die("the entry at byte %" PRIu64 " is shorter than that", e->offset);
	while (left) {
		size_t len = left < sizeof(buf) ? left : sizeof(buf);

		if (e->flags & LOG_DISCARD)
			memset(buf, 0, len);
		else
			read_log(buf, len, from);
		write_device(buf, len, to);
		from += len;
		to += len;
		left -= len;
	}
}

static uint64_t number(const char *text)
{
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end)
		die("not a number: %s", text);
	return n;
}

static void span(uint64_t from, uint64_t to)
{
	struct entry e;

	while (from < to) {
		read_entry(&e, from);
		apply(&e, 0, e.sectors);
		from = e.next;
	}
}

static void some(void)
{
	uint64_t offset, skip, sectors;
	struct entry e;
	int n;

	while ((n = scanf("%" SCNu64 " %" SCNu64 " %" SCNu64, &offset, &skip, &sectors)) == 3) {
		read_entry(&e, offset);
		apply(&e, skip, sectors);
	}
	if (n != EOF)
		die("standard input: lines of three numbers are wanted");
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	uint64_t entries;

	if (!((argc == 3 && (!strcmp(verb, "list") || !strcmp(verb, "size"))) ||
	      (argc == 4 && !strcmp(verb, "some")) || (argc == 6 && !strcmp(verb, "span")))) {
		fputs("usage: replay list|size LOG | span LOG DEVICE FROM TO | some LOG DEVICE\n",
		      stderr);
		return 2;
	}
	entries = open_log(argv[2]);
	if (argc == 3) {
		list(entries, *verb == 's');
	} else {
		open_device(argv[3]);
		if (argc == 6)
			span(number(argv[4]), number(argv[5]));
		else
			some();
	}
	if (fflush(stdout) || (device_fd >= 0 && close(device_fd)))
		die("%s", strerror(errno));
	return 0;
}
