// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy: rules, before and after they bite. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/durable.h"
#include "../lib/epochfile.h"
#include "../lib/inifile.h"
#include "../lib/mnt.h"
#include "../lib/policyfile.h"
#include "../lib/program.h"
#include "../lib/renew.h"
#include "../lib/unlock.h"
#include "policy.h"
#include "verb.h"

enum {
	OPT_USER = VERB_OPTION, OPT_LOGIN, OPT_PROGRAM, OPT_OP, OPT_AT, OPT_FILE, OPT_SINCE,
	OPT_UNTIL, OPT_LOG, OPT_VAULT, OPT_PATHS, OPT_TO, OPT_ALL
};

static const struct option options[] = {
	ASK_OPTIONS,
	{ "user", required_argument, NULL, OPT_USER },
	{ "login", required_argument, NULL, OPT_LOGIN },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "op", required_argument, NULL, OPT_OP },
	{ "at", required_argument, NULL, OPT_AT },
	{ "file", required_argument, NULL, OPT_FILE },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "log", required_argument, NULL, OPT_LOG },
	{ "vault", required_argument, NULL, OPT_VAULT },
	{ "paths", required_argument, NULL, OPT_PATHS },
	{ "to", required_argument, NULL, OPT_TO },
	{ "all", no_argument, NULL, OPT_ALL },
	{ 0 }
};

/* ---- check FILE -------------------------------------------------------------------- */

/*
 * Rules that are allowed, and that are hardly what somebody meant. Return: how many never
 * match for one that says the opposite.
 */
static size_t doubts(const struct ward_policy *policy)
{
	struct ward_lint *lint = ward_lint_new(policy);
	char place[WARD_RULE_PLACE];
	bool allows = false;
	size_t i, against = 0;

	for (i = 0; i < policy->count; i++) {
		const struct ward_policy_rule *rule = &policy->rules[i], *before;

		allows |= rule->flags & WARD_RULE_ALLOW;
		ward_rule_place(rule, place);
		before = lint ? ward_lint_hidden(lint, i) : ward_policy_hidden(policy, i);
		if (before && (before->flags ^ rule->flags) & WARD_RULE_ALLOW) {
			ui_warn("%s never matches: whatever it is about, \"%s\" before it %s",
				place, before->name, before->flags & WARD_RULE_ALLOW ?
				"allows" : "denies");
			against++;
		} else if (before) {
			ui_warn("%s never matches: whatever it is about, \"%s\" before it decides",
				place, before->name);
		}
		if (ward_policy_idle(rule))
			ui_warn("%s matches nobody as long as none of its programs is there", place);
		if (!rule->count && rule->flags & WARD_RULE_ALLOW)
			ui_warn("%s names nobody and nothing: it lets in everybody", place);
	}
	ward_lint_free(lint);
	if (!allows)
		ui_warn("no rule allows anything: nobody gets in");
	return against;
}

/* @against: rules that contradict one before them. One of the two is not what was meant. */
static int contradict(size_t against, struct ward_err *err)
{
	return ward_fail(err, EINVAL, WARD_FAILED,
			 "%zu rule%s against one before, which is always asked first, so none is loaded: put the narrower one first, or take one out; or load them all the same with --yes",
			 against, against == 1 ? " is" : "s are");
}

/**
 * policy_read_file - read rules out of a file
 * @path: the file
 * @policy: filled, for ward_policy_free()
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int policy_read_file(const char *path, struct ward_policy *policy, struct ward_err *err)
{
	void *text;
	size_t len;
	int ret = ward_durable_read_text(path, WARD_INI_MAX, &text, &len, err);

	if (ret)
		return ret;
	ret = ward_policy_parse(text, len, path, policy, err);
	free(text);
	return ret;
}

static int check(const char *path)
{
	struct ward_policy policy;
	struct ward_err err;
	size_t count, against;

	ward_err_clear(&err);
	if (policy_read_file(path, &policy, &err))
		return ui_fail(&err);
	if (ward_policy_find_programs(&policy, NULL, &err)) {
		ward_policy_free(&policy);
		return ui_fail(&err);
	}
	ui_notes(&err);
	ward_err_clear(&err);
	against = doubts(&policy);
	count = policy.count;
	ward_policy_free(&policy);
	if (against && !verb_globals.yes) {
		contradict(against, &err);
		return ui_fail(&err);
	}
	if (verb_globals.json)
		return ui_json(json_pack("{s:o, s:b, s:I, s:o}", "file", ui_string(path), "valid", 1,
					 "rules", (json_int_t)count, "warnings", ui_warnings()));
	ui_say("%s: %zu rule%s, nothing wrong with %s", path, count, count == 1 ? "" : "s",
	       count == 1 ? "it" : "them");
	return WARD_DONE;
}

/* ---- load NAME ------------------------------------------------------------------------ */

