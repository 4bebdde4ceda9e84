#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# A package replaces a program that a rule names: the rule follows, by dpkg's trigger and by wardd, and that is on record.
# What no package has is not followed. Hours are known for two years again in time. Nothing else is renewed.

. "$WARD_TOP/tests/cli/cli.sh"
. "$WARD_TOP/tests/agent/agent.sh"
. "$WARD_TOP/tests/fs/vault.sh"

lower
mkdir /srv/d
chown alice: /srv/d
check "a vault" sh -c "wardctl create /srv/d --allow alice --passphrase-file $pass >/root/out"
conf=/etc/ward/vaults.d/d.conf
cp $conf /root/first.conf
prog=/usr/lib/ward-test/prog
work=$(mktemp -d /var/tmp/ward-renew-XXXXXX)
# A database of packages of its own: that of this machine takes a minute to read here.
mount -t tmpfs tmpfs /var/lib/dpkg
mkdir /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/dpkg/triggers
touch /var/lib/dpkg/status /var/lib/dpkg/available
serial() { wardctl --json policy show d | python3 -c 'import json, sys; o = json.load(sys.stdin); assert o["in_force"], o; print(o["serial"])'; }

# package NAME VERSION: what is in $work/NAME becomes a package, and is installed
package()
{
	mkdir -p "$work/$1/DEBIAN"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: test\n' "$1" "$2" \
		>"$work/$1/DEBIAN/control"
	(cd "$work/$1" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | xargs -0r md5sum >DEBIAN/md5sums)
	dpkg-deb --root-owner-group -Zgzip -b "$work/$1" "$work/$1.deb" && dpkg --force-depends --force-unsafe-io -i "$work/$1.deb"
}
version()
{
	mkdir -p "$work/ward-test-prog$(dirname $prog)"
	cp /bin/cat "$work/ward-test-prog$prog"
	printf '%s' "$1" >>"$work/ward-test-prog$prog"
	package ward-test-prog "$1"
}

rm -f /etc/dpkg/dpkg.cfg.d/ward		# this machine's
check "a package with a program" version 1
mkdir -p "$work/ward-test/DEBIAN"
cp "$WARD_TOP/packaging/debian/ward.triggers" "$work/ward-test/DEBIAN/triggers"
sed '/#DEBHELPER#/d' "$WARD_TOP/packaging/debian/ward.postinst" >"$work/ward-test/DEBIAN/postinst"
chmod 755 "$work/ward-test/DEBIAN/postinst"
check "a package with Ward's trigger" package ward-test 1

{
	awk '/^\[rule/ { exit } { print }' /root/first.conf
	printf '[rule prog]\nusers = alice\nprograms = %s, /bin/tac\nhours = 00:00-24:00\ntimezone = UTC\neffect = allow\n' $prog
	printf '[rule root]\nusers = root\noperations = write, create, list, setattr\neffect = allow\n'
} >$conf
check "rules" wardctl policy load d --passphrase-file $pass
echo secret >/srv/d/f
chmod 644 /srv/d/f
check "wardd" start_wardd
check_is "the program may" "$(as alice $prog /srv/d/f 2>&1)" secret
before=$(serial)
refused 0 "nothing is to be renewed" "nothing is to be renewed" wardctl policy renew d
check_is "and nothing was" "$(serial)" "$before"

# cat reads what comes through the pipe, and opens the file then: it runs while its package is replaced.
mkfifo /root/pipe
runs() { as alice $prog - /srv/d/f </root/pipe >/root/running 2>&1; }
runs &
running=$!
exec 8>/root/pipe
check "another version is installed" version 2
exec 8>&-
check "what ran before ends well" wait $running
check_is "and may what the program may" "$(cat /root/running)" secret
check_is "the program may, without anybody's doing" "$(as alice $prog /srv/d/f 2>&1)" secret
check_is "by a renewed policy" "$(serial)" $((before + 1))
check_errno EACCES "others still may not" as alice cat /srv/d/f
check "that is on record" wait_for event has "e['ward.kind'] == 'policy' and e.get('message') == 'program is another file now: $prog' and e['event.outcome'] == 'success' and e['process.name'] == 'wardctl'"
check "and so is the policy" has "e['ward.kind'] == 'policy' and e['event.action'] == 'policy-load' and 'message' not in e"
check "nothing is left to be told" sh -c "! wardctl policy show d 2>&1 | grep 'another one'"

