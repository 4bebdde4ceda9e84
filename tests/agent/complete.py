# SPDX-License-Identifier: GPL-2.0-or-later
"""Is the log complete? Argument: the log; before it --tail, when what comes first need not be there any more.

Against the kernel's own words, not wardd's: numbers from 1 to the last event of the module's
load, each once, or counted in a record of lost ones or of several; and the hash chain, worked out anew.
"""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.environ['WARD_TOP'] + '/tests/netlink')
from nl import *

module = Client().module()
load, following = module['LOAD_ID'].hex(), number(module['EVENT_NEXT'])
prev, last, lost = '0' * 64, 0, 0
if sys.argv[1] == '--tail':
    prev = last = None
with open(sys.argv[-1], 'rb') as f:
    for n, line in enumerate(f, 1):
        assert line.endswith(b'\n'), f'line {n} is not finished'
        line = line[:-1]
        e = json.loads(line)
        assert e['ward.prev'] == prev or prev is None, f'line {n} does not follow from the one before'
        prev = hashlib.sha256(line).hexdigest()
        # wardd's own, without a number
        if e['ward.kind'] == 'seal' or e['ward.load_id'] != load:
            continue
        if last is None:
            pass
        elif e['ward.kind'] == 'lost':
            assert e['event.sequence'] == last + e['ward.count'], f'line {n}: {e}, after {last}'
        else:
            assert e['event.sequence'] == last + e.get('ward.span', 1), \
                f'line {n} has the number {e["event.sequence"]}, after {last}'
        last = e['event.sequence']
        lost += e['ward.count'] if e['ward.kind'] == 'lost' else 0
assert last + 1 == following, f'the log ends with event {last}, the kernel with {following - 1}'
print(f'{last} events, {lost} of them lost')
