// SPDX-License-Identifier: GPL-2.0-or-later
/* Points in time, as they are typed: for log and policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "verb.h"

static bool parse_ago(const char *text, int64_t *since)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	unsigned long n;
	char *end;
	size_t i;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || n > 1000000)
		return false;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (end[0] == units[i].unit && !end[1]) {
			*since = time(NULL) - (int64_t)n * units[i].seconds;
			return true;
		}
	return false;
}

static int64_t midnight(int days_ago)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_sec = 0;
	tm.tm_min = 0;
	tm.tm_hour = 0;
	tm.tm_mday -= days_ago;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

/* Local time, unless it ends in Z. */
static bool parse_date(const char *text, int64_t *since)
{
	static const char * const forms[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
		"%Y-%m-%d",
	};
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);

		if (!end)
			continue;
		if (*end == '.')
			end += 1 + strspn(end + 1, "0123456789");
		if (!strcmp(end, "Z"))
			*since = timegm(&tm);
		else if (!*end)
			*since = mktime(&tm);
		else
			continue;
		return true;
	}
	return false;
}

/**
 * when_parse - a point in time as it is typed
 * @text: what was typed
 * @since: set to it, seconds since 1970, at least 1
 *
 * Return: 0, or WARD_USAGE after complaining.
 */
int when_parse(const char *text, int64_t *since)
{
	if (!strcmp(text, "now"))
		*since = time(NULL);
	else if (!strcmp(text, "today"))
		*since = midnight(0);
	else if (!strcmp(text, "yesterday"))
		*since = midnight(1);
	else if (!parse_ago(text, since) && !parse_date(text, since))
		return verb_usage("\"%s\" is no point in time: 2030-12-31, \"2030-12-31 18:00\", now, today, yesterday, or a time ago as 10m, 2h, 3d",
				  text);
	/* 0 would be no filter. */
	if (*since < 1)
		*since = 1;
	return 0;
}
