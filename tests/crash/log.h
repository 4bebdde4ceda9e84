/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of the device-mapper target "log-writes", as in drivers/md/dm-log-writes.c and
 * Documentation/admin-guide/device-mapper/log-writes.rst of Linux: a super block in sector 0,
 * then entries of one sector each, each followed by the data that was written. Integers are
 * little endian.
 */
#ifndef WARD_CRASH_LOG_H
#define WARD_CRASH_LOG_H

#include <stdint.h>

#define LOG_MAGIC	0x6a736677736872ULL
#define LOG_VERSION	1
#define SECTOR		512U

#define LOG_FLUSH	0x1
#define LOG_FUA		0x2
#define LOG_DISCARD	0x4	/* has no data behind it */
#define LOG_MARK	0x8	/* a text instead of a write */
#define LOG_METADATA	0x10
#define LOG_KNOWN	0x1f

/**
 * struct log_super - sector 0
 * @magic: LOG_MAGIC
 * @version: LOG_VERSION
 * @entries: how many follow
 * @sector_size: bytes; the unit of what follows
 */
struct log_super {
	uint64_t magic;
	uint64_t version;
	uint64_t entries;
	uint32_t sector_size;
} __attribute__((packed));

/**
 * struct log_entry - what an entry begins with
 * @sector: that was written first
 * @sectors: how many were
 * @flags: LOG_*
 * @data_len: bytes of a mark's text, which follows within the entry's own sector
 */
struct log_entry {
	uint64_t sector;
	uint64_t sectors;
	uint64_t flags;
	uint64_t data_len;
} __attribute__((packed));

#endif
