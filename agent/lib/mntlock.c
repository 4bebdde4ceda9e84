// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks that keep others from changing a vault's mount or files meanwhile: files below /run/ward/lock. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "durable.h"
#include "mnt.h"

/* Seconds that do not jump. */
static time_t seconds(void)
{
	struct timespec ts = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Locks a file, and waits for others no longer than @patience seconds. */
static int lock_within(int fd, unsigned int patience)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	time_t end = seconds() + patience;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EINTR && errno != EWOULDBLOCK)
			return -errno;
		if (seconds() >= end)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int lock_for_good(int fd)
{
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/*
 * A lock file below /run/ward; closing it, and the end of the process, unlock.
 * @patience: how long to wait for others, seconds; negative: as long as it takes
 */
static int lock_file(const char *name, int patience)
{
	char path[PATH_MAX];
	int fd, ret;

	ret = ward_mkdirs(WARD_RUN_DIR "/lock", 0700);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), WARD_RUN_DIR "/lock/%.64s", name);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = patience < 0 ? lock_for_good(fd) : lock_within(fd, patience);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/**
 * ward_mnt_lock - let nobody else change a vault's mount or files meanwhile
 * @name: of the vault
 * @err: says what is wrong
 *
 * Waits for others. Return: a file descriptor whose closing ends it, or a
 * negative errno.
 */
int ward_mnt_lock(const char *name, struct ward_err *err)
{
	int fd = lock_file(name, -1);

	return fd < 0 ? ward_fail_errno(err, fd, "cannot lock %s/lock/%s", WARD_RUN_DIR, name) :
	       fd;
}

/**
 * ward_mnt_lock_within - the same, without waiting for others for long
 * @name: of the vault
 * @patience: seconds
 * @err: says what is wrong
 *
 * Return: as ward_mnt_lock(); -EBUSY when others still have it.
 */
int ward_mnt_lock_within(const char *name, unsigned int patience, struct ward_err *err)
{
	int fd = lock_file(name, patience);

	if (fd == -EBUSY)
		return ward_fail(err, EBUSY, WARD_FAILED,
				 "%s is busy: another wardctl or mount has been at work on it for %u seconds",
				 name, patience);
	return fd < 0 ? ward_fail_errno(err, fd, "cannot lock %s/lock/%s", WARD_RUN_DIR, name) :
	       fd;
}
