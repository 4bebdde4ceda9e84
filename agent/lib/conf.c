// SPDX-License-Identifier: GPL-2.0-or-later
/* /etc/ward/vaults.d/NAME.conf. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "durable.h"
#include "inifile.h"
#include "text.h"

#define SUFFIX	".conf"

/**
 * ward_conf_text - the text of a vault's file
 * @name: of the vault
 * @text: set to it, with a NUL behind it, for free()
 * @len: set to its length, bytes
 * @err: says what is wrong
 *
 * Return: 0; -ENOENT when there is no such vault; another negative errno.
 */
int ward_conf_text(const char *name, char **text, size_t *len, struct ward_err *err)
{
	char path[PATH_MAX];
	void *data;
	int ret;

	if (!ward_text_name_ok(name))
		return ward_fail(err, ENOENT, WARD_NO_VAULT,
				 "\"%s\" cannot be the name of a vault", name);
	snprintf(path, sizeof(path), "%s/%s%s", WARD_CONF_DIR, name, SUFFIX);
	ret = ward_durable_read_text(path, WARD_INI_MAX, &data, len, err);
	if (ret == -ENOENT)
		return ward_fail(err, ENOENT, WARD_NO_VAULT,
				 "there is no vault \"%s\": wardctl status lists those that there are",
				 name);
	if (ret == -EACCES)
		return ward_fail(err, EACCES, WARD_NOT_PERMITTED, "%s: only root may read it",
				 path);
	if (ret)
		return ret;
	*text = data;
	return 0;
}

struct reader {
	struct ward_conf *conf;
	struct ward_err *err;
	bool uuid;
};

static int entry(void *arg, const char *section, const char *key, const char *value,
		 const struct ward_ini_at *at)
{
	struct reader *r = arg;
	char place[WARD_INI_PLACE];

	if (!key || strcmp(section, "vault"))
		return 0;
	ward_ini_place(at, at->column, place);
	if (!strcmp(key, "directory")) {
		if (value[0] != '/' || strlen(value) >= sizeof(r->conf->directory))
			return ward_fail(r->err, EINVAL, WARD_FAILED,
					 "%s: the directory must be an absolute path", place);
		strcpy(r->conf->directory, value);
	} else if (!strcmp(key, "uuid")) {
		if (ward_text_parse_uuid(value, r->conf->uuid))
			return ward_fail(r->err, EINVAL, WARD_FAILED, "%s: \"%s\" is no UUID",
					 place, value);
		r->uuid = true;
	} else if (!strcmp(key, "name") && !r->conf->name[0] && ward_text_name_ok(value)) {
		strcpy(r->conf->name, value);
	} else if (!strcmp(key, "name") && strcmp(value, r->conf->name)) {
		return ward_fail(r->err, EINVAL, WARD_FAILED,
				 "%s: the name \"%s\" is not the file's name", place, value);
	}
	return 0;
}

/**
 * ward_conf_read - what a draft of a vault's file says of the vault
 * @path: the file, anywhere
 * @conf: filled; what the file does not say is empty, or zeros
 * @err: says what is wrong
 *
 * Return: 0 or a negative errno.
 */
int ward_conf_read(const char *path, struct ward_conf *conf, struct ward_err *err)
{
	struct reader r = { .conf = conf, .err = err };
	size_t len;
	void *text;
	int ret;

	memset(conf, 0, sizeof(*conf));
	ret = ward_durable_read_text(path, WARD_INI_MAX, &text, &len, err);
	if (ret)
		return ret;
	ret = ward_ini_parse(text, len, path, entry, &r, err);
	free(text);
	return ret;
}

/**
 * ward_conf_load - look a vault up by its name
 * @name: of the vault
 * @conf: filled
 * @err: says what is wrong
 *
 * Return: 0; -ENOENT when there is no such vault; another negative errno.
 */
int ward_conf_load(const char *name, struct ward_conf *conf, struct ward_err *err)
{
	struct reader r = { .conf = conf, .err = err };
	char path[128];
	size_t len;
	char *text;
	int ret;

	ret = ward_conf_text(name, &text, &len, err);
	if (ret)
		return ret;
	memset(conf, 0, sizeof(*conf));
	snprintf(conf->name, sizeof(conf->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%.64s%s", WARD_CONF_DIR, name, SUFFIX);
	ret = ward_ini_parse(text, len, path, entry, &r, err);
	free(text);
	if (!ret && (!conf->directory[0] || !r.uuid))
		ret = ward_fail(err, EINVAL, WARD_FAILED, "%s: [vault] has no %s", path,
				r.uuid ? "directory" : "uuid");
	return ret;
}

/* Room for one more. In steps that double: a thousand entries of some KiB each are not copied for each that comes. */
static int make_room(struct ward_conf_list *list)
{
	struct ward_conf *more;

	if (list->count & (list->count - 1))
		return 0;
	more = reallocarray(list->conf, list->count ? 2 * list->count : 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	list->conf = more;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ward_conf *)a)->name, ((const struct ward_conf *)b)->name);
}

/**
 * ward_conf_list - all vaults that this machine knows
 * @list: filled, by name
 * @err: one note for each file that cannot be understood
 *
 * Return: 0, also when there are none; a negative errno.
 */
