// SPDX-License-Identifier: GPL-2.0-or-later
/* A policy: users and rules in memory, and compiled. */
#include <endian.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "../../module/header.h"
#include "../../module/rules.h"
#include "crypt.h"
#include "guess.h"
#include "policyfile.h"

#define LISTED_MAX	10000	/* users or groups that are looked at for one that was meant */

/* Those that the machine lists; a directory server may list none, and has too many. */
static void guess_who(struct ward_guess *guess, bool group)
{
	const struct group *gr;
	const struct passwd *pw;
	unsigned int n;

	if (group) {
		setgrent();
		for (n = 0; n < LISTED_MAX && (gr = getgrent()); n++)
			ward_guess_try(guess, gr->gr_name);
		endgrent();
	} else {
		setpwent();
		for (n = 0; n < LISTED_MAX && (pw = getpwent()); n++)
			ward_guess_try(guess, pw->pw_name);
		endpwent();
	}
}

/**
 * ward_who_parse - read the name or number of a user, or of a group after an "@"
 * @word: the word
 * @who: filled
 * @err: says what is wrong
 *
 * Return: 0 or -ENOENT.
 */
int ward_who_parse(const char *word, struct ward_who *who, struct ward_err *err)
{
	bool group = word[0] == '@';
	const char *name = word + group;
	struct ward_guess guess;
	unsigned long number;
	char *end, hint[128];

	who->kind = group ? WARD_SUBJECT_GID : WARD_SUBJECT_UID;
	if (group) {
		const struct group *gr = getgrnam(name);

		if (gr) {
			who->id = gr->gr_gid;
			return 0;
		}
	} else {
		const struct passwd *pw = getpwnam(name);

		if (pw) {
			who->id = pw->pw_uid;
			return 0;
		}
	}
	errno = 0;
	number = strtoul(name, &end, 10);
	if (*name >= '0' && *name <= '9' && !*end && !errno && number < UINT32_MAX) {
		who->id = number;
		return 0;
	}
	ward_guess_begin(&guess, name);
	/* Of a number that is wrong nobody knows which was meant. */
	if (*name < '0' || *name > '9')
		guess_who(&guess, group);
	return ward_fail(err, ENOENT, WARD_FAILED, "there is no %s \"%s\" on this machine%s%s",
			 group ? "group" : "user", name, ward_guess_say(&guess, hint, sizeof(hint)),
			 group ? "" : " (a group is written with an @ before it)");
}

/**
 * ward_who_name - write a user or group so that ward_who_parse() reads it
 * @who: the user or group
 * @out: where to
 * @size: room there, bytes; 64 are enough for a number
 */
void ward_who_name(const struct ward_who *who, char *out, size_t size)
{
	bool group = who->kind == WARD_SUBJECT_GID;
	const char *name = NULL;

	if (group) {
		const struct group *gr = getgrgid(who->id);

		name = gr ? gr->gr_name : NULL;
	} else {
		const struct passwd *pw = getpwuid(who->id);

		name = pw ? pw->pw_name : NULL;
	}
	/* A name that the INI form would take for something else is written as number. */
	if (name && *name && !strpbrk(name, ",;@ \t\"=") && strlen(name) + 2 <= size)
		snprintf(out, size, "%s%s", group ? "@" : "", name);
	else
		snprintf(out, size, "%s%u", group ? "@" : "", who->id);
}

/**
 * ward_who_add - add a user or group to a list, once
 * @list: the list
 * @who: the user or group
 *
 * Return: 0 or -ENOMEM.
 */
int ward_who_add(struct ward_who_list *list, const struct ward_who *who)
{
	struct ward_who *more;
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->who[i].kind == who->kind && list->who[i].id == who->id)
			return 0;
	more = reallocarray(list->who, list->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[list->count] = *who;
	list->who = more;
	list->count++;
	return 0;
}

/**
 * ward_kthread_add - add threads of the kernel to a condition, once
 * @cond: the condition, of type WARD_COND_KTHREAD
 * @thread: their name
 *
 * Return: 0 or -ENOMEM.
 */
