"""The base of all query models: a field is a parameter, and a request is read into a model or rejected whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache, partial
from types import MappingProxyType
from typing import Any, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, PrivateAttr, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.domain.dates import LAST_INSTANT, Instant
from app.domain.text import Misspelt, nearest
from app.errors import FieldError, InvalidInput
from app.query.predicate import Predicate
from app.query.value_types import ValueType

MAX_VALUES = 100
"""A repeatable parameter may have this many values."""
MAX_ERRORS = 60
"""Errors that one response lists."""
MAX_SUGGESTIONS = 10
"""Errors that suggest the nearest name: finding it takes some milliseconds."""
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """How the value of a field is read from text and described. Stands in the field's annotation."""

    kind: ValueType
    help: str
    repeatable: bool = False
    name: str = ""
    """The name in a request, set by `parameters_of`."""

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        value = core_schema.no_info_plain_validator_function(self._read)
        if not self.repeatable:
            return value
        return core_schema.no_info_after_validator_function(_distinct, core_schema.list_schema(value))

    def _read(self, text: str) -> Any:
        try:
            return self.kind.read(text)
        except ValueError as error:
            raise rejected(error) from None


@dataclass(frozen=True, slots=True)
class _Rejection:
    """An error inside one of Pydantic, which calls `str` of what it carries: of a misspelt name that takes a while."""

    error: ValueError
    name: str


def rejected(error: ValueError, name: str = "") -> PydanticCustomError:
    """An error of Pydantic that carries `error`. `name` is the parameter that a rule of the whole model names."""
    return PydanticCustomError("rejected", "rejected", {"rejection": _Rejection(error, name)})


