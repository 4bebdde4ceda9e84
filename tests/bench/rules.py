#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100000 (of a clock that leaps while the machine waits)
"""What many rules and many vaults cost, inside the test machine: tests/bench/rules starts it.

One CPU whose clock counts instructions. All is in memory: opening, reading and closing files of 4 KiB, and reading 4 KiB of
one that is open. Who asks is allowed it by the last rule. "Strange" is who never asked before: nothing that is remembered
answers him, so the rules are walked. Writes $WARD_OUT/rules.json.
"""
import ctypes, json, os, subprocess, sys, time

TOP = os.environ['WARD_TOP']
sys.path.insert(0, TOP + '/tests/fs')
import testvault as v                           # noqa: E402

WORK = TOP + '/build/bench/work'
LOWER = '/srv/lower'
RULES, VAULTS = int(os.environ.get('RULES', 10000)), int(os.environ.get('VAULTS', 1000))
FILES, STRANGE, PAGES = 200, 40, 1000
MS_BIND = 4096
libc = ctypes.CDLL(None, use_errno=True)
nl = v.Netlink()
serial = 1


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, stdout=subprocess.PIPE, text=True).stdout


def timed(fn, *args, times=1):
    """ns that it takes, on average."""
    began = time.monotonic_ns()
    for _ in range(times):
        fn(*args)
    return (time.monotonic_ns() - began) / times


def started(*command):
    """ns of a command, in the quickest of three: then it is in the page cache."""
    return min(timed(run, *command) for _ in range(3))


def mount(source, target, kind, flags=0):
    if libc.mount(source.encode(), target.encode(), kind, flags, None):
        raise OSError(ctypes.get_errno(), target)


def vault(name):
    """A new vault, unlocked, as if wardctl had made it; its directory, its UUID, ns of mounting and of unlocking."""
    top = f'{LOWER}/{name}'
    os.mkdir(top)
    v.create(top, [0])
    view = f'/run/ward/lower/{name}'
    os.makedirs(view)
    mount(top, view, None, MS_BIND)
    mounting = timed(mount, top, top, b'wardfs')
    uuid = v.uuid_of(top)
    h = uuid.hex()
    with open(f'/etc/ward/vaults.d/{name}.conf', 'w') as f:
        f.write(f'[vault]\nname = {name}\nuuid = {h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}\ndirectory = {top}\n')
    return top, uuid, mounting, timed(v.unlock, nl, uuid)


def load(top, uuid, rules):
    """Puts them in force; ns that the kernel takes, and bytes of the policy."""
    global serial
    serial += 1
    blob = v.policy_of(uuid, serial, rules)
    v.put(f'/srv/below/{os.path.basename(top)}/.ward/policy.new', blob)
    return timed(nl.ask, 'POLICY_LOAD', uuid), len(blob)


def least(workload, path, count):
    """ns for each, in the quickest of three, after one that is not counted."""
    run(WORK, workload, path, count)
    return min(int(run(WORK, workload, path, count)) for _ in range(3)) / count


def available():
    with open('/proc/meminfo') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('MemAvailable'))


ROOT = v.rule('root', v.ALLOW, v.ALL, (1, [(1, 0)]))
LIMITED = v.rule('root', v.ALLOW, v.ALL, (1, [(1, 0)]), (7, [(v.FILES, 60, 60000)]))
RECORDED = v.rule('root', v.ALLOW | v.RECORD, v.ALL, (1, [(1, 0)]))


def many(count, *conditions, last=ROOT):
    """Rules for others; then the one for us."""
    return [v.rule(f'r{k}', v.ALLOW, v.ALL, *(c(k) for c in conditions)) for k in range(count - 1)] + [last]


def user(k):
    return 1, [(1, 100000 + k), (2, 100000 + k)]


def users_16(k):
    return 1, [(1, 100000 + 16 * k + n) for n in range(16)]


def place(k):
    return 4, [f'/office/{k % 1000}', f'/archive/{k % 100}/{k}']


def program(k):
    return 5, [(f'/usr/lib/p{k}', SOME[:-8] + k.to_bytes(8, 'little'))]


SOME = v.program('/bin/cat')[1]


def policies():
    """What is measured: a title, and the rules."""
    for count in sorted({10 ** n for n in range(1, 6) if 10 ** n < RULES} | {1, RULES}):
        yield f'{count}', many(count, user)
    yield f'{RULES}, each of 16 users', many(RULES, users_16)
    yield f'{RULES}, each of a program', many(RULES, program)
    yield f'{RULES}, each of two directories', many(RULES, place)
    yield '1, with a limit', [LIMITED]
    yield f'{RULES}, the last with a limit', many(RULES, user, last=LIMITED)
    yield '1, with `record`', [RECORDED]
    yield f'{RULES}, the last with `record`', many(RULES, user, last=RECORDED)


