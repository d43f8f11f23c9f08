"""Small files that need much memory, time or disk. Each is written by a function of its path."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

MIB = 1024 * 1024
HEADER = "id,title,date_start,country"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def gzipped(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6) as out:
        for part in parts:
            out.write(part)


def _zipped(path: Path, name: str, parts: Iterable[bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w", force_zip64=True) as out:
        for part in parts:
            out.write(part)


def workbook(path: Path, sheet: Iterable[bytes], texts: Iterable[bytes] = (b"<sst/>",)) -> None:
    """A workbook of one sheet. `sheet` is what stands in its `sheetData`, in parts."""
    begin, end = f"<worksheet {_MAIN}><sheetData>".encode(), b"</sheetData></worksheet>"
    parts: dict[str, Iterable[bytes]] = {
        "[Content_Types].xml": [
            f'<Types xmlns="{_PACKAGE}/content-types"><Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
            f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}.sharedStrings+xml"/></Types>'.encode()
        ],
        "xl/workbook.xml": [
            f'<workbook {_MAIN} xmlns:r="{_RELATION}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'.encode()
        ],
        "xl/_rels/workbook.xml.rels": [
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_RELATION}/worksheet" Target="worksheets/sheet1.xml"/>'
            f'<Relationship Id="r2" Type="{_RELATION}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'.encode()
        ],
        "xl/worksheets/sheet1.xml": [begin, *sheet, end],
        "xl/sharedStrings.xml": texts,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in parts.items():
            with archive.open(name, "w", force_zip64=True) as out:
                for part in content:
                    out.write(part)


def cells(row: int, *values: str) -> bytes:
    inside = "".join(f'<c t="inlineStr"><is><t>{value}</t></is></c>' for value in values)
    return f'<row r="{row}">{inside}</row>'.encode()


_NAMES = cells(1, *HEADER.split(","))


def _texts(path: Path, text: bytes, count: int) -> None:
    workbook(path, [_NAMES], [f"<sst {_MAIN}>".encode(), *[text * 1000] * (count // 1000), b"</sst>"])


def _entities(path: Path) -> None:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE sst [<!ENTITY e0 "lol">{levels}]><sst {_MAIN}><si><t>&e9;</t></si></sst>'
    workbook(path, [_NAMES], [document.encode()])


def _nested(path: Path, pack: Callable[[bytes], bytes], depth: int) -> None:
    content = f"{HEADER}\nx,T,2021-03-15,ML\n".encode()
    for _ in range(depth):
        content = pack(content)
    path.write_bytes(content)


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.zip" if content.startswith(b"PK") else "a.csv", content)
    return out.getvalue()


def _many_members(path: Path) -> None:
    """A zip archive that lists 400,000 files."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", HEADER)
        first = archive.filelist[0]
        archive.filelist += [first] * 400_000


