#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1800
#
# LibreOffice, with its profile and its documents in a vault: converts, saves again, keeps its lock files. Then with its
# documents alone, under the rules of office.conf and backup.conf.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
doc=$WARD_TOP/tests/apps/office.py
profile=$d/profile
staff mkdir $d/again $profile

office()
{
	staff soffice "-env:UserInstallation=file://$profile" --headless --norestore "$@"
}

# convert FORMAT DIR FILE...: and each of them was written
convert()
{
	format=$1
	to=$2
	shift 2
	office --convert-to "$format" --outdir "$to" "$@" || return
	for file; do
		file=${file##*/}
		[ -s "$to/${file%.*}.$format" ] || return
	done
}

check "documents" sh -c "'$doc' make $d/letter.fodt 200 && '$doc' make $d/short.fodt 1 && chown alice $d/*.fodt"
"$doc" text $d/letter.fodt >/tmp/letter
check_is "there is text in it" "$(grep -c 'line .* of the letter' /tmp/letter)" 200

# text NAME FILE: it is what was written at first
text()
{
	"$doc" text "$2" >/tmp/text
	check "$1" diff /tmp/letter /tmp/text
}

check "to odt" convert odt $d $d/letter.fodt $d/short.fodt
text "odt: the text" $d/letter.odt
check "to docx" convert docx $d $d/letter.odt $d/short.odt
text "docx: the text" $d/letter.docx
check "to pdf" convert pdf $d $d/letter.docx $d/short.docx
check "pdf: the text" sh -c "pdftotext $d/letter.pdf - | tr -d '\f\n ' >/tmp/pdf && tr -d '\n ' </tmp/letter | cmp - /tmp/pdf"
# Saved over what is there: a new file renamed
inode=$(stat -c %i $d/short.odt)
check "saved again, over itself" convert odt $d $d/short.docx
diag "inode before: $inode, after: $(stat -c %i $d/short.odt)"
# shellcheck disable=SC1111
check_is "it has its text" "$("$doc" text $d/short.odt)" "Case 0: Größe, façade, дело, 例, “quoted” – line 0 of the letter."

lock=$d/.~lock.letter.odt#
staff_exec soffice "-env:UserInstallation=file://$d/profile" --headless --norestore $d/letter.odt >/dev/null 2>&1 &
check "opened, a lock file is there" wait_for "the lock file" test -s "$lock"
check "with alice's name in it" grep -qi alice "$lock"
pkill -u alice -x soffice.bin
wait
staff rm -f "$lock"
check_is "no temporary file is left beside the documents" "$(find $d -maxdepth 1 -name '*.tmp' -o -maxdepth 1 -name 'lu*')" ""

picture $d >/tmp/before
check "cold" cold
picture $d >/tmp/after
check "all is as it was" cmp /tmp/before /tmp/after
text "cold: odt" $d/letter.odt
text "cold: docx" $d/letter.docx
check "cold: saved again as odt" convert odt $d/again $d/letter.odt
text "the text" $d/again/letter.odt

# The rules that are ready-made for an office and its backups, with profiles at home. berta is head of it; dora restores.
for person in berta:61021 dora:61022; do
	echo "${person%:*}:x:${person#*:}:${person#*:}::/:/bin/sh" >>/etc/passwd
	echo "${person%:*}:x:${person#*:}:" >>/etc/group
done
sed -i 's/^caseworkers:.*/&,berta/' /etc/group
staff sh -c "mkdir -p $d/casefiles $d/intake $d/exchange && cp $d/letter.docx $d/short.docx $d/casefiles &&
	chmod 664 $d/casefiles/* && chmod g+w $d/exchange && cp -r $profile /tmp/profile && echo scanned >$d/intake/scan"
profile=/tmp/profile
# Files after this one have the time that it is.
booted=$(($(date +%s) - $(cut -d . -f 1 /proc/uptime)))
cleanup "date -s @\$((booted + \$(cut -d . -f 1 /proc/uptime))) >/dev/null"
# Before the rules: their hours are known from then on. Ten o'clock on a Tuesday, in Berlin
date -s "2026-12-01 09:00:00 UTC" >/dev/null
check "office.conf and backup.conf" example "office backup" cases
before=$(refusals)
check "to odt" office --convert-to odt --outdir $d/casefiles $d/casefiles/letter.docx $d/casefiles/short.docx
check "they are there" as berta test -s $d/casefiles/letter.odt -a -s $d/casefiles/short.odt
staff_exec soffice "-env:UserInstallation=file://$profile" --headless --norestore $d/casefiles/letter.odt >/dev/null 2>&1 &
check "opened, a lock file is there" wait_for "the lock file" as berta test -s "$d/casefiles/.~lock.letter.odt#"
pkill -u alice -x soffice.bin
wait
check "things are handed over, with any program" as bob sh -c "cd $d/exchange &&
	echo from bob >note && mv note n && ls && cat n && rm n"
check "berta reads, with any program" as berta sh -c "ls $d && ls -R $d/casefiles $d/exchange && cat $d/casefiles/letter.docx >/dev/null"
check "on record" sh -c "$WARD_TOP/tests/fs/testvault.py events 0 |
	grep '\"kind\": \"audit\"' | grep '\"uid\": 61021' | grep -q letter.docx"
check "and would be with LibreOffice" sh -c "wardctl policy explain cases --user berta --program /usr/lib/libreoffice/program/soffice.bin \
	--op read /casefiles/letter.docx | grep -q 'head of office'"
check "root's find is refused" sh -c "! find $d/casefiles 2>/dev/null"
date -s "2026-12-02 01:30:00 UTC" >/dev/null
mkdir /tmp/backup
check "at night rsync makes a backup" rsync -aX $d/casefiles /tmp/backup
check_is "nobody was refused" "$(refusals)" "$before"
check "intact" intact
# What comes now is refused.
check_errno EACCES "rsync does not write" rsync -a --ignore-times /tmp/backup/casefiles $d
check "but as dora does, who logged in for it" sh -c "echo 61022 >/proc/self/loginuid && 
	exec rsync -aX --ignore-times /tmp/backup/casefiles $d"
check_errno EACCES "berta writes nothing" as berta sh -c "cat /dev/null >$d/casefiles/letter.docx"
check_errno EACCES "alice reads with LibreOffice alone" staff cat $d/casefiles/short.odt
date -s "2026-12-02 09:00:00 UTC" >/dev/null
check_errno EACCES "at any hour" staff cat $d/casefiles/short.odt
check_errno EACCES "and rsync in the night alone" rsync -a $d/casefiles /tmp/backup2
as berta cat $d/casefiles/letter.docx >/tmp/restored
check "what was restored is what it was" cmp /tmp/restored /tmp/backup/casefiles/letter.docx
done_testing
