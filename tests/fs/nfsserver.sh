#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1500
#
# A vault exported by the kernel's NFS server, and a client of it on the same machine: versions 4.2 and 3. What people do
# there, they do on an export of the lower file system as well, and the same comes of it.

. "$WARD_TOP/tests/fs/vault.sh"

[ "$WARD_LOWER" = ext4 ] || skip_all "one lower file system is enough: what differs below, handles.sh tests on each"
for module in nfsd nfsv4 nfsv3; do
	modprobe $module 2>/dev/null || skip_all "this kernel has no NFS server and client"
done

n=/srv/client
exported=/srv/below/plain

# The parts of nfs-kernel-server, without systemd
server_start()
{
	[ -e /proc/fs/nfsd/threads ] || mount -t nfsd nfsd /proc/fs/nfsd || return 1
	# Time enough for a client that comes back late, too: the usual.
	echo 90 >/proc/fs/nfsd/nfsv4gracetime && echo 90 >/proc/fs/nfsd/nfsv4leasetime || return 1
	pidof rpcbind >/dev/null || rpcbind -w || return 1
	pidof rpc.statd >/dev/null || rpc.statd --no-notify || return 1
	echo "$exported *(rw,no_subtree_check,no_wdelay,root_squash,insecure,fsid=0)" >/etc/exports
	pidof rpc.mountd >/dev/null || rpc.mountd || return 1
	exportfs -ra && rpc.nfsd 4
}

server_stop()
{
	rpc.nfsd 0 && exportfs -ua && exportfs -f
}

# It is the root of what version 4 sees: this machine's own root cannot be exported.
client()
{
	case $1 in
	*vers=4*) lib_path=/ ;;
	*) lib_path=$exported ;;
	esac
	mkdir -p $n && mount -t nfs -o "$1,sec=sys,hard,timeo=20,retrans=1,actimeo=0" "localhost:$lib_path" $n
}

check "a vault, for alice, bob and the NFS server's clients in their group" new_vault 0
mkdir -p /var/lib/nfs/v4recovery /var/lib/nfs/rpc_pipefs /var/lib/nfs/sm /var/lib/nfs/sm.bak /run/rpcbind
touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
cat >/tmp/clients.py <<'END'
from meta import *
n = "/srv/client"
there = (run("exportfs").split() or [d])[0]          # what is exported, as it is here
T = testvault
def clients(programs=("nfsd", "lockd"), ops=T.ALL):
    local = T.rule("here", T.ALLOW, T.ALL, (1, [(1, 0), (1, ALICE), (1, BOB)]))
    # bob is not to be let in over NFS, though the group is
    denied = T.rule("not bob", 0, T.ALL, (1, [(1, BOB)]), (3, [b"nfsd"]))
    over = T.rule("over NFS", T.ALLOW, ops, (1, [(2, CASEWORKERS)]), (3, [p.encode() for p in programs]))
    rules(*([denied, over] if programs else []), local)
    # Clients remember what they were refused until the object changes.
    time.sleep(0.02)
    for p in (d, d + "/f", d + "/lk"):
        if os.path.exists(p): os.chmod(p, os.stat(p).st_mode & 0o7777)
def alice(fn, *args): return as_user(ALICE, fn, *args, groups=[CASEWORKERS])
END
cat >/tmp/work.py <<'END'
exec(open("/tmp/clients.py").read())
def run_ok(*args):
    got = subprocess.run(args, capture_output=True, text=True)
    if "not supported" in got.stderr: raise OSError(errno.EOPNOTSUPP, "")
    same((got.returncode, got.stderr), (0, ""))
