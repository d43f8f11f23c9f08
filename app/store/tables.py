"""The tables. Facts are appended and never changed; `segment` and the tables after it are derived from them.

Instants are microseconds since 1970 (`domain.dates`), days are proleptic ordinals (`date.toordinal`), texts named
`record`, `toll` and `rest` are JSON objects. `recorded_to` and `known_to` are `FOREVER` while a row still holds.
"""

from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Enum,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import (
    ActorKind,
    ActorRole,
    Bound,
    ChangeKind,
    Measure,
    ReporterKind,
    Victims,
)

LARGE_TOLL = 25
"""Headlines of this many killed or more have indexes of their own."""

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _code(values: type[StrEnum], name: str, nullable: bool = False) -> Any:
    """A code list as text with a named constraint, in both databases; never a native type of PostgreSQL."""
    kind = Enum(values, native_enum=False, create_constraint=True, name=name, length=40, values_callable=lambda v: [*v])
    return Field(sa_column=Column(kind, nullable=nullable))


def _instant(**options: Any) -> Any:
    return Field(sa_type=BigInteger, **options)


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def _bytes() -> Any:
    return Field(sa_type=LargeBinary)


def _key() -> Any:
    return Field(default=None, sa_column=Column("key", Integer, primary_key=True, autoincrement=False))


class Recording(SQLModel, table=True):
    """One write transaction: when this service learned something, and from whom. Instants only grow.

    With the log as it stood afterwards: its size, the root of its tree, and the tree's peaks one after the other.
    """

    key: int = _key()
    recorded_at: int = _instant(unique=True)
    recorded_by: str = _text()
    log_size: int
    log_root: bytes = _bytes()
    log_peaks: bytes = _bytes()


class Change(SQLModel, table=True):
    """An entry of the log. `fact` is the key of the row it tells of, in the table that `kind` says."""

    seq: int = Field(default=None, sa_column=Column("seq", Integer, primary_key=True, autoincrement=False))
    recorded_at: int = _instant()
    kind: ChangeKind = _code(ChangeKind, "kind")
    incident: str | None = _text(default=None)
    fact: int
    hash: bytes = _bytes()


