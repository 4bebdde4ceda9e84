#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# A vault on an NFS mount: what is removed while open, write-back that fails on the server, a server that goes away and
# comes back, one that squashes root, and two machines with the same vault. The server exports an ext4 of this machine.

WARD_LOWER=nfs
export WARD_LOWER
. "$WARD_TOP/tests/fs/vault.sh"

cat >/tmp/nfs.py <<'END'
from calls import *
export = '/run/ward-vm/export'
there = export + '/v/.ward/tree'                # the ciphertext, as the server has it
def silly(top=there):
    """The names that NFS gave to what was removed while open."""
    return [n for _, dirs, files in os.walk(top) for n in dirs + files if n.startswith('.nfs')]
def soon(fn, want):
    """NFS does it when it has time."""
    for _ in range(100):
        if fn() == want: return
        time.sleep(0.2)
    same(fn(), want)
def server(up):
    # A client tries again in longer and longer intervals. Who comes back within this time gets back what he had.
    if up: touch('/proc/fs/nfsd/nfsv4gracetime', b'30')
    run('rpc.nfsd', *(['-N', '3', '-U', '-t', '4'] if up else ['0']))
END
check "a vault" new_vault 0 61001
check "the file system below is NFS 4.2" sh -c 'grep -q " /srv/lower nfs4 .*vers=4.2" /proc/mounts'

check "what was closed is on the server" py '
exec(open("/tmp/nfs.py").read())
for size in (0, 1, 3552, 5000, 100000, 3000000):
    touch(d + "/f", noise(size, size))
    at = lower(d + "/f").replace(below, there); same(os.stat(at).st_size, length(size))
    same(read(at), read(lower(d + "/f")))
    os.unlink(d + "/f")
'
check "files that are removed while nobody has them open leave nothing behind" py '
exec(open("/tmp/nfs.py").read())
os.mkdir(d + "/dir")
for k in range(20): touch(d + "/dir/" + "%d" % k * 100, noise(k, 9000))
os.symlink("x", d + "/dir/link"); os.mknod(d + "/dir/fifo", stat.S_IFIFO | 0o600)
touch(d + "/dir/over"); os.rename(d + "/dir/over", d + "/dir/fifo")
for n in os.listdir(d + "/dir"): os.lstat(d + "/dir/" + n); os.unlink(d + "/dir/" + n)
os.rmdir(d + "/dir"); soon(silly, []); same(os.listdir(there), [".ward-id"])
'
check "and those that are open stay readable, without a name" py '
exec(open("/tmp/nfs.py").read())
since = mark()
os.mkdir(d + "/dir"); touch(d + "/dir/kept", b"kept"); f = d + "/dir/gone"
fd = os.open(f, os.O_CREAT | os.O_RDWR); os.write(fd, noise(1, 200000)); os.unlink(f)
same(len(silly()), 1); same(os.listdir(d + "/dir"), ["kept"]); fails("ENOENT", os.stat, f); same(os.fstat(fd).st_nlink, 0)
drop_caches(); assert os.pread(fd, 200000, 0) == noise(1, 200000); os.pwrite(fd, b"still", 7); os.fsync(fd)
touch(d + "/over", b"new"); other = os.open(d + "/dir/kept", os.O_RDONLY); os.rename(d + "/over", d + "/dir/kept")
same(os.pread(other, 9, 0), b"kept"); same(read(d + "/dir/kept"), b"new"); same(os.fstat(other).st_nlink, 0); same(len(silly()), 2)
os.unlink(d + "/dir/kept")
fails("ENOTEMPTY|EBUSY", os.rmdir, d + "/dir")      # as on NFS; it has lost nothing by that
touch(d + "/dir/later", b"later"); drop_caches(); same(read(d + "/dir/later"), b"later"); os.unlink(d + "/dir/later")
os.close(fd); os.close(other); soon(silly, []); os.rmdir(d + "/dir"); quiet(since)
'
check "hard links are counted without that name" py '
exec(open("/tmp/nfs.py").read())
a, b, c = (d + "/" + n for n in "abc")
touch(a, b"x"); os.link(a, b); os.link(a, c); fd = os.open(a, os.O_RDONLY)
os.unlink(a); same(os.fstat(fd).st_nlink, 2); os.unlink(b); same(os.stat(c).st_nlink, 1)
os.link(c, a); same(os.fstat(fd).st_nlink, 2); os.unlink(a)
same(read(c), b"x"); os.unlink(c); same(os.fstat(fd).st_nlink, 0); same(os.pread(fd, 1, 0), b"x")
os.close(fd); soon(silly, []); same(os.listdir(there), [".ward-id"])
'
check "the .nfs names that a client left when it died are no entries, and no tampering" py '
exec(open("/tmp/nfs.py").read())
since = mark(); os.mkdir(d + "/dir"); touch(d + "/dir/f"); touch(lower(d + "/dir") + "/.nfs000000000badcafe00000001", b"left")
same(os.listdir(d + "/dir"), ["f"]); os.unlink(d + "/dir/f"); fails("ENOTEMPTY", os.rmdir, d + "/dir")
touch(d + "/dir/g"); again(); same(os.listdir(d + "/dir"), ["g"]); quiet(since)
os.unlink(lower(d + "/dir") + "/.nfs000000000badcafe00000001"); os.unlink(d + "/dir/g"); os.rmdir(d + "/dir")
'

