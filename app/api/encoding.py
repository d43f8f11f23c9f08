"""JSON texts to bytes, in the form asked for."""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import orjson

from app.domain.filters import Form
from app.domain.vocabulary import ActorRole, Measure

MEDIA_TYPES = {
    Form.JSON: "application/json",
    Form.GEOJSON: "application/geo+json",
    Form.CSV: "text/csv; charset=utf-8",
    Form.NDJSON: "application/x-ndjson",
}


def media_type(form: Form) -> str:
    """The media type of a form, without its parameters."""
    return MEDIA_TYPES[form].split(";")[0]


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cut(items: Sequence[str], fields: Sequence[str] | None) -> Sequence[str]:
    """Leaves only these members of the items, or everything."""
    if fields is None:
        return items
    return [orjson.dumps(_picked(orjson.loads(item), fields)).decode() for item in items]


def _picked(item: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: item[name] for name in fields if name in item}


def json_page(items: Sequence[str], next_page: str | None, total: int | None) -> bytes:
    """`{"items": […], "next": …, "total": …}`; `total` where it was asked for."""
    tail = f',"total":{total}' if total is not None else ""
    link = orjson.dumps(next_page).decode()
    return f'{{"items":[{",".join(items)}],"next":{link}{tail}}}'.encode()


def geojson_feature(item: Mapping[str, Any], fields: Sequence[str] | None) -> bytes:
    """An incident as a GeoJSON feature (RFC 7946); without a place its geometry is null."""
    at = [item["longitude"], item["latitude"]]
    wanted = fields or list(item)
    return orjson.dumps(
        {
            "type": "Feature",
            "id": item["id"],
            "geometry": None if None in at else {"type": "Point", "coordinates": at},
            "properties": {k: item[k] for k in wanted if k in item and k not in ("id", "latitude", "longitude")},
        }
    )


def geojson_page(items: Iterable[str], fields: Sequence[str] | None, next_page: str | None, total: int | None) -> bytes:
    """A feature collection. `next` and `numberMatched` as OGC API – Features has them."""
    features = b",".join(geojson_feature(orjson.loads(item), fields) for item in items)
    more: dict[str, Any] = {} if total is None else {"numberMatched": total}
    if next_page:
        more["links"] = [{"rel": "next", "href": next_page, "type": MEDIA_TYPES[Form.GEOJSON]}]
    tail = b"," + orjson.dumps(more)[1:-1] if more else b""
    return b'{"type":"FeatureCollection","features":[' + features + b"]" + tail + b"}"


