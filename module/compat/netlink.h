/* SPDX-License-Identifier: GPL-2.0-only */
/* The attributes of a dump request: their place changed in 6.7. */
#ifndef WARDFS_COMPAT_NETLINK_H
#define WARDFS_COMPAT_NETLINK_H

#include <linux/version.h>
#include <net/genetlink.h>

static inline struct nlattr **wardfs_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_info_dump(cb)->attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

#endif
