// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reporting: what happened, who did it, with what and to what, as the netlink
 * attributes that docs/netlink/ward.yaml specifies. Never sleeps, needs no memory
 * and cannot fail, so that it never delays or breaks what is being reported.
 */
#include <linux/audit.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/kdev_t.h>
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <net/netlink.h>
#include "wardfs.h"
#include "ring.h"
#include "compat/task.h"

/**
 * struct body - the attributes of an event while they are gathered
 * @lock: of this CPU's
 * @len: bytes so far
 * @data: netlink attributes
 */
struct body {
	local_lock_t lock;
	u32 len;
	u8 data[WARDFS_BODY_MAX] __aligned(NLA_ALIGNTO);
};

static struct body __percpu *bodies;

/* ---- attributes ------------------------------------------------------------------ */

static void put(struct body *b, enum ward_attr type, const void *data, size_t len)
{
	struct nlattr *nla = (struct nlattr *)(b->data + b->len);

	if (WARN_ON_ONCE(nla_total_size(len) > sizeof(b->data) - b->len))
		return;
	nla->nla_type = type;
	nla->nla_len = nla_attr_size(len);
	memmove(nla_data(nla), data, len);
	memset(nla_data(nla) + len, 0, nla_padlen(len));
	b->len += nla_total_size(len);
}

static void put_u32(struct body *b, enum ward_attr type, u32 value)
{
	put(b, type, &value, sizeof(value));
}

static void put_u64(struct body *b, enum ward_attr type, u64 value)
{
	put(b, type, &value, sizeof(value));
}

/* Text with its NUL; nothing for NULL or "". Our texts are short, but look anyway. */
static void put_text(struct body *b, enum ward_attr type, const char *text)
{
	char buf[128];

	if (!text || !*text)
		return;
	if (strscpy(buf, text, sizeof(buf)) < 0)
		memcpy(buf + sizeof(buf) - 4, "...", 4);
	put(b, type, buf, strlen(buf) + 1);
}

/*
 * Where a path can be made: behind the next attribute's header. There is always
 * room for the paths that come; see WARDFS_BODY_MAX.
 */
static char *path_room(struct body *b, size_t *room)
{
	*room = min_t(size_t, PATH_MAX, sizeof(b->data) - b->len - NLA_HDRLEN);
	return (char *)b->data + b->len + NLA_HDRLEN;
}

static void put_path(struct body *b, enum ward_attr type, const char *path)
{
	if (!IS_ERR_OR_NULL(path))
		put(b, type, path, strlen(path));
}

/* Relative to the vault's root, whatever is mounted where. */
static void put_dentry(struct body *b, enum ward_attr type, struct dentry *dentry)
{
	size_t room;
	char *buf = path_room(b, &room);

	put_path(b, type, dentry_path_raw(dentry, buf, room));
}

/*
 * By any name that the inode has. No reference is taken, because putting it could
 * sleep: dentries are freed after a grace period, and so are their parents.
 */
static void put_inode(struct body *b, enum ward_attr type, struct inode *inode)
{
	struct dentry *dentry;

	rcu_read_lock();
	spin_lock(&inode->i_lock);
	dentry = hlist_entry_safe(inode->i_dentry.first, struct dentry, d_u.d_alias);
	spin_unlock(&inode->i_lock);
	/* Only who is making the inode can see it then, and holds the entry. */
	if (!dentry)
		dentry = READ_ONCE(WARDFS_I(inode)->entry);
	if (dentry)
		put_dentry(b, type, dentry);
	else
		put_path(b, type, wardfs_check_name(WARDFS_SB(inode->i_sb)));
	rcu_read_unlock();
}

/* ---- who ----------------------------------------------------------------------- */

/*
 * Which file was executed, as rules know it: noted at exec, and handed on over fork. What the
 * kernel calls the executable is the same file, unless the process exchanged it (prctl).
 */
static void put_program(struct body *b, struct inode *exe)
{
	struct ward_program_id noted, now = { 0 };

	if (!wardfs_program_current(&noted) || !noted.kind) {
		put_u32(b, WARD_A_EVENT_EXE_DOUBT, WARD_EXE_UNKNOWN);
		return;
	}
	if (exe)
		wardfs_program_id(exe, false, &now);
	put(b, WARD_A_PROGRAM_ID, &noted, sizeof(noted));
	/*
	 * At the end of a process it is gone; in the middle of an exec it is ahead of the note:
	 * of this task alone, for another thread may begin one only to hide something.
	 */
	if (!exe || current->in_execve)
		return;
	if (!memcmp(&noted, &now, sizeof(now))) {
		put_u32(b, WARD_A_EVENT_EXE_DEV, new_encode_dev(exe->i_sb->s_dev));
		put_u64(b, WARD_A_EVENT_EXE_INODE, exe->i_ino);
		return;
	}
	put_u32(b, WARD_A_EVENT_EXE_DOUBT, WARD_EXE_EXCHANGED);
	if (noted.kind == cpu_to_le32(WARD_PROGRAM_DEVICE))
		put_u32(b, WARD_A_EVENT_EXE_DEV, le32_to_cpu(noted.dev));
	put_u64(b, WARD_A_EVENT_EXE_INODE, le64_to_cpu(noted.inode));
}

