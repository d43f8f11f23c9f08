"""Verification: the log is recomputed from the facts, and everything else from the log, and compared byte by byte.

The entries of the log are recorded again into an empty database, one recording at a time. Every row that differs
afterwards was changed. Verification works on a copy, so that others can go on writing, and in constant memory.
"""

import hmac
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Table, exists, select

from app.domain.canonical import canonical
from app.domain.dates import instant_text
from app.domain.source import ReporterDraft, SourceDraft
from app.domain.toll import REDACTED_IN_REPORTS
from app.domain.vocabulary import ChangeKind
from app.errors import Broken
from app.store.db.connections import BEGIN
from app.store.db.database import Database
from app.store.db.history_ends import Endings
from app.store.db.sql_text import compiled
from app.store.db.statements import Row
from app.store.db.transaction import Transaction
from app.store.log import entries as log_entries
from app.store.log import entry_rows, redaction
from app.store.maintenance import import_notes, member_order, schema, search_tables, sqlite_files
from app.store.maintenance.temporary import temporary_folder
from app.store.tables import DERIVED, TABLES, Change, IncidentVersion, Recording, Source, TollReport, table_of
from app.store.write.appender import Appender

NOT_OF_THE_RECORD = ("api_key", "feed", "kept_answer", "listing", "release_span")
"""Tables without entries in the log. `import_notes` checks `listing` and `release_span` as far as possible. `feed` must
have one row, of any epoch, since each restore begins another one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size of the log at some time, and its root in hexadecimal."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a verification: entries, the root of the log in hexadecimal, and rows compared."""

    entries: int
    root: str
    rows: int


def verify(
    database: Database, against: Checkpoint | None = None, on_progress: Callable[[int], None] = lambda entries: None
) -> Verified:
    """Raises `Broken` with the first place that is not as it was recorded.

    `on_progress` is called with the number of entries that are verified.
    """
    with temporary_folder() as folder:
        copied, again = folder / "copy.db", folder / "again.db"
        sqlite_files.copy(database.url, copied)
        empty = Database(f"sqlite:///{again}")
        schema.migrate(empty)
        empty.close()
        with closing(_scratch(copied)) as stored, closing(_scratch(again)) as replayed:
            try:
                return _verify(stored, replayed, against, on_progress)
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise Broken("file", f"cannot be read ({error})") from error


