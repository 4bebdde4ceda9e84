#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# What is served from memory: names without waiting (rcu-walk), but never past the lock or the policy; and contents,
# of which the lower file system keeps no second copy.

. "$WARD_TOP/tests/fs/vault.sh"

cat >/tmp/caches.py <<'END'
from sidebyside import *
SYS_openat2, RESOLVE_CACHED = 437, 0x20
tops = {p: os.open(p, os.O_PATH) for p in (d, plain)}
def cached(path, flags=os.O_RDONLY):
    """Opens it only if nothing has to be waited for: EAGAIN otherwise. From its top on: the way there has its own mind."""
    how = ctypes.create_string_buffer(struct.pack("<QQQ", flags, 0, RESOLVE_CACHED), 24)
    top = d if path.startswith(d + "/") else plain
    os.close(syscall(SYS_openat2, tops[top], os.fsencode(path[len(top) + 1:]), how, 24))
def tree(top):
    at = top + "/walk"; os.makedirs(at + "/a/" + "l" * 200 + "/c"); touch(at + "/a/" + "l" * 200 + "/c/f", b"f")
    os.symlink("a", at + "/short"); os.symlink("a/" + "./" * 200 + "l" * 200, at + "/long"); os.mkdir(at + "/shut", 0o700); touch(at + "/shut/f")
    run("setfacl", "-m", "u:bob:-", at + "/a/" + "l" * 200)
PATHS = ("a", "a/" + "l" * 200 + "/c/f", "a/" + "l" * 200 + "/../../a/" + "l" * 200 + "/c", "short", "short/" + "l" * 200 + "/c/f", "long/c/f", "shut/f", "none", "a/none", "a/" + "l" * 200 + "/" + "n" * 200)
def walks(at, who=0):
    """Each path, with different ends: what comes of it without waiting, and what otherwise."""
    def go():
        out = []
        for p in PATHS:
            for flags in (os.O_RDONLY, os.O_PATH, os.O_PATH | os.O_NOFOLLOW, os.O_DIRECTORY, os.O_RDWR): out.append((p[:9], hex(flags), attempt(cached, at + "/" + p, flags), attempt(lambda: os.close(os.open(at + "/" + p, flags)))))
        return out
    return as_user(who, go)
def seen(at):
    for p in PATHS: attempt(os.stat, at + "/" + p); attempt(lambda: read(at + "/" + p)); attempt(lambda: os.readlink(at + "/" + p))
END
check "a vault" new_vault 61001 61002
check "what was looked up is found without waiting, by whom and where it is below; what was not, is not" py '
exec(open("/tmp/caches.py").read())
os.chmod("/srv/lower", 0o755); os.chmod(d, 0o755); os.chmod(plain, 0o755)
def one(top):
    at = top + "/walk"; tree(top); drop_caches(); out = [attempt(cached, at + "/" + p) for p in PATHS[1:2]]
    for who in (0, ALICE, BOB):
        as_user(who, seen, at); out += walks(at, who)
    return out
want, got = one(plain), one(d)
# XFS does not walk through symlinks without waiting; that a vault does is no fault, if the same is at their end.
for w, g in zip(want, got): assert w == g or w[2] == "EAGAIN" and (*w[:2], w[3], w[3]) == g and LOWER == "xfs", ("below", w, "in the vault", g)
assert len(want) == len(got) and got[0] == "EAGAIN" and sum(r[2] is None for r in got[1:]) > 50, got
'
check "nor are names found that came, went or moved meanwhile" py '
exec(open("/tmp/caches.py").read())
def one(top):
    at = top + "/moves"; os.mkdir(at); touch(at + "/f", b"1"); out = []
    for fn in (lambda: read(at + "/f"), lambda: os.rename(at + "/f", at + "/g" + "x" * 200), lambda: attempt(os.stat, at + "/f"), lambda: os.unlink(at + "/g" + "x" * 200), lambda: touch(at + "/f"), lambda: os.chmod(at, 0), lambda: os.chmod(at, 0o700)):
        fn(); out += [attempt(cached, at + "/" + n) for n in ("f", "g" + "x" * 200)]; out.append(attempt(as_user, ALICE, cached, at + "/f"))
    return out
both(one)
'
check "in a locked vault nothing is found: ENOKEY" py '
exec(open("/tmp/caches.py").read())
at = d + "/walk"; seen(at); cached(at + "/a"); lock()
for k in range(3):
    for p in PATHS: fails("ENOKEY", os.stat, at + "/" + p); fails("ENOKEY|EAGAIN", cached, at + "/" + p); fails("ENOKEY|EAGAIN", cached, at + "/" + p, os.O_PATH)
