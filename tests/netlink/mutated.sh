#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1800
#
# Good messages of every command, and good policies with the right MAC, each changed a little: whatever becomes of one, the
# kernel stays whole, and what it does not take leaves the policy in force that was.

. "$WARD_TOP/tests/fs/vault.sh"
new_vault 0 61001 >/dev/null || exit 1
echo content >$d/file
chmod 644 $d/file
lib_plan=0
count=100
[ -z "$WARD_LONG" ] || count=5000
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$WARD_TOP/tests/fs python3 "$WARD_TOP/tests/netlink/mutated.py" $count || exit 1
