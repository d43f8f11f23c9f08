"""sums go by the day that a data set states, and releases keep which countries and days they list"""

import json
import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """Days are taken from the records, spans of releases from what they list."""
    op.add_column("segment", sa.Column("day", sa.Integer(), nullable=False, server_default="0"))
    span = op.create_table(
        "release_span",
        sa.Column("source", sa.Integer(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reporter", sa.Integer(), nullable=False),
        sa.Column("listed_at", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["reporter"], ["reporter.key"], name="fk_release_span_reporter"),
        sa.ForeignKeyConstraint(["source"], ["source.key"], name="fk_release_span_source"),
        sa.PrimaryKeyConstraint("source", "country", "recorded_at", name="pk_release_span"),
    )
    op.create_index("ix_release_span_country_reporter", "release_span", ["country", "reporter"], unique=False)
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE segment SET day = date_start"))
    change = sa.text("UPDATE segment SET day = :day, month = :month WHERE version = :version")
    for some in _stated(connection):
        connection.execute(change, some)
    # Notes of batches that recorded nothing are dated by the recording before them, to which reads are pinned.
    connection.execute(
        sa.text(
            "UPDATE listing SET recorded_at = (SELECT max(recorded_at) FROM recording "
            "WHERE recording.recorded_at <= listing.recorded_at) "
            "WHERE NOT EXISTS (SELECT 1 FROM recording WHERE recording.recorded_at = listing.recorded_at)"
        )
    )
    rows = [_span(*row) for row in connection.execute(sa.text(_SPANS))]
    if rows:
        connection.execute(sa.insert(span), rows)


_SPANS = (
    "SELECT listing.source, source.id, segment.country, max(listing.recorded_at), listing.reporter, listing.listed_at, "
    "min(segment.day), max(segment.day) FROM listing JOIN segment ON segment.incident = listing.incident "
    "JOIN source ON source.key = listing.source "
    "WHERE listing.reporter IN (SELECT key FROM reporter WHERE id = 'ucdp') "
    "GROUP BY listing.source, source.id, segment.country, listing.reporter, listing.listed_at"
)


def _span(
    source: int, release: str, country: str, recorded_at: int, reporter: int, listed_at: int, first: int, last: int
) -> dict[str, Any]:
    """A candidate release (ucdp-ged-26.0.2) speaks of the months of its name, a final one of whole years."""
    found = re.fullmatch(r"ucdp-ged-([0-9]{2})\.0\.([0-9]{1,2})", release)
    quarter = re.fullmatch(r"ucdp-ged-([0-9]{2})\.([0-9]{2})\.([0-9]{2})\.([0-9]{2})", release)
    begin, end = date(date.fromordinal(first).year, 1, 1), date(date.fromordinal(last).year, 12, 1)
    try:
        if found:
            begin = end = date(2000 + int(found[1]), int(found[2]), 1)
        elif quarter:
            begin, end = (date(2000 + int(quarter[n]), int(quarter[n + 1]), 1) for n in (1, 3))
    except ValueError:
        pass
    return {
        "source": source, "country": country, "recorded_at": recorded_at, "reporter": reporter, "listed_at": listed_at,
        "first_day": begin.toordinal(), "last_day": end.replace(day=monthrange(end.year, end.month)[1]).toordinal(),
    }  # fmt: skip


def _stated(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """The day and month of versions whose data set states another day than `date_start` within the interval."""
    version = sa.table("incident_version", sa.column("key"), sa.column("record"))
    long = sa.text("incident_version.key IN (SELECT version FROM segment WHERE days > 0)")
    found = connection.execute(sa.select(version.c.key, version.c.record).where(long)).yield_per(BATCH)
    for some in found.partitions():
        rows = []
        for key, record in some:
            day = _day(json.loads(record))
            if day is not None:
                rows.append({"version": key, "day": day.toordinal(), "month": day.year * 100 + day.month})
        if rows:
            yield rows


def _day(record: dict[str, Any]) -> date | None:
    start, end = date.fromisoformat(record["date_start"]), date.fromisoformat(record["date_end"])
    stated, year = (str(record["attributes"].get(name, "")) for name in ("event_date", "year"))
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", stated) and start <= date.fromisoformat(stated) <= end:
            return date.fromisoformat(stated)
    except ValueError:
        pass
    if year.isascii() and year.isdecimal() and start.year < int(year[:5]) <= end.year:
        return date(int(year[:5]), 1, 1)
    return None


def downgrade() -> None:
    """As it was: sums go by `date_start`."""
    op.drop_table("release_span")
    op.execute(
        "UPDATE segment SET month = (SELECT CAST(replace(substr(json_extract(record, '$.date_start'), 1, 7), '-', '') "
        "AS INTEGER) FROM incident_version WHERE key = segment.version)"
    )
    op.drop_column("segment", "day")
