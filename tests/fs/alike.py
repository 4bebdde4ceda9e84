# SPDX-License-Identifier: GPL-2.0-or-later
"""What alike.sh does to the vault and beside it: each function is for meta.alike()."""
import itertools
import select
import threading

from meta import *


def shape(at):
    """All that is in a directory, as far as it can be the same in two places."""
    out = []
    for top, dirs, files in os.walk(at):
        for name in sorted(dirs + files):
            p = top + '/' + name
            st = os.lstat(p)
            what = os.readlink(p) if stat.S_ISLNK(st.st_mode) else read(p) if stat.S_ISREG(st.st_mode) else st.st_rdev
            out.append((p[len(at):], oct(st.st_mode), st.st_uid, st.st_gid, st.st_nlink, what))
    return sorted(out)


# ---- renaming -----------------------------------------------------------------------------------------------------

def make(path, kind):
    if kind == 'file':
        touch(path, b'file ' + os.path.basename(path).encode())
    elif kind == 'empty':
        os.mkdir(path)
    elif kind == 'emptied':
        os.mkdir(path)
        touch(path + '/x' * 1 + 'y' * 200)
        os.unlink(path + '/x' * 1 + 'y' * 200)
    elif kind == 'full':
        os.mkdir(path)
        touch(path + '/in', b'in')
    elif kind == 'link':
        os.symlink('nowhere', path)
    elif kind == 'pipe':
        os.mkfifo(path)


def rename_one(at, source, target, flags, across, opened):
    os.mkdir(at + '/to')
    a, b = at + '/a', at + ('/to/' if across else '/') + 'b' * (230 if opened else 1)
    make(a, source)
    if target == 'same':
        if source in ('empty', 'full', 'emptied', 'none'):
            return 'cannot be'
        os.link(a, b, follow_symlinks=False)
    else:
        make(b, target)
    fd = os.open(b, os.O_RDONLY) if opened and os.path.lexists(b) and target in ('file', 'empty', 'full', 'emptied') else -1
    got = codes((renameat2, a, b, flags))
    if fd >= 0:
        got.append(os.fstat(fd).st_nlink)
        if target == 'file':
            got.append(os.pread(fd, 100, 0)[:4])
        os.close(fd)
    return got, shape(at)


def renames(part, parts):
    kinds = ('none', 'file', 'empty', 'full', 'link')
    flags = (0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT, RENAME_NOREPLACE | RENAME_WHITEOUT,
             RENAME_NOREPLACE | RENAME_EXCHANGE, RENAME_EXCHANGE | RENAME_WHITEOUT, 8)
    cases = [c for c in itertools.product(kinds, kinds + ('same', 'emptied'), flags) if c[2] < 5 or c[0] == c[1] == 'file']
    for k, (source, target, flag) in enumerate(cases):
        if k % parts == part:
            alike(rename_one, source, target, flag, k % 2, k % 3 == 0)


def rename_odd(at):
    os.makedirs(at + '/p/q')
    touch(at + '/f')
    out = codes((os.rename, at + '/p', at + '/p/q/r'), (os.rename, at + '/p/q', at + '/p'), (os.rename, at + '/p', at + '/p'),
                (renameat2, at + '/p', at + '/p/q', RENAME_EXCHANGE), (renameat2, at + '/p/q', at + '/p', RENAME_EXCHANGE),
                (os.rename, at + '/f', at + '/f/'), (os.rename, at + '/p', at + '/new/'), (os.rename, at + '/f', at + '/g/'),
                (os.rename, at + '/.', at + '/x'), (os.rename, at + '/new/..', at + '/x'), (os.rename, at + '/f', at + '/new/.'),
                (os.rename, at + '/none', at + '/none'), (renameat2, at + '/f', at + '/f', RENAME_NOREPLACE),
                (renameat2, at + '/f', at + '/f', RENAME_EXCHANGE), (os.rename, at + '/f', at + '/' + 'x' * 256),
                (os.rename, at + '/' + 'x' * 256, at + '/f'), (os.rename, at + '/f', '/tmp/elsewhere'))
    return out, shape(at)


def every_name(at):
    """Names of every length, and of every byte: made, listed, found, renamed, gone."""
    names = [bytes(33 + (n + k) % 94 for k in range(n)).replace(b'/', b'%') for n in range(1, 256)]
    names += [b'%c' % k for k in range(128, 256)] + [b'b%c' % k for k in range(1, 256) if k != 47]
    names = sorted(set(names) - {b'.', b'..'})
    top, out = at.encode() + b'/', []
    for n in names:
        touch(top + n, n)
    out.append(sorted(os.listdir(top)) == names and all(read(top + n) == n for n in names))
    os.mkdir(at + '/to')
    for n in names:
        os.rename(top + n, top + b'to/' + n)
        out += codes((os.stat, top + n))
    out.append(sorted(os.listdir(top + b'to')) == names)
    for n in names:
        same(read(top + b'to/' + n), n)
        os.unlink(top + b'to/' + n)
    os.rmdir(at + '/to')
    return out + [os.listdir(top), codes((touch, top + b'n' * 256), (os.stat, top + b'n' * 256))]


