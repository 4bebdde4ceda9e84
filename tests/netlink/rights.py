# SPDX-License-Identifier: GPL-2.0-or-later
"""May this process use the family? Arguments: vault; allowed, refused, absent or passed."""
import os
import sys

from nl import *

top, wanted = sys.argv[1:]
uuid = mounted_uuid(top)
ID = attr('VAULT_ID', uuid)


def all_of(c):
    """Each command, dump and the group, and how it is refused: None when it is not."""
    out = {}
    calls = {'MODULE_GET': (), 'VAULT_GET': (ID,), 'UNLOCK': (ID, attr('KEY_SERIAL', u32(5))),
             'LOCK': (ID,), 'POLICY_LOAD': (ID,), 'CHECK': (ID, attr('CHECK_PATH', b'x\0')),
             'CHECKED': (ID, attr('CHECK_SEQ', u64(1))), 'PROGRAM_GET': (attr('PROGRAM_FD', u32(0)),),
             'POLICY_RENEW': (ID,)}
    if wanted == 'allowed':
        calls = {k: calls[k] for k in ('MODULE_GET', 'VAULT_GET')}
    for cmd, attrs in calls.items():
        out[cmd] = attempt(c.call, cmd, *attrs)
    out['dump of vaults'] = attempt(c.dump, 'VAULT_GET')
    out['dump of events'] = attempt(c.events, 1)
    out['joining the group'] = attempt(c.join)
    return out


def attempt(fn, *args):
    try:
        fn(*args)
    except Refused as e:
        return e.name
    except OSError as e:
        return errno.errorcode[e.errno]


if wanted == 'absent':
    try:
        Client()
    except Refused as e:
        sys.exit(0 if e.name == 'ENOENT' else f'{e} instead of ENOENT')
    sys.exit('the family is there')

c = Client()
if wanted == 'passed':
    # netlink_capable() asks both who opened the socket and who sends.
    c.join()
    os.setgroups([])
    os.setresgid(61003, 61003, 61003)
    os.setresuid(61003, 61003, 61003)
    wanted = 'refused'
    got = all_of(c)
    del got['joining the group']        # it had joined as root
else:
    got = all_of(c)
print(got)
if wanted == 'allowed':
    bad = {k: v for k, v in got.items() if v}
else:
    bad = {k: v for k, v in got.items() if v != 'EPERM'}
sys.exit(f'not as it should be: {bad}' if bad else 0)
