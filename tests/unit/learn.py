#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""wardctl policy learn and replay, on logs: what is learned allows what was refused, and no more than it says."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import time

import tap

WARDCTL = os.path.join(tap.UNIT, 'wardctl')
FAST = os.path.join(tap.UNIT, 'wardctl-fast')
UUID = '6b7a1f00-0000-4000-8000-00000000000a'
OTHER = '6b7a1f00-0000-4000-8000-00000000000b'
CONF = f'[vault]\nname = cases\nuuid = {UUID}\ndirectory = /srv/cases\n'
PROGRAMS = ['/usr/bin/tar', '/usr/bin/head', '/usr/bin/env']
ACTIONS = ['open-read', 'open-write', 'create', 'delete', 'rename', 'link', 'list', 'lookup', 'execute', 'mmap', 'setattr',
           'setxattr', 'read', 'write']
NEVER = 4000000000          # a user who is nobody here


class Machine:
    """A directory with vaults and a log."""

    def __init__(self, *records, conf=CONF):
        self.dir = tempfile.mkdtemp(prefix='ward-learn-')
        self.time = 1790000000      # 2026-09-21, a Monday
        os.mkdir(self.path('vaults.d'))
        self.write('vaults.d/cases.conf', conf)
        self.write('events.jsonl', ''.join(self.line(r) + '\n' for r in records))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), 'w') as f:
            f.write(text)

    def line(self, record):
        if isinstance(record, str):
            return record
        r = {'@timestamp': time.strftime('%Y-%m-%dT%H:%M:%S.000000000Z', time.gmtime(record.pop('at', self.time))),
             'event.kind': 'alert', 'event.action': 'open-read', 'event.outcome': 'failure', 'event.reason': 'policy',
             'user.id': '1001', 'user.effective.id': '1001', 'group.id': '1001', 'process.pid': 7, 'process.name': 'x',
             'process.executable': '/usr/bin/tar', 'ward.kind': 'violation', 'ward.vault': 'cases',
             'ward.vault_id': UUID, 'file.path': '/srv/cases/in/letter', 'ward.count': 1}
        if 'uid' in record:
            uid = record.pop('uid')
            r.update({'user.id': str(uid), 'user.effective.id': str(uid)})
        r.update(record)
        self.time += 1
        return json.dumps({k: v for k, v in r.items() if v is not None}, separators=(',', ':'))

    def run(self, *args, program=WARDCTL, status=0):
        p = subprocess.run([program, *args], cwd=self.dir, capture_output=True, text=True, timeout=120,
                           env={**os.environ, 'TZ': 'UTC'})
        assert p.returncode == status, (args, p.returncode, p.stdout[-2000:], p.stderr[-2000:])
        return p

    def learn(self, *args, status=0):
        """The rules as JSON, and the text of them."""
        text = self.run('policy', 'learn', 'cases', '--log', 'events.jsonl', *args, status=status).stdout
        said = json.loads(self.run('--json', 'policy', 'learn', 'cases', '--log', 'events.jsonl', *args,
                                   status=status).stdout)
        self.write('learned.conf', CONF + text)
        return said, text

    def replay(self, name='learned.conf', *args, status=0):
        return json.loads(self.run('--json', 'policy', 'replay', name, '--log', 'events.jsonl', *args,
                                   status=status).stdout)


def of(rule, what):
    for c in rule['conditions']:
        if c['of'] == what:
            return sorted(c['any'])
    return None


