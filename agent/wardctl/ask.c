// SPDX-License-Identifier: GPL-2.0-or-later
/* Secrets: out of a file, or from a terminal. Never an argument, never the environment. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "../lib/unlock.h"
#include "verb.h"

/**
 * ask_option - take one of ASK_OPTIONS
 * @ask: all zero at first
 * @option: ASK_*
 * @file: its argument
 *
 * Return: 0, or WARD_USAGE after complaining of a second one.
 */
int ask_option(struct ask *ask, int option, const char *file)
{
	if (ask->file)
		return verb_usage("give one passphrase, recovery key or key file, not more");
	ask->file = file;
	ask->type = option == ASK_RECOVERY ? WARD_SLOT_RECOVERY :
		    option == ASK_KEYFILE ? WARD_SLOT_KEYFILE : WARD_SLOT_PASSPHRASE;
	return 0;
}

static int tty_ask(int tty, const char *prompt, struct ward_secret *secret)
{
	struct termios old, silent;
	sigset_t stops, before;
	ssize_t n;
	int ret = 0;

	if (tcgetattr(tty, &old))
		return -errno;
	silent = old;
	silent.c_lflag &= ~ECHO;
	/* Whatever stops this program must not leave a terminal that shows nothing. */
	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGTSTP);
	sigprocmask(SIG_BLOCK, &stops, &before);
	silent.c_lflag &= ~ISIG;
	tcsetattr(tty, TCSAFLUSH, &silent);
	if (write(tty, prompt, strlen(prompt)) < 0 || write(tty, ": ", 2) < 0)
		ret = -errno;
	/* A terminal gives one line at a time. */
	n = ret ? 0 : read(tty, secret->data, WARD_SECRET_MAX);
	if (n < 0)
		ret = -errno;
	tcsetattr(tty, TCSAFLUSH, &old);
	if (write(tty, "\n", 1) < 0 && !ret)
		ret = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (ret)
		return ret;
	if (n > 0 && secret->data[n - 1] == '\n')
		n--;
	/* Ctrl-C is a character while signals are off. */
	if (memchr(secret->data, 3, n))
		return -EINTR;
	if (!n)
		return -ENODATA;
	secret->len = n;
	return 0;
}

static struct ward_secret *ask_terminal(const char *prompt, const char *option,
					struct ward_err *err)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct ward_secret *secret = NULL;
	int ret;

	if (tty < 0) {
		ward_fail(err, ENOTTY, WARD_USAGE,
			  "there is no terminal to ask for the secret on: use %s FILE", option);
		return NULL;
	}
	secret = ward_secret_new();
	if (!secret) {
		ward_fail_errno(err, errno, "cannot lock memory for a secret");
		goto close_tty;
	}
	ui_progress_end();
	ret = tty_ask(tty, prompt, secret);
	if (!ret)
		goto close_tty;
	ward_secret_free(secret);
	secret = NULL;
	if (ret == -EINTR)
		ward_fail(err, EINTR, WARD_FAILED, "stopped");
	else if (ret == -ENODATA)
		ward_fail(err, ENODATA, WARD_BAD_KEY, "nothing was typed");
	else
		ward_fail_errno(err, ret, "cannot ask for the secret on the terminal");
close_tty:
	close(tty);
	return secret;
}

/**
 * ask_secret - get the secret that opens a vault
 * @ask: where it comes from; type 0 is a passphrase
 * @prompt: what a person is asked for, when it is a terminal
 * @factor: filled: what the secret claims to be; lives as long as what is returned
 * @err: says what is wrong
 *
 * Return: the secret for ward_secret_free(), or NULL.
 */
struct ward_secret *ask_secret(const struct ask *ask, const char *prompt,
			       struct ward_factor *factor, struct ward_err *err)
{
	struct ward_secret *secret;

	factor->type = ask->type ? ask->type : WARD_SLOT_PASSPHRASE;
	if (ask->file)
		secret = ward_secret_read_file(ask->file, err);
	else
		secret = ask_terminal(prompt, factor->type == WARD_SLOT_RECOVERY ?
				      "--recovery-key-file" : "--passphrase-file", err);
	if (secret && ward_unlock_factor(secret, factor, err)) {
		ward_secret_free(secret);
		return NULL;
	}
	return secret;
}

/**
 * ask_new_passphrase - get a passphrase for a new vault or key slot
 * @file: out of this file; NULL: a terminal, twice
 * @err: says what is wrong
 *
 * Return: the secret for ward_secret_free(), or NULL.
 */
struct ward_secret *ask_new_passphrase(const char *file, struct ward_err *err)
{
	struct ward_secret *first, *again;

	if (file)
		return ward_secret_read_file(file, err);
	first = ask_terminal("New passphrase", "--passphrase-file", err);
	if (!first)
		return NULL;
	again = ask_terminal("The same again", "--passphrase-file", err);
	if (again && (again->len != first->len || memcmp(again->data, first->data, first->len))) {
		ward_fail(err, EINVAL, WARD_FAILED, "the two passphrases are not the same: try again");
		ward_secret_free(again);
		again = NULL;
	}
	if (!again) {
		ward_secret_free(first);
		return NULL;
	}
	ward_secret_free(again);
	return first;
}
