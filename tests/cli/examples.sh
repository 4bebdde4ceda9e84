#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The examples in packaging/examples: without mistakes, in a vault's file, and with what they say that they allow and refuse;
# and policy learn and replay on a real log.

. "$WARD_TOP/tests/cli/cli.sh"
. "$WARD_TOP/tests/agent/agent.sh"
. "$WARD_TOP/tests/fs/vault.sh"

examples=$WARD_TOP/packaging/examples
for person in berta:61021 dora:61022 postgres:61023 nobody:65534; do
	id=${person#*:}
	grep -q "^${person%:*}:" /etc/passwd || echo "${person%:*}:x:$id:$id::/:/bin/sh" >>/etc/passwd
done
sed -i '/^staff:/d' /etc/group
echo "staff:x:50:alice" >>/etc/group

lower
mkdir /srv/d
chown alice:caseworkers /srv/d
check "a vault" sh -c "wardctl create /srv/d --allow alice --passphrase-file $pass >/root/out"
conf=/etc/ward/vaults.d/d.conf
head=$(awk '/^\[rule/ { exit } { print }' $conf)

# What an example names and is not installed here becomes a file that is
for program in $(sed -n 's/^programs *=//p; s/^  *\(\/.*\)/\1/p' "$examples"/*.conf | tr -d ',' | tr ' ' '\n' | sort -u); do
	case $program in
	/*) [ -e "$program" ] || { mkdir -p "${program%/*}"; cp /bin/true "$program"; echo "$program" >>/root/made; } ;;
	esac
done
for example in office samba database backup quiet; do
	refused 0 "nothing wrong with" "$example: check" wardctl policy check "$examples/$example.conf"
	# What only denies goes before others.
	check_is "$example: no warnings" "" "$(wardctl policy check "$examples/$example.conf" 2>&1 >/dev/null |
		if [ $example = quiet ]; then grep -v 'no rule allows anything'; else cat; fi)"
	{ echo "$head"; sed '/^#/d' "$examples/$example.conf"; } >$conf
	check "$example: load" wardctl policy load d --passphrase-file $pass
done
check_is "all of them are tested" "backup.conf database.conf office.conf quiet.conf samba.conf " "$(cd "$examples" && ls | tr '\n' ' ')"

# may|mayn't FILE AT USER LOGIN PROGRAM OP PATH
ask() { TZ=Europe/Berlin wardctl --json policy explain d --file "$examples/$1.conf" --at "$2" --user "$3" ${4:+--login $4} --program "$5" --op "$6" "$7" |
	python3 -c 'import json, sys; a = json.load(sys.stdin)["answers"][0]; print(a["allowed"], a["recorded"], a.get("rule"))'; }
says() { want=$1; shift; check_is "$*" "$want" "$(ask "$@")"; }
day="2026-12-01 10:00" night="2026-12-01 03:00"
says "True False letters" office "$day" alice "" /usr/lib/libreoffice/program/soffice.bin write /casefiles/x
says "False True None" office "$day" alice "" /bin/tac read /casefiles/x
says "False True None" office "$night" alice "" /usr/lib/libreoffice/program/soffice.bin read /casefiles/x
says "True False exchange" office "$night" bob "" /bin/tac create /exchange/x
says "True True head of office" office "$night" berta "" /bin/tac read /casefiles/x
says "False True None" office "$day" berta "" /bin/tac write /casefiles/x
says "False True None" office "$day" root "" /bin/tac read /casefiles/x
says "True False finding the way" office "$night" alice "" /usr/bin/thunar list /
says "False True None" office "$night" alice "" /usr/bin/thunar read /x
says "False False asking whether" office "$day" alice "" /usr/lib/libreoffice/program/soffice.bin execute /casefiles/x
says "False False searching of disks" office "$night" root "" /usr/bin/find list /
says "True False share" samba "$day" alice "" /usr/sbin/smbd write /x
says "False True None" samba "$day" alice "" /bin/tac read /x
says "True False NT ACLs" samba "$day" root "" /usr/sbin/smbd setxattr /x
says "False False looking" samba "$day" root "" /usr/sbin/smbd write /x
says "True False server" database "$day" postgres "" /usr/lib/postgresql/15/bin/postgres delete /x
says "False True None" database "$day" postgres "" /usr/lib/postgresql/15/bin/pg_upgrade write /x
says "True True upgrades" database "$day" postgres dora /usr/lib/postgresql/15/bin/pg_upgrade write /x
says "True False pg_ctlcluster" database "$day" postgres "" /usr/bin/perl read /postmaster.pid
says "True True pg_ctlcluster as root" database "$day" root "" /usr/bin/perl read /postmaster.pid
says "False True None" database "$day" root "" /usr/bin/perl write /postmaster.pid
says "False True None" database "$day" root dora /bin/tac read /x
says "True False backup" backup "$night" root "" /usr/bin/rsync read /x
says "False True None" backup "$day" root "" /usr/bin/rsync read /x
says "False True None" backup "$night" root "" /usr/bin/rsync write /x
says "True True restoring" backup "$day" root dora /usr/bin/rsync write /x
says "False False locate" quiet "$night" nobody "" /usr/bin/find list /
says "False False desktop search" quiet "$day" alice "" /usr/libexec/tracker-miner-fs-3 read /x
says "False True None" quiet "$day" alice "" /usr/bin/find list /

# Learning from a real log: what was let through and reported, then allowed by rules that were learned
check "wardd" start_wardd
{ echo "$head"; echo "permissive = yes"; printf '[rule root]\nusers = root\neffect = allow\n'; } >$conf
check "rules that let through and report" wardctl policy load d --passphrase-file $pass
mkdir -m 777 /srv/d/in /srv/d/out
work()
{
	as alice sh -c 'echo one >/srv/d/in/a && cat /srv/d/in/a && mv /srv/d/in/a /srv/d/in/b && ls /srv/d/in && ln /srv/d/in/b /srv/d/in/c' &&
		as bob sh -c 'cp /srv/d/in/b /srv/d/out/b && chmod 600 /srv/d/out/b && touch /srv/d/out/b' &&
		as alice rm -f /srv/d/in/b /srv/d/in/c && as bob rm -f /srv/d/out/b
}
check "people work" work
check "all of it is in the log" wait_for records complete
check "rules are learned" sh -c "wardctl policy learn d >/root/learned"
diag "$(cat /root/learned)"
{ echo "$head"; sed -n '/^\[rule/,$p' $conf; cat /root/learned; } >/root/draft
check "they have no mistakes" wardctl policy check /root/draft
check "and would have allowed all of it" sh -c "wardctl --json policy replay /root/draft >/root/replay && python3 -c '
import json; o = json.load(open(\"/root/replay\")); assert o[\"allowed\"] == o[\"accesses\"] > 10 and not o[\"refused\"], o'"
cp /root/draft $conf
check "loaded, they bite" wardctl policy load d --passphrase-file $pass
check "and people work" work
check_errno EACCES "but not elsewhere" as bob touch /srv/d/new
check_errno EACCES "nor otherwise" as bob mkdir /srv/d/in/x
check "mallory does not" sh -c "! setpriv --reuid 61003 --regid 61003 --clear-groups ls /srv/d/in 2>/dev/null"

stop_wardd
check "unmount" wardctl umount d
xargs rm -f </root/made
done_testing