def _distinct(values: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


class Comparison(Enum):
    """How a filter compares. `store.read.filters` has the SQL of each."""

    ANY_OF = auto()
    AT_LEAST = auto()
    AT_MOST = auto()
    ENDS_SINCE = auto()
    SINCE = auto()
    WORDS = auto()
    NEAR_BORDER = auto()
    TARGET_KIND = auto()
    BOX = auto()
    CIRCLE = auto()
    COVERS = auto()
    MEASURE = auto()
    REPORTED_BY = auto()
    REPORTED_SINCE = auto()
    REPORTED_UNTIL = auto()
    DROPPED = auto()
    DROPPED_BY = auto()
    PREDICATE = auto()


@dataclass(frozen=True, slots=True)
class Filter:
    """How the value of a field limits incidents. Stands in the field's annotation.

    `column` may depend on the requested figure: `killed_{figure}`.
    """

    how: Comparison
    column: str = ""
    name: str = ""
    """The name of the field, set by `filters_of`."""


class Query(BaseModel):
    """A query as it was sent. A field that was not sent has its default; 0 and `False` are values like any other.

    The model itself has no fields, and selects the present of both clocks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True)
    _pairs: tuple[tuple[str, str], ...] = PrivateAttr(())

    def is_given(self, name: str) -> bool:
        """Whether the field was sent."""
        return name in self.model_fields_set

    def is_on(self, name: str) -> bool:
        """Whether the switch was sent, and is on."""
        return name in self.model_fields_set and bool(getattr(self, name))

    @property
    def known(self) -> Instant:
        """`as_of` as an instant. The present is the far future, since a day counts as its last instant."""
        return LAST_INSTANT

    @property
    def recorded(self) -> Instant | None:
        """`recorded_as_of` as an instant; `None` is the present."""
        return None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The parameters as they were sent, and what `but` changed in them: what a cursor is bound to."""
        return self._pairs

    def filters(self) -> list[tuple[Filter, Any]]:
        """The filters that were given with their values, in the order of their declaration."""
        given = self.model_fields_set
        return [(f, getattr(self, f.name)) for f in filters_of(type(self)) if f.name in given]

    def count_values(self) -> int:
        """How many values and conditions the filters have, on which the length of their SQL depends."""
        return sum(_count(value) for _, value in self.filters())

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed. `None` removes a field from the query."""
        fields = type(self).model_fields
        defaults = {name: fields[name].get_default() for name, value in changes.items() if value is None}
        copy = self.model_copy(update=changes | defaults)
        copy.model_fields_set.difference_update(defaults)
        changed = ((name, _text_of(value)) for name, value in changes.items() if value is not None)
        copy._pairs = (*(pair for pair in self._pairs if pair[0] not in changes), *changed)
        return copy

    def converted(self, model: "type[Q]", more: Mapping[str, Any] = MappingProxyType({}), *without: str) -> "Q":
        """The same as another model: the given fields that both have `without` some, and `more` that follows."""
        kept = (name for name in self.model_fields_set if name in model.model_fields and name not in without)
        made = cast("Q", model.model_construct(**{name: getattr(self, name) for name in kept} | dict(more)))
        made._pairs = self._pairs
        return made


Q = TypeVar("Q", bound=Query)


def _count(value: Any) -> int:
    if isinstance(value, Predicate):
        return value.size
    return len(value) if isinstance(value, tuple) else 1


def _text_of(value: Any) -> str:
    return ",".join(map(_text_of, value)) if isinstance(value, tuple) else str(getattr(value, "text", value))


@cache
def parameters_of(model: type[Query]) -> Mapping[str, Parameter]:
    """The parameters of a query model by their names in a request, in the order of the fields."""
    fields = model.model_fields.items()
    found = [(info.alias or name, p) for name, info in fields for p in info.metadata if isinstance(p, Parameter)]
    return MappingProxyType({name: replace(p, name=name) for name, p in found})


@cache
def filters_of(model: type[Query]) -> Sequence[Filter]:
    """The filters of a query model, in the order of the fields."""
    fields = model.model_fields.items()
    return tuple(replace(f, name=name) for name, info in fields for f in info.metadata if isinstance(f, Filter))


def parse_query(pairs: Iterable[tuple[str, str]], model: type[Q], suggestions: int = MAX_SUGGESTIONS) -> Q:
    """Reads name and value pairs. Raises `InvalidInput` with every parameter that is unknown, repeated or unreadable.

    The first `suggestions` errors suggest the nearest name.
    """
    pairs = tuple(pairs)
    if not pairs:
        empty: Q = _empty(model)
        return empty
    given = _Given(parameters_of(model), pairs)
    try:
        query = model.model_validate(given.texts)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            given.reject(details["loc"], details["ctx"]["rejection"])
    if given.errors:
        raise InvalidInput(given.listed(suggestions))
    query._pairs = pairs
    return query


@cache
def _empty(model: type[Q]) -> Q:
    return model()


class _Given:
    """The texts of a request by parameter, and what is wrong with them, each at the place of its pair."""

    def __init__(self, parameters: Mapping[str, Parameter], pairs: Pairs) -> None:
        self.texts: dict[str, Any] = {}
        self.errors: list[tuple[int, Callable[..., FieldError]]] = []
        self._parameters, self._pairs = parameters, pairs
        self._places: dict[str, list[int]] = {}
        for place, (name, text) in enumerate(pairs):
            self._take(place, name, text)

    def _take(self, place: int, name: str, text: str) -> None:
        parameter = self._parameters.get(name)
        if parameter is None:
            self.errors.append((place, partial(_unknown, name, text, self._parameters)))
        elif parameter.repeatable:
            texts = self.texts.setdefault(name, [])
            if text in texts:
                return
            if len(texts) < MAX_VALUES:
                texts.append(text)
                self._places.setdefault(name, []).append(place)
            else:
                self._refuse(place, FieldError(name, f"is given more than {MAX_VALUES} times"))
        elif name in self.texts:
            self._refuse(place, FieldError(name, "is given more than once", text))
        else:
            self.texts[name] = text
            self._places[name] = [place]

    def reject(self, location: Sequence[str | int], rejection: _Rejection) -> None:
        """Notes what is wrong with the value at a location of the model, or with the model as a whole."""
        error = rejection.error
        if not location:
            self._refuse(len(self._pairs), FieldError(rejection.name, str(error)))
            return
        at = str(location[0])
        place = self._places[at][int(location[1]) if len(location) > 1 else 0]
        self.errors.append((place, partial(_unreadable, at, self._pairs[place][1], error)))

    def _refuse(self, place: int, error: FieldError) -> None:
        self.errors.append((place, lambda *, hinted: error))

    def listed(self, suggestions: int) -> list[FieldError]:
        """The errors in the order of the pairs."""
        ordered = sorted(self.errors, key=lambda error: error[0])[:MAX_ERRORS]
        return [made(hinted=number < suggestions) for number, (_, made) in enumerate(ordered)]


def _unknown(name: str, text: str, names: Iterable[str], *, hinted: bool) -> FieldError:
    like = nearest(name.casefold(), names, cutoff=0.5) if hinted else None
    hint = f"; did you mean {like}?" if like else ""
    return FieldError(name, f"is not a parameter here{hint}", text)


def _unreadable(name: str, text: str, error: ValueError, *, hinted: bool) -> FieldError:
    return FieldError(name, error.plain if isinstance(error, Misspelt) and not hinted else str(error), text)
