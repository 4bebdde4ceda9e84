#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody at work in a directory, until the power fails; and whether it is all there.

    worker.py work DIR          prints "# synced N" when step N is on stable storage
    worker.py verify DIR N      nothing up to step N is missing or different
    worker.py save FILE         standard input into FILE, as a careful editor does it
    worker.py hold FILE         keeps it open, and reads for each line of standard input: says what came

A step is a transaction of SQLite, a file saved as editors do it (written anew, synced,
renamed over the old one), a new file, and a line at the end of a log. Beside it, a file is
written that is never synced: after a crash its bytes may be old, new or zero, nothing else.
"""
import errno, os, sqlite3, sys, threading


def sync_dir(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)


def save(path, text):
    with open(path + '.new', 'wb') as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    os.rename(path + '.new', path)
    sync_dir(os.path.dirname(path))


def letter(n):
    return (b'Dear client,\nthis is letter number %d.\n' % n) * (1 + n * 37 % 300)


def open_db(top):
    db = sqlite3.connect(top + '/cases.db', isolation_level=None, timeout=60)
    db.execute('PRAGMA journal_mode=WAL')
    db.execute('PRAGMA synchronous=FULL')
    db.execute('CREATE TABLE IF NOT EXISTS step (n INTEGER PRIMARY KEY, text TEXT)')
    db.execute('CREATE TABLE IF NOT EXISTS total (steps INTEGER)')
    return db


def scribble(path):
    """Never synced, and in the way of everything else."""
    with open(path, 'r+b', buffering=0) as f:
        at = 0
        while True:
            f.seek(at % (8 << 20))
            f.write(b'S' * 300000)
            at += 290001


def work(top):
    db = open_db(top)
    db.execute('INSERT INTO total VALUES (0)')
    with open(top + '/unsynced', 'wb') as f:
        f.write(b'o' * (8 << 20))
        f.flush()
        os.fsync(f.fileno())
    log = os.open(top + '/visits.log', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o664)
    sync_dir(top)
    threading.Thread(target=scribble, args=(top + '/unsynced',), daemon=True).start()
    n = 0
    while True:
        n += 1
        db.execute('BEGIN')
        db.execute('INSERT INTO step VALUES (?, ?)', (n, letter(n).decode()))
        db.execute('UPDATE total SET steps = ?', (n,))
        db.execute('COMMIT')
        save(top + '/newest letter.txt', letter(n))
        save('%s/letter %04d.txt' % (top, n), letter(n))
        os.write(log, b'visit %06d\n' % n)
        os.fsync(log)
        os.write(1, b'# synced %d\n' % n)


def need(what, condition):
    if not condition:
        sys.exit('not as promised: ' + what)


def verify(top, steps):
    db = open_db(top)
    need('SQLite says the database is intact',
         db.execute('PRAGMA integrity_check').fetchall() == [('ok',)])
    rows = db.execute('SELECT n, text FROM step ORDER BY n').fetchall()
    need('%d transactions, there are %d' % (steps, len(rows)), len(rows) >= steps)
    need('every row of the database', rows == [(n, letter(n).decode()) for n in range(1, len(rows) + 1)])
    need('transactions are whole', db.execute('SELECT steps FROM total').fetchall() == [(len(rows),)])
    for n in range(1, steps + 1):
        with open('%s/letter %04d.txt' % (top, n), 'rb') as f:
            need('letter %d' % n, f.read() == letter(n))
    with open(top + '/newest letter.txt', 'rb') as f:
        need('the newest letter', f.read() in [letter(n) for n in range(steps, len(rows) + 3)])
    with open(top + '/visits.log', 'rb') as f:
        lines = f.read()
    whole = b''.join(b'visit %06d\n' % n for n in range(1, steps + 1))
    need('the log up to what was synced', lines.startswith(whole))
    rest = lines[len(whole):]
    after = b''.join(b'visit %06d\n' % n for n in range(steps + 1, len(rows) + 3))
    need('after it, only what was on its way: %r' % rest,
         len(rest) <= len(after) and all(b in (0, a) for a, b in zip(after, rest)))
    with open(top + '/unsynced', 'rb') as f:
        need('bytes nobody wrote in the file that was never synced', not f.read().strip(b'oS\0'))
    print('%d transactions, %d letters, %d lines of the log' % (len(rows), steps, steps))


def hold(path):
    with open(path, 'rb', buffering=0) as f:
        print('open', flush=True)
        for _ in sys.stdin:
            try:
                f.seek(0)
                print('read %d bytes' % len(f.read(100)), flush=True)
            except OSError as e:
                print(errno.errorcode[e.errno], flush=True)


if __name__ == '__main__':
    if sys.argv[1] == 'work':
        work(sys.argv[2])
    elif sys.argv[1] == 'verify':
        verify(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == 'hold':
        hold(sys.argv[2])
    else:
        save(os.path.abspath(sys.argv[2]), sys.stdin.buffer.read())
