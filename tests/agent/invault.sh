#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1200
#
# The log lies in a vault of its own. While that is locked, wardd waits, and events wait in the kernel; what wardd does in it, though a
# rule records all of it, makes no events without end.

. "$WARD_TOP/tests/cli/cli.sh"
. "$WARD_TOP/tests/agent/agent.sh"

log=/srv/log/events.jsonl
d=/srv/cases
lower
mkdir -p /srv/log $d /etc/ward
chmod 777 $d
cat >/tmp/nothing.py <<'EOT'
"""There is a while in which no event comes. If each brings another, there is none."""
import os, sys, time
sys.path.insert(0, os.environ['WARD_TOP'] + '/tests/netlink')
from nl import *
client = Client()
until = time.monotonic() + 300
while True:
    before = number(client.module()['EVENT_NEXT'])
    time.sleep(float(sys.argv[1]))
    after = number(client.module()['EVENT_NEXT'])
    print(before, after)
    if after - before <= int(sys.argv[2]):
        raise SystemExit(0)
    if time.monotonic() > until:
        raise SystemExit(1)
EOT

check "a vault for the log" wardctl create /srv/log --allow root --passphrase-file $pass --no-recovery-key
sed -i 's/^effect *= *allow.*/effect = allow, record/' /etc/ward/vaults.d/log.conf
check "a rule that records all of it" grep -q record /etc/ward/vaults.d/log.conf
check "is in force" wardctl policy load log --passphrase-file $pass
check "a vault for work" wardctl create $d --allow alice --passphrase-file $pass --no-recovery-key
printf '[log]\nfile = %s\nseal-after = 1s\nrotate-size = 65536\n' $log >/etc/ward/ward.conf

check "locked before wardd is started" wardctl lock log
wardd 2>/tmp/wardd.err &
wardd=$!
check "wardd starts, and waits" wait_for "a word" grep -q "lies in the vault log, which is not unlocked" /tmp/wardd.err
check_errno EACCES "mallory is refused" as mallory ls $d
check "no attempt of wardd's makes events" python3 -B /tmp/nothing.py 7 0
check "unlock" wardctl unlock log --passphrase-file $pass
check "the refusal is recorded" wait_for "it" has "e['ward.kind'] == 'violation' and e.get('user.name') == 'mallory'"
check "the key is given out" keep_key
check "when nothing happens, nothing happens" python3 -B /tmp/nothing.py 8 0
# Its own reading is recorded, too: an event each, as it should be.
check "the log has no more than that" sh -c "[ \$(wc -l <$log) -lt 1000 ]"

refuse 300
check "rotated within the vault" wait_for "the second file" test -e $log.1
check "it still comes to rest" python3 -B /tmp/nothing.py 8 0
cat >/tmp/own.py <<EOT
import glob, json
own = [e for f in glob.glob('$log*') for e in map(json.loads, open(f)) if e.get('process.pid') == $wardd]
print(own)
assert own and any('ward.span' in e and e['ward.count'] >= e['ward.span'] > 1 for e in own)
EOT
# Reading the log is recorded, too, and may make wardd rotate it just then: then once more.
check "several of its own are one record" wait_for "it" python3 /tmp/own.py

check "lock" wardctl lock log
refuse 100
check "wardd waits" wait_for "a word" sh -c "[ \$(grep -c 'lies in the vault log' /tmp/wardd.err) -ge 2 ]"
check "and makes no events" python3 -B /tmp/nothing.py 7 1
wardctl status >/tmp/status 2>&1
check "wardctl status tells" grep -q "waiting for its vault" /tmp/status
check "unmount" wardctl umount log
sleep 5
check_is "no plain log appears below" "" "$(ls -A /srv/log | grep -v '^\.ward$')"
check "unlock" wardctl unlock log --passphrase-file $pass
check "what happened meanwhile is recorded" wait_for "it" sh -c "[ \$(cat $log $log.* | grep -c '\"user.id\":\"200099\"') -ge 2 ]"
check "it holds" wait_for "it" sh -c "wardctl log verify --key-file $key"

check "lock --now" wardctl lock log --now
refuse 50
check "unlock" wardctl unlock log --passphrase-file $pass
check "what was not written out then is fetched again" wait_for "it" sh -c "
	[ \$(cat $log $log.* | grep -c '\"user.id\":\"200049\"') -ge 3 ]"
check "it holds" wait_for "it" sh -c "wardctl log verify --key-file $key"

# The rule lets nobody in any more: the log cannot be written, and that does not fill the kernel's room.
sed -i 's/^users *=.*/users = alice/' /etc/ward/vaults.d/log.conf
check "a policy that shuts wardd out" wardctl policy load log --passphrase-file $pass
refuse 5
check "attempts become rare" python3 -B /tmp/nothing.py 30 12
sed -i 's/^users *=.*/users = root/' /etc/ward/vaults.d/log.conf
check "let in again" wardctl policy load log --passphrase-file $pass
kill -HUP $wardd
refuse 1
wait_for "it" sh -c "[ \$(cat $log $log.* | grep -c '\"user.id\":\"200004\"') -ge 4 ]"
stop_wardd
check "it holds" sh -c "wardctl log verify --key-file $key"
check "nothing is missing" python3 - <<EOT
import glob, json
seen = {}
files = sorted(glob.glob('$log.*'), key=lambda f: -int(f.split('.')[-1])) + ['$log']
last = {}
for f in files:
    for line in open(f):
        e = json.loads(line)
        if e['ward.kind'] == 'seal':
            continue
        n = e['ward.count'] if e['ward.kind'] == 'lost' else e.get('ward.span', 1)
        assert e['event.sequence'] == last.get(e['ward.load_id'], 0) + n, (f, e, last)
        last[e['ward.load_id']] = e['event.sequence']
EOT
check "umount" wardctl umount log
done_testing
