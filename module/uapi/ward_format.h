/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The on-disk format of Ward, version 1: frozen. One source for the kernel module and
 * for user space; the prose that goes with it is docs/format.md.
 *
 * All integers are little endian. Every reserved byte is zero, is inside what
 * is authenticated, and is refused when it is not zero.
 */
#ifndef _UAPI_WARD_FORMAT_H
#define _UAPI_WARD_FORMAT_H

#include <linux/types.h>

#define WARD_FORMAT_VERSION	1

#define WARD_UUID_SIZE		16
#define WARD_ID_SIZE		16	/* file, directory and symlink ids */
#define WARD_KEY_SIZE		32	/* every symmetric key */
#define WARD_MAC_SIZE		32	/* HMAC-SHA-256 (RFC 2104, RFC 6234) */
#define WARD_NONCE_SIZE		12
#define WARD_TAG_SIZE		16
#define WARD_IV_SIZE		16	/* synthetic IV of names */

/* Suites: the AEAD that wraps file keys and encrypts data units. */
#define WARD_SUITE_AES_256_GCM		1	/* NIST SP 800-38D */
#define WARD_SUITE_CHACHA20_POLY1305	2	/* RFC 8439 */

/* ---- what lies in DIR/.ward/ -------------------------------------- */
#define WARD_DIR_NAME		".ward"
#define WARD_VAULT_NAME		"vault"
#define WARD_VAULT_BAK_NAME	"vault.bak"
#define WARD_EPOCH_NAME		"epoch"
#define WARD_POLICY_NAME	"policy"
#define WARD_POLICY_NEW_NAME	"policy.new"
#define WARD_TREE_NAME		"tree"

/* ---- hidden symlinks inside the tree ------------------------------- */
#define WARD_HIDDEN_PREFIX	".ward-"
#define WARD_DIRID_NAME		".ward-id"	/* -> base64url(directory id) */
#define WARD_LONG_PREFIX	".ward-n"	/* + digest name -> base64url(SIV) */
#define WARD_DIGEST_MARK	'='		/* first byte of a digest name */
#define WARD_NAME_PAD		16		/* names and targets are padded to this */
#define WARD_NAME_INLINE_MAX	160		/* longer names go under a digest */
#define WARD_LNAME_MAX		255	/* longest lower name */

/* ---- key derivation: HKDF-SHA-512 (RFC 5869), salt = vault UUID ----- */
#define WARD_LABEL_WRAP		"ward 1 wrap"		/* master -> 32 */
#define WARD_LABEL_NAMES	"ward 1 names"		/* master -> 32 */
#define WARD_LABEL_LINKS	"ward 1 links"		/* master -> 32 */
#define WARD_LABEL_VAULT_MAC	"ward 1 vault mac"	/* master -> 32 */
#define WARD_LABEL_EPOCH_MAC	"ward 1 epoch mac"	/* master -> 32 */
#define WARD_LABEL_POLICY_MAC	"ward 1 policy mac"	/* master -> 32 */
#define WARD_LABEL_HANDLES	"ward 1 handles"	/* master -> 32 */
#define WARD_LABEL_DIR		"ward 1 directory"	/* names + id -> 64 */
#define WARD_LABEL_SYMLINK	"ward 1 symlink"	/* links + id -> 64 */
#define WARD_LABEL_XATTR	"ward 1 xattr"		/* file key or names, + id -> 64 */
#define WARD_LABEL_SLOT		"ward 1 slot"		/* slots whose secret has full entropy */

/* What a synthetic IV speaks for: the first byte of what its MAC covers. */
#define WARD_SIV_NAME		1
#define WARD_SIV_SYMLINK	2
#define WARD_SIV_XATTR_NAME	3
#define WARD_SIV_XATTR_VALUE	4

#define WARD_XATTR_PREFIX	"user.ward."	/* + base64url(SIV of the name) */

/* ---- a file ---------------------------------------------------------- */
#define WARD_BLOCK_SIZE		4096
#define WARD_HEADER_SIZE	512
#define WARD_UNIT_HEADER_SIZE	32
#define WARD_CAP_FIRST		(WARD_BLOCK_SIZE - WARD_HEADER_SIZE - WARD_UNIT_HEADER_SIZE)
#define WARD_CAP		(WARD_BLOCK_SIZE - WARD_UNIT_HEADER_SIZE)

