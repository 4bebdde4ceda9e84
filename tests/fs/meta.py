# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests of names and metadata: the same operation on the vault and beside it on the lower file system, file handles,
locks, leases, and what watches."""
import glob
import shutil

from calls import *

plain = '/srv/below/plain'          # a directory of the lower file system itself
MAX_HANDLE = 128
HEAD = 16                           # bytes of a handle of ours before the lower one
# Xattrs that the lower file system has: tmpfs of Linux 6.1 none of users, NFS those alone
SPACES = (() if LOWER == 'tmpfs' else ('user',)) + (() if LOWER == 'nfs' else ('trusted', 'security'))


# ---- side by side -------------------------------------------------------------------------------------------------

def done_in(top, fn, *args, **kw):
    """What comes of it in a directory of its own, which is removed then."""
    at = top + '/alike'
    os.mkdir(at, 0o755)
    try:
        return fn(at, *args, **kw)
    finally:
        try:
            shutil.rmtree(at)
        except PermissionError:
            run('chattr', '-R', '-f', '-i', '-a', at)
            shutil.rmtree(at)
        except OSError as e:
            # What was open has a name on the server until NFS has come to closing it.
            if LOWER != 'nfs' or e.errno != errno.ENOTEMPTY:
                raise
            time.sleep(2)
            shutil.rmtree(at)


clock_moved = []                    # what was under way when the clock of the file systems moved: see alike()


def alike(fn, *args, **kw):
    """Does this to an empty directory of the lower file system and to one of the vault; the same must come of both.
    What fails in it unexpectedly fails here: see codes(). An operation that takes the time twice gives a directory two
    times when the clock moves in between, on any file system: what differs by the "=" of changed() is looked at again."""
    for again in range(8):
        clock_moved.clear()
        got = [done_in(top, fn, *args, **kw) for top in (plain, d)]
        if got[0] == got[1] or not clock_moved or len({repr(one).replace('=', '') for one in got}) > 1:
            break
        print(f'{fn.__name__}{args or ""}, time {again + 1}: the clock moved during {clock_moved!r:.100}', flush=True)
    if got[0] != got[1] and isinstance(got[0], list):
        for k, (x, y) in enumerate(zip(*got)):
            if x != y:
                print(f'item {k}: below {x!r:.300}, in the vault {y!r:.300}', flush=True)
    assert got[0] == got[1], f'{fn.__name__}{args or ""}: below {got[0]!r}, in the vault {got[1]!r}'
    return got[1]


def code(fn, *args, **kw):
    """What comes of a call: 0 or the name of the errno. Whoever asks says which it is to be."""
    try:
        fn(*args, **kw)
        return 0
    except OSError as e:
        return errno_name(e)


def codes(*calls):
    """Makes some calls, one after the other: (function, argument...) has to succeed, ('ENOENT', function, argument...)
    has to fail so, or with one of several: 'EPERM|EACCES'. What came of each, as code() tells it."""
    out = []
    for k, (first, *rest) in enumerate(calls):
        want, fn, args = (first, rest[0], rest[1:]) if isinstance(first, str) else ('0', first, rest)
        out.append(code(fn, *args))
        assert str(out[-1]) in want.split('|'), f'call {k}, {fn.__name__}{tuple(args)}: {out[-1]} instead of {want}'
    return out


SYS_statx, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, STATX_BTIME = 332, 0x100, 0x7ff, 0x800


def birth(path):
    """When the object itself came to be, in nanoseconds, as statx(2) tells it; None if the file system knows not."""
    buf = ctypes.create_string_buffer(256)
    syscall(SYS_statx, AT_FDCWD, os.fsencode(path), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, buf)
    seconds, ns = struct.unpack_from('<qI', buf.raw, 80)
    return seconds * 10**9 + ns if struct.unpack_from('<I', buf.raw)[0] & STATX_BTIME else None


# ---- file handles -------------------------------------------------------------------------------------------------

SYS_name_to_handle_at, SYS_open_by_handle_at = 303, 304
AT_EMPTY_PATH = 0x1000


class Handle:
    def __init__(self, kind, data, mount=0):
        self.kind, self.data, self.mount = kind, bytes(data), mount

    def __eq__(self, other):
        return (self.kind, self.data) == (other.kind, other.data)


def handle(path, room=MAX_HANDLE, follow=False):
    """name_to_handle_at(2). With too little room: OSError whose strerror is the room needed."""
    buf = ctypes.create_string_buffer(struct.pack('<Ii', room, 0), 8 + MAX_HANDLE)
    mount = ctypes.c_int()
    if libc.syscall(SYS_name_to_handle_at, AT_FDCWD, os.fsencode(path), buf, ctypes.byref(mount),
                    AT_SYMLINK_FOLLOW if follow else 0) < 0:
        raise OSError(ctypes.get_errno(), str(struct.unpack_from('<I', buf.raw)[0]))
    size, kind = struct.unpack_from('<Ii', buf.raw)
    return Handle(kind, buf.raw[8:8 + size], mount.value)


def open_handle(h, flags=os.O_RDONLY, at=None):
    """open_by_handle_at(2) on the vault, or on the file system of another path."""
    fd = os.open(at or d, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return open_handle_at(fd, h, flags)
    finally:
        os.close(fd)


def open_handle_at(fd, h, flags=os.O_RDONLY):
    """The same, with a descriptor that is open already."""
    buf = ctypes.create_string_buffer(struct.pack('<Ii', len(h.data), h.kind) + h.data, 8 + max(len(h.data), 1))
    return syscall(SYS_open_by_handle_at, fd, buf, flags)


def by_handle(h, flags=os.O_RDONLY):
    """What a handle leads to, as (inode number, contents)."""
    fd = open_handle(h, flags)
    try:
        return os.fstat(fd).st_ino, os.pread(fd, 1 << 20, 0)
    finally:
        os.close(fd)


def path_of(fd):
    return os.readlink(f'/proc/self/fd/{fd}')


# ---- locks and leases ---------------------------------------------------------------------------------------------

F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
F_SETLEASE, F_GETLEASE = 1024, 1025


def posix_lock(fd, kind, start=0, length=0, cmd=fcntl.F_SETLK):
    fcntl.fcntl(fd, cmd, struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0))


def lock_held(fd, kind, start=0, length=0, cmd=fcntl.F_GETLK):
    """What stands in the way of such a lock: (type, start, length, is it a process's)."""
    raw = fcntl.fcntl(fd, cmd, struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0))
    kind, _, start, length, pid = struct.unpack('hhqqi4x', raw)
    return kind, start, length, pid > 0


def in_child(fn, *args):
    """A call in another process, which ends then; OSError comes back as such."""
    return as_user(None, fn, *args)
