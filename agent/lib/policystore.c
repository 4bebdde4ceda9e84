// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files of a policy in .ward. The kernel takes .ward/policy.new, and then that takes the
 * place of .ward/policy; who is stopped in between leaves both.
 */
#include <errno.h>
#include <stdlib.h>

#include "durable.h"
#include "policystore.h"

/* Whether a file is the policy with this serial number; or a negative errno. */
static int has_serial(int dirfd, const char *name, const uint8_t uuid[WARD_UUID_SIZE],
		      uint64_t serial)
{
	struct ward_policy policy;
	size_t len;
	void *blob;
	int ret = ward_durable_read(dirfd, name, WARD_POLICY_MAX, &blob, &len);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = ward_policy_decode(blob, len, uuid, &policy);
	free(blob);
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	ret = policy.serial == serial;
	ward_policy_free(&policy);
	return ret;
}

/**
 * ward_policy_settle - have the policy in force be the one in .ward/policy
 * @dirfd: .ward
 * @uuid: of the vault
 * @serial: of the policy in force
 *
 * Where .ward/policy is another one, and .ward/policy.new is it, that takes its place: a crash
 * had come before. To be called before anything is written to .ward/policy.new, which would
 * else be lost, and the vault open to nobody when it is next unlocked. The caller has the
 * vault's lock.
 *
 * Return: 1 when it has; 0 when there is nothing to do, or nothing to do it with; a negative
 * errno.
 */
int ward_policy_settle(int dirfd, const uint8_t uuid[WARD_UUID_SIZE], uint64_t serial)
{
	int ret = serial ? has_serial(dirfd, WARD_POLICY_NAME, uuid, serial) : 1;

	if (ret)
		return ret < 0 ? ret : 0;
	ret = has_serial(dirfd, WARD_POLICY_NEW_NAME, uuid, serial);
	if (ret <= 0)
		return ret;
	ret = ward_durable_rename(dirfd, WARD_POLICY_NEW_NAME, WARD_POLICY_NAME);
	return ret ? ret : 1;
}
