#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# wardd may be stopped, killed, started twice; the module may come and go; the log may be rotated, or its disk be full:
# no event is missing, none is there twice, and what the kernel had to drop is counted.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

# Another program rotates here: wardd does not keep track of old files.
mkdir -p /etc/ward
printf '[log]\nrotate-size = 0\n' >/etc/ward/ward.conf
check "vault" new_vault 0
chmod 777 $d
check "start" start_wardd
check "the key is given out" keep_key
refuse 20
check "everything is recorded" wait_for completeness complete
check_fails_with 1 "a second one does not start" wardd
check "and says why" sh -c "wardd 2>&1 | grep -q 'running already (process $wardd)'"

check "stop" stop_wardd
refuse 30
check "start again: what happened meanwhile is recorded" start_wardd
stop_wardd -KILL 2>/dev/null
refuse 30
check "killed, and started again" start_wardd

kill -STOP $wardd
refuse 300
kill -CONT $wardd
check "it was held up" wait_for completeness complete

# A line that was not finished when the power went
stop_wardd
printf '{"@timestamp":"20' >>$log
refuse 3
check "half a line at the end is taken away" start_wardd
check "told so" wait_for "a word" grep -q "in the middle of a line" /tmp/wardd.err

# Rotation, with and without a word
mv $log $log.1
kill -HUP $wardd
refuse 3
check "a new log after SIGHUP" wait_for "the new log" test -s $log
wait_for "all of it" sh -c "[ \$(grep -c violation $log) -ge 3 ]"
cat $log.1 $log >/tmp/all
check "the chain goes on across it" complete /tmp/all
mv $log $log.2
refuse 3
check "a new log without being told" wait_for "the new log" test -s $log
wait_for "all of it" sh -c "[ \$(grep -c violation $log) -ge 3 ]"
cat $log.1 $log.2 $log >/tmp/all
check "the chain goes on across it, too" complete /tmp/all
stop_wardd
mv $log $log.3
while_stopped()
{
	start_wardd --config /etc/ward/ward.conf && wait_for "the log" test -s $log && stop_wardd &&
		cat $log.1 $log.2 $log.3 $log >/tmp/all
}
check "rotated while stopped: nothing comes twice" while_stopped
check "and the chain goes on" complete /tmp/all
# The other one's numbers are the other way round: the chain tells the order.
check "wardctl verifies all of it" sh -c "wardctl log verify --key-file $key | grep -q '^Proven with the key'"
mv $log.1 $log.tmp && mv $log.3 $log.1 && mv $log.tmp $log.3
check "so does the other verifier" holds
rm -f $log.*
check "what was rotated away is not missed" holds

# A full disk: events wait in the kernel
mkdir /tmp/small
mount -t tmpfs -o size=64k tmpfs /tmp/small
printf '[log]\nfile = /tmp/small/events.jsonl\n' >/tmp/ward.conf
log=/tmp/small/events.jsonl
rm -f /var/lib/ward/*
check "a small log" start_wardd --config /tmp/ward.conf
check "is full" wait_for "a complaint" grep -q "cannot be recorded" /tmp/wardd.err
check "every line in it is whole" python3 -c "
import json
assert len([json.loads(l) for l in open('$log')]) > 10"
mount -o remount,size=4m /tmp/small
check "with more room nothing is missing" wait_for completeness complete
stop_wardd

# More than the ring holds
log=/var/log/ward/events.jsonl
new_log
umount $d
rmmod wardfs
check "wardd waits for the module" start_wardd
check "the key is given out anew" keep_key
check "and says so" wait_for "a word" grep -q "not loaded: waiting" /tmp/wardd.err
insmod "/lib/modules/$(uname -r)/updates/wardfs.ko" event_ring=64
check "the module comes" mount -i -t wardfs $d $d
"$tv" unlock $d
check "and its events are recorded" wait_for completeness complete
kill -STOP $wardd
refuse 12000
kill -CONT $wardd
check "what the ring lost is counted" wait_for completeness complete
check "in a record of its own" has "e['ward.kind'] == 'lost' and e['ward.count'] > 100 and e['event.kind'] == 'alert'"
umount $d
check "the module goes while wardd listens" rmmod wardfs
insmod "/lib/modules/$(uname -r)/updates/wardfs.ko"
mount -i -t wardfs $d $d
check "and comes again" wait_for completeness complete
check_is "two loads" 2 "$(python3 -c "
import json; print(len(set(json.loads(l).get('ward.load_id') for l in open('$log')) - {None}))")"
# All that it sent before it went is recorded, however late.
"$tv" unlock $d
kill -STOP $wardd
refuse 300
umount $d
rmmod wardfs
kill -CONT $wardd
check "what the module sent before it went is recorded" wait_for "its events" python3 -c "
import json
lines = [json.loads(l) for l in open('$log')]
last = [l for l in lines if l.get('ward.load_id') == lines[-1]['ward.load_id']]
raise SystemExit(sum(l['ward.count'] for l in last if l['ward.kind'] in ('violation', 'lost')) < 300)"
check "stop at last" stop_wardd
check "wardctl log verify agrees" holds
done_testing
