# SPDX-License-Identifier: GPL-2.0-or-later
"""What alike.sh does to names and metadata, in the vault and beside it: each function is for meta.alike(). Those who wait
and watch are in watchers.py."""
import itertools

from meta import *


def shape(at):
    """All that is in a directory, as far as it can be the same in two places."""
    out = []
    for top, dirs, files in os.walk(at):
        for name in sorted(dirs + files):
            p = top + '/' + name
            # Who asks NFS itself is shown the name that it keeps a file under.
            if LOWER == 'nfs' and name.startswith('.nfs') and not at.startswith(d):
                continue
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


def rename_wanted(source, target, flags):
    """What rename(2) and renameat2(2) say must come of it."""
    folders = ('empty', 'emptied', 'full')
    if flags & ~7 or flags & RENAME_EXCHANGE and flags & (RENAME_NOREPLACE | RENAME_WHITEOUT):
        return 'EINVAL'
    if source == 'none' or target == 'none' and flags & RENAME_EXCHANGE:
        return 'ENOENT'
    if target != 'none' and flags & RENAME_NOREPLACE:
        return 'EEXIST'
    if target == 'same':
        return '0'
    if target != 'none' and not flags & RENAME_EXCHANGE and (source in folders) != (target in folders):
        return 'ENOTDIR' if source in folders else 'EISDIR'
    if flags and LOWER == 'nfs':
        return 'EINVAL'
    return 'ENOTEMPTY|EEXIST' if target == 'full' and not flags & RENAME_EXCHANGE else '0'


def rename_one(at, source, target, flags, across, opened):
    """With the times that it moves, of both directories and of what is renamed, and what one still has of it who has
    it open."""
    os.mkdir(at + '/to')
    a, b = at + '/' + 'a' * (210 if flags & RENAME_WHITEOUT else 1), at + ('/to/' if across else '/') + 'b' * (230 if opened else 1)
    make(a, source)
    if target == 'same':
        os.link(a, b, follow_symlinks=False)
    else:
        make(b, target)
    fd = os.open(b, os.O_RDONLY) if opened and target in ('file', 'empty', 'full', 'emptied') else -1
    want = rename_wanted(source, target, flags)
    out = []
    out.append(changed([at, at + '/to'] + [p for p in (a, b) if os.path.lexists(p)],
                       lambda: out.extend(codes((want, renameat2, a, b, flags)))))
    if LOWER == 'nfs' and want == 'EINVAL' and at.startswith(d):
        # What a long name needs beside it is there before NFS refuses the flags, and goes again: docs/deviations.md.
        out[-1] = [''] * len(out[-1])
    if fd >= 0:
        replaced = want == '0' and not flags & RENAME_EXCHANGE
        # Who asks NFS itself is told of the name that it keeps the file under.
        if LOWER != 'nfs' or at.startswith(d):
            same(os.fstat(fd).st_nlink > 0, not replaced)
        if target == 'file':
            same(os.pread(fd, 300, 0), b'file ' + b'b' * 230)
        elif target == 'full':
            same([n for n, *_ in getdents(fd) if n[:1] != b'.'], [b'in'])
        elif replaced:
            fails('ENOENT|ESTALE', getdents, fd)
            fails('ENOENT|ESTALE', os.open, 'x', os.O_CREAT | os.O_RDWR, dir_fd=fd)
        os.close(fd)
    return out, shape(at)


def renames():
    kinds = ('none', 'file', 'empty', 'full', 'link')
    flags = (0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT, RENAME_NOREPLACE | RENAME_WHITEOUT,
             RENAME_NOREPLACE | RENAME_EXCHANGE, RENAME_EXCHANGE | RENAME_WHITEOUT, 8)
    for k, (source, target, flag) in enumerate(itertools.product(kinds, kinds + ('same', 'emptied'), flags)):
        if target == 'same' and source not in ('file', 'link') or flag > 4 and not source == target == 'file':
            continue
        for across, opened in itertools.product((0, 1), (0, 1)) if not flag and LOWER != 'nfs' else ((k % 2, k % 3 == 0),):
            alike(rename_one, source, target, flag, across, opened)


