# SPDX-License-Identifier: GPL-2.0-or-later
"""Crash states that can come of a log of writes; and some that no honest disk leaves, for the test of the test."""
import random

from disk import DISCARD, FLUSH, FUA, is_acknowledgement

BLOCK = 8                                   # sectors that a disk writes whole, where they are aligned
# A block of a file begins with its nonce, which begins with the epoch: the load's has few of them.
EPOCHS = [b'\0\0' + bytes([n]) for n in range(1, 16)]


class State:
    """A disk: all up to the flush @base, then the parts of entries in @parts; and what was promised at @cut."""

    def __init__(self, number, kind, log, cut, base=None):
        self.number, self.kind, self.cut = number, kind, cut
        self.base = log.flush_before(cut) if base is None else base
        self.parts = []


def pieces(e, rng, keep):
    """A write that was under way: of its aligned units of 4096 bytes, some; of other sectors, some."""
    at = 0
    while at < e.sectors:
        n = BLOCK if not (e.sector + at) % BLOCK and e.sectors - at >= BLOCK else 1
        if rng.random() < keep:
            yield e, at, n
        at += n


def draw(log, number, seed, focus):
    """Cut at random. What was written since the last flush may be on the disk or not: three ways to choose. Every
    fourth state is cut in one of the ranges @focus of entries, in which something rare goes on."""
    rng = random.Random('%s/%d' % (seed, number))
    kind = ('acknowledged', 'prefix', 'left out')[number % 3]
    low, high = log.begin, log.end
    if number % 4 == 3 and focus:
        low, high = focus[number // 4 % len(focus)]
    marks = [i for i in range(low, high) if is_acknowledgement(log.entries[i]) or ':' in log.entries[i].text]
    if kind == 'acknowledged' and marks:
        # Nothing but what was flushed, at the moment when something was promised: the hardest for who promised it.
        cut = 1 + rng.choice(marks)
    else:
        cut = rng.randrange(low + 1, high + 1)
    state = State(number, kind, log, cut)
    keep = rng.choice((0.1, 0.5, 0.9)) if kind == 'left out' else 0
    tear = rng.random() < 0.5
    for e in log.entries[state.base + 1:cut]:
        if e.flags & FUA or (kind == 'prefix' and e.sectors):
            state.parts.append(e.whole())
        elif e.sectors and tear:
            state.parts += pieces(e, rng, keep)
        elif e.sectors and rng.random() < keep:
            state.parts.append(e.whole())
    # The write that was under way when the power went
    if kind == 'left out' and cut < log.end and not log.entries[cut].flags & FLUSH:
        state.parts += pieces(log.entries[cut], rng, keep)
    return state


def lying(log, base):
    """As of a disk that said "flushed" and had not: later acknowledgements than the state has. None near the end."""
    acks = {}
    for cut in range(base + 1, log.end):
        e = log.entries[cut]
        if is_acknowledgement(e):
            acks[e.text.split()[0]] = acks.get(e.text.split()[0], 0) + 1
            if len([n for n in acks.values() if n > 1]) >= 3:
                return State(None, 'a disk that lies about flushes', log, cut + 1, base)
    return None


def forgetting(log, base):
    """Some eight blocks of files that were flushed and acknowledged are not there."""
    entries = log.entries
    drop_end = min(base + 400, log.end)
    cut = drop_end
    while cut < log.end:
        cut += 1
        if len([n for n in log.acknowledged(cut, drop_end).values() if n > 1]) >= 6:
            break
    cut = log.flush_before(cut) + 1
    later, dropped = set(), set()
    for i in range(cut - 1, base, -1):
        e = entries[i]
        touched = set(range(e.sector, e.sector + e.sectors))
        if i < drop_end and e.head[:3] in EPOCHS and not e.flags & (FUA | DISCARD) and e.sectors <= 64 and \
                not touched & later and len(dropped) < 8:
            dropped.add(i)
        later |= touched
    if len(dropped) < 8:
        return None
    state = State(None, 'a disk that loses blocks', log, cut, base)
    state.parts = [e.whole() for i, e in enumerate(entries[base + 1:cut], base + 1) if e.sectors and i not in dropped]
    return state
