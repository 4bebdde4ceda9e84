/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies are put in force, and renewed: the same rules, for programs and hours as they are now. */
#ifndef WARD_RENEW_H
#define WARD_RENEW_H

#include "conf.h"
#include "netlink.h"

#define WARD_RENEW_AHEAD	(365 * 86400L)	/* hours that end sooner are renewed, seconds */

/**
 * struct ward_renewal - what was renewed
 * @programs: that are other files now
 * @left: that are other files, too, and that no rule follows
 * @hours: their time is known for two further years
 * @fixed: nothing, as the rules say renew = no
 * @serial: of the policy in force
 */
struct ward_renewal {
	unsigned int programs;
	unsigned int left;
	bool hours;
	bool fixed;
	uint64_t serial;
};

int ward_policy_put_in_force(struct ward_nl *nl, const struct ward_conf *conf, int dirfd,
			     const void *blob, size_t len, struct ward_err *err);
int ward_policy_renew(struct ward_nl *nl, const struct ward_conf *conf, unsigned int patience,
		      struct ward_renewal *done, struct ward_err *err);

#endif
