// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which program a process runs: the file that was executed, noted when it was.
 *
 * What a process says of itself (its name, its command line, mm->exe_file, which
 * prctl() exchanges) is worth nothing. So the module notes at each exec, by the
 * kernel's tracepoints, which file was executed: for a script its interpreter, as the
 * kernel executes that. A fork hands it on. What ran before the module was loaded is not
 * known, nor is what there was no memory for: rules.c knows what to make of that.
 *
 * The probes run with preemption off, and must not sleep.
 */
#include <linux/binfmts.h>
#include <linux/fs_struct.h>
#include <linux/hash.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/user_namespace.h>
#include <linux/uuid.h>
#include "wardfs.h"
#include "ring.h"
#include "compat/export.h"
#include "compat/task.h"

#define TABLE_BITS	12

/**
 * struct running - what a process runs; immutable, freed through RCU
 * @node: in its bucket
 * @rcu: for freeing
 * @process: the thread group; noted from its beginning (or exec) to its end, so the
 *	pointer means no other one
 * @id: the file
 */
struct running {
	struct hlist_node node;
	struct rcu_head rcu;
	const struct pid *process;
	struct ward_program_id id;
};

/**
 * struct bucket - some processes
 * @lock: of @list
 * @list: of struct running; RCU
 */
struct bucket {
	spinlock_t lock;	/* of changes */
	struct hlist_head list;
};

static struct bucket *table;

static struct bucket *bucket_of(const struct pid *process)
{
	return &table[hash_ptr((void *)process, TABLE_BITS)];
}

/* Under RCU, or with the bucket's lock held. */
static struct running *find(struct bucket *b, const struct pid *process)
{
	struct running *r;

	hlist_for_each_entry_rcu(r, &b->list, node, lockdep_is_held(&b->lock))
		if (r->process == process)
			return r;
	return NULL;
}

/* From now on @process runs this, or NULL: nobody knows what. */
static void note(const struct pid *process, const struct ward_program_id *id)
{
	struct bucket *b = bucket_of(process);
	struct running *fresh = NULL, *old;

	if (id)
		fresh = kmalloc(sizeof(*fresh), GFP_ATOMIC | __GFP_NOWARN);
	spin_lock(&b->lock);
	old = find(b, process);
	if (old)
		hlist_del_rcu(&old->node);
	if (fresh) {
		fresh->process = process;
		fresh->id = *id;
		hlist_add_head_rcu(&fresh->node, &b->list);
	}
	spin_unlock(&b->lock);
	if (old)
		kfree_rcu(old, rcu);
}

/* ---- which file it is ------------------------------------------------------------ */

#define KNOWN_MAX	64

/**
 * struct known - which file system a UUID stands for
 * @uuid: the UUID
 * @dev: the device number of the file system
 * @trusted: root said so
 */
struct known {
	uuid_t uuid;
	dev_t dev;
	bool trusted;
};

/*
 * Anybody who sits at a machine may be let mount a stick or an image, and write any UUID,
 * inode number and generation into it beforehand. So of several file systems with one UUID
 * only the first that something was executed from is the one that is meant, or the one
 * that root named a program on.
 */
static struct known known[KNOWN_MAX];
static unsigned int known_count;
static DEFINE_SPINLOCK(known_lock);		/* of both */

/* Room for one more, or NULL. What root said is forgotten for nobody but root. */
static struct known *known_room(bool trusted)
{
	static unsigned int turn;
	unsigned int i;

	if (known_count < KNOWN_MAX)
		return &known[known_count++];
	if (!trusted)
		return NULL;
	for (i = 0; i < KNOWN_MAX; i++)
		if (!known[i].trusted)
			return &known[i];
	return &known[turn++ % KNOWN_MAX];
}

/* Is this the file system that its UUID stands for? @trusted: it is from now on. */
static bool is_meant(const struct super_block *sb, bool trusted)
{
	struct known *k;
	bool meant;

	/* Only root mounts vaults, and what a vault's UUID stands for is proven by its key. */
	if (sb->s_type == &wardfs_type)
		return true;
	spin_lock(&known_lock);
	for (k = known; k < known + known_count; k++)
		if (uuid_equal(&k->uuid, &sb->s_uuid))
			break;
	if (k == known + known_count) {
		k = known_room(trusted);
		if (k)
			*k = (struct known){ .uuid = sb->s_uuid, .dev = sb->s_dev };
	}
	if (k && trusted) {
		k->dev = sb->s_dev;
		k->trusted = true;
	}
	meant = k && k->dev == sb->s_dev;
	spin_unlock(&known_lock);
	return meant;
}

/*
 * The number of the btrfs subvolume that an inode is in: each has inode numbers of its own, and
 * whoever may make subvolumes chooses among them. It is in file handles: struct btrfs_fid.
 * Return: 0 for one that is too large to be told.
 */
static u32 subvolume(struct inode *inode)
{
	struct {
		__u64 object;
		__u64 root;
		__u32 generation;
	} __packed fid;
	int words = sizeof(fid) / sizeof(__u32);

	if (compat_encode_inode_fh(inode, (struct fid *)&fid, &words, NULL) !=
	    FILEID_BTRFS_WITHOUT_PARENT || fid.root > U32_MAX)
		return 0;
	return fid.root;
}

/**
 * wardfs_program_id - what makes a file the program that a rule names
 * @inode: of the file
 * @trusted: root says that the file system is the one that is meant by its UUID
 * @id: filled in; its kind is 0 for one that no rule can name
 *
 * The file system is known by its UUID, or, if it has none, by its device number: that is
 * another one after the next boot, so it counts for this load of the module only. What
 * somebody mounted in a user namespace of his own may show any UUID and any inode numbers,
 * and so may a process behind FUSE: nothing there is a program that a rule could name.
 *
 * Context: does not sleep.
 */
