// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl doctor: what on this machine would stop Ward from working, and the mend. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../lib/log.h"
#include "../lib/seal.h"
#include "../lib/mnt.h"
#include "../lib/policyfile.h"
#include "../lib/program.h"
#include "../lib/settings.h"
#include "../lib/text.h"
#include "doctor.h"
#include "policy.h"
#include "verb.h"

#define HOURS_WARN	(60L * 86400)	/* seconds before their end */

/* ---- what was found ---------------------------------------------------------------- */

static const char * const words[] = { "ok", "warning", "problem" };

static void put(const char *text)
{
	char *escaped = ward_text_escape(text, strlen(text));

	fputs(escaped ? escaped : "(not enough memory)", stdout);
	free(escaped);
}

/**
 * doctor_say - what one look found
 * @d: the findings
 * @state: how bad it is
 * @name: what was looked at; short, and the same for ever: scripts read it
 * @mend: what to do about it; NULL when it is in order
 * @fmt: what was found
 */
void doctor_say(struct doctor *d, enum doctor_state state, const char *name, const char *mend,
		const char *fmt, ...)
{
	static const char * const colors[] = { "32", "33", "31" };
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	d->count[state]++;
	if (d->json) {
		json_t *o = json_pack("{s:s, s:s, s:o}", "name", name, "state", words[state],
				      "text", ui_string(text));

		if (o && mend)
			json_object_set_new(o, "mend", ui_string(mend));
		json_array_append_new(d->json, o);
		return;
	}
	if (state == DOCTOR_OK && verb_globals.quiet)
		return;
	if (d->color)
		printf("\033[%sm%-8s\033[0m %-12s ", colors[state], words[state], name);
	else
		printf("%-8s %-12s ", words[state], name);
	put(text);
	putchar('\n');
	if (mend) {
		printf("%21s -> ", "");
		put(mend);
		putchar('\n');
	}
}

/* ---- the module --------------------------------------------------------------------- */

static bool file_system_known(void)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char line[128];
	bool known = false;

	while (f && !known && fgets(line, sizeof(line), f))
		known = strstr(line, "\t" WARD_FSTYPE "\n");
	if (f)
		fclose(f);
	return known;
}

/* Is the module installed for the kernel that runs? */
static bool module_installed(char *release, size_t size)
{
	struct utsname uts;
	char path[512], line[1024];
	bool found = false;
	FILE *f;

	release[0] = '\0';
	if (uname(&uts))
		return false;
	snprintf(release, size, "%s", uts.release);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", uts.release);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":\n")] = '\0';
		found = strstr(line, "/wardfs.ko");
	}
	if (f)
		fclose(f);
	return found;
}

/* Through a variable, because nothing is less than format 0. */
static bool too_old(const struct ward_module *module)
{
	uint32_t wanted = WARD_FORMAT_VERSION;

	return module->format < wanted;
}

