// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Learning rules, second half: of what was seen, the fewest rules that allow it, and nothing
 * else if that can be.
 *
 * What an entry has that one for a directory above has, too, it need not have. What one who
 * with one program did becomes rules by operations; rules that differ in the user alone
 * become one, and then those that differ in the program alone. None of that allows anything
 * that was not seen; what does (directories that are too many, walking) is marked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../module/rules.h"
#include "learning.h"

/**
 * struct draft - a rule that comes to be
 * @kernel: of a thread of the kernel
 * @why_not: why not, for free()
 * @programs: pointers into entries, for free(); one of "" means any
 * @program_count: how many
 * @users: numbers in order, for free()
 * @user_count: how many
 * @ops: WARD_OP_*
 * @paths: pointers into entries in order, for free()
 * @path_count: how many
 * @about: what is to be said of it
 */
struct draft {
	bool kernel;
	char *why_not;
	char **programs;
	size_t program_count;
	uint32_t *users;
	size_t user_count;
	uint32_t ops;
	char **paths;
	size_t path_count;
	struct ward_learned_rule about;
};

/**
 * struct drafts - all of them
 * @draft: for drafts_free()
 * @count: how many
 * @room: that there is room for
 */
struct drafts {
	struct draft *draft;
	size_t count;
	size_t room;
};

/* ---- entries of one who and program, in the order of their directories ---------------------- */

static int by_directory(const void *a, const void *b)
{
	return strcmp((*(struct seen **)a)->directory, (*(struct seen **)b)->directory);
}

static int by_actor(const void *a, const void *b)
{
	int c = seen_actor_compare(*(struct seen **)a, *(struct seen **)b);

	return c ? c : by_directory(a, b);
}

static struct seen *find(struct seen **some, size_t n, char *directory)
{
	struct seen key = { .directory = directory }, *p = &key, **at;

	at = bsearch(&p, some, n, sizeof(*some), by_directory);
	return at ? *at : NULL;
}

/* What the entries for directories above have; the nearest of them. */
static uint32_t above(struct seen **some, size_t n, const struct seen *seen, struct seen **nearest)
{
	char directory[WARD_PATH_MAX + 1];
	size_t len = strlen(seen->directory);
	uint32_t ops = 0;

	memcpy(directory, seen->directory, len + 1);
	*nearest = NULL;
	while (len > 1) {
		struct seen *up;

		len = ward_place_parent(directory, len);
		directory[len] = '\0';
		up = find(some, n, directory);
		if (up && up->ops && !*nearest)
			*nearest = up;
		ops |= up ? up->ops : 0;
	}
	return ops;
}

/* Is there an entry with a right further down? They stand together. */
static bool right_below(struct seen **some, size_t n, const struct seen *seen)
{
	char prefix[WARD_PATH_MAX + 2];
	size_t low = 0, high = n, len;

	len = snprintf(prefix, sizeof(prefix), "%s%s", seen->directory,
		       seen->directory[1] ? "/" : "");
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(some[middle]->directory, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n && !strncmp(some[low]->directory, prefix, len); low++)
		if (some[low] != seen && some[low]->ops)
			return true;
	return false;
}

/* Puts an entry that says nothing any more to the one that speaks for it. */
static void hand_over(struct seen *seen, struct seen *to)
{
	tally_add(&to->tally, &seen->tally);
	memset(&seen->tally, 0, sizeof(seen->tally));
	seen->ops = 0;
	seen->walk = false;
}

static bool below(const char *directory, const char *top)
{
	size_t len = strlen(top);

	return !top[1] || (!strncmp(directory, top, len) && directory[len] == '/');
}

/* Leaves out what is said above; what says nothing goes. Return: how many are left. */
static size_t leave_out(struct seen **some, size_t n)
{
	size_t i, left = 0;

	/* From the top down: what is above is settled. */
	for (i = 0; i < n; i++) {
		struct seen *nearest;
		uint32_t ops = above(some, n, some[i], &nearest);

		some[i]->walk &= !ops && !some[i]->ops;
		some[i]->ops &= ~ops;
		if (nearest && !some[i]->ops)
			hand_over(some[i], nearest);
	}
	for (i = 0; i < n; i++) {
		if (some[i]->walk && !right_below(some, n, some[i])) {
			some[i]->ops = WARD_OP_LIST;
			some[i]->by_walk = true;
		}
		some[i]->walk = false;
	}
	/* One that only was on the way is counted with what it leads to. */
	for (i = 0; i < n; i++)
		if (!some[i]->ops && some[i]->tally.records) {
			size_t k = i + 1;

			while (k < n && (!some[k]->ops ||
					 !below(some[k]->directory, some[i]->directory)))
				k++;
			if (k < n)
				hand_over(some[i], some[k]);
		}
	for (i = 0; i < n; i++) {
		if (some[i]->ops)
			some[left++] = some[i];
		else
			seen_free(some[i]);
	}
	return left;
}