/**
 * struct loading - a policy on its way into the kernel
 * @conf: the vault
 * @nl: to the kernel
 * @policy: the rules
 * @serial: that they get
 */
struct loading {
	struct ward_conf conf;
	struct ward_nl *nl;
	struct ward_policy policy;
	uint64_t serial;
};

/* Higher than all that the kernel has seen, or may yet authenticate without a secret. */
static int next_serial(struct loading *l, int dirfd, const struct ward_master *master,
		       struct ward_err *err)
{
	struct ward_epoch_record *record = malloc(sizeof(*record));
	struct ward_mounted vault;
	int ret;

	if (!record)
		return ward_fail_errno(err, ENOMEM, "cannot read the epoch file");
	ret = ward_epochfile_read(dirfd, master, record);
	if (ret) {
		ward_fail_errno(err, ret, "cannot read .ward/epoch");
		goto free;
	}
	ret = ward_nl_vault_get(l->nl, l->conf.uuid, &vault);
	if (ret == -ENOENT || (!ret && vault.state != WARD_STATE_UNLOCKED)) {
		ret = ward_fail(err, ENOKEY, WARD_LOCKED,
				"%s is locked: wardctl unlock %s, then load its policy",
				l->conf.name, l->conf.name);
		goto free;
	}
	if (ret) {
		ward_fail_errno(err, ret, "cannot ask the kernel about %s", l->conf.name);
		goto free;
	}
	l->serial = le64toh(record->policy_serial);
	if (l->serial < vault.policy_serial)
		l->serial = vault.policy_serial;
	l->serial = ward_policy_serial_after(l->serial);
free:
	free(record);
	return ret;
}

static int put_in_force(struct loading *l, int dirfd, const struct ward_master *master,
			struct ward_err *err)
{
	void *blob;
	size_t len;
	int ret = ward_policy_set_hours(&l->policy, time(NULL));

	if (!ret)
		ret = ward_policy_compile(&l->policy, master, l->serial, &blob, &len);
	if (ret)
		return ward_fail_errno(err, ret, "cannot compile the rules");
	ret = ward_policy_put_in_force(l->nl, &l->conf, dirfd, blob, len, err);
	free(blob);
	return ret;
}

static int load_with(struct loading *l, const struct ward_master *master, struct ward_err *err)
{
	int lock, dirfd, ret;

	lock = ward_mnt_lock(l->conf.name, err);
	if (lock < 0)
		return lock;
	dirfd = ward_mnt_ward_dir(&l->conf, true, err);
	ret = dirfd;
	if (dirfd >= 0) {
		ret = next_serial(l, dirfd, master, err);
		if (!ret)
			ret = put_in_force(l, dirfd, master, err);
		close(dirfd);
	}
	close(lock);
	return ret;
}

static int say_loaded(const struct loading *l)
{
	if (verb_globals.json)
		return ui_json(json_pack("{s:s, s:I, s:I, s:o}", "name", l->conf.name, "serial",
					 (json_int_t)l->serial, "rules",
					 (json_int_t)l->policy.count, "warnings", ui_warnings()));
	ui_say("%s: %zu rule%s in force (policy %" PRIu64 ")", l->conf.name, l->policy.count,
	       l->policy.count == 1 ? "" : "s", l->serial);
	return WARD_DONE;
}

