#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Locking: open files and mappings answer ENOKEY and work again after unlocking; nothing that was written is lost; what
# "lock now" throws away is told; keys that are revoked or expire lock.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
check "open files, directories and mappings over lock and unlock" py '
xattr = "user.a" if LOWER != "tmpfs" else "trusted.a"
os.makedirs(d + "/sub/" + "x" * 200); touch(d + "/f", noise(1, 50000)); os.symlink("f", d + "/l"); os.setxattr(d + "/f", xattr, b"1")
fd = os.open(d + "/f", os.O_RDWR); m = mmap.mmap(fd, 50000); dfd = os.open(d + "/sub", os.O_RDONLY)
tmp = os.open(d + "/named", os.O_CREAT | os.O_RDWR) if LOWER == "nfs" else os.open(d, os.O_TMPFILE | os.O_RDWR); os.write(tmp, b"no name")
gone = os.open(d + "/gone", os.O_CREAT | os.O_RDWR); os.write(gone, b"unlinked"); os.unlink(d + "/gone")
m[100:105] = b"DIRTY"; os.pwrite(fd, b"dirty", 30000)
since = mark()
lock()
for fn in (lambda: os.pread(fd, 5, 0), lambda: os.pwrite(fd, b"x", 0), lambda: os.listdir(dfd), lambda: os.fstat(fd),
           lambda: os.ftruncate(fd, 1), lambda: os.fchmod(fd, 0), lambda: mmap.mmap(fd, 100), lambda: os.listdir(d),
           lambda: os.stat(d + "/f"), lambda: os.open(d + "/f", os.O_RDONLY), lambda: os.open("x" * 200, os.O_RDONLY, dir_fd=dfd),
           lambda: os.mkdir(d + "/new"), lambda: os.unlink(d + "/f"), lambda: os.rename(d + "/f", d + "/g"),
           lambda: os.readlink(d + "/l"), lambda: os.getxattr(d + "/f", xattr), lambda: os.getxattr(fd, xattr),
           lambda: os.setxattr(fd, xattr, b"2"), lambda: os.listxattr(fd), lambda: os.pread(tmp, 5, 0), lambda: os.pread(gone, 5, 0),
           lambda: os.sendfile(os.open("/tmp/sf", os.O_CREAT | os.O_WRONLY), fd, 0, 10), lambda: access(d + "/f", os.R_OK)):
    fails("ENOKEY|EACCES", fn)
same(child_signal(lambda: m[100]), signal.SIGBUS)
def dirty(): m[100:101] = b"x"
same(child_signal(dirty), signal.SIGBUS)
e = reported(since, kind="violation", action="read"); same((e["reason"], e["errno"], e["uid"]), ("locked", errno.ENOKEY, 0))
reported(since, kind="violation", action="mmap"); reported(since, kind="violation", action="list"); reported(since, kind="key", action="lock")
same(stat.S_ISDIR(os.stat(d).st_mode), True); os.statvfs(d)
unlock()
same(m[100:105], b"DIRTY"); same(os.pread(fd, 5, 30000), b"dirty"); same(os.pread(fd, 5, 0), noise(1, 50000)[:5])
m[200:205] = b"again"; same(os.pread(fd, 5, 200), b"again"); same(os.listdir(dfd), ["x" * 200])
same(os.pread(tmp, 9, 0), b"no name"); same(os.pread(gone, 9, 0), b"unlinked"); os.pwrite(gone, b"U", 0)
LOWER == "nfs" or link_fd(tmp, d + "/named"); same(read(d + "/named"), b"no name")
same(os.getxattr(fd, xattr), b"1"); same(os.readlink(d + "/l"), "f")
reported(since, kind="key", action="unlock")
'
check "errors are ENOKEY where a program can see them" py '
fd = os.open(d + "/f", os.O_RDWR); dfd = os.open(d, os.O_RDONLY)
lock()
for fn in (lambda: os.pread(fd, 5, 0), lambda: os.pwrite(fd, b"x", 0), lambda: os.listdir(dfd), lambda: os.listdir(d),
           lambda: os.stat(d + "/f"), lambda: os.open(d + "/f", os.O_RDONLY), lambda: touch(d + "/n"), lambda: os.unlink(d + "/f"),
           lambda: os.fstat(fd), lambda: os.readlink(d + "/l"), lambda: mmap.mmap(fd, 100), lambda: os.chmod(d, 0o700)):
    fails("ENOKEY", fn)
unlock()
'
check "files made just before, and never closed" py '
fds = [os.open(d + "/k%d" % k, os.O_CREAT | os.O_RDWR) for k in range(20)]
for k, fd in enumerate(fds):
    if k % 2: os.write(fd, noise(k, 9000))
