#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Exit statuses of every verb: valid, no argument, bad argument; without root; JSON errors.

. "$WARD_TOP/tests/cli/cli.sh"

lower
check_fails_with 2 "no verb" wardctl
check_fails_with 2 "a verb that there is not" wardctl frobnicate
check_fails_with 2 "an option that there is not" wardctl --frobnicate status
check "help" sh -c "wardctl --help | grep -q 'Exit status'"
check "version" sh -c "wardctl --version | grep -q '^wardctl [0-9]'"
for verb in create unlock lock mount umount status key policy log check doctor; do
	check "$verb: help" sh -c "wardctl $verb --help | grep -q 'wardctl $verb'"
	check_fails_with 2 "$verb: an option that there is not" wardctl $verb --frobnicate
	check_fails_with 2 "$verb: too many arguments" wardctl $verb list a b c d
done
for verb in create unlock lock mount umount key "key list" check policy "policy check" "policy load" "policy show"; do
	# shellcheck disable=SC2086
	check_fails_with 2 "$verb: no argument" wardctl $verb
done
check "status: no argument" wardctl status
for verb in unlock lock mount umount status "key list" check "policy load" "policy show"; do
	# shellcheck disable=SC2086
	{
		check_fails_with 3 "$verb: no such vault" wardctl $verb nothing </dev/null
		check_fails_with 3 "$verb: a directory that is no vault" wardctl $verb /srv
		check_fails_with 3 "$verb: a directory that there is not" wardctl $verb /srv/none
		check_fails_with 3 "$verb: what cannot be a name" wardctl $verb 'No Vault!'
		check_fails_with 5 "$verb: not root" as alice wardctl $verb nothing
	}
done
mkdir /srv/d
chown alice: /srv/d
check_fails_with 5 "create: not root" as alice wardctl create /srv/d
check_fails_with 2 "create: a name that is none" wardctl create /srv/d --name 'No Name' --passphrase-file $pass
check_fails_with 2 "create: a user that there is not" wardctl create /srv/d --allow nobody-at-all --passphrase-file $pass
check_fails_with 2 "create: a group that there is not" wardctl create /srv/d --allow @nobody-at-all --passphrase-file $pass
check_fails_with 1 "create: a passphrase file that there is not" wardctl create /srv/d --passphrase-file /root/none
check_fails_with 2 "create: no terminal to ask on" wardctl create /srv/d
: >/root/empty
check_fails_with 1 "create: an empty passphrase" wardctl create /srv/d --passphrase-file /root/empty
head -c 5000 /dev/zero | tr '\0' x >/root/long
check_fails_with 1 "create: a passphrase that is too long" wardctl create /srv/d --passphrase-file /root/long
check_fails_with 2 "create: two wishes about the recovery key" wardctl create /srv/d --passphrase-file $pass \
	--recovery-key-file /root/r --no-recovery-key
check_fails_with 2 "create: a recovery key in the vault that it opens" wardctl create /srv/d --passphrase-file $pass \
	--recovery-key-file /srv/d/r
: >/root/r
check_fails_with 1 "create: a recovery key file that exists" wardctl create /srv/d --passphrase-file $pass \
	--recovery-key-file /root/r
check_is "nothing was made" "" "$(ls -A /srv/d; ls /etc/ward/vaults.d/d.conf 2>/dev/null)"
check_is "DIR is as it was" "$(id -u alice) 755" "$(stat -c '%u %a' /srv/d)"

