// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole trees: the same entries, of the same type, the same objects behind them, the
 * same names for one object; and no time that moved while nothing was done.
 */
#include <dirent.h>

#include "compare.h"

struct entries {
	char **line;		/* type, a space, name */
	unsigned int count;
	int err;
};

/* Objects with several names: one of plain is one of the vault. */
struct pairs {
	uint64_t (*ino)[SIDES];
	unsigned int count;
	unsigned int room;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

static void read_entries(int dir, struct entries *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *one;

	*e = (struct entries) { 0 };
	if (!stream) {
		e->err = errno;
		return;
	}
	for (errno = 0; (one = readdir(stream)); errno = 0) {
		if (!strcmp(one->d_name, ".") || !strcmp(one->d_name, ".."))
			continue;
		if (!(e->count & 63))
			e->line = realloc(e->line, (e->count + 64) * sizeof(*e->line));
		e->line[e->count] = malloc(strlen(one->d_name) + 3);
		sprintf(e->line[e->count++], "%c %s", 'A' + one->d_type, one->d_name);
	}
	e->err = errno;
	closedir(stream);
	if (e->count)
		qsort(e->line, e->count, sizeof(*e->line), by_text);
}

static void free_entries(struct entries *e)
{
	while (e->count)
		free(e->line[--e->count]);
	free(e->line);
}

static bool same_names(struct run *r, const struct entries e[SIDES], const char *where)
{
	char shown[700], place[700];
	unsigned int i;

	escape(where, strlen(where), place, sizeof(place));
	if (e[PLAIN].err != e[VAULT].err)
		return differs(r, "%s: listing gives %s in plain, %s in the vault", place,
			       strerrorname_np(e[PLAIN].err), strerrorname_np(e[VAULT].err));
	for (i = 0; i < e[PLAIN].count || i < e[VAULT].count; i++) {
		const char *p = i < e[PLAIN].count ? e[PLAIN].line[i] : NULL;
		const char *v = i < e[VAULT].count ? e[VAULT].line[i] : NULL;

		if (p && v && !strcmp(p, v))
			continue;
		if (!v || (p && strcmp(p, v) < 0)) {
			escape(p, strlen(p), shown, sizeof(shown));
			return differs(r, "%s: entry %s is in plain alone", place, shown);
		}
		escape(v, strlen(v), shown, sizeof(shown));
		return differs(r, "%s: entry %s is in the vault alone", place, shown);
	}
	return true;
}

static bool same_object(struct run *r, struct pairs *pairs, const struct stat st[SIDES],
			const char *path)
{
	unsigned int i;

	for (i = 0; i < pairs->count; i++) {
		bool one = pairs->ino[i][PLAIN] == st[PLAIN].st_ino;
		bool two = pairs->ino[i][VAULT] == st[VAULT].st_ino;

		if (one && two)
			return true;
		if (one || two)
			return differs(r, "%.200s: another object than that of its other names",
				       path);
	}
	if (pairs->count == pairs->room) {
		pairs->room += 64;
		pairs->ino = realloc(pairs->ino, pairs->room * sizeof(*pairs->ino));
	}
	for (i = 0; i < SIDES; i++)
		pairs->ino[pairs->count][i] = st[i].st_ino;
	pairs->count++;
	return true;
}

static bool same_regular(struct run *r, const int dir[SIDES], const char *name)
{
	int side, fd[SIDES];
	bool same;

	for (side = 0; side < SIDES; side++) {
		fd[side] = openat(dir[side], name, O_RDONLY | O_NOATIME | O_NOFOLLOW | O_CLOEXEC);
		if (fd[side] < 0)
			return differs(r, "%.200s cannot be opened: %s", name,
				       strerrorname_np(errno));
	}
	same = same_contents(r, fd, name);
	for (side = 0; side < SIDES; side++)
		close(fd[side]);
	return same;
}

static bool same_directory(struct run *r, const int dir[SIDES], const char *where,
			   struct pairs *pairs)
{
	struct entries e[SIDES];
	struct stat st[SIDES];
	unsigned int i;
	int side, child[SIDES];
	bool same;

