#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Rules that name directories: what lies in them, the way there, and the boundaries between them.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0
cat >/tmp/places.py <<'END'
from calls import *
A, O = testvault.ALLOW, testvault.OPS
def allow(who, ops, *paths, name='some', flags=A):
    return testvault.rule(name, flags, ops, (1, [(1, who)]), *([(4, list(paths))] if paths else []))
def tree(path, mode=0o777):
    os.makedirs(path, exist_ok=True); os.chmod(path, mode)
def reads(path): return as_user(ALICE, read, d + path)
def no(fn, *args, **kw): fails('EACCES', as_user, ALICE, fn, *args, **kw)
END
check "directories for everybody, by their modes" py '
exec(open("/tmp/places.py").read())
os.umask(0); os.chmod(d, 0o777)
for n in ("/intake", "/casefiles/2024", "/public/deep/er", "/hr", "/a/b/c"): tree(d + n)
for n in ("/casefiles", "/public/deep", "/public", "/a", "/a/b"): os.chmod(d + n, 0o777)
for n in ("/intake/f", "/casefiles/f", "/casefiles/2024/f", "/public/f", "/public/deep/f", "/hr/f", "/a/b/c/f", "/top"):
    touch(d + n, n.encode()); os.chmod(d + n, 0o666); os.chown(d + n, ALICE, ALICE)
'
check "what lies in a directory, and nothing else" py '
exec(open("/tmp/places.py").read())
rules(allow(ALICE, testvault.ALL, "/casefiles", "/a/b/c", name="cases"))
same(reads("/casefiles/f"), b"/casefiles/f"); same(reads("/casefiles/2024/f"), b"/casefiles/2024/f")
same(reads("/a/b/c/f"), b"/a/b/c/f"); same(as_user(ALICE, os.listdir, d + "/casefiles/2024"), ["f"])
def work():
    w = d + "/casefiles/2024/"
    touch(w + "new", b"x"); os.rename(w + "new", w + "newer"); os.link(w + "newer", w + "two"); os.unlink(w + "two"); os.unlink(w + "newer")
    os.mkdir(w + "dir"); touch(w + "dir/x"); os.unlink(w + "dir/x"); os.rmdir(w + "dir"); os.symlink("f", w + "l"); same(read(w + "l"), b"/casefiles/2024/f"); os.unlink(w + "l")
as_user(ALICE, work)
since = mark()
for n in ("/public/f", "/hr/f", "/intake/f", "/top"): no(read, d + n)
for n in ("/", "/public", "/a", "/a/b"): no(os.listdir, d + n)
no(touch, d + "/new"); no(os.mkdir, d + "/a/b/new"); no(os.unlink, d + "/top"); no(os.stat, d + "/public/f")
e = reported(since, kind="violation", uid=ALICE, path="/top", action="open-read")
same((e["reason"], e.get("rule"), e["near"], e["lacks"]), ("policy", None, "cases", 1 << 4))
'
check "an allow implies walking to it, and no further" py '
exec(open("/tmp/places.py").read())
since = mark()
for n in ("", "/a", "/a/b", "/a/b/c", "/casefiles/2024/f", "/top", "/public"): as_user(ALICE, os.stat, d + n)
as_user(ALICE, os.chdir, d + "/a/b"); quiet(since, "violation")
no(os.chdir, d + "/public"); fails("ENOENT", as_user, ALICE, os.stat, d + "/a/b/x")
fails("EACCES", as_user, MALLORY, os.stat, d + "/a")
'
check "the first rule that matches decides, in each place" py '
exec(open("/tmp/places.py").read())
rules(allow(ALICE, O["write"] | O["delete"], "/casefiles/2024", name="closed", flags=0), allow(ALICE, testvault.ALL, name="all"))
since = mark()
same(reads("/casefiles/2024/f"), b"/casefiles/2024/f"); no(os.unlink, d + "/casefiles/2024/f"); no(os.truncate, d + "/casefiles/2024/f", 3)
e = reported(since, kind="violation", uid=ALICE, action="delete"); same((e["rule"], e["path"]), ("closed", "/casefiles/2024/f")); assert "near" not in e
as_user(ALICE, os.truncate, d + "/casefiles/f", 12); as_user(ALICE, os.listdir, d)
rules(allow(ALICE, testvault.ALL, "/casefiles/2024", name="closed", flags=0), allow(ALICE, testvault.ALL, name="all"))
no(os.stat, d + "/casefiles/2024/f"); no(read, d + "/casefiles/2024/f"); no(os.listdir, d + "/casefiles/2024"); as_user(ALICE, os.stat, d + "/casefiles/2024")
'
check "a directory that is made later" py '
exec(open("/tmp/places.py").read())
rules(allow(0, testvault.ALL), allow(ALICE, testvault.ALL, "/later/on"))
no(os.mkdir, d + "/later"); os.mkdir(d + "/later", 0o777); os.chmod(d + "/later", 0o777)
as_user(ALICE, os.mkdir, d + "/later/on"); as_user(ALICE, touch, d + "/later/on/x", b"1"); no(touch, d + "/later/x"); no(os.listdir, d + "/later")
os.unlink(d + "/later/on/x"); os.rmdir(d + "/later/on"); os.rmdir(d + "/later")
'
check "between differing rules a rename says EXDEV, and mv copies" py '
exec(open("/tmp/places.py").read())
rules(allow(0, testvault.ALL), allow(ALICE, testvault.ALL, "/casefiles", "/intake"), allow(BOB, testvault.ALL, "/public", "/a/b/c"))
since = mark()
for src, dst in (("/casefiles/f", "/public/g"), ("/casefiles/f", "/g"), ("/top", "/casefiles/g"), ("/public/deep", "/hr/deep"), ("/hr/f", "/public/f")):
    fails("EXDEV", os.rename, d + src, d + dst)
    if not os.path.isdir(d + src) and not os.path.exists(d + dst): fails("EXDEV", os.link, d + src, d + dst)