def text_of(count):
    """The same as many(count, user), as people write it."""
    return '[vault]\ndirectory = /srv/lower/first\n' + ''.join(
        f'\n[rule r{k}]\nusers = {100000 + k}\ngroups = {100000 + k}\neffect = allow\n' for k in range(count))


def refused(uid, top):
    """A refusal of that user's, in that vault."""
    os.setresuid(uid, uid, 0)
    try:
        os.stat(top + '/x')
        sys.exit('let in')
    except PermissionError:
        os.setresuid(0, 0, 0)


def violations():
    """How many are in the log."""
    try:
        with open('/var/log/ward/events.jsonl') as f:
            return sum('"ward.kind":"violation"' in line for line in f)
    except FileNotFoundError:
        return None


def recorded(tops):
    """ns of CPU that a record costs wardd: a refusal in each of these, none of which folds."""
    wardd = subprocess.Popen(['wardd'], stderr=subprocess.DEVNULL)

    def used():
        with open(f'/proc/{wardd.pid}/schedstat') as f:
            return int(f.readline().split()[0])

    def quiet():
        """When nothing is written any more: how much is."""
        before, now = None, violations()
        while now is None or now != before:
            time.sleep(5)
            before, now = now, violations()
        return now
    first, began = quiet(), used()
    for k, top in enumerate(tops):
        refused(200000 + k, top)
    last = quiet()
    assert last - first == len(tops), (first, last)
    took = used() - began
    wardd.terminate()
    wardd.wait()
    return took / len(tops)


def main():
    os.makedirs(LOWER)
    os.makedirs('/srv/below')
    os.makedirs('/etc/ward/vaults.d')
    run('mkfs.ext4', '-q', '-F', '-N', '65536', '-E', 'nodiscard,lazy_itable_init=1', os.environ['WARD_DISK1'])
    run('mount', os.environ['WARD_DISK1'], LOWER)
    run('mount', '--bind', LOWER, '/srv/below')
    # Until its conversion, what lies below a mount is seen by another name.
    top, uuid, mounting, unlocking = vault('first')
    os.mkdir(top + '/files')
    run(WORK, 'create', top + '/files/in', FILES)
    run(WORK, 'write', top + '/file', PAGES * 4096 >> 20)
    out = {'kernel': os.uname().release, 'rules': [], 'vaults': []}
    for title, rules in policies():
        took, size = load(top, uuid, rules)
        out['rules'].append({
            'rules': title, 'load': took, 'size': size, 'files': least('read-files', top + '/files/in', FILES),
            'strange': least('read-strange', top + '/files/in', STRANGE), 'page': least('random-read', top + '/file', PAGES)})
        print(f'# {out["rules"][-1]}', flush=True)
    # In this machine's memory from now on: who waits for another machine's file lets the clock leap.
    for name in 'passwd', 'group', 'nsswitch.conf':
        os.chmod('/etc/' + name, 0o644)
    with open('/tmp/many.conf', 'w') as f:
        f.write(text_of(RULES))
    out['wardctl'] = {'rules': RULES, 'check': started('wardctl', 'policy', 'check', '/tmp/many.conf')}
    print(f'# {out["wardctl"]}', flush=True)

    load(top, uuid, [ROOT])

    def vaults(count, mounting, unlocking, one):
        all_ = sum(1 for _ in nl.messages(nl.family, v.CMD['VAULT_GET'], [], 0x301))      # REQUEST|DUMP
        assert all_ == count, all_
        out['vaults'].append({
            'vaults': count, 'mount': mounting, 'unlock': unlocking, 'files': least('read-files', top + '/files/in', FILES),
            'ask': timed(nl.ask, 'VAULT_GET', one, times=20),
            'list': timed(lambda: list(nl.messages(nl.family, v.CMD['VAULT_GET'], [], 0x301))),
            'status': started('wardctl', 'status', '--json')})
        print(f'# {out["vaults"][-1]}', flush=True)

    vaults(1, mounting, unlocking, uuid)
    before = available()
    for k in range(VAULTS - 1):
        _, other, mounting, unlocking = vault(f'v{k:04}')
    out['memory'] = (before - available()) / (VAULTS - 1)
    vaults(VAULTS, mounting, unlocking, other)
    tops = [top] + [f'{LOWER}/v{k:04}' for k in range(VAULTS - 1)]
    out['record'] = {'one': recorded(tops[:1] * min(VAULTS, 200)), 'all': recorded(tops)}
    print(f'# {out["record"]}', flush=True)
    with open(os.environ['WARD_OUT'] + '/rules.json', 'w') as f:
        json.dump(out, f)
    print('ok 1 - measured\n1..1')


main()
