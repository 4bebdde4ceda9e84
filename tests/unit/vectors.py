#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The test vectors of format 1, tests/vectors/format-1.json: made here once more, from docs/format.md and the standards'
text alone (AES, GCM, ChaCha20, Poly1305, HKDF and the structures are written out), and read by what is compiled. Those of
tests/vectors/format-1b.json, too: what format 1 has had from 2026 on, and files with holes.

    vectors.py              TAP: recomputes all of them, and has the readers read them
    vectors.py --write      makes the file; only for a new version of the format
    vectors.py --write-b    makes the other one; likewise
"""
import base64
import hashlib
import hmac
import json
import os
import re
import struct
import sys

import policyvectors
import tap
from crosscheck import aes256, aes256_ctr, hkdf_sha512

VERSION = 1
FILE = os.path.join(os.path.dirname(os.path.realpath(__file__)), '../vectors/format-1.json')
FILE_B = FILE.replace('format-1.', 'format-1b.')
UUID, MASTER = bytes(range(0x10, 0x20)), bytes(range(0x40, 0x60))
FIRST, CAP = 3552, 4064
NAMES = ['a', 'letter to the board.odt', 'sixteen bytes ab', 'n' * 160, 'ü' * 80 + 'x', '\udcff\x01 odd', 'z' * 255]


def hkdf(key, label, extra=b'', n=32, salt=UUID):
    return hkdf_sha512(salt, key, label.encode() + extra, n)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


# ---- the two suites ---------------------------------------------------------------------------------------------

def gcm(key, nonce, ad, text):
    """NIST SP 800-38D with a nonce of 96 bits: ciphertext, tag."""
    h, j = int.from_bytes(aes256(key, bytes(16)), 'big'), nonce + b'\0\0\0\1'
    out = aes256_ctr(key, nonce + b'\0\0\0\2', text)

    def times_h(x):
        z, v = 0, h
        for i in range(127, -1, -1):
            if x >> i & 1:
                z ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        return z
    y = 0
    for data in (ad, out):
        for i in range(0, len(data), 16):
            y = times_h(y ^ int.from_bytes(data[i:i + 16].ljust(16, b'\0'), 'big'))
    y = times_h(y ^ (len(ad) * 8 << 64 | len(out) * 8))
    return out, bytes(a ^ b for a, b in zip(y.to_bytes(16, 'big'), aes256(key, j)))


def chacha20(key, counter, nonce):
    """RFC 8439, section 2.3: one block."""
    def rotl(x, n):
        return (x << n | x >> 32 - n) & 0xffffffff
    start = list(struct.unpack('<16I', b'expand 32-byte k' + key + struct.pack('<I', counter) + nonce))
    s = list(start)
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                s[x] = s[x] + s[y] & 0xffffffff
                s[z] = rotl(s[z] ^ s[x], n)
    return struct.pack('<16I', *((a + b) & 0xffffffff for a, b in zip(s, start)))


def chacha20_poly1305(key, nonce, ad, text):
    """RFC 8439, section 2.8."""
    out = b''
    for i in range(0, len(text), 64):
        pad = chacha20(key, 1 + i // 64, nonce)
        out += bytes(a ^ b for a, b in zip(text[i:i + 64], pad))
    once = chacha20(key, 0, nonce)[:32]
    r = int.from_bytes(once[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    data = ad + bytes(-len(ad) % 16) + out + bytes(-len(out) % 16) + struct.pack('<QQ', len(ad), len(out))
    a = 0
    for i in range(0, len(data), 16):
        a = (a + int.from_bytes(data[i:i + 16] + b'\1', 'little')) * r % (2 ** 130 - 5)
    return out, ((a + int.from_bytes(once[16:], 'little')) % 2 ** 128).to_bytes(16, 'little')


SUITES = {1: gcm, 2: chacha20_poly1305}


def siv(keys, kind, ad, text):
    iv = hmac.digest(keys[:32], bytes([kind, VERSION]) + ad + text, 'sha256')[:16]
    return iv + aes256_ctr(keys[32:], iv, text)


# ---- structures -------------------------------------------------------------------------------------------------

def nonce(counter):
    """Epoch 1, salt "salt", a counter."""
    return b'\0\0\1salt' + counter.to_bytes(5, 'big')


def header(suite, file_id, key, flags, counter):
    before = struct.pack('<8sHHI16s16sI12s', b'WARDFIL', VERSION, suite, 1, UUID, file_id, flags, nonce(counter))
    sealed, tag = SUITES[suite](hkdf(MASTER, 'ward 1 wrap'), nonce(counter), before + bytes(400), key)
    return before + sealed + tag + bytes(400)


def unit(suite, key, block, data, last, counter):
    ad = struct.pack('<HHHHQ', VERSION, last, len(data), 0, block)
    sealed, tag = SUITES[suite](key, nonce(counter), ad, data.ljust(CAP if block else FIRST, b'\0'))
    return nonce(counter) + tag + struct.pack('<HH', len(data), last) + sealed


def file(suite, file_id, key, data, counter):
    """All of a file, as it lies below."""
    if not data:
        return header(suite, file_id, key, 1, counter)
    out = header(suite, file_id, key, 0, counter)
    pieces = [data[:FIRST]] + [data[i:i + CAP] for i in range(FIRST, len(data), CAP)]
    for k, piece in enumerate(pieces):
        out += unit(suite, key, k, piece, k == len(pieces) - 1, counter + 1 + k)
    return out + bytes(len(pieces[-1]))


def sparse_file(suite, file_id, key, blocks, counter):
    """All of a file with holes, as it lies below: @blocks is {block: data}, the first and the last among them."""
    last = max(blocks)
    out = bytearray(4096 * (last + 1) + len(blocks[last]))
    out[:512] = header(suite, file_id, key, 2, counter)
    for i, (k, data) in enumerate(blocks.items()):
        raw = unit(suite, key, k, data, k == last, counter + 1 + i)
        at = 4096 * k + (0 if k else 512)
        out[at:at + len(raw)] = raw
    return bytes(out)


def contents(blocks):
    """What is read from it."""
    return b''.join(blocks.get(k, b'').ljust(CAP if k else FIRST, b'\0') for k in range(max(blocks))) + blocks[max(blocks)]


def padded(text):
    return text + bytes(-len(text) % 16)


def name(directory, text):
    """Lower name, and the hidden symlink's name and target where it takes one."""
    sealed = siv(hkdf(hkdf(MASTER, 'ward 1 names'), 'ward 1 directory', directory, 64), 1, b'', padded(text))
    if len(text) <= 160:
        return b64(sealed), '-', '-'
    digest = b64(hashlib.sha256(sealed).digest())
    return '=' + digest, '.ward-n' + digest, b64(sealed)


