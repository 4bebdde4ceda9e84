#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Which program it was, says the log: the file that was executed, whatever the process says of itself.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

check "vault" new_vault 0
echo secret >$d/file
chmod 666 $d/file
chmod 777 $d
# On a file system with a UUID
mkdir -p /srv/lower/bin
chmod 755 /srv/lower /srv/lower/bin
cp /usr/bin/cat /srv/lower/bin/cat
cp "$WARD_TOP/build/tests/helpers/exefile" /srv/lower/bin/exefile
check "wardd starts" start_wardd
check_errno EACCES "mallory reads" as mallory /srv/lower/bin/cat $d/file
cat >/tmp/exe.py <<END
import json, os, subprocess, sys
kind, said, was = sys.argv[1:]
st = os.stat(was)
uuid = subprocess.run(['findmnt', '-n', '-o', 'UUID', '-T', was], capture_output=True, text=True).stdout.strip()
found = [e for e in map(json.loads, open('$log')) if e['ward.kind'] == 'violation' and e['process.executable'] == said
         and e.get('ward.executable.doubt', 'none') == kind]
print(found, uuid)
e = found[-1]
assert e['ward.executable.inode'] == str(st.st_ino), st
device = e.get('ward.executable.device')
assert device == '%d:%d' % (os.major(st.st_dev), os.minor(st.st_dev)) or (device is None and kind == 'exchanged'), st
assert not uuid or e['ward.executable.filesystem'] == uuid
END
check "recorded" wait_for "it" has "e['ward.kind'] == 'violation'"
check "with the file that cat is" python3 /tmp/exe.py none /srv/lower/bin/cat /srv/lower/bin/cat
[ "${WARD_LOWER:-ext4}" = nfs ] || check "which has a file system with a UUID" has "'ward.executable.filesystem' in e"
check "and can be found by it" sh -c "[ \"\$(find /srv/lower/bin -xdev -inum \$(stat -c %i /srv/lower/bin/cat))\" = /srv/lower/bin/cat ]"

check_is "a program that says it is cat is refused" 13 "$(/srv/lower/bin/exefile 61003 /srv/lower/bin/cat $d/file; echo $?)"
check "recorded" wait_for "it" has "e.get('ward.executable.doubt') == 'exchanged'"
check "as what it is, and as what it says" python3 /tmp/exe.py exchanged /srv/lower/bin/cat /srv/lower/bin/exefile
check "in words" sh -c "wardctl log | grep -q 'exefile (which is another program than it says) may not'"
check "the log is complete" wait_for completeness complete
check "wardd ends" stop_wardd
done_testing
