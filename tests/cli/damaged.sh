#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Vaults whose own files are damaged, missing, or of a version that is not known.

. "$WARD_TOP/tests/cli/cli.sh"

lower
d=/srv/d
w=$d/.ward
mkdir $d
echo precious >$d/file
check "create" wardctl create $d --allow root --passphrase-file $pass --no-recovery-key
wardctl --quiet umount d
cp -a $w /srv/saved

# poke FILE OFFSET BYTE
poke()
{
	printf '%b' "\\$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

restore()
{
	wardctl --quiet umount d
	rm -rf $w
	cp -a /srv/saved $w
}

same()
{
	for f in vault vault.bak epoch policy; do
		if [ -e $w/$f ] || [ -e /srv/now/$f ]; then
			cmp -s $w/$f /srv/now/$f || return 1
		fi
	done
}

# no STATUS REGEX NAME COMMAND...: is refused, and the vault's files are as before
no()
{
	rm -rf /srv/now
	cp -a $w /srv/now
	no_name=$3
	refused "$@"
	# Where it got as far as being mounted, that covers them.
	wardctl --quiet umount d
	same || fail "$no_name: nothing changed"
}

rm $w/vault
refused 0 "warning.*vault.* is missing.*vault.bak was used" "vault missing: unlocks, and warns" \
	wardctl unlock d --passphrase-file $pass
check_is "and is whole" precious "$(cat $d/file)"
refused 0 "two copies" "status tells" wardctl status d
check_is "is degraded" degraded "$(wardctl status d --json 2>/dev/null |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["vaults"][0]["state"])')"
refused 0 "warning" "key list tells" wardctl key list d
restore
poke $w/vault.bak 100 377
refused 0 "warning.*vault.bak.* is damaged" "vault.bak damaged: unlocks, and warns" wardctl unlock d --passphrase-file $pass
restore
poke $w/vault 300 377
refused 0 "warning.*/vault .*is damaged" "vault damaged: unlocks, and warns" wardctl unlock d --passphrase-file $pass
restore
: >$w/vault
refused 0 "warning" "vault empty: unlocks, and warns" wardctl unlock d --passphrase-file $pass
check_is "and is whole" precious "$(cat $d/file)"
restore

for f in vault vault.bak; do poke $w/$f 0 130; done
no 7 "neither copy of the vault file.*restore" "both damaged: unlock" wardctl unlock d --passphrase-file $pass
no 7 "neither copy of the vault file.*restore" "both damaged: mount" wardctl mount d
no 7 "neither copy" "both damaged: key list" wardctl key list d
refused 0 "neither copy" "both damaged: status tells" wardctl status d
check_is "nothing is mounted" 0 "$(grep -c wardfs /proc/self/mounts)"
restore
rm $w/vault $w/vault.bak
no 7 "missing.*restore one of them from a backup" "both missing" wardctl unlock d --passphrase-file $pass
restore
size=$(stat -c %s $w/vault)
for f in vault vault.bak; do poke $w/$f $((size - 1)) "$(printf '%o' $((255 - $(tail -c 1 $w/$f | od -An -tu1))))"; done
no 7 "does not authenticate: it was changed or damaged" "the MAC of both changed" wardctl unlock d --passphrase-file $pass
restore
for f in vault vault.bak; do poke $w/$f 8 7; done
no 1 "version or a cipher suite that this wardctl does not know.*upgrade" "an unknown version" wardctl unlock d --passphrase-file $pass
refused 32 "version or a cipher suite" "an unknown version: mount(8)" mount -t wardfs $d $d
restore
for f in vault vault.bak; do poke $w/$f 8 0; done
no 1 "before format 1 .format 0 was never released" "format 0" wardctl unlock d --passphrase-file $pass
restore
for f in vault vault.bak; do poke $w/$f 10 77; done
no 1 "version or a cipher suite that this wardctl does not know" "an unknown suite" wardctl unlock d --passphrase-file $pass
restore
rm $w/vault
mkfifo $w/vault
refused 0 "warning.*damaged" "a pipe in its place" wardctl unlock d --passphrase-file $pass
restore

rm $w/epoch
no 7 "epoch record.*backup" "the epoch file missing" wardctl unlock d --passphrase-file $pass
restore
truncate -s 100 $w/epoch
no 7 "epoch record.*backup" "the epoch file cut" wardctl unlock d --passphrase-file $pass
restore
poke $w/epoch 4090 0
poke $w/epoch 4091 0
refused 0 "not ended cleanly" "one epoch record damaged: unlocks, to be checked" wardctl unlock d --passphrase-file $pass
restore
rm $w/policy
refused 0 "no policy is in force, so nobody has access" "the policy missing: unlocks, and says so" \
	wardctl unlock d --passphrase-file $pass
check_errno EACCES "nobody has access" cat $d/file
refused 0 "no policy" "status tells" wardctl status d
restore
poke $w/policy 80 377
refused 0 "no policy is in force" "the policy damaged" wardctl unlock d --passphrase-file $pass
check_errno EACCES "nobody has access" cat $d/file
restore
mv $w/tree /srv/tree
no 1 "tree is missing" "the tree missing" wardctl unlock d --passphrase-file $pass
mv /srv/tree $w/tree
restore
chown alice $w
refused 5 "does not belong to root alone" "a .ward that is not root's" wardctl unlock d --passphrase-file $pass
restore
mv $w /srv/away
refused 7 "holds no vault.*volume mounted" "no .ward: unlock" wardctl unlock d --passphrase-file $pass
refused 7 "holds no vault" "no .ward: mount" wardctl mount d
refused 0 "holds no vault" "no .ward: status tells" wardctl status
mv /srv/away $w

mkdir /srv/e
check "another vault" wardctl create /srv/e --allow root --passphrase-file $pass --no-recovery-key
wardctl --quiet umount e
mv /srv/e/.ward /srv/away && mv $w /srv/e/.ward && mv /srv/away $w
refused 1 "holds another vault than .*d.conf says" "vaults exchanged" wardctl unlock d --passphrase-file $pass
refused 1 "holds another vault" "vaults exchanged: mount" wardctl mount e
mv /srv/e/.ward /srv/away && mv $w /srv/e/.ward && mv /srv/away $w

echo "nonsense" >>/etc/ward/vaults.d/e.conf
refused 1 "e.conf:14:1: the line is neither" "a damaged configuration" wardctl unlock e --passphrase-file $pass
refused 1 "e.conf" "status goes on with the others" wardctl status
check "the other one works" wardctl unlock d --passphrase-file $pass
wardctl --quiet umount d
rm /etc/ward/vaults.d/e.conf

mount -o remount,ro /srv
check "on a read-only file system it opens" wardctl unlock d --passphrase-file $pass
check_is "to be read" precious "$(cat $d/file)"
check_errno EROFS "and not written" touch $d/x
wardctl --quiet umount d
mount -o remount,rw /srv
check "after all, it opens" wardctl unlock d --passphrase-file $pass
check_is "and is whole" precious "$(cat $d/file)"
done_testing