static void look_at_module(struct doctor *d)
{
	struct ward_module *module = &d->module;
	char release[80];
	int ret;

	if (!file_system_known()) {
		d->no_module = true;
		if (module_installed(release, sizeof(release)))
			doctor_say(d, DOCTOR_PROBLEM, "module",
				   "modprobe wardfs; to have it at every boot: echo wardfs >/etc/modules-load.d/ward.conf",
				   "the kernel module wardfs is installed, but not loaded");
		else
			doctor_say(d, DOCTOR_PROBLEM, "module",
				   "install the package for this kernel, or: make install && depmod && modprobe wardfs",
				   "the kernel module wardfs is not installed for the running kernel %s",
				   release);
		return;
	}
	ret = ward_nl_open(&d->nl);
	if (ret) {
		d->no_module = true;
		doctor_say(d, DOCTOR_PROBLEM, "module",
			   "unmount the vaults, then: modprobe -r wardfs && modprobe wardfs",
			   "the module is loaded, but its netlink family \"%s\" does not answer: %s",
			   WARD_GENL_NAME, strerror(-ret));
		return;
	}
	ret = ward_nl_module_get(d->nl, module);
	if (ret) {
		doctor_say(d, DOCTOR_PROBLEM, "module",
			   "install module and tools of one version, and load the module anew",
			   "the module does not say what it is: %s",
			   ward_nl_why(d->nl)[0] ? ward_nl_why(d->nl) : strerror(-ret));
		d->no_module = true;
	} else if (too_old(module)) {
		d->no_module = true;
		doctor_say(d, DOCTOR_PROBLEM, "module",
			   "install the module of this version, unmount the vaults, and load it anew",
			   "the module %s knows format %u at most, these tools make format %u",
			   module->version, module->format, WARD_FORMAT_VERSION);
	} else {
		d->loaded = true;
		doctor_say(d, DOCTOR_OK, "module", NULL, "wardfs %s, format %u", module->version,
			   module->format);
		if (module->dropped)
			doctor_say(d, DOCTOR_WARNING, "events", "report this as a bug",
				   "%" PRIu64 " events found no place in the kernel's ring",
				   module->dropped);
	}
}

/* ---- configuration ------------------------------------------------------------------- */

static void look_at_vault(struct doctor *d, const struct ward_conf *conf)
{
	char path[128], mend[512];
	struct ward_policy policy;
	struct ward_err err;
	struct stat st;
	char *text;
	size_t len;

	snprintf(path, sizeof(path), "%s/%.64s.conf", WARD_CONF_DIR, conf->name);
	ward_err_clear(&err);
	if (ward_conf_text(conf->name, &text, &len, &err)) {
		doctor_say(d, DOCTOR_PROBLEM, "vaults", "correct it", "%s", err.text);
		return;
	}
	if (ward_policy_parse(text, len, path, &policy, &err)) {
		snprintf(mend, sizeof(mend), "wardctl policy check %s lists them", path);
		doctor_say(d, DOCTOR_WARNING, "vaults", mend,
			   "%s has mistakes in its rules; what was loaded before is in force",
			   path);
	} else {
		ward_policy_free(&policy);
	}
	free(text);
	if (lstat(conf->directory, &st) || !S_ISDIR(st.st_mode))
		doctor_say(d, DOCTOR_PROBLEM, "vaults",
			   "mount the volume that it lies on, or correct directory= in its file",
			   "%s: the directory %s is not there", conf->name, conf->directory);
}

/*
 * A program that was replaced is another one, until the rules are renewed or loaded anew; and
 * local time may have been decided otherwise, or by somebody who should not.
 */
static void look_at_programs(struct doctor *d, const struct ward_conf *conf, struct ward_nl *nl)
{
	struct ward_policy policy;
	struct ward_err err;
	char mend[256];
	void *blob;
	size_t len, i;

	ward_err_clear(&err);
	/* What cannot be read is for others to say. */
	if (policy_read_stored(conf, &blob, &len, &policy, &err))
		return;
	ward_err_clear(&err);
	ward_policy_stale_programs(&policy, nl, &err);
	snprintf(mend, sizeof(mend), "wardctl policy renew %.64s, for what a package replaced; else policy load",
		 conf->name);
	for (i = 0; i < err.count; i++)
		doctor_say(d, DOCTOR_WARNING, "programs", mend, "%s: %s", conf->name, err.notes[i]);
	ward_err_clear(&err);
	ward_policy_check_hours(&policy, &err);
	snprintf(mend, sizeof(mend), "wardctl policy load %.64s", conf->name);
	for (i = 0; i < err.count; i++)
		doctor_say(d, DOCTOR_WARNING, "hours", mend, "%s: %s", conf->name, err.notes[i]);
	ward_policy_free(&policy);
	free(blob);
}

/*
 * Rules in force that do not say any more what they meant. Hours know their time for two
 * years after they were loaded.
 */
