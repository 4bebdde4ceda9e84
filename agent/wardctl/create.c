// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wardctl create: makes a directory a vault. Stopped anywhere, it loses nothing,
 * and goes on when it is run again (scaffold.c says how that is known).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../lib/check.h"
#include "../lib/mnt.h"
#include "../lib/text.h"
#include "../lib/settings.h"
#include "../lib/unlock.h"
#include "verb.h"
#include "create.h"

enum { OPT_NAME = VERB_OPTION, OPT_ALLOW, OPT_NO_RECOVERY };

/* A recovery key file is where it is handed over, not where one comes from. */
static const struct option options[] = {
	{ "name", required_argument, NULL, OPT_NAME },
	{ "allow", required_argument, NULL, OPT_ALLOW },
	{ "no-recovery-key", no_argument, NULL, OPT_NO_RECOVERY },
	{ "passphrase-file", required_argument, NULL, ASK_PASSPHRASE },
	{ "recovery-key-file", required_argument, NULL, ASK_RECOVERY },
	{ 0 }
};

/**
 * struct wanted - what the command line asks for
 * @dir: DIR, as typed
 * @name: the name, or NULL
 * @allow: whom the first policy lets in; empty: DIR's owner and group
 * @passphrase: file that the passphrase is in, or NULL
 */
struct wanted {
	const char *dir;
	const char *name;
	struct ward_who_list allow;
	const char *passphrase;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Ctrl-C, an orderly shutdown, a lost connection: everything is taken back. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop };

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int tell(const struct ward_progress *p, void *arg)
{
	(void)arg;
	/* An object costs about as much as a block. */
	ui_progress(p->what, p->bytes + 4096 * p->objects, p->bytes_total +
		    4096 * p->objects_total);
	return stopped;
}

