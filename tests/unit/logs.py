# SPDX-License-Identifier: GPL-2.0-or-later
"""The event log: written by wardd's own code (logwriter), read by wardctl, and by a verifier that knows only what
docs/events.md says (tests/agent/sealcheck.py). What one of the two finds, the other finds, too."""
import base64
import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import tap

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../agent'))
import sealcheck            # noqa: E402

WARDCTL = os.path.join(tap.UNIT, 'wardctl')
WRITER = os.path.join(tap.UNIT, 'logwriter')


def key_text(key):
    text = base64.b32encode(key + hashlib.sha256(key).digest()[:3]).decode()
    return '-'.join(text[i:i + 4] for i in range(0, len(text), 4))


def place(generation, number, key, line=0, last=bytes(32)):
    """A place of log.seal as docs/events.md has it."""
    p = b'WARDSEAL' + struct.pack('<II16sQQ32s32s', 1, generation, sealcheck.mac(key, b'ward-log-id')[:16], number,
                                  line, last, key)
    return (p + hashlib.sha256(p).digest()).ljust(4096, b'\0')


class Machine:
    """A directory with a log, its seal state, and a wardd that can be killed."""

    def __init__(self, **settings):
        self.dir = tempfile.mkdtemp(prefix='ward-log-')
        self.log = os.path.join(self.dir, 'log/events.jsonl')
        given = {'seal-records': 5, 'rotate-size': 65536, 'rotate-keep': 3, 'space-left': 0, 'admin-space-left': 0}
        given.update({k.replace('_', '-'): v for k, v in settings.items()})
        with open(os.path.join(self.dir, 'conf'), 'w') as f:
            f.write(f'[log]\nfile = {self.log}\n' + ''.join(f'{k} = {v}\n' for k, v in given.items()))
        self.process = None
        self.keys = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir)

    def start(self):
        self.process = subprocess.Popen([WRITER, 'conf'], cwd=self.dir, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.do('open')
        if not self.keys and os.path.exists(self.path('state/log.key')):
            self.keys.append(sealcheck.read_state(open(self.path('state/log.key'), 'rb').read())['key'])

    def do(self, command, status=0):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        assert answer, f'{command}: ended: {self.process.communicate()[1]}'
        assert int(answer[0]) == status, f'{command}: {answer}'

    def end(self, how='close'):
        """Returns what it had to say."""
        if how == 'close':
            self.do('close')
        said = self.process.communicate('' if how == 'close' else 'exit\n', timeout=60)[1]
        assert self.process.returncode == 0, said
        self.process = None
        return said

    def path(self, name):
        return os.path.join(self.dir, name)

    def files(self):
        """As rotation numbers them, the oldest first."""
        names = [n for n in os.listdir(os.path.dirname(self.log)) if n.startswith('events.jsonl')]
        numbered = sorted((int(n.split('.')[-1]) for n in names if n[-1].isdigit()), reverse=True)
        return [f'{self.log}.{n}' for n in numbered] + [self.log] * os.path.exists(self.log)

    def wardctl(self, *args):
        return subprocess.run([WARDCTL, 'log', *args], cwd=self.dir, capture_output=True, text=True, timeout=120)

    def both(self, keys=None, state=True):
        """What wardctl and the other verifier say. Returns: is it whole, what wardctl says."""
        keys = self.keys if keys is None else keys
        with open(self.path('keys'), 'w') as f:
            f.write('# some keys\n' + ''.join(key_text(k) + '\n' for k in keys))
        args = ['verify', '--json', '--file', self.log]
        if keys:
            args += ['--key-file', 'keys']
        if state:
            args += ['--state', 'state/log.seal']
        p = self.wardctl(*args)
        assert p.returncode in (0, 4, 7), p
        said = json.loads(p.stdout)
        sealed = None
        if os.path.exists(self.path('state/log.seal')):
            sealed = sealcheck.read_state(open(self.path('state/log.seal'), 'rb').read())
        told = []
        v = sealcheck.verify([(f, open(f, 'rb').read()) for f in self.files()],
                             sealcheck.read_keys(open(self.path('keys')).read()) if keys else {}, sealed, state,
                             told.append)
        if p.returncode == 4:
            return 'key', said
        assert (p.returncode == 7) == bool(v.bad), (said, told)
        assert said['lines'] == v.lines and said['seals'] == v.seals, (said, v.lines, v.seals)
        if not v.bad:
            assert said.get('proven', {}).get('lines', 0) == v.proven, (said, v.proven)
        return not v.bad, said


def holds(m, **how):
    whole, said = m.both(**how)
    assert whole is True, said
    return said


def fails(m, word, **how):
    whole, said = m.both(**how)
    assert whole is False, said
    assert any(word in p['text'] for p in said['problems']), (word, said['problems'])


def filled(**settings):
    """A machine with three rotated files, ended in order."""
    m = Machine(**settings)
    m.start()
    m.do('append 400')
    m.end()
    assert len(m.files()) == 4, m.files()
    return m


def it_is_written_rotated_killed_and_goes_on():
    for seed in range(6):
        r = random.Random(seed)
        with Machine(rotate_keep=r.choice([0, 2, 5]), seal_records=r.choice([1, 3, 40])) as m:
            m.start()
            for _ in range(14):
                what = r.choice(['append', 'append', 'rotate', 'kill', 'close', 'tick', 'move', 'seal'])
                if what == 'append':
                    m.do(f'append {r.randrange(1, 60)}')
                elif what in ('kill', 'close'):
                    m.end(what)
                    holds(m)
                    m.start()
                elif what == 'move':
                    # Whoever does that numbers from 1, as we do.
                    for f in reversed(range(1, len(m.files()))):
                        os.rename(f'{m.log}.{f}', f'{m.log}.{f + 1}')
                    os.rename(m.log, m.log + '.1')
                    m.do('reopen')
                elif what == 'seal':
                    m.do('seal test')
                else:
                    m.do(what)
                holds(m)
            m.end()
            said = holds(m)
            assert said['unsealed'] == 0 and said['proven']['lines'] == said['lines'] and said['tail'] == 'whole', said


def a_log_that_was_moved_away_while_nobody_wrote_goes_on():
    for how in ('close', 'kill'):
        with Machine() as m:
            m.start()
            m.do('append 12')
            m.end(how)
            os.rename(m.log, m.log + '.1')
            m.start()
            m.do('append 3')
            m.end()
            assert holds(m)['lines'] > 15


def half_a_line_is_taken_away():
    with Machine() as m:
        m.start()
        m.do('append 7')
        m.end('kill')
        with open(m.log, 'a') as f:
            f.write('{"@timestamp":"20')
        fails(m, 'middle of a line')
        m.start()
        assert 'middle of a line' in m.end()
        holds(m)


def without_a_key_the_chain_only():
    with filled() as m:
        assert 'proven' not in holds(m, keys=[])
        assert holds(m, keys=[], state=False)['tail'] == 'unknown'
        whole, said = m.both(keys=[bytes(32)])
        assert whole == 'key', said


def a_missing_file_is_found():
    for gone in range(4):
        with filled() as m:
            os.unlink(m.files()[gone])
            fails(m, ['oldest files are missing', 'does not follow', 'does not follow', 'end was cut'][gone])


def files_under_other_names_are_in_their_order():
    with filled() as m:
        files = m.files()
        holds(m)
        for f, name in zip(files[:3], ('-20270101', '.saturday', '-b.old')):
            os.rename(f, m.log + name)
        p = m.wardctl('verify', '--file', m.log, '--key-file', 'keys', '--state', 'state/log.seal')
        assert p.returncode == 0, p
        shutil.copy(m.log, m.log + '.bak')
        p = m.wardctl('verify', '--file', m.log, '--key-file', 'keys', '--state', 'state/log.seal')
        assert p.returncode == 0 and 'copies' in p.stderr, p


def a_tail_that_was_cut_is_found():
    with filled() as m:
        data = open(m.log, 'rb').read()
        lines = data.split(b'\n')
        for keep in range(len(lines) - 1):
            with open(m.log, 'wb') as f:
                f.write(b''.join(line + b'\n' for line in lines[:keep]))
            fails(m, 'end was cut off')
            fails(m, 'end was cut off', keys=[])
        # wardd says so when it is started, and goes on; it stays visible.
        m.start()
        assert 'end was cut off' in m.end()
        fails(m, 'what was between them is missing')


def a_missing_exchanged_or_old_state_is_found():
    with filled() as m:
        state = m.path('state/log.seal')
        good = open(state, 'rb').read()
        os.unlink(state)
        fails(m, 'seal state is missing')
        with open(state, 'wb') as f:
            f.write(bytes(8192))
        fails(m, 'seal state is damaged')
        # One of his own, with a number that fits.
        now = sealcheck.read_state(good)
        with open(state, 'wb') as f:
            f.write(place(0, now['number'], b'x' * 32))
        fails(m, 'another key')
        os.unlink(state)
        # wardd makes another key; what went before is still proven, but not that it is all.
        m.start()
        m.do('append 2')
        assert 'is missing' in m.end()
        fails(m, 'without the one before saying so')


def an_old_state_is_caught_up_with():
    with Machine() as m:
        m.start()
        m.do('append 11')
        old = open(m.path('state/log.seal'), 'rb').read()
        for _ in range(3):
            m.do('seal test')
            between = open(m.path('state/log.seal'), 'rb').read()
        m.do('seal test')
        m.end('kill')
        # The seal was written, and its key not replaced yet: that is in order.
        for image, whole in ((between, True), (old, False)):
            with open(m.path('state/log.seal'), 'wb') as f:
                f.write(image)
            assert m.both()[0] is whole
            shutil.copy(m.log, m.path('saved'))
            m.start()
            m.do('append 1')
            m.end()
            holds(m)
            shutil.copy(m.path('saved'), m.log)


def a_forged_seal_is_not_caught_up_with():
    with Machine() as m:
        m.start()
        m.do('append 11')
        old = open(m.path('state/log.seal'), 'rb').read()
        m.do('seal test')
        m.end('kill')
        with open(m.path('state/log.seal'), 'wb') as f:
            f.write(old)
        data = open(m.log, 'rb').read()
        flipped = b'0' if data[-4:-3] != b'0' else b'1'
        with open(m.log, 'wb') as f:
            f.write(data[:-4] + flipped + data[-3:])
        m.start()
        m.do('append 1')
        assert 'was not made by wardd' in m.end()
        assert m.both()[0] is False


def another_key_takes_over():
    with Machine() as m:
        m.start()
        m.do('append 13')
        old = m.keys[0]
        new = hashlib.sha256(b'new').digest()
        with open(m.path('state/log.next'), 'wb') as f:
            f.write(place(0, 0, new) + bytes(4096))
        m.do('new-key')
        assert not os.path.exists(m.path('state/log.next'))
        state = open(m.path('state/log.seal'), 'rb').read()
        assert old not in state and new not in state
        m.do('append 13')
        m.end()
        said = holds(m, keys=[old, new])
        assert said['proven']['lines'] == said['lines'] and not said['key_missing'], said
        for keys in ([old], [new]):
            said = holds(m, keys=keys)
            assert said['key_missing'] and 0 < said['proven']['lines'] < said['lines'], said
        # Before wardd could: it takes it when it starts.
        newer = hashlib.sha256(b'newer').digest()
        with open(m.path('state/log.next'), 'wb') as f:
            f.write(place(0, 0, newer) + bytes(4096))
        m.start()
        m.do('append 1')
        m.end()
        holds(m, keys=[old, new, newer])
        # A key that nobody announced.
        with open(m.path('state/log.seal'), 'wb') as f:
            f.write(place(9, 0, b'y' * 32))
        m.start()
        m.end()
        fails(m, 'without the one before saying so', keys=[old, new, newer])


def a_key_that_was_taken_half_is_taken_whole():
    """Between the old key's last seal and the new key's place on the disk."""
    with Machine() as m:
        m.start()
        m.do('append 3')
        new = hashlib.sha256(b'new').digest()
        next_file = place(0, 0, new) + bytes(4096)
        with open(m.path('state/log.next'), 'wb') as f:
            f.write(next_file)
        before = open(m.path('state/log.seal'), 'rb').read()
        m.do('new-key')
        m.end('kill')
        lines = open(m.log, 'rb').read().split(b'\n')[:-1]
        assert b'new-key' in lines[-2] and b'"ward.seal.cause":"key"' in lines[-1]
        with open(m.log, 'wb') as f:
            f.write(b'\n'.join(lines[:-1]) + b'\n')
        for image in (before, None):
            if image:
                with open(m.path('state/log.seal'), 'wb') as f:
                    f.write(image)
            with open(m.path('state/log.next'), 'wb') as f:
                f.write(next_file)
            holds(m, keys=[m.keys[0], new])
            m.start()
            m.do('append 1')
            m.end()
            holds(m, keys=[m.keys[0], new])


def whatever_is_changed_both_find_it():
    r = random.Random(4)
    with Machine(rotate_keep=0, seal_records=2) as m:
        m.start()
        m.do('append 9')
        m.do('rotate')
        m.do('append 5')
        m.end()
        saved = {f: open(f, 'rb').read() for f in m.files()}
        state = open(m.path('state/log.seal'), 'rb').read()
        for n in range(150):
            f = r.choice(list(saved))
            data = bytearray(saved[f])
            at, to = r.randrange(len(data)), r.randrange(len(data))
            what = r.randrange(5)
            if what == 0:
                data[at] ^= 1 << r.randrange(8)
            elif what == 1:
                del data[at:to if to > at else at + 1]
            elif what == 2:
                data[at:at] = data[to:to + r.randrange(1, 900)]
            elif what == 3:
                lines = bytes(data).split(b'\n')
                i, k = r.randrange(len(lines) - 1), r.randrange(len(lines) - 1)
                lines[i], lines[k] = lines[k], lines[i]
                data = b'\n'.join(lines)
            else:
                data[at:at + 1] = r.choice([b'\0', b'\n', b'"', b'}', b'\xff', b'9'])
            with open(f, 'wb') as out:
                out.write(bytes(data))
            with_key, with_state = r.choice([(m.keys, True), (m.keys, False), ([], True)])
            whole, said = m.both(keys=with_key, state=with_state)
            assert whole is (bytes(data) == saved[f]), (n, what, said)
            with open(f, 'wb') as out:
                out.write(saved[f])
        assert open(m.path('state/log.seal'), 'rb').read() == state
        holds(m)


def killed_at(call, when):
    """wardd's code, killed at the @when-th @call, and what is found then. Returns: it came to its end."""
    commands = 'open\nappend 4\nseal test\nappend 2\nrotate\nappend 1\nnew-key\nappend 1\nclose\n'
    new = hashlib.sha256(b'new').digest()
    with Machine(seal_records=3, rotate_keep=1) as m:
        # So that there is something to be rotated away
        m.start()
        m.do('append 2')
        m.do('rotate')
        m.end()
        with open(m.path('state/log.next'), 'wb') as f:
            f.write(place(0, 0, new) + bytes(4096))
        p = subprocess.run(['strace', '-f', '-o', '/dev/null', '-e', f'inject={call}:signal=KILL:when={when}', WRITER,
                            'conf'], cwd=m.dir, input=commands, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                           text=True, timeout=60, env=dict(os.environ, ASAN_OPTIONS='detect_leaks=0'))
        assert p.returncode in (0, -9), p
        keys = [m.keys[0], new]
        # It may be in the middle of a line, which the next start takes away; nothing else may be wrong.
        whole, said = m.both(keys=keys)
        assert whole or all('middle of a line' in b['text'] for b in said['problems']), (call, when, said)
        m.start()
        m.do('append 1')
        m.end()
        said = holds(m, keys=keys)
        assert said['proven']['lines'] == said['lines'], (call, when, said)
        return p.returncode == 0


def killed_at_each(*calls):
    steps = 0
    for call in calls:
        when = 1
        while not killed_at(call, when):
            when += 1
            steps += 1
    return steps


def killed_at_every_write_it_holds():
    assert killed_at_each('write') > 10


def killed_at_every_change_of_its_key_it_holds():
    assert killed_at_each('pwrite64', 'unlinkat', 'renameat') > 15


def killed_at_every_flush_it_holds():
    assert killed_at_each('fdatasync', 'fsync') > 20


def settings_that_are_wrong_are_refused():
    with Machine() as m:
        for bad in ('space-left = many', 'space-left = 200%', 'space-left-action = halt', 'space-left-action = exec alarm',
                    'disk-full-action = single', 'seal-records = 0', 'seal-records = 3x', 'seal-after = 0',
                    'seal-after = 1y', 'rotate-size = 5', 'rotate-size = 99999999999999999999', 'rotate-keep = -1',
                    'rotate-keep = 501', 'rotate-age = x', 'file = relative', 'file = /log/', 'seal = maybe',
                    'sync = sometimes', 'nonsense = 1'):
            with open(m.path('conf'), 'w') as f:
                f.write(f'[log]\n{bad}\n')
            p = subprocess.run([WRITER, 'conf'], cwd=m.dir, input='', capture_output=True, text=True, timeout=60)
            assert p.returncode == 2 and 'line 2' in p.stderr, (bad, p)


def filters_find_what_they_should():
    with Machine(rotate_keep=0) as m:
        m.start()
        m.do('append 300')
        m.end()
        records = [json.loads(line) for f in m.files() for line in open(f)]
        assert len(m.files()) > 2
        middle = records[150]['@timestamp'][:19] + 'Z'

        def found(*args):
            p = m.wardctl('--json', '--file', m.log, *args)
            assert p.returncode == 0, p
            return [json.loads(line) for line in p.stdout.splitlines()]

        def under(e, path):
            return any(p and (p == path or p.startswith(path + '/'))
                       for p in (e.get('file.path'), e.get('ward.target_path')))
        for args, wanted in (
                ([], lambda e: e['ward.kind'] != 'seal'),
                (['--kind', 'seal'], lambda e: e['ward.kind'] == 'seal'),
                (['--kind', 'tamper'], lambda e: e['ward.kind'] == 'tamper'),
                (['--vault', 'cases2'], lambda e: e.get('ward.vault') == 'cases2'),
                (['--user', 'user60007'], lambda e: e.get('user.name') == 'user60007'),
                (['--user', '60007'], lambda e: e.get('user.id') == '60007'),
                (['--action', 'delete'], lambda e: e['event.action'] == 'delete'),
                (['--reason', 'locked'], lambda e: e.get('event.reason') == 'locked'),
                (['--program', 'smbd'], lambda e: e.get('process.name') == 'smbd'),
                (['--program', '/usr/bin/tar'], lambda e: e.get('process.executable') == '/usr/bin/tar'),
                (['--program', 'bin/tar'], lambda e: e.get('process.executable') == '/usr/bin/tar'),
                (['--path', '/srv/cases1'], lambda e: under(e, '/srv/cases1')),
                (['--path', '/srv/cases1/department 05'], lambda e: under(e, '/srv/cases1/department 05')),
                (['--path', '*"000123"*'], lambda e: '"000123"' in e.get('file.path', '')),
                (['--path', b'/srv/cases1/department 01/letter "000001"\x01.odt'],
                 lambda e: '"000001"' in e.get('file.path', '')),
                (['--since', middle], lambda e: e['ward.kind'] != 'seal' and e['@timestamp'] >= middle[:19]),
                (['--until', middle], lambda e: e['ward.kind'] != 'seal' and e['@timestamp'] < middle[:19]),
                (['--since', '1d', '--kind', 'audit', '--program', 'cat'],
                 lambda e: e['ward.kind'] == 'audit' and e['process.name'] == 'cat'),
                (['--until', '1d'], lambda e: False)):
            got, want = found(*args), [e for e in records if wanted(e)]
            assert got == want, (args, len(got), len(want))
            assert got or args[0] == '--until', args
        # For people: one line each, and no colours into a pipe.
        p = m.wardctl('--file', m.log, '--kind', 'violation')
        assert len(p.stdout.splitlines()) == len(found('--kind', 'violation')) and '\033' not in p.stdout
        for args in (['--kind', 'nonsense'], ['--action', 'nonsense'], ['--reason', 'nonsense'],
                     ['--since', 'nonsense'], ['--until', 'nonsense'], ['--path', 'relative'], ['verify', '--user', 'x'],
                     ['--key-file', 'x'], ['key', '--file', 'x'], ['verify', '--new'], ['nonsense']):
            assert m.wardctl(*args).returncode == 2, args


def following_goes_on_across_rotation():
    with Machine(rotate_keep=0) as m:
        m.start()
        m.do('append 3')
        p = subprocess.Popen([WARDCTL, 'log', '--json', '--follow', '--file', m.log], cwd=m.dir, text=True,
                             stdout=subprocess.PIPE)
        got = [json.loads(p.stdout.readline())['event.sequence'] for _ in range(3)]
        # It is held up, and misses how files are renamed.
        for n in range(6):
            if n % 2:
                p.send_signal(signal.SIGSTOP)
            for command in ('append 2', 'rotate', 'append 150', 'rotate', 'append 1'):
                m.do(command)
            p.send_signal(signal.SIGCONT)
            got += [json.loads(p.stdout.readline())['event.sequence'] for _ in range(153)]
        m.do('append 1')
        got.append(json.loads(p.stdout.readline())['event.sequence'])
        p.kill()
        p.wait()
        p.stdout.close()
        assert got == list(range(1, len(got) + 1)), got
        m.end()


def the_key_is_given_out_once():
    if os.geteuid():
        raise tap.Skip('only root may')
    with Machine() as m:
        # Before wardd was ever started
        p = m.wardctl('key', '--json')
        assert p.returncode == 0, p
        key = list(sealcheck.read_keys(json.loads(p.stdout)['key']).values())[0].key
        m.start()
        assert not os.path.exists(m.path('state/log.key'))
        m.keys = [key]
        m.do('append 4')
        m.end()
        holds(m)
        p = m.wardctl('key')
        assert p.returncode == 1 and 'given out before' in p.stderr, p
        p = m.wardctl('key', '--new', '--key-file', 'new.key')
        assert p.returncode == 0 and 'when it is started' in p.stdout, p
        assert os.stat(m.path('new.key')).st_mode & 0o777 == 0o600
        assert m.wardctl('key', '--new').returncode == 1
        m.start()
        m.do('append 4')
        m.end()
        new = list(sealcheck.read_keys(open(m.path('new.key')).read()).values())[0].key
        holds(m, keys=[key, new])
        p = m.wardctl('key', '--new', '--key-file', 'new.key')
        assert p.returncode == 1 and 'File exists' in p.stderr and not os.path.exists(m.path('state/log.next')), p
    with Machine() as m:
        # After it made one itself
        m.start()
        m.do('append 4')
        assert m.wardctl('key', '--new').returncode == 1
        p = m.wardctl('key', '--key-file', 'the.key')
        assert p.returncode == 0, p
        assert m.keys == [c.key for c in sealcheck.read_keys(open(m.path('the.key')).read()).values()]
        assert not os.path.exists(m.path('state/log.key'))
        # Wrong keys get their own answer.
        m.end()
        for text in ('', 'AAAA-BBBB', key_text(bytes(32))[:-1] + 'B'):
            with open(m.path('bad.key'), 'w') as f:
                f.write(text)
            p = m.wardctl('verify', '--file', m.log, '--key-file', 'bad.key')
            assert p.returncode == (4 if text else 1), (text, p)


def a_log_without_seals_is_verified_by_its_chain():
    with Machine(seal='no') as m:
        m.start()
        m.do('append 9')
        m.do('rotate')
        m.do('append 9')
        m.end()
        p = m.wardctl('verify', '--file', m.log)
        assert p.returncode == 0 and 'not sealed' in p.stdout, p
        assert not os.path.exists(m.path('state/log.seal'))
        # Sealed from now on: the first seal is about all of it.
        text = open(m.path('conf')).read().replace('seal = no', 'seal = yes')
        with open(m.path('conf'), 'w') as f:
            f.write(text)
        m.start()
        m.do('append 2')
        m.end()
        said = holds(m)
        assert said['proven']['lines'] == said['lines'], said


def old_files_expire_in_order():
    with Machine(rotate_keep=2) as m:
        m.start()
        for _ in range(6):
            m.do('append 70')
            m.do('rotate')
            holds(m)
        m.end()
        assert [os.path.basename(f) for f in m.files()] == ['events.jsonl.2', 'events.jsonl.1', 'events.jsonl']
        first = json.loads(open(m.log).readlines()[-1])['ward.seal.first']
        assert first > 100
        os.unlink(m.log + '.2')
        fails(m, 'oldest files are missing')


def seals_of(m):
    return [json.loads(line)['ward.seal.cause'] for f in m.files() for line in open(f) if 'ward.seal.mac' in line]


def what_is_old_is_rotated():
    with Machine(rotate_age='4s', rotate_size=0, seal_records=1000) as m:
        m.start()
        m.do('append 3')
        m.do('tick')
        assert len(m.files()) == 1
        time.sleep(4.1)
        # Also when nothing happens
        m.do('tick')
        assert [os.path.basename(f) for f in m.files()] == ['events.jsonl.1', 'events.jsonl'], m.files()
        m.do('append 2')
        m.do('tick')
        assert len(m.files()) == 2
        time.sleep(4.1)
        # or when something does
        m.do('append 1')
        assert len(m.files()) == 3
        m.end()
        assert holds(m)['lines'] > 6
    # A file is as old as its first line, whoever wrote it.
    with Machine(rotate_age='4s', rotate_size=0) as m:
        m.start()
        m.do('append 3')
        m.end()
        time.sleep(4.1)
        m.start()
        m.do('append 1')
        m.end()
        assert len(m.files()) == 2
        holds(m)


def what_is_idle_is_sealed():
    with Machine(seal_idle='3s', seal_after='1h', seal_records=1000) as m:
        m.start()
        m.do('tick')
        assert 'idle' not in seals_of(m), seals_of(m)
        for n in range(1, 4):
            time.sleep(3.1)
            m.do('tick')
            m.do('tick')
            assert seals_of(m).count('idle') == n, seals_of(m)
        m.end()
        holds(m)
    with Machine(seal_idle=0, seal_records=1000) as m:
        m.start()
        time.sleep(1.1)
        m.do('tick')
        assert 'idle' not in seals_of(m), seals_of(m)
        m.end()
        holds(m)


def what_cannot_be_rotated_grows():
    with Machine() as m:
        m.start()
        m.do('append 1')
        m.end()
        p = subprocess.run(['strace', '-f', '-o', '/dev/null', '-e', 'inject=renameat:error=EACCES', WRITER, 'conf'],
                           cwd=m.dir, input='open\nappend 300\nexit\n', capture_output=True, text=True, timeout=60,
                           env=dict(os.environ, ASAN_OPTIONS='detect_leaks=0'))
        assert p.returncode == 0 and p.stderr.count('cannot rotate') == 1, p
        assert os.path.getsize(m.log) > 200000
        holds(m)
        m.start()
        m.do('append 1')
        m.end()
        assert len(m.files()) == 2
        holds(m)


def refusals_are_told_with_the_rule_that_was_nearest():
    record = {'@timestamp': '2026-11-20T18:40:51.000000Z', 'ward.kind': 'violation', 'event.action': 'open-read',
              'event.outcome': 'failure', 'event.reason': 'policy', 'user.id': '1001', 'file.path': '/srv/d/x'}
    near = {'ward.nearest_rule': 'day', 'ward.lacks': ['hours', 'programs']}
    told = ', the nearest is "day" (not its hours, programs)'
    with Machine() as m:
        m.start()
        m.end()
        for more, wanted in (
            ({}, ' may not open for reading /srv/d/x: no rule allows it'),
            (near, f' may not open for reading /srv/d/x: no rule allows it{told}'),
            ({**near, 'event.reason': 'hours'}, f': no rule allows it at this hour{told}'),
            ({**near, 'event.outcome': 'success'}, f' would not be allowed to open for reading /srv/d/x: no rule allows it{told}'),
            ({'event.reason': 'hours', 'rule.name': 'night'}, ' /srv/d/x: rule "night"'),
            ({'event.reason': 'locked'}, ' /srv/d/x: the vault is locked'),
            ({'event.outcome': 'success', 'ward.kind': 'audit'}, ' was allowed to open for reading /srv/d/x'),
        ):
            with open(m.log, 'w') as f:
                f.write(json.dumps({**record, **more}) + '\n')
            p = m.wardctl('--file', m.log)
            assert p.stdout.rstrip().endswith(wanted), (p, wanted)


def hostile_logs_are_read_without_harm():
    with Machine() as m:
        m.start()
        m.do('append 2')
        m.end()
        good = open(m.log, 'rb').read()
        for text in (b'', b'\n', b'\0' * 5000, b'{}\n', b'[]\n' * 10, b'{"a":' * 20000 + b'\n', b'x' * 700000 + b'\n',
                     b'x' * 700000, good + b'\xff\xfe\n', good[:-1] + b'\0\n', b'{"ward.kind":"seal"}\n' * 3):
            with open(m.log, 'wb') as f:
                f.write(text)
            for args in (['--json'], [], ['--kind', 'seal'], ['--path', '*'], ['--since', '1d']):
                assert m.wardctl('--file', m.log, *args).returncode in (0, 7), (text[:50], args)
            assert m.both()[0] is False, text[:50]
        os.unlink(m.log)
        os.mkfifo(m.log)
        assert m.wardctl('verify', '--file', m.log).returncode == 1
        assert m.wardctl('--file', m.log).returncode == 1


if __name__ == '__main__':
    sys.exit(tap.run([f for f in list(globals().values()) if callable(f) and f.__module__ == '__main__'
                      and not isinstance(f, type) and f.__name__ not in ('key_text', 'place', 'seals_of', 'holds', 'fails', 'filled',
                                                                  'killed_at', 'killed_at_each')],
                     jobs=2))
