// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy renew: the same rules, for programs and hours as they are now. */
#include <errno.h>
#include <inttypes.h>

#include "../lib/renew.h"
#include "../lib/unlock.h"
#include "policy.h"
#include "verb.h"

#define PATIENCE	10	/* seconds: dpkg may wait for this */

static json_t *one_json(const struct ward_conf *conf, const struct ward_renewal *done)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:b, s:b}", "name", conf->name, "serial",
			 (json_int_t)done->serial, "programs", (json_int_t)done->programs, "left",
			 (json_int_t)done->left, "hours",
			 done->hours, "fixed", done->fixed);
}

static void say_one(const struct ward_conf *conf, const struct ward_renewal *done,
		    const struct ward_err *err)
{
	size_t i;

	/* What is left as it was, dpkg's user is to see although dpkg asks for quiet. */
	for (i = 0; i < err->count; i++) {
		if (done->left)
			ui_warn("%s: %s", conf->name, err->notes[i]);
		else
			ui_say("%s: %s", conf->name, err->notes[i]);
	}
	if (done->hours)
		ui_say("%s: its hours are known for two years from now on", conf->name);
	if (done->programs || done->hours)
		ui_say("%s: renewed (policy %" PRIu64 ")", conf->name, done->serial);
	else if (done->fixed)
		ui_say("%s: its rules say renew = no: loading them anew is what renews them",
		       conf->name);
	else
		ui_say("%s: nothing is to be renewed", conf->name);
}

/* @arg: a vault, or NULL for all that are unlocked */
static int renew(const char *arg, struct ward_nl *nl, json_t *all)
{
	struct ward_conf_list list = { 0 };
	struct ward_conf one;
	struct ward_err err;
	int status = WARD_DONE;
	size_t i;

	ward_err_clear(&err);
	if (arg ? ward_conf_find(arg, &one, &err) : ward_conf_list(&list, &err))
		return ui_fail(&err);
	for (i = 0; i < (arg ? 1 : list.count); i++) {
		const struct ward_conf *conf = arg ? &one : &list.conf[i];
		struct ward_renewal done;
		int ret;

		ward_err_clear(&err);
		ret = ward_policy_renew(nl, conf, PATIENCE, &done, &err);
		if (ret == -EBUSY)
			ward_note(&err, "wardd makes up for it within a day, or wardctl policy renew %.64s then",
				  conf->name);
		/* Those that are locked are renewed after they are unlocked. */
		if (ret == -ENOKEY && !arg)
			continue;
		if (ret) {
			status = arg || !verb_globals.json ? ui_fail(&err) : WARD_FAILED;
			continue;
		}
		say_one(conf, &done, &err);
		json_array_append_new(all, one_json(conf, &done));
	}
	ward_conf_list_free(&list);
	return status;
}

/**
 * policy_renew - the verb "policy renew"
 * @arg: of which vault; NULL: of all that are unlocked
 *
 * Return: the exit status.
 */
int policy_renew(const char *arg)
{
	json_t *all = json_array();
	struct ward_nl *nl = NULL;
	struct ward_err err;
	int status;

	ward_err_clear(&err);
	if (ward_unlock_connect(&nl, &err)) {
		json_decref(all);
		/* Where no module is loaded, no vault is unlocked. */
		return arg || err.cause != WARD_NO_MODULE ? ui_fail(&err) : WARD_DONE;
	}
	status = renew(arg, nl, all);
	ward_nl_close(nl);
	if (!status && verb_globals.json)
		return ui_json(json_pack("{s:o}", "renewed", all));
	json_decref(all);
	return status;
}
