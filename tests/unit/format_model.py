#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How a file's size and blocks stay consistent: docs/format.md, "Size", as a program that can be searched.

A file below has a length, a header or none, and blocks. The writer is a program that issues operations on it by the
rules W1 to W5; a crash keeps some of them; a reader makes sense of what is left by R2, or finds by R1 that somebody
changed it. search() looks for crashes that lose or invent a byte, and for cuts that R1 does not see.

There are two geometries: in SMALL a block holds 4 bytes, so that a short search meets every edge; REAL has the numbers
of the format, for comparing with what is compiled. Bytes are not encrypted here, and every block is authentic.

  format_model.py [--real] [ROUNDS [SEED]]
"""
import random
import sys
from typing import NamedTuple, Optional


class Geometry(NamedTuple):
    block: int          # a block below
    header: int         # the header at the beginning of block 0
    first: int          # payload of block 0
    cap: int            # payload of every other block
    gap: int            # how far a hole may reach in a search

    def capacity(self, k):
        return self.cap if k else self.first

    def base(self, k):
        return self.first + (k - 1) * self.cap if k else 0

    def block_of(self, pos):
        return 0 if pos < self.first else 1 + (pos - self.first) // self.cap

    def blocks(self, size):
        return self.block_of(size - 1) + 1 if size else 0

    def length(self, size):
        n = self.blocks(size)
        return self.block * n + size - self.base(n - 1) if n else self.header

    def split(self, length):
        """Whole blocks, and how many bytes of the last one are in use; 0 when growth was cut off."""
        n, r = divmod(length, self.block)
        return (n, r) if n else (0, 0)


SMALL = Geometry(block=10, header=1, first=3, cap=4, gap=12)
REAL = Geometry(block=4096, header=512, first=3552, cap=4064, gap=3 * 4064)


class Unit(NamedTuple):
    payload: bytes      # as long as the capacity, zero-padded
    used: int
    last: bool
    epoch: int = 0      # it was written in; the reader sees it in the nonce


# What is left of a block that a cut went through: it does not authenticate.
REMAINS = Unit(b'', 0, False)


class Header(NamedTuple):
    empty: bool
    sparse: bool


class File(NamedTuple):
    """What lies below."""
    length: int = 0
    header: Optional[Header] = None
    units: dict = {}

    def put_header(self, g, header):
        return self._replace(length=max(self.length, g.header), header=header)

    def put_unit(self, g, k, unit):
        return self._replace(length=max(self.length, g.block * (k + 1)), units={**self.units, k: unit})

    def set_length(self, g, length):
        """Cutting frees whole blocks; of one that is cut short the beginning stays, and comes back when the file grows."""
        n, r = divmod(length, g.block)
        units = {k: u for k, u in self.units.items() if k < n}
        if n in self.units and r > (0 if n else g.header):
            units[n] = REMAINS if length < self.length else self.units[n]
        return File(length, self.header if length >= g.header else None, units)

    def punch(self, first, end):
        return self._replace(units={k: u for k, u in self.units.items() if not first <= k < end})


class Writer:
    """A file as programs see it, and the operations below that the writer's rules ask for, in order."""

    def __init__(self, g, rng):
        self.g, self.rng = g, rng
        self.data, self.ops, self.marks = bytearray(), [], {0}
        self.length, self.sparse, self.have, self.made = 0, False, set(), False
        self.sparse_synced, self.epoch = False, 0

    def _header(self):
        self.ops.append(('header', Header(not self.data, self.sparse)))
        self.length = max(self.length, self.g.header)
        self.made = True

    def _unit(self, k):
        g, n = self.g, self.g.blocks(len(self.data))
        text = bytes(self.data[g.base(k):g.base(k) + g.capacity(k)])
        if k == 0:
            self._header()      # block 0 carries it along
        self.ops.append(('unit', k, Unit(text.ljust(g.capacity(k), b'\0'), len(text), k == n - 1, self.epoch)))
        self.have.add(k)
        self.length = max(self.length, g.block * (k + 1))

    def _length(self, length):
        if length < self.length and length > self.g.block:
            # Through whole blocks: nothing of the one that is cut may stay.
            self.ops.append(('length', self.g.block * self.g.split(length)[0]))
        self.ops.append(('length', length))
        self.length = length
        self.have = {k for k in self.have if k < length // self.g.block}

    def _make_sparse(self):
        if not self.sparse:
            self.sparse, self.sparse_synced = True, False
            self._header()

    def _written(self, before, touched):
        """W1, W2 and W3, for data that has changed or grown from a size before."""
        g, size = self.g, len(self.data)
        n, old = g.blocks(size), g.blocks(before)
        blocks = set(touched)
        if size > before:
            blocks.add(n - 1)
            if old:
                blocks.add(old - 1)
        if 0 not in self.have:
            blocks.add(0)
        if n > old and not self.sparse and self.rng.random() < 0.5:
            self._length(g.block * n)
        blocks = list(blocks)
        self.rng.shuffle(blocks)
        for k in blocks:
            self._unit(k)
        if n != old or (size != before and self.rng.random() < 0.3):
            self._length(g.length(size))

    def write(self, pos, text):
        g, before = self.g, len(self.data)
        self.marks |= {pos, pos + len(text), before}
        if pos > before:
            self._make_sparse()
        self.data.extend(bytes(max(0, pos + len(text) - before)))
        self.data[pos:pos + len(text)] = text
        self._written(before, range(g.block_of(pos), g.block_of(pos + len(text) - 1) + 1))

    def truncate(self, size):
        before = len(self.data)
        self.marks |= {size, before}
        if size > before:
            self._make_sparse()
            self.data.extend(bytes(size - before))
            self._written(before, [])
        elif size < before:
            del self.data[size:]
            steps = [lambda: self._unit(self.g.blocks(size) - 1) if size else self._header(),
                     lambda: self._length(self.g.length(size))]
            if self.sparse:
                # A length of whole blocks says nothing of a sparse file: its new end has to be there first.
                steps.insert(1, lambda: self.ops.append(('flush',)))
            else:
                self.rng.shuffle(steps)
            for step in steps:
                step()

    def punch(self, start, end):
        """Whole blocks become holes, but for the first and the last (W1), when the header is known to say sparse (W5)."""
        g, n, end = self.g, self.g.blocks(len(self.data)), min(end, len(self.data))
        if start >= end:
            return
        self.marks |= {start, end}
        self.data[start:end] = bytes(end - start)
        holes = [k for k in range(1, n - 1) if start <= g.base(k) and g.base(k + 1) <= end]
        for k in range(g.block_of(start), g.block_of(end - 1) + 1):
            if k not in holes:
                self._unit(k)
        if self.length != g.length(len(self.data)) and self.rng.random() < 0.5:
            self._length(g.length(len(self.data)))
        if holes:
            if not self.sparse:
                self.sparse, self.sparse_synced = True, False
                self._unit(0)
            if not self.sparse_synced:
                self.ops.append(('flush',))
                self.sparse_synced = True
            self.ops.append(('punch', holes[0], holes[-1] + 1))
            self.have -= set(holes)

    def fill_up(self):
        """A sparse file without holes is sparse no more, when its blocks are known to be there (W5)."""
        n = self.g.blocks(len(self.data))
        if self.sparse and n and self.have >= set(range(n)):
            self.ops.append(('flush',))
            self.sparse = False
            self._unit(0)

    def create(self):
        if not self.made:
            self._header()

    def close(self):
        self.create()
        self.fill_up()
        if self.length != self.g.length(len(self.data)):
            self._length(self.g.length(len(self.data)))


def apply(g, file, op):
    if op[0] == 'flush':
        return file
    if op[0] == 'header':
        return file.put_header(g, op[1])
    if op[0] == 'unit':
        return file.put_unit(g, op[1], op[2])
    if op[0] == 'punch':
        return file.punch(op[1], op[2])
    return file.set_length(g, op[1])


def crash(g, rng, file, ops):
    """The lower file system's journal: lengths and new blocks are kept up to a point, in order, and none after it. What
    is written into blocks that are there reaches the disk or not, each write by itself. What a flush has waited for is
    there."""
    ops = ops[:rng.choice([len(ops), rng.randint(0, len(ops))])]
    while ('flush',) in ops:
        file, ops = apply(g, file, ops[0]), ops[1:]
    kept, freed, punched = rng.randint(0, len(ops)), None, set()
    for i, op in enumerate(ops):
        if op[0] == 'punch':
            if i < kept:
                file = apply(g, file, op)
            else:
                punched |= set(range(op[1], op[2]))
            continue
        if op[0] == 'length':
            if i < kept:
                file = apply(g, file, op)
            else:
                n = g.split(op[1])[0]
                freed = n if freed is None else min(freed, n)
            continue
        if rng.random() < 0.5:
            continue
        if i >= kept:
            if op[0] == 'header' and not file.length:
                continue
            # A block that is new, or that was freed in memory already, has no place on the disk.
            if op[0] == 'unit' and (op[1] >= -(-file.length // g.block) or (freed is not None and op[1] >= freed) or
                                    op[1] in punched):
                continue
            # Nor has the one that the length ends in, unless something remains there; what lies past the length is lost.
            if op[0] == 'unit' and op[1] == file.length // g.block:
                continue
        file = apply(g, file, op)
    return file


def read_unchecked(g, file):
    """R2; None when there is a block that does not authenticate."""
    n, r = g.split(file.length)
    there = [k for k in file.units if k < n]
    if not n or not file.header or not there:
        return b''
    if any(file.units[k] is REMAINS for k in there):
        return None
    last = n - 1 if file.header.sparse and r else max(there)
    unit = file.units.get(last)
    size = g.base(last) + (unit.used if unit else min(r, g.capacity(last)))
    out = bytearray(size)
    for k in there:
        u, at = file.units[k], g.base(k)
        used = max(0, min(u.used, size - at))
        out[at:at + used] = u.payload[:used]
    return bytes(out)


def tampered(g, file):
    """Not R1."""
    n, r = g.split(file.length)
    if not file.header or file.header.empty != (n == 0):
        return True
    if not n:
        return file.length != g.header
    if not r or r > g.capacity(n - 1) or n - 1 not in file.units:
        return True
    for k in range(n):
        u = file.units.get(k)
        if not u:
            if k == 0 or not file.header.sparse:
                return True
        elif u.last != (k == n - 1) or u.used != (r if k == n - 1 else g.capacity(k)):
            return True
    return False


def cries(g, file, epoch):
    """A crash that would be taken for tampering: the reader settles a file of this epoch, but looks for blocks that are
    missing in the middle only where the end is odd, or new; older ones vouch for what is before them."""
    n, r = g.split(file.length)
    if not n or not file.header or file.header.sparse or file.units.get(n - 1, REMAINS) is REMAINS:
        return False
    last = file.units[n - 1]
    if r != last.used or not last.last or file.header.empty or last.epoch >= epoch:
        return False
    return any(k not in file.units for k in range(n))


class Story:
    """One file's life: random operations with an fsync now and then."""

    def __init__(self, g, rng):
        self.g, self.rng, self.writer, self.disk = g, rng, Writer(g, rng), File()
        self.past = [b'']       # what the file held at each moment since it was last synced
        self.count = 0

    def _some(self, most):
        """A length: short, about a block, or anything up to most small blocks."""
        g, rng = self.g, self.rng
        if g is SMALL:
            return rng.randint(1, most)
        return max(1, rng.choice([rng.randint(1, 3), g.cap + rng.randint(-2, 2), rng.randint(1, most * g.cap // 4)]))

    def _place(self):
        g, rng, size = self.g, self.rng, len(self.writer.data)
        if g is SMALL or rng.random() < 0.3:
            return rng.randint(0, size)
        return min(size, max(0, g.base(rng.randint(0, g.blocks(size))) + rng.randint(-1, 1)))

    def step(self):
        w, rng, size, x = self.writer, self.rng, len(self.writer.data), self.rng.random()
        self.count += 1
        text = lambda most: bytes([1 + self.count % 250]) * self._some(most)
        if x < 0.4:
            w.write(size, text(9))
        elif x < 0.53:
            w.write(self._place(), text(6))
        elif x < 0.6:
            w.write(size + rng.randint(0, self.g.gap), text(4))
        elif x < 0.71:
            w.truncate(rng.choice([0, self._place()]))
        elif x < 0.76:
            w.truncate(size + rng.randint(0, self.g.gap))
        elif x < 0.88:
            w.punch(*sorted([self._place(), rng.choice([size, self._place()])]))
        else:
            if x < 0.93:
                w.close()           # and a clean end of the epoch
            w.create()
            self.flush()
            self.past = []
            w.epoch += x < 0.93
        if rng.random() < 0.2:
            w.fill_up()
        self.past.append(bytes(w.data))

    def flush(self):
        for op in self.writer.ops:
            self.disk = apply(self.g, self.disk, op)
        self.writer.ops = []

    def crashed(self):
        return crash(self.g, self.rng, self.disk, self.writer.ops)

    def changed(self):
        """The file at rest, cut, grown, or with a block zeroed; None when nothing came of it."""
        g, rng, f = self.g, self.rng, self.disk
        if rng.random() < 0.6:
            near = g.block * rng.randint(0, g.split(f.length)[0] + 1) + rng.choice([-1, 0, 1, g.first, g.cap])
            to = rng.choice([0, g.header, rng.randint(0, f.length + g.gap), max(0, near)])
            changed = f.set_length(g, to)
        elif f.units and not f.header.sparse:
            gone = rng.choice(list(f.units))
            changed = f._replace(units={k: u for k, u in f.units.items() if k != gone})
        else:
            return None
        return changed if changed != f else None

    def survived(self, got):
        """P1 and P2: each byte as it was at some moment since it was synced, or zero where it was not yet there."""
        if got is None:
            return False
        sizes = [len(p) for p in self.past]
        if not min(sizes) <= len(got) <= max(sizes):
            return False
        # Between two marks, or edges of blocks, all bytes of any of them are the same.
        edges = {self.g.base(k) for k in range(self.g.blocks(len(got)) + 1)} | self.writer.marks | set(sizes)
        return all(got[i] in {p[i] if i < len(p) else 0 for p in self.past} for i in edges if i < len(got))


def search(g, rounds, seed):
    """Returns what went wrong, as texts."""
    rng, wrong = random.Random(seed), []
    for i in range(rounds):
        story = Story(g, rng)
        for _ in range(rng.randint(1, 12)):
            story.step()
        left = story.crashed()
        if not story.survived(read_unchecked(g, left)):
            wrong.append(f'round {i}: a crash loses or invents data')
        if cries(g, left, story.writer.epoch):
            wrong.append(f'round {i}: a crash is taken for tampering')
        story.writer.close()
        story.flush()
        if tampered(g, story.disk) or read_unchecked(g, story.disk) != bytes(story.writer.data):
            wrong.append(f'round {i}: a file at rest looks wrong')
        for _ in range(4):
            changed = story.changed()
            if changed and not tampered(g, changed):
                wrong.append(f'round {i}: a change goes unseen')
        if len(wrong) > 5:
            break
    return wrong


def main(args):
    g = SMALL
    if args and args[0] == '--real':
        g, args = REAL, args[1:]
    wrong = search(g, int(args[0]) if args else 20000, int(args[1]) if len(args) > 1 else 1)
    print('\n'.join(wrong) or 'nothing found')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
