#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Three implementations of one format: what mkvault (tests/unit) writes, the module reads; what the module writes,
# ward-recover reads, unmounted, locked, in use, damaged, and without privileges.
# timeout: 900

. "$WARD_TOP/tests/fs/vault.sh"
mkvault=$WARD_TOP/build/unit/mkvault
[ -x "$mkvault" ] || { echo "Bail out! there is no $mkvault: make tests"; exit 1; }

echo ward-test-passphrase >/tmp/pass
chmod 644 /tmp/pass
mkfs.ext4 -q -F "$WARD_DISK2"		# the root here is a tmpfs, which has no user xattrs
mkdir -p /srv/plain
mount "$WARD_DISK2" /srv/plain
mklower /srv/lower || exit 1
mkdir -p /srv/below
mount --bind /srv/lower /srv/below

# Python with the vault's keys as mkvault draws them (tests/unit/writer.c), and the comparison of trees
unit()
{
	WARD_UNIT=$WARD_TOP/build/unit PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$WARD_TOP/tests/fs:$WARD_TOP/tests/unit \
	python3 -c "import hashlib, os, struct, sys, testvault
from vaults import same_trees
$1" "$2" "$3"
}

# unlock SUITE: gives the module the master key of mkvault's vault
unlock()
{
	unit '
suite = int(sys.argv[1])
testvault.KEY = hashlib.sha256(bytes([0xd0 + suite]) * 16 + bytes(8)).digest()
testvault.unlock(testvault.Netlink(), testvault.uuid_of(testvault.os.path.realpath("/srv/lower/v")))' "$1"
}

same()
{
	unit 'same_trees(sys.argv[1], sys.argv[2])' "$1" "$2"
}

recover()
{
	rm -rf "$2"
	ward-recover --passphrase-file /tmp/pass "$1" "$2" 2>/tmp/recover
}

# ---- what mkvault writes, the module reads ---------------------------------------------------------------------

cat >/tmp/work.py <<'END'
import os, subprocess, sys
os.chdir(sys.argv[1])
with open('sizes/3552 bytes', 'ab') as f:
    f.write(b'more')
os.truncate('sizes/300000 bytes', 5000)
os.unlink('sizes/1 bytes')
with open('sparse/holes between', 'r+b') as f:
    f.seek(4000000)
    f.write(b'x')
os.rename('names/x', 'links/other/y')
os.link('sizes/2 bytes', 'names/linked')
os.setxattr('xattrs/file', b'user.new', b'value')
subprocess.run(['setfacl', '-m', 'u:61001:r', 'links/other/y'], check=True)
for path in ('sizes/3552 bytes', 'sizes/300000 bytes', 'sparse/holes between', 'links/other', 'names', 'sizes'):
    os.utime(path, ns=(1, 1700000000123456789))
END

for suite in 1 2; do
	options=
	[ $suite = 1 ] || options="--chacha --unclean"
	rm -rf $d /srv/plain/v
	# shellcheck disable=SC2086
	check "mkvault $options" "$mkvault" $options --plain /srv/plain/v $d
	check "mount" mount -i -t wardfs $d $d
	check "unlock" unlock $suite
	check "the module reads all of it" same /srv/plain/v $d
	check_is "and the top" "$(stat -c '%a %u %g %Y' $d)" "$(stat -c '%a %u %g %Y' /srv/plain/v)"
	check "some work in it" sh -c "python3 /tmp/work.py $d && python3 /tmp/work.py /srv/plain/v"
	check "unmount" umount $d
	check "ward-recover reads what the module made of it" recover $d /srv/plain/out
	check "all of it" same /srv/plain/v /srv/plain/out
done

# ---- what the module writes, ward-recover reads ----------------------------------------------------------------

rm -rf $d /srv/plain/v /srv/plain/out
"$mkvault" --empty $d
mount -i -t wardfs $d $d
unlock 1
mkdir /srv/plain/v
cat >/tmp/make.py <<'END'
import os, random, sqlite3, stat, sys
top = sys.argv[1]
rng = random.Random(5)
os.chdir(top)
os.system('cp -a /usr/share/doc/apt /etc/init.d .')
for n in [0, 1, 511, 512, 3551, 3552, 3553, 4096, 7616, 7617, 65536, 1 << 20, 3000001]:
    with open('f%d' % n, 'wb') as f:
        f.write(rng.randbytes(n))
for n in (16, 143, 160, 161, 176, 255):
    os.mkdir('D' * n)
    with open('D' * n + '/' + 'n' * n, 'wb') as f:
        f.write(b'long')
    os.symlink('t' * n, 'L' * n)
os.symlink('s' * (700 if os.environ['WARD_LOWER'] == 'xfs' else 3024), 'longest')
with open('sparse', 'wb') as f:
    for at in (0, 3 << 20, 7 << 20):
        f.seek(at); f.write(rng.randbytes(5000))
    f.truncate(9 << 20)
