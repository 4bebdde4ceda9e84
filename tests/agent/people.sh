#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Who it really is: people who log in, and go on with su and sudo; cron's jobs; containers. Rules tell them apart by what
# the kernel knows, whatever they call themselves, and the record says it.

. "$WARD_TOP/tests/cli/cli.sh"
. "$WARD_TOP/tests/agent/agent.sh"

lower
d=/srv/d
mkdir $d
chown root:root $d
chmod 755 $d
check "a vault" sh -c "wardctl create $d --allow root --passphrase-file $pass >/root/out"
conf=/etc/ward/vaults.d/d.conf
cp $conf /root/first.conf
rules() { { awk '/^\[rule/ { exit } { print }' /root/first.conf; cat; } >$conf; wardctl policy load d --passphrase-file $pass; }
for f in office logins jobs programs; do
	mkdir $d/$f
	echo "secret $f" >$d/$f/file
done
chmod -R a+rX $d

# People as they are made: with passwords, and with sudo
echo "127.0.0.1 $(hostname)" >>/etc/hosts
for user in alice bob mallory; do
	echo "$user:$(python3 -W ignore -c "import crypt; print(crypt.crypt('secret-$user'))"):19000:0:99999:7:::" >>/etc/shadow
	echo "$user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/ward-$user
	chmod 440 /etc/sudoers.d/ward-$user
done
prog=/usr/local/lib/ward-test
mkdir -p $prog
cp /bin/busybox $prog/busybox
chmod 755 $prog $prog/busybox
# Before the rules: their hours are known from then on.
date -s "2026-12-01 02:59:00 UTC" >/dev/null
check "rules" rules <<END
[rule root when alice logged in]
users      = root
logins     = alice
paths      = /logins
operations = read, list
effect     = allow, record

[rule bob]
users      = bob
paths      = /office
operations = read, list
effect     = allow, record

[rule job at night]
users      = alice
programs   = /usr/bin/tar
hours      = 02:00-04:00
timezone   = UTC
effect     = allow, record

[rule one program]
users      = alice
programs   = $prog/busybox
operations = read, list
effect     = allow

[rule root]
users      = root
paths      = /office
effect     = allow
END
check "wardd" start_wardd

# since: from here on. told NAME EXPRESSION: such a record has come since
since() { from=$(($(wc -l <$log) + 1)); }
told()
{
	check "$1" wait_for "$1" python3 -c "
import json, itertools
some = [json.loads(l) for l in itertools.islice(open('$log'), $from - 1, None)]
for e in some: print(json.dumps(e))
raise SystemExit(not any($2 for e in some if e['ward.kind'] != 'seal'))"
}
# login_as USER COMMAND: what COMMAND says when USER has logged in at a terminal, by login(1) and PAM
login_as()
{
	rm -f /tmp/said
	printf '( %s ) >/tmp/said 2>&1; exit\n' "$2" | script -qec "login -f $1" /tmp/typescript >/dev/null 2>&1
	cat /tmp/said || cat /tmp/typescript
}
denied='Permission denied'

# ---- su and sudo
check_is "who logs in has a login uid" 61001 "$(login_as alice 'cat /proc/self/loginuid')"
check_is "sudo keeps it" "0 61001" "$(login_as alice 'sudo sh -c "echo \$(id -u) \$(cat /proc/self/loginuid)"')"
since
check_is "alice, as root by sudo, may what a rule gives to her login" "secret logins" "$(login_as alice 'sudo cat /srv/d/logins/file')"
told "on record: root, and that it is alice" "e['ward.kind'] == 'audit' and e['rule.name'] == 'root when alice logged in' and
	e['user.id'] == '0' and e['user.effective.id'] == '0' and e['user.audit.id'] == '61001' and e['process.name'] == 'cat' and 'process.session' in e"
