#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 3600
#
# Violations at full speed, from several processes and users, while wardd runs, is starved, held up, killed and started
# again, and is not there at all: what is in the log, and what it says was folded or lost, is exactly what happened; memory
# stays bounded; and others can work meanwhile. 20,000 of them, with a small ring; with WARD_LONG 1,000,000 (VIOLATIONS sets
# another number). Before, 15,000 with the usual ring, of which none is lost.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

all=${VIOLATIONS:-20000}
[ -z "$WARD_LONG" ] || all=${VIOLATIONS:-1000000}
each=$((all / 5))
offend=$WARD_TOP/build/tests/helpers/offend
alice=61001
ring=512	# KiB, a small one: so that it loses some

# Nothing is rotated away. The log of a million has a disk of its own.
mkdir -p /etc/ward /var/log/ward
printf '[log]\nrotate-size = 0\n' >/etc/ward/ward.conf
mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=1 "$WARD_DISK2" && mount "$WARD_DISK2" /var/log/ward || exit

check "a vault" new_vault 0
check "alice may list, and no more" py '
os.chmod(d, 0o777)
for k in range(100): touch(d + "/f%d" % k); os.chmod(d + "/f%d" % k, 0o666)
touch(d + "/hers", b"hers"); os.chmod(d + "/hers", 0o666); os.mkdir(d + "/own", 0o755); touch(d + "/own/file", b"x" * 4096); os.chmod(d + "/own/file", 0o644)
rules(testvault.rule("root", 1, testvault.ALL, (1, [(1, 0)])), testvault.rule("bob", 1, testvault.OPS["read"], (1, [(1, BOB)]), (4, ["/own"])),
      testvault.rule("list", 1, testvault.OPS["list"], (1, [(1, ALICE)])))
'

