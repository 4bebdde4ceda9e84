# SPDX-License-Identifier: GPL-2.0-or-later
"""What a directory may look like after a crash, given what was done in it and up to where that was acknowledged.

A step is a tuple: the verb, then paths and values; see World.apply(). After ack() everything that was done is
promised. Of what was done since, each thing may have happened or not: a byte may be old, new, or zero where
nothing was promised; a name may be there or not; but what fsync() of a file brought to the disk before the file was
renamed is whole wherever the file is found under its new name.
"""
import os
import stat

DIRECTORY = 'a directory'
PIECE = 1024
EQUAL = bytes([1]) + bytes(255)     # a table for translate(): 1 where there was 0


class File:
    """A regular file: what was promised of it, and what happened since."""

    def __init__(self):
        self.old = b''
        self.new = bytearray()
        self.since = []             # (offset, data): written; (size, None): cut or grown
        self.old_xattrs = {}
        self.new_xattrs = []
        self.old_mtime = None       # nanoseconds; None: whatever the clock said
        self.new_mtimes = []

    def copy(self):
        other = File()
        other.old, other.new = self.old, bytearray(self.new)
        other.since = list(self.since)
        other.old_xattrs, other.new_xattrs = dict(self.old_xattrs), list(self.new_xattrs)
        other.old_mtime, other.new_mtimes = self.old_mtime, list(self.new_mtimes)
        return other

    def write(self, offset, data):
        if offset > len(self.new):
            self.new.extend(bytes(offset - len(self.new)))
        self.new[offset:offset + len(data)] = data
        self.since.append((offset, data))
        self.new_mtimes.append(None)

    def write_synced(self, offset, data):
        """With O_DSYNC: these bytes are safe, others that were written before need not be."""
        self.write(offset, data)
        if offset + len(data) <= len(self.old):
            self.old = self.old[:offset] + data + self.old[offset + len(data):]

    def truncate(self, size):
        if size < len(self.new):
            del self.new[size:]
        else:
            self.new.extend(bytes(size - len(self.new)))
        self.since.append((size, None))
        self.new_mtimes.append(None)

    def set_mtime(self, ns):
        self.new_mtimes.append(ns)

    def set_xattr(self, name, value):
        self.new_xattrs.append((name, value))

    def sync(self):
        if self.since:
            self.old = bytes(self.new)
            self.since = []
        self.old_xattrs.update(self.new_xattrs)
        self.new_xattrs = []
        if self.new_mtimes:
            self.old_mtime = self.new_mtimes[-1]
            self.new_mtimes = []

    def bounds(self):
        """Least and greatest size that it may have, and from where on a byte may be zero."""
        size = least = greatest = len(self.old)
        for at, data in self.since:
            size = at if data is None else max(size, at + len(data))
            least, greatest = min(least, size), max(greatest, size)
        return least, greatest, least

    def sources(self, zero, size):
        """Where its bytes may come from: (offset, data)."""
        out = [(0, self.old)]
        if self.since:
            out += [(0, bytes(self.new))] + [(at, data) for at, data in self.since if data is not None]
        return out + [(zero, bytes(max(0, size - zero)))]

    def piece_fault(self, piece, at, sources):
        """None, or the first byte of @piece, which is at @at, that has none of its possible values."""
        end = at + len(piece)
        near = [(o, d) for o, d in sources if o < end and o + len(d) > at]
        if any(o <= at and piece == d[at - o:end - o] for o, d in near):
            return None
        good = 0
        for o, d in near:
            low, high = max(o, at), min(o + len(d), end)
            same = int.from_bytes(piece[low - at:high - at], 'big') ^ int.from_bytes(d[low - o:high - o], 'big')
            good |= int.from_bytes(same.to_bytes(high - low, 'big').translate(EQUAL), 'big') << 8 * (end - high)
        i = good.to_bytes(len(piece), 'big').find(0)
        if i < 0:
            return None
        values = sorted({d[at + i - o] for o, d in near if o <= at + i < o + len(d)})
        return 'byte %d is %d, possible: %s' % (at + i, piece[i], values or 'none')

    def fault(self, data, xattrs, mtime):
        """None, or what is wrong with these contents."""
        least, greatest, zero = self.bounds()
        if not least <= len(data) <= greatest:
            return 'has %d bytes, %d to %d are possible' % (len(data), least, greatest)
        if data != self.old and not (self.since and data == self.new):
            sources = self.sources(zero, len(data))
            for at in range(0, len(data), PIECE):
                fault = self.piece_fault(data[at:at + PIECE], at, sources)
                if fault:
                    return 'of %d bytes, %s' % (len(data), fault)
        for name in set(xattrs) | set(self.old_xattrs):
            values = [v for n, v in self.new_xattrs if n == name] + [self.old_xattrs.get(name)]
            if xattrs.get(name) not in values:
                return 'xattr %s is %r' % (name, xattrs.get(name))
        mtimes = [self.old_mtime] + self.new_mtimes
        if mtime not in mtimes and None not in mtimes:
            return 'mtime is %d, possible: %s' % (mtime, mtimes)
        return None


