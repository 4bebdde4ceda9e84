// SPDX-License-Identifier: GPL-2.0-or-later
/* Which files have more than one name: a hash table with open addressing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

static struct ward_link *slot(struct ward_link *slots, size_t room, uint64_t plain)
{
	size_t i = (plain * 0x9e3779b97f4a7c15ULL >> 20) & (room - 1);

	while (slots[i].path && slots[i].plain != plain)
		i = (i + 1) & (room - 1);
	return &slots[i];
}

/**
 * ward_links_find - look a file up
 * @links: the table
 * @plain: its inode number among the plain files
 *
 * Return: what is known of it, or NULL.
 */
struct ward_link *ward_links_find(const struct ward_links *links, uint64_t plain)
{
	struct ward_link *s;

	if (!links->room)
		return NULL;
	s = slot(links->slots, links->room, plain);
	return s->path ? s : NULL;
}

/**
 * ward_links_add - remember a file
 * @links: the table; all zero at first
 * @plain: its inode number among the plain files, not yet in the table
 * @vault: its inode number in the vault
 * @path: its name, from the top
 *
 * Return: 0 or -ENOMEM.
 */
int ward_links_add(struct ward_links *links, uint64_t plain, uint64_t vault, const char *path)
{
	struct ward_link *s;
	size_t i;

	if (2 * links->count >= links->room) {
		size_t room = links->room ? 2 * links->room : 1024;
		struct ward_link *more = calloc(room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		for (i = 0; i < links->room; i++)
			if (links->slots[i].path)
				*slot(more, room, links->slots[i].plain) = links->slots[i];
		free(links->slots);
		links->slots = more;
		links->room = room;
	}
	s = slot(links->slots, links->room, plain);
	s->path = strdup(path);
	if (!s->path)
		return -ENOMEM;
	s->plain = plain;
	s->vault = vault;
	s->names = 1;
	s->nlink = 0;
	links->count++;
	return 0;
}

/**
 * ward_links_free - free a table
 * @links: may be all zero
 */
void ward_links_free(struct ward_links *links)
{
	size_t i;

	for (i = 0; i < links->room; i++)
		free(links->slots[i].path);
	free(links->slots);
	memset(links, 0, sizeof(*links));
}
