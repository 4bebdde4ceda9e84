#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# System calls on contents: direct I/O, flags of open, fsync, splicing, vectors.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
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
check "what waits to be written has blocks: who leaves out holes takes it for none" py '
f = d + "/waits"
def tar():							# Below btrfs and tmpfs set ctime when it is written out, which tar sees.
    got = subprocess.run(("tar", "-C", d, "-S", "-cf", "/tmp/waits.tar", "waits"), capture_output=True, text=True)
    assert not got.returncode or (LOWER in ("btrfs", "tmpfs", "nfs") and "file changed as we read it" in got.stderr), got
    return subprocess.check_output(("tar", "-xOf", "/tmp/waits.tar"))
fd = os.open(f, os.O_CREAT | os.O_RDWR); os.write(fd, noise(5, 1000000)); st = os.fstat(fd); assert 1000000 <= st.st_blocks * 512 <= 1100000, st
same(tar(), noise(5, 1000000))
os.fsync(fd); st = os.fstat(fd); assert 1000000 <= st.st_blocks * 512 <= 1100000, st; os.close(fd)
fd = os.open(f, os.O_RDWR | os.O_TRUNC); assert os.fstat(fd).st_blocks <= 8; os.pwrite(fd, b"x", 5000000); st = os.fstat(fd); assert 0 < st.st_blocks * 512 < 100000, st
same(tar(), bytes(5000000) + b"x"); os.close(fd)
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
touch("/tmp/plain", data); p = os.open("/tmp/plain", os.O_RDONLY); os.ftruncate(b, 0); os.lseek(b, 0, 0); n = 0
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

check "unmount" umount $d
done_testing
