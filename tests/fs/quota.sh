#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Quotas of the lower file system: what users write in a vault is theirs, and a full quota reaches the writer.

. "$WARD_TOP/tests/vm/lib.sh"

case ${WARD_LOWER:-ext4} in
ext4)	MKFS_OPTIONS="-O quota" MOUNT_OPTIONS=usrquota,grpquota ;;
xfs)	MOUNT_OPTIONS=usrquota,grpquota ;;
*)	skip_all "quotas of users are ext4's and xfs's" ;;
esac
modprobe quota_v2 2>/dev/null
. "$WARD_TOP/tests/fs/vault.sh"

check "a vault over a file system with quotas" new_vault 0 61001 61002
mkdir /srv/below/plain
check "quotas are counted" repquota -u -p /srv/lower

cat >/tmp/quota.py <<'END'
from meta import *
def used(who, group=False):
    "KiB and inodes that quota counts for somebody below."
    os.sync()
    for line in run("repquota", "-n", "-p", "-g" if group else "-u", "/srv/lower").splitlines():
        if line.startswith("#%d " % who):
            f = line.split(); return int(f[2]), int(f[6])
    return 0, 0
def limit(who, kib, inodes): run("setquota", "-u", str(who), "0", str(kib), "0", str(inodes), "/srv/lower")
def wrote(uid, path, size, piece=65536, sync=False):
    "How much could be written until it failed, and where: in write, fsync or close."
    def go():
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666); n = 0; at = "write"
        try:
            while n < size: n += os.write(fd, b"q" * min(piece, size - n))
            at = "fsync"
            if sync: os.fsync(fd)
            at = "close"; os.close(fd)
            return n, ""
        except OSError as e: return n, at + " " + errno.errorcode[e.errno]
    return as_user(uid, go)
END
check "what a user writes counts as the user's" py '
exec(open("/tmp/quota.py").read())
os.chmod(d, 0o777); os.mkdir(d + "/a"); os.chown(d + "/a", ALICE, ALICE)
b0, i0 = used(ALICE); same(wrote(ALICE, d + "/a/f", 1 << 20), (1 << 20, ""))
b1, i1 = used(ALICE); assert 1024 <= b1 - b0 <= 1200, (b0, b1); same(i1 - i0, 2)      # the file, and the directory id
as_user(ALICE, os.mkdir, d + "/a/sub"); as_user(ALICE, os.symlink, "x", d + "/a/l"); same(used(ALICE)[1], i1 + 2)
as_user(ALICE, touch, d + "/a/" + "n" * 255); same(used(ALICE)[1], i1 + 4)             # with its full name
os.unlink(d + "/a/" + "n" * 255); same(used(ALICE)[1], i1 + 2)
'
check "chown moves it" py '
exec(open("/tmp/quota.py").read())
a, b = used(ALICE), used(BOB)
os.chown(d + "/a/f", BOB, BOB); assert used(ALICE)[0] < a[0] - 1000 and used(BOB)[0] > b[0] + 1000
same((used(ALICE)[1], used(BOB)[1]), (a[1] - 1, b[1] + 1)); assert used(BOB, True)[0] > 1000
os.chown(d + "/a/f", ALICE, ALICE); os.unlink(d + "/a/f"); assert used(ALICE)[0] < 100
'
check "no more blocks: the writer hears of it, at close at the latest" py '
exec(open("/tmp/quota.py").read())
limit(ALICE, 2048, 0)
for size, piece, sync in ((8 << 20, 65536, False), (8 << 20, 1000, False), (3 << 20, 1 << 20, True), (2500 << 10, 4096, False)):
    n, failed = wrote(ALICE, d + "/a/big", size, piece, sync)
    assert failed.endswith("EDQUOT"), (n, failed)
    assert used(ALICE)[0] <= 2048 + 16, used(ALICE)     # the lower file system lets its own metadata through
    as_user(ALICE, os.unlink, d + "/a/big")
