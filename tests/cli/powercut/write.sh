#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Run by ../powercut.host: begins a vault, and says when the machine may be cut off. Never ends by itself.

. "$WARD_TOP/tests/cli/cli.sh"

stage=$(cat "$WARD_OUT/stage")
lower
files /srv/d
for i in $(seq 40); do
	head -c $((i * 20000)) /dev/urandom >"/srv/d/random-$i"
done
chown alice:caseworkers /srv/d
chmod 2750 /srv/d
touch -d '2022-01-01 00:00:00.5' /srv/d
picture /srv/d >/srv/wanted
sync
# Slowed down, what takes the time at that stage most, so that there is a middle of it
case $stage in
copying) slow=pwrite64 ;;
removing) slow=unlinkat ;;
esac
strace -f -o /dev/null -e trace=$slow -e inject=$slow:delay_exit=300000 \
	wardctl create /srv/d --passphrase-file $pass --allow root --no-recovery-key &
create=$!
until grep -q "^stage=$stage" /srv/d/.ward/creating 2>/dev/null; do
	kill -0 $create || break
	sleep 0.1
done
sleep 1
kill -0 $create && echo "# in the middle of $stage"
wait
fail "create ended before the machine was cut off"
done_testing
