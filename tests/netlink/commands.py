# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command with good, missing, short, long and odd attributes. Arguments: vault, tree."""
import os
import struct
import sys
from uuid import UUID

from nl import *

top, below = sys.argv[1:]
uuid = mounted_uuid(top)
c, t = Client(), Tap()
ID = attr('VAULT_ID', uuid)
STRANGER = attr('VAULT_ID', bytes(range(16)))


def same(got, want):
    assert got == want, f'got {got!r}, wanted {want!r}'


def has(got, *names):
    missing = [n for n in names if n not in got]
    assert not missing, f'missing: {missing}'


# ---- what they answer

def module():
    m = c.module()
    has(m, 'MODULE_VERSION', 'MODULE_FORMAT', 'LOAD_ID', 'EVENT_NEXT', 'EVENT_OLDEST',
        'EVENT_DROPPED')
    same(len(m['LOAD_ID']), 16)
    assert number(m['EVENT_OLDEST']) <= number(m['EVENT_NEXT'])
    same(number(m['EVENT_DROPPED']), 0)
    same(c.module()['LOAD_ID'], m['LOAD_ID'])


def vault():
    v = c.call('VAULT_GET', ID)[0]
    has(v, 'VAULT_NAME', 'VAULT_STATE', 'VAULT_FLAGS', 'VAULT_SUITE', 'VAULT_DRIVER', 'VAULT_EPOCH',
        'VAULT_POLICY_SERIAL', 'VAULT_RULES', 'VAULT_VIOLATIONS', 'VAULT_TAMPERS',
        'VAULT_SETTLED', 'VAULT_DEV')
    same(v['VAULT_ID'], uuid)
    same(number(v['VAULT_STATE']), N['STATE_UNLOCKED'])
    same(number(v['VAULT_POLICY_SERIAL']), 1)
    same(number(v['VAULT_RULES']), 1)
    assert b'gcm' in v['VAULT_DRIVER'], v
    dev = number(v['VAULT_DEV'])
    same(os.makedev((dev & 0xfff00) >> 8, (dev & 0xff) | (dev >> 12 & 0xfff00)),
         os.stat(top).st_dev)


def vaults():
    same([v['VAULT_ID'] for v in c.dump('VAULT_GET')], [uuid])


def check_file():
    stored = [n for n in os.listdir(below) if not n.startswith('.ward-')]
    same(len(stored), 1)
    r = c.call('CHECK', ID, attr('CHECK_PATH', stored[0].encode() + b'\0'))[0]
    same(number(r['CHECK_RESULT']), N['CHECK_OK'])
    assert 'CHECK_NAME' not in r, r     # who asks need not be allowed to list it
    same(number(r['CHECK_BAD']), 0)
    assert 'CHECK_NEXT' not in r
    r = c.call('CHECK', ID, attr('CHECK_PATH', b'.ward-id\0'))[0]
    same(number(r['CHECK_RESULT']), N['CHECK_IGNORED'])
    # Far behind the end there is nothing to look at, and nothing to go on with.
    r = c.call('CHECK', ID, attr('CHECK_PATH', stored[0].encode() + b'\0'),
               attr('CHECK_FROM', u64(1 << 63)))[0]
    assert 'CHECK_NEXT' not in r, r


def foreign_name():
    with open(below + '/stranger', 'w'):
        pass
    try:
        r = c.call('CHECK', ID, attr('CHECK_PATH', b'stranger\0'))[0]
        same(number(r['CHECK_RESULT']), N['CHECK_BAD_NAME'])
    finally:
        os.unlink(below + '/stranger')


def checked():
    epoch = number(c.call('VAULT_GET', ID)[0]['VAULT_EPOCH'])
    same(c.call('CHECKED', ID, attr('CHECK_SEQ', u64(epoch))), [])


t.check('MODULE_GET', module)
t.check('VAULT_GET', vault)
t.check('VAULT_GET, dumped', vaults)
t.check('CHECK', check_file)
t.check('CHECK of a name that is not ours', foreign_name)
t.check('CHECKED', checked)

