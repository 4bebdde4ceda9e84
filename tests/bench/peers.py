# SPDX-License-Identifier: GPL-2.0-or-later
"""The file systems that are measured: plain ext4, Ward, and what one would otherwise take.

A peer has the disk to itself: device() makes what ext4 is made on, make() what is used on the mounted ext4 (its
top), drop() and release() undo them, in that order and before and after ext4 is unmounted.
"""
import fcntl, os, struct, subprocess, time

DISK = os.environ['WARD_DISK1']
TOP = os.environ['WARD_TOP']
LOWER = '/srv/bench'
PASSPHRASE = 'correct horse battery staple'
# ext4 is as large for all of them; an integrity device is written once before it is used, and that takes a while.
MIB = 512


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


class Plain:
    """ext4 itself"""
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
        # A sector that was never written does not authenticate. Without the journal that takes half as long.
        self.release()
        self.open('--integrity-no-journal')
        run('dd', 'if=/dev/zero', 'of=' + path, 'bs=1M', 'count=%d' % MIB, 'oflag=direct', 'status=none')
        self.release()
        return self.open()


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
