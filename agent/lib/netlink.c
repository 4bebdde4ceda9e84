// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Talking to the kernel module, on libnl. Messages are built and attributes parsed
 * by libnl; receiving is done here, because libnl's own receiving turns ENOBUFS
 * (events were lost) into "out of memory" and drops the words that the kernel adds to
 * a refusal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/genetlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "nlconn.h"

#define DUMP_ATTEMPTS	16
#define CHECK_PATH_MAX	16383		/* the module's limit, bytes */

/* ---- what attributes must look like ------------------------------------------------ */

#define EXACTLY(n)	{ .minlen = (n), .maxlen = (n) }
#define TEXT(most)	{ .type = NLA_STRING, .minlen = 1, .maxlen = (most) }
#define BYTES(most)	{ .maxlen = (most) }

static const struct nla_policy policy[WARD_A_MAX + 1] = {
	[WARD_A_MODULE_VERSION]		= TEXT(256),
	[WARD_A_MODULE_FORMAT]		= EXACTLY(4),
	[WARD_A_LOAD_ID]		= EXACTLY(WARD_LOAD_ID_SIZE),
	[WARD_A_EVENT_NEXT]		= EXACTLY(8),
	[WARD_A_EVENT_OLDEST]		= EXACTLY(8),
	[WARD_A_EVENT_DROPPED]		= EXACTLY(8),
	[WARD_A_VAULT_ID]		= EXACTLY(WARD_UUID_SIZE),
	[WARD_A_VAULT_NAME]		= TEXT(256),
	[WARD_A_VAULT_STATE]		= EXACTLY(4),
	[WARD_A_VAULT_FLAGS]		= EXACTLY(4),
	[WARD_A_VAULT_SUITE]		= EXACTLY(4),
	[WARD_A_VAULT_DRIVER]		= TEXT(256),
	[WARD_A_VAULT_EPOCH]		= EXACTLY(4),
	[WARD_A_VAULT_DISTURBED]	= EXACTLY(8),
	[WARD_A_VAULT_EVENTS]		= EXACTLY(8),
	[WARD_A_VAULT_EVENTS_GONE]	= EXACTLY(8),
	[WARD_A_EVENT_VAULT_TOTAL]	= EXACTLY(8),
	[WARD_A_VAULT_POLICY_SERIAL]	= EXACTLY(8),
	[WARD_A_VAULT_HOURS_END]	= EXACTLY(8),
	[WARD_A_VAULT_RULES]		= EXACTLY(4),
	[WARD_A_VAULT_VIOLATIONS]	= EXACTLY(8),
	[WARD_A_VAULT_TAMPERS]		= EXACTLY(8),
	[WARD_A_VAULT_SETTLED]		= EXACTLY(8),
	[WARD_A_VAULT_LOST]		= EXACTLY(8),
	[WARD_A_VAULT_DEV]		= EXACTLY(4),
	[WARD_A_CHECK_NEXT]		= EXACTLY(8),
	[WARD_A_CHECK_BAD]		= EXACTLY(8),
	[WARD_A_CHECK_NAME]		= TEXT(8192),
	[WARD_A_CHECK_RESULT]		= EXACTLY(4),
	[WARD_A_EVENT_SEQUENCE]		= EXACTLY(8),
	[WARD_A_EVENT_TIME]		= EXACTLY(8),
	[WARD_A_EVENT_LAST_TIME]	= EXACTLY(8),
	[WARD_A_EVENT_KIND]		= EXACTLY(4),
	[WARD_A_EVENT_ACTION]		= EXACTLY(4),
	[WARD_A_EVENT_REASON]		= EXACTLY(4),
	[WARD_A_EVENT_ERRNO]		= EXACTLY(4),
	[WARD_A_EVENT_COUNT]		= EXACTLY(8),
	[WARD_A_EVENT_RULE]		= TEXT(256),
	[WARD_A_EVENT_UID]		= EXACTLY(4),
	[WARD_A_EVENT_EUID]		= EXACTLY(4),
	[WARD_A_EVENT_LOGINUID]		= EXACTLY(4),
	[WARD_A_EVENT_GID]		= EXACTLY(4),
	[WARD_A_EVENT_SESSION]		= EXACTLY(4),
	[WARD_A_EVENT_PID]		= EXACTLY(4),
	[WARD_A_EVENT_PPID]		= EXACTLY(4),
	[WARD_A_EVENT_COMM]		= BYTES(64),
	[WARD_A_EVENT_EXE]		= BYTES(8192),
	[WARD_A_EVENT_PATH]		= BYTES(8192),
	[WARD_A_EVENT_PATH2]		= BYTES(8192),
	[WARD_A_EVENT_INODE]		= EXACTLY(8),
	[WARD_A_EVENT_BLOCK]		= EXACTLY(8),
	[WARD_A_EVENT_DETAIL]		= TEXT(256),
	[WARD_A_EVENT_LOST]		= EXACTLY(8),
	[WARD_A_EVENT_TOTAL]		= EXACTLY(8),
	[WARD_A_EVENT_LIMIT]		= EXACTLY(sizeof(struct ward_burst)),
	[WARD_A_EVENT_CGROUP]		= BYTES(1024),
	[WARD_A_EVENT_NEAR]		= TEXT(256),
	[WARD_A_EVENT_LACKS]		= EXACTLY(4),
	[WARD_A_EVENT_EGID]		= EXACTLY(4),
	[WARD_A_EVENT_EXE_DEV]		= EXACTLY(4),
	[WARD_A_EVENT_EXE_INODE]	= EXACTLY(8),
	[WARD_A_EVENT_EXE_DOUBT]	= EXACTLY(4),
	[WARD_A_PROGRAM_ID]		= EXACTLY(sizeof(struct ward_program_id)),
	[WARD_A_EVENT_PLACE]		= EXACTLY(4),
	[WARD_A_EVENT_OPS]		= EXACTLY(4),
};

