// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files. Each read, write, mapping and fault asks again whether the vault is
 * unlocked and the policy still allows it: an open file is no right by itself.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/falloc.h>
#include <linux/completion.h>
#include <linux/workqueue.h>
#include <linux/pagemap.h>
#include "wardfs.h"
#include "compat/splice.h"

/*
 * Paths are asked of file_dentry(): a file that overlayfs has opened here has
 * overlayfs's own in f_path.
 *
 * May this access go on? Reports a refusal. Without a section: what touches the data takes
 * one of its own, and locking wipes the pages. @bytes: that are read.
 */
static int check_bytes(struct file *file, u32 op, enum ward_action action, u64 bytes)
{
	struct inode *inode = file_inode(file);

	if (!wardfs_unlocked(inode->i_sb)) {
		wardfs_report_locked(inode, file_dentry(file), action);
		return wardfs_locked_error();
	}
	return wardfs_policy_check_file(file, op, action, bytes);
}

static int check_access(struct file *file, u32 op, enum ward_action action)
{
	return check_bytes(file, op, action, 0);
}

/* So much is read at most; where limits count bytes, they count as read. */
static int check_read(struct file *file, loff_t pos, size_t len)
{
	loff_t left = i_size_read(file_inode(file)) - pos;

	return check_bytes(file, WARD_OP_READ, WARD_ACTION_READ,
			   left > 0 ? min_t(u64, left, len) : 0);
}

static int wardfs_open(struct inode *inode, struct file *file)
{
	/* Access mode 3 opens for ioctls alone, and takes both rights elsewhere, too. */
	bool both = (file->f_flags & O_ACCMODE) == O_ACCMODE;
	bool reads = file->f_mode & FMODE_READ || both;
	/* O_TRUNC writes, whatever the file is opened for. */
	bool writes = file->f_mode & FMODE_WRITE || both || file->f_flags & O_TRUNC;
	struct wardfs_file *wf;
	int idx, err;

	if (!wardfs_unlocked(inode->i_sb)) {
		wardfs_report_locked(inode, file_dentry(file), writes ?
				     WARD_ACTION_OPEN_WRITE : WARD_ACTION_OPEN_READ);
		return wardfs_locked_error();
	}
	wf = kzalloc(sizeof(*wf), GFP_KERNEL_ACCOUNT);
	if (!wf)
		return -ENOMEM;
	file->private_data = wf;
	err = 0;
	if (file->f_flags & __FMODE_EXEC)
		err = check_access(file, WARD_OP_EXECUTE, WARD_ACTION_EXECUTE);
	else if (reads)
		err = check_access(file, WARD_OP_READ, WARD_ACTION_OPEN_READ);
	/* One that was just created by this open was allowed as that. */
	if (!err && writes && !(file->f_mode & FMODE_CREATED))
		err = check_access(file, WARD_OP_WRITE, WARD_ACTION_OPEN_WRITE);
	if (err)
		goto free;
	idx = wardfs_enter(inode->i_sb);
	err = idx;
	if (idx < 0)
		goto free;
	err = wardfs_data_get(inode);
	if (!err && file->f_mode & FMODE_WRITE && WARDFS_I(inode)->data.lower_rdonly) {
		wardfs_data_put(inode);
		err = -EPERM;		/* immutable, or the lower is read-only */
	}
	wardfs_exit(inode->i_sb, idx);
	if (err)
		goto free;
	/* What is cached is read without waiting; everything else says EAGAIN. */
	file->f_mode |= FMODE_NOWAIT;
	return 0;
free:
	kfree(wf);
	file->private_data = NULL;
	return err;
}

/*
 * A lower file system that has something to do at each close, such as NFS, learns
 * only there from its server that a disk is full. Ours is kept open longer: so it is
 * asked like this, and also tells what it met while attributes were set.
 */
static int flush_lower(struct inode *inode)
{
	struct wardfs_data *d = &WARDFS_I(inode)->data;

	if (!d->lower_file || d->lower_rdonly || !d->lower_file->f_op->flush)
		return 0;
	return wardfs_lower_sync(inode, 0, LLONG_MAX, 0);
}

/*
 * Every close of a file that was open for writing brings it below, so that a
 * full disk or quota reaches the program that wrote.
 */
