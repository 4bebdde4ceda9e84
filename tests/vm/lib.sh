# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by test files that are shell scripts: . "$WARD_TOP/tests/vm/lib.sh"
#
#   plan 2					at the top; or done_testing at the end
#   mklower ext4 /srv/lower			an empty file system on the scratch disk, mounted
#   check "a file can be made" touch /srv/lower/f
#   check_fails_with 1 "and is not a directory" ls /srv/lower/f/
#
# A test file that ends before its plan is fulfilled has failed; so has one with a failed check.

lib_n=0
lib_failed=0
lib_plan=
lib_out=$(mktemp)
lib_waited=$(mktemp)
lib_cleanup=

plan()
{
	lib_plan=$1
	echo "1..$1"
}

# Ends the file; prints the plan if there was none.
done_testing()
{
	[ -n "$lib_plan" ] || plan $lib_n
	exit 0
}

pass()
{
	lib_n=$((lib_n + 1))
	echo "ok $lib_n - $*"
}

# fail NAME: what is in $lib_out is shown as the reason
fail()
{
	lib_n=$((lib_n + 1))
	lib_failed=$((lib_failed + 1))
	echo "not ok $lib_n - $*"
	sed 's/^/# /' "$lib_out"
}

diag()
{
	echo "$*" | sed 's/^/# /'
}

# check NAME COMMAND...: passes when the command does. Runs in this shell, so functions do, too.
check()
{
	lib_name=$1
	shift
	# Appended to, so that whoever opens it by itself and this shell do not write over each other.
	: >"$lib_out"
	if "$@" >>"$lib_out" 2>&1; then
		pass "$lib_name"
	else
		echo "exit status $? of: $*" >>"$lib_out"
		fail "$lib_name"
	fi
}

# check_fails_with STATUS NAME COMMAND...: passes when the command exits with this status; STATUS "any" is any but 0
check_fails_with()
{
	lib_want=$1
	lib_name=$2
	shift 2
	lib_got=0
	: >"$lib_out"
	"$@" >>"$lib_out" 2>&1 || lib_got=$?
	if [ "$lib_got" = "$lib_want" ] || { [ "$lib_want" = any ] && [ $lib_got != 0 ]; }; then
		pass "$lib_name"
	else
		echo "exit status $lib_got instead of $lib_want of: $*" >>"$lib_out"
		fail "$lib_name"
	fi
}

# check_errno ENOKEY NAME COMMAND...: passes when the command fails and its message is the one of this error
check_errno()
{
	lib_want=$(python3 -c 'import errno, os, sys; print(os.strerror(getattr(errno, sys.argv[1])))' "$1")
	lib_name=$2
	shift 2
	lib_got=0
	: >"$lib_out"
	"$@" >>"$lib_out" 2>&1 || lib_got=$?
	if [ $lib_got != 0 ] && grep -qF "$lib_want" "$lib_out"; then
		pass "$lib_name"
	else
		echo "exit status $lib_got, not \"$lib_want\" from: $*" >>"$lib_out"
		fail "$lib_name"
	fi
}

# check_is NAME GOT WANTED: compares two strings
check_is()
{
	printf 'got:    %s\nwanted: %s\n' "$2" "$3" >"$lib_out"
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1"
	fi
}

# skip NAME WHY: one check that this machine cannot do
skip()
{
	lib_n=$((lib_n + 1))
	echo "ok $lib_n - $1 # SKIP $2"
}

# skip_all WHY: the whole file
skip_all()
{
	lib_plan=0
	echo "1..0 # SKIP $*"
	exit 0
}

# cleanup COMMAND: to be run at the end, last come first served. (Mounts and processes go away by themselves.)
cleanup()
{
	lib_cleanup="$1
$lib_cleanup"
}

# expect_kmsg REGEX: this file makes the kernel complain like this, and it is no failure
expect_kmsg()
{
	echo "$1" >>"$WARD_EXPECT_KMSG"
}

