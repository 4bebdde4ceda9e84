// SPDX-License-Identifier: GPL-2.0-or-later
/* Recovering one object: a file's contents, a link's target, xattrs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "out.h"
#include "walk.h"

/* A file on its way from the vault to the output. */
struct passing {
	struct recover *rc;
	const struct place *to;
	int out;
	bool no_header;		/* the file is empty under rule R2 */
};

static int take_data(void *ctx, uint64_t pos, const uint8_t *bytes, size_t len)
{
	struct passing *p = ctx;
	int err = p->out < 0 ? 0 : out_write(p->out, pos, bytes, len);

	p->rc->report->bytes += len;
	report_progress(p->rc->report);
	return err;
}

static void take_found(void *ctx, enum ward_found what, uint64_t first, uint64_t last)
{
	struct passing *p = ctx;
	enum severity severity = SEVERITY_INTEGRITY;

	if (what == WARD_FOUND_UNREADABLE)
		severity = SEVERITY_FAILURE;
	else if (p->rc->tree->unchecked && ward_found_crash(what))
		severity = SEVERITY_CRASH;
	if (what == WARD_FOUND_NO_HEADER)
		p->no_header = true;
	report_block(p->rc->report, severity, p->to->path, what, first, last);
}

static void failed(struct recover *rc, const struct place *to, const char *what, int err)
{
	report_finding(rc->report, SEVERITY_FAILURE, to->path, what, strerror(-err));
}

static int finish_file(struct recover *rc, const struct place *to, int out, int lower,
		       const struct ward_filekey *fk, const struct stat *st, uint64_t size)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	uint8_t keys[WARD_SIV_KEYS_SIZE];
	int err;

	err = ward_filekey_xattrs(rc->tree, fk, keys);
	if (err)
		return err;
	copy_user_xattrs(rc, lower, out, keys, to->path);
	explicit_bzero(keys, sizeof(keys));
	if (out < 0)
		return 0;
	/* A sparse file may claim more than the output can hold. */
	if (size > INT64_MAX || ftruncate(out, size)) {
		err = size > INT64_MAX ? -EFBIG : -errno;
		failed(rc, to, "cannot give it its size", err);
		if (out_hopeless(err))
			return err;
	}
	err = out_finish(out, st);
	if (err)
		failed(rc, to, "cannot set owner, mode or times", err);
	copy_other_xattrs(rc, lower, out, to->path);
	/* Some file systems count an xattr as a change of the file. */
	futimens(out, times);
	return 0;
}

/**
 * copy_file - recover a regular file
 * @rc: the recovery
 * @lower_dir: lower directory
 * @lower: its lower name
 * @to: where it goes
 *
 * Return: 1 when it is there now, 0 when it is not (why was told), or a
 * negative errno when it makes no sense to go on.
 */
int copy_file(struct recover *rc, int lower_dir, const char *lower, const struct place *to)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct passing p = { .rc = rc, .to = to, .out = -1 };
	struct ward_sink sink = { take_data, take_found, &p };
	struct ward_filekey fk;
	uint64_t size = 0;
	struct stat st;
	int fd, err, ret = 0;

	fd = openat(lower_dir, lower, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(lower_dir, lower, flags);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		failed(rc, to, "cannot read the file below", fd < 0 ? -errno : -ESTALE);
		goto close_lower;
	}
	if (to->dir >= 0) {
		p.out = out_create(to->dir, to->name);
		if (p.out < 0) {
			failed(rc, to, "cannot make the file", p.out);
			ret = out_hopeless(p.out) ? p.out : 0;
			goto close_lower;
		}
	}
	err = ward_filedata_read(rc->tree, fd, &sink, &fk, &size);
	/* Rule R2: a file without a header is empty. */
	if (err == -ENODATA && p.no_header && rc->tree->unchecked)
		err = p.out >= 0 ? out_finish(p.out, &st) : 0;
	else if (!err)
		err = finish_file(rc, to, p.out, fd, &fk, &st, size);
	if (p.out >= 0 && close(p.out) && !err)
		err = -errno;
	if (err && p.out >= 0)
		unlinkat(to->dir, to->name, 0);
	if (!err) {
		rc->report->files++;
		ret = 1;
	} else if (err != -ENODATA) {
		failed(rc, to, "cannot recover the file", err);
		ret = out_hopeless(err) ? err : 0;
	}
	explicit_bzero(&fk, sizeof(fk));
