#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ward-recover from outside: what it writes, and what it says of a vault that somebody tampered with."""
import os
import random
import shutil
import stat
import subprocess
import sys

import tap
from vaults import BLOCK, CAP, FIRST, HEADER, KEYFILE, UNIT, Vault, everything, read, start, write

# docs/format.md: where each field stands. In a header; in a unit, after its beginning.
HEADER_FIELDS = {'magic': 0, 'version': 8, 'suite': 10, 'generation': 12, 'vault': 16, 'vault end': 31, 'id': 32,
                 'id end': 47, 'flags': 48, 'flags end': 51, 'nonce': 52, 'nonce end': 63, 'key': 64, 'key end': 95,
                 'tag': 96, 'tag end': 111, 'reserved': 112, 'reserved end': 511}
UNIT_FIELDS = {'nonce': 0, 'nonce end': 11, 'tag': 12, 'tag end': 27, 'length': 28, 'length end': 29, 'flags': 30,
               'flags end': 31, 'payload': 32}


def everything_comes_back():
    for options in ((), ('--chacha',), ('--unclean',), ('--chacha', '--unclean')):
        with Vault(*options) as v:
            r = v.recover()
            assert r.status == 0 and not r.findings, r.findings
            assert r.all['unchecked'] == ('--unclean' in options)
            v.same(r)
            r = v.recover('--unchecked')
            assert r.status == 0 and not r.findings, r.findings
            v.same(r)


def every_kind_of_secret():
    with Vault() as v:
        v.same(v.recover(secret=('--recovery-key-file', v.secret('recovery', v.recovery_key()))))
        v.same(v.recover(secret=('--key-file', v.secret('keyfile', KEYFILE))))
        out = v.tmp + '/stdin'
        p = subprocess.run([tap.UNIT + '/ward-recover', '--passphrase-file', '-', v.dir, out], check=False,
                           input=b'ward-test-passphrase\n', capture_output=True)
        assert p.returncode == 0, p.stderr


def as_an_ordinary_user():
    """No privilege is needed, and a vault that may not be written is read all the same."""
    with Vault() as v:
        kwargs = {}
        if os.getuid() == 0:
            subprocess.run(['chown', '-R', '65534:65534', v.tmp], check=True)
            kwargs = {'user': 65534, 'group': 65534, 'extra_groups': []}
        subprocess.run(['chmod', '-R', 'a-w', v.dir], check=True)
        r = v.recover(**kwargs)
        subprocess.run(['chmod', '-R', 'u+w', v.dir], check=True)
        assert r.status == 0 and not r.findings, (r.stderr, r.findings)
        got = everything(r.out)
        assert set(got) == set(everything(v.plain))
        for path in v.files(0):
            assert read(f'{v.plain}/{path}') == read(f'{r.out}/{path}')
        assert {st.st_uid for st in got.values()} == {kwargs.get('user', os.getuid())}


def vault_is_left_as_it_was():
    with Vault() as v:
        before = {p: (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_mode) for p, s in everything(v.dir).items()}
        v.recover()
        v.recover('--unchecked')
        assert before == {p: (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_mode)
                          for p, s in everything(v.dir).items()}


def wrong_secrets():
    with Vault() as v:
        for kind, data in (('passphrase', b'ward-test-passphras'), ('passphrase', b'ward-test-passphrase\n\n'),
                           ('key', KEYFILE[:-1]), ('recovery-key', v.recovery_key()[:-2] + b'A\n'),
                           ('recovery-key', b'AAAA-BBBB\n'),
                           ('recovery-key', Vault.recovery_key(type('', (), {'chacha': True})))):
            r = v.recover(secret=(f'--{kind}-file', v.secret('wrong', data)))
            assert r.status == 4 and r.all['status'] == 4, (kind, data, r.status, r.stderr)
            assert not os.path.exists(r.out), 'a wrong secret leaves nothing behind'


