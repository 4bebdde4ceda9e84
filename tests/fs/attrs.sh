#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Attributes: owners, modes, times, links, special files, xattrs, ACLs, statfs.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0 61001 61002
check "alice's directory" py 'os.mkdir(d + "/a"); os.chown(d + "/a", ALICE, ALICE); os.chmod(d, 0o755)'

check "modes and the umask" py '
os.umask(0o027)
for make, want in ((lambda p: os.close(os.open(p, os.O_CREAT | os.O_WRONLY, 0o666)), 0o100640),
                   (lambda p: os.mkdir(p, 0o777), 0o040750), (lambda p: os.mknod(p, stat.S_IFIFO | 0o666), 0o010640)):
    make(d + "/m"); same(os.stat(d + "/m").st_mode, want)
    os.chmod(d + "/m", 0o7531); same(os.stat(d + "/m").st_mode & 0o7777, 0o7531)
    (os.rmdir if os.path.isdir(d + "/m") else os.unlink)(d + "/m")
'
check "owners" py '
touch(d + "/f", b"x")
os.chown(d + "/f", ALICE, CASEWORKERS); st = os.stat(d + "/f"); same((st.st_uid, st.st_gid), (ALICE, CASEWORKERS))
st = os.stat(lower(d + "/f")); same((st.st_uid, st.st_gid), (ALICE, CASEWORKERS))
os.symlink("f", d + "/l"); os.lchown(d + "/l", BOB, BOB)
same(os.lstat(d + "/l").st_uid, BOB); same(os.stat(d + "/l").st_uid, ALICE)
fails("EPERM", as_user, BOB, os.chown, d + "/f", BOB, BOB)
fails("EPERM", as_user, BOB, os.chmod, d + "/f", 0o777)
fails("EPERM", as_user, ALICE, os.chown, d + "/f", BOB, -1)
as_user(ALICE, os.chmod, d + "/f", 0o600)
fails("EACCES", as_user, BOB, read, d + "/f"); same(as_user(ALICE, read, d + "/f"), b"x")
os.unlink(d + "/f"); os.unlink(d + "/l")
'
check "what a user makes belongs to the user, below too" py '
as_user(ALICE, touch, d + "/a/f", b"hers"); as_user(ALICE, os.mkdir, d + "/a/d"); as_user(ALICE, os.symlink, "t", d + "/a/l")
for n in ("f", "d", "l"):
    same(os.lstat(d + "/a/" + n).st_uid, ALICE); same(os.lstat(lower(d + "/a/" + n)).st_uid, ALICE)
as_user(ALICE, touch, d + "/a/d/x")
same(os.lstat(lower(d + "/a/d") + "/.ward-id").st_uid, ALICE)
fails("EACCES", as_user, BOB, touch, d + "/a/g"); fails("EACCES", as_user, BOB, os.unlink, d + "/a/f")
'
check "a sticky directory" py '
os.mkdir(d + "/t"); os.chmod(d + "/t", 0o1777)
long = d + "/t/" + "x" * 250
as_user(ALICE, touch, long, b"hers"); as_user(BOB, touch, d + "/t/bob")
fails("EPERM|EACCES", as_user, BOB, os.unlink, long); fails("EPERM|EACCES", as_user, BOB, os.rename, long, d + "/t/y")
as_user(ALICE, os.unlink, long); as_user(BOB, os.unlink, d + "/t/bob"); os.rmdir(d + "/t")
'
check "set-group-id directories" py '
os.mkdir(d + "/s"); os.chown(d + "/s", 0, CASEWORKERS); os.chmod(d + "/s", 0o2777)
as_user(ALICE, touch, d + "/s/f"); as_user(ALICE, os.mkdir, d + "/s/d")
same(os.stat(d + "/s/f").st_gid, CASEWORKERS); same(os.stat(d + "/s/d").st_gid, CASEWORKERS)
assert os.stat(d + "/s/d").st_mode & stat.S_ISGID
'

check "what speaks of where bytes lie is refused, and changes nothing: reflinks, FIEMAP, FIBMAP, swap, other ioctls" py '
FICLONE, FICLONERANGE, FIDEDUPERANGE, FIEMAP, FIBMAP = 0x40049409, 0x4020940d, 0xc0189436, 0xc020660b, 1
f, g = d + "/refused", d + "/other"
touch(f, noise(1, 40000)); touch(g, noise(1, 40000)); os.sync()
a, b = os.open(f, os.O_RDWR), os.open(g, os.O_RDWR)
for n in (a, os.open(lower(f), os.O_RDONLY)):
    fails("EOPNOTSUPP|EXDEV", fcntl.ioctl, b, FICLONE, n)
    fails("EOPNOTSUPP|EXDEV", fcntl.ioctl, b, FICLONERANGE, struct.pack("qQQQ", n, 0, 4096, 0))
