#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 2400
#
# make -j4 of a C project (this tree's agent, all of it): the programs are those that come out elsewhere, run, and stay.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
mkdir plain
cp -r "$WARD_TOP/agent" "$WARD_TOP/module" plain/
chown -R alice plain
chmod -R go+rX plain

# In both places under the same name, which stands in what the compiler writes
mkdir /work-here
# build DIR [PROGRAM...]: with DIR at /work-here; all programs unless some are named. Compiling is what takes long, so it
# does not optimize.
build()
{
	where=$1
	shift
	mount --bind "$where" /work-here &&
	staff make -s -j4 -C /work-here/agent CFLAGS="-O0 -g0 -U_FORTIFY_SOURCE" OUT=/work-here/out "$@"
	status=$?
	umount /work-here
	return "$status"
}
programs="wardctl wardd ward-recover mount.wardfs"
# Made outside, too. It has most of the library in it, and takes half as long as all four.
again=ward-recover
[ -z "$WARD_LONG" ] || again=$programs
# made PROGRAM...: when each was
made()
{
	(cd $d/build/out && stat -c '%n %.Y' "$@")
}

check "the source is brought in" staff cp -r plain $d/build
check "make -j4" build $d/build
# shellcheck disable=SC2086
check_is "all programs of the agent are there" \
	"$(find $d/build/out -maxdepth 1 -type f -perm /1 -printf '%f\n' | sort)" "$(printf '%s\n' $programs | sort)"
for program in wardctl wardd ward-recover; do
	check "$program runs from the vault" staff $d/build/out/"$program" --version
done
# shellcheck disable=SC2086
was=$(made $programs)
check "make again" build $d/build
# shellcheck disable=SC2086
check_is "which has nothing to do" "$(made $programs)" "$was"
staff touch $d/build/agent/recover/main.c
check "make after a source was touched" build $d/build
check "which makes the one that has it" sh -c "! echo '$was' | grep -qxF '$(made ward-recover)'"
check_is "and no other" "$(made wardctl wardd mount.wardfs)" "$(echo "$was" | grep -v ward-recover)"
picture $d/build >/tmp/before

# A program that is mapped cannot be written; one that was replaced goes on
staff cp /usr/bin/sleep $d/sleep
staff_exec $d/sleep 1000 &
wait_for "the program" sh -c "readlink /proc/$!/exe | grep -q sleep\$"
check_fails_with 1 "a program that runs is not written (ETXTBSY)" staff cp /usr/bin/true $d/sleep
check "nor cut" sh -c "! python3 -c \"import os; os.truncate('$d/sleep', 0)\""
check "it can be removed" staff rm $d/sleep
kill $!
wait

check "cold" cold
picture $d/build >/tmp/after
check "all is as it was" cmp /tmp/before /tmp/after
check "it runs from the cold vault" staff $d/build/out/ward-recover --help
# shellcheck disable=SC2046,SC2086
check "the same outside of the vault" build plain $(printf '/work-here/out/%s ' $again)
for program in $again; do
	check "$program is the same, byte for byte" cmp $d/build/out/"$program" plain/out/"$program"
done
check "intact" intact
done_testing
