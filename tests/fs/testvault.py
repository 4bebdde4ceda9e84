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
    testvault.py events NUMBER          those from this sequence number on, a JSON object a line
"""
import ctypes, hashlib, hmac, json, os, re, socket, struct, sys

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


ALLOW, RECORD, SILENT = 1, 2, 4
OPS = {'read': 1, 'write': 2, 'create': 4, 'delete': 8, 'rename': 16, 'link': 32, 'list': 64, 'execute': 128,
       'setattr': 256, 'setxattr': 512}
ALL = 0x3ff
FILES, BYTES, CHANGES = 1, 2, 3


def padded(data):
    return data + b'\0' * (-len(data) % 8)


def path_entry(path):
    return struct.pack('<H', len(os.fsencode(path))) + os.fsencode(path)


def program_entry(path, ident):
    path = os.fsencode(path)
    return struct.pack('<HHI', 48 + len(path) + (-len(path) % 8), len(path), 0) + ident + path


def hours(spans, since=0, until=4000000000, offsets=None, zone='UTC'):
    """Hours for rule(): spans of a week in seconds since Monday, local time, which is ahead of UTC by offsets."""
    offsets = offsets or [(since, 0)]
    body = struct.pack('<QQII40s', since, until, len(offsets), 0, zone.encode())
    body += b''.join(struct.pack('<QiI', at, seconds, 0) for at, seconds in offsets)
    body += b''.join(struct.pack('<II', *s) for s in spans)
    return struct.pack('<IHH', 8 + len(body), 6, len(spans)) + body


def program(path):
    """A program for rule(): the kernel says which file it is."""
    fd = os.open(path, os.O_PATH)
    try:
        got = Netlink().ask('PROGRAM_GET', PROGRAM_FD=struct.pack('i', fd))
        return path, got['program_id']
    finally:
        os.close(fd)


def rule(name, flags, ops, *conditions):
    """A rule; each condition is (type, [(kind, id)...]): type 1 subject, 2 login user; kind 1 user, 2 group; or
    (3, [name...]): threads of the kernel; (4, [path...]): directories; (5, [(path, id)...]): programs, see program();
    (6, hours()): when; (7, [(what, seconds, most)...]): limits, what being FILES, BYTES or CHANGES."""
    body = b''
    for kind, entries in conditions:
        if kind == 6:
            body += entries
            continue
        if kind == 7:
            body += struct.pack('<IHH', 8 + 16 * len(entries), kind, len(entries))
            body += b''.join(struct.pack('<IIQ', *e) for e in entries)
            continue
        if kind in (4, 5):
            texts = [padded(path_entry(e) if kind == 4 else program_entry(*e)) for e in entries]
            body += struct.pack('<IHH', 8 + len(b''.join(texts)), kind, len(entries)) + b''.join(texts)
            continue
        if kind == 3:
            body += struct.pack('<IHH', 8 + 16 * len(entries), kind, len(entries))
            body += b''.join(struct.pack('<16s', e) for e in entries)
            continue
        body += struct.pack('<IHH', 8 + 8 * len(entries), kind, len(entries))
        body += b''.join(struct.pack('<II', *e) for e in entries)
    return struct.pack('<IHHII64s', 80 + len(body), flags, len(conditions), ops, 0, name.encode()) + body


def policy_of(uuid, serial, rules, flags=0):
    body = struct.pack('<8sHHI16sQI20s', b'WARDPOL', 1, flags, 64 + len(b''.join(rules)) + 32, uuid, serial,
                       len(rules), b'') + b''.join(rules)
    return body + mac(uuid, b'ward 1 policy mac', body)


def policy(uuid, uids, serial):
    """These users may do all, others nothing."""
    rules = [rule('allowed', ALLOW, ALL, (1, [(1, u) for u in uids]))] if uids else []
    return policy_of(uuid, serial, rules)


def create(top, uids):
    uuid = os.urandom(16)
    st = os.stat(top)
    ward = os.path.join(top, '.ward')
    os.mkdir(ward, 0o700)
    tree = os.path.join(ward, 'tree')
    os.mkdir(tree)
    os.chown(tree, st.st_uid, st.st_gid)
    os.chmod(tree, st.st_mode & 0o7777)
    body = struct.pack('<8sHHI16sIIQ16s', b'WARDVLT', 1, SUITE, 64 + 32, uuid, 1, 0, 1, b'')
    vault = body + mac(uuid, b'ward 1 vault mac', body)
    put(ward + '/vault', vault)
    put(ward + '/vault.bak', vault)
    epoch = b''
    for q in range(2):
        r = struct.pack('<8sHHI16sQQI', b'WARDEPO', 1, 3, 0, uuid, q, 0, 0).ljust(4064, b'\0')
        epoch += r + mac(uuid, b'ward 1 epoch mac', r)
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


def header():
    """The enums of module/uapi/ward_netlink.h: {enum: {name without its prefix: number}}."""
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), '../../module/uapi/ward_netlink.h')
    with open(path) as f:
        text = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
    out = {}
    for name, body in re.findall(r'enum (\w+) {(.*?)};', text, re.S):
        value, names = -1, {}
        for entry in body.split(','):
            word, _, number = (part.strip() for part in entry.partition('='))
            if word and not word.startswith('__'):
                value = int(number, 0) if number else value + 1
                names[re.sub(r'^WARD_[A-Z]+_', '', word)] = value
        out[name] = names
    return out


ENUMS = header()
CMD, ATTR = ENUMS['ward_cmd'], ENUMS['ward_attr']
ATTR_NAME = {number: name for name, number in ATTR.items()}
NUMBERS = ('EVENT_KIND', 'EVENT_ACTION', 'EVENT_REASON', 'EVENT_ERRNO', 'EVENT_COUNT', 'EVENT_UID', 'EVENT_EUID',
           'EVENT_LOGINUID', 'EVENT_GID', 'EVENT_EGID', 'EVENT_SESSION', 'EVENT_PID', 'EVENT_PPID', 'EVENT_INODE', 'EVENT_BLOCK',
           'EVENT_LACKS', 'EVENT_PLACE', 'EVENT_OPS', 'EVENT_EXE_DEV', 'EVENT_EXE_INODE', 'EVENT_EXE_DOUBT',
           'EVENT_VAULT_TOTAL', 'VAULT_EVENTS', 'VAULT_EVENTS_GONE', 'EVENT_LOST',
           'EVENT_SEQUENCE', 'EVENT_TIME', 'EVENT_LAST_TIME',
           'VAULT_STATE', 'VAULT_FLAGS', 'VAULT_SUITE',
           'VAULT_EPOCH', 'VAULT_POLICY_SERIAL', 'VAULT_RULES', 'VAULT_VIOLATIONS', 'VAULT_TAMPERS', 'VAULT_SETTLED',
           'VAULT_LOST', 'VAULT_DEV', 'VAULT_HOURS_END', 'VAULT_DISTURBED', 'CHECK_NEXT', 'CHECK_BAD', 'CHECK_RESULT')
WORDS = {'EVENT_KIND': 'ward_event_kind', 'EVENT_ACTION': 'ward_action', 'EVENT_REASON': 'ward_reason',
         'CHECK_RESULT': 'ward_check_result'}


def plain(attrs):
    """Netlink attributes as a dictionary: event.* without their prefix, enums as words in lower case."""
    out = {}
    for kind, value in attrs:
        name = ATTR_NAME.get(kind, str(kind))
        if name in NUMBERS:
            value = int.from_bytes(value, sys.byteorder)
        elif name in ('VAULT_ID', 'LOAD_ID'):
            value = value.hex()
        elif name in ('PROGRAM_ID', 'POLICY_MAC'):
            pass
        else:
            value = value.rstrip(b'\0').decode(errors='surrogateescape')
        if name in WORDS:
            words = {number: word for word, number in ENUMS[WORDS[name]].items()}
            value = words[value].lower().replace('_', '-')
        out[name.removeprefix('EVENT_').lower()] = value
    return out


class Refused(Exception):
    """The kernel's answer was an error."""
    def __init__(self, number, text):
        super().__init__('error %d: %s %s' % (number, os.strerror(number), text))
        self.errno = number


