# SPDX-License-Identifier: GPL-2.0-or-later
"""The file systems that are measured: plain ext4, Ward, and what one would otherwise take.

A peer has the disk to itself: device() makes what ext4 is made on, make() what is used on the mounted ext4 (its
top), drop() and release() undo them, in that order and before and after ext4 is unmounted.
"""
import fcntl, os, struct, subprocess, time

DISK = os.environ['WARD_DISK1']
TOP = os.environ['WARD_TOP']
LOWER = '/srv/bench'
WORK = '/tmp/work'      # work.c, in memory
PASSPHRASE = 'correct horse battery staple'
# ext4 is as large for all of them.
MIB = 512
CHECKPOINT = 0x4004662b         # EXT4_IOC_CHECKPOINT
FLUSH = 0x1261                  # BLKFLSBUF


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def drop_caches():
    """Nothing of LOWER is cached, and WORK is."""
    os.sync()
    # Metadata stays while the journal has not checkpointed it, or one of a CPU's lists of pages and blocks holds it.
    fd = os.open(LOWER, os.O_RDONLY)
    fcntl.ioctl(fd, CHECKPOINT, struct.pack('=I', 0))
    with open('/proc/sys/vm/drop_caches', 'w') as f:
        f.write('3')
    device = os.fstat(fd).st_dev
    os.close(fd)
    device = os.path.realpath('/sys/dev/block/%d:%d' % (os.major(device), os.minor(device)))
    fd = os.open('/dev/' + os.path.basename(device), os.O_RDONLY)
    fcntl.ioctl(fd, FLUSH)
    os.close(fd)
    run(WORK, 'stat', '/tmp', '0')


class Plain:
    """ext4 itself"""
    part = 1        # of the large file, and the random reads and overwrites in it, only so much: a half is 2
    features = []
    top = LOWER + '/plain'

    def device(self):
        return DISK

    def make(self):
        os.mkdir(self.top)

    def drop(self):
        pass

    def release(self):
        pass


class Fscrypt(Plain):
    """AES-256-XTS, names AES-256-CBC-CTS, in ext4; authenticates nothing (Documentation/filesystems/fscrypt.rst)"""
    features = ['-O', 'encrypt']
    top = LOWER + '/fscrypt'
    ADD_KEY = 0xc0506617            # FS_IOC_ADD_ENCRYPTION_KEY
    SET_POLICY = 0x800c6613         # FS_IOC_SET_ENCRYPTION_POLICY
    IDENTIFIER, XTS, CTS, PAD_32 = 2, 1, 4, 3

    def make(self):
        os.mkdir(self.top)
        key = os.urandom(64)
        arg = bytearray(struct.pack('=II32sII32x', self.IDENTIFIER, 0, b'', len(key), 0) + key)
        fd = os.open(self.top, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, self.ADD_KEY, arg)
            identifier = bytes(arg[8:24])
            fcntl.ioctl(fd, self.SET_POLICY,
                        struct.pack('=BBBB4x16s', 2, self.XTS, self.CTS, self.PAD_32, identifier))
        finally:
            os.close(fd)


class DmCrypt(Plain):
    """LUKS2 with its defaults, AES-256-XTS; authenticates nothing"""
    top = LOWER + '/plain'
    name = 'bench'
    form = ['--cipher', 'aes-xts-plain64', '--key-size', '512']

    def device(self):
        # Neither the derivation of the key nor the header are what is measured.
        with open('/tmp/passphrase', 'w') as f:
            f.write(PASSPHRASE)
        run('cryptsetup', '-q', 'luksFormat', '--type', 'luks2', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations',
            '1000', '--sector-size', '4096', *self.form, DISK, '/tmp/passphrase')
        return self.open()

    def open(self, *how):
        run('cryptsetup', 'open', '--key-file', '/tmp/passphrase', *how, DISK, self.name)
        return '/dev/mapper/' + self.name

    def release(self):
        run('cryptsetup', 'close', self.name)


class DmIntegrity(DmCrypt):
    """LUKS2 with AES-256-GCM over dm-integrity (cryptsetup(8), "AUTHENTICATED DISK ENCRYPTION")"""
    name = 'bench-aead'
    form = ['--cipher', 'aes-gcm-random', '--key-size', '256', '--integrity', 'aead', '--integrity-no-wipe']

    def device(self):
        path = super().device()
        # A sector that was never written does not authenticate, so none can be written in part: mkfs does that to
        # superblocks, which are where a group of blocks (128 MiB) begins, and ext4 to no others.
        for mib in range(0, MIB, 128):
            run('dd', 'if=/dev/zero', 'of=' + path, 'bs=1M', 'count=1', 'seek=%d' % mib, 'oflag=direct', 'status=none')
        return path


class Ecryptfs(Plain):
    """AES-256 in CBC, encrypted names; authenticates nothing"""
    top = LOWER + '/ecryptfs'

    def make(self):
        os.mkdir(self.top)
        out = run('ecryptfs-add-passphrase', '--fnek', '-', input=PASSPHRASE + '\n')
        data, names = [line.split('[')[1].split(']')[0] for line in out.splitlines() if '[' in line]
        run('mount', '-i', '-t', 'ecryptfs', self.top, self.top, '-o',
            'ecryptfs_sig=%s,ecryptfs_fnek_sig=%s,ecryptfs_cipher=aes,ecryptfs_key_bytes=32,'
            'ecryptfs_unlink_sigs' % (data, names))

    def drop(self):
        run('umount', self.top)


class Gocryptfs(Plain):
    """AES-256-GCM, in user space (FUSE)"""
    part = 4        # it would take half of the time of all; what it costs grows with the bytes
    top = LOWER + '/gocryptfs'
    cipher = LOWER + '/gocryptfs.cipher'

    def make(self):
        os.mkdir(self.top)
        os.mkdir(self.cipher)
        with open('/tmp/passphrase', 'w') as f:
            f.write(PASSPHRASE)
        run('gocryptfs', '-q', '-init', '-scryptn', '10', '-passfile', '/tmp/passphrase', self.cipher)
        run('gocryptfs', '-q', '-passfile', '/tmp/passphrase', self.cipher, self.top)

    def drop(self):
        run('umount', self.top)
        while subprocess.run(['pidof', 'gocryptfs'], stdout=subprocess.DEVNULL).returncode == 0:
            time.sleep(0.1)


class Ward(Plain):
    """AES-256-GCM, in the kernel"""
    top = LOWER + '/ward'

    def make(self):
        tool = TOP + '/tests/fs/testvault.py'
        os.mkdir(self.top, 0o755)
        run(tool, 'create', self.top, '0')
        run('mount', '-i', '-t', 'wardfs', self.top, self.top)
        run(tool, 'unlock', self.top)

    def drop(self):
        run('umount', self.top)


KINDS = {'ext4': Plain, 'fscrypt': Fscrypt, 'dm-crypt': DmCrypt, 'dm-crypt aead': DmIntegrity, 'eCryptfs': Ecryptfs,
         'gocryptfs': Gocryptfs, 'Ward': Ward}
