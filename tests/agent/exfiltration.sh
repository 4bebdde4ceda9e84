#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# Somebody who may read copies everything away, with tar and with rsync, and what has taken over an account encrypts
# everything for ransom: limits stop each after so many files, or bytes. Who did it, with what, and which limit it was is
# on record; the others go on working, and what was not touched yet is as it was.

. "$WARD_TOP/tests/cli/cli.sh"
. "$WARD_TOP/tests/agent/agent.sh"

lower
d=/srv/cases
mkdir $d
chown root:caseworkers $d
chmod 2770 $d
check "a vault" sh -c "wardctl create $d --allow @caseworkers --passphrase-file $pass >/root/out"
conf=/etc/ward/vaults.d/cases.conf
cp $conf /root/first.conf
rules()
{
	{
		awk '/^\[rule/ { exit } { print }' /root/first.conf
		cat
		printf '[rule head of office]\nusers = root\neffect = allow\n'
	} >$conf
	wardctl policy load cases --passphrase-file $pass
}
printf '[rule office]\nusers = @caseworkers\neffect = allow\n' | rules >/dev/null
check "100 case files of 10,000 bytes, which alice wrote" as alice python3 -c "
import os
os.umask(7)
for k in range(100):
    if k % 20 == 0: os.mkdir('$d/%d' % (2020 + k // 20))
    with open('$d/%d/case-%03d' % (2020 + k // 20, k), 'wb') as f: f.write(os.urandom(10000))"
sums() { (cd $d && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$1"; }
sums /root/before
check_is "they are there" "$(wc -l </root/before)" 100
check "wardd" start_wardd

# shown WHAT: the record, as a person sees it and as it stands in the log
shown()
{
	diag "$1: $(wardctl --no-color log --since "$since" --kind violation --reason burst | sed -n '2p;$p')"
	diag "$(wardctl --json log --since "$since" --kind violation --reason burst | tail -n 1)"
}
# recorded COUNT USER PROGRAM LIMIT: the log names so many different files, each time with these
recorded()
{
	wait_for "the record" complete || return
	wardctl --json log --since "$since" --kind violation --reason burst >/tmp/burst
	python3 - "$@" <<-'END'
	import json, sys
	count, user, program, limit = sys.argv[1:]
	records = [json.loads(line) for line in open('/tmp/burst')]
	paths = {r['file.path'] for r in records}
	assert len(paths) == int(count) > 0, (len(paths), sorted(paths)[:3])
	for r in records:
	    got = r['user.name'], r['process.executable'], r['rule.name'], r['ward.limit'], r['event.reason'], r['error.code']
	    assert got == (user, program, 'office', limit, 'burst', 'EACCES'), got
	END
}
now() { sleep 1.1; since=$(date '+%Y-%m-%d %H:%M:%S'); }
working() { as bob sh -c "cat $d/2020/case-00* >/dev/null && echo note >$d/2024/bob-\$1 && cat $d/2024/bob-\$1 >/dev/null" sh "$1"; }

# ---- copied away: tar, by files
check "a limit on files" rules <<'END'
[rule office]
users  = @caseworkers
burst  = 40 files / 1 h, 60 changes / 1 h
effect = allow
END
mkdir -m 777 /tmp/loot
now
check_fails_with 2 "alice packs everything with tar" as alice tar -cf /tmp/loot/all.tar -C $d .
check_is "40 files are in it, whole" 40 "$(python3 -c "
import hashlib, tarfile
want = dict(reversed(line.split()) for line in open('/root/before'))
t = tarfile.open('/tmp/loot/all.tar')
files = [m for m in t if m.isfile()]
assert all(hashlib.sha256(t.extractfile(m).read()).hexdigest() == want[m.name] for m in files)
print(len(files))")"
check "the other 60 are on record, with who, with what, by which rule and limit" recorded 60 alice /usr/bin/tar "40 files / 1 h"
shown "tar"
other=$(tail -n 1 /tmp/burst | python3 -c 'import json, sys; print(json.loads(sys.stdin.read())["file.path"])')
check_errno EACCES "she reads no other file with anything else, either" as alice cat "$other"
check "bob goes on working" working tar

# ---- a little at a time does not help: rsync, which reads in several processes
check "rsync is another program, and the same user" as alice sh -c "! rsync -a $d/ /tmp/loot/tree 2>/dev/null"
check_is "she has no more than those 40" "$(find /tmp/loot/tree -type f | wc -l)" 40
rm -rf /tmp/loot/*

# ---- by bytes
check "a limit on bytes" rules <<'END'
[rule office]
users  = @caseworkers
burst  = 250 KB / 1 h
effect = allow
END
now
check_fails_with 23 "alice copies everything with rsync" as alice rsync -a --whole-file $d/ /tmp/loot/tree
check_is "25 of 10,000 bytes are whole" 25 "$(cd /tmp/loot/tree && sha256sum -c /root/before 2>/dev/null | grep -c ': OK$')"
check_is "and nothing more came out" 250000 "$(python3 -c "
import os
print(sum(len(b) for w, _, n in os.walk('/tmp/loot/tree') for f in n if any(b := open(os.path.join(w, f), 'rb').read())))")"
check "on record" recorded 76 alice /usr/bin/rsync "250 KB / 1 h"
shown "rsync"
check "bob goes on working" working rsync
rm -rf /tmp/loot/*

# ---- encrypted for ransom
sums /root/before
cat >/tmp/ransom.py <<'END'
"""What such programs do: each file is read, written encrypted beside it, renamed over it or deleted, in several ways."""
import os, subprocess, sys
top, done = sys.argv[1], 0
for where, dirs, files in os.walk(top):
    dirs.sort()
    for k, name in enumerate(sorted(files)):
        path = os.path.join(where, name)
        try:
            with open(path, 'rb') as f: data = f.read()
            data = bytes(b ^ 0x5a for b in data)
            if k % 3 == 0:      # in place
                with open(path, 'r+b') as f: f.write(data)
            elif k % 3 == 1:    # beside it, then the old one goes
                with open(path + '.locked', 'xb') as f: f.write(data)
                os.unlink(path)
            else:               # cut, written anew, renamed
                with open(path, 'wb') as f: f.write(data)
                os.rename(path, path + '.locked')
            done += 1
        except PermissionError:
            pass
print(done)
END
check "a limit on changes" rules <<'END'
[rule office]
users  = @caseworkers
burst  = 500 files / 1 h, 16 changes / 1 h
effect = allow
END
now
as alice python3 /tmp/ransom.py $d >/root/done
# The second way changes two files: the new one, and the old one, which goes.
check_is "12 files are encrypted with 16 changes, and not one more" "$(cat /root/done)" 12
check "of the others none was touched: they are what they were" python3 - <<'END'
import hashlib, os
want = dict((b, a) for a, b in (line.split() for line in open('/root/before')))
gone = {n for n in want if not os.path.exists('/srv/cases/' + n)}
changed = {n for n in set(want) - gone if hashlib.sha256(open('/srv/cases/' + n, 'rb').read()).hexdigest() != want[n]}
print(len(want), sorted(gone), sorted(changed))
assert len(gone) + len(changed) == 12, (len(gone), len(changed))
END
python=$(realpath "$(command -v python3)")
# Of 102 files 12 are done; one of bob's two has a mode that keeps her out, before any rule is asked.
check "on record" recorded 89 alice "$python" "16 changes / 1 h"
shown "ransom"
check "bob goes on working" working ransom
check "wardctl policy show says what the limit is" sh -c "wardctl policy show cases 2>/dev/null | grep -q '16 changes / 1 h'"
check "nothing is missing in the log" complete
check "wardd ends" stop_wardd
check "the key is given out" keep_key
check "the log holds" holds
check "unmount" wardctl umount cases
done_testing
