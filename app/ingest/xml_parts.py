"""Parses the parts of an Excel workbook (ECMA-376, part 1) as streams, so that memory stays flat.

openpyxl's readers build a tree of each part without a limit: a workbook of 0.3 MB can take gigabytes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers import expat

from app.ingest.limits import BeyondLimit
from app.ingest.text_files import LONGEST_CELL

CHUNK = 64 * 1024
MAX_TOKEN = 1024 * 1024
"""Bytes of a tag or comment, which the parser keeps in memory."""
MAX_DEPTH = 64
MAX_NAMES = 1000
"""Different names of elements and attributes, which the parser keeps in memory."""
_TEXT = ("t", "v")
_PHONETIC = "rPh"
"""The pronunciation of a text, which is not part of it."""
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
Attributes = Mapping[str, str]


class XmlPart:
    """A parser of one part. Subclasses see each element by its local name in `begin` and `end`.

    Raises `BeyondLimit` or `expat.ExpatError`.
    """

    def __init__(self) -> None:
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self._names: dict[str, str] = {}
        self._text: list[str] = []
        self._depth = self._length = 0
        self._is_text = self._is_phonetic = False

    def begin(self, name: str, attributes: Attributes) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def parse(self, part: Any) -> None:
        """Parses all of a part."""
        for _ in self.parsed(part):
            pass

    def parsed(self, part: Any) -> Iterator[None]:
        """Parses a part; yields after each chunk of it."""
        fed = 0
        while chunk := part.read(CHUNK):
            self._parser.Parse(chunk)
            fed += len(chunk)
            if fed - self._parser.CurrentByteIndex > MAX_TOKEN:
                raise BeyondLimit(f"has a tag of more than {MAX_TOKEN:,} bytes in one of its parts")
            yield
        self._parser.Parse(b"", True)
        yield

    def take_text(self) -> str:
        """The text of `t` and `v` elements since the last call."""
        text = "".join(self._text)
        self._text.clear()
        self._length = 0
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text

    def _doctype(self, *_: Any) -> None:
        raise BeyondLimit("has a document type in one of its parts, which no workbook needs")

    def _begin(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BeyondLimit(f"is nested more than {MAX_DEPTH} deep in one of its parts")
        for known in (name, *attributes):
            if known not in self._names:
                self._names[known] = known.rpartition(":")[2]
                if len(self._names) > MAX_NAMES:
                    raise BeyondLimit(f"has more than {MAX_NAMES:,} names of elements in one of its parts")
        local = self._names[name]
        if local in _TEXT:
            self._is_text = not self._is_phonetic
        elif local == _PHONETIC:
            self._is_phonetic = True
        else:
            self.begin(local, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        local = self._names[name]
        if local in _TEXT:
            self._is_text = False
        elif local == _PHONETIC:
            self._is_phonetic = False
        else:
            self.end(local)

    def _characters(self, text: str) -> None:
        if self._is_text:
            self._text.append(text)
            self._length += len(text)
            if self._length > LONGEST_CELL:
                raise BeyondLimit(f"has a cell of more than {LONGEST_CELL:,} characters")