def test_the_smallest_rule():
    with Machine({'ward.count': 3}, {'event.action': 'open-write', 'at': 1790000060},
                 {'event.action': 'list', 'file.path': '/srv/cases/in'},
                 {'ward.vault': 'other', 'ward.vault_id': OTHER, 'file.path': '/srv/other/x', 'uid': 5}) as m:
        said, text = m.learn()
        assert (said['records'], said['accesses'], len(said['rules'])) == (3, 5, 1), said
        rule = said['rules'][0]
        assert (of(rule, 'user'), of(rule, 'program'), of(rule, 'path')) == (['1001'], ['/usr/bin/tar'], ['/in']), rule
        assert rule['operations'] == ['read', 'write', 'list'] and rule['allow'] and not rule['wider'], rule
        assert rule['first'] == '2026-09-21T14:13:20Z' and rule['accesses'] == 5, rule
        assert '3 records of 5 accesses, 2026-09-21 14:13:20 to 2026-09-21 14:14:20; Mon 14:13-14:14' in text, text
        assert 'WIDER' not in text
        m.run('policy', 'check', 'learned.conf')
        after = m.replay()
        assert (after['allowed'], after['refused'], after['accesses']) == (5, 0, 5), after
        # Nobody else, nothing else, nowhere else
        for other in ({'uid': 1002}, {'process.executable': '/usr/bin/env'}, {'file.path': '/srv/cases/out/x'},
                      {'file.path': '/srv/cases/inn/x'}, {'event.action': 'delete'}):
            m.write('events.jsonl', m.line(other) + '\n')
            assert m.replay()['refused'] == 1, other


def test_users_and_programs_that_did_the_same_share_a_rule():
    with Machine(*[{'uid': uid, 'process.executable': p} for uid in (7001, 7002) for p in PROGRAMS[:2]],
                 {'uid': 7003}) as m:
        rules = m.learn()[0]['rules']
        got = sorted((of(r, 'user'), of(r, 'program'), r['accesses']) for r in rules)
        assert got == [(['7001', '7002'], ['/usr/bin/head'], 2), (['7001', '7002', '7003'], ['/usr/bin/tar'], 3)], got
    with Machine(*[{'uid': uid, 'process.executable': p} for uid in (7001, 7002) for p in PROGRAMS[:2]]) as m:
        rules = m.learn()[0]['rules']
        assert len(rules) == 1 and of(rules[0], 'program') == ['/usr/bin/head', '/usr/bin/tar'], rules


def test_what_a_directory_above_has_is_not_said_again():
    with Machine({'file.path': '/srv/cases/a/x'}, {'file.path': '/srv/cases/a/b/x'},
                 {'file.path': '/srv/cases/a/b/y', 'event.action': 'open-write'}) as m:
        got = sorted((of(r, 'path'), r['operations'], r['accesses']) for r in m.learn()[0]['rules'])
        assert got == [(['/a'], ['read'], 1), (['/a/b'], ['write'], 2)], got


def test_rename_and_link():
    with Machine({'event.action': 'rename', 'file.path': '/srv/cases/a/x', 'ward.target_path': '/srv/cases/b/x'}) as m:
        got = sorted((of(r, 'path'), r['operations'], r['records']) for r in m.learn()[0]['rules'])
        assert got == [(['/a'], ['read', 'delete', 'rename'], 1), (['/b'], ['create'], 0)], got
        assert m.replay()['refused'] == 0
    with Machine({'event.action': 'link', 'file.path': '/srv/cases/b/x'}) as m:
        got = [(of(r, 'path'), r['operations']) for r in m.learn()[0]['rules']]
        assert got == [(['/b'], ['create'])], got


def test_what_was_refused_at_the_target_needs_the_source_too():
    both = {'file.path': '/srv/cases/a/x', 'ward.target_path': '/srv/cases/b/x', 'ward.decided_at': 'target'}
    for action, op in (('rename', 'rename'), ('link', 'link')):
        with Machine({**both, 'event.action': action, 'ward.operations': ['create']}) as m:
            got = sorted((of(r, 'path'), sorted(r['operations'])) for r in m.learn()[0]['rules'])
            assert got == [(['/a'], sorted(['read', 'delete', op])), (['/b'], ['create'])], got
            assert m.replay()['refused'] == 0
    # Over something that is there
    with Machine({**both, 'event.action': 'rename', 'ward.operations': ['delete']}) as m:
        got = sorted((of(r, 'path'), sorted(r['operations'])) for r in m.learn()[0]['rules'])
        assert got == [(['/a'], ['delete', 'read', 'rename']), (['/b'], ['create', 'delete'])], got
        assert m.replay()['refused'] == 0
        m.write('learned.conf', open(m.path('learned.conf')).read().replace('create, delete', 'create'))
        assert m.replay()['refused'] == 1


