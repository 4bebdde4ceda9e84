#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The life of a vault with wardctl: made of a directory with every kind of file, locked, unlocked, unmounted, mounted.

. "$WARD_TOP/tests/cli/cli.sh"

lower
d=/srv/cases
files $d
chown alice:caseworkers $d
chmod 2770 $d
setfacl -m u:mallory:x $d
touch -d '2022-01-01 00:00:00.5' $d
picture $d >before

# As it is without ward.conf, and as that says
mv /etc/ward/ward.conf /root/ward.conf
mkdir /srv/dear /srv/cheap
check "create, without ward.conf" wardctl create /srv/dear --allow alice --no-recovery-key --passphrase-file $pass
check "the passphrase costs 64 MiB, three times" sh -c "wardctl key list dear | grep -q 'argon2id, 64 MiB, 3 passes, 4 lanes'"
printf '[passphrase]\nmemory = 1500K\npasses = 5\n' >/etc/ward/ward.conf
check "create, with ward.conf" wardctl create /srv/cheap --allow alice --no-recovery-key --passphrase-file $pass
check "the passphrase costs what it says" sh -c "wardctl key list cheap | grep -q 'argon2id, 1500 KiB, 5 passes, 4 lanes'"
check "in JSON, too" sh -c "wardctl key list cheap --json | python3 -c '
import json, sys
k = json.load(sys.stdin)[\"keys\"][0]
assert (k[\"memory_kib\"], k[\"passes\"], k[\"lanes\"]) == (1500, 5, 4), k'"
for vault in dear cheap; do
	check "$vault opens" sh -c "wardctl lock $vault && wardctl unlock $vault --passphrase-file $pass && wardctl umount $vault"
done
for bad in 'memory = 63K' 'memory = 5G' 'memory = much' 'passes = 0' 'passes = 65' 'lanes = 1'; do
	printf '[passphrase]\n%s\n' "$bad" >/etc/ward/ward.conf
	mkdir -p /srv/bad
	refused 2 'ward.conf: line 2: ' "$bad is refused" wardctl create /srv/bad --allow alice --no-recovery-key --passphrase-file $pass
done
check "and nothing was made" rmdir /srv/bad
mv /root/ward.conf /etc/ward/ward.conf

check "create" wardctl create $d --allow alice --allow root --passphrase-file $pass --recovery-key-file /root/recovery
cat "$lib_out" | sed 's/^/# /'
picture $d >after
check "everything is as it was" diff before after
check_is "it is a vault" wardfs "$(stat -f -c %T $d | sed 's/UNKNOWN (0x57415244)/wardfs/')"
check "who is allowed may work" as alice sh -c "echo new >$d/new && cat $d/hello && ls $d"
check_errno EACCES "who is not is refused" as mallory cat $d/hello
rm -f $d/new
touch -d '2022-01-01 00:00:00.5' $d
check "the ciphertext view is there, for root only" sh -c "ls /run/ward/lower/cases/.ward/tree &&
	[ \$(stat -c %a /run/ward/lower) = 700 ]"
check_errno EROFS "and read-only" touch /run/ward/lower/cases/x
check "no name below is a plain one" sh -c "! find /run/ward/lower/cases | grep -E 'hello|letters|gpl|sparse'"
check "no content below is plain" sh -c "! grep -rq 'GNU GENERAL PUBLIC' /run/ward/lower/cases/.ward"

check "status" wardctl status
check "status in JSON" sh -c "wardctl status cases --json | python3 -c '
import json, sys
v = json.load(sys.stdin)[\"vaults\"][0]
assert v[\"name\"] == \"cases\" and v[\"state\"] == \"unlocked\" and not v[\"locked\"] and v[\"mounted\"], v
assert v[\"directory\"] == \"/srv/cases\" and v[\"methods\"] == [\"passphrase\", \"recovery\"], v
assert v[\"rules\"] == 1 and v[\"suite\"] == \"aes-256-gcm\" and v[\"violations\"] >= 1 and not v[\"problems\"], v
'"
check "the keys" sh -c "wardctl key list cases | grep -c -E 'passphrase|recovery' | grep -qx 2"
check "the keys in JSON" sh -c "wardctl key list cases --json | python3 -c '
import json, sys
assert [k[\"method\"] for k in json.load(sys.stdin)[\"keys\"]] == [\"passphrase\", \"recovery\"]'"

exec 5<$d/hello
check "lock" wardctl lock cases
check_errno ENOKEY "locked: listing" ls $d
check_errno ENOKEY "locked: an open file" cat <&5
check_is "locked: status" locked "$(wardctl status cases --json | python3 -c '
import json, sys; print(json.load(sys.stdin)["vaults"][0]["state"])')"
check "lock again changes nothing" wardctl lock $d
check "unlock" wardctl unlock cases --passphrase-file $pass
check "unlocked: the open file" cat <&5
exec 5<&-
check "unlock again changes nothing" wardctl unlock cases
picture $d >after
check "everything is as it was after locking" diff before after
check "lock --now" wardctl lock $d --now
check "unlock with the recovery key, by directory" wardctl unlock $d/ --recovery-key-file /root/recovery
check "umount" wardctl umount cases
check_is "unmounted: only .ward is there" ".ward" "$(ls -A $d | grep -v lost+found)"
check_is "unmounted: root's, and closed" "0:0 700" "$(stat -c '%u:%g %a' $d)"
check_errno EACCES "unmounted: nobody gets in" as alice ls $d
check "unmounted: the view is gone" sh -c "! [ -e /run/ward/lower/cases ]"
check "umount again changes nothing" wardctl umount $d
check "mount" wardctl mount cases
check_errno ENOKEY "mounted, it is locked" ls $d
check_is "mounted, the top is as users know it" "$(id -u alice):61010 2770" "$(stat -c '%u:%g %a' $d)"
check "mount again changes nothing" wardctl mount $d
check "unlock from standard input" sh -c "wardctl unlock cases --passphrase-file - <$pass"
picture $d >after
check "everything is as it was after mounting again" diff before after
check "umount, which locks" wardctl umount cases
check "unlock, which mounts" wardctl unlock cases --passphrase-file $pass
check "lock --all" wardctl lock --all
check_errno ENOKEY "is locked" ls $d
check "ward-recover reads what is below" ward-recover --quiet --passphrase-file $pass \
	/run/ward/lower/cases /srv/recovered
check "unlock" wardctl unlock cases --passphrase-file $pass
# Special files are told, not made by who is not asked to; the rest is there.
check "and has the contents" diff -r --no-dereference --exclude=pipe --exclude=null $d /srv/recovered
done_testing
