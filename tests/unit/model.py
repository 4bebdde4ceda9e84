#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The model of the format, searched; and what is compiled, compared with it."""
import itertools
import random
import sys

import tap
from format_model import REAL, SMALL, Story, read_unchecked, search, tampered

peer = tap.Peer()


def runs(data):
    return ','.join(f'{len(list(group))}*{byte:02x}' for byte, group in itertools.groupby(data))


def unruns(text):
    parts = (run.split('*') for run in text.split(',') if run)
    return b''.join(bytes([int(byte, 16)]) * int(count) for count, byte in parts)


def compare(file):
    """A file that the model knows, written for real and read by the compiled reader."""
    n = REAL.split(file.length)[0]
    flags = '-' if not file.header else file.header.empty * 1 + file.header.sparse * 2
    units = [f'{k}:{u.used}:{u.last * 1}:{runs(u.payload[:u.used])}' for k, u in file.units.items() if k < n]
    size, findings, data = peer.ask('file', file.length, flags, *units)
    want = read_unchecked(REAL, file)
    got = unruns(data)
    assert int(size) == len(got) == len(want), f'size {size}, not {len(want)}: {file.length} {flags} {units}'
    assert got == want, f'data differs: {file.length} {flags} {units}'
    assert (int(findings) > 0) == tampered(REAL, file), f'{findings} findings: {file.length} {flags} {units}'


def the_small_model_holds():
    assert not search(SMALL, 20000, 1)


def the_real_model_holds():
    assert not search(REAL, 3000, 2)


def layout_of_every_edge():
    sizes = set(range(300))
    for k in itertools.chain(range(12), (1000, 2 ** 20, 2 ** 32, 2 ** 50)):
        sizes |= {max(0, REAL.base(k) + d) for d in (-2, -1, 0, 1, 2, 511, 2048)}
    rng = random.Random(3)
    sizes |= {rng.randrange(2 ** rng.randint(1, 62)) for _ in range(3000)}
    for size in sorted(sizes):
        blocks, length = map(int, peer.ask('layout', size))
        assert (blocks, length) == (REAL.blocks(size), REAL.length(size)), size
        n, r, error, back = map(int, peer.ask('split', length))
        assert not error and back == size and (n, r) == REAL.split(length), size


def layout_of_every_length():
    rng = random.Random(4)
    for length in itertools.chain(range(3 * 4096), (rng.randrange(2 ** rng.randint(1, 62)) for _ in range(3000))):
        n, r, error, _ = map(int, peer.ask('split', length))
        assert (n, r) == REAL.split(length), length
        fits = 0 < r <= REAL.capacity(n - 1) if n else length == REAL.header
        assert error == (not fits), length


def files_after_a_crash():
    rng = random.Random(5)
    for _ in range(1500):
        story = Story(REAL, rng)
        for _ in range(rng.randint(1, 10)):
            story.step()
        compare(story.crashed())


def files_at_rest():
    rng = random.Random(6)
    for _ in range(300):
        story = Story(REAL, rng)
        for _ in range(rng.randint(1, 8)):
            story.step()
        story.writer.close()
        story.flush()
        assert not tampered(REAL, story.disk)
        compare(story.disk)


def files_cut_grown_and_zeroed():
    rng = random.Random(7)
    for _ in range(300):
        story = Story(REAL, rng)
        for _ in range(rng.randint(1, 8)):
            story.step()
        story.writer.close()
        story.flush()
        for _ in range(4):
            changed = story.changed()
            if changed:
                assert tampered(REAL, changed)
                compare(changed)


def files_crashed_and_then_cut():
    rng = random.Random(8)
    for _ in range(500):
        story = Story(REAL, rng)
        for _ in range(rng.randint(1, 8)):
            story.step()
        story.disk = story.crashed()
        if not story.disk.header:
            continue
        changed = story.changed()
        if changed:
            compare(changed)


if __name__ == '__main__':
    sys.exit(tap.run([the_small_model_holds, the_real_model_holds, layout_of_every_edge, layout_of_every_length,
                      files_after_a_crash, files_at_rest, files_cut_grown_and_zeroed, files_crashed_and_then_cut]))
