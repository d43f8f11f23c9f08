"""Queries under `/ogc`: parameters as OGC API – Features names them, and the query of incidents that they stand for."""

from typing import Annotated, Any

from pydantic import Field, create_model

from app.errors import FieldError, InvalidInput
from app.query import value_types
from app.query.code_lists import Crs, Format, Sort
from app.query.cql import read_predicate
from app.query.cql_text import Language
from app.query.features import QUERYABLES
from app.query.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    SORT,
    ClockQuery,
    IncidentQuery,
    MatchingQuery,
    response_formats,
)
from app.query.query import Comparison, Filter, Parameter, Query, filters_of
from app.query.value_types import Box, Interval

_CRS = value_types.choice(Crs, Crs.CRS84)
_COMPARED = {f.name for f in filters_of(MatchingQuery) if f.how is Comparison.ANY_OF}
EQUAL = tuple(name for name in QUERYABLES if name not in _COMPARED)
"""Properties that are parameters, each equal to its value. Filters that compare the same replace others."""


class FeatureInfoQuery(Query):
    """A query of what describes the features."""

    format: Annotated[Format, response_formats(Format.JSON)] = Field(Format.JSON, alias="f")


class FeatureByIdQuery(ClockQuery):
    """A query of one feature."""

    format: Annotated[Format, response_formats(Format.JSON, Format.GEOJSON)] = Field(Format.JSON, alias="f")


class _FeatureQuery(MatchingQuery):
    """A query of features. A box may have heights, and a limit that is too large is lowered."""

    bbox: Annotated[
        Box | None,
        Parameter(
            value_types.CUBE,
            "Box as min_lon,min_lat,max_lon,max_lat, in WGS 84 degrees. "
            "With min_lon > max_lon it spans the antimeridian.",
        ),
        Filter(Comparison.BOX),
    ] = None
    datetime: Annotated[
        Interval | None,
        Parameter(value_types.INTERVAL, "The incident's interval meets this day, instant or interval (UTC)."),
    ] = None
    filter: Annotated[str | None, Parameter(value_types.CQL, "A condition on the properties of features, in CQL2.")] = (
        None
    )
    filter_lang: Annotated[
        Language, Parameter(value_types.choice(Language, Language.CQL2_TEXT), "Language of `filter`.")
    ] = Field(Language.CQL2_TEXT, alias="filter-lang")
    filter_crs: Annotated[Crs, Parameter(_CRS, "Coordinates of shapes in `filter`.")] = Field(
        Crs.CRS84, alias="filter-crs"
    )
    bbox_crs: Annotated[Crs, Parameter(_CRS, "Coordinates of `bbox`.")] = Field(Crs.CRS84, alias="bbox-crs")
    sort: Annotated[Sort, SORT] = Sort.DATE_DOWN
    limit: Annotated[
        int,
        Parameter(
            value_types.clamped(1, MAX_LIMIT, DEFAULT_LIMIT),
            "Features on a page. A larger limit counts as the largest. A page with long features may hold fewer: "
            "continue while there is a link `next`.",
        ),
    ] = DEFAULT_LIMIT
    cursor: Annotated[str | None, Parameter(value_types.CURSOR, "Start of the page; taken from the link `next`.")] = (
        None
    )
    total: Annotated[bool, Parameter(value_types.FLAG, "`false` leaves `numberMatched` out, and saves counting.")] = (
        True
    )
    format: Annotated[Format, response_formats(Format.JSON, Format.GEOJSON)] = Field(Format.JSON, alias="f")


_PROPERTIES: dict[str, Any] = {
    name: (Annotated[Any, Parameter(value_types.equal_to(name), QUERYABLES[name].description)], None) for name in EQUAL
}
FeatureQuery: type[_FeatureQuery] = create_model("FeatureQuery", __base__=_FeatureQuery, **_PROPERTIES)


def incident_query(query: _FeatureQuery) -> IncidentQuery:
    """The query of incidents, with one predicate for `filter` and the properties, and `datetime` as days.

    Raises `InvalidInput` for a filter that cannot be read.
    """
    equal = [(name, getattr(query, name)) for name in EQUAL if query.is_given(name)]
    try:
        predicate = read_predicate(query.filter, query.filter_lang, equal)
    except ValueError as error:
        raise InvalidInput([FieldError("filter", str(error), query.filter)]) from None
    more: dict[str, Any] = {"total": query.total} | ({"predicate": predicate} if predicate else {})
    if interval := query.datetime:
        first = max(filter(None, (interval.first, query.date_from)), default=None)
        last = min(filter(None, (interval.last, query.date_to)), default=None)
        more |= {name: day for name, day in (("date_from", first), ("date_to", last)) if day}
    return query.converted(IncidentQuery, more, *EQUAL)
