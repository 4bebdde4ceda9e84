// SPDX-License-Identifier: GPL-2.0-or-later
/* Events of the kernel module: dumped, and as they happen. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>

#include "nlconn.h"

#define EVENT_BUFFER	(4 << 20)	/* what may wait for us, bytes */
#define RECEIVE_MOST	256		/* events at a time */

static void u32_if(struct nlattr **attrs, enum ward_attr type, uint32_t *value, uint32_t *has,
		   uint32_t bit)
{
	if (!attrs[type])
		return;
	*value = nla_get_u32(attrs[type]);
	*has |= bit;
}

static void u64_if(struct nlattr **attrs, enum ward_attr type, uint64_t *value, uint32_t *has,
		   uint32_t bit)
{
	if (!attrs[type])
		return;
	*value = nla_get_u64(attrs[type]);
	*has |= bit;
}

static int decode(struct nlattr **attrs, struct ward_event *e)
{
	if (!attrs[WARD_A_LOAD_ID] || !attrs[WARD_A_EVENT_SEQUENCE] ||
	    !attrs[WARD_A_EVENT_TIME] || !attrs[WARD_A_EVENT_KIND])
		return -EPROTO;
	memset(e, 0, sizeof(*e));
	memcpy(e->load_id, nla_data(attrs[WARD_A_LOAD_ID]), WARD_LOAD_ID_SIZE);
	e->sequence = u64_of(attrs, WARD_A_EVENT_SEQUENCE);
	e->time = u64_of(attrs, WARD_A_EVENT_TIME);
	e->last_time = u64_of(attrs, WARD_A_EVENT_LAST_TIME);
	if (e->last_time < e->time)
		e->last_time = e->time;
	e->kind = u32_of(attrs, WARD_A_EVENT_KIND);
	e->action = u32_of(attrs, WARD_A_EVENT_ACTION);
	e->reason = u32_of(attrs, WARD_A_EVENT_REASON);
	e->error = u32_of(attrs, WARD_A_EVENT_ERRNO);
	e->count = u64_of(attrs, WARD_A_EVENT_COUNT);
	if (!e->count)
		e->count = 1;
	e->lost = u64_of(attrs, WARD_A_EVENT_LOST);
	e->total = u64_of(attrs, WARD_A_EVENT_TOTAL);
	e->vault_total = u64_of(attrs, WARD_A_EVENT_VAULT_TOTAL);
	if (attrs[WARD_A_VAULT_ID]) {
		memcpy(e->vault, nla_data(attrs[WARD_A_VAULT_ID]), WARD_UUID_SIZE);
		e->has |= WARD_EVENT_HAS_VAULT;
	}
	e->vault_name = string_of(attrs, WARD_A_VAULT_NAME);
	e->dev = dev_of(attrs);
	u32_if(attrs, WARD_A_EVENT_UID, &e->uid, &e->has, WARD_EVENT_HAS_UID);
	u32_if(attrs, WARD_A_EVENT_EUID, &e->euid, &e->has, WARD_EVENT_HAS_EUID);
	u32_if(attrs, WARD_A_EVENT_LOGINUID, &e->loginuid, &e->has, WARD_EVENT_HAS_LOGINUID);
	u32_if(attrs, WARD_A_EVENT_GID, &e->gid, &e->has, WARD_EVENT_HAS_GID);
	u32_if(attrs, WARD_A_EVENT_EGID, &e->egid, &e->has, WARD_EVENT_HAS_EGID);
	u32_if(attrs, WARD_A_EVENT_SESSION, &e->session, &e->has, WARD_EVENT_HAS_SESSION);
	u32_if(attrs, WARD_A_EVENT_PID, &e->pid, &e->has, WARD_EVENT_HAS_PID);
	u32_if(attrs, WARD_A_EVENT_PPID, &e->ppid, &e->has, WARD_EVENT_HAS_PPID);
	u64_if(attrs, WARD_A_EVENT_INODE, &e->inode, &e->has, WARD_EVENT_HAS_INODE);
	u64_if(attrs, WARD_A_EVENT_BLOCK, &e->block, &e->has, WARD_EVENT_HAS_BLOCK);
	u32_if(attrs, WARD_A_EVENT_EXE_DEV, &e->exe_dev, &e->has, WARD_EVENT_HAS_EXE_DEV);
	u64_if(attrs, WARD_A_EVENT_EXE_INODE, &e->exe_inode, &e->has, WARD_EVENT_HAS_EXE_INODE);
	e->exe_doubt = u32_of(attrs, WARD_A_EVENT_EXE_DOUBT);
	if (attrs[WARD_A_PROGRAM_ID])
		memcpy(&e->program, nla_data(attrs[WARD_A_PROGRAM_ID]), sizeof(e->program));
	bytes_of(attrs, WARD_A_EVENT_COMM, &e->comm);
	bytes_of(attrs, WARD_A_EVENT_CGROUP, &e->cgroup);
	bytes_of(attrs, WARD_A_EVENT_EXE, &e->exe);
	bytes_of(attrs, WARD_A_EVENT_PATH, &e->path);
	bytes_of(attrs, WARD_A_EVENT_PATH2, &e->path2);
	u32_if(attrs, WARD_A_EVENT_PLACE, &e->place, &e->has, WARD_EVENT_HAS_PLACE);
	e->ops = u32_of(attrs, WARD_A_EVENT_OPS);
	e->rule = string_of(attrs, WARD_A_EVENT_RULE);
	e->near = string_of(attrs, WARD_A_EVENT_NEAR);
	if (attrs[WARD_A_EVENT_LACKS])
		e->lacks = nla_get_u32(attrs[WARD_A_EVENT_LACKS]);
	e->detail = string_of(attrs, WARD_A_EVENT_DETAIL);
	if (attrs[WARD_A_EVENT_LIMIT])
		memcpy(&e->limit, nla_data(attrs[WARD_A_EVENT_LIMIT]), sizeof(e->limit));
	return 0;
}