def xattr(keys, text, value):
    ad = struct.pack('<H', len(padded(text))) + padded(text)
    return 'user.ward.' + b64(siv(keys, 3, b'', padded(text))), siv(keys, 4, ad, value).hex()


def slot(suite, kind, key, cost, label, salt, data=b''):
    s = struct.pack('<IHHIIIIQ64s32s12s', 200, kind, 1 if cost else 2, kind, *(cost or (0, 0, 0)), 1750000000,
                    label.encode(), salt, bytes([kind]) * 12)
    sealed, tag = SUITES[suite](key, bytes([kind]) * 12, UUID + struct.pack('<I', 1) + s, MASTER)
    return s + sealed + tag + bytes(12)


def authenticated(body, label):
    return body + hmac.digest(hkdf(MASTER, label), body, 'sha256')


def vault(suite, argon2):
    """@argon2 is what Argon2id (3 passes, 64 KiB, 1 lane) makes of the passphrase: the reader checks it."""
    salts = [bytes([0x70 + i]) * 32 for i in range(3)]
    slots = [slot(suite, 1, argon2, (3, 64, 1), 'passphrase', salts[0]),
             slot(suite, 2, hkdf(SECRETS[2], 'ward 1 slot', salt=salts[1]), None, 'recovery key', salts[1]),
             slot(suite, 3, hkdf(SECRETS[3], 'ward 1 slot', salt=salts[2]), None, 'key file', salts[2])]
    head = struct.pack('<8sHHI16sIIQ16s', b'WARDVLT', VERSION, suite, 64 + 600 + 32, UUID, 1, 3, 5, b'')
    return authenticated(head + b''.join(slots), 'ward 1 vault mac')


