#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Who may do what: refused whatever the mode bits say, for each operation, through descriptors and mappings that were
# handed on, and each refusal is told with who, what and where.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault for root and alice" new_vault 0 61001
check "files that everybody may use, by their modes" py '
os.umask(0); os.chmod(d, 0o777)
for n in ("f", "g", "h"): touch(d + "/" + n, noise(1, 20000)); os.chmod(d + "/" + n, 0o777)
for n in ("dir", "full", "empty"): os.mkdir(d + "/" + n, 0o777)
touch(d + "/full/x"); os.symlink("f", d + "/l")
import shutil
shutil.copy("/bin/true", d + "/true"); os.chmod(d + "/true", 0o777)
LOWER == "tmpfs" or os.setxattr(d + "/f", "user.a", b"1")
policy(ALICE)
'
cat >/tmp/ops.py <<'END'
from calls import *
R, W, C, D, N, K, L, X, A, S = (testvault.OPS[n] for n in ('read', 'write', 'create', 'delete', 'rename', 'link', 'list',
                                                           'execute', 'setattr', 'setxattr'))
def opened(flags): return lambda: os.close(os.open(d + '/f', flags))
def new(flags): return lambda: os.close(os.open(d + '/new', os.O_CREAT | flags, 0o666))
def set_flags(fd): fcntl.ioctl(fd, 0x40086602, fcntl.ioctl(fd, 0x80086601, bytes(8)))	# FS_IOC_SETFLAGS, FS_IOC_GETFLAGS
def chattr():
    fd = os.open(d + '/f', os.O_RDONLY)
    try: set_flags(fd)
    finally: os.close(fd)
def run_true(): os.execv(d + '/true', ['true'])
# what is done, operations that it takes, the action in the event, its path
ops = {
    'read': (opened(os.O_RDONLY), R, 'open-read', '/f'),
    'write': (opened(os.O_WRONLY), W, 'open-write', '/f'),
    'truncate at open': (opened(os.O_WRONLY | os.O_TRUNC), W, 'open-write', '/f'),
    'truncate at an open for reading': (opened(os.O_RDONLY | os.O_TRUNC), R | W, 'open-read open-write', '/f'),
    'access mode 3': (opened(3), R | W, 'open-read open-write', '/f'),
    'truncate at access mode 3': (opened(3 | os.O_TRUNC), R | W, 'open-read open-write', '/f'),
    'truncate': (lambda: os.truncate(d + '/f', 20000), W, 'open-write', '/f'),
    'list': (lambda: os.listdir(d + '/full'), L, 'list', '/full'),
    'create': (new(os.O_WRONLY), C, 'create', '/new'),
    'mkdir': (lambda: os.mkdir(d + '/new'), C, 'create', '/new'),
    'symlink': (lambda: os.symlink('x', d + '/new'), C, 'create', '/new'),
    'mknod': (lambda: os.mknod(d + '/new', stat.S_IFIFO | 0o600), C, 'create', '/new'),
    'tmpfile': (lambda: os.open(d, os.O_TMPFILE | os.O_RDWR), C | R | W, None, None),
    'unlink': (lambda: os.unlink(d + '/g'), D, 'delete', '/g'),
    'rmdir': (lambda: os.rmdir(d + '/empty'), D, 'delete', '/empty'),
    'rename': (lambda: os.rename(d + '/h', d + '/h2'), N | R | D | C, 'rename', '/h /h2'),
    'link': (lambda: os.link(d + '/f', d + '/f2'), K | R | D | C, 'link', '/f /f2'),
    'chmod': (lambda: os.chmod(d + '/f', 0o777), A, 'setattr', '/f'),
    'chattr': (chattr, R | A, 'open-read setattr', '/f'),
    'utime': (lambda: os.utime(d + '/f', (1, 1)), A, 'setattr', '/f'),
    'utime to now': (lambda: os.utime(d + '/f'), W, 'open-write', '/f'),
    'one time to now': (lambda: utime_one(d + '/f', UTIME_OMIT, UTIME_NOW), A, 'setattr', '/f'),
    'chown of nothing': (lambda: chown_nothing(d + '/f'), A, 'setattr', '/f'),
    'setxattr': (lambda: os.setxattr(d + '/f', 'user.b', b'1'), S | W, None, '/f'),
    'removexattr': (lambda: os.removexattr(d + '/f', 'user.b'), S | W, None, '/f'),
    'getxattr': (lambda: os.getxattr(d + '/f', 'user.a'), R, 'open-read', '/f'),
    'set an ACL': (lambda: os.setxattr(d + '/f', 'system.posix_acl_access', bytes.fromhex(
        '02000000' '01000700ffffffff' '04000700ffffffff' '20000700ffffffff')), A, 'setattr', '/f'),
    'access': (lambda: access(d + '/f', os.R_OK), R, 'open-read', '/f'),
}
lacking = {'nfs': ('tmpfile', 'set an ACL', 'chattr'), 'tmpfs': ('setxattr', 'removexattr', 'getxattr', 'chattr')}
for n in lacking.get(LOWER, ()): del ops[n]
END
check "root and mallory are refused everything, and nothing changes" py '
exec(open("/tmp/ops.py").read())
before = sorted((n, os.lstat(below + "/" + n).st_mtime_ns) for n in os.listdir(below))
for uid in (0, MALLORY, BOB):
    for name, (fn, needs, action, path) in ops.items():
        fails("EACCES", as_user, uid, fn)
    for fn in (os.stat, os.lstat, os.listdir, os.readlink, os.statvfs): fails("EACCES", as_user, uid, fn, d + "/l")
    fails("EACCES", as_user, uid, os.chdir, d); fails("EACCES", as_user, uid, os.listdir, d)
    fails("EACCES", as_user, uid, os.execv, d + "/true", ["true"])
    same(as_user(uid, lambda: stat.S_ISDIR(os.stat(d).st_mode)), True)
