#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1200
#
# PostgreSQL with its data in a vault: pgbench, checksums, pg_amcheck; killed in the middle, and recovered; and under the rules
# of database.conf.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
data=$d/pg
socket=/tmp/pg
mkdir -m 777 $socket
export PGHOST=$socket PGDATABASE=postgres PGUSER=alice

start()
{
	staff pg_ctl -s -w -t 600 -D "$data" -l "$socket"/log -o "-k $socket -c listen_addresses=" start || {
		tail -n 30 "$socket"/log
		return 1
	}
}

# What pgbench moves is the same everywhere, and in each place nothing comes from nowhere.
sums()
{
	got=$(staff psql -qAtX -c 'select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history)
		and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)
		and (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history),
		count(*) from pgbench_history')
	echo "$got"
	case $got in t\|*) [ "${got#t|}" -ge "$1" ] ;; *) return 1 ;; esac
}

check "initdb, with checksums" staff initdb -k -A trust -D $data
check "it starts" start
check "pgbench -i" staff pgbench -q -i -s 1
check "pgbench" staff pgbench -n -c 4 -j 2 -t 25
check "the sums" sums 100

# Transactions that clients were told of, from the log of each
staff_exec sh -c "cd $socket && exec pgbench -n -c 4 -j 1 -t 100000 -l --log-prefix=done" >/dev/null 2>&1 &
bench=$!
check "more is done" wait_for "transactions" sh -c "[ \$(cat $socket/done.* | wc -l) -gt 40 ]"
postmaster=$(head -n 1 $data/postmaster.pid)
kill -9 "$postmaster"
wait $bench
told=$(cat $socket/done.* | wc -l)
check "the others end when they see it" wait_for "their end" sh -c "! pgrep -u alice -x postgres"
rm -f $socket/.s.*
check "it starts again, and recovers" start
check "which stands in its log" grep -q "automatic recovery in progress" $socket/log
check "the sums, with each of the $told transactions that were told" sums $((100 + told))
check "pg_amcheck" staff pg_amcheck --heapallindexed --install-missing postgres
check "a large object" staff psql -qX -c "select lo_from_bytea(4711, decode(repeat('00ff80', 20000), 'hex'))"
check "it stops" staff pg_ctl -s -w -t 600 -m fast -D $data stop
check "pg_checksums" staff pg_checksums --check -D $data
check "it becomes one that Debian starts" pg_createcluster -u alice -d $data -s $socket -p 5432 15 ward
# How long it waits for the server's start and end: no variable of the environment gets there.
echo "pg_ctl_options = '-t 600'" >/etc/postgresql/15/ward/pg_ctl.conf
picture $data >/tmp/before

check "cold" cold
picture $data >/tmp/after
check "all is as it was" cmp /tmp/before /tmp/after

# The rules that are ready-made for a database
check "database.conf" example database cases 's/^\(users .*\)postgres$/\1alice/; s/dora/bob/'
before=$(refusals)
check "it starts, as systemd does it: root, by pg_ctlcluster" pg_ctlcluster 15 ward start
check "the sums" sums $((100 + told))
check_is "the large object" "$(staff psql -qAtX -c "select encode(lo_get(4711), 'hex') = repeat('00ff80', 20000)")" t
check "another database" staff sh -c "createdb other && pgbench -q -i -I dtp other && vacuumdb -q other && dropdb other"
check "its owner looks after it" staff pg_ctlcluster 15 ward status
check "root stops it" pg_ctlcluster 15 ward stop
check_is "nobody was refused" "$(refusals)" "$before"
check "intact" intact
# What comes now is refused.
check_errno EACCES "its owner reads no files of it" staff cat $data/PG_VERSION
check_errno EACCES "nor root" cat $data/PG_VERSION
check_errno EACCES "nor resets what was written" staff pg_resetwal -n $data
check "who logged in for it does" sh -c "echo 61002 >/proc/self/loginuid &&
	exec setpriv --reuid alice --regid alice --init-groups $(command -v pg_resetwal) -n $data"
check "on record" sh -c "$WARD_TOP/tests/fs/testvault.py events 0 |
	grep '\"kind\": \"audit\"' | grep -q pg_resetwal"
check_is "Perl reads little" "$(staff perl -e 'for (glob("'$data'/base/*/*")) { open(F, $_) || next; while (read(F, $b, 4096)) { $n += length($b) } }
	print $n > 0 && $n <= 10000 ? "little" : $n + 0')" little
done_testing