def epoch(number, flags, sequence, serial, unchecked_from):
    return authenticated(struct.pack('<8sHHI16sQQI4012s', b'WARDEPO', VERSION, flags, number, UUID, sequence, serial,
                                     unchecked_from, b''), 'ward 1 epoch mac')


def policy():
    condition = struct.pack('<IHHII', 16, 1, 1, 1, 1000)
    rules = struct.pack('<IHHII64s', 96, 1, 1, 0x3ff, 0, b'caseworkers') + condition
    return authenticated(struct.pack('<8sHHI16sQI20s', b'WARDPOL', VERSION, 0, 64 + len(rules) + 32, UUID, 9, 1, b'') +
                         rules, 'ward 1 policy mac')


SECRETS = {1: b'correct horse battery staple', 2: bytes(range(0xa0, 0xc0)), 3: b'key file of thirty-two bytes....'}
# Argon2id of SECRETS[1], salt 0x70 * 32, 3 passes, 64 KiB, 1 lane: by the reference implementation
ARGON2 = bytes.fromhex('1200864b1092a17905a7ad5903777a63f2b2906529e956471c476bab3a41ceec')
CONTENTS = {'empty': b'', 'small': b'Dear board,\n', 'a block': bytes(i * 7 & 255 for i in range(FIRST)),
            'two blocks': bytes(i * 11 & 255 for i in range(FIRST + 1)),
            'three blocks': bytes(i * 13 & 255 for i in range(FIRST + CAP + 700))}


def everything():
    directory, link = bytes(range(0x20, 0x30)), bytes(range(0x30, 0x40))
    names_key, links_key = hkdf(MASTER, 'ward 1 names'), hkdf(MASTER, 'ward 1 links')
    out = {'format': VERSION, 'uuid': UUID.hex(), 'master key': MASTER.hex(), 'directory id': directory.hex(),
           'directory id, target of .ward-id': b64(directory), 'keys': {}, 'names': [], 'targets': [], 'xattrs': [],
           'files': []}
    for label in ('wrap', 'names', 'links', 'vault mac', 'epoch mac', 'policy mac'):
        out['keys']['ward 1 ' + label] = hkdf(MASTER, 'ward 1 ' + label).hex()
    out['keys']['ward 1 directory'] = hkdf(names_key, 'ward 1 directory', directory, 64).hex()
    out['keys']['ward 1 xattr, directory'] = hkdf(names_key, 'ward 1 xattr', directory, 64).hex()
    out['keys']['ward 1 symlink'] = hkdf(links_key, 'ward 1 symlink', link, 64).hex()
    for text in (os.fsencode(n)[:255] for n in NAMES):
        out['names'].append([text.hex()] + list(name(directory, text)))
    for text in (b'../x', b'/srv/' + b't' * 3019):
        sealed = siv(hkdf(links_key, 'ward 1 symlink', link, 64), 2, b'', padded(text))
        out['targets'].append([text.hex(), b64(link + sealed)])
    for suite in SUITES:
        for i, (what, data) in enumerate(CONTENTS.items()):
            file_id, key = bytes([0x80 + 16 * suite + i]) * 16, bytes([0x50 + 16 * suite + i]) * 32
            raw = file(suite, file_id, key, data, 16 * i + 1)
            out['files'].append({'what': what, 'suite': suite, 'id': file_id.hex(), 'key': key.hex(),
                                 'plain': data.hex(), 'lower': raw.hex()})
            if what == 'small':
                keys = hkdf(key, 'ward 1 xattr', file_id, 64)
                out['xattrs'].append([raw[:512].hex(), 'color', b'green'.hex()] + list(xattr(keys, b'color', b'green')))
        out['vault, suite %d' % suite] = vault(suite, ARGON2).hex()
    keys = hkdf(names_key, 'ward 1 xattr', directory, 64)
    for text, value in (('comment', b'\0\1\2'), ('x' * 160, b'')):
        out['xattrs'].append([directory.hex(), text, value.hex()] + list(xattr(keys, text.encode(), value)))
    out['secrets of the slots'] = {str(kind): secret.hex() for kind, secret in SECRETS.items()}
    out['epoch'] = (epoch(6, 3, 12, 8, 0) + epoch(7, 0, 13, 9, 5)).hex()
    out['policy'] = policy().hex()
    return out