static int wardfs_flush(struct file *file, fl_owner_t id)
{
	errseq_t since = READ_ONCE(file->f_wb_err);
	struct inode *inode = file_inode(file);
	int err, err2;

	if (!(file->f_mode & FMODE_WRITE))
		return 0;
	err = wardfs_data_write_out(inode);
	wardfs_data_fill_up(inode);
	err2 = flush_lower(inode);
	if (!err)
		err = err2;
	/*
	 * What write-back met since it was opened. A later fsync() is to tell it, too; but not
	 * the close of somebody who opens it afterwards, and has lost nothing.
	 */
	err2 = errseq_check_and_advance(&inode->i_mapping->wb_err, &since);
	return err2 ? err2 : err;
}

static int wardfs_release(struct inode *inode, struct file *file)
{
	if (file->f_mode & FMODE_WRITE) {
		wardfs_ahead_end(inode);
		wardfs_data_fill_up(inode);
	}
	wardfs_data_put(inode);
	kfree(file->private_data);
	return 0;
}

static ssize_t wardfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;
	struct wardfs_sb *sbi = WARDFS_SB(file_inode(file)->i_sb);
	s64 locks = atomic64_read(&sbi->lock_count);
	ssize_t ret = check_read(file, iocb->ki_pos, iov_iter_count(to));

	if (ret)
		return ret;
	/* O_DIRECT is accepted, and served from the page cache. */
	iocb->ki_flags &= ~IOCB_DIRECT;
	ret = generic_file_read_iter(iocb, to);
	/* A page may have been wiped while it was copied: take nothing for data. */
	if (atomic64_read(&sbi->lock_count) != locks)
		return wardfs_locked_error();
	return ret;
}

static ssize_t wardfs_splice_read(struct file *in, loff_t *pos, struct pipe_inode_info *pipe,
				  size_t len, unsigned int flags)
{
	int err = wardfs_splice_reads() ? check_access(in, WARD_OP_READ, WARD_ACTION_READ) :
					  check_read(in, *pos, len);

	if (err)
		return err;
	return wardfs_splice_from_cache(in, pos, pipe, len, flags);
}

static ssize_t wardfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file_inode(file);
	ssize_t ret = check_access(file, WARD_OP_WRITE, WARD_ACTION_WRITE);
	bool direct = iocb->ki_flags & IOCB_DIRECT;
	loff_t pos = iocb->ki_pos;
	ssize_t wrote;

	if (ret)
		return ret;
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	inode_lock(inode);
	/* Below nothing more can be written, so it would be lost. */
	ret = IS_IMMUTABLE(inode) ? -EPERM : 0;
	if (ret)
		goto unlock;
	ret = generic_write_checks(iocb, from);
	if (ret <= 0)
		goto unlock;
	ret = file_remove_privs(file);
	if (ret)
		goto unlock;
	ret = file_update_time(file);
	if (ret)
		goto unlock;
	wardfs_io_writer(inode);
	pos = iocb->ki_pos;
	if (pos > i_size_read(inode)) {
		ret = wardfs_data_truncate(inode, pos);
		if (ret)
			goto unlock;
	}
	ret = wardfs_reserve(inode, pos, iov_iter_count(from));
	if (ret)
		goto unlock;
	iocb->ki_flags &= ~IOCB_DIRECT;
	ret = generic_perform_write(iocb, from);
	if (ret > 0)
		wardfs_ahead_wrote(inode, pos, pos + ret);
unlock:
	inode_unlock(inode);
	if (ret <= 0)
		return ret;
	wrote = ret;
	ret = generic_write_sync(iocb, wrote);
	/* Direct I/O does not leave its errors to a later fsync. */
	if (direct && ret > 0) {
		int err = filemap_write_and_wait_range(file->f_mapping, pos, pos + wrote - 1);

		if (err)
			ret = err;
	}
	return ret;
}

static long wardfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	int err = check_access(file, WARD_OP_WRITE, WARD_ACTION_WRITE);

	return err ?: wardfs_data_allocate(file, mode, offset, offset + len);
}

