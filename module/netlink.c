// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family, as docs/netlink/ward.yaml specifies it. Everything
 * here asks for CAP_SYS_ADMIN in the initial user namespace: commands, dumps, and
 * listening to the events, in which there are names of files.
 */
#include <linux/capability.h>
#include <linux/crypto.h>
#include <linux/file.h>
#include <linux/jhash.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <crypto/aead.h>
#include <net/genetlink.h>
#include "wardfs.h"
#include "nlreason.h"
#include "ring.h"
#include "compat/netlink.h"

/* How often we insist on a multicast group that nobody listens to yet. */
#define GROUP_ATTEMPTS	16

/* Longest lower path that can be asked about, bytes. */
#define CHECK_PATH_MAX	16383

static struct genl_family family;

static const struct nla_policy vault_policy[] = {
	[WARD_A_VAULT_ID]	= NLA_POLICY_EXACT_LEN(WARD_UUID_SIZE),
};

static const struct nla_policy unlock_policy[] = {
	[WARD_A_VAULT_ID]	= NLA_POLICY_EXACT_LEN(WARD_UUID_SIZE),
	[WARD_A_KEY_SERIAL]	= NLA_POLICY_MIN(NLA_S32, 1),
};

static const struct nla_policy lock_policy[] = {
	[WARD_A_VAULT_ID]	= NLA_POLICY_EXACT_LEN(WARD_UUID_SIZE),
	[WARD_A_LOCK_NOW]	= { .type = NLA_FLAG },
};

static const struct nla_policy check_policy[] = {
	[WARD_A_VAULT_ID]	= NLA_POLICY_EXACT_LEN(WARD_UUID_SIZE),
	[WARD_A_CHECK_PATH]	= { .type = NLA_NUL_STRING, .len = CHECK_PATH_MAX },
	[WARD_A_CHECK_FROM]	= { .type = NLA_U64 },
	[WARD_A_CHECK_DIR]	= NLA_POLICY_MIN(NLA_S32, 0),
};

static const struct nla_policy checked_policy[] = {
	[WARD_A_VAULT_ID]	= NLA_POLICY_EXACT_LEN(WARD_UUID_SIZE),
	[WARD_A_CHECK_SEQ]	= { .type = NLA_U64 },
	[WARD_A_VAULT_DISTURBED] = { .type = NLA_U64 },
};

static const struct nla_policy event_policy[] = {
	[WARD_A_EVENT_SEQUENCE]	= { .type = NLA_U64 },
};

static const struct nla_policy program_policy[] = {
	[WARD_A_PROGRAM_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
};

/* ---- refusing -------------------------------------------------------------- */

static int permitted(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack, "this needs CAP_SYS_ADMIN in the initial user namespace: ask as root");
	return -EPERM;
}

/* The vault that a command is about; wardfs_sb_put() it. */
static int command_vault(struct sk_buff *skb, struct genl_info *info, struct wardfs_sb **sbi)
{
	int err = permitted(skb, info->extack);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, WARD_A_VAULT_ID)) {
		GENL_SET_ERR_MSG(info, "name the vault: WARD_A_VAULT_ID is missing");
		return -EINVAL;
	}
	*sbi = wardfs_sb_get(nla_data(info->attrs[WARD_A_VAULT_ID]));
	if (*sbi)
		return 0;
	GENL_SET_ERR_MSG(info, "no vault with this UUID is mounted: mount it first");
	return -ENOENT;
}

/* ---- replies ------------------------------------------------------------------ */