struct event_taker {
	ward_event_fn fn;
	void *arg;
};

static int event_reply(struct nlattr **attrs, void *arg)
{
	struct event_taker *taker = arg;
	struct ward_event event;
	int err = decode(attrs, &event);

	return err ? err : taker->fn(&event, taker->arg);
}

/**
 * ward_nl_event_dump - the events that the kernel still has
 * @nl: the connection
 * @from: sequence number of the first one wanted; what of them is gone comes as one event
 *	of kind WARD_KIND_LOST. 0: whatever is there
 * @fn: called for each, in order; not 0 ends the dump
 * @arg: for @fn
 *
 * Return: 0; what @fn returned; -ERANGE when there is no event with this number yet, as
 * after the module was loaded anew; -EPERM; -ENODEV when the module has gone; another
 * negative errno.
 */
int ward_nl_event_dump(struct ward_nl *nl, uint64_t from, ward_event_fn fn, void *arg)
{
	struct event_taker taker = { fn, arg };
	struct nl_msg *msg = ward_nl_request(nl, WARD_CMD_EVENT_GET, NLM_F_DUMP, 0);

	if (!msg)
		return -ENOMEM;
	if (from)
		nla_put_u64(msg, WARD_A_EVENT_SEQUENCE, from);
	return ward_nl_exchange(nl, msg, event_reply, &taker, NULL);
}

/**
 * ward_nl_subscribe - have events sent as they happen
 * @nl: the connection
 *
 * To miss none: subscribe, then dump, then receive; the same event may come both ways.
 *
 * Return: 0, also when subscribed already; -EPERM; -ENOENT when the module has gone;
 * another negative errno.
 */
int ward_nl_subscribe(struct ward_nl *nl)
{
	int room = EVENT_BUFFER, err, group;
	struct nl_sock *sock;

	if (nl->events)
		return 0;
	sock = ward_nl_connected(&err);
	if (!sock)
		return err;
	/* As much as we are granted: what overflows is dumped. */
	if (setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	group = genl_ctrl_resolve_grp(sock, WARD_GENL_NAME, WARD_GENL_GROUP_EVENTS);
	if (group < 0) {
		err = group == -NLE_OBJ_NOTFOUND ? -ENOENT : -EIO;
		goto free;
	}
	errno = 0;
	if (nl_socket_add_membership(sock, group) < 0) {
		err = errno ? -errno : -EIO;
		goto free;
	}
	if (nl_socket_set_nonblocking(sock) < 0) {
		err = -EIO;
		goto free;
	}
	nl->events = sock;
	return 0;
free:
	nl_socket_free(sock);
	return err;
}

/**
 * ward_nl_event_fd - what to wait for events on
 * @nl: the connection
 *
 * Return: a descriptor for poll(2); -1 before subscribing.
 */
int ward_nl_event_fd(const struct ward_nl *nl)
{
	return nl->events ? nl_socket_get_fd(nl->events) : -1;
}

/**
 * ward_nl_event_receive - the events that have come
 * @nl: the connection
 * @fn: called for each; not 0 ends it
 * @arg: for @fn
 *
 * Does not wait, and returns after some hundred events even when there are more: poll(2)
 * says so. A message that is not understood is left out, which shows as a gap in the
 * sequence numbers.
 *
 * Return: 0, also when nothing has come; -ENOBUFS when some were lost on the way:
 * ward_nl_event_dump() has them; what @fn returned; another negative errno.
 */
int ward_nl_event_receive(struct ward_nl *nl, ward_event_fn fn, void *arg)
{
	struct event_taker taker = { fn, arg };
	struct nlattr *attrs[WARD_A_MAX + 1];
	int i, err = 0;

	if (!nl->events)
		return -EINVAL;
	for (i = 0; !err && i < RECEIVE_MOST; i++) {
		ssize_t n = ward_nl_receive(nl, nl->events);
		struct nlmsghdr *h = &nl->buffer.align;
		int left = n;

		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return n;
		for (; !err && nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_type != nl->family || ward_nl_parse(h, attrs))
				continue;
			err = event_reply(attrs, &taker);
			if (err == -EPROTO)
				err = 0;
		}
	}
	return err;
}
