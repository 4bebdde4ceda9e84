#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The load: everybody of workers.py at once, each in a process of its own.

    load.py DIR SEED SOCKET      marks "WORKER N" when operation N is on stable storage: to the recorder at SOCKET,
                                 or, where that is "-", as lines on standard output
    load.py --mark TEXT SOCKET   only marks
"""
import ctypes
import mmap
import os
import signal
import socket
import sys
import time
import traceback

import workers

libc = ctypes.CDLL(None, use_errno=True)


class Hands:
    """Does steps of model.py for real. Files stay open until they are closed, renamed or removed."""

    def __init__(self, top):
        self.top = top
        self.open = {}
        os.chdir(top)

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
        verb, *rest = step
        getattr(self, 'do_' + verb)(*rest)

    def do_mkdir(self, path):
        os.mkdir(path)

    def do_create(self, path):
        self.open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)

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

    def do_setxattr(self, path, name, value):
        os.setxattr(path, name, value)

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
    if where == '-':
        return lambda text: os.write(1, b'# mark %s\n' % text.encode())
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(where)

    def mark(text):
        s.send(text.encode())
        if s.recv(512) != text.encode():
            raise OSError('the recorder has gone')
    return mark


def scribble(top, mark):
    size = workers.Scribbler.size
    fd = os.open(top + '/never synced', os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, b'o' * size)
    os.fsync(fd)
    mark('scribbler 0')
    at = 0
    while True:
        os.pwrite(fd, b's' * min(150000, size - at), at)
        at = (at + 110000) % size
        # It is to be in the way, not to take all the time there is.
        time.sleep(0.2)


def work(worker, top, mark):
    os.mkdir(os.path.join(top, worker.name))
    if isinstance(worker, workers.Scribbler):
        scribble(os.path.join(top, worker.name), mark)
    elif isinstance(worker, workers.Sqlite):
        db = worker.open(top)
        for n in range(worker.operations):
            worker.transact(db, n)
            mark('%s %d' % (worker.name, n))
    else:
        hands = Hands(os.path.join(top, worker.name))
        for n in range(worker.operations):
            for step in worker.steps(n):
                hands.do(step)
                worker.world.apply(step)
            worker.world.ack()
            worker.done += 1
            mark('%s %d' % (worker.name, n))


def main(top, seed, where):
    children = {}
    for worker in workers.everybody(seed):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                work(worker, top, marker(where))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children[pid] = worker.name
    failed = []
    while set(children.values()) - {'scribbler'}:
        pid, status = os.wait()
        if status:
            failed.append(children[pid])
        del children[pid]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if failed:
        sys.exit('failed: ' + ' '.join(failed))


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    if sys.argv[1] == '--mark':
        marker(sys.argv[3])(sys.argv[2])
        sys.exit()
    main(*sys.argv[1:])
