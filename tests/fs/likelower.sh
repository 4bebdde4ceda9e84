#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# What programs do with the data of files, done beside the vault on the lower file system, too: the same comes of it.

. "$WARD_TOP/tests/fs/vault.sh"

# A check is of Python; "not LOWER WHY" before it: what it takes that file system has not.
not=
alike()
{
	case $not in
	"$WARD_LOWER "*) skip "$1" "${not#* }" ;;
	*) check "$1" py "$2" ;;
	esac
	not=
}

check "a vault" new_vault 61001
alike "O_APPEND: several processes, each record whole" '
from sidebyside import *
def one(top):
    f = top + "/append"; touch(f, b"")
    kids = []
    for k in range(4):
        pid = os.fork()
        if not pid:
            fd = os.open(f, os.O_WRONLY | os.O_APPEND)
            for i in range(60): os.write(fd, (b"%d.%d|" % (k, i)).ljust(501 + k, b"."))
            os._exit(0)
        kids.append(pid)
    for pid in kids: same(os.waitpid(pid, 0)[1], 0)
    data, at, seen = read(f), 0, []
    while at < len(data):
        k, i = map(int, data[at:data.index(b"|", at)].split(b".")); same(data[at:at + 501 + k], (b"%d.%d|" % (k, i)).ljust(501 + k, b"."))
        seen.append((k, i)); at += 501 + k
    return sorted(seen)
same(len(both(one)), 240)
def seeks(top):
    fd = os.open(top + "/append", os.O_RDWR | os.O_APPEND); size = os.fstat(fd).st_size
    return [os.pwrite(fd, b"end", 5), os.pread(fd, 3, size), os.lseek(fd, 7, 0), os.write(fd, b"more"), os.lseek(fd, 0, 1) - size]
both(seeks)
'
alike "O_TRUNC under a mapping, MAP_PRIVATE, msync, the end of the last page, SIGBUS" '
from sidebyside import *
def one(top):
    f = top + "/map"; touch(f, noise(1, 20000)); out = []
    fd = os.open(f, os.O_RDWR); m = mmap.mmap(fd, 20000); at = ctypes.addressof(ctypes.c_char.from_buffer(m))
    p = mmap.mmap(fd, 20000, flags=mmap.MAP_PRIVATE); p[0:7] = b"private"; p[9000:9001]
    m[5000:5006] = b"stored"; out += [os.pread(fd, 6, 5000), p[0:7], os.pread(fd, 7, 0) == noise(1, 7)]
    os.pwrite(fd, b"written", 12000); out += [m[12000:12007], p[12000:12007]]
    def msync(at, size, flags): return libc.msync(ctypes.c_void_p(at), ctypes.c_size_t(size), flags) and ctypes.get_errno()
    for flags in (1, 2, 4, 5, 6, 8): out.append((flags, msync(at, 20000, flags)))
    out.append(msync(at + 1, 100, 4))
    # behind the end, in the last page: seen by nobody else, gone after the file has grown (but on tmpfs and NFS themselves)
    def grown(data): out.append(data if kind not in ("tmpfs", "nfs") else len(data)); top == plain or same(data.count(b"U") + data.count(b"f" * 9), 0)
    ctypes.memset(at + 20000, 0x55, 480); out += [os.fstat(fd).st_size, len(read(f))]; os.fsync(fd)
    os.ftruncate(fd, 20480); grown(read(f)[20000:]); ctypes.memset(at + 20400, 0x66, 80); os.ftruncate(fd, 20300); os.pwrite(fd, b"far", 30000)
    grown(read(f)[20300:20500])
    os.close(os.open(f, os.O_RDWR | os.O_TRUNC))
    out += [os.fstat(fd).st_size, child_signal(ctypes.string_at, at, 1), child_signal(ctypes.memset, at + 8192, 1, 1), child_signal(lambda: p[9000:9001])]
    os.pwrite(fd, b"again", 100); out += [m[0:200], child_signal(ctypes.string_at, at + 4096, 1)]
    os.close(fd); m[100:101] = b"A"; out.append(read(f))
    r = os.open(f, os.O_RDONLY)
    out += [fails("EACCES", mmap.mmap, r, 50, access=mmap.ACCESS_WRITE), mmap.mmap(r, 50, access=mmap.ACCESS_COPY)[:]]
    return out
