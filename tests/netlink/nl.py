# SPDX-License-Identifier: GPL-2.0-or-later
"""A bare generic netlink client, for tests that say what the library would never say.

Numbers are read from module/uapi/ward_netlink.h, layouts are docs/netlink/ward.yaml's.
"""
import errno
import os
import re
import socket
import struct
import sys

TOP = os.environ['WARD_TOP']
REQUEST, ACK, DUMP = 1, 4, 0x300
SOL_NETLINK, ADD_MEMBERSHIP, CAP_ACK, EXT_ACK, STRICT = 270, 1, 10, 11, 12


def numbers():
    """Every enumerator of the header, by name without its WARD_."""
    with open(TOP + '/module/uapi/ward_netlink.h') as f:
        text = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
    out = {}
    for body in re.findall(r'enum \w+ \{(.*?)\}', text, re.S):
        value = -1
        for item in body.split(','):
            item = item.strip()
            if not item:
                continue
            name, _, given = item.partition('=')
            value = int(given, 0) if given else value + 1
            out[name.strip().removeprefix('WARD_')] = value
    return out


N = numbers()
NAMES = {v: k for k, v in N.items() if k.startswith('A_')}
CMD = {k[4:]: v for k, v in N.items() if k.startswith('CMD_')}
CMD_MAX = N['__WARD_CMD_MAX']
A_MAX = N['__WARD_A_MAX']


class Refused(Exception):
    def __init__(self, number, text):
        super().__init__(f'{errno.errorcode.get(number, number)}: {text}')
        self.name = errno.errorcode.get(number, str(number))
        self.text = text


def attr(kind, value=b''):
    """One attribute; a kind is a name or a number."""
    kind = N['A_' + kind] if isinstance(kind, str) else kind
    data = struct.pack('HH', 4 + len(value), kind) + value
    return data + b'\0' * (-len(data) % 4)


def u32(value):
    return struct.pack('I', value)


def u64(value):
    return struct.pack('Q', value)


def parse(data):
    out, at = {}, 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from('HH', data, at)
        assert size >= 4 and at + size <= len(data), 'the kernel sent a broken attribute'
        value = data[at + 4:at + size]
        name = NAMES.get(kind & 0x3fff, str(kind))[2:]
        out[name] = value
        at += (size + 3) & ~3
    return out


def number(value):
    return int.from_bytes(value, 'little')


class Client:
    def __init__(self, buffer=None):
        self.s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 16)
        if buffer:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.s.bind((0, 0))
        self.s.setsockopt(SOL_NETLINK, EXT_ACK, 1)
        self.s.setsockopt(SOL_NETLINK, CAP_ACK, 1)
        self.seq = 0
        self.family, self.group = self.resolve()

    def resolve(self):
        """Number of the family, and of its multicast group."""
        # CTRL_CMD_GETFAMILY 3; CTRL_ATTR_FAMILY_NAME 2, FAMILY_ID 1, MCAST_GROUPS 7
        reply = self.raw(16, struct.pack('BBH', 3, 1, 0) + attr(2, b'ward\0'))[0]
        family = group = None
        at = 4
        while at + 4 <= len(reply):
            size, kind = struct.unpack_from('HH', reply, at)
            value = reply[at + 4:at + size]
            if kind & 0x3fff == 1:
                family = number(value)
            elif kind & 0x3fff == 7:
                # the first group: its number is attribute 2
                inner = value[4:]
                here = 0
                while here + 4 <= len(inner):
                    n, t = struct.unpack_from('HH', inner, here)
                    if t == 2:
                        group = number(inner[here + 4:here + n])
                    here += (n + 3) & ~3
            at += (size + 3) & ~3
        return family, group

    def raw(self, family, payload, flags=ACK, length=None):
        """Sends one message; its replies without the netlink header, or Refused."""
        self.seq += 1
        size = 16 + len(payload) if length is None else length
        self.s.send(struct.pack('IHHII', size, family, REQUEST | flags, self.seq, 0) + payload)
        out = []
        while True:
            data = self.s.recv(1 << 20)
            while len(data) >= 16:
                size, kind, fl, seq, _ = struct.unpack_from('IHHII', data)
                body = data[16:size]
                data = data[(size + 3) & ~3:]
                if seq != self.seq:
                    continue
                if kind == 2 or kind == 3:      # NLMSG_ERROR, NLMSG_DONE
                    code = struct.unpack_from('i', body)[0] if len(body) >= 4 else 0
                    if code < 0:
                        raise Refused(-code, self.why(body[20 if kind == 2 else 4:], fl))
                    return out
                out.append(body)

    @staticmethod
    def why(data, flags):
        if not flags & 0x200:                   # NLM_F_ACK_TLVS
            return ''
        at = 0
        while at + 4 <= len(data):
            size, kind = struct.unpack_from('HH', data, at)
            if kind == 1:
                return data[at + 4:at + size].rstrip(b'\0').decode()
            at += (size + 3) & ~3
        return ''

    def call(self, cmd, *attrs, flags=ACK):
        """A command of our family: list of dictionaries of attributes, or Refused."""
        cmd = CMD[cmd] if isinstance(cmd, str) else cmd
        payload = struct.pack('BBH', cmd, 1, 0) + b''.join(attrs)
        return [parse(r[4:]) for r in self.raw(self.family, payload, flags)]

    def dump(self, cmd, *attrs):
        return self.call(cmd, *attrs, flags=ACK | DUMP)

    def module(self):
        return self.call('MODULE_GET')[0]

    def events(self, since):
        return self.dump('EVENT_GET', attr('EVENT_SEQUENCE', u64(since)))

    def join(self):
        self.s.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, self.group)

    def heard(self, timeout=2.0):
        """Events that come until nothing has come for so long."""
        self.s.settimeout(timeout)
        out = []
        try:
            while True:
                data = self.s.recv(1 << 16)
                out.append(parse(data[20:]))
        except socket.timeout:
            return out
        finally:
            self.s.settimeout(None)


class Tap:
    """Prints TAP; a check that fails says why."""
    def __init__(self):
        self.n = 0
        self.failed = 0

    def check(self, name, fn, *args):
        self.n += 1
        try:
            fn(*args)
            print(f'ok {self.n} - {name}', flush=True)
        except Exception as e:                  # a broken test is a failed test
            self.failed += 1
            print(f'not ok {self.n} - {name}\n# {type(e).__name__}: {e}', flush=True)

    def refused(self, name, code, words, fn, *args, **kw):
        """Refused with this errno, and with these words in the kernel's explanation."""
        def attempt():
            try:
                fn(*args, **kw)
            except Refused as e:
                assert e.name in code.split('|'), f'{e} instead of {code}'
                assert words in e.text, f'"{words}" is not in "{e.text}"'
                return
            raise AssertionError(f'succeeds instead of {code}')
        self.check(name, attempt)

    def done(self):
        print(f'1..{self.n}', flush=True)
        sys.exit(self.failed > 0)


def mounted_uuid(top):
    """UUID of the vault that is mounted there, out of its mount options."""
    with open('/proc/self/mountinfo') as f:
        for line in f:
            left, right = line.split(' - ')
            if left.split()[4] == top and right.split()[0] == 'wardfs':
                for option in right.split()[2].split(','):
                    if option.startswith('uuid='):
                        return bytes.fromhex(option[5:].replace('-', ''))
    raise RuntimeError('not mounted: ' + top)
