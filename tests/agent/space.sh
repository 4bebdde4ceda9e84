#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1200
#
# The disk of the log fills up: what ward.conf says is done, files stay usable, and what was not recorded meanwhile is fetched
# from the kernel, or counted as lost.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

log=/tmp/small/events.jsonl
mkdir -p /tmp/small /etc/ward

# small SIZE SETTING...: a file system of that size for the log, and wardd with these settings; ends what was there
small()
{
	[ -z "$wardd" ] || stop_wardd
	umount /tmp/small 2>/dev/null
	mount -t tmpfs -o size="$1" tmpfs /tmp/small
	shift
	rm -rf /var/lib/ward/*
	{
		printf '[log]\nfile = %s\nseal-after = 1s\n' $log
		for setting; do
			echo "$setting"
		done
	} >/etc/ward/ward.conf
	: >/tmp/wardd.err
	start_wardd --config /etc/ward/ward.conf && wait_for key test -e /var/lib/ward/log.key && keep_key
}

said()
{
	wait_for "$1" grep -q "$1" /tmp/wardd.err
}

state()
{
	wardctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["wardd"]["log"])'
}

is_state()
{
	[ "$(state)" = "$1" ]
}

check "vault" new_vault 0
chmod 777 $d

check "suspend: start" small 4m "space-left = 2M" "admin-space-left = 1M" "admin-space-left-action = suspend"
check "it records" wait_for completeness complete
dd if=/dev/zero of=/tmp/small/big bs=1k count=2300 status=none
check "little room is told" said "there is little room left"
refuse 3
check "and it goes on" wait_for completeness complete
dd if=/dev/zero of=/tmp/small/big bs=1k count=3300 status=none
check "very little room: suspended" said "nothing is recorded until there is more"
refuse 40
before=$(wc -c <$log)
sleep 3
check_is "nothing is written" "$before" "$(wc -c <$log)"
check "wardctl status tells" wait_for "it" is_state suspended
check_errno EACCES "files are refused and allowed as before" as mallory ls $d
rm /tmp/small/big
check "with room it goes on by itself" said "there is room again"
check "and nothing is missing" wait_for completeness complete
check "it holds" wait_for "it" holds
check "wardctl status tells" wait_for "it" is_state recording

check "full: start" small 256k "space-left = 0" "admin-space-left = 0" "disk-full-action = suspend"
refuse 600
check "full: it is told" said "there is no room left"
check "every line in the log is whole" python3 -c "
import json
assert len([json.loads(l) for l in open('$log')]) > 10"
mount -o remount,size=8m /tmp/small
check "with more room nothing is missing" wait_for completeness complete
check "it holds" wait_for "it" holds

check "rotate: start" small 512k "space-left = 0" "admin-space-left = 0" "disk-full-action = rotate" "rotate-size = 64K" \
	"rotate-keep = 0"
refuse 2000
check "the oldest files go" said "was removed to make room"
check "and the newest events are there" wait_for "the last event" python3 -c "
import json, sys
sys.path.insert(0, '$WARD_TOP/tests/netlink')
from nl import *
last = [json.loads(l) for l in open('$log')][-1]
assert last.get('event.sequence', last.get('ward.seal.sequence')) == number(Client().module()['EVENT_NEXT']) - 1"
check "it holds" wait_for "it" holds

cat >/root/alarm <<'EOT'
#!/bin/sh
echo "$*" >>/tmp/alarm
EOT
chmod 755 /root/alarm
rm -f /tmp/alarm
check "exec: start" small 16m "space-left = 8M" "space-left-action = exec /root/alarm" "admin-space-left = 0"
dd if=/dev/zero of=/tmp/small/big bs=1k count=9000 status=none
refuse 3
check "the program is run, with the reason" wait_for "it" grep -qx "there is little room left" /tmp/alarm
check "it records on" wait_for completeness complete
check_is "once" 1 "$(wc -l </tmp/alarm)"
rm -f /tmp/alarm
chmod 777 /root/alarm
rm /tmp/small/big
check "exec of what others can change: start" small 16m "space-left = 8M" "space-left-action = exec /root/alarm" \
	"admin-space-left = 0"
dd if=/dev/zero of=/tmp/small/big bs=1k count=9000 status=none
refuse 3
check "it is not run" said "only root can change"
check_is "really not" "" "$(cat /tmp/alarm 2>/dev/null)"

# What happened so far is in the log each time, which is some MiB.
check "a mark in percent: start" small 64m "space-left = 50%" "admin-space-left = 10%"
dd if=/dev/zero of=/tmp/small/big bs=1k count=20000 status=none
refuse 3
check "it records" wait_for completeness complete
check "there is room" sh -c "sleep 2; ! grep -q 'room left' /tmp/wardd.err"
dd if=/dev/zero of=/tmp/small/big bs=1k count=36000 status=none
check "less than half: it is told" said "there is little room left"
dd if=/dev/zero of=/tmp/small/big bs=1k count=60000 status=none
check "less than a tenth: suspended" said "nothing is recorded until there is more"
rm /tmp/small/big

check "ignore: start" small 64m "space-left = 50%" "space-left-action = ignore" "admin-space-left = 10%" \
	"admin-space-left-action = ignore"
dd if=/dev/zero of=/tmp/small/big bs=1k count=58000 status=none
refuse 3
check "it records on" wait_for completeness complete
check "and says nothing" sh -c "sleep 2; ! grep -E 'room|recorded until' /tmp/wardd.err"

# More than the ring holds, while nothing can be written
stop_wardd
wardd=
umount $d
rmmod wardfs
insmod "/lib/modules/$(uname -r)/updates/wardfs.ko" event_ring=64
mount -i -t wardfs $d $d
"$tv" unlock $d
check "lost: start" small 4m "space-left = 0" "admin-space-left = 1M"
check "lost: it records" wait_for completeness complete
dd if=/dev/zero of=/tmp/small/big bs=1k count=3500 status=none
said "nothing is recorded until"
refuse 4000
rm /tmp/small/big
check "what the ring could not keep is counted" wait_for completeness complete
check "as lost" has "e['ward.kind'] == 'lost' and e['ward.count'] > 100"
check "wardctl status tells how many" sh -c "wardctl status 2>&1 | grep -q 'events are in no record'"
check "it holds" wait_for "it" holds
stop_wardd

for bad in "space-left = many" "space-left-action = halt" "admin-space-left-action = single" "disk-full-action = exec alarm" \
	"seal-records = 0" "rotate-size = 5" "rotate-keep = -1" "seal-after = 0" "space-left = 200%" "file = relative" "seal = maybe"; do
	printf '[log]\n%s\n' "$bad" >/etc/ward/ward.conf
	check_fails_with 2 "refused: $bad" wardd
done
printf '[log]\nspace-left-action = halt\n' >/etc/ward/ward.conf
check "with a reason" sh -c "wardd 2>&1 | grep -q 'does not do'"
done_testing
