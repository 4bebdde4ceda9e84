#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents for LibreOffice, and the text in them.

    office.py make FILE LINES   a flat ODF text document with this many paragraphs
    office.py text FILE         its paragraphs, a line each: of .fodt, .odt, .docx
"""
import sys
import xml.etree.ElementTree as ET
import zipfile

ODF = 'urn:oasis:names:tc:opendocument:xmlns:'
WORD = '{http://schemas.openxmlformats.org/wordprocessingml/2006/main}'


def make(path, lines):
    paras = ''.join(f'<text:p>Case {k}: Größe, façade, дело, 例, “quoted” – line {k} of the letter.</text:p>'
                    for k in range(int(lines)))
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f'<?xml version="1.0" encoding="UTF-8"?><office:document xmlns:office="{ODF}office:1.0" '
                f'xmlns:text="{ODF}text:1.0" office:version="1.3" '
                'office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>'
                f'{paras}</office:text></office:body></office:document>')


def text(path):
    para = f'{{{ODF}text:1.0}}p'
    if path.endswith('.fodt'):
        root = ET.parse(path).getroot()
    else:
        with zipfile.ZipFile(path) as z:
            assert z.testzip() is None
            word = path.endswith('.docx')
            root = ET.fromstring(z.read('word/document.xml' if word else 'content.xml'))
            if word:
                para = WORD + 'p'
    for p in root.iter(para):
        print(''.join(p.itertext()))


globals()[sys.argv[1]](*sys.argv[2:])
