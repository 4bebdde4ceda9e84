#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# What the log says of a refused rename or link: both paths, whichever of them was refused, and which it was.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

check "vault" new_vault 0
cat >/tmp/paths.py <<'END'
from calls import *
A, O = testvault.ALLOW, testvault.OPS
def allow(who, words, *paths, name='some'):
    return testvault.rule(name, A, sum(O[w] for w in words.split()), (1, [(1, who)]), *([(4, list(paths))] if paths else []))
END
check "files, and rules" py '
exec(open("/tmp/paths.py").read())
os.umask(0); os.chmod(d, 0o777)
for n in ("/from", "/to"): os.mkdir(d + n); os.chmod(d + n, 0o777)
for n in ("/alice", "/bob", "/from/mallory", "/to/old"): touch(d + n, n.encode()); os.chmod(d + n, 0o666)
for n, who in (("/alice", ALICE), ("/bob", BOB), ("/from/mallory", MALLORY)): os.chown(d + n, who, who)
rules(allow(0, "read list"), allow(ALICE, "read list delete rename link", name="no create"), allow(BOB, "read list create", name="no rename"),
      allow(MALLORY, "read list create delete rename link", "/from"), allow(MALLORY, "read list create", "/to", name="adds"))
'
check "wardd starts" start_wardd
check "they are refused" py '
exec(open("/tmp/paths.py").read())
for call in os.rename, os.link:
    fails("EACCES", as_user, ALICE, call, d + "/alice", d + "/to/new")
    fails("EACCES", as_user, BOB, call, d + "/bob", d + "/to/new")
fails("EACCES", as_user, MALLORY, os.rename, d + "/from/mallory", d + "/to/old")
fails("EACCES", as_user, ALICE, renameat2, d + "/alice", d + "/bob", RENAME_EXCHANGE)
'
check "recorded" wait_for "the last one" has "e.get('ward.target_path') == '$d/bob'"
# USER ACTION TARGET PLACE OPERATIONS SOURCE NEAREST LACKS: the only record of that
cat >/tmp/one.py <<END
import json, os, sys
user, action, target, place, words, source, near, lacks = sys.argv[1:]
found = [e for e in map(json.loads, open('$log')) if e['ward.kind'] == 'violation' and e['user.name'] == user and
         e['event.action'] == action and e.get('ward.target_path') == '$d' + target]
for e in found: print(e)
e, = found
path = '$d' + source
assert e['file.path'] == path and e['file.inode'] == str(os.stat(path).st_ino), path
assert e['ward.decided_at'] == place and sorted(e['ward.operations']) == words.split(), (place, words)
assert e['event.reason'] == 'policy' and e['error.code'] == 'EACCES'
assert (e['ward.nearest_rule'], e['ward.lacks']) == (near, lacks.split()), (near, lacks)
END
for action in rename link; do
	check "$action, refused where it leads: both paths, and which" \
		python3 /tmp/one.py alice $action /to/new target create /alice "no create" operations
done
check "rename, refused where it is: likewise" python3 /tmp/one.py bob rename /to/new source "delete read rename" /bob "no create" users
check "link, too" python3 /tmp/one.py bob link /to/new source "delete link read" /bob "no create" users
check "over a file that may not go: that is where it leads" python3 /tmp/one.py mallory rename /to/old target delete /from/mallory "no create" users
check "an exchange" python3 /tmp/one.py alice rename /bob target create /alice "no create" operations
check "in words" sh -c "wardctl log --user alice | grep -qF 'may not rename $d/alice to $d/to/new (create at the target): no rule allows it, the nearest is \"no create\" (not its operations)'"
check "and of the source" sh -c "wardctl log --user bob | grep -qF 'may not link $d/bob to $d/to/new (read, delete, link at the source)'"
check "it is found by either path" sh -c "[ \$(wardctl log --user mallory --path $d/to | wc -l) = 1 ] &&
	[ \$(wardctl log --user mallory --path $d/from | wc -l) = 1 ]"
check "the log is complete" wait_for completeness complete
check "wardd ends" stop_wardd
done_testing
