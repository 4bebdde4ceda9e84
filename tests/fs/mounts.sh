#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# What is done to the mount: remounting, bind mounts, moving, namespaces, freezing; idmapped mounts are refused.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0 61001
py 'touch(d + "/f", noise(1, 50000)); os.mkdir(d + "/sub"); touch(d + "/sub/g", b"g")'

# What is done to the vault's mount is done to one of the lower file system, too: of another one, on the second disk. Of
# NFS there is no other one here; a bind mount of a directory stands in for it.
beside=/srv/beside
beside()
{
	mkdir -p $beside
	if [ "$WARD_LOWER" = nfs ]; then
		mkdir -p /srv/below/plain && mount --bind /srv/below/plain $beside
	else
		(WARD_DISK1=$WARD_DISK2 && mklower $beside)
	fi && py "touch('$beside/f', noise(1, 50000)); os.mkdir('$beside/sub'); touch('$beside/sub/g', b'g')"
}
cat >/tmp/mounts.py <<'END'
import sidebyside
from meta import codes
from sidebyside import *
beside = sidebyside.plain = "/srv/beside"
def refused(why, *args):
    got = subprocess.run(args, capture_output=True, text=True)
    assert got.returncode and why in got.stderr.lower(), got
def remounting(top, how): return "mount", "-o", "remount," + ("bind," if LOWER == "nfs" and top == beside else "") + how, top
END
check "a file system of the same kind beside it" beside

check "read-only: not while somebody writes, or has what was removed; then nothing changes" py '
exec(open("/tmp/mounts.py").read())
def one(top):
    f = top + "/f"; fd = os.open(f, os.O_RDWR); os.pwrite(fd, b"dirty", 0)
    refused("busy", *remounting(top, "ro"))
    os.close(fd); os.close(os.open(f, os.O_RDONLY))
    with open(f, "r+b") as h: h.write(b"DIRTY")
    if LOWER != "nfs":
        touch(top + "/gone"); fd = os.open(top + "/gone", os.O_RDONLY); os.unlink(top + "/gone"); refused("busy", *remounting(top, "ro")); os.close(fd)
    run(*remounting(top, "ro"))
    same(read(f), b"DIRTY" + noise(1, 50000)[5:])
    out = codes(*[("EROFS", fn, *args) for fn, *args in ((touch, top + "/new"), (os.unlink, f), (os.mkdir, top + "/x"), (os.chmod, f, 0o600), (os.open, f, os.O_RDWR),
        (os.truncate, f, 0), (os.rename, f, top + "/h"), (os.link, f, top + "/h"), (os.utime, f), (os.setxattr, f, "user.a", b""), (os.symlink, "x", top + "/h"),
        (os.mkfifo, top + "/h"), (os.chown, f, 1, 1), (access, f, os.W_OK), (os.rmdir, top + "/sub"))])
    out += codes((access, f, os.R_OK), ("EEXIST", os.mkdir, top + "/sub"), ("EEXIST", os.open, f, os.O_CREAT | os.O_EXCL), ("ENOENT", os.open, top + "/none", os.O_RDWR))
    at = os.stat(f).st_atime_ns; tick(); opened(f, os.O_RDONLY, os.read, 10); drop_caches(); same(os.stat(f).st_atime_ns, at)
    run(*remounting(top, "rw")); touch(top + "/new", b"new"); same(read(top + "/new"), b"new"); os.unlink(top + "/new")
    return out, sorted(n for n in os.listdir(top) if n != "lost+found")
both(one)
'
check "read-only: nothing is written below, and it can be locked and unlocked" py '
run("mount", "-o", "remount,ro", d); at = os.stat(lower(d + "/f")).st_atime_ns; read(d + "/f"); drop_caches(); same(os.stat(lower(d + "/f")).st_atime_ns, at)
lock(); unlock(); same(read(d + "/f")[:5], b"DIRTY")
umount(); mount(); unlock(); same(read(d + "/f")[:5], b"DIRTY"); touch(d + "/new"); os.unlink(d + "/new")
'
check "noatime, nodiratime, strictatime of the mount count" py '
exec(open("/tmp/mounts.py").read())
def one(top):
    def moves(p, fn):
        os.utime(p, ns=(1, os.stat(p).st_mtime_ns)); fn(p); return os.stat(p).st_atime_ns != 1
    out = []
    for options in ("noatime", "nodiratime,relatime", "strictatime,diratime", "relatime"):
        run("mount", "--options-mode", "ignore", "-o", "remount,bind," + options, top)
        out.append((moves(top + "/f", read), moves(top + "/sub", os.listdir)))
    return out