same(sorted((n, os.lstat(below + "/" + n).st_mtime_ns) for n in os.listdir(below)), before)
'
check "alice is allowed all of it" py '
exec(open("/tmp/ops.py").read())
for name in ("read", "write", "truncate", "list", "create", "access"): as_user(ALICE, ops[name][0])
if LOWER != "tmpfs": as_user(ALICE, ops["getxattr"][0])
as_user(ALICE, os.unlink, d + "/new"); as_user(ALICE, os.listdir, d)
'
check "the event says who, what and where" py '
time.sleep(2.5)		# what mallory was refused before must not be folded with this: a second, and one more if there was some
since = mark()
def go():
    libc.prctl(15, b"intruder", 0, 0, 0)
    os.stat(d + "/full/x")
fails("EACCES", as_user, MALLORY, go, groups=(CASEWORKERS,))
e = reported(since, kind="violation", uid=MALLORY)
same((e["action"], e["reason"], e["errno"], e["euid"], e["gid"], e["comm"], e["path"]),
     ("lookup", "policy", errno.EACCES, MALLORY, MALLORY, "intruder", "/"))
same(e["inode"], os.stat(d).st_ino); same(e["vault_id"], testvault.uuid_of(d).hex()); same(e["ppid"], os.getpid())
assert e["pid"] != os.getpid() and e["exe"] == os.path.realpath("/proc/self/exe") and "loginuid" not in e, e
assert abs(e["time"] / 1e9 - time.time()) < 60 and e["count"] == 1, e
'
check "and who is behind it" py '
since = mark()
def go():
    pid = os.fork()
    if not pid:
        with open("/proc/self/loginuid", "w") as f: f.write(str(BOB))
        try: os.listdir(d)
        except OSError: os._exit(0)
        os._exit(1)
    same(os.waitpid(pid, 0)[1], 0)
go()
e = reported(since, kind="violation", loginuid=BOB); same((e["uid"], e["action"]), (0, "list"))
'
check "each operation that a rule leaves out is refused by itself" py '
exec(open("/tmp/ops.py").read())
for n in os.listdir(below): os.lchown(below + "/" + n, BOB, BOB) if not n.startswith(".ward") else None
drop_caches(); again()
bad = []
for name, (fn, needs, action, path) in ops.items():
    for bit in (1 << k for k in range(10)):
        if not needs & bit: continue
        rules(testvault.rule("all but one", testvault.ALLOW, testvault.ALL & ~bit, (1, [(1, BOB)])))
        since = mark()
        try:
            fails("EACCES", as_user, BOB, fn)
            e = reported(since, kind="violation", uid=BOB)
            if path: assert e["path"] in path.split(), e["path"]
            if action: assert e["action"] in action.split(), e["action"]
            same((e.get("near"), e.get("lacks"), "rule" in e), ("all but one", 1, False))
        except AssertionError as e: bad.append((name, bit, str(e)))
