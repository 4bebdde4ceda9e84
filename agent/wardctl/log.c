// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl log: what happened to the vaults. Reads the log's files; wardd need not run. */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/conf.h"
#include "../lib/log.h"
#include "../lib/settings.h"
#include "../lib/text.h"
#include "verb.h"

enum {
	OPT_VAULT = VERB_OPTION, OPT_USER, OPT_SINCE, OPT_UNTIL, OPT_KIND, OPT_ACTION, OPT_PROGRAM,
	OPT_PATH, OPT_REASON, OPT_FOLLOW, OPT_FILE, OPT_KEY_FILE, OPT_STATE, OPT_NEW
};

static const struct option options[] = {
	{ "vault", required_argument, NULL, OPT_VAULT },
	{ "user", required_argument, NULL, OPT_USER },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "kind", required_argument, NULL, OPT_KIND },
	{ "action", required_argument, NULL, OPT_ACTION },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "path", required_argument, NULL, OPT_PATH },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "follow", no_argument, NULL, OPT_FOLLOW },
	{ "file", required_argument, NULL, OPT_FILE },
	{ "key-file", required_argument, NULL, OPT_KEY_FILE },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "new", no_argument, NULL, OPT_NEW },
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

static int check_kind(const char *kind)
{
	uint32_t i;

	for (i = WARD_KIND_VIOLATION; i <= WARD_KIND_LOST; i++)
		if (!strcmp(kind, ward_kind_name(i)))
			return 0;
	if (!strcmp(kind, "seal"))
		return 0;
	return verb_usage("there is no kind \"%s\": violation, tamper, key, mount, policy, audit, lost or seal",
			  kind);
}

/* A word that no record can have is a slip of the pen, and not "nothing happened". */
static int check_word(const char *what, const char *word, const char *(*name)(uint32_t))
{
	char known[512] = "";
	uint32_t i;

	for (i = 0; i < 64; i++) {
		const char *text = name(i);
		size_t len = strlen(known);

		if (text && !strcmp(word, text))
			return 0;
		if (text)
			snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "", text);
	}
	return verb_usage("there is no %s \"%s\": %s", what, word, known);
}

/* ---- showing ---------------------------------------------------------------------- */

/*
 * What wardd writes is fit for a terminal, but the file is only as good as who may write
 * it. Backslashes stay: they begin what is escaped already.
 */
static void put_harmless(const char *text)
{
	const char *p = text;

	/* Nearly all of it is plain ASCII. */
	while (*p >= 0x20 && *p < 0x7f)
		p++;
	if (!*p) {
		fputs(text, stdout);
		return;
	}
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
	static time_t last = -1;	/* many happen in one second */
	static char text[64];
	time_t t = ward_log_time(o, "@timestamp");
	struct tm tm;

	if (t < 0 || (t != last && (!localtime_r(&t, &tm) ||
				    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm)))) {
		last = -1;
		printf("%-19s  ", "?");
		return;
	}
	last = t;
	printf("%s  ", text);
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
static int show_some(const struct show *s, struct ward_log *log, const char *path, uint64_t *bad)
{
	const char *line;
	json_t *o;
	int ret;

	while ((ret = ward_log_next(log, &s->filter, &o, &line))) {
		if (ret == -EBADMSG || ret == -EMSGSIZE) {
			ui_warn("%s: line %" PRIu64 " is no record: wardctl log verify says more",
				path, ward_log_line_number(log));
			++*bad;
			continue;
		}
		if (ret < 0)
			return ret;
		if (verb_globals.json)
			puts(line);
		else
			put_text(s, o);
		json_decref(o);
		if (ferror(stdout))
			return 0;
	}
	return 0;
}

static int show_file(const struct show *s, struct ward_logfile *f, bool last, uint64_t *bad)
{
	bool follow = last && s->follow;
	struct ward_log *log;
	int ret;

	ret = ward_log_open_fd(f->fd, f->path, !follow, &log);
	f->fd = -1;
	if (ret)
		return ret;
	/* Watched first, then read: nothing falls between. */
	if (follow)
		ret = ward_log_wait(log, 0);
	do {
		if (ret >= 0)
			ret = show_some(s, log, f->path, bad);
		if (!ret && follow && !fflush(stdout))
			ret = ward_log_wait(log, -1);
	} while (ret >= 0 && follow && !ferror(stdout));
	ward_log_close(log);
	return ret;
}

/* Records of what is lost are always shown, whomever it is about. */
static int found(json_t *object, void *arg)
{
	const char *kind = json_string_value(json_object_get(object, "ward.kind"));

	(void)arg;
	return !kind || strcmp(kind, "lost");
}

