#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Names: of every length, of every byte, long ones under digests; symlink targets; what was changed below.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault

cat >/tmp/lengths.py <<'END'
from calls import *
names = [(chr(97 + n % 26) * n).encode() for n in range(1, 256)]
odd = [bytes(b for b in range(1, 128) if b != 47), bytes(range(128, 256)), b'.ward-id', b'.ward-n',
       b'.ward-', b'=', b'=' * 44, b'...', b'..a', b'. ', b' ', b'\n', 'Gehaltsliste für März.ods'.encode(),
       b'.nfs0000000000000001', b'-rf', b'*', b'name with  spaces ']
every = set(names + odd)
END
check "names of all lengths and bytes" py '
exec(open("/tmp/lengths.py").read())
for n in every: touch(d.encode() + b"/" + n, n)
'
cat >/tmp/listed.py <<'END'
exec(open("/tmp/lengths.py").read())
same(set(os.listdir(d.encode())), every)
for n in every:
    same(read(d.encode() + b"/" + n), n)
END
check "are listed and found" py 'exec(open("/tmp/listed.py").read())'
check "a name of 256 bytes is too long" py '
for f in (os.mkdir, os.stat, os.unlink, touch, os.listdir):
    fails("ENAMETOOLONG", f, d + "/" + "x" * 256)
fails("ENAMETOOLONG", os.symlink, "a", d + "/" + "x" * 256)
'
check "below: nothing but base64url, digests and hidden symlinks" py '
import re
exec(open("/tmp/lengths.py").read())
files = [n for n in os.listdir(below) if not n.startswith(".ward-")]
same(len(files), len(every))
for n in files:
    assert re.fullmatch("[A-Za-z0-9_-]{43,235}|=[A-Za-z0-9_-]{43}", n), n
same(hidden(below), sorted(".ward-n" + n[1:] for n in files if n[0] == "="))
same(len(hidden(below)), sum(len(n) > 160 for n in every))
assert os.path.islink(below + "/.ward-id") and len(os.readlink(below + "/.ward-id")) == 22
'
check "lock and unlock" sh -c "$tv lock $d && $tv unlock $d"
check "are listed and found again" py 'exec(open("/tmp/listed.py").read())'
check "mount again" again
check "are listed and found after mounting again" py 'exec(open("/tmp/listed.py").read())'
check "are removed, and the hidden symlinks with them" py '
exec(open("/tmp/lengths.py").read())
for n in every: os.unlink(d.encode() + b"/" + n)
same(os.listdir(d), [])
same(under(below), [".ward-id"])
'

check "renaming between short and long names" py '
s, l, m = d + "/short", d + "/" + "l" * 255, d + "/" + "m" * 161
touch(s, b"1")
os.rename(s, l); same(read(l), b"1"); same(len(hidden(below)), 1); fails("ENOENT", os.stat, s)
os.rename(l, m); same(read(m), b"1"); same(len(hidden(below)), 1)
touch(l, b"2")
os.rename(m, l); same(read(l), b"1"); same(len(hidden(below)), 1)
touch(s, b"3")
os.rename(s, l); same(read(l), b"3"); same(len(hidden(below)), 1)
os.rename(l, s); same(hidden(below), [])
os.mkdir(d + "/sub")
os.rename(s, d + "/sub/" + "l" * 255); same(os.listdir(d), ["sub"])
os.rename(d + "/sub/" + "l" * 255, l); same(os.listdir(d + "/sub"), []); same(len(hidden(below)), 1)
fails("ENOENT", os.rename, l, d + "/sub/x/y")
fails("EISDIR", os.rename, l, d + "/sub")
fails("ENOTDIR", os.rename, d + "/sub", l)
same(len(hidden(below)), 1)
os.unlink(l); os.rmdir(d + "/sub"); same(under(below), [".ward-id"])
'
check "renameat2: not over something, exchange, whiteout" py '
a, l = d + "/a", d + "/" + "l" * 200
touch(a, b"a"); touch(l, b"l")
fails("EEXIST", renameat2, a, l, RENAME_NOREPLACE)
if LOWER == "nfs":
    for flag in (RENAME_NOREPLACE, RENAME_WHITEOUT): fails("EINVAL", renameat2, a, d + "/b", flag)
    fails("EINVAL", renameat2, a, l, RENAME_EXCHANGE)
    os.unlink(a); os.unlink(l); same(under(below), [".ward-id"]); sys.exit()
