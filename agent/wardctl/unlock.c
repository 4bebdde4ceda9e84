// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl unlock: mounts a vault if need be, and puts its key into the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../lib/mnt.h"
#include "../lib/unlock.h"
#include "verb.h"

enum { OPT_METHOD = VERB_OPTION };

static const struct option options[] = {
	{ "method", required_argument, NULL, OPT_METHOD },
	ASK_OPTIONS,
	{ 0 }
};

static int take_method(struct ask *ask, const char *method)
{
	if (ask->file || ask->type)
		return verb_usage("give one passphrase, recovery key, key file or method, not more");
	if (!strcmp(method, "passphrase"))
		ask->type = WARD_SLOT_PASSPHRASE;
	else if (!strcmp(method, "recovery"))
		ask->type = WARD_SLOT_RECOVERY;
	else if (!strcmp(method, "keyfile"))
		return verb_usage("the method keyfile needs --key-file FILE");
	else if (!strcmp(method, "tpm2") || !strcmp(method, "tang"))
		return verb_usage("this version does not know the method %s yet", method);
	else
		return verb_usage("there is no method \"%s\": passphrase or recovery", method);
	return 0;
}

/* What wardctl create left half made is mounted on the side, and not to be worked with. */
static int look_finished(const struct ward_conf *conf, struct ward_err *err)
{
	int ret, fd = ward_mnt_ward_dir(conf, false, err);

	if (fd < 0)
		return fd;
	ret = faccessat(fd, WARD_CREATING_NAME, F_OK, AT_SYMLINK_NOFOLLOW) ? 0 :
	      ward_fail(err, EBUSY, WARD_FAILED,
			"making this vault was not finished: wardctl create %s goes on with it",
			conf->directory);
	close(fd);
	return ret;
}

/* Mounts and unlocks with an opened key; -EALREADY when it was unlocked. */
static int unlock(struct ward_nl *nl, const struct ward_conf *conf,
		  const struct ward_master *master, struct ward_err *err)
{
	struct ward_mounted mounted;
	int lock, ret;

	lock = ward_mnt_lock(conf->name, err);
	if (lock < 0)
		return lock;
	/* Wherever it is mounted: a second time the kernel does not take it. */
	ret = ward_nl_vault_get(nl, conf->uuid, &mounted);
	if (ret)
		ret = ward_mnt_vault(conf, MS_NOSUID | MS_NODEV, NULL, err);
	if (!ret || ret == -EALREADY)
		ret = ward_unlock_vault(nl, master, err);
	close(lock);
	return ret;
}

static bool is_unlocked(struct ward_nl *nl, const struct ward_conf *conf)
{
	struct ward_mounted mounted;

	return !ward_nl_vault_get(nl, conf->uuid, &mounted) &&
	       mounted.state == WARD_STATE_UNLOCKED;
}

static int say_outcome(struct ward_nl *nl, const struct ward_conf *conf, bool changed)
{
	struct ward_mounted mounted = { 0 };
	bool unchecked;

	ward_nl_vault_get(nl, conf->uuid, &mounted);
	unchecked = mounted.flags & WARD_VAULT_F_UNCHECKED;
	if (verb_globals.json)
		return ui_json(json_pack("{s:s, s:o, s:b, s:b}", "name", conf->name, "directory",
					 ui_string(conf->directory), "changed", changed,
					 "unchecked", unchecked));
	if (!changed)
		ui_say("%s is unlocked already", conf->name);
	else
		ui_say("%s is unlocked: %s", conf->name, conf->directory);
	if (unchecked)
		ui_warn("%s was not ended cleanly: until wardctl check %s, or wardd, has looked at every file, a cut cannot be told from a crash",
			conf->name, conf->name);
	if (changed && !mounted.rules)
		ui_warn("no policy is in force, so nobody has access: its file is missing, damaged or out of date; wardctl log --kind policy says more");
	return WARD_DONE;
}

static int run(int argc, char **argv)
{
	struct ward_secret *secret = NULL;
	struct ward_master *master = NULL;
	struct ward_factor factor = { 0 };
	char prompt[128];
	struct ask ask = { 0 };
	struct ward_conf conf;
	struct ward_nl *nl;
	struct ward_err err;
	int c, ret;

	while ((c = verb_getopt(argc, argv, options)) != VERB_DONE) {
		if (c == VERB_BAD ||
		    (c == OPT_METHOD ? take_method(&ask, optarg) : ask_option(&ask, c, optarg)))
			return WARD_USAGE;
	}
	ret = verb_args(argc, 1, 1);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	if (ward_conf_find(argv[optind], &conf, &err) || ward_unlock_connect(&nl, &err))
		return ui_fail(&err);
	/* A secret that was handed over is looked at; nobody is asked for one in vain. */
	if (look_finished(&conf, &err)) {
		ret = ui_fail(&err);
		goto close;
	}
	if (!ask.file && is_unlocked(nl, &conf)) {
		ret = say_outcome(nl, &conf, false);
		goto close;
	}
	snprintf(prompt, sizeof(prompt), "%s of %s", ask.type == WARD_SLOT_RECOVERY ?
		 "Recovery key" : "Passphrase", conf.name);
	master = ward_master_new();
	if (!master)
		ward_fail_errno(&err, errno, "cannot lock memory for the key");
	else
		secret = ask_secret(&ask, prompt, &factor, &err);
	ret = secret ? ward_unlock_open(&conf, &factor, master, &err) : -1;
	ward_secret_free(secret);
	if (!ret)
		ret = unlock(nl, &conf, master, &err);
	ward_master_free(master);
	if (ret && ret != -EALREADY) {
		ret = ui_fail(&err);
	} else {
		ui_notes(&err);
		ret = say_outcome(nl, &conf, !ret);
	}
close:
	ward_nl_close(nl);
	return ret;
}

const struct verb verb_unlock = {
	.name = "unlock",
	.args = "NAME|DIR [--passphrase-file FILE | --recovery-key-file FILE | --method METHOD]",
	.what = "unlocks a vault, mounting it if need be",
	.help =
	"  --passphrase-file FILE     passphrase from FILE (- for standard input)\n"
	"  --recovery-key-file FILE   recovery key from FILE (- for standard input)\n"
	"  --key-file FILE            FILE is the key\n"
	"  --method METHOD            ask for this on the terminal: passphrase, recovery\n"
	"\n"
	"Without one of them the passphrase is asked for on the terminal.\n",
	.run = run,
};