check "lock" wardctl lock d
check "another version is installed meanwhile" version 3
check "unlock" wardctl unlock d --passphrase-file $pass
# wardd may have looked already: then it is the next one.
check "the policy that was renewed is in force after that, or a newer one" test "$(serial)" -gt "$before"
may() { [ "$(as alice $prog /srv/d/f 2>&1)" = secret ]; }
check "wardd has the rule follow" wait_for following may
check_is "once" "$(serial)" $((before + 2))

cp $prog $prog.new
printf x >>$prog.new
mv $prog.new $prog
refused 0 "nothing is to be renewed" "what root put there is not followed" wardctl policy renew d
check_errno EACCES "and may not" as alice $prog /srv/d/f
check "wardctl says why" sh -c "wardctl --quiet policy renew d 2>&1 | grep -q 'not as a package has it'"
check "a program that is removed" rm $prog
check "is no error" wardctl policy renew --all
check "and comes again" version 4
check_is "it may" "$(as alice $prog /srv/d/f 2>&1)" secret
chmod o+w $prog
cp /bin/cat /root/cat
check "a program that everybody can change" sh -c "cp $prog /root/p && rm $prog && cp /root/p $prog && chmod 757 $prog"
check "is not followed" sh -c "wardctl policy renew d 2>&1 | grep -q 'everybody can change'"
check "put in order" version 5

# Hours: two years ahead, renewed when one is left
known() { wardctl --json status d | python3 -c 'import json, sys; print(json.load(sys.stdin)["vaults"][0]["hours_known_until"])'; }
now=$(date +%s)
# Where wardd does not run, their end is told 60 days before.
kill -STOP $wardd
at() { date -s @$((now + $1 * 86400)) >/dev/null; }
says_hours() { wardctl status d 2>&1 | grep -q "the hours of its rules are $1" && wardctl doctor 2>&1 | grep -q 'warning *hours .*is over, or soon will be'; }
at 669
check "62 days before the end of hours nothing is said" sh -c "! { wardctl status d; wardctl doctor; } 2>&1 | grep -E 'hours of its rules are'"
at 673
check "58 days before it is" says_hours "known for 5[78] more days"
check_is "and they hold" "$(as alice $prog /srv/d/f 2>&1)" secret
at 735
check "after their end, too" says_hours "not known since [34] days"
check_errno EACCES "and they let nobody in" as alice $prog /srv/d/f
at 0
check_is "when the clock is set back they do" "$(as alice $prog /srv/d/f 2>&1)" secret
kill -CONT $wardd
date -s @$((now + 200 * 86400)) >/dev/null
known_first=$(known)
check "after 200 days" wardctl policy renew d
check_is "nothing is renewed" "$(known)" "$known_first"
date -s @$((now + 400 * 86400)) >/dev/null
check "after 400 days, SIGHUP" kill -HUP $wardd
later() { [ "$(known)" -gt "$known_first" ]; }
check "wardd has renewed them" wait_for hours later
check "that is on record, too" wait_for event has "e['ward.kind'] == 'policy' and e.get('message') == 'local time of hours is known anew'"
check "for two years" sh -c "[ $(known) -gt $((now + 1100 * 86400)) ]"
check_is "they hold" "$(as alice $prog /srv/d/f 2>&1)" secret
date -s @"$now" >/dev/null
check_is "and when the clock is set back" "$(as alice $prog /srv/d/f 2>&1)" secret
date -s 2090-01-01 >/dev/null
check "a clock that is decades ahead" wardctl policy renew d
check_is "they hold" "$(as alice $prog /srv/d/f 2>&1)" secret
date -s @"$now" >/dev/null
check_is "and when it is right again" "$(as alice $prog /srv/d/f 2>&1)" secret
known_first=$(known)
date -s 2001-01-01 >/dev/null
check "a clock that is decades behind" wardctl policy renew d
check_is "they hold" "$(as alice $prog /srv/d/f 2>&1)" secret
check_is "as long as before" "$(known)" "$known_first"
date -s @"$now" >/dev/null
check_is "and when the clock is right again" "$(as alice $prog /srv/d/f 2>&1)" secret

