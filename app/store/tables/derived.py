"""Derived tables, rebuilt from the facts in the transaction that changes these."""

from sqlalchemy import Column, Index, Integer, Text
from sqlmodel import Field, SQLModel

from app.domain.vocabulary import ActorKind, ActorRole
from app.store.tables.columns import big_integer, code, instant, row_key, text

LARGE_TOLL = 25
"""Headlines with at least this many killed have indexes of their own."""


class IncidentActor(SQLModel, table=True):
    """Derived: the actors of a version."""

    __tablename__ = "incident_actor"
    __table_args__ = (Index(None, "role", "kind", "version"),)
    version: int = Field(foreign_key="incident_version.key", primary_key=True)
    number: int = Field(primary_key=True)
    name: str = text()
    role: ActorRole = code(ActorRole, "role")
    kind: ActorKind = code(ActorKind, "kind")


class IncidentBorder(SQLModel, table=True):
    """Derived: the borders that a version is near."""

    __tablename__ = "incident_border"
    __table_args__ = (Index(None, "country", "version"),)
    version: int = Field(foreign_key="incident_version.key", primary_key=True)
    country: str = Field(sa_type=Text, primary_key=True)


class IncidentExternalId(SQLModel, table=True):
    """Derived: the ids of a version in other data sets, by the name of the data set."""

    __tablename__ = "incident_external_id"
    scheme: str = Field(sa_type=Text, primary_key=True)
    id: str = Field(sa_type=Text, primary_key=True)
    version: int = Field(foreign_key="incident_version.key", primary_key=True)


class Span(SQLModel):
    """A half-open span of both clocks, and the headline that holds in it."""

    recorded_from: int = instant()
    recorded_to: int = instant()
    known_from: int = instant()
    known_to: int = instant()
    killed_low: int | None = big_integer(default=None)
    killed_best: int | None = big_integer(default=None)
    killed_high: int | None = big_integer(default=None)
    wounded_low: int | None = big_integer(default=None)
    wounded_best: int | None = big_integer(default=None)
    wounded_high: int | None = big_integer(default=None)
    missing_low: int | None = big_integer(default=None)
    missing_best: int | None = big_integer(default=None)
    missing_high: int | None = big_integer(default=None)
    captured_low: int | None = big_integer(default=None)
    captured_best: int | None = big_integer(default=None)
    captured_high: int | None = big_integer(default=None)
    survived_low: int | None = big_integer(default=None)
    survived_best: int | None = big_integer(default=None)
    survived_high: int | None = big_integer(default=None)


_SPAN = ("recorded_from", "recorded_to", "known_from", "known_to")


class Segment(Span, table=True):
    """Derived: an incident as responses show it in one span of both clocks. Every read of incidents reads segments.

    `toll` has the headlines, those of shared figures last; `rest` has the sources and `updated_at`. If these texts are
    long, `sources` and `shared` are null, and `store.read.long_rows` adds them on reading. If every segment repeated
    them, the size of a history would grow quadratically.

    Columns for filters and sorts are copied here, so that each frequent query reads one index. Sums by time use `day`
    and `month`: `date_start`, or what the data set states for a longer interval. `sphere_x`, `sphere_y` and `sphere_z`
    are the place on the unit sphere, where the straight line between two points gives their distance.
    """

    __table_args__ = (
        Index("ix_segment_incident", "incident", "recorded_to", "known_from"),
        Index("ix_segment_version", "version"),
        Index("ix_segment_date", "date_start", "incident_id", *_SPAN, "date_end"),
        Index("ix_segment_country_date", "country", "date_start", "incident_id", *_SPAN, "date_end"),
        Index("ix_segment_region_date", "region_key", "date_start", "incident_id", *_SPAN, "date_end"),
        Index("ix_segment_updated", "recorded_from", "incident_id"),
        Index("ix_segment_days", "days"),
    )
    key: int = row_key()
    incident: int = Field(foreign_key="incident.key")
    incident_id: str = text()
    version: int = Field(foreign_key="incident_version.key")
    country: str = text()
    region_key: str | None = text(default=None)
    region_name: str | None = text(default=None)
    date_start: int
    date_end: int
    days: int
    month: int
    day: int = Field(sa_column=Column("day", Integer, nullable=False, server_default="0"))
    date_precision: str = text()
    event_type: str | None = text(default=None)
    sub_event_type: str | None = text(default=None)
    type_of_violence: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    place_precision: str | None = text(default=None)
    sphere_x: float | None = None
    sphere_y: float | None = None
    sphere_z: float | None = None
    killed_first: int | None = big_integer(default=None)
    killed_change: str | None = text(default=None)
    killed_revisions: int | None = None
    killed_spread: int | None = big_integer(default=None)
    killed_disputed: bool | None = None
    killed_ever: int | None = big_integer(default=None)
    reported_at: int | None = instant(default=None)
    toll: str = text()
    rest: str = text()


class SetSegment(Span, table=True):
    """Derived: the headlines of reports that cover several incidents together, in one span of both clocks."""

    __tablename__ = "set_segment"
    __table_args__ = (Index(None, "incident_set", "recorded_to", "known_from"),)
    key: int = row_key()
    incident_set: int = Field(foreign_key="incident_set.key")
    toll: str = Field(sa_column=Column("toll", Text, nullable=False, server_default="{}"))


_segment = SQLModel.metadata.tables["segment"].c
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
