#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# What it costs the disk to have something on stable storage: flushes, counted by the kernel for the device, of the same
# operations in a vault and on the file system below it. A vault takes no flush more; an overwrite takes one (with fsync
# and a new time of the file, a journal's commit more, in both).

[ "$WARD_LOWER" != ext4 ] || MOUNT_OPTIONS=commit=300
. "$WARD_TOP/tests/fs/vault.sh"

export MOUNTED_ON="${WARD_DISK1##*/}"
check "a vault" new_vault 0
cat >/tmp/flushes.py <<'END'
from calls import *
N, SLACK = 20, 2                # a timer of the file system below may flush in between, too
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
def prepared(top):
    with open(top + '/file', 'wb') as f: f.write(noise(1, 400000)); f.flush(); os.fsync(f.fileno())
ops = {
    'overwrite, fdatasync': lambda top, i: opened(top + '/file', os.O_RDWR, 4096 * i, 4096, os.fdatasync),
    'overwrite, fsync': lambda top, i: opened(top + '/file', os.O_RDWR, 4096 * i, 4096, os.fsync),
    'overwrite of some bytes, fdatasync': lambda top, i: opened(top + '/file', os.O_RDWR, 7000 * i, 100, os.fdatasync),
    'overwrite, O_DSYNC': lambda top, i: opened(top + '/file', os.O_RDWR | os.O_DSYNC, 4096 * i, 4096, lambda fd: None),
    'append, fsync': lambda top, i: opened(top + '/log', os.O_RDWR, None, 100, os.fsync),
    'create, fsync': lambda top, i: opened('%s/new %d' % (top, i), os.O_RDWR, 0, 2000, os.fsync),
}
END
check "every operation takes as many flushes as on the file system below" py '
exec(open("/tmp/flushes.py").read())
for top in (plain, d): prepared(top)
os.sync(); bad = []
for name, op in ops.items():
    below_it, vault = flushed(plain, op), flushed(d, op)
    print("%-36s %3d flushes, %3d writes below; %3d flushes, %3d writes in a vault" % ((name,) + below_it + vault))
    # Not less either: what takes a flush below, for data or for times, takes it here.
    if abs(vault[0] - below_it[0]) > SLACK or not below_it[0]: bad.append((name, below_it, vault))
    if name.startswith("overwrite") and "fdatasync" in name and not N - SLACK <= vault[0] <= N + SLACK: bad.append((name, vault))
assert not bad, bad
'
diag "$(cat "$lib_out")"
done_testing
