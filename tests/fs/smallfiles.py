# SPDX-License-Identifier: GPL-2.0-or-later
"""Small files, written until there is no more room for them: what was told of each, and what there is of it."""
from calls import *


def attempts(at, seed, synced, append):
    """Small files until twelve were refused. What became of each, by name: its size, or why it was refused."""
    sizes, out = random.Random(seed), {}
    for k in range(400):
        f, size = f'{at}/{seed}.{k}', sizes.randint(10, 60000)
        out[f] = attempt_one(f, size, synced, 8192 if append else 65536)
        if len(refusals(out)) == 12:
            break
    return out


def attempt_one(path, size, synced, piece):
    """By a program that writes in pieces, and looks at what each call says."""
    try:
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    except OSError as e:
        return errno.errorcode[e.errno]
    why, data = None, noise(size, size)
    try:
        while data:
            data = data[os.write(fd, data[:piece]):]
        if synced:
            os.fsync(fd)
    except OSError as e:
        why = errno.errorcode[e.errno]
    try:
        os.close(fd)
    except OSError as e:
        why = why or errno.errorcode[e.errno]
    return why or size


def refusals(files):
    return [v for v in files.values() if isinstance(v, str)]


def refused(files):
    """Why some were, each reason once."""
    return sorted(set(refusals(files)))


def kept(files):
    return [v for v in files.values() if isinstance(v, int)]


def whole(files):
    """Those that were not refused have all that was written."""
    for path, size in files.items():
        if isinstance(size, int):
            assert read(path) == noise(size, size), path
