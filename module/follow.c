// SPDX-License-Identifier: GPL-2.0-only
/*
 * What processes run that were there before a policy was renewed. Their program is the file
 * that they executed, and the rules mean another file by now; they are to be what they were,
 * for rules that allow and for those that deny. So a renewed policy has with it which file
 * stands for which. Bytes only: also compiled in user space.
 *
 * That belongs to the policy, not to the process: a renewal takes no secret of other vaults,
 * so it must not change what a process is to them.
 */
#include "follow.h"

/* Where it is, or would be. Return: whether it is there. */
static bool place_of(const struct ward_follows *f, const struct ward_program_id *from, u32 *place)
{
	u32 low = 0, high = f->count;

	while (low < high) {
		u32 middle = low + (high - low) / 2;
		int c = memcmp(&f->follow[middle].from, from, sizeof(*from));

		if (!c) {
			*place = middle;
			return true;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*place = low;
	return false;
}

/* The first that is said of a file counts. Without room nothing is said. */
static void add(struct ward_follows *f, const struct ward_program_id *from,
		const struct ward_program_id *to)
{
	u32 at;

	if (le32_to_cpu(from->kind) == WARD_PROGRAM_ABSENT || f->count == WARD_FOLLOW_MAX ||
	    place_of(f, from, &at))
		return;
	memmove(&f->follow[at + 1], &f->follow[at], (f->count - at) * sizeof(*f->follow));
	f->follow[at].from = *from;
	f->follow[at].to = *to;
	f->count++;
}

static void add_renewed(const struct ward_renewed *what, void *arg)
{
	if (what->old)
		add(arg, &what->old->id, &what->new->id);
}

static void drop_named_by(struct ward_follows *f, const struct ward_condition *c)
{
	const struct ward_program *p = (const void *)(c + 1);
	u32 i, at;

	for (i = 0; i < le16_to_cpu(c->count); i++) {
		if (place_of(f, &p->id, &at)) {
			f->count--;
			memmove(&f->follow[at], &f->follow[at + 1],
				(f->count - at) * sizeof(*f->follow));
		}
		p = (const void *)((const u8 *)p + le16_to_cpu(p->length));
	}
}

/* A file that the rules still mean, under another path, is itself. */
static void drop_named(struct ward_follows *f, const void *blob)
{
	const struct ward_policy_header *h = blob;
	const struct ward_rule *r = (const void *)(h + 1);
	u32 i, k;

	for (i = 0; i < le32_to_cpu(h->rules); i++) {
		const struct ward_condition *c = (const void *)(r + 1);

		for (k = 0; k < le16_to_cpu(r->conditions); k++) {
			if (le16_to_cpu(c->type) == WARD_COND_PROGRAM)
				drop_named_by(f, c);
			c = (const void *)((const u8 *)c + le32_to_cpu(c->length));
		}
		r = (const void *)((const u8 *)r + le32_to_cpu(r->length));
	}
}

/**
 * ward_follow_make - which file stands for which, since a policy was renewed
 * @f: filled; its array has room for WARD_FOLLOW_MAX
 * @old: the policy that was in force
 * @new: the one that renews it, as ward_policy_renewal() says
 * @before: what was so under @old
 *
 * What there is no room for is forgotten, the older renewals first: then a process that ran
 * before is a program that no rule names, as after loading.
 *
 * Context: does not sleep.
 */
void ward_follow_make(struct ward_follows *f, const void *old, const void *new,
		      const struct ward_follows *before)
{
	u32 i;

	f->count = 0;
	ward_policy_renewal(old, new, add_renewed, f);
	drop_named(f, new);
	for (i = 0; i < before->count; i++) {
		const struct ward_follow *b = &before->follow[i];

		add(f, &b->from, ward_follow_find(f, &b->to) ?: &b->to);
	}
	drop_named(f, new);
}

/**
 * ward_follow_find - what a file stands for
 * @f: see ward_follow_make()
 * @id: the file that a process executed
 *
 * Context: does not sleep.
 *
 * Return: the file that the rules mean by it; NULL when that is @id itself.
 */
const struct ward_program_id *ward_follow_find(const struct ward_follows *f,
					       const struct ward_program_id *id)
{
	u32 at;

	return place_of(f, id, &at) ? &f->follow[at].to : NULL;
}