/**
 * ward_nl_parse - the attributes of a message of our family
 * @h: the message, all of which was received
 * @attrs: WARD_A_MAX + 1 of them, set
 *
 * Types that are not known are left out: the module may be newer.
 *
 * Return: 0; -EPROTO when one has not the length or the form that ward.yaml says.
 */
int ward_nl_parse(const struct nlmsghdr *h, struct nlattr **attrs)
{
	if (!genlmsg_valid_hdr((struct nlmsghdr *)h, 0) ||
	    nlmsg_parse((struct nlmsghdr *)h, GENL_HDRLEN, attrs, WARD_A_MAX,
			(struct nla_policy *)policy) < 0)
		return -EPROTO;
	return 0;
}

/* ---- sending and receiving ----------------------------------------------------------- */

/**
 * ward_nl_receive - one datagram of the kernel, into the connection's buffer
 * @nl: the connection
 * @sock: which of its sockets
 *
 * Return: bytes; -EAGAIN on a socket that does not wait; -ENOBUFS when something was lost;
 * -EPROTO when it does not fit; another negative errno.
 */
ssize_t ward_nl_receive(struct ward_nl *nl, struct nl_sock *sock)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { nl->buffer.bytes, sizeof(nl->buffer) };
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		ssize_t n = recvmsg(nl_socket_get_fd(sock), &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* Another process can send to us, too. */
		if (msg.msg_namelen != sizeof(from) || from.nl_pid)
			continue;
		if (!n || msg.msg_flags & MSG_TRUNC)
			return -EPROTO;
		return n;
	}
}

/* Keeps the text that the kernel added to a message; it begins @skip bytes into it. */
static void keep_why(struct ward_nl *nl, struct nlmsghdr *h, size_t skip)
{
	struct nlattr *attrs[NLMSGERR_ATTR_MSG + 1] = { 0 };
	struct nla_policy words[NLMSGERR_ATTR_MSG + 1] = {
		[NLMSGERR_ATTR_MSG] = { .type = NLA_STRING },
	};
	char *s;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || (size_t)nlmsg_datalen(h) <= skip)
		return;
	if (nla_parse(attrs, NLMSGERR_ATTR_MSG,
		      (struct nlattr *)((char *)nlmsg_data(h) + NLMSG_ALIGN(skip)),
		      nlmsg_datalen(h) - NLMSG_ALIGN(skip), words) < 0)
		return;
	if (!attrs[NLMSGERR_ATTR_MSG])
		return;
	nla_strlcpy(nl->why, attrs[NLMSGERR_ATTR_MSG], sizeof(nl->why));
	for (s = nl->why; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
}