def rename_odd(at):
    os.makedirs(at + '/p/q')
    touch(at + '/f')
    out = codes(('EINVAL', os.rename, at + '/p', at + '/p/q/r'), ('ENOTEMPTY', os.rename, at + '/p/q', at + '/p'), (os.rename, at + '/p', at + '/p'),
                ('EINVAL', renameat2, at + '/p', at + '/p/q', RENAME_EXCHANGE), ('EINVAL', renameat2, at + '/p/q', at + '/p', RENAME_EXCHANGE),
                ('ENOTDIR', os.rename, at + '/f', at + '/f/'), (os.rename, at + '/p', at + '/new/'), ('ENOTDIR', os.rename, at + '/f', at + '/g/'),
                ('EBUSY', os.rename, at + '/.', at + '/x'), ('EBUSY', os.rename, at + '/new/..', at + '/x'), ('EBUSY', os.rename, at + '/f', at + '/new/.'),
                ('ENOENT', os.rename, at + '/none', at + '/none'), ('EEXIST', renameat2, at + '/f', at + '/f', RENAME_NOREPLACE),
                (renameat2, at + '/f', at + '/f', RENAME_EXCHANGE), ('ENAMETOOLONG', os.rename, at + '/f', at + '/' + 'x' * 256),
                ('ENAMETOOLONG', os.rename, at + '/' + 'x' * 256, at + '/f'), ('EXDEV', os.rename, at + '/f', '/tmp/elsewhere'))
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
        out += codes(('ENOENT', os.stat, top + n))
    out.append(sorted(os.listdir(top + b'to')) == names)
    for n in names:
        same(read(top + b'to/' + n), n)
        os.unlink(top + b'to/' + n)
    os.rmdir(at + '/to')
    return out + [os.listdir(top), codes(('ENAMETOOLONG', touch, top + b'n' * 256), ('ENAMETOOLONG', os.stat, top + b'n' * 256))]


# ---- links and nameless files -------------------------------------------------------------------------------------

def links(at):
    touch(at + '/f', b'f')
    os.mkdir(at + '/dir')
    os.symlink('f', at + '/l')
    os.symlink('none', at + '/dangling')
    os.mkfifo(at + '/pipe')
    out = codes((os.link, at + '/f', at + '/h'), ('EEXIST', os.link, at + '/f', at + '/h'), ('EPERM', os.link, at + '/dir', at + '/hd'),
                (lambda: os.link(at + '/l', at + '/hl', follow_symlinks=False),),
                (lambda: os.link(at + '/l', at + '/hf', follow_symlinks=True),),
                (lambda: os.link(at + '/dangling', at + '/hx', follow_symlinks=True),),
                (os.link, at + '/pipe', at + '/hp'), ('ENOENT', os.link, at + '/f', at + '/none/h'), ('EXDEV', os.link, at + '/f', '/tmp/h'),
                ('ENOTDIR', os.link, at + '/f', at + '/f/h'), ('ENAMETOOLONG', os.link, at + '/f', at + '/' + 'h' * 256), ('ENOENT', os.link, at + '/f', at + '/t/'))
    return out, shape(at)


def nameless(at):
    out = codes(('EINVAL', os.open, at, os.O_TMPFILE | os.O_RDONLY), ('ENOENT', os.open, at + '/none', os.O_TMPFILE | os.O_RDWR))
    touch(at + '/f')
    out += codes(('ENOTDIR', os.open, at + '/f', os.O_TMPFILE | os.O_RDWR))
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b'nameless')
    out.append((os.fstat(fd).st_nlink, oct(os.fstat(fd).st_mode)))
    out += codes(('EEXIST', link_fd, fd, at + '/f'), (link_fd, fd, at + '/n'), (link_fd, fd, at + '/n2'), (os.unlink, at + '/n'),
                 (os.unlink, at + '/n2'), ('ENOENT', link_fd, fd, at + '/n3'))
    out.append(os.fstat(fd).st_nlink)
    os.close(fd)
    fd = os.open(at, os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o640)
    out += codes(('ENOENT', link_fd, fd, at + '/n4'))
    os.close(fd)
    fd = os.open(at, os.O_TMPFILE | os.O_WRONLY, 0o600)
    out += codes((syscall, SYS_linkat, fd, b'', AT_FDCWD, os.fsencode(at + '/n5'), AT_EMPTY_PATH))
    os.close(fd)
    fd = os.open(at + '/f', os.O_RDONLY)
    os.unlink(at + '/f')
    out += codes(('ENOENT', link_fd, fd, at + '/n6'))
    os.close(fd)
    return out, shape(at)