static unsigned int depth_of(const char *directory)
{
	unsigned int depth = 0;

	for (; directory[1] && *directory; directory++)
		depth += *directory == '/';
	return depth;
}

/* Makes the deepest ones what they lie in. Return: how many are left. */
static size_t raise_deepest(struct seen **some, size_t n)
{
	unsigned int deepest = 0;
	size_t i, left = 0;

	for (i = 0; i < n; i++)
		if (depth_of(some[i]->directory) > deepest)
			deepest = depth_of(some[i]->directory);
	for (i = 0; i < n; i++) {
		char *d = some[i]->directory;

		if (deepest && depth_of(d) == deepest) {
			d[ward_place_parent(d, strlen(d))] = '\0';
			if (!some[i]->folded)
				some[i]->folded = 1;
		}
	}
	qsort(some, n, sizeof(*some), by_directory);
	for (i = 0; i < n; i++) {
		if (left && !strcmp(some[left - 1]->directory, some[i]->directory))
			seen_merge(some[left - 1], some[i]);
		else
			some[left++] = some[i];
	}
	return left;
}

/* ---- drafts ----------------------------------------------------------------------------------- */

static void draft_free(struct draft *d)
{
	free(d->why_not);
	free(d->programs);
	free(d->users);
	free(d->paths);
}

static void drafts_free(struct drafts *drafts)
{
	size_t i;

	for (i = 0; i < drafts->count; i++)
		draft_free(&drafts->draft[i]);
	free(drafts->draft);
}

static struct draft *draft_new(struct drafts *drafts)
{
	struct draft *more;

	if (drafts->count == drafts->room) {
		size_t room = drafts->room ? 2 * drafts->room : 64;

		more = reallocarray(drafts->draft, room, sizeof(*more));
		if (!more)
			return NULL;
		drafts->draft = more;
		drafts->room = room;
	}
	more = &drafts->draft[drafts->count];
	memset(more, 0, sizeof(*more));
	return more;
}

static int by_ops(const void *a, const void *b)
{
	const struct seen *x = *(struct seen **)a, *y = *(struct seen **)b;

	if (x->ops != y->ops)
		return x->ops < y->ops ? -1 : 1;
	return strcmp(x->directory, y->directory);
}

static unsigned int wider(const struct seen *seen)
{
	return (seen->folded ? WARD_WIDER_FOLDED : 0) | (seen->by_walk ? WARD_WIDER_WALK : 0) |
	       (seen->program[0] ? 0 : WARD_WIDER_PROGRAM) |
	       (seen->directory[1] ? 0 : WARD_WIDER_TOP);
}

/* Entries with the same operations become a rule. */
static int draft_from(struct drafts *drafts, struct seen **some, size_t n, const char *why_not)
{
	struct draft *d = draft_new(drafts);
	size_t i;

	if (!d)
		return -ENOMEM;
	d->kernel = some[0]->kernel;
	d->ops = some[0]->ops;
	d->why_not = why_not ? strdup(why_not) : NULL;
	d->programs = malloc(sizeof(*d->programs));
	d->users = malloc(sizeof(*d->users));
	d->paths = calloc(n, sizeof(*d->paths));
	if (!d->programs || !d->users || !d->paths || (why_not && !d->why_not)) {
		draft_free(d);
		return -ENOMEM;
	}
	drafts->count++;
	d->programs[d->program_count++] = some[0]->program;
	d->users[d->user_count++] = some[0]->uid;
	for (i = 0; i < n; i++) {
		d->paths[d->path_count++] = some[i]->directory;
		d->about.wider |= wider(some[i]);
		d->about.folded += some[i]->folded;
		tally_add(&d->about.tally, &some[i]->tally);
	}
	return 0;
}

static int draft_actor(struct drafts *drafts, struct seen **some, size_t n, const char *why_not)
{
	size_t i, k;
	int ret = 0;

	qsort(some, n, sizeof(*some), by_ops);
	for (i = 0; !ret && i < n; i = k) {
		for (k = i + 1; k < n && some[k]->ops == some[i]->ops; k++)
			;
		ret = draft_from(drafts, some + i, k - i, why_not);
	}
	return ret;
}

/* ---- drafts become fewer ------------------------------------------------------------------------ */

static int compare_texts(char **a, size_t n, char **b, size_t m)
{
	size_t i;
	int c = 0;

	if (n != m)
		return n < m ? -1 : 1;
	for (i = 0; !c && i < n; i++)
		c = strcmp(a[i], b[i]);
	return c;
}