def work():
    "What people do to a mounted share; as alice. Returns what is to be the same on any export."
    os.umask(0); out = []
    os.makedirs(n + "/w/x"); touch(n + "/w/x/a", b"one")
    os.rename(n + "/w/x/a", n + "/w/b"); same(read(n + "/w/b"), b"one")
    os.link(n + "/w/b", n + "/w/c"); same(os.stat(n + "/w/c").st_nlink, 2); os.unlink(n + "/w/b")
    os.symlink("c", n + "/w/l"); same(read(n + "/w/l"), b"one"); same(os.readlink(n + "/w/l"), "c")
    touch(n + "/w/" + "ü" * 120, b"long"); same(read(n + "/w/" + "ü" * 120), b"long")
    touch(n + "/w/t"); os.rename(n + "/w/c", n + "/w/t"); same(read(n + "/w/t"), b"one")
    os.chmod(n + "/w/t", 0o640); os.utime(n + "/w/t", ns=(10**18 + 1, 10**18 + 2))
    st = os.stat(n + "/w/t"); same((st.st_mode & 0o7777, st.st_mtime_ns), (0o640, 10**18 + 2))
    os.truncate(n + "/w/t", 2); same(read(n + "/w/t"), b"on")
    fd = os.open(n + "/w/t", os.O_RDWR | os.O_APPEND); os.write(fd, b"!"); os.fsync(fd); os.close(fd)
    same(read(n + "/w/t"), b"on!")
    with open(n + "/w/m", "w+b") as f:
        f.write(noise(2, 50000)); f.flush(); m = mmap.mmap(f.fileno(), 50000); m[20000:20005] = b"mmap!"; m.flush(); m.close()
    same(read(n + "/w/m")[19999:20006], noise(2, 50000)[19999:20000] + b"mmap!" + noise(2, 50000)[20005:20006])
    # a file that is removed while it is open: the client keeps it under another name
    fd = os.open(n + "/w/m", os.O_RDWR); os.unlink(n + "/w/m"); os.pwrite(fd, b"silly", 0); os.fsync(fd)
    same(os.pread(fd, 5, 0), b"silly"); os.close(fd)
    for _ in range(100):                # it is removed when the client has time
        left = [x for x in os.listdir(n + "/w") if x.startswith(".nfs")]
        if not left: break
        time.sleep(0.1)
    same(left, [])
    w = n + "/w"; touch(w + "/x/in"); os.mkdir(w + "/y")
    out += codes(("ENOTEMPTY|EEXIST", os.rmdir, w), ("ENOENT", os.unlink, w + "/none"), ("EEXIST", os.mkdir, w + "/x"), ("EISDIR", os.unlink, w + "/x"), ("ENOTDIR", os.rmdir, w + "/t"),
        ("ENOTEMPTY|EEXIST", os.rename, w + "/y", w + "/x"), (os.rename, w + "/x", w + "/y"), ("EINVAL", os.rename, w + "/y", w + "/y/z"), ("EISDIR", os.rename, w + "/t", w + "/y"), ("ENOTDIR", os.rename, w + "/y", w + "/t"),
        ("EEXIST", os.link, w + "/t", w + "/l"), ("EPERM", os.link, w + "/y", w + "/z"), ("EEXIST", os.open, w + "/t", os.O_CREAT | os.O_EXCL), ("ENAMETOOLONG", touch, w + "/" + "x" * 256),
        ("EPERM", os.chown, w + "/t", BOB, -1), ("EACCES|EPERM", os.mknod, w + "/dev", stat.S_IFCHR | 0o600, os.makedev(1, 3)), (os.mkfifo, w + "/fifo"), ("EINVAL", renameat2, w + "/t", w + "/u", RENAME_NOREPLACE),
        ("0|EOPNOTSUPP", os.setxattr, w + "/t", "user.x", b"secret"), ("0|EOPNOTSUPP", run_ok, "setfacl", "-m", "u:bob:r", w + "/t"))
    out += [os.listxattr(w + "/t"), {x: os.getxattr(w + "/t", x) for x in os.listxattr(w + "/t") if x != "system.nfs4_acl"}, oct(os.stat(w + "/t").st_mode), os.statvfs(w).f_namemax]
    os.chmod(w + "/t", 0o640)
    # space: reserved, punched, copied on the server, sought
    touch(w + "/big", noise(3, 200000)); fd, to = os.open(w + "/big", os.O_RDWR), os.open(w + "/copy", os.O_CREAT | os.O_RDWR)
    out += codes(("0|EOPNOTSUPP", fallocate, fd, 0, 0, 300000), ("0|EOPNOTSUPP", fallocate, fd, PUNCH | KEEP, 50000, 100000), ("EOPNOTSUPP", fallocate, fd, COLLAPSE, 0, 4096))
    out += [os.fstat(fd).st_size, os.copy_file_range(fd, to, 120000, 1000, 7), os.lseek(fd, 0, 3), fails("ENXIO", os.lseek, fd, 1 << 30, 3)]; os.close(to); os.close(fd)
    out += [read(w + "/big"), read(w + "/copy")]
    shape_ = sorted((p[len(n):], f, oct(st.st_mode), st.st_uid, st.st_gid, st.st_nlink, stat.S_ISREG(st.st_mode) and st.st_size)
                    for p, dirs, files in os.walk(w) for f in dirs + files for st in [os.lstat(p + "/" + f)])
    for p in ("/big", "/copy", "/fifo", "/y/in"): os.unlink(w + p)
    os.rename(w + "/y", w + "/x"); out.append(shape_)
    # locks: POSIX ones through the server, of two processes
    fd = os.open(n + "/w/t", os.O_RDWR); posix_lock(fd, fcntl.F_WRLCK, 0, 10)
    fails("EAGAIN", in_child, lambda: posix_lock(os.open(n + "/w/t", os.O_RDWR), fcntl.F_WRLCK, 5, 10))
    in_child(lambda: posix_lock(os.open(n + "/w/t", os.O_RDWR), fcntl.F_WRLCK, 10, 10))
    kind, start, length, _ = lock_held(os.open(there + "/w/t", os.O_RDWR), fcntl.F_WRLCK, 5, 1)
    same((kind, start, length), (fcntl.F_WRLCK, 0, 10))              # who works here sees it
    posix_lock(fd, fcntl.F_UNLCK); os.close(fd)
    fd = os.open(n + "/w/t", os.O_RDWR); fcntl.flock(fd, fcntl.LOCK_EX); os.close(fd)
    return out
