// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes and ACLs. There are no *at() calls for them, so an object
 * is named through /proc/self/fd: its directory may lie deeper than a path may be
 * long, and a symlink must not be followed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "attr.h"

#define VALUE_MAX	65536	/* XATTR_SIZE_MAX */
#define LIST_MAX	65536	/* XATTR_LIST_MAX */
#define PATH_ROOM	(NAME_MAX + 64)

static void object_path(int dirfd, const char *name, char path[PATH_ROOM])
{
	snprintf(path, PATH_ROOM, "/proc/self/fd/%d/%s", dirfd, name);
}

/*
 * What belongs to a file, wherever it is. IMA and EVM sign for this inode on
 * this file system, and other system.* are views of the file system's own.
 */
static bool travels(const char *attr, unsigned int flags)
{
	if (!strcmp(attr, WARD_ACL_ACCESS) || !strcmp(attr, WARD_ACL_DEFAULT))
		return !(flags & WARD_ATTR_NO_ACL);
	if (!strncmp(attr, "security.", 9))
		return strcmp(attr, "security.ima") && strcmp(attr, "security.evm");
	return !strncmp(attr, "user.", 5) || !strncmp(attr, "trusted.", 8);
}

/**
 * ward_attr_each - go through the extended attributes of an object
 * @dirfd: its directory
 * @name: its name
 * @flags: WARD_ATTR_*
 * @fn: called with each that belongs to the file; not 0 ends it
 * @arg: for @fn
 *
 * Return: 0, also where there are no extended attributes; what @fn returned; a
 * negative errno.
 */
int ward_attr_each(int dirfd, const char *name, unsigned int flags, ward_attr_fn fn, void *arg)
{
	char path[PATH_ROOM], *list, *p;
	ssize_t len;
	int ret = 0;

	object_path(dirfd, name, path);
	/* Nearly always there are none. */
	len = llistxattr(path, NULL, 0);
	if (!len || (len < 0 && errno == ENOTSUP))
		return 0;
	if (len < 0)
		return -errno;
	list = malloc(LIST_MAX);
	if (!list)
		return -ENOMEM;
	len = llistxattr(path, list, LIST_MAX);
	if (len < 0)
		ret = -errno;
	for (p = list; !ret && p < list + len; p += strlen(p) + 1)
		if (travels(p, flags))
			ret = fn(p, arg);
	free(list);
	return ret;
}

/**
 * ward_attr_get - the value of an extended attribute
 * @dirfd: the object's directory
 * @name: the object's name
 * @attr: the attribute
 * @value: set to it, for free(); NULL when there is no such attribute
 * @len: set to its length, bytes
 *
 * Return: 0, also when there is none; a negative errno.
 */
int ward_attr_get(int dirfd, const char *name, const char *attr, void **value, size_t *len)
{
	char path[PATH_ROOM];
	ssize_t n;
	void *buf;

	*value = NULL;
	*len = 0;
	object_path(dirfd, name, path);
	n = lgetxattr(path, attr, NULL, 0);
	if (n < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	buf = malloc(VALUE_MAX);
	if (!buf)
		return -ENOMEM;
	n = lgetxattr(path, attr, buf, VALUE_MAX);
	if (n < 0) {
		int error = errno;

		free(buf);
		return error == ENODATA ? 0 : -error;
	}
	*value = buf;
	*len = n;
	return 0;
}

/**
 * ward_attr_set - set an extended attribute
 * @dirfd: the object's directory
 * @name: the object's name
 * @attr: the attribute
 * @value: its value
 * @len: bytes of it
 *
 * Return: 0 or a negative errno.
 */
int ward_attr_set(int dirfd, const char *name, const char *attr, const void *value, size_t len)
{
	char path[PATH_ROOM];

	object_path(dirfd, name, path);
	return lsetxattr(path, attr, value, len, 0) ? -errno : 0;
}

/**
 * ward_attr_remove - remove an extended attribute
 * @dirfd: the object's directory
 * @name: the object's name
 * @attr: the attribute; none of that name is not an error
 *
 * Return: 0 or a negative errno.
 */
int ward_attr_remove(int dirfd, const char *name, const char *attr)
{
	char path[PATH_ROOM];

	object_path(dirfd, name, path);
	if (!lremovexattr(path, attr) || errno == ENODATA || errno == ENOTSUP)
		return 0;
	return -errno;
}

struct pair {
	int from;
	int to;
	const char *name;
};

/* Do both have it, with one value? 1 when they do. */
static int same_value(const struct pair *p, const char *attr)
{
	void *a = NULL, *b = NULL;
	size_t a_len, b_len;
	int ret;

	ret = ward_attr_get(p->from, p->name, attr, &a, &a_len);
	if (!ret)
		ret = ward_attr_get(p->to, p->name, attr, &b, &b_len);
	if (!ret)
		ret = a && b ? a_len == b_len && !memcmp(a, b, a_len) : !a && !b;
	free(a);
	free(b);
	return ret;
}

static int copy_one(const char *attr, void *arg)
{
	const struct pair *p = arg;
	void *value;
	size_t len;
	int ret;

	ret = same_value(p, attr);
	if (ret)
		return ret < 0 ? ret : 0;
	ret = ward_attr_get(p->from, p->name, attr, &value, &len);
	if (!ret && value)
		ret = ward_attr_set(p->to, p->name, attr, value, len);
	free(value);
	return ret;
}

static int drop_extra(const char *attr, void *arg)
{
	const struct pair *p = arg;
	void *value;
	size_t len;
	int ret;

	ret = ward_attr_get(p->from, p->name, attr, &value, &len);
	if (!ret && !value)
		ret = ward_attr_remove(p->to, p->name, attr);
	free(value);
	return ret;
}

/**
 * ward_attr_copy - give an object the extended attributes of another of its name
 * @from: directory of the one
 * @to: directory of the other
 * @name: their name
 * @flags: WARD_ATTR_*
 *
 * Those that only the second one has, inherited ACLs above all, are removed.
 *
 * Return: 0 or a negative errno.
 */
int ward_attr_copy(int from, int to, const char *name, unsigned int flags)
{
	struct pair p = { from, to, name };
	int ret = ward_attr_each(to, name, flags, drop_extra, &p);

	return ret ? ret : ward_attr_each(from, name, flags, copy_one, &p);
}

static int differs(const char *attr, void *arg)
{
	int ret = same_value(arg, attr);

	return ret < 0 ? ret : !ret;
}

/**
 * ward_attr_same - have two objects of one name the same extended attributes
 * @one: directory of the one
 * @other: directory of the other
 * @name: their name
 * @flags: WARD_ATTR_*
 *
 * Return: 1 when they have, 0 when not, or a negative errno.
 */
int ward_attr_same(int one, int other, const char *name, unsigned int flags)
{
	struct pair there = { one, other, name }, back = { other, one, name };
	int ret = ward_attr_each(one, name, flags, differs, &there);

	if (!ret)
		ret = ward_attr_each(other, name, flags, differs, &back);
	return ret < 0 ? ret : !ret;
}
