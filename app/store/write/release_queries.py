"""SELECTs about earlier releases of a data set, and about the incidents that a release no longer lists."""

from contextlib import closing

from sqlalchemy import bindparam, exists, literal_column, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.domain.dates import LAST_INSTANT
from app.domain.vocabulary import Measure
from app.store.db.connections import EXPORT_CACHE_KIB, read_connection
from app.store.db.database import Database
from app.store.db.sql_text import AnySelect, among, limited
from app.store.db.statements import Statement
from app.store.read.filters import at_clocks, dropped_by_a_release
from app.store.tables import (
    Incident,
    IncidentExternalId,
    IncidentSet,
    IncidentVersion,
    Listing,
    ReleaseSpan,
    Retraction,
    Segment,
    Source,
    TollReport,
    Withdrawal,
    table_of,
)

_listing, _version, _report = table_of(Listing).c, table_of(IncidentVersion).c, table_of(TollReport).c
_span = table_of(ReleaseSpan).c
_OF_INCIDENT = (_listing.incident == bindparam("incident"), _listing.reporter == bindparam("reporter"))
LISTINGS = (
    select(_listing.listed_at, col(Source.id))
    .join(Source, col(Source.key) == _listing.source)
    .where(*_OF_INCIDENT)
    .order_by(_listing.listed_at)
)
"""(listed at, id of the source) of every release that lists an incident, oldest first."""
BASE = limited(
    select(_version.record)
    .where(
        _version.incident == bindparam("incident"),
        exists().where(*_OF_INCIDENT, _listing.recorded_at == _version.recorded_at),
    )
    .order_by(_version.number.desc()),
    1,
)
"""The record after the previous release: the newest version that was recorded together with a listing."""
FIGURES = (
    select(_report.id, _report.reported_at, _report.record, _report.low, _report.best, _report.high)
    .join(IncidentSet, col(IncidentSet.key) == _report.incident_set)
    .outerjoin(Retraction, col(Retraction.toll_report) == _report.key)
    .where(
        col(IncidentSet.members) == bindparam("members"),
        _report.reporter == bindparam("reporter"),
        _report.measure == literal_column(f"'{Measure.KILLED}'"),
        col(Retraction.key).is_(None),
    )
    .order_by(_report.reported_at, _report.key)
)
"""(id, reported at, record, low, best, high) of the death tolls of a reporter that are not retracted."""


_external, _newer = table_of(IncidentExternalId).c, aliased(IncidentVersion)
INCIDENTS_OF_EVENTS = (
    select(_external.id, col(Incident.id))
    .join(IncidentVersion, _version.key == _external.version)
    .join(Incident, col(Incident.key) == _version.incident)
    .outerjoin(Withdrawal, col(Withdrawal.incident) == Incident.key)
    .where(
        _external.scheme == bindparam("scheme"),
        among(_external.id, "ids"),
        col(Withdrawal.key).is_(None),
        ~exists().where(col(_newer.incident) == _version.incident, col(_newer.number) > _version.number),
    )
    .order_by(col(Incident.key).desc())
)
"""(external id, incident) of the incidents whose newest version has one of the external ids `:ids`."""


def absent(database: Database, source: str) -> list[str]:
    """The sorted ids of incidents that an earlier release listed and this one drops, though it covers their country and
    time."""
    statement = Statement.of(_build_absent, release=source, recorded=LAST_INSTANT, known=LAST_INSTANT)
    connection, _ = read_connection(database.url, EXPORT_CACHE_KIB)
    with closing(connection):
        return [row[0] for row in connection.execute(statement.sql, statement.values)]


def _build_absent() -> AnySelect:
    release = select(col(Source.key)).where(col(Source.id) == bindparam("release")).scalar_subquery()
    dropped = dropped_by_a_release(_span.source == release)
    ids = select(col(Segment.incident_id)).where(*at_clocks(Segment), dropped)
    return ids.distinct().order_by(col(Segment.incident_id))
