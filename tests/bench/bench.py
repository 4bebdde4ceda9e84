#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 2400
"""The benchmarks, inside the test machine: tests/bench/run starts it.

Every file system gets the scratch disk to itself, freshly made, in turn; so whatever
happens to the machine meanwhile happens to all of them. Writes $WARD_OUT/results.json.
"""
import json, os, shutil, subprocess, sys, time

import cipher
from peers import DISK, KINDS, LOWER, MIB, TOP, WORK, drop_caches, run

CPUS = os.cpu_count()     # that are online; later on there may be fewer
SIZES = {
    'full': dict(mib=256, files=2000, tree=1000, random=2000, each=200),
    'quick': dict(mib=64, files=300, tree=200, random=400, each=60),
    'warm-up': dict(mib=32, files=150, tree=100, random=200, each=30),
}


def device():
    """Bytes read from and written to the disk since it was there."""
    with open('/sys/block/%s/stat' % os.path.basename(DISK)) as f:
        fields = [int(field) for field in f.read().split()]
    return fields[2] * 512, fields[6] * 512


def cached():
    with open('/proc/meminfo') as f:
        for line in f:
            if line.startswith('Cached:'):
                return int(line.split()[1]) * 1024


def used():
    os.sync()
    st = os.statvfs(LOWER)
    return (st.f_blocks - st.f_bfree) * st.f_frsize


def tools():
    """cp, find and rm with their libraries, in memory: the root is slow, and its cache is dropped."""
    os.makedirs('/tmp/tools')
    for program in 'cp', 'find', 'rm':
        path = shutil.which(program)
        for word in run('ldd', path).split():
            if word.startswith('/'):
                shutil.copy(word, '/tmp/tools')
        shutil.copy(path, '/tmp/tools/%s.program' % program)
        with open('/tmp/tools/' + program, 'w') as f:
            f.write('#!/run/ward-vm/busybox sh\nexec /tmp/tools/ld-linux-x86-64.so.2 --library-path /tmp/tools '
                    '/tmp/tools/%s.program "$@"\n' % program)
        os.chmod('/tmp/tools/' + program, 0o755)


def warm_up():
    """What the tools read elsewhere: user names, the locale."""
    for place in '/tmp/warm-up', '/tmp/warm-up.copy':
        shutil.rmtree(place, ignore_errors=True)
    os.mkdir('/tmp/warm-up')
    open('/tmp/warm-up/file', 'w').close()
    run('/tmp/tools/cp', '-a', '/tmp/warm-up', '/tmp/warm-up.copy')
    run('/tmp/tools/find', '/tmp/warm-up.copy', '-ls')
    run('/tmp/tools/rm', '-r', '/tmp/warm-up.copy')


# ---- one pass over one file system ---------------------------------------------------

