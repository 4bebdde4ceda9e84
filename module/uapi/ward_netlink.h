/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * The generic netlink family "ward". The specification, with the meaning of
 * each attribute, is docs/netlink/ward.yaml; numbers here and there agree.
 */
#ifndef _UAPI_WARD_NETLINK_H
#define _UAPI_WARD_NETLINK_H

#define WARD_GENL_NAME		"ward"
#define WARD_GENL_VERSION	1
#define WARD_GENL_GROUP_EVENTS	"events"

#define WARD_SUPER_MAGIC	0x57415244	/* "WARD": a vault's f_type, see statfs(2) */

enum ward_cmd {
	WARD_CMD_UNSPEC,
	WARD_CMD_MODULE_GET,	/* do: what the module is (WARD_A_MODULE_*) */
	WARD_CMD_VAULT_GET,	/* do, dump: WARD_A_VAULT_* */
	WARD_CMD_UNLOCK,	/* do: VAULT_ID, KEY_SERIAL */
	WARD_CMD_LOCK,		/* do: VAULT_ID, LOCK_NOW; reply: VAULT_LOST */
	WARD_CMD_POLICY_LOAD,	/* do: VAULT_ID; takes .ward/policy.new */
	WARD_CMD_CHECK,		/* do: VAULT_ID, CHECK_PATH, _FROM, _DIR; reply CHECK_* */
	WARD_CMD_CHECKED,	/* do: VAULT_ID, CHECK_SEQ: every file was visited */
	WARD_CMD_EVENT_GET,	/* dump: events from EVENT_SEQUENCE on */
	WARD_CMD_EVENT,		/* multicast, and what the dump answers */
	WARD_CMD_PROGRAM_GET,	/* do: PROGRAM_FD; reply: PROGRAM_ID */
	WARD_CMD_POLICY_RENEW,	/* do: VAULT_ID; of .ward/policy.new; reply: POLICY_MAC */
	__WARD_CMD_MAX,
};
#define WARD_CMD_MAX (__WARD_CMD_MAX - 1)

enum ward_attr {
	WARD_A_UNSPEC,
	WARD_A_PAD,
	/* module */
	WARD_A_MODULE_VERSION,		/* string */
	WARD_A_MODULE_FORMAT,		/* u32: highest format version understood */
	WARD_A_LOAD_ID,			/* binary 16: random, per load of the module */
	WARD_A_EVENT_NEXT,		/* u64: sequence number of the next event */
	WARD_A_EVENT_OLDEST,		/* u64: oldest event still in the ring */
	WARD_A_EVENT_DROPPED,		/* u64: events lost for want of memory */
	/* vault */
	WARD_A_VAULT_ID,		/* binary 16: UUID */
	WARD_A_VAULT_NAME,		/* string: mount option name= */
	WARD_A_VAULT_STATE,		/* u32: enum ward_vault_state */
	WARD_A_VAULT_FLAGS,		/* u32: WARD_VAULT_F_* */
	WARD_A_VAULT_SUITE,		/* u32: WARD_SUITE_* */
	WARD_A_VAULT_DRIVER,		/* string: crypto driver in use */
	WARD_A_VAULT_EPOCH,		/* u32 */
	WARD_A_VAULT_POLICY_SERIAL,	/* u64 */
	WARD_A_VAULT_RULES,		/* u32 */
	WARD_A_VAULT_VIOLATIONS,	/* u64: refused accesses since the mount */
	WARD_A_VAULT_TAMPERS,		/* u64: tamper events since the mount */
	WARD_A_VAULT_SETTLED,		/* u64: "crash or cut" files settled */
	WARD_A_VAULT_LOST,		/* u64: bytes not written at lock --now */
	WARD_A_VAULT_DEV,		/* u32: st_dev of the mount (new encoding) */
	/* commands */
	WARD_A_KEY_SERIAL,		/* s32 */
	WARD_A_LOCK_NOW,		/* flag */
	WARD_A_CHECK_PATH,		/* string: below .ward/tree, as stored */
	WARD_A_CHECK_FROM,		/* u64: block to go on from */
	WARD_A_CHECK_NEXT,		/* u64: block to go on from; absent: done */
	WARD_A_CHECK_BAD,		/* u64: blocks that do not authenticate */
	WARD_A_CHECK_NAME,		/* string: path as users see it; not of what is in order */
	WARD_A_CHECK_RESULT,		/* u32: enum ward_check_result */
	/* event */
	WARD_A_EVENT_SEQUENCE,		/* u64 */
	WARD_A_EVENT_TIME,		/* u64: nanoseconds since 1970, UTC */
	WARD_A_EVENT_LAST_TIME,		/* u64: of the last folded one */
	WARD_A_EVENT_KIND,		/* u32: enum ward_event_kind */
	WARD_A_EVENT_ACTION,		/* u32: enum ward_action */
	WARD_A_EVENT_REASON,		/* u32: enum ward_reason */
	WARD_A_EVENT_ERRNO,		/* u32: what the program got; 0: allowed */
	WARD_A_EVENT_COUNT,		/* u64: identical events folded into this */
	WARD_A_EVENT_RULE,		/* string */
	WARD_A_EVENT_UID,		/* u32 */
	WARD_A_EVENT_EUID,		/* u32: that the access was made with (fsuid) */
	WARD_A_EVENT_LOGINUID,		/* u32; absent when unset */
	WARD_A_EVENT_GID,		/* u32 */
	WARD_A_EVENT_SESSION,		/* u32; absent when unset */
	WARD_A_EVENT_PID,		/* u32: tgid, initial pid namespace */
	WARD_A_EVENT_PPID,		/* u32 */
	WARD_A_EVENT_COMM,		/* binary, any bytes */
	WARD_A_EVENT_EXE,		/* binary, path as the process sees it, any bytes */
	WARD_A_EVENT_PATH,		/* binary, relative to the vault, begins with / */
	WARD_A_EVENT_PATH2,		/* binary, target of rename and link */
	WARD_A_EVENT_INODE,		/* u64 */
	WARD_A_EVENT_BLOCK,		/* u64: first bad block of a tamper event */
	WARD_A_EVENT_DETAIL,		/* string, up to 127 bytes; a cut one ends in "..." */
	WARD_A_EVENT_LOST,		/* u64: events overwritten before this one */
	WARD_A_CHECK_SEQ,		/* u64: the epoch that was checked */
	WARD_A_EVENT_EXE_DEV,		/* u32: file system of what was executed (new encoding) */
	WARD_A_EVENT_EXE_INODE,		/* u64: what was executed, there */
	WARD_A_CHECK_DIR,		/* s32: descriptor that CHECK_PATH begins at, not the top */
	WARD_A_VAULT_DISTURBED,		/* u64: what a running check may have missed, counted */
	WARD_A_EVENT_NEAR,		/* string: the rule that was nearest to allowing it */
	WARD_A_EVENT_LACKS,		/* u32: what of it does not hold, 1 << WARD_COND_* */
	WARD_A_VAULT_HOURS_END,		/* u64: until when rules know the time; absent: none asks */
	WARD_A_PROGRAM_FD,		/* s32: descriptor of a file that can be executed */
	WARD_A_PROGRAM_ID,		/* binary 40: struct ward_program_id */
	WARD_A_POLICY_MAC,		/* binary 32: of a policy with the same rules */
	WARD_A_EVENT_TOTAL,		/* u64: how many happened up to here, folded ones, too */
	WARD_A_EVENT_LIMIT,		/* binary 16: struct ward_burst, that is used up */
	WARD_A_EVENT_CGROUP,		/* binary, path in the unified hierarchy, any bytes */
	WARD_A_EVENT_PLACE,		/* u32: enum ward_event_place; with PATH2 */
	WARD_A_EVENT_OPS,		/* u32: WARD_OP_* asked for there; with PATH2 */
	WARD_A_EVENT_EGID,		/* u32: that the access was made with (fsgid) */
	WARD_A_EVENT_EXE_DOUBT,		/* u32: enum ward_exe_doubt; absent: none is known */
	WARD_A_EVENT_VAULT_TOTAL,	/* u64: as EVENT_TOTAL, of this vault alone */
	WARD_A_VAULT_EVENTS,		/* u64: events since the module was loaded */
	WARD_A_VAULT_EVENTS_GONE,	/* u64: of those, how many the ring has no more */
	__WARD_A_MAX,
};
#define WARD_A_MAX (__WARD_A_MAX - 1)

