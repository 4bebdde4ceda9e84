#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 21000
"""What an operation costs where there is much already, inside the test machine: tests/bench/growth starts it.

The same on plain ext4 and in a vault: a directory, a tree of directories of 1000 files each, and one file grow, and now and
then a thousand operations are timed. Writes $WARD_OUT/growth.json.
"""
import json, os, random, shutil, statistics, sys, time

from peers import DISK, LOWER, TOP, WORK, Plain, Ward, drop_caches, run

STEP = 1000
MIB = 64                # of a large file that are timed
PASSES = 3


def work(*words):
    """Nanoseconds that a workload takes."""
    return int(run(WORK, *map(str, words)))


def names(top):
    """Nanoseconds that an entry takes when all are listed."""
    drop_caches()
    start = time.monotonic_ns()
    with os.scandir(top) as entries:
        count = sum(1 for _ in entries)
    return (time.monotonic_ns() - start) / count


def medians(measure, *args):
    """Of some passes, the median of each thing that was measured."""
    passes = [measure(*args) for _ in range(PASSES)]
    return {key: statistics.median(one[key] for one in passes) for key in passes[0]}


def timed_step(create_at, stat_at):
    """A thousand more files: made, looked for, read, all in nanoseconds each, and removed again."""
    out = {}
    os.sync()
    out['create'] = work('create', *create_at) / STEP
    for key, workload in ('stat', 'stat'), ('read', 'read-files'):
        drop_caches()
        out[key] = work(workload, *stat_at) / stat_at[1]
    os.sync()
    out['unlink'] = work('unlink', *create_at) / STEP
    return out


def directory(top, sizes):
    """One directory."""
    out, at = {}, 0
    many = top + '/many'
    work('create', many, 1)
    at = 1
    for size in sizes:
        work('create', many, size - at, at)
        at = size
        # The names of those in the middle are looked for.
        out[size] = medians(timed_step, (many, STEP, size), (many, STEP, max(0, size // 2 - STEP // 2)))
        out[size]['list'] = statistics.median(names(many) for _ in range(PASSES))
    shutil.rmtree(many)
    run('fstrim', LOWER)        # the disk may be in memory
    return out


def in_new_directory(new, old):
    out = timed_step((new, STEP), (old, STEP))
    os.rmdir(new)
    return out


def timed_end(data, size):
    """Nanoseconds a page, in a large file, of which the last part is written, as something new, and read."""
    os.truncate(data, (size - MIB) << 20)
    os.sync()
    out = {'write': work('write', data, MIB, size - MIB) / (MIB * 256)}
    drop_caches()
    out['read'] = work('read', data, MIB, size - MIB) / (MIB * 256)
    for key, workload in ('random read', 'random-read'), ('overwrite', 'overwrite'):
        drop_caches()
        out[key] = work(workload, data, STEP) / STEP
    return out


def tree(top, sizes):
    """Directories of a thousand files each. They stay: removing so many would take longer than all else."""
    out, at = {}, 0
    for size in sizes:
        while at < size:
            work('create', '%s/d%04d' % (top, at // STEP), STEP)
            at += STEP
        old = random.Random(size).randrange(size // STEP)
        out[size] = medians(in_new_directory, top + '/new', '%s/d%04d' % (top, old))
    return out


def file(top, sizes):
    """One file, in MiB."""
    out, at = {}, 0
    data = top + '/data'
    open(data, 'w').close()
    for size in sizes:
        if size - MIB > at:
            work('write', data, size - MIB - at, at)
        at = size
        out[size] = medians(timed_end, data, size)
    os.unlink(data)
    run('fstrim', LOWER)
    return out


def main():
    with open(os.environ['WARD_OUT'] + '/config.json') as f:
        sizes = json.load(f)
    shutil.copy(TOP + '/build/bench/work', WORK)
    print('1..2')
    results = {}
    for n, kind in enumerate((Plain, Ward)):
        fs = kind()
        run('mkfs.ext4', '-q', '-F', '-N', '1200000', '-E',
            'lazy_itable_init=0,lazy_journal_init=0', DISK)
        os.makedirs(LOWER, exist_ok=True)
        run('mount', '-o', 'noinit_itable', DISK, LOWER)
        fs.make()
        work('create', fs.top + '/warm', STEP)
        shutil.rmtree(fs.top + '/warm')
        results[kind.__name__] = {grow.__name__: grow(fs.top, sizes[grow.__name__]) for grow in (directory, file, tree)
                                  if sizes[grow.__name__]}
        fs.drop()
        run('umount', LOWER)
        print('ok %d - %s' % (n + 1, kind.__name__), flush=True)
    with open(os.environ['WARD_OUT'] + '/growth.json', 'w') as f:
        f.write(json.dumps(dict(kernel=os.uname().release, cpus=os.cpu_count(), grown=results)))


if __name__ == '__main__':
    sys.exit(main())