void wardfs_program_id(struct inode *inode, bool trusted, struct ward_program_id *id)
{
	const struct super_block *sb = inode->i_sb;
	u32 tree = 0;

	memset(id, 0, sizeof(*id));
	if (sb->s_user_ns != &init_user_ns || sb->s_magic == FUSE_SUPER_MAGIC)
		return;
	if (!uuid_is_null(&sb->s_uuid) && !is_meant(sb, trusted))
		return;
	if (sb->s_magic == BTRFS_SUPER_MAGIC) {
		tree = subvolume(inode);
		if (!tree)
			return;
	}
	id->generation = cpu_to_le32(inode->i_generation);
	id->inode = cpu_to_le64(inode->i_ino);
	if (!uuid_is_null(&sb->s_uuid)) {
		id->kind = cpu_to_le32(tree ? WARD_PROGRAM_SUBVOLUME : WARD_PROGRAM_UUID);
		id->dev = cpu_to_le32(tree);
		memcpy(id->fs, &sb->s_uuid, sizeof(id->fs));
	} else {
		id->kind = cpu_to_le32(WARD_PROGRAM_DEVICE);
		memcpy(id->fs, wardfs_ring_load_id(), sizeof(id->fs));
		id->dev = cpu_to_le32(new_encode_dev(sb->s_dev));
	}
}

/**
 * wardfs_program_current - what does the calling process run
 * @id: filled in when that is known
 *
 * Context: does not sleep.
 *
 * Return: whether it is.
 */
bool wardfs_program_current(struct ward_program_id *id)
{
	const struct pid *process = task_tgid(current);
	struct running *r;

	rcu_read_lock();
	r = find(bucket_of(process), process);
	if (r)
		*id = r->id;
	rcu_read_unlock();
	return r;
}

/* ---- what the kernel tells ----------------------------------------------------- */

static void executed(void *data, struct task_struct *task, pid_t old_pid,
		     struct linux_binprm *bprm)
{
	struct ward_program_id id;

	wardfs_program_id(file_inode(bprm->file), false, &id);
	note(task_tgid(task), &id);
}

/* A new process, which has not run yet. Threads are none. */
static void forked(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct ward_program_id id;
	struct running *r;

	if (task_tgid(child) == task_tgid(parent))
		return;
	rcu_read_lock();
	r = find(bucket_of(task_tgid(parent)), task_tgid(parent));
	if (r)
		id = r->id;
	rcu_read_unlock();
	note(task_tgid(child), r ? &id : NULL);
}

/* The last thread of a process is the one that finds none alive, itself included. */
static void WARDFS_EXIT_PROBE(exited, struct task_struct *task)
{
	if (!atomic_read(&task->signal->live))
		note(task_tgid(task), NULL);
}

/**
 * struct probe - something that the kernel tells
 * @name: of the tracepoint
 * @fn: who is told
 * @point: found by its name
 * @on: it is being told
 */
static struct probe {
	const char *name;
	void *fn;
	struct tracepoint *point;
	bool on;
} probes[] = {
	/* In this order: what is noted is also forgotten. */
	{ .name = "sched_process_exit", .fn = exited },
	{ .name = "sched_process_fork", .fn = forked },
	{ .name = "sched_process_exec", .fn = executed },
};

/* Tracepoints are not exported by name. */
static void match(struct tracepoint *point, void *arg)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(point->name, probes[i].name))
			probes[i].point = point;
}

static void stop(void)
{
	size_t i;

	for (i = ARRAY_SIZE(probes); i-- > 0; ) {
		if (probes[i].on)
			tracepoint_probe_unregister(probes[i].point, probes[i].fn, NULL);
		probes[i].on = false;
	}
	tracepoint_synchronize_unregister();
}

static int start(void)
{
	size_t i;
	int err;

	for_each_kernel_tracepoint(match, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = probes[i].point ? tracepoint_probe_register(probes[i].point, probes[i].fn,
								  NULL) : -ENOENT;
		if (err) {
			pr_err("wardfs: the kernel does not tell of %s (error %d)\n",
			       probes[i].name, err);
			stop();
			return err;
		}
		probes[i].on = true;
	}
	return 0;
}

/**
 * wardfs_program_init - note what is executed from now on
 *
 * Return: 0, -ENOMEM, or -ENOENT when the kernel has no tracepoints.
 */
int wardfs_program_init(void)
{
	struct path root;
	size_t i;
	int err;

	table = kvmalloc_array(1 << TABLE_BITS, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < 1 << TABLE_BITS; i++) {
		spin_lock_init(&table[i].lock);
		INIT_HLIST_HEAD(&table[i].list);
	}
	/* Where root loads the module from, before anybody else can be the first. */
	get_fs_root(current->fs, &root);
	if (!uuid_is_null(&root.dentry->d_sb->s_uuid))
		is_meant(root.dentry->d_sb, true);
	path_put(&root);
	err = start();
	if (err)
		kvfree(table);
	return err;
}

/**
 * wardfs_program_exit - the end of that
 *
 * Nobody asks any more.
 */
void wardfs_program_exit(void)
{
	struct hlist_node *next;
	struct running *r;
	size_t i;

	stop();
	for (i = 0; i < 1 << TABLE_BITS; i++)
		hlist_for_each_entry_safe(r, next, &table[i].list, node)
			kfree(r);
	kvfree(table);
}
