#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Rules with hours: their ends bite on open files and mappings, whatever is done to the clock, and where their table ends.

. "$WARD_TOP/tests/fs/vault.sh"

check "a vault" new_vault 0
cat >/tmp/hours.py <<'END'
from calls import *
A, O, WEEK = testvault.ALLOW, testvault.OPS, 604800
f = d + '/f'
def week(t):
    """Second of the week, Monday first: 1970 began on a Thursday."""
    return (int(t) + 3 * 86400) % WEEK
def spans(*some):
    """From and until in seconds since 1970, as parts of a week, in order."""
    out = []
    for a, b in some:
        out += [(week(a), week(b))] if week(a) < week(b) else [(week(a), WEEK)] + ([(0, week(b))] if week(b) else [])
    return sorted(out)
def at_hours(*some, ops=testvault.ALL, name='by day', flags=A, **kw):
    return testvault.rule(name, flags, ops, (1, [(1, ALICE)]), (6, testvault.hours(spans(*some), **kw)))
def refused(fn, *args):
    try: fn(*args)
    except OSError as e: same(e.errno, errno.EACCES); return True
    return False
def wait_until(t):
    while time.time() < t: time.sleep(max(0, min(0.05, t - time.time())))
END
check "files" py '
exec(open("/tmp/hours.py").read())
os.umask(0); os.chmod(d, 0o777); touch(f, noise(1, 20000)); os.chmod(f, 0o666)
'
check "within the hours, and outside of them" py '
exec(open("/tmp/hours.py").read())
now = time.time()
rules(at_hours((now - 3600, now + 3600))); same(as_user(ALICE, read, f), noise(1, 20000)); same(state()["vault_hours_end"], 4000000000)
since = mark(); rules(at_hours((now + 3600, now + 7200))); fails("EACCES", as_user, ALICE, read, f)
e = reported(since, kind="violation", uid=ALICE); same((e["reason"], e["near"], e["lacks"]), ("hours", "by day", 1 << 6)); assert "rule" not in e
since = mark(); fails("EACCES", as_user, BOB, read, f); e = reported(since, kind="violation", uid=BOB); same((e["reason"], e["lacks"]), ("policy", 1 << 6 | 1 << 1))
# An hour ahead of UTC, and then two
rules(at_hours((now - 600, now + 600), offsets=[(0, 3600)])); fails("EACCES", as_user, ALICE, read, f)
rules(at_hours((now + 3000, now + 4200), offsets=[(0, 3600)])); as_user(ALICE, read, f)
rules(at_hours((now + 6600, now + 7800), offsets=[(0, 3600), (int(now) - 5, 7200), (int(now) + 100, 3600)])); as_user(ALICE, read, f)
rules(testvault.rule("not now", 0, O["read"], (6, testvault.hours(spans((now - 600, now + 600))))), testvault.rule("all", A, testvault.ALL))
since = mark(); fails("EACCES", as_user, ALICE, read, f); same(reported(since, kind="violation", uid=ALICE)["reason"], "hours"); policy(0); assert "vault_hours_end" not in state()
'
check "the table ends: what is allowed is not any more, what is denied stays so" py '
exec(open("/tmp/hours.py").read())
now = int(time.time()); always = [(now - 3600, now + 3600)]
rules(at_hours(*always, since=now - 10, until=now + 10)); as_user(ALICE, read, f); wait_until(now + 10.5); fails("EACCES", as_user, ALICE, read, f)
rules(at_hours(*always, since=now + 1000, until=now + 2000)); fails("EACCES", as_user, ALICE, read, f)
now = int(time.time())
rules(testvault.rule("not at night", 0, testvault.ALL, (6, testvault.hours(spans((now + 3600, now + 7200)), until=now + 10))), testvault.rule("all", A, testvault.ALL))
as_user(ALICE, read, f); wait_until(now + 10.5); fails("EACCES", as_user, ALICE, read, f)
'
cat >/tmp/open.py <<'END'
exec(open("/tmp/hours.py").read())
def handed(fn, *args):
    """As alice, in this process, whose real user stays root."""
    os.seteuid(ALICE)
    try: return fn(*args)
    finally: os.seteuid(0)
