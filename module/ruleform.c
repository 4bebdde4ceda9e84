// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiled policies: are they well formed. Bytes only: also compiled in user space.
 * Source: docs/format.md, "Policy".
 *
 * A policy is validated whole before it is ever asked, so the functions that ask it
 * (rules.c) trust its lengths. Nothing unknown is skipped: a policy that this code
 * does not understand entirely must not be in force.
 */
#include "rules.h"
#include "codec.h"
#include "header.h"
#include "hours.h"

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

/**
 * ward_path_ok - can a rule name a directory of the vault like this
 * @path: the path, not terminated
 * @len: bytes
 *
 * Each directory has one spelling: see struct ward_path.
 *
 * Return: its components, 0 for the top; -EINVAL when it can not.
 */
int ward_path_ok(const u8 *path, size_t len)
{
	size_t i, start = 1;
	int depth = 0;

	if (!len || len > WARD_PATH_MAX || path[0] != '/')
		return -EINVAL;
	if (len == 1)
		return 0;
	for (i = 1; i <= len; i++) {
		size_t n = i - start;

		if (i < len && !path[i])
			return -EINVAL;
		if (i < len && path[i] != '/')
			continue;
		if (!n || n > WARD_NAME_MAX || (n <= 2 && path[start] == '.' && path[i - 1] == '.'))
			return -EINVAL;
		start = i + 1;
		depth++;
	}
	return depth <= WARD_PATH_DEPTH ? depth : -EINVAL;
}

static bool subjects_ok(const struct ward_condition *c, u32 len)
{
	const struct ward_subject *s = (const void *)(c + 1);
	u32 count = le16_to_cpu(c->count);
	u32 i;

	if (len != count * sizeof(*s))
		return false;
	for (i = 0; i < count; i++)
		if (!subject_ok(&s[i], le16_to_cpu(c->type)))
			return false;
	return true;
}

static bool kthreads_ok(const struct ward_condition *c, u32 len)
{
	const struct ward_kthread *k = (const void *)(c + 1);
	u32 count = le16_to_cpu(c->count);
	u32 i;

	if (len != count * sizeof(*k))
		return false;
	for (i = 0; i < count; i++)
		if (!ward_kthread_ok(&k[i]))
			return false;
	return true;
}

static bool paths_ok(const struct ward_condition *c, u32 len, struct ward_policy_traits *traits)
{
	const u8 *p = (const u8 *)(c + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(c->count); i++) {
		const struct ward_path *path = (const void *)p;
		u32 size, text;
		int depth;

		if (len < sizeof(*path))
			return false;
		text = le16_to_cpu(path->length);
		size = ward_path_size(text);
		if (size > len)
			return false;
		depth = ward_path_ok(path->text, text);
		if (depth < 0 ||
		    !ward_bytes_zero(path->text + text, size - sizeof(*path) - text))
			return false;
		traits->components += depth;
		p += size;
		len -= size;
	}
	return !len && traits->components <= WARD_PATHS_MAX;
}

static bool program_id_ok(const struct ward_program_id *id)
{
	u32 kind = le32_to_cpu(id->kind);

	if (id->reserved)
		return false;
	if (kind == WARD_PROGRAM_ABSENT)
		return ward_bytes_zero(&id->generation,
				       sizeof(*id) - offsetof(struct ward_program_id, generation));
	return kind == WARD_PROGRAM_DEVICE || (kind == WARD_PROGRAM_UUID && !id->dev) ||
	       (kind == WARD_PROGRAM_SUBVOLUME && id->dev);
}

static bool programs_ok(const struct ward_condition *c, u32 len)
{
	const u8 *p = (const u8 *)(c + 1);
	u32 i;

	for (i = 0; i < le16_to_cpu(c->count); i++) {
		const struct ward_program *program = (const void *)p;
		u32 size, text;

		if (len < sizeof(*program))
			return false;
		text = le16_to_cpu(program->path_length);
		size = ward_program_size(text);
		if (!text || text > WARD_PATH_MAX || le16_to_cpu(program->length) != size ||
		    size > len || program->reserved || program->path[0] != '/' ||
		    memchr(program->path, 0, text) || !program_id_ok(&program->id) ||
		    !ward_bytes_zero(program->path + text, size - sizeof(*program) - text))
			return false;
		p += size;
		len -= size;
	}
	return !len;
}

static bool bursts_ok(const struct ward_condition *c, u32 len)
{
	const struct ward_burst *b = (const void *)(c + 1);
	u32 count = le16_to_cpu(c->count);
	u32 i;

	if (len != count * sizeof(*b) || count > WARD_BURST_ENTRIES)
		return false;
	for (i = 0; i < count; i++) {
		u32 what = le32_to_cpu(b[i].what), seconds = le32_to_cpu(b[i].seconds);
		u64 most = le64_to_cpu(b[i].most);

		if (what < WARD_BURST_FILES || what > WARD_BURST_CHANGES || !seconds ||
		    seconds > WARD_BURST_SECONDS_MAX || !most ||
		    (what == WARD_BURST_BYTES ? most >> 63 : most > WARD_BURST_FILES_MAX))
			return false;
	}
	return true;
}

/* @len: of the entries alone */
static bool condition_ok(const struct ward_condition *c, u32 len,
			 struct ward_policy_traits *traits)
{
	if (!c->count)
		return false;
	switch (le16_to_cpu(c->type)) {
	case WARD_COND_SUBJECT:
		return subjects_ok(c, len);
	case WARD_COND_LOGIN:
		traits->by_login = true;
		return subjects_ok(c, len);
	case WARD_COND_KTHREAD:
		return kthreads_ok(c, len);
	case WARD_COND_PATH:
		traits->by_path = true;
		return paths_ok(c, len, traits);
	case WARD_COND_PROGRAM:
		traits->by_program = true;
		return programs_ok(c, len);
	case WARD_COND_HOURS:
		if (!ward_hours_ok(c, len))
			return false;
		if (!traits->by_hours || ward_hours_end(c) < traits->hours_end)
			traits->hours_end = ward_hours_end(c);
		traits->by_hours = true;
		return true;
	case WARD_COND_BURST:
		traits->by_burst = true;
		return bursts_ok(c, len);
	}
	return false;
}

static bool rule_ok(const struct ward_rule *r, u32 len, struct ward_policy_traits *traits)
{
	const u8 *p = (const u8 *)(r + 1);
	const u8 *end = (const u8 *)r + len;
	u32 flags = le16_to_cpu(r->flags);
	u32 ops = le32_to_cpu(r->operations);
	u32 found[WARD_COND_LAST + 1] = { 0 };
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
		if (l < sizeof(*c) || l % 8 || l > (size_t)(end - p) ||
		    !condition_ok(c, l - sizeof(*c), traits))
			return false;
		found[le16_to_cpu(c->type)]++;
		p += l;
	}
	/* A process without a login user may name itself one: that alone opens nothing. */
	if (flags & WARD_RULE_ALLOW && found[WARD_COND_LOGIN] && !found[WARD_COND_SUBJECT])
		return false;
	/* What is denied has no limit. */
	if (!(flags & WARD_RULE_ALLOW) && found[WARD_COND_BURST])
		return false;
	for (i = WARD_COND_KTHREAD; i <= WARD_COND_LAST; i++)
		if (found[i] > 1)
			return false;
	return p == end;
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