/* NLMSG_ERROR: an acknowledgement (0) or a refusal (negative errno). */
static int acknowledged(struct ward_nl *nl, struct nlmsghdr *h)
{
	struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);

	if ((size_t)nlmsg_datalen(h) < sizeof(*e))
		return -EPROTO;
	/* The request follows, unless it was asked to be left out. */
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	keep_why(nl, h, skip);
	/* Generic netlink's own "no such family", which has no words. */
	if (e->error == -ENOENT && !nl->why[0])
		return -ENODEV;
	return e->error > 0 ? -EPROTO : e->error;
}

/* NLMSG_DONE: the end of a dump, with an error in it when it went wrong on the way. */
static int finished(struct ward_nl *nl, struct nlmsghdr *h)
{
	int err;

	if ((size_t)nlmsg_datalen(h) < sizeof(err))
		return 0;
	memcpy(&err, nlmsg_data(h), sizeof(err));
	if (err < 0)
		keep_why(nl, h, sizeof(err));
	return err < 0 ? err : 0;
}

/**
 * struct exchange - a request, and what comes back
 * @seq: number of the request
 * @fn: takes each message of the reply; NULL: none is expected
 * @arg: for @fn
 * @ended: everything has come
 * @interrupted: a dump was inconsistent
 * @err: of the whole
 */
struct exchange {
	uint32_t seq;
	ward_reply_fn fn;
	void *arg;
	bool ended;
	bool interrupted;
	int err;
};

static void exchange_message(struct ward_nl *nl, struct nlmsghdr *h, struct exchange *x)
{
	struct nlattr *attrs[WARD_A_MAX + 1];
	int err;

	/* Leftovers of a request that was given up. */
	if (h->nlmsg_seq != x->seq)
		return;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		x->interrupted = true;
	switch (h->nlmsg_type) {
	case NLMSG_NOOP:
		return;
	case NLMSG_ERROR:
		err = acknowledged(nl, h);
		break;
	case NLMSG_DONE:
		err = finished(nl, h);
		break;
	default:
		/* After a failure the rest is only drained. */
		if (x->err || h->nlmsg_type != nl->family || !x->fn)
			return;
		err = ward_nl_parse(h, attrs);
		x->err = err ? err : x->fn(attrs, x->arg);
		return;
	}
	x->ended = true;
	if (!x->err)
		x->err = err;
}

/**
 * ward_nl_exchange - send a request and take all of the reply
 * @nl: the connection
 * @msg: the request; freed
 * @fn: called for each message of the reply; not 0 ends that, what follows is dropped; must
 *	not use @nl; NULL: there is nothing to be taken
 * @arg: for @fn
 * @interrupted: set to whether a dump was inconsistent; may be NULL
 *
 * The kernel's words on a refusal are kept for ward_nl_why().
 *
 * Return: 0; what the kernel refused it with; -ENODEV when there is no such family any
 * more; what @fn returned; another negative errno.
 */
int ward_nl_exchange(struct ward_nl *nl, struct nl_msg *msg, ward_reply_fn fn, void *arg,
		    bool *interrupted)
{
	struct exchange x = { .fn = fn, .arg = arg };
	int err;

	nl->why[0] = '\0';
	nl_complete_msg(nl->commands, msg);
	x.seq = nlmsg_hdr(msg)->nlmsg_seq;
	errno = 0;
	err = nl_send(nl->commands, msg);
	nlmsg_free(msg);
	if (err < 0)
		return errno ? -errno : -EIO;
	while (!x.ended) {
		ssize_t n = ward_nl_receive(nl, nl->commands);
		struct nlmsghdr *h = &nl->buffer.align;
		int left = n;

		if (n < 0)
			return n;
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			exchange_message(nl, h, &x);
	}
	if (interrupted)
		*interrupted = x.interrupted;
	return x.err;
}

/**
 * ward_nl_request - begin a request
 * @nl: the connection
 * @cmd: what is wanted
 * @flags: NLM_F_DUMP or 0
 * @size: bytes of long attributes that will follow; for short ones there is room
 *
 * Return: the message, or NULL without memory.
 */
