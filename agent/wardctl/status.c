// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl status: the vaults of this machine, and how they are. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libsmartcols.h>

#include "../lib/durable.h"
#include "../lib/mnt.h"
#include "../lib/settings.h"
#include "../lib/text.h"
#include "verb.h"

#define HOURS_WARN	(60L * 86400)	/* seconds before their end */
#define METHODS_MAX	160
#define PROBLEMS_MAX	8
#define DAEMON_MAX	(1 << 20)	/* bytes of what wardd says */

/**
 * struct state - what is known of a vault
 * @conf: its configuration
 * @word: "unmounted", "creating", "locked", "unlocked" or "degraded"
 * @mounted: the kernel knows it; @in_kernel is valid
 * @in_kernel: what the kernel says
 * @methods: kinds of keys, with commas
 * @suite: of new files; 0 when not known
 * @recorded: records of it in the log while the module was loaded; -1 when not known
 * @folded: events that others of them stand for
 * @lost: events of it that are in no record; -1 when not known
 * @problems: what is wrong with it
 * @problem_count: how many
 */
struct state {
	const struct ward_conf *conf;
	const char *word;
	bool mounted;
	struct ward_mounted in_kernel;
	char methods[METHODS_MAX];
	uint16_t suite;
	int64_t recorded;
	int64_t folded;
	int64_t lost;
	char problems[PROBLEMS_MAX][256];
	size_t problem_count;
};