check "a full disk of the server reaches who closes, of small files too" py '
exec(open("/tmp/nfs.py").read())
def fill():
    fd = os.open(export + "/filler", os.O_CREAT | os.O_RDWR); size, step = 0, 1 << 30
    while step >= 4096:
        try: os.posix_fallocate(fd, size, step); size += step
        except OSError: step //= 2
    os.close(fd)
touch(d + "/before", noise(4, 20000)); os.sync(); fill()
for size in (9000, 60000, 4 << 20):
    fd = os.open(d + "/full%d" % size, os.O_CREAT | os.O_WRONLY); os.write(fd, noise(size, size)); fails("ENOSPC", os.close, fd)
fd = os.open(d + "/before", os.O_RDWR); os.pwrite(fd, b"f" * 50000, 20000); fails("ENOSPC", os.fsync, fd)
try: os.close(fd)
except OSError as e: same(e.errno, errno.ENOSPC)
assert state()["vault_flags"] & 2               # to be checked
os.unlink(export + "/filler"); os.sync(); drop_caches()
same(read(d + "/before")[:20000], noise(4, 20000))
for size in (9000, 60000, 4 << 20): touch(d + "/full%d" % size, noise(size, size))
again()
for size in (9000, 60000, 4 << 20): assert read(d + "/full%d" % size) == noise(size, size); os.unlink(d + "/full%d" % size)
'
check "what NFS 4 has not is refused as it refuses it" py '
exec(open("/tmp/nfs.py").read())
f = d + "/before"
fails("EOPNOTSUPP", os.open, d, os.O_TMPFILE | os.O_RDWR); fails("EINVAL", renameat2, f, d + "/x", RENAME_NOREPLACE)
fails("EOPNOTSUPP", os.setxattr, f, "trusted.t", b"1"); fails("EOPNOTSUPP", os.setxattr, f, "system.posix_acl_access", struct.pack("<I", 2))
os.setxattr(f, "user.a", b"secret"); same(os.getxattr(f, "user.a"), b"secret")
same([v for n in os.listxattr(lower(f)) if n.startswith("user.") for v in [os.getxattr(lower(f), n)] if b"secret" in v], [])
fd = os.open(f, os.O_RDWR); fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
def other(): fcntl.lockf(os.open(f, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB, 10)
fails("EAGAIN|EACCES", as_user, 0, other)
'

check "another machine cannot unlock it meanwhile, nor this one what another has" py '
exec(open("/tmp/nfs.py").read())
# What another client asks the server for, the server asks its own file system for.
at = os.open(export + "/v/.ward/epoch", os.O_RDWR)
fails("EAGAIN|EACCES", fcntl.lockf, at, fcntl.LOCK_EX | fcntl.LOCK_NB)
# Locking does not let others in: what is in memory here would not be what is there then.
lock(); fails("EAGAIN|EACCES", fcntl.lockf, at, fcntl.LOCK_EX | fcntl.LOCK_NB)
umount(); fcntl.lockf(at, fcntl.LOCK_EX | fcntl.LOCK_NB); mount()
try: unlock(); assert False, "unlocked"
except testvault.Refused as e: same(e.errno, errno.EBUSY)
same(os.fsencode(d) in read("/proc/mounts"), True); fcntl.lockf(at, fcntl.LOCK_UN); unlock()
fails("EAGAIN|EACCES", fcntl.lockf, at, fcntl.LOCK_EX | fcntl.LOCK_NB); same(read(d + "/before")[:20000], noise(4, 20000))
umount(); fcntl.lockf(at, fcntl.LOCK_EX | fcntl.LOCK_NB); os.close(at); mount(); unlock()
'
check "a server that is away for a while: nothing is lost, and who was killed while waiting does no harm" py '
exec(open("/tmp/nfs.py").read())
since = mark()
# Who starts it has none of these files open: closing one waits for the server.
back, say = os.pipe(); starter = os.fork()
if not starter:
    os.read(back, 1); server(True); os._exit(0)
f, g, want = d + "/f", d + "/g", noise(5, 3 << 20)
touch(g, want); fd = os.open(f, os.O_CREAT | os.O_RDWR); os.write(fd, want[:1 << 20]); os.fsync(fd); drop_caches()
gd = os.open(g, os.O_RDONLY)
server(False)
os.write(fd, want[1 << 20:])
readers = []
try:
    for k in range(3):
        pid = os.fork()
        if not pid:
            os.posix_fadvise(gd, 0, 0, os.POSIX_FADV_RANDOM); os.pread(gd, 300000, k << 20); os._exit(0)
        readers.append(pid)
    writer = os.fork()
    if not writer:
        os.fsync(fd); os._exit(0)
    time.sleep(2)
    waits = [os.waitpid(pid, os.WNOHANG) for pid in readers + [writer]]
    for pid in readers: os.kill(pid, signal.SIGKILL)
finally:
    os.write(say, b"x"); same(os.waitpid(starter, 0)[1], 0)
same(waits, [(0, 0)] * 4)
for pid in readers: os.waitpid(pid, 0)
same(os.waitpid(writer, 0)[1], 0)
assert os.pread(gd, 3 << 20, 0) == want
os.close(fd); os.close(gd); again(); assert read(f) == want and read(g) == want; quiet(since)
'

check "unmount" umount $d
# The client remembers what it was allowed and refused: it mounts anew.
squash()
{
	umount /srv/below && umount /srv/lower && exportfs -ua &&
	exportfs -o "rw,$1,no_subtree_check,sync,fsid=0" 127.0.0.1:/run/ward-vm/export && exportfs -f &&
	mount -t nfs4 -o vers=4.2 127.0.0.1:/ /srv/lower && mount --bind /srv/lower /srv/below
}
check "a server that squashes root" squash root_squash
check_fails_with any "and has no vault for it" mount -i -t wardfs $d $d
check "which is said" sh -c 'dmesg | tail -n 5 | grep "squash root"'
check "one that does not" squash no_root_squash
check "mount" mount -i -t wardfs $d $d
check "unlock" "$tv" unlock $d
check "all is there" py 'same(read(d + "/before")[:20000], noise(4, 20000))'
check "unmount again" umount $d
done_testing
