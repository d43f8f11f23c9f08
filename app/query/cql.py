"""Filters in CQL2 (OGC 21-065r2): what is supported is checked and becomes a predicate, the rest is refused."""

import math
from collections.abc import Sequence
from typing import Any

import orjson

from app.domain.columns import Type
from app.domain.text import nearest
from app.query.cql_text import Json, Language, parse_cql_text
from app.query.features import GEOMETRY, QUERYABLES, comparable
from app.query.predicate import (
    Among,
    Comparison,
    Condition,
    Constant,
    Inside,
    Junction,
    Like,
    Name,
    Negation,
    Null,
    Pattern,
    Predicate,
    Value,
)

MAX_VALUES = 500
"""Values that a filter compares with; databases bound the depth of what many of them make."""
MAX_DEPTH = 50
"""Conditions inside of conditions. Chains of `AND` or `OR` count once."""
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SUPPORTED = "AND, OR, NOT, comparisons, IS NULL, LIKE, BETWEEN, IN, CASEI and S_INTERSECTS are supported"


def read_predicate(filter_: str | None, language: Language, equal: Sequence[tuple[str, Any]]) -> Predicate | None:
    """What a filter and some pairs of a property and its value come to; all hold. `None` where there are none.

    The values of `equal` are comparable already. Raises `ValueError` for a filter that cannot be read, names what is no
    property, or uses what is not supported.
    """
    reader = _Reader()
    parts: list[Condition] = [Comparison("=", Name(name), reader.place(value)) for name, value in equal]
    if filter_ is not None:
        condition = reader.condition(_parsed(filter_, language), MAX_DEPTH)
        match condition:
            case Junction("and", chained):
                parts += chained
            case _:
                parts.append(condition)
    if not parts:
        return None
    return Predicate(tuple(parts), tuple(reader.values))


def _parsed(text: str, language: Language) -> Json:
    if language is not Language.CQL2_JSON:
        return parse_cql_text(text, language)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at character {error.pos + 1})") from None


class _Reader:
    """Reads CQL2 JSON, and collects the values."""

    def __init__(self) -> None:
        self.values: list[str | int | float] = []

    def place(self, value: str | int | float) -> Value:
        """A place for one more value."""
        if len(self.values) == MAX_VALUES:
            raise ValueError(f"compares with more than {MAX_VALUES} values")
        self.values.append(value)
        return Value(len(self.values) - 1)

    def condition(self, node: Json, depth: int) -> Condition:
        """A condition, at most `depth` others inside of each other."""
        if isinstance(node, bool):
            return Constant(node)
        if not depth:
            raise ValueError(f"has more than {MAX_DEPTH} conditions inside of each other")
        op, arguments = _call(node)
        match op, arguments:
            case (("and" | "or"), [_, _, *_]):
                return Junction(op, tuple(self.condition(part, depth - 1) for part in arguments))
            case "not", [part]:
                return Negation(self.condition(part, depth - 1))
            case "isNull", [operand]:
                return Null(_property(operand, geometry=True))
            case "like", [operand, pattern]:
                return self.like(_name(operand), pattern)
            case "between", [operand, low, high]:
                pair = (self.comparison(">=", operand, low), self.comparison("<=", operand, high))
                return Junction("and", pair)
            case "in", [operand, [_, *_] as values]:
                name = _name(operand)
                return Among(name, tuple(self.value(name, value) for value in values))
            case "s_intersects", [left, right]:
                return self.inside(*((right, left) if _is_property(right) else (left, right)))
            case _, [left, right] if op in COMPARISONS:
                return self.comparison(op, left, right)
        known = op in ("and", "or", "not", "isNull", "like", "between", "in", "s_intersects", *COMPARISONS)
        raise ValueError(f"has {op} with other arguments than it takes" if known else f"uses {op[:100]}; {_SUPPORTED}")

    def comparison(self, op: str, left: Json, right: Json) -> Condition:
        """A comparison, with a property on its left."""
        if not _is_name(left):
            op, left, right = _MIRRORED.get(op, op), right, left
        name = _name(left)
        if not _is_name(right):
            return Comparison(op, name, self.value(name, right))
        other = _name(right)
        if _family(name) is not _family(other):
            raise ValueError(f"compares {name.property} with {other.property}, which is of another type")
        return Comparison(op, name, other)

    def value(self, name: Name, literal: Json) -> Value:
        """What a property is compared with."""
        folded, literal = _unfolded(literal)
        value = comparable(name.property, literal)
        return self.place(value.casefold() if folded and isinstance(value, str) else value)

    def like(self, name: Name, pattern: Json) -> Condition:
        """A text compared with a pattern."""
        if _family(name) is not Type.TEXT:
            raise ValueError(f"compares {name.property}, which is not text, by LIKE")
        place = self.value(name, pattern)
        self.values[place.place] = Pattern(self.values[place.place])
        return Like(name, place)

    def inside(self, operand: Json, shape: Json) -> Condition:
        """The geometry compared with a box or a point."""
        if _property(operand, geometry=True) != GEOMETRY:
            raise ValueError(f"uses S_INTERSECTS with what is not {GEOMETRY}")
        west, south, east, north = _box(shape)
        sides = (self.place(west), self.place(south), self.place(east), self.place(north))
        return Inside(sides, west > east)


