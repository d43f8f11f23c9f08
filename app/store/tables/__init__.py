"""The tables. Facts are appended and never changed; derived rows are rebuilt with them.

Instants are microseconds since 1970 (`domain.dates`), days are proleptic ordinals (`date.toordinal`). Texts named
`record`, `toll` and `rest` are JSON objects. `recorded_to` and `known_to` are `FOREVER` while a row holds.
"""

from functools import cache

from sqlalchemy import Table
from sqlmodel import SQLModel

from app.store.tables.derived import LARGE_TOLL, IncidentActor, IncidentBorder, IncidentExternalId, Segment, SetSegment
from app.store.tables.evidence import ApiKey, Change, Feed, KeptAnswer, Listing, LogNode, Recording, ReleaseSpan
from app.store.tables.facts import (
    Incident,
    IncidentSet,
    IncidentSetMember,
    IncidentVersion,
    Reporter,
    Retraction,
    Secret,
    Source,
    TollReport,
    Withdrawal,
)

__all__ = [
    "DERIVED",
    "LARGE_TOLL",
    "TABLES",
    "ApiKey",
    "Change",
    "Feed",
    "Incident",
    "IncidentActor",
    "IncidentBorder",
    "IncidentExternalId",
    "IncidentSet",
    "IncidentSetMember",
    "IncidentVersion",
    "KeptAnswer",
    "Listing",
    "LogNode",
    "Recording",
    "ReleaseSpan",
    "Reporter",
    "Retraction",
    "Secret",
    "Segment",
    "SetSegment",
    "Source",
    "TollReport",
    "Withdrawal",
    "table_of",
]

DERIVED = (IncidentActor, IncidentBorder, IncidentExternalId, Segment, SetSegment)
"""Tables derived from facts."""
TABLES = SQLModel.metadata.tables
"""Every table by its name."""


@cache
def table_of(model: type[SQLModel]) -> Table:
    """The table of a model."""
    return TABLES[str(model.__tablename__)]
