#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# wardctl policy: what is wrong with rules, which programs may be named, loading, showing, comparing, explaining.

. "$WARD_TOP/tests/cli/cli.sh"

lower
mkdir /srv/d
chown root:caseworkers /srv/d
chmod 2775 /srv/d
check "a vault" sh -c "wardctl create /srv/d --allow alice --allow @caseworkers --passphrase-file $pass >/root/out"
conf=/etc/ward/vaults.d/d.conf
cp $conf /root/first.conf
# Rules of a vault: what stands in [vault], then these
rules() { awk '/^\[rule/ { exit } { print }' /root/first.conf >$conf; cat >>$conf; }
try() { awk '/^\[rule/ { exit } { print }' /root/first.conf >/root/try.conf; cat >>/root/try.conf; }
load() { wardctl policy load d --passphrase-file $pass; }
# The policy in force, and who gets in by it
standing()
{
	wardctl --json policy show d | python3 -c '
import json, sys; o = json.load(sys.stdin); print(o["serial"], o["in_force"], [r["name"] for r in o["rules"]])'
	for who in alice bob mallory root; do
		if as $who ls /srv/d >/dev/null 2>&1; then echo "$who"; fi
	done
}
mkdir -p /usr/local/lib/ward-test
prog=/usr/local/lib/ward-test
chmod 755 $prog
cp /bin/cat $prog/cat

try <<END
[rule a]
users    = alice
programs = $prog/cat, /usr/bin/python3
paths    = /in, /caf\xc3\xa9/x
hours    = Mon-Fri 07:00-19:00
timezone = Europe/Berlin
effect   = allow
END
refused 0 "1 rule, nothing wrong with it" "rules with everything" wardctl policy check /root/try.conf
try <<END
[rule a]
paths    = /srv/d/in
hours    = Mon 7-19
programs = cat
effect   = allow
END
refused 1 '/root/try.conf:[0-9]+:12: paths begin at the vault.s top.*write "/in"' "a path of the machine" wardctl policy check /root/try.conf
refused 1 "/root/try.conf:[0-9]+:12: .Mon 7-19. has no hours" "hours that are none" wardctl policy check /root/try.conf
refused 1 "is no program" "a program without its path" wardctl policy check /root/try.conf
try <<END
[rule all]
effect = allow
[rule never]
users  = alice
effect = deny
[rule gone]
programs = $prog/none
effect = allow
END
refused 1 'rule "never" \(line [0-9]+\) never matches.*"all" before it allows' "a rule that never matches" wardctl policy check /root/try.conf
refused 1 "rule .gone. \(line [0-9]+\): there is no program $prog/none" "a program that is not there" wardctl policy check /root/try.conf
refused 1 'matches nobody as long as none of its programs' "a rule without its programs" wardctl policy check /root/try.conf
refused 1 '1 rule is against one before.*none is loaded' "rules that contradict each other" wardctl policy check /root/try.conf
cat >/root/warned.py <<END
import json, sys
o = json.load(sys.stdin); w = o['warnings']; print(json.dumps(o))
assert [any(part in x for x in w) for part in ('rule "never"', 'no program $prog/none', 'rule "gone"', 'lets in everybody')] == 4 * [True]
END
check "as JSON, all that it warns of" sh -c "wardctl --json policy check /root/try.conf 2>/dev/null >/root/o; [ \$? = 1 ] && python3 /root/warned.py </root/o"
check "also with --yes" sh -c "wardctl --json --yes policy check /root/try.conf 2>/dev/null | python3 /root/warned.py | grep -q '\"valid\": true'"
before=$(standing)
cp /root/try.conf $conf
refused 1 'none is loaded' "they are not loaded" load
check_is "and the old ones stay in force" "$before" "$(standing)"
check "but with --yes, for who means it" sh -c "wardctl --json --yes policy load d --passphrase-file $pass 2>/dev/null | python3 /root/warned.py"
check_is "they are in force" "alice bob mallory root" "$(standing | tail -n +2 | tr '\n' ' ' | sed 's/ $//')"
try <<END
[rule all]
effect = allow
[rule again]
users  = alice
effect = allow
END
refused 0 'rule "again".*never matches.*"all" before it decides' "one that only says again what another does" wardctl policy check /root/try.conf
check "no warnings as JSON" sh -c "wardctl --json policy check /root/first.conf | python3 -c 'import json, sys; assert json.load(sys.stdin)[\"warnings\"] == []'"
cp /root/first.conf $conf
check "the first ones again" load

