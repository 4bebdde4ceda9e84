#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# create stopped in the middle of copying, comparing and removing: by SIGKILL it goes on, by Ctrl-C it is taken back.

. "$WARD_TOP/tests/cli/cli.sh"

options="--allow root --no-recovery-key"

lower
files /srv/saved
chmod 750 /srv/saved
chown bob: /srv/saved
touch -d '2022-01-01 00:00:00.5' /srv/saved
picture /srv/saved >wanted

fresh()
{
	rm -rf /srv/d
	cp -a /srv/saved /srv/d
}

# stop INJECTION: create under strace; sets status
stop()
{
	status=0
	# shellcheck disable=SC2086
	strace -f -o /tmp/trace -e trace="${1%%:*}" -e inject="$1" \
		wardctl create /srv/d --passphrase-file $pass $options >/tmp/said 2>&1 || status=$?
	at=$(sed -n 's/^stage=//p' /srv/d/.ward/creating 2>/dev/null)
	diag "$1: exit status $status, stage ${at:-none}"
}

# again NAME
again()
{
	# shellcheck disable=SC2086
	check "$1: run again" wardctl create /srv/d --passphrase-file $pass $options
	picture /srv/d >got
	check "$1: nothing is lost" diff wanted got
	wardctl --quiet umount d
	rm -rf /srv/d /etc/ward/vaults.d/d.conf
}

fresh
stop "pwrite64:signal=KILL:when=4"
check_is "killed while copying" copying "$at"
check_errno EACCES "nobody but root gets at the plain files meanwhile" as bob ls /srv/d
check_is "status tells" creating "$(wardctl status d --json | python3 -c '
import json, sys; print(json.load(sys.stdin)["vaults"][0]["state"])')"
# What changed since is taken as it is now.
rm /srv/d/empty -r
mv /srv/d/hello /srv/d/moved
cp -a /srv/d/moved /srv/d/hello
rm /srv/d/moved
ln -f /srv/d/hello /srv/d/letters/hello-again
mkdir /srv/d/empty
cp -a --attributes-only /srv/saved/empty /srv/d/
touch -r /srv/saved/letters /srv/d/letters
touch -r /srv/saved/empty /srv/d/empty
refused 2 'begun with the name "d"' "another name is refused" wardctl create /srv/d --name other --passphrase-file $pass
again "killed while copying"

# The vault's unlinks come after those of temporary files and, while comparing, there are none: so the later ones
# are the plain files'.
fresh
stop "unlinkat:signal=KILL:when=20"
check_is "killed while removing" removing "$at"
echo "new" >/srv/d/put-there-since
refused 1 "put-there-since changed after it was copied, or was put there since" "what is not in the vault is not removed" \
	wardctl create /srv/d --passphrase-file $pass
check_is "and is there" new "$(cat /srv/d/put-there-since)"
rm /srv/d/put-there-since
again "killed while removing"

fresh
stat -c '%a %U:%G %y' /srv/d >before
stop "pwrite64:signal=INT:when=4"
check_is "Ctrl-C while copying: it fails" 1 "$status"
check "it says that everything is as it was" grep -q "/srv/d is as it was before" /tmp/said
stat -c '%a %U:%G %y' /srv/d >after
check "owner, mode and times are back" diff before after
picture /srv/d >got
check "and all the rest" diff wanted got
check "no .ward, no configuration" sh -c '! [ -e /srv/d/.ward ] && ! [ -e /etc/ward/vaults.d/d.conf ]'
check_is "nothing is mounted" 0 "$(grep -c wardfs /proc/self/mounts)"
again "Ctrl-C"

# Copies that may not have reached the disk are not relied on, whichever of the file systems says so.
for n in 2 3 4 5; do
	fresh
	stop "syncfs:error=EIO:when=$n"
	check_is "syncfs $n fails: create fails" 1 "$status"
	check "syncfs $n fails: it says why" grep -q "cannot write the vault to the disk" /tmp/said
	picture /srv/d >got
	check "syncfs $n fails: everything is as it was" diff wanted got
	check "syncfs $n fails: no .ward is left" test ! -e /srv/d/.ward
done
again "after all that"

# The recovery key: one that opens nothing is taken back, one that nobody was told is made anew.
fresh
options="--allow root --recovery-key-file /root/recovery"
stop "syncfs:error=EIO:when=5"
check_is "the last sync fails: create fails" 1 "$status"
check "the void recovery key's file is gone" test ! -e /root/recovery
check "run again, with the same file" sh -c "wardctl create /srv/d --passphrase-file $pass $options &&
	wardctl --quiet lock d && wardctl unlock d --recovery-key-file /root/recovery"
