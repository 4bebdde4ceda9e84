# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP for tests in Python, and the compiled peer that they ask."""
import os
import subprocess
import sys
import traceback

UNIT = os.environ.get('WARD_UNIT') or os.path.join(os.path.dirname(__file__), '../../build/unit')


class Skip(Exception):
    pass


def run(tests):
    """Runs functions; each raises what is wrong. Returns the exit status."""
    print(f'TAP version 13\n1..{len(tests)}')
    failed = 0
    for i, test in enumerate(tests, 1):
        name = test.__name__.replace('_', ' ')
        try:
            test()
            print(f'ok {i} - {name}')
        except Skip as why:
            print(f'ok {i} - {name} # SKIP {why}')
        except Exception:       # whatever it is, it is told, and the next test runs
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
            print(f'not ok {i} - {name}')
        sys.stdout.flush()
    return failed > 0


class Peer:
    def __init__(self):
        self.process = subprocess.Popen([os.path.join(UNIT, 'peer')], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *words):
        self.process.stdin.write(' '.join(str(w) for w in words) + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f'the peer ended with {self.process.wait()}: {words}'[:500])
        return answer.rstrip('\n').split(' ')