fails("EXDEV", renameat2, d + "/casefiles/f", d + "/public/f", RENAME_EXCHANGE)
quiet(since, "violation")
run("mv", d + "/casefiles/f", d + "/public/g"); same(read(d + "/public/g"), b"/casefiles/f"); assert not os.path.exists(d + "/casefiles/f")
run("mv", d + "/public/g", d + "/casefiles/f"); os.chmod(d + "/casefiles/f", 0o666)
'
check "what a rule names stays where it is, and what leads to it" py '
exec(open("/tmp/places.py").read())
for n in ("/casefiles", "/intake", "/public", "/a", "/a/b", "/a/b/c"):
    fails("EXDEV", os.rename, d + n, d + n + "-old")
    fails("EXDEV", os.rename, d + n, d + "/hr/x")
os.mkdir(d + "/new"); fails("EXDEV", renameat2, d + "/new", d + "/casefiles", RENAME_EXCHANGE); fails("EXDEV", renameat2, d + "/casefiles", d + "/new", RENAME_EXCHANGE)
os.rmdir(d + "/new")
'
check "within the same rules everything moves, and keeps its rights" py '
exec(open("/tmp/places.py").read())
def go():
    os.rename(d + "/casefiles/f", d + "/intake/g"); same(read(d + "/intake/g"), b"/casefiles/f"); os.link(d + "/intake/g", d + "/casefiles/f"); os.unlink(d + "/intake/g")
    for k in range(3):
        os.rename(d + "/casefiles/2024", d + "/intake/2024"); same(read(d + "/intake/2024/f"), b"/casefiles/2024/f"); touch(d + "/intake/2024/x", b"1")
        fails("ENOENT", os.stat, d + "/casefiles/2024"); os.rename(d + "/intake/2024", d + "/intake/2025"); same(read(d + "/intake/2025/x"), b"1")
        os.rename(d + "/intake/2025", d + "/casefiles/2024"); same(sorted(os.listdir(d + "/casefiles/2024")), ["f", "x"])
    os.unlink(d + "/casefiles/2024/x")
    os.mkdir(d + "/intake/e"); os.mkdir(d + "/intake/e/1"); touch(d + "/intake/e/2")
    renameat2(d + "/intake/e", d + "/casefiles/2024", RENAME_EXCHANGE)
    same(read(d + "/intake/e/f"), b"/casefiles/2024/f"); same(sorted(os.listdir(d + "/casefiles/2024")), ["1", "2"])
    fd = os.open(d + "/intake/e", os.O_RDONLY); same(os.readlink("/proc/self/fd/%d" % fd), d + "/intake/e")
    renameat2(d + "/intake/e", d + "/casefiles/2024", RENAME_EXCHANGE); same(os.readlink("/proc/self/fd/%d" % fd), d + "/casefiles/2024")
    renameat2(d + "/intake/f", d + "/intake/e", RENAME_EXCHANGE); os.listdir(d + "/intake/f"); same(read(d + "/intake/e"), b"/intake/f")
    renameat2(d + "/intake/f", d + "/intake/e", RENAME_EXCHANGE); os.chdir(d + "/intake/e"); same(os.getcwd(), d + "/intake/e")
    os.unlink(d + "/intake/e/2"); os.rmdir(d + "/intake/e/1"); os.rmdir(d + "/intake/e")