check_is "by su to root, too" "secret logins" "$(login_as alice 'sudo su -c "cat /srv/d/logins/file"')"
since
check_errno EACCES "root itself may not" cat $d/logins/file
told "on record: nobody logged in, and that it is what is missing" "e['ward.kind'] == 'violation' and e['user.id'] == '0' and 'user.audit.id' not in e and
	e.get('ward.nearest_rule') == 'root when alice logged in' and e['ward.lacks'] == ['logins']"
since
check_is "nor mallory as root by sudo" "cat: /srv/d/logins/file: $denied" "$(login_as mallory 'sudo cat /srv/d/logins/file')"
told "on record: root, who is mallory" "e['ward.kind'] == 'violation' and e['user.name'] == 'root' and e['user.audit.id'] == '61003' and e['ward.lacks'] == ['logins']"
check_is "alice herself may not: the rule names root" "cat: /srv/d/logins/file: $denied" "$(login_as alice 'cat /srv/d/logins/file')"
since
check_is "alice becomes bob by su, with his password, and may what he may" "secret office" \
	"$(login_as alice 'echo secret-bob | su bob -c "cat /srv/d/office/file" 2>/dev/null')"
told "on record: bob, who is alice" "e['ward.kind'] == 'audit' and e['user.name'] == 'bob' and e['user.audit.id'] == '61001'"
since
check_is "mallory becomes alice by sudo, and may no more" "cat: /srv/d/office/file: $denied" "$(login_as mallory 'sudo -u alice cat /srv/d/office/file')"
told "on record: alice, who is mallory" "e['ward.kind'] == 'violation' and e['user.name'] == 'alice' and e['user.audit.id'] == '61003'"
check "wardctl log says so" sh -c "wardctl --no-color log | grep -q 'alice (logged in as user 61003) with cat may not'"
diag "$(wardctl --no-color log | grep 'logged in as' | tail -n 3)"

# ---- cron
printf 'MAILTO=""\n* * * * * alice tar -cf /tmp/job.tar -C /srv/d/jobs file >/tmp/job.said 2>&1; echo $? >/tmp/job.done\n* * * * * bob cat /srv/d/office/file >/tmp/bob.said 2>&1\n' >/etc/cron.d/ward-test
chmod 644 /etc/cron.d/ward-test
unit=/sys/fs/cgroup/system.slice/cron.service
mkdir -p $unit
# cron_at TIME FILE...: cron, in the cgroup that systemd has for it, until the jobs of the minute after TIME have made the files
cron_at()
{
	rm -f /tmp/job.* /tmp/bob.said
	date -s "$1" >/dev/null
	shift
	sh -c "echo \$\$ >$unit/cgroup.procs; exec cron -f" &
	cron=$!
	for made; do
		wait_for "the job" test -s "$made"
	done
	kill $cron
	wait $cron 2>/dev/null
}
since
cron_at "2026-12-01 02:59:53 UTC" /tmp/job.done /tmp/bob.said
check_is "at three in the night cron's job may" 0 "$(cat /tmp/job.done)"
check_is "it packed the file" "secret jobs" "$(tar -xOf /tmp/job.tar file)"
told "on record: alice's, by which rule, in cron's cgroup" "e['ward.kind'] == 'audit' and e['rule.name'] == 'job at night' and e['user.name'] == 'alice' and
	e['user.audit.id'] == '61001' and e['process.name'] == 'tar' and e['ward.cgroup'] == '/system.slice/cron.service'"
check_is "bob's job may, too" "secret office" "$(cat /tmp/bob.said)"
told "on record" "e['ward.kind'] == 'audit' and e['user.name'] == 'bob' and e['ward.cgroup'] == '/system.slice/cron.service'"
since
cron_at "2026-12-01 11:59:53 UTC" /tmp/job.done /tmp/bob.said
check_is "at noon it may not" 2 "$(cat /tmp/job.done)"
told "on record: the hours" "e['ward.kind'] == 'violation' and e['event.reason'] == 'hours' and e['user.name'] == 'alice' and
	e['ward.nearest_rule'] == 'job at night' and e['ward.lacks'] == ['hours'] and e['ward.cgroup'] == '/system.slice/cron.service'"