#define WARD_FILE_MAGIC		"WARDFIL"	/* with its NUL: 8 bytes */
#define WARD_FILE_EMPTY		0x1	/* the file has no data units */
#define WARD_FILE_SPARSE	0x2	/* blocks of zeros below are holes */
#define WARD_FILE_FLAGS		0x3

/**
 * struct ward_file_header - the first 512 bytes of block 0
 * @magic: WARD_FILE_MAGIC
 * @version: WARD_FORMAT_VERSION
 * @suite: WARD_SUITE_*, of the wrapping and of the data units
 * @generation: which master key wraps @wrapped_key
 * @vault: the vault's UUID
 * @id: random, made with the file
 * @flags: WARD_FILE_*
 * @nonce: of the wrapping
 * @wrapped_key: the file's own key, encrypted under the wrapping key
 * @tag: of the wrapping
 * @reserved: zero
 *
 * Associated data of the wrapping: bytes 0..63 (up to and with @nonce), then
 * bytes 112..511 (@reserved).
 */
struct ward_file_header {
	__u8 magic[8];
	__le16 version;
	__le16 suite;
	__le32 generation;
	__u8 vault[WARD_UUID_SIZE];
	__u8 id[WARD_ID_SIZE];
	__le32 flags;
	__u8 nonce[WARD_NONCE_SIZE];
	__u8 wrapped_key[WARD_KEY_SIZE];
	__u8 tag[WARD_TAG_SIZE];
	__u8 reserved[400];
} __attribute__((packed));

#define WARD_HEADER_AAD1	64	/* bytes before wrapped_key */
#define WARD_HEADER_AAD2	400	/* bytes after tag */

#define WARD_UNIT_LAST		0x1	/* the last unit of its file */
#define WARD_UNIT_FLAGS		0x1

/**
 * struct ward_unit_header - what stands before the payload of a data unit
 * @nonce: see docs/format.md, "Nonces"
 * @tag: of the payload, which is always encrypted full, zero-padded
 * @length: payload bytes in use, 1..capacity
 * @flags: WARD_UNIT_*
 */
struct ward_unit_header {
	__u8 nonce[WARD_NONCE_SIZE];
	__u8 tag[WARD_TAG_SIZE];
	__le16 length;
	__le16 flags;
} __attribute__((packed));

/**
 * struct ward_unit_aad - associated data of a data unit
 */
struct ward_unit_aad {
	__le16 version;
	__le16 flags;
	__le16 length;
	__le16 zero;
	__le64 block;
} __attribute__((packed));

/* ---- .ward/epoch: two of these, written in turn ------------------------ */
#define WARD_EPOCH_MAGIC	"WARDEPO"
#define WARD_EPOCH_CLEAN	0x1	/* the epoch ended with everything written */
#define WARD_EPOCH_CHECKED	0x2	/* nothing older waits to be checked */
#define WARD_EPOCH_FLAGS	0x3
#define WARD_EPOCH_MAX		0xffffff

/**
 * struct ward_epoch_record - one epoch record, 4096 bytes at (sequence & 1) * 4096
 * @magic: WARD_EPOCH_MAGIC
 * @version: WARD_FORMAT_VERSION
 * @flags: WARD_EPOCH_*
 * @epoch: 24 bits, goes into nonces; rises with each unlocking for writing
 * @vault: the vault's UUID
 * @sequence: the highest that authenticates counts
 * @policy_serial: no older policy is accepted
 * @unchecked_from: oldest epoch whose end was not clean and that no check has
 *	settled since; 0 when @flags say checked
 * @reserved: zero
 * @mac: HMAC-SHA-256 under the epoch MAC key over all before it
 */
struct ward_epoch_record {
	__u8 magic[8];
	__le16 version;
	__le16 flags;
	__le32 epoch;
	__u8 vault[WARD_UUID_SIZE];
	__le64 sequence;
	__le64 policy_serial;
	__le32 unchecked_from;
	__u8 reserved[4012];
	__u8 mac[WARD_MAC_SIZE];
} __attribute__((packed));

