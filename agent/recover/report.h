/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ward-recover tells: findings as they come, a summary at the end. */
#ifndef RECOVER_REPORT_H
#define RECOVER_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "../lib/filedata.h"

/* How bad a finding is. */
enum severity {
	SEVERITY_INTEGRITY,	/* tampered or torn: something was left out */
	SEVERITY_CRASH,		/* what a crash leaves behind, or a cut, in an unchecked vault */
	SEVERITY_FAILURE,	/* this program could not read or write something */
	SEVERITY_NOTE,		/* worth knowing */
	SEVERITY_COUNT
};

/**
 * struct report - what is told, how, and how often
 * @json: one JSON document on standard output
 * @quiet: nothing but what is wrong
 * @progress: a line on the terminal that says how far it is
 * @written: findings so far, for the commas of @json
 * @count: findings by severity
 * @files: regular files, with contents
 * @directories: directories, without the top
 * @others: symlinks, pipes, sockets, further names of hard links
 * @bytes: plaintext that authenticated
 * @shown: when the progress was last shown
 */
struct report {
	bool json;
	bool quiet;
	bool progress;
	uint64_t written;
	uint64_t count[SEVERITY_COUNT];
	uint64_t files;
	uint64_t directories;
	uint64_t others;
	uint64_t bytes;
	struct timespec shown;
};

void report_begin(struct report *r, const char *path, const struct ward_tree *tree);
void report_finding(struct report *r, enum severity severity, const char *path,
		    const char *text, const char *detail);
void report_block(struct report *r, enum severity severity, const char *path,
		  enum ward_found what, uint64_t first, uint64_t last);
void report_progress(struct report *r);
void report_error(struct report *r, const struct ward_err *err);
int report_end(struct report *r, bool verify_only, bool stopped);

#endif
