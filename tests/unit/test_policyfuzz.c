// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Policies, as text and compiled, changed at random for a while (20 s, with WARD_LONG ten
 * minutes), from the examples on; what is taken is changed further. The same changes in each
 * run, but for how far it comes. Beside the sanitizers, laws that must hold:
 *
 * - what the text's parser takes, the kernel's takes; printed and read again it is the same;
 * - what the kernel's parser takes can be asked anything, and, printed, is the policy it was;
 * - a renewal of a policy prints like it: programs by their paths, hours by their zone.
 */
#include <dirent.h>
#include <time.h>

#include "harness.h"
#include "lib/durable.h"
#include "lib/policyfile.h"
#include "mutate.h"
#include "places.h"

#define NOW		1749636000	/* 2025-06-11 10:00 UTC */
#define SEEDS		512
#define SEED_MAX	16384		/* bytes: what grows without end shows nothing new */

/**
 * struct seed - something to change
 * @bytes: it; for free()
 * @len: how many
 */
struct seed {
	uint8_t *bytes;
	size_t len;
};

/**
 * struct seeds - all of them; the first ones stay
 * @seed: them
 * @count: how many
 * @first: how many stay
 * @turn: which one is replaced next
 */
struct seeds {
	struct seed seed[SEEDS];
	size_t count;
	size_t first;
	size_t turn;
};

static void seed_add(struct seeds *s, const void *bytes, size_t len)
{
	struct seed *to;
	uint8_t *copy;

	if (len > SEED_MAX)
		return;
	copy = malloc(len + 1);
	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	copy[len] = 0;
	if (s->count < SEEDS) {
		to = &s->seed[s->count++];
	} else {
		to = &s->seed[s->first + s->turn++ % (SEEDS - s->first)];
		free(to->bytes);
	}
	to->bytes = copy;
	to->len = len;
}

static void seeds_free(struct seeds *s)
{
	while (s->count)
		free(s->seed[--s->count].bytes);
}

/* Which users and groups exist is for each machine to say: numbers for them. */
static void numbers_for_names(char *text)
{
	static const char * const names[] = {
		"@caseworkers", "@staff", "berta", "dora", "postgres", "nobody", "root",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *name = names[i] + (*names[i] == '@');
		char *at = text;

		while ((at = strstr(at, name))) {
			/* In paths and comments it does no harm. */
			at[0] = '1' + i;
			memmove(at + 1, at + strlen(name), strlen(at + strlen(name)) + 1);
		}
	}
}

static const char further[] =
	"[vault]\ndirectory = /srv/beneficiaries\npermissive = yes\nrenew = no\ntimezone = UTC\n"
	"[rule a]\nusers = 4001,\n\t4002\ngroups = 4100\nlogins = 7\nprograms = /usr/bin/a, kernel:nfsd\n"
	"paths = /in\\x2c/caf\xc3\xa9, /b/\nhours = Mon-Fri 07:00-19:00, Sat, 22:00-06:00\n"
	"timezone = Europe/Berlin\nburst = 2 files / 60 s, 1500 MB / 2 h, 3 changes/1 d\n"
	"operations = all\neffect = allow, record\n[rule b]\neffect = deny, silent\n";

static void texts(struct seeds *s)
{
	struct dirent *d;
	DIR *dir = opendir(WARD_TOP "/packaging/examples");

	seed_add(s, further, strlen(further));
	while (dir && (d = readdir(dir))) {
		size_t len;
		void *text;

		if (d->d_name[0] == '.' || ward_durable_read(dirfd(dir), d->d_name, 1 << 20, &text, &len))
			continue;
		numbers_for_names(text);
		seed_add(s, text, strlen(text));
		free(text);
	}
	if (dir)
		closedir(dir);
	s->first = s->count;
}

FIXTURE(fuzz) {
	struct mutate m;
	struct seeds seeds;
	struct ward_master master;
	time_t end;
};

FIXTURE_SETUP(fuzz)
{
	memset(&self->seeds, 0, sizeof(self->seeds));
	memset(&self->master, 0, sizeof(self->master));
	memset(self->master.uuid, 4, sizeof(self->master.uuid));
	self->m.state = 20261126;
	/* Half of it for each. */
	self->end = time(NULL) + (getenv("WARD_LONG") && *getenv("WARD_LONG") ? 300 : 10);
	texts(&self->seeds);
	ASSERT_LE(6, self->seeds.count);
}

FIXTURE_TEARDOWN(fuzz)
{
	seeds_free(&self->seeds);
}

static const struct seed *draw(struct seeds *s, struct mutate *m)
{
	return &s->seed[mutate_draw(m, s->count)];
}

static char *printed(const struct ward_policy *policy)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f || ward_policy_print(policy, f) || fclose(f))
		abort();
	return text;
}

/* Compiles what was read. The length, or 0 when it is too large. */
static size_t compiled(struct ward_policy *policy, const struct ward_master *master, void **blob)
{
	size_t len;
	int ret = ward_policy_set_hours(policy, NOW);

	if (!ret)
		ret = ward_policy_compile(policy, master, 7, blob, &len);
	if (ret && ret != -EFBIG)
		abort();
	return ret ? 0 : len;
}

