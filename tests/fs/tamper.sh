#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# What was changed below in a cleanly ended vault is found when it is read: EIO for that part, never wrong plaintext,
# an event that names the file; the rest stays readable. Damaged files beside the tree are refused.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault

# Each case: a name, what is done below (given the lower path, and that of a second file with the same contents' size),
# and the blocks that are bad then; "open" when the file cannot be opened, "cut" when its end is wrong.
cat >/tmp/cases.py <<'END'
from calls import *
N = 10
SIZE = base(N - 1) + 1000
BODY = noise(1, SIZE)
cases = {}
def case(name, bad):
    def add(fn): cases[name] = (fn, bad); return fn
    return add
def resize(p, n): os.truncate(p, n)
for field, at in (('magic', 0), ('version', 8), ('suite', 10), ('generation', 12), ('vault', 16), ('id', 32), ('flags', 48),
                  ('nonce', 52), ('key', 64), ('tag', 96), ('reserved', 112), ('reserved-end', 511)):
    case('header-' + field, 'open')(lambda p, q, at=at: flip(p, at))
for k in (0, 4, N - 1):
    for field, at in (('nonce', 0), ('tag', 12), ('length', 28), ('flags', 30), ('first', 32), ('last', (BLOCK if k else BLOCK - HEADER) - 1)):
        case('block%d-%s' % (k, field), {k})(lambda p, q, k=k, at=at: flip(p, unit(k) + at, 3 if at != 30 else 0))
@case('swapped', {2, 5})
def swap(p, q):
    raw = read(p)
    rewrite(p, 2 * BLOCK, lambda old: raw[5 * BLOCK:6 * BLOCK]); rewrite(p, 5 * BLOCK, lambda old: raw[2 * BLOCK:3 * BLOCK])
@case('copied', {7})
def copy(p, q): raw = read(p); rewrite(p, 7 * BLOCK, lambda old: raw[6 * BLOCK:7 * BLOCK])
@case('last-to-middle', {3})
def last(p, q): raw = read(p); rewrite(p, 3 * BLOCK, lambda old: raw[(N - 1) * BLOCK:N * BLOCK])
@case('other-files-block', {3})
def other(p, q): rewrite(p, 3 * BLOCK, lambda old: read(q)[3 * BLOCK:4 * BLOCK])
@case('other-files-unit0', {0})
def unit0(p, q): rewrite(p, HEADER, lambda old: read(q)[HEADER:BLOCK])
@case('other-files-header', set(range(N)))
def head(p, q): rewrite(p, 0, lambda old: read(q)[:HEADER] + old[HEADER:])
@case('zeroed', {6})
def zero(p, q): rewrite(p, 6 * BLOCK, lambda old: bytes(BLOCK))
@case('zeroed-last', {N - 1})
def zero_last(p, q): rewrite(p, (N - 1) * BLOCK, lambda old: bytes(BLOCK))
@case('zeroed-unit0', {0})
def zero_unit(p, q): rewrite(p, HEADER, lambda old: bytes(BLOCK - HEADER))
@case('zeroed-header', 'open')
def zero_header(p, q): rewrite(p, 0, lambda old: bytes(HEADER) + old[HEADER:])
@case('punched', {5})
def punch(p, q): run('fallocate', '-p', '-o', str(5 * BLOCK), '-l', str(BLOCK), p)
case('cut-a-block', {N - 2})(lambda p, q: resize(p, length(SIZE) - BLOCK))
case('cut-to-a-full-block', {N - 4})(lambda p, q: resize(p, length(base(N - 3))))
case('cut-to-the-first', {0})(lambda p, q: resize(p, length(10)))
case('cut-a-byte', {N - 1})(lambda p, q: resize(p, length(SIZE) - 1))
case('grown-a-byte', {N - 1})(lambda p, q: resize(p, length(SIZE) + 1))
case('grown-a-block', {N - 1, N})(lambda p, q: resize(p, length(SIZE) + BLOCK))
case('emptied', 'open')(lambda p, q: resize(p, HEADER))
case('cut-to-nothing', 'open')(lambda p, q: resize(p, 0))
case('cut-in-the-header', 'open')(lambda p, q: resize(p, 100))
case('no-tail', 'cut')(lambda p, q: resize(p, N * BLOCK))
case('tail-too-long', 'cut')(lambda p, q: resize(p, N * BLOCK + 4070))
@case('appended', {N - 1, N, N + 1})
def appended(p, q):
    with open(p, 'r+b') as f: f.seek(N * BLOCK); f.write(noise(8, 2 * BLOCK)); f.truncate(length(SIZE) + 2 * BLOCK)