struct nl_msg *ward_nl_request(struct ward_nl *nl, enum ward_cmd cmd, int flags, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + 256 + size);

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
			       NLM_F_REQUEST | NLM_F_ACK | flags, cmd, WARD_GENL_VERSION))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* A request about a vault. There is room for it: see ward_nl_request(). */
static struct nl_msg *vault_request(struct ward_nl *nl, enum ward_cmd cmd, const uint8_t *uuid,
				    size_t size)
{
	struct nl_msg *msg = ward_nl_request(nl, cmd, 0, size);

	if (msg)
		nla_put(msg, WARD_A_VAULT_ID, WARD_UUID_SIZE, uuid);
	return msg;
}

/* ---- opening and closing --------------------------------------------------------------- */

static int on(struct nl_sock *sock, int option)
{
	int yes = 1;

	return setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, option, &yes, sizeof(yes)) ?
		-errno : 0;
}

/**
 * ward_nl_connected - a generic netlink socket that hears the kernel's words on refusals
 * @err: set to a negative errno on failure
 *
 * Return: the socket, for nl_socket_free(); or NULL.
 */
struct nl_sock *ward_nl_connected(int *err)
{
	struct nl_sock *sock = nl_socket_alloc();

	*err = -ENOMEM;
	if (!sock)
		return NULL;
	errno = 0;
	if (genl_connect(sock) < 0)
		*err = errno ? -errno : -EIO;
	else
		*err = on(sock, NETLINK_EXT_ACK);
	if (!*err)
		*err = on(sock, NETLINK_CAP_ACK);
	if (!*err)
		return sock;
	nl_socket_free(sock);
	return NULL;
}

/**
 * ward_nl_open - connect to the module
 * @nl: set to the connection
 *
 * Needs no right; what is asked over the connection does.
 *
 * Return: 0; -ENOENT when the module is not loaded; another negative errno.
 */
int ward_nl_open(struct ward_nl **nl)
{
	struct ward_nl *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->commands = ward_nl_connected(&err);
	if (!n->commands)
		goto fail;
	n->family = genl_ctrl_resolve(n->commands, WARD_GENL_NAME);
	if (n->family < 0) {
		err = n->family == -NLE_OBJ_NOTFOUND ? -ENOENT :
		      n->family == -NLE_NOMEM ? -ENOMEM : -EIO;
		goto fail;
	}
	*nl = n;
	return 0;
fail:
	ward_nl_close(n);
	return err;
}

/**
 * ward_nl_close - end a connection
 * @nl: the connection, or NULL
 */
void ward_nl_close(struct ward_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->commands);
	nl_socket_free(nl->events);
	free(nl);
}

/**
 * ward_nl_why - the kernel's words on the last refusal
 * @nl: the connection
 *
 * Return: one line; "" when the last request succeeded, or was refused without words.
 */
const char *ward_nl_why(const struct ward_nl *nl)
{
	return nl->why;
}

/* ---- module and vaults ------------------------------------------------------------------- */

static int module_reply(struct nlattr **attrs, void *arg)
{
	struct ward_module *module = arg;

	if (!attrs[WARD_A_MODULE_VERSION] || !attrs[WARD_A_MODULE_FORMAT] ||
	    !attrs[WARD_A_LOAD_ID] || !attrs[WARD_A_EVENT_NEXT] || !attrs[WARD_A_EVENT_OLDEST])
		return -EPROTO;
	text_of(attrs, WARD_A_MODULE_VERSION, module->version, sizeof(module->version));
	module->format = u32_of(attrs, WARD_A_MODULE_FORMAT);
	memcpy(module->load_id, nla_data(attrs[WARD_A_LOAD_ID]), WARD_LOAD_ID_SIZE);
	module->next = u64_of(attrs, WARD_A_EVENT_NEXT);
	module->oldest = u64_of(attrs, WARD_A_EVENT_OLDEST);
	module->dropped = u64_of(attrs, WARD_A_EVENT_DROPPED);
	return 0;
}

/* Exactly one message is the answer. */
struct single {
	ward_reply_fn fn;
	void *arg;
	bool got;
};

