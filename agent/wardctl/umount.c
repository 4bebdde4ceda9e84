// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl umount: takes a vault's mount away. */
#include <unistd.h>

#include "../lib/key.h"
#include "../lib/mnt.h"
#include "verb.h"

/* 1 when something was mounted, 0 when nothing was, or a negative errno. */
static int umount_vault(const struct ward_conf *conf, struct ward_err *err)
{
	struct ward_mount mounted;
	int ret;

	ret = ward_mnt_at(conf->directory, &mounted, err);
	if (!ret && mounted.found && mounted.wardfs)
		ret = ward_mnt_umount(conf->directory, err) ?: 1;
	if (ret < 0)
		return ret;
	/* The kernel let go of the key; one that was added and never used goes, too. */
	if (ret)
		ward_key_drop(conf->uuid);
	return ward_mnt_unview(conf->name, err) ?: ret;
}

static int run(int argc, char **argv)
{
	struct ward_conf conf;
	struct ward_err err;
	int lock, ret;

	if (verb_getopt(argc, argv, NULL) != VERB_DONE)
		return WARD_USAGE;
	ret = verb_args(argc, 1, 1);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	if (ward_conf_find(argv[optind], &conf, &err))
		return ui_fail(&err);
	lock = ward_mnt_lock(conf.name, &err);
	if (lock < 0)
		return ui_fail(&err);
	ret = umount_vault(&conf, &err);
	close(lock);
	if (ret < 0)
		return ui_fail(&err);
	if (verb_globals.json)
		return ui_json(json_pack("{s:s, s:o, s:b}", "name", conf.name, "directory",
					 ui_string(conf.directory), "changed", ret));
	ui_say(ret ? "%s is unmounted" : "%s was not mounted", conf.directory);
	return WARD_DONE;
}

const struct verb verb_umount = {
	.name = "umount",
	.args = "NAME|DIR",
	.what = "takes the mount of a vault away, which locks it",
	.help = "Whoever is not root then sees nothing in DIR, and root .ward/ only.\n",
	.run = run,
};
