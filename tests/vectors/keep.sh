#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Makes kept-1.tar.xz: vaults as the first version with format 1 wrote them, which every later one must read
# (tests/fs/kept.sh). Not a test; run once, with tests/vm/run --outdir DIR -- tests/vectors/keep.sh, and the result
# is in DIR/files. It is not made again when the format stays the same.

. "$WARD_TOP/tests/vm/lib.sh"

export PYTHONDONTWRITEBYTECODE=1
mklower /srv
mkdir /srv/kept /srv/below
echo "correct horse battery staple" >/root/pass

fill()
{
	PYTHONPATH=$WARD_TOP/tests/vectors python3 -c "import kept, sys; kept.fill(sys.argv[1])" "$1"
}

# Both suites: what wardctl makes and opens with a passphrase; what has a master key that is known
check "files to be encrypted" fill /srv/kept/aes
check "create" wardctl create /srv/kept/aes --allow root --no-recovery-key --passphrase-file /root/pass
check "unmount" wardctl umount aes
mount --bind /srv/kept /srv/below
mkdir /srv/kept/chacha
check "another suite" env WARD_TEST_SUITE=2 "$WARD_TOP/tests/fs/testvault.py" create /srv/kept/chacha 0
mount -i -t wardfs /srv/kept/chacha /srv/kept/chacha
check "unlock" "$WARD_TOP/tests/fs/testvault.py" unlock /srv/kept/chacha
check "files in it" fill /srv/kept/chacha
umount /srv/kept/chacha
umount /srv/below
check "kept" tar -C /srv -c --sort=name --numeric-owner --xattrs --xattrs-include='user.*' -S -f /tmp/kept.tar kept
xz -9e -T1 /tmp/kept.tar
check "in a small file" sh -c '[ "$(stat -c %s /tmp/kept.tar.xz)" -lt 300000 ]'
cp /tmp/kept.tar.xz "$WARD_OUT/kept-1.tar.xz"
done_testing
