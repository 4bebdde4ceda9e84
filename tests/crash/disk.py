# SPDX-License-Identifier: GPL-2.0-or-later
"""The log that record.c wrote, and disks made of it.

The log is that of the device-mapper target "log-writes", see log.h. A disk is the log up to a flush, in memory (brd),
which only ever moves on, under a snapshot that takes what a state differs in, and what happens to it when it is
mounted. All in this process: starting programs takes most of a second in an emulated machine.
"""
import errno
import fcntl
import os
import struct
import time

SECTOR = 512
MAGIC = 0x6a736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


class Entry:
    """A write (or flush, or mark): where it is in the log, where it went, and the head of what it wrote."""

    def __init__(self, offset, sector, sectors, flags, text, head):
        self.offset, self.sector, self.sectors, self.flags = offset, sector, sectors, flags
        self.text, self.head = text, head
        self.next = offset + SECTOR * (1 + (0 if flags & DISCARD else sectors))

    def whole(self):
        return self, 0, self.sectors


class Log:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY)
        magic, version, count, sector = struct.unpack('<QQQI', os.pread(self.fd, 28, 0))
        if (magic, version, sector) != (MAGIC, 1, SECTOR):
            raise ValueError('%s is no log of dm-log-writes' % path)
        self.entries, at = [], SECTOR
        for _ in range(count):
            raw = os.pread(self.fd, SECTOR + 16, at)
            sector, sectors, flags, length = struct.unpack_from('<QQQQ', raw)
            text = raw[32:32 + length].decode() if flags & MARK else ''
            self.entries.append(Entry(at, sector, sectors, flags, text, raw[SECTOR:] if sectors else b''))
            at = self.entries[-1].next
        self.size, self.end = at, count
        marks = {e.text: i for i, e in enumerate(self.entries) if e.flags & MARK}
        self.begin, self.unmount = marks['begin'], marks['unmount']

    def data(self, entry, skip, sectors):
        if entry.flags & DISCARD:
            return bytes(sectors * SECTOR)
        return os.pread(self.fd, sectors * SECTOR, entry.offset + SECTOR * (1 + skip))

    def save(self, path):
        """A copy of the log, without what lies behind it on its disk."""
        with open(path, 'wb') as f:
            for at in range(0, self.size, 1 << 20):
                f.write(os.pread(self.fd, min(1 << 20, self.size - at), at))

    def flush_before(self, cut):
        """Index of the last flush before this one."""
        while not self.entries[cut - 1].flags & FLUSH:
            cut -= 1
        return cut - 1

    def acknowledged(self, cut, since=0):
        """{worker: operations that are acknowledged before this entry}"""
        count = {}
        for e in self.entries[max(self.begin, since):cut]:
            if is_acknowledgement(e):
                name = e.text.split()[0]
                count[name] = count.get(name, 0) + 1
        return count

    def told(self, who, cut):
        """What this one said before this entry, in order: marks "WHO: TEXT"."""
        return [e.text[len(who) + 2:] for e in self.entries[self.begin:cut] if e.text.startswith(who + ': ')]

    def rare(self):
        """Ranges of entries in which the keeper or the creation is at work."""
        out, since = [], None
        for i in range(self.begin, self.end):
            text = self.entries[i].text
            if text == 'creation: begins':
                creation = i
            elif text == 'creation: done':
                # Four times: as often as all that the keeper does.
                out += [(creation, i + 1)] * 4
            elif text.startswith('keeper: ') and text.endswith('?') and since is None:
                since = i
            elif text.startswith(('keeper: unlocked', 'keeper: policy')) and not text.endswith('?'):
                out.append((since, i + 8))
                since = None
        return out


def is_acknowledgement(entry):
    return bool(entry.flags & MARK) and entry.text[-1:].isdigit() and ':' not in entry.text


class Mapper:
    """Device-mapper devices of one target, by ioctl(2): Linux' include/uapi/linux/dm-ioctl.h."""
    CREATE, REMOVE, SUSPEND, LOAD = 3, 4, 6, 9
    SIZE, HEAD = 4096, 312

    def __init__(self):
        self.control = os.open('/dev/mapper/control', os.O_RDWR)

    def call(self, command, name, sectors=0, target='', text=''):
        buf = bytearray(self.SIZE)
        struct.pack_into('<IIIIIIiIIIQ128s', buf, 0, 4, 0, 0, self.SIZE, self.HEAD, 1 if target else 0, 0, 0, 0, 0, 0,
                         name.encode())
        if target:
            struct.pack_into('<QQiI16s', buf, self.HEAD, 0, sectors, 0, 0, target.encode())
            buf[self.HEAD + 40:self.HEAD + 40 + len(text)] = text.encode()
        fcntl.ioctl(self.control, 3 << 30 | self.HEAD << 16 | 0xfd << 8 | command, buf)
        return struct.unpack_from('<Q', buf, 40)[0]

    def create(self, name, sectors, target, text):
        """The new device's path. There is no udev to make a node of its name."""
        dev = self.call(self.CREATE, name)
        self.call(self.LOAD, name, sectors, target, text)
        self.call(self.SUSPEND, name)           # without the flag to suspend: resumes
        return '/dev/dm-%d' % (dev & 0xff | dev >> 12 & 0xfff00)

    def remove(self, name):
        for _ in range(100):
            try:
                self.call(self.REMOVE, name)
                return
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                time.sleep(0.05)
        raise OSError(errno.EBUSY, 'device %s is in use' % name)


class Disk:
    """Makes states of a log. BASE and CHANGES are two empty devices of the recorded disk's size."""

    def __init__(self, log, base, changes, mib):
        self.log, self.at, self.sectors = log, 0, mib << 11
        self.base, self.changes = base, changes
        self.mapper = Mapper()

    def write(self, device, parts):
        fd = os.open(device, os.O_WRONLY)
        for entry, skip, sectors in parts:
            os.pwrite(fd, self.log.data(entry, skip, sectors), (entry.sector + skip) * SECTOR)
        os.fsync(fd)
        os.close(fd)

    def make(self, state):
        """The path of a device that is this state. Bases only ever move on."""
        if state.base + 1 > self.at:
            self.write(self.base, [e.whole() for e in self.log.entries[self.at:state.base + 1] if e.sectors])
            self.at = state.base + 1
        device = self.mapper.create('crash', self.sectors, 'snapshot', '%s %s N 8' % (self.base, self.changes))
        if state.parts:
            self.write(device, state.parts)
        return device

    def forget(self):
        self.mapper.remove('crash')
