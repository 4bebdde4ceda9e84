#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# What cannot become a vault: each time a message that says what to do, and nothing changed.

. "$WARD_TOP/tests/cli/cli.sh"

# What DIR is below, and what there would be if a vault had been begun in it
look()
{
	stat -c '%n %F %a %u:%g %y' "$1" 2>&1
	# Without links: those of /proc are the processes.
	find "$1" -maxdepth 1 -printf '%M %u %g %s %t %p %l\n' 2>&1 | sort
	getfacl -n "$1" 2>/dev/null
	ls /etc/ward/vaults.d /run/ward/create 2>/dev/null | grep -v '^keep'
	grep -c wardfs /proc/self/mounts
}

# no STATUS REGEX NAME DIR [OPTION...]: create refuses DIR
no()
{
	look "$4" >before
	no_dir=$4
	no_name=$3
	no_status=$1
	no_regex=$2
	shift 4
	refused "$no_status" "$no_regex" "$no_name" wardctl create "$no_dir" --passphrase-file $pass --no-recovery-key "$@"
	look "$no_dir" >after
	cmp -s before after || {
		diff before after >"$lib_out"
		fail "$no_name: nothing changed"
	}
}

lower
mkdir -p /srv/d/sub /etc/ward/vaults.d /run/ward/create
echo plain >/srv/d/file
chown alice:caseworkers /srv/d
setfacl -m u:mallory:x /srv/d

no 1 "does not exist: make it first" "missing" /srv/none
no 1 "is not a directory" "a file" /srv/d/file
ln -s d /srv/link
no 1 "is a symlink: name the directory that it points to, /srv/d" "a symlink" /srv/link
no 1 "is a symlink" "a symlink with a slash" /srv/link/
ln -s nowhere /srv/dangling
no 1 "is a symlink that leads nowhere" "a dangling symlink" /srv/dangling
no 1 "root directory cannot be a vault" "the root directory" /
mkdir "/srv/with ;semicolon"
no 1 "cannot be written into a configuration" "a path that INI does not take" "/srv/with ;semicolon" --name x --allow alice
mkdir /srv/Big
no 2 "cannot be the name of a vault: use --name" "a directory whose name is none for a vault" /srv/Big --allow alice
mkdir /srv/roots
no 2 "belongs to root.*--allow" "root's, without --allow" /srv/roots

mkdir /srv/d/sub/mnt
mount -t tmpfs tmpfs /srv/d/sub/mnt
no 1 "mounted below" "a mount below" /srv/d
umount /srv/d/sub/mnt
rmdir /srv/d/sub/mnt
(cd /srv/d/sub && exec sleep 100) &
asleep $!
no 1 "in use" "somebody's working directory" /srv/d
kill $!
sleep 100 <"/srv/d/file" &
asleep $!
no 1 "in use" "an open file" /srv/d
grep -q "process $! .*has open /srv/d/file" "$lib_out" && pass "says whose" || fail "says whose"
kill $!
wait

# Ways in that closing DIR does not close
mkdir /mnt/b
mount --bind /srv/d /mnt/b
no 1 "/srv/d is mounted on /mnt/b, too: unmount" "a bind mount of it" /srv/d
umount /mnt/b
mount --bind /srv/d/sub /mnt/b
no 1 "/srv/d/sub is mounted on /mnt/b, too: unmount" "a bind mount of a part of it" /srv/d
umount /mnt/b
unshare -m sh -c 'mount --bind /srv/d/sub /mnt/b; exec sleep 100' &
asleep $!
no 1 "/srv/d/sub is mounted on /mnt/b, too, where process $! .sleep. sees it" "a bind mount in another namespace" /srv/d
kill $!
wait
unshare -m sh -c 'mount --bind /srv /mnt/b; cd /mnt/b/d/sub; exec sleep 100' &
asleep $!
no 1 "working directory is /mnt/b/d/sub" "a working directory in another namespace" /srv/d
kill $!
wait
mkdir -p /var/lib/nfs
echo '/srv 10.0.0.0/8(rw,sync,wdelay,no_subtree_check)' >/var/lib/nfs/etab
if modprobe -q nfsd && [ -e /proc/fs/nfs/exports ]; then
	no 1 "NFS server exports /srv " "an NFS export of what it lies in" /srv/d
	printf '%s\n' '/srv/d/name\040of 10.0.0.0/8(rw)' >/var/lib/nfs/etab
	no 1 "NFS server exports /srv/d/name of " "an NFS export of what is in it" /srv/d
