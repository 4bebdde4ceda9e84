// SPDX-License-Identifier: GPL-2.0-or-later
/* What numbers of the netlink family are called: docs/events.md. */
#include <stddef.h>

#include "netlink.h"

/* By WARD_COND_*; threads of the kernel are programs. */
static const char * const conditions[] = {
	[WARD_COND_OPERATIONS] = "operations",
	[WARD_COND_SUBJECT] = "users",
	[WARD_COND_LOGIN] = "logins",
	[WARD_COND_KTHREAD] = "programs",
	[WARD_COND_PATH] = "paths",
	[WARD_COND_PROGRAM] = "programs",
	[WARD_COND_HOURS] = "hours",
};

#define NAME_OF(table, n) \
	((n) < sizeof(table) / sizeof((table)[0]) ? (table)[n] : NULL)

static const char * const kinds[] = {
	[WARD_KIND_VIOLATION]	= "violation",
	[WARD_KIND_TAMPER]	= "tamper",
	[WARD_KIND_KEY]		= "key",
	[WARD_KIND_MOUNT]	= "mount",
	[WARD_KIND_POLICY]	= "policy",
	[WARD_KIND_AUDIT]	= "audit",
	[WARD_KIND_LOST]	= "lost",
};

static const char * const actions[] = {
	[WARD_ACTION_OPEN_READ]		= "open-read",
	[WARD_ACTION_OPEN_WRITE]	= "open-write",
	[WARD_ACTION_CREATE]		= "create",
	[WARD_ACTION_DELETE]		= "delete",
	[WARD_ACTION_RENAME]		= "rename",
	[WARD_ACTION_LINK]		= "link",
	[WARD_ACTION_LIST]		= "list",
	[WARD_ACTION_LOOKUP]		= "lookup",
	[WARD_ACTION_EXECUTE]		= "execute",
	[WARD_ACTION_MMAP]		= "mmap",
	[WARD_ACTION_SETATTR]		= "setattr",
	[WARD_ACTION_SETXATTR]		= "setxattr",
	[WARD_ACTION_READ]		= "read",
	[WARD_ACTION_WRITE]		= "write",
	[WARD_ACTION_UNLOCK]		= "unlock",
	[WARD_ACTION_LOCK]		= "lock",
	[WARD_ACTION_MOUNT]		= "mount",
	[WARD_ACTION_UMOUNT]		= "umount",
	[WARD_ACTION_POLICY_LOAD]	= "policy-load",
	[WARD_ACTION_TAMPER]		= "tamper",
	[WARD_ACTION_SETTLE]		= "settle",
	[WARD_ACTION_CHECKED]		= "checked",
};

static const char * const reasons[] = {
	[WARD_REASON_POLICY]	= "policy",
	[WARD_REASON_LOCKED]	= "locked",
	[WARD_REASON_BURST]	= "burst",
	[WARD_REASON_HOURS]	= "hours",
	[WARD_REASON_INTEGRITY]	= "integrity",
};

static const char * const places[] = {
	[WARD_AT_SOURCE]	= "source",
	[WARD_AT_TARGET]	= "target",
};

static const char * const doubts[] = {
	[WARD_EXE_EXCHANGED]	= "exchanged",
	[WARD_EXE_UNKNOWN]	= "unknown",
};

static const char * const states[] = {
	[WARD_STATE_LOCKED]	= "locked",
	[WARD_STATE_UNLOCKING]	= "unlocking",
	[WARD_STATE_UNLOCKED]	= "unlocked",
	[WARD_STATE_LOCKING]	= "locking",
};

/**
 * ward_kind_name - "ward.kind" of an event
 * @kind: enum ward_event_kind
 *
 * Return: the name, or NULL for a number that is not known.
 */
const char *ward_kind_name(uint32_t kind)
{
	return NAME_OF(kinds, kind);
}

/**
 * ward_action_name - "event.action" of an event
 * @action: enum ward_action
 *
 * Return: the name, or NULL for a number that is not known.
 */
const char *ward_action_name(uint32_t action)
{
	return NAME_OF(actions, action);
}

/**
 * ward_reason_name - "event.reason" of an event
 * @reason: enum ward_reason
 *
 * Return: the name, or NULL for none and for a number that is not known.
 */
const char *ward_reason_name(uint32_t reason)
{
	return NAME_OF(reasons, reason);
}

/**
 * ward_place_name - "ward.decided_at" of an event
 * @place: enum ward_event_place
 *
 * Return: the name, or NULL for a number that is not known.
 */
const char *ward_place_name(uint32_t place)
{
	return NAME_OF(places, place);
}

/**
 * ward_doubt_name - "ward.executable.doubt" of an event
 * @doubt: enum ward_exe_doubt
 *
 * Return: the name, or NULL for none and for a number that is not known.
 */
const char *ward_doubt_name(uint32_t doubt)
{
	return NAME_OF(doubts, doubt);
}

/**
 * ward_state_name - the state of a vault
 * @state: enum ward_vault_state
 *
 * Return: the name, or NULL for a number that is not known.
 */
const char *ward_state_name(uint32_t state)
{
	return NAME_OF(states, state);
}

/**
 * ward_condition_name - what a rule's text calls a condition, or the operations
 * @type: WARD_COND_*
 *
 * Return: the word, or NULL for a number that is not known.
 */
const char *ward_condition_name(uint32_t type)
{
	return NAME_OF(conditions, type);
}
