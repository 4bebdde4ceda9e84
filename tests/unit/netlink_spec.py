#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/netlink/ward.yaml against what is compiled: the numbers in the headers, what commands take and answer in the
module, and the words that the log uses. The specification is read as the kernel's own tools read it."""
import functools
import os
import re
import sys

import yaml

import tap

TOP = os.environ.get('WARD_TOP') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
FILES = {'spec': 'docs/netlink/ward.yaml', 'header': 'module/uapi/ward_netlink.h',
         'format': 'module/uapi/ward_format.h', 'netlink': 'module/netlink.c', 'event': 'module/event.c',
         'ring': 'module/ring.c', 'words': 'agent/lib/eventname.c'}


def sources():
    """The files as they are, by what they are here."""
    out = {}
    for key, name in FILES.items():
        with open(os.path.join(TOP, name), encoding='utf-8') as f:
            out[key] = f.read()
    return out


# ---- the specification ----------------------------------------------------------------------------------------------

def c_name(prefix, name):
    return (prefix + name).upper().replace('-', '_')


def numbered(items, start=0):
    """Names and numbers: one that is not given follows from the one before."""
    out, value = {}, start - 1
    for item in items:
        if isinstance(item, str):
            item = {'name': item}
        value = item.get('value', value + 1)
        if item['name'] in out:
            raise ValueError(f'the specification has {item["name"]} twice')
        out[item['name']] = value
    return out


