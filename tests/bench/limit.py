#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100000000 (of a clock that leaps while the machine waits)
"""Ward against the limit, inside the test machine: tests/bench/limit starts it.

One CPU whose clock counts instructions, and a disk in its memory: the clock leaps while the machine waits, so it
must not have to wait for anything. What plain ext4 takes, and what the kernel's own cipher
takes for as many blocks (tcrypt), is the limit. Writes $WARD_OUT/limit.json.
"""
import json, os, re, shutil, subprocess, sys

import cipher
from peers import LOWER, TOP, WORK, Plain, Ward, drop_caches, run

DISK, DISK_MIB = '/dev/ram0', 448
LIKE = 0.05
SIZES = dict(mib=64, random=1000, warm=100000, files=500)
PROFILED = 'write', 'read cold', 'random read cold', 'random read warm', 'overwrite', 'create', 'stat cold', \
           'read files cold', 'unlink'


def profile(command):
    """The functions that a workload spends its time in (percent, name), and of how many samples."""
    # The shortest takes 20 ms, a sample 5 µs.
    run('perf', 'record', '-q', '-e', 'cpu-clock', '-F', '20000', '-m', '4M', '-a', '-o', '/tmp/perf.data', '--', *command)
    out = run('perf', 'report', '-i', '/tmp/perf.data', '--percent-limit', '0.5', '--sort', 'sym',
              stderr=subprocess.DEVNULL)
    return re.findall(r'^\s*([\d.]+)%\s+\[.\]\s+(\S+)', out, re.M), re.search(r'# Samples: (\S+)', out)[1]


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
    measure('read warm', 'read', data, str(n['mib']))
    measure('random read warm', 'random-read', data, str(n['warm']))
    measure('random read cold', 'random-read', data, str(n['random']), cold=True)
    measure('overwrite', 'overwrite', data, str(n['random']), cold=True)
    measure('create', 'create', many, str(n['files']))
    measure('stat cold', 'stat', many, str(n['files']), cold=True)
    measure('read files cold', 'read-files', many, str(n['files']), cold=True)
    measure('unlink', 'unlink', many, str(n['files']))
    fs.drop()
    run('umount', LOWER)
    return profiles if profiled else took


def main():
    shutil.copy(TOP + '/build/bench/work', WORK)
    run('modprobe', 'brd', 'rd_nr=1', 'rd_size=%d' % (DISK_MIB * 1024))
    # Its pages are made when they are first written.
    run('dd', 'if=/dev/zero', 'of=' + DISK, 'bs=1M', 'count=%d' % DISK_MIB, 'status=none')
    print('1..4')
    speed = cipher.speed()
    print('ok 1 - tcrypt: %(encryption).0f ns to seal, %(decryption).0f ns to open 4096 bytes' % speed)
    n = SIZES
    need = cipher.need(n, speed)
    for kind in Plain, Ward:
        one_pass(kind, dict(mib=8, random=1000, warm=50, files=500))
    passes = [(one_pass(Plain, n), one_pass(Ward, n)) for _ in range(2)]
    print('ok 2 - measured', flush=True)
    print('# ' + json.dumps(passes))
    plain_off, off = (max(abs(again[name] / first[name] - 1) for name in first) for first, again in zip(*passes))
    # The same run gives the same again, but a second pass finds another memory: pages to be cleared, or some that are in use.
    print('%s 3 - a second pass differs by less than %d %%: %.2f %%' % ('ok' if off < LIKE else 'not ok', LIKE * 100, off * 100))
    plain, ward = ({name: (first[name] + again[name]) / 2 for name in first} for first, again in zip(*passes))
    profiles = one_pass(Ward, n, True)
    print('ok 4 - profiles', flush=True)
    with open(os.environ['WARD_OUT'] + '/limit.json', 'w') as f:
        f.write(json.dumps(dict(kernel=os.uname().release, sizes=n, cipher=speed, need=need, ext4=plain, ward=ward,
                                differ=off, plain_differ=plain_off,
                                profiles={name: functions for name, (functions, _) in profiles.items()},
                                samples={name: count for name, (_, count) in profiles.items()})))
    return off >= LIKE


if __name__ == '__main__':
    sys.exit(main())