as_user(ALICE, go)
again_names = sorted(os.listdir(d + "/casefiles")); again(); same(sorted(os.listdir(d + "/casefiles")), again_names)
'
check "a new policy holds for what is open, wherever that lies" py '
exec(open("/tmp/places.py").read())
def go(ask, tell):
    os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE)
    fds = {n: os.open(d + n, os.O_RDONLY) for n in ("/casefiles/2024/f", "/public/deep/f", "/casefiles/2024", "/public/deep")}
    os.chdir(d + "/public/deep")
    def can(fn, *args):
        try: fn(*args); return True
        except OSError as e: same(e.errno, errno.EACCES); return False
    while True:
        tell.send([can(os.listdir, fd) if n[-1] != "f" else can(os.pread, fd, 1, 0) for n, fd in fds.items()] + [can(os.stat, "er"), can(os.stat, "f")])
        if not ask.recv(): return
import multiprocessing as mp
(ask, theirs), (tell, ours) = mp.Pipe(), mp.Pipe()
rules(allow(ALICE, testvault.ALL)); p = mp.Process(target=go, args=(theirs, tell), daemon=True); p.start()
same(ours.recv(), [True] * 6)
for paths, want in ((("/casefiles",), [True, False, True, False, False, False]), (("/public/deep/er",), [False, False, False, False, True, True]),
                    (("/public",), [False, True, False, True, True, True]), (("/public/deep", "/casefiles/2024/f"), [True, True, False, True, True, True])):
    rules(allow(ALICE, testvault.ALL, *paths)); ask.send(True); same(ours.recv(), want)
ask.send(False); p.join(); same(p.exitcode, 0)
'
check "a file with names under differing rules is judged by the one that is used, and without one by both" py '
exec(open("/tmp/places.py").read())
rules(allow(0, testvault.ALL)); touch(d + "/hr/two", b"2"); os.chmod(d + "/hr/two", 0o666); os.link(d + "/hr/two", d + "/public/two"); again()
rules(allow(ALICE, testvault.ALL, "/public"), allow(0, testvault.ALL))
same(reads("/public/two"), b"2"); no(read, d + "/hr/two")
os.stat(d + "/hr/two"); same(reads("/public/two"), b"2")			# both names are known now
fails("EACCES", as_user, ALICE, access, d + "/public/two", os.R_OK)		# asks for the inode alone
os.unlink(d + "/hr/two"); as_user(ALICE, access, d + "/public/two", os.R_OK); os.unlink(d + "/public/two")
'
if [ "$WARD_LOWER" != nfs ]; then
check "a file without a name: where it was, or is made" py '
exec(open("/tmp/places.py").read())
rules(allow(0, testvault.ALL), allow(ALICE, testvault.ALL, "/casefiles"))
def go():
    fd = os.open(d + "/casefiles", os.O_TMPFILE | os.O_RDWR, 0o600); os.write(fd, b"x"); same(os.pread(fd, 1, 0), b"x"); link_fd(fd, d + "/casefiles/made")
    os.unlink(d + "/casefiles/made"); same(os.pread(fd, 1, 0), b"x"); os.fchmod(fd, 0o644)
    fd = os.open(d + "/casefiles", os.O_TMPFILE | os.O_RDWR, 0o600)
    fails("EACCES", link_fd, fd, d + "/made"); fails("EACCES", os.open, d + "/public", os.O_TMPFILE | os.O_RDWR, 0o600)
