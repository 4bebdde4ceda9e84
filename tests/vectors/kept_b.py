# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in the vault of kept-1b.tar.xz, whose machine was cut off. Not to be changed: the file stays as it is."""
import ctypes
import fcntl
import os
import struct

from kept import noise

FIRST, CAP = 3552, 4064
PUNCHED = noise(11, FIRST + 9 * CAP + 100)


def punched(data, *holes):
    out = bytearray(data)
    for at, size in holes:
        out[at:at + size] = bytes(min(size, len(data) - at))
    return bytes(out)


# Whole blocks and parts of some, in the middle and up to the end
HOLES = ((FIRST + CAP, 3 * CAP), (FIRST + 5 * CAP + 10, CAP), (FIRST + 7 * CAP, 9 * CAP))
# What was there when all was written out; all of it is acknowledged
FILES = {
    'hello': b'hello\n', 'letters/one': noise(1, 4000), 'letters/two': noise(2, FIRST + CAP), 'minutes': noise(3, 9000),
    'holes': punched(PUNCHED, *HOLES), 'begins with a hole': bytes(20000) + b'end',
    # Grown and synced, and not closed; overwritten, and not written out; cut, likewise
    'grows': noise(4, FIRST + 2 * CAP + 500), 'overwritten': noise(5, 10000), 'shortened': noise(6, 30000),
}
XATTRS = {'hello': {'user.color': b'green'}, 'letters': {'user.on a directory': noise(7, 100)}}
RULES = '''
[rule root]
users      = root
effect     = allow

[rule letters]
users      = 61001
paths      = /letters
burst      = 1000 files / 1 d, 4 GB / 2 h
effect     = allow

[rule auditors]
users      = 61002
logins     = 61002
operations = read, list
effect     = allow, record

[rule tools by day]
users      = 61003, @61010
programs   = /usr/bin/cat, kernel:nfsd
paths      = /letters, /minutes
hours      = Mon-Fri 07:00-19:00
timezone   = Europe/Berlin
operations = read
effect     = allow, silent
'''


def fill(top):
    """Before it is a vault."""
    os.makedirs(top + '/letters')
    for path in ('hello', 'letters/one', 'letters/two', 'minutes'):
        with open(os.path.join(top, path), 'wb') as f:
            f.write(FILES[path])
    for path, xattrs in XATTRS.items():
        for name, value in xattrs.items():
            os.setxattr(os.path.join(top, path), name, value)


def work(top, lower):
    """In the vault, up to the cut: the file system @lower, an ext4, is shut down as when power fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    below = os.open(lower, os.O_RDONLY)

    def put(path, data, at=0):
        fd = os.open(os.path.join(top, path), os.O_RDWR | os.O_CREAT)
        assert os.pwrite(fd, data, at) == len(data)
        return fd
    fd = put('holes', PUNCHED)
    os.fsync(fd)
    for at, size in HOLES:
        if libc.fallocate(fd, 3, ctypes.c_long(at), ctypes.c_long(size)):       # PUNCH_HOLE | KEEP_SIZE
            raise OSError(ctypes.get_errno(), 'fallocate')
    os.close(fd)
    os.close(put('begins with a hole', b'end', 20000))
    overwritten, shortened = put('overwritten', FILES['overwritten']), put('shortened', FILES['shortened'])
    os.sync()
    grows, whole = put('grows', b''), FILES['grows']
    for end in (100, FIRST + 7, FIRST + CAP + 9, len(whole) - 9, len(whole)):
        at = os.fstat(grows).st_size
        os.pwrite(grows, whole[at:end], at)
        os.fsync(grows)
    for path in (top, top + '/letters'):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
    os.pwrite(overwritten, bytes(9000), 500)
    os.ftruncate(shortened, 10)
    fcntl.ioctl(below, 0x8004587d, struct.pack('I', 2))         # EXT4_IOC_SHUTDOWN, without the journal


def compare(top):
    """Raises AssertionError where it is not what was acknowledged."""
    found = {os.path.relpath(os.path.join(where, n), top) for where, _, files in os.walk(top) for n in files}
    assert found == set(FILES), found ^ set(FILES)
    for path, want in FILES.items():
        with open(os.path.join(top, path), 'rb') as f:
            got = f.read()
        assert got == want, (path, len(got), len(want))
    for path, xattrs in XATTRS.items():
        full = os.path.join(top, path)
        got = {n: os.getxattr(full, n) for n in os.listxattr(full) if n.startswith('user.')}
        assert got == xattrs, (path, got)
