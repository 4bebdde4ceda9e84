#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Vaults that were kept since format 1 was frozen (tests/vectors/keep.sh): this version reads them, with the module
# and without it.

. "$WARD_TOP/tests/vm/lib.sh"

export PYTHONDONTWRITEBYTECODE=1
[ "$WARD_LOWER" = ext4 ] || skip_all "they hold a symlink as long as ext4 can store"
echo "correct horse battery staple" >/root/pass
mklower /srv
check "the kept vaults" tar -C /srv -x --numeric-owner --xattrs --xattrs-include='user.*' \
	-f "$WARD_TOP/tests/vectors/kept-1.tar.xz"

same()
{
	PYTHONPATH=$WARD_TOP/tests/vectors python3 -c "import kept, sys; kept.compare(sys.argv[1])" "$1"
}

check "ward-recover reads the first" ward-recover --passphrase-file /root/pass /srv/kept/aes /srv/out
check "all of it" same /srv/out
# As who restores a vault on another machine writes it
mkdir -p /etc/ward/vaults.d
mount -i -t wardfs /srv/kept/aes /srv/kept/aes
printf '[vault]\ndirectory = /srv/kept/aes\nuuid = %s\n' "$(PYTHONPATH=$WARD_TOP/tests/fs python3 -c '
import testvault, uuid
print(uuid.UUID(bytes=testvault.uuid_of("/srv/kept/aes")))')" >/etc/ward/vaults.d/aes.conf
umount /srv/kept/aes
check "wardctl and the module open it" wardctl unlock /srv/kept/aes --passphrase-file /root/pass
check "and read all of it" same /srv/kept/aes
check "it is in order" wardctl check aes
check "and can be written" sh -c 'echo more >>/srv/kept/aes/hello && [ "$(cat /srv/kept/aes/hello)" = "hello
more" ]'
check "unmount" wardctl umount aes
rm -rf /srv/out
check "ward-recover reads it again" ward-recover --passphrase-file /root/pass /srv/kept/aes /srv/out
check_is "and what was written" "hello more" "$(tr "\n" " " </srv/out/hello | sed "s, \$,,")"

check "the second, with its other suite" mount -i -t wardfs /srv/kept/chacha /srv/kept/chacha
check "unlock" "$WARD_TOP/tests/fs/testvault.py" unlock /srv/kept/chacha
check "the module reads all of it" same /srv/kept/chacha
check_is "and takes it for whole" unlocked "$("$WARD_TOP/tests/fs/testvault.py" state /srv/kept/chacha)"
done_testing