lock(); unlock()
for k, fd in enumerate(fds): same(os.pread(fd, 10000, 0), noise(k, 9000) if k % 2 else b"")
for fd in fds: os.write(fd, b"+"); os.close(fd)
again()
for k in range(20): same(read(d + "/k%d" % k), (noise(k, 9000) if k % 2 else b"") + b"+")
'
check "writers, readers and listers while the vault is locked and unlocked" py '
stop = time.time() + 8
def worker(w):
    f = d + "/w%d" % w
    want = {}
    k = 0
    while time.time() < stop:
        k += 1
        at, data = k * 3001 % 100000, bytes([k % 256]) * 3000
        while True:
            try:
                fd = os.open(f, os.O_CREAT | os.O_RDWR)
                try:
                    while os.pwrite(fd, data, at) != len(data): pass
                    got = os.pread(fd, len(data), at)
                    if got != data: raise AssertionError("read %r..., wanted %r..." % (got[:5], data[:5]))
                finally: os.close(fd)
                break
            except OSError as e:
                if e.errno != errno.ENOKEY: raise
                time.sleep(0.05)
        want[at] = data
        if k % 20 == 0:
            try: os.listdir(d); os.stat(f)
            except OSError as e: assert e.errno == errno.ENOKEY, e
    while True:
        try: raw = read(f); break
        except OSError: time.sleep(0.05)
    last = {}
    for at, data in want.items():
        for b in range(at, at + len(data)): last[b] = data[0]
    bad = [b for b, v in last.items() if raw[b] != v]
    assert not bad, "worker %d: %d bytes are lost, first %d" % (w, len(bad), bad[0])
pids = []
for w in range(3):
    pid = os.fork()
    if not pid:
        try: worker(w); os._exit(0)
        except BaseException as e: print(repr(e), flush=True); os._exit(1)
    pids.append(pid)
locks = 0
while time.time() < stop - 1 or locks < 4:
    time.sleep(0.3); lock(); locks += 1; same(state()["vault_state"], 0); unlock()
assert all(os.waitpid(p, 0)[1] == 0 for p in pids)
'
name="extended attributes of a directory that is removed and open"
case $WARD_LOWER in
tmpfs|nfs) skip "$name" "this lower file system has none, or none for who has such a directory open" ;;
*) check "$name" py '
def told(where): return os.getxattr(where, "user.note"), sorted(os.listxattr(where))
for at in os.path.dirname(d), d:
    os.mkdir(at + "/removed"); os.setxattr(at + "/removed", "user.note", b"kept"); fd = os.open(at + "/removed", os.O_RDONLY | os.O_DIRECTORY)
    os.rmdir(at + "/removed"); same(told(fd), (b"kept", ["user.note"]))
    if at != d: os.close(fd)
lock(); fails("ENOKEY", told, fd); unlock(); same(told(fd), (b"kept", ["user.note"]))
' ;;
esac
check "lock now: what is lost is told, the rest is there, and the vault asks to be checked" py '
touch(d + "/kept", noise(1, 100000)); os.sync()
fd = os.open(d + "/kept", os.O_RDWR); os.pwrite(fd, b"L" * 50000, 1000)
new = os.open(d + "/never", os.O_CREAT | os.O_RDWR); os.write(new, b"x" * 9000)
got = netlink().ask("LOCK", testvault.uuid_of(d), LOCK_NOW=b"")
assert got["vault_lost"] >= 50000, got
unlock()
assert state()["vault_flags"] & 2
raw = os.pread(fd, 200000, 0); same(len(raw), 100000)
assert all(raw[k] in (noise(1, 100000)[k], 76) for k in range(0, 100000, 50))
assert os.pread(new, 10000, 0) in (b"", b"x" * 9000)
os.pwrite(new, b"now", 0); os.close(new); os.close(fd); again()
same(read(d + "/never")[:3], b"now"); same(len(read(d + "/kept")), 100000)
netlink().ask("CHECKED", testvault.uuid_of(d), CHECK_SEQ=struct.pack("Q", state()["vault_epoch"]))
again(); assert not state()["vault_flags"] & 2
'
check "lock now with nothing to lose is a clean end" py '
os.sync(); same(netlink().ask("LOCK", testvault.uuid_of(d), LOCK_NOW=b"").get("vault_lost", 0), 0)
unlock(); assert not state()["vault_flags"] & 2
'
check "locking twice, unlocking twice" py '
lock(); lock(); unlock()
try: unlock(); assert False
except testvault.Refused as e: same(e.errno, errno.EALREADY)
'
serial()
{
	keyctl search @u ward "ward:$(sed -n "s|.*uuid=\([-0-9a-f]*\).*|\1|p" /proc/self/mounts)"
}
locked_within()
{
	for _ in $(seq "$1"); do
		[ "$("$tv" state $d)" != locked ] || return 0
		sleep 1
	done
	return 1
}
# The module looks at the key every 30 s anyway, from when it was unlocked.
check "lock" "$tv" lock $d
check "unlock" "$tv" unlock $d
check "a key that is revoked locks" keyctl revoke "$(serial)"
check "at once" locked_within 20
check_errno ENOKEY "so that nothing can be read" ls $d
check "unlock" "$tv" unlock $d
check "a key that expires locks" keyctl timeout "$(serial)" 2
check "when it does" locked_within 45
check "unlock" "$tv" unlock $d
check "a key of another kind, of another vault, no key" py '
lock()
def refused(serial, *codes):
    try: netlink().ask("UNLOCK", testvault.uuid_of(d), KEY_SERIAL=struct.pack("i", serial))
    except testvault.Refused as e: assert e.errno in [getattr(errno, c) for c in codes], e; return
    assert False, "unlocks"