def wrong_usage():
    with Vault() as v:
        pw = ('--passphrase-file', v.tmp + '/passphrase')
        os.makedirs(v.tmp + '/full/x')
        for args in ((), ('a',), ('a', 'b', 'c'), ('--verify-only', 'a', 'b'), ('--what', 'a', 'b'),
                     (*pw, '--key-file', 'x', v.dir, v.tmp + '/o'), (*pw, v.dir, v.tmp + '/full'),
                     (*pw, v.dir, v.dir + '/.ward/tree/out'), (*pw, v.dir, v.dir + '/out')):
            p = v.run(*args)
            assert p.returncode == 2 and p.stderr, (args, p.returncode, p.stderr)
        assert os.listdir(v.tmp + '/full') == ['x']
        for missing in ('nowhere', 'plain', 'passphrase'):
            p = v.run(*pw, f'{v.tmp}/{missing}', v.tmp + '/o')
            assert p.returncode == 3, (missing, p.returncode, p.stderr)
        p = v.run('--passphrase-file', v.tmp + '/nowhere', v.dir, v.tmp + '/o')
        assert p.returncode in (1, 2) and b'nowhere' in p.stderr
        assert not os.path.exists(v.tmp + '/o')
        for args in (('--help',), ('--version',)):
            p = v.run(*args)
            assert p.returncode == 0 and b'ward-recover' in p.stdout


def vault_files():
    for copies, status in ((('vault',), 7), (('vault.bak',), 7), (('vault', 'vault.bak'), 7)):
        for how in ('flip', 'cut', 'remove', 'link'):
            with Vault() as v:
                for copy in copies:
                    path = f'{v.dir}/.ward/{copy}'
                    if how == 'flip':
                        v.flip(path, 690)       # in the MAC: it parses
                    elif how == 'cut':
                        os.truncate(path, 300)
                    else:
                        os.unlink(path)
                        if how == 'link':
                            os.symlink('/etc/passwd', path)
                r = v.recover()
                assert r.status == status, (copies, how, r.status, r.stderr)
                if len(copies) == 1:
                    v.same(r)
                    assert [f['file'] for f in r.of('integrity')] == ['.ward'], r.findings
                else:
                    assert not os.path.exists(r.out) and 'backup' in r.stderr, r.stderr
    with Vault() as v:
        for copy in ('vault', 'vault.bak'):
            v.change(f'{v.dir}/.ward/{copy}', 8, lambda b: 9)
        r = v.recover()
        assert r.status == 1 and 'newer' in r.stderr, (r.status, r.stderr)


def a_vault_in_the_making():
    with Vault() as v:
        write(v.dir + '/.ward/creating', b'copying\n')
        r = v.recover()
        assert r.status == 0 and [f['severity'] for f in r.findings] == ['note'], r.findings
        assert 'stopped' in r.findings[0]['message']
        v.same(r)


def epoch_files():
    def both(v):
        v.flip(v.dir + '/.ward/epoch', 40)
        v.flip(v.dir + '/.ward/epoch', 4096 + 40)

    for how, severity in ((lambda v: v.flip(v.dir + '/.ward/epoch', 100), 'crash or cut'),
                          (lambda v: v.flip(v.dir + '/.ward/epoch', 4096 + 100), 'crash or cut'), (both, 'integrity'),
                          (lambda v: os.unlink(v.dir + '/.ward/epoch'), 'integrity'),
                          (lambda v: os.truncate(v.dir + '/.ward/epoch', 0), 'integrity')):
        with Vault() as v:
            how(v)
            r = v.recover()
            assert [f['severity'] for f in r.findings] == [severity] and r.all['unchecked'], r.findings
            assert r.status == (7 if severity == 'integrity' else 0)
            v.same(r)


def every_field_of_the_header():
    fields = list(HEADER_FIELDS.values())
    for options in ((), ('--unclean',)):
        with Vault(*options) as v:
            files = v.files(0)
            assert len(files) > 2 * len(fields)
            for turn in range(0, len(fields), 5):       # each field in several files, large, small and empty
                bad = {f: fields[(i + turn) % len(fields)] for i, f in enumerate(files)}
                for f, at in bad.items():
                    v.flip(v.lower(f), at, at % 8)
                r = v.recover()
                # A file that cannot be opened is told of under each of its names.
                assert r.named() - {'links/other/two of two'} == set(files), set(files) ^ r.named()
                assert {f['severity'] for f in r.findings} == {'integrity'} and r.status == 7
                got = everything(r.out)
                assert not any(stat.S_ISREG(st.st_mode) for st in got.values())
                for f, at in bad.items():
                    v.flip(v.lower(f), at, at % 8)
            v.same(v.recover())