# ---- links and nameless files -------------------------------------------------------------------------------------

def links(at):
    touch(at + '/f', b'f')
    os.mkdir(at + '/dir')
    os.symlink('f', at + '/l')
    os.symlink('none', at + '/dangling')
    os.mkfifo(at + '/pipe')
    out = codes((os.link, at + '/f', at + '/h'), (os.link, at + '/f', at + '/h'), (os.link, at + '/dir', at + '/hd'),
                (lambda: os.link(at + '/l', at + '/hl', follow_symlinks=False),),
                (lambda: os.link(at + '/l', at + '/hf', follow_symlinks=True),),
                (lambda: os.link(at + '/dangling', at + '/hx', follow_symlinks=True),),
                (os.link, at + '/pipe', at + '/hp'), (os.link, at + '/f', at + '/none/h'), (os.link, at + '/f', '/tmp/h'),
                (os.link, at + '/f', at + '/f/h'), (os.link, at + '/f', at + '/' + 'h' * 256), (os.link, at + '/f', at + '/t/'))
    return out, shape(at)


def nameless(at):
    out = codes((os.open, at, os.O_TMPFILE | os.O_RDONLY), (os.open, at + '/none', os.O_TMPFILE | os.O_RDWR))
    touch(at + '/f')
    out += codes((os.open, at + '/f', os.O_TMPFILE | os.O_RDWR))
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b'nameless')
    out.append((os.fstat(fd).st_nlink, oct(os.fstat(fd).st_mode)))
    out += codes((link_fd, fd, at + '/f'), (link_fd, fd, at + '/n'), (link_fd, fd, at + '/n2'), (os.unlink, at + '/n'),
                 (os.unlink, at + '/n2'), (link_fd, fd, at + '/n3'))
    out.append(os.fstat(fd).st_nlink)
    os.close(fd)
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o640)
    out += codes((link_fd, fd, at + '/n4'))
    os.close(fd)
    fd = os.open(at, os.O_TMPFILE | os.O_WRONLY, 0o600)
    out += codes((syscall, SYS_linkat, fd, b'', AT_FDCWD, os.fsencode(at + '/n5'), AT_EMPTY_PATH))
    os.close(fd)
    fd = os.open(at + '/f', os.O_RDONLY)
    os.unlink(at + '/f')
    out += codes((link_fd, fd, at + '/n6'))
    os.close(fd)
    return out, shape(at)


def directories(at):
    os.makedirs(at + '/a/b')
    touch(at + '/a/f')
    os.symlink('a', at + '/l')
    out = codes((os.mkdir, at + '/a'), (os.mkdir, at + '/a/f'), (os.mkdir, at + '/l'), (os.mkdir, at + '/none/x'), (os.mkdir, at + '/a/f/x'),
                (os.rmdir, at + '/a'), (os.rmdir, at + '/a/f'), (os.rmdir, at + '/a/.'), (os.rmdir, at + '/a/b/..'), (os.rmdir, at + '/l'),
                (os.rmdir, at + '/l/'), (os.unlink, at + '/a'), (os.unlink, at + '/a/f/'), (os.unlink, at + '/l/'),
                (os.open, at + '/a', os.O_RDWR), (os.open, at + '/a', os.O_WRONLY | os.O_CREAT), (os.open, at + '/new/', os.O_CREAT),
                (os.open, at + '/a/f', os.O_DIRECTORY), (os.open, at + '/l', os.O_NOFOLLOW), (os.open, at + '/a/f', os.O_CREAT | os.O_EXCL),
                (os.open, at + '/l', os.O_CREAT | os.O_EXCL), (os.truncate, at + '/a', 0), (os.listdir, at + '/a/f'),
                (os.mknod, at + '/dev', stat.S_IFCHR | 0o600, os.makedev(0, 0)), (os.mknod, at + '/d', stat.S_IFDIR | 0o700),
                (os.mknod, at + '/a/f', stat.S_IFREG | 0o700), (os.readlink, at + '/a'), (os.symlink, 'x', at + '/a/f'), (os.symlink, 'x', at + '/s/'))
    os.mkdir(at + '/gone')
    fd = os.open(at + '/gone', os.O_RDONLY)
    os.rmdir(at + '/gone')
    out += codes((lambda: os.open('x', os.O_CREAT | os.O_RDWR, dir_fd=fd),), (lambda: os.mkdir('x', dir_fd=fd),),
                 (lambda: os.stat('x', dir_fd=fd),), (lambda: os.symlink('x', 'y', dir_fd=fd),), (os.fsync, fd),
                 (lambda: os.rename(at + '/a/f', 'x', dst_dir_fd=fd),), (lambda: os.link(at + '/a/f', 'x', dst_dir_fd=fd),))
    out.append((os.fstat(fd).st_nlink, outcome(lambda: [n for n, *_ in getdents(fd)])))
    os.close(fd)
    return out, shape(at)


# ---- modes, ACLs, groups, sticky directories ------------------------------------------------------------------------

