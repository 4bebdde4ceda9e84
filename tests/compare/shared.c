// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that all threads write at once: what each of them wrote is there in the end, on
 * both sides, written and mapped and appended.
 */
#include <sys/mman.h>

#include "compare.h"

#define STRIPE	777	/* bytes, so that blocks and pages are shared */
#define RECORD	48
#define CELLS	512	/* of a thread, 8 bytes each, among those of the others */

static const char * const names[] = { "shared-stripes", "shared-log", "shared-cells" };
static unsigned int threads_of_all;
static int file[SIDES][3], log_fd[SIDES];
static uint64_t *cells[SIDES];

bool shared_make(unsigned int threads)
{
	char path[PATH_ROOM];
	int side, i;

	threads_of_all = threads;
	for (side = 0; side < SIDES; side++) {
		for (i = 0; i < 3; i++) {
			snprintf(path, sizeof(path), "%s/%s", set.dir[side], names[i]);
			file[side][i] = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			if (file[side][i] < 0)
				return false;
		}
		log_fd[side] = open(path, O_RDWR | O_CLOEXEC);
		close(log_fd[side]);
		snprintf(path, sizeof(path), "%s/%s", set.dir[side], names[1]);
		log_fd[side] = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (log_fd[side] < 0 || ftruncate(file[side][2], threads * CELLS * 8))
			return false;
		cells[side] = mmap(NULL, threads * CELLS * 8, PROT_READ | PROT_WRITE, MAP_SHARED,
				   file[side][2], 0);
		if (cells[side] == MAP_FAILED)
			return false;
	}
	return true;
}

static uint64_t stripe_seed(unsigned int thread, unsigned long k)
{
	return thread * 1000003ULL + k;
}

static void record(char *text, unsigned int thread, unsigned long k)
{
	memset(text, '.', RECORD);
	text[snprintf(text, RECORD, "%u %lu ", thread, k)] = '.';
	text[RECORD - 1] = '\n';
}

static bool pick_shared(struct run *r, struct op *op)
{
	if (set.threads < 2)
		return false;
	op->which = below(r, 3);
	return true;
}

static void go_shared(struct run *r, const struct op *op, enum side side, struct result *res)
{
	unsigned long k = r->shared_count[op->which];
	unsigned char data[STRIPE];
	char text[RECORD];

	switch (op->which) {
	case 0:
		fill(data, STRIPE, stripe_seed(r->number, k));
		result_of(res, pwrite(file[side][0], data, STRIPE,
				      (k * threads_of_all + r->number) * STRIPE));
		break;
	case 1:
		record(text, r->number, k);
		result_of(res, write(log_fd[side], text, RECORD));
		break;
	default:
		/* Neighbouring cells are of different threads. */
		cells[side][k % CELLS * threads_of_all + r->number] = stripe_seed(r->number, k);
	}
	if (side == VAULT)
		r->shared_count[op->which]++;
}

static bool whole_log(const struct run *runs, unsigned int threads, int side)
{
	unsigned long *next = calloc(threads, sizeof(*next)), k, total = 0, at;
	char text[RECORD], want[RECORD];
	unsigned int thread;
	bool good = true;

	for (thread = 0; thread < threads; thread++)
		total += runs[thread].shared_count[1];
	for (at = 0; good && at < total; at++) {
		good = pread(file[side][1], text, RECORD, at * RECORD) == RECORD &&
		       sscanf(text, "%u %lu", &thread, &k) == 2 && thread < threads &&
			       k == next[thread];
		if (!good)
			break;
		next[thread]++;
		record(want, thread, k);
		good = !memcmp(want, text, RECORD);
	}
	if (!good)
		printf("# the shared log of side %d is wrong at record %lu\n", side, at);
	if (lseek(file[side][1], 0, SEEK_END) != (off_t)(total * RECORD)) {
		printf("# the shared log of side %d has not %lu records\n", side, total);
		good = false;
	}
	free(next);
	return good;
}

static bool whole_stripes(const struct run *run, unsigned int threads, int side)
{
	unsigned char want[STRIPE], got[STRIPE];
	unsigned long k;

	for (k = 0; k < run->shared_count[0]; k++) {
		fill(want, STRIPE, stripe_seed(run->number, k));
		if (pread(file[side][0], got, STRIPE,
			  (k * threads + run->number) * STRIPE) == STRIPE &&
		    !memcmp(want, got, STRIPE))
			continue;
		printf("# stripe %lu of thread %u of side %d is not what was written\n", k,
		       run->number, side);
		return false;
	}
	return true;
}

static bool whole_cells(const struct run *run, unsigned int threads, int side)
{
	unsigned long k, count = run->shared_count[2];
	uint64_t got;

	for (k = count > CELLS ? count - CELLS : 0; k < count; k++) {
		if (pread(file[side][2], &got, 8, (k % CELLS * threads + run->number) * 8) == 8 &&
		    got == stripe_seed(run->number, k))
			continue;
		printf("# cell %lu of thread %u of side %d is not what was stored\n", k,
		       run->number, side);
		return false;
	}
	return true;
}

/* Once as they are in memory, once as they are below. */
bool shared_check(const struct run *runs, unsigned int threads)
{
	unsigned int thread;
	bool good = true;
	int side, cold;

	for (cold = 0; cold < 2; cold++) {
		for (side = 0; side < SIDES; side++) {
			good &= whole_log(runs, threads, side);
			for (thread = 0; thread < threads; thread++)
				good &= whole_stripes(&runs[thread], threads, side) &&
					whole_cells(&runs[thread], threads, side);
		}
		if (cold)
			break;
		for (side = 0; side < SIDES; side++)
			munmap(cells[side], threads * CELLS * 8);
		sync();
		if (pwrite(set.drop_caches, "3", 1, 0) != 1)
			return false;
	}
	return good;
}

const struct kind shared_kinds[] = {
	{ "shared", 60, 0, pick_shared, go_shared },
	{ NULL }
};
