#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# A disk that takes its time over writing. Blocks that are replaced are on their way to it past the lower page cache;
# who reads the ciphertext meanwhile, as a backup does, has old ones there. They must not come back.

. "$WARD_TOP/tests/vm/lib.sh"

case ${WARD_LOWER:-ext4} in
ext4|xfs) ;;
*)	skip_all "only ext4 and XFS are written to like that" ;;
esac
disk=$WARD_DISK1
WARD_DISK1=/dev/mapper/slow
. "$WARD_TOP/tests/fs/vault.sh"
cleanup 'umount $d /srv/below /srv/lower 2>/dev/null; dmsetup --noudevsync remove --force slow 2>/dev/null; rm -f $WARD_DISK1'

slow_disk()
{
	modprobe dm-delay &&
	dmsetup --noudevsync create slow --table "0 $(blockdev --getsz "$disk") delay $disk 0 0 $disk 0 40" || return
	# There is no udev to do it.
	[ -e $WARD_DISK1 ] || ln -s "/dev/$(dmsetup info -c --noheadings -o blkdevname slow)" $WARD_DISK1
}
check "a disk that takes 40 ms to write" slow_disk
check "a vault" new_vault
check "old ciphertext that others have read does not come back over what replaced it" py '
import random
f = d + "/f"; pages = 512; r = random.Random(1); want = bytearray(os.urandom(pages * 4096))
def same(n):
    with open("/proc/sys/vm/drop_caches", "w") as c: c.write("3")
    got = read(f); assert got == bytes(want), (n, [p for p in range(pages) if got[p * 4096:p * 4096 + 4096] != want[p * 4096:p * 4096 + 4096]])
touch(f, bytes(want)); fd = os.open(f, os.O_RDWR); os.fsync(fd)
low = max((os.path.join(at, n) for at, _, names in os.walk("/srv/below/v/.ward/tree") for n in names), key=lambda p: os.lstat(p).st_size)
pid = os.fork()
if not pid:
    r.seed(2)
    while True:
        with open(low, "rb", buffering=0) as g:
            os.posix_fadvise(g.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for _ in range(3):
                time.sleep(r.random() * 0.03); at = r.randrange(pages) * 4096; os.posix_fadvise(g.fileno(), at, 262144, os.POSIX_FADV_WILLNEED); g.seek(at)
                for _ in range(r.randrange(16)): g.read(65536)
try:
    for n in range(24):
        for p in r.sample(range(pages), 30): b = os.urandom(4096); os.pwrite(fd, b, p * 4096); want[p * 4096:p * 4096 + 4096] = b
        os.fsync(fd)
        if n % 4 == 3: same(n)
finally:
    os.kill(pid, 9); os.waitpid(pid, 0)
os.close(fd); same("in the end")
'
check "unmount" umount $d
done_testing
