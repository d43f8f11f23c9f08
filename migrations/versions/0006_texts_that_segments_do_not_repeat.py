"""segments no longer repeat the texts of many sources and shared figures"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 1000
MAX_INLINE = 4096
OF_SHARED = 200
INDEXES = (
    ("ix_segment_incident", "segment", "incident"),
    ("ix_set_segment_incident_set_{}_known_from", "set_segment", "incident_set"),
)


def upgrade() -> None:
    """Headlines of sets are taken from the segments of a member, then long texts are taken out of segments."""
    _index("recorded_from", "recorded_to")
    op.add_column("set_segment", sa.Column("toll", sa.Text(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    of_sets = "SELECT set_segment.key, members FROM set_segment JOIN incident_set ON incident_set.key = incident_set"
    fill = sa.text("UPDATE set_segment SET toll = :toll WHERE key = :key")
    for key, members in connection.execute(sa.text(of_sets)).fetchall():
        toll = connection.execute(sa.text(_TOLL_OF_MEMBER), {"key": key}).scalar()
        if toll is not None:  # else all members were withdrawn
            wanted = json.loads(members)
            (found,) = (item for item in json.loads(toll)["shared"] if item.pop("incidents") == wanted)
            connection.execute(fill, {"key": key, "toll": _text(found)})
    change = sa.text("UPDATE segment SET toll = :toll, rest = :rest WHERE key = :key")
    for some in _segments(connection, _LONG, most=MAX_INLINE):
        rows = [{"key": key} | short for key, toll, rest in some if (short := _without_texts(toll, rest))]
        if rows:
            connection.execute(change, rows)


_TOLL_OF_MEMBER = (
    "SELECT segment.toll FROM set_segment AS told JOIN incident_set_member AS member USING (incident_set) "
    "JOIN segment ON segment.incident = member.incident "
    "AND segment.recorded_from <= told.recorded_from AND segment.recorded_to > told.recorded_from "
    "AND segment.known_from <= told.known_from AND segment.known_to > told.known_from "
    "WHERE told.key = :key LIMIT 1"
)


def _without_texts(toll: str, rest: str) -> dict[str, str] | None:
    """The texts of a segment without sources and shared figures; `None` where those are short."""
    told, sources = json.loads(toll), json.loads(rest)["sources"]
    length = sum(len(_text(source)) for source in sources)
    length += sum(len(_text(item["incidents"])) + OF_SHARED for item in told["shared"])
    if length <= MAX_INLINE:
        return None
    return {"toll": _text(told | {"shared": None}), "rest": _text(json.loads(rest) | {"sources": None})}


_LONG = (
    "SELECT key, toll, rest FROM segment "
    "WHERE key > :last AND 2 * (length(toll) + length(rest)) > :most ORDER BY key LIMIT :n"
)
_SHORT = "SELECT key, toll, rest FROM segment WHERE key > :last AND substr(rest, 1, 16) = :begin ORDER BY key LIMIT :n"


def _segments(connection: sa.Connection, statement: str, **values: Any) -> Iterator[list[Any]]:
    """(key, toll, rest) of segments, some at a time."""
    last = 0
    while some := list(connection.execute(sa.text(statement), {"last": last, "n": BATCH} | values)):
        last = some[-1][0]
        yield some


def downgrade() -> None:
    """Every segment has its texts again."""
    connection = op.get_bind()
    change = sa.text("UPDATE segment SET toll = :toll, rest = :rest WHERE key = :key")
    for some in _segments(connection, _SHORT, begin='{"sources":null,'):
        for key, toll, rest in some:
            texts = json.loads(toll) | {"shared": _shared(connection, key)}
            others = json.loads(rest) | {"sources": _sources(connection, key)}
            connection.execute(change, {"key": key, "toll": _text(texts), "rest": _text(others)})
    op.drop_column("set_segment", "toll")
    _index("recorded_to", "recorded_from")


_BY_THEN = (
    "FROM segment JOIN incident_set_member AS member ON member.incident = segment.incident "
    "JOIN toll_report ON toll_report.incident_set = member.incident_set "
    "AND toll_report.recorded_at <= segment.recorded_from AND toll_report.reported_at <= segment.known_from "
    "JOIN source ON source.key = toll_report.source WHERE segment.key = :key "
    "ORDER BY toll_report.reported_at, toll_report.key"
)


def _sources(connection: sa.Connection, key: int) -> list[Any]:
    version = "SELECT sources FROM incident_version WHERE key = (SELECT version FROM segment WHERE key = :key)"
    found = [_text(source) for source in json.loads(connection.execute(sa.text(version), {"key": key}).scalar_one())]
    found += connection.execute(sa.text(f"SELECT source.record {_BY_THEN}"), {"key": key}).scalars()
    return [json.loads(text) for text in dict.fromkeys(found)]


def _shared(connection: sa.Connection, key: int) -> list[dict[str, Any]]:
    found = connection.execute(
        sa.text(
            "SELECT members, told.toll FROM segment JOIN incident_set_member AS member USING (incident) "
            "JOIN incident_set ON incident_set.key = member.incident_set "
            "JOIN set_segment AS told ON told.incident_set = incident_set.key "
            "AND told.recorded_from <= segment.recorded_from AND told.recorded_to > segment.recorded_from "
            "AND told.known_from <= segment.known_from AND told.known_to > segment.known_from "
            "WHERE segment.key = :key ORDER BY size, members"
        ),
        {"key": key},
    )
    return [{"incidents": json.loads(members)} | json.loads(toll) for members, toll in found]


def _index(before: str, after: str) -> None:
    """Rows that still hold are found first: of a long history they are few among many."""
    for name, table, column in INDEXES:
        op.drop_index(name.format(before), table)
        op.create_index(name.format(after), table, [column, after, "known_from"], unique=False)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
