// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of vaults and users, remembered for a while: under a flood of events the user
 * database and the configuration are not asked again and again.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wardd.h"

#define VAULTS		32
#define VAULT_FRESH	2	/* for how long a vault's name is believed, seconds */
#define USERS		256
#define USER_FRESH	30
#define USER_QUESTIONS	32	/* to the user database in a second, at most */

/**
 * struct vault - a vault's name and directory
 * @uuid: which
 * @until: how long they are believed, seconds of the monotonic clock; 0: not in use
 * @name: its name
 * @dir: its directory
 */
struct vault {
	uint8_t uuid[WARD_UUID_SIZE];
	time_t until;
	char name[64];
	char dir[PATH_MAX];
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
 * @vaults: of vaults
 * @users: of users
 * @asked: how many users were asked for in the second @second
 * @second: of the monotonic clock
 */
struct wardd_names {
	struct vault vaults[VAULTS];
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

/* The vault's place, else the one that is oldest. */
static struct vault *place(struct wardd_names *names, const uint8_t *uuid)
{
	struct vault *v = &names->vaults[0];
	int i;

	for (i = 0; i < VAULTS; i++) {
		if (names->vaults[i].until &&
		    !memcmp(names->vaults[i].uuid, uuid, WARD_UUID_SIZE))
			return &names->vaults[i];
		if (names->vaults[i].until < v->until)
			v = &names->vaults[i];
	}
	memset(v, 0, sizeof(*v));
	memcpy(v->uuid, uuid, WARD_UUID_SIZE);
	return v;
}

/**
 * wardd_names_vault - name and directory of a vault, for struct ward_log_names
 * @uuid: which
 * @name: filled in
 * @dir: filled in
 * @arg: the names
 */
void wardd_names_vault(const uint8_t *uuid, char *name, char *dir, void *arg)
{
	struct vault *v = place(arg, uuid);
	char new_name[sizeof(v->name)], new_dir[sizeof(v->dir)];

	if (v->until <= now()) {
		/* A vault that is unmounted is still known by what it was. */
		if (!ward_log_vault(uuid, new_name, sizeof(new_name), new_dir, sizeof(new_dir))) {
			strcpy(v->name, new_name);
			strcpy(v->dir, new_dir);
		}
		v->until = now() + VAULT_FRESH;
	}
	strcpy(name, v->name);
	strcpy(dir, v->dir);
}

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

/**
 * wardd_names_changed - vaults were mounted, or the like
 * @names: the names
 */
void wardd_names_changed(struct wardd_names *names)
{
	int i;

	for (i = 0; i < VAULTS; i++)
		if (names->vaults[i].until)
			names->vaults[i].until = 1;
}

/**
 * wardd_names_new - no names yet
 *
 * Return: the names, or NULL without memory.
 */
struct wardd_names *wardd_names_new(void)
{
	return calloc(1, sizeof(struct wardd_names));
}

/**
 * wardd_names_free - forget them
 * @names: the names, or NULL
 */
void wardd_names_free(struct wardd_names *names)
{
	free(names);
}