static int load(const char *arg, const struct ask *ask)
{
	struct ward_secret *secret = NULL;
	struct ward_master *master = NULL;
	struct ward_factor factor = { 0 };
	struct loading l = { 0 };
	char path[128], prompt[128];
	struct ward_err err;
	size_t against;
	int ret, status;

	ward_err_clear(&err);
	if (ward_conf_find(arg, &l.conf, &err) || ward_unlock_connect(&l.nl, &err))
		return ui_fail(&err);
	snprintf(path, sizeof(path), "%s/%.64s.conf", WARD_CONF_DIR, l.conf.name);
	/* Whoever can write there would have his rules loaded by somebody who knows the secret. */
	ret = ward_trusted_file(path, &err);
	if (!ret)
		ret = policy_read_file(path, &l.policy, &err);
	if (!ret)
		ret = ward_policy_find_programs(&l.policy, l.nl, &err);
	if (ret)
		goto close;
	ui_notes(&err);
	ward_err_clear(&err);
	against = doubts(&l.policy);
	if (against && !verb_globals.yes) {
		ret = contradict(against, &err);
		goto close;
	}
	snprintf(prompt, sizeof(prompt), "%s of %s", ask->type == WARD_SLOT_RECOVERY ?
		 "Recovery key" : "Passphrase", l.conf.name);
	ret = -ENOMEM;
	master = ward_master_new();
	if (!master)
		ward_fail_errno(&err, errno, "cannot lock memory for the key");
	else
		secret = ask_secret(ask, prompt, &factor, &err);
	if (secret)
		ret = ward_unlock_open(&l.conf, &factor, master, &err);
	ward_secret_free(secret);
	if (!ret)
		ret = load_with(&l, master, &err);
	ward_master_free(master);
close:
	if (ret) {
		status = ui_fail(&err);
	} else {
		ui_notes(&err);
		status = say_loaded(&l);
	}
	ward_policy_free(&l.policy);
	ward_nl_close(l.nl);
	return status;
}

/* ---- show NAME ---------------------------------------------------------------------------- */

static const char *condition_word(const struct ward_policy_cond *cond)
{
	switch (cond->type) {
	case WARD_COND_LOGIN:
		return "login";
	case WARD_COND_KTHREAD:
	case WARD_COND_PROGRAM:
		return "program";
	case WARD_COND_PATH:
		return "path";
	case WARD_COND_HOURS:
		return "hours";
	case WARD_COND_BURST:
		return "burst";
	}
	return "user";
}

/* All hours or limits of a rule in one string, as they are written. */
static json_t *written_json(const struct ward_policy_cond *cond)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *string = NULL;

	if (!f)
		return NULL;
	if (cond->type == WARD_COND_HOURS) {
		ward_hours_print(cond, ", ", f);
		fprintf(f, " (%s)", cond->zone);
	} else {
		ward_burst_print(cond, f);
	}
	if (!fclose(f))
		string = ui_string(text);
	free(text);
	return string;
}

static json_t *condition_json(const struct ward_policy_cond *cond)
{
	json_t *any = json_array();
	char name[256];
	size_t k;

	for (k = 0; k < cond->who.count; k++) {
		ward_who_name(&cond->who.who[k], name, sizeof(name));
		json_array_append_new(any, ui_string(name));
	}
	for (k = 0; k < cond->thread_count; k++) {
		snprintf(name, sizeof(name), "kernel:%s", (const char *)cond->threads[k].name);
		json_array_append_new(any, ui_string(name));
	}
	for (k = 0; k < cond->path_count; k++)
		json_array_append_new(any, ui_string(cond->paths[k]));
	for (k = 0; k < cond->program_count; k++)
		json_array_append_new(any, ui_string(cond->programs[k].path));
	if (cond->type == WARD_COND_HOURS || cond->type == WARD_COND_BURST)
		json_array_append_new(any, written_json(cond));
	return json_pack("{s:s, s:o}", "of", condition_word(cond), "any", any);
}

/**
 * policy_rule_json - a rule for machines
 * @rule: the rule
 *
 * Return: a new reference.
 */
json_t *policy_rule_json(const struct ward_policy_rule *rule)
{
	json_t *conditions = json_array(), *operations = json_array();
	unsigned int bit;
	size_t i;

	for (i = 0; i < rule->count; i++)
		json_array_append_new(conditions, condition_json(&rule->conds[i]));
	for (bit = 0; ward_operation_name(bit); bit++)
		if (rule->operations & 1U << bit)
			json_array_append_new(operations, json_string(ward_operation_name(bit)));
	return json_pack("{s:o, s:b, s:b, s:b, s:o, s:o}", "name", ui_string(rule->name), "allow",
			 !!(rule->flags & WARD_RULE_ALLOW), "record",
			 !!(rule->flags & WARD_RULE_RECORD), "silent",
			 !!(rule->flags & WARD_RULE_SILENT), "operations", operations,
			 "conditions", conditions);
}

