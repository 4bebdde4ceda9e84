#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# 50 crash states of a vault, with nothing lost: everything that is written to the disk below it is recorded while
# workers.py saves and syncs; the recording is cut at random, replayed, and each state is looked at (states.py).
# docs/reliability.md says what is checked. `make test-long` does more states.
#
# To look at a lost state again: tests/vm/run --outdir DIR keeps its log in DIR/files; run with the same DIR, this
# file takes that log and only those states.

. "$WARD_TOP/tests/vm/lib.sh"

crash=$WARD_TOP/tests/crash
tools=$WARD_TOP/build/crash
tv=$WARD_TOP/tests/fs/testvault.py
mib=320
mode=${WARD_CRASH_MODE-vault}
kept=$WARD_OUT/crash-$mode-$WARD_LOWER
export PYTHONDONTWRITEBYTECODE=1
# There is no udev in the machine to make nodes of devices.
export DM_DISABLE_UDEV=1

[ "$WARD_KERNEL" = stock ] || skip_all "needs modules of Debian's kernel: nbd, dm-snapshot"
case $WARD_LOWER in
ext4) mkfs="mkfs.ext4 -q -F -b 4096 -N 8192 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0" ;;
xfs) mkfs="mkfs.xfs -q -f -K" ;;
*) skip_all "no crash states over $WARD_LOWER" ;;
esac
if [ ! -x "$tools/record" ] || [ ! -x "$tools/replay" ]; then
	echo "Bail out! build/crash is missing: make tests"
	exit 1
fi

# begin_recording, and the load's place: mounted, made ready, with a mark in the log
begin_recording()
{
	modprobe nbd nbds_max=1 || return
	"$tools/record" /dev/nbd0 $mib "$WARD_DISK2" "$PWD/marks" >recorder 2>&1 &
	recorder=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		grep -q ready recorder && break
		sleep 0.5
	done
	cat recorder
	$mkfs /dev/nbd0 && mkdir -p /srv/crash && mount /dev/nbd0 /srv/crash || return
	place=/srv/crash
	if [ "$mode" = vault ]; then
		place=/srv/crash/v
		mkdir $place && "$tv" create $place 0 && mount -i -t wardfs $place $place && "$tv" unlock $place || return
	fi
	sync
	"$crash/load.py" --mark begin marks
}

end_recording()
{
	"$crash/load.py" --mark unmount marks
	[ "$mode" != vault ] || umount $place || return
	umount /srv/crash || return
	kill -TERM $recorder
	wait $recorder || { cat recorder; return 1; }
	blockdev --flushbufs "$WARD_DISK2"
}

started=$(date +%s)
log=$WARD_DISK2
only=
states=50
[ -z "$WARD_LONG" ] || states=400
if [ -s "$kept/log" ] && [ -s "$kept/lost" ]; then
	log=$kept/log
	seed=$(cat "$kept/seed")
	only="--only $(tr '\n' , <"$kept/lost" | sed 's/,$//')"
	check "a log that was kept, with lost states" true
else
	seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
	check "recording begins" begin_recording
	check "the load: everybody saves and syncs" "$crash/load.py" "$place" "$seed" marks
	check "recording ends" end_recording
fi
[ $lib_failed = 0 ] || exit 1
diag "seed $seed; recorded after $(($(date +%s) - started)) s"

blkdiscard -f -z -l $((mib << 21)) "$WARD_DISK1"
modprobe dm-snapshot
rm -f lost
status=0
plain=
[ "$mode" = vault ] || plain=--plain
# shellcheck disable=SC2086
"$crash/states.py" --states $states --seed "$seed" --load-seed "$seed" --fs "$WARD_LOWER" --mib $mib $plain $only \
	--lost lost --first "$lib_n" "$log" "$WARD_DISK1" || status=$?
dmsetup remove crash-changes
dmsetup remove crash-base

# What is needed to look at lost states again
if [ -s lost ] && [ "$log" = "$WARD_DISK2" ]; then
	mkdir -p "$kept"
	cp lost "$kept/"
	echo "$seed" >"$kept/seed"
	head -c "$("$tools/replay" size "$log")" "$log" >"$kept/log"
	diag "the log and the lost states are kept"
fi
exit $status
