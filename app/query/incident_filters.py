"""Every filter on incidents, declared once: how it is read, what it compares, and what it means.

HTTP validation, the OpenAPI document, the SQL, the command line's options, the form of the explorer and the docs come
from here. To add a filter, add a field; a new way to compare also needs a function in `store.read.filters`.
"""

from datetime import date
from typing import Annotated, Self

from pydantic import model_validator

from app.domain.dates import Moment
from app.domain.places import bare_name, find_regions, region_name
from app.domain.vocabulary import (
    ActorKind,
    DatePrecision,
    EventType,
    Figure,
    Measure,
    Movement,
    PlacePrecision,
    SubEventType,
    ViolenceType,
)
from app.query import value_types
from app.query.query import Comparison, Filter, Parameter, Query, rejected
from app.query.value_types import Box, Point, RegionName

_WORD_PREFIXES = (
    "or beginnings of words; all must occur. A single letter or digit matches only a complete word. "
    f"At most {value_types.MAX_WORDS} different words."
)


def _min(measure: Measure) -> Parameter:
    return Parameter(value_types.WHOLE, f"The headline of `{measure}` is at least this.")


def _max(measure: Measure) -> Parameter:
    return Parameter(value_types.WHOLE, f"The headline of `{measure}` is at most this.")


def _at_least(column: str) -> Filter:
    return Filter(Comparison.AT_LEAST, column)


def _at_most(column: str) -> Filter:
    return Filter(Comparison.AT_MOST, column)


def _any_of(column: str) -> Filter:
    return Filter(Comparison.ANY_OF, column)