__attribute__((format(printf, 2, 3)))
static void problem(struct state *s, const char *fmt, ...)
{
	va_list args;

	if (s->problem_count == PROBLEMS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(s->problems[s->problem_count++], sizeof(s->problems[0]), fmt, args);
	va_end(args);
}

static void add_method(struct state *s, const char *name)
{
	size_t len = strlen(s->methods);

	if (!strstr(s->methods, name))
		snprintf(s->methods + len, sizeof(s->methods) - len, "%s%s", len ? "," : "", name);
}

static void look_at_vault_file(struct state *s, int ward)
{
	const struct ward_vault_slot *slot;
	struct ward_vaults vaults = { 0 };
	const struct ward_vault *v;
	struct ward_err err;

	ward_err_clear(&err);
	if (ward_vaultfile_load(ward, &vaults, &err)) {
		problem(s, "%.250s", err.text);
		goto free;
	}
	v = ward_vaultfile_best(&vaults);
	s->suite = le16toh(ward_vault_header(v)->suite);
	for (slot = ward_vault_next_slot(v, NULL); slot; slot = ward_vault_next_slot(v, slot))
		add_method(s, ward_slot_type_name(le16toh(slot->type)));
	if (memcmp(ward_vault_header(v)->vault, s->conf->uuid, WARD_UUID_SIZE))
		problem(s, "another vault lies in %.150s", s->conf->directory);
	if (ward_vaultfile_differ(&vaults))
		problem(s, "one of the two copies of the vault file is damaged, missing or out of date: wardctl check --repair %s",
			s->conf->name);
free:
	ward_vaults_free(&vaults);
}

static void look_below(struct state *s)
{
	struct ward_err err;
	int ward;

	ward_err_clear(&err);
	ward = ward_mnt_ward_dir(s->conf, false, &err);
	if (ward < 0) {
		problem(s, "%.250s", err.text);
		return;
	}
	look_at_vault_file(s, ward);
	if (!faccessat(ward, WARD_CREATING_NAME, F_OK, AT_SYMLINK_NOFOLLOW)) {
		s->word = "creating";
		problem(s, "its making is not finished: wardctl create %.180s", s->conf->directory);
	}
	close(ward);
}

/* Hours know their time for two years after they were loaded. */
static void look_at_hours(struct state *s)
{
	time_t end = s->in_kernel.hours_end, now = time(NULL);

	if (!end || end - now > HOURS_WARN)
		return;
	problem(s, end > now ?
		"the hours of its rules are known for %ld more days: wardctl policy renew %s (is wardd running?)" :
		"the hours of its rules are not known since %ld days, so they let nobody in: wardctl policy renew %s (is wardd running?)",
		labs((long)(end - now)) / 86400, s->conf->name);
}

static void look_into_kernel(struct state *s, struct ward_nl *nl)
{
	const struct ward_mounted *k = &s->in_kernel;

	s->word = "unmounted";
	if (!nl || ward_nl_vault_get(nl, s->conf->uuid, &s->in_kernel))
		return;
	s->mounted = true;
	s->word = k->state == WARD_STATE_UNLOCKED ? "unlocked" : "locked";
	if (k->tampers)
		problem(s, "%" PRIu64 " tamper events since it was mounted: wardctl log --vault %s --kind tamper",
			k->tampers, s->conf->name);
	if (k->state != WARD_STATE_UNLOCKED)
		return;
	if (k->flags & WARD_VAULT_F_UNCHECKED)
		problem(s, "not yet checked after an unclean end: wardctl check %s", s->conf->name);
	if (!k->rules)
		problem(s, "no policy is in force, so nobody has access");
	look_at_hours(s);
}

/* ---- what wardd says ------------------------------------------------------------ */

/* A new reference; NULL when it does not run. */
static json_t *ask_daemon(void)
{
	pid_t pid = ward_daemon_pid();
	json_t *o;
	void *text;
	size_t len;

	if (!pid || ward_durable_read(AT_FDCWD, WARD_DAEMON_STATUS, DAEMON_MAX, &text, &len))
		return NULL;
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	/* One that was killed leaves it behind. */
	if (json_integer_value(json_object_get(o, "pid")) == pid)
		return o;
	json_decref(o);
	return NULL;
}

static void look_at_counts(struct state *s, json_t *daemon)
{
	char uuid[WARD_UUID_TEXT];
	json_t *counts, *total;

	s->recorded = -1;
	s->lost = -1;
	if (!daemon)
		return;
	ward_text_uuid(s->conf->uuid, uuid);
	counts = json_object_get(json_object_get(daemon, "vaults"), uuid);
	s->recorded = json_integer_value(json_object_get(counts, "recorded"));
	s->folded = json_integer_value(json_object_get(counts, "folded"));
	total = json_object_get(counts, "total");
	if (!total && !json_is_true(json_object_get(daemon, "whole")))
		return;
	s->lost = json_integer_value(json_object_get(counts, "lost"));
	/* What the ring has no more and wardd has not had, nobody will have. */
	if (s->mounted && s->in_kernel.events_gone > (uint64_t)json_integer_value(total))
		s->lost += s->in_kernel.events_gone - json_integer_value(total);
}

static void look(struct state *s, const struct ward_conf *conf, struct ward_nl *nl, json_t *daemon)
{
	memset(s, 0, sizeof(*s));
	s->conf = conf;
	look_into_kernel(s, nl);
	look_at_counts(s, daemon);
	look_below(s);
	if (s->problem_count && s->mounted && strcmp(s->word, "creating"))
		s->word = "degraded";
}

/* ---- for machines ------------------------------------------------------------ */

static json_t *words_json(const char *words)
{
	json_t *array = json_array();
	char copy[METHODS_MAX], *next = copy, *word;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&next, ",")))
		if (*word)
			json_array_append_new(array, json_string(word));
	return array;
}

