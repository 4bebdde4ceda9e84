# SPDX-License-Identifier: GPL-2.0-or-later
"""What alike.sh does to the vault and beside it with those who wait for a file or watch it: locks, leases, inotify and
fanotify. Each function is for meta.alike()."""
import select

from meta import *

# ---- locks and leases -------------------------------------------------------------------------------------------------

def locks(at):
    f = at + '/f'
    touch(f, b'x' * 100)
    R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
    one, two, ro = os.open(f, os.O_RDWR), os.open(f, os.O_RDWR), os.open(f, os.O_RDONLY)

    def other(kind, start, length, cmd=fcntl.F_SETLK):
        return in_child(lambda: posix_lock(os.open(f, os.O_RDWR), kind, start, length, cmd))

    out = codes((posix_lock, one, W, 0, 10), (posix_lock, two, R, 5, 20), ('EBADF', posix_lock, ro, W, 50, 1), (posix_lock, ro, R, 50, 1))
    out += codes(('EAGAIN', other, W, 0, 1), (other, R, 5, 1), (other, R, 20, 1), ('EAGAIN', other, W, 20, 1), (other, W, 60, 1))
    same(in_child(lambda: lock_held(os.open(f, os.O_RDWR), W, 0, 0)), (W, 0, 5, True))
    posix_lock(one, U, 3, 4)
    out += codes((other, W, 3, 4), ('EAGAIN', other, W, 2, 2))
    same(in_child(lambda: lock_held(os.open(f, os.O_RDWR), W, 4, 100)), (R, 7, 18, True))
    os.close(two)                                                       # any close drops all of a process's
    out += codes((other, W, 0, 100))
    # of open file descriptions
    two = os.open(f, os.O_RDWR)
    out += codes((posix_lock, one, W, 0, 10, F_OFD_SETLK), ('EAGAIN', posix_lock, two, W, 5, 10, F_OFD_SETLK), (posix_lock, two, R, 10, 10, F_OFD_SETLK),
                 ('EAGAIN', posix_lock, one, W, 0, 0, fcntl.F_SETLK))
    same(lock_held(two, W, 0, 0, F_OFD_GETLK), (W, 0, 10, False))
    out += codes(('EAGAIN', other, W, 0, 1), (other, R, 12, 1))
    os.close(os.dup(one))
    out += codes(('EAGAIN', other, W, 0, 1))
    posix_lock(one, U, 0, 0, F_OFD_SETLK)
    posix_lock(two, U, 0, 0, F_OFD_SETLK)
    posix_lock(one, U)
    # flock
    EX, SH, UN, NB = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_UN, fcntl.LOCK_NB
    out += codes((fcntl.flock, one, SH | NB), (fcntl.flock, two, SH | NB), ('EAGAIN', fcntl.flock, two, EX | NB), (fcntl.flock, one, UN), (fcntl.flock, two, EX | NB),
                 ('EAGAIN', fcntl.flock, ro, SH | NB), (fcntl.flock, os.open(at, os.O_RDONLY), EX | NB))
    out += codes(('EAGAIN', in_child, lambda: fcntl.flock(os.open(f, os.O_RDONLY), SH | NB)), (other, W, 0, 1))
    # waiting for one
    fcntl.flock(two, UN)
    posix_lock(one, W, 0, 1)
    pid = os.fork()
    if not pid:
        posix_lock(os.open(f, os.O_RDWR), W, 0, 1, fcntl.F_SETLKW)
        os._exit(0)
    time.sleep(0.1)
    same(os.waitpid(pid, os.WNOHANG)[0], 0)
    posix_lock(one, U, 0, 1)
    same(os.waitpid(pid, 0)[1], 0)
    for fd in (one, two, ro):
        os.close(fd)
    return out


def leases(at):
    f = at + '/f'
    touch(f, b'x')
    R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
    ro = os.open(f, os.O_RDONLY)
    out = codes((fcntl.fcntl, ro, F_SETLEASE, R), (fcntl.fcntl, ro, F_SETLEASE, W))
    out.append(fcntl.fcntl(ro, F_GETLEASE))
    got = []
    signal.signal(signal.SIGIO, lambda *_: got.append('broken'))

    def broken(flags, breaks):
        """Somebody else opens it, and does not wait: refused where that breaks the lease, and who has it is told."""
        del got[:]
        fcntl.fcntl(ro, F_SETLEASE, R)
        codes(('EAGAIN' if breaks else '0', in_child, lambda: os.close(os.open(f, flags | os.O_NONBLOCK))))
        for _ in range(200 if breaks else 20):
            if got:
                break
            time.sleep(0.02)
        fcntl.fcntl(ro, F_SETLEASE, U)
        same(got, ['broken'] if breaks else [])

    broken(os.O_RDONLY, False)
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC):
        broken(flags, True)
    out.append(fcntl.fcntl(ro, F_GETLEASE))
    os.close(ro)
    rw = os.open(f, os.O_RDWR)
    out += codes(('EAGAIN', fcntl.fcntl, rw, F_SETLEASE, R), (fcntl.fcntl, rw, F_SETLEASE, W), (fcntl.fcntl, rw, F_SETLEASE, U))
    os.chmod(f, 0o666)
    out += codes((as_user, ALICE, lambda: fails('EACCES', fcntl.fcntl, os.open(f, os.O_RDONLY), F_SETLEASE, R)),
                 ('EINVAL', fcntl.fcntl, os.open(at, os.O_RDONLY), F_SETLEASE, R))
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    os.close(rw)
    return out


