// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl log: what happened to the vaults. Reads the log file; wardd need not run. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/log.h"
#include "../lib/settings.h"
#include "../lib/text.h"
#include "verb.h"

enum { OPT_VAULT = VERB_OPTION, OPT_USER, OPT_SINCE, OPT_KIND, OPT_FOLLOW, OPT_FILE };

static const struct option options[] = {
	{ "vault", required_argument, NULL, OPT_VAULT },
	{ "user", required_argument, NULL, OPT_USER },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ "file", required_argument, NULL, OPT_FILE },
	{ 0 }
};

/**
 * struct show - what is to be shown, and how
 * @filter: which records
 * @file: the log; NULL: where ward.conf says
 * @follow: wait for more
 * @color: the output may be coloured
 */
struct show {
	struct ward_log_filter filter;
	const char *file;
	bool follow;
	bool color;
};

/* ---- points in time ------------------------------------------------------------- */

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

static int parse_since(const char *text, int64_t *since)
{
	if (!strcmp(text, "today"))
		*since = midnight(0);
	else if (!strcmp(text, "yesterday"))
		*since = midnight(1);
	else if (!parse_ago(text, since) && !parse_date(text, since))
		return verb_usage("\"%s\" is no point in time: 2030-12-31, \"2030-12-31 18:00\", today, yesterday, or a time ago as 10m, 2h, 3d",
				  text);
	/* 0 would be no filter. */
	if (*since < 1)
		*since = 1;
	return 0;
}

static int check_kind(const char *kind)
{
	uint32_t i;

	for (i = WARD_KIND_VIOLATION; i <= WARD_KIND_LOST; i++)
		if (!strcmp(kind, ward_kind_name(i)))
			return 0;
	return verb_usage("there is no kind \"%s\": violation, tamper, key, mount, policy, audit or lost",
			  kind);
}

/* ---- showing ---------------------------------------------------------------------- */

/*
 * What wardd writes is fit for a terminal, but the file is only as good as who may write
 * it. Backslashes stay: they begin what is escaped already.
 */
static void put_harmless(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\\");
		char *escaped = ward_text_escape(text, n);

		fputs(escaped ? escaped : "(not enough memory)", stdout);
		free(escaped);
		text += n;
		for (; *text == '\\'; text++)
			putchar('\\');
	}
}

