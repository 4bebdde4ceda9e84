# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP for tests in Python, and the compiled peer that they ask."""
import multiprocessing
import os
import subprocess
import traceback

UNIT = os.environ.get('WARD_UNIT') or os.path.join(os.path.dirname(__file__), '../../build/unit')


class Skip(Exception):
    pass


def one(test):
    """Runs one function. Returns: did it fail, what TAP says of it, and why."""
    name = test.__name__.replace('_', ' ')
    try:
        test()
        return False, name, []
    except Skip as why:
        return False, f'{name} # SKIP {why}', []
    except Exception:       # whatever it is, it is told, and the next test runs
        return True, name, traceback.format_exc().splitlines()


def run(tests, jobs=1):
    """Runs functions, @jobs at once in processes of their own; each raises what is wrong. Returns the exit status."""
    print(f'TAP version 13\n1..{len(tests)}', flush=True)
    status = 0
    pool = multiprocessing.get_context('fork').Pool(jobs) if jobs > 1 else None
    for i, (failed, name, lines) in enumerate((pool.imap if pool else map)(one, tests), 1):
        for line in lines:
            print(f'# {line}')
        print(f'{"not ok" if failed else "ok"} {i} - {name}', flush=True)
        status |= failed
    if pool:
        pool.close()
        pool.join()
    return status


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