close_lower:
	if (fd >= 0)
		close(fd);
	return ret;
}

/**
 * copy_special - recover a symlink, a named pipe or a socket
 * @rc: the recovery
 * @lower_dir: lower directory
 * @lower: its lower name
 * @st: of the lower object
 * @to: where it goes
 *
 * Device nodes are not made: the numbers below are not authenticated.
 *
 * Return: 1, 0 or a negative errno, as copy_file().
 */
int copy_special(struct recover *rc, int lower_dir, const char *lower, const struct stat *st,
		 const struct place *to)
{
	char target[WARD_TARGET_MAX + 1];
	int err;

	if (S_ISLNK(st->st_mode)) {
		err = ward_tree_target(rc->tree, lower_dir, lower, target);
		if (err < 0) {
			if (err == -EBADMSG)
				report_finding(rc->report, SEVERITY_INTEGRITY, to->path,
					       "the symlink's target does not authenticate", NULL);
			else
				failed(rc, to, "cannot read the symlink", err);
			return 0;
		}
		err = to->dir < 0 || !symlinkat(target, to->dir, to->name) ? 0 : -errno;
		explicit_bzero(target, sizeof(target));
	} else if (S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode)) {
		err = to->dir < 0 || !mknodat(to->dir, to->name, (st->st_mode & S_IFMT) | 0600, 0) ?
			0 : -errno;
	} else {
		report_finding(rc->report, SEVERITY_NOTE, to->path,
			       "a device node: left out, its numbers are not protected", NULL);
		return 0;
	}
	if (err) {
		failed(rc, to, "cannot make it", err);
		return out_hopeless(err) ? err : 0;
	}
	if (to->dir >= 0) {
		err = out_finish_at(to->dir, to->name, st);
		if (err)
			failed(rc, to, "cannot set owner, mode or times", err);
	}
	rc->report->others++;
	return 1;
}

/* The value of a lower xattr, for free(); NULL when it cannot be read. */
static uint8_t *xattr_value(int fd, const char *name, size_t *len)
{
	uint8_t *value = malloc(XATTR_SIZE_MAX);
	ssize_t n = value ? fgetxattr(fd, name, value, XATTR_SIZE_MAX) : -1;

	if (n < 0) {
		free(value);
		return NULL;
	}
	*len = n;
	return value;
}

static void put_xattr(struct recover *rc, int out, const char *name, const uint8_t *value,
		      size_t len, const char *path)
{
	if (out >= 0 && fsetxattr(out, name, value, len, 0))
		report_finding(rc->report, errno == ENOTSUP || errno == EPERM ? SEVERITY_NOTE :
			       SEVERITY_FAILURE, path, "cannot set an extended attribute", name);
}

