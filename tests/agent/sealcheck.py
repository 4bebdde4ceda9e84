#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Verifies an event log by what docs/events.md says, and by nothing else: the second implementation.

    sealcheck.py [--key-file FILE] [--state FILE] FILE...

The files stand in their order, the oldest first. --state: the machine's log.seal. Prints what is wrong, then one
line of JSON; exits with 7 when something is.
"""
import argparse
import base64
import hashlib
import hmac
import json
import re
import struct
import sys

RECORD = re.compile(rb'\{.*,"ward\.prev":"([0-9a-f]{64})"\}', re.S)
SEAL = re.compile(rb'(\{.*,"ward\.prev":"([0-9a-f]{64})"),"ward\.seal\.mac":"([0-9a-f]{64})"\}', re.S)
LINE_MOST = 256 * 1024
ZEROS = '0' * 64


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


class Chain:
    """Keys of one chain, as they move forward."""

    def __init__(self, first):
        self.id = mac(first, b'ward-log-id')[:16].hex()
        self.number, self.key = 0, first

    def at(self, number):
        if number < self.number:
            return None
        while self.number < number:
            self.key = mac(self.key, b'ward-log-next')
            self.number += 1
        return self.key


def read_keys(text):
    chains = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        letters = re.sub(r'[-\s]', '', line).upper()
        data = base64.b32decode(letters)
        assert len(data) == 35 and hashlib.sha256(data[:32]).digest()[:3] == data[32:], 'mistyped key'
        chain = Chain(data[:32])
        chains[chain.id] = chain
    return chains


def read_state(data):
    """The later one of the two places that is whole."""
    best = None
    for at in (0, 4096):
        place = data[at:at + 144]
        if len(place) < 144 or place[:8] != b'WARDSEAL' or hashlib.sha256(place[:112]).digest() != place[112:]:
            continue
        version, generation, chain, number, line, last, key = struct.unpack('<II16sQQ32s32s', place[8:112])
        if version != 1:
            continue
        if best is None or (generation, number) > (best['generation'], best['number']):
            best = {'generation': generation, 'id': chain.hex(), 'number': number, 'line': line,
                    'last': last.hex(), 'key': key}
    return best


def lines_of(data):
    """Lines without their newlines, and whether the last one has its."""
    parts = data.split(b'\n')
    return parts[:-1], parts[-1] == b''


def once(pairs):
    """An object, in which no member stands twice: of a seal that has two numbers nobody can tell which counts."""
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


class Verifier:
    def __init__(self, chains, tell):
        self.chains, self.tell = chains, tell
        self.lines = self.seals = self.proven = self.since = self.offset = 0
        self.bad = []
        self.prev = self.begins = self.last = self.last_hash = None
        self.clean = True
        self.first_proven = self.last_proven = None

    def wrong(self, what):
        self.bad.append(what)
        self.clean = False
        self.tell(what)

    def line(self, line, where):
        self.lines += 1
        seal, record = SEAL.fullmatch(line), RECORD.fullmatch(line)
        digest = hashlib.sha256(line).hexdigest()
        prev = (seal[2] if seal else record[1] if record else b'').decode()
        if len(line) > LINE_MOST:
            self.wrong(f'{where}: too long')
        elif not prev:
            self.wrong(f'{where}: no record')
        elif self.lines == 1:
            self.begins = prev == ZEROS
        elif self.prev != prev:
            self.wrong(f'{where}: does not follow')
        self.prev = digest
        if seal:
            self.seal(line, seal, digest, where)
        else:
            self.since += 1

    def seal(self, line, match, digest, where):
        def count(key, absent=None):
            value = o.get(key, absent)
            assert isinstance(value, int) and not isinstance(value, bool) and value >= 0
            return value
        try:
            o = json.loads(line, object_pairs_hook=once)
            assert o['ward.kind'] == 'seal' and re.fullmatch('[0-9a-f]{32}', o['ward.seal.key'])
            assert re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d', o['@timestamp'])
            s = {'id': o['ward.seal.key'], 'number': count('ward.seal.number'), 'cause': o['ward.seal.cause'],
                 'records': count('ward.seal.records'), 'line': count('ward.seal.line'),
                 'first': count('ward.seal.first', 0), 'next': o.get('ward.seal.next')}
            count('ward.seal.due', 0)
            assert s['number'] <= 1 << 26 and s['line'] > s['records'] and s['first'] <= s['line']
            assert 'ward.seal.first' not in o or s['first']
            assert isinstance(s['cause'], str) and len(s['cause']) < 16
            assert s['cause'] != 'new-key' or re.fullmatch('[0-9a-f]{32}', s['next'])
        except (ValueError, KeyError, AssertionError, TypeError, RecursionError):
            self.wrong(f'{where}: no seal')
            self.since += 0
            return
        self.seals += 1
        last = self.last
        if last and last['id'] == s['id']:
            if last['cause'] == 'new-key' or s['number'] != last['number'] + 1:
                self.wrong(f'{where}: seal {s["number"]} after {last["number"]}')
        elif last:
            if last['cause'] != 'new-key' or last['next'] != s['id'] or s['number']:
                self.wrong(f'{where}: another key')
        if last:
            if s['records'] != self.since or s['line'] != last['line'] + s['records'] + 1:
                self.wrong(f'{where}: wrong count')
        else:
            self.offset = max(s['line'] - self.lines, 0)
            exact = s['number'] or self.begins
            if s['line'] < self.lines or (self.begins and s['line'] != self.lines) or \
               (self.since and (s['records'] != self.since if exact else s['records'] < self.since)):
                self.wrong(f'{where}: wrong count before the first seal')
        chain = self.chains.get(s['id'])
        key = chain and chain.at(s['number'])
        if key:
            right = mac(mac(key, b'ward-log-seal'), match[1])
            if not hmac.compare_digest(right.hex(), match[3].decode()):
                self.wrong(f'{where}: seal {s["number"]} is forged')
            elif self.clean:
                self.proven += self.since + 1
                self.last_proven = s['number']
                if self.first_proven is None:
                    self.first_proven = s['number']
        self.last, self.last_hash, self.since, self.clean = s, digest, 0, True

    def end(self, state, has_state):
        s = self.last
        if s and s['first'] and self.offset + 1 > s['first']:
            self.wrong('the oldest files are missing')
        if not has_state:
            return
        if state is None:
            if s:
                self.wrong('there is no seal state')
            return
        if not s:
            if state['number']:
                self.wrong('all seals are missing')
            return
        if s['id'] != state['id']:
            if s['cause'] != 'new-key' or s['next'] != state['id'] or state['number']:
                self.wrong('the state is of another key')
        elif state['number'] > s['number'] + 1:
            self.wrong('the end was cut off')
        elif s['number'] > state['number']:
            self.wrong('the state is too old')
        elif state['number'] == s['number'] + 1 and state['last'] != self.last_hash:
            self.wrong('the last seal is another one')
        chain = self.chains.get(state['id'])
        key = chain and chain.at(state['number'])
        if key and key != state['key']:
            self.wrong('the state is forged')


def verify(files, chains=None, state=None, has_state=False, tell=lambda what: None):
    """@files: pairs of a name and bytes. Returns the verifier; .bad is what is wrong."""
    v = Verifier(chains or {}, tell)
    for name, data in files:
        lines, whole = lines_of(data)
        for n, line in enumerate(lines, 1):
            v.line(line, f'{name}:{n}')
        if not whole:
            v.wrong(f'{name}: ends in the middle of a line')
    v.end(state, has_state)
    return v


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--key-file')
    parser.add_argument('--state')
    parser.add_argument('files', nargs='+')
    args = parser.parse_args()
    chains = read_keys(open(args.key_file).read()) if args.key_file else {}
    state = None
    if args.state:
        try:
            state = read_state(open(args.state, 'rb').read())
        except FileNotFoundError:
            pass
    v = verify([(f, open(f, 'rb').read()) for f in args.files], chains, state, bool(args.state),
               lambda what: print(what))
    print(json.dumps({'lines': v.lines, 'seals': v.seals, 'proven': v.proven, 'bad': len(v.bad),
                      'from': v.first_proven, 'to': v.last_proven}))
    return 7 if v.bad else 0


if __name__ == '__main__':
    sys.exit(main())
