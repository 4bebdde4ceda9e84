// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random operations on a plain directory and on a vault, side by side; ends at the
 * first difference, with what is needed to meet it again.
 *
 *   compare [OPTION...] PLAIN VAULT	two empty directories; a vault is mounted on the second
 *
 *   --seed N		which operations (1)
 *   --ops M		how many, of each thread (1000)
 *   --until K		ends after step K, and compares all there is
 *   --full F		compares all there is after each F steps (200)
 *   --threads T	so many at once, each in a subtree of its own, and in files of all of them
 *   --go-on		does not end at a difference of times alone
 *   --plant KIND=ERRNO	leaves out in the vault the first operation of this kind that succeeds on the plain
 *			side, as if it were refused with ERRNO: a difference that has to be found
 *   --verbose		prints every step
 *   --known		prints the differences that are known, and what is left out
 *   --kinds		prints the names of all kinds of operations
 *
 * Seeds that are even compare times as well; that is slower, for the clock has to tick.
 */
#include <getopt.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/vfs.h>

#include "compare.h"

struct setting set = { .ops = 1000, .full = 200, .threads = 1 };
static uint64_t first_seed = 1;

static const struct kind *all_kinds[128];
static bool has_succeeded[128];		/* on the plain side, of any thread */
static unsigned int kind_count, weight_sum;
static pthread_mutex_t print_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile bool stopping;
static const struct kind *plant;
static int plant_error;			/* 0: nothing to plant, or done */

static void gather_kinds(void)
{
	static const struct kind * const tables[] = { data_kinds, map_kinds, name_kinds, list_kinds,
						     attr_kinds,
						      xattr_kinds, whole_kinds, shared_kinds };
	const struct kind *k;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (k = tables[i]; k->name; k++) {
			all_kinds[kind_count++] = k;
			weight_sum += k->weight;
		}
	}
}

static const struct kind *pick_kind(struct run *r)
{
	unsigned long at = below(r, weight_sum);
	unsigned int i;

	for (i = 0; at >= all_kinds[i]->weight; i++)
		at -= all_kinds[i]->weight;
	return all_kinds[i];
}

static const struct kind *kind_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < kind_count; i++)
		if (!strcmp(all_kinds[i]->name, name))
			return all_kinds[i];
	abort();
}

/* KIND=ERRNO, by their names; the kind is one of --kinds. Return: false if there is no such errno. */
static bool set_plant(char *text)
{
	char *name = strchr(text, '=');
	int err;

	if (!name)
		return false;
	*name++ = 0;
	for (err = 1; err < 256 && !plant_error; err++)
		if (strerrorname_np(err) && !strcmp(strerrorname_np(err), name))
			plant_error = err;
	plant = kind_named(text);
	return plant_error;
}

static void pick(struct run *r, struct op *op)
{
	static const uid_t users[] = { 0, 0, 0, ALICE, BOB };
	static const unsigned int masks[] = { 022, 022, 0, 077, 027 };

	do {
		op->kind = pick_kind(r);
		/* Where there is much already, some of it goes. */
		if (r->lives > LIVE_MAX / 2 && chance(r, 3))
			op->kind = kind_named(chance(r, 3) ? "rmdir" : "unlink");
		memset(&op->slot, 0, sizeof(*op) - offsetof(struct op, slot));
		op->a[0] = 0;
		op->b[0] = 0;
		op->as = users[below(r, ARRAY_SIZE(users))];
		op->mask = masks[below(r, ARRAY_SIZE(masks))];
	} while ((op->kind->uses & NEEDS_ALONE && set.threads > 1) || !op->kind->pick(r, op));
	op->step = r->step;
}

/* Of which kinds at least one was more than the same error on both sides. */
static void note_success(const struct op *op)
{
	unsigned int i;

	for (i = 0; i < kind_count; i++)
		if (all_kinds[i] == op->kind)
			has_succeeded[i] = true;
}

/* ---- what is printed ---- */

