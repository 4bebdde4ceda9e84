// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said, and how. Whatever comes from outside is escaped before a
 * terminal sees it. With --json, standard output has one JSON document and
 * nothing else; an error is {"error": text, "notes": [...], "warnings": [...],
 * "status": number}.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <qrencode.h>

#include "../lib/text.h"
#include "verb.h"

#define TEXT_MAX	2048

static void put_escaped(FILE *f, const char *text)
{
	char *escaped = ward_text_escape(text, strlen(text));

	fputs(escaped ? escaped : "(not enough memory)", f);
	free(escaped);
}

/* One line on standard error; @label may be coloured. */
static void put_line(const char *label, const char *color, const char *text)
{
	ui_progress_end();
	fputs("wardctl: ", stderr);
	if (label && verb_globals.color)
		fprintf(stderr, "\033[%sm%s\033[0m: ", color, label);
	else if (label)
		fprintf(stderr, "%s: ", label);
	put_escaped(stderr, text);
	fputc('\n', stderr);
}

/**
 * ui_say - tell a person what was done
 * @fmt: what; no newline
 *
 * Not with --quiet or --json.
 */
void ui_say(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	if (verb_globals.quiet || verb_globals.json)
		return;
	ui_progress_end();
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_escaped(stdout, text);
	putchar('\n');
}

static json_t *warnings;	/* for ui_warnings() */

/**
 * ui_warn - warn
 * @fmt: of what; no newline
 */
void ui_warn(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_line("warning", "33", text);
	if (!verb_globals.json)
		return;
	if (!warnings)
		warnings = json_array();
	json_array_append_new(warnings, ui_string(text));
}

/**
 * ui_warnings - all that ui_warn() said, for a JSON document
 *
 * Return: a new reference to an array, or NULL without memory.
 */
json_t *ui_warnings(void)
{
	return warnings ? json_incref(warnings) : json_array();
}

/**
 * ui_notes - show the remarks of something that succeeded as warnings
 * @err: the remarks
 */
void ui_notes(const struct ward_err *err)
{
	size_t i;

	for (i = 0; i < err->count; i++)
		ui_warn("%s", err->notes[i]);
}

/**
 * ui_fail - say what failed
 * @err: what
 *
 * Return: the exit status that goes with it.
 */
int ui_fail(const struct ward_err *err)
{
	int status = err->cause ? (int)err->cause : WARD_FAILED;
	size_t i;

	put_line(NULL, NULL, err->text);
	for (i = 0; i < err->count; i++) {
		fputs("  ", stderr);
		put_escaped(stderr, err->notes[i]);
		fputc('\n', stderr);
	}
	if (err->more)
		fprintf(stderr, "  and %zu more\n", err->more);
	if (verb_globals.json) {
		json_t *notes = json_array();

		for (i = 0; notes && i < err->count; i++)
			json_array_append_new(notes, ui_string(err->notes[i]));
		ui_json(json_pack("{s:o, s:o, s:o, s:i}", "error", ui_string(err->text), "notes",
				  notes, "warnings", ui_warnings(), "status", status));
	}
	return status;
}

/**
 * ui_json - put out a JSON document
 * @object: the document; freed; NULL when there was no memory for it
 *
 * Return: WARD_DONE, or WARD_FAILED when it could not be put out.
 */
int ui_json(json_t *object)
{
	int ret = object ? json_dumpf(object, stdout, JSON_INDENT(2)) : -1;

	json_decref(object);
	if (ret) {
		put_line(NULL, NULL, "cannot put out JSON");
		return WARD_FAILED;
	}
	putchar('\n');
	return WARD_DONE;
}

/**
 * ui_string - text for a JSON document
 * @s: any bytes; those that are not UTF-8 are escaped
 *
 * Return: a new reference, or NULL without memory.
 */
json_t *ui_string(const char *s)
{
	json_t *string = json_string(s);
	char *escaped;

	if (string)
		return string;
	escaped = ward_text_escape(s, strlen(s));
	string = escaped ? json_string(escaped) : NULL;
	free(escaped);
	return string;
}

/**
 * ui_qr - show text as a QR code
 * @text: a key, so that nobody has to type it
 *
 * As blocks of text, two modules to a line; dark on light, whatever the terminal's colours.
 */
void ui_qr(const char *text)
{
	static const char * const blocks[] = { "\u2588", "\u2580", "\u2584", " " };
	QRcode *qr = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	int x, y, w;

	if (!qr)
		return;
	w = qr->width;
	for (y = -2; y < w + 2; y += 2) {
		printf("  \033[40;37m");
		for (x = -2; x < w + 2; x++) {
			bool in = x >= 0 && x < w;
			bool upper = in && y >= 0 && y < w && qr->data[y * w + x] & 1;
			bool lower = in && y + 1 >= 0 && y + 1 < w && qr->data[(y + 1) * w + x] & 1;

			fputs(blocks[upper << 1 | lower], stdout);
		}
		printf("\033[0m\n");
	}
	QRcode_free(qr);
}

/**
 * ui_confirm - ask a question
 * @question: to be answered with yes or no
 *
 * Return: true for yes, and with --yes; false when there is no terminal, too.
 */
bool ui_confirm(const char *question)
{
	char answer[16];
	FILE *tty;
	bool yes;

	if (verb_globals.yes)
		return true;
	tty = fopen("/dev/tty", "r+e");
	if (!tty) {
		put_line(NULL, NULL, "there is no terminal to ask on: use --yes");
		return false;
	}
	ui_progress_end();
	fputs(question, tty);
	fputs(" [y/N] ", tty);
	fflush(tty);
	yes = fgets(answer, sizeof(answer), tty) && (answer[0] == 'y' || answer[0] == 'Y');
	fclose(tty);
	return yes;
}

/**
 * ui_need_root - is this root
 *
 * Return: 0, or WARD_NOT_PERMITTED after complaining.
 */
int ui_need_root(void)
{
	struct ward_err err;

	if (!geteuid())
		return 0;
	ward_err_clear(&err);
	ward_fail(&err, 1, WARD_NOT_PERMITTED, "only root may do this: try sudo wardctl %s",
		  verb_current->name);
	return ui_fail(&err);
}

/* ---- a progress bar ------------------------------------------------------- */

#define BAR_WIDTH	30
#define BAR_EVERY_MS	200

static bool bar_shown;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/**
 * ui_progress - show how far it is
 * @what: "copying" and the like
 * @done: bytes done
 * @total: bytes in all; 0 when not known
 *
 * On a terminal only, and not more often than eyes can see.
 */
void ui_progress(const char *what, uint64_t done, uint64_t total)
{
	static uint64_t last;
	static const char *last_what;
	char of[32], sum[32];
	uint64_t now;
	int part;

	if (verb_globals.quiet || verb_globals.json || !isatty(STDERR_FILENO))
		return;
	now = now_ms();
	if (now - last < BAR_EVERY_MS && what == last_what)
		return;
	last = now;
	last_what = what;
	if (done > total)
		done = total;
	part = total ? (double)done / total * BAR_WIDTH : 0;
	ward_text_size(done, of, sizeof(of));
	ward_text_size(total, sum, sizeof(sum));
	fprintf(stderr, "\r\033[K%-10s [%.*s%*s] %3.0f %%  %s of %s", what, part,
		"##############################", BAR_WIDTH - part, "",
		total ? 100.0 * done / total : 100.0, of, sum);
	fflush(stderr);
	bar_shown = true;
}

/**
 * ui_progress_end - take the progress bar away
 */
void ui_progress_end(void)
{
	if (!bar_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	bar_shown = false;
}
