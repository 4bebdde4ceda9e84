// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changing between the two directories: each is the root while an operation is done
 * in it, so that paths and symlinks with ".." in them cannot leave it. And between
 * users: by system calls for this thread alone, which the C library's are not.
 */
#include <grp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>

#include "compare.h"

static void must(int ret, const char *what)
{
	if (ret) {
		fprintf(stderr, "compare: %s: %s\n", what, strerror(errno));
		exit(2);
	}
}

void enter(struct run *r, enum side side)
{
	must(fchdir(r->top[side]), "fchdir");
	must(chroot("."), "chroot");
	r->in = side;
}

void leave(struct run *r)
{
	static int root = -1;

	if (root < 0)
		root = open("/", O_PATH | O_CLOEXEC);
	must(fchdir(root), "fchdir");
	must(chroot("."), "chroot");
}

void become(uid_t uid)
{
	gid_t group = CASEWORKERS;

	if (uid) {
		must(syscall(SYS_setgroups, 1, &group), "setgroups");
		must(syscall(SYS_setresgid, uid, uid, 0), "setresgid");
		must(syscall(SYS_setresuid, uid, uid, 0), "setresuid");
	} else {
		must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
		must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
		must(syscall(SYS_setgroups, 0, NULL), "setgroups");
	}
}

void result_of(struct result *res, long ret)
{
	res->ret = ret;
	res->err = ret == -1 ? errno : 0;
}

void add_text(struct result *res, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf((char *)res->out + res->len, OUT_ROOM - res->len, format, args);
	va_end(args);
	res->len += n;
	if (res->len > OUT_ROOM - 1)
		res->len = OUT_ROOM - 1;
}

void slot_close(struct run *r, int slot)
{
	int side;

	for (side = 0; side < SIDES; side++) {
		if (r->slot[slot].fd[side] >= 0)
			close(r->slot[slot].fd[side]);
		r->slot[slot].fd[side] = -1;
	}
}

void close_all(struct run *r)
{
	int i, side;

	for (i = 0; i < SLOTS; i++)
		slot_close(r, i);
	for (i = 0; i < MAPS; i++) {
		for (side = 0; side < SIDES; side++) {
			if (!r->map[i].at[side])
				continue;
			munmap(r->map[i].at[side], r->map[i].len);
			close(r->map[i].fd[side]);
			r->map[i].at[side] = NULL;
		}
	}
}

/* Until the clock that files are stamped with has moved on. */
void wait_tick(void)
{
	struct timespec first, now, nap = { .tv_nsec = 300000 };

	clock_gettime(CLOCK_REALTIME_COARSE, &first);
	do {
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec == first.tv_sec && now.tv_nsec == first.tv_nsec);
}