/* @in_force: serial of the policy in force, 0 for none */
static int show_json(const struct ward_conf *conf, const struct ward_policy *policy,
		     uint64_t in_force)
{
	json_t *rules = json_array();
	size_t i;

	for (i = 0; i < policy->count; i++)
		json_array_append_new(rules, policy_rule_json(&policy->rules[i]));
	return ui_json(json_pack("{s:s, s:I, s:b, s:b, s:b, s:o}", "name", conf->name, "serial",
				 (json_int_t)policy->serial, "in_force",
				 in_force == policy->serial, "permissive",
				 !!(policy->flags & WARD_POLICY_PERMISSIVE), "renew",
				 !(policy->flags & WARD_POLICY_FIXED), "rules", rules));
}

static int show_text(const struct ward_conf *conf, const struct ward_policy *policy,
		     uint64_t in_force)
{
	printf("# Policy %" PRIu64 " of %s, %s%s%s\n", policy->serial, conf->name,
	       in_force == policy->serial ? "in force" :
	       in_force ? "NOT the one in force" : "not in force while the vault is locked",
	       policy->flags & WARD_POLICY_PERMISSIVE ?
	       "; permissive: refusals are reported, and let through" : "",
	       policy->flags & WARD_POLICY_FIXED ? "; not renewed without a secret" : "");
	if (!policy->count)
		printf("# no rules: nobody gets in\n");
	return ward_policy_print(policy, stdout) ? WARD_FAILED : WARD_DONE;
}

/**
 * policy_read_stored - read the compiled policy of a vault
 * @conf: the vault
 * @blob: set to it, for free()
 * @len: set to its length, bytes
 * @policy: filled, for ward_policy_free()
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int policy_read_stored(const struct ward_conf *conf, void **blob, size_t *len,
		       struct ward_policy *policy, struct ward_err *err)
{
	int dirfd = ward_mnt_ward_dir(conf, false, err), ret;

	if (dirfd < 0)
		return dirfd;
	ret = ward_durable_read(dirfd, WARD_POLICY_NAME, WARD_POLICY_MAX, blob, len);
	close(dirfd);
	if (ret)
		return ward_fail_errno(err, ret, "cannot read .ward/policy of %s", conf->name);
	ret = ward_policy_decode(*blob, *len, conf->uuid, policy);
	if (!ret)
		return 0;
	free(*blob);
	*blob = NULL;
	return ward_fail(err, -ret, ret == -ENOMEM ? WARD_FAILED : WARD_INTEGRITY,
			 ret == -EPROTONOSUPPORT ?
			 ".ward/policy of %s has something in it that this wardctl does not know: it was made by a newer Ward" :
			 ".ward/policy of %s is damaged: load the rules anew with wardctl policy load",
			 conf->name);
}

static int show(const char *arg)
{
	struct ward_mounted vault = { 0 };
	struct ward_policy policy = { 0 };
	struct ward_nl *nl = NULL;
	struct ward_conf conf;
	struct ward_err err;
	void *blob = NULL;
	size_t len;
	int ret;

	ward_err_clear(&err);
	if (ward_conf_find(arg, &conf, &err) ||
	    policy_read_stored(&conf, &blob, &len, &policy, &err))
		return ui_fail(&err);
	free(blob);
	/* Without the module nothing is in force. */
	if (!ward_nl_open(&nl)) {
		if (ward_nl_vault_get(nl, conf.uuid, &vault))
			memset(&vault, 0, sizeof(vault));
		ward_policy_stale_programs(&policy, nl, &err);
	}
	ward_nl_close(nl);
	/* A hint: without memory there is none. */
	ward_policy_check_hours(&policy, &err);
	ui_notes(&err);
	ret = verb_globals.json ? show_json(&conf, &policy, vault.policy_serial) :
	      show_text(&conf, &policy, vault.policy_serial);
	ward_policy_free(&policy);
	return ret;
}

/* ---- the verb ------------------------------------------------------------------------------- */

/**
 * struct line - what was asked for
 * @ask: where the secret comes from
 * @explain: what to explain
 * @look: which records to look at
 * @given: options, bits 1 << option - VERB_OPTION
 */
struct line {
	struct ask ask;
	struct explain explain;
	struct looking look;
	unsigned int given;
};

