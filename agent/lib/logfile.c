// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading a file of the event log: line by line, as it grows, across rotation; its last line. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define CHUNK	(64 * 1024)

/**
 * struct ward_log - a log that is being read
 * @path: where it is
 * @fd: the file
 * @watch: inotify, from the first wait on; -1 before
 * @number: of the line that was handed out last
 * @start: where the next line begins in @buffer
 * @end: bytes in @buffer
 * @room: bytes that fit there
 * @buffer: what was read and not handed out yet; a NUL fits behind it
 * @skipping: in a line that is too long
 * @alone: what takes the file's place is not read
 */
struct ward_log {
	char path[PATH_MAX];
	int fd;
	int watch;
	uint64_t number;
	size_t start;
	size_t end;
	size_t room;
	char *buffer;
	bool skipping;
	bool alone;
};

/**
 * ward_log_open_fd - read an open file of a log
 * @fd: the file; it is read from its beginning, and closed with the reader
 * @path: where it is
 * @alone: when it is moved away, do not go on with what takes its place
 * @log: set to the reader
 *
 * Return: 0; a negative errno: @fd is closed then, too.
 */
int ward_log_open_fd(int fd, const char *path, bool alone, struct ward_log **log)
{
	struct ward_log *l = calloc(1, sizeof(*l));
	int ret = -ENOMEM;

	if (!l)
		goto close;
	ret = -ENAMETOOLONG;
	if (strlen(path) >= sizeof(l->path))
		goto free;
	strcpy(l->path, path);
	l->watch = -1;
	l->alone = alone;
	l->fd = fd;
	lseek(fd, 0, SEEK_SET);		/* what cannot is at its beginning */
	*log = l;
	return 0;
free:
	free(l);
close:
	close(fd);
	return ret;
}

/**
 * ward_log_open - read a log from its beginning
 * @path: the file; NULL: WARD_LOG_PATH
 * @log: set to the reader
 *
 * Return: 0 or a negative errno.
 */
int ward_log_open(const char *path, struct ward_log **log)
{
	int fd;

	if (!path)
		path = WARD_LOG_PATH;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : ward_log_open_fd(fd, path, false, log);
}

/**
 * ward_log_close - end reading
 * @log: the reader, or NULL
 */
void ward_log_close(struct ward_log *log)
{
	if (!log)
		return;
	close(log->fd);
	if (log->watch >= 0)
		close(log->watch);
	free(log->buffer);
	free(log);
}

/**
 * ward_log_line_number - where the reader stands
 * @log: the reader
 *
 * Return: number of the line that ward_log_next() handed out last, from 1; counts anew
 * after rotation.
 */
uint64_t ward_log_line_number(const struct ward_log *log)
{
	return log->number;
}

/**
 * ward_log_unfinished - is there a line without its end
 * @log: the reader, at the end
 *
 * Return: true when bytes were read behind the last newline.
 */
bool ward_log_unfinished(const struct ward_log *log)
{
	return log->end > log->start || log->skipping;
}

