#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100000 (of a clock that leaps while the machine waits)
"""What many rules and many vaults cost, inside the test machine: tests/bench/rules starts it.

One CPU whose clock counts instructions. All is in memory: opening, reading and closing files of 4 KiB, and reading 4 KiB of
one that is open. Who asks is allowed it by the last rule. Writes $WARD_OUT/rules.json.
"""
import ctypes, json, os, subprocess, sys, time

TOP = os.environ['WARD_TOP']
sys.path.insert(0, TOP + '/tests/fs')
import testvault as v                           # noqa: E402

WORK = '/tmp/work'
LOWER = '/srv/lower'
RULES, VAULTS = int(os.environ.get('RULES', 10000)), int(os.environ.get('VAULTS', 1000))
FILES, PAGES = 200, 1000
libc = ctypes.CDLL(None, use_errno=True)
nl = v.Netlink()
serial = 1


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, text=True).stdout


def vault(name):
    """A new vault, unlocked; its directory and UUID."""
    top = f'{LOWER}/{name}'
    os.mkdir(top)
    v.create(top, [0])
    if libc.mount(top.encode(), top.encode(), b'wardfs', 0, None):
        raise OSError(ctypes.get_errno(), top)
    uuid = v.uuid_of(top)
    v.unlock(nl, uuid)
    return top, uuid


def load(top, uuid, rules):
    """Puts them in force; ns that the kernel takes."""
    global serial
    serial += 1
    v.put(f'/srv/below/{os.path.basename(top)}/.ward/policy.new', v.policy_of(uuid, serial, rules))
    began = time.monotonic_ns()
    nl.ask('POLICY_LOAD', uuid)
    return time.monotonic_ns() - began


def measure(top):
    """ns of open, read and close of 4 KiB; and of a read of 4 KiB that follows."""
    run(WORK, 'read-files', top + '/files', FILES)
    files = min(int(run(WORK, 'read-files', top + '/files', FILES)) for _ in range(3))
    run(WORK, 'random-read', top + '/file', PAGES)
    pages = min(int(run(WORK, 'random-read', top + '/file', PAGES)) for _ in range(3))
    return files / FILES, pages / PAGES


def available():
    with open('/proc/meminfo') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('MemAvailable'))


ROOT = v.rule('root', v.ALLOW, v.ALL, (1, [(1, 0)]))
LIMITED = v.rule('root', v.ALLOW, v.ALL, (1, [(1, 0)]), (7, [(v.FILES, 60, 60000)]))


def many(*conditions, last=ROOT):
    """Rules for others; then the one for us."""
    return [v.rule(f'r{k}', v.ALLOW, v.ALL, *(c(k) for c in conditions)) for k in range(RULES - 1)] + [last]


def user(k):
    return 1, [(1, 100000 + k), (2, 100000 + k)]


def users_64(k):
    return 1, [(1, 100000 + 64 * k + n) for n in range(16)]


def place(k):
    return 4, [f'/office/{k % 1000}', f'/archive/{k % 100}/{k}']


def program(k):
    return 5, [(f'/usr/lib/p{k}', SOME[:-8] + k.to_bytes(8, 'little'))]


SOME = v.program('/bin/cat')[1]


def main():
    run('cc', '-O2', '-o', WORK, TOP + '/tests/bench/work.c')
    os.makedirs(LOWER)
    os.makedirs('/srv/below')
    run('mkfs.ext4', '-q', '-F', '-N', '65536', '-E', 'nodiscard,lazy_itable_init=1', os.environ['WARD_DISK1'])
    run('mount', os.environ['WARD_DISK1'], LOWER)
    run('mount', '--bind', LOWER, '/srv/below')
    # Until its conversion, what lies below a mount is seen by another name.
    top, uuid = vault('first')
    os.mkdir(top + '/files')
    run(WORK, 'create', top + '/files', FILES)
    run(WORK, 'write', top + '/file', PAGES * 4096 >> 20)
    out = []

    def row(name, *more):
        files, pages = measure(top)
        out.append((name, files, pages, *more))
        print(f'# {name}: {files:.0f} ns, {pages:.0f} ns {more}', flush=True)

    for name, rules in (('1 rule', [ROOT]),
                        (f'{RULES} rules, each of a user and a group', many(user)),
                        (f'{RULES} rules, each of 16 users', many(users_64)),
                        (f'{RULES} rules, each of a program', many(program)),
                        (f'{RULES} rules, each of two directories', many(place)),
                        ('1 rule, with a limit', [LIMITED]),
                        (f'{RULES} rules, each of a user and a group, the last with a limit', many(user, last=LIMITED))):
        took = load(top, uuid, rules)
        row(name, took)
    load(top, uuid, [ROOT])
    row('1 vault, 1 rule')
    before = available()
    began = time.monotonic_ns()
    for k in range(VAULTS - 1):
        _, other = vault(f'v{k:04}')
    each = (time.monotonic_ns() - began) / (VAULTS - 1)
    memory = (before - available()) / (VAULTS - 1)
    row(f'{VAULTS} vaults, 1 rule each', each, memory)
    began = time.monotonic_ns()
    for _ in range(20):
        nl.ask('VAULT_GET', other)
    print(f'# asking for a vault: {(time.monotonic_ns() - began) / 20:.0f} ns')
    with open(os.environ['WARD_OUT'] + '/rules.json', 'w') as f:
        json.dump(out, f)
    print('ok 1 - measured\n1..1')


main()
