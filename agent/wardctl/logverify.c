// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl log verify: does the log hold, and what of it is proven. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/logverify.h"
#include "verb.h"

#define TOLD_MOST	100	/* things that are told of; more are counted */

/**
 * struct verify - what is being verified
 * @file: the log
 * @state: file with the seal state; NULL: this machine's; "none": not known
 * @keys: verification keys
 * @set: the log's files
 * @before: the seal state before the log is read
 * @after: and after that
 * @state_error: why there is none; 0: there is
 * @bad: what is wrong, for machines
 * @doubts: what is to be looked at
 * @told: how much was told
 */
struct verify {
	const char *file;
	const char *state;
	struct ward_seal_keys keys;
	struct ward_logset set;
	struct ward_seal_state before;
	struct ward_seal_state after;
	int state_error;
	json_t *bad;
	json_t *doubts;
	size_t told;
};

static void told(const char *file, uint64_t line, bool doubt, const char *text, void *arg)
{
	struct verify *v = arg;
	json_t *o;

	if (v->told++ >= TOLD_MOST)
		return;
	if (!verb_globals.json) {
		if (file && !doubt)
			ui_warn("%s: line %" PRIu64 ": %s", file, line, text);
		else
			ui_warn("%s", text);
		return;
	}
	o = json_pack("{s:o}", "text", ui_string(text));
	if (o && file) {
		json_object_set_new(o, "file", ui_string(file));
		json_object_set_new(o, "line", json_integer(line));
	}
	json_array_append_new(doubt ? v->doubts : v->bad, o);
}

static int load_keys(struct verify *v, const char *path, struct ward_err *err)
{
	struct ward_secret *secret = ward_secret_read_file(path, err);
	int ret;

	if (!secret)
		return -EINVAL;
	ret = ward_sealkey_parse((const char *)secret->data, secret->len, &v->keys, err);
	ward_secret_free(secret);
	return ret;
}

/* 0; -ENODATA: it is not asked for; another negative errno. */
static int load_state(const struct verify *v, struct ward_seal_state *state)
{
	char dir[PATH_MAX], base[PATH_MAX];
	const char *path = v->state;
	int dirfd, ret;

	if (!path)
		path = WARD_SEAL_DIR "/" WARD_SEAL_STATE;
	else if (!strcmp(path, "none"))
		return -ENODATA;
	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	strcpy(dir, path);
	strcpy(base, path);
	dirfd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	ret = ward_sealfile_load(dirfd, basename(base), state);
	close(dirfd);
	return ret;
}

static int read_all(struct verify *v, struct ward_log_verifier *verifier, struct ward_err *err)
{
	size_t i;
	int ret;

	v->state_error = load_state(v, &v->before);
	if (v->state_error && v->state_error != -ENODATA && v->state_error != -ENOENT &&
	    v->state_error != -EBADMSG)
		return ward_fail_errno(err, v->state_error, "cannot read the seal state");
	ret = ward_logset_open(v->file, &v->set);
	for (i = 0; !ret && i < v->set.count; i++)
		ret = ward_log_verify_file(verifier, v->set.file[i].fd, v->set.file[i].path,
					   i == v->set.count - 1);
	if (ret)
		return ward_fail_errno(err, ret, "cannot read %s", v->file);
	if (v->state_error == -ENODATA) {
		ward_log_verify_end(verifier, NULL, NULL, 0);
		return 0;
	}
	if (!v->state_error)
		v->state_error = load_state(v, &v->after);
	if (v->state_error) {
		ward_log_verify_end(verifier, NULL, NULL, 0);
		ward_log_verify_lost_state(verifier, v->state_error == -EBADMSG ? "is damaged" :
					   "is missing");
		return 0;
	}
	/* A copy of a state is of a log that is not written here. */
	ward_log_verify_end(verifier, &v->before, &v->after, v->state ? 0 : time(NULL));
	return 0;
}

/* ---- the outcome ---------------------------------------------------------------------- */

static void put_date(int64_t t, char text[64])
{
	time_t seconds = t;
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(text, 64, "%Y-%m-%d %H:%M:%S", &tm))
		strcpy(text, "?");
}