def _scratch(path: Path) -> sqlite3.Connection:
    """A connection to a scratch file, without syncs to disk."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA journal_mode=MEMORY")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # keeps wrong bytes, to find them
    return connection


def _verify(
    stored: sqlite3.Connection,
    replayed: sqlite3.Connection,
    against: Checkpoint | None,
    on_progress: Callable[[int], None],
) -> Verified:
    sqlite_files.check_structure(stored, replayed)
    search_tables.check(stored)
    if stored.execute("SELECT count(*) FROM feed").fetchone()[0] != 1:
        raise Broken("feed", "has not exactly one row")
    import_notes.check(stored)
    tree, endings = log_entries.Tree(), Endings()
    _check_against(tree, against, "the log before its first entry")
    entries = groupby(stored.execute(compiled(entry_rows.select_entries())), key=lambda row: row[1])
    for at, rows in merge(entries, _without_entries(stored), key=lambda recording: recording[0]):
        if isinstance(rows, str):
            by, items = rows, []
        else:
            items = [_checked(row, tree, against) for row in rows]
            by = items[0]["by"]
        on_progress(tree.size)
        _check_recording(stored, at, by, tree)
        _replay(stored, replayed, at, by, items, endings)
    if against and against.size > tree.size:
        raise Broken("log", f"has {tree.size} entries, and had {against.size} when the checkpoint was made")
    rows_compared = sum(_compare_table(stored, replayed, table) for table in _tables())
    for name, select_rows in search_tables.CONTENTS.items():
        rows_compared += _compare(name, select_rows(replayed), select_rows(stored), ())
    words = search_tables.words(replayed)
    found, kept = (search_tables.found_by_words(connection, words) for connection in (replayed, stored))
    rows_compared += _compare("results of the text search", found, kept, ())
    merged, kept = (search_tables.merged_index(connection) for connection in (replayed, stored))
    _compare("index of the text search", merged, kept, ())
    return Verified(tree.size, tree.state["log_root"].hex(), rows_compared)


def _without_entries(stored: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """(recorded at, by) of recordings with notes of a release and no entries in the log."""
    change, recording = table_of(Change).c, table_of(Recording).c
    found = stored.execute(
        compiled(
            select(recording.recorded_at, recording.recorded_by)
            .where(~exists().where(change.recorded_at == recording.recorded_at))
            .order_by(recording.recorded_at)
        )
    )
    notes = "SELECT recorded_at FROM listing UNION SELECT recorded_at FROM release_span"
    noted = {at for (at,) in stored.execute(notes)}
    for at, by in found:
        if at not in noted:
            raise Broken(f"recording of {instant_text(at)} by {by}", "was never recorded: it has no entry in the log")
        yield at, by


def _checked(row: Row, tree: log_entries.Tree, against: Checkpoint | None) -> dict[str, Any]:
    """The item of a row, which must be the next entry and have the hash of its fact."""
    where = f"entry {tree.size + 1} of the log"
    if row[0] != tree.size + 1:
        raise Broken(where, f"is missing; the next one has the number {row[0]}")
    try:
        item, kept = entry_rows.item_of(row)
        leaf = tree.append(canonical(item))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise Broken(where, f"refers to a record that cannot be read ({error})") from None
    where = f"{where} ({item['kind']}{' of ' + item['incident'] if item['incident'] else ''})"
    if not item["data"]:
        raise Broken(where, "refers to a record that is missing")
    if not (isinstance(kept, bytes) and hmac.compare_digest(leaf, kept)):
        raise Broken(where, "does not have the hash of its record; the record or the entry was changed")
    _check_against(tree, against, where)
    return item


def _check_against(tree: log_entries.Tree, against: Checkpoint | None, where: str) -> None:
    if against and tree.size == against.size and tree.state["log_root"].hex() != against.root:
        raise Broken(where, "has another root than the checkpoint; an entry up to here was changed")


def _check_recording(stored: sqlite3.Connection, at: int, by: str, tree: log_entries.Tree) -> None:
    kept = stored.execute("SELECT log_size, log_root, log_peaks FROM recording WHERE recorded_at = ?", (at,)).fetchone()
    if kept != tuple(tree.state.values()):
        raise Broken(f"recording of {instant_text(at)} by {by}", "has another size, root or peaks of the log")


def _replay(
    stored: sqlite3.Connection,
    replayed: sqlite3.Connection,
    at: int,
    by: str,
    items: list[dict[str, Any]],
    endings: Endings,
) -> None:
    """Records the entries of one recording again."""
    replayed.execute(BEGIN)
    transaction = Transaction(replayed, at, endings=endings)
    if transaction.now != at:
        raise Broken(f"recording of {instant_text(at)} by {by}", "is not later than the one before it")
    appender = Appender(transaction, by)
    where = ""
    try:
        for item in items:
            where = f"entry {item['seq']} of the log"
            _record(appender, item, stored)
        appender.finish()
    except Broken:
        raise
    except Exception as error:
        raise Broken(where, f"cannot follow the entries before it ({type(error).__name__}: {error})") from error
    replayed.execute("COMMIT")


def _record(appender: Appender, item: Mapping[str, Any], stored: sqlite3.Connection) -> None:
    data, kind = dict(item["data"]), ChangeKind(item["kind"])
    redacted = "commitment" in data
    if kind in (*entry_rows.REPORTERS, ChangeKind.SOURCE_CREATED):
        table, names, in_order = _REPORTER if kind in entry_rows.REPORTERS else _SOURCE
        secret = _secret(stored, table, data, names) if redacted else None
        appender.add_reporter_or_source(kind, in_order(data), secret)
    elif kind in (ChangeKind.INCIDENT_CREATED, ChangeKind.INCIDENT_UPDATED):
        number, sources = int(data.pop("version")), [member_order.source(source) for source in data.pop("sources")]
        _check_number(appender, kind, data["id"], number)
        if kind is ChangeKind.INCIDENT_CREATED:
            appender.add_incident(member_order.incident(data), sources)
        else:
            appender.add_version(appender.live_incident(data["id"]), number, member_order.incident(data), sources)
    elif kind is ChangeKind.TOLL_REPORTED:
        appender.add_report(member_order.report(data))
        if redacted:
            secret = _secret(stored, "toll_report", data, REDACTED_IN_REPORTS)
            appender.add_secret("toll_report", data["id"], secret)
    elif kind is ChangeKind.TOLL_RETRACTED:
        source = appender.find(Source, data["source"]["id"]) if data["source"] else None
        report = appender.get(TollReport, data["toll_report"])
        appender.add_retraction(report, data["reason"], data["reported_on"], source)
    else:
        appender.add_withdrawal(data["incident"], data["reason"], data["merged_into"])


_REPORTER = ("reporter", ReporterDraft.REDACTED, member_order.reporter)
_SOURCE = ("source", SourceDraft.REDACTED, member_order.source)


def _check_number(appender: Appender, kind: ChangeKind, incident_id: str, number: int) -> None:
    before = 0
    if kind is ChangeKind.INCIDENT_UPDATED:
        before = appender.get(IncidentVersion, appender.live_incident(incident_id))["number"]
    if number != before + 1:
        raise ValueError(f"version {number} comes after version {before}")


def _secret(stored: sqlite3.Connection, kind: str, record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The secret of a record, which must match its commitment and be written in the one way."""
    subject = redaction.subject(kind, record["id"])
    row = stored.execute("SELECT salt, record FROM secret WHERE subject = ?", (subject,)).fetchone()
    if row is None:
        raise Broken(f"secret {subject}", "is missing")
    salt, text = row
    try:
        members = orjson.loads(text)
        fits = redaction.commitment(salt, members) == record["commitment"]
        fits = fits and orjson.dumps(member_order.secret(members, names)).decode() == text
    except (ValueError, TypeError, AttributeError):
        fits = False
    if not fits:
        raise Broken(f"secret {subject}", "does not match the commitment of its record")
    return {"salt": salt, "record": text}