def waits_for_lease(at, kind, flags, answer):
    """Who opens a file that somebody has a lease on waits: for an answer, or until the time for it is over."""
    f = at + '/f'
    touch(f, b'x')
    fd = os.open(f, os.O_RDONLY if fcntl.F_RDLCK in (kind, answer) else os.O_RDWR)
    told = []
    old = signal.signal(signal.SIGIO, lambda *_: told.append((fcntl.fcntl(fd, F_GETLEASE), answer is not None and code(fcntl.fcntl, fd, F_SETLEASE, answer))))
    fcntl.fcntl(fd, F_SETLEASE, kind)
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        os.close(fd)
        start = time.monotonic()
        got = os.truncate(f, 0) if flags is None else os.close(os.open(f, flags))
        os._exit(0 if got else 1 + (time.monotonic() - start > (1.5 if answer is None else 45)))
    status = os.waitpid(pid, 0)[1]
    left = fcntl.fcntl(fd, F_GETLEASE)
    signal.signal(signal.SIGIO, old)
    os.close(fd)
    return told, {0: 'failed', 1: 'soon', 2: 'after the time'}.get(os.waitstatus_to_exitcode(status), status), left


def lease_times():
    R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
    limit = '/proc/sys/fs/lease-break-time'
    before = read(limit)
    try:
        # Who answers has plenty of time, so that "soon" is soon on any machine; who does not is not waited for long.
        for kind, flags, answer in ((R, os.O_RDONLY, U), (R, os.O_WRONLY, U), (R, os.O_RDWR, None), (R, None, U), (W, os.O_RDONLY, R), (W, os.O_RDONLY, U),
                                    (W, os.O_RDONLY, None), (W, os.O_WRONLY, U), (W, None, U)):
            touch(limit, b'2' if answer is None else b'60')
            got = alike(waits_for_lease, kind, flags, answer)
            assert got[1] == ('soon' if answer is not None else 'after the time'), got
    finally:
        touch(limit, before)


# ---- inotify and fanotify ---------------------------------------------------------------------------------------------

def story(at):
    """Something for everybody who watches."""
    touch(at + '/f', b'one')
    read(at + '/f')
    os.chmod(at + '/f', 0o600)
    os.rename(at + '/f', at + '/g' + 'x' * 200)
    os.link(at + '/g' + 'x' * 200, at + '/h')
    os.truncate(at + '/h', 0)
    os.mkdir(at + '/d')
    os.rename(at + '/h', at + '/d/h')
    os.symlink('x', at + '/l')
    os.setxattr(at + '/d/h', SPACES[0] + '.x', b'1')
    os.listdir(at + '/d')
    os.unlink(at + '/d/h')
    os.rmdir(at + '/d')
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b'1')
    link_fd(fd, at + '/t')
    os.close(fd)
    os.unlink(at + '/g' + 'x' * 200)


def named(name):
    """A nameless file has its inode number for a name."""
    return b'#' if name.startswith(b'#') else name


def inotify(at):
    fd = libc.inotify_init1(0o4000)
    wd = libc.inotify_add_watch(fd, at.encode(), 0xfff)
    story(at)
    raw = os.read(fd, 1 << 20)
    out, pos, cookies = [], 0, []
    while pos < len(raw):
        _, mask, cookie, n = struct.unpack_from('iIII', raw, pos)
        if cookie and cookie not in cookies:
            cookies.append(cookie)
        out.append((hex(mask), cookies.index(cookie) if cookie else None, named(raw[pos + 16:pos + 16 + n].rstrip(b'\0'))))
        pos += 16 + n
    same(libc.inotify_rm_watch(fd, wd), 0)
    os.close(fd)
    return out


SYS_fanotify_init, SYS_fanotify_mark = 300, 301
FAN_REPORT_FID, FAN_REPORT_DIR_FID, FAN_REPORT_NAME, FAN_REPORT_TARGET_FID = 0x200, 0x400, 0x800, 0x1000
FAN_MARK_ADD, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM = 1, 0x10, 0x100
FAN_ONDIR, FAN_EVENT_ON_CHILD = 0x40000000, 0x08000000
# access, modify, attrib, close, open, moved, create, delete, delete self, move self, open exec, rename
FAN_ALL = 0x1 | 0x2 | 0x4 | 0x18 | 0x20 | 0xc0 | 0x100 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x10000000
FAN_OF_MOUNT = 0x1 | 0x2 | 0x18 | 0x20 | 0x1000


