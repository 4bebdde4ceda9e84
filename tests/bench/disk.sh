# SPDX-License-Identifier: GPL-2.0-or-later
#
# make_disk SIZE FREE AVAILABLE DIRECTORY: an empty disk, $disk, which the host does not write out or drop in the middle: a
# sparse file in a fresh directory of /dev/shm, where FREE MiB are free in that and AVAILABLE in memory, otherwise in
# DIRECTORY. Who calls removes $disks, if set.

disks=
make_disk()
{
	shm=$(df -m -t tmpfs --output=avail /dev/shm 2>/dev/null | tail -n 1)
	memory=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
	if [ "${shm:-0}" -ge "$2" ] && [ "$memory" -ge "$3" ] && disks=$(mktemp -d /dev/shm/ward-bench.XXXXXX); then
		disk=$disks/disk
	else
		disk=$4/disk
		echo "note: too little memory is free for a disk in /dev/shm (${shm:-0} of $2 MiB, $memory of $3): it is in $4" >&2
	fi
	truncate -s "$1" "$disk"
}
