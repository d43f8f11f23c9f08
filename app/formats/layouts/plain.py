"""Our own plain layout: a row an incident with its toll reports, or a row a toll report.

What `incidents export FILE.csv` writes, `incidents import csv` reads, so that nothing is lost on the way. Lists of
names and codes are joined by `; `, what has members of its own is JSON. Columns of the headline are for reading: they
are derived, and not read back.
"""

import calendar
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import orjson

from app.domain.canonical import canonical
from app.domain.columns import COLUMNS, INCIDENT_COLUMNS, OF_HEADLINE, OF_RECORD, Type
from app.domain.countries import country_iso3, country_name, find_country
from app.domain.dates import parse_day, today
from app.domain.places import Region, known_region
from app.domain.strict_json import read_json
from app.domain.vocabulary import ActorRole, Bound, DatePrecision, Measure
from app.domain.written_days import read_month
from app.errors import InvalidInput, echo
from app.formats.layouts.cells import NO_TEXT, Cells
from app.formats.layouts.geography import NAMIBIA, is_empty

REPORT_COLUMNS = (
    "id", "incidents", "measure", "victims", "low", "best", "high", "bound", "reporter_id", "reporter_name",
    "reporter_kind", "reporter_confidential", "reported_on", "source_id", "source_title", "source_publisher",
    "source_published_on", "source_url", "source_language", "source_licence", "source_attribution",
    "source_confidential", "breakdown_side_a", "breakdown_side_b", "breakdown_civilian", "breakdown_unknown",
    "locator", "note", "supersedes", "status", "superseded_by", "retraction_reason", "retraction_reported_on",
    "change", "delta", "source_changed", "recorded_at",
)  # fmt: skip
NEEDED = ("id", "title", "date_start", "country")
"""Without these a table has no incidents."""
NEEDED_OF_REPORTS = ("incidents", "measure", "reported_on")
"""Without these it has no toll reports."""
DAYS = ("date_start", "date_end", "reported_on", "source_published_on", "retraction_reported_on")
"""Columns that hold days, or instants."""
HEADLINE_COLUMNS = tuple(f"{measure}_{figure}" for measure in Measure for figure in ("low", "best", "high"))
"""Columns of figures that are derived from toll reports."""
_NAMED = ("id", "name", "kind", "confidential")
_PUBLISHED = (
    "id", "title", "publisher", "published_on", "url", "language", "licence", "attribution", "confidential",
)  # fmt: skip
_OF_LOG = ("commitment", "salt")
"""What only the log of one service has; another makes its own when it records the same."""
_SIDES = ("side_a", "side_b", "civilian", "unknown")
_OF_REPORT = (
    "id", "incidents", "measure", "victims", "low", "best", "high", "bound", "reported_by", "reported_on", "source",
    "breakdown", "locator", "note", "supersedes", "retraction",
)  # fmt: skip
MAX_VALUES_IN_CELL = 1_000_000
"""Members and items of the JSON in one cell; a row may have thousands of reports."""
_country_name = cache(country_name)
_HEADLINES = {measure.value: [(f"{measure}_{name}", name) for name in OF_HEADLINE] for measure in Measure}
_UNREPORTED: dict[str, Any] = {column: None for names in _HEADLINES.values() for column, _ in names}
_UNSEEN = r"\s\x00-\x1f\x7f-\xa0\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_SIGNS = r"=+\-@" + r"\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_FORMULA = re.compile(rf"['\t\r\n]|[{_UNSEEN}]*[{_SIGNS}]")
"""How text begins that a spreadsheet takes for a formula: some skip blanks and invisible characters, and read wide and
small signs as the usual ones. A `'` gets another one, so that taking one off always gives the text back."""


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets a `'` in front.

    So does text that programs write for an empty cell, like `NA`. Numbers are left alone; null is an empty cell.
    """
    if isinstance(value, str) and (_FORMULA.match(value) or value.strip() in NO_TEXT):
        return "'" + value
    return value


def safe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of safe cells. Namibia's code stays as it is: a table of codes has the country's other names beside it."""
    return {name: value if (name, value) == ("country", NAMIBIA) else safe_cell(value) for name, value in row.items()}


