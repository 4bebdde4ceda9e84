#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1200
#
# Samba serves a vault to members of the group: smbclient and cifs mounts, locks, oplocks, DOS attributes, NT ACLs.
# smbd works as the user who asks, but it keeps NT ACLs (vfs_acl_xattr) as root: so that share's vault lets root in. Then under
# the rules of samba.conf.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault, without root" vault
check "a second one, with" sh -c "mkdir /srv/acls && chown root:caseworkers /srv/acls && chmod 2770 /srv/acls &&
	wardctl --quiet create /srv/acls --no-recovery-key --allow @caseworkers --allow root --passphrase-file $pass"
s=/tmp/samba
mkdir -p $s/state $s/log
cat >$s/smb.conf <<END
[global]
	netbios name = ward
	interfaces = lo
	bind interfaces only = yes
	disable netbios = yes
	smb ports = 445
	passdb backend = tdbsam:$s/state/passdb.tdb
	private dir = $s/state
	lock directory = $s/state
	state directory = $s/state
	cache directory = $s/state
	pid directory = $s/state
	ncalrpc dir = $s/state/ncalrpc
	log file = $s/log/%m
	load printers = no
	disable spoolss = yes
	store dos attributes = yes
	map archive = no
	ea support = yes
	read only = no
	inherit permissions = yes
[cases]
	path = $d
[plain]
	path = $d
	oplocks = no
	level2 oplocks = no
[kernel]
	path = $d
	kernel oplocks = yes
[shared]
	path = $d
	aio read size = 0
	aio write size = 0
[acls]
	path = /srv/acls
	vfs objects = acl_xattr
END
for user in alice bob mallory; do
	printf '%s\n%s\n' secret-$user secret-$user | smbpasswd -c $s/smb.conf -s -a $user >/dev/null
	printf 'username=%s\npassword=secret-%s\n' $user $user >$s/$user
done

start_samba()
{
	smbd -D -s "$s"/smb.conf && wait_for "smbd" smb alice cases ls
}

stop_samba()
{
	kill "$(cat "$s"/state/smbd.pid)" && wait_for "the end of smbd" sh -c "! pgrep -x smbd"
}

# smb USER SHARE COMMANDS: what smbclient is told
smb()
{
	smbclient -t 600 "//127.0.0.1/$2" -s "$s"/smb.conf -A "$s/$1" -c "$3"
}

# cifs USER SHARE DIR [OPTIONS]: mounted as that user would
cifs()
{
	mkdir -p "$3"
	mount -t cifs "//127.0.0.1/$2" "$3" -o "credentials=$s/$1,uid=$1,gid=$1,forceuid,forcegid,nosharesock,actimeo=1${4:+,$4}"
}

check "smbd" start_samba
mkdir local
cd local || exit
head -c 12000000 /dev/urandom >big
cp "$WARD_TOP/README.md" letter
check "put" smb alice cases "put big; put letter; mkdir sub; put letter sub/letter"
check "get" smb alice cases "get big got; get sub/letter letter.got"
check "big: what was put is got" cmp big got
check "small: what was put is got" cmp letter letter.got
check "the server has it, too" staff cmp big $d/big
check_is "it is alice's, and the group's" "$(staff stat -c '%U %G' $d/letter)" "alice caseworkers"
check "rename" smb alice cases "rename letter sub/moved; rename sub folder"
check "it is there" staff cmp letter $d/folder/moved
check "hidden, and read-only" smb alice cases "setmode folder/moved +h+r"
check_is "as user.DOSATTRIB" "$(staff getfattr -d --absolute-names $d/folder/moved | grep -o user.DOSATTRIB)" user.DOSATTRIB
check "and told so" sh -c "smbclient -t 600 //127.0.0.1/cases -s $s/smb.conf -A $s/bob -c 'allinfo folder/moved' | grep -q 'attributes: RH'"
check "not any more" smb alice cases "setmode folder/moved -h-r"
check "bob reads and writes" smb bob cases "get folder/moved again; put letter folder/bobs; del folder/letter"
check "what he got is right" cmp letter again
check "what he deleted is gone" staff test ! -e $d/folder/letter