#define GIVEN(option)	(1U << ((option) - VERB_OPTION))

static int take_paths(const char *arg, size_t *paths)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end || !n || n > 10000)
		return verb_usage("--paths takes a number from 1 to 10000");
	*paths = n;
	return 0;
}

static int take_option(struct line *l, int option, const char *arg)
{
	struct explain *e = &l->explain;
	const char **where = option == OPT_LOGIN ? &e->login : option == OPT_PROGRAM ? &e->program :
			     option == OPT_OP ? &e->operations : option == OPT_AT ? &e->when :
			     option == OPT_FILE ? &e->file : option == OPT_TO ? &e->to : option == OPT_LOG ? &l->look.log :
			     option == OPT_VAULT ? &l->look.vault : NULL;

	if (option == VERB_BAD)
		return WARD_USAGE;
	if (option >= OPT_USER && option <= OPT_ALL)
		l->given |= GIVEN(option);
	if (where) {
		*where = arg;
		return 0;
	}
	switch (option) {
	case OPT_USER:
		e->user = arg;
		l->look.user = arg;
		return 0;
	case OPT_SINCE:
		return when_parse(arg, &l->look.since);
	case OPT_UNTIL:
		return when_parse(arg, &l->look.until);
	case OPT_PATHS:
		return take_paths(arg, &l->look.paths);
	case OPT_ALL:
		return 0;
	}
	return ask_option(&l->ask, option, arg) ? WARD_USAGE : 0;
}

static int run_explain(int argc, char **argv, struct line *l)
{
	struct explain *e = &l->explain;
	int ret = verb_args(argc, 3, 3);

	if (ret)
		return ret;
	if (!e->user || !e->operations)
		return verb_usage("policy explain needs --user and --op");
	ret = ui_need_root();
	if (ret)
		return ret;
	e->path = argv[optind + 2];
	return policy_explain(argv[optind + 1], e);
}

static int run_diff(int argc, char **argv, struct line *l)
{
	int ret = verb_args(argc, 2, 3);

	(void)l;
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	return policy_diff(argv[optind + 1], argc > optind + 2 ? argv[optind + 2] : NULL);
}

static int run_check(int argc, char **argv, struct line *l)
{
	int ret = verb_args(argc, 2, 2);

	(void)l;
	return ret ? ret : check(argv[optind + 1]);
}

static int run_load(int argc, char **argv, struct line *l)
{
	int ret = verb_args(argc, 2, 2);

	if (!ret)
		ret = ui_need_root();
	return ret ? ret : load(argv[optind + 1], &l->ask);
}

static int run_show(int argc, char **argv, struct line *l)
{
	int ret = verb_args(argc, 2, 2);

	(void)l;
	if (!ret)
		ret = ui_need_root();
	return ret ? ret : show(argv[optind + 1]);
}

/* Whoever may read the log may. */
static int run_learn(int argc, char **argv, struct line *l)
{
	int ret = verb_args(argc, 2, 2);

	return ret ? ret : policy_learn(argv[optind + 1], &l->look);
}

static int run_replay(int argc, char **argv, struct line *l)
{
	int ret = verb_args(argc, 2, 2);

	return ret ? ret : policy_replay(argv[optind + 1], &l->look);
}

static int run_renew(int argc, char **argv, struct line *l)
{
	bool all = l->given & GIVEN(OPT_ALL);
	int ret = verb_args(argc, all ? 1 : 2, all ? 1 : 2);

	if (!ret)
		ret = ui_need_root();
	return ret ? ret : policy_renew(all ? NULL : argv[optind + 1]);
}

#define LOOKING	(GIVEN(OPT_SINCE) | GIVEN(OPT_UNTIL) | GIVEN(OPT_LOG) | GIVEN(OPT_USER))

/**
 * struct word - what follows "policy"
 * @name: the word
 * @run: does it
 * @options: those of this verb that go with it
 * @secret: those that name a secret go with it
 */
