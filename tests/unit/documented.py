# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules that the documents print are rules: `wardctl policy check` has nothing against them. Whom they name is exchanged,
as these are not users of this machine."""
import glob
import os
import re
import subprocess
import sys
import tempfile

import tap

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '../..'))
WARDCTL = os.path.join(tap.UNIT, 'wardctl')
HEAD = '[vault]\ndirectory = /srv/d\n'
NAMES = {'users': 'root', 'groups': 'root', 'logins': 'root'}


def printed(path):
    """Blocks with rules: indented by four in Markdown, between fences in a page of the manual."""
    with open(path) as f:
        text = f.read()
    if path.endswith('.scd'):
        blocks = re.findall(r'^```\n(.*?)^```$', text, re.S | re.M)
    else:
        blocks = [re.sub(r'^ {4}', '', b, flags=re.M) for b in re.findall(r'(?:^(?: {4}.*)?\n)+', text, re.M)]
    return [b.strip('\n') + '\n' for b in blocks if re.search(r'^\[rule ', b, re.M)]


def exchanged(block):
    """With users of this machine. Each entry keeps how many it names, and which of them are groups."""
    def names(match):
        key, values = match[1], match[2]
        return key + ', '.join('@' * v.strip().startswith('@') + NAMES[key.split()[0]] for v in values.split(','))
    return re.sub(r'^((?:users|groups|logins) *= *)(.*(?:\n[ \t]+.*)*)', names, block, flags=re.M)


def rules_are_printed_in(path, least):
    blocks = printed(os.path.join(TOP, path))
    assert sum(len(re.findall(r'^\[rule ', b, re.M)) for b in blocks) >= least, (path, blocks)
    for block in blocks:
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
            f.write(('' if '[vault]' in block else HEAD) + exchanged(block))
            f.flush()
            p = subprocess.run([WARDCTL, 'policy', 'check', f.name], capture_output=True, text=True, timeout=60)
            assert p.returncode == 0 and 'nothing wrong' in p.stdout, (p, block)


def policy_md():
    rules_are_printed_in('docs/policy.md', 5)


def ward_policy_5():
    rules_are_printed_in('docs/man/ward-policy.5.scd', 2)


def wardctl_8():
    rules_are_printed_in('docs/man/wardctl.8.scd', 1)


def all_the_others():
    for path in glob.glob(os.path.join(TOP, 'docs/**/*.md'), recursive=True) + glob.glob(os.path.join(TOP, 'docs/man/*.scd')):
        rules_are_printed_in(path, 0)


if __name__ == '__main__':
    sys.exit(tap.run([policy_md, ward_policy_5, wardctl_8, all_the_others]))
