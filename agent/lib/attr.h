/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended attributes and ACLs, copied and compared. */
#ifndef WARD_ATTR_H
#define WARD_ATTR_H

#include <stdbool.h>
#include <stddef.h>

#define WARD_ACL_ACCESS		"system.posix_acl_access"
#define WARD_ACL_DEFAULT	"system.posix_acl_default"
#define WARD_XATTR_NAME_MAX	160	/* docs/format.md: X of user.X */
#define WARD_XATTR_VALUE_MAX	(65536 - 16)	/* XATTR_SIZE_MAX, less the IV */

#define WARD_ATTR_NO_ACL	0x1	/* leave ACLs alone */

typedef int (*ward_attr_fn)(const char *name, void *arg);

int ward_attr_each(int dirfd, const char *name, unsigned int flags, ward_attr_fn fn, void *arg);
int ward_attr_get(int dirfd, const char *name, const char *attr, void **value, size_t *len);
int ward_attr_set(int dirfd, const char *name, const char *attr, const void *value, size_t len);
int ward_attr_remove(int dirfd, const char *name, const char *attr);
int ward_attr_copy(int from, int to, const char *name, unsigned int flags);
int ward_attr_same(int one, int other, const char *name, unsigned int flags);

#endif