def _tables() -> Iterator[Table]:
    """The tables of the log, then of facts, then derived ones."""
    derived = {table_of(model) for model in DERIVED}
    first = ("recording", "change", "log_node")
    others = [table for name, table in TABLES.items() if name not in (*first, *NOT_OF_THE_RECORD)]
    return iter([*(TABLES[name] for name in first), *sorted(others, key=lambda table: table in derived)])


def _compare_table(stored: sqlite3.Connection, replayed: sqlite3.Connection, table: Table) -> int:
    keys = list(table.primary_key.columns)
    columns = [*keys, *(c for c in table.c if c not in set(keys))]
    statement, names = compiled(select(*columns).order_by(*keys)), tuple(c.name for c in columns)
    return _compare(table.name, iter(replayed.execute(statement)), iter(stored.execute(statement)), names)


def _compare(name: str, expected: Iterator[Row], kept: Iterator[Row], columns: tuple[str, ...]) -> int:
    """Compares rows, types included. Returns how many there are."""
    count = 0
    for should, there in zip_longest(expected, kept):
        if should != there or list(map(type, should or ())) != list(map(type, there or ())):
            raise Broken(*_difference(name, should, there, columns))
        count += 1
    return count


def _difference(name: str, should: Row | None, there: Row | None, columns: tuple[str, ...]) -> tuple[str, str]:
    if there is None or (should is not None and should[0] < there[0]):
        return f"{name}, row {should[0] if should else '?'}", "is missing"
    if should is None or should[0] != there[0]:
        return f"{name}, row {there[0]}", "was never recorded"
    places = [n for n, (a, b) in enumerate(zip(should, there, strict=True)) if a != b or type(a) is not type(b)]
    where = ", ".join(columns[n] for n in places) if columns else "it"
    return f"{name}, row {there[0]}", f"{where} is not what follows from the log"
