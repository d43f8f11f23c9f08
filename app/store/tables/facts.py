"""Tables of facts: rows are appended and never changed."""

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import Bound, Measure, ReporterKind, Victims
from app.store.tables.columns import big_integer, blob, code, instant, row_key, text


class Incident(SQLModel, table=True):
    """The id of an incident, which is never used again."""

    key: int = row_key()
    id: str = text(unique=True)


class IncidentVersion(SQLModel, table=True):
    """A version of an incident's record, which holds from `recorded_at` until the next one. The first is number 1."""

    __tablename__ = "incident_version"
    __table_args__ = (UniqueConstraint("incident", "number"),)
    key: int = row_key()
    incident: int = Field(foreign_key="incident.key")
    number: int
    recorded_at: int = instant()
    recorded_by: str = text()
    record: str = text()
    sources: str = text()


class Withdrawal(SQLModel, table=True):
    """The withdrawal of an incident, with its reason."""

    key: int = row_key()
    incident: int = Field(foreign_key="incident.key", unique=True)
    reason: str = text()
    merged_into: str | None = text(default=None)
    recorded_at: int = instant()
    recorded_by: str = text()


class Reporter(SQLModel, table=True):
    """A reporter: who gives figures."""

    key: int = row_key()
    id: str = text(unique=True)
    kind: ReporterKind = code(ReporterKind, "kind")
    recorded_at: int = instant()
    record: str = text()


class Source(SQLModel, table=True):
    """A source: a publication."""

    key: int = row_key()
    id: str = text(unique=True)
    recorded_at: int = instant()
    record: str = text()


class IncidentSet(SQLModel, table=True):
    """The incidents that a report covers together. `members` is the sorted JSON list of their ids."""

    __tablename__ = "incident_set"
    key: int = row_key()
    members: str = text(unique=True)
    size: int


class IncidentSetMember(SQLModel, table=True):
    """A member of a set of incidents."""

    __tablename__ = "incident_set_member"
    __table_args__ = (Index(None, "incident", "incident_set"),)
    incident_set: int = Field(foreign_key="incident_set.key", primary_key=True)
    incident: int = Field(foreign_key="incident.key", primary_key=True)


class TollReport(SQLModel, table=True):
    """One reported figure. `record` is the report as responses show it, without derived members."""

    __tablename__ = "toll_report"
    __table_args__ = (
        Index(None, "incident_set", "reported_at", "key"),
        Index(None, "reporter", "reported_at"),
        Index(None, "source", "reported_at"),
        Index(None, "reported_at", "key"),
        Index(None, "supersedes"),
        CheckConstraint("low >= 0 AND best >= 0 AND high >= 0", name="not_negative"),
    )
    key: int = row_key()
    id: str = text(unique=True)
    incident_set: int = Field(foreign_key="incident_set.key")
    measure: Measure = code(Measure, "measure")
    victims: Victims = code(Victims, "victims")
    bound: Bound = code(Bound, "bound")
    low: int | None = big_integer(default=None)
    best: int | None = big_integer(default=None)
    high: int | None = big_integer(default=None)
    reporter: int = Field(foreign_key="reporter.key")
    source: int = Field(foreign_key="source.key")
    reported_on: str = text()
    reported_at: int = instant()
    supersedes: int | None = Field(default=None, foreign_key="toll_report.key")
    recorded_at: int = instant()
    record: str = text()


class Retraction(SQLModel, table=True):
    """The retraction of a report. Without `reported_on` the report was never valid."""

    key: int = row_key()
    toll_report: int = Field(foreign_key="toll_report.key", unique=True)
    reason: str = text()
    reported_on: str | None = text(default=None)
    reported_at: int | None = instant(default=None)
    source: int | None = Field(default=None, foreign_key="source.key")
    recorded_at: int = instant()
    recorded_by: str = text()


class Secret(SQLModel, table=True):
    """The confidential members of a reporter, source or report. Its public record has a commitment to them."""

    subject: str = Field(sa_column=Column("subject", Text, primary_key=True))
    salt: bytes = blob()
    record: str = text()
    recorded_at: int = instant()
