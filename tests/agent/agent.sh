# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by tests of wardd.
#
#   start_wardd [OPTION]...	starts it; $wardd is its process. Without options, waits until all is recorded
#   wardd_listens		it has subscribed to the kernel's events, which it does after its process id is known
#   stop_wardd [SIGNAL]		ends it, and waits
#   records EXPRESSION		how many records are so, in Python, where e is the record
#   has EXPRESSION		there is such a record
#   complete [FILE]		every event that the kernel has is in the log, once, in order, in the hash chain
#   refuse COUNT		as many refusals in $d that do not fold
#   keep_key			has wardctl give out the log's key: it is in $key then
#   holds			the log and its rotated files hold, says wardctl, and says the other verifier
#   broken [REGEX]		neither of them says so; wardctl with these words
#   new_log			no log, no state, as on a machine that is new; wardd does not run

log=/var/log/ward/events.jsonl
wardd=
key=/root/log.key
seals=/var/lib/ward/log.seal

start_wardd()
{
	wardd "$@" 2>>/tmp/wardd.err &
	wardd=$!
	wait_for "wardd starts" grep -qs "^$wardd\$" /run/ward/wardd.pid || return
	[ ! -d /sys/module/wardfs ] || [ -n "$1" ] || wait_for "wardd has caught up" complete
}

# Columns of /proc/net/netlink: family (16 is generic netlink) and multicast groups. A socket is named after its process,
# unless that has several, so the groups are all there is to know it by: nobody else may listen. The socket by which it hears of
# modules that come and go is in group 16, of nlctrl, and is there before.
wardd_listens()
{
	wait_for "wardd listens" awk '$2 == 16 && $4 != "00000000" && $4 != "00008000" { n = 1 } END { exit !n }' /proc/net/netlink
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
	if [ -n "$1" ]; then
		PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/agent/complete.py" "$1"
		return
	fi
	# The oldest may have gone, if there are others.
	tail=
	[ ! -e $log.1 ] || tail=--tail
	# shellcheck disable=SC2046
	cat $(log_files) >/tmp/complete.jsonl
	PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/agent/complete.py" $tail /tmp/complete.jsonl
}

refuse()
{
	python3 -c "
import os
for uid in range(200000, 200000 + ${1:-1}):
    os.setresuid(uid, uid, 0)
    try:
        os.stat('$d/x')
        raise SystemExit('let in')
    except PermissionError:
        pass
    os.setresuid(0, 0, 0)"
}

keep_key()
{
	rm -f $key
	wait_for "wardd has made it" test -e /var/lib/ward/log.key
	wardctl log key --key-file $key
}

new_log()
{
	rm -f $log $log.* /var/lib/ward/*
}

# The files in their order: as wardd numbers them
log_files()
{
	ls $log.* 2>/dev/null | sort -t . -k 3 -n -r
	[ ! -e $log ] || echo $log
}

other_verifier()
{
	# shellcheck disable=SC2046
	PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/agent/sealcheck.py" --key-file $key --state $seals \
		$(log_files)
}

holds()
{
	wardctl log verify --key-file $key >/tmp/verify 2>&1 || {
		cat /tmp/verify
		return 1
	}
	grep -q "^Proven with the key" /tmp/verify || {
		cat /tmp/verify
		return 1
	}
	# While wardd writes, a seal may come between the two: then once more.
	for _ in 1 2 3 4 5 6 7 8 9; do
		other_verifier && return
		sleep 1
	done
	other_verifier
}

# shellcheck disable=SC2317
broken()
{
	got=0
	wardctl log verify --key-file $key >/tmp/verify 2>&1 || got=$?
	cat /tmp/verify
	[ $got = 7 ] && grep -qE "${1:-.}" /tmp/verify || return 1
	got=0
	other_verifier || got=$?
	[ $got = 7 ]
}