static struct sk_buff *reply_begin(struct genl_info *info, u8 cmd, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

/* Sends what was put, unless putting it failed. */
static int reply_end(struct genl_info *info, struct sk_buff *skb, void *hdr, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

static int put_module(struct sk_buff *skb)
{
	struct wardfs_ring_state state;

	wardfs_ring_state(&state);
	if (nla_put_string(skb, WARD_A_MODULE_VERSION, WARDFS_VERSION) ||
	    nla_put_u32(skb, WARD_A_MODULE_FORMAT, WARD_FORMAT_VERSION) ||
	    nla_put(skb, WARD_A_LOAD_ID, WARDFS_LOAD_ID_SIZE, wardfs_ring_load_id()) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_NEXT, state.next, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_OLDEST, state.oldest, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_EVENT_DROPPED, state.dropped, WARD_A_PAD))
		return -EMSGSIZE;
	return 0;
}

/* What is known only while it is unlocked; nothing of it is an error. */
static int put_unlocked(struct sk_buff *skb, struct wardfs_sb *sbi)
{
	struct wardfs_keys *keys;
	int idx, err = 0;

	if (READ_ONCE(sbi->state) != WARD_STATE_UNLOCKED)
		return 0;
	idx = wardfs_enter(sbi->sb);
	if (idx < 0)
		return 0;
	keys = wardfs_keys(sbi);
	if (keys && (nla_put_string(skb, WARD_A_VAULT_DRIVER,
				    crypto_tfm_alg_driver_name(crypto_aead_tfm(keys->wrap))) ||
		     nla_put_u32(skb, WARD_A_VAULT_EPOCH, keys->epoch)))
		err = -EMSGSIZE;
	wardfs_exit(sbi->sb, idx);
	return err;
}

static int put_vault(struct sk_buff *skb, struct wardfs_sb *sbi)
{
	bool permissive;
	u32 rules = wardfs_policy_rules(sbi, &permissive);
	u64 gone, hours_end = wardfs_policy_hours_end(sbi);
	u64 events = wardfs_ring_tally(sbi->uuid, &gone);
	u32 flags = sb_rdonly(sbi->sb) ? WARD_VAULT_F_RDONLY : 0;

	if (READ_ONCE(sbi->unchecked))
		flags |= WARD_VAULT_F_UNCHECKED;
	if (permissive)
		flags |= WARD_VAULT_F_PERMISSIVE;
	if (nla_put(skb, WARD_A_VAULT_ID, sizeof(sbi->uuid), sbi->uuid) ||
	    nla_put_string(skb, WARD_A_VAULT_NAME, sbi->name) ||
	    nla_put_u32(skb, WARD_A_VAULT_STATE, READ_ONCE(sbi->state)) ||
	    nla_put_u32(skb, WARD_A_VAULT_FLAGS, flags) ||
	    nla_put_u32(skb, WARD_A_VAULT_SUITE, sbi->suite) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_POLICY_SERIAL, wardfs_policy_serial(sbi),
			      WARD_A_PAD) ||
	    nla_put_u32(skb, WARD_A_VAULT_RULES, rules) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_VIOLATIONS, atomic64_read(&sbi->violations),
			      WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_TAMPERS, atomic64_read(&sbi->tampers),
			      WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_SETTLED, atomic64_read(&sbi->settled),
			      WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_DISTURBED, atomic64_read(&sbi->disturbed),
			      WARD_A_PAD) ||
	    nla_put_u32(skb, WARD_A_VAULT_DEV, new_encode_dev(sbi->sb->s_dev)) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_EVENTS, events, WARD_A_PAD) ||
	    nla_put_u64_64bit(skb, WARD_A_VAULT_EVENTS_GONE, gone, WARD_A_PAD) ||
	    (hours_end &&
	     nla_put_u64_64bit(skb, WARD_A_VAULT_HOURS_END, hours_end, WARD_A_PAD)))
		return -EMSGSIZE;
	return put_unlocked(skb, sbi);
}

/* ---- commands ------------------------------------------------------------------ */

static int module_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *hdr;
	int err = permitted(skb, info->extack);

	if (err)
		return err;
	reply = reply_begin(info, WARD_CMD_MODULE_GET, &hdr);
	return reply ? reply_end(info, reply, hdr, put_module(reply)) : -ENOMEM;
}

static int vault_get(struct sk_buff *skb, struct genl_info *info)
{
	struct wardfs_sb *sbi;
	struct sk_buff *reply;
	void *hdr;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	reply = reply_begin(info, WARD_CMD_VAULT_GET, &hdr);
	err = reply ? reply_end(info, reply, hdr, put_vault(reply, sbi)) : -ENOMEM;
	wardfs_sb_put(sbi);
	return err;
}