assert not bad, "\n".join(map(str, bad))
'
check "and allowed with just what it takes" py '
exec(open("/tmp/ops.py").read())
bad = []
for name, (fn, needs, action, path) in ops.items():
    rules(testvault.rule("just this", testvault.ALLOW, needs, (1, [(1, BOB)])))
    since = mark()
    try: as_user(BOB, fn); quiet(since, "violation")
    except (OSError, AssertionError) as e: bad.append((name, e))
    policy(0)
    for n in ("new", "f2"):
        if os.path.lexists(d + "/" + n): (os.rmdir if os.path.isdir(d + "/" + n) else os.unlink)(d + "/" + n)
    if os.path.lexists(d + "/h2"): os.rename(d + "/h2", d + "/h")
assert not bad, bad
touch(d + "/g"); os.mkdir(d + "/empty"); touch(d + "/f", noise(1, 20000))
'
check "execution" py '
policy(0)
os.chown(d + "/true", BOB, BOB)
rules(testvault.rule("no programs", testvault.ALLOW, testvault.ALL & ~testvault.OPS["execute"], (1, [(1, BOB)])))
since = mark()
fails("EACCES", as_user, BOB, os.execv, d + "/true", ["true"])
same(reported(since, kind="violation", uid=BOB)["action"], "execute")
rules(testvault.rule("unread", testvault.ALLOW, testvault.OPS["execute"], (1, [(1, BOB)])))
since = mark()
fails("EACCES", as_user, BOB, os.execv, d + "/true", ["true"])
e = reported(since, kind="violation", uid=BOB); same((e["action"], e["near"], e["lacks"]), ("read", "unread", 1))
rules(testvault.rule("programs", testvault.ALLOW, testvault.OPS["execute"] | testvault.OPS["read"], (1, [(1, BOB)])))
pid = os.fork()
if not pid:
    os.setresgid(BOB, BOB, BOB); os.setresuid(BOB, BOB, BOB); os.execv(d + "/true", ["true"])
same(os.waitpid(pid, 0)[1], 0)
'
check "the first rule that matches decides, and is named" py '
A = testvault.ALLOW
rules(testvault.rule("not bob", 0, testvault.ALL, (1, [(1, BOB)])),
      testvault.rule("caseworkers", A, testvault.ALL, (1, [(2, CASEWORKERS)])))
since = mark()
fails("EACCES", as_user, BOB, os.listdir, d, groups=(CASEWORKERS,))
same(reported(since, kind="violation", uid=BOB)["rule"], "not bob")
same(len(as_user(ALICE, os.listdir, d, groups=(CASEWORKERS,))) > 3, True)
fails("EACCES", as_user, ALICE, os.listdir, d)
assert "rule" not in reported(since, kind="violation", uid=ALICE)
'
check "what no rule allows: which one was nearest, and what it lacks" py '
A, R, D = testvault.ALLOW, testvault.OPS["read"], testvault.OPS["delete"]
def rule(name, flags, ops, uid, *more): return testvault.rule(name, flags, ops, (1, [(1, uid)]), *more)
def told(uid, action, fn, *args):
    since = mark(); fails("EACCES", as_user, uid, fn, *args)
    e = reported(since, kind="violation", uid=uid, action=action); return e.get("rule"), e.get("near"), e.get("lacks")
