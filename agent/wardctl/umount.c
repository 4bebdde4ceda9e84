// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl umount: takes a vault's mount away. */
#include <errno.h>
#include <unistd.h>

#include "../lib/key.h"
#include "../lib/mnt.h"
#include "../lib/netlink.h"
#include "verb.h"

/* Other mount namespaces have copies, too, which only whoever is in there can take away. */
static int look_whether_gone(const struct ward_conf *conf, struct ward_err *err)
{
	struct ward_mounted mounted;
	struct ward_nl *nl;
	int ret;

	if (ward_nl_open(&nl))
		return 0;
	ret = ward_nl_vault_get(nl, conf->uuid, &mounted);
	ward_nl_close(nl);
	if (ret)
		return 0;
	return ward_fail(err, EBUSY, WARD_FAILED,
			 "%s is still mounted where this command does not see it: in a container, or a service with mounts of its own, or by a process that holds a detached mount; end that, or take its key away with wardctl lock %s",
			 conf->name, conf->name);
}

/* How many mounts there were, or a negative errno. */
static int umount_vault(const struct ward_conf *conf, struct ward_err *err)
{
	int count, ret;

	count = ward_mnt_umount_all(conf, err);
	if (count < 0)
		return count;
	ret = ward_mnt_unview(conf->name, err);
	if (!ret)
		ret = look_whether_gone(conf, err);
	/* The kernel let go of the key; one that was added and never used goes, too. */
	if (!ret && count)
		ward_key_drop(conf->uuid);
	return ret ? ret : count;
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
					 ui_string(conf.directory), "changed", ret > 0));
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
