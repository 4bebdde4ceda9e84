#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Several processes that do everything at once, while the vault is locked and unlocked and memory is short. What each
# wrote is compared with what it remembers; the kernel must have nothing to say. WARD_LONG: ten minutes instead of 20 s.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
mkdir -p /sys/fs/cgroup/ward && echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
if [ -w /sys/fs/cgroup/ward/memory.max ]; then
	echo 64M >/sys/fs/cgroup/ward/memory.max
else
	skip "a cgroup with little memory" "this kernel has no memory controller for cgroup2"
fi

cat >/tmp/workers.py <<'END'
from calls import *
STOP = time.time() + (600 if os.environ.get('WARD_LONG') else 20)

def patient(fn, *args):
    """Done once the vault is unlocked; while it is being locked, calls may fail."""
    while True:
        try:
            return fn(*args)
        except OSError as e:
            if e.errno != errno.ENOKEY:
                raise
            time.sleep(0.02)

def put(path, at, data):
    """Written whole, however often it takes."""
    def go():
        fd = os.open(path, os.O_CREAT | os.O_RDWR)
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(fd, data[done:], at + done)
        finally:
            os.close(fd)
    patient(go)

def whole(path):
    def go():
        fd = os.open(path, os.O_RDONLY)
        try:
            out = b''
            while True:
                some = os.read(fd, 1 << 20)
                if not some:
                    return out
                out += some
        finally:
            os.close(fd)
    return patient(go)

def files(r, top):
    """Writes, cuts, reads and renames; keeps what each file must hold."""
    want, n = {}, 0
    while time.time() < STOP:
        kind = r.randrange(8)
        if kind < 2 or not want:
            n += 1
            name = '%d' % n + 'n' * r.choice((0, 10, 200))
            want[name] = bytearray(r.randbytes(r.choice((0, 10, 3552, 5000, 60000))))
            put(top + '/' + name, 0, bytes(want[name]))
            continue
        name = r.choice(list(want))
        path, body = top + '/' + name, want[name]
        if kind < 5:
            at, data = r.randrange(len(body) + 5000), r.randbytes(r.randrange(1, 20000))
            put(path, at, data)
            body.extend(bytes(max(0, at - len(body))))
            body[at:at + len(data)] = data
        elif kind == 5:
            size = r.randrange(len(body) + 3000)
            patient(os.truncate, path, size)
            if size < len(body): del body[size:]
            else: body.extend(bytes(size - len(body)))
        elif kind == 6:
            got = whole(path)
            assert got == body, f'{name} of {len(body)} bytes: {len(got)} read, they differ'
        else:
            n += 1
            new = 'r%d' % n + 'r' * r.choice((0, 220))
            patient(os.rename, path, top + '/' + new)
            want[new] = want.pop(name)
        if len(want) > 30:
            name = r.choice(list(want))
            patient(os.unlink, top + '/' + name)
            del want[name]
    same(set(patient(os.listdir, top)), set(want))
    for name, body in want.items():
        assert whole(top + '/' + name) == body, name
    with open('/tmp/want-%s' % os.path.basename(top), 'wb') as f:
        pickle.dump({k: bytes(v) for k, v in want.items()}, f)

def trees(r, top):
    """Makes, lists, moves and removes directories."""
    n = 0
    while time.time() < STOP:
        n += 1
        t = top + '/t%d' % n
        patient(os.mkdir, t)
        for k in range(10):
            name = t + '/' + 'd' * r.choice((1, 240)) + '%d' % k
            patient(os.mkdir, name)
            patient(os.symlink, 'target', name + '/l')
            if LOWER == 'tmpfs': fails('EOPNOTSUPP', patient, os.setxattr, name, 'user.n', b'%d' % k)
            else: patient(os.setxattr, name, 'user.n', b'%d' % k)
        names = patient(os.listdir, t)
        same(len(names), 10)
        patient(os.rename, t, t + 'moved')
        for k in names:
            at = t + 'moved/' + k
            same(patient(os.readlink, at + '/l'), 'target')
            if LOWER != 'tmpfs': same(patient(os.getxattr, at, 'user.n'), k.lstrip('d').encode())
            patient(os.unlink, at + '/l')
            patient(os.rmdir, at)
        patient(os.rmdir, t + 'moved')
    same(patient(os.listdir, top), [])

