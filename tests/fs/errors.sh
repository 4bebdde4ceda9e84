#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What goes wrong reaches whom it concerns, and nobody else; and what was accepted is not lost for who brings it below.

. "$WARD_TOP/tests/fs/vault.sh"

cat >/tmp/errors.py <<'END'
from calls import *
import resource
def fill(leave=0):
    """Takes all space below."""
    fd = os.open("/srv/lower/filler", os.O_CREAT | os.O_RDWR)
    size, step = 0, 1 << 30
    while step >= 4096:
        try: os.posix_fallocate(fd, size, step); size += step
        except OSError: step //= 2
    os.ftruncate(fd, max(0, size - leave)); os.fsync(fd); os.close(fd)
def free():
    os.unlink("/srv/lower/filler"); os.sync()
END
check "a vault" new_vault 61001
chmod 777 $d
check "a reader with a limit on file sizes brings what others wrote below" py '
exec(open("/tmp/errors.py").read())
f = d + "/shared"; want = noise(1, 3 << 20)
fd = os.open(f, os.O_CREAT | os.O_RDWR, 0o666); os.write(fd, want)
def limited():
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    r = os.open(f, os.O_RDONLY); os.fsync(r); os.close(r); return True
assert as_user(ALICE, limited)
os.fsync(fd); os.close(fd); assert not state()["vault_flags"] & 2; again(); assert read(f) == want
'
check "a file of just the size that the limit allows" py '
exec(open("/tmp/errors.py").read())
def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    fd = os.open(d + "/just", os.O_CREAT | os.O_WRONLY); os.write(fd, b"j" * (1 << 20)); os.close(fd); return True
assert as_user(ALICE, limited); again(); same(read(d + "/just"), b"j" * (1 << 20))
'
check "killed while it closes: what it wrote is there" py '
exec(open("/tmp/errors.py").read())
want = noise(2, 8 << 20)
for k in range(12):
    f = d + "/killed%d" % k
    r, w = os.pipe(); pid = os.fork()
    if not pid:
        fd = os.open(f, os.O_CREAT | os.O_WRONLY); os.write(fd, want); os.write(w, b"x"); os.close(fd); os._exit(0)
    os.read(r, 1); time.sleep(k * 0.01); os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0); os.close(r); os.close(w)
assert not state()["vault_flags"] & 2
since = mark(); again()
for k in range(12): assert read(d + "/killed%d" % k) == want, k; os.unlink(d + "/killed%d" % k)
quiet(since)
'
check "a write that stops at a bad address leaves the bytes behind it" py '
exec(open("/tmp/errors.py").read())
f = d + "/short"; touch(f, noise(3, 3000)); drop_caches()
m = mmap.mmap(-1, 8192); m[0:4096] = b"n" * 4096
at = ctypes.addressof(ctypes.c_char.from_buffer(m)); assert not libc.mprotect(ctypes.c_void_p(at + 4096), 4096, 0)
fd = os.open(f, os.O_RDWR)
same(libc.pwrite(fd, ctypes.c_void_p(at + 2096), 3000, 0), 2000)
os.close(fd); same(read(f), b"n" * 2000 + noise(3, 3000)[2000:])
'
check "a full disk: every holder of the file is told, at close and at fsync" py '
exec(open("/tmp/errors.py").read())
touch(d + "/before", noise(4, 20000)); os.sync(); fill()
fd = os.open(d + "/before", os.O_RDWR); other = os.open(d + "/before", os.O_RDWR)
os.pwrite(fd, b"f" * (4 << 20), 20000)
pid = os.fork()
if not pid:
    try: os.close(fd); os._exit(0)
    except OSError as e: os._exit(e.errno)
same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), errno.ENOSPC)
fails("ENOSPC", os.fsync, fd); fails("ENOSPC", os.fsync, other)
os.close(other)
try: os.close(fd)
except OSError as e: same(e.errno, errno.ENOSPC)
same(read(d + "/before")[:20000], noise(4, 20000)); assert state()["vault_flags"] & 2
'
check "what that left is settled by a check, which then counts" py '
exec(open("/tmp/errors.py").read())
free(); since = mark(); uuid = testvault.uuid_of(d)
for n in os.listdir(below):
    assert netlink().ask("CHECK", uuid, CHECK_PATH=os.fsencode(n) + b"\0")["check_result"] != "tampered", n
