// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The vault as such: locking and unlocking it by netlink, with the key that
 * tests/fs/testvault.py gives every vault it makes.
 */
#include <keyutils.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <sys/mount.h>

#include "compare.h"
#include "ward_format.h"
#include "ward_netlink.h"

static uint8_t uuid[16];
static char uuid_text[37];
static unsigned long mount_flags;

/* The UUID of the vault that is mounted there, out of its options. Return: 0, or -1. */
int vault_find(const char *dir)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "r");
	char line[4096], where[1024];
	int i, at = 0;

	while (mounts && fgets(line, sizeof(line), mounts)) {
		char *sb = strstr(line, " - wardfs "), *id = sb ? strstr(sb, "uuid=") : NULL;

		if (id && sscanf(line, "%*s %*s %*s %*s %1023s", where) == 1 &&
		    !strcmp(where, dir)) {
			snprintf(uuid_text, sizeof(uuid_text), "%.36s", id + 5);
			mount_flags = strstr(line, "relatime") ? 0 : MS_STRICTATIME;
		}
	}
	if (mounts)
		fclose(mounts);
	for (i = 0; i < 16 && uuid_text[at]; i++) {
		at += uuid_text[at] == '-';
		if (sscanf(uuid_text + at, "%2hhx", &uuid[i]) != 1)
			return -1;
		at += 2;
	}
	return i == 16 ? 0 : -1;
}

static int command(uint8_t cmd, const int32_t *serial)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc();
	int err = -1, family;

	if (!sock || !msg || genl_connect(sock))
		goto out;
	family = genl_ctrl_resolve(sock, WARD_GENL_NAME);
	if (family < 0)
		goto out;
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, cmd, WARD_GENL_VERSION);
	nla_put(msg, WARD_A_VAULT_ID, sizeof(uuid), uuid);
	if (serial)
		nla_put(msg, WARD_A_KEY_SERIAL, sizeof(*serial), serial);
	if (nl_send_auto(sock, msg) >= 0)
		err = nl_wait_for_ack(sock);
out:
	if (err < 0)
		fprintf(stderr, "compare: netlink: %s\n", nl_geterror(err));
	nlmsg_free(msg);
	nl_socket_free(sock);
	return err < 0 ? -1 : 0;
}

int vault_lock(void)
{
	return command(WARD_CMD_LOCK, NULL);
}

int vault_unlock(void)
{
	struct {
		uint32_t version, generation;
		uint8_t key[32];
	} payload = { WARD_FORMAT_VERSION, 1 };
	char name[64];
	int32_t serial;
	int i;

	for (i = 0; i < 32; i++)
		payload.key[i] = i;
	snprintf(name, sizeof(name), "ward:%s", uuid_text);
	serial = add_key("ward", name, &payload, sizeof(payload), KEY_SPEC_USER_KEYRING);
	return serial < 0 ? -1 : command(WARD_CMD_UNLOCK, &serial);
}

int vault_mount(const char *dir)
{
	return mount(dir, dir, "wardfs", mount_flags, NULL);
}

int vault_umount(const char *dir)
{
	return umount(dir);
}