def directories(at):
    os.makedirs(at + '/a/b')
    touch(at + '/a/f')
    os.symlink('a', at + '/l')
    out = codes(('EEXIST', os.mkdir, at + '/a'), ('EEXIST', os.mkdir, at + '/a/f'), ('EEXIST', os.mkdir, at + '/l'), ('ENOENT', os.mkdir, at + '/none/x'), ('ENOTDIR', os.mkdir, at + '/a/f/x'),
                ('ENOTEMPTY', os.rmdir, at + '/a'), ('ENOTDIR', os.rmdir, at + '/a/f'), ('EINVAL', os.rmdir, at + '/a/.'), ('ENOTEMPTY', os.rmdir, at + '/a/b/..'), ('ENOTDIR', os.rmdir, at + '/l'),
                ('ENOTDIR', os.rmdir, at + '/l/'), ('EISDIR', os.unlink, at + '/a'), ('ENOTDIR', os.unlink, at + '/a/f/'), ('ENOTDIR', os.unlink, at + '/l/'),
                ('EISDIR', os.open, at + '/a', os.O_RDWR), ('EISDIR', os.open, at + '/a', os.O_WRONLY | os.O_CREAT), ('EISDIR', os.open, at + '/new/', os.O_CREAT),
                ('ENOTDIR', os.open, at + '/a/f', os.O_DIRECTORY), ('ELOOP', os.open, at + '/l', os.O_NOFOLLOW), ('EEXIST', os.open, at + '/a/f', os.O_CREAT | os.O_EXCL),
                ('EEXIST', os.open, at + '/l', os.O_CREAT | os.O_EXCL), ('EISDIR', os.truncate, at + '/a', 0), ('ENOTDIR', os.listdir, at + '/a/f'),
                (os.mknod, at + '/dev', stat.S_IFCHR | 0o600, os.makedev(0, 0)), ('EPERM', os.mknod, at + '/d', stat.S_IFDIR | 0o700),
                ('EEXIST', os.mknod, at + '/a/f', stat.S_IFREG | 0o700), ('EINVAL', os.readlink, at + '/a'), ('EEXIST', os.symlink, 'x', at + '/a/f'), ('ENOENT', os.symlink, 'x', at + '/s/'))
    os.mkdir(at + '/gone')
    fd = os.open(at + '/gone', os.O_RDONLY)
    os.rmdir(at + '/gone')
    out += codes(('ENOENT', lambda: os.open('x', os.O_CREAT | os.O_RDWR, dir_fd=fd),), ('ENOENT', lambda: os.mkdir('x', dir_fd=fd),),
                 ('ENOENT', lambda: os.stat('x', dir_fd=fd),), ('ENOENT', lambda: os.symlink('x', 'y', dir_fd=fd),), (os.fsync, fd),
                 ('ENOENT', lambda: os.rename(at + '/a/f', 'x', dst_dir_fd=fd),), ('ENOENT', lambda: os.link(at + '/a/f', 'x', dst_dir_fd=fd),))
    # Who has one open that is gone on an NFS server is told nothing of it any more.
    out += [LOWER == 'nfs' or os.fstat(fd).st_nlink, fails('ENOENT|ESTALE', getdents, fd)]
    os.close(fd)
    for before in (0, 1, 2) if LOWER not in ('nfs', 'tmpfs') else ():
        os.mkdir(at + '/gone')
        if before:
            os.setxattr(at + '/gone', 'user.x', b'before')
        if before == 2:
            drop_caches()
        fd = os.open(at + '/gone', os.O_RDONLY)
        os.rmdir(at + '/gone')
        out += codes((os.setxattr, fd, 'user.y', b'after'), ('EEXIST', os.setxattr, fd, 'user.y', b'', os.XATTR_CREATE))
        out += [sorted(os.listxattr(fd)), os.getxattr(fd, 'user.y'), code(os.getxattr, fd, 'user.x')]
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
    def rights(uid, groups):
        return ''.join(c if not code(lambda: as_user(uid, access, f, how, groups=groups)) else '-' for c, how in (('r', os.R_OK), ('w', os.W_OK)))

    # What alice, whose it is, bob, bob as a caseworker, mallory, mallory as a caseworker may do then
    for spec, want in (('u:bob:r', 'rw r- r- -- --'), ('u:bob:rw', 'rw rw rw -- --'), ('u:bob:rw,m::r', 'rw r- r- -- --'),
                       ('g:caseworkers:rw,u:bob:-', 'rw -- -- -- rw'), ('u:mallory:r,o::-', 'rw -- -- r- r-'), ('m::-', 'rw -- -- -- --')):
        run('setfacl', '-m', spec, f)
        out.append((oct(os.stat(f).st_mode), acls(f)))
        same((spec, ' '.join(rights(*who) for who in ((ALICE, ()), (BOB, ()), (BOB, (CASEWORKERS,)), (MALLORY, ()), (MALLORY, (CASEWORKERS,))))),
             (spec, want))
        fails('EACCES', as_user, 65534, read, f)
    for mode in (0o777, 0o604, 0o070):
        os.chmod(f, mode)
        out.append((oct(os.stat(f).st_mode), acls(f)))
    acl = os.getxattr(f, 'system.posix_acl_access')
    out += codes(('EPERM', as_user, BOB, os.setxattr, f, 'system.posix_acl_access', acl), (as_user, ALICE, os.setxattr, f, 'system.posix_acl_access', acl),
                 ('EACCES', os.setxattr, f, 'system.posix_acl_default', acl), ('EINVAL', os.setxattr, f, 'system.posix_acl_access', acl[:-3]),
                 ('0|EINVAL', os.setxattr, f, 'system.posix_acl_access', b''), (os.removexattr, f, 'system.posix_acl_access'),
                 (os.removexattr, f, 'system.posix_acl_access'), ('ENODATA', os.getxattr, f, 'system.posix_acl_access'),
                 (os.removexattr, sub, 'system.posix_acl_default'), ('ENODATA', os.getxattr, sub, 'system.posix_acl_default'))
    os.symlink('f', at + '/l')
    out += codes(('EOPNOTSUPP', lambda: os.setxattr(at + '/l', 'system.posix_acl_access', acl, follow_symlinks=False),))
    os.chown(f, ALICE, CASEWORKERS)                 # chmod by one who is not in the group drops set-group-id
    as_user(ALICE, os.chmod, f, 0o2755)
    out.append((oct(os.stat(f).st_mode), acls(f)))
    return out


