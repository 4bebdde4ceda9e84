#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 14400
#
# Crash states of a vault, with nothing lost: everything that is written to the disk below it is recorded while
# workers.py saves and syncs, vaults are created, locked, unlocked, mounted; the recording is cut at random, replayed,
# and each state is looked at (states.py). docs/reliability.md says what is checked. 200 states over ext4, 50 over xfs;
# `make test-long` does 1,000.
#
# To look at a lost state again: tests/vm/run --outdir DIR keeps its log in DIR/files; run with the same DIR, this
# file takes that log and only those states. --env WARD_CRASH_STATES=N and --env WARD_CRASH_SEED=S choose others;
# --env WARD_CRASH_MODE=plain does the same without a vault, which tests the test.

. "$WARD_TOP/tests/vm/lib.sh"
. "$WARD_TOP/tests/crash/place.sh"

tools=$WARD_TOP/build/crash
mib=320
mode=${WARD_CRASH_MODE-vault}
kept=$WARD_OUT/crash-$mode-$WARD_LOWER

[ "$WARD_KERNEL" = stock ] || skip_all "needs modules of Debian's kernel: nbd, brd, dm-snapshot"
case $WARD_LOWER in
ext4) states=200 ;;
xfs) states=50 ;;
*) skip_all "no crash states over $WARD_LOWER" ;;
esac
[ -z "$WARD_LONG" ] || states=1000
states=${WARD_CRASH_STATES-$states}
if [ ! -x "$tools/record" ]; then
	echo "Bail out! build/crash is missing: make tests"
	exit 1
fi

# begin_recording, and the load's place: mounted, made ready, with a mark in the log
begin_recording()
{
	modprobe nbd nbds_max=1 || return
	"$tools/record" /dev/nbd0 $mib "$WARD_DISK2" "$PWD/marks" >recorder 2>&1 &
	recorder=$!
	for _ in $(seq 600); do
		grep -q ready recorder && break
		kill -0 $recorder 2>/dev/null || break
		sleep 0.2
	done
	cat recorder
	grep -q ready recorder || return
	if [ "$mode" = vault ]; then
		crash_place /dev/nbd0 "$seed" || return
	else
		mkdir -p /srv/crash side && crash_mkfs /dev/nbd0 && mount /dev/nbd0 /srv/crash && sync || return
	fi
	"$crash/load.py" --mark begin marks
}

load()
{
	if [ "$mode" = vault ]; then
		crash_load "$seed" marks
	else
		"$crash/load.py" /srv/crash "$seed" marks
	fi
}

end_recording()
{
	"$crash/load.py" --mark unmount marks
	if [ "$mode" = vault ]; then
		umount /srv/crash/v && umount /srv/below || return
	fi
	umount /srv/crash || return
	kill -TERM "$recorder"
	wait "$recorder" || { cat recorder; return 1; }
	blockdev --flushbufs "$WARD_DISK2"
}

started=$(date +%s)
log=$WARD_DISK2
only=
if [ -s "$kept/log" ] && [ -s "$kept/lost" ]; then
	log=$kept/log
	cp -r "$kept/side" .
	seed=$(cat "$kept/seed")
	only="--only $(cat "$kept/lost")"
	check "a log that was kept, with lost states" true
else
	seed=${WARD_CRASH_SEED-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
	check "recording begins" begin_recording
	[ $lib_failed = 0 ] || exit 1
	check "the load: everybody saves and syncs" load
	check "recording ends" end_recording
fi
[ $lib_failed = 0 ] || exit 1
diag "seed $seed; recorded after $(($(date +%s) - started)) s"

modprobe dm-snapshot
modprobe brd rd_nr=2 rd_size=$((mib << 10))
plain=
[ "$mode" = vault ] || plain=--plain
# shellcheck disable=SC2086
"$crash/states.py" --states "$states" --seed "$seed" --load-seed "$seed" --fs "$WARD_LOWER" --mib $mib $plain $only \
	--side side --keep "$kept" --first "$lib_n" "$log" /dev/ram0 /dev/ram1
