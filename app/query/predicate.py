"""Conditions on features, apart from the values that they compare.

A condition without its values decides the SQL, which is made once for all filters of the same shape.
"""

from dataclasses import dataclass


class Pattern(str):
    """What `LIKE` compares with: `%` is any text, `_` one character, and a backslash takes the meaning of either."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A value, by its place among the values of the predicate."""

    place: int


@dataclass(frozen=True, slots=True)
class Name:
    """A property; `folded` is without regard to case."""

    property: str
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """A property compared with a value or another property."""

    operator: str
    left: Name
    right: Name | Value


@dataclass(frozen=True, slots=True)
class Like:
    """A text that matches a pattern."""

    name: Name
    pattern: Value


@dataclass(frozen=True, slots=True)
class Among:
    """A property that has one of some values."""

    name: Name
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Null:
    """A property, or the geometry, that is null."""

    property: str


@dataclass(frozen=True, slots=True)
class Inside:
    """A geometry in the box of four values: west, south, east, north. `wraps`: the box spans the antimeridian."""

    sides: tuple[Value, Value, Value, Value]
    wraps: bool


@dataclass(frozen=True, slots=True)
class Junction:
    """`and` or `or` of some conditions."""

    operator: str
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """A condition that does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Constant:
    """`TRUE` or `FALSE`."""

    holds: bool


Condition = Comparison | Like | Among | Null | Inside | Junction | Negation | Constant


@dataclass(frozen=True, slots=True)
class Predicate:
    """Conditions that all hold, and their values, on the scales on which properties are stored."""

    conditions: tuple[Condition, ...]
    values: tuple[str | int | float, ...]

    @property
    def size(self) -> int:
        """The number of conditions, also inside of each other: the SQL is as long."""
        return sum(map(_size, self.conditions))


def _size(condition: Condition) -> int:
    match condition:
        case Junction(_, parts):
            return sum(map(_size, parts))
        case Negation(part):
            return _size(part)
        case Among(_, values):
            return len(values)
    return 1