static int say_json(const struct verify *v, const struct ward_log_verdict *d)
{
	json_t *files = json_array(), *o, *first = json_array_get(v->bad, 0);
	size_t i;

	for (i = 0; i < v->set.count; i++)
		json_array_append_new(files, ui_string(v->set.file[i].path));
	o = json_pack("{s:o, s:b, s:o, s:I, s:I, s:I, s:O, s:O, s:b, s:b, s:s}", "log",
		      ui_string(v->file), "intact", !d->bad, "files", files,
		      "lines", (json_int_t)d->lines, "seals", (json_int_t)d->seals,
		      "unsealed", (json_int_t)d->after, "problems", v->bad, "doubts", v->doubts,
		      "key_given", v->keys.count > 0, "key_missing", d->key_missing,
		      "tail", v->state_error ? "unknown" : d->bad ? "see problems" : "whole");
	if (o && d->until)
		json_object_set_new(o, "proven",
				    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "lines",
					      (json_int_t)d->proven, "seals",
					      (json_int_t)d->proven_seals, "from", (json_int_t)d->from,
					      "to", (json_int_t)d->to, "since", (json_int_t)d->since, "until",
					      (json_int_t)d->until));
	if (o && first && json_object_get(first, "line"))
		json_object_set(o, "bad_line", json_object_get(first, "line"));
	return ui_json(o);
}

static void say_text(const struct verify *v, const struct ward_log_verdict *d)
{
	char date[64], first[64];

	ui_say("%s: %" PRIu64 " lines in %zu file%s, %" PRIu64 " seals; each line follows from the one before",
	       v->file, d->lines, v->set.count, v->set.count == 1 ? "" : "s", d->seals);
	if (!d->seals) {
		ui_say("It is not sealed: who may write it can have made it anew.");
		return;
	}
	if (d->until) {
		put_date(d->since, first);
		put_date(d->until, date);
		ui_say("Proven with the key: %" PRIu64 " lines, by %" PRIu64 " seals, from number %" PRIu64 " of %s to number %" PRIu64 " of %s.",
		       d->proven, d->proven_seals, d->from, first, d->to, date);
	} else {
		ui_say("Nothing is proven without the key: who may write the log can have made it anew. Give the key with --key-file FILE.");
	}
	if (d->until && d->key_missing)
		ui_say("There are seals of a key that was not given; they were not proven.");
	if (d->after)
		ui_say("%" PRIu64 " lines came after the last seal: who is root can still change them.",
		       d->after);
	if (v->state_error)
		ui_say("Whether seals were cut off its end, the log alone does not tell: --state FILE, or verify it where it is written.");
	else
		ui_say("As many seals are there as were made: its end was not cut off.");
}

static int say(const struct verify *v, const struct ward_log_verdict *d)
{
	struct ward_err err;

	ward_err_clear(&err);
	if (v->set.packed)
		ui_warn("%zu compressed files beside %s were not looked at", v->set.packed,
			v->file);
	if (v->set.copies)
		ui_warn("%zu files beside %s are copies of others, and were not looked at",
			v->set.copies, v->file);
	if (v->keys.count && !d->key_fits && d->seals && !d->bad) {
		ward_fail(&err, EINVAL, WARD_BAD_KEY, "the key is not of this log, which otherwise holds");
		return ui_fail(&err);
	}
	if (verb_globals.json) {
		if (say_json(v, d))
			return WARD_FAILED;
		return d->bad ? WARD_INTEGRITY : WARD_DONE;
	}
	if (!d->bad) {
		say_text(v, d);
		return WARD_DONE;
	}
	ward_fail(&err, EBADMSG, WARD_INTEGRITY, "%s does not hold: %" PRIu64 " thing%s wrong with it",
		  v->file, d->bad, d->bad == 1 ? " is" : "s are");
	return ui_fail(&err);
}

/**
 * log_verify - verify a log
 * @file: the log; its rotated files are found
 * @state: a file with the seal state; NULL: this machine's; "none": not known
 * @key_file: where verification keys are; NULL: none is given
 *
 * Return: the exit status.
 */
int log_verify(const char *file, const char *state, const char *key_file)
{
	struct verify v = { .file = file, .state = state };
	struct ward_log_verifier *verifier = NULL;
	struct ward_log_verdict verdict = { 0 };
	struct ward_err err;
	int ret, status;

	ward_err_clear(&err);
	ret = key_file ? load_keys(&v, key_file, &err) : 0;
	v.bad = json_array();
	v.doubts = json_array();
	if (!ret)
		verifier = ward_log_verify_new(&v.keys, told, &v);
	if (!ret && (!verifier || !v.bad || !v.doubts))
		ret = ward_fail_errno(&err, ENOMEM, "cannot verify");
	if (!ret)
		ret = read_all(&v, verifier, &err);
	ward_log_verify_free(verifier, &verdict);
	if (ret == -EACCES)
		err.cause = WARD_NOT_PERMITTED;
	status = ret ? ui_fail(&err) : say(&v, &verdict);
	json_decref(v.bad);
	json_decref(v.doubts);
	ward_logset_close(&v.set);
	explicit_bzero(&v, sizeof(v));
	return status;
}
