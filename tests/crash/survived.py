#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at a disk of a machine that was really cut off: survived.py DEVICE FS SEED MARKS SIDE. Prints TAP."""
import os
import sys

import creation
import look
import workers


def main(device, fs, seed, marks, side):
    with open(marks) as f:
        lines = f.read().splitlines()
    acks, told = {}, {'keeper': [], 'creation': []}
    for line in lines:
        name, _, text = line.partition(' ')
        if name.endswith(':'):
            told[name[:-1]].append(text)
        else:
            acks[name] = acks.get(name, 0) + 1
    for path in (look.LOWER, look.BELOW):
        os.makedirs(path, exist_ok=True)
    promised = look.Promised(acks, told['keeper'], told['creation'], True)
    print('# seed %s, %d operations acknowledged; keeper: %s; creation: %s' % (
        seed, sum(acks.values()), ', '.join(told['keeper']) or '-', ', '.join(told['creation']) or '-'))
    why, settled = look.look(device, fs, workers.everybody(seed), promised, creation.Created(side))
    print('%sok 1 - nothing is lost; %d files settled as "crash or cut"' % ('not ' if why else '', settled))
    for line in why[:20]:
        print('#   ' + line.replace('\n', ' '))
    print('1..1')
    sys.exit(bool(why))


if __name__ == '__main__':
    main(*sys.argv[1:])
