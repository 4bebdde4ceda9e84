// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring of events. It is allocated when the module is loaded, so that an event
 * needs no memory; the oldest events make room for new ones, and who asks for them
 * later is told how many are gone.
 *
 * An event is kept as the netlink attributes it will be sent as. Of identical
 * events within a second only the first is kept at once; how many followed is said
 * by another event when the second is over. So a loop gives one event a second, and
 * the counts add up to what happened.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <net/netlink.h>
#include "ring.h"
#include "uapi/ward_format.h"
#include "uapi/ward_netlink.h"

#define RING_KIB_MIN	64
#define RING_KIB_MAX	(256 * 1024)
#define EVENT_MEAN	256	/* bytes: the index has room for that many events */
#define FOLDS		64	/* windows open at a time */
#define FOLD_WINDOW	HZ
#define TALLY_BITS	8

static unsigned int event_ring = 4096;
module_param(event_ring, uint, 0444);
MODULE_PARM_DESC(event_ring, "Memory for events that nobody has fetched yet, KiB");

/**
 * struct tally - the events of a vault, also of one that is not mounted any more
 * @node: in its bucket
 * @uuid: which vault
 * @total: how many happened, folded ones counted once they are told
 * @gone: how many of those the ring has no more
 */
struct tally {
	struct hlist_node node;
	u8 uuid[WARD_UUID_SIZE];
	u64 total;
	u64 gone;
};

/**
 * struct slot - where an event lies, and what is not in its attributes
 * @pos: of its attributes in the stream of all that was ever added, bytes
 * @len: of its attributes, bytes
 * @time: when it happened, ns since 1970
 * @last: when the last one folded into it happened
 * @count: events folded into it
 * @total: events up to and with this one, folded ones counted, too
 * @tally: of its vault; NULL: there was no memory for one
 * @of_vault: as @total, of that vault alone
 */
struct slot {
	u64 pos;
	u32 len;
	u64 time;
	u64 last;
	u64 count;
	u64 total;
	struct tally *tally;
	u64 of_vault;
};

/**
 * struct fold - a window for events that are identical
 * @body: their attributes: what they share, then the process of the first; NULL:
 *	not in use
 * @hash: of what they share
 * @common: bytes of what they share
 * @process: bytes of the process's attributes
 * @mixed: not all of @count were the same process
 * @count: how many are not reported yet
 * @first: when the first of @count happened, ns since 1970
 * @last: when the last of @count happened
 * @until: end of the window, jiffies
 * @tally: of the vault, or NULL
 */
struct fold {
	u8 *body;
	u64 hash;
	u32 common;
	u32 process;
	bool mixed;
	u64 count;
	u64 first;
	u64 last;
	unsigned long until;
	struct tally *tally;
};

/* All under @lock, unless said; slots, bytes and sizes are immutable after init. */
static struct {
	spinlock_t lock;	/* innermost; taken with interrupts off */
	u8 *bytes;
	size_t size;		/* of @bytes, a power of two */
	struct slot *slots;
	u32 count;		/* of @slots, a power of two */
	u64 next;
	u64 oldest;
	u64 head;		/* stream position behind the newest event */
	u64 total;		/* up to the newest event, folded ones counted, too */
	u64 dropped;
	struct fold folds[FOLDS];
	struct hlist_head tallies[1 << TALLY_BITS];	/* freed with the ring */
	struct delayed_work unfold;
	siphash_key_t key;	/* immutable after init */
	u8 load_id[WARDFS_LOAD_ID_SIZE];	/* immutable after init */
	void (*wake)(void);	/* RCU */
} ring;

/* ---- adding ------------------------------------------------------------------- */

static struct slot *slot_of(u64 sequence)
{
	return &ring.slots[sequence & (ring.count - 1)];
}

static void copy_in(u64 pos, const void *from, u32 len)
{
	size_t at = pos & (ring.size - 1);
	size_t run = min_t(size_t, len, ring.size - at);

	memcpy(ring.bytes + at, from, run);
	memcpy(ring.bytes, from + run, len - run);
}

static void copy_out(u64 pos, void *to, u32 len)
{
	size_t at = pos & (ring.size - 1);
	size_t run = min_t(size_t, len, ring.size - at);

	memcpy(to, ring.bytes + at, run);
	memcpy(to + run, ring.bytes, len - run);
}

static struct hlist_head *tallies_of(const u8 *uuid)
{
	return &ring.tallies[uuid[0] & ((1 << TALLY_BITS) - 1)];
}

static struct tally *tally_find(const u8 *uuid)
{
	struct tally *t;