def test_nothing_is_learned_for_a_program_that_was_another():
    with Machine({'ward.executable.doubt': 'exchanged'}, {}, {'ward.executable.doubt': 'unknown'}) as m:
        said = m.learn()[0]
        assert (said['unclear'], said['rules'][0]['accesses']) == (1, 2), said


def test_who_only_came_by():
    with Machine({'event.action': 'lookup', 'file.path': '/srv/cases'}) as m:
        said, text = m.learn()
        rule = said['rules'][0]
        assert rule['operations'] == ['list'] and set(rule['wider']) == {'walk', 'top'}, rule
        assert 'stopped on the way' in text
        assert m.replay()['refused'] == 0
    # Where he got on, that is enough.
    with Machine({'event.action': 'lookup', 'file.path': '/srv/cases'}, {}) as m:
        rules = m.learn()[0]['rules']
        assert len(rules) == 1 and rules[0]['operations'] == ['read'] and rules[0]['accesses'] == 2, rules
        assert not rules[0]['wider'], rules
        assert m.replay()['refused'] == 0


def test_too_many_directories():
    with Machine(*[{'file.path': f'/srv/cases/a/{i:02}/x'} for i in range(20)]) as m:
        said, text = m.learn()
        rule = said['rules'][0]
        assert of(rule, 'path') == ['/a'] and rule['wider'] == ['folded'] and rule['accesses'] == 20, rule
        assert 'WIDER' in text and 'at least 20' in text, text
        rule = m.learn('--paths', '20')[0]['rules'][0]
        assert len(of(rule, 'path')) == 20 and not rule['wider'], rule
    deep = '/'.join(['d'] * 40)
    with Machine({'file.path': f'/srv/cases/{deep}/x'}) as m:
        rule = m.learn()[0]['rules'][0]
        assert of(rule, 'path') == ['/' + '/'.join(['d'] * 32)] and rule['wider'] == ['folded'], rule
        m.run('policy', 'check', 'learned.conf')
        assert m.replay()['refused'] == 0


def test_what_is_not_learned_from():
    with Machine({'event.reason': 'locked'}, {'ward.kind': 'audit', 'event.outcome': 'success'},
                 {'event.reason': 'burst', 'rule.name': 'staff', 'ward.count': 9},
                 {'ward.kind': 'tamper', 'event.action': 'tamper'},
                 {'file.path': '/mnt/elsewhere/x'}, {'event.action': 'of-a-later-version'},
                 {'ward.kind': 'lost', 'ward.count': 77, 'ward.vault': None, 'ward.vault_id': None}) as m:
        said, text = m.learn()
        assert not said['rules'] and said['records'] == 0, said
        assert (said['limited'], said['unclear'], said['lost']) == (9, 2, 77), said
        for words in ('Nothing was refused', '9 accesses that a limit refused', '2 records that do not say enough',
                      '77 events that were lost'):
            assert words in text, (words, text)


