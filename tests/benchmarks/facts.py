"""What the requests need to know about a database file."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from app.domain.dates import FOREVER

DEEP_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Facts:
    """Ids and region codes to request, and where the deep page begins."""

    ids: list[str]
    regions: list[str]
    recorded: int
    deep_page: int
    deep_keys: tuple[int, str]


def facts_of(path: Path) -> Facts:
    """Reads the facts of a database file."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        ids = [row[0] for row in connection.execute("SELECT id FROM incident ORDER BY key")]
        regions = connection.execute("SELECT DISTINCT region_key FROM segment WHERE region_key IS NOT NULL ORDER BY 1")
        (recorded,) = connection.execute("SELECT max(recorded_at) FROM recording").fetchone()
        deep = min(DEEP_PAGE, len(ids) // 100)
        before = connection.execute(
            "SELECT date_start, incident_id FROM segment INDEXED BY ix_segment_date WHERE recorded_to = ?"
            " AND known_to = ? ORDER BY date_start DESC, incident_id DESC LIMIT 1 OFFSET ?",
            (FOREVER, FOREVER, 100 * (deep - 1) - 1),
        ).fetchone()
        return Facts(ids, [row[0] for row in regions], recorded, deep, tuple(before))
    finally:
        connection.close()
