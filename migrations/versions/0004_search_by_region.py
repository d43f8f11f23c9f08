"""the search for words finds regions and districts too"""

import json

import sqlalchemy as sa
from alembic import op

from app.domain.text import fold

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    """The index is made anew: it has no copy of its texts."""
    _remake("title", "summary", "place", "actors", "region")


def downgrade() -> None:
    """As it was."""
    _remake("title", "summary", "place", "actors")


def _remake(*names: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    op.execute("DROP TABLE incident_text")
    op.execute(f"CREATE VIRTUAL TABLE incident_text USING fts5({', '.join(names)}, content='', prefix='2 3')")
    version = sa.table("incident_version", sa.column("key"), sa.column("record"))
    text = sa.table("incident_text", sa.column("rowid"), *(sa.column(name) for name in names))
    found = connection.execute(sa.select(version.c.key, version.c.record).order_by(version.c.key)).yield_per(BATCH)
    for some in found.partitions():
        rows = []
        for key, record in some:
            told = json.loads(record)
            told["actors"] = " ".join(actor["name"] for actor in told["actors"])
            told["region"] = " ".join(filter(None, [(told["region"] or {}).get("name"), told["district"]]))
            rows.append({"rowid": key} | {name: fold(told[name] or "") for name in names})
        connection.execute(sa.insert(text), rows)