renameat2(a, l, RENAME_EXCHANGE)
same((read(a), read(l)), (b"l", b"a")); same(len(hidden(below)), 1)
fails("ENOENT", renameat2, a, d + "/none", RENAME_EXCHANGE)
renameat2(a, d + "/b", RENAME_NOREPLACE); same(sorted(os.listdir(d)), ["b", "l" * 200])
os.mkdir(d + "/dir")
renameat2(d + "/dir", l, RENAME_EXCHANGE)
same(read(d + "/dir"), b"a"); os.rmdir(l); os.unlink(d + "/dir")
renameat2(d + "/b", d + "/c", RENAME_WHITEOUT)
st = os.stat(d + "/b"); assert stat.S_ISCHR(st.st_mode) and st.st_rdev == 0
same(read(d + "/c"), b"l")
os.unlink(d + "/b"); os.unlink(d + "/c")
same(under(below), [".ward-id"])
fails("EINVAL", renameat2, d, d + "/x", 64)
'
check "hard links" py '
a, l = d + "/a", d + "/" + "h" * 255
touch(a, b"x"); os.link(a, l)
same(os.stat(a).st_nlink, 2); same(os.stat(a).st_ino, os.stat(l).st_ino)
fails("EEXIST", os.link, a, l); same(len(hidden(below)), 1)
os.unlink(a); same(os.stat(l).st_nlink, 1); same(read(l), b"x")
os.link(l, a); os.unlink(l); same(read(a), b"x"); os.unlink(a)
same(under(below), [".ward-id"])
'

check "symlinks" py '
limit = 3024 if os.environ.get("WARD_LOWER", "ext4") != "xfs" else 720
for n in sorted({1, 15, 16, 17, 47, 255, 256, 700, limit}):
    t = ("t" * n)
    os.symlink(t, d + "/l%d" % n)
    same(os.readlink(d + "/l%d" % n), t)
    same(os.lstat(d + "/l%d" % n).st_size, n)
fails("ENAMETOOLONG", os.symlink, "t" * (limit + 1), d + "/toolong")
fails("ENOENT", os.symlink, "", d + "/empty")
os.symlink("sub/../l1", d + "/rel"); os.symlink(d + "/file", d + "/abs")
touch(d + "/file", b"through"); same(read(d + "/abs"), b"through")
os.symlink("loop", d + "/loop"); fails("ELOOP", os.stat, d + "/loop")
a, b = d + "/s1", d + "/s2"
os.symlink("same", a); os.symlink("same", b)
t = [os.readlink(below + "/" + n) for n in os.listdir(below) if os.path.islink(below + "/" + n)]
same(len(set(t)), len(t))
'
check "symlinks after mounting again" sh -c "umount $d && mount -i -t wardfs $d $d && $tv unlock $d &&
	[ \$(readlink $d/abs) = $d/file ] && [ \$(stat -c %s $d/l255) = 255 ] && grep -q through $d/abs"
check "a target that was changed below is EIO, and can be removed" py '
victim = [n for n in os.listdir(below) if os.path.islink(below + "/" + n) and not n.startswith(".ward")][0]
t = os.readlink(below + "/" + victim)
os.unlink(below + "/" + victim); os.symlink(("A" if t[0] != "A" else "B") + t[1:], below + "/" + victim)
import subprocess
subprocess.check_call(["sh", "-c", "echo 2 >/proc/sys/vm/drop_caches"])
bad = 0
for n in os.listdir(d):
    if os.path.islink(d + "/" + n):
        try: os.readlink(d + "/" + n)
        except OSError as e: assert e.errno == errno.EIO; bad += 1
same(bad, 1)
for n in os.listdir(d): os.unlink(d + "/" + n)
same(under(below), [".ward-id"])
'