/* Reads more; returns how much, 0 at the end, or a negative errno. */
static ssize_t fill(struct ward_log *log)
{
	ssize_t n;

	if (log->start) {
		memmove(log->buffer, log->buffer + log->start, log->end - log->start);
		log->end -= log->start;
		log->start = 0;
	}
	if (log->room - log->end < CHUNK) {
		char *more = realloc(log->buffer, log->end + CHUNK + 1);

		if (!more)
			return -ENOMEM;
		log->buffer = more;
		log->room = log->end + CHUNK;
	}
	do {
		n = read(log->fd, log->buffer + log->end, log->room - log->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	log->end += n;
	return n;
}

/**
 * ward_log_line_next - the next whole line of the file
 * @log: the reader
 * @line: set to the line, its newline replaced by a NUL, until the next call
 * @length: set to its length without that
 *
 * Does not go on in another file.
 *
 * Return: 1; 0 at the end; -EMSGSIZE for a line that is too long: the next call goes on behind
 * it; another negative errno.
 */
int ward_log_line_next(struct ward_log *log, char **line, size_t *length)
{
	size_t looked = 0;

	for (;;) {
		char *from = log->buffer + log->start, *newline = NULL;
		size_t have = log->end - log->start;
		ssize_t n;

		if (have > looked)
			newline = memchr(from + looked, '\n', have - looked);
		if (newline) {
			log->start += newline + 1 - from;
			log->number++;
			*newline = '\0';
			*line = from;
			*length = newline - from;
			if (!log->skipping && *length <= WARD_LOG_LINE_MAX)
				return 1;
			log->skipping = false;
			return -EMSGSIZE;
		}
		looked = have;
		if (have > WARD_LOG_LINE_MAX) {
			log->skipping = true;
			log->start = log->end;
			looked = 0;
		}
		n = fill(log);
		if (n <= 0)
			return n;
	}
}

/*
 * The file that goes on from the one that was read to its end: mostly the log itself, but it may
 * have been rotated more than once meanwhile. A descriptor, or -1: none does yet.
 */
static int following(const struct ward_log *log)
{
	char hash[WARD_LOG_PREV] = "", *line;
	struct ward_logset set;
	uint64_t end;
	size_t length, i;
	int fd = -1;

	if (!ward_log_last(log->fd, &line, &length, &end) && line)
		ward_log_hash(line, length, hash);
	free(line);
	if (ward_logset_open(log->path, &set))
		return -1;
	for (i = 0; fd < 0 && hash[0] && i < set.count; i++)
		if (!strcmp(set.file[i].prev, hash))
			fd = fcntl(set.file[i].fd, F_DUPFD_CLOEXEC, 0);
	/* What does not follow is shown all the same; what is empty yet will. */
	if (fd < 0 && set.current)
		fd = fcntl(set.file[set.count - 1].fd, F_DUPFD_CLOEXEC, 0);
	ward_logset_close(&set);
	if (fd >= 0 && lseek(fd, 0, SEEK_SET)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* At the end of the file: is there more in it, is another one in its place, or was it cut? */
static bool renewed(struct ward_log *log)
{
	off_t at = lseek(log->fd, 0, SEEK_CUR);
	struct stat here, there;
	bool moved;
	int fd;

	if (log->alone)
		return false;
	moved = !stat(log->path, &there);
	/* After that: nobody writes to a file that was moved away. */
	if (fstat(log->fd, &here))
		return false;
	moved = moved && (here.st_dev != there.st_dev || here.st_ino != there.st_ino);
	if (here.st_size < at) {
		if (lseek(log->fd, 0, SEEK_SET))
			return false;
	} else if (moved && here.st_size > at) {
		return true;
	} else {
		fd = moved ? following(log) : -1;
		if (fd < 0)
			return false;
		close(log->fd);
		log->fd = fd;
	}
	log->start = 0;
	log->end = 0;
	log->number = 0;
	log->skipping = false;
	return true;
}

/**
 * ward_log_next - the next record
 * @log: the reader
 * @filter: which ones are wanted; NULL: all
 * @object: set to the record, a new reference; NULL unless 1 is returned
 * @line: set to the line as it stands in the log, without its newline, until the next call;
 *	may be NULL
 *
 * A line that is not finished yet is left for later. A log that was rotated is read on in
 * the new file.
 *
 * Return: 1; 0 at the end; -EBADMSG for a line that is no JSON object, -EMSGSIZE for one
 * that is too long: the next call goes on behind it; another negative errno.
 */
int ward_log_next(struct ward_log *log, const struct ward_log_filter *filter, json_t **object,
		  const char **line)
{
	char *text;
	size_t len;
	int ret;

	*object = NULL;
	for (;;) {
		do {
			ret = ward_log_line_next(log, &text, &len);
		} while (!ret && renewed(log));
		if (ret <= 0)
			return ret;
		if (filter && !ward_log_may_match(text, len, filter))
			continue;
		*object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(*object)) {
			json_decref(*object);
			*object = NULL;
			return -EBADMSG;
		}
		if (!filter || ward_log_match(*object, filter))
			break;
		json_decref(*object);
		*object = NULL;
	}
	if (line)
		*line = text;
	return 1;
}

/* The directory is watched, because rotation puts another file there. */
static int watch(struct ward_log *log)
{
	char dir[PATH_MAX];
	char *slash;
	int ret;

	if (log->watch >= 0)
		return 0;
	strcpy(dir, log->path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	else
		strcpy(dir, ".");
	log->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (log->watch < 0)
		return -errno;
	if (inotify_add_watch(log->watch, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
		ret = -errno;
		close(log->watch);
		log->watch = -1;
		return ret;
	}
	return 0;
}

/**
 * ward_log_wait - wait until there may be more
 * @log: the reader, at the end
 * @timeout_ms: how long at most; -1: for ever
 *
 * What came between ward_log_next() and the first wait is not noticed before the next
 * change: call this with 0 before reading to the end.
 *
 * Return: 1; 0 after @timeout_ms; -EINTR; another negative errno.
 */
int ward_log_wait(struct ward_log *log, int timeout_ms)
{
	struct pollfd p = { .events = POLLIN };
	char events[4096];
	int ret = watch(log);

	if (ret)
		return ret;
	p.fd = log->watch;
	ret = poll(&p, 1, timeout_ms);
	if (ret < 0)
		return -errno;
	if (ret)
		while (read(log->watch, events, sizeof(events)) > 0)
			;
	return ret;
}

/* The same, of the last @size bytes. -EMSGSIZE: it begins before them. */
static int last_within(int fd, size_t size, char **line, size_t *length, uint64_t *end)
{
	char *buffer, *newline, *before;
	struct stat st;
	off_t from;
	ssize_t n;
	int ret = 0;

	*line = NULL;
	*length = 0;
	*end = 0;
	if (fstat(fd, &st))
		return -errno;
	from = (size_t)st.st_size > size ? st.st_size - (off_t)size : 0;
	buffer = malloc(size);
	if (!buffer)
		return -ENOMEM;
	n = pread(fd, buffer, size, from);
	if (n < 0) {
		ret = -errno;
		goto free;
	}
	newline = memrchr(buffer, '\n', n);
	if (!newline) {
		ret = from ? -EMSGSIZE : 0;
		goto free;
	}
	before = memrchr(buffer, '\n', newline - buffer);
	if (!before && from) {
		ret = -EMSGSIZE;
		goto free;
	}
	before = before ? before + 1 : buffer;
	*length = newline - before;
	*line = malloc(*length + 1);
	if (!*line) {
		ret = -ENOMEM;
		goto free;
	}
	memcpy(*line, before, *length);		/* there may be a NUL in it */
	(*line)[*length] = '\0';
	*end = from + (newline + 1 - buffer);
free:
	free(buffer);
	return ret;
}

/**
 * ward_log_last - the last whole line of a log
 * @fd: the file
 * @line: set to the line without its newline, for free(); NULL when there is none
 * @length: set to its length, bytes
 * @end: set to where it ends in the file with its newline: what lies behind was not
 *	finished
 *
 * Return: 0; -EMSGSIZE when the last line is too long; another negative errno.
 */
int ward_log_last(int fd, char **line, size_t *length, uint64_t *end)
{
	/* Mostly a little will do; else enough for a whole line and one that is not finished. */
	static const size_t sizes[] = { 16 * 1024, WARD_LOG_LINE_MAX * 2 + 2 };
	int ret = -EMSGSIZE;
	size_t i;

	for (i = 0; ret == -EMSGSIZE && i < sizeof(sizes) / sizeof(*sizes); i++)
		ret = last_within(fd, sizes[i], line, length, end);
	return ret;
}
