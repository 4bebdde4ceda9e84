/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks of a whole open file, as flock(2) takes them: struct file_lock changed in 6.9. */
#ifndef WARDFS_COMPAT_LOCK_H
#define WARDFS_COMPAT_LOCK_H

#include <linux/version.h>
#include <linux/fs.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <linux/filelock.h>
#endif

/* Do other machines see the lock? */
static inline bool compat_flock_is_far(const struct file *file)
{
	return file->f_op->flock;
}

/* Does not wait: -EAGAIN. */
static inline int compat_flock_far(struct file *file, int type)
{
	struct file_lock *fl = locks_alloc_lock();
	int err;

	if (!fl)
		return -ENOMEM;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	fl->c.flc_file = file;
	fl->c.flc_owner = file;
	fl->c.flc_pid = current->tgid;
	fl->c.flc_flags = FL_FLOCK;
	fl->c.flc_type = type;
#else
	fl->fl_file = file;
	fl->fl_owner = file;
	fl->fl_pid = current->tgid;
	fl->fl_flags = FL_FLOCK;
	fl->fl_type = type;
#endif
	fl->fl_end = OFFSET_MAX;
	err = file->f_op->flock(file, F_SETLK, fl);
	locks_free_lock(fl);
	return err;
}

#endif
