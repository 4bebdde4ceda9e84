#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# Overlayfs whose upper directory is in a vault, and whose lower one is; beside one on the lower file system alone.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0 61001
mkdir /srv/below/plain
chmod 755 /srv/below

cat >/tmp/overlay.py <<'END'
from alike import *
m = "/srv/merged"

def fill(low):
    os.makedirs(low + "/dir/sub"); touch(low + "/file", noise(1, 20000)); touch(low + "/dir/a", b"a"); touch(low + "/dir/sub/b", b"b")
    os.symlink("file", low + "/link"); os.link(low + "/file", low + "/hard"); os.setxattr(low + "/file", SPACES[0] + ".x", b"below")
    touch(low + "/" + "l" * 255, b"long"); os.mkfifo(low + "/pipe"); os.mkdir(low + "/gone"); touch(low + "/gone/x")
    os.chown(low + "/dir/a", ALICE, ALICE); os.chmod(low + "/dir/a", 0o4755)

def work(at, moves=False):
    "On the merged directory; moves: with redirect_dir a directory of the lower layer can be renamed."
    out, dir = [shape(at)], at + ("/moved" if moves else "/dir")
    touch(at + "/new", b"new"); os.unlink(at + "/link"); os.unlink(at + "/" + "l" * 255)
    fd = os.open(at + "/file", os.O_RDWR); os.pwrite(fd, b"up", 100); os.fsync(fd); os.close(fd)
    out += codes(("0" if moves else "EXDEV", os.rename, at + "/dir", at + "/moved"), (os.rename, at + "/new", dir + "/a"), ("ENOTEMPTY", os.rmdir, at + "/gone"),
                 (os.unlink, at + "/gone/x"), (os.rmdir, at + "/gone"), (os.mkdir, at + "/gone"), (os.listdir, at + "/gone"),
                 (os.link, at + "/hard", at + "/hard2"), (os.setxattr, at + "/file", SPACES[0] + ".y", b"1"), (os.chmod, dir + "/sub/b", 0o600),
                 (os.chown, dir + "/a", BOB, BOB), ("ENOENT", os.unlink, at + "/none"), (os.mkdir, at + "/d2"), (os.rename, at + "/d2", at + "/d3"),
                 (renameat2, at + "/d3", at + "/file", RENAME_EXCHANGE), ("EEXIST", renameat2, at + "/file", at + "/hard", RENAME_NOREPLACE),
                 (os.symlink, "x", at + "/link"), (os.truncate, at + "/hard", 10), ("ENOTEMPTY", os.rmdir, dir + "/sub"),
                 ("EOPNOTSUPP", os.open, at, os.O_TMPFILE | os.O_RDWR), (touch, dir + "/more"), (os.mkdir, at + "/gone/again"),
                 (os.rename, dir + "/more", at + "/gone/again/m"))
    for k in range(60): touch(at + "/gone/" + "%d" % k + "n" * 150, b"%d" % k)
    kinds = sorted((n, kind) for n, _, kind, _ in listing(at))
    return out + [shape(at), kinds]

def mounted(low, up, options, fn):
    os.makedirs(m, exist_ok=True)
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={low},upperdir={up}/upper,workdir={up}/work{options}", m)
    try: return fn(m)
    finally: run("umount", m)

def layers(at, low, options):
    os.mkdir(at + "/upper"); os.mkdir(at + "/work"); os.chmod(at + "/upper", 0o755)
    out = mounted(low, at, options, lambda m: work(m, "redirect_dir=on" in options))
    again_ = mounted(low, at, options, shape)
    def marks(top):
        "Whiteouts and opaque directories in the upper layer."
        got = []
        for p, dirs, files in os.walk(top):
            for n in dirs + files:
                st = os.lstat(p + "/" + n)
                if stat.S_ISCHR(st.st_mode) and not st.st_rdev: got.append((p[len(top):] + "/" + n, "whiteout"))
                for x in os.listxattr(p + "/" + n, follow_symlinks=False):
                    if x.endswith("overlay.opaque"): got.append((p[len(top):] + "/" + n, x))
        return sorted(got)
    return out, again_, marks(at + "/upper")
END
check "layers below" py '
exec(open("/tmp/overlay.py").read())
os.mkdir("/srv/below/low"); fill("/srv/below/low"); os.mkdir(d + "/low"); fill(d + "/low")
same(shape("/srv/below/low"), shape(d + "/low"))
'
for options in "" ",userxattr" ",redirect_dir=on,metacopy=off,index=off"; do
	if [ "$WARD_LOWER$options" = tmpfs,userxattr ]; then
		skip "upper directory in the vault ($options)" "tmpfs has no user xattrs"
		continue
	fi
	check "upper directory in the vault${options:+ ($options)}" py "
exec(open('/tmp/overlay.py').read())
got = alike(layers, '/srv/below/low', '$options')
assert [x for _, x in got[2] if x == 'whiteout'] and [x for _, x in got[2] if 'opaque' in x], got[2]
"
done
check "the kernel did without nothing that it looks for" sh -c "! dmesg | grep -E 'overlayfs: .*(upper fs does not support|failed|falling back to index=off)'"
check "both layers in the vault" py '
exec(open("/tmp/overlay.py").read())
alike(layers, d + "/low", "")
'
check "the lower directory in the vault" py '
exec(open("/tmp/overlay.py").read())
os.makedirs("/srv/below/plain/up/upper"); os.makedirs("/srv/below/plain/up/work")
os.makedirs("/srv/below/plain/u2/upper"); os.makedirs("/srv/below/plain/u2/work")
same(mounted(d + "/low", "/srv/below/plain/up", "", work), mounted("/srv/below/low", "/srv/below/plain/u2", "", work))
same(shape(d + "/low"), shape("/srv/below/low"))
'
check "what was written through it is there after mounting again" py '
exec(open("/tmp/overlay.py").read())
os.makedirs(d + "/up/upper"); os.makedirs(d + "/up/work")
want = mounted("/srv/below/low", d + "/up", "", work)[-2]
again(); same(mounted("/srv/below/low", d + "/up", "", shape), want)
quiet(0)
'
check "locking the vault under an overlay" py '
exec(open("/tmp/overlay.py").read())
def locked(at):
    fd = os.open(at + "/hard", os.O_RDONLY)
    up = os.open(at + "/t", os.O_RDWR | os.O_CREAT); os.write(up, b"before"); os.fsync(up)
    lock()
    fails("ENOKEY", os.listdir, at + "/gone"); fails("ENOKEY", touch, at + "/x"); fails("ENOKEY", os.pread, up, 1, 0)
    unlock(); same(os.pread(up, 6, 0), b"before"); os.close(fd); os.close(up); touch(at + "/x", b"x"); same(read(at + "/x"), b"x")
mounted("/srv/below/low", d + "/up", "", locked)
'
check "unmount" umount $d
done_testing