static json_t *state_json(const struct state *s)
{
	const struct ward_mounted *k = &s->in_kernel;
	json_t *problems = json_array(), *object, *more;
	char uuid[WARD_UUID_TEXT];
	size_t i;

	for (i = 0; i < s->problem_count; i++)
		json_array_append_new(problems, ui_string(s->problems[i]));
	ward_text_uuid(s->conf->uuid, uuid);
	object = json_pack("{s:s, s:s, s:o, s:s, s:b, s:b, s:s, s:o, s:o}", "name", s->conf->name,
			   "uuid", uuid, "directory", ui_string(s->conf->directory),
			   "state", s->word, "mounted", s->mounted,
			   "locked", !s->mounted || k->state != WARD_STATE_UNLOCKED,
			   "suite", s->suite ? ward_suite_name(s->suite) : "unknown",
			   "methods", words_json(s->methods), "problems", problems);
	if (object && s->recorded >= 0)
		json_object_update_new(object,
				       json_pack("{s:I, s:I}", "recorded",
						 (json_int_t)s->recorded, "folded",
						 (json_int_t)s->folded));
	if (object && s->lost >= 0)
		json_object_set_new(object, "lost", json_integer(s->lost));
	if (!object || !s->mounted)
		return object;
	more = json_pack("{s:b, s:b, s:b, s:I, s:I, s:I, s:I}",
			 "read_only", !!(k->flags & WARD_VAULT_F_RDONLY),
			 "unchecked", !!(k->flags & WARD_VAULT_F_UNCHECKED),
			 "permissive", !!(k->flags & WARD_VAULT_F_PERMISSIVE),
			 "violations", (json_int_t)k->violations,
			 "tampers", (json_int_t)k->tampers, "settled", (json_int_t)k->settled,
			 "events", (json_int_t)k->events);
	json_object_update_new(object, more);
	if (k->state != WARD_STATE_UNLOCKED)
		return object;
	more = json_pack("{s:I, s:s, s:I, s:I}", "epoch", (json_int_t)k->epoch,
			 "driver", k->driver, "policy_serial", (json_int_t)k->policy_serial,
			 "rules", (json_int_t)k->rules);
	json_object_update_new(object, more);
	if (k->hours_end)
		json_object_set_new(object, "hours_known_until", json_integer(k->hours_end));
	return object;
}

static json_t *module_json(const struct ward_module *m)
{
	if (!m)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "version", m->version,
			 "format", (json_int_t)m->format, "events", (json_int_t)(m->next - 1),
			 "events_in_ring", (json_int_t)(m->next - m->oldest),
			 "events_overwritten", (json_int_t)(m->oldest ? m->oldest - 1 : 0),
			 "events_lost", (json_int_t)m->dropped);
}

/* ---- for people ---------------------------------------------------------------- */

static int print_table(const struct state *states, size_t count)
{
	static const char * const columns[] = {
		"NAME", "STATE", "KEYS", "RULES", "REFUSED", "TAMPERED", "RECORDED", "FOLDED",
		"LOST", "DIRECTORY",
	};
	struct libscols_table *table = scols_new_table();
	int ret = table ? 0 : -ENOMEM;
	size_t i, n;

	for (i = 0; !ret && i < sizeof(columns) / sizeof(*columns); i++)
		ret = scols_table_new_column(table, columns[i], 0, i >= 3 && i <= 8 ?
					     SCOLS_FL_RIGHT : 0) ? 0 : -ENOMEM;
	for (i = 0; !ret && i < count; i++) {
		const struct state *s = &states[i];
		const struct ward_mounted *k = &s->in_kernel;
		struct libscols_line *line = scols_table_new_line(table, NULL);
		bool open = s->mounted && k->state == WARD_STATE_UNLOCKED;
		char numbers[6][24] = { "-", "-", "-", "-", "-", "-" };

		if (open)
			snprintf(numbers[0], sizeof(numbers[0]), "%u", k->rules);
		if (s->mounted) {
			snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, k->violations);
			snprintf(numbers[2], sizeof(numbers[2]), "%" PRIu64, k->tampers);
		}
		if (s->recorded >= 0) {
			snprintf(numbers[3], sizeof(numbers[3]), "%" PRId64, s->recorded);
			snprintf(numbers[4], sizeof(numbers[4]), "%" PRId64, s->folded);
		}
		if (s->lost >= 0)
			snprintf(numbers[5], sizeof(numbers[5]), "%" PRId64, s->lost);
		ret = !line || scols_line_set_data(line, 0, s->conf->name) ||
		      scols_line_set_data(line, 1, s->word) ||
		      scols_line_set_data(line, 2, *s->methods ? s->methods : "?") ||
		      scols_line_set_data(line, 9, s->conf->directory) ? -ENOMEM : 0;
		for (n = 0; !ret && n < 6; n++)
			ret = scols_line_set_data(line, 3 + n, numbers[n]) ? -ENOMEM : 0;
	}
	if (!ret)
		ret = scols_print_table(table);
	scols_unref_table(table);
	return ret;
}