rules(rule("reads", A, R, ALICE), rule("there", A, R | D, BOB, (4, ["/full"])))
same(told(ALICE, "delete", os.unlink, d + "/g"), (None, "reads", 1 << 0))
same(told(BOB, "lookup", os.stat, d + "/dir/x"), (None, "reads", 1 << 1))
same(told(BOB, "list", os.listdir, d + "/full"), (None, "there", 1 << 0))
# To get in, any operation will do
same(told(MALLORY, "lookup", os.stat, d + "/full/x"), (None, "reads", 1 << 1))
# One that matches behind one that denies is not to blame
rules(rule("not this", 0, R | D, BOB), rule("in vain", A, R | D, BOB), rule("reads", A, R, ALICE))
same(told(BOB, "lookup", os.stat, d + "/full/x"), (None, "reads", 1 << 1))
rules(); same(told(BOB, "lookup", os.stat, d + "/full/x"), (None, None, None))
'
check "a rule can have its accesses recorded, or its refusals kept quiet" py '
A, R, S = testvault.ALLOW, testvault.RECORD, testvault.SILENT
rules(testvault.rule("recorded", A | R, testvault.ALL, (1, [(1, ALICE)])), testvault.rule("hush", S, testvault.ALL, (1, [(1, BOB)])))
since = mark(); before = state()["vault_violations"]
as_user(ALICE, read, d + "/f")
e = reported(since, kind="audit", action="open-read"); same((e["rule"], e["uid"], e["path"], e["errno"]), ("recorded", ALICE, "/f", 0))
fails("EACCES", as_user, BOB, read, d + "/f"); time.sleep(1.2)
same(events(since, kind="violation"), []); assert state()["vault_violations"] > before
'
check "a permissive policy lets through, and says what it would have refused" py '
rules(testvault.rule("alice", testvault.ALLOW, testvault.ALL, (1, [(1, ALICE)])), flags=1)
since = mark()
same(as_user(BOB, read, d + "/f"), noise(1, 20000))
e = reported(since, kind="violation", uid=BOB, action="open-read"); same((e["errno"], e["path"]), (0, "/f"))
assert state()["vault_flags"] & 4
policy(0)
'
check "identical refusals fold into one event with their count" py '
policy(0); since = mark()
def many():
    for k in range(500):
        try: os.listdir(d)
        except OSError: pass
as_user(MALLORY, many); time.sleep(1.5); fails("EACCES", as_user, BOB, os.listdir, d)
for _ in range(60):
    found = events(since, kind="violation", uid=MALLORY)
    if sum(e["count"] for e in found) >= 500: break
    time.sleep(0.5)
