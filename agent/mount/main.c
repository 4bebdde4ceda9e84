// SPDX-License-Identifier: GPL-2.0-or-later
/* mount.wardfs: what mount(8) and fstab call for the type wardfs. See mount.wardfs(8). */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmount.h>

#include "../lib/mnt.h"
#include "../lib/secret.h"
#include "../lib/text.h"
#include "../lib/unlock.h"

/* As mount(8) has them */
enum { MOUNT_DONE = 0, MOUNT_USAGE = 1, MOUNT_SYSTEM = 2, MOUNT_FAILED = 32 };

/**
 * struct request - what is to be mounted
 * @source: name of a vault, or its directory
 * @target: where to
 * @flags: MS_*
 * @name: option name=, or empty
 * @secret_file: option that ends in -file=, or empty
 * @secret_type: WARD_SLOT_*: what is in it
 * @fake: do everything but mount
 * @sloppy: unknown options are ignored
 * @verbose: say what is done
 */
struct request {
	const char *source;
	char target[PATH_MAX];
	unsigned long flags;
	char name[64];
	char secret_file[PATH_MAX];
	uint16_t secret_type;
	bool fake;
	bool sloppy;
	bool verbose;
};

static const char usage[] =
	"Usage: mount.wardfs NAME|DIR TARGET [-fnsv] [-o OPTION[,OPTION]...]\n"
	"Mounts a vault, locked unless an option says where its key is. mount(8) calls this:\n"
	"  mount -t wardfs NAME|DIR TARGET\n"
	"\n"
	"  name=NAME                name of a vault that this machine does not know\n"
	"  passphrase-file=FILE     unlock with the passphrase in FILE\n"
	"  recovery-key-file=FILE   unlock with the recovery key in FILE\n"
	"  key-file=FILE            unlock with the key FILE\n"
	"  and those of every file system; nosuid and nodev unless suid or dev is given\n";

static int fail(const struct ward_err *err, int status)
{
	char *text = ward_text_escape(err->text, strlen(err->text));
	size_t i;

	fprintf(stderr, "mount.wardfs: %s\n", text ? text : "failed");
	free(text);
	for (i = 0; i < err->count; i++) {
		text = ward_text_escape(err->notes[i], strlen(err->notes[i]));
		fprintf(stderr, "  %s\n", text ? text : "");
		free(text);
	}
	return status;
}

static bool option_is(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && !strncmp(name, word, len);
}

/* Options that are for mount(8), or for others who read fstab */
static bool for_others(const char *name, size_t len)
{
	static const char * const words[] = {
		"defaults", "auto", "noauto", "user", "nouser", "users", "nousers", "owner",
		"noowner", "group", "nogroup", "nofail", "_netdev", "comment", "uhelper", "helper",
		"uuid",	/* shown by the kernel, so it comes with a remount */
	};
	size_t i;

	if (len > 2 && (!strncmp(name, "x-", 2) || !strncmp(name, "X-", 2)))
		return true;
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (option_is(name, len, words[i]))
			return true;
	return false;
}

static int take_value(char *to, size_t size, const char *value, size_t len, const char *name)
{
	if (!value || !len || len >= size) {
		fprintf(stderr, "mount.wardfs: %s= needs a value, of %zu bytes at most\n", name,
			size - 1);
		return MOUNT_USAGE;
	}
	memcpy(to, value, len);
	to[len] = '\0';
	return 0;
}

/* The kernel's own options (ro, noexec...) are in @flags already. */
static int take_option(struct request *r, const char *name, size_t len, const char *value,
		       size_t value_len)
{
	static const struct {
		const char *word;
		uint16_t type;
	} secrets[] = {
		{ "passphrase-file", WARD_SLOT_PASSPHRASE },
		{ "recovery-key-file", WARD_SLOT_RECOVERY },
		{ "key-file", WARD_SLOT_KEYFILE },
	};
	size_t i;

	if (for_others(name, len))
		return 0;
	if (option_is(name, len, "name"))
		return take_value(r->name, sizeof(r->name), value, value_len, "name");
	for (i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		if (!option_is(name, len, secrets[i].word))
			continue;
		if (*r->secret_file) {
			fprintf(stderr, "mount.wardfs: give one passphrase, recovery key or key file, not more\n");
			return MOUNT_USAGE;
		}
		r->secret_type = secrets[i].type;
		return take_value(r->secret_file, sizeof(r->secret_file), value, value_len,
				  secrets[i].word);
	}
	if (r->sloppy)
		return 0;
	fprintf(stderr, "mount.wardfs: there is no option \"%.*s\": see mount.wardfs(8)\n",
		(int)len, name);
	return MOUNT_USAGE;
}

