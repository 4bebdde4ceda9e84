// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the policy in force says of an access.
 *
 * Asking never sleeps: the policy is found under RCU and the rules are walked in place
 * (rules.c), or, where there are many, an answer is remembered (answers.c). What an open
 * file's verdict remembers is only ever an allow, tagged with the policy generation it
 * was found under.
 */
#include <linux/audit.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>
#include "burst.h"
#include "hours.h"
#include "policy.h"

/*
 * wardfs_verdict.word: in the low bits operations that were found allowed, above
 * them those that were reported because a rule wants them recorded, then the
 * generation.
 */
#define RECORDED_SHIFT	10
#define VERDICT_SHIFT	20

enum { CLAIM_NONE, CLAIM_MAKING, CLAIM_MADE };

/* ---- who asks --------------------------------------------------------------- */

static bool actor_in_group(u32 gid, void *arg)
{
	return in_group_p(make_kgid(&init_user_ns, gid));
}

/*
 * The credentials that the access is made with, and the login user behind them.
 * A kernel thread is nobody: its credentials are root's only for want of others;
 * unless a rule names it. Its name is the kernel's: no user can change it.
 * (Workers of io_uring are no kernel threads: they act for a user, as that user.)
 */
static void actor_current(struct ward_actor *who)
{
	kuid_t login = audit_get_loginuid(current);

	memset(who, 0, sizeof(*who));
	who->kernel = current->flags & PF_KTHREAD;
	who->kthread = current->comm;
	/* An NFS server drops this for a client that is not root. */
	who->own = cap_raised(current_cred()->cap_effective, CAP_DAC_READ_SEARCH);
	who->fsuid = from_kuid(&init_user_ns, current_fsuid());
	who->has_login = uid_valid(login);
	who->loginuid = from_kuid(&init_user_ns, login);
	/* Whoever makes a user namespace may call setgroups() in it. */
	who->sheds_groups = current_user_ns() != &init_user_ns;
	who->in_group = actor_in_group;
}

/* ---- asking ------------------------------------------------------------------- */

/**
 * struct asking - a question to the policy
 * @policy: the one in force; NULL: there is none
 * @who: who asks, with what, where
 * @program: what @who runs, if that is known
 * @place: where it is
 * @answers: what was answered before, or NULL
 * @window: hours: the time between two changes, that the answers are for
 * @bytes: that are to be read; 0 by ask()
 */
struct asking {
	const struct wardfs_policy *policy;
	struct ward_actor who;
	struct ward_program_id program;
	u32 place;
	struct wardfs_answers *answers;
	u32 window;
	u64 bytes;
};

/* What hours answer is good until they may answer something else, and no longer. */
static void ask_hours(struct asking *a, const struct wardfs_sb *sbi)
{
	u64 since = READ_ONCE(sbi->policy_since), until = READ_ONCE(sbi->policy_until);

	a->who.now = ktime_get_real_seconds();
	a->window = until;
	if (a->who.now < since || a->who.now >= until)
		a->answers = NULL;
}

/*
 * @dentry: the object, or NULL: any name of @inode. Context: RCU read side, until what
 * was asked is reported.
 */
static void ask(struct asking *a, struct inode *inode, struct dentry *dentry)
{
	const struct wardfs_policy *policy = rcu_dereference(WARDFS_SB(inode->i_sb)->policy);

	a->policy = policy;
	a->place = WARD_PLACE_NONE;
	a->answers = NULL;
	a->window = 0;
	a->bytes = 0;
	actor_current(&a->who);
	if (!policy)
		return;
	a->answers = policy->answers;
	if (policy->traits.by_hours)
		ask_hours(a, WARDFS_SB(inode->i_sb));
	if (policy->traits.by_program && !a->who.kernel && wardfs_program_current(&a->program))
		a->who.program = ward_follow_find(&policy->follows, &a->program) ?: &a->program;
	if (!policy->traits.by_path)
		return;
	if (dentry)
		a->place = wardfs_place_dentry(policy, dentry);
	/* What a file handle led to may be known by a name as well. */
	if (a->place == WARD_PLACE_NONE && (!dentry || d_inode_rcu(dentry) == inode))
		a->place = wardfs_place_inode(policy, inode);
	ward_place_actor(&policy->places, a->place, &a->who);
}

