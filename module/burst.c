// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of rules: how much one user has done by one rule lately. Counters belong to the
 * vault, not to the policy, so they go on when the rules are loaded anew: they are found by
 * the rule's name.
 *
 * Of files it is remembered which ones, and when last: in any window of time no more than so
 * many different ones. Bytes are summed up in sixteenths of the window; a window and one
 * sixteenth count, so that no window has more than it should.
 *
 * Everything is bounded, also what is done at once while the lock is held. Where there is no
 * room or memory for one thing more, it counts as used up: what cannot be counted must not
 * be free.
 *
 * Times are in milliseconds since boot, and taken under the lock: so none is before one that
 * was used already, on whatever CPU.
 */
#include <linux/list.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include "wardfs.h"
#include "burst.h"

#define COUNTERS_MAX	16384
#define SEEN_MAX	524288		/* files of all counters */
#define COUNTER_BUCKETS	1024
#define SEEN_BUCKETS	16384
#define SLOTS		17		/* a window and one more of its parts */
#define FORGET_MAX	64		/* files that are forgotten at once */
#define RECLAIM_MAX	16		/* counters that are looked over at once */

/**
 * struct counter - what one user did by one limit of one rule
 * @node: in its bucket
 * @use: in the list of all
 * @key: hash of rule, user and limit
 * @last: when it was last used
 * @seconds: its window
 * @files: struct seen, in that order
 * @count: how many
 * @slot: bytes, by part of the window
 * @slot_now: number of the newest part, since boot
 */
struct counter {
	struct hlist_node node;
	struct list_head use;
	u64 key;
	u64 last;
	u32 seconds;
	struct list_head files;
	u32 count;
	u64 slot[SLOTS];
	u32 slot_now;
};

/**
 * struct seen - a file that a counter has counted
 * @node: in its bucket
 * @order: in its counter's list
 * @counter: the counter
 * @file: hash of the file
 * @at: when last
 */
struct seen {
	struct hlist_node node;
	struct list_head order;
	struct counter *counter;
	u64 file;
	u64 at;
};

/**
 * struct wardfs_bursts - all that is counted in a vault
 * @lock: of everything
 * @key: of the hashes
 * @use: counters: roughly in the order of use, but for those that were looked over and still
 *	have something to tell
 * @counters: how many
 * @seen: how many files
 * @counter: buckets
 * @file: buckets
 */
struct wardfs_bursts {
	spinlock_t lock;		/* of everything */
	siphash_key_t key;
	struct list_head use;
	u32 counters;
	u32 seen;
	struct hlist_head counter[COUNTER_BUCKETS];
	struct hlist_head file[SEEN_BUCKETS];
};

/**
 * wardfs_bursts_make - nothing was counted yet
 *
 * Return: for wardfs_bursts_free(), or NULL without memory.
 */
struct wardfs_bursts *wardfs_bursts_make(void)
{
	struct wardfs_bursts *b = kvzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	spin_lock_init(&b->lock);
	get_random_bytes(&b->key, sizeof(b->key));
	INIT_LIST_HEAD(&b->use);
	return b;
}

/* ---- files -------------------------------------------------------------------- */

static struct hlist_head *file_bucket(struct wardfs_bursts *b, const struct counter *c, u64 file)
{
	return &b->file[siphash_2u64(c->key, file, &b->key) % SEEN_BUCKETS];
}

static void forget(struct wardfs_bursts *b, struct seen *s)
{
	hlist_del(&s->node);
	list_del(&s->order);
	s->counter->count--;
	b->seen--;
	kfree(s);
}

static u64 window(const struct counter *c)
{
	return (u64)c->seconds * MSEC_PER_SEC;
}

static void drop(struct wardfs_bursts *b, struct counter *c)
{
	while (!list_empty(&c->files))
		forget(b, list_first_entry(&c->files, struct seen, order));
	hlist_del(&c->node);
	list_del(&c->use);
	b->counters--;
	kfree(c);
}

/*
 * Makes room. A counter that was not used for its whole window has nothing to tell; others are
 * looked at again when it is their turn, so that none with a long window hides the rest.
 */
static void reclaim(struct wardfs_bursts *b, u64 now)
{
	unsigned int counters, files = 0;

	for (counters = 0; counters < RECLAIM_MAX && !list_empty(&b->use); counters++) {
		struct counter *c = list_first_entry(&b->use, struct counter, use);

		if (c->last + window(c) + window(c) / 8 + MSEC_PER_SEC >= now) {
			list_move_tail(&c->use, &b->use);
			continue;
		}
		for (; !list_empty(&c->files); files++) {
			if (files == FORGET_MAX)
				return;
			forget(b, list_first_entry(&c->files, struct seen, order));
		}
		drop(b, c);
	}
}

/*
 * What was seen last before the window does not count any more. What is not forgotten now,
 * for there is much of it, does not stand in the way either: there are less than @most.
 */
