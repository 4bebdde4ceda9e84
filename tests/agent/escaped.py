# SPDX-License-Identifier: GPL-2.0-or-later
"""How names are written in the log (docs/events.md)."""


def back(text):
    """The bytes that were escaped."""
    raw, out, i = text.encode(), bytearray(), 0
    while i < len(raw):
        if raw[i] != 92:
            out.append(raw[i]); i += 1
        elif raw[i + 1] == 92:
            out.append(92); i += 2
        else:
            assert raw[i + 1:i + 2] == b'x', text
            out.append(int(raw[i + 2:i + 4], 16)); i += 4
    return bytes(out)