static int single_reply(struct nlattr **attrs, void *arg)
{
	struct single *single = arg;

	if (single->got)
		return -EPROTO;
	single->got = true;
	return single->fn(attrs, single->arg);
}

static int ask(struct ward_nl *nl, struct nl_msg *msg, ward_reply_fn fn, void *arg)
{
	struct single single = { .fn = fn, .arg = arg };
	int err;

	if (!msg)
		return -ENOMEM;
	err = ward_nl_exchange(nl, msg, single_reply, &single, NULL);
	return err ? err : single.got ? 0 : -EPROTO;
}

/**
 * ward_nl_module_get - what the module is
 * @nl: the connection
 * @module: filled in
 *
 * Return: 0; -EPERM; -ENODEV when the module has gone; -EPROTO when it answers what
 * we do not understand; another negative errno.
 */
int ward_nl_module_get(struct ward_nl *nl, struct ward_module *module)
{
	return ask(nl, ward_nl_request(nl, WARD_CMD_MODULE_GET, 0, 0), module_reply, module);
}

static int mounted_reply(struct nlattr **attrs, void *arg)
{
	struct ward_mounted *v = arg;

	if (!attrs[WARD_A_VAULT_ID] || !attrs[WARD_A_VAULT_STATE])
		return -EPROTO;
	memset(v, 0, sizeof(*v));
	memcpy(v->uuid, nla_data(attrs[WARD_A_VAULT_ID]), WARD_UUID_SIZE);
	text_of(attrs, WARD_A_VAULT_NAME, v->name, sizeof(v->name));
	v->state = u32_of(attrs, WARD_A_VAULT_STATE);
	v->flags = u32_of(attrs, WARD_A_VAULT_FLAGS);
	v->suite = u32_of(attrs, WARD_A_VAULT_SUITE);
	text_of(attrs, WARD_A_VAULT_DRIVER, v->driver, sizeof(v->driver));
	v->epoch = u32_of(attrs, WARD_A_VAULT_EPOCH);
	v->policy_serial = u64_of(attrs, WARD_A_VAULT_POLICY_SERIAL);
	v->rules = u32_of(attrs, WARD_A_VAULT_RULES);
	v->violations = u64_of(attrs, WARD_A_VAULT_VIOLATIONS);
	v->tampers = u64_of(attrs, WARD_A_VAULT_TAMPERS);
	v->settled = u64_of(attrs, WARD_A_VAULT_SETTLED);
	v->events = u64_of(attrs, WARD_A_VAULT_EVENTS);
	v->events_gone = u64_of(attrs, WARD_A_VAULT_EVENTS_GONE);
	v->dev = dev_of(attrs);
	v->disturbed = u64_of(attrs, WARD_A_VAULT_DISTURBED);
	v->hours_end = u64_of(attrs, WARD_A_VAULT_HOURS_END);
	return 0;
}

/**
 * ward_nl_vault_get - how a mounted vault stands
 * @nl: the connection
 * @uuid: which
 * @vault: filled in
 *
 * Return: 0; -ENOENT when no vault with this UUID is mounted; -EPERM; -ENODEV when
 * the module has gone; another negative errno.
 */
int ward_nl_vault_get(struct ward_nl *nl, const uint8_t *uuid, struct ward_mounted *vault)
{
	return ask(nl, vault_request(nl, WARD_CMD_VAULT_GET, uuid, 0), mounted_reply, vault);
}

/* The vaults of a dump are gathered first: an inconsistent one is begun anew. */
struct gathered {
	struct ward_mounted *vault;
	size_t count;
	size_t room;
};

static int gather(struct nlattr **attrs, void *arg)
{
	struct gathered *g = arg;
	struct ward_mounted *more;

	if (g->count == g->room) {
		more = reallocarray(g->vault, g->room + 16, sizeof(*more));
		if (!more)
			return -ENOMEM;
		g->vault = more;
		g->room += 16;
	}
	return mounted_reply(attrs, &g->vault[g->count++]);
}

/**
 * ward_nl_vault_dump - how all mounted vaults stand
 * @nl: the connection
 * @fn: called for each; not 0 ends the dump
 * @arg: for @fn
 *
 * Return: 0; what @fn returned; -EPERM; -EINTR when vaults keep coming and going;
 * -ENODEV when the module has gone; another negative errno.
 */
