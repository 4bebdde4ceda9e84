// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Learning rules, first half: what the log has, in memory that is bounded: for each who and
 * program and directory one entry. Where one user has too many, his directories become those
 * above; where all together have, everybody's.
 * learnrules.c makes rules of them.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "learning.h"

static int compare(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int c = seen_actor_compare(x, y);

	return c ? c : strcmp(x->directory, y->directory);
}

/**
 * seen_actor_compare - is it the same who and program
 * @a: an entry
 * @b: another
 *
 * Return: as strcmp().
 */
int seen_actor_compare(const struct seen *a, const struct seen *b)
{
	if (a->kernel != b->kernel)
		return a->kernel ? 1 : -1;
	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return strcmp(a->program, b->program);
}

/**
 * seen_free - free an entry
 * @entry: the entry
 */
void seen_free(void *entry)
{
	struct seen *seen = entry;

	free(seen->program);
	free(seen->directory);
	free(seen);
}

/* ---- counting ------------------------------------------------------------------------- */

/**
 * tally_add - count further records
 * @tally: what was counted
 * @more: what is counted, too
 */
void tally_add(struct ward_tally *tally, const struct ward_tally *more)
{
	size_t i, k;

	if (!tally->days)
		tally->from = more->from;
	if (!tally->days || more->first < tally->first)
		tally->first = more->first;
	if (more->last > tally->last)
		tally->last = more->last;
	if (more->from < tally->from)
		tally->from = more->from;
	if (more->until > tally->until)
		tally->until = more->until;
	tally->days |= more->days;
	tally->records += more->records;
	tally->accesses += more->accesses;
	tally->by_hours |= more->by_hours;
	tally->more_logins |= more->more_logins;
	if (!tally->denied_by[0])
		strcpy(tally->denied_by, more->denied_by);
	for (i = 0; i < more->login_count; i++) {
		for (k = 0; k < tally->login_count; k++)
			if (tally->logins[k] == more->logins[i])
				break;
		if (k < tally->login_count)
			continue;
		if (k < WARD_LEARN_LOGINS)
			tally->logins[tally->login_count++] = more->logins[i];
		else
			tally->more_logins = true;
	}
}

static void count(struct ward_learner *learner, const struct ward_access *a,
		  struct ward_tally *tally)
{
	time_t minute = a->from - a->from % 60, t = a->from;

	memset(tally, 0, sizeof(*tally));
	/* Many happen in one minute. */
	if (minute != learner->minute || !learner->local.tm_mday)
		localtime_r(&t, &learner->local);
	learner->minute = minute;
	tally->records = 1;
	tally->accesses = a->count;
	tally->first = a->from;
	tally->last = a->until;
	tally->days = 1 << (learner->local.tm_wday + 6) % 7;
	tally->from = learner->local.tm_hour * 3600 + learner->local.tm_min * 60;
	tally->until = tally->from;
	tally->by_hours = a->by_hours;
	if (!a->by_limit && !a->by_hours)
		strcpy(tally->denied_by, a->rule);
	if (a->has_login && a->login != a->uid)
		tally->logins[tally->login_count++] = a->login;
}

/* ---- entries ------------------------------------------------------------------------------ */

static unsigned int depth_of(const char *directory)
{
	unsigned int depth = 0;

	if (!directory[1])
		return 0;
	for (; *directory; directory++)
		depth += *directory == '/';
	return depth;
}

/* Makes a directory one that is at most so deep. Return: whether it is another one now. */
static bool cut(char *directory, unsigned int depth)
{
	char *p = directory;

	if (depth_of(directory) <= depth)
		return false;
	if (!depth) {
		directory[1] = '\0';
		return true;
	}
	for (; depth; depth--)
		p = strchr(p + 1, '/');
	*p = '\0';
	return true;
}

/**
 * seen_merge - put into an entry what another one stands for
 * @into: the entry
 * @from: the other one; it is freed
 */