check "create" sh -c "wardctl create /srv/d --passphrase-file $pass >/root/out"
check "the recovery key is shown" sh -c "grep -qE '^  ([A-Z2-7]{4}-){13}[A-Z2-7]{4}$' /root/out"
sed -n 's/^  \(.*-.*-.*\)$/\1/p' /root/out >/root/recovery
check "lock" wardctl lock d
echo wrong >/root/wrong
refused 4 "wrong passphrase" "unlock: a wrong passphrase" wardctl unlock d --passphrase-file /root/wrong
check_fails_with 4 "unlock: what is no recovery key" wardctl unlock d --recovery-key-file /root/wrong
tr A-Y B-Z </root/recovery >/root/mistyped
check_fails_with 4 "unlock: a mistyped recovery key" wardctl unlock d --recovery-key-file /root/mistyped
check_fails_with 4 "unlock: a key file, and no such key" wardctl unlock d --key-file /root/wrong
check_fails_with 2 "unlock: two secrets" wardctl unlock d --passphrase-file $pass --recovery-key-file /root/recovery
check_fails_with 2 "unlock: a method that there is not" wardctl unlock d --method magic
check_fails_with 2 "unlock: a method that there is not yet" wardctl unlock d --method tpm2
check_fails_with 2 "unlock: no terminal to ask on" wardctl unlock d
check_fails_with 2 "unlock: no terminal to ask for a recovery key on" wardctl unlock d --method recovery
check_errno ENOKEY "it stayed locked" ls /srv/d
tr A-Z- 'a-z ' </root/recovery >/root/small
check "unlock: a recovery key in small letters with blanks" wardctl unlock d --recovery-key-file /root/small
check_fails_with 4 "unlock: a wrong passphrase, although it is unlocked" wardctl unlock d --passphrase-file /root/wrong

# A secret of the vault, or nothing changes
conf=/etc/ward/vaults.d/d.conf
cp $conf /root/first.conf
{ awk '/^\[rule/ { exit } { print }' /root/first.conf; printf '[rule bob]\nusers = bob\neffect = allow\n'; } >$conf
standing()
{
	wardctl --json policy show d | python3 -c 'import json, sys; o = json.load(sys.stdin); print(o["serial"], o["in_force"])'
	for who in alice bob root; do
		if as $who ls /srv/d >/dev/null 2>&1; then echo "$who"; fi
	done
}
before=$(standing)
refused 4 "wrong passphrase" "policy load: a wrong passphrase" wardctl policy load d --passphrase-file /root/wrong
check_fails_with 4 "policy load: a mistyped recovery key" wardctl policy load d --recovery-key-file /root/mistyped
check_fails_with 4 "policy load: a key file, and no such key" wardctl policy load d --key-file /root/wrong
check_fails_with 2 "policy load: two secrets" wardctl policy load d --passphrase-file $pass --recovery-key-file /root/recovery
check_fails_with 2 "policy load: no terminal to ask on" wardctl policy load d
check_is "the old policy is in force" "$before" "$(standing)"
check "policy load: the recovery key" wardctl policy load d --recovery-key-file /root/small
check_is "another one is in force" bob "$(standing | tail -n +2)"
cp /root/first.conf $conf
wardctl --quiet lock d
refused 6 "d is locked" "policy load: a locked vault" wardctl policy load d --passphrase-file $pass
wardctl --quiet unlock d --passphrase-file $pass
check "policy load: the passphrase" wardctl policy load d --passphrase-file $pass
check_is "the first rules are in force again" alice "$(standing | tail -n +2)"

# Names that nothing has
echo '{"@timestamp":"2026-11-27T07:00:00.000000000Z","ward.kind":"audit","ward.vault":"gone","user.name":"left"}' >/root/log
echo '{"@timestamp":"2026-11-27T07:00:01.000000000Z","ward.kind":"lost","ward.count":1}' >>/root/log
refused 3 'no vault "nothing", and none in the log' "log: no such vault" wardctl log --file /root/log --vault nothing
refused 0 "gone" "log: one that is only there" wardctl log --file /root/log --vault gone
check "log: one that nothing happened to" wardctl log --file /root/log --vault d
refused 0 'there is no user "nobody-at-all" on this machine, nor in the log' "log: no such user" \
	wardctl log --file /root/log --user nobody-at-all
check "log: one who is only there, or only here, or a number" sh -c "for who in left mallory 4711; do
	wardctl log --file /root/log --user \$who; done 2>&1 | grep -c 'no user' | grep -qx 0"
