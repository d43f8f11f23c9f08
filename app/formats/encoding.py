"""Stored JSON texts as bytes of the requested format: pages, and exports of any length."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import orjson
from anyio import to_thread

from app.domain.json_text import json_of, list_object, object_of
from app.errors import FieldError, InvalidInput
from app.formats.csv_tables import csv_table_of, incidents_csv, reports_csv
from app.formats.layouts.plain_incidents import headline_values, incident_columns
from app.query.code_lists import Format
from app.query.parameters import IncidentQuery
from app.query.query import Query

FEW_ROWS, FEW_ITEMS = 20, 200
"""Rows of a table, and items of JSON, that are encoded on the event loop: some milliseconds. More take a thread."""
MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.NDJSON: "application/x-ndjson",
    Format.ACLED: "text/csv; charset=utf-8",
    Format.UCDP: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}
CSV_FORMATS = tuple(each for each, media_type in MEDIA_TYPES.items() if media_type.startswith("text/csv"))
FILE_NAMES = {Format.PARQUET: "incidents.parquet"}
"""Formats that browsers download, with the name of the file."""


def needs_reports(response_format: Format, fields: Sequence[str] | None) -> bool:
    """Whether a format includes the reports of each incident."""
    if response_format in (Format.CSV, Format.PARQUET):
        return "toll_reports" in incident_columns(fields)
    return response_format is Format.UCDP


def expect_fitting(response_format: Format, query: Query) -> None:
    """Raises `InvalidInput` if the query has an option that the format does not support."""
    if query.is_on("hxl") and response_format is not Format.CSV:
        raise InvalidInput([FieldError("hxl", "requires f=csv")])
    if query.is_on("bom") and response_format not in CSV_FORMATS:
        why = f"requires a CSV format (f={', f='.join(CSV_FORMATS)})"
        raise InvalidInput([FieldError("bom", why)])


def media_type(response_format: Format) -> str:
    """The media type of a format, without its parameters."""
    return MEDIA_TYPES[response_format].split(";")[0]


def cut(items: Sequence[str], fields: Sequence[str] | None) -> Sequence[str]:
    """The items with these members only, or with all."""
    if fields is None:
        return items
    return [orjson.dumps(_picked(orjson.loads(item), fields)).decode() for item in items]


def _picked(item: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: item[name] for name in fields if name in item}


def json_page(items: Sequence[str], next_page: str | None, cursor: str | None, total: int | None) -> bytes:
    """`{"items": […], "next": …, "next_cursor": …, "total": …}`; `total` only if it was requested."""
    tail = {"next": next_page, "next_cursor": cursor} | ({} if total is None else {"total": total})
    return list_object("{}", "items", items, json_of(tail))


def sums_json(statistics: Mapping[str, Any]) -> bytes:
    """Statistics as JSON. Encodes group by group, so that other threads get a turn in between."""
    total = object_of(total=json_of(statistics["total"]))
    return list_object("{}", "items", map(json_of, statistics["items"]), total)


def ndjson(items: Iterable[str]) -> bytes:
    """One item per line."""
    return "".join(f"{item}\n" for item in items).encode()


def geojson_feature(item: Mapping[str, Any], fields: Sequence[str] | None) -> bytes:
    """An incident as a GeoJSON feature (RFC 7946); without coordinates its geometry is null.

    The figures of `toll` are repeated as flat properties, named like the columns of CSV: map programs do not read
    nested members.
    """
    at = [item["longitude"], item["latitude"]]
    properties = {k: item[k] for k in fields or item if k in item and k not in ("id", "latitude", "longitude")}
    if "toll" in properties:
        properties |= headline_values(item["toll"])
    return orjson.dumps(
        {
            "type": "Feature",
            "id": item["id"],
            "geometry": None if None in at else {"type": "Point", "coordinates": at},
            "properties": properties,
        }
    )


def geojson_page(items: Iterable[str], fields: Sequence[str] | None, next_page: str | None, total: int | None) -> bytes:
    """A feature collection. `next` and `numberMatched` as in OGC API – Features."""
    features = (geojson_feature(orjson.loads(item), fields).decode() for item in items)
    more: dict[str, Any] = {} if total is None else {"numberMatched": total}
    if next_page:
        more["links"] = [{"rel": "next", "href": next_page, "type": MEDIA_TYPES[Format.GEOJSON]}]
    return list_object(json_of({"type": "FeatureCollection"}), "features", features, json_of(more))


async def export_reports(slices: AsyncGenerator[list[str]], response_format: Format) -> AsyncGenerator[bytes]:
    """All toll reports, slice by slice, as CSV or NDJSON."""
    is_first = True
    async with aclosing(slices):
        async for items in slices:
            if response_format is Format.NDJSON:
                yield ndjson(items)
            else:
                yield await to_thread.run_sync(partial(reports_csv, map(orjson.loads, items), header=is_first))
            is_first = False
    if is_first:
        yield b"" if response_format is Format.NDJSON else reports_csv([])


_ENDS = {Format.GEOJSON: b"]}", Format.JSON: b'],"next":null,"next_cursor":null}'}


async def once(items: list[str]) -> AsyncGenerator[list[str]]:
    """A page as the only slice of an export."""
    yield items


async def export(
    slices: AsyncGenerator[list[str]], response_format: Format, query: IncidentQuery
) -> AsyncGenerator[bytes]:
    """All incidents, slice by slice. The head goes with the first slice: an earlier error leaves no partial file."""
    head, between = _head(response_format, query), b"," if response_format in _ENDS else b""
    is_first = True
    async with aclosing(slices):
        async for items in slices:
            encoded = await to_thread.run_sync(_slice, items, response_format, query)
            yield (head if is_first else between) + encoded
            is_first = False
    yield (head if is_first else b"") + _ENDS.get(response_format, b"")


def _head(response_format: Format, query: IncidentQuery) -> bytes:
    if table := csv_table_of(response_format, query.fields, hxl=query.hxl):
        return table.head
    heads = {Format.GEOJSON: b'{"type":"FeatureCollection","features":[', Format.JSON: b'{"items":['}
    return heads.get(response_format, b"")


def _slice(items: Sequence[str], response_format: Format, query: IncidentQuery) -> bytes:
    if table := csv_table_of(response_format, query.fields, hxl=query.hxl):
        return incidents_csv(items, table, header=False)
    if response_format is Format.GEOJSON:
        return b",".join(geojson_feature(orjson.loads(item), query.fields) for item in items)
    picked = cut(items, query.fields)
    return ndjson(picked) if response_format is Format.NDJSON else ",".join(picked).encode()
