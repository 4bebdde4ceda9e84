// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs as rules name them. A rule trusts a program: so nobody but root may change it,
 * put another one in its place, or say by a symlink which one is meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "netlink.h"
#include "program.h"

#define LINKS_MAX	40	/* as the kernel has it */
#define ALTERNATIVES	"/etc/alternatives/"

/* One that cannot be asked for counts as one that is there. */
static bool has_acl(const char *path)
{
	return lgetxattr(path, "system.posix_acl_access", NULL, 0) >= 0 ||
	       (errno != ENODATA && errno != ENOTSUP);
}

/* Who but root could change this? */
static int only_root(const char *path, const struct stat *st, struct ward_err *err)
{
	const char *what = S_ISDIR(st->st_mode) ? "directory" :
			   S_ISLNK(st->st_mode) ? "symlink" : "file";

	if (st->st_uid)
		return ward_fail(err, EPERM, WARD_FAILED,
				 "the %s %s belongs to user %u, who could change it: chown root %s",
				 what, path, st->st_uid, path);
	if (S_ISLNK(st->st_mode))
		return 0;
	if (st->st_mode & S_IWOTH && st->st_mode & S_ISVTX)
		return ward_fail(err, EPERM, WARD_FAILED,
				 "everybody can change the %s %s: put what lies in it elsewhere",
				 what, path);
	if (st->st_mode & S_IWOTH)
		return ward_fail(err, EPERM, WARD_FAILED,
				 "everybody can change the %s %s: chmod o-w %s", what, path, path);
	/* With an ACL, the group's bits are what anybody in it may have at most. */
	if (st->st_mode & S_IWGRP && (st->st_gid || has_acl(path)))
		return ward_fail(err, EPERM, WARD_FAILED,
				 "group %u (or somebody in its ACL) can change the %s %s: chmod g-w %s",
				 st->st_gid, what, path, path);
	return 0;
}

/**
 * struct walk - the way to a file, one name at a time
 * @at: how far it has come; "" is the root
 * @rest: what is still to go
 * @links: symlinks met
 * @chosen: one of them is an alternative, see update-alternatives(1)
 */
struct walk {
	char at[PATH_MAX];
	char rest[PATH_MAX];
	unsigned int links;
	bool chosen;
};

