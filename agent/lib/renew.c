// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Renewing a policy: docs/policy.md, "Renewal". Packages replace programs, and years go by;
 * rules stay what somebody loaded who knew a secret of the vault. The kernel authenticates
 * the renewed policy, when it finds the rules in it that are in force.
 */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "durable.h"
#include "mnt.h"
#include "package.h"
#include "policyfile.h"
#include "policystore.h"
#include "program.h"
#include "renew.h"

/* From here to there nobody stops us but by force. */
static void hold_signals(sigset_t *before)
{
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigaddset(&some, SIGINT);
	sigaddset(&some, SIGHUP);
	sigprocmask(SIG_BLOCK, &some, before);
}

/* Takes .ward/policy.new, and has it in the old one's place. */
static int take_new(struct ward_nl *nl, const struct ward_conf *conf, int dirfd,
		    struct ward_err *err)
{
	int ret = ward_nl_policy_load(nl, conf->uuid);

	if (ret) {
		ward_fail(err, -ret, ret == -EPERM ? WARD_NOT_PERMITTED :
			  ret == -ENOKEY ? WARD_LOCKED : WARD_FAILED,
			  "the kernel does not take the policy: %s; the old one stays in force",
			  ward_nl_why(nl)[0] ? ward_nl_why(nl) : strerror(-ret));
		ward_durable_unlink(dirfd, WARD_POLICY_NEW_NAME);
		return ret;
	}
	ret = ward_durable_rename(dirfd, WARD_POLICY_NEW_NAME, WARD_POLICY_NAME);
	if (ret)
		return ward_fail_errno(err, ret,
				       "the policy is in force, but cannot be kept: load it again before the vault is locked; .ward/policy");
	return 0;
}

/* What a crash left in .ward/policy.new may be the policy in force: it is not lost. */
static int settle(struct ward_nl *nl, const struct ward_conf *conf, int dirfd,
		  struct ward_err *err)
{
	struct ward_mounted vault;
	int ret = ward_nl_vault_get(nl, conf->uuid, &vault);

	/* The kernel says why, when it is asked to take the new one. */
	if (ret || vault.state != WARD_STATE_UNLOCKED)
		return 0;
	ret = ward_policy_settle(dirfd, conf->uuid, vault.policy_serial);
	return ret < 0 ? ward_fail_errno(err, ret, "cannot keep the policy in force in .ward/policy") :
	       0;
}

/**
 * ward_policy_put_in_force - have the kernel take a compiled policy
 * @nl: to the kernel
 * @conf: the vault, which is unlocked
 * @dirfd: its .ward
 * @blob: the policy with its MAC
 * @len: bytes
 * @err: says what is wrong; the old one is in force then, unless it says otherwise
 *
 * First the new file, then the kernel takes it and notes its serial in the epoch record, then
 * it takes the old one's place. SIGTERM, SIGINT and SIGHUP wait for that. The caller has the
 * vault's lock.
 *
 * Return: 0 or a negative errno.
 */