static void print_kinds(const char *before, const bool *which)
{
	unsigned int i;

	printf("%s", before);
	for (i = 0; i < kind_count; i++)
		if (!which || which[i])
			printf(" %s", all_kinds[i]->name);
	putchar('\n');
}

static void print_done(const struct done *d)
{
	const struct op *op = &d->op;
	char a[900], b[900];

	escape(op->a, strlen(op->a), a, sizeof(a));
	escape(op->b, strlen(op->b), b, sizeof(b));
	printf("#   %lu %s", op->step, op->kind->name);
	if (op->kind->uses & USES_A)
		printf(" a=%s", a);
	if (op->kind->uses & USES_B || *op->b)
		printf(" b=%s", b);
	printf(" slot=%d other=%d which=%d at=%lld to=%lld len=%zu", op->slot, op->other, op->which,
	       op->at, op->to, op->len);
	printf(" flags=%#x mode=%o as=%u umask=%o", op->flags, op->mode, op->as, op->mask);
	printf(" -> %ld %s", d->res[PLAIN].ret, d->res[PLAIN].err == SIGNALLED ? "SIGBUS" :
	       d->res[PLAIN].err ? strerrorname_np(d->res[PLAIN].err) : "");
	puts(d->known ? " (known difference)" : "");
}

static void print_past(const struct run *r)
{
	unsigned long step = r->step >= HISTORY ? r->step - HISTORY + 1 : 1;

	printf("#   the last operations; plain and vault are as the comparer left them:\n");
	for (; step <= r->step; step++)
		print_done(&r->past[step % HISTORY]);
	printf("#   again: compare --seed %llu --ops %lu --threads %u --until %lu\n",
	       (unsigned long long)first_seed,
	       set.ops, set.threads, r->step);
}

static const char *error_name(const struct result *res)
{
	return res->err == SIGNALLED ? "SIGBUS" : res->err ? strerrorname_np(res->err) : "no error";
}

static bool same_result(struct run *r, struct done *d)
{
	const struct result *p = &d->res[PLAIN], *v = &d->res[VAULT];
	char one[500], two[500];
	size_t i;

	if (p->ret == v->ret && p->err == v->err && p->len == v->len &&
	    !memcmp(p->out, v->out, p->len))
		return true;
	d->known = known_difference(r, &d->op, d->res);
	if (d->known)
		return true;
	if (p->ret != v->ret || p->err != v->err)
		return differs(r, "%s gives %ld (%s) in plain, %ld (%s) in the vault",
			       d->op.kind->name, p->ret,
			       error_name(p), v->ret, error_name(v));
	for (i = 0; i < p->len && i < v->len && p->out[i] == v->out[i]; i++)
		;
	escape((char *)p->out + i, p->len - i < 60 ? p->len - i : 60, one, sizeof(one));
	escape((char *)v->out + i, v->len - i < 60 ? v->len - i : 60, two, sizeof(two));
	return differs(r, "%s: of %zu and %zu bytes, from %zu on, plain gives %s, the vault %s",
		       d->op.kind->name, p->len,
		       v->len, i, one, two);
}

/* ---- a step ---- */

/* What is to be found once, so that it is known that what passes has been looked at. */
static bool planted(const struct done *d, enum side side)
{
	if (side != VAULT || !plant_error || d->op.kind != plant || d->res[PLAIN].err)
		return false;
	errno = plant_error;
	plant_error = 0;
	return true;
}

static void go(struct run *r, struct done *d, enum side side)
{
	const struct op *op = &d->op;
	struct result *res = &d->res[side];

	memset(&res->ret, 0, offsetof(struct result, out));
	if (planted(d, side)) {
		result_of(res, -1);
		return;
	}
	enter(r, side);
	if (r->timed)
		times_begin(r, side);
	umask(op->mask);
	become(op->as);
	op->kind->go(r, op, side, res);
	become(0);
	umask(0);
	if (r->timed)
		times_end(r, op, side);
}