int ward_nl_vault_dump(struct ward_nl *nl, ward_mounted_fn fn, void *arg)
{
	struct gathered g = { 0 };
	bool interrupted = true;
	struct nl_msg *msg;
	int i, err = 0;
	size_t k;

	for (i = 0; !err && interrupted && i < DUMP_ATTEMPTS; i++) {
		g.count = 0;
		interrupted = false;
		msg = ward_nl_request(nl, WARD_CMD_VAULT_GET, NLM_F_DUMP, 0);
		err = msg ? ward_nl_exchange(nl, msg, gather, &g, &interrupted) : -ENOMEM;
	}
	if (!err && interrupted)
		err = -EINTR;
	for (k = 0; !err && k < g.count; k++)
		err = fn(&g.vault[k], arg);
	free(g.vault);
	return err;
}

/* ---- commands ------------------------------------------------------------------------------ */

/**
 * ward_nl_unlock - unlock a mounted vault
 * @nl: the connection
 * @uuid: which
 * @key_serial: serial number of a key of type "ward", which the caller may search
 *
 * Return: 0; -EALREADY when it is unlocked; -EKEYREJECTED when it is another vault's
 * key; -ENOENT when the vault is not mounted; another negative errno, with
 * ward_nl_why() for people.
 */
int ward_nl_unlock(struct ward_nl *nl, const uint8_t *uuid, int32_t key_serial)
{
	struct nl_msg *msg = vault_request(nl, WARD_CMD_UNLOCK, uuid, 0);

	if (!msg)
		return -ENOMEM;
	nla_put_s32(msg, WARD_A_KEY_SERIAL, key_serial);
	return ward_nl_exchange(nl, msg, NULL, NULL, NULL);
}

static int lost_reply(struct nlattr **attrs, void *arg)
{
	uint64_t *lost = arg;

	*lost = u64_of(attrs, WARD_A_VAULT_LOST);
	return 0;
}

/**
 * ward_nl_lock - take a vault's key away
 * @nl: the connection
 * @uuid: which
 * @now: do not wait until everything is written out
 * @lost: set to the bytes that were not written; may be NULL
 *
 * Return: 0, also when it was locked already; -ENOENT when the vault is not mounted;
 * another negative errno, the vault stays unlocked.
 */
int ward_nl_lock(struct ward_nl *nl, const uint8_t *uuid, bool now, uint64_t *lost)
{
	struct nl_msg *msg = vault_request(nl, WARD_CMD_LOCK, uuid, 0);
	uint64_t bytes = 0;
	int err;

	if (msg && now)
		nla_put_flag(msg, WARD_A_LOCK_NOW);
	err = ask(nl, msg, lost_reply, &bytes);
	if (!err && lost)
		*lost = bytes;
	return err;
}

/**
 * ward_nl_policy_load - put the policy in .ward/policy.new in force
 * @nl: the connection
 * @uuid: of the vault, which must be unlocked
 *
 * Return: 0; -ENOKEY when it is locked; -EBADMSG, -EXDEV, -ESTALE for a policy that is
 * not authentic, another vault's, not newer; another negative errno.
 */
int ward_nl_policy_load(struct ward_nl *nl, const uint8_t *uuid)
{
	struct nl_msg *msg = vault_request(nl, WARD_CMD_POLICY_LOAD, uuid, 0);

	return msg ? ward_nl_exchange(nl, msg, NULL, NULL, NULL) : -ENOMEM;
}

static int mac_reply(struct nlattr **attrs, void *arg)
{
	if (!attrs[WARD_A_POLICY_MAC] || nla_len(attrs[WARD_A_POLICY_MAC]) != WARD_MAC_SIZE)
		return -EPROTO;
	memcpy(arg, nla_data(attrs[WARD_A_POLICY_MAC]), WARD_MAC_SIZE);
	return 0;
}

/**
 * ward_nl_policy_renew - have the policy in .ward/policy.new authenticated
 * @nl: the connection
 * @uuid: of the vault, which must be unlocked
 * @mac: set to what belongs behind it
 *
 * Return: 0; -ENOKEY when it is locked; -EPERM when its rules are not those in force; -ESTALE
 * when it is not the next one; another negative errno.
 */
