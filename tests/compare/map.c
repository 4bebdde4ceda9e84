// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mappings, shared and private, of files that meanwhile are written, cut, closed and
 * removed. An access past the end has to end in SIGBUS on both sides.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "compare.h"

#define PAGE	4096LL

static __thread sigjmp_buf on_bus;

static void caught(int number)
{
	siglongjmp(on_bus, 1);
}

/* Copies, or comes back after SIGBUS. */
static void copy_guarded(struct result *res, unsigned char *to, const unsigned char *from,
			 size_t len)
{
	struct sigaction action = { .sa_handler = caught, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(on_bus, 1)) {
		res->ret = -1;
		res->err = SIGNALLED;
		res->len = 0;
		return;
	}
	memcpy(to, from, len);
	res->ret = len;
}

static bool pick_map(struct run *r, struct op *op)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
				    PROT_WRITE };

	if (!pick_slot(r, &op->slot))
		return false;
	op->other = below(r, MAPS);
	op->at = chance(r, 3) ? below(r, 30) * PAGE : 0;
	op->len = 1 + below(r, 250000);
	op->mode = prots[below(r, ARRAY_SIZE(prots))];
	op->flags = chance(r, 4) ? MAP_PRIVATE : MAP_SHARED;
	return true;
}

static void go_map(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct map *m = &r->map[op->other];
	char name[16];
	void *at;

	if (m->at[side]) {
		munmap(m->at[side], m->len);
		close(m->fd[side]);
		m->at[side] = NULL;
	}
	at = mmap(NULL, op->len, op->mode, op->flags, r->slot[op->slot].fd[side], op->at);
	result_of(res, at == MAP_FAILED ? -1 : 0);
	/* Both sides are mapped, or it is told as a difference. */
	if (side == VAULT) {
		m->len = op->len;
		m->from = op->at;
		m->prot = op->mode;
		m->shared = op->flags == MAP_SHARED;
	}
	if (at == MAP_FAILED)
		return;
	snprintf(name, sizeof(name), "%d", r->slot[op->slot].fd[side]);
	m->at[side] = at;
	m->fd[side] = openat(r->proc, name, O_PATH | O_CLOEXEC);
}

static bool pick_mapped(struct run *r, struct op *op)
{
	unsigned int i, start = below(r, MAPS);

	for (i = 0; i < MAPS; i++) {
		op->other = (start + i) % MAPS;
		if (r->map[op->other].at[PLAIN] && r->map[op->other].at[VAULT])
			break;
	}
	if (i == MAPS)
		return false;
	op->at = below(r, r->map[op->other].len);
	op->len = 1 + (chance(r, 2) ? below(r, 9000) : below(r, 60000));
	if (op->len > r->map[op->other].len - op->at)
		op->len = r->map[op->other].len - op->at;
	op->seed = draw(r);
	op->which = below(r, 6);
	return true;
}

/*
 * How much of it lies within the file. One byte instead, if all of it lies on pages
 * past its end; none, if it is on the last page after the end: what is there is
 * undefined once somebody has stored something.
 */
static size_t inside(const struct run *r, const struct op *op, enum side side)
{
	const struct map *m = &r->map[op->other];
	long long from = m->from + op->at, end;
	struct stat st;

	if (fstat(m->fd[side], &st) || !S_ISREG(st.st_mode))
		return 0;
	end = (st.st_size + PAGE - 1) / PAGE * PAGE;
	if (from >= end)
		return 1;
	if (from >= st.st_size)
		return 0;
	return from + (long long)op->len > st.st_size ? st.st_size - from : (long long)op->len;
}

static void go_load(struct run *r, const struct op *op, enum side side, struct result *res)
{
	const struct map *m = &r->map[op->other];

	if (!(m->prot & PROT_READ))
		return;
	res->len = inside(r, op, side);
	copy_guarded(res, res->out, m->at[side] + op->at, res->len);
}

/*
 * When a store moves mtime depends on when pages were written out before, which may be
 * at any time. So that it does not matter later on, they are set.
 */
static void set_times(const struct run *r, int fd, const struct op *op)
{
	struct timespec times[2] = { { 1700000000 + op->step, 1 }, { 1700000000 + op->step, 2 } };
	char name[16];

	become(0);
	snprintf(name, sizeof(name), "%d", fd);
	utimensat(r->proc, name, times, 0);
	become(op->as);
}

static void go_store(struct run *r, const struct op *op, enum side side, struct result *res)
{
	const struct map *m = &r->map[op->other];

	if (!(m->prot & PROT_WRITE))
		return;
	fill(r->data, op->len, op->seed);
	copy_guarded(res, m->at[side] + op->at, r->data, inside(r, op, side));
	if (!res->err && !op->which)
		result_of(res, msync(m->at[side], m->len, MS_SYNC));
	if (r->timed)
		set_times(r, m->fd[side], op);
}

/*
 * Stores after the end of the file on its last page, which no file may ever show. Only
 * in the vault: some lower file systems show it when the file grows.
 */
static void go_tail(struct run *r, const struct op *op, enum side side, struct result *res)
{
	const struct map *m = &r->map[op->other];
	struct stat st;
	long long from, end;

	if (!m->shared || !(m->prot & PROT_WRITE))
		return;
	if (fstat(m->fd[side], &st) || !S_ISREG(st.st_mode))
		return;
	from = st.st_size;
	end = (from + PAGE - 1) / PAGE * PAGE;
	if (from < m->from || from >= m->from + (long long)m->len || from == end)
		return;
	if (end > m->from + (long long)m->len)
		end = m->from + m->len;
	if (side == VAULT) {
		memset(r->data, 0x55, PAGE);
		copy_guarded(res, m->at[side] + (from - m->from), r->data, end - from);
		/* The same as on the side where nothing was done. */
		res->ret = 0;
	}
	if (r->timed)
		set_times(r, m->fd[side], op);
}

static void go_msync(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static const int flags[] = { MS_SYNC, MS_ASYNC, MS_SYNC | MS_INVALIDATE, MS_INVALIDATE,
				    MS_SYNC | MS_ASYNC };
	const struct map *m = &r->map[op->other];

	if (op->which == 5)
		result_of(res, madvise(m->at[side], m->len, m->shared ? MADV_DONTNEED :
				       MADV_WILLNEED));
	else
		result_of(res, msync(m->at[side] + op->at / PAGE * PAGE, op->len,
				     flags[op->which]));
}

static void go_unmap(struct run *r, const struct op *op, enum side side, struct result *res)
{
	struct map *m = &r->map[op->other];

	result_of(res, munmap(m->at[side], m->len));
	close(m->fd[side]);
	m->at[side] = NULL;
}

const struct kind map_kinds[] = {
	{ "map", 30, USES_SLOT, pick_map, go_map },
	{ "load", 40, 0, pick_mapped, go_load },
	{ "store", 50, 0, pick_mapped, go_store },
	{ "tail", 8, 0, pick_mapped, go_tail },
	{ "msync", 15, 0, pick_mapped, go_msync },
	{ "unmap", 10, 0, pick_mapped, go_unmap },
	{ NULL }
};
