#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# After an unclean end: rule R2 of docs/format.md. What a crash can have left is settled and told as "crash or cut";
# what it cannot have left is not taken for it; and once all is checked, the strict rule R1 holds again.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault
cat >/tmp/cases.py <<'END'
from calls import *
N = 6
SIZE = base(N - 1) + 1000
BODY, LONG, SHORT = noise(1, SIZE), noise(2, base(8) + 700), noise(3, base(3) + 500)
EMPTY = 'empty', 'empty-grown'
# name: what is in it before, what a crash makes of it below, what is read then; "bad" are blocks that are EIO
cases = {}
def case(name, before, after, settled=True, bad=()):
    def add(fn): cases[name] = (before, fn, after, settled, bad); return fn
    return add
def zero(p, *blocks):
    for k in blocks: rewrite(p, unit(k), lambda old: bytes(BLOCK - unit(k) % BLOCK))
case('intact', BODY, BODY, False)(lambda p: None)
case('empty', b'', b'', False)(lambda p: None)
case('nothing-came', BODY, b'')(lambda p: os.truncate(p, 0))
case('half-a-header', BODY, b'')(lambda p: os.truncate(p, 100))
case('no-header', BODY, b'')(lambda p: rewrite(p, 0, lambda old: bytes(HEADER) + old[HEADER:]))
case('header-of-zeros', b'', b'')(lambda p: rewrite(p, 0, lambda old: bytes(HEADER)))
case('empty-grown', b'', b'')(lambda p: os.truncate(p, 3 * BLOCK))
case('grown-without-blocks', BODY, BODY)(lambda p: os.truncate(p, 9 * BLOCK))
case('grown-end-came', LONG, LONG[:base(6)] + bytes(2 * CAP) + LONG[base(8):])(lambda p: zero(p, 6, 7))
case('grown-end-missing', LONG, LONG[:base(7)])(lambda p: zero(p, 7, 8))
case('grown-length-whole', LONG, LONG[:base(7)])(lambda p: (zero(p, 7, 8), os.truncate(p, 9 * BLOCK)))
case('length-behind', BODY, BODY)(lambda p: os.truncate(p, N * BLOCK + 500))
case('length-ahead', BODY, BODY)(lambda p: os.truncate(p, N * BLOCK + 2000))
case('length-whole', BODY, BODY)(lambda p: os.truncate(p, N * BLOCK))
case('cut-whole', BODY, BODY[:base(4)])(lambda p: os.truncate(p, 4 * BLOCK))
case('cut-not-yet-written', BODY, BODY[:base(4)])(lambda p: os.truncate(p, 4 * BLOCK + 1000))
case('hole-in-the-middle', BODY, BODY[:base(2)] + bytes(CAP) + BODY[base(3):])(lambda p: zero(p, 2))
case('no-first-unit', BODY, bytes(FIRST) + BODY[FIRST:])(lambda p: zero(p, 0))
case('torn-end', BODY, BODY, False, (N - 1,))(lambda p: rewrite(p, (N - 1) * BLOCK + 2048, lambda old: noise(9, 2048)))
case('torn-middle', BODY, BODY, False, (3,))(lambda p: rewrite(p, 3 * BLOCK + 2048, lambda old: noise(9, 2048)))
case('damaged-header', BODY, None, False)(lambda p: flip(p, 70))
case('small-cut', b'small', b'')(lambda p: os.truncate(p, HEADER))
case('small-length', b'small', b'small')(lambda p: os.truncate(p, BLOCK))
SPARSE = b'begin' + bytes(3 << 20) + b'end'
def no_end(p): zero(p, (os.stat(p).st_size - 1) // BLOCK - 1)
case('sparse', SPARSE, SPARSE, False)(lambda p: None)
case('sparse-end-missing', SPARSE, None)(no_end)
case('old', BODY, BODY, False)(lambda p: None)
case('old-shrunk', BODY, BODY[:base(3) + 500] + bytes(CAP - 500) + BODY[base(4):], False)(lambda p: None)
case('old-with-a-hole', BODY, BODY, False, (2,))(lambda p: zero(p, 2))
def unclean():
    """What is below now, taken away while the vault runs."""
    os.sync()
    run('cp', '-a', '--sparse=always', ward, '/srv/below/snap')
    umount()
    run('rm', '-rf', ward); os.rename('/srv/below/snap', ward)
def make(name, data):
    f = d + '/' + name
    if data is SPARSE:
        touch(f, b'begin')
        with open(f, 'r+b', buffering=0) as h: h.seek(len(SPARSE) - 3); h.write(b'end')
    else: touch(f, data)
END
check "files of an old epoch, and of the one that ends badly" py '
exec(open("/tmp/cases.py").read())
for name in cases:
    if name.startswith("old"): make(name, cases[name][0])
again()
for name in cases:
    if not name.startswith("old"): make(name, cases[name][0])
os.mkdir(d + "/dir"); touch(d + "/dir/f", b"in a directory")
# a block that was the last, and is in the middle after growth that did not reach it
touch(d + "/older-last", SHORT); os.sync(); older = read(lower(d + "/older-last"))[3 * BLOCK:4 * BLOCK]
with open(d + "/older-last", "ab") as f: f.write(LONG)
paths = {n: lower(d + "/" + n) for n in os.listdir(d)}
# an old file of which a cut began: the new last block is there, the new length is not
raw = read(lower(d + "/old-shrunk")); os.truncate(d + "/old-shrunk", base(3) + 500); os.sync()
short = read(lower(d + "/old-shrunk"))[3 * BLOCK:4 * BLOCK]
with open("/tmp/paths", "wb") as f: pickle.dump(paths, f)
unclean()
for name, (before, fn, *rest) in cases.items(): fn(paths[name])
rewrite(paths["older-last"], 3 * BLOCK, lambda old: older)
touch(paths["old-shrunk"], raw); rewrite(paths["old-shrunk"], 3 * BLOCK, lambda old: short)
mount()
'
check "unlock" "$tv" unlock $d
check_is "the vault is to be checked" "$("$tv" state $d)" "unlocked unchecked"
cat >/tmp/judge.py <<'END'
exec(open("/tmp/cases.py").read())
failed = []
for name, (before, fn, after, settled, bad) in cases.items():
    f, since = d + '/' + name, mark()
    try:
        if name == 'damaged-header': fails('EIO', read, f); reported(since, kind='tamper'); continue
        if name == 'sparse-end-missing':
            got = read(f); same(got[:5], b'begin'); same(got[5:].strip(b'\0'), b''); assert len(SPARSE) - 3 <= len(got) <= len(SPARSE), len(got)
        elif bad: partly(f, after, bad); reported(since, kind='tamper', path='/' + name)
        else:
            same(os.stat(f).st_size, len(after)); got = read(f)
            assert got == after, f'reads {len(got)} bytes, wanted {len(after)}'
        if settled:
            e = reported(since, action='settle', inode=os.stat(f).st_ino)
            same((e['kind'], e['detail'], e['reason'], e['errno'], e.get('path')), ('mount', 'crash or cut', 'integrity', 0, '/' + name))
        else: same(events(since, action='settle'), [])
        if not bad: same(events(since, kind='tamper'), [])
    except (AssertionError, OSError) as e:
        failed.append(f'{name}: {e}')
assert not failed, '\n'.join(failed)
END
check "each file reads as rule R2 says, and what was settled is told" py 'exec(open("/tmp/judge.py").read())'
check "what lies past a short block in the middle reads as zeros" py '
exec(open("/tmp/cases.py").read())
since = mark()
same(read(d + "/older-last"), SHORT + bytes(CAP - 500) + (SHORT + LONG)[base(4):])
same(reported(since, action="settle")["path"], "/older-last")
'
check "directories and their names are there" py 'same(read(d + "/dir/f"), b"in a directory"); same(set(os.listdir(d)), set(pickle.load(open("/tmp/paths", "rb"))))'
check "settled files can be written, and are not settled twice" py '
exec(open("/tmp/cases.py").read())
for name in ("nothing-came", "cut-whole", "grown-end-missing", "length-behind", "empty-grown", "hole-in-the-middle"):
    with open(d + "/" + name, "ab") as f: f.write(b"more")
    same(read(d + "/" + name), cases[name][2] + b"more")
    os.truncate(d + "/" + name, len(cases[name][2]))
since = mark(); drop_caches(); lock(); unlock()
assert state()["vault_flags"] & 2
for name in cases: os.stat(d + "/" + name)
same([e.get("path") for e in events(since, action="settle")], [])
'
check "the count of settled files is told" py '
exec(open("/tmp/cases.py").read()); assert state()["vault_settled"] >= sum(c[3] for c in cases.values()), state()'
check "a check of everything" py '
uuid = testvault.uuid_of(d)
results = {}
for top, dirs, files in os.walk(below):
    for n in dirs + files:
        at = os.path.relpath(top + "/" + n, below)
        got, first = {}, 0
        while True:
            part = netlink().ask("CHECK", uuid, CHECK_PATH=at.encode() + b"\0", CHECK_FROM=struct.pack("Q", first))
            got = {**part, "check_bad": part["check_bad"] + got.get("check_bad", 0)}
            first = part.get("check_next", 0)
            if not first: break
        results[got.get("check_name", at)] = (got["check_result"], got["check_bad"])
bad = sorted(n for n, (r, b) in results.items() if r in ("tampered", "bad_name"))
same(results["/old-shrunk"][0], "settled")
same(bad, ["/damaged-header", "/old-with-a-hole", "/torn-end", "/torn-middle"])
netlink().ask("CHECKED", uuid, CHECK_SEQ=struct.pack("Q", state()["vault_epoch"]))
assert not state()["vault_flags"] & 2
'
check_is "after it the vault is checked" "$("$tv" state $d)" unlocked
check "and everything reads as before, by the strict rule" py '
exec(open("/tmp/cases.py").read())
again(); assert not state()["vault_flags"] & 2
since = mark()
for name, (before, fn, after, settled, bad) in cases.items():
    f = d + "/" + name
    if after is None: continue
    if bad: partly(f, after, bad)
    else: assert read(f) == after, name
same(read(d + "/older-last")[:len(SHORT)], SHORT)
wanted = {"/old-with-a-hole", "/torn-end", "/torn-middle"}
for path in wanted: reported(since, kind="tamper", path=path)       # the check has reported them, too: some are folded
same({e["path"] for e in events(since, kind="tamper")}, wanted); same(events(since, action="settle"), [])
'
check "a second unclean end: nothing that was clean is touched" py '
exec(open("/tmp/cases.py").read())
touch(d + "/fresh", BODY); os.sync(); unclean(); mount(); unlock()
assert state()["vault_flags"] & 2
since = mark()
for name, (before, fn, after, settled, bad) in cases.items():
    if after is not None and not bad: assert read(d + "/" + name) == after, name
same(read(d + "/fresh"), BODY); same(events(since, action="settle"), []); quiet(since)
'
check "an unclean end stays one over a clean end, until it is checked" py '
again(); assert state()["vault_flags"] & 2; lock(); unlock(); assert state()["vault_flags"] & 2
'
check "read-only, nothing is settled below" py '
exec(open("/tmp/cases.py").read())
touch(d + "/ro", BODY); p = lower(d + "/ro"); unclean(); os.truncate(p, 4 * BLOCK); before = read(p)
run("mount", "-i", "-t", "wardfs", "-o", "ro", d, d); unlock()
same(read(d + "/ro"), BODY[:base(4)]); umount(); same(read(p), before)
mount(); unlock(); same(read(d + "/ro"), BODY[:base(4)]); same(os.stat(p).st_size, length(base(4)))
'
check "a check is not counted for another epoch" py '
n = state()["vault_epoch"]; lock(); unlock()
try: netlink().ask("CHECKED", testvault.uuid_of(d), CHECK_SEQ=struct.pack("Q", n)); assert False
except testvault.Refused as e: same(e.errno, errno.ESTALE)
'
check "unmount" umount $d
done_testing