static int vault_unlock(struct sk_buff *skb, struct genl_info *info)
{
	static const struct reason reasons[] = {
		{ -EALREADY, "the vault is unlocked already" },
		{ -EINVAL,
		  "the key is not for this vault: it must be of type ward, described ward:UUID" },
		{ -EKEYREJECTED,
		  "the master key is not this vault's: its vault file has another MAC" },
		{ -EUCLEAN,
		  "no epoch record authenticates: put .ward/epoch back from a backup" },
		{ -EOVERFLOW, "the epoch numbers are used up: rekey the vault" },
		{ -ENOKEY, "there is no key with this serial number" },
		{ -EACCES, "the key may not be searched by you: check its permissions" },
		{ -EKEYEXPIRED, "the key has expired: add it again" },
		{ -EKEYREVOKED, "the key was revoked: add it again" },
		{ }
	};
	struct wardfs_sb *sbi;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, WARD_A_KEY_SERIAL)) {
		GENL_SET_ERR_MSG(info, "name the key: WARD_A_KEY_SERIAL is missing");
		err = -EINVAL;
	} else {
		err = wardfs_unlock(sbi, nla_get_s32(info->attrs[WARD_A_KEY_SERIAL]));
		explain(info->extack, reasons, err);
	}
	wardfs_sb_put(sbi);
	return err;
}

static int vault_lock(struct sk_buff *skb, struct genl_info *info)
{
	struct wardfs_sb *sbi;
	struct sk_buff *reply;
	void *hdr;
	u64 lost = 0;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	/* Made before, because locking is not undone for want of memory. */
	reply = reply_begin(info, WARD_CMD_LOCK, &hdr);
	if (!reply) {
		err = -ENOMEM;
		goto put;
	}
	err = wardfs_lock(sbi, nla_get_flag(info->attrs[WARD_A_LOCK_NOW]), &lost);
	if (err)
		GENL_SET_ERR_MSG(info, "not everything could be written out: the vault stays unlocked; mend that, or lock now and lose it");
	else if (nla_put_u64_64bit(reply, WARD_A_VAULT_LOST, lost, WARD_A_PAD))
		err = -EMSGSIZE;
	err = reply_end(info, reply, hdr, err);
put:
	wardfs_sb_put(sbi);
	return err;
}

static const struct reason policy_reasons[] = {
	{ -ENOKEY, "the vault is locked: unlock it first" },
	{ -ENOENT, "there is no .ward/policy.new, or, to be renewed, no policy in force" },
	{ -EBADMSG,
	  "the policy does not authenticate, or has in it what this module does not know" },
	{ -EPROTONOSUPPORT, "the policy's format version is not known to this module" },
	{ -EXDEV, "the policy is for another vault" },
	{ -ESTALE,
	  "the policy is not newer than the one in force, or not the next one: compile it again" },
	{ -EPERM,
	  "the rules are not those in force, or say renew = no: load them, with a secret" },
	{ }
};

static int policy_load(struct sk_buff *skb, struct genl_info *info)
{
	struct wardfs_sb *sbi;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	err = explain(info->extack, policy_reasons, wardfs_load_policy(sbi));
	wardfs_sb_put(sbi);
	return err;
}

static int policy_renew(struct sk_buff *skb, struct genl_info *info)
{
	struct wardfs_sb *sbi;
	struct sk_buff *reply;
	u8 mac[WARD_MAC_SIZE];
	void *hdr;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	err = explain(info->extack, policy_reasons, wardfs_renew_policy(sbi, mac));
	wardfs_sb_put(sbi);
	if (err)
		return err;
	reply = reply_begin(info, WARD_CMD_POLICY_RENEW, &hdr);
	if (!reply)
		return -ENOMEM;
	return reply_end(info, reply, hdr, nla_put(reply, WARD_A_POLICY_MAC, sizeof(mac), mac));
}

