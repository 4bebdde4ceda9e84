#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# Editors, and how each of them saves: in place, through a new file renamed, with backups, swap and lock files.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
vim=$(command -v vim.tiny || command -v vim)

# letter FILE: with owner, mode, ACL, an xattr and a second name, to see what a save does to them
letter()
{
	seq -f 'line %g of the letter' 1 2000 | staff tee "$1" >/dev/null &&
	staff chmod 640 "$1" && staff setfacl -m u:bob:rw "$1" && staff setfattr -n user.subject -v letter "$1"
}

# saved FILE WANTED-LINE: that line is there, and nothing else differs
saved()
{
	seq -f 'line %g of the letter' 1 2000 | sed "7s/.*/$2/" | cmp - "$1"
}

# on_terminal COMMAND...: with keys from standard input
on_terminal()
{
	staff script -q -e -c "$*" /dev/null
}

with_vim()
{
	staff "$vim" -N -u NONE -i NONE -n -es -c "set backupcopy=$2 $3" -c '7s/.*/vim was here/' -c wq "$1"
}

for copy in yes no auto; do
	f=$d/vim-$copy
	letter $f
	ln $f $f.name
	check "vim, backupcopy=$copy" with_vim $f $copy "backup"
	check "vim, backupcopy=$copy: saved" saved $f "vim was here"
	check "vim, backupcopy=$copy: the backup is the old one" saved $f~ "line 7 of the letter"
	check_is "vim, backupcopy=$copy: mode and ACL" "$(stat -c %A $f)$(getfacl -cpE $f | grep bob)" "-rw-rw----user:bob:rw-"
	case $copy in
	no) check "it is a new file" sh -c "! [ $f -ef $f.name ]" ;;
	*) check "it is the same file" test $f -ef $f.name ;;
	esac
done
check_is "vim leaves no temporary file" "$(find $d -name '.*.sw*' -o -name 4913)" ""

f=$d/swap
letter $f
mkfifo /tmp/keys
chown alice /tmp/keys
on_terminal "$vim -N -u NONE -i NONE $f" </tmp/keys >/tmp/vim.out 2>&1 &
exec 7>/tmp/keys
printf 'ggOtyped and not saved\033' >&7
printf ':preserve\n' >&7
check "vim: a swap file, kept up to date" wait_for "vim" grep -qa "typed and not saved" $d/.swap.swp
pkill -9 -u alice -x "${vim##*/}"
exec 7>&-
wait
check "vim: recovered after it was killed" staff "$vim" -N -u NONE -i NONE -es -r $f -c 'w! /srv/cases/recovered' -c 'q!'
check_is "with what was typed" "$(head -n 1 $d/recovered)" "typed and not saved"
staff rm -f $d/.swap.swp

f=$d/nano
letter $f
on_terminal "TERM=linux nano --ignorercfiles --backup +7 $f" </tmp/keys >/tmp/nano.out 2>&1 &
nano=$!
exec 7>/tmp/keys
check "nano shows the file" wait_for "nano" grep -qa "line 9 of the letter" /tmp/nano.out
# ^K cuts the line, ^O saves, ^X leaves
printf '\013nano was here\r\017\r' >&7
check "nano writes" wait_for "nano" grep -q "nano was here" $f
printf '\030' >&7
exec 7>&-
check "nano leaves" wait $nano
check "nano: saved" saved $f "nano was here"
check "nano: the backup is the old one" saved $f~ "line 7 of the letter"

f=$d/sed
letter $f
check "sed -i" staff sed -i.orig '7s/.*/sed was here/' $f
check "sed -i: saved" saved $f "sed was here"
check "sed -i: the backup is the old one" saved $f.orig "line 7 of the letter"
check_is "sed -i: mode" "$(stat -c %A $f)" "-rw-rw----"
staff ln -s sed $d/link
check "sed -i --follow-symlinks" staff sed -i --follow-symlinks '7s/was/is/' $d/link
check "sed -i --follow-symlinks: saved" saved $f "sed is here"
check "and the link is one" test -L $d/link

f=$d/ed
letter $f
check "ed" sh -c "printf '7c\ned was here\n.\nw\nq\n' | setpriv --reuid alice --regid alice --init-groups ed -s $f"
check "ed: saved" saved $f "ed was here"
check_is "ed: the xattr is there" "$(getfattr --absolute-names --only-values -n user.subject $f)" letter

# As desktop programs do it: a new file beside it, synced, with the old one's attributes, and a rename with a backup
staff python3 - $d <<'END'
import os, shutil, sys, tempfile
os.chdir(sys.argv[1])
for k in range(30):
    data = b'version %d\n' % k * (1 + 400 * (k % 3))
    fd, new = tempfile.mkstemp(dir='.', prefix='.goutputstream-')
    os.write(fd, data)
    if k:
        shutil.copystat('doc', new)
        os.fchmod(fd, os.stat('doc').st_mode & 0o7777)
    os.fsync(fd)
    os.close(fd)
    if k:
        if os.path.exists('doc~'):
            os.unlink('doc~')
        os.link('doc', 'doc~')
    os.rename(new, 'doc')
    with open('doc', 'rb') as f:
        assert f.read() == data
    if k:
        with open('doc~', 'rb') as f:
            assert f.read() == old
    old = data
END
check_is "a new file renamed over the old one, many times" 0 $?

picture $d >/tmp/before
check "cold" cold
picture $d >/tmp/after
check "all is as it was" cmp /tmp/before /tmp/after
check "intact" intact
done_testing
