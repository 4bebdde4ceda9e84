# SPDX-License-Identifier: GPL-2.0-or-later
"""The keeper of the house: while everybody saves and syncs, loads policies, locks the vault and unlocks it, unmounts
and mounts it. And what a crash may have left of that.

What it does is in the log of writes as marks "keeper: ...", with "?" while it is under way.
"""
import os
import time

import calls
import testvault

# When so much of the load is done; what
PLAN = ((0.15, 'policy'), (0.3, 'lock'), (0.5, 'unmount'), (0.65, 'policy'), (0.75, 'lock'), (0.9, 'lock now'))
WAIT = 120


class Keeper:
    def __init__(self, vault, gate, mark):
        self.vault, self.gate, self.mark = vault, gate, mark
        self.uuid = testvault.uuid_of(vault)
        self.nl = testvault.Netlink()

    def say(self, text):
        self.mark('keeper: ' + text)

    def work(self):
        for share, what in PLAN:
            self.gate.wait_for_work(share)
            getattr(self, what.replace(' ', '_'))()

    def policy(self):
        serial = self.nl.ask('VAULT_GET', self.uuid)['vault_policy_serial'] + 1
        ward = ward_of(self.vault)
        self.say('policy %d?' % serial)
        testvault.put(ward + '/policy.new', testvault.policy(self.uuid, [0], serial))
        sync_dir(ward)
        self.nl.ask('POLICY_LOAD', self.uuid)
        self.say('policy %d' % serial)
        os.rename(ward + '/policy.new', ward + '/policy')
        sync_dir(ward)

    def unlock(self):
        self.say('unlocked?')
        testvault.unlock(self.nl, self.uuid)
        self.say('unlocked')

    def lock(self):
        with self.gate.closed():
            self.say('locked?')
            self.nl.ask('LOCK', self.uuid)
            self.say('locked')
            self.unlock()

    def lock_now(self):
        with self.gate.closed(self.gate.DROPPING):
            self.say('dropped?')
            self.nl.ask('LOCK', self.uuid, LOCK_NOW=b'')
            self.say('dropped')
            self.unlock()

    def unmount(self):
        with self.gate.closed(self.gate.OUT):
            self.say('locked?')
            for _ in range(WAIT * 10):
                try:
                    calls.run('umount', self.vault)
                    break
                except AssertionError as error:
                    if 'busy' not in str(error):
                        raise
                    time.sleep(0.1)
            self.say('locked')
            calls.run('mount', '-i', '-t', 'wardfs', self.vault, self.vault)
            self.unlock()


def ward_of(vault):
    """What lies below: reached beside the mount."""
    return '/srv/below/' + os.path.relpath(vault, '/srv/crash') + '/.ward'


def sync_dir(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


class Kept:
    """What is to be seen of the vault in a crash state, after the keeper said this much."""

    def __init__(self, told):
        self.state, self.serial, self.serial_max = 'unlocked', 1, 1
        for text in told:
            word, *rest = text.split()
            if word == 'policy':
                self.serial_max = int(rest[0].rstrip('?'))
                if not rest[0].endswith('?'):
                    self.serial = self.serial_max
            else:
                self.state = text

    def faults(self, vault):
        """@vault is what the kernel says of it, just unlocked."""
        out = []
        unchecked = bool(vault['vault_flags'] & 2)
        if self.state == 'unlocked' and not unchecked:
            out.append('the vault counts as cleanly ended')
        if self.state == 'locked' and unchecked:
            out.append('the vault was locked, and counts as not cleanly ended')
        if not self.serial <= vault['vault_policy_serial'] <= self.serial_max:
            out.append('policy %d is in force, not %d to %d' % (vault['vault_policy_serial'], self.serial,
                                                               self.serial_max))
        return out