static int compare_users(const struct draft *x, const struct draft *y)
{
	size_t i;

	if (x->user_count != y->user_count)
		return x->user_count < y->user_count ? -1 : 1;
	for (i = 0; i < x->user_count; i++)
		if (x->users[i] != y->users[i])
			return x->users[i] < y->users[i] ? -1 : 1;
	return 0;
}

/* All but users and programs. */
static int compare_rest(const struct draft *x, const struct draft *y)
{
	if (x->kernel != y->kernel)
		return x->kernel ? 1 : -1;
	if (x->ops != y->ops)
		return x->ops < y->ops ? -1 : 1;
	if (!x->why_not != !y->why_not)
		return x->why_not ? 1 : -1;
	return compare_texts(x->paths, x->path_count, y->paths, y->path_count);
}

static int by_all_but_users(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;
	int c = compare_rest(x, y);

	return c ? c : compare_texts(x->programs, x->program_count, y->programs, y->program_count);
}

static int with_users(const void *a, const void *b)
{
	int c = by_all_but_users(a, b);

	return c ? c : compare_users(a, b);
}

static int by_all_but_programs(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;
	int c = compare_rest(x, y);

	if (!c)
		c = compare_users(x, y);
	/* Any program is not one more program. */
	return c ? c : !y->programs[0][0] - !x->programs[0][0];
}

static int with_programs(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;
	int c = by_all_but_programs(a, b);

	return c ? c : compare_texts(x->programs, x->program_count, y->programs, y->program_count);
}

static int take_users(struct draft *into, const struct draft *from)
{
	uint32_t *more = reallocarray(into->users, into->user_count + from->user_count,
				      sizeof(*more));

	if (!more)
		return -ENOMEM;
	into->users = more;
	memcpy(more + into->user_count, from->users, from->user_count * sizeof(*more));
	into->user_count += from->user_count;
	return 0;
}

static int take_programs(struct draft *into, const struct draft *from)
{
	char **more = reallocarray(into->programs, into->program_count + from->program_count,
				   sizeof(*more));

	if (!more)
		return -ENOMEM;
	into->programs = more;
	memcpy(more + into->program_count, from->programs, from->program_count * sizeof(*more));
	into->program_count += from->program_count;
	return 0;
}

/* Those that differ in one thing alone become one. */
static int join(struct drafts *drafts, int (*order)(const void *, const void *),
		int (*same)(const void *, const void *),
		int (*take)(struct draft *, const struct draft *))
{
	struct draft *d = drafts->draft;
	size_t i, left = 0;
	int ret = 0;

	if (!drafts->count)
		return 0;
	qsort(d, drafts->count, sizeof(*d), order);
	for (i = 0; i < drafts->count; i++) {
		if (!left || ret || same(&d[left - 1], &d[i])) {
			d[left++] = d[i];
			continue;
		}
		ret = take(&d[left - 1], &d[i]);
		d[left - 1].about.wider |= d[i].about.wider;
		if (d[i].about.folded > d[left - 1].about.folded)
			d[left - 1].about.folded = d[i].about.folded;
		tally_add(&d[left - 1].about.tally, &d[i].about.tally);
		draft_free(&d[i]);
	}
	drafts->count = left;
	return ret;
}

static int most_first(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	if (!x->why_not != !y->why_not)
		return x->why_not ? 1 : -1;
	if (x->about.tally.accesses != y->about.tally.accesses)
		return x->about.tally.accesses > y->about.tally.accesses ? -1 : 1;
	return with_users(a, b);
}

/* ---- rules -------------------------------------------------------------------------------------------- */

static struct ward_policy_cond *condition(struct ward_policy_rule *rule, uint16_t type)
{
	rule->conds[rule->count].type = type;
	return &rule->conds[rule->count++];
}

static int add_programs(struct ward_policy_rule *rule, const struct draft *d)
{
	struct ward_policy_cond *c;
	size_t i;
	int ret = 0;

	if (!d->programs[0][0])
		return 0;
	c = condition(rule, d->kernel ? WARD_COND_KTHREAD : WARD_COND_PROGRAM);
	for (i = 0; !ret && i < d->program_count; i++) {
		struct ward_kthread thread = { 0 };

		if (!d->kernel) {
			ret = ward_policy_program_add(c, d->programs[i], NULL);
			continue;
		}
		memcpy(thread.name, d->programs[i],
		       strnlen(d->programs[i], sizeof(thread.name) - 1));
		ret = ward_kthread_add(c, &thread);
	}
	return ret;
}