assert len(found) < 50 and sum(e["count"] for e in found) == 500, found
seqs = [e["sequence"] for e in netlink().events(since)]; same(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
'

cat >/tmp/handed.py <<'END'
from calls import *
def as_alice(fn, *args, **kw):
    """In this process, whose real user stays root."""
    os.seteuid(ALICE)
    try: return fn(*args, **kw)
    finally: os.seteuid(0)
END
check "a descriptor that was handed on gives nobody what he could not open" py '
exec(open("/tmp/handed.py").read())
policy(ALICE)
fd = as_alice(os.open, d + "/f", os.O_RDWR); dfd = as_alice(os.open, d + "/full", os.O_RDONLY)
gfd = as_alice(os.open, d + "/h", os.O_RDWR); r, w = os.pipe()
same(as_alice(os.pread, fd, 5, 0), noise(1, 20000)[:5])
since = mark()
for uid in (0, MALLORY):
    fails("EACCES", as_user, uid, os.pread, fd, 5, 0); fails("EACCES", as_user, uid, os.pwrite, fd, b"x", 0)
    fails("EACCES", as_user, uid, os.listdir, dfd); fails("EACCES", as_user, uid, mmap.mmap, fd, 100)
    fails("EACCES", as_user, uid, os.ftruncate, fd, 0); fails("EACCES", as_user, uid, os.fchmod, fd, 0)
    fails("EACCES", as_user, uid, os.sendfile, os.open("/tmp/sent", os.O_CREAT | os.O_RDWR), fd, 0, 100)
    fails("EACCES", as_user, uid, os.splice, fd, w, 100, 0); fails("EACCES", as_user, uid, os.copy_file_range, fd, gfd, 100, 0, 0)
    for whence in (os.SEEK_DATA, os.SEEK_HOLE): fails("EACCES", as_user, uid, os.lseek, fd, 0, whence)
    fails("EACCES", as_user, uid, os.open, "x", os.O_RDONLY, dir_fd=dfd)
    fails("EACCES", as_user, uid, os.open, "/proc/self/fd/%d" % fd, os.O_RDONLY)
same({e["action"] for e in events(since, kind="violation", uid=MALLORY)} >= {"read", "write", "list", "mmap"}, True)
same(reported(since, kind="violation", uid=MALLORY, action="read")["path"], "/f")
same(as_alice(os.pread, fd, 5, 0), noise(1, 20000)[:5]); same(as_alice(os.listdir, dfd), ["x"])
'
check "copying in the vault takes the right to read and the one to write" py '
exec(open("/tmp/handed.py").read())
policy(ALICE)
fd = as_alice(os.open, d + "/f", os.O_RDWR); gfd = as_alice(os.open, d + "/h", os.O_RDWR); r, w = os.pipe()
as_alice(os.copy_file_range, fd, gfd, 100, 0, 0); as_alice(os.splice, fd, w, 100, 0); as_alice(os.lseek, fd, 0, os.SEEK_DATA)
for op, copies in (("read", False), ("write", False), ("setattr", False), ("read write", True)):
    needs = sum(testvault.OPS[n] for n in op.split())
    rules(testvault.rule("some", testvault.ALLOW, needs, (1, [(1, ALICE)])))
    if copies: as_alice(os.copy_file_range, fd, gfd, 100, 0, 0)
    else: fails("EACCES", as_alice, os.copy_file_range, fd, gfd, 100, 0, 0)
    for fn, args in ((os.splice, (fd, w, 100, 0)), (os.lseek, (fd, 0, os.SEEK_DATA))):
        if "read" in op: as_alice(fn, *args)
        else: fails("EACCES", as_alice, fn, *args)
policy(ALICE); as_alice(os.ftruncate, gfd, 0)
'
check "nor does a mapping" py '
exec(open("/tmp/handed.py").read())
fd = as_alice(os.open, d + "/f", os.O_RDWR); m = as_alice(mmap.mmap, fd, 20000)
since = mark()
same(child_signal(lambda: m[5000]), signal.SIGBUS)
e = reported(since, kind="violation", uid=0, action="mmap"); same((e["path"], e["errno"]), ("/f", errno.EACCES))
def see(): os.setresuid(ALICE, ALICE, ALICE); same(m[5000:5010], noise(1, 20000)[5000:5010]); m[5000:5001] = b"!"
same(child_signal(see), 0)
'
check "a new policy holds for files that are open" py '
exec(open("/tmp/handed.py").read())
fd = as_alice(os.open, d + "/f", os.O_RDWR)
as_alice(os.pread, fd, 5, 0)
policy(BOB); fails("EACCES", as_alice, os.pread, fd, 5, 0); fails("EACCES", as_alice, os.pwrite, fd, b"x", 0)
policy(BOB, ALICE); as_alice(os.pread, fd, 5, 0)
R = testvault.OPS["read"]
rules(testvault.rule("only reading", testvault.ALLOW, R, (1, [(1, ALICE)])))
as_alice(os.pread, fd, 5, 0); fails("EACCES", as_alice, os.pwrite, fd, b"x", 0)
'

check "a mapping that was handed on, after a new policy" py '
exec(open("/tmp/handed.py").read())
policy(ALICE)
fd = as_alice(os.open, d + "/f", os.O_RDWR); m = as_alice(mmap.mmap, fd, 20000)
def see(): os.setresuid(ALICE, ALICE, ALICE); return m[5000]
r, w = os.pipe(); r2, w2 = os.pipe()
pid = os.fork()
if not pid:
    signal.signal(signal.SIGBUS, signal.SIG_DFL)
    see(); m[9000:9001] = b"!"
    os.write(w, b"x"); os.read(r2, 1)
    m[5000]
    os._exit(0)
os.read(r, 1); since = mark(); policy(BOB); os.write(w2, b"x")
status = os.waitpid(pid, 0)[1]
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGBUS, status
reported(since, kind="violation", uid=ALICE, action="mmap")
policy(ALICE); same(child_signal(see), 0); same(as_alice(os.pread, fd, 1, 9000), b"!")
as_alice(os.pwrite, fd, noise(1, 20000), 0)
'
check "mapping for writing takes the right to read" py '
exec(open("/tmp/handed.py").read())
fd = as_alice(os.open, d + "/f", os.O_RDWR); m = as_alice(mmap.mmap, fd, 20000)
rules(testvault.rule("only writing", testvault.ALLOW, testvault.OPS["write"], (1, [(1, ALICE)])))
fails("EACCES", as_alice, mmap.mmap, fd, 20000); fails("EACCES", as_alice, os.pread, fd, 1, 0)
def put(): os.setresuid(ALICE, ALICE, ALICE); m[5000:5001] = b"?"
same(child_signal(put), signal.SIGBUS)
as_alice(os.pwrite, fd, b"x", 0)
policy(ALICE); as_alice(os.pwrite, fd, noise(1, 20000), 0)
'
check "a record that a new policy asks for holds for open files" py '
exec(open("/tmp/handed.py").read())
def these(flags): rules(testvault.rule("hers", testvault.ALLOW | flags, testvault.ALL, (1, [(1, ALICE)])))
def go(ask, tell):
    def step(): tell.send(None); ask.recv()
    os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE)
    fd = os.open(d + "/f", os.O_RDWR); os.pread(fd, 5, 0)
    for fn in (lambda: os.pread(fd, 5, 0), lambda: os.pread(fd, 5, 0), lambda: os.pwrite(fd, noise(1, 20000)[:5], 0), lambda: os.pread(fd, 5, 0)):
        step(); fn()
    step()
