# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by what makes the place in which load.py works: /srv/crash, with a vault at v and a full directory at c.

crash=$WARD_TOP/tests/crash
tv=$WARD_TOP/tests/fs/testvault.py
side=${side-side}
export PYTHONDONTWRITEBYTECODE=1

crash_mkfs()
{
	case $WARD_LOWER in
	ext4) mkfs.ext4 -q -F -b 4096 -N 8192 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$1" ;;
	xfs) mkfs.xfs -q -f -K "$1" ;;
	esac
}

# crash_place DEVICE SEED: with what creation.py leaves in $side
crash_place()
{
	crash_mkfs "$1" && mkdir -p /srv/crash /srv/below "$side" && mount "$1" /srv/crash &&
	mount --bind /srv/crash /srv/below &&
	mkdir /srv/crash/v /srv/crash/c && "$crash/load.py" --side "$side" --prepare /srv/crash/c x "$2" . &&
	"$tv" create /srv/crash/v 0 && mount -i -t wardfs /srv/crash/v /srv/crash/v && "$tv" unlock /srv/crash/v && sync
}

# crash_load SEED MARKS
crash_load()
{
	"$crash/load.py" --vault --create /srv/crash/c --side "$side" /srv/crash/v "$1" "$2"
}
