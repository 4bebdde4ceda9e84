// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl check: authenticates every block and every name of a vault. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/check.h"
#include "../lib/key.h"
#include "../lib/mnt.h"
#include "../lib/unlock.h"
#include "verb.h"

enum { OPT_REPAIR = VERB_OPTION };

static const struct option options[] = {
	{ "repair", no_argument, NULL, OPT_REPAIR },
	ASK_OPTIONS,
	{ 0 }
};

/**
 * struct checking - a check
 * @conf: the vault
 * @nl: to the kernel
 * @epoch: in which it began
 * @unchecked: the vault was not checked since an unclean end
 * @total: of the vault, bytes; for the progress bar
 * @vault_file: "good", "mended", or what is wrong: "differs", "damaged"
 * @found: what is to be told, for --json; NULL without
 */
struct checking {
	const struct ward_conf *conf;
	struct ward_nl *nl;
	uint32_t epoch;
	bool unchecked;
	int told;
	uint64_t total;
	const char *vault_file;
	json_t *found;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* ---- the vault file --------------------------------------------------------------- */

/* Which copy is to be taken: 0 or 1; -1: cannot be said, or neither. */
static int good_copy(const struct ward_vaults *vaults, const struct ward_master *master)
{
	const struct ward_vault *c = vaults->copy;

	/* With the key it is certain, without it only where one copy is no vault file. */
	if (master)
		return master->copy;
	if (!c[0].bytes == !c[1].bytes)
		return -1;
	return c[0].bytes ? 0 : 1;
}

static int mend(const struct ward_conf *conf, const struct ward_vaults *vaults, int good,
		struct ward_err *err)
{
	int dirfd, lock, ret;

	lock = ward_mnt_lock(conf->name, err);
	if (lock < 0)
		return lock;
	dirfd = ward_mnt_ward_dir(conf, true, err);
	ret = dirfd;
	if (dirfd >= 0) {
		ret = ward_vaultfile_mend(dirfd, vaults, good);
		if (ret)
			ward_fail_errno(err, ret, "cannot write .ward/%s",
					ward_vaultfile_copy_name(!good));
		close(dirfd);
	}
	close(lock);
	return ret;
}

static int open_master(const struct ward_vaults *vaults, const struct ask *ask,
		       struct ward_master *master, struct ward_err *err)
{
	struct ward_factor factor = { 0 };
	struct ward_secret *secret = ask_secret(ask, "Passphrase", &factor, err);
	struct ward_err remarks;
	int ret;

