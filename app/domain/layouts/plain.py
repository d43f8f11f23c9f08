"""Our own plain layout: a row an incident with its toll reports, or a row a toll report.

What `incidents export FILE.csv` writes, `incidents import csv` reads, so that nothing is lost on the way. Lists of
names and codes are joined by `; `, what has members of its own is JSON. Columns of the headline are for reading: they
are derived, and not read back.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from app.domain.canonical import canonical
from app.domain.layouts.cells import Cells
from app.domain.layouts.columns import COLUMNS, INCIDENT_COLUMNS, OF_HEADLINE, OF_RECORD, RECORDED_COLUMNS, Type
from app.domain.layouts.geography import NAMIBIA, is_empty
from app.domain.vocabulary import ActorRole, Bound, DatePrecision, Measure

REPORT_COLUMNS = (
    "id", "incidents", "measure", "victims", "low", "best", "high", "bound", "reporter_id", "reporter_name",
    "reporter_kind", "reported_on", "source_id", "source_title", "source_publisher", "source_published_on",
    "source_url", "source_language", "source_licence", "source_attribution", "breakdown_side_a", "breakdown_side_b",
    "breakdown_civilian", "breakdown_unknown", "locator", "note", "supersedes", "status", "superseded_by",
    "retraction_reason", "retraction_reported_on", "change", "delta", "source_changed", "recorded_at",
)  # fmt: skip
NEEDED = ("id", "title", "date_start", "country")
"""Without these a table has no incidents."""
NEEDED_OF_REPORTS = ("incidents", "measure", "reported_on")
"""Without these it has no toll reports."""
DERIVED = frozenset(
    {*(name for name, column in INCIDENT_COLUMNS.items() if column.member == "toll"), *RECORDED_COLUMNS}
    - {"toll_reports"}
)
"""Columns of incidents that are for reading."""
DERIVED_OF_REPORTS = frozenset("status superseded_by change delta source_changed recorded_at".split())
_NAMED = ("id", "name", "kind")
_PUBLISHED = ("id", "title", "publisher", "published_on", "url", "language", "licence", "attribution")
_SIDES = ("side_a", "side_b", "civilian", "unknown")
_OF_REPORT = (
    "id", "incidents", "measure", "victims", "low", "best", "high", "bound", "reported_by", "reported_on", "source",
    "breakdown", "locator", "note", "supersedes", "retraction",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets a `'` in front.

    Text that begins with a `'` gets one too, so that taking one off always gives the text back. Numbers are left
    alone; null is an empty cell.
    """
    if isinstance(value, str) and value.startswith((*_FORMULA, "'")):
        return "'" + value
    return value


def incident_columns(fields: Sequence[str] | None) -> list[str]:
    """The columns that belong to these members, or all but those of the recorded clock."""
    if fields is None:
        return list(INCIDENT_COLUMNS)
    return [name for name, column in COLUMNS.items() if column.member in fields]