# ---- the vault's UUID

COMMANDS = ('VAULT_GET', 'UNLOCK', 'LOCK', 'POLICY_LOAD', 'POLICY_RENEW', 'CHECK', 'CHECKED')
for cmd in COMMANDS:
    t.refused(f'{cmd} without a vault', 'EINVAL', 'name the vault', c.call, cmd)
    t.refused(f'{cmd} of a vault that is not there', 'ENOENT', 'mount it first', c.call, cmd,
              STRANGER)
    for length in (0, 1, 15, 17, 4096):
        t.refused(f'{cmd} with a UUID of {length} bytes', 'EINVAL|ERANGE', '', c.call, cmd,
                  attr('VAULT_ID', b'x' * length))
    t.refused(f'{cmd} with attributes it does not know', 'EINVAL', '', c.call, cmd, ID,
              attr('VAULT_LOST', u64(1)))
    t.refused(f'{cmd} with an attribute from the future', 'EINVAL', '', c.call, cmd, ID,
              attr(A_MAX + 7, u64(1)))

# ---- each command's own (of a dump, 6.1 keeps the words to itself)

t.refused('UNLOCK without a key', 'EINVAL', 'KEY_SERIAL', c.call, 'UNLOCK', ID)
for value in (b'', b'\1', u32(0), struct.pack('i', -3), u64(1)):
    t.refused(f'UNLOCK with the key {value!r}', 'EINVAL|ERANGE', '', c.call, 'UNLOCK', ID,
              attr('KEY_SERIAL', value))
with open('/proc/keys') as f:
    name = ' ward:' + str(UUID(bytes=uuid))
    serial = int([k for k in f if name in k][0].split()[0], 16)
t.refused('UNLOCK when unlocked', 'EALREADY', 'already', c.call, 'UNLOCK', ID,
          attr('KEY_SERIAL', u32(serial)))
t.refused('UNLOCK with a key that is not there', 'ENOKEY', 'no key', c.call, 'UNLOCK', ID,
          attr('KEY_SERIAL', u32(0x7ffffff0)))
t.refused('LOCK with a flag that has a value', 'EINVAL|ERANGE', '', c.call, 'LOCK', ID,
          attr('LOCK_NOW', u32(1)))
t.refused('POLICY_LOAD without a policy', 'ENOENT', 'policy.new', c.call, 'POLICY_LOAD', ID)
t.refused('POLICY_RENEW without a policy', 'ENOENT', 'policy.new', c.call, 'POLICY_RENEW', ID)

for name, path, code, words in (
        ('no path', None, 'EINVAL', 'CHECK_PATH'),
        ('a path without its end', b'abc', 'EINVAL|ERANGE', ''),
        ('a path with a NUL in it', b'a\0b\0', 'EINVAL', 'no string'),
        ('an empty attribute', b'', 'EINVAL|ERANGE', ''),
        ('a path that is too long', b'a' * 16384 + b'\0', 'EINVAL|ERANGE', ''),
        ('a name that is too long', b'a' * 256 + b'\0', 'EINVAL|ENAMETOOLONG', ''),
        ('..', b'../vault\0', 'EINVAL', 'no path'),
        ('. and ..', b'./../../../etc/passwd\0', 'EINVAL', 'no path'),
        ('an absolute path', b'/etc/passwd\0', 'EINVAL', 'no path'),
        ('two slashes', b'a//b\0', 'EINVAL|ENOENT', ''),
        ('what is not there', b'nothing\0', 'ENOENT', 'no such entry'),
        ('what is below a file', b'.ward-id/x\0', 'ENOTDIR|ENOENT|EINVAL', '')):
    attrs = [] if path is None else [attr('CHECK_PATH', path)]
    t.refused(f'CHECK with {name}', code, words, c.call, 'CHECK', ID, *attrs)
t.refused('CHECK with a short number', 'EINVAL|ERANGE', '', c.call, 'CHECK', ID,
          attr('CHECK_PATH', b'x\0'), attr('CHECK_FROM', u32(1)))



