// SPDX-License-Identifier: GPL-2.0-or-later
/* wardctl doctor: the machine that Ward runs on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <keyutils.h>
#include <linux/if_alg.h>

#include "doctor.h"

#define DEPTH_MAX	8	/* devices on devices */

/* The first line of a small file, without its newline. */
static bool first_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool got = f && fgets(line, size, f);

	if (got)
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	return got;
}

/* ---- cryptography --------------------------------------------------------------------- */

/**
 * struct algorithm - what the module needs of the kernel
 * @type: as AF_ALG calls it
 * @name: as the kernel's crypto API calls it
 */
struct algorithm {
	const char *type;
	const char *name;
};

static const struct algorithm algorithms[] = {
	{ "aead", "gcm(aes)" },
	{ "skcipher", "ctr(aes)" },
	{ "hash", "hmac(sha256)" },
	{ "hash", "hmac(sha512)" },
	{ "hash", "sha256" },
};

/* The driver that the kernel would take, as /proc/crypto has it; "" for none. */
static void crypto_driver(const char *name, char *driver, size_t size)
{
	char line[256], here[256] = "", best[256] = "";
	FILE *f = fopen("/proc/crypto", "re");
	bool wanted = false;
	long priority, highest = -1;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "name         : ", 15))
			wanted = !strcmp(line + 15, name);
		else if (wanted && !strncmp(line, "driver       : ", 15))
			strcpy(here, line + 15);
		else if (wanted && !strncmp(line, "priority     : ", 15)) {
			priority = strtol(line + 15, NULL, 10);
			if (priority > highest) {
				highest = priority;
				strcpy(best, here);
			}
		}
	}
	if (f)
		fclose(f);
	snprintf(driver, size, "%s", best);
}

/* 0; -ENOENT when the kernel does not have it; -EAFNOSUPPORT when it cannot be asked. */
static int has_algorithm(const struct algorithm *a)
{
	struct sockaddr_alg address = { .salg_family = AF_ALG };
	char driver[256];
	int fd, ret = 0;

	crypto_driver(a->name, driver, sizeof(driver));
	if (driver[0])
		return 0;
	strcpy((char *)address.salg_type, a->type);
	strcpy((char *)address.salg_name, a->name);
	fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -EAFNOSUPPORT;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		ret = errno == ENOENT ? -ENOENT : -EAFNOSUPPORT;
	close(fd);
	return ret;
}

static bool cpu_has_aes(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool has = false;

	while (f && !has && fgets(line, sizeof(line), f))
		has = (!strncmp(line, "flags", 5) || !strncmp(line, "Features", 8)) &&
		      strstr(line, " aes");
	if (f)
		fclose(f);
	return has;
}

/**
 * doctor_crypto - does the kernel have the ciphers, and fast ones
 * @d: the findings
 */
void doctor_crypto(struct doctor *d)
{
	char driver[256];
	bool complete = true;
	size_t i;

	for (i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		int ret = has_algorithm(&algorithms[i]);

		if (!ret)
			continue;
		complete = false;
		if (ret == -ENOENT)
			doctor_say(d, DOCTOR_PROBLEM, "crypto",
				   "use a kernel that has it: Debian's do, as modules (gcm, ctr, hmac, sha256, sha512)",
				   "the kernel has no %s", algorithms[i].name);
		else
			doctor_say(d, DOCTOR_WARNING, "crypto", "modprobe wardfs tells",
				   "the kernel cannot be asked whether it has %s",
				   algorithms[i].name);
	}
	if (!complete)
		return;
	crypto_driver("gcm(aes)", driver, sizeof(driver));
	if (!driver[0])
		doctor_say(d, DOCTOR_OK, "crypto", NULL, "the kernel has what is needed");
	else if (cpu_has_aes() && !strstr(driver, "aesni") && !strstr(driver, "vaes") &&
		 !strstr(driver, "-ce") && !strstr(driver, "neon"))
		doctor_say(d, DOCTOR_WARNING, "crypto",
			   "modprobe aesni_intel before a vault is unlocked",
			   "AES-GCM is done by %s, though this processor has instructions for it: slow",
			   driver);
	else if (!cpu_has_aes())
		doctor_say(d, DOCTOR_WARNING, "crypto",
			   "consider new vaults with the suite chacha20-poly1305, which is faster here",
			   "this processor has no instructions for AES; AES-GCM is done by %s",
			   driver);
	else
		doctor_say(d, DOCTOR_OK, "crypto", NULL, "AES-GCM by %s", driver);
}

/* ---- keys -------------------------------------------------------------------------------- */

static long keys_setting(const char *name)
{
	char path[128], line[64];

	snprintf(path, sizeof(path), "/proc/sys/kernel/keys/%s", name);
	return first_line(path, line, sizeof(line)) ? strtol(line, NULL, 10) : -1;
}

/**
 * doctor_keyring - can the kernel keep the vaults' keys
 * @d: the findings
 */
