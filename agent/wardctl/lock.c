// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl lock: takes the key of a vault away. */
#include <errno.h>

#include "../lib/text.h"
#include "../lib/unlock.h"
#include "verb.h"

enum { OPT_NOW = VERB_OPTION, OPT_ALL };

static const struct option options[] = {
	{ "now", no_argument, NULL, OPT_NOW },
	{ "all", no_argument, NULL, OPT_ALL },
	{ 0 }
};

/* One of several: with --json, it has its place among them, since there is one document only. */
static int failed_one(const struct ward_err *err, const char *name, json_t *done)
{
	bool json = verb_globals.json;
	json_t *o;
	int status;

	verb_globals.json = false;
	status = ui_fail(err);
	verb_globals.json = json;
	o = json_pack("{s:o, s:i}", "error", ui_string(err->text), "status", status);
	if (o && name)
		json_object_set_new(o, "name", json_string(name));
	json_array_append_new(done, o);
	return status;
}

/* Locks one vault; the exit status; with --json, says so in @done. */
static int lock_one(struct ward_nl *nl, const struct ward_conf *conf, bool now, bool all,
		    json_t *done)
{
	char size[32];
	uint64_t lost;
	struct ward_err err;
	int ret;

	ward_err_clear(&err);
	ret = ward_unlock_lock(nl, conf->uuid, now, &lost, &err);
	if (ret && ret != -ENOENT) {
		char why[WARD_ERR_TEXT];

		snprintf(why, sizeof(why), "%s", err.text);
		ward_fail(&err, -ret, err.cause, "%s: %.900s", conf->name, why);
		return all ? failed_one(&err, conf->name, done) : ui_fail(&err);
	}
	if (verb_globals.json) {
		json_array_append_new(done, json_pack("{s:s, s:b, s:I}", "name", conf->name,
						      "mounted", !ret, "lost_bytes",
						      (json_int_t)lost));
		return WARD_DONE;
	}
	if (ret)
		ui_say("%s is not mounted, so it is locked", conf->name);
	else
		ui_say("%s is locked", conf->name);
	if (lost) {
		ward_text_size(lost, size, sizeof(size));
		ui_warn("%s: up to %s of data that had not been written are lost; the vault is to be checked when it is unlocked",
			conf->name, size);
	}
	return WARD_DONE;
}

static int run(int argc, char **argv)
{
	struct ward_conf_list list = { 0 };
	bool now = false, all = false;
	struct ward_conf conf;
	struct ward_nl *nl;
	struct ward_err err, unread;
	json_t *done;
	int c, ret, status = WARD_DONE;
	size_t i;

	while ((c = verb_getopt(argc, argv, options)) != VERB_DONE) {
		if (c == OPT_NOW)
			now = true;
		else if (c == OPT_ALL)
			all = true;
		else
			return WARD_USAGE;
	}
	ret = verb_args(argc, all ? 0 : 1, all ? 0 : 1);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	ret = all ? ward_conf_list(&list, &err) : ward_conf_find(argv[optind], &conf, &err);
	if (ret)
		return ui_fail(&err);
	/* A configuration that cannot be read is no reason to leave the others open. */
	unread = err;
	ward_err_clear(&err);
	if (ward_unlock_connect(&nl, &err)) {
		ui_notes(&unread);
		ward_conf_list_free(&list);
		return ui_fail(&err);
	}
	done = json_array();
	for (i = 0; i < unread.count; i++) {
		ward_fail(&err, EINVAL, WARD_FAILED, "%s", unread.notes[i]);
		status = failed_one(&err, NULL, done);
	}
	if (!all)
		status = lock_one(nl, &conf, now, false, done);
	for (i = 0; i < list.count; i++) {
		ret = lock_one(nl, &list.conf[i], now, true, done);
		if (ret)
			status = ret;
	}
	if (verb_globals.json && (all || !status)) {
		ret = ui_json(json_pack("{s:O}", "vaults", done));
		if (ret)
			status = ret;
	}
	json_decref(done);
	ward_conf_list_free(&list);
	ward_nl_close(nl);
	return status;
}

const struct verb verb_lock = {
	.name = "lock",
	.args = "NAME|DIR [--now]\n--all [--now]",
	.what = "takes the key of a vault away, whoever uses it",
	.help =
	"  --all   every vault of this machine\n"
	"  --now   do not wait until everything is written: what is not is lost\n",
	.run = run,
};