try <<END
[rule a]
groups   = ,
hours    = 00:00-23:59
users    = alcie
effect   = alow
effect   = allow
END
refused 1 '"groups" has nothing but commas' "a list that lists nothing" wardctl policy check /root/try.conf
refused 1 'no user "alcie" on this machine, did you mean "alice"' "a user who is nearly right" wardctl policy check /root/try.conf
refused 1 'no effect "alow", did you mean "allow"' "an effect that is" wardctl policy check /root/try.conf
refused 1 '"effect" stands in line [0-9]+ already' "an entry that stands twice" wardctl policy check /root/try.conf
before=$(standing)
cp /root/try.conf $conf
check_fails_with 1 "none of which is loaded" load
check_is "and the old ones stay in force" "$before" "$(standing)"
cp /root/first.conf $conf

one() { printf '[rule a]\nusers = alice\nprograms = %s\neffect = allow\n' "$1" | try; }
install -o alice -m 755 /bin/cat $prog/hers
one $prog/hers
refused 1 "belongs to user 61001.*chown root" "a program of a user's" wardctl policy check /root/try.conf
install -m 757 /bin/cat $prog/open
one $prog/open
refused 1 "everybody can change the file $prog/open.*chmod o-w" "one that everybody can change" wardctl policy check /root/try.conf
install -m 775 -g caseworkers /bin/cat $prog/group
one $prog/group
refused 1 "group 61010.*chmod g-w" "one that a group can change" wardctl policy check /root/try.conf
install -m 775 -g root /bin/cat $prog/acl
one $prog/acl
refused 0 "1 rule, nothing wrong with it" "one of root's group" wardctl policy check /root/try.conf
setfacl -m u:alice:rwx $prog/acl
refused 1 "in its ACL.*chmod g-w" "one that an ACL gives to somebody" wardctl policy check /root/try.conf
install -m 755 /bin/cat /tmp/cat
one /tmp/cat
refused 1 "everybody can change the directory /tmp" "one in a directory of everybody's" wardctl policy check /root/try.conf
ln -s /tmp/cat $prog/away
one $prog/away
refused 1 "everybody can change the directory /tmp" "a symlink to one" wardctl policy check /root/try.conf
ln -s $prog/cat /tmp/link
one /tmp/link
refused 1 "everybody can change the directory /tmp" "a symlink that lies there" wardctl policy check /root/try.conf
ln -s loop $prog/loop
one $prog/loop
refused 1 "cannot find" "a symlink to itself" wardctl policy check /root/try.conf
printf '#!/bin/sh\n' >$prog/script
chmod 755 $prog/script
one $prog/script
refused 1 "is a script" "a script" wardctl policy check /root/try.conf
one $prog
refused 1 "no file that can be executed" "a directory" wardctl policy check /root/try.conf
one /etc/passwd
refused 1 "no file that can be executed" "what cannot be executed" wardctl policy check /root/try.conf

rules <<END
[rule with cat]
users      = alice
programs   = $prog/cat
paths      = /in
effect     = allow

[rule caseworkers]
users      = @caseworkers
operations = read, list
paths      = /out
hours      = 00:00-23:59
timezone   = UTC
effect     = allow, record
END
refused 0 "2 rules in force" "rules are loaded" load
check "and shown as they were written" sh -c "wardctl policy show d >/root/shown && grep -q 'programs   = $prog/cat' /root/shown &&
	grep -q 'paths      = /in' /root/shown && grep -q 'hours      = Mon-Sun 00:00-23:59' /root/shown && grep -q 'timezone   = UTC' /root/shown"
