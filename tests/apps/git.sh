#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# git: the repository of this tree cloned, collected, checked, checked out, worked in; linked clones and worktrees.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
out=$PWD
export GIT_CONFIG_NOSYSTEM=1
git config --global safe.directory '*'
cat >/home/alice/.gitconfig <<'END'
[user]
	name = Alice
	email = alice@example.org
[safe]
	directory = *
[core]
	fsync = all
[gc]
	autoDetach = false
END
chown -R alice:alice /home/alice

# tree_repository: the repository of this tree, bare, outside of the vault
tree_repository()
{
	# Not a local clone: of a shallow repository it takes what is there
	git clone -q --bare --no-local "$WARD_TOP" repo.git
}

# made_repository: one that is made of the files of this tree
made_repository()
{
	git init -q tree
	for part in docs module agent tests; do
		cp -r "$WARD_TOP/$part" tree/
		git -C tree add . &&
		git -C tree -c user.name=a -c user.email=a commit -q -m "$part" || return
	done
	git clone -q --bare tree repo.git
}

# What is made of it beside the vault, to compare with
prepare()
{
	git -C repo.git repack -q -a -d && git -C repo.git fsck && git -C repo.git branch -f main HEAD &&
	git -C repo.git symbolic-ref HEAD refs/heads/main &&
	mkdir plain && git -C repo.git archive main | tar -x -C plain &&
	chown -R alice repo.git plain
}

if [ -e "$WARD_TOP/.git" ]; then
	check "the repository of this tree" tree_repository
else
	check "a repository" made_repository
fi
check "fsck, one pack, a branch" prepare
commits=$(git -C repo.git rev-list --count HEAD)
# What is left of the test is less than it says: few objects, hardly a delta.
if [ "${commits:-0}" -lt 50 ]; then
	skip "a repository with a history" "there are only ${commits:-0} commits"
else
	pass "a repository with a history: $commits commits"
fi
tip=$(git -C repo.git rev-parse main)
# git FILE...: alice's, in the clone
g()
{
	staff git -C $d/clone "$@"
}

check "clone" staff git clone -q "file://$out/repo.git" $d/clone
check_is "it is the same commit" "$(g rev-parse HEAD)" "$tip"
check "fsck" g fsck --full --strict
check "the files are those of the archive" diff -r --no-dereference --exclude=.git plain $d/clone
staff find $d/clone -path $d/clone/.git -prune -o -type f -exec touch {} +
check_is "touched, nothing is changed" "$(g status --porcelain)" ""
# Without looking into files: the index has what stat says.
check_is "the index agrees with stat" "$(g diff-files --name-only)" ""

# A branch with many files changed, made into loose objects, merged, collected
work()
{
	g checkout -q -b work || return
	staff find "$d"/clone/docs -name '*.md' -exec sed -i 's/the/teh/g' {} +
	staff sh -c "cd $d/clone && seq -f 'line %g' 20 >journal.txt && mkdir new && cd new && for i in \$(seq 20); do
		mkdir \$i && echo file \$i >\$i/file || exit
	done" || return
	g add -A && g commit -q -m work && g mv new moved && g commit -q -m moved && g tag -a -m "a tag" v1
}
check "commit" work
check "switch back" g checkout -q main
check "the files are those of the archive" diff -r --no-dereference --exclude=.git plain $d/clone
check "merge" g merge -q --no-ff -m merge work
check_is "and again, nothing is changed" "$(g status --porcelain)" ""
check "reset" g reset -q --hard work
check "stash" sh -c "echo more >>$d/clone/journal.txt"
check "stash: away" g stash -q
check_is "stash: gone" "$(tail -n 1 $d/clone/journal.txt)" "line 20"
check "stash: back" g stash pop -q
check_is "stash: there" "$(tail -n 1 $d/clone/journal.txt)" more
g checkout -q -- journal.txt
check "pack refs, gc" g gc -q --prune=now
check_is "one pack, no loose object" "$(g count-objects -v | awk '/^count/ { c = $2 } /^packs/ { p = $2 } END { print p, c }')" "1 0"
check "fsck" g fsck --full --strict
check "a worktree" g worktree add -q --detach $d/beside origin/main
check "a clone by hard links" staff git clone -q -l $d/clone $d/linked
check "its pack is the same file" sh -c "
	pack=\$(cd $d/clone/.git/objects/pack && ls *.pack) &&
	[ $d/clone/.git/objects/pack/\$pack -ef $d/linked/.git/objects/pack/\$pack ]"
check "push" g push -q origin work v1
check_is "what was pushed arrived" "$(g rev-parse work)" "$(git -C repo.git rev-parse work)"
g rev-list --all --objects | sort >/tmp/objects
picture $d >/tmp/before

check "cold" cold
picture $d >/tmp/after
check "all is as it was" cmp /tmp/before /tmp/after
check "fsck" g fsck --full --strict
check_is "nothing is changed" "$(g status --porcelain)" ""
g rev-list --all --objects | sort >/tmp/objects.cold
check "the same objects" cmp /tmp/objects /tmp/objects.cold
check "the worktree has the files of the archive" diff -r --no-dereference --exclude=.git plain $d/beside
check "intact" intact
done_testing
