#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# create killed between the steps that it makes durable, and run again: nothing is lost. At every fifth, beginning anywhere
# (--env WARD_INTERRUPT_FROM=N says where, 1 to 5); WARD_LONG: at every one.

. "$WARD_TOP/tests/cli/cli.sh"

# Root is let in, too, in order to compare what is in the vault.
options="--allow root --allow alice --recovery-key-file /root/recovery"

lower
files /srv/saved
chown alice:caseworkers /srv/saved
chmod 2750 /srv/saved
setfacl -m u:mallory:x /srv/saved
touch -d '2022-01-01 00:00:00.5' /srv/saved
picture /srv/saved >wanted
everything=$(find /srv/saved | wc -l)

cp /etc/ward/ward.conf /root/
# round NAME INJECTION: strace kills create; then it is run again
round()
{
	rm -rf /srv/d /root/recovery
	cp -a /srv/saved /srv/d
	status=0
	# shellcheck disable=SC2086
	strace -f -o /tmp/trace -e trace="${2%%:*}" -e inject="$2" \
		wardctl create /srv/d --passphrase-file $pass $options >"$lib_out" 2>&1 || status=$?
	at=$(sed -n 's/^stage=//p' /srv/d/.ward/creating 2>/dev/null)
	diag "$1: exit status $status, stage ${at:-none}"
	if [ $status = 0 ]; then
		ended=1
	else
		case $at in
		''|begun|copying)
			check_is "$1: every plain file is there" "$(find /srv/d -name .ward -prune -o -print | wc -l)" \
				"$everything" ;;
		esac
		case $at in
		copying|removing|finishing)
			refused 4 "wrong passphrase" "$1: another passphrase is refused" \
				wardctl create /srv/d --passphrase-file /etc/hostname
			refused 1 "was not finished: wardctl create" "$1: half made, it is not mounted" wardctl mount d
			# What was begun is finished, whatever else is wrong.
			printf '[log]\nnone = 1\n' >/etc/ward/ward.conf ;;
		esac
		# shellcheck disable=SC2086
		check "$1: run again" wardctl create /srv/d --passphrase-file $pass $options
		cp /root/ward.conf /etc/ward/
	fi
	picture /srv/d >got
	check "$1: nothing is lost" diff wanted got
	check "$1: unlocks with the recovery key" sh -c "wardctl --quiet lock d &&
		wardctl --quiet unlock d --recovery-key-file /root/recovery"
	check "$1: nothing is left over" sh -c '[ "$(ls -A /run/ward/lower/d | grep -v lost+found)" = .ward ] &&
		[ "$(ls /run/ward/lower/d/.ward | tr "\n" " ")" = "epoch policy tree vault vault.bak " ] &&
		[ -z "$(ls -A /run/ward/create)" ]'
	wardctl --quiet umount d
	rm -rf /srv/d /etc/ward/vaults.d/d.conf
}

ended=
step=5
n=${WARD_INTERRUPT_FROM:-$(shuf -n 1 -i 1-5)}
[ -z "$WARD_LONG" ] || step=1 n=1
diag "from rename $n"
while [ -z "$ended" ] && [ $n -lt 40 ]; do
	round "killed at rename $n" "renameat:signal=KILL:when=$n"
	n=$((n + step))
done
check "went through all of them" test -n "$ended"
done_testing
