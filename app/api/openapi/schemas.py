"""The shapes of responses, for OpenAPI and its clients. Tests validate every real response against them.

Responses are not made from these models but joined from stored JSON.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.incident import IncidentFields
from app.domain.source import (
    INT64,
    Hex,
    Id,
    InstantText,
    MomentText,
    ReporterRecord,
    SourceRecord,
)
from app.domain.toll import TollReportRecord
from app.domain.vocabulary import Movement, Status

Count = Annotated[int, Field(json_schema_extra=INT64)]
"""A whole number that may exceed 32 bits."""


class Shape(BaseModel):
    """An object without other members."""

    model_config = ConfigDict(extra="forbid")


class Redactable(BaseModel):
    """A record that may be confidential. Without the scope `read:confidential` its redacted members are null."""

    salt: Hex | None = Field(None, description="With the scope `read:confidential`: the salt of the commitment.")


class Reporter(ReporterRecord, Redactable):
    """The person or organization that reported a figure."""


class Source(SourceRecord, Redactable):
    """A publication with figures. Unknown members are null."""


class Figures(Shape):
    """Numbers of people. Null means not reported."""

    low: Count | None = Field(description="At least this many.")
    best: Count | None = Field(description="The best number.")
    high: Count | None = Field(description="At most this many.")


class Headline(Figures):
    """The headline of one measure, by the rule `latest-standing`."""

    open_ended: bool = Field(description="A standing report has no upper bound.")
    first: Count | None = Field(description="The first `best` of the headline that was not null.")
    change: Movement = Field(description="The current `best`, compared with `first`.")
    revisions: Count = Field(description="How often the `best` of the headline changed.")
    spread: Count | None = Field(description="`high` − `low`.")
    disputed: bool = Field(description="Standing reports contradict each other.")
    reports: Count = Field(description="Number of reports, including retracted ones.")
    reported_on: MomentText | None = Field(description="When the report behind `best` was made.")


class SharedToll(Shape):
    """Headlines of the reports that cover exactly these incidents jointly. They belong to no single incident."""

    incidents: list[Id]
    killed: Headline | None = None
    wounded: Headline | None = None
    missing: Headline | None = None
    captured: Headline | None = None
    survived: Headline | None = None


class Toll(Shape):
    """The headline toll. A measure without reports is absent."""

    as_of: MomentText | None = Field(description="The requested `as_of`; null is now.")
    rule: Literal["latest-standing"]
    killed: Headline | None = None
    wounded: Headline | None = None
    missing: Headline | None = None
    captured: Headline | None = None
    survived: Headline | None = None
    shared: list[SharedToll]


class IncidentRecord(IncidentFields):
    """The record of an incident."""

    id: Id = Field(description="Its id, which is part of its address.")
    recorded_at: InstantText = Field(description="When this version of the record was recorded.")


class Incident(IncidentRecord):
    """An incident with its headline toll."""

    toll: Toll
    sources: list[Source] = Field(description="The publications about it that had appeared by `as_of`.")
    updated_at: InstantText = Field(description="When this response last changed.")


class IncidentMembers(Shape):
    """An incident with the members that `fields` names."""

    model_config = ConfigDict(extra="allow")


class Page(Shape):
    """A page of a list."""

    next: str | None = Field(description="Path and query of the next page; null on the last page.")
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last page.")
    total: Count | None = Field(None, description="Number of items on all pages. Present with `total=true`.")


class Retraction(Shape):
    """The retraction of a report."""

    reason: str
    reported_on: MomentText | None = Field(description="From when the report is void; null if from the start.")
    recorded_at: InstantText


class TollReport(TollReportRecord, Redactable):
    """One reported figure, and whether it stands."""

    reported_by: Reporter
    source: Source
    status: Status
    superseded_by: Id | None = Field(description="The report that replaced it.")
    retraction: Retraction | None


class RecordedTollReport(TollReport):
    """A new report."""

    warnings: list[str] | None = Field(None, description="Likely mistakes. Absent if there are none.")


class Withdrawal(Shape):
    """The withdrawal of an incident."""

    incident: Id
    reason: str
    merged_into: Id | None
    withdrawn_at: InstantText
    withdrawn_by: str


class ReporterCounted(Reporter):
    """A reporter, with the number of its reports and of the incidents that they cover."""

    reports: Count
    incidents: Count


class SourceCounted(Source):
    """A source, with the number of its reports and of the incidents that they cover."""

    reports: Count
    incidents: Count


class IncidentPage(Page):
    """A page of incidents. With `fields`, each has only the members that it names."""

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
