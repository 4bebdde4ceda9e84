// SPDX-License-Identifier: GPL-2.0-or-later
/* What ward-recover tells. Names come from the vault: they are escaped. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/text.h"
#include "report.h"

static const char *const names[SEVERITY_COUNT] = {
	[SEVERITY_INTEGRITY] = "integrity",
	[SEVERITY_CRASH] = "crash or cut",
	[SEVERITY_FAILURE] = "failure",
	[SEVERITY_NOTE] = "note",
};

/* Short names of findings, for programs. */
static const char *const codes[WARD_FOUND_COUNT] = {
	[WARD_FOUND_NO_HEADER] = "no-header",
	[WARD_FOUND_HEADER] = "header",
	[WARD_FOUND_FOREIGN] = "foreign",
	[WARD_FOUND_GENERATION] = "generation",
	[WARD_FOUND_VERSION] = "version",
	[WARD_FOUND_LENGTH] = "length",
	[WARD_FOUND_EMPTY] = "empty",
	[WARD_FOUND_MISSING] = "missing",
	[WARD_FOUND_SHAPE] = "shape",
	[WARD_FOUND_BLOCK] = "block",
	[WARD_FOUND_UNREADABLE] = "unreadable",
};

/* Fit for a terminal; NULL without memory. For free(). */
static char *escaped(const char *s)
{
	return ward_text_escape(s, strlen(s));
}

/* The escaped form is UTF-8 without controls: only quotes and backslashes are left to do. */
static void json_string(const char *s)
{
	char *safe = escaped(s), *p;

	putchar('"');
	for (p = safe; p && *p; p++) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		putchar(*p);
	}
	putchar('"');
	free(safe);
}

static void json_member(const char *name, const char *value)
{
	printf(",\"%s\":", name);
	json_string(value);
}

static void clear_progress(struct report *r)
{
	if (r->progress && r->shown.tv_sec)
		fputs("\r\033[K", stderr);
}

static bool told(const struct report *r, enum severity severity)
{
	/* A crash explains it, but so does a cut: that is for a person to judge. */
	return !r->quiet || severity != SEVERITY_NOTE;
}

static void json_begin(struct report *r, enum severity severity, const char *path)
{
	printf("%s\n{\"severity\":", r->written++ ? "," : "");
	json_string(names[severity]);
	json_member("file", path);
}

/**
 * report_begin - say what is being read
 * @r: the report
 * @path: the vault's directory
 * @tree: the unlocked vault
 */
void report_begin(struct report *r, const char *path, const struct ward_tree *tree)
{
	char uuid[WARD_UUID_TEXT];
	char *safe;

	ward_text_uuid(tree->master.uuid, uuid);
	if (r->json) {
		printf("{\"vault_id\":\"%s\"", uuid);
		json_member("directory", path);
		printf(",\"epoch\":%" PRIu32 ",\"unchecked\":%s,\"findings\":[",
		       tree->epoch.number, tree->unchecked ? "true" : "false");
		return;
	}
	if (r->quiet)
		return;
	safe = escaped(path);
	printf("vault %s in %s: %s\n", uuid, safe ? safe : "?",
	       tree->unchecked ? "did not end cleanly, or is in use: read as after a crash" :
				 "ended cleanly: every deviation is tampering");
	free(safe);
}

/**
 * report_finding - tell something that concerns a file or the vault
 * @r: the report
 * @severity: how bad it is
 * @path: path in the vault, any bytes
 * @text: what, a text of ours
 * @detail: more, any bytes; may be NULL
 */
void report_finding(struct report *r, enum severity severity, const char *path,
		    const char *text, const char *detail)
{
	char *file, *more;

	r->count[severity]++;
	if (r->json) {
		json_begin(r, severity, path);
		json_member("message", text);
		if (detail)
			json_member("detail", detail);
		putchar('}');
		return;
	}
	if (!told(r, severity))
		return;
	clear_progress(r);
	file = escaped(path);
	more = detail ? escaped(detail) : NULL;
	fprintf(stderr, "%s: %s: %s%s%s\n", names[severity], file ? file : "?", text,
		more ? ": " : "", more ? more : "");
	free(more);
	free(file);
}

/* Upper offset of the first byte of a block: docs/format.md, "Size". */
static uint64_t block_start(uint64_t k)
{
	return k ? WARD_CAP_FIRST + (k - 1) * WARD_CAP : 0;
}

/**
 * report_block - tell what is wrong with a file's blocks
 * @r: the report
 * @severity: how bad it is
 * @path: path in the vault, any bytes
 * @what: what was found
 * @first: first block; WARD_NO_BLOCK: the file as a whole
 * @last: last block
 */
