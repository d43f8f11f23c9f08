"""The shapes of answers, for OpenAPI and its clients. Tests hold every real answer against them.

Answers are not made from these models but joined from stored JSON; a model says what is in it.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.incident import IncidentFields
from app.domain.source import (
    INT64,
    DayText,
    Hex,
    Id,
    InstantText,
    MomentText,
    ReporterRecord,
    SourceRecord,
)
from app.domain.toll import TollReportRecord
from app.domain.vocabulary import Measure, Movement, ReportChange, Status
from app.query.parameters import Group

Count = Annotated[int, Field(json_schema_extra=INT64)]
"""A whole number that 32 bits may not hold."""


class Shape(BaseModel):
    """Nothing but these members."""

    model_config = ConfigDict(extra="forbid")


class Redactable(BaseModel):
    """A record that may be confidential. Without the scope `read:confidential` its redacted members are null."""

    salt: Hex | None = Field(None, description="With the scope `read:confidential`: the salt of the commitment.")


class Reporter(ReporterRecord, Redactable):
    """Who gave a figure."""


class Source(SourceRecord, Redactable):
    """A publication that carries a figure. A member that is not known is null."""


class Figures(Shape):
    """Persons; null is not reported."""

    low: Count | None
    best: Count | None
    high: Count | None


class Headline(Figures):
    """What the reports of one measure say together, by the rule `latest-standing`."""

    open_ended: bool = Field(description="A standing report has no upper bound.")
    first: Count | None = Field(description="The first headline best that was not null.")
    change: Movement = Field(description="Best now against `first`.")
    revisions: Count = Field(description="How many times the headline best moved.")
    spread: Count | None = Field(description="high − low.")
    disputed: bool = Field(description="Standing reports contradict each other.")
    reports: Count = Field(description="How many reports are known, void ones included.")
    reported_on: MomentText | None = Field(description="Of the report that gave `best`.")


class SharedToll(Shape):
    """Headlines of reports that cover exactly these incidents together; they belong to no single one."""

    incidents: list[Id]
    killed: Headline | None = None
    wounded: Headline | None = None
    missing: Headline | None = None
    captured: Headline | None = None
    survived: Headline | None = None


class Toll(Shape):
    """The headline toll. A measure of which nothing was reported is absent."""

    as_of: MomentText | None = Field(description="The `as_of` that was asked for; null is now.")
    rule: Literal["latest-standing"]
    killed: Headline | None = None
    wounded: Headline | None = None
    missing: Headline | None = None
    captured: Headline | None = None
    survived: Headline | None = None
    shared: list[SharedToll]


class IncidentRecord(IncidentFields):
    """An incident as it is recorded."""

    id: Id
    recorded_at: InstantText


class Incident(IncidentRecord):
    """An incident with its headline toll."""

    toll: Toll
    sources: list[Source] = Field(description="The publications that speak of it, known by `as_of`.")
    updated_at: InstantText = Field(description="When what is answered here last changed.")


class IncidentMembers(Shape):
    """An incident cut down by `fields` to the members asked for."""

    model_config = ConfigDict(extra="allow")


class Page(Shape):
    """A page of a list."""

    next: str | None = Field(description="Path and query of the next page; null on the last one.")
    next_cursor: str | None = Field(description="What `cursor` is for the next page; null on the last one.")
    total: Count | None = Field(None, description="Number of items on all pages, where `total=true` was asked.")


class Retraction(Shape):
    """Why a report is void."""

    reason: str
    reported_on: MomentText | None = Field(description="From when it is void; null where it never held.")
    recorded_at: InstantText


class TollReport(TollReportRecord, Redactable):
    """One figure that somebody gave at some time, and whether it stands."""

    reported_by: Reporter
    source: Source
    status: Status
    superseded_by: Id | None
    retraction: Retraction | None


class RecordedTollReport(TollReport):
    """A report that was just recorded."""

    warnings: list[str] | None = Field(
        None, description="What the writer may have overlooked; present where there is any."
    )


class Withdrawal(Shape):
    """An incident that was taken back."""

    incident: Id
    reason: str
    merged_into: Id | None
    withdrawn_at: InstantText
    withdrawn_by: str


class HistoryReport(TollReport):
    """A report, and what it did to the headline."""

    change: ReportChange
    delta: Count | None = Field(description="Best right after it less best right before it.")
    source_changed: bool | None = Field(description="Another reporter than the one behind the headline before gave it.")


class TimelineStep(Figures):
    """A headline and the half-open span `[from, to)` of reported time in which it held."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    measure: Measure
    from_: MomentText = Field(alias="from")
    to: MomentText | None