class LogNode(SQLModel, table=True):
    """A perfect subtree of the log's tree, above the leaves."""

    __tablename__ = "log_node"
    level: int = Field(sa_column=Column("level", Integer, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=Column("number", Integer, primary_key=True, autoincrement=False))
    hash: bytes = _bytes()


class Feed(SQLModel, table=True):
    """One row: the life of the log that is served. A restored copy begins another."""

    key: int = _key()
    epoch: str = _text()
    since: int = _instant()


class Secret(SQLModel, table=True):
    """What a confidential reporter, source or report keeps to itself; its public record has a commitment to it."""

    key: int = _key()
    subject: str = _text(unique=True)
    salt: bytes = _bytes()
    record: str = _text()
    recorded_at: int = _instant()


class ApiKey(SQLModel, table=True):
    """Who may write, or read what is confidential. Only the hash of the key is kept."""

    __tablename__ = "api_key"
    key: int = _key()
    id: str = _text(unique=True)
    name: str = _text(unique=True)
    scopes: str = _text()
    hash: bytes = _bytes()
    created_at: int = _instant()
    expires_at: int | None = _instant(default=None)
    revoked_at: int | None = _instant(default=None)


class KeptAnswer(SQLModel, table=True):
    """The answer to a POST with an `Idempotency-Key`, so that the same POST gets it again."""

    __tablename__ = "kept_answer"
    __table_args__ = (Index(None, "recorded_at"),)
    api_key: str = Field(sa_column=Column("api_key", Text, primary_key=True))
    idempotency_key: str = Field(sa_column=Column("idempotency_key", Text, primary_key=True))
    request: bytes = _bytes()
    status: int
    headers: str = _text()
    body: bytes = _bytes()
    recorded_at: int = _instant()


class Incident(SQLModel, table=True):
    """An id that was given, for ever."""

    key: int = _key()
    id: str = _text(unique=True)


class IncidentVersion(SQLModel, table=True):
    """What the record of an incident said from `recorded_at` on. Version 1 is the first."""

    __tablename__ = "incident_version"
    __table_args__ = (UniqueConstraint("incident", "number"),)
    key: int = _key()
    incident: int = Field(foreign_key="incident.key")
    number: int
    recorded_at: int = _instant()
    recorded_by: str = _text()
    record: str = _text()
    sources: str = _text()


class Withdrawal(SQLModel, table=True):
    """An incident taken back, with its reason."""

    key: int = _key()
    incident: int = Field(foreign_key="incident.key", unique=True)
    reason: str = _text()
    merged_into: str | None = _text(default=None)
    recorded_at: int = _instant()
    recorded_by: str = _text()


class Reporter(SQLModel, table=True):
    """Who gives figures."""

    key: int = _key()
    id: str = _text(unique=True)
    kind: ReporterKind = _code(ReporterKind, "kind")
    recorded_at: int = _instant()
    record: str = _text()


class Source(SQLModel, table=True):
    """A publication."""

    key: int = _key()
    id: str = _text(unique=True)
    recorded_at: int = _instant()
    record: str = _text()


class IncidentSet(SQLModel, table=True):
    """The incidents that a report covers together; `members` is the JSON list of their ids, sorted."""

    __tablename__ = "incident_set"
    key: int = _key()
    members: str = _text(unique=True)
    size: int


class IncidentSetMember(SQLModel, table=True):
    """An incident of a set."""

    __tablename__ = "incident_set_member"
    __table_args__ = (Index(None, "incident", "incident_set"),)
    incident_set: int = Field(foreign_key="incident_set.key", primary_key=True)
    incident: int = Field(foreign_key="incident.key", primary_key=True)


class TollReport(SQLModel, table=True):
    """One figure that somebody gave. `record` is the report as it is answered, less what is derived."""

    __tablename__ = "toll_report"
    __table_args__ = (
        Index(None, "incident_set", "reported_at", "key"),
        Index(None, "reporter", "reported_at"),
        Index(None, "source", "reported_at"),
        Index(None, "reported_at", "key"),
        Index(None, "supersedes"),
        CheckConstraint("low >= 0 AND best >= 0 AND high >= 0", name="not_negative"),
    )
    key: int = _key()
    id: str = _text(unique=True)
    incident_set: int = Field(foreign_key="incident_set.key")
    measure: Measure = _code(Measure, "measure")
    victims: Victims = _code(Victims, "victims")
    bound: Bound = _code(Bound, "bound")
    low: int | None = _instant(default=None)
    best: int | None = _instant(default=None)
    high: int | None = _instant(default=None)
    reporter: int = Field(foreign_key="reporter.key")
    source: int = Field(foreign_key="source.key")
    reported_on: str = _text()
    reported_at: int = _instant()
    supersedes: int | None = Field(default=None, foreign_key="toll_report.key")
    recorded_at: int = _instant()
    record: str = _text()


class Retraction(SQLModel, table=True):
    """A report taken back. Without `reported_on` it was never valid."""

    key: int = _key()
    toll_report: int = Field(foreign_key="toll_report.key", unique=True)
    reason: str = _text()
    reported_on: str | None = _text(default=None)
    reported_at: int | None = _instant(default=None)
    source: int | None = Field(default=None, foreign_key="source.key")
    recorded_at: int = _instant()
    recorded_by: str = _text()


class IncidentActor(SQLModel, table=True):
    """Derived: the actors of a version."""

    __tablename__ = "incident_actor"
    __table_args__ = (Index(None, "role", "kind", "version"),)
    version: int = Field(foreign_key="incident_version.key", primary_key=True)
    number: int = Field(primary_key=True)
    name: str = _text()
    role: ActorRole = _code(ActorRole, "role")
    kind: ActorKind = _code(ActorKind, "kind")


class IncidentBorder(SQLModel, table=True):
    """Derived: the borders that a version is said to be close to."""

    __tablename__ = "incident_border"
    __table_args__ = (Index(None, "country", "version"),)
    version: int = Field(foreign_key="incident_version.key", primary_key=True)
    country: str = Field(sa_type=Text, primary_key=True)


class Span(SQLModel):
    """A half-open span of both clocks, and the headline that holds in it."""

    recorded_from: int = _instant()
    recorded_to: int = _instant()
    known_from: int = _instant()
    known_to: int = _instant()
    killed_low: int | None = _instant(default=None)
    killed_best: int | None = _instant(default=None)
    killed_high: int | None = _instant(default=None)
    wounded_low: int | None = _instant(default=None)
    wounded_best: int | None = _instant(default=None)
    wounded_high: int | None = _instant(default=None)
    missing_low: int | None = _instant(default=None)
    missing_best: int | None = _instant(default=None)
    missing_high: int | None = _instant(default=None)
    captured_low: int | None = _instant(default=None)
    captured_best: int | None = _instant(default=None)
    captured_high: int | None = _instant(default=None)
    survived_low: int | None = _instant(default=None)
    survived_best: int | None = _instant(default=None)
    survived_high: int | None = _instant(default=None)


_SPAN = ("recorded_from", "recorded_to", "known_from", "known_to")


class Segment(Span, table=True):
    """Derived: what is answered about an incident in one span of both clocks. Every read of incidents is one of these.

    Copies what filters and sorts compare, so that each hot question walks one index. `sphere_x`, `_y`, `_z` is the
    place as a point of the unit sphere: the straight line between two such points tells their distance.
    """

    __table_args__ = (
        Index("ix_segment_incident", "incident", "recorded_from", "known_from"),
        Index("ix_segment_version", "version"),
        Index("ix_segment_date", "date_start", "incident_id", *_SPAN, "date_end"),
        Index("ix_segment_country_date", "country", "date_start", "incident_id", *_SPAN, "date_end"),
        Index("ix_segment_region_date", "region_key", "date_start", "incident_id", *_SPAN, "date_end"),
        Index("ix_segment_updated", "recorded_from", "incident_id"),
        Index("ix_segment_days", "days"),
    )
    key: int = _key()
    incident: int = Field(foreign_key="incident.key")
    incident_id: str = _text()
    version: int = Field(foreign_key="incident_version.key")
    country: str = _text()
    region_key: str | None = _text(default=None)
    region_name: str | None = _text(default=None)
    date_start: int
    date_end: int
    days: int
    month: int
    date_precision: str = _text()
    event_type: str | None = _text(default=None)
    sub_event_type: str | None = _text(default=None)
    type_of_violence: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    sphere_x: float | None = None
    sphere_y: float | None = None
    sphere_z: float | None = None
    killed_first: int | None = _instant(default=None)
    killed_change: str | None = _text(default=None)
    killed_revisions: int | None = None
    killed_spread: int | None = _instant(default=None)
    killed_disputed: bool | None = None
    killed_ever: int | None = _instant(default=None)
    reported_at: int | None = _instant(default=None)
    toll: str = _text()
    rest: str = _text()


class SetSegment(Span, table=True):
    """Derived: the headline of reports that cover several incidents together, in one span of both clocks."""

    __tablename__ = "set_segment"
    __table_args__ = (Index(None, "incident_set", "recorded_from", "known_from"),)
    key: int = _key()
    incident_set: int = Field(foreign_key="incident_set.key")


TABLES = SQLModel.metadata.tables
"""Every table by its name."""


@cache
def table_of(model: type[SQLModel]) -> Table:
    """The table of a model."""
    return TABLES[str(model.__tablename__)]


_segment = TABLES["segment"].c
for _name, _columns in (("date", ()), ("country_date", (_segment.country,))):
    _large = _segment.killed_best >= LARGE_TOLL
    Index(
        f"ix_segment_large_{_name}",
        *_columns,
        _segment.date_start,
        _segment.incident_id,
        *(_segment[c] for c in _SPAN),
        sqlite_where=_large,
        postgresql_where=_large,
    )