import multiprocessing as mp
(ask, theirs), (tell, ours) = mp.Pipe(), mp.Pipe()
these(0); p = mp.Process(target=go, args=(theirs, tell), daemon=True); p.start()
def theirs_go(): ask.send(None)
ours.recv(); these(testvault.RECORD)
since = mark(); theirs_go(); ours.recv(); same(reported(since, kind="audit", uid=ALICE)["action"], "read")
since = mark(); theirs_go(); ours.recv(); quiet(since, "audit")
theirs_go(); ours.recv(); same(reported(since, kind="audit", uid=ALICE)["action"], "write")
since = mark(); these(testvault.RECORD); theirs_go(); ours.recv(); time.sleep(1.2); quiet(since, "audit")
theirs_go(); p.join(); same(p.exitcode, 0); policy(ALICE)
'
if [ "$WARD_LOWER" != tmpfs ]; then		# which has no user xattrs
check "names of xattrs and targets of symlinks are for who may see them" py '
exec(open("/tmp/handed.py").read())
def names(x): return [n for n in os.listxattr(x) if n.startswith("user.")]
policy(0); os.setxattr(d, "user.secret", b"1"); os.setxattr(d + "/f", "user.secret", b"1"); policy(ALICE)
fd = as_alice(os.open, d + "/f", os.O_RDONLY); link = as_alice(os.open, d + "/l", os.O_PATH | os.O_NOFOLLOW)
assert "user.secret" in as_alice(names, d) and "user.secret" in as_alice(names, fd)
same(as_alice(readlink_fd, link), "f")
since = mark()
for uid in (0, MALLORY): same(as_user(uid, names, d), []); same(as_user(uid, names, fd), [])
quiet(since, "violation")
for uid in (0, MALLORY): fails("EACCES", as_user, uid, readlink_fd, link); reported(since, kind="violation", uid=uid)
X, L, R = (testvault.OPS[n] for n in ("setattr", "list", "read"))
for ops, want in ((X, (0, 0)), (L, (1, 0)), (R, (0, 1))):
    rules(testvault.rule("some", testvault.ALLOW, ops, (1, [(1, ALICE)])))
    same((len(as_alice(names, d)) > 0, len(as_alice(names, fd)) > 0), tuple(map(bool, want)))
policy(ALICE)
'
fi
check "a rule that denies a group is not shed in a user namespace" py '
deny = testvault.rule("no caseworkers", 0, testvault.ALL, (1, [(2, CASEWORKERS)]))
rules(deny, testvault.rule("users", testvault.ALLOW, testvault.ALL, (1, [(1, ALICE)])))
same(len(as_user(ALICE, os.listdir, d)) > 3, True)
fails("EACCES", as_user, ALICE, os.listdir, d, groups=(CASEWORKERS,))
def inside():
    assert not libc.unshare(0x10000000) and not libc.prctl(4, 1, 0, 0, 0)
    for name, text in (("uid_map", "0 %d 1" % ALICE), ("setgroups", "deny"), ("gid_map", "0 %d 1" % ALICE)):
        with open("/proc/self/" + name, "w") as f: f.write(text)
    try: return len(os.listdir(d))
    except OSError as e: return e.errno
same(as_user(ALICE, inside), errno.EACCES)
rules(testvault.rule("users", testvault.ALLOW, testvault.ALL, (1, [(1, ALICE)])), deny)
same(as_user(ALICE, inside) != errno.EACCES, True)
policy(ALICE)
'
check "whom an event names, and what" py '
policy(ALICE); since = mark()
inode = as_user(ALICE, lambda: os.stat(d + "/full/x").st_ino)
def go():
    libc.setfsgid(BOB); libc.setfsuid(BOB)
    try: os.open(d + "/f", os.O_RDONLY)
    finally: libc.setfsuid(0)