/* Where somebody does something, it matters under which rules that is, not where it is. */
static u32 group_of(const struct asking *a)
{
	return a->policy->traits.by_path ? ward_place_group(&a->policy->places, a->place) :
					   a->place;
}

/* Operations that are allowed, and that nothing further is to be done for. */
static u32 plainly_allowed(const struct asking *a)
{
	struct wardfs_topic topic = { .place = group_of(a), .window = a->window };
	u32 plain;

	if (!wardfs_answer_find(a->answers, &a->who, &topic, &plain)) {
		ward_policy_allowed(a->policy->blob, &a->who, &plain);
		wardfs_answer_keep(a->answers, &a->who, &topic, plain);
	}
	return plain;
}

static bool walks(const struct asking *a)
{
	struct wardfs_topic topic = { .place = a->place, .window = a->window, .walk = true };
	u32 yes;

	if (!wardfs_answer_find(a->answers, &a->who, &topic, &yes)) {
		yes = ward_policy_walks(a->policy->blob, &a->who);
		wardfs_answer_keep(a->answers, &a->who, &topic, yes);
	}
	return yes;
}

/* What an access is refused with when no policy is in force. */
static int no_policy(const struct super_block *sb)
{
	return wardfs_unlocked(sb) ? -EACCES : wardfs_locked_error();
}

/* Why it was refused, for the report: by hours, or which rule was nearest to allowing it. */
static void tell_why(const struct asking *a, const struct ward_verdict *verdict,
		     struct wardfs_report *report)
{
	/* Any operation would have let him walk: the one that was asked about stands for all. */
	u32 left = report->action == WARD_ACTION_LOOKUP ? 0 : verdict->left;
	struct ward_nearest near;

	if (verdict->rule) {
		if (ward_rule_has(verdict->rule, WARD_COND_HOURS))
			report->reason = WARD_REASON_HOURS;
		return;
	}
	ward_policy_nearest(a->policy->blob, &a->who, left, &near);
	if (!near.rule)
		return;
	report->near = near.rule->name;
	report->lacks = near.lacks;
	if (near.lacks == 1U << WARD_COND_HOURS)
		report->reason = WARD_REASON_HOURS;
}

/**
 * struct charge - what is to be counted
 * @bursts: where
 * @use: for each limit
 * @over: the one that is used up
 */
struct charge {
	struct wardfs_bursts *bursts;
	struct wardfs_use use;
	const struct ward_burst *over;
};

/*
 * Whose limit it is. In a user namespace somebody has many user ids, and may take one after
 * the other: there it is that of who made it.
 */
static u32 limited_uid(const struct ward_actor *who)
{
	const struct user_namespace *ns = current_user_ns();

	if (ns == &init_user_ns)
		return who->fsuid;
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return from_kuid(&init_user_ns, ns->owner);
}

static bool charge(const struct ward_rule *r, const struct ward_burst *b, u32 nth, u32 ops,
		   void *arg)
{
	struct charge *c = arg;
	struct wardfs_use *use = &c->use;
	u32 changes = WARD_OP_WRITE | WARD_OP_RENAME | WARD_OP_DELETE;

	use->what = le32_to_cpu(b->what);
	if (!(ops & (use->what == WARD_BURST_CHANGES ? changes : WARD_OP_READ)) ||
	    (use->what == WARD_BURST_BYTES && !use->bytes))
		return true;
	use->rule = r->name;
	use->nth = nth;
	use->seconds = le32_to_cpu(b->seconds);
	use->most = le64_to_cpu(b->most);
	if (wardfs_burst_charge(c->bursts, use))
		return true;
	c->over = b;
	return false;
}

