"""sums go by the day that a data set states, and releases keep which countries and days they list"""

import json
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
    op.create_table(
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
    connection.execute(
        sa.text(
            "INSERT INTO release_span (source, country, recorded_at, reporter, listed_at, first_day, last_day) "
            "SELECT listing.source, segment.country, max(listing.recorded_at), listing.reporter, listing.listed_at, "
            "min(segment.day), max(segment.day) FROM listing JOIN segment ON segment.incident = listing.incident "
            "WHERE listing.reporter IN (SELECT key FROM reporter WHERE id = 'ucdp') "
            "GROUP BY listing.source, segment.country, listing.reporter, listing.listed_at"
        )
    )


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
        if len(stated) == 10 and start <= date.fromisoformat(stated) <= end:
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
