#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""find-event.py LOG EXPRESSION-FILE: waits until a record of the log, called e, makes the
expression true, and prints what people want to see of it."""
import json, sys, time

SHOWN = ('@timestamp', 'event.kind', 'event.action', 'event.outcome', 'event.reason', 'user.name', 'user.id',
         'process.name', 'process.executable', 'file.path', 'ward.vault', 'ward.kind', 'ward.count')


def flat(value, prefix=''):
    """Nested objects as dotted names: both ways of writing Elastic Common Schema."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flat(inner, prefix + key + '.')
        else:
            yield prefix + key, inner


log = sys.argv[1]
with open(sys.argv[2]) as f:
    expression = '(' + f.read() + ')'
deadline = time.monotonic() + 300
while True:
    try:
        with open(log) as f:
            for line in f:
                if not line.endswith('\n'):
                    break           # it is being written
                e = dict(flat(json.loads(line)))
                if eval(expression, {'e': e.get}):
                    for key in SHOWN:
                        if key in e:
                            print('%-18s %s' % (key, e[key]))
                    sys.exit(0)
    except FileNotFoundError:
        pass
    if time.monotonic() > deadline:
        sys.exit('no such record in %s: %s' % (log, expression))
    time.sleep(0.2)