static loff_t wardfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	int err;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(file, offset, whence);
	err = check_access(file, WARD_OP_READ, WARD_ACTION_READ);
	if (err)
		return err;
	offset = wardfs_seek(inode, offset, whence == SEEK_HOLE);
	return offset < 0 ? offset : vfs_setpos(file, offset, inode->i_sb->s_maxbytes);
}

static int wardfs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	struct wardfs_data *d = &WARDFS_I(inode)->data;
	int err, err2;

	err = file_write_and_wait_range(file, start, end);
	if (!err && (!READ_ONCE(d->made) || READ_ONCE(d->header_dirty) ||
		     (!datasync && READ_ONCE(d->times_dirty))))
		err = wardfs_data_flush(inode);
	if (!err && d->lower_file)
		err = wardfs_lower_sync(inode, 0, LLONG_MAX, datasync);
	if (!err)
		err = wardfs_sync_dirs(file_dentry(file));
	err2 = file_check_and_advance_wb_err(file);
	return err ? err : err2;
}

/* ---- mappings ------------------------------------------------------------ */

/* What is mapped can be read, whatever the mapping was made for. */
static u32 mapping_needs(bool writes)
{
	return writes ? WARD_OP_READ | WARD_OP_WRITE : WARD_OP_READ;
}

/* @bytes: that are read so; 0 when they were counted already */
static vm_fault_t refuse_fault(struct vm_fault *vmf, u64 bytes)
{
	struct file *file = vmf->vma->vm_file;
	bool write = vmf->flags & FAULT_FLAG_WRITE && vmf->vma->vm_flags & VM_SHARED;

	return check_bytes(file, mapping_needs(write), WARD_ACTION_MMAP, bytes) ?
	       VM_FAULT_SIGBUS : 0;
}

static vm_fault_t wardfs_fault(struct vm_fault *vmf)
{
	/* One that is tried again was counted the first time. */
	vm_fault_t ret = refuse_fault(vmf, vmf->flags & FAULT_FLAG_TRIED ? 0 : PAGE_SIZE);

	if (ret)
		return ret;
	ret = filemap_fault(vmf);
	/* Reading may have taken long, and a new policy have come meanwhile. */
	if (ret & VM_FAULT_LOCKED && refuse_fault(vmf, 0)) {
		unlock_page(vmf->page);
		put_page(vmf->page);
		vmf->page = NULL;
		ret = VM_FAULT_SIGBUS;
	}
	return ret;
}

struct reservation {
	struct work_struct work;
	struct completion done;
	struct inode *inode;
	u64 first;
	u64 last;
	int error;
};

static void reserve_work(struct work_struct *work)
{
	struct reservation *r = container_of(work, struct reservation, work);
	const struct cred *saved = wardfs_io_begin(r->inode);
	struct file *file = WARDFS_I(r->inode)->data.lower_file;
	struct timespec64 before = inode_get_ctime(file_inode(file));

	/*
	 * Not vfs_fallocate(): that begins a write, which is frozen before page
	 * faults are, and writers who are waited for then may wait for mmap_lock.
	 */
	sb_start_pagefault(file_inode(file)->i_sb);
	r->error = -EOPNOTSUPP;
	if (file->f_op->fallocate)
		r->error = file->f_op->fallocate(file, FALLOC_FL_KEEP_SIZE,
						 r->first * WARD_BLOCK_SIZE,
						 (r->last - r->first + 1) * WARD_BLOCK_SIZE);
	wardfs_ctime_restore(r->inode, &before);
	sb_end_pagefault(file_inode(file)->i_sb);
	revert_creds(saved);
	complete(&r->done);
}

/*
 * Space for what a mapping is about to dirty, while it can still be refused.
 *
 * By a worker: the lower's locks are taken before mmap_lock elsewhere (its own
 * writes copy from user space), and here after. The lower files of a vault are
 * written by us alone, from kernel memory, so the two orders never meet.
 */
static int reserve(struct inode *inode, struct folio *folio)
{
	struct reservation r = {
		.inode = inode,
		.first = ward_layout_block(folio_pos(folio)),
		.last = ward_layout_block(folio_pos(folio) + PAGE_SIZE - 1),
	};

	/* In an ordinary file every block is there already, or was refused at close. */
	if (!(READ_ONCE(WARDFS_I(inode)->data.flags) & WARD_FILE_SPARSE))
		return 0;
	INIT_WORK_ONSTACK(&r.work, reserve_work);
	init_completion(&r.done);
	queue_work(system_unbound_wq, &r.work);
	wait_for_completion(&r.done);
	destroy_work_on_stack(&r.work);
	return r.error == -EOPNOTSUPP ? 0 : r.error;
}