/*
 * The path is of what the process lets the kernel call its executable, and as its own root and
 * mounts show that, which it may have arranged, too.
 */
static void put_exe(struct body *b)
{
	struct file *exe = wardfs_current_exe();
	size_t room;
	char *buf;

	put_program(b, exe ? file_inode(exe) : NULL);
	if (!exe)
		return;
	/* A task that is exiting has given its root back, which d_path() needs. */
	if (current->fs) {
		buf = path_room(b, &room);
		put_path(b, WARD_A_EVENT_EXE, d_path(&exe->f_path, buf, room));
	}
	fput(exe);
}

/*
 * Which service or session it belongs to: systemd has a cgroup for each. What users may make
 * below theirs stands behind, so when it is too long the beginning is kept.
 */
static void put_cgroup(struct body *b)
{
	char path[WARDFS_CGROUP_MAX];

	wardfs_current_cgroup(path, sizeof(path));
	if (path[0] && strcmp(path, "/"))
		put_path(b, WARD_A_EVENT_CGROUP, path);
}

/* What files are accessed with, and rules are asked about: setfsuid() and its like part the two. */
static void put_effective(struct body *b)
{
	put_u32(b, WARD_A_EVENT_EUID, from_kuid(&init_user_ns, current_fsuid()));
	put_u32(b, WARD_A_EVENT_EGID, from_kgid(&init_user_ns, current_fsgid()));
}

static void put_comm(struct body *b)
{
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, current);
	put(b, WARD_A_EVENT_COMM, comm, strnlen(comm, sizeof(comm)));
}

/*
 * A kernel thread is no user, whatever its own credentials say; but a server that puts on others
 * acts for whom they are of, root included. Its name is who it is: nobody gives it another one, so
 * what several threads of a server do may be folded under that name.
 */
static void put_who(struct body *b)
{
	kuid_t login = audit_get_loginuid(current);
	unsigned int session = audit_get_sessionid(current);

	if (current->flags & PF_KTHREAD) {
		put_comm(b);
		if (current_cred() != current_real_cred() ||
		    !uid_eq(current_fsuid(), GLOBAL_ROOT_UID))
			put_effective(b);
		return;
	}
	put_u32(b, WARD_A_EVENT_UID, from_kuid(&init_user_ns, current_uid()));
	put_effective(b);
	put_u32(b, WARD_A_EVENT_GID, from_kgid(&init_user_ns, current_gid()));
	if (uid_valid(login))
		put_u32(b, WARD_A_EVENT_LOGINUID, from_kuid(&init_user_ns, login));
	if (session != AUDIT_SID_UNSET)
		put_u32(b, WARD_A_EVENT_SESSION, session);
	put_cgroup(b);
	put_exe(b);
}

static void put_process(struct body *b)
{
	put_u32(b, WARD_A_EVENT_PID, task_tgid_nr(current));
	rcu_read_lock();
	put_u32(b, WARD_A_EVENT_PPID, task_tgid_nr(rcu_dereference(current->real_parent)));
	rcu_read_unlock();
	if (!(current->flags & PF_KTHREAD))
		put_comm(b);
}

/* ---- what -------------------------------------------------------------------------- */

static void put_vault(struct body *b, const struct wardfs_sb *sbi)
{
	put(b, WARD_A_VAULT_ID, sbi->uuid, sizeof(sbi->uuid));
	put_text(b, WARD_A_VAULT_NAME, sbi->name);
	if (sbi->sb)
		put_u32(b, WARD_A_VAULT_DEV, new_encode_dev(sbi->sb->s_dev));
}

