"""The filters as a form: each field comes from the filter's declaration."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.query import value_types
from app.query.parameters import ExplorerQuery, MatchingQuery
from app.query.query import Parameter, filters_of, parameters_of
from app.web.words import word

FIRST = ("q", "country", "region", "date_from", "date_to", "killed_min", "change")
"""Those that are always seen, in this order; the others open on demand."""
NO_FIELDS = ("limit", "cursor")
_FILTERS = frozenset(f.name for f in filters_of(MatchingQuery))
_LABELS = {
    "q": "Search", "date_from": "From", "date_to": "To", "killed_min": "Killed, at least",
    "change": "Headline killed was",
    "bbox": "Box", "near": "Near a point", "radius_km": "Radius, km",
}  # fmt: skip
_HINTS = {
    "q": "title, place or actor", "country": "e.g. Mali", "region": "e.g. Ménaka", "near_border": "a country",
    "bbox": "min lon,min lat,max lon,max lat", "near": "latitude,longitude", "actor": "e.g. armed forces",
    "place": "e.g. Indelimane", "reported_by": "a reporter's id", "source": "a source's id", "radius_km": "100",
}  # fmt: skip
_ORDERS = {
    "date": "oldest first", "-date": "newest first", "killed": "fewest killed first", "-killed": "most killed first",
    "reported": "first reported first", "-reported": "last reported first",
    "updated": "least recently changed", "-updated": "most recently changed",
}  # fmt: skip
_VIOLENCE = {"1": "state-based", "2": "non-state", "3": "one-sided"}


@dataclass(frozen=True, slots=True)
class Option:
    """A value that can be chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. `type` is that of an HTML input, or `select`."""

    id: str
    name: str
    label: str
    help: str
    type: str
    value: str
    hint: str
    options: Sequence[Option]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The fields that are always seen, the others, and the two that have places of their own."""

    first: Sequence[Field]
    others: Sequence[Field]
    clock: Field
    sort: Field


def form(pairs: Sequence[tuple[str, str]]) -> Form:
    """The fields of the explorer's parameters. A filter that is given several times has several fields."""
    parameters = parameters_of(ExplorerQuery).values()
    made = [field for p in parameters if p.name not in NO_FIELDS for field in _fields(p, pairs)]
    named = {field.name: field for field in made}
    apart = (*FIRST, "as_of", "sort")
    first = [field for name in FIRST for field in made if field.name == name]
    return Form(first, [field for field in made if field.name not in apart], named["as_of"], named["sort"])


def _fields(parameter: Parameter, pairs: Sequence[tuple[str, str]]) -> Iterator[Field]:
    given = [value for name, value in pairs if name == parameter.name] or [""]
    for count, value in enumerate(given):
        schema = parameter.kind.schema
        codes = [str(code) for code in schema.get("enum", ())]
        if schema.get("type") == "boolean":
            options = [Option(code, label, value == code) for code, label in (("true", "yes"), ("false", "no"))]
        else:
            options = [Option(code, _label_of(parameter, code), value == code) for code in codes]
        yield Field(
            f"f-{parameter.name}" + (f"-{count}" if count else ""),
            parameter.name,
            _LABELS.get(parameter.name, word(parameter.name).capitalize()),
            parameter.help,
            "select" if options else _type(parameter, value),
            value,
            _HINTS.get(parameter.name, ""),
            options,
            wide=parameter.name == "q",
        )


def _type(parameter: Parameter, value: str) -> str:
    if parameter.kind in (value_types.DAY, value_types.MOMENT):
        return "text" if len(value) > len("2019-11-01") else "date"  # a field for days cannot hold an instant
    numeric = parameter.kind.schema.get("type") in ("integer", "number")
    return "number" if numeric else "search" if parameter.name == "q" else "text"


def _label_of(parameter: Parameter, code: str) -> str:
    own = {"type_of_violence": _VIOLENCE, "sort": _ORDERS}.get(parameter.name, {})
    return own.get(code) or word(code)


def in_words(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The filters that are given, as a line of text each."""
    lines = []
    for name, value in pairs:
        if name in _FILTERS and value:
            label = _LABELS.get(name, word(name)).lower()
            lines.append(f"{label}: {_VIOLENCE.get(value, value) if name == 'type_of_violence' else word(value)}")
    return lines
