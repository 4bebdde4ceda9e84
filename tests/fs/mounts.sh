#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# What is done to the mount: remounting, bind mounts, moving, namespaces, freezing; idmapped mounts are refused.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0 61001
py 'touch(d + "/f", noise(1, 50000)); os.mkdir(d + "/sub"); touch(d + "/sub/g", b"g")'

check "read-only: not while somebody writes; then nothing changes" py '
fd = os.open(d + "/f", os.O_RDWR); os.pwrite(fd, b"dirty", 0)
got = subprocess.run(["mount", "-o", "remount,ro", d], capture_output=True, text=True); assert got.returncode and "busy" in got.stderr, got
os.close(fd); os.close(os.open(d + "/f", os.O_RDONLY))
with open(d + "/f", "r+b") as f: f.write(b"DIRTY")
run("mount", "-o", "remount,ro", d)
same(read(d + "/f"), b"DIRTY" + noise(1, 50000)[5:])
for fn, *args in ((touch, d + "/new"), (os.unlink, d + "/f"), (os.mkdir, d + "/x"), (os.chmod, d + "/f", 0o600), (os.open, d + "/f", os.O_RDWR),
                  (os.truncate, d + "/f", 0), (os.rename, d + "/f", d + "/h"), (os.link, d + "/f", d + "/h"), (os.utime, d + "/f"), (os.setxattr, d + "/f", "user.a", b""),
                  (os.symlink, "x", d + "/h"), (os.mkfifo, d + "/h"), (os.chown, d + "/f", 1, 1), (access, d + "/f", os.W_OK)):
    fails("EROFS", fn, *args)
fd = os.open(d + "/f", os.O_RDONLY); at = os.stat(lower(d + "/f")).st_atime_ns; os.read(fd, 10); os.close(fd); drop_caches(); same(os.stat(lower(d + "/f")).st_atime_ns, at)
lock(); unlock(); same(read(d + "/f")[:5], b"DIRTY")
umount(); mount(); unlock(); same(read(d + "/f")[:5], b"DIRTY"); touch(d + "/new"); os.unlink(d + "/new")
'
check "read-only and writable again" py '
run("mount", "-o", "remount,ro", d); fails("EROFS", touch, d + "/new")
run("mount", "-o", "remount,rw", d); touch(d + "/new", b"new"); same(read(d + "/new"), b"new"); os.unlink(d + "/new")
'
check "noatime, nodiratime, strictatime of the mount count" py '
def moves(p, fn):
    os.utime(p, ns=(1, os.stat(p).st_mtime_ns)); fn(p); return os.stat(p).st_atime_ns != 1
for options, file, folder in (("noatime", False, False), ("nodiratime,relatime", True, False), ("strictatime,diratime", True, True), ("relatime", True, True)):
    run("mount", "--options-mode", "ignore", "-o", "remount,bind," + options, d)
    same((options, moves(d + "/f", read), moves(d + "/sub", os.listdir)), (options, file, folder))