check "and as JSON" sh -c "wardctl --json policy show d | python3 -c '
import json, sys; r = json.load(sys.stdin)[\"rules\"]
assert r[0][\"conditions\"][1] == {\"of\": \"program\", \"any\": [\"$prog/cat\"]}, r
assert r[1][\"conditions\"][2] == {\"of\": \"hours\", \"any\": [\"Mon-Sun 00:00-23:59 (UTC)\"]}, r'"
check "for how long hours are known" sh -c "wardctl --json status d | python3 -c '
import json, sys, time; t = json.load(sys.stdin)[\"vaults\"][0][\"hours_known_until\"]; assert 729 < (t - time.time()) / 86400 < 732, t'"
check "what shows can be loaded" sh -c "{ awk '/^\[rule/ { exit } { print }' /root/first.conf; cat /root/shown; } >$conf && wardctl policy load d --passphrase-file $pass &&
	wardctl policy diff d | grep -q 'are those that were loaded last'"

printf '[rule root]\nusers = root\neffect = allow\n' | rules
load >/dev/null
mkdir -m 777 /srv/d/in /srv/d/out
echo secret >/srv/d/in/f
echo other >/srv/d/other
chmod 644 /srv/d/in/f /srv/d/other
cp /root/shown /root/rules
rules </root/rules
refused 0 '^\+ \[rule with cat\]' "what loading would change" wardctl policy diff d
refused 0 '^- \[rule root\]' "what would go" wardctl policy diff d
check "as JSON" sh -c "wardctl --json policy diff d | python3 -c '
import json, sys; o = json.load(sys.stdin); assert (o[\"added\"], o[\"removed\"], o[\"same\"]) == ([\"with cat\", \"caseworkers\"], [\"root\"], False), o'"
load >/dev/null
check_is "the program that is named may" secret "$(as alice $prog/cat /srv/d/in/f 2>&1)"
check_errno EACCES "another may not" as alice cat /srv/d/in/f
check_errno EACCES "nor this one elsewhere" as alice $prog/cat /srv/d/other

explain() { wardctl policy explain d "$@"; }
refused 0 'alice may read /in/f: rule "with cat"' "explained: allowed" explain --user alice --program $prog/cat --op read /srv/d/in/f
refused 0 'rule "with cat" would, but for its programs' "explained: the wrong program" explain --user alice --program /bin/cat --op read /in/f
refused 0 'rule "with cat" would, but for its paths' "explained: the wrong place" explain --user alice --program $prog/cat --op write /out/f
refused 0 'bob may read /out: rule "caseworkers"' "explained: by a group" env TZ=UTC wardctl policy explain d --user bob --op read --at "2026-12-01 10:00" /out
refused 0 'would, but for its hours' "explained: at another hour" env TZ=UTC wardctl policy explain d --user bob --op read --at "2026-12-01 23:59" /out
refused 0 'rule "with cat" would, but for its users, paths, programs' "explained: all that is missing" explain --user mallory --op write /out
refused 0 "cannot get to /in/f: no rule lets mallory do anything in /" "explained: the way" explain --user mallory --op read /in/f
check "explained: as JSON" sh -c "wardctl --json policy explain d --user alice --op read,write /in/f | python3 -c '
import json, sys; o = json.load(sys.stdin); a = o[\"answers\"]
assert [x[\"operation\"] for x in a] == [\"read\", \"write\"] and not a[0][\"allowed\"], o
assert a[0][\"nearest\"][0] == {\"rule\": \"with cat\", \"lacks\": [\"programs\"]}, o'"
cat >/root/draft <<END
[rule may]
users      = alice
paths      = /in
operations = read, write, rename, link, create
burst      = 200 files / 60 s, 50 changes / 10 min
effect     = allow
[rule deletes there]
users      = alice
paths      = /in/done
operations = read, rename, delete
effect     = allow
[rule server]
users      = alice
programs   = kernel:nfsd
operations = read
effect     = allow
END
draft() { wardctl policy explain d --file /root/draft --user alice "$@"; }
refused 0 'alice may not rename /in/f: no rule allows it' "explained: rename needs delete" draft --op rename /in/f
refused 0 '^    delete /in/f: no rule allows it' "explained: what it lacks" draft --op rename /in/f
refused 0 '^    create in /in: rule "may"' "explained: what it needs where it arrives" draft --op rename /in/f
refused 0 'alice may rename /in/done/f ' "explained: all of it is there" draft --op rename /in/done/f
refused 0 'alice may not link /in/done/f: no rule allows it' "explained: with a target" draft --op link --to /srv/d/out/g /in/done/f
refused 0 '^    create /out/g: no rule allows it' "explained: why not there" draft --op link --to /srv/d/out/g /in/done/f
refused 0 '^    delete /in/done/g, if it is there to be replaced: rule "deletes there"' "explained: what is replaced" draft --op rename --to /in/done/g /in/done/f
refused 0 'and nobody renames or links /in/done/f to /out/g: other rules hold there' "explained: a boundary" draft --op rename --to /out/g /in/done/f
printf '[rule a]\nusers = alice\npaths = /in/done\neffect = allow\n' >/root/deep
refused 0 'if it is a directory, nobody renames /in to another name in /: rules name' "explained: a directory that leads to one" wardctl policy explain d --file /root/deep --user alice --op rename /in
check "explained: no boundary" sh -c "! wardctl policy explain d --file /root/draft --user alice --op rename --to /in/x/g /in/f | grep -E 'EXDEV|nobody'"
check "explained: rename as JSON" sh -c "wardctl --json policy explain d --file /root/draft --user alice --op rename /in/f | python3 -c '
import json, sys; o = json.load(sys.stdin); a = o[\"answers\"][0]
assert (a[\"operation\"], a[\"allowed\"], a[\"target\"], o[\"boundary\"]) == (\"rename\", False, \"/in\", \"none\"), o
assert [(n[\"operation\"], n[\"path\"], n[\"allowed\"]) for n in a[\"needs\"]] == [(\"rename\", \"/in/f\", True),
	(\"read\", \"/in/f\", True), (\"delete\", \"/in/f\", False), (\"create\", \"/in\", True)], o'"
refused 0 'within the limits of rule "may": 200 files / 1 min$' "explained: the limits of reading" draft --op read /in/f
refused 0 'within the limits of rule "may": 50 changes / 10 min$' "explained: the limits of writing" draft --op write /in/f
refused 0 'alice may read /x: rule "server"' "explained: a thread of the kernel" draft --op read --program kernel:nfsd /x
refused 0 'alice may not read /x: no rule allows it' "explained: another one" draft --op read --program kernel:lockd /x
check_fails_with 2 "explain: a thread that is none" draft --op read --program kernel:kworker/0:1 /x
check_fails_with 2 "explain: a target of what goes nowhere" draft --op read --to /y /x
refused 2 'did you mean "read"' "explain: an operation that is nearly right" draft --op raed /x
cat >/root/draft <<END
[rule reads]
users      = alice
operations = read
effect     = allow
[rule tags]
users      = alice
operations = setxattr, execute
effect     = allow
[rule with a tool]
users      = bob
programs   = /bin/bash
operations = read, execute
effect     = allow
END
refused 0 'alice may not delete /in/f: no rule allows it' "explained: an operation that the rules leave out" draft --op delete /in/f
refused 0 '^    rule "reads" would, but for its operations$' "explained: it is what is missing" draft --op delete /in/f
refused 0 'alice may not setxattr /in/f: no rule allows it' "explained: setxattr needs write" draft --op setxattr /in/f
refused 0 '^    write /in/f, for user\.\* of what is no directory: no rule allows it' "explained: for what" draft --op setxattr /in/f
refused 0 'root may setxattr /in/f' "explained: root can set others" sh -c "printf '[rule a]\nusers = root\noperations = setxattr\neffect = allow\n' >/root/of-root &&
	wardctl policy explain d --user root --op setxattr --file /root/of-root /in/f"
refused 0 'alice may execute /in/f \(all of what it needs:\)' "explained: execute needs read" draft --op execute /in/f
refused 0 '^    read /in/f: rule "reads"' "explained: by which rule" draft --op execute /in/f
refused 0 'bob may not execute /in/f: no rule' "explained: a program in the vault reads itself" \
	wardctl policy explain d --file /root/draft --user bob --program /bin/bash --op execute /in/f
refused 0 'mallory may read /in/f: rule "a"' "explained: a draft" sh -c "printf '[rule a]\nusers = mallory\neffect = allow\n' >/root/draft &&
	wardctl policy explain d --user mallory --op read --file /root/draft /in/f"
# What the kernel puts on record is what explain says. USER OPERATION PATH COMMAND...
agrees()
{
	agrees_from=$(PYTHONPATH=$WARD_TOP/tests/fs python3 -c 'import testvault; print(testvault.Netlink().next_event())')
	agrees_who=$1 agrees_op=$2 agrees_at=$3
	shift 3
	! as "$agrees_who" "$@" 2>/dev/null || return 1
	"$WARD_TOP/tests/fs/testvault.py" events "$agrees_from" >/root/kernel
	wardctl --json policy explain d --user "$agrees_who" --op "$agrees_op" "$agrees_at" >/root/explained
	python3 -c '
import json
words = {0: "operations", 1: "users", 2: "logins", 4: "paths", 5: "programs", 6: "hours"}
kernel = [e for e in map(json.loads, open("/root/kernel")) if e["kind"] == "violation"][-1]
o = json.load(open("/root/explained"))
told = o["stopped_nearest"] if kernel["action"] == "lookup" else o["answers"][0]["nearest"]
said = {"rule": kernel["near"], "lacks": [words[n] for n in words if kernel["lacks"] >> n & 1]}
print(kernel, o)
assert told[0] == said, (told, said)'
}
rules <<END
[rule reads]
users      = alice
operations = read, list, rename, setxattr
effect     = allow
[rule by night]
users      = bob
paths      = /out
hours      = $(date -u -d '12 hours' +%H:00-%H:30)
timezone   = UTC
effect     = allow
[rule root]
users      = root
effect     = allow
[rule bob]
users      = bob
operations = read, execute
paths      = /out
effect     = allow
END
check "rules that leave something out" load
chmod 666 /srv/d/in/f
check "explained as on record: an operation" agrees alice delete /in/f rm -f /srv/d/in/f
check "some of what it needs" agrees alice rename /in/f mv -T /srv/d/in/f /srv/d/in/g
check "an xattr" agrees alice setxattr /in/f setfattr -n user.a -v b /srv/d/in/f
check "hours, or an operation" agrees bob list /out ls /srv/d/out
check "somebody whom no rule lets in" agrees mallory read /in/f cat /srv/d/in/f
check "somebody who may elsewhere" agrees bob read /in/f cat /srv/d/in/f
rules </root/rules
check "the rules of before" load
check_fails_with 2 "explain: no user" wardctl policy explain d --op read /in
check_fails_with 2 "explain: no operation" wardctl policy explain d --user alice /in
check_fails_with 2 "explain: an operation that there is not" explain --user alice --op fly /in
check_fails_with 2 "explain: a path that is none" explain --user alice --op read in
check_fails_with 2 "explain: a time that is none" explain --user alice --op read --at tomorrow /in
check_fails_with 2 "explain: a program that there is not" explain --user alice --op read --program /nothing /in
check_fails_with 3 "explain: no such vault" wardctl policy explain none --user alice --op read /in
check_fails_with 2 "an option of explain elsewhere" wardctl policy show d --user alice
check_fails_with 5 "explain: not root" as alice wardctl policy explain d --user alice --op read /in
check_fails_with 5 "diff: not root" as alice wardctl policy diff d

before=$(standing)
chmod 666 $conf
refused 1 "everybody can change the file $conf" "rules that anybody can write are not loaded" load
check_is "and the old ones stay in force" "$before" "$(standing)"
chmod 644 $conf
chown alice $conf
refused 1 "$conf belongs to user 61001" "nor those of a user's" load
chown root:caseworkers $conf
chmod 664 $conf
refused 1 "group 61010.* can change the file $conf" "nor those that a group can write" load
chown root:root $conf
chmod 644 $conf
setfacl -m u:alice:rw $conf
refused 1 "in its ACL.* can change the file $conf" "nor those that an ACL gives to somebody" load
setfacl -b $conf
chmod 777 /etc/ward/vaults.d
refused 1 "everybody can change the directory /etc/ward/vaults.d" "nor what lies where everybody may put others" load
chmod 700 /etc/ward/vaults.d
mv $conf /tmp/rules.conf
ln -s /tmp/rules.conf $conf
refused 1 "$conf is a symlink: put the file itself there" "nor what a symlink leads to" load
rm $conf && mkfifo $conf
refused 1 "$conf is no regular file" "nor what comes out of a pipe" load
rm $conf && truncate -s 100M $conf
refused 1 "$conf has more than [0-9]* bytes" "nor more than anybody would write" load
mv /tmp/rules.conf $conf
refused 0 "rules in force" "put in order, they are" load
cp $prog/cat $prog/new && mv $prog/new $prog/cat
check_errno EACCES "a program that was replaced is another one" as alice $prog/cat /srv/d/in/f
refused 0 "programs" "explained: it is" explain --user alice --program $prog/cat --op read /in/f
refused 0 "$prog/cat is another one" "shown: it is" wardctl policy show d
refused 0 "$prog/cat is another one" "doctor tells" sh -c "wardctl doctor; true"
load >/dev/null
check_is "until the rules are loaded anew" secret "$(as alice $prog/cat /srv/d/in/f 2>&1)"
check "unmount" wardctl umount d
rm -rf $prog
done_testing
