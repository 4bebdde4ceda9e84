// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stall PROCESS...: for ever, has one process at a time stand still for up to a second and a half, and now and then none:
 * any but process 1, itself and those named. For finding the tests that rely on a machine that has nothing else to do; run
 * in a test machine by tests/vm/run --stall.
 *
 * By ptrace(2), as neither the parent is told of such a stop, nor does it end or hide one by SIGSTOP that a test wants.
 * When this is killed, the kernel lets go of what it holds.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MANY	4096

/* The numbers that name the entries of a directory in /proc. Return: how many. */
static int numbers(const char *path, pid_t *found)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return 0;
	while (n < MANY && (entry = readdir(dir))) {
		pid_t number = atoi(entry->d_name);

		if (number > 0)
			found[n++] = number;
	}
	closedir(dir);
	return n;
}

/* Threads of the kernel have no program. */
static bool has_program(pid_t pid)
{
	char path[64], program[4096];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, program, sizeof(program)) > 0;
}

static void doze(long milliseconds)
{
	struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* One thread that is on its way to stand still: waits until it does, and lets it go, with the signal that it was at. */
static void let_go(pid_t tid)
{
	int status;

	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		return;
	ptrace(PTRACE_DETACH, tid, 0, status >> 16 ? 0 : WSTOPSIG(status));
}

static void stall(pid_t pid)
{
	static pid_t threads[MANY];
	char path[64];
	int i, n, held = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	n = numbers(path, threads);
	for (i = 0; i < n; i++) {
		/* Whoever is traced by somebody else is left alone. */
		if (ptrace(PTRACE_SEIZE, threads[i], 0, 0))
			continue;
		ptrace(PTRACE_INTERRUPT, threads[i], 0, 0);
		threads[held++] = threads[i];
	}
	if (held)
		doze(random() % 1500);
	for (i = 0; i < held; i++)
		let_go(threads[i]);
}

int main(int argc, char **argv)
{
	static pid_t all[MANY];

	srandom(time(NULL));
	for (;;) {
		int i, kept = 0, n = numbers("/proc", all);

		for (i = 0; i < n; i++) {
			bool spared = all[i] == 1 || all[i] == getpid();
			int arg;

			for (arg = 1; arg < argc; arg++)
				spared |= all[i] == atoi(argv[arg]);
			if (!spared && has_program(all[i]))
				all[kept++] = all[i];
		}
		if (kept)
			stall(all[random() % kept]);
		doze(random() % 300);
	}
}