@case('foreign', 'open')
def foreign(p, q):
    with open(p, 'wb') as f: f.write(noise(3, 30000))
@case('foreign-text', 'open')
def text(p, q):
    with open(p, 'wb') as f: f.write(b'hello\n')
END
check "files" py '
exec(open("/tmp/cases.py").read())
for name in cases: touch(d + "/" + name, BODY)
for name in ("empty-grown", "empty-written", "intact", "second", "small"): touch(d + "/" + name)
touch(d + "/intact", BODY); touch(d + "/second", noise(2, SIZE)); touch(d + "/small", b"small")
paths = {name: lower(d + "/" + name) for name in os.listdir(d)}
with open("/tmp/paths", "wb") as f: pickle.dump(paths, f)
umount()
for name, (fn, bad) in cases.items(): fn(paths[name], paths["second"])
resize(paths["empty-grown"], 2 * BLOCK + 5)
with open(paths["empty-written"], "r+b") as f: f.write(read(paths["empty-written"]) + read(paths["second"])[HEADER:])
rewrite(paths["small"], 4095, lambda old: b"?")
mount(); unlock()
'
check "names and sizes can still be listed" py '
exec(open("/tmp/cases.py").read())
same(len(os.listdir(d)), len(cases) + 5)
for n in os.listdir(d): os.stat(d + "/" + n)
assert "unchecked" not in run(os.environ["WARD_TOP"] + "/tests/fs/testvault.py", "state", d)
'
cat >/tmp/judge.py <<'END'
exec(open("/tmp/cases.py").read())
failed = []
for name, (fn, bad) in cases.items():
    f, since = d + '/' + name, mark()
    try:
        if bad == 'open':
            fails('EIO', read, f)
        elif bad == 'cut':
            # what is told of the end is wrong: then the last block cannot be read, or reports itself
            for k, page in enumerate(pages(f)):
                assert page == errno.EIO or page == BODY[k * 4096:k * 4096 + 4096], f'page {k} is something else'
        else:
            partly(f, BODY, bad)
        e = reported(since, kind='tamper', path='/' + name)
        same((e['action'], e['reason'], e['errno']), ('tamper', 'integrity', errno.EIO))
        if isinstance(bad, set) and len(bad) == 1 and 'cut' not in name: same(e['block'], *bad)
    except (AssertionError, OSError) as e:
        failed.append(f'{name}: {e}')
assert not failed, '\n'.join(failed)
END
check "every change is found, and only what was changed is lost" py 'exec(open("/tmp/judge.py").read())'
check "and again from memory" py '
exec(open("/tmp/cases.py").read())
for name in ("block4-first", "swapped", "zeroed"): partly(d + "/" + name, BODY, cases[name][1])
'
check "empty files that were grown, a small one that was changed" py '
for n in ("empty-grown", "empty-written", "small"):
    since = mark(); fails("EIO", read, d + "/" + n); same(reported(since, kind="tamper", path="/" + n)["errno"], errno.EIO)