static int put_check(struct sk_buff *skb, const struct wardfs_check *check)
{
	if (nla_put_u32(skb, WARD_A_CHECK_RESULT, check->result) ||
	    nla_put_u64_64bit(skb, WARD_A_CHECK_BAD, check->bad, WARD_A_PAD) ||
	    (check->next &&
	     nla_put_u64_64bit(skb, WARD_A_CHECK_NEXT, check->next, WARD_A_PAD)))
		return -EMSGSIZE;
	/*
	 * No names for those who have no right to them, but of what the log names, too. A
	 * name too long for the message is left out: the caller has the stored one.
	 */
	if (check->name && (check->result == WARD_CHECK_TAMPERED ||
			    check->result == WARD_CHECK_SETTLED) &&
	    nla_put_string(skb, WARD_A_CHECK_NAME, check->name))
		return 0;
	return 0;
}

/*
 * A tree can be deeper than any path is long: whoever walks it names entries by the
 * directory that it has open. Commands run in the task that sends them, so its
 * descriptors are at hand.
 */
static int check_from(struct wardfs_sb *sbi, struct genl_info *info, struct wardfs_check *check)
{
	const char *path = nla_data(info->attrs[WARD_A_CHECK_PATH]);
	struct nlattr *dir = info->attrs[WARD_A_CHECK_DIR];
	struct file *file;
	int err;

	if (!dir)
		return wardfs_check_object(sbi, NULL, path, check);
	file = fget_raw(nla_get_s32(dir));
	if (!file)
		return -EBADF;
	err = wardfs_check_object(sbi, file->f_path.dentry, path, check);
	fput(file);
	return err;
}

static int vault_check(struct sk_buff *skb, struct genl_info *info)
{
	static const struct reason reasons[] = {
		{ -ENOKEY, "the vault is locked: unlock it first" },
		{ -ENOENT, "there is no such entry below .ward/tree" },
		{ -EINVAL, "no path below .ward/tree" },
		{ -EBADF, "WARD_A_CHECK_DIR is no open descriptor" },
		{ -EXDEV, "WARD_A_CHECK_DIR is no directory in this vault's .ward/tree" },
		{ }
	};
	struct wardfs_check check = { 0 };
	struct nlattr *path = info->attrs[WARD_A_CHECK_PATH];
	struct wardfs_sb *sbi;
	struct sk_buff *reply;
	void *hdr;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, WARD_A_CHECK_PATH) ||
	    strlen(nla_data(path)) + 1 != nla_len(path)) {
		GENL_SET_ERR_MSG(info, "name the entry: WARD_A_CHECK_PATH is missing or no string");
		err = -EINVAL;
		goto put;
	}
	if (info->attrs[WARD_A_CHECK_FROM])
		check.from = nla_get_u64(info->attrs[WARD_A_CHECK_FROM]);
	err = -ENOKEY;
	if (READ_ONCE(sbi->state) == WARD_STATE_UNLOCKED)
		err = check_from(sbi, info, &check);
	explain(info->extack, reasons, err);
	if (err)
		goto free;
	reply = reply_begin(info, WARD_CMD_CHECK, &hdr);
	err = reply ? reply_end(info, reply, hdr, put_check(reply, &check)) : -ENOMEM;
free:
	kfree(check.name);
put:
	wardfs_sb_put(sbi);
	return err;
}

/* A check pass counts for the epoch that it began in. */
static int epoch_is(struct wardfs_sb *sbi, u64 epoch)
{
	int idx = -ENOKEY, err;

	if (READ_ONCE(sbi->state) == WARD_STATE_UNLOCKED)
		idx = wardfs_enter(sbi->sb);
	if (idx < 0)
		return idx;
	err = wardfs_keys(sbi)->epoch == epoch ? 0 : -ESTALE;
	wardfs_exit(sbi->sb, idx);
	return err;
}