check "names that are not ours are not listed, and do no harm" py '
since = mark()
touch(d + "/mine"); touch(d + "/" + "l" * 200)
digest = [n for n in os.listdir(below) if n[0] == "="][0]
plain = [n for n in os.listdir(below) if n[0] not in "=."][0]
def other(n, at): return n[:at] + ("A" if n[at] != "A" else "B") + n[at + 1:]
for n in ("plain", other(plain, 5), other(plain, len(plain) - 1), "=" + "A" * 43, other(digest, 9), plain + "=",
          plain[:-1], "x" * 255, ".nfs0001", "=", "-", ".hidden"):
    touch(below + "/" + n)
same(sorted(os.listdir(d)), ["l" * 200, "mine"])
fails("ENOENT", os.stat, d + "/plain")
e = reported(since, kind="tamper", detail="a name in the directory does not authenticate")
same((e["path"], e["action"], e["reason"], e["errno"]), ("/", "tamper", "integrity", errno.EIO))
for n in os.listdir(below):
    if n not in (digest, plain) and not n.startswith(".ward-"): os.unlink(below + "/" + n)
'
check "a long name without its hidden symlink is not listed" py '
link = below + "/" + hidden(below)[0]
t = os.readlink(link)
os.unlink(link)
n = mark()
same(os.listdir(d), ["mine"])
reported(n, kind="tamper", path="/")
os.symlink(t[:-2] + "AA", link); same(os.listdir(d), ["mine"]); os.unlink(link)
os.symlink(t, link); same(sorted(os.listdir(d)), ["l" * 200, "mine"])
'
check "a target that another symlink has is authentic; one that is cut is not" py '
os.symlink("one", d + "/one"); os.symlink("two", d + "/two")
one, two = lower(d + "/one"), lower(d + "/two")
t = os.readlink(two)
umount()
os.unlink(one); os.symlink(t[:-1], one)
mount(); unlock()
n = mark()
fails("EIO", os.readlink, d + "/one"); same(os.readlink(d + "/two"), "two")
same(reported(n, kind="tamper")["path"], "/one")
os.unlink(d + "/one"); os.unlink(d + "/two")
'

check "directories: made, removed, moved with what is in them" py '
os.makedirs(d + "/p/q/" + "r" * 255)
touch(d + "/p/q/" + "r" * 255 + "/f", b"deep")
fails("ENOTEMPTY", os.rmdir, d + "/p"); fails("ENOTEMPTY", os.rmdir, d + "/p/q")
fails("EINVAL|EBUSY", os.rename, d + "/p", d + "/p/q/in")
os.mkdir(d + "/other")
os.rename(d + "/p/q", d + "/other/q")
same(read(d + "/other/q/" + "r" * 255 + "/f"), b"deep"); same(os.listdir(d + "/p"), [])
# btrfs does not count directories
same([os.stat(d + n).st_nlink for n in ("/other", "/p")], [1, 1] if LOWER == "btrfs" else [3, 2])
again()
same(read(d + "/other/q/" + "r" * 255 + "/f"), b"deep")
'
check "renaming onto a directory that only has hidden entries" py '
os.mkdir(d + "/from"); touch(d + "/from/x", b"x"); os.mkdir(d + "/to")
for k in range(150):
    touch(d + "/to/" + "%03d" % k + "n" * 200)
fails("ENOTEMPTY|EEXIST", os.rename, d + "/from", d + "/to")
for k in range(150):
    os.unlink(d + "/to/" + "%03d" % k + "n" * 200)
# what a crash leaves behind, more than one batch of it
at = lower(d + "/to")
for k in range(150): os.symlink("x", at + "/.ward-n" + "%043d" % k)
ino = os.stat(d + "/from").st_ino
os.rename(d + "/from", d + "/to")
same(read(d + "/to/x"), b"x"); same(os.stat(d + "/to").st_ino, ino)
os.mkdir(d + "/empty")
fails("ENOTEMPTY|EEXIST", renameat2, d + "/empty", d + "/to", 0)
os.unlink(d + "/to/x")
at = lower(d + "/to")
for k in range(150): os.symlink("x", at + "/.ward-n" + "%043d" % k)
os.rmdir(d + "/to"); assert not os.path.exists(at)
os.rmdir(d + "/empty")
'
check "a directory of many entries: complete however it is read" py '
many = d + "/many"
os.mkdir(many)
names = set()
entries = 300 if LOWER == "nfs" else 1500       # there each takes a while
for k in range(entries):
    n = "%d" % k + "e" * (k % 7 * 36)
    names.add(n.encode())
    os.close(os.open(many + "/" + n, os.O_CREAT | os.O_WRONLY))
