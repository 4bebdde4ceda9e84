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
import contextlib
import copy
import ctypes
import os
import shutil
import stat
import sys
import time
import traceback

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(1, os.path.join(here, '../fs'))
import creation                             # noqa: E402
import model                                # noqa: E402
import testvault                            # noqa: E402
import workers                              # noqa: E402
from disk import FLUSH, Disk, Log           # noqa: E402
from draw import draw, forgetting, lying    # noqa: E402
from keeper import Kept                     # noqa: E402

LOWER, BELOW, VAULT = '/srv/crash', '/srv/below', '/srv/crash/v'
TREE = BELOW + '/v/.ward/tree'
libc = ctypes.CDLL(None, use_errno=True)
spent = {}


@contextlib.contextmanager
def timed(what):
    since = time.monotonic()
    try:
        yield
    finally:
        spent[what] = spent.get(what, 0) + time.monotonic() - since


def mount(source, target, kind, flags=0):
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, None):
        raise OSError(ctypes.get_errno(), 'mount -t %s: %s' % (kind, os.strerror(ctypes.get_errno())))


def umount(target):
    if libc.umount2(target.encode(), 0):
        raise OSError(ctypes.get_errno(), 'umount %s: %s' % (target, os.strerror(ctypes.get_errno())))


# ---- the vault --------------------------------------------------------------------------------------------------

class Vault:
    """What the kernel says of the vault, while it is looked at."""

    def __init__(self):
        self.nl = testvault.Netlink()

    def open(self):
        self.since = self.nl.next_event()
        mount(VAULT, VAULT, 'wardfs')
        self.uuid = testvault.uuid_of(VAULT)
        testvault.unlock(self.nl, self.uuid)
        return self.nl.ask('VAULT_GET', self.uuid)

    def events(self, *actions):
        return [e for e in self.nl.events(self.since) if e['action'] in actions]

    def check(self):
        """As `wardctl check`: every block of every entry of the tree is asked about; then the vault counts as
        checked."""
        out = []
        before = self.nl.ask('VAULT_GET', self.uuid)
        for where, dirs, files in os.walk(TREE):
            for name in dirs + files:
                path = os.path.relpath(os.path.join(where, name), TREE)
                said = {'check_next': 0}
                while 'check_next' in said:
                    said = self.nl.ask('CHECK', self.uuid, CHECK_PATH=path.encode() + b'\0',
                                       CHECK_FROM=said['check_next'].to_bytes(8, sys.byteorder))
                    if said['check_result'] in ('tampered', 'bad-name'):
                        out.append('check says %s: %s' % (said['check_result'], said.get('check_name', path)))
        self.nl.ask('CHECKED', self.uuid, CHECK_SEQ=before['vault_epoch'].to_bytes(8, sys.byteorder),
                    VAULT_DISTURBED=before['vault_disturbed'].to_bytes(8, sys.byteorder))
        return out


def texts(events):
    return ['%s of %s%s: %s' % (e['action'], e.get('path', '?'), ', block %d' % e['block'] if 'block' in e else '',
                                e.get('detail', '')) for e in events]


def files_below():
    """{inode number: what changes in a file below when anything is written to it}; not SQLite's, which works itself
    when it is asked."""
    out = {}
    names = {name: os.lstat(os.path.join(VAULT, name)).st_ino for name in os.listdir(VAULT)}
    skip = {names.get('sqlite'), names.get('wal')}
    for where, dirs, files in os.walk(TREE):
        if where == TREE:
            dirs[:] = [d for d in dirs if os.lstat(os.path.join(where, d)).st_ino not in skip]
        for name in files:
            st = os.lstat(os.path.join(where, name))
            if stat.S_ISREG(st.st_mode):
                out[st.st_ino] = st.st_size, st.st_ctime_ns
    return out, skip


# ---- looking at a state -----------------------------------------------------------------------------------------

class Look:
    """Two looks at one state: @everybody is who worked, @acks how much was promised to each."""

    def __init__(self, everybody, acks):
        self.everybody, self.acks = everybody, acks
        self.found = {worker.name: {} for worker in everybody}

    def contents(self):
        out = []
        for worker in self.everybody:
            with timed(worker.name):
                out += worker.faults(LOWER if options.plain else VAULT, self.acks.get(worker.name, 0),
                                     self.found[worker.name])
        return out


def settled_faults(before, after, skip, events):
    """What was told as "crash or cut" is what was settled, no more and no less."""
    changed = {ino for ino in before if after.get(ino) != before[ino]}
    told = {e['inode'] for e in events if not e.get('path', '/').startswith(('/sqlite/', '/wal/'))}
    return ['settled, but not told: a file of inode %d' % ino for ino in sorted(changed - told)] + \
        ['told, but nothing was settled: %s' % e.get('path', '?') for e in events if e['inode'] in told - changed]


def vault_faults(look, kept):
    vault, out = Vault(), []
    with timed('open'):
        out += kept.faults(vault.open())
    try:
        with timed('below'):
            before, skip = files_below()
        out += look.contents()
        with timed('check'):
            out += vault.check()
        with timed('below'):
            after, skip = files_below()
        settled = vault.events('settle')
        out += settled_faults(before, after, skip, settled)
        if kept.state == 'locked' and settled:
            out += ['after a lock: ' + t for t in texts(settled)]
        out += texts(vault.events('tamper'))
    finally:
        with timed('umount'):
            umount(VAULT)
    if out:
        return out, len(settled)
    # And from now on it is a vault like any other.
    with timed('open'):
        if vault.open()['vault_flags'] & 2:
            out.append('after the check the vault does not count as checked')
    try:
        out += look.contents()
        out += texts(vault.events('tamper', 'settle'))
    finally:
        with timed('umount'):
            umount(VAULT)
    return ['after the check: ' + f for f in out], len(settled)


def looked_at(disk, state, everybody, created):
    """What is lost or wrong in this state, and how many files were settled."""
    log = disk.log
    look = Look(everybody, log.acknowledged(state.cut))
    with timed('make'):
        device = disk.make(state)
    try:
        with timed('mount'):
            mount(device, LOWER, options.fs)
        try:
            if options.plain:
                return look.contents(), 0
            mount(LOWER, BELOW, 'none', 4096)       # MS_BIND
            try:
                said = log.told('keeper', state.cut)
                if state.cut > log.unmount:
                    said.append('unmounting')
                out, settled = vault_faults(look, Kept(said))
            finally:
                umount(BELOW)
            with timed('creation'):
                out += created.faults(LOWER + '/c', log.told('creation', state.cut), bool(state.cut & 1))
            return out, settled
        finally:
            with timed('mount'):
                umount(LOWER)
    except (OSError, testvault.Refused) as error:
        print('# %s' % ''.join(traceback.format_exception(error)).replace('\n', '\n# '))
        return [str(error)], 0
    finally:
        with timed('forget'):
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
    for path in (LOWER, BELOW):
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
        '%s %.1f' % item for item in sorted(spent.items(), key=lambda item: -item[1]))))
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
    model.replace_is_whole = options.fs == 'ext4'
    main()
