"""The query of every route and command as a model: its fields are the parameters that may be sent."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import Field

from app.domain.dates import Instant, Moment
from app.domain.incident import IncidentFields
from app.domain.vocabulary import Measure
from app.domain.written_days import DayOrder
from app.query import value_types
from app.query.code_lists import FileFormat, Format, Group, Sort
from app.query.incident_filters import IncidentFilters
from app.query.predicate import Predicate
from app.query.query import Comparison, Filter, Parameter, Query

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_GROUPS = 20_000
"""Groups that statistics may have: the days of half a century."""
MEMBERS = ("id", *IncidentFields.model_fields, "recorded_at", "toll", "sources", "updated_at")
"""The fields of an incident, in the order of a response."""

_AS_OF = Parameter(value_types.MOMENT, "What had been reported by this day or instant.")
_RECORDED_AS_OF = Parameter(value_types.MOMENT, "The response that this service would have given at this instant.")
_ID = value_types.ID
_PAGE_LIMIT = Parameter(
    value_types.whole(1, MAX_LIMIT),
    f"Items on a page. The default is {DEFAULT_LIMIT} for JSON; other formats return everything unless `limit` is set. "
    "A page with long items may have fewer: continue until `next` is null.",
)
_CURSOR = Parameter(value_types.CURSOR, "Start of the page: the `next_cursor` of the previous page.")
SORT = Parameter(
    value_types.choice(Sort, Sort.DATE_DOWN),
    "Sort order. With `-`, the largest come first. Nulls come last; ties are sorted by id.",
)
_FIELDS = Parameter(value_types.choices(MEMBERS), "Only these fields, separated by commas.")
_MEASURE = Parameter(value_types.choice(Measure), "Only reports of this measure.")
_HXL = Parameter(value_types.SWITCH, "Add a second row with HXL hashtags. Only for `f=csv`.")
_BOM = Parameter(value_types.SWITCH, "Begin with a byte order mark (UTF-8), for spreadsheets. Only for CSV.")


def response_formats(*formats: Format) -> Parameter:
    """The parameter `f`, with these formats."""
    return Parameter(value_types.choice(formats, Format.JSON), "Response format. Overrides `Accept`.")


class RecordedQuery(Query):
    """A query with the recorded clock alone."""

    recorded_as_of: Annotated[Moment | None, _RECORDED_AS_OF] = None

    @property
    def recorded(self) -> Instant | None:
        """`recorded_as_of` as an instant; `None` is the present."""
        return self.recorded_as_of.instant if self.recorded_as_of else None


class ClockQuery(Query):
    """A query with both clocks."""

    as_of: Annotated[Moment | None, _AS_OF] = None
    recorded_as_of: Annotated[Moment | None, _RECORDED_AS_OF] = None

    @property
    def known(self) -> Instant:
        """`as_of` as an instant. The present is the far future, since a day counts as its last instant."""
        return self.as_of.instant if self.as_of else super().known

    @property
    def recorded(self) -> Instant | None:
        """`recorded_as_of` as an instant; `None` is the present."""
        return self.recorded_as_of.instant if self.recorded_as_of else None


class ListQuery(ClockQuery):
    """A query of a list that has pages."""

    limit: Annotated[int, _PAGE_LIMIT] = DEFAULT_LIMIT
    cursor: Annotated[str | None, _CURSOR] = None
    total: Annotated[bool, Parameter(value_types.FLAG, "Add `total`, the number of items on all pages.")] = False

    @property
    def paged(self) -> bool:
        """Whether a page was requested explicitly."""
        return not self.model_fields_set.isdisjoint(("limit", "cursor"))


class MatchingQuery(ClockQuery, IncidentFilters):
    """Which incidents are selected, by both clocks and the filters."""

    predicate: Annotated[Predicate | None, Filter(Comparison.PREDICATE)] = None
    """Of `filter` and the properties under `/ogc`; no parameter by itself."""


class IncidentQuery(ListQuery, MatchingQuery):
    """A query of incidents."""

    sort: Annotated[Sort, SORT] = Sort.DATE_DOWN
    fields: Annotated[tuple[str, ...] | None, _FIELDS] = None
    hxl: Annotated[bool, _HXL] = False
    bom: Annotated[bool, _BOM] = False
    format: Annotated[Format, response_formats(*Format)] = Field(Format.JSON, alias="f")


class ExportQuery(MatchingQuery):
    """A query of incidents for the command `export`, whose format is that of the file."""

    sort: Annotated[Sort, SORT] = Sort.DATE_DOWN
    fields: Annotated[tuple[str, ...] | None, _FIELDS] = None
    hxl: Annotated[bool, _HXL] = False
    bom: Annotated[bool, _BOM] = False
    format: Annotated[
        Format | None,
        Parameter(
            value_types.choice((Format.ACLED, Format.UCDP)), "Columns of a .csv file. Default: the plain layout."
        ),
    ] = Field(None, alias="f")


class ExplorerQuery(MatchingQuery):
    """A query of the explorer page."""

    sort: Annotated[Sort, SORT] = Sort.DATE_DOWN
    limit: Annotated[int, _PAGE_LIMIT] = DEFAULT_LIMIT
    cursor: Annotated[str | None, _CURSOR] = None


class FeedQuery(MatchingQuery):
    """A query of the Atom feed."""

    limit: Annotated[int, _PAGE_LIMIT] = DEFAULT_LIMIT


class PageQuery(ClockQuery):
    """A query of a page for people that has a list."""

    limit: Annotated[int, _PAGE_LIMIT] = DEFAULT_LIMIT
    cursor: Annotated[str | None, _CURSOR] = None


class IncidentByIdQuery(ClockQuery):
    """A query of one incident."""

    fields: Annotated[tuple[str, ...] | None, _FIELDS] = None
    bom: Annotated[bool, _BOM] = False
    format: Annotated[Format, response_formats(Format.JSON, Format.GEOJSON, Format.CSV)] = Field(Format.JSON, alias="f")


class HistoryQuery(ClockQuery):
    """A query of a toll history."""

    measure: Annotated[Measure | None, _MEASURE] = None
    bom: Annotated[bool, _BOM] = False
    format: Annotated[Format, response_formats(Format.JSON, Format.CSV)] = Field(Format.JSON, alias="f")


class StatisticsQuery(MatchingQuery):
    """A query of statistics."""

    group_by: Annotated[
        tuple[Group, ...],
        Parameter(value_types.choices(Group), f"Group by these, separated by commas. At most {MAX_GROUPS:,} groups."),
    ] = ()
    bom: Annotated[bool, _BOM] = False
    format: Annotated[Format, response_formats(Format.JSON, Format.CSV)] = Field(Format.JSON, alias="f")


class ReportQuery(ListQuery):
    """A query of toll reports across incidents."""

    incident: Annotated[
        str | None,
        Parameter(_ID, "Only reports that cover this incident (id)."),
        Filter(Comparison.COVERS),
    ] = None
    reported_by: Annotated[
        str | None,
        Parameter(_ID, "Only reports by this reporter (id)."),
        Filter(Comparison.REPORTED_BY, "reporter"),
    ] = None
    source: Annotated[
        str | None,
        Parameter(_ID, "Only reports from this source (id)."),
        Filter(Comparison.REPORTED_BY, "source"),
    ] = None
    reported_from: Annotated[
        Moment | None,
        Parameter(value_types.MOMENT, "Only reports given at this time or later."),
        Filter(Comparison.REPORTED_SINCE),
    ] = None
    reported_to: Annotated[
        Moment | None,
        Parameter(value_types.MOMENT, "Only reports given at this time or earlier."),
        Filter(Comparison.REPORTED_UNTIL),
    ] = None
    measure: Annotated[Measure | None, _MEASURE, Filter(Comparison.MEASURE)] = None
    bom: Annotated[bool, _BOM] = False
    format: Annotated[Format, response_formats(Format.JSON, Format.CSV, Format.NDJSON)] = Field(Format.JSON, alias="f")


class StreamQuery(Query):
    """A query of the stream of changes."""

    after: Annotated[
        int,
        Parameter(value_types.whole(0, value_types.LARGEST), "Only entries after this `seq`; 0 for all."),
    ] = 0


class ChangesQuery(StreamQuery):
    """A query of the log."""

    limit: Annotated[int, _PAGE_LIMIT] = DEFAULT_LIMIT


def _size(help: str) -> Parameter:
    return Parameter(value_types.whole(1, value_types.LARGEST), help)


class ProofQuery(Query):
    """A query of a proof: of one entry with `seq`, of consistency with `from`."""

    seq: Annotated[int | None, _size("Inclusion proof: the `seq` of the entry.")] = None
    size: Annotated[int | None, _size("Inclusion proof: the number of entries of the log. Default: all.")] = None
    from_: Annotated[int | None, _size("Consistency proof: the number of entries of the earlier log.")] = Field(
        None, alias="from"
    )
    to: Annotated[int | None, _size("Consistency proof: the number of entries of the later log. Default: all.")] = None


class ImportQuery(Query):
    """What is stated about an imported file."""

    format: Annotated[FileFormat | None, Parameter(value_types.choice(FileFormat), "Format of the file.")] = None
    release: Annotated[
        str | None, Parameter(value_types.NAME, "Name of the release, like 26.0.2; required for ucdp-ged.")
    ] = None
    released_on: Annotated[
        date | None, Parameter(value_types.DAY, "Day on which the release was published; required for ucdp-ged.")
    ] = None
    dates: Annotated[
        DayOrder | None,
        Parameter(
            value_types.choice(DayOrder),
            "Whether 05/06/2001 has the day or the month first, if the file does not show it.",
        ),
    ] = None


def formats_of(parameters: Mapping[str, Parameter]) -> list[Format]:
    """The formats of a response. JSON is the first."""
    return [Format(value) for value in parameters["f"].kind.schema["enum"]] if "f" in parameters else [Format.JSON]
