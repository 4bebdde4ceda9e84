# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by tests of wardd.
#
#   start_wardd [OPTION]...	starts it; $wardd is its process. Without options, waits until all is recorded
#   stop_wardd [SIGNAL]		ends it, and waits
#   wait_for WHAT COMMAND...	until the command succeeds, a minute at most
#   records EXPRESSION		how many records are so, in Python, where e is the record
#   has EXPRESSION		there is such a record
#   complete			every event that the kernel has is in the log, once, in order, in the hash chain

log=/var/log/ward/events.jsonl
wardd=

wait_for()
{
	what=$1
	shift
	until=$(($(date +%s) + 60))
	while ! "$@" >/tmp/waited 2>&1; do
		[ "$(date +%s)" -lt $until ] || {
			diag "waited in vain: $what"
			diag "$(cat /tmp/waited)"
			return 1
		}
		sleep 0.2
	done
}

start_wardd()
{
	wardd "$@" 2>>/tmp/wardd.err &
	wardd=$!
	wait_for "wardd starts" grep -qs "^$wardd\$" /run/ward/wardd.pid || return
	[ ! -d /sys/module/wardfs ] || [ -n "$1" ] || wait_for "wardd has caught up" complete
}

stop_wardd()
{
	kill "${1:--TERM}" $wardd
	wait $wardd
}

records()
{
	python3 -c "
import json
print(sum(1 for e in map(json.loads, open('$log')) if $1))"
}

# shellcheck disable=SC2317
has()
{
	[ "$(records "$1")" -gt 0 ]
}

complete()
{
	PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/agent/complete.py" ${1:-$log}
}
