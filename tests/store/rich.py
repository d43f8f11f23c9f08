"""A small database with every kind of record, byte-identical each time it is built.

And a database as an earlier version of the program wrote it, with facts in it.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count, groupby
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from alembic import command

from app.domain.canonical import canonical
from app.domain.incident import IncidentDraft
from app.domain.source import Reference, ReporterDraft, SourceDraft
from app.domain.toll import TollReportDraft
from app.domain.vocabulary import ChangeKind
from app.store.db.database import Database
from app.store.db.sql_text import compiled
from app.store.log import entries as log_entries
from app.store.log import entry_rows
from app.store.maintenance import schema
from app.store.maintenance.schema import scripts_of
from app.store.tables import TABLES
from app.store.tables.search import incident_box, incident_text
from app.store.write import search_rows
from app.store.write.writer import Writer, recording
from tests.builders import incident_draft, report_draft

GOV = {"id": "gov", "name": "A government", "kind": "government"}
ARMY = {"id": "army", "name": "Forces armées", "kind": "military"}
NGO = {"id": "ngo", "name": "An NGO", "kind": "ngo"}
WITNESS = {"id": "witness", "name": "CANARY a witness", "kind": "local", "confidential": True}
PAPER = {"id": "journal", "title": "Un journal", "publisher": "Éditions", "published_on": "2019-11-02", "language": "fr",
         "url": "https://paper.example/1", "licence": "CC-BY-4.0", "attribution": "A journal"}  # fmt: skip
WIRE = {"id": "wire", "title": "A wire"}
LEAK = {"id": "leak", "title": "CANARY a leak", "url": "https://leak.example/CANARY", "confidential": True}


def incident_of(incident_id: str, day: str = "2019-11-01", **members: Any) -> IncidentDraft:
    return incident_draft(incident_id, day, **{"title": f"Attack {incident_id}"} | members)


def report_of(report_id: str, best: int | None, by: dict[str, Any], on: str, **members: Any) -> TollReportDraft:
    return report_draft(best, reported_on=on, **{"id": report_id, "reported_by": by, "source": WIRE} | members)


def _full(writer: Writer) -> None:
    writer.record_incident(
        incident_of(
            "full", title="Attaque à Indelimane", summary="Un poste a été pris.", date_end="2019-11-02",
            date_precision="days", region="Menaka", district="Ménaka", place="Indelimane", latitude=15, longitude=1.625,
            place_precision="exact", near_border=["NE", "BF"], event_type="Battles", sub_event_type="Armed clash",
            type_of_violence=1, claimed_by="An armed group", external_ids={"ucdp": "312676", "acled": "MLI1"},
            actors=[{"name": "Groupe armé", "role": "attacker", "kind": "rebel_group"},
                    {"name": "Forces armées", "role": "target", "kind": "state_forces"}],
            attributes={"one": 1.0, "z": 3, "a": [0, -1, 2.5, {"q": None, "b": True}], "é": "ü 😀"}, sources=[PAPER],
        )
    )  # fmt: skip
    writer.record_report(report_of("full-1", 53, GOV, "2019-11-01", victims="military", source=PAPER), ["full"])
    writer.record_report(report_of("full-2", 20, ARMY, "2019-11-02", measure="survived", bound="about"), ["full"])


def _neighbours(writer: Writer) -> None:
    zero = {"latitude": 0.0, "longitude": 0.0, "place": "Null", "near_border": ["NE"]}
    writer.record_incident(
        incident_of("zero", title="At zero", actors=[{"name": "Civils", "role": "side_a", "kind": "civilians"}], **zero)
    )
    writer.record_incident(incident_of("bare", "2019-10-01", country="BF"))
    writer.record_report(report_of("zero-1", 0, ARMY, "2019-11-03", measure="missing"), ["zero"])
    writer.record_report(
        report_of("zero-2", 7, NGO, "2019-11-03T10:30:00Z", bound="at_most", measure="captured"), ["zero"]
    )
    writer.record_report(report_of("bare-1", 30, GOV, "2019-10-02", bound="more_than"), ["bare"])


def _shared(writer: Writer) -> None:
    parts = {"side_a": 1, "side_b": None, "civilian": 40, "unknown": 0}
    figures = {"bound": "range", "low": 40, "high": 45, "breakdown": parts, "locator": "p. 4", "note": "Les deux"}
    writer.record_report(report_of("both-1", 41, GOV, "2019-11-04", **figures), ["full", "zero"])
    writer.record_report(report_of("both-2", 38, NGO, "2019-11-05"), ["full", "zero"])
    writer.record_report(report_of("far-1", 60, NGO, "2019-11-05", bound="at_least"), ["bare", "zero"])


def _split(writer: Writer) -> None:
    """A figure of one incident replaces one that it shared, and a sum replaces single ones."""
    writer.record_report(report_of("full-3", 25, GOV, "2019-11-06", supersedes="both-1"), ["full"])
    writer.record_report(report_of("full-4", 49, ARMY, "2019-11-07", supersedes="full-1", victims="military"), ["full"])
    writer.record_report(report_of("sum-1", 33, GOV, "2019-11-08", supersedes="bare-1"), ["bare", "full"])


def _confided(writer: Writer) -> None:
    members = {"locator": "CANARY p. 1", "note": "CANARY who told it", "victims": "civilian"}
    writer.record_report(report_of("told-1", 3, WITNESS, "2019-11-09", **members), ["zero"])


def _leaked(writer: Writer) -> None:
    members = {"measure": "wounded", "source": LEAK, "note": "CANARY"}
    writer.record_report(report_of("told-2", 4, NGO, "2019-11-09", **members), ["zero"])


def _given_up(writer: Writer) -> None:
    writer.record_incident(incident_of("twin", title="The same as full", latitude=-12.25, longitude=-179.5))
    writer.record_incident(
        incident_of("hoax", title="A hoax", actors=[{"name": "Nobody", "role": "target", "kind": "unknown"}])
    )
    writer.record_report(report_of("twin-1", 5, GOV, "2019-11-10"), ["twin"])
    writer.record_report(report_of("hoax-1", 500, NGO, "2019-11-10"), ["hoax"])


STEPS: dict[str, Callable[[Writer], object]] = {
    "parties": lambda w: (
        w.record_reporter_or_source(ReporterDraft.model_validate(GOV)),
        w.record_reporter_or_source(SourceDraft.model_validate(PAPER)),
    ),
    "full": _full,
    "neighbours": _neighbours,
    "shared": _shared,
    "split": _split,
    "revised": lambda w: w.revise_incident(
        "full", {"title": "Attaque du poste", "near_border": ["NE"], "latitude": 15.5}
    ),
    "revised again": lambda w: w.revise_incident("full", {"sources": [PAPER, WIRE], "attributes": {"z": 2.0}}),
    "retracted": lambda w: w.retract_report("full-2", "counted twice", "2019-11-12", Reference(id="journal")),
    "never held": lambda w: w.retract_report("both-2", "a hoax"),
    "confided": _confided,
    "leaked": _leaked,
    "secret party": lambda w: w.record_reporter_or_source(
        ReporterDraft.model_validate(WITNESS | {"id": "witness-2", "name": "CANARY other"})
    ),
    "given up": _given_up,
    "merged": lambda w: w.withdraw_incident("twin", "told twice", merged_into="full"),
    "withdrawn": lambda w: w.withdraw_incident("hoax", "never happened"),
    "retracted in": lambda w: w.retract_report("sum-1", "wrong sum", "2019-11-13T08:00:00Z", Reference(id="leak")),
    "last": lambda w: w.record_report(report_of("bare-2", 31, ARMY, "2019-11-14"), ["bare"]),
}
"""Each is one recording."""


@contextmanager
def _reproducible() -> Iterator[None]:
    """Instants and salts that are the same each time."""
    instants, salts = count(1_704_067_200_000_000, 61_000_001), count()

    def salt(length: int) -> bytes:
        return hashlib.sha256(b"salt %d" % next(salts)).digest()[:length]

    with (
        patch("app.store.db.transaction.now", lambda: next(instants)),
        patch("app.store.log.redaction.secrets.token_bytes", salt),
    ):
        yield


def make_rich(path: Path, migrated: Path, **changed: Callable[[Writer], object]) -> None:
    """Makes a database of `STEPS`, some of them changed. `migrated` is a file with the schema."""
    path.write_bytes(migrated.read_bytes())
    database = Database(f"sqlite:///{path}")
    with _reproducible():
        for name, step in (STEPS | changed).items():
            with recording(database, f"by {name}") as writer:
                step(writer)
    database.close()


def make_older(path: Path, of: Path, revision: str = "0001") -> None:
    """A database as the program wrote it when this was the newest revision, with the facts of another database."""
    database = Database(f"sqlite:///{path}")
    schema.make_schema(database, revision)
    database.close()
    with _as_it_was(of, path, revision) as source, closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("ATTACH ? AS newer", (str(source),))
        for table in TABLES:
            columns = [row[1] for row in older.execute(f"SELECT * FROM pragma_table_info('{table}', 'main')")]
            if columns:
                names = ", ".join(f'"{name}"' for name in columns)
                older.execute(f"DELETE FROM main.{table}")
                older.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM newer.{table}")
        if revision < "0005":  # sums went by `date_start`
            older.execute(
                "UPDATE main.segment SET month = (SELECT CAST(replace(substr(json_extract(record, '$.date_start'), 1, 7)"
                ", '-', '') AS INTEGER) FROM main.incident_version WHERE key = segment.version)"
            )
        _search_as_it_was(older)


@contextmanager
def _as_it_was(of: Path, beside: Path, revision: str) -> Iterator[Path]:
    """The same database with the kinds of entries from before 0007, and segments from before 0006, which had all texts."""
    if revision >= "0007":
        yield of
        return
    copied = beside.with_suffix(".before")
    shutil.copy(of, copied)
    write_legacy_kinds(copied)
    if revision < "0006":
        database = Database(f"sqlite:///{copied}")
        with database.engine.begin() as connection:
            config = scripts_of(database.url)
            config.attributes["connection"] = connection
            command.downgrade(config, "0005")
        database.close()
    yield copied
    copied.unlink()


def write_legacy_kinds(path: Path) -> None:
    """Makes the entries about reporters those of earlier versions."""
    with closing(sqlite3.connect(path)) as connection:
        legacy, current = ChangeKind.LEGACY_REPORTER_CREATED.value, ChangeKind.REPORTER_CREATED.value
        connection.execute("UPDATE change SET kind = ? WHERE kind = ?", (legacy, current))
        connection.commit()
    rehash(path)


def rehash(path: Path) -> None:
    """Gives every entry of the log the hash of its fact, and the tree and the recordings what follows."""
    with closing(sqlite3.connect(path)) as connection:
        tree, states = log_entries.Tree(), {}
        for row in connection.execute(compiled(entry_rows.select_entries())).fetchall():
            item, _ = entry_rows.item_of(row)
            connection.execute("UPDATE change SET hash = ? WHERE seq = ?", (tree.append(canonical(item)), row[0]))
            states[row[1]] = tree.state
        connection.execute("DELETE FROM log_node")
        connection.executemany("INSERT INTO log_node VALUES (:level, :number, :hash)", tree.completed)
        for at, state in states.items():
            connection.execute(
                "UPDATE recording SET log_size = :log_size, log_root = :log_root, log_peaks = :log_peaks WHERE recorded_at = :at",
                state | {"at": at},
            )
        connection.commit()


def _search_as_it_was(older: sqlite3.Connection) -> None:
    """Fills the search tables in the portions in which versions were recorded: a transaction each."""
    names = [row[1] for row in older.execute("SELECT * FROM pragma_table_info('incident_text', 'main')")]
    versions = older.execute("SELECT key, record, recorded_at FROM main.incident_version ORDER BY key").fetchall()
    for _, recorded_together in groupby(versions, key=lambda row: row[2]):
        older.execute("BEGIN")
        for key, record, _ in recorded_together:
            rows = search_rows.rows_of_version(key, orjson.loads(record))
            for row in rows[incident_text]:
                values = [row["rowid"], *(row[name] for name in names)]
                places = ", ".join("?" * len(values))
                older.execute(f"INSERT INTO main.incident_text (rowid, {', '.join(names)}) VALUES ({places})", values)
            for row in rows.get(incident_box, ()):
                older.execute("INSERT INTO main.incident_box VALUES (?, ?, ?, ?, ?)", tuple(row.values()))
        older.execute("COMMIT")