def test_what_is_said_of_a_rule():
    with Machine({'rule.name': 'no "tar"', 'user.audit.id': '1'}, {'event.reason': 'hours'},
                 {'event.outcome': 'success'}) as m:
        said, text = m.learn()
        assert said['rules'][0]['before'] == 'no "tar"', said
        for words in ('Put it before the rule "no "tar""', 'because of the hour', 'logged in as daemon'):
            assert words in text, (words, text)
    with Machine({'process.executable': None}) as m:
        said, text = m.learn()
        assert said['rules'][0]['wider'] == ['program'] and of(said['rules'][0], 'program') is None, said
    # A program that somebody else could change is told, and not put in force.
    with Machine({}) as m:
        m.write('mine', '')
        os.chmod(m.path('mine'), 0o777)
        m.write('events.jsonl', m.line({'process.executable': m.path('mine')}) + '\n')
        said, text = m.learn()
        assert 'refused' in said['rules'][0] and 'CANNOT BE LOADED' in text, text
        assert '\n[rule' not in text and '\n# [rule learned 1]' in text, text
        assert m.replay()['refused'] == 1


def test_threads_of_the_kernel():
    with Machine({'user.id': None, 'group.id': None, 'process.executable': None, 'process.name': 'nfsd'}) as m:
        rule = m.learn()[0]['rules'][0]
        assert of(rule, 'program') == ['kernel:nfsd'] and of(rule, 'user') == ['1001'], rule
        assert m.replay()['refused'] == 0
        # A process that calls itself so is none.
        m.write('events.jsonl', m.line({'process.name': 'nfsd'}) + '\n')
        assert m.replay()['refused'] == 1


def test_threads_that_no_rule_can_name():
    """Workers, and what a log says that was tampered with: one line, as a comment, and nothing for the terminal."""
    for name in 'kworker/u8:1+ev', r'a\x0a[rule x]', r'\x1b[2Jx', 'a, kernel:nfsd', 'much-longer-than-it-can-be':
        with Machine({'user.id': None, 'group.id': None, 'process.executable': None, 'process.name': name}) as m:
            said, text = m.learn()
            assert 'no rule can name' in said['rules'][0]['refused'], said
            assert 'CANNOT BE LOADED' in text and '\x1b' not in text, text
            assert all(l.startswith('#') or not l for l in text.split('\n')), text
            m.run('policy', 'check', 'learned.conf')
            told = m.run('policy', 'replay', 'learned.conf', '--log', 'events.jsonl').stdout
            assert '\x1b' not in told and '\n[rule' not in told, told


def test_names_with_any_byte_in_them():
    with Machine({'file.path': r'/srv/cases/a, b;c\x0a\xff\\/x', 'process.executable': r'/usr/bin/t\x0a[rule y],ar'}) as m:
        said, text = m.learn()
        m.run('policy', 'check', 'learned.conf')
        assert text.count('\n[rule') == 1, text
        assert m.replay()['refused'] == 0


def test_names_that_are_taken():
    with Machine({}, conf=CONF + '[rule learned 7]\neffect = deny\n') as m:
        assert m.learn()[0]['rules'][0]['name'] == 'learned 8'


def test_since_until_user():
    records = [{'at': 1790000000 + 86400 * i, 'uid': 8000 + i} for i in range(5)]
    with Machine(*records) as m:
        assert m.learn('--since', '2026-09-22', '--until', '2026-09-24')[0]['records'] == 2
        assert m.learn('--user', '8003')[0]['records'] == 1
        m.run('policy', 'learn', 'cases', '--since', 'soon', status=2)


def test_usage():
    with Machine({}) as m:
        m.run('policy', 'learn', status=2)
        m.run('policy', 'learn', 'nothing', '--log', 'events.jsonl', status=3)
        m.run('policy', 'learn', 'cases', '--log', 'none', status=1)
        m.run('policy', 'learn', 'cases', '--paths', '0', status=2)
        m.run('policy', 'learn', 'cases', '--op', 'read', status=2)
        m.run('policy', 'replay', 'none', '--log', 'events.jsonl', status=1)
        m.run('policy', 'replay', 'vaults.d/cases.conf', '--paths', '3', status=2)
        m.write('nameless', '[rule x]\neffect = allow\n')
        m.run('policy', 'replay', 'nameless', '--log', 'events.jsonl', status=2)
        m.run('policy', 'replay', 'nameless', '--vault', 'nothing', '--log', 'events.jsonl', status=3)
        assert m.replay('nameless', '--vault', 'cases')['allowed'] == 1
        m.write('wrong', '[rule x]\neffect = maybe\n')
        m.run('policy', 'replay', 'wrong', '--vault', 'cases', '--log', 'events.jsonl', status=1)
        m.write('events.jsonl', m.line({}) + '\nno record\n{"a":1\n')
        said, _ = m.learn(status=7)
        assert said['records'] == 1, said


