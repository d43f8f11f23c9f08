"""A question as it was asked: parameters read from name and value pairs, whole or refused with every fault."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.dates import LAST_INSTANT, Instant, Moment
from app.domain.places import bare_name, find_regions, region_name
from app.domain.text import Misspelt, nearest
from app.domain.vocabulary import Figure
from app.errors import FieldError, InvalidInput
from app.query.parameters import BY_NAME, DEFAULT_LIMIT, Filter, Format, Parameter, Sort
from app.query.value_types import Box

MOST_VALUES = 100
"""A repeatable parameter may be given this often."""
MOST_FAULTS = 60
"""Reading stops after so many faults."""
MOST_SUGGESTIONS = 10
"""Faults that name the nearest name: to look for it takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class WantedRegion:
    """A region that was asked for: the keys that it may be stored under."""

    text: str
    codes: tuple[str, ...]
    """Codes of ISO 3166-2; empty where it has no such name."""
    names: tuple[str, ...]
    """The bare name, which a region without a code may be stored under; empty where a code was asked for."""

    @property
    def keys(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.codes, *self.names)


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked. `given` holds exactly the parameters that were sent, read; a 0 or a `False` is given."""

    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filters(self) -> list[tuple[Filter, Any]]:
        """The filters that were given, with their values, in the order of their declaration."""
        return [(f, self.given[name]) for name, f in BY_NAME.items() if name in self.given]

    @property
    def as_of(self) -> Moment | None:
        """The moment of reported time asked for; `None` is now."""
        return self.given.get("as_of")

    @property
    def known(self) -> Instant:
        """`as_of` as an instant; now is the far future, since a day counts as its last instant."""
        return self.as_of.instant if self.as_of else LAST_INSTANT

    @property
    def recorded(self) -> Instant | None:
        """`recorded_as_of` as an instant; `None` is now."""
        asked: Moment | None = self.given.get("recorded_as_of")
        return asked.instant if asked else None

    @property
    def figure(self) -> Figure:
        """Which figure limits, sorts and sums use."""
        return Figure(self.given.get("figure", Figure.BEST))

    @property
    def sort(self) -> Sort:
        """The order asked for."""
        return Sort(self.given.get("sort", Sort.DATE_DOWN))

    @property
    def limit(self) -> int:
        """Items on a page."""
        return int(self.given.get("limit", DEFAULT_LIMIT))

    @property
    def paged(self) -> bool:
        """Whether a page was asked for in so many words."""
        return bool({"limit", "cursor"} & self.given.keys())

    @property
    def form(self) -> Format:
        """The form of the answer."""
        return Format(self.given.get("f", Format.JSON))

    @property
    def fields(self) -> tuple[str, ...] | None:
        """The members asked for; `None` is all."""
        return self.given.get("fields")

    @property
    def hxl(self) -> bool:
        """Whether a row of HXL hashtags was asked for."""
        return bool(self.given.get("hxl"))

    @property
    def bom(self) -> bool:
        """Whether a byte order mark was asked for."""
        return bool(self.given.get("bom"))

    @property
    def regions(self) -> tuple[WantedRegion, ...]:
        """The regions asked for."""
        return tuple(self.given.get("region", ()))

    @property
    def box(self) -> Box | None:
        """A box that holds every place asked for, where places are."""
        if "near" in self.given and "bbox" not in self.given:
            around: Box = self.given["near"].box_around(self.given["radius_km"])
            return around
        return self.given.get("bbox")

    @property
    def values(self) -> int:
        """How many values are compared with."""
        return sum(_count(value) for value in self.given.values())

    def but(self, **changes: Any) -> "Query":
        """The same question with some parameters given differently; `None` takes one away."""
        merged = {**self.given, **changes}
        return Query({name: value for name, value in merged.items() if value is not None})


def _count(value: Any) -> int:
    values = getattr(value, "values", value)  # of a predicate
    return len(values) if isinstance(values, (list, tuple)) else 1


def parse_query(
    pairs: Iterable[tuple[str, str]], allowed: Sequence[Parameter], suggestions: int = MOST_SUGGESTIONS
) -> Query:
    """Reads a question. Raises `InvalidInput` that lists every parameter that is unknown, repeated or unreadable.

    `suggestions` is the number of faults, the first ones, that name the nearest name.
    """
    names = {p.name: p for p in allowed}
    given: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name, text in pairs:
        if len(faults) == MOST_FAULTS:
            break
        parameter = names.get(name)
        hinted = len(faults) < suggestions
        if parameter is None:
            faults.append(_unknown(name, text, names, hinted=hinted))
        elif fault := _take(parameter, text, given, hinted=hinted):
            faults.append(fault)
    if ("near" in given) != ("radius_km" in given) and not faults:
        missing = "radius_km" if "near" in given else "near"
        faults.append(FieldError(missing, "is missing: near and radius_km are given together"))
    if faults:
        raise InvalidInput(faults)
    if "region" in given:
        given["region"] = tuple(_wanted(text, tuple(given.get("country", ()))) for text in given["region"])
    return Query(given)


def _unknown(name: str, text: str, names: Iterable[str], *, hinted: bool) -> FieldError:
    like = nearest(name.casefold(), names, cutoff=0.5) if hinted else None
    hint = f"; did you mean {like}?" if like else ""
    return FieldError(name, f"is not a parameter here{hint}", text)


def _take(parameter: Parameter, text: str, given: dict[str, Any], *, hinted: bool) -> FieldError | None:
    name = parameter.name
    try:
        value = parameter.kind.read(text)
    except Misspelt as error:
        return FieldError(name, str(error) if hinted else error.plain, text)
    except ValueError as error:
        return FieldError(name, str(error), text)
    if not parameter.repeatable:
        if name in given:
            return FieldError(name, "is given more than once", text)
        given[name] = value
        return None
    values = given.setdefault(name, [])
    if value not in values:
        values.append(value)
    return FieldError(name, f"is given more than {MOST_VALUES} times") if len(values) > MOST_VALUES else None


def _wanted(text: str, countries: tuple[str, ...]) -> WantedRegion:
    names = () if region_name(text.strip().upper()) else (bare_name(text),)
    return WantedRegion(text, find_regions(text, countries) or find_regions(text), names)