def sticky(at):
    """Who may take an entry away, or put another in its place: its owner and the directory's; all, where it is not sticky."""
    out, t = [], at + '/t'
    mine = t + '/mine'
    for mode, owner in ((0o1777, 0), (0o1777, ALICE), (0o777, 0), (0o1770, ALICE)):
        os.mkdir(t)
        os.chmod(t, mode)
        os.chown(t, owner, CASEWORKERS)
        for uid in (MALLORY, ALICE, BOB):
            name = t + '/' + 'n' * (220 if (mode + uid) % 2 else 3)
            for owners, fn, *args in (((BOB,), os.rename, name, t + '/x'), ((ALICE, BOB), os.rename, mine, name), ((BOB,), os.unlink, name)):
                for p, whose in ((name, BOB), (mine, ALICE)):
                    touch(p)
                    os.chown(p, whose, whose)
                may = not mode & 0o1000 or all(uid in (owner, whose) for whose in owners)
                # The VFS says EPERM. Beside the vault an NFS client asks the server first, which says EACCES.
                said = codes(('0' if may else 'EPERM|EACCES' if LOWER == 'nfs' else 'EPERM', lambda: as_user(uid, fn, *args, groups=(CASEWORKERS,))))
                out.append('EPERM' if said == ['EACCES'] else said[0])
                out.append(sorted(os.listdir(t)))
                for n in os.listdir(t):
                    os.unlink(t + '/' + n)
        os.rmdir(t)
    return out


# ---- chattr ---------------------------------------------------------------------------------------------------------

FLAG = {'S': 0x8, 'i': 0x10, 'a': 0x20, 'd': 0x40, 'A': 0x80, 'D': 0x10000, 'T': 0x20000}

# The flags of a file, or of a directory, that forbid something, and what that is.
FORBIDDEN = (('', '', lambda f, sub: os.open(f, os.O_RDONLY)), ('ia', '', lambda f, sub: os.open(f, os.O_WRONLY)),
             ('i', '', lambda f, sub: os.open(f, os.O_WRONLY | os.O_APPEND)),
             ('ia', '', lambda f, sub: os.open(f, os.O_WRONLY | os.O_APPEND | os.O_TRUNC)),
             ('ia', '', lambda f, sub: os.truncate(f, 1)), ('ia', '', lambda f, sub: os.chmod(f, 0o600)),
             ('ia', '', lambda f, sub: os.chown(f, 0, 0)), ('i', '', lambda f, sub: os.utime(f)), ('ia', '', lambda f, sub: os.utime(f, (1, 1))),
             ('ia', '', lambda f, sub: os.link(f, f + '2')), ('ia', '', lambda f, sub: os.rename(f, f + '3')), ('ia', '', lambda f, sub: os.unlink(f)),
             ('ia', '', lambda f, sub: os.setxattr(f, 'trusted.a', b'1')), ('ia', '', lambda f, sub: os.removexattr(f, 'trusted.b')),
             ('ia', 'i', lambda f, sub: os.rename(f, sub + '/f')), ('', 'i', lambda f, sub: touch(sub + '/new')),
             ('', 'i', lambda f, sub: os.mkdir(sub + '/d')), ('', 'ia', lambda f, sub: os.unlink(sub + '/in')),
             ('', 'ia', lambda f, sub: os.rename(sub + '/in', sub + '/out')), ('ia', 'ia', lambda f, sub: os.rename(sub + '/in', f)),
             ('', 'ia', lambda f, sub: os.rmdir(sub + '/empty')), ('', 'ia', lambda f, sub: os.rename(sub, sub + '2')),
             ('', 'ia', lambda f, sub: os.chmod(sub, 0o700)), ('', '', lambda f, sub: os.listdir(sub)), ('', '', lambda f, sub: touch(sub + '/in', b'more')))
