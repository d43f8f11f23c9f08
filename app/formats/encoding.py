"""JSON texts to bytes, in the form asked for."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from anyio import to_thread

from app.domain.columns import COLUMNS
from app.domain.json_text import array_of, extend_object, json_of, object_of
from app.errors import FieldError, InvalidInput
from app.formats.layouts import acled, ucdp
from app.formats.layouts.plain import (
    REPORT_COLUMNS,
    flat_incident,
    flat_report,
    headline_values,
    incident_columns,
    safe_row,
)
from app.query.code_lists import Format
from app.query.parameters import IncidentQuery
from app.query.query import Query

FEW_ROWS, FEW_ITEMS = 20, 200
"""Rows of a table, and items of JSON, that are made on the event loop: some milliseconds. More are made in a thread."""
MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.GEOJSON: "application/geo+json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.NDJSON: "application/x-ndjson",
    Format.ACLED: "text/csv; charset=utf-8",
    Format.UCDP: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}
CSV_FORMS = tuple(form for form, kind in MEDIA_TYPES.items() if kind.startswith("text/csv"))
BOM = "\ufeff".encode()
"""The UTF-8 byte order mark, by which spreadsheets know that a file is UTF-8."""
FILE_NAMES = {Format.PARQUET: "incidents.parquet"}
"""Forms that no browser shows, with the name under which it keeps them."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A form with a row an incident: its columns, an incident as a row, and the columns' HXL tags where wanted."""

    columns: Sequence[str]
    row: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    tags: Sequence[str] | None = None

    @property
    def head(self) -> bytes:
        """What stands above the rows."""
        tags = [dict(zip(self.columns, self.tags, strict=True))] if self.tags else []
        return csv_lines(tags, self.columns, header=True)


def csv_table_of(form: Format, fields: Sequence[str] | None, *, hxl: bool = False) -> CsvTable | None:
    """The table that a form is, or `None`. `fields` limits the columns of our own layout alone."""
    if form is Format.CSV:
        columns = incident_columns(fields)
        return CsvTable(columns, flat_incident, [COLUMNS[name].hxl for name in columns] if hxl else None)
    return {Format.ACLED: _ACLED, Format.UCDP: _UCDP}.get(form)


_ACLED, _UCDP = CsvTable(acled.COLUMNS, acled.written), CsvTable(ucdp.COLUMNS, ucdp.written)


def needs_reports(form: Format, fields: Sequence[str] | None) -> bool:
    """Whether a form tells the reports of each incident."""
    if form in (Format.CSV, Format.PARQUET):
        return "toll_reports" in incident_columns(fields)
    return form is Format.UCDP


def expect_fitting(form: Format, question: Query) -> None:
    """Raises `InvalidInput` where something is asked for that a form does not have."""
    if question.is_on("hxl") and form is not Format.CSV:
        raise InvalidInput([FieldError("hxl", "is for CSV of our own columns alone (f=csv)")])
    if question.is_on("bom") and form not in CSV_FORMS:
        raise InvalidInput([FieldError("bom", f"is for CSV alone (f={', f='.join(CSV_FORMS)})")])


def media_type(form: Format) -> str:
    """The media type of a form, without its parameters."""
    return MEDIA_TYPES[form].split(";")[0]


def cut(items: Sequence[str], fields: Sequence[str] | None) -> Sequence[str]:
    """Leaves only these members of the items, or everything."""
    if fields is None:
        return items
    return [orjson.dumps(_picked(orjson.loads(item), fields)).decode() for item in items]


def _picked(item: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: item[name] for name in fields if name in item}


def json_page(items: Sequence[str], next_page: str | None, cursor: str | None, total: int | None) -> bytes:
    """`{"items": […], "next": …, "next_cursor": …, "total": …}`; `total` where it was asked for."""
    tail = {"next": next_page, "next_cursor": cursor} | ({} if total is None else {"total": total})
    return extend_object(object_of(items=array_of(items)), json_of(tail)).encode()