for _ in range(2):
    try: netlink().ask("CHECKED", uuid, CHECK_SEQ=struct.pack("Q", state()["vault_epoch"])); break
    except testvault.Refused as e: same(e.errno, errno.EAGAIN)
assert not state()["vault_flags"] & 2
again(); assert not state()["vault_flags"] & 2
same(read(d + "/before")[:20000], noise(4, 20000)); quiet(since)
'
check "lock --now on a full disk: a file whose header never got below is empty, and no other key is made up" py '
exec(open("/tmp/errors.py").read())
fd = os.open(d + "/lost", os.O_CREAT | os.O_RDWR); fill(); os.write(fd, b"lost" * 2000)
netlink().ask("LOCK", testvault.uuid_of(d), LOCK_NOW=b"")
free(); unlock(); since = mark()
for fn in (lambda: os.fsync(fd), lambda: os.pwrite(fd, b"x", 0), lambda: os.close(fd)):
    try: fn()
    except OSError: pass
same(read(d + "/lost"), b""); touch(d + "/lost", b"again"); lock(); unlock(); same(read(d + "/lost"), b"again"); quiet(since)
'
check "a sparse file that is cut below, at one of its holes, is found out" py '
exec(open("/tmp/errors.py").read())
for n in os.listdir(below):
    netlink().ask("CHECK", testvault.uuid_of(d), CHECK_PATH=os.fsencode(n) + b"\0")
for _ in range(2):
    try: netlink().ask("CHECKED", testvault.uuid_of(d), CHECK_SEQ=struct.pack("Q", state()["vault_epoch"])); break
    except testvault.Refused as e: same(e.errno, errno.EAGAIN)
f = d + "/sparse"; touch(f, b"begin"); os.truncate(f, 8 << 20); at = lower(f); again(); since = mark()
assert not state()["vault_flags"] & 2
lock(); os.truncate(at, 100 * BLOCK + 50); unlock(); again()
fd = os.open(f, os.O_RDONLY); fails("EIO", os.pread, fd, 100, base(99)); same(os.pread(fd, 5, 0), b"begin")
same(reported(since, kind="tamper")["block"], 99)
'
if [ "$WARD_LOWER" != nfs ]; then		# which has no flags
check "an immutable file is written by nobody, also not by who has it open" py '
exec(open("/tmp/errors.py").read())
f = d + "/still"; touch(f, b"still"); fd = os.open(f, os.O_RDWR)
run("chattr", "+i", f); fails("EPERM", os.write, fd, b"x"); os.close(fd); run("chattr", "-i", f); same(read(f), b"still")
'
fi
name="a hash that the kernel has no more is ENOPKG: no entry seems to be missing, nothing tampered with"
if grep -q "^sha512_generic " /proc/modules; then
check "$name" py '
os.mkdir(d + "/hash"); touch(d + "/hash/f", b"here"); lock(); unlock(); n = mark()
def modprobe(program):
    with open("/proc/sys/kernel/modprobe", "r+") as f: was = f.read(); f.seek(0); f.write(program)
    return was
was = modprobe("/bin/false\n")
try:
    for module in "sha512_ssse3", "sha512_generic": run("rmmod", module)
    fails("ENOPKG", os.stat, d + "/hash"); fails("ENOPKG", os.listdir, d); fails("ENOPKG", touch, d + "/new")
finally:
    modprobe(was)
    for module in "sha512_generic", "sha512_ssse3": run("modprobe", module)
same(read(d + "/hash/f"), b"here"); touch(d + "/new"); quiet(n)
'
else
	skip "$name" "SHA-512 is no module of this kernel, and cannot be taken away"
fi
check "unmount" umount $d
done_testing
