#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Rules that name programs: what was executed counts, not what it is called, what it says of itself, or where it seems to lie.

. "$WARD_TOP/tests/fs/vault.sh"

# Begun before the module is loaded, with the program that is to be allowed
mkdir -p /tmp/p
cp /bin/bash /tmp/p/known
mkfifo /tmp/p/go
chmod 755 /tmp/p
chmod 666 /tmp/p/go
early() { setpriv --reuid alice --regid alice --clear-groups /tmp/p/known -c '
	echo begun >/tmp/p/begun; read -r x </tmp/p/go; exec 2>/tmp/p/early; umask 0; read -r x </srv/lower/v/f && echo "early: $x" >&2
	( read -r x </srv/lower/v/f && echo "forked: $x" >&2 )
	/tmp/p/known -c "read -r x </srv/lower/v/f && echo \"executed: \$x\" >&2"; echo end >&2' & }
check "the module is loaded anew" sh -c "rmmod wardfs"
touch /tmp/p/early /tmp/p/begun
chmod 666 /tmp/p/early /tmp/p/begun
early
early=$!
check "a program runs" sh -c "while kill -0 $early && [ ! -s /tmp/p/begun ]; do sleep 0.1; done"
check "while a program runs" modprobe wardfs
check "a vault" new_vault 0
cat >/tmp/programs.py <<'END'
from calls import *
A, O = testvault.ALLOW, testvault.OPS
P = '/srv/lower/prog'			# a file system with a UUID, where there is one
def allow(who, ops, *programs, name='some', flags=A, paths=()):
    """These programs alone, each where it lies now."""
    conds = [(1, [(1, who)])] + ([(5, [testvault.program(p) for p in programs])] if programs else [])
    return testvault.rule(name, flags, ops, *conds, *([(4, list(paths))] if paths else []))
def out(*args, uid=ALICE, **kw):
    """What a program says as a user, or its errno in the words of the C library."""
    got = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, user=uid, group=uid, extra_groups=[], **kw)
    return got.stdout.strip()