static int vault_checked(struct sk_buff *skb, struct genl_info *info)
{
	static const struct reason reasons[] = {
		{ -ENOKEY, "the vault is locked: unlock it first" },
		{ -ESTALE, "the vault was locked since this check began: check it again" },
		{ -EROFS,
		  "the vault is read-only: it can be checked for good when it is writable" },
		{ -EAGAIN, "directories were moved, or writes failed, meanwhile: check it again" },
		{ }
	};
	struct nlattr *mark = info->attrs[WARD_A_VAULT_DISTURBED];
	struct wardfs_sb *sbi;
	int err = command_vault(skb, info, &sbi);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, WARD_A_CHECK_SEQ)) {
		GENL_SET_ERR_MSG(info, "say which check: WARD_A_CHECK_SEQ is missing");
		err = -EINVAL;
	} else {
		err = epoch_is(sbi, nla_get_u64(info->attrs[WARD_A_CHECK_SEQ]));
		if (!err)
			err = wardfs_set_checked(sbi, mark ? nla_get_u64(mark) :
						 atomic64_read(&sbi->disturbed));
		explain(info->extack, reasons, err);
	}
	wardfs_sb_put(sbi);
	return err;
}

/* ---- dumps ------------------------------------------------------------------------ */

/**
 * struct vault_walk - one part of a dump of vaults
 * @skb: the message being filled
 * @cb: the dump
 * @at: which vault comes
 * @done: how many vaults were told in all, kept in @cb
 */
struct vault_walk {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	long at;
	long done;
};

static int vault_dump_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = wardfs_dump_attrs(cb);
	int err = permitted(cb->skb, cb->extack);

	if (err)
		return err;
	if (attrs && attrs[WARD_A_VAULT_ID]) {
		NL_SET_ERR_MSG(cb->extack, "a dump is of all vaults: leave WARD_A_VAULT_ID out, or do not ask for a dump");
		return -EINVAL;
	}
	return 0;
}

/* What vaults there are, as a number: a dump in parts must notice a change. */
static int vault_dump_hash(struct wardfs_sb *sbi, void *arg)
{
	u32 *hash = arg;

	*hash = jhash(sbi->uuid, sizeof(sbi->uuid), *hash);
	return 0;
}

static int vault_dump_one(struct wardfs_sb *sbi, void *arg)
{
	struct vault_walk *w = arg;
	void *hdr;

	if (w->at++ < w->done)
		return 0;
	hdr = genlmsg_put(w->skb, NETLINK_CB(w->cb->skb).portid, w->cb->nlh->nlmsg_seq, &family,
			  NLM_F_MULTI, WARD_CMD_VAULT_GET);
	if (!hdr)
		return -EMSGSIZE;
	genl_dump_check_consistent(w->cb, hdr);
	if (put_vault(w->skb, sbi)) {
		genlmsg_cancel(w->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(w->skb, hdr);
	w->done++;
	return 0;
}

static int vault_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vault_walk w = { .skb = skb, .cb = cb, .done = cb->args[0] };
	u32 hash = 0;
	int err;

	wardfs_sb_for_each(vault_dump_hash, &hash);
	cb->seq = hash ?: 1;
	err = wardfs_sb_for_each(vault_dump_one, &w);
	/* Nothing fitted into an empty message: that would go on for ever. */
	if (err && w.done == cb->args[0])
		return err;
	cb->args[0] = w.done;
	return skb->len;
}

/**
 * struct event_walk - where a dump of events stands; lives in the callback
 * @next: sequence number of the event to be sent next
 * @until: sequence number where the dump ends
 */
struct event_walk {
	u64 next;
	u64 until;
};

static struct event_walk *event_walk(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct event_walk) > sizeof(cb->ctx));
	return (struct event_walk *)cb->ctx;
}

