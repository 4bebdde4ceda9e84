// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offend DIR COUNT PROCESSES READER: makes COUNT accesses that are to be refused, as fast as it goes, with as many
 * processes. Every other one is READER, a user id, who opens one file after the other, DIR/f0 to DIR/f99, so that no
 * access is like the one before; the rest are strangers who look for DIR/x, eight times each: what is identical folds.
 * COUNT 0: until SIGTERM.
 *
 * Prints how many were refused with EACCES, and how many were not. Exit status: 0 when all were refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES		100
#define TIMES		8	/* that a stranger tries */
#define STRANGERS	300000	/* first user id of theirs; each process has a range of its own */
#define RANGE		1000000

/**
 * struct tally - what all processes share
 * @stop: no more
 * @refused: with EACCES
 * @otherwise: let through, or failed otherwise
 */
struct tally {
	atomic_bool stop;
	atomic_ulong refused;
	atomic_ulong otherwise;
};

static struct tally *tally;

static void stop(int sig)
{
	(void)sig;
	tally->stop = true;
}

static void become(uid_t uid)
{
	/* The saved one stays root's, to become the next one. */
	if (setresuid(0, 0, 0) || setresuid(uid, uid, 0)) {
		perror("offend: setresuid");
		exit(2);
	}
}

static void offend(const char *dir, unsigned long count, unsigned int nth, uid_t reader)
{
	unsigned long i, refused = 0, otherwise = 0;
	struct stat st;
	char path[4096];
	int ret;

	if (nth % 2)
		become(reader);
	for (i = 0; (!count || i < count) && !tally->stop; i++) {
		if (nth % 2) {
			snprintf(path, sizeof(path), "%s/f%lu", dir, i % FILES);
			ret = open(path, O_RDONLY);
			if (ret >= 0)
				close(ret);
		} else {
			if (i % TIMES == 0)
				become(STRANGERS + nth * RANGE + i / TIMES % RANGE);
			snprintf(path, sizeof(path), "%s/x", dir);
			ret = stat(path, &st);
		}
		if (ret < 0 && errno == EACCES)
			refused++;
		else
			otherwise++;
	}
	tally->refused += refused;
	tally->otherwise += otherwise;
}

int main(int argc, char **argv)
{
	unsigned long count, processes, nth, share;
	struct sigaction action = { .sa_handler = stop };

	if (argc != 5 || !(processes = strtoul(argv[3], NULL, 10))) {
		fprintf(stderr, "usage: offend DIR COUNT PROCESSES READER\n");
		return 2;
	}
	count = strtoul(argv[2], NULL, 10);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED || sigaction(SIGTERM, &action, NULL)) {
		perror("offend");
		return 2;
	}
	for (nth = 0; nth < processes; nth++) {
		/* The first ones do what cannot be shared evenly. */
		share = count / processes + (nth < count % processes);
		if (count && !share)
			break;
		switch (fork()) {
		case -1:
			perror("offend: fork");
			return 2;
		case 0:
			offend(argv[1], share, nth, strtoul(argv[4], NULL, 10));
			_exit(0);
		}
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("%lu refused, %lu not\n", tally->refused, tally->otherwise);
	return tally->otherwise || (count && tally->refused != count);
}
