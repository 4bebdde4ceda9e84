#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the table out of what bench.py measured.

    table.py [--save] RESULTS.json PERFORMANCE.md

Ratios are of speed: 0.5 takes twice the time of plain ext4; more is better. Those of bytes
and space are amounts: less is better. --save replaces what stands between the two marks in
PERFORMANCE.md.
"""
import json, statistics, sys

BEGIN, END = '<!-- table: made by tests/bench/%s --save -->\n', '<!-- end of table -->\n'

# key in the results, title; {} are the sizes
TIMED = [
    ('write', 'sequential write {mib} MiB + fsync'),
    ('read cold', 'sequential read, cold'),
    ('read warm', 'sequential read, warm'),
    ('mmap cold', 'mmap read, cold'),
    ('random read cold', '{random} random 4 KiB reads, cold'),
    ('overwrite', '{random} random 4 KiB overwrites, one fsync'),
    ('overwrite sync', '{each} random 4 KiB overwrites, fsync each'),
    ('append sync', '{each} appends of 100 B, fsync each'),
    ('create', 'create {files} files of 4 KiB, sync'),
    ('stat cold', 'stat {files} files, cold'),
    ('read files cold', 'read {files} files, cold'),
    ('unlink', 'unlink {files} files, sync'),
    ('cp -a', 'cp -a of a {tree}-file tree, sync'),
    ('find -ls cold', 'find -ls of it, cold'),
    ('rm -rf', 'rm -rf of it, sync'),
]


def median(passes, *keys):
    values = []
    for results in passes:
        for key in keys:
            results = results[key]
        values.append(results)
    return statistics.median(values)


def seconds(s):
    return '%.0f s' % s if s >= 100 else '%.3g s' % s if s >= 1 else '%.3g ms' % (s * 1e3)


def mib(n):
    return '%.2f' % (n / 1048576)


def row(*cells):
    return '| ' + ' | '.join(cells) + ' |\n'


def tables(data):
    fs, n = data['fs'], data['sizes']
    others = [name for name in fs if name != 'ext4']
    plain = fs['ext4']
    out = 'Linux %s, QEMU without KVM, %d CPUs, %s.\n\n' % (
        data['kernel'], data['cpus'],
        'median of %d passes' % data['passes'] if data['passes'] > 1 else 'one pass')
    out += 'Speed, as a ratio to plain ext4 (more is better):\n\n'
    out += row('workload', 'ext4', *others) + row('---', *['---:'] * (1 + len(others)))
    speed = {}
    for key, title in TIMED:
        base = median(plain, key, 'seconds')
        speed[key] = {name: base / median(fs[name], key, 'seconds') for name in others}
        out += row(title.format(**n), seconds(base), *('%.2f' % speed[key][name] for name in others))
    out += '\nMemory and space, as a ratio to plain ext4 (less is better):\n\n'
    out += row('', 'ext4', *others) + row('---', *['---:'] * (1 + len(others)))
    grown = {name: median(fs[name], 'cache', 'bytes') / (n['mib'] << 20) for name in fs}
    out += row('page cache grown, per byte read cold', *('%.2f' % grown[name] for name in fs))
    for key, title in ('space files', 'space of {files} files of 4 KiB'), ('space tree', 'space of the tree'):
        base = median(plain, key, 'bytes')
        out += row(title.format(**n), mib(base) + ' MiB',
                   *('%.2f' % (median(fs[name], key, 'bytes') / base) for name in others))
    out += '\nBytes on the device, MiB read / written:\n\n'
    out += row('workload', *fs) + row('---', *['---:'] * len(fs))
    for key, title in TIMED:
        out += row(title.format(**n), *('%s / %s' % (mib(median(fs[name], key, 'read')),
                                                     mib(median(fs[name], key, 'written'))) for name in fs))
    return out, targets(speed, grown)


def targets(speed, grown):
    """What Ward sets itself, and whether this run got there."""
    out = ''
    for peer, least, keys in (('gocryptfs', 1.0, [key for key, _ in TIMED]),
                              ('eCryptfs', 0.8, ['write', 'read cold'])):
        if 'Ward' not in grown or peer not in grown:
            continue
        ratios = {key: speed[key]['Ward'] / speed[key][peer] for key in keys}
        missed = [key for key in keys if ratios[key] < least]
        out += '- at least %.1f times the speed of %s (%s): %s\n' % (
            least, peer, 'everywhere' if len(keys) > 2 else 'sequential write and read',
            'missed by ' + ', '.join('%s (%.2f)' % (key, ratios[key]) for key in missed) if missed
            else 'reached; the least is %.2f' % min(ratios.values()))
    if 'Ward' in grown:
        out += '- page cache grown by at most 1.1 of what was read cold: %s (%.2f)\n' % (
            'reached' if grown['Ward'] <= 1.1 else 'missed', grown['Ward'])
    return out and 'Targets:\n\n' + out


def limits(data):
    """How near it is to what ext4 and the cipher alone would take."""
    titles = {key: title.format(**data['sizes'], each='', tree='') for key, title in TIMED}
    out = 'Linux %s, QEMU counting instructions, 1 CPU; %.0f ns to seal and %.0f ns to open 4096 bytes (tcrypt).\n\n' % (
        data['kernel'], data['cipher']['encryption'], data['cipher']['decryption'])
    out += row('workload', 'ext4', 'cipher', 'Ward', 'limit / Ward') + row('---', *['---:'] * 4)
    for key, ward in data['ward'].items():
        plain, need = data['ext4'][key], data['need'][key]
        out += row(titles[key], seconds(plain / 1e9), seconds(need / 1e9), seconds(ward / 1e9),
                   '%.2f' % ((plain + need) / ward))
    for key, functions in data['profiles'].items():
        out += '\nWhere Ward spends its time, %s:\n\n' % titles[key]
        out += row('function', 'percent') + row('---', '---:')
        for percent, name in functions[:16]:
            out += row('`%s`' % name, percent)
    return out


def main(argv):
    save, limit = '--save' in argv, '--limit' in argv
    results, page = [a for a in argv if not a.startswith('--')]
    with open(results) as f:
        data = json.load(f)
    if limit:
        begin, text = BEGIN % 'limit', limits(data)
    else:
        table, goals = tables(data)
        begin, text = BEGIN % 'run', table + ('\n' + goals if goals else '')
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
