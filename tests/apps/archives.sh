#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# rsync, tar, zip and cp carry a tree into a vault and out of it with all that it has: hard links, ACLs, xattrs, holes.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root

# source DIR: a tree with everything, on the file system below
source()
{
	mkdir -p "$1" && cd "$1" || return
	cp -r "$WARD_TOP/docs" "$WARD_TOP/agent" . &&
	mkdir -p deep/er/still empty "name with  blanks" &&
	echo hello >hello &&
	ln hello deep/hello-again && ln hello deep/er/hello-too &&
	ln -s ../hello deep/link && ln -s nowhere deep/dangling &&
	: >nothing &&
	head -c 3552 /dev/urandom >one-block && head -c 3553 /dev/urandom >one-more &&
	head -c 3000000 /dev/urandom >large &&
	truncate -s 9M sparse && printf middle | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none &&
	truncate -s 3M only-hole &&
	echo x >"$(head -c 255 /dev/zero | tr '\0' n)" &&
	printf 'odd\n' >"$(printf 'odd\001\377name')" &&
	setfattr -n user.color -v green hello && setfattr -n user.on-a-dir -v yes deep &&
	setfattr -n user.binary -v 0x00ff0a00 one-block &&
	setfacl -m u:bob:r,g:caseworkers:rw hello && setfacl -d -m u:bob:rwx,o::- deep/er &&
	chmod 640 nothing && chmod 4750 one-block && chmod 1777 empty &&
	chown -R alice:caseworkers . && chmod 4750 one-block &&
	find . -depth -exec touch -h -d '2021-03-04 05:06:07.123456789' {} + &&
	cd - >/dev/null || exit
}

check "a tree" source /srv/tree
picture /srv/tree >/tmp/want
check "the picture shows ACLs, xattrs and links" sh -c "grep -q system.posix_acl_access /tmp/want &&
	grep -q system.posix_acl_default /tmp/want && grep -q user.binary=00ff0a00 /tmp/want && grep -q 'first seen' /tmp/want"

# alike NAME DIR [PICTURE]: it has all that the source has, or that picture
alike()
{
	picture "$2" >/tmp/got
	check "$1" diff -a "${3-/tmp/want}" /tmp/got
}

# Like the vault, below: what cp makes there is what it has to make here. (In a directory with set-group-id it keeps
# that bit, for one.)
mkdir /srv/out
chown root:caseworkers /srv/out
chmod 2770 /srv/out
staff cp -a /srv/tree /srv/out/cp
picture /srv/out/cp >/tmp/want.cp
# Of programs that run as alice (the owner of it all)
check "rsync in" staff rsync -aHAXS /srv/tree/ $d/rsync
alike "rsync: all is there" $d/rsync
check_is "rsync: a second run has nothing to do" "$(staff rsync -aHAXSi /srv/tree/ $d/rsync)" ""
check_is "rsync: nor one that compares contents" "$(staff rsync -aHAXSci $d/rsync/ /srv/tree)" ""
check "rsync: holes are kept" sh -c "[ \$(stat -c %b $d/rsync/sparse) -lt 4000 ]"
staff sh -c "echo more >>$d/rsync/hello; printf X | dd of=$d/rsync/large bs=1 seek=2000000 conv=notrunc status=none; rm $d/rsync/nothing"
check "rsync mends in place what was changed" staff rsync -aHAXS --inplace --no-whole-file /srv/tree/ $d/rsync
staff touch -d '2021-03-04 05:06:07.123456789' $d/rsync
alike "rsync: all is there again" $d/rsync
check "rsync within the vault, linking what is the same" staff rsync -aHAX --link-dest=../rsync $d/rsync/ $d/linked
check "which is one file" test $d/linked/large -ef $d/rsync/large
staff rm -r $d/linked
check "cp -a in" staff cp -a /srv/tree $d/cp
alike "cp -a: all is there" $d/cp /tmp/want.cp
check "cp -a --sparse=always in the vault" staff cp -a --sparse=always $d/cp $d/cp2
alike "cp -a: all is there" $d/cp2 /tmp/want.cp
check "tar out" staff tar --xattrs --acls -S -C $d/cp2 -cf $d/all.tar .
check "tar: nothing differs" staff tar --xattrs --acls -C $d/cp2 -df $d/all.tar
staff mkdir $d/tar
check "tar in" staff tar --xattrs --xattrs-include='user.*' --acls -S -C $d/tar -xpf $d/all.tar
alike "tar: all is there" $d/tar /tmp/want.cp
# From one side to the other: the archive, and what comes out of it, with modes and times
staff mkdir $d/tar-in /srv/out/tar-out
check "tar of what lies outside" staff tar --xattrs --acls -S -C /srv/tree -cf /srv/out/all.tar .
check "tar of that into the vault" \
	staff tar --xattrs --xattrs-include='user.*' --acls -S -C $d/tar-in -xpf /srv/out/all.tar
alike "tar into the vault: all is there" $d/tar-in
check "tar of what lies in the vault" staff tar --xattrs --acls -S -C $d/tar-in -cf /srv/out/vault.tar .
check "tar of that out of it" \
	staff tar --xattrs --xattrs-include='user.*' --acls -S -C /srv/out/tar-out -xpf /srv/out/vault.tar