class Netlink:
    def __init__(self):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.s.bind((0, 0))
        for kind, value in self.call(16, 3, [(2, b'ward\0')]):      # nlctrl, CTRL_CMD_GETFAMILY
            if kind == 1:
                self.family = struct.unpack('H', value)[0]

    def messages(self, family, cmd, attrs, flags):
        """Sends a command; the attributes of each message that comes back."""
        body = struct.pack('BBH', cmd, 1, 0)
        for kind, value in attrs:
            body += struct.pack('HH', 4 + len(value), kind) + value
            body += b'\0' * (-len(body) % 4)
        self.s.send(struct.pack('IHHII', 16 + len(body), family, flags, 1, 0) + body)
        while True:
            data = self.s.recv(1 << 20)
            while data:
                size, kind = struct.unpack('IH', data[:6])
                if kind == 2:                   # NLMSG_ERROR, also the ACK
                    err = -struct.unpack('i', data[16:20])[0]
                    if err:
                        raise Refused(err, data[36:size])
                    return
                if kind == 3:                   # NLMSG_DONE
                    return
                at, out = 20, []
                while at + 4 <= size:
                    n, t = struct.unpack('HH', data[at:at + 4])
                    out.append((t & 0x3fff, data[at + 4:at + n]))
                    at += (n + 3) & ~3
                yield out
                data = data[(size + 3) & ~3:]

    def call(self, family, cmd, attrs):
        out = []
        for message in self.messages(family, cmd, attrs, 5):    # REQUEST|ACK
            out += message
        return out

    def ask(self, cmd, uuid=None, **attrs):
        """A command of the family "ward", by its name; the answer as plain() has it."""
        sent = [(ATTR['VAULT_ID'], uuid)] if uuid else []
        sent += [(ATTR[name], value) for name, value in attrs.items()]
        return plain(self.call(self.family, CMD[cmd], sent))

    def events(self, since):
        """All events from this sequence number on."""
        sent = [(ATTR['EVENT_SEQUENCE'], struct.pack('Q', since))]
        return [plain(m) for m in self.messages(self.family, CMD['EVENT_GET'], sent, 0x301)]   # REQUEST|DUMP

    def next_event(self):
        for kind, value in self.call(self.family, CMD['MODULE_GET'], []):
            if kind == ATTR['EVENT_NEXT']:
                return struct.unpack('Q', value)[0]


