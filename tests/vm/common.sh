# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Sourced by the scripts of this directory that run on the host.

# Outside the tree, because what lies here takes long to make: the debug kernel, files out of linux-source.
# shellcheck disable=SC2034
WARD_CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ward

say()
{
	echo "# $*" >&2
}

die()
{
	echo "error: $*" >&2
	exit 1
}

# The kernel that `make` builds for by default: the newest whose headers are installed
newest_kernel()
{
	for dir in /lib/modules/*/build; do
		[ -e "$dir/Makefile" ] || continue
		dir=${dir%/build}
		echo "${dir##*/}"
	done | sort -V | tail -n 1
}

# unpack_kernel BZIMAGE VMLINUX: takes the ELF image out of a bzImage, so that QEMU can enter it directly (PVH) and
# the slow unpacking need not be emulated. Offsets are those of the x86 boot protocol (Documentation/x86/boot.rst).
unpack_kernel()
{
	field() { od -An -v "-tu$2" -j "$1" -N "$2" "$3" | tr -d ' '; }
	setup_sects=$(field 497 1 "$1")
	start=$(((setup_sects + 1) * 512 + $(field 584 4 "$1")))
	length=$(field 588 4 "$1")
	tail -c "+$((start + 1))" "$1" | head -c "$length" >"$2.packed.$$"
	case $(od -An -tx1 -N 4 "$2.packed.$$" | tr -d ' ') in
	fd377a58) xz -dcq --single-stream <"$2.packed.$$" ;;
	28b52ffd) zstd -dcq <"$2.packed.$$" ;;
	1f8b*) gzip -dcq <"$2.packed.$$" ;;
	*) false ;;
	esac >"$2.new.$$" 2>/dev/null || :	# the size that follows is taken for garbage
	rm -f "$2.packed.$$"
	[ "$(field 0 4 "$2.new.$$")" = 1179403647 ] || { rm -f "$2.new.$$"; return 1; }	# "\177ELF"
	mv "$2.new.$$" "$2"
}
