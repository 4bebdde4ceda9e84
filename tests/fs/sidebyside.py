# SPDX-License-Identifier: GPL-2.0-or-later
"""The same operation on the lower file system and on the vault, compared: calls.py, and a directory beside the vault."""
from calls import *

plain = '/srv/lower/plain'
kind = os.environ.get('WARD_LOWER') or 'ext4'
OLD = 978307200 * 10**9 + 123456789        # what times are before an operation
os.makedirs(plain, exist_ok=True)

SEEK_DATA, SEEK_HOLE = 3, 4


def both(fn, *args):
    """Calls the function with either directory; the same has to come of it, which is returned. What is to fail in it
    says so, with fails()."""
    want, got = fn(plain, *args), fn(d, *args)
    if got != want and isinstance(got, list) and isinstance(want, list):
        for i, (x, y) in enumerate(zip(got, want)):
            if x != y:
                print(f'item {i}: vault: {x!r:.300}, {kind}: {y!r:.300}', flush=True)
    assert got == want, f'vault: {got!r:.1000}, {kind}: {want!r:.1000}'
    return got


def attempt(fn, *args):
    """What it returns, or the name of its errno: for who looks at which of them it is to be."""
    try:
        return fn(*args)
    except OSError as e:
        return errno.errorcode[e.errno].replace('ENOTSUP', 'EOPNOTSUPP')


def moved(path, fn, *args):
    """Which of the file's times an operation moves, with what it returns, and the rest of stat()."""
    os.utime(path, ns=(OLD, OLD))
    before = os.stat(path)
    tick()
    start = fs_clock()
    got = fn(path, *args)
    after = os.stat(path)
    times = ''
    for name in ('atime', 'mtime', 'ctime'):
        old, new = (getattr(s, f'st_{name}_ns') for s in (before, after))
        if new != old:
            times += name[0]
            assert start <= new <= time.time_ns(), f'{name} is {new}, the operation began at {start}'
    return got, times, oct(after.st_mode), after.st_size, after.st_nlink, after.st_uid, after.st_gid


def both_moved(fn, *args, make=lambda path: touch(path, noise(1, 10000))):
    """moved() of a file of each, made anew; times stay as they are when everything has gone below."""
    def one(top):
        path = top + '/moved'
        make(path)
        got = moved(path, fn, *args)
        before = os.stat(path)
        opened(path, os.O_RDONLY, os.fsync)
        after = os.stat(path)
        same((after.st_mtime_ns, after.st_size), (before.st_mtime_ns, before.st_size))
        # btrfs and tmpfs stamp what is written below, whoever asks them not to: docs/deviations.md.
        if kind not in ('btrfs', 'tmpfs'):
            same(after.st_ctime_ns, before.st_ctime_ns)
        os.unlink(path)
        return got
    return both(one)


def extents(fd):
    """Holes and data, as lseek() tells them: offsets of data, with their ends."""
    size, at, out = os.fstat(fd).st_size, 0, []
    while at < size:
        try:
            data = os.lseek(fd, at, SEEK_DATA)
        except OSError as e:
            same(e.errno, errno.ENXIO)
            break
        at = os.lseek(fd, data, SEEK_HOLE)
        assert at > data
        out.append((data, at))
    return out


def blocks_below(path):
    os.sync()
    return os.stat(path).st_blocks * 512


def sparse_flag(path):
    return bool(read(lower(path))[48] & 2)


def fill(leave=0):
    """Takes all space below, but for so many bytes."""
    fd = os.open('/srv/lower/filler', os.O_CREAT | os.O_RDWR)
    size, step = 0, 1 << 30
    while step >= 4096:
        try:
            os.posix_fallocate(fd, size, step)
            size += step
        except OSError:
            step //= 2
    os.ftruncate(fd, max(0, size - leave))
    os.fsync(fd)
    os.close(fd)


def free():
    os.unlink('/srv/lower/filler')
    os.sync()