def _call(node: Json) -> tuple[str, list[Json]]:
    """The operation of a node, and its arguments."""
    if not isinstance(node, dict) or not isinstance(node.get("op"), str) or not isinstance(node.get("args"), list):
        what = node["property"][:100] if _is_property(node) else "a value"
        raise ValueError(f"has {what} where a condition is expected")
    return node["op"], node["args"]


def _is_property(node: Json) -> bool:
    return isinstance(node, dict) and isinstance(node.get("property"), str)


def _unfolded(node: Json) -> tuple[bool, Json]:
    """Whether this is an operand of `CASEI`, without regard to case, and the operand."""
    match node:
        case {"op": "casei", "args": [operand]}:
            return True, operand
    return False, node


def _is_name(node: Json) -> bool:
    """Whether this is a property, with regard to case or without."""
    return _is_property(_unfolded(node)[1])


def _name(node: Json) -> Name:
    folded, operand = _unfolded(node)
    name = Name(_property(operand), folded)
    if folded and _family(name) is not Type.TEXT:
        raise ValueError(f"uses CASEI with {name.property}, which is not text")
    return name


def _property(node: Json, *, geometry: bool = False) -> str:
    if not _is_property(node):
        raise ValueError("compares no property")
    name: str = node["property"]
    if name in QUERYABLES or (geometry and name == GEOMETRY):
        return name
    if name.casefold() == "null":
        raise ValueError("compares with NULL; use IS NULL or IS NOT NULL")
    if name == GEOMETRY:
        raise ValueError(f"compares {GEOMETRY}; use S_INTERSECTS or IS NULL")
    like = nearest(name[:100].casefold(), QUERYABLES, cutoff=0.5)
    raise ValueError(f"names {name[:100]}, which is not a property{f'; did you mean {like}?' if like else ''}")


def _family(name: Name) -> Type:
    """The type, as far as it decides what can be compared with what."""
    kind = QUERYABLES[name.property].kind
    return {Type.NAMES: Type.TEXT, Type.NUMBERED: Type.COUNT}.get(kind, kind)


def _box(shape: Json) -> tuple[float, float, float, float]:
    """West, south, east and north of a box or a point, in WGS 84 degrees; heights are left out."""
    match shape:
        case {"bbox": [west, south, east, north]} | {"bbox": [west, south, _, east, north, _]}:
            pass
        case {"type": "Point", "coordinates": [west, south, *_]}:
            east, north = west, south
        case _:
            raise ValueError(
                "uses S_INTERSECTS with another shape; BBOX(west,south,east,north) and POINT(x y) are supported"
            )
    sides = west, south, east, north
    if not all(isinstance(side, int | float) and math.isfinite(side) for side in sides):
        raise ValueError("has a shape whose coordinates are not numbers")
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("has a shape beyond ±180 and ±90 degrees, or with its south above its north")
    return float(west), float(south), float(east), float(north)
