# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in the vaults of kept-1.tar.xz. Not to be changed: the file stays as it is."""
import hashlib
import os
import stat

LONG, LONGEST = 'a name of a letter that is longer than what fits under its own name, ' * 3, 'z' * 255
STAMP = 1600000000_123456789


def noise(seed, size):
    out, i = b'', 0
    while len(out) < size:
        out += hashlib.sha512(b'%d/%d' % (seed, i)).digest()
        i += 1
    return out[:size]


# {path: contents of a file, a target as str, or None for a directory}; sparse ones: (size, {offset: bytes})
TREE = {
    'letters': None, 'letters/2024': None, 'empty directory': None,
    'nothing': b'', 'hello': b'hello\n', 'letters/a block': noise(1, 3552), 'letters/two blocks': noise(2, 3553),
    'letters/2024/three blocks': noise(3, 3552 + 4064 + 1), 'letters/some': noise(4, 21000), LONG: b'long\n',
    LONGEST: b'longest\n', 'letters/' + LONG: None, 'letters/%s/%s' % (LONG, LONGEST): noise(5, 100),
    'link': 'letters/a block', 'long link': 't' * 3024, 'odd \udcff\x01 name': b'odd\n',
    'sparse': ((3 << 20) + 3, {0: b'begin', 3 << 20: b'end'}),
}
XATTRS = {'hello': {'user.color': b'green', 'user.' + 'x' * 160: b''}, 'letters': {'user.on a directory': noise(6, 300)}}
LINKS = {'letters/hello again': 'hello'}


def fill(top):
    os.makedirs(top, exist_ok=True)
    for path, what in TREE.items():
        full = os.path.join(top, path)
        if what is None:
            os.mkdir(full)
        elif isinstance(what, str):
            os.symlink(what, full)
        else:
            with open(full, 'wb') as f:
                if isinstance(what, tuple):
                    for at, data in what[1].items():
                        f.seek(at)
                        f.write(data)
                else:
                    f.write(what)
    for path, to in LINKS.items():
        os.link(os.path.join(top, to), os.path.join(top, path))
    for path, xattrs in XATTRS.items():
        for name, value in xattrs.items():
            os.setxattr(os.path.join(top, path), name, value)
    os.chmod(top + '/hello', 0o640)
    os.chown(top + '/hello', 61001, 61010)
    for where, dirs, files in os.walk(top, topdown=False):
        for name in dirs + files:
            os.utime(os.path.join(where, name), ns=(STAMP, STAMP), follow_symlinks=False)


def compare(top):
    """Raises AssertionError where it is not what fill() makes."""
    found = set()
    for where, dirs, files in os.walk(top):
        found |= {os.path.relpath(os.path.join(where, n), top) for n in dirs + files}
    assert found - {'lost+found'} == set(TREE) | set(LINKS), found ^ (set(TREE) | set(LINKS))
    for path, what in TREE.items():
        full = os.path.join(top, path)
        st = os.lstat(full)
        assert st.st_mtime_ns == STAMP, (path, st.st_mtime_ns)
        if what is None:
            assert stat.S_ISDIR(st.st_mode), path
        elif isinstance(what, str):
            assert os.readlink(full) == what, path
        else:
            want = what
            if isinstance(what, tuple):
                want = bytearray(what[0])
                for at, data in what[1].items():
                    want[at:at + len(data)] = data
            with open(full, 'rb') as f:
                assert f.read() == want, path
            assert st.st_size == len(want), path
        if not stat.S_ISLNK(st.st_mode):
            got = {n: os.getxattr(full, n) for n in os.listxattr(full) if n.startswith('user.')}
            assert got == XATTRS.get(path, {}), (path, got)
    st = os.stat(top + '/hello')
    assert (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (0o640, 61001, 61010), st
    for path, to in LINKS.items():
        assert os.path.samefile(os.path.join(top, path), os.path.join(top, to)), path
