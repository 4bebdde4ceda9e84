// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl log key: gives out the key that proves the log, once. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/crypt.h"
#include "../lib/durable.h"
#include "../lib/seal.h"
#include "../lib/settings.h"
#include "../lib/text.h"
#include "verb.h"

#define TAKEN_MS	10000	/* until wardd has taken a new key */

/* ---- handing it over ------------------------------------------------------------------ */

static int write_file(const char *path, const char *text, const char *id, struct ward_err *err)
{
	char all[512], host[HOST_NAME_MAX + 1] = "", date[32] = "", dir[PATH_MAX];
	time_t now = time(NULL);
	int fd, dirfd, ret;

	if (strlen(path) >= sizeof(dir))
		return ward_fail_errno(err, ENAMETOOLONG, "cannot write the key to %s", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ward_fail_errno(err, errno, "cannot write the key to %s", path);
	gethostname(host, sizeof(host) - 1);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	snprintf(all, sizeof(all),
		 "# Verification key of the event log of %.100s, %s. Keep it away from that machine.\n"
		 "# It is called %s.\n%s\n", host, date, id, text);
	ret = ward_write_all(fd, all, strlen(all));
	explicit_bzero(all, sizeof(all));
	if (!ret && fsync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	strcpy(dir, path);
	dirfd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!ret && dirfd >= 0)
		ret = ward_durable_sync_dir(dirfd);
	if (dirfd >= 0)
		close(dirfd);
	if (ret) {
		unlink(path);
		return ward_fail_errno(err, ret, "cannot write the key to %s", path);
	}
	ui_say("The key is in %s. Take it away from this machine: who becomes root here and finds it can make the log anew.",
	       path);
	return 0;
}

static int show(const char *text, const char *id, struct ward_err *err)
{
	if (verb_globals.json) {
		if (!ui_json(json_pack("{s:s, s:s}", "key", text, "id", id)) && !fflush(stdout))
			return 0;
		goto fail;
	}
	printf("The verification key of the event log. With it, wardctl log verify proves that nobody changed\n"
	       "the log. Keep it away from this machine; it is not shown again:\n\n  %s\n\n", text);
	if (isatty(STDOUT_FILENO)) {
		ui_qr(text);
		putchar('\n');
	}
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
fail:
	return ward_fail(err, EIO, WARD_FAILED,
			 "the key cannot be shown, because standard output cannot be written to: let it go to a terminal, or use --key-file FILE");
}

static int hand_over(const struct ward_seal_state *state, const char *file, struct ward_err *err)
{
	char text[WARD_RECOVERY_TEXT], id[WARD_SEAL_ID_TEXT];
	int ret = ward_sealkey_text(state->key, text, sizeof(text));

	if (ret)
		return ward_fail_errno(err, ret, "cannot write the key");
	ward_seal_id_text(state->id, id);
	ret = file ? write_file(file, text, id, err) : show(text, id, err);
	explicit_bzero(text, sizeof(text));
	return ret;
}

/* ---- the first key --------------------------------------------------------------------- */

static int begin(int dirfd, struct ward_seal_state *first, struct ward_err *err)
{
	struct ward_seal_state state = { 0 };
	int ret = ward_sealfile_load(dirfd, WARD_SEAL_STATE, &state);

	explicit_bzero(&state, sizeof(state));
	if (!ret)
		return ward_fail(err, EEXIST, WARD_FAILED,
				 "the key was given out before, and is not on this machine any more. If it is lost, wardctl log key --new makes another one for what will be recorded");
	if (ret != -ENOENT)
		return ward_fail_errno(err, ret, "cannot read " WARD_SEAL_DIR "/" WARD_SEAL_STATE);
	if (ward_daemon_pid())
		return ward_fail(err, ENOENT, WARD_FAILED,
				 "wardd does not seal the log: \"seal = no\" stands in ward.conf, or it says in the journal or on its standard error what is wrong");
	ret = ward_sealfile_begin(dirfd, first);
	return ret ? ward_fail_errno(err, ret, "cannot make a key in " WARD_SEAL_DIR) : 0;
}

static int give_out(int dirfd, const char *file, struct ward_err *err)
{
	struct ward_seal_state first = { 0 };
	int ret = ward_sealfile_load(dirfd, WARD_SEAL_PENDING, &first);

	if (ret == -ENOENT)
		ret = begin(dirfd, &first, err);
	else if (ret)
		ward_fail_errno(err, ret, "cannot read " WARD_SEAL_DIR "/" WARD_SEAL_PENDING);
	if (!ret)
		ret = hand_over(&first, file, err);
	explicit_bzero(&first, sizeof(first));
	if (ret)
		return ret;
	ret = ward_sealfile_remove(dirfd, WARD_SEAL_PENDING);
	return ret ? ward_fail_errno(err, ret, "the key was given out, but cannot be wiped from " WARD_SEAL_DIR "/" WARD_SEAL_PENDING) : 0;
}

/* ---- another key ------------------------------------------------------------------------ */

static bool there(int dirfd, const char *name)
{
	return !faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* wardd takes it at once, or when it is started. */
static int let_take(int dirfd, struct ward_err *err)
{
	pid_t pid = ward_daemon_pid();
	int ms;

	if (!pid || kill(pid, SIGHUP)) {
		ui_say("wardd does not run: it takes the key when it is started.");
		return 0;
	}
	for (ms = 0; ms < TAKEN_MS && there(dirfd, WARD_SEAL_NEXT); ms += 50)
		usleep(50000);
	if (there(dirfd, WARD_SEAL_NEXT))
		return ward_fail(err, ETIMEDOUT, WARD_FAILED,
				 "wardd has not taken the key yet, and does so when it can write the log again; what it says of itself tells why");
	ui_say("The log is sealed with this key from now on. The one before stays good for what was recorded until now.");
	return 0;
}

static int make_new(int dirfd, const char *file, struct ward_err *err)
{
	struct ward_seal_state next = { 0 };
	int ret;

	if (!there(dirfd, WARD_SEAL_STATE))
		return give_out(dirfd, file, err);
	if (there(dirfd, WARD_SEAL_PENDING))
		return ward_fail(err, EBUSY, WARD_FAILED,
				 "the present key was not given out yet: wardctl log key does it, and without it what is in the log could not be proven");
	if (there(dirfd, WARD_SEAL_NEXT))
		return ward_fail(err, EBUSY, WARD_FAILED,
				 "wardd has not taken the last new key yet: start it, or see what it says of itself");
	ret = ward_random(next.key, sizeof(next.key));
	if (!ret)
		ret = ward_seal_id(next.key, next.id);
	if (ret)
		return ward_fail_errno(err, ret, "cannot make a key");
	ret = hand_over(&next, file, err);
	if (!ret) {
		ret = ward_sealfile_store(dirfd, WARD_SEAL_NEXT, &next);
		if (ret)
			ward_fail_errno(err, ret, "the new key cannot be put into " WARD_SEAL_DIR ", so it is none: the one before stays in use");
	}
	explicit_bzero(&next, sizeof(next));
	return ret ? ret : let_take(dirfd, err);
}

/**
 * log_key - give out the verification key of the log
 * @new_key: make another one, which is in use from now on
 * @key_file: a file to be made; NULL: it is shown
 *
 * Return: the exit status.
 */
int log_key(bool new_key, const char *key_file)
{
	struct ward_err err;
	int dirfd, ret;

	ret = ui_need_root();
	if (ret)
		return ret;
	ward_err_clear(&err);
	ret = ward_mkdirs(WARD_SEAL_DIR, 0700);
	dirfd = ret ? ret : open(WARD_SEAL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		ward_fail_errno(&err, ret ? ret : errno, "cannot open " WARD_SEAL_DIR);
		return ui_fail(&err);
	}
	ret = new_key ? make_new(dirfd, key_file, &err) : give_out(dirfd, key_file, &err);
	close(dirfd);
	return ret ? ui_fail(&err) : WARD_DONE;
}
