#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes crash states out of a log of writes, and looks whether anything is lost in them. Prints TAP.

    states.py [OPTION]... LOG BASE CHANGES

LOG is what record.c wrote while load.py worked; BASE and CHANGES are two empty devices of the recorded disk's size.

    --states N      how many (50)
    --seed S        what is drawn depends on it, and on the log
    --only I,J      only these of them
    --fs TYPE       file system of the recorded disk
    --plain         there was no vault: the load worked on that file system itself
    --mib N         size of the recorded disk
    --load-seed S   of load.py
    --side DIR      what the load left for us
    --keep DIR      where something was lost, the log and the numbers of those states are kept there
    --first N       results are numbered from N + 1 on
"""
import argparse
import copy
import os
import shutil
import sys
import time

import creation
import look
import model
import workers
from disk import FLUSH, Disk, Log
from draw import draw, forgetting, lying



def looked_at(disk, state, everybody, created):
    """What is lost or wrong in this state, and how many files were settled."""
    log = disk.log
    said = log.told('keeper', state.cut) + ([] if state.cut <= log.unmount else ['unmounting'])
    promised = look.Promised(log.acknowledged(state.cut), said, log.told('creation', state.cut), bool(state.cut & 1))
    with look.timed('make'):
        device = disk.make(state)
    try:
        return look.look(device, options.fs, everybody, promised, created)
    finally:
        with look.timed('forget'):
            disk.forget()


# ---- all of it --------------------------------------------------------------------------------------------------

class Tap:
    def __init__(self, n):
        self.n = n

    def result(self, good, text, why=()):
        self.n += 1
        print('%sok %d - %s' % ('' if good else 'not ', self.n, text))
        for line in list(why)[:20]:
            print('#   ' + line.replace('\n', ' '))
        sys.stdout.flush()


def keep(log, lost):
    os.makedirs(options.keep, exist_ok=True)
    with open(options.keep + '/lost', 'w') as f:
        f.write(','.join(str(n) for n in lost))
    with open(options.keep + '/seed', 'w') as f:
        f.write(options.load_seed)
    log.save(options.keep + '/log')
    shutil.copytree(options.side, options.keep + '/side', dirs_exist_ok=True)
    print('# the log and the lost states are kept')


def main():
    log = Log(options.log)
    disk = Disk(log, options.base, options.changes, options.mib)
    everybody = workers.everybody(options.load_seed)
    created = None if options.plain else creation.Created(options.side)
    tap = Tap(options.first)
    for path in (look.LOWER, look.BELOW):
        os.makedirs(path, exist_ok=True)
    total = log.acknowledged(log.end)
    flushes = len([e for e in log.entries[log.begin:] if e.flags & FLUSH])
    print('# %d entries, %d flushes, %d acknowledgements; states drawn with --seed %s' % (
        log.end - log.begin, flushes, sum(total.values()), options.seed))
    numbers = options.only or range(options.states)
    todo = sorted((draw(log, n, options.seed, log.rare()) for n in numbers), key=lambda s: (s.base, s.cut))
    # Disks that break the rules, in between: whoever looks must see it.
    broken = {len(todo) * i // 5: kind for i, kind in ((1, lying), (2, forgetting), (3, lying))}
    lost, settled, started = [], 0, time.monotonic()
    for i, state in enumerate(todo):
        why, count = looked_at(disk, state, everybody, created)
        settled += count
        if why:
            lost.append(state.number)
        acks = sum(log.acknowledged(state.cut).values())
        tap.result(not why, 'state %d: %s, cut at entry %d, %d acknowledged, %d parts since the flush, %d settled' % (
            state.number, state.kind, state.cut - log.begin, acks, len(state.parts), count), why)
        if options.only or i not in broken or (options.plain and broken[i] is forgetting):
            continue
        bad = broken[i](log, state.base)
        if not bad:
            tap.result(False, 'no room left in the log for %s' % broken[i].__name__)
            continue
        why, _ = looked_at(disk, bad, copy.deepcopy(everybody), created)
        tap.result(bool(why), '%s is found out' % bad.kind)
        print('#   %d complaints%s' % (len(why), ', the first: ' + why[0] if why else ''))
    print('# seconds: %.0f, of them %s' % (time.monotonic() - started, ', '.join(
        '%s %.1f' % item for item in sorted(look.spent.items(), key=lambda item: -item[1]))))
    print('# states replayed: %d, lost: %d; files settled as "crash or cut": %d' % (len(todo), len(lost), settled))
    print('1..%d' % tap.n)
    if lost and options.keep:
        keep(log, lost)
    sys.exit(bool(lost))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--states', type=int, default=50)
    parser.add_argument('--seed', default='1')
    parser.add_argument('--only', type=lambda text: [int(n) for n in text.split(',')])
    parser.add_argument('--fs', default='ext4')
    parser.add_argument('--plain', action='store_true')
    parser.add_argument('--mib', type=int, default=320)
    parser.add_argument('--load-seed', default='1')
    parser.add_argument('--side')
    parser.add_argument('--keep')
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('log')
    parser.add_argument('base')
    parser.add_argument('changes')
    options = parser.parse_args()
    main()