want = [(False, False), (True, False), (True, True), (True, True)]
if LOWER == "nfs": print("access times there are the server\x27s", one(d), one(beside))
else: same(both(one), want)
'
check "bind mounts, also read-only" py '
exec(open("/tmp/mounts.py").read())
b = "/srv/bind"; os.makedirs(b)
def one(top):
    run("mount", "--bind", top + "/sub", b)
    same(read(b + "/g"), b"g"); touch(b + "/h", b"h"); same(read(top + "/sub/h"), b"h")
    fails("EXDEV", os.rename, b + "/h", top + "/h"); fails("EXDEV", os.link, b + "/h", top + "/h")
    fd = os.open(b + "/h", os.O_RDWR); refused("busy", "mount", "-o", "remount,bind,ro", b)
    os.close(fd); run("mount", "-o", "remount,bind,ro", b)
    fails("EROFS", touch, b + "/i"); fails("EROFS", os.open, b + "/h", os.O_RDWR); touch(top + "/sub/i", b"i"); same(read(b + "/i"), b"i")
    fails("EBUSY", os.rmdir, b); fails("EBUSY", os.rename, top, top + "2")
    if top == d: lock(); fails("ENOKEY", read, b + "/i"); unlock(); same(read(b + "/i"), b"i")
    run("umount", b); os.unlink(top + "/sub/i"); os.unlink(top + "/sub/h")
both(one)
'
check "something mounted inside" py '
exec(open("/tmp/mounts.py").read())
def one(top):
    os.mkdir(top + "/in"); run("mount", "-t", "tmpfs", "inside", top + "/in"); touch(top + "/in/x")
    touch(top + "/over"); os.mkdir(top + "/empty")
    out = codes(("EBUSY", os.rmdir, top + "/in"), ("EBUSY", os.rename, top + "/in", top + "/out"), ("EXDEV", os.rename, top + "/in/x", top + "/x"),
                ("EISDIR", os.rename, top + "/over", top + "/in"), ("EBUSY", os.rename, top + "/empty", top + "/in"))
    refused("busy", "umount", top)
    run("umount", top + "/in"); os.rmdir(top + "/in"); os.rmdir(top + "/empty"); os.unlink(top + "/over")
    return out
both(one)
'
check "moved elsewhere and back" py '
exec(open("/tmp/mounts.py").read())
os.makedirs("/srv/moved"); run("mount", "--make-private", "/srv/lower")
def one(top):
    fd = os.open(top + "/f", os.O_RDONLY); run("mount", "--move", top, "/srv/moved")
    same(read("/srv/moved/sub/g"), b"g"); same(os.listdir(top), [".ward"] if top == d else []); same(os.readlink("/proc/self/fd/%d" % fd), "/srv/moved/f")
    touch("/srv/moved/sub/h", b"h"); os.unlink("/srv/moved/sub/h")
    run("mount", "--move", "/srv/moved", top); same(read(top + "/sub/g"), b"g"); os.close(fd)
both(one)
'
check "mount namespaces: private ones see it, and its lock" py '
exec(open("/tmp/mounts.py").read())
os.makedirs("/srv/inner")
def one(top):
    same(run("unshare", "-m", "--propagation", "private", "sh", "-c", f"cat {top}/sub/g && mount --bind {top}/sub /srv/inner && cat /srv/inner/g"), "gg")
    same(os.listdir("/srv/inner"), [])
both(one)
r, w = os.pipe(); r2, w2 = os.pipe(); pid = os.fork()
if not pid:
    try: same(libc.unshare(0x20000), 0); os.write(w2, b"x"); os.read(r, 1); fails("ENOKEY", read, d + "/sub/g"); os._exit(0)      # CLONE_NEWNS
    finally: os._exit(1)
