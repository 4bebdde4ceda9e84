# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages and policies that are nearly good. Arguments: how many of each; a second one is the seed of an earlier run."""
import ctypes
import os
import random
import struct
import sys
import time

import calls
import testvault
from nl import *

count = int(sys.argv[1])
seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
rnd = random.Random(seed)
top = calls.d
uuid = mounted_uuid(top)
t, c = Tap(), Client()
print(f'# seed {seed}')
ID = attr('VAULT_ID', uuid)
INTERESTING = (0, 1, 2, 3, 4, 7, 8, 16, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff)


def change(data, times):
    """Bits, bytes and numbers changed, pieces taken out, doubled, moved, cut off."""
    b = bytearray(data)
    for _ in range(times):
        if not b:
            b += rnd.randbytes(4)
        at = rnd.randrange(len(b))
        k = rnd.randrange(8)
        if k < 3:
            b[at] ^= 1 << rnd.randrange(8)
        elif k == 3:
            b[at] = rnd.choice((0, 1, 0x7f, 0x80, 0xff, rnd.randrange(256)))
        elif k == 4:
            size = rnd.choice((2, 4, 8))
            at &= ~(size - 1)
            b[at:at + size] = (rnd.choice(INTERESTING) & ((1 << 8 * size) - 1)).to_bytes(size, 'little')
        elif k == 5:
            del b[at:at + rnd.choice((1, 4, 8, 16, 80))]
        elif k == 6:
            n = rnd.choice((4, 8, 16, 80))
            b[at:at] = b[at:at + n]
        else:
            n = rnd.choice((4, 8, 16))
            to = rnd.randrange(len(b))
            b[to:to + n] = b[at:at + n]
    return bytes(b)


def serial():
    return number(c.call('VAULT_GET', ID)[0]['VAULT_POLICY_SERIAL'])


def state():
    return number(c.call('VAULT_GET', ID)[0]['VAULT_STATE'])


def may(uid):
    def go():
        with open(top + '/file') as f:
            return f.read()
    try:
        return calls.as_user(uid, go) == 'content\n'
    except OSError as e:
        assert e.errno == 13, e
        return False


def as_it_was():
    """The policy in force is the one of before: alice may, mallory may not."""
    assert may(calls.ALICE) and not may(calls.MALLORY) and may(0)


# ---- messages

def key_serial():
    name = 'ward:' + '-'.join((uuid.hex()[:8], uuid.hex()[8:12], uuid.hex()[12:16], uuid.hex()[16:20], uuid.hex()[20:]))
    payload = struct.pack('<II', 1, 1) + testvault.KEY
    got = ctypes.CDLL(None, use_errno=True).syscall(248, b'ward', name.encode(), payload, len(payload), -4)
    assert got > 0
    return got


def good():
    """A message of each command that does something, as its attributes, and its flags."""
    fd = os.open('/bin/cat', os.O_PATH)
    epoch = number(c.call('VAULT_GET', ID)[0].get('VAULT_EPOCH', b'\1'))
    stored = [n for n in os.listdir(calls.below) if not n.startswith('.ward-')][0]
    return {
        'MODULE_GET': ([], ACK), 'VAULT_GET': ([ID], ACK), 'UNLOCK': ([ID, attr('KEY_SERIAL', u32(key_serial()))], ACK),
        'LOCK': ([ID, attr('LOCK_NOW')], ACK), 'POLICY_LOAD': ([ID], ACK), 'POLICY_RENEW': ([ID], ACK),
        'CHECK': ([ID, attr('CHECK_PATH', os.fsencode(stored) + b'\0'), attr('CHECK_FROM', u64(0)),
                   attr('CHECK_DIR', u32(os.open(calls.below, os.O_RDONLY)))], ACK),
        'CHECKED': ([ID, attr('CHECK_SEQ', u64(epoch)), attr('VAULT_DISTURBED', u64(0))], ACK),
        'EVENT_GET': ([attr('EVENT_SEQUENCE', u64(1))], DUMP | ACK), 'EVENT': ([ID], ACK),
        'PROGRAM_GET': ([attr('PROGRAM_FD', u32(fd))], ACK),
    }