both(one)
'
alike "O_SYNC, O_DSYNC and RWF_DSYNC: it is below when they return" '
from sidebyside import *
def one(top):
    out = []
    for how in (os.O_SYNC, os.O_DSYNC, 0):
        fd = os.open(top + "/sync", os.O_CREAT | os.O_RDWR | how)
        out += [os.pwritev(fd, [b"s" * 5000, b"t" * 70000], 100, os.RWF_DSYNC if not how else 0), os.pread(fd, 10, 5095)]; os.close(fd)
    return out
both(one)
fd = os.open(d + "/sync2", os.O_CREAT | os.O_RDWR | os.O_SYNC); os.write(fd, b"x" * 9000); same(os.stat(lower(d + "/sync2")).st_size, length(9000))
'
alike "O_DIRECT: as the lower where that takes it, and any alignment" '
from sidebyside import *
def one(top, odd):
    fd = os.open(top + "/direct", os.O_CREAT | os.O_RDWR | os.O_DIRECT | os.O_TRUNC); buf = mmap.mmap(-1, 65536); buf[:] = noise(1, 65536); v = memoryview(buf); out = []
    if odd: out += [os.pwrite(fd, v[1:1000], 0), os.pwrite(fd, v[7:9000], 12345), os.preadv(fd, [v[3:777]], 5), bytes(v[3:777]) == read(top + "/direct")[5:779]]; return out
    out += [os.pwrite(fd, v, 0), os.pwrite(fd, v[:4096], 65536), os.fstat(fd).st_size]
    got = mmap.mmap(-1, 65536); w = memoryview(got); out += [os.preadv(fd, [w[:8192]], 4096), bytes(w[:8192]) == noise(1, 65536)[4096:12288]]
    # NFS itself reads past what a mapping stored: it tells programs not to do both.
    m = mmap.mmap(fd, 69632); m[4096:4100] = b"mmap"; out += [os.preadv(fd, [w[:4096]], 4096), bytes(w[:4]) if (kind, top) != ("nfs", plain) else b"mmap"]
    buffered = os.open(top + "/direct", os.O_RDWR); os.pwrite(buffered, b"buffered", 8192); out += [os.preadv(fd, [w[:4096]], 8192), bytes(w[:8])]
    v[:4096] = b"D" * 4096; out += [os.pwrite(fd, v[:4096], 8192), os.pread(buffered, 4, 8192), m[8192:8196], os.preadv(fd, [w[:4096]], 69632), os.preadv(fd, [w], 65536)]
    return out + [fails("EINVAL", os.pread, fd, 4096, -4096)]
if kind != "tmpfs": both(one, False)
same(one(d, True), [999, 8993, 774, True])
'
alike "splice, tee, vmsplice, sendfile, copy_file_range" '
from sidebyside import *
import tempfile
def raw(name, *args):
    n = getattr(libc, name)(*args)
    if n < 0: raise OSError(ctypes.get_errno(), "")
    return n