static const struct word {
	const char *name;
	int (*run)(int argc, char **argv, struct line *l);
	unsigned int options;
	bool secret;
} words[] = {
	{ "check", run_check, 0, false },
	{ "load", run_load, 0, true },
	{ "show", run_show, 0, false },
	{ "diff", run_diff, 0, false },
	{ "explain", run_explain, GIVEN(OPT_USER) | GIVEN(OPT_LOGIN) | GIVEN(OPT_PROGRAM) |
	  GIVEN(OPT_OP) | GIVEN(OPT_AT) | GIVEN(OPT_FILE) | GIVEN(OPT_TO), false },
	{ "learn", run_learn, LOOKING | GIVEN(OPT_PATHS), false },
	{ "replay", run_replay, LOOKING | GIVEN(OPT_VAULT), false },
	{ "renew", run_renew, GIVEN(OPT_ALL), false },
};

static int run(int argc, char **argv)
{
	const struct word *word = NULL;
	struct line l = { 0 };
	int c, ret;
	size_t i;

	while ((c = verb_getopt(argc, argv, options)) != VERB_DONE) {
		ret = take_option(&l, c, optarg);
		if (ret)
			return ret;
	}
	if (optind == argc)
		return verb_usage("say what to do: policy check, load, show, diff, explain, learn, replay or renew");
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(argv[optind], words[i].name))
			word = &words[i];
	if (!word)
		return verb_usage("there is no \"policy %s\": policy check, load, show, diff, explain, learn, replay or renew",
				  argv[optind]);
	if (l.ask.file && !word->secret)
		return verb_usage("policy %s needs no secret", word->name);
	if (l.given & ~word->options)
		return verb_usage("an option does not go with policy %s: see wardctl policy --help",
				  word->name);
	return word->run(argc, argv, &l);
}

const struct verb verb_policy = {
	.name = "policy",
	.args = "check FILE\n"
		"load NAME [--passphrase-file FILE | --recovery-key-file FILE]\n"
		"show NAME\n"
		"diff NAME [FILE]\n"
		"explain NAME --user USER --op OPERATION [--program FILE] [--login USER] [--at TIME] [--file FILE] [--to PATH] PATH\n"
		"learn NAME [--since TIME] [--until TIME] [--user USER] [--paths COUNT] [--log FILE]\n"
		"replay FILE [--since TIME] [--until TIME] [--user USER] [--vault NAME] [--log FILE]\n"
		"renew NAME|--all",
	.what = "checks rules, puts them in force, shows, explains and tries them, and learns some",
	.help =
	"  check FILE   are these rules without mistakes? Changes nothing\n"
	"  load NAME    puts the rules in " WARD_CONF_DIR "/NAME.conf in force; those that one\n"
	"               before them contradicts whatever they are about only with --yes\n"
	"  show NAME    shows the rules as they were last loaded\n"
	"  diff NAME    what loading the rules (or those in FILE) would change\n"
	"  explain NAME what the rules say of an access, and why: the rule that decides, or\n"
	"               what of the nearest rules does not hold\n"
	"  learn NAME   the fewest rules that would have allowed what the log says was\n"
	"               refused, or would have been; to be read, and put where they belong\n"
	"  replay FILE  what the rules in FILE would have said of what is in the log\n"
	"  renew NAME   the rules in force, for programs that packages replaced, and for hours\n"
	"               that are known for less than a year; takes no secret. wardd does, too\n"
	"\n"
	"  --passphrase-file FILE     passphrase from FILE (- for standard input)\n"
	"  --recovery-key-file FILE   recovery key from FILE (- for standard input)\n"
	"  --key-file FILE            FILE is the key\n"
	"  --user USER --op OPERATION who does what: read, write, create, ..., or all\n"
	"  --program FILE             with this program, or with a thread of the kernel, as\n"
	"                             kernel:nfsd; otherwise with one that no rule names\n"
	"  --to PATH                  the new name, for rename and link; otherwise one in the\n"
	"                             same directory\n"
	"  --login USER               logged in as USER; otherwise not at all\n"
	"  --at \"2026-11-27 20:00\"    then; otherwise now\n"
	"  --file FILE                by the rules in FILE; otherwise by those in force\n"
	"  --since TIME --until TIME  records of then: 2030-12-31, \"2030-12-31 18:00\", now,\n"
	"                             today, yesterday, 10m, 2h, 3d\n"
	"  --paths COUNT              of more directories in a rule, those above; otherwise 16\n"
	"  --vault NAME               whose records, when FILE does not name its vault\n"
	"  --log FILE                 this log instead of the one in ward.conf\n"
	"\n"
	"With learn and replay, --user takes records of one user alone.\n"
	"Loading takes a secret of the vault: root without it changes nothing.\n",
	.run = run,
};
