"""The shapes of toll histories and of the versions of a record."""

from typing import Literal

from pydantic import ConfigDict, Field

from app.api.openapi.schemas import Count, Figures, IncidentRecord, Shape, Source, TollReport
from app.domain.source import Id, InstantText, MomentText
from app.domain.vocabulary import Measure, ReportChange


class HistoryReport(TollReport):
    """A report, and its effect on the headline."""

    change: ReportChange
    delta: Count | None = Field(description="The `best` of the headline after the report, minus the one before it.")
    source_changed: bool | None = Field(description="Whether the headline before was from another reporter.")


class TimelineStep(Figures):
    """A headline and the half-open span `[from, to)` of reported time in which it held."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    measure: Measure
    from_: MomentText = Field(alias="from")
    to: MomentText | None


class SharedTimeline(Shape):
    """The timeline of the reports that cover several incidents jointly."""

    incidents: list[Id]
    timeline: list[TimelineStep]


class TollHistory(Shape):
    """Every report, oldest first, and the headline's timeline."""

    incident: Id
    rule: Literal["latest-standing"]
    reports: list[HistoryReport]
    timeline: list[TimelineStep]
    shared: list[SharedTimeline] | None = Field(None, description="Present if reports cover several incidents.")


class VersionRecord(IncidentRecord):
    """A version of an incident's record, with the sources that the record names."""

    sources: list[Source]


class Version(Shape):
    """A version of a record."""

    version: Count
    recorded_at: InstantText
    recorded_by: str
    changed: list[str] = Field(description="Members that differ from the previous version.")
    record: VersionRecord


class Versions(Shape):
    """The versions of an incident's record, oldest first."""

    incident: Id
    items: list[Version]