'
check "what was left alone reads as before" py '
exec(open("/tmp/cases.py").read())
since = mark(); same(read(d + "/intact"), BODY); same(read(d + "/second"), noise(2, SIZE)); quiet(since)
'
check "a mapping of a bad block: SIGBUS, and the rest can be seen" py '
f = d + "/block4-first"
fd = os.open(f, os.O_RDONLY); m = mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
exec(open("/tmp/cases.py").read())
same(m[:4096], BODY[:4096]); same(m[-100:], BODY[-100:])
same(child_signal(lambda: m[base(4) + 100]), signal.SIGBUS)
'
check "a bad block is not overwritten in part, but can be replaced" py '
exec(open("/tmp/cases.py").read())
f = d + "/block4-tag"
fd = os.open(f, os.O_RDWR)
fails("EIO", os.pwrite, fd, b"x", base(4) + 2000)
start = (base(4) // 4096) * 4096
os.pwrite(fd, BODY[start:start + 12288], start); os.fsync(fd); os.close(fd)
again(); partly(f, BODY, set())
'
check "cutting off what is bad makes a file good" py '
exec(open("/tmp/cases.py").read())
f = d + "/block%d-tag" % (N - 1)
os.truncate(f, base(N - 2)); same(read(f), BODY[:base(N - 2)])
since = mark(); again(); same(read(f), BODY[:base(N - 2)]); quiet(since)
'
check "such files can be renamed and removed" py '
for n in os.listdir(d): os.rename(d + "/" + n, d + "/gone"); os.unlink(d + "/gone")
same(os.listdir(d), [])
'

check "names: moved to another directory, copied, foreign" py '
os.makedirs(d + "/one"); os.makedirs(d + "/two")
touch(d + "/one/file", b"1"); touch(d + "/two/other", b"2")
a, b, one, two = lower(d + "/one/file"), lower(d + "/two/other"), lower(d + "/one"), lower(d + "/two")
umount()
os.link(a, two + "/" + os.path.basename(a)); touch(one + "/foreign.txt", b"x"); os.symlink("/etc/passwd", one + "/link")
os.mkdir(two + "/" + "A" * 43)
mount(); unlock()
since = mark()
same(os.listdir(d + "/one"), ["file"]); same(os.listdir(d + "/two"), ["other"])
for p in ("/one", "/two"): reported(since, kind="tamper", path=p)
fails("ENOENT", read, d + "/two/file"); fails("ENOENT", read, d + "/one/foreign.txt")
same(read(d + "/one/file"), b"1")
fails("ENOTEMPTY", os.rmdir, d + "/two")
for p in (two + "/" + os.path.basename(a), one + "/foreign.txt", one + "/link"): os.unlink(p)
os.rmdir(two + "/" + "A" * 43)
'
check "directory ids: exchanged, damaged, not a symlink" py '
def ids(*new):
    umount()
    for where, what in zip((one, two), new):
        at = where + "/.ward-id"
        if os.path.lexists(at): os.unlink(at)
        touch(at, b"x") if what is None else os.symlink(what, at)
    mount(); unlock()
one, two = lower(d + "/one"), lower(d + "/two")
i, j = os.readlink(one + "/.ward-id"), os.readlink(two + "/.ward-id")
ids(j, i)
since = mark(); same((os.listdir(d + "/one"), os.listdir(d + "/two")), ([], []))
for p in ("/one", "/two"): reported(since, kind="tamper", path=p)
fails("ENOTEMPTY", os.rmdir, d + "/one")
for a, b in (("damaged", i[:-1]), (i + "A", None)):
    ids(a, b)
    since = mark()
    for p in ("/one", "/two"):
        fails("EIO", os.stat, d + p + "/x"); fails("EIO", touch, d + p + "/y"); fails("EIO", os.listdir, d + p)
        reported(since, kind="tamper", path=p)
ids(i, j); same((read(d + "/one/file"), read(d + "/two/other")), (b"1", b"2"))
'
check "kinds: a file that became a directory, a symlink, a fifo" py '
for n in "abc": touch(d + "/" + n, b"x")
low = {n: lower(d + "/" + n) for n in "abc"}
umount()
for n in "abc": os.unlink(low[n])
os.mkdir(low["a"]); os.symlink("/etc/passwd", low["b"]); os.mkfifo(low["c"])
mount(); unlock()
same(os.listdir(d + "/a"), []); fails("EIO", os.readlink, d + "/b"); fails("EIO", read, d + "/b")
os.rmdir(d + "/a"); os.unlink(d + "/b"); os.unlink(d + "/c")
'

check "something else in the place of a hidden symlink" py '
n = "n" * 240
touch(d + "/one/" + n); low = lower(d + "/one"); at = lower(d + "/one/" + n)
umount(); h, = hidden(low); os.unlink(at); os.unlink(low + "/" + h); touch(low + "/" + h, b"x")
mount(); unlock(); since = mark()
fails("ENOENT", os.stat, d + "/one/" + n)
for make in (lambda p: os.close(os.open(p, os.O_CREAT | os.O_WRONLY)), os.mkdir, lambda p: os.rename(d + "/one/file", p)):
    fails("EIO", make, d + "/one/" + n)
same(reported(since, kind="tamper", detail="a hidden entry of the directory is no symlink")["path"], "/one")
os.unlink(low + "/" + h); touch(d + "/one/" + n, b"2"); same(read(d + "/one/" + n), b"2"); os.unlink(d + "/one/" + n)
'
cat >/tmp/check.py <<'END'
from calls import *
def ask(path, **more):
    return netlink().ask('CHECK', testvault.uuid_of(d), CHECK_PATH=path.encode() + b'\0', **more)
def check(path): return ask(os.path.relpath(path, below))
END
check "a check looks at targets and xattrs, too, and names what is not in order" py '
exec(open("/tmp/check.py").read())
touch(d + "/one/x", noise(1, 9000)); os.setxattr(d + "/one/x", "user.a", b"1"); os.setxattr(d + "/one", "user.b", b"2")
for n in ("l", "m"): os.symlink("somewhere/else", d + "/one/" + n)
at = {n: lower(d + "/" + n) for n in ("one", "one/x", "one/l", "one/m")}
again(); since = mark()
for n in at: r = check(at[n]); same((r["check_result"], r["check_bad"]), ("ok", 0)); assert "check_name" not in r, r
quiet(since)
umount()
text = os.readlink(at["one/l"]); os.unlink(at["one/l"]); os.symlink(text[:-9] + ("A" if text[-9] != "A" else "B") + text[-8:], at["one/l"])
for n in ("one", "one/x"):
    k, = (k for k in os.listxattr(at[n]) if k.startswith("user.ward."))
    v = os.getxattr(at[n], k); os.setxattr(at[n], k, v[:-1] + bytes([v[-1] ^ 1]))
mount(); unlock()
for n in ("one", "one/x", "one/l"):
    since = mark(); r = check(at[n])
    same((r["check_result"], r["check_bad"], r.get("check_name")), ("tampered", 1, "/" + n))
    same(reported(since, kind="tamper")["path"], "/" + n)
same(check(at["one/m"])["check_result"], "ok")
os.removexattr(at["one"], [k for k in os.listxattr(at["one"]) if k.startswith("user.ward.")][0])
for n in ("x", "l", "m"): os.unlink(d + "/one/" + n)
'
check "blocks that a check finds, in a file that nobody looked up" py '
exec(open("/tmp/check.py").read())
touch(d + "/one/big", noise(1, base(5))); at = lower(d + "/one/big")
umount(); flip(at, unit(2) + 40); mount(); unlock(); since = mark()
r = check(at); same((r["check_result"], r["check_bad"], r["check_name"]), ("tampered", 1, "/one/big"))
e = reported(since, kind="tamper"); same((e["path"], e["block"]), ("/one/big", 2)); os.unlink(d + "/one/big")
'
check "a check of files that are just being made" py '
exec(open("/tmp/check.py").read())
os.mkdir(d + "/busy"); low = lower(d + "/busy"); since = mark(); stop = time.time() + 8
pid = os.fork()
if not pid:
    k = 0
    while time.time() < stop: touch(d + "/busy/%d" % (k % 50)); os.unlink(d + "/busy/%d" % (k % 50)) if k % 2 else None; k += 1
    os._exit(0)
looked = 0
while time.time() < stop:
    for n in os.listdir(low):
        if n.startswith(".ward-"): continue
        try: r = check(low + "/" + n)
        except testvault.Refused as e: same(e.errno, errno.ENOENT); continue
        looked += 1; same(r["check_result"], "ok")
same(os.waitpid(pid, 0)[1], 0); quiet(since); assert looked > 20, looked
for n in os.listdir(d + "/busy"): same(read(d + "/busy/" + n), b"")
'
check "entries deeper than a path is long" py '
exec(open("/tmp/check.py").read())
DEPTH = 500
def down(fd, name, make):
    if make: os.mkdir(name, dir_fd=fd)
    new = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd); os.close(fd); return new
