# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by tests that run real programs in a vault. Nobody tells the programs that it is one: they are the staff's.
#
#   vault [OPTION]...	$d is a vault of the group caseworkers, made by `wardctl create` with these further options
#   staff COMMAND...	alice's, as after a login
#   staff_exec COMMAND... &	the same; $! is the command itself, not a shell that waits for it
#   cold		the vault is unmounted, mounted and unlocked: nothing of it is left in memory
#   picture DIR		what alice sees in DIR, contents and all, to be compared with another picture
#   intact [REGEX]	every block and name authenticates, and since the file began nobody was refused and nothing
#			tampered with; events that match are expected
#   example "NAME..." VAULT [SED]	VAULT has the rules of packaging/examples/NAME.conf from now on, exchanged by sed
#   refusals		how many records of refusals there are

. "$WARD_TOP/tests/vm/lib.sh"

# An office program takes its time to start.
lib_patience=1200

d=/srv/cases
pass=/root/pass

vault()
{
	echo "correct horse battery staple" >$pass
	rm -f /etc/ward/vaults.d/*.conf
	mklower "${WARD_LOWER:-ext4}" /srv &&
	mkdir $d &&
	chown root:caseworkers $d &&
	chmod 2770 $d &&
	wardctl --quiet create $d --no-recovery-key --allow @caseworkers --passphrase-file $pass "$@"
}

staff()
{
	as alice env HOME=/home/alice USER=alice LOGNAME=alice SHELL=/bin/sh "$@"
}

staff_exec()
{
	exec setpriv --reuid alice --regid alice --init-groups -- env HOME=/home/alice USER=alice LOGNAME=alice SHELL=/bin/sh "$@"
}

cold()
{
	wardctl umount cases && wardctl unlock cases --passphrase-file $pass
}

picture()
{
	staff python3 "$WARD_TOP/tests/apps/picture.py" "$1"
}

intact()
{
	sync
	wardctl check cases || return
	# The module was loaded for this file alone, so its first event is this file's.
	"$WARD_TOP/tests/fs/testvault.py" events 0 >/tmp/events || return
	if grep -E '"kind": "(violation|tamper|lost)"' /tmp/events | grep -v -E "${1-no such event}"; then
		return 1
	fi
	# That the search above finds what it looks for: unlocking is told so, too
	grep -q '"kind": "key"' /tmp/events
}

example()
{
	{
		sed '/^\[rule/,$d' /etc/ward/vaults.d/"$2".conf
		for example in $1; do
			sed "${3-}" "$WARD_TOP/packaging/examples/$example.conf"
		done
	} >/tmp/example.conf &&
		cat /tmp/example.conf >/etc/ward/vaults.d/"$2".conf &&
		wardctl policy load "$2" --passphrase-file $pass
}

refusals()
{
	"$WARD_TOP/tests/fs/testvault.py" events 0 | grep -c '"kind": "violation"'
}