# wait_for WHAT COMMAND...: until the command succeeds. Once something has not come, nothing else is waited for as long.
lib_patience=600
wait_for()
{
	lib_what=$1
	shift
	lib_until=$(($(date +%s) + lib_patience))
	while ! "$@" >"$lib_waited" 2>&1; do
		if [ "$(date +%s)" -ge $lib_until ]; then
			lib_patience=60
			diag "waited in vain: $lib_what"
			diag "$(cat "$lib_waited")"
			return 1
		fi
		sleep 0.2
	done
}

# asleep PROCESS: returns when it executes sleep(1), before which it does what it is for; or has ended
asleep()
{
	while kill -0 "$1" && [ "$(cat "/proc/$1/comm")" != sleep ]; do
		sleep 0.1
	done
}

# XFS writes out its log when it is told to only, until the test ends.
xfs_waits()
{
	xfs_timer=/proc/sys/fs/xfs/xfssyncd_centisecs
	modprobe xfs || return
	cleanup "echo $(cat $xfs_timer) >$xfs_timer"
	echo 720000 >$xfs_timer
}

# An ext4 on the scratch disk, and this machine's own NFS server, which lets root be root. What it stores is in
# $lib_export. Without nfsdcltrack and a short lease the server would wait for clients that it has never seen.
lib_export=/run/ward-vm/export
mknfs()
{
	mkdir -p $lib_export /var/lib/nfs/v4recovery /run/rpc_pipefs &&
	mklower ext4 $lib_export &&
	{ mountpoint -q /proc/fs/nfsd || { modprobe nfsd && mount -t nfsd nfsd /proc/fs/nfsd; }; } &&
	echo 10 >/proc/fs/nfsd/nfsv4leasetime &&
	echo 10 >/proc/fs/nfsd/nfsv4gracetime &&
	exportfs -o "rw,${NFS_EXPORT_OPTIONS:-no_root_squash},no_subtree_check,sync,fsid=0" 127.0.0.1:$lib_export &&
	rpc.mountd -N 2 -N 3 &&
	rpc.nfsd -N 3 -U -t 4 &&
	mount -t nfs4 -o "vers=4.2${MOUNT_OPTIONS:+,$MOUNT_OPTIONS}" 127.0.0.1:/ "$1"
}

# mklower [FS] DIR: an empty file system on the scratch disk, mounted on DIR. FS is $WARD_LOWER unless given.
# MKFS_OPTIONS and MOUNT_OPTIONS are passed on.
mklower()
{
	[ $# = 2 ] || set -- "$WARD_LOWER" "$1"
	mkdir -p "$2"
	case $1 in
	tmpfs)
		# shellcheck disable=SC2086
		mount -t tmpfs ${MOUNT_OPTIONS:+-o $MOUNT_OPTIONS} tmpfs "$2"
		return ;;
	nfs)
		mknfs "$2"
		return ;;
	ext4)	lib_mkfs="mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=1" ;;
	xfs)	lib_mkfs="mkfs.xfs -q -f -K" ;;
	btrfs)	lib_mkfs="mkfs.btrfs -q -f -K" ;;
	*)	echo "mklower: unknown file system $1" >&2
		return 1 ;;
	esac
	wipefs -qa "$WARD_DISK1"
	# shellcheck disable=SC2086
	$lib_mkfs ${MKFS_OPTIONS-} "$WARD_DISK1" &&
		mount ${MOUNT_OPTIONS:+-o $MOUNT_OPTIONS} "$WARD_DISK1" "$2"
}

# as USER COMMAND...: with the user's groups, as after a login
as()
{
	lib_user=$1
	shift
	setpriv --reuid "$lib_user" --regid "$lib_user" --init-groups -- "$@"
}

# shellcheck disable=SC2317
lib_exit()
{
	lib_status=$?
	trap - EXIT
	set +e
	eval "$lib_cleanup"
	rm -f "$lib_out" "$lib_waited"
	[ $lib_status != 0 ] || [ $lib_failed = 0 ] || lib_status=1
	exit $lib_status
}
trap lib_exit EXIT
trap 'exit 143' TERM INT HUP
