"""Questions about incidents to SELECTs: pages, totals and sums. Pure: nothing here is executed."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, func, literal_column, or_, select, tuple_

from app.domain.dates import Instant
from app.domain.vocabulary import Figure, Measure
from app.query.parameters import MOST_GROUPS, Comparison, Group, Sort
from app.query.query import Query
from app.query.value_types import Box
from app.store.db import connections
from app.store.db.connections import compiled, limited
from app.store.db.reader import Statement
from app.store.read.filters import Shape, at_clocks, conditions, member, segment, shape_of, values_of, version
from app.store.tables import TABLES

set_segment = TABLES["set_segment"].c

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
    box = connections.incident_box.c
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
    question: Query, recorded: Instant, after: Sequence[int | str] | None, *, by_tree: bool, paged: bool = True
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


def searches_long(question: Query) -> bool:
    """Whether words are looked for that many texts may have. The full-text index reads all of each at once.

    That is several words, or one of fewer than four characters.
    """
    words = [word for f, value in question.filters if f.how is Comparison.WORDS for word in value.split()]
    return len(words) > 1 or any(len(word) < 4 for word in words)


@lru_cache(maxsize=4)
def _few_text(wraps: bool, most: int) -> str:
    few = limited(_in_tree(wraps), most + 1).subquery()
    return compiled(select(func.count()).select_from(few))


def select_count_in_tree(box: Box, most: int) -> Statement:
    """How many places are in a box, counted up to `most` + 1."""
    return Statement(_few_text(box.wraps, most), _tree_values(box))


@lru_cache(maxsize=8)
def _stored_regions_text(count: int) -> str:
    names = [bindparam(f"name_{n}") for n in range(count)]
    return compiled(select(segment.region_key).where(segment.region_key.in_(names)).distinct())


def select_stored_regions(names: Sequence[str]) -> Statement:
    """Which of these names without a code some incident is stored under."""
    return Statement(_stored_regions_text(len(names)), {f"name_{n}": name for n, name in enumerate(names)})


@lru_cache(maxsize=512)
def _total_text(shape: Shape) -> str:
    where = conditions(shape)
    if len(shape) == 1:  # no filter: SQLite would look up every row by `recorded_from`, and an index has it all
        where.append(segment.date_start > literal_column("0"))
    return compiled(select(func.count()).select_from(TABLES["segment"]).where(*where))


def select_total(question: Query, recorded: Instant) -> Statement:
    """How many incidents match."""
    return Statement(_total_text(shape_of(question)), values_of(question, recorded), searches_long(question))


GROUPS: dict[Group, ColumnElement[Any]] = {
    Group.COUNTRY: segment.country,
    Group.REGION: segment.region_key,
    Group.YEAR: segment.month // literal_column("100", Integer),
    Group.MONTH: segment.month,
    Group.DAY: segment.day,
    Group.EVENT_TYPE: segment.event_type,
    Group.TYPE_OF_VIOLENCE: segment.type_of_violence,
    Group.ACTOR: TABLES["incident_actor"].c.name,
}
FIGURES = [f"{measure}_{figure}" for measure in Measure for figure in ("low", "best", "high")]


def build_sums(shape: Shape, groups: tuple[Group, ...]) -> Select[Any]:
    """(groups…, region's name, incidents, every sum of `FIGURES`) of the incidents that match.

    By actor an incident counts once for each name that took part. One group more than `MOST_GROUPS` tells that there
    are too many.
    """
    actor = TABLES["incident_actor"].c
    once = select(actor.name, actor.version).distinct().subquery()
    keys = [(once.c.name if g is Group.ACTOR else GROUPS[g]).label(g) for g in groups]
    built = select(*keys, func.max(segment.region_name), func.count(), *(func.sum(segment[f]) for f in FIGURES))
    built = built.select_from(TABLES["segment"])
    if Group.ACTOR in groups:
        built = built.join(once, once.c.version == segment.version)
    return limited(built.where(*conditions(shape)).group_by(*keys).order_by(*keys), MOST_GROUPS + 1)


def build_shared_sums(shape: Shape, groups: tuple[Group, ...]) -> Select[Any]:
    """(groups…, every sum of `FIGURES`) of the figures told for several incidents together.

    A set counts once in every group with a matching member.
    """
    actor = TABLES["incident_actor"].c
    keys = [GROUPS[g].label(g) for g in groups]
    figures = [set_segment[f] for f in FIGURES]
    matching = (
        select(*keys, set_segment.key, *figures)
        .join_from(
            TABLES["set_segment"], TABLES["incident_set_member"], member.incident_set == set_segment.incident_set
        )
        .join(TABLES["segment"], segment.incident == member.incident)
    )
    if Group.ACTOR in groups:
        matching = matching.join(TABLES["incident_actor"], actor.version == segment.version)
    sets = matching.where(*at_clocks(set_segment), *conditions(shape)).distinct().subquery()
    of_groups = [sets.c[g] for g in groups]
    return select(*of_groups, *(func.sum(sets.c[f]) for f in FIGURES)).group_by(*of_groups)


@lru_cache(maxsize=512)
def _sums_text(shape: Shape, groups: tuple[Group, ...], shared: bool) -> str:
    return compiled((build_shared_sums if shared else build_sums)(shape, groups))


def select_sums(question: Query, recorded: Instant, groups: Iterable[str], *, shared: bool) -> Statement:
    """Counts and sums, or the sums of shared figures."""
    shape = tuple(Group(g) for g in groups)
    sql = _sums_text(shape_of(question), shape, shared)
    return Statement(sql, values_of(question, recorded), searches_long(question))