/* Is there any record of this vault, or of this user? Also when that cannot be told. */
static bool in_log(const struct show *s, const struct ward_log_filter *filter)
{
	uint64_t bad;

	return ward_logset_scan(s->file, filter, found, NULL, &bad);
}

/* Is this, by name or UUID, a vault of this machine? Also when that cannot be told. */
static bool configured(const char *vault)
{
	struct ward_conf_list list;
	struct ward_err ignored;
	char uuid[WARD_UUID_TEXT];
	bool is;
	size_t i;

	ward_err_clear(&ignored);
	if (ward_conf_list(&list, &ignored))
		return true;
	/* One whose file cannot be read might be it. */
	is = ignored.count;
	for (i = 0; i < list.count && !is; i++) {
		ward_text_uuid(list.conf[i].uuid, uuid);
		is = !strcmp(list.conf[i].name, vault) || !strcmp(uuid, vault);
	}
	ward_conf_list_free(&list);
	return is;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* A name that nobody has is a slip of the pen, too. Vaults and users that are gone may be in the log. */
static int check_names(const struct show *s, struct ward_err *err)
{
	const struct ward_log_filter *f = &s->filter;
	struct ward_log_filter vault = { .vault = f->vault };
	struct ward_log_filter user = { .user = f->user, .login = f->login };

	if (f->user && !is_number(f->user) && !getpwnam(f->user) && !in_log(s, &user))
		ui_warn("there is no user \"%s\" on this machine, nor in the log", f->user);
	if (!f->vault || configured(f->vault) || in_log(s, &vault))
		return 0;
	return ward_fail(err, ENOENT, WARD_NO_VAULT,
			 "there is no vault \"%s\", and none in the log: wardctl status lists those that there are",
			 f->vault);
}

static int show(const struct show *s)
{
	struct ward_logset set;
	struct ward_err err;
	uint64_t bad = 0;
	size_t i;
	int ret;

	ward_err_clear(&err);
	if (check_names(s, &err))
		return ui_fail(&err);
	ret = ward_logset_open(s->file, &set);
	if (!ret && s->follow && !set.current) {
		ward_logset_close(&set);
		ret = -ENOENT;
	}
	if (ret == -ENOENT) {
		ward_fail(&err, ENOENT, WARD_FAILED,
			  "there is no log %s yet: wardd writes it (is it running? see wardctl doctor)",
			  s->file);
		return ui_fail(&err);
	}
	for (i = 0; !ret && i < set.count && !ferror(stdout); i++)
		if (i == set.count - 1 || !ward_logfile_pass_over(&set.file[i], &s->filter))
			ret = show_file(s, &set.file[i], i == set.count - 1, &bad);
	if (!ret && set.packed)
		ui_warn("%zu compressed files beside %s were not looked at", set.packed, s->file);
	ward_logset_close(&set);
	if (ret < 0) {
		ward_fail_errno(&err, ret, "cannot read %s", s->file);
		if (ret == -EACCES)
			err.cause = WARD_NOT_PERMITTED;
		return ui_fail(&err);
	}
	return bad ? WARD_INTEGRITY : WARD_DONE;
}

/* ---- the command line ------------------------------------------------------------------- */

/**
 * struct line - what was asked for
 * @show: of records
 * @key_file: for verify and key
 * @state: for verify
 * @new_key: for key
 * @filtered: there are options that only make sense for showing
 */
struct line {
	struct show show;
	const char *key_file;
	const char *state;
	bool new_key;
	bool filtered;
};

static int set_user(struct ward_log_filter *f, const char *user, char uid[16])
{
	const struct passwd *pw = getpwnam(user);

	f->user = user;
	/* Of a login only the number is recorded. */
	if (pw)
		snprintf(uid, 16, "%u", (unsigned int)pw->pw_uid);
	f->login = pw ? uid : user;
	return 0;
}

static int set_path(struct ward_log_filter *f, const char *path, char **escaped)
{
	free(*escaped);
	*escaped = ward_log_escape((const uint8_t *)path, strlen(path));
	f->path = *escaped;
	if (*path == '/' || strpbrk(path, "*?["))
		return 0;
	return verb_usage("\"%s\" is no absolute path, and no pattern as \"*/letters/*\"", path);
}

static int take_option(struct line *l, int c, char uid[16], char **path)
{
	struct ward_log_filter *f = &l->show.filter;

	l->filtered |= c < OPT_FILE;
	switch (c) {
	case OPT_VAULT:
		f->vault = optarg;
		return 0;
	case OPT_USER:
		return set_user(f, optarg, uid);
	case OPT_SINCE:
		return when_parse(optarg, &f->since);
	case OPT_UNTIL:
		return when_parse(optarg, &f->until);
	case OPT_KIND:
		f->kind = optarg;
		return check_kind(optarg);
	case OPT_ACTION:
		f->action = optarg;
		return check_word("action", optarg, ward_action_name);
	case OPT_REASON:
		f->reason = optarg;
		return check_word("reason", optarg, ward_reason_name);
	case OPT_PROGRAM:
		f->program = optarg;
		return 0;
	case OPT_PATH:
		return set_path(f, optarg, path);
	case OPT_FOLLOW:
		l->show.follow = true;
		return 0;
	case OPT_FILE:
		l->show.file = optarg;
		return 0;
	case OPT_KEY_FILE:
		l->key_file = optarg;
		return 0;
	case OPT_STATE:
		l->state = optarg;
		return 0;
	case OPT_NEW:
		l->new_key = true;
		return 0;
	default:
		return WARD_USAGE;
	}
}

static int dispatch(struct line *l, const char *word)
{
	struct ward_settings settings;
	bool verify = word && !strcmp(word, "verify"), key = word && !strcmp(word, "key");
	struct ward_err err;

	if (word && !verify && !key)
		return verb_usage("there is no \"log %s\": log, log verify or log key", word);
	if ((l->filtered && word) || (l->key_file && !word) || (l->state && !verify) ||
	    (l->new_key && !key) || (l->show.file && key))
		return verb_usage("an option does not go with \"log%s%s\"", word ? " " : "",
				  word ? word : "");
	if (key)
		return log_key(l->new_key, l->key_file);
	if (verify && l->show.file)
		return log_verify(l->show.file, l->state ? l->state : "none", l->key_file);
	if (!l->show.file) {
		ward_err_clear(&err);
		if (ward_settings_load(WARD_SETTINGS_PATH, &settings, &err))
			return ui_fail(&err);
		l->show.file = settings.log;
	}
	if (verify)
		return log_verify(l->show.file, l->state, l->key_file);
	l->show.color = verb_globals.color && isatty(STDOUT_FILENO);
	return show(&l->show);
}

static int run(int argc, char **argv)
{
	struct line l = { 0 };
	char uid[16], *path = NULL;
	int c, ret = 0;

	while (!ret && (c = verb_getopt(argc, argv, options)) != VERB_DONE)
		ret = take_option(&l, c, uid, &path);
	if (!ret)
		ret = verb_args(argc, 0, 1);
	if (!ret)
		ret = dispatch(&l, optind < argc ? argv[optind] : NULL);
	free(path);
	return ret;
}

const struct verb verb_log = {
	.name = "log",
	.args = "[--vault NAME] [--user USER] [--since TIME] [--until TIME] [--kind KIND]\n"
		"[--action ACTION] [--reason REASON] [--program PROGRAM] [--path PATH] [--follow]\n"
		"verify [--key-file FILE] [--file FILE [--state FILE]]\n"
		"key [--new] [--key-file FILE]",
	.what = "shows what happened to the vaults, and proves that the log is whole",
	.help =
	"  --vault NAME   only this vault, by name or UUID; one that there is, or was\n"
	"  --user USER    only what this user did, by name or number, what a server did for\n"
	"                 this user, or who logged in as this user, whoever he became then\n"
	"  --since TIME   2030-12-31, \"2030-12-31 18:00\", now, today, yesterday, 10m, 2h, 3d\n"
	"  --until TIME   only what was before\n"
	"  --kind KIND    violation, tamper, key, mount, policy, audit, lost or seal\n"
	"  --action WORD  only this action, as open-read or delete\n"
	"  --reason WORD  policy, locked, burst, hours or integrity\n"
	"  --program P    only this program, by its path or the last part of it\n"
	"  --path PATH    only this file, or what is below it; or a pattern, as \"*.doc\"\n"
	"  --follow       go on showing what comes\n"
	"  --file FILE    this log, and the files it was rotated into, instead of the one in\n"
	"                 ward.conf\n"
	"\n"
	"verify tells whether lines were changed, put in, moved or taken out. With the key that\n"
	"\"log key\" gave out (--key-file FILE, or - for standard input) it proves that nobody\n"
	"made the log anew. --state FILE is a copy of the log's seal state, for a log that was\n"
	"copied from another machine.\n"
	"\n"
	"key gives out the key, once: on the terminal, or into a new FILE. Keep it elsewhere.\n"
	"With --new another one takes its place from now on.\n"
	"\n"
	"With --json, each record is a line of JSON, as it stands in the log.\n",
	.run = run,
};