int ward_conf_list(struct ward_conf_list *list, struct ward_err *err)
{
	struct dirent *d;
	int ret = 0;
	DIR *dir;

	memset(list, 0, sizeof(*list));
	dir = opendir(WARD_CONF_DIR);
	if (!dir && errno == ENOENT)
		return 0;
	if (!dir && errno == EACCES)
		return ward_fail(err, EACCES, WARD_NOT_PERMITTED, "%s: only root may read it",
				 WARD_CONF_DIR);
	if (!dir)
		return ward_fail_errno(err, errno, "cannot read %s", WARD_CONF_DIR);
	while (!ret && (d = readdir(dir))) {
		size_t len = strlen(d->d_name);
		struct ward_conf conf;
		struct ward_err why;
		char name[64];

		if (len <= strlen(SUFFIX) || len - strlen(SUFFIX) >= sizeof(name) ||
		    strcmp(d->d_name + len - strlen(SUFFIX), SUFFIX))
			continue;
		memcpy(name, d->d_name, len - strlen(SUFFIX));
		name[len - strlen(SUFFIX)] = '\0';
		if (!ward_text_name_ok(name))
			continue;
		ward_err_clear(&why);
		if (ward_conf_load(name, &conf, &why)) {
			ward_note(err, "%.500s", why.text);
			continue;
		}
		if (make_room(list)) {
			ret = ward_fail_errno(err, ENOMEM, "cannot list the vaults");
			break;
		}
		list->conf[list->count++] = conf;
	}
	closedir(dir);
	if (ret)
		ward_conf_list_free(list);
	else if (list->count)
		qsort(list->conf, list->count, sizeof(*list->conf), by_name);
	return ret;
}

/**
 * ward_conf_list_free - free a list
 * @list: may be all zero
 */
void ward_conf_list_free(struct ward_conf_list *list)
{
	free(list->conf);
	memset(list, 0, sizeof(*list));
}

/*
 * A path as the kernel sees it. The top of a locked vault can be looked at and not
 * be walked through, which a slash at the end would ask for.
 */
static char *real_path(const char *arg)
{
	char *path = strdup(arg), *found;
	size_t len = path ? strlen(path) : 0;

	if (!path)
		return NULL;
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	found = realpath(path, NULL);
	free(path);
	return found;
}

/**
 * ward_conf_find - look a vault up by its name or its directory
 * @arg: NAME or DIR, as it was typed; what has a slash in it is a directory
 * @conf: filled
 * @err: says what is wrong
 *
 * Return: 0; -ENOENT when there is no such vault; another negative errno.
 */
int ward_conf_find(const char *arg, struct ward_conf *conf, struct ward_err *err)
{
	struct ward_conf_list list;
	struct ward_err ignored;
	char *path;
	size_t i;
	int ret;

	if (!strchr(arg, '/') && strcmp(arg, ".") && strcmp(arg, ".."))
		return ward_conf_load(arg, conf, err);
	path = real_path(arg);
	if (!path)
		return ward_fail(err, errno, WARD_NO_VAULT, "%s: %s", arg, strerror(errno));
	ward_err_clear(&ignored);
	ret = ward_conf_list(&list, &ignored);
	if (ret) {
		free(path);
		*err = ignored;
		return ret;
	}
	for (i = 0; i < list.count; i++)
		if (!strcmp(list.conf[i].directory, path))
			break;
	if (i < list.count)
		*conf = list.conf[i];
	else
		ret = ward_fail(err, ENOENT, WARD_NO_VAULT,
				"%s is not a vault: wardctl status lists those that there are",
				path);
	ward_conf_list_free(&list);
	free(path);
	return ret;
}

/**
 * ward_conf_write - write a vault's file, durably
 * @conf: the vault
 * @policy: its rules
 * @err: says what is wrong
 *
 * A file of that name is replaced.
 *
 * Return: 0 or a negative errno.
 */
int ward_conf_write(const struct ward_conf *conf, const struct ward_policy *policy,
		    struct ward_err *err)
{
	char uuid[WARD_UUID_TEXT], file[96];
	char *text = NULL;
	size_t len = 0;
	int dirfd, ret;
	FILE *f;

	ret = ward_mkdirs(WARD_CONF_DIR, 0755);
	if (ret)
		return ward_fail_errno(err, ret, "cannot make %s", WARD_CONF_DIR);
	f = open_memstream(&text, &len);
	if (!f)
		return ward_fail_errno(err, errno, "cannot write the vault's configuration");
	ward_text_uuid(conf->uuid, uuid);
	fprintf(f, "# Which vault this is, and who may do what in it. After a change of the rules:\n");
	fprintf(f, "#   wardctl policy check %s/%s%s && wardctl policy load %s\n", WARD_CONF_DIR,
		conf->name, SUFFIX, conf->name);
	fprintf(f, "# See wardctl(8), \"RULES\".\n\n");
	fprintf(f, "[vault]\nname       = %s\nuuid       = %s\ndirectory  = %s\n", conf->name, uuid,
		conf->directory);
	ret = ward_policy_print(policy, f);
	if (fclose(f) && !ret)
		ret = -errno;
	if (ret)
		goto free;
	dirfd = open(WARD_CONF_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		ret = -errno;
		goto free;
	}
	snprintf(file, sizeof(file), "%s%s", conf->name, SUFFIX);
	ret = ward_durable_write(dirfd, file, text, len, 0600);
	close(dirfd);
free:
	free(text);
	return ret ? ward_fail_errno(err, ret, "cannot write %s/%s%s", WARD_CONF_DIR, conf->name,
				     SUFFIX) : 0;
}

/**
 * ward_conf_remove - remove a vault's file, durably
 * @name: of the vault
 *
 * Return: 0, also when there was none; a negative errno.
 */
int ward_conf_remove(const char *name)
{
	char file[96];
	int dirfd, ret;

	dirfd = open(WARD_CONF_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno == ENOENT ? 0 : -errno;
	snprintf(file, sizeof(file), "%s%s", name, SUFFIX);
	ret = ward_durable_unlink(dirfd, file);
	close(dirfd);
	return ret;
}
