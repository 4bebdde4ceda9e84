/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files have more than one name. */
#ifndef WARD_LINKS_H
#define WARD_LINKS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct ward_link - a file with several names
 * @plain: its inode number among the plain files
 * @vault: its inode number in the vault
 * @path: its first name met, from the top; for free()
 * @names: how many names of it were met, for whoever counts; begins with 1
 * @nlink: how many it has, for whoever compares
 */
struct ward_link {
	uint64_t plain;
	uint64_t vault;
	char *path;
	uint64_t names;
	uint64_t nlink;
};

/**
 * struct ward_links - a table of them, by @plain
 */
struct ward_links {
	struct ward_link *slots;
	size_t count;
	size_t room;
};

struct ward_link *ward_links_find(const struct ward_links *links, uint64_t plain);
int ward_links_add(struct ward_links *links, uint64_t plain, uint64_t vault, const char *path);
void ward_links_free(struct ward_links *links);

#endif
