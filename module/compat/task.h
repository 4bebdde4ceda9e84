/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: what runs in them, and what the kernel tells of their ends. */
#ifndef WARDFS_COMPAT_TASK_H
#define WARDFS_COMPAT_TASK_H

#include <linux/version.h>
#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm_types.h>
#include <linux/sched.h>

/* A probe of the tracepoint sched_process_exit. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define WARDFS_EXIT_PROBE(name, task)	name(void *data, task, bool group_dead)
#else
#define WARDFS_EXIT_PROBE(name, task)	name(void *data, task)
#endif

/*
 * The caller's executable with a reference, or NULL: get_task_exe_file() is not exported
 * everywhere. Does not sleep.
 */
static inline struct file *wardfs_current_exe(void)
{
	struct mm_struct *mm = current->mm;
	struct file *file;

	if (!mm || current->flags & PF_KTHREAD)
		return NULL;
	rcu_read_lock();
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	file = get_file_rcu(&mm->exe_file);
#else
	file = rcu_dereference(mm->exe_file);
	if (file && !get_file_rcu(file))
		file = NULL;
#endif
	rcu_read_unlock();
	return file;
}

/*
 * The caller's cgroup in the unified hierarchy, as seen from its root, cut off where @buf ends;
 * "" where the kernel has none. Does not sleep.
 */
static inline void wardfs_current_cgroup(char *buf, size_t len)
{
	buf[0] = 0;
#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	/* What a path that is too long returns differs; as much as fits is there. */
	cgroup_path(task_dfl_cgroup(current), buf, len);
	rcu_read_unlock();
#endif
}

#endif