static int parse_options(struct request *r, char *options)
{
	const struct libmnt_optmap *map = mnt_get_builtin_optmap(MNT_LINUX_MAP);
	char *rest = options, *name, *value;
	size_t len, value_len;
	int ret = 0;

	if (mnt_optstr_get_flags(options, &r->flags, map)) {
		fprintf(stderr, "mount.wardfs: cannot understand the options\n");
		return MOUNT_USAGE;
	}
	while (!ret && !mnt_optstr_next_option(&rest, &name, &len, &value, &value_len)) {
		const struct libmnt_optmap *one;
		bool known = false;

		for (one = map; one->name && !known; one++)
			known = option_is(name, len, one->name);
		if (!known)
			ret = take_option(r, name, len, value, value_len);
	}
	return ret;
}

/* Returns -1 to go on, else the exit status. */
static int parse_arguments(int argc, char **argv, struct request *r)
{
	char *options = NULL;
	int c, ret;

	while ((c = getopt(argc, argv, "fnsvo:t:N:hV")) >= 0) {
		switch (c) {
		case 'f':
			r->fake = true;
			break;
		case 's':
			r->sloppy = true;
			break;
		case 'v':
			r->verbose = true;
			break;
		case 'o':
			ret = mnt_optstr_append_option(&options, optarg, NULL);
			if (ret)
				return MOUNT_SYSTEM;
			break;
		case 'n':
		case 't':
			break;
		case 'h':
			fputs(usage, stdout);
			return MOUNT_DONE;
		case 'V':
			puts("mount.wardfs " WARD_VERSION);
			return MOUNT_DONE;
		case 'N':
			fprintf(stderr, "mount.wardfs: -N is not supported: use nsenter(1)\n");
			return MOUNT_USAGE;
		default:
			fputs(usage, stderr);
			return MOUNT_USAGE;
		}
	}
	if (argc - optind != 2) {
		fputs(usage, stderr);
		return MOUNT_USAGE;
	}
	ret = options ? parse_options(r, options) : 0;
	free(options);
	if (ret)
		return ret;
	r->source = argv[optind];
	if (!realpath(argv[optind + 1], r->target)) {
		fprintf(stderr, "mount.wardfs: %s: %s\n", argv[optind + 1], strerror(errno));
		return MOUNT_USAGE;
	}
	return -1;
}

/* A vault without a configuration: its own files say what it is. */
static int describe(const struct request *r, struct ward_conf *conf, struct ward_err *err)
{
	struct ward_vaults vaults = { 0 };
	char copy[PATH_MAX];
	int fd, ret;

	memset(conf, 0, sizeof(*conf));
	if (!realpath(r->source, conf->directory))
		return ward_fail(err, errno, WARD_NO_VAULT,
				 "%s is neither the name of a vault that this machine knows, nor a directory: %s",
				 r->source, strerror(errno));
	snprintf(copy, sizeof(copy), "%s", conf->directory);
	snprintf(conf->name, sizeof(conf->name), "%.63s", *r->name ? r->name : basename(copy));
	if (!ward_text_name_ok(conf->name))
		return ward_fail(err, EINVAL, WARD_USAGE,
				 "\"%s\" cannot be the name of a vault: add the option name=NAME, with a-z, 0-9, dots, underscores and dashes",
				 conf->name);
	fd = ward_mnt_ward_dir(conf, false, err);
	if (fd < 0)
		return fd;
	ret = ward_vaultfile_load(fd, &vaults, err);
	if (!ret)
		memcpy(conf->uuid, ward_vault_header(ward_vaultfile_best(&vaults))->vault,
		       sizeof(conf->uuid));
	ward_vaults_free(&vaults);
	close(fd);
	return ret;
}