def incident_values(item: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns of an incident hold, as JSON has it; `item` is one as it is answered, with `toll_reports`."""
    toll, region = item["toll"], item["region"] or {}
    row = {name: item.get(name) for name in COLUMNS} | {
        "region_code": region.get("code"),
        "region_name": region.get("name"),
        "toll_shared": toll["shared"],
        "toll_reports": [_told(report) for report in item.get("toll_reports", ())],
        **_by_role(item["actors"]),
    }
    for measure in Measure:
        headline = toll.get(measure, {})
        row |= {f"{measure}_{name}": headline.get(name) for name in OF_HEADLINE}
    return row


def flat_incident(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a row of plain cells."""
    row = incident_values(item)
    return row | {name: as_cell(row[name]) for name, as_cell in _AS_CELLS.items()}


def _by_role(actors: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    named = list(actors)
    return {role.value: _joined(a["name"] for a in named if a["role"] == role) for role in ActorRole}


def _told(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report without what is derived, and without what it leaves open."""
    told = {name: report[name] for name in _OF_REPORT if report.get(name) is not None}
    if len(told["incidents"]) == 1:
        del told["incidents"]
    if "retraction" in told:
        told["retraction"] = {name: told["retraction"][name] for name in ("reason", "reported_on")}
    return told


def flat_report(item: Mapping[str, Any]) -> dict[str, Any]:
    """A toll report as a row."""
    reporter, source, retraction = item["reported_by"], item["source"], item["retraction"] or {}
    nested = {f"reporter_{name}": reporter[name] for name in _NAMED}
    nested |= {f"source_{name}": source[name] for name in _PUBLISHED}
    nested |= {f"breakdown_{side}": (item["breakdown"] or {}).get(side) for side in _SIDES}
    nested |= {f"retraction_{name}": retraction.get(name) for name in ("reason", "reported_on")}
    plain = {name: _plain(item.get(name)) for name in REPORT_COLUMNS}
    return plain | nested | {"incidents": _joined(item["incidents"])}


def read_incident(cells: Cells, countries_are_named: bool = False) -> dict[str, Any]:
    """An incident with its `toll_reports`, as far as the table has columns of it: plain data, to be validated.

    `NA` is Namibia in a column of codes, and nothing in one of names (`countries_are_named`).
    """
    there = cells.columns
    texts = [name for name in (*OF_RECORD, "claimed_by") if name in there and not name.startswith("region")]
    told: dict[str, Any] = {name: cells.exact(name) for name in texts}
    told |= {name: cells.number(name) for name in ("latitude", "longitude") if name in there}
    if "type_of_violence" in there:
        told["type_of_violence"] = cells.whole("type_of_violence")
    if "near_border" in there:
        told["near_border"] = _parted(cells.exact("near_border"))
    told["id"] = cells.needed("id")
    country = cells.needed("country")
    if is_empty(country) and (country != NAMIBIA or countries_are_named):
        raise ValueError("country: is empty")
    told |= {name: _day(cells, name) for name in ("date_start", "date_end")}
    told["date_end"] = told["date_end"] or told["date_start"]
    if not told.get("date_precision"):
        same = told["date_end"] == told["date_start"]
        told["date_precision"] = (DatePrecision.DAY if same else DatePrecision.DAYS).value
    if {"region_code", "region_name"} & there:
        told["region"] = _region(cells)
    for name, empty in (("sources", []), ("external_ids", {}), ("attributes", {}), ("toll_reports", [])):
        if name in there:
            told[name] = _read_json(cells, name, empty)
    if {"actors", *ActorRole} & there:
        told["actors"] = _actors(cells)
    if isinstance(reports := told.get("toll_reports"), list):
        told["toll_reports"] = [
            _with_id(report, told["id"]) if isinstance(report, dict) else report for report in reports
        ]
    return told


def _day(cells: Cells, name: str) -> str | None:
    found = cells.day(name)
    return None if found is None else found.isoformat()


def _with_id(report: dict[str, Any], about: str) -> dict[str, Any]:
    """A report with an id, which is made of all that it says where it has none: the same is the same each time."""
    return (
        report
        if report.get("id")
        else report | {"id": f"tr-{hashlib.sha256(canonical([about, report])).hexdigest()[:16]}"}
    )


def _region(cells: Cells) -> Any:
    code, name = cells.exact("region_code"), cells.exact("region_name")
    if code is None:
        return None if name is None else {"code": None, "name": name} if "region_code" in cells.columns else name
    return {"code": code} | ({"name": name} if name else {})


def _actors(cells: Cells) -> list[Any]:
    """The list of actors, or the names by role where the list is empty. Both must say the same."""
    actors: list[Any] = _read_json(cells, "actors", [])
    by_role = {role.value: cells.exact(role) for role in ActorRole if role in cells.columns}
    if not actors:
        return [{"name": name, "role": role} for role, names in by_role.items() for name in _parted(names)]
    try:
        meant = _by_role(actors)
    except (TypeError, KeyError):
        return actors  # which validation will tell in full
    for role, names in by_role.items():
        if names != meant[role]:
            raise ValueError(f"{role}: says other than actors; change actors, or empty it")
    return actors


def read_report(cells: Cells) -> dict[str, Any]:
    """A toll report, with its `retraction` where it has one: plain data, to be validated.

    One without an id gets one made of all that it says, so that the same row is the same report each time.
    """
    told: dict[str, Any] = {
        name: cells.exact(name) for name in ("measure", "reported_on", "locator", "note", "supersedes")
    }
    low, best, high = (cells.people(name) for name in ("low", "best", "high"))
    bound = Bound.RANGE if low is not None and high is not None and not low == best == high else Bound.EXACT
    breakdown = {side: cells.people(f"breakdown_{side}") for side in _SIDES}
    told |= {
        "incidents": _parted(cells.needed("incidents")),
        "victims": cells.exact("victims") or "all",
        "bound": cells.exact("bound") or bound.value,
        "low": low,
        "best": best,
        "high": high,
        "reported_by": _party(cells, "reporter", _NAMED),
        "source": _party(cells, "source", _PUBLISHED),
        "breakdown": breakdown if any(n is not None for n in breakdown.values()) else None,
    }
    told = _with_id(told | {"id": cells.exact("id")}, "")
    if reason := cells.exact("retraction_reason"):
        told["retraction"] = {"reason": reason, "reported_on": cells.exact("retraction_reported_on")}
    return told


def _party(cells: Cells, prefix: str, members: Iterable[str]) -> dict[str, Any]:
    told = {name: value for name in members if (value := cells.exact(f"{prefix}_{name}"))}
    if not told:
        raise ValueError(f"{prefix}_id: is empty, and so is all else of the {prefix}")
    return told


def _joined(values: Iterable[str]) -> str | None:
    return "; ".join(values) or None


def _parted(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(";") if part.strip()]


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _read_json(cells: Cells, name: str, empty: Any) -> Any:
    told = cells.exact(name)
    if told is None:
        return empty
    try:
        return orjson.loads(told)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{name}: is not JSON ({error.msg} at character {error.pos})") from None


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


_TYPES_OF_CELLS = {Type.FLAG: _plain, Type.NAMES: _joined, Type.JSON: _json}
_AS_CELLS = {name: _TYPES_OF_CELLS[column.type] for name, column in COLUMNS.items() if column.type in _TYPES_OF_CELLS}