def _large_dictionary(path: Path) -> None:
    """A zip archive whose one file is packed by LZMA with a dictionary of 4 GB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", HEADER * 100)
    content = bytearray(path.read_bytes())
    at = content.index(b"a.csv") + len(b"a.csv") + 5
    content[at : at + 4] = struct.pack("<I", 0xFFFF_FFFF)
    path.write_bytes(content)


def _lines(first: str, line: bytes, size: int) -> list[bytes]:
    part = line * (MIB // len(line) + 1)
    return [first.encode(), *[part] * (size // len(part))]


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as out:
        out.writelines(parts)


_WIDE = {f"c{n}": "1" for n in range(40_000)}
_LONG_ROW = b'x,"' + b"y" * 1_000_000 + b'","' + b"z" * 1_000_000 + b'","' + b"w" * 1_000_000 + b'"\n'

PLAIN: dict[str, tuple[str, Callable[[Path], object]]] = {
    "100 kB of [": ("acled", lambda path: path.write_bytes(b"[" * 100_000)),
    "objects, 300,000 deep": ("acled", lambda path: path.write_bytes(b"[" + b'{"a":' * 300_000)),
    "an item of 64 MB that does not end": ("acled", lambda path: _write(path, _lines('[{"a": "', b"b", 64 * MIB))),
    "64 MB of blanks in JSON": ("acled", lambda path: _write(path, _lines("[", b" ", 64 * MIB))),
    "40,000 members in JSON": ("acled", lambda path: path.write_text(json.dumps([_WIDE]))),
    "40,000 columns": ("csv", lambda path: path.write_text(f"{','.join(_WIDE)}\n{','.join(_WIDE.values())}\n")),
    "2,000,000 columns": ("csv", lambda path: path.write_text("a," * 2_000_000)),
    "200 MB of blank lines": ("csv", lambda path: _write(path, _lines(f"{HEADER}\n", b"\n", 200 * MIB))),
    "200 MB of blank lines first": ("csv", lambda path: _write(path, _lines("", b" \n", 200 * MIB))),
    "100 MB of rows of commas": ("csv", lambda path: _write(path, _lines(f"{HEADER}\n", b",,,\n", 100 * MIB))),
    "a quote that does not end": ("csv", lambda path: _write(path, _lines(f'{HEADER}\n"', b"a\n", 4 * MIB))),
    "a row over 64 MB of lines": ("csv", lambda path: _write(path, _lines(f'{HEADER}\n"', b'\n","', 64 * MIB))),
    "1,000,000 halves of rows": ("csv", lambda path: _write(path, _lines(f"{HEADER}\n", b"a\n", 2 * MIB))),
    "40 rows of 3 MB": ("csv", lambda path: _write(path, [b"id,title,date_start,country\n", *[_LONG_ROW] * 40])),
    "rows of 4 MB of commas": ("csv", lambda path: _write(path, [f"{HEADER}\n".encode(), *[b"," * (4 * MIB - 10) + b"\n"] * 8])),
}  # fmt: skip
"""Names, formats and functions. These are text, which is read over HTTP too."""
PACKED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "gz: 1 GB of blank lines": ("csv", lambda path: gzipped(path, _lines(f"{HEADER}\n", b"\n", 1024 * MIB))),
    "gz: 1 GB in one line": ("csv", lambda path: gzipped(path, _lines(f"{HEADER}\n", b"a", 1024 * MIB))),
    "gz: 1 GB of JSON blanks": ("acled", lambda path: gzipped(path, _lines("[", b" ", 1024 * MIB))),
    "gz in gz, 20 deep": ("csv", lambda path: _nested(path, gzip.compress, 20)),
    "gz: 200,000 empty members": ("csv", lambda path: path.write_bytes(gzip.compress(b"") * 200_000)),
    "gz: a zip of 1 GB": ("csv", lambda path: gzipped(path, [b"PK\x03\x04", *_lines("", b"\0", 1024 * MIB)])),
    "zip: 84 MB of rows in 0.2 MB": ("csv", lambda path: _zipped(path, "a.csv", _lines(f"{HEADER}\n", b"x,T,2021-03-15,ML\n", 84 * MIB))),
    "zip in zip, 20 deep": ("csv", lambda path: _nested(path, zipped, 20)),
    "zip: 400,000 files": ("csv", _many_members),
    "zip: LZMA with 4 GB": ("csv", _large_dictionary),
    "xlsx: row 2,000,000,000": ("csv", lambda path: workbook(path, [_NAMES, cells(2_000_000_000, "x")])),
    "xlsx: dimension of 2,000,000,000": ("csv", lambda path: workbook(path, [b'</sheetData><dimension ref="A1:XFD2000000000"/><sheetData>', _NAMES])),
    "xlsx: 16,384 columns": ("csv", lambda path: workbook(path, [cells(1, *map(str, range(16_384)))])),
    "xlsx: column ZZZ": ("csv", lambda path: workbook(path, [_NAMES, b'<row r="2"><c r="ZZZ2"><v>1</v></c></row>'])),
    "xlsx: 60,000,000 empty texts": ("csv", lambda path: _texts(path, b"<si/>", 60_000_000)),
    "xlsx: 3,000,000 texts (0.3 MB)": ("csv", lambda path: _texts(path, b"<si><t>a</t></si>", 3_000_000)),
    "xlsx: a text of 1 GB": ("csv", lambda path: workbook(path, [_NAMES], [b"<sst><si><t>", *_lines("", b"a", 1024 * MIB), b"</t></si></sst>"])),
    "xlsx: 60,000,000 empty rows": ("csv", lambda path: workbook(path, [_NAMES, *[b"<row/>" * 1000] * 60_000])),
    "xlsx: a row of 20,000,000 cells": ("csv", lambda path: workbook(path, [_NAMES, b"<row>", *[b"<c/>" * 1000] * 20_000, b"</row>"])),
    "xlsx: entities": ("csv", _entities),
    "xlsx: a tag of 512 MB": ("csv", lambda path: workbook(path, [_NAMES, b"<x", *_lines("", b"x", 512 * MIB)])),
    "xlsx: 1,000,000 names of tags": ("csv", lambda path: workbook(path, [_NAMES, *(f"<n{n}/>".encode() for n in range(1_000_000))])),
    "xlsx: tags, 5,000,000 deep": ("csv", lambda path: workbook(path, [_NAMES, *[b"<x>" * 1000] * 5_000])),
    "xlsx: 1000 cells of the same long text": ("csv", lambda path: workbook(path, [_NAMES, *[b"<row>" + b'<c t="s"><v>0</v></c>' * 1000 + b"</row>"] * 100], [b"<sst><si><t>" + b"a" * 1_000_000 + b"</t></si></sst>"])),
}  # fmt: skip
"""Files that are packed, which the command line alone reads."""
