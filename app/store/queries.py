"""Questions to SELECTs. Pure: nothing here is executed.

A question has a shape (which filters were given, how many values each, the order) and values. A SELECT is built and
turned into text once for each shape; afterwards only the values are bound.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlmodel import SQLModel

from app.domain.dates import Instant, opening
from app.domain.filters import BY_NAME, Filter, Group, How, Sort
from app.domain.kinds import EARTH_KM, Box, Point
from app.domain.question import Question
from app.domain.vocabulary import Figure, Measure
from app.store import sqlite
from app.store.derive import on_sphere
from app.store.reader import Statement
from app.store.tables import LARGE_TOLL

TABLES = SQLModel.metadata.tables
segment = TABLES["segment"].c
set_segment = TABLES["set_segment"].c
version = TABLES["incident_version"].c
report = TABLES["toll_report"].c
member = TABLES["incident_set_member"].c

LEAST, MOST = -(2**62), 2**62
"""Stand for null in an order that has it last."""

Shape = tuple[Any, ...]
_DIALECT = sqlite_dialect.dialect(paramstyle="named")


def compiled(built: Select[Any]) -> str:
    """A SELECT as text with named places for its values. Constants are written as literals, so all values are named."""
    return str(built.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))


def shape_of(question: Question) -> Shape:
    """What of a question decides its SQL."""
    return tuple(_shape(f, value, question) for f, value in question.filters) + (question.figure,)


def _shape(f: Filter, value: Any, question: Question) -> Shape:
    if f.how is How.BOX:
        return f.name, value.wraps
    if f.how is How.AT_LEAST and f.column == "killed_{figure}":
        return f.name, question.figure is Figure.BEST and value >= LARGE_TOLL
    return f.name, len(_several(value)) if f.how in (How.ANY_OF, How.NEAR_BORDER, How.TARGET_KIND) else 1


def _several(value: Any) -> list[Any]:
    """The values that are compared: of a region its keys, of a list its items, else the value alone."""
    if not isinstance(value, (list, tuple)):
        return [value]
    return [key for v in value for key in getattr(v, "keys", (v,))]


# Conditions: each `How` says what it compares, in SQL and in values.


def _any_of(f: Filter, count: int, figure: Figure) -> ColumnElement[bool]:
    places = [bindparam(f"{f.name}_{n}") for n in range(count)]
    compared = segment[f.column.format(figure=figure)]
    return compared == places[0] if count == 1 else compared.in_(places)


def _at_least(f: Filter, large: Any, figure: Figure) -> ColumnElement[bool]:
    compared = segment[f.column.format(figure=figure)]
    clause = compared >= bindparam(f.name)
    if f.name == "date_from":
        longest = select(func.max(segment.days)).scalar_subquery()
        return and_(clause, segment.date_start >= bindparam(f.name) - longest)
    if large is True:
        return and_(clause, compared >= literal_column(str(LARGE_TOLL), Integer))
    return clause


def _at_most(f: Filter, _: Any, figure: Figure) -> ColumnElement[bool]:
    return segment[f.column.format(figure=figure)] <= bindparam(f.name)


def _since(f: Filter, _: Any, __: Figure) -> ColumnElement[bool]:
    return segment[f.column] >= bindparam(f.name)


def _words(f: Filter, _: Any, __: Figure) -> ColumnElement[bool]:
    found = select(sqlite.incident_text.c.rowid).where(text(f"incident_text MATCH :{f.name}"))
    return segment.version.in_(found)


def _near_border(f: Filter, count: int, _: Figure) -> ColumnElement[bool]:
    border = TABLES["incident_border"].c
    places = [bindparam(f"{f.name}_{n}") for n in range(count)]
    return segment.version.in_(select(border.version).where(border.country.in_(places)))


def _target_kind(f: Filter, count: int, _: Figure) -> ColumnElement[bool]:
    actor = TABLES["incident_actor"].c
    places = [bindparam(f"{f.name}_{n}") for n in range(count)]
    return segment.version.in_(
        select(actor.version).where(actor.role == literal_column("'target'"), actor.kind.in_(places))
    )


def _box(_: Filter, wraps: Any, __: Figure) -> ColumnElement[bool]:
    west, south, east, north = (bindparam(f"box_{side}") for side in ("west", "south", "east", "north"))
    between = or_ if wraps else and_
    return and_(segment.latitude.between(south, north), between(segment.longitude >= west, segment.longitude <= east))


def _circle(_: Filter, __: Any, ___: Figure) -> ColumnElement[bool]:
    x, y, z = (bindparam(f"near_{axis}") for axis in "xyz")
    nearness = segment.sphere_x * x + segment.sphere_y * y + segment.sphere_z * z
    return nearness >= bindparam("near_cosine")


CONDITIONS: dict[How, Callable[[Filter, Any, Figure], ColumnElement[bool]]] = {
    How.ANY_OF: _any_of,
    How.AT_LEAST: _at_least,
    How.AT_MOST: _at_most,
    How.SINCE: _since,
    How.WORDS: _words,
    How.NEAR_BORDER: _near_border,
    How.TARGET_KIND: _target_kind,
    How.BOX: _box,
    How.CIRCLE: _circle,
}


def conditions(shape: Shape) -> list[ColumnElement[bool]]:
    """What a segment must meet to belong to the answer: both clocks, and the filters."""
    *given, figure = shape
    found = list(at_clocks(segment))
    some_report = []
    for name, detail in given:
        f = BY_NAME[name]
        if f.how is How.SOME_REPORT:
            some_report.append(_of_report(f))
        else:
            found.append(CONDITIONS[f.how](f, detail, figure))
    if some_report:
        covered = select(member.incident).join(TABLES["toll_report"], report.incident_set == member.incident_set)
        found.append(segment.incident.in_(covered.where(*known_reports(), *some_report)))
    return found


def at_clocks(table: Any) -> Iterable[ColumnElement[bool]]:
    """Rows of a table with spans that hold at the clocks."""
    recorded, known = bindparam("recorded"), bindparam("known")
    return (
        table.recorded_from <= recorded,
        table.recorded_to > recorded,
        table.known_from <= known,
        table.known_to > known,
    )


def known_reports() -> Iterable[ColumnElement[bool]]:
    """Reports that were known and recorded at the clocks."""
    return report.recorded_at <= bindparam("recorded"), report.reported_at <= bindparam("known")


def _of_report(f: Filter) -> ColumnElement[bool]:
    if f.column == "from":
        return report.reported_at >= bindparam(f.name)
    if f.column == "to":
        return report.reported_at <= bindparam(f.name)
    party = TABLES[f.column].c
    return report[f.column] == select(party.key).where(party.id == bindparam(f.name)).scalar_subquery()


def values_of(question: Question, recorded: Instant) -> dict[str, Any]:
    """The values that the conditions of a question compare with."""
    values: dict[str, Any] = {"recorded": recorded, "known": question.known}
    for f, value in question.filters:
        if f.how in (How.ANY_OF, How.NEAR_BORDER, How.TARGET_KIND):
            values |= {f"{f.name}_{n}": v for n, v in enumerate(_several(value))}
        elif f.how is How.WORDS:
            values[f.name] = match_expression(f.column, value)
        elif f.how is How.BOX:
            values |= _box_values(value)
        elif f.how is How.CIRCLE:
            values |= _circle_values(value, question.given["radius_km"])
        else:
            values[f.name] = _compared(f, value)
    return values


def _compared(f: Filter, value: Any) -> Any:
    if hasattr(value, "toordinal"):
        return value.toordinal()
    if hasattr(value, "instant"):
        return opening(value) if f.how is How.SINCE or f.column == "from" else value.instant
    return value


def match_expression(where: str, words: str) -> str:
    """FTS5: every word, from its beginning, in one column or in any."""
    found = " AND ".join(f'"{word}"*' for word in words.split())
    return f"{where} : ({found})" if where else found


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


# Orders and pages.

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


def incidents(shape: Shape, sort: Sort, after: bool, tree: bool | None, limited: bool) -> Select[Any]:
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
    return built.limit(bindparam("limit")).offset(literal_column("0")) if limited else built


def _in_tree(wraps: bool) -> Select[Any]:
    box = sqlite.incident_box.c
    west, south, east, north = (bindparam(f"tree_{side}") for side in ("west", "south", "east", "north"))
    between = or_ if wraps else and_
    return select(box.version).where(
        box.max_lat >= south, box.min_lat <= north, between(box.max_lon >= west, box.min_lon <= east)
    )


def _tree_values(box: Box) -> dict[str, float]:
    return {"tree_west": box.west, "tree_south": box.south, "tree_east": box.east, "tree_north": box.north}


@lru_cache(maxsize=512)
def _incidents_text(*shape: Any) -> str:
    return compiled(incidents(*shape))


def page_of_incidents(
    question: Question, recorded: Instant, after: Sequence[int | str] | None, *, by_tree: bool, limited: bool = True
) -> Statement:
    """A page, with one row more than asked for: it tells whether there is a next page. Not `limited`: everything."""
    values = values_of(question, recorded)
    if limited:
        values["limit"] = question.limit + 1
    if after:
        values |= {"after_key": after[0], "after_id": after[1]}
    box = question.box if by_tree else None
    if box:
        values |= _tree_values(box)
    sql = _incidents_text(shape_of(question), question.sort, after is not None, box.wraps if box else None, limited)
    return Statement(sql, values)


@lru_cache(maxsize=4)
def _few_text(wraps: bool, most: int) -> str:
    few = _in_tree(wraps).limit(literal_column(str(most + 1))).offset(literal_column("0")).subquery()
    return compiled(select(func.count()).select_from(few))


def count_in_tree(box: Box, most: int) -> Statement:
    """How many places are in a box, counted up to `most` + 1."""
    return Statement(_few_text(box.wraps, most), _tree_values(box))


@lru_cache(maxsize=8)
def _stored_regions_text(count: int) -> str:
    names = [bindparam(f"name_{n}") for n in range(count)]
    return compiled(select(segment.region_key).where(segment.region_key.in_(names)).distinct())


def stored_regions(names: Sequence[str]) -> Statement:
    """Which of these names without a code some incident is stored under."""
    return Statement(_stored_regions_text(len(names)), {f"name_{n}": name for n, name in enumerate(names)})


@lru_cache(maxsize=512)
def _total_text(shape: Shape) -> str:
    return compiled(select(func.count()).select_from(TABLES["segment"]).where(*conditions(shape)))


def total_of_incidents(question: Question, recorded: Instant) -> Statement:
    """How many incidents match."""
    return Statement(_total_text(shape_of(question)), values_of(question, recorded))


# Sums.

GROUPS: dict[Group, ColumnElement[Any]] = {
    Group.COUNTRY: segment.country,
    Group.REGION: segment.region_key,
    Group.YEAR: segment.month // literal_column("100", Integer),
    Group.MONTH: segment.month,
    Group.EVENT_TYPE: segment.event_type,
    Group.TYPE_OF_VIOLENCE: segment.type_of_violence,
    Group.ACTOR: TABLES["incident_actor"].c.name,
}
FIGURES = [f"{measure}_{figure}" for measure in Measure for figure in ("low", "best", "high")]


def sums(shape: Shape, groups: tuple[Group, ...]) -> Select[Any]:
    """(groups…, region's name, incidents, every sum of `FIGURES`) of the incidents that match.

    By actor an incident counts once for each name that took part.
    """
    actor = TABLES["incident_actor"].c
    once = select(actor.name, actor.version).distinct().subquery()
    keys = [(once.c.name if g is Group.ACTOR else GROUPS[g]).label(g) for g in groups]
    built = select(*keys, func.max(segment.region_name), func.count(), *(func.sum(segment[f]) for f in FIGURES))
    built = built.select_from(TABLES["segment"])
    if Group.ACTOR in groups:
        built = built.join(once, once.c.version == segment.version)
    return built.where(*conditions(shape)).group_by(*keys).order_by(*keys)


def shared_sums(shape: Shape, groups: tuple[Group, ...]) -> Select[Any]:
    """(groups…, every sum of `FIGURES`) of the figures told for several incidents together.

    A set counts once in every group with a matching member.
    """
    actor = TABLES["incident_actor"].c
    keys = [GROUPS[g].label(g) for g in groups]
    matching = select(*keys, member.incident_set.label("of_set")).join_from(
        TABLES["segment"], TABLES["incident_set_member"], member.incident == segment.incident
    )
    if Group.ACTOR in groups:
        matching = matching.join(TABLES["incident_actor"], actor.version == segment.version)
    sets = matching.where(*conditions(shape)).distinct().subquery()
    of_groups = [sets.c[g] for g in groups]
    return (
        select(*of_groups, *(func.sum(set_segment[f]) for f in FIGURES))
        .join_from(sets, TABLES["set_segment"], set_segment.incident_set == sets.c.of_set)
        .where(*at_clocks(set_segment))
        .group_by(*of_groups)
    )


@lru_cache(maxsize=512)
def _sums_text(shape: Shape, groups: tuple[Group, ...], shared: bool) -> str:
    return compiled((shared_sums if shared else sums)(shape, groups))


def sums_of_incidents(question: Question, recorded: Instant, groups: Iterable[str], *, shared: bool) -> Statement:
    """Counts and sums, or the sums of shared figures."""
    shape = tuple(Group(g) for g in groups)
    return Statement(_sums_text(shape_of(question), shape, shared), values_of(question, recorded))
