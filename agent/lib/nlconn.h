/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the netlink library: a connection, and attributes. Others want netlink.h. */
#ifndef WARD_NLCONN_H
#define WARD_NLCONN_H

#include <string.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "netlink.h"

#define WARD_NL_BUFFER	(128 * 1024)	/* the kernel's parts of a dump are at most 32 KiB */

/**
 * struct ward_nl - a connection
 * @commands: for commands and dumps
 * @events: for events; NULL before subscribing
 * @family: number of the family
 * @why: the kernel's words on the last refusal
 * @buffer: what is received
 */
struct ward_nl {
	struct nl_sock *commands;
	struct nl_sock *events;
	int family;
	char why[256];
	union {
		struct nlmsghdr align;
		char bytes[WARD_NL_BUFFER];
	} buffer;
};

/* Called for each message of a reply, with its attributes validated. */
typedef int (*ward_reply_fn)(struct nlattr **attrs, void *arg);

struct nl_sock *ward_nl_connected(int *err);
ssize_t ward_nl_receive(struct ward_nl *nl, struct nl_sock *sock);
int ward_nl_parse(const struct nlmsghdr *h, struct nlattr **attrs);
struct nl_msg *ward_nl_request(struct ward_nl *nl, enum ward_cmd cmd, int flags, size_t size);
int ward_nl_exchange(struct ward_nl *nl, struct nl_msg *msg, ward_reply_fn fn, void *arg,
		     bool *interrupted);

/* ---- values of attributes; what is absent is 0 or "" ------------------------------ */

static inline uint32_t u32_of(struct nlattr **attrs, enum ward_attr type)
{
	return attrs[type] ? nla_get_u32(attrs[type]) : 0;
}

static inline uint64_t u64_of(struct nlattr **attrs, enum ward_attr type)
{
	return attrs[type] ? nla_get_u64(attrs[type]) : 0;
}

static inline void text_of(struct nlattr **attrs, enum ward_attr type, char *out, size_t size)
{
	out[0] = '\0';
	if (attrs[type])
		nla_strlcpy(out, attrs[type], size);
}

/* The text where it lies; NULL for none and for "". */
static inline const char *string_of(struct nlattr **attrs, enum ward_attr type)
{
	const char *s = attrs[type] ? nla_get_string(attrs[type]) : NULL;

	return s && *s ? s : NULL;
}

static inline void bytes_of(struct nlattr **attrs, enum ward_attr type, struct ward_bytes *bytes)
{
	if (!attrs[type] || !nla_len(attrs[type]))
		return;
	bytes->data = nla_data(attrs[type]);
	bytes->length = nla_len(attrs[type]);
}

/* The kernel's "new" encoding of a device number, as stat(2) gives it. */
static inline uint64_t dev_of(struct nlattr **attrs)
{
	uint32_t dev = u32_of(attrs, WARD_A_VAULT_DEV);

	return dev ? makedev((dev & 0xfff00) >> 8, (dev & 0xff) | (dev >> 12 & 0xfff00)) : 0;
}

#endif
