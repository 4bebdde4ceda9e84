// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which times an operation moved. The two sides are worked on one after the other, so
 * their times are never the same, unless they were set or copied. What must agree:
 * a time moved on both sides or on none; and where it moved, it became the time of the
 * operation on both, or the same on both.
 */
#include <time.h>

#include "compare.h"

#define WATCHED	6	/* a, b, where they lie, two descriptors */

struct watch {
	bool there;
	bool dir;
	uint64_t ino;
	struct timespec time[TIMES];
};

/**
 * struct times - what times were before and are after a step
 */
struct times {
	struct watch before[SIDES][WATCHED];
	struct watch after[SIDES][WATCHED];
	struct timespec begin[SIDES];
};

static void parent(const char *path, char *out)
{
	char *slash;

	strcpy(out, path);
	while (strlen(out) > 1 && out[strlen(out) - 1] == '/')
		out[strlen(out) - 1] = 0;
	slash = strrchr(out, '/');
	if (slash)
		slash[1] = 0;
	else
		strcpy(out, ".");
}

static void look(struct watch *w, int dir, const char *path, int flags)
{
	struct stat st;

	w->there = !fstatat(dir, path, &st, flags);
	if (!w->there)
		return;
	w->dir = S_ISDIR(st.st_mode);
	w->ino = st.st_ino;
	w->time[TIME_A] = st.st_atim;
	w->time[TIME_M] = st.st_mtim;
	w->time[TIME_C] = st.st_ctim;
}

static void watch_all(struct run *r, const struct op *op, enum side side, struct watch *all)
{
	unsigned int uses = op->kind->uses;
	char path[PATH_ROOM];
	int i;

	for (i = 0; i < WATCHED; i++)
		all[i].there = false;
	enter(r, side);
	if (uses & USES_A) {
		look(&all[0], AT_FDCWD, op->a, AT_SYMLINK_NOFOLLOW);
		parent(op->a, path);
		look(&all[1], AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
	}
	if (uses & USES_B) {
		look(&all[2], AT_FDCWD, op->b, AT_SYMLINK_NOFOLLOW);
		parent(op->b, path);
		look(&all[3], AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
	}
	if (uses & USES_SLOT && r->slot[op->slot].fd[side] >= 0)
		look(&all[4], r->slot[op->slot].fd[side], "", AT_EMPTY_PATH);
	if (uses & USES_OTHER && r->slot[op->other].fd[side] >= 0)
		look(&all[5], r->slot[op->other].fd[side], "", AT_EMPTY_PATH);
}

void times_before(struct run *r, const struct op *op)
{
	int side;

	if (!r->times)
		r->times = calloc(1, sizeof(*r->times));
	for (side = 0; side < SIDES; side++)
		watch_all(r, op, side, r->times->before[side]);
}

/* Right before the operation: no stamp from before is as new as one from now. */
void times_begin(struct run *r, enum side side)
{
	wait_tick();
	clock_gettime(CLOCK_REALTIME_COARSE, &r->times->begin[side]);
}

void times_end(struct run *r, const struct op *op, enum side side)
{
	watch_all(r, op, side, r->times->after[side]);
}

static int compare(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

/* What the same object was before, wherever it was then. */
static const struct watch *earlier(const struct watch *all, uint64_t ino)
{
	int i;

	for (i = 0; i < WATCHED; i++)
		if (all[i].there && all[i].ino == ino)
			return &all[i];
	return NULL;
}

static bool moved(const struct times *t, enum side side, int i, int which)
{
	const struct watch *now = &t->after[side][i];
	const struct watch *was = earlier(t->before[side], now->ino);

	return !was || compare(&was->time[which], &now->time[which]);
}

bool times_same(struct run *r, const struct op *op)
{
	static const char * const what[WATCHED] = { "a", "directory of a", "b", "directory of b",
						   "slot", "other slot" };
	static const char * const name[TIMES] = { "atime", "mtime", "ctime" };
	const struct times *t = r->times;
	int i, k;

	for (i = 0; i < WATCHED; i++) {
		const struct watch *p = &t->after[PLAIN][i], *v = &t->after[VAULT][i];

		if (!p->there || !v->there)
			continue;
		for (k = 0; k < TIMES; k++) {
			bool one = moved(t, PLAIN, i, k), two = moved(t, VAULT, i, k);

			if (k == TIME_C && set.stamps && !v->dir)
				continue;
			if (one != two && known_time(r, op, k, one, two))
				continue;
			if (one != two)
				return differs(r, "%s of %s moved %s", name[k], what[i],
					       one ? "in plain, not in the vault" :
						       "in the vault, not in plain");
			if (!one || !compare(&p->time[k], &v->time[k]))
				continue;
			one = compare(&p->time[k], &t->begin[PLAIN]) >= 0;
			two = compare(&v->time[k], &t->begin[VAULT]) >= 0;
			if (one != two)
				return differs(r, "%s of %s is %s in plain, %s in the vault",
					       name[k], what[i],
					       one ? "now" : "another one", two ? "now" :
						       "another one");
		}
	}
	return true;
}