def maps(r, top):
    """A mapping, in a child that a SIGBUS may end; what it stores goes by pairs."""
    f = top + '/map'
    put(f, 0, bytes(200000))
    while time.time() < STOP:
        pid = os.fork()
        if not pid:
            try:
                fd = os.open(f, os.O_RDWR)
                m = mmap.mmap(fd, 200000)
                for k in range(200):
                    at = r.randrange(0, 199990, 8)
                    m[at:at + 8] = struct.pack('Q', at)
                    assert struct.unpack('Q', m[at:at + 8])[0] == at
                m.flush()
            except OSError:
                pass
            except BaseException as e:
                print(repr(e), flush=True)
                os._exit(1)
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        assert status == 0 or os.WTERMSIG(status) == signal.SIGBUS, status
        raw = whole(f)
        for at in range(0, 199990, 8):
            assert struct.unpack_from('Q', raw, at)[0] in (0, at), at
        r = random.Random(r.random())

def big(r, top):
    """More than fits into its memory."""
    with open('/sys/fs/cgroup/ward/cgroup.procs', 'w') as g:
        g.write(str(os.getpid()))
    f, chunk = top + '/big', 1 << 20
    while time.time() < STOP:
        seed = r.randrange(1000)
        for n in range(84):
            put(f, n * chunk, noise(seed + n, 1000) * 1048 + bytes(chunk - 1048000))
            if time.time() > STOP + 20: break
        for k in range(n + 1):
            def go():
                fd = os.open(f, os.O_RDONLY)
                try: return os.pread(fd, chunk, k * chunk)
                finally: os.close(fd)
            got = patient(go)
            assert got == noise(seed + k, 1000) * 1048 + bytes(chunk - 1048000), (k, len(got))

def syncs(r, top):
    while time.time() < STOP:
        time.sleep(0.5)
        os.sync()
        with open('/proc/sys/vm/drop_caches', 'w') as f: f.write(str(r.choice((1, 2, 3))))

def locks(r, top):
    n = 0
    while time.time() < STOP - 1 or n < 4:
        time.sleep(r.random())
        lock(); n += 1
        time.sleep(r.random() / 10)
        unlock()

def start(*kinds):
    pids, tops = {}, []
    for k, kind in enumerate(kinds):
        # Of this process: what others left behind stays as it is.
        tops.append(d + '/%s%d-%d' % (kind.__name__, k, os.getpid()))
        os.mkdir(tops[-1])
    for k, kind in enumerate(kinds):
        pid = os.fork()
        if not pid:
            try:
                kind(random.Random(k), tops[k])
                os._exit(0)
            except BaseException as e:
                import traceback
                traceback.print_exc()
                print(f'worker {kind.__name__}{k} failed', flush=True)
                os._exit(1)
        pids[pid] = kind.__name__
    bad = [name for pid, name in pids.items() if os.waitpid(pid, 0)[1]]
    assert not bad, bad
END
[ "$WARD_LOWER" != tmpfs ] || skip "user xattrs in the trees that are made and moved" "tmpfs of Linux 6.1 has none: EOPNOTSUPP is looked for"
check "everything at once, with locks" py '
exec(open("/tmp/workers.py").read())
since = mark()
start(files, files, files, trees, maps, syncs, locks)
quiet(since)
'
check "nothing was lost" py '
since = mark(); again()
for top in os.listdir(d):
    if not top.startswith("files"): continue
    with open("/tmp/want-" + top, "rb") as f: want = pickle.load(f)
    same(set(os.listdir(d + "/" + top)), set(want))
    for n, body in want.items(): assert read(d + "/" + top + "/" + n) == body, n
quiet(since); assert not state()["vault_flags"] & 2
'
if [ "$WARD_LOWER" = tmpfs ]; then
	skip "with little memory" "ciphertext is memory there, and counts as that of who writes: more than fits into it is none that can be written"
elif [ -w /sys/fs/cgroup/ward/memory.max ]; then
	check "with little memory" py '
exec(open("/tmp/workers.py").read())
since = mark()
start(big, files, syncs)
quiet(since)
'
fi
check "no references are left" sh -c "cd / && umount $d && umount /srv/below && umount /srv/lower && wipefs -n $WARD_DISK1"
done_testing