same(fails("EOPNOTSUPP", fcntl.ioctl, b, FICLONE, a), "EOPNOTSUPP")
same_data = bytearray(struct.pack("QQHHI", 0, 4096, 1, 0, 0) + struct.pack("qQQiI", b, 0, 0, 0, 0))
try:
    fcntl.ioctl(a, FIDEDUPERANGE, same_data); same(struct.unpack_from("i", same_data, 48)[0], -errno.EINVAL)
except OSError as e: same(e.errno, errno.EOPNOTSUPP)
fails("EOPNOTSUPP", fcntl.ioctl, a, FIEMAP, bytearray(struct.pack("QQIIII", 0, 40000, 0, 0, 10, 0) + bytes(560)))
fails("EINVAL|ENOTTY", fcntl.ioctl, a, FIBMAP, bytearray(4))
for request in 0xc0185879, 0x5879, 0x4008587d, 0x12345678: fails("ENOTTY", fcntl.ioctl, a, request, bytearray(64))   # FITRIM ...
swap = d + "/swap"; touch(swap); os.chmod(swap, 0o600); fd = os.open(swap, os.O_RDWR)
os.write(fd, bytes(1 << 16)); os.pwrite(fd, struct.pack("III", 1, 15, 0), 1024); os.pwrite(fd, b"SWAPSPACE2", 4086); os.fsync(fd); os.close(fd)
def swapon():
    if libc.swapon(swap.encode(), 0): raise OSError(ctypes.get_errno(), "swapon")
fails("EINVAL", swapon)
same(read(f), noise(1, 40000)); same(read(g), noise(1, 40000))
os.close(a); os.close(b); os.unlink(f); os.unlink(g); os.unlink(swap)
'

if [ "$WARD_LOWER" = nfs ]; then skip "who has confined itself by Landlock" "NFS has no nameless files"; else
check "who has confined itself by Landlock works in a vault, but for nameless files" py '
def confined(top):
    every = (1 << 13) - 1       # Documentation/userspace-api/landlock.rst, version 1
    rules = syscall(444, ctypes.create_string_buffer(struct.pack("Q", every)), 8, 0)
    beneath = struct.pack("<Qi", every, os.open(top, os.O_PATH))
    syscall(445, rules, 1, ctypes.create_string_buffer(beneath, 12), 0)
    libc.prctl(38, 1, 0, 0, 0); syscall(446, rules, 0)
    touch(top + "/1", b"x"); os.rename(top + "/1", top + "/2"); os.mkdir(top + "/3"); os.rmdir(top + "/3")
    same(read(top + "/2"), b"x"); os.unlink(top + "/2")
    if top == d: fails("EACCES", os.open, top, os.O_TMPFILE | os.O_RDWR)
    else: os.open(top, os.O_TMPFILE | os.O_RDWR)
    fails("EACCES", os.open, "/etc/passwd", os.O_RDONLY)
os.makedirs("/srv/lower/plain", exist_ok=True)
for top in "/srv/lower/plain", d: as_user(None, confined, top)
'
fi

check "times, to the nanosecond, are not disturbed by writing out later" py '
f = d + "/f"
want = (1234567890123456789, 987654321987654321)
fd = os.open(f, os.O_CREAT | os.O_RDWR)
os.write(fd, noise(1, 300000))
os.utime(fd, ns=want)
def told(): st = os.stat(f); return st.st_atime_ns, st.st_mtime_ns
same(told(), want)
os.fsync(fd); same(told(), want)
os.close(fd); same(told(), want)
os.sync(); same(told(), want)
st = os.stat(lower(f)); same(st.st_mtime_ns, want[1])
again(); same(told(), want)
os.utime(d, ns=want); st = os.stat(d); same((st.st_atime_ns, st.st_mtime_ns), want)
os.symlink("x", d + "/tl"); os.utime(d + "/tl", ns=want, follow_symlinks=False)
same(os.lstat(d + "/tl").st_mtime_ns, want[1]); os.unlink(d + "/tl")
'
if [ "$WARD_LOWER" = tmpfs ] || [ "$WARD_LOWER" = nfs ]; then
	skip "times are on the disk: the file system below is mounted anew" "it is not on this machine's disk"
