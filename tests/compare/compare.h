/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The comparer: random operations on a plain directory and on a vault beside it, each
 * followed by a look at what both of them are now. The first difference ends it.
 *
 *   compare.c	options, the steps, what is printed
 *   pick.c	random numbers, names, paths
 *   side.c	changing between the two directories, and between users
 *   state.c	what an object is, and whether it is the same on both sides
 *   times.c	which times an operation moved
 *   tree.c	the same for whole trees
 *   differ.c	the differences that are known
 *   data.c	operations on open files
 *   map.c	mappings
 *   name.c	operations on entries
 *   list.c	listing directories
 *   attr.c	modes, owners, times, flags
 *   xattr.c	extended attributes and ACLs
 *   whole.c	syncing, dropping caches, locking, mounting anew
 *   vault.c	the vault as such: its mount, its key
 *   shared.c	files that all threads write
 */
#ifndef WARD_COMPARE_H
#define WARD_COMPARE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum side { PLAIN, VAULT, SIDES };

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PATH_ROOM	4352	/* one more than the kernel takes, and then some */
#define PATH_LIVE	3600	/* longer ones are not built upon */
#define SLOTS		10
#define MAPS		4
#define NAMES		26
#define LIVE_MAX	500
#define XATTR_ROOM	320	/* longer than any name of an xattr */
#define OUT_ROOM	(1 << 18)
#define TEXT_ROOM	(1 << 16)
#define HISTORY		40
#define SIGNALLED	1000	/* "errno" of what ended in SIGBUS */

/* Who operations are done as: uids of the test machine. */
#define ALICE		61001
#define BOB		61002
#define CASEWORKERS	61010

enum time { TIME_A, TIME_M, TIME_C, TIMES };

struct run;
struct op;

/**
 * struct result - what an operation gave on one side
 * @ret: what it returned; descriptors and addresses as 0
 * @err: errno if @ret is -1, or SIGNALLED
 * @out: what it gave beside that
 * @len: bytes of @out
 */
struct result {
	long ret;
	int err;
	size_t len;
	unsigned char *out;
};

/**
 * struct kind - a kind of operation
 * @name: as it is printed
 * @weight: how often, beside the others
 * @uses: USES_*, what is looked at afterwards
 * @pick: fills in an operation; false: cannot be done now
 * @go: does it on one side, whose directory is the root, as op->as
 * @whole: does it on both at once, instead of @go; false after a difference was told
 */
struct kind {
	const char *name;
	unsigned int weight;
	unsigned int uses;
	bool (*pick)(struct run *r, struct op *op);
	void (*go)(struct run *r, const struct op *op, enum side side, struct result *res);
	bool (*whole)(struct run *r, const struct op *op);
};

#define USES_A		0x01	/* op->a */
#define USES_B		0x02
#define USES_SLOT	0x04
#define USES_OTHER	0x08	/* op->other, a slot */
#define USES_DATA	0x10	/* contents may change */
#define USES_XATTR	0x20	/* xattrs may change */
#define NEEDS_ALONE	0x40	/* not where there are several threads */

/**
 * struct op - an operation, the same for both sides
 */
struct op {
	const struct kind *kind;
	unsigned long step;
	char a[PATH_ROOM];
	char b[PATH_ROOM];
	int slot;
	int other;
	int which;		/* variant of the kind */
	long long at;
	long long to;
	size_t len;
	unsigned int flags;
	unsigned int mode;
	uint64_t seed;		/* of the data */
	uid_t as;
	unsigned int mask;	/* umask */
};

struct slot {
	int fd[SIDES];		/* -1: free */
	int flags;
};

struct map {
	unsigned char *at[SIDES];	/* NULL: free */
	int fd[SIDES];			/* O_PATH: for its size */
	size_t len;
	long long from;
	int prot;
	bool shared;
};

struct done {
	struct op op;
	struct result res[SIDES];
	bool known;
};

struct place {
	char *path;		/* below the side's root */
	mode_t type;
};

/**
 * struct setting - what holds for all runs of the program
 */
