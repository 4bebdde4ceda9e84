#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# SQLite: rollback journals and WAL, several processes at once, one of them killed in the middle.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
bank=$WARD_TOP/tests/apps/sqlite.py

# busy MODE: three that work, one that is killed meanwhile, one that looks on
busy()
{
	db=$d/$1.db
	log=/tmp/sqlite.$1
	rm -f /tmp/sqlite.end
	staff "$bank" make "$db" "$1" || return
	staff_exec "$bank" watch "$db" /tmp/sqlite.end &
	watcher=$!
	workers=
	for n in 1 2 3; do
		staff_exec "$bank" work "$db" "$n" 24 >"$log"."$n" &
		workers="$workers $!"
	done
	staff_exec "$bank" work "$db" 4 1000000 >"$log".4 &
	victim=$!
	bad=0
	wait_for "three of its transactions" grep -q '^4 3$' "$log".4 || bad=1
	kill -9 "$victim"
	wait "$victim"
	for n in $workers; do
		wait "$n" || bad=1
	done
	: >/tmp/sqlite.end
	wait "$watcher" && [ "$bad" = 0 ]
}

for mode in delete truncate persist wal; do
	check "$mode: several at once, the sum is always right" busy $mode
	check "$mode: integrity_check, and every transfer is there" staff "$bank" verify $d/$mode.db /tmp/sqlite.$mode.[1-4]
	check "$mode: the dump" staff sqlite3 $d/$mode.db .dump
	cp "$lib_out" /tmp/sqlite.$mode.dump
	check "$mode: and it is one" grep -q '^COMMIT' /tmp/sqlite.$mode.dump
done
check "no journal is left but what the mode leaves" sh -c "ls $d | grep -vxE '(delete|truncate|persist|wal)\.db|(truncate|persist)\.db-journal'
	[ \$? = 1 ]"

check "cold" cold
for mode in delete truncate persist wal; do
	check "$mode: as it was" staff "$bank" verify $d/$mode.db /tmp/sqlite.$mode.[1-4]
	staff sqlite3 $d/$mode.db .dump >/tmp/sqlite.cold
	check "$mode: the same dump" cmp /tmp/sqlite.cold /tmp/sqlite.$mode.dump
done
check "intact" intact
done_testing