def program():
    fd = os.open('/bin/true', os.O_PATH)
    got = c.call('PROGRAM_GET', attr('PROGRAM_FD', u32(fd)))[0]['PROGRAM_ID']
    same((len(got), int.from_bytes(got[24:32], 'little')), (40, os.fstat(fd).st_ino))
    os.close(fd)


t.check('PROGRAM_GET', program)
t.refused('PROGRAM_GET without a descriptor', 'EINVAL', 'PROGRAM_FD', c.call, 'PROGRAM_GET')
t.refused('PROGRAM_GET with a descriptor that is not open', 'EBADF', 'no open descriptor', c.call, 'PROGRAM_GET',
          attr('PROGRAM_FD', u32(9999)))
t.refused('PROGRAM_GET of a directory', 'EACCES', 'no file that could be executed', c.call, 'PROGRAM_GET',
          attr('PROGRAM_FD', u32(os.open('/', os.O_RDONLY))))
for value in (b'', b'\1', struct.pack('i', -1), u64(1)):
    t.refused(f'PROGRAM_GET with the descriptor {value!r}', 'EINVAL|ERANGE', '', c.call, 'PROGRAM_GET',
              attr('PROGRAM_FD', value))

t.refused('CHECKED without its epoch', 'EINVAL', 'CHECK_SEQ', c.call, 'CHECKED', ID)
t.refused('CHECKED with a short number', 'EINVAL|ERANGE', '', c.call, 'CHECKED', ID,
          attr('CHECK_SEQ', u32(1)))
t.refused('CHECKED of another epoch', 'ESTALE', 'check it again', c.call, 'CHECKED', ID,
          attr('CHECK_SEQ', u64(1 << 40)))
t.refused('EVENT_GET of an event that is yet to come', 'ERANGE', '', c.events,
          1 << 60)
t.refused('EVENT_GET with a short number', 'EINVAL|ERANGE', '', c.dump, 'EVENT_GET',
          attr('EVENT_SEQUENCE', u32(1)))
t.refused('a dump of one vault', 'EINVAL', '', c.dump, 'VAULT_GET', ID)

# ---- what is no command

for cmd, name in ((0, 'command 0'), (CMD['EVENT'], 'EVENT, which is an answer'),
                  (CMD_MAX, 'a command from the future'), (255, 'command 255')):
    t.refused(name, 'ENOTSUP', '', c.call, cmd, ID)
t.refused('EVENT_GET that is no dump', 'ENOTSUP', '', c.call, 'EVENT_GET')
t.refused('a dump of LOCK', 'ENOTSUP', '', c.dump, 'LOCK', ID)
t.refused('a message without the family\'s header', 'EINVAL', '', c.raw, c.family, b'')
t.refused('an attribute that is longer than the message', 'EINVAL', '', c.call, 'VAULT_GET',
          struct.pack('HH', 400, N['A_VAULT_ID']) + uuid)

# ---- locked, and after it all

def locked():
    same(number(c.call('LOCK', ID)[0]['VAULT_LOST']), 0)
    v = c.call('VAULT_GET', ID)[0]
    same(number(v['VAULT_STATE']), N['STATE_LOCKED'])
    assert 'VAULT_EPOCH' not in v and 'VAULT_DRIVER' not in v, v
    same(number(c.call('LOCK', ID)[0]['VAULT_LOST']), 0)


t.check('nothing of this changed anything', vault)
t.check('LOCK, twice', locked)
t.refused('CHECK when locked', 'ENOKEY', 'unlock it first', c.call, 'CHECK', ID,
          attr('CHECK_PATH', b'x\0'))
t.refused('CHECKED when locked', 'ENOKEY', 'unlock it first', c.call, 'CHECKED', ID,
          attr('CHECK_SEQ', u64(1)))
t.refused('POLICY_LOAD when locked', 'ENOKEY', 'unlock it first', c.call, 'POLICY_LOAD', ID)
t.refused('POLICY_RENEW when locked', 'ENOKEY', 'unlock it first', c.call, 'POLICY_RENEW', ID)
t.done()