static void expire(struct wardfs_bursts *b, struct counter *c, u64 most, u64 now)
{
	struct seen *s, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(s, next, &c->files, order) {
		if (s->at + window(c) > now || (n >= FORGET_MAX && c->count < most))
			break;
		forget(b, s);
		n++;
	}
}

static bool charge_file(struct wardfs_bursts *b, struct counter *c, u64 file, u64 most, u64 now)
{
	struct hlist_head *bucket = file_bucket(b, c, file);
	struct seen *s;

	expire(b, c, most, now);
	hlist_for_each_entry(s, bucket, node) {
		if (s->counter != c || s->file != file)
			continue;
		s->at = now;
		list_move_tail(&s->order, &c->files);
		return true;
	}
	if (c->count >= most)
		return false;
	if (b->seen >= SEEN_MAX)
		reclaim(b, now);
	if (b->seen >= SEEN_MAX)
		return false;
	s = kmalloc(sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	if (!s)
		return false;
	s->counter = c;
	s->file = file;
	s->at = now;
	hlist_add_head(&s->node, bucket);
	list_add_tail(&s->order, &c->files);
	c->count++;
	b->seen++;
	return true;
}

/* ---- bytes -------------------------------------------------------------------- */

static bool charge_bytes(struct counter *c, u64 bytes, u64 most, u64 at)
{
	/* A window is at least a second: a part of it at least 62 milliseconds. */
	u32 now = div_u64(at, c->seconds * (MSEC_PER_SEC / 8) / 2);
	u32 i, old = min_t(u32, now - c->slot_now, SLOTS);
	u64 sum = 0;

	for (i = 0; i < old; i++)
		c->slot[(now - i) % SLOTS] = 0;
	c->slot_now = now;
	for (i = 0; i < SLOTS; i++)
		sum += c->slot[i];
	if (bytes > most || sum > most - bytes)
		return false;
	c->slot[now % SLOTS] += bytes;
	return true;
}

/* ---- counters ------------------------------------------------------------------- */

static struct counter *find(struct wardfs_bursts *b, u64 key)
{
	struct counter *c;

	hlist_for_each_entry(c, &b->counter[key % COUNTER_BUCKETS], node)
		if (c->key == key)
			return c;
	return NULL;
}

static struct counter *obtain(struct wardfs_bursts *b, u64 key, u32 seconds, u64 now)
{
	struct counter *c = find(b, key);

	if (!c) {
		reclaim(b, now);
		if (b->counters >= COUNTERS_MAX)
			return NULL;
		c = kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN);
		if (!c)
			return NULL;
		c->key = key;
		c->seconds = seconds;
		INIT_LIST_HEAD(&c->files);
		hlist_add_head(&c->node, &b->counter[key % COUNTER_BUCKETS]);
		list_add_tail(&c->use, &b->use);
		b->counters++;
	}
	/* The rules have another window now: what was read in the old one counts as new. */
	if (c->seconds != seconds) {
		u64 sum = 0;
		u32 i;

		for (i = 0; i < SLOTS; i++)
			sum += c->slot[i];
		memset(c->slot, 0, sizeof(c->slot));
		c->slot_now = 0;
		c->seconds = seconds;
		charge_bytes(c, sum, ~0ULL >> 1, now);
	}
	c->last = now;
	list_move_tail(&c->use, &b->use);
	return c;
}

static u64 key_of(const struct wardfs_bursts *b, const struct wardfs_use *use)
{
	struct {
		u8 rule[64];
		u32 uid;
		u32 what;
		u32 nth;
		u32 zero;
	} k = { .uid = use->uid, .what = use->what, .nth = use->nth };

	memcpy(k.rule, use->rule, sizeof(k.rule));
	return siphash(&k, sizeof(k), &b->key);
}

/**
 * wardfs_burst_charge - count something, unless that would be too much
 * @b: of the vault
 * @use: what
 *
 * Context: does not sleep.
 *
 * Return: true when it was counted; false when the limit is used up.
 */
bool wardfs_burst_charge(struct wardfs_bursts *b, const struct wardfs_use *use)
{
	struct counter *c;
	bool counted = false;
	u64 now;

	spin_lock(&b->lock);
	now = ktime_to_ms(ktime_get_boottime());
	c = obtain(b, key_of(b, use), use->seconds, now);
	if (c)
		counted = use->what == WARD_BURST_BYTES ?
			  charge_bytes(c, use->bytes, use->most, now) :
			  charge_file(b, c, siphash_2u64(use->inode, use->generation, &b->key),
				      use->most, now);
	spin_unlock(&b->lock);
	return counted;
}

/**
 * wardfs_bursts_free - forget all of it
 * @b: nobody counts any more; may be NULL
 */
void wardfs_bursts_free(struct wardfs_bursts *b)
{
	while (b && !list_empty(&b->use))
		drop(b, list_first_entry(&b->use, struct counter, use));
	kvfree(b);
}
