"""Queries for incidents. `build_…` are pure functions to a SELECT; `select_…` add the values."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, literal_column, or_, select, tuple_
from sqlmodel import col

from app.domain.dates import Instant
from app.domain.vocabulary import Figure
from app.query.code_lists import Sort
from app.query.parameters import IncidentQuery, MatchingQuery
from app.query.query import Comparison
from app.query.value_types import Box
from app.store.db.sql_text import AnySelect, limited
from app.store.db.statements import Statement
from app.store.read.filters import Shape, at_clocks, conditions, shape_of, values_of
from app.store.tables import Incident, IncidentVersion, Segment, TollReport, Withdrawal, search, table_of

BEFORE_ALL, AFTER_ALL = -(2**62), 2**62
"""Stand for null in a sort key, so that nulls come last."""
SORT_COLUMNS = {
    "date": "date_start",
    "killed": "killed_{figure}",
    "reported": "reported_at",
    "updated": "recorded_from",
}
NULLABLE = frozenset({"killed", "reported"})


def sort_key(sort: Sort, figure: Figure) -> ColumnElement[Any]:
    """The column that orders a page, with nulls last."""
    column = table_of(Segment).c[SORT_COLUMNS[sort.key].format(figure=figure)]
    if sort.key in NULLABLE:
        return func.coalesce(column, literal_column(str(BEFORE_ALL if sort.down else AFTER_ALL)))
    return column


def build_incidents(shape: Shape, sort: Sort, after: bool, wraps: bool | None) -> AnySelect:
    """(record, toll, rest, sort key, id) of the incidents that match, in order.

    `after`: only those after `:after_key`, `:after_id`. `wraps`: look places up in the tree of boxes first, in a box
    that spans the antimeridian or not. With `None` the index of the order is read instead.
    """
    key, tie = sort_key(sort, shape[-1]), col(Segment.incident_id)
    page = (
        select(col(IncidentVersion.record), col(Segment.toll), col(Segment.rest), key, tie)
        .join_from(Segment, IncidentVersion, col(IncidentVersion.key) == Segment.version)
        .where(*conditions(shape))
        .order_by(*((key.desc(), tie.desc()) if sort.down else (key, tie)))
    )
    if wraps is not None:
        page = page.where(col(Segment.version).in_(_in_tree(wraps)))
    if after:
        here, mark = tuple_(key, tie), tuple_(bindparam("after_key"), bindparam("after_id"))
        page = page.where(here < mark if sort.down else here > mark)
    return limited(page)


def _in_tree(wraps: bool) -> AnySelect:
    box = search.incident_box.c
    sides: list[BindParameter[Any]] = [bindparam(f"tree_{side}") for side in ("west", "south", "east", "north")]
    west, south, east, north = sides
    between = or_ if wraps else and_
    return select(box.version).where(
        box.max_lat >= south, box.min_lat <= north, between(box.max_lon >= west, box.min_lon <= east)
    )


def _tree_values(box: Box) -> dict[str, Any]:
    return {"tree_west": box.west, "tree_south": box.south, "tree_east": box.east, "tree_north": box.north}


def select_incidents(
    query: IncidentQuery, recorded: Instant, after: Sequence[int | str] | None, *, by_tree: bool
) -> Statement:
    """A page with one row more than its limit, which shows whether there is a next page."""
    values = values_of(query, recorded) | {"limit": query.limit + 1}
    if after:
        values |= {"after_key": after[0], "after_id": after[1]}
    box = query.box if by_tree else None
    if box:
        values |= _tree_values(box)
    shape = shape_of(query), query.sort, after is not None, box.wraps if box else None
    return Statement.of(build_incidents, *shape, long=searches_long(query), **values)


def searches_long(query: MatchingQuery) -> bool:
    """Whether the words of a search may be in many texts: several words, or one of fewer than four characters.

    The full-text index reads all entries of a word at once, without a look at the deadline.
    """
    words = [word for f, value in query.filters() if f.how is Comparison.WORDS for word in value.split()]
    return len(words) > 1 or any(len(word) < 4 for word in words)


def build_count_in_tree(wraps: bool, max_count: int) -> AnySelect:
    """The number of places in a box, counted up to `max_count` + 1."""
    some = limited(_in_tree(wraps), max_count + 1).subquery()
    return select(func.count()).select_from(some)


def select_count_in_tree(box: Box, max_count: int) -> Statement:
    """The number of places in a box, counted up to `max_count` + 1."""
    return Statement.of(build_count_in_tree, box.wraps, max_count, **_tree_values(box))


def build_total(shape: Shape) -> AnySelect:
    """The number of incidents that match."""
    where = conditions(shape)
    if len(shape) == 1:  # without filters SQLite would look up every row by `recorded_from`; an index covers this
        where.append(col(Segment.date_start) > literal_column("0"))
    return select(func.count()).select_from(Segment).where(*where)


def select_total(query: MatchingQuery, recorded: Instant) -> Statement:
    """The number of incidents that match."""
    return Statement.of(build_total, shape_of(query), long=searches_long(query), **values_of(query, recorded))


def build_incident() -> AnySelect:
    """(record, toll, rest, its version's recorded_at, recorded_from) of the incident `:id` at both clocks."""
    return (
        select(
            col(IncidentVersion.record),
            col(Segment.toll),
            col(Segment.rest),
            col(IncidentVersion.recorded_at),
            col(Segment.recorded_from),
        )
        .join_from(Incident, Segment, col(Segment.incident) == Incident.key)
        .join(IncidentVersion, col(IncidentVersion.key) == Segment.version)
        .where(col(Incident.id) == bindparam("id"), *at_clocks(Segment))
    )


def select_incident(incident_id: str, recorded: Instant, known: Instant) -> Statement:
    """(record, toll, rest, its version's recorded_at, recorded_from) of an incident at both clocks."""
    return Statement.of(build_incident, id=incident_id, recorded=recorded, known=known)


def build_absence() -> AnySelect:
    """(known from, withdrawal's reason, merged_into, recorded_at) of the id `:id`; no row if it was never used."""
    recorded: BindParameter[Any] = bindparam("recorded")
    known_from = (
        select(func.min(col(Segment.known_from)))
        .where(
            col(Segment.incident) == Incident.key,
            col(Segment.recorded_from) <= recorded,
            col(Segment.recorded_to) > recorded,
        )
        .correlate(Incident)
        .scalar_subquery()
    )
    withdrawn = and_(col(Withdrawal.incident) == Incident.key, col(Withdrawal.recorded_at) <= recorded)
    return (
        select(known_from, col(Withdrawal.reason), col(Withdrawal.merged_into), col(Withdrawal.recorded_at))
        .join_from(Incident, Withdrawal, withdrawn, isouter=True)
        .where(col(Incident.id) == bindparam("id"))
    )


def select_absence(incident_id: str, recorded: Instant) -> Statement:
    """Why an incident is missing, for `incidents.absence_error`."""
    return Statement.of(build_absence, id=incident_id, recorded=recorded)


def build_extent() -> AnySelect:
    """(west, south, east, north, first day, last day, first report, last report) of all incidents ever recorded."""
    box = search.incident_box.c
    longest = select(func.max(col(Segment.days))).scalar_subquery()
    newest = select(func.max(col(Segment.date_start))).scalar_subquery()
    last = select(func.max(col(Segment.date_end))).where(col(Segment.date_start) >= newest - longest).scalar_subquery()
    first = select(func.min(col(Segment.date_start))).scalar_subquery()
    reported = [select(end(col(TollReport.reported_at))).scalar_subquery() for end in (func.min, func.max)]
    sides = (func.min(box.min_lon), func.min(box.min_lat), func.max(box.max_lon), func.max(box.max_lat))
    return select(*sides, first, last, *reported)


def select_extent() -> Statement:
    """The extent of all incidents ever recorded, and of their reports."""
    return Statement.of(build_extent)