static int make_rule(struct ward_policy_rule *rule, const struct draft *d)
{
	struct ward_policy_cond *c = condition(rule, WARD_COND_SUBJECT);
	size_t i;
	int ret = 0;

	rule->flags = WARD_RULE_ALLOW;
	rule->operations = d->ops;
	for (i = 0; !ret && i < d->user_count; i++)
		ret = ward_who_add(&c->who, &(struct ward_who){ WARD_SUBJECT_UID, d->users[i] });
	if (!ret)
		ret = add_programs(rule, d);
	if (ret)
		return ret;
	c = condition(rule, WARD_COND_PATH);
	for (i = 0; !ret && i < d->path_count; i++)
		ret = ward_policy_path_add(c, d->paths[i]);
	return ret;
}

static int make_rules(struct drafts *drafts, struct ward_learned *learned)
{
	size_t i;
	int ret = 0;

	if (drafts->count)
		qsort(drafts->draft, drafts->count, sizeof(*drafts->draft), most_first);
	learned->policy.rules = calloc(drafts->count + 1, sizeof(*learned->policy.rules));
	learned->about = calloc(drafts->count + 1, sizeof(*learned->about));
	if (!learned->policy.rules || !learned->about)
		return -ENOMEM;
	for (i = 0; !ret && i < drafts->count; i++) {
		struct draft *d = &drafts->draft[i];

		learned->policy.count++;
		learned->about[i] = d->about;
		learned->about[i].why_not = d->why_not;
		d->why_not = NULL;
		ret = make_rule(&learned->policy.rules[i], d);
	}
	return ret;
}

/* Threads of the kernel that work for anybody have names that rules cannot have. */
static char *thread_why_not(const char *name)
{
	struct ward_kthread thread = { 0 };
	char *why_not = NULL;

	if (strlen(name) < sizeof(thread.name)) {
		memcpy(thread.name, name, strlen(name));
		if (ward_kthread_ok(&thread))
			return NULL;
	}
	return asprintf(&why_not, "no rule can name the thread of the kernel \"%s\"", name) < 0 ?
	       NULL : why_not;
}

/* Entries of one who and program, @n of them, become rules. Sets @left to how many are left. */
static int actor(struct drafts *drafts, struct seen **some, size_t n, size_t paths,
		 ward_nameable_fn nameable, void *arg, size_t *left)
{
	const struct seen *seen = some[0];
	char *why_not = NULL;
	int ret;

	n = leave_out(some, n);
	while (n > paths) {
		n = raise_deepest(some, n);
		n = leave_out(some, n);
	}
	*left = n;
	if (!n)
		return 0;
	seen = some[0];
	if (seen->kernel)
		why_not = thread_why_not(seen->program);
	else if (seen->program[0])
		why_not = nameable(seen->program, arg);
	ret = draft_actor(drafts, some, n, why_not);
	free(why_not);
	return ret;
}

/**
 * ward_learner_end - make rules of what was learned
 * @learner: has nothing left afterwards
 * @paths: with more directories than this in which one who did something with one program,
 *	those above are named; at least 1
 * @nameable: says whether a rule may name a program
 * @arg: for @nameable
 * @learned: filled, for ward_learned_free()
 *
 * Return: 0 or -ENOMEM.
 */
int ward_learner_end(struct ward_learner *learner, size_t paths, ward_nameable_fn nameable,
		     void *arg, struct ward_learned *learned)
{
	struct drafts drafts = { 0 };
	size_t n, i, k, left;
	struct seen **all;
	int ret = 0;

	memset(learned, 0, sizeof(*learned));
	learned->tally = learner->tally;
	learned->limited = learner->limited;
	learned->unclear = learner->unclear;
	learned->left_out = learner->left_out;
	all = learner_entries(learner, &n);
	if (!all)
		return -ENOMEM;
	qsort(all, n, sizeof(*all), by_actor);
	for (i = 0; !ret && i < n; i = k) {
		for (k = i + 1; k < n && !seen_actor_compare(all[i], all[k]); k++)
			;
		ret = actor(&drafts, all + i, k - i, paths, nameable, arg, &left);
		/* What was freed is not to be freed again. */
		memset(all + i + left, 0, (k - i - left) * sizeof(*all));
	}
	if (!ret)
		ret = join(&drafts, with_users, by_all_but_users, take_users);
	if (!ret)
		ret = join(&drafts, with_programs, by_all_but_programs, take_programs);
	if (!ret)
		ret = make_rules(&drafts, learned);
	drafts_free(&drafts);
	for (i = 0; i < n; i++)
		if (all[i])
			seen_free(all[i]);
	free(all);
	if (ret)
		ward_learned_free(learned);
	return ret;
}

/**
 * ward_learned_free - free what was learned
 * @learned: may be all zeros
 */
void ward_learned_free(struct ward_learned *learned)
{
	size_t i;

	for (i = 0; i < learned->policy.count; i++)
		free(learned->about[i].why_not);
	free(learned->about);
	ward_policy_free(&learned->policy);
	memset(learned, 0, sizeof(*learned));
}