def one(top):
    out = []; touch(top + "/in", noise(1, 100000)); touch(top + "/out", b"o" * 50)
    a, b = os.open(top + "/in", os.O_RDWR), os.open(top + "/out", os.O_RDWR); r, w = os.pipe(); r2, w2 = os.pipe()
    out += [os.splice(a, w, 5000, offset_src=777), raw("tee", r, w2, 5000, 0), os.splice(r, b, 5000, offset_dst=30), read(top + "/out") == b"o" * 30 + noise(1, 100000)[777:5777]]
    out += [os.read(r2, 6000) == noise(1, 100000)[777:5777], os.splice(a, w, 5000, offset_src=100000), os.splice(a, w, 5000, offset_src=99990), os.read(r, 100) == noise(1, 100000)[99990:]]
    out += [fails("EINVAL", os.splice, a, b, 100), fails("EBADF", os.splice, r2, os.open(top + "/out", os.O_RDONLY), 10), fails("EBADF", os.splice, w, b, 10)]
    os.write(w, b"data"); out.append(fails("EINVAL", os.splice, r, os.open(top + "/out", os.O_WRONLY | os.O_APPEND), 4)); os.read(r, 100)
    # pages of a program, given to a pipe, from there to the file: what the program writes into them later is not in it
    class Iovec(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("n", ctypes.c_size_t)]
    page = mmap.mmap(-1, 16384); page[:] = noise(7, 16384); vec = Iovec(ctypes.addressof(ctypes.c_char.from_buffer(page)) + 100, 16000)
    for gift in (0, 8): out += [raw("vmsplice", w, ctypes.byref(vec), 1, gift), os.splice(r, b, 16000, offset_dst=33)]; page[200:210] = b"afterwards"; out.append(read(top + "/out")[33:16033] == noise(7, 16384)[100:16100]); page[:] = noise(7, 16384)
    os.lseek(b, 0, 0); out += [os.sendfile(b, a, 10, 60000), os.sendfile(b, a, 99990, 60000), read(top + "/out")[:60010] == noise(1, 100000)[10:60010] + noise(1, 100000)[99990:]]
    out += [fails("EBADF", os.sendfile, os.open(top + "/out", os.O_RDONLY), a, 0, 10), fails("EINVAL", os.sendfile, os.open(top + "/out", os.O_WRONLY | os.O_APPEND), a, 0, 10)]
    t = tempfile.TemporaryFile(dir="/run"); out += [os.sendfile(t.fileno(), a, 5, 90000), os.lseek(t.fileno(), 0, 0), os.read(t.fileno(), 90000) == noise(1, 100000)[5:90005]]
    out += [os.lseek(t.fileno(), 0, 0), os.sendfile(b, t.fileno(), 0, 80000), os.fstat(b).st_size]
    c = os.copy_file_range; out += [c(a, b, 50000, 100, 200000), os.fstat(b).st_size, os.pread(b, 50000, 200000) == noise(1, 100000)[100:50100], c(a, b, 10, 100000, 0), c(a, b, 100, 99950, 0)]
    out += [c(a, a, 1000, 0, 200000), os.fstat(a).st_size, fails("EINVAL", c, a, a, 1000, 0, 500), fails("EXDEV", c, a, t.fileno(), 100), fails("EXDEV", c, t.fileno(), b, 100)]
    ro, ap, wo, dr = os.open(top + "/out", os.O_RDONLY), os.open(top + "/out", os.O_WRONLY | os.O_APPEND), os.open(top + "/in", os.O_WRONLY), os.open(top, os.O_RDONLY)
    out += [fails("EBADF", c, a, ro, 10), fails("EBADF", c, a, ap, 10), fails("EBADF", c, wo, b, 10), fails("EISDIR", c, dr, b, 10), fails("EINVAL", c, a, r, 10), fails("EINVAL", raw, "copy_file_range", a, None, b, None, 10, 1), c(a, b, 0)]
    return out
both(one)
# between the vault and what is below
x, y = os.open(plain + "/in", os.O_RDWR), os.open(d + "/in", os.O_RDWR)
for a, b in ((x, y), (y, x)): fails("EXDEV", os.copy_file_range, a, b, 100); os.ftruncate(b, 0); os.lseek(b, 0, 0); same(os.sendfile(b, a, 0, 50000), 50000)
assert read(plain + "/in") == read(d + "/in")
'
alike "preadv2 and pwritev2: every flag" '
from sidebyside import *
HIPRI, DSYNC, SYNC, NOWAIT, APPEND = 1, 2, 4, 8, 16
waits = kind in ("tmpfs", "nfs")      # they refuse RWF_NOWAIT
def one(top):
    touch(top + "/rwf", b"0123456789" * 1000); fd = os.open(top + "/rwf", os.O_RDWR); b = bytearray(20); out = []
    for flags in (0, DSYNC, SYNC, DSYNC | SYNC, APPEND, APPEND | DSYNC): out.append((os.pwritev(fd, [b"abc", b"de"], 50, flags), os.fstat(fd).st_size))
    for flags in (0, HIPRI, DSYNC, SYNC) + ((NOWAIT, HIPRI | NOWAIT) if not waits else ()): out.append((os.preadv(fd, [b], 45, flags), bytes(b)))
    for flags in (0x800, 0x1000, 0x100000): out += [fails("EOPNOTSUPP", os.preadv, fd, [b], 0, flags), fails("EOPNOTSUPP", os.pwritev, fd, [b"x"], 0, flags)]
    os.fsync(fd); os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM); os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED); out.append(fails("EAGAIN", os.preadv, fd, [b], 4096, NOWAIT) if not waits else 0)
    return out + [os.preadv(fd, [b], 4096, 0), bytes(b), read(top + "/rwf")]