def reads(*args, **kw): same(out(*args, **kw), 'secret')
def refused(*args, **kw): assert 'Permission denied' in out(*args, **kw), out(*args, **kw)
f = d + '/f'
END
check "programs, and a file for everybody by its mode" py '
exec(open("/tmp/programs.py").read())
import shutil
os.makedirs(P); policy(0); touch(f, b"secret\n"); os.chmod(f, 0o666); os.chmod(d, 0o777)
for n in ("cat", "bash", "dd", "python3"): shutil.copy(shutil.which(n), P + "/" + n); os.chmod(P + "/" + n, 0o755)
shutil.copy(P + "/cat", P + "/copy"); os.link(P + "/cat", P + "/linked"); os.symlink("cat", P + "/named")
shutil.copy(P + "/cat", "/tmp/p/cat")
path, ident = testvault.program(P + "/cat"); kind, gen, fs, ino, dev, zero = struct.unpack("<II16sQII", ident)
same((ino, zero), (os.stat(P + "/cat").st_ino, 0)); same((kind, fs != bytes(16), dev), (1, True, 0) if LOWER in ("ext4", "xfs") else (4, True, 5) if LOWER == "btrfs" else (kind, True, dev))
path, ident = testvault.program("/bin/true"); same(struct.unpack("<I", ident[:4])[0], 2)		# overlayfs has none
'
check "a program that was executed before the module was loaded is not known; what it executes is" sh -c "
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$WARD_TOP/tests/fs python3 -c '
exec(open(\"/tmp/programs.py\").read()); rules(allow(ALICE, testvault.ALL, \"/tmp/p/known\"))' || exit 1
echo go >/tmp/p/go
for i in \$(seq 120); do grep -q end /tmp/p/early && break; sleep 1; done
cat /tmp/p/early; grep -q 'executed: secret' /tmp/p/early && ! grep -q 'early: ' /tmp/p/early && ! grep -q 'forked: ' /tmp/p/early"
check "what is allowed for one program is for no other" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/cat", name="with cat"))
since = mark()
reads(P + "/cat", f); refused(P + "/dd", "if=" + f, "status=none"); refused("/bin/cat", f); refused(P + "/cat", f, uid=BOB)
refused(P + "/python3", "-c", "open(\"%s\")" % f)
e = reported(since, kind="violation", uid=ALICE, comm="dd"); same((e["near"], e["lacks"], e["exe"]), ("with cat", 1 << 5, P + "/dd"))
same(e["exe_inode"], os.stat(P + "/dd").st_ino)
'
check "a copy is another program, a link to it or a mount of it is the same" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/cat"))
reads(P + "/linked", f); reads(P + "/named", f); refused(P + "/copy", f); refused("/tmp/p/cat", f)
os.makedirs("/tmp/bound", exist_ok=True); run("mount", "--bind", P, "/tmp/bound"); reads("/tmp/bound/cat", f); refused("/tmp/bound/copy", f)
run("mount", "--bind", P + "/dd", "/tmp/bound/cat"); refused("/tmp/bound/cat", "if=" + f)	# in the place of it
run("umount", "/tmp/bound/cat"); run("umount", "/tmp/bound")
os.rename(P + "/cat", P + "/cat2"); reads(P + "/cat2", f); os.rename(P + "/copy", P + "/cat"); refused(P + "/cat", f); os.rename(P + "/cat", P + "/copy"); os.rename(P + "/cat2", P + "/cat")
'
check "on btrfs, where each subvolume has inode numbers of its own" py '
exec(open("/tmp/programs.py").read())
b = "/tmp/btrfs"; os.makedirs(b); run("truncate", "-s", "256M", b + ".disk"); run("mkfs.btrfs", "-q", b + ".disk"); run("mount", "-o", "loop,user_subvol_rm_allowed", b + ".disk", b)
os.chmod(b, 0o1777); run("btrfs", "-q", "subvolume", "create", b + "/ours"); os.chown(b + "/ours", 0, 0); os.sync()
def own():							# as a user may, where nothing forbids it
    run("btrfs", "-q", "subvolume", "create", b + "/theirs")
as_user(ALICE, own)
for s, n in ("ours", "cat"), ("theirs", "dd"):			# in one transaction: of one generation
    with open(P + "/" + n, "rb") as i, open(b + "/" + s + "/prog", "wb") as o: o.write(i.read())
    os.chmod(b + "/" + s + "/prog", 0o755)
ours, theirs = (os.stat(b + "/" + s + "/prog") for s in ("ours", "theirs")); same(ours.st_ino, theirs.st_ino)
ids = [struct.unpack("<II16sQII", testvault.program(b + "/" + s + "/prog")[1]) for s in ("ours", "theirs")]
same(ids[0][1:4], ids[1][1:4]); same([i[0] for i in ids], [4, 4]); assert ids[0][4] != ids[1][4] > 255, ids
rules(allow(ALICE, testvault.ALL, b + "/ours/prog"))
reads(b + "/ours/prog", f); refused(b + "/theirs/prog", "if=" + f, "status=none")
run("btrfs", "-q", "subvolume", "snapshot", b + "/ours", b + "/snapshot"); refused(b + "/snapshot/prog", f)
run("umount", b)
'
check "in a root directory and user namespace of its own a program is what it is" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/bash"))
r = "/tmp/root"
for n in ("usr", "bin", "lib", "lib64", "srv"): os.makedirs(r + "/" + n)
for n in ("usr", "bin", "lib", "lib64", "srv"): run("mount", "--rbind", "/" + n, r + "/" + n)
run("mount", "--bind", P + "/copy", r + "/bin/bash"); code = "read -r x <" + f + " && echo $x"
def chrooted(*args): return out("/usr/sbin/chroot", "--userspec=%d:%d" % (ALICE, ALICE), r, *args, uid=0)
same(chrooted("/srv/lower/prog/bash", "-c", code), "secret"); assert "secret" not in chrooted("/bin/bash", f)
run("umount", "-R", r + "/bin")
inside = ("unshare", "-Ur", "--map-root-user")
refused(*inside, "/bin/bash", "-c", code); reads(*inside, P + "/bash", "-c", code)
# A file system that a user mounts has no program that a rule could name, whatever its numbers.
mounts = "mount -t tmpfs t /tmp/bound && cp %s/bash /tmp/bound/ && exec /tmp/bound/bash -c \"%s\"" % (P, code.replace("$", "\\$"))
refused("unshare", "-Urm", "/bin/bash", "-c", mounts)
over = "mount -t tmpfs t /tmp/bound && mkdir /tmp/bound/u /tmp/bound/w /tmp/bound/m && mount -t overlay o -o lowerdir=%s,upperdir=/tmp/bound/u,workdir=/tmp/bound/w,userxattr /tmp/bound/m && exec /tmp/bound/m/bash -c \"%s\"" % (P, code.replace("$", "\\$"))
assert "secret" not in out("unshare", "-Urm", "/bin/bash", "-c", over)
for n in ("srv", "lib64", "lib", "usr"): run("umount", "-R", r + "/" + n)
'
check "what a process says of itself counts for nothing" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/cat"))
def go(): libc.prctl(15, b"cat", 0, 0, 0); read(f)
fails("EACCES", as_user, ALICE, go)
refused("/bin/bash", "-c", "exec -a %s/cat dd if=%s" % (P, f))
X = os.environ["WARD_TOP"] + "/build/tests/helpers/exefile"; since = mark()
same(subprocess.run([X, str(ALICE), P + "/cat", f]).returncode, errno.EACCES)
e = reported(since, kind="violation", uid=ALICE); same((e["exe"], e["exe_doubt"], e["exe_inode"]), (P + "/cat", 1, os.stat(X).st_ino))
rules(allow(ALICE, testvault.ALL)); same(subprocess.run([os.environ["WARD_TOP"] + "/build/tests/helpers/exefile", str(ALICE), P + "/cat", f]).returncode, 0)
'
check "nor does the loader, or a script, lend a program its right" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/cat"))
refused("/lib64/ld-linux-x86-64.so.2", P + "/cat", f)
touch("/tmp/p/script", b"#!/bin/bash\nread -r x <$1 && echo $x\n"); os.chmod("/tmp/p/script", 0o755); refused("/tmp/p/script", f)
touch("/tmp/p/own", ("#!%s/bash\nread -r x <$1 && echo $x\n" % P).encode()); os.chmod("/tmp/p/own", 0o755)
rules(allow(ALICE, testvault.ALL, P + "/bash")); reads("/tmp/p/own", f); refused("/tmp/p/script", f)	# a script is its interpreter
fd = os.open(P + "/bash", os.O_RDONLY); reads("/proc/self/fd/%d" % fd, "-c", "read -r x <%s; echo $x" % f, pass_fds=(fd,))
m = os.memfd_create("bash"); os.write(m, read(P + "/bash")); os.fchmod(m, 0o755); r = os.open("/proc/self/fd/%d" % m, os.O_RDONLY); os.close(m)
refused("/proc/self/fd/%d" % r, "-c", "read -r x <%s; echo $x" % f, pass_fds=(r,))
'
check "a fork has the program of its parent, an exec its own" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/bash"))
b = P + "/bash"
reads(b, "-c", "( ( read -r x <%s; echo $x ) )" % f); reads(b, "-c", "{ read -r x <%s; echo $x; } & wait" % f)
refused(b, "-c", "/bin/cat %s" % f); refused(b, "-c", "exec %s/cat %s" % (P, f)); refused("/bin/bash", "-c", "( read -r x <%s )" % f)
reads("/bin/bash", "-c", "%s -c \"read -r x <%s; echo \\$x\"" % (b, f))
same(out(b, "-c", "for i in {1..300}; do ( read -r x <%s; echo $x ); done" % f).split("\n"), ["secret"] * 300)
'
check "a descriptor that was handed on gives another program nothing" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/bash"))
b = P + "/bash"; since = mark()
refused(b, "-c", "exec %s/cat <%s" % (P, f)); e = reported(since, kind="violation", uid=ALICE, action="read"); same((e["path"], e["lacks"]), ("/f", 1 << 5))
refused(b, "-c", "read -r -N 1 x <%s; exec 3<%s; read -r -N 1 -u 3 x; exec %s/cat <&3" % (f, f, P))
refused(b, "-c", "cat <%s | cat" % f); reads(b, "-c", "exec 3<%s; %s -c \"read -r -u 3 x; echo \\$x\"" % (f, b))
'
check "threads, and one of them that executes" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/python3"))
code = "import threading, os, sys\nt = threading.Thread(target=lambda: print(open(\"%s\").read(), end=\"\", flush=True)); t.start(); t.join()\n" % f
reads(P + "/python3", "-c", code)
exe = "import threading, os, time\nthreading.Thread(target=lambda: os.execv(\"%s\", [\"x\", \"%s\"])).start(); time.sleep(20)"
refused(P + "/python3", "-c", exe % (P + "/cat", f))
rules(allow(ALICE, testvault.ALL, P + "/cat")); reads(P + "/python3", "-c", exe % (P + "/cat", f))
'
check "a program that is denied" py '
exec(open("/tmp/programs.py").read())
rules(allow(ALICE, testvault.ALL, P + "/cat", name="not with cat", flags=0), allow(ALICE, testvault.ALL))
since = mark(); refused(P + "/cat", f); e = reported(since, kind="violation", uid=ALICE); same(e["rule"], "not with cat")
reads(P + "/bash", "-c", "read -r x <%s; echo $x" % f); reads(P + "/copy", f)
'
check "programs and directories together" py '
exec(open("/tmp/programs.py").read())
policy(0); os.makedirs(d + "/in/a"); touch(d + "/in/a/f", b"secret\n"); os.chmod(d + "/in/a/f", 0o666)
rules(allow(ALICE, testvault.ALL, P + "/cat", paths=["/in/a"]))
reads(P + "/cat", d + "/in/a/f"); refused(P + "/cat", f); refused(P + "/copy", d + "/in/a/f"); refused("/bin/ls", d + "/in/a")
'
check "a program that is changed in its place is the same, one that is put there is another" py '
exec(open("/tmp/programs.py").read())
import shutil
shutil.copy(P + "/copy", P + "/new"); os.chmod(P + "/new", 0o755); rules(allow(ALICE, testvault.ALL, P + "/new")); reads(P + "/new", f)
with open(P + "/new", "r+b") as x: x.write(read(P + "/dd")); x.truncate()
reads(P + "/new", "if=" + f, "status=none")
shutil.copy(P + "/copy", P + "/newer"); os.chmod(P + "/newer", 0o755); os.rename(P + "/newer", P + "/new"); refused(P + "/new", f)
rules(allow(ALICE, testvault.ALL, P + "/new")); reads(P + "/new", f)
'
check "of file systems with one UUID only one has the programs that are meant" py '
exec(open("/tmp/programs.py").read())
import shutil
image = "/srv/lower/image"
with open(image, "wb") as x: x.truncate(32 << 20)
run("mkfs.ext4", "-q", "-F", "-O", "^metadata_csum,^has_journal", image)
for n in "AB": os.makedirs("/tmp/p/" + n)
run("mount", "-o", "loop", image, "/tmp/p/A"); shutil.copy(P + "/cat", "/tmp/p/A/cat"); run("umount", "/tmp/p/A"); shutil.copy(image, image + "2")
run("mount", "-o", "loop", image, "/tmp/p/A"); run("mount", "-o", "loop", image + "2", "/tmp/p/B")
with open("/tmp/p/B/cat", "r+b") as x: x.write(read(P + "/dd")); x.truncate()
same(os.stat("/tmp/p/A/cat").st_ino, os.stat("/tmp/p/B/cat").st_ino)
rules(allow(ALICE, testvault.ALL, "/tmp/p/A/cat"))
reads("/tmp/p/A/cat", f); refused("/tmp/p/B/cat", "if=" + f, "status=none"); reads("/tmp/p/A/cat", f)
# Root may mean the other one.
rules(allow(ALICE, testvault.ALL, "/tmp/p/B/cat")); reads("/tmp/p/B/cat", "if=" + f, "status=none"); refused("/tmp/p/A/cat", f)
run("umount", "/tmp/p/B"); rules(allow(ALICE, testvault.ALL, "/tmp/p/A/cat")); reads("/tmp/p/A/cat", f)
# More of them than are remembered, that were used before root named a program there
loop = run("losetup", "-f", "--show", image + "2").strip()
def another(k):
    with open(loop, "r+b") as x: x.seek(1024 + 104); x.write(b"%016d" % k)		# s_uuid
    assert not libc.mount(loop.encode(), b"/tmp/p/B", b"ext4", 6, None), k		# nosuid,nodev, as for a user
    os.waitpid(os.posix_spawn("/tmp/p/B/cat", ["dd", "count=0", "status=none"], {}), 0)
for k in range(70): another(k); assert not libc.umount(b"/tmp/p/B"), k
reads("/tmp/p/A/cat", f)
assert not libc.mount(loop.encode(), b"/tmp/p/B", b"ext4", 6, None); rules(allow(ALICE, testvault.ALL, "/tmp/p/B/cat", "/tmp/p/A/cat")); reads("/tmp/p/B/cat", "if=" + f, "status=none"); reads("/tmp/p/A/cat", f)
run("umount", "/tmp/p/A"); run("umount", "/tmp/p/B"); run("losetup", "-d", loop); os.unlink(image); os.unlink(image + "2")
'
check "asking for what is no program" py '
exec(open("/tmp/programs.py").read())
def refuses(code, fd):
    try: netlink().ask("PROGRAM_GET", **({"PROGRAM_FD": struct.pack("i", fd)} if fd is not None else {}))
    except testvault.Refused as e: same(errno.errorcode[e.errno], code); return
    assert False, "answers"
refuses("EINVAL", None); refuses("EBADF", 999); refuses("EACCES", os.open("/tmp", os.O_RDONLY)); refuses("EACCES", os.open("/dev/null", os.O_RDONLY))
fd = os.open("/bin/true", os.O_RDONLY)
def go():
    try: testvault.Netlink().ask("PROGRAM_GET", PROGRAM_FD=struct.pack("i", fd))
    except testvault.Refused as e: return e.errno
same(as_user(ALICE, go), errno.EPERM)
'
if [ "$WARD_KERNEL" = stock ]; then
check "nothing that a process provides is a program, whatever it says" py '
run("modprobe", "fuse"); fuse = os.open("/dev/fuse", os.O_RDWR); touch("/tmp/p/fuse")		# it is a file, and nobody answers
assert not libc.mount(b"fuse", b"/tmp/p/fuse", b"fuse", 0, b"fd=%d,rootmode=100755,user_id=0,group_id=0" % fuse), os.strerror(ctypes.get_errno())
try: netlink().ask("PROGRAM_GET", PROGRAM_FD=struct.pack("i", os.open("/tmp/p/fuse", os.O_PATH))); assert False, "answers"
except testvault.Refused as e: same(e.errno, errno.EXDEV)
assert not libc.umount2(b"/tmp/p/fuse", 2); os.close(fuse)
'
else
skip "nothing that a process provides is a program" "the debug kernel has no FUSE"
fi
check "unmount" umount $d
check "processes come and go, and leave nothing" sh -c "for i in \$(seq 200); do /bin/true & done; wait; rmmod wardfs && modprobe wardfs"
done_testing
