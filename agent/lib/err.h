/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What went wrong, in words: the library never prints. */
#ifndef WARD_ERR_H
#define WARD_ERR_H

#include <stdarg.h>
#include <stddef.h>

/* Why something failed. The numbers are wardctl's exit statuses. */
enum ward_cause {
	WARD_DONE = 0,
	WARD_FAILED = 1,
	WARD_USAGE = 2,
	WARD_NO_VAULT = 3,
	WARD_BAD_KEY = 4,
	WARD_NOT_PERMITTED = 5,
	WARD_LOCKED = 6,
	WARD_INTEGRITY = 7,
	WARD_NO_MODULE = 8,
};

#define WARD_ERR_TEXT	1024
#define WARD_ERR_NOTES	24
#define WARD_ERR_NOTE	512

/**
 * struct ward_err - an error, or the remarks of a success
 * @cause: why; WARD_DONE while nothing failed
 * @text: one line without a newline; it may hold bytes of file names, so
 *	whoever shows it escapes it
 * @notes: further lines: a list of what is in the way, or remarks
 * @count: lines in @notes
 * @more: lines that found no room there
 */
struct ward_err {
	enum ward_cause cause;
	char text[WARD_ERR_TEXT];
	char notes[WARD_ERR_NOTES][WARD_ERR_NOTE];
	size_t count;
	size_t more;
};

void ward_err_clear(struct ward_err *err);
__attribute__((format(printf, 4, 5)))
int ward_fail(struct ward_err *err, int error, enum ward_cause cause, const char *fmt, ...);
__attribute__((format(printf, 3, 4)))
int ward_fail_errno(struct ward_err *err, int error, const char *fmt, ...);
__attribute__((format(printf, 2, 3)))
void ward_note(struct ward_err *err, const char *fmt, ...);

#endif
