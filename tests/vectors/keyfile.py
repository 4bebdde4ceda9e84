#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives a vault one more slot, for a key file: keyfile.py WARDDIR RECOVERYKEYFILE KEYFILE. No verb of wardctl does that
yet, and the format has it. With what tests/unit/vectors.py has written out of the standards."""
import base64
import os
import struct
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.realpath(__file__)), '../unit'))
import vectors                              # noqa: E402


def slots_of(blob):
    at = 64
    while at < len(blob) - 32:
        size, = struct.unpack_from('<I', blob, at)
        yield blob[at:at + size]
        at += size


def main(ward, recovery, keyfile):
    with open(ward + '/vault', 'rb') as f:
        blob = f.read()
    with open(recovery) as f:
        secret = base64.b32decode(f.read().strip().replace('-', ''))[:32]
    with open(keyfile, 'rb') as f:
        key = f.read().removesuffix(b'\n')
    suite, = struct.unpack_from('<H', blob, 10)
    uuid, generation, count, revision = struct.unpack_from('<16sIIQ', blob, 16)
    seal, who = vectors.SUITES[suite], blob[16:36]
    old = next(s for s in slots_of(blob) if struct.unpack_from('<H', s, 4) == (2,))
    wrap = vectors.hkdf(secret, 'ward 1 slot', salt=old[96:128])
    # Of a stream cipher the way back is the way there.
    master, _ = seal(wrap, old[128:140], b'', old[140:172])
    assert seal(wrap, old[128:140], who + old[:140], master) == (old[140:172], old[172:188]), 'not the recovery key'
    salt, nonce = os.urandom(32), os.urandom(12)
    new = struct.pack('<IHHIIIIQ64s32s12s', 200, 3, 2, count + 1, 0, 0, 0, 1750000000, b'key file', salt, nonce)
    sealed, tag = seal(vectors.hkdf(key, 'ward 1 slot', salt=salt), nonce, who + new, master)
    body = bytearray(blob[:-32] + new + sealed + tag + bytes(12))
    struct.pack_into('<I', body, 12, len(body) + 32)
    struct.pack_into('<IQ', body, 36, count + 1, revision + 1)
    mac_key = vectors.hkdf(master, 'ward 1 vault mac', salt=uuid)
    for name in ('vault', 'vault.bak'):
        with open(os.path.join(ward, name), 'wb') as f:
            f.write(body + vectors.hmac.digest(mac_key, bytes(body), 'sha256'))


if __name__ == '__main__':
    main(*sys.argv[1:])