os.read(r2, 1); lock(); os.write(w, b"x"); same(os.waitpid(pid, 0)[1], 0); unlock()
'
check "propagation: what is mounted in a shared copy of it shows in both" py '
exec(open("/tmp/mounts.py").read())
def one(top):
    p1, p2 = "/srv/p1", "/srv/p2"
    for p in (p1, p2): os.makedirs(p, exist_ok=True)
    run("mount", "--bind", top, p1); run("mount", "--make-shared", p1); run("mount", "--bind", p1, p2)
    run("mount", "-t", "tmpfs", "t", p1 + "/sub"); touch(p1 + "/sub/seen"); same(os.listdir(p2 + "/sub"), ["seen"]); same(os.listdir(top + "/sub"), ["g"])
    run("umount", p2 + "/sub"); same(os.listdir(p1 + "/sub"), ["g"]); run("umount", p2); run("umount", p1)
both(one)
'
check "syncfs brings everything below" py '
with open(d + "/sync", "wb", buffering=0) as f:
    f.write(noise(2, 300000)); fd = os.open(d, os.O_RDONLY); same(libc.syncfs(fd), 0)
    assert os.stat(lower(d + "/sync")).st_size == length(300000); os.close(fd)
os.unlink(d + "/sync")
'

cat >/tmp/idmap.py <<'END'
from calls import *
SYS_open_tree, SYS_move_mount, SYS_mount_setattr = 428, 429, 442
def idmapped(source, target):
    "A copy of a mount in which user 61001 is shown as 0 and the other way round."
    pid = os.fork()
    if not pid:
        same(libc.unshare(0x10000000), 0)                             # CLONE_NEWUSER
        signal.pause(); os._exit(0)
    try:
        while os.readlink("/proc/%d/ns/user" % pid) == os.readlink("/proc/self/ns/user"): time.sleep(0.02)
        for name in ("uid_map", "gid_map"):
            with open("/proc/%d/%s" % (pid, name), "w") as f: f.write("61001 0 1\n0 61001 1")
        ns = os.open("/proc/%d/ns/user" % pid, os.O_RDONLY)
        fd = syscall(SYS_open_tree, AT_FDCWD, source.encode(), 1 | 0o2000000 | 0x8000)      # OPEN_TREE_CLONE
        attr = struct.pack("<QQQQ", 0x100000, 0, 0, ns)                                    # MOUNT_ATTR_IDMAP
        syscall(SYS_mount_setattr, fd, b"", 0x1000, attr, len(attr))
        syscall(SYS_move_mount, fd, b"", AT_FDCWD, target.encode(), 4)                      # F_EMPTY_PATH
        os.close(fd); os.close(ns)
    finally: os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
END
check "an idmapped mount of a vault is refused" py '
exec(open("/tmp/idmap.py").read())
os.makedirs("/srv/idmap", exist_ok=True)
fails("EINVAL", idmapped, d, "/srv/idmap"); same(read(d + "/sub/g"), b"g")
'
check "a vault on an idmapped mount is refused, and says why" py '
exec(open("/tmp/idmap.py").read())
umount()
try: idmapped("/srv/below", "/srv/idmap")
except OSError as e: same((LOWER in ("tmpfs", "nfs"), e.errno), (True, errno.EINVAL))    # 6.1 has none of these
else:
    got = subprocess.run(["mount", "-i", "-t", "wardfs", "/srv/idmap/v", "/srv/idmap/v"], capture_output=True, text=True)
    assert got.returncode and "wrong fs type" in got.stderr or "Invalid" in got.stderr, got
    run("umount", "/srv/idmap")
mount(); unlock(); same(read(d + "/sub/g"), b"g")
'
check "mounting one in a user namespace is refused" sh -c "! unshare -U -r -m mount -i -t wardfs $d $d 2>/tmp/out && grep -q -i permission /tmp/out"
check "in a user namespace the rules and modes hold for who one is outside" py '
exec(open("/tmp/mounts.py").read())
def one(top):
    def inside(): got = subprocess.run(["unshare", "-U", "-r", "cat", top + "/sub/g"], capture_output=True, text=True); return got.returncode, got.stdout
    os.chmod(top, 0o755); os.chmod(top + "/sub/g", 0o600); out = [as_user(ALICE, inside)]
    os.chmod(top + "/sub/g", 0o644); return out + [as_user(ALICE, inside)]
