#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A bank in an SQLite database, and several processes that move money at once.

    sqlite.py make DB MODE      MODE: delete, truncate, persist, wal
    sqlite.py work DB N COUNT   COUNT transfers; prints each one's number once it is committed
    sqlite.py watch DB FILE     looks at the sum again and again until FILE is there
    sqlite.py verify DB LOG...  the sum, integrity_check, and every transfer that a log names
"""
import hashlib
import os
import sqlite3
import sys
import time

ACCOUNTS, EACH = 50, 1000


def connect(db):
    c = sqlite3.connect(db, timeout=600, isolation_level=None)
    c.execute('pragma busy_timeout=600000')
    c.execute('pragma synchronous=full')
    return c


def paper(n, k):
    """The bytes that go with a transfer: some of them take several pages."""
    seed = hashlib.sha256(b'%d %d' % (n, k)).digest()
    return seed * (1 + seed[0] * 2)


def make(db, mode):
    c = connect(db)
    got = c.execute('pragma journal_mode=' + mode).fetchone()[0]
    assert got == mode, got
    c.executescript('begin; create table account (id integer primary key, money integer);'
                    'create table transfer (who integer, k integer, paper blob, primary key (who, k)); commit')
    c.execute('begin')
    c.executemany('insert into account values (?, ?)', [(i, EACH) for i in range(ACCOUNTS)])
    c.execute('commit')


def work(db, n, count):
    n = int(n)
    c = connect(db)
    # Some read through a mapping of the database.
    c.execute('pragma mmap_size=%d' % (n % 2 << 24))
    # What a deleted journal is for the others, the mode must be for each connection.
    mode = os.path.basename(db).split('.')[0]
    c.execute('pragma journal_mode=' + mode)
    for k in range(int(count)):
        seed = hashlib.md5(b'%d %d' % (n, k)).digest()
        c.execute('begin immediate')
        c.execute('update account set money = money - ? where id = ?', (seed[0], seed[1] % ACCOUNTS))
        c.execute('update account set money = money + ? where id = ?', (seed[0], seed[2] % ACCOUNTS))
        c.execute('insert into transfer values (?, ?, ?)', (n, k, paper(n, k)))
        if k % 7 == 6:
            c.execute('rollback')
            continue
        c.execute('commit')
        print(n, k, flush=True)


def total(c):
    got = c.execute('select sum(money), count(*) from account').fetchone()
    assert got == (ACCOUNTS * EACH, ACCOUNTS), got


def watch(db, end):
    c = connect(db)
    looks = 0
    while not os.path.exists(end) or not looks:
        total(c)
        looks += 1
        time.sleep(0.05)


def verify(db, *logs):
    c = connect(db)
    total(c)
    got = c.execute('pragma integrity_check').fetchall()
    assert got == [('ok',)], got
    acknowledged = set()
    for log in logs:
        with open(log) as f:
            acknowledged |= {tuple(map(int, l.split())) for l in f if l.endswith('\n')}
    found = set()
    for n, k, blob in c.execute('select who, k, paper from transfer'):
        assert blob == paper(n, k), f'transfer {n} {k} has other bytes'
        assert k % 7 != 6, f'{n} {k} was rolled back'
        found.add((n, k))
    assert acknowledged and acknowledged <= found, f'lost: {acknowledged - found}'
    # One that was killed may have committed a transfer and not said so.
    assert len(found - acknowledged) <= 1, f'never made: {found - acknowledged}'
    print(len(found), 'transfers')


globals()[sys.argv[1]](*sys.argv[2:])
