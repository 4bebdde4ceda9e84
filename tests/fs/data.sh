#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Contents: sizes around every boundary, holes, random operations, mappings, direct I/O, splicing, several writers.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
cat >/tmp/sizes.py <<'END'
from calls import *
sizes = sorted({max(0, b + k) for b in (0, 3552, 3552 + 4064, 3552 + 2 * 4064, 3552 + 63 * 4064, 3552 + 64 * 4064,
                                        4096, 8192, 61 * 4096, 64 * 4096) for k in (-1, 0, 1)} | {2, 100, 100000})
def by_write(f, s):
    touch(f, noise(s, s))
def by_pieces(f, s):
    with open(f, 'wb', buffering=0) as h:
        data, step = noise(s, s), max(1000, s // 40 + 1)
        for at in range(0, s, step): h.write(data[at:at + step])
def by_append(f, s):
    data = noise(s, s)
    touch(f)
    for at in range(0, s, s // 7 + 1):
        with open(f, 'ab', buffering=0) as h: h.write(data[at:at + s // 7 + 1])
def backwards(f, s):
    fd, data = os.open(f, os.O_CREAT | os.O_WRONLY), noise(s, s)
    for at in reversed(range(0, s, s // 5 + 1)): os.pwrite(fd, data[at:at + s // 5 + 1], at)
    os.close(fd)
def cut(f, s):
    touch(f, noise(s, s) + noise(0, 5000))
    os.truncate(f, s)
def cut_open(f, s):
    fd = os.open(f, os.O_CREAT | os.O_RDWR)
    os.write(fd, noise(s, s) + noise(0, 9000)); os.fsync(fd); os.ftruncate(fd, s); os.close(fd)
def by_map(f, s):
    fd = os.open(f, os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, s)
    if s:
        with mmap.mmap(fd, s) as m: m[:] = noise(s, s)
    os.close(fd)
def grown(f, s):
    touch(f, b'x'[:s]); os.truncate(f, s)
ways = (by_write, by_pieces, by_append, backwards, cut, cut_open, by_map, grown)
def want(way, s):
    return (b'x'[:s] + bytes(max(0, s - 1))) if way is grown else noise(s, s)
def check():
    for way in ways:
        for s in sizes:
            f = d + '/%s-%d' % (way.__name__, s)
            same(os.stat(f).st_size, s)
            assert read(f) == want(way, s), f
END
check "sizes around every boundary, come about in every way" py '
exec(open("/tmp/sizes.py").read())
for way in ways:
    for s in sizes: way(d + "/%s-%d" % (way.__name__, s), s)
check()
'
check "below, lengths are what the format says" py '
exec(open("/tmp/sizes.py").read())
low = {os.lstat(below + "/" + n).st_ino: below + "/" + n for n in os.listdir(below)}
for way in ways:
    for s in sizes:
        at = low[os.stat(d + "/%s-%d" % (way.__name__, s)).st_ino]
        same((way.__name__, s, os.stat(at).st_size), (way.__name__, s, length(s)))
        head = read(at)[:512]
        same((head[:8], head[48]), (b"WARDFIL\0", 0 if s else 1))
'
check "and read back cold" py 'exec(open("/tmp/sizes.py").read()); since = mark(); again(); check(); quiet(since)'
check "and a page at a time, from the end" py '
exec(open("/tmp/sizes.py").read())
drop_caches()
f = d + "/by_write-%d" % sizes[-1]; data = noise(sizes[-1], sizes[-1])
fd = os.open(f, os.O_RDONLY); os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
for at in reversed(range(0, sizes[-1], 4096)): assert os.pread(fd, 4096, at) == data[at:at + 4096], at
same(os.pread(fd, 10, sizes[-1]), b""); same(os.pread(fd, 10, sizes[-1] - 3), data[-3:])
for n in os.listdir(d): os.unlink(d + "/" + n)
'

check "gaps: up to 1 MiB as zeros, beyond as holes" py '
mib = 1 << 20
for gap in (1, 4096, 5000, mib - 1, mib, mib + 1, 5 * mib):
    for start in (0, 10, 3552, 20000):
        f = d + "/gap-%d-%d" % (gap, start)
        touch(f, noise(1, start))
        with open(f, "r+b", buffering=0) as h: h.seek(start + gap); h.write(b"end")
drop_caches()
for gap in (1, 4096, 5000, mib - 1, mib, mib + 1, 5 * mib):
    for start in (0, 10, 3552, 20000):
        f = d + "/gap-%d-%d" % (gap, start)
        assert read(f) == noise(1, start) + bytes(gap) + b"end", f
        st = os.stat(lower(f)); same(st.st_size, length(start + gap + 3))
        sparse = read(lower(f))[48]
        same((f, sparse), (f, 2 if gap > mib else 0))
        assert st.st_blocks * 512 < (100000 if gap > mib else start + gap + 50000), (f, st.st_blocks)
'
check "sparse files: filled in, cut, grown, read cold" py '
mib = 1 << 20
f = d + "/sparse"
want = bytearray(20 * mib)
fd = os.open(f, os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 20 * mib); same(os.fstat(fd).st_size, 20 * mib)
assert os.stat(lower(f)).st_blocks < 200
for at in (0, 4000, 5 * mib - 7, 12 * mib + 4064, 20 * mib - 5000):
    data = noise(at, 5000); os.pwrite(fd, data, at); want[at:at + 5000] = data
os.close(fd); assert read(f) == want
since = mark(); again(); assert read(f) == want; quiet(since)
os.truncate(f, 12 * mib); del want[12 * mib:]; drop_caches(); assert read(f) == want
os.truncate(f, 15 * mib); want.extend(bytes(3 * mib)); drop_caches(); assert read(f) == want
assert os.stat(lower(f)).st_blocks * 512 < mib
with open(f, "r+b") as h: h.write(noise(9, 15 * mib))
assert read(f) == noise(9, 15 * mib)
same(read(lower(f))[48], 0)
since = mark(); again(); assert read(f) == noise(9, 15 * mib); quiet(since)
os.unlink(f)
'
check "sizes at the upper end" py '
f = d + "/huge"
fd = os.open(f, os.O_CREAT | os.O_RDWR)
os.pwrite(fd, b"far", 1 << 40); same(os.fstat(fd).st_size, (1 << 40) + 3); same(os.pread(fd, 5, (1 << 40) - 2), b"\0\0far")
fails("EFBIG|EINVAL", os.ftruncate, fd, (1 << 63) - 1); fails("EFBIG|EINVAL", os.pwrite, fd, b"x", (1 << 63) - 2)
same(os.fstat(fd).st_size, (1 << 40) + 3)
os.close(fd); again(); fd = os.open(f, os.O_RDWR)
same(os.pread(fd, 5, (1 << 40) - 2), b"\0\0far"); same(os.pread(fd, 5, 77777777), bytes(5)); os.close(fd); os.unlink(f)
'

for seed in ${WARD_SEEDS:-1 2 3 4 5 6}; do
	check "random operations, seed $seed" py "
from opmix import *
mix = OpMix(d + '/mix', $seed, gap=(3 << 20) if $seed % 3 == 0 else 0, limit=30000 if $seed % 2 else 300000)
since = mark()
mix.run(500).close()
mix.check_all('closed'); again(); mix.check_all('cold')
quiet(since)"
done

check "O_DIRECT is accepted" py '
f = d + "/direct"
fd = os.open(f, os.O_CREAT | os.O_RDWR | os.O_DIRECT)
buf = mmap.mmap(-1, 65536); buf[:] = noise(2, 65536)
same(os.pwritev(fd, [buf], 0), 65536); same(os.pwritev(fd, [memoryview(buf)[:4096]], 65536), 4096)
back = mmap.mmap(-1, 65536); same(os.preadv(fd, [back], 0), 65536); assert back[:] == buf[:]
os.close(fd); drop_caches(); assert read(f) == buf[:] + buf[:4096]
'
check "O_TRUNC, O_APPEND, O_SYNC, O_EXCL" py '
f = d + "/flags"
touch(f, noise(1, 50000)); touch(f, b"short"); same(read(f), b"short"); same(os.stat(f).st_size, 5)
fd = os.open(f, os.O_WRONLY | os.O_APPEND); os.lseek(fd, 0, 0); os.write(fd, b"er"); os.pwrite(fd, b"!", 0); same(read(f), b"shorter!")
fails("EEXIST", os.open, f, os.O_CREAT | os.O_EXCL)
fd = os.open(f, os.O_WRONLY | os.O_SYNC | os.O_TRUNC); os.write(fd, b"synced"); drop_caches(); same(read(f), b"synced")
fails("EBADF", os.read, fd, 1); fails("EISDIR", os.open, d, os.O_WRONLY)
'
check "what fsync returned for is below" py '
f = d + "/synced"
fd = os.open(f, os.O_CREAT | os.O_RDWR)
for k in range(1, 4):
    os.pwrite(fd, noise(k, 10000), (k - 1) * 9000); os.fsync(fd)
    at = lower(f); same(os.stat(at).st_size // 4096, length((k - 1) * 9000 + 10000) // 4096)
    raw = read(at); assert all(raw[b:b + 12] != bytes(12) for b in range(512, len(raw) // 4096 * 4096, 4096))
os.close(fd)
'
check "sendfile, splice, copy_file_range" py '
src, dst, data = d + "/src", d + "/dst", noise(7, 300000)
touch(src, data)
drop_caches()
a, b = os.open(src, os.O_RDONLY), os.open(dst, os.O_CREAT | os.O_RDWR)
n = 0
while n < len(data): n += os.sendfile(b, a, n, len(data) - n)
assert read(dst) == data
os.ftruncate(b, 0); r, w = os.pipe(); n = 0
while n < len(data):
    got = os.splice(a, w, 65536, offset_src=n)
    put = 0
    while put < got: put += os.splice(r, b, got - put, offset_dst=n + put)
    n += got
assert read(dst) == data
os.ftruncate(b, 0); n = 0
while n < len(data): n += os.copy_file_range(a, b, len(data) - n, n, n)
assert read(dst) == data
touch("/tmp/plain", data); p = os.open("/tmp/plain", os.O_RDONLY); os.ftruncate(b, 0); n = 0
while n < len(data): n += os.sendfile(b, p, n, len(data) - n)
os.fsync(b); drop_caches(); assert read(dst) == data
'
check "vectors, and reads into a mapping of the same file" py '
f = d + "/vec"
fd = os.open(f, os.O_CREAT | os.O_RDWR)
same(os.writev(fd, [noise(1, 3000), b"", noise(2, 5000), noise(3, 1)]), 8001)
bufs = [bytearray(1000), bytearray(7001), bytearray(10)]; same(os.preadv(fd, bufs, 0), 8001)
assert b"".join(bufs)[:8001] == noise(1, 3000) + noise(2, 5000) + noise(3, 1)
m = mmap.mmap(fd, 8001); os.preadv(fd, [memoryview(m)[4000:8000]], 0)
same(m[4000:7000], noise(1, 3000)); os.pwrite(fd, memoryview(m)[0:3000], 8001); same(read(f)[8001:], noise(1, 3000))
'

check "a shared mapping and read/write see each other" py '
f = d + "/map"
touch(f, noise(1, 100000))
fd = os.open(f, os.O_RDWR); m = mmap.mmap(fd, 100000)
m[5000:5010] = b"0123456789"; same(os.pread(fd, 10, 5000), b"0123456789")
os.pwrite(fd, b"abcdefghij", 60000); same(m[60000:60010], b"abcdefghij")
m.flush(); drop_caches(); same(read(f)[5000:5010], b"0123456789"); m[0:1] = b"Z"; os.fsync(fd)
m.close(); os.close(fd); again(); got = read(f)
same((got[:1], got[5000:5010], got[60000:60010], len(got)), (b"Z", b"0123456789", b"abcdefghij", 100000))
'
check "a mapping that outlives its descriptor" py '
f = d + "/map"
fd = os.open(f, os.O_RDWR); m = mmap.mmap(fd, 100000); os.close(fd)
m[99999:100000] = b"E"; del m
same(read(f)[-1:], b"E"); again(); same(read(f)[-1:], b"E")
'
check "a private mapping keeps its changes to itself" py '
f = d + "/map"
fd = os.open(f, os.O_RDWR); m = mmap.mmap(fd, 100000, flags=mmap.MAP_PRIVATE)
before = read(f); m[100:200] = b"p" * 100; assert read(f) == before; os.close(fd)
fd = os.open(f, os.O_RDONLY); m = mmap.mmap(fd, 0, access=mmap.ACCESS_COPY); m[0:5] = b"xxxxx"; assert read(f) == before
fails("EACCES", mmap.mmap, fd, 100, access=mmap.ACCESS_WRITE)
'
check "past the end of a mapped file: SIGBUS; in its last page: zeros, that stay out of the file" py '
f = d + "/map"
touch(f, b"x" * 5000)
fd = os.open(f, os.O_RDWR); m = mmap.mmap(fd, 5000)
addr = ctypes.addressof(ctypes.c_char.from_buffer(m))
same(child_signal(ctypes.string_at, addr + 4096, 4096), 0)
same(ctypes.string_at(addr + 5000, 3192), bytes(3192))
ctypes.memset(addr + 5000, 0x55, 3192)
os.fsync(fd); same(read(f), b"x" * 5000)
os.ftruncate(fd, 8192); same(read(f)[5000:], bytes(3192)); drop_caches(); same(read(f)[5000:], bytes(3192))
os.ftruncate(fd, 100)
same(child_signal(ctypes.string_at, addr + 4096, 1), signal.SIGBUS); same(child_signal(ctypes.memset, addr + 4096, 1, 1), signal.SIGBUS)
os.ftruncate(fd, 5000); same(child_signal(ctypes.string_at, addr + 4096, 1), 0); same(read(f)[100:], bytes(4900))
'
check "programs run out of the vault" py '
import shutil
shutil.copy("/bin/true", d + "/prog"); os.chmod(d + "/prog", 0o755); again()
same(subprocess.call([d + "/prog"]), 0)
p = subprocess.Popen([shutil.copy("/bin/sleep", d + "/sl"), "5"]); time.sleep(0.5)
fails("ETXTBSY", os.open, d + "/sl", os.O_WRONLY); p.kill(); p.wait()
'

check "processes that write neighbouring pieces of a file" py '
f = d + "/shared"
touch(f)
pieces, size, workers = 60, 1777, 4
def work(w):
    fd = os.open(f, os.O_RDWR)
    r = random.Random(w)
    mine = list(range(w, pieces * workers, workers)); r.shuffle(mine)
    for k, p in enumerate(mine):
        os.pwrite(fd, noise(p, size), p * size)
        if k % 9 == 0: os.fsync(fd)
        if k % 13 == 0: same(os.pread(fd, size, p * size), noise(p, size))
    os.close(fd)
pids = []
for w in range(workers):
    pid = os.fork()
    if not pid:
        try: work(w); os._exit(0)
        except BaseException as e: print(repr(e), flush=True); os._exit(1)
    pids.append(pid)
assert all(os.waitpid(p, 0)[1] == 0 for p in pids)
want = b"".join(noise(p, size) for p in range(pieces * workers))
assert read(f) == want; since = mark(); again(); assert read(f) == want; quiet(since)
'
check "threads that append, truncate, map and sync" py '
import threading
f = d + "/threads"
touch(f, bytes(200000))
fd = os.open(f, os.O_RDWR); m = mmap.mmap(fd, 200000); stop = time.time() + 4; bad = []
def run_until(fn):
    def loop():
        k = 0
        while time.time() < stop:
            try: fn(k)
            except Exception as e: bad.append(repr(e)); return
            k += 1
    return threading.Thread(target=loop)
def mapper(k): m[4000 + k % 50 * 100:4100 + k % 50 * 100] = bytes([k % 256]) * 100
def writer(k): os.pwrite(fd, bytes([k % 256]) * 5000, 20000 + k % 30 * 3000)
def syncer(k): os.fsync(fd); time.sleep(0.01)
def tail(k): os.ftruncate(fd, 200000 + k % 3 * 7000); os.pwrite(fd, b"t" * 100, 200000)
def reader(k): assert len(os.pread(fd, 100000, k * 4096 % 150000)) >= 50000
ts = [run_until(fn) for fn in (mapper, writer, syncer, tail, reader)]
for t in ts: t.start()
for t in ts: t.join()
assert not bad, bad
m.close(); os.close(fd); got = read(f); since = mark(); again(); assert read(f) == got; quiet(since)
'
check "what is appended by several is all there" py '
f = d + "/log"
touch(f)
def work(w):
    fd = os.open(f, os.O_WRONLY | os.O_APPEND)
    for k in range(150): os.write(fd, (b"%d:%d;" % (w, k)).ljust(50, b"."))
pids = []
for w in range(4):
    pid = os.fork()
    if not pid: work(w); os._exit(0)
    pids.append(pid)
for p in pids: os.waitpid(p, 0)
got = read(f); same(len(got), 4 * 150 * 50)
same(sorted(got[k:k + 50] for k in range(0, len(got), 50)), sorted((b"%d:%d;" % (w, k)).ljust(50, b".") for w in range(4) for k in range(150)))
drop_caches(); same(read(f), got)
'
check "unmount" umount $d
done_testing
