# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by tests of the module alone: a vault on the scratch disk, unlocked.
#
#   new_vault [UID...]	$d is the vault, mounted and unlocked; $below is .ward/tree as it lies below it
#   again		unmounts, mounts and unlocks: nothing of it is left in memory
#   py CODE		Python with all of calls.py, in the environment of the first one; the vault is d

. "$WARD_TOP/tests/vm/lib.sh"
tv=$WARD_TOP/tests/fs/testvault.py
d=/srv/lower/v
below=/srv/below/v/.ward/tree

new_vault()
{
	mklower "${WARD_LOWER:-ext4}" /srv/lower &&
	mkdir -p $d /srv/below &&
	chmod 755 $d &&
	mount --bind /srv/lower /srv/below &&
	py "testvault.create(d, [int(uid) for uid in '0 $*'.split()]); mount(); unlock()"
}

again()
{
	py 'again()'
}

py_dir=
py_start()
{
	py_dir=$(mktemp -d) && mkfifo "$py_dir/ask" "$py_dir/answer" || return
	# Nobody's child, so that a test may wait for all of its own.
	(PYTHONDONTWRITEBYTECODE=1 python3 "$WARD_TOP/tests/fs/pyserver.py" "$py_dir" >/dev/null 2>"$py_dir/err" &
		echo $! >"$py_dir/pid")
	read -r py_pid <"$py_dir/pid"
	cleanup "kill $py_pid; rm -rf $py_dir"
}

py()
{
	read -r py_self _ </proc/self/stat
	if [ "$py_self" != $$ ]; then
		# In a subshell there may be others at the same time.
		PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$WARD_TOP/tests/fs python3 -c "from calls import *
$1"
		return
	fi
	[ -n "$py_dir" ] || py_start || return
	printf '%s' "$1" >"$py_dir/code" || return
	if ! kill -0 "$py_pid"; then
		cat "$py_dir/err"
		return 1
	fi
	echo $$ >"$py_dir/ask"
	# A signal may end the wait early; the answer to this would then be taken for that to the next.
	until read -r py_status <"$py_dir/answer" && [ -n "$py_status" ]; do
		kill -0 "$py_pid" || return 1
	done
	return "$py_status"
}
