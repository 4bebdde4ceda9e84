# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiled policies with every type of condition and every flag that format 1 has, made from docs/format.md alone, and
what they say of some accesses: a part of tests/vectors/format-1b.json (vectors.py)."""
import struct

ALLOW, RECORD, SILENT = 1, 2, 4
PERMISSIVE, FIXED = 1, 2
READ, WRITE, CREATE, DELETE, RENAME, LINK, LIST, EXECUTE, SETATTR, SETXATTR = (1 << i for i in range(10))
# A Monday, 0:00 UTC; local time of the zone is an hour ahead, and from FORWARD on two hours.
MONDAY, HOUR, DAY = 1749427200, 3600, 86400
FORWARD, UNTIL = MONDAY + 2 * DAY, MONDAY + 700 * DAY


def padded(data):
    return data + bytes(-len(data) % 8)


def condition(kind, count, entries):
    return struct.pack('<IHH', 8 + len(entries), kind, count) + entries


def subjects(*who, kind=1):
    return condition(kind, len(who), b''.join(struct.pack('<II', *w) for w in who))


def logins(*who):
    return subjects(*((1, uid) for uid in who), kind=2)


def threads(*names):
    return condition(3, len(names), b''.join(struct.pack('16s', n) for n in names))


def paths(*those):
    return condition(4, len(those), b''.join(padded(struct.pack('<H', len(p)) + p) for p in those))


def program_id(kind, generation=0, fs=b'', inode=0, dev=0):
    return struct.pack('<II16sQII', kind, generation, fs, inode, dev, 0)


def programs(*those):
    entries = b''
    for path, ident in those:
        entries += padded(struct.pack('<HHI', 48 + len(padded(path)), len(path), 0) + ident + path)
    return condition(5, len(those), entries)


def hours(since, until, zone, offsets, *spans):
    body = struct.pack('<QQII40s', since, until, len(offsets), 0, zone)
    body += b''.join(struct.pack('<QiI', at, seconds, 0) for at, seconds in offsets)
    return condition(6, len(spans), body + b''.join(struct.pack('<II', *s) for s in spans))


def limits(*those):
    return condition(7, len(those), b''.join(struct.pack('<IIQ', *one) for one in those))


def rule(name, flags, operations, *conditions):
    body = b''.join(conditions)
    return struct.pack('<IHHII64s', 80 + len(body), flags, len(conditions), operations, 0, name) + body


def policy(uuid, serial, flags, *rules):
    """Without its MAC."""
    body = b''.join(rules)
    return struct.pack('<8sHHI16sQI20s', b'WARDPOL', 1, flags, 64 + len(body) + 32, uuid, serial, len(rules), b'') + body


EDIT = program_id(1, 7, bytes(range(0xc0, 0xd0)), 123456789)
NEWER = program_id(1, 8, bytes(range(0xc0, 0xd0)), 5000000000)
TOOL = program_id(2, 0, bytes(range(0xd0, 0xe0)), 42, 0x800001)
ABSENT = program_id(3)
# Of a process whose program no rule can name
NAMELESS = program_id(0, 0, bytes(16), 77)
OFFSETS = ((MONDAY, HOUR), (FORWARD, 2 * HOUR))
# Tuesday 7:00 to 19:00, Friday 22:00 to midnight; Sunday
OPEN = ((DAY + 7 * HOUR, DAY + 19 * HOUR), (4 * DAY + 22 * HOUR, 5 * DAY))
SUNDAY = ((6 * DAY, 7 * DAY),)


def all_rules(edit=EDIT, tool=TOOL, absent=ABSENT, since=MONDAY, until=UNTIL, offsets=OFFSETS, most=20):
    """One rule with every type, and one for each; what a renewal may change, and a limit, which it may not."""
    return (
        rule(b'not by night watch', SILENT, WRITE | CREATE | DELETE | RENAME | LINK,
             subjects((1, 4001), (2, 4100))),
        rule(b'nothing on Sundays', 0, SETATTR | SETXATTR, hours(since, until, b'Europe/Berlin', offsets, *SUNDAY)),
        rule('Kaffeekasse ☕'.encode(), 0, READ, subjects((1, 4002)), paths('/café'.encode(), b'/a b/;c')),
        rule(b'auditors', ALLOW | RECORD, READ | LIST, subjects((2, 4200)), logins(4010, 4011)),
        rule(b'all at once', ALLOW, READ | WRITE, subjects((1, 1000), (2, 1500)), subjects((2, 1600)), logins(1000),
             threads(b'nfsd', b'lockd'), paths(b'/letters', b'/letters/2024/in'),
             programs((b'/usr/bin/edit', edit), (b'/opt/a tool', tool), (b'/usr/bin/gone', absent)),
             hours(since, until, b'Europe/Berlin', offsets, *OPEN),
             limits((1, 60, most), (2, 7200, 1 << 33), (3, 2678400, 1))),
        rule(b'servers', ALLOW, READ | LIST, subjects((1, 4003)), threads(b'nfsd')),
        rule(b'programs', ALLOW | SILENT, EXECUTE, programs((b'/usr/bin/edit', edit))),
        rule(b'the whole vault', ALLOW, 0x3ff, subjects((1, 4002)), paths(b'/')),
    )


def all_policies(uuid):
    """{what: without MAC}; the serial numbers are those of rules that were loaded, and of renewals of them."""
    def of(serial, flags=0, **changes):
        return policy(uuid, serial, flags, *all_rules(**changes))
    return {
        'no rules': policy(uuid, 0x10000, 0),
        'permissive': policy(uuid, 0x20000, PERMISSIVE, rule(b'anybody', ALLOW, LIST)),
        'every condition': of(0x30000),
        'fixed': of(0x30000, FIXED),
        'fixed and permissive': of(0x30000, FIXED | PERMISSIVE),
        'renewed': of(0x30001, edit=NEWER, absent=EDIT, since=MONDAY - DAY, until=UNTIL + DAY,
                      offsets=((MONDAY - DAY, HOUR), (FORWARD, 2 * HOUR), (UNTIL, HOUR))),
        'renewed, once more': of(0x30002),
        'renewed, but out of turn': of(0x30003, edit=NEWER),
        'renewed up to the next number': of(0x40000, edit=NEWER),
        'the last renewal': of(0x3ffff),
        'fixed, renewed': of(0x30001, FIXED, edit=NEWER),
        'with another limit': of(0x30001, most=21),
        'with a program forgotten': of(0x30001, tool=ABSENT),
        'with another local time': of(0x30001, offsets=((MONDAY, HOUR), (FORWARD, 3 * HOUR))),
        'with less time known': of(0x30001, until=UNTIL - 1),
    }


# (the policy in force, the one that comes, what the kernel says of it without a secret: 0 or an errno)
ESTALE, EPERM = 116, 1
RENEWALS = [
    ('every condition', 'renewed', 0),
    ('renewed', 'renewed, once more', EPERM),
    ('every condition', 'renewed, once more', ESTALE),
    ('every condition', 'renewed, but out of turn', ESTALE),
    ('the last renewal', 'renewed up to the next number', ESTALE),
    ('fixed', 'fixed, renewed', EPERM),
    ('fixed', 'renewed', EPERM),
    ('every condition', 'fixed, renewed', EPERM),
    ('every condition', 'with another limit', EPERM),
    ('every condition', 'with a program forgotten', EPERM),
    ('every condition', 'with another local time', EPERM),
    ('every condition', 'with less time known', EPERM),
]

# Tuesday, 6:30 and 5:30 UTC
TUESDAY, EARLY = MONDAY + DAY + 6 * HOUR + 1800, MONDAY + DAY + 5 * HOUR + 1800
WHO = {'user': 1000, 'group': 1600, 'login': 1000, 'program': EDIT.hex(), 'place': '/letters/x', 'now': TUESDAY,
       'operations': READ | WRITE}


def asked(answer, **changes):
    """An access by WHO, but for this, and the answer: "allow" or "refuse", then "record", "silent", the limits asked
    (what/seconds/most), and the rule in the end."""
    return {**WHO, **changes, 'answer': answer}


LIMITS = '1/60/20 2/7200/8589934592 3/2678400/1'
BY_ALL = 'allow %s: all at once' % LIMITS
ACCESSES = {
    'no rules': [asked('refuse: ', operations=READ)],
    'permissive': [asked('allow: anybody', operations=LIST), asked('refuse: ', operations=READ)],
    'every condition': [
        # The rule with every type of condition: it holds, and then one of them does not at a time.
        asked(BY_ALL), asked(BY_ALL, program=TOOL.hex()), asked(BY_ALL, place='/letters'),
        asked(BY_ALL, place='/letters/2024/in/a'),
        asked('refuse: ', user=1001), asked('refuse: ', group=1601), asked('refuse: ', login=1001),
        asked('refuse: ', login=None), asked('refuse: ', program=NEWER.hex()), asked('refuse: ', program=NAMELESS.hex()),
        asked('refuse: ', program=None), asked('refuse: ', place='/lettersx'), asked('refuse: ', place='/'),
        asked('refuse: ', place=None), asked('refuse: ', now=EARLY), asked('refuse: ', now=MONDAY - 1),
        asked('refuse: ', now=UNTIL), asked('refuse: ', operations=READ | DELETE),
        # Local time: 7:00 is 6:00 UTC, up to 18:00; after the change on Wednesday, Friday 22:00 is 20:00.
        asked(BY_ALL, now=MONDAY + DAY + 6 * HOUR), asked('refuse: ', now=MONDAY + DAY + 6 * HOUR - 1),
        asked(BY_ALL, now=MONDAY + DAY + 18 * HOUR - 1), asked('refuse: ', now=MONDAY + DAY + 18 * HOUR),
        asked(BY_ALL, now=MONDAY + 4 * DAY + 20 * HOUR), asked('refuse: ', now=MONDAY + 4 * DAY + 20 * HOUR - 1),
        asked(BY_ALL, now=MONDAY + 5 * DAY - 2 * HOUR - 1), asked('refuse: ', now=MONDAY + 5 * DAY - 2 * HOUR),
        # Threads of the kernel instead of programs, for whom they act
        asked(BY_ALL, thread='nfsd'), asked('refuse: ', thread='kworker'),
        asked('allow: servers', user=4003, thread='nfsd', operations=LIST),
        asked('refuse: ', user=4003, thread='lockd', operations=LIST), asked('refuse: ', user=4003, operations=LIST),
        # The first rule that denies, and the reports
        asked('refuse silent: not by night watch', user=4001, operations=READ | WRITE),
        asked('refuse silent: not by night watch', group=4100, operations=CREATE),
        asked('refuse: nothing on Sundays', user=4002, operations=SETATTR, now=MONDAY + 6 * DAY),
        asked('allow: the whole vault', user=4002, operations=SETATTR, now=MONDAY + 6 * DAY - 2 * HOUR - 1),
        asked('refuse: nothing on Sundays', user=4002, operations=SETATTR, now=UNTIL),
        asked('refuse: Kaffeekasse ☕', user=4002, operations=READ, place='/café/x'),
        asked('refuse: Kaffeekasse ☕', user=4002, operations=READ, place='/a b/;c'),
        asked('refuse: Kaffeekasse ☕', user=4002, operations=READ, place=None),
        asked('allow: the whole vault', user=4002, operations=READ, place='/cafe'),
        asked('allow: the whole vault', user=4002, operations=WRITE, place=None),
        asked('allow record: auditors', user=1, group=4200, login=4011, operations=READ | LIST),
        asked('refuse: ', user=1, group=4200, login=4012, operations=READ),
        asked('allow: programs', user=1, operations=EXECUTE),
        asked('refuse: ', user=1, operations=EXECUTE, program=NEWER.hex()),
    ],
    'renewed': [asked(BY_ALL, program=NEWER.hex()), asked(BY_ALL), asked('refuse: ', program=NAMELESS.hex()),
                asked('refuse: nothing on Sundays', user=4002, operations=SETATTR, now=MONDAY - 2 * HOUR)],
}
ACCESSES['fixed'] = ACCESSES['fixed and permissive'] = ACCESSES['every condition'][:2]
