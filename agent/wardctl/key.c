// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl key: the key slots of a vault. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libsmartcols.h>

#include "../lib/mnt.h"
#include "verb.h"

static void created_text(const struct ward_vault_slot *slot, char *out, size_t size)
{
	time_t created = le64toh(slot->created);
	struct tm tm;

	if (!gmtime_r(&created, &tm) || !strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, size, "?");
}

static void cost_text(const struct ward_vault_slot *slot, char *out, size_t size)
{
	uint32_t kib = le32toh(slot->memory_cost);

	if (le16toh(slot->kdf) == WARD_KDF_ARGON2ID)
		snprintf(out, size, "argon2id, %u %s, %u passes, %u lanes",
			 kib % 1024 ? kib : kib / 1024, kib % 1024 ? "KiB" : "MiB",
			 le32toh(slot->time_cost), le32toh(slot->lanes));
	else
		snprintf(out, size, "hkdf");
}

static json_t *slot_json(const struct ward_vault_slot *slot)
{
	char created[32], label[sizeof(slot->label) + 1] = { 0 };
	bool argon2id = le16toh(slot->kdf) == WARD_KDF_ARGON2ID;
	json_t *o;

	created_text(slot, created, sizeof(created));
	memcpy(label, slot->label, sizeof(slot->label));
	o = json_pack("{s:i, s:s, s:s, s:s, s:o}", "slot", (int)le32toh(slot->id), "method",
		      ward_slot_type_name(le16toh(slot->type)), "kdf",
		      argon2id ? "argon2id" : "hkdf-sha-512", "created", created, "label",
		      ui_string(label));
	if (o && argon2id) {
		json_object_set_new(o, "memory_kib", json_integer(le32toh(slot->memory_cost)));
		json_object_set_new(o, "passes", json_integer(le32toh(slot->time_cost)));
		json_object_set_new(o, "lanes", json_integer(le32toh(slot->lanes)));
	}
	return o;
}

static int list_json(const struct ward_conf *conf, const struct ward_vault *v)
{
	const struct ward_vault_slot *slot;
	json_t *slots = json_array();

	for (slot = ward_vault_next_slot(v, NULL); slot; slot = ward_vault_next_slot(v, slot))
		json_array_append_new(slots, slot_json(slot));
	return ui_json(json_pack("{s:s, s:o}", "name", conf->name, "keys", slots));
}

static int list_table(const struct ward_vault *v)
{
	static const char * const columns[] = {
		"SLOT", "METHOD", "CREATED", "DERIVATION", "LABEL",
	};
	struct libscols_table *table = scols_new_table();
	const struct ward_vault_slot *slot;
	size_t i;
	int ret = table ? 0 : -ENOMEM;

	for (i = 0; !ret && i < sizeof(columns) / sizeof(*columns); i++)
		ret = scols_table_new_column(table, columns[i], 0, i ? 0 : SCOLS_FL_RIGHT) ?
		      0 : -ENOMEM;
	for (slot = ret ? NULL : ward_vault_next_slot(v, NULL); slot && !ret;
	     slot = ward_vault_next_slot(v, slot)) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		char id[16], created[32], cost[64], label[sizeof(slot->label) + 1] = { 0 };

		snprintf(id, sizeof(id), "%u", le32toh(slot->id));
		created_text(slot, created, sizeof(created));
		cost_text(slot, cost, sizeof(cost));
		memcpy(label, slot->label, sizeof(slot->label));
		if (!line || scols_line_set_data(line, 0, id) ||
		    scols_line_set_data(line, 1, ward_slot_type_name(le16toh(slot->type))) ||
		    scols_line_set_data(line, 2, created) ||
		    scols_line_set_data(line, 3, cost) || scols_line_set_data(line, 4, label))
			ret = -ENOMEM;
	}
	if (!ret)
		ret = scols_print_table(table);
	scols_unref_table(table);
	return ret;
}

static int list(const char *arg)
{
	struct ward_vaults vaults = { 0 };
	struct ward_conf conf;
	struct ward_err err;
	int fd, ret;

	ward_err_clear(&err);
	ret = ward_conf_find(arg, &conf, &err);
	fd = ret ? ret : ward_mnt_ward_dir(&conf, false, &err);
	if (fd < 0)
		return ui_fail(&err);
	ret = ward_vaultfile_load(fd, &vaults, &err);
	close(fd);
	if (ret) {
		ret = ui_fail(&err);
		goto free;
	}
	/* Without a key there is no telling what is authentic, but which are there. */
	if (ward_vaultfile_differ(&vaults))
		ui_warn("the two copies of the vault file differ, or one is missing: wardctl check --repair %s mends that",
			conf.name);
	if (verb_globals.json) {
		ret = list_json(&conf, ward_vaultfile_best(&vaults));
	} else {
		ret = list_table(ward_vaultfile_best(&vaults));
		if (ret) {
			ward_fail_errno(&err, ret, "cannot list the keys");
			ret = ui_fail(&err);
		}
	}
free:
	ward_vaults_free(&vaults);
	return ret;
}

static int run(int argc, char **argv)
{
	const char *what;
	int ret;

	if (verb_getopt(argc, argv, NULL) != VERB_DONE)
		return WARD_USAGE;
	ret = verb_args(argc, 2, 2);
	if (ret)
		return ret;
	what = argv[optind];
	if (!strcmp(what, "add") || !strcmp(what, "remove") || !strcmp(what, "rotate"))
		return verb_usage("this version cannot %s keys yet", what);
	if (strcmp(what, "list"))
		return verb_usage("there is no wardctl key %s: list", what);
	ret = ui_need_root();
	return ret ? ret : list(argv[optind + 1]);
}

const struct verb verb_key = {
	.name = "key",
	.args = "list NAME|DIR",
	.what = "lists the keys that open a vault",
	.run = run,
};