/* After a known difference the times may be what they like, and must not matter later. */
static void level(struct run *r, const struct op *op)
{
	struct timespec times[2] = { { 1600000000 + op->step, 0 }, { 1600000000 + op->step, 0 } };
	int side;

	for (side = 0; side < SIDES; side++) {
		enter(r, side);
		utimensat(AT_FDCWD, op->a, times, 0);
		if (op->kind->uses & USES_SLOT && r->slot[op->slot].fd[side] >= 0)
			futimens(r->slot[op->slot].fd[side], times);
	}
}

static bool same_state(struct run *r, const struct op *op)
{
	unsigned int uses = op->kind->uses;

	/* Looking at a symlink moves its atime: as far on both sides. */
	if (r->timed)
		wait_tick();
	/* Not each time: reading brings pages in, and much shows only without them. */
	if (!chance(r, 6))
		uses &= ~USES_DATA;
	if (uses & USES_A && !same_path(r, op->a, uses))
		return false;
	if (uses & USES_B && !same_path(r, op->b, uses))
		return false;
	if (uses & USES_SLOT && !same_slot(r, op->slot, uses))
		return false;
	return !(uses & USES_OTHER) || same_slot(r, op->other, uses);
}

static bool times_good(struct run *r, struct done *d)
{
	r->uneven = false;
	if (!r->timed || (!d->known && times_same(r, &d->op) && !r->uneven))
		return true;
	d->known |= r->uneven && !r->failed;
	if (!d->known && !set.go_on)
		return false;
	if (!d->known)
		print_done(d);
	r->passed_over += r->failed;
	r->failed = false;
	level(r, &d->op);
	return true;
}

static bool step(struct run *r)
{
	struct done *d = &r->past[r->step % HISTORY];
	struct op *op = &d->op;
	int side;

	pick(r, op);
	d->known = false;
	for (side = 0; side < SIDES; side++)
		memset(&d->res[side], 0, offsetof(struct result, out));
	if (set.verbose)
		print_done(d);
	if (op->kind->whole) {
		note_success(op);
		return op->kind->whole(r, op);
	}
	if (r->timed)
		times_before(r, op);
	for (side = 0; side < SIDES; side++)
		go(r, d, side);
	if (!same_result(r, d))
		return false;
	if (!d->res[PLAIN].err)
		note_success(op);
	if (!times_good(r, d))
		return false;
	if (!same_state(r, op))
		return false;
	if (!(r->step % 40))
		look_around(r);
	return r->step % set.full || same_trees(r, "now and then");
}

/* ---- a run ---- */

static bool run_init(struct run *r, uint64_t seed, unsigned int number)
{
	char path[PATH_ROOM];
	int side, i, k;

	r->seed = seed;
	r->number = number;
	r->random = seed * 1000003 + number;
	r->timed = !(seed & 1);
	r->past = calloc(HISTORY, sizeof(*r->past));
	r->data = aligned_alloc(4096, OUT_ROOM);
	if (!r->past || !r->data)
		return false;
	for (side = 0; side < SIDES; side++) {
		r->text[side] = malloc(TEXT_ROOM);
		for (i = 0; i < HISTORY; i++)
			r->past[i].res[side].out = i ? r->past[0].res[side].out :
				aligned_alloc(4096, OUT_ROOM);
		for (i = 0; i < SLOTS; i++)
			r->slot[i].fd[side] = -1;
		snprintf(path, sizeof(path), "%s", set.dir[side]);
		if (set.threads > 1) {
			snprintf(path, sizeof(path), "%s/%u", set.dir[side], number);
			if (mkdir(path, 0755))
				return false;
		}
		r->top[side] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r->top[side] < 0 || fchmod(r->top[side], 0777))
			return false;
	}
	pick_names(r);
	for (k = 0; k < 3; k++)
		r->shared_count[k] = 0;
	return true;
}

static void *run_thread(void *arg)
{
	struct run *r = arg;
	bool good = true;

	/* Its own root, working directory and umask; its own descriptors are shared. */
	if (unshare(CLONE_FS)) {
		r->failed = true;
		return NULL;
	}
	umask(0);
	r->proc = open("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (r->step = 1; good && !stopping && r->step <= set.ops &&
	     r->step <= set.until; r->step++)
		good = step(r);
	r->step--;
	if (good && !stopping) {
		good = same_trees(r, "in the end");
		close_all(r);
		if (good)
			good = same_trees(r, "in the end, all closed");
	}
	leave(r);
	if (!good) {
		pthread_mutex_lock(&print_lock);
		if (!stopping)
			print_past(r);
		stopping = true;
		pthread_mutex_unlock(&print_lock);
		r->failed = true;
	}
	fflush(stdout);
	return NULL;
}

