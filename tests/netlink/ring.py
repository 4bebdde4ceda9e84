# SPDX-License-Identifier: GPL-2.0-or-later
"""The ring of events, of 64 KiB. Argument: the vault, in which nobody but root may do anything."""
import os
import socket
import subprocess
import sys
import time

from nl import *

top = sys.argv[1]
t = Tap()
c = Client()
VIOLATION, LOST = N['KIND_VIOLATION'], N['KIND_LOST']


def same(got, want):
    assert got == want, f'got {got!r}, wanted {want!r}'


def refuse(paths, name=b'mallory', pause=0):
    """A child of this name and uid 61003 tries to list each path, with a pause before it, and is refused."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            with open('/proc/self/comm', 'wb') as f:
                f.write(name)
            os.setgroups([])
            os.setresgid(61003, 61003, 61003)
            os.setresuid(61003, 61003, 61003)
            for path in paths:
                time.sleep(pause)
                try:
                    os.stat(path)
                except PermissionError:
                    continue
                os._exit(2)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    same(status, 0)
    return pid


def next_event():
    return number(c.module()['EVENT_NEXT'])


def sequences(events):
    return [number(e['EVENT_SEQUENCE']) for e in events]


def violations(events):
    return [e for e in events if number(e['EVENT_KIND']) == VIOLATION]


def settle():
    """Windows for folding are a second long; one that reported stays open for another."""
    time.sleep(3.5)


def fields():
    start = next_event()
    pid = refuse([top + '/dir'])
    e, = c.events(start)
    same(number(e['EVENT_KIND']), VIOLATION)
    same(number(e['EVENT_REASON']), N['REASON_POLICY'])
    same(number(e['EVENT_ERRNO']), errno.EACCES)
    same(number(e['EVENT_COUNT']), 1)
    for name in ('UID', 'EUID', 'GID'):
        same(number(e['EVENT_' + name]), 61003)
    same(number(e['EVENT_PID']), pid)
    same(number(e['EVENT_PPID']), os.getpid())
    same(e['EVENT_COMM'], b'mallory')
    same(e['EVENT_EXE'].decode(), os.readlink('/proc/self/exe'))
    same(e['EVENT_PATH'], b'/')
    same(number(e['EVENT_INODE']), os.stat(top).st_ino)
    same(e['VAULT_ID'], mounted_uuid(top))
    same(e['LOAD_ID'], c.module()['LOAD_ID'])
    assert abs(number(e['EVENT_TIME']) / 1e9 - time.time()) < 60
    assert 'EVENT_LOGINUID' not in e and 'EVENT_SESSION' not in e, 'nobody logged in'


def login():
    """With a login uid, the event has it, whoever the process is now."""
    start = next_event()
    pid = os.fork()
    if not pid:
        try:
            with open('/proc/self/loginuid', 'w') as f:
                f.write('61001')
            os.setresuid(61003, 61003, 61003)
            os.stat(top + '/dir')
        except PermissionError:
            os._exit(0)
        finally:
            os._exit(1)
    same(os.waitpid(pid, 0)[1], 0)
    e, = c.events(start)
    same(number(e['EVENT_LOGINUID']), 61001)
    same(number(e['EVENT_UID']), 61003)
    assert 'EVENT_SESSION' in e


def folding():
    settle()
    start, began = next_event(), time.monotonic()
    refuse([top + '/dir'] * 5000)
    took = time.monotonic() - began
    settle()
    events = violations(c.events(start))
    same(sum(number(e['EVENT_COUNT']) for e in events), 5000)
    assert len(events) < 5 + took, f'{len(events)} events for 5000 refusals in {took} s'
    same(number(events[0]['EVENT_COUNT']), 1)
    for e in events:
        assert number(e['EVENT_LAST_TIME']) >= number(e['EVENT_TIME'])


def folding_times():
    """What is folded says when the first and when the last of it happened; no time is in two events."""
    settle()
    start, begin = next_event(), time.time_ns()
    refuse([top + '/dir'] * 12, pause=0.08)
    end = time.time_ns()
    settle()
    events = violations(c.events(start))
    same(sum(number(e['EVENT_COUNT']) for e in events), 12)
    times = [(number(e['EVENT_TIME']), number(e['EVENT_LAST_TIME'])) for e in events]
    for (first, last), e in zip(times, events):
        same(first == last, number(e['EVENT_COUNT']) == 1)
    flat = [at for pair in times for at in pair]
    same(flat, sorted(flat))
    # The clock of the kernel may be a tick behind.
    assert begin - 2e7 < flat[0] and flat[-1] <= end, (begin, times, end)
    assert max(last - first for first, last in times) > 7e7, times


def folding_processes():
    """Refusals that differ in the process alone fold, and then name none."""
    settle()
    start = next_event()
    for _ in range(10):
        refuse([top + '/dir'])
    settle()
    events = violations(c.events(start))
    same(sum(number(e['EVENT_COUNT']) for e in events), 10)
    # One alone may have come in a second that another process began.
    assert 'EVENT_PID' in events[0]
    for e in events:
        assert number(e['EVENT_COUNT']) == 1 or 'EVENT_PID' not in e, e


def no_folding_of_users():
    settle()
    start = next_event()
    for uid in (61003, 61002):
        if not os.fork():
            os.setresuid(uid, uid, uid)
            try:
                os.stat(top + '/dir')
            except PermissionError:
                os._exit(0)
            os._exit(1)
        same(os.wait()[1], 0)
    events = violations(c.events(start))
    same([number(e['EVENT_UID']) for e in events], [61003, 61002])


def flood(count):
    """So many events that do not fold: each of another user."""
    for i in range(0, count, 500):
        if not os.fork():
            # The ids alone differ; as root without the right to it, a rule would be needed.
            for uid in range(100000 + i, 100000 + min(i + 500, count)):
                os.setresuid(uid, uid, 0)
                try:
                    os.stat(top + '/dir')
                    os._exit(1)
                except PermissionError:
                    pass
                os.setresuid(0, 0, 0)
            os._exit(0)
        same(os.wait()[1], 0)


def gap_free():
    listener = Client()
    start = next_event()
    listener.join()
    flood(100)
    heard = listener.heard()
    same(sequences(heard), list(range(start, start + 100)))
    same(sequences(c.events(start)), sequences(heard))


def dump_from():
    last = next_event() - 1
    same(sequences(c.events(last)), [last])
    same(sequences(c.events(last + 1)), [])
    same(sequences(c.events(last - 9)), list(range(last - 9, last + 1)))


def overflow():
    start = next_event()
    flood(2000)
    events = c.events(start)
    first, rest = events[0], events[1:]
    same(number(first['EVENT_KIND']), LOST)
    lost = number(first['EVENT_LOST'])
    assert lost > 0 and rest, 'a ring of 64 KiB does not hold 2000 events'
    same(number(first['EVENT_SEQUENCE']), start + lost - 1)
    same(sequences(rest), list(range(start + lost, next_event())))
    same(lost + len(rest), 2000)
    oldest = number(c.module()['EVENT_OLDEST'])
    same(oldest, start + lost)
    # Without a number: whatever is there.
    same(number(c.dump('EVENT_GET')[0]['EVENT_SEQUENCE']), oldest)
    # From the very beginning: all before is lost.
    same(number(c.events(0)[0]['EVENT_LOST']), oldest - 1)
    same(number(c.events(1)[0]['EVENT_LOST']), oldest - 1)


def slow_listener():
    """A listener whose buffer overflows hears so, and finds in a dump what it missed."""
    listener, other = Client(buffer=4096), Client(buffer=1 << 20)
    start = next_event()
    listener.join()
    other.join()
    flood(150)
    # One that hears all of them says when the last one has been sent.
    other.s.settimeout(60)
    while start + 149 not in sequences([parse(other.s.recv(65536)[20:])]):
        pass
    got, overflowed = [], False
    listener.s.settimeout(1)
    while True:
        try:
            got += sequences([parse(listener.s.recv(65536)[20:])])
        except socket.timeout:
            break
        except OSError as e:
            same(e.errno, errno.ENOBUFS)
            overflowed = True
    assert overflowed and len(got) < 150, f'{len(got)} events, and no ENOBUFS'
    missed = sequences(c.events(got[-1] + 1 if got else start))
    same(got + missed, list(range(start, start + 150)))


def never_blocks():
    """A listener that does not read at all holds nobody up."""
    listener = Client(buffer=4096)
    listener.join()
    begin = time.monotonic()
    flood(300)
    assert time.monotonic() - begin < 60
    listener.s.close()


def parallel():
    """Several processes at a time: every refusal is counted, every number is there once."""
    settle()
    start = next_event()
    pids = []
    for k in range(4):
        pid = os.fork()
        if not pid:
            os.setresuid(61010 + k, 61010 + k, 61010 + k)
            for _ in range(500):
                try:
                    os.stat(top + '/dir')
                    os._exit(1)
                except PermissionError:
                    pass
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        same(os.waitpid(pid, 0)[1], 0)
    settle()
    events = c.events(start)
    same(sequences(events), list(range(start, next_event())))
    same(sum(number(e['EVENT_COUNT']) for e in violations(events)), 2000)


t.check('an event says who, what and with what', fields)
t.check('the login user is told apart from the user', login)
t.check('identical events fold, and the counts add up', folding)
t.check('with the first and the last time', folding_times)
t.check('events of several processes fold, and name no process', folding_processes)
t.check('events of several users do not fold', no_folding_of_users)
t.check('a listener hears every number', gap_free)
t.check('a dump begins where it is told to', dump_from)
t.check('what the ring lost is counted', overflow)
t.check('a listener that is too slow finds out, and finds what it missed', slow_listener)
t.check('a listener that does not read holds nobody up', never_blocks)
t.check('events from several CPUs', parallel)
t.done()
