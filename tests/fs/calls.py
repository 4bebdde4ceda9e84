# SPDX-License-Identifier: GPL-2.0-or-later
"""For the Python lines of the file-system tests: system calls that Python has not, and a few assertions."""
import ctypes
import errno
import os
import stat
import struct

d = '/srv/lower/v'
below = '/srv/below/v/.ward/tree'
libc = ctypes.CDLL(None, use_errno=True)

AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
SYS_getdents64, SYS_renameat2 = 217, 316


def syscall(*args):
    ret = libc.syscall(*args)
    if ret < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return ret


def renameat2(old, new, flags):
    syscall(SYS_renameat2, AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags)


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


def fails(code, fn, *args, **kw):
    """The call fails with this errno (a name, or several)."""
    names = code.split('|')
    try:
        fn(*args, **kw)
    except OSError as e:
        assert errno.errorcode[e.errno] in names, f'{errno.errorcode[e.errno]} instead of {code}'
        return
    assert False, f'succeeds instead of {code}'


def touch(path, data=b''):
    with open(path, 'wb') as f:
        f.write(data)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def same(got, want):
    assert got == want, f'got {got!r}, wanted {want!r}'


def hidden(path):
    """Names of the hidden symlinks in a directory below, but for its id."""
    return sorted(n for n in os.listdir(path) if n.startswith('.ward-') and n != '.ward-id')
