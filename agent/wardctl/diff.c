// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl policy diff: what would change if rules were loaded. */
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "verb.h"

/* A rule as text, for free(). Programs count by their paths, as in the text. */
static char *text_of(const struct ward_policy_rule *rule)
{
	struct ward_policy one = { .rules = (struct ward_policy_rule *)rule, .count = 1 };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	if (ward_policy_print(&one, f) | fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static size_t find(const struct ward_policy *policy, const char *name)
{
	size_t i;

	for (i = 0; i < policy->count; i++)
		if (!strcmp(policy->rules[i].name, name))
			return i;
	return SIZE_MAX;
}

static void put(char sign, const char *text)
{
	char line[4200];

	while (text && *text) {
		size_t n = strcspn(text, "\n");

		if (n)
			snprintf(line, sizeof(line), "%c %.*s", sign, (int)(n < 4096 ? n : 4096),
				 text);
		else
			line[0] = '\0';
		if (n)
			ui_say("%s", line);
		text += n + !!text[n];
	}
}

/**
 * struct changes - what differs
 * @added: names
 * @removed: names
 * @changed: names
 * @moved: names of rules that another one now comes before, which came after them
 */
struct changes {
	json_t *added;
	json_t *removed;
	json_t *changed;
	json_t *moved;
};

static void compare_rule(struct changes *c, const struct ward_policy *old,
			 const struct ward_policy *new, size_t i, size_t *last)
{
	const struct ward_policy_rule *rule = &new->rules[i];
	size_t k = find(old, rule->name);
	char *is = text_of(rule), *was;

	if (k == SIZE_MAX) {
		json_array_append_new(c->added, ui_string(rule->name));
		put('+', is);
		free(is);
		return;
	}
	was = text_of(&old->rules[k]);
	if (!is || !was || strcmp(is, was)) {
		json_array_append_new(c->changed, ui_string(rule->name));
		put('-', was);
		put('+', is);
	}
	if (*last != SIZE_MAX && k < *last) {
		json_array_append_new(c->moved, ui_string(rule->name));
		ui_say("! [rule %s] is asked later than before: behind [rule %s]", rule->name,
		       old->rules[*last].name);
	} else {
		*last = k;
	}
	free(is);
	free(was);
}

static int tell(const struct ward_conf *conf, const struct ward_policy *old,
		const struct ward_policy *new)
{
	struct changes c = { json_array(), json_array(), json_array(), json_array() };
	bool mode = (old->flags ^ new->flags) & WARD_POLICY_PERMISSIVE;
	bool renew = (old->flags ^ new->flags) & WARD_POLICY_FIXED, same;
	size_t i, last = SIZE_MAX;

	if (mode)
		ui_say("%s", new->flags & WARD_POLICY_PERMISSIVE ? "+ permissive = yes" :
		       "- permissive = yes");
	if (renew)
		ui_say("%s", new->flags & WARD_POLICY_FIXED ? "+ renew = no" : "- renew = no");
	for (i = 0; i < old->count; i++) {
		char *was;

		if (find(new, old->rules[i].name) != SIZE_MAX)
			continue;
		json_array_append_new(c.removed, ui_string(old->rules[i].name));
		was = text_of(&old->rules[i]);
		put('-', was);
		free(was);
	}
	for (i = 0; i < new->count; i++)
		compare_rule(&c, old, new, i, &last);
	same = !mode && !renew && !json_array_size(c.added) && !json_array_size(c.removed) &&
	       !json_array_size(c.changed) && !json_array_size(c.moved);
	if (same)
		ui_say("%s: the rules are those that were loaded last", conf->name);
	if (verb_globals.json)
		return ui_json(json_pack("{s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "name", conf->name,
					 "same", same, "permissive_changes", mode,
					 "renew_changes", renew, "added", c.added,
					 "removed", c.removed, "changed", c.changed, "moved",
					 c.moved));
	json_decref(c.added);
	json_decref(c.removed);
	json_decref(c.changed);
	json_decref(c.moved);
	return WARD_DONE;
}

/**
 * policy_diff - the verb "policy diff"
 * @name: of the vault
 * @file: rules to compare with those that were loaded last; NULL: those of its configuration
 *
 * Return: the exit status.
 */
int policy_diff(const char *name, const char *file)
{
	struct ward_policy old = { 0 }, new = { 0 };
	struct ward_conf conf;
	struct ward_err err;
	void *blob = NULL;
	char path[128];
	size_t len;
	int ret;

	ward_err_clear(&err);
	if (ward_conf_find(name, &conf, &err))
		return ui_fail(&err);
	snprintf(path, sizeof(path), "%s/%.64s.conf", WARD_CONF_DIR, conf.name);
	ret = policy_read_stored(&conf, &blob, &len, &old, &err);
	if (!ret)
		ret = policy_read_file(file ? file : path, &new, &err);
	ret = ret ? ui_fail(&err) : tell(&conf, &old, &new);
	ward_policy_free(&old);
	ward_policy_free(&new);
	free(blob);
	return ret;
}