fd = os.open(d + "/one", os.O_RDONLY)
for k in range(DEPTH): fd = down(fd, "deep-deep-deep", True)
f = os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd); os.write(f, noise(2, 5000)); os.close(f); os.close(fd)
again()
def walk():
    fd = os.open(lower(d + "/one"), os.O_RDONLY); length = 0
    while True:
        n, = (n for n in os.listdir(fd) if not n.startswith(".ward-") and os.stat(n, dir_fd=fd, follow_symlinks=False).st_ino != file)
        length += len(n) + 1
        r = ask(n, CHECK_DIR=struct.pack("i", fd)); same((r["check_result"], r["check_bad"]), ("ok", 0))
        if not stat.S_ISDIR(os.stat(n, dir_fd=fd).st_mode): return fd, n, length
        fd = down(fd, n, False)
file = os.stat(d + "/one/file").st_ino; since = mark()
fd, n, length = walk(); assert length > 16384, length
quiet(since)
f = os.open(n, os.O_RDWR, dir_fd=fd); os.pwrite(f, bytes([os.pread(f, 1, 4095)[0] ^ 1]), 4095); os.close(f); again()
r = ask(n, CHECK_DIR=struct.pack("i", fd)); same(r["check_result"], "tampered"); assert "check_name" not in r, r
def refused(code, *args, **more):
    try: ask(*args, **more)
    except testvault.Refused as e: same(errno.errorcode[e.errno], code); return
    assert False, "is taken"
