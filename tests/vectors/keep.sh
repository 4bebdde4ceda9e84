#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Makes kept-1.tar.xz: vaults as the first version with format 1 wrote them, and kept-1b.tar.xz: one that a machine was
# using when it was cut off, with what that version did not have. Every later version must read them (tests/fs/kept.sh).
# Not a test; each was run once, with tests/vm/run --outdir DIR -- tests/vectors/keep.sh, after make -C tests/unit, and
# the results are in DIR/files. They are not made again when the format stays the same.

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

# ---- one that was cut off --------------------------------------------------------------------------------------

kept_b()
{
	PYTHONPATH=$WARD_TOP/tests/vectors python3 -c "import kept_b, sys; kept_b.$1(*sys.argv[1:])" "$2" ${3+"$3"}
}
rules()
{
	PYTHONPATH=$WARD_TOP/tests/vectors python3 -c "import kept_b; print(kept_b.RULES)"
}

expect_kmsg 'EXT4-fs|wardfs'
cut=/srv/kept-1b/cut
printf 'ward test key file, thirty-two...' >/root/keyfile
check "files to be encrypted, once more" kept_b fill $cut
check "create, with a recovery key" wardctl create $cut --allow root --passphrase-file /root/pass \
	--recovery-key-file /root/recovery
check "unmount" wardctl umount cut
check "a key file" "$WARD_TOP/tests/vectors/keyfile.py" $cut/.ward /root/recovery /root/keyfile
check "unlock by it" wardctl unlock cut --key-file /root/keyfile
conf=/etc/ward/vaults.d/cut.conf
{ awk '/^\[rule/ { exit } { print }' $conf; rules; } >/root/conf
cp /root/conf $conf
check "rules with conditions" wardctl policy load cut --passphrase-file /root/pass
check "files, and then the machine is cut off" kept_b work $cut /srv
wardctl umount cut >/dev/null 2>&1
for at in $cut /run/ward/lower/cut /srv; do
	! mountpoint -q "$at" || umount "$at" || umount -l "$at"
done
check "it comes up again" mount "$WARD_DISK1" /srv
cp /root/recovery /srv/kept-1b/recovery
# The length of the file that grew, without what its last block says: so a cut leaves it that comes a little earlier (W3).
check "a length that stayed behind" find $cut/.ward/tree -type f -size 16884c -exec truncate -s 16384 {} +
check_is "of one file" "$(find $cut/.ward/tree -type f -size 16384c | wc -l)" 1
check "kept" tar -C /srv -c --sort=name --numeric-owner --xattrs --xattrs-include='user.*' -S -f /tmp/kept-1b.tar kept-1b
xz -9e -T1 /tmp/kept-1b.tar
check "in a small file" sh -c '[ "$(stat -c %s /tmp/kept-1b.tar.xz)" -lt 300000 ]'
cp /tmp/kept-1b.tar.xz "$WARD_OUT/kept-1b.tar.xz"
check "ward-recover reads it" ward-recover --key-file /root/keyfile $cut /srv/out
diag "$(cat "$lib_out")"
check "as far as it was acknowledged" kept_b compare /srv/out
done_testing