def new_objects(at, umask):
    old = os.umask(umask)
    os.close(os.open(at + '/f', os.O_CREAT | os.O_WRONLY, 0o666))
    os.close(os.open(at + '/p', os.O_CREAT | os.O_WRONLY, 0o4770))
    os.mkdir(at + '/d', 0o777)
    os.mkdir(at + '/s', 0o7777)
    os.mkfifo(at + '/i', 0o666)
    os.mknod(at + '/n', stat.S_IFREG | 0o666)
    os.symlink('x', at + '/l')
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR, 0o666)
    link_fd(fd, at + '/t')
    os.close(fd)
    os.umask(old)


def acls(p):
    return {n: os.getxattr(p, n, follow_symlinks=False) for n in os.listxattr(p, follow_symlinks=False) if n.startswith('system.')}


def inherit(at, default, umask, mode, gid):
    os.chown(at, ALICE, gid)
    os.chmod(at, mode)
    if default:
        run('setfacl', '-d', '-m', default, at)
    as_user(ALICE, new_objects, at, umask)
    return shape(at), [acls(at + '/' + n) for n in 'fpdsintl']


def inheritance():
    for default in ('', 'u::rwx,g::rx,o::-,u:bob:rwx,m::rwx', 'u::rw,g::rw,o::r', 'g:caseworkers:rx,m::r,o::rwx'):
        for umask in (0, 0o022, 0o077):
            alike(inherit, default, umask, 0o777, ALICE)
    for mode in (0o2775, 0o3777):
        alike(inherit, '', 0o027, mode, CASEWORKERS)
        alike(inherit, 'u::rwx,g::rx,o::-', 0o027, mode, CASEWORKERS)


def acl_rules(at):
    f, sub = at + '/f', at + '/sub'
    touch(f, b'x')
    os.mkdir(sub)
    os.chown(f, ALICE, ALICE)
    os.chmod(f, 0o640)
    out = []
    for spec in ('u:bob:r', 'u:bob:rw,m::r', 'g:caseworkers:rw,u:bob:-', 'u:mallory:r,o::-', 'm::-'):
        run('setfacl', '-m', spec, f)
        out.append((oct(os.stat(f).st_mode), acls(f)))
        for uid, groups in ((ALICE, ()), (BOB, ()), (BOB, (CASEWORKERS,)), (MALLORY, ())):
            out += codes((lambda: as_user(uid, read, f, groups=groups),), (lambda: as_user(uid, access, f, os.W_OK, groups=groups),))
    for mode in (0o777, 0o604, 0o070):
        os.chmod(f, mode)
        out.append((oct(os.stat(f).st_mode), acls(f)))
    acl = os.getxattr(f, 'system.posix_acl_access')
    out += codes((as_user, BOB, os.setxattr, f, 'system.posix_acl_access', acl), (as_user, ALICE, os.setxattr, f, 'system.posix_acl_access', acl),
                 (os.setxattr, f, 'system.posix_acl_default', acl), (os.setxattr, f, 'system.posix_acl_access', acl[:-3]),
                 (os.setxattr, f, 'system.posix_acl_access', b''), (os.removexattr, f, 'system.posix_acl_access'),
                 (os.removexattr, f, 'system.posix_acl_access'), (os.getxattr, f, 'system.posix_acl_access'),
                 (os.removexattr, sub, 'system.posix_acl_default'), (os.getxattr, sub, 'system.posix_acl_default'))
    os.symlink('f', at + '/l')
    out += codes((lambda: os.setxattr(at + '/l', 'system.posix_acl_access', acl, follow_symlinks=False),))
    os.chown(f, ALICE, CASEWORKERS)                 # chmod by one who is not in the group drops set-group-id
    as_user(ALICE, os.chmod, f, 0o2755)
    out.append((oct(os.stat(f).st_mode), acls(f)))
    return out


def sticky(at):
    out = []
    for mode, owner in ((0o1777, 0), (0o1777, ALICE), (0o777, 0), (0o1770, ALICE)):
        t = at + '/t'
        os.mkdir(t)
        os.chmod(t, mode)
        os.chown(t, owner, CASEWORKERS)
        for name in ('one', 'n' * 220):
            touch(t + '/' + name)
            os.chown(t + '/' + name, BOB, BOB)
            touch(t + '/mine')
            os.chown(t + '/mine', ALICE, ALICE)
            for uid in (MALLORY, ALICE, BOB):
                for fn, *args in ((os.rename, t + '/' + name, t + '/x'), (os.rename, t + '/mine', t + '/' + name), (os.unlink, t + '/' + name)):
                    out += codes((lambda: as_user(uid, fn, *args, groups=(CASEWORKERS,)),))
            out.append(sorted(os.listdir(t)))
        run('rm', '-r', t)
    return out


# ---- chattr ---------------------------------------------------------------------------------------------------------