/* A directory of each level is open, on both sides: as many as we may have. */
static void allow_depth(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- what is asked for ------------------------------------------------------ */

static int take_options(int argc, char **argv, struct wanted *w, struct create *to)
{
	const char *recovery = NULL;
	struct ward_who who;
	struct ward_err err;
	int c;

	while ((c = verb_getopt(argc, argv, options)) != VERB_DONE) {
		ward_err_clear(&err);
		switch (c) {
		case OPT_NAME:
			w->name = optarg;
			break;
		case OPT_ALLOW:
			if (ward_who_parse(optarg, &who, &err))
				return verb_usage("--allow: %s", err.text);
			if (ward_who_add(&w->allow, &who))
				return verb_usage("not enough memory");
			break;
		case OPT_NO_RECOVERY:
			to->no_recovery = true;
			break;
		case ASK_PASSPHRASE:
			w->passphrase = optarg;
			break;
		case ASK_RECOVERY:
			recovery = optarg;
			break;
		default:
			return WARD_USAGE;
		}
	}
	if (recovery && to->no_recovery)
		return verb_usage("--recovery-key-file and --no-recovery-key exclude each other");
	if (recovery && (!strcmp(recovery, "-") || !*recovery ||
			 strlen(recovery) >= sizeof(to->recovery_file)))
		return verb_usage("--recovery-key-file takes a file; without it the recovery key is shown");
	if (recovery)
		strcpy(to->recovery_file, recovery);
	c = verb_args(argc, 1, 1);
	w->dir = c ? NULL : argv[optind];
	return c;
}

static int first_policy(struct create *c, const struct wanted *w, struct ward_policy *policy)
{
	struct ward_who owner[2] = {
		{ WARD_SUBJECT_UID, c->st.st_uid }, { WARD_SUBJECT_GID, c->st.st_gid },
	};
	const struct ward_who_list owners = { owner, 2 };

	if (!w->allow.count && !c->st.st_uid)
		return ward_fail(c->err, EINVAL, WARD_USAGE,
				 "%s belongs to root, so its owner does not say who works in it: name them with --allow USER or --allow @GROUP",
				 c->conf.directory);
	return ward_policy_one_rule(policy, "first", w->allow.count ? &w->allow : &owners) ?
	       ward_fail_errno(c->err, ENOMEM, "cannot make the policy") : 0;
}

/* AES, unless this CPU would have to compute it by hand. */
static uint16_t choose_suite(void)
{
	uint16_t suite = WARD_SUITE_CHACHA20_POLY1305;
	char *line = NULL, *word, *next;
	size_t room = 0;
	FILE *f = fopen("/proc/cpuinfo", "re");

	if (!f)
		return WARD_SUITE_AES_256_GCM;
	while (suite != WARD_SUITE_AES_256_GCM && getline(&line, &room, f) > 0)
		for (next = line; (word = strsep(&next, " \t\n"));)
			if (!strcmp(word, "aes"))
				suite = WARD_SUITE_AES_256_GCM;
	free(line);
	fclose(f);
	return suite;
}

/* ---- making it ------------------------------------------------------------------ */

static int begin(struct create *c, const struct wanted *w)
{
	struct ward_secret *passphrase;
	struct ward_policy policy;
	int ret;

	ret = first_policy(c, w, &policy);
	if (ret)
		return ret;
	passphrase = ask_new_passphrase(w->passphrase, c->err);
	if (!passphrase) {
		ret = -EIO;
		goto free;
	}
	c->master->suite = choose_suite();
	c->master->generation = 1;
	ret = ward_random(c->master->key, sizeof(c->master->key));
	if (!ret)
		ret = ward_random(c->master->uuid, sizeof(c->master->uuid));
	if (ret) {
		ward_fail_errno(c->err, ret, "cannot make a key");
		goto free;
	}
	catch_signals();
	/* RFC 9562: version 4, variant 10 */
	c->master->uuid[6] = (c->master->uuid[6] & 0x0f) | 0x40;
	c->master->uuid[8] = (c->master->uuid[8] & 0x3f) | 0x80;
	memcpy(c->conf.uuid, c->master->uuid, sizeof(c->conf.uuid));
	ret = scaffold_make(c, passphrase, &policy);
	if (!ret)
		ret = scaffold_mount(c);
	if (!ret)
		ret = scaffold_enter(c);
	if (!ret && stopped)
		ret = ward_fail(c->err, EINTR, WARD_FAILED, "stopped");
	if (ret && c->ward >= 0) {
		/* What went wrong is said already; taking it back has its own words. */
		struct ward_err why = *c->err;

		ward_err_clear(c->err);
		if (!scaffold_undo(c))
			*c->err = why;
		else
			ward_note(c->err, "after: %.480s", why.text);
	}
free:
	ward_secret_free(passphrase);
	ward_policy_free(&policy);
	return ret;
}

/*
 * Nobody who is here knows the passphrase that the vault was begun with, or its file
 * is damaged. As long as every plain file is there, that is no dead end.
 */
static int offer_undo(struct create *c, int ret)
{
	struct ward_err why = *c->err;

	if (c->stage.at != WARD_STAGE_COPYING ||
	    (why.cause != WARD_BAD_KEY && why.cause != WARD_INTEGRITY))
		return ret;
	if (!verb_globals.yes && !isatty(STDIN_FILENO)) {
		ward_note(c->err, "every plain file is in %.300s still: the same command with --yes takes back what was begun, so that it can be begun anew",
			  c->conf.directory);
		return ret;
	}
	ui_warn("%s", why.text);
	if (!ui_confirm("Every plain file is still there. Take back what was begun, so that it can be begun anew?"))
		return ret;
	ward_err_clear(c->err);
	if (scaffold_undo(c))
		return -EIO;
	return ward_fail(c->err, EKEYREJECTED, why.cause,
			 "what was begun is taken back, and %s is as it was before: run this again to begin anew",
			 c->conf.directory);
}

/* An earlier run was stopped: the vault that it began is opened. */
static int open_begun(struct create *c, const struct wanted *w)
{
	const struct ask ask = { WARD_SLOT_PASSPHRASE, w->passphrase };
	struct ward_vaults vaults = { 0 };
	struct ward_factor factor;
	struct ward_secret *secret;
	int ret;

	ret = ward_vaultfile_load(c->ward, &vaults, c->err);
	if (ret) {
		ret = offer_undo(c, ret);
		goto free;
	}
	secret = ask_secret(&ask, "Passphrase that the vault was begun with", &factor, c->err);
	ret = secret ? ward_vaultfile_open(&vaults, &factor, c->master, c->err) : -EIO;
	ward_secret_free(secret);
	if (ret) {
		ret = offer_undo(c, ret);
		goto free;
	}
	catch_signals();
	memcpy(c->conf.uuid, c->master->uuid, sizeof(c->conf.uuid));
	ret = scaffold_unmount(c);
	if (!ret)
		ret = scaffold_conf(c);
	if (!ret)
		ret = scaffold_mount(c);
	if (!ret && c->stage.at != WARD_STAGE_FINISHING)
		ret = scaffold_enter(c);
free:
	ward_vaults_free(&vaults);
	return ret;
}

static int tell_check(const struct ward_check_state *state, void *arg)
{
	(void)arg;
	ui_progress("checking", state->blocks * 4096, 0);
	return 0;
}

/* After a crash, every file is looked at once, so that the vault begins its life in order. */
static int check_if_needed(struct create *c)
{
	static const struct ward_check_ops ops = { .progress = tell_check };
	struct ward_check_state state;
	struct ward_mounted mounted;
	int tree, ret, told = 0;

	ret = ward_nl_vault_get(c->nl, c->conf.uuid, &mounted);
	if (ret || !(mounted.flags & WARD_VAULT_F_UNCHECKED))
		return 0;
	tree = openat(c->ward, WARD_TREE_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return ward_fail_errno(c->err, errno, "cannot open .ward/tree");
	ret = ward_check_unchecked(c->nl, c->conf.uuid, mounted.epoch, tree, &ops, &state, &told);
	close(tree);
	if (!ret && (state.bad_objects || state.bad_names))
		return ward_fail(c->err, EBADMSG, WARD_INTEGRITY,
				 "something in %s/.ward was changed or damaged while the vault was made: wardctl log --kind tamper tells what",
				 c->conf.directory);
	/* It is usable, and says itself that it is to be checked. */
	if (ret || told)
		ui_warn("the check after the crash was not finished: run wardctl check %s",
			c->conf.name);
	return 0;
}

static int convert(struct create *c)
{
	bool resumed = c->stage.at == WARD_STAGE_REMOVING;
	int ret = 0;

	if (c->stage.at == WARD_STAGE_BEGUN || c->stage.at == WARD_STAGE_COPYING) {
		ret = scaffold_close_dir(c);
		if (!ret)
			ret = candidate_unused(c);
		if (!ret)
			ret = convert_copy(c);
		/* Whoever came in while it was open would lose what he writes from now on. */
		if (!ret)
			ret = candidate_unused(c);
		if (!ret)
			ret = check_if_needed(c);
		if (!ret)
			ret = handover_make(c);
		/* A write-back that failed meanwhile is told of by the last one to ask. */
		if (!ret)
			ret = scaffold_sync(c);
		if (!ret)
			ret = scaffold_stage(c, WARD_STAGE_REMOVING);
	} else if (!c->stage.recovery_told) {
		ret = handover_make(c);
		if (!ret && c->stage.recovery_told)
			ret = scaffold_stage(c, c->stage.at);
	}
	if (!ret && c->stage.at == WARD_STAGE_REMOVING) {
		ret = convert_remove(c, resumed);
		/* The top's times changed with each name that was made in it. */
		if (!ret && futimens(c->vault, c->stage.times))
			ret = ward_fail_errno(c->err, errno,
					      "cannot set the times of the vault's top");
		if (!ret)
			ret = scaffold_stage(c, WARD_STAGE_FINISHING);
	}
	return ret;
}

/* The document, which may have the only copy of the recovery key: all of it is out, or it fails. */
static int report_json(struct create *c, bool resumed)
{
	char uuid[WARD_UUID_TEXT];
	json_t *object;

	ward_text_uuid(c->conf.uuid, uuid);
	object = json_pack("{s:s, s:s, s:o}", "name", c->conf.name, "uuid", uuid,
			   "directory", ui_string(c->conf.directory));
	if (!resumed) {
		json_object_set_new(object, "objects", json_integer(c->objects));
		json_object_set_new(object, "bytes", json_integer(c->bytes));
	}
	if (c->recovery[0])
		json_object_set_new(object, "recovery_key", json_string(c->recovery));
	c->reported = true;
	if (ui_json(object) || fflush(stdout) || ferror(stdout))
		return ward_fail(c->err, EIO, WARD_FAILED,
				 c->recovery[0] ?
				 "standard output cannot be written to, so nobody has the recovery key" :
				 "standard output cannot be written to");
	return 0;
}

static void report(const struct create *c, bool resumed)
{
	char size[32];

	if (c->outside)
		ui_warn("%llu files have names outside %s, too (%s is one): those names keep the plain contents",
			(unsigned long long)c->outside, c->conf.directory, c->outside_path);
	ward_text_size(c->bytes, size, sizeof(size));
	/* What an earlier run brought in, this one has not counted. */
	if (resumed)
		ui_say("%s is a vault now, \"%s\", and unlocked", c->conf.directory, c->conf.name);
	else if (c->objects)
		ui_say("%s is a vault now, \"%s\", and unlocked; %llu files and directories are in it, %s",
		       c->conf.directory, c->conf.name, (unsigned long long)c->objects, size);
	else
		ui_say("%s is a vault now, \"%s\", empty and unlocked", c->conf.directory,
		       c->conf.name);
}

/* Everything is in the vault: it takes DIR's place. */
static int finish(struct create *c, bool resumed)
{
	int ret = scaffold_policy(c);

	if (!ret)
		ret = check_if_needed(c);
	if (!ret)
		ret = scaffold_unmount(c);
	/* Stopped before this, the next run makes another key; after it, somebody has this one. */
	if (!ret && verb_globals.json)
		ret = report_json(c, resumed);
	if (!ret) {
		ret = ward_stage_end(c->ward);
		if (ret)
			ward_fail_errno(c->err, ret, "cannot write to %s/.ward", c->conf.directory);
	}
	if (ret)
		return ret;
	c->made = true;
	ret = ward_mnt_vault(&c->conf, MS_NOSUID | MS_NODEV, NULL, c->err);
	return ret ? ret : ward_unlock_vault(c->nl, c->master, c->err);
}

/* What failed before a plain file was removed is taken back. */
static void take_back(struct create *c)
{
	struct ward_err why = *c->err;

	ward_err_clear(c->err);
	if (scaffold_undo(c)) {
		ward_note(&why, "no file was lost, but this could not be taken back (%.200s): run wardctl create %.200s again, which goes on with it",
			  c->err->text, c->conf.directory);
	} else {
		ward_note(&why, "%.400s is as it was before", c->conf.directory);
	}
	*c->err = why;
}

static int make(struct create *c, const struct wanted *w, bool resumed)
{
	bool can_undo;
	int ret;

	ret = resumed ? open_begun(c, w) : begin(c, w);
	if (ret)
		return ret;
	ret = convert(c);
	if (!ret)
		ret = finish(c, resumed);
	ui_progress_end();
	if (!ret)
		return 0;
	can_undo = c->stage.at == WARD_STAGE_BEGUN || c->stage.at == WARD_STAGE_COPYING;
	if (can_undo)
		take_back(c);
	else if (c->made)
		ward_note(c->err, "the vault is made, and every file is in it: wardctl unlock %.300s mounts and unlocks it",
			  c->conf.name);
	else
		ward_note(c->err, "every file is in the vault: run wardctl create %.300s again to finish it",
			  c->conf.directory);
	return ret;
}

/* A .ward that does not say that it is being made: a vault, unless nothing is in it. */
static int look_at_unknown(struct create *c)
{
	char **names;
	size_t count, i;
	int ret = ward_walk_names(c->ward, &names, &count);
	bool made = false;

	if (ret)
		return ward_fail_errno(c->err, ret, "cannot read %s/.ward", c->conf.directory);
	/* Stopped right after making it, or right before removing it, it is empty. */
	for (i = 0; i < count; i++)
		if (strcmp(names[i], WARD_CREATING_NAME ".tmp"))
			made = true;
	ward_walk_names_free(names, count);
	c->stage.times[0] = c->st.st_atim;
	c->stage.times[1] = c->st.st_mtim;
	return made ? ward_fail(c->err, EEXIST, WARD_FAILED,
				"%s is a vault already (it has a .ward in it): wardctl unlock %s opens it; wardctl status tells whether this machine knows it",
				c->conf.directory, c->conf.directory) : 0;
}

/*
 * What is in DIR/.ward? Sets @resumed when a vault was begun there, and what was
 * made of it is of use.
 */
static int look_at_ward(struct create *c, const struct wanted *w, bool *resumed)
{
	int ret;

	*resumed = false;
	if (c->ward < 0)
		return 0;
	ret = ward_stage_read(c->ward, &c->stage);
	if (ret == -ENOENT)
		return look_at_unknown(c);
	if (ret)
		return ward_fail(c->err, -ret, WARD_FAILED,
				 "%s/.ward/creating, which says how far the making of this vault was, cannot be read: %s; the plain files in %s, and what ward-recover reads out of it, together are all there is",
				 c->conf.directory,
				 ret == -EBADMSG ? "it is damaged" : strerror(-ret),
				 c->conf.directory);
	if (w->name && strcmp(w->name, c->stage.name))
		return ward_fail(c->err, EINVAL, WARD_USAGE,
				 "this vault was begun with the name \"%s\": leave --name out, or give that one",
				 c->stage.name);
	snprintf(c->conf.name, sizeof(c->conf.name), "%s", c->stage.name);
	*resumed = c->stage.at != WARD_STAGE_BEGUN && c->stage.at != WARD_STAGE_UNDOING;
	return 0;
}

/* What the passphrase will cost to try. */
static int take_cost(struct create *c)
{
	struct ward_settings settings;

	if (ward_settings_load(WARD_SETTINGS_PATH, &settings, c->err))
		return -EINVAL;
	c->cost.passes = settings.passphrase_passes;
	c->cost.memory_kib = settings.passphrase_memory >> 10;
	c->cost.lanes = WARD_ARGON2_LANES;
	return 0;
}

/* Looks whether it can be done, before anything is asked or changed. */
static int prepare(struct create *c, const struct wanted *w, bool *resumed, int *lock)
{
	int ret;

	ret = candidate_open(c, w->dir);
	if (!ret)
		ret = look_at_ward(c, w, resumed);
	if (!ret && !c->stage.name[0])
		ret = candidate_name(c, w->name);
	if (ret)
		return ret;
	*lock = ward_mnt_lock(c->conf.name, c->err);
	if (*lock < 0)
		return *lock;
	/* Of what was begun and never got far, or was being taken back, nothing is kept. */
	if (c->ward >= 0 && !*resumed) {
		ret = scaffold_undo(c);
		if (!ret && fstat(c->dirfd, &c->st))
			ret = ward_fail_errno(c->err, errno, "cannot look at %s",
					      c->conf.directory);
	}
	if (!ret && !*resumed)
		ret = candidate_free(c);
	if (!ret)
		ret = candidate_usable(c, *resumed);
	if (!ret)
		ret = handover_look(c, *resumed);
	if (!ret && !*resumed)
		ret = take_cost(c);
	if (!ret && !*resumed && !w->allow.count && !c->st.st_uid) {
		struct ward_policy unused;

		ret = first_policy(c, w, &unused);
	}
	if (!ret)
		ret = ward_unlock_connect(&c->nl, c->err);
	if (!ret)
		ret = candidate_survey(c);
	if (!ret && !*resumed)
		candidate_warn(c);
	return ret;
}

static int run(int argc, char **argv)
{
	struct wanted w = { 0 };
	struct ward_err err;
	struct create c = {
		.err = &err, .dirfd = -1, .ward = -1, .vault = -1, .tell = tell,
	};
	bool resumed = false;
	int ret, lock = -1;

	ret = take_options(argc, argv, &w, &c);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		goto free;
	allow_depth();
	ward_err_clear(&err);
	c.master = ward_master_new();
	ret = c.master ? prepare(&c, &w, &resumed, &lock) :
	      ward_fail_errno(&err, errno, "cannot lock memory for the key");
	if (!ret && resumed)
		ui_say("going on with the vault \"%s\", which was begun earlier, as it was asked for then",
		       c.conf.name);
	if (!ret)
		ret = make(&c, &w, resumed);
	/* One document is all that there may be; the exit status says that it is not all. */
	if (ret && c.reported)
		verb_globals.json = false;
	if (ret)
		ret = ui_fail(&err);
	else
		report(&c, resumed);
free:
	explicit_bzero(c.recovery, sizeof(c.recovery));
	ward_master_free(c.master);
	ward_nl_close(c.nl);
	if (c.vault >= 0)
		close(c.vault);
	if (c.ward >= 0)
		close(c.ward);
	if (c.dirfd >= 0)
		close(c.dirfd);
	if (lock >= 0)
		close(lock);
	free(w.allow.who);
	return ret;
}

const struct verb verb_create = {
	.name = "create",
	.args = "DIR [--name NAME] [--allow USER|@GROUP]... [--passphrase-file FILE]\n"
		"[--recovery-key-file FILE | --no-recovery-key]",
	.what = "makes a directory a vault, with all that is in it",
	.help =
	"  --name NAME                the vault's name; otherwise DIR's last component\n"
	"  --allow USER|@GROUP        who has access, and nobody else; may be repeated;\n"
	"                             otherwise DIR's owner and group\n"
	"  --passphrase-file FILE     passphrase from FILE (- for standard input);\n"
	"                             otherwise it is asked for on the terminal\n"
	"  --recovery-key-file FILE   write the recovery key to FILE, a new one;\n"
	"                             otherwise it is shown\n"
	"  --no-recovery-key          make none\n"
	"\n"
	"Needs room for a second copy of the files. They go when everything is encrypted,\n"
	"on the disk and compared. Stopped anywhere, nothing is lost: run it again.\n",
	.run = run,
};