static void copy_user_xattr(struct recover *rc, int lower, int out, const uint8_t *keys,
			    const char *lower_name, const char *path)
{
	char name[5 + WARD_XNAME_MAX + 1] = "user.";
	uint8_t *sealed, *value;
	size_t len;
	int n;

	n = ward_xname_open(keys, lower_name, name + 5);
	if (n < 0) {
		report_finding(rc->report, n == -EBADMSG ? SEVERITY_INTEGRITY : SEVERITY_FAILURE,
			       path, "the name of an extended attribute does not authenticate",
			       lower_name);
		return;
	}
	sealed = xattr_value(lower, lower_name, &len);
	value = malloc(XATTR_SIZE_MAX);
	if (!sealed || !value) {
		report_finding(rc->report, SEVERITY_FAILURE, path,
			       "cannot read an extended attribute", name);
		goto free;
	}
	n = ward_xvalue_open(keys, name + 5, sealed, len, value);
	if (n < 0)
		report_finding(rc->report, n == -EBADMSG ? SEVERITY_INTEGRITY : SEVERITY_FAILURE,
			       path, "the value of an extended attribute does not authenticate",
			       name);
	else
		put_xattr(rc, out, name, value, n, path);
	if (n > 0)
		explicit_bzero(value, n);
free:
	free(value);
	free(sealed);
	explicit_bzero(name, sizeof(name));
}

/* What is taken over as it stands below: nothing that gives a program rights. */
static bool passes(const char *name)
{
	static const char *const not[] = {
		"security.capability", "security.ima", "security.evm",
	};
	size_t i;

	if (!strncmp(name, "trusted.", 8))
		return strncmp(name, "trusted.overlay.", 16);
	if (!strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default"))
		return true;
	if (strncmp(name, "security.", 9))
		return false;
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		if (!strcmp(name, not[i]))
			return false;
	return true;
}

/* Names of all lower xattrs, one after the other, for free(); what fails is told. */
static char *list_xattrs(struct recover *rc, int lower, const char *path, ssize_t *len)
{
	char *list = malloc(XATTR_LIST_MAX);

	*len = list ? flistxattr(lower, list, XATTR_LIST_MAX) : -1;
	if (*len < 0 && (!list || errno != ENOTSUP))
		report_finding(rc->report, SEVERITY_FAILURE, path,
			       "cannot list its extended attributes",
			       strerror(list ? errno : ENOMEM));
	return list;
}

/**
 * copy_user_xattrs - recover user xattrs
 * @rc: the recovery
 * @lower: lower object
 * @out: the object below OUTDIR; -1: only verify
 * @keys: keys of its user xattrs; NULL: it has none that could be read
 * @path: path to show
 *
 * Before the mode is set, which may take the right to write them away.
 */
void copy_user_xattrs(struct recover *rc, int lower, int out, const uint8_t *keys,
		      const char *path)
{
	char *list, *name;
	ssize_t n;
	bool ours;

	list = list_xattrs(rc, lower, path, &n);
	for (name = list; n > 0 && name < list + n; name += strlen(name) + 1) {
		if (strncmp(name, "user.", 5))
			continue;
		ours = !strncmp(name, WARD_XATTR_PREFIX, strlen(WARD_XATTR_PREFIX));
		if (ours && keys)
			copy_user_xattr(rc, lower, out, keys, name, path);
		else if (ours)
			report_finding(rc->report, SEVERITY_INTEGRITY, path,
				       "an extended attribute cannot be read: the directory's id is gone",
				       name);
		else
			report_finding(rc->report, SEVERITY_NOTE, path,
				       "an extended attribute that is not ours was left out",
				       name);
	}
	free(list);
}

/**
 * copy_other_xattrs - take over ACLs and the like, where permitted
 * @rc: the recovery
 * @lower: lower object
 * @out: the object below OUTDIR
 * @path: path to show
 *
 * After owner and mode are set, which ACLs refine. Best effort: file systems
 * differ in what they take.
 */
void copy_other_xattrs(struct recover *rc, int lower, int out, const char *path)
{
	char *list, *name;
	uint8_t *value;
	size_t len;
	ssize_t n;

	list = list_xattrs(rc, lower, path, &n);
	for (name = list; n > 0 && name < list + n; name += strlen(name) + 1) {
		if (!strncmp(name, "user.", 5) || !passes(name))
			continue;
		value = xattr_value(lower, name, &len);
		if (value)
			fsetxattr(out, name, value, len, 0);
		free(value);
	}
	free(list);
}