'
check "bind mounts, also read-only" py '
b = "/srv/bind"; os.makedirs(b)
run("mount", "--bind", d + "/sub", b)
same(read(b + "/g"), b"g"); touch(b + "/h", b"h"); same(read(d + "/sub/h"), b"h")
fails("EXDEV", os.rename, b + "/h", d + "/h"); fails("EXDEV", os.link, b + "/h", d + "/h")
fd = os.open(b + "/h", os.O_RDWR)
got = subprocess.run(["mount", "-o", "remount,bind,ro", b], capture_output=True, text=True); assert got.returncode and "busy" in got.stderr, got
os.close(fd); run("mount", "-o", "remount,bind,ro", b)
fails("EROFS", touch, b + "/i"); fails("EROFS", os.open, b + "/h", os.O_RDWR); touch(d + "/sub/i", b"i"); same(read(b + "/i"), b"i")
lock(); fails("ENOKEY", read, b + "/i"); unlock(); same(read(b + "/i"), b"i")
fails("EBUSY", os.rmdir, b); fails("EBUSY", os.rename, d, d + "2")
run("umount", b); os.unlink(d + "/sub/i"); os.unlink(d + "/sub/h")
'
check "something mounted inside" py '
os.mkdir(d + "/in"); run("mount", "-t", "tmpfs", "inside", d + "/in"); touch(d + "/in/x")
fails("EBUSY", os.rmdir, d + "/in"); fails("EBUSY", os.rename, d + "/in", d + "/out"); fails("EXDEV", os.rename, d + "/in/x", d + "/x")
assert subprocess.run(["umount", d], capture_output=True).returncode
run("umount", d + "/in"); os.rmdir(d + "/in")
'
check "moved elsewhere and back" py '
os.makedirs("/srv/moved"); fd = os.open(d + "/f", os.O_RDONLY)
run("mount", "--make-private", "/srv/lower"); run("mount", "--move", d, "/srv/moved")
same(read("/srv/moved/sub/g"), b"g"); same(os.listdir(d), [".ward"]); same(os.readlink("/proc/self/fd/%d" % fd), "/srv/moved/f")
touch("/srv/moved/sub/h", b"h"); os.unlink("/srv/moved/sub/h")
run("mount", "--move", "/srv/moved", d); same(read(d + "/sub/g"), b"g"); os.close(fd)
'
check "mount namespaces: private ones see it, and its lock" sh -c "
	unshare -m --propagation private sh -c 'cat $d/sub/g && mkdir /srv/inner && mount --bind $d/sub /srv/inner && cat /srv/inner/g' | grep -q gg && ! [ -e /srv/inner/g ]"
check "propagation: what is mounted in a shared copy of it shows in both" py '
os.makedirs("/srv/p1"); run("mount", "--bind", d, "/srv/p1"); run("mount", "--make-shared", "/srv/p1")
os.makedirs("/srv/p2"); run("mount", "--bind", "/srv/p1", "/srv/p2")
run("mount", "-t", "tmpfs", "t", "/srv/p1/sub"); touch("/srv/p1/sub/seen"); same(os.listdir("/srv/p2/sub"), ["seen"]); same(os.listdir(d + "/sub"), ["g"])
run("umount", "/srv/p2/sub"); same(os.listdir("/srv/p1/sub"), ["g"]); run("umount", "/srv/p2"); run("umount", "/srv/p1")
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
except OSError as e: same((os.environ["WARD_LOWER"] in ("tmpfs",), e.errno), (True, errno.EINVAL))    # 6.1 has none of tmpfs
else:
    got = subprocess.run(["mount", "-i", "-t", "wardfs", "/srv/idmap/v", "/srv/idmap/v"], capture_output=True, text=True)
    assert got.returncode and "wrong fs type" in got.stderr or "Invalid" in got.stderr, got
    run("umount", "/srv/idmap")
mount(); unlock(); same(read(d + "/sub/g"), b"g")
'
check "mounting one in a user namespace is refused" sh -c "! unshare -U -r -m mount -i -t wardfs $d $d 2>/tmp/out && grep -q -i permission /tmp/out"
check "in a user namespace the rules and modes hold for who one is outside" sh -c "
	chmod 755 $d; chmod 600 $d/sub/g &&
	! setpriv --reuid 61001 --regid 61001 --clear-groups unshare -U -r cat $d/sub/g; chmod 644 $d/sub/g; setpriv --reuid 61001 --regid 61001 --clear-groups unshare -U -r cat $d/sub/g"

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
low = os.environ["WARD_LOWER"] != "tmpfs"
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
if os.environ["WARD_LOWER"] != "tmpfs":
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
for k in range(100):
    got = subprocess.run(["mount", "-i", "-t", "wardfs", d, d], capture_output=True, text=True)
    if not got.returncode: break
    time.sleep(0.1)
same(got.returncode, 0); unlock(); same(read(d + "/last"), b"last")
'
check "nothing was taken for tampering" py 'quiet(0)'
check "unmount" umount $d
done_testing
