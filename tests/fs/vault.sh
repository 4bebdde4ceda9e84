# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by tests of the module alone: a vault on the scratch disk, unlocked.
#
#   new_vault [UID...]	$d is the vault, mounted and unlocked; $below is .ward/tree as it lies below it
#   again		unmounts, mounts and unlocks: nothing of it is left in memory
#   py CODE		Python with os, errno, stat and what stands below; the vault is d

. "$WARD_TOP/tests/vm/lib.sh"
tv=$WARD_TOP/tests/fs/testvault.py
d=/srv/lower/v
below=/srv/below/v/.ward/tree

new_vault()
{
	mklower "${WARD_LOWER:-ext4}" /srv/lower &&
	mkdir -p $d /srv/below &&
	chmod 755 $d &&
	mount --bind /srv/lower /srv/below &&
	"$tv" create $d 0 "$@" && mount -i -t wardfs $d $d && "$tv" unlock $d
}

again()
{
	umount $d && mount -i -t wardfs $d $d && "$tv" unlock $d
}

py()
{
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$WARD_TOP/tests/fs python3 -c "from calls import *
$1"
}
