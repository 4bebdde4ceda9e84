// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random numbers, and what is made of them. All that is drawn depends on the seed and
 * on the results of the steps before, so that a seed gives the same steps again.
 */
#include "compare.h"

/* splitmix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators" */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint64_t draw(struct run *r)
{
	return mix(&r->random);
}

unsigned long below(struct run *r, unsigned long n)
{
	return draw(r) % n;
}

bool chance(struct run *r, unsigned int of)
{
	return !below(r, of);
}

/* No byte is zero: zeros are what holes read as. */
void fill(unsigned char *data, size_t len, uint64_t seed)
{
	uint64_t state = seed, word = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!(i & 7))
			word = mix(&state);
		data[i] = (word >> (i & 7) * 8 & 0xff) ?: 1;
	}
}

static void name_bytes(struct run *r, char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		do {
			name[i] = below(r, 255) + 1;
		} while (name[i] == '/' || (len < 3 && name[i] == '.'));
	}
	name[len] = 0;
}

void pick_names(struct run *r)
{
	static const unsigned char lengths[] = { 1, 2, 15, 16, 17, 143, 159, 160, 161, 200, 254,
						255, 255 };
	unsigned int i;

	for (i = 0; i < 12; i++)
		snprintf(r->name[i], sizeof(r->name[i]), "%c", 'a' + i);
	for (; i < 12 + ARRAY_SIZE(lengths); i++)
		name_bytes(r, r->name[i], lengths[i - 12]);
	/* One that no file system takes */
	name_bytes(r, r->name[NAMES - 1], 256);
}

/* Mostly short: a path of long ones is soon too long. */
static const char *pick_name(struct run *r)
{
	if (chance(r, 100))
		return r->name[NAMES - 1];
	return r->name[chance(r, 4) ? below(r, NAMES - 1) : below(r, 12)];
}

static void append(char *path, const char *text)
{
	size_t len = strlen(path);

	snprintf(path + len, PATH_ROOM - len, "%s", text);
}

/* One that is there, or was when it was looked at; "." where there is none of that type. */
void pick_live(struct run *r, char *path, mode_t type)
{
	unsigned int i, start;

	strcpy(path, ".");
	if (!r->lives)
		return;
	start = below(r, r->lives);
	for (i = 0; i < r->lives; i++) {
		struct place *p = &r->live[(start + i) % r->lives];

		if (!type || p->type == type) {
			strcpy(path, p->path);
			return;
		}
	}
}

static void odd_path(struct run *r, char *path)
{
	static const char * const odd[] = { "", ".", "..", "/", "//", "./.", "../..", "/..",
					   "./a/..", "a/../b" };
	char part[PATH_ROOM];

	switch (below(r, 5)) {
	case 0:
		strcpy(path, odd[below(r, ARRAY_SIZE(odd))]);
		break;
	case 1:
		pick_live(r, path, 0);
		append(path, "/..");
		break;
	case 2:
		pick_live(r, path, 0);
		append(path, "/.");
		break;
	case 3:
		pick_live(r, part, 0);
		snprintf(path, PATH_ROOM, "//.//%.4000s", part);
		break;
	default:
		pick_live(r, path, S_IFLNK);
		append(path, "/");
		append(path, pick_name(r));
	}
}

/* A path that is there, one that is not, or one that cannot be. */
void pick_path(struct run *r, char *path)
{
	unsigned long kind = below(r, 100);
	char *slash;

	if (kind < 50) {
		pick_live(r, path, 0);
	} else if (kind < 58) {
		/* below anything, so sometimes below a file */
		pick_live(r, path, 0);
		append(path, "/");
		append(path, pick_name(r));
	} else if (kind < 76) {
		pick_live(r, path, S_IFDIR);
		append(path, "/");
		append(path, pick_name(r));
	} else if (kind < 90) {
		pick_live(r, path, 0);
		slash = strrchr(path, '/');
		if (slash)
			slash[1] = 0;
		else
			*path = 0;
		append(path, pick_name(r));
	} else if (kind < 96) {
		strcpy(path, pick_name(r));
	} else {
		odd_path(r, path);
	}
	if (chance(r, 40))
		append(path, "/");
}

bool pick_slot(struct run *r, int *slot)
{
	unsigned int i, start = below(r, SLOTS);

	for (i = 0; i < SLOTS; i++) {
		*slot = (start + i) % SLOTS;
		if (r->slot[*slot].fd[PLAIN] >= 0)
			return true;
	}
	return false;
}

/* Mostly about a boundary of blocks (3552, then each 4064) or pages. */
long long pick_offset(struct run *r)
{
	static const int edges[] = { 0, 1, 3551, 3552, 3553, 4064, 4096, 7616, 7617, 8192, 11680,
				    65536, 131072 };
	long long at;

	switch (below(r, 5)) {
	case 0:
		at = edges[below(r, ARRAY_SIZE(edges))] + (long long)below(r, 5) - 2;
		break;
	case 1:
		at = below(r, 50) * 4064LL + 3552 + (long long)below(r, 5) - 2;
		break;
	case 2:
		at = below(r, 50) * 4096LL + (long long)below(r, 5) - 2;
		break;
	case 3:
		at = below(r, 9000);
		break;
	default:
		at = below(r, 200000);
	}
	if (chance(r, 80))
		at += below(r, 8 << 20);
	else if (chance(r, 400))
		at += 1LL << (31 + below(r, 6));
	return at < 0 ? 0 : at;
}

size_t pick_len(struct run *r)
{
	static const int some[] = { 0, 1, 2, 100, 3552, 4063, 4064, 4065, 4096, 8128, 9000 };

	return chance(r, 3) ? below(r, 70000) : some[below(r, ARRAY_SIZE(some))];
}

mode_t pick_mode(struct run *r)
{
	static const mode_t modes[] = { 0644, 0644, 0600, 0666, 0664, 0755, 0755, 0775, 0777, 0700,
				       0, 0444, 0400,
					04755, 02755, 02775, 06777, 01777, 04711, 02711 };

	return modes[below(r, ARRAY_SIZE(modes))];
}
