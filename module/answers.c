// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a policy answered, so that one with thousands of rules is not walked for each
 * access: for somebody, with some program, in some place, the operations that are allowed
 * and need nothing further. The memory is bounded, and goes with the policy.
 *
 * The groups of a process are many; of them a hash under a secret key is kept.
 */
#include <linux/cred.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include "policy.h"

#define SLOTS	1024

/**
 * struct question - what an answer is for
 * @groups: hash of all groups
 * @program: zeros where it is not known
 * @kthread: name of a thread of the kernel; else zeros
 * @fsuid: as in struct ward_actor
 * @fsgid: the group that files are accessed with
 * @loginuid: as in struct ward_actor; 0 without one
 * @place: where
 * @flags: FLAG_*
 * @window: for which time
 *
 * No byte is left unset, for questions are compared as bytes.
 */
struct question {
	u64 groups;
	struct ward_program_id program;
	u8 kthread[TASK_COMM_LEN];
	u32 fsuid;
	u32 fsgid;
	u32 loginuid;
	u32 place;
	u32 flags;
	u32 window;
};

#define FLAG_LOGIN	0x01	/* there is a login user */
#define FLAG_KERNEL	0x02	/* a thread of the kernel */
#define FLAG_OWN	0x04	/* with rights of its own */
#define FLAG_SHEDS	0x08	/* may leave groups */
#define FLAG_PROGRAM	0x10	/* the program is known */
#define FLAG_WALK	0x20	/* may he walk through there */

/**
 * struct answer - one of them; immutable, freed through RCU
 */
struct answer {
	struct rcu_head rcu;
	struct question question;
	u32 answer;
};

/**
 * struct wardfs_answers - those of one policy
 * @key: of the hashes
 * @slot: where an answer is, by the hash of its question; RCU
 */
struct wardfs_answers {
	siphash_key_t key;
	struct answer __rcu *slot[SLOTS];
};

/**
 * wardfs_answers_make - make room for answers
 *
 * Return: for wardfs_answers_free(), or NULL: one can do without.
 */
struct wardfs_answers *wardfs_answers_make(void)
{
	struct wardfs_answers *answers = kvzalloc(sizeof(*answers), GFP_KERNEL);

	if (answers)
		get_random_bytes(&answers->key, sizeof(answers->key));
	return answers;
}

/**
 * wardfs_answers_free - free them
 * @answers: nobody asks any more; may be NULL
 */
void wardfs_answers_free(struct wardfs_answers *answers)
{
	size_t i;

	for (i = 0; answers && i < SLOTS; i++)
		kfree(rcu_dereference_protected(answers->slot[i], 1));
	kvfree(answers);
}

static u64 groups_now(const struct wardfs_answers *answers)
{
	const struct group_info *groups = current_cred()->group_info;

	return siphash(groups->gid, groups->ngroups * sizeof(groups->gid[0]), &answers->key);
}

/* Return: the slot for it. */
static struct answer __rcu **ask(struct wardfs_answers *answers, const struct ward_actor *who,
				 const struct wardfs_topic *topic, struct question *q)
{
	memset(q, 0, sizeof(*q));
	q->groups = groups_now(answers);
	q->fsuid = who->fsuid;
	q->fsgid = from_kgid(&init_user_ns, current_fsgid());
	q->place = topic->place;
	q->window = topic->window;
	q->flags = topic->walk ? FLAG_WALK : 0;
	if (who->has_login) {
		q->loginuid = who->loginuid;
		q->flags |= FLAG_LOGIN;
	}
	if (who->kernel) {
		strscpy(q->kthread, who->kthread, sizeof(q->kthread));
		q->flags |= FLAG_KERNEL | (who->own ? FLAG_OWN : 0);
	}
	if (who->sheds_groups)
		q->flags |= FLAG_SHEDS;
	if (who->program) {
		q->program = *who->program;
		q->flags |= FLAG_PROGRAM;
	}
	return &answers->slot[siphash(q, sizeof(*q), &answers->key) % SLOTS];
}

/**
 * wardfs_answer_find - was this asked before
 * @answers: of the policy in force, or NULL
 * @who: who asks: current
 * @topic: what
 * @answer: set when it was
 *
 * Context: RCU read side; does not sleep.
 *
 * Return: whether it was, and is still known.
 */
bool wardfs_answer_find(struct wardfs_answers *answers, const struct ward_actor *who,
			const struct wardfs_topic *topic, u32 *answer)
{
	struct question q;
	struct answer *a;

	if (!answers)
		return false;
	a = rcu_dereference(*ask(answers, who, topic, &q));
	if (!a || memcmp(&a->question, &q, sizeof(q)))
		return false;
	*answer = a->answer;
	return true;
}

/**
 * wardfs_answer_keep - keep an answer
 * @answers: of the policy that gave it, or NULL
 * @who: who asked: current
 * @topic: what
 * @answer: what was answered
 *
 * Context: RCU read side; does not sleep. Without memory it is not kept.
 */
void wardfs_answer_keep(struct wardfs_answers *answers, const struct ward_actor *who,
			const struct wardfs_topic *topic, u32 answer)
{
	struct answer *fresh, *old;
	struct answer __rcu **slot;

	if (!answers)
		return;
	fresh = kmalloc(sizeof(*fresh), GFP_ATOMIC | __GFP_NOWARN);
	if (!fresh)
		return;
	slot = ask(answers, who, topic, &fresh->question);
	fresh->answer = answer;
	old = unrcu_pointer(xchg(slot, RCU_INITIALIZER(fresh)));
	if (old)
		kfree_rcu(old, rcu);
}
