#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# After an unclean end wardd looks at a whole vault by itself: what a crash left is settled and told, each file once, and
# then the vault counts as checked; also when wardd is killed in the middle.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

new_log
cat >/tmp/left.py <<'END'
from calls import *
SIZE = base(5) + 1000
def left(n):
    """Files whose growth a crash cut off: the length says one block more than there is."""
    os.sync(); names = {}
    for k in range(n):
        f = d + '/grown%d' % k
        touch(f, noise(k, SIZE)); names[f] = lower(f)
    os.sync()
    run('cp', '-a', '--sparse=always', ward, '/srv/below/snap'); umount()
    run('rm', '-rf', ward); os.rename('/srv/below/snap', ward)
    for at in names.values(): os.truncate(at, length(SIZE) // BLOCK * BLOCK)
    mount()
END
check "a vault" new_vault
check "it is configured" py '
import uuid
os.makedirs("/etc/ward/vaults.d", exist_ok=True)
with open("/etc/ward/vaults.d/cases.conf", "w") as f: f.write("[vault]\nname = cases\nuuid = %s\ndirectory = %s\n" % (uuid.UUID(bytes=testvault.uuid_of(d)), d))
'
check "its end is not clean" py 'exec(open("/tmp/left.py").read()); left(40)'
# Through which wardctl and wardd reach the ciphertext
mkdir -p /run/ward/lower/cases
check "the view below" mount --bind /srv/below/v /run/ward/lower/cases
check "unlock" "$tv" unlock $d
check_is "it is to be checked" "$("$tv" state $d)" "unlocked unchecked"
check "wardd starts" start_wardd

checked()
{
	[ "$("$tv" state $d)" = unlocked ]
}
check "nobody asks for it: it is checked" wait_for "the check" checked
check "all is told that was settled, once" wait_for "the events" complete
check_is "each file, and no other" "$(records 'e.get("event.action") == "settle"')" 40
check_is "nothing is called tampering" "$(records 'e["ward.kind"] == "tamper"')" 0
check "each reads as far as it was there" py '
exec(open("/tmp/left.py").read())
for k in range(40): assert noise(k, SIZE).startswith(read(d + "/grown%d" % k)), k
'
stop_wardd
check "wardd starts again" start_wardd
check_is "and settles nothing anew" "$(records 'e.get("event.action") == "settle"')" 40

check "another end that is not clean" py 'exec(open("/tmp/left.py").read()); left(400)'
check "unlock" "$tv" unlock $d
sleep 0.3
stop_wardd -KILL 2>/dev/null
check "wardd, killed in the middle, starts again" start_wardd
check "it is checked all the same" wait_for "the check" checked
check "and recorded" wait_for "the events" complete
check "what had not been looked at was" py '
exec(open("/tmp/left.py").read())
since = mark()
for k in range(400): assert noise(k, SIZE).startswith(read(d + "/grown%d" % k)), k
same(len(events(since, action="settle")), 0)
'
stop_wardd
umount /run/ward/lower/cases
rm /etc/ward/vaults.d/cases.conf
done_testing
