#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# What is there after a crash, right after a call that promises it: contents, size, times to the nanosecond, owner, mode, xattrs,
# names. After each the lower file system is shut down as when power fails, with nothing of its journal written that was not, and
# all is mounted anew. Crash states (tests/crash) look at contents in every order; this is about each call by itself.

[ "$WARD_LOWER" != ext4 ] || MOUNT_OPTIONS=commit=300
. "$WARD_TOP/tests/fs/vault.sh"
case $WARD_LOWER in
ext4) ;;
xfs) xfs_waits ;;
*) skip_all "$WARD_LOWER cannot be shut down" ;;
esac

export OPTIONS="${MOUNT_OPTIONS-}"
check "a vault" new_vault 0
cat >/tmp/durable.py <<'END'
from calls import *
SHUTDOWN, NO_LOG_FLUSH = 0x8004587d, 2          # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
GETFLAGS, SETFLAGS, SYNC_FL, DIRSYNC_FL = 0x80086601, 0x40086602, 8, 0x10000
f = d + '/file'
OLD = 978307200 * 10**9 + 123456789

def cut():
    """Power fails, and comes back."""
    fd = os.open('/srv/lower', os.O_RDONLY)
    fcntl.ioctl(fd, SHUTDOWN, struct.pack('I', NO_LOG_FLUSH))
    os.close(fd)
    umount(); run('umount', '/srv/below'); run('umount', '/srv/lower')
    run('mount', '-o', os.environ['OPTIONS'] or 'defaults', os.environ['WARD_DISK1'], '/srv/lower')
    run('mount', '--bind', '/srv/lower', '/srv/below')
    mount(); unlock()

def contents(path=f):
    return len(read(path)), hash(read(path))

def attributes(path=f):
    """All that fsync makes durable."""
    st = os.stat(path)
    return (oct(st.st_mode), st.st_uid, st.st_gid, st.st_nlink, st.st_mtime_ns, st.st_ctime_ns,
            {n: os.getxattr(path, n) for n in sorted(os.listxattr(path))}, contents(path))

def names(path=d):
    return sorted(os.listdir(path))

def flagged(path, flag):
    fd = os.open(path, os.O_RDONLY)
    had = struct.unpack('i', fcntl.ioctl(fd, GETFLAGS, bytes(4)))[0]
    fcntl.ioctl(fd, SETFLAGS, struct.pack('i', had | flag))
    os.close(fd)

def begin():
    """A file that is on the disk, with old times, in an empty vault."""
    for name in os.listdir(d):
        run('rm', '-rf', d + '/' + name)
    touch(f, noise(1, 30000))
    os.utime(f, ns=(OLD, OLD))
    os.sync()
    tick()

def durable(op, look):
    """What is seen after an operation is seen after a cut."""
    begin()
    had = look()
    op()
    want = look()
    assert want != had, 'the operation does nothing'
    cut()
    same(look(), want)

def written(sync, flags=0, how=0, path=f, size=10000):
    def op():
        fd = os.open(path, os.O_RDWR | os.O_CREAT | flags)
        os.pwritev(fd, [noise(time.time_ns(), size)], 5000, how)
        sync(fd)
        os.close(fd)
    return op

def nothing(fd):
    pass

def synced(path, *changes):
    def op():
        for change in changes: change()
        opened(path, os.O_RDONLY, os.fsync)
    return op

def stored():
    fd = os.open(f, os.O_RDWR)
    m = mmap.mmap(fd, 30000)
    m[7000:17000] = noise(7, 10000)
    m.flush()
    os.close(fd)

def syncfs():
    written(nothing)()
    fd = os.open(d, os.O_RDONLY)
    assert not libc.syncfs(fd)
    os.close(fd)
END
check "the cut cuts: what nothing was asked for is not there" py '
exec(open("/tmp/durable.py").read())
begin(); os.chmod(f, 0o600); written(nothing)(); touch(d + "/new", b"new")
cut()
same((oct(os.stat(f).st_mode), os.stat(f).st_mtime_ns, names()), ("0o100644", OLD, ["file"]))
'
while IFS='|' read -r name op look; do
	check "$name" py "
exec(open('/tmp/durable.py').read())
since = mark(); durable($op, $look); quiet(since)
"
done <<'END'
fsync of what was overwritten, with its times|written(os.fsync)|attributes
fsync of what has grown|written(os.fsync, size=90000)|attributes
fdatasync: contents|written(os.fdatasync, size=90000)|contents
O_SYNC, with its times|written(nothing, flags=os.O_SYNC)|attributes
O_DSYNC: contents|written(nothing, flags=os.O_DSYNC, size=90000)|contents
RWF_SYNC, with its times|written(nothing, how=os.RWF_SYNC)|attributes
RWF_DSYNC: contents|written(nothing, how=os.RWF_DSYNC)|contents
chattr +S: contents|lambda: (flagged(f, SYNC_FL), written(nothing, size=90000)())|contents
msync: contents|stored|contents
syncfs, with times|syncfs|attributes
sync, with times|lambda: (written(nothing)(), os.sync())|attributes
fsync of owner, mode and times that were set|synced(f, lambda: os.chown(f, 3, 4), lambda: os.chmod(f, 0o640), lambda: os.utime(f, ns=(OLD + 5, OLD + 7)))|attributes
fsync of xattrs|synced(f, lambda: os.setxattr(f, 'user.n', b'value'), lambda: os.setxattr(f, 'trusted.n', b'value'))|attributes
fsync of a length that was cut|synced(f, lambda: os.truncate(f, 4321))|attributes
fsync of a new file: its name, too|written(os.fsync, path=d + '/new')|names
fsync in new directories: their names, too|lambda: (os.makedirs(d + '/a/b'), written(os.fsync, path=d + '/a/b/new')())|lambda: [x for x in os.walk(d)]
fsync of the directory after a rename over a file|synced(d, lambda: touch(d + '/new'), lambda: os.rename(d + '/new', f))|lambda: (names(), os.stat(f).st_size)
fsync of the directory after removing, linking, and names that are long|synced(d, lambda: os.link(f, d + '/l' * 1 + 'l' * 200), lambda: os.unlink(f), lambda: os.mkdir(d + '/dir'))|names
END
if [ "$WARD_LOWER" = xfs ]; then
	skip "chattr +D of a directory" "xfs has no such flag: EOPNOTSUPP (fs/alike.sh)"
else
	check "chattr +D of a directory: names" py '
exec(open("/tmp/durable.py").read())
since = mark()
durable(lambda: (flagged(d, DIRSYNC_FL), os.mkdir(d + "/dir"), os.rename(f, d + "/" + "n" * 200)), names)
quiet(since)
'
fi
check "lazytime below: fsync, O_SYNC and syncfs write the times" py '
exec(open("/tmp/durable.py").read())
os.environ["OPTIONS"] = (os.environ["OPTIONS"] + ",lazytime").lstrip(",")
begin(); cut(); assert "lazytime" in [l for l in open("/proc/mounts") if " /srv/lower " in l][0]
for op in written(os.fsync), written(nothing, flags=os.O_SYNC), syncfs: durable(op, attributes)
'
check "lazytime of the vault: the same" py '
exec(open("/tmp/durable.py").read())
run("mount", "-o", "remount,lazytime", d)
for op in written(os.fsync), written(nothing, flags=os.O_SYNC), syncfs: durable(op, attributes); run("mount", "-o", "remount,lazytime", d)
'
done_testing
