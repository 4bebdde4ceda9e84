// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl mount: mounts a vault, locked. */
#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../lib/mnt.h"
#include "verb.h"

enum { OPT_READ_ONLY = VERB_OPTION };

static const struct option options[] = {
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ 0 }
};

static int run(int argc, char **argv)
{
	unsigned long flags = MS_NOSUID | MS_NODEV;
	struct ward_conf conf;
	struct ward_err err;
	int c, lock, ret;

	while ((c = verb_getopt(argc, argv, options)) != VERB_DONE) {
		if (c != OPT_READ_ONLY)
			return WARD_USAGE;
		flags |= MS_RDONLY;
	}
	ret = verb_args(argc, 1, 1);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	if (ward_conf_find(argv[optind], &conf, &err) || ward_mnt_module(&err))
		return ui_fail(&err);
	lock = ward_mnt_lock(conf.name, &err);
	if (lock < 0)
		return ui_fail(&err);
	ret = ward_mnt_vault(&conf, flags, NULL, &err);
	close(lock);
	if (ret && ret != -EALREADY)
		return ui_fail(&err);
	if (verb_globals.json)
		return ui_json(json_pack("{s:s, s:o, s:b}", "name", conf.name, "directory",
					 ui_string(conf.directory), "changed", !ret));
	if (ret)
		ui_say("%s is mounted already", conf.directory);
	else
		ui_say("%s is mounted, locked: wardctl unlock %s unlocks it", conf.directory,
		       conf.name);
	return WARD_DONE;
}

const struct verb verb_mount = {
	.name = "mount",
	.args = "NAME|DIR [--read-only]",
	.what = "mounts a vault, locked, without a key",
	.help = "  --read-only   nothing in it can be changed\n",
	.run = run,
};
