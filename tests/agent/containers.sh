#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Containers as offices have them: podman's, of users and of root, and systemd-nspawn's, each with the vault mounted into it.
# Whoever is root in one gets what the rules give to who that is outside; a program is the file that was executed, also from a
# container's own files; and the record tells who it was, and in which container.

. "$WARD_TOP/tests/cli/cli.sh"
. "$WARD_TOP/tests/agent/agent.sh"

lower
d=/srv/d
mkdir -m 755 $d
check "a vault" sh -c "wardctl create $d --allow root --passphrase-file $pass >/root/out"
conf=/etc/ward/vaults.d/d.conf
for f in office programs; do
	mkdir $d/$f
	echo "secret $f" >$d/$f/file
done
chmod -R a+rX $d
tool=/usr/local/lib/ward-test/busybox
mkdir -p ${tool%/*}
install -m 755 /bin/busybox $tool
cat >/root/rules <<END
[rule bob]
users      = bob
paths      = /office
operations = read, list
effect     = allow, record

[rule alice with her tool]
users      = alice
programs   = $tool
operations = read, list
effect     = allow, record
END
rules() { { awk '/^\[rule/ { exit } { print }' $conf; cat /root/rules; } >/root/new && cp /root/new $conf && wardctl policy load d --passphrase-file $pass; }
check "rules, none of which is root's" rules
check "wardd" start_wardd

# since: from here on. told NAME EXPRESSION: such a record has come since
since() { from=$(($(wc -l <$log) + 1)); }
told()
{
	check "$1" wait_for "$1" python3 -c "
import json, itertools, re
some = [e for e in map(json.loads, itertools.islice(open('$log'), $from - 1, None)) if e['ward.kind'] != 'seal']
for e in some: print(json.dumps(e))
raise SystemExit(not any($2 for e in some))"
}
refused="e['ward.kind'] == 'violation' and e['error.code'] == 'EACCES'"
allowed="e['ward.kind'] == 'audit'"

# ---- a machine on which users have containers
printf 'alice:200000:65536\nbob:300000:65536\nmallory:400000:65536\n' | tee /etc/subuid >/etc/subgid
slice=/sys/fs/cgroup/user.slice
# box USER DIR: what a container is made of: one static program, of the user's own
box()
{
	mkdir -p "$2/bin" "$2/etc" "$2/dev" "$2/proc" "$2/sys" "$2/tmp" "$2/run" "$2/usr" "$2/opt" "$2/var/tmp" "$2/d" "$2/e" "$2/root"
	cp /bin/busybox "$2/bin/busybox"
	for name in sh cat id su; do
		ln -s busybox "$2/bin/$name"
	done
	touch "$2/opt/busybox" "$2/etc/hosts" "$2/etc/hostname" "$2/etc/resolv.conf"
	printf 'root:x:0:0:root:/root:/bin/sh\njoe:x:1000:1000::/:/bin/sh\nalice:x:61001:61001::/:/bin/sh\n' >"$2/etc/passwd"
	printf 'root:x:0:\njoe:x:1000:\nalice:x:61001:\n' >"$2/etc/group"
	cp /tmp/script "$2/script"
	chown -R "$1:" "$2"
}
# What is done in a container: each line that it says is "WHAT: WHAT CAME OF IT"
cat >/tmp/script <<'END'
try() { what=$1; shift; echo "$what: $("$@" 2>&1 | busybox sed 's/.*: //')"; }
try uid id -u
try office cat /d/office/file
try programs cat /d/programs/file
try tool /opt/busybox cat /d/programs/file
try joe su joe -c "cat /d/office/file"
try joe-tool su joe -c "/opt/busybox cat /d/programs/file"
try alice-tool su alice -c "/opt/busybox cat /d/programs/file"
END
for user in alice bob mallory; do
	uid=$(id -u $user)
	mkdir -p -m 700 "/run/user/$uid"
	chown $user: "/run/user/$uid"
	box $user /home/$user/box
	# Where systemd would have a user's session
	mkdir -p "$slice/user-$uid.slice/session-1.scope"
	chown -R $user: "$slice/user-$uid.slice"
done
box root /opt/box
podman="podman --cgroup-manager=cgroupfs --events-backend=none --storage-driver=vfs --log-level=error"
run="run --rm --network=none --log-driver=none -v $d:/d -v $tool:/opt/busybox:ro"
# in_cgroup NAME COMMAND...
in_cgroup()
{
	mkdir -p "/sys/fs/cgroup/$1"
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"; shift; exec "$@"' sh "$@"
}
# of USER [OPTION]...: what the script says in a container of the user's, who has logged in
of()
{
	user=$1
	shift
	uid=$(id -u "$user")
	# shellcheck disable=SC2016,SC2086
	in_cgroup "user.slice/user-$uid.slice/session-1.scope" sh -c 'echo "$1" >/proc/self/loginuid; shift; exec "$@"' sh "$uid" \
		setpriv --reuid "$user" --regid "$user" --init-groups \
		env HOME="/home/$user" USER="$user" LOGNAME="$user" XDG_RUNTIME_DIR="/run/user/$uid" sh -c 'cd; exec "$@"' sh \
		$podman $run "$@" --rootfs "/home/$user/box" /bin/sh /script >/tmp/said 2>&1 </dev/null
}
# of_root [OPTION]...: the same in one of root's, whom mallory has become by sudo
of_root()
{
	rm -f /tmp/cid
	# shellcheck disable=SC2016,SC2086
	sh -c 'echo 61003 >/proc/self/loginuid; exec "$@"' sh \
		$podman $run --cidfile /tmp/cid "$@" --rootfs /opt/box /bin/sh /script >/tmp/said 2>&1 </dev/null
}
# nspawn NAME [OPTION]...
nspawn()
{
	name=$1
	shift
	in_cgroup "machine.slice/$name" systemd-nspawn -q --register=no --keep-unit --pipe -D /opt/box \
		--bind=$d:/d --bind-ro=$tool:/opt/busybox "$@" /bin/sh /script >/tmp/said 2>&1 </dev/null
}
# may NAME [WHAT...]: who is root in there, and may do these things and nothing else
may()
{
	what=$1
	shift
	{
		echo "uid: 0"
		for one in office programs tool joe joe-tool alice-tool; do
			came="Permission denied"
			for allowed_one; do
				[ $one != "$allowed_one" ] || case $one in
				office) came="secret office" ;;
				*) came="secret programs" ;;
				esac
			done
			echo "$one: $came"
		done
	} >/tmp/wanted
	check "$what" diff /tmp/wanted /tmp/said
}
session() { echo "e['ward.cgroup'] == '/user.slice/user-$1.slice/session-1.scope' and e['user.audit.id'] == '$1'"; }

# ---- podman, by users
check_is "bob may outside what he may" "secret office" "$(as bob cat $d/office/file)"
since
of mallory
may "mallory, root in a container of her own, may nothing; nor may anybody else in it"
told "on record: mallory, in her session" "$refused and e['user.id'] == '61003' and e.get('user.name') == 'mallory' and
	e['process.name'] == 'cat' and e['process.executable'] == '/bin/busybox' and $(session 61003)"
told "and who is somebody else there: an id of hers, who logged in as mallory" "$refused and e['user.id'] == '400999' and
	'user.name' not in e and $(session 61003)"
told "her container's alice is not alice" "$refused and e['user.id'] == '461000' and e['process.executable'] == '/opt/busybox' and $(session 61003)"
since
of bob
may "bob, root in his, may what bob may outside, with whatever program" office
told "on record: bob, by which rule" "$allowed and e['rule.name'] == 'bob' and e['user.id'] == '61002' and e['file.path'] == '$d/office/file' and $(session 61002)"
told "and that he wanted more" "$refused and e['user.id'] == '61002' and e['process.executable'] == '/opt/busybox' and $(session 61002)"
told "others in it may not: they are not bob" "$refused and e['user.id'] == '300999' and $(session 61002)"
since
of alice
may "alice, root in hers, may with the tool that a rule names, bound into it, and not with a copy" tool
told "on record: alice, with it" "$allowed and e['rule.name'] == 'alice with her tool' and e.get('user.name') == 'alice' and e['process.executable'] == '/opt/busybox' and $(session 61001)"
told "without it, that the program is what is missing" "$refused and e.get('user.name') == 'alice' and e['ward.lacks'] == ['programs'] and
	e['ward.nearest_rule'] == 'alice with her tool' and e['process.executable'] == '/bin/busybox' and $(session 61001)"

# ---- podman, by root
since
of_root --privileged
may "root, privileged, may nothing; but be anybody, as by su" alice-tool
cid=$(cat /tmp/cid)
inside="e['ward.cgroup'] == '/libpod_parent/libpod-$cid' and e['user.audit.id'] == '61003'"
told "on record: root, that it is mallory, in which container" "$refused and e['user.id'] == '0' and $inside"
told "and mallory as alice" "$allowed and e.get('user.name') == 'alice' and e['rule.name'] == 'alice with her tool' and $inside"
since
of_root --uidmap 0:500000:65536
may "root in a user namespace is nobody"
cid=$(cat /tmp/cid)
told "on record: which id, that it is mallory, in which container" "$refused and e['user.id'] == '500000' and e['user.audit.id'] == '61003' and
	e['ward.cgroup'] == '/libpod_parent/libpod-$cid'"
of_root --uidmap 0:500000:65536 -v $d:/e:idmap
check "a vault is not mounted with other ids" grep -qi "invalid argument" /tmp/said

# ---- systemd-nspawn
since
nspawn box
may "root in a container of systemd-nspawn may nothing; but be anybody" alice-tool
told "on record: root, in which container" "$refused and e['user.id'] == '0' and e['ward.cgroup'] == '/machine.slice/box/payload'"
since
nspawn box2 --private-users=600000:65536 --private-users-ownership=off
may "root in a user namespace of it is nobody"
told "on record: which id, in which container" "$refused and e['user.id'] == '600000' and e['ward.cgroup'] == '/machine.slice/box2/payload'"

check "nothing is missing in the log" wait_for completeness complete
check "wardd ends" stop_wardd

# ---- a user's podman keeps the mounts that it saw, in a process of its own, as long as that runs
refused 1 "still mounted where this command does not see it: in a container" "a vault that podman still has is not said to be gone" wardctl umount d
for user in alice bob mallory; do
	kill "$(cat "/run/user/$(id -u $user)/libpod/tmp/pause.pid")"
done
check "when it ends, the vault is gone" wait_for "the last mount" sh -c "wardctl status d --json | grep -q '\"mounted\": *false'"
done_testing
