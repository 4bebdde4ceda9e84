# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at what a crash has left: whether anything is lost, whether anything is told that is not so."""
import contextlib
import ctypes
import os
import stat
import sys
import time
import traceback
import zlib

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(1, os.path.join(here, '../fs'))
import testvault                            # noqa: E402
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
        self.since, self.at = self.nl.next_event(), time.time_ns()
        mount(VAULT, VAULT, 'wardfs')
        self.uuid = testvault.uuid_of(VAULT)
        testvault.unlock(self.nl, self.uuid)
        return self.nl.ask('VAULT_GET', self.uuid)

    def events(self, *actions):
        """Those that happened since open(): what was folded before that is told later, with a higher number."""
        return [e for e in self.nl.events(self.since)
                if e['action'] in actions and e.get('last_time', e['time']) >= self.at]

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
    """{inode number: size and checksum of a file below}; not SQLite's, which works itself when it is asked. Times do
    not tell: what is written there without a user's doing moves none."""
    out = {}
    names = {name: os.lstat(os.path.join(VAULT, name)).st_ino for name in os.listdir(VAULT)}
    skip = {names.get('sqlite'), names.get('wal')}
    for where, dirs, files in os.walk(TREE):
        if where == TREE:
            dirs[:] = [d for d in dirs if os.lstat(os.path.join(where, d)).st_ino not in skip]
        for name in files:
            path = os.path.join(where, name)
            st = os.lstat(path)
            if stat.S_ISREG(st.st_mode):
                with open(path, 'rb', buffering=0) as f:
                    out[st.st_ino] = st.st_size, zlib.crc32(f.read())
    return out


# ---- looking at a state -----------------------------------------------------------------------------------------

class Look:
    """Two looks at one state: @everybody is who worked, @acks how much was promised to each."""

    def __init__(self, everybody, acks, top):
        self.everybody, self.acks, self.top = everybody, acks, top
        self.found = {worker.name: {} for worker in everybody}

    def contents(self):
        out = []
        for worker in self.everybody:
            with timed(worker.name):
                out += worker.faults(self.top, self.acks.get(worker.name, 0),
                                     self.found[worker.name])
        return out


def settled_faults(before, after, events):
    """What was told as "crash or cut" is what was settled, no more and no less."""
    changed = {ino for ino in before if after.get(ino) != before[ino]}
    told = {e['inode'] for e in events if not e.get('path', '/').startswith(('/sqlite/', '/wal/'))}
    return ['settled, but not told: a file of inode %d' % ino for ino in sorted(changed - told)] + \
        ['told, but nothing was settled: %s' % e.get('path', '?') for e in events if e['inode'] in told - changed]


def vault_faults(look, kept, check):
    vault, out = Vault(), []
    with timed('open'):
        out += kept.faults(vault.open())
    try:
        with timed('below'):
            before = files_below()
        out += look.contents()
        with timed('check'):
            out += check(vault)
        with timed('below'):
            after = files_below()
        for _ in range(100):
            settled = vault.events('settle')
            faults = settled_faults(before, after, settled)
            if not faults:
                break
            # One that is the same as in the state before is folded into that, and told when its time is over.
            time.sleep(0.1)
        out += faults
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


def look(device, fs, everybody, promised, created=None, check=Vault.check):
    """What is lost or wrong on this disk, and how many files were settled. Without @created there is no vault. @check
    has a vault checked, and returns what is wrong."""
    both = Look(everybody, promised.acks, VAULT if created else LOWER)
    try:
        with timed('mount'):
            mount(device, LOWER, fs)
        try:
            if not created:
                return both.contents(), 0
            mount(LOWER, BELOW, 'none', 4096)       # MS_BIND
            try:
                out, settled = vault_faults(both, Kept(promised.keeper), check)
            finally:
                umount(BELOW)
            with timed('creation'):
                out += created.faults(LOWER + '/c', promised.creation, promised.keep_conf)
            return out, settled
        finally:
            with timed('mount'):
                umount(LOWER)
    except (OSError, testvault.Refused) as error:
        print('# %s' % ''.join(traceback.format_exception(error)).replace('\n', '\n# '))
        return [str(error)], 0


class Promised:
    """@acks: {worker: operations}; what the keeper and the creation told; whether the configuration was kept."""

    def __init__(self, acks, keeper, creation, keep_conf):
        self.acks, self.keeper, self.creation, self.keep_conf = acks, keeper, creation, keep_conf
