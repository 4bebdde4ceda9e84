#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# File handles: what they lead to, however cold the caches are; and those that nobody gave out.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0 61001
mkdir /srv/below/plain

cat >/tmp/tree.py <<'END'
from meta import *
def tree():
    "Some objects, their handles, and what they are."
    top = d + "/dir/" + "l" * 200 + "/deep"
    os.makedirs(top)
    touch(top + "/file", noise(1, 9000)); touch(d + "/" + "n" * 255, b"long")
    os.symlink("target", top + "/link"); os.mkfifo(top + "/pipe")
    return [top + "/file", d + "/" + "n" * 255, top + "/link", top + "/pipe", top, d + "/dir", d]
def same_objects(paths, handles):
    for p, h in zip(paths, handles):
        fd = open_handle(h, os.O_PATH); st = os.lstat(p)
        same((os.fstat(fd).st_ino, os.fstat(fd).st_mode), (st.st_ino, st.st_mode)); os.close(fd)
END
check "a handle leads to its object" py '
exec(open("/tmp/tree.py").read())
paths = tree(); handles = [handle(p) for p in paths]
same_objects(paths, handles)
same(by_handle(handles[0])[1], noise(1, 9000)); same(by_handle(handles[1])[1], b"long")
for h in handles: assert h.kind == 0x77 and len(h.data) <= (64 if LOWER in ("btrfs", "nfs") else 44), len(h.data)
same(len(handles[-1].data), 4)
same(len({h.data for h in handles}), len(handles))
same(handle(paths[0]), handles[0])
pickle.dump((paths, handles), open("/tmp/handles", "wb"))
'
cat >/tmp/story.py <<'END'
from meta import *
def story(at):
    "Of handles as the lower file system gives them, and as the vault does: what each leads to, hot and cold, until it is gone."
    deep = at + "/dir/" + "l" * 200 + "/deep"; os.makedirs(deep); out = []
    touch(deep + "/file", noise(1, 9000)); touch(at + "/" + "n" * 255, b"long"); os.symlink("target", deep + "/link"); os.mkfifo(deep + "/pipe")
    paths = [deep + "/file", at + "/" + "n" * 255, deep + "/link", deep + "/pipe", deep, at + "/dir", at]
    handles = [handle(p) for p in paths]
    def opens(h, flags=os.O_RDONLY): return open_handle(h, flags, at)
    def leads():
        for p, h in zip(paths, handles):
            fd = opens(h, os.O_PATH); same(os.path.samestat(os.fstat(fd), os.lstat(p)), True); os.close(fd); same(handle(p), h)
        fd = opens(handles[0]); same(os.pread(fd, 9999, 0), noise(1, 9000)); os.close(fd)
        fd = opens(handles[4]); same(path_of(fd), deep); same(sorted(os.listdir(fd)), ["file", "link", "pipe"])
        up = os.open("..", os.O_RDONLY, dir_fd=fd); same(path_of(up), os.path.dirname(deep)); os.close(up); os.close(fd)
    leads(); drop_caches(); leads()
    for p, h in zip(paths, handles): out += [fails("EOVERFLOW", handle, p, 0), fails("EOVERFLOW", handle, p, len(h.data) - 4)]
    out += [fails("EISDIR", opens, handles[4], os.O_RDWR), fails("ELOOP", opens, handles[2]), fails("ENOTDIR", opens, handles[0], os.O_DIRECTORY),
            fails("EINVAL", handle, deep + "/file", MAX_HANDLE + 4), fails("ENOENT", handle, deep + "/none"), fails("EPERM", as_user, ALICE, opens, handles[0])]
    # written by handle before anybody has walked to it; renamed; linked and unlinked
    drop_caches(); fd = opens(handles[0], os.O_RDWR); os.pwrite(fd, b"by handle", 8990); os.fsync(fd); same(read(paths[0])[8985:], noise(1, 9000)[8985:8990] + b"by handle" + noise(1, 9000)[8999:])
    os.close(fd); os.rename(at + "/dir", at + "/moved"); fd = opens(handles[4]); same(path_of(fd), deep.replace("/dir/", "/moved/", 1)); os.rename(at + "/moved", at + "/dir"); same(path_of(fd), deep)
    os.close(fd); os.link(paths[0], at + "/second"); os.unlink(paths[0]); same(os.stat(at + "/second").st_nlink, 1)
    # gone: while somebody has it open it can still be had; then not, and not when its number is used again
    fd = os.open(at + "/second", os.O_RDONLY); os.unlink(at + "/second"); h = opens(handles[0]); same(os.fstat(h).st_nlink, 0); same(len(os.pread(h, 9999, 0)), 9000); os.close(h); os.close(fd)
    os.mkdir(at + "/gone"); gone = handle(at + "/gone"); os.rmdir(at + "/gone"); drop_caches()
    for k in range(50): touch(at + "/again%d" % k)
    return out + [fails("ESTALE", opens, handles[0]), fails("ESTALE", opens, gone), fails("ESTALE", opens, Handle(handles[1].kind, bytes(len(handles[1].data))))]