/* Counts what is allowed. Return: the rule whose limit is used up, with @limit, or NULL. */
static const struct ward_rule *over_limit(const struct asking *a, const struct inode *object,
					  u32 op, const struct ward_burst **limit)
{
	struct charge c = {
		.bursts = WARDFS_SB(object->i_sb)->bursts,
		.use = {
			.uid = limited_uid(&a->who),
			.inode = object->i_ino,
			.generation = object->i_generation,
			.bytes = a->bytes,
		},
	};
	const struct ward_rule *rule;

	rule = ward_policy_limits(a->policy->blob, &a->who, op, charge, &c);
	*limit = c.over;
	return rule;
}

/*
 * Decide, report, and say what the program gets. @recorded: operations that need
 * not be recorded again. Context: RCU read side, for the rule's name.
 */
static int judge(struct inode *inode, const struct asking *a, u32 op, enum ward_action action,
		 struct dentry *dentry, struct dentry *target, u32 recorded,
		 struct ward_verdict *verdict)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_report report = {
		.kind = WARD_KIND_VIOLATION,
		.action = action,
		.reason = WARD_REASON_POLICY,
		.inode = inode,
		.dentry = dentry,
		.dentry2 = target,
		.ops = op,
		/* What is renamed or linked is asked for that; where it leads, for the rest. */
		.at_target = target && !(op & (WARD_OP_RENAME | WARD_OP_LINK)),
		.block = WARDFS_NO_BLOCK,
	};

	memset(verdict, 0, sizeof(*verdict));
	if (a->answers && !(op & ~plainly_allowed(a))) {
		verdict->allow = true;
		return 0;
	}
	if (a->policy)
		ward_policy_decide(a->policy->blob, &a->who, op, verdict);
	if (verdict->allow && verdict->limited) {
		const struct inode *object = dentry ? d_inode_rcu(dentry) : NULL;
		const struct ward_rule *over = over_limit(a, object ?: inode, op, &report.limit);

		if (over) {
			verdict->allow = false;
			verdict->silent = le16_to_cpu(over->flags) & WARD_RULE_SILENT;
			verdict->rule = over;
			report.reason = WARD_REASON_BURST;
		}
	}
	if (verdict->rule && verdict->rule->name[0])
		report.rule = verdict->rule->name;
	if (verdict->allow) {
		if (verdict->record && op & ~recorded) {
			report.kind = WARD_KIND_AUDIT;
			wardfs_report(sbi, &report);
		}
		return 0;
	}
	if (!a->policy || !a->policy->traits.permissive)
		report.error = EACCES;
	if (report.error)
		atomic64_inc(&sbi->violations);
	if (!verdict->silent) {
		if (a->policy && report.reason == WARD_REASON_POLICY)
			tell_why(a, verdict, &report);
		wardfs_report(sbi, &report);
	}
	return -report.error;
}

/**
 * wardfs_policy_check - may current do this to an inode
 * @inode: the object, or the directory of an entry that is made or goes away
 * @op: WARD_OP_*; every one of them must be allowed
 * @action: what the event calls it
 * @dentry: the object, for its place and the event's path; NULL: any name of @inode
 * @target: the other one of a rename or link, for the event's second path; NULL for none.
 *	Where @op has neither in it, @dentry is where it leads, and this is what is moved
 *
 * A refusal is counted and reported; an access that a rule wants recorded is
 * reported too. A permissive policy reports what it would have refused.
 * Context: does not sleep.
 *
 * Return: 0; -EACCES; -ENOKEY when the vault is locked.
 */
int wardfs_policy_check(struct inode *inode, u32 op, enum ward_action action,
			struct dentry *dentry, struct dentry *target)
{
	struct ward_verdict verdict;
	struct asking a;
	int err;

	rcu_read_lock();
	ask(&a, inode, dentry);
	if (!a.policy && !wardfs_unlocked(inode->i_sb))
		err = wardfs_locked_error();
	else
		err = judge(inode, &a, op, action, dentry, target, 0, &verdict);
	rcu_read_unlock();
	return err;
}

/**
 * wardfs_policy_walk - may current pass through a directory
 * @dir: the directory, or a symlink
 * @rcu: in rcu-walk: do not report, fall back instead
 *
 * An allow on anything there, or further down, implies walking to it.
 * Context: does not sleep.
 *
 * Return: 0; -EACCES, reported; -ENOKEY when the vault is locked; with @rcu
 * -ECHILD for either.
 */
