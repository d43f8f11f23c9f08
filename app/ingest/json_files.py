"""JSON: a list of objects, as APIs answer it, or the features of GeoJSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import ijson  # type: ignore[import-untyped]

from app.ingest.rows import Row, as_text, column_name
from app.ingest.text_files import MARK, Buffered

_FEATURES = re.compile(rb'"(features)"\s*:\s*\[')
_LIST = re.compile(rb'"(\w+)"\s*:\s*\[\s*(?:\{|\]|$)')
NOT_A_LIST = "has no list of objects in it"


def table_of_json(file: Buffered) -> tuple[Sequence[str], Iterator[Row]]:
    """The columns and rows of the first list of objects. Raises `ValueError` where there is none."""
    if file.peek(3).startswith(MARK):
        file.read(3)
    begin = file.peek(65536)[:65536].lstrip()
    prefix = "item"
    if begin.startswith(b"{"):
        found = _FEATURES.search(begin) or _LIST.search(begin)
        if not found:
            raise ValueError(NOT_A_LIST)
        prefix = f"{found[1].decode()}.item"
    objects = ijson.items(file, prefix, use_float=True)
    first = next(objects, None)
    if not isinstance(first, Mapping):
        raise ValueError(NOT_A_LIST)
    return [column_name(str(name)) for name in _flat(first)], _rows(chain([first], objects))


def _rows(objects: Iterator[Any]) -> Iterator[Row]:
    for number, value in enumerate(objects, start=1):
        if isinstance(value, Mapping):
            yield Row(number, {column_name(str(name)): as_text(inner) for name, inner in _flat(value).items()})
        else:
            yield Row(number, {}, fault="is no object")


def _flat(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a feature (GeoJSON, or ArcGIS's JSON) with its point; of another object its members."""
    properties = value.get("properties", value.get("attributes"))
    geometry = value.get("geometry")
    if not isinstance(properties, Mapping) or "geometry" not in value:
        return value
    point: Any = None
    if isinstance(geometry, Mapping):
        point = geometry.get("coordinates") if geometry.get("type") == "Point" else None
        point = point or ([geometry["x"], geometry["y"]] if {"x", "y"} <= geometry.keys() else None)
    there = {column_name(str(name)) for name in properties}
    if not isinstance(point, list) or len(point) < 2 or {"latitude", "longitude"} & there:
        return properties
    return {**properties, "longitude": point[0], "latitude": point[1]}