same(wrote(ALICE, d + "/a/fits", 1 << 20), (1 << 20, "")); same(wrote(BOB, d + "/other", 4 << 20), (4 << 20, "")); os.unlink(d + "/other")
'
check "no more inodes: a long name, of which half would fit, moves no times" py '
exec(open("/tmp/quota.py").read())
limit(ALICE, 2048, used(ALICE)[1] + 1); long = d + "/a/" + "n" * 255
def times(): st = os.stat(d + "/a"); return st.st_mtime_ns, st.st_ctime_ns
t = times(); time.sleep(0.05)
fails("EDQUOT", as_user, ALICE, touch, long); same(times(), t); fails("EDQUOT", as_user, ALICE, os.mkdir, long); same(times(), t)
as_user(ALICE, touch, d + "/a/short"); assert times() > t; t = times(); time.sleep(0.05)
fails("EDQUOT", as_user, ALICE, os.rename, d + "/a/short", long); same(times(), t)
as_user(ALICE, os.unlink, d + "/a/short"); limit(ALICE, 2048, 0); as_user(ALICE, touch, long); os.unlink(long)
'
check "what was written before is there, and what is freed can be used again" py '
exec(open("/tmp/quota.py").read())
same(read(d + "/a/fits"), b"q" * (1 << 20))
def append():
    with open(d + "/a/fits", "ab") as f: f.write(b"z" * (4 << 20))
fails("EDQUOT", as_user, ALICE, append)
again(); data = read(d + "/a/fits"); same(data[:1 << 20], b"q" * (1 << 20))
def cut(): os.truncate(d + "/a/fits", 4000)
as_user(ALICE, cut); same(wrote(ALICE, d + "/a/g", 1 << 20), (1 << 20, "")); same(read(d + "/a/fits"), b"q" * 4000)
'
check "no more inodes: EDQUOT for each thing that can be made, and nothing is left half made" py '
exec(open("/tmp/quota.py").read())
os.unlink(d + "/a/g"); limit(ALICE, 0, used(ALICE)[1])
n = mark(); before = sorted(os.listdir(d + "/a"))
for fn, *args in ((touch, "/a/new"), (os.mkdir, "/a/new"), (os.mkfifo, "/a/new"), (touch, "/a/" + "n" * 200)):
    fails("EDQUOT", as_user, ALICE, fn, d + args[0])
fails("EDQUOT", as_user, ALICE, os.symlink, "x", d + "/a/new")
fails("EDQUOT", as_user, ALICE, os.open, d + "/a", os.O_TMPFILE | os.O_RDWR)
fails("EDQUOT", as_user, ALICE, os.rename, d + "/a/fits", d + "/a/" + "r" * 200)
same(sorted(os.listdir(d + "/a")), before); same(hidden(lower(d + "/a")), []); quiet(n)
limit(ALICE, 0, 0); as_user(ALICE, touch, d + "/a/new", b"1"); again(); same(read(d + "/a/new"), b"1")
'
# Side by side: what is counted differs by the ciphertext's own, who is refused and when is the same.
cat >/tmp/limits.py <<'END'
exec(open("/tmp/quota.py").read())
def set_limit(what, who, kib, inodes): run("setquota", "-" + what, str(who), "0", str(kib), "0", str(inodes), "/srv/lower")
def group_directory(at):
    os.mkdir(at + "/g"); os.chown(at + "/g", ALICE, CASEWORKERS); os.chmod(at + "/g", 0o2770); return at + "/g"
def codes_of(*calls): return [code(fn, *args) for fn, *args in calls]
def refused(uid, path, size):
    """Why that much was not taken, wherever it was said."""
    try:
        def go():
            fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o660)
            try:
                for k in range(0, size, 65536): os.write(fd, b"g" * 65536)
            except OSError:
                os.close(fd); raise
            os.close(fd)
        as_user(uid, go, groups=(CASEWORKERS,)) if uid else go()
    except OSError as e: return errno.errorcode[e.errno]