int wardfs_policy_walk(struct inode *dir, bool rcu)
{
	struct ward_verdict verdict;
	struct asking a;
	int err = 0;

	rcu_read_lock();
	ask(&a, dir, NULL);
	if (a.policy && walks(&a))
		goto unlock;
	err = -ECHILD;
	if (rcu)
		goto unlock;
	err = no_policy(dir->i_sb);
	/* Who has no right at all is refused any, so this finds the rule that says so. */
	if (err == -EACCES)
		err = judge(dir, &a, WARD_OP_LIST, WARD_ACTION_LOOKUP, NULL, NULL, 0, &verdict);
unlock:
	rcu_read_unlock();
	return err;
}

/**
 * wardfs_policy_allows - would current be allowed to do this, without a word
 * @inode: the object
 * @op: WARD_OP_*; every one of them must be allowed
 *
 * For what is left out rather than refused. Context: does not sleep; reports
 * nothing.
 *
 * Return: true when the policy in force allows it, or is permissive.
 */
bool wardfs_policy_allows(struct inode *inode, u32 op)
{
	struct asking a;
	bool allows;

	rcu_read_lock();
	ask(&a, inode, NULL);
	allows = a.policy && (a.policy->traits.permissive ||
			      !(op & ~ward_policy_allowed(a.policy->blob, &a.who, NULL)));
	rcu_read_unlock();
	return allows;
}

/**
 * wardfs_policy_boundary - is there a boundary between two entries
 * @sb: the vault's super block
 * @from: what gets another name
 * @to: that name
 *
 * Other rules hold beyond it, so what crosses it is to be copied, by somebody who may read
 * here and write there. Directories that a rule names, or that lead to one, stay where
 * they are: what lies in them would change its place. That holds for everybody, and under
 * a permissive policy, too: no place may change while it is remembered.
 * Context: inside the section in which it is renamed, so that wardfs_policy_settle()
 * waits for that.
 *
 * Return: 0 or -EXDEV.
 */
int wardfs_policy_boundary(struct super_block *sb, struct dentry *from, struct dentry *to)
{
	const struct wardfs_policy *policy;
	int err = 0;
	u32 a, b;

	rcu_read_lock();
	policy = rcu_dereference(WARDFS_SB(sb)->policy);
	if (!policy || !policy->traits.by_path)
		goto unlock;
	a = wardfs_place_dentry(policy, from);
	b = wardfs_place_dentry(policy, to);
	if (ward_place_group(&policy->places, a) != ward_place_group(&policy->places, b) ||
	    (d_is_dir(from) && !(a & b & WARD_PLACE_BELOW)))
		err = -EXDEV;
unlock:
	rcu_read_unlock();
	return err;
}

/**
 * wardfs_policy_moved - a directory was found, perhaps elsewhere than it was known to be
 * @inode: the directory
 * @dentry: where it was found
 *
 * Somebody may have moved it below, and what lies in it along with it.
 * Context: does not sleep.
 */
void wardfs_policy_moved(struct inode *inode, struct dentry *dentry)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_policy *policy;

	rcu_read_lock();
	policy = rcu_dereference(sbi->policy);
	if (policy && policy->traits.by_path && wardfs_place_moved(policy, inode, dentry)) {
		atomic64_set(&policy->tag, wardfs_place_tag());
		wardfs_policy_bump(sbi);
	}
	rcu_read_unlock();
}

/* ---- verdicts of open files ------------------------------------------------------ */

/*
 * Is what @v remembers about current? It holds for the credentials that the file
 * was opened with and for one login user: another task can have the same
 * credentials with another login user. An exec makes credentials, and so does a fork: a
 * process that has them for its own runs the same program as then. Kernel threads
 * and others that borrow credentials are judged each time.
 */