same(both(one), [(1, ""), (0, "g")])
'

if [ "$WARD_LOWER" = tmpfs ] || [ "$WARD_LOWER" = nfs ]; then
	skip "freezing: who waits, who does not, and what it is after the thaw" "the lower file system has no freezing to compare with"
else
check "freezing: who waits, who does not, and what it is after the thaw" py '
exec(open("/tmp/mounts.py").read())
def one(top):
    at = top + "/freeze"; os.mkdir(at); names = "wrote stored cut changed removed moved linked marked".split()
    for n in names: touch(at + "/" + n, noise(1, 9000))
    fd = os.open(at + "/stored", os.O_RDWR); m = mmap.mmap(fd, 9000); m[0:4] = b"mmap"
    run("fsfreeze", "-f", top); refused("busy", "fsfreeze", "-f", top)
    def store(): m[5000:5004] = b"late"
    kids = []
    for fn, *args in ((opened, at + "/wrote", os.O_RDWR, os.pwrite, b"late", 5), (store,), (os.truncate, at + "/cut", 10), (os.chmod, at + "/changed", 0o600), (os.unlink, at + "/removed"),
                      (os.rename, at + "/moved", at + "/moved2"), (os.link, at + "/linked", at + "/linked2"), (os.setxattr, at + "/marked", "trusted.a", b"1"), (touch, at + "/made"), (os.mkdir, at + "/dir")):
        pid = os.fork()
        if not pid:
            try: fn(*args); os._exit(0)
            finally: os._exit(1)
        kids.append(pid)
    time.sleep(0.5)
    same([os.waitpid(pid, os.WNOHANG)[0] for pid in kids], [0] * len(kids)); same(sorted(os.listdir(at)), sorted(names))
    same((read(at + "/stored")[:4], read(at + "/wrote"), os.stat(at + "/cut").st_size), (b"mmap", noise(1, 9000), 9000))
    run("fsfreeze", "-u", top); refused("invalid", "fsfreeze", "-u", top); same([os.waitpid(pid, 0)[1] for pid in kids], [0] * len(kids)); m.close(); os.close(fd)
    return sorted((n, oct(st.st_mode), stat.S_ISREG(st.st_mode) and read(at + "/" + n)) for n in os.listdir(at) for st in [os.stat(at + "/" + n)])
same(len(both(one)), 10)
'
fi

check "freezing: what was written is below, and nobody writes until the thaw" py '
f = d + "/frozen"; fd = os.open(f, os.O_CREAT | os.O_RDWR); os.write(fd, noise(3, 200000))
m = mmap.mmap(fd, 200000); m[5000:5005] = b"mmap!"
want = noise(3, 200000)[:5000] + b"mmap!" + noise(3, 200000)[5005:]
os.makedirs(d + "/new/dir"); touch(d + "/new/dir/x", b"x")
run("fsfreeze", "-f", d)
same(os.stat(lower(f)).st_size, length(200000)); same(read(f), want); same(os.pread(fd, 5, 5000), b"mmap!"); same(os.listdir(d + "/new"), ["dir"])
def writes():
    os.pwrite(os.open(f, os.O_RDWR), b"late", 0)
def maps(): m[9000:9004] = b"late"
def makes(): touch(d + "/late")
def sets(): os.chmod(d + "/new", 0o700)
kids = []
for fn in (writes, maps, makes, sets):
    pid = os.fork()
    if not pid:
        try: fn(); os._exit(0)
        except BaseException as e: print(repr(e), flush=True); os._exit(1)
    kids.append(pid)