def many():
    names = ["%d" % k + "m" * (k % 5 * 45) for k in range(2000)]
    os.mkdir(n + "/many")
    # each one that is made over NFS is on the disk before the answer: most are made here
    for k, x in enumerate(names): os.close(os.open((there if k % 50 else n) + "/many/" + x, os.O_CREAT | os.O_WRONLY))
    got = os.listdir(n + "/many"); same(len(got), len(names)); same(set(got), set(names))
END
mkdir $exported; chgrp 61010 $exported; chmod 2770 $exported
check "the server runs, with a directory of the lower file system" server_start
for version in 4.2 3; do
	# Version 4 has no protocol for mounting.
	[ $version != 3 ] || version=3,proto=tcp,mountproto=tcp
	check "a client mounts that (${version%%,*})" client "vers=$version"
	version=${version%%,*}
	check "work over NFS $version on the lower file system" py "
exec(open('/tmp/work.py').read())
pickle.dump(alice(work), open('/tmp/plain-$version', 'wb')); run('rm', '-r', there + '/w')
"
	check "unmount the client" umount $n
done
check "the server stops" server_stop
exported=$d
py '
exec(open("/tmp/clients.py").read())
clients(()); os.chmod(d, 0o2770); os.chown(d, 0, CASEWORKERS)
'
check "the server runs" server_start
check "a client mounts it (4.2)" client vers=4.2
check "the kernel's server is nobody, until a rule names it" py '
exec(open("/tmp/clients.py").read())
since = mark()
fails("EACCES", alice, os.listdir, n); fails("EACCES", alice, touch, n + "/f"); fails("EACCES", os.listdir, n)
e = reported(since, kind="violation", euid=ALICE); same((e["comm"], "uid" in e, e["egid"]), ("nfsd", False, ALICE))
clients(("lockd",)); fails("EACCES", alice, os.listdir, n)
clients(); same(alice(os.listdir, n), [])
'
check "it acts for its clients: who may, may" py '
exec(open("/tmp/clients.py").read())
alice(touch, n + "/f", noise(1, 300000)); same(alice(read, n + "/f"), noise(1, 300000))
st = os.stat(d + "/f"); same((st.st_uid, st.st_gid), (ALICE, CASEWORKERS)); same(read(d + "/f"), noise(1, 300000))
fails("EACCES", as_user, BOB, read, n + "/f", groups=[CASEWORKERS])
fails("EACCES", as_user, MALLORY, read, n + "/f"); fails("EACCES", as_user, MALLORY, os.listdir, n)
fails("EACCES", read, n + "/f")                                     # root is squashed
same(as_user(BOB, os.listdir, d, groups=[CASEWORKERS]), ["f"])      # here he may
clients(ops=T.OPS["read"] | T.OPS["list"])
same(alice(read, n + "/f"), noise(1, 300000)); fails("EACCES", alice, touch, n + "/g")
fails("EACCES", alice, os.unlink, n + "/f"); fails("EACCES", alice, os.open, n + "/f", os.O_WRONLY)
clients()
'
check "work over NFS 4.2: the same" py 'exec(open("/tmp/work.py").read()); same(alice(work), pickle.load(open("/tmp/plain-4.2", "rb")))'
check "and what it left is here" py '
exec(open("/tmp/work.py").read())
same(sorted(os.listdir(d + "/w")), sorted(["l", "t", "x", "ü" * 120])); same(read(d + "/w/t"), b"on!")
quiet(0); run("rm", "-r", d + "/w")
'
check "a client sees what is written here, however soon after it looked" py '
exec(open("/tmp/work.py").read())
def look():
    fd = os.open(n + "/seen", os.O_RDONLY); got = os.read(fd, 100); os.close(fd); return got