both(one)
fd = os.open(d + "/rwf", os.O_RDWR); fails("EAGAIN", os.pwritev, fd, [b"x"], 0, NOWAIT)
'
alike "AIO: reads, writes, syncs, many at a time, errors" '
from sidebyside import *
def one(top):
    f = top + "/aio"; touch(f, noise(1, 200000)); fd = os.open(f, os.O_RDWR); ro = os.open(f, os.O_RDONLY); ctx = ctypes.c_ulong(0); syscall(206, 64, ctypes.byref(ctx)); keep = []
    def iocb(op, fd, buf, n, at, tag, rw=0):
        keep.append(buf); cb = ctypes.create_string_buffer(struct.pack("<QIiHhIQQqQII", tag, 0, rw, op, 0, fd, ctypes.addressof(buf) if buf else 0, n, at, 0, 0, 0)); keep.append(cb); return cb
    def submit(*cbs):
        arr = (ctypes.c_void_p * len(cbs))(*[ctypes.addressof(c) for c in cbs]); return syscall(209, ctx, ctypes.c_long(len(cbs)), arr)
    def wait(n):
        ev = ctypes.create_string_buffer(32 * n); got = syscall(208, ctx, ctypes.c_long(n), ctypes.c_long(n), ev, None); return sorted(struct.unpack_from("<QQqq", ev, 32 * i)[::2] for i in range(got))
    bufs = [ctypes.create_string_buffer(5000) for _ in range(32)]
    out = [submit(*[iocb(0, fd, b, 5000, 5001 * i, i) for i, b in enumerate(bufs)]), wait(32), all(b.raw == noise(1, 200000)[5001 * i:5001 * i + 5000] for i, b in enumerate(bufs))]
    news = [ctypes.create_string_buffer(noise(i, 6000), 6000) for i in range(32)]
    out += [submit(*[iocb(1, fd, b, 6000, 6000 * i + 999, i) for i, b in enumerate(news)]), wait(32), read(f)[999:192999] == b"".join(b.raw for b in news)]
    out += [submit(iocb(2, fd, None, 0, 0, 1), iocb(3, fd, None, 0, 0, 2), iocb(1, fd, news[0], 100, 500, 3, 0x10), iocb(0, fd, bufs[0], 100, 10**6, 4)), wait(4), os.fstat(fd).st_size]
    out += [fails("EBADF", submit, iocb(1, ro, news[0], 10, 0, 1)), fails("EINVAL", submit, iocb(0, fd, bufs[0], 10, -5, 1)), fails("EINVAL", submit, iocb(99, fd, bufs[0], 10, 0, 1)), fails("EBADF", submit, iocb(0, 999, bufs[0], 10, 0, 1))]
    syscall(207, ctx); return out + [read(f)]