full = listing(many)
same(len(full), len(names) + 2); same({n for n, *_ in full} - {b".", b".."}, names)
small = listing(many, 700)
same([n for n, *_ in small], [n for n, *_ in full])
for n, ino, kind, off in full[::97]:
    if n not in (b".", b".."):
        st = os.stat(many.encode() + b"/" + n); same((st.st_ino, kind), (ino, 8))
again()
same({n for n, *_ in listing(many, 1000)} - {b".", b".."}, names)
'
check "positions: seekdir to each gives what followed it" py '
many = d + "/many"
full = listing(many)
fd = os.open(many, os.O_RDONLY)
for k in range(0, len(full) - 1, 61):
    os.lseek(fd, full[k][3], os.SEEK_SET)
    same(getdents(fd, 4096)[0][0], full[k + 1][0])
os.lseek(fd, 0, os.SEEK_SET)
first = getdents(fd, 4096)
same([n for n, *_ in first], [n for n, *_ in full][:len(first)])
'
check "entries that go while the directory is read are not told twice" py '
many = d + "/many"
entries = len(os.listdir(many))
fd = os.open(many, os.O_RDONLY)
seen = []
while True:
    some = getdents(fd, 2048)
    if not some: break
    for n, *_ in some:
        seen.append(n)
        if n not in (b".", b".."): os.unlink(many.encode() + b"/" + n)
same(len(seen), len(set(seen))); same(len(seen), entries + 2)
os.close(fd); os.rmdir(many)
'
check "long names that go before they are told are no tampering" py '
since, many = mark(), d + "/many"
os.mkdir(many)
for k in range(60): touch(many + "/%03d" % k + "l" * 220)
fd = os.open(many, os.O_RDONLY)
told = {n for n, *_ in getdents(fd, 1024)}
for n in os.listdir(many):
    if n.encode() not in told: os.unlink(many + "/" + n)
while getdents(fd, 1024): pass
os.close(fd); quiet(since); run("rm", "-r", many)
'
check "lseek to where one is, or to nowhere, leaves no entry out" py '
many = d + "/many"
os.mkdir(many)
for k in range(300): touch(many + "/%03d" % k)
fd = os.open(many, os.O_RDONLY)
seen = []
while True:
    some = [n for n, *_ in getdents(fd, 1024)]
    if not some: break
    seen += some
    for n in some:
        if n not in (b".", b".."): os.unlink(many.encode() + b"/" + n)
    os.lseek(fd, os.lseek(fd, 0, os.SEEK_CUR), os.SEEK_SET)
    try: os.lseek(fd, -5, os.SEEK_SET)
    except OSError: pass
same(len(seen), 302); os.close(fd); os.rmdir(many)
'

check "a directory whose id is gone gets no other" py '
os.mkdir(d + "/dir"); touch(d + "/dir/f", b"kept")
'
sub=$(py 'print(lower(d + "/dir"))')
check "unmount" umount $d
mv "$sub/.ward-id" /tmp/id
check "mount" mount -i -t wardfs $d $d
check "unlock" "$tv" unlock $d
check "nothing in it can be told, and nothing is lost" py '
n = mark()
same(os.listdir(d + "/dir"), []); fails("EIO", os.stat, d + "/dir/f")
fails("EIO", touch, d + "/dir/g"); fails("ENOTEMPTY", os.rmdir, d + "/dir")
same(reported(n, kind="tamper")["path"], "/dir")
'
cp -P /tmp/id "$sub/.ward-id"
check "put back, they are there" py 'same(read(d + "/dir/f"), b"kept"); touch(d + "/dir/g")'
check "unmount" umount $d
rm "$sub/.ward-id"
ln -s AAAAAAAAAAAAAAAAAAAAAB "$sub/.ward-id"
check "mount" mount -i -t wardfs $d $d
check "unlock" "$tv" unlock $d
check "an id that no writer makes is refused" py 'fails("EIO", os.stat, d + "/dir/f"); fails("EIO", touch, d + "/dir/h")'
check "unmount" umount $d
done_testing