else
	skip "NFS exports" "no NFS server in this kernel"
fi
rm /var/lib/nfs/etab
chattr +i /srv/d/file
case $WARD_LOWER in
ext4|xfs|btrfs) no 1 "file cannot be changed: chattr -i" "a file that cannot be removed" /srv/d ;;
esac
chattr -i /srv/d/file
mount --bind /srv/d /srv/roots
mount -o remount,bind,ro /srv/roots
no 1 "mounted read-only" "a read-only mount" /srv/roots --allow alice
umount /srv/roots
mount -o remount,ro /srv
no 1 "mounted read-only" "a read-only file system" /srv/d
mount -o remount,rw /srv

# Small file systems
mkdir /mnt/small
mkfs.ext4 -q -F -m 0 -N 64 "$WARD_DISK2" 16M
mount "$WARD_DISK2" /mnt/small
mkdir /mnt/small/d
chown bob /mnt/small/d
cp /usr/share/common-licenses/GPL-3 /mnt/small/d
dd if=/dev/zero of=/mnt/small/filler bs=64k status=none 2>/dev/null
dd if=/dev/zero of=/mnt/small/filler2 bs=1k status=none 2>/dev/null
no 1 "is full: free some space" "a full file system" /mnt/small/d
rm /mnt/small/filler2
truncate -s -20k /mnt/small/filler
sync
no 1 "needs room for a second copy.*free" "too little room for a second copy" /mnt/small/d
# Enough by the count of bytes, but the vault's own files, or the inodes, do not fit: it is found out on the way
truncate -s -66k /mnt/small/filler
for i in $(seq 6); do
	head -c 3900 /dev/zero | tr '\0' "$i" >/mnt/small/d/$i
done
sync
no 1 "No space left.*free some|cannot" "no space on the way" /mnt/small/d
rm /mnt/small/filler
for i in $(seq 40); do
	echo "$i" >"/mnt/small/d/f$i"
done
sync
no 1 "No space left on device" "no inodes on the way" /mnt/small/d
umount /mnt/small
if mkfs.ext4 -q -F -O casefold "$WARD_DISK2" 64M && mount "$WARD_DISK2" /mnt/small; then
	mkdir /mnt/small/d
	chattr +F /mnt/small/d
	no 1 "folds case" "a directory that folds case" /mnt/small/d --allow alice
	umount /mnt/small
else
	skip "a directory that folds case" "this kernel has no casefold"
fi

# Vaults
mkdir /srv/keep
check "a vault" wardctl create /srv/keep --allow root --passphrase-file $pass --no-recovery-key
mkdir /srv/keep/sub
no 1 "is a mounted vault already" "a vault that is mounted" /srv/keep
no 1 "lies in the vault" "a directory in a vault" /srv/keep/sub --allow alice
no 1 "keep\" already, in /srv/keep: use --name" "a name that is taken" /srv/d --name keep
wardctl --quiet umount keep
no 1 "is a vault already" "a vault that is not mounted" /srv/keep
no 1 "lies in the vault keep" "a directory in a vault, below" /srv/keep/.ward --allow alice --name x
mkdir /srv/outer
mv /srv/keep /srv/outer/
no 1 "keep is a vault of its own" "a directory with a vault in it" /srv/outer --allow alice
mkdir /srv/keep
no 1 "says that /srv/keep is the vault \"keep\", but no vault is in there" "where a known vault should be" /srv/keep --name other --allow alice
rmdir /srv/keep
mv /srv/outer/keep /srv/
check "the vault was not harmed" wardctl unlock keep --passphrase-file $pass
check "and has what was in it" test -d /srv/keep/sub
wardctl --quiet umount keep

mkdir /srv/d/.ward
chown alice /srv/d/.ward
no 5 "does not belong to root alone, so Ward did not make it" "a .ward that is somebody's" /srv/d
rmdir /srv/d/.ward

long=user.$(head -c 170 /dev/zero | tr '\0' a)
if setfattr -n "$long" -v x /srv/d/file 2>/dev/null; then
	no 1 "file has an extended attribute whose name has more than 160 bytes.*setfattr -x 'user.aaa" "an attribute whose name is too long" /srv/d
	setfattr -x "$long" /srv/d/file
fi

# After all that, nothing is in the way of it.
mkdir /srv/d/.ward
check "an empty .ward, of an earlier attempt, is no hindrance" wardctl create /srv/d --passphrase-file $pass --no-recovery-key
check_is "plain" plain "$(as alice cat /srv/d/file)"
wardctl --quiet umount d
done_testing
