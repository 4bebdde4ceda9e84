#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes crash states out of a log of writes, and looks whether anything is lost in them. Prints TAP.

    states.py [OPTION]... LOG DEVICE

LOG is what record.c wrote while load.py worked; DEVICE takes two copies of the recorded disk's size: the state up to
the last flush, which only ever moves on, and what a crash state differs in from it (a snapshot).

    --states N      how many (50)
    --seed S        what is drawn depends on it, and on the log
    --only I,J      only these of them
    --fs TYPE       file system of the recorded disk
    --plain         there was no vault: the load worked on that file system itself
    --mib N         size of the recorded disk
    --load-seed S   of load.py
    --lost FILE     append the number of each state that lost something
    --first N       results are numbered from N + 1 on
"""
import argparse
import copy
import ctypes
import os
import random
import subprocess
import sys
import traceback

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(1, os.path.join(here, '../fs'))
import testvault                            # noqa: E402
import workers                              # noqa: E402

REPLAY = os.path.join(here, '../../build/crash/replay')
LOWER, BELOW, VAULT = '/srv/crash', '/srv/crash-below', '/srv/crash/v'
BLOCK = 8                                   # sectors that a disk writes whole
# A block of a file begins with its nonce, which begins with the epoch: the load's is the first.
FILE_BLOCK = '000001'
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise OSError(0, '%s: %s' % (' '.join(command[:2]), done.stdout.strip()))
    return done.stdout


def mount(source, target, kind, flags=0):
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, None):
        raise OSError(ctypes.get_errno(), 'mount -t %s: %s' % (kind, os.strerror(ctypes.get_errno())))


def umount(target):
    if libc.umount2(target.encode(), 0):
        raise OSError(ctypes.get_errno(), 'umount %s: %s' % (target, os.strerror(ctypes.get_errno())))


# ---- the log, and states that can come of it ----------------------------------------------------------------------

class Entry:
    def __init__(self, line):
        offset, sector, sectors, self.flags, *text = line.split(' ', 4)
        self.offset, self.sector, self.sectors = int(offset), int(sector), int(sectors)
        self.text = text[0] if text else ''

    def whole(self):
        return '%d 0 %d\n' % (self.offset, self.sectors)


class Log:
    def __init__(self, path):
        self.path = path
        self.entries = [Entry(line) for line in run(REPLAY, 'list', path).splitlines()]
        marks = {e.text: i for i, e in enumerate(self.entries) if 'M' in e.flags}
        self.begin, self.end, self.unmount = marks['begin'], len(self.entries), marks['unmount']

    def flush_before(self, cut):
        """Index of the last flush before this one."""
        while 'F' not in self.entries[cut - 1].flags:
            cut -= 1
        return cut - 1

    def offset(self, index):
        if index < self.end:
            return self.entries[index].offset
        e = self.entries[-1]
        return e.offset + 512 * (1 + (0 if 'D' in e.flags else e.sectors))

    def acknowledged(self, cut, since=0):
        """{worker: operations that are acknowledged before this entry}"""
        count = {}
        for e in self.entries[max(self.begin, since):cut]:
            if 'M' in e.flags and ' ' in e.text:
                name = e.text.split()[0]
                count[name] = count.get(name, 0) + 1
        return count


class State:
    """A disk: all up to the flush @base, then the parts of entries in @parts; and what was promised at @cut."""

    def __init__(self, number, kind, log, cut, base=None):
        self.number, self.kind, self.cut = number, kind, cut
        self.base = log.flush_before(cut) if base is None else base
        self.parts = []


def pieces(e, rng, keep):
    """A write that was under way: of its blocks, some."""
    at = 0
    while at < e.sectors:
        n = min(BLOCK - (e.sector + at) % BLOCK, e.sectors - at)
        if rng.random() < keep:
            yield '%d %d %d\n' % (e.offset, at, n)
        at += n


def draw(log, number, seed):
    """Cut at random. What was written since the last flush may be on the disk or not: three ways to choose."""
    rng = random.Random('%s/%d' % (seed, number))
    kind = ('acknowledged', 'prefix', 'left out')[number % 3]
    if kind == 'acknowledged':
        # Nothing but what was flushed, at the moment when something was promised: the hardest for who promised it.
        cut = 1 + rng.choice([i for i in range(log.begin, log.end)
                              if 'M' in log.entries[i].flags and ' ' in log.entries[i].text])
    else:
        cut = rng.randrange(log.begin + 1, log.end)
    state = State(number, kind, log, cut)
    keep = rng.choice((0.1, 0.5, 0.9)) if kind == 'left out' else 0
    tear = rng.random() < 0.5
    for e in log.entries[state.base + 1:cut]:
        if 'U' in e.flags or kind == 'prefix':
            state.parts.append(e.whole())
        elif e.sectors and tear:
            state.parts += pieces(e, rng, keep)
        elif e.sectors and rng.random() < keep:
            state.parts.append(e.whole())
    # The write that was under way when the power went
    if kind == 'left out' and cut < log.end and 'F' not in log.entries[cut].flags:
        state.parts += pieces(log.entries[cut], rng, keep)
    return state


def lying(log, base):
    """As of a disk that said "flushed" and had not: later acknowledgements than the state has. None near the end."""
    acks = {}
    for cut in range(base + 1, log.end):
        e = log.entries[cut]
        if 'M' in e.flags and ' ' in e.text:
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
        if i < drop_end and e.text.startswith(FILE_BLOCK) and e.flags == '-' and e.sectors <= 64 and \
                not touched & later and len(dropped) < 8:
            dropped.add(i)
        later |= touched
    if len(dropped) < 8:
        return None
    state = State(None, 'a disk that loses blocks', log, cut, base)
    state.parts = [e.whole() for i, e in enumerate(entries[base + 1:cut], base + 1) if e.sectors and i not in dropped]
    return state


# ---- looking at a state -----------------------------------------------------------------------------------------

class Disk:
    """The device on which states are made."""

    def __init__(self, log, device, mib):
        self.log, self.at = log, 0
        self.sectors = mib << 11
        run('dmsetup', 'create', 'crash-base', '--table', '0 %d linear %s 0' % (self.sectors, device))
        run('dmsetup', 'create', 'crash-changes', '--table', '0 %d linear %s %d' % (self.sectors, device, self.sectors))

    def make(self, state):
        """/dev/mapper/crash-state is this state; bases only ever move on."""
        self.forward(state.base + 1)
        run('dmsetup', 'create', 'crash-state', '--table',
            '0 %d snapshot /dev/mapper/crash-base /dev/mapper/crash-changes N 8' % self.sectors)
        if state.parts:
            run(REPLAY, 'some', self.log.path, '/dev/mapper/crash-state', input=''.join(state.parts))

    def forward(self, index):
        """All entries before this one are on the base."""
        if index > self.at:
            run(REPLAY, 'span', self.log.path, '/dev/mapper/crash-base', str(self.log.offset(self.at)),
                str(self.log.offset(index)))
            self.at = index

    def forget(self):
        run('dmsetup', 'remove', '--retry', 'crash-state')


class Vault:
    """What the kernel says of the vault, while it is looked at."""

    def __init__(self):
        self.nl = testvault.Netlink()

    def open(self):
        self.since = self.nl.next_event()
        mount(VAULT, VAULT, 'wardfs')
        self.uuid = testvault.uuid_of(VAULT)
        testvault.unlock(self.nl, self.uuid)
        return bool(self.nl.ask('VAULT_GET', self.uuid)['vault_flags'] & 2)

    def events(self, *actions):
        return ['%s of %s%s: %s' % (e['action'], e.get('path', '?'), ', block %d' % e['block'] if 'block' in e else '',
                                    e.get('detail', '')) for e in self.nl.events(self.since) if e['action'] in actions]

    def check(self):
        """As `wardctl check`: every entry of the tree is asked about; then the vault counts as checked."""
        out = []
        tree = BELOW + '/v/.ward/tree'
        epoch = self.nl.ask('VAULT_GET', self.uuid)['vault_epoch']
        for where, dirs, files in os.walk(tree):
            for name in dirs + files:
                path = os.path.relpath(os.path.join(where, name), tree)
                said = self.nl.ask('CHECK', self.uuid, CHECK_PATH=path.encode() + b'\0')
                if said['check_result'] in ('tampered', 'bad_name'):
                    out.append('check says %s: %s' % (said['check_result'], said.get('check_name', path)))
        self.nl.ask('CHECKED', self.uuid, CHECK_SEQ=epoch.to_bytes(8, sys.byteorder))
        return out


def content_faults(everybody, acks):
    top = LOWER if options.plain else VAULT
    return [f for worker in everybody for f in worker.faults(top, acks.get(worker.name, 0))]


def vault_faults(everybody, acks, must_be_unchecked):
    vault, out = Vault(), []
    unchecked = vault.open()
    try:
        if must_be_unchecked and not unchecked:
            out.append('the vault counts as cleanly ended')
        out += content_faults(everybody, acks)
        out += vault.check()
        out += vault.events('tamper')
    finally:
        umount(VAULT)
    if out:
        return out
    # And from now on it is a vault like any other.
    if vault.open():
        out.append('after the check the vault does not count as checked')
    try:
        out += content_faults(everybody, acks)
        out += vault.events('tamper', 'settle')
    finally:
        umount(VAULT)
    return ['after the check: ' + f for f in out]


def faults(disk, state, everybody):
    """What is lost or wrong in this state."""
    acks = disk.log.acknowledged(state.cut)
    disk.make(state)
    try:
        mount('/dev/mapper/crash-state', LOWER, options.fs)
        try:
            if options.plain:
                return content_faults(everybody, acks)
            mount(LOWER, BELOW, 'none', 4096)       # MS_BIND
            try:
                return vault_faults(everybody, acks, state.cut <= disk.log.unmount)
            finally:
                umount(BELOW)
        finally:
            umount(LOWER)
    except (OSError, testvault.Refused) as error:
        print('# %s' % ''.join(traceback.format_exception(error)).replace('\n', '\n# '))
        return [str(error)]
    finally:
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


def main():
    log = Log(options.log)
    disk = Disk(log, options.device, options.mib)
    everybody = workers.everybody(options.load_seed)
    tap = Tap(options.first)
    for path in (LOWER, BELOW):
        os.makedirs(path, exist_ok=True)
    total = log.acknowledged(log.end)
    flushes = len([e for e in log.entries[log.begin:] if 'F' in e.flags])
    print('# %d entries, %d flushes, %d acknowledgements; states drawn with --seed %s' % (
        log.end - log.begin, flushes, sum(total.values()), options.seed))
    numbers = options.only or range(options.states)
    todo = sorted((draw(log, n, options.seed) for n in numbers), key=lambda s: (s.base, s.cut))
    # Disks that break the rules, in between: whoever looks must see it.
    broken = {len(todo) * i // 5: kind for i, kind in ((1, lying), (2, forgetting), (3, lying))}
    lost, settled_at = 0, None
    for i, state in enumerate(todo):
        why = faults(disk, state, everybody)
        lost += bool(why)
        acks = sum(log.acknowledged(state.cut).values())
        tap.result(not why, 'state %d: %s, cut at entry %d, %d acknowledged, %d of %d parts since the flush' % (
            state.number, state.kind, state.cut - log.begin, acks, len(state.parts), state.cut - state.base - 1), why)
        if why and options.lost:
            with open(options.lost, 'a') as f:
                f.write('%d\n' % state.number)
        if options.only or i not in broken or (options.plain and broken[i] is forgetting):
            continue
        bad = broken[i](log, state.base)
        if not bad:
            tap.result(False, 'no room left in the log for %s' % broken[i].__name__)
            continue
        why = faults(disk, bad, copy.deepcopy(everybody))
        tap.result(bool(why), '%s is found out' % bad.kind)
        print('#   %d complaints%s' % (len(why), ', the first: ' + why[0] if why else ''))
    print('# states replayed: %d, lost: %d' % (len(todo), lost))
    print('1..%d' % tap.n)
    sys.exit(lost > 0)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--states', type=int, default=50)
    parser.add_argument('--seed', default='1')
    parser.add_argument('--only', type=lambda text: [int(n) for n in text.split(',')])
    parser.add_argument('--fs', default='ext4')
    parser.add_argument('--plain', action='store_true')
    parser.add_argument('--mib', type=int, default=320)
    parser.add_argument('--load-seed', default='1')
    parser.add_argument('--lost')
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('log')
    parser.add_argument('device')
    options = parser.parse_args()
    main()