both(one)
'
alike "io_uring: reads, writes, syncs, fallocate, splice, a chain, errors" '
from sidebyside import *
class Ring:
    def __init__(self, n):
        p = ctypes.create_string_buffer(120); self.fd = syscall(425, n, p)
        self.n, cq = struct.unpack_from("<II", p, 0); sq_off, cq_off = struct.unpack_from("<7I", p, 40), struct.unpack_from("<7I", p, 80)
        self.sq = mmap.mmap(self.fd, sq_off[6] + 4 * self.n, offset=0); self.cq = mmap.mmap(self.fd, cq_off[5] + 16 * cq, offset=0x8000000); self.sqes = mmap.mmap(self.fd, 64 * self.n, offset=0x10000000)
        self.so, self.co, self.cqn, self.keep = sq_off, cq_off, cq, []
    def go(self, *ops):
        tail = struct.unpack_from("<I", self.sq, self.so[1])[0]
        for i, (op, fd, at, buf, n, extra, flags, *more) in enumerate(ops):
            self.keep.append(buf); slot = (tail + i) % self.n
            self.sqes[64 * slot:64 * slot + 64] = struct.pack("<BBHiQQIIQQQQ", op, flags, 0, fd, at & (1 << 64) - 1, buf if isinstance(buf, int) else ctypes.addressof(buf), n, extra, i, *(more or [0]), 0, 0)[:64]
            struct.pack_into("<I", self.sq, self.so[6] + 4 * slot, slot)
        struct.pack_into("<I", self.sq, self.so[1], tail + len(ops)); got = syscall(426, self.fd, len(ops), len(ops), 1, None, 0); out = []
        head, end = struct.unpack_from("<I", self.cq, self.co[0])[0], struct.unpack_from("<I", self.cq, self.co[1])[0]
        while head != end: out.append(struct.unpack_from("<Qi", self.cq, self.co[5] + 16 * (head % self.cqn))); head += 1
        struct.pack_into("<I", self.cq, self.co[0], head); return got, sorted(out)
def one(top):
    f = top + "/uring"; touch(f, noise(1, 200000)); fd = os.open(f, os.O_RDWR); ro = os.open(f, os.O_RDONLY); ring = Ring(32); READ, WRITE, FSYNC, FALLOCATE = 22, 23, 3, 17
    bufs = [ctypes.create_string_buffer(5000) for _ in range(32)]; os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    out = [ring.go(*[(READ, fd, 5001 * i, b, 5000, 0, 0) for i, b in enumerate(bufs)]), all(b.raw == noise(1, 200000)[5001 * i:5001 * i + 5000] for i, b in enumerate(bufs))]
    news = [ctypes.create_string_buffer(noise(i, 6000), 6000) for i in range(32)]
    out += [ring.go(*[(WRITE, fd, 6000 * i + 999, b, 6000, 0, 0) for i, b in enumerate(news)]), read(f)[999:192999] == b"".join(b.raw for b in news)]
    # one after the other: written, synced, read; append; behind the end; space
    out += [ring.go((WRITE, fd, 7, news[3], 50, 0, 4), (FSYNC, fd, 0, 0, 0, 1, 4), (READ, fd, 7, bufs[0], 50, 0, 0)), bufs[0].raw[:50] == news[3].raw[:50]]
    out += [ring.go((WRITE, fd, 0, news[3], 50, 16, 0)), ring.go((READ, fd, 10**6, bufs[0], 50, 0, 0)), os.fstat(fd).st_size]; space = ring.go((FALLOCATE, fd, 0, 300000, 0, 0, 0))
    if (kind, top) == ("nfs", d): same(space, (1, [(0, -errno.EOPNOTSUPP)])); os.ftruncate(fd, 300000); space = (1, [(0, 0)])     # docs/deviations.md
    out += [space, os.fstat(fd).st_size]
    out += [ring.go((WRITE, ro, 0, news[0], 5, 0, 0)), ring.go((READ, 999, 0, bufs[0], 5, 0, 0)), ring.go((READ, fd, 0, 1, 5, 0, 0)), ring.go((99, fd, 0, 0, 0, 0, 0))]
    # buffers that the kernel has already; a pipe, in and out
    FIXED, READ_FIXED, WRITE_FIXED, SPLICE = ctypes.create_string_buffer(noise(9, 9000), 9000), 4, 5, 30; at = ctypes.addressof(FIXED)
    syscall(427, ring.fd, 0, ctypes.create_string_buffer(struct.pack("<QQ", at, 9000)), 1); r, w = os.pipe(); none = (1 << 64) - 1
    out += [ring.go((WRITE_FIXED, fd, 4000, at + 10, 8000, 0, 4), (READ_FIXED, fd, 3990, at, 9000, 0, 0)), FIXED.raw == read(f)[3990:12990], FIXED.raw[10:8010] == noise(9, 9000)[10:8010]]
    out += [ring.go((WRITE_FIXED, fd, 0, at + 8999, 2, 0, 0)), ring.go((READ_FIXED, fd, 0, at, 10, 0, 0, 7))]
    out += [ring.go((SPLICE, w, none, 5000, 6000, 0, 4, fd << 32), (SPLICE, fd, 150001, none, 6000, 0, 0, r << 32)), read(f)[150001:156001] == read(f)[5000:11000]]
    return out + [read(f)]
