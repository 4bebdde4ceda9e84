// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listing directories: the same entries, in any order; and while entries come and go,
 * each that was there all the time once, and none that never was.
 */
#include "compare.h"

#define MANY	600	/* entries that are looked at, at most */

struct dirent64_raw {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

struct listing {
	char *name[MANY];
	int64_t off[MANY];
	unsigned char type[MANY];
	unsigned int count;
};

static void forget(struct listing *l)
{
	while (l->count)
		free(l->name[--l->count]);
}

/* Up to so many more entries, read in pieces of so many bytes. Return: 0, or -1 with errno */
static int list_more(int fd, struct listing *l, size_t size, unsigned int most)
{
	static __thread char buf[32768] __attribute__((aligned(8)));

	while (l->count < most) {
		long n = syscall(SYS_getdents64, fd, buf, size), at;

		if (n <= 0)
			return n;
		for (at = 0; at < n; ) {
			const struct dirent64_raw *e = (const void *)(buf + at);

			if (l->count < MANY) {
				l->name[l->count] = strdup(e->name);
				l->off[l->count] = e->off;
				l->type[l->count++] = e->type;
			}
			at += e->reclen;
		}
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

static bool pick_list(struct run *r, struct op *op)
{
	if (chance(r, 4))
		pick_path(r, op->a);
	else
		pick_live(r, op->a, S_IFDIR);
	op->len = chance(r, 3) ? 300 : 32768;
	op->seed = draw(r);
	op->which = below(r, 12);
	return true;
}

static void go_list(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct listing l = { .count = 0 };
	char *lines[MANY];
	unsigned int i;
	int fd = open(op->a, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	result_of(res, fd < 0 ? -1 : 0);
	if (fd < 0)
		return;
	result_of(res, list_more(fd, &l, op->len, MANY));
	for (i = 0; i < l.count; i++) {
		lines[i] = malloc(strlen(l.name[i]) + 8);
		sprintf(lines[i], "%s %d", l.name[i], l.type[i]);
	}
	qsort(lines, l.count, sizeof(*lines), by_name);
	for (i = 0; i < l.count; i++) {
		add_text(res, "%s\n", lines[i]);
		free(lines[i]);
	}
	forget(&l);
	close(fd);
}

static unsigned int times_in(const struct listing *l, const char *name)
{
	unsigned int i, n = 0;

	for (i = 0; i < l->count; i++)
		n += !strcmp(l->name[i], name);
	return n;
}

/*
 * Lists the first part, then takes an entry away and makes another one, goes back to a
 * place in the middle, and lists the rest from there.
 */
static void changing(int dir, const struct op *op, struct result *res)
{
	struct listing all = { .count = 0 }, some = { .count = 0 };
	unsigned int i, kept;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0) {
		result_of(res, -1);
		return;
	}
	mknodat(dir, "list-leaves", S_IFREG | 0600, 0);
	list_more(fd, &all, 32768, MANY);
	lseek(fd, 0, SEEK_SET);
	list_more(fd, &some, 300, op->seed % (all.count + 1));
	unlinkat(dir, "list-leaves", 0);
	mknodat(dir, "list-comes", S_IFREG | 0600, 0);
	/* What was read after that place is read again. */
	if (some.count > 2) {
		kept = some.count / 2;
		if (lseek(fd, some.off[kept - 1], SEEK_SET) != some.off[kept - 1])
			add_text(res, "seekdir fails: %s\n", strerrorname_np(errno));
		while (some.count > kept)
			free(some.name[--some.count]);
	}
	result_of(res, list_more(fd, &some, 300, MANY));
	for (i = 0; i < all.count && all.count < MANY - 2; i++) {
		unsigned int n = times_in(&some, all.name[i]);

		if (n != 1 && strcmp(all.name[i], "list-leaves"))
			add_text(res, "%s is listed %u times\n", all.name[i], n);
	}
	for (i = 0; i < some.count; i++)
		if (!times_in(&all, some.name[i]) && strcmp(some.name[i], "list-comes"))
			add_text(res, "%s was never there\n", some.name[i]);
	if (times_in(&some, "list-leaves") > 1 || times_in(&some, "list-comes") > 1)
		add_text(res, "an entry that came or went is listed twice\n");
	unlinkat(dir, "list-comes", 0);
	forget(&all);
	forget(&some);
	close(fd);
}

static void go_changing(struct run *r, const struct op *op, enum side side, struct result *res)
{
	int dir = open(op->a, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	result_of(res, dir < 0 ? -1 : 0);
	if (dir < 0)
		return;
	changing(dir, op, res);
	close(dir);
}

const struct kind list_kinds[] = {
	{ "list", 25, USES_A, pick_list, go_list },
	{ "changing", 10, USES_A, pick_list, go_changing },
	{ NULL }
};