struct setting {
	const char *dir[SIDES];
	const char *below;	/* where the vault's lower file system can be seen, or NULL */
	unsigned long ops;
	unsigned long until;
	unsigned long full;	/* whole trees are compared after so many steps */
	unsigned int threads;
	bool verbose;
	bool go_on;		/* over differences of times */
	unsigned long lower;	/* magic number of the file system on the plain side */
	bool stamps;		/* it stamps ctime when something is written out later, whoever asks it not to */
	bool fallocate[16];	/* by number of the variant: both sides have it */
	bool data_map;		/* the vault knows holes */
	int drop_caches;
};

extern struct setting set;

/**
 * struct run - one sequence of operations, in one thread
 */
struct run {
	uint64_t seed;
	uint64_t random;
	unsigned int number;	/* of the thread */
	bool timed;		/* times are compared: each step waits for the clock */
	unsigned long step;
	int top[SIDES];
	int proc;		/* /proc/thread-self/fd */
	enum side in;
	char name[NAMES][260];
	struct slot slot[SLOTS];
	struct map map[MAPS];
	struct place live[LIVE_MAX];
	unsigned int lives;
	struct done *past;
	unsigned char *data;	/* page-aligned, OUT_ROOM */
	char *text[SIDES];
	struct times *times;
	unsigned long known;	/* known differences that were met */
	bool uneven;		/* times of this step are one of those */
	bool failed;
	unsigned int passed_over;	/* differences of times, with --go-on */
	/* what an xattr was before, on the plain side */
	ssize_t stash_len;
	char stash[65536];
	unsigned long shared_count[3];
};

/* pick.c */
uint64_t draw(struct run *r);
unsigned long below(struct run *r, unsigned long n);		/* 0 .. n-1 */
bool chance(struct run *r, unsigned int of);			/* one in so many */
void fill(unsigned char *data, size_t len, uint64_t seed);
void pick_names(struct run *r);
void pick_path(struct run *r, char *path);
void pick_live(struct run *r, char *path, mode_t type);		/* type 0: any */
bool pick_slot(struct run *r, int *slot);
long long pick_offset(struct run *r);
size_t pick_len(struct run *r);
mode_t pick_mode(struct run *r);

/* side.c */
void enter(struct run *r, enum side side);
void leave(struct run *r);
void become(uid_t uid);
void result_of(struct result *res, long ret);
void add_text(struct result *res, const char *format, ...) __attribute__((format(printf, 2, 3)));
void slot_close(struct run *r, int slot);
void close_all(struct run *r);
void wait_tick(void);

/* state.c */
bool differs(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void describe(const char *path, bool xattrs, char *text, size_t room);
bool same_text(struct run *r, const char *what);
bool same_path(struct run *r, const char *path, unsigned int uses);
bool same_slot(struct run *r, int slot, unsigned int uses);
bool same_contents(struct run *r, const int fd[SIDES], const char *what);
void escape(const char *in, size_t len, char *out, size_t room);

/* times.c */
void times_before(struct run *r, const struct op *op);
void times_begin(struct run *r, enum side side);
void times_end(struct run *r, const struct op *op, enum side side);
bool times_same(struct run *r, const struct op *op);

/* tree.c */
bool same_trees(struct run *r, const char *when);
char *tree_times(struct run *r);
bool same_times(struct run *r, char *before, char *after, const char *when);
void look_around(struct run *r);				/* fills r->live */

/* differ.c */
bool known_difference(struct run *r, const struct op *op, const struct result res[SIDES]);
bool known_time(struct run *r, const struct op *op, enum time time, bool plain, bool vault);
void list_differences(void);

/* kinds, each table ends with a NULL name */
extern const struct kind data_kinds[], map_kinds[], name_kinds[], list_kinds[], attr_kinds[],
	xattr_kinds[],
	whole_kinds[], shared_kinds[];

/* xattr.c */
void xattr_name(const struct op *op, char *name);		/* XATTR_ROOM bytes */

/* data.c */
extern const struct fallocate_variant {
	const char *name;
	int mode;
} fallocate_variants[];
void probe(void);

/* vault.c */
int vault_find(const char *dir);
int vault_lock(void);
int vault_unlock(void);
int vault_mount(const char *dir);
int vault_umount(const char *dir);

/* shared.c */
bool shared_make(unsigned int threads);
bool shared_check(const struct run *runs, unsigned int threads);

#endif