def one_pass(kind, n, verify):
    fs = kind()
    disk = fs.device()
    run('mkfs.ext4', '-q', '-F', '-N', '65536', *fs.features, '-E',
        'nodiscard,lazy_itable_init=0,lazy_journal_init=0', disk, '%dM' % MIB)
    os.makedirs(LOWER, exist_ok=True)
    run('mount', '-o', 'noinit_itable', disk, LOWER)
    fs.make()
    results = {}

    def measure(name, *command, cold=False, times=1):
        """Times a command of WORK's; programs are in memory before the clock starts. So many @times as much counts."""
        if cold:
            drop_caches()
        else:
            os.sync()
        run(WORK, 'stat', '/tmp', '0')
        if command[0].startswith('time'):
            warm_up()
        before = device()
        ns = int(run(WORK, *command))
        os.sync()       # what is still dirty is written, and counted, but not timed
        after = device()
        results[name] = dict(seconds=ns / 1e9 * times, read=(after[0] - before[0]) * times,
                             written=(after[1] - before[1]) * times)

    at = fs.top + '/'
    part = fs.part
    mib, draws, files, each = str(n['mib'] // part), str(n['random'] // part), str(n['files']), str(n['each'])
    data, log, many, tree, copy = (at + name for name in ('data', 'log', 'many', 'tree', 'copy'))
    measure('write', 'write', data, mib, times=part)
    drop_caches()
    before = cached()
    measure('read cold', 'read', data, mib, times=part)
    results['cache'] = dict(bytes=(cached() - before) * part, of=n['mib'] << 20)
    measure('read warm', 'read', data, mib, times=part)
    measure('mmap cold', 'mmap', data, mib, cold=True, times=part)
    measure('random read cold', 'random-read', data, draws, cold=True, times=part)
    measure('overwrite', 'overwrite', data, draws, cold=True, times=part)
    measure('overwrite sync', 'overwrite-sync', data, each, cold=True)
    measure('append sync', 'append-sync', log, each)
    if verify:
        run(WORK, 'read', data, mib)    # all that was overwritten is still right
    os.unlink(data)

    before = used()
    measure('create', 'create', many, files)
    results['space files'] = dict(bytes=used() - before)
    results['directory'] = dict(bytes=os.stat(many).st_size)
    measure('stat cold', 'stat', many, files, cold=True)
    measure('read files cold', 'read-files', many, files, cold=True)
    measure('unlink', 'unlink', many, files)

    run(WORK, 'tree', tree, str(n['tree']))
    before = used()
    measure('cp -a', 'time-sync', '/tmp/tools/cp', '-a', tree, copy)
    results['space tree'] = dict(bytes=used() - before)
    measure('find -ls cold', 'time', '/tmp/tools/find', copy, '-ls', cold=True)
    measure('rm -rf', 'time-sync', '/tmp/tools/rm', '-rf', copy)

    fs.drop()
    run('umount', LOWER)
    fs.release()
    return results


# ---- one CPU and all of them ----------------------------------------------------------

def online(on):
    for cpu in range(1, CPUS):
        with open('/sys/devices/system/cpu/cpu%d/online' % cpu, 'w') as f:
            f.write('%d' % on)


def one_and_all(name, mib, rounds=3):
    """Seconds that sequential writing and reading take, [on one CPU, on all], as often as there are @rounds."""
    fs = KINDS[name]()
    run('mkfs.ext4', '-q', '-F', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0', fs.device(), '%dM' % MIB)
    run('mount', '-o', 'noinit_itable', fs.device(), LOWER)
    fs.make()
    data = fs.top + '/data'
    out = {'write': [], 'read cold': []}
    for _ in range(rounds):
        for way in out:
            out[way].append([])
        for on in 0, 1:
            online(on)
            os.sync()
            run(WORK, 'stat', '/tmp', '0')
            out['write'][-1].append(int(run(WORK, 'write', data, str(mib))) / 1e9)
            drop_caches()
            out['read cold'][-1].append(int(run(WORK, 'read', data, str(mib))) / 1e9)
            os.unlink(data)
    fs.drop()
    run('umount', LOWER)
    fs.release()
    return out


def main():
    # What tests/bench/run was asked for
    with open(os.environ['WARD_OUT'] + '/config.json') as f:
        config = json.load(f)
    shutil.copy(TOP + '/build/bench/work', WORK)
    tools()
    os.environ['LC_ALL'] = 'C'
    for module in 'ecryptfs', 'fuse', 'dm-crypt', 'dm-integrity':
        subprocess.run(['modprobe', module])
    try:
        speed = cipher.speed(3)
    except OSError as e:
        print('# no limits: %s' % e.strerror.splitlines()[0])
        speed = None
    n = SIZES['quick' if config['quick'] else 'full']
    wanted = config['fs'] or list(KINDS)
    plan = [('unrecorded pass', SIZES['warm-up'], None)] if config['warm'] else []
    plan += [('pass %d' % (p + 1), n, p) for p in range(config['passes'])]
    recorded = {name: [] for name in wanted}
    scaled = [name for name in ('ext4', 'Ward') if name in wanted and not config['quick'] and CPUS > 1]
    print('1..%d' % (len(plan) * len(wanted) + len(scaled)))
    test = failed = 0

    def attempt(title, name, measure, *args):
        """What @measure finds, or None. Whatever fails, the rest is measured."""
        nonlocal test, failed
        test += 1
        start = time.monotonic()
        try:
            results = measure(*args)
            print('ok %d - %s, %s # %d s' % (test, title, name, time.monotonic() - start), flush=True)
            return results
        except (subprocess.CalledProcessError, OSError) as e:
            failed += 1
            print('not ok %d - %s, %s: %s' % (test, title, name, e), flush=True)
            online(1)
            for path in KINDS[name].top, LOWER:
                subprocess.run(['umount', '-l', path], stderr=subprocess.DEVNULL)
            subprocess.run(['dmsetup', 'remove_all', '--force'], stderr=subprocess.DEVNULL)

    for title, sizes, p in plan:
        for name in wanted:
            # That all that was overwritten is still right is looked at once.
            results = attempt(title, name, one_pass, KINDS[name], sizes, title == plan[0][0])
            if results and p is not None:
                recorded[name].append(results)
    scale = {name: attempt('one CPU and all', name, one_and_all, name, n['mib']) for name in scaled}
    # One write: the place is on the host, and has no cache.
    with open(os.environ['WARD_OUT'] + '/results.json', 'w') as f:
        f.write(json.dumps(dict(kernel=os.uname().release, cpus=CPUS, sizes=n,
                                passes=config['passes'], cipher=speed,
                                fs={name: passes for name, passes in recorded.items() if passes},
                                scale={name: rounds for name, rounds in scale.items() if rounds},
                                parts={name: KINDS[name].part for name in wanted if KINDS[name].part > 1},
                                took=time.clock_gettime(time.CLOCK_BOOTTIME))))
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
