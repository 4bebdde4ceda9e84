#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at a disk of a machine that was really cut off: survived.py DEVICE FS SEED MARKS SIDE. Prints TAP."""
import json
import os
import subprocess
import sys
import time
import uuid

import creation
import look
import workers

CONF, VIEW = '/etc/ward/vaults.d/crash.conf', '/run/ward/lower/crash'


def unchecked():
    done = subprocess.run(['wardctl', '--json', 'status', 'crash'], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)['vaults'][0]['unchecked']


def by_wardd(vault):
    """wardd does it by itself, as on every machine; of a vault that ended cleanly, it has nothing to do."""
    if not vault.nl.ask('VAULT_GET', vault.uuid)['vault_flags'] & 2:
        return vault.check()
    for path in (os.path.dirname(CONF), VIEW):
        os.makedirs(path, exist_ok=True)
    os.chmod(os.path.dirname(VIEW), 0o700)
    with open(CONF, 'w') as f:
        f.write('[vault]\nname = crash\nuuid = %s\ndirectory = %s\n' % (uuid.UUID(bytes=vault.uuid), look.VAULT))
    look.mount(look.BELOW + '/v', VIEW, 'none', 4096)           # MS_BIND
    daemon = subprocess.Popen(['wardd'])
    try:
        for _ in range(3000):
            if not unchecked():
                print('# wardd has checked the vault')
                return []
            if daemon.poll() is not None:
                return ['wardd ended: %d' % daemon.returncode]
            time.sleep(0.2)
        return ['wardd has not checked the vault']
    finally:
        daemon.terminate()
        daemon.wait()
        look.umount(VIEW)
        os.unlink(CONF)


def main(device, fs, seed, marks, side):
    with open(marks) as f:
        lines = f.read().splitlines()
    acks, told = {}, {'keeper': [], 'creation': []}
    for line in lines:
        name, _, text = line.partition(' ')
        if name.endswith(':'):
            told[name[:-1]].append(text)
        else:
            acks[name] = acks.get(name, 0) + 1
    for path in (look.LOWER, look.BELOW):
        os.makedirs(path, exist_ok=True)
    promised = look.Promised(acks, told['keeper'], told['creation'], True)
    print('# seed %s, %d operations acknowledged; keeper: %s; creation: %s' % (
        seed, sum(acks.values()), ', '.join(told['keeper']) or '-', ', '.join(told['creation']) or '-'))
    why, settled = look.look(device, fs, workers.everybody(seed), promised, creation.Created(side), by_wardd)
    print('%sok 1 - nothing is lost; %d files settled as "crash or cut"' % ('not ' if why else '', settled))
    for line in why[:20]:
        print('#   ' + line.replace('\n', ' '))
    print('1..1')
    sys.exit(bool(why))


if __name__ == '__main__':
    main(*sys.argv[1:])