END
check "the end of the hours bites on open files and on mappings, and their beginning gives them back" py '
exec(open("/tmp/open.py").read())
now = int(time.time()) + 1; rules(at_hours((now - 3600, now + 10), (now + 20, now + 3600)))
r, w = os.pipe(); r2, w2 = os.pipe()
pid = os.fork()
if not pid:
    os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE)
    fd = os.open(f, os.O_RDWR); dfd = os.open(d, os.O_RDONLY); m = mmap.mmap(fd, 20000); m[5000]; m[9000:9001] = b"!"
    for k in range(100): os.pread(fd, 5, 0)
    os.listdir(dfd); os.write(w, b"1"); end = now + 10
    # What is remembered does not last longer than the hours; the clock of a busy machine may tick late.
    while True:
        t = time.time()
        try: os.pread(fd, 5, 0)
        except OSError as e: same(e.errno, errno.EACCES); break
        assert t < end + 3, t - end
    assert time.time() > end - 0.1
    fails("EACCES", os.pwrite, fd, b"x", 0); fails("EACCES", os.listdir, dfd); fails("EACCES", mmap.mmap, fd, 100)
    wait_until(end + 3)
    same(child_signal(lambda: m[5000]), signal.SIGBUS); same(child_signal(lambda: m[12000]), signal.SIGBUS)
    wait_until(now + 21.5)
    same(os.pread(fd, 1, 9000), b"!"); same(m[5000], noise(1, 20000)[5000]); os.pwrite(fd, noise(1, 20000), 0); os.listdir(dfd)
    os._exit(0)
same(os.waitpid(pid, 0)[1], 0)
'
check "a page that stays mapped is taken away at the end of the hours" py '
exec(open("/tmp/open.py").read())
now = int(time.time()) + 1; rules(at_hours((now - 3600, now + 10)))
def go():
    os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE)
    m = mmap.mmap(os.open(f, os.O_RDONLY), 20000, prot=mmap.PROT_READ); m[5000]; wait_until(now + 8); m[5000]; wait_until(now + 10)
    while time.time() < now + 45: m[5000]; time.sleep(0.02)		# a busy machine may be late; the module looks every minute anyway
same(child_signal(go), signal.SIGBUS)
'
check "the clock is set forward" py '
exec(open("/tmp/open.py").read())
now = int(time.time()); rules(at_hours((now - 3600, now + 3600)))
fd = handed(os.open, f, os.O_RDONLY); handed(os.pread, fd, 5, 0)
real = time.time(); mono = time.monotonic()
try:
    time.clock_settime(time.CLOCK_REALTIME, now + 4000)
    fails("EACCES", handed, os.pread, fd, 5, 0); fails("EACCES", as_user, ALICE, read, f)
finally: time.clock_settime(time.CLOCK_REALTIME, real + time.monotonic() - mono)
as_user(ALICE, read, f)
'
check "with many rules, whose answers are remembered" py '
exec(open("/tmp/open.py").read())
now = int(time.time()) + 1
others = [testvault.rule("r%d" % k, A, testvault.ALL, (1, [(1, 70000 + k)])) for k in range(100)]
rules(*others, at_hours((now - 3600, now + 10), (now + 20, now + 3600)))
def go():
    while time.time() < now + 6: read(f)
    wait_until(now + 11.5); fails("EACCES", read, f)
    while time.time() < now + 15: fails("EACCES", read, f)
    wait_until(now + 21.5); read(f)
as_user(ALICE, go)
'
check "locked and unlocked again, the hours go on" py '
exec(open("/tmp/open.py").read())
now = int(time.time()) + 1; rules(at_hours((now - 3600, now + 15))); lock(); unlock()
m = None
def go():
    os.setresgid(ALICE, ALICE, ALICE); os.setresuid(ALICE, ALICE, ALICE)
    m = mmap.mmap(os.open(f, os.O_RDONLY), 20000, prot=mmap.PROT_READ); m[5000]; wait_until(now + 15)
    while time.time() < now + 45: m[5000]; time.sleep(0.02)
same(child_signal(go), signal.SIGBUS); policy(0); again()
'
check "unmount" umount $d
done_testing
