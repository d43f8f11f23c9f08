"""The search tables: folded words, and boxes of places. They are virtual tables of SQLite, not SQLModel tables."""

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
)

_search = MetaData()


incident_text = Table(
    "incident_text",
    _search,
    Column("rowid", Integer),
    *(Column(name, Text) for name in ("title", "summary", "place", "actors", "region")),
)
"""Full text of versions (FTS5, contentless). `region` includes the district. Versions are never deleted."""


incident_box = Table(
    "incident_box",
    _search,
    Column("version", Integer),
    *(Column(name, Float) for name in ("min_lon", "max_lon", "min_lat", "max_lat")),
)
"""Places of versions (R*Tree, 32-bit numbers rounded outward; `segment` has the exact numbers)."""


SEARCH_TABLES = (incident_text, incident_box)