	lockdep_assert_held(&ring.lock);
	hlist_for_each_entry(t, tallies_of(uuid), node)
		if (!memcmp(t->uuid, uuid, sizeof(t->uuid)))
			return t;
	return NULL;
}

/* One that is made here; only root mounts vaults, so there are no more than those. */
static struct tally *tally_get(const u8 *uuid)
{
	struct tally *t = tally_find(uuid);

	if (t)
		return t;
	t = kzalloc(sizeof(*t), GFP_NOWAIT | __GFP_NOWARN);
	if (!t)
		return NULL;
	memcpy(t->uuid, uuid, sizeof(t->uuid));
	hlist_add_head(&t->node, tallies_of(uuid));
	return t;
}

static void drop_oldest(void)
{
	const struct slot *slot = slot_of(ring.oldest++);

	if (slot->tally)
		slot->tally->gone = slot->of_vault;
}

/* Put one event into the ring; the oldest ones make room. */
static void store(struct tally *tally, const u8 *body, u32 len, u64 count, u64 time, u64 last)
{
	struct slot *slot;

	lockdep_assert_held(&ring.lock);
	if (WARN_ON_ONCE(len > ring.size)) {
		ring.dropped += count;
		return;
	}
	while (ring.oldest < ring.next &&
	       (ring.next - ring.oldest == ring.count ||
		ring.head + len - slot_of(ring.oldest)->pos > ring.size))
		drop_oldest();
	slot = slot_of(ring.next);
	slot->pos = ring.head;
	slot->len = len;
	slot->time = time;
	slot->last = last;
	slot->count = count;
	ring.total += count;
	slot->total = ring.total;
	slot->tally = tally;
	if (tally)
		tally->total += count;
	slot->of_vault = tally ? tally->total : 0;
	copy_in(ring.head, body, len);
	ring.head += len;
	ring.next++;
}

/* ---- folding -------------------------------------------------------------------- */

/* Report what a window has gathered. */
static void fold_report(struct fold *f)
{
	if (!f->count)
		return;
	store(f->tally, f->body, f->common + (f->mixed ? 0 : f->process), f->count, f->first,
	      f->last);
	f->count = 0;
}

static void fold_end(struct fold *f)
{
	fold_report(f);
	kfree(f->body);
	f->body = NULL;
}

/* The window that this event falls into, or NULL. */
static struct fold *fold_find(const u8 *body, u32 common, u64 hash)
{
	int i;

	for (i = 0; i < FOLDS; i++) {
		struct fold *f = &ring.folds[i];

		if (f->body && f->hash == hash && f->common == common &&
		    !memcmp(f->body, body, common))
			return f;
	}
	return NULL;
}

/* Open a window. Without memory there is none, and the next one is an event too. */
static void fold_begin(struct tally *tally, const u8 *body, u32 common, u32 process, u64 hash)
{
	struct fold *f = &ring.folds[0];
	int i;

	/* A free one, else the one that ends first. */
	for (i = 0; i < FOLDS && f->body; i++)
		if (!ring.folds[i].body || time_before(ring.folds[i].until, f->until))
			f = &ring.folds[i];
	if (f->body)
		fold_end(f);
	f->body = kmemdup(body, common + process, GFP_NOWAIT | __GFP_NOWARN);
	if (!f->body)
		return;
	f->tally = tally;
	f->hash = hash;
	f->common = common;
	f->process = process;
	f->count = 0;
	f->until = jiffies + FOLD_WINDOW;
	/* Does nothing when it is armed already, for a window that ends sooner. */
	schedule_delayed_work(&ring.unfold, FOLD_WINDOW);
}

static void fold_add(struct fold *f, const u8 *body, u32 process, u64 now)
{
	bool same = f->process == process &&
		    !memcmp(f->body + f->common, body + f->common, process);

	if (!f->count) {
		f->first = now;
		f->mixed = false;
	}
	f->mixed |= !same;
	f->last = now;
	f->count++;
}

static void wake_listener(void)
{
	void (*wake)(void);

	rcu_read_lock();
	wake = READ_ONCE(ring.wake);
	if (wake)
		wake();
	rcu_read_unlock();
}