int ward_policy_put_in_force(struct ward_nl *nl, const struct ward_conf *conf, int dirfd,
			     const void *blob, size_t len, struct ward_err *err)
{
	sigset_t before;
	int ret = settle(nl, conf, dirfd, err);

	if (ret)
		return ret;
	ret = ward_durable_write(dirfd, WARD_POLICY_NEW_NAME, blob, len, 0600);
	if (ret)
		return ward_fail_errno(err, ret, "cannot write .ward/policy.new");
	hold_signals(&before);
	ret = take_new(nl, conf, dirfd, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

/* ---- what is to be renewed ------------------------------------------------------------- */

/* A program that a package replaced. Others are left for who loads the rules. */
static void look_at_program(struct ward_policy_program *program, struct ward_nl *nl,
			    struct ward_renewal *done, struct ward_err *err)
{
	struct ward_program_id now;
	char real[PATH_MAX];
	struct ward_err why;
	bool chosen;
	int fd, ret;

	ward_err_clear(&why);
	fd = ward_program_open(program->path, &why);
	if (fd < 0) {
		if (fd != -ENOENT) {
			done->left++;
			ward_note(err, "%.400s: rules that name it stay with the file that it was",
				  why.text);
		}
		return;
	}
	ret = ward_nl_program_get(nl, fd, &now);
	if (ret || !memcmp(&now, &program->id, sizeof(now)))
		goto close;
	if (ward_program_real(program->path, real, &chosen, &why))
		goto close;
	if (chosen) {
		done->left++;
		ward_note(err, "%.200s is %.200s now, as /etc/alternatives has it, which no rule follows: load the rules anew if that is meant, best with %.200s in them",
			  program->path, real, real);
		goto close;
	}
	ret = ward_package_has(program->path, fd);
	if (ret > 0) {
		program->id = now;
		done->programs++;
		ward_note(err, "%.200s (%.200s) was replaced by its package: rules that name it follow",
			  program->path, real);
	} else {
		done->left++;
		ward_note(err, "%.300s is another file than when the rules were loaded, and %s: load the rules anew if it is to be trusted",
			  program->path, ret ? "nobody can tell whose" :
			  "not as a package has it");
	}
close:
	close(fd);
}

static void look_at_rules(struct ward_policy *policy, struct ward_nl *nl,
			  struct ward_renewal *done, struct ward_err *err)
{
	time_t now = time(NULL);
	size_t i, k, n;

	for (i = 0; i < policy->count; i++)
		for (k = 0; k < policy->rules[i].count; k++) {
			struct ward_policy_cond *c = &policy->rules[i].conds[k];

			for (n = 0; n < c->program_count; n++)
				look_at_program(&c->programs[n], nl, done, err);
			if (c->type == WARD_COND_HOURS &&
			    (c->hours_until - now < WARD_RENEW_AHEAD || c->hours_from > now))
				done->hours = true;
		}
}

/* ---- renewing ------------------------------------------------------------------------------ */

/* Whom the policy was made for, without his key: the kernel puts the right MAC behind it. */
static int compile(const struct ward_policy *policy, const struct ward_conf *conf, uint64_t serial,
		   void **blob, size_t *len, struct ward_err *err)
{
	struct ward_master nobody = { .generation = 1 };
	int ret;

	memcpy(nobody.uuid, conf->uuid, sizeof(nobody.uuid));
	ret = ward_policy_compile(policy, &nobody, serial, blob, len);
	return ret ? ward_fail_errno(err, ret, "cannot compile the rules") : 0;
}

static int replace(struct ward_nl *nl, const struct ward_conf *conf, int dirfd,
		   const struct ward_policy *policy, struct ward_err *err)
{
	uint8_t mac[WARD_MAC_SIZE];
	size_t len;
	void *blob;
	int ret = compile(policy, conf, policy->serial + 1, &blob, &len, err);

	if (ret)
		return ret;
	ret = ward_durable_write(dirfd, WARD_POLICY_NEW_NAME, blob, len, 0600);
	if (ret) {
		ward_fail_errno(err, ret, "cannot write .ward/policy.new");
		goto free;
	}
	ret = ward_nl_policy_renew(nl, conf->uuid, mac);
	if (ret) {
		ward_fail(err, -ret, ret == -ENOKEY ? WARD_LOCKED : WARD_FAILED,
			  "the kernel does not renew the policy of %s: %s", conf->name,
			  ward_nl_why(nl)[0] ? ward_nl_why(nl) : strerror(-ret));
		ward_durable_unlink(dirfd, WARD_POLICY_NEW_NAME);
		goto free;
	}
	memcpy((uint8_t *)blob + len - sizeof(mac), mac, sizeof(mac));
	ret = ward_policy_put_in_force(nl, conf, dirfd, blob, len, err);
free:
	free(blob);
	return ret;
}

/* The rules in force, as they are stored. */
static int read_stored(struct ward_nl *nl, const struct ward_conf *conf, int dirfd,
		       struct ward_policy *policy, struct ward_err *err)
{
	struct ward_mounted vault;
	size_t len;
	void *blob;
	int ret = ward_nl_vault_get(nl, conf->uuid, &vault);

	if (ret == -ENOENT || (!ret && vault.state != WARD_STATE_UNLOCKED))
		return ward_fail(err, ENOKEY, WARD_LOCKED,
				 "%s is locked: its policy is renewed when it is unlocked",
				 conf->name);
	if (ret)
		return ward_fail_errno(err, ret, "cannot ask the kernel about %s", conf->name);
	ret = ward_policy_settle(dirfd, conf->uuid, vault.policy_serial);
	if (ret >= 0)
		ret = ward_durable_read(dirfd, WARD_POLICY_NAME, WARD_POLICY_MAX, &blob, &len);
	if (ret)
		return ward_fail_errno(err, ret, "cannot read .ward/policy of %s", conf->name);
	ret = ward_policy_decode(blob, len, conf->uuid, policy);
	free(blob);
	if (!ret && policy->serial == vault.policy_serial)
		return 0;
	if (!ret)
		ward_policy_free(policy);
	return ward_fail(err, ESTALE, WARD_FAILED,
			 ".ward/policy of %s is not the policy in force: load the rules anew with wardctl policy load",
			 conf->name);
}

/**
 * ward_policy_renew - have the rules in force mean programs and hours as they are now
 * @nl: to the kernel
 * @conf: the vault
 * @patience: how long to wait for others who work on the vault, seconds
 * @done: filled; nothing is changed where nothing is to be renewed
 * @err: says what is wrong; a note for each program that is another file
 *
 * Programs that a package replaced are followed, where only root can change them; hours that
 * end within a year are known for two again. Nothing else of the rules changes, so no secret
 * is asked for.
 *
 * Return: 0; -ENOKEY when the vault is locked; -EBUSY when others do not end; another negative errno.
 */
int ward_policy_renew(struct ward_nl *nl, const struct ward_conf *conf, unsigned int patience,
		      struct ward_renewal *done, struct ward_err *err)
{
	struct ward_policy policy = { 0 };
	int lock, dirfd, ret;

	memset(done, 0, sizeof(*done));
	lock = ward_mnt_lock_within(conf->name, patience, err);
	if (lock < 0)
		return lock;
	dirfd = ward_mnt_ward_dir(conf, true, err);
	ret = dirfd < 0 ? dirfd : read_stored(nl, conf, dirfd, &policy, err);
	if (ret)
		goto close;
	done->serial = policy.serial;
	done->fixed = policy.flags & WARD_POLICY_FIXED;
	if (!done->fixed)
		look_at_rules(&policy, nl, done, err);
	if (done->hours) {
		ret = ward_policy_extend_hours(&policy, time(NULL), err);
		done->hours = ret > 0;
		ret = ret < 0 ? ward_fail_errno(err, ret, "cannot find out what the hours mean") : 0;
	}
	if (!ret && (done->programs || done->hours)) {
		ret = replace(nl, conf, dirfd, &policy, err);
		done->serial += !ret;
	}
	ward_policy_free(&policy);
close:
	if (dirfd >= 0)
		close(dirfd);
	close(lock);
	return ret;
}
