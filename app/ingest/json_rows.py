"""The rows of a JSON file: an array of objects, or the first array in an object, as answers of an API have it.

The array is cut into its items by brackets alone, and each item is read by itself. So a file may have any length, and
an item that is no row, however deep or odd, leaves those after it alone.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.domain.strict_json import read_json
from app.errors import InvalidInput

LONGEST_ITEM = 4 * 1024 * 1024
"""Characters."""
CHUNK = 64 * 1024
_FIRST_ARRAY = re.compile(r'\s*(?:\[|\{.*?"\w+"\s*:\s*\[)', re.DOTALL)
_BEGIN = re.compile(r"[^\s,]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}"]', re.DOTALL)
"""A text, a bracket, or the quote of a text that does not end."""
_SCALAR = re.compile(r'[^\s,"\[\]{}]+')
_DEPTHS = {"[": 1, "{": 1, "]": -1, "}": -1}


def json_rows(file: Any) -> Iterator[Mapping[str, str] | str]:
    """The cells of each item, or why it is no row. Raises `EOFError` where there is no array, or it breaks off."""
    return map(_cells, _items(file))


def _cells(item: str) -> Mapping[str, str] | str:
    if not item.startswith("{"):
        return "is no object"
    try:
        document = read_json(item.encode("utf-8", "surrogatepass"))
    except InvalidInput as error:
        return error.reason.removeprefix("body: ")
    return {name: _cell(value) for name, value in document.items()}


def _cell(value: Any) -> str:
    """A cell as a text file would have it: what has members or items of its own is JSON."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _items(file: Any) -> Iterator[str]:
    """The texts of the array's items."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    text = decoder.decode(file.read(CHUNK))
    begin = _FIRST_ARRAY.match(text)
    if begin is None:
        raise EOFError("there is no list of objects in it")
    at = begin.end()
    while True:
        found = _BEGIN.search(text, at)
        at = found.start() if found else len(text)
        if text.startswith("]", at):
            return
        if end := _end_of_item(text, at):
            yield text[at:end]
            at = end
        elif len(text) - at > LONGEST_ITEM:
            raise EOFError(f"an item of more than {LONGEST_ITEM} characters")
        elif chunk := file.read(max(CHUNK, len(text) - at)):
            text, at = text[at:] + decoder.decode(chunk), 0
        else:
            raise EOFError("the list of objects does not end")


def _end_of_item(text: str, at: int) -> int | None:
    """Where the item that begins here ends; `None` where that is beyond the text."""
    if scalar := _SCALAR.match(text, at):
        return scalar.end() if scalar.end() < len(text) else None
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token[0] == '"':
            return None
        depth += _DEPTHS.get(token[0], 0)
        if depth <= 0:
            return token.end()
    return None
