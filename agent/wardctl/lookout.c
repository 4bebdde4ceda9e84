// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy learn, replay: going through a vault's records. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../lib/settings.h"
#include "../lib/text.h"
#include "policy.h"
#include "verb.h"

/**
 * policy_look - go through the records of a vault
 * @conf: the vault, which need not be known here
 * @what: which records
 * @fn: called for each, and for records that say that others are lost
 * @arg: for @fn
 * @bad: set to how many lines of the log are none
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int policy_look(const struct ward_conf *conf, const struct looking *what, ward_record_fn fn,
		void *arg, uint64_t *bad, struct ward_err *err)
{
	static const uint8_t unknown[WARD_UUID_SIZE];
	struct ward_log_filter filter = { .since = what->since, .until = what->until };
	struct ward_settings settings;
	const char *log = what->log;
	char uuid[WARD_UUID_TEXT], uid[16];
	int ret;

	if (!log) {
		if (ward_settings_load(WARD_SETTINGS_PATH, &settings, err))
			return -EINVAL;
		log = settings.log;
	}
	/* A vault that was made anew under its old name is another one. */
	filter.vault = conf->name;
	if (memcmp(conf->uuid, unknown, sizeof(unknown))) {
		ward_text_uuid(conf->uuid, uuid);
		filter.vault = uuid;
	}
	if (what->user) {
		const struct passwd *pw = getpwnam(what->user);

		snprintf(uid, sizeof(uid), "%u", pw ? pw->pw_uid : 0);
		filter.user = what->user;
		filter.login = pw ? uid : what->user;
	}
	ret = ward_logset_scan(log, &filter, fn, arg, bad);
	if (ret == -ENOENT)
		return ward_fail(err, ENOENT, WARD_FAILED,
				 "there is no log %s yet: wardd writes it (is it running? see wardctl doctor)",
				 log);
	if (ret < 0 && !err->cause) {
		ward_fail_errno(err, ret, "cannot read %s", log);
		if (ret == -EACCES)
			err->cause = WARD_NOT_PERMITTED;
	}
	if (*bad)
		ui_warn("%ju lines of %s are no records: wardctl log verify says more",
			(uintmax_t)*bad, log);
	return ret;
}

/**
 * policy_when - a point in time for people
 * @when: seconds since 1970, UTC
 * @out: local time
 * @size: room there, bytes
 */
void policy_when(int64_t when, char *out, size_t size)
{
	time_t t = when;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(out, size, "?");
}

/**
 * policy_when_json - the same for machines, in UTC
 * @when: seconds since 1970, UTC
 *
 * Return: a new reference.
 */
json_t *policy_when_json(int64_t when)
{
	time_t t = when;
	char text[32];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return json_null();
	return json_string(text);
}