static void print_log(json_t *daemon, const struct ward_module *m)
{
	const char *log = json_string_value(json_object_get(daemon, "log"));
	json_int_t lost = json_integer_value(json_object_get(daemon, "lost"));

	if (!daemon) {
		ui_warn("wardd does not run: nothing is recorded%s",
			m ? ", events wait in the kernel" : "");
		return;
	}
	if (log && strcmp(log, "recording"))
		ui_warn("the log: %s; events wait in the kernel", log);
	if (lost)
		ui_warn("%" JSON_INTEGER_FORMAT " events are in no record: wardctl log --kind lost",
			lost);
}

static int print_all(const struct state *states, size_t count, const struct ward_module *m,
		     json_t *daemon)
{
	size_t i, k;

	if (!count) {
		ui_say("there are no vaults on this machine: wardctl create DIR makes one");
	} else if (print_table(states, count)) {
		struct ward_err err;

		ward_err_clear(&err);
		ward_fail_errno(&err, ENOMEM, "cannot show the vaults");
		return ui_fail(&err);
	}
	for (i = 0; i < count; i++)
		for (k = 0; k < states[i].problem_count; k++)
			ui_warn("%s: %s", states[i].conf->name, states[i].problems[k]);
	if (!m)
		ui_warn("the kernel module wardfs is not loaded");
	else if (m->dropped)
		ui_warn("%" PRIu64 " events were lost for want of memory since the module was loaded",
			m->dropped);
	print_log(daemon, m);
	return WARD_DONE;
}

static int show(const struct ward_conf_list *list, const struct ward_err *remarks)
{
	struct state *states = calloc(list->count + 1, sizeof(*states));
	struct ward_module module, *m = NULL;
	struct ward_nl *nl = NULL;
	json_t *vaults, *daemon = ask_daemon();
	size_t i;
	int ret;

	if (!states) {
		json_decref(daemon);
		ui_warn("not enough memory");
		return WARD_FAILED;
	}
	/* Nothing is loaded in order to be looked at. */
	if (!ward_nl_open(&nl) && !ward_nl_module_get(nl, &module))
		m = &module;
	for (i = 0; i < list->count; i++)
		look(&states[i], &list->conf[i], nl, daemon);
	ward_nl_close(nl);
	ui_notes(remarks);
	if (verb_globals.json) {
		vaults = json_array();
		for (i = 0; i < list->count; i++)
			json_array_append_new(vaults, state_json(&states[i]));
		ret = ui_json(json_pack("{s:o, s:o, s:o}", "module", module_json(m), "vaults",
					vaults, "wardd",
					daemon ? json_incref(daemon) : json_null()));
	} else {
		ret = print_all(states, list->count, m, daemon);
	}
	json_decref(daemon);
	free(states);
	return ret ? ret : remarks->count ? WARD_FAILED : WARD_DONE;
}

static int run(int argc, char **argv)
{
	struct ward_conf_list list = { 0 };
	struct ward_conf one;
	struct ward_err err;
	int ret;

	if (verb_getopt(argc, argv, NULL) != VERB_DONE)
		return WARD_USAGE;
	ret = verb_args(argc, 0, 1);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	if (argc > optind) {
		const struct ward_conf_list single = { &one, 1 };

		return ward_conf_find(argv[optind], &one, &err) ? ui_fail(&err) :
		       show(&single, &err);
	}
	if (ward_conf_list(&list, &err))
		return ui_fail(&err);
	ret = show(&list, &err);
	ward_conf_list_free(&list);
	return ret;
}

const struct verb verb_status = {
	.name = "status",
	.args = "[NAME|DIR]",
	.what = "shows vaults, their state, keys, rules and counters",
	.help =
	"States: unmounted; locked; unlocked; degraded: mounted, and something is wrong that\n"
	"is told below the table; creating: wardctl create was stopped and can go on.\n"
	"REFUSED and TAMPERED count since the mount, in the kernel; RECORDED, FOLDED (events\n"
	"that another record stands for) and LOST (in no record) since the module was loaded,\n"
	"or wardd was first started.\n",
	.run = run,
};