static vm_fault_t wardfs_page_mkwrite(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct inode *inode = file_inode(file);
	struct folio *folio = page_folio(vmf->page);
	vm_fault_t ret = refuse_fault(vmf, 0);
	int idx, err;

	if (ret)
		return ret;
	if (IS_IMMUTABLE(inode))
		return VM_FAULT_SIGBUS;
	sb_start_pagefault(inode->i_sb);
	file_update_time(file);
	/* Until the folio is dirty: locking waits for it, then writes it out. */
	idx = wardfs_enter(inode->i_sb);
	if (idx < 0) {
		ret = VM_FAULT_SIGBUS;
		goto end;
	}
	err = wardfs_data_ready(inode);
	if (err) {
		ret = vmf_error(err);
		goto exit;
	}
	/* What is reserved is not to be punched before the folio is dirty. */
	filemap_invalidate_lock_shared(inode->i_mapping);
	wardfs_io_writer(inode);
	err = reserve(inode, folio);
	if (err) {
		ret = vmf_error(err);
		goto unlock;
	}
	folio_lock(folio);
	if (folio->mapping != inode->i_mapping || folio_pos(folio) >= i_size_read(inode)) {
		folio_unlock(folio);
		ret = VM_FAULT_NOPAGE;
		goto unlock;
	}
	/* Again, for it may have waited long: a new policy has taken mappings away. */
	ret = refuse_fault(vmf, 0);
	if (ret) {
		folio_unlock(folio);
		goto unlock;
	}
	folio_mark_dirty(folio);
	ret = VM_FAULT_LOCKED;
unlock:
	filemap_invalidate_unlock_shared(inode->i_mapping);
exit:
	wardfs_exit(inode->i_sb, idx);
end:
	sb_end_pagefault(inode->i_sb);
	return ret;
}

/* Maps what is cached already: the same question, without a word when refused. */
static vm_fault_t wardfs_map_pages(struct vm_fault *vmf, pgoff_t start, pgoff_t end)
{
	struct file *file = vmf->vma->vm_file;

	if (!wardfs_unlocked(file_inode(file)->i_sb) ||
	    !wardfs_policy_cached(file, WARD_OP_READ))
		return 0;		/* ->fault asks properly */
	return filemap_map_pages(vmf, start, end);
}

static const struct vm_operations_struct wardfs_vm_ops = {
	.fault		= wardfs_fault,
	.map_pages	= wardfs_map_pages,
	.page_mkwrite	= wardfs_page_mkwrite,
};

static int wardfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	const vm_flags_t writes = VM_SHARED | VM_WRITE;
	int err = check_access(file, mapping_needs((vma->vm_flags & writes) == writes),
			       WARD_ACTION_MMAP);

	if (err)
		return err;
	file_accessed(file);
	vma->vm_ops = &wardfs_vm_ops;
	return 0;
}

const struct file_operations wardfs_file_fops = {
	.open		= wardfs_open,
	.flush		= wardfs_flush,
	.release	= wardfs_release,
	.llseek		= wardfs_llseek,
	.read_iter	= wardfs_read_iter,
	.write_iter	= wardfs_write_iter,
	.splice_read	= wardfs_splice_read,
	.splice_write	= iter_file_splice_write,
	.mmap		= wardfs_mmap,
	.fsync		= wardfs_fsync,
	.fallocate	= wardfs_fallocate,
	.setlease	= generic_setlease,
};

const struct inode_operations wardfs_file_iops = {
	.getattr	= wardfs_getattr,
	.setattr	= wardfs_setattr,
	.permission	= wardfs_permission,
	.listxattr	= wardfs_listxattr,
	.update_time	= wardfs_update_time,
	.fileattr_get	= wardfs_fileattr_get,
	.fileattr_set	= wardfs_fileattr_set,
	WARDFS_ACL_OPS
};