static void look_at_rules(struct doctor *d, const struct ward_conf_list *list)
{
	struct ward_mounted vault;
	struct ward_nl *nl;
	char mend[256];
	size_t i;

	if (ward_nl_open(&nl))
		return;
	for (i = 0; i < list->count; i++) {
		if (ward_nl_vault_get(nl, list->conf[i].uuid, &vault))
			continue;
		look_at_programs(d, &list->conf[i], nl);
		if (!vault.hours_end || (time_t)vault.hours_end - time(NULL) > HOURS_WARN)
			continue;
		snprintf(mend, sizeof(mend), "wardctl policy renew %.64s, and see that wardd runs",
			 list->conf[i].name);
		doctor_say(d, DOCTOR_WARNING, "hours", mend,
			   "%s: the hours of its rules are known for two years after they were loaded, and that is over, or soon will be",
			   list->conf[i].name);
	}
	ward_nl_close(nl);
}

static void look_at_configuration(struct doctor *d)
{
	struct ward_conf_list list;
	struct ward_err err;
	size_t i;

	ward_err_clear(&err);
	if (ward_settings_load(WARD_SETTINGS_PATH, &d->settings, &err))
		doctor_say(d, DOCTOR_PROBLEM, "ward.conf", "correct it: see ward.conf(5)", "%s",
			   err.text);
	else
		doctor_say(d, DOCTOR_OK, "ward.conf", NULL, "in order, or not there");
	ward_err_clear(&err);
	if (ward_conf_list(&list, &err)) {
		doctor_say(d, DOCTOR_PROBLEM, "vaults", "look at " WARD_CONF_DIR, "%s", err.text);
		return;
	}
	for (i = 0; i < err.count; i++)
		doctor_say(d, DOCTOR_PROBLEM, "vaults", "correct it, or move it away", "%s",
			   err.notes[i]);
	for (i = 0; i < list.count; i++)
		look_at_vault(d, &list.conf[i]);
	look_at_rules(d, &list);
	doctor_say(d, DOCTOR_OK, "vaults", NULL, "%zu configured in %s", list.count,
		   WARD_CONF_DIR);
	ward_conf_list_free(&list);
}

/* ---- places, and the daemon -------------------------------------------------------------- */

static void look_at_run(struct doctor *d)
{
	struct stat st;

	if (lstat(WARD_RUN_DIR, &st)) {
		/* It is made when it is needed. */
		if (errno != ENOENT)
			doctor_say(d, DOCTOR_PROBLEM, "run", "remove what is in its place",
				   "%s cannot be looked at: %s", WARD_RUN_DIR, strerror(errno));
		else
			doctor_say(d, DOCTOR_OK, "run", NULL, "%s is not there yet", WARD_RUN_DIR);
		return;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid || st.st_mode & 022)
		doctor_say(d, DOCTOR_PROBLEM, "run",
			   "chown root: " WARD_RUN_DIR " && chmod 700 " WARD_RUN_DIR
			   ", after looking at who changed it",
			   "%s is no directory that only root can write", WARD_RUN_DIR);
	else
		doctor_say(d, DOCTOR_OK, "run", NULL, "%s is root's", WARD_RUN_DIR);
}

