// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes: of users, encrypted in the vault; of the system, passed on; ACLs.
 */
#include <sys/xattr.h>

#include "compare.h"

#define LONG_NAME	27	/* in the table of names below */

void xattr_name(const struct op *op, char *name)
{
	static const char * const some[] = { "user.a", "user.b", "user.c", "user.a", "user.b",
					    "user.c", "trusted.x",
					     "security.y", "user.", "bogus.x", "user.\001\377",
						     "trusted.",
					     "system.posix_acl_access", "system.posix_acl_default",
						     "security.capability",
					     "nodots", "", "system.bogus" };
	unsigned int i = op->mode;

	if (i < ARRAY_SIZE(some)) {
		strcpy(name, some[i]);
		return;
	}
	/* Lengths about what the vault and what ext4 takes */
	strcpy(name, "user.");
	memset(name + 5, 'n', 300);
	name[5 + (i == LONG_NAME ? 160 : i == LONG_NAME + 1 ? 161 : i == LONG_NAME + 2 ? 250 :
		  251)] = 0;
	if (i < LONG_NAME)
		strcpy(name, "user.a");
}

static bool pick_xattr(struct run *r, struct op *op)
{
	static const int sizes[] = { 0, 1, 16, 100, 300, 1000, 3000, 4000, 4096, 65519, 65520,
				    65536 };

	pick_path(r, op->a);
	if (chance(r, 2))
		pick_live(r, op->a, 0);
	op->slot = 0;
	op->which = pick_slot(r, &op->slot) ? below(r, 3) : below(r, 2);
	op->mode = chance(r, 10) ? below(r, LONG_NAME + 4) : below(r, 8);
	op->len = chance(r, 20) ? sizes[below(r, ARRAY_SIZE(sizes))] : below(r, 120);
	op->flags = chance(r, 4) ? below(r, 4) : 0;
	op->seed = draw(r);
	return true;
}

static void stash(struct run *r, const struct op *op, const char *name)
{
	if (op->which == 2)
		r->stash_len = fgetxattr(r->slot[op->slot].fd[PLAIN], name, r->stash,
					 sizeof(r->stash));
	else
		r->stash_len = (op->which ? lgetxattr : getxattr)(op->a, name, r->stash,
								  sizeof(r->stash));
}

static void go_set(struct run *r, const struct op *op, enum side side, struct result *res)
{
	char name[XATTR_ROOM];

	xattr_name(op, name);
	fill(r->data, op->len, op->seed);
	/* To be put back where the vault refuses what fits here: differ.c. */
	if (side == PLAIN) {
		become(0);
		stash(r, op, name);
		become(op->as);
	}
	if (op->which == 2)
		result_of(res, fsetxattr(r->slot[op->slot].fd[side], name, r->data, op->len,
					 op->flags));
	else
		result_of(res, (op->which ? lsetxattr : setxattr)(op->a, name, r->data, op->len,
								  op->flags));
}

static void go_get(struct run *r, const struct op *op, enum side side, struct result *res)
{
	size_t room = op->seed % 4 ? 65536 : op->seed % 8 ? 0 : op->len;
	char name[XATTR_ROOM];
	ssize_t n;

	xattr_name(op, name);
	if (op->which == 2)
		n = fgetxattr(r->slot[op->slot].fd[side], name, res->out, room);
	else
		n = (op->which ? lgetxattr : getxattr)(op->a, name, res->out, room);
	result_of(res, n);
	res->len = n > 0 && room ? n : 0;
}

static void go_remove(struct run *r, const struct op *op, enum side side, struct result *res)
{
	char name[XATTR_ROOM];

	xattr_name(op, name);
	if (op->which == 2)
		result_of(res, fremovexattr(r->slot[op->slot].fd[side], name));
	else
		result_of(res, (op->which ? lremovexattr : removexattr)(op->a, name));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

static void go_list(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static __thread char list[65536];
	char *names[512];
	unsigned int count = 0, i;
	ssize_t n, at;

	if (op->which == 2)
		n = flistxattr(r->slot[op->slot].fd[side], list, sizeof(list));
	else
		n = (op->which ? llistxattr : listxattr)(op->a, list, sizeof(list));
	result_of(res, n);
	for (at = 0; at < n && count < 512; at += strlen(list + at) + 1)
		names[count++] = list + at;
	qsort(names, count, sizeof(*names), by_name);
	for (i = 0; i < count; i++)
		add_text(res, "%s\n", names[i]);
}

/* ---- ACLs ---- */

struct acl_entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
} __attribute__((packed));

struct acl {
	uint32_t version;
	struct acl_entry entry[6];
} __attribute__((packed));

static bool pick_acl(struct run *r, struct op *op)
{
	pick_live(r, op->a, chance(r, 2) ? S_IFDIR : 0);
	if (chance(r, 6))
		pick_path(r, op->a);
	op->which = below(r, 2);
	op->flags = below(r, 8);
	op->seed = draw(r);
	return true;
}

static void go_acl(struct run *r, const struct op *op, enum side side, struct result *res)
{
	static const char * const names[] = { "system.posix_acl_access",
					     "system.posix_acl_default" };
	struct acl acl = { .version = 2, .entry = {
		{ 0x01, op->seed & 7, -1 },			/* owner */
		{ 0x02, op->seed >> 3 & 7, ALICE },
		{ 0x04, op->seed >> 6 & 7, -1 },		/* group */
		{ 0x08, op->seed >> 9 & 7, CASEWORKERS },
		{ 0x10, op->seed >> 12 & 7, -1 },		/* mask */
		{ 0x20, op->seed >> 15 & 7, -1 },		/* others */
	} };
	size_t size = sizeof(acl);

	if (!op->flags) {
		result_of(res, removexattr(op->a, names[op->which]));
		return;
	}
	if (op->flags == 1) {		/* one that says no more than a mode */
		acl.entry[1] = acl.entry[2];
		acl.entry[2] = acl.entry[5];
		size = offsetof(struct acl, entry) + 3 * sizeof(*acl.entry);
	} else if (op->flags == 2) {	/* without the mask that it needs */
		acl.entry[4] = acl.entry[5];
		size -= sizeof(*acl.entry);
	}
	result_of(res, setxattr(op->a, names[op->which], &acl, size, 0));
}

const struct kind xattr_kinds[] = {
	{ "setxattr", 45, USES_A | USES_SLOT | USES_XATTR, pick_xattr, go_set },
	{ "getxattr", 20, USES_A | USES_SLOT, pick_xattr, go_get },
	{ "removexattr", 15, USES_A | USES_SLOT | USES_XATTR, pick_xattr, go_remove },
	{ "listxattr", 12, USES_A | USES_SLOT, pick_xattr, go_list },
	{ "acl", 30, USES_A | USES_XATTR, pick_acl, go_acl },
	{ NULL }
};