check "a cifs mount of alice's" cifs alice cases /mnt/alice
check "and one of bob's" cifs bob cases /mnt/bob
check "a tree is copied to it" staff cp -r "$WARD_TOP/docs" /mnt/alice/docs
check "and is the same on the server" staff diff -r "$WARD_TOP/docs" $d/docs
check "and for bob" as bob diff -r "$WARD_TOP/docs" /mnt/bob/docs
check "renames: over another, of a directory" staff sh -c "cd /mnt/alice && echo new >a && echo old >b && mv a b &&
	mv docs documents && mkdir -p x/y && mv b x/y/c && [ \$(cat x/y/c) = new ] && ! [ -e b ] && ls documents/format.md"
check "the server has them" staff sh -c "cd $d && [ \$(cat x/y/c) = new ] && ! [ -e b ] && ! [ -e docs ]"
check "writes at any place, truncation, append" staff python3 - <<'END'
import os, random
r, body = random.Random(1), bytearray()
with open('/mnt/alice/random', 'w+b', buffering=0) as f:
    for k in range(120):
        if k % 10 == 9:
            size = r.randrange(len(body) + 5000)
            f.truncate(size)
            body = (body + bytes(max(0, size - len(body))))[:size]
        else:
            at, data = r.randrange(len(body) + 9000), r.randbytes(r.randrange(1, 20000))
            os.pwrite(f.fileno(), data, at)
            body.extend(bytes(max(0, at - len(body))))
            body[at:at + len(data)] = data
    os.fsync(f.fileno())
for where in '/mnt/alice', '/srv/cases':
    with open(where + '/random', 'rb') as f:
        assert f.read() == body, where
END

# Byte ranges: between two clients, and between a client and who works on the server
cat >/tmp/lock.py <<'END'
import fcntl, os, sys, time
path, start, length, hold = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
fd = os.open(path, os.O_RDWR)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
except OSError as e:
    print('refused')
    sys.exit(0)
print('locked', flush=True)
if hold:
    open(hold[0], 'w').close()
    while os.path.exists(hold[0]):
        time.sleep(0.05)
END
chmod 777 .
staff_exec python3 /tmp/lock.py /mnt/alice/big 0 100 held >/dev/null &
check "alice's client locks bytes" wait_for "the lock" test -e held
check_is "bob's client is refused" "$(as bob python3 /tmp/lock.py /mnt/bob/big 50 10)" refused
check_is "but not of others" "$(as bob python3 /tmp/lock.py /mnt/bob/big 100 10)" locked
check_is "who works on the server is refused" "$(as bob python3 /tmp/lock.py $d/big 50 10)" refused
rm held
wait
check_is "with the lock gone, bob has it" "$(as bob python3 /tmp/lock.py /mnt/bob/big 50 10)" locked
umount /mnt/bob

# Without oplocks everything goes to the server at once; with the kernel's, who opens it there calls the client back.
check "a cifs mount without oplocks" cifs bob plain /mnt/bob
check "what bob writes, alice reads" sh -c "echo from bob >/mnt/bob/talk && [ \"\$(cat /mnt/alice/talk)\" = 'from bob' ]"
# (With an oplock, a client keeps its locks to itself.)
staff_exec python3 /tmp/lock.py $d/big 0 100 held >/dev/null &
wait_for "the lock" test -e held
check_is "locked on the server, the client is refused" "$(as bob python3 /tmp/lock.py /mnt/bob/big 50 10)" refused
rm held
wait
umount /mnt/bob
check "a cifs mount with the kernel's oplocks (leases)" cifs bob kernel /mnt/bob vers=2.0
exec 8>/mnt/bob/leased
printf 'not flushed' >&8
check_is "who opens the file on the server sees what the client had not sent" "$(staff cat $d/leased)" "not flushed"
exec 8>&-
umount /mnt/bob