void seen_merge(struct seen *into, struct seen *from)
{
	into->ops |= from->ops;
	into->walk |= from->walk;
	into->by_walk |= from->by_walk;
	into->folded += from->folded;
	tally_add(&into->tally, &from->tally);
	seen_free(from);
}

static void gather(const void *node, VISIT which, void *arg)
{
	struct seen ***next = arg;

	if (which == preorder || which == leaf)
		*(*next)++ = *(struct seen **)node;
}

static void keep(void *entry)
{
	(void)entry;
}

/**
 * learner_entries - take all entries out
 * @learner: has none afterwards
 * @count: set to how many
 *
 * Return: an array for free(), each of it for seen_free(); NULL without memory, or for none.
 */
struct seen **learner_entries(struct ward_learner *learner, size_t *count)
{
	struct seen **all = calloc(learner->count + 1, sizeof(*all)), **next = all;

	*count = 0;
	if (!all)
		return NULL;
	twalk_r(learner->root, gather, &next);
	tdestroy(learner->root, keep);
	learner->root = NULL;
	learner->count = 0;
	*count = next - all;
	return all;
}

static int compare_users(const void *a, const void *b)
{
	const struct learner_user *x = a, *y = b;

	if (x->kernel != y->kernel)
		return x->kernel ? 1 : -1;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* What is known of a user; NULL without memory. */
static struct learner_user *user_of(struct ward_learner *learner, uint32_t uid, bool kernel)
{
	struct learner_user key = { .uid = uid, .kernel = kernel }, *user, **at;

	at = tfind(&key, &learner->users, compare_users);
	if (at)
		return *at;
	user = malloc(sizeof(*user));
	if (!user)
		return NULL;
	*user = key;
	user->depth = WARD_PATH_DEPTH;
	if (tsearch(user, &learner->users, compare_users))
		return user;
	free(user);
	return NULL;
}

/* Takes an entry in, or merges it. */
static int insert(struct ward_learner *learner, struct seen *seen)
{
	struct learner_user *user = user_of(learner, seen->uid, seen->kernel);
	struct seen **at = user ? tsearch(seen, &learner->root, compare) : NULL;

	if (!at)
		return -ENOMEM;
	if (*at != seen) {
		seen_merge(*at, seen);
		return 0;
	}
	learner->count++;
	user->count++;
	return 0;
}

static void forget_count(const void *node, VISIT which, void *arg)
{
	(void)arg;
	if (which == preorder || which == leaf)
		(*(struct learner_user **)node)->count = 0;
}

/* The directories of @one (or, without, of everybody) are told apart no deeper than that. */
static int cut_all(struct ward_learner *learner, const struct learner_user *one,
		   unsigned int depth)
{
	struct seen **all;
	size_t n, i;
	int ret = 0;

	all = learner_entries(learner, &n);
	if (!all)
		return -ENOMEM;
	twalk_r(learner->users, forget_count, NULL);
	for (i = 0; i < n; i++) {
		bool his = !one || (all[i]->uid == one->uid && all[i]->kernel == one->kernel);

		if (his && cut(all[i]->directory, depth) && !all[i]->folded)
			all[i]->folded = 1;
		if (ret || insert(learner, all[i])) {
			seen_free(all[i]);
			ret = -ENOMEM;
		}
	}
	free(all);
	return ret;
}

/*
 * There are too many: the deepest become what they lie in; first of who has so many, so that
 * nobody makes others' rules wider, whatever he does.
 */
static int fold(struct ward_learner *learner, struct learner_user *user)
{
	int ret = 0;

	while (!ret && user->count >= WARD_LEARN_OF_ONE && user->depth)
		ret = cut_all(learner, user, --user->depth);
	while (!ret && learner->count >= WARD_LEARN_ENTRIES && learner->depth)
		ret = cut_all(learner, NULL, --learner->depth);
	return ret;
}

static bool is_full(const struct ward_learner *learner, const struct learner_user *user)
{
	return user->count >= WARD_LEARN_OF_ONE || learner->count >= WARD_LEARN_ENTRIES;
}

/* The entry for it, or NULL: without memory, or room. */
static struct seen *entry_for(struct ward_learner *learner, const struct learner_user *user,
			      const struct ward_access *a, const struct ward_access_part *part,
			      bool *cut_off)
{
	char directory[WARD_PATH_MAX + 1];
	size_t n = part->itself ? part->length : ward_place_parent(part->place, part->length);
	struct seen key = {
		.uid = a->uid,
		.kernel = a->kernel,
		.program = (char *)a->program,
		.directory = directory,
	};
	struct seen **at, *seen;

	memcpy(directory, part->place, n);
	directory[n] = '\0';
	*cut_off = cut(directory, user->depth < learner->depth ? user->depth : learner->depth);
	at = tfind(&key, &learner->root, compare);
	if (at)
		return *at;
	if (is_full(learner, user))
		return NULL;
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return NULL;
	seen->uid = a->uid;
	seen->kernel = a->kernel;
	seen->program = strdup(a->program);
	seen->directory = strdup(directory);
	if (seen->program && seen->directory && !insert(learner, seen))
		return seen;
	seen_free(seen);
	return NULL;
}

static int add_part(struct ward_learner *learner, const struct ward_access *a,
		    const struct ward_access_part *part, const struct ward_tally *tally)
{
	struct learner_user *user = user_of(learner, a->uid, a->kernel);
	struct seen *seen;
	bool cut_off;
	int ret = user ? 0 : -ENOMEM;

	if (!ret && is_full(learner, user))
		ret = fold(learner, user);
	if (ret)
		return ret;
	seen = entry_for(learner, user, a, part, &cut_off);
	if (!seen)
		return is_full(learner, user) ? -ENOSPC : -ENOMEM;
	/* How many directories these are was known while each had its own entry. */
	if (cut_off && !seen->folded)
		seen->folded = 1;
	seen->ops |= part->ops;
	seen->walk |= !part->ops;
	tally_add(&seen->tally, tally);
	return 0;
}

/* ---- for others ------------------------------------------------------------------------------ */

/**
 * ward_learner_new - begin learning
 * @directory: of the vault
 *
 * Return: for ward_learner_free(); NULL without memory.
 */
struct ward_learner *ward_learner_new(const char *directory)
{
	struct ward_learner *learner = calloc(1, sizeof(*learner));

	if (!learner)
		return NULL;
	learner->directory = strdup(directory);
	learner->depth = WARD_PATH_DEPTH;
	if (learner->directory)
		return learner;
	free(learner);
	return NULL;
}

/**
 * ward_learner_free - end it
 * @learner: or NULL
 */
void ward_learner_free(struct ward_learner *learner)
{
	if (!learner)
		return;
	tdestroy(learner->root, seen_free);
	tdestroy(learner->users, free);
	free(learner->directory);
	free(learner);
}

/**
 * ward_learner_add - learn from a record
 * @learner: what was learned
 * @record: the record; of those that are not about refusals nothing is learned
 *
 * Return: 0 or -ENOMEM.
 */
int ward_learner_add(struct ward_learner *learner, json_t *record)
{
	struct ward_access *a = &learner->access;
	struct ward_tally tally;
	size_t i;
	int ret = ward_access_read(record, learner->directory, a);

	learner->unclear += ret == -EINVAL;
	if (ret == -ENOMEM)
		return ret;
	if (ret || a->was == WARD_WAS_ALLOWED)
		return 0;
	if (a->by_limit) {
		learner->limited += a->count;
		return 0;
	}
	count(learner, a, &tally);
	for (i = 0; i < a->parts; i++) {
		ret = add_part(learner, a, &a->part[i], &tally);
		if (ret == -ENOSPC) {
			learner->left_out += i ? 0 : a->count;
			return 0;
		}
		if (ret)
			return ret;
		if (!i)
			tally_add(&learner->tally, &tally);
		/* It is one record, wherever it leads. */
		tally.records = 0;
		tally.accesses = 0;
	}
	return 0;
}
