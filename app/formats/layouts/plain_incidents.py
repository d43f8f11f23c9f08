"""The plain layout of incidents: one row per incident, with its toll reports.

`incidents import csv` reads what `incidents export FILE.csv` writes, without loss. Lists of names and codes are joined
by `; `, and nested values are JSON. Columns of the headline are derived: they are for reading, and are not read back.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from app.domain.columns import COLUMNS, INCIDENT_COLUMNS, OF_HEADLINE, OF_RECORD, Type
from app.domain.countries import country_iso3, country_name, find_country
from app.domain.places import Region, known_region
from app.domain.vocabulary import ActorRole, Measure
from app.errors import echo
from app.formats.layouts.cells import Cells
from app.formats.layouts.geography import NAMIBIA, is_empty
from app.formats.layouts.plain_cells import flag_cell, join, json_cell, read_id, read_json_cell, split, without_log
from app.formats.layouts.plain_days import read_interval
from app.formats.layouts.plain_reports import as_member, disclosed, disclosed_report, with_id

REQUIRED = ("id", "title", "date_start", "country")
"""A table without these columns has no incidents."""
HEADLINE_COLUMNS = tuple(f"{measure}_{figure}" for measure in Measure for figure in ("low", "best", "high"))
"""Columns with figures that are derived from toll reports."""
WHERE_FIGURES_GO = (
    "Figures are toll reports, each with its reporter and date: put them into another file with the columns "
    "incidents, measure, best, reporter_name, reporter_kind, reported_on and source_title, and remove this column"
)
_country_name = cache(country_name)
_HEADLINES = {measure.value: [(f"{measure}_{name}", name) for name in OF_HEADLINE] for measure in Measure}
_UNREPORTED: dict[str, Any] = {column: None for names in _HEADLINES.values() for column, _ in names}


def incident_columns(fields: Sequence[str] | None) -> list[str]:
    """The columns of these members; by default all but those of the recorded time."""
    if fields is None:
        return list(INCIDENT_COLUMNS)
    return [name for name, column in COLUMNS.items() if column.member in fields]


def incident_values(item: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all columns as in JSON. `item` is an incident as in a response, with its `toll_reports`."""
    toll, region = item["toll"], item["region"] or {}
    row = {name: item.get(name) for name in COLUMNS} | {
        "country_name": _country_name(item["country"]),
        "country_iso3": country_iso3(item["country"]),
        "region_code": region.get("code"),
        "region_name": region.get("name"),
        "toll_shared": toll["shared"],
        "sources": [without_log(source) for source in item.get("sources") or ()],
        "toll_reports": [as_member(report) for report in item.get("toll_reports", ())],
        **_by_role(item["actors"]),
    }
    return row | headline_values(toll)


