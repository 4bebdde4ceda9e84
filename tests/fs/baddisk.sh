#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# A disk that refuses writes: fsync and syncfs say so, in the vault as on the lower file system, to everybody whom it
# concerns; and what was on the disk before is there when it works again.

. "$WARD_TOP/tests/vm/lib.sh"

case ${WARD_LOWER:-ext4} in
ext4|xfs|btrfs) ;;
*)	skip_all "no disk below" ;;
esac
export disk="$WARD_DISK1"
WARD_DISK1=/dev/mapper/bad
. "$WARD_TOP/tests/fs/vault.sh"
# Also when something fails: others need the disk.
cleanup 'umount $d /srv/below /srv/lower 2>/dev/null; dmsetup --noudevsync remove --force bad 2>/dev/null; rm -f $WARD_DISK1'

cat >/tmp/baddisk.py <<'END'
from calls import *
DISK = os.environ["WARD_DISK1"]
def device(*table):
    """What the disk is from now on. What waits to be written stays so."""
    disk = os.environ["disk"]; table = ["0", run("blockdev", "--getsz", disk).strip(), table[0], disk, *table[1:]]
    def dm(*args): run("dmsetup", "--noudevsync", *args)
    if not os.path.exists(DISK):
        run("modprobe", "dm-flakey"); dm("create", "bad", "--table", " ".join(table))
        # There is no udev to do it.
        os.path.exists(DISK) or os.symlink("/dev/" + run("dmsetup", "info", "-c", "--noheadings", "-o", "blkdevname", "bad").strip(), DISK)
        return
    dm("suspend", "--nolockfs", "--noflush", "bad"); dm("load", "bad", "--table", " ".join(table)); dm("resume", "bad")
def good(): device("linear", "0")
def bad(): device("flakey", "0", "0", "3600", "1", "error_writes")
def unmount():
    """Whatever they say: what was shut down answers nothing else."""
    mounted = [line.split()[1] for line in open("/proc/self/mounts")]
    for p in (d, "/srv/below", "/srv/lower"): p in mounted and run("umount", p)
def attempt(fn, *args):
    try: return fn(*args)
    except OSError as e: return errno.errorcode[e.errno]

was, new = noise(1, 300000), noise(2, 9000)
def syncfs(fd):
    if libc.syncfs(fd): raise OSError(ctypes.get_errno(), "")
# What is said after the first error differs from one file system to the other: it may be read-only by then, or shut down.
def also(what): return what in ("EIO", "EROFS")
def by_fsync(fd, other, top): return [attempt(os.fsync, fd), also(attempt(os.fsync, other))]
def by_syncfs(fd, other, top): return [attempt(syncfs, top), also(attempt(os.fsync, other))]
def by_msync(fd, other, top):
    m = mmap.mmap(fd, 300000); m[200000:200005] = b"store"; return [attempt(m.flush), also(attempt(os.fsync, other))]
def by_itself(fd, other, top): return [also(attempt(os.pwritev, fd, [b"at once"], 100000, os.RWF_DSYNC)), also(attempt(os.fsync, other))]
def new_file(fd, other, top):
    f = os.open("/proc/self/fd/%d/new" % top, os.O_CREAT | os.O_RDWR); os.write(f, new); return [also(attempt(os.fsync, f))]
END
expect_kmsg 'EXT4-fs error .device dm-|XFS .dm-'
# An error changes what is said later, so each has a file system of its own; and ext4's own commits, every five seconds
# otherwise, are not to be the first that fail.
fresh()
{
	[ "${WARD_LOWER:-ext4}" != ext4 ] || MOUNT_OPTIONS=commit=300
	py 'exec(open("/tmp/baddisk.py").read()); unmount(); good()' && new_vault 61001
}
for how in by_fsync by_syncfs by_msync ${WARD_LONG:+by_itself new_file}; do
	rm -f /tmp/outcomes
	for top in /srv/lower/plain $d; do
		check "$how: a file system, a vault" fresh
		check "$how: said in ${top##*/}" py "
exec(open('/tmp/baddisk.py').read())
top = '$top'; os.makedirs(top, exist_ok=True); f = top + '/f'; touch(f, was); os.sync()
fd, other, dirfd = os.open(f, os.O_RDWR), os.open(f, os.O_RDONLY), os.open(top, os.O_RDONLY)
bad(); os.pwrite(fd, new, 5000); got = $how(fd, other, dirfd); print(got, flush=True)
with open('/tmp/outcomes', 'a') as out: print(got, file=out)
"
		check "$how: what was there before is there when the disk works again" py "
exec(open('/tmp/baddisk.py').read())
unmount(); good(); run('mount', DISK, '/srv/lower'); run('mount', '--bind', '/srv/lower', '/srv/below')
since = mark(); mount(); unlock(); data = read('$top/f'); same(len(data), len(was)); quiet(since)
for lo, hi in ((0, 5000), (14000, 100000), (100007, 200000), (200005, 300000)): assert data[lo:hi] == was[lo:hi], lo
assert all(x in y for x, *y in zip(data[5000:14000], was[5000:14000], new))
"
	done
	check "$how: the same in both, EIO" sh -c 'cat /tmp/outcomes; [ "$(wc -l </tmp/outcomes)" = 2 ] && [ "$(uniq /tmp/outcomes | wc -l)" = 1 ] && grep -q "EIO\|^.True" /tmp/outcomes'
done
check "unmount" py 'exec(open("/tmp/baddisk.py").read()); unmount(); run("dmsetup", "--noudevsync", "remove", "bad"); os.path.islink(DISK) and os.unlink(DISK)'
done_testing
