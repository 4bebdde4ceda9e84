#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100000 (of a clock that leaps while the machine waits)
"""Ward against the limit, inside the test machine: tests/bench/limit starts it.

One CPU whose clock counts instructions, and a disk in its memory: the clock leaps while the machine waits, so it
must not have to wait for anything. What plain ext4 takes, and what the kernel's own cipher
takes for as many blocks (tcrypt), is the limit. Writes $WARD_OUT/limit.json.
"""
import json, os, re, shutil, subprocess, sys

from peers import LOWER, TOP, Plain, Ward, run

DISK, DISK_MIB = '/dev/ram0', 448

WORK = '/tmp/work'
CAP_FIRST, CAP = 3552, 4064         # docs/format.md
PAGE = 4096
SIZES = dict(mib=64, random=1000, overwrites=1000, files=500)
PROFILED = 'write', 'read cold', 'random read cold', 'overwrite', 'create', 'read files cold'


def blocks(size):
    return 1 + max(0, -(-(size - CAP_FIRST) // CAP))


def cipher():
    """Nanoseconds that 4096 bytes take, sealing and opening."""
    subprocess.run(['dmesg', '-C'], check=True)
    # It always "fails", so that it does not stay loaded.
    subprocess.run(['modprobe', 'tcrypt', 'mode=211', 'sec=0'], stderr=subprocess.DEVNULL)
    took, way, key = {}, None, None
    for line in run('dmesg').splitlines():
        m = re.search(r'testing speed of (?:\w+ )*(\S+) \((\S+)\) (encryption|decryption)', line)
        if m:
            way = m[3] if m[1] == 'gcm(aes)' else None
        m = re.search(r'\((\d+) bit key, (\d+) byte blocks\)', line)
        if m:
            key = m.groups()
        m = re.search(r'1 operation in (\d+) cycles', line)
        if m and way and key == ('256', '4096'):
            took[way] = int(m[1])
    with open('/proc/cpuinfo') as f:
        mhz = float(re.search(r'cpu MHz\s*: ([\d.]+)', f.read())[1])
    return {way: cycles * 1000 / mhz for way, cycles in took.items()}


def drop_caches():
    os.sync()
    with open('/proc/sys/vm/drop_caches', 'w') as f:
        f.write('3')


def profile(command):
    """The functions that a workload spends its time in: percent, name."""
    run('perf', 'record', '-q', '-e', 'cpu-clock', '-F', '999', '-a', '-o', '/tmp/perf.data', '--', *command)
    out = run('perf', 'report', '-i', '/tmp/perf.data', '--percent-limit', '0.5', '--sort', 'sym',
              stderr=subprocess.DEVNULL)
    return re.findall(r'^\s*([\d.]+)%\s+\[.\]\s+(\S+)', out, re.M)


def one_pass(kind, n, profiled=False):
    run('mkfs.ext4', '-q', '-F', '-N', '16384', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0',
        DISK)
    os.makedirs(LOWER, exist_ok=True)
    run('mount', '-o', 'noinit_itable', DISK, LOWER)
    fs = kind()
    fs.make()
    took, profiles = {}, {}

    def measure(name, *command, cold=False):
        drop_caches() if cold else os.sync()
        run(WORK, 'stat', '/tmp', '0')
        if profiled:
            if name in PROFILED:
                profiles[name] = profile([WORK, *command])
            else:
                run(WORK, *command)
        else:
            took[name] = int(run(WORK, *command))
        os.sync()

    data, many = fs.top + '/data', fs.top + '/many'
    measure('write', 'write', data, str(n['mib']))
    measure('read cold', 'read', data, str(n['mib']), cold=True)
    measure('random read cold', 'random-read', data, str(n['random']), cold=True)
    measure('overwrite', 'overwrite', data, str(n['overwrites']), cold=True)
    measure('create', 'create', many, str(n['files']))
    measure('read files cold', 'read-files', many, str(n['files']), cold=True)
    fs.drop()
    run('umount', LOWER)
    return profiles if profiled else took


def main():
    shutil.copy(TOP + '/build/bench/work', WORK)
    run('modprobe', 'brd', 'rd_nr=1', 'rd_size=%d' % (DISK_MIB * 1024))
    # Its pages are made when they are first written.
    run('dd', 'if=/dev/zero', 'of=' + DISK, 'bs=1M', 'count=%d' % DISK_MIB, 'status=none')
    print('1..4')
    speed = cipher()
    if set(speed) != {'encryption', 'decryption'}:
        print('not ok 1 - tcrypt measures the cipher')
        print('# ' + run('dmesg').replace('\n', '\n# '))
        return 1
    print('ok 1 - tcrypt: %(encryption).0f ns to seal, %(decryption).0f ns to open 4096 bytes' % speed)
    seal, open_ = (speed[way] * CAP / PAGE for way in ('encryption', 'decryption'))
    n = SIZES
    many = blocks(n['mib'] << 20)
    need = {
        'write': many * seal,
        'read cold': many * open_,
        # 4 KiB lie in two blocks, and at times in three
        'random read cold': n['random'] * 2 * open_,
        # both are read and opened, changed, sealed and written
        'overwrite': n['overwrites'] * 2 * (open_ + seal),
        'create': n['files'] * blocks(PAGE) * seal,
        'read files cold': n['files'] * blocks(PAGE) * open_,
    }
    for kind in Plain, Ward:
        one_pass(kind, dict(mib=8, random=50, overwrites=50, files=50))
    plain, ward = one_pass(Plain, n), one_pass(Ward, n)
    print('ok 2 - measured', flush=True)
    again = one_pass(Ward, n)
    print('# ' + json.dumps([plain, ward, again]))
    off = max(abs(again[name] / ward[name] - 1) for name in ward)
    print('%s 3 - a second pass differs by less than 2 %%: %.2f %%' % ('ok' if off < 0.02 else 'not ok', off * 100))
    profiles = one_pass(Ward, n, True)
    print('ok 4 - profiles', flush=True)
    with open(os.environ['WARD_OUT'] + '/limit.json', 'w') as f:
        f.write(json.dumps(dict(kernel=os.uname().release, sizes=n, cipher=speed, need=need, ext4=plain, ward=ward,
                                again=again, profiles=profiles)))
    return off >= 0.02


if __name__ == '__main__':
    sys.exit(main())
