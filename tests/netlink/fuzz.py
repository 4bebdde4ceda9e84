# SPDX-License-Identifier: GPL-2.0-or-later
"""Random messages. Arguments: vault, how many; a third one is the seed of an earlier run."""
import os
import random
import struct
import sys

from nl import *

top, count = sys.argv[1], int(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
rnd = random.Random(seed)
uuid = mounted_uuid(top)
t = Tap()
print(f'# seed {seed}')

LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 64, 255, 4096, 16383, 16384, 16385, 60000)
VALUES = (uuid, uuid[:-1], u32(0), u32(1), u32(0xffffffff), u64(0), u64(1), u64((1 << 64) - 1), b'\0',
          b'', b'..\0', b'/\0', b'a/b/c\0', b'.ward-id\0', b'\xff' * 255 + b'\0')


def some_value():
    k = rnd.random()
    if k < 0.6:
        return rnd.choice(VALUES)
    if k < 0.8:
        return rnd.randbytes(rnd.choice(LENGTHS))
    return b'a' * rnd.choice(LENGTHS)


# What the commands take, so that some messages get further than their first attribute.
TAKEN = (('VAULT_ID', (uuid,)), ('KEY_SERIAL', (u32(1), u32(77))),
         ('CHECK_PATH', (b'\0', b'.ward-id\0', b'x\0')), ('CHECK_FROM', (u64(0), u64(1 << 62))),
         ('EVENT_SEQUENCE', (u64(0), u64(1), u64(2))), ('PROGRAM_FD', (u32(0), u32(1), u32(9999))))
# LOCK and CHECKED can succeed, and change the vault: they have their own tests.
LEFT_OUT = (CMD['LOCK'], CMD['CHECKED'])
COMMANDS = [n for n in range(CMD_MAX + 2) if n not in LEFT_OUT]


def some_attrs(sane):
    out = b''
    if sane or rnd.random() < 0.5:
        out += attr('VAULT_ID', uuid)
    for _ in range(rnd.randrange(3 if sane else 5)):
        if sane or rnd.random() < 0.5:
            kind, values = rnd.choice(TAKEN)
            out += attr(kind, rnd.choice(values))
        else:
            kind = rnd.randrange(A_MAX + 4) | rnd.choice((0, 0, 0, 0x8000, 0x4000))
            out += attr(kind, some_value()[:60000])
    if sane:
        return out
    if rnd.random() < 0.2 and out:          # lengths that lie
        out = bytearray(out)
        struct.pack_into('H', out, 0, rnd.randrange(65536))
        out = bytes(out)
    return out[:rnd.randrange(len(out) + 1)] if rnd.random() < 0.1 else out


def one(c):
    cmd = rnd.choice(COMMANDS) if rnd.random() < 0.9 else rnd.randrange(CMD_MAX, 256)
    flags = rnd.choice((ACK, ACK, DUMP, 0x100, rnd.randrange(0x1000) & ~2))
    version = rnd.choice((0, 1, 1, 1, 2, 255))
    payload = struct.pack('BBH', cmd, version, rnd.choice((0, 0, 0, rnd.randrange(65536))))
    if cmd in (CMD['MODULE_GET'], CMD['EVENT_GET']) and rnd.random() < 0.5:
        flags = DUMP if cmd == CMD['EVENT_GET'] else ACK
    else:
        payload += some_attrs(rnd.random() < 0.5)
    c.s.settimeout(5)
    try:
        c.raw(c.family, payload[:65000], flags | ACK)
        return 'answered'
    except Refused:
        return 'refused'


def all_of_them():
    c = Client()
    tally = {}
    for i in range(count):
        try:
            what = one(c)
        except OSError as e:
            raise AssertionError(f'message {i} of seed {seed}: {e}') from e
        tally[what] = tally.get(what, 0) + 1
    print(f'# {tally}')
    assert min(tally.get('answered', 0), tally.get('refused', 0)) > count / 20, tally


def garbage():
    """Bytes that are hardly messages: nothing need come back."""
    c = Client()
    for _ in range(count // 4):
        size = rnd.randrange(0, 300)
        data = bytearray(rnd.randbytes(size))
        if size >= 6 and rnd.random() < 0.8:
            struct.pack_into('IH', data, 0, rnd.choice((size, rnd.randrange(1 << 32))), c.family)
        try:
            c.s.send(bytes(data))
        except OSError:
            pass
        c.s.setblocking(False)
        try:
            while True:
                c.s.recv(1 << 20)
        except OSError:
            pass
        c.s.setblocking(True)


def unharmed():
    c = Client()
    v = c.call('VAULT_GET', attr('VAULT_ID', uuid))[0]
    assert number(v['VAULT_STATE']) == N['STATE_UNLOCKED'], v
    assert number(v['VAULT_POLICY_SERIAL']) == 1, v
    with open(top + '/file') as f:
        assert f.read() == 'content\n'


t.check(f'{count} random messages are answered or refused', all_of_them)
t.check('bytes that are no messages', garbage)
t.check('the vault is as it was', unharmed)
t.done()