else
check "times are on the disk: the file system below is mounted anew" py '
f, g = d + "/stays", d + "/synced"
for p in f, g: touch(p, noise(7, 20000)); os.utime(p, ns=(OLD := 10**18 + 5, OLD + 1))
again()
fd = os.open(f, os.O_RDWR); os.pwrite(fd, b"x", 9000); os.close(fd)
fd = os.open(g, os.O_RDWR); os.pwrite(fd, b"x", 9000); os.fsync(fd); os.close(fd)
def times(): return [(st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns) for st in (os.stat(f), os.stat(g))]
was = times(); assert all(m > OLD + 1 for _, m, _ in was), was
umount(); run("umount", "/srv/below"); run("umount", "/srv/lower")
run("mount", os.environ["WARD_DISK1"], "/srv/lower"); run("mount", "--bind", "/srv/lower", "/srv/below"); mount(); unlock()
same(times() if LOWER != "btrfs" else [t[:2] for t in times()], was if LOWER != "btrfs" else [t[:2] for t in was])
os.unlink(f); os.unlink(g)
'
fi

check "times move when they should, and only then" py '
f = d + "/f"
def told(): st = os.stat(f); return st.st_mtime_ns, st.st_ctime_ns
a = told(); time.sleep(0.02)
fd = os.open(f, os.O_RDWR); os.pread(fd, 10, 0); same(told(), a)
os.pwrite(fd, b"x", 5); b = told(); assert b[0] > a[0] and b[1] > a[1], (a, b)
os.close(fd); same(told()[0], b[0]); assert told()[1] >= b[1], (told(), b)
time.sleep(0.02); drop_caches(); same(told()[0], b[0])
os.chmod(f, 0o600); c = told(); same(c[0], b[0]); assert c[1] > b[1]
time.sleep(0.02); os.truncate(f, 100); e = told(); assert e[0] > c[0], (c, e)
time.sleep(0.02); os.close(os.open(f, os.O_TRUNC | os.O_WRONLY)); g = told(); assert g[0] > e[0]
time.sleep(0.02); os.rename(f, d + "/f2"); os.rename(d + "/f2", f); assert told()[0] == g[0]
dir0 = os.stat(d).st_mtime_ns; time.sleep(0.02); touch(d + "/new"); assert os.stat(d).st_mtime_ns > dir0
os.unlink(d + "/new")
drop_caches(); umount(); mount(); unlock(); same(told()[0], g[0])
'
check "utime: whose, and now" py '
os.chown(d + "/f", ALICE, ALICE); os.chmod(d + "/f", 0o666)
fails("EPERM", as_user, BOB, os.utime, d + "/f", (1, 1))
as_user(BOB, os.utime, d + "/f"); assert abs(os.stat(d + "/f").st_mtime - time.time()) < 60
as_user(ALICE, os.utime, d + "/f", (1, 2)); same(os.stat(d + "/f").st_mtime, 2)
'
check "writing takes set-user-id away, for users" py '
f = d + "/a/prog"
touch(f, b"program"); os.chown(f, BOB, BOB)
def suid(): os.chmod(f, 0o6777); same(os.stat(f).st_mode & 0o7777, 0o6777)
def write(): fd = os.open(f, os.O_WRONLY); os.write(fd, b"P"); os.close(fd)
def trunc(): os.truncate(f, 3)
for change in (write, trunc, lambda: touch(f, b"new")):
    suid(); as_user(ALICE, change); same(os.stat(f).st_mode & 0o7777, 0o777)
    same(os.stat(lower(f)).st_mode & 0o7777, 0o777)
suid(); write(); same(os.stat(f).st_mode & 0o6000, 0o6000)
suid(); as_user(BOB, os.chown, f, -1, BOB); same(os.stat(f).st_mode & 0o6000, 0)
caps = bytes.fromhex("0100000200040000000000000000000000000000")
if LOWER == "nfs":
    fails("EOPNOTSUPP", os.setxattr, f, "security.capability", caps)
else:
    os.setxattr(f, "security.capability", caps)
    as_user(ALICE, write); fails("ENODATA", os.getxattr, f, "security.capability")
os.unlink(f)
'