def blocks_of(size):
    return 1 if size <= FIRST else 1 + -(-(size - FIRST) // CAP)


def every_field_of_a_unit():
    """In the first, the last, and a block between: that block is lost, and no other byte."""
    for options in ((), ('--chacha', '--unclean')):
        with Vault(*options) as v:
            files = v.dense()
            sizes = {f: os.stat(f'{v.plain}/{f}').st_size for f in files}
            for turn, at in enumerate((*UNIT_FIELDS.values(), None)):
                bad = {}
                for i, f in enumerate(files):
                    n = blocks_of(sizes[f])
                    bad[f] = (0, n // 2, n - 1)[(i + turn) % 3]

                def flip():
                    for f, k in bad.items():
                        unit = k * BLOCK + (0 if k else HEADER)
                        v.flip(v.lower(f), (k + 1) * BLOCK - 1 if at is None else unit + at, 3)
                flip()
                r = v.recover()
                assert r.status == 7
                told = {f['file']: (f['first_block'], f['last_block'], f['reason']) for f in r.of('integrity')}
                for f, k in bad.items():
                    want, got = read(f'{v.plain}/{f}'), read(f'{r.out}/{f}')
                    hole = min(start(k + 1), len(want)) - start(k)
                    assert got == want[:start(k)] + bytes(hole) + want[start(k + 1):], (at, f, k, len(got), len(want))
                    if f.startswith('sizes/'):
                        assert told[f] == (k, k, 'block'), (at, f, k, told[f])
                v.judge(r)
                flip()
            v.same(v.recover())


def blocks_moved():
    with Vault() as v:
        big, other = v.lower('sizes/300000 bytes'), v.lower('sizes/262143 bytes')
        a, b = read(big), read(other)
        for data, bad in ((a[:BLOCK] + a[2 * BLOCK:3 * BLOCK] + a[BLOCK:2 * BLOCK] + a[3 * BLOCK:], {1, 2}),
                          (a[:5 * BLOCK] + a[4 * BLOCK:5 * BLOCK] + a[6 * BLOCK:], {5}),
                          (a[:5 * BLOCK] + b[5 * BLOCK:6 * BLOCK] + a[6 * BLOCK:], {5}),
                          (a[:HEADER] + b[HEADER:BLOCK] + a[BLOCK:], {0}),
                          (b[:HEADER] + a[HEADER:], set(range(blocks_of(300000))))):
            write(big, data)
            r = v.recover()
            v.judge(r)
            found = r.of('integrity')
            assert {f['file'] for f in found} == {'sizes/300000 bytes'} and r.status == 7
            assert {k for f in found for k in range(f['first_block'], f['last_block'] + 1)} == bad, found
        write(big, a)
        v.same(v.recover(), touched={'sizes/300000 bytes'})


def headers_exchanged():
    with Vault() as v:
        files = v.dense()
        heads = [read(v.lower(f))[:HEADER] for f in files]
        for f, head in zip(files, heads[1:] + heads[:1]):
            with open(v.lower(f), 'r+b') as low:
                low.write(head)
        r = v.recover()
        v.judge(r)
        assert r.named() >= set(files) and r.status == 7, set(files) - r.named()
        for f in files:
            assert not any(read(f'{r.out}/{f}')), f


def of_another_vault():
    with Vault() as v, Vault('--chacha') as w:
        for f in v.dense():
            shutil.copyfile(w.lower(f), v.lower(f))
        r = v.recover()
        v.judge(r)
        assert r.status == 7 and {f['reason'] for f in r.of('integrity')} == {'foreign'}, r.findings
        assert r.named() - {'links/other/two of two'} == set(v.dense())


def tail_of(size):
    return size - start(blocks_of(size) - 1)


def cut_and_grown():
    def lengths(size):
        n, r = blocks_of(size), tail_of(size)
        length = n * BLOCK + r
        return {0, 1, HEADER - 1, HEADER, HEADER + 1, BLOCK - 1, BLOCK, length - r, length - 1, length + 1, length - BLOCK,
                length + BLOCK, length + 10 * BLOCK, 1 << 40, n * BLOCK + CAP + 1, (n + 1) * BLOCK} - {length}

    for options in ((), ('--unclean',)):
        with Vault(*options) as v:
            files = v.dense()
            kept = {f: read(v.lower(f)) for f in files}
            todo = {f: sorted(x for x in lengths(os.stat(f'{v.plain}/{f}').st_size) if x >= 0) for f in files}
            for turn in range(0, 15, 3):
                now = {f: todo[f][(turn + i % 3) % len(todo[f])] for i, f in enumerate(files)}
                for f, length in now.items():
                    os.truncate(v.lower(f), length)
                r = v.recover()
                v.judge(r)
                assert r.named() >= set(now), set(now) - r.named()
                severities = {f['severity'] for f in r.findings}
                assert severities == ({'crash or cut'} if options else {'integrity'}), (severities, r.findings)
                assert r.status == (0 if options else 7)
                for f in now:
                    write(v.lower(f), kept[f])


def holes_punched():
    """A block of zeros is a hole in a sparse file only; its first and last block are never one."""
    for options in ((), ('--unclean',)):
        with Vault(*options) as v:
            files = v.dense()
            kept = {f: read(v.lower(f)) for f in files}
            for which in (lambda n: 0, lambda n: n // 2, lambda n: n - 1):
                for f in files:
                    k = which(blocks_of(os.stat(f'{v.plain}/{f}').st_size))
                    at = k * BLOCK if k else HEADER
                    subprocess.run(['fallocate', '-p', '-o', str(at), '-l', str((k + 1) * BLOCK - at), v.lower(f)],
                                   check=True)
                r = v.recover()
                v.judge(r)
                assert r.named() >= set(files), set(files) - r.named()
                assert r.status == (0 if options else 7)
                for f in files:
                    write(v.lower(f), kept[f])
            for f in (p for p in v.files() if p.startswith('sparse/')):
                with open(v.lower(f), 'r+b') as low:
                    low.seek(HEADER)
                    low.write(bytes(BLOCK - HEADER))
            r = v.recover()
            v.judge(r)
            assert len(r.named()) == 5 and all(p.startswith('sparse/') for p in r.named())


def names_below():
    def moved_directory(v):         # an entry under another directory's keys
        os.rename(v.lower('names/x'), os.path.dirname(v.lower('sizes/0 bytes')) + '/' +
                  os.path.basename(v.lower('names/x')))
        return {'names/x'}, {'sizes/' + os.path.basename(v.lower('names/x'))}

    def flipped(v):
        low = v.lower('names/x')
        new = os.path.basename(low)
        new = ('B' if new[0] == 'A' else 'A') + new[1:]
        os.rename(low, os.path.dirname(low) + '/' + new)
        return {'names/x'}, {'names/' + new}

    def no_hidden(v):
        low = v.lower('names/' + 'f' * 161)
        os.unlink(os.path.dirname(low) + '/.ward-n' + os.path.basename(low)[1:])
        return {'names/' + 'f' * 161}, {'names/' + os.path.basename(low)}

    def other_hidden(v):
        a, b = (v.lower('names/' + n) for n in ('f' * 161, 'g' * 175))
        a, b = (os.path.dirname(low) + '/.ward-n' + os.path.basename(low)[1:] for low in (a, b))
        os.rename(a, a + '.')
        os.rename(b, a)
        os.rename(a + '.', b)
        return ({'names/' + 'f' * 161, 'names/' + 'g' * 175},
                {'names/=' + os.path.basename(low)[7:] for low in (a, b)})

    def foreign(v):
        write(v.tree + '/README.txt', b'you have been had')
        os.mkdir(v.tree + '/dir')
        write(v.tree + '/dir/' + 'A' * 64, b'')
        os.symlink('/etc/passwd', v.tree + '/link')
        return set(), {'README.txt', 'dir', 'link', 'ward-lost.1/dir/' + 'A' * 64}

    def not_canonical(v):
        low = v.lower('names/x')                    # 32 bytes: 43 characters, two bits unused
        digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
        new = low[:-1] + digits[digits.index(low[-1]) | 1]
        os.rename(low, new)
        return {'names/x'}, {'names/' + os.path.basename(new)}

    for how in (moved_directory, flipped, no_hidden, other_hidden, foreign, not_canonical):
        with Vault() as v:
            gone, told = how(v)
            r = v.recover()
            assert r.status == 7 and told <= r.named(), (how.__name__, told - r.named(), r.named())
            v.same(r, but=gone | {p for p in everything(r.out) if p.startswith('ward-lost.1')},
                   touched={'names', 'sizes'})
            # Contents that authenticate are kept, without the name.
            for path in gone:
                data = read(f'{v.plain}/{path}')
                lost = [read(f'{r.out}/ward-lost.1/{n}') for n in os.listdir(r.out + '/ward-lost.1')]
                assert data in lost, how.__name__


def directory_ids():
    def flip(path):
        target = os.readlink(path)
        os.unlink(path)
        os.symlink(('B' if target[0] == 'A' else 'A') + target[1:], path)

    def other(path):
        os.unlink(path)
        os.symlink('../../.ward/vault', path)

    def as_file(path):
        os.unlink(path)
        write(path, b'')

    for how in (os.unlink, flip, other, as_file):
        for where in ('sizes', 'xattrs', '.'):
            with Vault() as v:
                how((v.lower(where) if where != '.' else v.tree) + '/.ward-id')
                r = v.recover()
                assert r.status == 7, (how, where)
                v.judge(r)
                assert not os.path.exists(f'{r.out}/sizes/1 bytes') or where == 'xattrs'
    with Vault() as v:          # two directories' ids exchanged: neither's names authenticate
        a, b = v.lower('sizes') + '/.ward-id', v.lower('names') + '/.ward-id'
        os.rename(a, a + '.')
        os.rename(b, a)
        os.rename(a + '.', b)
        r = v.recover()
        assert r.status == 7
        v.judge(r)
        assert os.listdir(r.out + '/sizes') == os.listdir(r.out + '/names') == []


def symlinks():
    def retarget(v, name, change):
        low = v.lower('links/' + name)
        target = os.readlink(low)
        os.unlink(low)
        os.symlink(change(target), low)

    for change in (lambda t: ('B' if t[0] == 'A' else 'A') + t[1:], lambda t: t[:-1], lambda t: t[:-22],
                   lambda t: t[:30] + ('A' if t[30] != 'A' else 'B') + t[31:], lambda t: t[:43], lambda t: '/etc/shadow',
                   lambda t: t + 'AAAA', lambda t: t[:22] + 'AA' * 22):
        with Vault() as v:
            retarget(v, 'absolute', change)
            r = v.recover()
            assert r.status == 7 and r.named() == {'links/absolute'}, r.findings
            v.same(r, but={'links/absolute'}, touched={'links'})
            assert not os.path.lexists(r.out + '/links/absolute')


def extended_attributes():
    with Vault() as v:
        file, where = v.lower('xattrs/file'), v.lower('xattrs')
        names = [n for n in os.listxattr(file) if n.startswith('user.ward.')]
        if not names:
            raise tap.Skip('this file system has no user xattrs')
        values = {n: os.getxattr(file, n) for n in names}
        n, m = max(names, key=lambda x: len(values[x])), min(names, key=lambda x: len(values[x]))
        for name, value in ((n, values[n][:20] + bytes([values[n][20] ^ 1]) + values[n][21:]), (n, values[n][:-1]),
                            (n, b''), (n, values[m]), (m, values[n]), (n, values[n] + b'\0'),
                            ('user.ward.AAAA', b'x'), ('user.ward.' + 'A' * 43, values[n])):
            os.setxattr(file, name, value)
            r = v.recover()
            assert r.status == 7 and r.named() == {'xattrs/file'}, (name, r.findings)
            v.judge(r)
            if name in values:
                os.setxattr(file, name, values[name])
            else:
                os.removexattr(file, name)
        os.setxattr(where, n, values[n])        # of another object
        r = v.recover()
        assert r.status == 7 and r.named() == {'xattrs'}
        v.judge(r)
        os.removexattr(where, n)
        os.setxattr(file, 'user.plain', b'foreign')
        r = v.recover()
        assert r.status == 0 and len(r.of('note')) == 1
        v.same(r)


def nothing_outside_outdir():
    """What lies below is replaced by links and pipes; the keeper of the disk hopes that something follows them."""
    with Vault() as v:
        trap = v.tmp + '/trap'
        os.makedirs(trap + '/in')
        write(trap + '/file', b'not of the vault')
        for path, target in (('sizes/1 bytes', trap + '/file'), ('names/x', '../../../../trap/file'),
                             ('links/other', trap + '/in')):
            low = v.lower(path)
            if os.path.isdir(low):
                shutil.rmtree(low)
            else:
                os.unlink(low)
            os.symlink(target, low)
        low = v.lower('sizes/2 bytes')
        os.unlink(low)
        os.mkfifo(low)              # reading it would wait for ever
        low = v.lower('sizes/511 bytes')
        os.unlink(low)
        os.mkdir(low)
        os.rename(v.lower('empty'), v.tmp + '/gone')
        write(v.lower('empty'), b'was a directory')
        r = v.recover()
        assert r.status == 7
        assert r.named() >= {'sizes/1 bytes', 'names/x', 'links/other', 'empty'}, r.named()
        for path in ('sizes/1 bytes', 'names/x', 'links/other', 'empty'):
            assert not os.path.lexists(f'{r.out}/{path}'), path
        assert os.listdir(trap) == ['in', 'file'] or sorted(os.listdir(trap)) == ['file', 'in']
        assert os.listdir(trap + '/in') == [] and read(trap + '/file') == b'not of the vault'
        assert not any(b'not of the vault' in read(os.path.join(r.out, p))
                       for p, st in everything(r.out).items() if stat.S_ISREG(st.st_mode))
    with Vault() as v:
        os.rename(v.dir + '/.ward', v.tmp + '/elsewhere')
        os.symlink('../elsewhere', v.dir + '/.ward')
        assert v.recover().status == 3
    with Vault() as v:
        os.rename(v.tree, v.tmp + '/elsewhere')
        os.symlink('../../elsewhere', v.tree)
        assert v.recover().status == 7


def modes_that_give_rights():
    with Vault() as v:
        os.chmod(v.lower('names/x'), 0o6755)
        os.chmod(v.lower('sizes'), 0o3777)
        r = v.recover()
        assert r.status == 0
        assert stat.S_IMODE(os.stat(r.out + '/names/x').st_mode) == 0o755
        assert stat.S_IMODE(os.stat(r.out + '/sizes').st_mode) == 0o3777


def deeper_than_a_path():
    """Deeper than PATH_MAX, than the directories kept open, than a small stack; in the vault, and without names."""
    with Vault('--deep', '400') as v:
        lower, depth = [], 0
        fd = os.open(v.tree, os.O_RDONLY)
        while True:
            inner = [n for n in os.listdir(fd) if not n.startswith('.ward-') and
                     stat.S_ISDIR(os.stat(n, dir_fd=fd).st_mode)]
            if depth == 0:
                inner = [n for n in inner if n == os.path.basename(v.lower('deep'))]
            if not inner:
                break
            lower.append(inner[0])
            nxt = os.open(inner[0], os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd, depth = nxt, depth + 1
        os.close(fd)
        assert depth == 401 and sum(map(len, lower)) > 3 * 4096

        def bottom(out):
            at, n = os.open(out, os.O_RDONLY), 0
            name = 'deep'
            while True:
                nxt = os.open(name, os.O_RDONLY, dir_fd=at)
                os.close(at)
                at, n, name = nxt, n + 1, 'd'
                st = os.stat('.', dir_fd=at)
                assert st.st_mtime_ns == 1710000012123456789, (n, st.st_mtime_ns)
                if 'd' not in os.listdir(at):
                    f = os.open('at the bottom', os.O_RDONLY, dir_fd=at)
                    assert len(os.read(f, 100)) == 50
                    os.close(f)
                    os.close(at)
                    return n

        r = v.recover()
        assert r.status == 0 and not r.findings, r.findings[:3]
        assert bottom(r.out) == 401
        os.unlink(v.lower('deep') + '/.ward-id')        # now what is in there has no name, and comes to the top
        r = v.recover()
        assert r.status == 7 and os.listdir(r.out + '/deep') == []
        lost = os.listdir(r.out + '/ward-lost.1')
        assert len(lost) == 1
        os.mkdir(v.tmp + '/again')
        os.rename(f'{r.out}/ward-lost.1/{lost[0]}', v.tmp + '/again/deep')
        assert bottom(v.tmp + '/again') == 400


def verify_only_writes_nothing():
    with Vault() as v:
        v.flip(v.lower('sizes/300000 bytes'), 3 * BLOCK + 100)
        before = everything(v.tmp)
        p = v.run('--verify-only', '--passphrase-file', v.tmp + '/passphrase', v.dir)
        assert p.returncode == 7 and b'sizes/300000 bytes: block 3 ' in p.stderr, p.stderr
        assert set(before) == set(everything(v.tmp))


def terminal_is_safe():
    """Names with control characters do not reach the terminal as they are."""
    with Vault() as v:
        for name in ('\x1b[31mred\x1b[0m', 'a\nb', os.fsdecode(b'\xff\xfe')):
            v.flip(v.lower('names/' + name), 0)
        p = v.run('--passphrase-file', v.tmp + '/passphrase', v.dir, v.tmp + '/o')
        assert p.returncode == 7
        assert b'\x1b' not in p.stdout + p.stderr and b'\\x1b[31mred' in p.stderr and b'a\\x0ab' in p.stderr
        assert b'\\xff\\xfe' in p.stderr


def anything_anywhere():
    """Random damage of every kind, several at once: nothing wrong comes out, and nothing is lost silently."""
    rng = random.Random(int(os.environ.get('WARD_SEED', '20250607')))
    for turn in range(30):
        options = [o for o in ('--chacha', '--unclean') if rng.random() < 0.3]
        with Vault(*options) as v:
            regular = [v.lower(f) for f in v.dense()] + [v.dir + '/.ward/epoch']
            done = []
            for _ in range(rng.randint(1, 12)):
                path = rng.choice(regular)
                size = os.path.getsize(path)
                if not size:
                    continue
                kind = rng.choice(['flip', 'flip', 'cut', 'grow', 'zero', 'copy', 'splice'])
                at, n = rng.randrange(size), rng.choice([1, 16, 512, BLOCK, 3 * BLOCK])
                if rng.random() < 0.5:
                    at -= at % BLOCK
                done.append((kind, path, at, n))
                data = read(path)
                if kind == 'flip':
                    v.flip(path, at, rng.randrange(8))
                elif kind == 'cut':
                    os.truncate(path, at)
                elif kind == 'grow':
                    os.truncate(path, size + n)
                elif kind == 'zero':
                    write(path, data[:at] + bytes(min(n, size - at)) + data[at + n:])
                else:
                    source = data if kind == 'copy' else read(rng.choice(regular))
                    where = rng.randrange(len(source) + 1)
                    where -= where % (BLOCK if n >= BLOCK else 1)
                    if not where and not at:
                        continue        # that may be a whole file in the place of another: not detected
                    piece = source[where:where + n]
                    write(path, data[:at] + piece + data[at + len(piece):])
            r = v.recover()
            try:
                assert r.status in (0, 7)
                v.judge(r)
            except AssertionError as e:
                raise AssertionError(f'turn {turn} {options}: {done}: {e}') from e


if __name__ == '__main__':
    sys.exit(tap.run([everything_comes_back, every_kind_of_secret, as_an_ordinary_user, vault_is_left_as_it_was,
                      wrong_secrets, wrong_usage, vault_files, a_vault_in_the_making, epoch_files, every_field_of_the_header,
                      every_field_of_a_unit, blocks_moved, headers_exchanged, of_another_vault, cut_and_grown,
                      holes_punched, names_below, directory_ids, symlinks, extended_attributes, nothing_outside_outdir,
                      modes_that_give_rights, deeper_than_a_path, verify_only_writes_nothing, terminal_is_safe,
                      anything_anywhere], jobs=os.cpu_count()))
