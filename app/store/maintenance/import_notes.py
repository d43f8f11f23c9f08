"""Checks of the notes of imports (`listing`, `release_span`) against the record.

The log has no entries for these notes, so they cannot be rebuilt. A note that refers to a missing record or contradicts
another note is detected; a deleted note is not.
"""

import sqlite3

from app.errors import Broken

_FAULTS = {
    "listing: names a recording that does not exist": """
        SELECT incident, source FROM listing WHERE recorded_at NOT IN (SELECT recorded_at FROM recording)""",
    "listing: is older than its incident": """
        SELECT listing.incident, listing.source FROM listing JOIN incident_version AS version
        ON version.incident = listing.incident AND version.number = 1
        WHERE listing.recorded_at < version.recorded_at""",
    "listing: is older than its source": """
        SELECT listing.incident, listing.source FROM listing JOIN source ON source.key = listing.source
        WHERE listing.recorded_at < source.recorded_at""",
    "listing: is older than its reporter": """
        SELECT listing.incident, listing.source FROM listing JOIN reporter ON reporter.key = listing.reporter
        WHERE listing.recorded_at < reporter.recorded_at""",
    "release_span: names a recording that does not exist": """
        SELECT source, country FROM release_span WHERE recorded_at NOT IN (SELECT recorded_at FROM recording)""",
    "release_span: ends before it begins": """
        SELECT source, country FROM release_span WHERE last_day < first_day""",
    "release_span: belongs to no listing": """
        SELECT source, country FROM release_span AS span WHERE NOT EXISTS (SELECT 1 FROM listing
        WHERE listing.source = span.source AND listing.reporter = span.reporter
        AND listing.listed_at = span.listed_at)""",
}
"""Each fault with the query that finds its rows."""


def check(connection: sqlite3.Connection) -> None:
    """Raises `Broken` with the first note that cannot be right. Foreign keys are checked elsewhere."""
    for fault, query in _FAULTS.items():
        if row := connection.execute(query).fetchone():
            table, _, why = fault.partition(": ")
            raise Broken(f"{table}, row {row[0]}/{row[1]}", why)
