#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# The ring of events: numbers without gaps, folding, listeners that see gaps and dump what they missed, and what is
# overwritten, counted.

. "$WARD_TOP/tests/fs/vault.sh"

# A small ring, so that it overflows soon.
rmmod wardfs && insmod "/lib/modules/$(uname -r)/updates/wardfs.ko" event_ring=64 || exit 1
new_vault 0 >/dev/null || exit 1
mkdir $d/dir
chmod 777 $d $d/dir
lib_plan=0
PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/netlink/ring.py" $d || exit 1
