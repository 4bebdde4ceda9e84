#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
#
# The first half of the demonstration: a directory becomes a vault, people work in it, others try to get at it,
# and then the power fails. tests/vm/demo runs it, and cuts the machine off.

. "$WARD_TOP/tests/demo/story.sh"

# ---- the office's files ------------------------------------------------------------------------------------------

heading "An office's files"
mklower ext4 /srv
mkdir -p "$plain/documents" /srv/.machine
tar -C /usr/share/doc -cf - -T "$WARD_OUT/parts" | tar -C "$plain/documents" -xf -
mkdir -p "$plain/intake/2024 reviewed/$(printf 'a long name %.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)"
cat >"$plain/intake/maria.txt" <<-END
	Name: Maria Example
	Reference: B-4711
	Bank account: DE89 3704 0044 0532 0130 00
END
cp "$plain/intake/maria.txt" "$plain"/intake/2024*/*/
ln "$plain/intake/maria.txt" "$plain/intake/the same file.txt"
ln -s ../intake/maria.txt "$plain/documents/link to maria"
: >"$plain/intake/empty"
chown -R --no-dereference alice:caseworkers "$plain"
find "$plain" -type d -exec chmod 2775 {} +
find "$plain" -type f -exec chmod 664 {} +
alice git -C "$plain" init -q -b main letters
alice sh -c "cp $WARD_TOP/module/*.c $plain/letters && cd $plain/letters &&
	git config user.name Alice && git config user.email alice@example.org && git config core.fsync all &&
	git add . && git commit -q -m 'first drafts'"
cp -a "$plain" "$vault"
files=$(find "$vault" -type f | wc -l)
bytes=$(du -sm --apparent-size "$vault" | cut -f 1)
tell "$vault: $files files, $bytes MiB (a part of /usr/share/doc, and a git repository), of alice and the group caseworkers"
machine_state

# ---- create ------------------------------------------------------------------------------------------------------

heading "The directory becomes a vault"
(umask 077 && echo 'correct horse battery staple' >"$passphrase")
tell "\$ wardctl create $vault"
check "wardctl create encrypts what is there" wardctl create "$vault" --passphrase-file "$passphrase" \
	--recovery-key-file /srv/.machine/recovery-key
grep -v '^ *$' "$lib_out" | tail -n 3 | tell
check "every file reads as before" alice diff -r --no-dereference "$plain" "$vault"
check "with the same owners, modes, times, links" same_listing
sum "$files files ($bytes MiB) encrypted in place; each reads as before, at the same path"

# ---- work ----------------------------------------------------------------------------------------------------------

heading "People work in it"
save()
{
	alice sed 's/Reference:.*/Reference: B-4712/' "$vault/intake/maria.txt" |
		alice $python/worker.py save "$vault/intake/maria.txt"
}
check "an editor saves a file (written anew, synced, renamed)" save
check "the new text is there" alice grep -q B-4712 "$vault/intake/maria.txt"
commit()
{
	alice sed -i 's/the/The/' "$vault/letters/main.c" &&
		alice git -C "$vault/letters" commit -q -a -m 'second draft' &&
		alice git -C "$vault/letters" gc -q &&
		alice git -C "$vault/letters" fsck --strict --no-progress
}
check "git commits, packs, and finds its repository intact" commit
transactions()
{
	alice sqlite3 "$vault/intake/cases.db" >/tmp/sum <<-END
		PRAGMA journal_mode=WAL;
		CREATE TABLE cases (n INTEGER PRIMARY KEY, text TEXT);
		BEGIN;
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500)
			INSERT INTO cases SELECT n, hex(randomblob(200)) FROM c;
		COMMIT;
		BEGIN; DELETE FROM cases; ROLLBACK;
		BEGIN; DELETE FROM cases WHERE n % 5 = 0; COMMIT;
		PRAGMA integrity_check;
		SELECT count(*) FROM cases;
	END
	[ "$(tail -n 2 /tmp/sum | tr '\n' ' ')" = "ok 400 " ]
}
check "SQLite runs transactions, one of them rolled back" transactions
check "bob, of the same group, reads and writes too" as bob sh -c \
	"grep -q B-4712 $vault/intake/maria.txt && echo 'seen by bob' >>'$vault/intake/the same file.txt'"
sum "editor, git, SQLite and two people worked in it as in any directory"

# ---- what lies below ------------------------------------------------------------------------------------------------