# NT ACLs
check "put, where NT ACLs are kept" smb alice acls "mkdir dir; put letter dir/letter; put letter other"
# By number: who asks smbd for names waits for another daemon, and not for long
bob=$(pdbedit -s $s/smb.conf -v bob | sed -n 's/^User SID: *//p')
check "they are read" smbcacls --numeric //127.0.0.1/acls dir/letter -s $s/smb.conf -A $s/alice
check "bob may read one" smbcacls --numeric //127.0.0.1/acls dir/letter -s $s/smb.conf -A $s/alice -a "ACL:$bob:ALLOWED/0x0/READ"
check "and change the other" smbcacls --numeric //127.0.0.1/acls other -s $s/smb.conf -A $s/alice -a "ACL:$bob:ALLOWED/0x0/CHANGE"
check "security.NTACL" getfattr --absolute-names -n security.NTACL -e hex /srv/acls/dir/letter
check_fails_with any "who may read does not write" smb bob acls "put letter dir/letter"
check "but reads" smb bob acls "get dir/letter read"
check "who may change does" smb bob acls "put letter other"
check "a mount shows them" cifs alice acls /mnt/acls
check "getcifsacl" sh -c "getcifsacl -r /mnt/acls/dir/letter | grep -q $bob"
umount /mnt/acls

umount /mnt/alice
check "smbd ends" stop_samba
picture $d >/tmp/before
picture /srv/acls >/tmp/before.acls
getfattr --absolute-names -R -d -m - /srv/acls >/tmp/before.xattrs
check "the vault has files" grep -q user.DOSATTRIB /tmp/before
check "cold" cold
check "cold: the other" sh -c "wardctl umount acls && wardctl unlock acls --passphrase-file $pass"
picture $d >/tmp/after
picture /srv/acls >/tmp/after.acls
getfattr --absolute-names -R -d -m - /srv/acls >/tmp/after.xattrs
check "all is as it was" sh -c "cmp /tmp/before /tmp/after && cmp /tmp/before.acls /tmp/after.acls && cmp /tmp/before.xattrs /tmp/after.xattrs"
# The rules that are ready-made for a share: nobody works otherwise for them.
exchange='s/@staff/@caseworkers/'
check "samba.conf, without NT ACLs" example samba cases "$exchange; /^.rule NT ACLs/,/^effect/d"
check "and with" example samba acls "$exchange"
before=$(refusals)
check "smbd" start_samba
check "big: what was put is got" sh -c "rm -f got && smbclient -t 600 //127.0.0.1/cases -s $s/smb.conf -A $s/bob -c 'get big got' && cmp big got"
check_fails_with any "who may read does not write" smb bob acls "put letter dir/letter"
check "NT ACLs are changed" smbcacls --numeric //127.0.0.1/acls dir/letter -s $s/smb.conf -A $s/alice -a "ACL:$bob:ALLOWED/0x0/CHANGE"
check "attributes, and renaming over another" smb alice cases \
	"put letter new; put letter old; setmode new +h; rename new newer; rename old newer -f; ls"
check "a cifs mount of alice's" cifs alice cases /mnt/alice
check "programs work there" staff sh -c "cd /mnt/alice && mkdir deep && cp -r $WARD_TOP/docs/man deep/a && mv deep/a deep/b && echo new >>deep/b/new &&
	touch -d 2026-01-01 deep/b/new && find deep -type f | xargs cat >/dev/null && rm -r deep && ! ls deep 2>/dev/null"