END
if [ "$WARD_LOWER" = nfs ]; then
	skip "as on the lower file system" "NFS's own lead to the names that it keeps removed files under"
else
check "as on the lower file system" py 'exec(open("/tmp/story.py").read()); alike(story)'
fi
check "too little room: how much is needed" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
for p, h in zip(paths, handles):
    for room in (0, 4, 8, 12, len(h.data) - 4):
        if room >= len(h.data): continue
        try: handle(p, room); assert False
        except OSError as e: same((e.errno, e.strerror), (errno.EOVERFLOW, str(len(h.data))))
    same(handle(p, len(h.data)), h)
'
check "with nothing cached" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
drop_caches(); same(by_handle(handles[0])[1], noise(1, 9000))
drop_caches(); same_handles = [handle(p) for p in paths]; assert all(a == b for a, b in zip(same_handles, handles))
again(); same(by_handle(handles[0], os.O_RDWR)[1], noise(1, 9000))
again()
for h in reversed(handles): os.close(open_handle(h, os.O_PATH))
exec(open("/tmp/tree.py").read()); same_objects(paths, handles)
'
check "a directory that was opened so is where it belongs" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
again()
fd = open_handle(handles[4]); same(path_of(fd), paths[4])
same(sorted(n for n in os.listdir(fd)), ["file", "link", "pipe"])
up = os.open("..", os.O_RDONLY, dir_fd=fd); same(path_of(up), os.path.dirname(paths[4])); os.close(up)
os.close(os.open("new", os.O_CREAT | os.O_WRONLY, dir_fd=fd)); os.unlink(paths[4] + "/new"); os.close(fd)
again()
fd = open_handle(handles[4]); os.rename(d + "/dir", d + "/moved"); same(path_of(fd), paths[4].replace("/dir/", "/moved/", 1))
os.rename(d + "/moved", d + "/dir"); same(path_of(fd), paths[4])
'
check "a file that was opened so, before its path was walked" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
again()
fd = open_handle(handles[0], os.O_RDWR)
os.pwrite(fd, b"by handle", 8990); os.fsync(fd)
want = noise(1, 9000)[:8990] + b"by handle" + noise(1, 9000)[8999:]
same(os.pread(fd, 9000, 0), want)
same(read(paths[0]), want)                                          # the same inode, found by name
same(os.fstat(fd).st_ino, os.stat(paths[0]).st_ino)
os.link(paths[0], d + "/second"); os.unlink(paths[0]); same(by_handle(handles[0])[1], want)
os.rename(d + "/second", paths[0]); same(by_handle(handles[0])[1], want)
os.setxattr(paths[0], "user.x", b"y"); same(os.getxattr(f"/proc/self/fd/{fd}", "user.x"), b"y")
os.close(fd); again(); same(read(paths[0]), want)
os.pwrite(os.open(paths[0], os.O_WRONLY), noise(1, 9000), 0)
'
check "of a file that is gone" py '
from meta import *
f = d + "/gone"; touch(f, b"still there"); h = handle(f)
fd = os.open(f, os.O_RDONLY); os.unlink(f)
same(by_handle(h)[1], b"still there")
os.close(fd); drop_caches(); fails("ESTALE", open_handle, h)
os.mkdir(d + "/gd"); h2 = handle(d + "/gd"); os.rmdir(d + "/gd"); drop_caches(); fails("ESTALE", open_handle, h2)
for k in range(50): touch(d + "/again%d" % k)                        # inode numbers come again
for x in (h, h2): fails("ESTALE", open_handle, x)
for k in range(50): os.unlink(d + "/again%d" % k)
again(); fails("ESTALE", open_handle, h)
'
check "one that was changed anywhere leads nowhere" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
n = mark()
for h in (handles[0], handles[4], handles[6]):
    for at in range(len(h.data)):
        bad = bytearray(h.data); bad[at] ^= 1 << at % 8
        fails("ESTALE", open_handle, Handle(h.kind, bad), os.O_PATH)
    for size in range(0, len(h.data)):
        fails("ESTALE|EINVAL", open_handle, Handle(h.kind, h.data[:size]))
    for size in (4, 8, MAX_HANDLE - len(h.data)):
        fails("ESTALE|EINVAL", open_handle, Handle(h.kind, h.data + bytes(size)))
    fails("EINVAL|EOVERFLOW", open_handle, Handle(h.kind, h.data + bytes(MAX_HANDLE)))
    for kind in (0, 1, 2, 0x76, 0x78, 0x81, 0xff, 0x177, -1):
        fails("ESTALE|EINVAL", open_handle, Handle(kind, h.data))
quiet(n)
'
check "one that nobody gave out leads nowhere: what lies below but is not the vault" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
touch(plain + "/outside", b"not the vault"); os.mkdir(plain + "/dir")
deep = lower(d + "/dir")
targets = [ward, ward + "/vault", ward + "/epoch", ward + "/policy", below, below + "/.ward-id", deep + "/.ward-id",
           plain, plain + "/outside", plain + "/dir", "/srv/below", deep]
