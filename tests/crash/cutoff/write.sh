#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Run by ../cutoff.host: works, and says when the machine may be cut off. What is marked is on the host before the
# next thing is done.

. "$WARD_TOP/tests/vm/lib.sh"
side=$WARD_OUT/side
. "$WARD_TOP/tests/crash/place.sh"

seed=$(cat "$WARD_OUT/seed")
after=$(cat "$WARD_OUT/after")
marks=$WARD_OUT/marks
: >"$marks"
check "a place to work in" crash_place "$WARD_DISK1" "$seed"
crash_load "$seed" "$marks" >load.log 2>&1 &
load=$!
while [ "$(wc -l <"$marks")" -lt "$after" ] && kill -0 $load 2>/dev/null; do
	sleep 0.1
done
kill -0 $load && echo "# cut it off now"
wait
cp load.log "$lib_out"
fail "the load ended before the machine was cut off"
done_testing