	if (!secret)
		return -EINVAL;
	/* What is wrong with a copy is about to be mended, not to be remarked on. */
	ward_err_clear(&remarks);
	ret = ward_vaultfile_open(vaults, &factor, master, &remarks);
	if (ret)
		*err = remarks;
	ward_secret_free(secret);
	return ret;
}

/*
 * Both copies of the vault file are there, whole and the same. Returns an exit status, after
 * saying what is wrong.
 */
static int check_vault_file(const struct ward_conf *conf, bool repair, const struct ask *ask,
			    const char **word)
{
	struct ward_master *master = NULL;
	struct ward_vaults vaults = { 0 };
	int dirfd, good, status = WARD_DONE;
	struct ward_err err;

	*word = "good";
	ward_err_clear(&err);
	dirfd = ward_mnt_ward_dir(conf, false, &err);
	if (dirfd < 0)
		return ui_fail(&err);
	if (ward_vaultfile_load(dirfd, &vaults, &err)) {
		status = ui_fail(&err);
		goto free;
	}
	if (ask->file) {
		master = ward_master_new();
		if (!master)
			ward_fail_errno(&err, errno, "cannot lock memory for the key");
		if (!master || open_master(&vaults, ask, master, &err)) {
			status = ui_fail(&err);
			goto free;
		}
	}
	if (!ward_vaultfile_differ(&vaults))
		goto free;
	good = good_copy(&vaults, master);
	if (good < 0) {
		*word = "differs";
		ui_warn("the two copies of the vault file are not the same%s", repair ?
			": say which secret opens it (--passphrase-file FILE), so that the right one can be told" :
			"");
		status = WARD_INTEGRITY;
	} else if (!repair) {
		*word = "damaged";
		ui_warn("the copy .ward/%s of the vault file is missing, damaged or out of date: wardctl check --repair %s mends it",
			ward_vaultfile_copy_name(!good), conf->name);
		status = WARD_INTEGRITY;
	} else if (mend(conf, &vaults, good, &err)) {
		status = ui_fail(&err);
	} else {
		*word = "mended";
		ui_say("mended: .ward/%s is written anew from .ward/%s",
		       ward_vaultfile_copy_name(!good), ward_vaultfile_copy_name(good));
	}
free:
	ward_master_free(master);
	ward_vaults_free(&vaults);
	close(dirfd);
	return status;
}

/* ---- the tree ----------------------------------------------------------------------- */

static const char *word_of(const struct ward_check_object *object)
{
	if (object->error)
		return "failed";
	switch (object->checked->result) {
	case WARD_CHECK_SETTLED:
		return "settled";
	case WARD_CHECK_TAMPERED:
		return "tampered";
	case WARD_CHECK_BAD_NAME:
		return "bad-name";
	default:
		return "unknown";
	}
}

static void tell_json(struct checking *c, const struct ward_check_object *object,
		      const char *path)
{
	json_t *o = json_pack("{s:s, s:o}", "what", word_of(object), "stored",
			      ui_string(object->lower));

	if (o && path)
		json_object_set_new(o, "path", ui_string(path));
	if (o && object->error)
		json_object_set_new(o, "error", json_string(strerror(-object->error)));
	else if (o)
		json_object_set_new(o, "bad_blocks", json_integer(object->checked->bad));
	json_array_append_new(c->found, o);
}

static void tell_text(const struct ward_check_object *object, const char *path)
{
	if (object->error) {
		ui_warn(".ward/tree/%s cannot be checked: %s", object->lower,
			strerror(-object->error));
		return;
	}
	switch (object->checked->result) {
	case WARD_CHECK_SETTLED:
		ui_say("settled after a crash, or cut: %s", path ? path : object->lower);
		break;
	case WARD_CHECK_TAMPERED:
		ui_warn("TAMPERED or damaged: %s (%" PRIu64 " bad blocks; below: .ward/tree/%s)",
			path ? path : "?", object->checked->bad, object->lower);
		break;
	default:
		ui_warn("a name that is not of this vault: .ward/tree/%s", object->lower);
	}
}

static void object(const struct ward_check_object *object, void *arg)
{
	struct checking *c = arg;
	char *path = NULL;

	if (!object->error && object->checked->name[0] &&
	    asprintf(&path, "%s%s", c->conf->directory, object->checked->name) < 0)
		path = NULL;
	if (c->found)
		tell_json(c, object, path);
	else
		tell_text(object, path);
	free(path);
}

static int progress(const struct ward_check_state *state, void *arg)
{
	const struct checking *c = arg;

	ui_progress("checking", state->blocks * WARD_BLOCK_SIZE, c->total);
	return stopped;
}

static int open_tree(const struct ward_conf *conf, struct ward_err *err)
{
	int ward = ward_mnt_ward_dir(conf, false, err);
	int fd;

	if (ward < 0)
		return ward;
	fd = openat(ward, WARD_TREE_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = ward_fail_errno(err, errno, "cannot open .ward/tree of %s", conf->name);
	close(ward);
	return fd;
}

static int walk(struct checking *c, struct ward_check_state *state, struct ward_err *err)
{
	const struct ward_check_ops ops = { object, progress, c };
	struct sigaction act = { .sa_handler = stop };
	uint64_t objects, blocks;
	int tree, ret;

	tree = open_tree(c->conf, err);
	if (tree < 0)
		return tree;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	ret = ward_check_count(tree, &objects, &blocks);
	c->total = blocks * WARD_BLOCK_SIZE;
	if (!ret && c->unchecked)
		ret = ward_check_unchecked(c->nl, c->conf->uuid, c->epoch, tree, &ops, state,
					   &c->told);
	else if (!ret)
		ret = ward_check_vault(c->nl, c->conf->uuid, tree, &ops, state);
	ui_progress_end();
	close(tree);
	if (ret == -ENOKEY)
		ward_fail(err, ENOKEY, WARD_LOCKED, "%s was locked meanwhile: unlock it, and check again",
			  c->conf->name);
	else if (ret == -EINTR)
		ward_fail(err, EINTR, WARD_FAILED, "stopped: %" PRIu64 " objects were checked",
			  state->objects);
	else if (ret && ward_nl_why(c->nl)[0])
		ward_fail(err, -ret, WARD_FAILED, "the check broke off: %s", ward_nl_why(c->nl));
	else if (ret)
		ward_fail_errno(err, ret, "the check broke off");
	return ret;
}

/* Whether the time after an unclean end is over; says so when it is not. */
static bool checked(const struct checking *c, const struct ward_check_state *state)
{
	if (c->told && !state->failed)
		ui_warn("%s stays marked as not checked: %s", c->conf->name,
			c->told == -EAGAIN ? "files are written or moved all the time, check it again" :
			ward_nl_why(c->nl)[0] ? ward_nl_why(c->nl) : strerror(-c->told));
	return !c->told;
}

static int say_outcome(struct checking *c, const struct ward_check_state *s, bool done)
{
	bool bad = s->bad_objects || s->bad_names;

	if (c->found) {
		json_t *found = c->found;

		c->found = NULL;
		if (ui_json(json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:o}",
				      "name", c->conf->name,
				      "directory", ui_string(c->conf->directory),
				      "objects", (json_int_t)s->objects,
				      "blocks", (json_int_t)s->blocks,
				      "settled", (json_int_t)s->settled,
				      "bad_objects", (json_int_t)s->bad_objects,
				      "bad_blocks", (json_int_t)s->bad_blocks,
				      "bad_names", (json_int_t)s->bad_names,
				      "failed", (json_int_t)s->failed,
				      "checked", done, "vault_file", c->vault_file,
				      "found", found)))
			return WARD_FAILED;
	} else if (bad) {
		ui_warn("%s: %" PRIu64 " of %" PRIu64 " objects are tampered with or damaged, %" PRIu64 " names are not of this vault: restore them from a backup",
			c->conf->name, s->bad_objects, s->objects, s->bad_names);
	} else if (!s->failed) {
		ui_say("%s: %" PRIu64 " objects, %" PRIu64 " blocks: everything authenticates%s",
		       c->conf->name, s->objects, s->blocks,
		       s->settled ? "; some were settled after a crash" : "");
	}
	return bad ? WARD_INTEGRITY : s->failed || !done ? WARD_FAILED : WARD_DONE;
}

