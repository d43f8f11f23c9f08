"""UCDP's Georeferenced Event Dataset (GED): one row per event, with one figure.

Columns are those of the final releases. Candidate releases and copies have more columns, or other names for figures.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from app.domain.countries import gleditsch_ward_of
from app.domain.incident import counted_day
from app.domain.places import country_name
from app.domain.vocabulary import UCDP_DATE_PREC, UCDP_WHERE_PREC, ActorKind, DatePrecision, ViolenceType
from app.domain.written_days import FIRST_YEAR
from app.formats.layouts.cells import Cells, number_of, range_of
from app.formats.layouts.geography import country_of, region_of

SCHEME = "ucdp"
"""The key of its ids in `external_ids`."""
COLUMNS = (
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id", "conflict_new_id",
    "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name", "side_a_dset_id", "side_a_new_id", "side_a",
    "side_b_dset_id", "side_b_new_id", "side_b", "number_of_sources", "source_article", "source_office", "source_date",
    "source_headline", "source_original", "where_prec", "where_coordinates", "where_description", "adm_1", "adm_2",
    "latitude", "longitude", "geom_wkt", "priogrid_gid", "country", "country_id", "region", "event_clarity",
    "date_prec", "date_start", "date_end", "deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown", "best",
    "high", "low", "gwnoa", "gwnob",
)  # fmt: skip
REQUIRED = ("id", "type_of_violence", "side_a", "country", "date_start")
"""A table without these columns, or without `best` and `best_est`, is not a GED file."""
FIGURES = {name: (name, f"{name}_est") for name in ("low", "best", "high")}
BREAKDOWN = {"side_a": "deaths_a", "side_b": "deaths_b", "civilian": "deaths_civilians", "unknown": "deaths_unknown"}
DAYS = ("date_start", "date_end")
"""Columns with dates."""
_READ = {
    "id", "type_of_violence", "side_a", "side_b", "where_prec", "where_coordinates", "adm_2", "latitude", "longitude",
    "date_prec", "date_start", "date_end", "event_date_start", *BREAKDOWN.values(),
    *(name for names in FIGURES.values() for name in names),
}  # fmt: skip
"""Columns that become members of the record, or figures; all others are kept as attributes."""
_WHOLE_NUMBERS = (
    "year", "start_year", "end_year", "active_year", "conflict_dset_id", "conflict_new_id", "dyad_dset_id",
    "dyad_new_id", "side_a_dset_id", "side_a_new_id", "side_b_dset_id", "side_b_new_id", "number_of_sources",
    "priogrid_gid", "country_id", "event_clarity", "gwnoa", "gwnob",
)  # fmt: skip
"""Columns that some copies write as decimals (`297.0`)."""
_LONGEST = {DatePrecision.DAY: 0, DatePrecision.DAYS: 5, DatePrecision.WEEK: 6, DatePrecision.MONTH: 30}
"""Maximum days between start and end for a precision."""
LONGEST_EVENT = timedelta(days=366)
"""From first to last day. A longer event has a wrong year in one of them."""


def incident_id(external_id: str) -> str:
    """The id of the incident of an event."""
    return f"ucdp-{external_id}"


def read(cells: Cells) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """An incident, and its figure if there is one: plain data, to be validated."""
    event = cells.whole("id")
    if event is None or event < 0:
        raise ValueError("id: is not a number" if event else "id: is empty")
    violence = cells.code("type_of_violence", {v.value: v for v in ViolenceType})
    country = country_of(cells)
    start, end, precision = _dates(cells)
    latitude, longitude = cells.place()
    where_prec = cells.code("where_prec", UCDP_WHERE_PREC)
    sides = cells.needed("side_a"), cells.text("side_b")
    place = cells.text("where_coordinates")
    incident = {
        "id": incident_id(str(event)),
        "title": _title(violence, sides, place or cells.text("adm_2", "adm_1", "country")),
        "date_start": start.isoformat(),
        "date_end": end.isoformat(),
        "date_precision": precision.value,
        "country": country,
        "region": region_of(cells, "adm_1", country),
        "district": cells.text("adm_2"),
        "place": place,
        "latitude": latitude,
        "longitude": longitude,
        "place_precision": where_prec.value if where_prec else None,
        "type_of_violence": violence.value if violence else None,
        "actors": [
            {"name": name, "role": role, "kind": _kind(name, violence, role).value}
            for name, role in zip(sides, ("side_a", "side_b"), strict=True)
            if name
        ],
        "external_ids": {SCHEME: str(event)},
        "attributes": _attributes(cells),
    }
    return incident, _figure(cells)


def _attributes(cells: Cells) -> dict[str, Any]:
    others = cells.others(_READ)
    return others | {name: others[name].removesuffix(".0") for name in _WHOLE_NUMBERS if name in others}


def _title(violence: ViolenceType | None, sides: tuple[str, str | None], where: str | None) -> str:
    """The title is recorded: other words would revise every incident at the next import."""
    first, second = sides
    if violence is ViolenceType.ONE_SIDED:
        event = f"Violence of {first} against civilians"
    else:
        event = f"Fighting between {first} and {second}" if second else f"Fighting of {first}"
    return f"{event}, {where}" if where else event


def _kind(name: str, violence: ViolenceType | None, role: str) -> ActorKind:
    """UCDP names the side of a state "Government of …"; state-based conflicts are with organized opposition."""
    if name.startswith("Government of "):
        return ActorKind.STATE_FORCES
    if role == "side_b":
        of_side_b = {ViolenceType.STATE_BASED: ActorKind.REBEL_GROUP, ViolenceType.ONE_SIDED: ActorKind.CIVILIANS}
        return of_side_b.get(violence, ActorKind.UNKNOWN) if violence else ActorKind.UNKNOWN
    return ActorKind.UNKNOWN


def _dates(cells: Cells) -> tuple[date, date, DatePrecision]:
    year = cells.year()
    start, end = cells.day("date_start", year), cells.day("date_end", year)
    if start is None:
        raise ValueError("date_start: is empty")
    if end is None:
        end = start
        cells.repairs.append("date_end is empty; read as date_start")
    if year is None or not FIRST_YEAR <= start.year <= year <= end.year:  # an event may go on into another year
        start = cells.in_year("date_start", start, year)
        end = cells.in_year("date_end", end, year) if cells.text("date_end") else start
    if end - start > LONGEST_EVENT:
        raise ValueError(f"date_end: {end} is more than a year after date_start {start}")
    if end < start:
        raise ValueError(f"date_end: {end} is before date_start {start}")
    precision = cells.code("date_prec", UCDP_DATE_PREC)
    if precision is None:
        precision = next((p for p, days in _LONGEST.items() if end - start <= timedelta(days)), DatePrecision.LONGER)
        cells.repairs.append(f"date_prec is empty; read as {precision} from the dates")
    return start, end, precision


def _figure(cells: Cells) -> dict[str, Any] | None:
    low, best, high = (cells.people(*FIGURES[name]) for name in ("low", "best", "high"))
    breakdown = {side: cells.people(column) for side, column in BREAKDOWN.items()}
    deaths = [n for n in breakdown.values() if n is not None]
    if best is None and deaths and (low is not None or high is not None):
        best = sum(deaths)
        cells.repairs.append(f"best is empty; the deaths by side come to {best}")
    figure = range_of(cells, low, best, high)
    if figure is None:
        cells.repairs.append("no figure is given")
        return None
    return figure | {"measure": "killed", "victims": "all", "breakdown": breakdown if deaths else None}


def flat_incident(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a row, as far as its values are known. `item` is as in a response, with its `toll_reports`."""
    attributes, toll = item["attributes"], item["toll"].get("killed") or {}
    sides = {actor["role"]: actor["name"] for actor in reversed(item["actors"])}
    row = {name: attributes.get(name) for name in COLUMNS} | {
        "id": item["external_ids"].get(SCHEME),
        "year": counted_day(item).year,
        "type_of_violence": item["type_of_violence"],
        "side_a": sides.get("side_a", sides.get("attacker")),
        "side_b": sides.get("side_b", sides.get("target")),
        "where_prec": number_of(UCDP_WHERE_PREC, item["place_precision"]),
        "where_coordinates": item["place"],
        "adm_1": attributes.get("adm_1", (item["region"] or {}).get("name")),
        "adm_2": item["district"],
        "latitude": item["latitude"],
        "longitude": item["longitude"],
        "country": attributes.get("country", country_name(item["country"])),
        "country_id": attributes.get("country_id", gleditsch_ward_of(item["country"])),
        "date_prec": number_of(UCDP_DATE_PREC, item["date_precision"]),
        "date_start": item["date_start"],
        "date_end": item["date_end"],
        **{name: toll.get(name) for name in FIGURES},
    }
    split = _breakdown(item["toll_reports"], toll)
    return row | {column: split.get(side) for side, column in BREAKDOWN.items()}


def _breakdown(reports: list[Mapping[str, Any]], toll: Mapping[str, Any]) -> Mapping[str, Any]:
    """The breakdown of the headline figure, if it was reported."""
    breakdowns = [
        r["breakdown"] for r in reports if r["breakdown"] and r["measure"] == "killed" and r["best"] == toll.get("best")
    ]
    return breakdowns[-1] if breakdowns else {}
