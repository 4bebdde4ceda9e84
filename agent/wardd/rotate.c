// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that are full: the log becomes FILE.1, what that was FILE.2, and so on, as others
 * rotate, too. The chain and the seals go on in the new file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "../lib/durable.h"
#include "wardd.h"

#define ROTATE_AGAIN_S	60	/* until rotating is tried again that failed */

/**
 * wardd_rotate_due - is it time for a new file
 * @w: the writer
 * @more: bytes that are about to be written; 0: only time counts
 *
 * Return: true when ward.conf says so, and there is something in the file.
 */
bool wardd_rotate_due(const struct wardd_writer *w, size_t more)
{
	const struct ward_settings *s = w->settings;

	if (!w->size || w->fd < 0 || wardd_now() < w->rotate_again)
		return false;
	if (more && s->rotate_size && w->size + more > s->rotate_size)
		return true;
	return s->rotate_age && w->began && time(NULL) - w->began >= (int64_t)s->rotate_age;
}

/* The directory, and the log's name in it. */
static int open_dir(const struct wardd_writer *w, char name[PATH_MAX])
{
	char dir[PATH_MAX], base[PATH_MAX];
	int fd;

	strcpy(dir, w->settings->log);
	strcpy(base, w->settings->log);
	strcpy(name, basename(base));
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The number that a rotated file has; 0: it is none of ours. */
static uint64_t number_of(const char *entry, const char *name)
{
	size_t len = strlen(name);
	const char *digits = entry + len + 1;

	if (strncmp(entry, name, len) || entry[len] != '.' || *digits < '1' || *digits > '9' ||
	    strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 9)
		return 0;
	return strtoul(digits, NULL, 10);
}

/* Number of the oldest one below @limit; 0 for none. */
static uint64_t oldest(int dirfd, const char *name, uint64_t limit)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t most = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(d))) {
		uint64_t n = number_of(entry->d_name, name);

		if (n > most && n < limit)
			most = n;
	}
	closedir(d);
	return most;
}

static void name_it(char out[PATH_MAX + 24], const char *name, uint64_t number)
{
	snprintf(out, PATH_MAX + 24, "%s.%" PRIu64, name, number);
}

/**
 * wardd_rotate_first - which line a file of the log begins with
 * @path: the file
 *
 * Return: the line's number, from 1; 0: there is no seal in it that would tell.
 */
uint64_t wardd_rotate_first(const char *path)
{
	char prev[WARD_LOG_PREV], *line;
	uint64_t before = 0, first = 0;
	struct ward_seal seal;
	struct ward_log *log;
	size_t length;
	bool zeros = false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), ret;

	if (fd < 0 || ward_log_open_fd(fd, path, true, &log))
		return 0;
	while (!first && ((ret = ward_log_line_next(log, &line, &length)) > 0 ||
			  ret == -EMSGSIZE)) {
		enum ward_line kind = ret < 0 ? WARD_LINE_BAD :
				      ward_line_kind(line, length, prev);

		if (!before)
			zeros = kind != WARD_LINE_BAD && !strcmp(prev, WARD_LOG_FIRST);
		if (kind == WARD_LINE_SEAL && !ward_seal_parse(line, length, &seal) &&
		    seal.line > before)
			first = seal.line - before;
		before++;
	}
	ward_log_close(log);
	return first ? first : zeros || !before;
}

/* What is kept begins later: with the oldest file below @limit. The next seal says so. */
static void keep_from(struct wardd_writer *w, int dirfd, const char *name, uint64_t limit)
{
	char path[2 * PATH_MAX], file[PATH_MAX + 24], dir[PATH_MAX];
	uint64_t n = oldest(dirfd, name, limit), first;

	if (n)
		name_it(file, name, n);
	else
		snprintf(file, sizeof(file), "%s", name);
	strcpy(dir, w->settings->log);
	snprintf(path, sizeof(path), "%s/%s", dirname(dir), file);
	first = wardd_rotate_first(path);
	/* A file without a seal follows from one that had them. */
	w->seal.first = first ? first : w->seal.line + 1;
}

static int drop(struct wardd_writer *w, int dirfd, const char *name, uint64_t number)
{
	char file[PATH_MAX + 24];
	int ret;

	name_it(file, name, number);
	ret = unlinkat(dirfd, file, 0) ? -errno : 0;
	if (ret)
		wardd_say(LOG_WARNING, "cannot remove %s.%" PRIu64 ": %s", w->settings->log,
			  number, strerror(-ret));
	return ret;
}

/**
 * wardd_rotate_drop_oldest - take away the oldest rotated file, because there is no room
 * @w: the writer
 *
 * Return: true when one was there, and is gone.
 */
bool wardd_rotate_drop_oldest(struct wardd_writer *w)
{
	char name[PATH_MAX];
	int dirfd = open_dir(w, name);
	bool gone = false;
	uint64_t n;

	if (dirfd < 0)
		return false;
	n = oldest(dirfd, name, UINT64_MAX);
	if (n) {
		keep_from(w, dirfd, name, n);
		gone = !drop(w, dirfd, name, n);
	}
	if (gone) {
		/* A seal first would need the room that is not there. */
		w->seal.overdue = true;
		wardd_say(LOG_NOTICE, "%s.%" PRIu64 " was removed to make room",
			  w->settings->log, n);
	}
	close(dirfd);
	return gone;
}

/* FILE.2 becomes FILE.3, FILE.1 becomes FILE.2, as far as there is no gap; then FILE.1 is free. */
static int shift(int dirfd, const char *name)
{
	char from[PATH_MAX + 24], to[PATH_MAX + 24];
	uint64_t n;

	for (n = 1; ; n++) {
		name_it(from, name, n);
		if (faccessat(dirfd, from, F_OK, AT_SYMLINK_NOFOLLOW))
			break;
	}
	for (; n > 1; n--) {
		name_it(from, name, n - 1);
		name_it(to, name, n);
		if (renameat(dirfd, from, dirfd, to))
			return -errno;
	}
	name_it(to, name, 1);
	return renameat(dirfd, name, dirfd, to) ? -errno : 0;
}

/**
 * wardd_rotate - go on in a new file
 * @w: the writer, open
 *
 * What there is too many of is removed. The last seal in the old file says from where on lines
 * are kept, before others are removed: so a verifier never misses what was taken in order.
 *
 * Return: 0; a negative errno, said.
 */
int wardd_rotate(struct wardd_writer *w)
{
	uint64_t keep = w->settings->rotate_keep, n;
	char name[PATH_MAX];
	int dirfd, ret = 0;

	dirfd = open_dir(w, name);
	if (dirfd < 0)
		return dirfd;
	if (keep && oldest(dirfd, name, UINT64_MAX) >= keep)
		keep_from(w, dirfd, name, keep);
	ret = wardd_seal(w, "rotate");
	if (!ret)
		ret = wardd_writer_sync(w);
	if (ret)
		goto close;
	while (keep && (n = oldest(dirfd, name, UINT64_MAX)) >= keep)
		if (drop(w, dirfd, name, n))
			break;
	ret = shift(dirfd, name);
	if (ret) {
		/* A file that is too large is better than no record. */
		wardd_say(LOG_ERR, "cannot rotate %s: %s; it is tried again in a minute, and grows meanwhile",
			  w->settings->log, strerror(-ret));
		w->rotate_again = wardd_now() + ROTATE_AGAIN_S;
		ret = 0;
		goto close;
	}
	ward_durable_sync_dir(dirfd);
	wardd_resume_save(w);
	wardd_writer_drop(w);
	ret = wardd_writer_open(w);
close:
	close(dirfd);
	return ret;
}