diag "$(wardctl --no-color log --kind violation --reason hours | tail -n 1)"

# ---- what goes through all disks each night: refused, counted, and no news
counted() { wardctl --json status d | python3 -c 'import json, sys; print(json.load(sys.stdin)["vaults"][0]["violations"])'; }
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
since
check_errno EACCES "find as nobody is refused" nobody find $d
told "and on record" "e['ward.kind'] == 'violation' and e['user.name'] == 'nobody' and e['process.name'] == 'find'"
check "updatedb as root, who may there" updatedb.plocate -l no -U $d/office -o /tmp/locate.db
check "has names in its index" plocate -d /tmp/locate.db office/file
sed -n '/^\[rule/,$p' $conf >/root/rules.conf
check "quiet.conf goes before the rules" sh -c "cat $WARD_TOP/packaging/examples/quiet.conf /root/rules.conf >/root/quiet.conf"
check "it is loaded" rules </root/quiet.conf
cat >/etc/cron.d/ward-test <<END
MAILTO=""
* * * * * nobody find $d >/tmp/find.said 2>&1; echo \$? >/tmp/job.done
* * * * * root /usr/sbin/updatedb.plocate -l no -U $d/office -o /tmp/locate.db >/tmp/updatedb.said 2>&1; du $d/office >/tmp/du.said 2>&1; echo \$? >/tmp/updatedb.done
END
counted=$(counted)
since
rm -f /tmp/locate.db
cron_at "2026-12-01 13:59:53 UTC" /tmp/job.done
check "cron's updatedb runs" wait_for "updatedb" test -s /tmp/updatedb.done
check "cron's find is refused" grep -q "$denied" /tmp/find.said
check "and updatedb" grep -q "$denied" /tmp/updatedb.said
check "which has no names" sh -c "! plocate -d /tmp/locate.db file"
check "and du" grep -q "$denied" /tmp/du.said
check_errno EACCES "what else nobody does" nobody cat $d/office/file
told "is on record" "e['ward.kind'] == 'violation' and e['user.name'] == 'nobody' and e['process.name'] == 'cat'"
check_is "and no more than that" "$(tail -n +$from $log | grep -c '"violation"')" 1
check "but counted" test "$(counted)" -ge $((counted + 3))

# ---- programs: what they are called, and where they lie, does not count
f=$d/programs/file
check_is "alice's program may" "secret programs" "$(as alice $prog/busybox cat $f 2>&1)"
check_errno EACCES "the same program of mallory's may not" as mallory $prog/busybox cat $f
install -m 755 $prog/busybox /tmp/busybox-copy
check_errno EACCES "a copy may not" as alice /tmp/busybox-copy cat $f
mkdir -p /tmp/jail$prog /tmp/jail$d /tmp/jail/proc
cp $prog/busybox /tmp/jail$prog/busybox
mount --bind $d /tmp/jail$d
since
check_errno EACCES "nor a copy at the same place in a chroot" chroot --userspec=61001:61001 --groups=61001 /tmp/jail $prog/busybox cat $f
told "on record, with another file than the path says" "e['ward.kind'] == 'violation' and e['process.executable'].endswith('$prog/busybox') and e['user.name'] == 'alice'
	and e['ward.lacks'] == ['programs']"
touch /tmp/jail/busybox
mount --bind $prog/busybox /tmp/jail/busybox
check_is "the program itself, bound into the chroot, is the program" "secret programs" "$(chroot --userspec=61001:61001 --groups=61001 /tmp/jail /busybox cat $f 2>&1)"
check_errno EACCES "also there it is nobody else's" chroot --userspec=61003:61003 --groups=61003 /tmp/jail /busybox cat $f
since
check "prctl: alice calls Python what she likes" as alice python3 -c "
import ctypes
ctypes.CDLL(None).prctl(15, b'busybox')
try: open('$f').read()
except PermissionError: raise SystemExit(0)
raise SystemExit(1)"
told "on record: the name, and the program" "e['ward.kind'] == 'violation' and e['process.name'] == 'busybox' and 'python' in e['process.executable']"

