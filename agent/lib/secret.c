// SPDX-License-Identifier: GPL-2.0-or-later
/* Secrets in memory: locked, not dumped, wiped. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "secret.h"

/* Room for the longest secret, a newline, and one byte that shows it is too long. */
#define SECRET_ROOM	(WARD_SECRET_MAX + 2)
#define SECRET_SIZE	(sizeof(struct ward_secret) + SECRET_ROOM)

/**
 * ward_secret_harden - no core dumps and no tracing of this process
 *
 * Best effort: what cannot be had is done without.
 */
void ward_secret_harden(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}

/**
 * ward_secret_new - memory for a secret of up to WARD_SECRET_MAX bytes
 *
 * Return: an empty secret, or NULL with errno set.
 */
struct ward_secret *ward_secret_new(void)
{
	void *p = mmap(NULL, SECRET_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, SECRET_SIZE, MADV_DONTDUMP);
	madvise(p, SECRET_SIZE, MADV_WIPEONFORK);
	if (mlock(p, SECRET_SIZE)) {
		int error = errno;

		munmap(p, SECRET_SIZE);
		errno = error;
		return NULL;
	}
	return p;
}

/**
 * ward_secret_free - wipe a secret and give its memory back
 * @secret: the secret; may be NULL
 */
void ward_secret_free(struct ward_secret *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret, SECRET_SIZE);
	munmap(secret, SECRET_SIZE);
}

/**
 * ward_secret_read_fd - read a secret to the end of a file
 * @fd: the file, pipe or terminal
 * @secret: empty one; holds nothing after a failure
 *
 * One newline at the end is dropped.
 *
 * Return: 0; -ENODATA when there is none; -EFBIG when there is too much;
 * another negative errno.
 */
int ward_secret_read_fd(int fd, struct ward_secret *secret)
{
	size_t have = 0;
	int ret = 0;

	while (have < SECRET_ROOM) {
		ssize_t n = read(fd, secret->data + have, SECRET_ROOM - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = -errno;
			goto wipe;
		}
		if (!n)
			break;
		have += n;
	}
	if (have && secret->data[have - 1] == '\n')
		have--;
	if (!have)
		ret = -ENODATA;
	else if (have > WARD_SECRET_MAX)
		ret = -EFBIG;
	else
		secret->len = have;
wipe:
	if (ret)
		explicit_bzero(secret, SECRET_SIZE);
	return ret;
}

/**
 * ward_secret_read_file - read a secret from a file
 * @path: the file; "-" is standard input
 * @err: says what failed
 *
 * Return: the secret for ward_secret_free(), or NULL.
 */
struct ward_secret *ward_secret_read_file(const char *path, struct ward_err *err)
{
	struct ward_secret *secret = ward_secret_new();
	int fd = STDIN_FILENO;
	int ret;

	if (!secret) {
		ward_fail_errno(err, errno, "cannot lock memory for a secret");
		return NULL;
	}
	if (strcmp(path, "-")) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			ward_fail_errno(err, errno, "cannot open %s", path);
			goto free;
		}
	} else {
		path = "standard input";
	}
	ret = ward_secret_read_fd(fd, secret);
	if (fd != STDIN_FILENO)
		close(fd);
	if (!ret)
		return secret;
	if (ret == -ENODATA)
		ward_fail(err, EINVAL, WARD_FAILED,
			  "%s is empty: the secret must have at least one character", path);
	else if (ret == -EFBIG)
		ward_fail(err, EFBIG, WARD_FAILED,
			  "%s is longer than %d bytes: too long for a secret", path,
			  WARD_SECRET_MAX);
	else
		ward_fail_errno(err, ret, "cannot read %s", path);
free:
	ward_secret_free(secret);
	return NULL;
}