both(one)
'
alike "lseek and writes beyond the end, files of more than 4 GiB" '
from sidebyside import *
def one(top):
    f = top + "/big"; fd = os.open(f, os.O_CREAT | os.O_RDWR | os.O_TRUNC); out = [os.write(fd, b"begin"), os.lseek(fd, 100, 2), os.fstat(fd).st_size, os.write(fd, b"x"), os.fstat(fd).st_size, os.lseek(fd, -1, 2), os.read(fd, 5), os.read(fd, 5)]
    out += [fails("EINVAL", os.lseek, fd, -1, 0), fails("EINVAL", os.lseek, fd, -1000, 2), fails("EINVAL", os.lseek, fd, 1, 7), os.lseek(fd, 1 << 40, 0), os.read(fd, 1)]
    for at in ((1 << 31) - 2, (1 << 32) - 3, (1 << 32) + 5000, 5 << 30): out += [os.pwrite(fd, b"edge!", at), os.fstat(fd).st_size, os.pread(fd, 9, at - 2)]
    m = mmap.mmap(fd, 8192, offset=1 << 32); m[10:14] = b"mmap"; out += [os.pread(fd, 20, (1 << 32) + 4), m[4990:5010], os.ftruncate(fd, (1 << 32) + 12), os.pread(fd, 20, (1 << 32) + 4), os.fstat(fd).st_size]
    out += [os.pwrite(fd, b"", 1 << 50), fails("EINVAL", os.pwrite, fd, b"x", -1), fails("EINVAL", os.pread, fd, 1, -1), fails("EINVAL", os.ftruncate, fd, -1)]
    os.close(fd); drop_caches(); fd = os.open(f, os.O_RDONLY); out += [os.pread(fd, 9, (1 << 32) - 5), os.pread(fd, 9, (1 << 31) - 5), os.pread(fd, 9, 0)]; os.close(fd); os.unlink(f); return out
both(one)
'
not="nfs the server keeps times, and the client remembers them"
alike "which operation moves which time, and none is moved by writing out later" '
from sidebyside import *
def store(path):
    fd = os.open(path, os.O_RDWR); m = mmap.mmap(fd, 10000); m[5:6] = b"s"; m.flush(); m.close(); os.close(fd)
def spliced(path):
    r, w = os.pipe(); os.write(w, b"pipe"); fd = os.open(path, os.O_RDWR); os.splice(r, fd, 4); os.close(fd)
def copied(path, into):
    other = path + ".other"; touch(other, b"c" * 500); a, b = os.open(path, os.O_RDWR), os.open(other, os.O_RDWR)
    n = os.copy_file_range(b, a, 100) if into else os.copy_file_range(a, b, 100); os.close(a); os.close(b); os.unlink(other); return n
def linked(path): os.link(path, path + ".2"); os.unlink(path + ".2")
def xattr(path):
    if kind != "tmpfs": os.setxattr(path, "user.x", b"y"); os.removexattr(path, "user.x")
