#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Several processes on the same few names: made, linked, renamed over each other, exchanged, removed at the same time. Whatever
# came of it has to be one state: what is listed can be found, has as many names as it says, the hidden symlinks are those of
# the long names, and it is the same after a new mount. The same on the file system below, where it has to hold, too.
# WARD_LONG: five minutes instead of 20 s.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
cat >/tmp/together.py <<'END'
from calls import *
SECONDS = 300 if os.environ.get('WARD_LONG') else 20
PROCESSES = 4
NAMES = ['a', 'b', 'c', 'd', 'e', 'l' * 200, 'm' * 200, 'n' * 255]
# What may come of it when somebody else was faster, or another kind of thing is there.
USUAL = {'ENOENT', 'EEXIST', 'ENOTEMPTY', 'EISDIR', 'ENOTDIR', 'EINVAL', 'EPERM', 'ELOOP'}
plain = '/srv/lower/plain'

def place(r, top):
    """One of the names in one of two directories, or of what is a directory there."""
    path = '%s/%s/%s' % (top, r.choice('AB'), r.choice(NAMES))
    return path + '/' + r.choice(NAMES) if r.random() < 0.25 else path

def made(letter, flags, path):
    def put(fd):
        os.write(fd, letter * 3000)
    opened(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | flags, put)

def nameless(letter, top, path):
    def put(fd):
        os.write(fd, letter * 5000)
        link_fd(fd, path)
    opened(top + '/A', os.O_TMPFILE | os.O_WRONLY, put)

def looked_at(path):
    st = os.lstat(path)
    if stat.S_ISREG(st.st_mode):
        got = opened(path, os.O_RDONLY | os.O_NOFOLLOW, os.read, 6000)
        assert not got.strip(b'ABCD\0'), got
    elif stat.S_ISDIR(st.st_mode): os.listdir(path)
    else: same(os.readlink(path), 'target')

def step(r, top, letter):
    one, other = place(r, top), place(r, top)
    kind = r.randrange(14)
    if kind == 0: made(letter, os.O_EXCL, one)
    elif kind == 1: made(letter, os.O_TRUNC, one)
    elif kind == 2: os.mkdir(one)
    elif kind == 3: os.symlink('target', one)
    elif kind == 4: os.link(one, other, follow_symlinks=False)
    elif kind == 5: os.unlink(one)
    elif kind == 6: os.rmdir(one)
    elif kind == 7: os.rename(one, other)
    elif kind == 8 and LOWER != 'nfs': renameat2(one, other, r.choice((RENAME_NOREPLACE, RENAME_EXCHANGE)))
    elif kind == 9 and LOWER != 'nfs': nameless(letter, top, one)
    elif kind == 10: os.truncate(one, r.randrange(3000))
    elif kind == 11 and LOWER != 'tmpfs': os.setxattr(one, 'user.who', letter, follow_symlinks=False)
    elif kind == 12 and letter == b'A' and r.random() < 0.2:
        with open('/proc/sys/vm/drop_caches', 'w') as f: f.write('2')
    else: looked_at(one)

def worker(n, top, until):
    r, done, failed = random.Random(n), 0, {}
    while time.time() < until or done < 100:        # on a kernel that looks at everything twice, too
        try:
            step(r, top, b'ABCD'[n:n + 1])
            done += 1
        except OSError as e:
            name = errno_name(e)
            assert name in USUAL, (name, e.filename, e.filename2)
            failed[name] = failed.get(name, 0) + 1
    print(n, done, failed, flush=True)
    assert failed.get('ENOENT') and failed.get('EEXIST'), failed

def together(top):
    """All of them at once, from nothing."""
    for name in 'AB': os.makedirs(top + '/' + name, exist_ok=True)
    until, pids = time.time() + SECONDS, []
    for n in range(PROCESSES):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                worker(n, top, until)
                status = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally:
                os._exit(status)
        pids.append(pid)
    bad = [n for n, pid in enumerate(pids) if os.waitpid(pid, 0)[1]]
    assert not bad, bad

def found(top):
    """Everything that is there: path: (inode, mode, links, contents)."""
    out, todo = {}, [top]
    while todo:
        at = todo.pop()
        for name, ino, kind, _ in listing(at):
            if name in (b'.', b'..'): continue
            path = at + '/' + os.fsdecode(name)
            st = os.lstat(path)
            same((st.st_ino, stat.S_IFMT(st.st_mode)), (ino, kind << 12))
            body = None
            if stat.S_ISDIR(st.st_mode): todo.append(path)
            elif stat.S_ISREG(st.st_mode): body = read(path)
            else: body = os.readlink(path)
            assert path not in out, path
            out[path] = st.st_ino, st.st_mode, st.st_nlink, body
        for name in NAMES:
            same(os.path.lexists(at + '/' + name), at + '/' + name in out)
    return out

def judge(have):
    """Links are those that were found; contents are letters of those who wrote, or zeros."""
    names = {}
    for path, (ino, mode, links, body) in have.items():
        if not stat.S_ISDIR(mode): names.setdefault(ino, [links]).append(path)
        if stat.S_ISREG(mode): assert not body.strip(b'ABCD\0'), body
    for links, *paths in names.values(): same(links, len(paths))
    assert len(have) > 3, have
END
check "the file system below" py '
exec(open("/tmp/together.py").read())
together(plain); judge(found(plain))
'
diag "$(cat "$lib_out")"
check "a vault, and one state came of it" py '
exec(open("/tmp/together.py").read())
since = mark()
together(d); have = found(d); judge(have)
again()
same(found(d), have)
judge(have)
quiet(since); assert not state()["vault_flags"] & 2
'
diag "$(cat "$lib_out")"
check "hidden symlinks below are those of long names" py '
exec(open("/tmp/together.py").read())
have = found(d)
long = sum(len(os.path.basename(path)) > 160 for path in have)
below_it = sum(name.startswith(".ward-n") for _, dirs, files in os.walk(below) for name in dirs + files)
print("%d long names of %d" % (long, len(have)))
same(below_it, long)
'
check "all of it can be removed" py '
exec(open("/tmp/together.py").read())
since = mark()
for path in sorted(found(d), key=len, reverse=True):
    os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
same(os.listdir(d), [])
quiet(since)
'
check "no references are left" sh -c "cd / && umount $d && umount /srv/below && umount /srv/lower && wipefs -n $WARD_DISK1"
done_testing