# ---- user namespaces and containers
maps=$(as mallory unshare -Ur id -u)
check_is "mallory is root in a namespace of her own" 0 "$maps"
since
check_errno EACCES "and may nothing" as mallory unshare -Urm cat $d/office/file
told "on record: mallory" "e['ward.kind'] == 'violation' and e['user.id'] == '61003' and e['user.name'] == 'mallory' and e['user.effective.id'] == '61003'"
check_errno EACCES "nor with the program that alice may use" as mallory unshare -Urm $prog/busybox cat $f
cat >/tmp/over.sh <<END
mount --bind /tmp/busybox-copy $prog/busybox && exec $prog/busybox cat $f
END
since
check_errno EACCES "alice binds another program over it in her namespace" as alice unshare -Urm sh /tmp/over.sh
told "on record, as it seemed to lie there" "e['ward.kind'] == 'violation' and e['process.executable'] == '$prog/busybox' and e['user.name'] == 'alice' and e['ward.lacks'] == ['programs']"
check_is "the program itself may also in her namespace" "secret programs" "$(as alice unshare -Urm $prog/busybox cat $f 2>&1)"
# container USER UID COMMAND...: what COMMAND says in a container of USER's, who is UID there
container()
{
	user=$1
	uid=$2
	shift 2
	# shellcheck disable=SC2016
	as "$user" bwrap --bind / / --dev /dev --proc /proc --unshare-all --uid "$uid" --gid "$uid" sh -c 'id -u; exec "$@"' sh "$@" >/tmp/said 2>&1
}
since
container mallory 61001 $prog/busybox cat $f
check_is "a container in which mallory is alice" 61001 "$(head -n 1 /tmp/said)"
check "may nothing" grep -q "$denied" /tmp/said
told "on record: mallory" "e['ward.kind'] == 'violation' and e['user.id'] == '61003' and e['user.name'] == 'mallory'"
container mallory 0 cat $d/office/file
check_is "one in which she is root" 0 "$(head -n 1 /tmp/said)"
check "neither" grep -q "$denied" /tmp/said
container alice 0 $prog/busybox cat $f
check_is "alice's own is alice, whom it calls root" "0 secret programs" "$(tr '\n' ' ' </tmp/said | sed 's/ $//')"

# ---- a descriptor that somebody else opened
since
check "root passes a descriptor to mallory: she can neither read nor map it" python3 - <<END
import mmap, os, socket
a, b = socket.socketpair()
fd = os.open('$d/office/file', os.O_RDONLY)
assert os.pread(fd, 6, 0) == b'secret'
pid = os.fork()
if not pid:
    code = 1
    try:
        os.setgroups([]); os.setresgid(61003, 61003, 61003); os.setresuid(61003, 61003, 61003)
        got = socket.recv_fds(b, 1, 1)[1][0]
        for fn in (lambda: os.pread(got, 6, 0), lambda: mmap.mmap(got, 0, prot=mmap.PROT_READ), lambda: os.sendfile(b.fileno(), got, 0, 6),
                   lambda: open('/proc/self/fd/%d' % got)):
            try: fn()
            except PermissionError: continue
            os._exit(2)
        code = 0
    finally:
        os._exit(code)
socket.send_fds(a, [b'x'], [fd])
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
told "on record: mallory" "e['ward.kind'] == 'violation' and e['event.action'] == 'read' and e['user.name'] == 'mallory' and e['file.path'] == '$d/office/file'"

umount /tmp/jail/busybox /tmp/jail$d
check "nothing is missing in the log" wait_for completeness complete
check "wardd ends" stop_wardd
check "unmount" wardctl umount d
done_testing
