// SPDX-License-Identifier: GPL-2.0-or-later
/* How far the making of a vault is, and taking back what was made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "mnt.h"
#include "stage.h"
#include "text.h"
#include "walk.h"

#define STAGE_MAX	8192	/* it may name a file */
#define STAGE_LEAST	512	/* one sector, which is replaced whole or not at all */

static const char * const words[] = {
	[WARD_STAGE_BEGUN] = "begun",
	[WARD_STAGE_COPYING] = "copying",
	[WARD_STAGE_REMOVING] = "removing",
	[WARD_STAGE_FINISHING] = "finishing",
	[WARD_STAGE_UNDOING] = "undoing",
};

static bool parse_at(const char *word, enum ward_stage_at *at)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i])) {
			*at = i;
			return true;
		}
	return false;
}

static bool parse_time(const char *text, struct timespec *t)
{
	long long sec;
	long nsec;
	char rest;

	if (sscanf(text, "%lld.%9ld%c", &sec, &nsec, &rest) != 2 || nsec < 0 || nsec > 999999999)
		return false;
	t->tv_sec = sec;
	t->tv_nsec = nsec;
	return true;
}

#define SEEN_ALL	0xf

static int parse_line(struct ward_stage *stage, char *line, unsigned int *seen)
{
	char *value = strchr(line, '=');
	bool ok = false;

	if (!value)
		return -EBADMSG;
	*value++ = '\0';
	if (!strcmp(line, "stage")) {
		ok = parse_at(value, &stage->at);
		*seen |= 1;
	} else if (!strcmp(line, "name")) {
		ok = ward_text_name_ok(value);
		snprintf(stage->name, sizeof(stage->name), "%s", value);
		*seen |= 2;
	} else if (!strcmp(line, "atime")) {
		ok = parse_time(value, &stage->times[0]);
		*seen |= 4;
	} else if (!strcmp(line, "mtime")) {
		ok = parse_time(value, &stage->times[1]);
		*seen |= 8;
	} else if (!strcmp(line, "recovery")) {
		stage->recovery_told = !strcmp(value, "told");
		stage->recovery_none = !strcmp(value, "none");
		ok = stage->recovery_told || stage->recovery_none;
	} else if (!strcmp(line, "recovery-file")) {
		ok = value[0] == '/' && strlen(value) < sizeof(stage->recovery_file);
		if (ok)
			strcpy(stage->recovery_file, value);
	}
	return ok ? 0 : -EBADMSG;
}

/**
 * ward_stage_read - read .ward/creating
 * @ward: .ward
 * @stage: filled
 *
 * Return: 0; -ENOENT when no vault is being made there; -EBADMSG when the file
 * makes no sense; another negative errno.
 */
int ward_stage_read(int ward, struct ward_stage *stage)
{
	unsigned int seen = 0;
	char *next, *line;
	void *data;
	size_t len;
	int ret;

	ret = ward_durable_read(ward, WARD_CREATING_NAME, STAGE_MAX, &data, &len);
	if (ret)
		return ret;
	memset(stage, 0, sizeof(*stage));
	for (next = data; !ret && (line = strsep(&next, "\n"));)
		if (*line)
			ret = parse_line(stage, line, &seen);
	free(data);
	return ret ? ret : seen == SEEN_ALL ? 0 : -EBADMSG;
}

/*
 * A full disk has no room for a second file, but what is there can be replaced:
 * it is one sector, unless a long path is in it.
 */
static int overwrite(int ward, const char *text, size_t len)
{
	int fd = openat(ward, WARD_CREATING_NAME, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int ret = -ENOSPC;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (size_t)st.st_size == len &&
	    len == STAGE_LEAST) {
		ret = ward_write_all(fd, text, len);
		if (!ret && fsync(fd))
			ret = -errno;
	}
	close(fd);
	return ret;
}

/**
 * ward_stage_write - write .ward/creating, durably
 * @ward: .ward
 * @stage: what it is to say
 *
 * Return: 0 or a negative errno.
 */
int ward_stage_write(int ward, const struct ward_stage *stage)
{
	char text[STAGE_MAX];
	int len, ret;

	len = snprintf(text, sizeof(text),
		       "stage=%s\nname=%s\natime=%lld.%09ld\nmtime=%lld.%09ld\n%s",
		       words[stage->at], stage->name, (long long)stage->times[0].tv_sec,
		       stage->times[0].tv_nsec, (long long)stage->times[1].tv_sec,
		       stage->times[1].tv_nsec, stage->recovery_told ? "recovery=told\n" :
		       stage->recovery_none ? "recovery=none\n" : "");
	if (stage->recovery_file[0])
		len += snprintf(text + len, sizeof(text) - len, "recovery-file=%s\n",
				stage->recovery_file);
	/* Always as long, so that a later one fits into its place on a full disk. */
	if (len < STAGE_LEAST) {
		memset(text + len, '\n', STAGE_LEAST - len);
		len = STAGE_LEAST;
	}
	ret = ward_durable_write(ward, WARD_CREATING_NAME, text, len, 0600);
	return ret == -ENOSPC || ret == -EDQUOT ? overwrite(ward, text, len) : ret;
}

/**
 * ward_stage_end - the vault is made: remove .ward/creating, durably
 * @ward: .ward
 *
 * Return: 0 or a negative errno.
 */
int ward_stage_end(int ward)
{
	return ward_durable_unlink(ward, WARD_CREATING_NAME);
}

/**
 * ward_erase - remove a file, or a directory with all that is in it
 * @dirfd: where it is
 * @name: its name; none of that name is not an error
 *
 * Return: 0 or a negative errno.
 */
int ward_erase(int dirfd, const char *name)
{
	char **names;
	size_t count, i;
	int fd, ret;

	if (!unlinkat(dirfd, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = ward_open_dir(dirfd, name);
	if (fd < 0)
		return fd;
	ret = ward_walk_names(fd, &names, &count);
	if (!ret) {
		for (i = 0; !ret && i < count; i++)
			ret = ward_erase(fd, names[i]);
		ward_walk_names_free(names, count);
	}
	close(fd);
	if (!ret && unlinkat(dirfd, name, AT_REMOVEDIR))
		ret = -errno;
	return ret;
}
