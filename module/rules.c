// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiled policies: are they well formed, and what do they say. Bytes only: also
 * compiled in user space. Source: docs/format.md, "Policy".
 *
 * A policy is validated whole before it is ever asked, so the functions that ask
 * it trust its lengths. Nothing unknown is skipped: a policy that this code does
 * not understand entirely must not be in force.
 */
#include "rules.h"
#include "header.h"

/**
 * ward_policy_name_ok - can this be the name of a rule
 * @name: NUL-padded, with at least one NUL
 * @size: bytes with the padding
 *
 * UTF-8 (RFC 3629): shortest form only, no surrogates, so that one name has one
 * spelling in logs and tools.
 *
 * Return: true when it can.
 */
bool ward_policy_name_ok(const u8 *name, size_t size)
{
	size_t i = 0;

	while (i < size && name[i]) {
		static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
		unsigned int more, k;
		u32 c = name[i++];

		if (c < 0x80)
			continue;
		more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if (c < 0xc2 || c > 0xf4 || i + more > size)
			return false;
		c &= 0x3f >> more;
		for (k = 0; k < more; k++, i++) {
			if ((name[i] & 0xc0) != 0x80)
				return false;
			c = c << 6 | (name[i] & 0x3f);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
	}
	return i < size && ward_bytes_zero(name + i, size - i);
}

static bool subject_ok(const struct ward_subject *s, u16 type)
{
	u32 kind = le32_to_cpu(s->kind);

	/* 0xffffffff is "no such user" in every interface of the kernel. */
	if (le32_to_cpu(s->id) == 0xffffffff)
		return false;
	/* Of a login user only the number is known, not its groups. */
	return kind == WARD_SUBJECT_UID ||
	       (kind == WARD_SUBJECT_GID && type == WARD_COND_SUBJECT);
}

/**
 * ward_kthread_ok - can a thread of the kernel be called this
 * @k: its name
 *
 * Workers, which work for anybody, have a slash in theirs and cannot be named.
 *
 * Return: true when it can.
 */
bool ward_kthread_ok(const struct ward_kthread *k)
{
	size_t i;

	for (i = 0; i < sizeof(k->name) && k->name[i]; i++) {
		u8 c = k->name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return i && i < sizeof(k->name) && ward_bytes_zero(k->name + i, sizeof(k->name) - i);
}

static bool condition_ok(const struct ward_condition *c, u32 len)
{
	const struct ward_kthread *k = (const void *)(c + 1);
	const struct ward_subject *s = (const void *)(c + 1);
	u16 type = le16_to_cpu(c->type);
	u32 count = le16_to_cpu(c->count);
	u32 i;

	if (type == WARD_COND_KTHREAD) {
		if (!count || len != sizeof(*c) + count * sizeof(*k))
			return false;
		for (i = 0; i < count; i++)
			if (!ward_kthread_ok(&k[i]))
				return false;
		return true;
	}
	if (type != WARD_COND_SUBJECT && type != WARD_COND_LOGIN)
		return false;
	if (!count || len != sizeof(*c) + count * sizeof(*s))
		return false;
	for (i = 0; i < count; i++)
		if (!subject_ok(&s[i], type))
			return false;
	return true;
}

static bool rule_ok(const struct ward_rule *r, u32 len, struct ward_policy_traits *traits)
{
	const u8 *p = (const u8 *)(r + 1);
	const u8 *end = (const u8 *)r + len;
	u32 flags = le16_to_cpu(r->flags);
	u32 ops = le32_to_cpu(r->operations);
	bool by_login = false, by_subject = false;
	u32 kthreads = 0;
	u32 i;

	if (flags & ~WARD_RULE_FLAGS || !ops || ops & ~WARD_OP_ALL || r->reserved ||
	    !ward_policy_name_ok(r->name, sizeof(r->name)))
		return false;
	for (i = 0; i < le16_to_cpu(r->conditions); i++) {
		const struct ward_condition *c = (const void *)p;
		u32 l;

		if ((size_t)(end - p) < sizeof(*c))
			return false;
		l = le32_to_cpu(c->length);
		if (l < sizeof(*c) || l % 8 || l > (size_t)(end - p) || !condition_ok(c, l))
			return false;
		if (le16_to_cpu(c->type) == WARD_COND_LOGIN)
			by_login = true;
		else if (le16_to_cpu(c->type) == WARD_COND_KTHREAD)
			kthreads++;
		else
			by_subject = true;
		p += l;
	}
	traits->by_login |= by_login;
	/* A process without a login user may name itself one: that alone opens nothing. */
	if (flags & WARD_RULE_ALLOW && by_login && !by_subject)
		return false;
	return kthreads <= 1 && p == end;
}

/**
 * ward_policy_validate - is this a policy that we understand entirely
 * @blob: the compiled policy with its MAC, aligned to 8 bytes
 * @len: bytes
 * @vault: UUID of the vault that it should be for, 16 bytes
 * @traits: filled in on success
 *
 * Says nothing of authenticity: that is for the MAC in the last 32 bytes.
 *
 * Return: 0; -EPROTONOSUPPORT for another version; -EXDEV for another vault's;
 * -EBADMSG for anything that does not add up, or that this code does not know.
 */
int ward_policy_validate(const void *blob, size_t len, const u8 *vault,
			 struct ward_policy_traits *traits)
{
	const struct ward_policy_header *h = blob;
	struct ward_policy_traits found = { 0 };
	const u8 *p = (const u8 *)(h + 1);
	const u8 *end;
	u32 i;

	if (len < sizeof(*h) + WARD_MAC_SIZE || len > WARD_POLICY_MAX ||
	    memcmp(h->magic, WARD_POLICY_MAGIC, sizeof(h->magic)))
		return -EBADMSG;
	if (le16_to_cpu(h->version) != WARD_FORMAT_VERSION)
		return -EPROTONOSUPPORT;
	if (le32_to_cpu(h->length) != len || le16_to_cpu(h->flags) & ~WARD_POLICY_FLAGS ||
	    !ward_bytes_zero(h->reserved, sizeof(h->reserved)))
		return -EBADMSG;
	if (memcmp(h->vault, vault, sizeof(h->vault)))
		return -EXDEV;
	end = (const u8 *)blob + len - WARD_MAC_SIZE;
	found.rules = le32_to_cpu(h->rules);
	found.permissive = le16_to_cpu(h->flags) & WARD_POLICY_PERMISSIVE;
	for (i = 0; i < found.rules; i++) {
		const struct ward_rule *r = (const void *)p;
		u32 l;

		if ((size_t)(end - p) < sizeof(*r))
			return -EBADMSG;
		l = le32_to_cpu(r->length);
		if (l < sizeof(*r) || l % 8 || l > (size_t)(end - p) || !rule_ok(r, l, &found))
			return -EBADMSG;
		p += l;
	}
	if (p != end)
		return -EBADMSG;
	*traits = found;
	return 0;
}

/* @deny: of a rule that denies */
static bool subject_is(const struct ward_subject *s, u16 type, const struct ward_actor *who,
		       bool deny)
{
	u32 id = le32_to_cpu(s->id);

	if (type == WARD_COND_LOGIN)
		return who->has_login && id == who->loginuid;
	if (le32_to_cpu(s->kind) == WARD_SUBJECT_UID)
		return id == who->fsuid;
	/* A group that could have been left must not be a way past the rule. */
	return (deny && who->sheds_groups) || who->in_group(id, who->arg);
}

static bool names_kthread(const struct ward_condition *c, const struct ward_actor *who)
{
	const struct ward_kthread *k = (const void *)(c + 1);
	u32 i;

	for (i = 0; who->kernel && i < le16_to_cpu(c->count); i++)
		if (!strncmp((const char *)k[i].name, who->kthread, sizeof(k[i].name)))
			return true;
	return false;
}

static bool condition_holds(const struct ward_condition *c, const struct ward_actor *who,
			    bool deny)
{
	const struct ward_subject *s = (const void *)(c + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(c->count); i++)
		if (subject_is(&s[i], le16_to_cpu(c->type), who, deny))
			return true;
	return false;
}

static const struct ward_condition *condition_next(const struct ward_condition *c)
{
	return (const void *)((const u8 *)c + le32_to_cpu(c->length));
}

/*
 * Is the rule about threads of the kernel, and about this one?
 * Return: 1 it is, 0 it is about none, -1 it is about others.
 */
static int rule_kthread(const struct ward_rule *r, const struct ward_actor *who)
{
	const struct ward_condition *c = (const void *)(r + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(r->conditions); i++, c = condition_next(c))
		if (le16_to_cpu(c->type) == WARD_COND_KTHREAD)
			return names_kthread(c, who) ? 1 : -1;
	return 0;
}

static bool rule_applies(const struct ward_rule *r, const struct ward_actor *who)
{
	const struct ward_condition *c = (const void *)(r + 1);
	bool deny = !(le16_to_cpu(r->flags) & WARD_RULE_ALLOW);
	int named = rule_kthread(r, who);
	u32 i;

	if (named < 0)
		return false;
	for (i = 0; i < le16_to_cpu(r->conditions); i++, c = condition_next(c)) {
		if (le16_to_cpu(c->type) == WARD_COND_KTHREAD)
			continue;
		/* Whom a thread acts for opens nothing to one that no rule names. */
		if (who->kernel && !named && !deny)
			return false;
		if (!condition_holds(c, who, deny))
			return false;
	}
	return true;
}

static const struct ward_rule *rule_next(const struct ward_rule *r)
{
	return (const void *)((const u8 *)r + le32_to_cpu(r->length));
}

/**
 * ward_policy_decide - what does a policy say of an access
 * @blob: a policy that ward_policy_validate() took
 * @who: who asks
 * @ops: WARD_OP_*, what is to be done; each of them must be allowed
 * @verdict: filled in
 *
 * The first rule that matches decides, for each operation by itself. What no
 * rule matches is refused.
 * Context: does not sleep.
 */
void ward_policy_decide(const void *blob, const struct ward_actor *who, u32 ops,
			struct ward_verdict *verdict)
{
	const struct ward_policy_header *h = blob;
	const struct ward_rule *r = (const void *)(h + 1);
	u32 i;

	memset(verdict, 0, sizeof(*verdict));
	for (i = 0; ops && i < le32_to_cpu(h->rules); i++, r = rule_next(r)) {
		u16 flags = le16_to_cpu(r->flags);

		if (!(le32_to_cpu(r->operations) & ops) || !rule_applies(r, who))
			continue;
		if (!(flags & WARD_RULE_ALLOW)) {
			verdict->record = false;
			verdict->silent = flags & WARD_RULE_SILENT;
			verdict->rule = r;
			return;
		}
		ops &= ~le32_to_cpu(r->operations);
		if (!verdict->rule || (!verdict->record && flags & WARD_RULE_RECORD))
			verdict->rule = r;
		verdict->record |= !!(flags & WARD_RULE_RECORD);
	}
	if (ops) {
		/* Nobody answered for what is left. */
		memset(verdict, 0, sizeof(*verdict));
		return;
	}
	verdict->allow = true;
}

/**
 * ward_policy_allowed - all that a policy lets somebody do
 * @blob: a policy that ward_policy_validate() took
 * @who: who asks
 *
 * Context: does not sleep.
 *
 * Return: WARD_OP_*; 0 for somebody who has no business there.
 */
u32 ward_policy_allowed(const void *blob, const struct ward_actor *who)
{
	const struct ward_policy_header *h = blob;
	const struct ward_rule *r = (const void *)(h + 1);
	u32 open = WARD_OP_ALL, allowed = 0;
	u32 i;

	for (i = 0; open && i < le32_to_cpu(h->rules); i++, r = rule_next(r)) {
		u32 ops = le32_to_cpu(r->operations) & open;

		if (!ops || !rule_applies(r, who))
			continue;
		if (le16_to_cpu(r->flags) & WARD_RULE_ALLOW)
			allowed |= ops;
		open &= ~ops;
	}
	return allowed;
}

/**
 * ward_policy_walks - may somebody walk through directories
 * @blob: a policy that ward_policy_validate() took
 * @who: who asks
 *
 * Who may do something may walk to it. A server in the kernel walks with rights of
 * its own to find what a handle leads to, before it acts for a client: it may where
 * some rule lets it in at all.
 * Context: does not sleep.
 *
 * Return: true when he may.
 */
bool ward_policy_walks(const void *blob, const struct ward_actor *who)
{
	const struct ward_policy_header *h = blob;
	const struct ward_rule *r = (const void *)(h + 1);
	u32 i;

	if (ward_policy_allowed(blob, who))
		return true;
	for (i = 0; who->kernel && who->own && i < le32_to_cpu(h->rules); i++, r = rule_next(r))
		if (le16_to_cpu(r->flags) & WARD_RULE_ALLOW && rule_kthread(r, who) > 0)
			return true;
	return false;
}
