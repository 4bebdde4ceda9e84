// SPDX-License-Identifier: GPL-2.0-or-later
/* A policy back to INI text, as policyini.c reads it. */
#include <errno.h>
#include <stdio.h>

#include "policyfile.h"

static const char * const operations[] = {
	"read", "write", "create", "delete", "rename", "link", "list", "execute", "setattr",
	"setxattr",
};

/**
 * ward_operation_name - the word for an operation
 * @bit: number of its bit in WARD_OP_*
 *
 * Return: a constant string, NULL past the last operation.
 */
const char *ward_operation_name(unsigned int bit)
{
	return bit < sizeof(operations) / sizeof(*operations) ? operations[bit] : NULL;
}

/* @first: that of a list */
static const char *indent(bool first)
{
	return first ? "" : "             ";
}

static void print_who(const struct ward_policy_cond *cond, const char *key, FILE *f)
{
	char name[256];
	size_t i;

	fprintf(f, "%-10s = ", key);
	for (i = 0; i < cond->who.count; i++) {
		ward_who_name(&cond->who.who[i], name, sizeof(name));
		/* One to a line: however many there are, no line is too long. */
		fprintf(f, "%s%s%s", indent(!i), name,
			i + 1 < cond->who.count ? ",\n" : "\n");
	}
}

static bool about_programs(const struct ward_policy_cond *cond)
{
	return cond->type == WARD_COND_PROGRAM || cond->type == WARD_COND_KTHREAD;
}

/* Programs and threads of the kernel are one entry, and two conditions. */
static void print_programs(const struct ward_policy_rule *rule, FILE *f)
{
	bool first = true;
	size_t i, k;

	fprintf(f, "%-10s = ", "programs");
	for (i = 0; i < rule->count; i++) {
		const struct ward_policy_cond *cond = &rule->conds[i];

		if (!about_programs(cond))
			continue;
		for (k = 0; k < cond->thread_count; k++, first = false) {
			fprintf(f, "%s%skernel:", first ? "" : ",\n", indent(first));
			/* Learned, it may be one that no rule can name, and whatever a log says it is. */
			ward_path_print((const char *)cond->threads[k].name, f);
		}
		for (k = 0; k < cond->program_count; k++, first = false) {
			fprintf(f, "%s%s", first ? "" : ",\n", indent(first));
			ward_path_print(cond->programs[k].path, f);
		}
	}
	fputc('\n', f);
}

static void print_paths(const struct ward_policy_cond *cond, FILE *f)
{
	size_t i;

	fprintf(f, "%-10s = ", "paths");
	for (i = 0; i < cond->path_count; i++) {
		fputs(indent(!i), f);
		ward_path_print(cond->paths[i], f);
		fputs(i + 1 < cond->path_count ? ",\n" : "\n", f);
	}
}

static void print_cond(const struct ward_policy_cond *cond, FILE *f)
{
	switch (cond->type) {
	case WARD_COND_PATH:
		print_paths(cond, f);
		break;
	case WARD_COND_HOURS:
		fprintf(f, "%-10s = ", "hours");
		ward_hours_print(cond, ",\n             ", f);
		fprintf(f, "\n%-10s = %s\n", "timezone", cond->zone);
		break;
	case WARD_COND_BURST:
		fprintf(f, "%-10s = ", "burst");
		ward_burst_print(cond, f);
		fputc('\n', f);
		break;
	default:
		print_who(cond, cond->type == WARD_COND_LOGIN ? "logins" :
			  cond->groups ? "groups" : "users", f);
	}
}

static void print_rule(const struct ward_policy_rule *rule, FILE *f)
{
	unsigned int programs = 0, bit;
	const char *sep = "";
	size_t i;

	fprintf(f, "\n[rule %s]\n", rule->name);
	for (i = 0; i < rule->count; i++) {
		if (!about_programs(&rule->conds[i]))
			print_cond(&rule->conds[i], f);
		else if (!programs++)
			print_programs(rule, f);
	}
	fprintf(f, "operations = ");
	if (rule->operations == WARD_OP_ALL) {
		fprintf(f, "all");
	} else {
		for (bit = 0; ward_operation_name(bit); bit++)
			if (rule->operations & 1U << bit) {
				fprintf(f, "%s%s", sep, ward_operation_name(bit));
				sep = ", ";
			}
	}
	fprintf(f, "\neffect     = %s%s%s\n", rule->flags & WARD_RULE_ALLOW ? "allow" : "deny",
		rule->flags & WARD_RULE_RECORD ? ", record" : "",
		rule->flags & WARD_RULE_SILENT ? ", silent" : "");
}

/**
 * ward_policy_print - write a policy's rules in the INI form
 * @policy: the policy
 * @f: where to
 *
 * Return: 0, or -EIO when writing failed.
 */
int ward_policy_print(const struct ward_policy *policy, FILE *f)
{
	size_t i;

	for (i = 0; i < policy->count; i++)
		print_rule(&policy->rules[i], f);
	return ferror(f) ? -EIO : 0;
}
