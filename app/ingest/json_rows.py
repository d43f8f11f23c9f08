"""JSON files: an array of objects, the first array inside an object, as in API responses, or GeoJSON features.

The array is split into items by brackets alone, and each item is parsed separately. So a file may have any length, and
an invalid item does not affect the others.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from app.domain.strict_json import read_json
from app.errors import InvalidInput
from app.ingest.limits import check_column_count
from app.ingest.rows import Row, as_text, column_name

LONGEST_ITEM = 4 * 1024 * 1024
"""Characters."""
CHUNK = 64 * 1024
_ARRAY_OF_OBJECTS = re.compile(r'\s*\{.*?"(?:features"\s*:\s*\[|\w+"\s*:\s*\[(?=\s*\{))', re.DOTALL)
_FIRST_ARRAY = re.compile(r'\s*(?:\[|\{.*?"\w+"\s*:\s*\[)', re.DOTALL)
_BEGIN = re.compile(r"[^\s,]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}"]', re.DOTALL)
"""A string, a bracket, or the quote of an unterminated string."""
_SCALAR = re.compile(r'[^\s,"\[\]{}]+')
_DEPTHS = {"[": 1, "{": 1, "]": -1, "}": -1}


def table_of_json(file: Any) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns of the first object, and the rows. An item that is not an object becomes a row with a fault.

    Raises `ValueError` if there is no list of objects.
    """
    objects = map(_cells, _items(file))
    first = next(objects, "has no list of objects")
    if isinstance(first, str):
        raise ValueError(f"has a first item that {first}" if first.startswith("is ") else first)
    check_column_count(len(first))
    return [column_name(name) for name in first], _rows(chain([first], objects))


def _rows(objects: Iterable[Mapping[str, str] | str]) -> Iterator[Row]:
    for number, value in enumerate(objects, start=1):
        if isinstance(value, str):
            yield Row(number, {}, fault=value)
        else:
            yield Row(number, {column_name(name): cell for name, cell in value.items()})


def _cells(item: str) -> Mapping[str, str] | str:
    if not item.startswith("{"):
        return "is not an object"
    try:
        document = read_json(item.encode("utf-8", "surrogatepass"))
    except InvalidInput as error:
        return error.reason.removeprefix("body: ")
    return {name: as_text(value) for name, value in _flat(document).items()}


def _flat(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a feature (GeoJSON, or ArcGIS JSON) with its point; the members of another object."""
    properties, geometry = value.get("properties", value.get("attributes")), value.get("geometry")
    if not isinstance(properties, Mapping) or "geometry" not in value:
        return value
    point: Any = None
    if isinstance(geometry, Mapping):
        point = geometry.get("coordinates") if geometry.get("type") == "Point" else None
        point = point or ([geometry["x"], geometry["y"]] if {"x", "y"} <= geometry.keys() else None)
    there = {column_name(name) for name in properties}
    if not isinstance(point, list) or len(point) < 2 or {"latitude", "longitude"} & there:
        return properties
    return {**properties, "longitude": point[0], "latitude": point[1]}


def _items(file: Any) -> Iterator[str]:
    """The items of the array, as JSON."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    text = decoder.decode(file.read(CHUNK))
    begin = _ARRAY_OF_OBJECTS.match(text) or _FIRST_ARRAY.match(text)
    if begin is None:
        raise EOFError("there is no list of objects")
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
    """The end of the item that starts here; `None` if it is after the end of the text."""
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
