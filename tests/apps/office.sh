#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 1800
#
# LibreOffice, with its profile and its documents in a vault: converts, saves again, keeps its lock files.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
doc=$WARD_TOP/tests/apps/office.py
staff mkdir $d/again $d/profile

office()
{
	staff soffice "-env:UserInstallation=file://$d/profile" --headless --norestore "$@"
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
check "opened, a lock file is there" wait_until test -s "$lock"
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
check "intact" intact
done_testing
