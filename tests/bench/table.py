#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the table out of what bench.py measured.

    table.py [--save] [--limit | --growth | --rules] RESULTS.json PERFORMANCE.md

Ratios are of speed: 0.5 takes twice the time of plain ext4; more is better. Those of bytes
and space are amounts: less is better. --save replaces what stands between the two marks in
PERFORMANCE.md.
"""
import json, statistics, sys

import cipher

BEGIN, END = '<!-- table: made by tests/bench/%s --save -->\n', '<!-- end of table -->\n'

# key in the results, title ({} are the sizes), and the least ratio to plain ext4 that Ward is to reach
TIMED = [
    ('write', 'sequential write {mib} MiB + fsync', 0.60),
    ('read cold', 'sequential read, cold', 0.30),
    ('read warm', 'sequential read, warm', 0.97),
    ('mmap cold', 'mmap read, cold', 0.26),
    ('random read cold', '{random} random 4 KiB reads, cold', 0.38),
    ('overwrite', '{random} random 4 KiB overwrites, one fsync', 0.30),
    ('overwrite sync', '{each} random 4 KiB overwrites, fdatasync each', 0.55),
    ('append sync', '{each} appends of 100 B, fsync each', 1.20),
    ('create', 'create {files} files of 4 KiB, sync', 0.50),
    ('stat cold', 'stat {files} files, cold', 0.75),
    ('read files cold', 'read {files} files, cold', 0.50),
    ('unlink', 'unlink {files} files, sync', 0.85),
    ('cp -a', 'cp -a of a {tree}-file tree, sync', 0.65),
    ('find -ls cold', 'find -ls of it, cold', 0.80),
    ('rm -rf', 'rm -rf of it, sync', 0.75),
]
# Bytes on the device, which no emulation distorts: key, read or written, and the most for a byte of plain ext4
MOVED = [
    ('write', 'written', 1.02), ('read cold', 'read', 1.02), ('random read cold', 'read', 2.1),
    ('overwrite', 'written', 2.1), ('overwrite sync', 'written', 2.5), ('append sync', 'written', 1.1),
    ('create', 'written', 2.2),
]
# Space and memory: key, title, and the most for a byte of plain ext4
SPACE = [('space files', 'space of {files} files of 4 KiB', 2.05), ('space tree', 'space of the tree', 1.15)]
CACHE = 1.05
# Bytes that stat may read beside what ext4 does, and a larger directory
LOOKED = 16384
# All CPUs against one
SCALE = 1.7
# How near Ward is to come to the limit, and where
NEAR_GOAL = 0.85
NEAR = 'read cold', 'write', 'random read cold', 'read files cold'
# What grows from the first line to the last by so many times as on ext4 grows as there
FLAT = 1.25
WARM = 'random read warm', '{warm} random 4 KiB reads, warm'


def median(passes, *keys):
    values = []
    for results in passes:
        for key in keys:
            results = results[key]
        values.append(results)
    return statistics.median(values)


def seconds(s):
    return '%.0f s' % s if s >= 100 else '%.3g s' % s if s >= 1 else '%.3g ms' % (s * 1e3)


def minutes(s):
    return '%.0f minutes' % (s / 60) if s >= 90 else '%.0f seconds' % s


def mib(n):
    return '%.2f' % (n / 1048576)


def ratio(is_, goal, good):
    """With a digit more where it would look like the goal that it misses."""
    return '%.*f' % (2 if good or '%.2f' % is_ != '%.2f' % goal else 3, is_)


def row(*cells):
    return '| ' + ' | '.join(cells) + ' |\n'


def tables(data):
    fs, n = data['fs'], data['sizes']
    others = [name for name in fs if name != 'ext4']
    plain = fs['ext4']
    out = 'Linux %s, QEMU without KVM, %d CPUs, %s%s.\n\n' % (
        data['kernel'], data['cpus'],
        'median of %d passes' % data['passes'] if data['passes'] > 1 else 'one pass',
        '; the run took %s' % minutes(data['took']) if 'took' in data else '')
    need = cipher.need(n, data['cipher']) if data['cipher'] else {}
    if data['cipher']:
        out += ('The cipher alone takes %(encryption).0f ns to seal and %(decryption).0f ns to open 4096 bytes there '
                '(tcrypt).\n\n' % data['cipher'])
    out += 'Speed, as a ratio to plain ext4 (more is better):\n\n'
    out += row('workload', 'ext4', *others, 'limit', 'goal') + row('---', *['---:'] * (3 + len(others)))
    speed = {}
    for key, title, goal in TIMED:
        base = median(plain, key, 'seconds')
        speed[key] = {name: base / median(fs[name], key, 'seconds') for name in others}
        limit = '%.2f' % (base / (base + need[key] / 1e9 / data['cpus'])) if need.get(key) else ''
        out += row(title.format(**n), seconds(base), *('%.2f' % speed[key][name] for name in others), limit,
                   '%.2f' % goal)
    for name, part in data.get('parts', {}).items():
        if name in fs:
            out += ('\n%s has only 1/%d of the large file, of the random reads in it, and of the overwrites with one fsync; '
                    'what these take and move is given %d times.\n' % (name, part, part))
    out += '\nMemory and space, as a ratio to plain ext4 (less is better):\n\n'
    out += row('', 'ext4', *others) + row('---', *['---:'] * (1 + len(others)))
    cached = {name: median(fs[name], 'cache', 'bytes') / (n['mib'] << 20) for name in fs}
    out += row('page cache grown, per byte read cold', *('%.2f' % cached[name] for name in fs))
    for key, title, _ in SPACE:
        base = median(plain, key, 'bytes')
        out += row(title.format(**n), mib(base) + ' MiB',
                   *('%.2f' % (median(fs[name], key, 'bytes') / base) for name in others))
    out += '\nBytes on the device, MiB read / written:\n\n'
    out += row('workload', *fs) + row('---', *['---:'] * len(fs))
    for key, title, _ in TIMED:
        out += row(title.format(**n), *('%s / %s' % (mib(median(fs[name], key, 'read')),
                                                     mib(median(fs[name], key, 'written'))) for name in fs))
    scale = scales(data['scale'])
    if scale:
        out += '\nSpeed with %d CPUs, as a ratio to that with one:\n\n' % data['cpus']
        out += row('workload', *scale) + row('---', *['---:'] * len(scale))
        for key, title, _ in TIMED[:2]:
            out += row(title.format(**n), *('%.2f' % scale[name][key] for name in scale))
    return out, goals(fs, n, speed, cached, scale)


def scales(data):
    """How many times faster all CPUs are than one: the medians of both."""
    return {name: {key: statistics.median(one for one, _ in rounds) / statistics.median(every for _, every in rounds)
                   for key, rounds in ways.items()} for name, ways in data.items()}


def goals(fs, n, speed, cached, scale):
    """What Ward sets itself, and whether this run got there."""
    if 'Ward' not in fs:
        return ''
    reached, missed = [], []

    def judge(what, is_, goal, good):
        (reached if good else missed).append('%s (%s; goal %.2f)' % (what, ratio(is_, goal, good), goal))

    for key, _, goal in TIMED:
        judge(key, speed[key]['Ward'], goal, speed[key]['Ward'] >= goal)
    for key, way, goal in MOVED:
        moved = median(fs['Ward'], key, way) / median(fs['ext4'], key, way)
        judge('bytes %s, %s' % (way, key), moved, goal, moved <= goal)
    for key, _, goal in SPACE:
        space = median(fs['Ward'], key, 'bytes') / median(fs['ext4'], key, 'bytes')
        judge(key, space, goal, space <= goal)
    judge('page cache grown', cached['Ward'], CACHE, cached['Ward'] <= CACHE)
    for key, times in scale.get('Ward', {}).items():
        judge('CPUs, %s' % key, times, SCALE, times >= SCALE)
    # A larger directory is, and inodes may lie in a block more; contents are not to be read.
    looked = median(fs['Ward'], 'stat cold', 'read') - median(fs['ext4'], 'stat cold', 'read')
    if 'directory' in fs['Ward'][0]:
        looked -= median(fs['Ward'], 'directory', 'bytes') - median(fs['ext4'], 'directory', 'bytes')
    (missed if looked > LOOKED else reached).append(
        'bytes read more than of ext4 and a larger directory, stat cold (%d; goal %d)' % (looked, LOOKED))
    return 'Goals missed: %s.\n\nGoals reached: %s.\n' % ('; '.join(missed) or 'none', '; '.join(reached) or 'none')


def limits(data):
    """How near it is to what ext4 and the cipher alone would take."""
    titles = {key: title.format(**data['sizes'], each='', tree='') for key, title, *_ in TIMED + [WARM]}
    out = 'Linux %s, QEMU counting instructions, 1 CPU; %.0f ns to seal and %.0f ns to open 4096 bytes (tcrypt). ' \
          'Of Ward, the mean of two passes, which differ by %.1f %% at most' % (
              data['kernel'], data['cipher']['encryption'], data['cipher']['decryption'], data['differ'] * 100)
    if 'plain_differ' in data:
        out += '; likewise of ext4 (%.1f %%)' % (data['plain_differ'] * 100)
    out += '.\n\n'
    reached, missed = [], []
    out += row('workload', 'ext4', 'cipher', 'Ward', 'limit / Ward') + row('---', *['---:'] * 4)
    for key, ward in data['ward'].items():
        plain, need = data['ext4'][key], data['need'][key]
        near = (plain + need) / ward
        out += row(titles[key], seconds(plain / 1e9), seconds(need / 1e9), seconds(ward / 1e9), '%.2f' % near)
        if key in NEAR:
            good = near >= NEAR_GOAL
            (reached if good else missed).append('%s (%s)' % (key, ratio(near, NEAR_GOAL, good)))
    out += '\nGoals (%.2f) reached: %s; missed: %s.\n' % (NEAR_GOAL, ', '.join(reached) or 'none', ', '.join(missed) or 'none')
    ward, plain = data['ward'][WARM[0]], data['ext4'][WARM[0]]
    out += '\nOf a warm 4 KiB read, %.1f %% is what Ward takes beside ext4: all that it asks, of which the policy is a part ' \
           '(goal: below 1 %%).\n' % ((ward - plain) / ward * 100)
    for key, functions in data['profiles'].items():
        out += '\nWhere Ward spends its time, %s%s:\n\n' % (
            titles[key], ' (%s samples)' % data['samples'][key] if 'samples' in data else '')
        out += row('function', 'percent') + row('---', '---:')
        for percent, name in functions[:16]:
            out += row('`%s`' % name, percent)
    return out


GROWN = [
    ('directory', 'files in the directory', 'In one directory, per file: 1000 more are created (and synced), '
     '1000 in the middle looked for and read (cold), removed; all listed (cold)'),
    ('tree', 'files in the tree', 'In a tree of directories of 1000 files each: one more directory, and a cold one'),
    ('file', 'MiB in the file', 'In one file, per page of 4 KiB: the last 64 MiB are written (and synced) and read (cold), '
     '1000 random pages read (cold), overwritten (and synced)'),
]


def grown(data):
    """What an operation costs where there is much already, in Ward and in ext4."""
    out = 'Linux %s, QEMU without KVM, %d CPUs. Microseconds in the vault / on plain ext4, and their ratio to the first ' \
          'line.\n' % (data['kernel'], data['cpus'])
    flat, above = [], []
    for what, unit, title in GROWN:
        if what not in data['grown']['Ward']:
            continue
        ward, plain = data['grown']['Ward'][what], data['grown']['Plain'][what]
        keys = list(next(iter(ward.values())))
        smallest = next(iter(ward))
        out += '\n%s:\n\n' % title + row(unit, *keys) + row('---:', *['---:'] * len(keys))
        for size in ward:
            out += row(size, *('%.0f / %.0f (%.2f / %.2f)' % (
                ward[size][key] / 1e3, plain[size][key] / 1e3, ward[size][key] / ward[smallest][key],
                plain[size][key] / plain[smallest][key]) for key in keys))
        largest = list(ward)[-1]
        for key in keys:
            more = ward[largest][key] / ward[smallest][key] / (plain[largest][key] / plain[smallest][key])
            good = more <= FLAT
            (flat if good else above).append('%s, %s (%s)' % (what, key, ratio(more, FLAT, good)))
    return out + ('\nGrowth from the first line to the last, in the vault, divided by that on plain ext4: flat as ext4\'s (at most '
                  '%.2f): %s. Above: %s.\n' % (FLAT, '; '.join(flat) or 'none', '; '.join(above) or 'none'))


def micro(ns):
    return '%.2f µs' % (ns / 1000) if ns < 1e6 else '%.2f ms' % (ns / 1e6)


def many(data):
    """What many rules and many vaults cost."""
    out = 'Linux %s, QEMU counting instructions, 1 CPU. The file has 4 KiB, in the page cache.\n\n' % data['kernel']
    out += row('rules', 'open, read, close', 'the same, nothing remembered', 'read of an open file', 'loading', 'size')
    out += row('---', *['---:'] * 5)
    for r in data['rules']:
        out += row(r['rules'], micro(r['files']), micro(r['strange']), micro(r['page']), '%.1f ms' % (r['load'] / 1e6),
                   '%.1f KiB' % (r['size'] / 1024))
    checked, compiled = data['wardctl']['check'], data['wardctl']['rules']
    out += '\n`wardctl policy check` of a file of %d rules (each of a user and a group) takes %s.\n' % (
        compiled, seconds(checked / 1e9))
    out += '\n' + row('vaults, each unlocked', 'open, read, close in one', 'mount one more', 'unlock it', 'ask for one',
                       'list all', '`wardctl status`') + row('---:', *['---:'] * 6)
    for r in data['vaults']:
        out += row(str(r['vaults']), micro(r['files']), *(micro(r[key]) for key in ('mount', 'unlock', 'ask', 'list', 'status')))
    out += '\nA vault more takes %.0f KiB of memory.\n' % data['memory']
    return out + '\nA record costs wardd %s where one vault is refused in, %s where each of the %d is.\n' % (
        micro(data['record']['one']), micro(data['record']['all']), data['vaults'][-1]['vaults'])


def main(argv):
    save = '--save' in argv
    results, page = [a for a in argv if not a.startswith('--')]
    with open(results) as f:
        data = json.load(f)
    if '--limit' in argv:
        begin, text = BEGIN % 'limit', limits(data)
    elif '--growth' in argv:
        begin, text = BEGIN % 'growth', grown(data)
    elif '--rules' in argv:
        begin, text = BEGIN % 'rules', many(data)
    else:
        table, summary = tables(data)
        begin, text = BEGIN % 'run', table + ('\n' + summary if summary else '')
    print(text, end='')
    if save:
        with open(page) as f:
            whole = f.read()
        head, rest = whole.split(begin)
        tail = rest.split(END, 1)[1]
        with open(page, 'w') as f:
            f.write(head + begin + '\n' + text + '\n' + END + tail)


if __name__ == '__main__':
    main(sys.argv[1:])