# Somebody else works on the vault, and does not end
flock --no-fork /run/ward/lock/d sleep 1000 &
other=$!
# It executes that once it has the lock.
asleep $other
begin=$(date +%s)
refused 1 "is busy" "a vault that is busy is not waited for" wardctl policy renew d
check "for long" [ $(($(date +%s) - begin)) -lt 300 ]
kill $other
wait $other 2>/dev/null || true

check "without root" sh -c "! setpriv --reuid 61001 --regid 61001 --clear-groups wardctl policy renew d 2>/dev/null"
check_fails_with 3 "no such vault" wardctl policy renew none
check_fails_with 2 "no vault" wardctl policy renew
check_fails_with 2 "all and one" wardctl policy renew --all d
check_fails_with 5 "not root" as alice wardctl policy renew d

# What the kernel authenticates: the rules in force, nothing else
check "the kernel renews the rules in force alone" python3 - <<EOT
import os, struct, subprocess, sys, errno
sys.path.insert(0, "$WARD_TOP/tests/fs")
import testvault
subprocess.run("mkdir -p /run/w && mount --bind /run/ward/lower/d /run/w && mount -o remount,bind,rw /run/w", shell=True, check=True)
ward = "/run/w/.ward"
nl = testvault.Netlink()
blob = open(ward + "/policy", "rb").read()
uuid = blob[16:32]
serial, = struct.unpack_from("<Q", blob, 32)
def renew(changed):
    testvault.put(ward + "/policy.new", changed)
    try: return nl.ask("POLICY_RENEW", uuid)
    except testvault.Refused as e: return errno.errorcode[e.errno]
def with_serial(n, b=blob): return b[:32] + struct.pack("<Q", n) + b[40:]
def same(a, b): assert a == b, (a, b)
same(renew(with_serial(serial)), "ESTALE")
same(renew(with_serial(serial + 2)), "ESTALE")
next_one = with_serial(serial + 1)
got = renew(next_one)
print(got)
# A bit in each of the other bytes, every third in one run: what is taken is a program's file, or when local time runs
# ahead; nothing else
taken = set()
for i in range(os.getpid() % 3, len(next_one) - 32, 3):
    if 32 <= i < 40: continue
    b = bytearray(next_one); b[i] ^= 1
    r = renew(bytes(b))
    if isinstance(r, str): assert r in ("EPERM", "EBADMSG", "EXDEV", "EPROTONOSUPPORT", "ESTALE"), (i, r)
    else: taken.add(i)
print(sorted(taken))
first = next_one.index(b"$prog\0") - 48 + 8
second = next_one.index(b"/bin/tac") - 48 + 8
hours = next_one.index(b"UTC\0") - 24
allowed = {i for p in (first, second) for i in range(p, p + 40)} | set(range(hours, hours + 16)) | set(range(hours + 64, hours + 80))
assert taken and taken <= allowed, sorted(taken - allowed)
# Not without its MAC, and with it once
renew(next_one)
try: nl.ask("POLICY_LOAD", uuid); assert False, "loads without its MAC"
except testvault.Refused as e: same(e.errno, errno.EBADMSG)
mac = got["policy_mac"]
testvault.put(ward + "/policy.new", next_one[:-32] + mac)
nl.ask("POLICY_LOAD", uuid)
os.rename(ward + "/policy.new", ward + "/policy")
same(renew(next_one), "ESTALE")
testvault.put(ward + "/policy.new", next_one[:-32] + mac)
try: nl.ask("POLICY_LOAD", uuid); assert False, "loads twice"
except testvault.Refused as e: same(e.errno, errno.ESTALE)
os.unlink(ward + "/policy.new")
subprocess.run(["umount", "/run/w"], check=True)
EOT
check_is "it holds" "$(as alice $prog /srv/d/f 2>&1)" secret

