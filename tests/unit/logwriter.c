// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes an event log with wardd's own code, without a kernel module: events are made up, all
 * else is real. Reads commands, one a line:
 *
 *	open		as when wardd is started
 *	append COUNT	so many events
 *	seal CAUSE	a seal
 *	tick		what wardd does every few seconds
 *	reopen		as when another file may be in the log's place
 *	rotate		a new file
 *	new-key		take the key in log.next
 *	close		as when wardd ends in order
 *	exit		as when it is killed
 *
 * After each it says the status, the number of the last event, and that of the next seal. The key
 * and what goes with it lie in "state", in the current directory.
 *
 * Argument: the configuration.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "wardd/wardd.h"

/* Not what is being tested, and not to be linked. */
void wardd_journal(json_t *object)
{
}

static void vault_name(const uint8_t *uuid, char *name, char *dir, void *arg)
{
	sprintf(name, "cases%u", uuid[0]);
	sprintf(dir, "/srv/cases%u", uuid[0]);
}

static void user_name(uint32_t uid, char *name, void *arg)
{
	sprintf(name, "user%u", uid);
}

static void bytes(struct ward_bytes *b, const char *text)
{
	b->data = (const uint8_t *)text;
	b->length = strlen(text);
}

static const char * const programs[] = {
	"/usr/bin/cat", "/usr/bin/tar", "/usr/sbin/smbd", "/usr/lib/libreoffice/program/soffice.bin",
};

static int append(struct wardd_writer *w, const uint8_t *load_id)
{
	static const struct ward_log_names names = { vault_name, user_name, NULL };
	uint64_t n = w->sequence + 1;
	struct timespec now;
	char path[128];
	struct ward_event e = {
		.sequence = n,
		.kind = n % 7 == 6 ? WARD_KIND_TAMPER :
			n % 3 ? WARD_KIND_VIOLATION : WARD_KIND_AUDIT,
		.action = 1 + n % 12,
		.reason = n % 11 ? WARD_REASON_POLICY : WARD_REASON_LOCKED,
		.error = n % 3 ? 13 : 0,
		.count = n % 50 ? 1 : 17,
		.has = WARD_EVENT_HAS_VAULT | WARD_EVENT_HAS_UID | WARD_EVENT_HAS_EUID |
		       WARD_EVENT_HAS_LOGINUID | WARD_EVENT_HAS_GID | WARD_EVENT_HAS_PID |
		       WARD_EVENT_HAS_PPID | WARD_EVENT_HAS_INODE,
		.uid = 60000 + n % 200,
		.euid = 60000 + n % 200,
		.loginuid = 60000 + n % 200,
		.gid = 61010,
		.pid = 1000 + n % 30000,
		.ppid = 999,
		.inode = 1000000 + n,
		.rule = n % 3 ? NULL : "caseworkers",
	};
	json_t *o;
	int ret;

	clock_gettime(CLOCK_REALTIME, &now);
	e.time = now.tv_sec * 1000000000ULL + now.tv_nsec;
	e.last_time = e.time;
	e.vault[0] = n % 4;
	memcpy(e.load_id, load_id, sizeof(e.load_id));
	sprintf(path, "/department %02u/letter \"%06u\"\001.odt", (unsigned int)n % 40,
		(unsigned int)n);
	bytes(&e.path, path);
	bytes(&e.exe, programs[n % 4]);
	bytes(&e.comm, strrchr(programs[n % 4], '/') + 1);
	o = ward_log_event(&e, &names);
	ret = o ? wardd_writer_append(w, o, &e) : -ENOMEM;
	json_decref(o);
	return ret;
}

static int command(struct wardd_writer *w, const char *line, const uint8_t *load_id)
{
	uint64_t count;
	char word[16];
	int ret = 0;

	if (!strcmp(line, "open"))
		return wardd_writer_open(w);
	if (sscanf(line, "append %" SCNu64, &count) == 1) {
		while (!ret && count--)
			ret = append(w, load_id);
		return ret ? ret : wardd_writer_sync(w);
	}
	if (sscanf(line, "seal %15s", word) == 1)
		return wardd_seal(w, word);
	if (!strcmp(line, "tick"))
		wardd_writer_tick(w);
	else if (!strcmp(line, "reopen"))
		return wardd_writer_reopen(w, false);
	else if (!strcmp(line, "rotate"))
		return wardd_rotate(w);
	else if (!strcmp(line, "new-key"))
		return wardd_seal_new_key(w);
	else if (!strcmp(line, "close"))
		wardd_writer_close(w);
	else if (!strcmp(line, "exit"))
		exit(0);
	else
		return -EINVAL;
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t load_id[WARD_LOAD_ID_SIZE] = "one load of it.";
	struct ward_settings settings;
	struct wardd_writer w;
	struct ward_err err;
	char line[256];

	ward_err_clear(&err);
	if (argc != 2 || ward_settings_load(argv[1], &settings, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	wardd_writer_init(&w, &settings);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		printf("%d ", command(&w, line, load_id));
		printf("%" PRIu64 " %" PRIu64 "\n", w.sequence, w.seal.state.number);
		fflush(stdout);
	}
	return 0;
}
