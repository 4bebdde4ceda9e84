# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by the two halves of the demonstration: where things are, and how they are told. tests/vm/demo makes
# headings out of lines "# == ...", indents lines "# | ...", and puts lines "# sum ..." under the heading at the end.

. "$WARD_TOP/tests/vm/lib.sh"

name=beneficiaries
vault=/srv/$name
plain=/srv/plain
below=/run/ward/lower/$name
events=/var/log/ward/events.jsonl
passphrase=/srv/.machine/passphrase
python="env PYTHONDONTWRITEBYTECODE=1 HOME=/home/alice python3 $WARD_TOP/tests/demo"

# heading TEXT: a step begins; what it shows counts from here
heading()
{
	failed_before=$lib_failed
	echo "# == $*"
}

# tell TEXT...: something to look at; standard input when there is no TEXT
tell()
{
	if [ $# -gt 0 ]; then
		echo "# | $*"
	else
		sed 's/^/# | /'
	fi
}

# What the last check's command said; when it failed, that is shown already.
tell_output()
{
	if ! grep -q '^exit status' "$lib_out"; then
		tell <"$lib_out"
	fi
}

# sum TEXT: what this step showed, for the end; only when all of it was as promised
sum()
{
	if [ "$lib_failed" = "$failed_before" ]; then
		echo "# sum $*"
	fi
}

# This machine forgets all but its disk: its configuration and its log lie there.
machine_state()
{
	for dir in /etc/ward /var/lib/ward /var/log/ward; do
		mkdir -p "$dir" "/srv/.machine$dir"
		mount --bind "/srv/.machine$dir" "$dir"
	done
	chmod 700 /srv/.machine
	wardd >/tmp/wardd.out 2>&1 &
	i=0
	while [ ! -e /run/ward/wardd.pid ] && [ $i -lt 3000 ]; do
		sleep 0.1
		i=$((i + 1))
	done
}

alice()
{
	as alice env HOME=/home/alice "$@"
}

# logged DESCRIPTION PYTHON-EXPRESSION: waits for a record "e" of the log that makes it true, and shows it
logged()
{
	printf '%s\n' "$2" >/tmp/wanted
	check "$1" $python/find-event.py "$events" /tmp/wanted
	tell_output
}

# listing_of USER DIR: owner, mode, times, size, links and targets of all that is in it
listing_of()
{
	as "$1" find "$2" -mindepth 1 \( -type d -printf '%P|%y|%m|%u|%g|%T@\n' \) -o \
		-printf '%P|%y|%m|%u|%g|%T@|%n|%l|%s\n' | sort
}

same_listing()
{
	listing_of root "$plain" >/tmp/listing.plain
	listing_of alice "$vault" >/tmp/listing.vault
	[ -s /tmp/listing.vault ] && diff /tmp/listing.plain /tmp/listing.vault
}

# lower_of FILE: where FILE lies below
lower_of()
{
	find "$below/.ward/tree" -inum "$(alice stat -c %i "$1")"
}
