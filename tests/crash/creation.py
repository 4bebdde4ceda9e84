# SPDX-License-Identifier: GPL-2.0-or-later
"""A full directory is made a vault, by `wardctl create`, while everybody else works; and what a crash may have left
of it: all of the plain files, or a vault that create finishes when it is run again, or a whole vault.

Marks in the log of writes: "creation: begins", "creation: done" (create has said so), "creation: unmounted".
"""
import hashlib
import json
import os
import random
import stat
import subprocess

NAME = 'created'
PASS = '/root/pass'
CONF = '/etc/ward/vaults.d/%s.conf' % NAME
STAMP = 1600000000_123456789


def fill(top, seed):
    """The plain files; the same for each seed."""
    rng = random.Random('%s/creation' % seed)
    os.makedirs(top + '/letters/2024/empty')
    for name, size in (('hello', 5), ('nothing', 0), ('letters/one block', 3552), ('letters/2024/two', 3553),
                       ('letters/2024/random', 150000), ('n' * 255, 1), ('letters/gpl', 35000)):
        with open(os.path.join(top, name), 'wb') as f:
            f.write(rng.randbytes(size))
    for i in range(8):
        with open('%s/letters/small %d' % (top, i), 'wb') as f:
            f.write(rng.randbytes(rng.randrange(9000)))
    os.link(top + '/hello', top + '/letters/hello again')
    os.symlink('../hello', top + '/letters/link')
    os.mkfifo(top + '/pipe')
    os.setxattr(top + '/hello', 'user.color', b'green')
    os.setxattr(top + '/letters', 'user.on a directory', b'yes')
    os.chmod(top + '/letters/gpl', 0o640)
    os.chown(top + '/letters/gpl', 61001, 61010)
    for where, dirs, files in os.walk(top, topdown=False):
        for name in dirs + files:
            os.utime(os.path.join(where, name), ns=(STAMP, STAMP), follow_symlinks=False)
    os.utime(top, ns=(STAMP, STAMP))


def picture(top):
    """{path: what is to be the same afterwards}"""
    out, links = {}, {}
    for where, dirs, files in os.walk(top):
        for name in sorted(dirs + files):
            full = os.path.join(where, name)
            path = os.path.relpath(full, top)
            st = os.lstat(full)
            seen = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
            if stat.S_ISLNK(st.st_mode):
                seen.append(os.readlink(full))
            else:
                seen.append(sorted((n, os.getxattr(full, n).hex()) for n in os.listxattr(full) if n.startswith('user.')))
            if stat.S_ISREG(st.st_mode):
                with open(full, 'rb') as f:
                    seen.append(hashlib.sha256(f.read()).hexdigest())
                links.setdefault(st.st_ino, []).append(path)
            out[path] = seen
    for paths in links.values():
        for path in paths:
            out[path].append(sorted(paths))
    return json.loads(json.dumps(out))


def wardctl(*words):
    done = subprocess.run(('wardctl',) + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise OSError(0, 'wardctl %s: status %d: %s' % (words[0], done.returncode, done.stdout.strip()))


def create(top):
    wardctl('create', top, '--name', NAME, '--allow', 'root', '--no-recovery-key', '--passphrase-file', PASS)


def prepare(top, seed, side):
    with open(PASS, 'w') as f:
        f.write('correct horse battery staple\n')
    fill(top, seed)
    with open(side + '/picture', 'w') as f:
        json.dump(picture(top), f)


def work(top, side, mark):
    mark('creation: begins')
    create(top)
    with open(CONF) as conf, open(side + '/conf', 'w') as f:
        f.write(conf.read())
    mark('creation: done')
    wardctl('umount', NAME)
    ciphertext = picture(top)
    with open(side + '/ciphertext', 'w') as f:
        json.dump(ciphertext, f)
    mark('creation: unmounted')


class Created:
    def __init__(self, side):
        def load(name):
            """None: it did not get that far."""
            path = '%s/%s' % (side, name)
            if not os.path.exists(path):
                return None
            with open(path) as f:
                return f.read()
        self.plain, self.ciphertext = (json.loads(load(n) or 'null') for n in ('picture', 'ciphertext'))
        self.conf = load('conf')
        self.looks = 0
        with open(PASS, 'w') as f:
            f.write('correct horse battery staple\n')

    def faults(self, top, told, keep_conf):
        """What is lost in this crash state; @told: what was marked before it. Whether the configuration, which lies
        on another disk, came through the crash as well, is @keep_conf."""
        state = told[-1] if told else 'not begun'
        if state == 'unmounted':
            return differences('below', self.ciphertext, picture(top))
        inside = os.listdir(top)
        self.looks += 1
        if '.ward' not in inside:
            out = differences('plain files', self.plain, picture(top))
            return out + (['the vault is gone'] if state == 'done' else [])
        if state == 'not begun':
            return ['a .ward that nobody made']
        if os.path.lexists(CONF):
            os.unlink(CONF)
        made = os.listdir(top + '/.ward')
        going_on = 'creating' in made
        if state == 'done' and going_on:
            return ['create had ended, and is to go on']
        # It is written, and synced, after the first of these was made and before it goes.
        if self.conf and (keep_conf if going_on else 'vault' in made):
            os.makedirs(os.path.dirname(CONF), exist_ok=True)
            with open(CONF, 'w') as f:
                f.write(self.conf)
        # What follows takes longer than all else: in one of three states.
        if self.looks % 3 != 1:
            return []
        if going_on:
            create(top)
        elif not os.path.lexists(CONF):
            create(top)
        else:
            wardctl('unlock', NAME, '--passphrase-file', PASS)
        try:
            return differences('the vault', self.plain, picture(top))
        finally:
            wardctl('umount', NAME)


def differences(what, wanted, got):
    return ['creation: %s: %s: %s instead of %s' % (what, path, got.get(path), wanted.get(path))
            for path in sorted(set(wanted) | set(got)) if wanted.get(path) != got.get(path)]
