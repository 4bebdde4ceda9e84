#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Space that runs out, and who may still have some: on the lower file system and in the vault alike, small files that
# were closed are whole, who is refused is told so by ENOSPC, renames lose nothing, and ext4's reserve is for root.

. "$WARD_TOP/tests/fs/vault.sh"

space_for_all()
{
	case ${WARD_LOWER:-ext4} in
	ext4)	MKFS_OPTIONS="-m 0" ;;
	tmpfs)	MOUNT_OPTIONS="size=200m" ;;	# it would take the machine's memory
	esac
	new_vault 61001
}
check "a vault" space_for_all
for how in closed synced; do
	check "small files on a full disk: who $how one has it whole, who has not was told" py "
from sidebyside import *; from smallfiles import *
found = {}
def one(top):
    at = top + '/$how'; os.mkdir(at); fill(leave=2 << 20); got = {}
    for seed in (1, 2): got.update(attempts(at, seed, '$how' == 'synced', seed == 2))
    whole(got); drop_caches(); whole(got); found.update(got)
    assert len(kept(got)) > 20, kept(got)
    free(); whole(got)
    return refused(got)
same(both(one), ['ENOSPC'])
since = mark(); again(); whole(found); quiet(since)
for top in (plain, d): run('rm', '-r', top + '/$how')
"
done
# Each file has its size as the seed of its contents. Long names are those that need a hidden symlink.
cat >/tmp/renames.py <<'END'
from sidebyside import *; from smallfiles import *
OVER = (("a-new", "a-old"), ("b-new", "b" * 250), ("c" * 250, "c-old"), ("d" * 250, "e" * 250), ("f-new", "other/f-old"))
def make(path, size):
    touch(path, noise(size, size)); return {path: size}
def moved_on(there, old, new):
    """Renames; by what was said, the one or the other is what is there now."""
    why = attempt(os.rename, old, new)
    if why is None: there[new] = there.pop(old)
    return why
def exactly(top, there):
    whole(there); same(sorted(os.path.join(at, f) for at, _, files in os.walk(top) for f in files), sorted(there))
END
check "on a full disk: renames over files, and into a directory that would have to grow" py '
exec(open("/tmp/renames.py").read())
found = {}
def one(top):
    at = top + "/full"; os.mkdir(at); os.mkdir(at + "/other"); os.mkdir(at + "/grow"); there = {}
    for k, (old, new) in enumerate(OVER): there.update(make(at + "/" + old, 50000 + k)); there.update(make(at + "/" + new, 70000 + k))
    for k in range(40): there.update(make(at + "/g%d" % k, 100 + k))
    there.update(make(at + "/kept", 30000)); fill()
    over = [moved_on(there, at + "/" + old, at + "/" + new) for old, new in OVER]
    fill()     # What was replaced left room.
    grow = [moved_on(there, at + "/g%d" % k, at + "/grow/%03d" % k + "y" * 240) for k in range(40)]
    # An editor saves: what it writes beside the old file is refused, so it leaves that alone.
    same(attempt_one(at + "/kept~", 3 << 20, False, 65536), "ENOSPC")
    if os.path.exists(at + "/kept~"): os.unlink(at + "/kept~")
    exactly(at, there); drop_caches(); exactly(at, there)
    if top == d: same(len(hidden(lower(at + "/grow"))), grow.count(None))
    free(); exactly(at, there); found.update({at: there})
    grow = sorted({w for w in grow if w})
    # Directories of tmpfs take no space. The hidden symlinks of long names do.
    if kind == "tmpfs": same(grow, ["ENOSPC"] if top == d else []); grow = ["ENOSPC"]
    return over, grow
# The directories of btrfs are metadata, which has space of its own.
over, grow = both(one); same((over, grow), ([None] * len(OVER), [] if kind == "btrfs" else ["ENOSPC"]))
since = mark(); again(); [exactly(at, there) for at, there in found.items()]; quiet(since)
'
check "unmount" sh -c "umount $d && umount /srv/below && umount /srv/lower"

# ext4 alone has such a reserve.
if [ "${WARD_LOWER:-ext4}" = ext4 ]; then
reserve_for_root()
{
	MKFS_OPTIONS="-m 20" new_vault 61001
}
check "a vault where a fifth of the disk is root's" reserve_for_root
cat >/tmp/reserve.py <<'END'
from sidebyside import *
def left():
    """What is left for root, and for others, in bytes."""
    os.sync(); s = os.statvfs("/srv/below"); return s.f_bfree * s.f_bsize, s.f_bavail * s.f_bsize
def others_have(size):
    root, rest = left(); fd = os.open("/srv/lower/filler", os.O_CREAT | os.O_RDWR); os.posix_fallocate(fd, 0, rest - size); os.close(fd)
def wrote(f, size, piece, synced=False):
    """Where it was refused, and why."""
    at, got = "write", 0
    try:
        fd = os.open(f, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
        try:
            while got < size: got += os.write(fd, b"r" * piece)
            if synced: os.fsync(fd)
        except OSError:
            os.close(fd); raise
        os.close(fd)
        return "all"
    except OSError as e: return errno.errorcode[e.errno]
def many(at):
    for k in range(600):
        got = wrote(at + "/%d" % k, 3000, 3000)
        if got != "all": return got
    return "all"
def stored(at):
    """Through a mapping of a file with a hole"""
    fd = os.open(at + "/map", os.O_CREAT | os.O_RDWR, 0o644); os.ftruncate(fd, 4 << 20); m = mmap.mmap(fd, 4 << 20); n = child_signal(lambda: [m.__setitem__(k, 1) for k in range(0, 4 << 20, 4096)])
    m.close(); os.close(fd); return n
END
check "a user is refused where the reserve begins; root is not" py '
exec(open("/tmp/reserve.py").read())
def one(top):
    at = top + "/r"; os.mkdir(at); os.chown(at, ALICE, ALICE); out = []
    for what in (lambda: as_user(ALICE, wrote, at + "/f", 6 << 20, 65536), lambda: as_user(ALICE, wrote, at + "/f", 6 << 20, 65536, True),
                 lambda: as_user(ALICE, many, at), lambda: as_user(ALICE, stored, at),
                 lambda: as_user(ALICE, opened, at + "/f", os.O_RDWR | os.O_CREAT, fallocate, 0, 0, 6 << 20),
                 lambda: wrote(at + "/f", 6 << 20, 65536), lambda: many(at), lambda: stored(at), lambda: opened(at + "/f", os.O_RDWR | os.O_CREAT, fallocate, 0, 0, 6 << 20)):
        others_have(1 << 20); reserve = left()[0] - left()[1]
        out.append(attempt(what))
        print(top, out[-1], left()[0] - reserve, flush=True)
        for f in os.listdir(at): os.unlink(at + "/" + f)
        free()
    return out
both(one)
'
check "who fills all that is not reserved does not keep root from locking the vault, nor from opening it again" py '
exec(open("/tmp/reserve.py").read())
at = d + "/k"; os.mkdir(at); os.chown(at, ALICE, ALICE); others_have(0)
same(as_user(ALICE, wrote, at + "/f", 3000, 3000), "ENOSPC"); attempt(as_user, ALICE, touch, at + "/empty")
lock(); unlock(); same(sorted(os.listdir(at)), ["empty", "f"]); lock(); free(); unlock()
for n in "empty", "f": touch(at + "/" + n, b"again"); same(read(at + "/" + n), b"again")
'
check "unmount" umount $d
fi
done_testing