	for (side = 0; side < SIDES; side++)
		read_entries(dir[side], &e[side]);
	same = same_names(r, e, where);
	for (i = 0; same && i < e[PLAIN].count; i++) {
		const char *name = e[PLAIN].line[i] + 2;
		char path[PATH_ROOM];

		snprintf(path, sizeof(path), "%.4000s/%.255s", where, name);
		for (side = 0; side < SIDES; side++) {
			if (fchdir(dir[side]) || lstat(name, &st[side]))
				memset(&st[side], 0, sizeof(st[side]));
			describe(name, true, r->text[side], TEXT_ROOM);
		}
		same = same_text(r, path);
		if (!same)
			break;
		if (!S_ISDIR(st[PLAIN].st_mode) && st[PLAIN].st_nlink > 1)
			same = same_object(r, pairs, st, path);
		if (same && S_ISREG(st[PLAIN].st_mode))
			same = same_regular(r, dir, name);
		if (!same || !S_ISDIR(st[PLAIN].st_mode))
			continue;
		for (side = 0; side < SIDES; side++)
			child[side] = openat(dir[side], name,
					     O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
		if (child[PLAIN] < 0 || child[VAULT] < 0)
			same = differs(r, "%.200s: a directory cannot be opened", name);
		else
			same = same_directory(r, child, path, pairs);
		for (side = 0; side < SIDES; side++)
			if (child[side] >= 0)
				close(child[side]);
	}
	for (side = 0; side < SIDES; side++)
		free_entries(&e[side]);
	return same;
}

bool same_trees(struct run *r, const char *when)
{
	struct pairs pairs = { 0 };
	bool same;

	leave(r);
	same = same_directory(r, r->top, "", &pairs);
	free(pairs.ino);
	if (!same)
		printf("#   found in whole trees, %s\n", when);
	return same;
}

/* ---- times while nothing is done ---- */

static void times_of(int dir, const char *where, FILE *out)
{
	struct entries e;
	unsigned int i;
	int child;

	read_entries(dir, &e);
	for (i = 0; i < e.count; i++) {
		const char *name = e.line[i] + 2;
		struct stat st;
		bool stamped;

		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
			fprintf(out, "%s/%s: %s\n", where, name, strerrorname_np(errno));
			continue;
		}
		stamped = set.stamps && S_ISREG(st.st_mode);
		fprintf(out, "%lld.%09ld %lld.%09ld %lld.%09ld ino %llu",
			(long long)st.st_atim.tv_sec,
			st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			stamped ? 0 : (long long)st.st_ctim.tv_sec,
			stamped ? 0 : st.st_ctim.tv_nsec,
			(unsigned long long)st.st_ino);
		fprintf(out, " %s/%s%c", where, name, 0);
		if (!S_ISDIR(st.st_mode))
			continue;
		child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
		if (child >= 0) {
			char path[PATH_ROOM];

			snprintf(path, sizeof(path), "%.4000s/%.255s", where, name);
			times_of(child, path, out);
			close(child);
		}
	}
	free_entries(&e);
}

/* All times in the vault, one object after the other, each with its NUL, and one more. */
char *tree_times(struct run *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	leave(r);
	times_of(r->top[VAULT], "", out);
	fputc(0, out);
	fclose(out);
	return text;
}

bool same_times(struct run *r, char *before, char *after, const char *when)
{
	const char *a = before, *b = after;
	bool same = true;

	while (same && (*a || *b)) {
		if (strcmp(a, b)) {
			char one[900], two[900];

			escape(a, strlen(a), one, sizeof(one));
			escape(b, strlen(b), two, sizeof(two));
			same = differs(r, "times in the vault, %s\n#   before: %s\n#   after:  %s",
				       when, one, two);
		}
		a += strlen(a) + (*a != 0);
		b += strlen(b) + (*b != 0);
	}
	free(before);
	free(after);
	if (!same && set.go_on) {
		r->passed_over++;
		r->failed = false;
		return true;
	}
	return same;
}

/* ---- what there is to work on ---- */

static void collect(struct run *r, int dir, const char *where)
{
	struct entries e;
	unsigned int i;
	int child;

	read_entries(dir, &e);
	for (i = 0; i < e.count && r->lives < LIVE_MAX; i++) {
		const char *name = e.line[i] + 2;
		mode_t type = (mode_t)(e.line[i][0] - 'A') << 12;
		char path[PATH_ROOM];

		if (strlen(where) + strlen(name) > PATH_LIVE)
			continue;
		snprintf(path, sizeof(path), "%s%s%s", where, *where ? "/" : "", name);
		r->live[r->lives++] = (struct place) { .path = strdup(path), .type = type };
		if (type != S_IFDIR)
			continue;
		child = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC);
		if (child >= 0) {
			collect(r, child, path);
			close(child);
		}
	}
	free_entries(&e);
}

void look_around(struct run *r)
{
	while (r->lives)
		free(r->live[--r->lives].path);
	collect(r, r->top[PLAIN], "");
}
