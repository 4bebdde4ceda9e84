// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy learn: the smallest rules that would have allowed what the log has. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/learn.h"
#include "../lib/policyask.h"
#include "../lib/program.h"
#include "../lib/text.h"
#include "policy.h"
#include "verb.h"

#define GROUPS_TOLD	3

/**
 * struct lesson - what is learned from, and what was
 * @conf: the vault
 * @what: which records
 * @learner: takes them
 * @learned: what comes out
 * @lost: events that the log does not have
 * @bad: lines of it that are no records
 */
struct lesson {
	struct ward_conf conf;
	const struct looking *what;
	struct ward_learner *learner;
	struct ward_learned learned;
	uint64_t lost;
	uint64_t bad;
};

static int take(json_t *record, void *arg)
{
	struct lesson *l = arg;
	const char *kind = json_string_value(json_object_get(record, "ward.kind"));

	if (kind && !strcmp(kind, "lost")) {
		l->lost += ward_log_lost(record);
		return 0;
	}
	return ward_learner_add(l->learner, record);
}

/* Why loading would refuse a rule with this program; one that is not there may come. */
static char *nameable(const char *program, void *arg)
{
	struct ward_err why;
	int fd;

	(void)arg;
	ward_err_clear(&why);
	fd = ward_program_open(program, &why);
	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -ENOENT ? NULL : strdup(why.text);
}

/* Names for the new rules that no old one has. */
static void name_rules(struct lesson *l)
{
	struct ward_policy old = { 0 };
	struct ward_err ignored;
	char path[PATH_MAX];
	unsigned long n, most = 0;
	size_t i;

	ward_err_clear(&ignored);
	snprintf(path, sizeof(path), "%s/%.64s.conf", WARD_CONF_DIR, l->conf.name);
	if (!policy_read_file(path, &old, &ignored))
		for (i = 0; i < old.count; i++)
			if (sscanf(old.rules[i].name, "learned %lu", &n) == 1 && n > most)
				most = n;
	ward_policy_free(&old);
	for (i = 0; i < l->learned.policy.count; i++)
		snprintf(l->learned.policy.rules[i].name, sizeof(l->learned.policy.rules[i].name),
			 "learned %lu", most + i + 1);
}

/* ---- telling ---------------------------------------------------------------------------- */

static void put_escaped(const char *text)
{
	char *escaped = ward_text_escape(text, strlen(text));

	fputs(escaped ? escaped : "(not enough memory)", stdout);
	free(escaped);
}

static void put_days(uint8_t days)
{
	static const char * const names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
	const char *sep = "";
	int i, k;

	for (i = 0; i < 7; i = k + 1) {
		for (k = i; k < 7 && days & 1 << k; k++)
			;
		if (k == i)
			continue;
		printf("%s%s", sep, names[i]);
		if (k - i > 1)
			printf("%s%s", k - i > 2 ? "-" : ",", names[k - 1]);
		sep = ",";
	}
}

/* How many, and when. */
static void put_tally(const struct ward_tally *t)
{
	char first[32], last[32];

	policy_when(t->first, first, sizeof(first));
	policy_when(t->last, last, sizeof(last));
	printf("# %" PRIu64 " record%s of %" PRIu64 " access%s, %s to %s; ", t->records,
	       t->records == 1 ? "" : "s", t->accesses, t->accesses == 1 ? "" : "es", first, last);
	put_days(t->days);
	printf(" %02d:%02d-%02d:%02d\n", t->from / 3600, t->from / 60 % 60, t->until / 3600,
	       t->until / 60 % 60);
}

static void put_logins(const struct ward_tally *t)
{
	char name[256];
	size_t i;

	if (!t->login_count)
		return;
	printf("# Some of it was done by who had logged in as ");
	for (i = 0; i < t->login_count; i++) {
		ward_who_name(&(struct ward_who){ WARD_SUBJECT_UID, t->logins[i] }, name,
			      sizeof(name));
		printf("%s%s", i ? ", " : "", name);
	}
	printf("%s (su, sudo): see logins in ward-policy(5)\n", t->more_logins ? " and others" : "");
}

