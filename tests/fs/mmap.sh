#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mappings, shared and private: coherence, the end of file, signals, programs.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
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
m = map_and_close(f, 100000); ctypes.memmove(m + 99999, b"E", 1); unmap(m, 100000)
same(read(f)[-1:], b"E"); again(); same(read(f)[-1:], b"E")
'
check "and is written to again after a sync, when all who opened the file have closed it" py '
f = d + "/map"; since = mark()
m = map_and_close(f, 100000)
for text in b"once", b"anew": ctypes.memmove(m, text, 4); os.sync()
ctypes.memmove(m + 4, b"!", 1); ctypes.memmove(m + 70000, b"yet", 3); unmap(m, 100000)
def got(): data = read(f); return data[:5], data[70000:70003]
lock(); unlock(); same(got(), (b"anew!", b"yet")); again(); same(got(), (b"anew!", b"yet"))
assert not state()["vault_flags"] & 2; quiet(since)
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
p = subprocess.Popen([shutil.copy("/bin/sleep", d + "/sl"), "600"])
fails("ETXTBSY", os.open, d + "/sl", os.O_WRONLY); p.kill(); p.wait()
'

check "unmount" umount $d
done_testing
