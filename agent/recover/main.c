// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ward-recover: reads a vault without the kernel module and writes plain files.
 * See docs/recovery.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/secret.h"
#include "../lib/text.h"
#include "out.h"
#include "walk.h"

/* What the command line says. */
struct options {
	const char *lower;
	const char *out;
	const char *secret_file;
	uint16_t secret_type;
	bool unchecked;
	bool verify_only;
	bool json;
	bool quiet;
};

static const char usage[] =
	"Usage: ward-recover [OPTION]... LOWERDIR OUTDIR\n"
	"       ward-recover --verify-only [OPTION]... LOWERDIR\n"
	"Read a vault, or a backup of one, without the kernel module, and write its files\n"
	"as plain files to OUTDIR, which must be new or empty. LOWERDIR is the directory\n"
	"that has .ward in it. What does not authenticate is left out and reported.\n"
	"\n"
	"  --passphrase-file FILE    passphrase from FILE (- for standard input)\n"
	"  --recovery-key-file FILE  recovery key from FILE (- for standard input)\n"
	"  --key-file FILE           FILE is the key\n"
	"  --unchecked               read as after a crash, whatever the vault says\n"
	"  --verify-only             authenticate everything, write nothing\n"
	"  --json                    one JSON document on standard output\n"
	"  --quiet                   tell only what is wrong\n"
	"  --help, --version\n"
	"\n"
	"Without one of the first three, the passphrase is asked for on the terminal.\n"
	"Exit status: 0 done; 1 failed; 2 wrong usage; 3 no vault there; 4 wrong\n"
	"passphrase or key; 7 integrity errors found.\n";

enum {
	OPT_PASSPHRASE = 256, OPT_RECOVERY, OPT_KEYFILE, OPT_UNCHECKED, OPT_VERIFY, OPT_JSON,
	OPT_QUIET, OPT_HELP, OPT_VERSION,
};

static const struct option long_options[] = {
	{ "passphrase-file", required_argument, NULL, OPT_PASSPHRASE },
	{ "recovery-key-file", required_argument, NULL, OPT_RECOVERY },
	{ "key-file", required_argument, NULL, OPT_KEYFILE },
	{ "unchecked", no_argument, NULL, OPT_UNCHECKED },
	{ "verify-only", no_argument, NULL, OPT_VERIFY },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "no-color", no_argument, NULL, 0 },	/* there is none; as for wardctl */
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int bad_usage(const char *what)
{
	fprintf(stderr, "ward-recover: %s\nTry 'ward-recover --help'.\n", what);
	return WARD_USAGE;
}

static int set_secret(struct options *o, uint16_t type, const char *file)
{
	if (o->secret_file)
		return bad_usage("give one passphrase, recovery key or key file, not more");
	o->secret_file = file;
	o->secret_type = type;
	return 0;
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c, ret = 0;

	while (!ret && (c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		switch (c) {
		case 0:
			break;
		case OPT_PASSPHRASE:
			ret = set_secret(o, WARD_SLOT_PASSPHRASE, optarg);
			break;
		case OPT_RECOVERY:
			ret = set_secret(o, WARD_SLOT_RECOVERY, optarg);
			break;
		case OPT_KEYFILE:
			ret = set_secret(o, WARD_SLOT_KEYFILE, optarg);
			break;
		case OPT_UNCHECKED:
			o->unchecked = true;
			break;
		case OPT_VERIFY:
			o->verify_only = true;
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_QUIET:
			o->quiet = true;
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			return fflush(stdout) ? WARD_FAILED : WARD_DONE;
		case OPT_VERSION:
			puts("ward-recover " WARD_VERSION);
			return fflush(stdout) ? WARD_FAILED : WARD_DONE;
		default:
			fputs("Try 'ward-recover --help'.\n", stderr);
			return WARD_USAGE;
		}
	}
	if (ret)
		return ret;
	if (argc - optind != (o->verify_only ? 1 : 2))
		return bad_usage(o->verify_only ? "--verify-only takes one directory" :
				 "it takes two directories: the vault's, and a new one");
	o->lower = argv[optind];
	if (!o->verify_only)
		o->out = argv[optind + 1];
	return -1;
}

/* Ask on the terminal, without showing what is typed. */
static struct ward_secret *ask_passphrase(struct ward_err *err)
{
	struct ward_secret *secret = NULL;
	struct termios old, silent;
	sigset_t stops, before;
	ssize_t n;
	int tty, ret;

	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0 || tcgetattr(tty, &old)) {
		ward_fail(err, ENOTTY, WARD_USAGE,
			  "there is no terminal to ask for the passphrase on: use --passphrase-file");
		goto close_tty;
	}
	secret = ward_secret_new();
	if (!secret) {
		ward_fail_errno(err, errno, "cannot lock memory for a secret");
		goto close_tty;
	}
	/* Whatever stops this program must not leave a terminal that shows nothing. */
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGQUIT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGHUP);
	sigaddset(&stops, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stops, &before);
	silent = old;
	silent.c_lflag &= ~(ECHO | ISIG);
	tcsetattr(tty, TCSAFLUSH, &silent);
	n = write(tty, "Passphrase: ", 12);
	/* A terminal gives one line at a time. */
	n = n < 0 ? n : read(tty, secret->data, WARD_SECRET_MAX);
	ret = n < 0 ? errno : 0;
	tcsetattr(tty, TCSAFLUSH, &old);
	if (write(tty, "\n", 1) < 0 && !ret)
		ret = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* Ctrl-C is a character while signals are off. */
	if (n > 0 && memchr(secret->data, 3, n)) {
		n = 0;
		ret = EINTR;
	}
	if (n > 0 && secret->data[n - 1] == '\n')
		n--;
	if (n > 0) {
		secret->len = n;
	} else {
		ward_fail(err, ret ? ret : ENODATA, WARD_FAILED, "no passphrase was given");
		ward_secret_free(secret);
		secret = NULL;
	}