# A renewal that root keeps does not outlive what is loaded with a secret afterwards, not even when the vault is opened again
kept=/root/kept.policy
cp /run/ward/lower/d/.ward/policy $kept
check "rules are loaded that are narrower" sh -c "sed 's/^users = alice/users = root/' $conf >/root/narrow.conf && cp $conf /root/wide.conf && cp /root/narrow.conf $conf && wardctl policy load d --passphrase-file $pass"
check_is "no renewal has their serial number" $(($(serial) % 65536)) 0
check "lock, and the renewed policy of before is put back" sh -c "wardctl lock d && mkdir -p /run/w && mount --bind /run/ward/lower/d /run/w && mount -o remount,bind,rw /run/w && cp $kept /run/w/.ward/policy && rm -f /run/w/.ward/policy.new && umount /run/w"
check "unlock" wardctl unlock d --passphrase-file $pass
check_errno EACCES "it lets nobody in" as alice $prog /srv/d/f
check "nor is it renewed" sh -c "! wardctl policy renew d 2>/dev/null"
check "the rules are loaded again" sh -c "cp /root/wide.conf $conf && wardctl policy load d --passphrase-file $pass"
check_is "it holds again" "$(as alice $prog /srv/d/f 2>&1)" secret
# Stopped after the kernel took a policy, before the file has its place
undo() ( mkdir -p /run/w && mount --bind /run/ward/lower/d /run/w && mount -o remount,bind,rw /run/w && cd /run/w/.ward && mv policy policy.new && cp $kept policy && cd / && umount /run/w )
check "a policy in force that is in .ward/policy.new alone" undo
before=$(wardctl --json status d | python3 -c 'import json, sys; print(json.load(sys.stdin)["vaults"][0]["policy_serial"])')
refused 0 "nothing is to be renewed" "is renewed as any other" wardctl policy renew d
check_is "and is the stored one then" "$(serial)" "$before"
check "again" undo
check "a load that is refused" sh -c "! wardctl policy load d --passphrase-file /root/out 2>/dev/null"
check "and one that is not" wardctl policy load d --passphrase-file $pass
check "both leave one that opens" sh -c "wardctl lock d && wardctl unlock d --passphrase-file $pass"
check_is "it does" "$(as alice $prog /srv/d/f 2>&1)" secret

sed 's/^\[vault\]/&\nrenew = no/' /root/wide.conf >$conf
check "rules that are not to be renewed" wardctl policy load d --passphrase-file $pass
check "wardctl policy show says so" sh -c "wardctl policy show d 2>/dev/null | grep -q 'not renewed without a secret'"
before=$(serial)
check "a further version is installed" version 6
refused 0 "say renew = no" "nothing is renewed" wardctl policy renew d
check_is "nothing was" "$(serial)" "$before"
check_errno EACCES "the further version may not" as alice $prog /srv/d/f
check "nor does the kernel renew them" python3 - <<EOT
import errno, os, struct, subprocess, sys
sys.path.insert(0, "$WARD_TOP/tests/fs")
import testvault
subprocess.run("mkdir -p /run/w && mount --bind /run/ward/lower/d /run/w && mount -o remount,bind,rw /run/w", shell=True, check=True)
blob = open("/run/w/.ward/policy", "rb").read()
serial, = struct.unpack_from("<Q", blob, 32)
for flags in 0, 1, 2, 3:
    changed = bytearray(blob); struct.pack_into("<H", changed, 10, flags); struct.pack_into("<Q", changed, 32, serial + 1)
    testvault.put("/run/w/.ward/policy.new", bytes(changed))
    try: testvault.Netlink().ask("POLICY_RENEW", blob[16:32]); assert False, flags
    except testvault.Refused as e: assert e.errno == errno.EPERM, (flags, e.errno)
