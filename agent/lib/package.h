/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files the machine's packages have: dpkg. */
#ifndef WARD_PACKAGE_H
#define WARD_PACKAGE_H

int ward_package_has(const char *path, int fd);

#endif
