"""Predicates on features to SQL: what each property is in a segment, and what each condition compares. Pure."""

import operator
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, false, func, not_, or_, select, text, true
from sqlalchemy import literal_column as literal

from app.domain.text import fold
from app.domain.vocabulary import ActorRole
from app.query import predicate
from app.query.features import GEOMETRY, QUERYABLES
from app.query.predicate import Condition, Name, Pattern, Predicate, Value
from app.store.db import sql_text
from app.store.tables import IncidentVersion, Segment, search, table_of

segment = table_of(Segment).c
_OPERATORS = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RENAMED = {"id": "incident_id", "updated_at": "recorded_from"}
_OF_TOLL = {"killed_open_ended": "open_ended", "killed_reports": "reports", "killed_reported_on": "reported_on"}
FEW_WORDS = 20
"""The first words of a text narrow a search enough; FTS5 limits how many it may have."""
_SEARCHED = {"title": "title", "summary": "summary", "place": "place", "district": "region", "region_name": "region"}
_SEARCHED |= dict.fromkeys(ActorRole, "actors")
"""Texts that are searched by their words, and the columns of the search."""
_record = table_of(IncidentVersion).alias("record_of")


def shape_of_predicate(of: Predicate) -> tuple[Any, ...]:
    """What decides the SQL: the conditions, and which values have words that a search finds."""
    return of.conditions, frozenset(n for n, v in enumerate(of.values) if isinstance(v, str) and fold(v))


def conditions_of(shape: tuple[Any, ...]) -> ColumnElement[bool]:
    """What a segment must meet."""
    parts, searched = shape
    return and_(*(narrowing for part in parts for narrowing in _narrowing(part, searched)), *map(condition_of, parts))


def _narrowing(part: Condition, searched: frozenset[int]) -> Iterable[ColumnElement[bool]]:
    """What holds wherever the condition does, and is looked up in an index."""
    match part:
        case predicate.Comparison("=", Name("region_code", False), Value() as value):
            yield segment.region_key == _operand(value)
        case predicate.Comparison("=", Name(name, False), Value(place)) if name in _SEARCHED and place in searched:
            found = select(search.incident_text.c.rowid).where(text(f"incident_text MATCH :{_words(place)}"))
            yield segment.version.in_(found)


def condition_of(tree: Condition) -> ColumnElement[bool]:
    """What a segment must meet."""
    match tree:
        case predicate.Comparison(op, left, right):
            compared: ColumnElement[bool] = _OPERATORS[op](_operand(left), _operand(right))
            return compared
        case predicate.Like(name, pattern):
            return sql_text.like(_operand(name), _operand(pattern))
        case predicate.Among(name, values):
            return _operand(name).in_([_operand(value) for value in values])
        case predicate.Null(name):
            return (segment.latitude if name == GEOMETRY else _property(name)).is_(None)
        case predicate.Inside(sides, wraps):
            return in_box(*(_operand(side) for side in sides), wraps=wraps)
        case predicate.Junction(op, parts):
            return (and_ if op == "and" else or_)(*map(condition_of, parts))
        case predicate.Negation(part):
            return not_(condition_of(part))
        case predicate.Constant(holds):
            return true() if holds else false()


def values_of_predicate(of: Predicate) -> dict[str, Any]:
    """What the conditions compare with."""
    values: dict[str, Any] = {
        _slot(n): sql_text.glob(v) if isinstance(v, Pattern) else v for n, v in enumerate(of.values)
    }
    for part in of.conditions:
        match part:
            case predicate.Comparison("=", Name(name, False), Value(place)) if name in _SEARCHED:
                words = " ".join(fold(str(of.values[place])).split()[:FEW_WORDS])
                values[_words(place)] = sql_text.match_expression(_SEARCHED[name], words)
    return values


def in_box(west: Any, south: Any, east: Any, north: Any, *, wraps: bool) -> ColumnElement[bool]:
    """Whether the place is in a box of degrees; `wraps`: it spans the antimeridian."""
    between = or_ if wraps else and_
    return and_(segment.latitude.between(south, north), between(segment.longitude >= west, segment.longitude <= east))


def _slot(place: int) -> str:
    return f"compared_{place}"


def _words(place: int) -> str:
    return f"words_{place}"


def _operand(operand: Name | Value) -> ColumnElement[Any]:
    if isinstance(operand, Value):
        return bindparam(_slot(operand.place))
    found = _property(operand.property)
    return func.casefold(found) if operand.folded else found


@cache
def _property(name: str) -> ColumnElement[Any]:
    """A property of the feature that a segment stands for."""
    assert name in QUERYABLES
    if (column := _RENAMED.get(name, name)) in segment:
        return segment[column]
    if name in _OF_TOLL:
        return sql_text.member(segment.toll, f"$.killed.{_OF_TOLL[name]}")
    if name == "region_code":  # of a region without a code the key is its name in lower case
        return case((sql_text.like(segment.region_key, literal("'[A-Z][A-Z]-*'")), segment.region_key))
    if name == "near_border":
        return _joined(name)
    if name in list(ActorRole):
        return _joined("actors", role=name)
    return _of_record(select(sql_text.member(_record.c.record, f"$.{name}")))


def _joined(name: str, role: str | None = None) -> ColumnElement[Any]:
    """A list of the record as the flat feature has it: texts joined by `; `, of actors the names of one role."""
    items = sql_text.items(_record.c.record, f"$.{name}")
    text = sql_text.member(items.c.value, "$.name") if role else items.c.value
    joined = select(func.group_concat(text, literal("'; '"))).select_from(_record, items)
    if role:
        joined = joined.where(sql_text.member(items.c.value, "$.role") == literal(f"'{role}'"))
    return _of_record(joined)


def _of_record(built: Select[Any]) -> ColumnElement[Any]:
    """A value of the record of the segment's version."""
    return built.where(_record.c.key == segment.version).correlate(table_of(Segment)).scalar_subquery()