class IncidentFilters(Query):
    """The filters on incidents, and which figure of the headline they compare."""

    country: Annotated[
        tuple[str, ...],
        Parameter(value_types.COUNTRY, "Country, former state or waters: code, alpha-3 or name.", repeatable=True),
        _any_of("country"),
    ] = ()
    region: Annotated[
        tuple[RegionName, ...],
        Parameter(
            value_types.REGION,
            "Region: ISO 3166-2 code or name, in English, French, Spanish or a local language. "
            "Case and accents do not matter.",
            repeatable=True,
        ),
        _any_of("region_key"),
    ] = ()
    place: Annotated[
        str | None,
        Parameter(value_types.WORDS, f"Words of the place's name, {_WORD_PREFIXES}"),
        Filter(Comparison.WORDS, "place"),
    ] = None
    place_precision: Annotated[
        tuple[PlacePrecision, ...],
        Parameter(
            value_types.choice(PlacePrecision), "How precisely the coordinates locate the incident.", repeatable=True
        ),
        _any_of("place_precision"),
    ] = ()
    actor: Annotated[
        str | None,
        Parameter(value_types.WORDS, f"Words of an actor's name, {_WORD_PREFIXES}"),
        Filter(Comparison.WORDS, "actors"),
    ] = None
    q: Annotated[
        str | None,
        Parameter(value_types.WORDS, f"Words of title, summary, place, district, region and actors, {_WORD_PREFIXES}"),
        Filter(Comparison.WORDS),
    ] = None
    near_border: Annotated[
        tuple[str, ...],
        Parameter(value_types.COUNTRY, "Reported to be close to the border with this country.", repeatable=True),
        Filter(Comparison.NEAR_BORDER),
    ] = ()
    date_from: Annotated[
        date | None,
        Parameter(value_types.DAY, "The incident's interval ends on this day or later."),
        Filter(Comparison.ENDS_SINCE, "date_end"),
    ] = None
    date_to: Annotated[
        date | None,
        Parameter(value_types.DAY, "The incident's interval starts on this day or earlier."),
        _at_most("date_start"),
    ] = None
    date_precision: Annotated[
        tuple[DatePrecision, ...],
        Parameter(value_types.choice(DatePrecision), "How precisely the date is known.", repeatable=True),
        _any_of("date_precision"),
    ] = ()
    event_type: Annotated[
        tuple[EventType, ...],
        Parameter(value_types.choice(EventType), "ACLED event type.", repeatable=True),
        _any_of("event_type"),
    ] = ()
    sub_event_type: Annotated[
        tuple[SubEventType, ...],
        Parameter(value_types.choice(SubEventType), "ACLED sub-event type.", repeatable=True),
        _any_of("sub_event_type"),
    ] = ()
    type_of_violence: Annotated[
        tuple[int, ...],
        Parameter(
            value_types.numbers(ViolenceType),
            "UCDP type of violence: 1 state-based, 2 non-state, 3 one-sided.",
            repeatable=True,
        ),
        _any_of("type_of_violence"),
    ] = ()
    target_kind: Annotated[
        tuple[ActorKind, ...],
        Parameter(value_types.choice(ActorKind), "Kind of an actor that was the target.", repeatable=True),
        Filter(Comparison.TARGET_KIND),
    ] = ()
    bbox: Annotated[
        Box | None,
        Parameter(
            value_types.BOX,
            "Box as min_lon,min_lat,max_lon,max_lat, in WGS 84 degrees. "
            "With min_lon > max_lon it spans the antimeridian.",
        ),
        Filter(Comparison.BOX),
    ] = None
    near: Annotated[
        Point | None,
        Parameter(value_types.POINT, "Center of a circle, as latitude,longitude. Requires `radius_km`."),
        Filter(Comparison.CIRCLE),
    ] = None
    killed_min: Annotated[int | None, _min(Measure.KILLED), _at_least("killed_{figure}")] = None
    killed_max: Annotated[int | None, _max(Measure.KILLED), _at_most("killed_{figure}")] = None
    wounded_min: Annotated[int | None, _min(Measure.WOUNDED), _at_least("wounded_{figure}")] = None
    wounded_max: Annotated[int | None, _max(Measure.WOUNDED), _at_most("wounded_{figure}")] = None
    missing_min: Annotated[int | None, _min(Measure.MISSING), _at_least("missing_{figure}")] = None
    missing_max: Annotated[int | None, _max(Measure.MISSING), _at_most("missing_{figure}")] = None
    captured_min: Annotated[int | None, _min(Measure.CAPTURED), _at_least("captured_{figure}")] = None
    captured_max: Annotated[int | None, _max(Measure.CAPTURED), _at_most("captured_{figure}")] = None
    survived_min: Annotated[int | None, _min(Measure.SURVIVED), _at_least("survived_{figure}")] = None
    survived_max: Annotated[int | None, _max(Measure.SURVIVED), _at_most("survived_{figure}")] = None
    ever_killed_min: Annotated[
        int | None,
        Parameter(value_types.WHOLE, "At least one report ever put the number killed this high."),
        _at_least("killed_ever"),
    ] = None
    first_killed_min: Annotated[
        int | None,
        Parameter(value_types.WHOLE, "The first headline of `killed` was at least this."),
        _at_least("killed_first"),
    ] = None
    change: Annotated[
        Movement | None,
        Parameter(value_types.choice(Movement), "How the headline of `killed` changed since its first figure."),
        _any_of("killed_change"),
    ] = None
    revisions_min: Annotated[
        int | None,
        Parameter(value_types.WHOLE, "The headline of `killed` changed at least this many times."),
        _at_least("killed_revisions"),
    ] = None
    spread_min: Annotated[
        int | None,
        Parameter(value_types.WHOLE, "`high` − `low` of the headline of `killed` is at least this."),
        _at_least("killed_spread"),
    ] = None
    disputed: Annotated[
        bool | None,
        Parameter(value_types.FLAG, "Whether standing reports of `killed` contradict each other."),
        _any_of("killed_disputed"),
    ] = None
    reported_by: Annotated[
        str | None,
        Parameter(value_types.ID, "At least one report is by this reporter (id)."),
        Filter(Comparison.REPORTED_BY, "reporter"),
    ] = None
    source: Annotated[
        str | None,
        Parameter(value_types.ID, "At least one report is from this source (id)."),
        Filter(Comparison.REPORTED_BY, "source"),
    ] = None
    reported_from: Annotated[
        Moment | None,
        Parameter(value_types.MOMENT, "At least one report was given at this time or later."),
        Filter(Comparison.REPORTED_SINCE),
    ] = None
    reported_to: Annotated[
        Moment | None,
        Parameter(value_types.MOMENT, "At least one report was given at this time or earlier."),
        Filter(Comparison.REPORTED_UNTIL),
    ] = None
    """One report meets all that are given of `reported_by`, `source`, `reported_from` and `reported_to`."""
    dropped: Annotated[
        bool | None,
        Parameter(
            value_types.FLAG,
            "Whether the newest release of a data set that covers its country and time no longer lists the "
            "incident. `false` excludes such incidents.",
        ),
        Filter(Comparison.DROPPED),
    ] = None
    dropped_by: Annotated[
        str | None,
        Parameter(
            value_types.ID,
            "Only incidents that this release does not list, but an earlier one did. "
            "Id of the release's source, like ucdp-ged-25.1.",
        ),
        Filter(Comparison.DROPPED_BY),
    ] = None
    updated_since: Annotated[
        Moment | None,
        Parameter(value_types.MOMENT, "Only incidents whose response changed at or after this time."),
        Filter(Comparison.SINCE, "recorded_from"),
    ] = None
    radius_km: Annotated[
        float | None,
        Parameter(value_types.KILOMETRES, "Radius of the circle around `near`, in kilometers. Requires `near`."),
    ] = None
    figure: Annotated[
        Figure,
        Parameter(value_types.choice(Figure, Figure.BEST), "Figure of the headline that filters, `sort` and sums use."),
    ] = Figure.BEST

    @model_validator(mode="after")
    def _circle_is_whole(self) -> Self:
        if (self.near is None) != (self.radius_km is None):
            missing = "near" if self.near is None else "radius_km"
            raise rejected(ValueError("is missing: near and radius_km are given together"), missing)
        return self

    @model_validator(mode="after")
    def _regions_are_found(self) -> Self:
        """A name stands for regions of the countries that are given, if they have one of this name."""
        if not self.region:
            return self
        return self.model_copy(update={"region": tuple(_found(region.text, self.country) for region in self.region)})

    @property
    def box(self) -> Box | None:
        """The box that holds every place that is selected, where places are."""
        if self.bbox is None and self.near is not None and self.radius_km is not None:
            return self.near.box_around(self.radius_km)
        return self.bbox


def _found(text: str, countries: tuple[str, ...]) -> RegionName:
    names = () if region_name(text.strip().upper()) else (bare_name(text),)
    return RegionName(text, find_regions(text, countries) or find_regions(text), names)