int ward_nl_policy_renew(struct ward_nl *nl, const uint8_t *uuid, uint8_t mac[WARD_MAC_SIZE])
{
	return ask(nl, vault_request(nl, WARD_CMD_POLICY_RENEW, uuid, 0), mac_reply, mac);
}

static int check_reply(struct nlattr **attrs, void *arg)
{
	struct ward_checked *c = arg;

	if (!attrs[WARD_A_CHECK_RESULT])
		return -EPROTO;
	c->result = u32_of(attrs, WARD_A_CHECK_RESULT);
	c->next = u64_of(attrs, WARD_A_CHECK_NEXT);
	c->bad = u64_of(attrs, WARD_A_CHECK_BAD);
	text_of(attrs, WARD_A_CHECK_NAME, c->name, sizeof(c->name));
	return 0;
}

/**
 * ward_nl_check - have the kernel check an object, or a part of a large one
 * @nl: the connection
 * @uuid: of the vault, which must be unlocked
 * @dirfd: a directory in .ward/tree
 * @path: from there, as stored; "" is the directory itself
 * @from: block to go on from; 0 at first
 * @checked: filled in
 *
 * Return: 0; -ENOKEY when the vault is locked; -ENOENT when there is no such entry (any
 * more), or no such vault; -ENAMETOOLONG when the module does not take such a long path;
 * another negative errno.
 */
int ward_nl_check(struct ward_nl *nl, const uint8_t *uuid, int dirfd, const char *path,
		  uint64_t from, struct ward_checked *checked)
{
	size_t len = strlen(path);
	struct nl_msg *msg;

	if (len > CHECK_PATH_MAX)
		return -ENAMETOOLONG;
	msg = vault_request(nl, WARD_CMD_CHECK, uuid, len);
	if (msg) {
		nla_put_string(msg, WARD_A_CHECK_PATH, path);
		nla_put_u64(msg, WARD_A_CHECK_FROM, from);
		nla_put_u32(msg, WARD_A_CHECK_DIR, dirfd);
	}
	return ask(nl, msg, check_reply, checked);
}

/**
 * ward_nl_checked - say that every object was checked
 * @nl: the connection
 * @uuid: of the vault
 * @epoch: in which the check began: &struct ward_mounted.epoch
 * @disturbed: &struct ward_mounted.disturbed, from before it began
 *
 * Return: 0; -EAGAIN when something may have been missed; -ESTALE when the vault was locked since; -ENOKEY when it is; -EROFS when it
 * is read-only; another negative errno.
 */
int ward_nl_checked(struct ward_nl *nl, const uint8_t *uuid, uint32_t epoch, uint64_t disturbed)
{
	struct nl_msg *msg = vault_request(nl, WARD_CMD_CHECKED, uuid, 0);

	if (!msg)
		return -ENOMEM;
	nla_put_u64(msg, WARD_A_CHECK_SEQ, epoch);
	nla_put_u64(msg, WARD_A_VAULT_DISTURBED, disturbed);
	return ward_nl_exchange(nl, msg, NULL, NULL, NULL);
}

static int program_reply(struct nlattr **attrs, void *arg)
{
	if (!attrs[WARD_A_PROGRAM_ID] ||
	    nla_len(attrs[WARD_A_PROGRAM_ID]) != sizeof(struct ward_program_id))
		return -EPROTO;
	memcpy(arg, nla_data(attrs[WARD_A_PROGRAM_ID]), sizeof(struct ward_program_id));
	return 0;
}

/**
 * ward_nl_program_get - ask what the kernel knows a program by
 * @nl: the connection
 * @fd: of its file
 * @id: filled in
 *
 * Return: 0; -EACCES when it is no regular file; -EXDEV when it lies where no rule can name
 * it; another negative errno.
 */
int ward_nl_program_get(struct ward_nl *nl, int fd, struct ward_program_id *id)
{
	struct nl_msg *msg = ward_nl_request(nl, WARD_CMD_PROGRAM_GET, 0, 0);

	if (msg)
		nla_put_u32(msg, WARD_A_PROGRAM_FD, fd);
	return ask(nl, msg, program_reply, id);
}
