#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# wardctl status tells of each vault what was recorded, folded and lost: with wardd not there while the ring overflows, killed,
# and started again. What it says adds up to what happened.

. "$WARD_TOP/tests/vm/lib.sh"
. "$WARD_TOP/tests/agent/agent.sh"

rmmod wardfs 2>/dev/null
insmod "/lib/modules/$(uname -r)/updates/wardfs.ko" event_ring=64
mklower "${WARD_LOWER:-ext4}" /srv
echo "correct horse battery staple" >/root/pass
for v in one two three; do
	mkdir /srv/$v
	check "vault $v" wardctl --quiet create /srv/$v --no-recovery-key --allow alice --passphrase-file /root/pass
done

# status NAME KEY, as wardctl tells it
status()
{
	wardctl --json status | python3 -c "
import json, sys
print([v for v in json.load(sys.stdin)['vaults'] if v['name'] == '$1'][0].get('$2'))"
}

# adds_up VAULT...: recorded, folded and lost are what the kernel counted
adds_up()
{
	wardctl --json status >/tmp/status || return
	python3 - "$@" <<'END'
import json, sys
found = json.load(open('/tmp/status'))['vaults']
for v in found:
    if v['name'] in sys.argv[1:]:
        print(v)
        assert v['recorded'] + v['folded'] + v['lost'] == v['events'], v['name']
END
}

# offend VAULT COUNT: so many refusals that do not fold
offend()
{
	d=/srv/$1
	refuse "$2"
}

check "wardd starts" start_wardd
offend one 20
offend two 5
check "recorded" wait_for "them" sh -c "[ \$(grep -c '\"ward.kind\":\"violation\"' $log) = 25 ]"
check "nothing is lost: status adds up" wait_for "it" adds_up one two three
check_is "of the one" "$(status one lost) $(status one folded)" "0 0"

# Identical ones within a second
python3 - <<'END'
import os
os.setresuid(61003, 61003, 0)
for k in range(500):
    try: os.stat('/srv/two/x')
    except PermissionError: pass
END
check "five hundred of the same fold" wait_for "it" sh -c "wardctl --json status | python3 -c '
import json, sys
two, = [v for v in json.load(sys.stdin)[\"vaults\"] if v[\"name\"] == \"two\"]
assert two[\"folded\"] + two[\"recorded\"] == two[\"events\"] and two[\"folded\"] > 400 and two[\"violations\"] == 505, two'"
check "and nothing is lost by that" wait_for "it" adds_up one two three
check_is "nor told of the other" "$(status one folded)" 0
check "people see it, too" sh -c "wardctl status | head -n 1 | grep -q 'RECORDED *FOLDED *LOST'"

# The ring overflows while nobody fetches: of the one vault before, of the other in between, and of the third not at all.
stop_wardd
offend one 700
offend two 700
offend one 30
check "wardd starts" start_wardd
check "status adds up" wait_for "it" adds_up one two three
check "of the one most of it is lost" test "$(status one lost)" -ge 600
check "of the other much" test "$(status two lost)" -ge 300
check_is "of the third nothing" "$(status three lost)" 0
check "together it is what the log says is lost" sh -c "[ $(status one lost) -gt 0 ] &&
	[ \$(($(status one lost) + $(status two lost) + $(status three lost))) = \$(wardctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"wardd\"][\"lost\"])') ]"
check "and its totals of the vault tell so" python3 - <<END
import json
at, lost = {}, {}
for e in map(json.loads, open('$log')):
    v = e.get('ward.vault')
    if v:
        lost[v] = lost.get(v, 0) + e['ward.vault_total'] - at.get(v, 0) - e['ward.count']
        at[v] = e['ward.vault_total']
print(at, lost)
assert lost['one'] == $(status one lost) and lost['two'] == $(status two lost) and lost['three'] == 0
END

# The last of a vault's, with nothing of it after
stop_wardd
offend one 10
offend two 900
check "wardd starts" start_wardd
check "what was lost is known though nothing followed" wait_for "it" adds_up one two three

lost=$(status two lost)
offend two 5
check "recorded" wait_for completeness complete
stop_wardd -KILL
check "killed, and started" start_wardd
check "status goes on where it was" wait_for "it" adds_up one two three
check_is "and counts nothing twice" "$(status two lost)" "$lost"
check "wardd ends" stop_wardd
done_testing
