#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# timeout: 900
#
# fio writes, and verifies what it reads, with each way of doing I/O, buffered and with O_DIRECT.

. "$WARD_TOP/tests/apps/app.sh"

check "a vault" vault --allow root
cat >job <<'END'
[global]
directory=/srv/cases
size=6m
verify=crc32c
verify_fatal=1
do_verify=1
randrepeat=1
thread=0
group_reporting=1
fallocate=none
verify_state_save=0
unlink=0
create_on_open=1
END
# job NAME OPTION...
job()
{
	printf '[%s]\nstonewall\n' "$1" >>job
	shift
	printf '%s\n' "$@" >>job
}
job psync ioengine=psync rw=randwrite bs=4k
# Blocks that are aligned to nothing
job odd ioengine=psync rw=randwrite bsrange=512-20k bs_unaligned=1 norandommap=0
job psync-direct ioengine=psync rw=randwrite bs=4k direct=1
job vsync-fsync ioengine=vsync rw=write bs=16k fsync=16
# Of a hole, which it fills
job mmap ioengine=mmap rw=randwrite bs=4k create_on_open=0
job libaio ioengine=libaio rw=randwrite bs=8k iodepth=8
job libaio-direct ioengine=libaio rw=randwrite bs=8k iodepth=8 direct=1
job io_uring ioengine=io_uring rw=randwrite bs=4k iodepth=8
job io_uring-direct ioengine=io_uring rw=randwrite bs=64k iodepth=4 direct=1
job two ioengine=psync rw=randwrite bs=4k numjobs=2 size=3m
job append ioengine=psync rw=write bs=1000 size=1m file_append=0
job trunc ioengine=psync rw=randwrite bs=4k size=3m overwrite=1

run_fio()
{
	if ! staff fio --output-format=normal "$@" job >fio.out 2>&1 || grep -qiE 'verify: bad|error|got signal' fio.out; then
		grep -E '^(fio|verify|[a-z_-]+:)|error' fio.out
		return 1
	fi
}

check "written and verified" run_fio
check_is "by every engine" "$(grep -c 'err= 0' fio.out)" 12
check "cold" cold
check "verified again, nothing of it in memory" run_fio --verify_only
check_is "by every engine" "$(grep -c 'err= 0' fio.out)" 12
check "intact" intact
done_testing