def attempts(f, sub):
    return codes((os.open, f, os.O_RDONLY), (os.open, f, os.O_WRONLY), (os.open, f, os.O_WRONLY | os.O_APPEND), (os.open, f, os.O_WRONLY | os.O_APPEND | os.O_TRUNC),
                 (os.truncate, f, 1), (os.chmod, f, 0o600), (os.chown, f, 0, 0), (os.utime, f), (os.utime, f, (1, 1)), (os.link, f, f + '2'),
                 (os.rename, f, f + '3'), (os.unlink, f), (os.setxattr, f, 'user.a', b'1'), (os.setxattr, f, 'trusted.a', b'1'),
                 (os.removexattr, f, 'user.a'), (touch, sub + '/new'), (os.mkdir, sub + '/d'), (os.unlink, sub + '/in'), (os.rename, sub + '/in', sub + '/out'),
                 (os.rename, f, sub + '/f'), (os.rmdir, sub), (os.rename, sub, sub + '2'), (os.chmod, sub, 0o700), (os.listdir, sub))


def flags_of(p):
    return {c for c in run('lsattr', '-d', p).split()[0] if c in 'iaAdDST'}


def chattr(at, flag, of):
    f, sub = at + '/f', at + '/sub'
    touch(f, b'1234')
    os.mkdir(sub)
    touch(sub + '/in')
    got = subprocess.run(['chattr', '+' + flag, {'file': f, 'dir': sub}[of]], stderr=subprocess.DEVNULL, check=False).returncode
    out = [got, flags_of(f), flags_of(sub), attempts(f, sub)]
    for p in sorted(glob.glob(at + '/*')):
        subprocess.run(['chattr', '-' + flag, p], stderr=subprocess.DEVNULL, check=False)
        out.append((os.path.basename(p), flags_of(p)))
    touch(at + '/after')
    return out, shape(at)


def chattrs():
    for flag in 'iaAdSDT':
        for of in ('file', 'dir'):
            alike(chattr, flag, of)


def chattr_rights(at):
    f = at + '/f'
    touch(f)
    os.chown(f, ALICE, ALICE)
    os.chmod(f, 0o666)
    out = []
    for uid in (ALICE, BOB):
        for flag in 'iadA':
            def change():
                fd = os.open(f, os.O_RDONLY)
                raw = fcntl.ioctl(fd, 0x80086601, bytes(8))             # FS_IOC_GETFLAGS
                bit = {'i': 0x10, 'a': 0x20, 'd': 0x40, 'A': 0x80}[flag]
                fcntl.ioctl(fd, 0x40086602, struct.pack('i4x', struct.unpack_from('i', raw)[0] | bit))
            out += codes((as_user, uid, change))
    return out, flags_of(f)


# ---- times ----------------------------------------------------------------------------------------------------------

OLD = 1000000000 * 10**9


def changed(paths, fn, *args):
    """Which times of which objects an operation moves."""
    before = []
    for p in paths:
        os.utime(p, ns=(OLD, OLD), follow_symlinks=False)
    time.sleep(0.02)                                                    # the kernel's clock for times goes in ticks
    for p in paths:
        before.append(os.lstat(p))
    fn(*args)
    out = []
    for p, old in zip(paths, before):
        new = os.lstat(p)
        out.append(''.join(c for c, name in (('a', 'st_atime_ns'), ('m', 'st_mtime_ns'), ('c', 'st_ctime_ns'))
                           if getattr(new, name) != getattr(old, name)))
    return out


def times(at):
    a, b, f = at + '/a', at + '/b', at + '/a/f'
    os.mkdir(a)
    os.mkdir(b)
    touch(f, b'1')
    touch(a + '/g')
    dirs = [at, a, b]
    out = [changed(dirs, touch, a + '/new'), changed(dirs + [f], touch, f, b'2'), changed(dirs, os.mkdir, a + '/d'), changed(dirs, os.rmdir, a + '/d'),
           changed(dirs + [f], os.link, f, b + '/f2'), changed(dirs + [f], os.unlink, b + '/f2'), changed(dirs + [f], os.chmod, f, 0o600),
           changed(dirs, os.symlink, 'f', a + '/l'), changed(dirs + [a + '/l'], os.readlink, a + '/l'), changed(dirs + [f, a + '/l'], read, a + '/l'),
           changed(dirs, os.listdir, a), changed(dirs, os.listdir, a), changed(dirs + [f], os.setxattr, f, 'user.x', b'1'),
           changed(dirs + [a], os.setxattr, a, 'user.x', b'1'), changed(dirs, os.mkfifo, a + '/p'), changed(dirs, os.stat, f)]
    for name, to in ((a + '/g', b + '/g'), (b + '/g', b + '/h')):
        out.append(changed(dirs + [name], lambda: None))
        ino = os.stat(name).st_ctime_ns
        out.append(changed(dirs, os.rename, name, to))
        out.append(os.stat(to).st_ctime_ns != ino)
    os.mkdir(a + '/move')
    out.append(changed(dirs, os.rename, a + '/move', b + '/move'))
    out.append(changed(dirs + [f], renameat2, f, b + '/h', RENAME_EXCHANGE))
    out.append(changed(dirs, os.truncate, b + '/h', 1))
    out.append(changed(dirs + [b + '/h'], os.truncate, b + '/h', 0))
    out.append(changed(dirs, os.rename, b + '/h', f))
    return out