os.truncate(os.open('hole', os.O_CREAT | os.O_RDWR), 5 << 20)
os.link('f4096', 'apt/f4096 too')
os.mkfifo('pipe')
for n, size in ((b'a', 0), (b'some.name', 10), (b'x' * 160, 1000)):
    os.setxattr('f1', b'user.' + n, rng.randbytes(size))
    os.setxattr('apt', b'user.' + n, rng.randbytes(size))
os.system('setfacl -m u:61001:rwx f511 apt; setfacl -d -m g:61010:rx apt')
db = sqlite3.connect('db')
db.execute('create table t(a, b)')
for i in range(200):
    db.execute('insert into t values(?, ?)', (i, rng.randbytes(200)))
db.commit()
db.execute('delete from t where a % 3')
db.commit()
db.close()
with open('rewritten', 'wb') as f:
    f.write(bytes(100000))
with open('rewritten', 'r+b') as f:
    for _ in range(200):
        f.seek(rng.randrange(100000)); f.write(rng.randbytes(rng.randrange(1, 9000)))
    f.truncate(77777)
os.chown('f512', 61001, 61010); os.chown('apt', 61002, 61010)
os.chmod('f512', 0o640); os.chmod('apt', 0o2770)
for where, dirs, files in os.walk('.', topdown=False):
    for n in dirs + files:
        p = os.path.join(where, n)
        if not os.path.islink(p):
            os.utime(p, ns=(10 ** 18 + len(p), 10 ** 18 + 10 ** 9 * len(p) + 123456789))
END
check "the same work in a vault and beside it" sh -c "python3 /tmp/make.py $d && python3 /tmp/make.py /srv/plain/v"
check "both trees are the same" same /srv/plain/v $d
sync
check "in use: read as after a crash" recover /srv/below/v /srv/plain/out
check_is "nothing deviates" "" "$(ward-recover --quiet --verify-only --passphrase-file /tmp/pass /srv/below/v 2>&1)"
check "all of it, in use" same /srv/plain/v /srv/plain/out
ino=$(stat -c %i $d/f1048576)
check "lock" "$tv" lock $d
check "ward-recover needs no unlocking" recover /srv/below/v /srv/plain/out
check "all of it, locked" same /srv/plain/v /srv/plain/out
umount $d
check "unmounted" recover $d /srv/plain/out
check "all of it, unmounted" same /srv/plain/v /srv/plain/out
check_is "it ended cleanly" "ended cleanly" \
	"$(ward-recover --verify-only --passphrase-file /tmp/pass $d | grep -o 'ended cleanly')"

# ---- a backup, without privileges --------------------------------------------------------------------------------

cp -a $d /srv/plain/backup
chown -R 61001:61010 /srv/plain/backup
mkdir /srv/plain/alice
chown 61001 /srv/plain/alice
check "alice reads a backup of it" as alice ward-recover --passphrase-file /tmp/pass /srv/plain/backup /srv/plain/alice/out
check "the same contents" diff -r --no-dereference --exclude pipe /srv/plain/v /srv/plain/alice/out
echo wrong >/tmp/wrong
check_fails_with 4 "a wrong passphrase" ward-recover --passphrase-file /tmp/wrong $d /srv/plain/none
check_fails_with 1 "and nothing was made" test -e /srv/plain/none

# ---- no room -------------------------------------------------------------------------------------------------------

mkdir /srv/small
mount -t tmpfs -o size=1m tmpfs /srv/small
check_fails_with 1 "a full disk" ward-recover --passphrase-file /tmp/pass $d /srv/small/out
check "is told of" sh -c "ward-recover --passphrase-file /tmp/pass $d /srv/small/out2 2>&1 | grep 'No space left'"

# ---- a flipped byte: the module and ward-recover say the same ----------------------------------------------------

low=$(find $d/.ward/tree -maxdepth 1 -inum "$ino")
python3 - "$low" <<'END'
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(5 * 4096 + 100)
    b = f.read(1)
    f.seek(5 * 4096 + 100)
    f.write(bytes([b[0] ^ 1]))
END
mount -i -t wardfs $d $d
unlock 1
check_errno EIO "the module refuses the block" dd if=$d/f1048576 of=/tmp/block bs=4064 skip=5 count=1 status=none
umount $d
rm -rf /srv/plain/out
check_fails_with 7 "ward-recover finds it" recover $d /srv/plain/out
check "and names this block" grep "f1048576: block 5 (bytes 19808 to 23871)" /tmp/recover
check "all else is there" python3 -c "
a, b = (open(p + '/f1048576', 'rb').read() for p in ('/srv/plain/v', '/srv/plain/out'))
assert b == a[:19808] + bytes(4064) + a[23872:]"
done_testing
