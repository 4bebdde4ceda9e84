#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Thousands of messages that nobody would send: none upsets the kernel, none changes the vault.

. "$WARD_TOP/tests/fs/vault.sh"
new_vault 0 >/dev/null || exit 1
echo content >$d/file
lib_plan=0
count=4000
[ "$WARD_KERNEL" = stock ] || count=1000
[ -z "$WARD_LONG" ] || count=100000
PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/netlink/fuzz.py" $d $count || exit 1