if LOWER != 'tmpfs':
    FORBIDDEN += (('ia', '', lambda f, sub: os.setxattr(f, 'user.a', b'1')), ('ia', '', lambda f, sub: os.removexattr(f, 'user.b')))


def flags_of(p):
    return opened(p, os.O_RDONLY, lambda fd: struct.unpack_from('i', fcntl.ioctl(fd, 0x80086601, bytes(8)))[0])      # FS_IOC_GETFLAGS


def set_flag(p, flag, on=True):
    old = flags_of(p)
    new = old | FLAG[flag] if on else old & ~FLAG[flag]
    opened(p, os.O_RDONLY, fcntl.ioctl, 0x40086602, struct.pack('i4x', new))                                          # FS_IOC_SETFLAGS


def chattr(at, flag, of):
    """What a flag forbids, and that without it all goes again. Not every file system has, for every kind, all but i, a, d, A."""
    out = []
    for k, (of_file, of_dir, fn) in enumerate(FORBIDDEN if flag in 'ia' else FORBIDDEN[::4]):
        top = f'{at}/{k}'
        f, sub = top + '/f', top + '/sub'
        os.makedirs(sub + '/empty')
        touch(f, b'1234')
        touch(sub + '/in')
        os.setxattr(f, 'trusted.b', b'')
        if LOWER != 'tmpfs':
            os.setxattr(f, 'user.b', b'')
        marked = {'file': f, 'dir': sub}[of]
        got = code(set_flag, marked, flag)
        assert not got or flag not in 'iadA', f'{flag}: {got}'
        out.append((got, flags_of(marked) & FLAG[flag] != 0))
        forbidden = flag in {'file': of_file, 'dir': of_dir}[of]
        out += codes(('EPERM' if forbidden else '0', fn, f, sub))
        if forbidden:
            set_flag(marked, flag, False)
            codes((fn, f, sub))
        elif os.path.exists(marked):
            out.append(flags_of(marked) & FLAG[flag] != 0)
            code(set_flag, marked, flag, False)
        out.append(shape(top))
        shutil.rmtree(top)
    return out


def chattrs():
    for flag in 'iaAdSDT':
        for of in ('file', 'dir'):
            alike(chattr, flag, of)


def chattr_rights(at):
    """Immutable and append-only take a capability, the others the owner."""
    f = at + '/f'
    touch(f)
    os.chown(f, ALICE, ALICE)
    os.chmod(f, 0o666)
    return codes(('EPERM', as_user, ALICE, set_flag, f, 'i'), ('EPERM', as_user, ALICE, set_flag, f, 'a'), (as_user, ALICE, set_flag, f, 'd'),
                 (as_user, ALICE, set_flag, f, 'A'), *[('EPERM', as_user, BOB, set_flag, f, flag) for flag in 'iaS']), flags_of(f)


# ---- times ----------------------------------------------------------------------------------------------------------

OLD = 978307200 * 10**9 + 123456789        # what times are before an operation


def changed(paths, fn, *args):
    """Which times of which objects an operation moves, under whatever names: to now, and all others not by a nanosecond;
    "=" where it gives an object one mtime and ctime, which it may not where the clock moves in the middle: see alike()."""
    for p in paths:
        os.utime(p, ns=(OLD, OLD), follow_symlinks=False)
    fds = [os.open(p, os.O_PATH | os.O_NOFOLLOW) for p in paths]
    try:
        return changed_open(fds, fn, *args)
    finally:
        for fd in fds:
            os.close(fd)


def changed_open(fds, fn, *args):
    """The same of objects that are open, whose times are as they are."""
    tick()
    before, start = [os.fstat(fd) for fd in fds], fs_clock()
    fn(*args)
    if fs_clock() != start:
        clock_moved.append(fn)
    out = []
    for fd, old in zip(fds, before):
        new, moved = os.fstat(fd), ''
        # A server moves the access times of what the vault looks into below.
        for name in ('atime', 'mtime', 'ctime')[LOWER == 'nfs':]:
            was, now = (getattr(st, f'st_{name}_ns') for st in (old, new))
            if now != was:
                moved += name[0]
                assert start <= now <= time.time_ns(), f'{name} is {now}, the operation began at {start}'
        # btrfs and tmpfs stamp a file's ctime once more when what was written goes below: docs/deviations.md.
        one = moved.endswith('mc') and new.st_mtime_ns == new.st_ctime_ns and (stat.S_ISDIR(new.st_mode) or LOWER not in ('btrfs', 'tmpfs'))
        out.append(moved + ('=' if one else ''))
    return out