def failed_times(at):
    """What is refused moves nothing."""
    os.mkdir(at + '/a')
    touch(at + '/f')
    os.makedirs(at + '/full/x')
    dirs = [at, at + '/a', at + '/full', at + '/f']
    return [changed(dirs, codes, call) for call in ((os.mkdir, at + '/a'), (os.rmdir, at + '/full'), (os.rename, at + '/a', at + '/full'),
                                                    (os.link, at + '/a', at + '/b'), (renameat2, at + '/f', at + '/a', RENAME_NOREPLACE),
                                                    (os.unlink, at + '/none'), (os.rename, at + '/f', at + '/a'))]


# ---- xattrs ---------------------------------------------------------------------------------------------------------

def xattrs(at):
    f, sub, link = at + '/f', at + '/sub', at + '/l'
    touch(f)
    os.mkdir(sub)
    os.symlink('f', link)
    out = []
    for p in (f, sub):
        for name in ('user.a', 'trusted.a', 'security.ward'):
            out += codes((os.setxattr, p, name, b'1', os.XATTR_REPLACE), (os.setxattr, p, name, b'1', os.XATTR_CREATE), (os.setxattr, p, name, b'2', os.XATTR_CREATE),
                         (os.setxattr, p, name, b''), (os.setxattr, p, name, b'x' * 1000, os.XATTR_REPLACE), (os.removexattr, p, name), (os.removexattr, p, name),
                         (os.getxattr, p, name), (os.setxattr, p, name, b'3', 3), (os.setxattr, p, name, b'keep'))
            out.append((name, os.getxattr(p, name)))
        out += codes((os.setxattr, p, 'user.', b'1'), (os.setxattr, p, 'user', b'1'), (os.setxattr, p, 'trusted.', b'1'), (os.setxattr, p, 'nothing.x', b'1'),
                     (os.setxattr, p, 'user.' + 'x' * 251, b'1'), (os.setxattr, p, 'user.big', b'x' * 65537), (os.getxattr, p, 'user.none'))
        out.append(sorted(n for n in os.listxattr(p) if n != 'security.selinux'))
        os.chown(p, ALICE, ALICE)
        os.chmod(p, 0o755)
        out += codes((as_user, BOB, os.setxattr, p, 'user.b', b'1'), (as_user, ALICE, os.setxattr, p, 'user.b', b'1'), (as_user, BOB, os.getxattr, p, 'user.b'),
                     (as_user, ALICE, os.setxattr, p, 'trusted.b', b'1'), (as_user, ALICE, os.setxattr, p, 'security.b', b'1'))
        out.append(sorted(as_user(BOB, os.listxattr, p)))
    for name in ('user.a', 'trusted.a'):
        out += codes((lambda: os.setxattr(link, name, b'1', follow_symlinks=False),), (lambda: os.getxattr(link, name, follow_symlinks=False),))
    os.mkfifo(at + '/pipe')
    out += codes((os.setxattr, at + '/pipe', 'user.a', b'1'), (os.setxattr, at + '/pipe', 'trusted.a', b'1'))
    os.chmod(sub, 0o1777)
    out += codes((as_user, BOB, os.setxattr, sub, 'user.c', b'1'))
    return out


def symlinks(at):
    out = []
    for t in ('x', '/' * 100, 'a/' * 300, '.', '..', 'x' * 255, 'ü' * 100):
        os.symlink(t, at + '/l')
        st = os.lstat(at + '/l')
        out.append((os.readlink(at + '/l'), st.st_size, oct(st.st_mode), outcome(lambda: os.stat(at + '/l').st_mode & 0o170000)))
        # What they point to may be the machine's root: it is looked at, never changed.
        out += codes((os.stat, at + '/l'), (os.readlink, at + '/l/'), (os.symlink, t, at + '/l'))
        os.unlink(at + '/l')
    for k in range(45):
        os.symlink('c%d' % (k + 1), at + '/c%d' % k)
    touch(at + '/c45', b'end')
    return out + codes((read, at + '/c3'), (read, at + '/c5'), (read, at + '/c10'), (os.symlink, 'x' * 4096, at + '/long'), (os.symlink, '', at + '/none'))


# ---- locks and leases -------------------------------------------------------------------------------------------------

