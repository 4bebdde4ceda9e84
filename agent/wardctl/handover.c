// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The recovery key of a vault that is being made: made, and handed over to a person
 * or a file. Nothing plain goes before somebody has it; whoever goes on with a vault
 * whose key nobody was told makes a new one, and the old one is void.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/durable.h"
#include "../lib/text.h"
#include "verb.h"
#include "create.h"

/* Only what a key is written with, and no more than one: a file that we wrote, if only in part */
static bool is_key_file(int fd)
{
	char text[WARD_RECOVERY_TEXT + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid ||
	    st.st_size > WARD_RECOVERY_TEXT)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	n -= strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-\n");
	explicit_bzero(text, sizeof(text));
	return !n;
}

/* The file's directory, and its name in there; a descriptor or a negative errno. */
static int open_parent(const char *file, char name[NAME_MAX + 1])
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", file);
	snprintf(name, NAME_MAX + 1, "%s", basename(copy));
	snprintf(copy, sizeof(copy), "%s", file);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/**
 * handover_void - remove the file with a recovery key that opens nothing any more
 * @c: @stage may name it
 *
 * A file of that name that is not one of ours stays.
 *
 * Return: 0, also when there is none; -EEXIST when another file is there; another
 * negative errno.
 */
int handover_void(struct create *c)
{
	const char *file = c->stage.recovery_file;
	char name[NAME_MAX + 1];
	int dirfd, fd, ret;

	if (!file[0])
		return 0;
	dirfd = open_parent(file, name);
	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		ret = errno == ENOENT ? 0 : -errno;
	else
		ret = is_key_file(fd) ? ward_durable_unlink(dirfd, name) : -EEXIST;
	if (fd >= 0)
		close(fd);
	close(dirfd);
	return ret;
}

/**
 * handover_look - is there a place for the recovery key
 * @c: DIR is known; @recovery_file is what was typed, and becomes absolute
 * @resumed: an earlier run began, and @stage says what was asked for then
 *
 * A file is written only where there is none, but for that of the earlier run, whose
 * key nobody was told of.
 *
 * Return: 0 or a negative errno.
 */
int handover_look(struct create *c, bool resumed)
{
	size_t len = strlen(c->conf.directory);
	char copy[PATH_MAX], real[PATH_MAX], name[NAME_MAX + 1];

	if (resumed && !c->recovery_file[0] && !c->no_recovery) {
		c->no_recovery = c->stage.recovery_none;
		strcpy(c->recovery_file, c->stage.recovery_file);
	}
	if (!c->recovery_file[0] || c->stage.recovery_told)
		return 0;
	snprintf(copy, sizeof(copy), "%s", c->recovery_file);
	snprintf(name, sizeof(name), "%s", basename(copy));
	snprintf(copy, sizeof(copy), "%s", c->recovery_file);
	if (!realpath(dirname(copy), real))
		return ward_fail_errno(c->err, errno, "cannot write the recovery key to %s",
				       c->recovery_file);
	if (!strncmp(real, c->conf.directory, len) && (!real[len] || real[len] == '/'))
		return ward_fail(c->err, EINVAL, WARD_USAGE,
				 "%s lies in the vault that its key is to open: name a file somewhere else",
				 c->recovery_file);
	if (snprintf(c->recovery_file, sizeof(c->recovery_file), "%s/%s",
		     strcmp(real, "/") ? real : "", name) >= (int)sizeof(c->recovery_file) ||
	    strchr(c->recovery_file, '\n'))
		return ward_fail(c->err, EINVAL, WARD_USAGE,
				 "the name of the recovery key's file is too long, or has a line break in it: name another one");
	if ((!resumed || strcmp(c->recovery_file, c->stage.recovery_file)) &&
	    !faccessat(AT_FDCWD, c->recovery_file, F_OK, AT_SYMLINK_NOFOLLOW))
		return ward_fail(c->err, EEXIST, WARD_FAILED,
				 "%s exists already: name a new file for the recovery key",
				 c->recovery_file);
	return 0;
}

static int show(struct create *c, const char *text)
{
	ui_progress_end();
	printf("The recovery key of %s. It opens the vault when the passphrase is lost.\n"
	       "Keep it on paper, away from this machine; it is not shown again:\n\n  %s\n\n",
	       c->conf.name, text);
	if (isatty(STDOUT_FILENO)) {
		ui_qr(text);
		putchar('\n');
	}
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	return ward_fail(c->err, EIO, WARD_FAILED,
			 "the recovery key cannot be shown, because standard output cannot be written to: let it go to a terminal, use --recovery-key-file FILE, or --no-recovery-key");
}

/* Its name is on the disk before it is: so whoever takes it back knows that it is ours. */
static int store(struct create *c, const char *text)
{
	char line[WARD_RECOVERY_TEXT + 1], name[NAME_MAX + 1];
	int dirfd, fd, ret;

	ret = handover_void(c);
	if (!ret && strcmp(c->stage.recovery_file, c->recovery_file)) {
		strcpy(c->stage.recovery_file, c->recovery_file);
		ret = scaffold_stage(c, c->stage.at);
		if (ret)
			return ret;
	}
	dirfd = ret ? ret : open_parent(c->recovery_file, name);
	if (dirfd < 0)
		return ward_fail_errno(c->err, dirfd, "cannot write the recovery key to %s",
				       c->recovery_file);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		ret = -errno;
		goto close_dir;
	}
	snprintf(line, sizeof(line), "%s\n", text);
	ret = ward_write_all(fd, line, strlen(line));
	explicit_bzero(line, sizeof(line));
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret)
		ret = ward_durable_sync_dir(dirfd);
	else
		unlinkat(dirfd, name, 0);
close_dir:
	close(dirfd);
	return ret ? ward_fail_errno(c->err, ret, "cannot write the recovery key to %s",
				     c->recovery_file) : 0;
}

/**
 * handover_make - make a recovery key and hand it over, unless that was done
 * @c: @master is known
 *
 * With --json and without a file, it is left in @recovery, and goes out with the
 * document: until then, nobody was told.
 *
 * Return: 0 or a negative errno.
 */
int handover_make(struct create *c)
{
	char text[WARD_RECOVERY_TEXT];
	uint8_t key[WARD_KEY_SIZE];
	int ret;

	if (c->no_recovery || c->stage.recovery_told)
		return 0;
	ret = ward_random(key, sizeof(key));
	if (!ret)
		ret = ward_text_recovery(key, text);
	if (ret) {
		ward_fail_errno(c->err, ret, "cannot make a recovery key");
		goto wipe;
	}
	ret = scaffold_recovery(c, key);
	if (ret)
		goto wipe;
	if (c->recovery_file[0])
		ret = store(c, text);
	else if (verb_globals.json)
		memcpy(c->recovery, text, sizeof(c->recovery));
	else
		ret = show(c, text);
	if (!ret && !c->recovery[0])
		c->stage.recovery_told = true;
wipe:
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return ret;
}
