"""ACLED's export: one row per event, with its fatalities and the time of the last change of the row.

Columns are those of ACLED's data export and API. `inter1` and `inter2` are numbers in older files, words in newer ones.
"""

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from app.domain.countries import number_of_country
from app.domain.dates import is_before_event, parse_day, parse_moment, today
from app.domain.incident import counted_day
from app.domain.places import country_name
from app.domain.text import fold
from app.domain.vocabulary import (
    ACLED_EVENT_TYPES_BEFORE_2019,
    ACLED_GEO_PRECISION,
    ACLED_INTER,
    ACLED_INTER_WORDS,
    ACLED_TIME_PRECISION,
    RIOTS_OR_PROTESTS,
    SUB_EVENT_TYPES,
    ActorKind,
    DatePrecision,
    EventType,
    PlacePrecision,
)
from app.errors import echo
from app.formats.layouts.cells import Cells, number_of
from app.formats.layouts.geography import country_of, region_of

SCHEME = "acled"
"""The key of its ids in `external_ids`."""
COLUMNS = (
    "event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type", "sub_event_type", "actor1",
    "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2", "interaction", "civilian_targeting", "iso",
    "region", "country", "admin1", "admin2", "admin3", "location", "latitude", "longitude", "geo_precision", "source",
    "source_scale", "notes", "fatalities", "tags", "timestamp",
)  # fmt: skip
REQUIRED = ("event_id_cnty", "event_date", "event_type", "country", "fatalities")
"""A table without these columns is not an export of events."""
DELETED = ("event_id_cnty", "deleted_timestamp")
"""The columns of the list of deleted events."""
DAYS = ("event_date", "timestamp", "deleted_timestamp")
"""Columns that may have dates."""
_READ = frozenset(
    "event_id_cnty event_date time_precision event_type sub_event_type actor1 actor2 inter1 inter2 admin2 location "
    "latitude longitude geo_precision fatalities timestamp deleted_timestamp".split()
)
"""Columns that become members of the record or of the figure; all others are kept as attributes."""
_AROUND = timedelta(days=3)
"""An event of time precision 2 happened in the week around its date."""


def incident_id(external_id: str) -> str:
    """The id of the incident of an event."""
    return f"acled-{external_id.lower()}"


def event_of(cells: Cells) -> str:
    """The id of an event: letters of its country and a number."""
    event = cells.needed("event_id_cnty").upper()
    if not (event.isascii() and event.isalnum() and len(event) <= 40):
        raise ValueError(f"event_id_cnty: is not an id such as MLI1234: {echo(event)}")
    return event


def changed_at(cells: Cells, column: str = "timestamp") -> str | None:
    """When a row was last changed, or deleted: a date or an RFC 3339 timestamp. ACLED writes seconds since 1970."""
    return cells.moment(column)


def reported_on(cells: Cells, incident: Mapping[str, Any]) -> str | None:
    """When the figure of a row was reported: when the row was last changed.

    No figure is older than its event. If the column `year` confirms the date of the event, `timestamp` is wrong and is
    replaced by the date of the event, with a note.
    """
    changed, first = changed_at(cells), str(incident["date_start"])
    if changed is None or not is_before_event(parse_moment(changed).instant, parse_day(first)):
        return changed
    if cells.whole("year") == counted_day(incident).year and parse_day(first) <= today():
        cells.repairs.append(f"timestamp: {changed} lies before the event; read as {first}")
        return first
    return changed


def read(cells: Cells) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """An incident, and its figure if there is one: plain data, to be validated."""
    event = event_of(cells)
    country = country_of(cells)
    day = cells.event_day("event_date")
    if day is None:
        raise ValueError("event_date: is empty")
    precision = cells.code("time_precision", ACLED_TIME_PRECISION) or DatePrecision.DAY
    start, end = _interval(day, precision)
    latitude, longitude = cells.place()
    geo_precision = cells.code("geo_precision", ACLED_GEO_PRECISION)
    admin1, location = cells.text("admin1"), cells.text("location")
    event_type, sub_event_type, kept = _types(cells)
    incident = {
        "id": incident_id(event),
        "title": _title(cells, location or admin1),
        "date_start": start.isoformat(),
        "date_end": end.isoformat(),
        "date_precision": precision.value,
        "country": country,
        "region": region_of(cells, "admin1", country),
        "district": cells.text("admin2"),
        "place": location,
        "latitude": latitude,
        "longitude": longitude,
        "place_precision": geo_precision.value if geo_precision else None,
        "event_type": event_type,
        "sub_event_type": sub_event_type,
        "actors": _actors(cells, event_type),
        "external_ids": {SCHEME: event},
        "attributes": cells.others(_READ) | kept | ({} if day == start == end else {"event_date": day.isoformat()}),
    }
    fatalities = cells.people("fatalities")
    if fatalities is None:
        cells.repairs.append("no figure is given")
        return incident, None
    return incident, {"measure": "killed", "victims": "all", "bound": "exact", "best": fatalities}


def _interval(day: date, precision: DatePrecision) -> tuple[date, date]:
    if precision is DatePrecision.WEEK:
        return day - _AROUND, day + _AROUND
    if precision is DatePrecision.MONTH:
        return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day, day