/* Number of the last event in the log, of this load of the module; 0 for none. */
static uint64_t last_in_log(const struct doctor *d)
{
	int fd = open(d->settings.log, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint8_t load_id[WARD_LOAD_ID_SIZE];
	uint64_t end, total, last = 0;
	json_t *o = NULL;
	char *line;
	size_t len;

	if (fd < 0)
		return 0;
	if (ward_log_last(fd, &line, &len, &end) || !line)
		goto close;
	o = json_loadb(line, len, 0, NULL);
	if (ward_log_position(o, load_id, &last, &total) ||
	    memcmp(load_id, d->module.load_id, sizeof(load_id)))
		last = 0;
	json_decref(o);
	free(line);
close:
	close(fd);
	return last;
}

/* The key that proves the log proves nothing while it lies beside it. */
static void look_at_seals(struct doctor *d)
{
	if (!d->settings.seal)
		doctor_say(d, DOCTOR_WARNING, "seals", "take \"seal = no\" out of ward.conf",
			   "the log is not sealed: who becomes root can change what it says of before");
	else if (access(WARD_SEAL_DIR "/" WARD_SEAL_STATE, F_OK))
		doctor_say(d, DOCTOR_OK, "seals", NULL, "the log has none yet");
	else if (!access(WARD_SEAL_DIR "/" WARD_SEAL_PENDING, F_OK))
		doctor_say(d, DOCTOR_WARNING, "seals", "wardctl log key, and keep what it shows elsewhere",
			   "the log is sealed, but the key that proves it still lies on this machine");
	else
		doctor_say(d, DOCTOR_OK, "seals", NULL, "the log is sealed, and the key was given out");
}

static void look_at_daemon(struct doctor *d)
{
	uint64_t last;

	if (!ward_daemon_pid()) {
		doctor_say(d, DOCTOR_WARNING, "wardd",
			   "systemctl enable --now wardd; without systemd: wardd &",
			   "wardd does not run: files stay usable, but nobody records what happens to them, and a vault is not checked after a crash");
		return;
	}
	doctor_say(d, DOCTOR_OK, "wardd", NULL, "runs");
	if (!d->loaded)
		return;
	last = last_in_log(d);
	/* What happens while we look is not behind. */
	if (last + 1 < d->module.next)
		doctor_say(d, DOCTOR_PROBLEM, "log",
			   "wardd says why, in the journal or on its standard error; often the file system of the log is full",
			   "%s lacks %" PRIu64 " events that the kernel has", d->settings.log,
			   d->module.next - 1 - last);
	else
		doctor_say(d, DOCTOR_OK, "log", NULL, "%s has every event", d->settings.log);
}

static int run(int argc, char **argv)
{
	struct doctor d = { 0 };
	unsigned int problems;
	int c, ret;

	while ((c = verb_getopt(argc, argv, NULL)) != VERB_DONE)
		if (c == VERB_BAD)
			return WARD_USAGE;
	ret = verb_args(argc, 0, 0);
	if (!ret)
		ret = ui_need_root();
	if (ret)
		return ret;
	d.json = verb_globals.json ? json_array() : NULL;
	d.color = verb_globals.color && isatty(STDOUT_FILENO);
	look_at_module(&d);
	doctor_crypto(&d);
	doctor_keyring(&d);
	look_at_configuration(&d);
	look_at_run(&d);
	look_at_daemon(&d);
	look_at_seals(&d);
	doctor_yama(&d);
	doctor_swap(&d);
	ward_nl_close(d.nl);
	problems = d.count[DOCTOR_PROBLEM];
	ret = !problems ? WARD_DONE : d.no_module ? WARD_NO_MODULE : WARD_FAILED;
	if (d.json) {
		if (ui_json(json_pack("{s:I, s:I, s:o}", "problems", (json_int_t)problems,
				      "warnings", (json_int_t)d.count[DOCTOR_WARNING], "checks",
				      d.json)))
			return WARD_FAILED;
	} else if (problems) {
		printf("\n%u problem%s would stop Ward from working.\n", problems,
		       problems > 1 ? "s" : "");
	} else if (!verb_globals.quiet) {
		printf("\nNothing stops Ward from working%s.\n", d.count[DOCTOR_WARNING] ?
		       "; mind the warnings" : "");
	}
	return ret;
}

const struct verb verb_doctor = {
	.name = "doctor",
	.args = "",
	.what = "tells what on this machine would stop Ward, and the mend",
	.help =
	"Changes nothing. The exit status is 0 when nothing stops Ward from working, 8 when\n"
	"the kernel module does, 1 when something else does. Warnings stop nothing.\n",
	.run = run,
};