static int run_all(void)
{
	struct run *runs = calloc(set.threads, sizeof(*runs));
	pthread_t *threads = calloc(set.threads, sizeof(*threads));
	unsigned int i;
	unsigned long known = 0;
	bool failed = false;

	if (set.threads > 1 && !shared_make(set.threads)) {
		perror("compare: shared files");
		return 2;
	}
	for (i = 0; i < set.threads; i++) {
		if (!run_init(&runs[i], first_seed, i)) {
			perror("compare");
			return 2;
		}
	}
	for (i = 0; i < set.threads; i++)
		if (pthread_create(&threads[i], NULL, run_thread, &runs[i]))
			return 2;
	for (i = 0; i < set.threads; i++) {
		pthread_join(threads[i], NULL);
		failed |= runs[i].failed || runs[i].passed_over;
		known += runs[i].known;
	}
	if (!failed && set.threads > 1)
		failed = !shared_check(runs, set.threads);
	printf("# seed %llu: %u x %lu steps, times %s, %lu known differences: %s\n",
	       (unsigned long long)first_seed,
	       set.threads, runs[0].step, runs[0].timed ? "compared" : "not compared", known,
	       failed ? "DIFFERENT" : "the same");
	print_kinds("# succeeded:", has_succeeded);
	return failed;
}

static int usage(void)
{
	fprintf(stderr, "usage: compare [--seed N] [--ops M] [--until K] [--full F] [--threads T] [--go-on]\n"
		"               [--plant KIND=ERRNO] [--verbose] PLAIN VAULT\n"
		"       compare --known | --kinds\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "ops", required_argument, NULL, 'o' },
		{ "until", required_argument, NULL, 'u' }, { "full", required_argument, NULL, 'f' },
		{ "threads", required_argument, NULL, 't' }, { "verbose", no_argument, NULL, 'v' },
		{ "go-on", no_argument, NULL, 'g' }, { "plant", required_argument, NULL, 'p' },
		{ "known", no_argument, NULL, 'k' }, { "kinds", no_argument, NULL, 'K' }, { NULL }
	};
	struct statfs fs;
	int c;

	set.until = -1UL;
	gather_kinds();
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			first_seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			set.ops = strtoul(optarg, NULL, 0);
			break;
		case 'u':
			set.until = strtoul(optarg, NULL, 0);
			break;
		case 'f':
			set.full = strtoul(optarg, NULL, 0);
			break;
		case 't':
			set.threads = strtoul(optarg, NULL, 0);
			break;
		case 'v':
			set.verbose = true;
			break;
		case 'g':
			set.go_on = true;
			break;
		case 'p':
			if (!set_plant(optarg))
				return usage();
			break;
		case 'k':
			list_differences();
			return 0;
		case 'K':
			print_kinds("", NULL);
			return 0;
		default:
			return usage();
		}
	}
	if (argc - optind != SIDES || !set.full || !set.threads)
		return usage();
	set.dir[PLAIN] = argv[optind];
	set.dir[VAULT] = argv[optind + 1];
	if (vault_find(set.dir[VAULT])) {
		fprintf(stderr, "compare: %s is not where a vault is mounted\n", set.dir[VAULT]);
		return 2;
	}
	if (statfs(set.dir[PLAIN], &fs)) {
		perror(set.dir[PLAIN]);
		return 2;
	}
	set.lower = fs.f_type;
	set.stamps = set.lower == BTRFS_SUPER_MAGIC || set.lower == TMPFS_MAGIC;
	set.drop_caches = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	setvbuf(stdout, NULL, _IOLBF, 0);
	leave(NULL);
	probe();
	return run_all();
}