os.sync(); time.sleep(0.5)
same([os.waitpid(pid, os.WNOHANG)[0] for pid in kids], [0] * 4)
assert not os.path.exists(d + "/late")
got = subprocess.run(["fsfreeze", "-f", d], capture_output=True, text=True); assert got.returncode and "busy" in got.stderr.lower(), got
# a copy of what is below, as a snapshot has it, is whole
run("cp", "-a", "/srv/below/v", "/tmp/copy")
run("fsfreeze", "-u", d)
same([os.waitpid(pid, 0)[1] for pid in kids], [0] * 4)
want = b"late" + want[4:9000] + b"late" + want[9004:]
same(read(f), want); os.unlink(d + "/late"); m.close(); os.close(fd)
'
check "the copy that was made meanwhile is whole: every file as it was" py '
umount(); os.makedirs("/srv/copy"); run("mount", "--bind", "/tmp/copy", "/srv/copy")
tv = os.environ["WARD_TOP"] + "/tests/fs/testvault.py"
since = mark()
run("mount", "-i", "-t", "wardfs", "/srv/copy", "/srv/copy"); run(tv, "unlock", "/srv/copy")
want = noise(3, 200000)[:5000] + b"mmap!" + noise(3, 200000)[5005:]
same(read("/srv/copy/frozen"), want); same(read("/srv/copy/new/dir/x"), b"x"); same(read("/srv/copy/sub/g"), b"g"); quiet(since)
run("umount", "/srv/copy"); run("umount", "/srv/copy"); run("rm", "-r", "/tmp/copy")
mount(); unlock()
'
check "freezing both, upper first; thawing in either order" py '
low = LOWER not in ("tmpfs", "nfs")
for order in (("/srv/lower", d), (d, "/srv/lower")):
    touch(d + "/both", noise(4, 100000)); run("fsfreeze", "-f", d)
    if low: run("fsfreeze", "-f", "/srv/below")
    same(read(d + "/both"), noise(4, 100000))
    pid = os.fork()
    if not pid: touch(d + "/both", b"after"); os._exit(0)
    for what in order:
        if what == d or low: run("fsfreeze", "-u", what.replace("/srv/lower", "/srv/below") if what != d else d)
    same(os.waitpid(pid, 0)[1], 0); same(read(d + "/both"), b"after")
'
check "freezing a vault over a frozen lower file system waits, and goes on after the thaw" py '
if LOWER not in ("tmpfs", "nfs"):
    fd = os.open(d + "/wait", os.O_CREAT | os.O_RDWR)
    os.write(fd, noise(5, 50000)); run("fsfreeze", "-f", "/srv/below")
    p = subprocess.Popen(["fsfreeze", "-f", d]); time.sleep(0.5)
    run("fsfreeze", "-u", "/srv/below"); same(p.wait(), 0); same(os.stat(lower(d + "/wait")).st_size, length(50000))
    run("fsfreeze", "-u", d); os.write(fd, b"more"); os.close(fd); same(os.stat(d + "/wait").st_size, 50004)
'
check "locking a frozen vault, unlocking it, thawing it" py '
fd = os.open(d + "/locked", os.O_CREAT | os.O_RDWR); os.write(fd, b"before")
run("fsfreeze", "-f", d)
pid = os.fork()
if not pid: os.write(fd, b" after"); os._exit(0)
time.sleep(0.3)
lock(); fails("ENOKEY", os.pread, fd, 6, 0); unlock(); same(os.pread(fd, 6, 0), b"before")
lock(now=True); unlock()
run("fsfreeze", "-u", d); same(os.waitpid(pid, 0)[1], 0); same(os.pread(fd, 20, 0), b"before after"); os.close(fd)
'
check "locked, it can be frozen, too" py '
lock(); fd = os.open(d, os.O_PATH); fails("ENOKEY", os.open, d, os.O_RDONLY); unlock()
at = os.open(d, os.O_RDONLY); lock()
fcntl.ioctl(at, 0xc0045877, 0); fcntl.ioctl(at, 0xc0045878, 0)      # FIFREEZE, FITHAW
unlock(); touch(d + "/f2", b"2"); same(read(d + "/f2"), b"2")
'
check "unmounting a frozen vault: it waits for the thaw in the dark, and the emergency thaw frees it" py '
touch(d + "/last", b"last"); run("fsfreeze", "-f", d); umount()
got = subprocess.run(["mount", "-i", "-t", "wardfs", d, d], capture_output=True, text=True); assert got.returncode, "mounted twice"
with open("/proc/sysrq-trigger", "w") as f: f.write("j")
for k in range(600):
    got = subprocess.run(["mount", "-i", "-t", "wardfs", d, d], capture_output=True, text=True)
    if not got.returncode: break
    time.sleep(0.1)
same(got.returncode, 0); unlock(); same(read(d + "/last"), b"last")
'
check "nothing was taken for tampering" py 'quiet(0)'
check "unmount" umount $d $beside
done_testing
