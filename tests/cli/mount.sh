#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# mount.wardfs: by hand, by mount(8), by fstab; its options and refusals.

. "$WARD_TOP/tests/cli/cli.sh"

lower
d=/srv/cases
mkdir $d
echo precious >$d/file
check "create" wardctl create $d --allow root --passphrase-file $pass --recovery-key-file /root/recovery
wardctl --quiet umount cases

# has OPTION...: the mount on $d has each of these options
has()
{
	mount_options=,$(findmnt -n -o OPTIONS -t wardfs $d),
	for option; do
		case $mount_options in
		*,"$option",*) ;;
		*) echo "$mount_options has no $option" >&2; return 1 ;;
		esac
	done
}

check "by directory" mount -t wardfs $d $d
check_errno ENOKEY "it is locked" ls $d
check "nosuid and nodev, with its name" has nosuid nodev rw name=cases
check "the ciphertext view is there" test -d /run/ward/lower/cases/.ward/tree
refused 32 "already mounted|mounted already" "a second time" mount -t wardfs $d $d
check "unlock" wardctl unlock cases --passphrase-file $pass
check_is "it works" precious "$(cat $d/file)"
check "remount read-only" mount -o remount,ro $d
check_errno EROFS "nothing can be written" touch $d/x
check "remount writable" mount -o remount,rw $d
check "it can again" touch $d/x
check "umount(8)" umount $d
# mount(8) does not hand "suid" and "dev" on.
check "by name, after it" mount.wardfs -o suid,dev,noexec,noatime cases $d
check "the options are those asked for" has noexec noatime
check_fails_with 1 "and no others" has nosuid
check "umount" wardctl umount cases
check "no ciphertext view is left" test ! -e /run/ward/lower/cases

check "read-only" mount -t wardfs -o ro $d $d
check "unlock read-only" wardctl unlock cases --passphrase-file $pass
check_is "it can be read" precious "$(cat $d/file)"
check_errno EROFS "and not written" touch $d/x
refused 32 "remount" "no remount while it is unlocked for reading only" mount -o remount,rw $d
check "umount" wardctl umount cases

echo wrong >/root/wrong
check "with a passphrase" mount -t wardfs -o passphrase-file=$pass cases $d
check_is "it is open" precious "$(cat $d/file)"
wardctl --quiet umount cases
check "with a recovery key" mount -t wardfs -o recovery-key-file=/root/recovery cases $d
check_is "it is open" precious "$(cat $d/file)"
wardctl --quiet umount cases
refused 32 "wrong passphrase" "with a wrong passphrase" mount -t wardfs -o passphrase-file=/root/wrong cases $d
refused 32 "cannot open /root/none" "with a passphrase file that there is not" mount -t wardfs -o passphrase-file=/root/none cases $d
refused 1 "one passphrase" "with two secrets" mount -t wardfs -o passphrase-file=$pass,key-file=/root/wrong cases $d
refused 1 "no option \"frobnicate\"" "with an option that there is not" mount -t wardfs -o frobnicate cases $d
refused 32 "neither the name of a vault" "a vault that there is not" mount -t wardfs nothing $d
refused 32 "holds no vault" "a directory that is none" mount -t wardfs /srv /srv
refused 1 "Usage" "without arguments" mount.wardfs
refused 1 "bind" "bind mounts are not for it" mount.wardfs $d $d -o bind
refused 1 "only root" "not root" as alice /usr/sbin/mount.wardfs cases $d
check "-f does everything but mount" mount.wardfs -f -v cases $d
check "-s ignores what it does not know" mount.wardfs -f -s -o frobnicate cases $d
check_is "nothing is mounted" "" "$(findmnt -n -t wardfs)"

echo "$d $d wardfs passphrase-file=$pass,nofail,x-test=1 0 0" >>/etc/fstab
check "by fstab" mount $d
check_is "it is open" precious "$(cat $d/file)"
check "mount -a, with it mounted" mount -a -t wardfs
wardctl --quiet umount cases
check "mount -a" mount -a -t wardfs
check_is "it is open" precious "$(cat $d/file)"
wardctl --quiet umount cases

# Whoever owns a directory above cannot have it mounted over another one, or another one mounted
mkdir -p /srv/home /srv/victim/cases
mv $d /srv/home/real
ln -s /srv/victim /srv/link
sed -i 's,^directory.*,directory = /srv/link/cases,' /etc/ward/vaults.d/cases.conf
refused 1 "leads to /srv/victim/cases: a directory above it was replaced by a symlink" "a symlink above" wardctl mount cases
check_is "nothing is mounted" "" "$(findmnt -n -t wardfs)"
rm /srv/link
sed -i "s,^directory.*,directory = $d," /etc/ward/vaults.d/cases.conf
mv /srv/home/real $d
chmod 755 $d
refused 5 "is open to others than root" "a directory that others may look into" wardctl mount cases
chmod 700 $d
check "closed, it is mounted" wardctl mount cases
wardctl --quiet umount cases

# A vault that came with a disk
mv /etc/ward/vaults.d/cases.conf /root/
mv $d "/srv/Old Cases"
refused 32 "add the option name=NAME" "no configuration, and no name" mount -t wardfs "/srv/Old Cases" "/srv/Old Cases"
check "no configuration" mount -t wardfs -o name=old,passphrase-file=$pass "/srv/Old Cases" "/srv/Old Cases"
check_is "it is open" precious "$(cat "/srv/Old Cases/file")"
check "the ciphertext view has its name" test -d /run/ward/lower/old/.ward
check "umount(8)" umount "/srv/Old Cases"
mkdir /mnt/elsewhere
check "mounted elsewhere" mount -t wardfs -o name=old,passphrase-file=$pass "/srv/Old Cases" /mnt/elsewhere
check_is "it is open there" precious "$(cat /mnt/elsewhere/file)"
check_is "its directory is closed as ever" "700 root" "$(stat -c '%a %U' "/srv/Old Cases")"
check "umount(8)" umount /mnt/elsewhere

# A vault of this machine, mounted somewhere else
mv "/srv/Old Cases" $d
mv /root/cases.conf /etc/ward/vaults.d/
check "elsewhere" mount -t wardfs cases /mnt/elsewhere
check "unlock finds it there" wardctl unlock cases --passphrase-file $pass
check_is "it is open" precious "$(cat /mnt/elsewhere/file)"
check_is "its own place is not covered" "" "$(findmnt -n -t wardfs --mountpoint $d)"
check "lock" wardctl lock cases
check_errno ENOKEY "it is locked" ls /mnt/elsewhere
check "umount takes it away" wardctl umount cases
check_is "nothing is mounted" "" "$(findmnt -n -t wardfs)"
mount -t wardfs cases /mnt/elsewhere
unshare -m sleep 100 &
asleep $!
refused 1 "still mounted where this command does not see it" "a copy in another namespace is told" wardctl umount cases
kill $!
wait
check "with that gone, it is gone" wardctl umount cases
done_testing
