#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# wardd: what an intruder is refused stands in the log, with all that is known of it.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

check "vault" new_vault 0 61001
name=$(printf 'odd\001\377\\n\303\251')
echo secret >$d/casefile
echo secret >"$d/$name"
chmod 666 $d/*
chmod 777 $d
check "wardd starts, and records what was before it" start_wardd
check "mounting and unlocking are in the log" has "e['ward.kind'] == 'key' and e['event.action'] == 'unlock'"

check_errno EACCES "mallory is refused" as mallory cat $d/casefile
check "the refusal is in the log" wait_for refusal has "e['ward.kind'] == 'violation'"
check "with everything that is known" python3 - <<EOT
import json, os, time, calendar
e, = [e for e in map(json.loads, open('$log')) if e['ward.kind'] == 'violation']
print(e)
want = {'event.kind': 'alert', 'event.category': 'file', 'event.outcome': 'failure', 'event.reason': 'policy',
	'error.code': 'EACCES', 'user.id': '61003', 'user.name': 'mallory', 'user.effective.id': '61003',
	'group.id': '61003', 'process.name': 'cat', 'process.executable': '/usr/bin/cat', 'file.path': '$d',
	'file.inode': str(os.stat('$d').st_ino), 'host.name': os.uname().nodename, 'ward.count': 1,
	'host.boot.id': open('/proc/sys/kernel/random/boot_id').read().strip(), 'process.parent.pid': $$}
wrong = {k: e.get(k) for k in want if e.get(k) != want[k]}
assert not wrong, wrong
# Nobody logged in, and the vault has no name: left out, not invented.
assert not {'user.audit.id', 'process.session', 'ward.vault', 'rule.name'} & set(e), e
assert len(e['@timestamp']) == 30 and e['@timestamp'].endswith('Z')
when = calendar.timegm(time.strptime(e['@timestamp'][:19], '%Y-%m-%dT%H:%M:%S'))
assert abs(when - time.time()) < 1800
assert len(e['ward.vault_id']) == 36 and len(e['ward.load_id']) == 32 and len(e['ward.prev']) == 64
assert e['event.sequence'] > 1 and e['process.pid'] > 1
EOT

# alice may, by the rule; so it is locking that makes her name a file.
"$tv" lock $d
check_errno ENOKEY "locked: alice is refused" as alice ls $d
check "and it is in the log" wait_for lock has "e.get('event.reason') == 'locked' and e['user.name'] == 'alice'"
"$tv" unlock $d

# Names are any bytes: a block of such a file is altered below.
sync
before=$(ls -t $below | grep -v '^\.ward' | head -n 1)
for f in $below/*; do
	printf X | dd of="$f" bs=1 seek=700 conv=notrunc status=none
done
"$tv" lock $d && "$tv" unlock $d
cat "$d/$name" >/dev/null 2>&1
check "a tampered file is in the log" wait_for tamper has "e['ward.kind'] == 'tamper'"
check "under its name, of which no byte is lost" python3 - <<EOT
import json, os, sys
sys.path.insert(0, "$WARD_TOP/tests/agent")
sys.dont_write_bytecode = True
from escaped import back
found = [e for e in map(json.loads, open('$log')) if e['ward.kind'] == 'tamper']
print(found)
want = b'$d/odd\x01\xff\\\\n\xc3\xa9'
assert any(back(e['file.path']) == want for e in found), want
e = [e for e in found if back(e['file.path']) == want][0]
assert e['event.reason'] == 'integrity' and e['ward.block'] == 0 and e['message'], e
assert all(32 <= ord(c) != 127 for e in found for c in e['file.path'])
EOT
echo "# below: $before"

# As a server does: root's process, that takes mallory on for a file.
python3 -c "
import os
os.setegid(61003)
os.seteuid(61003)
try: os.stat('$d/casefile')
except PermissionError: pass"
check "for whom root works is in the log" wait_for it has "e.get('user.name') == 'root' and e.get('user.effective.name') == 'mallory' and
	e['user.effective.id'] == '61003' and e['user.effective.group.id'] == '61003' and e['group.id'] == '0'"
check "the sentence begins with him" sh -c "wardctl log | grep -q 'mallory (real user root) with python3 may not'"
check "he is found by his name" sh -c "wardctl log --user mallory | grep -q 'real user root'"
check "and by his number" sh -c "wardctl log --user 61003 | grep -q 'real user root'"
check "and root, whose process it was" sh -c "wardctl log --user root | grep -q 'real user root'"

# Identical refusals, in most of a second
as mallory python3 -c "
import os, time
for _ in range(12):
	time.sleep(0.08)
	try: os.stat('$d/casefile')
	except PermissionError: pass"
mine="e['ward.kind'] == 'violation' and e['user.name'] == 'mallory' and e['process.name'] == 'python3'"
has_twelve()
{
	python3 -c "
import json
found = [e['ward.count'] for e in map(json.loads, open('$log')) if $mine]
raise SystemExit(sum(found) != 12 or max(found) == 1)"
}
# All twelve, in however many windows of a second they fell
check "refusals that are folded are in the log" wait_for fold has_twelve
check "with the time of the last one; who stands alone has none" python3 - <<EOT
import json
from datetime import datetime
def when(text): return datetime.fromisoformat(text[:26] + '+00:00').timestamp()
found = [e for e in map(json.loads, open('$log')) if $mine]
spans = [when(e['event.end']) - when(e['@timestamp']) for e in found if e['ward.count'] > 1]
assert all(('event.end' in e) == (e['ward.count'] > 1) for e in found), found
assert sum(e['ward.count'] for e in found) == 12 and 0.07 < max(spans) < 60 and min(spans) > 0, (spans, found)
EOT

# Odd bytes in both names of a rename, in the program's, and in its process's
check "alice may do all but rename" py '
rules(testvault.rule("root", 1, testvault.ALL, (1, [(1, 0)])),
      testvault.rule("alice", 1, testvault.ALL & ~testvault.OPS["rename"], (1, [(1, ALICE)])))
touch(d.encode() + b"/from\\\x1b[31m\xfe"); os.chown(d.encode() + b"/from\\\x1b[31m\xfe", ALICE, ALICE)
'
odd=$(printf '/tmp/m\\v\002\377\303')
cp /usr/bin/mv "$odd"
check_errno EACCES "she is refused it" as alice "$odd" "$(printf "$d"'/from\\\033[31m\376')" "$(printf "$d"'/to\342\200\256\\x41\200')"
check "it is in the log" wait_for rename has "e['event.action'] == 'rename' and e['user.name'] == 'alice'"
check "of no name a byte is lost" python3 -B - "$WARD_TOP/tests/agent" $log $d <<'EOT'
import json, sys
sys.path.insert(0, sys.argv[1])
from escaped import back
e = [e for e in map(json.loads, open(sys.argv[2])) if e['event.action'] == 'rename'][-1]
got = [back(e[k]) for k in ('file.path', 'ward.target_path', 'process.executable', 'process.name')]
top = sys.argv[3].encode()
assert got == [top + b'/from\\\x1b[31m\xfe', top + b'/to\xe2\x80\xae\\x41\x80', b'/tmp/m\\v\x02\xff\xc3', b'm\\v\x02\xff\xc3'], (got, e)
EOT

# Colours are for terminals.
echo 'import pty, sys; pty.spawn(sys.argv[1:])' >/tmp/onpty.py
esc=$(printf '\033')
check "on a terminal: refusals red, what was tampered with bold" sh -c "python3 /tmp/onpty.py wardctl log </dev/null >/tmp/pty &&
	grep -q '$esc\[31mviolation *$esc\[0m' /tmp/pty && grep -q '$esc\[1;31mtamper *$esc\[0m' /tmp/pty"
check "nothing else there that a terminal obeys" sh -c "grep -q tamper /tmp/pty && ! sed 's/$esc\[[0-9;]*m//g; s/\r\$//' /tmp/pty | LC_ALL=C grep -q '[[:cntrl:]]'"
check "the same without colours" sh -c "python3 /tmp/onpty.py wardctl --no-color log </dev/null >/tmp/pty && grep -q violation /tmp/pty && ! grep -q '$esc' /tmp/pty"
check "nor are any for a file" sh -c "wardctl log >/tmp/plain && grep -q violation /tmp/plain && ! grep -q '$esc' /tmp/plain"
check "nor in JSON" sh -c "python3 /tmp/onpty.py wardctl log --json </dev/null >/tmp/pty && grep -q violation /tmp/pty && ! grep -q '$esc' /tmp/pty"

check "the log is complete" wait_for completeness complete
check_is "the log is root's alone" "600 0" "$(stat -c '%a %u' $log)"
check "wardd ends when it is told to" stop_wardd
check "the key is given out" keep_key
check "wardctl log verify agrees" holds
done_testing