static bool in_group(u32 gid, void *arg)
{
	return gid % 2 == *(u32 *)arg;
}

static bool limit(const struct ward_rule *r, const struct ward_burst *b, u32 nth, u32 ops, void *arg)
{
	return le64_to_cpu(b->most) && ops && nth < WARD_BURST_ENTRIES;
}

/* Somebody, made of a number. */
static void actor(struct ward_actor *a, u32 *arg, u32 n, struct ward_program_id *id)
{
	static const char * const places[] = { "/in,/caf\xc3\xa9/x", "", "/b", "/casefiles/2026/x" };
	const char *place = n & 64 ? places[n / 128 % 4] : NULL;

	*arg = n >> 9 & 1;
	memset(id, 0, sizeof(*id));
	id->kind = cpu_to_le32(n % 5);
	*a = (struct ward_actor){
		.fsuid = n & 1 ? 4001 : n % 7 * 1000000, .loginuid = 7, .has_login = n & 2,
		.kernel = n & 4, .own = n & 8, .kthread = n & 16 ? "nfsd" : "lockd",
		.sheds_groups = n & 32, .in_group = in_group, .arg = arg,
		.program = n & 1024 ? id : NULL, .place = (const u8 *)place,
		.place_len = place ? strlen(place) : 0, .way = (const u8 *)place,
		.way_len = place ? strlen(place) : 0, .now = NOW + n * 977ULL,
	};
}

/* What no rule allowed, each lacks something for: what the kernel says was nearest, and no other. */
static void ask_why(const void *blob, const struct ward_actor *a, const struct ward_verdict *v)
{
	const struct ward_policy_header *h = blob;
	const struct ward_rule *r = (const void *)(h + 1);
	struct ward_nearest near;
	u32 i, least = 0;

	ward_policy_nearest(blob, a, v->left, &near);
	for (i = 0; i < le32_to_cpu(h->rules); i++, r = (const void *)((const u8 *)r + le32_to_cpu(r->length))) {
		u32 lacks = ward_rule_lacks(r, a, v->left);

		if (!v->allow && !v->rule && !lacks == !!(le16_to_cpu(r->flags) & WARD_RULE_ALLOW))
			abort();
		if (lacks && (!least || __builtin_popcount(lacks) < __builtin_popcount(least)))
			least = lacks;
	}
	if (near.lacks != least || !near.rule != !least)
		abort();
}

static void ask(const void *blob, struct ward_policy_traits *traits, u32 n)
{
	struct ward_program_id id;
	struct ward_places places;
	struct ward_verdict v;
	struct ward_actor a;
	void *memory;
	u32 arg, at;

	actor(&a, &arg, n, &id);
	ward_policy_decide(blob, &a, 1U << n % 10, &v);
	/* What it says of each operation, and of all at once, is one thing. */
	if (v.allow != !!(ward_policy_allowed(blob, &a, NULL) & 1U << n % 10))
		abort();
	if (v.allow && !ward_policy_walks(blob, &a))
		abort();
	ask_why(blob, &a, &v);
	ward_policy_decide(blob, &a, n >> 3 & WARD_OP_ALL, &v);
	ask_why(blob, &a, &v);
	ward_policy_limits(blob, &a, WARD_OP_ALL, limit, NULL);
	if (ward_policy_next(blob, a.now) <= a.now)
		abort();
	if (traits->components > 4096)
		return;
	memory = malloc(ward_places_size(traits));
	if (!memory)
		abort();
	memset(memory, 0, ward_places_size(traits));
	ward_places_make(&places, blob, traits, memory);
	at = ward_place_step(&places, WARD_PLACE_TOP, (const u8 *)"b", 1);
	at = ward_place_step(&places, at, (const u8 *)"c", 1);
	ward_place_actor(&places, at, &a);
	ward_policy_decide(blob, &a, WARD_OP_ALL, &v);
	free(memory);
}

/* ---- text ----------------------------------------------------------------------------- */

/* What the parser took. Is it what it prints? */
static void text_holds(const struct ward_master *master, struct ward_policy *policy)
{
	char *once = printed(policy), *twice;
	struct ward_policy_traits traits;
	struct ward_policy again, back;
	void *blob, *other;
	struct ward_err err;
	size_t len = compiled(policy, master, &blob), other_len;

	ward_err_clear(&err);
	if (len) {
		if (ward_policy_validate(blob, len, master->uuid, &traits))
			abort();
		if (ward_policy_decode(blob, len, master->uuid, &back))
			abort();
		twice = printed(&back);
		if (strcmp(once, twice))
			abort();
		free(twice);
		ward_policy_free(&back);
		if (ward_policy_parse(once, strlen(once), "d.conf", &again, &err))
			abort();
		again.flags = policy->flags;	/* of [vault], which is not printed */
		other_len = compiled(&again, master, &other);
		if (len != other_len || memcmp(blob, other, len))
			abort();
		ward_policy_free(&again);
		free(other);
		free(blob);
	}
	free(once);
}

