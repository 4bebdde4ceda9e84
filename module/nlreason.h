/* SPDX-License-Identifier: GPL-2.0-only */
/* Netlink: what is told of an error. */
#ifndef WARDFS_NLREASON_H
#define WARDFS_NLREASON_H

#include <linux/netlink.h>

/**
 * struct reason - what to tell of an error
 * @err: negative errno; 0 ends a table
 * @text: why, and what to do about it
 */
struct reason {
	int err;
	const char *text;
};

/* Hands @err back, explained. */
static inline int explain(struct netlink_ext_ack *extack, const struct reason *reasons, int err)
{
	for (; err < 0 && extack && reasons->err; reasons++) {
		if (reasons->err == err) {
			extack->_msg = reasons->text;
			break;
		}
	}
	return err;
}

#endif
