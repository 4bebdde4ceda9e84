# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by tests of wardctl: a lower file system on /srv, a passphrase, and files to make vaults of.
#
#   files DIR		fills DIR with every kind of file that there is
#   picture DIR		what DIR looks like from above: to be compared with another picture
#   refused STATUS REGEX NAME COMMAND...	passes when the command exits so, and says something that matches

. "$WARD_TOP/tests/vm/lib.sh"

pass=/root/pass
echo "correct horse battery staple" >$pass
# What test files before this one made
rm -f /etc/ward/vaults.d/*.conf

refused()
{
	cli_status=$1
	cli_regex=$2
	cli_name=$3
	shift 3
	cli_got=0
	"$@" >"$lib_out" 2>&1 </dev/null || cli_got=$?
	if [ $cli_got = "$cli_status" ] && grep -qE "$cli_regex" "$lib_out"; then
		pass "$cli_name"
	else
		echo "exit status $cli_got instead of $cli_status, or nothing like \"$cli_regex\", from: $*" >>"$lib_out"
		fail "$cli_name"
	fi
}

lower()
{
	mklower "${WARD_LOWER:-ext4}" /srv
}

files()
{
	mkdir -p "$1"
	(
		cd "$1" || exit
		mkdir -p letters/2024 empty "name with  blanks"
		cp /usr/share/common-licenses/GPL-3 letters/gpl
		echo hello >hello
		: >nothing
		head -c 3552 /dev/urandom >one-block
		head -c 300000 /dev/urandom >letters/2024/random
		truncate -s 9M sparse
		printf middle | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
		ln hello letters/hello-again
		ln -s ../hello letters/link
		ln -s "$(head -c 600 /dev/zero | tr '\0' t)" long-link
		mkfifo pipe
		mknod null c 1 3
		echo x >"$(head -c 255 /dev/zero | tr '\0' n)"
		printf 'odd\n' >"$(printf 'odd\001\377name')"
		setfattr -n user.color -v green hello
		setfattr -n user.on-a-dir -v yes letters
		setfattr -n trusted.ward -v root-only letters/gpl
		setfacl -m u:mallory:r hello
		setfacl -d -m g:caseworkers:rwx letters
		chmod 4755 one-block
		chmod 640 letters/gpl
		chown alice:caseworkers letters letters/gpl
		chown -h bob letters/link
		find . -depth -exec touch -h -d '2021-03-04 05:06:07.123456789' {} +
	)
	touch -d '2022-01-01 00:00:00.5' "$1"
}

# Everything that must survive: types, modes, owners, sizes, times, links, ACLs, xattrs, contents. Inode numbers do
# not: of hard links, which names belong together is told instead.
picture()
{
	(
		cd "$1" || exit
		find . -path ./lost+found -prune -o -print0 | LC_ALL=C sort -z >/tmp/picture.list
		find . -path ./lost+found -prune -o -printf '%P|%y|%m|%U:%G|%T@|%l|' \
			\( -type f -printf '%n|%s' -o -printf - \) -printf '\n' | LC_ALL=C sort
		find . -path ./lost+found -prune -o -type f -links +1 -printf '%P %i\n' | LC_ALL=C sort | awk '
			!($2 in seen) { seen[$2] = ++k }
			{ print "same", seen[$2], $1 }'
		xargs -0 getfattr -P -h -d -m '^(user|trusted)\.' </tmp/picture.list 2>/dev/null | grep -v '^trusted.SGI_ACL_'
		xargs -0 getfacl -P -n </tmp/picture.list 2>/dev/null
		find . -path ./lost+found -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
	)
}
