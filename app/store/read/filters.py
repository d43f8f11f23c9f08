"""Filters to conditions: what a segment must meet, and the values that it is compared with. Pure.

A query has a shape (which filters were given, how many values each) and values. SQL is made once for each shape;
afterwards only the values are bound.
"""

import math
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Integer, and_, bindparam, func, literal_column, select, text

from app.domain.dates import Instant, Moment, opening
from app.domain.sphere import on_sphere
from app.domain.vocabulary import Figure
from app.query.parameters import MatchingQuery
from app.query.query import Comparison, Filter, filters_of
from app.query.value_types import EARTH_KM, Box, Point
from app.store.db import sql_text
from app.store.read.predicates import conditions_of, in_box, shape_of_predicate, values_of_predicate
from app.store.tables import (
    LARGE_TOLL,
    TABLES,
    Incident,
    IncidentActor,
    IncidentBorder,
    IncidentSetMember,
    Listing,
    ReleaseSpan,
    Segment,
    Source,
    TollReport,
    search,
    table_of,
)

segment = table_of(Segment).c
report = table_of(TollReport).c
member = table_of(IncidentSetMember).c
listing = table_of(Listing).c
span = table_of(ReleaseSpan).c
incident = table_of(Incident).c

Shape = tuple[Any, ...]
Places = list[BindParameter[Any]]
SEVERAL = (Comparison.ANY_OF, Comparison.NEAR_BORDER, Comparison.TARGET_KIND)
"""These compare with any number of values."""
OF_REPORT = (Comparison.REPORTED_BY, Comparison.REPORTED_SINCE, Comparison.REPORTED_UNTIL)
"""These compare a report, and one report meets all that are given."""
_FILTERS = {f.name: f for f in filters_of(MatchingQuery)}


def shape_of(query: MatchingQuery) -> Shape:
    """The part of a query that decides its SQL."""
    figure = query.figure
    return (*((f.name, _detail(f, value, figure)) for f, value in query.filters()), figure)


def _detail(f: Filter, value: Any, figure: Figure) -> Any:
    """What of a value decides the SQL of its filter."""
    if f.how in SEVERAL:
        return len(_several(value))
    if f.how is Comparison.BOX:
        return value.wraps
    if f.how is Comparison.DROPPED:
        return value
    if f.how is Comparison.PREDICATE:
        return shape_of_predicate(value)
    return (
        f.how is Comparison.AT_LEAST
        and f.column == "killed_{figure}"
        and figure is Figure.BEST
        and (value >= LARGE_TOLL)
    )


def _several(value: Any) -> list[Any]:
    """The values that are compared: of a region its keys, of a list its items, else the value alone."""
    if not isinstance(value, tuple):
        return [value]
    return [key for v in value for key in getattr(v, "keys", (v,))]


# Conditions: a function for each `Comparison`.


def _any_of(f: Filter, count: int, figure: Figure) -> ColumnElement[bool]:
    places: Places = [bindparam(f"{f.name}_{n}") for n in range(count)]
    compared = segment[f.column.format(figure=figure)]
    return compared == places[0] if count == 1 else compared.in_(places)


def _at_least(f: Filter, large: Any, figure: Figure) -> ColumnElement[bool]:
    compared = segment[f.column.format(figure=figure)]
    clause = compared >= bindparam(f.name)
    if large:
        return and_(clause, compared >= literal_column(str(LARGE_TOLL), Integer))
    return clause


def _ends_since(f: Filter, _: Any, __: Figure) -> ColumnElement[bool]:
    """The longest interval bounds the start, so that an index on `date_start` is of use."""
    longest = select(func.max(segment.days)).scalar_subquery()
    return and_(segment[f.column] >= bindparam(f.name), segment.date_start >= bindparam(f.name) - longest)


def _at_most(f: Filter, _: Any, figure: Figure) -> ColumnElement[bool]:
    return segment[f.column.format(figure=figure)] <= bindparam(f.name)


