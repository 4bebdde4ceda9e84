#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The load: everybody of workers.py at once, each in a process of its own, and the keeper and the creation, too.

    load.py [OPTION]... DIR SEED MARKS

Marks "WORKER N" when operation N is on stable storage: to the recorder whose socket is MARKS, or, where MARKS is a
file, as a line there.

    --vault          DIR is a vault: the keeper of keeper.py is at work
    --create DIR2    meanwhile, that directory is made a vault (creation.py): its files are there (--prepare)
    --prepare DIR2   only makes the files for that
    --side DIR       where creation.py leaves what the check needs to know
    --mark TEXT      only marks
"""
import argparse
import contextlib
import ctypes
import fcntl
import mmap
import os
import signal
import socket
import stat
import struct
import sys
import time
import traceback

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(1, os.path.join(here, '../fs'))
import calls                                # noqa: E402
import creation                             # noqa: E402
import keeper                               # noqa: E402
import workers                              # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)


class Gate:
    """Between two operations every worker goes through it: the keeper can close it, and wait till all stand before it.

    Who goes through holds a shared lock of a file, which the keeper locks exclusively. They stand there with their
    files open, but for when the vault is to be unmounted; a database is closed before its mapping may lose bytes, too.
    """
    OPEN, CLOSED, DROPPING, OUT = range(4)

    def __init__(self, total):
        self.memory = mmap.mmap(-1, 4096)       # what is wanted; operations done by each
        self.total = total
        self.path = os.path.realpath('gate')
        open(self.path, 'w').close()

    def join(self, number):
        """Called by each process that goes through."""
        self.fd = os.open(self.path, os.O_RDWR)
        self.slot = 8 + 4 * number

    def work(self, stand_aside, when=OUT):
        """The next operation may begin. @stand_aside closes what keeps the vault mounted."""
        aside = False
        while True:
            if self.memory[0] >= when and not aside:
                stand_aside()
                aside = True
            # Whoever waits for the exclusive lock would wait for ever if others still took it shared.
            if self.memory[0] == self.OPEN:
                fcntl.flock(self.fd, fcntl.LOCK_SH)
                if self.memory[0] == self.OPEN:
                    return
                fcntl.flock(self.fd, fcntl.LOCK_UN)
            time.sleep(0.02)

    def done(self):
        """An operation is over."""
        n, = struct.unpack_from('<I', self.memory, self.slot)
        struct.pack_into('<I', self.memory, self.slot, n + 1)
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def leave(self):
        os.close(self.fd)

    @contextlib.contextmanager
    def closed(self, how=CLOSED):
        self.memory[0] = how
        with open(self.path) as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield
            self.memory[0] = self.OPEN

    def wait_for_work(self, share):
        """Until this share of all operations is done."""
        while sum(struct.unpack_from('<64I', self.memory, 8)) < share * self.total:
            time.sleep(0.02)


class Hands:
    """Does steps of model.py for real. Files stay open until they are closed, renamed or removed."""

    def __init__(self, top):
        self.top = top
        self.open = {}

    def stand_aside(self):
        os.chdir('/')
        self.close_all()

    def close_all(self):
        for fd in self.open.values():
            os.close(fd)
        self.open = {}

    def fd(self, path):
        if path not in self.open:
            self.open[path] = os.open(path, os.O_RDWR)
        return self.open[path]

    def close(self, path):
        for name in [p for p in self.open if p == path or p.startswith(path + '/')]:
            os.close(self.open.pop(name))

    def write(self, fd, offset, data):
        while data:
            n = os.pwrite(fd, data, offset)
            data, offset = data[n:], offset + n

    def do(self, step):
        os.chdir(self.top)
        verb, *rest = step
        getattr(self, 'do_' + verb)(*rest)

    def do_mkdir(self, path):
        os.mkdir(path)

    def do_create(self, path):
        self.open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)

    def do_tmpfile(self, path):
        self.open[path] = os.open('.', os.O_RDWR | os.O_TMPFILE, 0o644)

    def do_linkat(self, a, b):
        calls.link_fd(self.open[a], b)
        self.close(a)

    def do_opentrunc(self, path):
        self.close(path)
        self.open[path] = os.open(path, os.O_RDWR | os.O_TRUNC)

    def do_symlink(self, target, path):
        os.symlink(target, path)

    def do_write(self, path, offset, data):
        self.write(self.fd(path), offset, data)

    def do_mmap(self, path, offset, data):
        with mmap.mmap(self.fd(path), 0) as m:
            m[offset:offset + len(data)] = data

    def do_dsync(self, path, offset, data):
        fd = os.open(path, os.O_WRONLY | os.O_DSYNC)
        self.write(fd, offset, data)
        os.close(fd)

    def do_truncate(self, path, size):
        os.ftruncate(self.fd(path), size)

    def do_punch(self, path, offset, size):
        calls.fallocate(self.fd(path), calls.PUNCH | calls.KEEP, offset, size)

    def do_zero(self, path, offset, size):
        calls.fallocate(self.fd(path), calls.ZERO, offset, size)

    def do_reserve(self, path, offset, size):
        calls.fallocate(self.fd(path), 0, offset, size)

    def do_setxattr(self, path, name, value):
        os.setxattr(path, name, value)

    def do_utime(self, path, ns):
        os.utime(path, ns=(ns, ns))

    def do_fsync(self, path):
        os.fsync(self.fd(path))

    def do_fdatasync(self, path):
        os.fdatasync(self.fd(path))

    def do_msync(self, path):
        with mmap.mmap(self.fd(path), 0) as m:
            m.flush()

    def do_rename(self, a, b):
        self.close(a)
        self.close(b)
        os.rename(a, b)

    do_replace = do_rename

    def do_link(self, a, b):
        os.link(a, b)

    def do_unlink(self, path):
        self.close(path)
        os.unlink(path)

    def do_rmdir(self, path):
        os.rmdir(path)

    def do_fsyncdir(self, path):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
        os.close(fd)

    def do_sync(self):
        os.sync()

    def do_syncfs(self):
        fd = os.open('.', os.O_RDONLY | os.O_DIRECTORY)
        if libc.syncfs(fd):
            raise OSError(ctypes.get_errno(), 'syncfs')
        os.close(fd)

    def do_close(self, path):
        self.close(path)


def marker(where):
    """A function that puts a mark into the log, and returns when it is there."""
    if not stat.S_ISSOCK(os.stat(where).st_mode):
        fd = os.open(where, os.O_WRONLY | os.O_APPEND)
        return lambda text: os.write(fd, text.encode() + b'\n')
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(where)

    def mark(text):
        s.send(text.encode())
        if s.recv(512) != text.encode():
            raise OSError('the recorder has gone')
    return mark


def scribble(worker, top, gate, mark):
    path, size, at, fd = top + '/never synced', worker.size, 0, None

    def stand_aside():
        nonlocal fd
        if fd is not None:
            os.close(fd)
        fd = None

    gate.work(stand_aside)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, worker.OLD * size)
    os.fsync(fd)
    mark('scribbler 0')
    gate.done()
    while True:
        gate.work(stand_aside)
        if fd is None:
            fd = os.open(path, os.O_RDWR)
        os.pwrite(fd, worker.NEW * min(60000, size - at), at)
        at = (at + 45000) % size
        fcntl.flock(gate.fd, fcntl.LOCK_UN)
        # It is to be in the way, not to take all the time there is.
        time.sleep(0.2)


def transact(worker, top, gate, mark):
    db = None

    def stand_aside():
        nonlocal db
        if db:
            db.close()
        db = None

    for n in range(worker.operations):
        gate.work(stand_aside, Gate.DROPPING)
        db = db or worker.open(top)
        worker.transact(db, n)
        mark('%s %d' % (worker.name, n))
        gate.done()


def work(worker, top, gate, mark):
    gate.work(lambda: None)
    os.mkdir(os.path.join(top, worker.name))
    fcntl.flock(gate.fd, fcntl.LOCK_UN)
    if isinstance(worker, workers.Scribbler):
        scribble(worker, os.path.join(top, worker.name), gate, mark)
    elif isinstance(worker, workers.Sqlite):
        transact(worker, top, gate, mark)
    else:
        hands = Hands(os.path.join(top, worker.name))
        for n in range(worker.operations):
            gate.work(hands.stand_aside)
            for step in worker.steps(n):
                hands.do(step)
                worker.world.apply(step)
            worker.world.ack()
            worker.done += 1
            mark('%s %d' % (worker.name, n))
            gate.done()


def start(name, fn, *args):
    """A process that does this, and its name."""
    pid = os.fork()
    if pid:
        return pid, name
    status = 1
    try:
        fn(*args)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def joined(number, worker, gate):
    gate.join(number)
    work(worker, options.dir, gate, marker(options.marks))


def main():
    everybody = workers.everybody(options.seed)
    gate = Gate(sum(w.operations for w in everybody))
    children = dict(start(w.name, joined, n, w, gate) for n, w in enumerate(everybody))
    if options.vault:
        children.update([start('keeper', lambda: keeper.Keeper(options.dir, gate, marker(options.marks)).work())])
    if options.create:
        children.update([start('creation', lambda: creation.work(options.create, options.side, marker(options.marks)))])
    failed = []
    while set(children.values()) - {'scribbler'}:
        pid, status = os.wait()
        name = children.pop(pid)
        if status:
            failed.append(name)
            break
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if failed:
        sys.exit('failed: ' + ' '.join(failed))


if __name__ == '__main__':
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ('--create', '--prepare', '--side', '--mark'):
        parser.add_argument(name)
    parser.add_argument('--vault', action='store_true')
    parser.add_argument('dir', nargs='?')
    parser.add_argument('seed', nargs='?')
    parser.add_argument('marks')
    options = parser.parse_args()
    if options.mark:
        marker(options.marks)(options.mark)
    elif options.prepare:
        creation.prepare(options.prepare, options.seed, options.side)
    else:
        main()
