# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the Python of a test file: pyserver.py DIR. Starting Python takes a second under emulation, so it is started once,
and forks for each piece; see py in vault.sh.

A line in the FIFO DIR/ask is the number of the process that asks; the piece is in DIR/code. It has that process's
standard output and directory. How it ended goes to the FIFO DIR/answer, as the shell tells it.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import calls                                # noqa: E402

where = sys.argv[1]


def become(client):
    """As if that process had started us."""
    os.setpgid(0, 0)
    for n in 1, 2:
        fd = os.open('/proc/%s/fd/%d' % (client, n), os.O_WRONLY | os.O_APPEND)
        os.dup2(fd, n)
        os.close(fd)
    os.chdir('/proc/%s/cwd' % client)


def next_piece():
    """Serves until it is told to run something; returns that, in a process of its own."""
    # Both ends of both, so that neither side ever sees an end.
    ask = os.open(where + '/ask', os.O_RDWR | os.O_CLOEXEC)
    answer = os.open(where + '/answer', os.O_RDWR | os.O_CLOEXEC)
    line = b''
    while True:
        line += os.read(ask, 64)
        if not line.endswith(b'\n'):
            continue
        client, line = line.strip().decode(), b''
        pid = os.fork()
        if not pid:
            os.close(ask)
            os.close(answer)
            become(client)
            with open(where + '/code') as f:
                return f.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(answer, b'%d\n' % (status if status >= 0 else 128 - status))


sys.argv = ['-c']
# Ends as Python does: an exception is shown, threads are waited for.
exec(compile(next_piece(), '<string>', 'exec'), {**vars(calls), '__name__': '__main__'})