close_tty:
	if (tty >= 0)
		close(tty);
	return secret;
}

/* The secret, and what kind it is; a recovery key is read from its text. */
static struct ward_secret *get_secret(const struct options *o, struct ward_factor *factor,
				      struct ward_err *err)
{
	struct ward_secret *secret;
	uint8_t key[WARD_KEY_SIZE];

	factor->type = o->secret_file ? o->secret_type : WARD_SLOT_PASSPHRASE;
	secret = o->secret_file ? ward_secret_read_file(o->secret_file, err) : ask_passphrase(err);
	if (!secret)
		return NULL;
	if (factor->type == WARD_SLOT_RECOVERY) {
		int ret = ward_text_parse_recovery((const char *)secret->data, secret->len, key);

		if (ret) {
			ward_fail(err, -ret, WARD_BAD_KEY, ret == -EBADMSG ?
				  "the recovery key is mistyped: its checksum does not hold" :
				  "this is not a recovery key: it has 14 groups of 4 letters or digits");
			ward_secret_free(secret);
			return NULL;
		}
		memcpy(secret->data, key, sizeof(key));
		secret->len = sizeof(key);
		explicit_bzero(key, sizeof(key));
	}
	factor->data = secret->data;
	factor->length = secret->len;
	return secret;
}

/* What the vault's own files say of their state. */
static void report_vault(struct report *report, const struct ward_tree *tree,
			 const struct ward_err *err)
{
	size_t i;

	for (i = 0; i < err->count; i++)
		report_finding(report, tree->master.other_bad ? SEVERITY_INTEGRITY : SEVERITY_NOTE,
			       ".ward", err->notes[i], NULL);
	if (!faccessat(tree->ward_fd, "creating", F_OK, AT_SYMLINK_NOFOLLOW))
		report_finding(report, SEVERITY_NOTE, ".ward",
			       "the making of this vault was stopped: plain files beside .ward may be all there is; wardctl create goes on",
			       NULL);
	if (!tree->epoch.authentic)
		report_finding(report, SEVERITY_INTEGRITY, ".ward/epoch",
			       "neither epoch record authenticates: read as after a crash", NULL);
	else if (tree->epoch.authentic < 2)
		report_finding(report, SEVERITY_CRASH, ".ward/epoch",
			       "one of the two epoch records does not authenticate", NULL);
}

static int recover(const struct options *o, struct report *report, struct ward_tree *tree,
		   struct ward_err *err)
{
	struct recover rc = { .tree = tree, .report = report, .out = -1 };
	struct ward_factor factor = { 0 };
	struct ward_secret *secret;
	int ret;

	ret = ward_tree_open(o->lower, tree, err);
	if (ret)
		return err->cause;
	secret = get_secret(o, &factor, err);
	if (!secret)
		return err->cause;
	ret = ward_tree_unlock(tree, &factor, err);
	ward_secret_free(secret);
	if (ret)
		return err->cause;
	tree->unchecked |= o->unchecked;
	/* Only now: a wrong passphrase leaves nothing behind. */
	if (o->out && out_begin(o->out, o->lower, &rc.out, err))
		return err->cause;
	report_begin(report, o->lower, tree);
	report_vault(report, tree, err);
	err->cause = WARD_DONE;
	ret = recover_tree(&rc);
	if (ret)
		report_finding(report, SEVERITY_FAILURE, o->out ? o->out : o->lower,
			       "it makes no sense to go on", strerror(-ret));
	/* "Recovered" is what is on the disk. */
	if (rc.out >= 0 && syncfs(rc.out))
		report_finding(report, SEVERITY_FAILURE, o->out,
			       "cannot write everything to the disk", strerror(errno));
	if (rc.out >= 0)
		close(rc.out);
	return report_end(report, o->verify_only, ret);
}

int main(int argc, char **argv)
{
	static struct ward_tree tree;
	static struct ward_err err;
	struct options o = { 0 };
	struct report report = { 0 };
	int status;

	status = parse_options(argc, argv, &o);
	if (status >= 0)
		return status;
	umask(077);
	ward_secret_harden();
	/* Best effort: a small RLIMIT_MEMLOCK is no reason not to recover. */
	mlock(&tree, sizeof(tree));
	report.json = o.json;
	report.quiet = o.quiet;
	report.progress = !o.json && !o.quiet && isatty(STDERR_FILENO);
	status = recover(&o, &report, &tree, &err);
	if (err.cause)
		report_error(&report, &err);
	ward_tree_close(&tree);
	return status;
}
