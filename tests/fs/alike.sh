#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# The same operation on the lower file system and on the vault beside it: the same result, the same errno. What is done
# stands in alike.py.

. "$WARD_TOP/tests/fs/vault.sh"

long=${WARD_LONG-}
check "a vault" new_vault 0 61001 61002 61003
mkdir /srv/below/plain
chmod 755 /srv/below

check "renaming: every kind over every other, with every flag" py 'from alike import *; renames(0, 1)'
check "renaming: into itself, dots, slashes, too long" py 'from alike import *; alike(rename_odd)'
check "names of every length and every byte" py 'from alike import *; same(alike(every_name)[1][0], True)'
check "hard links" py 'from alike import *; alike(links)'
check "nameless files" py 'from alike import *; alike(nameless)'
check "directories, and what is none; directories that are gone" py 'from alike import *; alike(directories)'
check "symlinks" py 'from alike import *; alike(symlinks)'
check "modes, umask and default ACLs, set-group-id" py 'from alike import *; inheritance()'
check "ACLs" py 'from alike import *; alike(acl_rules)'
check "sticky directories" py 'from alike import *; alike(sticky)'
check "chattr: what each flag forbids" py 'from alike import *; chattrs()'
check "chattr: who may" py 'from alike import *; alike(chattr_rights)'
check "xattrs" py 'from alike import *; alike(xattrs)'
check "which times move" py 'from alike import *; alike(times); alike(failed_times)'
check "locks: POSIX, of open files, flock" py 'from alike import *; alike(locks)'
check "leases" py 'from alike import *; alike(leases)'
check "leases that somebody waits for: an answer, or the time for it is over" py 'from alike import *; lease_times()'
check "inotify" py 'from alike import *; alike(inotify)'
check "fanotify: handles and names, on a directory, a mount, a file system" py 'from alike import *; fanotifies()'
check "fanotify: who is asked for permission, and says yes or no" py 'from alike import *; permissions()'
check "reading a directory while entries come and go" py 'from alike import *; same(alike(busy_directory, 400), ("value", (True, True)))'
check "a large directory${long:+ (100,000 entries)}" py "from alike import *; alike(large_directory, ${long:+100000 or }3000)"
check "nothing was taken for tampering" py 'quiet(0)'
check "unmount" umount $d
done_testing