def ndjson(items: Iterable[str]) -> bytes:
    """One item a line."""
    return "".join(f"{item}\n" for item in items).encode()


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets a `'` in front.

    Text that begins with a `'` gets one too, so that taking one off always gives the text back. Numbers are left
    alone; null is an empty cell.
    """
    if isinstance(value, str) and value.startswith((*_FORMULA, "'")):
        return "'" + value
    return value


def incidents_csv(items: Iterable[str], fields: Sequence[str] | None, *, header: bool) -> bytes:
    """Incidents as CSV."""
    return csv_lines(map(flat_incident, map(orjson.loads, items)), incident_columns(fields), header=header)


def reports_csv(reports: Iterable[Mapping[str, Any]], *, header: bool = True) -> bytes:
    """Toll reports as CSV."""
    return csv_lines(map(flat_report, reports), REPORT_COLUMNS, header=header)


async def export_reports(slices: AsyncIterator[list[str]], form: Form) -> AsyncGenerator[bytes]:
    """All toll reports, slice by slice, as CSV or NDJSON."""
    some = False
    async for items in slices:
        yield ndjson(items) if form is Form.NDJSON else reports_csv(map(orjson.loads, items), header=not some)
        some = True
    if not some:
        yield b"" if form is Form.NDJSON else reports_csv([])


def sums_csv(found: Mapping[str, Any], groups: Sequence[str]) -> bytes:
    """Statistics as CSV: a row for each group, or the totals where no groups were asked for."""
    keys = [*groups, *(["region_name"] if "region" in groups else [])]
    columns = [*keys, *flat_sums(found["total"])]
    return csv_lines(map(flat_sums, found["items"] if groups else [found["total"]]), columns, header=True)


_ENDS = {Form.GEOJSON: b"]}", Form.JSON: b'],"next":null}'}


async def export(slices: AsyncIterator[list[str]], form: Form, fields: Sequence[str] | None) -> AsyncIterator[bytes]:
    """Everything, slice by slice. What opens the file goes with the first slice: a fault before it leaves no file."""
    before, between = _opening(form, fields), b"," if form in _ENDS else b""
    some = False
    async for items in slices:
        yield (between if some else before) + _slice(items, form, fields)
        some = True
    yield (b"" if some else before) + _ENDS.get(form, b"")


def _opening(form: Form, fields: Sequence[str] | None) -> bytes:
    if form is Form.CSV:
        return csv_lines([], incident_columns(fields), header=True)
    return {Form.GEOJSON: b'{"type":"FeatureCollection","features":[', Form.JSON: b'{"items":['}.get(form, b"")


def _slice(items: Sequence[str], form: Form, fields: Sequence[str] | None) -> bytes:
    if form is Form.CSV:
        return incidents_csv(items, fields, header=False)
    if form is Form.GEOJSON:
        return b",".join(geojson_feature(orjson.loads(item), fields) for item in items)
    left = cut(items, fields)
    return ndjson(left) if form is Form.NDJSON else ",".join(left).encode()


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, header: bool) -> bytes:
    """Rows as CSV (RFC 4180), with the header where told."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    if header:
        writer.writeheader()
    writer.writerows({name: safe_cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue().encode()


HEADLINE_COLUMNS = (
    "low",
    "best",
    "high",
    "open_ended",
    "first",
    "change",
    "revisions",
    "spread",
    "disputed",
    "reports",
    "reported_on",
)
_PLAIN = (
    "id", "title", "summary", "date_start", "date_end", "date_precision", "country", "region_code", "region_name",
    "district", "place", "latitude", "longitude", "place_precision", "near_border", "event_type", "sub_event_type",
    "type_of_violence",
)  # fmt: skip
INCIDENT_COLUMNS: dict[str, str] = {
    **{name: name.split("_")[0] if name.startswith("region") else name for name in _PLAIN},
    **{role.value: "actors" for role in ActorRole},
    "claimed_by": "claimed_by",
    **{f"{measure}_{name}": "toll" for measure in Measure for name in HEADLINE_COLUMNS},
    "toll_shared": "toll",
    **{name: name for name in ("sources", "external_ids", "attributes", "recorded_at", "updated_at")},
}
"""Columns of an incident in CSV, each with the member that it comes from."""


def incident_columns(fields: Sequence[str] | None) -> list[str]:
    """The columns that belong to these members, or all."""
    return [column for column, member in INCIDENT_COLUMNS.items() if fields is None or member in fields]


def flat_incident(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a row: lists are joined by `; `, objects of open shape stay JSON."""
    toll, region = item["toll"], item["region"] or {}
    row = {name: item.get(name) for name in _PLAIN} | {
        "region_code": region.get("code"),
        "region_name": region.get("name"),
        "near_border": _joined(item["near_border"]),
        "claimed_by": item["claimed_by"],
        "toll_shared": _open(toll["shared"]),
        "sources": _joined(source["id"] for source in item["sources"]),
        "external_ids": _open(item["external_ids"]),
        "attributes": _open(item["attributes"]),
        "recorded_at": item["recorded_at"],
        "updated_at": item["updated_at"],
    }
    for role in ActorRole:
        row[role] = _joined(actor["name"] for actor in item["actors"] if actor["role"] == role)
    for measure in Measure:
        headline = toll.get(measure, {})
        row |= {f"{measure}_{name}": _plain(headline.get(name)) for name in HEADLINE_COLUMNS}
    return row


def _joined(values: Iterable[str]) -> str | None:
    return "; ".join(values) or None


def _open(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


REPORT_COLUMNS = (
    "id", "incidents", "measure", "victims", "low", "best", "high", "bound", "reporter_id", "reporter_name",
    "reporter_kind", "reported_on", "source_id", "source_title", "source_publisher", "source_published_on",
    "source_url", "locator", "note", "supersedes", "status", "superseded_by", "retraction_reason", "change", "delta",
    "source_changed", "recorded_at",
)  # fmt: skip


def flat_report(item: Mapping[str, Any]) -> dict[str, Any]:
    """A toll report as a row."""
    reporter, source = item["reported_by"], item["source"]
    nested = {f"reporter_{name}": reporter[name] for name in ("id", "name", "kind")}
    nested |= {f"source_{name}": source[name] for name in ("id", "title", "publisher", "published_on", "url")}
    return (
        {name: _plain(item.get(name)) for name in REPORT_COLUMNS}
        | nested
        | {
            "incidents": _joined(item["incidents"]),
            "retraction_reason": (item["retraction"] or {}).get("reason"),
        }
    )


def flat_sums(item: Mapping[str, Any]) -> dict[str, Any]:
    """A row of statistics: `killed_low`, `killed_best`, …"""
    row: dict[str, Any] = {}
    for name, value in item.items():
        row |= {f"{name}_{figure}": n for figure, n in value.items()} if isinstance(value, dict) else {name: value}
    return row
