// SPDX-License-Identifier: GPL-2.0-or-later
/* /etc/ward/ward.conf: see wardd(8). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "durable.h"
#include "inifile.h"
#include "log.h"
#include "settings.h"

struct reader {
	struct ward_settings *settings;
	struct ward_err *err;
};

static int yes_or_no(const struct reader *r, const char *key, const char *value, int line,
		     bool *out)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return ward_fail(r->err, EINVAL, WARD_USAGE,
				 "line %d: %s is \"yes\" or \"no\", not \"%s\"", line, key, value);
	*out = !strcmp(value, "yes");
	return 0;
}

static int log_entry(const struct reader *r, const char *key, const char *value, int line)
{
	if (!strcmp(key, "journal"))
		return yes_or_no(r, key, value, line, &r->settings->journal);
	if (!strcmp(key, "file")) {
		if (value[0] != '/' || strlen(value) >= sizeof(r->settings->log))
			return ward_fail(r->err, EINVAL, WARD_USAGE,
					 "line %d: file must be an absolute path", line);
		strcpy(r->settings->log, value);
		return 0;
	}
	if (!strcmp(key, "sync")) {
		if (strcmp(value, "batch") && strcmp(value, "never"))
			return ward_fail(r->err, EINVAL, WARD_USAGE,
					 "line %d: sync is \"batch\" or \"never\", not \"%s\"",
					 line, value);
		r->settings->sync = !strcmp(value, "batch");
		return 0;
	}
	return ward_fail(r->err, EINVAL, WARD_USAGE, "line %d: there is no \"%s\" in [log]", line,
			 key);
}

static int entry(void *arg, const char *section, const char *key, const char *value, int line)
{
	struct reader *r = arg;

	if (!strcmp(section, "log"))
		return key ? log_entry(r, key, value, line) : 0;
	if (strcmp(section, "check"))
		return ward_fail(r->err, EINVAL, WARD_USAGE,
				 "line %d: there is no section [%s], but [log] and [check]", line,
				 section);
	if (!key)
		return 0;
	if (!strcmp(key, "after-unclean-end"))
		return yes_or_no(r, key, value, line, &r->settings->check);
	return ward_fail(r->err, EINVAL, WARD_USAGE, "line %d: there is no \"%s\" in [check]",
			 line, key);
}

/**
 * ward_settings_load - read ward.conf
 * @path: the file; it need not exist
 * @settings: filled in; what the file does not say has its default
 * @err: says what is wrong, and where
 *
 * Return: 0 or a negative errno.
 */
int ward_settings_load(const char *path, struct ward_settings *settings, struct ward_err *err)
{
	struct reader r = { settings, err };
	void *text;
	size_t len;
	int ret;

	memset(settings, 0, sizeof(*settings));
	strcpy(settings->log, WARD_LOG_PATH);
	settings->sync = true;
	settings->journal = true;
	settings->check = true;
	ret = ward_durable_read(AT_FDCWD, path, WARD_INI_MAX, &text, &len);
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return ward_fail_errno(err, ret, "cannot read %s", path);
	ret = ward_ini_parse(text, len, entry, &r, err);
	free(text);
	if (ret) {
		char why[WARD_ERR_TEXT];

		memcpy(why, err->text, sizeof(why));
		ward_fail(err, -ret, WARD_USAGE, "%.200s: %.800s", path, why);
	}
	return ret;
}
