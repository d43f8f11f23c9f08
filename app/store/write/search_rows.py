"""The rows and columns that filters, sort orders and searches compare: copies of members of a record."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from app.domain.dates import parse_day
from app.domain.headline import Headline
from app.domain.incident import counted_day
from app.domain.places import Region
from app.domain.sphere import on_sphere
from app.domain.text import fold
from app.domain.vocabulary import Measure
from app.store.tables import IncidentActor, IncidentBorder, IncidentExternalId, search, table_of

_COLUMNS = {measure: tuple(f"{measure}_{figure}" for figure in ("low", "best", "high")) for measure in Measure}
_NO_NUMBERS: dict[str, int | None] = dict.fromkeys(column for columns in _COLUMNS.values() for column in columns)


def rows_of_version(version: int, record: Mapping[str, Any]) -> dict[Table, list[dict[str, Any]]]:
    """The rows by which searches find a version of an incident's record."""
    actors = record["actors"]
    region = record["region"]
    texts = {
        "title": record["title"],
        "summary": record["summary"],
        "place": record["place"],
        "actors": " ".join(a["name"] for a in actors),
        "region": " ".join(filter(None, (region and region["name"], record["district"]))),
    }
    rows: dict[Table, list[dict[str, Any]]] = {
        table_of(IncidentActor): [{"version": version, "number": n, **actor} for n, actor in enumerate(actors)],
        table_of(IncidentBorder): [{"version": version, "country": c} for c in dict.fromkeys(record["near_border"])],
        table_of(IncidentExternalId): [
            {"scheme": scheme, "id": external_id, "version": version}
            for scheme, external_id in record["external_ids"].items()
        ],
        search.incident_text: [{"rowid": version} | {name: fold(text or "") for name, text in texts.items()}],
    }
    if record["latitude"] is not None:
        lat, lon = record["latitude"], record["longitude"]
        rows[search.incident_box] = [
            {"version": version, "min_lon": lon, "max_lon": lon, "min_lat": lat, "max_lat": lat}
        ]
    return rows


def record_columns(record: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a segment that are taken from the record."""
    start, end = (parse_day(record[name]).toordinal() for name in ("date_start", "date_end"))
    day = counted_day(record)
    region, latitude, longitude = record["region"], record["latitude"], record["longitude"]
    x, y, z = on_sphere(latitude, longitude) if latitude is not None else (None, None, None)
    return {
        "country": record["country"],
        "region_key": Region(region["code"], region["name"]).key if region else None,
        "region_name": region["name"] if region else None,
        "date_start": start,
        "date_end": end,
        "days": end - start,
        "month": day.year * 100 + day.month,
        "day": day.toordinal(),
        "date_precision": record["date_precision"],
        "event_type": record["event_type"],
        "sub_event_type": record["sub_event_type"],
        "type_of_violence": record["type_of_violence"],
        "latitude": latitude,
        "longitude": longitude,
        "place_precision": record["place_precision"],
        "sphere_x": x,
        "sphere_y": y,
        "sphere_z": z,
    }


def toll_columns(headlines: Mapping[Measure, Headline]) -> dict[str, Any]:
    """The columns of a segment that are taken from the reports about the incident alone."""
    killed = headlines.get(Measure.KILLED)
    return {
        **number_columns(headlines),
        "killed_first": killed.first if killed else None,
        "killed_change": killed.change.value if killed else None,
        "killed_revisions": killed.revisions if killed else None,
        "killed_spread": killed.spread if killed else None,
        "killed_disputed": killed.numbers.disputed if killed else None,
    }


def number_columns(headlines: Mapping[Measure, Headline]) -> dict[str, int | None]:
    """`killed_low`, `killed_best`, … of every measure."""
    columns = _NO_NUMBERS.copy()
    for measure, headline in headlines.items():
        numbers = headline.numbers
        for column, figure in zip(_COLUMNS[measure], (numbers.low, numbers.best, numbers.high), strict=True):
            columns[column] = figure
    return columns
