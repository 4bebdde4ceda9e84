// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Is a file as its package has it: dpkg's database, by dpkg-query(1). Sums are MD5, which is
 * what dpkg keeps: they tell a package's file from another one that root put there by
 * mistake, not from a forgery. Who is root can forge any of this, and replace the contents
 * of the program itself.
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "package.h"

#define MD5_TEXT	33	/* with its NUL */

/* What a command says on its standard output. NULL when it cannot be started. */
static FILE *ask(char *const argv[], pid_t *pid)
{
	static char *const environment[] = {
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL
	};
	posix_spawn_file_actions_t actions;
	int fds[2], ret;
	FILE *f;

	if (pipe(fds))
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
	ret = posix_spawn(pid, "/usr/bin/dpkg-query", &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	f = ret ? NULL : fdopen(fds[0], "r");
	if (!f) {
		close(fds[0]);
		if (!ret)
			waitpid(*pid, NULL, 0);
	}
	return f;
}

static bool end(FILE *f, pid_t pid)
{
	int status;

	fclose(f);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The package that a file belongs to. Return: 1, 0 none, or a negative errno. */
static int owner(const char *path, char *package, size_t size)
{
	char query[] = "dpkg-query", search[] = "--search", stop[] = "--";
	char *argv[] = { query, search, stop, (char *)path, NULL };
	char *line = NULL, *colon;
	size_t room = 0;
	bool found = false;
	pid_t pid;
	FILE *f = ask(argv, &pid);

	if (!f)
		return -errno ? -errno : -ENOENT;
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		colon = strstr(line, ": ");
		/* "diversion by ..." says whose it would be, and several have directories only. */
		if (!colon || strcmp(colon + 2, path) || !strncmp(line, "diversion ", 10))
			continue;
		*colon = '\0';
		if (strchr(line, ',') || strlen(line) >= size)
			continue;
		strcpy(package, line);
		found = true;
	}
	free(line);
	end(f, pid);
	return found;
}

/* The sum that the package gives for a file. Return: 1, 0 none, or a negative errno. */
static int listed(const char *package, const char *path, char sum[MD5_TEXT])
{
	char query[] = "dpkg-query", show[] = "--control-show", sums[] = "md5sums";
	char *argv[] = { query, show, (char *)package, sums, NULL };
	char *line = NULL;
	size_t room = 0;
	bool found = false;
	pid_t pid;
	FILE *f = ask(argv, &pid);

	if (!f)
		return -ENOENT;
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) <= MD5_TEXT || line[MD5_TEXT - 1] != ' ' ||
		    line[MD5_TEXT] != ' ' || strcmp(line + MD5_TEXT + 1, path + 1))
			continue;
		memcpy(sum, line, MD5_TEXT - 1);
		sum[MD5_TEXT - 1] = '\0';
		found = true;
	}
	free(line);
	end(f, pid);
	return found;
}

static int sum_of(int fd, char sum[MD5_TEXT])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char buffer[65536], digest[EVP_MAX_MD_SIZE];
	unsigned int len, i;
	off_t at = 0;
	ssize_t n;
	int ret = md && EVP_DigestInit_ex(md, EVP_md5(), NULL) ? 0 : -EIO;

	while (!ret && (n = pread(fd, buffer, sizeof(buffer), at))) {
		if (n < 0)
			ret = -errno;
		else if (!EVP_DigestUpdate(md, buffer, n))
			ret = -EIO;
		at += n;
	}
	if (!ret && (!EVP_DigestFinal_ex(md, digest, &len) || len != 16))
		ret = -EIO;
	EVP_MD_CTX_free(md);
	for (i = 0; !ret && i < 16; i++)
		sprintf(sum + 2 * i, "%02x", digest[i]);
	return ret;
}

static int has(const char *path, int fd)
{
	char package[256], listed_sum[MD5_TEXT], sum[MD5_TEXT];
	int ret = owner(path, package, sizeof(package));

	if (ret > 0)
		ret = listed(package, path, listed_sum);
	if (ret <= 0)
		return ret;
	ret = sum_of(fd, sum);
	return ret ? ret : !strcmp(sum, listed_sum);
}

/**
 * ward_package_has - is a file as a package has it
 * @path: where it is
 * @fd: the file, open for reading
 *
 * Where /bin and /usr/bin are one directory, either name will do.
 *
 * Return: 1 when it is; 0 when no package has it, or another one; a negative errno when
 * nobody can be asked.
 */
int ward_package_has(const char *path, int fd)
{
	char *real = realpath(path, NULL);
	int ret = -ENOENT;

	if (!real)
		return -errno;
	/* dpkg-query would take these for a pattern. */
	if (!strpbrk(real, "*?[\\"))
		ret = has(real, fd);
	if (!ret && !strncmp(real, "/usr/", 5))
		ret = has(real + 4, fd);
	free(real);
	return ret;
}