class Spec:
    def __init__(self, text):
        self.yaml = yaml.load(text, getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
        self.enums = {}         # by the name of the C type: C names and numbers
        self.entries = {}       # the same: names as the specification has them
        self.flags = {}         # by prefix
        self.outside = {}       # by prefix: of another header
        for d in self.yaml['definitions']:
            prefix = d['name-prefix']
            values = numbered(d['entries'], d.get('value-start', 0))
            if d['type'] == 'flags':
                values = {n: 1 << v for n, v in values.items()}
            named = {c_name(prefix, n): v for n, v in values.items()}
            if d['type'] == 'flags':
                self.flags[c_name(prefix, '')] = named
            elif 'header' in d:
                self.outside[c_name(prefix, '')] = named
            else:
                tag = c_name(d['enum-name'], '').lower()
                self.enums[tag] = named
                self.entries[tag] = list(values)
        attrs, = self.yaml['attribute-sets']
        self.prefix = attrs['name-prefix']
        self.attrs = {a['name']: a for a in attrs['attributes']}
        # unspec, which has no attribute of its own, is given as 0
        self.enums['ward_attr'] = {c_name(self.prefix, n): v for n, v in numbered(attrs['attributes'], 1).items()}
        ops = self.yaml['operations']
        self.ops = {c_name(ops['name-prefix'], o['name']): o for o in ops['list']}
        self.enums['ward_cmd'] = {c_name(ops['name-prefix'], n): v for n, v in numbered(ops['list'], 1).items()}

    def attr(self, c):
        """An attribute by its C name, or None."""
        return self.attrs.get(c[len(self.prefix):].lower().replace('_', '-'))

    def listed(self, op, *path):
        """Attributes that an operation lists, as C names."""
        for key in path:
            op = (op or {}).get(key)
        return {c_name(self.prefix, n) for n in (op or {}).get('attributes', [])}


@functools.lru_cache(1)
def specification(text):
    return Spec(text)


# ---- C --------------------------------------------------------------------------------------------------------------

def without_comments(text):
    return re.sub(r'/\*.*?\*/', '', text, flags=re.S)


def enums(text):
    """Every enum by its tag: names and numbers. The ones that only count are left out."""
    out = {}
    for tag, body in re.findall(r'\benum (\w+) \{(.*?)\}', without_comments(text), re.S):
        items = []
        for item in filter(None, (i.strip() for i in body.split(','))):
            name, _, given = (part.strip() for part in item.partition('='))
            items.append({'name': name, 'value': int(given, 0)} if given else {'name': name})
        out[tag] = {n: v for n, v in numbered(items).items() if not n.startswith('__')}
    return out


def defines(text):
    return dict(re.findall(r'^#define[ \t]+(\w+)[ \t]+(.+?)[ \t]*$', without_comments(text), re.M))


def body(text, function):
    found = re.search(rf'^static [^;{{]*\b{function}\([^;]*?\)\n\{{\n(.*?)^\}}', text, re.M | re.S)
    if not found:
        raise ValueError(f'there is no function {function}()')
    return found.group(1)


def policies(text, macros):
    """Each policy table: attribute, and what it must be like."""
    out = {}
    tables = re.findall(r'\bstruct nla_policy (\w+)\[\] = \{\n(.*?)^\};', without_comments(text), re.M | re.S)
    for name, table in tables:
        out[name] = {}
        for attr, form in re.findall(r'\[(\w+)\]\s*=\s*(.*?),?\n', table):
            for macro in re.findall(r'\b[A-Z][A-Z0-9_]+\b', form):
                form = re.sub(rf'\b{macro}\b', macros.get(macro, macro), form)
            out[name][attr] = re.sub(r'\s+', '', form)
    return out


def operations(text):
    """The table of operations: fields, by command."""
    table = re.search(r'\bstruct genl_ops ops\[\] = \{\n(.*?)^\};', without_comments(text), re.M | re.S).group(1)
    out = {}
    for entry in re.findall(r'\{(.*?)\}', table, re.S):
        fields = dict(re.findall(r'\.(\w+) = ([^,]+),', entry))
        out[fields.pop('cmd')] = fields
    return out


# What puts attributes into a message, and of which type they are then
PUT = {'nla_put_u32': 'u32', 'nla_put_u64_64bit': 'u64', 'nla_put_string': 'string', 'nla_put': 'binary',
       'put_u32': 'u32', 'put_u64': 'u64', 'put_text': 'string', 'put': 'binary', 'put_path': 'binary',
       'put_dentry': 'binary', 'put_inode': 'binary'}


def put(text):
    """Attributes that are put into messages: their types."""
    out = {}
    for function, attr in re.findall(r'\b(\w+)\(\w+, (WARD_A_\w+)', without_comments(text)):
        if function in PUT:
            out.setdefault(attr, set()).add(PUT[function])
    return out


# ---- comparing ------------------------------------------------------------------------------------------------------

def differ(what, have, want):
    """Sentences on two dictionaries or sets: @have is compiled, @want is specified."""
    if isinstance(have, (set, frozenset)):
        have, want = dict.fromkeys(have), dict.fromkeys(want)
    out = [f'{what}: {n} is not in the specification' for n in have if n not in want]
    out += [f'{what}: {n} is only in the specification' for n in want if n not in have]
    out += [f'{what}: {n} is {have[n]}, specified as {want[n]}' for n in have if n in want and have[n] != want[n]]
    return out


def numbers(s):
    spec, macros, out = specification(s['spec']), defines(s['header']), []
    have = enums(s['header'])
    out += differ('enums', set(have), set(spec.enums))
    for tag in set(have) & set(spec.enums):
        out += differ(tag, have[tag], spec.enums[tag])
    for group, text in ((spec.flags, s['header']), (spec.outside, s['format'])):
        for prefix, want in group.items():
            out += differ(prefix, {n: int(v, 0) for n, v in defines(text).items() if n.startswith(prefix)}, want)
    # The form knows no other version than 1.
    groups = spec.yaml['mcast-groups']['list']
    want = {c_name('', spec.yaml['c-family-name']): f'"{spec.yaml["name"]}"',
            c_name('', spec.yaml['c-version-name']): '1'}
    want.update({c_name('', g['c-define-name']): f'"{g["name"]}"' for g in groups})
    out += differ('macros', {n: v for n, v in macros.items() if n.startswith('WARD_GENL_')}, want)
    return out


def types(s):
    """The header says of each attribute what it is, in a comment."""
    spec, out = specification(s['spec']), []
    said = dict(re.findall(r'^\t(WARD_A_\w+),\s*/\* (\w+)', s['header'], re.M))
    for name, a in spec.attrs.items():
        if a['type'] not in ('unused', 'pad') and said.get(c_name(spec.prefix, name)) != a['type']:
            out.append(f'{name}: {a["type"]} in the specification, {said.get(c_name(spec.prefix, name))} in the header')
    known = {d['name']: d for d in spec.yaml['definitions']}
    return out + [f'{n}: there is no definition {a["enum"]}' for n, a in spec.attrs.items()
                  if 'enum' in a and a['enum'] not in known]


def form(attr):
    """What the kernel's policy for an attribute is, by the specification."""
    kind, checks = attr['type'], attr.get('checks', {})
    if 'exact-len' in checks:
        return f'NLA_POLICY_EXACT_LEN({checks["exact-len"]})'
    if 'min' in checks:
        return f'NLA_POLICY_MIN(NLA_{kind.upper()},{checks["min"]})'
    kind = 'NUL_STRING' if kind == 'string' else kind.upper()
    return f'{{.type=NLA_{kind}' + (f',.len={checks["max-len"]}}}' if 'max-len' in checks else '}')


def requests(s):
    spec, out = specification(s['spec']), []
    table = policies(s['netlink'], {**defines(s['format']), **defines(s['netlink'])})
    ops = operations(s['netlink'])
    want = {n for n, o in spec.ops.items() if 'do' in o or 'dump' in o}
    out += differ('commands', set(ops), want)
    for cmd, fields in ops.items():
        op = spec.ops.get(cmd, {})
        out += differ(cmd, {k for k, f in (('do', 'doit'), ('dump', 'dumpit')) if f in fields},
                      {k for k in ('do', 'dump') if k in op})
        # A request that may be either has one policy.
        taken = table.get(fields.get('policy'), {})
        out += differ(cmd + ' takes', set(taken), spec.listed(op, 'do', 'request') | spec.listed(op, 'dump', 'request'))
        out += [f'{cmd}: {a} is not specified' if not spec.attr(a) else
                f'{cmd}: {a} is {have}, specified as {form(spec.attr(a))}'
                for a, have in taken.items() if not spec.attr(a) or have != form(spec.attr(a))]
        if ('GENL_ADMIN_PERM' in fields.get('flags', '')) != ('admin-perm' in op.get('flags', [])):
            out.append(f'{cmd}: not the same flags')
        if ('validate' in fields) != ('dont-validate' in op):
            out.append(f'{cmd}: not the same validation')
    out += differ('policies', set(table), {f['policy'] for f in ops.values() if 'policy' in f})
    groups = re.search(r'\bstruct genl_multicast_group groups\[\] = \{\n(.*?)^\};', s['netlink'], re.M | re.S).group(1)
    out += differ('groups', set(re.findall(r'\.name = (\w+)', groups)),
                  {c_name('', g['c-define-name']) for g in spec.yaml['mcast-groups']['list']})
    return out


def answers(s):
    spec, out = specification(s['spec']), []
    code = s['netlink']
    where = {'WARD_CMD_MODULE_GET': ('put_module',), 'WARD_CMD_VAULT_GET': ('put_vault', 'put_unlocked'),
             'WARD_CMD_LOCK': ('vault_lock',), 'WARD_CMD_CHECK': ('put_check',),
             'WARD_CMD_PROGRAM_GET': ('program_get',),
             'WARD_CMD_POLICY_RENEW': ('policy_renew',)}
    found = {cmd: put(''.join(body(code, f) for f in functions)) for cmd, functions in where.items()}
    found['WARD_CMD_EVENT'] = put(s['event'] + s['ring'])
    for cmd, op in spec.ops.items():
        have = found.get(cmd, {})
        for kind in ('do', 'dump'):
            if kind in op and cmd != 'WARD_CMD_EVENT_GET':
                out += differ(cmd + ' answers', set(have), spec.listed(op, kind, 'reply'))
        if 'event' in op:
            out += differ(cmd + ' has', set(have), spec.listed(op, 'event'))
            out += differ('WARD_CMD_EVENT_GET answers', set(have),
                          spec.listed(spec.ops['WARD_CMD_EVENT_GET'], 'dump', 'reply'))
        out += [f'{cmd}: {a} is put as {kinds}, specified as {spec.attr(a) and spec.attr(a)["type"]}'
                for a, kinds in have.items() if not spec.attr(a) or kinds != {spec.attr(a)['type']}]
    # Nothing else in these files puts attributes.
    puts = set(put(code)) | set(put(s['event'] + s['ring']))
    out += differ('messages', puts, {a for have in found.values() for a in have})
    return out


def words(s):
    """Kinds, actions, reasons and states have the same names in the log."""
    spec, out = specification(s['spec']), []
    have = dict(re.findall(r'\[(WARD_\w+)\]\s*= "([^"]*)"', s['words']))
    want = {}
    for tag in ('ward_event_kind', 'ward_action', 'ward_reason', 'ward_event_place', 'ward_exe_doubt',
                'ward_vault_state'):
        want.update(zip(spec.enums[tag], spec.entries[tag]))
    want.pop('WARD_REASON_NONE')        # which the log leaves out
    # Conditions are numbers of the on-disk format; their names are those of the policy's text.
    return out + differ('words', {n: w for n, w in have.items() if not n.startswith('WARD_COND_')}, want)


CHECKS = (numbers, types, requests, answers, words)


def all_differences(s):
    out = []
    for check in CHECKS:
        try:
            out += check(s)
        except (KeyError, ValueError, TypeError, AttributeError) as e:
            out.append(f'{check.__name__}: {type(e).__name__}: {e}')
    return out


# ---- tests ----------------------------------------------------------------------------------------------------------

def agree(check):
    found = check(sources())
    assert not found, '\n' + '\n'.join(found)


def enums_and_numbers():
    agree(numbers)


def types_of_attributes():
    agree(types)


def what_commands_take():
    agree(requests)


def what_is_answered():
    agree(answers)


def words_of_the_log():
    agree(words)


def replaced(s, file, old, new):
    assert old in s[file], f'{FILES[file]} has no {old!r}: this test is out of date'
    return {**s, file: s[file].replace(old, new, 1)}


def another_number_is_noticed():
    """Each enumerator of the header, and each entry of the specification, given another number."""
    s = sources()
    for file, pattern, given in (('header', r'^\t(WARD_\w+)(?: = 1)?,', r'\t\1 = 1000,'),
                                 ('spec', r'^( +)-\n(\1  name: \S+\n)(\1  type: unused\n)?(?:\1  value: 0\n)?',
                                  r'\1-\n\2\3\1  value: 1000\n'),
                                 ('header', r'^(#define WARD_VAULT_F_\w+\s+)0x', r'\g<1>0x1')):
        places = list(re.finditer(pattern, s[file], re.M))
        assert places, pattern
        for m in places:
            text = s[file][:m.start()] + m.expand(given) + s[file][m.end():]
            if all_differences({**s, file: text}):
                continue
            # The set of attributes and the multicast group have a name and no number.
            assert file == 'spec' and m.group(2).strip() in ('name: ward', 'name: events'), \
                f'not noticed: {m.group(0)!r}'


def what_is_missing_is_noticed():
    """Each line that names something in the header, taken out of it; likewise in the specification."""
    s = sources()
    for m in re.finditer(r'^\tWARD_\w+.*\n', s['header'], re.M):
        text = s['header'][:m.start()] + s['header'][m.end():]
        assert all_differences({**s, 'header': text}), f'not noticed: {m.group(0)!r} is missing'
    for m in re.finditer(r'^            - \S+\n', s['spec'], re.M):
        text = s['spec'][:m.start()] + s['spec'][m.end():]
        assert all_differences({**s, 'spec': text}), f'not noticed: {m.group(0)!r} is missing'


def other_code_is_noticed():
    s = sources()
    for file, old, new in (
            ('netlink', '[WARD_A_LOCK_NOW]', '[WARD_A_VAULT_LOST]'),
            ('netlink', '[WARD_A_CHECK_FROM]\t= { .type = NLA_U64 }', '[WARD_A_CHECK_FROM]\t= { .type = NLA_U32 }'),
            ('netlink', 'CHECK_PATH_MAX\t16383', 'CHECK_PATH_MAX\t4095'),
            ('netlink', 'NLA_POLICY_MIN(NLA_S32, 1)', 'NLA_POLICY_MIN(NLA_S32, 0)'),
            ('netlink', '.policy = unlock_policy', '.policy = lock_policy'),
            ('netlink', '.doit = vault_checked,', '.doit = vault_checked,\n\t\t.flags = GENL_ADMIN_PERM,'),
            ('netlink', '.cmd = WARD_CMD_CHECKED', '.cmd = WARD_CMD_EVENT'),
            ('netlink', 'nla_put_u32(skb, WARD_A_MODULE_FORMAT', 'nla_put_u64_64bit(skb, WARD_A_MODULE_FORMAT'),
            ('netlink', 'nla_put_u32(skb, WARD_A_CHECK_RESULT', 'nla_put_u32(skb, WARD_A_KEY_SERIAL'),
            ('event', 'put_u32(b, WARD_A_EVENT_GID', 'put_u64(b, WARD_A_EVENT_GID'),
            ('event', 'WARD_A_EVENT_SESSION', 'WARD_A_KEY_SERIAL'),
            ('ring', 'WARD_A_EVENT_LOST', 'WARD_A_VAULT_LOST'),
            ('format', '#define WARD_SUITE_AES_256_GCM\t\t1', '#define WARD_SUITE_AES_256_GCM\t\t3'),
            ('words', '"open-read"', '"open"'),
            ('header', 'WARD_GENL_NAME\t\t"ward"', 'WARD_GENL_NAME\t\t"wardfs"'),
            ('header', 'WARD_GENL_VERSION\t1', 'WARD_GENL_VERSION\t2'),
            ('header', 'WARD_A_KEY_SERIAL,\t\t/* s32', 'WARD_A_KEY_SERIAL,\t\t/* u32'),
            ('spec', 'exact-len: 16\n        doc: UUID', 'exact-len: 8\n        doc: UUID'),
            ('spec', 'name: events\n', 'name: event\n')):
        assert all_differences(replaced(s, file, old, new)), f'not noticed in {FILES[file]}: {new}'


if __name__ == '__main__':
    sys.exit(tap.run([enums_and_numbers, types_of_attributes, what_commands_take, what_is_answered, words_of_the_log,
                      another_number_is_noticed, what_is_missing_is_noticed, other_code_is_noticed],
                     jobs=os.cpu_count()))
