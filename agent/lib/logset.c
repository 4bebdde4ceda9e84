// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A log and the files that it was rotated into, whoever did that and however they are named:
 * the hash chain tells their order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "seal.h"

#define TRIES	10	/* while files are being rotated */

static void close_file(struct ward_logfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
}

/**
 * ward_logset_close - forget the files
 * @set: the files; all zeros are none
 */
void ward_logset_close(struct ward_logset *set)
{
	while (set->count)
		close_file(&set->file[--set->count]);
	free(set->file);
	memset(set, 0, sizeof(*set));
}

static int64_t when(const char *line, size_t length)
{
	json_t *o = json_loadb(line, length, 0, NULL);
	int64_t t = ward_log_time(o, "@timestamp");

	json_decref(o);
	return t < 0 ? 0 : t;
}

/* How the file begins and ends. What is wrong with it is found when it is read. */
static void look_into(struct ward_logfile *f)
{
	struct ward_log *log;
	uint64_t end;
	size_t length;
	char *line;
	int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || ward_log_open_fd(fd, f->path, true, &log))
		return;
	if (ward_log_line_next(log, &line, &length) > 0) {
		ward_line_kind(line, length, f->prev);
		ward_log_hash(line, length, f->begin);
		f->from = when(line, length);
	}
	ward_log_close(log);
	if (ward_log_last(f->fd, &line, &length, &end) || !line)
		return;
	ward_log_hash(line, length, f->end);
	f->until = when(line, length);
	free(line);
}

/* Adds a file to the set; @look: only to say which it is. */
static int add(struct ward_logset *set, const char *path, bool look)
{
	struct ward_logfile *more, f = { .fd = -1 };
	struct stat st;
	int ret;

	/* Not a pipe that somebody put there: opening it would wait. */
	f.fd = open(path, (look ? O_PATH : O_RDONLY | O_NONBLOCK | O_NOCTTY) | O_CLOEXEC);
	if (f.fd < 0)
		return -errno;
	if (fstat(f.fd, &st) || !S_ISREG(st.st_mode)) {
		ret = -EINVAL;
		goto close;
	}
	if (look) {
		close(f.fd);
		f.fd = -1;
	}
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	f.size = st.st_size;
	f.path = strdup(path);
	more = f.path ? realloc(set->file, (set->count + 1) * sizeof(*more)) : NULL;
	if (!more) {
		ret = -ENOMEM;
		goto close;
	}
	set->file = more;
	set->file[set->count++] = f;
	return 0;
close:
	close_file(&f);
	return ret;
}

static bool ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && !strcmp(name + len - end_len, end);
}

/* All the files there are, in no order. The log itself comes last, because others become older. */
static int gather(const char *path, struct ward_logset *set, bool look)
{
	char dir[PATH_MAX], base[PATH_MAX], name[PATH_MAX + NAME_MAX + 2];
	struct dirent *entry;
	const char *where, *what;
	int ret = 0;
	DIR *d;

	strcpy(dir, path);
	strcpy(base, path);
	where = dirname(dir);
	what = basename(base);
	d = opendir(where);
	if (!d)
		return -errno;
	while (!ret && (entry = readdir(d))) {
		size_t len = strlen(what);

		if (strncmp(entry->d_name, what, len) || !strchr(".-", entry->d_name[len]) ||
		    !entry->d_name[len])
			continue;
		if (ends(entry->d_name, ".gz") || ends(entry->d_name, ".xz") ||
		    ends(entry->d_name, ".zst") || ends(entry->d_name, ".bz2")) {
			set->packed++;
			continue;
		}
		snprintf(name, sizeof(name), "%s/%s", where, entry->d_name);
		ret = add(set, name, look);
		if (ret == -EINVAL || ret == -ENOENT || ret == -ELOOP || ret == -ENXIO)
			ret = 0;
	}
	closedir(d);
	if (ret)
		return ret;
	ret = add(set, path, look);
	set->current = !ret;
	return ret == -ENOENT ? 0 : ret;
}

/* Is the same file in it twice, or was one missed, because files were renamed meanwhile? */
static bool settled(const struct ward_logset *set, const char *path)
{
	struct ward_logset again = { 0 };
	bool same = false;
	size_t i, k;

	if (gather(path, &again, true))
		goto close;
	same = again.count == set->count && again.current == set->current;
	for (i = 0; same && i < set->count; i++) {
		for (k = 0; k < i; k++)
			same &= set->file[k].dev != set->file[i].dev ||
				set->file[k].ino != set->file[i].ino;
		same &= again.file[i].dev == set->file[i].dev &&
			again.file[i].ino == set->file[i].ino;
	}
close:
	ward_logset_close(&again);
	return same;
}

static int older(const void *a, const void *b)
{
	const struct ward_logfile *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->until != y->until)
		return x->until < y->until ? -1 : 1;
	return strcmp(y->path, x->path);
}

