# SPDX-License-Identifier: GPL-2.0-or-later
"""Those who save and sync. Each has a directory of its own, in which it does one operation after another, and is told
after each that it is on stable storage. What operation N is follows from the seed and what is there: so whoever
checks a crash state knows it without being told.
"""
import os
import random
import sqlite3

from model import World, again

LONG = 'a name that is too long to be stored as it is, ' * 4


class Worker:
    """One that works in a World: plan() says what operation @n is, as steps of model.py."""

    operations = 30

    def __init__(self, seed):
        self.name = type(self).__name__.lower()
        self.seed = seed
        self.world = World()
        self.done = 0

    def steps(self, n):
        rng = random.Random('%s/%s/%d' % (self.seed, self.name, n))
        return list(self.plan(n, self.world.names, rng))

    def advance(self, n):
        """On to the state in which operations 0 to @n - 1 are promised."""
        while self.done < n:
            for step in self.steps(self.done):
                self.world.apply(step)
            self.world.ack()
            self.done += 1

    def faults(self, top, acknowledged, found):
        """What is wrong in this crash state; @top is the directory of all, @found a dictionary: what was found, or, at
        a second look, is to be found again."""
        self.advance(acknowledged)
        top = os.path.join(top, self.name)
        if not acknowledged and not os.path.lexists(top):
            return []
        if found:
            return ['%s/%s' % (self.name, f) for f in again(top, found)]
        world = self.world.copy()
        if self.done < self.operations:
            world.begin()
            for step in self.steps(self.done):
                world.apply(step)
        return ['%s/%s' % (self.name, f) for f in world.faults(top, found)]


class Editor(Worker):
    """Saves as editors do: written anew, synced, renamed over the old one, directory synced; keeps a backup."""

    operations = 40

    def plan(self, n, names, rng):
        doc = 'document %d.odt' % rng.randrange(5)
        data = rng.randbytes(rng.choice((0, 30, 3000, 3552, 3553, 20000, 90000, 300000)))
        if doc in names and rng.random() < 0.3:
            if doc + '~' in names:
                yield 'unlink', doc + '~'
            yield 'link', doc, doc + '~'
        new = '.~%s.%d' % (doc, n)
        yield 'create', new
        for at in range(0, len(data), 40000):
            yield 'write', new, at, data[at:at + 40000]
        yield 'fsync', new
        yield 'close', new
        yield 'rename', new, doc
        yield 'fsyncdir', '.'


class Saver(Worker):
    """Saves in the other ways that editors have: no sync before the rename; a backup, then in place; truncate and
    write; a nameless file that gets its name when it is whole."""

    operations = 40

    def plan(self, n, names, rng):
        doc = 'note %d.txt' % rng.randrange(4)
        data = rng.randbytes(rng.choice((0, 30, 3000, 3553, 9000, 60000)))
        how = rng.choice(('rename', 'rename', 'backup', 'truncate', 'tmpfile')) if doc in names else 'tmpfile'
        if how == 'rename':
            new = '%s.new' % doc
            yield 'create', new
            yield 'write', new, 0, data
            yield 'close', new
            yield 'replace', new, doc
            yield 'fsync', doc
            yield 'fsyncdir', '.'
        elif how == 'backup':
            old = bytes(names[doc].new)
            if doc + '~' in names:
                yield 'opentrunc', doc + '~'
            else:
                yield 'create', doc + '~'
            yield 'write', doc + '~', 0, old
            yield 'fsync', doc + '~'
            yield 'fsyncdir', '.'
            yield 'close', doc + '~'
            yield 'write', doc, 0, data
            yield 'truncate', doc, len(data)
            yield 'fsync', doc
        elif how == 'truncate':
            yield 'opentrunc', doc
            for at in range(0, len(data), 8192):
                yield 'write', doc, at, data[at:at + 8192]
            yield 'close', doc
            yield 'fsync', doc
        else:
            if doc in names:
                yield 'unlink', doc
            yield 'tmpfile', 'nameless'
            yield 'write', 'nameless', 0, data
            yield 'fsync', 'nameless'
            yield 'linkat', 'nameless', doc
            yield 'fsyncdir', '.'


class Appender(Worker):
    """A log that is synced after every few lines."""

    operations = 60

    def plan(self, n, names, rng):
        if not n:
            yield 'create', 'log'
        at = len(names['log'].new) if n else 0
        for _ in range(rng.randrange(1, 5)):
            data = rng.randbytes(rng.choice((1, 80, 80, 500, 4064, 9000)))
            yield 'write', 'log', at, data
            at += len(data)
        yield rng.choice(('fsync', 'fdatasync')) if n else 'fsync', 'log'


class Database(Worker):
    """Writes here and there in a file that keeps its size, by write(), mapping and O_DSYNC."""

    size = 150000

    def plan(self, n, names, rng):
        if not n:
            yield 'create', 'pages'
            yield 'write', 'pages', 0, rng.randbytes(self.size)
            yield 'fsync', 'pages'
            return
        sync = 'fdatasync'
        for _ in range(rng.randrange(1, 5)):
            data = rng.randbytes(rng.choice((1, 100, 4096, 4096, 9000)))
            at = rng.randrange(self.size - len(data))
            verb = rng.choice(('write', 'write', 'mmap', 'dsync'))
            if len(data) == 4096:
                at &= ~4095
            yield verb, 'pages', at, data
            if verb == 'mmap':
                sync = rng.choice(('msync', 'fsync'))
        yield sync, 'pages'