def geojson_feature(item: Mapping[str, Any], fields: Sequence[str] | None) -> bytes:
    """An incident as a GeoJSON feature (RFC 7946); without a place its geometry is null.

    Beside `toll` its figures stand once more, flat and named as the columns of CSV: programs for maps read no members
    of members.
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
    """A feature collection. `next` and `numberMatched` as OGC API – Features has them."""
    features = array_of(geojson_feature(orjson.loads(item), fields).decode() for item in items)
    more: dict[str, Any] = {} if total is None else {"numberMatched": total}
    if next_page:
        more["links"] = [{"rel": "next", "href": next_page, "type": MEDIA_TYPES[Format.GEOJSON]}]
    collection = object_of(type=json_of("FeatureCollection"), features=features)
    return extend_object(collection, json_of(more)).encode()


def ndjson(items: Iterable[str]) -> bytes:
    """One item a line."""
    return "".join(f"{item}\n" for item in items).encode()


def incidents_csv(items: Iterable[str], table: CsvTable, *, header: bool) -> bytes:
    """Incidents as CSV."""
    rows = csv_lines(map(table.row, map(orjson.loads, items)), table.columns, header=False)
    return table.head + rows if header else rows


def reports_csv(reports: Iterable[Mapping[str, Any]], *, header: bool = True) -> bytes:
    """Toll reports as CSV."""
    return csv_lines(map(flat_report, reports), REPORT_COLUMNS, header=header)


async def export_reports(slices: AsyncGenerator[list[str]], form: Format) -> AsyncGenerator[bytes]:
    """All toll reports, slice by slice, as CSV or NDJSON."""
    some = False
    async with aclosing(slices):
        async for items in slices:
            if form is Format.NDJSON:
                yield ndjson(items)
            else:
                yield await to_thread.run_sync(partial(reports_csv, map(orjson.loads, items), header=not some))
            some = True
    if not some:
        yield b"" if form is Format.NDJSON else reports_csv([])


def sums_csv(found: Mapping[str, Any], groups: Sequence[str]) -> bytes:
    """Statistics as CSV: a row for each group, or the totals where no groups were asked for."""
    keys = [*groups, *(["region_name"] if "region" in groups else [])]
    columns = [*keys, *flat_sums(found["total"])]
    return csv_lines(map(flat_sums, found["items"] if groups else [found["total"]]), columns, header=True)


def sums_json(found: Mapping[str, Any]) -> bytes:
    """Statistics as JSON. Group by group, so that a thread that makes many lets others have their turn."""
    return object_of(items=array_of(map(json_of, found["items"])), total=json_of(found["total"])).encode()


_ENDS = {Format.GEOJSON: b"]}", Format.JSON: b'],"next":null,"next_cursor":null}'}


async def once(items: list[str]) -> AsyncGenerator[list[str]]:
    """A page as the only slice of an export."""
    yield items


async def export(slices: AsyncGenerator[list[str]], form: Format, question: IncidentQuery) -> AsyncGenerator[bytes]:
    """Everything, slice by slice. What opens the file goes with the first slice: a fault before it leaves no file."""
    before, between = _opening(form, question), b"," if form in _ENDS else b""
    some = False
    async with aclosing(slices):
        async for items in slices:
            made = await to_thread.run_sync(_slice, items, form, question)
            yield (between if some else before) + made
            some = True
    yield (b"" if some else before) + _ENDS.get(form, b"")


def _opening(form: Format, question: IncidentQuery) -> bytes:
    if table := csv_table_of(form, question.fields, hxl=question.hxl):
        return table.head
    return {Format.GEOJSON: b'{"type":"FeatureCollection","features":[', Format.JSON: b'{"items":['}.get(form, b"")


def _slice(items: Sequence[str], form: Format, question: IncidentQuery) -> bytes:
    if table := csv_table_of(form, question.fields, hxl=question.hxl):
        return incidents_csv(items, table, header=False)
    if form is Format.GEOJSON:
        return b",".join(geojson_feature(orjson.loads(item), question.fields) for item in items)
    left = cut(items, question.fields)
    return ndjson(left) if form is Format.NDJSON else ",".join(left).encode()


def with_bom(made: bytes | AsyncGenerator[bytes]) -> bytes | AsyncGenerator[bytes]:
    """The same behind a byte order mark."""
    return BOM + made if isinstance(made, bytes) else chunks_with_bom(made)


async def chunks_with_bom(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The same behind a byte order mark."""
    mark = BOM
    async with aclosing(chunks):
        async for chunk in chunks:
            yield mark + chunk
            mark = b""


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, header: bool) -> bytes:
    """Rows as CSV (RFC 4180), with the header where told."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    if header:
        writer.writeheader()
    writer.writerows(safe_row(row) for row in rows)
    return out.getvalue().encode()


def flat_sums(item: Mapping[str, Any]) -> dict[str, Any]:
    """A row of statistics: `killed_low`, `killed_best`, …"""
    row: dict[str, Any] = {}
    for name, value in item.items():
        row |= {f"{name}_{figure}": n for figure, n in value.items()} if isinstance(value, dict) else {name: value}
    return row
