#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1200
#
# Limits: an allowed user copies or rewrites so much, and no more; and what is told of it.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0
cat >/tmp/burst.py <<'END'
from calls import *
A, FILES, BYTES, CHANGES = testvault.ALLOW, testvault.FILES, testvault.BYTES, testvault.CHANGES
def limited(*limits, who=ALICE, name='limited', ops=testvault.ALL, flags=A, more=()):
    return testvault.rule(name, flags, ops, *([(1, [(1, who)])] if who else []), *more, (7, list(limits)))
def names(n=40): return [d + '/dir/f%02d' % k for k in range(n)]
def count(fn, some):
    """How many of them it can be done with; the others are refused."""
    done = 0
    for x in some:
        try: fn(x); done += 1
        except OSError as e: same(e.errno, errno.EACCES)
    return done
def as_alice(fn, *args, uid=ALICE): return as_user(uid, fn, *args)
END
check "files" py '
exec(open("/tmp/burst.py").read())
os.umask(0); os.chmod(d, 0o777); os.mkdir(d + "/dir", 0o777); os.chmod(d + "/dir", 0o777)
for k, n in enumerate(names()): touch(n, noise(k, 10000)); os.chmod(n, 0o666); os.chown(n, ALICE, ALICE)
'
check "so many different files, the same ones as often as one likes" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 3600, 10))); since = mark()
def go():
    same(count(read, names()), 10); same(count(read, names()), 10); same(count(read, names()[:10] * 3), 30); os.listdir(d + "/dir")
    fails("EACCES", os.getxattr if LOWER != "tmpfs" else read, names()[20], *(("user.x",) if LOWER != "tmpfs" else ())); touch(names()[30], b"written")
as_alice(go)
e = reported(since, kind="violation", uid=ALICE); same((e["reason"], e["rule"], e["action"], e["errno"]), ("burst", "limited", "open-read", errno.EACCES)); assert "near" not in e
same(sum(x["count"] for x in events(since, kind="violation", reason="burst", action="open-read", path="/dir/f10")) >= 1, True)
'
check "they go on when the policy is loaded anew, also with another number; another rule begins anew" py '
exec(open("/tmp/burst.py").read())
rules(testvault.rule("before", 0, testvault.ALL, (1, [(1, BOB)])), limited((FILES, 3600, 10))); same(as_alice(count, read, names()), 10)
rules(limited((FILES, 3600, 15))); same(as_alice(count, read, names()), 15)
rules(limited((FILES, 7200, 5))); same(as_alice(count, read, names()), 15); same(as_alice(count, read, names()[20:]), 0)
rules(limited((FILES, 3600, 4), name="another")); same(as_alice(count, read, names()), 4)
'
check "each user for himself, one who makes user namespaces still as himself" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 3600, 6), who=None, name="everybody"))
same(as_alice(count, read, names()), 6); same(as_alice(count, read, names(), uid=BOB), 6); same(as_alice(count, read, names()[20:]), 0)
def inside():
    assert not libc.unshare(0x10000000)
    return count(read, names()[20:])
same(as_alice(inside), 0); same(as_alice(count, read, names()[6:12], uid=MALLORY), 6)
'
check "when the time is over they begin anew, one file after the other" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 16, 5), name="short"))
def go():
    same(count(read, names()), 5); t = time.monotonic()
    while time.monotonic() < t + 4: read(names()[0]); time.sleep(0.1)
    same(count(read, names()[5:]), 0)
    while time.monotonic() < t + 20: read(names()[0]); time.sleep(0.1)
    same(count(read, names()[5:]), 4)		# one was read all the time
as_alice(go)
'
check "in any second, wherever it begins, no more than that" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 1, 5), name="a second"))
def go():
    done, began = [], time.monotonic()
    while time.clock_gettime(time.CLOCK_BOOTTIME) % 1 < 0.6: pass
    for n in names():
        before = time.monotonic()
        while before < began + 6:
            try: read(n)
            except OSError as e: same(e.errno, errno.EACCES); before = time.monotonic(); continue
            done.append((before, time.monotonic())); break
    print(len(done)); assert 10 <= len(done) <= 36
    for first, sixth in zip(done, done[5:]): assert sixth[1] - first[0] >= 0.999, (first, sixth)