def _types(cells: Cells) -> tuple[str | None, str | None, dict[str, str]]:
    """Event type and sub-event type. A word that is not in ACLED's current list is kept as an attribute."""
    given, kept = cells.text("event_type"), {}
    event_type = cells.word("event_type", EventType)
    implied = None
    if event_type is None and given:
        kept["event_type"] = given
        event_type, implied = _successor(cells, given)
        if event_type is None:
            cells.repairs.append(f"event_type {echo(given)} is not in ACLED's list; kept as an attribute")
    sub_event_type = cells.word("sub_event_type", SUB_EVENT_TYPES[event_type] if event_type else ())
    if sub_event_type is None and (given := cells.text("sub_event_type")):
        kept["sub_event_type"] = given
        cells.repairs.append(f"sub_event_type {echo(given)} is not in ACLED's list; kept as an attribute")
    return event_type.value if event_type else None, sub_event_type or implied, kept


_BEFORE_2019 = {fold(name): successor for name, successor in ACLED_EVENT_TYPES_BEFORE_2019.items()}


def _successor(cells: Cells, given: str) -> tuple[EventType | None, str | None]:
    """The current event type for one of ACLED's versions up to 8, with the sub-event type that it implies."""
    if fold(given) != fold(RIOTS_OR_PROTESTS):
        return _BEFORE_2019.get(fold(given), (None, None))
    splitting = {ActorKind.RIOTERS: EventType.RIOTS, ActorKind.PROTESTERS: EventType.PROTESTS}
    return splitting.get(_inter(cells, "inter1")), None


def _actors(cells: Cells, event_type: str | None) -> list[dict[str, str]]:
    """In violence against civilians, civilians are the target and others attack; elsewhere the order has no meaning.

    A file with one row per actor may have more than two actors, in any order; the others join the second side.
    """
    attacked = event_type == EventType.VIOLENCE_AGAINST_CIVILIANS
    first, other = ("attacker", "target") if attacked else ("side_a", "side_b")
    found: list[dict[str, str]] = []
    number = 1
    while number <= 2 or f"actor{number}" in cells.columns:
        if name := cells.text(f"actor{number}"):
            role = first if number == 1 else other
            found.append({"name": name, "role": role, "kind": _inter(cells, f"inter{number}").value})
        number += 1
    if attacked and any(actor["kind"] == ActorKind.CIVILIANS for actor in found):
        for actor in found:
            actor["role"] = other if actor["kind"] == ActorKind.CIVILIANS else first
    return found


def _inter(cells: Cells, column: str) -> ActorKind:
    text = cells.text(column)
    if text is None:
        return ActorKind.UNKNOWN
    if text.replace(".", "").isdecimal():
        return cells.code(column, ACLED_INTER) or ActorKind.UNKNOWN
    kind = {word.casefold(): kind for kind, word in ACLED_INTER_WORDS.items()}.get(text.casefold())
    if kind is None:
        raise ValueError(f"{column}: is not one of {', '.join(ACLED_INTER_WORDS.values())}: {echo(text)}")
    return kind


def _title(cells: Cells, where: str | None) -> str:
    what = cells.needed("sub_event_type", "event_type")
    who = " and ".join(filter(None, (cells.text("actor1"), cells.text("actor2"))))
    return ": ".join(filter(None, (what, who))) + (f", {where}" if where else "")


def flat_incident(item: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as a row, as far as its values are known. `item` is an incident as in a response."""
    attributes, toll, day = item["attributes"], item["toll"].get("killed") or {}, counted_day(item)
    first, second = (_actor(item, roles) for roles in (("attacker", "side_a"), ("target", "side_b")))
    changed = parse_moment(toll.get("reported_on") or item["updated_at"]).instant
    return {name: attributes.get(name) for name in COLUMNS} | {
        "event_id_cnty": item["external_ids"].get(SCHEME),
        "event_date": day.isoformat(),
        "year": day.year,
        "time_precision": _time_precision(item["date_precision"]),
        "event_type": attributes.get("event_type") or item["event_type"],
        "sub_event_type": item["sub_event_type"] or attributes.get("sub_event_type"),
        "actor1": first.get("name"),
        "inter1": ACLED_INTER_WORDS.get(first.get("kind", ActorKind.UNKNOWN)),
        "actor2": second.get("name"),
        "inter2": ACLED_INTER_WORDS.get(second.get("kind", ActorKind.UNKNOWN)),
        "iso": attributes.get("iso", number_of_country(item["country"])),
        "country": attributes.get("country", country_name(item["country"])),
        "admin1": attributes.get("admin1", (item["region"] or {}).get("name")),
        "admin2": item["district"],
        "location": item["place"],
        "latitude": item["latitude"],
        "longitude": item["longitude"],
        "geo_precision": _geo_precision(item["place_precision"]),
        "source": attributes.get("source") or _titles(item["sources"]),
        "notes": attributes.get("notes", item["summary"]),
        "fatalities": toll.get("best"),
        "timestamp": changed // 1_000_000,
    }


def _titles(sources: Sequence[Mapping[str, Any]]) -> str | None:
    """Titles of sources that are not confidential: these columns cannot mark one, and an import would disclose it."""
    return (
        "; ".join(source["title"] for source in sources if source["title"] and not source.get("confidential")) or None
    )


def _actor(item: Mapping[str, Any], roles: tuple[str, ...]) -> Mapping[str, Any]:
    return next((actor for actor in item["actors"] if actor["role"] in roles), {})


def _time_precision(precision: str) -> int:
    if precision == DatePrecision.DAYS:
        return 2
    return number_of(ACLED_TIME_PRECISION, precision) or 3


def _geo_precision(precision: str | None) -> int | None:
    if precision == PlacePrecision.DISTRICT:
        return 2
    return number_of(ACLED_GEO_PRECISION, precision) or (3 if precision else None)
