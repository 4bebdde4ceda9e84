#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Random operations compared with the same bytes in memory; several who write at once. WARD_SEEDS names other seeds.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
for seed in ${WARD_SEEDS:-1 2 3 4 5 6}; do
	check "random operations, seed $seed" py "
from opmix import *
mix = OpMix(d + '/mix', $seed, gap=(3 << 20) if $seed % 3 == 0 else 0, limit=30000 if $seed % 2 else 300000)
since = mark()
mix.run(500).close()
mix.check_all('closed'); again(); mix.check_all('cold')
quiet(since)"
done

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