class Cutter(Worker):
    """Cuts files off, makes them longer, empties them, leaves gaps."""

    operations = 50

    def plan(self, n, names, rng):
        name = 'file %d' % rng.randrange(3)
        size = 0
        if name in names:
            size = len(names[name].new)
        else:
            yield 'create', name
        for _ in range(rng.randrange(1, 4)):
            what = rng.randrange(6)
            if what == 0:
                size = rng.choice((0, size // 2, size * 9 // 10, 3552, 3552 + 4064))
                yield 'truncate', name, size
            elif what == 1:
                size += rng.choice((1, 600, 30000, 1300000 if size < 1000000 else 0))
                yield 'truncate', name, size
            elif what == 2 and size > 500000:
                size = rng.randrange(60000)
                yield 'truncate', name, size
            else:
                data = rng.randbytes(rng.choice((1, 700, 5000, 20000)))
                at = rng.randrange(size + 1) if what < 5 else size + rng.randrange(12000)
                yield 'write', name, at, data
                size = max(size, at + len(data))
        yield 'fsync', name


class Puncher(Worker):
    """Gives space back and asks for more, as virtual disks do: punches, zeroes, reserves, between writes."""

    operations = 50

    def plan(self, n, names, rng):
        if not n:
            yield 'create', 'disk'
            yield 'write', 'disk', 0, rng.randbytes(200000)
            yield 'fsync', 'disk'
            return
        size = len(names['disk'].new)
        if size > 400000:
            size = 150000
            yield 'truncate', 'disk', size
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(size)
            length = rng.choice((1, 3000, 4064, 20000, 80000))
            verb = rng.choice(('punch', 'punch', 'zero', 'reserve', 'write', 'write', 'write'))
            if verb == 'write':
                yield verb, 'disk', at, rng.randbytes(min(length, 20000))
                size = max(size, at + min(length, 20000))
            else:
                yield verb, 'disk', at, length if verb == 'reserve' else min(length, size - at)
                size = max(size, at + length) if verb == 'reserve' else size
        yield rng.choice(('fsync', 'fdatasync')), 'disk'


class Bulk(Worker):
    """Large files, written in large pieces."""

    operations = 10

    def plan(self, n, names, rng):
        name = 'bulk %d' % (n // 3 % 2)
        size = 0
        if name in names and n % 3:
            size = len(names[name].new)
        elif name in names:
            yield 'truncate', name, 0
        else:
            yield 'create', name
        for _ in range(3):
            data = rng.randbytes(rng.randrange(100000, 400000))
            yield 'write', name, size, data
            size += len(data)
        yield 'write', name, rng.randrange(size - 5000), rng.randbytes(5000)
        yield 'fsync', name


class Filer(Worker):
    """Directories, and what is done to entries: the deepest file is synced, or the directories are."""

    operations = 40

    def plan(self, n, names, rng):
        dirs = sorted(p for p, node in names.items() if p.startswith('d') and '/' not in p)
        what = rng.randrange(9) if len(dirs) > 2 else 0
        files = sorted(p for p in names if '/' in p and p.endswith('.txt'))
        if what <= 2 or not files:
            top = 'd%d' % n
            yield 'mkdir', top
            if rng.random() < 0.5:
                top += '/in %d' % n
                yield 'mkdir', top
            name = '%s/%s%d.txt' % (top, LONG if rng.random() < 0.4 else '', n)
            yield 'create', name
            if rng.random() < 0.8:
                yield 'write', name, 0, rng.randbytes(rng.choice((1, 2000, 6000)))
            if rng.random() < 0.5:
                yield 'setxattr', name, 'user.number', b'%d' % n
            yield 'fsync', name
            return
        name = rng.choice(files)
        top = os.path.dirname(name)
        if what == 3:
            to = '%s/moved %s%d.txt' % (rng.choice(dirs), LONG if rng.random() < 0.4 else '', n)
            yield 'rename', name, to
            yield 'fsyncdir', os.path.dirname(to)
            yield 'fsyncdir', top
        elif what == 4:
            yield 'unlink', name
            yield 'fsyncdir', top
        elif what == 5:
            yield 'symlink', '../somewhere/%d' % n, '%s/link %d' % (top, n)
            yield 'link', name, '%s/also %d.txt' % (top, n)
            yield 'fsyncdir', top
        elif what == 6:
            old = rng.choice(dirs)
            yield 'rename', old, 'd%d renamed' % n
            yield 'fsyncdir', '.'
        elif what == 7:
            # Over an empty directory
            old = rng.choice(dirs)
            yield 'mkdir', 'd%d over' % n
            yield 'fsyncdir', '.'
            yield 'rename', old, 'd%d over' % n
            yield 'fsyncdir', '.'
        else:
            old = rng.choice(dirs)
            inside = [p for p in names if p.startswith(old + '/')]
            for path in sorted(inside, key=lambda p: -p.count('/')):
                yield 'rmdir' if names[path] == 'a directory' else 'unlink', path
            yield 'rmdir', old
            yield 'fsyncdir', '.'


class Copier(Worker):
    """Many small files, each with the time that it had elsewhere, then one sync() or syncfs() for all."""

    operations = 8

    def plan(self, n, names, rng):
        for path in sorted(p for p in names if p.startswith('copy %d' % (n - 2)) and '/' in p):
            yield 'unlink', path
        top = 'copy %d' % n
        yield 'mkdir', top
        for i in range(12):
            name = '%s/%d' % (top, i)
            yield 'create', name
            yield 'write', name, 0, rng.randbytes(rng.randrange(7000))
            yield 'close', name
            yield 'utime', name, rng.randrange(1 << 60)
        yield ('sync', 'syncfs')[n % 2],


class Sqlite:
    """Transactions: row N, the deletion of row N - 20, and a count of them, all or none."""

    operations = 40
    mode = 'DELETE'

    def __init__(self, seed):
        self.name = type(self).__name__.lower()
        self.seed = seed

    def open(self, top):
        db = sqlite3.connect(os.path.join(top, self.name, 'data.db'), isolation_level=None)
        try:
            db.execute('PRAGMA synchronous=%s' % ('FULL' if self.mode == 'WAL' else 'EXTRA'))
        except sqlite3.Error:
            db.close()
            raise
        return db

    def row(self, n):
        rng = random.Random('%s/%s/%d' % (self.seed, self.name, n))
        return n, rng.randbytes(rng.choice((10, 500, 3000)))

    def transact(self, db, n):
        if not n:
            db.execute('PRAGMA journal_mode=' + self.mode)
            db.execute('PRAGMA wal_autocheckpoint=60')
        db.execute('BEGIN')
        if not n:
            db.execute('CREATE TABLE item (n INTEGER PRIMARY KEY, data BLOB)')
            db.execute('CREATE TABLE total (rows INTEGER)')
            db.execute('INSERT INTO total VALUES (0)')
        db.execute('INSERT INTO item VALUES (?, ?)', self.row(n))
        db.execute('DELETE FROM item WHERE n = ?', (n - 20,))
        db.execute('UPDATE total SET rows = ?', (n + 1,))
        db.execute('COMMIT')

    def faults(self, top, acknowledged, found):
        def wrong(text):
            return ['%s: %s' % (self.name, text)]

        path = os.path.join(top, self.name, 'data.db')
        if not acknowledged and not os.path.exists(path):
            return []
        try:
            db = self.open(top)
        except sqlite3.Error as error:
            return wrong('%s' % error)
        try:
            said = db.execute('PRAGMA integrity_check').fetchall()
            if said != [('ok',)]:
                return wrong('integrity check: %s' % said)
            tables = [r[0] for r in db.execute('SELECT name FROM sqlite_master ORDER BY name')]
            if not tables and not acknowledged:
                return []
            (done,), = db.execute('SELECT rows FROM total').fetchall()
            rows = db.execute('SELECT n, data FROM item ORDER BY n').fetchall()
        except (sqlite3.Error, OSError, ValueError) as error:
            return wrong('%s' % error)
        finally:
            db.close()
        if not acknowledged <= done <= acknowledged + 1:
            return wrong('%d transactions, %d were acknowledged' % (done, acknowledged))
        if rows != [self.row(n) for n in range(max(0, done - 20), done)]:
            return wrong('rows are not those of %d transactions' % done)
        return []


class Wal(Sqlite):
    mode = 'WAL'


class Scribbler:
    """Overwrites a file for ever and never syncs it: its bytes are old, new or zero, nothing else."""

    operations = 1
    size = 600000
    OLD, NEW = b'o', b's'

    def __init__(self, seed):
        self.name = 'scribbler'

    def faults(self, top, acknowledged, found):
        path = os.path.join(top, self.name, 'never synced')
        if not acknowledged and not os.path.exists(path):
            return []
        try:
            with open(path, 'rb') as f:
                data = f.read()
        except OSError as error:
            return ['%s: %s' % (self.name, error.strerror)]
        if found:
            return [] if found['data'] == data else ['%s: is not as it was before' % self.name]
        found['data'] = data
        out = ['%s: %d bytes' % (self.name, len(data))] if acknowledged and len(data) != self.size else []
        whole = [kind * 512 for kind in (self.OLD, self.NEW, b'\0')]
        for at in range(0, len(data), 512):
            piece = data[at:at + 512]
            # What was synced does not become zeros.
            if piece not in whole[:2] and (acknowledged or piece != whole[2]) and \
                    piece.strip(self.OLD + self.NEW + (b'' if acknowledged else b'\0')):
                return out + ['%s: byte %d or after: that nobody wrote' % (self.name, at)]
        return out


def everybody(seed):
    return [kind(seed) for kind in (Editor, Saver, Appender, Database, Cutter, Puncher, Bulk, Filer, Copier,
                                   Sqlite, Wal, Scribbler)]
