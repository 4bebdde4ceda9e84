#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes and unlocks vaults for tests of the module alone: raw master key, no agent.

A second implementation of what stands around the tree (docs/format.md), so that the
tests of the module do not trust the agent.

    testvault.py create DIR [UID ...]   vault files below DIR; the policy allows these uids all
    testvault.py unlock DIR             key into root's keyring, and to the module
    testvault.py lock DIR [now]
    testvault.py state DIR
    testvault.py checked DIR
"""
import ctypes, hashlib, hmac, os, socket, struct, sys

KEY = bytes(range(32))                      # the master key of every test vault
SUITE = int(os.environ.get('WARD_TEST_SUITE', '1'))


def hkdf(ikm, salt, info, n):
    prk = hmac.new(salt, ikm, hashlib.sha512).digest()
    out, t, i = b'', b'', 1
    while len(out) < n:
        t = hmac.new(prk, t + info + bytes([i]), hashlib.sha512).digest()
        out, i = out + t, i + 1
    return out[:n]


def mac(uuid, label, data):
    return hmac.new(hkdf(KEY, uuid, label, 32), data, hashlib.sha256).digest()


def put(path, data):
    with open(path, 'wb') as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())


def policy(uuid, uids, serial):
    rules = b''
    if uids:
        entries = b''.join(struct.pack('<II', 1, u) for u in uids)
        cond = struct.pack('<IHH', 8 + len(entries), 1, len(uids)) + entries
        rules = struct.pack('<IHHII64s', 80 + len(cond), 1, 1, 0x3ff, 0, b'allowed') + cond
    body = struct.pack('<8sHHI16sQI20s', b'WARDPOL', 0, 0, 64 + len(rules) + 32, uuid, serial,
                       1 if uids else 0, b'') + rules
    return body + mac(uuid, b'ward 0 policy mac', body)


def create(top, uids):
    uuid = os.urandom(16)
    st = os.stat(top)
    ward = os.path.join(top, '.ward')
    os.mkdir(ward, 0o700)
    tree = os.path.join(ward, 'tree')
    os.mkdir(tree)
    os.chown(tree, st.st_uid, st.st_gid)
    os.chmod(tree, st.st_mode & 0o7777)
    body = struct.pack('<8sHHI16sIIQ16s', b'WARDVLT', 0, SUITE, 64 + 32, uuid, 1, 0, 1, b'')
    vault = body + mac(uuid, b'ward 0 vault mac', body)
    put(ward + '/vault', vault)
    put(ward + '/vault.bak', vault)
    epoch = b''
    for q in range(2):
        r = struct.pack('<8sHHI16sQQI', b'WARDEPO', 0, 3, 0, uuid, q, 0, 0).ljust(4064, b'\0')
        epoch += r + mac(uuid, b'ward 0 epoch mac', r)
    put(ward + '/epoch', epoch)
    put(ward + '/policy', policy(uuid, uids, 1))
    os.chown(top, 0, 0)
    os.chmod(top, 0o700)


def uuid_of(top):
    """From the mount's options, as the vault file is hidden by the mount."""
    real = os.path.realpath(top)
    with open('/proc/self/mountinfo') as f:
        for line in reversed(f.readlines()):
            left, right = line.split(' - ')
            if left.split()[4] == real and right.split()[0] == 'wardfs':
                for option in right.split()[2].split(','):
                    if option.startswith('uuid='):
                        return bytes.fromhex(option[5:].replace('-', ''))
    sys.exit('not mounted: ' + top)


class Netlink:
    def __init__(self):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.s.bind((0, 0))
        for kind, value in self.call(16, 3, [(2, b'ward\0')]):      # nlctrl, CTRL_CMD_GETFAMILY
            if kind == 1:
                self.family = struct.unpack('H', value)[0]

    def call(self, family, cmd, attrs):
        body = struct.pack('BBH', cmd, 1, 0)
        for kind, value in attrs:
            body += struct.pack('HH', 4 + len(value), kind) + value
            body += b'\0' * (-len(body) % 4)
        self.s.send(struct.pack('IHHII', 16 + len(body), family, 5, 1, 0) + body)  # REQUEST|ACK
        out = []
        while True:
            data = self.s.recv(65536)
            while data:
                size, kind = struct.unpack('IH', data[:6])
                if kind == 2:
                    err = -struct.unpack('i', data[16:20])[0]
                    if err:
                        sys.exit('error %d: %s %s' % (err, os.strerror(err), data[36:size]))
                    return out
                at = 20
                while at + 4 <= size:
                    n, t = struct.unpack('HH', data[at:at + 4])
                    out.append((t & 0x3fff, data[at + 4:at + n]))
                    at += (n + 3) & ~3
                data = data[(size + 3) & ~3:]


# Numbers of module/uapi/ward_netlink.h
VAULT_GET, UNLOCK, LOCK, CHECKED = 2, 3, 4, 7
VAULT_ID, VAULT_STATE, VAULT_FLAGS, KEY_SERIAL, LOCK_NOW = 8, 10, 11, 22, 23


def main(verb, top, *rest):
    if verb == 'create':
        create(top, [int(u) for u in rest])
        return
    uuid = uuid_of(top)
    nl = Netlink()
    if verb == 'unlock':
        text = uuid.hex()
        name = 'ward:' + '-'.join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        payload = struct.pack('<II', 0, 1) + KEY
        libc = ctypes.CDLL(None, use_errno=True)
        serial = libc.syscall(248, b'ward', name.encode(), payload, len(payload), -4)
        if serial < 0:
            sys.exit('add_key: ' + os.strerror(ctypes.get_errno()))
        nl.call(nl.family, UNLOCK, [(VAULT_ID, uuid), (KEY_SERIAL, struct.pack('i', serial))])
    elif verb == 'lock':
        nl.call(nl.family, LOCK, [(VAULT_ID, uuid)] + [(LOCK_NOW, b'')] * ('now' in rest))
    elif verb == 'checked':
        nl.call(nl.family, CHECKED, [(VAULT_ID, uuid)])
    elif verb == 'state':
        a = dict(nl.call(nl.family, VAULT_GET, [(VAULT_ID, uuid)]))
        state = ('locked', 'unlocking', 'unlocked', 'locking')[struct.unpack('I', a[VAULT_STATE])[0]]
        flags = struct.unpack('I', a[VAULT_FLAGS])[0]
        print(state + (' unchecked' if flags & 2 else ''))


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