def headline_values(toll: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the headline columns: `killed_low`, `killed_best`, …, null if nothing was reported."""
    values = _UNREPORTED.copy()
    for measure, names in _HEADLINES.items():
        if headline := toll.get(measure):
            values |= {column: headline.get(name) for column, name in names}
    return values


def flat_incident(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a row of cells."""
    row = incident_values(item)
    return row | {name: as_cell(row[name]) for name, as_cell in _AS_CELLS.items()}


_CELL_TYPES = {Type.FLAG: flag_cell, Type.NAMES: join, Type.JSON: json_cell}
_AS_CELLS = {name: _CELL_TYPES[column.type] for name, column in COLUMNS.items() if column.type in _CELL_TYPES}


def _by_role(actors: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    named = list(actors)
    return {role.value: join(a["name"] for a in named if a["role"] == role) for role in ActorRole}


def read(cells: Cells, countries_are_named: bool = False) -> dict[str, Any]:
    """An incident with its `toll_reports`, from the columns that the table has: plain data, to be validated.

    `NA` is Namibia in a column of codes, and an empty cell in a column of names (`countries_are_named`).
    """
    there = cells.columns
    texts = [
        name for name in (*OF_RECORD, "claimed_by") if name in there and not name.startswith(("region", "country_"))
    ]
    incident: dict[str, Any] = {name: cells.exact(name) for name in texts}
    incident["country"] = _country(cells, countries_are_named)
    if {"latitude", "longitude"} & there:
        incident["latitude"], incident["longitude"] = cells.place()
    if "type_of_violence" in there:
        incident["type_of_violence"] = cells.whole("type_of_violence")
    if "near_border" in there:
        incident["near_border"] = split(cells.exact("near_border"))
    incident["id"] = read_id(cells, "id", cells.needed("id"))
    incident |= read_interval(cells)
    if {"region_code", "region_name"} & there:
        incident["region"] = _region(cells, incident["country"])
    for name, empty in (("sources", []), ("external_ids", {}), ("attributes", {}), ("toll_reports", [])):
        if name in there:
            incident[name] = read_json_cell(cells, name, empty)
    if isinstance(sources := incident.get("sources"), list):
        incident["sources"] = [disclosed(source, f"sources.{n}") for n, source in enumerate(sources)]
    if {"actors", *ActorRole} & there:
        incident["actors"] = _actors(cells)
    if isinstance(reports := incident.get("toll_reports"), list):
        incident["toll_reports"] = [
            with_id(disclosed_report(r, f"toll_reports.{n}"), incident["id"]) if isinstance(r, dict) else r
            for n, r in enumerate(reports)
        ]
    _expect_reports_of_headline(cells, reports)
    return incident


def _expect_reports_of_headline(cells: Cells, reports: Any) -> None:
    """Raises `ValueError` for a figure in a headline column without a report of the row.

    Such columns are derived. Ignoring them would lose the figure silently.
    """
    for name in HEADLINE_COLUMNS:
        figure = cells.people(name) if name in cells.columns else None
        measure = name.rpartition("_")[0]
        if figure is not None and not any(isinstance(r, dict) and r.get("measure") == measure for r in reports or ()):
            why = f"is a derived column, and no toll report of the row has the figure {figure}"
            raise ValueError(f"{name}: {why}. {WHERE_FIGURES_GO}")


def _country(cells: Cells, countries_are_named: bool) -> str:
    """The value of `country`, or if it is empty of the other columns: pandas writes Namibia's `NA` as an empty cell.

    Raises `ValueError` if the columns name different countries.
    """
    given = {}
    for name in ("country", "country_iso3", "country_name"):
        text = (cells.exact(name) or "").strip()
        is_namibia = text == NAMIBIA and name == "country" and not countries_are_named
        if text and (is_namibia or not is_empty(text)):
            given[name] = text
    if not given:
        raise ValueError("country: is empty")
    name, first = next(iter(given.items()))
    for other, text in given.items():
        if (read := _found(text)) and (known := _found(first)) and read != known:
            raise ValueError(f"{other}: {echo(text)} contradicts {name} {echo(first)}; change one of them, or clear it")
    return first


def _found(country: str) -> str | None:
    try:
        return find_country(country)
    except ValueError:
        return None


def _region(cells: Cells, country: str) -> Any:
    """The region of a row. A name alone gets its code in the country, if it has one."""
    code, name = cells.exact("region_code"), cells.exact("region_name")
    if code is not None:
        return {"code": code} | ({"name": name} if name else {})
    if name is None:
        return None
    if "region_code" in cells.columns:
        return {"code": None, "name": name}
    known = _found(country)
    found = known_region(name, known) if known else Region(None, name)
    return {"code": found.code, "name": found.name}


def _actors(cells: Cells) -> list[Any]:
    """The list of actors, or the names by role if the list is empty. Both must agree."""
    actors: list[Any] = read_json_cell(cells, "actors", [])
    by_role = {role.value: cells.exact(role) for role in ActorRole if role in cells.columns}
    if not actors:
        return [{"name": name, "role": role} for role, names in by_role.items() for name in split(names)]
    try:
        expected = _by_role(actors)
    except (TypeError, KeyError):
        return actors  # validation reports all errors
    for role, names in by_role.items():
        if names != expected[role]:
            raise ValueError(f"{role}: contradicts the column actors; change actors, or clear it")
    return actors