def times(at):
    a, b, f = at + '/a', at + '/b', at + '/a/f'
    os.mkdir(a)
    os.mkdir(b)
    touch(f, b'1')
    touch(a + '/g')
    dirs = [at, a, b]
    out = [changed(dirs, touch, a + '/new'), changed(dirs + [f], touch, f, b'2'), changed(dirs, os.mkdir, a + '/d'), changed(dirs + [a + '/d'], os.rmdir, a + '/d'),
           changed(dirs + [f], os.link, f, b + '/f2'), changed(dirs + [f], os.unlink, b + '/f2'), changed(dirs + [f], os.chmod, f, 0o600),
           changed(dirs, os.symlink, 'f', a + '/l'), changed(dirs + [a + '/l'], os.readlink, a + '/l'), changed(dirs + [f, a + '/l'], read, a + '/l'),
           changed(dirs, os.listdir, a), changed(dirs, os.listdir, a), changed(dirs + [f], os.setxattr, f, SPACES[0] + '.x', b'1'),
           changed(dirs + [a], os.setxattr, a, SPACES[0] + '.x', b'1'), changed(dirs, os.mkfifo, a + '/p'), changed(dirs, os.stat, f)]
    make(a + '/emptied', 'emptied')
    os.mkdir(a + '/move')
    out.append(changed(dirs + [a + '/emptied'], os.rmdir, a + '/emptied'))
    out += [changed(dirs + [a + '/g'], os.rename, a + '/g', b + '/g'), changed(dirs + [b + '/g'], os.rename, b + '/g', b + '/h'),
            changed(dirs + [a + '/move'], os.rename, a + '/move', b + '/move'), changed(dirs, os.truncate, b + '/h', 1),
            changed(dirs + [b + '/h'], os.truncate, b + '/h', 0), changed(dirs + [f, b + '/h'], os.rename, b + '/h', f)]
    return out


def link_times(at):
    """Of a file that gets names: one more, in another directory, one that it has already, a long one; and by handle."""
    f, to = at + '/f', at + '/to'
    touch(f, b'1')
    os.mkdir(to)
    os.symlink('f', at + '/l')
    objects = [at, to, f]
    return [changed(objects, os.link, f, at + '/h'), changed(objects, os.link, f, to + '/h'), changed(objects, os.link, f, to + '/' + 'h' * 220),
            changed(objects, codes, ('EEXIST', os.link, f, to + '/h')), changed(objects + [at + '/l'], lambda: os.link(at + '/l', to + '/l', follow_symlinks=False)),
            changed(objects, opened, f, os.O_RDWR, link_fd, at + '/again')]


def births(at):
    """When an object came to be is known of the same kinds, and is when it did; whatever is done to it later."""
    f, g, to, long = at + '/f', at + '/g', at + '/to', 'n' * 230
    tick()
    start = fs_clock()
    os.mkdir(to)
    touch(f, b'1')
    touch(at + '/' + long, b'2')
    os.symlink('f', at + '/l')
    os.mkfifo(at + '/p')
    if LOWER != 'nfs':
        opened(at, os.O_TMPFILE | os.O_RDWR, link_fd, at + '/t')
    end = time.time_ns()
    names = sorted(os.listdir(at))
    was = {n: birth(at + '/' + n) for n in names}
    for n, when in was.items():
        assert LOWER == 'nfs' if when is None else start <= when <= end, f'{n}: {when}, made from {start} to {end}'
    tick()
    touch(g, b'made later')
    assert was['f'] is None or birth(g) > was['f']
    def append(fd):
        os.write(fd, noise(1, 20000))
        os.fsync(fd)
    def go(*places):
        """Through all these places, with what it is, and back to the first."""
        for old, new in zip(places, places[1:] + places[:1]):
            os.rename(old, new)
            same(birth(new), was[os.path.basename(places[0])])
    def exchange():
        renameat2(f, at + '/' + long, RENAME_EXCHANGE)
        same((birth(f), birth(at + '/' + long)), (was[long], was['f']))
        renameat2(f, at + '/' + long, RENAME_EXCHANGE)
    acts = [lambda: opened(f, os.O_WRONLY | os.O_APPEND, append), lambda: os.truncate(f, 100),
            lambda: os.chmod(f, 0o640), lambda: os.chmod(to, 0o700),
            lambda: os.chown(f, ALICE, ALICE), lambda: os.lchown(at + '/l', BOB, BOB),
            lambda: os.utime(f, ns=(OLD, OLD)), lambda: os.utime(to, ns=(OLD, OLD)),
            lambda: os.link(f, to + '/' + long), lambda: touch(to + '/in'),
            lambda: go(f, g, to + '/f', at + '/' + 'f' * 230), lambda: go(to, at + '/' + 'd' * 230), drop_caches]
    acts += [lambda: [os.setxattr(p, SPACES[0] + '.x', b'1') for p in (f, to)]] + [exchange] * (LOWER != 'nfs')
    # The vault alone: of what lies beside it nothing would be mounted anew. Locking takes away what is known of a file.
    for act in acts + [lambda: (lock(), unlock()), again] * at.startswith(d):
        act()
        same({n: birth(at + '/' + n) for n in names}, was)
    return [(n, when is not None) for n, when in was.items()]