def locks(at):
    f = at + '/f'
    touch(f, b'x' * 100)
    R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
    one, two, ro = os.open(f, os.O_RDWR), os.open(f, os.O_RDWR), os.open(f, os.O_RDONLY)

    def other(kind, start, length, cmd=fcntl.F_SETLK):
        return in_child(lambda: posix_lock(os.open(f, os.O_RDWR), kind, start, length, cmd))

    out = codes((posix_lock, one, W, 0, 10), (posix_lock, two, R, 5, 20), (posix_lock, ro, W, 50, 1), (posix_lock, ro, R, 50, 1))
    out += [other(W, 0, 1), other(R, 5, 1), other(R, 20, 1), other(W, 20, 1), other(W, 60, 1), in_child(lambda: lock_held(os.open(f, os.O_RDWR), W, 0, 0))]
    posix_lock(one, U, 3, 4)
    out += [other(W, 3, 4), other(W, 2, 2), in_child(lambda: lock_held(os.open(f, os.O_RDWR), W, 4, 100))]
    os.close(two)                                                       # any close drops all of a process's
    out += [other(W, 0, 100)]
    # of open file descriptions
    two = os.open(f, os.O_RDWR)
    out += codes((posix_lock, one, W, 0, 10, F_OFD_SETLK), (posix_lock, two, W, 5, 10, F_OFD_SETLK), (posix_lock, two, R, 10, 10, F_OFD_SETLK),
                 (posix_lock, one, W, 0, 0, fcntl.F_SETLK))
    out += [lock_held(two, W, 0, 0, F_OFD_GETLK), other(W, 0, 1), other(R, 12, 1)]
    os.close(os.dup(one))
    out += [other(W, 0, 1)]
    posix_lock(one, U, 0, 0, F_OFD_SETLK)
    posix_lock(two, U, 0, 0, F_OFD_SETLK)
    posix_lock(one, U)
    # flock
    EX, SH, UN, NB = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_UN, fcntl.LOCK_NB
    out += codes((fcntl.flock, one, SH | NB), (fcntl.flock, two, SH | NB), (fcntl.flock, two, EX | NB), (fcntl.flock, one, UN), (fcntl.flock, two, EX | NB),
                 (fcntl.flock, ro, SH | NB), (fcntl.flock, os.open(at, os.O_RDONLY), EX | NB))
    out += [in_child(lambda: fcntl.flock(os.open(f, os.O_RDONLY), SH | NB)), other(W, 0, 1)]
    # waiting for one
    fcntl.flock(two, UN)
    posix_lock(one, W, 0, 1)
    pid = os.fork()
    if not pid:
        posix_lock(os.open(f, os.O_RDWR), W, 0, 1, fcntl.F_SETLKW)
        os._exit(0)
    time.sleep(0.1)
    waiting = os.waitpid(pid, os.WNOHANG)[0] == 0
    posix_lock(one, U, 0, 1)
    out += [waiting, os.waitpid(pid, 0)[1]]
    for fd in (one, two, ro):
        os.close(fd)
    return out


def leases(at):
    f = at + '/f'
    touch(f, b'x')
    R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
    ro = os.open(f, os.O_RDONLY)
    out = codes((fcntl.fcntl, ro, F_SETLEASE, R), (fcntl.fcntl, ro, F_SETLEASE, W))
    out.append(fcntl.fcntl(ro, F_GETLEASE))
    got = []
    signal.signal(signal.SIGIO, lambda *_: got.append('broken'))

    def broken(flags):
        """Somebody else opens it, and does not wait; is who has the lease told, and what does the other get?"""
        del got[:]
        fcntl.fcntl(ro, F_SETLEASE, R)
        other = in_child(lambda: os.close(os.open(f, flags | os.O_NONBLOCK)))
        for _ in range(20 if other[0] == 'value' else 200):
            if got:
                break
            time.sleep(0.02)
        fcntl.fcntl(ro, F_SETLEASE, U)
        return other, list(got)

    out += [broken(os.O_RDONLY), broken(os.O_WRONLY), broken(os.O_RDWR), broken(os.O_WRONLY | os.O_TRUNC)]
    out.append(fcntl.fcntl(ro, F_GETLEASE))
    os.close(ro)
    rw = os.open(f, os.O_RDWR)
    out += codes((fcntl.fcntl, rw, F_SETLEASE, R), (fcntl.fcntl, rw, F_SETLEASE, W), (fcntl.fcntl, rw, F_SETLEASE, U))
    os.chmod(f, 0o666)
    out += codes((as_user, ALICE, lambda: fcntl.fcntl(os.open(f, os.O_RDONLY), F_SETLEASE, R)),
                 (fcntl.fcntl, os.open(at, os.O_RDONLY), F_SETLEASE, R))
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    os.close(rw)
    return out


def waits_for_lease(at, kind, flags, answer):
    """Who opens a file that somebody has a lease on waits: for an answer, or until the time for it is over."""
    f = at + '/f'
    touch(f, b'x')
    fd = os.open(f, os.O_RDONLY if fcntl.F_RDLCK in (kind, answer) else os.O_RDWR)
    told = []
    old = signal.signal(signal.SIGIO, lambda *_: told.append((fcntl.fcntl(fd, F_GETLEASE), answer is not None and outcome(fcntl.fcntl, fd, F_SETLEASE, answer))))
    fcntl.fcntl(fd, F_SETLEASE, kind)
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        os.close(fd)
        start = time.monotonic()
        got = os.truncate(f, 0) if flags is None else os.close(os.open(f, flags))
        os._exit(0 if got else 1 + (time.monotonic() - start > 1.5))
    status = os.waitpid(pid, 0)[1]
    left = fcntl.fcntl(fd, F_GETLEASE)
    signal.signal(signal.SIGIO, old)
    os.close(fd)
    return told, {0: 'failed', 1: 'soon', 2: 'after the time'}.get(os.waitstatus_to_exitcode(status), status), left