/* A vault file that is damaged is an integrity error, whatever else there is to say. */
static int broke_off(const struct checking *c, struct ward_err *err)
{
	bool bad = !strcmp(c->vault_file, "differs") || !strcmp(c->vault_file, "damaged");

	if (bad)
		ward_note(err, "the two copies of the vault file are not the same, or one is damaged: wardctl check --repair %s",
			  c->conf->name);
	if (bad && err->cause == WARD_LOCKED)
		err->cause = WARD_INTEGRITY;
	return ui_fail(err);
}

static int check_tree(struct checking *c)
{
	struct ward_check_state state = { 0 };
	struct ward_mounted vault;
	struct ward_err err;
	bool done;
	int ret;

	ward_err_clear(&err);
	ret = ward_nl_vault_get(c->nl, c->conf->uuid, &vault);
	if (ret == -ENOENT || (!ret && vault.state != WARD_STATE_UNLOCKED)) {
		ward_fail(&err, ENOKEY, WARD_LOCKED,
			  "%s is locked, and checking takes its key: wardctl unlock %s",
			  c->conf->name, c->conf->name);
		return broke_off(c, &err);
	}
	if (ret) {
		ward_fail_errno(&err, ret, "cannot ask the kernel about %s", c->conf->name);
		return broke_off(c, &err);
	}
	c->epoch = vault.epoch;
	c->unchecked = vault.flags & WARD_VAULT_F_UNCHECKED;
	if (walk(c, &state, &err))
		return broke_off(c, &err);
	done = checked(c, &state);
	return say_outcome(c, &state, done);
}

static int run(int argc, char **argv)
{
	struct checking c = { 0 };
	struct ask ask = { 0 };
	struct ward_conf conf;
	struct ward_err err;
	bool repair = false;
	int opt, ret, status;

	while ((opt = verb_getopt(argc, argv, options)) != VERB_DONE) {
		if (opt == OPT_REPAIR)
			repair = true;
		else if (opt == VERB_BAD || ask_option(&ask, opt, optarg))
			return WARD_USAGE;
	}
	ret = verb_args(argc, 1, 1);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	if (ward_conf_find(argv[optind], &conf, &err))
		return ui_fail(&err);
	status = check_vault_file(&conf, repair, &ask, &c.vault_file);
	if (status != WARD_DONE && status != WARD_INTEGRITY)
		return status;
	if (ward_unlock_connect(&c.nl, &err))
		return ui_fail(&err);
	c.conf = &conf;
	c.found = verb_globals.json ? json_array() : NULL;
	ret = check_tree(&c);
	json_decref(c.found);
	ward_nl_close(c.nl);
	/* Integrity errors are not hidden by what came after them. */
	return status == WARD_INTEGRITY && (!ret || ret == WARD_LOCKED) ? status : ret;
}

const struct verb verb_check = {
	.name = "check",
	.args = "NAME|DIR [--repair]",
	.what = "authenticates every block and name of a vault",
	.help =
	"  --repair                   write a damaged copy of the vault file anew from the\n"
	"                             other one\n"
	"  --passphrase-file FILE     with --repair: tell by this secret which copy is right;\n"
	"  --recovery-key-file FILE   needed only when both can be read and differ\n"
	"  --key-file FILE\n"
	"\n"
	"The vault must be unlocked. Damaged files are named as users see them; the exit\n"
	"status is 7 then. What is damaged is not changed: restore it from a backup.\n",
	.run = run,
};