static int event_dump_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = wardfs_dump_attrs(cb);
	struct event_walk *w = event_walk(cb);
	struct wardfs_ring_state state;
	int err = permitted(cb->skb, cb->extack);

	if (err)
		return err;
	wardfs_ring_state(&state);
	w->until = state.next;
	w->next = state.oldest;
	if (attrs && attrs[WARD_A_EVENT_SEQUENCE])
		w->next = nla_get_u64(attrs[WARD_A_EVENT_SEQUENCE]) ?: 1;
	if (w->next > state.next) {
		NL_SET_ERR_MSG(cb->extack, "there is no such event yet: compare WARD_A_LOAD_ID, the module was loaded anew");
		return -ERANGE;
	}
	/* The longest event fits into every part. */
	cb->min_dump_alloc = NLMSG_ALIGN(WARDFS_BODY_MAX + 512);
	return 0;
}

static int event_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct event_walk *w = event_walk(cb);

	while (w->next < w->until) {
		void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					&family, NLM_F_MULTI, WARD_CMD_EVENT);
		int err = hdr ? wardfs_ring_put(skb, &w->next) : -EMSGSIZE;

		if (!err) {
			genlmsg_end(skb, hdr);
			continue;
		}
		if (hdr)
			genlmsg_cancel(skb, hdr);
		if (!skb->len)
			return err;
		break;
	}
	return skb->len;
}

/* ---- programs ---------------------------------------------------------------------- */

/*
 * What makes the file of a descriptor of the caller's the program that a rule names; only
 * the kernel knows it for sure, as on overlayfs.
 */
static int program_get(struct sk_buff *skb, struct genl_info *info)
{
	struct ward_program_id id;
	struct sk_buff *reply;
	struct file *file;
	void *hdr;
	int err = permitted(skb, info->extack);

	if (err)
		return err;
	if (GENL_REQ_ATTR_CHECK(info, WARD_A_PROGRAM_FD)) {
		GENL_SET_ERR_MSG(info, "name the file: WARD_A_PROGRAM_FD is missing");
		return -EINVAL;
	}
	file = fget_raw(nla_get_s32(info->attrs[WARD_A_PROGRAM_FD]));
	if (!file) {
		GENL_SET_ERR_MSG(info, "WARD_A_PROGRAM_FD is no open descriptor");
		return -EBADF;
	}
	err = S_ISREG(file_inode(file)->i_mode) ? 0 : -EACCES;
	if (!err)
		wardfs_program_id(file_inode(file), true, &id);
	fput(file);
	if (err) {
		GENL_SET_ERR_MSG(info, "WARD_A_PROGRAM_FD is no file that could be executed");
		return err;
	}
	if (!id.kind) {
		GENL_SET_ERR_MSG(info, "the program lies on a file system that a user mounted, or a process provides (FUSE)");
		return -EXDEV;
	}
	reply = reply_begin(info, WARD_CMD_PROGRAM_GET, &hdr);
	if (!reply)
		return -ENOMEM;
	return reply_end(info, reply, hdr, nla_put(reply, WARD_A_PROGRAM_ID, sizeof(id), &id));
}

/* ---- multicast -------------------------------------------------------------------- */

/*
 * One work item sends everything, so events arrive in order and nobody who reports
 * one waits. What cannot be sent for want of memory is a gap that the listener sees
 * and fills with a dump.
 */
static u64 sent = 1;

static void deliver_work(struct work_struct *work)
{
	size_t len;

	while ((len = wardfs_ring_length(sent))) {
		struct sk_buff *skb = NULL;
		void *hdr;
		int err;

		if (genl_has_listeners(&family, &init_net, 0))
			skb = genlmsg_new(len, GFP_KERNEL | __GFP_NOWARN);
		if (!skb) {
			sent++;
			continue;
		}
		hdr = genlmsg_put(skb, 0, 0, &family, 0, WARD_CMD_EVENT);
		err = hdr ? wardfs_ring_put(skb, &sent) : -EMSGSIZE;
		if (err) {
			/* Overwritten meanwhile, by longer ones: ask anew. */
			nlmsg_free(skb);
			continue;
		}
		genlmsg_end(skb, hdr);
		genlmsg_multicast(&family, skb, 0, 0, GFP_KERNEL);
		cond_resched();
	}
}

static DECLARE_WORK(deliver, deliver_work);