# {what: suite, blocks}
HOLES = {'a hole': (1, {0: b'begin'.ljust(FIRST, b'.'), 2: b'end'}),
         'holes': (2, {0: b'a'.ljust(FIRST, b'.'), 2: b'b'.ljust(CAP, b'.'), 4: b'c'.ljust(CAP, b'.')})}


def everything_b():
    """What format-1.json does not have: files with holes (W5), and all of what a policy can hold."""
    out = {'format': VERSION, 'uuid': UUID.hex(), 'master key': MASTER.hex(), 'files': [],
           'policies': {what: authenticated(body, 'ward 1 policy mac').hex()
                        for what, body in policyvectors.all_policies(UUID).items()},
           'accesses': policyvectors.ACCESSES, 'renewals': policyvectors.RENEWALS}
    for i, (what, (suite, blocks)) in enumerate(HOLES.items()):
        file_id, key = bytes([0xb0 + i]) * 16, bytes([0x58 + i]) * 32
        out['files'].append({'what': what, 'suite': suite, 'id': file_id.hex(), 'key': key.hex(),
                             'plain': contents(blocks).hex(),
                             'lower': sparse_file(suite, file_id, key, blocks, 16 * i + 0x101).hex()})
    return out


# ---- the test ---------------------------------------------------------------------------------------------------

def stored(path=FILE):
    with open(path) as f:
        return json.load(f)


def ask(*words):
    return peer.ask(*(w or '-' for w in words))


def the_suites_are_those_of_the_standards():
    # McGrew and Viega, test case 16; RFC 8439, section 2.8.2 (the first bytes, and the tag)
    key = bytes.fromhex('feffe9928665731c6d6a8f9467308308' * 2)
    text = bytes.fromhex('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525'
                         'b16aedf5aa0de657ba637b39')
    assert gcm(key, bytes.fromhex('cafebabefacedbaddecaf888'),
               bytes.fromhex('feedfacedeadbeeffeedfacedeadbeefabaddad2'), text)[1].hex() == \
        '76fc6ece0f4e1768cddf8853bb2d551b'
    text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen " \
        b'would be it.'
    out, tag = chacha20_poly1305(bytes(range(0x80, 0xa0)), bytes.fromhex('070000004041424344454647'),
                                 bytes.fromhex('50515253c0c1c2c3c4c5c6c7'), text)
    assert out.hex().startswith('d31a8d34648e60db7b86afbc53ef7ec2') and tag.hex() == '1ae10b594f09e26a7e902ecbd0600691'


def every_structure_is_made_once_more():
    for want, made in ((stored(), everything()), (stored(FILE_B), everything_b())):
        got = json.loads(json.dumps(made))
        assert sorted(want) == sorted(got)
        for what in want:
            assert want[what] == got[what], what


def the_reader_derives_the_same_keys():
    keys = stored()['keys']
    for label, key in keys.items():
        if len(key) == 64:
            assert ask('hkdf', UUID.hex(), MASTER.hex(), label.encode().hex(), 32) == [key], label


def the_reader_opens_the_vault_file():
    v = stored()
    for suite in SUITES:
        for kind, secret in v['secrets of the slots'].items():
            got = ask('vault', v['uuid'], v['master key'], v['vault, suite %d' % suite], kind, secret)
            assert got == [v['master key']], (suite, kind, got)


def the_reader_reads_epoch_and_policy():
    v = stored()
    assert ask('epoch', v['uuid'], v['master key'], v['epoch']) == ['7', '0', '13', '9']
    assert ask('policy', v['uuid'], v['policy']) == ['ok']


def the_reader_reads_the_files():
    v = stored()
    for f in v['files'] + stored(FILE_B)['files']:
        got = ask('content', v['uuid'], v['master key'], f['lower'])
        assert ''.join(got) == f['plain'], (f['what'], f['suite'])


