// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of vaults and users, remembered: under a flood of events the user database and the
 * configuration are not asked again and again. Those of vaults are read all at once, when the
 * configuration or the mounts have changed, so that a thousand vaults are no more work than one.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libmount.h>

#include "../lib/conf.h"
#include "../lib/mnt.h"
#include "../lib/text.h"
#include "wardd.h"

#define MOUNTS		"/proc/self/mountinfo"
#define VAULTS_FRESH	30	/* until files of the configuration are read again that were written to, seconds */
#define USERS		256
#define USER_FRESH	30
#define USER_QUESTIONS	32	/* to the user database in a second, at most */

/**
 * struct vault - a vault's name and directory
 * @uuid: which
 * @name: its name; "" for none
 * @conf: its directory, by the configuration; NULL: it is not in it
 * @dir: where it is, or was; NULL: not known
 * @mounted: @dir is one of its mounts
 */
struct vault {
	uint8_t uuid[WARD_UUID_SIZE];
	char name[64];
	char *conf;
	char *dir;
	bool mounted;
};

/**
 * struct user - a user's name; its place is the number's remainder
 * @uid: which
 * @until: how long it is believed; 0: not in use
 * @name: its name; "" for none
 */
struct user {
	uint32_t uid;
	time_t until;
	char name[WARD_LOG_USER];
};

/**
 * struct wardd_names - names
 * @vaults: all that were ever known: one that is unmounted still is what it was
 * @count: of them
 * @mounts: the list of mounts, for poll(2), which tells that one came or went; -1: without /proc
 * @conf_time: when the configuration's directory was changed, as it was read
 * @looked: when that was looked at
 * @until: for how long it is believed to be so; 0: never read
 * @users: of users
 * @asked: how many users were asked for in the second @second
 * @second: of the monotonic clock
 */
struct wardd_names {
	struct vault *vaults;
	size_t count;
	int mounts;
	struct timespec conf_time;
	time_t looked;
	time_t until;
	struct user users[USERS];
	unsigned int asked;
	time_t second;
};

/* Never 0. */
static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1;
}

/* ---- vaults ----------------------------------------------------------------------- */

static struct vault *find(const struct wardd_names *names, const uint8_t *uuid)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (!memcmp(names->vaults[i].uuid, uuid, WARD_UUID_SIZE))
			return &names->vaults[i];
	return NULL;
}

/* The vault's place, a new one if need be; NULL without memory. */
static struct vault *place(struct wardd_names *names, const uint8_t *uuid)
{
	struct vault *v = find(names, uuid);

	if (v)
		return v;
	v = reallocarray(names->vaults, names->count + 1, sizeof(*v));
	if (!v)
		return NULL;
	names->vaults = v;
	v += names->count++;
	memset(v, 0, sizeof(*v));
	memcpy(v->uuid, uuid, WARD_UUID_SIZE);
	return v;
}

/* Without memory it stays what it was. */
static void set(char **dir, const char *to)
{
	char *copy = strdup(to);

	if (!copy)
		return;
	free(*dir);
	*dir = copy;
}

static void read_conf(struct wardd_names *names)
{
	struct ward_err *ignored = malloc(sizeof(*ignored));
	struct ward_conf_list list;
	struct vault *v;
	size_t i;

	if (!ignored)
		return;
	ward_err_clear(ignored);
	if (!ward_conf_list(&list, ignored)) {
		for (i = 0; i < list.count; i++) {
			v = place(names, list.conf[i].uuid);
			if (!v)
				continue;
			strcpy(v->name, list.conf[i].name);
			set(&v->conf, list.conf[i].directory);
		}
		ward_conf_list_free(&list);
	}
	free(ignored);
}

/*
 * All of a vault, where people work in it: not while it is being made. @uuid: set to whose.
 * Returns where; NULL when it is none.
 */
static const char *mount_of(struct libmnt_fs *fs, uint8_t uuid[WARD_UUID_SIZE])
{
	const char *options = mnt_fs_get_fs_options(fs), *root = mnt_fs_get_root(fs);
	const char *type = mnt_fs_get_fstype(fs), *target = mnt_fs_get_target(fs);
	char text[WARD_UUID_TEXT], *value;
	size_t len;

	if (!type || strcmp(type, WARD_FSTYPE) || !root || strcmp(root, "/") || !options ||
	    !target || !strncmp(target, WARD_CREATE_DIR "/", strlen(WARD_CREATE_DIR "/")) ||
	    mnt_optstr_get_option(options, "uuid", &value, &len) || len >= sizeof(text))
		return NULL;
	memcpy(text, value, len);
	text[len] = '\0';
	return ward_text_parse_uuid(text, uuid) ? NULL : target;
}

/*
 * A vault can be mounted somewhere else than the configuration says: it is in the directory
 * that the configuration names, if it is there; else in the topmost place of all.
 */