static void deliver_wake(void)
{
	queue_work(system_unbound_wq, &deliver);
}

/* ---- the family --------------------------------------------------------------------- */

static const struct genl_ops ops[] = {
	{
		.cmd = WARD_CMD_MODULE_GET,
		.doit = module_get,
	}, {
		.cmd = WARD_CMD_VAULT_GET,
		.doit = vault_get,
		.start = vault_dump_start,
		.dumpit = vault_dump,
		.policy = vault_policy,
		.maxattr = ARRAY_SIZE(vault_policy) - 1,
	}, {
		.cmd = WARD_CMD_UNLOCK,
		.doit = vault_unlock,
		.policy = unlock_policy,
		.maxattr = ARRAY_SIZE(unlock_policy) - 1,
	}, {
		.cmd = WARD_CMD_LOCK,
		.doit = vault_lock,
		.policy = lock_policy,
		.maxattr = ARRAY_SIZE(lock_policy) - 1,
	}, {
		.cmd = WARD_CMD_POLICY_LOAD,
		.doit = policy_load,
		.policy = vault_policy,
		.maxattr = ARRAY_SIZE(vault_policy) - 1,
	}, {
		.cmd = WARD_CMD_CHECK,
		.doit = vault_check,
		.policy = check_policy,
		.maxattr = ARRAY_SIZE(check_policy) - 1,
	}, {
		.cmd = WARD_CMD_CHECKED,
		.doit = vault_checked,
		.policy = checked_policy,
		.maxattr = ARRAY_SIZE(checked_policy) - 1,
	}, {
		.cmd = WARD_CMD_EVENT_GET,
		.start = event_dump_start,
		.dumpit = event_dump,
		.policy = event_policy,
		.maxattr = ARRAY_SIZE(event_policy) - 1,
	}, {
		.cmd = WARD_CMD_PROGRAM_GET,
		.doit = program_get,
		.policy = program_policy,
		.maxattr = ARRAY_SIZE(program_policy) - 1,
	}, {
		.cmd = WARD_CMD_POLICY_RENEW,
		.doit = policy_renew,
		.policy = vault_policy,
		.maxattr = ARRAY_SIZE(vault_policy) - 1,
	},
};

static const struct genl_multicast_group groups[] = {
	{ .name = WARD_GENL_GROUP_EVENTS, .flags = GENL_MCAST_CAP_SYS_ADMIN },
};

static struct genl_family family __ro_after_init = {
	.name = WARD_GENL_NAME,
	.version = WARD_GENL_VERSION,
	.netnsok = false,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	.module = THIS_MODULE,
};

/*
 * Anybody may join a multicast group that belongs to no family yet, and stays in it
 * when it becomes ours: the capability is asked for at joining only. So our group
 * begins without listeners. Unregistering throws out whoever is in; from registering
 * on, joining is checked.
 */
static int register_alone(void)
{
	int i, err;

	for (i = 0; i < GROUP_ATTEMPTS; i++) {
		err = genl_register_family(&family);
		if (err)
			return err;
		if (!genl_has_listeners(&family, &init_net, 0))
			return 0;
		genl_unregister_family(&family);
	}
	pr_err("wardfs: some process without a right to it keeps joining the multicast group that is to be ours\n");
	return -EBUSY;
}

/**
 * wardfs_netlink_init - register the family
 *
 * Return: 0; -EBUSY when somebody listens where only we may let them; another
 * negative errno.
 */
int __init wardfs_netlink_init(void)
{
	int err = register_alone();

	if (err)
		return err;
	wardfs_ring_listen(deliver_wake);
	return 0;
}

/**
 * wardfs_netlink_exit - unregister the family
 *
 * Waits for commands and dumps; afterwards none comes.
 */
void wardfs_netlink_exit(void)
{
	/* Who listens gets what there is. */
	wardfs_ring_unfold();
	flush_work(&deliver);
	wardfs_ring_listen(NULL);
	cancel_work_sync(&deliver);
	genl_unregister_family(&family);
}