def nameless_times(at):
    """Of a file that is made without a name, is written, gets a name and another: in its directory and elsewhere."""
    to = at + '/to'
    os.mkdir(to)
    fds = []
    out = [changed([at, to], lambda: fds.append(os.open(at, os.O_TMPFILE | os.O_RDWR, 0o640)))]
    fds += [os.open(p, os.O_RDONLY | os.O_DIRECTORY) for p in (at, to)]
    fd = fds[0]
    for fn, *args in ((lambda: os.write(fd, b'nameless') and os.fsync(fd),), (link_fd, fd, to + '/n'), (link_fd, fd, at + '/n'), (os.unlink, to + '/n'),
                      (os.read, fd, 1), (os.unlink, at + '/n'), (link_fd, fd, to + '/' + 'n' * 200)):
        # Once no name is left, no other can be made.
        out.append(changed_open(fds, codes, ('ENOENT', fn, *args) if len(out) == 7 else (fn, *args)))
    for fd in fds:
        os.close(fd)
    return out


def failed_times(at):
    """What is refused moves nothing."""
    os.mkdir(at + '/a')
    touch(at + '/f')
    os.makedirs(at + '/full/x')
    dirs = [at, at + '/a', at + '/full', at + '/f']
    out = []
    for call in (('EEXIST', os.mkdir, at + '/a'), ('ENOTEMPTY', os.rmdir, at + '/full'), ('ENOTEMPTY|EEXIST', os.rename, at + '/a', at + '/full'),
                 ('EPERM', os.link, at + '/a', at + '/b'), ('EINVAL' if LOWER == 'nfs' else 'EEXIST', renameat2, at + '/f', at + '/a', RENAME_NOREPLACE),
                 ('ENOENT', os.unlink, at + '/none'), ('EISDIR', os.rename, at + '/f', at + '/a'), ('ENOTDIR', os.rename, at + '/a', at + '/f'),
                 ('EINVAL', os.rename, at + '/full', at + '/full/x/y')):
        out.append(changed(dirs, codes, call))
        same(out[-1], [''] * 4)
    return out


# ---- xattrs ---------------------------------------------------------------------------------------------------------


def xattrs(at):
    f, sub, link = at + '/f', at + '/sub', at + '/l'
    touch(f)
    os.mkdir(sub)
    os.symlink('f', link)
    os.mkfifo(at + '/pipe')
    out = []
    for p in (f, sub):
        for space in SPACES:
            name = space + '.ward-a'
            out += codes(('ENODATA', os.setxattr, p, name, b'1', os.XATTR_REPLACE), (os.setxattr, p, name, b'1', os.XATTR_CREATE), ('EEXIST', os.setxattr, p, name, b'2', os.XATTR_CREATE),
                         (os.setxattr, p, name, b''), (os.setxattr, p, name, b'x' * 1000, os.XATTR_REPLACE), (os.removexattr, p, name), ('ENODATA', os.removexattr, p, name),
                         ('ENODATA', os.getxattr, p, name), ('ENODATA|EINVAL', os.setxattr, p, name, b'3', 3), (os.setxattr, p, name, b'keep'))
            same(os.getxattr(p, name), b'keep')
        for space in {'user', 'trusted', 'security'} - {*SPACES}:
            out += codes(('EOPNOTSUPP', os.setxattr, p, space + '.a', b'1'), ('EOPNOTSUPP', os.getxattr, p, space + '.a'), ('EOPNOTSUPP', os.removexattr, p, space + '.a'))
        out += codes(('EOPNOTSUPP', os.setxattr, p, 'user', b'1'), ('EOPNOTSUPP', os.setxattr, p, 'nothing.x', b'1'),
                     ('EINVAL|EOPNOTSUPP', os.setxattr, p, 'trusted.', b'1'), ('ERANGE', os.setxattr, p, 'user.' + 'x' * 251, b'1'), ('E2BIG', os.setxattr, p, 'user.big', b'x' * 65537),
                     ('ENODATA' if 'user' in SPACES else 'EOPNOTSUPP', os.getxattr, p, 'user.none'))
        out.append(sorted(n for n in os.listxattr(p) if n not in ('security.selinux', 'system.nfs4_acl')))
        os.chown(p, ALICE, ALICE)
        os.chmod(p, 0o755)
        if 'user' in SPACES:
            out += codes(('EINVAL', os.setxattr, p, 'user.', b'1'), ('EACCES', as_user, BOB, os.setxattr, p, 'user.b', b'1'), (as_user, ALICE, os.setxattr, p, 'user.b', b'1'), (as_user, BOB, os.getxattr, p, 'user.b'))
        if 'trusted' in SPACES:
            # The second: as the kernel's security modules have it.
            out += codes(('EPERM', as_user, ALICE, os.setxattr, p, 'trusted.b', b'1'), ('0|EPERM', as_user, ALICE, os.setxattr, p, 'security.b', b'1'),
                         ('ENODATA', as_user, BOB, os.getxattr, p, 'trusted.ward-a'))
        out.append(sorted(n for n in as_user(BOB, os.listxattr, p) if n != 'system.nfs4_acl'))
    def on_link(fn, *args): fn(link, *args, follow_symlinks=False)
    out += codes(('EPERM', on_link, os.setxattr, 'user.a', b'1'), ('EPERM', os.setxattr, at + '/pipe', 'user.a', b'1'))
    if 'trusted' in SPACES:
        out += codes((on_link, os.setxattr, 'trusted.a', b'1'), (on_link, os.getxattr, 'trusted.a'), (os.setxattr, at + '/pipe', 'trusted.a', b'1'))
    os.chmod(sub, 0o1777)
    return out + codes(('EPERM', as_user, BOB, os.setxattr, sub, 'user.c', b'1'))


