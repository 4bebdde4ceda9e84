#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# What it costs the disk to have something on stable storage: flushes, counted by the kernel for the device, of the same
# operations in a vault and on the file system below it. A vault takes no flush more, but for files with chattr +S; an overwrite
# takes one (with fsync and a new time of the file, a journal's commit more, in both).

# The timers of the file systems below flush, too.
[ "$WARD_LOWER" != ext4 ] || MOUNT_OPTIONS=commit=300
. "$WARD_TOP/tests/fs/vault.sh"
[ "$WARD_LOWER" != xfs ] || xfs_waits

export MOUNTED_ON="${WARD_DISK1##*/}"
check "a vault" new_vault 0
cat >/tmp/flushes.py <<'END'
from calls import *
N, SLACK = 20, 2                # something else of the file system below may flush in between, too
plain = '/srv/lower/plain'
os.makedirs(plain, exist_ok=True)
def count():
    with open('/sys/block/%s/stat' % os.environ['MOUNTED_ON']) as f: fields = f.read().split()
    return int(fields[15]), int(fields[4])      # Documentation/block/stat.rst: flushes, writes
def flushed(top, op):
    """(flushes, writes) of N times this, after the first one and a sync."""
    op(top, 0); os.sync()
    before = count()
    for i in range(1, N + 1): op(top, i)
    after = count()
    return tuple(b - a for a, b in zip(before, after))
def opened(path, flags, at, size, sync):
    time.sleep(0.01)            # the clock of file times has gone on: each operation has a time to write down
    fd = os.open(path, flags | os.O_CREAT, 0o644)
    if at is None: at = os.fstat(fd).st_size
    os.pwrite(fd, os.urandom(size), at); sync(fd); os.close(fd)
def nothing(fd): pass
def synced(path): fd = os.open(path, os.O_RDONLY); os.fsync(fd); os.close(fd)
def stored(path, at):
    time.sleep(0.01); fd = os.open(path, os.O_RDWR)
    m = mmap.mmap(fd, 400000); m[at:at + 4096] = os.urandom(4096); m.flush(); os.close(fd)
def prepared(top):
    for name in 'file', 'flagged', 'shorter':
        with open(top + '/' + name, 'wb') as f: f.write(noise(1, 400000)); f.flush(); os.fsync(f.fileno())
    fd = os.open(top + '/flagged', os.O_RDONLY)
    fcntl.ioctl(fd, 0x40086602, struct.pack('i', struct.unpack('i', fcntl.ioctl(fd, 0x80086601, bytes(4)))[0] | 8))
    os.close(fd)                # FS_IOC_SETFLAGS, FS_IOC_GETFLAGS, FS_SYNC_FL
ops = {
    'overwrite, fdatasync': lambda top, i: opened(top + '/file', os.O_RDWR, 4096 * i, 4096, os.fdatasync),
    'overwrite, fsync': lambda top, i: opened(top + '/file', os.O_RDWR, 4096 * i, 4096, os.fsync),
    'overwrite of some bytes, fdatasync': lambda top, i: opened(top + '/file', os.O_RDWR, 7000 * i, 100, os.fdatasync),
    'overwrite, O_DSYNC': lambda top, i: opened(top + '/file', os.O_RDWR | os.O_DSYNC, 4096 * i, 4096, lambda fd: None),
    'append, fsync': lambda top, i: opened(top + '/log', os.O_RDWR, None, 100, os.fsync),
    'create, fsync': lambda top, i: opened('%s/new %d' % (top, i), os.O_RDWR, 0, 2000, os.fsync),
    'overwrite, O_SYNC': lambda top, i: opened(top + '/file', os.O_RDWR | os.O_SYNC, 4096 * i, 4096, nothing),
    'overwrite, chattr +S': lambda top, i: opened(top + '/flagged', os.O_RDWR, 4096 * i, 4096, nothing),
    'store into a mapping, msync': lambda top, i: stored(top + '/file', 4096 * i),
    'cut shorter, fsync': lambda top, i: (os.truncate(top + '/shorter', 400000 - 5000 * i), synced(top + '/shorter')),
    'save: create, fsync, rename, fsync of the directory': lambda top, i: (
        opened(top + '/saved.new', os.O_RDWR, 0, 2000, os.fsync), os.rename(top + '/saved.new', top + '/saved'), synced(top)),
    'remove, fsync of the directory': lambda top, i: (os.unlink('%s/new %d' % (top, i)), synced(top)),
    'mkdir, create in it, fsync': lambda top, i: (
        os.mkdir('%s/dir %d' % (top, i)), opened('%s/dir %d/new' % (top, i), os.O_RDWR, 0, 2000, os.fsync)),
    'the same, fsync again': lambda top, i: opened('%s/dir %d/more' % (top, i), os.O_RDWR, 0, 2000, os.fsync),
}
END
check "every operation takes as many flushes as on the file system below" py '
exec(open("/tmp/flushes.py").read())
for top in (plain, d): prepared(top)
os.sync(); bad = []
for name, op in ops.items():
    below_it, vault = flushed(plain, op), flushed(d, op)
    print("%-52s %3d flushes, %3d writes below; %3d flushes, %3d writes in a vault" % ((name,) + below_it + vault))
    # Not less either: what takes a flush below, for data or for times, takes it here.
    more = N if name == "overwrite, chattr +S" else 0       # the write below flushes, and so do we
    if abs(vault[0] - more - below_it[0]) > SLACK or not below_it[0]: bad.append((name, below_it, vault))
    if name.startswith("overwrite") and "fdatasync" in name and not N - SLACK <= vault[0] <= N + SLACK: bad.append((name, vault))
assert not bad, bad
'
diag "$(cat "$lib_out")"
done_testing