def test_replay_counts_and_tells_what_differs():
    rules = f'''{CONF}timezone = UTC
[rule no tar]
programs = /usr/bin/tar
effect = deny
[rule day]
users = 1001
hours = 08:00-16:00
paths = /in
effect = allow
[rule much]
users = 1002
burst = 5 files / 60 s
effect = allow
'''
    day, night = 1790000000 - 14 * 3600 + 12 * 3600, 1790000000 + 8 * 3600
    head = {'process.executable': '/usr/bin/head'}
    with Machine({**head, 'at': day, 'ward.count': 4}, {**head, 'at': night}, {'at': day, 'ward.kind': 'audit',
                 'event.outcome': 'success', 'rule.name': 'old'}, {**head, 'uid': 1002, 'at': night, 'ward.kind': 'audit'},
                 {**head, 'at': day, 'event.outcome': 'success', 'file.path': '/srv/cases/out/x'}) as m:
        m.write('draft', rules)
        said = m.replay('draft')
        assert (said['records'], said['accesses'], said['allowed'], said['refused']) == (5, 8, 5, 3), said
        assert (said['no_rule'], said['limited']) == (2, 1), said
        assert [(r['rule'], r['allowed'], r['refused']) for r in said['rules']] == \
            [('no tar', 0, 1), ('day', 4, 0), ('much', 1, 0)], said
        assert [(d['was'], d['allowed'], d.get('rule'), d.get('was_rule'), d['accesses'], d['directory'], d['operations'])
                for d in said['differences']] == [('refused', True, 'day', None, 4, '/in', ['read']),
                                                  ('allowed', False, 'no tar', 'old', 1, '/in', ['read'])], said
        text = m.run('policy', 'replay', 'draft', '--log', 'events.jsonl').stdout
        assert '5 records of 8 accesses' in text.split('\n')[0], text
        assert text.index('refused by no rule: 2') < text.index('What would be otherwise'), text
        assert '+        4  1001 with /usr/bin/head: read in /in: refused then (by no rule), now allowed by "day"' in text, text


def test_hours_of_years_ago():
    with Machine({'at': 1500000000}, {'at': 1790000000}) as m:      # both on a weekday, at 02:40 and 14:13 UTC
        m.write('draft', CONF + '[rule d]\nhours = 02:00-15:00\ntimezone = UTC\neffect = allow\n')
        assert m.replay('draft')['allowed'] == 2


def test_symlinks_to_programs():
    with Machine({'process.executable': os.path.realpath('/usr/bin/python3')}) as m:
        m.write('draft', CONF + '[rule d]\nprograms = /usr/bin/python3\neffect = allow\n')
        assert m.replay('draft')['allowed'] == 1
        # A symlink that somebody made in the place of what was on record is another thing.
        m.write('events.jsonl', m.line({'process.executable': m.path('evil')}) + '\n')
        os.symlink('/usr/bin/python3', m.path('evil'))
        assert m.replay('draft')['refused'] == 1


