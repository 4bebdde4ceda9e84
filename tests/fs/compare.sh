#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 2400
#
# Random operations on a vault and on a plain directory of the lower file system, side by side (tests/compare): the
# first difference fails. WARD_SEEDS names other seeds, WARD_OPS how many operations, WARD_COMPARE further options;
# WARD_THREADS how many do them at once; WARD_LONG: ten minutes of seeds, new ones each time, which are printed. Seeds
# that are even compare times as well.
#
# To meet a difference again: WARD_SEEDS="4" tests/vm/run --lower xfs -- tests/fs/compare.sh; what is printed says the rest.

. "$WARD_TOP/tests/fs/vault.sh"
compare=$WARD_TOP/build/tests/compare/compare

# A new lower file system each time, so that a seed does the same whatever ran before.
fresh()
{
	for at in $d /srv/below /srv/lower; do
		! mountpoint -q "$at" || umount "$at" || return
	done
	new_vault 61001 61002 && mkdir /srv/lower/plain
}

# seed NUMBER OPS THREADS
seed()
{
	# shellcheck disable=SC2086
	fresh && "$compare" --seed "$1" --ops "$2" --threads "$3" ${WARD_COMPARE-} /srv/lower/plain $d
}

# run NUMBER OPS THREADS
run()
{
	check "seed $1: $3 x $2 operations" seed "$1" "$2" "$3"
	[ ! -s "$lib_out" ] || [ $lib_failed != 0 ] || grep -e '^# seed' -e 'left out' "$lib_out" | sort -u
	sed -n 's/^# succeeded: //p' "$lib_out" | tr ' ' '\n' >>/tmp/succeeded
}

# each_succeeded [KIND...]: of each kind there was more than the same error on both sides; of all without any
each_succeeded()
{
	sort -u /tmp/succeeded >/tmp/did
	if [ $# = 0 ]; then
		"$compare" --kinds | tr ' ' '\n' | grep . | sort -u >/tmp/kinds
	else
		printf '%s\n' "$@" >/tmp/kinds
	fi
	! grep -vxF -f /tmp/did /tmp/kinds
}

# finds KIND ERRNO: what is left out in the vault, as if it were refused so, is a difference. Most of the errors asked
# for below are let pass where a vault has to give them: that must not be everywhere.
finds()
{
	fresh || return
	"$compare" --seed 3 --ops 800 --full 800 --plant "$1=$2" /srv/lower/plain $d >/tmp/planted
	[ $? = 1 ] && grep -q "^# seed .*: $1 gives .* (no error) in plain, -1 ($2) in the vault" /tmp/planted && return
	cat /tmp/planted
	return 1
}

# What users' programs do most. Without these a run has compared little, whatever it says.
common="open write read truncate ftruncate fallocate copy store rename unlink mkdir link"

"$compare" --known | sed 's/^/# /'
if [ -n "${WARD_SEEDS-}" ]; then
	for n in $WARD_SEEDS; do
		run "$n" "${WARD_OPS:-3000}" "${WARD_THREADS:-1}"
	done
elif [ -n "$WARD_LONG" ]; then
	n=$(date +%s)
	diag "the first seed is $n"
	stop=$((n + 600))
	while [ "$(date +%s)" -lt $stop ]; do
		run "$n" 5000 $((n % 3 ? 1 : 4))
		n=$((n + 1))
	done
	check "each kind of operation succeeded" each_succeeded
elif [ "$WARD_LOWER" = ext4 ] || [ "$WARD_LOWER" = xfs ]; then
	for n in 1 2 3; do
		run $n "${WARD_OPS:-800}" 1
	done
	run 5 "${WARD_OPS:-300}" 4
	# shellcheck disable=SC2086
	[ -n "${WARD_OPS-}" ] || check "each common kind of operation succeeded" each_succeeded $common
	# A few are rare: WARD_LONG asks for each.
	diag "did not succeed even once: $(each_succeeded | tr '\n' ' ')"
	for planted in "write EIO" "setxattr ENOSPC" "setxattr ERANGE" "setxattr E2BIG" "symlink ENAMETOOLONG"; do
		# shellcheck disable=SC2086
		check "a difference that is planted is found: $planted" finds $planted
	done
else
	run 2 "${WARD_OPS:-600}" 1
	run 5 "${WARD_OPS:-150}" 4
fi
check "no tamper event" py 'quiet(0)'
check "unmount" umount $d
done_testing
