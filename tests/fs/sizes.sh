#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Sizes around every boundary, holes, the upper end: what is written, below and read back, hot and cold.

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
os.sync()
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

check "unmount" umount $d
done_testing
