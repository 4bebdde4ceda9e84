#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module alone: mount locked, unlock, work, lock, look below, mount again.

. "$WARD_TOP/tests/vm/lib.sh"
tv=$WARD_TOP/tests/fs/testvault.py
d=/srv/lower/v

mklower "${WARD_LOWER:-ext4}" /srv/lower || exit 1
mkdir $d
check "vault files" "$tv" create $d 0
check "mount" mount -i -t wardfs $d $d
check_is "begins locked" locked "$("$tv" state $d)"
check "stat of the top when locked" stat $d
check_errno ENOKEY "listing when locked" ls $d
check "unlock" "$tv" unlock $d
check "list an empty vault" ls -la $d
check "make a file" sh -c "echo hello >$d/hello"
check_is "read it" hello "$(cat $d/hello)"
check "copy a tree" cp -a /usr/share/doc/apt $d/tree
check "compare it from memory" diff -r /usr/share/doc/apt $d/tree
check "sync" sync
head -c 20000000 /dev/urandom >/tmp/big
check "a large file" cp /tmp/big $d/big
check "compare it from memory" cmp /tmp/big $d/big
check "lock" "$tv" lock $d
check_errno ENOKEY "reading when locked" cat $d/hello
check "unlock again" "$tv" unlock $d
check "compare the large file from below" cmp /tmp/big $d/big
check "compare the tree from below" diff -r /usr/share/doc/apt $d/tree
check_is "size" 20000000 "$(stat -c %s $d/big)"
check "truncate" truncate -s 10000 $d/big
truncate -s 10000 /tmp/big
check "cut as it should" cmp /tmp/big $d/big
check "append" sh -c "cat /etc/services >>$d/big"
cat /etc/services >>/tmp/big
check "appended as it should" cmp /tmp/big $d/big
check "unmount" umount $d
check "no plaintext name below" sh -c "! find $d | grep hello"
check "no plaintext below" sh -c "! grep -rq hello $d/.ward/tree"
check "mount again" mount -i -t wardfs $d $d
check "unlock" "$tv" unlock $d
check_is "still checked" unlocked "$("$tv" state $d)"
check "compare after all" cmp /tmp/big $d/big
check "remove the tree" rm -r $d/tree
check_is "what is left" "big hello" "$(ls $d | tr '\n' ' ' | sed 's/ $//')"
check "unmount" umount $d
done_testing
