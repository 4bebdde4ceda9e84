#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The record says in which cgroup somebody was, whatever the cgroup is called: users to whom a part of the hierarchy was given
# name theirs as they like. No byte is lost, none reaches a terminal or the log's form unescaped, and what is too long is cut
# off at its end, which is what they named.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

check "vault" new_vault 0
check "wardd" start_wardd
check "the key is given out" keep_key
cat >/tmp/cgroups.py <<'END2'
import ctypes, errno, json, os, subprocess, sys, time
sys.path.insert(0, os.environ["WARD_TOP"] + "/tests/agent")
sys.dont_write_bytecode = True
from escaped import back
log, top = sys.argv[1:]
ROOT = b'/sys/fs/cgroup/ward-test'
OTHER = 61003                                   # mallory
KEPT = 511                                      # bytes of the path that the kernel tells: docs/events.md
names = [
    b'plain.service',
    bytes(b for b in range(1, 32) if b != 10) + b'\x7f',    # controls; the kernel takes all but the newline
    b'\x1b[2J\x1b]0;title\x07',                             # what a terminal would obey
    b'\xff\xfe\xc3\x28\xed\xa0\x80\xf8',                    # no UTF-8: bytes alone, a surrogate, a start that nothing follows
    b'\\x41\\\\', b'"},{"ward.kind":"seal"', b'{%n%s}$(x)`x`',
    'g\u00e9 \u202e\u0085\u200b\U0001f512'.encode(),        # UTF-8, visible and not
    b' ', b'...',
    b'n' * 255, b'\xff' * 255, '\u00e9'.encode() * 127 + b'\x01',
    b'\xfe' * 255 + b'/' + b'd' * 255 + b'/' + b'e' * 255,  # cut off in the second
    b'u' * 7 + b'/' + b'v' * 244 + '/'.encode() + '\u20ac'.encode() * 85,   # and in the middle of a character
]


def refused(cgroup, argv=()):
    """Somebody is refused at the vault, in this cgroup; argv: by way of this program."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            with open(cgroup + b'/cgroup.procs', 'w') as f:
                f.write(str(os.getpid()))
            if argv:
                code = subprocess.run(argv).returncode
            else:
                os.setgroups([]); os.setresgid(OTHER, OTHER, OTHER); os.setresuid(OTHER, OTHER, OTHER)
                try:
                    os.listdir(top)
                except PermissionError:
                    code = 0
        finally:
            os._exit(code)
    assert not os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), cgroup


def told():
    """The cgroups of all violations in the log."""
    with open(log) as f:
        return [e.get('ward.cgroup') for e in (json.loads(line) for line in f if line.endswith('\n'))
                if e['ward.kind'] == 'violation']


os.makedirs(ROOT, exist_ok=True)
wanted = []
for name in names:
    os.makedirs(ROOT + b'/' + name)
    refused(ROOT + b'/' + name)
    wanted.append((b'/ward-test/' + name)[:KEPT])
assert sum(len(w) == KEPT for w in wanted) == 2 and wanted[-1][-1:] == b'\xe2', 'none was cut in the middle of a character'
try:
    os.mkdir(ROOT + b'/a\nb')
    raise SystemExit('the kernel takes a newline in the name of a cgroup')
except OSError as e:
    assert e.errno == errno.EINVAL, e
# In a cgroup namespace it sees another path; the record says where it is.
refused(ROOT, ['unshare', '-C', 'sh', '-c', 'grep -q "^0::/$" /proc/self/cgroup && ! setpriv --reuid %d --regid %d --clear-groups ls %s' % (OTHER, OTHER, top)])
wanted.append(b'/ward-test')

until = time.monotonic() + 60
while len(told()) < len(wanted) and time.monotonic() < until:
    time.sleep(0.2)
texts = told()
got = [back(t) for t in texts]
wrong = [(g, w) for g, w in zip(got, wanted) if g != w]
assert got == wanted, wrong or (len(got), len(wanted))
for text in texts:
    assert all(32 <= ord(ch) != 127 for ch in text), text
for raw in (b'\x1b', b'\x07', b'\x7f', b'\xff', b'\xc2\x85', b'\xe2\x80\xae', b'\xe2\x80\x8b'):
    with open(log, 'rb') as f:
        assert raw not in f.read(), raw
print(f'# {len(wanted)} cgroups, as recorded: {texts[1]} {texts[3]} {texts[7]}')
END2
check "each is in the record as it is called, to the byte" python3 /tmp/cgroups.py $log $d
diag "$(sed -n 's/^# //p' "$lib_out")"
check "nothing is missing in the log" wait_for completeness complete
check "it holds" holds
check "wardctl log shows all of them, and nothing that a terminal obeys" sh -c "wardctl log --json >/tmp/json && wardctl --no-color log >/tmp/text &&
	grep -c ward-test /tmp/json && ! LC_ALL=C grep -q '[[:cntrl:]]' /tmp/json /tmp/text"
check "wardd ends" stop_wardd
done_testing
