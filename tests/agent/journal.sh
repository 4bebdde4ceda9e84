#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Records in the systemd journal: a real journald, asked with journalctl.

. "$WARD_TOP/tests/fs/vault.sh"
. "$WARD_TOP/tests/agent/agent.sh"

mkdir -p /run/systemd/journal /run/log/journal /etc/ward
cat /proc/sys/kernel/random/uuid | tr -d - >/etc/machine-id
/lib/systemd/systemd-journald >/tmp/journald.out 2>&1 &
journald=$!
check "journald runs" wait_for "its socket" test -S /run/systemd/journal/socket

# The sentence, the fields and the identifiers that docs/events.md lists
sed -n 's/^| \([a-z]*\) | \([0-9a-f]\{32\}\) | \([a-z]*\) |$/\1 \2 \3/p' "$WARD_TOP/docs/events.md" >/tmp/ids
check_is "the document lists eight kinds" 8 "$(wc -l </tmp/ids)"

printf '[log]\nseal-after = 1s\n' >/etc/ward/ward.conf
check "vault" new_vault 0
chmod 777 $d
check "start" start_wardd
as mallory cat $d/nothing 2>/dev/null
check "recorded" wait_for "it" has "e['ward.kind'] == 'violation'"
cat >/tmp/journal.py <<'EOT'
import json, subprocess, sys
ids = dict((line.split()[0], line.split()[1:]) for line in open('/tmp/ids'))
levels = {'err': '3', 'warning': '4', 'info': '6'}
log = [json.loads(line) for line in open('/var/log/ward/events.jsonl')]
out = subprocess.run(['journalctl', '-o', 'json', '--no-pager', 'SYSLOG_IDENTIFIER=wardd', '_EXE=/usr/sbin/wardd'],
                     capture_output=True, text=True, check=True).stdout
journal = [json.loads(line) for line in out.splitlines()]
journal = [m for m in journal if 'WARD_PREV' in m]
by_prev = {m['WARD_PREV']: m for m in journal}
assert len(log) > 3 and len(journal) >= len(log) - 1, (len(log), len(journal))
for e in log[:-1]:
    m = by_prev[e['ward.prev']]
    ident, level = ids[e['ward.kind']]
    assert m['MESSAGE_ID'] == ident, m
    assert m['PRIORITY'] == levels[level] or (m['PRIORITY'] == '4' and e.get('event.outcome') == 'failure'), m
    assert m['MESSAGE'], m
    for key, value in e.items():
        name = ''.join(c.upper() if c.isalnum() else '_' for c in key.lstrip('@'))
        name = name if name.startswith('WARD_') else 'WARD_' + name
        # Of a list, several fields of one name
        have = m.get(name) if isinstance(m.get(name), list) else [m.get(name)]
        want = value if isinstance(value, list) else [value]
        assert sorted(have) == sorted(map(str, want)), (name, have, want)
EOT
check "every record is there, with all its fields" wait_for "it" python3 /tmp/journal.py
id=$(sed -n 's/^violation \([^ ]*\) .*/\1/p' /tmp/ids)
check "and is found by them" sh -c "journalctl -o cat MESSAGE_ID=$id WARD_USER_NAME=mallory | grep -q 'mallory with cat may not'"

# A journald that hangs: what goes there waits, nothing else does.
before=$(records "e['ward.kind'] == 'violation'")
kill -STOP $journald
refuse 1500
check "with journald hanging, all is recorded" wait_for "it" sh -c "[ \$(grep -c '\"ward.kind\":\"violation\"' $log) = $((before + 1500)) ]"
check "without waiting: wardd looks at its log as ever" wait_for "a seal" sh -c "tail -n 1 $log | grep -q ward.seal.mac"
check "the log is complete" wait_for completeness complete
kill -CONT $journald
cat >/tmp/leftout.py <<'EOT'
import json, subprocess
out = subprocess.run(['journalctl', '-o', 'json', '--no-pager', 'SYSLOG_IDENTIFIER=wardd', '_EXE=/usr/sbin/wardd'],
                     capture_output=True, text=True, check=True).stdout
journal = [json.loads(line) for line in out.splitlines()]
log = sum(1 for _ in open('/var/log/ward/events.jsonl'))
left = [int(m['WARD_LEFT_OUT']) for m in journal if 'WARD_LEFT_OUT' in m]
have = sum('WARD_PREV' in m for m in journal)
print(log, have, left)
assert left and sum(left) > 100 and have > 1000, 'not told'
# The last seal may be on its way.
assert log - have - sum(left) in (0, 1)
EOT
check "when it goes on, what waited is there, and how many did not" wait_for "it" python3 /tmp/leftout.py
kill -STOP $journald
refuse 100
check "recorded" wait_for completeness complete
check "wardd ends, though what waits cannot be handed over" stop_wardd
kill -CONT $journald
kill $journald
printf '[log]\njournal = no\n' >/etc/ward/ward.conf
check "without a journal it records all the same" start_wardd
stop_wardd
done_testing
