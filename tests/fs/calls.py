# SPDX-License-Identifier: GPL-2.0-or-later
"""For the Python lines of the file-system tests: system calls that Python has not, and a few assertions."""
import ctypes
import errno
import fcntl
import mmap
import os
import pickle
import random
import signal
import stat
import struct
import subprocess
import sys
import time

import testvault

d = '/srv/lower/v'
ward = '/srv/below/v/.ward'
below = ward + '/tree'
libc = ctypes.CDLL(None, use_errno=True)

ALICE, BOB, MALLORY, CASEWORKERS = 61001, 61002, 61003, 61010
LOWER = os.environ.get('WARD_LOWER', 'ext4')
BLOCK, HEADER, FIRST, CAP = 4096, 512, 3552, 4064       # docs/format.md, "A file"

AT_FDCWD = -100
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
AT_SYMLINK_FOLLOW = 0x400
# Modes of fallocate()
KEEP, PUNCH, COLLAPSE, ZERO, INSERT, UNSHARE = 1, 2, 8, 0x10, 0x20, 0x40
SYS_getdents64, SYS_linkat, SYS_renameat2 = 217, 265, 316


def last_error():
    """Why the last call of libc failed."""
    return OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def syscall(*args):
    ret = libc.syscall(*args)
    if ret < 0:
        raise last_error()
    return ret


def renameat2(old, new, flags):
    syscall(SYS_renameat2, AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags)


def access(path, mode):
    """access(2) with its errno."""
    if libc.access(os.fsencode(path), mode):
        raise last_error()


def link_fd(fd, path):
    """A name for an open file."""
    syscall(SYS_linkat, AT_FDCWD, b'/proc/self/fd/%d' % fd, AT_FDCWD, os.fsencode(path), AT_SYMLINK_FOLLOW)


def fallocate(fd, mode, at, size):
    if libc.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(size)):
        raise last_error()


def getdents(fd, size=32768):
    """One getdents64(2): a list of (name, inode, type, offset)."""
    buf = ctypes.create_string_buffer(size)
    got = syscall(SYS_getdents64, fd, buf, size)
    out, at = [], 0
    while at < got:
        ino, off, reclen, kind = struct.unpack_from('<QqHB', buf.raw, at)
        name = buf.raw[at + 19:at + reclen].split(b'\0', 1)[0]
        out.append((name, ino, kind, off))
        at += reclen
    return out


def listing(path, size=32768):
    """All entries of a directory, read in pieces of this many bytes."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    out = []
    while True:
        some = getdents(fd, size)
        if not some:
            break
        out += some
    os.close(fd)
    return out


def errno_name(e):
    """Of an OSError; Python knows two for one of them."""
    return errno.errorcode[e.errno].replace('ENOTSUP', 'EOPNOTSUPP')


def fails(code, fn, *args, **kw):
    """The call fails with this errno (a name, or several); returns the name of the one."""
    numbers = [getattr(errno, name) for name in code.split('|')]
    try:
        fn(*args, **kw)
    except OSError as e:
        assert e.errno in numbers, f'{errno_name(e)} instead of {code}'
        return errno_name(e)
    assert False, f'succeeds instead of {code}'


def touch(path, data=b''):
    with open(path, 'wb') as f:
        f.write(data)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def same(got, want):
    assert got == want, f'got {got!r}, wanted {want!r}'


CLOCK_REALTIME_COARSE = 5


def fs_clock():
    """The clock that file systems take times from; it can be far behind on a machine that is busy."""
    return time.clock_gettime_ns(CLOCK_REALTIME_COARSE)


def tick():
    """Until that clock has moved on."""
    now = fs_clock()
    while fs_clock() == now:
        time.sleep(0.004)


def opened(path, flags, fn, *args):
    """Calls the function with a descriptor."""
    fd = os.open(path, flags, 0o644)
    try:
        return fn(fd, *args)
    finally:
        os.close(fd)


def under(path):
    """What lies in a directory below, but for what NFS has yet to remove."""
    return [n for n in os.listdir(path) if LOWER != 'nfs' or not n.startswith('.nfs')]


def hidden(path):
    """Names of the hidden symlinks in a directory below, but for its id."""
    return sorted(n for n in os.listdir(path) if n.startswith('.ward-') and n != '.ward-id')


def chown_nothing(path):
    """chown(2) that changes neither owner nor group; it would take set-user-id away."""
    if libc.chown(os.fsencode(path), -1, -1):
        raise last_error()


def utime_one(path, atime, mtime):
    """utimensat(2) with nanoseconds of each time as they are, such as UTIME_NOW and UTIME_OMIT."""
    times = (ctypes.c_long * 4)(0, atime, 0, mtime)
    if libc.utimensat(AT_FDCWD, os.fsencode(path), times, 0):
        raise last_error()


def map_and_close(path, size):
    """The address of a shared mapping of a file that is closed. (Python's own mappings keep a descriptor.)"""
    libc.mmap.restype = ctypes.c_void_p
    fd = os.open(path, os.O_RDWR)
    at = libc.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, ctypes.c_long(0))
    os.close(fd)
    if at == 2 ** 64 - 1:
        raise last_error()
    return at