alike "tar out of the vault: all is there" /srv/out/tar-out
check "zip" staff sh -c "cd $d/cp && zip -q -r -y $d/all.zip docs hello deep large one-block"
check "zip: it can be read" staff unzip -tq $d/all.zip
check "unzip" staff unzip -q $d/all.zip -d $d/zip
check "unzip: all is there" staff sh -c "cd $d && diff -r --no-dereference zip/docs cp/docs && cmp zip/large cp/large && cmp zip/deep/er/hello-too cp/hello"
# zip keeps neither hard links nor ACLs, of times seconds, and those of symlinks not at all: what it makes outside is
# what it has to make here.
zipped()
{
	staff sh -c "cd $1 && zip -q -r -y $2 docs hello deep large one-block"
}
# unzipped FILE DIR: -K: with set-user-id
unzipped()
{
	staff unzip -q -K "$1" -d "$2" && staff find "$2" -type l -exec touch -h -d '2021-03-04 05:06:07' {} + &&
	staff touch -d '2021-03-04 05:06:07' "$2"
}
# modes_and_times DIR: of all in it, symlinks but for their times
modes_and_times()
{
	(cd "$1" && find . -mindepth 1 ! -type l -exec stat -c '%n %a %Y' {} +) >/tmp/zipped
	grep -q '^./docs/format.md ' /tmp/zipped && while read -r name mode time; do
		late=$((time - $(stat -c %Y "/srv/tree/$name")))
		[ "$mode" = "$(stat -c %a "/srv/tree/$name")" ] && [ $late -ge -2 ] && [ $late -le 2 ] ||
			{ echo "$name: mode $mode, $late seconds later" && return 1; }
	done </tmp/zipped
}
check "zip of what lies outside" zipped /srv/tree /srv/out/outside.zip
check "zip of what lies in the vault" zipped $d/tar-in /srv/out/vault.zip
check "unzip outside" unzipped /srv/out/outside.zip /srv/out/zip
check "modes are those of the source, times within the 2 seconds of zip" modes_and_times /srv/out/zip
picture /srv/out/zip >/tmp/want.zip
check "unzip of that into the vault" unzipped /srv/out/outside.zip $d/zip-in
alike "zip into the vault: as outside" $d/zip-in /tmp/want.zip
check "unzip of the vault's outside" unzipped /srv/out/vault.zip /srv/out/zip-out
alike "zip out of the vault: the same" /srv/out/zip-out /tmp/want.zip
staff rm -r $d/cp2 $d/zip $d/tar-in $d/zip-in

check "cold" cold
alike "cold: rsync" $d/rsync
alike "cold: tar" $d/tar /tmp/want.cp
check "rsync out" staff rsync -aHAXS $d/cp/ /srv/out/rsync
alike "rsync out: all is there" /srv/out/rsync /tmp/want.cp
check "cp -a out" staff cp -a $d/tar /srv/out/tar
alike "cp -a out: all is there" /srv/out/tar /tmp/want.cp
check "rm -r" staff rm -r $d/cp

# By root, who alone sees and keeps whose a file is, trusted.* xattrs and capabilities
foreign()
{
	cp -a /srv/tree/docs /srv/tree/deep /srv/tree/hello "$1"/ && cd "$1" || return
	echo "bob's" >bobs && cp /bin/true program && cp /bin/true both && mkdir shared && mknod device c 1 3 && mkfifo pipe &&
	ln -s bobs link && chown bob:bob bobs && chown -h bob:caseworkers link &&
	chown 54321:54322 program both deep && chown nobody:caseworkers shared pipe && chmod 2770 shared && chmod 4755 both &&
	setfattr -n trusted.note -v "for root alone" bobs && setfattr -n trusted.on-a-dir -v 0x00ff01 shared &&
	setfattr -h -n trusted.on-a-link -v yes link &&
	setcap cap_net_raw,cap_dac_read_search+ep program && setcap cap_net_bind_service=p both && ln program program-too &&
	find . -depth -exec touch -h -d '2020-02-03 04:05:06.987654321' {} + &&
	cd - >/dev/null || exit
}
# seen DIR: by root
seen()
{
	python3 "$WARD_TOP/tests/apps/picture.py" "$1"
}
kept()
{
	seen "$2" >/tmp/got
	check "$1" diff -a /tmp/want.foreign /tmp/got
}
mkdir /srv/foreign
check "a tree of many owners" foreign /srv/foreign
seen /srv/foreign >/tmp/want.foreign
check "the picture shows owners, trusted xattrs and capabilities" sh -c "grep -q '54321:54322.*security.capability=' /tmp/want.foreign &&
	grep -q 'trusted.on-a-link=' /tmp/want.foreign && grep -q 'trusted.on-a-dir=00ff01' /tmp/want.foreign"
check "root's rsync in" rsync -aHAX /srv/foreign/ $d/foreign
kept "root's rsync in: all is there" $d/foreign
check_is "root's rsync: a second run has nothing to do" "$(rsync -aHAXi /srv/foreign/ $d/foreign)" ""
check "cold" cold
kept "cold: all is there still" $d/foreign
check_is "the capabilities are as setcap wrote them" "$(getcap $d/foreign/program)" \
	"$d/foreign/program cap_dac_read_search,cap_net_raw=ep"
check "root's rsync out" rsync -aHAX $d/foreign/ /srv/foreign.out
kept "root's rsync out: all is there" /srv/foreign.out
check_is "root's rsync: nothing to do, nor for one that compares contents" "$(rsync -aHAXci $d/foreign/ /srv/foreign)" ""
check "intact" intact
done_testing