def fanotify(at, report, mark_type, mask):
    """The events of a story: what happened, and whether the handle in it is that of the directory."""
    fd = syscall(SYS_fanotify_init, report | 2, os.O_RDONLY)            # FAN_NONBLOCK
    try:
        syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD | mark_type, ctypes.c_ulonglong(mask | FAN_ONDIR | (0 if mark_type else FAN_EVENT_ON_CHILD)),
                AT_FDCWD, at.encode())
        own = handle(at)
        story(at)
        out = []
        while True:
            try:
                raw = os.read(fd, 1 << 16)
            except BlockingIOError:
                break
            pos = 0
            while pos < len(raw):
                length, _, _, meta, mask_, efd, pid = struct.unpack_from('IBBHQii', raw, pos)
                infos, at_info = [], pos + meta
                while at_info < pos + length:
                    kind, _, size = struct.unpack_from('BBH', raw, at_info)
                    nbytes, htype = struct.unpack_from('Ii', raw, at_info + 12)
                    data = raw[at_info + 20:at_info + 20 + nbytes]
                    name = raw[at_info + 20 + nbytes:at_info + size].split(b'\0')[0] if kind in (2, 10, 12) else b''
                    infos.append((kind, (htype, data) == (own.kind, own.data), named(name)))
                    at_info += size
                if efd >= 0:
                    infos.append(named(os.path.basename(path_of(efd)).encode()))
                    os.close(efd)
                if pid == os.getpid():
                    out.append((hex(mask_), infos))
                pos += length
        return out
    finally:
        os.close(fd)


def fanotifies():
    for report in (FAN_REPORT_FID, FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID):
        events = FAN_ALL if report & FAN_REPORT_NAME else FAN_ALL & ~0x10000000
        for mark_type in (0, FAN_MARK_FILESYSTEM):
            got = alike(fanotify, report, mark_type, events)
            assert len(got) > 1, got
    got = alike(fanotify, 0, FAN_MARK_MOUNT, FAN_OF_MOUNT)
    assert len(got) > 1, got


SYS_fanotify_perm = dict(open=0x10000, access=0x20000, exec=0x40000)


def permission(at, allow, how):
    """What somebody else may do, and what who is asked sees of it, who says yes or no."""
    touch(at + '/f', b'contents')
    shutil.copy('/bin/true', at + '/true')
    mask = sum(SYS_fanotify_perm.values()) | FAN_ONDIR | (FAN_EVENT_ON_CHILD if not how else 0)
    fd = syscall(SYS_fanotify_init, 4, os.O_RDONLY)                     # FAN_CLASS_CONTENT
    opened = os.open(at + '/f', os.O_RDWR)
    syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD | how, ctypes.c_ulonglong(mask), AT_FDCWD, at.encode())

    def other():
        return [code(*call) for call in (
            (os.close, opened), (lambda: os.close(os.open(at + '/f', os.O_WRONLY)),), (read, at + '/f'),
            (lambda: os.close(os.open(at + '/new', os.O_CREAT | os.O_WRONLY)),), (os.listdir, at), (os.stat, at + '/f'),
            (os.rename, at + '/new', at + '/g'), (os.unlink, at + '/g'), (os.truncate, at + '/f', 3),
            (lambda: subprocess.run([at + '/true'], check=True),))]

    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(fd)
        os.write(w, pickle.dumps(other()))
        os._exit(0)
    os.close(w)
    seen = []
    poll = select.poll()
    for x in (fd, r):
        poll.register(x, select.POLLIN)
    while True:
        ready = dict(poll.poll(60000))
        assert ready, f'nothing happens any more after {seen}'
        if fd not in ready:
            break
        raw = os.read(fd, 4096)
        for pos in range(0, len(raw), 24):
            mask, efd = struct.unpack_from('Qi', raw, pos + 8)
            name = path_of(efd)
            if name.startswith(at):
                seen.append((hex(mask), os.path.relpath(name, at), os.pread(efd, 8, 0) if stat.S_ISREG(os.fstat(efd).st_mode) else ''))
            yes = allow or not name.startswith(at)
            os.write(fd, struct.pack('iI', efd, 1 if yes else 2))
            os.close(efd)
    got = pickle.loads(os.read(r, 1 << 16))
    os.waitpid(pid, 0)
    for x in (fd, r, opened):
        os.close(x)
    return got, seen


def permissions():
    for allow in (True, False):
        for how in (0, FAN_MARK_MOUNT):
            got = alike(permission, allow, how)
            assert len(got[1]) > 4 and ('EPERM' in got[0]) != allow and got[0].count(0) > 3, got
