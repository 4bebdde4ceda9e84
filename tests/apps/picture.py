#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tree looks like, a line for each entry: type, mode, owner, size, time, links, ACLs and xattrs, contents.

    picture.py [--bare] DIR

--bare leaves out what a copy by another user need not keep: owner, time, ACLs and xattrs.
"""
import hashlib
import os
import stat
import sys


def digest(path):
    h = hashlib.sha256()
    with open(path, 'rb') as f:
        while some := f.read(1 << 20):
            h.update(some)
    return h.hexdigest()


def line(path, bare, seen):
    st = os.lstat(path)
    out = [oct(st.st_mode)]
    if not bare:
        out += [f'{st.st_uid}:{st.st_gid}', st.st_mtime_ns]
        for name in sorted(os.listxattr(path, follow_symlinks=False)):
            if not name.startswith('security.') or name == 'security.capability':
                out.append(f'{name}={os.getxattr(path, name, follow_symlinks=False).hex()}')
    if not stat.S_ISDIR(st.st_mode):
        out.append(st.st_nlink)
    if st.st_nlink > 1 and stat.S_ISREG(st.st_mode):
        out.append('first seen as %s' % seen.setdefault(st.st_ino, path))
    if stat.S_ISLNK(st.st_mode):
        out.append('-> ' + repr(os.readlink(path)))
    if stat.S_ISREG(st.st_mode):
        out += [st.st_size, digest(path)]
    return ' '.join(map(str, out))


def main():
    bare = sys.argv[1] == '--bare'
    os.chdir(sys.argv[-1])
    seen = {}
    print('.', line('.', bare, seen))
    for top, dirs, files in os.walk('.', onerror=lambda e: sys.exit(str(e))):
        dirs.sort()
        for name in sorted(dirs + files):
            path = os.path.join(top, name)
            print(repr(path), line(path, bare, seen))


main()