/* ---- .ward/vault and .ward/vault.bak ------------------------------------ */
#define WARD_VAULT_MAGIC	"WARDVLT"
#define WARD_VAULT_MAX		65536
#define WARD_SLOT_PASSPHRASE	1
#define WARD_SLOT_RECOVERY	2
#define WARD_SLOT_KEYFILE	3
#define WARD_SLOT_TPM2		4
#define WARD_SLOT_TANG		5
#define WARD_KDF_ARGON2ID	1	/* RFC 9106, version 0x13 */
#define WARD_KDF_HKDF		2	/* HKDF-SHA-512 of a secret of full entropy */

/**
 * struct ward_vault_header - the beginning of the vault file
 * @magic: WARD_VAULT_MAGIC
 * @version: WARD_FORMAT_VERSION
 * @suite: WARD_SUITE_* for new files, and for the key slots
 * @length: of the whole file with its MAC, bytes; at most WARD_VAULT_MAX
 * @vault: the vault's UUID
 * @generation: of the master key that the slots wrap
 * @slots: how many slots follow
 * @revision: rises with each rewriting; the newer of two valid copies counts
 * @reserved: zero
 *
 * The slots follow, then HMAC-SHA-256 under the vault MAC key over all before.
 */
struct ward_vault_header {
	__u8 magic[8];
	__le16 version;
	__le16 suite;
	__le32 length;
	__u8 vault[WARD_UUID_SIZE];
	__le32 generation;
	__le32 slots;
	__le64 revision;
	__u8 reserved[16];
} __attribute__((packed));

/**
 * struct ward_vault_slot - one key slot; @data_length bytes of data follow
 * @length: of the slot with its data, a multiple of 8
 * @type: WARD_SLOT_*
 * @kdf: WARD_KDF_*
 * @id: number of the slot, as users see it
 * @time_cost: Argon2id passes
 * @memory_cost: Argon2id memory, KiB
 * @lanes: Argon2id lanes
 * @created: seconds since 1970
 * @label: free text for people, NUL-padded UTF-8
 * @salt: of the KDF
 * @nonce: of the wrapping
 * @wrapped_key: the master key under the KDF's output
 * @tag: of the wrapping
 * @data_length: bytes of data that follow (TPM and tang slots)
 * @reserved: zero
 *
 * The wrapping is the AEAD of @ward_vault_header.suite; its associated data is
 * the vault's UUID and generation (20 bytes as in the header), then the slot
 * from @length up to and with @nonce, then the data.
 */
struct ward_vault_slot {
	__le32 length;
	__le16 type;
	__le16 kdf;
	__le32 id;
	__le32 time_cost;
	__le32 memory_cost;
	__le32 lanes;
	__le64 created;
	__u8 label[64];
	__u8 salt[32];
	__u8 nonce[WARD_NONCE_SIZE];
	__u8 wrapped_key[WARD_KEY_SIZE];
	__u8 tag[WARD_TAG_SIZE];
	__le32 data_length;
	__u8 reserved[8];
} __attribute__((packed));

/* ---- payload of a key of type "ward", description "ward:<uuid>" --------- */
/**
 * struct ward_key_payload - what add_key(2) hands to the kernel
 * @version: WARD_FORMAT_VERSION
 * @generation: as in the vault header
 * @key: the master key
 */
struct ward_key_payload {
	__le32 version;
	__le32 generation;
	__u8 key[WARD_KEY_SIZE];
} __attribute__((packed));

/* ---- .ward/policy: a compiled policy ------------------------------------- */
#define WARD_POLICY_MAGIC	"WARDPOL"
#define WARD_POLICY_MAX		(16 << 20)
#define WARD_POLICY_PERMISSIVE	0x1	/* let through, report */
#define WARD_POLICY_FIXED	0x2	/* is not renewed without a secret */
#define WARD_POLICY_FLAGS	0x3
#define WARD_POLICY_RENEWALS	0xffff	/* bits of a serial number that renewals count in */

/**
 * struct ward_policy_header - the beginning of a compiled policy
 * @magic: WARD_POLICY_MAGIC
 * @version: WARD_FORMAT_VERSION
 * @flags: WARD_POLICY_*
 * @length: of the whole with its MAC, bytes
 * @vault: the vault's UUID
 * @serial: only a policy with a higher one replaces another. One that is loaded with a
 *	secret has zeros in WARD_POLICY_RENEWALS; renewals of it count there
 * @rules: how many rules follow
 * @reserved: zero
 *
 * The rules follow, in order, then HMAC-SHA-256 under the policy MAC key.
 */
