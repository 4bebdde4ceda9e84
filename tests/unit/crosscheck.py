#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HKDF, HMAC, the SIV construction and recovery keys, once more and from the standards' text: another implementation
than OpenSSL's, compared with what is compiled. AES is written out here for that (slow, and only for tests)."""
import base64
import hashlib
import hmac
import random
import sys

import tap

peer = tap.Peer()
rng = random.Random(1)


def some(n):
    return rng.randbytes(n)


def text(data):
    return data.hex() or '-'


def hkdf_sha512(salt, ikm, info, n):
    """RFC 5869."""
    prk = hmac.digest(salt, ikm, 'sha512')
    out, t, i = b'', b'', 0
    while len(out) < n:
        i += 1
        t = hmac.digest(prk, t + info + bytes([i]), 'sha512')
        out += t
    return out[:n]


def xtime(b):
    return (b << 1 ^ (0x11b if b & 0x80 else 0)) & 0xff


def make_sbox():
    """FIPS 197, section 5.1.1: the inverse in GF(2^8), then the affine map."""
    exp, log, x = [0] * 255, [0] * 256, 1
    for i in range(255):
        exp[i], log[x] = x, i
        x ^= xtime(x)           # times 3, which generates the field
    sbox = []
    for b in range(256):
        inv = exp[-log[b] % 255] if b else 0
        r = inv
        for i in range(1, 5):
            r ^= (inv << i | inv >> (8 - i)) & 0xff
        sbox.append(r ^ 0x63)
    return sbox


SBOX = make_sbox()


def aes256(key, block):
    """FIPS 197: one block."""
    words, rcon = [list(key[i:i + 4]) for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        t = words[-1]
        if i % 8 == 0:
            t = [SBOX[b] for b in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = xtime(rcon)
        elif i % 8 == 4:
            t = [SBOX[b] for b in t]
        words.append([a ^ b for a, b in zip(words[-8], t)])
    keys = [sum(words[4 * i:4 * i + 4], []) for i in range(15)]
    s = [a ^ b for a, b in zip(block, keys[0])]
    for r in range(1, 15):
        s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if r < 14:
            mixed = []
            for c in range(0, 16, 4):
                a, total = s[c:c + 4], s[c] ^ s[c + 1] ^ s[c + 2] ^ s[c + 3]
                mixed += [a[i] ^ total ^ xtime(a[i] ^ a[(i + 1) % 4]) for i in range(4)]
            s = mixed
        s = [a ^ b for a, b in zip(s, keys[r])]
    return bytes(s)


def aes256_ctr(key, counter, data):
    """NIST SP 800-38A, the whole counter block incremented."""
    out, c = b'', int.from_bytes(counter, 'big')
    for i in range(0, len(data), 16):
        pad = aes256(key, (c % 2 ** 128).to_bytes(16, 'big'))
        out += bytes(a ^ b for a, b in zip(data[i:i + 16], pad))
        c += 1
    return out


def siv(keys, kind, ad, data):
    """docs/format.md, "SIV"."""
    iv = hmac.digest(keys[:32], bytes([kind, 1]) + ad + data, 'sha256')[:16]
    return iv + aes256_ctr(keys[32:], iv, data)


def aes_is_aes():
    # FIPS 197, appendix C.3; NIST SP 800-38A, F.5.5
    assert aes256(bytes(range(32)), bytes(i * 17 for i in range(16))).hex() == '8ea2b7ca516745bfeafc49904b496089'
    key = bytes.fromhex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4')
    counter = bytes.fromhex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
    plain = bytes.fromhex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51')
    assert aes256_ctr(key, counter, plain).hex() == ('601ec313775789a5b7a7f504bbf3d228'
                                                     'f443e3ca4d62b59aca84e990cacaf5c5')


def hkdf():
    for n in (1, 16, 32, 63, 64, 65, 128, 255):
        for _ in range(5):
            salt, ikm, info = some(rng.choice([16, 32])), some(32), some(rng.randint(0, 40))
            got = peer.ask('hkdf', text(salt), text(ikm), text(info), n)
            assert got == [hkdf_sha512(salt, ikm, info, n).hex()]


def hmac_sha256():
    for n in (0, 1, 55, 56, 63, 64, 65, 1000):
        key, data = some(32), some(n)
        assert peer.ask('hmac', text(key), text(data)) == [hmac.digest(key, data, 'sha256').hex()]


def siv_construction():
    for n in (0, 16, 32, 48, 160, 256, 1000):
        for kind in (1, 2, 3, 4):
            keys, ad, data = some(64), some(rng.choice([0, 18, 50])), some(n)
            assert peer.ask('siv', text(keys), kind, text(ad), text(data)) == [siv(keys, kind, ad, data).hex()]


def siv_where_the_counter_wraps():
    """An iv that ends in ones is rare: look for one, and let the carry run."""
    while True:
        keys, data = some(64), some(64)
        if siv(keys, 1, b'', data)[15] >= 0xfe:
            break
    assert peer.ask('siv', text(keys), 1, '-', text(data)) == [siv(keys, 1, b'', data).hex()]


def recovery_keys():
    for _ in range(20):
        key = some(32)
        letters = base64.b32encode(key + hashlib.sha256(key).digest()[:3]).decode()
        groups = '-'.join(letters[i:i + 4] for i in range(0, 56, 4))
        assert len(letters) == 56 and peer.ask('recovery', text(key)) == [groups]


if __name__ == '__main__':
    sys.exit(tap.run([aes_is_aes, hkdf, hmac_sha256, siv_construction, siv_where_the_counter_wraps, recovery_keys]))
