# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cipher alone takes: the kernel's own benchmark of it (tcrypt), and for how many blocks."""
import re, subprocess

CAP_FIRST, CAP = 3552, 4064         # docs/format.md
PAGE = 4096
TREE = [150, 600, 900, 1500, 2200, 3000, 4200, 7000, 16000, 65000]      # bytes, in turn: make_tree() of work.c


def blocks(size):
    """Those of a file of @size bytes."""
    return 1 + max(0, -(-(size - CAP_FIRST) // CAP))


def once():
    subprocess.run(['dmesg', '-C'], check=True)
    # It always "fails", so that it does not stay loaded.
    subprocess.run(['modprobe', 'tcrypt', 'mode=211', 'sec=0'], stderr=subprocess.DEVNULL)
    took, way, key = {}, None, None
    log = subprocess.run(['dmesg'], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in log.splitlines():
        m = re.search(r'testing speed of (?:\w+ )*(\S+) \((\S+)\) (encryption|decryption)', line)
        if m:
            way = m[3] if m[1] == 'gcm(aes)' else None
        m = re.search(r'\((\d+) bit key, (\d+) byte blocks\)', line)
        if m:
            key = m.groups()
        m = re.search(r'1 operation in (\d+) cycles', line)
        if m and way and key == ('256', '4096'):
            took[way] = int(m[1])
    if set(took) != {'encryption', 'decryption'}:
        raise OSError(0, 'tcrypt does not say how long the cipher takes:\n' + log)
    with open('/proc/cpuinfo') as f:
        mhz = float(re.search(r'cpu MHz\s*: ([\d.]+)', f.read())[1])
    return {way: cycles * 1000 / mhz for way, cycles in took.items()}


def speed(times=1):
    """Nanoseconds that 4096 bytes take, 'encryption' and 'decryption': the least of so many times."""
    took = [once() for _ in range(times)]
    return {way: min(t[way] for t in took) for way in took[0]}


def need(n, ns):
    """Nanoseconds that one CPU needs for the blocks that a workload has to touch: by its name in table.py. @n: sizes,
    @ns: of speed(). 4 KiB lie in two blocks, and at times in three."""
    seal, open_ = (ns[way] * CAP / PAGE for way in ('encryption', 'decryption'))
    whole, small = blocks(n['mib'] << 20), blocks(PAGE)
    return {
        'write': whole * seal,
        'read cold': whole * open_,
        'read warm': 0,
        'mmap cold': whole * open_,
        'random read cold': n['random'] * 2 * open_,
        'random read warm': 0,
        # Both are read and opened, changed, sealed and written.
        'overwrite': n['random'] * 2 * (open_ + seal),
        'overwrite sync': n.get('each', 0) * 2 * (open_ + seal),
        'create': n['files'] * small * seal,
        'cp -a': n.get('tree', 0) * sum(map(blocks, TREE)) / len(TREE) * seal,
        'read files cold': n['files'] * small * open_,
        # Names have a cipher of their own.
        'stat cold': 0,
        'unlink': 0,
    }