void doctor_keyring(struct doctor *d)
{
	key_serial_t id;
	long most;

	/* Too short for a key: refused by the key type, when there is one. */
	id = add_key("ward", "ward:doctor", "", 1, KEY_SPEC_PROCESS_KEYRING);
	if (id >= 0)
		keyctl_invalidate(id);
	if (id < 0 && errno == ENOSYS) {
		doctor_say(d, DOCTOR_PROBLEM, "keyring", "use a kernel with CONFIG_KEYS",
			   "the kernel keeps no keys");
		return;
	}
	if (id < 0 && errno == EPERM) {
		doctor_say(d, DOCTOR_PROBLEM, "keyring",
			   "run Ward outside of the container, or allow add_key(2) in it",
			   "this process may not add keys to the kernel");
		return;
	}
	if (id < 0 && errno == ENODEV && d->loaded) {
		doctor_say(d, DOCTOR_PROBLEM, "keyring", "load the module anew",
			   "the kernel does not know keys of type \"ward\"");
		return;
	}
	most = keys_setting("root_maxkeys");
	if (most >= 0 && most < 20)
		doctor_say(d, DOCTOR_WARNING, "keyring", "sysctl kernel.keys.root_maxkeys=1000000",
			   "root may have %ld keys only", most);
	else
		doctor_say(d, DOCTOR_OK, "keyring", NULL, "the kernel keeps keys");
}

/* ---- plaintext that leaks ------------------------------------------------------------------ */

/**
 * doctor_yama - may processes of one user read each other's memory
 * @d: the findings
 */
void doctor_yama(struct doctor *d)
{
	char line[32];

	if (!first_line("/proc/sys/kernel/yama/ptrace_scope", line, sizeof(line)))
		doctor_say(d, DOCTOR_WARNING, "yama", "boot a kernel with lsm=...,yama",
			   "the Yama security module is not there: any program of a user can take over an allowed program of the same user");
	else if (strtol(line, NULL, 10) < 1)
		doctor_say(d, DOCTOR_WARNING, "yama",
			   "sysctl kernel.yama.ptrace_scope=1; to keep it: put that into /etc/sysctl.d/ward.conf",
			   "kernel.yama.ptrace_scope is 0: any program of a user can take over an allowed program of the same user");
	else
		doctor_say(d, DOCTOR_OK, "yama", NULL, "kernel.yama.ptrace_scope is %s", line);
}

static bool encrypted(unsigned int major, unsigned int minor, int depth);

/* Is each of the devices below this one? False when there is none. */
static bool slaves_encrypted(const char *device, int depth)
{
	char path[512], line[32];
	bool all = false;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/slaves", device);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		unsigned int major, minor;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%.200s/dev", e->d_name);
		all = first_line(path, line, sizeof(line)) &&
		      sscanf(line, "%u:%u", &major, &minor) == 2 &&
		      encrypted(major, minor, depth + 1);
		if (!all)
			break;
	}
	if (dir)
		closedir(dir);
	return all;
}

/* Is what is written to this device encrypted, or does it stay in memory? */
static bool encrypted(unsigned int major, unsigned int minor, int depth)
{
	char device[64], path[128], line[256], *name;

	if (depth > DEPTH_MAX)
		return false;
	snprintf(device, sizeof(device), "/sys/dev/block/%u:%u", major, minor);
	snprintf(path, sizeof(path), "%s/dm/uuid", device);
	if (first_line(path, line, sizeof(line)) && !strncmp(line, "CRYPT-", 6))
		return true;
	name = realpath(device, NULL);
	if (name && strstr(name, "/zram")) {
		free(name);
		return true;
	}
	free(name);
	return slaves_encrypted(device, depth);
}

/* /proc/swaps writes white space in names as octal numbers. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/**
 * doctor_swap - could plaintext be written to a disk as it is
 * @d: the findings
 */
void doctor_swap(struct doctor *d)
{
	FILE *f = fopen("/proc/swaps", "re");
	char line[4200];
	int plain = 0, all = 0;

	/* The first line is a heading. */
	if (f && fgets(line, sizeof(line), f)) {
		while (fgets(line, sizeof(line), f)) {
			struct stat st;
			dev_t dev;

			line[strcspn(line, " \t\n")] = '\0';
			unescape(line);
			all++;
			if (!stat(line, &st)) {
				dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
				if (encrypted(major(dev), minor(dev), 0))
					continue;
			}
			plain++;
			doctor_say(d, DOCTOR_WARNING, "swap",
				   "swapoff it, or put it on dm-crypt with a random key (crypttab(5): swap)",
				   "%s is not encrypted: file contents can be written to it as they are",
				   line);
		}
	}
	if (f)
		fclose(f);
	if (!all)
		doctor_say(d, DOCTOR_OK, "swap", NULL, "there is none");
	else if (!plain)
		doctor_say(d, DOCTOR_OK, "swap", NULL, "is encrypted, or in memory");
}