os.close(fd)
for code, fd in (("EXDEV", os.open("/tmp", os.O_RDONLY)), ("EXDEV", os.open(ward, os.O_RDONLY)), ("EXDEV", os.open(d, os.O_RDONLY)), ("EBADF", 999)):
    refused(code, "x", CHECK_DIR=struct.pack("i", fd))
refused("EINVAL", "..", CHECK_DIR=struct.pack("i", os.open(below, os.O_RDONLY)))
for fd in range(3, 50):
    try: os.close(fd)
    except OSError: pass
'

check "one damaged epoch record: opens, but is to be checked" py '
umount(); flip(ward + "/epoch", 20)
mount(); unlock()
assert state()["vault_flags"] & 2, state()
same(read(d + "/one/file"), b"1")
netlink().ask("CHECKED", testvault.uuid_of(d), CHECK_SEQ=struct.pack("Q", state()["vault_epoch"]))
again(); assert not state()["vault_flags"] & 2
'
cat >/tmp/refused.py <<'END'
from calls import *
def refused(*codes):
    """Unlocking fails, and leaves the vault locked."""
    try:
        unlock()
    except testvault.Refused as e:
        assert e.errno in codes, e
        same(state()['vault_state'], 0)
        return
    assert False, 'unlocks'
def with_file(name, data, fn):
    """With this in .ward/NAME (None: without it), the vault mounted; put back afterwards."""
    umount()
    keep = read(ward + '/' + name)
    os.unlink(ward + '/' + name)
    if data is not None: touch(ward + '/' + name, data(keep) if callable(data) else data)
    mount()
    fn()
    umount(); touch(ward + '/' + name, keep); mount(); unlock()
    same(read(d + '/one/file'), b'1')
def bit(at): return lambda raw: raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]
END
check "both epoch records damaged, none, or another vault's: refused" py '
exec(open("/tmp/refused.py").read())
both = lambda raw: bit(30)(bit(4096 + 30)(raw))
for data in (both, None, b"", b"x" * 8192, lambda raw: raw[:4000], bytes(8192)):
    with_file("epoch", data, lambda: refused(errno.EUCLEAN, errno.ENOENT))
'
check "an epoch file that was put back is not taken for the same epoch" py '
before = state()["vault_epoch"]; again(); assert state()["vault_epoch"] == before + 1
'
check "a missing, damaged or foreign policy lets in nobody, and says so" py '
exec(open("/tmp/refused.py").read())
other = testvault.policy(os.urandom(16), [0], 99)
def nobody():
    since = mark()
    unlock()
    fails("EACCES", os.listdir, d); fails("EACCES", os.stat, d + "/one")
    e = reported(since, kind="policy", reason="integrity"); assert e["errno"]