touch(d + "/seen", b" -1"); os.chmod(d + "/seen", 0o666); late = []
def follow():
    for k in range(300):
        os.write(to, b"x"); os.read(back, 1); got = look()
        if got != b"%3d" % k: late.append((k, got))
    same(late, [])
(r1, to), (back, w1) = os.pipe(), os.pipe()
if not os.fork():
    for k in range(300):
        os.read(r1, 1); fd = os.open(d + "/seen", os.O_WRONLY); os.pwrite(fd, b"%3d" % k, 0); os.close(fd); os.write(w1, b"x")
    os._exit(0)
alice(follow); os.wait(); os.unlink(d + "/seen")
'
check "a directory of 2000 entries" py 'exec(open("/tmp/work.py").read()); alice(many)'

cat >/tmp/survivor.py <<'END'
exec(open("/tmp/work.py").read())
def survivor():
    "Works in a directory with open files, one of them locked and one removed, while the server goes and comes."
    os.umask(0); os.makedirs(n + "/s/deep"); os.chdir(n + "/s/deep")
    fd = os.open("open", os.O_CREAT | os.O_RDWR, 0o660); os.write(fd, noise(3, 100000)); os.fsync(fd)
    if LOCKS: posix_lock(fd, fcntl.F_WRLCK, 0, 100)
    gone = os.open("gone", os.O_CREAT | os.O_RDWR, 0o660); os.write(gone, b"gone"); os.fsync(gone); os.unlink("gone")
    at = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    dirty = os.open("dirty", os.O_CREAT | os.O_RDWR, 0o660); os.write(dirty, noise(4, 200000))   # not synced
    touch("/tmp/ready"); 
    while not os.path.exists("/tmp/go"): time.sleep(0.1)
    same(os.pread(fd, 100000, 0), noise(3, 100000)); os.pwrite(fd, b"after", 50); os.fsync(fd)
    if LOCKS: fails("EAGAIN", in_child, lambda: posix_lock(os.open("open", os.O_RDWR), fcntl.F_WRLCK, 0, 1))
    same(os.pread(gone, 4, 0), b"gone"); os.pwrite(gone, b"more", 4); os.fsync(gone); os.close(gone)
    os.fsync(dirty); os.close(dirty)
    same(sorted(os.listdir(".")), ["dirty", "open"]); same(sorted(os.listdir(at)), ["dirty", "open"])
    touch("new", b"after"); os.rename("new", "renamed"); same(os.getcwd(), n + "/s/deep"); os.close(fd)
    touch("/tmp/done")