int ward_kthread_add(struct ward_policy_cond *cond, const struct ward_kthread *thread)
{
	struct ward_kthread *more;
	size_t i;

	for (i = 0; i < cond->thread_count; i++)
		if (!memcmp(&cond->threads[i], thread, sizeof(*thread)))
			return 0;
	more = reallocarray(cond->threads, cond->thread_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[cond->thread_count++] = *thread;
	cond->threads = more;
	return 0;
}

/**
 * ward_policy_path_add - add a directory of the vault to a condition, once
 * @cond: the condition, of type WARD_COND_PATH
 * @path: for ward_path_ok(); copied
 *
 * Return: 0 or -ENOMEM.
 */
int ward_policy_path_add(struct ward_policy_cond *cond, const char *path)
{
	char **more, *copy;
	size_t i;

	for (i = 0; i < cond->path_count; i++)
		if (!strcmp(cond->paths[i], path))
			return 0;
	more = reallocarray(cond->paths, cond->path_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	cond->paths = more;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	more[cond->path_count++] = copy;
	return 0;
}

/**
 * ward_policy_program_add - add a program to a condition, once
 * @cond: the condition, of type WARD_COND_PROGRAM
 * @path: where it is; copied
 * @id: which file it is, or NULL
 *
 * Return: 0 or -ENOMEM.
 */
int ward_policy_program_add(struct ward_policy_cond *cond, const char *path,
			    const struct ward_program_id *id)
{
	struct ward_policy_program *more;
	size_t i;

	for (i = 0; i < cond->program_count; i++)
		if (!strcmp(cond->programs[i].path, path))
			return 0;
	more = reallocarray(cond->programs, cond->program_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	cond->programs = more;
	more += cond->program_count;
	memset(more, 0, sizeof(*more));
	if (id)
		more->id = *id;
	else
		more->id.kind = htole32(WARD_PROGRAM_ABSENT);
	more->path = strdup(path);
	if (!more->path)
		return -ENOMEM;
	cond->program_count++;
	return 0;
}

/* Entries of a condition when it is compiled. */
static size_t cond_entries(const struct ward_policy_cond *cond)
{
	switch (cond->type) {
	case WARD_COND_KTHREAD:
		return cond->thread_count;
	case WARD_COND_PATH:
		return cond->path_count;
	case WARD_COND_PROGRAM:
		return cond->program_count;
	case WARD_COND_HOURS:
		return cond->span_count;
	case WARD_COND_BURST:
		return cond->burst_count;
	}
	return cond->who.count;
}

static size_t cond_size(const struct ward_policy_cond *cond)
{
	size_t size = sizeof(struct ward_condition), i;

	size += cond->who.count * sizeof(struct ward_subject);
	size += cond->thread_count * sizeof(struct ward_kthread);
	size += cond->burst_count * sizeof(struct ward_burst);
	for (i = 0; i < cond->path_count; i++)
		size += ward_path_size(strlen(cond->paths[i]));
	for (i = 0; i < cond->program_count; i++)
		size += ward_program_size(strlen(cond->programs[i].path));
	if (cond->type == WARD_COND_HOURS)
		size += sizeof(struct ward_hours) +
			cond->offset_count * sizeof(struct ward_offset) +
			cond->span_count * sizeof(struct ward_span);
	return size;
}

static void cond_free(struct ward_policy_cond *cond)
{
	size_t i;

	for (i = 0; i < cond->path_count; i++)
		free(cond->paths[i]);
	for (i = 0; i < cond->program_count; i++)
		free(cond->programs[i].path);
	free(cond->paths);
	free(cond->programs);
	free(cond->spans);
	free(cond->offsets);
	free(cond->bursts);
	free(cond->who.who);
	free(cond->threads);
}

/**
 * ward_policy_free - free what a policy holds
 * @policy: may be all zero
 */
void ward_policy_free(struct ward_policy *policy)
{
	size_t i, k;

	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++)
			cond_free(&policy->rules[i].conds[k]);
	free(policy->rules);
	memset(policy, 0, sizeof(*policy));
}

/**
 * ward_policy_one_rule - a policy of one rule that allows everything
 * @policy: filled
 * @name: of the rule
 * @who: whom it lets in
 *
 * Return: 0 or -ENOMEM.
 */
int ward_policy_one_rule(struct ward_policy *policy, const char *name,
			 const struct ward_who_list *who)
{
	struct ward_policy_rule *rule;
	size_t i;

	memset(policy, 0, sizeof(*policy));
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	policy->rules = rule;
	policy->count = 1;
	snprintf(rule->name, sizeof(rule->name), "%s", name);
	rule->flags = WARD_RULE_ALLOW;
	rule->operations = WARD_OP_ALL;
	rule->conds[0].type = WARD_COND_SUBJECT;
	rule->count = 1;
	for (i = 0; i < who->count; i++)
		if (ward_who_add(&rule->conds[0].who, &who->who[i])) {
			ward_policy_free(policy);
			return -ENOMEM;
		}
	return 0;
}

static size_t rule_size(const struct ward_policy_rule *rule)
{
	size_t size = sizeof(struct ward_rule), i;

	for (i = 0; i < rule->count; i++)
		size += cond_size(&rule->conds[i]);
	return size;
}

static uint8_t *put_hours(uint8_t *p, const struct ward_policy_cond *cond)
{
	struct ward_hours *h = (struct ward_hours *)p;
	struct ward_span *s;
	size_t i;

	h->from = htole64(cond->hours_from);
	h->until = htole64(cond->hours_until);
	h->changes = htole32(cond->offset_count);
	snprintf((char *)h->zone, sizeof(h->zone), "%s", cond->zone);
	p += sizeof(*h);
	if (cond->offset_count)
		memcpy(p, cond->offsets, cond->offset_count * sizeof(*cond->offsets));
	p += cond->offset_count * sizeof(*cond->offsets);
	s = (struct ward_span *)p;
	for (i = 0; i < cond->span_count; i++, s++) {
		s->from = htole32(cond->spans[i].from);
		s->until = htole32(cond->spans[i].until);
	}
	return (uint8_t *)s;
}

/* What is written into is zero. */
static uint8_t *put_entries(uint8_t *p, const struct ward_policy_cond *cond)
{
	size_t i, len;

	if (cond->thread_count)
		memcpy(p, cond->threads, cond->thread_count * sizeof(*cond->threads));
	p += cond->thread_count * sizeof(*cond->threads);
	if (cond->burst_count)
		memcpy(p, cond->bursts, cond->burst_count * sizeof(*cond->bursts));
	p += cond->burst_count * sizeof(*cond->bursts);
	for (i = 0; i < cond->who.count; i++) {
		struct ward_subject *s = (struct ward_subject *)p;

		s->kind = htole32(cond->who.who[i].kind);
		s->id = htole32(cond->who.who[i].id);
		p += sizeof(*s);
	}
	for (i = 0; i < cond->path_count; i++) {
		struct ward_path *path = (struct ward_path *)p;

		len = strlen(cond->paths[i]);
		path->length = htole16(len);
		memcpy(path->text, cond->paths[i], len);
		p += ward_path_size(len);
	}
	for (i = 0; i < cond->program_count; i++) {
		struct ward_program *program = (struct ward_program *)p;

		len = strlen(cond->programs[i].path);
		program->length = htole16(ward_program_size(len));
		program->path_length = htole16(len);
		program->id = cond->programs[i].id;
		memcpy(program->path, cond->programs[i].path, len);
		p += ward_program_size(len);
	}
	return cond->type == WARD_COND_HOURS ? put_hours(p, cond) : p;
}

static uint8_t *put_rule(uint8_t *p, const struct ward_policy_rule *rule)
{
	struct ward_rule *r = (struct ward_rule *)p;
	size_t i;

	r->length = htole32(rule_size(rule));
	r->flags = htole16(rule->flags);
	r->conditions = htole16(rule->count);
	r->operations = htole32(rule->operations);
	memcpy(r->name, rule->name, sizeof(r->name));
	p += sizeof(*r);
	for (i = 0; i < rule->count; i++) {
		const struct ward_policy_cond *cond = &rule->conds[i];
		struct ward_condition *c = (struct ward_condition *)p;

		c->length = htole32(cond_size(cond));
		c->type = htole16(cond->type);
		c->count = htole16(cond_entries(cond));
		p = put_entries(p + sizeof(*c), cond);
	}
	return p;
}

static int policy_mac(const struct ward_master *master, const void *blob, size_t len,
		      uint8_t *mac)
{
	uint8_t key[WARD_KEY_SIZE];
	int ret = ward_master_derive(master, WARD_LABEL_POLICY_MAC, key);

	if (!ret)
		ret = ward_hmac_sha256(key, blob, len, mac);
	explicit_bzero(key, sizeof(key));
	return ret;
}

/**
 * ward_rule_place - which rule it is, and where it stands if that is known
 * @rule: the rule
 * @place: filled
 *
 * Return: @place
 */
const char *ward_rule_place(const struct ward_policy_rule *rule, char place[WARD_RULE_PLACE])
{
	int len = snprintf(place, WARD_RULE_PLACE, "rule \"%s\"", rule->name);

	if (rule->line)
		snprintf(place + len, WARD_RULE_PLACE - len, " (line %u)", rule->line);
	return place;
}

/**
 * ward_policy_serial_after - the serial number of rules that are loaded with a secret
 * @serial: the highest one so far
 *
 * Renewals, which take no secret, count between these: see WARD_POLICY_RENEWALS.
 *
 * Return: the next one.
 */
uint64_t ward_policy_serial_after(uint64_t serial)
{
	return (serial | WARD_POLICY_RENEWALS) + 1;
}

/**
 * ward_policy_compile - turn a policy into what the kernel reads
 * @policy: the policy
 * @master: the vault's master key
 * @serial: must be higher than that of the policy it replaces
 * @blob: set to the compiled policy with its MAC, for free()
 * @len: set to its length, bytes
 *
 * Programs and hours are as ward_policy_find_programs() and ward_policy_set_hours() found
 * them.
 *
 * Return: 0; -EFBIG when it is larger than the kernel takes; another negative
 * errno.
 */
int ward_policy_compile(const struct ward_policy *policy, const struct ward_master *master,
			uint64_t serial, void **blob, size_t *len)
{
	struct ward_policy_header *h;
	size_t size = sizeof(*h) + WARD_MAC_SIZE, i, k;
	uint8_t *p;
	int ret;

	for (i = 0; i < policy->count; i++) {
		for (k = 0; k < policy->rules[i].count; k++)
			if (cond_entries(&policy->rules[i].conds[k]) > UINT16_MAX)
				return -EFBIG;
		size += rule_size(&policy->rules[i]);
	}
	if (size > WARD_POLICY_MAX)
		return -EFBIG;
	h = calloc(1, size);
	if (!h)
		return -ENOMEM;
	memcpy(h->magic, WARD_POLICY_MAGIC, sizeof(h->magic));
	h->version = htole16(WARD_FORMAT_VERSION);
	h->flags = htole16(policy->flags);
	h->length = htole32(size);
	memcpy(h->vault, master->uuid, sizeof(h->vault));
	h->serial = htole64(serial);
	h->rules = htole32(policy->count);
	p = (uint8_t *)(h + 1);
	for (i = 0; i < policy->count; i++)
		p = put_rule(p, &policy->rules[i]);
	ret = policy_mac(master, h, size - WARD_MAC_SIZE, p);
	if (ret) {
		free(h);
		return ret;
	}
	*blob = h;
	*len = size;
	return 0;
}

/**
 * ward_policy_authentic - was a compiled policy made by whoever has the master key
 * @blob: the compiled policy
 * @len: its length, bytes
 * @master: the master key
 *
 * Return: 0, -EBADMSG when it was not, another negative errno.
 */
int ward_policy_authentic(const void *blob, size_t len, const struct ward_master *master)
{
	uint8_t mac[WARD_MAC_SIZE];
	int ret;

	if (len < sizeof(struct ward_policy_header) + sizeof(mac))
		return -EBADMSG;
	ret = policy_mac(master, blob, len - sizeof(mac), mac);
	if (!ret && CRYPTO_memcmp(mac, (const uint8_t *)blob + len - sizeof(mac), sizeof(mac)))
		ret = -EBADMSG;
	return ret;
}

static int get_subjects(const uint8_t *p, size_t len, size_t count, struct ward_policy_cond *cond)
{
	size_t i;

	if (len != count * sizeof(struct ward_subject))
		return -EBADMSG;
	for (i = 0; i < count; i++) {
		struct ward_subject s;
		struct ward_who who;

		memcpy(&s, p + i * sizeof(s), sizeof(s));
		who.kind = le32toh(s.kind);
		who.id = le32toh(s.id);
		if (who.kind != WARD_SUBJECT_UID && who.kind != WARD_SUBJECT_GID)
			return -EPROTONOSUPPORT;
		if (ward_who_add(&cond->who, &who))
			return -ENOMEM;
	}
	return 0;
}

static int get_threads(const uint8_t *p, size_t len, size_t count, struct ward_policy_cond *cond)
{
	size_t i;

	if (len != count * sizeof(struct ward_kthread))
		return -EBADMSG;
	for (i = 0; i < count; i++) {
		struct ward_kthread thread;

		memcpy(&thread, p + i * sizeof(thread), sizeof(thread));
		if (!ward_kthread_ok(&thread))
			return -EPROTONOSUPPORT;
		if (ward_kthread_add(cond, &thread))
			return -ENOMEM;
	}
	return 0;
}

static int get_paths(const uint8_t *p, size_t len, size_t count, struct ward_policy_cond *cond)
{
	char text[WARD_PATH_MAX + 1];
	struct ward_path path;
	size_t n;

	for (; count; count--) {
		if (len < sizeof(path))
			return -EBADMSG;
		memcpy(&path, p, sizeof(path));
		n = le16toh(path.length);
		if (n > WARD_PATH_MAX || ward_path_size(n) > len)
			return -EBADMSG;
		memcpy(text, p + sizeof(path), n);
		text[n] = '\0';
		if (ward_path_ok((const uint8_t *)text, n) < 0)
			return -EPROTONOSUPPORT;
		if (ward_policy_path_add(cond, text))
			return -ENOMEM;
		p += ward_path_size(n);
		len -= ward_path_size(n);
	}
	return len ? -EBADMSG : 0;
}

static int get_programs(const uint8_t *p, size_t len, size_t count, struct ward_policy_cond *cond)
{
	char text[WARD_PATH_MAX + 1];
	struct ward_program program;
	size_t n;

	for (; count; count--) {
		if (len < sizeof(program))
			return -EBADMSG;
		memcpy(&program, p, sizeof(program));
		n = le16toh(program.path_length);
		if (!n || n > WARD_PATH_MAX || ward_program_size(n) > len ||
		    le16toh(program.length) != ward_program_size(n))
			return -EBADMSG;
		if (le32toh(program.id.kind) < WARD_PROGRAM_UUID ||
		    le32toh(program.id.kind) > WARD_PROGRAM_SUBVOLUME)
			return -EPROTONOSUPPORT;
		memcpy(text, p + sizeof(program), n);
		text[n] = '\0';
		if (text[0] != '/' || strlen(text) != n)
			return -EBADMSG;
		if (ward_policy_program_add(cond, text, &program.id))
			return -ENOMEM;
		p += ward_program_size(n);
		len -= ward_program_size(n);
	}
	return len ? -EBADMSG : 0;
}

static int get_hours(const uint8_t *p, size_t len, size_t count, struct ward_policy_cond *cond)
{
	size_t changes, spans = count * sizeof(struct ward_span), i;
	struct ward_hours h;

	if (len < sizeof(h) + spans)
		return -EBADMSG;
	memcpy(&h, p, sizeof(h));
	p += sizeof(h);
	changes = len - sizeof(h) - spans;
	if (le32toh(h.changes) != changes / sizeof(struct ward_offset) ||
	    changes % sizeof(struct ward_offset) || h.zone[sizeof(h.zone) - 1])
		return -EBADMSG;
	memcpy(cond->zone, h.zone, sizeof(cond->zone));
	cond->hours_from = le64toh(h.from);
	cond->hours_until = le64toh(h.until);
	cond->offsets = malloc(changes + 1);
	cond->spans = calloc(count + 1, sizeof(*cond->spans));
	if (!cond->offsets || !cond->spans)
		return -ENOMEM;
	memcpy(cond->offsets, p, changes);
	cond->offset_count = changes / sizeof(struct ward_offset);
	p += changes;
	for (i = 0; i < count; i++) {
		struct ward_span s;

		memcpy(&s, p + i * sizeof(s), sizeof(s));
		cond->spans[i].from = le32toh(s.from);
		cond->spans[i].until = le32toh(s.until);
		if (cond->spans[i].until > WARD_WEEK || cond->spans[i].from >= cond->spans[i].until)
			return -EBADMSG;
	}
	cond->span_count = count;
	return 0;
}

static int get_bursts(const uint8_t *p, size_t len, size_t count, struct ward_policy_cond *cond)
{
	size_t i;

	if (len != count * sizeof(*cond->bursts))
		return -EBADMSG;
	if (count > WARD_BURST_ENTRIES)
		return -EPROTONOSUPPORT;
	cond->bursts = malloc(len + 1);
	if (!cond->bursts)
		return -ENOMEM;
	memcpy(cond->bursts, p, len);
	cond->burst_count = count;
	for (i = 0; i < count; i++)
		if (le32toh(cond->bursts[i].what) < WARD_BURST_FILES ||
		    le32toh(cond->bursts[i].what) > WARD_BURST_CHANGES)
			return -EPROTONOSUPPORT;
	return 0;
}

/* A condition at @p, of at most @room bytes. */
static int get_cond(const uint8_t *p, size_t room, struct ward_policy_cond *cond, size_t *used)
{
	struct ward_condition c;
	size_t len;

	if (room < sizeof(c))
		return -EBADMSG;
	memcpy(&c, p, sizeof(c));
	*used = le32toh(c.length);
	cond->type = le16toh(c.type);
	if (*used < sizeof(c) || *used > room)
		return -EBADMSG;
	p += sizeof(c);
	len = *used - sizeof(c);
	switch (cond->type) {
	case WARD_COND_SUBJECT:
	case WARD_COND_LOGIN:
		return get_subjects(p, len, le16toh(c.count), cond);
	case WARD_COND_KTHREAD:
		return get_threads(p, len, le16toh(c.count), cond);
	case WARD_COND_PATH:
		return get_paths(p, len, le16toh(c.count), cond);
	case WARD_COND_PROGRAM:
		return get_programs(p, len, le16toh(c.count), cond);
	case WARD_COND_HOURS:
		return get_hours(p, len, le16toh(c.count), cond);
	case WARD_COND_BURST:
		return get_bursts(p, len, le16toh(c.count), cond);
	}
	return -EPROTONOSUPPORT;
}

static int get_rule(const uint8_t *p, size_t room, struct ward_policy_rule *rule, size_t *used)
{
	struct ward_rule r;
	size_t pos = sizeof(r), n, i;
	int subjects = 0;

	if (room < sizeof(r))
		return -EBADMSG;
	memcpy(&r, p, sizeof(r));
	*used = le32toh(r.length);
	if (*used < sizeof(r) || *used > room || r.name[sizeof(r.name) - 1])
		return -EBADMSG;
	memcpy(rule->name, r.name, sizeof(rule->name));
	rule->flags = le16toh(r.flags);
	rule->operations = le32toh(r.operations);
	if (le16toh(r.conditions) > WARD_POLICY_CONDITIONS || rule->flags & ~WARD_RULE_FLAGS ||
	    rule->operations & ~WARD_OP_ALL)
		return -EPROTONOSUPPORT;
	for (i = 0; i < le16toh(r.conditions); i++) {
		int ret;

		rule->count = i + 1;
		ret = get_cond(p + pos, *used - pos, &rule->conds[i], &n);
		if (ret)
			return ret;
		if (rule->conds[i].type == WARD_COND_SUBJECT)
			rule->conds[i].groups = subjects++;
		pos += n;
	}
	return pos == *used ? 0 : -EBADMSG;
}

/**
 * ward_policy_decode - read a compiled policy
 * @blob: the compiled policy
 * @len: its length, bytes
 * @uuid: of the vault it should belong to
 * @policy: filled, for ward_policy_free()
 *
 * Says nothing of authenticity.
 *
 * Return: 0; -EBADMSG when it is damaged; -EPROTONOSUPPORT when it has
 * something that is not known; -ENOMEM.
 */
int ward_policy_decode(const void *blob, size_t len, const uint8_t uuid[WARD_UUID_SIZE],
		       struct ward_policy *policy)
{
	struct ward_policy_header h;
	size_t pos = sizeof(h), end, n, i;
	int ret = -EBADMSG;

	memset(policy, 0, sizeof(*policy));
	if (len < sizeof(h) + WARD_MAC_SIZE)
		return -EBADMSG;
	memcpy(&h, blob, sizeof(h));
	end = len - WARD_MAC_SIZE;
	if (memcmp(h.magic, WARD_POLICY_MAGIC, sizeof(h.magic)))
		return -EBADMSG;
	if (le16toh(h.version) != WARD_FORMAT_VERSION || le16toh(h.flags) & ~WARD_POLICY_FLAGS)
		return -EPROTONOSUPPORT;
	if (le32toh(h.length) != len || memcmp(h.vault, uuid, WARD_UUID_SIZE) ||
	    !ward_bytes_zero(h.reserved, sizeof(h.reserved)) ||
	    le32toh(h.rules) > (end - pos) / sizeof(struct ward_rule))
		return -EBADMSG;
	policy->flags = le16toh(h.flags);
	policy->serial = le64toh(h.serial);
	policy->rules = calloc(le32toh(h.rules) + 1, sizeof(*policy->rules));
	if (!policy->rules)
		return -ENOMEM;
	for (i = 0; i < le32toh(h.rules); i++) {
		policy->count = i + 1;
		ret = get_rule((const uint8_t *)blob + pos, end - pos, &policy->rules[i], &n);
		if (ret)
			goto free;
		pos += n;
	}
	if (pos == end)
		return 0;
	ret = -EBADMSG;
free:
	ward_policy_free(policy);
	return ret;
}