for data in (None, b"", bit(100), bit(60), lambda raw: raw[:-1], lambda raw: raw + b"x", other, b"x" * 100000):
    with_file("policy", data, nobody)
'
check "an older policy is refused" py '
exec(open("/tmp/refused.py").read())
old = read(ward + "/policy")
policy(0, ALICE)
same(as_user(ALICE, read, d + "/one/file"), b"1")
def nobody(): unlock(); fails("EACCES", os.listdir, d)
with_file("policy", old, nobody)
same(as_user(ALICE, read, d + "/one/file"), b"1")
'
check "one damaged vault file does no harm; two are refused" py '
exec(open("/tmp/refused.py").read())
with_file("vault", bit(70), unlock); with_file("vault.bak", bit(70), unlock)
with_file("vault", None, unlock)
umount()
keep = read(ward + "/vault")
def both(data):
    for n in ("vault", "vault.bak"): touch(ward + "/" + n, data)
for data in (b"", b"x" * 96, keep[:50], keep + b"x", bit(8)(keep), bit(10)(keep), bit(90)(keep), b"x" * 70000):
    both(data)
    try: mount(); refused(errno.EKEYREJECTED, errno.EINVAL, errno.EBADMSG, errno.ENOKEY); umount()
    except AssertionError as e: assert "mount" in str(e), e
both(keep); mount(); unlock(); same(read(d + "/one/file"), b"1")
'
check "another master key is refused" py '
exec(open("/tmp/refused.py").read())
again(); lock()
right = testvault.KEY; testvault.KEY = bytes(32)
refused(errno.EKEYREJECTED)
testvault.KEY = right; unlock()
'
check "no .ward, no tree, a tree that is a file: no mount" py '
umount()
def no(): 
    try: mount()
    except AssertionError: return
    umount(); assert False, "mounts"
for n in (".ward/tree", ".ward"):
    os.rename("/srv/below/v/" + n, "/srv/below/away"); no()
    touch("/srv/below/v/" + n); no(); os.unlink("/srv/below/v/" + n)
    os.rename("/srv/below/away", "/srv/below/v/" + n)
os.chown(ward, ALICE, ALICE); no(); os.chown(ward, 0, 0); os.chmod(ward, 0o777); no(); os.chmod(ward, 0o700)
mount(); unlock(); same(read(d + "/one/file"), b"1")
'
check "the count of tamper events is told" py 'assert state()["vault_tampers"] >= 0'
if [ "$WARD_LOWER" = ext4 ]; then
	check "user xattrs below on what users cannot give any" py '
exec(open("/tmp/check.py").read())
os.symlink("target", d + "/l1"); os.mkfifo(d + "/p1"); os.mknod(d + "/c1", stat.S_IFCHR | 0o600, os.makedev(1, 3))
names = ("l1", "p1", "c1"); inos = {n: os.lstat(d + "/" + n).st_ino for n in names}; at = {n: lower(d + "/" + n) for n in names}
umount(); run("umount", "/srv/below"); run("umount", "/srv/lower")
for ino in inos.values(): run("debugfs", "-w", "-R", "ea_set <%d> user.ward.AAAA hostile" % ino, os.environ["WARD_DISK1"])
run("mount", os.environ["WARD_DISK1"], "/srv/lower"); run("mount", "--bind", "/srv/lower", "/srv/below"); mount(); unlock()
for n in names:
    same("user.ward.AAAA" in os.listxattr(at[n], follow_symlinks=False), True); since = mark()
    same(os.listxattr(d + "/" + n, follow_symlinks=False), [])
    same(reported(since, kind="tamper")["path"], "/" + n)
    r = check(at[n]); same((r["check_result"], r["check_bad"]), ("tampered", 1))
for n in names: os.unlink(d + "/" + n)
'
else
	skip "user xattrs below on what users cannot give any" "debugfs is for ext4"
fi
check "unmount" umount $d
done_testing