END
check "a group's limits: its files, whoever writes them, and no others" py '
exec(open("/tmp/limits.py").read())
def one(at):
    g = group_directory(at); os.chmod(at, 0o777); kib, inodes = used(CASEWORKERS, True); out = []
    set_limit("g", CASEWORKERS, kib + 2048, 0)
    try:
        for uid in (ALICE, BOB): out += [refused(uid, g + "/f%d" % uid, 4 << 20), refused(uid, at + "/own%d" % uid, 4 << 20)]; os.unlink(g + "/f%d" % uid)
        out += [refused(BOB, g + "/fits", 1 << 20), os.stat(g + "/fits").st_size, read(g + "/fits") == b"g" * (1 << 20), os.stat(g + "/fits").st_gid]
        set_limit("g", CASEWORKERS, 0, used(CASEWORKERS, True)[1])
        def make(): return codes_of((touch, g + "/new"), (os.mkdir, g + "/new"), (os.mkfifo, g + "/new"), (os.symlink, "x", g + "/new"), (os.open, g, os.O_TMPFILE | os.O_RDWR), (touch, at + "/new"), (os.link, g + "/fits", g + "/hard"), (os.rename, g + "/fits", g + "/" + "r" * 100))
        return out + as_user(BOB, make, groups=(CASEWORKERS,)) + [sorted(os.listdir(g))]
    finally: set_limit("g", CASEWORKERS, 0, 0)
got = alike(one); assert got[:2] == ["EDQUOT", None], got
'
for how in closed synced; do
	check "many small files: who $how one has it whole, who has not was told" py "
exec(open('/tmp/limits.py').read()); from smallfiles import *
def one(at):
    os.chmod(at, 0o777); set_limit('u', ALICE, used(ALICE)[0] + 2048, 0); got = {}
    try:
        for seed in (1, 2): got.update(as_user(ALICE, attempts, at, seed, '$how' == 'synced', seed == 2))
    finally: set_limit('u', ALICE, 0, 0)
    since = mark(); assert len(kept(got)) > 20, kept(got)
    whole(got); drop_caches(); whole(got); again(); whole(got); quiet(since)
    return refused(got)
same(alike(one), ['EDQUOT'])
"
done
check "a limit on inodes: EDQUOT for each thing that can be made" py '
exec(open("/tmp/limits.py").read())
def one(at):
    os.chmod(at, 0o777); as_user(ALICE, touch, at + "/have", b"1"); set_limit("u", ALICE, 0, used(ALICE)[1])
    try:
        def make(): return codes_of((touch, at + "/new"), (os.mkdir, at + "/new"), (os.mkfifo, at + "/new"), (os.symlink, "x", at + "/new"), (os.open, at, os.O_TMPFILE | os.O_RDWR), (os.mknod, at + "/new", stat.S_IFREG | 0o600), (os.link, at + "/have", at + "/hard"), (touch, at + "/have", b"2"), (os.rename, at + "/have", at + "/moved"))
        return as_user(ALICE, make) + [sorted(os.listdir(at)), read(at + "/moved"), attempt_as_root(at + "/roots")]
    finally: set_limit("u", ALICE, 0, 0)
def attempt_as_root(path): return codes_of((touch, path), (os.chown, path, ALICE, ALICE))
got = alike(one); same(got[:6], ["EDQUOT"] * 6)
'
check "a user who may pass the limits: root" py '
exec(open("/tmp/limits.py").read())
def one(at):
    os.chmod(at, 0o777); as_user(ALICE, touch, at + "/f", b"1"); set_limit("u", ALICE, used(ALICE)[0] + 1024, 0)
    try: return [refused(0, at + "/f", 4 << 20), os.stat(at + "/f").st_uid, refused(ALICE, at + "/f", 4 << 20)]
    finally: set_limit("u", ALICE, 0, 0)
print(alike(one))
'
check "unmount" umount $d
done_testing