fails("EACCES", as_user, 0, go)
e = reported(since, kind="violation", euid=BOB); same(e["uid"], 0)
st = os.stat("/proc/self/exe"); same(e["exe_inode"], st.st_ino); assert e["exe_dev"]
rules(testvault.rule("no changes", testvault.ALLOW, testvault.OPS["list"], (1, [(1, ALICE)])))
since = mark(); fails("EACCES", as_user, ALICE, os.unlink, d + "/full/x")
e = reported(since, kind="violation", action="delete"); same((e["path"], e["inode"]), ("/full/x", inode))
since = mark(); fails("EACCES", as_user, ALICE, os.mkdir, d + "/full/new")
e = reported(since, kind="violation", action="create"); assert e["path"] == "/full/new" and "inode" not in e, e
policy(ALICE)
'

check "policies that are refused" py '
uuid = testvault.uuid_of(d)
def refused(code, blob):
    if os.path.exists(ward + "/policy.new"): os.unlink(ward + "/policy.new")
    try:
        if blob is None: netlink().ask("POLICY_LOAD", uuid)
        else: load(blob)
    except testvault.Refused as e: same(errno.errorcode[e.errno], code); return
    assert False, "loads"
n = state()["vault_policy_serial"]
rule = testvault.rule("x", 1, testvault.ALL, (1, [(1, 0)]))
good = testvault.policy_of(uuid, n + 1, [rule])
refused("ENOENT", None); refused("ESTALE", testvault.policy_of(uuid, n, [rule]))
refused("EBADMSG", good[:-1]); refused("EBADMSG", good[:80] + bytes([good[80] ^ 1]) + good[81:]); refused("EBADMSG", b""); refused("EBADMSG", b"x" * 5000)
refused("EXDEV", (lambda u: testvault.policy_of(u, n + 1, [rule])[:-32] + testvault.mac(uuid, b"ward 1 policy mac", testvault.policy_of(u, n + 1, [rule])[:-32]))(os.urandom(16)))
refused("EBADMSG", testvault.policy_of(uuid, n + 1, [testvault.rule("x", 1, testvault.ALL, (77, [(1, 0)]))]))
refused("EBADMSG", testvault.policy_of(uuid, n + 1, [testvault.rule("x", 64, testvault.ALL)]))
refused("EBADMSG", testvault.policy_of(uuid, n + 1, [rule], flags=64))
refused("EBADMSG", testvault.policy_of(uuid, n + 1, [testvault.rule("x", 1, testvault.ALL, (2, [(1, 0)]))]))
same(state()["vault_policy_serial"], n)
load(good); same(state()["vault_policy_serial"], n + 1)
'
check "commands are for root alone" py '
policy(0, ALICE)
uuid = testvault.uuid_of(d)
for cmd in ("LOCK", "POLICY_LOAD", "VAULT_GET"):
    def go():
        try: testvault.Netlink().ask(cmd, uuid)
        except testvault.Refused as e: return e.errno
    same(as_user(ALICE, go), errno.EPERM)
same(state()["vault_state"], 2)
'
check "rules are kept over lock and mount" py '
policy(ALICE); n = state()["vault_policy_serial"]
lock(); unlock(); fails("EACCES", os.listdir, d); again(); fails("EACCES", os.listdir, d)
same(state()["vault_policy_serial"], n); assert as_user(ALICE, os.listdir, d)
policy(); fails("EACCES", as_user, ALICE, os.listdir, d); same(state()["vault_rules"], 0)
'
check "a crash between a policy in force and its renaming: the new one is taken, and one that never was in force is not" py '
uuid = testvault.uuid_of(d); policy(0); n = state()["vault_policy_serial"]
testvault.put(ward + "/policy.new", testvault.policy(uuid, [ALICE], n + 1))
again(); same(state()["vault_policy_serial"], n); os.listdir(d)
since = mark(); netlink().ask("POLICY_LOAD", uuid); again()
same(state()["vault_policy_serial"], n + 1); as_user(ALICE, os.listdir, d); fails("EACCES", os.listdir, d)
assert not events(since, reason="integrity"), events(since)
os.rename(ward + "/policy.new", ward + "/policy"); policy(0)
'
check "unmount" umount $d
done_testing