def record(draw):
    """Something that may happen, as wardd would write it."""
    directory = '/srv/cases' + ''.join('/' + draw.choice('abc') for _ in range(draw.randrange(4)))
    action = draw.choice(ACTIONS)
    r = {'uid': draw.choice([0, 1001, 1002, NEVER]), 'event.action': action, 'ward.count': draw.choice([1, 1, 5]),
         'process.executable': draw.choice(PROGRAMS + [None]), 'file.path': directory,
         'user.audit.id': draw.choice([None, '0', '1001'])}
    if action not in ('list', 'lookup'):
        r['file.path'] += '/file'
    if action in ('rename', 'link') and draw.randrange(2):
        r['ward.target_path'] = '/srv/cases/' + draw.choice('abc') + '/new'
    if not draw.randrange(5):
        r.update({'user.id': None, 'user.effective.id': None, 'group.id': None, 'process.executable': None,
                  'process.name': 'nfsd'})
    if not draw.randrange(6):
        r['rule.name'] = 'earlier'
    return r


def test_whatever_is_learned_from_is_allowed_and_nobody_else_is():
    draw = random.Random(20)
    for turn in range(25 if not os.environ.get('WARD_LONG') else 2000):
        records = [record(draw) for _ in range(draw.randrange(1, 40))]
        with Machine(*[dict(r) for r in records]) as m:
            said, text = m.learn('--paths', str(draw.choice([1, 2, 16])))
            m.run('policy', 'check', 'learned.conf')
            after = m.replay()
            assert after['refused'] == 0 and after['accesses'] == said['accesses'], (turn, after, text)
            assert sum(r['accesses'] for r in said['rules']) == said['accesses'], (turn, said)
            # Of what others do, and what was never done by anybody, nothing is allowed.
            used = {r['uid'] for r in records}
            others = [{**record(draw), 'uid': 77000}, {**record(draw), 'process.executable': '/usr/bin/never'}]
            if any(r['process.executable'] is None and 'process.name' not in r for r in records):
                others.pop()
            others = [o for o in others if 'process.name' not in o and o['uid'] in used | {77000}]
            m.write('events.jsonl', ''.join(m.line(o) + '\n' for o in others))
            assert m.replay()['allowed'] == 0, (turn, text, others)
            # Exactly what was done, where no rule says that it is wider
            if any(r['wider'] for r in said['rules']):
                continue
            mine = [record(draw) for _ in range(20)]
            needs = lambda r: {(r['uid'], r['process.executable'], r.get('process.name'), op, place)  # noqa: E731
                               for op, place in asked(r)}
            done = set().union(*[needs(r) for r in records])
            for r in mine:
                if r['event.action'] == 'lookup':
                    continue
                below = all(any(d[:4] == n[:4] and (n[4] + '/').startswith(d[4].rstrip('/') + '/') for d in done)
                            for n in needs(r))
                m.write('events.jsonl', m.line(dict(r)) + '\n')
                assert (m.replay()['refused'] == 0) == below, (turn, r, text)


def asked(r):
    """What docs/policy.md says that an action needs, and in which directory."""
    words = {'open-read': 'read', 'mmap': 'read', 'open-write': 'write'}
    action, path = r['event.action'], r['file.path'][len('/srv/cases'):] or '/'
    here = path if action in ('list', 'lookup') else os.path.dirname(path)
    if action == 'lookup':
        return []
    if action in ('rename', 'link'):
        if 'ward.target_path' not in r:
            return [('create', here)]
        return [(o, here) for o in (action, 'read', 'delete')] + \
            [('create', os.path.dirname(r['ward.target_path'][len('/srv/cases'):]))]
    return [(words.get(action, action), here)]


