// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking rules what they say, outside of the kernel. The answers are rules.c's, out of the
 * compiled form, as the kernel asks it; only who asks is made up.
 */
#include <endian.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "../../module/places.h"
#include "policyask.h"

#define GROUPS_MAX	65536
#define KNOWN_USERS	1024	/* whose groups are remembered */
#define KNOWN_PROGRAMS	61
#define BEFORE		86400	/* seconds: records are nearly in order */

/* ---- programs, without the kernel ------------------------------------------------------ */

/* What records have is a path without symlinks: which there are by now does not count. */
static struct ward_program_id by_record(const char *path)
{
	struct ward_program_id id = { .kind = htole32(WARD_PROGRAM_UUID) };
	uint64_t hash[2] = { 0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL };
	const char *p;

	for (p = path; *p; p++) {
		hash[0] = (hash[0] ^ (uint8_t)*p) * 0x100000001b3ULL;
		hash[1] = (hash[1] ^ (uint8_t)*p) * 0x100000001b3ULL;
	}
	id.inode = htole64(hash[0]);
	memcpy(id.fs, &hash[1], sizeof(hash[1]));
	return id;
}

/**
 * ward_program_by_path - what a program is known by where the kernel is not asked
 * @path: where it is
 *
 * Where there is such a file, the path without symlinks counts: that is what records have.
 *
 * Return: something for ward_policy_decide() to compare; it means nothing elsewhere.
 */
struct ward_program_id ward_program_by_path(const char *path)
{
	char *real = realpath(path, NULL);
	struct ward_program_id id = by_record(real ? real : path);

	free(real);
	return id;
}

/**
 * ward_policy_by_path - know the programs of a policy by their paths
 * @policy: the policy
 */
void ward_policy_by_path(struct ward_policy *policy)
{
	size_t i, k, n;

	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++) {
			struct ward_policy_cond *c = &policy->rules[i].conds[k];

			for (n = 0; n < c->program_count; n++)
				c->programs[n].id = ward_program_by_path(c->programs[n].path);
		}
}

/**
 * ward_policy_to_ask - compile a policy, not to be loaded, but to be asked
 * @policy: the policy
 * @uuid: of the vault
 * @blob: set to the compiled form, for free(); nothing authenticates it
 * @err: says what is wrong
 *
 * No secret is needed to be asked, so none to make it.
 *
 * Return: 0 or a negative errno.
 */
int ward_policy_to_ask(const struct ward_policy *policy, const uint8_t uuid[WARD_UUID_SIZE],
		       void **blob, struct ward_err *err)
{
	struct ward_master nobody = { .generation = 1 };
	size_t len;
	int ret;

	memcpy(nobody.uuid, uuid, sizeof(nobody.uuid));
	ret = ward_policy_compile(policy, &nobody, 1, blob, &len);
	return ret ? ward_fail_errno(err, ret, "cannot compile the rules") : 0;
}

/* Where a path leads to, "/" being the top, as module/place.c walks there. */
static uint32_t place_of(const struct ward_places *places, const char *path)
{
	uint32_t at = WARD_PLACE_TOP;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len)
			at = ward_place_step(places, at, (const uint8_t *)path, len);
		path += len + (path[len] == '/');
	}
	return at;
}

/**
 * ward_policy_boundary - is there a boundary between two paths
 * @blob: the compiled rules
 * @from: what gets another name, from the vault's top on
 * @to: that name, likewise
 * @some_name: @to is the directory of it, and the name none that a rule names
 * @boundary: set; that of the kernel's wardfs_policy_boundary()
 *
 * Return: 0 or a negative errno: -ENOMEM, -EINVAL when @blob is none.
 */
int ward_policy_boundary(const void *blob, const char *from, const char *to, bool some_name,
			 enum ward_boundary *boundary)
{
	const struct ward_policy_header *h = blob;
	struct ward_policy_traits traits;
	struct ward_places places;
	uint32_t a, b;
	void *memory;