/* Groups that all of several users are in. */
static void put_groups(const struct ward_who_list *users)
{
	struct ward_groups first, other;
	char name[256];
	size_t told = 0, k;
	int i;

	if (users->count < 2 || ward_groups_of(users->who[0].id, &first))
		return;
	for (k = 1; k < users->count; k++) {
		int left = 0;

		if (ward_groups_of(users->who[k].id, &other))
			break;
		for (i = 0; i < first.count; i++)
			if (ward_groups_has(&other, first.gid[i]))
				first.gid[left++] = first.gid[i];
		first.count = left;
		free(other.gid);
	}
	for (i = 0; i < first.count && told < GROUPS_TOLD; i++, told++) {
		ward_who_name(&(struct ward_who){ WARD_SUBJECT_GID, first.gid[i] }, name,
			      sizeof(name));
		printf("%s%s", told ? ", " : "# All of them are in ", name);
	}
	if (told)
		printf(": to name it instead lets in its other members, too\n");
	free(first.gid);
}

static void put_wider(const struct ward_learned_rule *about)
{
	if (about->wider & WARD_WIDER_TOP)
		printf("# WIDER than the log: it is about what lies in the vault's top, and \"/\" is all of the vault\n");
	if (about->wider & WARD_WIDER_FOLDED)
		printf("# WIDER than the log: paths stand for directories further down, at least %zu (more --paths, --user and --since tell more of them apart)\n",
		       about->folded);
	if (about->wider & WARD_WIDER_WALK)
		printf("# WIDER than the log: somebody was stopped on the way, and nobody knows to what; whoever may list may pass\n");
	if (about->wider & WARD_WIDER_PROGRAM)
		printf("# WIDER than the log: the program is not on record, so it is any\n");
}

/* A rule that cannot be loaded stands there as a comment. */
static int put_rule(const struct ward_policy_rule *rule, bool comment)
{
	struct ward_policy one = { .rules = (struct ward_policy_rule *)rule, .count = 1 };
	char *text = NULL, *line, *next;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int ret;

	if (!f)
		return -ENOMEM;
	ret = ward_policy_print(&one, f);
	if (fclose(f))
		ret = -ENOMEM;
	/* Behind the empty line that it begins with. */
	for (line = text ? text + 1 : NULL; !ret && line && *line; line = next) {
		next = strchr(line, '\n') + 1;
		printf("%s%.*s", comment ? "# " : "", (int)(next - line), line);
	}
	free(text);
	return ret;
}

static int tell_rule(const struct lesson *l, size_t i)
{
	const struct ward_policy_rule *rule = &l->learned.policy.rules[i];
	const struct ward_learned_rule *about = &l->learned.about[i];

	putchar('\n');
	put_tally(&about->tally);
	put_logins(&about->tally);
	put_groups(&rule->conds[0].who);
	put_wider(about);
	if (about->tally.denied_by[0]) {
		printf("# Put it before the rule \"");
		put_escaped(about->tally.denied_by);
		printf("\", which refused some of it\n");
	}
	if (about->tally.by_hours)
		printf("# Some of it was refused because of the hour\n");
	if (about->why_not) {
		printf("# CANNOT BE LOADED: ");
		put_escaped(about->why_not);
		putchar('\n');
	}
	return put_rule(rule, about->why_not);
}