/* The windows that are over. One that had something to say stays for another second. */
static void unfold_work(struct work_struct *work)
{
	unsigned long flags, now = jiffies, soonest = 0;
	bool reported = false, more = false;
	int i;

	spin_lock_irqsave(&ring.lock, flags);
	for (i = 0; i < FOLDS; i++) {
		struct fold *f = &ring.folds[i];

		if (!f->body)
			continue;
		if (time_after_eq(now, f->until)) {
			if (!f->count) {
				fold_end(f);
				continue;
			}
			fold_report(f);
			reported = true;
			f->until = now + FOLD_WINDOW;
		}
		if (!more || time_before(f->until, soonest))
			soonest = f->until;
		more = true;
	}
	if (more)
		schedule_delayed_work(&ring.unfold, soonest - now);
	spin_unlock_irqrestore(&ring.lock, flags);
	if (reported)
		wake_listener();
}

/**
 * wardfs_ring_add - an event happened
 * @uuid: the vault that it is of
 * @body: its netlink attributes
 * @common: bytes of those by which events are compared
 * @process: bytes of those that follow and tell the process
 * @folds: it may be folded into an identical one
 *
 * Context: any but hard interrupts; does not sleep. Takes the ring's lock, which
 * nests in everything.
 */
void wardfs_ring_add(const u8 *uuid, const u8 *body, u32 common, u32 process, bool folds)
{
	u64 now = ktime_get_real_ns();
	u64 hash = folds ? siphash(body, common, &ring.key) : 0;
	struct fold *f = NULL;
	struct tally *tally;
	unsigned long flags;

	spin_lock_irqsave(&ring.lock, flags);
	if (folds)
		f = fold_find(body, common, hash);
	if (f) {
		fold_add(f, body, process, now);
	} else {
		tally = tally_get(uuid);
		store(tally, body, common + process, 1, now, now);
		if (folds)
			fold_begin(tally, body, common, process, hash);
	}
	spin_unlock_irqrestore(&ring.lock, flags);
	if (!f)
		wake_listener();
}

/* ---- reading -------------------------------------------------------------------- */

/**
 * wardfs_ring_listen - whom to tell of new events
 * @wake: called after each, must not sleep; NULL: nobody any more
 *
 * Context: sleeps. Afterwards the previous one is not called any more.
 */
void wardfs_ring_listen(void (*wake)(void))
{
	WRITE_ONCE(ring.wake, wake);
	synchronize_rcu();
}

/**
 * wardfs_ring_load_id - the random number of this load of the module
 *
 * Return: 16 bytes.
 */
const u8 *wardfs_ring_load_id(void)
{
	return ring.load_id;
}

/**
 * wardfs_ring_state - how the ring stands
 * @state: filled in
 */
void wardfs_ring_state(struct wardfs_ring_state *state)
{
	unsigned long flags;

	spin_lock_irqsave(&ring.lock, flags);
	state->next = ring.next;
	state->oldest = ring.oldest;
	state->dropped = ring.dropped;
	spin_unlock_irqrestore(&ring.lock, flags);
}

/**
 * wardfs_ring_length - how much room wardfs_ring_put() needs
 * @sequence: of the event
 *
 * Return: bytes; 0 when there is no such event yet. Another event may need another
 * room, should this one be overwritten meanwhile.
 */
size_t wardfs_ring_length(u64 sequence)
{
	size_t fixed = nla_total_size(WARDFS_LOAD_ID_SIZE) + nla_total_size(sizeof(u32)) +
		       7 * nla_total_size_64bit(sizeof(u64));
	unsigned long flags;
	size_t len = 0;

	spin_lock_irqsave(&ring.lock, flags);
	if (sequence < ring.oldest)
		len = fixed;
	else if (sequence < ring.next)
		len = fixed + slot_of(sequence)->len;
	spin_unlock_irqrestore(&ring.lock, flags);
	return len;
}

/* How many happened before the oldest event that is there. */
static u64 total_gone(void)
{
	const struct slot *slot = slot_of(ring.oldest);

	lockdep_assert_held(&ring.lock);
	return ring.oldest < ring.next ? slot->total - slot->count : ring.total;
}

/* What was overwritten before it was read, as an event of its own. */
static int put_lost(struct sk_buff *skb, u64 sequence, u64 oldest, u64 total)
{
	u64 now = ktime_get_real_ns();

	if (nla_put(skb, WARD_A_LOAD_ID, WARDFS_LOAD_ID_SIZE, ring.load_id) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_SEQUENCE, oldest - 1, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_TIME, now, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_TOTAL, total, WARD_A_PAD) ||
	    nla_put_u32(skb, WARD_A_EVENT_KIND, WARD_KIND_LOST) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_LOST, oldest - sequence, WARD_A_PAD))
		return -EMSGSIZE;
	return 0;
}

