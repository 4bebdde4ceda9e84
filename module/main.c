// SPDX-License-Identifier: GPL-2.0-only
/*
 * wardfs: loading and unloading.
 */
#include <linux/module.h>
#include <linux/fs.h>
#include "wardfs.h"

/**
 * wardfs_msg - one line to the kernel log, rate-limited
 * @sb: which vault it is about
 * @fmt: printf format; no newline, no secrets, no names of files
 */
void wardfs_msg(const struct super_block *sb, const char *fmt, ...)
{
	const struct wardfs_sb *sbi = WARDFS_SB(sb);
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_info_ratelimited("wardfs: %s (%pUb): %pV\n", sbi && sbi->name[0] ? sbi->name : "vault",
			    sbi ? sbi->uuid : NULL, &vaf);
	va_end(args);
}

static int __init wardfs_init(void)
{
	int err;

	err = wardfs_crypto_init();
	if (err)
		return err;
	err = wardfs_event_init();
	if (err)
		goto crypto;
	err = wardfs_program_init();
	if (err)
		goto event;
	err = wardfs_inode_init();
	if (err)
		goto program;
	err = wardfs_block_init();
	if (err)
		goto inode;
	err = wardfs_iowork_init();
	if (err)
		goto block;
	err = wardfs_ahead_start();
	if (err)
		goto iowork;
	err = wardfs_key_init();
	if (err)
		goto ahead;
	err = wardfs_netlink_init();
	if (err)
		goto key;
	err = wardfs_super_init();
	if (err)
		goto netlink;
	return 0;

netlink:
	wardfs_netlink_exit();
key:
	wardfs_key_exit();
ahead:
	wardfs_ahead_stop();
iowork:
	wardfs_iowork_exit();
block:
	wardfs_block_exit();
inode:
	wardfs_inode_exit();
program:
	wardfs_program_exit();
event:
	wardfs_event_exit();
crypto:
	wardfs_crypto_exit();
	return err;
}

static void __exit wardfs_exit_module(void)
{
	wardfs_super_exit();
	wardfs_netlink_exit();
	wardfs_key_exit();
	wardfs_ahead_stop();
	wardfs_iowork_exit();
	wardfs_block_exit();
	wardfs_inode_exit();
	wardfs_program_exit();
	wardfs_event_exit();
	wardfs_crypto_exit();
}

module_init(wardfs_init);
module_exit(wardfs_exit_module);

MODULE_DESCRIPTION("Ward: a stackable file system that encrypts, authenticates and asks a policy");
MODULE_LICENSE("GPL");
MODULE_VERSION(WARDFS_VERSION);
/* A cipher allocated before the fast driver is loaded stays on the slow one. */
MODULE_SOFTDEP("pre: aesni_intel gcm ctr hmac sha256 sha512 chacha20poly1305");