static int tell(const struct lesson *l)
{
	const struct ward_learned *d = &l->learned;
	char now[32];
	size_t i;
	int ret = 0;

	policy_when(time(NULL), now, sizeof(now));
	printf("# Rules for %s, made out of its log by \"wardctl policy learn\" at %s.\n", l->conf.name,
	       now);
	if (d->tally.records)
		put_tally(&d->tally);
	if (!d->policy.count)
		printf("# Nothing was refused, so there is nothing to allow.\n");
	else
		printf("# They allow what was refused, or would have been, and from now on whatever else these users do so with\n"
		       "# these programs in these directories and all below them, at all hours and without limits. Programs are\n"
		       "# as the processes showed them. What is in the log may be just what the rules are to stop: read them before you load them.\n");
	if (d->limited)
		printf("# Left out: %" PRIu64 " accesses that a limit refused: raise it (burst), or leave it.\n",
		       d->limited);
	if (d->unclear)
		printf("# Left out: %" PRIu64 " records that do not say enough, or are of files elsewhere.\n",
		       d->unclear);
	if (d->left_out)
		printf("# Left out: %" PRIu64 " accesses: too many users and programs, or too many of one user, to be told apart; use --user and --since.\n",
		       d->left_out);
	if (l->lost)
		printf("# The log lacks %" PRIu64 " events that were lost, of all vaults together.\n", l->lost);
	for (i = 0; !ret && i < d->policy.count; i++)
		ret = tell_rule(l, i);
	return ret ? WARD_FAILED : WARD_DONE;
}

/* ---- for machines ------------------------------------------------------------------------- */

static json_t *rule_json(const struct lesson *l, size_t i)
{
	static const char * const words[] = { "folded", "walk", "program", "top" };
	const struct ward_learned_rule *about = &l->learned.about[i];
	json_t *wider = json_array(), *o = policy_rule_json(&l->learned.policy.rules[i]);
	size_t k;

	for (k = 0; k < sizeof(words) / sizeof(*words); k++)
		if (about->wider & 1U << k)
			json_array_append_new(wider, json_string(words[k]));
	json_object_set_new(o, "records", json_integer(about->tally.records));
	json_object_set_new(o, "accesses", json_integer(about->tally.accesses));
	json_object_set_new(o, "first", policy_when_json(about->tally.first));
	json_object_set_new(o, "last", policy_when_json(about->tally.last));
	json_object_set_new(o, "wider", wider);
	if (about->tally.denied_by[0])
		json_object_set_new(o, "before", ui_string(about->tally.denied_by));
	if (about->why_not)
		json_object_set_new(o, "refused", ui_string(about->why_not));
	return o;
}

static int tell_json(const struct lesson *l)
{
	const struct ward_learned *d = &l->learned;
	json_t *rules = json_array();
	size_t i;

	for (i = 0; i < d->policy.count; i++)
		json_array_append_new(rules, rule_json(l, i));
	return ui_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name", l->conf.name,
				 "records", (json_int_t)d->tally.records, "accesses",
				 (json_int_t)d->tally.accesses, "limited", (json_int_t)d->limited,
				 "unclear", (json_int_t)d->unclear, "left_out",
				 (json_int_t)d->left_out, "lost", (json_int_t)l->lost, "rules",
				 rules));
}

/**
 * policy_learn - the verb "policy learn"
 * @name: of the vault
 * @what: which records
 *
 * Return: the exit status.
 */
int policy_learn(const char *name, const struct looking *what)
{
	struct lesson l = { .what = what };
	struct ward_err err;
	int ret;

	ward_err_clear(&err);
	if (ward_conf_find(name, &l.conf, &err))
		return ui_fail(&err);
	l.learner = ward_learner_new(l.conf.directory);
	ret = l.learner ? policy_look(&l.conf, what, take, &l, &l.bad, &err) :
			  ward_fail(&err, ENOMEM, WARD_FAILED, "not enough memory");
	if (!ret && ward_learner_end(l.learner, what->paths ? what->paths : WARD_LEARN_PATHS,
				     nameable, NULL, &l.learned))
		ret = ward_fail(&err, ENOMEM, WARD_FAILED, "not enough memory");
	ward_learner_free(l.learner);
	if (ret)
		return ui_fail(&err);
	name_rules(&l);
	ret = verb_globals.json ? tell_json(&l) : tell(&l);
	ward_learned_free(&l.learned);
	return ret ? ret : l.bad ? WARD_INTEGRITY : WARD_DONE;
}