def _since(f: Filter, _: Any, __: Figure) -> ColumnElement[bool]:
    return segment[f.column] >= bindparam(f.name)


def _words(f: Filter, _: Any, __: Figure) -> ColumnElement[bool]:
    found = select(search.incident_text.c.rowid).where(text(f"incident_text MATCH :{f.name}"))
    return segment.version.in_(found)


def _near_border(f: Filter, count: int, _: Figure) -> ColumnElement[bool]:
    border = table_of(IncidentBorder).c
    places: Places = [bindparam(f"{f.name}_{n}") for n in range(count)]
    return segment.version.in_(select(border.version).where(border.country.in_(places)))


def _target_kind(f: Filter, count: int, _: Figure) -> ColumnElement[bool]:
    actor = table_of(IncidentActor).c
    places: Places = [bindparam(f"{f.name}_{n}") for n in range(count)]
    return segment.version.in_(
        select(actor.version).where(actor.role == literal_column("'target'"), actor.kind.in_(places))
    )


def _box(_: Filter, wraps: Any, __: Figure) -> ColumnElement[bool]:
    return in_box(*(bindparam(f"box_{side}") for side in ("west", "south", "east", "north")), wraps=wraps)


def _circle(_: Filter, __: Any, ___: Figure) -> ColumnElement[bool]:
    axes: Places = [bindparam(f"near_{axis}") for axis in "xyz"]
    x, y, z = axes
    nearness = segment.sphere_x * x + segment.sphere_y * y + segment.sphere_z * z
    return nearness >= bindparam("near_cosine")


def _dropped(_: Filter, dropped: Any, __: Figure) -> ColumnElement[bool]:
    found = dropped_by_a_release(newest=True)
    return found if dropped is True else ~found


def _dropped_by(f: Filter, _: Any, __: Figure) -> ColumnElement[bool]:
    source = table_of(Source).c
    release = select(source.key).where(source.id == bindparam(f.name)).scalar_subquery()
    return dropped_by_a_release(span.source == release)


def dropped_by_a_release(*which: ColumnElement[bool], newest: bool = False) -> ColumnElement[bool]:
    """That an earlier release of a data set lists the incident, and one that speaks of its country and time does not.

    `newest`: and no later one lists it again.
    """
    clocks: Places = [bindparam("recorded"), bindparam("known")]
    recorded, known = clocks
    listed = (
        select(listing.incident)
        .where(listing.incident == segment.incident, listing.recorded_at <= recorded, listing.listed_at <= known)
        .correlate(table_of(Segment), table_of(ReleaseSpan))
    )
    of_data_set = listed.where(listing.reporter == span.reporter)
    all_days = table_of(ReleaseSpan).alias("all_days").c
    of_release = all_days.source == span.source, all_days.recorded_at <= recorded
    first, last = (
        select(bound).where(*of_release).correlate(table_of(ReleaseSpan)).scalar_subquery()
        for bound in (func.min(all_days.first_day), func.max(all_days.last_day))
    )
    met = [
        span.country == segment.country,
        span.recorded_at <= recorded,
        span.listed_at <= known,
        segment.day.between(first, last),
        of_data_set.where(listing.listed_at < span.listed_at).exists(),
        ~listed.where(listing.source == span.source).exists(),
    ]
    if newest:
        met.append(~of_data_set.where(listing.listed_at > span.listed_at).exists())
    return select(span.source).where(*met, *which).exists()


def _predicate(_: Filter, shape: Any, __: Figure) -> ColumnElement[bool]:
    return conditions_of(shape)


CONDITIONS: dict[Comparison, Callable[[Filter, Any, Figure], ColumnElement[bool]]] = {
    Comparison.ANY_OF: _any_of,
    Comparison.AT_LEAST: _at_least,
    Comparison.AT_MOST: _at_most,
    Comparison.ENDS_SINCE: _ends_since,
    Comparison.SINCE: _since,
    Comparison.WORDS: _words,
    Comparison.NEAR_BORDER: _near_border,
    Comparison.TARGET_KIND: _target_kind,
    Comparison.BOX: _box,
    Comparison.CIRCLE: _circle,
    Comparison.DROPPED: _dropped,
    Comparison.DROPPED_BY: _dropped_by,
    Comparison.PREDICATE: _predicate,
}


