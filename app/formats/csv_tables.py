"""Incidents, toll reports and statistics as CSV (RFC 4180)."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from app.domain.columns import COLUMNS
from app.formats.layouts import acled, plain_reports, ucdp
from app.formats.layouts.plain_cells import safe_row
from app.formats.layouts.plain_incidents import flat_incident, incident_columns
from app.query.code_lists import Format

BOM = "\ufeff".encode()
"""The UTF-8 byte order mark, by which spreadsheets recognize UTF-8."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A CSV format with one row per incident: its columns, an incident as a row, and optional HXL tags."""

    columns: Sequence[str]
    row: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    tags: Sequence[str] | None = None

    @property
    def head(self) -> bytes:
        """The lines above the rows."""
        tags = [dict(zip(self.columns, self.tags, strict=True))] if self.tags else []
        return csv_lines(tags, self.columns, header=True)


_ACLED, _UCDP = CsvTable(acled.COLUMNS, acled.flat_incident), CsvTable(ucdp.COLUMNS, ucdp.flat_incident)


def csv_table_of(response_format: Format, fields: Sequence[str] | None, *, hxl: bool = False) -> CsvTable | None:
    """The table of a CSV format, or `None`. `fields` selects columns of the plain layout only."""
    if response_format is Format.CSV:
        columns = incident_columns(fields)
        return CsvTable(columns, flat_incident, [COLUMNS[name].hxl for name in columns] if hxl else None)
    return {Format.ACLED: _ACLED, Format.UCDP: _UCDP}.get(response_format)


def incidents_csv(items: Iterable[str], table: CsvTable, *, header: bool) -> bytes:
    """Incidents as CSV."""
    rows = csv_lines(map(table.row, map(orjson.loads, items)), table.columns, header=False)
    return table.head + rows if header else rows


def reports_csv(reports: Iterable[Mapping[str, Any]], *, header: bool = True) -> bytes:
    """Toll reports as CSV."""
    return csv_lines(map(plain_reports.flat_report, reports), plain_reports.COLUMNS, header=header)


def sums_csv(statistics: Mapping[str, Any], groups: Sequence[str]) -> bytes:
    """Statistics as CSV: a row for each group, or the totals if there are no groups."""
    keys = [*groups, *(["region_name"] if "region" in groups else [])]
    columns = [*keys, *flat_sums(statistics["total"])]
    rows = statistics["items"] if groups else [statistics["total"]]
    return csv_lines(map(flat_sums, rows), columns, header=True)


def flat_sums(item: Mapping[str, Any]) -> dict[str, Any]:
    """A row of statistics: `killed_low`, `killed_best`, …"""
    row: dict[str, Any] = {}
    for name, value in item.items():
        row |= {f"{name}_{figure}": n for figure, n in value.items()} if isinstance(value, dict) else {name: value}
    return row


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, header: bool) -> bytes:
    """Rows as CSV, with an optional header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\r\n")
    if header:
        writer.writeheader()
    writer.writerows(safe_row(row) for row in rows)
    return out.getvalue().encode()


def with_bom(body: bytes | AsyncGenerator[bytes]) -> bytes | AsyncGenerator[bytes]:
    """A body after a byte order mark."""
    return BOM + body if isinstance(body, bytes) else chunks_with_bom(body)


async def chunks_with_bom(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """The chunks after a byte order mark."""
    mark = BOM
    async with aclosing(chunks):
        async for chunk in chunks:
            yield mark + chunk
            mark = b""