def read_node(path):
    """A node as it is: (kind, contents, xattrs, mtime), where kind is DIRECTORY, File or str (a symlink's target). The
    mtime is that of files."""
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        return DIRECTORY, None, {}, None
    if stat.S_ISLNK(mode):
        return str, os.readlink(path), {}, None
    if not stat.S_ISREG(mode):
        return None, None, {}, None
    with open(path, 'rb', buffering=0) as f:
        data = f.readall()
        if len(data) != os.fstat(f.fileno()).st_size:
            raise OSError(0, 'st_size is %d, read %d bytes' % (os.fstat(f.fileno()).st_size, len(data)))
        names = [n for n in os.listxattr(f.fileno()) if n.startswith('user.')]
        return File, data, {n: os.getxattr(f.fileno(), n) for n in names}, os.fstat(f.fileno()).st_mtime_ns


def node_fault(node, kind, contents, xattrs, mtime):
    if node is None:
        return 'should not be there'
    if isinstance(node, File):
        return node.fault(contents, xattrs, mtime) if kind is File else 'is no regular file'
    if isinstance(node, str) and node is not DIRECTORY:
        return None if kind is str and contents == node else 'is not a symlink to ' + node
    return None if kind is DIRECTORY else 'is no directory'


class World:
    """A directory tree, as promised and as it may be. Paths are relative to its top."""

    def __init__(self):
        self.names = {}
        self.flight = False         # keep track of what else may be
        self.may_be = {}            # path: nodes that may be there; None: nothing
        self.one_of = []            # (path, path): at least one is there
        self.nameless = {}          # files without a name; and what a name that is none stands for

    def _put(self, path, node):
        if self.flight:
            self.may_be.setdefault(path, [self.names.get(path)]).append(node)
        if node is None:
            del self.names[path]
        else:
            self.names[path] = node

    def _move(self, a, b):
        # What was made since may not be there at all.
        if self.flight and b not in self.names and None not in self.may_be.get(a, ()):
            self.one_of.append((a, b))
        self._put(b, self.names[a])
        self._put(a, None)

    def _file(self, path):
        return self.nameless.get(path) or self.names[path]

    def _keep(self, node, before):
        """Wherever there may be @node, there may be @before."""
        if self.flight:
            for name, other in self.names.items():
                if other is node:
                    self.may_be.setdefault(name, [node])
            # Also where it had its name before, should it not have lost that.
            for nodes in self.may_be.values():
                if any(other is node for other in nodes):
                    nodes.append(before)

    def _synced(self, path):
        node = self._file(path)
        self._keep(node, node.copy())
        node.sync()

    def apply(self, step):
        verb, *rest = step
        if verb == 'mkdir':
            self._put(rest[0], DIRECTORY)
        elif verb == 'create':
            self._put(rest[0], File())
        elif verb == 'tmpfile':
            self.nameless[rest[0]] = File()
        elif verb == 'linkat':
            self._put(rest[1], self.nameless.pop(rest[0]))
        elif verb == 'opentrunc':
            self.names[rest[0]].truncate(0)
        elif verb == 'replace':
            # ext4 begins to write the new file out then (auto_da_alloc), but no commit waits for it (dioread_nolock).
            self._move(*rest)
        elif verb == 'symlink':
            self._put(rest[1], rest[0])
        elif verb in ('write', 'mmap'):
            self._file(rest[0]).write(rest[1], rest[2])
        elif verb == 'dsync':
            node = self._file(rest[0])
            # Part of it may have come to pass, while it was written.
            before = node.copy()
            before.write(rest[1], rest[2])
            self._keep(node, before)
            node.write_synced(rest[1], rest[2])
        elif verb == 'truncate':
            self.names[rest[0]].truncate(rest[1])
        elif verb in ('punch', 'zero'):
            self.names[rest[0]].write(rest[1], bytes(rest[2]))
        elif verb == 'reserve':
            if rest[1] + rest[2] > len(self.names[rest[0]].new):
                self.names[rest[0]].truncate(rest[1] + rest[2])
        elif verb == 'setxattr':
            self.names[rest[0]].set_xattr(rest[1], rest[2])
        elif verb == 'utime':
            self._file(rest[0]).set_mtime(rest[1])
        elif verb in ('fsync', 'fdatasync', 'msync'):
            self._synced(rest[0])
        elif verb == 'rename':
            a, b = rest
            for path in [p for p in self.names if p == a or p.startswith(a + '/')]:
                self._move(path, b + path[len(a):])
        elif verb == 'link':
            self._put(rest[1], self.names[rest[0]])
        elif verb in ('unlink', 'rmdir'):
            self._put(rest[0], None)
        elif verb not in ('fsyncdir', 'sync', 'syncfs', 'close'):
            raise ValueError(verb)

    def ack(self):
        for node in self.names.values():
            if isinstance(node, File):
                node.sync()
        self.may_be, self.one_of = {}, []

    def begin(self):
        """From here on things are under way: keep track of what else may be."""
        self.flight = True

    def copy(self):
        other = World()
        copies = {id(n): n.copy() for n in self.names.values() if isinstance(n, File)}
        other.names = {p: copies.get(id(n), n) for p, n in self.names.items()}
        return other

    def faults(self, top, kept):
        """What is not as it may be: a list of texts. @kept is filled with what was found."""
        out, seen = [], set()

        def failed(error):
            out.append('%s: %s' % (os.path.relpath(error.filename, top), error.strerror))

        for where, dirs, files in os.walk(top, onerror=failed):
            for name in sorted(dirs + files):
                full = os.path.join(where, name)
                path = os.path.relpath(full, top)
                seen.add(path)
                nodes = self.may_be.get(path) or [self.names.get(path)]
                try:
                    found = read_node(full)
                except OSError as error:
                    out.append('%s: %s' % (path, error.strerror))
                    continue
                kept[path] = found
                faults = [node_fault(node, *found) for node in nodes]
                if all(faults):
                    out.append('%s: %s' % (path, '; or else '.join(dict.fromkeys(faults))))
        for path in sorted(set(self.names) | set(self.may_be)):
            if path not in seen and None not in (self.may_be.get(path) or [self.names.get(path)]):
                out.append('%s: is missing' % path)
        for a, b in self.one_of:
            if a not in seen and b not in seen:
                out.append('%s: is neither there nor at %s' % (a, b))
        return out


def again(top, kept):
    """What is not as it was found before."""
    out, left = [], dict(kept)

    def failed(error):
        out.append('%s: %s' % (os.path.relpath(error.filename, top), error.strerror))

    for where, dirs, files in os.walk(top, onerror=failed):
        for name in dirs + files:
            full = os.path.join(where, name)
            path = os.path.relpath(full, top)
            try:
                if read_node(full) != left.pop(path, None):
                    out.append('%s: is not as it was before' % path)
            except OSError as error:
                out.append('%s: %s' % (path, error.strerror))
    return out + ['%s: was there before' % path for path in left]