def conditions(shape: Shape) -> list[ColumnElement[bool]]:
    """What a segment must meet to be selected: both clocks, and the filters."""
    *given, figure = shape
    found = list(at_clocks(segment))
    of_one_report = []
    for name, detail in given:
        f = _FILTERS[name]
        if f.how in OF_REPORT:
            of_one_report.append(condition_on_report(f))
        else:
            found.append(CONDITIONS[f.how](f, detail, figure))
    if of_one_report:
        covered = select(member.incident).join(table_of(TollReport), report.incident_set == member.incident_set)
        found.append(segment.incident.in_(covered.where(*known_reports(), *of_one_report)))
    return found


def at_clocks(table: Any) -> Iterable[ColumnElement[bool]]:
    """Rows of a table with spans that hold at the clocks."""
    clocks: Places = [bindparam("recorded"), bindparam("known")]
    recorded, known = clocks
    return (
        table.recorded_from <= recorded,
        table.recorded_to > recorded,
        table.known_from <= known,
        table.known_to > known,
    )


def known_reports() -> Iterable[ColumnElement[bool]]:
    """Reports that were known and recorded at the clocks."""
    return report.recorded_at <= bindparam("recorded"), report.reported_at <= bindparam("known")


def condition_on_report(f: Filter) -> ColumnElement[bool]:
    """What a report must meet."""
    if f.how is Comparison.COVERS:
        covering = select(member.incident_set).join(table_of(Incident), incident.key == member.incident)
        return report.incident_set.in_(covering.where(incident.id == bindparam(f.name)))
    if f.how is Comparison.MEASURE:
        return report.measure == bindparam(f.name)
    if f.how is Comparison.REPORTED_SINCE:
        return report.reported_at >= bindparam(f.name)
    if f.how is Comparison.REPORTED_UNTIL:
        return report.reported_at <= bindparam(f.name)
    who = TABLES[f.column].c
    return report[f.column] == select(who.key).where(who.id == bindparam(f.name)).scalar_subquery()


def values_of(query: MatchingQuery, recorded: Instant) -> dict[str, Any]:
    """The values that the conditions of a query compare with."""
    values: dict[str, Any] = {"recorded": recorded, "known": query.known}
    for f, value in query.filters():
        if f.how in SEVERAL:
            values |= {f"{f.name}_{n}": v for n, v in enumerate(_several(value))}
        elif f.how is Comparison.WORDS:
            values[f.name] = sql_text.match_expression(f.column, value)
        elif f.how is Comparison.BOX:
            values |= _box_values(value)
        elif f.how is Comparison.PREDICATE:
            values |= values_of_predicate(value)
        elif f.how is Comparison.CIRCLE:
            values |= _circle_values(value, query.radius_km or 0.0)
        elif f.how is not Comparison.DROPPED:
            values[f.name] = compared_value(f, value)
    return values


def compared_value(f: Filter, value: Any) -> Any:
    """A value on the scale of what it is compared with: days as ordinals, moments as instants."""
    if isinstance(value, date):
        return value.toordinal()
    if isinstance(value, Moment):
        return opening(value) if f.how in (Comparison.SINCE, Comparison.REPORTED_SINCE) else value.instant
    return value


def _box_values(box: Box) -> dict[str, float]:
    return {"box_west": box.west, "box_south": box.south, "box_east": box.east, "box_north": box.north}


def _circle_values(centre: Point, radius_km: float) -> dict[str, float]:
    x, y, z = on_sphere(centre.latitude, centre.longitude)
    return {
        "near_x": x,
        "near_y": y,
        "near_z": z,
        "near_cosine": math.cos(min(radius_km / EARTH_KM, math.pi)),
    }