static bool verdict_mine(struct wardfs_verdict *v, const struct file *file, bool claim)
{
	kuid_t login = audit_get_loginuid(current);

	if (current_cred() != file->f_cred || current_cred() != current_real_cred() ||
	    current->flags & PF_KTHREAD)
		return false;
	if (claim && atomic_read(&v->claim) == CLAIM_NONE &&
	    atomic_cmpxchg(&v->claim, CLAIM_NONE, CLAIM_MAKING) == CLAIM_NONE) {
		v->loginuid = login;
		/* Pairs with the acquire below: the number before what it stands for. */
		atomic_set_release(&v->claim, CLAIM_MADE);
	}
	return atomic_read_acquire(&v->claim) == CLAIM_MADE && uid_eq(v->loginuid, login);
}

static struct wardfs_verdict *file_verdict(const struct file *file)
{
	return &((struct wardfs_file *)file->private_data)->verdict;
}

/* Have hours not come to a change that is not known yet? */
static bool hours_hold_on(const struct wardfs_sb *sbi)
{
	u64 until = READ_ONCE(sbi->policy_until);

	return until == WARD_NEVER || ktime_get_real_seconds() < until;
}

static inline bool remembered(const struct file *file, u32 op)
{
	struct wardfs_sb *sbi = WARDFS_SB(file_inode(file)->i_sb);
	u64 generation = wardfs_policy_generation(sbi);
	struct wardfs_verdict *v = file_verdict(file);
	u64 word;

	if (!verdict_mine(v, file, false) || !hours_hold_on(sbi))
		return false;
	word = atomic64_read(&v->word);
	return word >> VERDICT_SHIFT == generation && !(op & ~word);
}

/**
 * wardfs_policy_cached - is it remembered that current may do this
 * @file: an open file or directory of ours
 * @op: WARD_OP_*
 *
 * Context: does not sleep; asks nobody and reports nothing.
 *
 * Return: true when it is; false says nothing.
 */
bool wardfs_policy_cached(const struct file *file, u32 op)
{
	return remembered(file, op);
}

/* Apart, so that who is remembered pays for none of it: kernels clear what is on the stack. */
static noinline int ask_anew(struct file *file, u32 op, enum ward_action action, u64 bytes)
{
	struct inode *inode = file_inode(file);
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_verdict *v = file_verdict(file);
	struct ward_verdict verdict = { .allow = false };
	u64 generation, word, keep;
	struct asking a;
	u32 recorded = 0;
	bool mine;
	int err;

	BUILD_BUG_ON(WARD_OP_ALL >> RECORDED_SHIFT);
	/* Before the policy is looked at: a verdict must not look newer than it is. */
	generation = wardfs_policy_generation(sbi);
	mine = verdict_mine(v, file, true);
	word = atomic64_read(&v->word);
	/* What was recorded once, under whatever policy, is on record. */
	if (mine)
		recorded = word >> RECORDED_SHIFT & WARD_OP_ALL;
	rcu_read_lock();
	ask(&a, inode, file_dentry(file));
	a.bytes = bytes;
	if (!a.policy && !wardfs_unlocked(inode->i_sb))
		err = wardfs_locked_error();
	else
		err = judge(inode, &a, op, action, file_dentry(file), NULL, recorded, &verdict);
	rcu_read_unlock();
	if (!verdict.allow || !mine)
		return err;
	if (verdict.record)
		recorded |= op;
	/* Two who write at once lose one's bits, which are found again when asked for. */
	keep = word >> VERDICT_SHIFT == generation ? word & WARD_OP_ALL : 0;
	keep |= op & ~verdict.limited;		/* what is limited is counted each time */
	atomic64_set(&v->word, generation << VERDICT_SHIFT | recorded << RECORDED_SHIFT | keep);
	return err;
}

/**
 * wardfs_policy_check_file - may current do this with an open file
 * @file: an open file or directory of ours
 * @op: WARD_OP_*; every one of them must be allowed
 * @action: what the event calls it
 * @bytes: that are read so, for limits
 *
 * Asked at each read, write, listing and fault. What is allowed is remembered, so
 * the next time costs a few comparisons; see struct wardfs_verdict.
 * Context: does not sleep.
 *
 * Return: 0; -EACCES, reported; -ENOKEY when the vault is locked.
 */
int wardfs_policy_check_file(struct file *file, u32 op, enum ward_action action, u64 bytes)
{
	return remembered(file, op) ? 0 : ask_anew(file, op, action, bytes);
}
