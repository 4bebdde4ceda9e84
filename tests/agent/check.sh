#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# wardctl check of a tree that is deeper than a path is long, and than a process has descriptors; what it names.

. "$WARD_TOP/tests/cli/cli.sh"

lower
d=/srv/cases
mkdir $d
chown alice:alice $d
check "a vault that root has no right to" wardctl create $d --passphrase-file $pass --no-recovery-key
cat >/tmp/deep.py <<'END'
import os, sys
fd = os.open('/srv/cases', os.O_RDONLY)
for k in range(450):
    os.mkdir('deep', dir_fd=fd)
    new = os.open('deep', os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
    os.close(fd)
    fd = new
f = os.open('bottom', os.O_CREAT | os.O_WRONLY, dir_fd=fd)
os.write(f, b'x' * 5000)
for k in range(20):
    with open('/srv/cases/file%d' % k, 'w') as f: f.write('text')
os.symlink('file0', '/srv/cases/link')
END
check "450 directories, each in the one before" as alice python3 /tmp/deep.py
check "a check visits all of them" sh -c "ulimit -n 300; wardctl check cases --json >/tmp/told && cat /tmp/told &&
	python3 -c 'import json; o = json.load(open(\"/tmp/told\")); assert o[\"objects\"] == 472 and not o[\"found\"], o'"
check "and names nothing that is in order" sh -c "! grep -E 'deep|file[0-9]|link|bottom' /tmp/told"
check_errno EACCES "root still may not look" ls $d/deep
wardctl umount cases >/dev/null
check "a symlink is exchanged below" python3 - <<'END'
import os
top = '/srv/cases/.ward/tree'
at, = (os.path.join(top, n) for n in os.listdir(top) if os.path.islink(os.path.join(top, n)) and n != '.ward-id')
text = os.readlink(at)
os.unlink(at)
os.symlink(text[:-9] + ('A' if text[-9] != 'A' else 'B') + text[-8:], at)
END
wardctl unlock cases --passphrase-file $pass >/dev/null
refused 7 'srv/cases/link' "a check finds it, and names it" wardctl check cases
check "unmount" wardctl umount cases
done_testing