as_alice(go)
'
check "bytes: by read, by mapping, by sendfile" py '
exec(open("/tmp/burst.py").read())
def amount(fn): return as_alice(count, fn, names())
rules(limited((BYTES, 3600, 100000), name="b1")); same(amount(read), 10)
fd = os.open("/tmp/sent", os.O_CREAT | os.O_RDWR, 0o666)
rules(limited((BYTES, 3600, 100000), name="b2")); same(amount(lambda n: os.sendfile(fd, os.open(n, os.O_RDONLY), 0, 10000)), 10)
rules(limited((BYTES, 3600, 10 * 4096), name="b3"))
def go():
    n = 0
    for name in names():
        m = mmap.mmap(os.open(name, os.O_RDONLY), 10000, prot=mmap.PROT_READ)
        if child_signal(lambda: m[0]) == signal.SIGBUS: return n
        n += 1
same(as_alice(go), 10)
rules(limited((BYTES, 3600, 100000), name="b4"))
def go():
    fd = os.open(names()[0], os.O_RDONLY)
    same(sum(len(os.pread(fd, 1000, 0)) for k in range(100)), 100000); fails("EACCES", os.pread, fd, 1, 0); same(os.pread(fd, 100, 10000), b"")
    fails("EACCES", read, names()[1])
as_alice(go)
rules(limited((BYTES, 3600, 5000), name="b5")); fails("EACCES", as_alice, read, names()[0]); same(as_alice(lambda: len(os.pread(os.open(names()[0], os.O_RDONLY), 5000, 0))), 5000)
rules(limited((BYTES, 12, 20000), name="b6"))
def go():
    same(count(read, names()), 2); time.sleep(13); same(count(read, names()), 2)
as_alice(go)
'
check "changes: writing, cutting, renaming, deleting, each file once" py '
exec(open("/tmp/burst.py").read())
policy(0)
def make():
    for k in range(12): touch(d + "/dir/v%d" % k, b"x" * 100); os.chown(d + "/dir/v%d" % k, ALICE, ALICE)
v = [d + "/dir/v%d" % k for k in range(12)]
def cut(n): os.truncate(n, 5)
def move(n): os.rename(n, n + "x"); os.rename(n + "x", n)
def write(n):
    with open(n, "r+b") as f: f.write(b"y")
for k, fn in enumerate((cut, move, write, os.unlink)):
    policy(0); make(); rules(limited((CHANGES, 3600, 7), name="c%d" % k)); since = mark()
    same(as_alice(count, fn, v), 7)
    e = reported(since, kind="violation", uid=ALICE); same((e["reason"], e["rule"]), ("burst", "c%d" % k))
policy(0); make(); rules(limited((CHANGES, 3600, 7), name="c9"))
def mixed():
    for fn in (cut, write, move): same(count(fn, v[:5]), 5)
    same(count(os.unlink, v), 7); same(count(read, v[8:]), 4)
as_alice(mixed)
'
check "copied away: tar gets so many files" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 60, 12), name="office")); since = mark()
got = subprocess.run(["tar", "cf", "/tmp/loot.tar", "-C", d, "dir"], user=ALICE, group=ALICE, extra_groups=[], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
assert got.returncode
import tarfile
whole = [m for m in tarfile.open("/tmp/loot.tar") if m.isfile()]; same(len(whole), 12)
same(len({e["path"] for e in events(since, kind="violation", reason="burst", rule="office")}) >= 28, True)
'
check "encrypted for ransom: so many are lost, and the others are not" py '
exec(open("/tmp/burst.py").read())
policy(0); before = {n: read(n) for n in names()}
rules(limited((CHANGES, 60, 8), name="office"))
def ransom(n):
    data = bytes(b ^ 0x55 for b in read(n))
    with open(n, "r+b") as f: f.write(data)
same(as_alice(count, ransom, names()), 8)
policy(0); same(sum(read(n) != before[n] for n in names()), 8)
'
check "a permissive policy tells, and lets through" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 3600, 3), name="p"), flags=1); since = mark(); same(as_alice(count, read, names()), 40)
e = reported(since, kind="violation", uid=ALICE, reason="burst"); same((e["errno"], e["rule"]), (0, "p"))
'
check "many counters, and a rule that is used by many at once" py '
exec(open("/tmp/burst.py").read())
rules(limited((FILES, 3600, 20), (BYTES, 3600, 1 << 40), (CHANGES, 60, 5), who=None, name="all of them"))
pids = []
for k in range(8):
    pid = os.fork()
    if not pid:
        os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE); n = 0
        for r in range(20): n = max(n, count(read, names()))
        os._exit(n)
    pids.append(pid)
same([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids], [20] * 8)
for uid in range(70000, 70300): same(as_user(uid, count, read, names()[:2]), 2)
policy(0)
'
check "unmount" umount $d
done_testing
