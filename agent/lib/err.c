// SPDX-License-Identifier: GPL-2.0-or-later
/* What went wrong, in words. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

/**
 * ward_err_clear - make an error ready for use
 * @err: the error
 */
void ward_err_clear(struct ward_err *err)
{
	err->cause = WARD_DONE;
	err->text[0] = '\0';
	err->count = 0;
	err->more = 0;
}

/**
 * ward_fail - say why something fails
 * @err: where it is put; what stood there before is replaced, notes stay
 * @error: errno, positive
 * @cause: the kind of failure
 * @fmt: what is wrong, and what to do about it; no newline
 *
 * Return: -@error, so that the caller can return it on.
 */
int ward_fail(struct ward_err *err, int error, enum ward_cause cause, const char *fmt, ...)
{
	va_list args;

	err->cause = cause;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return error > 0 ? -error : -EIO;
}

/**
 * ward_fail_errno - say what failed, with the system's words for the reason
 * @err: where it is put
 * @error: errno, positive or negative
 * @fmt: what was tried
 *
 * Return: the errno, negative.
 */
int ward_fail_errno(struct ward_err *err, int error, const char *fmt, ...)
{
	va_list args;
	size_t len;

	if (error < 0)
		error = -error;
	err->cause = WARD_FAILED;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(error));
	return error ? -error : -EIO;
}

/**
 * ward_note - add a line to an error, or a remark to a success
 * @err: the error
 * @fmt: the line, without a newline
 */
void ward_note(struct ward_err *err, const char *fmt, ...)
{
	va_list args;

	if (err->count == WARD_ERR_NOTES) {
		err->more++;
		return;
	}
	va_start(args, fmt);
	vsnprintf(err->notes[err->count++], WARD_ERR_NOTE, fmt, args);
	va_end(args);
}