check_fails_with 2 "lock: --all and a name" wardctl lock --all d
check_fails_with 2 "key: something that there is not" wardctl key frobnicate d
check_fails_with 1 "create: the same directory again" wardctl create /srv/d --passphrase-file $pass
mkdir /srv/e
refused 1 "/srv/d: use --name" "create: the name is taken" wardctl create /srv/e --name d --allow alice --passphrase-file $pass

check "an error in JSON" sh -c "wardctl --json unlock nothing 2>/dev/null | python3 -c '
import json, sys
e = json.load(sys.stdin); assert e[\"status\"] == 3 and \"nothing\" in e[\"error\"], e'"
check "wrong usage in JSON" sh -c "wardctl lock --frobnicate --json 2>/dev/null | python3 -c '
import json, sys
e = json.load(sys.stdin); assert e[\"status\"] == 2 and \"--frobnicate\" in e[\"error\"], e'"
check "a missing argument of an option" sh -c "wardctl unlock --method 2>&1 | grep -q 'the option --method needs an argument'"
check "all of a verb's arguments are shown, in one line" sh -c "wardctl lock 2>&1 | grep -q 'DIR .--now. --all .--now.'"
check "create in JSON, with the recovery key" sh -c "wardctl create /srv/e --json --allow alice --passphrase-file $pass |
	python3 -c '
import json, sys
v = json.load(sys.stdin); assert v[\"name\"] == \"e\" and len(v[\"recovery_key\"]) == 69, v
open(\"/root/rec-e\", \"w\").write(v[\"recovery_key\"])'"
check "lock it" sh -c "wardctl --json lock e | grep -q lost_bytes"
check "the key is right" wardctl --json unlock e --recovery-key-file /root/rec-e
echo nonsense >/etc/ward/vaults.d/broken.conf
check "lock --all in JSON is one document, errors included" sh -c "wardctl lock --all --json 2>/dev/null | python3 -c '
import json, sys
v = json.load(sys.stdin)[\"vaults\"]
assert sorted(x[\"name\"] for x in v if \"name\" in x) == [\"d\", \"e\"] and any(\"error\" in x for x in v), v'"
rm /etc/ward/vaults.d/broken.conf
wardctl --quiet unlock e --recovery-key-file /root/rec-e
wardctl --quiet unlock d --passphrase-file $pass
check "check in JSON tells of the vault file" sh -c "wardctl check d --json | python3 -c '
import json, sys
assert json.load(sys.stdin)[\"vault_file\"] == \"good\"'"
wardctl --quiet umount d
rm /srv/d/.ward/vault.bak
wardctl --quiet unlock d --passphrase-file $pass 2>/dev/null
check "also when a copy is damaged" sh -c "wardctl check d --json 2>/dev/null >/root/check; [ \$? = 7 ] && python3 -c '
import json
assert json.load(open(\"/root/check\"))[\"vault_file\"] == \"damaged\"'"
check "quiet says nothing" sh -c '[ -z "$(wardctl --quiet lock e 2>&1)" ]'
check_fails_with 1 "output that cannot be written is an error" sh -c "wardctl status >/dev/full"

# Nothing is started but what is needed: without the module, each says so, with 8.
wardctl umount d; wardctl umount e
rmmod wardfs
mv /etc/modprobe.d/ward-vm.conf /root/
refused 8 "modprobe wardfs" "unlock without the module" wardctl unlock d --passphrase-file $pass
check_fails_with 8 "mount without the module" wardctl mount d
check_fails_with 8 "policy load without the module" wardctl policy load d --passphrase-file $pass
mkdir /srv/f
check_fails_with 8 "create without the module" wardctl create /srv/f --allow alice --passphrase-file $pass
check_is "nothing was made" "" "$(ls -A /srv/f)"
check "status without the module" wardctl status
check_is "in JSON" None "$(wardctl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["module"])')"
mv /root/ward-vm.conf /etc/modprobe.d/
check "unlock loads the module" wardctl unlock d --passphrase-file $pass
check "umount" wardctl umount d
done_testing
