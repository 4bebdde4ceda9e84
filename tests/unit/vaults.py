# SPDX-License-Identifier: GPL-2.0-or-later
"""Vaults that mkvault writes, ward-recover run on them, and what must be true of its output whatever was done below."""
import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import tempfile

import tap

PASSPHRASE = b'ward-test-passphrase\n'
KEYFILE = b'ward test key file, thirty-two...'
BLOCK, HEADER, UNIT = 4096, 512, 32
FIRST, CAP = BLOCK - HEADER - UNIT, BLOCK - UNIT


def start(block):
    """Upper offset of a block's first byte: docs/format.md, "Size"."""
    return FIRST + (block - 1) * CAP if block else 0


def unescape(text):
    """What ward_text_escape() was given."""
    raw = text.encode()
    return re.sub(rb'\\(\\|x[0-9a-f]{2})', lambda m: b'\\' if m[1] == b'\\' else bytes([int(m[1][1:], 16)]), raw)


def everything(top):
    """All that lies below a directory, without it: {path: lstat}."""
    out = {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(where, name)
            out[os.path.relpath(path, top)] = os.lstat(path)
    return out


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


class Result:
    """What one run of ward-recover says, and where its output lies."""
    def __init__(self, process, out):
        self.status, self.out, self.stderr = process.returncode, out, process.stderr.decode(errors='replace')
        if 'Sanitizer' in self.stderr or 'runtime error' in self.stderr or self.status < 0:
            raise AssertionError(f'status {self.status}\n{self.stderr}')
        self.all = json.loads(process.stdout) if process.stdout else None
        self.findings = self.all.get('findings', []) if self.all else []

    def of(self, severity):
        return [f for f in self.findings if f['severity'] == severity]

    def named(self):
        """Paths of which something bad, or a trace of a crash, is told; as users see them."""
        return {os.fsdecode(unescape(f['file'])) for f in self.findings if f['severity'] != 'note'}


class Vault:
    """A vault with everything in it, the plain files it stands for, and the way from one to the other."""
    def __init__(self, *options):
        self.tmp = tempfile.mkdtemp(prefix='ward-unit-')
        self.chacha = '--chacha' in options
        self.dir, self.plain, map_file = (f'{self.tmp}/{n}' for n in ('vault', 'plain', 'map'))
        self.tree = self.dir + '/.ward/tree'
        subprocess.run([f'{tap.UNIT}/mkvault', *options, '--plain', self.plain, '--map', map_file, self.dir],
                       check=True)
        self.lower_of, self.upper_of = {}, {}
        with open(map_file, encoding='ascii') as f:
            for line in f:
                lower, upper = (json.loads(s).encode('latin-1') for s in line.split('\t'))
                lower, upper = os.fsdecode(lower), os.fsdecode(upper)
                self.lower_of[upper], self.upper_of[lower] = lower, upper
        self.secret(b'passphrase', PASSPHRASE)
        self.runs = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(['chmod', '-R', 'u+rwx', self.tmp], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(['rm', '-rf', self.tmp], check=True)

    def secret(self, name, data):
        path = os.path.join(self.tmp, os.fsdecode(name))
        write(path, data)
        return path

    def recovery_key(self):
        """writer.c draws the master key, then this one, from the UUID (0xd0 and the suite's number)."""
        key = hashlib.sha256(bytes([0xd2 if self.chacha else 0xd1]) * 16 + (1).to_bytes(8, 'little')).digest()
        text = base64.b32encode(key + hashlib.sha256(key).digest()[:3])
        return b'-'.join(text[i:i + 4] for i in range(0, 56, 4)) + b'\n'

    def lower(self, path):
        return os.path.join(self.tree, self.lower_of[path])

    def files(self, smallest=1):
        """Paths of regular files with contents, one name of each."""
        seen = {}
        for path, st in everything(self.plain).items():
            if stat.S_ISREG(st.st_mode) and st.st_size >= smallest:
                seen.setdefault(st.st_ino, path)
        return sorted(seen.values())

    def dense(self, smallest=1):
        return [p for p in self.files(smallest) if not p.startswith('sparse/')]

    def run(self, *args, **kwargs):
        return subprocess.run([f'{tap.UNIT}/ward-recover', *args], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120, check=False, **kwargs)

    def recover(self, *args, secret=None, **kwargs):
        self.runs += 1
        out = f'{self.tmp}/out{self.runs}'
        secret = secret or ('--passphrase-file', self.tmp + '/passphrase')
        return Result(self.run('--json', *secret, *args, self.dir, out, **kwargs), out)

    def change(self, path, at, how):
        """Changes one byte of a lower file; @path is absolute. Nobody can tell by its times."""
        st = os.stat(path)
        with open(path, 'r+b') as f:
            f.seek(at)
            old = f.read(1)
            f.seek(at)
            f.write(bytes([how(old[0])]))
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))

    def flip(self, path, at, bit=0):
        self.change(path, at, lambda b: b ^ 1 << bit)

    # ---- what must be true ----

    def same(self, result, but=(), touched=()):
        same_trees(self.plain, result.out, but, touched)

    def judge(self, result):
        """No wrong plaintext anywhere, and whatever is missing or wrong is named."""
        named, want, got = result.named(), everything(self.plain), everything(result.out)
        named |= {self.upper_of[lower] for lower in self.upper_of if self.as_told(lower) in named}
        # A file with several names is read, and told of, under the first one.
        inodes = {want[path].st_ino for path in named if path in want and not stat.S_ISDIR(want[path].st_mode)}
        named |= {path for path, st in want.items() if st.st_ino in inodes}

        def told(path):
            while path:
                if path in named:
                    return True
                path = os.path.dirname(path)
            return '.' in named

        # The vault has a file of its own by the name of ward-lost: it is avoided where it can be read.
        lost = {p for p in got if re.match(r'ward-lost(\.\d+)?(/|$)', p) and (p != 'ward-lost' or '.' in named)}
        stray = set(got) - set(want) - lost
        assert not stray, f'came from nowhere: {stray}'
        for path, w in want.items():
            g = got.get(path)
            if g is None or stat.S_IFMT(g.st_mode) != stat.S_IFMT(w.st_mode):
                assert told(path), f'{path}: gone, and nothing is told of it'
                continue
            a, b = os.path.join(self.plain, path), os.path.join(result.out, path)
            if stat.S_ISLNK(w.st_mode):
                assert os.readlink(a) == os.readlink(b), f'{path}: wrong target'
            elif stat.S_ISREG(w.st_mode):
                wrong = differs(read(a), read(b))
                assert wrong is not None, f'{path}: wrong plaintext'
                assert not wrong or told(path), f'{path}: bytes are missing, and nothing is told of it'
            if not stat.S_ISLNK(w.st_mode) and not stat.S_ISFIFO(w.st_mode):
                x, y = xattrs(a), xattrs(b)
                assert all(x.get(k) == v for k, v in y.items()), f'{path}: wrong xattr'
                assert x == y or told(path), f'{path}: xattrs are missing, and nothing is told of it'
        plain = {p: read(os.path.join(self.plain, p)) for p in self.files(0)}
        for path in lost:
            if stat.S_ISREG(got[path].st_mode):
                data = read(os.path.join(result.out, path))
                assert any(differs(p, data) is not None for p in plain.values()), f'{path}: wrong plaintext'
        assert bool(result.of('integrity')) == (result.status == 7), (result.status, result.findings)

    def as_told(self, lower):
        """How a thing is called whose last name does not authenticate."""
        where, name = os.path.split(lower)
        return os.path.join(self.upper_of[where], name) if where else name


