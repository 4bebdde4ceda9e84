#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1200
#
# The log stands up: what wardd seals is proven with the key that it gave out, and whatever somebody who became root later
# does to it is found, by wardctl and by a verifier that shares nothing with it.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

mkdir -p /etc/ward
printf '[log]\nseal-records = 20\nseal-after = 1s\nrotate-size = 65536\nrotate-keep = 4\n' >/etc/ward/ward.conf
check "vault" new_vault 0
chmod 777 $d
check "start" start_wardd
check "it says what to do with the key" grep -q "wardctl log key gives out the key" /tmp/wardd.err
check "wardctl doctor warns of the key" sh -c "wardctl doctor | grep -q 'warning *seals .*still lies on this machine'"
check "the key is shown, once" sh -c "wardctl log key >/tmp/shown"
grep -E '^  ([A-Z2-7]{4}-){13}[A-Z2-7]{4}$' /tmp/shown | tr -d ' ' >$key
check_is "it is a key" 70 "$(wc -c <$key)"
check_fails_with 1 "not twice" wardctl log key
check_fails_with 5 "nor to others" as alice wardctl log key
check_is "it is not on the machine any more" "" "$(ls /var/lib/ward/log.key 2>/dev/null)"
secret=$(python3 -c "
import base64, sys
print(base64.b32decode(open('$key').read().strip().replace('-', ''))[:32].hex())")
nowhere()
{
	python3 - <<EOT
secret = bytes.fromhex('$secret')
import os
for top in ('/var/lib/ward', '/var/log/ward', '/run/ward', '/etc/ward'):
    for dir, _, files in os.walk(top):
        for f in files:
            assert secret not in open(os.path.join(dir, f), 'rb').read(), f
            assert open('$key').read().strip().encode() not in open(os.path.join(dir, f), 'rb').read(), f
EOT
}
check "in none of Ward's files" nowhere
check "nor in wardd's memory" python3 - <<EOT
secret = bytes.fromhex('$secret')
found = 0
with open('/proc/$wardd/mem', 'rb') as mem:
    for line in open('/proc/$wardd/maps'):
        begin, end = (int(x, 16) for x in line.split()[0].split('-'))
        if 'rw' not in line.split()[1] or 'v' in line.split()[-1][:2]:
            continue
        mem.seek(begin)
        try:
            data = mem.read(end - begin)
        except OSError:
            continue
        found += secret in data
raise SystemExit(found)
EOT

refuse 150
check "what is refused is recorded" wait_for completeness complete
check "and sealed in time" wait_for "a seal" sh -c "[ \$(tail -n 1 $log | grep -c ward.seal.mac) = 1 ]"
check "it holds" holds
check "all of it is proven" sh -c "wardctl log verify --json --key-file $key | python3 -c '
import json, sys
o = json.load(sys.stdin)
assert o[\"intact\"] and o[\"proven\"][\"lines\"] == o[\"lines\"] and o[\"tail\"] == \"whole\", o'"
check "each seal says up to which event, of which load and boot" sh -c "cat $(log_files | tr '\n' ' ') | python3 -c '
import json, sys
boot = open(\"/proc/sys/kernel/random/boot_id\").read().strip()
seals = last = 0
for e in map(json.loads, sys.stdin):
    if e[\"ward.kind\"] != \"seal\": last = e[\"ward.load_id\"], e[\"event.sequence\"]
    elif last:
        seals += 1
        assert (e[\"ward.load_id\"], e[\"ward.seal.sequence\"]) == last, (last, e)
    assert e[\"host.boot.id\"] == boot, e
assert seals > 5, seals'"
check "without the key it says that nothing is proven" sh -c "wardctl log verify | grep -q 'Nothing is proven'"
head -c 35 /dev/zero | python3 -c "
import base64, hashlib
print(base64.b32encode(bytes(32) + hashlib.sha256(bytes(32)).digest()[:3]).decode())" >/tmp/other.key
check_fails_with 4 "the key of another log" wardctl log verify --key-file /tmp/other.key
check_fails_with 4 "what is no key" sh -c "echo nonsense | wardctl log verify --key-file -"
check "the key from standard input" sh -c "wardctl log verify --key-file - <$key"

# Rotated, verified while it is being written
refuse 600
check "it is rotated" wait_for "files" test -e $log.3
python3 - <<EOT &
import os
for n in range(60):
    os.setresuid(300000 + n, 300000 + n, 0)
    for i in range(30):
        try:
            os.stat('$d/y%d' % i)
        except PermissionError:
            pass
    os.setresuid(0, 0, 0)
EOT
busy=$!
bad=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	wardctl log verify --key-file $key >/tmp/busy 2>&1 || { bad=1; diag "$(cat /tmp/busy)"; }
done
check_is "it holds each time while it grows and is rotated" 0 $bad
wait $busy
refuse 400
wait_for "the fourth file" test -e $log.4
refuse 400
check "no more than four are kept" wait_for "it" sh -c "[ ! -e $log.5 ]"
wait_for "completeness" complete
wait_for "a seal" sh -c "[ \$(tail -n 1 $log | grep -c ward.seal.mac) = 1 ]"
check "it holds, although the oldest went" wait_for "it" holds

# Killed in the middle, again and again
for i in 1 2 3 4 5 6; do
	refuse 60
	sleep 0.$i
	stop_wardd -KILL 2>/dev/null
	wardd 2>>/tmp/wardd.err &
	wardd=$!
	wait_for "wardd" grep -qs "^$wardd\$" /run/ward/wardd.pid
done
check "killed six times: it holds" wait_for "it" holds
check "and says that wardd was killed" grep -q "had not ended in order" /tmp/verify
# So that there is something in the newest file
while [ "$(wc -l <$log)" -lt 12 ]; do
	refuse 5
	sleep 0.5
done
stop_wardd
check "it ends with a seal" sh -c "tail -n 1 $log | grep -q '\"ward.seal.cause\":\"stop\"'"
check "and holds" holds

# Somebody becomes root now, and has all that is on the machine.
as_it_was()
{
	rm -rf /var/log/ward /var/lib/ward
	cp -a /tmp/saved/log /var/log/ward
	cp -a /tmp/saved/lib /var/lib/ward
}
mkdir /tmp/saved
cp -a /var/log/ward /tmp/saved/log
cp -a /var/lib/ward /tmp/saved/lib

sed -i '0,/"user.id":"20/s//"user.id":"10/' $log.2
check "a changed record" broken "does not follow"
as_it_was
victim=$(grep -o '"user.id":"[0-9]*"' $log.1 | sed -n 5p)
sed -i "/$victim/d" $log.1
check "records of a user taken out" broken "does not follow"
as_it_was
sed -i '5d' $log
check "one line taken out" broken "line 5: it does not follow"
as_it_was
sed -i '5{h;d};7{p;x}' $log
check "a line moved" broken "does not follow"
as_it_was
rm $log.2
check "a file missing in between" broken "does not follow"
as_it_was
rm $log.4
check "the oldest file missing" broken "oldest files are missing"
as_it_was
head -n -3 $log >/tmp/cut && cat /tmp/cut >$log
check "the end cut off" broken "end was cut off"
as_it_was
rm $log
check "the log itself missing" broken "end was cut off"
as_it_was
rm $seals
check "the seal state missing" broken "seal state is missing"
as_it_was
# He makes it anew from a line on, with the key that he finds, and the state to go with it.
cat >/tmp/thief.py <<'EOT'
import hashlib, json, os, re, struct, sys
sys.path.insert(0, os.environ['WARD_TOP'] + '/tests/agent')
import sealcheck
log, seals = sys.argv[1:3]
state = sealcheck.read_state(open(seals, 'rb').read())
lines = open(log, 'rb').read().split(b'\n')[:-1]
key, out, prev = state['key'], [], None
number = None
for n, line in enumerate(lines):
    seal = sealcheck.SEAL.fullmatch(line)
    if seal and number is None:
        number = json.loads(line)['ward.seal.number']
    if n >= 4:
        line = line.replace(b'"user.id":"2', b'"user.id":"1')
        line = re.sub(rb'"ward\.prev":"[0-9a-f]{64}"', b'"ward.prev":"' + prev + b'"', line)
        if seal:
            covered = sealcheck.SEAL.fullmatch(line)[1]
            mac = sealcheck.mac(sealcheck.mac(key, b'ward-log-seal'), covered).hex().encode()
            line = covered + b',"ward.seal.mac":"' + mac + b'"}'
            key = sealcheck.mac(key, b'ward-log-next')
    out.append(line)
    prev = hashlib.sha256(line).hexdigest().encode()
open(log, 'wb').write(b''.join(l + b'\n' for l in out))
place = b'WARDSEAL' + struct.pack('<II16sQQ32s32s', 1, state['generation'], bytes.fromhex(state['id']), state['number'],
                                  state['line'], bytes.fromhex(prev.decode()), key)
open(seals, 'wb').write((place + hashlib.sha256(place).digest()).ljust(8192, b'\0'))
EOT
check "he makes the log and the state anew, with the key he finds" python3 -B /tmp/thief.py $log $seals
check "without the key it looks whole: that is what the key is for" wardctl log verify
check "with the key it is found" broken "is forged"
as_it_was
check "as it was, it holds" holds

# wardd tells of it, too, and goes on.
head -n -3 $log >/tmp/cut && cat /tmp/cut >$log
: >/tmp/wardd.err
check "wardd starts all the same" start_wardd --config /etc/ward/ward.conf
check "and says that the end was cut off" wait_for "a word" grep -q "its end was cut off" /tmp/wardd.err
refuse 3
stop_wardd
check "which stays visible" broken "what was between them is missing"
as_it_was

# Another key, while wardd runs
check "start" start_wardd
cp $key /tmp/old.key
check "another key" wardctl log key --new --key-file /root/new.key
check_is "only root reads it" "600 0" "$(stat -c '%a %u' /root/new.key)"
refuse 30
stop_wardd
check "the old key alone proves what was before" sh -c "wardctl log verify --key-file $key | grep -q 'of a key that was not given'"
cat /root/new.key >>$key
check "both prove all of it" holds
check "nothing is left out" sh -c "! wardctl log verify --key-file $key | grep -q 'not given'"
check_fails_with 7 "the key of a chain that ended makes no seals" sh -c "
	cp /tmp/saved/lib/log.seal $seals; wardctl log verify --key-file $key"
done_testing