def test_a_million_records():
    count = 1000000
    with Machine() as m:
        m.write('conf', f'[log]\nfile = {m.path("log/events.jsonl")}\nrotate-keep = 0\nspace-left = 0\nadmin-space-left = 0\n')
        subprocess.run([os.path.join(tap.UNIT, 'logwriter-fast'), 'conf'], cwd=m.dir, check=True, text=True,
                       input=f'open\nappend {count}\nclose\n', stdout=subprocess.DEVNULL)
        m.write('vaults.d/cases1.conf', '[vault]\nname = cases1\nuuid = 01000000-0000-0000-0000-000000000000\n'
                'directory = /srv/cases1\n')
        text = ''

        def measured(seconds, what, *args):
            """What it says; no more CPU than these, and no more than 200 MB."""
            begin = time.monotonic()
            with open(m.path('out'), 'w') as out:
                p = subprocess.Popen([FAST, *args], cwd=m.dir, stdout=out)
                _, status, used = os.wait4(p.pid, 0)
            assert status == 0, status
            cpu = used.ru_utime + used.ru_stime
            print(f'# {what}: {time.monotonic() - begin:.1f} s, {cpu:.1f} s of CPU, {used.ru_maxrss // 1024} MB', flush=True)
            assert cpu < seconds and used.ru_maxrss < 200 * 1024, used
            return open(m.path('out')).read()
        # A search of a million records: what docs/performance.md promises
        log = ('log', '--file', m.path('log/events.jsonl'))
        for args, found in ((['--path', '*"000123"*'], 1), (['--kind', 'tamper', '--user', 'user60007'], 714),
                            (['--path', '/srv/cases1/department 05', '--program', 'tar', '--json'], 25000)):
            lines = measured(10, ' '.join(('log', *args)), *log, *args).splitlines()
            assert len(lines) == found, (args, len(lines))
        for args in (['policy', 'learn', 'cases1'], ['policy', 'replay', 'learned.conf']):
            text = measured(30, args[1], *args, '--log', 'log/events.jsonl')
            if 'learn' in args:
                m.write('learned.conf', open(m.path('vaults.d/cases1.conf')).read() + text)
        assert ' records of ' in text and '(129871 of them were refused then, 0 let through' in text, text[:2000]


def test_more_than_can_be_told_apart():
    """Directories become those above; what is learned still allows everything."""
    with Machine() as m:
        with open(m.path('events.jsonl'), 'w') as f:
            for i in range(120000):
                f.write(m.line({'file.path': f'/srv/cases/{i % 7}/{i % 7000}/{i}/x'}) + '\n')
        for args in (['policy', 'learn', 'cases'], ['--json', 'policy', 'replay', 'learned.conf']):
            with open(m.path('out'), 'w') as out:
                p = subprocess.Popen([FAST, *args, '--log', 'events.jsonl'], cwd=m.dir, stdout=out)
                _, status, used = os.wait4(p.pid, 0)
            assert status == 0 and used.ru_maxrss < 200 * 1024, (status, used)
            text = open(m.path('out')).read()
            if args[1] == 'learn':
                m.write('learned.conf', CONF + text)
        said = json.loads(text)
        assert said['allowed'] == 120000 and not said['refused'], said
        assert 'WIDER' in open(m.path('learned.conf')).read()


def test_nobody_makes_the_rules_of_others_wider():
    """One user, in more directories and with more programs than are told apart; another one in two."""
    with Machine() as m:
        with open(m.path('events.jsonl'), 'w') as f:
            for i in range(60000):
                f.write(m.line({'uid': 1002, 'file.path': f'/srv/cases/{i % 7}/{i % 7000}/{i}/x',
                                'process.executable': f'/home/eve/{i // 5}'}) + '\n')
                if i % 30000 == 29999:
                    f.write(m.line({'file.path': f'/srv/cases/a/b/c/d/e/{i}/x'}) + '\n')
        said = json.loads(subprocess.run([FAST, '--json', 'policy', 'learn', 'cases', '--log', 'events.jsonl'], cwd=m.dir,
                                         capture_output=True, check=True).stdout)
        rule, = [r for r in said['rules'] if of(r, 'user') == ['1001']]
        assert of(rule, 'path') == ['/a/b/c/d/e/29999', '/a/b/c/d/e/59999'] and not rule['wider'], rule
        assert said['left_out'] > 30000, said['left_out']
        assert sum(r['accesses'] for r in said['rules']) + said['left_out'] == 60002


if __name__ == '__main__':
    raise SystemExit(tap.run([v for k, v in list(globals().items()) if k.startswith('test_')], jobs=2))