def add(kind, name, payload):
    serial = libc.syscall(248, kind, name, payload, len(payload), -4)
    assert serial > 0, os.strerror(ctypes.get_errno())
    return serial
name = b"ward:" + subprocess.check_output(["sed", "-n", "s/.*uuid=\\([-0-9a-f]*\\).*/\\1/p", "/proc/self/mounts"]).strip()
good = struct.pack("<II", 1, 1) + testvault.KEY
refused(0x7ffffff0, "ENOKEY"); refused(add(b"user", name, good), "EINVAL")
refused(add(b"ward", b"ward:00000000-0000-4000-8000-000000000000", good), "EINVAL")
refused(add(b"ward", name, struct.pack("<II", 1, 1) + bytes(32)), "EKEYREJECTED")
refused(add(b"ward", name, struct.pack("<II", 1, 2) + testvault.KEY), "EKEYREJECTED")
for bad in (b"", good[:-1], good + b"x", b"\0" + good[1:], b"\2" + good[1:]):
    assert libc.syscall(248, b"ward", name, bad, len(bad), -4) < 0
for bad in (b"ward:", b"word:" + name[5:], name + b"0", b"ward:zz"):
    assert libc.syscall(248, b"ward", bad, good, len(good), -4) < 0
unlock()
serial = int(subprocess.check_output(["sh", "-c", "awk \x27$8 == \"ward\" {print $1; exit}\x27 /proc/keys"]), 16)
assert libc.syscall(250, 11, serial, ctypes.create_string_buffer(64), 64, 0) < 0
'
check "umount writes out what is dirty" py '
fd = os.open(d + "/last", os.O_CREAT | os.O_RDWR); os.write(fd, noise(7, 300000)); fails("EBUSY", os.rmdir, d)
os.close(fd); umount(); mount()
fails("ENOKEY", read, d + "/last"); unlock(); same(read(d + "/last"), noise(7, 300000)); assert not state()["vault_flags"] & 2
'
check "a lazy umount keeps open files going until they are closed" py '
fd = os.open(d + "/last", os.O_RDWR); run("umount", "-l", d)
os.pwrite(fd, b"late", 0); same(os.pread(fd, 4, 0), b"late")
try: mount(); assert False, "mounted twice"
except AssertionError as e: assert "mount" in str(e) and "twice" not in str(e), e
os.close(fd)
for _ in range(100):
    try: mount(); break
    except AssertionError: time.sleep(0.1)
unlock(); same(read(d + "/last")[:4], b"late"); assert not state()["vault_flags"] & 2
'
check "read-only: nothing is written, all can be read" py '
umount(); before = read(ward + "/epoch")
run("mount", "-i", "-t", "wardfs", "-o", "ro", d, d); unlock()
same(read(d + "/last")[:4], b"late"); assert os.listdir(d)
for fn in (lambda: touch(d + "/new"), lambda: os.unlink(d + "/last"), lambda: os.open(d + "/last", os.O_RDWR), lambda: os.chmod(d + "/last", 0)):
    fails("EROFS", fn)
umount(); same(read(ward + "/epoch"), before)
mount(); unlock(); run("mount", "-i", "-o", "remount,ro", d); fails("EROFS", touch, d + "/new"); run("mount", "-i", "-o", "remount,rw", d)
touch(d + "/new"); assert not state()["vault_flags"] & 2
'
check "unmount" umount $d
done_testing