struct ward_policy_header {
	__u8 magic[8];
	__le16 version;
	__le16 flags;
	__le32 length;
	__u8 vault[WARD_UUID_SIZE];
	__le64 serial;
	__le32 rules;
	__u8 reserved[20];
} __attribute__((packed));

#define WARD_RULE_ALLOW		0x1	/* effect: allow; else deny */
#define WARD_RULE_RECORD	0x2	/* report allowed accesses too */
#define WARD_RULE_SILENT	0x4	/* do not report refusals */
#define WARD_RULE_FLAGS		0x7

/* What a rule's operations mask, and an access, name. */
#define WARD_OP_READ		0x0001
#define WARD_OP_WRITE		0x0002
#define WARD_OP_CREATE		0x0004
#define WARD_OP_DELETE		0x0008
#define WARD_OP_RENAME		0x0010
#define WARD_OP_LINK		0x0020
#define WARD_OP_LIST		0x0040
#define WARD_OP_EXECUTE		0x0080
#define WARD_OP_SETATTR		0x0100
#define WARD_OP_SETXATTR	0x0200
#define WARD_OP_ALL		0x03ff

/**
 * struct ward_rule - one rule; its conditions follow
 * @length: of the rule with its conditions, a multiple of 8
 * @flags: WARD_RULE_*
 * @conditions: how many follow
 * @operations: WARD_OP_*
 * @reserved: zero
 * @name: for people and for events, NUL-padded UTF-8, at least one NUL
 *
 * A rule matches when the operation is in @operations and every condition
 * holds; a condition holds when any of its entries does.
 */
struct ward_rule {
	__le32 length;
	__le16 flags;
	__le16 conditions;
	__le32 operations;
	__le32 reserved;
	__u8 name[64];
} __attribute__((packed));

#define WARD_COND_SUBJECT	1	/* entries: struct ward_subject */
#define WARD_COND_LOGIN		2	/* likewise, login uid; not alone in a rule that allows */
#define WARD_COND_KTHREAD	3	/* entries: struct ward_kthread; one at most in a rule */
#define WARD_COND_PATH		4	/* entries: struct ward_path; one at most in a rule */
#define WARD_COND_PROGRAM	5	/* entries: struct ward_program; one at most in a rule */
#define WARD_COND_HOURS		6	/* struct ward_hours, its changes, then entries: struct
					 * ward_span; one at most in a rule
					 */
#define WARD_COND_BURST		7	/* entries: struct ward_burst; one at most in a rule, which
					 * allows; always holds
					 */
#define WARD_COND_LAST		7

/* Where it is told what a rule lacks: operations. No condition, and in no policy. */
#define WARD_COND_OPERATIONS	0

/**
 * struct ward_condition - one condition; @count entries follow
 * @length: with its entries, a multiple of 8
 * @type: WARD_COND_*; an unknown one makes the policy refused
 * @count: entries
 */
struct ward_condition {
	__le32 length;
	__le16 type;
	__le16 count;
} __attribute__((packed));

#define WARD_SUBJECT_UID	1
#define WARD_SUBJECT_GID	2

/**
 * struct ward_subject - a user or a group, by number
 * @kind: WARD_SUBJECT_*
 * @id: in the initial user namespace
 */
struct ward_subject {
	__le32 kind;
	__le32 id;
} __attribute__((packed));

/**
 * struct ward_kthread - threads of the kernel, by the name that it gives them
 * @name: 1 to 15 characters of A-Z a-z 0-9 . _ -, NUL-padded
 *
 * Of such a thread the subjects in the same rule mean whom it acts for.
 */
struct ward_kthread {
	__u8 name[16];
} __attribute__((packed));

#define WARD_PATH_MAX		4095	/* bytes */
#define WARD_PATH_DEPTH		32	/* components */
#define WARD_PATHS_MAX		262144	/* components of all paths of a policy */