static int follow(struct walk *w, const char *link, const char *rest)
{
	char target[PATH_MAX], both[2 * PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	w->chosen |= !strncmp(link, ALTERNATIVES, strlen(ALTERNATIVES));
	n = snprintf(both, sizeof(both), "%s/%s", target, rest);
	if (n >= (int)sizeof(w->rest))
		return -ENAMETOOLONG;
	memcpy(w->rest, both, n + 1);
	if (target[0] == '/')
		w->at[0] = '\0';
	return 0;
}

static int step(struct walk *w, struct stat *st, struct ward_err *err)
{
	size_t skip = strspn(w->rest, "/"), len = strcspn(w->rest + skip, "/"), at = strlen(w->at);
	char name[NAME_MAX + 1], rest[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	int ret;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->rest + skip, len);
	name[len] = '\0';
	memcpy(rest, w->rest + skip + len, strlen(w->rest + skip + len) + 1);
	memcpy(w->rest, rest, strlen(rest) + 1);
	if (!len || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		char *slash = strrchr(w->at, '/');

		if (slash)
			*slash = '\0';
		return 0;
	}
	if (at + 1 + len >= sizeof(w->at))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s/%s", w->at, name);
	if (lstat(path, st))
		return -errno;
	ret = only_root(path, st, err);
	if (ret)
		return ret;
	if (S_ISLNK(st->st_mode))
		return follow(w, path, rest);
	memcpy(w->at, path, at + len + 2);
	return 0;
}

/* Goes to a file; @found is where it really lies; @chosen, or NULL: by an alternative. */
static int walk_to(const char *path, char found[PATH_MAX], struct stat *st, bool *chosen,
		   struct ward_err *err)
{
	struct walk *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
	ret = strlen(path) < sizeof(w->rest) ? lstat("/", st) ? -errno : 0 : -ENAMETOOLONG;
	if (!ret) {
		strcpy(w->rest, path);
		ret = only_root("/", st, err);
	}
	while (!ret && w->rest[0])
		ret = step(w, st, err);
	/* The last one met may have been a symlink, or above where the path leads. */
	if (!ret && lstat(w->at[0] ? w->at : "/", st))
		ret = -errno;
	if (!ret)
		strcpy(found, w->at[0] ? w->at : "/");
	if (chosen)
		*chosen = w->chosen;
	free(w);
	if (ret && ret != -EPERM)
		ward_fail_errno(err, ret, "cannot find %s", path);
	return ret;
}

/**
 * ward_trusted_file - can only root change a file, or put another in its place
 * @path: the file, from the root on
 * @err: says who could, and what to do about it
 *
 * Return: 0; -EPERM when somebody else can; another negative errno when it cannot be found.
 */
int ward_trusted_file(const char *path, struct ward_err *err)
{
	char found[PATH_MAX];
	struct stat st;

	return walk_to(path, found, &st, NULL, err);
}

/**
 * ward_program_real - where a program really lies
 * @path: where it is named
 * @real: filled: its path without symlinks
 * @chosen: set to whether a symlink in /etc/alternatives says which one is meant: then it may
 *	be another program tomorrow, of another package
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int ward_program_real(const char *path, char real[PATH_MAX], bool *chosen, struct ward_err *err)
{
	struct stat st;

	return walk_to(path, real, &st, chosen, err);
}

/**
 * ward_program_open - open a program that a rule names
 * @path: where it is
 * @err: says what is wrong with it
 *
 * Return: a descriptor; -ENOENT when there is nothing; -EPERM when somebody but root could
 * change it; -EINVAL when it is no program; another negative errno.
 */
int ward_program_open(const char *path, struct ward_err *err)
{
	char found[PATH_MAX], begin[2];
	struct stat st;
	int fd, ret;

	ret = walk_to(path, found, &st, NULL, err);
	if (ret)
		return ret;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "%s is no file that can be executed", found);
	fd = open(found, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	/* Whoever may not read all programs may check rules; a script is not found then. */
	if (fd < 0 && errno == EACCES)
		fd = open(found, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ward_fail_errno(err, errno, "cannot open %s", found);
	if (pread(fd, begin, 2, 0) == 2 && !memcmp(begin, "#!", 2)) {
		close(fd);
		return ward_fail(err, EINVAL, WARD_FAILED,
				 "%s is a script, and what is executed is the program in its first line: name that (then every script of it is meant), or the program that the script starts",
				 found);
	}
	return fd;
}

static int find_program(struct ward_policy_program *program, struct ward_nl *nl,
			struct ward_err *err)
{
	int fd, ret;

	memset(&program->id, 0, sizeof(program->id));
	program->id.kind = htole32(WARD_PROGRAM_ABSENT);
	fd = ward_program_open(program->path, err);
	if (fd < 0)
		return fd;
	program->id.kind = 0;
	ret = nl ? ward_nl_program_get(nl, fd, &program->id) : 0;
	close(fd);
	if (ret)
		return ward_fail(err, -ret, WARD_FAILED, "%s: %s", program->path,
				 ward_nl_why(nl)[0] ? ward_nl_why(nl) : strerror(-ret));
	return 0;
}

/**
 * ward_policy_find_programs - find the files that a policy's programs are
 * @policy: the policy
 * @nl: to the kernel, which says what it knows a file by; NULL: only look at them
 * @err: a note for each that is not there, or wrong
 *
 * One that is not there is noted and stays in the policy, where it is nobody's: it may be
 * installed later.
 *
 * Return: 0 or a negative errno when one is wrong.
 */
int ward_policy_find_programs(struct ward_policy *policy, struct ward_nl *nl,
			      struct ward_err *err)
{
	char place[WARD_RULE_PLACE];
	unsigned int wrong = 0;
	size_t i, k, n;

	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++) {
			struct ward_policy_cond *c = &policy->rules[i].conds[k];

			for (n = 0; n < c->program_count; n++) {
				struct ward_err why;
				int ret;

				ward_err_clear(&why);
				ret = find_program(&c->programs[n], nl, &why);
				if (!ret)
					continue;
				if (ret == -ENOENT)
					ward_note(err, "%s: there is no program %s: as long as it is not there (and the rules are not loaded anew), nobody runs it",
						  ward_rule_place(&policy->rules[i], place),
						  c->programs[n].path);
				else
					ward_note(err, "%s: %s",
						  ward_rule_place(&policy->rules[i], place), why.text);
				wrong += ret != -ENOENT;
			}
		}
	if (wrong)
		return ward_fail(err, EINVAL, WARD_FAILED, "%u program%s cannot be trusted or used",
				 wrong, wrong > 1 ? "s" : "");
	return 0;
}

/**
 * ward_policy_stale_programs - which programs are not what they were when rules were loaded
 * @policy: what was loaded
 * @nl: to the kernel
 * @err: a note for each; a program that was not there, and is not there, is none
 */
void ward_policy_stale_programs(const struct ward_policy *policy, struct ward_nl *nl,
				struct ward_err *err)
{
	size_t i, k, n;

	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++) {
			const struct ward_policy_cond *c = &policy->rules[i].conds[k];

			for (n = 0; n < c->program_count; n++) {
				struct ward_policy_program now = { .path = c->programs[n].path };
				struct ward_err why;

				ward_err_clear(&why);
				find_program(&now, nl, &why);
				if (memcmp(&now.id, &c->programs[n].id, sizeof(now.id)))
					ward_note(err, "rule \"%s\": the file %s is another one than when the rules were loaded, so nobody runs what the rule means: wardctl policy renew follows what a package replaced, otherwise load them anew",
						  policy->rules[i].name, now.path);
			}
		}
}