	*boundary = WARD_BOUNDARY_NONE;
	if (ward_policy_validate(blob, le32toh(h->length), h->vault, &traits))
		return -EINVAL;
	if (!traits.by_path)
		return 0;
	memory = calloc(1, ward_places_size(&traits));
	if (!memory)
		return -ENOMEM;
	ward_places_make(&places, blob, &traits, memory);
	a = place_of(&places, from);
	b = place_of(&places, to);
	if (some_name && !(b & WARD_PLACE_BELOW))
		b = WARD_PLACE_BELOW | ward_place_group(&places, b);
	if (ward_place_group(&places, a) != ward_place_group(&places, b))
		*boundary = WARD_BOUNDARY_ALL;
	else if (!(a & b & WARD_PLACE_BELOW))
		*boundary = WARD_BOUNDARY_DIRECTORIES;
	free(memory);
	return 0;
}

/* ---- users ------------------------------------------------------------------------------ */

/**
 * ward_groups_of - the groups of a user, as the machine's user database has them now
 * @uid: the user
 * @groups: filled; @gid for free(); none for a number that has no name
 *
 * Return: 0 or -ENOMEM.
 */
int ward_groups_of(uint32_t uid, struct ward_groups *groups)
{
	const struct passwd *pw = getpwuid(uid);
	gid_t *gids;
	int count = 64;

	memset(groups, 0, sizeof(*groups));
	groups->known = true;
	groups->uid = uid;
	while (pw) {
		int room = count;

		gids = reallocarray(groups->gid, room, sizeof(*gids));
		if (!gids) {
			free(groups->gid);
			groups->gid = NULL;
			return -ENOMEM;
		}
		groups->gid = gids;
		if (getgrouplist(pw->pw_name, pw->pw_gid, gids, &count) >= 0) {
			groups->count = count;
			return 0;
		}
		if (room >= GROUPS_MAX)
			return 0;
		count = count > room ? count : GROUPS_MAX;
	}
	return 0;
}

/**
 * ward_groups_has - is a group among them
 * @groups: of a user
 * @gid: the group
 *
 * Return: whether it is.
 */
bool ward_groups_has(const struct ward_groups *groups, uint32_t gid)
{
	int i;

	for (i = 0; i < groups->count; i++)
		if (groups->gid[i] == gid)
			return true;
	return false;
}

/* ---- accesses out of the log ---------------------------------------------------------------- */

/**
 * struct known_program - a program that was asked about
 * @path: where it is; "" for none
 * @id: what it is known by
 */
struct known_program {
	char path[WARD_PATH_MAX + 1];
	struct ward_program_id id;
};

/**
 * struct ward_asker - rules that are asked about accesses
 * @policy: the rules, the caller's
 * @uuid: of the vault
 * @blob: compiled
 * @hours: some rule has hours
 * @from: from then on what they mean is known, seconds since 1970
 * @until: up to then
 * @groups: of users that were asked about, by their number
 * @now: of the one who is asked about
 * @access: the access that is asked about
 * @programs: that were asked about
 */
struct ward_asker {
	struct ward_policy *policy;
	uint8_t uuid[WARD_UUID_SIZE];
	void *blob;
	bool hours;
	int64_t from;
	int64_t until;
	struct ward_groups groups[KNOWN_USERS];
	const struct ward_groups *now;
	const struct ward_access *access;
	struct known_program programs[KNOWN_PROGRAMS];
};

/**
 * ward_asker_new - prepare rules to be asked
 * @policy: the rules; must stay, and is changed
 * @uuid: of the vault
 *
 * Return: for ward_asker_free(); NULL without memory.
 */
struct ward_asker *ward_asker_new(struct ward_policy *policy, const uint8_t uuid[WARD_UUID_SIZE])
{
	struct ward_asker *asker = calloc(1, sizeof(*asker));
	size_t i, k;

	if (!asker)
		return NULL;
	asker->policy = policy;
	memcpy(asker->uuid, uuid, sizeof(asker->uuid));
	ward_policy_by_path(policy);
	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++)
			asker->hours |= policy->rules[i].conds[k].type == WARD_COND_HOURS;
	return asker;
}

/**
 * ward_asker_free - the end of it
 * @asker: or NULL; its rules stay
 */
