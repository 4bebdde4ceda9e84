#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Commands, dumps and events are for CAP_SYS_ADMIN in the initial user namespace: not for users, not for root of a
# user namespace, not for root without the capability.

. "$WARD_TOP/tests/fs/vault.sh"
export PYTHONDONTWRITEBYTECODE=1
rights="python3 $WARD_TOP/tests/netlink/rights.py"

check "vault" new_vault 0
check "root is let in" sh -c "$rights $d allowed"
check "a user is refused" as mallory $rights $d refused
check "root of a user namespace is refused" as mallory unshare --user --map-root-user $rights $d refused
check "root of a user and network namespace is refused" as mallory unshare --user --net --map-root-user \
	$rights $d absent
check "root without CAP_SYS_ADMIN is refused" setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
	sh -c "exec $rights $d refused"
check "root of a network namespace of its own does not even see the family" unshare --net $rights $d absent
check "a socket of root's, in a user's hands, is the user's" $rights $d passed
check_is "nothing was locked" unlocked "$("$tv" state $d)"
done_testing