umount /mnt/alice
check "delete" smb alice cases "deltree documents; del big"
check_fails_with any "it is gone" smb alice cases "ls documents"
check_is "nobody was refused, and that smbd looks as root is not told" "$(refusals)" "$before"
# Before, smbd looked at the share's directory as root, at each connection, which no rule lets in. That is told, and does no harm.
check "intact" intact '"action": "lookup".*"uid": 0,.*"exe": "/usr/sbin/smbd".*"path": "/",'
check "the other, too" wardctl check acls
# What comes now is told.
check_errno EACCES "alice's shell is refused what her client may" staff cat $d/newer
check_errno EACCES "and root's" cat $d/newer
check "which she still may" smb alice cases "get newer"
check_fails_with any "a stranger sees nothing" smb mallory cases ls
check_fails_with any "and puts nothing" smb mallory cases "put letter"
check "and is told of, as smbd's user" sh -c "$WARD_TOP/tests/fs/testvault.py events 0 | grep '\"violation\"' | grep -q '\"euid\": 61003.*/usr/sbin/smbd'"
# The log names whom smbd works for; the real user may be root, or the same (of its threads for one file each).
. "$WARD_TOP/tests/agent/agent.sh"
check "wardd records it" start_wardd
check "with whom smbd worked for" has "e['ward.kind'] == 'violation' and e['process.executable'] == '/usr/sbin/smbd' and
	e['user.effective.name'] == 'mallory' and e['user.effective.group.id'] == '61003' and e['group.id'] == '0'"
check "and that alice is let in by smbd only" has "e['ward.kind'] == 'violation' and e['user.name'] == 'alice' and e['process.name'] == 'cat' and
	e['ward.nearest_rule'] == 'share' and e['ward.lacks'] == ['programs']"
check "the sentence names the client" sh -c "wardctl log --kind violation | grep -q 'mallory .*with smbd.* may not'"
check "who is found by his name" sh -c "wardctl log --user mallory --json | grep -q /usr/sbin/smbd"
check "and by his number" sh -c "wardctl log --user 61003 --json | grep -q /usr/sbin/smbd"

# Limits: what alice has used up is hers alone, also where both come by one connection, and so to one smbd (which must not read
# and write in threads then: they act as who was served when they began).
check "little at a time" example samba cases "$exchange; s/^.rule share/&s/; s/^burst.*/burst = 1 MB \/ 1 h, 5 changes \/ 1 h/"
shared()
{
	mkdir -p "/mnt/$1" && mount -t cifs //127.0.0.1/shared "/mnt/$1" -o "credentials=$s/$1,uid=$1,gid=$1,forceuid,forcegid,cache=none"
}
check "mounted by alice's client" shared alice
check "and by bob's" shared bob
check_is "one connection" "$(ss -Htn state established 'dport = 445' | wc -l)" 1
cat >/tmp/limits.py <<'END'
import os, sys
where, files, again = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for n in range(files):
    try:
        fd = os.open(f'{where}/{os.path.basename(where)}-{n}', os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, bytes(100000), 0)
        os.fsync(fd)
        for _ in range(again):
            assert os.pread(fd, 100000, 0) == bytes(100000)
        os.close(fd)
    except OSError as e:
        print(n, e.strerror)
        raise SystemExit(1)
END
staff_exec python3 /tmp/limits.py /mnt/alice 3 6 >/tmp/alice.said &
alice=$!
check "bob works" as bob python3 /tmp/limits.py /mnt/bob 3 3
wait $alice
check_is "and alice has read too much meanwhile" "$(cat /tmp/alice.said)" "1 Permission denied"
check_is "and later written" "$(staff python3 /tmp/limits.py /mnt/alice 20 0)" "5 Permission denied"
check "bob not" as bob python3 /tmp/limits.py /mnt/bob 5 0
umount /mnt/alice /mnt/bob
check "on record: alice, smbd, the limit" wait_for "it" has "e['ward.kind'] == 'violation' and e['event.reason'] == 'burst' and e['user.effective.name'] == 'alice' and
	e['rule.name'] == 'shares' and e['process.executable'] == '/usr/sbin/smbd' and '/alice-' in e['file.path']"
check_is "and nobody and nothing else" "$(records "e['ward.kind'] == 'violation' and e['event.reason'] == 'burst' and
	(e['user.effective.name'] != 'alice' or '/alice-' not in e['file.path'])")" 0
check "wardd ends" stop_wardd
check "smbd ends" stop_samba
done_testing