unlock(); seen(at); cached(at + "/a")
'
check "who is refused by the policy is so at once, whatever was found before: EACCES" py '
exec(open("/tmp/caches.py").read())
at = d + "/walk"; f = at + "/" + PATHS[1]
def found(): read(f); os.stat(f); cached(f); cached(f, os.O_PATH)
def refused():
    for fn in (lambda: cached(f), lambda: cached(f, os.O_PATH)): fails("EACCES|EAGAIN", fn)
    for fn in (lambda: read(f), lambda: os.open(f, os.O_RDONLY), lambda: os.listdir(at)): fails("EACCES", fn)
as_user(ALICE, found); as_user(BOB, lambda: fails("EACCES", os.stat, f))
policy(0, BOB); since = mark(); as_user(ALICE, refused); assert reported(since, kind="violation")["uid"] == ALICE
policy(0, ALICE); as_user(ALICE, found)
'

# tmpfs is a cache itself.
if [ "${WARD_LOWER:-ext4}" != tmpfs ]; then
cat >/tmp/copies.py <<'END'
from sidebyside import *
def pages(*paths):
    """How many of these files' pages are in the page cache."""
    return sum(map(int, run("fincore", "-n", "-b", "-o", "PAGES", *paths).split()))
END
check "no second copy of what is read: as a whole, at random, through a mapping, in small files" py '
exec(open("/tmp/copies.py").read())
size = 20 << 20; f = d + "/copies"; touch(f, noise(1, size)); os.mkdir(d + "/small")
for k in range(100): touch(d + "/small/%d" % k, noise(k, 40 + 97 * k))
low = lower(f); at = lower(d + "/small")
smalls = [d + "/small/" + n for n in os.listdir(d + "/small")], [at + "/" + n for n in os.listdir(at) if not n.startswith(".")]
def mapped():
    fd = os.open(f, os.O_RDONLY); m = mmap.mmap(fd, size, prot=mmap.PROT_READ); [m[k] for k in range(0, size, 4096)]; os.close(fd); return m
def random_reads():
    fd = os.open(f, os.O_RDONLY); os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM); r = random.Random(1); [os.pread(fd, 100, r.randrange(size - 100)) for _ in range(500)]; os.close(fd)
for how in (lambda: read(f), mapped, random_reads):
    again(); drop_caches(); before = pages(low); assert pages(f) == 0 and before <= 8, before; how(); got = pages(f), pages(low); print(got, flush=True)
    assert got[0] > 400 and got[1] <= before + 2, got         # two: the header, and the block it shares a page with
same([len(x) for x in smalls], [100, 100]); drop_caches(); [read(p) for p in smalls[0]]; got = pages(*smalls[0]), pages(*smalls[1]); print(got, flush=True)
assert got[0] >= 100 and got[1] <= 2, got
'
check "nor of what was written, but for the ends of its runs" py '
exec(open("/tmp/copies.py").read())
size = 20 << 20; f = d + "/written"; data = memoryview(noise(1, size))
for piece in (1 << 20, 5000, 1 << 20):
    fd = os.open(f, os.O_CREAT | os.O_RDWR); [os.pwrite(fd, data[k:k + piece], k) for k in range(0, size, piece)]; os.fsync(fd); os.close(fd)
    # Short runs are written through the lower page cache: a few of a hundred pages stay there.
    got = pages(f), pages(lower(f)); print(got, flush=True); assert got[0] >= size // 4096 and got[1] <= size // 4096 // 20, got
'
fi
check "what has been written back is open below no more, whoever made it dirty last" py '
def opened_files():
    with open("/proc/sys/fs/file-nr") as f: return int(f.read().split()[0])
def most(spoil, n=600):
    """Files that are made dirty by nobody who has them open: open below, and no more after a sync. The kernel does not write them by itself meanwhile."""
    late = "/proc/sys/vm/dirty_expire_centisecs"; usual = read(late); touch(late, b"360000")
    try: used(spoil, n)
    finally: touch(late, usual)
def used(spoil, n):
    at = d + "/" + spoil.__name__; os.mkdir(at); os.sync(); before = opened_files()
    for k in range(n): spoil(at + "/%d" % k)
    middle = opened_files(); os.sync()
    for _ in range(600):
        after = opened_files()
        if after - before < n // 3: break
        time.sleep(0.1)
    print(spoil.__name__, middle - before, after - before, flush=True); assert middle - before > n * 2 // 3 and after - before < n // 3
def mknod(path): os.mknod(path, stat.S_IFREG | 0o600)
most(mknod)
'
diag "$(cat "$lib_out")"
check "unmount" umount $d
done_testing