# kernel EXPRESSION: what the module says, in Python, where nl is the way to it
kernel()
{
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$WARD_TOP/tests/fs python3 -c "
import testvault
nl = testvault.Netlink()
print($1)"
}
violations() { kernel "nl.ask('VAULT_GET', testvault.uuid_of('$d'))['vault_violations']"; }
following() { kernel "nl.next_event()"; }
# caught_up: the last line tells of the kernel's last event. What was folded is told a second later.
caught_up()
{
	sleep 2.5
	for _ in $(seq "$((60 + all / 1000))"); do
		last=$(tail -n 20 $log | grep -o '"event.sequence":[0-9]*' | tail -n 1)
		[ $((${last#*:} + 1)) != "$(following)" ] || return 0
		sleep 1
	done
	echo "the log ends with event ${last#*:}, the kernel with $(($(following) - 1))"
	return 1
}
kib() { awk -v what="$2" '$1 == what ":" { print $2 }' "$1"; }
unreclaimable() { kib /proc/meminfo SUnreclaim; }
# The account: log, how many lines are of before, how many violations are in it
cat >/tmp/account.py <<'END'
import json, sys
log, lines, all_ = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
records = folded = lost = numbers = 0
total = {}
for n, line in enumerate(open(log), 1):
    e = json.loads(line)
    if e['ward.kind'] == 'seal':
        continue
    load = e['ward.load_id']
    count = e['ward.lost'] if e['ward.kind'] == 'lost' else e['ward.count']
    assert load not in total or e['ward.total'] == total[load] + count, (n, total, e)
    total[load] = e['ward.total']
    if n <= lines:
        continue
    if e['ward.kind'] == 'lost':
        lost += e['ward.lost']; numbers += e['ward.count']
        continue
    assert e['ward.kind'] == 'violation', e
    records += 1; folded += e['ward.count'] - 1
print(f'{all_} happened: {records} records, which stand for {folded} more that were folded; {lost} lost ({numbers} numbers)')
open('/tmp/lost', 'w').write(str(lost))
assert records + folded + lost == all_, records + folded + lost
if sys.argv[4:] == ['all']:
    # What folds may be lost like anything else: of what is in the log it is a part that shows.
    assert folded > records / 100 and lost > all_ / 100, 'one of the ways was not gone'
END
# so_far: what has become of what happened since the last time
counted=0
so_far()
{
	diag "since the last account, $(python3 /tmp/account.py $log "$since" $((happened - counted)) 2>&1)"
	since=$(wc -l <$log)
	counted=$happened
}
# What happened, by the offenders' own account, and what the log says of it
happened=0
flood()
{
	"$offend" $d "$1" 4 $alice >/tmp/flood || return
	happened=$((happened + $1))
}
memory=0
peak()
{
	peak=$(kib "/proc/$wardd/status" VmHWM)
	[ "$peak" -le $memory ] || memory=$peak
}

check "wardd" start_wardd --config /etc/ward/ward.conf
check "the key is given out" keep_key
check "all is recorded so far" caught_up

# ---- the ring that a module has which nobody tells another: what fits in there is not lost, whatever wardd does meanwhile,
# and nothing is where it catches up before there is more
fits=5000
since=$(wc -l <$log)
for _ in 1 2 3; do
	check "$fits violations, with the usual ring" flood $fits
	check "they are all in the log" caught_up
done
so_far
check_is "none of them is lost" 0 "$(cat /tmp/lost)"
check "wardd ends" stop_wardd
umount $d
rmmod wardfs
insmod "/lib/modules/$(uname -r)/updates/wardfs.ko" event_ring=$ring
check "a ring of $ring KiB" py 'mount(); unlock()'
check "wardd" start_wardd --config /etc/ward/ward.conf
base=$(violations)
check "all is recorded so far" caught_up
happened=0
counted=0
lines=$(wc -l <$log)
since=$lines

# ---- as it should be
began=$(date +%s%N)
check "$each violations while wardd runs" flood $each
took=$((($(date +%s%N) - began) / 1000000))
check "they are all in the log, or counted" caught_up
so_far
peak
check "wardd ends" stop_wardd

# ---- starved: a socket that holds hardly anything, and no time. (Without CAP_NET_ADMIN it may not have more.)
echo 4096 >/proc/sys/net/core/rmem_max
setpriv --bounding-set -net_admin nice -n 19 wardd 2>>/tmp/wardd.err &
wardd=$!
check "wardd, with a socket for two messages" wait_for "wardd" grep -qs "^$wardd\$" /run/ward/wardd.pid
check "it listens" wardd_listens
# Nor does it begin at once, so that there is more than it is ready for on a quiet machine, too.
starve()
{
	kill -STOP $wardd
	{ sleep 2; kill -CONT $wardd; } &
	flood "$1" || return
	wait $!
}
check "$each violations while it is starved" starve $each
check "they are all in the log, or counted" caught_up
so_far
drops=$(awk '$2 == 16 && $9 > n { n = $9 } END { print n + 0 }' /proc/net/netlink)
printf 'drops %s\n' "$drops" >"$lib_out"
if [ "$drops" -gt 0 ]; then pass "its socket had overflowed"; else fail "its socket had overflowed"; fi
peak
check "wardd ends" stop_wardd
echo 212992 >/proc/sys/net/core/rmem_max

# ---- held up
check "wardd as before" start_wardd --config /etc/ward/ward.conf
check "it listens" wardd_listens
kill -STOP $wardd
before=$(unreclaimable)
check "$each violations while it is held up" flood $each
grown=$(($(unreclaimable) - before))
kill -CONT $wardd
check "they are all in the log, or counted" caught_up
so_far
diag "while it was held up the kernel's memory (SUnreclaim) grew by $grown KiB"
check "by what the ring and its socket may hold, not by what happened" [ $grown -lt 32768 ]
peak

# ---- killed in the middle, and started again, and again
"$offend" $d $each 4 $alice >/tmp/flood &
flood=$!
for _ in 1 2 3; do
	sleep 0.3
	stop_wardd -KILL 2>/dev/null
	wardd 2>>/tmp/wardd.err &
	wardd=$!
	wait_for "wardd" grep -qs "^$wardd\$" /run/ward/wardd.pid
done
check "$each violations while it is killed three times" wait $flood
happened=$((happened + each))
check "they are all in the log, or counted" caught_up
so_far
peak
check "wardd ends" stop_wardd

# ---- not there
last=$((all - happened))
check "$last violations while nobody listens" flood $last
check "wardd" start_wardd --config /etc/ward/ward.conf
check "they are all in the log, or counted" caught_up
so_far
peak

# ---- the account
check_is "the kernel counted what was done" $((base + all)) "$(violations)"
python3 /tmp/account.py $log "$lines" "$all" all >/tmp/account 2>&1
status=$?
diag "$(cat /tmp/account)"
check "what the log has, what was folded, and what is lost is what happened" [ $status = 0 ]
check "no number is missing, and the chain holds" complete
check_is "wardctl status says the same of what is lost, after all the wardds that there were" "$(cat /tmp/lost)" \
	"$(wardctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["wardd"]["lost"])')"
diag "wardd's memory at most (VmHWM): $memory KiB"
check "wardd's memory is bounded" [ "$memory" -lt 40960 ]
check "the log holds" holds

# ---- who works meanwhile
mkdir -m 700 /srv/lower/plain
mkdir -m 755 /srv/lower/open
echo x >/srv/lower/open/file
cat >/tmp/work.py <<'END'
"""How long a command takes, in ms: the median of many."""
import subprocess, sys, time
took = []
for k in range(int(sys.argv[2])):
    t = time.monotonic()
    subprocess.run(['cat', sys.argv[1]], user=61002, group=61002, extra_groups=[], check=True, stdout=subprocess.DEVNULL)
    took.append(time.monotonic() - t)
print('%.1f' % (sorted(took)[len(took) // 2] * 1000))
END
# busy DIR FILE: the time of bob's command on FILE while others are refused in DIR as fast as it goes
busy()
{
	"$offend" "$1" 0 4 $alice >/tmp/busy &
	busy=$!
	sleep 0.5
	python3 /tmp/work.py "$2" 15
	kill -TERM $busy
	wait $busy
}
idle=$(python3 /tmp/work.py $d/own/file 15)
# The machine has others to serve, too, at times: a pair that was measured fairly is enough.
for _ in 1 2 3 4 5; do
	plain=$(busy /srv/lower/plain /srv/lower/open/file)
	plain_done=$(cat /tmp/busy)
	vault=$(busy $d $d/own/file)
	python3 -c "raise SystemExit(not $vault < 3 * $plain)" && break
	diag "measured again: $vault ms in the vault, $plain ms on the lower file system"
done
diag "bob's cat in the vault: $idle ms while nothing happens, $vault ms during violations at full speed, with wardd"
diag "on the lower file system during as many processes that are refused there: $plain ms"
diag "refusals meanwhile: in the vault $(cat /tmp/busy); on the lower file system $plain_done"
diag "$each refusals in the vault took $took ms"
check "somebody else's command takes at most three times as long as during as many refusals on the lower file system" \
	python3 -c "raise SystemExit(not $vault < 3 * $plain)"
check "and that is recorded, too" caught_up
check "wardd ends" stop_wardd
check "the log holds" holds
umount $d
done_testing