void report_block(struct report *r, enum severity severity, const char *path,
		  enum ward_found what, uint64_t first, uint64_t last)
{
	uint64_t from, to;
	char *file;

	if (first == WARD_NO_BLOCK && !r->json) {
		report_finding(r, severity, path, ward_found_text(what), NULL);
		return;
	}
	r->count[severity]++;
	from = block_start(first);
	to = block_start(last + 1) - 1;
	if (r->json) {
		json_begin(r, severity, path);
		json_member("reason", codes[what]);
		json_member("message", ward_found_text(what));
		if (first != WARD_NO_BLOCK)
			printf(",\"first_block\":%" PRIu64 ",\"last_block\":%" PRIu64
			       ",\"first_byte\":%" PRIu64 ",\"last_byte\":%" PRIu64,
			       first, last, from, to);
		putchar('}');
		return;
	}
	if (!told(r, severity))
		return;
	clear_progress(r);
	file = escaped(path);
	if (first == last)
		fprintf(stderr, "%s: %s: block %" PRIu64, names[severity], file ? file : "?", first);
	else
		fprintf(stderr, "%s: %s: blocks %" PRIu64 " to %" PRIu64, names[severity],
			file ? file : "?", first, last);
	fprintf(stderr, " (bytes %" PRIu64 " to %" PRIu64 "): %s\n", from, to,
		ward_found_text(what));
	free(file);
}

/**
 * report_progress - show how far it is, now and then
 * @r: the report
 */
void report_progress(struct report *r)
{
	struct timespec now;
	char size[32];

	if (!r->progress)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - r->shown.tv_sec) * 1000 +
	    (now.tv_nsec - r->shown.tv_nsec) / 1000000 < 200)
		return;
	r->shown = now;
	ward_text_size(r->bytes, size, sizeof(size));
	fprintf(stderr, "\r%" PRIu64 " files, %s\033[K", r->files, size);
}

/**
 * report_error - say why nothing was read at all
 * @r: the report
 * @err: what failed
 */
void report_error(struct report *r, const struct ward_err *err)
{
	char *text = escaped(err->text);
	size_t i;

	if (r->json) {
		printf("{\"error\":");
		json_string(err->text);
		printf(",\"status\":%d}\n", err->cause);
	}
	fprintf(stderr, "ward-recover: %s\n", text ? text : "failed");
	free(text);
	for (i = 0; i < err->count; i++) {
		text = escaped(err->notes[i]);
		fprintf(stderr, "  %s\n", text ? text : "");
		free(text);
	}
}

/**
 * report_end - sum up
 * @r: the report
 * @verify_only: nothing was to be written
 * @stopped: it was given up before the end
 *
 * Return: the exit status.
 */
int report_end(struct report *r, bool verify_only, bool stopped)
{
	int status = r->count[SEVERITY_INTEGRITY] ? WARD_INTEGRITY :
		     stopped || r->count[SEVERITY_FAILURE] ? WARD_FAILED : WARD_DONE;
	char size[32];

	clear_progress(r);
	if (r->json) {
		printf("\n],\"summary\":{\"files\":%" PRIu64 ",\"directories\":%" PRIu64
		       ",\"others\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"integrity\":%" PRIu64
		       ",\"crash_or_cut\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"notes\":%" PRIu64
		       ",\"complete\":%s,\"status\":%d}}\n",
		       r->files, r->directories, r->others, r->bytes,
		       r->count[SEVERITY_INTEGRITY], r->count[SEVERITY_CRASH],
		       r->count[SEVERITY_FAILURE], r->count[SEVERITY_NOTE],
		       stopped ? "false" : "true", status);
	} else if (!r->quiet) {
		ward_text_size(r->bytes, size, sizeof(size));
		printf("%s: %" PRIu64 " files (%s), %" PRIu64 " directories, %" PRIu64
		       " other entries\n", verify_only ? "verified" : "recovered", r->files, size,
		       r->directories, r->others);
		if (r->count[SEVERITY_INTEGRITY])
			printf("%" PRIu64 " integrity errors: what did not authenticate was left out\n",
			       r->count[SEVERITY_INTEGRITY]);
		if (r->count[SEVERITY_CRASH])
			printf("%" PRIu64 " traces of a crash, or of a cut\n",
			       r->count[SEVERITY_CRASH]);
		if (r->count[SEVERITY_FAILURE])
			printf("%" PRIu64 " failures\n", r->count[SEVERITY_FAILURE]);
		if (stopped)
			printf("stopped before the end\n");
	}
	if (fflush(stdout) && !status)
		status = WARD_FAILED;
	return status;
}