def unlock(nl, uuid):
    text = uuid.hex()
    name = 'ward:' + '-'.join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    payload = struct.pack('<II', 1, 1) + KEY
    libc = ctypes.CDLL(None, use_errno=True)
    serial = libc.syscall(248, b'ward', name.encode(), payload, len(payload), -4)
    if serial < 0:
        sys.exit('add_key: ' + os.strerror(ctypes.get_errno()))
    nl.ask('UNLOCK', uuid, KEY_SERIAL=struct.pack('i', serial))


def main(verb, top, *rest):
    if verb == 'create':
        create(top, [int(u) for u in rest])
        return
    nl = Netlink()
    if verb == 'events':
        for event in nl.events(int(top)):
            print(json.dumps(event, default=bytes.hex))
        return
    uuid = uuid_of(top)
    if verb == 'unlock':
        unlock(nl, uuid)
    elif verb == 'lock':
        nl.ask('LOCK', uuid, **({'LOCK_NOW': b''} if 'now' in rest else {}))
    elif verb == 'checked':
        epoch = nl.ask('VAULT_GET', uuid)['vault_epoch']
        nl.ask('CHECKED', uuid, CHECK_SEQ=struct.pack('Q', epoch))
    elif verb == 'state':
        a = nl.ask('VAULT_GET', uuid)
        state = ('locked', 'unlocking', 'unlocked', 'locking')[a['vault_state']]
        print(state + (' unchecked' if a['vault_flags'] & 2 else ''))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except Refused as e:
        sys.exit(str(e))