os.unlink("/run/w/.ward/policy.new")
subprocess.run(["umount", "/run/w"], check=True)
EOT
# A time zone that is another one now, as after an update of tzdata, or is there no more
zone=/usr/share/zoneinfo/Etc/Ward
cp /usr/share/zoneinfo/Europe/Berlin $zone
sed 's#^timezone = .*#timezone = Etc/Ward#' /root/wide.conf >$conf
check "rules for a time zone" wardctl policy load d --passphrase-file $pass
doctor_on_hours() { wardctl doctor 2>&1 | grep 'warning *hours '; }
check_is "doctor has nothing to say of it" "" "$(doctor_on_hours)"
cp /usr/share/zoneinfo/Asia/Tokyo $zone
check "doctor tells that it is another one" sh -c "wardctl doctor 2>&1 | grep -q 'local time of Etc/Ward runs otherwise in the policy'"
rm $zone
check "and that it is gone" sh -c "wardctl doctor 2>&1 | grep -q 'there is no time zone Etc/Ward (any more)'"
# An alternative is whatever the administrator, or a package with a higher priority, chose
mkdir -p /etc/alternatives
ln -s $prog /etc/alternatives/ward-alt
ln -s /etc/alternatives/ward-alt /usr/bin/ward-alt
sed 's#^programs = .*#programs = /usr/bin/ward-alt#' /root/wide.conf >$conf
check "a rule for an alternative" wardctl policy load d --passphrase-file $pass
check_is "it is the program" "$(as alice $prog /srv/d/f 2>&1)" secret
ln -sfn /bin/tac /etc/alternatives/ward-alt
refused 0 "/etc/alternatives has it, which no rule follows" "another one is chosen" wardctl policy renew d
check_errno EACCES "it may not" as alice tac /srv/d/f
check_is "that which was meant still may" "$(as alice $prog /srv/d/f 2>&1)" secret
rm /usr/bin/ward-alt /etc/alternatives/ward-alt
check "the others again" sh -c "cp /root/wide.conf $conf && wardctl policy load d --passphrase-file $pass"
# However many rules name a program, it is told once, with the first of them
awk '/^\[rule prog\]/ { copy = 1 } /^\[rule root\]/ { copy = 0 } { print } copy { more = more $0 "\n" } END { sub(/rule prog/, "rule again", more); printf "%s", more }' \
	/root/wide.conf >$conf
check "two rules for one program" wardctl policy load d --passphrase-file $pass
told() { grep -c "is another file now: $prog\"" /var/log/ward/events.jsonl; }
before=$(told)
check "a further version is installed" version 7
more() { [ "$(told)" -gt "$before" ]; }
check "it is told" wait_for event more
sleep 2
check_is "once" "$(told)" $((before + 1))
check "with its rule" sh -c "grep 'is another file now' /var/log/ward/events.jsonl | tail -n 1 | grep -q '\"rule.name\":\"prog\"'"

# What make install gives dpkg does it where no package has the trigger
dpkg --remove ward-test
check "a further version, and nobody tells Ward" version 8
check_errno EACCES "the program may not" as alice $prog /srv/d/f
cp "$WARD_TOP/packaging/dpkg/ward" /etc/dpkg/dpkg.cfg.d/ward
check "a further version, with what make install gives dpkg" version 9
check_is "the program may" "$(as alice $prog /srv/d/f 2>&1)" secret
rm /etc/dpkg/dpkg.cfg.d/ward
check "the others once more" sh -c "cp /root/wide.conf $conf && wardctl policy load d --passphrase-file $pass"
check "lock again" wardctl lock d
refused 6 "is locked" "renewing what is locked" wardctl policy renew d
check "all of them: those that are locked wait" wardctl policy renew --all

stop_wardd
check "unmount" wardctl umount d
umount /var/lib/dpkg
rm -rf "$work" "$(dirname $prog)"
done_testing