as_user(ALICE, go)
fd = os.open(d + "/casefiles", os.O_TMPFILE | os.O_RDWR, 0o600); fails("EXDEV", link_fd, fd, d + "/public/made")
'
fi
if [ "$WARD_LOWER" = ext4 ] || [ "$WARD_LOWER" = xfs ]; then
check "by a handle without a path no rule of a directory lets in, and every one that denies holds" py '
exec(open("/tmp/places.py").read())
from meta import handle, open_handle
policy(0); h = handle(d + "/casefiles/2024/f")
def cold(): drop_caches()
def opens(): os.close(open_handle(h, os.O_RDONLY))
rules(allow(0, testvault.ALL, "/casefiles"), allow(0, O["list"])); cold()
fails("EACCES", opens); os.stat(d + "/casefiles/2024/f"); opens()		# with a name it is known where it lies
rules(allow(0, testvault.ALL, "/hr", flags=0), allow(0, testvault.ALL)); cold()
fails("EACCES", opens); os.stat(d + "/casefiles/2024/f"); opens()
rules(allow(0, testvault.ALL, "/")); cold(); opens()
'
fi
check "renames, lookups and new policies at once: each in its place" py '
exec(open("/tmp/places.py").read())
import threading
policy(0); tree(d + "/casefiles/m/n/o"); touch(d + "/casefiles/m/n/o/f", b"m"); os.chmod(d + "/casefiles/m/n/o/f", 0o666)
for n in ("", "/n", "/n/o"): os.chmod(d + "/casefiles/m" + n, 0o777); os.chown(d + "/casefiles/m" + n, ALICE, ALICE)
both = [allow(0, testvault.ALL), allow(ALICE, testvault.ALL, "/casefiles", "/intake")]
apart = [allow(0, testvault.ALL), allow(ALICE, testvault.ALL, "/intake")]
rules(*both)
end = time.monotonic() + 15
def move():
    k = 0
    while time.monotonic() < end:
        src, dst = ("/casefiles/m", "/intake/m") if os.path.exists(d + "/casefiles/m") else ("/intake/m", "/casefiles/m")
        try:
            if k % 5: os.rename(d + src, d + dst)
            else:
                os.mkdir(d + dst); renameat2(d + src, d + dst, RENAME_EXCHANGE); os.rmdir(d + src)
        except FileExistsError: os.rmdir(d + dst)
        except OSError as e: same(e.errno, errno.EXDEV); os.path.isdir(d + dst) and not os.listdir(d + dst) and os.rmdir(d + dst)
        k += 1
    os._exit(0)
def look():
    os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE)
    while time.monotonic() < end:
        for n in ("/casefiles/m/n/o/f", "/intake/m/n/o/f"):
            try: read(d + n)
            except OSError as e: assert e.errno in (errno.ENOENT, errno.EACCES), e
    os._exit(0)
pids = []
for fn in (move, look, look):
    pid = os.fork()
    if not pid: fn()
    pids.append(pid)
loads = 0
while time.monotonic() < end:
    rules(*apart); loads += 1
    # Nothing crosses the boundary now: what lies in the one is refused, in the other allowed, and not as it was before.
    for k in range(3):
        here = os.path.exists(d + "/casefiles/m/n/o/f")
        if here: fails("EACCES", as_user, ALICE, read, d + "/casefiles/m/n/o/f")
        elif os.path.exists(d + "/intake/m/n/o/f"): same(reads("/intake/m/n/o/f"), b"m")
    rules(*both); loads += 1; time.sleep(0.05)
for pid in pids: same(os.waitpid(pid, 0)[1], 0)
print(loads); assert loads >= 2
'
check "moved below by somebody: judged where it is found" py '
exec(open("/tmp/places.py").read())
policy(0); tree(d + "/hr/x"); touch(d + "/hr/x/f", b"x"); os.chmod(d + "/hr/x/f", 0o666); again()
rules(allow(0, testvault.ALL), allow(ALICE, testvault.ALL, "/public"))
no(read, d + "/hr/x/f"); same(reads("/public/deep/f"), b"/public/deep/f")
'
check "ten thousand rules" py '
exec(open("/tmp/places.py").read())
policy(0); p = d + "/casefiles/2024/f"
def times():
    """What a walk and an open take, for alice in a process of hers."""
    def go():
        best = 1e9
        for k in range(4):
            t = time.perf_counter()
            for i in range(500): os.stat(p); os.close(os.open(p, os.O_RDONLY))
            best = min(best, time.perf_counter() - t)
        return best
    return as_user(ALICE, go)
one = [allow(ALICE, testvault.ALL, "/casefiles")]
placed = [testvault.rule("rule %d" % k, A if k % 3 else 0, testvault.ALL, (1, [(1, 70000 + k), (2, 80000 + k)]), (4, ["/d%d/e%d" % (k % 100, k)])) for k in range(9999)] + one
plain = [testvault.rule("rule %d" % k, A, testvault.ALL, (1, [(1, 70000 + k)])) for k in range(9999)] + [allow(ALICE, testvault.ALL)]
# A kernel that looks after each byte takes longer to hash a question; walking the rules would take a hundred times as long.
most = 1.6 if os.environ["WARD_KERNEL"] == "stock" else 3
# One after the other, several times: the machine may have others to serve meanwhile.
best = {}
for k in range(40):
    for name, some in (("few", one), ("many", placed), ("flat", plain)):
        rules(*some); best[name] = min(best.get(name, 1e9), times())
    if k > 2 and max(best["many"], best["flat"]) < most * best["few"]: break
few, many, flat = best["few"], best["many"], best["flat"]
open("/tmp/ratio", "w").write("stat and open with 10,000 rules take %.2f times what they take with one (%.2f without directories in them)" % (many / few, flat / few))
assert many / few < most and flat / few < most, (few, many, flat)
'
diag "$(cat /tmp/ratio)"
check "unmount" umount $d
done_testing