for t in targets:
    low = handle(t)
    fails("ESTALE", open_handle, low, os.O_PATH)                    # as it is
    for head in (handles[0].data[:HEAD], b"\0\1" + bytes([low.kind]) + handles[0].data[3:HEAD],
                 b"\0\1" + bytes([low.kind]) + bytes(13), b"\0\0" + bytes([low.kind]) + bytes(13)):
        fails("ESTALE", open_handle, Handle(0x77, head + low.data), os.O_PATH)
# and what of two handles is put together
fails("ESTALE", open_handle, Handle(0x77, handles[0].data[:HEAD] + handles[4].data[HEAD:]))
rnd = random.Random(7)
for k in range(20000 if os.environ.get("WARD_LONG") else 1500):
    data = bytearray(rnd.randbytes(rnd.choice((4, 8, 16, 20, 24, 28, 32, 40, 64, 128))))
    if k % 2: data[:2] = b"\0\1"
    if k % 3 == 0: data[4:16] = handles[k % 6].data[4:16]
    fails("ESTALE", open_handle, Handle(0x77, data), os.O_PATH)
'
check "one of another vault leads nowhere" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
other = "/srv/lower/other"; os.makedirs(other)
run(os.environ["WARD_TOP"] + "/tests/fs/testvault.py", "create", other, "0")
run("mount", "-i", "-t", "wardfs", other, other); run(os.environ["WARD_TOP"] + "/tests/fs/testvault.py", "unlock", other)
for h in handles[:-1]: fails("ESTALE", open_handle, h, os.O_PATH, other)
touch(other + "/f"); fails("ESTALE", open_handle, handle(other + "/f"))
run("umount", other); run("rm", "-r", other)
'
check "in a locked vault" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
fd = open_handle(handles[0]); at = os.open(d, os.O_RDONLY); lock()
fails("ENOKEY", os.pread, fd, 1, 0); fails("ENOKEY", open_handle, handles[0])
for h in handles[:-1]: fails("ESTALE", open_handle_at, at, h, os.O_PATH)
same(handle(d), handles[-1]); top = open_handle_at(at, handles[-1], os.O_PATH); os.fstat(top); os.close(top)
fails("ENOKEY", handle, paths[0])
fails("ENOKEY", open_handle_at, at, handles[-1])
unlock(); same(len(os.pread(fd, 9000, 0)), 9000); same(by_handle(handles[0])[0], os.stat(paths[0]).st_ino)
os.close(fd); os.close(at); again(); same(by_handle(handles[0])[0], os.stat(paths[0]).st_ino)
'
check "is no way past the rules" py '
from meta import *
paths, handles = pickle.load(open("/tmp/handles", "rb"))
policy(ALICE)
n = mark()
def opens(h, flags=os.O_RDONLY): return open_handle_at(fd2, h, flags)
rules(testvault.rule("root may look at the top", testvault.ALLOW, testvault.OPS["list"], (1, [(1, 0)])))
fd2 = os.open(d, os.O_RDONLY)
fails("EACCES", opens, handles[0]); fails("EACCES", opens, handles[1], os.O_RDWR)
same(reported(n, kind="violation", action="open-read")["errno"], errno.EACCES)
rules(testvault.rule("none", 0, testvault.ALL, (1, [(1, 0)])))
drop_caches()
fails("EACCES", opens, handles[0]); fails("ESTALE|EACCES", opens, handles[4])
policy(0, ALICE)
os.close(opens(handles[0]))
os.chmod(paths[0], 0o600); fails("EPERM", as_user, ALICE, opens, handles[0])   # takes CAP_DAC_READ_SEARCH
'
check "many at once, while they come and go" py '
from meta import *
import threading
os.mkdir(d + "/many")
stop = time.time() + 3
wrong = []
def one(seed):
    rnd = random.Random(seed); mine = {}
    while time.time() < stop and not wrong:
        n = "%d-%d" % (seed, rnd.randrange(20)); p = d + "/many/" + n
        try:
            if n not in mine: touch(p, n.encode()); mine[n] = handle(p)
            elif rnd.random() < 0.3: os.unlink(p); del mine[n]
            else: assert by_handle(mine[n])[1] == n.encode()
        except BaseException as e: wrong.append(repr(e)); return
threads = [threading.Thread(target=one, args=(k,)) for k in range(4)]
for t in threads: t.start()
while time.time() < stop:
    with open("/proc/sys/vm/drop_caches", "w") as f: f.write("2")
    time.sleep(0.05)
for t in threads: t.join()
same(wrong, [])
run("rm", "-r", d + "/many")
'
check "fsync by handle makes the way to the file durable, too" py '
from meta import *
os.makedirs(d + "/fresh/way"); touch(d + "/fresh/way/f", b"1"); h = handle(d + "/fresh/way/f")
drop_caches()
fd = open_handle(h, os.O_RDWR); os.pwrite(fd, b"2", 0); os.fsync(fd); os.close(fd)
same(read(d + "/fresh/way/f"), b"2")
'
check "unmount" umount $d
done_testing