static void put_object(struct body *b, const struct wardfs_report *r)
{
	/* The first path is what is moved, whichever of the two it was about. */
	struct dentry *dentry = r->at_target ? r->dentry2 : r->dentry;
	struct dentry *target = r->at_target ? r->dentry : r->dentry2;
	/* With an entry @r->inode may be its directory; an entry to be made has none. */
	struct inode *inode = dentry ? d_inode_rcu(dentry) : r->inode;

	if (inode)
		put_u64(b, WARD_A_EVENT_INODE, inode->i_ino);
	if (r->block != WARDFS_NO_BLOCK)
		put_u64(b, WARD_A_EVENT_BLOCK, r->block);
	if (dentry)
		put_dentry(b, WARD_A_EVENT_PATH, dentry);
	else if (r->inode)
		put_inode(b, WARD_A_EVENT_PATH, r->inode);
	if (!target)
		return;
	put_dentry(b, WARD_A_EVENT_PATH2, target);
	put_u32(b, WARD_A_EVENT_PLACE, r->at_target ? WARD_AT_TARGET : WARD_AT_SOURCE);
	put_u32(b, WARD_A_EVENT_OPS, r->ops);
}

/* Events that a loop can make without end, and that a person need not see each of. */
static bool folds(enum ward_event_kind kind)
{
	return kind == WARD_KIND_VIOLATION || kind == WARD_KIND_AUDIT || kind == WARD_KIND_TAMPER;
}

/**
 * wardfs_report - report an event
 * @sbi: the vault
 * @report: what happened; current is who did it
 *
 * Context: any but interrupts, spinlocks may be held (not inode->i_lock of
 * @report's inode, nor those of its dentries); does not sleep and cannot fail.
 */
void wardfs_report(struct wardfs_sb *sbi, const struct wardfs_report *report)
{
	struct body *b;
	u32 common;

	local_lock(&bodies->lock);
	b = this_cpu_ptr(bodies);
	b->len = 0;
	put_u32(b, WARD_A_EVENT_KIND, report->kind);
	put_u32(b, WARD_A_EVENT_ACTION, report->action);
	put_u32(b, WARD_A_EVENT_REASON, report->reason);
	put_u32(b, WARD_A_EVENT_ERRNO, report->error);
	put_vault(b, sbi);
	put_text(b, WARD_A_EVENT_RULE, report->rule);
	put_text(b, WARD_A_EVENT_NEAR, report->near);
	if (report->lacks)
		put_u32(b, WARD_A_EVENT_LACKS, report->lacks);
	put_text(b, WARD_A_EVENT_DETAIL, report->detail);
	if (report->limit)
		put(b, WARD_A_EVENT_LIMIT, report->limit, sizeof(*report->limit));
	put_who(b);
	put_object(b, report);
	common = b->len;
	put_process(b);
	wardfs_ring_add(sbi->uuid, b->data, common, b->len - common, folds(report->kind));
	local_unlock(&bodies->lock);
}

/**
 * wardfs_report_locked - somebody wanted something of a locked vault
 * @inode: the object, or the directory of an entry
 * @dentry: for the event's path; NULL: any name of @inode
 * @action: what the event calls it
 *
 * Counts as a violation. Context: see wardfs_report().
 */
void wardfs_report_locked(struct inode *inode, struct dentry *dentry, enum ward_action action)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_report report = {
		.kind = WARD_KIND_VIOLATION,
		.action = action,
		.reason = WARD_REASON_LOCKED,
		.error = ENOKEY,
		.inode = inode,
		.dentry = dentry,
		.block = WARDFS_NO_BLOCK,
	};

	atomic64_inc(&sbi->violations);
	wardfs_report(sbi, &report);
}

/**
 * wardfs_report_tamper - something below does not authenticate
 * @inode: the object, or the directory of a name
 * @dentry: for the event's path; NULL: any name of @inode
 * @block: the bad block, or WARDFS_NO_BLOCK
 * @detail: a fixed text that says what is wrong
 *
 * Context: see wardfs_report().
 */
void wardfs_report_tamper(struct inode *inode, struct dentry *dentry, u64 block,
			  const char *detail)
{
	struct wardfs_sb *sbi = WARDFS_SB(inode->i_sb);
	struct wardfs_report report = {
		.kind = WARD_KIND_TAMPER,
		.action = WARD_ACTION_TAMPER,
		.reason = WARD_REASON_INTEGRITY,
		.error = EIO,
		.inode = inode,
		.dentry = dentry,
		.block = block,
		.detail = detail,
	};

	atomic64_inc(&sbi->tampers);
	wardfs_report(sbi, &report);
}

/**
 * wardfs_event_init - make ready for reporting
 *
 * Return: 0 or -ENOMEM.
 */
int wardfs_event_init(void)
{
	int cpu, err;

	bodies = alloc_percpu(struct body);
	if (!bodies)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		local_lock_init(&per_cpu_ptr(bodies, cpu)->lock);
	err = wardfs_ring_init();
	if (err)
		free_percpu(bodies);
	return err;
}

/**
 * wardfs_event_exit - the end of reporting
 *
 * Nobody reports or reads any more.
 */
void wardfs_event_exit(void)
{
	wardfs_ring_exit();
	free_percpu(bodies);
}