/**
 * wardfs_ring_put - append an event's attributes to a message
 * @skb: the message
 * @sequence: of the event; set to that of the one to read next
 *
 * Should the event be overwritten, what is appended says how many are lost.
 *
 * Return: 0; -ENODATA when there is no such event yet; -EMSGSIZE when it does not
 * fit: the caller cancels the message.
 */
int wardfs_ring_put(struct sk_buff *skb, u64 *sequence)
{
	u64 oldest = 0, total = 0, seq = max_t(u64, *sequence, 1);
	struct slot slot = { 0 };
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&ring.lock, flags);
	if (seq >= ring.next) {
		err = -ENODATA;
	} else if (seq < ring.oldest) {
		oldest = ring.oldest;
		total = total_gone();
	} else {
		slot = *slot_of(seq);
		if (skb_tailroom(skb) < slot.len)
			err = -EMSGSIZE;
		else
			copy_out(slot.pos, skb_put(skb, slot.len), slot.len);
	}
	spin_unlock_irqrestore(&ring.lock, flags);
	if (err)
		return err;
	if (oldest) {
		err = put_lost(skb, seq, oldest, total);
		if (!err)
			*sequence = oldest;
		return err;
	}
	if (nla_put(skb, WARD_A_LOAD_ID, WARDFS_LOAD_ID_SIZE, ring.load_id) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_SEQUENCE, seq, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_TIME, slot.time, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_LAST_TIME, slot.last, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_COUNT, slot.count, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_TOTAL, slot.total, WARD_A_PAD) ||
	    (slot.tally && nla_put_u64_64bit(skb, WARD_A_EVENT_VAULT_TOTAL, slot.of_vault,
					     WARD_A_PAD)))
		return -EMSGSIZE;
	*sequence = seq + 1;
	return 0;
}

/**
 * wardfs_ring_tally - how many events a vault had
 * @uuid: which vault
 * @gone: set to how many of them the ring has no more
 *
 * Return: how many since the module was loaded, folded ones counted once they are told.
 */
u64 wardfs_ring_tally(const u8 *uuid, u64 *gone)
{
	const struct tally *tally;
	unsigned long flags;
	u64 total;

	spin_lock_irqsave(&ring.lock, flags);
	tally = tally_find(uuid);
	total = tally ? tally->total : 0;
	*gone = tally ? tally->gone : 0;
	spin_unlock_irqrestore(&ring.lock, flags);
	return total;
}

/* ---- beginning and end ------------------------------------------------------------ */

/**
 * wardfs_ring_init - make the ring
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_ring_init(void)
{
	unsigned int kib = clamp_t(unsigned int, event_ring, RING_KIB_MIN, RING_KIB_MAX);

	spin_lock_init(&ring.lock);
	INIT_DELAYED_WORK(&ring.unfold, unfold_work);
	ring.size = roundup_pow_of_two((size_t)kib << 10);
	ring.count = ring.size / EVENT_MEAN;
	ring.next = 1;
	ring.oldest = 1;
	get_random_bytes(&ring.key, sizeof(ring.key));
	get_random_bytes(ring.load_id, sizeof(ring.load_id));
	ring.bytes = vmalloc(ring.size);
	if (!ring.bytes)
		return -ENOMEM;
	ring.slots = vmalloc(array_size(ring.count, sizeof(*ring.slots)));
	if (!ring.slots) {
		vfree(ring.bytes);
		return -ENOMEM;
	}
	return 0;
}

/**
 * wardfs_ring_unfold - end all windows: nothing more happens
 *
 * What they have counted becomes events. Context: sleeps; nothing is mounted any more.
 */
void wardfs_ring_unfold(void)
{
	unsigned long flags;
	int i;

	cancel_delayed_work_sync(&ring.unfold);
	spin_lock_irqsave(&ring.lock, flags);
	for (i = 0; i < FOLDS; i++)
		if (ring.folds[i].body)
			fold_end(&ring.folds[i]);
	spin_unlock_irqrestore(&ring.lock, flags);
	wake_listener();
}

/**
 * wardfs_ring_exit - take the ring down
 *
 * Nobody adds or reads any more.
 */
void wardfs_ring_exit(void)
{
	struct hlist_node *next;
	struct tally *t;
	int i;

	cancel_delayed_work_sync(&ring.unfold);
	for (i = 0; i < FOLDS; i++)
		kfree(ring.folds[i].body);
	for (i = 0; i < ARRAY_SIZE(ring.tallies); i++)
		hlist_for_each_entry_safe(t, next, &ring.tallies[i], node)
			kfree(t);
	vfree(ring.slots);
	vfree(ring.bytes);
}