END
# survive LOCKS: those of version 3 the server's lock manager keeps open files for, and cannot be restarted here, where
# the client has it, too
survive()
{
	rm -f /tmp/ready /tmp/go /tmp/done
	py "exec(open('/tmp/survivor.py').read()); LOCKS = $1; alice(survivor)" >/tmp/survivor.log 2>&1 &
	survivor=$!
	while [ ! -e /tmp/ready ] && kill -0 $survivor 2>/dev/null; do sleep 0.2; done
	[ -e /tmp/ready ] || { cat /tmp/survivor.log; return 1; }
	server_stop && echo 3 >/proc/sys/vm/drop_caches &&
		umount $d && mount -i -t wardfs $d $d && server_start || return 1
	# The server is back, and the vault is still locked: the client is to wait.
	touch /tmp/go; sleep 3
	[ ! -e /tmp/done ] && kill -0 $survivor || { echo "did not wait"; cat /tmp/survivor.log; return 1; }
	"$tv" unlock $d || return 1
	wait $survivor || { cat /tmp/survivor.log; return 1; }
	py '
exec(open("/tmp/clients.py").read())
want = noise(3, 100000); want = want[:50] + b"after" + want[55:]
same(read(d + "/s/deep/open"), want); same(read(d + "/s/deep/dirty"), noise(4, 200000)); same(read(d + "/s/deep/renamed"), b"after")
same(sorted(os.listdir(d + "/s/deep")), ["dirty", "open", "renamed"]); run("rm", "-r", d + "/s"); quiet(0)'
}
check "a client survives the server's restart, and the vault's" survive True
check "unmount the client" umount $n

check "a client mounts it (3)" client vers=3,proto=tcp,mountproto=tcp
check "work over NFS 3: the same" py 'exec(open("/tmp/work.py").read()); same(alice(work), pickle.load(open("/tmp/plain-3", "rb"))); run("rm", "-r", d + "/w")'
check "without a rule for it, the lock manager gets nothing" py '
exec(open("/tmp/clients.py").read())
alice(touch, n + "/lk"); fd = alice_fd = os.open(d + "/lk", os.O_RDWR)
clients(("nfsd",))
def locks(): fd = os.open(n + "/lk", os.O_RDWR); posix_lock(fd, fcntl.F_WRLCK)
fails("EACCES|ENOLCK", alice, locks); clients(); alice(locks)
'
check "a client of version 3 survives the server's restart, and the vault's" survive False
check "unmount the client" umount $n

check "the server checks subtrees: handles with a parent" sh -c "exportfs -ua; exportfs -f; echo '$d *(rw,subtree_check,root_squash,insecure,fsid=0)' >/etc/exports; exportfs -ra"
check "a client mounts it (4.2)" client vers=4.2
check "work with them, also when nothing is cached" py '
exec(open("/tmp/work.py").read())
alice(work); fd = os.open(d, os.O_RDONLY)
def held():
    f = os.open(n + "/w/t", os.O_RDWR); same(os.pread(f, 3, 0), b"on!"); return True
alice(held); drop_caches(); alice(held); run("rm", "-r", d + "/w")
'
check "unmount the client" umount $n
check "the server goes" server_stop
# It is no user's process; who its client was is known all the same.
. "$WARD_TOP/tests/agent/agent.sh"
check "wardd records what it was refused" start_wardd
check "for whom" has "e['ward.kind'] == 'violation' and e['process.name'] == 'nfsd' and e['event.action'] == 'list' and
	e['user.effective.name'] == 'alice' and e['user.effective.id'] == '61001' and e['user.effective.group.id'] == '61001' and
	not {'user.id', 'user.name', 'group.id', 'user.audit.id', 'process.executable', 'ward.cgroup'} & set(e)"
check "and for a root who was squashed" has "e['ward.kind'] == 'violation' and e['process.name'] == 'nfsd' and
	(e['user.effective.id'], e['user.effective.name'], e['user.effective.group.id']) == ('65534', 'nobody', '65534')"
check "in words" sh -c "wardctl log --user alice | grep -q \"alice with the kernel's nfsd may not list\""
check "wardd ends" stop_wardd
check "unmount" umount $d
quiet=$(dmesg | grep -c "non-standard errno" || :)
check_is "no errno that the server does not know" "$quiet" 0
for p in rpc.mountd rpc.statd rpcbind; do
	for pid in $(pidof $p); do kill "$pid"; done
done
umount /proc/fs/nfsd
done_testing
