#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# stress-ng's file system stressors, in groups that run at once, in a vault and on the file system below it, by a user
# and by root: what does not fail below does not fail in the vault, and what gets something done below does here.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
plain=/srv/plain
mkdir -m 2777 $plain
seconds=5
[ -z "$WARD_LONG" ] || seconds=60

names="access chdir chmod chown dentry dir dirdeep dirmany dup fstat getdent link rename symlink touch utime open
	filename mknod handle"
data="copy-file fallocate fpunch hdd io iomix ioprio madvise mmap msync readahead revio rmap seek sendfile splice
	sync-file aio aiol io-uring fsize fiemap fifo sigio eventfd verity"
locks="chattr dnotify fanotify fcntl file-ioctl flock inode-flags inotify lease locka lockf lockofd xattr
	msyncmany fault"
# What root may do and others not
root="access bind-mount binderfs chattr chown chroot dentry fanotify file-ioctl filename handle inode-flags link mknod
	rename xattr"
# Of stress-ng's classes filesystem and io, what has nothing to do with the directory it runs in
elsewhere="procfs rawdev"	# reads all of /proc; reads the disk itself

# stress WHO DIR STRESSOR...: all of them at once; the log is printed
stress()
{
	who=$1
	where=$2
	shift 2
	options=
	for name; do
		options="$options --$name 1"
	done
	"$who" mkdir -p "$where/work" || return
	# shellcheck disable=SC2086
	"$who" stress-ng --temp-path "$where/work" --verify --metrics-brief --timeout $seconds --no-rand-seed \
		--oomable $options \
		--hdd-bytes 4m --iomix-bytes 4m --fallocate-bytes 4m --copy-file-bytes 128m --mmap-bytes 2m --msync-bytes 2m \
		--readahead-bytes 4m --seek-size 4m --sync-file-bytes 2m --sendfile-size 1m --dentries 200 \
		--dirdeep-dirs 1 --dirdeep-inodes 300 2>&1
	echo "status $?"
	"$who" rm -rf "$where/work"
}

# What a log says went wrong: the names of those that failed
failed()
{
	sed -nE 's/^stress-ng: (fail|error): +\[[0-9]+\] (stress-ng-)?([a-z-]+): .*/\3/p' "$1" | sort -u
}

# messages DIR LOG: what it says of those, as NAME: MESSAGE, without numbers (but errno) and where it was
messages()
{
	sed -nE 's/^stress-ng: (fail|error): +\[[0-9]+\] (stress-ng-)?([a-z-]+: .*)/\3/p' "$2" |
		sed -E "s|$1/work|.|g; s/(errno=[0-9]+)|[0-9]+/\\1N/g" | sort -u
}

# What a log says got something done, as names: a stressor that is at work counts its operations
busy()
{
	sed -nE 's/^stress-ng: metrc: \[[0-9]+\] ([a-z-]+) +[1-9][0-9]* +[0-9]+\.[0-9]+ +[0-9]+\.[0-9]+ .*/\1/p' "$1" | sort -u
}

# What a log says was left out, as names
skipped()
{
	sed -nE 's/.*\] (stress-ng-)?([a-z-]+).*(skipping|skipped|not supported).*/\2/p' "$1" | sort -u
}

# Flags that change how a file is stored below, and at which places of a disk it is: docs/deviations.md
refused="-e chattr -e fiemap"

root()
{
	"$@"
}

# both GROUP WHO STRESSOR...
both()
{
	group=$1
	who=$2
	shift 2
	stress "$who" $d "$@" >vault.log
	stress "$who" $plain "$@" >plain.log
	busy plain.log >plain.busy
	busy vault.log >vault.busy
	# Among so many, one that begins with much to make may not have come to its first operation.
	comm -12 plain.busy vault.busy >both.busy
	idle=$(printf '%s\n' "$@" | grep -vxF -f both.busy)
	if [ -n "$idle" ]; then
		# shellcheck disable=SC2086
		for side in vault:$d plain:$plain; do
			stress "$who" "${side#*:}" $idle >again.log
			busy again.log | sort -u - "${side%:*}.busy" -o "${side%:*}.busy"
			cat again.log >>"${side%:*}.log"
		done
	fi
	# And one that is slower here may still have been at it. Seldom, so it may take long.
	# shellcheck disable=SC2086
	slow=$(comm -23 plain.busy vault.busy | grep -vx $refused)
	if [ -n "$slow" ]; then
		diag "once more, a minute: $slow"
		# shellcheck disable=SC2086
		(seconds=60; stress "$who" $d $slow) >again.log
		busy again.log | sort -u - vault.busy -o vault.busy
		cat again.log >>vault.log
	fi
	check "$group, by $who: they ran" sh -c "for log in vault plain; do
		grep -qE '^stress-ng: info:.*(successful|unsuccessful) run completed' \$log.log || { cat \$log.log; exit 1; }; done"
	failed plain.log >plain.failed
	failed vault.log >vault.failed
	check "$group, by $who: none fails that does not fail below" sh -c "
		comm -13 plain.failed vault.failed >new && ! [ -s new ] || { grep -E 'fail|error' vault.log; exit 1; }"
	diag "fail below as well: $(tr '\n' ' ' <plain.failed)"
	messages $d vault.log | grep -E "^($(tr '\n' '|' <plain.failed)): " >vault.messages
	messages $plain plain.log >plain.messages
	check "$group, by $who: what fails below as well fails with the same words" sh -c "
		! comm -13 plain.messages vault.messages | grep . || { grep . plain.messages; exit 1; }"
	skipped plain.log >plain.skipped
	skipped vault.log >vault.skipped
	check "$group, by $who: none is skipped that runs below, but for what a vault refuses" sh -c "
		! comm -13 plain.skipped vault.skipped | grep -vx $refused || { cat vault.log; exit 1; }"
	check "$group, by $who: what gets something done below does so in the vault" sh -c "
		[ -s plain.busy ] && ! comm -23 plain.busy vault.busy | grep -vx $refused || { cat vault.log; exit 1; }"
	diag "got nothing done below either: $(printf '%s\n' "$@" | sort | comm -23 - plain.busy | tr '\n' ' ')"
	diag "$(sed -nE 's/.*\[[0-9]+\] (.*(skipping|skipped|not supported).*)/\1/p' vault.log | sort -u)"
}

# All of them, in one of the lists above
each_is_listed()
{
	for class in filesystem io; do
		stress-ng --class $class? | sed -n "s/^class '$class' stressors: //p" | tr ' ' '\n' >$class
		[ -s $class ] || return
	done
	# shellcheck disable=SC2086
	printf '%s\n' $names $data $locks $root $elsewhere | sort -u >listed
	! sort -u filesystem io | grep -vxF -f listed
}
check "each file system stressor runs here, but for what is elsewhere: $elsewhere" each_is_listed

# shellcheck disable=SC2086
{
	both names staff $names
	both data staff $data
	both locks staff $locks
	both root root $root
}
check_is "nothing is left behind" "$(find $d -mindepth 1)" ""
staff sh -c "echo works >$d/file"
check "cold" cold
check_is "the vault works" "$(cat $d/file)" works
check "intact" intact
done_testing