def unmap(at, size):
    """munmap(2)"""
    if libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size)):
        raise last_error()


def readlink_fd(fd):
    """readlinkat(2) of an O_PATH descriptor of a symlink."""
    return os.readlink('', dir_fd=fd)


# ---- files as somebody else, in another process -------------------------------------------------------------------

def as_user(uid, fn, *args, groups=(), **kw):
    """Calls the function in a child process with this uid as uid and gid, or as it is; OSError comes back as such."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(r)
            if uid is not None:
                os.setgroups(groups)
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            out = ('value', fn(*args, **kw))
        except OSError as e:
            out = ('errno', e.errno)
        except BaseException as e:
            out = ('other', repr(e))
        with os.fdopen(w, 'wb') as f:
            pickle.dump(out, f)
        os._exit(0)
    os.close(w)
    with os.fdopen(r, 'rb') as f:
        data = f.read()
    status = os.waitpid(pid, 0)[1]
    assert data, f'the child ended with status {status}'
    kind, value = pickle.loads(data)
    if kind == 'errno':
        raise OSError(value, os.strerror(value))
    assert kind == 'value', value
    return value


def child_signal(fn, *args):
    """Calls the function in a child process; the signal that ends it, or 0."""
    pid = os.fork()
    if not pid:
        try:
            signal.signal(signal.SIGBUS, signal.SIG_DFL)
            fn(*args)
            os._exit(0)
        except BaseException as e:
            print(repr(e), flush=True)
            os._exit(1)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or not os.WEXITSTATUS(status), 'the child failed'
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


# ---- the vault ------------------------------------------------------------------------------------------------------

def run(*args):
    got = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert not got.returncode, f'{args}: {got.stdout}'
    return got.stdout


def umount():
    run('umount', d)


def mount():
    run('mount', '-i', '-t', 'wardfs', d, d)


def unlock():
    testvault.unlock(netlink(), testvault.uuid_of(d))


def lock(now=False):
    netlink().ask('LOCK', testvault.uuid_of(d), **({'LOCK_NOW': b''} if now else {}))


def state():
    return netlink().ask('VAULT_GET', testvault.uuid_of(d))


def again():
    umount()
    mount()
    unlock()


def drop_caches():
    os.sync()
    with open('/proc/sys/vm/drop_caches', 'w') as f:
        f.write('3')


def load(blob):
    """Puts a compiled policy in force."""
    testvault.put(ward + '/policy.new', blob)
    netlink().ask('POLICY_LOAD', testvault.uuid_of(d))
    os.rename(ward + '/policy.new', ward + '/policy')


def next_serial():
    return state()['vault_policy_serial'] + 1


def policy(*uids):
    """These users may do all from now on, and nobody else anything."""
    load(testvault.policy(testvault.uuid_of(d), uids, next_serial()))


def rules(*some, flags=0):
    """Puts these rules in force: see testvault.rule()."""
    load(testvault.policy_of(testvault.uuid_of(d), next_serial(), some, flags))


def lower(path):
    """Where an upper object lies below: inode numbers are the same."""
    ino = os.lstat(path).st_ino
    for top, dirs, files in os.walk(below):
        for name in dirs + files:
            if os.lstat(top + '/' + name).st_ino == ino:
                return top + '/' + name
    assert False, f'{path} is not there below'


def length(size):
    """The lower length of a file of this size: docs/format.md, "Size"."""
    if not size:
        return HEADER
    n = 1 if size <= FIRST else 1 + (size - FIRST + CAP - 1) // CAP
    return n * BLOCK + size - (FIRST + (n - 2) * CAP if n > 1 else 0)


def noise(seed, size):
    """Bytes that look random and are the same each time."""
    return random.Random(seed).randbytes(size)


# ---- events ---------------------------------------------------------------------------------------------------------

_netlink = None


def netlink():
    """One socket for each process."""
    global _netlink
    if not _netlink or _netlink[0] != os.getpid():
        _netlink = (os.getpid(), testvault.Netlink())
    return _netlink[1]


class Mark(int):
    """The number of the next event, and when that was: what was folded before is told later, with a higher number."""
    at = 0


def mark():
    """From here on."""
    now = Mark(netlink().next_event())
    now.at = time.time_ns()
    return now


def events(since, **want):
    """Events that happened since a mark (or a number) in which these fields have these values."""
    return [e for e in netlink().events(since)
            if e.get('last_time', e['time']) >= getattr(since, 'at', 0) and all(e.get(k) == v for k, v in want.items())]


def reported(since, **want):
    """There is such an event, the first one; one that was folded into another comes a second later."""
    for _ in range(300):
        found = events(since, **want)
        if found:
            return found[0]
        time.sleep(0.1)
    assert False, f'no event with {want}, only {netlink().events(since)}'


def quiet(since, kind='tamper'):
    """There is no event of this kind."""
    found = events(since, kind=kind)
    assert not found, f'unexpected: {found}'


# ---- contents that were tampered with -------------------------------------------------------------------------------

def base(k):
    """Upper offset of the first byte of block k."""
    return FIRST + (k - 1) * CAP if k else 0


def unit(k):
    """Lower offset of the unit header of block k."""
    return k * BLOCK + (0 if k else HEADER)


def rewrite(path, at, change):
    """Replaces bytes of a file below: change is given those from an offset on, and returns as many."""
    with open(path, 'r+b') as f:
        f.seek(at)
        old = f.read(BLOCK)
        new = change(old)
        f.seek(at)
        f.write(new[:len(old)])


def flip(path, at, bit=0):
    rewrite(path, at, lambda old: bytes([old[0] ^ (1 << bit)]))


def pages(path):
    """The file's pages, read one by one: bytes, or the errno of each."""
    out = []
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    for at in range(0, os.fstat(fd).st_size, 4096):
        try:
            out.append(os.pread(fd, 4096, at))
        except OSError as e:
            out.append(e.errno)
    os.close(fd)
    return out


def partly(path, want, bad):
    """These blocks read as EIO, all others as they should; no other plaintext than was written."""
    size = os.stat(path).st_size
    got = pages(path)
    for k, page in enumerate(got):
        lo, hi = k * 4096, min(k * 4096 + 4096, size)
        hit = any(base(b) < hi and lo < base(b + 1) for b in bad)
        if isinstance(page, int):
            assert page == errno.EIO, f'{path}: {errno.errorcode[page]}'
            assert hit, f'{path}: page {k} cannot be read, but no bad block is in it'
        else:
            assert not hit, f'{path}: page {k} can be read, in spite of the bad block'
            assert page == want[lo:hi], f'{path}: page {k} is not what was written'
