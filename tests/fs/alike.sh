#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# The same operation on the lower file system and on the vault beside it: the same result, the same errno. What is done
# stands in alike.py and watchers.py.

. "$WARD_TOP/tests/fs/vault.sh"

long=${WARD_LONG-}
check "a vault" new_vault 0 61001 61002 61003
mkdir /srv/below/plain
chmod 755 /srv/below

# A check is of a function of alike.py or watchers.py; "not LOWER... WHY" before it: what it takes that file system has not.
not=
why=
of() { py "from alike import *; from watchers import *; $1"; }
alike()
{
	case " $not " in
	*" $WARD_LOWER "*) skip "$1" "$why" ;;
	*) check "$1" of "$2" ;;
	esac
	not=
}

alike "renaming: every kind over every other, with every flag, and its times" 'renames()'
alike "renaming: into itself, dots, slashes, too long" 'alike(rename_odd)'
alike "names of every length and every byte" 'same(alike(every_name)[0], True)'
alike "hard links" 'alike(links)'
not=nfs why="NFS has no O_TMPFILE"
alike "nameless files" 'alike(nameless)'
alike "directories, and what is none; directories that are gone" 'alike(directories)'
alike "symlinks" 'alike(symlinks)'
not=nfs why="NFS 4 has no POSIX ACLs"
alike "modes, umask and default ACLs, set-group-id" 'inheritance()'
not=nfs
alike "ACLs" 'alike(acl_rules)'
alike "sticky directories" 'alike(sticky)'
not=nfs why="NFS has no chattr flags"
alike "chattr: what each flag forbids" 'chattrs()'
not=nfs
alike "chattr: who may" 'alike(chattr_rights)'
alike "xattrs" 'alike(xattrs)'
not=nfs why="the server keeps times, and the client remembers them"
alike "which times move" 'alike(times)'
not=nfs
alike "which times move: by links, and what is refused moves none" 'alike(link_times); alike(failed_times)'
not=nfs why="NFS has no O_TMPFILE"
alike "which times move: of nameless files" 'alike(nameless_times)'
alike "when objects came to be" 'alike(births)'
not=nfs why="the vault keeps them to its own users: docs/deviations.md"
alike "locks: POSIX, of open files, flock" 'alike(locks)'
not=nfs
alike "leases" 'alike(leases)'
not=nfs why="the vault keeps them to its own users: docs/deviations.md"
alike "leases that somebody waits for: an answer, or the time for it is over" 'lease_times()'
not=nfs why="the story has nameless files in it, which NFS has not"
alike "inotify" 'alike(inotify)'
not=nfs
alike "fanotify: handles and names, on a directory, a mount, a file system" 'fanotifies()'
alike "fanotify: who is asked for permission, and says yes or no" 'permissions()'
alike "reading a directory while entries come and go" 'same(alike(busy_directory, 400), (True, True))'
case ${long:+long}$WARD_LOWER in
*nfs)		entries=300 ;;	# there each takes a while
long*)		entries=100000 ;;
ext4 | xfs)	entries=6000 ;;
*)		entries=3000 ;;
esac
alike "a large directory: $entries entries" "alike(large_directory, $entries)"
check "nothing was taken for tampering" py 'quiet(0)'
check "unmount" umount $d
done_testing