heading "What a thief of the disk sees"
find "$below/.ward/tree" -mindepth 1 | sed "s,$below,," | sort | sed -n '2p;20p;50p' | cut -c 1-110 | tell
document=$(alice find "$vault/documents" -type f -size +40k | sort | head -n 1)
tell "${document#"$vault"/}, above and below:"
alice head -c 48 "$document" | od -A d -t x1z | head -n 3 | tell
od -A d -t x1z -j 4096 -N 48 "$(lower_of "$document")" | head -n 3 | tell
no_names()
{
	alice find "$vault" -mindepth 1 -printf '%f\n' | grep -v '^\.git$' | sort -u >/tmp/names.above
	find "$below/.ward/tree" -mindepth 1 -printf '%f\n' | sort -u >/tmp/names.below
	[ "$(wc -l </tmp/names.above)" -gt 100 ] && [ -s /tmp/names.below ] &&
		[ -z "$(comm -12 /tmp/names.above /tmp/names.below)" ]
}
check "none of the names is to be found below" no_names
check "the words are there above" alice grep -rqaF 'Maria Example' "$vault"
check_fails_with 1 "none of the words below" grep -rqaE 'Maria Example|SQLite format|Copyright|static int' "$below"
cannot_compress()
{
	lower=$(lower_of "$document")
	[ "$(gzip -c "$lower" | wc -c)" -ge "$(($(stat -c '%b * 512' "$lower") * 99 / 100))" ]
}
check "what lies there looks random: gzip saves nothing" cannot_compress
sum "on the disk below there is no readable name and no readable word"

# ---- an intruder -------------------------------------------------------------------------------------------------

heading "An intruder"
modes=$(alice stat -c %A "$vault/intake/maria.txt")
tell "the file's mode is $modes: any user may read it, if it were not for the policy"
check_errno EACCES "mallory is refused" as mallory cat "$vault/intake/maria.txt"
tell_output
check_errno EACCES "root, without a rule, is refused too" cat "$vault/intake/maria.txt"
tell "as it stands in $events:"
logged "mallory's attempt is recorded" "e('ward.kind') == 'violation' and e('user.name') == 'mallory' and
	str(e('user.id')) == '61003' and e('event.outcome') == 'failure' and e('event.reason') == 'policy' and
	e('process.name') == 'cat' and str(e('file.path')).startswith('$vault')"
check "wardctl log tells it in words" sh -c "wardctl log --vault $name --kind violation --user mallory | grep mallory"
tell_output
sum "an intruder and root without a rule were refused, and are on record by name"

# ---- tampering ------------------------------------------------------------------------------------------------------

heading "Somebody changes one bit on the disk"
lower=$(lower_of "$document")
check "the vault is locked" wardctl lock $name
mkdir -p /mnt/disk
mount "$WARD_DISK1" /mnt/disk
stolen=/mnt/disk/$name${lower#"$below"}
flip()
{
	python3 -c "
import sys
with open(sys.argv[1], 'r+b') as f:
	f.seek(2 * 4096 + 1000)
	byte = f.read(1)[0]
	f.seek(-1, 1)
	f.write(bytes([byte ^ 1]))" "$stolen" && sync
}
check "a bit is changed below, in ${document##*/}" flip
check "the vault is unlocked" wardctl unlock $name --passphrase-file "$passphrase"
check_errno EIO "reading that part fails" alice cat "$document"
check "the rest of the file stays readable" sh -c "setpriv --reuid alice --regid alice --init-groups head -c 4000 '$document' |
	cmp -n 4000 - '$plain${document#"$vault"}'"
logged "the tampering is recorded, with the file's name" \
	"e('ward.kind') == 'tamper' and e('file.path') == '$document' and e('event.reason') == 'integrity'"
check_fails_with 7 "wardctl check finds it" sh -c "wardctl check $name >/tmp/checked 2>&1"
tell </tmp/checked
check "and names the file" grep -qF "$document" /tmp/checked
check "locked, and the bit put back" sh -c "wardctl lock $name" && flip
umount /mnt/disk
check "unlocked again" wardctl unlock $name --passphrase-file "$passphrase"
check "wardctl check finds nothing wrong any more" wardctl check $name
check "the file reads as it did" alice cmp "$document" "$plain${document#"$vault"}"
sum "one changed bit was caught, with the file's name; the rest of the file stayed readable"

# ---- the power fails ----------------------------------------------------------------------------------------------

heading "The power fails in the middle of work"
check "a place for the work" alice mkdir "$vault/today"
alice sh -c "cd $vault/letters && n=0 && while n=\$((n + 1)); do
	echo \$n >>diary && git add diary && git commit -q -m \"day \$n\" && echo \"# committed \$(git rev-parse HEAD)\" || exit
done" &
exec setpriv --reuid alice --regid alice --init-groups $python/worker.py work "$vault/today"