class SharedTimeline(Shape):
    """The timeline of reports that cover several incidents together."""

    incidents: list[Id]
    timeline: list[TimelineStep]


class TollHistory(Shape):
    """Every report, oldest first, and the headline's timeline."""

    incident: Id
    rule: Literal["latest-standing"]
    reports: list[HistoryReport]
    timeline: list[TimelineStep]
    shared: list[SharedTimeline] | None = Field(None, description="Present where reports cover several incidents.")


class VersionRecord(IncidentRecord):
    """An incident as a version of its record says, with the sources that it names itself."""

    sources: list[Source]


class Version(Shape):
    """A version of a record."""

    version: Count
    recorded_at: InstantText
    recorded_by: str
    changed: list[str] = Field(description="Members that differ from the version before.")
    record: VersionRecord


class Versions(Shape):
    """How an incident's record changed, oldest first."""

    incident: Id
    items: list[Version]


class ReporterCounted(Reporter):
    """A reporter, and how much it speaks of."""

    reports: Count
    incidents: Count


class SourceCounted(Source):
    """A source, and how much it carries."""

    reports: Count
    incidents: Count


class Region(Shape):
    """A country or a region that has incidents. A region that ISO 3166-2 has no code for has its name alone."""

    code: str | None
    name: str
    kind: Literal["country", "region"]
    country: str
    incidents: Count
    date_from: DayText | None
    date_to: DayText | None


class Sums(Shape):
    """Counts and sums. `…_shared` are figures told for several incidents together, each set counted once."""

    incidents: Count
    killed: Figures
    wounded: Figures
    missing: Figures
    captured: Figures
    survived: Figures
    killed_shared: Figures
    wounded_shared: Figures
    missing_shared: Figures
    captured_shared: Figures
    survived_shared: Figures


class RegionSummary(Region, Sums):
    """A country or region with the sums of its incidents."""

    regions: list[Region] = Field(description="Of a country, its regions that have incidents.")


class SumsOfGroup(Sums):
    """Counts and sums of one group; the keys that were not asked for are absent."""

    country: str | None = None
    region: str | None = Field(None, description="ISO 3166-2 code, or the name of a region that has none.")
    region_name: str | None = None
    year: int | None = None
    month: str | None = Field(None, examples=["2019-11"])
    day: DayText | None = Field(None, examples=["2019-11-01"])
    event_type: str | None = None
    type_of_violence: int | None = None
    actor: str | None = None


assert {g.value for g in Group} <= SumsOfGroup.model_fields.keys()


class Stats(Shape):
    """Counts and sums by group, and of everything once."""

    items: list[SumsOfGroup]
    total: Sums


class IncidentPage(Page):
    """A page of incidents; with `fields` each has only the members asked for."""

    items: list[Incident | IncidentMembers]


class TollReportPage(Page):
    """A page of toll reports."""

    items: list[TollReport]


class ReporterPage(Page):
    """A page of reporters."""

    items: list[ReporterCounted]


class SourcePage(Page):
    """A page of sources."""

    items: list[SourceCounted]


class Regions(Shape):
    """Countries, each followed by its regions."""

    items: list[Region]


class Fault(Shape):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    in_: str = Field(alias="in", examples=["query"])
    name: str = Field(examples=["regoin"])
    message: str = Field(examples=["is not a parameter here; did you mean region?"])
    value: str | None


class Problem(BaseModel):
    """An error (RFC 9457). Kinds of problems add members of their own."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(
        description="Address of the explanation of this error, relative to the service.",
        json_schema_extra={"format": "uri-reference"},
    )
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] | None = Field(None, description="For 422: every fault found.")


class Health(Shape):
    """How the service is."""

    status: Literal["ok", "failing"]
    version: str
    detail: str | None = Field(None, description="What fails, and what to do.")