def lease_times():
    R, W, U = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK
    limit = '/proc/sys/fs/lease-break-time'
    before = read(limit)
    touch(limit, b'2')
    try:
        for kind, flags, answer in ((R, os.O_RDONLY, U), (R, os.O_WRONLY, U), (R, os.O_RDWR, None), (R, None, U), (W, os.O_RDONLY, R), (W, os.O_RDONLY, U),
                                    (W, os.O_RDONLY, None), (W, os.O_WRONLY, U), (W, None, U)):
            got = alike(waits_for_lease, kind, flags, answer)
            assert got[0] == 'value' and got[1][1] == ('soon' if answer is not None else 'after the time'), got
    finally:
        touch(limit, before)


# ---- inotify and fanotify ---------------------------------------------------------------------------------------------

def story(at):
    """Something for everybody who watches."""
    touch(at + '/f', b'one')
    read(at + '/f')
    os.chmod(at + '/f', 0o600)
    os.rename(at + '/f', at + '/g' + 'x' * 200)
    os.link(at + '/g' + 'x' * 200, at + '/h')
    os.truncate(at + '/h', 0)
    os.mkdir(at + '/d')
    os.rename(at + '/h', at + '/d/h')
    os.symlink('x', at + '/l')
    os.setxattr(at + '/d/h', 'user.x', b'1')
    os.listdir(at + '/d')
    os.unlink(at + '/d/h')
    os.rmdir(at + '/d')
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b'1')
    link_fd(fd, at + '/t')
    os.close(fd)
    os.unlink(at + '/g' + 'x' * 200)


def named(name):
    """A nameless file has its inode number for a name."""
    return b'#' if name.startswith(b'#') else name


def inotify(at):
    fd = libc.inotify_init1(0o4000)
    wd = libc.inotify_add_watch(fd, at.encode(), 0xfff)
    story(at)
    raw = os.read(fd, 1 << 20)
    out, pos, cookies = [], 0, []
    while pos < len(raw):
        _, mask, cookie, n = struct.unpack_from('iIII', raw, pos)
        if cookie and cookie not in cookies:
            cookies.append(cookie)
        out.append((hex(mask), cookies.index(cookie) if cookie else None, named(raw[pos + 16:pos + 16 + n].rstrip(b'\0'))))
        pos += 16 + n
    same(libc.inotify_rm_watch(fd, wd), 0)
    os.close(fd)
    return out


SYS_fanotify_init, SYS_fanotify_mark = 300, 301
FAN_REPORT_FID, FAN_REPORT_DIR_FID, FAN_REPORT_NAME, FAN_REPORT_TARGET_FID = 0x200, 0x400, 0x800, 0x1000
FAN_MARK_ADD, FAN_MARK_MOUNT, FAN_MARK_FILESYSTEM = 1, 0x10, 0x100
FAN_ONDIR, FAN_EVENT_ON_CHILD = 0x40000000, 0x08000000
# access, modify, attrib, close, open, moved, create, delete, delete self, move self, open exec, rename
FAN_ALL = 0x1 | 0x2 | 0x4 | 0x18 | 0x20 | 0xc0 | 0x100 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x10000000
FAN_OF_MOUNT = 0x1 | 0x2 | 0x18 | 0x20 | 0x1000


def fanotify(at, report, mark_type, mask):
    """The events of a story: what happened, and whether the handle in it is that of the directory."""
    fd = syscall(SYS_fanotify_init, report | 2, os.O_RDONLY)            # FAN_NONBLOCK
    try:
        syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD | mark_type, ctypes.c_ulonglong(mask | FAN_ONDIR | (0 if mark_type else FAN_EVENT_ON_CHILD)),
                AT_FDCWD, at.encode())
        own = handle(at)
        story(at)
        out = []
        while True:
            try:
                raw = os.read(fd, 1 << 16)
            except BlockingIOError:
                break
            pos = 0
            while pos < len(raw):
                length, _, _, meta, mask_, efd, pid = struct.unpack_from('IBBHQii', raw, pos)
                infos, at_info = [], pos + meta
                while at_info < pos + length:
                    kind, _, size = struct.unpack_from('BBH', raw, at_info)
                    nbytes, htype = struct.unpack_from('Ii', raw, at_info + 12)
                    data = raw[at_info + 20:at_info + 20 + nbytes]
                    name = raw[at_info + 20 + nbytes:at_info + size].split(b'\0')[0] if kind in (2, 10, 12) else b''
                    infos.append((kind, (htype, data) == (own.kind, own.data), named(name)))
                    at_info += size
                if efd >= 0:
                    infos.append(named(os.path.basename(path_of(efd)).encode()))
                    os.close(efd)
                if pid == os.getpid():
                    out.append((hex(mask_), infos))
                pos += length
        return out
    finally:
        os.close(fd)


