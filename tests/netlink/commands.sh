#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every netlink command: what it answers, and what it says to what it cannot take.

. "$WARD_TOP/tests/fs/vault.sh"
new_vault 0 >/dev/null || exit 1
echo content >$d/file
sync
lib_plan=0
PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/netlink/commands.py" $d $below || exit 1