enum ward_vault_state {
	WARD_STATE_LOCKED,
	WARD_STATE_UNLOCKING,
	WARD_STATE_UNLOCKED,
	WARD_STATE_LOCKING,
};

#define WARD_VAULT_F_RDONLY	0x1	/* mounted read-only */
#define WARD_VAULT_F_UNCHECKED	0x2	/* not yet checked after an unclean end */
#define WARD_VAULT_F_PERMISSIVE	0x4

enum ward_check_result {
	WARD_CHECK_OK,		/* all that was looked at authenticates */
	WARD_CHECK_SETTLED,	/* a crash's or cut's traces, settled */
	WARD_CHECK_TAMPERED,	/* blocks or header do not authenticate */
	WARD_CHECK_BAD_NAME,	/* the name does not authenticate */
	WARD_CHECK_IGNORED,	/* hidden entry, or of the lower file system */
};

enum ward_event_kind {
	WARD_KIND_VIOLATION = 1,
	WARD_KIND_TAMPER,
	WARD_KIND_KEY,
	WARD_KIND_MOUNT,
	WARD_KIND_POLICY,
	WARD_KIND_AUDIT,
	WARD_KIND_LOST,
};

enum ward_event_place {
	WARD_AT_SOURCE,		/* it is about what is renamed or linked: PATH */
	WARD_AT_TARGET,		/* about where that leads: PATH2 */
};

enum ward_exe_doubt {
	WARD_EXE_EXCHANGED = 1,	/* EXE is not what was executed: the process exchanged it */
	WARD_EXE_UNKNOWN,	/* what was executed was not noted */
};

enum ward_action {
	WARD_ACTION_OPEN_READ = 1,
	WARD_ACTION_OPEN_WRITE,
	WARD_ACTION_CREATE,
	WARD_ACTION_DELETE,
	WARD_ACTION_RENAME,
	WARD_ACTION_LINK,
	WARD_ACTION_LIST,
	WARD_ACTION_LOOKUP,
	WARD_ACTION_EXECUTE,
	WARD_ACTION_MMAP,
	WARD_ACTION_SETATTR,
	WARD_ACTION_SETXATTR,
	WARD_ACTION_READ,
	WARD_ACTION_WRITE,
	WARD_ACTION_UNLOCK,
	WARD_ACTION_LOCK,
	WARD_ACTION_MOUNT,
	WARD_ACTION_UMOUNT,
	WARD_ACTION_POLICY_LOAD,
	WARD_ACTION_TAMPER,
	WARD_ACTION_SETTLE,	/* "crash or cut" */
	WARD_ACTION_CHECKED,
	__WARD_ACTION_MAX,
};

enum ward_reason {
	WARD_REASON_NONE,
	WARD_REASON_POLICY,
	WARD_REASON_LOCKED,
	WARD_REASON_BURST,
	WARD_REASON_HOURS,
	WARD_REASON_INTEGRITY,
};

#endif
