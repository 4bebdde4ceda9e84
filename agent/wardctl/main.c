// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl: the table of verbs, and the command line. See wardctl(8). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verb.h"

/* In the order in which they are helpful to read. */
static const struct verb * const verbs[] = {
	&verb_create,
	&verb_unlock,
	&verb_lock,
	&verb_mount,
	&verb_umount,
	&verb_status,
	&verb_key,
	&verb_policy,
	&verb_log,
	&verb_check,
	&verb_doctor,
};

#define VERBS	(sizeof(verbs) / sizeof(*verbs))

struct verb_globals verb_globals;
const struct verb *verb_current;

enum { OPT_JSON = 1, OPT_QUIET, OPT_NO_COLOR, OPT_YES, OPT_HELP, OPT_VERSION };

static const struct option global_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "no-color", no_argument, NULL, OPT_NO_COLOR },
	{ "yes", no_argument, NULL, OPT_YES },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
};

#define GLOBALS	(sizeof(global_options) / sizeof(*global_options))
#define OWN_MAX	24	/* options that a verb may have */

static const char global_help[] =
	"Global options:\n"
	"  --json        machine-readable output\n"
	"  --quiet       say only what was asked for, and what is wrong\n"
	"  --no-color    no colours (neither when NO_COLOR is set)\n"
	"  --yes         answer yes to every question\n"
	"  --help, --version\n";

/* @args of a verb, which may have several lines */
static void print_args(const struct verb *verb, const char *indent)
{
	const char *p = verb->args;

	printf("%swardctl %s ", indent, verb->name);
	for (; *p; p++) {
		putchar(*p);
		if (*p == '\n')
			printf("%s%*s", indent, (int)strlen(verb->name) + 9, "");
	}
	putchar('\n');
}

static void help(void)
{
	size_t i;

	printf("Usage: wardctl [OPTION]... VERB [ARGUMENT]...\n\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-8s %s\n", verbs[i]->name, verbs[i]->what);
	printf("\n%s\nwardctl VERB --help tells more of a verb, wardctl(8) more of all.\n"
	       "Exit status: 0 done; 1 failed; 2 wrong usage; 3 no such vault; 4 wrong\n"
	       "passphrase or key; 5 not permitted; 6 locked; 7 integrity errors found;\n"
	       "8 the kernel module is missing or too old.\n", global_help);
}

static void help_verb(const struct verb *verb)
{
	printf("Usage:\n");
	print_args(verb, "  ");
	printf("\n%c%s.\n", verb->what[0] & ~0x20, verb->what + 1);
	if (verb->help)
		printf("\n%s", verb->help);
	printf("\n%s", global_help);
}

/* Output that cannot be written is a failure of what was to write it. */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "wardctl: cannot write to standard output\n");
		return status ? status : WARD_FAILED;
	}
	return status;
}

/* Complains of the option that getopt_long() just stumbled over: @why is what it returned. */
static void bad_option(int argc, char **argv, int why)
{
	const char *typed = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	int i;

	/* It may stand behind the bad one. */
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			verb_globals.json = true;
	if (why == ':')
		verb_usage("the option %s needs an argument", typed);
	else if (optopt > OPT_VERSION && optopt < VERB_OPTION)
		verb_usage("there is no option -%c", optopt);
	else if (optopt)
		verb_usage("the option %s takes no argument", typed);
	else
		verb_usage("there is no option %s, or it could be several", typed);
}

/**
 * verb_getopt - the next option of a verb
 * @argc: as handed to the verb
 * @argv: likewise
 * @own: its own options, ended by zeros; values from VERB_OPTION on; may be NULL
 *
 * Global options are handled in here; --help and --version end the program.
 *
 * Return: the value of an option of its own, with optarg set; VERB_DONE when
 * there is none left; VERB_BAD after complaining of one.
 */
int verb_getopt(int argc, char **argv, const struct option *own)
{
	struct option all[GLOBALS + OWN_MAX + 1] = { 0 };
	size_t n = 0;
	int c;

	memcpy(all, global_options, sizeof(global_options));
	for (; own && own[n].name && n < OWN_MAX; n++)
		all[GLOBALS + n] = own[n];
	opterr = 0;	/* complaints are made here, so that they can be JSON */
	for (;;) {
		/* "+" for wardctl itself: what follows the verb is the verb's. */
		c = getopt_long(argc, argv, verb_current ? ":" : "+:", all, NULL);
		switch (c) {
		case -1:
			return VERB_DONE;
		case OPT_JSON:
			verb_globals.json = true;
			break;
		case OPT_QUIET:
			verb_globals.quiet = true;
			break;
		case OPT_NO_COLOR:
			verb_globals.color = false;
			break;
		case OPT_YES:
			verb_globals.yes = true;
			break;
		case OPT_HELP:
			if (verb_current)
				help_verb(verb_current);
			else
				help();
			exit(finish(WARD_DONE));
		case OPT_VERSION:
			puts("wardctl " WARD_VERSION);
			exit(finish(WARD_DONE));
		case ':':
		case '?':
			bad_option(argc, argv, c);
			return VERB_BAD;
		default:
			return c;
		}
	}
}

/**
 * verb_usage - complain of wrong usage
 * @fmt: what is wrong; no newline
 *
 * Return: WARD_USAGE, for the verb to return.
 */
int verb_usage(const char *fmt, ...)
{
	struct ward_err err;
	va_list args;

	ward_err_clear(&err);
	err.cause = WARD_USAGE;
	va_start(args, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, args);
	va_end(args);
	ui_fail(&err);
	fprintf(stderr, "Try 'wardctl%s%s --help'.\n", verb_current ? " " : "",
		verb_current ? verb_current->name : "");
	return WARD_USAGE;
}

/**
 * verb_args - are there as many arguments as the verb takes
 * @argc: as handed to the verb; all options were read
 * @least: how many it needs
 * @most: how many it takes
 *
 * Return: 0, or WARD_USAGE after complaining.
 */
int verb_args(int argc, int least, int most)
{
	int count = argc - optind;
	char args[256], *p;

	/* Its lines, as one. */
	snprintf(args, sizeof(args), "%s", verb_current->args);
	for (p = args; (p = strchr(p, '\n'));)
		*p = ' ';
	if (count < least)
		return verb_usage("an argument is missing: wardctl %s %s", verb_current->name, args);
	if (count > most)
		return verb_usage("too many arguments: wardctl %s %s", verb_current->name, args);
	return 0;
}

int main(int argc, char **argv)
{
	size_t i;

	umask(077);
	ward_secret_harden();
	verb_globals.color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
	if (verb_getopt(argc, argv, NULL) != VERB_DONE)
		return WARD_USAGE;
	if (optind == argc) {
		verb_usage("say what to do");
		return WARD_USAGE;
	}
	for (i = 0; i < VERBS; i++)
		if (!strcmp(argv[optind], verbs[i]->name))
			break;
	if (i == VERBS)
		return verb_usage("there is no verb \"%s\"", argv[optind]);
	verb_current = verbs[i];
	argc -= optind;
	argv += optind;
	optind = 0;	/* GNU: begin anew */
	return finish(verb_current->run(argc, argv));
}
