#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wardd: what an intruder is refused stands in the log, with all that is known of it; wardd
# may be stopped, killed and started again, and nothing is missing.

. "$WARD_TOP/tests/fs/vault.sh"
log=/var/log/ward/events.jsonl

start_wardd()
{
	wardd 2>>/tmp/wardd.err &
	wardd=$!
	wait_for "events are recorded, or there is a log" test -s $log
}

# wait_for WHAT COMMAND...: ten seconds at most
wait_for()
{
	what=$1
	shift
	n=0
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 100 ] || { diag "waited in vain: $what"; return 1; }
		sleep 0.1
	done
}

# records EXPRESSION: how many records are so, in Python, where e is the record
records()
{
	python3 -c "
import json, sys
print(sum(1 for e in map(json.loads, open('$log')) if $1))"
}

has_records()
{
	[ "$(records "$2")" "-ge" "$1" ]
}

check "vault" new_vault 0 61001
echo secret >$d/casefile
chmod 666 $d/casefile
chmod 777 $d
check "wardd starts" start_wardd
check_errno EACCES "mallory is refused" as mallory cat $d/casefile
check "the refusal is in the log" wait_for refusal has_records 1 "e['ward.kind'] == 'violation'"
cat $log | sed 's/^/# /'
done_testing
