/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talking to the kernel module: the generic netlink family "ward", as
 * docs/netlink/ward.yaml specifies it. Never prints, never exits; every function
 * gives a negative errno, and where the kernel said why, ward_nl_why() has its words.
 *
 * A connection serves one thread. Commands and dumps run on one socket, events come
 * on another, so that a flood of events never disturbs a command.
 */
#ifndef WARD_NETLINK_H
#define WARD_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../module/uapi/ward_format.h"
#include "../../module/uapi/ward_netlink.h"

#define WARD_LOAD_ID_SIZE	16

struct ward_nl;

/**
 * struct ward_module - what the kernel says of the module
 * @version: its version, as text
 * @format: highest format version that it understands
 * @load_id: random, drawn when it was loaded
 * @next: sequence number that the next event will have
 * @oldest: sequence number of the oldest event still in the ring; @next for none
 * @dropped: events lost for want of memory since it was loaded
 */
struct ward_module {
	char version[32];
	uint32_t format;
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t next;
	uint64_t oldest;
	uint64_t dropped;
};

/**
 * struct ward_mounted - a mounted vault, as the kernel describes it
 * @uuid: the vault's
 * @name: mount option name=; may be empty
 * @state: enum ward_vault_state
 * @flags: WARD_VAULT_F_*
 * @suite: WARD_SUITE_*; 0 when not told
 * @driver: crypto driver in use; empty while locked
 * @epoch: number of the epoch; 0 while locked
 * @policy_serial: of the policy in force; 0 while locked
 * @rules: how many rules it has
 * @violations: refused accesses since the mount
 * @tampers: tamper events since the mount
 * @settled: files settled as "crash or cut" since the mount
 * @events: of it since the module was loaded, folded ones counted once they are told
 * @events_gone: how many of those the ring has no more
 * @dev: st_dev of the mount, as stat(2) gives it
 * @disturbed: counts what a check that runs may have missed
 * @hours_end: until when all rules that have hours know their time, seconds since 1970, UTC;
 *	0 when none has any
 */
struct ward_mounted {
	uint8_t uuid[WARD_UUID_SIZE];
	char name[64];
	uint32_t state;
	uint32_t flags;
	uint32_t suite;
	char driver[128];
	uint32_t epoch;
	uint64_t policy_serial;
	uint32_t rules;
	uint64_t violations;
	uint64_t tampers;
	uint64_t settled;
	uint64_t events;
	uint64_t events_gone;
	uint64_t dev;
	uint64_t disturbed;
	uint64_t hours_end;
};

/**
 * struct ward_checked - what WARD_CMD_CHECK found in one object
 * @result: enum ward_check_result
 * @next: block to go on from; 0: the object is done
 * @bad: blocks that do not authenticate, among those looked at this time
 * @name: its path as users see it, any bytes; empty when it could not be told, and when
 *	all is in order
 */
struct ward_checked {
	uint32_t result;
	uint64_t next;
	uint64_t bad;
	char name[4096];
};

/**
 * struct ward_bytes - bytes that need not be text
 * @data: the bytes; NULL when the value is absent
 * @length: how many
 */
struct ward_bytes {
	const uint8_t *data;
	size_t length;
};

/* What of struct ward_event is present, beside what is always there. */
#define WARD_EVENT_HAS_VAULT	0x0001
#define WARD_EVENT_HAS_UID	0x0002
#define WARD_EVENT_HAS_EUID	0x0004
#define WARD_EVENT_HAS_LOGINUID	0x0008
#define WARD_EVENT_HAS_GID	0x0010
#define WARD_EVENT_HAS_SESSION	0x0020
#define WARD_EVENT_HAS_PID	0x0040
#define WARD_EVENT_HAS_PPID	0x0080
#define WARD_EVENT_HAS_INODE	0x0100
#define WARD_EVENT_HAS_BLOCK	0x0200
#define WARD_EVENT_HAS_PLACE	0x0400
#define WARD_EVENT_HAS_EGID	0x0800
#define WARD_EVENT_HAS_EXE_DEV	0x1000
#define WARD_EVENT_HAS_EXE_INODE 0x2000