static void put_time(json_t *o)
{
	time_t t = ward_log_time(o, "@timestamp");
	char text[64];
	struct tm tm;

	if (t >= 0 && localtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		printf("%s  ", text);
	else
		printf("%-19s  ", "?");
}

static const char *color_of(const char *kind)
{
	if (!kind)
		return "";
	if (!strcmp(kind, "tamper") || !strcmp(kind, "lost"))
		return "\033[1;31m";
	if (!strcmp(kind, "violation"))
		return "\033[31m";
	return !strcmp(kind, "audit") ? "\033[36m" : "";
}

static void put_text(const struct show *s, json_t *o)
{
	const char *kind = json_string_value(json_object_get(o, "ward.kind"));
	const char *vault = json_string_value(json_object_get(o, "ward.vault"));
	const char *color = s->color ? color_of(kind) : "";
	char *text = ward_log_text(o);

	put_time(o);
	fputs(color, stdout);
	/* Its own words, but out of a file. */
	put_harmless(kind ? kind : "?");
	printf("%*s", kind && strlen(kind) < 10 ? 10 - (int)strlen(kind) : 1, "");
	if (*color)
		fputs("\033[0m", stdout);
	if (vault) {
		put_harmless(vault);
		fputs("  ", stdout);
	}
	put_harmless(text ? text : "(not enough memory)");
	putchar('\n');
	free(text);
}

/* Everything that is there; the first error that ends it. @bad counts what is no record. */
static int show_some(const struct show *s, struct ward_log *log, uint64_t *bad)
{
	const char *line;
	json_t *o;
	int ret;

	while ((ret = ward_log_next(log, &o, &line))) {
		if (ret == -EBADMSG || ret == -EMSGSIZE) {
			ui_warn("line %" PRIu64 " of the log is no record: wardctl log verify says more",
				ward_log_line_number(log));
			++*bad;
			continue;
		}
		if (ret < 0)
			return ret;
		if (ward_log_match(o, &s->filter)) {
			if (verb_globals.json)
				puts(line);
			else
				put_text(s, o);
		}
		json_decref(o);
		if (ferror(stdout))
			return 0;
	}
	return 0;
}

static int show(const struct show *s)
{
	struct ward_log *log;
	struct ward_err err;
	uint64_t bad = 0;
	int ret;

	ward_err_clear(&err);
	ret = ward_log_open(s->file, &log);
	if (ret == -ENOENT) {
		ward_fail(&err, ENOENT, WARD_FAILED,
			  "there is no log %s yet: wardd writes it (is it running? see wardctl doctor)",
			  s->file);
		return ui_fail(&err);
	}
	if (ret) {
		ward_fail_errno(&err, ret, "cannot read %s", s->file);
		if (ret == -EACCES)
			err.cause = WARD_NOT_PERMITTED;
		return ui_fail(&err);
	}
	/* Watched first, then read: nothing falls between. */
	if (s->follow)
		ret = ward_log_wait(log, 0);
	do {
		if (ret >= 0)
			ret = show_some(s, log, &bad);
		if (!ret && s->follow && !fflush(stdout))
			ret = ward_log_wait(log, -1);
	} while (ret >= 0 && s->follow && !ferror(stdout));
	ward_log_close(log);
	if (ret < 0) {
		ward_fail_errno(&err, ret, "cannot read %s", s->file);
		return ui_fail(&err);
	}
	return bad ? WARD_INTEGRITY : WARD_DONE;
}

/* ---- verifying --------------------------------------------------------------------- */

static int verify(const char *file)
{
	uint64_t lines, bad;
	struct ward_err err;
	int ret;

	ward_err_clear(&err);
	ret = ward_log_verify(file, &lines, &bad);
	if (ret && ret != -EBADMSG) {
		ward_fail_errno(&err, ret, "cannot read %s", file);
		if (ret == -EACCES)
			err.cause = WARD_NOT_PERMITTED;
		return ui_fail(&err);
	}
	if (verb_globals.json) {
		json_t *o = json_pack("{s:o, s:b, s:I}", "log", ui_string(file), "intact", !ret,
				      "lines", (json_int_t)lines);

		if (o && ret)
			json_object_set_new(o, "bad_line", json_integer(bad));
		if (ui_json(o))
			return WARD_FAILED;
		return ret ? WARD_INTEGRITY : WARD_DONE;
	}
	if (!ret) {
		ui_say("%s: %" PRIu64 " lines, each follows from the one before", file, lines);
		return WARD_DONE;
	}
	ward_fail(&err, EBADMSG, WARD_INTEGRITY,
		  "%s: line %" PRIu64 " does not follow from the one before: it, or the one before, was changed, put in or taken out",
		  file, bad);
	return ui_fail(&err);
}

static int run(int argc, char **argv)
{
	struct show s = { 0 };
	struct ward_settings settings;
	const struct passwd *pw;
	struct ward_err err;
	char uid[16];
	int c, ret = 0;

	while (!ret && (c = verb_getopt(argc, argv, options)) != VERB_DONE) {
		switch (c) {
		case OPT_VAULT:
			s.filter.vault = optarg;
			break;
		case OPT_USER:
			s.filter.user = optarg;
			/* Of a login only the number is recorded. */
			pw = getpwnam(optarg);
			if (pw)
				snprintf(uid, sizeof(uid), "%u", (unsigned int)pw->pw_uid);
			s.filter.login = pw ? uid : optarg;
			break;
		case OPT_SINCE:
			ret = parse_since(optarg, &s.filter.since);
			break;
		case OPT_KIND:
			ret = check_kind(optarg);
			s.filter.kind = optarg;
			break;
		case OPT_FOLLOW:
			s.follow = true;
			break;
		case OPT_FILE:
			s.file = optarg;
			break;
		default:
			return WARD_USAGE;
		}
	}
	if (!ret)
		ret = verb_args(argc, 0, 1);
	if (ret)
		return ret;
	if (optind < argc && strcmp(argv[optind], "verify"))
		return verb_usage("there is no \"log %s\": log, or log verify", argv[optind]);
	if (!s.file) {
		ward_err_clear(&err);
		if (ward_settings_load(WARD_SETTINGS_PATH, &settings, &err))
			return ui_fail(&err);
		s.file = settings.log;
	}
	if (optind < argc)
		return verify(s.file);
	s.color = verb_globals.color && isatty(STDOUT_FILENO);
	return show(&s);
}

const struct verb verb_log = {
	.name = "log",
	.args = "[--vault NAME] [--user USER] [--since TIME] [--kind KIND] [--follow]\n"
		"verify",
	.what = "shows what happened to the vaults",
	.help =
	"  --vault NAME   only this vault, by name or UUID\n"
	"  --user USER    only what this user did, by name or number, or who logged in as\n"
	"                 this user, whoever he became then\n"
	"  --since TIME   2030-12-31, \"2030-12-31 18:00\", today, yesterday, 10m, 2h, 3d\n"
	"  --kind KIND    violation, tamper, key, mount, policy, audit or lost\n"
	"  --follow       go on showing what comes\n"
	"  --file FILE    this log instead of the one in ward.conf, as one that was rotated\n"
	"\n"
	"verify tells whether lines were changed, put in or taken out. With --json, each\n"
	"record is a line of JSON, as it stands in the log.\n",
	.run = run,
};
