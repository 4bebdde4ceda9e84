// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exefile UID PROGRAM FILE: exchanges what the kernel calls the executable of this process for PROGRAM, as prctl(2) lets
 * root do, becomes the user UID, and reads a byte of FILE.
 *
 * Exit status: 0 when it could read it, the errno of open(2) or read(2) when not; 255 when the exchange did not work.
 *
 * The kernel wants nothing of the old executable to be mapped. So what is left to do then is done by a copy of the
 * code, which calls nothing but syscall(2) of the C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAILED	255

/**
 * struct job - what is to be done, in memory of its own
 * @call: syscall(2)
 * @error: where it leaves its errno
 * @map: what is to be unmapped
 * @maps: how many
 * @exe: descriptor of PROGRAM
 * @uid: to become
 * @file: to read
 */
struct job {
	long (*call)(long number, ...);
	int *error;
	struct {
		unsigned long from;
		unsigned long size;
	} map[16];
	int maps;
	int exe;
	long uid;
	char file[4096];
};

/* In a section of its own, that its beginning and end are known. */
static void __attribute__((section("job"), noinline, used)) run(struct job *j)
{
	char byte;
	long fd;
	int i;

	for (i = 0; i < j->maps; i++)
		if (j->call(SYS_munmap, j->map[i].from, j->map[i].size))
			j->call(SYS_exit_group, FAILED);
	if (j->call(SYS_prctl, PR_SET_MM, PR_SET_MM_EXE_FILE, j->exe, 0, 0) ||
	    j->call(SYS_setgroups, 0, 0) || j->call(SYS_setresgid, j->uid, j->uid, j->uid) ||
	    j->call(SYS_setresuid, j->uid, j->uid, j->uid))
		j->call(SYS_exit_group, FAILED);
	fd = j->call(SYS_openat, AT_FDCWD, j->file, O_RDONLY, 0);
	if (fd < 0 || j->call(SYS_read, fd, &byte, 1) < 0)
		j->call(SYS_exit_group, *j->error);
	j->call(SYS_exit_group, 0);
}

extern const char __start_job[], __stop_job[];

static int find_maps(struct job *j)
{
	char line[4400], exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to;

	if (n < 0 || !f)
		return -1;
	exe[n] = '\0';
	while (fgets(line, sizeof(line), f)) {
		const char *path = strchr(line, '/');

		if (!path || strncmp(path, exe, n) || path[n] != '\n')
			continue;
		if (j->maps == 16 || sscanf(line, "%lx-%lx", &from, &to) != 2)
			return -1;
		j->map[j->maps].from = from;
		j->map[j->maps++].size = to - from;
	}
	fclose(f);
	return j->maps ? 0 : -1;
}

int main(int argc, char **argv)
{
	const int prot = PROT_READ | PROT_WRITE | PROT_EXEC, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct job *j = mmap(NULL, sizeof(*j), prot, flags, -1, 0);
	void *code = mmap(NULL, __stop_job - __start_job, prot, flags, -1, 0);

	if (argc != 4 || j == MAP_FAILED || code == MAP_FAILED || strlen(argv[3]) >= sizeof(j->file))
		return FAILED;
	j->uid = atol(argv[1]);
	j->exe = open(argv[2], O_RDONLY);
	strcpy(j->file, argv[3]);
	j->call = syscall;
	j->error = &errno;
	if (j->exe < 0 || find_maps(j))
		return FAILED;
	memcpy(code, __start_job, __stop_job - __start_job);
	((void (*)(struct job *))code)(j);
	return FAILED;
}