def same_trees(plain, out, but=(), touched=()):
    """One tree is like the other in every respect; objects in @but aside, and the times of those in @touched."""
    want, got = everything(plain), everything(out)
    assert set(want) - set(but) == set(got) - set(but), set(want) ^ set(got)
    links = {}
    for path, w in want.items():
        if path in but:
            continue
        g = got[path]
        a, b = os.path.join(plain, path), os.path.join(out, path)
        assert g.st_mode == w.st_mode, f'{path}: mode {g.st_mode:o}, not {w.st_mode:o}'
        assert (g.st_uid, g.st_gid) == (w.st_uid, w.st_gid), f'{path}: belongs to {g.st_uid}:{g.st_gid}'
        assert g.st_nlink == w.st_nlink or stat.S_ISDIR(w.st_mode), f'{path}: {g.st_nlink} names'
        assert links.setdefault(w.st_ino, g.st_ino) == g.st_ino, f'{path}: linked otherwise'
        if stat.S_ISLNK(w.st_mode):
            assert os.readlink(a) == os.readlink(b), path
        elif not stat.S_ISFIFO(w.st_mode):
            assert xattrs(a) == xattrs(b), path
        if stat.S_ISREG(w.st_mode):
            assert read(a) == read(b), path
            # XFS keeps room behind what was written, as long as the inode is in memory.
            more = w.st_size // 1024 if os.environ.get('WARD_LOWER') == 'xfs' else w.st_blocks // 4
            assert g.st_blocks <= w.st_blocks + more + 64, f'{path}: its holes were filled'
        if not stat.S_ISFIFO(w.st_mode) and not stat.S_ISLNK(w.st_mode) and path not in touched:
            assert g.st_mtime_ns == w.st_mtime_ns, f'{path}: modified {g.st_mtime_ns}, not {w.st_mtime_ns}'


def xattrs(path):
    """User xattrs and ACLs."""
    return {n: os.getxattr(path, n) for n in os.listxattr(path) if n.startswith(('user.', 'system.'))}


def differs(want, got):
    """None: bytes that are neither right nor zero; else: is anything missing?"""
    if want == got:
        return False
    right = want.ljust(len(got), b'\0')
    for at in range(0, len(got), BLOCK):
        a, b = right[at:at + BLOCK], got[at:at + BLOCK]
        if a != b and any(y and x != y for x, y in zip(a, b)):
            return None
    return True