static void move_to(struct ward_logset *set, size_t from, size_t to)
{
	struct ward_logfile f = set->file[from];

	for (; from < to; from++)
		set->file[from] = set->file[from + 1];
	set->file[to] = f;
}

/* Copies, as somebody makes before an experiment, say nothing: the longest one counts. */
static void drop_copies(struct ward_logset *set)
{
	size_t i = 0, k, drop;

	while (i < set->count) {
		const struct ward_logfile *a = &set->file[i], *b = a;

		for (k = i + 1; k < set->count; k++) {
			b = &set->file[k];
			if (a->begin[0] && !strcmp(a->begin, b->begin))
				break;
		}
		if (k >= set->count) {
			i++;
			continue;
		}
		drop = (set->current && k == set->count - 1) || a->size <= b->size ? i : k;
		close_file(&set->file[drop]);
		move_to(set, drop, set->count - 1);
		set->count--;
		set->copies++;
	}
}

/*
 * By age first, for what the chain does not tell; then, from the log itself backwards, each is
 * put before the one that follows from it.
 */
static void put_in_order(struct ward_logset *set)
{
	size_t n = set->count - set->current, i, place;

	qsort(set->file, n, sizeof(*set->file), older);
	drop_copies(set);
	for (place = set->count; place > 1; place--) {
		const struct ward_logfile *next = &set->file[place - 1];

		for (i = place - 1; next->prev[0] && i > 0; i--)
			if (!strcmp(set->file[i - 1].end, next->prev)) {
				move_to(set, i - 1, place - 2);
				break;
			}
	}
}

/* Each file stays open, so that it is read however it is renamed meanwhile. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/**
 * ward_logset_open - open a log and the files that it was rotated into
 * @path: the log; what begins with its name, followed by a dot or a dash, belongs to it
 * @set: filled in; for ward_logset_close()
 *
 * Files may be rotated while this runs. That the log itself is missing is no error while
 * there are others.
 *
 * Return: 0; -ENOENT when there is none; -EAGAIN when files are renamed all the time; another
 * negative errno.
 */
int ward_logset_open(const char *path, struct ward_logset *set)
{
	size_t i;
	int ret, tries;

	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	allow_files();
	for (tries = 0; tries < TRIES; tries++) {
		memset(set, 0, sizeof(*set));
		ret = gather(path, set, false);
		if (!ret && settled(set, path))
			break;
		ward_logset_close(set);
		if (ret)
			return ret;
		ret = -EAGAIN;
		usleep(20000);
	}
	if (ret)
		return ret;
	if (!set->count) {
		ward_logset_close(set);
		return -ENOENT;
	}
	for (i = 0; i < set->count; i++)
		look_into(&set->file[i]);
	put_in_order(set);
	return 0;
}

/**
 * ward_logfile_pass_over - can nothing in a file be wanted
 * @f: the file
 * @filter: what is wanted
 *
 * Records stand in the order in which they were made, but clocks are set back: an hour does no
 * harm.
 *
 * Return: true when the file need not be read.
 */
bool ward_logfile_pass_over(const struct ward_logfile *f, const struct ward_log_filter *filter)
{
	return (filter->since && f->until && f->until < filter->since - 3600) ||
	       (filter->until && f->from && f->from > filter->until + 3600);
}

static int scan_file(struct ward_logfile *f, const struct ward_log_filter *filter,
		     ward_record_fn fn, void *arg, uint64_t *bad)
{
	struct ward_log *log;
	json_t *o;
	int ret;

	ret = ward_log_open_fd(f->fd, f->path, true, &log);
	f->fd = -1;
	if (ret)
		return ret;
	while ((ret = ward_log_next(log, filter, &o, NULL))) {
		if (ret == -EBADMSG || ret == -EMSGSIZE) {
			++*bad;
			continue;
		}
		if (ret < 0)
			break;
		ret = fn(o, arg);
		json_decref(o);
		if (ret)
			break;
	}
	ward_log_close(log);
	return ret;
}

/**
 * ward_logset_scan - go through the records of a log and of the files it was rotated into
 * @path: the log
 * @filter: which records are wanted
 * @fn: called for each, in order; not 0 ends it
 * @arg: for @fn
 * @bad: set to how many lines are no records
 *
 * Needs memory for one record, however many there are.
 *
 * Return: 0; what @fn returned; a negative errno of ward_logset_open() or of reading.
 */
int ward_logset_scan(const char *path, const struct ward_log_filter *filter, ward_record_fn fn,
		     void *arg, uint64_t *bad)
{
	struct ward_logset set;
	size_t i;
	int ret;

	*bad = 0;
	ret = ward_logset_open(path, &set);
	if (ret)
		return ret;
	for (i = 0; !ret && i < set.count; i++)
		if (i == set.count - 1 || !ward_logfile_pass_over(&set.file[i], filter))
			ret = scan_file(&set.file[i], filter, fn, arg, bad);
	ward_logset_close(&set);
	return ret;
}