TEST_F_TIMEOUT(fuzz, text, 900)
{
	unsigned long rounds = 0, taken = 0;

	while (rounds < 1000 || time(NULL) < self->end) {
		const struct seed *seed = draw(&self->seeds, &self->m);
		size_t len = seed->len;
		uint8_t *text = mutate_copy(&self->m, seed->bytes, &len);
		struct ward_policy policy;
		struct ward_err err;

		rounds++;
		ward_err_clear(&err);
		if (!ward_policy_parse((char *)text, len, "d.conf", &policy, &err)) {
			taken++;
			/* Compiling hours takes its time. */
			if (taken % 4 == 0)
				text_holds(&self->master, &policy);
			/* What lost its rules shows nothing new. */
			if (policy.count && taken % 8 == 0)
				seed_add(&self->seeds, text, len);
			ward_policy_free(&policy);
		} else if (!err.text[0]) {
			abort();	/* nobody would know what to do */
		}
		free(text);
	}
	TH_LOG("%lu texts, %lu of them policies", rounds, taken);
	EXPECT_LT(rounds / 100, taken);
}

/* ---- compiled ------------------------------------------------------------------------------ */

static void compile_seeds(struct seeds *s, const struct ward_master *master)
{
	struct seeds blobs = { .count = 0 };
	struct ward_policy policy;
	struct ward_err err;
	size_t i, len;
	void *blob;

	for (i = 0; i < s->count; i++) {
		ward_err_clear(&err);
		if (ward_policy_parse((char *)s->seed[i].bytes, s->seed[i].len, "d.conf", &policy, &err)) {
			fprintf(stderr, "# %s\n# %s\n", err.text, err.notes[0]);
			abort();
		}
		len = compiled(&policy, master, &blob);
		seed_add(&blobs, blob, len);
		free(blob);
		ward_policy_free(&policy);
	}
	seeds_free(s);
	*s = blobs;
	s->first = s->count;
}

/* A renewal has the same text, and renews itself. */
static void renewal_holds(const void *new, const struct ward_policy *a,
			  const struct ward_policy *b)
{
	char *x = printed(a), *y = printed(b);

	/* Programs and hours stand there by their names: they are the same. */
	if (strcmp(x, y) || a->flags != b->flags)
		abort();
	free(x);
	free(y);
	if (!ward_policy_renewal(new, new, NULL, NULL))
		abort();
}

static void blob_holds(const struct ward_master *master, const uint8_t *blob, size_t len,
		       const struct seed *from, struct ward_policy_traits *traits, u32 n)
{
	struct ward_policy policy, old;
	int ret = ward_policy_decode(blob, len, master->uuid, &policy);
	u32 i;

	for (i = 0; i < 16; i++)
		ask(blob, traits, n + i * 4099);
	/* More conditions than the text form can say. */
	if (ret == -EPROTONOSUPPORT)
		return;
	if (ret)
		abort();
	if (ward_policy_renewal(from->bytes, blob, NULL, NULL)) {
		if (ward_policy_decode(from->bytes, from->len, master->uuid, &old))
			abort();
		renewal_holds(blob, &old, &policy);
		ward_policy_free(&old);
	}
	ward_policy_free(&policy);
}

TEST_F_TIMEOUT(fuzz, compiled, 900)
{
	unsigned long rounds = 0, taken = 0, renewed = 0;

	compile_seeds(&self->seeds, &self->master);
	while (rounds < 1000 || time(NULL) < self->end) {
		const struct seed *seed = draw(&self->seeds, &self->m);
		size_t len = seed->len - WARD_MAC_SIZE;
		uint8_t *bytes = mutate_copy(&self->m, seed->bytes, &len), *blob;
		struct ward_policy_traits traits;
		struct ward_policy p;

		rounds++;
		blob = calloc(1, len + WARD_MAC_SIZE);
		if (!blob)
			abort();
		memcpy(blob, bytes, len);
		len += WARD_MAC_SIZE;
		/* Mostly the length is right: past the first hurdle. */
		if (len >= sizeof(struct ward_policy_header) && rounds % 4)
			((struct ward_policy_header *)blob)->length = cpu_to_le32(len);
		if (!ward_policy_validate(blob, len, self->master.uuid, &traits)) {
			taken++;
			renewed += ward_policy_renewal(seed->bytes, blob, NULL, NULL);
			blob_holds(&self->master, blob, len, seed, &traits, rounds);
			if (taken % 8 == 0)
				seed_add(&self->seeds, blob, len);
		} else if (!ward_policy_decode(blob, len, self->master.uuid, &p)) {
			ward_policy_free(&p);
		}
		free(bytes);
		free(blob);
	}
	TH_LOG("%lu, %lu of them policies, %lu renewals", rounds, taken, renewed);
	EXPECT_LT(rounds / 100, taken);
	EXPECT_LT(taken / 1000, renewed);
}

TEST_HARNESS_MAIN