/**
 * struct ward_event - one event of the kernel, decoded
 * @load_id: of the module that sent it
 * @sequence: its number, per load, without gaps
 * @time: nanoseconds since 1970, UTC
 * @last_time: of the last event folded into this one; equals @time for a single one
 * @kind: enum ward_event_kind
 * @action: enum ward_action; 0 for none
 * @reason: enum ward_reason
 * @error: errno that the program got; 0: it was let through
 * @count: identical events folded into this one, at least 1
 * @lost: kind WARD_KIND_LOST: how many events are missing before this one
 * @gone: the same, with those that were folded into them; 0: not known. Set by who takes them
 * @total: how many happened up to this one, folded ones, too; 0: not told
 * @vault_total: likewise, of its vault alone
 * @has: WARD_EVENT_HAS_*
 * @vault: UUID
 * @vault_name: mount option name=; NULL when empty
 * @dev: st_dev of the vault's mount, as stat(2) gives it; 0 when not told
 * @uid: real user
 * @euid: effective user
 * @loginuid: login user
 * @gid: real group
 * @egid: effective group
 * @session: audit session
 * @pid: thread group, in the initial pid namespace
 * @ppid: parent's
 * @inode: number of the object
 * @block: first bad block of a tamper event
 * @comm: name of the thread
 * @exe: path of the executable, as the process's root shows it
 * @exe_dev: device number of what was executed, in the kernel's new encoding
 * @exe_inode: its inode
 * @exe_doubt: why @exe is not to be believed, enum ward_exe_doubt; 0: it is what was executed
 * @program: what rules know it by; its kind is 0 for not told
 * @path: relative to the vault, begins with "/"
 * @path2: target of rename and link
 * @place: which of the two it is about, enum ward_event_place
 * @ops: WARD_OP_* that the policy was asked for there; 0: not told
 * @rule: name of the rule that decided; NULL for none
 * @near: name of the rule that was nearest to allowing it where none decided; NULL for none
 * @lacks: what of it does not hold, bits 1 << WARD_COND_*
 * @detail: a fixed text of the module; NULL for none
 * @limit: the limit that is used up; @limit.most is 0 for none
 * @cgroup: the process's, in the unified hierarchy; empty for none, or the root one
 *
 * Pointers live as long as the callback that was handed the event.
 */
struct ward_event {
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t sequence;
	uint64_t time;
	uint64_t last_time;
	uint32_t kind;
	uint32_t action;
	uint32_t reason;
	uint32_t error;
	uint64_t count;
	uint64_t lost;
	uint64_t gone;
	uint64_t total;
	uint64_t vault_total;
	uint32_t has;
	uint8_t vault[WARD_UUID_SIZE];
	const char *vault_name;
	uint64_t dev;
	uint32_t uid;
	uint32_t euid;
	uint32_t loginuid;
	uint32_t gid;
	uint32_t egid;
	uint32_t session;
	uint32_t pid;
	uint32_t ppid;
	uint64_t inode;
	uint64_t block;
	struct ward_bytes comm;
	struct ward_bytes exe;
	uint32_t exe_dev;
	uint64_t exe_inode;
	uint32_t exe_doubt;
	struct ward_program_id program;
	struct ward_bytes path;
	struct ward_bytes path2;
	uint32_t place;
	uint32_t ops;
	const char *rule;
	const char *near;
	uint32_t lacks;
	const char *detail;
	struct ward_burst limit;
	struct ward_bytes cgroup;
};

/* Callbacks: 0 goes on, anything else ends the dump and is handed back. */
typedef int (*ward_mounted_fn)(const struct ward_mounted *vault, void *arg);
typedef int (*ward_event_fn)(const struct ward_event *event, void *arg);

int ward_nl_open(struct ward_nl **nl);		/* -ENOENT: the module is not loaded */
void ward_nl_close(struct ward_nl *nl);
const char *ward_nl_why(const struct ward_nl *nl);	/* kernel's words on the last refusal, or "" */

int ward_nl_module_get(struct ward_nl *nl, struct ward_module *module);
int ward_nl_vault_get(struct ward_nl *nl, const uint8_t *uuid, struct ward_mounted *vault);
int ward_nl_vault_dump(struct ward_nl *nl, ward_mounted_fn fn, void *arg);

int ward_nl_unlock(struct ward_nl *nl, const uint8_t *uuid, int32_t key_serial);
int ward_nl_lock(struct ward_nl *nl, const uint8_t *uuid, bool now, uint64_t *lost);
int ward_nl_policy_renew(struct ward_nl *nl, const uint8_t *uuid, uint8_t mac[WARD_MAC_SIZE]);
int ward_nl_policy_load(struct ward_nl *nl, const uint8_t *uuid);
int ward_nl_check(struct ward_nl *nl, const uint8_t *uuid, int dirfd, const char *path,
		  uint64_t from, struct ward_checked *checked);
int ward_nl_checked(struct ward_nl *nl, const uint8_t *uuid, uint32_t epoch, uint64_t disturbed);

int ward_nl_program_get(struct ward_nl *nl, int fd, struct ward_program_id *id);

int ward_nl_event_dump(struct ward_nl *nl, uint64_t from, ward_event_fn fn, void *arg);
int ward_nl_subscribe(struct ward_nl *nl);
int ward_nl_event_fd(const struct ward_nl *nl);	/* for poll(2); -1 before subscribing */
int ward_nl_event_receive(struct ward_nl *nl, ward_event_fn fn, void *arg);

/* nlwatch.c: the module's coming and going. */
int ward_nl_watch_open(void);
void ward_nl_watch_drain(int fd);

/* Names as docs/events.md and the contract have them; NULL for what is not known. */
const char *ward_kind_name(uint32_t kind);
const char *ward_action_name(uint32_t action);
const char *ward_reason_name(uint32_t reason);
const char *ward_place_name(uint32_t place);
const char *ward_doubt_name(uint32_t doubt);
const char *ward_state_name(uint32_t state);
const char *ward_condition_name(uint32_t type);

#endif