check "hard links share everything" py '
os.chmod(d + "/a", 0o777)
f, g = d + "/f", d + "/a/g"
touch(f, b"1"); os.link(f, g)
st, su = os.stat(f), os.stat(g); same(st, su); same(st.st_nlink, 2)
fd = os.open(g, os.O_WRONLY | os.O_APPEND); os.write(fd, b"2"); os.close(fd)
same(read(f), b"12")
if LOWER != "tmpfs": os.setxattr(f, "user.x", b"y"); same(os.getxattr(g, "user.x"), b"y")
fails("EPERM", os.link, d + "/a", d + "/b")
os.unlink(f); same(os.stat(g).st_nlink, 1)
fd = os.open(g, os.O_RDWR); os.unlink(g); os.pwrite(fd, b"gone", 0); same(os.pread(fd, 9, 0), b"gone")
same(os.fstat(fd).st_nlink, 0); os.close(fd)
'
check "special files" py '
os.mknod(d + "/fifo", stat.S_IFIFO | 0o600)
pid = os.fork()
if not pid:
    fd = os.open(d + "/fifo", os.O_WRONLY); os.write(fd, b"through"); os._exit(0)
same(read(d + "/fifo"), b"through"); os.waitpid(pid, 0)
os.mknod(d + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
st = os.stat(d + "/null"); assert stat.S_ISCHR(st.st_mode); same(st.st_rdev, os.makedev(1, 3))
os.mknod(d + "/blk", stat.S_IFBLK | 0o600, os.makedev(7, 300)); same(os.stat(d + "/blk").st_rdev, os.makedev(7, 300))
import socket
s = socket.socket(socket.AF_UNIX); s.bind(d + "/sock"); assert stat.S_ISSOCK(os.stat(d + "/sock").st_mode); s.close()
fails("EPERM", as_user, ALICE, os.mknod, d + "/a/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
again()
for n, kind in (("fifo", stat.S_ISFIFO), ("null", stat.S_ISCHR), ("blk", stat.S_ISBLK), ("sock", stat.S_ISSOCK)):
    assert kind(os.stat(d + "/" + n).st_mode); os.unlink(d + "/" + n)
'
check "mknod of a regular file makes one that can be written" py '
f = d + "/reg"
os.mknod(f, stat.S_IFREG | 0o644)
same(os.stat(f).st_size, 0); same(read(f), b"")
fd = os.open(f, os.O_RDWR); os.write(fd, noise(3, 9000)); os.close(fd)
os.mknod(d + "/reg0", stat.S_IFREG | 0o600)
again()
same(read(f), noise(3, 9000)); same(read(d + "/reg0"), b""); os.unlink(f); os.unlink(d + "/reg0")
'
check "files without a name" py '
if LOWER == "nfs": fails("EOPNOTSUPP", os.open, d, os.O_TMPFILE | os.O_RDWR, 0o600); sys.exit()
fd = os.open(d, os.O_TMPFILE | os.O_RDWR, 0o600)
os.write(fd, noise(4, 20000))
link_fd(fd, d + "/named")
os.close(fd)
same(read(d + "/named"), noise(4, 20000)); same(os.stat(d + "/named").st_nlink, 1)
again(); same(read(d + "/named"), noise(4, 20000)); os.unlink(d + "/named")
fd = os.open(d, os.O_TMPFILE | os.O_RDWR, 0o600); os.write(fd, b"x"); os.close(fd)
fd = os.open(d, os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
fails("ENOENT", link_fd, fd, d + "/n2")
'

cat >/tmp/xattrs.py <<'END'
from calls import *
def names(p): return [n for n in os.listxattr(p, follow_symlinks=False) if n != 'system.nfs4_acl']
def all_xattrs(p): return {n: os.getxattr(p, n, follow_symlinks=False) for n in names(p)}
want = {'user.a': b'', 'user.comment': b'secret words', 'user.ward.x': b'1', 'user.' + 'n' * 160: b'long',
        'user.big': noise(5, 2000), 'user.\xfc'.encode().decode(errors='surrogateescape'): b'\0\1\2'}
END
# tmpfs of Linux 6.1 has none.
if [ "$WARD_LOWER" = tmpfs ]; then
check "no user xattrs" py '
touch(d + "/x")
# A directory that was empty so far has no key for them.
os.mkdir(d + "/xd")
for p in (d + "/x", d, d + "/xd"):
    fails("EOPNOTSUPP", os.getxattr, p, "user.a"); fails("EOPNOTSUPP", os.removexattr, p, "user.a")
    fails("EOPNOTSUPP", os.setxattr, p, "user.a", b"1", os.XATTR_REPLACE); fails("EOPNOTSUPP", os.setxattr, p, "user.a", b"1")
    same(os.listxattr(p), []); fails("EOPNOTSUPP", os.getxattr, p, "user." + "n" * 200)
'
else
check "user xattrs" py '
exec(open("/tmp/xattrs.py").read())
touch(d + "/x"); os.mkdir(d + "/xd")
for p in (d + "/x", d + "/xd"):
    for n, v in want.items(): os.setxattr(p, n, v)
    same(all_xattrs(p), want)
    fails("EEXIST", os.setxattr, p, "user.a", b"z", os.XATTR_CREATE)
    os.setxattr(p, "user.a", b"z", os.XATTR_REPLACE); os.setxattr(p, "user.a", b"")
    fails("ENODATA", os.setxattr, p, "user.none", b"z", os.XATTR_REPLACE)
    fails("ENODATA", os.getxattr, p, "user.none"); fails("ENODATA", os.removexattr, p, "user.none")
    fails("ERANGE", os.setxattr, p, "user." + "n" * 161, b"")
    fails("ENODATA", os.getxattr, p, "user." + "n" * 161)
    fails("E2BIG|ENOSPC|ERANGE", os.setxattr, p, "user.huge", b"x" * 65536)
    buf = ctypes.create_string_buffer(5)
    assert libc.getxattr(p.encode(), b"user.comment", buf, 5) < 0 and ctypes.get_errno() == errno.ERANGE
    same(libc.getxattr(p.encode(), b"user.comment", None, 0), 12)
    assert libc.listxattr(p.encode(), buf, 5) < 0 and ctypes.get_errno() == errno.ERANGE
os.symlink("x", d + "/xl"); fails("EPERM", os.setxattr, d + "/xl", "user.a", b"", follow_symlinks=False)
'
check "xattrs after mounting again, and below" py '
exec(open("/tmp/xattrs.py").read())
again()
for p in (d + "/x", d + "/xd"):
    same(all_xattrs(p), want)
    low = all_xattrs(lower(p))
    same(len(low), len(want))
    for n, v in low.items():
        assert n.startswith("user.ward.") and b"secret" not in v and "comment" not in n, n
assert {*all_xattrs(lower(d + "/x"))}.isdisjoint(all_xattrs(lower(d + "/xd")))
'
check "xattrs that were changed below" py '
exec(open("/tmp/xattrs.py").read())
p = d + "/x"; low = lower(p)
n = mark()
os.setxattr(low, "user.plain", b"1"); same(all_xattrs(p), want)
fails("ENODATA", os.getxattr, p, "user.plain")
sealed = all_xattrs(low)
# Not the big one: the file system below may not have room for two of those.
one, two = sorted(k for k in sealed if k.startswith("user.ward.") and len(sealed[k]) < 1000)[:2]
os.setxattr(low, one, sealed[one][:-1] + bytes([sealed[one][-1] ^ 1]))
os.setxattr(low, "user.ward.AAAA", b"x" * 20)
bad = 0
same(set(names(p)), set(want))
for k in want:
    try: same(os.getxattr(p, k), want[k])
    except OSError as e: same(e.errno, errno.EIO); bad += 1
same(bad, 1)
same(reported(n, kind="tamper", detail="an xattr\x27s name does not authenticate")["path"], "/x")
same(reported(n, kind="tamper", detail="an xattr\x27s value does not authenticate")["path"], "/x")
os.setxattr(low, one, sealed[two]); os.removexattr(low, "user.ward.AAAA")
bad = 0
for k in want:
    try: same(os.getxattr(p, k), want[k])
    except OSError as e: same(e.errno, errno.EIO); bad += 1
same(bad, 1)
for k in want: os.removexattr(p, k)
same(names(p), [])
os.rmdir(d + "/xd")
'
fi
check "other namespaces pass through" py '
p = d + "/x"
if LOWER == "nfs":
    for n in ("trusted.t", "security.ward-test"): fails("EOPNOTSUPP", os.setxattr, p, n, b"1")
    same(os.getxattr(p, "system.nfs4_acl"), os.getxattr(lower(p), "system.nfs4_acl")); sys.exit()
os.setxattr(p, "trusted.t", b"1"); os.setxattr(p, "security.ward-test", b"2")
low = lower(p)
same(os.getxattr(low, "trusted.t"), b"1"); same(os.getxattr(low, "security.ward-test"), b"2")
same({"trusted.t", "security.ward-test"} - set(os.listxattr(p)), set())
os.chown(p, ALICE, ALICE); os.chmod(p, 0o666)
fails("EPERM", as_user, ALICE, os.setxattr, p, "trusted.u", b"1"); fails("ENODATA|EPERM", as_user, ALICE, os.getxattr, p, "trusted.t")
same("trusted.t" in as_user(ALICE, os.listxattr, p), LOWER == "btrfs")      # which tells them to everybody
fails("EOPNOTSUPP", os.setxattr, p, "system.nonsense", b"1"); fails("EOPNOTSUPP", os.setxattr, p, "nonsense", b"1")
os.removexattr(p, "trusted.t"); fails("ENODATA", os.getxattr, low, "trusted.t")
denied = "EOPNOTSUPP|EACCES" if LOWER == "tmpfs" else "EACCES"
os.chmod(p, 0o600); fails(denied, as_user, BOB, os.setxattr, p, "user.b", b"1"); fails(denied, as_user, BOB, os.getxattr, p, "user.b")
'

if [ "$WARD_LOWER" = nfs ]; then
check "POSIX ACLs are refused, and the umask is applied" py '
touch(d + "/acl"); fails("EOPNOTSUPP", os.setxattr, d + "/acl", "system.posix_acl_access", struct.pack("<I", 2))
fails("EOPNOTSUPP|ENODATA", os.getxattr, d + "/acl", "system.posix_acl_access")
os.umask(0o077); touch(d + "/g"); same(os.stat(d + "/g").st_mode & 0o777, 0o600)
'
else
check "an ACL lets in whom it names" sh -c "cd $d && touch acl && chmod 600 acl && setfacl -m u:bob:rw acl &&
	getfacl -n acl | grep -q user:61002:rw- && [ \$(stat -c %a acl) = 660 ]"
check "and asks nobody else in" py '
f = d + "/acl"
as_user(BOB, touch, f, b"by bob"); fails("EACCES", as_user, ALICE, read, f); same(as_user(BOB, read, f), b"by bob")
os.chmod(f, 0o600); fails("EACCES", as_user, BOB, read, f)
os.chmod(f, 0o660); same(as_user(BOB, read, f), b"by bob")
fails("EPERM", as_user, BOB, os.setxattr, f, "system.posix_acl_access", os.getxattr(f, "system.posix_acl_access"))
again(); same(as_user(BOB, read, f), b"by bob"); fails("EACCES", as_user, ALICE, read, f)
'
check "removing it" sh -c "cd $d && setfacl -b acl && chmod 600 acl && ! getfacl -n acl | grep user:6"
check "default ACLs are inherited, and the umask is not applied then" sh -c "cd $d && mkdir -m 777 da &&
	setfacl -d -m u::rwx,g::rx,o::-,u:alice:rwx,m::rwx da && umask 077 && touch da/f && mkdir da/d &&
	getfacl -n da/f | grep -q user:61001:rwx && [ \$(stat -c %a da/f) = 660 ] &&
	getfacl -n da/d | grep -q default:user:61001:rwx && setfacl -k da && touch da/g && [ \$(stat -c %a da/g) = 600 ]"
check "default ACLs are for directories" sh -c "! setfacl -d -m u:alice:r $d/acl"
check "access() with ACLs" py '
os.chmod(d + "/da", 0o755)
assert as_user(ALICE, os.access, d + "/da/f", os.R_OK) and not as_user(BOB, os.access, d + "/da/f", os.R_OK)
'
fi

check "statfs" py '
def told(path): s = os.statvfs(path); return s.f_bsize, s.f_frsize, s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree, s.f_favail, s.f_namemax
touch(d + "/i", noise(6, 3 << 20)); os.sync()
# The lower file system may be freeing something meanwhile.
for _ in range(200):
    want, got, after = told("/srv/below"), told(d), told("/srv/below")
    if want == after: break
    time.sleep(0.1)
same(got, want); same(got[-1], 255); assert 0 < got[4] <= got[3] < got[2], got
assert LOWER == "btrfs" or 0 < got[6] < got[5], got
same(run("stat", "-f", "-c", "%t", d).strip(), "57415244")
'
check "devices and inode numbers" py '
assert os.stat(d).st_dev != os.stat("/srv/below").st_dev
touch(d + "/i"); same(os.stat(d + "/i").st_ino, os.stat(lower(d + "/i")).st_ino)
same(os.stat(d + "/i").st_dev, os.stat(d).st_dev)
'
check "allocated space is told" py '
touch(d + "/i", noise(6, 100000)); os.sync()
assert 100000 <= os.stat(d + "/i").st_blocks * 512 <= 120000, os.stat(d + "/i").st_blocks
'
if [ "$WARD_LOWER" = nfs ]; then
check_fails_with any "chattr is refused" chattr +i $d/i
else
check "immutable and append-only" py '
f = d + "/i"
def flag(what): run("chattr", what, f)
flag("+i"); fails("EPERM", os.open, f, os.O_WRONLY); fails("EPERM", os.unlink, f); fails("EPERM", os.chmod, f, 0)
same(read(f), noise(6, 100000)); assert "i" in run("lsattr", f).split()[0]
lock(); unlock(); same(read(f), noise(6, 100000)); flag("-i")
flag("+a"); fails("EPERM", os.open, f, os.O_WRONLY); fails("EPERM", os.truncate, f, 0)
same(read(f), noise(6, 100000)); lock(); unlock(); flag("-a")
fd = os.open(f, os.O_WRONLY | os.O_APPEND); os.write(fd, b"end"); os.close(fd); same(read(f), noise(6, 100000) + b"end")
os.mkdir(d + "/nd"); run("chattr", "+d", d + "/nd"); assert "d" in run("lsattr", "-d", d + "/nd").split()[0]
'
check "flags that change how the lower file system stores a file are refused either way" py '
f = d + "/x"
fd = os.open(f, os.O_RDONLY)
def fsx(change):
    raw = bytearray(fcntl.ioctl(fd, 0x801c581f, bytes(28)))         # FS_IOC_FSGETXATTR
    raw[:4] = struct.pack("I", struct.unpack("I", raw[:4])[0] ^ change)
    fcntl.ioctl(fd, 0x401c5820, bytes(raw))                         # FS_IOC_FSSETXATTR
NODUMP, NODEFRAG, FILESTREAM, DAX = 0x80, 0x2000, 0x4000, 0x8000
fsx(NODUMP); assert "d" in run("lsattr", f).split()[0]; fsx(NODUMP); assert "d" not in run("lsattr", f).split()[0]
for flag in (NODEFRAG, FILESTREAM, DAX): fails("EOPNOTSUPP", fsx, flag)
'
fi
check "writing out, and what is hidden below, move no times" py '
f = d + "/written-out"
# btrfs and tmpfs move ctime with what is written below, whoever asks them not to.
def told(): st = os.stat(f); return st.st_mtime_ns, st.st_ctime_ns if LOWER not in ("btrfs", "tmpfs") else 0
# Shorter and longer, by writing and without
for size, change in ((9000, lambda: os.write(fd, b"x" * 9000)), (100000, lambda: os.ftruncate(fd, 100000)), (5000, lambda: os.ftruncate(fd, 5000)),
                     (6000, lambda: os.pwrite(fd, b"y", 5999)), (0, lambda: os.ftruncate(fd, 0)), (9000, lambda: os.pwrite(fd, b"x" * 9000, 0))):
    fd = os.open(f, os.O_RDWR | os.O_CREAT, 0o644); tick(); change(); was = told(); time.sleep(0.05)
    os.fsync(fd); same(told(), was); os.close(fd); same(told(), was); drop_caches(); same(told(), was); same(os.stat(f).st_size, size)
top = d + "/untouched"
os.mkdir(top); was = os.stat(top).st_mtime_ns; time.sleep(0.05)
if os.environ["WARD_LOWER"] != "tmpfs":
    os.setxattr(top, "user.x", b"1"); same(os.stat(top).st_mtime_ns, was)
touch(top + "/f"); was = os.stat(top).st_atime_ns; time.sleep(0.05)
fails("ENOTEMPTY", os.rmdir, top); same(os.stat(top).st_atime_ns, was)
fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME); getdents(fd); os.close(fd)
same(os.stat(top).st_atime_ns, was)
if os.environ["WARD_LOWER"] != "nfs": os.listdir(top); assert os.stat(top).st_atime_ns > was
was = told(); again(); same(told(), was)
'
check "unmount" umount $d
done_testing