void ward_asker_free(struct ward_asker *asker)
{
	size_t i;

	for (i = 0; asker && i < KNOWN_USERS; i++)
		free(asker->groups[i].gid);
	free(asker ? asker->blob : NULL);
	free(asker);
}

/* Hours are compiled for two years: for others than the last one, compile anew. */
static int compile(struct ward_asker *asker, int64_t when, struct ward_err *err)
{
	void *blob;
	int ret;

	if (asker->blob && (!asker->hours || (when >= asker->from && when < asker->until)))
		return 0;
	ret = asker->hours ? ward_policy_set_hours(asker->policy, when) : 0;
	if (ret)
		return ward_fail_errno(err, ret, "cannot find out what the hours mean");
	ret = ward_policy_to_ask(asker->policy, asker->uuid, &blob, err);
	if (ret)
		return ret;
	free(asker->blob);
	asker->blob = blob;
	asker->from = when - BEFORE;
	asker->until = when + 365 * 86400LL;
	return 0;
}

static bool in_group(uint32_t gid, void *arg)
{
	const struct ward_asker *asker = arg;

	return (asker->access->has_gid && asker->access->gid == gid) ||
	       ward_groups_has(asker->now, gid);
}

static int take_user(struct ward_asker *asker, uint32_t uid)
{
	struct ward_groups *known = &asker->groups[uid % KNOWN_USERS];

	asker->now = known;
	if (known->known && known->uid == uid)
		return 0;
	free(known->gid);
	return ward_groups_of(uid, known);
}

static const struct ward_program_id *take_program(struct ward_asker *asker, const char *path)
{
	struct known_program *known;
	unsigned int sum = 0;
	const char *p;

	for (p = path; *p; p++)
		sum = sum * 31 + (uint8_t)*p;
	known = &asker->programs[sum % KNOWN_PROGRAMS];
	if (strcmp(known->path, path)) {
		known->id = by_record(path);
		strcpy(known->path, path);
	}
	return &known->id;
}

static void ask_part(const struct ward_asker *asker, struct ward_actor *who,
		     const struct ward_access_part *part, struct ward_answer *answer)
{
	struct ward_verdict verdict;

	who->place = (const uint8_t *)part->place;
	who->place_len = part->length;
	who->way = NULL;
	if (!part->ops) {
		/* The top is "" to who walks, and what is below begins with a slash. */
		who->way = who->place;
		who->way_len = part->length > 1 ? part->length : 0;
		who->place_len = who->way_len;
		answer->allowed &= ward_policy_walks(asker->blob, who);
		return;
	}
	ward_policy_decide(asker->blob, who, part->ops, &verdict);
	answer->limited |= verdict.allow && verdict.limited;
	if (!answer->rule || !verdict.allow)
		answer->rule = verdict.rule;
	answer->allowed &= verdict.allow;
}

/**
 * ward_asker_ask - what do the rules say of an access
 * @asker: the rules
 * @access: the access; hours count as they were then, groups as they are now
 * @answer: filled; its rule lives until the next question
 * @err: says what is wrong
 *
 * Limits are not counted: the log does not hold what was allowed.
 *
 * Return: 0 or a negative errno.
 */
int ward_asker_ask(struct ward_asker *asker, const struct ward_access *access,
		   struct ward_answer *answer, struct ward_err *err)
{
	struct ward_actor who = {
		.fsuid = access->uid,
		.loginuid = access->login,
		.has_login = access->has_login,
		.kernel = access->kernel,
		.now = access->from,
		.in_group = in_group,
		.arg = asker,
	};
	size_t i;
	int ret = compile(asker, access->from, err);

	if (!ret && take_user(asker, access->uid))
		ret = ward_fail(err, ENOMEM, WARD_FAILED, "not enough memory");
	if (ret)
		return ret;
	asker->access = access;
	if (access->kernel) {
		who.kthread = access->program;
		/* For nobody else: its own. */
		who.own = !access->uid;
	} else if (access->program[0]) {
		who.program = take_program(asker, access->program);
	}
	memset(answer, 0, sizeof(*answer));
	answer->allowed = true;
	for (i = 0; i < access->parts; i++) {
		ask_part(asker, &who, &access->part[i], answer);
		if (!answer->allowed)
			break;
	}
	return 0;
}