def the_reader_reads_names_targets_and_xattrs():
    v = stored()
    who = v['uuid'], v['master key']
    for text, lower, hidden, full in v['names']:
        assert ask('name', *who, v['directory id'], lower, full) == [text]
        assert hidden == '-' or hidden == '.ward-n' + lower[1:]
    for text, lower in v['targets']:
        assert ask('target', *who, lower) == [text]
    for owner, text, value, lower, sealed in v['xattrs']:
        assert (ask('xattr', *who, owner, lower, sealed) + [''])[:2] == [text, value], text


def every_policy_is_compiled_to_the_same_bytes():
    v = stored(FILE_B)
    for what, blob in v['policies'].items():
        assert ask('policy', v['uuid'], blob) == ['ok'], what
        assert ask('recode', v['uuid'], v['master key'], blob) == [blob], what


def every_policy_says_the_same():
    v = stored(FILE_B)
    for what, accesses in v['accesses'].items():
        for a in accesses:
            got = ask('decide', v['uuid'], v['policies'][what], a['user'], a['group'],
                      '-' if a['login'] is None else a['login'], a.get('thread'), a['program'],
                      a['place'] and a['place'].encode().hex(), a['now'], a['operations'])
            assert ' '.join(got) == a['answer'], (what, a, got)


def the_same_renewals_are_taken():
    v = stored(FILE_B)
    for old, new, answer in v['renewals']:
        got = ask('renews', v['uuid'], v['policies'][old], v['policies'][new])
        assert got == [str(answer)], (old, new, got)


def all_types_and_flags_are_there():
    """As the header has them: one that is added has to be added here."""
    with open(os.path.join(os.path.dirname(os.path.realpath(__file__)), '../../module/uapi/ward_format.h')) as f:
        text = f.read()
    last, flags = (re.search(name + r'\t+(\S+)', text)[1] for name in ('WARD_COND_LAST', 'WARD_POLICY_FLAGS'))
    types, found = set(), 0
    for blob in map(bytes.fromhex, stored(FILE_B)['policies'].values()):
        found |= struct.unpack_from('<H', blob, 10)[0]
        at = 64
        while at < len(blob) - 32:
            end, conditions = at + struct.unpack_from('<I', blob, at)[0], struct.unpack_from('<H', blob, at + 6)[0]
            at += 80
            for _ in range(conditions):
                size, kind = struct.unpack_from('<IH', blob, at)
                types.add(kind)
                at += size
            assert at == end
    assert types == set(range(1, int(last) + 1)), types
    assert found == int(flags, 0), found


def a_policy_with_another_byte_is_refused():
    v = stored(FILE_B)
    blob = bytes.fromhex(v['policies']['every condition'])
    for at in range(len(blob)):
        other = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1:]
        assert ask('recode', v['uuid'], v['master key'], other.hex())[0] == 'error', at


def another_version_is_refused():
    v = stored()
    for at, data in ((8, v['vault, suite 1']), (8, v['epoch']), (8, v['policy']), (8, v['files'][0]['lower'])):
        for version in (0, 2):
            other = data[:2 * at] + '%02x' % version + data[2 * at + 2:]
            if data == v['epoch']:
                other = other[:8192] + '574152444550' + '00' * 4090
                got = ask('epoch', v['uuid'], v['master key'], other)
            elif data == v['policy']:
                got = ask('policy', v['uuid'], other)
            elif data == v['files'][0]['lower']:
                continue
            else:
                got = ask('vault', v['uuid'], v['master key'], other, '2', v['secrets of the slots']['2'])
            assert got[0] == 'error', (version, got)


if __name__ == '__main__':
    if sys.argv[1:] in (['--write'], ['--write-b']):
        path, make = (FILE, everything) if sys.argv[1] == '--write' else (FILE_B, everything_b)
        with open(path, 'w') as f:
            json.dump(make(), f, indent=1)
            f.write('\n')
        sys.exit()
    peer = tap.Peer()
    sys.exit(tap.run([the_suites_are_those_of_the_standards, every_structure_is_made_once_more,
                      the_reader_derives_the_same_keys, the_reader_opens_the_vault_file,
                      the_reader_reads_epoch_and_policy, the_reader_reads_the_files,
                      the_reader_reads_names_targets_and_xattrs, every_policy_is_compiled_to_the_same_bytes,
                      every_policy_says_the_same, the_same_renewals_are_taken, all_types_and_flags_are_there,
                      a_policy_with_another_byte_is_refused, another_version_is_refused]))