/**
 * struct ward_path - a directory of the vault, with all that lies below it
 * @length: of @text without its padding, bytes; at most WARD_PATH_MAX
 * @text: path as users see it, relative to the vault: begins with "/", does not end
 *	with one unless it is the top, no empty component, "." or "..", no NUL; padded
 *	with zeros, so that the entry's length is a multiple of 8
 */
struct ward_path {
	__le16 length;
	__u8 text[];
} __attribute__((packed));

#define WARD_PROGRAM_UUID	1	/* on a file system that has a UUID */
#define WARD_PROGRAM_DEVICE	2	/* on one that has none: for one load of the module */
#define WARD_PROGRAM_ABSENT	3	/* was not there: no process runs it */
#define WARD_PROGRAM_SUBVOLUME	4	/* as WARD_PROGRAM_UUID, where subvolumes number inodes */

/**
 * struct ward_program_id - which file a program is
 * @kind: WARD_PROGRAM_*; what follows is zero where it is WARD_PROGRAM_ABSENT
 * @generation: of the inode, as its file system tells
 * @fs: the file system's UUID; of WARD_PROGRAM_DEVICE the load id of the module
 * @inode: number of the inode
 * @dev: of WARD_PROGRAM_DEVICE: its device number (new encoding); of
 *	WARD_PROGRAM_SUBVOLUME: number of the subvolume, not zero; else zero
 * @reserved: zero
 */
struct ward_program_id {
	__le32 kind;
	__le32 generation;
	__u8 fs[WARD_UUID_SIZE];
	__le64 inode;
	__le32 dev;
	__le32 reserved;
} __attribute__((packed));

/**
 * struct ward_program - a program, which is the file that was executed
 * @length: of the entry, a multiple of 8
 * @path_length: of @path without its padding, bytes; 1 to WARD_PATH_MAX
 * @reserved: zero
 * @id: what counts
 * @path: where the file was, for the reader; begins with "/", no NUL; zero-padded
 *
 * In a rule with threads of the kernel, too, any of both will do.
 */
struct ward_program {
	__le16 length;
	__le16 path_length;
	__le32 reserved;
	struct ward_program_id id;
	__u8 path[];
} __attribute__((packed));

#define WARD_WEEK		604800	/* seconds */
#define WARD_TIME_MAX		0xfff00000U	/* times that rules know are before this */

/**
 * struct ward_hours - how local time runs, for a while
 * @from: seconds since 1970, UTC: from then on it is known,
 * @until: up to before then; less than WARD_TIME_MAX
 * @changes: how many struct ward_offset follow, at least one
 * @reserved: zero
 * @zone: name of the time zone, for the reader; NUL-padded, at least one NUL
 *
 * Outside of that time a rule that allows does not match, and one that denies does.
 */
struct ward_hours {
	__le64 from;
	__le64 until;
	__le32 changes;
	__le32 reserved;
	__u8 zone[40];
} __attribute__((packed));

/**
 * struct ward_offset - from when on local time is ahead of UTC by how much
 * @at: seconds since 1970, UTC; of the first one, @from; each later than the one before,
 *	and all before @until
 * @seconds: signed; less than 86400 either way
 * @reserved: zero
 */
struct ward_offset {
	__le64 at;
	__le32 seconds;
	__le32 reserved;
} __attribute__((packed));

/**
 * struct ward_span - a part of each week, in local time
 * @from: seconds since Monday, 0:00,
 * @until: up to before this; at most WARD_WEEK
 *
 * In order; none begins before the one before it has ended.
 */
struct ward_span {
	__le32 from;
	__le32 until;
} __attribute__((packed));

#define WARD_BURST_FILES	1	/* files that were read */
#define WARD_BURST_BYTES	2	/* bytes that were read */
#define WARD_BURST_CHANGES	3	/* files that were written, cut, renamed or deleted */
#define WARD_BURST_FILES_MAX	65536
#define WARD_BURST_SECONDS_MAX	2678400	/* 31 days */
#define WARD_BURST_ENTRIES	8	/* in a rule */

/**
 * struct ward_burst - how much one user may do by a rule in some time
 * @what: WARD_BURST_*
 * @seconds: in any so many seconds, at least 1
 * @most: so many, at least 1; files, each counted once, or bytes
 */
struct ward_burst {
	__le32 what;
	__le32 seconds;
	__le64 most;
} __attribute__((packed));

#endif
