# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations on a file of the vault, compared with the same bytes in memory."""
import mmap
import os
import random

from calls import drop_caches

EDGES = (0, 1, 3551, 3552, 3553, 4064, 4096, 7616, 7617, 8192, 11680, 65536, 131072)


class OpMix:
    """One file: self.want is what it must hold; every failure names the seed and the step."""
    def __init__(self, path, seed, limit=200000, gap=0):
        self.path, self.seed, self.limit, self.gap = path, seed, limit, gap
        self.r = random.Random(seed)
        self.want = bytearray()
        self.step = 0
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)

    def offset(self, most):
        """Mostly about a boundary of blocks or pages, or about the end."""
        r = self.r
        kind = r.randrange(4)
        if kind == 0:
            at = r.choice(EDGES) + r.randint(-2, 2)
        elif kind == 1:
            at = r.randrange(most // 4064 + 1) * r.choice((4064, 4096)) + r.choice((0, 3552)) + r.randint(-2, 2)
        elif kind == 2:
            at = len(self.want) + r.randint(-3, 3)
        else:
            at = r.randrange(most + 1)
        return max(0, min(at, most))

    def data(self):
        size = self.r.choice((1, 2, 100, 4063, 4064, 4065, 4096, 9000, self.r.randrange(1, 40000)))
        return self.r.randbytes(size)

    def put(self, at, data):
        if at > len(self.want):
            self.want.extend(bytes(at - len(self.want)))
        self.want[at:at + len(data)] = data

    def check(self, at, got):
        want = bytes(self.want[at:at + len(got)])
        if got != want:
            k = next(i for i in range(len(got)) if i >= len(want) or got[i] != want[i])
            raise AssertionError(f'seed {self.seed} step {self.step}: byte {at + k} of {len(self.want)} differs: '
                                 f'{got[k]:#x} instead of {want[k:k + 1].hex()}')

    def check_all(self, how):
        with open(self.path, 'rb', buffering=0) as f:
            got = f.read()
        size = os.stat(self.path).st_size
        assert size == len(self.want) == len(got), \
            f'seed {self.seed} step {self.step} {how}: size {size}, read {len(got)}, wanted {len(self.want)}'
        self.check(0, got)

    def op(self):
        r, want = self.r, self.want
        kind = r.choices(('write', 'append', 'gap', 'truncate', 'read', 'map', 'sync', 'reopen', 'drop', 'all'),
                         (30, 12, 2, 12, 20, 12, 4, 4, 1, 2))[0]
        if kind == 'write':
            at, data = self.offset(self.limit), self.data()
            assert os.pwrite(self.fd, data, at) == len(data)
            self.put(at, data)
        elif kind == 'append':
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            data = self.data()[:5000]
            assert os.write(fd, data) == len(data)
            os.close(fd)
            self.put(len(want), data)
        elif kind == 'gap' and self.gap:
            at, data = len(want) + r.randrange(self.gap), self.data()[:5000]
            assert os.pwrite(self.fd, data, at) == len(data)
            self.put(at, data)
        elif kind == 'truncate':
            size = self.offset(self.limit)
            os.ftruncate(self.fd, size) if r.randrange(2) else os.truncate(self.path, size)
            if size < len(want):
                del want[size:]
            else:
                want.extend(bytes(size - len(want)))
        elif kind == 'read':
            at = self.offset(len(want))
            n = r.randrange(1, 50000)
            got = os.pread(self.fd, n, at)
            assert len(got) == min(n, len(want) - at), f'seed {self.seed} step {self.step}: short read'
            self.check(at, got)
        elif kind == 'map' and want:
            with mmap.mmap(self.fd, len(want)) as m:
                at = r.randrange(len(want))
                data = self.data()[:len(want) - at]
                m[at:at + len(data)] = data
                self.put(at, data)
                back = r.randrange(len(want))
                self.check(back, m[back:back + 5000])
                if r.randrange(3) == 0:
                    m.flush()
        elif kind == 'sync':
            os.fsync(self.fd) if r.randrange(2) else os.fdatasync(self.fd)
        elif kind == 'reopen':
            os.close(self.fd)
            self.fd = os.open(self.path, os.O_RDWR)
        elif kind == 'drop':
            drop_caches()
            self.check_all('after dropping caches')
        elif kind == 'all':
            self.check_all('as it is')
        if len(want) > 3 * self.limit + self.gap:
            os.ftruncate(self.fd, self.limit)
            del want[self.limit:]

    def run(self, steps):
        for _ in range(steps):
            self.step += 1
            self.op()
        self.check_all('at the end')
        return self

    def close(self):
        os.close(self.fd)
