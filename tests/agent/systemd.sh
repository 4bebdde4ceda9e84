#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# wardd as a service of a real systemd, with all that its unit takes away from it: it starts, locks its key into memory, is
# reloaded by logrotate as docs/events.md says, comes back when it was killed, and ends in order.
#
# systemd is process 1 of a PID namespace here, as in a container, for the machine has another one.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

mkdir -p /etc/ward /run/systemd/system /run/log/journal /var/log/journal
tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
: >/etc/fstab
cp "$WARD_TOP/packaging/systemd/wardd.service" /lib/systemd/system/
install -D -m 644 "$WARD_TOP/packaging/systemd/ward.catalog" /usr/lib/systemd/catalog/ward.catalog
# As little of the rest of a system as wardd needs.
printf '[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service\nAfter=systemd-journald.service\n' \
	>/run/systemd/system/sysinit.target
printf '[Unit]\nDescription=Test\nWants=wardd.service\nAllowIsolate=yes\n' >/run/systemd/system/ward-test.target
mount --bind /run /run
mount --make-private /run

# In its namespaces: there its processes have the numbers that it says.
inside()
{
	nsenter -t "$(pgrep -of '^/lib/systemd/systemd --system')" -m -p -C -- "$@"
}

property()
{
	inside systemctl show -P "$1" wardd
}

is()
{
	[ "$(property "$1")" = "$2" ] || { echo "$1 is $(property "$1")"; return 1; }
}

printf '[log]\nrotate-size = 0\nseal-after = 1s\n' >/etc/ward/ward.conf
check "vault" new_vault 0
chmod 777 $d
env -i PATH="$PATH" container=other unshare --fork --pid --mount --cgroup --mount-proc --kill-child \
	/lib/systemd/systemd --system --unit=ward-test.target --log-target=console --show-status=no >/tmp/systemd.out 2>&1 &
systemd=$!
check "systemd runs" wait_for "its socket" test -S /run/systemd/private
check "wardd is started, and says that it is ready" wait_for "it" is ActiveState active
check "it is the service's main process" wait_for "it" sh -c "[ -s /run/ward/wardd.pid ]"
# Its number outside
wardd=$(pgrep -ox wardd)
check "the unit holds: no other rights than it leaves" grep -q '^CapBnd:.*0000000000200' "/proc/$wardd/status"
check "no new ones, and filtered system calls" sh -c "grep -q '^NoNewPrivs:.*1' /proc/$wardd/status && grep -q '^Seccomp:.*2' /proc/$wardd/status"
check "its key is locked into memory" sh -c "[ \$(awk '/^VmLck/ { print \$2 }' /proc/$wardd/status) -gt 0 ]"
check "the key is given out" keep_key
refuse 10
check "all is recorded" wait_for completeness complete

check "the catalog is taken" inside journalctl --update-catalog
id=$(sed -n 's/^| violation | \([0-9a-f]\{32\}\) .*/\1/p' "$WARD_TOP/docs/events.md")
check "records are in the journal" wait_for "them" sh -c "[ \$(journalctl -o cat _SYSTEMD_UNIT=wardd.service MESSAGE_ID=$id | wc -l) -ge 10 ]"
check "and explained there" sh -c "journalctl -x MESSAGE_ID=$id | grep -q 'Somebody was refused in the vault'"

# What the document tells to put into /etc/logrotate.d
sed -n '/^    \/var\/log\/ward\/events.jsonl {/,/^    }/s/^    //p' "$WARD_TOP/docs/events.md" >/etc/logrotate.d/ward
check "the document has a configuration for logrotate" grep -q postrotate /etc/logrotate.d/ward
inode=$(stat -c %i $log)
check "logrotate rotates" inside logrotate -f -s /tmp/logrotate.state /etc/logrotate.d/ward
check "by its name only" test "$(stat -c %i $log.1)" = "$inode"
check "wardd was told, and makes a new log before anything comes" wait_for "it" test -e $log
check_is "without being started anew" "$wardd" "$(pgrep -ox wardd)"
refuse 10
check "all is recorded" wait_for completeness complete
check "it holds" wait_for "it" holds
rm /tmp/logrotate.state
check "once more" inside logrotate -f -s /tmp/logrotate.state /etc/logrotate.d/ward
wait_for "it" test -e $log
refuse 10
check "it holds" wait_for "it" holds

kill -KILL "$wardd"
refuse 10
check "killed, it is started again" wait_for "it" is NRestarts 1
check "and is ready" wait_for "it" is ActiveState active
check "nothing is missing" wait_for completeness complete
check "stop" inside systemctl stop wardd
check "it ended in order" is Result success
check "with a seal" sh -c "tail -n 1 $log | grep -q '\"ward.seal.cause\":\"stop\"'"
check "it holds" holds
printf '[log]\nspace-left = many\n' >/etc/ward/ward.conf
check_fails_with 1 "with a wrong configuration it is not started" inside systemctl start wardd
check "nor again and again" is NRestarts 0
check "as its status says" is ExecMainStatus 2
kill -KILL $systemd
wait $systemd 2>/dev/null
umount $d
done_testing
