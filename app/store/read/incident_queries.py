"""Questions about incidents to SELECTs: pages, totals and sums. Pure: nothing here is executed."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal_column, or_, select, tuple_

from app.domain.dates import Instant
from app.domain.vocabulary import Figure
from app.query.code_lists import Sort
from app.query.parameters import IncidentQuery, MatchingQuery
from app.query.query import Comparison
from app.query.value_types import Box
from app.store.db.sql_text import compiled, limited
from app.store.db.statements import Statement
from app.store.read.filters import (
    Shape,
    at_clocks,
    conditions,
    incident,
    report,
    segment,
    shape_of,
    values_of,
    version,
    withdrawal,
)
from app.store.tables import TABLES, search

LEAST, MOST = -(2**62), 2**62
"""Stand for null in an order that has it last."""

SORT_COLUMNS = {
    "date": "date_start",
    "killed": "killed_{figure}",
    "reported": "reported_at",
    "updated": "recorded_from",
}
NULLABLE = frozenset({"killed", "reported"})


def sort_key(sort: Sort, figure: Figure) -> ColumnElement[Any]:
    """What a page is ordered by, with nulls last."""
    compared = segment[SORT_COLUMNS[sort.key].format(figure=figure)]
    if sort.key in NULLABLE:
        return func.coalesce(compared, literal_column(str(LEAST if sort.down else MOST)))
    return compared


def build_incidents(shape: Shape, sort: Sort, after: bool, tree: bool | None, paged: bool) -> Select[Any]:
    """(record, toll, rest, sort key, id) of the incidents that match, in order.

    `after`: only those after `:after_key`, `:after_id`. `tree`: look places up in the tree of boxes first, told whether
    the box spans the antimeridian; `None` walks the order instead.
    """
    key, tie = sort_key(sort, shape[-1]), segment.incident_id
    built = (
        select(version.record, segment.toll, segment.rest, key, tie)
        .join_from(TABLES["segment"], TABLES["incident_version"], version.key == segment.version)
        .where(*conditions(shape))
        .order_by(*((key.desc(), tie.desc()) if sort.down else (key, tie)))
    )
    if tree is not None:
        built = built.where(segment.version.in_(_in_tree(tree)))
    if after:
        here, mark = tuple_(key, tie), tuple_(bindparam("after_key"), bindparam("after_id"))
        built = built.where(here < mark if sort.down else here > mark)
    return limited(built) if paged else built


def _in_tree(wraps: bool) -> Select[Any]:
    box = search.incident_box.c
    west, south, east, north = (bindparam(f"tree_{side}") for side in ("west", "south", "east", "north"))
    between = or_ if wraps else and_
    return select(box.version).where(
        box.max_lat >= south, box.min_lat <= north, between(box.max_lon >= west, box.min_lon <= east)
    )


def _tree_values(box: Box) -> dict[str, float]:
    return {"tree_west": box.west, "tree_south": box.south, "tree_east": box.east, "tree_north": box.north}


@lru_cache(maxsize=512)
def _incidents_text(*shape: Any) -> str:
    return compiled(build_incidents(*shape))


def select_incidents(
    question: IncidentQuery, recorded: Instant, after: Sequence[int | str] | None, *, by_tree: bool, paged: bool = True
) -> Statement:
    """A page, with one row more than asked for: it tells whether there is a next page. Not `paged`: everything."""
    values = values_of(question, recorded)
    if paged:
        values["limit"] = question.limit + 1
    if after:
        values |= {"after_key": after[0], "after_id": after[1]}
    box = question.box if by_tree else None
    if box:
        values |= _tree_values(box)
    sql = _incidents_text(shape_of(question), question.sort, after is not None, box.wraps if box else None, paged)
    return Statement(sql, values, searches_long(question))


def searches_long(question: MatchingQuery) -> bool:
    """Whether words are looked for that many texts may have. The full-text index reads all of each at once.

    That is several words, or one of fewer than four characters.
    """
    words = [word for f, value in question.filters() if f.how is Comparison.WORDS for word in value.split()]
    return len(words) > 1 or any(len(word) < 4 for word in words)


@lru_cache(maxsize=4)
def _few_text(wraps: bool, most: int) -> str:
    few = limited(_in_tree(wraps), most + 1).subquery()
    return compiled(select(func.count()).select_from(few))


def select_count_in_tree(box: Box, most: int) -> Statement:
    """How many places are in a box, counted up to `most` + 1."""
    return Statement(_few_text(box.wraps, most), _tree_values(box))


@lru_cache(maxsize=512)
def _total_text(shape: Shape) -> str:
    where = conditions(shape)
    if len(shape) == 1:  # no filter: SQLite would look up every row by `recorded_from`, and an index has it all
        where.append(segment.date_start > literal_column("0"))
    return compiled(select(func.count()).select_from(TABLES["segment"]).where(*where))


def select_total(question: MatchingQuery, recorded: Instant) -> Statement:
    """How many incidents match."""
    return Statement(_total_text(shape_of(question)), values_of(question, recorded), searches_long(question))


@cache
def _incident_text() -> str:
    return compiled(
        select(version.record, segment.toll, segment.rest, version.recorded_at, segment.recorded_from)
        .join_from(TABLES["incident"], TABLES["segment"], segment.incident == incident.key)
        .join(TABLES["incident_version"], version.key == segment.version)
        .where(
            incident.id == bindparam("id"),
            *at_clocks(segment),
        )
    )


def select_incident(incident_id: str, recorded: Instant, known: Instant) -> Statement:
    """(record, toll, rest, its version's recorded_at, recorded from) of an incident at both clocks."""
    return Statement(_incident_text(), {"id": incident_id, "recorded": recorded, "known": known})


@cache
def _why_absent_text() -> str:
    recorded = bindparam("recorded")
    first = (
        select(func.min(segment.known_from))
        .where(segment.incident == incident.key, segment.recorded_from <= recorded, segment.recorded_to > recorded)
        .scalar_subquery()
    )
    return compiled(
        select(incident.key, first, withdrawal.reason, withdrawal.merged_into, withdrawal.recorded_at)
        .join_from(
            TABLES["incident"],
            TABLES["withdrawal"],
            and_(withdrawal.incident == incident.key, withdrawal.recorded_at <= recorded),
            isouter=True,
        )
        .where(incident.id == bindparam("id"))
    )


def select_absence(incident_id: str, recorded: Instant) -> Statement:
    """(key, known from, withdrawal's reason, merged_into, recorded_at) of an id; nothing where it was never given."""
    return Statement(_why_absent_text(), {"id": incident_id, "recorded": recorded})


@cache
def _extent_text() -> str:
    box, of_places = search.incident_box.c, TABLES["segment"]
    longest = select(func.max(segment.days)).scalar_subquery()
    newest = select(func.max(segment.date_start)).scalar_subquery()
    last = select(func.max(segment.date_end)).where(segment.date_start >= newest - longest).scalar_subquery()
    first = select(func.min(segment.date_start)).select_from(of_places).scalar_subquery()
    sides = (func.min(box.min_lon), func.min(box.min_lat), func.max(box.max_lon), func.max(box.max_lat))
    told = [select(pick(report.reported_at)).scalar_subquery() for pick in (func.min, func.max)]
    return compiled(select(*sides, first, last, *told))


def select_extent() -> Statement:
    """(west, south, east, north, first day, last day) of all incidents that there ever were; first and last report."""
    return Statement(_extent_text(), {})