static void read_mounts(struct wardd_names *names)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTS);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	uint8_t uuid[WARD_UUID_SIZE];
	struct libmnt_fs *fs;

	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		const char *target = mount_of(fs, uuid);
		struct vault *v = target ? place(names, uuid) : NULL;
		char *value;
		size_t len;

		if (!v)
			continue;
		if (!v->name[0] &&
		    !mnt_optstr_get_option(mnt_fs_get_fs_options(fs), "name", &value, &len))
			snprintf(v->name, sizeof(v->name), "%.*s", (int)len, value);
		if (!v->mounted || (v->conf && !strcmp(target, v->conf)))
			set(&v->dir, target);
		v->mounted = true;
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

static void read_vaults(struct wardd_names *names)
{
	struct vault *v;
	size_t i;

	for (i = 0; i < names->count; i++) {
		v = &names->vaults[i];
		free(v->conf);
		v->conf = NULL;
		v->mounted = false;
	}
	read_conf(names);
	read_mounts(names);
	/* What is in neither list is still known by what it was. */
	for (i = 0; i < names->count; i++) {
		v = &names->vaults[i];
		if (!v->mounted && v->conf)
			set(&v->dir, v->conf);
	}
}

static bool conf_changed(struct wardd_names *names)
{
	struct timespec was = names->conf_time;
	struct stat st = { 0 };

	if (stat(WARD_CONF_DIR, &st))
		memset(&st, 0, sizeof(st));
	names->conf_time = st.st_mtim;
	names->looked = now();
	return st.st_mtim.tv_sec != was.tv_sec || st.st_mtim.tv_nsec != was.tv_nsec;
}

/*
 * Has something changed since this was asked last? To be asked before it is read. Of a vault
 * that is @known the configuration is looked at once a second: /etc may be on a slow file system.
 */
static bool changed(struct wardd_names *names, bool known)
{
	struct pollfd mounts = { .fd = names->mounts, .events = POLLPRI };
	bool is = names->until <= now();

	if (!known || names->looked != now())
		is |= conf_changed(names);
	return poll(&mounts, 1, 0) > 0 || is;
}

/**
 * wardd_names_vault - name and directory of a vault, for struct ward_log_names
 * @uuid: which
 * @name: filled in; "" when it is not known
 * @dir: filled in, likewise
 * @arg: the names
 */
void wardd_names_vault(const uint8_t *uuid, char *name, char *dir, void *arg)
{
	struct wardd_names *names = arg;
	const struct vault *v;

	if (changed(names, find(names, uuid))) {
		read_vaults(names);
		names->until = now() + VAULTS_FRESH;
	}
	v = find(names, uuid);
	strcpy(name, v ? v->name : "");
	snprintf(dir, PATH_MAX, "%s", v && v->dir ? v->dir : "");
}

/* ---- users ------------------------------------------------------------------------ */

static bool may_ask(struct wardd_names *names)
{
	if (names->second != now()) {
		names->second = now();
		names->asked = 0;
	}
	return names->asked++ < USER_QUESTIONS;
}

/**
 * wardd_names_user - name of a user, for struct ward_log_names
 * @uid: which
 * @name: filled in; "" when there is none, or it cannot be asked for now
 * @arg: the names
 *
 * A user database may be slow, and slowest with numbers that nobody has: who has many numbers (in
 * a user namespace these are thousands) must not keep us from recording what is done with them.
 * So few are asked for in a second, and a number without a name is not remembered in the place of
 * one with a name.
 */
void wardd_names_user(uint32_t uid, char *name, void *arg)
{
	struct wardd_names *names = arg;
	struct user *u = &names->users[uid % USERS];
	bool same = u->until && u->uid == uid, fresh = u->until > now();

	name[0] = '\0';
	if ((!same || !fresh) && may_ask(names)) {
		ward_log_user(uid, name);
		if (!same && fresh && u->name[0] && !name[0])
			return;
		strcpy(u->name, name);
		u->uid = uid;
		u->until = now() + USER_FRESH;
	} else if (same) {
		strcpy(name, u->name);
	}
}

/* ---- all of them ------------------------------------------------------------------ */

/**
 * wardd_names_new - no names yet
 *
 * Return: the names, or NULL without memory.
 */
struct wardd_names *wardd_names_new(void)
{
	struct wardd_names *names = calloc(1, sizeof(*names));

	if (names)
		names->mounts = open(MOUNTS, O_RDONLY | O_CLOEXEC);
	return names;
}

/**
 * wardd_names_free - forget them
 * @names: the names, or NULL
 */
void wardd_names_free(struct wardd_names *names)
{
	size_t i;

	if (!names)
		return;
	for (i = 0; i < names->count; i++) {
		free(names->vaults[i].conf);
		free(names->vaults[i].dir);
	}
	free(names->vaults);
	if (names->mounts >= 0)
		close(names->mounts);
	free(names);
}