wardctl --quiet umount d
rm -rf /srv/d /etc/ward/vaults.d/d.conf
fresh
: >/root/recovery.tmp
options="--allow root --recovery-key-file /root/recovery2"
stop "syncfs:signal=KILL:when=5"
check_is "killed after the key was written" copying "$at"
refused 1 "/root/recovery exists already" "another run does not write over another file" \
	wardctl create /srv/d --passphrase-file $pass --recovery-key-file /root/recovery
check "it goes on with the file that was asked for" wardctl create /srv/d --passphrase-file $pass
wardctl --quiet lock d
check "whose key is right" wardctl unlock d --recovery-key-file /root/recovery2
check "a file of somebody's beside it stays" test -e /root/recovery.tmp
wardctl --quiet umount d
rm -rf /srv/d /etc/ward/vaults.d/d.conf
fresh
options="--allow root --json"
stop "umount2:signal=KILL:when=1"
check_is "JSON, killed before it tells the key" finishing "$at"
check "run again, it tells one" sh -c "wardctl create /srv/d --json --passphrase-file $pass |
	python3 -c 'import json, sys; print(json.load(sys.stdin)[\"recovery_key\"])' >/root/recovery3"
wardctl --quiet lock d
check "which is right" wardctl unlock d --recovery-key-file /root/recovery3
wardctl --quiet umount d
rm -rf /srv/d /etc/ward/vaults.d/d.conf
fresh
refused 1 "cannot be shown.*use --recovery-key-file" "a key that cannot be shown" \
	sh -c "wardctl create /srv/d --allow root --passphrase-file $pass >/dev/full"
picture /srv/d >got
check "everything is as it was" diff wanted got
check "no .ward is left" test ! -e /srv/d/.ward
options="--allow root --no-recovery-key"
stop "fsopen:error=ENOMEM:when=2"
check_is "the last mount fails: it fails" 1 "$status"
check "and says what to do" grep -q "the vault is made, .*wardctl unlock d" /tmp/said
check "which does it" wardctl unlock d --passphrase-file $pass
wardctl --quiet umount d
rm -rf /srv/d /etc/ward/vaults.d/d.conf

# Ctrl-C before anything was copied
fresh
stop "fsopen:signal=INT:when=1"
check_is "Ctrl-C at the beginning: it fails" 1 "$status"
picture /srv/d >got
check "everything is as it was" diff wanted got
check "no .ward, no configuration" sh -c '! [ -e /srv/d/.ward ] && ! [ -e /etc/ward/vaults.d/d.conf ]'

# Nobody knows the passphrase any more
stop "pwrite64:signal=KILL:when=4"
check_is "killed while copying" copying "$at"
refused 4 "same command with --yes takes back" "without the passphrase: it says how" \
	wardctl create /srv/d --passphrase-file /etc/hostname
refused 4 "taken back, and /srv/d is as it was" "with --yes, it is taken back" \
	wardctl create /srv/d --yes --passphrase-file /etc/hostname
picture /srv/d >got
check "everything is as it was" diff wanted got

# A full disk is no reason not to go on
rm -rf /srv/d
mkdir /mnt/small
mkfs.ext4 -q -F -m 0 "$WARD_DISK2" 32M
mount "$WARD_DISK2" /mnt/small
cp -a /srv/saved /mnt/small/d
ln -s /mnt/small/d /srv/d
status=0
strace -f -o /tmp/trace -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=20 \
	wardctl create /mnt/small/d --passphrase-file $pass --allow root --no-recovery-key >/tmp/said 2>&1 || status=$?
check "killed while removing" grep -q stage=removing /mnt/small/d/.ward/creating
dd if=/dev/zero of=/mnt/small/filler bs=64k status=none 2>/dev/null
dd if=/dev/zero of=/mnt/small/filler2 bs=1k status=none 2>/dev/null
check "goes on, on a full disk" wardctl create /mnt/small/d --passphrase-file $pass
picture /mnt/small/d >got
check "nothing is lost" diff wanted got
wardctl --quiet umount d
umount /mnt/small
rm /srv/d /etc/ward/vaults.d/d.conf

# A file that somebody writes to all the time: it says so, and gives up.
fresh
mkdir /mnt/other
mount --bind /srv /mnt/other
touch /srv/d/log
# Not open when it is looked at, and again and again changed by root, whom no mode stops
python3 -c '
import itertools, time
for n in itertools.count():
	try:
		with open("/mnt/other/d/log", "w") as f: f.write(str(n))
	except OSError: pass
	time.sleep(0.01)' &
writer=$!
wait_for "it to write" test -s /srv/d/log
# Each look at it is a second after the one before.
stop "syncfs:delay_enter=1000000"
kill $writer
wait
check_is "somebody writes all the time: it fails" 1 "$status"
check "and says why" grep -qE "keep changing|in use" /tmp/said
check "DIR is as it was" sh -c '! [ -e /srv/d/.ward ] && [ "$(stat -c "%a %U" /srv/d)" = "750 bob" ]'
umount /mnt/other
done_testing