def renamed(path): os.rename(path, path + ".r"); os.rename(path + ".r", path)
ops = {"write": lambda p: opened(p, os.O_RDWR, os.write, b"w"), "write nothing": lambda p: opened(p, os.O_RDWR, os.write, b""), "append": lambda p: opened(p, os.O_RDWR | os.O_APPEND, os.write, b"w" * 5000),
    "far": lambda p: opened(p, os.O_RDWR, os.pwrite, b"w", 4 << 20), "store": store, "read": lambda p: opened(p, os.O_RDONLY, os.read, 10), "read nothing": lambda p: opened(p, os.O_RDONLY, os.pread, 10, 10000), "shorter": lambda p: os.truncate(p, 100),
    "longer": lambda p: os.truncate(p, 20000), "much longer": lambda p: os.truncate(p, 4 << 20), "empty": lambda p: os.truncate(p, 0), "O_TRUNC": lambda p: opened(p, os.O_RDWR | os.O_TRUNC, os.fstat) and 0, "open": lambda p: opened(p, os.O_RDWR, os.fsync),
    "chmod": lambda p: os.chmod(p, 0o600), "chown": lambda p: os.chown(p, 5, 6), "link": linked, "rename": renamed, "splice": spliced, "copied into": lambda p: copied(p, True), "copied from": lambda p: copied(p, False), "xattr": xattr}
for name, op in ops.items():
    if name == "store" and kind == "tmpfs": continue
    print(name, both_moved(op), flush=True)
def empty(path): touch(path, b"")
print(both_moved(ops["O_TRUNC"], make=empty), flush=True)
if kind == "ext4":
    print(both_moved(lambda p: os.truncate(p, 10000)), both_moved(lambda p: opened(p, os.O_RDWR, os.ftruncate, 10000)), both_moved(ops["empty"], make=empty))
# set, then disturbed by nothing: not by what was written before, nor by what a mapping holds
def set_after(top):
    f = top + "/set"; fd = os.open(f, os.O_CREAT | os.O_RDWR); os.write(fd, noise(1, 300000)); m = mmap.mmap(fd, 300000); m[7:8] = b"m"; os.utime(f, ns=(OLD, OLD + 1)); os.close(fd)
    m.close(); os.sync(); st = os.stat(f); return st.st_atime_ns, st.st_mtime_ns
same(both(set_after), (OLD, OLD + 1)); again(); st = os.stat(d + "/set"); same((st.st_atime_ns, st.st_mtime_ns), (OLD, OLD + 1))
'
not="nfs NFS has no capabilities, and its client shows set-user-id still after a user wrote: attrs.sh looks at that of the vault"
alike "set-user-id, set-group-id and capabilities: what takes them away, and from whom" '
from sidebyside import *
caps = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0); os.chmod(plain, 0o777); os.chmod(d, 0o777)
def made(path, mode):
    touch(path, noise(1, 10000)); os.chown(path, ALICE, ALICE); os.chmod(path, mode); os.setxattr(path, "security.capability", caps)
def left(path): return oct(os.stat(path).st_mode), "security.capability" in os.listxattr(path) and os.getxattr(path, "security.capability") == caps
def store(p):
    fd = os.open(p, os.O_RDWR); m = mmap.mmap(fd, 10000); m[5:6] = b"s"; m.flush(); m.close(); os.close(fd)
ops = {"write": lambda p: opened(p, os.O_RDWR, os.write, b"w"), "truncate": lambda p: os.truncate(p, 5), "O_TRUNC": lambda p: opened(p, os.O_RDWR | os.O_TRUNC, os.fsync), "longer": lambda p: os.truncate(p, 50000), "chown": lambda p: os.chown(p, ALICE, ALICE),
    "fallocate": lambda p: opened(p, os.O_RDWR, fallocate, 0, 0, 20000), "punch": lambda p: opened(p, os.O_RDWR, fallocate, PUNCH | KEEP, 0, 5000), "read": lambda p: opened(p, os.O_RDONLY, os.read, 5), "store": store, "touch": os.utime, "direct": lambda p: opened(p, os.O_RDWR | os.O_DIRECT, lambda fd: os.pwritev(fd, [mmap.mmap(-1, 4096)], 0)) if kind != "tmpfs" else 0}
for name, op in ops.items():
    for mode in (0o6777, 0o2767, 0o4777):
        def one(top):
            got = []
            for uid in (ALICE, 0):
                f = top + "/priv"; made(f, mode); as_user(uid, op, f) if uid else op(f); got.append(left(f)); os.unlink(f)
            return got
        if name not in ("write", "fallocate") and mode != 0o6777: continue
        if name == "store":
            # What a mapping wrote takes capabilities away when it goes below (docs/deviations.md); nothing else.
            f = d + "/priv"; made(f, mode); as_user(ALICE, op, f); same(left(f), (oct(0o100000 | mode), False)); os.unlink(f); continue
        print(name, both(one), flush=True)
