/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a vault. create.c is the verb; candidate.c looks whether DIR can become
 * one; scaffold.c makes .ward and takes it back; convert.c brings the plain files
 * into the vault; handover.c hands over its recovery key.
 */
#ifndef WARDCTL_CREATE_H
#define WARDCTL_CREATE_H

#include <limits.h>
#include <sys/stat.h>

#include "../lib/conf.h"
#include "../lib/copy.h"
#include "../lib/key.h"
#include "../lib/netlink.h"
#include "../lib/policyfile.h"
#include "../lib/stage.h"
#include "../lib/text.h"
#include "../lib/vaultfile.h"

/**
 * struct create - a vault that is being made
 * @conf: its name, UUID and DIR
 * @err: says what is wrong
 * @dirfd: DIR as it is below
 * @ward: .ward, or -1
 * @vault: the top of the vault, mounted on the side, or -1
 * @st: DIR, as it was found
 * @volume: DIR is the top of a mounted file system
 * @stage: how far it is
 * @nl: connection to the kernel module
 * @master: the master key; NULL until it is known
 * @bytes: of the plain files' contents
 * @objects: files and directories in all
 * @outside: files that have names outside DIR, too
 * @outside_path: one of them
 * @cost: what the passphrase costs to try, as ward.conf says
 * @no_recovery: there is to be no recovery key
 * @recovery_file: file that it goes to, or ""
 * @recovery: the recovery key, while it waits to be put out; else ""
 * @reported: the JSON document is out
 * @made: it is a vault: .ward/creating is gone
 * @tell: is told how far copying and comparing are; not 0 stops them
 */
struct create {
	struct ward_conf conf;
	struct ward_err *err;
	int dirfd;
	int ward;
	int vault;
	struct stat st;
	bool volume;
	struct ward_stage stage;
	struct ward_nl *nl;
	struct ward_master *master;
	uint64_t bytes;
	uint64_t objects;
	uint64_t outside;
	char outside_path[512];
	struct ward_argon2 cost;
	bool no_recovery;
	char recovery_file[PATH_MAX];
	char recovery[WARD_RECOVERY_TEXT];
	bool reported;
	bool made;
	ward_progress_fn tell;
};

/* ---- candidate.c: can DIR become a vault ------------------------------------ */
int candidate_open(struct create *c, const char *arg);
int candidate_name(struct create *c, const char *name);
int candidate_free(struct create *c);
int candidate_usable(struct create *c, bool resumed);
int candidate_survey(struct create *c);
int candidate_unused(struct create *c);
void candidate_warn(const struct create *c);

/* ---- scaffold.c: .ward, and the mount on the side --------------------------- */
int scaffold_make(struct create *c, const struct ward_secret *passphrase,
		  const struct ward_policy *policy);
int scaffold_conf(struct create *c);
int scaffold_mount(struct create *c);
int scaffold_enter(struct create *c);
int scaffold_unmount(struct create *c);
int scaffold_sync(struct create *c);
int scaffold_cold(struct create *c);
int scaffold_close_dir(struct create *c);
int scaffold_stage(struct create *c, enum ward_stage_at at);
int scaffold_recovery(struct create *c, const uint8_t key[WARD_KEY_SIZE]);
int scaffold_policy(struct create *c);
int scaffold_undo(struct create *c);

/* ---- handover.c: the recovery key ---------------------------------------------- */
int handover_look(struct create *c, bool resumed);
int handover_make(struct create *c);
int handover_void(struct create *c);

/* ---- convert.c: the plain files ---------------------------------------------- */
int convert_copy(struct create *c);
int convert_remove(struct create *c, bool resumed);

#endif
