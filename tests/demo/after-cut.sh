#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The second half of the demonstration: the machine comes up again with the disk as the power failure left it.
# $WARD_OUT/told is what was known to be on the disk.

. "$WARD_TOP/tests/demo/story.sh"

synced=$(sed -n 's/^# synced //p' "$WARD_OUT/told" | tail -n 1)
committed=$(sed -n 's/^# committed //p' "$WARD_OUT/told" | tail -n 1)

heading "The machine starts again"
check "the disk is mounted" mount "$WARD_DISK1" /srv
machine_state
check_fails_with 4 "a wrong passphrase opens nothing" sh -c "echo wrong | wardctl unlock $name --passphrase-file -"
check "the right one does" wardctl unlock $name --passphrase-file "$passphrase"
tell_output
tell "before the power failed, the worker was told that $synced steps and commit $(echo "$committed" | cut -c 1-10) were on the disk"
check "all of it is there" alice $python/worker.py verify "$vault/today" "$synced"
tell_output
repository()
{
	rm -f "$vault/letters/.git/index.lock" "$vault"/letters/.git/*.lock
	alice git -C "$vault/letters" fsck --no-progress --no-dangling &&
		alice git -C "$vault/letters" merge-base --is-ancestor "$committed" HEAD
}
check "git finds its repository intact, and the last commit" repository
check "nothing else has changed" alice diff -r --no-dereference "$plain/documents" "$vault/documents"
check "wardctl check: every block and name authenticates" wardctl check $name
tell_output
sum "the machine was cut off in the middle of work: all $synced synced steps and the last commit are there"

heading "Locked"
mkfifo /tmp/ask /tmp/answer
alice $python/worker.py hold "$vault/intake/maria.txt" </tmp/ask >/tmp/answer &
holder=$!
exec 7>/tmp/ask 8</tmp/answer

# What the program gets that has the file open
open_file()
{
	echo read >&7
	read -r answer <&8
	echo "$answer"
}
read -r answer <&8
check_is "a program of alice has a file open" "$answer" open
check "wardctl lock" wardctl lock $name
check_errno ENOKEY "alice cannot read now" alice cat "$vault/intake/maria.txt"
tell_output
check_errno ENOKEY "nor list it" alice ls "$vault"
check_is "nor the program that has the file open" "$(open_file)" ENOKEY
check "wardctl unlock" wardctl unlock $name --passphrase-file "$passphrase"
check "and it is all back" alice grep -q B-4712 "$vault/intake/maria.txt"
check_is "for the program that has the file open, too" "$(open_file)" "read $(alice wc -c "$vault/intake/maria.txt" | cut -d " " -f 1) bytes"
exec 7>&- 8<&-
wait $holder
sum "locked, it is shut to everybody; unlocked, it is all back"

heading "Without Ward: the offline tool"
check "the files as they are now, for comparison" alice cp -a "$vault" /tmp/now
check "the vault is unmounted" wardctl umount $name
check "a backup of what lies below" cp -a "$vault" /tmp/backup
chown -R bob /tmp/backup
chmod 700 /tmp/backup
install -o bob -m 600 /srv/.machine/recovery-key /tmp/recovery-key
check "ward-recover, as a plain user, without the kernel module" as bob \
	ward-recover --quiet --recovery-key-file /tmp/recovery-key /tmp/backup /home/bob/recovered
check "gives the same files" diff -r --no-dereference /tmp/now /home/bob/recovered
sum "from a backup and the recovery key, ward-recover gave back every file, without root or kernel module"

done_testing