def one_message(name, attrs, flags):
    payload = struct.pack('BBH', CMD[name], 1, 0)
    k = rnd.randrange(4)
    some = list(attrs)
    if k == 0 and some:                 # one changed, its header, too
        at = rnd.randrange(len(some))
        some[at] = change(some[at], rnd.choice((1, 1, 2, 5)))
    elif k == 1:                        # one twice, missing, or of another type
        extra = attr(rnd.randrange(A_MAX + 2) | rnd.choice((0, 0x4000, 0x8000)), rnd.randbytes(rnd.choice((0, 1, 4, 8, 16, 40))))
        some = rnd.choice((some + some, some[1:], some[::-1], some + [extra], [extra] + some))
    body = b''.join(some)
    if k == 2:
        body = change(body, rnd.choice((1, 2, 4)))
    elif k == 3:
        payload = change(payload, 1)
        # Another command is drawn by itself, and this one would be taken for it.
        payload = struct.pack('B', CMD[name]) + payload[1:4].ljust(3, b'\0')
    try:
        c.raw(c.family, payload + body, flags if rnd.random() < 0.9 else flags ^ DUMP)
        return True
    except Refused:
        return False


def prepare(name):
    """What a command takes to have something to do. Returns the serial number of the policy that is in force by then."""
    if name == 'POLICY_RENEW':
        load(testvault.policy_of(uuid, serial() // 65536 * 65536 + 65536, rules()))
    before = serial()
    if name == 'UNLOCK':
        c.call('LOCK', ID, attr('LOCK_NOW'))
    elif name in ('POLICY_LOAD', 'POLICY_RENEW'):
        put(testvault.policy_of(uuid, before + 1, rules()))
    return before


def unchanged(name):
    """What is changed below was good: as it is it is taken, and does what it says."""
    attrs, flags = good()[name]
    before = prepare(name)
    payload = struct.pack('BBH', CMD[name], 1, 0) + b''.join(attrs)
    if name == 'EVENT':                 # only the kernel sends it
        try:
            c.raw(c.family, payload, flags)
        except Refused as e:
            assert e.name in ('EOPNOTSUPP', 'ENOTSUP'), e      # one number
            return
        raise AssertionError('taken')
    got = [parse(r[4:]) for r in c.raw(c.family, payload, flags)]
    there = {'MODULE_GET': 'LOAD_ID', 'VAULT_GET': 'VAULT_STATE', 'EVENT_GET': 'EVENT_KIND', 'CHECK': 'CHECK_RESULT',
             'PROGRAM_GET': 'PROGRAM_ID', 'POLICY_RENEW': 'POLICY_MAC'}.get(name)
    assert not there or got and there in got[0], got
    assert state() == N['STATE_LOCKED' if name == 'LOCK' else 'STATE_UNLOCKED'], state()
    if name == 'LOCK':
        testvault.unlock(calls.netlink(), uuid)
    assert serial() == before + (name == 'POLICY_LOAD'), (before, serial())
    as_it_was()


def messages(name):
    attrs, flags = good()[name]
    c.s.settimeout(20)
    before, taken = prepare(name), 0
    for i in range(count):
        if name == 'UNLOCK':            # each unlocking below made another key of it
            attrs = [ID, attr('KEY_SERIAL', u32(key_serial()))]
        was_taken = one_message(name, attrs, flags)
        taken += was_taken
        if state() != N['STATE_UNLOCKED']:
            assert name in ('LOCK', 'UNLOCK'), f'message {i}: locked'
            testvault.unlock(calls.netlink(), uuid)
        if name == 'UNLOCK':
            prepare(name)
        elif name == 'POLICY_LOAD' and serial() != before:
            assert was_taken and serial() == before + 1, f'message {i}: another policy is in force'
            before = prepare(name)
    if name == 'UNLOCK':
        testvault.unlock(calls.netlink(), uuid)
    print(f'# {name}: {taken} of {count} were taken')
    assert serial() == before, 'another policy is in force'
    # A few are changed in what does not matter, as their order.
    assert taken or name == 'EVENT', 'none was ever taken: they are not nearly good'
    as_it_was()


# ---- policies

def rules():
    """Rules with every kind of condition."""
    v = testvault
    prog = v.program('/bin/cat')
    return [v.rule('first', v.ALLOW | v.RECORD, v.ALL, (1, [(1, 4001), (2, 4002)]), (2, [(1, 5)])),
            v.rule('programs', v.ALLOW, 0x41, (1, [(1, 4003)]), (5, [prog, ('/usr/bin/other', prog[1])]), (4, ['/in', '/caf\u00e9/x'])),
            v.rule('threads', v.ALLOW, 1, (3, [b'nfsd', b'lockd'])),
            v.rule('hours', v.ALLOW, 1, (1, [(1, 4004)]), (6, v.hours([(0, 3600), (86400, 90000)], offsets=[(0, 3600), (10 ** 9, 7200)]))),
            v.rule('limits', v.ALLOW, v.ALL, (1, [(1, 4005)]), (7, [(v.FILES, 60, 10), (v.BYTES, 60, 10 ** 6), (v.CHANGES, 60, 5)])),
            v.rule('deny', v.SILENT, v.ALL, (1, [(1, calls.MALLORY)])),
            v.rule('allowed', v.ALLOW, v.ALL, (1, [(1, 0), (1, calls.ALICE)]))]


def put(blob):
    with open(calls.ward + '/policy.new', 'wb') as f:
        f.write(blob)


def load(blob):
    put(blob)
    c.call('POLICY_LOAD', ID)


def signed(body):
    return body + testvault.mac(uuid, b'ward 1 policy mac', body)


def with_length(body):
    """As long as it says: what is past that hurdle is looked at."""
    return body if len(body) < 16 else body[:12] + struct.pack('<I', len(body) + 32) + body[16:]


def with_serial(body, n):
    return body if len(body) < 40 else body[:32] + struct.pack('<Q', n) + body[40:]


def asked():
    """Somebody does something under a policy that came out so, whatever the answer is."""
    for uid in (0, calls.ALICE, 4001, 4003, 4004, 4005):
        def go():
            for fn in (lambda: os.listdir(top), lambda: os.stat(top + '/file'), lambda: open(top + '/file', 'rb').read(10),
                       lambda: open(top + '/file', 'ab').close()):
                try:
                    fn()
                except OSError as e:
                    assert e.errno in (13, 18, 126, 1), e
        calls.as_user(uid, go)


def renewable(body):
    """The bytes of rules() that a renewal may change: serial number, which files programs are, how local time runs."""
    may = set(range(32, 40))
    for path in b'/bin/cat', b'/usr/bin/other':
        at = body.index(path) - 40
        may |= set(range(at, at + 40))
    zone = body.index(b'UTC\0')
    return may | set(range(zone - 24, zone - 8)) | set(range(zone + 40, zone + 72))


def renewed(body, blob, reply):
    """What was authenticated has the rules that are in force, and the MAC is of nothing else."""
    assert reply['POLICY_MAC'] == testvault.mac(uuid, b'ward 1 policy mac', blob[:-32]), 'a MAC of something else'
    if len(blob) - 32 == len(body):
        other = {i for i in range(len(body)) if body[i] != blob[i]} - renewable(body)
        assert not other, f'authenticated, though bytes {sorted(other)} differ'


def policies(renew):
    start = serial() // 65536 * 65536 + 65536
    good_one = testvault.policy_of(uuid, start, rules())
    load(good_one)
    as_it_was()
    now, taken, names, slow = start, 0, {}, 0
    for i in range(count * 5):
        body = change(good_one[:-32], rnd.choice((1, 1, 1, 2, 3, 8)))
        if rnd.random() < 0.85:
            body = with_length(body)
        if rnd.random() < 0.85:
            body = with_serial(body, now + 1)
        # A number that hardly anything can follow would be the end of this.
        if len(body) >= 40 and now + (1 << 20) < struct.unpack_from('<Q', body, 32)[0]:
            body = with_serial(body, now + 1 + rnd.randrange(1 << 20))
        blob = signed(body) if rnd.random() < 0.9 else change(signed(body), 1)
        put(blob)
        began = time.monotonic()
        try:
            if renew:
                renewed(good_one[:-32], blob, c.call('POLICY_RENEW', ID)[0])
            else:
                c.call('POLICY_LOAD', ID)
            taken += 1
            if not renew:
                assert serial() > now, 'what was taken is not newer'
                asked()
                now = max(serial(), now)
                now += 1
                good_one = testvault.policy_of(uuid, now, rules())
                load(good_one)
        except Refused as e:
            names[e.name] = names.get(e.name, 0) + 1
            assert e.name in ('EBADMSG', 'EPROTONOSUPPORT', 'EXDEV', 'ESTALE', 'EPERM', 'EFBIG', 'EINVAL'), e
            assert e.text, f'nobody is told what to do: {e}'
        slow = max(slow, time.monotonic() - began)
        assert serial() == now, (i, serial(), now)
        if i % 50 == 0:
            as_it_was()
    print(f'# {i + 1} policies, {taken} taken, others refused: {names}; {slow * 1000:.0f} ms at most')
    as_it_was()
    assert taken and names.get('EBADMSG', 0) > count / 10, (taken, names)
    assert not renew or names.get('EPERM'), f'other rules were never refused: {names}'
    os.unlink(calls.ward + '/policy.new')


for command in good():
    t.check(f'the message {command}, unchanged', unchanged, command)
    t.check(f'{count} messages {command}, each changed a little', messages, command)
t.check('policies with the right MAC, changed: loaded, or refused with the one of before in force', policies, False)
t.check('the same, as renewals: nothing but a MAC for the rules in force comes of it', policies, True)
t.done()
