#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Run by ../powercut.host after the cut: the vault is finished, and everything is in it.

. "$WARD_TOP/tests/cli/cli.sh"

mount "$WARD_DISK1" /srv
diag "stage: $(sed -n 's/^stage=//p' /srv/d/.ward/creating)"
check "no plaintext is open to anybody meanwhile" sh -c '[ "$(stat -c "%a %U" /srv/d)" = "700 root" ]'
check "create goes on" wardctl create /srv/d --passphrase-file $pass
picture /srv/d >got
check "nothing is lost" diff /srv/wanted got
check "the vault is in order: not to be checked" sh -c "wardctl status d --json | python3 -c '
import json, sys
v = json.load(sys.stdin)[\"vaults\"][0]; assert v[\"state\"] == \"unlocked\" and not v[\"unchecked\"], v'"
check "umount" wardctl umount d
check "unlock" wardctl unlock d --passphrase-file $pass
picture /srv/d >got
check "nothing is lost, read anew" diff /srv/wanted got
done_testing
