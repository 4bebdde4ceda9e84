// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directories that a policy names, as a tree that one walks along from the top,
 * one name at a time. Bytes only: also compiled in user space.
 *
 * Two directories are of one group when the same rules hold in both: then it makes no
 * difference to anybody in which of them something lies.
 */
#include "places.h"

static u32 name_hash(u32 parent, const u8 *name, size_t len)
{
	u32 h = parent * 0x9e3779b1U ^ 0x811c9dc5U;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ name[i]) * 0x01000193U;
	return h ^ h >> 15;
}

/* A number of 64 bits for each rule (the finalizer of MurmurHash3, with its constants). */
static u64 rule_number(u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static u32 bucket_count(const struct ward_policy_traits *traits)
{
	u32 n = 16;

	while (n < traits->components)
		n *= 2;
	return n;
}

/**
 * ward_places_size - memory that the tree of a policy takes
 * @traits: of the policy, from ward_policy_validate()
 *
 * Return: bytes.
 */
size_t ward_places_size(const struct ward_policy_traits *traits)
{
	return ((size_t)traits->components + 1) * sizeof(struct ward_place) +
	       bucket_count(traits) * sizeof(u32);
}

static u32 find(const struct ward_places *t, u32 parent, const u8 *name, size_t len)
{
	u32 i = t->head[name_hash(parent, name, len) & (t->buckets - 1)];

	for (; i; i = t->place[i].next) {
		const struct ward_place *p = &t->place[i];

		if (p->parent == parent && p->len == len && !memcmp(p->name, name, len))
			return i;
	}
	return 0;
}

static u32 add(struct ward_places *t, u32 parent, const u8 *name, size_t len, size_t path_len)
{
	u32 *head = &t->head[name_hash(parent, name, len) & (t->buckets - 1)];
	struct ward_place *p = &t->place[t->count];

	p->name = name;
	p->len = len;
	p->path_len = path_len;
	p->parent = parent;
	p->next = *head;
	*head = t->count;
	return t->count++;
}

static u32 add_path(struct ward_places *t, const struct ward_path *path)
{
	size_t len = le16_to_cpu(path->length), start = 1, i;
	u32 at = WARD_PLACE_TOP, next;

	for (i = 1; len > 1 && i <= len; i++) {
		if (i < len && path->text[i] != '/')
			continue;
		next = find(t, at, path->text + start, i - start);
		at = next ? next : add(t, at, path->text + start, i - start, i);
		start = i + 1;
	}
	t->place[at].named = true;
	return at;
}

static const struct ward_path *next_path(const struct ward_path *path)
{
	return (const void *)((const u8 *)path + ward_path_size(le16_to_cpu(path->length)));
}

/* Does the rule that is being counted hold there already, by a directory above? */
static bool counted_above(const struct ward_places *t, u32 at, u32 rule)
{
	while (at) {
		at = t->place[at].parent;
		if (t->place[at].mark == rule)
			return true;
	}
	return false;
}

/* @rule: number of the rule, from 1 */
static void count_rule(struct ward_places *t, const struct ward_condition *c, u32 rule)
{
	const struct ward_path *first = (const void *)(c + 1), *path = first;
	u32 count = le16_to_cpu(c->count);
	u32 i;

	for (i = 0; i < count; i++, path = next_path(path))
		t->place[add_path(t, path)].mark = rule;
	for (i = 0, path = first; i < count; i++, path = next_path(path)) {
		u32 at = add_path(t, path);
		struct ward_place *p = &t->place[at];

		if (p->counted == rule || counted_above(t, at, rule))
			continue;
		p->counted = rule;
		p->sign[0] += rule_number(2ULL * rule);
		p->sign[1] += rule_number(2ULL * rule + 1);
	}
}

static u32 sign_bucket(const struct ward_places *t, const struct ward_place *p)
{
	return (u32)p->sign[0] & (t->buckets - 1);
}

/*
 * The rules of a place are its own and those of the places above, which come first. The
 * buckets serve for finding places by their rules here; afterwards they are filled anew.
 */
static void make_groups(struct ward_places *t)
{
	u32 i, g;

	memset(t->head, 0, t->buckets * sizeof(*t->head));
	for (i = 0; i < t->count; i++) {
		struct ward_place *p = &t->place[i];

		p->group = i;
		p->next = 0;
		if (!i)
			continue;	/* number 0 ends lists; it is compared with below */
		p->sign[0] += t->place[p->parent].sign[0];
		p->sign[1] += t->place[p->parent].sign[1];
		if (!memcmp(p->sign, t->place[0].sign, sizeof(p->sign))) {
			p->group = 0;
			continue;
		}
		for (g = t->head[sign_bucket(t, p)]; g; g = t->place[g].next)
			if (!memcmp(p->sign, t->place[g].sign, sizeof(p->sign)))
				break;
		if (g) {
			p->group = g;
			continue;
		}
		p->next = t->head[sign_bucket(t, p)];
		t->head[sign_bucket(t, p)] = i;
	}
	memset(t->head, 0, t->buckets * sizeof(*t->head));
	for (i = 1; i < t->count; i++) {
		struct ward_place *p = &t->place[i];
		u32 *head = &t->head[name_hash(p->parent, p->name, p->len) & (t->buckets - 1)];

		p->next = *head;
		*head = i;
	}
}

/**
 * ward_places_make - make the tree of a policy
 * @places: filled in
 * @blob: the policy, which must stay as long as the tree
 * @traits: of it, from ward_policy_validate()
 * @memory: zeros, ward_places_size() of them, aligned to 8 bytes; stays as long, too
 *
 * Context: may take a second for a policy of the largest size.
 */
void ward_places_make(struct ward_places *places, const void *blob,
		      const struct ward_policy_traits *traits, void *memory)
{
	const struct ward_policy_header *h = blob;
	const struct ward_rule *r = (const void *)(h + 1);
	u32 i, k;

	places->count = 1;
	places->buckets = bucket_count(traits);
	places->place = memory;
	places->head = (u32 *)(places->place + traits->components + 1);
	for (i = 0; i < traits->rules; i++) {
		const struct ward_condition *c = (const void *)(r + 1);

		for (k = 0; k < le16_to_cpu(r->conditions); k++) {
			if (le16_to_cpu(c->type) == WARD_COND_PATH)
				count_rule(places, c, i + 1);
			c = (const void *)((const u8 *)c + le32_to_cpu(c->length));
		}
		r = (const void *)((const u8 *)r + le32_to_cpu(r->length));
	}
	make_groups(places);
}

/**
 * ward_place_step - from a directory to an entry of it
 * @places: the tree
 * @at: where the directory lies
 * @name: of the entry
 * @len: bytes
 *
 * Context: does not sleep.
 *
 * Return: where the entry lies.
 */
u32 ward_place_step(const struct ward_places *places, u32 at, const u8 *name, size_t len)
{
	u32 next;

	if (at & WARD_PLACE_BELOW)	/* also WARD_PLACE_NONE */
		return at;
	next = find(places, at, name, len);
	return next ? next : WARD_PLACE_BELOW | places->place[at].group;
}

/**
 * ward_place_group - under which rules does something lie
 * @places: the tree
 * @at: where it lies
 *
 * Return: a number that two places share when the same rules hold there, or
 * WARD_PLACE_NONE.
 */
u32 ward_place_group(const struct ward_places *places, u32 at)
{
	if (at == WARD_PLACE_NONE)
		return at;
	return at & WARD_PLACE_BELOW ? at & ~WARD_PLACE_BELOW : places->place[at].group;
}

/* The whole path of a place: its name is the end of it. */
static const u8 *whole_path(const struct ward_place *p)
{
	return p->name ? p->name + p->len - p->path_len : (const u8 *)"";
}

/**
 * ward_place_actor - say of an actor where it acts
 * @places: the tree
 * @at: where the object lies
 * @who: its place and way are set
 */
void ward_place_actor(const struct ward_places *places, u32 at, struct ward_actor *who)
{
	const struct ward_place *p;

	who->place = NULL;
	who->place_len = 0;
	who->way = NULL;
	who->way_len = 0;
	if (at == WARD_PLACE_NONE)
		return;
	/* A path under the same rules does as well. */
	p = &places->place[ward_place_group(places, at)];
	who->place = whole_path(p);
	who->place_len = p->path_len;
	if (at & WARD_PLACE_BELOW)
		return;
	p = &places->place[at];
	who->way = whole_path(p);
	who->way_len = p->path_len;
}