def symlinks(at):
    out = []
    for t, leads in (('x', False), ('/' * 100, True), ('a/' * 300, False), ('.', True), ('..', True), ('x' * 255, False), ('ü' * 100, False)):
        os.symlink(t, at + '/l')
        st = os.lstat(at + '/l')
        out.append((os.readlink(at + '/l'), st.st_size, oct(st.st_mode)))
        # What they point to may be the machine's root: it is looked at, never changed.
        out += codes(('0' if leads else 'ENOENT', os.stat, at + '/l'), ('EINVAL' if leads else 'ENOENT', os.readlink, at + '/l/'), ('EEXIST', os.symlink, t, at + '/l'))
        os.unlink(at + '/l')
    for k in range(45):
        os.symlink('c%d' % (k + 1), at + '/c%d' % k)
    touch(at + '/c45', b'end')
    return out + codes(('ELOOP', read, at + '/c3'), (read, at + '/c5'), (read, at + '/c10'), ('ENAMETOOLONG', os.symlink, 'x' * 4096, at + '/long'), ('ENOENT', os.symlink, '', at + '/none'))


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
    """So many entries: each found, each told once; by position; while others come and go; and after some are gone."""
    at = at.encode()
    for k in range(count):
        os.mknod(at + b'/%08d' % k, stat.S_IFREG | 0o600)
    want = {b'%08d' % k for k in range(count)} | {b'.', b'..'}
    full = listing(at)
    same(len(full), len(want))
    same({n for n, *_ in full}, want)
    fd = os.open(at, os.O_RDONLY)
    for k in range(0, count, count // 7):
        os.lseek(fd, full[k][3], os.SEEK_SET)
        same(getdents(fd, 512)[0][0], full[k + 1][0])
    # Read once more; after each piece some of what was told goes, some of what was not, and others come.
    os.lseek(fd, 0, os.SEEK_SET)
    left, told, new = dict.fromkeys(n for n, *_ in full), [], 0
    while some := [n for n, *_ in getdents(fd, 32768)]:
        told += some
        for n in some[1::9] + list(left)[-20:]:
            if left.pop(n, 0) is None and n[:1] != b'.':
                os.unlink(at + b'/' + n)
        for new in range(new + 1, new + 30):
            os.mknod(at + b'/new%d' % new, stat.S_IFREG | 0o600)
    same(len(told), len(set(told)))
    same({*left} - {*told}, set())
    # Behind a position comes, of what is left, what came behind it before. tmpfs of Linux 6.1 counts entries.
    for k in range(1, count, count // 50) if LOWER != 'tmpfs' else ():
        os.lseek(fd, full[k][3], os.SEEK_SET)
        after = []
        while not after and (some := getdents(fd, 8192)):
            after = [n for n, *_ in some if n in left][:1]
        same(after, [n for n, *_ in full[k + 1:] if n in left][:1])
    os.close(fd)
    gone = next(n for n, *_ in full if n not in left and n[:1] != b'.')
    same({n for n, *_ in listing(at)}, {*left, b'.', b'..'} | {b'new%d' % k for k in range(1, new + 1)})
    return codes((os.stat, at + b'/' + next(n for n in left if n[:1] != b'.')), ('ENOENT', os.stat, at + b'/' + gone), ('ENOTEMPTY', os.rmdir, at))