def read_cell(text: str) -> str:
    """The text of a cell that `safe_cell` wrote; nothing where a program has written that there is none."""
    if text.startswith("'"):
        return text[1:]
    return "" if text.strip() in NO_TEXT else text


def incident_columns(fields: Sequence[str] | None) -> list[str]:
    """The columns that belong to these members, or all but those of the recorded clock."""
    if fields is None:
        return list(INCIDENT_COLUMNS)
    return [name for name, column in COLUMNS.items() if column.member in fields]


def incident_values(item: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns of an incident hold, as JSON has it; `item` is one as it is answered, with `toll_reports`."""
    toll, region = item["toll"], item["region"] or {}
    row = {name: item.get(name) for name in COLUMNS} | {
        "country_name": _country_name(item["country"]),
        "country_iso3": country_iso3(item["country"]),
        "region_code": region.get("code"),
        "region_name": region.get("name"),
        "toll_shared": toll["shared"],
        "sources": [_without_log(source) for source in item.get("sources") or ()],
        "toll_reports": [_told(report) for report in item.get("toll_reports", ())],
        **_by_role(item["actors"]),
    }
    return row | headline_values(toll)


def headline_values(toll: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns of the headlines hold: `killed_low`, `killed_best`, …, null where nothing was reported."""
    values = _UNREPORTED.copy()
    for measure, names in _HEADLINES.items():
        if headline := toll.get(measure):
            values |= {column: headline.get(name) for column, name in names}
    return values


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
    told |= {name: _without_log(told[name]) for name in ("reported_by", "source")}
    if len(told["incidents"]) == 1:
        del told["incidents"]
    if "retraction" in told:
        told["retraction"] = {name: told["retraction"][name] for name in ("reason", "reported_on")}
    return told


def _without_log(of: Mapping[str, Any]) -> dict[str, Any]:
    """A reporter or source as any service may record it."""
    return {name: value for name, value in of.items() if name not in _OF_LOG}


def flat_report(item: Mapping[str, Any]) -> dict[str, Any]:
    """A toll report as a row."""
    reporter, source, retraction = item["reported_by"], item["source"], item["retraction"] or {}
    nested = {f"reporter_{name}": _plain(reporter.get(name)) for name in _NAMED}
    nested |= {f"source_{name}": _plain(source.get(name)) for name in _PUBLISHED}
    nested |= {f"breakdown_{side}": (item["breakdown"] or {}).get(side) for side in _SIDES}
    nested |= {f"retraction_{name}": retraction.get(name) for name in ("reason", "reported_on")}
    plain = {name: _plain(item.get(name)) for name in REPORT_COLUMNS}
    return plain | nested | {"incidents": _joined(item["incidents"])}


def read_incident(cells: Cells, countries_are_named: bool = False) -> dict[str, Any]:
    """An incident with its `toll_reports`, as far as the table has columns of it: plain data, to be validated.

    `NA` is Namibia in a column of codes, and nothing in one of names (`countries_are_named`).
    """
    there = cells.columns
    texts = [
        name for name in (*OF_RECORD, "claimed_by") if name in there and not name.startswith(("region", "country_"))
    ]
    told: dict[str, Any] = {name: cells.exact(name) for name in texts}
    told["country"] = _country(cells, countries_are_named)
    if {"latitude", "longitude"} & there:
        told["latitude"], told["longitude"] = cells.place()
    if "type_of_violence" in there:
        told["type_of_violence"] = cells.whole("type_of_violence")
    if "near_border" in there:
        told["near_border"] = _parted(cells.exact("near_border"))
    told["id"] = _id(cells, "id", cells.needed("id"))
    told |= _dates(cells)
    if {"region_code", "region_name"} & there:
        told["region"] = _region(cells, told["country"])
    for name, empty in (("sources", []), ("external_ids", {}), ("attributes", {}), ("toll_reports", [])):
        if name in there:
            told[name] = _read_json(cells, name, empty)
    if isinstance(sources := told.get("sources"), list):
        told["sources"] = [_disclosed(source, f"sources.{n}") for n, source in enumerate(sources)]
    if {"actors", *ActorRole} & there:
        told["actors"] = _actors(cells)
    if isinstance(reports := told.get("toll_reports"), list):
        told["toll_reports"] = [
            _with_id(_with_disclosed(report, f"toll_reports.{n}"), told["id"]) if isinstance(report, dict) else report
            for n, report in enumerate(reports)
        ]
    expect_reports_of_headline(cells, reports)
    return told


def expect_reports_of_headline(cells: Cells, reports: Any) -> None:
    """Raises `ValueError` for a figure in a column of the headline that no report of the row stands for.

    Such columns are derived. Reading past them would lose the figure in silence.
    """
    for name in HEADLINE_COLUMNS:
        figure = cells.people(name) if name in cells.columns else None
        measure = name.rpartition("_")[0]
        if figure is not None and not any(isinstance(r, dict) and r.get("measure") == measure for r in reports or ()):
            raise ValueError(
                f"{name}: is derived, and no toll report of the row gives the {figure}. {WHERE_FIGURES_GO}"
            )


WHERE_FIGURES_GO = (
    "Figures are toll reports, each with its reporter and day: put them into a file of their own with the columns "
    "incidents, measure, best, reporter_name, reporter_kind, reported_on and source_title, and take this column out"
)


def _dates(cells: Cells) -> dict[str, str | None]:
    """`date_start`, `date_end` and `date_precision`. A month or a year without a day is the whole of it."""
    first, last = cells.text("date_start") or "", cells.text("date_end") or ""
    of_first, of_last = read_month(first), read_month(last or first)
    start = date(of_first[0], of_first[1] or 1, 1).isoformat() if of_first else _day(cells, "date_start")
    if of_first and start and parse_day(start) > today():
        raise ValueError(f"date_start: lies in the future: {first}")
    end = _last_day(*of_last) if of_last else _day(cells, "date_end") or start
    if of_first or of_last:
        implied = DatePrecision.MONTH if of_first == of_last and of_first and of_first[1] else DatePrecision.LONGER
    else:
        implied = DatePrecision.DAY if start == end else DatePrecision.DAYS
    return {"date_start": start, "date_end": end, "date_precision": cells.exact("date_precision") or implied.value}


def _last_day(year: int, month: int | None) -> str:
    last = month or 12
    return date(year, last, calendar.monthrange(year, last)[1]).isoformat()


def _country(cells: Cells, countries_are_named: bool) -> str:
    """What `country` says, or where it is empty the columns beside it: pandas writes Namibia's `NA` as an empty cell.

    Raises `ValueError` where they are of another country: nobody knows which is right.
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
            raise ValueError(f"{other}: {echo(text)} is not {name} {echo(first)}; change one of them, or empty it")
    return first


def _found(country: str) -> str | None:
    try:
        return find_country(country)
    except ValueError:
        return None


def _day(cells: Cells, name: str) -> str | None:
    found = cells.day(name)
    if found is not None and found.year < EARLIEST_YEAR:
        raise ValueError(f"{name}: lies before the year {EARLIEST_YEAR}: {found}")
    if found is not None and found > today() + timedelta(1):
        raise ValueError(f"{name}: lies in the future: {found}")
    return None if found is None else found.isoformat()


EARLIEST_YEAR = 1000
"""Of incidents in a file; an earlier year has lost its century."""


def _id(cells: Cells, column: str, text: str) -> str:
    """An id, which has small letters alone."""
    if text.lower() != text:
        cells.repairs.append(f"{column}: {text} became {text.lower()}, since ids have small letters")
    return text.lower()


def _with_id(report: dict[str, Any], about: str) -> dict[str, Any]:
    """A report with an id, which is made of all that it says where it has none: the same is the same each time.

    `made_id` marks it, since it is no id for a report of which something is confidential: it would confirm a guess.
    """
    if MADE_ID in report:
        raise ValueError(f"{MADE_ID}: is not a member of a toll report; take it out")
    if report.get("id"):
        return report
    try:
        digest = hashlib.sha256(canonical([about, report])).hexdigest()
    except ValueError:  # validation refuses such a value, and names it
        return report
    return report | {"id": f"tr-{digest[:16]}", MADE_ID: True}


MADE_ID = "made_id"


def _with_disclosed(report: dict[str, Any], where: str) -> dict[str, Any]:
    parties = {name: report[name] for name in ("reported_by", "source") if name in report}
    return report | {name: _disclosed(party, f"{where}.{name}") for name, party in parties.items()}


def _disclosed(party: Any, where: str) -> Any:
    """A reporter or source of a JSON cell, to be recorded.

    Raises `ValueError` for a confidential one without its name or title, which an export without the scope leaves out.
    """
    if not (isinstance(party, dict) and party.get("confidential") is True):
        return party
    name = "name" if "kind" in party else "title"
    if party.get(name) is None:
        raise ValueError(f"{where}.{name}: {NOT_DISCLOSED}")
    return _without_log(party)


NOT_DISCLOSED = (
    "is confidential, and left out of this file. Export it again with a key that has the scope read:confidential"
)


def _region(cells: Cells, country: str) -> Any:
    """A region as the row has it. A name alone gets the code that it has in its country, where it has one."""
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
    told: dict[str, Any] = {name: cells.exact(name) for name in ("measure", "locator", "note")}
    if supersedes := cells.exact("supersedes"):
        told["supersedes"] = _id(cells, "supersedes", supersedes)
    low, best, high = (cells.people(name) for name in ("low", "best", "high"))
    bound = Bound.RANGE if low is not None and high is not None and not low == best == high else Bound.EXACT
    breakdown = {side: cells.people(f"breakdown_{side}") for side in _SIDES}
    told |= {
        "incidents": [_id(cells, "incidents", name) for name in _parted(cells.needed("incidents"))],
        "reported_on": cells.moment("reported_on"),
        "victims": cells.exact("victims") or "all",
        "bound": cells.exact("bound") or bound.value,
        "low": low,
        "best": best,
        "high": high,
        "reported_by": _party(cells, "reporter", _NAMED),
        "source": _party(cells, "source", _PUBLISHED),
        "breakdown": breakdown if any(n is not None for n in breakdown.values()) else None,
    }
    if "published_on" in told["source"]:
        told["source"]["published_on"] = _day(cells, "source_published_on")
    own_id = cells.exact("id")
    told = _with_id(told | {"id": _id(cells, "id", own_id) if own_id else None}, "")
    if reason := cells.exact("retraction_reason"):
        told["retraction"] = {"reason": reason, "reported_on": cells.moment("retraction_reported_on")}
    return told


def _party(cells: Cells, prefix: str, members: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {name: value for name in members if (value := cells.exact(f"{prefix}_{name}"))}
    if not told:
        raise ValueError(f"{prefix}_id: is empty, and so is all else of the {prefix}")
    if flag := told.pop("confidential", None):
        if flag.lower() not in ("true", "false"):
            raise ValueError(f"{prefix}_confidential: is not true or false: {echo(flag)}")
        if flag.lower() == "true":
            told["confidential"] = True
            if members[1] not in told:
                raise ValueError(f"{prefix}_{members[1]}: {NOT_DISCLOSED}")
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
        return read_json(told.encode("utf-8", errors="surrogatepass"), max_values=MAX_VALUES_IN_CELL)
    except InvalidInput as error:
        (fault,) = error.faults
        member = "" if fault.name == "body" else f".{echo(fault.name)}"
        raise ValueError(f"{name}{member}: {fault.message}") from None


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


_TYPES_OF_CELLS = {Type.FLAG: _plain, Type.NAMES: _joined, Type.JSON: _json}
_AS_CELLS = {name: _TYPES_OF_CELLS[column.type] for name, column in COLUMNS.items() if column.type in _TYPES_OF_CELLS}
