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
check "zip" staff sh -c "cd $d/cp && zip -q -r -y $d/all.zip docs hello deep large one-block"
check "zip: it can be read" staff unzip -tq $d/all.zip
check "unzip" staff unzip -q $d/all.zip -d $d/zip
check "unzip: all is there" staff sh -c "cd $d && diff -r --no-dereference zip/docs cp/docs && cmp zip/large cp/large && cmp zip/deep/er/hello-too cp/hello"
staff rm -r $d/cp2 $d/zip

check "cold" cold
alike "cold: rsync" $d/rsync
alike "cold: tar" $d/tar /tmp/want.cp
check "rsync out" staff rsync -aHAXS $d/cp/ /srv/out/rsync
alike "rsync out: all is there" /srv/out/rsync /tmp/want.cp
check "cp -a out" staff cp -a $d/tar /srv/out/tar
alike "cp -a out: all is there" /srv/out/tar /tmp/want.cp
check "rm -r" staff rm -r $d/cp
check "intact" intact
done_testing
