#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Vaults that were kept since format 1 was frozen, and one that a machine was using when it was cut off
# (tests/vectors/keep.sh): this version reads them, with the module and without it.

. "$WARD_TOP/tests/vm/lib.sh"
. "$WARD_TOP/tests/agent/agent.sh"

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
# As who restores a vault on another machine writes it: configured DIR
configured()
{
	mkdir -p /etc/ward/vaults.d
	mount -i -t wardfs "$1" "$1"
	printf '[vault]\ndirectory = %s\nuuid = %s\n' "$1" "$(PYTHONPATH=$WARD_TOP/tests/fs python3 -c '
import sys, testvault, uuid
print(uuid.UUID(bytes=testvault.uuid_of(sys.argv[1])))' "$1")" >"/etc/ward/vaults.d/${1##*/}.conf"
	umount "$1"
}

configured /srv/kept/aes
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
umount /srv/kept/chacha

# ---- one that was cut off --------------------------------------------------------------------------------------

cut=/srv/kept-1b/cut
same_b()
{
	PYTHONPATH=$WARD_TOP/tests/vectors python3 -c "import kept_b, sys; kept_b.compare(sys.argv[1])" "$1"
}

vault_is()
{
	wardctl --json status cut | python3 -c '
import json, sys
v, = json.load(sys.stdin)["vaults"]
assert v["unchecked"] is (sys.argv[1] == "unchecked") and v["tampers"] == 0, v' "$1"
}

check "the one that was cut off" tar -C /srv -x --numeric-owner --xattrs --xattrs-include='user.*' \
	-f "$WARD_TOP/tests/vectors/kept-1b.tar.xz"
printf 'ward test key file, thirty-two...' >/root/keyfile
cp /srv/kept-1b/recovery /root/recovery
# Each of its slots; the first is asked about what is not settled yet, without the module and with it
for how in "--passphrase-file /root/pass" "--recovery-key-file /root/recovery" "--key-file /root/keyfile"; do
	rm -rf /srv/out
	# shellcheck disable=SC2086
	check "ward-recover, $how" ward-recover $how $cut /srv/out
	check_is "a file is a crash's, nothing is called tampering" \
		"$(grep -c '^crash or cut' "$lib_out") $(grep -c '^integrity' "$lib_out")" "1 0"
	check "what was acknowledged is there" same_b /srv/out
done
configured $cut
new_log
for how in "--passphrase-file /root/pass" "--recovery-key-file /root/recovery" "--key-file /root/keyfile"; do
	# shellcheck disable=SC2086
	check "unlock, $how" wardctl unlock cut $how
	check "it did not end cleanly, and is not checked" vault_is unchecked
	[ "$how" = "--key-file /root/keyfile" ] || check "lock" wardctl lock cut
done
check "the module reads what was acknowledged" same_b $cut
{ cat /etc/ward/vaults.d/cut.conf; PYTHONPATH=$WARD_TOP/tests/vectors python3 -c "import kept_b; print(kept_b.RULES)"; } >/root/rules
check "the rules are those that were loaded" sh -c "wardctl policy diff cut /root/rules | tee /dev/stderr |
	grep -q 'are those that were loaded last'"
sed -i 's/1000 files/1001 files/' /root/rules
check "and no other limit" sh -c "wardctl policy diff cut /root/rules | tee /dev/stderr |
	grep -q '+.*1001 files'"
sees()
{
	setpriv --reuid "$1" --regid "$1" --clear-groups cat "$cut/$2" 2>&1 >/dev/null | sed 's/.*: //'
}
check_is "a rule's directory can be read by its user" "$(sees 61001 letters/one)" ""
check_is "and nothing else" "$(sees 61001 hello)" "Permission denied"
check_is "nor by others" "$(sees 61004 letters/one)" "Permission denied"
check "wardd starts" start_wardd
check "and checks it" wait_for "the check" vault_is checked
check "all is recorded" wait_for "the events" complete
check_is "one file was settled" "$(records 'e.get("event.action") == "settle"')" 1
check_is "nothing is called tampering" "$(records 'e["ward.kind"] == "tamper"')" 0
check "the module reads the same" same_b $cut
stop_wardd
check "unmount" wardctl umount cut
rm -rf /srv/out
check "ward-recover reads it again" ward-recover --key-file /root/keyfile $cut /srv/out
check_is "nothing is a crash's now" "$(grep -c '^crash or cut\|^integrity' "$lib_out")" 0
check "and it is the same" same_b /srv/out
rm -f /etc/ward/vaults.d/aes.conf /etc/ward/vaults.d/cut.conf
done_testing