def fanotifies():
    for report in (FAN_REPORT_FID, FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME, FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID):
        events = FAN_ALL if report & FAN_REPORT_NAME else FAN_ALL & ~0x10000000
        for mark_type in (0, FAN_MARK_FILESYSTEM):
            got = alike(fanotify, report, mark_type, events)
            assert got[0] == 'value' and len(got[1]) > 1, got
    got = alike(fanotify, 0, FAN_MARK_MOUNT, FAN_OF_MOUNT)
    assert got[0] == 'value' and len(got[1]) > 1, got


SYS_fanotify_perm = dict(open=0x10000, access=0x20000, exec=0x40000)


def permission(at, allow, how):
    """What somebody else may do, and what who is asked sees of it, who says yes or no."""
    touch(at + '/f', b'contents')
    shutil.copy('/bin/true', at + '/true')
    mask = sum(SYS_fanotify_perm.values()) | FAN_ONDIR | (FAN_EVENT_ON_CHILD if not how else 0)
    fd = syscall(SYS_fanotify_init, 4, os.O_RDONLY)                     # FAN_CLASS_CONTENT
    opened = os.open(at + '/f', os.O_RDWR)
    syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD | how, ctypes.c_ulonglong(mask), AT_FDCWD, at.encode())

    def other():
        out = codes((os.close, opened), (lambda: os.close(os.open(at + '/f', os.O_WRONLY)),), (read, at + '/f'),
                    (lambda: os.close(os.open(at + '/new', os.O_CREAT | os.O_WRONLY)),), (os.listdir, at), (os.stat, at + '/f'),
                    (os.rename, at + '/new', at + '/g'), (os.unlink, at + '/g'), (os.truncate, at + '/f', 3))
        out.append(outcome(lambda: subprocess.run([at + '/true'], check=False).returncode))
        return out

    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(fd)
        os.write(w, pickle.dumps(other()))
        os._exit(0)
    os.close(w)
    seen = []
    poll = select.poll()
    for x in (fd, r):
        poll.register(x, select.POLLIN)
    while True:
        ready = dict(poll.poll(60000))
        assert ready, f'nothing happens any more after {seen}'
        if fd not in ready:
            break
        raw = os.read(fd, 4096)
        for pos in range(0, len(raw), 24):
            mask, efd = struct.unpack_from('Qi', raw, pos + 8)
            name = path_of(efd)
            if name.startswith(at):
                seen.append((hex(mask), os.path.relpath(name, at), os.pread(efd, 8, 0) if stat.S_ISREG(os.fstat(efd).st_mode) else ''))
            yes = allow or not name.startswith(at)
            os.write(fd, struct.pack('iI', efd, 1 if yes else 2))
            os.close(efd)
    got = pickle.loads(os.read(r, 1 << 16))
    os.waitpid(pid, 0)
    for x in (fd, r, opened):
        os.close(x)
    return got, seen


def permissions():
    for allow in (True, False):
        for how in (0, FAN_MARK_MOUNT):
            got = alike(permission, allow, how)
            assert got[0] == 'value' and len(got[1][1]) > 4 and ('EPERM' in got[1][0]) != allow, got


# ---- reading directories while they change ------------------------------------------------------------------------------

def busy_directory(at, count):
    """What was there all the time is told exactly once, whatever comes and goes meanwhile."""
    stay = {b'stay%d' % k + b's' * (k % 4 * 60) for k in range(count)}
    for n in stay:
        os.close(os.open(at.encode() + b'/' + n, os.O_CREAT | os.O_WRONLY))
    fd = os.open(at, os.O_RDONLY)
    seen, k = [], 0
    while True:
        some = getdents(fd, 1024)
        if not some:
            break
        seen += [n for n, *_ in some]
        for _ in range(3):
            k += 1
            touch(at + '/come%d' % k)
            if k > 5:
                os.unlink(at + '/come%d' % (k - 5))
    os.close(fd)
    kept = [n for n in seen if n.startswith(b'stay')]
    return len(kept) == len(set(kept)), set(kept) == stay


def large_directory(at, count):
    """So many entries: each found, each told once; by position, and again after some are gone."""
    for k in range(count):
        os.close(os.open(at + '/%08d' % k, os.O_CREAT | os.O_WRONLY))
    want = {b'%08d' % k for k in range(count)} | {b'.', b'..'}
    full = listing(at)
    same(len(full), len(want))
    same({n for n, *_ in full}, want)
    fd = os.open(at, os.O_RDONLY)
    for k in range(0, count, count // 7):
        os.lseek(fd, full[k][3], os.SEEK_SET)
        same(getdents(fd, 512)[0][0], full[k + 1][0])
    os.close(fd)
    for k in range(0, count, 2):
        os.unlink(at + '/%08d' % k)
    same(len(listing(at)), 2 + count // 2)
    return outcome(os.stat, at + '/%08d' % 1)[0], codes((os.stat, at + '/%08d' % 2), (os.rmdir, at))