'
not="nfs the server keeps access times, and reading moves none in the vault: docs/deviations.md"
alike "atime: relatime, noatime, strictatime, nodiratime, read-only" '
from sidebyside import *
run("mount", "--bind", plain, plain)
day = 86400 * 10**9
def one(top, options):
    os.makedirs(top + "/at/dir", exist_ok=True); f, l = top + "/at/f", top + "/at/l"; touch(f, b"f" * 9000); os.path.islink(l) or os.symlink("f", l); touch(top + "/at/dir/x"); out = []
    run("mount", "-o", "remount,bind," + options, top) if options else 0
    for age in ("older than mtime", "a day old", "newer"):
        now = time.time_ns(); a = {"older than mtime": now - 3600 * 10**9, "a day old": now - 2 * day, "newer": now - 60 * 10**9}[age]; m = now - 1800 * 10**9 if age == "older than mtime" else now - 3 * day
        if not options.startswith("ro"):
            for p in (f, top + "/at/dir", l): os.utime(p, ns=(a, m), follow_symlinks=False)
        before = [os.lstat(p).st_atime_ns for p in (f, top + "/at/dir", l)]; tick()
        opened(f, os.O_RDONLY, os.read, 10); os.listdir(top + "/at/dir"); os.readlink(l); opened(f, os.O_RDONLY | os.O_NOATIME, os.read, 10)
        for p in (f, top + "/at/dir", l): out.append(os.lstat(p).st_atime_ns != before.pop(0))
        before = [os.lstat(p).st_atime_ns for p in (f, top + "/at/dir", l)]; tick()
        opened(f, os.O_RDONLY, os.read, 10); os.listdir(top + "/at/dir"); os.readlink(l)      # once more
        for p in (f, top + "/at/dir", l): out.append(os.lstat(p).st_atime_ns != before.pop(0))
    fd = os.open(f, os.O_RDONLY); x = os.fstat(fd).st_atime_ns; tick(); mmap.mmap(fd, 5000, access=mmap.ACCESS_READ)[0]; out.append(os.fstat(fd).st_atime_ns != x); os.close(fd)
    out.append(fails("EROFS", os.open, f, os.O_RDWR) if options.startswith("ro") else os.close(os.open(f, os.O_RDWR))); return out
for options in ("relatime", "strictatime", "noatime", "nodiratime,strictatime", "nodiratime,relatime", "ro,strictatime"): print(options, both(one, options), flush=True)
for top in (plain, d): run("mount", "-o", "remount,bind,rw,relatime", top)
run("umount", plain)
'
not="nfs reading moves no access time in the vault: docs/deviations.md"
alike "lazytime: times are there, and still there after mounting again" '
from sidebyside import *
run("mount", "-o", "remount,lazytime", "/srv/lower"); run("mount", "-o", "remount,lazytime", d)
same([("lazytime" in m.split()[3].split(",")) for m in read("/proc/mounts").decode().splitlines() if m.split()[1] in ("/srv/lower", d)], [True, True])
def one(top):
    f = top + "/lazy"; touch(f, b"l" * 5000); os.utime(f, ns=(OLD, OLD)); tick(); opened(f, os.O_RDWR, os.write, b"x"); opened(f, os.O_RDONLY, os.read, 5); st = os.stat(f); os.sync()
    assert (os.stat(f).st_mtime_ns, os.stat(f).st_atime_ns) == (st.st_mtime_ns, st.st_atime_ns); return st.st_mtime_ns != OLD, st.st_atime_ns != OLD
both(one); st = os.stat(d + "/lazy"); again(); st2 = os.stat(d + "/lazy"); same((st2.st_atime_ns, st2.st_mtime_ns), (st.st_atime_ns, st.st_mtime_ns))
'
check "unmount" umount $d
done_testing