static int find(const struct request *r, struct ward_conf *conf, struct ward_err *err)
{
	int ret = ward_conf_find(r->source, conf, err);

	if (ret != -ENOENT)
		return ret;
	ward_err_clear(err);
	return describe(r, conf, err);
}

/* The key, before anything is mounted: a wrong one changes nothing. */
static int open_key(const struct request *r, const struct ward_conf *conf,
		    struct ward_master *master, struct ward_err *err)
{
	struct ward_factor factor = { .type = r->secret_type };
	struct ward_secret *secret = ward_secret_read_file(r->secret_file, err);
	int ret = secret ? ward_unlock_factor(secret, &factor, err) : -EIO;

	if (!ret)
		ret = ward_unlock_open(conf, &factor, master, err);
	ward_secret_free(secret);
	return ret;
}

static int unlock(const struct ward_master *master, struct ward_err *err)
{
	struct ward_nl *nl;
	int ret = ward_unlock_connect(&nl, err);

	if (ret)
		return ret;
	ret = ward_unlock_vault(nl, master, err);
	ward_nl_close(nl);
	return ret == -EALREADY ? 0 : ret;
}

static int remount(const struct request *r)
{
	if (mount("none", r->target, NULL, r->flags, NULL)) {
		fprintf(stderr, "mount.wardfs: cannot remount %s: %s (the last lines of dmesg may say more)\n",
			r->target, strerror(errno));
		return MOUNT_FAILED;
	}
	return MOUNT_DONE;
}

/* Somewhere else it covers nothing, so nothing has to be reached below it. */
static int mount_elsewhere(const struct request *r, const struct ward_conf *conf,
			   struct ward_err *err)
{
	int dirfd, target, ret;

	dirfd = ward_mnt_dir(conf, err);
	if (dirfd < 0)
		return dirfd;
	target = ward_mnt_open(r->target, err);
	ret = target < 0 ? target : ward_mnt_mount(conf, dirfd, target, r->flags, NULL, err);
	if (target >= 0)
		close(target);
	close(dirfd);
	return ret;
}

static int mount_vault(const struct request *r, const struct ward_conf *conf, struct ward_err *err)
{
	struct ward_master *master = NULL;
	int lock, ret = 0;

	lock = ward_mnt_lock(conf->name, err);
	if (lock < 0)
		return lock;
	if (*r->secret_file) {
		master = ward_master_new();
		ret = master ? open_key(r, conf, master, err) :
		      ward_fail_errno(err, errno, "cannot lock memory for the key");
	}
	if (!ret && strcmp(r->target, conf->directory))
		ret = mount_elsewhere(r, conf, err);
	else if (!ret)
		ret = ward_mnt_vault(conf, r->flags, NULL, err);
	if (ret == -EALREADY)
		ward_fail(err, EBUSY, WARD_FAILED, "%s is mounted already", r->target);
	else if (!ret && master)
		ret = unlock(master, err);
	ward_master_free(master);
	close(lock);
	return ret;
}

int main(int argc, char **argv)
{
	struct request r = { .flags = MS_NOSUID | MS_NODEV };
	struct ward_conf conf;
	struct ward_err err;
	int status;

	umask(077);
	ward_secret_harden();
	status = parse_arguments(argc, argv, &r);
	if (status >= 0)
		return status;
	if (geteuid()) {
		fprintf(stderr, "mount.wardfs: only root may mount a vault\n");
		return MOUNT_USAGE;
	}
	if (r.flags & MS_REMOUNT)
		return r.fake ? MOUNT_DONE : remount(&r);
	if (r.flags & (MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) {
		fprintf(stderr, "mount.wardfs: bind mounts and propagation are for mount(8): give them in a call of their own, without -t wardfs\n");
		return MOUNT_USAGE;
	}
	ward_err_clear(&err);
	if (find(&r, &conf, &err))
		return fail(&err, MOUNT_FAILED);
	if (r.verbose)
		printf("mount.wardfs: vault %s, %s on %s\n", conf.name, conf.directory, r.target);
	if (r.fake)
		return MOUNT_DONE;
	if (ward_mnt_module(&err) || mount_vault(&r, &conf, &err))
		return fail(&err, MOUNT_FAILED);
	return MOUNT_DONE;
}
